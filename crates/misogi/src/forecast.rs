//! What the record of the last days says of a draft: which parts a changed setting would have withheld, written otherwise or tried again.
//!
//! The record has the kind, place, size and verdict of each part and nothing of what is in it. A setting that goes by those is judged; every
//! other one is named as one that only a conversion shows.

use form::reason::Reason;
use form::report::OutputType;
use store::{PartVerdict, Recorded, RecordedPart};
use web::{Effect, Forecast, Foreseen, SettingSection};

use crate::config::{self, Attached, Config, Fallback, Markup, OfficeOutput};

/// Counts what a draft would have done, message by message.
pub(crate) struct Tally {
    rules: Vec<(Rule, Foreseen)>,
    unknown: Vec<String>,
    messages: u64,
    parts: u64,
}

/// A changed setting that the record can judge.
struct Rule {
    key: &'static str,
    effect: Effect,
    touches: Touches,
}

/// What a rule goes by.
enum Touches {
    /// Each part by itself.
    Part(Box<dyn Fn(&RecordedPart) -> bool + Send>),
    /// All parts of a message together.
    Whole(Box<dyn Fn(&Recorded) -> bool + Send>),
}

impl Tally {
    /// A tally of what changes between two configurations.
    pub(crate) fn new(before: &Config, after: &Config) -> Self {
        let rules = rules(before, after);
        let (old, new) = (config::settings(before, None), config::settings(after, None));
        let changed = old.iter().zip(&new).filter(|(old, new)| old.value != new.value);
        let unknown = changed
            // Words and place of the account decide on no part.
            .filter(|(setting, _)| setting.section != SettingSection::Policy)
            .map(|(setting, _)| format!("{}.{}", setting.section.name(), setting.key))
            .filter(|key| rules.iter().all(|rule| rule.key != key))
            .collect();
        let foreseen = |rule: &Rule| Foreseen { key: rule.key.to_owned(), effect: rule.effect, messages: 0, parts: 0 };
        let rules = rules.into_iter().map(|rule| (foreseen(&rule), rule)).map(|(count, rule)| (rule, count)).collect();
        Self { rules, unknown, messages: 0, parts: 0 }
    }

    /// Messages counted so far.
    pub(crate) fn messages(&self) -> u64 {
        self.messages
    }

    /// Counts a message.
    pub(crate) fn add(&mut self, message: &Recorded) {
        self.messages = self.messages.saturating_add(1);
        self.parts = self.parts.saturating_add(count(message.parts.len()));
        for (rule, foreseen) in &mut self.rules {
            let (touched, parts) = match &rule.touches {
                Touches::Part(is_touched) => {
                    let parts = message.parts.iter().filter(|part| is_touched(part)).count();
                    (parts > 0, count(parts))
                }
                Touches::Whole(is_touched) => (is_touched(message), 0),
            };
            foreseen.messages = foreseen.messages.saturating_add(u64::from(touched));
            foreseen.parts = foreseen.parts.saturating_add(parts);
        }
    }

    /// What was counted over so many days, and whether that is all there was.
    pub(crate) fn forecast(self, days: u32, whole: bool) -> Forecast {
        let Self { rules, unknown, messages, parts } = self;
        let foreseen = rules.into_iter().map(|(_, foreseen)| foreseen).collect();
        Forecast { days, messages, parts, whole, foreseen, unknown }
    }
}

/// Those of the changed settings that the record can judge.
fn rules(before: &Config, after: &Config) -> Vec<Rule> {
    let mut rules = Vec::new();
    let mut part = |key, effect, is_touched: Box<dyn Fn(&RecordedPart) -> bool + Send>| {
        rules.push(Rule { key, effect, touches: Touches::Part(is_touched) });
    };
    let (old, new) = (&before.limits, &after.limits);
    let depth = new.depth;
    if new.depth < old.depth {
        part("limits.depth", Effect::Withheld, Box::new(move |part| passed(part) && levels(part) > depth));
    }
    let raised = [
        ("limits.depth", new.depth > old.depth, Reason::LimitDepth),
        ("limits.parts", new.parts > old.parts, Reason::LimitParts),
        ("limits.total_bytes", new.total_bytes > old.total_bytes, Reason::LimitTotalBytes),
        ("limits.seconds", new.seconds > old.seconds, Reason::LimitTime),
        ("limits.pixels", new.pixels > old.pixels, Reason::LimitPixels),
    ];
    for (key, _, reason) in raised.into_iter().filter(|(_, is_raised, _)| *is_raised) {
        part(key, Effect::Tried, Box::new(move |part| part.reason == Some(reason)));
    }
    if before.mail.markup != after.mail.markup {
        match after.mail.markup {
            Markup::Withhold => part("mail.markup", Effect::Withheld, Box::new(|part| passed(part) && is_markup(part))),
            Markup::Text => part("mail.markup", Effect::Tried, Box::new(|part| !passed(part) && is_markup(part))),
        }
    }
    if before.mail.attached != after.mail.attached {
        let becomes = match before.mail.attached {
            Attached::Eml => OutputType::Mail,
            Attached::Text => OutputType::Text,
        };
        let is_touched = move |part: &RecordedPart| {
            levels(part) > 0 && MAILS.contains(&&*part.detected_type) && is_as(part, becomes)
        };
        part("mail.attached", Effect::Otherwise, Box::new(is_touched));
    }
    if before.pages.max != after.pages.max {
        part("pages.max", Effect::Otherwise, Box::new(|part| is_as(part, OutputType::Pdf)));
    }
    if before.office.output != after.office.output {
        match after.office.output {
            OfficeOutput::Pages => part("office.output", Effect::Otherwise, Box::new(is_office)),
            OfficeOutput::Document => {
                let is_printed = |part: &RecordedPart| is_as(part, OutputType::Pdf) && part.detected_type != "pdf";
                part("office.output", Effect::Otherwise, Box::new(is_printed));
            }
        }
    }
    if (before.office.fallback, after.office.fallback) == (Fallback::Withhold, Fallback::Text) {
        let is_touched = |part: &RecordedPart| !passed(part) && WORDS.contains(&&*part.detected_type);
        part("office.fallback", Effect::Tried, Box::new(is_touched));
    }
    let mut whole = |key, is_touched: Box<dyn Fn(&Recorded) -> bool + Send>| {
        rules.push(Rule { key, effect: Effect::SomeWithheld, touches: Touches::Whole(is_touched) });
    };
    let (parts, bytes) = (new.parts, new.total_bytes);
    if new.parts < old.parts {
        let is_touched =
            move |message: &Recorded| taken_out(message).count() > usize::try_from(parts).unwrap_or(usize::MAX);
        whole("limits.parts", Box::new(is_touched));
    }
    if new.total_bytes < old.total_bytes {
        let sum = |message: &Recorded| taken_out(message).fold(0_u64, |sum, part| sum.saturating_add(part.bytes));
        whole("limits.total_bytes", Box::new(move |message| sum(message) > bytes));
    }
    rules
}

fn passed(part: &RecordedPart) -> bool {
    part.verdict == PartVerdict::Sanitised
}

/// Containers around a part, the mail not counted; 0 for the file that was uploaded.
fn levels(part: &RecordedPart) -> u32 {
    if part.path.is_empty() { 0 } else { u32::try_from(part.path.split('.').count()).unwrap_or(u32::MAX) }
}

/// What came out of a container, which a mail is too.
fn taken_out(message: &Recorded) -> impl Iterator<Item = &RecordedPart> {
    message.parts.iter().filter(|part| !part.path.is_empty())
}

fn is_as(part: &RecordedPart, output: OutputType) -> bool {
    part.media_type.as_deref() == Some(output.media_type())
}

fn is_markup(part: &RecordedPart) -> bool {
    matches!(part.detected_type.as_str(), "html" | "xml")
}

fn is_office(part: &RecordedPart) -> bool {
    part.media_type.as_deref().is_some_and(|kind| kind.starts_with("application/vnd.openxmlformats-officedocument."))
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Kinds of attached mails.
const MAILS: [&str; 3] = ["mail", "msg", "tnef"];

/// Kinds whose words pass where LibreOffice fails.
const WORDS: [&str; 4] = ["doc", "xls", "ppt", "rtf"];

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use store::MessageId;

    use super::*;

    fn part(path: &str, kind: &str, media: Option<&str>, reason: Option<Reason>) -> RecordedPart {
        let verdict = if reason.is_some() { PartVerdict::Withheld } else { PartVerdict::Sanitised };
        RecordedPart {
            path: path.to_owned(),
            detected_type: kind.to_owned(),
            media_type: media.map(str::to_owned),
            verdict,
            reason,
            bytes: 100,
        }
    }

    fn mail() -> Recorded {
        let docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
        let parts = vec![
            part("1", "zip", Some("application/zip"), None),
            part("1.1", "html", Some("text/plain"), None),
            part("1.2", "docx", Some(docx), None),
            part("2", "pdf", Some("application/pdf"), None),
            part("3", "jpeg", None, Some(Reason::LimitPixels)),
            part("4", "mail", Some("message/rfc822"), None),
            part("5", "xml", None, Some(Reason::UnsupportedType)),
        ];
        Recorded { message: MessageId(1), parts }
    }

    fn foretold(draft: &str) -> Forecast {
        let before = Config::default();
        let mut whole = toml::Table::try_from(&before).unwrap();
        for (section, keys) in draft.parse::<toml::Table>().unwrap() {
            let toml::Value::Table(keys) = keys else { continue };
            whole.get_mut(&section).and_then(toml::Value::as_table_mut).unwrap().extend(keys);
        }
        let after = Config::parsed(&toml::to_string(&whole).unwrap()).unwrap();
        let mut tally = Tally::new(&before, &after);
        tally.add(&mail());
        tally.add(&Recorded { message: MessageId(2), parts: Vec::new() });
        tally.forecast(7, true)
    }

    #[test]
    fn what_the_record_knows_is_counted_and_the_rest_is_named() {
        let check = |draft: &str, key: &str, effect, messages, parts| {
            let forecast = foretold(draft);
            assert_eq!((forecast.messages, forecast.parts), (2, 7));
            let expect = Foreseen { key: key.to_owned(), effect, messages, parts };
            assert_eq!((forecast.foreseen, forecast.unknown), (vec![expect], Vec::new()), "{draft}");
        };
        // The archive's members lie on the second level.
        check("[limits]\ndepth = 1", "limits.depth", Effect::Withheld, 1, 2);
        check("[limits]\ndepth = 2", "limits.depth", Effect::Withheld, 0, 0);
        check("[limits]\ndepth = 9", "limits.depth", Effect::Tried, 0, 0);
        check("[limits]\nparts = 7", "limits.parts", Effect::SomeWithheld, 0, 0);
        check("[limits]\nparts = 6", "limits.parts", Effect::SomeWithheld, 1, 0);
        check("[limits]\ntotal_bytes = 700", "limits.total_bytes", Effect::SomeWithheld, 0, 0);
        check("[limits]\ntotal_bytes = 699", "limits.total_bytes", Effect::SomeWithheld, 1, 0);
        check("[limits]\npixels = 200000000", "limits.pixels", Effect::Tried, 1, 1);
        check("[mail]\nmarkup = \"withhold\"", "mail.markup", Effect::Withheld, 1, 1);
        check("[mail]\nattached = \"text\"", "mail.attached", Effect::Otherwise, 1, 1);
        check("[pages]\nmax = \"raster\"", "pages.max", Effect::Otherwise, 1, 1);
        check("[office]\noutput = \"pages\"", "office.output", Effect::Otherwise, 1, 1);
        let forecast = foretold("[mail]\nlinks = \"remove\"\n[limits]\npixels = 5\n[policy]\naccount = \"bottom\"");
        assert_eq!(forecast.foreseen, Vec::new());
        assert_eq!(forecast.unknown, ["limits.pixels", "mail.links"], "the account decides on nothing");
    }
}

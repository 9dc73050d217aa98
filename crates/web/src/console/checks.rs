//! What is in order and what is not: the parts of the gateway, and what around it runs low or ends.

use std::time::Duration;

use engine::catalogue::Language;
use store::{Disk, Figures, Timestamp};

use super::Console;
use crate::{
    Readiness, Seen,
    health::Condition,
    moment,
    page::Mark,
    people::Visitor,
    shown,
    texts::{self, Texts},
};

/// A row of the table of checks.
#[derive(Debug)]
pub(super) struct CheckRow {
    pub(super) name: &'static str,
    pub(super) state: Mark,
    /// The condition in plain words; empty for a part or condition without a sentence.
    pub(super) meaning: &'static str,
    pub(super) detail: String,
    /// Whether the detail is English, as what parts say of themselves is.
    pub(super) english: bool,
    concern: Concern,
}

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Concern {
    None,
    Attention,
    Emergency,
}

/// Why mail is being refused.
#[derive(Debug)]
pub(super) struct Emergency {
    pub(super) part: &'static str,
    pub(super) meaning: &'static str,
    pub(super) lasting: String,
}

/// All checks, those of the parts first.
pub(super) async fn all(console: &Console, figures: &Figures, disk: Option<Disk>, visitor: &Visitor) -> Vec<CheckRow> {
    let (readiness, language, t) = (&console.state.readiness, visitor.language, visitor.texts());
    let parts = readiness.checks_for(visitor.user.role, &console.state.store).await;
    let mut rows: Vec<CheckRow> = parts
        .into_iter()
        .map(|(name, condition)| {
            let troubled = matches!(condition, Condition::Degraded(_) | Condition::Refusing(_));
            let lasting = readiness.lasting(name).filter(|_| troubled);
            CheckRow::of_part(name, condition, lasting, language, t)
        })
        .collect();
    let (now, offset) = (console.state.store.now(), console.state.site.offset_minutes);
    let seen = console.state.outlook.seen();
    rows.extend(database(&seen, now, offset, language, t));
    rows.extend(certificates(&seen, now, offset, language, t));
    rows.extend(disk.map(|disk| space(disk, t)));
    rows.extend(refusals(figures, t));
    rows
}

/// How things stand as a whole.
pub(super) fn overall(rows: &[CheckRow], t: &Texts) -> Mark {
    match rows.iter().map(|row| row.concern).max() {
        Some(Concern::Emergency) => Mark::stop(t.dashboard_refusing),
        Some(Concern::Attention) => Mark::warn(t.dashboard_warning),
        Some(Concern::None) | None => Mark::ok(t.dashboard_ok),
    }
}

/// What the banner says, while mail is being refused.
pub(super) fn emergencies(rows: &[CheckRow]) -> Vec<Emergency> {
    let urgent = rows.iter().filter(|row| row.concern == Concern::Emergency);
    urgent.map(|row| Emergency { part: row.name, meaning: row.meaning, lasting: row.detail.clone() }).collect()
}

impl CheckRow {
    fn of_part(
        name: &'static str,
        condition: Condition,
        lasting: Option<Duration>,
        language: Language,
        t: &'static Texts,
    ) -> Self {
        let meaning = meaning(name, &condition, t);
        let (state, detail, concern) = match condition {
            Condition::Good => (Mark::ok(t.check_ok), String::new(), Concern::None),
            Condition::Off(detail) => (Mark::warn(t.check_off), detail, Concern::None),
            Condition::Degraded(detail) => (Mark::warn(t.check_warning), detail, Concern::Attention),
            Condition::Refusing(detail) => (Mark::stop(t.check_failed), detail, Concern::Emergency),
        };
        let detail = match lasting {
            Some(lasting) => {
                let span = texts::span(language, lasting.as_secs());
                format!("{}{span} ({})", t.dashboard_lasting, shown::visible(&detail))
            }
            None => shown::visible(&detail),
        };
        Self { name: part_name(name, t), state, meaning, detail, english: lasting.is_none(), concern }
    }

    /// A check that is either in order or, with a sentence, not.
    fn of_surroundings(name: &'static str, fault: Option<&'static str>, detail: String, t: &Texts) -> Self {
        let (state, concern) = match fault {
            None => (Mark::ok(t.check_ok), Concern::None),
            Some(_) => (Mark::warn(t.check_warning), Concern::Attention),
        };
        Self { name, state, meaning: fault.unwrap_or_default(), detail, english: false, concern }
    }
}

fn database(seen: &Seen, now: Timestamp, offset: i32, language: Language, t: &'static Texts) -> Option<CheckRow> {
    let made = seen.scanner_database?;
    let age = now.since(made);
    let fault = (age > DATABASE_OLD).then_some(t.meaning_database_old);
    let detail = format!("{} ({})", moment::local(made, offset), texts::ago(language, age.as_secs()));
    Some(CheckRow::of_surroundings(t.part_database, fault, detail, t))
}

fn certificates(seen: &Seen, now: Timestamp, offset: i32, language: Language, t: &'static Texts) -> Vec<CheckRow> {
    let of = |certificate: &crate::Certificate| {
        let Some(ends) = certificate.ends else {
            let detail = certificate.name.to_owned();
            return CheckRow::of_surroundings(t.part_certificate, Some(t.meaning_certificate_unread), detail, t);
        };
        let left = ends.since(now);
        let fault = match left {
            Duration::ZERO => Some(t.meaning_certificate_over),
            left if left < CERTIFICATE_SOON => Some(t.meaning_certificate_soon),
            _ => None,
        };
        let left = if left.is_zero() { String::new() } else { format!(" ({})", texts::left(language, left.as_secs())) };
        let detail = format!("{}: {}{left}", certificate.name, moment::local(ends, offset));
        CheckRow::of_surroundings(t.part_certificate, fault, detail, t)
    };
    seen.certificates.iter().map(of).collect()
}

fn space(disk: Disk, t: &'static Texts) -> CheckRow {
    let share = disk.free.saturating_mul(100) / disk.total.max(1);
    let fault = (share < SPACE_PERCENT).then_some(t.meaning_space);
    let detail = format!("{} / {} ({share}%)", shown::bytes(disk.free), shown::bytes(disk.total));
    CheckRow::of_surroundings(t.part_space, fault, detail, t)
}

/// Replies that say "not now": the sender is told to come back, so nothing is lost, but somebody waits.
fn refusals(figures: &Figures, t: &'static Texts) -> Option<CheckRow> {
    let waiting = figures.refused.iter().filter(|(code, _)| (450..460).contains(code));
    let codes: Vec<String> = waiting.map(|(code, count)| format!("{code}: {count}")).collect();
    (!codes.is_empty())
        .then(|| CheckRow::of_surroundings(t.part_refusals, Some(t.meaning_refusals), codes.join(", "), t))
}

fn part_name(name: &'static str, t: &Texts) -> &'static str {
    match name {
        "store" => t.part_store,
        "rooms" => t.part_rooms,
        "scanner" => t.part_scanner,
        "delivery" => t.part_delivery,
        Readiness::TENANTS => t.nav_tenants,
        other => other,
    }
}

fn meaning(name: &str, condition: &Condition, t: &Texts) -> &'static str {
    match (name, condition) {
        (_, Condition::Good) => "",
        ("store", _) => t.meaning_store,
        ("rooms", _) => t.meaning_rooms,
        ("scanner", Condition::Off(_)) => t.meaning_scanner_off,
        ("scanner", _) => t.meaning_scanner,
        ("delivery", _) => t.meaning_delivery,
        (Readiness::TENANTS, _) => t.meaning_tenants,
        _ => "",
    }
}

/// Signatures are published at least once a day.
const DATABASE_OLD: Duration = Duration::from_secs(48 * 3600);
/// Time to order, get and install a certificate.
const CERTIFICATE_SOON: Duration = Duration::from_secs(30 * 86_400);
/// Less free space than this share of the file system is told.
const SPACE_PERCENT: u64 = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Certificate, texts::texts};

    const NOW: Timestamp = Timestamp::from_unix_millis(1_795_186_800_000);

    fn days(count: u64) -> Duration {
        Duration::from_secs(count * 86_400)
    }

    #[test]
    fn what_ends_or_grows_old_is_told_in_time() {
        let t = texts(Language::Ja);
        let seen = |made, ends| Seen {
            scanner_database: Some(made),
            certificates: vec![Certificate { name: "smtp.tls_certificate", ends }],
            ..Seen::default()
        };
        let rows = |seen: &Seen| {
            let mut rows: Vec<CheckRow> = database(seen, NOW, 540, Language::Ja, t).into_iter().collect();
            rows.extend(certificates(seen, NOW, 540, Language::Ja, t));
            rows.into_iter().map(|row| row.meaning).collect::<Vec<_>>()
        };
        assert_eq!(rows(&seen(NOW.minus(days(2)), Some(NOW.plus(days(30))))), ["", ""]);
        let old = NOW.minus(days(2)).minus(Duration::from_millis(1));
        let soon = NOW.plus(days(30)).minus(Duration::from_millis(1));
        assert_eq!(rows(&seen(old, Some(soon))), [t.meaning_database_old, t.meaning_certificate_soon]);
        assert_eq!(rows(&seen(NOW, Some(NOW))), ["", t.meaning_certificate_over]);
        assert_eq!(rows(&seen(NOW, None)), ["", t.meaning_certificate_unread]);
        assert!(rows(&Seen::default()).is_empty(), "nothing is said of what is not there");
    }

    #[test]
    fn little_space_and_refusals_for_now_are_told() {
        let t = texts(Language::Ja);
        let disk = |free| Disk { database: 0, files: 0, free, total: 1000 };
        assert_eq!((space(disk(100), t).meaning, space(disk(99), t).meaning), ("", t.meaning_space));
        assert_eq!(space(Disk { total: 0, ..disk(0) }, t).meaning, t.meaning_space, "no division by nothing");
        let figures = |refused| Figures { refused, ..Figures::default() };
        assert!(refusals(&figures(vec![(550, 10), (421, 3)]), t).is_none());
        assert_eq!(refusals(&figures(vec![(550, 10), (452, 3)]), t).unwrap().detail, "452: 3");
    }
}

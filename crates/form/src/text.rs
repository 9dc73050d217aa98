//! Which Unicode may cross: text of many lines, and single lines.
//!
//! Removed everywhere: C0 and C1 controls, characters that turn the reading direction, characters that nobody sees
//! (default-ignorable ones, Hangul fillers, tags), interlinear annotation, noncharacters. Two kinds of invisible character
//! carry meaning and stay where they do: one variation selector directly after the character it varies (Japanese names such
//! as 葛󠄀 need it), and in [`Text`] a zero-width joiner between two emoji. In runs or alone both would be a way to smuggle
//! bytes past a reader, so there they are removed too.
//!
//! [`Text`] and [`Line`] have no constructor but these two: `scrub` on the dirty side makes any string fit, `parse` on the
//! clean side takes only what fits already.

use std::fmt;

/// Why a string is not clean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// The character may not stand there.
    #[error("U+{:04X} may not stand there", u32::from(*.0))]
    Forbidden(char),
    /// The string ends in a joiner that joins nothing.
    #[error("the text ends in a joiner")]
    OpenJoiner,
    /// The string is longer than its type allows.
    #[error("longer than {limit}")]
    TooLong {
        /// The limit, in the unit of the type.
        limit: usize,
    },
    /// The string does not have the shape of its type.
    #[error("not well-formed")]
    Shape,
}

/// How many characters scrubbing has taken out or replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scrubbed {
    /// Control characters, noncharacters and annotation marks removed.
    pub controls: u32,
    /// Direction controls removed.
    pub bidi: u32,
    /// Invisible characters removed.
    pub zero_width: u32,
    /// Private-use characters (gaiji) replaced by 〓; only where a line was asked for.
    pub private_use: u32,
    /// Line ends and tabs that became a space; only where a line was asked for.
    pub folded: u32,
}

impl Scrubbed {
    /// Whether nothing was removed or replaced.
    pub fn is_clean(&self) -> bool {
        *self == Scrubbed::default()
    }

    /// Adds the counts of another piece.
    pub fn add(&mut self, other: Scrubbed) {
        self.controls = self.controls.saturating_add(other.controls);
        self.bidi = self.bidi.saturating_add(other.bidi);
        self.zero_width = self.zero_width.saturating_add(other.zero_width);
        self.private_use = self.private_use.saturating_add(other.private_use);
        self.folded = self.folded.saturating_add(other.folded);
    }
}

/// Clean text of any number of lines: lines end in LF, tabs stay, private-use characters stay.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text(String);

impl Text {
    /// Makes any string clean; CR, CRLF, VT, FF, NEL, U+2028 and U+2029 become LF.
    pub fn scrub(raw: &str) -> (Text, Scrubbed) {
        let mut scrubber = TextScrubber::new();
        let mut clean = String::new();
        scrubber.feed(raw, &mut clean);
        (Text(clean), scrubber.finish())
    }

    /// Takes a string that must be clean already.
    ///
    /// # Errors
    /// [`TextError::Forbidden`] for a character that may not stand there, [`TextError::OpenJoiner`] at its end.
    pub fn parse(raw: &str) -> Result<Text, TextError> {
        let mut checker = Checker::new(Profile::Text);
        checker.feed(raw)?;
        checker.finish()?;
        Ok(Text(raw.to_owned()))
    }

    /// Appends other clean text.
    pub fn push(&mut self, more: &Text) {
        // Clean text neither ends in a joiner nor begins with a selector, so two of them side by side are clean.
        self.0.push_str(&more.0);
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }

    /// Text from chunks that a verifier has checked as one run.
    pub(crate) fn from_verified(text: String) -> Text {
        Text(text)
    }
}

impl fmt::Debug for Text {
    /// Bodies stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.0.len())
    }
}

/// One clean line: no line ends, no tabs, no private-use characters, no joiners.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Line(String);

impl Line {
    /// Makes any string one clean line; line ends and tabs become a space, private-use characters become 〓.
    pub fn scrub(raw: &str) -> (Line, Scrubbed) {
        let mut policy = Policy::new(Profile::Line);
        let mut clean = String::new();
        policy.feed(raw, &mut clean);
        (Line(clean), policy.finish())
    }

    /// Takes a string that must be clean already.
    ///
    /// # Errors
    /// [`TextError::Forbidden`] for a character that may not stand there, [`TextError::OpenJoiner`] at its end.
    pub fn parse(raw: &str) -> Result<Line, TextError> {
        let mut checker = Checker::new(Profile::Line);
        checker.feed(raw)?;
        checker.finish()?;
        Ok(Line(raw.to_owned()))
    }

    /// The line cut to `chars` characters, the last of them `…` where something was cut.
    pub fn shortened(&self, chars: usize) -> Line {
        if self.0.chars().nth(chars).is_none() {
            return self.clone();
        }
        let mut kept: String = self.0.chars().take(chars.saturating_sub(1)).collect();
        if chars > 0 {
            kept.push('…');
        }
        Line(kept)
    }

    /// The line cut to `bytes` bytes at a character.
    pub fn cut(&self, bytes: usize) -> Line {
        Line(self.0.get(..self.0.floor_char_boundary(bytes)).unwrap_or_default().to_owned())
    }

    /// The line.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the line is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Scrubs text that arrives in pieces, with the same result as [`Text::scrub`] over the whole.
#[derive(Debug)]
pub struct TextScrubber(Policy);

impl TextScrubber {
    /// A scrubber at the start of a text.
    pub fn new() -> TextScrubber {
        TextScrubber(Policy::new(Profile::Text))
    }

    /// Appends what remains of `raw` to `clean`. A joiner at the end of `raw` waits for the next piece.
    pub fn feed(&mut self, raw: &str, clean: &mut String) {
        self.0.feed(raw, clean);
    }

    /// What was taken out of the whole.
    pub fn finish(self) -> Scrubbed {
        self.0.finish()
    }
}

impl Default for TextScrubber {
    fn default() -> TextScrubber {
        TextScrubber::new()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    Text,
    Line,
}

/// What stands before the next character, as far as a selector or joiner cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    /// Nothing that could be varied or joined.
    Nothing,
    Base,
    Emoji,
    VariedEmoji,
    /// A joiner after an emoji: an emoji must follow.
    Joiner,
}

/// The dirty side: drops and replaces.
#[derive(Debug)]
struct Policy {
    profile: Profile,
    before: Before,
    after_return: bool,
    found: Scrubbed,
}

impl Policy {
    fn new(profile: Profile) -> Policy {
        Policy { profile, before: Before::Nothing, after_return: false, found: Scrubbed::default() }
    }

    fn feed(&mut self, raw: &str, clean: &mut String) {
        // Mostly true: what comes out is about as long as what came in, and `raw` is in memory already.
        clean.reserve(raw.len());
        for c in raw.chars() {
            let after_return = std::mem::replace(&mut self.after_return, c == '\r');
            if c == '\n' && after_return {
                continue;
            }
            let role = Role::of(c);
            // A joiner was held back until it is known that an emoji follows. What is dropped does not come between.
            if self.before == Before::Joiner {
                match role {
                    Role::Emoji => clean.push('\u{200D}'),
                    Role::Control | Role::Bidi | Role::Invisible => {}
                    _ => {
                        self.found.zero_width = self.found.zero_width.saturating_add(1);
                        // A selector after a dropped joiner varies nothing.
                        self.before = Before::Nothing;
                    }
                }
            }
            self.one(c, role, clean);
        }
    }

    fn one(&mut self, c: char, role: Role, clean: &mut String) {
        let found = match role {
            Role::Base | Role::Emoji | Role::Blank => {
                clean.push(c);
                self.before = role.before();
                return;
            }
            Role::Tab | Role::LineEnd => {
                self.before = Before::Nothing;
                match self.profile {
                    Profile::Text => {
                        clean.push(if role == Role::Tab { '\t' } else { '\n' });
                        return;
                    }
                    Profile::Line => {
                        clean.push(' ');
                        &mut self.found.folded
                    }
                }
            }
            Role::PrivateUse => {
                self.before = Before::Base;
                match self.profile {
                    Profile::Text => {
                        clean.push(c);
                        return;
                    }
                    Profile::Line => {
                        clean.push(GETA);
                        &mut self.found.private_use
                    }
                }
            }
            Role::Selector => match self.before.varied() {
                Some(before) => {
                    clean.push(c);
                    self.before = before;
                    return;
                }
                None => &mut self.found.zero_width,
            },
            Role::Joiner if self.profile == Profile::Text && self.before.is_emoji() => {
                self.before = Before::Joiner;
                return;
            }
            Role::Joiner | Role::Invisible => &mut self.found.zero_width,
            Role::Control => &mut self.found.controls,
            Role::Bidi => &mut self.found.bidi,
        };
        *found = found.saturating_add(1);
    }

    fn finish(mut self) -> Scrubbed {
        if self.before == Before::Joiner {
            self.found.zero_width = self.found.zero_width.saturating_add(1);
        }
        self.found
    }
}

/// The clean side: accepts or refuses, over text that may come in chunks.
#[derive(Debug)]
pub(crate) struct Checker {
    profile: Profile,
    before: Before,
}

impl Checker {
    pub(crate) fn new(profile: Profile) -> Checker {
        Checker { profile, before: Before::Nothing }
    }

    pub(crate) fn feed(&mut self, text: &str) -> Result<(), TextError> {
        for c in text.chars() {
            let role = Role::of(c);
            let next = match (role, self.profile) {
                (Role::Base | Role::Emoji | Role::Blank, _) => Some(role.before()),
                (Role::Tab, Profile::Text) => Some(Before::Nothing),
                (Role::LineEnd, Profile::Text) if c == '\n' => Some(Before::Nothing),
                (Role::PrivateUse, Profile::Text) => Some(Before::Base),
                (Role::Selector, _) => self.before.varied(),
                (Role::Joiner, Profile::Text) if self.before.is_emoji() => Some(Before::Joiner),
                _ => None,
            };
            let joins = self.before != Before::Joiner || role == Role::Emoji;
            self.before = next.filter(|_| joins).ok_or(TextError::Forbidden(c))?;
        }
        Ok(())
    }

    /// Says whether the text may end here.
    pub(crate) fn finish(&self) -> Result<(), TextError> {
        if self.before == Before::Joiner { Err(TextError::OpenJoiner) } else { Ok(()) }
    }
}

impl Before {
    fn is_emoji(self) -> bool {
        matches!(self, Before::Emoji | Before::VariedEmoji)
    }

    /// The state after a variation selector, where one may stand.
    fn varied(self) -> Option<Before> {
        match self {
            Before::Base => Some(Before::Nothing),
            Before::Emoji => Some(Before::VariedEmoji),
            Before::Nothing | Before::VariedEmoji | Before::Joiner => None,
        }
    }
}

/// What the policy makes of a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Base,
    Emoji,
    Blank,
    Tab,
    LineEnd,
    Selector,
    Joiner,
    Control,
    Bidi,
    Invisible,
    PrivateUse,
}

impl Role {
    #[inline]
    fn of(c: char) -> Role {
        match c {
            // Nearly all of an English or Japanese text, so that it is asked no more.
            '!'..='~' | '\u{3001}'..='\u{3163}' | '\u{3165}'..='\u{9FFF}' | '\u{FF01}'..='\u{FF9F}' => Role::Base,
            _ => Role::of_rare(c),
        }
    }

    fn of_rare(c: char) -> Role {
        match c {
            ' ' => Role::Blank,
            '\t' => Role::Tab,
            // NEL is what EBCDIC gateways make of a line end; VT and FF part lines and pages in plain text.
            '\n' | '\r' | '\u{0B}' | '\u{0C}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Role::LineEnd,
            '\0'..='\u{1F}' | '\u{7F}'..='\u{9F}' => Role::Control,
            '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => Role::Bidi,
            '\u{200D}' => Role::Joiner,
            // Standardised, Mongolian and ideographic variation.
            '\u{180B}'..='\u{180D}' | '\u{180F}' | '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}' => {
                Role::Selector
            }
            // The rest of Default_Ignorable_Code_Point (Unicode 16, DerivedCoreProperties), tags among them.
            '\u{AD}'
            | '\u{034F}'
            | '\u{115F}'..='\u{1160}'
            | '\u{17B4}'..='\u{17B5}'
            | '\u{180E}'
            | '\u{200B}'..='\u{200C}'
            | '\u{2060}'..='\u{2065}'
            | '\u{206A}'..='\u{206F}'
            | '\u{3164}'
            | '\u{FEFF}'
            | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFF8}'
            | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E00FF}'
            | '\u{E01F0}'..='\u{E0FFF}' => Role::Invisible,
            // Interlinear annotation, and the place of an object that does not cross.
            '\u{FFF9}'..='\u{FFFC}' => Role::Control,
            '\u{FDD0}'..='\u{FDEF}' => Role::Control,
            _ if u32::from(c) & 0xFFFE == 0xFFFE => Role::Control,
            '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{10FFFF}' => Role::PrivateUse,
            // Blocks that hold the emoji which Unicode's joiner sequences use, skin tones included.
            '\u{2190}'..='\u{21FF}'
            | '\u{2300}'..='\u{23FF}'
            | '\u{2600}'..='\u{27BF}'
            | '\u{2B00}'..='\u{2BFF}'
            | '\u{1F000}'..='\u{1FAFF}' => Role::Emoji,
            _ if c.is_whitespace() => Role::Blank,
            _ => Role::Base,
        }
    }

    fn before(self) -> Before {
        match self {
            Role::Base => Before::Base,
            Role::Emoji => Before::Emoji,
            _ => Before::Nothing,
        }
    }
}

/// Whether a character only varies the one before it.
pub(crate) fn is_selector(c: char) -> bool {
    Role::of(c) == Role::Selector
}

/// The mark that Japanese printing sets for a character it does not have.
const GETA: char = '〓';

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(raw: &str) -> String {
        Text::scrub(raw).0.as_str().to_owned()
    }

    fn line(raw: &str) -> String {
        Line::scrub(raw).0.as_str().to_owned()
    }

    #[test]
    fn every_kind_of_line_end_becomes_lf_in_text_and_a_space_in_a_line() {
        assert_eq!(text("a\r\nb\rc\nd\u{85}e\u{2028}f\u{2029}g\u{0B}h\u{0C}i"), "a\nb\nc\nd\ne\nf\ng\nh\ni");
        assert_eq!(text("a\r\n\r\nb\r\r\nc"), "a\n\nb\n\nc");
        assert_eq!(line("a\r\nBcc: b\tc"), "a Bcc: b c");
        assert_eq!(Line::scrub("a\r\nBcc: b\tc").1.folded, 2);
    }

    #[test]
    fn controls_bidi_and_invisible_characters_go_and_are_counted() {
        let (clean, found) = Text::scrub(
            "a\0\u{1B}\u{9B}\u{FFF9}\u{FFFE}b\u{202E}\u{2066}\u{200F}\u{061C}c\u{200B}\u{FEFF}\u{AD}\u{E0041}d",
        );
        assert_eq!(clean.as_str(), "abcd");
        assert_eq!(found, Scrubbed { controls: 5, bidi: 4, zero_width: 4, private_use: 0, folded: 0 });
    }

    #[test]
    fn japanese_names_keep_their_variation_selector_but_not_a_run_of_them() {
        assert_eq!(line("葛\u{E0100}城市"), "葛\u{E0100}城市");
        assert_eq!(line("葛\u{E0100}\u{E0101}\u{FE00}城"), "葛\u{E0100}城");
        assert_eq!(line("\u{FE0F}a \u{FE0F}b"), "a b");
    }

    #[test]
    fn a_joiner_stays_between_emoji_in_text_only() {
        let family = "👨\u{200D}👩\u{200D}👧 🏳\u{FE0F}\u{200D}🌈 👩🏽\u{200D}⚕\u{FE0F}";
        assert_eq!(text(family), family);
        assert_eq!(line(family), "👨👩👧 🏳\u{FE0F}🌈 👩🏽⚕\u{FE0F}");
        assert_eq!(text("pay\u{200D}pal 👨\u{200D}x 👨\u{200D}\u{200D}👩 👨\u{200D}"), "paypal 👨x 👨👩 👨");
        assert_eq!(Text::scrub("👨\u{200D}").1.zero_width, 1);
    }

    #[test]
    fn private_use_stays_in_text_and_becomes_geta_in_a_line() {
        assert_eq!(text("外\u{E000}字\u{F0000}"), "外\u{E000}字\u{F0000}");
        assert_eq!(line("外\u{E000}字\u{F0000}"), "外〓字〓");
        assert_eq!(Line::scrub("\u{E000}").1.private_use, 1);
    }

    #[test]
    fn parse_refuses_what_scrub_would_change() {
        for bad in
            ["\r", "\u{2028}", "\0", "\u{202E}", "\u{200B}", "\u{FE0F}", "a\u{FE0F}\u{FE0F}", "👨\u{200D}", "\u{FFFF}"]
        {
            assert!(Text::parse(bad).is_err(), "{bad:?}");
            assert!(Line::parse(bad).is_err(), "{bad:?}");
        }
        for bad in ["\n", "\t", "\u{E000}", "👨\u{200D}👩"] {
            assert!(Text::parse(bad).is_ok(), "{bad:?}");
            assert!(Line::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn debug_of_a_body_shows_its_length_only() {
        assert_eq!(format!("{:?}", Text::scrub("secret").0), "Text(6 bytes)");
    }

    /// Characters of every role, close together.
    pub(crate) fn tricky() -> impl Strategy<Value = String> {
        let marks = "a葛 \u{3000}\t\r\n\u{85}\u{2028}\0\u{202E}\u{200B}\u{200D}\u{FE0F}\u{E0100}\u{E000}👨🏽⚕\u{FEFF}\u{FFFF}/.\\:";
        prop_oneof![
            proptest::collection::vec(proptest::sample::select(marks.chars().collect::<Vec<_>>()), 0..40)
                .prop_map(|chars| chars.into_iter().collect()),
            any::<String>(),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn scrubbed_text_parses_and_is_a_fixed_point(raw in tricky()) {
            let (clean, found) = Text::scrub(&raw);
            prop_assert_eq!(Text::parse(clean.as_str()), Ok(clean.clone()));
            prop_assert_eq!(Text::scrub(clean.as_str()), (clean.clone(), Scrubbed::default()));
            // What needs no change is not changed.
            prop_assert_eq!(Text::parse(&raw).is_ok(), clean.as_str() == raw);
            if clean.as_str() == raw { prop_assert!(found.is_clean()); }
        }

        #[test]
        fn scrubbed_lines_parse_and_are_a_fixed_point(raw in tricky()) {
            let (clean, _) = Line::scrub(&raw);
            prop_assert_eq!(Line::parse(clean.as_str()), Ok(clean.clone()));
            prop_assert_eq!(Line::scrub(clean.as_str()), (clean.clone(), Scrubbed::default()));
            prop_assert_eq!(Line::parse(&raw).is_ok(), clean.as_str() == raw);
        }

        #[test]
        fn scrubbing_in_pieces_equals_scrubbing_the_whole(pieces in proptest::collection::vec(tricky(), 0..6)) {
            let mut scrubber = TextScrubber::new();
            let mut clean = String::new();
            for piece in &pieces { scrubber.feed(piece, &mut clean); }
            let (whole, found) = Text::scrub(&pieces.concat());
            prop_assert_eq!(clean.as_str(), whole.as_str());
            prop_assert_eq!(scrubber.finish(), found);
        }

        #[test]
        fn two_clean_texts_side_by_side_are_clean(a in tricky(), b in tricky()) {
            let (mut joined, _) = Text::scrub(&a);
            joined.push(&Text::scrub(&b).0);
            prop_assert!(Text::parse(joined.as_str()).is_ok());
        }
    }
}

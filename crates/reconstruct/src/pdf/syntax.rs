//! Tokens of a PDF file: numbers, names, strings, arrays, dictionaries (ISO 32000-1, 7.2 and 7.3) and operators (7.8.2).

use super::grammar::{Key, Name, Operator};

/// The number of an indirect object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Ref(pub(super) u32);

/// A thing that a content stream names: what sort it is of and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Resource {
    Font(u32),
    Picture(u32),
    Stencil(u32),
    Canvas(u32),
    State(u32),
    Gradient(u32),
    Tile(u32),
}

/// Decimals that a point needs on a page: a hundredth of a pixel at 6400 %.
pub(super) const PAGE_DECIMALS: u8 = 3;

/// Tokens one after the other, parted where they must be.
#[derive(Debug, Default)]
pub(super) struct Syntax {
    bytes: Vec<u8>,
}

impl Syntax {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
    }

    /// Bytes that are known to be whole tokens.
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Two tokens of regular characters need something between them.
    fn part(&mut self) {
        let regular = |byte: &u8| !matches!(byte, b' ' | b'\n' | b'[' | b']' | b'<' | b'>' | b'(' | b')');
        if self.bytes.last().is_some_and(regular) {
            self.bytes.push(b' ');
        }
    }

    pub(super) fn operator(&mut self, operator: Operator) {
        self.part();
        self.raw(operator.token().as_bytes());
        self.bytes.push(b'\n');
    }

    pub(super) fn key(&mut self, key: Key) -> &mut Syntax {
        self.bytes.push(b'/');
        self.raw(key.token().as_bytes());
        self
    }

    pub(super) fn name(&mut self, name: Name) {
        self.bytes.push(b'/');
        self.raw(name.token().as_bytes());
    }

    /// The name of a resource: a letter for its sort and its number.
    pub(super) fn resource(&mut self, resource: Resource) {
        let (letter, number) = match resource {
            Resource::Font(number) => (b'F', number),
            Resource::Picture(number) => (b'I', number),
            Resource::Stencil(number) => (b'S', number),
            Resource::Canvas(number) => (b'C', number),
            Resource::State(number) => (b'G', number),
            Resource::Gradient(number) => (b'P', number),
            Resource::Tile(number) => (b'T', number),
        };
        self.raw(&[b'/', letter]);
        self.digits(u64::from(number), 1);
    }

    /// The name of a font: six letters that make it unlike any other, as for subsets (ISO 32000-1, 9.6.4), then ours.
    pub(super) fn font_name(&mut self, number: u32) {
        let mut letters = *b"AAAAAA";
        let mut rest = number;
        for letter in letters.iter_mut().rev() {
            *letter = b'A'.saturating_add(u8::try_from(rest % 26).unwrap_or(0));
            rest /= 26;
        }
        self.bytes.push(b'/');
        self.raw(&letters);
        self.raw(b"+Misogi");
    }

    pub(super) fn boolean(&mut self, value: bool) {
        self.part();
        self.raw(if value { b"true" } else { b"false" });
    }

    pub(super) fn null(&mut self) {
        self.part();
        self.raw(b"null");
    }

    pub(super) fn integer(&mut self, value: impl Into<i64>) {
        self.scaled(value.into(), 0);
    }

    /// A length or count.
    pub(super) fn size(&mut self, value: usize) {
        self.part();
        self.digits(u64::try_from(value).unwrap_or(u64::MAX), 1);
    }

    pub(super) fn reference(&mut self, object: Ref) {
        self.part();
        self.digits(u64::from(object.0), 1);
        self.raw(b" 0 R");
    }

    /// A number rounded to some decimals.
    pub(super) fn real(&mut self, value: f64, decimals: u8) {
        self.scaled(scaled(value, decimals), decimals);
    }

    /// A number that was counted in steps of 10^-decimals. Zeros that say nothing are left out, before the point as well.
    pub(super) fn scaled(&mut self, value: i64, decimals: u8) {
        self.part();
        if value < 0 {
            self.bytes.push(b'-');
        }
        let mut rest = value.unsigned_abs();
        let mut decimals = decimals;
        while decimals > 0 && rest.is_multiple_of(10) {
            rest /= 10;
            decimals = decimals.saturating_sub(1);
        }
        let unit = 10_u64.pow(u32::from(decimals));
        let whole = rest / unit;
        if whole > 0 || decimals == 0 {
            self.digits(whole, 1);
        }
        if decimals > 0 {
            self.bytes.push(b'.');
            self.digits(rest % unit, usize::from(decimals));
        }
    }

    /// A number of which as many figures matter, whatever its size.
    pub(super) fn significant(&mut self, value: f64, figures: u8) {
        self.real(value, decimals_for(value, figures));
    }

    fn digits(&mut self, value: u64, least: usize) {
        let mut figures = [b'0'; 20];
        let mut start = figures.len();
        let mut rest = value;
        for place in figures.iter_mut().rev() {
            *place = b'0'.saturating_add(u8::try_from(rest % 10).unwrap_or(0));
            rest /= 10;
            start = start.saturating_sub(1);
            if rest == 0 {
                break;
            }
        }
        let start = start.min(figures.len().saturating_sub(least));
        if let Some(figures) = figures.get(start..) {
            self.bytes.extend_from_slice(figures);
        }
    }

    pub(super) fn dictionary(&mut self, fill: impl FnOnce(&mut Syntax)) {
        self.raw(b"<<");
        fill(self);
        self.raw(b">>");
    }

    pub(super) fn array(&mut self, fill: impl FnOnce(&mut Syntax)) {
        self.bytes.push(b'[');
        fill(self);
        self.bytes.push(b']');
    }

    pub(super) fn references(&mut self, objects: impl IntoIterator<Item = Ref>) {
        self.array(|array| objects.into_iter().for_each(|object| array.reference(object)));
    }

    /// Begins a string; it is ended by [`Syntax::end_string`].
    pub(super) fn begin_string(&mut self) {
        self.bytes.push(b'(');
    }

    /// Bytes of a string. Only what would end it or be read as something else is escaped (ISO 32000-1, 7.3.4.2); a bare CR
    /// would be read as LF.
    pub(super) fn string_bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'(' | b')' | b'\\' => self.raw(&[b'\\', *byte]),
                b'\r' => self.raw(b"\\r"),
                _ => self.bytes.push(*byte),
            }
        }
    }

    pub(super) fn end_string(&mut self) {
        self.bytes.push(b')');
    }

    pub(super) fn string(&mut self, bytes: &[u8]) {
        self.begin_string();
        self.string_bytes(bytes);
        self.end_string();
    }

    /// A text string: as it is where it is ASCII, else UTF-16 with its mark (ISO 32000-1, 7.9.2.2).
    pub(super) fn text(&mut self, text: &str) {
        if text.is_ascii() {
            return self.string(text.as_bytes());
        }
        self.begin_string();
        self.string_bytes(&[0xFE, 0xFF]);
        for unit in text.encode_utf16() {
            self.string_bytes(&unit.to_be_bytes());
        }
        self.end_string();
    }

    /// A string in hexadecimal.
    pub(super) fn hexadecimal(&mut self, bytes: &[u8]) {
        self.bytes.push(b'<');
        for byte in bytes {
            let figure =
                |value: u8| if value < 10 { b'0'.saturating_add(value) } else { b'A'.saturating_add(value - 10) };
            self.raw(&[figure(byte >> 4), figure(byte & 15)]);
        }
        self.bytes.push(b'>');
    }
}

/// A number in steps of 10^-decimals, to the nearest. What is further than [`FURTHEST`] goes there, what is no number to 0.
pub(super) fn scaled(value: f64, decimals: u8) -> i64 {
    let unit = UNITS.get(usize::from(decimals)).copied().unwrap_or(1.0);
    whole(value.clamp(-FURTHEST, FURTHEST) * unit)
}

/// The nearest whole number. What is out of range goes to its end and what is no number to 0.
#[allow(
    clippy::cast_possible_truncation,
    reason = "from floating point to integer there is no other way; it saturates"
)]
pub(super) fn whole(value: f64) -> i64 {
    value.round_ties_even() as i64
}

/// The value of a scaled number.
#[allow(clippy::cast_precision_loss, reason = "coordinates are far below 2^53")]
pub(super) fn unscaled(value: i64, decimals: u8) -> f64 {
    value as f64 / UNITS.get(usize::from(decimals)).copied().unwrap_or(1.0)
}

/// How many decimals show so many figures of a number.
pub(super) fn decimals_for(value: f64, figures: u8) -> u8 {
    let mut decimals = figures;
    let mut size = value.abs();
    while size >= 1.0 && decimals > 0 {
        size /= 10.0;
        decimals = decimals.saturating_sub(1);
    }
    while size < 0.1 && size > 0.0 && decimals < MOST_DECIMALS {
        size *= 10.0;
        decimals = decimals.saturating_add(1);
    }
    decimals
}

/// Numbers of the form multiplied by one another reach further than readers do: the sum of two of these fits 32 bits, as PDF/A
/// asks (ISO 19005-2, 6.1.13).
const FURTHEST: f64 = 1e9;

/// Coordinates end at 10^6, so that 12 decimals still fit 64 bits.
pub(super) const MOST_DECIMALS: u8 = 12;

const UNITS: [f64; 13] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12];

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Syntax)) -> String {
        let mut syntax = Syntax::default();
        write(&mut syntax);
        String::from_utf8(syntax.bytes).unwrap()
    }

    #[test]
    fn numbers_are_as_short_as_they_can_be() {
        for (value, decimals, expected) in [
            (0.0, 3, "0"),
            (-0.0004, 3, "0"),
            (-0.5, 3, "-.5"),
            (12.0, 3, "12"),
            (1000.0, 3, "1000"),
            (72.02, 3, "72.02"),
            (0.001, 3, ".001"),
            (-1_000_000.0, 12, "-1000000"),
            (f64::NAN, 3, "0"),
        ] {
            assert_eq!(written(|s| s.real(value, decimals)), expected);
        }
        assert_eq!(written(|s| s.significant(0.000_012_345_678, 5)), ".000012346");
        assert_eq!(written(|s| s.significant(123.456_78, 5)), "123.46");
    }

    #[test]
    fn tokens_are_parted_only_where_they_would_run_together() {
        let content = written(|s| {
            s.integer(1);
            s.integer(-2);
            s.operator(Operator::MoveTo);
            s.array(|a| a.integer(3));
            s.integer(0);
            s.operator(Operator::Dash);
            s.resource(Resource::Picture(12));
            s.operator(Operator::DrawObject);
        });
        assert_eq!(content, "1 -2 m\n[3]0 d\n/I12 Do\n");
    }

    #[test]
    fn strings_escape_what_would_end_them() {
        assert_eq!(written(|s| s.string(b"a(b)\\\r")), "(a\\(b\\)\\\\\\r)");
        assert_eq!(written(|s| s.hexadecimal(&[0x0A, 0xFF])), "<0AFF>");
        assert_eq!(written(|s| s.text("A-1")), "(A-1)");
    }

    #[test]
    fn font_names_differ() {
        assert_eq!(written(|s| s.font_name(27)), "/AAAABB+Misogi");
    }
}

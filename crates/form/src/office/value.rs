//! Values of attributes: each attribute has one kind, and each kind one way to say a value.

use super::grammar;
use super::schema::{TextKind, enumerated, number_of};

/// What values an attribute may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributeKind {
    /// Yes or no, written `1` and `0`.
    Boolean,
    /// Yes or no, written `t` and `f`, as VML does.
    VmlBoolean,
    /// A whole number.
    Integer {
        /// The least.
        low: i64,
        /// The greatest.
        high: i64,
    },
    /// A number; XML Schema's `double`, with its infinities.
    Decimal,
    /// One of a list of words.
    Enumeration {
        /// Where the list begins.
        first: u32,
        /// How many there are.
        len: u16,
    },
    /// Hexadecimal digits, at most 128.
    Hexadecimal,
    /// A date with a time (ISO 8601), at most 40 characters.
    DateTime,
    /// Numbers, names or cell ranges between spaces, at most 64 KiB.
    List,
    /// A number with or without a unit or per cent sign, at most 24 characters.
    Measure,
    /// One word of ASCII such as `auto`, `FF0000` or a GUID.
    Token {
        /// The most characters.
        longest: u16,
    },
    /// Any words for a person to read, or a name.
    Words {
        /// The most characters.
        longest: u16,
    },
    /// A formula of a spreadsheet, or a place in it ([`grammar::formula`]).
    Formula,
    /// The name of a sheet, range or bookmark of the document itself, at most 255 characters: without what leads to others.
    Name,
    /// What a click in a presentation does ([`grammar::action`]).
    Action,
    /// The instruction of a field ([`grammar::field`]).
    Field,
    /// A number format ([`grammar::number_format`]).
    NumberFormat,
    /// The style of a VML shape ([`grammar::vml::style`]).
    VmlStyle,
    /// A path or formula of a VML shape ([`grammar::vml::path`]).
    VmlPath,
    /// One of the part's relationships.
    Relationship,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Yes or no.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Decimal(f64),
    /// The number of a word in the attribute's list.
    Enumerated(u16),
    /// Text of one of the kinds that are text.
    Text(Box<str>),
    /// The place of a relationship in its part's list.
    Relationship(u32),
    /// An empty relationship, as a click has that leads to no other part.
    NoRelationship,
}

impl AttributeKind {
    /// Whether an attribute of this kind may have the value; relationships are judged by whoever knows the part.
    pub fn takes(self, value: &Value) -> bool {
        match (self, value) {
            (AttributeKind::Boolean | AttributeKind::VmlBoolean, Value::Boolean(_)) => true,
            (AttributeKind::Integer { low, high }, Value::Integer(number)) => (low..=high).contains(number),
            (AttributeKind::Decimal, Value::Decimal(_)) => true,
            (AttributeKind::Enumeration { len, .. }, Value::Enumerated(number)) => *number < len,
            (AttributeKind::Relationship, Value::Relationship(_) | Value::NoRelationship) => true,
            (kind, Value::Text(text)) => kind.takes_text(text),
            _ => false,
        }
    }

    /// Whether the text is a value of this kind; false for kinds that are not text.
    pub fn takes_text(self, text: &str) -> bool {
        let ascii = |longest: usize, also: &str| {
            text.len() <= longest && text.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c))
        };
        match self {
            AttributeKind::Hexadecimal => text.len() <= 128 && text.bytes().all(|b| b.is_ascii_hexdigit()),
            AttributeKind::DateTime => ascii(40, ":+-."),
            AttributeKind::List => ascii(64 * 1024, " .:$_-,#*%()'!\t\n{}"),
            AttributeKind::Measure => ascii(24, ".-+%"),
            AttributeKind::Token { longest } => ascii(usize::from(longest), "._#%+-{}:"),
            AttributeKind::Words { longest } => is_words(text, usize::from(longest)),
            AttributeKind::Formula => grammar::formula(text),
            AttributeKind::Name => {
                is_words(text, 255) && !text.contains(['\\', '/', '[', ']', '|', '!', '<', '>', '"'])
            }
            AttributeKind::Action => grammar::action(text),
            AttributeKind::Field => grammar::field(text),
            AttributeKind::NumberFormat => grammar::number_format(text),
            AttributeKind::VmlStyle => grammar::vml::style(text),
            AttributeKind::VmlPath => grammar::vml::path(text),
            AttributeKind::Boolean
            | AttributeKind::VmlBoolean
            | AttributeKind::Integer { .. }
            | AttributeKind::Decimal
            | AttributeKind::Enumeration { .. }
            | AttributeKind::Relationship => false,
        }
    }

    /// The word that a number stands for in this kind's list.
    pub fn word(self, number: u16) -> Option<&'static str> {
        match self {
            AttributeKind::Enumeration { first, len } => enumerated(first, len, number),
            _ => None,
        }
    }

    /// The number that stands for a word in this kind's list.
    pub fn number_of(self, word: &str) -> Option<u16> {
        match self {
            AttributeKind::Enumeration { first, len } => number_of(first, len, word),
            _ => None,
        }
    }
}

impl TextKind {
    /// The most bytes of the text of one element.
    pub const MAX_BYTES: usize = 1024 * 1024;

    /// Whether an element of this kind may hold the text. The pieces of a field's instruction are judged together elsewhere
    /// ([`Fields`](super::Fields)); here only their letters are.
    pub fn takes(self, text: &str) -> bool {
        match self {
            TextKind::None => false,
            TextKind::Plain => is_words(text, TextKind::MAX_BYTES),
            TextKind::Token => {
                text.len() <= 64 && text.chars().all(|c| c.is_ascii_alphanumeric() || "._#%+-{}:".contains(c))
            }
            TextKind::Formula => grammar::formula(text),
            TextKind::Field => text.len() <= grammar::FIELD_BYTES && text.chars().all(is_word_char),
            TextKind::NumberFormat => grammar::number_format(text),
        }
    }
}

fn is_words(text: &str, longest: usize) -> bool {
    // Nearly all that documents say in their markup is ASCII, each byte of which is a character.
    if text.len() <= longest.min(TextKind::MAX_BYTES) && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return true;
    }
    text.len() <= TextKind::MAX_BYTES
        && (text.len() <= longest || text.chars().count() <= longest)
        && text.chars().all(is_word_char)
}

/// What may stand in words: the characters of XML 1.0 without controls, noncharacters, and those that turn the direction of
/// what follows around (U+202A to U+202E, U+2066 to U+2069), by which a name can be made to look like another.
pub fn is_word_char(c: char) -> bool {
    match c {
        '\t' | '\n' => true,
        '\0'..='\u{1F}' | '\u{7F}'..='\u{9F}' => false,
        '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => false,
        '\u{FDD0}'..='\u{FDEF}' => false,
        c => u32::from(c) & 0xFFFE != 0xFFFE,
    }
}

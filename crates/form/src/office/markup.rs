//! The steps of which a part is made.

use super::schema::Namespace;
use super::value::Value;
use crate::codec::DecodeError;
use crate::wire::{Cursor, Sink};

/// One step of a part's markup.
#[derive(Clone, Debug, PartialEq)]
pub enum Markup {
    /// Begins an element: the number of the child in the type around it, 0 for the root. Its attributes follow at once.
    Open(u16),
    /// An attribute of the element just begun: its number in the type's list.
    Attribute(u8, Value),
    /// The text of the element; at most once, and only where its type may hold text.
    Text(Box<str>),
    /// Ends the element.
    Close,
    /// Begins content that only programs read which know the vocabulary (ECMA-376 part 3, section 7.5). Choices do not stand
    /// directly in one another.
    Choice(Namespace),
    /// Ends it.
    EndChoice,
}

const CLOSE: u8 = 0;
const OPEN: u8 = 1;
const TEXT: u8 = 2;
const CHOICE: u8 = 3;
const END_CHOICE: u8 = 4;
const NO: u8 = 5;
const YES: u8 = 6;
const INTEGER: u8 = 7;
const DECIMAL: u8 = 8;
const ENUMERATED: u8 = 9;
const WORDS: u8 = 10;
const RELATIONSHIP: u8 = 11;
const NO_RELATIONSHIP: u8 = 12;

impl Markup {
    pub(crate) fn put(&self, sink: &mut Sink) {
        match self {
            Markup::Close => sink.u8(CLOSE),
            Markup::Open(child) => {
                sink.u8(OPEN);
                sink.u16(*child);
            }
            Markup::Text(text) => {
                sink.u8(TEXT);
                sink.string(text);
            }
            Markup::Choice(namespace) => {
                sink.u8(CHOICE);
                sink.u8(namespace.code());
            }
            Markup::EndChoice => sink.u8(END_CHOICE),
            Markup::Attribute(number, value) => {
                let tag = match value {
                    Value::Boolean(false) => NO,
                    Value::Boolean(true) => YES,
                    Value::Integer(_) => INTEGER,
                    Value::Decimal(_) => DECIMAL,
                    Value::Enumerated(_) => ENUMERATED,
                    Value::Text(_) => WORDS,
                    Value::Relationship(_) => RELATIONSHIP,
                    Value::NoRelationship => NO_RELATIONSHIP,
                };
                sink.u8(tag);
                sink.u8(*number);
                match value {
                    Value::Boolean(_) | Value::NoRelationship => {}
                    Value::Integer(value) => sink.i64(*value),
                    Value::Decimal(value) => sink.bytes(&value.to_le_bytes()),
                    Value::Enumerated(value) => sink.u16(*value),
                    Value::Text(text) => sink.string(text),
                    Value::Relationship(place) => sink.u32(*place),
                }
            }
        }
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<Markup, DecodeError> {
        let tag = cursor.u8()?;
        Ok(match tag {
            CLOSE => Markup::Close,
            OPEN => Markup::Open(cursor.u16()?),
            TEXT => Markup::Text(cursor.string()?.into()),
            CHOICE => Markup::Choice(cursor.coded(Namespace::from_code, "namespace")?),
            END_CHOICE => Markup::EndChoice,
            NO..=NO_RELATIONSHIP => {
                let number = cursor.u8()?;
                let value = match tag {
                    NO => Value::Boolean(false),
                    YES => Value::Boolean(true),
                    INTEGER => Value::Integer(cursor.i64()?),
                    DECIMAL => Value::Decimal(f64::from_le_bytes(cursor.array()?)),
                    ENUMERATED => Value::Enumerated(cursor.u16()?),
                    WORDS => Value::Text(cursor.string()?.into()),
                    RELATIONSHIP => Value::Relationship(cursor.u32()?),
                    _ => Value::NoRelationship,
                };
                Markup::Attribute(number, value)
            }
            _ => return Err(DecodeError::Malformed("markup")),
        })
    }
}

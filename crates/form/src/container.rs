//! What a mail, an archive or a document contains: children, whose bytes are still hostile and lie elsewhere.

use crate::codec::DecodeError;
use crate::limits::Limits;
use crate::name::{FileName, MemberPath};
use crate::reason::{Class, Reason, Refusal};
use crate::text::{Line, Text};
use crate::wire::{Cursor, Sink, size};

/// One attachment or member. Its bytes are a range of what the dirty room spilled: they go to further dirty rooms, never to
/// a clean one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// Number of the child, greater than that of the child before it.
    pub id: u32,
    /// Clean name of the child.
    pub name: FileName,
    /// The media type that the container gave it, lower case, may be empty; a hint only.
    pub declared_type: Line,
    /// Where its bytes begin in the spill, not before the end of the child before it.
    pub offset: u64,
    /// How many bytes it has.
    pub len: u64,
    /// Whether the mail shows it in its text.
    pub inline: bool,
    /// Its place in an archive, ending in `name`; never for a part of a mail or a file in a document. Two members may say the same place: whoever
    /// writes an archive of them numbers them.
    pub path: Option<MemberPath>,
    /// When it was last changed, in Unix seconds, where the archive says.
    pub modified: Option<i64>,
    /// Set where the dirty room itself refuses the child (an encrypted member, an external body); then `len` may be 0.
    pub withheld: Option<Refusal>,
    /// Whether it is a mail in its own right (message/rfc822).
    pub is_mail: bool,
}

impl Child {
    /// The most bytes that a declared type may have.
    pub const MAX_TYPE_BYTES: usize = 255;

    /// Where its bytes end, `None` past the largest number.
    pub fn end(&self) -> Option<u64> {
        self.offset.checked_add(self.len)
    }

    pub(crate) fn check(&self, limits: &Limits) -> Result<(), DecodeError> {
        Refusal::check(Reason::LimitNameBytes, limits.name_bytes.into(), size(self.name.as_str().len()))?;
        let type_limit = size(Self::MAX_TYPE_BYTES).min(limits.line_bytes.into());
        Refusal::check(Reason::LimitLineBytes, type_limit, size(self.declared_type.as_str().len()))?;
        if self.withheld.is_some_and(|refusal| refusal.reason.class() != Class::Withheld) {
            return Err(DecodeError::Malformed("reason of a refusal"));
        }
        if let Some(path) = &self.path {
            Refusal::check(Reason::LimitNameBytes, limits.path_bytes.into(), size(path.byte_len()))?;
            // Two names for one member would let one of them be judged and the other be used.
            if path.file_name() != &self.name {
                return Err(DecodeError::Malformed("path of a child"));
            }
        }
        Ok(())
    }

    pub(crate) fn put(&self, sink: &mut Sink) {
        sink.u32(self.id);
        sink.string(self.name.as_str());
        sink.string(self.declared_type.as_str());
        sink.u64(self.offset);
        sink.u64(self.len);
        sink.flag(self.inline);
        sink.option(self.path.as_ref(), |path, sink| sink.string(&path.to_string()));
        sink.option(self.modified.as_ref(), |modified, sink| sink.i64(*modified));
        sink.option(self.withheld.as_ref(), Refusal::put);
        sink.flag(self.is_mail);
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<Child, DecodeError> {
        Ok(Child {
            id: cursor.u32()?,
            name: take_name(cursor)?,
            declared_type: take_line(cursor, "declared type")?,
            offset: cursor.u64()?,
            len: cursor.u64()?,
            inline: cursor.flag()?,
            path: cursor.option(take_path)?,
            modified: cursor.option(Cursor::i64)?,
            withheld: cursor.option(Refusal::take)?,
            is_mail: cursor.flag()?,
        })
    }
}

pub(crate) fn take_name(cursor: &mut Cursor<'_>) -> Result<FileName, DecodeError> {
    FileName::parse(cursor.string()?).map_err(|_| DecodeError::Malformed("file name"))
}

pub(crate) fn take_path(cursor: &mut Cursor<'_>) -> Result<MemberPath, DecodeError> {
    MemberPath::parse(cursor.string()?).map_err(|_| DecodeError::Malformed("member path"))
}

pub(crate) fn take_text(cursor: &mut Cursor<'_>, what: &'static str) -> Result<Text, DecodeError> {
    Text::parse(cursor.string()?).map_err(|_| DecodeError::Malformed(what))
}

pub(crate) fn take_line(cursor: &mut Cursor<'_>, what: &'static str) -> Result<Line, DecodeError> {
    Line::parse(cursor.string()?).map_err(|_| DecodeError::Malformed(what))
}

//! Fields of Word (ECMA-376 part 1, section 17.16) as they run through a part: `begin`, the pieces of an instruction,
//! `separate`, what it shows, `end`; one in another's instruction or result.

use super::grammar;

/// The fields that are open at one place of a part. Both rooms keep one.
#[derive(Debug, Default)]
pub struct Fields {
    open: Vec<Field>,
}

#[derive(Debug, Default)]
struct Field {
    instruction: String,
    /// Whether its result is being shown, so that its instruction is complete.
    shown: bool,
}

/// Why markup has a field that may not cross.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldFault {
    /// Its instruction is not one of those that only show something of the document itself.
    Refused,
    /// It ends, or has an instruction, without a beginning.
    Stray,
    /// Fields in fields beyond [`Fields::DEPTH`].
    Depth,
}

impl Fields {
    /// The most fields inside one another.
    pub const DEPTH: usize = 32;

    /// A field begins.
    pub fn begin(&mut self) -> Result<(), FieldFault> {
        if self.open.len() >= Self::DEPTH {
            return Err(FieldFault::Depth);
        }
        self.open.push(Field::default());
        Ok(())
    }

    /// A piece of the innermost field's instruction.
    pub fn instruction(&mut self, piece: &str) -> Result<(), FieldFault> {
        let field = self.open.last_mut().filter(|field| !field.shown).ok_or(FieldFault::Stray)?;
        if field.instruction.len().saturating_add(piece.len()) > grammar::FIELD_BYTES {
            return Err(FieldFault::Refused);
        }
        field.instruction.push_str(piece);
        Ok(())
    }

    /// The innermost field's instruction is complete and its result begins.
    pub fn separate(&mut self) -> Result<(), FieldFault> {
        let field = self.open.last_mut().ok_or(FieldFault::Stray)?;
        field.shown = true;
        if grammar::field(&field.instruction) { Ok(()) } else { Err(FieldFault::Refused) }
    }

    /// The innermost field ends.
    pub fn end(&mut self) -> Result<(), FieldFault> {
        let field = self.open.pop().ok_or(FieldFault::Stray)?;
        if field.shown || grammar::field(&field.instruction) { Ok(()) } else { Err(FieldFault::Refused) }
    }

    /// The part ends; fields that are still open are judged by what there is of them.
    pub fn finish(&mut self) -> Result<(), FieldFault> {
        while !self.open.is_empty() {
            self.end()?;
        }
        Ok(())
    }

    /// Whether an instruction is still coming, so that it cannot be judged yet.
    pub fn is_undecided(&self) -> bool {
        self.open.iter().any(|field| !field.shown)
    }
}

//! Fields of Word (ECMA-376 part 1, section 17.16) as they run through a part: `begin`, the pieces of an instruction,
//! `separate`, what it shows, `end`; one in another's instruction or result.

use super::grammar;
use super::schema::Type;

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
    ///
    /// # Errors
    /// [`FieldFault::Depth`] beyond [`DEPTH`](Self::DEPTH); else as [`within`](Self::within).
    pub fn begin(&mut self) -> Result<(), FieldFault> {
        if self.open.len() >= Self::DEPTH {
            return Err(FieldFault::Depth);
        }
        self.within()?;
        self.open.push(Field::default());
        Ok(())
    }

    /// A field stands here that is not one of these marks (`fldSimple`). What it shows becomes part of the instruction it stands
    /// in, if any; which is why its place is kept there.
    ///
    /// # Errors
    /// [`FieldFault::Refused`] when the instruction around it becomes too long.
    pub fn within(&mut self) -> Result<(), FieldFault> {
        self.words(grammar::field::NESTED.encode_utf8(&mut [0; 4]))
    }

    /// Words to be shown. Where an instruction is still coming Word takes them for a piece of it: behind `DDEAUTO` as plain
    /// words, an instruction of `PAGE` is one of `DDEAUTO`.
    ///
    /// # Errors
    /// As [`within`](Self::within).
    pub fn words(&mut self, text: &str) -> Result<(), FieldFault> {
        if self.open.last().is_some_and(|field| !field.shown) { self.instruction(text) } else { Ok(()) }
    }

    /// A piece of the innermost field's instruction.
    ///
    /// # Errors
    /// [`FieldFault::Stray`] where none is coming, [`FieldFault::Refused`] when it becomes too long.
    pub fn instruction(&mut self, piece: &str) -> Result<(), FieldFault> {
        let field = self.open.last_mut().filter(|field| !field.shown).ok_or(FieldFault::Stray)?;
        if field.instruction.len().saturating_add(piece.len()) > grammar::FIELD_BYTES {
            return Err(FieldFault::Refused);
        }
        field.instruction.push_str(piece);
        Ok(())
    }

    /// The innermost field's instruction is complete and its result begins.
    ///
    /// # Errors
    /// [`FieldFault::Stray`] without a beginning, [`FieldFault::Refused`] for an instruction that may not cross.
    pub fn separate(&mut self) -> Result<(), FieldFault> {
        let field = self.open.last_mut().ok_or(FieldFault::Stray)?;
        field.shown = true;
        if grammar::field(&field.instruction) { Ok(()) } else { Err(FieldFault::Refused) }
    }

    /// The innermost field ends.
    ///
    /// # Errors
    /// As [`separate`](Self::separate).
    pub fn end(&mut self) -> Result<(), FieldFault> {
        let field = self.open.pop().ok_or(FieldFault::Stray)?;
        if field.shown || grammar::field(&field.instruction) { Ok(()) } else { Err(FieldFault::Refused) }
    }

    /// The part ends; fields that are still open are judged by what there is of them.
    ///
    /// # Errors
    /// [`FieldFault::Refused`] for an instruction that may not cross.
    pub fn finish(&mut self) -> Result<(), FieldFault> {
        while !self.open.is_empty() {
            self.end()?;
        }
        Ok(())
    }

    /// Whether an element of this type is read apart from what stands around it: a text box is a story of its own, and what is
    /// tracked as inserted or deleted goes away when somebody accepts or rejects it. An instruction lies wholly inside or
    /// wholly outside of such an element, or a program reads another than was judged.
    pub fn is_apart(of: Type) -> bool {
        // The marks of the same names that properties have hold nothing.
        let holds = of.child_count() > 0;
        holds
            && matches!(
                of.name(),
                "txbxContent"
                    | "ins"
                    | "del"
                    | "moveFrom"
                    | "moveTo"
                    | "conflictIns"
                    | "conflictDel"
                    | "footnote"
                    | "endnote"
                    | "comment"
            )
    }

    /// Whether an instruction is still coming, so that it cannot be judged yet.
    pub fn is_undecided(&self) -> bool {
        self.open.iter().any(|field| !field.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs marks: `{` begins, `|` shows, `}` ends, `s` is a short field, `'…` words to be shown, all else an instruction.
    fn run(marks: &[&str]) -> Result<(), FieldFault> {
        let mut fields = Fields::default();
        for mark in marks {
            match (*mark, mark.strip_prefix('\'')) {
                ("{", _) => fields.begin()?,
                ("|", _) => fields.separate()?,
                ("}", _) => fields.end()?,
                ("s", _) => fields.within()?,
                (_, Some(words)) => fields.words(words)?,
                (piece, None) => fields.instruction(piece)?,
            }
        }
        fields.finish()
    }

    #[test]
    fn a_field_may_take_what_another_gives_but_not_its_first_word() {
        let good: [&[&str]; 6] = [
            &["{", " PA", "GE ", "|", "'1", "}"],
            &["{", " IF ", "{", " REF a ", "|", "'x", "}", " = 1 \"a\" \"b\"", "|", "'b", "}"],
            &["{", " IF ", "s", "'x", " = 1 \"a\" \"b\"", "}"],
            &["{", " PAGE ", "|", "{", " TIME ", "}", "s", "'DDE", "}"],
            &["{", " PAGE "],
            &["'DDEAUTO", "s"],
        ];
        for marks in good {
            assert_eq!(run(marks), Ok(()), "{marks:?}");
        }
        let bad: [&[&str]; 6] = [
            &["{", "{", " REF a ", "|", "'DDEAUTO cmd", "}", " PAGE ", "}"],
            &["{", "s", "'PAGE", " PAGE ", "}"],
            &["{", "'DDEAUTO cmd ", " PAGE ", "}"],
            &["{", " PAGE", "{", " REF a ", "}", "}"],
            &["{", "{", " REF a ", "}", "}"],
            &["{", " DDEAUTO cmd "],
        ];
        for marks in bad {
            assert_eq!(run(marks), Err(FieldFault::Refused), "{marks:?}");
        }
    }

    #[test]
    fn fields_in_an_instruction_count_towards_its_length() {
        let marks = |fields: usize| [vec!["{", "PAGE "], vec!["s"; fields], vec!["}"]].concat();
        let most = (grammar::FIELD_BYTES - 5) / 3;
        assert_eq!(run(&marks(most)), Ok(()));
        assert_eq!(run(&marks(most + 1)), Err(FieldFault::Refused));
        assert_eq!(run(&["{"; Fields::DEPTH + 1]), Err(FieldFault::Depth));
    }
}

//! Office documents. Parts are numbered in the order in which their headers come, and their markup comes in the same order.

use std::io::Write;

use super::Encoder;
use crate::codec::EncodeError;
use crate::codec::frame::{MARKUP_BYTES, Tag};
use crate::office::{Markup, OfficeHeader, PartHeader};

impl<W: Write> Encoder<W> {
    /// Writes the header of an Office document.
    pub fn office(&mut self, header: &OfficeHeader) -> Result<(), EncodeError> {
        self.guarded(|encoder| {
            header.check(&encoder.verifier.limits)?;
            encoder.frame_of(Tag::Office, |sink| header.put(sink))?;
            Ok(encoder.verifier.office_header(header)?)
        })
    }

    /// Writes the header of the next part. [`picture`](Encoder::picture)s come after all of them.
    pub fn part(&mut self, part: &PartHeader) -> Result<(), EncodeError> {
        self.guarded(|encoder| {
            encoder.frame_of(Tag::Part, |sink| part.put(sink))?;
            Ok(encoder.verifier.part(part)?)
        })
    }

    /// Writes more steps of the part that is being written, or of several in a row, any number of them.
    pub fn markup(&mut self, steps: &[Markup]) -> Result<(), EncodeError> {
        self.guarded(|encoder| {
            encoder.scratch.clear();
            for step in steps {
                let before = encoder.scratch.len();
                step.put(&mut encoder.scratch);
                if before > 0 && encoder.scratch.len() > MARKUP_BYTES {
                    encoder.first_markup(before)?;
                }
                encoder.verifier.markup(step)?;
            }
            match encoder.scratch.len() {
                0 => Ok(()),
                len => encoder.first_markup(len),
            }
        })
    }

    /// Writes the first `len` bytes of what was put as a frame of markup, and keeps the rest for the next.
    fn first_markup(&mut self, len: usize) -> Result<(), EncodeError> {
        self.begin(Tag::Markup, len)?;
        self.out.write_all(self.scratch.as_slice().get(..len).unwrap_or_default())?;
        self.scratch.drop_front(len);
        Ok(())
    }
}

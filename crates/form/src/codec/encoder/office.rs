//! Office documents. Parts are numbered in the order in which their headers come, and their markup comes in the same order.

use std::io::Write;

use super::Encoder;
use crate::codec::EncodeError;
use crate::codec::frame::{MARKUP_BYTES, Tag};
use crate::office::{Markup, OfficeHeader, PartHeader};

impl<W: Write> Encoder<W> {
    /// Writes the header of an Office document.
    ///
    /// # Errors
    /// As [`finding`](Encoder::finding).
    pub fn office(&mut self, header: &OfficeHeader) -> Result<(), EncodeError> {
        self.guarded(|encoder| {
            header.check(&encoder.verifier.limits)?;
            encoder.frame_of(Tag::Office, |sink| header.put(sink))?;
            Ok(encoder.verifier.office_header(header)?)
        })
    }

    /// Writes the header of the next part. [`picture`](Encoder::picture)s come after all of them.
    ///
    /// # Errors
    /// As [`finding`](Encoder::finding).
    pub fn part(&mut self, part: &PartHeader) -> Result<(), EncodeError> {
        self.guarded(|encoder| {
            encoder.frame_of(Tag::Part, |sink| part.put(sink))?;
            Ok(encoder.verifier.part(part)?)
        })
    }

    /// Writes more steps of the part that is being written, or of several in a row, any number of them.
    ///
    /// # Errors
    /// As [`finding`](Encoder::finding).
    pub fn markup(&mut self, steps: &[Markup]) -> Result<(), EncodeError> {
        self.guarded(|encoder| {
            let mut rest = steps;
            while !rest.is_empty() {
                encoder.scratch.clear();
                let mut count = 0_usize;
                for step in rest {
                    let before = encoder.scratch.len();
                    step.put(&mut encoder.scratch);
                    if before > 0 && encoder.scratch.len() > MARKUP_BYTES {
                        encoder.scratch.truncate(before);
                        break;
                    }
                    count = count.saturating_add(1);
                }
                let (frame, more) = rest.split_at_checked(count).unwrap_or((rest, &[]));
                // Whether a frame may come is judged before its steps are: after the last of them none may.
                encoder.begin(Tag::Markup, encoder.scratch.len())?;
                frame.iter().try_for_each(|step| encoder.verifier.markup(step))?;
                encoder.out.write_all(encoder.scratch.as_slice())?;
                rest = more;
            }
            Ok(())
        })
    }
}

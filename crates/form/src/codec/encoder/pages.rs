//! Documents of pages. The numbers that these give out are what operations name.

use std::io::Write;

use super::Encoder;
use crate::codec::EncodeError;
use crate::codec::frame::{OPERATIONS_BYTES, Tag};
use crate::pages::{
    CanvasHeader, Glyph, Gradient, Link, Operation, OutlineItem, PageHeader, PageLabel, PagesHeader, PictureHeader,
};

impl<W: Write> Encoder<W> {
    /// Writes the header of a document of pages.
    ///
    /// # Errors
    /// As [`finding`](Encoder::finding).
    pub fn pages(&mut self, header: &PagesHeader) -> Result<(), EncodeError> {
        self.guarded(|encoder| {
            header.check(&encoder.verifier.limits)?;
            encoder.frame_of(Tag::Pages, |sink| header.put(sink))?;
            Ok(encoder.verifier.pages_header(header)?)
        })
    }

    /// Writes a glyph and gives its number.
    ///
    /// # Errors
    /// As [`finding`](Encoder::finding).
    pub fn glyph(&mut self, glyph: &Glyph) -> Result<u32, EncodeError> {
        self.guarded(|encoder| {
            glyph.check()?;
            encoder.frame_of(Tag::Glyph, |sink| glyph.put(sink))?;
            Ok(encoder.verifier.glyph(glyph)?)
        })
    }

    /// Writes the header of a picture and gives its number; its [`pixels`](Encoder::pixels) follow.
    ///
    /// # Errors
    /// As [`finding`](Encoder::finding).
    pub fn picture(&mut self, header: &PictureHeader) -> Result<u32, EncodeError> {
        self.guarded(|encoder| {
            header.check(&encoder.verifier.limits)?;
            encoder.frame_of(Tag::Picture, |sink| header.put(sink))?;
            Ok(encoder.verifier.picture(header)?)
        })
    }

    /// Writes a gradient and gives its number.
    ///
    /// # Errors
    /// As [`finding`](Encoder::finding).
    pub fn gradient(&mut self, gradient: &Gradient) -> Result<u32, EncodeError> {
        self.guarded(|encoder| {
            gradient.check()?;
            encoder.frame_of(Tag::Gradient, |sink| gradient.put(sink))?;
            Ok(encoder.verifier.gradient()?)
        })
    }

    /// Writes the header of a canvas and gives its number; its [`operations`](Encoder::operations) follow. It ends with the next
    /// resource, page or finish, and can be named from then on.
    ///
    /// # Errors
    /// As [`finding`](Encoder::finding).
    pub fn canvas(&mut self, header: &CanvasHeader) -> Result<u32, EncodeError> {
        self.guarded(|encoder| {
            header.check()?;
            encoder.frame_of(Tag::Canvas, |sink| header.put(sink))?;
            Ok(encoder.verifier.canvas(header)?)
        })
    }

    /// Writes the header of a page and gives its number; its [`operations`](Encoder::operations) and [`link`](Encoder::link)s
    /// follow. It ends with the next resource, page, outline item, page label or finish.
    ///
    /// # Errors
    /// As [`finding`](Encoder::finding).
    pub fn page(&mut self, header: &PageHeader) -> Result<u32, EncodeError> {
        self.guarded(|encoder| {
            header.check()?;
            encoder.frame_of(Tag::Page, |sink| header.put(sink))?;
            Ok(encoder.verifier.page()?)
        })
    }

    /// Writes more steps of the canvas or page, any number of them.
    ///
    /// # Errors
    /// As [`finding`](Encoder::finding).
    pub fn operations(&mut self, operations: &[Operation]) -> Result<(), EncodeError> {
        self.guarded(|encoder| {
            let most = usize::try_from(encoder.verifier.limits.operation_bytes).unwrap_or(usize::MAX);
            let most = most.min(OPERATIONS_BYTES);
            encoder.scratch.clear();
            for operation in operations {
                operation.check()?;
                encoder.verifier.operation(operation)?;
                let before = encoder.scratch.len();
                operation.put(&mut encoder.scratch);
                if before > 0 && encoder.scratch.len() > most {
                    encoder.frame_of_first(before)?;
                }
            }
            match encoder.scratch.len() {
                0 => Ok(()),
                len => encoder.frame_of_first(len),
            }
        })
    }

    /// What these steps would cost the page that draws them, with all canvases that they name, as `page_operations` of the
    /// [`Limits`](crate::Limits) counts it. A page that passes that limit ends the document, so whoever can draw it in another
    /// way asks first.
    ///
    /// # Errors
    /// [`EncodeError::Invalid`] when they name a canvas that is not there.
    pub fn cost(&self, operations: &[Operation]) -> Result<u64, EncodeError> {
        Ok(self.verifier.cost(operations)?)
    }

    /// Writes a link of the page.
    ///
    /// # Errors
    /// As [`finding`](Encoder::finding).
    pub fn link(&mut self, link: &Link) -> Result<(), EncodeError> {
        self.guarded(|encoder| {
            link.check()?;
            encoder.frame_of(Tag::Link, |sink| link.put(sink))?;
            Ok(encoder.verifier.link(link)?)
        })
    }

    /// Writes the next entry of the outline, after all pages.
    ///
    /// # Errors
    /// As [`finding`](Encoder::finding).
    pub fn outline_item(&mut self, item: &OutlineItem) -> Result<(), EncodeError> {
        self.guarded(|encoder| {
            item.check(&encoder.verifier.limits)?;
            encoder.frame_of(Tag::OutlineItem, |sink| item.put(sink))?;
            Ok(encoder.verifier.outline_item(item)?)
        })
    }

    /// Writes the next page label, after the outline.
    ///
    /// # Errors
    /// As [`finding`](Encoder::finding).
    pub fn page_label(&mut self, label: &PageLabel) -> Result<(), EncodeError> {
        self.guarded(|encoder| {
            label.check(&encoder.verifier.limits)?;
            encoder.frame_of(Tag::PageLabel, |sink| label.put(sink))?;
            Ok(encoder.verifier.page_label(label)?)
        })
    }

    /// Writes the first `len` bytes of what was put as a frame of operations, and keeps the rest for the next.
    fn frame_of_first(&mut self, len: usize) -> Result<(), EncodeError> {
        self.begin(Tag::Operations, len)?;
        self.out.write_all(self.scratch.as_slice().get(..len).unwrap_or_default())?;
        self.scratch.drop_front(len);
        Ok(())
    }
}

//! Pictures: pixels to a file of the kind they came from, as small as it can be without losing more.
//!
//! A picture is held once while it comes in; an animation frame by frame, a document page by page.

pub(crate) mod baseline;
mod bmp;
mod gif;
mod jpeg;
pub(crate) mod palette;
pub(crate) mod png;
mod tiff;
mod watermark;
mod webp;

use form::codec::Event;
use form::image::{FrameHeader, ImageHeader, ImageSource, PixelFormat};
use form::job::{Animation, CleanJob, ImagePolicy};
use form::report::{OutputType, PageLevels};
use form::{Finding, Place, Reason};

use crate::error::Error;
use crate::output::Output;
use crate::room::{Form, Written};

pub(crate) fn write(form: &mut Form<'_>, job: &CleanJob, out: &mut Output<'_>) -> Result<Written, Error> {
    let mut findings = Vec::new();
    let mut writer: Option<Writer<'_, '_>> = None;
    let mut out = Some(out);
    let mut header: Option<ImageHeader> = None;
    let mut frame: Option<Frame> = None;
    loop {
        match form.next()? {
            Event::Finding(finding) => findings.push(finding),
            Event::Image(image) => {
                header = Some(image);
                writer = out.take().map(|out| Writer::new(&image, &job.image, out));
            }
            Event::Frame(next) => {
                let image = header.as_ref().ok_or(Reason::FormInvalid)?;
                if let (Some(done), Some(writer)) = (frame.take(), &mut writer) {
                    writer.frame(image, &marked(image, done, job), &mut findings)?;
                }
                frame = Some(Frame::new(image, next));
            }
            Event::Pixels(rows) => {
                frame.as_mut().ok_or(Reason::FormInvalid)?.pixels.extend_from_slice(rows);
            }
            Event::End => break,
            Event::Text(_)
            | Event::TextSource(_)
            | Event::MailHeader(_)
            | Event::Child(_)
            | Event::Table(_)
            | Event::Row(_)
            | Event::Pages(_)
            | Event::Glyph(_)
            | Event::Picture(_)
            | Event::Gradient(_)
            | Event::Canvas(_)
            | Event::Page(_)
            | Event::Operations(_)
            | Event::Link(_)
            | Event::OutlineItem(_)
            | Event::PageLabel(_)
            | Event::Office(_)
            | Event::Part(_)
            | Event::Markup(_)
            | Event::Calendar(_)
            | Event::Entry(_)
            | Event::Card(_) => return Err(Reason::FormInvalid.into()),
        }
    }
    let (Some(image), Some(frame), Some(mut writer)) = (header, frame, writer) else {
        return Err(Reason::FormInvalid.into());
    };
    writer.frame(&image, &marked(&image, frame, job), &mut findings)?;
    let (output, pages) = writer.finish(&mut findings)?;
    Ok(Written { output, pages, levels: PageLevels::default(), findings })
}

/// The frame with the mark over it that the job asks for.
fn marked(image: &ImageHeader, mut frame: Frame, job: &CleanJob) -> Frame {
    if let Some(mark) = &job.watermark {
        watermark::draw(image, &mut frame.pixels, mark);
    }
    frame
}

/// One frame with all its pixels.
struct Frame {
    header: FrameHeader,
    pixels: Vec<u8>,
}

impl Frame {
    fn new(image: &ImageHeader, header: FrameHeader) -> Frame {
        // The verifier has bounded the size; pages of it are taken only as pixels arrive.
        let bytes = usize::try_from(image.frame_bytes()).unwrap_or(0);
        Frame { header, pixels: Vec::with_capacity(bytes) }
    }
}

/// The writer for a picture, chosen by what it came from.
enum Writer<'o, 'w> {
    Single { out: Option<&'o mut Output<'w>>, policy: ImagePolicy, output: OutputType, dropped: u32 },
    Gif { writer: gif::Animation<&'o mut Output<'w>>, policy: ImagePolicy, frames: u32, dropped: u32 },
    Tiff { writer: tiff::Document<&'o mut Output<'w>>, pages: u32 },
}

impl<'o, 'w> Writer<'o, 'w> {
    fn new(image: &ImageHeader, policy: &ImagePolicy, out: &'o mut Output<'w>) -> Writer<'o, 'w> {
        let single = |out, output| Writer::Single { out: Some(out), policy: *policy, output, dropped: 0 };
        // JPEG has no alpha and ends at 65,535 pixels a side, GIF too; WebP ends at 16,384.
        let side = image.width.max(image.height);
        let alpha = matches!(image.format, PixelFormat::GrayA8 | PixelFormat::Rgba8);
        match image.source {
            ImageSource::Jpeg if !alpha && side <= 65_535 => single(out, OutputType::Jpeg),
            ImageSource::Bmp => single(out, OutputType::Bmp),
            ImageSource::WebP if side <= 16_384 => single(out, OutputType::WebP),
            ImageSource::Gif if side <= 65_535 => {
                Writer::Gif { writer: gif::Animation::new(image, out), policy: *policy, frames: 0, dropped: 0 }
            }
            ImageSource::Tiff => Writer::Tiff { writer: tiff::Document::new(out), pages: 0 },
            ImageSource::Png | ImageSource::Jpeg | ImageSource::WebP | ImageSource::Gif => single(out, OutputType::Png),
        }
    }

    fn frame(&mut self, image: &ImageHeader, frame: &Frame, findings: &mut Vec<Finding>) -> Result<(), Error> {
        match self {
            Writer::Single { out, policy, output, dropped } => {
                let Some(out) = out.take() else {
                    *dropped = dropped.saturating_add(1);
                    return Ok(());
                };
                if *output == OutputType::Png && image.source != ImageSource::Png {
                    findings.push(Finding::new(Reason::FormatConverted, Place::new("PNG")));
                }
                match output {
                    OutputType::Jpeg => jpeg::write(image, &frame.pixels, policy, out),
                    OutputType::Bmp => bmp::write(image, &frame.pixels, out),
                    OutputType::WebP => webp::write(image, &frame.pixels, out),
                    _ => png::write(image, &frame.pixels, out),
                }
            }
            Writer::Gif { policy, frames, dropped, .. } if *frames > 0 && policy.animation == Animation::FirstFrame => {
                *dropped = dropped.saturating_add(1);
                Ok(())
            }
            Writer::Gif { writer, frames, .. } => {
                *frames = frames.saturating_add(1);
                writer.frame(&frame.pixels, frame.header.delay_ms)
            }
            Writer::Tiff { writer, pages } => {
                *pages = pages.saturating_add(1);
                writer.page(image, &frame.pixels)
            }
        }
    }

    fn finish(self, findings: &mut Vec<Finding>) -> Result<(OutputType, u32), Error> {
        let (output, pages, dropped) = match self {
            Writer::Single { output, dropped, .. } => (output, 1, dropped),
            Writer::Gif { writer, frames, dropped, .. } => {
                writer.finish()?;
                (OutputType::Gif, frames, dropped)
            }
            Writer::Tiff { writer, pages } => {
                writer.finish()?;
                (OutputType::Tiff, pages, 0)
            }
        };
        if dropped > 0 {
            findings.push(Finding { reason: Reason::AnimationFrames, count: dropped, place: Place::default() });
        }
        Ok((output, pages))
    }
}

/// Sides that a 16-bit field holds.
fn narrow(side: u32) -> Result<u16, Error> {
    u16::try_from(side).map_err(|_| Reason::LimitDimension.into())
}

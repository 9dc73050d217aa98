//! GIF: frames written as what changes, each with a palette of its own.
//!
//! One frame waits until the next is known: a pixel that becomes transparent can only be cleared by what the frame before
//! says is done with it.

use std::io::Write;

use ::gif::{DisposalMethod, Encoder, Frame, Repeat as GifRepeat};
use form::Reason;
use form::image::{ImageHeader, PixelFormat, Repeat};

use super::narrow;
use super::palette::Palette;
use crate::error::Error;

/// An animation in the making.
pub(super) struct Animation<W: Write> {
    state: State<W>,
    width: u32,
    height: u32,
    format: PixelFormat,
    repeat: Option<GifRepeat>,
    /// What is on the screen before the waiting frame, red, green, blue, alpha.
    screen: Vec<u8>,
    waiting: Option<Waiting>,
}

enum State<W: Write> {
    New(W),
    Begun(Box<Encoder<W>>),
    Broken,
}

struct Waiting {
    pixels: Vec<u8>,
    delay_ms: u32,
}

impl<W: Write> Animation<W> {
    pub(super) fn new(image: &ImageHeader, out: W) -> Animation<W> {
        // The number in the file counts the showings after the first; a single showing needs no mark at all.
        let repeat = match image.repeat {
            _ if image.frames <= 1 => None,
            Repeat::Forever => Some(GifRepeat::Infinite),
            Repeat::Times(times) => (times > 1).then(|| GifRepeat::Finite(times.saturating_sub(1))),
        };
        let bytes = u64::from(image.width).saturating_mul(image.height.into()).saturating_mul(4);
        Animation {
            state: State::New(out),
            width: image.width,
            height: image.height,
            format: image.format,
            repeat,
            screen: vec![0; usize::try_from(bytes).unwrap_or(0)],
            waiting: None,
        }
    }

    pub(super) fn frame(&mut self, pixels: &[u8], delay_ms: u32) -> Result<(), Error> {
        let pixels = rgba(pixels, self.format);
        if let Some(before) = self.waiting.take() {
            let clears =
                before.pixels.chunks_exact(4).zip(pixels.chunks_exact(4)).any(|(old, new)| alpha(old) && !alpha(new));
            self.write(&before, clears)?;
        }
        self.waiting = Some(Waiting { pixels, delay_ms });
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(), Error> {
        let last = self.waiting.take().ok_or(Reason::FormInvalid)?;
        self.write(&last, false)?;
        match self.state {
            State::Begun(encoder) => encoder.into_inner().map(drop).map_err(write_error),
            State::New(_) | State::Broken => Err(Reason::FormInvalid.into()),
        }
    }

    /// Writes a frame: whole where it is the first, because some readers put a colour where that leaves the screen empty, or where the
    /// screen is cleared after it; else the rectangle that changes.
    fn write(&mut self, frame: &Waiting, clears: bool) -> Result<(), Error> {
        let area = if clears || matches!(self.state, State::New(_)) {
            Area { left: 0, top: 0, width: self.width, height: self.height }
        } else {
            self.changed(frame)
        };
        let mut pixels = self.cut(&frame.pixels, &area);
        // What stays as it is need not be drawn; one transparent number packs better than the picture behind it.
        let behind = self.cut(&self.screen, &area);
        for (new, old) in pixels.chunks_exact_mut(4).zip(behind.chunks_exact(4)) {
            if new == old || !alpha(new) {
                new.fill(0);
            }
        }
        let mut written = self.quantised(pixels, &area)?;
        written.left = narrow(area.left)?;
        written.top = narrow(area.top)?;
        // Hundredths of a second.
        written.delay = u16::try_from(frame.delay_ms.saturating_add(5) / 10).unwrap_or(u16::MAX);
        written.dispose = if clears { DisposalMethod::Background } else { DisposalMethod::Keep };
        self.encoder()?.write_frame(&written).map_err(write_error)?;
        if clears {
            self.screen.fill(0);
        } else {
            self.screen.copy_from_slice(&frame.pixels);
        }
        Ok(())
    }

    fn quantised(&self, mut pixels: Vec<u8>, area: &Area) -> Result<Frame<'static>, Error> {
        let (width, height) = (narrow(area.width)?, narrow(area.height)?);
        let Some(Palette { colours, indices }) = Palette::of(&pixels, PixelFormat::Rgba8, 256) else {
            return Ok(Frame::from_rgba_speed(width, height, &mut pixels, QUANTISER_SPEED));
        };
        let transparent = colours.iter().position(|[.., alpha]| *alpha == 0).and_then(|at| u8::try_from(at).ok());
        let palette: Vec<u8> = colours.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect();
        Ok(Frame::from_palette_pixels(width, height, indices, palette, transparent))
    }

    /// The smallest rectangle outside of which the frame shows what is on the screen; one pixel where nothing changes.
    fn changed(&self, frame: &Waiting) -> Area {
        let row_bytes = usize::try_from(self.width).unwrap_or(0).saturating_mul(4).max(1);
        let mut found: Option<(usize, usize, usize, usize)> = None;
        let rows = frame.pixels.chunks_exact(row_bytes).zip(self.screen.chunks_exact(row_bytes));
        for (y, (new, old)) in rows.enumerate() {
            let differs = |(a, b): (&[u8], &[u8])| a != b;
            let Some(first) = new.chunks_exact(4).zip(old.chunks_exact(4)).position(differs) else { continue };
            let last = new.chunks_exact(4).zip(old.chunks_exact(4)).rposition(differs).unwrap_or(first);
            found = Some(match found {
                None => (first, y, last, y),
                Some((left, top, right, _)) => (left.min(first), top, right.max(last), y),
            });
        }
        let (left, top, right, bottom) = found.unwrap_or((0, 0, 0, 0));
        let number = |value: usize| u32::try_from(value).unwrap_or(0);
        Area {
            left: number(left),
            top: number(top),
            width: number(right.saturating_sub(left).saturating_add(1)),
            height: number(bottom.saturating_sub(top).saturating_add(1)),
        }
    }

    fn cut(&self, pixels: &[u8], area: &Area) -> Vec<u8> {
        let bytes = |count: u32| usize::try_from(count).unwrap_or(0).saturating_mul(4);
        let rows = pixels.chunks_exact(bytes(self.width).max(1));
        let (top, height) = (usize::try_from(area.top).unwrap_or(0), usize::try_from(area.height).unwrap_or(0));
        let columns = bytes(area.left)..bytes(area.left.saturating_add(area.width));
        rows.skip(top).take(height).flat_map(|row| row.get(columns.clone()).unwrap_or_default()).copied().collect()
    }

    fn encoder(&mut self) -> Result<&mut Encoder<W>, Error> {
        if let State::New(_) = self.state {
            let State::New(out) = std::mem::replace(&mut self.state, State::Broken) else {
                return Err(Reason::FormInvalid.into());
            };
            let mut encoder = Encoder::new(out, narrow(self.width)?, narrow(self.height)?, &[]).map_err(write_error)?;
            if let Some(repeat) = self.repeat {
                encoder.set_repeat(repeat).map_err(write_error)?;
            }
            self.state = State::Begun(Box::new(encoder));
        }
        match &mut self.state {
            State::Begun(encoder) => Ok(encoder),
            State::New(_) | State::Broken => Err(Reason::FormInvalid.into()),
        }
    }
}

struct Area {
    left: u32,
    top: u32,
    width: u32,
    height: u32,
}

/// Pixels as red, green, blue and an alpha that is there or not: GIF knows no half-transparency.
fn rgba(pixels: &[u8], format: PixelFormat) -> Vec<u8> {
    let channels = usize::from(format.channels());
    let whole = pixels.chunks_exact(channels).map(|pixel| match *pixel {
        [grey] => [grey, grey, grey, 255],
        [grey, alpha] => [grey, grey, grey, alpha],
        [r, g, b] => [r, g, b, 255],
        [r, g, b, alpha] => [r, g, b, alpha],
        _ => [0; 4],
    });
    whole.flat_map(|[r, g, b, alpha]| if alpha < 128 { [0; 4] } else { [r, g, b, 255] }).collect()
}

fn alpha(pixel: &[u8]) -> bool {
    matches!(pixel, [.., 255])
}

fn write_error(error: ::gif::EncodingError) -> Error {
    match error {
        ::gif::EncodingError::Io(error) => Error::Write(error),
        other => Error::Write(std::io::Error::other(other)),
    }
}

/// 1 is best, 30 fastest; used only where a frame has more than 256 colours.
const QUANTISER_SPEED: i32 = 10;

#[cfg(test)]
mod tests {
    use form::image::{ImageSource, Sampling};

    use super::*;

    #[test]
    fn the_first_frame_is_whole_and_the_next_is_what_changes() {
        let image = ImageHeader {
            width: 3,
            height: 3,
            frames: 2,
            format: PixelFormat::GrayA8,
            density: None,
            source: ImageSource::Gif,
            quality: None,
            sampling: Sampling::Full,
            repeat: Repeat::Forever,
        };
        // Only the pixel in the middle is there, then also the one on its right.
        let shown = |places: &[usize]| -> Vec<u8> {
            (0..9).flat_map(|at| if places.contains(&at) { [9, 255] } else { [0, 0] }).collect()
        };
        let mut file = Vec::new();
        let mut animation = Animation::new(&image, &mut file);
        animation.frame(&shown(&[4]), 100).unwrap();
        animation.frame(&shown(&[4, 5]), 100).unwrap();
        animation.finish().unwrap();
        let mut decoder = ::gif::Decoder::new(file.as_slice()).unwrap();
        let frame = decoder.read_next_frame().unwrap().unwrap();
        assert_eq!((frame.left, frame.top, frame.width, frame.height), (0, 0, 3, 3));
        let clear = frame.transparent.unwrap();
        assert_eq!(frame.buffer.iter().filter(|index| **index == clear).count(), 8);
        let frame = decoder.read_next_frame().unwrap().unwrap();
        assert_eq!((frame.left, frame.top, frame.width, frame.height), (2, 1, 1, 1));
    }
}

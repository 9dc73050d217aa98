//! Methods that `sevenz-rust2` reads with code that is not Rust, or not at all: deflate64, and those that 7-Zip ZS and NanaZip add (their
//! Methods.txt): zstd, Brotli and LZ4, in frames of zstdmt or without.

use std::io::{self, Read};

use brotli_decompressor::Decompressor;
use deflate64::Deflate64Decoder;
use form::{Limits, Reason, Refusal};
use lz4_flex::frame::FrameDecoder;

use super::super::bytes::Fields;
use super::super::codec::{Codec, Stream, check_window};

/// A method that is read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Deflate64,
    Zstd,
    Brotli,
    Lz4,
}

impl Method {
    /// The method of a coder's number.
    pub(super) fn of(id: &[u8]) -> Option<Method> {
        Some(match id {
            [0x04, 0x01, 0x09] => Method::Deflate64,
            [0x04, 0xF7, 0x11, 0x01] => Method::Zstd,
            [0x04, 0xF7, 0x11, 0x02] => Method::Brotli,
            [0x04, 0xF7, 0x11, 0x04] => Method::Lz4,
            _ => return None,
        })
    }

    /// What was packed. Errors carry the [`Refusal`] where there is one to tell.
    pub(super) fn unpacked<'a>(self, packed: &'a [u8], limits: &'a Limits) -> Box<dyn Read + 'a> {
        match self {
            Method::Deflate64 => Box::new(Deflate64Decoder::new(packed)),
            // Its frames, and what may be skipped between them, are those of the format itself.
            Method::Zstd => Box::new(Stream::new(Codec::Zstd, packed, limits)),
            Method::Brotli | Method::Lz4 => Box::new(Frames { method: self, rest: packed, open: None, limits }),
        }
    }

    fn frame<'a>(self, packed: &'a [u8], limits: &Limits) -> Result<Box<dyn Read + 'a>, Refusal> {
        match self {
            Method::Brotli => {
                check_window(brotli_window(packed), limits)?;
                Ok(Box::new(Decompressor::new(packed, BUFFER_BYTES)))
            }
            Method::Lz4 => {
                check_window(LZ4_BYTES, limits)?;
                Ok(Box::new(FrameDecoder::new(packed)))
            }
            Method::Deflate64 | Method::Zstd => Err(Reason::UnsupportedMethod.into()),
        }
    }
}

/// Frames one after the other, each behind a header that says how long it is, so that several processors can unpack them (zstdmt); or one
/// that is all there is.
struct Frames<'a> {
    method: Method,
    rest: &'a [u8],
    open: Option<Box<dyn Read + 'a>>,
    limits: &'a Limits,
}

impl<'a> Frames<'a> {
    /// The next frame without its header.
    fn next(&mut self) -> Option<&'a [u8]> {
        let mut fields = Fields::new(self.rest);
        if fields.u32() != Some(SKIPPABLE) {
            return Some(std::mem::take(&mut self.rest)).filter(|frame| !frame.is_empty());
        }
        let header = usize::try_from(fields.u32()?).ok()?;
        let mut header = Fields::new(fields.take(header)?);
        let len = usize::try_from(header.u32()?).ok()?;
        let frame = fields.take(len)?;
        self.rest = fields.rest();
        Some(frame)
    }
}

impl Read for Frames<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(open) = &mut self.open {
                match open.read(buffer)? {
                    0 if !buffer.is_empty() => self.open = None,
                    len => return Ok(len),
                }
            }
            if self.rest.is_empty() {
                return Ok(0);
            }
            let frame = self.next().ok_or(io::ErrorKind::InvalidData)?;
            self.open = Some(self.method.frame(frame, self.limits).map_err(io::Error::other)?);
        }
    }
}

/// The window that the first bits of a stream say (RFC 7932, section 9.1). The decoder also takes the larger ones of "large window
/// Brotli", whose mark has no meaning in the RFC.
fn brotli_window(stream: &[u8]) -> u64 {
    let [first, second, ..] = *stream else { return 0 };
    let bits = match first {
        _ if first & 0x7F == 0x11 => second & 0x3F,
        _ if first & 1 == 0 => 16,
        _ if first & 0x0E != 0 => 17 + (first >> 1 & 7),
        _ if first & 0x70 != 0 => 8 + (first >> 4 & 7),
        _ => 17,
    };
    1_u64.checked_shl(bits.into()).unwrap_or(u64::MAX)
}

const SKIPPABLE: u32 = 0x184D_2A50;
const BUFFER_BYTES: usize = 4 * 1024;
/// What a decoder of LZ4 keeps: the largest block (LZ4 frame format 1.6.1, block maximum size), packed and not, and 64 KiB before it.
const LZ4_BYTES: u64 = 9 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7932, section 9.1, the table of WBITS; the last two of "large window" as Brotli's own encoder writes it.
    #[test]
    fn windows_of_brotli_are_what_the_first_bits_say() {
        for (bytes, bits) in [
            ([0b0000_0000, 0], 16),
            ([0b0000_0001, 0], 17),
            ([0b0000_0011, 0], 18),
            ([0b0000_1101, 0], 23),
            ([0b0000_1111, 0], 24),
            ([0b0010_0001, 0], 10),
            ([0b0111_0001, 0], 15),
            ([0b0001_0001, 30], 30),
            ([0b0001_0001, 25 | 0xC0], 25),
        ] {
            assert_eq!(brotli_window(&bytes), 1 << bits, "{bytes:?}");
        }
    }

    #[test]
    fn a_window_may_have_the_bytes_of_the_limit_and_not_one_more() {
        let limits = |window_bytes| Limits { window_bytes, ..Limits::default() };
        let read = |method: Method, packed: &[u8], window| {
            let mut buffer = [0; 8];
            method
                .unpacked(packed, &limits(window))
                .read(&mut buffer)
                .err()
                .and_then(|error| error.get_ref().and_then(|inner| inner.downcast_ref::<Refusal>()).copied())
        };
        let large = [0x11, 30, 0];
        assert_eq!(
            read(Method::Brotli, &large, (1 << 30) - 1),
            Some(Refusal::limit(Reason::LimitWindowBytes, (1 << 30) - 1, 1 << 30))
        );
        assert_eq!(
            read(Method::Lz4, b"x", LZ4_BYTES - 1),
            Some(Refusal::limit(Reason::LimitWindowBytes, LZ4_BYTES - 1, LZ4_BYTES))
        );
        assert_eq!(read(Method::Lz4, b"x", LZ4_BYTES), None);
    }
}

//! Decompressors, each with a bound on the memory that a file may make it take.

use std::io::{self, Read};

use bzip2::bufread::BzDecoder;
use flate2::bufread::GzDecoder;
use form::{Limits, Reason, Refusal};
use lzma_rust2::{LzmaReader, XzReader};
use ruzstd::decoding::errors::FrameDecoderError;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use super::bytes::Fields;
use super::output::{RATIO_FREE_BYTES, check_ratio};
use crate::error::size;

/// A format of one compressed stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    /// RFC 1952.
    Gzip,
    /// bzip2 1.0.
    Bzip2,
    /// The .xz file format 1.2.
    Xz,
    /// RFC 8878.
    Zstd,
}

impl Codec {
    fn begins(self, bytes: &[u8]) -> bool {
        match self {
            Codec::Gzip => bytes.starts_with(b"\x1f\x8b"),
            Codec::Bzip2 => bytes.starts_with(b"BZh"),
            Codec::Xz => bytes.starts_with(b"\xfd7zXZ\0"),
            Codec::Zstd => bytes.starts_with(ZSTD_FRAME) || skippable(bytes),
        }
    }
}

/// What a file of one codec unpacks to: of all its streams, one after the other, as each of these formats allows. Errors carry
/// the [`Refusal`] where there is one to tell.
pub(crate) struct Stream<'a> {
    codec: Codec,
    inner: Inner<'a>,
    surplus: bool,
    window: u64,
}

enum Inner<'a> {
    /// What is still to be read.
    Next(&'a [u8]),
    Gzip(Box<GzDecoder<&'a [u8]>>),
    Bzip2(Box<BzDecoder<&'a [u8]>>),
    Xz(Box<XzReader<&'a [u8]>>),
    Zstd(Box<StreamingDecoder<&'a [u8], FrameDecoder>>),
    Done,
}

impl<'a> Stream<'a> {
    pub(crate) fn new(codec: Codec, packed: &'a [u8], limits: &Limits) -> Stream<'a> {
        Stream { codec, inner: Inner::Next(packed), surplus: false, window: limits.window_bytes }
    }

    /// Whether something that belongs to no stream stands behind the last one; known once all was read.
    pub(crate) fn has_surplus(&self) -> bool {
        self.surplus
    }

    /// The decoder of the stream that begins here.
    fn begin(&self, packed: &'a [u8]) -> io::Result<Inner<'a>> {
        Ok(match self.codec {
            Codec::Gzip => Inner::Gzip(Box::new(GzDecoder::new(packed))),
            Codec::Bzip2 => Inner::Bzip2(Box::new(BzDecoder::new(packed))),
            // Several streams and the padding between them are this reader's own business.
            Codec::Xz => Inner::Xz(Box::new(XzReader::new_mem_limit(packed, true, kibibytes(self.window)))),
            Codec::Zstd if skippable(packed) => {
                let mut fields = Fields::new(packed);
                let len = fields.take(4).and_then(|_| fields.u32()).and_then(|len| usize::try_from(len).ok());
                let rest = len.and_then(|len| fields.take(len)).map(|_| fields.rest());
                Inner::Next(rest.ok_or_else(damaged)?)
            }
            Codec::Zstd => {
                let begun = StreamingDecoder::new_with_max_window_size(packed, self.window);
                Inner::Zstd(Box::new(begun.map_err(|error| self.zstd_error(&error))?))
            }
        })
    }

    fn zstd_error(&self, error: &FrameDecoderError) -> io::Error {
        match error {
            FrameDecoderError::WindowSizeTooBig { requested, .. } => {
                io::Error::other(Refusal::limit(Reason::LimitWindowBytes, self.window, *requested))
            }
            _ => damaged(),
        }
    }

    /// What is behind the stream that has ended.
    fn rest(&mut self) -> io::Result<&'a [u8]> {
        match std::mem::replace(&mut self.inner, Inner::Done) {
            Inner::Next(rest) => Ok(rest),
            Inner::Gzip(decoder) => Ok(decoder.into_inner()),
            Inner::Bzip2(decoder) => Ok(decoder.into_inner()),
            Inner::Xz(_) | Inner::Done => Ok(&[]),
            Inner::Zstd(decoder) => {
                let (rest, frame) = decoder.into_parts();
                let sums = (frame.get_checksum_from_data(), frame.get_calculated_checksum());
                match sums {
                    (Some(said), Some(found)) if said != found => Err(damaged()),
                    _ => Ok(rest),
                }
            }
        }
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let mut is_first = matches!(self.inner, Inner::Next(_));
        loop {
            let len = match &mut self.inner {
                Inner::Gzip(decoder) => decoder.read(buffer)?,
                Inner::Bzip2(decoder) => decoder.read(buffer)?,
                Inner::Xz(decoder) => decoder.read(buffer).map_err(|error| too_large(error, self.window))?,
                Inner::Zstd(decoder) => decoder.read(buffer)?,
                Inner::Next(_) => 0,
                Inner::Done => return Ok(0),
            };
            if len > 0 {
                return Ok(len);
            }
            let rest = self.rest()?;
            if self.codec.begins(rest) || is_first {
                self.inner = self.begin(rest)?;
                is_first = false;
            } else {
                // Tapes and block devices leave zeros behind the end.
                self.surplus |= rest.iter().any(|byte| *byte != 0);
                return Ok(0);
            }
        }
    }
}

/// A raw LZMA stream as ZIP has it: version, length of the properties, properties (APPNOTE 5.8.8).
pub(crate) fn zip_lzma<'a>(packed: &'a [u8], unpacked: u64, limits: &Limits) -> Result<Box<dyn Read + 'a>, Refusal> {
    let mut fields = Fields::new(packed);
    let parsed = (|| {
        fields.u16()?;
        let mut properties = Fields::new(fields.u16().and_then(|len| fields.take(len.into()))?);
        Some((properties.u8()?, properties.u32()?))
    })();
    let (properties, window) = parsed.ok_or(Reason::Malformed)?;
    check_window(window.into(), limits)?;
    let reader = LzmaReader::new_with_props(fields.rest(), unpacked, properties, window, None);
    reader.map(|reader| Box::new(reader) as Box<dyn Read>).map_err(|_| Reason::Malformed.into())
}

/// Refuses a decompressor that would need more memory than allowed.
pub(crate) fn check_window(bytes: u64, limits: &Limits) -> Result<(), Refusal> {
    if bytes > limits.window_bytes {
        return Err(Refusal::limit(Reason::LimitWindowBytes, limits.window_bytes, bytes));
    }
    Ok(())
}

/// What a reader gives, with its CRC-32.
pub(crate) struct Summed<R> {
    inner: R,
    crc: flate2::Crc,
}

impl<R: Read> Summed<R> {
    pub(crate) fn new(inner: R) -> Summed<R> {
        Summed { inner, crc: flate2::Crc::new() }
    }

    pub(crate) fn sum(&self) -> u32 {
        self.crc.sum()
    }
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.inner.read(buffer)?;
        self.crc.update(buffer.get(..len).unwrap_or_default());
        Ok(len)
    }
}

/// A stream that ends with a [`Refusal`] where it unpacks to more than is allowed, whoever reads it and whatever for.
pub(crate) struct Metered<R> {
    inner: R,
    packed: u64,
    unpacked: u64,
    ratio: u64,
    most: u64,
}

impl<R: Read> Metered<R> {
    /// `packed` is what all of it is packed into.
    pub(crate) fn new(inner: R, packed: u64, limits: &Limits) -> Metered<R> {
        Metered { inner, packed, unpacked: 0, ratio: limits.ratio.into(), most: limits.total_bytes }
    }

    /// The reader inside.
    pub(crate) fn inner(&self) -> &R {
        &self.inner
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.inner.read(buffer)?;
        self.unpacked = self.unpacked.saturating_add(size(len));
        if self.unpacked > RATIO_FREE_BYTES {
            check_ratio(self.unpacked, self.packed, self.ratio).map_err(|error| io::Error::other(error.refusal()))?;
        }
        if self.unpacked > self.most {
            return Err(io::Error::other(Refusal::limit(Reason::LimitTotalBytes, self.most, self.unpacked)));
        }
        Ok(len)
    }
}

/// A decoder that was refused its memory does not say how much it wanted.
fn too_large(error: io::Error, window: u64) -> io::Error {
    match error.kind() {
        io::ErrorKind::OutOfMemory => io::Error::other(Refusal::limit(Reason::LimitWindowBytes, window, 0)),
        _ => error,
    }
}

/// The window in the unit of the LZMA readers, with what such a decoder takes besides (tables and buffers).
fn kibibytes(window: u64) -> u32 {
    u32::try_from(window / 1024).unwrap_or(u32::MAX).saturating_add(LZMA_TABLES_KIB)
}

fn skippable(bytes: &[u8]) -> bool {
    matches!(bytes, [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..])
}

fn damaged() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

const ZSTD_FRAME: &[u8] = b"\x28\xb5\x2f\xfd";
const LZMA_TABLES_KIB: u32 = 4 * 1024;

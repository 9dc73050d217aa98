//! What the coders of a 7z archive will ask for, read before any of them runs (7zFormat.txt, Methods.txt of the LZMA SDK).

use form::{Limits, Reason, Refusal};

use super::super::bytes::{self, Fields};
use super::super::codec::check_window;
use super::method::Method;
use crate::error::size;

/// The beginning of the file.
pub(super) struct Start<'a> {
    /// The list, packed or not.
    pub(super) header: &'a [u8],
    /// Bytes follow the list, which is the last thing in an archive.
    pub(super) is_followed: bool,
}

impl<'a> Start<'a> {
    pub(super) fn read(input: &'a [u8]) -> Result<Start<'a>, Refusal> {
        let mut fields = Fields::new(input);
        let read = (|| {
            fields.take(8)?;
            let sum = fields.u32()?;
            let summed = Fields::new(fields.rest()).take(20)?;
            let (offset, len) = (fields.u64()?, fields.u64()?);
            fields.u32()?;
            // Without its checksum the library looks for a list wherever one may be; we do not guess.
            let mut crc = flate2::Crc::new();
            crc.update(summed);
            let at = offset.checked_add(START_BYTES)?;
            let end = at.checked_add(len)?;
            let header = bytes::range(input, &(at..end)).filter(|_| crc.sum() == sum && (len > 0 || offset == 0))?;
            Some(Start { header, is_followed: size(input.len()) > end })
        })();
        read.ok_or(Reason::Malformed.into())
    }
}

/// A coder as the header of a packed list describes it.
pub(super) struct Coder<'a> {
    pub(super) id: &'a [u8],
    pub(super) properties: &'a [u8],
}

/// The coders of the list itself; none where it is not packed.
pub(super) fn of_packed_header(header: &[u8]) -> Result<Vec<Coder<'_>>, Refusal> {
    if header.first() != Some(&ENCODED_HEADER) {
        return Ok(Vec::new());
    }
    read(header).ok_or(Reason::Malformed.into())
}

fn read(header: &[u8]) -> Option<Vec<Coder<'_>>> {
    let mut fields = Fields::new(header);
    fields.u8()?;
    let mut kind = fields.u8()?;
    if kind == PACK_INFO {
        let (_position, streams) = (number(&mut fields)?, number(&mut fields)?);
        loop {
            match fields.u8()? {
                0 => break,
                SIZES => (0..bounded(streams)?).try_for_each(|_| number(&mut fields).map(drop))?,
                DIGESTS => skip_digests(&mut fields, bounded(streams)?)?,
                _ => return None,
            }
        }
        kind = fields.u8()?;
    }
    if kind != UNPACK_INFO || fields.u8()? != FOLDERS {
        return None;
    }
    let folders = bounded(number(&mut fields)?)?;
    if fields.u8()? != 0 {
        return None;
    }
    let mut coders = Vec::new();
    for _ in 0..folders {
        folder(&mut fields, &mut coders)?;
    }
    Some(coders)
}

fn folder<'a>(fields: &mut Fields<'a>, coders: &mut Vec<Coder<'a>>) -> Option<()> {
    let (mut inputs, mut outputs) = (0_u64, 0_u64);
    for _ in 0..bounded(number(fields)?)? {
        let flags = fields.u8()?;
        let id = fields.take(usize::from(flags & 0x0F))?;
        let (own_inputs, own_outputs) = if flags & 0x10 == 0 { (1, 1) } else { (number(fields)?, number(fields)?) };
        inputs = inputs.checked_add(own_inputs)?;
        outputs = outputs.checked_add(own_outputs)?;
        let len = if flags & 0x20 == 0 { 0 } else { usize::try_from(number(fields)?).ok()? };
        coders.push(Coder { id, properties: fields.take(len)? });
    }
    let pairs = outputs.checked_sub(1)?;
    (0..bounded(pairs)?).try_for_each(|_| number(fields).and_then(|_| number(fields)).map(drop))?;
    let streams = inputs.checked_sub(pairs)?;
    let named = if streams > 1 { bounded(streams)? } else { 0 };
    (0..named).try_for_each(|_| number(fields).map(drop))
}

fn skip_digests(fields: &mut Fields<'_>, count: u64) -> Option<()> {
    let defined = match fields.u8()? {
        0 => {
            let bits = fields.take(usize::try_from(count.div_ceil(8)).ok()?)?;
            bits.iter().map(|byte| u64::from(byte.count_ones())).sum()
        }
        _ => count,
    };
    fields.take(usize::try_from(defined).ok()?.checked_mul(4)?).map(drop)
}

/// A number whose first byte says by its leading ones how many bytes follow.
fn number(fields: &mut Fields<'_>) -> Option<u64> {
    let first = fields.u8()?;
    let more = first.leading_ones();
    let mut value = 0_u64;
    for place in 0..more {
        value |= u64::from(fields.u8()?).checked_shl(8_u32.checked_mul(place)?)?;
    }
    let upper = if more >= 7 { 0 } else { u64::from(first) & (0x7F_u64 >> more) };
    Some(value | upper.checked_shl(8_u32.checked_mul(more)?).unwrap_or(0))
}

fn bounded(count: u64) -> Option<u64> {
    (count <= MOST_CODERS).then_some(count)
}

/// What the coders of one block take together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Needs {
    window: u64,
    pub(super) is_encrypted: bool,
    /// The method, where it is one that is read here.
    pub(super) method: Option<Method>,
    /// What is told of it where it stands beside others.
    unread: Option<Refusal>,
    coders: usize,
}

impl Needs {
    pub(super) fn add(&mut self, id: &[u8], properties: &[u8]) -> Result<(), Refusal> {
        let word = |at: usize| Fields::at(properties, size(at)).and_then(|mut fields| fields.u32()).map(u64::from);
        let window = match id {
            // Deflate and bzip2 have small windows of their own; filters have none.
            [0x00] | [0x03] | [0x03, 0x03, ..] | [0x04, 0x01, 0x08] | [0x04, 0x02, 0x02] => Some(0),
            LZMA => word(1),
            LZMA2 => properties.first().copied().and_then(lzma2_window),
            PPMD => word(1),
            AES => {
                self.is_encrypted = true;
                // 2 to this power rounds make the key; 63 stands for none.
                match properties.first().map(|byte| byte & 0x3F) {
                    Some(power) if power > MOST_CYCLES_POWER && power != 0x3F => {
                        let rounds = |power: u8| 1_u64.checked_shl(power.into()).unwrap_or(u64::MAX);
                        return Err(Refusal::limit(Reason::LimitKeyRounds, rounds(MOST_CYCLES_POWER), rounds(power)));
                    }
                    Some(_) => Some(0),
                    None => None,
                }
            }
            _ if FILTERS.contains(&id) => Some(0),
            // What these keep is told when they are read.
            _ if Method::of(id).is_some() => Some(0),
            _ => return Err(unsupported(id)),
        };
        if let Some(method) = Method::of(id) {
            self.method = Some(method);
            self.unread = Some(unsupported(id));
        }
        self.coders = self.coders.saturating_add(1);
        // They are read alone: beside a filter, which is for programs, or a password they are hardly met.
        if let Some(refusal) = self.unread.filter(|_| self.coders > 1) {
            return Err(refusal);
        }
        self.window = self.window.saturating_add(window.ok_or(Reason::Malformed)?);
        Ok(())
    }

    pub(super) fn check(&self, limits: &Limits) -> Result<(), Refusal> {
        check_window(self.window, limits)
    }
}

/// The refusal of a coder, which names it.
pub(super) fn unsupported(id: &[u8]) -> Refusal {
    let number = id.iter().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    Refusal::limit(Reason::UnsupportedMethod, 0, number)
}

fn lzma2_window(bits: u8) -> Option<u64> {
    match bits {
        0..40 => (2 | u64::from(bits & 1)).checked_shl(u32::from(bits / 2).checked_add(11)?),
        40 => Some(u32::MAX.into()),
        _ => None,
    }
}

pub(super) const START_BYTES: u64 = 32;
const ENCODED_HEADER: u8 = 0x17;
const PACK_INFO: u8 = 0x06;
const UNPACK_INFO: u8 = 0x07;
const SIZES: u8 = 0x09;
const DIGESTS: u8 = 0x0A;
const FOLDERS: u8 = 0x0B;
const LZMA: &[u8] = &[0x03, 0x01, 0x01];
const LZMA2: &[u8] = &[0x21];
const PPMD: &[u8] = &[0x03, 0x04, 0x01];
const AES: &[u8] = &[0x06, 0xF1, 0x07, 0x01];
/// ARM64 and RISC-V, which have numbers of their own.
const FILTERS: &[&[u8]] = &[&[0x0A], &[0x0B]];
/// 7-Zip makes keys with 2^19 rounds.
const MOST_CYCLES_POWER: u8 = 22;
const MOST_CODERS: u64 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_as_many_bytes_as_the_first_says() {
        let table: &[(&[u8], Option<u64>)] = &[
            (&[0x7F], Some(0x7F)),
            (&[0x80, 0x80], Some(0x80)),
            (&[0xBF, 0xFF], Some(0x3FFF)),
            (&[0xC0, 0x34, 0x12], Some(0x1234)),
            (&[0xFF, 1, 0, 0, 0, 0, 0, 0, 0x80], Some(0x8000_0000_0000_0001)),
            (&[0xFE, 1, 2, 3, 4, 5, 6, 7], Some(0x07_0605_0403_0201)),
            (&[0xFF, 1], None),
        ];
        for (bytes, expected) in table {
            assert_eq!(number(&mut Fields::new(bytes)), *expected, "{bytes:x?}");
        }
    }

    #[test]
    fn windows_are_what_the_property_byte_says() {
        // xz(1), LZMA2 dictionary sizes: 0 is 4 KiB, 18 is 2 MiB, 24 is 16 MiB, 39 is 3 GiB.
        let table = [(0, 4 << 10), (18, 2 << 20), (24, 16 << 20), (39, 3 << 30), (40, u64::from(u32::MAX))];
        for (bits, expected) in table {
            assert_eq!(lzma2_window(bits), Some(expected), "{bits}");
        }
        assert_eq!(lzma2_window(41), None);
    }

    #[test]
    fn a_window_may_have_the_bytes_of_the_limit_and_not_one_more() {
        let needs = |window: u32| {
            let mut needs = Needs::default();
            let properties = [&[0x5D][..], &window.to_le_bytes()].concat();
            needs.add(LZMA, &properties).map(|()| needs)
        };
        let limits = Limits { window_bytes: 1 << 20, ..Limits::default() };
        assert_eq!(needs(1 << 20).and_then(|needs| needs.check(&limits)), Ok(()));
        let refused = needs((1 << 20) + 1).and_then(|needs| needs.check(&limits));
        assert_eq!(refused, Err(Refusal::limit(Reason::LimitWindowBytes, 1 << 20, (1 << 20) + 1)));
    }

    #[test]
    fn keys_that_take_hours_are_refused() {
        assert!(Needs::default().add(AES, &[19]).is_ok());
        assert!(Needs::default().add(AES, &[0x3F]).is_ok());
        assert!(Needs::default().add(AES, &[MOST_CYCLES_POWER + 1]).is_err_and(|r| r.reason == Reason::LimitKeyRounds));
    }
}

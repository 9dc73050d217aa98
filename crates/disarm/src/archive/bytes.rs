//! Fields of a slice, little-endian where nothing else is said, none of which can lie outside it.

use std::ops::Range;

/// Up to `len` bytes at `at`, or nothing when they are not all there.
pub(crate) fn slice(bytes: &[u8], at: u64, len: u64) -> Option<&[u8]> {
    let start = usize::try_from(at).ok()?;
    let end = usize::try_from(at.checked_add(len)?).ok()?;
    bytes.get(start..end)
}

/// The bytes of a range of 64-bit offsets.
pub(crate) fn range<'a>(bytes: &'a [u8], range: &Range<u64>) -> Option<&'a [u8]> {
    slice(bytes, range.start, range.end.checked_sub(range.start)?)
}

/// Reads fields one after the other.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Fields<'a> {
        Fields(bytes)
    }

    pub(crate) fn at(bytes: &'a [u8], at: u64) -> Option<Fields<'a>> {
        usize::try_from(at).ok().and_then(|at| bytes.get(at..)).map(Fields)
    }

    pub(crate) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(len)?;
        self.0 = tail;
        Some(head)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    /// A big-endian field.
    pub(crate) fn u32_be(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_le_bytes)
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.0
    }
}

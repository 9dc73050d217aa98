//! Fixed-width little-endian fields: a sink that appends them and a cursor that takes them off, total over any bytes.

use crate::codec::DecodeError;
use crate::reason::Reason;

/// Makes a closed enum and its numbers from one list, so that writer and reader cannot drift apart.
macro_rules! coded {
    (
        $( #[$meta:meta] )*
        $vis:vis enum $name:ident { $( $( #[$variant_meta:meta] )* $variant:ident = $code:literal, )* }
    ) => {
        $( #[$meta] )*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis enum $name { $( $( #[$variant_meta] )* $variant, )* }

        impl $name {
            /// Every value, in the order of their numbers.
            #[allow(dead_code, reason = "frame tags are never listed")]
            $vis const ALL: &'static [$name] = &[ $( $name::$variant, )* ];

            /// Its number in a stream.
            $vis const fn code(self) -> u8 {
                match self { $( $name::$variant => $code, )* }
            }

            /// The value of a number, if there is one.
            $vis const fn from_code(code: u8) -> Option<$name> {
                match code { $( $code => Some($name::$variant), )* _ => None }
            }
        }
    };
}

/// A closed enum whose values also have a word of the standard.
macro_rules! worded {
    (
        $( #[$meta:meta] )*
        $vis:vis enum $name:ident { $( $( #[$variant_meta:meta] )* $variant:ident = $code:literal $word:literal, )* }
    ) => {
        $crate::wire::coded! {
            $( #[$meta] )*
            $vis enum $name { $( $( #[$variant_meta] )* $variant = $code, )* }
        }

        impl $name {
            /// Its word in the standard, in capitals.
            $vis const fn word(self) -> &'static str {
                match self { $( $name::$variant => $word, )* }
            }

            /// The value of a word in letters of any case, if there is one.
            $vis fn from_word(word: &str) -> Option<$name> {
                $name::ALL.iter().copied().find(|value| value.word().eq_ignore_ascii_case(word))
            }
        }
    };
}

pub(crate) use {coded, worded};

/// A length in memory as limits count it.
pub(crate) fn size(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

/// Appends fields to a buffer.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    bytes: Vec<u8>,
}

impl Sink {
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Forgets the first `len` bytes and keeps the rest.
    pub(crate) fn drop_front(&mut self, len: usize) {
        self.bytes.drain(..len.min(self.bytes.len()));
    }

    /// Forgets all but the first `len` bytes.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn into_vec(self) -> Vec<u8> {
        self.bytes
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    pub(crate) fn flag(&mut self, value: bool) {
        self.u8(u8::from(value));
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.bytes(&value.to_le_bytes());
    }

    pub(crate) fn i16(&mut self, value: i16) {
        self.bytes(&value.to_le_bytes());
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.bytes(&value.to_le_bytes());
    }

    pub(crate) fn i32(&mut self, value: i32) {
        self.bytes(&value.to_le_bytes());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.bytes(&value.to_le_bytes());
    }

    pub(crate) fn i64(&mut self, value: i64) {
        self.bytes(&value.to_le_bytes());
    }

    pub(crate) fn f32(&mut self, value: f32) {
        self.bytes(&value.to_le_bytes());
    }

    /// A count or length. What does not fit 32 bits is written as the largest number, which no limit allows.
    pub(crate) fn count(&mut self, value: usize) {
        self.u32(u32::try_from(value).unwrap_or(u32::MAX));
    }

    pub(crate) fn string(&mut self, value: &str) {
        self.count(value.len());
        self.bytes(value.as_bytes());
    }

    /// A flag, then the value where there is one.
    pub(crate) fn option<T>(&mut self, value: Option<&T>, put: impl FnOnce(&T, &mut Sink)) {
        self.flag(value.is_some());
        if let Some(value) = value {
            put(value, self);
        }
    }

    /// A count, then the values.
    pub(crate) fn list<T>(&mut self, values: &[T], put: impl Fn(&T, &mut Sink)) {
        self.count(values.len());
        for value in values {
            put(value, self);
        }
    }
}

/// Takes fields off the front of bytes that are already in memory.
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Cursor<'a> {
        Cursor { rest: bytes }
    }

    pub(crate) fn slice(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array::<1>().map(u8::from_le_bytes)
    }

    /// Only 0 and 1 are flags: one value has one encoding.
    pub(crate) fn flag(&mut self) -> Result<bool, DecodeError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(DecodeError::Malformed("flag")),
        }
    }

    pub(crate) fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn i16(&mut self) -> Result<i16, DecodeError> {
        self.array().map(i16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn i32(&mut self) -> Result<i32, DecodeError> {
        self.array().map(i32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64, DecodeError> {
        self.array().map(i64::from_le_bytes)
    }

    /// Any bit pattern; whoever takes it judges it.
    pub(crate) fn f32(&mut self) -> Result<f32, DecodeError> {
        self.array().map(f32::from_le_bytes)
    }

    pub(crate) fn string(&mut self) -> Result<&'a str, DecodeError> {
        let len = usize::try_from(self.u32()?).map_err(|_| DecodeError::Truncated)?;
        std::str::from_utf8(self.slice(len)?).map_err(|_| DecodeError::Malformed("UTF-8"))
    }

    pub(crate) fn reason(&mut self) -> Result<Reason, DecodeError> {
        Reason::from_code(self.u16()?).ok_or(DecodeError::Malformed("reason"))
    }

    /// A value of a closed enum.
    pub(crate) fn coded<T>(&mut self, from: fn(u8) -> Option<T>, what: &'static str) -> Result<T, DecodeError> {
        from(self.u8()?).ok_or(DecodeError::Malformed(what))
    }

    pub(crate) fn option<T>(
        &mut self,
        take: impl FnOnce(&mut Cursor<'a>) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        if self.flag()? { take(self).map(Some) } else { Ok(None) }
    }

    /// The declared count is never allocated for: the list grows as elements come, and each element takes at least one of
    /// the bytes that are already here.
    pub(crate) fn list<T>(
        &mut self,
        most: u32,
        too_many: Reason,
        take: impl Fn(&mut Cursor<'a>) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let count = self.u32()?;
        crate::Refusal::check(too_many, most.into(), count.into())?;
        let mut values = Vec::new();
        for _ in 0..count {
            values.push(take(self)?);
        }
        Ok(values)
    }

    /// An empty list with room for `count` values, yet for no more than the bytes that are here can hold when each takes
    /// `bytes` of them.
    pub(crate) fn room_for<T>(&self, count: u32, bytes: usize) -> Vec<T> {
        let most = self.rest.len().checked_div(bytes).unwrap_or(0);
        Vec::with_capacity(usize::try_from(count).unwrap_or(usize::MAX).min(most))
    }

    /// Whether everything has been taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What has not been taken yet.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.rest
    }

    /// Everything must have been taken.
    pub(crate) fn finish(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::Trailing) }
    }
}

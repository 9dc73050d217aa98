//! Values of UNO as bytes: big-endian numbers, compressed counts, UTF-8, and tables of what was named before.

use std::collections::HashMap;

/// A property of a media descriptor: a name and a value.
#[derive(Clone, Debug)]
pub(in crate::converter) struct Property<'a> {
    pub(in crate::converter) name: &'static str,
    pub(in crate::converter) value: Setting<'a>,
}

/// The values that properties of ours have.
#[derive(Clone, Copy, Debug)]
pub(in crate::converter) enum Setting<'a> {
    Flag(bool),
    Short(i16),
    Text(&'a str),
}

/// The classes of types that occur (`typelib/typeclass.h`).
pub(super) mod class {
    pub(crate) const BOOLEAN: u8 = 2;
    pub(crate) const SHORT: u8 = 4;
    pub(crate) const STRING: u8 = 12;
    pub(crate) const EXCEPTION: u8 = 19;
    pub(crate) const INTERFACE: u8 = 22;
    /// Simple types have no name.
    pub(crate) fn is_simple(class: u8) -> bool {
        class <= 14
    }
}

/// Not kept in a table.
const NO_INDEX: u16 = 0xffff;

/// A message that is being written.
#[derive(Default)]
pub(super) struct Outgoing(Vec<u8>);

impl Outgoing {
    pub(super) fn byte(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(super) fn short(&mut self, value: u16) {
        self.0.extend(value.to_be_bytes());
    }

    pub(super) fn long(&mut self, value: u32) {
        self.0.extend(value.to_be_bytes());
    }

    pub(super) fn count(&mut self, value: usize) {
        match u8::try_from(value) {
            Ok(short) if short < 0xff => self.byte(short),
            _ => {
                self.byte(0xff);
                self.long(u32::try_from(value).unwrap_or(u32::MAX));
            }
        }
    }

    pub(super) fn bytes(&mut self, value: &[u8]) {
        self.count(value.len());
        self.0.extend(value);
    }

    pub(super) fn text(&mut self, value: &str) {
        self.bytes(value.as_bytes());
    }

    pub(super) fn simple_type(&mut self, class: u8) {
        self.byte(class);
    }

    pub(super) fn named_type(&mut self, class: u8, name: &str) {
        self.byte(class | 0x80);
        self.short(NO_INDEX);
        self.text(name);
    }

    pub(super) fn object(&mut self, name: &str) {
        self.text(name);
        self.short(NO_INDEX);
    }

    pub(super) fn null_object(&mut self) {
        self.object("");
    }

    pub(super) fn thread(&mut self, name: &[u8]) {
        self.bytes(name);
        self.short(NO_INDEX);
    }

    /// `sequence<com.sun.star.beans.PropertyValue>`
    pub(super) fn properties(&mut self, properties: &[Property<'_>]) {
        self.count(properties.len());
        for property in properties {
            self.text(property.name);
            self.long(0);
            match property.value {
                Setting::Flag(value) => {
                    self.simple_type(class::BOOLEAN);
                    self.byte(value.into());
                }
                Setting::Short(value) => {
                    self.simple_type(class::SHORT);
                    self.0.extend(value.to_be_bytes());
                }
                Setting::Text(value) => {
                    self.simple_type(class::STRING);
                    self.text(value);
                }
            }
            // PropertyState.DIRECT_VALUE
            self.long(0);
        }
    }

    /// The message as a block of its own.
    pub(super) fn into_block(self) -> Vec<u8> {
        let mut block = Vec::with_capacity(self.0.len() + 8);
        block.extend(u32::try_from(self.0.len()).unwrap_or(u32::MAX).to_be_bytes());
        block.extend(1_u32.to_be_bytes());
        block.extend(self.0);
        block
    }
}

/// What the other side named before and may refer to by a number.
#[derive(Default)]
pub(super) struct Tables {
    types: HashMap<u16, (u8, String)>,
    objects: HashMap<u16, String>,
    threads: HashMap<u16, Vec<u8>>,
}

/// The message is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Nonsense;

/// A message that is being read.
pub(super) struct Incoming<'a> {
    rest: &'a [u8],
    tables: &'a mut Tables,
}

impl<'a> Incoming<'a> {
    pub(super) fn new(bytes: &'a [u8], tables: &'a mut Tables) -> Incoming<'a> {
        Incoming { rest: bytes, tables }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Nonsense> {
        let (head, tail) = self.rest.split_at_checked(count).ok_or(Nonsense)?;
        self.rest = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Nonsense> {
        self.take(N)?.try_into().map_err(|_| Nonsense)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Nonsense> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn short(&mut self) -> Result<u16, Nonsense> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn long(&mut self) -> Result<u32, Nonsense> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn count(&mut self) -> Result<usize, Nonsense> {
        match self.byte()? {
            0xff => usize::try_from(self.long()?).map_err(|_| Nonsense),
            short => Ok(short.into()),
        }
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Nonsense> {
        let count = self.count()?;
        self.take(count)
    }

    pub(super) fn text(&mut self) -> Result<String, Nonsense> {
        Ok(String::from_utf8_lossy(self.bytes()?).into_owned())
    }

    /// Class and name; the name of a simple type is empty.
    pub(super) fn a_type(&mut self) -> Result<(u8, String), Nonsense> {
        let head = self.byte()?;
        let (class, is_new) = (head & 0x7f, head & 0x80 != 0);
        if class::is_simple(class) {
            return if is_new { Err(Nonsense) } else { Ok((class, String::new())) };
        }
        let index = self.short()?;
        if !is_new {
            return self.tables.types.get(&index).cloned().ok_or(Nonsense);
        }
        let named = (class, self.text()?);
        if index != NO_INDEX {
            self.tables.types.insert(index, named.clone());
        }
        Ok(named)
    }

    /// The name of an object; empty for none.
    pub(super) fn object(&mut self) -> Result<String, Nonsense> {
        let name = self.text()?;
        let index = self.short()?;
        match (name.is_empty(), index) {
            (true, NO_INDEX) => Ok(name),
            (true, index) => self.tables.objects.get(&index).cloned().ok_or(Nonsense),
            (false, NO_INDEX) => Ok(name),
            (false, index) => {
                self.tables.objects.insert(index, name.clone());
                Ok(name)
            }
        }
    }

    pub(super) fn thread(&mut self) -> Result<Vec<u8>, Nonsense> {
        let name = self.bytes()?.to_vec();
        let index = self.short()?;
        match (name.is_empty(), index) {
            (true, index) => self.tables.threads.get(&index).cloned().ok_or(Nonsense),
            (false, NO_INDEX) => Ok(name),
            (false, index) => {
                self.tables.threads.insert(index, name.clone());
                Ok(name)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_take_one_byte_up_to_254_and_five_from_255_on() {
        for (count, bytes) in [(0, 1), (254, 1), (255, 5), (70_000, 5)] {
            let mut out = Outgoing::default();
            out.count(count);
            assert_eq!(out.0.len(), bytes);
            let mut tables = Tables::default();
            assert_eq!(Incoming::new(&out.0, &mut tables).count(), Ok(count));
        }
    }

    #[test]
    fn what_was_named_once_is_found_by_its_number() {
        // A new type with number 3, then the same by its number; an object with number 0, then the same.
        let bytes = [&[22 | 0x80, 0, 3, 1, b'X', 22, 0, 3][..], &[2, b'o', b'1', 0, 0, 0, 0, 0]].concat();
        let mut tables = Tables::default();
        let mut incoming = Incoming::new(&bytes, &mut tables);
        assert_eq!(incoming.a_type(), Ok((class::INTERFACE, "X".to_owned())));
        assert_eq!(incoming.a_type(), Ok((class::INTERFACE, "X".to_owned())));
        assert_eq!(incoming.object(), Ok("o1".to_owned()));
        assert_eq!(incoming.object(), Ok("o1".to_owned()));
        assert_eq!(incoming.byte(), Err(Nonsense));
    }

    #[test]
    fn lengths_beyond_the_end_and_unknown_numbers_are_nonsense() {
        let mut tables = Tables::default();
        assert!(Incoming::new(&[0xff, 0xff, 0xff, 0xff, 0xff, 1], &mut tables).bytes().is_err());
        assert_eq!(Incoming::new(&[22, 0, 9], &mut tables).a_type(), Err(Nonsense));
        assert_eq!(Incoming::new(&[0, 0, 9], &mut tables).object(), Err(Nonsense));
        assert_eq!(Incoming::new(&[0, 0xff, 0xff], &mut tables).object(), Ok(String::new()));
        assert_eq!(Incoming::new(&[0x82], &mut tables).a_type(), Err(Nonsense), "a simple type has no number");
    }
}

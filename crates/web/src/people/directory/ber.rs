//! What LDAP needs of BER (X.690, as RFC 4511 5.1 narrows it): definite lengths, tags of one byte, no recursion.

/// Bytes that are not what the protocol says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server answered in a form that LDAP does not have")]
pub(super) struct Malformed;

/// Reads one element after another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next element: its tag and its content.
    pub(super) fn element(&mut self) -> Result<(u8, &'a [u8]), Malformed> {
        let (&tag, rest) = self.0.split_first().ok_or(Malformed)?;
        let (&first, rest) = rest.split_first().ok_or(Malformed)?;
        let more = length_bytes(first)?;
        let (length, rest) = rest.split_at_checked(more).ok_or(Malformed)?;
        let length = if more == 0 { usize::from(first) } else { long(length)? };
        let (content, rest) = rest.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok((tag, content))
    }

    /// The content of the next element, which has to have that tag.
    pub(super) fn expect(&mut self, wanted: u8) -> Result<&'a [u8], Malformed> {
        match self.element()? {
            (tag, content) if tag == wanted => Ok(content),
            _ => Err(Malformed),
        }
    }

    /// The next element as a number that is not negative (`INTEGER`, `ENUMERATED`).
    pub(super) fn number(&mut self, wanted: u8) -> Result<u32, Malformed> {
        let content = self.expect(wanted)?;
        match content.first() {
            Some(first) if *first < 0x80 && content.len() <= 4 => {
                Ok(content.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
            }
            _ => Err(Malformed),
        }
    }
}

/// How many bytes of length follow a first one (X.690 8.1.3); the indefinite form is not used (RFC 4511 5.1).
pub(super) fn length_bytes(first: u8) -> Result<usize, Malformed> {
    match first {
        0..=0x7f => Ok(0),
        0x81..=0x84 => Ok(usize::from(first & 0x7f)),
        _ => Err(Malformed),
    }
}

/// A length of up to four bytes.
pub(super) fn long(bytes: &[u8]) -> Result<usize, Malformed> {
    let number = bytes.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    usize::try_from(number).map_err(|_| Malformed)
}

/// An element.
pub(super) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let bytes = content.len().to_be_bytes();
            let bytes: Vec<u8> = bytes.into_iter().skip_while(|byte| *byte == 0).collect();
            // Eight bytes at most.
            out.push(0x80 | u8::try_from(bytes.len()).unwrap_or(8));
            out.extend_from_slice(&bytes);
        }
    }
    out.extend_from_slice(content);
    out
}

/// A number that is not negative.
pub(super) fn number(tag: u8, number: u32) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let mut bytes: Vec<u8> = bytes.into_iter().skip_while(|byte| *byte == 0).collect();
    if bytes.first().is_none_or(|first| *first >= 0x80) {
        bytes.insert(0, 0);
    }
    element(tag, &bytes)
}

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const ENUMERATED: u8 = 0x0a;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_as_x690_has_them() {
        // X.690 8.1.3.5: 201 octets are L = 81 C9.
        assert_eq!(element(OCTETS, &[7; 201])[..4], [0x04, 0x81, 0xc9, 7]);
        assert_eq!(element(OCTETS, &[7; 127])[..2], [0x04, 127]);
        assert_eq!(element(OCTETS, &[7; 128])[..3], [0x04, 0x81, 128]);
        assert_eq!(element(OCTETS, &[7; 256])[..4], [0x04, 0x82, 1, 0]);
        for length in [0, 1, 127, 128, 255, 256, 65_536] {
            let bytes = vec![3; length];
            let written = element(OCTETS, &bytes);
            let mut reader = Reader::new(&written);
            assert_eq!(reader.expect(OCTETS).unwrap().len(), length);
            assert!(reader.is_empty());
        }
    }

    #[test]
    fn numbers_are_written_in_the_fewest_bytes_and_never_negative() {
        for (value, bytes) in [
            (0, &[2, 1, 0][..]),
            (127, &[2, 1, 127]),
            (128, &[2, 2, 0, 128]),
            (256, &[2, 2, 1, 0]),
            (u32::MAX >> 1, &[2, 4, 0x7f, 0xff, 0xff, 0xff]),
        ] {
            assert_eq!(number(INTEGER, value), bytes);
            assert_eq!(Reader::new(bytes).number(INTEGER), Ok(value));
        }
    }

    #[test]
    fn what_is_cut_off_indefinite_or_too_long_is_refused() {
        for bad in [
            &[][..],
            &[0x04],
            &[0x04, 2, 1],
            &[0x04, 0x80, 0, 0],
            &[0x04, 0x85, 0, 0, 0, 0, 1, 7],
            &[0x04, 0x84, 0xff, 0xff, 0xff, 0xff, 7],
            &[0x04, 0xff, 7],
        ] {
            assert_eq!(Reader::new(bad).element(), Err(Malformed), "{bad:?}");
        }
        assert_eq!(Reader::new(&[2, 1, 0x80]).number(INTEGER), Err(Malformed), "negative");
        assert_eq!(Reader::new(&[2, 0]).number(INTEGER), Err(Malformed));
        assert_eq!(Reader::new(&[2, 5, 0, 0, 0, 0, 1]).number(INTEGER), Err(Malformed));
    }
}

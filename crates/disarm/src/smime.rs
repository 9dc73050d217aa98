//! S/MIME and CMS (RFC 8551, RFC 5652): what is only signed is taken out of its wrapper, what is encrypted is told apart.
//!
//! The walk follows BER, because Outlook and OpenSSL write indefinite lengths and strings in pieces, which a reader of DER refuses.
//! Nothing of the signature is judged: it ends here, and the account says so.

/// What a CMS object is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Cms {
    /// Signed content that is inside.
    Signed(Vec<u8>),
    /// A signature whose content is elsewhere, or certificates only.
    Detached,
    /// Encrypted for somebody.
    Encrypted,
    /// Another kind, or nothing that can be read.
    Other,
}

/// Reads a CMS object, in binary or as base64 without a label.
pub(crate) fn read(bytes: &[u8]) -> Cms {
    content_info(bytes).unwrap_or(Cms::Other)
}

/// Whether something other than white space and zeros stands behind a CMS object.
pub(crate) fn is_followed(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    element(&mut rest).is_some() && rest.iter().any(|byte| *byte != 0 && !byte.is_ascii_whitespace())
}

/// Whether bytes begin as a CMS object does: a sequence of definite or open length with one of its object ids first.
pub(crate) fn is_cms(bytes: &[u8]) -> bool {
    let head = bytes.get(..MAX_HEAD).unwrap_or(bytes);
    bytes.first() == Some(&SEQUENCE) && (2..=6).any(|at| head.get(at..).is_some_and(|rest| rest.starts_with(PKCS7)))
}

/// Whether what was signed is a part of a mail and not a file.
pub(crate) fn is_entity(content: &[u8]) -> bool {
    let line = content.split(|byte| *byte == b'\n').next().unwrap_or_default();
    line.get(..8).is_some_and(|name| name.eq_ignore_ascii_case(b"content-"))
}

fn content_info(bytes: &[u8]) -> Option<Cms> {
    let mut info = element(&mut &*bytes)?.within(SEQUENCE)?;
    let kind = element(&mut info)?.within(OBJECT_ID)?;
    match kind {
        SIGNED => {}
        ENVELOPED | AUTH_ENVELOPED | ENCRYPTED => return Some(Cms::Encrypted),
        _ => return Some(Cms::Other),
    }
    let mut content = element(&mut info)?.within(CONTEXT_0)?;
    let mut signed = element(&mut content)?.within(SEQUENCE)?;
    element(&mut signed)?.within(INTEGER)?;
    element(&mut signed)?.within(SET)?;
    let mut inner = element(&mut signed)?.within(SEQUENCE)?;
    let inner_kind = element(&mut inner)?.within(OBJECT_ID)?;
    let Some(mut wrapped) = element(&mut inner).and_then(|element| element.within(CONTEXT_0)) else {
        return Some(Cms::Detached);
    };
    let mut out = Vec::new();
    octets(element(&mut wrapped)?, &mut out, 0)?;
    // What is signed may be another CMS object: signed and then encrypted, or signed twice.
    Some(if inner_kind == DATA { Cms::Signed(out) } else { Cms::Other })
}

/// An octet string, in one piece or in many.
fn octets(string: Element<'_>, out: &mut Vec<u8>, depth: u8) -> Option<()> {
    match string.tag {
        OCTETS => out.extend_from_slice(string.content),
        CONSTRUCTED_OCTETS if depth < MAX_PIECES_DEPTH => {
            let mut rest = string.content;
            while !rest.is_empty() {
                octets(element(&mut rest)?, out, depth.saturating_add(1))?;
            }
        }
        _ => return None,
    }
    Some(())
}

#[derive(Clone, Copy)]
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
}

impl<'a> Element<'a> {
    fn within(self, tag: u8) -> Option<&'a [u8]> {
        (self.tag == tag).then_some(self.content)
    }
}

/// Takes the next element, whose length may be indefinite.
fn element<'a>(rest: &mut &'a [u8]) -> Option<Element<'a>> {
    let (tag, content, after) = split(rest, 0, &mut MAX_STEPS.clone())?;
    *rest = after;
    Some(Element { tag, content })
}

/// Tag, content and what follows. An element of indefinite length ends where its own end mark stands, which takes going through its
/// elements; `steps` bounds that over all levels.
fn split<'a>(rest: &'a [u8], depth: u8, steps: &mut u32) -> Option<(u8, &'a [u8], &'a [u8])> {
    *steps = steps.checked_sub(1)?;
    let (&tag, after) = rest.split_first()?;
    // Tags of more than one byte do not occur in CMS.
    if tag & 0x1F == 0x1F {
        return None;
    }
    let (&first, after) = after.split_first()?;
    match first {
        0x80 if tag & 0x20 != 0 && depth < MAX_DEPTH => {
            let mut open = after;
            loop {
                if let Some(end) = open.strip_prefix(&[0, 0]) {
                    let len = after.len().checked_sub(open.len())?;
                    return Some((tag, after.get(..len)?, end));
                }
                (_, _, open) = split(open, depth.saturating_add(1), steps)?;
            }
        }
        0..=0x7F => {
            let (content, after) = after.split_at_checked(usize::from(first))?;
            Some((tag, content, after))
        }
        0x81..=0x88 => {
            let (digits, after) = after.split_at_checked(usize::from(first & 0x7F))?;
            let len =
                digits.iter().try_fold(0_usize, |sum, digit| sum.checked_mul(256)?.checked_add(usize::from(*digit)))?;
            let (content, after) = after.split_at_checked(len)?;
            Some((tag, content, after))
        }
        _ => None,
    }
}

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const CONSTRUCTED_OCTETS: u8 = 0x24;
const OBJECT_ID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const CONTEXT_0: u8 = 0xA0;
/// The beginning of the object ids of PKCS #7, all but one of which CMS has taken over.
const PKCS7: &[u8] = &[0x06, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 7];
/// A tag, the longest length of a file that fits, and an object id.
const MAX_HEAD: usize = 32;
/// 1.2.840.113549.1.7.1 and its neighbours.
const DATA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 7, 1];
const SIGNED: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 7, 2];
const ENVELOPED: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 7, 3];
const ENCRYPTED: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 7, 6];
/// 1.2.840.113549.1.9.16.1.23.
const AUTH_ENVELOPED: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 9, 16, 1, 23];
/// Elements of indefinite length in one another; CMS needs seven.
const MAX_DEPTH: u8 = 32;
const MAX_PIECES_DEPTH: u8 = 4;
/// Elements gone through to find an end mark: a string of 100 MB in pieces of 1 KiB has a tenth of them.
const MAX_STEPS: u32 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indefinite_lengths_and_strings_in_pieces_are_read() {
        let mut bytes = vec![0x30, 0x80, 0x06, 9];
        bytes.extend_from_slice(SIGNED);
        bytes.extend_from_slice(&[0xA0, 0x80, 0x30, 0x80, 0x02, 1, 1, 0x31, 0, 0x30, 0x80, 0x06, 9]);
        bytes.extend_from_slice(DATA);
        bytes.extend_from_slice(&[0xA0, 0x80, 0x24, 0x80, 4, 2, b'h', b'e', 4, 3, b'l', b'l', b'o', 0, 0, 0, 0, 0, 0]);
        bytes.extend_from_slice(&[0, 0, 0, 0, 0, 0]);
        assert_eq!(read(&bytes), Cms::Signed(b"hello".to_vec()));
        for cut in 0..40 {
            assert_eq!(read(&bytes[..cut]), Cms::Other, "{cut}");
        }
    }

    #[test]
    fn encrypted_is_told_apart_by_content() {
        let mut bytes = vec![0x30, 11, 0x06, 9];
        bytes.extend_from_slice(ENVELOPED);
        assert_eq!(read(&bytes), Cms::Encrypted);
        assert_eq!(read(b"not asn.1"), Cms::Other);
    }

    #[test]
    fn a_tower_of_indefinite_lengths_ends() {
        assert_eq!(read(&[0x30, 0x80].repeat(100_000)), Cms::Other);
    }
}

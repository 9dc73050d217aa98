//! Canonical line ends: CR and LF only ever as the pair CRLF.
//!
//! SMTP smuggling (CVE-2023-51764, -51765, -51766) lives on servers that disagree about lone CR and LF. The intake refuses
//! a message that holds one, and delivery refuses to send one.

use memchr::memchr2;

/// Watches a stream of bytes, given in pieces of any size, for a CR or LF that is not part of a CRLF.
#[derive(Clone, Debug, Default)]
pub struct LineEnds {
    after_cr: bool,
}

impl LineEnds {
    /// Looks at the next piece; false when a bare CR or LF has become certain.
    pub fn push(&mut self, mut bytes: &[u8]) -> bool {
        if self.after_cr {
            match bytes.split_first() {
                None => return true,
                Some((b'\n', rest)) => bytes = rest,
                Some(_) => return false,
            }
            self.after_cr = false;
        }
        while let Some(at) = memchr2(b'\r', b'\n', bytes) {
            match bytes.get(at..) {
                Some([b'\r', b'\n', rest @ ..]) => bytes = rest,
                Some([b'\r']) => {
                    self.after_cr = true;
                    return true;
                }
                _ => return false,
            }
        }
        true
    }

    /// Whether the stream may end here: false after a lone CR.
    pub fn finish(&self) -> bool {
        !self.after_cr
    }
}

/// Whether every CR and LF of the bytes is part of a CRLF.
pub fn canonical(bytes: &[u8]) -> bool {
    let mut ends = LineEnds::default();
    ends.push(bytes) && ends.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_pairs_are_canonical() {
        for good in ["", "a", "\r\n", "a\r\nb\r\n", "\r\n\r\n"] {
            assert!(canonical(good.as_bytes()), "{good:?}");
        }
        for bad in ["\r", "\n", "a\nb", "a\rb", "\r\r\n", "\r\n\n", "\n\r", "a\r\n\r"] {
            assert!(!canonical(bad.as_bytes()), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn pieces_say_the_same_as_the_whole(
            pieces in prop::collection::vec(prop::collection::vec(prop::sample::select(b"\r\na.".to_vec()), 0..5), 0..8)
        ) {
            let whole: Vec<u8> = pieces.concat();
            let text: String = whole.iter().map(|&b| char::from(b)).collect();
            let expected = !text.replace("\r\n", "").contains(['\r', '\n']);
            let mut ends = LineEnds::default();
            let in_pieces = pieces.iter().all(|piece| ends.push(piece)) && ends.finish();
            prop_assert_eq!(in_pieces, expected);
            prop_assert_eq!(canonical(&whole), expected);
        }
    }
}

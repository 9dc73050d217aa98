//! Base 64 with the alphabet for addresses and without padding (RFC 4648 5), as signed things of the web are written.

/// Writes bytes.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3).saturating_mul(4));
    for three in bytes.chunks(3) {
        let word = three.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..=three.len() {
            let index = usize::try_from(word >> (18 - 6 * place) & 63).unwrap_or_default();
            out.extend(ALPHABET.get(index).map(|byte| char::from(*byte)));
        }
    }
    out
}

/// Reads bytes; `None` for any other character, for padding, and for bits that nothing wrote: one text for one value.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    for four in text.as_bytes().chunks(4) {
        let mut word = 0_u32;
        for byte in four {
            let value = ALPHABET.iter().position(|known| known == byte)?;
            word = word << 6 | u32::try_from(value).ok()?;
        }
        let spare = match four.len() {
            4 => 0,
            3 => 2,
            2 => 4,
            _ => return None,
        };
        if word & ((1 << spare) - 1) != 0 {
            return None;
        }
        let bytes = (word >> spare).to_be_bytes();
        out.extend_from_slice(bytes.get(5 - four.len()..)?);
    }
    Some(out)
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_that_of_rfc_4648_without_padding() {
        for (plain, written) in [
            (&b""[..], ""),
            (b"f", "Zg"),
            (b"fo", "Zm8"),
            (b"foo", "Zm9v"),
            (b"foob", "Zm9vYg"),
            (b"fooba", "Zm9vYmE"),
            (b"foobar", "Zm9vYmFy"),
            (&[0xfb, 0xff], "-_8"),
        ] {
            assert_eq!(encode(plain), written);
            assert_eq!(decode(written).as_deref(), Some(plain));
        }
        for bad in ["Z", "Zg==", "Zh", "Zm9", "Z m9v", "Zm+/", "Zm9v\n"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}

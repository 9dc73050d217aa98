//! The type a file really has, as a short token.

use std::fmt;

/// What a dirty room found a file to be: `"jpeg"`, `"zip"`, `"mail"`. At most 16 of `a`–`z`, `0`–`9`, `.`, `+`, `-`, `_`, so
/// that a hijacked room cannot say more with it than a wrong type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DetectedType {
    bytes: [u8; DetectedType::MAX_BYTES],
    len: u8,
}

impl DetectedType {
    /// The most bytes a token holds.
    pub const MAX_BYTES: usize = 16;

    /// The token for content whose type is not known.
    pub const UNKNOWN: DetectedType = DetectedType { bytes: *b"unknown\0\0\0\0\0\0\0\0\0", len: 7 };

    /// A token that must be well-formed.
    pub fn parse(token: &str) -> Option<DetectedType> {
        let bytes = token.as_bytes();
        let mut own = [0; Self::MAX_BYTES];
        own.get_mut(..bytes.len())?.copy_from_slice(bytes);
        let len = u8::try_from(bytes.len()).ok()?;
        (len > 0 && bytes.iter().all(|b| is_token(*b))).then_some(DetectedType { bytes: own, len })
    }

    /// A token from any text: other characters are left out and the rest is cut; [`Self::UNKNOWN`] when nothing is left.
    pub fn lossy(text: &str) -> DetectedType {
        let kept: String = text
            .chars()
            .map(|c| c.to_ascii_lowercase())
            .filter(|c| u8::try_from(*c).is_ok_and(is_token))
            .take(Self::MAX_BYTES)
            .collect();
        DetectedType::parse(&kept).unwrap_or(Self::UNKNOWN)
    }

    /// The token of a zero-padded field, as it stands in a room's reply.
    pub fn from_detail(detail: [u8; 16]) -> Option<DetectedType> {
        let len = detail.iter().position(|b| *b == 0).unwrap_or(detail.len());
        let (token, padding) = detail.split_at_checked(len)?;
        if padding.iter().any(|b| *b != 0) {
            return None;
        }
        DetectedType::parse(std::str::from_utf8(token).ok()?)
    }

    /// The token as a zero-padded field.
    pub const fn to_detail(self) -> [u8; 16] {
        self.bytes
    }

    /// The token as text.
    pub fn as_str(&self) -> &str {
        self.bytes.get(..usize::from(self.len)).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl fmt::Debug for DetectedType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DetectedType({})", self.as_str())
    }
}

impl fmt::Display for DetectedType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

const fn is_token(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'+' | b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_holds_16_bytes_and_not_17() {
        assert_eq!(DetectedType::parse(&"a".repeat(16)).unwrap().as_str(), "a".repeat(16));
        assert_eq!(DetectedType::parse(&"a".repeat(17)), None);
        assert_eq!(DetectedType::parse(""), None);
        assert_eq!(DetectedType::parse("a b"), None);
        assert_eq!(DetectedType::lossy("Image/JPEG\r\n").as_str(), "imagejpeg");
        assert_eq!(DetectedType::lossy("画像"), DetectedType::UNKNOWN);
    }

    #[test]
    fn a_detail_field_leads_back_and_hides_nothing_behind_its_end() {
        for token in ["zip", "unknown", "abcdefghijklmnop"] {
            let detected = DetectedType::parse(token).unwrap();
            assert_eq!(DetectedType::from_detail(detected.to_detail()), Some(detected));
        }
        assert_eq!(DetectedType::from_detail(*b"zip\0x\0\0\0\0\0\0\0\0\0\0\0"), None);
        assert_eq!(DetectedType::from_detail([0; 16]), None);
    }
}

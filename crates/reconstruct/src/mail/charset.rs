//! Which charset words leave in, and ISO-2022-JP (RFC 1468) for sites whose readers want it.
//!
//! Strictly what the RFC has: ASCII and JIS X 0208. Many mail programs of Windows write NEC's ① and IBM's 髙 into the same codes, and many
//! others then show something else; half-width kana they turn into full-width ones. Here a text with such a character leaves in UTF-8 instead,
//! so that nothing is replaced: the subject, each name and the text of a mail are decided one by one.

use std::borrow::Cow;

use encoding_rs::EUC_JP;
use form::job::MailCharset;

/// How one text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charset {
    Utf8,
    Iso2022Jp,
}

impl Charset {
    /// What the site wants, as far as `texts` can be written in it.
    pub(super) fn of(wanted: MailCharset, texts: &[&str]) -> Self {
        let fits = || texts.iter().flat_map(|text| text.split('\n')).all(|line| iso_2022_jp(line).is_some());
        match wanted {
            MailCharset::Iso2022Jp if fits() => Self::Iso2022Jp,
            MailCharset::Utf8 | MailCharset::Iso2022Jp => Self::Utf8,
        }
    }

    /// The name in a `Content-Type`.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Iso2022Jp => "iso-2022-jp",
        }
    }

    /// What an encoded-word begins with.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Utf8 => "=?UTF-8?B?",
            Self::Iso2022Jp => "=?ISO-2022-JP?B?",
        }
    }

    /// A line, or a piece of one, that begins and ends in ASCII.
    pub(super) fn encode(self, line: &str) -> Cow<'_, [u8]> {
        match self {
            Self::Iso2022Jp => iso_2022_jp(line).map_or(Cow::Borrowed(line.as_bytes()), Cow::Owned),
            Self::Utf8 => Cow::Borrowed(line.as_bytes()),
        }
    }
}

/// A line in ISO-2022-JP; `None` where it has a character that ISO-2022-JP lacks.
fn iso_2022_jp(line: &str) -> Option<Vec<u8>> {
    if line.is_ascii() {
        return Some(line.as_bytes().to_vec());
    }
    let line: Cow<'_, str> =
        if line.contains(variant) { line.chars().map(usual).collect::<String>().into() } else { line.into() };
    // `encoding_rs` reads the yen sign and the overline into the codes of the backslash and the tilde.
    if line.contains(['¥', '‾']) {
        return None;
    }
    let (euc, _, lossy) = EUC_JP.encode(&line);
    let mut out = Vec::with_capacity(euc.len().saturating_add(ESCAPES));
    let mut kanji = false;
    let mut rest = &*euc;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte.is_ascii() {
            if kanji {
                out.extend_from_slice(TO_ASCII);
                kanji = false;
            }
            out.push(byte);
            continue;
        }
        if !kanji {
            out.extend_from_slice(TO_KANJI);
            kanji = true;
        }
        let (&trail, after) = tail.split_first()?;
        // Rows 1 to 8 and 16 to 84. What is outside is half-width kana or an extension of NEC or IBM.
        if !matches!(byte, 0xA1..=0xA8 | 0xB0..=0xF4) {
            return None;
        }
        out.extend_from_slice(&[byte & 0x7F, trail & 0x7F]);
        rest = after;
    }
    if kanji {
        out.extend_from_slice(TO_ASCII);
    }
    (!lossy).then_some(out)
}

/// JIS X 0208 has one cell for both characters of these pairs; `encoding_rs` knows it by Microsoft's.
fn usual(c: char) -> char {
    match c {
        '〜' => '～',
        '‖' => '∥',
        '—' => '―',
        '¢' => '￠',
        '£' => '￡',
        '¬' => '￢',
        other => other,
    }
}

fn variant(c: char) -> bool {
    usual(c) != c
}

const TO_KANJI: &[u8] = b"\x1b$B";
const TO_ASCII: &[u8] = b"\x1b(B";
/// Octets of the escapes of a usual line.
const ESCAPES: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_of_python() {
        // '…'.encode('iso2022_jp')
        for (text, bytes) in [
            ("plain ~\\", &b"plain ~\\"[..]),
            ("日本", b"\x1b$BF|K\\\x1b(B"),
            ("A日B本", b"A\x1b$BF|\x1b(BB\x1b$BK\\\x1b(B"),
            ("〜‖―", b"\x1b$B!A!B!=\x1b(B"),
            ("熙", b"\x1b$Bt&\x1b(B"),
        ] {
            assert_eq!(iso_2022_jp(text).as_deref(), Some(bytes), "{text}");
        }
    }

    #[test]
    fn what_the_rfc_lacks_is_not_written() {
        for text in ["①", "㈱", "髙", "ｱ", "😊", "é", "¥100", "‾", "\u{E000}", "中国简体", "丂", "葛\u{E0100}"]
        {
            assert_eq!(iso_2022_jp(text), None, "{text}");
            assert_eq!(Charset::of(MailCharset::Iso2022Jp, &["日本", text]), Charset::Utf8);
        }
        assert_eq!(Charset::of(MailCharset::Iso2022Jp, &["日本\n語", "a"]), Charset::Iso2022Jp);
        assert_eq!(Charset::of(MailCharset::Utf8, &["日本"]), Charset::Utf8);
    }
}

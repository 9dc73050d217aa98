//! Charset labels as senders write them.

use encoding_rs::{
    BIG5, EUC_JP, EUC_KR, Encoding, GB18030, GBK, ISO_2022_JP, REPLACEMENT, SHIFT_JIS, UTF_8, UTF_16BE, UTF_16LE,
};

use super::Charset;

/// The charset a label names; `None` for labels that say nothing (`unknown-8bit`, `x-user-defined`, an empty label).
pub(super) fn resolve(label: &str) -> Option<Charset> {
    let cleaned = clean(label);
    let name = cleaned.as_str();
    let aliased = ALIASES.iter().find(|(alias, _)| *alias == name).map(|(_, charset)| *charset);
    if let Some(charset) = aliased {
        return charset;
    }
    if name.starts_with("iso-2022-jp") || name.starts_with("cp5022") || name.starts_with("csiso2022jp") {
        return Some(Charset::Iso2022Jp);
    }
    // Carrier gateways append their name: x-sjis-docomo, shift_jis-imode.
    if name.starts_with("x-sjis") || name.starts_with("shift_jis") || name.starts_with("shift-jis") {
        return Some(Charset::Legacy(SHIFT_JIS));
    }
    if name.starts_with("eucjp") || name.starts_with("euc-ji") || name.starts_with("euc-jp") {
        return Some(Charset::Legacy(EUC_JP));
    }
    let known = Encoding::for_label(name.as_bytes())?;
    if known == REPLACEMENT {
        None
    } else if known == UTF_8 {
        Some(Charset::Utf8)
    } else if known == UTF_16LE {
        Some(Charset::Utf16Le)
    } else if known == UTF_16BE {
        Some(Charset::Utf16Be)
    } else if known == ISO_2022_JP {
        Some(Charset::Iso2022Jp)
    } else {
        Some(Charset::Legacy(known))
    }
}

/// Lower case, without the quotes, comments and parameters that get glued to labels.
fn clean(label: &str) -> String {
    let label = label.trim_matches(|c: char| c.is_ascii_whitespace() || matches!(c, '"' | '\'' | '<' | '>'));
    let end = label.find([';', ',', ' ', '"', '(', '*']).unwrap_or(label.len());
    label.get(..end).unwrap_or_default().chars().take(64).map(|c| c.to_ascii_lowercase()).collect()
}

/// Labels WHATWG does not know or, for mail, knows wrongly. `None` means that the label says nothing.
const ALIASES: &[(&str, Option<Charset>)] = &[
    ("", None),
    ("unknown", None),
    ("unknown-8bit", None),
    ("x-unknown", None),
    ("x-user-defined", None),
    ("default", None),
    ("default_charset", None),
    ("binary", None),
    ("8bit", None),
    ("none", None),
    // ASCII is checked like UTF-8: every 8-bit byte is a contradiction, and often the text is plain UTF-8.
    ("us-ascii", Some(Charset::Utf8)),
    ("ascii", Some(Charset::Utf8)),
    ("ansi_x3.4-1968", Some(Charset::Utf8)),
    ("iso646-us", Some(Charset::Utf8)),
    ("iso-ir-6", Some(Charset::Utf8)),
    ("7bit", Some(Charset::Utf8)),
    ("utf8mb4", Some(Charset::Utf8)),
    ("utf_8", Some(Charset::Utf8)),
    ("cp65001", Some(Charset::Utf8)),
    ("utf-16", Some(Charset::Utf16Be)),
    ("utf16", Some(Charset::Utf16Be)),
    ("utf-7", Some(Charset::Utf7)),
    ("utf7", Some(Charset::Utf7)),
    ("unicode-1-1-utf-7", Some(Charset::Utf7)),
    ("x-unicode-2-0-utf-7", Some(Charset::Utf7)),
    ("jis", Some(Charset::Iso2022Jp)),
    ("jis7", Some(Charset::Iso2022Jp)),
    ("jis8", Some(Charset::Iso2022Jp)),
    ("x-jis", Some(Charset::Iso2022Jp)),
    ("jis_encoding", Some(Charset::Iso2022Jp)),
    ("iso2022jp", Some(Charset::Iso2022Jp)),
    ("iso-2022", Some(Charset::Iso2022Jp)),
    ("_iso-2022-jp", Some(Charset::Iso2022Jp)),
    ("_iso-2022-jp$esc", Some(Charset::Iso2022Jp)),
    ("x-iso-2022-jp", Some(Charset::Iso2022Jp)),
    ("windows-50220", Some(Charset::Iso2022Jp)),
    ("windows-50221", Some(Charset::Iso2022Jp)),
    ("windows-50222", Some(Charset::Iso2022Jp)),
    ("cp932", Some(Charset::Legacy(SHIFT_JIS))),
    ("ms932", Some(Charset::Legacy(SHIFT_JIS))),
    ("x-ms932", Some(Charset::Legacy(SHIFT_JIS))),
    ("x-ms-cp932", Some(Charset::Legacy(SHIFT_JIS))),
    ("windows-932", Some(Charset::Legacy(SHIFT_JIS))),
    ("win-31j", Some(Charset::Legacy(SHIFT_JIS))),
    ("cswindows31j", Some(Charset::Legacy(SHIFT_JIS))),
    ("cp943", Some(Charset::Legacy(SHIFT_JIS))),
    ("ibm-943", Some(Charset::Legacy(SHIFT_JIS))),
    ("ibm943", Some(Charset::Legacy(SHIFT_JIS))),
    ("s-jis", Some(Charset::Legacy(SHIFT_JIS))),
    ("shiftjis", Some(Charset::Legacy(SHIFT_JIS))),
    ("x-shift-jis", Some(Charset::Legacy(SHIFT_JIS))),
    ("x-shift_jis", Some(Charset::Legacy(SHIFT_JIS))),
    ("ms-kanji", Some(Charset::Legacy(SHIFT_JIS))),
    ("cp51932", Some(Charset::Legacy(EUC_JP))),
    ("windows-51932", Some(Charset::Legacy(EUC_JP))),
    ("ujis", Some(Charset::Legacy(EUC_JP))),
    ("x-euc", Some(Charset::Legacy(EUC_JP))),
    ("x-eucjp", Some(Charset::Legacy(EUC_JP))),
    ("euc", Some(Charset::Legacy(EUC_JP))),
    ("iso-2022-kr", Some(Charset::Iso2022Kr)),
    ("csiso2022kr", Some(Charset::Iso2022Kr)),
    ("hz-gb-2312", Some(Charset::Hz)),
    ("hz", Some(Charset::Hz)),
    ("cp936", Some(Charset::Legacy(GBK))),
    ("ms936", Some(Charset::Legacy(GBK))),
    ("windows-936", Some(Charset::Legacy(GBK))),
    ("gb18030-2000", Some(Charset::Legacy(GB18030))),
    ("euc-cn", Some(Charset::Legacy(GBK))),
    ("x-euc-cn", Some(Charset::Legacy(GBK))),
    ("cp949", Some(Charset::Legacy(EUC_KR))),
    ("uhc", Some(Charset::Legacy(EUC_KR))),
    ("x-windows-949", Some(Charset::Legacy(EUC_KR))),
    ("cp950", Some(Charset::Legacy(BIG5))),
    ("windows-950", Some(Charset::Legacy(BIG5))),
];

//! Every sentence that recipients and administrators read about a conversion, in Japanese and English.
//!
//! One table, `sentences`; a test goes through all reasons. `{count}` stands where the number belongs.

mod sentences;

use std::borrow::Cow;

use form::reason::{Finding, Reason, Refusal};

/// Language of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// 日本語.
    #[default]
    Ja,
    /// English.
    En,
}

impl Language {
    /// Picks one of two texts.
    pub fn pick<'a>(self, ja: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Ja => ja,
            Self::En => en,
        }
    }
}

/// The sentence for a reason, with `{count}` still in it where it has one.
pub fn reason_text(reason: Reason, language: Language) -> &'static str {
    let (ja, en) = sentences::of(reason);
    language.pick(ja, en)
}

/// The sentence for a finding, with its number and place filled in.
pub fn describe(finding: &Finding, language: Language) -> String {
    let mut text = reason_text(finding.reason, language).replace("{count}", &finding.count.to_string());
    let place = finding.place.as_str();
    if !place.is_empty() {
        text.push_str(language.pick("（", " ("));
        text.push_str(&place_text(place, language));
        text.push_str(language.pick("）", ")"));
    }
    text
}

/// A place in the reader's language. Rooms write places as names, as `page 3` with more behind it, as `pages 1–60`, or as a list
/// of properties.
fn place_text(place: &str, language: Language) -> Cow<'_, str> {
    if language != Language::Ja {
        return place.into();
    }
    if let Some(rest) = place.strip_prefix("page ") {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        return match rest.split_at_checked(digits) {
            Some((number, rest)) if !number.is_empty() => format!("{number}ページ{rest}").into(),
            _ => place.into(),
        };
    }
    if let Some(pages) = place.strip_prefix("pages ") {
        return format!("{}ページ", pages.replace(", ", "、")).into();
    }
    let known = |word: &str| PROPERTIES.iter().find(|(name, _)| *name == word).map(|(_, ja)| *ja);
    if !place.split(", ").any(|word| known(word).is_some()) {
        return place.into();
    }
    let mut said: Vec<&str> = place.split(", ").map(|word| known(word).unwrap_or(word)).collect();
    said.dedup();
    said.join("、").into()
}

/// Properties of documents (ECMA-376 part 2 section 8 and part 1 section 22.2; ISO 32000-2 table 349) as programs show them.
const PROPERTIES: &[(&str, &str)] = &[
    ("creator", "作成者"),
    ("lastModifiedBy", "最終更新者"),
    ("Company", "会社"),
    ("Manager", "管理者"),
    ("keywords", "キーワード"),
    ("subject", "件名"),
    ("description", "コメント"),
    ("category", "分類"),
    ("Author", "作成者"),
    ("Subject", "件名"),
    ("Keywords", "キーワード"),
    ("Creator", "作成ソフト"),
    ("Producer", "変換ソフト"),
    ("CreationDate", "作成日時"),
    ("ModDate", "更新日時"),
    ("PieceInfo", "作成ソフトの作業データ"),
    ("Thumb", "縮小画像"),
];

/// The sentence for a refusal; a limit is named with its value.
pub fn describe_refusal(refusal: &Refusal, language: Language) -> String {
    let mut text = reason_text(refusal.reason, language).to_owned();
    if refusal.limit > 0 {
        let (limit, value) = (amount(refusal.reason, refusal.limit), amount(refusal.reason, refusal.value));
        let detail = match language {
            Language::Ja => {
                let unit = unit(refusal.reason);
                format!("（上限 {limit}{unit}、実際 {value}{unit}）")
            }
            Language::En => format!(" (limit {limit}, found {value})"),
        };
        text.push_str(&detail);
    } else if refusal.reason == Reason::UnsupportedMethod && refusal.value > 0 {
        let method = method(refusal.value);
        text.push_str(&match language {
            Language::Ja => format!("（{method}）"),
            Language::En => format!(" ({method})"),
        });
    }
    text
}

/// What a method of an archive is called, by its number in ZIP (APPNOTE 4.4.5) or in 7z (Methods.txt of 7-Zip and of 7-Zip ZS), whose numbers
/// have more bytes. Those without a name are found by their number.
fn method(number: u64) -> String {
    const NAMES: &[(u64, &str)] = &[
        (10, "PKWARE Imploding"),
        (18, "IBM TERSE"),
        (94, "MP3"),
        (96, "JPEG"),
        (97, "WavPack"),
        (0x04_0109, "Deflate64"),
        (0x04F7_1101, "Zstandard"),
        (0x04F7_1102, "Brotli"),
        (0x04F7_1103, "LZ5"),
        (0x04F7_1104, "LZ4"),
        (0x04F7_1105, "LZS"),
        (0x04F7_1106, "Lizard"),
    ];
    match NAMES.iter().find(|(known, _)| *known == number) {
        Some((_, name)) => (*name).to_owned(),
        None if number > u64::from(u16::MAX) => format!("{number:08X}"),
        None => number.to_string(),
    }
}

/// A number as people read it: bytes in MB or KB, everything else as it is.
fn amount(reason: Reason, number: u64) -> String {
    const KB: u64 = 1 << 10;
    const MB: u64 = 1 << 20;
    match number {
        _ if !reason.name().ends_with("_bytes") => number.to_string(),
        0..KB => format!("{number} B"),
        KB..MB => format!("{} KB", number / KB),
        _ => format!("{} MB", number / MB),
    }
}

/// What the numbers of a limit count, where Japanese has a word for it that the sentence does not make plain.
fn unit(reason: Reason) -> &'static str {
    const UNITS: &[(Reason, &str)] = &[
        (Reason::LimitParts, "個"),
        (Reason::LimitDepth, "重"),
        (Reason::LimitRatio, "倍"),
        (Reason::LimitTime, "秒"),
        (Reason::LimitPixels, "画素"),
        (Reason::LimitDimension, "画素"),
        (Reason::LimitFrames, "コマ"),
        (Reason::LimitCells, "個"),
        (Reason::LimitAddresses, "件"),
        (Reason::LimitFindings, "件"),
        (Reason::LimitReferences, "件"),
        (Reason::LimitPages, "ページ"),
        (Reason::LimitEntries, "件"),
        (Reason::LimitKeyRounds, "回"),
        (Reason::LimitCrashes, "回"),
    ];
    UNITS.iter().find(|(named, _)| *named == reason).map_or("", |(_, unit)| unit)
}

#[cfg(test)]
mod tests {
    use form::reason::Place;

    use super::*;

    #[test]
    fn every_reason_has_a_sentence_of_its_own_in_both_languages() {
        let mut seen = std::collections::BTreeSet::new();
        for reason in Reason::ALL {
            let (ja, en) = sentences::of(*reason);
            assert!(ja.chars().any(|c| c > '\u{3000}'), "{reason}: {ja}");
            assert!(en.is_ascii() || en.contains('〓'), "{reason}: {en}");
            assert!(seen.insert(ja) && seen.insert(en), "{reason}: said twice");
            assert_eq!(
                ja.contains("{count}"),
                en.contains("{count}"),
                "{reason}: the number is missing in one language"
            );
        }
    }

    #[test]
    fn numbers_and_places_are_filled_in() {
        let finding = Finding { reason: Reason::FormulaNeutralised, count: 3, place: Place::new("B3") };
        assert_eq!(describe(&finding, Language::Ja), "数式として動くセルを3個、文字にしました（B3）");
        assert_eq!(describe(&finding, Language::En), "3 formula cells were turned to text (B3)");
        for (place, ja) in [
            ("page 12", "12ページ"),
            ("page 1: Stamp", "1ページ: Stamp"),
            ("page x", "page x"),
            ("pages 1–60", "1–60ページ"),
            ("pages 2, 4–6", "2、4–6ページ"),
            ("creator, lastModifiedBy", "作成者、最終更新者"),
            ("Author, XMP", "作成者、XMP"),
            ("Sheet1, Sheet2", "Sheet1, Sheet2"),
        ] {
            assert_eq!(place_text(place, Language::Ja), ja);
            assert_eq!(place_text(place, Language::En), place);
        }
    }

    #[test]
    fn a_limit_is_told_with_its_value() {
        let refusal = Refusal::limit(Reason::LimitDepth, 8, 9);
        assert_eq!(describe_refusal(&refusal, Language::En), "it is nested too deeply (limit 8, found 9)");
        assert_eq!(
            describe_refusal(&refusal, Language::Ja),
            "ファイルが何重にもまとめられています（上限 8重、実際 9重）"
        );
        let refusal = Refusal::limit(Reason::LimitInputBytes, 50 << 20, 61 << 20);
        assert_eq!(describe_refusal(&refusal, Language::Ja), "大きすぎます（上限 50 MB、実際 61 MB）");
        assert_eq!(
            describe_refusal(&Refusal::plain(Reason::Encrypted), Language::Ja),
            "暗号化（パスワード付きなど）のため中身を確かめられません"
        );
    }

    #[test]
    fn a_method_that_is_not_read_is_named() {
        for (number, name) in
            [(97, "（WavPack）"), (16, "（16）"), (0x04F7_1106, "（Lizard）"), (0x04F7_1177, "（04F71177）")]
        {
            let refusal = Refusal::limit(Reason::UnsupportedMethod, 0, number);
            assert_eq!(describe_refusal(&refusal, Language::Ja), format!("この圧縮方式には対応していません{name}"));
        }
        let plain = Refusal::plain(Reason::UnsupportedMethod);
        assert_eq!(describe_refusal(&plain, Language::En), "packed with a method that cannot be read");
    }
}

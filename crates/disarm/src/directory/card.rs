//! Address cards as lines of text.

use form::{Reason, Refusal};

use super::line::{Line, lines};
use super::{MAX_ENTRIES, Shown};
use crate::error::Error;

/// The cards of a file. `label` is the charset that it came with.
pub(super) fn cards(bytes: &[u8], label: Option<&str>) -> Result<Shown, Error> {
    let mut blocks = Vec::new();
    let mut media = 0_u32;
    let mut card: Vec<Line> = Vec::new();
    let mut open = 0_u32;
    let mut cards: u64 = 0;
    for line in lines(bytes, label) {
        let vcard = line.value.trim().eq_ignore_ascii_case("vcard");
        match line.name.as_str() {
            "BEGIN" if vcard => open = open.saturating_add(1),
            "END" if vcard => {
                open = open.saturating_sub(1);
                if open > 0 {
                    // A card in a card (AGENT of vCard 2.1): its lines are told with those of the card around it.
                    continue;
                }
                cards = cards.saturating_add(1);
                if cards > MAX_ENTRIES {
                    return Err(Refusal::limit(Reason::LimitEntries, MAX_ENTRIES, cards).into());
                }
                blocks.push(text(&std::mem::take(&mut card)));
            }
            "PHOTO" | "LOGO" | "SOUND" | "KEY" => media = media.saturating_add(1),
            _ if open > 0 && card.len() < MAX_LINES => card.push(line),
            _ => {}
        }
    }
    if !card.is_empty() {
        blocks.push(text(&card));
    }
    if blocks.is_empty() {
        return Err(Reason::Malformed.into());
    }
    let told = if media > 0 { vec![(Reason::CardMedia, media)] } else { Vec::new() };
    Ok(Shown { text: blocks.join("\n"), told })
}

fn text(card: &[Line]) -> String {
    let mut out = "■ 連絡先\n".to_owned();
    let first = |name: &str| card.iter().find(|line| line.name == name);
    let plain = |name: &str| first(name).map(Line::text).unwrap_or_default();
    let parts = first("N").map(Line::fields).unwrap_or_default();
    let part = |at: usize| parts.get(at).map(String::as_str).unwrap_or_default();
    // Family name first, as it is said here; the form of the sender where it is given.
    let own = [part(3), part(0), part(1), part(2), part(4)];
    let own = own.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    let formatted = plain("FN");
    let name = if formatted.trim().is_empty() { own } else { formatted };
    let sounds = [plain("X-PHONETIC-LAST-NAME"), plain("X-PHONETIC-FIRST-NAME")];
    let sounds = sounds.iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join(" ");
    put(&mut out, "氏名", &if sounds.is_empty() { name } else { format!("{name}（{sounds}）") });
    put(&mut out, "別名", &plain("NICKNAME"));
    let company = first("ORG").map(Line::fields).unwrap_or_default();
    put(&mut out, "組織", &company.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" "));
    put(&mut out, "役職", &plain("TITLE"));
    put(&mut out, "役割", &plain("ROLE"));
    for line in card {
        match line.name.as_str() {
            "TEL" => {
                let number = line.text();
                put(&mut out, phone(line), number.strip_prefix("tel:").unwrap_or(&number));
            }
            "EMAIL" => put(&mut out, &format!("メール{}", place(line)), &line.text()),
            "ADR" => put(&mut out, &format!("住所{}", place(line)), &address(&line.fields())),
            "LABEL" => put(&mut out, "宛名", &line.text()),
            "URL" => put(&mut out, "URL", &line.text()),
            "IMPP" | "X-SKYPE" | "X-SKYPE-USERNAME" => put(&mut out, "連絡先", &line.text()),
            "BDAY" => put(&mut out, "誕生日", &line.text()),
            "ANNIVERSARY" => put(&mut out, "記念日", &line.text()),
            "CATEGORIES" => put(&mut out, "分類", &line.text()),
            "NOTE" => put(&mut out, "メモ", &line.text()),
            _ => {}
        }
    }
    out
}

fn put(out: &mut String, label: &str, value: &str) {
    let value = value.trim();
    if !value.is_empty() {
        out.push_str(&format!("{label}: {}\n", value.replace('\n', "\n  ")));
    }
}

fn phone(line: &Line) -> &'static str {
    if line.is_of("fax") {
        "FAX"
    } else if line.is_of("cell") {
        "携帯電話"
    } else if line.is_of("work") {
        "電話（勤務先）"
    } else if line.is_of("home") {
        "電話（自宅）"
    } else {
        "電話"
    }
}

fn place(line: &Line) -> &'static str {
    match (line.is_of("work"), line.is_of("home")) {
        (true, _) => "（勤務先）",
        (false, true) => "（自宅）",
        (false, false) => "",
    }
}

/// Box, extended, street, town, prefecture, code, country; said from the largest to the smallest.
fn address(fields: &[String]) -> String {
    let field = |at: usize| fields.get(at).map(String::as_str).unwrap_or_default();
    let code = field(5);
    let code = if code.is_empty() || code.starts_with('〒') { code.to_owned() } else { format!("〒{code}") };
    let ordered = [code.as_str(), field(6), field(4), field(3), field(2), field(1), field(0)];
    ordered.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Lines of one card.
const MAX_LINES: usize = 2_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_of_a_japanese_phone_is_read_in_its_own_charset() {
        // Python: "山田;太郎".encode("cp932") and so on, in quoted-printable.
        let card = b"BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=SHIFT_JIS;ENCODING=QUOTED-PRINTABLE:=8E=52=93=63;=91=BE=98=59\r\n\
            TEL;CELL:090-0000-0000\r\nTEL;FAX;WORK:03-0000-0000\r\nEMAIL;WORK:taro@example.jp\r\n\
            ADR;WORK;CHARSET=SHIFT_JIS;ENCODING=QUOTED-PRINTABLE:;;1-1;=90=E7=91=E3=93=63=8B=E6;=93=8C=8B=9E=93=73;100-0001;\r\n\
            PHOTO;JPEG;ENCODING=BASE64:\r\n /9j/4AAQ\r\n\r\nEND:VCARD\r\n";
        let shown = cards(card, None).unwrap();
        assert_eq!(
            shown.text,
            "■ 連絡先\n氏名: 山田 太郎\n携帯電話: 090-0000-0000\nFAX: 03-0000-0000\nメール（勤務先）: taro@example.jp\n\
             住所（勤務先）: 〒100-0001 東京都 千代田区 1-1\n"
        );
        assert_eq!(shown.told, [(Reason::CardMedia, 1)]);
    }

    #[test]
    fn cards_end_at_their_limit() {
        let one = "BEGIN:VCARD\nFN:x\nEND:VCARD\n";
        assert!(cards(one.repeat(10_000).as_bytes(), None).is_ok());
        let error = cards(one.repeat(10_001).as_bytes(), None).unwrap_err();
        assert_eq!(error.refusal(), Refusal::limit(Reason::LimitEntries, 10_000, 10_001));
    }
}

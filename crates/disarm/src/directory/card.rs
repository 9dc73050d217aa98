//! Address cards as lines of text.

use form::Reason;

use super::beyond::Facts;
use super::line::{Line, Unread, lines};
use super::{Growing, Shown};
use crate::error::Error;

/// The cards of a file, in at most `most` bytes. `label` is the charset that it came with.
pub(crate) fn cards(bytes: &[u8], label: Option<&str>, most: u64) -> Result<Shown, Error> {
    let mut out = Growing::new(most);
    let mut cards: u64 = 0;
    let (media, unread) = each_card(bytes, label, |card| {
        cards = cards.saturating_add(1);
        write(card, cards, &mut out)
    })?;
    let told = [(Reason::CardMedia, media), (Reason::MessageIncomplete, unread.lost)];
    Ok(Shown { text: out.text, told: told.into_iter().filter(|(_, count)| *count > 0).collect() })
}

/// Hands over the lines of each card, of which there must be one; the answer is how many media were left out and what else.
pub(super) fn each_card(
    bytes: &[u8],
    label: Option<&str>,
    mut each: impl FnMut(&[Line]) -> Result<(), Error>,
) -> Result<(u32, Unread), Error> {
    let mut media = 0_u32;
    let mut agent = false;
    let mut card: Vec<Line> = Vec::new();
    let mut open = 0_u32;
    let mut is_none = true;
    let mut lines = lines(bytes, label);
    while let Some(line) = lines.next() {
        let unread = &mut lines.unread;
        let vcard = line.value.trim().eq_ignore_ascii_case("vcard");
        match line.name.as_str() {
            // A card in a card (AGENT of vCard 2.1): its lines are told with those of the card around it.
            "BEGIN" if vcard && (open == 0 || agent) => open = open.saturating_add(1),
            "BEGIN" if vcard => {
                // The card before has no end.
                unread.lose();
                open = 1;
                is_none = false;
                each(&std::mem::take(&mut card))?;
            }
            "END" if vcard => {
                open = open.saturating_sub(1);
                if open == 0 {
                    is_none = false;
                    each(&std::mem::take(&mut card))?;
                }
            }
            "SOUND" if open > 0 && is_reading(&line) && card.len() < MAX_LINES => card.push(line),
            "PHOTO" | "LOGO" | "SOUND" | "KEY" => media = media.saturating_add(1),
            _ if open > 0 && card.len() < MAX_LINES => {
                agent = line.name == "AGENT" && line.value.trim().is_empty();
                card.push(line);
                continue;
            }
            _ if open > 0 => unread.lose(),
            _ => {}
        }
        agent = false;
    }
    if !card.is_empty() {
        lines.unread.lose();
        is_none = false;
        each(&card)?;
    }
    if is_none {
        return Err(Reason::Malformed.into());
    }
    Ok((media, lines.unread))
}

/// How a name is read, as Japanese phones say it: not a sound at all.
fn is_reading(line: &Line) -> bool {
    line.is_of("X-IRMC-N")
}

fn write(card: &[Line], number: u64, out: &mut Growing) -> Result<(), Error> {
    out.entry(number)?;
    out.push("■ 連絡先\n")?;
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
    let reading = first("SOUND").map(Line::fields).unwrap_or_default();
    let reading = reading.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    let sounds = if sounds.is_empty() { reading } else { sounds };
    out.put("氏名", &if sounds.is_empty() { name } else { format!("{name}（{sounds}）") })?;
    out.put("別名", &plain("NICKNAME"))?;
    let company = first("ORG").map(Line::fields).unwrap_or_default();
    out.put("組織", &company.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" "))?;
    out.put("役職", &plain("TITLE"))?;
    out.put("役割", &plain("ROLE"))?;
    for line in card {
        match line.name.as_str() {
            "TEL" => {
                let number = line.text();
                out.put(phone(line), number.strip_prefix("tel:").unwrap_or(&number))?;
            }
            "EMAIL" => out.put(&format!("メール{}", place(line)), &line.text())?,
            "ADR" => out.put(&format!("住所{}", place(line)), &address(&line.fields()))?,
            "LABEL" => out.put("宛名", &line.text())?,
            "URL" => out.put("URL", &line.text())?,
            "BDAY" => out.put("誕生日", &line.text())?,
            "ANNIVERSARY" => out.put("記念日", &line.text())?,
            "CATEGORIES" => out.put("分類", &line.text())?,
            "NOTE" => out.put("メモ", &line.text())?,
            _ => {}
        }
    }
    Facts::of(card).all().try_for_each(|(label, value)| out.put(&label, &value))
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
    use form::Refusal;

    use super::*;

    const MOST: u64 = 1 << 20;

    #[test]
    fn a_card_of_a_japanese_phone_is_read_in_its_own_charset() {
        // Python: "山田;太郎".encode("cp932") and so on, in quoted-printable.
        let card = b"BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=SHIFT_JIS;ENCODING=QUOTED-PRINTABLE:=8E=52=93=63;=91=BE=98=59\r\n\
            TEL;CELL:090-0000-0000\r\nTEL;FAX;WORK:03-0000-0000\r\nEMAIL;WORK:taro@example.jp\r\n\
            ADR;WORK;CHARSET=SHIFT_JIS;ENCODING=QUOTED-PRINTABLE:;;1-1;=90=E7=91=E3=93=63=8B=E6;=93=8C=8B=9E=93=73;100-0001;\r\n\
            PHOTO;JPEG;ENCODING=BASE64:\r\n /9j/4AAQ\r\n\r\nEND:VCARD\r\n";
        let shown = cards(card, None, MOST).unwrap();
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
        assert!(cards(one.repeat(10_000).as_bytes(), None, MOST).is_ok());
        let error = cards(one.repeat(10_001).as_bytes(), None, MOST).unwrap_err();
        assert_eq!(error.refusal(), Refusal::limit(Reason::LimitEntries, 10_000, 10_001));
    }

    #[test]
    fn a_card_without_an_end_ends_where_the_next_begins_but_one_in_another_is_of_it() {
        let shown = cards(b"BEGIN:VCARD\nFN:a\nBEGIN:VCARD\nFN:b\nEND:VCARD\nBEGIN:VCARD\nFN:c\n", None, MOST).unwrap();
        assert_eq!(shown.text.matches("氏名: ").count(), 3);
        assert_eq!(shown.told, [(Reason::MessageIncomplete, 2)]);
        let agent = b"BEGIN:VCARD\nFN:a\nAGENT:\nBEGIN:VCARD\nTEL:1\nEND:VCARD\nTEL:2\nEND:VCARD\n";
        let shown = cards(agent, None, MOST).unwrap();
        assert_eq!(shown.text, "■ 連絡先\n氏名: a\n電話: 1\n電話: 2\n");
        assert!(shown.told.is_empty());
    }

    #[test]
    fn cards_have_the_bytes_of_their_limit_and_not_one_more() {
        let text = "■ 連絡先\n氏名: x\n";
        let most = u64::try_from(text.len()).unwrap();
        let card = b"BEGIN:VCARD\nFN:x\nEND:VCARD\n";
        assert_eq!(cards(card, None, most).unwrap().text, text);
        let refusal = cards(card, None, most - 1).unwrap_err().refusal();
        assert_eq!(refusal, Refusal::limit(Reason::LimitTextBytes, most - 1, most));
    }
}

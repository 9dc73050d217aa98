//! What a card says of a person in fields that few programs read, and that no field of the form is for: how to chat, who belongs to
//! them, what they speak. It is said in words, in the note of a card and in the text of a mail.

use super::line::Line;

/// A label and what stands behind it.
pub(super) type Fact = (String, String);

/// The facts of a card, in the order of its lines.
pub(super) fn facts(card: &[Line]) -> impl Iterator<Item = Fact> {
    card.iter().filter_map(|line| fact(line, card))
}

/// What one line says.
fn fact(line: &Line, card: &[Line]) -> Option<Fact> {
    let value = line.text().trim().to_owned();
    // The number of another card is no name.
    if value.is_empty() || value.starts_with("urn:") {
        return None;
    }
    let label = match line.name.as_str() {
        "RELATED" | "X-ABRELATEDNAMES" => called("関係者", &relation(line, card)),
        "X-ABDATE" => called("記念日", &relation(line, card)),
        "X-SOCIALPROFILE" => called("SNS", line.params("TYPE").next().unwrap_or_default()),
        name => LABELS.iter().find(|(known, _)| *known == name)?.1.to_owned(),
    };
    Some((label, value))
}

/// Whether a line is told as a fact, or is the label of one that is.
pub(super) fn is_told(line: &Line, card: &[Line]) -> bool {
    fact(line, card).is_some()
        || (line.name == LABEL
            && card.iter().any(|other| {
                other.group == line.group && matches!(other.name.as_str(), "X-ABRELATEDNAMES" | "X-ABDATE")
            }))
}

fn called(what: &str, more: &str) -> String {
    if more.is_empty() { what.to_owned() } else { format!("{what}（{more}）") }
}

/// How somebody belongs to the person: the type of vCard 4, or the label that programs of Apple give a line by its group.
fn relation(line: &Line, card: &[Line]) -> String {
    let own = || card.iter().find(|label| label.name == LABEL && !line.group.is_empty() && label.group == line.group);
    let kind = line.params("TYPE").find(|kind| !kind.eq_ignore_ascii_case("pref")).map(str::to_owned);
    let kind = own().map(Line::text).or(kind).unwrap_or_default();
    let kind = kind.trim().trim_start_matches("_$!<").trim_end_matches(">!$_").trim();
    let known = RELATIONS.iter().find(|(known, _)| known.eq_ignore_ascii_case(kind));
    known.map_or(kind, |(_, word)| word).to_owned()
}

const LABEL: &str = "X-ABLABEL";

/// RFC 6350, RFC 4770 and what Evolution, Google, Outlook and Thunderbird write.
const LABELS: [(&str, &str); 38] = [
    ("IMPP", "チャット"),
    ("X-AIM", "チャット（AIM）"),
    ("X-GOOGLE-TALK", "チャット（Google Talk）"),
    ("X-GTALK", "チャット（Google Talk）"),
    ("X-ICQ", "チャット（ICQ）"),
    ("X-JABBER", "チャット（XMPP）"),
    ("X-LINE", "チャット（LINE）"),
    ("X-MS-IMADDRESS", "チャット"),
    ("X-MSN", "チャット（MSN）"),
    ("X-QQ", "チャット（QQ）"),
    ("X-SKYPE", "チャット（Skype）"),
    ("X-SKYPE-USERNAME", "チャット（Skype）"),
    ("X-TWITTER", "SNS（Twitter）"),
    ("X-YAHOO", "チャット（Yahoo!）"),
    ("X-EVOLUTION-SPOUSE", "配偶者"),
    ("X-MS-SPOUSE", "配偶者"),
    ("X-SPOUSE", "配偶者"),
    ("X-EVOLUTION-MANAGER", "上司"),
    ("X-MANAGER", "上司"),
    ("X-MS-MANAGER", "上司"),
    ("X-ASSISTANT", "秘書"),
    ("X-EVOLUTION-ASSISTANT", "秘書"),
    ("X-MS-ASSISTANT", "秘書"),
    ("X-CHILDREN", "子"),
    ("X-MS-CHILD", "子"),
    ("GENDER", "性別"),
    ("X-GENDER", "性別"),
    ("LANG", "言語"),
    ("TZ", "時間帯"),
    ("GEO", "位置"),
    ("BIRTHPLACE", "出生地"),
    ("EXPERTISE", "専門"),
    ("HOBBY", "趣味"),
    ("INTEREST", "関心"),
    ("CALURI", "予定表"),
    ("FBURL", "空き時間"),
    ("X-EVOLUTION-BLOG-URL", "ブログ"),
    ("X-EVOLUTION-VIDEO-URL", "テレビ会議"),
];

const RELATIONS: [(&str, &str); 14] = [
    ("Anniversary", "結婚"),
    ("Assistant", "秘書"),
    ("Brother", "兄弟"),
    ("Child", "子"),
    ("Emergency", "緊急連絡先"),
    ("Father", "父"),
    ("Friend", "友人"),
    ("Manager", "上司"),
    ("Mother", "母"),
    ("Parent", "親"),
    ("Partner", "パートナー"),
    ("Sibling", "兄弟姉妹"),
    ("Sister", "姉妹"),
    ("Spouse", "配偶者"),
];

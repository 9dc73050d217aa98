//! What a card says of a person in fields that few programs read, and that no field of the form is for: how to chat, who belongs to
//! them, what they speak. It is said in words, in the note of a card and in the text of a mail.

use std::collections::BTreeMap;

use super::line::Line;

/// A label and what stands behind it.
pub(super) type Fact = (String, String);

/// The lines of one card, with the words by which programs of Apple label others: those of one group belong together.
pub(super) struct Facts<'c> {
    card: &'c [Line],
    labels: BTreeMap<&'c str, Label>,
}

/// What is written of a group.
#[derive(Default)]
struct Label {
    word: Option<String>,
    /// Whether a line of the group is said with it.
    is_said: bool,
}

impl<'c> Facts<'c> {
    pub(super) fn of(card: &'c [Line]) -> Facts<'c> {
        let mut labels: BTreeMap<&str, Label> = BTreeMap::new();
        for line in card.iter().filter(|line| !line.group.is_empty()) {
            let is_label = line.name == LABEL;
            if is_label || is_labelled(line) {
                let label = labels.entry(&line.group).or_default();
                label.is_said |= !is_label;
                if is_label && label.word.is_none() {
                    label.word = Some(line.text());
                }
            }
        }
        Facts { card, labels }
    }

    /// The facts, in the order of their lines.
    pub(super) fn all(&self) -> impl Iterator<Item = Fact> {
        self.card.iter().filter_map(|line| self.fact(line))
    }

    /// Whether a line is told as a fact, or is the label of one that is.
    pub(super) fn tell(&self, line: &Line) -> bool {
        match line.name.as_str() {
            LABEL => self.labels.get(line.group.as_str()).is_some_and(|label| label.is_said),
            _ => self.fact(line).is_some(),
        }
    }

    /// What one line says.
    fn fact(&self, line: &Line) -> Option<Fact> {
        let known = LABELS.iter().find(|(known, _)| *known == line.name).map(|(_, label)| *label);
        let label = match line.name.as_str() {
            "RELATED" | "X-ABRELATEDNAMES" => called("関係者", &self.relation(line)),
            "X-ABDATE" => called("記念日", &self.relation(line)),
            "X-SOCIALPROFILE" => called("SNS", line.params("TYPE").next().unwrap_or_default()),
            _ => known?.to_owned(),
        };
        let value = line.text().trim().to_owned();
        // The number of another card is no name.
        (!value.is_empty() && !value.starts_with("urn:")).then_some((label, value))
    }

    /// How somebody belongs to the person: the type of vCard 4, or the label of the group.
    fn relation(&self, line: &Line) -> String {
        let own = self.labels.get(line.group.as_str()).and_then(|label| label.word.as_deref());
        let kind = || line.params("TYPE").find(|kind| !kind.eq_ignore_ascii_case("pref"));
        let kind = own.or_else(kind).unwrap_or_default();
        let kind = kind.trim().trim_start_matches("_$!<").trim_end_matches(">!$_").trim();
        let known = RELATIONS.iter().find(|(known, _)| known.eq_ignore_ascii_case(kind));
        known.map_or(kind, |(_, word)| word).to_owned()
    }
}

/// Whether the label of its group says what a line is.
fn is_labelled(line: &Line) -> bool {
    matches!(line.name.as_str(), "RELATED" | "X-ABRELATEDNAMES" | "X-ABDATE")
}

fn called(what: &str, more: &str) -> String {
    if more.is_empty() { what.to_owned() } else { format!("{what}（{more}）") }
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

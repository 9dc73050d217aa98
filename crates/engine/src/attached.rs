//! An attached mail as a text, for sites whose readers open no mails from files: who wrote it to whom, its account, its words. What was
//! attached to it lies beside the text, as files that were embedded in a document do.

use form::mail::{MailHeader, Mailbox};
use form::text::Text;

use crate::account::Account;
use crate::catalogue::Language;
use crate::policy::{AccountPlace, Policy};

/// The whole text. The words of the mail may be as long as all the rest, and are copied once.
pub(crate) fn text(policy: &Policy, header: &MailHeader, body: &Text, account: &Account) -> Text {
    let own = |text: &str| Text::scrub(text).0;
    let head = own(&head(policy.language, header).join("\n"));
    let (top, list) = (own(&account.top), own(&account.list));
    let pieces = match policy.account {
        AccountPlace::Top => [&head, &top, body, &list],
        AccountPlace::Bottom => [&head, body, &top, &list],
    };
    let mut whole = Text::default();
    for piece in pieces.into_iter().filter(|piece| !piece.as_str().trim().is_empty()) {
        if !whole.is_empty() {
            whole.push(&own(if whole.as_str().ends_with('\n') { "\n" } else { "\n\n" }));
        }
        whole.push(piece);
    }
    if !whole.as_str().ends_with('\n') {
        whole.push(&own("\n"));
    }
    whole
}

fn head(language: Language, header: &MailHeader) -> Vec<String> {
    let from = header.from.as_slice();
    let sender = header.sender.as_slice();
    let people: [(&str, &str, &[Mailbox]); 5] = [
        ("差出人", "From", from),
        ("送信者", "Sender", sender),
        ("宛先", "To", &header.to),
        ("CC", "Cc", &header.cc),
        ("返信先", "Reply-To", &header.reply_to),
    ];
    let people = people.into_iter().filter(|(.., boxes)| !boxes.is_empty());
    let mut lines: Vec<String> =
        people.map(|(ja, en, boxes)| format!("{}: {}", language.pick(ja, en), addresses(boxes))).collect();
    if let Some(date) = header.date {
        lines.push(format!("{}: {date}", language.pick("日時", "Date")));
    }
    lines.push(format!("{}: {}", language.pick("件名", "Subject"), header.subject.as_str()));
    lines
}

/// All of them: the form bounds how many there are.
fn addresses(boxes: &[Mailbox]) -> String {
    boxes.iter().map(address).collect::<Vec<_>>().join(", ")
}

fn address(one: &Mailbox) -> String {
    if one.name.is_empty() { one.address.to_string() } else { format!("{} <{}>", one.name.as_str(), one.address) }
}

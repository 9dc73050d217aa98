//! An attached mail as a text, for sites whose readers open no mails from files: who wrote it to whom, its account, its words. What was
//! attached to it lies beside the text, as files that were embedded in a document do.

use form::document::MailDoc;
use form::mail::{MailHeader, Mailbox};
use form::text::Text;

use crate::account::Account;
use crate::catalogue::Language;
use crate::policy::{AccountPlace, Policy};

/// Addresses of one field; the others are counted.
const MAX_ADDRESSES: usize = 100;

/// The whole text.
pub(crate) fn text(policy: &Policy, doc: &MailDoc, account: &Account) -> Text {
    let head = head(policy.language, &doc.header).join("\n");
    let (head, body) = (head.as_str(), doc.body.as_str());
    let (top, list) = (account.top.as_str(), account.list.as_str());
    let pieces = match policy.account {
        AccountPlace::Top => [head, top, body, list],
        AccountPlace::Bottom => [head, body, top, list],
    };
    let pieces: Vec<&str> = pieces.into_iter().map(str::trim_end).filter(|piece| !piece.is_empty()).collect();
    Text::scrub(&(pieces.join("\n\n") + "\n")).0
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
        people.map(|(ja, en, boxes)| format!("{}: {}", language.pick(ja, en), addresses(language, boxes))).collect();
    if let Some(date) = header.date {
        lines.push(format!("{}: {date}", language.pick("日時", "Date")));
    }
    lines.push(format!("{}: {}", language.pick("件名", "Subject"), header.subject.as_str()));
    lines
}

fn addresses(language: Language, boxes: &[Mailbox]) -> String {
    let mut told: Vec<String> = boxes.iter().take(MAX_ADDRESSES).map(address).collect();
    let untold = boxes.len().saturating_sub(MAX_ADDRESSES);
    if untold > 0 {
        told.push(match language {
            Language::Ja => format!("ほか {untold} 件"),
            Language::En => format!("and {untold} more"),
        });
    }
    told.join(", ")
}

fn address(one: &Mailbox) -> String {
    if one.name.is_empty() { one.address.to_string() } else { format!("{} <{}>", one.name.as_str(), one.address) }
}

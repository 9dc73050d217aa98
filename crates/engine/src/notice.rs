//! Mails that Misogi itself writes: notices to recipients and delivery reports. They too are composed in a clean room, so that nothing
//! leaves that one has not written.

use form::detected::DetectedType;
use form::document::MailDoc;
use form::mail::{Address, MailDate, MailHeader, Mailbox};
use form::text::{Line, Text};

use crate::assemble;
use crate::outcome::Defer;
use crate::part::Run;

/// A mail of our own.
#[derive(Debug, Clone, Default)]
pub struct Notice {
    /// Address it comes from.
    pub from: String,
    /// Addresses it goes to.
    pub to: Vec<String>,
    /// Subject.
    pub subject: String,
    /// Text.
    pub text: String,
    /// Date, in Unix seconds.
    pub now: i64,
    /// Offset of local time in minutes.
    pub utc_offset_minutes: i16,
    /// 受付番号 of the mail it is about; empty for none.
    pub receipt: String,
}

pub(crate) async fn compose(run: &Run<'_>, notice: &Notice) -> Result<jail::Fresh, Defer> {
    let header = MailHeader {
        from: mailbox(&notice.from),
        to: notice.to.iter().filter_map(|address| mailbox(address)).collect(),
        subject: Line::scrub(&notice.subject).0,
        date: MailDate::new(notice.now, notice.utc_offset_minutes),
        auto_submitted: Some(Line::scrub("auto-replied").0),
        ..MailHeader::default()
    };
    let doc = MailDoc {
        detected: DetectedType::lossy("mail"),
        header,
        body: Text::scrub(&notice.text).0,
        children: Vec::new(),
        findings: Vec::new(),
    };
    let form = doc.encode(Vec::new(), &run.policy.limits).map_err(|_| Defer::Notice(None))?;
    let mut headers = Vec::new();
    if !notice.receipt.is_empty() {
        headers.push(("X-Misogi-Receipt", notice.receipt.clone()));
    }
    assemble::mail(run, &assemble::Form::Own(&form), "", &headers, &[])
        .await?
        .map_err(|refusal| Defer::Notice(Some(refusal)))
}

/// An address that cannot stand in a header is left out: the envelope still carries it.
fn mailbox(address: &str) -> Option<Mailbox> {
    Address::parse(address).ok().map(|address| Mailbox { name: Line::default(), address })
}

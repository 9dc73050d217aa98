//! Mails that Misogi itself writes: notices to recipients and delivery reports. They too are composed in a clean room, so that nothing
//! leaves that one has not written.

use form::detected::DetectedType;
use form::document::MailDoc;
use form::mail::{Address, MailDate, MailHeader, Mailbox};
use form::text::{Line, Text};

use crate::account::Account;
use crate::outcome::Defer;
use crate::part::Run;
use crate::{assemble, machine};

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
    /// What programs are told of a delivery that failed.
    pub report: Option<DeliveryReport>,
}

/// The facts of a failed delivery (RFC 3464).
#[derive(Debug, Clone, Default)]
pub struct DeliveryReport {
    /// Our host name.
    pub reporting_mta: String,
    /// When the mail was ready for delivery, in Unix seconds.
    pub arrival: i64,
    /// Who did not get it.
    pub failed: Vec<FailedDelivery>,
}

/// One recipient of a [`DeliveryReport`].
#[derive(Debug, Clone, Default)]
pub struct FailedDelivery {
    /// The address.
    pub address: String,
    /// The enhanced status code, such as `5.1.1`.
    pub status: String,
    /// The reply of the next hop.
    pub diagnostic: String,
    /// The next hop, if there was one.
    pub remote_mta: Option<String>,
    /// When it was tried last, in Unix seconds.
    pub last_attempt: i64,
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
    headers.extend(machine::policy_name(run.policy));
    if let Some(report) = &notice.report {
        let facts: Vec<assemble::OwnHeader<'_>> = headers.iter().cloned().chain(facts(report)).collect();
        if let Ok(fresh) = assemble::report(run, &assemble::Form::Own(&form), &facts).await? {
            return Ok(fresh);
        }
        // Recipients with addresses that no program would read, or too many of them: people are told all the same.
    }
    assemble::mail(run, &assemble::Form::Own(&form), &Account::default(), &headers, &[])
        .await?
        .map_err(|refusal| Defer::Notice(Some(refusal)))
}

fn facts(report: &DeliveryReport) -> impl Iterator<Item = assemble::OwnHeader<'static>> {
    let head = [("X-Report-MTA", report.reporting_mta.clone()), ("X-Report-Arrival", report.arrival.to_string())];
    let of_one = |failed: &FailedDelivery| {
        let mut facts = vec![
            ("X-Report-Recipient", failed.address.clone()),
            ("X-Report-Status", failed.status.clone()),
            ("X-Report-Diagnostic", failed.diagnostic.chars().take(DIAGNOSTIC_CHARS).collect()),
            ("X-Report-Attempt", failed.last_attempt.to_string()),
        ];
        facts.extend(failed.remote_mta.clone().map(|host| ("X-Report-Remote", host)));
        facts
    };
    head.into_iter().chain(report.failed.iter().flat_map(of_one).collect::<Vec<_>>())
}

/// A reply longer than this says nothing more.
const DIAGNOSTIC_CHARS: usize = 500;

/// An address that cannot stand in a header is left out: the envelope still carries it.
fn mailbox(address: &str) -> Option<Mailbox> {
    Address::parse(address).ok().map(|address| Mailbox { name: Line::default(), address })
}

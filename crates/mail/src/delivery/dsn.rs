//! What a notice of non-delivery has to say (RFC 3464). It is composed elsewhere, in a clean room.

use std::pin::Pin;

use store::{MessageId, Notice, Receipt, Timestamp};

/// The facts of a failed delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DsnFacts {
    /// The message that could not be delivered.
    pub about: MessageId,
    /// Its receipt.
    pub receipt: Receipt,
    /// Who gets the notice: the reverse path of the message.
    pub recipient: String,
    /// Whether that address needs SMTPUTF8.
    pub smtputf8: bool,
    /// `Reporting-MTA`: our host name.
    pub reporting_mta: String,
    /// `Remote-MTA`: the next hop, if there was one.
    pub remote_mta: Option<String>,
    /// `Arrival-Date`: when the message was ready for delivery.
    pub arrival: Timestamp,
    /// `Last-Attempt-Date`.
    pub last_attempt: Timestamp,
    /// The recipients that failed.
    pub failed: Vec<FailedRecipient>,
}

/// One recipient in a notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedRecipient {
    /// `Final-Recipient`.
    pub address: String,
    /// `Status`: an enhanced status code such as `5.1.1`.
    pub status: String,
    /// `Diagnostic-Code`: the reply, one line without control characters.
    pub reply: String,
}

/// Composes notices.
pub trait ComposeDsn: Send + Sync {
    /// Composes a notice with a receipt of its own.
    fn compose(&self, facts: DsnFacts) -> ComposeFuture<'_>;
}

/// What [`ComposeDsn::compose`] returns.
pub type ComposeFuture<'a> = Pin<Box<dyn Future<Output = Result<Notice, ComposeError>> + Send + 'a>>;

/// Why a notice could not be composed now.
pub type ComposeError = Box<dyn std::error::Error + Send + Sync>;

/// The enhanced status code of a reply (RFC 3463), or the general one of its class.
pub fn status(reply: &str) -> String {
    let mut words = reply.split([' ', '-']);
    let code = words.next().unwrap_or_default();
    let general = if code.starts_with('4') { "4.0.0" } else { "5.0.0" };
    let enhanced = words.next().filter(|word| {
        let parts: Vec<&str> = word.split('.').collect();
        let digits = |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        parts.len() == 3 && parts.iter().all(digits) && word.get(..1) == general.get(..1)
    });
    enhanced.unwrap_or(general).to_owned()
}

/// Whether a message composed by us says of itself that a program sent it (RFC 3834): such mail gets no notice, as two
/// programs could answer each other for ever.
pub(super) fn is_automatic(message: &[u8]) -> bool {
    for line in message.split(|b| *b == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return false;
        }
        if line.get(..AUTO_SUBMITTED.len()).is_some_and(|name| name.eq_ignore_ascii_case(AUTO_SUBMITTED)) {
            let value = line.get(AUTO_SUBMITTED.len()..).unwrap_or_default().trim_ascii();
            return !value.eq_ignore_ascii_case(b"no");
        }
    }
    false
}

const AUTO_SUBMITTED: &[u8] = b"Auto-Submitted:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_the_replys_own_where_it_has_one() {
        for (reply, expected) in [
            ("550 5.1.1 no such user", "5.1.1"),
            ("552 5.3.4", "5.3.4"),
            ("451 4.7.1 later", "4.7.1"),
            ("550 no such user", "5.0.0"),
            ("550 4.1.1 contradicts its code", "5.0.0"),
            ("450 ", "4.0.0"),
            ("", "5.0.0"),
            ("550 5.1.1.1 x", "5.0.0"),
            ("550 5.1000.1 x", "5.0.0"),
        ] {
            assert_eq!(status(reply), expected, "{reply}");
        }
    }

    #[test]
    fn automatic_mail_is_known_by_its_header() {
        assert!(is_automatic(b"Subject: x\r\nauto-submitted: auto-replied\r\n\r\nx"));
        assert!(is_automatic(b"Auto-Submitted: auto-generated; x\r\n"));
        assert!(!is_automatic(b"Auto-Submitted: no\r\n\r\nx"));
        assert!(!is_automatic(b"Subject: x\r\n\r\nAuto-Submitted: auto-replied\r\n"));
        assert!(!is_automatic(b""));
    }
}

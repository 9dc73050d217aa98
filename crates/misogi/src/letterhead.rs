//! Where and when the gateway writes mails, of its own and in the place of others.

use engine::{MailContext, Notice, Patience};
use store::{Clock, Receipt, Timestamp};

use crate::config::Config;
use crate::{clock, gateway};

/// The sender of notices, and the clock of all that the gateway writes.
#[derive(Clone)]
pub(crate) struct Letterhead {
    pub(crate) postmaster: String,
    /// Minutes that local time is ahead of UTC.
    pub(crate) utc_offset_minutes: i16,
    pub(crate) clock: Clock,
}

impl Letterhead {
    /// As configured, by the clock of the system.
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            postmaster: format!("postmaster@{}", gateway::hostname(config)),
            utc_offset_minutes: config.site.utc_offset_minutes,
            clock: clock::system(),
        }
    }

    /// A mail of the gateway's own, written now.
    pub(crate) fn notice(&self, receipt: &Receipt, to: &[String], subject: &str, text: String) -> Notice {
        Notice {
            from: self.postmaster.clone(),
            to: to.to_vec(),
            subject: subject.to_owned(),
            text,
            now: self.clock.now().unix_millis().div_euclid(1000),
            utc_offset_minutes: self.utc_offset_minutes,
            receipt: receipt.as_str().to_owned(),
            report: None,
        }
    }

    /// What the engine is told beside a mail that is converted now: its envelope, and no passwords.
    pub(crate) fn context(
        &self,
        receipt: &Receipt,
        sender: Option<&str>,
        recipients: &[String],
        patience: Patience,
    ) -> MailContext {
        MailContext {
            receipt: receipt.as_str().to_owned(),
            sender: sender.unwrap_or_default().to_owned(),
            recipients: recipients.to_vec(),
            postmaster: self.postmaster.clone(),
            patience,
            now: self.clock.now().unix_millis().div_euclid(1000),
            utc_offset_minutes: self.utc_offset_minutes,
            passwords: Vec::new(),
        }
    }
}

/// A moment in a mail, by local time: `11/20 17:52`.
pub(crate) fn short(at: Timestamp, offset_minutes: i16) -> String {
    let (_, month, day) = at.date(offset_minutes.into());
    let minutes = at.unix_millis().div_euclid(MINUTE).saturating_add(offset_minutes.into()).rem_euclid(1440);
    format!("{month:02}/{day:02} {:02}:{:02}", minutes / 60, minutes % 60)
}

const MINUTE: i64 = 60_000;

//! Digest mails to administrators.

use serde::{Deserialize, Serialize};

use super::load::Fault;

/// When and to whom.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Digest {
    /// Addresses of administrators; none: no digests.
    pub(crate) recipients: Vec<String>,
    /// Approvers who have a mail address are told of requests that wait for a decision.
    pub(crate) approvers: bool,
    /// Times of the day, `HH:MM`.
    pub(crate) times: Vec<String>,
}

impl Default for Digest {
    fn default() -> Self {
        Self { recipients: Vec::new(), approvers: false, times: vec!["08:30".to_owned(), "13:00".to_owned()] }
    }
}

impl Digest {
    /// The times as minutes of the day.
    pub(crate) fn minutes(&self) -> Vec<u32> {
        self.times.iter().filter_map(|time| minutes(time)).collect()
    }

    /// What is wrong with it.
    pub(super) fn fault(&self) -> Option<Fault> {
        if let Some(bad) = self.times.iter().find(|time| minutes(time).is_none()) {
            return Some(("digest.times", format!("`{bad}` is no time of the form HH:MM")));
        }
        if self.times.len() > MOST_TIMES || self.recipients.len() > MOST_RECIPIENTS {
            return Some(("digest", format!("takes at most {MOST_TIMES} times and {MOST_RECIPIENTS} recipients")));
        }
        let bad = self
            .recipients
            .iter()
            .find(|address| mail::address::Address::parse(address, mail::address::Charset::Utf8).is_err());
        bad.map(|bad| ("digest.recipients", format!("`{bad}` is no mail address")))
    }
}

fn minutes(time: &str) -> Option<u32> {
    let (hour, minute) = time.split_once(':')?;
    let number = |text: &str, below| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u32>().ok().filter(|number| digits && *number < below)
    };
    Some(number(hour, 24)? * 60 + number(minute, 60)?)
}

const MOST_TIMES: usize = 24;
const MOST_RECIPIENTS: usize = 100;

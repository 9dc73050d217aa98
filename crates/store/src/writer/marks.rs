//! What the writer knows beside the database: the numbers that a rollback must undo, what need not survive a restart, and when there may
//! be something to do next.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::delivery::RecipientId;
use crate::sql::Many;
use crate::{MessageId, Timestamp};

/// What a rollback must undo.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Marks {
    pub(crate) message: i64,
    pub(crate) content: i64,
    pub(crate) quarantine: i64,
    pub(crate) audit_seq: i64,
    pub(crate) audit_hash: [u8; 32],
    pub(crate) tally: [i64; Tally::ALL.len()],
}

/// Running totals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tally {
    Accepted,
    Uploaded,
    Sanitised,
    SanitisedWithWithheld,
    NoticeOnly,
    GivenUp,
    Delivered,
    DeliveryFailed,
    Refused,
}

/// What need not survive a restart. Changed only after a commit.
#[derive(Default)]
pub(crate) struct Memory {
    recent: HashMap<i64, MessageId>,
    recent_order: VecDeque<i64>,
    pub(crate) in_flight: HashSet<RecipientId>,
    pub(crate) leases_checked: Timestamp,
}

/// The earliest times at which there may be something to do, lowered by an operation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wake {
    pub(crate) work: i64,
    pub(crate) delivery: i64,
}

impl Memory {
    /// Remembers a message for telling duplicates.
    pub(crate) fn remember(&mut self, fingerprint: i64, message: MessageId) {
        if self.recent.insert(fingerprint, message).is_none() {
            self.recent_order.push_back(fingerprint);
        }
        while self.recent_order.len() > REMEMBERED {
            if let Some(old) = self.recent_order.pop_front() {
                self.recent.remove(&old);
            }
        }
    }

    pub(crate) fn duplicate(&self, fingerprint: i64) -> Option<MessageId> {
        self.recent.get(&fingerprint).copied()
    }
}

impl Marks {
    pub(crate) fn tally(&self, tally: Tally) -> i64 {
        self.tally.get(tally.index()).copied().unwrap_or(0)
    }

    pub(crate) fn next_message(&mut self) -> i64 {
        self.message = self.message.saturating_add(1);
        self.message
    }

    pub(crate) fn next_content(&mut self) -> i64 {
        self.content = self.content.saturating_add(1);
        self.content
    }

    pub(crate) fn next_quarantine(&mut self) -> i64 {
        self.quarantine = self.quarantine.saturating_add(1);
        self.quarantine
    }
}

impl Tally {
    pub(crate) const ALL: [Tally; 9] = [
        Tally::Accepted,
        Tally::Uploaded,
        Tally::Sanitised,
        Tally::SanitisedWithWithheld,
        Tally::NoticeOnly,
        Tally::GivenUp,
        Tally::Delivered,
        Tally::DeliveryFailed,
        Tally::Refused,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Tally::Accepted => "accepted",
            Tally::Uploaded => "uploaded",
            Tally::Sanitised => "sanitised",
            Tally::SanitisedWithWithheld => "sanitised_with_withheld",
            Tally::NoticeOnly => "notice_only",
            Tally::GivenUp => "given_up",
            Tally::Delivered => "delivered",
            Tally::DeliveryFailed => "delivery_failed",
            Tally::Refused => "refused",
        }
    }

    pub(super) fn index(self) -> usize {
        Tally::ALL.iter().position(|t| *t == self).unwrap_or(0)
    }
}

impl Wake {
    pub(super) const NEVER: Wake = Wake { work: i64::MAX, delivery: i64::MAX };

    pub(crate) fn work_at(&mut self, due: i64) {
        self.work = self.work.min(due);
    }

    pub(crate) fn delivery_at(&mut self, due: i64) {
        self.delivery = self.delivery.min(due);
    }
}

pub(crate) static SET_COUNTER: Many = Many {
    doing: "writing counters",
    head: "INSERT INTO counter (name, value) VALUES ",
    columns: 2,
    tail: " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
};

/// Messages by which a duplicate is told.
const REMEMBERED: usize = 100_000;

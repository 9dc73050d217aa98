//! Why nothing came of a part.

use super::{Class, Reason};
use crate::codec::DecodeError;
use crate::wire::{Cursor, Sink};

/// Why a room gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{reason} (limit {limit}, found {value})")]
pub struct Refusal {
    /// The reason, of class [`Class::Withheld`].
    pub reason: Reason,
    /// The limit that was passed, 0 where no number applies.
    pub limit: u64,
    /// What was found, 0 where no number applies.
    pub value: u64,
}

impl Refusal {
    /// A refusal that no number explains.
    pub const fn plain(reason: Reason) -> Refusal {
        Refusal { reason, limit: 0, value: 0 }
    }

    /// A refusal because `value` passes `limit`.
    pub const fn limit(reason: Reason, limit: u64, value: u64) -> Refusal {
        Refusal { reason, limit, value }
    }

    /// Refuses when `value` is greater than `limit`.
    pub(crate) fn check(reason: Reason, limit: u64, value: u64) -> Result<(), Refusal> {
        if value > limit { Err(Refusal::limit(reason, limit, value)) } else { Ok(()) }
    }

    pub(crate) fn put(&self, sink: &mut Sink) {
        sink.u16(self.reason.code());
        sink.u64(self.limit);
        sink.u64(self.value);
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<Refusal, DecodeError> {
        let reason = cursor.reason()?;
        if reason.class() != Class::Withheld {
            return Err(DecodeError::Malformed("reason of a refusal"));
        }
        Ok(Refusal { reason, limit: cursor.u64()?, value: cursor.u64()? })
    }
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Refusal {
        Refusal::plain(reason)
    }
}

//! Bounds that one mail or upload shares over all its parts, however they are nested.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use form::reason::{Reason, Refusal};

use crate::policy::Policy;

/// What is left for one mail or upload.
#[derive(Debug)]
pub(crate) struct Budget {
    parts: AtomicU32,
    bytes: AtomicU64,
    max_parts: u32,
    max_bytes: u64,
    max_depth: u32,
    max_time: Duration,
    /// Microseconds spent in rooms. Waiting for one is not counted: a mail must not suffer for the load that others make.
    spent: AtomicU64,
}

impl Budget {
    pub(crate) fn new(policy: &Policy) -> Self {
        Self {
            parts: AtomicU32::new(0),
            bytes: AtomicU64::new(0),
            max_parts: policy.max_parts,
            max_bytes: policy.max_total_bytes,
            max_depth: policy.max_depth,
            max_time: policy.max_time,
            spent: AtomicU64::new(0),
        }
    }

    /// Takes one part of `bytes` bytes at `depth` out of the budget; what is taken is not given back.
    pub(crate) fn take(&self, depth: u32, bytes: u64) -> Result<(), Refusal> {
        if depth > self.max_depth {
            return Err(refusal(Reason::LimitDepth, self.max_depth.into(), depth.into()));
        }
        let parts = self.parts.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if parts > self.max_parts {
            return Err(refusal(Reason::LimitParts, self.max_parts.into(), parts.into()));
        }
        let total = self.bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if total > self.max_bytes {
            return Err(refusal(Reason::LimitTotalBytes, self.max_bytes, total));
        }
        self.time_left().map(|_| ())
    }

    /// Counts time that a room took.
    pub(crate) fn spend(&self, time: Duration) {
        self.spent.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX / 2), Ordering::Relaxed);
    }

    /// What is left of the time; none left is a refusal.
    pub(crate) fn time_left(&self) -> Result<Duration, Refusal> {
        let spent = Duration::from_micros(self.spent.load(Ordering::Relaxed));
        match self.max_time.checked_sub(spent) {
            Some(left) if !left.is_zero() => Ok(left),
            _ => Err(refusal(Reason::LimitTime, self.max_time.as_secs(), spent.as_secs())),
        }
    }
}

fn refusal(reason: Reason, limit: u64, value: u64) -> Refusal {
    Refusal { reason, limit, value }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(parts: u32, bytes: u64, depth: u32) -> Budget {
        Budget::new(&Policy { max_parts: parts, max_total_bytes: bytes, max_depth: depth, ..Policy::default() })
    }

    #[test]
    fn each_limit_holds_at_n_and_refuses_at_n_plus_one() {
        let b = budget(2, 100, 3);
        assert!(b.take(0, 1).is_ok());
        assert!(b.take(0, 1).is_ok());
        assert_eq!(b.take(0, 1).unwrap_err(), refusal(Reason::LimitParts, 2, 3));

        let b = budget(9, 100, 3);
        assert!(b.take(0, 100).is_ok());
        assert_eq!(b.take(0, 1).unwrap_err(), refusal(Reason::LimitTotalBytes, 100, 101));

        let b = budget(9, 100, 3);
        assert!(b.take(3, 1).is_ok());
        assert_eq!(b.take(4, 1).unwrap_err(), refusal(Reason::LimitDepth, 3, 4));
    }

    #[test]
    fn no_time_left_is_a_refusal_that_names_the_limit() {
        let b = Budget::new(&Policy { max_time: Duration::ZERO, ..Policy::default() });
        assert_eq!(b.time_left().unwrap_err().reason, Reason::LimitTime);
    }

    #[test]
    fn only_time_in_rooms_is_spent() {
        let b = Budget::new(&Policy { max_time: Duration::from_secs(10), ..Policy::default() });
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(b.time_left().unwrap(), Duration::from_secs(10));
        b.spend(Duration::from_secs(9));
        assert_eq!(b.time_left().unwrap(), Duration::from_secs(1));
        b.spend(Duration::from_secs(1));
        assert_eq!(b.time_left().unwrap_err(), refusal(Reason::LimitTime, 10, 10));
    }
}

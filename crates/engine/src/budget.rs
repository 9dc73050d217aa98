//! Bounds that one mail or upload shares over all its parts, however they are nested.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use form::reason::{Reason, Refusal};
use jail::Verdict;

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
    /// Rooms that ended abnormally.
    crashes: AtomicU32,
    max_crashes: u32,
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
            crashes: AtomicU32::new(0),
            max_crashes: policy.max_crashes,
            spent: AtomicU64::new(0),
        }
    }

    /// Whether a part may be looked at, at `depth`, with the time that is left, and after the crashes that there were.
    pub(crate) fn enter(&self, depth: u32) -> Result<(), Refusal> {
        if depth > self.max_depth {
            return Err(refusal(Reason::LimitDepth, self.max_depth.into(), depth.into()));
        }
        let crashes = self.crashes.load(Ordering::Relaxed);
        if crashes >= self.max_crashes {
            return Err(refusal(Reason::LimitCrashes, self.max_crashes.into(), crashes.into()));
        }
        self.time_left().map(|_| ())
    }

    /// Takes what came out of one container, all of it or nothing, before any of it is looked at. What it took is not given back.
    ///
    /// A tower of archives of 18 KB would otherwise hold gigabytes: each room stays within its own bounds, and what the rooms
    /// unpacked is kept until the whole mail is done.
    pub(crate) fn open(&self, parts: usize, bytes: u64) -> Result<(), Refusal> {
        let parts = u32::try_from(parts).unwrap_or(u32::MAX);
        let within = |taken: u32| taken.checked_add(parts).filter(|sum| *sum <= self.max_parts);
        self.parts
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, within)
            .map_err(|taken| refusal(Reason::LimitParts, self.max_parts.into(), taken.saturating_add(parts).into()))?;
        let within = |taken: u64| taken.checked_add(bytes).filter(|sum| *sum <= self.max_bytes);
        self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, within).map(|_| ()).map_err(|taken| {
            self.parts.fetch_sub(parts, Ordering::Relaxed);
            refusal(Reason::LimitTotalBytes, self.max_bytes, taken.saturating_add(bytes))
        })
    }

    /// Bytes that may still come out of containers.
    pub(crate) fn bytes_left(&self) -> u64 {
        self.max_bytes.saturating_sub(self.bytes.load(Ordering::Relaxed))
    }

    /// Counts a room that ended like this, and the time it took.
    ///
    /// One that ended abnormally has cost the process that its successors come from as well, and whoever sends it may be guessing at
    /// how memory is laid out: it takes a second at least, and there are not many of them ([`Policy::max_crashes`]).
    pub(crate) fn spend_on(&self, verdict: &Verdict, time: Duration) {
        if !verdict.is_abnormal() {
            return self.spend(time);
        }
        self.spend(time.max(CRASH_TIME));
        let before = self.crashes.fetch_add(1, Ordering::Relaxed);
        if before.checked_add(1) == Some(self.max_crashes) {
            tracing::warn!(event = "crashes_limit", crashes = self.max_crashes, last = %verdict);
        }
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

/// What starting a process anew for a room costs is a twentieth of this.
const CRASH_TIME: Duration = Duration::from_secs(1);

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
        assert!(b.open(2, 1).is_ok());
        assert_eq!(b.open(1, 1).unwrap_err(), refusal(Reason::LimitParts, 2, 3));

        let b = budget(9, 100, 3);
        assert!(b.open(1, 100).is_ok());
        assert_eq!(b.open(1, 1).unwrap_err(), refusal(Reason::LimitTotalBytes, 100, 101));

        let b = budget(9, 100, 3);
        assert!(b.enter(3).is_ok());
        assert_eq!(b.enter(4).unwrap_err(), refusal(Reason::LimitDepth, 3, 4));
    }

    #[test]
    fn a_container_that_does_not_fit_leaves_room_for_one_that_does() {
        let b = budget(10, 100, 3);
        assert!(b.open(11, 1).is_err());
        assert!(b.open(1, 60).is_ok());
        assert!(b.open(1, 50).is_err());
        assert_eq!(b.bytes_left(), 40);
        assert!(b.open(9, 40).is_ok());
    }

    #[test]
    fn no_time_left_is_a_refusal_that_names_the_limit() {
        let b = Budget::new(&Policy { max_time: Duration::ZERO, ..Policy::default() });
        assert_eq!(b.time_left().unwrap_err().reason, Reason::LimitTime);
    }

    #[test]
    fn rooms_that_end_abnormally_are_counted_and_cost_a_second_at_least() {
        let b = Budget::new(&Policy { max_crashes: 2, max_time: Duration::from_secs(10), ..Policy::default() });
        let crash = Verdict::Crash(jail::Crash::Signal(11));
        b.spend_on(&crash, Duration::from_millis(1));
        assert_eq!(b.time_left().unwrap(), Duration::from_secs(9));
        assert!(b.enter(0).is_ok());
        let refused = Verdict::Refused(refusal(Reason::Malformed, 0, 0), [0; 16]);
        for verdict in [Verdict::Ok, refused, Verdict::Timeout, Verdict::MemoryLimit, Verdict::Killed] {
            b.spend_on(&verdict, Duration::from_millis(100));
        }
        assert_eq!(b.time_left().unwrap(), Duration::from_millis(8_500));
        assert!(b.enter(0).is_ok());
        b.spend_on(&Verdict::PolicyKill, Duration::from_secs(3));
        assert_eq!(b.time_left().unwrap(), Duration::from_millis(5_500));
        assert_eq!(b.enter(0).unwrap_err(), refusal(Reason::LimitCrashes, 2, 2));
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

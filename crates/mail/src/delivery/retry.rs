//! When to try again, and when to give up.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use store::Timestamp;

/// How long to wait between attempts and for how long to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Shortest wait after a recipient was refused for now.
    pub min: Duration,
    /// Longest wait.
    pub max: Duration,
    /// How long a message may wait in all.
    pub lifetime: Duration,
    /// Shortest wait after the next hop could not be reached at all.
    pub hop_min: Duration,
    /// Longest such wait.
    pub hop_max: Duration,
}

/// Postfix's `minimal_backoff_time`, `maximal_backoff_time` and `maximal_queue_lifetime`. An unreachable hop is tried more
/// often: it is the only one, and when it is back everything that waits can go.
impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            min: Duration::from_secs(300),
            max: Duration::from_secs(4000),
            lifetime: Duration::from_secs(5 * 24 * 60 * 60),
            hop_min: Duration::from_secs(2),
            hop_max: Duration::from_secs(60),
        }
    }
}

impl RetryPolicy {
    /// When a recipient that was refused for now is due again; `None` when its time is over.
    ///
    /// As Postfix does it: the next wait is as long as the message has been waiting, within the bounds. Up to a quarter is
    /// added, different for each recipient and attempt, so that what failed together does not come back together.
    pub fn next(&self, now: Timestamp, first_queued: Timestamp, seed: impl Hash) -> Option<Timestamp> {
        let age = now.since(first_queued);
        if age >= self.lifetime {
            return None;
        }
        let wait = age.clamp(self.min, self.max.max(self.min));
        Some(now.plus(wait.saturating_add(jitter(wait, (seed, age.as_millis())))))
    }

    /// How long to leave an unreachable hop alone after so many failures in a row.
    pub fn hop_pause(&self, failures: u32) -> Duration {
        let doubled = self.hop_min.saturating_mul(1u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
        doubled.clamp(self.hop_min, self.hop_max.max(self.hop_min))
    }
}

/// Between nothing and a quarter of the wait. No secret hangs on it, so a hash of who waits is random enough.
fn jitter(wait: Duration, seed: impl Hash) -> Duration {
    let mut hasher = DefaultHasher::new();
    seed.hash(&mut hasher);
    let thousandths = u32::try_from(hasher.finish() % 250).unwrap_or(0);
    wait.saturating_mul(thousandths) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait_at(age_seconds: u64) -> Option<u64> {
        let first = Timestamp::from_unix_millis(1_795_228_800_000);
        let now = first.plus(Duration::from_secs(age_seconds));
        RetryPolicy::default().next(now, first, age_seconds).map(|at| at.since(now).as_secs())
    }

    #[test]
    fn waits_grow_with_age_between_the_bounds_and_end_with_the_lifetime() {
        for (age, least) in
            [(0, 300), (100, 300), (300, 300), (1000, 1000), (4000, 4000), (100_000, 4000), (431_999, 4000)]
        {
            let wait = wait_at(age).unwrap();
            assert!((least..=least + least / 4).contains(&wait), "{age}: {wait}");
        }
        assert_eq!(wait_at(432_000), None);
    }

    #[test]
    fn recipients_that_fail_together_come_back_apart() {
        let now = Timestamp::from_unix_millis(1_795_228_800_000);
        let mut all: Vec<_> = (0..50).map(|n| RetryPolicy::default().next(now, now, n).unwrap()).collect();
        all.sort();
        all.dedup();
        assert!(all.len() > 30, "{}", all.len());
    }

    #[test]
    fn a_dead_hop_is_asked_less_and_less_often() {
        let policy = RetryPolicy::default();
        let pauses: Vec<u64> = (1..=7).map(|n| policy.hop_pause(n).as_secs()).collect();
        assert_eq!(pauses, [2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(policy.hop_pause(u32::MAX).as_secs(), 60);
    }
}

//! Back-off after failed sign-ins, per account and per address.
//!
//! Held in memory: a restart forgives addresses, which costs an attacker more than it gives; an account that had to wait waits on, because
//! that is in the store. The record of every attempt is in the audit log. The account's own delay stays short, because a lock that lasts is
//! a way to shut the owner out.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::clients::network;

/// Who is trying.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Account(String),
    Peer(IpAddr),
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
}

/// Counts failures and says how long to wait. Clones share it: both sites have one, or whoever guesses would have the tries of two.
#[derive(Debug, Clone, Default)]
pub struct Lockout {
    failures: Arc<Mutex<HashMap<Key, Failures>>>,
}

impl Lockout {
    /// Time left before this account or address may try again.
    pub(crate) fn wait(&self, account: &str, peer: Option<IpAddr>) -> Option<Duration> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        keys(account, peer)
            .filter_map(|key| {
                let entry = failures.get(&key)?;
                let until = entry.last + delay(&key, entry.count);
                until.checked_duration_since(now).filter(|left| !left.is_zero())
            })
            .max()
    }

    /// Records a failure; counted before the password is computed, so that parallel attempts do not slip through.
    pub(crate) fn failed(&self, account: &str, peer: Option<IpAddr>) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if failures.len() >= ENTRIES {
            failures.retain(|_, entry| now.duration_since(entry.last) < FORGIVEN_AFTER);
        }
        // Two may come: the account and its address.
        while failures.len().saturating_add(2) > ENTRIES
            && let Some(oldest) = failures.iter().min_by_key(|(_, entry)| entry.last).map(|(key, _)| key.clone())
        {
            failures.remove(&oldest);
        }
        for key in keys(account, peer) {
            let entry = failures.entry(key).or_insert(Failures { count: 0, last: now });
            if now.duration_since(entry.last) >= FORGIVEN_AFTER {
                entry.count = 0;
            }
            entry.count = entry.count.saturating_add(1);
            entry.last = now;
        }
    }

    /// Takes one failure back: nothing could be compared, so that nobody was guessing.
    pub(crate) fn taken_back(&self, account: &str, peer: Option<IpAddr>) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys(account, peer) {
            if let Some(entry) = failures.get_mut(&key) {
                entry.count = entry.count.saturating_sub(1);
            }
        }
    }

    /// Forgets the failures of an account that signed in, and that the address has tried this once.
    pub(crate) fn succeeded(&self, account: &str, peer: Option<IpAddr>) {
        // The address keeps its failures: one right password among many guesses does not make it trustworthy. But the try itself was
        // none, or a whole office behind one address would be shut out by signing in.
        self.taken_back("", peer);
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys(account, None) {
            failures.remove(&key);
        }
    }
}

fn keys(account: &str, peer: Option<IpAddr>) -> impl Iterator<Item = Key> {
    // The account's name is the client's choice; what is kept of it is bounded.
    let account = account.chars().take(ACCOUNT_CHARACTERS).flat_map(char::to_lowercase).collect();
    // Nobody's name is empty: such failures are those of an address alone.
    Some(account)
        .filter(|account: &String| !account.is_empty())
        .map(Key::Account)
        .into_iter()
        .chain(peer.map(|peer| Key::Peer(network(peer))))
}

fn delay(key: &Key, failures: u32) -> Duration {
    // An address may stand for a whole office behind one gateway, so it is given more tries.
    let free = match key {
        Key::Account(_) => ACCOUNT_TRIES,
        Key::Peer(_) => PEER_TRIES,
    };
    let Some(beyond) = failures.checked_sub(free) else { return Duration::ZERO };
    FIRST_DELAY.saturating_mul(2_u32.saturating_pow(beyond)).min(LONGEST_DELAY)
}

/// Tries of an account before the first delay.
pub(crate) const ACCOUNT_TRIES: u32 = 5;
/// Tries of an address before the first delay.
/// It counts tries under way too: so many people of an office may sign in at the same moment.
const PEER_TRIES: u32 = 50;
const FIRST_DELAY: Duration = Duration::from_secs(30);
const LONGEST_DELAY: Duration = Duration::from_secs(15 * 60);
/// Failures older than this count no more.
const FORGIVEN_AFTER: Duration = Duration::from_secs(60 * 60);
/// Accounts and addresses remembered.
const ENTRIES: usize = 10_000;
const ACCOUNT_CHARACTERS: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    #[tokio::test(start_paused = true)]
    async fn the_fifth_failure_brings_a_delay_that_doubles() {
        let lockout = Lockout::default();
        for _ in 0..ACCOUNT_TRIES - 1 {
            lockout.failed("kanri", None);
        }
        assert_eq!(lockout.wait("kanri", None), None);
        lockout.failed("kanri", None);
        assert_eq!(lockout.wait("KANRI", None), Some(FIRST_DELAY));
        assert_eq!(lockout.wait("other", None), None);
        tokio::time::advance(FIRST_DELAY).await;
        assert_eq!(lockout.wait("kanri", None), None);
        lockout.failed("kanri", None);
        assert_eq!(lockout.wait("kanri", None), Some(FIRST_DELAY * 2));
        for _ in 0..40 {
            lockout.failed("kanri", None);
        }
        assert_eq!(lockout.wait("kanri", None), Some(LONGEST_DELAY));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_not_compared_is_not_counted() {
        let lockout = Lockout::default();
        for _ in 0..PEER_TRIES * 2 {
            lockout.failed("kanri", Some(PEER));
            lockout.taken_back("kanri", Some(PEER));
        }
        assert_eq!(lockout.wait("kanri", Some(PEER)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_office_behind_one_address_signs_in_and_its_failures_still_count() {
        let lockout = Lockout::default();
        for number in 0..PEER_TRIES * 3 {
            let account = format!("account{number}");
            assert_eq!(lockout.wait(&account, Some(PEER)), None, "{number}");
            lockout.failed(&account, Some(PEER));
            lockout.succeeded(&account, Some(PEER));
        }
        // Who has one right password guesses others no faster for it.
        for number in 0..PEER_TRIES {
            lockout.failed(&format!("victim{number}"), Some(PEER));
            lockout.failed("own", Some(PEER));
            lockout.succeeded("own", Some(PEER));
        }
        assert!(lockout.wait("fresh", Some(PEER)).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn one_address_is_slowed_over_many_accounts() {
        let lockout = Lockout::default();
        for number in 0..PEER_TRIES {
            lockout.failed(&format!("account{number}"), Some(PEER));
        }
        assert!(lockout.wait("fresh", Some(PEER)).is_some());
        assert!(lockout.wait("fresh", None).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn success_forgets_and_time_forgives() {
        let lockout = Lockout::default();
        for _ in 0..ACCOUNT_TRIES {
            lockout.failed("kanri", None);
        }
        lockout.succeeded("kanri", None);
        assert_eq!(lockout.wait("kanri", None), None);
        for _ in 0..ACCOUNT_TRIES {
            lockout.failed("kanri", None);
        }
        tokio::time::advance(FORGIVEN_AFTER).await;
        lockout.failed("kanri", None);
        assert_eq!(lockout.wait("kanri", None), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_number_of_remembered_names_is_bounded() {
        let lockout = Lockout::default();
        for number in 0..ENTRIES / 2 + 100 {
            let peer = u128::try_from(number).unwrap() << 64;
            lockout.failed(&format!("account{number}"), Some(IpAddr::from(peer.to_be_bytes())));
            assert!(lockout.failures.lock().unwrap().len() <= ENTRIES, "{number}");
        }
    }
}

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

/// What is known of an account or address.
#[derive(Debug, Clone, Copy)]
struct Known {
    failures: u32,
    /// When the last of them was.
    last: Instant,
    /// Tries of which it is not known yet how they come out.
    under_way: u32,
}

impl Known {
    /// Failures that still count.
    fn failures(&self, now: Instant) -> u32 {
        if now.duration_since(self.last) < FORGIVEN_AFTER { self.failures } else { 0 }
    }

    fn is_over(&self, now: Instant) -> bool {
        self.under_way == 0 && self.failures(now) == 0
    }
}

/// Why a try has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// There were too many failures.
    Failures(Duration),
    /// Too many tries are under way at this moment.
    Crowd(Duration),
}

impl Wait {
    /// How long.
    pub(crate) fn left(self) -> Duration {
        match self {
            Self::Failures(left) | Self::Crowd(left) => left,
        }
    }
}

/// Counts failures and says how long to wait. Clones share it: both sites have one, or whoever guesses would have the tries of two.
#[derive(Debug, Clone, Default)]
pub struct Lockout {
    known: Arc<Mutex<HashMap<Key, Known>>>,
}

/// A try under way. It is a failure when it is dropped and nothing better was said of it: also when its client went away.
#[derive(Debug)]
pub(crate) struct Try {
    lockout: Lockout,
    keys: Vec<Key>,
    end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Failed,
    Succeeded,
    NotCompared,
}

impl Try {
    /// It was wrong.
    pub(crate) fn failed(self) {}

    /// Forgets the failures of an account that signed in. The address keeps its own: one right password among many guesses does not make it
    /// trustworthy.
    pub(crate) fn succeeded(mut self) {
        self.end = End::Succeeded;
    }

    /// Nothing could be compared, so that nobody was guessing.
    pub(crate) fn not_compared(mut self) {
        self.end = End::NotCompared;
    }
}

impl Drop for Try {
    fn drop(&mut self) {
        let mut known = self.lockout.known.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        for key in self.keys.drain(..) {
            let Some(entry) = known.get_mut(&key) else { continue };
            entry.under_way = entry.under_way.saturating_sub(1);
            match (self.end, &key) {
                (End::Failed, _) => {
                    entry.failures = entry.failures(now).saturating_add(1);
                    entry.last = now;
                }
                (End::Succeeded, Key::Account(_)) => entry.failures = 0,
                (End::Succeeded, Key::Peer(_)) | (End::NotCompared, _) => {}
            }
            if entry.is_over(now) {
                known.remove(&key);
            }
        }
    }
}

impl Lockout {
    /// Time left before this account or address may try again.
    pub(crate) fn wait(&self, account: &str, peer: Option<IpAddr>) -> Option<Duration> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        keys(account, peer)
            .filter_map(|key| {
                let entry = known.get(&key)?;
                let until = entry.last + delay(&key, entry.failures);
                until.checked_duration_since(now).filter(|left| !left.is_zero())
            })
            .max()
    }

    /// Begins a try, unless it has to wait. What is under way is no failure yet, and of an account no more are under way than it has tries
    /// left, so that none slip through beside each other. Of an address a crowd may be: it may stand for an office.
    pub(crate) fn begin(&self, account: &str, peer: Option<IpAddr>) -> Result<Try, Wait> {
        if let Some(left) = self.wait(account, peer) {
            return Err(Wait::Failures(left));
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let keys: Vec<Key> = keys(account, peer).collect();
        let is_full = |key: &Key| {
            let Some(entry) = known.get(key) else { return false };
            entry.under_way >= most_under_way(key, entry.failures(now))
        };
        if keys.iter().any(is_full) {
            return Err(Wait::Crowd(SOON));
        }
        make_room(&mut known, now);
        for key in &keys {
            let entry = known.entry(key.clone()).or_insert(Known { failures: 0, last: now, under_way: 0 });
            entry.under_way = entry.under_way.saturating_add(1);
        }
        Ok(Try { lockout: self.clone(), keys, end: End::Failed })
    }

    /// Records a failure at once, for what is counted before it is looked at.
    pub(crate) fn failed(&self, account: &str, peer: Option<IpAddr>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        make_room(&mut known, now);
        for key in keys(account, peer) {
            let entry = known.entry(key).or_insert(Known { failures: 0, last: now, under_way: 0 });
            entry.failures = entry.failures(now).saturating_add(1);
            entry.last = now;
        }
    }

    /// Forgets the failures of an account.
    pub(crate) fn succeeded(&self, account: &str) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys(account, None) {
            if let Some(entry) = known.get_mut(&key) {
                entry.failures = 0;
            }
        }
    }
}

/// Makes room for an account and its address: what counts no more goes first, then what is oldest and not under way.
fn make_room(known: &mut HashMap<Key, Known>, now: Instant) {
    if known.len().saturating_add(2) > ENTRIES {
        known.retain(|_, entry| !entry.is_over(now));
    }
    while known.len().saturating_add(2) > ENTRIES {
        let idle = known.iter().filter(|(_, entry)| entry.under_way == 0);
        let Some(oldest) = idle.min_by_key(|(_, entry)| entry.last).map(|(key, _)| key.clone()) else { break };
        known.remove(&oldest);
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

/// Tries that may be under way beside each other.
fn most_under_way(key: &Key, failures: u32) -> u32 {
    match key {
        Key::Account(_) => ACCOUNT_TRIES.saturating_sub(failures).max(1),
        Key::Peer(_) if failures < PEER_TRIES => PEER_UNDER_WAY,
        Key::Peer(_) => 1,
    }
}

/// Tries of an account before the first delay.
pub(crate) const ACCOUNT_TRIES: u32 = 5;
/// Failures of an address before the first delay.
const PEER_TRIES: u32 = 20;
/// Tries of an address at the same moment: an office that begins its day, and no more guesses than that beyond the delay.
const PEER_UNDER_WAY: u32 = 100;
/// When to come again where too many are under way.
const SOON: Duration = Duration::from_secs(5);
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
            lockout.begin("kanri", Some(PEER)).unwrap().not_compared();
        }
        assert_eq!(lockout.wait("kanri", Some(PEER)), None);
        assert!(lockout.known.lock().unwrap().is_empty(), "nobody is remembered who did nothing");
    }

    #[tokio::test(start_paused = true)]
    async fn an_office_behind_one_address_signs_in_and_its_failures_still_count() {
        let lockout = Lockout::default();
        for number in 0..PEER_TRIES * 3 {
            lockout.begin(&format!("account{number}"), Some(PEER)).unwrap().succeeded();
        }
        // Who has one right password guesses others no faster for it.
        for number in 0..PEER_TRIES {
            lockout.begin(&format!("victim{number}"), Some(PEER)).unwrap().failed();
            if number + 1 < PEER_TRIES {
                lockout.begin("own", Some(PEER)).unwrap().succeeded();
            }
        }
        assert!(lockout.wait("fresh", Some(PEER)).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn an_office_signs_in_at_the_same_moment_and_no_try_of_it_is_a_failure() {
        let lockout = Lockout::default();
        let tries = |from: u32, to: u32| -> Vec<Try> {
            (from..to).map(|number| lockout.begin(&format!("account{number}"), Some(PEER)).unwrap()).collect()
        };
        let all = tries(0, PEER_UNDER_WAY);
        assert_eq!(lockout.begin("one more", Some(PEER)).unwrap_err(), Wait::Crowd(SOON));
        assert_eq!(lockout.wait("one more", Some(PEER)), None, "a crowd is no failure");
        all.into_iter().for_each(Try::succeeded);
        // Nor is there anything left of it.
        tries(0, PEER_UNDER_WAY).into_iter().for_each(Try::failed);
        assert!(lockout.wait("account0", Some(PEER)).is_some());
        tokio::time::advance(LONGEST_DELAY).await;
        let one = lockout.begin("guessed0", Some(PEER)).unwrap();
        assert_eq!(lockout.begin("guessed1", Some(PEER)).unwrap_err(), Wait::Crowd(SOON), "one guess at a time");
        one.failed();
        assert_eq!(lockout.begin("guessed1", Some(PEER)).unwrap_err(), Wait::Failures(LONGEST_DELAY));
    }

    #[tokio::test(start_paused = true)]
    async fn of_an_account_no_more_tries_are_under_way_than_it_has_left() {
        let lockout = Lockout::default();
        lockout.begin("kanri", None).unwrap().failed();
        let all: Vec<Try> = (1..ACCOUNT_TRIES).map(|_| lockout.begin("kanri", None).unwrap()).collect();
        assert_eq!(lockout.begin("kanri", None).unwrap_err(), Wait::Crowd(SOON));
        // Whoever goes away before the answer has tried all the same.
        drop(all);
        assert_eq!(lockout.begin("kanri", None).unwrap_err(), Wait::Failures(FIRST_DELAY));
    }

    #[tokio::test(start_paused = true)]
    async fn who_signs_in_keeps_the_failures_of_an_office_from_being_renewed() {
        let lockout = Lockout::default();
        // Two honest mistakes an hour over a day, and people who sign in all the time.
        for number in 0..PEER_TRIES * 2 {
            lockout.begin(&format!("account{number}"), Some(PEER)).unwrap().failed();
            for _ in 0..4 {
                tokio::time::advance(FORGIVEN_AFTER / 4).await;
                lockout.begin("other", Some(PEER)).unwrap().succeeded();
            }
        }
        assert_eq!(lockout.wait("other", Some(PEER)), None);
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
        lockout.succeeded("kanri");
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
            assert!(lockout.known.lock().unwrap().len() <= ENTRIES, "{number}");
        }
    }
}

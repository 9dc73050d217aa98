//! Whose turn it is to try passwords: a few at a time, the others wait, and nobody takes all places.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use store::MessageId;
use tokio::sync::{MutexGuard, Semaphore, SemaphorePermit};

/// Mails whose passwords are tried at the same time: the rooms are there for mails that wait to be delivered first of all.
const AT_ONCE: usize = 2;

/// Mails that wait for that. Of what comes beyond them nothing is tried by itself.
const MAX_WAITING: usize = 1_000;

/// And of one sender.
const MAX_WAITING_OF_SENDER: usize = 20;

/// Locks for the mails that are being opened; two mails that share one wait for each other without need, and no harm is done.
const LOCKS: usize = 64;

/// Whose turn it is.
pub(crate) struct Turns {
    working: Semaphore,
    waiting: Mutex<HashMap<String, usize>>,
    locks: Vec<tokio::sync::Mutex<()>>,
    /// Those of uploads, for which only people wait.
    upload_locks: Vec<tokio::sync::Mutex<()>>,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            working: Semaphore::new(AT_ONCE),
            waiting: Mutex::default(),
            locks: (0..LOCKS).map(|_| tokio::sync::Mutex::default()).collect(),
            upload_locks: (0..LOCKS).map(|_| tokio::sync::Mutex::default()).collect(),
        }
    }
}

/// A place among those that wait.
pub(super) struct Place<'a> {
    turns: &'a Turns,
    sender: String,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut waiting = self.turns.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = waiting.get_mut(&self.sender) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                waiting.remove(&self.sender);
            }
        }
    }
}

impl Turns {
    /// A place to wait; `None` when all places, or all of this sender, are taken.
    pub(super) fn place(&self, sender: &str) -> Option<Place<'_>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = waiting.values().sum();
        let own = waiting.get(sender).copied().unwrap_or_default();
        if all >= MAX_WAITING || own >= MAX_WAITING_OF_SENDER {
            return None;
        }
        waiting.insert(sender.to_owned(), own.saturating_add(1));
        Some(Place { turns: self, sender: sender.to_owned() })
    }

    /// One of the few places at work. `None` never comes: the semaphore is not closed.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.working.acquire().await.ok()
    }

    /// Nobody else opens this mail until the guard is dropped: what one has opened the next must know of.
    pub(super) async fn alone(&self, message: MessageId) -> Option<MutexGuard<'_, ()>> {
        let index = usize::try_from(message.0).unwrap_or_default().checked_rem(self.locks.len())?;
        Some(self.locks.get(index)?.lock().await)
    }

    /// The same for an upload.
    pub(super) async fn alone_with_upload(&self, message: MessageId) -> Option<MutexGuard<'_, ()>> {
        let index = usize::try_from(message.0).unwrap_or_default().checked_rem(self.upload_locks.len())?;
        Some(self.upload_locks.get(index)?.lock().await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_sender_takes_all_places_and_a_place_is_given_back() {
        let turns = Turns::default();
        let mut taken: Vec<_> = (0..MAX_WAITING_OF_SENDER).filter_map(|_| turns.place("flood")).collect();
        assert!(taken.len() == MAX_WAITING_OF_SENDER && turns.place("flood").is_none());
        let other = turns.place("partner");
        assert!(other.is_some());
        taken.pop();
        assert!(turns.place("flood").is_some());
        let many: Vec<_> = (0..MAX_WAITING).filter_map(|number| turns.place(&number.to_string())).collect();
        assert_eq!(many.len() + taken.len() + 1, MAX_WAITING);
        drop((many, taken, other));
        assert!(turns.waiting.lock().is_ok_and(|waiting| waiting.is_empty()));
    }
}

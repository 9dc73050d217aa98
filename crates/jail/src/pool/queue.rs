//! The queue of documents that all slots share.

use super::outcome::{ChainOutcome, CleanOutcome, DirtyOutcome};
use super::{Counters, JobLimits, Pages, PoolConfig};
use crate::sealed::Source;
use crate::verdict::Verdict;
use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(super) type Done<T> = Box<dyn FnOnce(T) + Send>;

/// One job in the queue.
pub(super) enum Job {
    Dirty {
        source: Source,
        params: Vec<u8>,
        limits: JobLimits,
        done: Done<DirtyOutcome>,
    },
    Clean {
        source: Source,
        params: Vec<u8>,
        limits: JobLimits,
        done: Done<CleanOutcome>,
    },
    Chain {
        source: Source,
        dirty_params: Vec<u8>,
        clean_params: Vec<u8>,
        limits: JobLimits,
        pages: Option<Arc<Pages>>,
        done: Done<ChainOutcome>,
    },
}

impl Job {
    /// Answers without a room.
    pub(super) fn fail(self, verdict: Verdict) {
        match self {
            Job::Dirty { done, .. } => report(done, DirtyOutcome::failed(verdict)),
            Job::Clean { done, .. } => report(done, CleanOutcome::failed(verdict)),
            Job::Chain { done, .. } => report(done, ChainOutcome::failed(verdict)),
        }
    }
}

/// A callback that panics must not take a slot with it.
pub(super) fn report<T>(done: Done<T>, outcome: T) {
    if catch_unwind(AssertUnwindSafe(move || done(outcome))).is_err() {
        tracing::error!(event = "rooms_callback_panicked");
    }
}

#[derive(Default)]
pub(super) struct Queue {
    pub(super) jobs: VecDeque<Job>,
    /// Slots that sleep and want to be woken for a job.
    pub(super) idle: Vec<usize>,
    /// Slots that cannot get a room.
    pub(super) down: usize,
    pub(super) closed: bool,
}

/// What the pool and its slots share.
pub(super) struct Shared {
    queue: Mutex<Queue>,
    pub(super) wakes: Vec<File>,
    pub(super) config: PoolConfig,
    pub(super) counters: Counters,
}

impl Shared {
    pub(super) fn new(config: PoolConfig, wakes: Vec<File>) -> Shared {
        Shared { queue: Mutex::default(), wakes, config, counters: Counters::default() }
    }

    /// The queue holds no promise that a panic could have broken halfway.
    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, slot: usize) {
        if let Some(mut wake) = self.wakes.get(slot) {
            let _ = wake.write(&1_u64.to_ne_bytes());
        }
    }

    pub(super) fn submit(&self, job: Job) {
        let mut queue = self.queue();
        if queue.closed {
            drop(queue);
            job.fail(Verdict::NoRoom);
            return;
        }
        queue.jobs.push_back(job);
        let idle = queue.idle.pop();
        drop(queue);
        if let Some(slot) = idle {
            self.wake(slot);
        }
    }

    /// No more jobs: those that wait are answered, those at work are killed.
    pub(super) fn close(&self) {
        let waiting = {
            let mut queue = self.queue();
            queue.closed = true;
            std::mem::take(&mut queue.jobs)
        };
        (0..self.wakes.len()).for_each(|slot| self.wake(slot));
        waiting.into_iter().for_each(|job| job.fail(Verdict::NoRoom));
    }

    pub(super) fn is_closed(&self) -> bool {
        self.queue().closed
    }

    /// Jobs waiting, slots down.
    pub(super) fn queue_state(&self) -> (u64, u64) {
        let queue = self.queue();
        (queue.jobs.len() as u64, queue.down as u64)
    }
}

//! The pool's callbacks as futures, and how long a room may take.

use std::sync::Arc;
use std::time::Duration;

use form::job::{CleanJob, DirtyJob};
use jail::{ChainOutcome, CleanOutcome, DirtyOutcome, JobLimits, Pages, Pool, Source};
use tokio::sync::oneshot;

use crate::budget::Budget;
use crate::outcome::Defer;
use crate::policy::Policy;

/// The report of a clean room is small: findings and names.
pub(crate) const MAX_REPORT_BYTES: u64 = 4 << 20;

const MIB: u64 = 1 << 20;

/// Bounds of a room that reads what the sender sent: by its size, never beyond what is left for the whole mail.
pub(crate) fn limits(policy: &Policy, budget: &Budget, input_bytes: u64) -> JobLimits {
    let own = own_limits(policy, input_bytes);
    let left = budget.time_left().unwrap_or(Duration::from_millis(1));
    JobLimits { deadline: own.deadline.min(left), ..own }
}

/// Bounds of a room that puts finished parts together. It has its own time: a mail whose parts used up theirs still arrives.
pub(crate) fn own_limits(policy: &Policy, input_bytes: u64) -> JobLimits {
    let mib = u32::try_from(input_bytes / MIB).unwrap_or(u32::MAX);
    let deadline = policy.part_time.saturating_add(policy.part_time_per_mib.saturating_mul(mib));
    JobLimits { deadline, out_bytes: policy.max_output_bytes, side_bytes: policy.max_total_bytes }
}

pub(crate) async fn dirty(
    pool: &Pool,
    source: Source,
    job: &DirtyJob,
    limits: JobLimits,
) -> Result<DirtyOutcome, Defer> {
    let (done, outcome) = oneshot::channel();
    pool.dirty(source, job.encode(), limits, move |result| drop(done.send(result)));
    outcome.await.map_err(|_| Defer::NoRoom)
}

pub(crate) async fn clean(
    pool: &Pool,
    source: Source,
    job: &CleanJob,
    limits: JobLimits,
) -> Result<CleanOutcome, Defer> {
    let limits = JobLimits { side_bytes: MAX_REPORT_BYTES, ..limits };
    let (done, outcome) = oneshot::channel();
    pool.clean(source, job.encode(), limits, move |result| drop(done.send(result)));
    outcome.await.map_err(|_| Defer::NoRoom)
}

pub(crate) async fn chain(
    pool: &Pool,
    source: Source,
    dirty: &DirtyJob,
    clean: &CleanJob,
    limits: JobLimits,
    pages: Option<Arc<Pages>>,
) -> Result<ChainOutcome, Defer> {
    let (done, outcome) = oneshot::channel();
    let (dirty, clean) = (dirty.encode(), clean.encode());
    let done = move |result| drop(done.send(result));
    match pages.clone() {
        Some(pages) => pool.chain_telling(source, dirty, clean, limits, pages, done),
        None => pool.chain(source, dirty, clean, limits, done),
    }
    let outcome = outcome.await.map_err(|_| Defer::NoRoom);
    pages.inspect(|pages| pages.end());
    outcome
}

//! Documents that wait for instances, and instances that wait for documents.
//!
//! One thread starts instances, so many that `warm` of them wait beyond those that are being waited for; `slots` threads take
//! one each, give it a document, and throw it away.

use super::instance::{Instance, NotTaken, Plan};
use super::wire::Order;
use super::{Conversion, Converted, ConverterConfig};
use crate::sealed::{Hostile, Sealed};
use crate::sys::descriptor;
use crate::verdict::{Judgement, Usage, Verdict};
use crate::wire::{InReply, JobHead, Task};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// One document in the queue.
pub(super) struct Job {
    pub(super) conversion: Conversion,
    pub(super) done: Box<dyn FnOnce(Converted) + Send>,
}

impl Job {
    /// A callback that panics must not take a thread with it.
    fn answer(self, converted: Converted) {
        let done = self.done;
        if catch_unwind(AssertUnwindSafe(move || done(converted))).is_err() {
            tracing::error!(event = "converter_callback_panicked");
        }
    }
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// Started, perhaps not yet waiting.
    instances: VecDeque<Instance>,
    /// Threads that wait for an instance.
    hungry: usize,
    /// Starts that failed since one worked; each hungry thread takes one away.
    failures: usize,
    closed: bool,
}

/// What the converter and its threads share.
pub(super) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    wakes: Vec<File>,
    pub(super) config: ConverterConfig,
    plan: Plan,
}

impl Shared {
    pub(super) fn new(config: ConverterConfig, plan: Plan, wakes: Vec<File>) -> Shared {
        Shared { state: Mutex::default(), changed: Condvar::new(), wakes, config, plan }
    }

    /// The state holds no promise that a panic could have broken halfway.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&'a self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn submit(&self, job: Job) {
        let mut state = self.state();
        if state.closed {
            drop(state);
            job.answer(Converted::failed(Verdict::NoRoom));
            return;
        }
        state.jobs.push_back(job);
        drop(state);
        self.changed.notify_all();
    }

    /// No more jobs: those that wait are answered, those at work are killed.
    pub(super) fn close(&self) {
        let (jobs, instances) = {
            let mut state = self.state();
            state.closed = true;
            (std::mem::take(&mut state.jobs), std::mem::take(&mut state.instances))
        };
        self.changed.notify_all();
        for mut wake in &self.wakes {
            let _ = wake.write(&1_u64.to_ne_bytes());
        }
        drop(instances);
        jobs.into_iter().for_each(|job| job.answer(Converted::failed(Verdict::NoRoom)));
    }

    fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// The life of the thread that starts instances.
    pub(super) fn start_instances(&self) {
        let mut number = 0_u32;
        let mut pause = Duration::ZERO;
        let mut state = self.state();
        while !state.closed {
            if state.instances.len() >= self.config.warm.saturating_add(state.hungry) {
                state = self.wait(state);
                continue;
            }
            drop(state);
            number = number.wrapping_add(1);
            let started = Instance::spawn(&self.plan, number);
            state = self.state();
            match started {
                Ok(instance) if !state.closed => {
                    state.instances.push_back(instance);
                    pause = Duration::ZERO;
                }
                Ok(instance) => {
                    drop(state);
                    drop(instance);
                    return;
                }
                Err(failure) => {
                    tracing::warn!(event = "converter_start_failed", why = failure.why);
                    state.failures = state.hungry;
                    pause = (pause * 2).clamp(PAUSE_MIN, PAUSE_MAX);
                    self.changed.notify_all();
                    let (guard, _) = self.changed.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner);
                    state = guard;
                }
            }
            self.changed.notify_all();
        }
    }

    /// The life of a thread that serves documents.
    pub(super) fn serve(&self, number: usize) {
        let closing = || self.is_closed();
        let wake = self.wakes.get(number).map(|wake| (wake, &closing as &dyn Fn() -> bool));
        loop {
            let job = {
                let mut state = self.state();
                loop {
                    if state.closed {
                        return;
                    }
                    match state.jobs.pop_front() {
                        Some(job) => break job,
                        None => state = self.wait(state),
                    }
                }
            };
            let (converted, used) = self.convert(&job.conversion, wake);
            job.answer(converted);
            // After the answer: taking a process tree down takes a while.
            drop(used);
        }
    }

    /// An instance, unless none can be started.
    fn take(&self) -> Option<Instance> {
        let mut state = self.state();
        state.hungry += 1;
        self.changed.notify_all();
        let instance = loop {
            if state.closed {
                break None;
            }
            if let Some(instance) = state.instances.pop_front() {
                break Some(instance);
            }
            if state.failures > 0 {
                state.failures -= 1;
                break None;
            }
            state = self.wait(state);
        };
        state.hungry -= 1;
        drop(state);
        // A place among those that wait is free.
        self.changed.notify_all();
        instance
    }

    fn convert(&self, job: &Conversion, wake: Option<super::instance::Wake<'_>>) -> (Converted, Option<Instance>) {
        let out_limit = job.out_bytes.min(self.config.out_bytes_max);
        let order = Order { from: job.from, to: job.to, password: job.password.as_ref().map(|p| p.0.as_str()) };
        let head = JobHead {
            task: Task::Mapped,
            offset: job.source.offset,
            len: job.source.len,
            out_limit,
            side_limit: 0,
            in_reply: InReply::Nothing,
            tells: false,
        };
        for _ in 0..ROUNDS {
            let Some(mut instance) = self.take() else { break };
            if let Err(failure) = instance.wait(START_LIMIT, wake) {
                tracing::warn!(event = "converter_start_failed", why = failure.why);
                continue;
            }
            let (Ok(out), Ok(input)) = (output(out_limit), job.source.data.descriptor()) else { break };
            let cpu = Duration::from_secs(self.plan.start.setup.cpu_seconds);
            let descriptors = [input, out.as_fd()];
            let finished = instance.convert(&head, &order.encode(), &descriptors, job.deadline, cpu, wake);
            let Ok(finished) = finished.map_err(|NotTaken| ()) else { continue };
            let (verdict, output) = match finished.judgement {
                Judgement::Done { out: len, .. } => match Sealed::take(out, len) {
                    Ok(sealed) => (Verdict::Ok, Some(Hostile::new(sealed))),
                    // A dead process's file that cannot be sealed was tampered with.
                    Err(_) => (Verdict::Protocol, None),
                },
                Judgement::Failed(verdict) => (verdict, None),
                Judgement::Stopped => (Verdict::Killed, None),
                Judgement::PeerGone | Judgement::StreamTooLong => (Verdict::Protocol, None),
            };
            if !matches!(verdict, Verdict::Ok | Verdict::Refused(..)) {
                tracing::debug!(event = "converter_instance_failed", verdict = %verdict);
            }
            return (Converted { verdict, usage: finished.usage, output }, Some(instance));
        }
        (Converted { verdict: Verdict::NoRoom, usage: Usage::default(), output: None }, None)
    }
}

/// A memory file of exactly this size that cannot grow: the kernel keeps the limit.
pub(super) fn output(limit: u64) -> io::Result<File> {
    let file = descriptor::memory_file(c"misogi-out")?;
    file.set_len(limit)?;
    descriptor::seal(&file, libc::F_SEAL_GROW)?;
    Ok(file)
}

/// Instances that are tried before a document is given back.
const ROUNDS: u32 = 3;
/// A start takes a second of processor time; a loaded machine takes longer.
pub(super) const START_LIMIT: Duration = Duration::from_secs(60);
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(10);

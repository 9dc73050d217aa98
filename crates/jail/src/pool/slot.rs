//! A slot: one thread, one document at a time, two zygotes.

use super::chain::joint;
use super::outcome::{ChainOutcome, CleanOutcome, DirtyOutcome};
use super::queue::{Job, Shared, report};
use super::rooms::{Finished, Rooms, START_LIMIT, index};
use super::zygote::{Plan, StartFailure};
use super::{JobLimits, KEPT_OUTPUTS_MIN, Pages};
use crate::sealed::{Fresh, Hostile, Sealed, Source};
use crate::sys::descriptor;
use crate::verdict::{Judgement, Usage, Verdict};
use crate::wire::{InReply, JobHead, PARAMS_MAX, Role, Task};
use form::reason::{Reason, Refusal};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

enum Next {
    Job(Job),
    /// A zygote needs a look.
    Disturbed,
    Closed,
}

pub(super) struct Slot {
    shared: Arc<Shared>,
    number: usize,
    rooms: Rooms,
    cpu_limit: Duration,
    failures: u32,
    is_down: bool,
    /// Files of earlier rooms that never wrote to them, with their sizes: what most documents become goes with the reply, and
    /// making a file costs more than proving that one is still empty.
    unused: [[Option<(File, u64)>; 2]; 2],
}

impl Slot {
    pub(super) fn new(shared: Arc<Shared>, plan: Arc<Plan>, number: usize) -> Slot {
        let cpu_limit = Duration::from_secs(plan.setup.cpu_seconds);
        Slot {
            shared,
            number,
            rooms: Rooms::new(plan, number),
            cpu_limit,
            failures: 0,
            is_down: false,
            unused: [const { [None, None] }; 2],
        }
    }

    /// The thread's whole life. Tells once whether the first rooms came up.
    pub(super) fn run(mut self, ready: &Sender<Result<(), StartFailure>>) {
        let mut first = Some(ready);
        while !self.shared.is_closed() {
            let prepared = self.prepare();
            let failed = prepared.is_err();
            if let Some(first) = first.take() {
                let _ = first.send(prepared);
            }
            if failed {
                self.back_off();
                continue;
            }
            match self.next() {
                Next::Job(job) => self.serve(job),
                Next::Disturbed => {}
                Next::Closed => break,
            }
        }
        self.come_up();
    }

    /// Has a room of each role waiting.
    fn prepare(&mut self) -> Result<(), StartFailure> {
        match self.rooms.ensure(&[Role::Dirty, Role::Clean], START_LIMIT) {
            Ok(started) => {
                self.shared.counters.zygotes_started.fetch_add(started.into(), Ordering::Relaxed);
                self.come_up();
                Ok(())
            }
            Err(failure) => {
                self.failures = self.failures.saturating_add(1);
                failure.warn(self.number);
                Err(failure)
            }
        }
    }

    fn come_up(&mut self) {
        if std::mem::take(&mut self.is_down) {
            let mut queue = self.shared.queue();
            queue.down = queue.down.saturating_sub(1);
        }
    }

    /// Waits before the next try, longer each time. While no slot at all has a room, jobs are answered at once.
    fn back_off(&mut self) {
        let pause = BACK_OFF.saturating_mul(1 << self.failures.saturating_sub(1).min(9));
        let until = Instant::now() + pause;
        loop {
            let waiting = {
                let mut queue = self.shared.queue();
                if !std::mem::replace(&mut self.is_down, true) {
                    queue.down += 1;
                }
                if queue.closed {
                    return;
                }
                if queue.down < self.shared.config.slots {
                    // Others serve; this one is not to be woken for a job that they can take.
                    queue.idle.retain(|slot| *slot != self.number);
                    VecDeque::new()
                } else {
                    if !queue.idle.contains(&self.number) {
                        queue.idle.push(self.number);
                    }
                    std::mem::take(&mut queue.jobs)
                }
            };
            for job in waiting {
                self.shared.counters.no_room.fetch_add(1, Ordering::Relaxed);
                job.fail(Verdict::NoRoom);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let Some(wake) = self.shared.wakes.get(self.number) else { return };
            // Not longer than this, so that the last slot to go down does not leave jobs to a sleeping one.
            let _ = descriptor::poll(&mut [descriptor::wait_for(wake.as_fd())], Some(left.min(BACK_OFF_LOOK)));
            self.take_wake();
        }
        self.shared.queue().idle.retain(|slot| *slot != self.number);
    }

    fn take_wake(&self) {
        if let Some(mut wake) = self.shared.wakes.get(self.number) {
            let _ = wake.read(&mut [0; 8]);
        }
    }

    /// The next job, or a reason to look after the zygotes.
    fn next(&mut self) -> Next {
        loop {
            {
                let mut queue = self.shared.queue();
                if queue.closed {
                    return Next::Closed;
                }
                if let Some(job) = queue.jobs.pop_front() {
                    queue.idle.retain(|slot| *slot != self.number);
                    return Next::Job(job);
                }
                if !queue.idle.contains(&self.number) {
                    queue.idle.push(self.number);
                }
            }
            let Some(wake) = self.shared.wakes.get(self.number) else { return Next::Closed };
            let mut waits =
                [descriptor::wait_for(wake.as_fd()), descriptor::WAIT_FOR_NOTHING, descriptor::WAIT_FOR_NOTHING];
            for (place, zygote) in waits.iter_mut().skip(1).zip(&self.rooms.zygotes) {
                if let Some(zygote) = zygote {
                    *place = zygote.wait();
                }
            }
            if descriptor::poll(&mut waits, None).is_err() {
                return Next::Disturbed;
            }
            let [woken, dirty, clean] = waits.map(|wait| wait.revents != 0);
            if woken {
                self.take_wake();
            }
            for (ready, role) in [(dirty, Role::Dirty), (clean, Role::Clean)] {
                let zygote = self.rooms.zygotes.get_mut(index(role)).and_then(Option::as_mut);
                let Some(zygote) = zygote.filter(|_| ready) else { continue };
                let alive = zygote.catch_up();
                let waiting = !zygote.spares.is_empty();
                if alive && waiting {
                    continue;
                }
                if !alive {
                    tracing::warn!(event = "rooms_zygote_died", slot = self.number, role = role.name());
                    self.rooms.discard(role);
                }
                self.shared.queue().idle.retain(|slot| *slot != self.number);
                return Next::Disturbed;
            }
        }
    }

    fn serve(&mut self, job: Job) {
        self.shared.counters.jobs.fetch_add(1, Ordering::Relaxed);
        self.failures = 0;
        match job {
            Job::Dirty { source, params, limits, done } => {
                let outcome = self.dirty(&source, &params, limits);
                drop(source);
                report(done, outcome);
            }
            Job::Clean { source, params, limits, done } => {
                let outcome = self.clean(&source, &params, limits);
                drop(source);
                report(done, outcome);
            }
            Job::Chain { source, dirty_params, clean_params, limits, pages, done } => {
                let outcome = self.chain(&source, &dirty_params, &clean_params, limits, pages);
                drop(source);
                report(done, outcome);
            }
        }
        self.look_after();
    }

    fn dirty(&mut self, source: &Source, params: &[u8], limits: JobLimits) -> DirtyOutcome {
        match self.single(Role::Dirty, source, params, limits) {
            Ok((usage, out, side)) => DirtyOutcome {
                verdict: Verdict::Ok,
                usage,
                form: Some(Hostile::new(out)),
                spill: (!side.is_empty()).then(|| Hostile::new(side)),
            },
            Err((verdict, usage)) => DirtyOutcome { usage, ..DirtyOutcome::failed(verdict) },
        }
    }

    fn clean(&mut self, source: &Source, params: &[u8], limits: JobLimits) -> CleanOutcome {
        match self.single(Role::Clean, source, params, limits) {
            Ok((usage, out, side)) => {
                CleanOutcome { verdict: Verdict::Ok, usage, fresh: Some(Fresh::new(out)), report: Some(side) }
            }
            Err((verdict, usage)) => CleanOutcome { usage, ..CleanOutcome::failed(verdict) },
        }
    }

    /// One room: input given or mapped, outputs with the reply or in memory files.
    fn single(
        &mut self,
        role: Role,
        source: &Source,
        params: &[u8],
        limits: JobLimits,
    ) -> Result<(Usage, Sealed, Sealed), (Verdict, Usage)> {
        let nothing = |verdict| (verdict, Usage::default());
        self.admissible(source, params).map_err(nothing)?;
        let limits = self.bounded(limits);
        let out = self.file(Which::Main, role, limits.out_bytes).map_err(|_| nothing(Verdict::NoRoom))?;
        let side = self.file(Which::Side, role, limits.side_bytes).map_err(|_| nothing(Verdict::NoRoom))?;
        let (task, input, given) = offer(source, side.as_fd()).map_err(|_| nothing(Verdict::NoRoom))?;
        let head = JobHead {
            task,
            offset: source.offset,
            len: source.len,
            out_limit: limits.out_bytes,
            side_limit: limits.side_bytes,
            in_reply: InReply::Small,
            tells: false,
        };
        let descriptors = [input, out.as_fd(), side.as_fd()];
        let Some(running) = self.rooms.start(role, &head, params, given, &descriptors) else {
            return Err(nothing(self.no_room()));
        };
        let running = match role {
            Role::Dirty => [Some(running), None],
            Role::Clean => [None, Some(running)],
        };
        let mut finished = self.finish(running, limits.deadline).into_iter().flatten();
        let Some(Finished { judgement, usage, out: said, side: said_beside, .. }) = finished.next() else {
            return Err(nothing(Verdict::Killed));
        };
        let lengths = self.settle(role, judgement).map_err(|verdict| (verdict, usage))?;
        let taken = self.take(Which::Main, role, (out, limits.out_bytes), lengths.0, said).and_then(|out| {
            Ok((out, self.take(Which::Side, role, (side, limits.side_bytes), lengths.1, said_beside)?))
        });
        // A dead room's file that cannot be sealed was tampered with (the room can add seals of its own).
        let (out, side) = taken.map_err(|_| (self.spoilt(role), usage))?;
        Ok((usage, out, side))
    }

    fn chain(
        &mut self,
        source: &Source,
        dirty_params: &[u8],
        clean_params: &[u8],
        limits: JobLimits,
        pages: Option<Arc<Pages>>,
    ) -> ChainOutcome {
        let admissible = self.admissible(source, dirty_params).and_then(|()| self.admissible(source, clean_params));
        if let Err(verdict) = admissible {
            return ChainOutcome::failed(verdict);
        }
        let limits = self.bounded(limits);
        let mut files = || -> io::Result<(File, File, File, (OwnedFd, OwnedFd))> {
            let spill = self.file(Which::Side, Role::Dirty, limits.side_bytes)?;
            let report = self.file(Which::Side, Role::Clean, REPORT_BYTES)?;
            Ok((spill, self.file(Which::Main, Role::Clean, limits.out_bytes)?, report, descriptor::pipe()?))
        };
        let Ok((spill, out, report, (pipe_out, pipe_in))) = files() else {
            return ChainOutcome::failed(Verdict::NoRoom);
        };
        let Ok((task, input, given)) = offer(source, spill.as_fd()) else {
            return ChainOutcome::failed(Verdict::NoRoom);
        };
        if source.len > PIPE_BYTES_DEFAULT {
            descriptor::widen_pipe(&pipe_in, PIPE_BYTES_WIDE);
        }
        let stream = self.shared.config.stream_bytes_max;
        let head = JobHead {
            task,
            offset: source.offset,
            len: source.len,
            out_limit: stream,
            side_limit: limits.side_bytes,
            in_reply: InReply::Nothing,
            tells: pages.is_some(),
        };
        let descriptors = [input, pipe_in.as_fd(), spill.as_fd()];
        let Some(mut dirty) = self.rooms.start(Role::Dirty, &head, dirty_params, given, &descriptors) else {
            return ChainOutcome::failed(self.no_room());
        };
        dirty.pages = pages;
        let head = JobHead {
            task: Task::Stream,
            offset: 0,
            len: stream,
            out_limit: limits.out_bytes,
            side_limit: REPORT_BYTES,
            in_reply: InReply::Small,
            tells: false,
        };
        let descriptors = [pipe_out.as_fd(), out.as_fd(), report.as_fd()];
        let clean = self.rooms.start(Role::Clean, &head, clean_params, &[], &descriptors);
        // From here on the pipe's ends are the rooms' alone: the end of either is seen by the other.
        drop((pipe_in, pipe_out));
        let has_clean = clean.is_some();
        let deadline = if has_clean { limits.deadline } else { Duration::ZERO };
        let [dirty, clean] = self.finish([Some(dirty), clean], deadline);
        if !has_clean {
            return ChainOutcome::failed(self.no_room());
        }
        let (Some(dirty), Some(clean)) = (dirty, clean) else { return ChainOutcome::failed(Verdict::Killed) };
        let out = (out, limits.out_bytes);
        self.conclude_chain(dirty, clean, (spill, limits.side_bytes), out, (report, REPORT_BYTES))
    }

    fn conclude_chain(
        &mut self,
        dirty: Finished,
        clean: Finished,
        spill: (File, u64),
        out: (File, u64),
        report: (File, u64),
    ) -> ChainOutcome {
        let joint = joint(dirty.judgement, clean.judgement);
        let dirty_result = self.settle(Role::Dirty, joint.dirty);
        let clean_result = self.settle(Role::Clean, joint.clean);
        if dirty.spoke && dirty_result.is_err() {
            // What it said, and when, somebody may have seen who sends the next document, and it may have been the layout.
            self.rooms.discard(Role::Dirty);
        }
        let (cause, dirty_verdict, clean_verdict) = match (dirty_result, clean_result) {
            (Ok((_, spilled)), Ok((written, reported))) => {
                let taken = self.take(Which::Side, Role::Dirty, spill, spilled, dirty.side);
                let taken = taken.map_err(|_| (Role::Dirty, ())).and_then(|spill| {
                    let out = self.take(Which::Main, Role::Clean, out, written, clean.out);
                    let report = self.take(Which::Side, Role::Clean, report, reported, clean.side);
                    Ok((spill, out.map_err(|_| (Role::Clean, ()))?, report.map_err(|_| (Role::Clean, ()))?))
                });
                match taken {
                    Ok((spill, out, report)) => {
                        return ChainOutcome {
                            dirty: (Verdict::Ok, dirty.usage),
                            spill: (!spill.is_empty()).then(|| Hostile::new(spill)),
                            clean: CleanOutcome {
                                verdict: Verdict::Ok,
                                usage: clean.usage,
                                fresh: Some(Fresh::new(out)),
                                report: Some(report),
                            },
                            cause: joint.cause,
                        };
                    }
                    Err((Role::Dirty, ())) => (Role::Dirty, self.spoilt(Role::Dirty), Verdict::Ok),
                    Err((Role::Clean, ())) => (Role::Clean, Verdict::Ok, self.spoilt(Role::Clean)),
                }
            }
            (Ok(_), Err(clean)) => (joint.cause, Verdict::Ok, clean),
            (Err(dirty), Ok(_)) => (joint.cause, dirty, Verdict::Ok),
            (Err(dirty), Err(clean)) => (joint.cause, dirty, clean),
        };
        ChainOutcome {
            dirty: (dirty_verdict, dirty.usage),
            spill: None,
            clean: CleanOutcome { usage: clean.usage, ..CleanOutcome::failed(clean_verdict) },
            cause,
        }
    }

    /// Refuses what no room could be given.
    fn admissible(&self, source: &Source, params: &[u8]) -> Result<(), Verdict> {
        let max = self.shared.config.in_bytes_max;
        if source.len > max {
            let refusal = Refusal { reason: Reason::LimitInputBytes, limit: max, value: source.len };
            return Err(Verdict::Refused(refusal, [0; 16]));
        }
        // The caller's own mistakes; nothing was opened.
        if !source.is_within() || params.len() > PARAMS_MAX { Err(Verdict::Protocol) } else { Ok(()) }
    }

    fn bounded(&self, limits: JobLimits) -> JobLimits {
        let max = self.shared.config.out_bytes_max;
        JobLimits { out_bytes: limits.out_bytes.min(max), side_bytes: limits.side_bytes.min(max), ..limits }
    }

    fn finish(&mut self, running: [Option<super::rooms::Running>; 2], deadline: Duration) -> [Option<Finished>; 2] {
        let shared = Arc::clone(&self.shared);
        let closing = || shared.is_closed();
        let wake = self.shared.wakes.get(self.number).map(|wake| (wake, &closing as &dyn Fn() -> bool));
        self.rooms.finish(running, deadline, self.cpu_limit, wake)
    }

    /// Lengths of the outputs, or the verdict; a zygote whose room was hostile or broken is discarded.
    fn settle(&mut self, role: Role, judgement: Judgement) -> Result<(u64, u64), Verdict> {
        let verdict = match judgement {
            Judgement::Done { out, side } => return Ok((out, side)),
            Judgement::Failed(verdict) => verdict,
            Judgement::Stopped => return Err(Verdict::Killed),
            // Said by a room that has no other half.
            Judgement::PeerGone | Judgement::StreamTooLong => Verdict::Protocol,
        };
        if !matches!(verdict, Verdict::Refused(..)) {
            self.shared.counters.failed_rooms.fetch_add(1, Ordering::Relaxed);
            if verdict.is_abnormal() {
                tracing::warn!(event = "rooms_room_failed", slot = self.number, role = role.name(), verdict = %verdict);
            } else {
                tracing::debug!(event = "rooms_room_failed", slot = self.number, role = role.name(), verdict = %verdict);
            }
        }
        if verdict.taints_zygote() {
            self.rooms.discard(role);
        }
        Err(verdict)
    }

    fn unused(&mut self, which: Which, role: Role) -> Option<&mut Option<(File, u64)>> {
        let [main, side] = &mut self.unused;
        let of_both = match which {
            Which::Main => main,
            Which::Side => side,
        };
        of_both.get_mut(index(role))
    }

    /// A file of this size for an output: one that an earlier room did not use, or a new one.
    fn file(&mut self, which: Which, role: Role, size: u64) -> io::Result<File> {
        match self.unused(which, role).and_then(Option::take) {
            Some((file, present)) if present == size => Ok(file),
            _ => output(size),
        }
    }

    /// An output: what came with the reply, or what is in the file.
    fn take(
        &mut self,
        which: Which,
        role: Role,
        file: (File, u64),
        len: u64,
        said: Option<Box<[u8]>>,
    ) -> io::Result<Sealed> {
        if len > 0 && said.is_none() {
            let sealed = Sealed::take(file.0, len)?;
            if let Some(zygote) = self.rooms.zygotes.get_mut(index(role)).and_then(Option::as_mut) {
                zygote.taken_bytes = zygote.taken_bytes.saturating_add(len);
            }
            return Ok(sealed);
        }
        // The next document's room may have it only if this one left no trace in it: its own word is not enough.
        let untouched = descriptor::is_untouched(&file.0, libc::F_SEAL_GROW);
        if !untouched && which == Which::Main {
            // Ours do not write there what they say, and neither do they seal it.
            return Err(io::ErrorKind::InvalidData.into());
        }
        if let Some(place) = self.unused(which, role).filter(|_| untouched) {
            *place = Some(file);
        }
        Ok(Sealed::small(said.unwrap_or_default()))
    }

    fn spoilt(&mut self, role: Role) -> Verdict {
        self.rooms.discard(role);
        self.shared.counters.failed_rooms.fetch_add(1, Ordering::Relaxed);
        Verdict::Protocol
    }

    fn no_room(&mut self) -> Verdict {
        // Spares that cannot be talked to are dead, and so is what forks them.
        self.rooms.discard(Role::Dirty);
        self.rooms.discard(Role::Clean);
        self.shared.counters.no_room.fetch_add(1, Ordering::Relaxed);
        Verdict::NoRoom
    }

    /// Replaces zygotes that have served long enough.
    fn look_after(&mut self) {
        let config = &self.shared.config;
        let kept = config.out_bytes_max.max(KEPT_OUTPUTS_MIN);
        for role in [Role::Dirty, Role::Clean] {
            let Some(zygote) = self.rooms.zygotes.get(index(role)).and_then(Option::as_ref) else { continue };
            if zygote.taken_bytes > kept {
                // The group's ceiling is near: not one more document.
                self.rooms.discard(role);
            } else if zygote.served >= config.restart_after && self.rooms.retire(role) {
                self.shared.counters.zygotes_started.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// How a room gets its input: with the job, or to be mapped. A job has a descriptor for it in any case; where the input is given that is
/// a stand-in, which the room closes.
fn offer<'a>(source: &'a Source, stand_in: BorrowedFd<'a>) -> io::Result<(Task, BorrowedFd<'a>, &'a [u8])> {
    match source.small() {
        Some(bytes) => Ok((Task::Given, stand_in, bytes)),
        None => Ok((Task::Mapped, source.data.descriptor()?, &[])),
    }
}

/// Which output of a room.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Main,
    Side,
}

/// A memory file of exactly this size that cannot grow: the kernel keeps the limit, whatever the room does. It is sparse, so
/// the size costs nothing.
fn output(limit: u64) -> io::Result<File> {
    let file = descriptor::memory_file(c"misogi-out")?;
    file.set_len(limit)?;
    descriptor::seal(&file, libc::F_SEAL_GROW)?;
    Ok(file)
}

/// The report of the clean half of a chain.
const REPORT_BYTES: u64 = 1 << 20;
const BACK_OFF: Duration = Duration::from_millis(10);
const BACK_OFF_LOOK: Duration = Duration::from_millis(50);
const PIPE_BYTES_DEFAULT: u64 = 64 << 10;
/// Enough to keep two processors busy at once; more only falls out of their caches.
const PIPE_BYTES_WIDE: i32 = 256 << 10;

//! The pool: a queue of documents and the slots that serve it.

pub(crate) mod cgroup;
mod chain;
pub(crate) mod host;
mod outcome;
mod pages;
mod probe;
mod queue;
mod rooms;
mod slot;
mod zygote;

pub use outcome::{ChainOutcome, CleanOutcome, DirtyOutcome};
pub use pages::Pages;
pub use probe::{Probe, probe};

use crate::error::Error;
use crate::level::{Fact, Level};
use crate::sealed::Source;
use crate::sys::{descriptor, process};
use crate::verdict::Verdict;
use crate::wire::{Enforced, Setup};
use cgroup::Hierarchy;
use host::Ids;
use queue::{Job, Shared};
use slot::Slot;
use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;
use zygote::Plan;

/// How many rooms, how large, how strong. Start from [`PoolConfig::new`] and change what differs.
#[derive(Clone, Debug)]
pub struct PoolConfig {
    /// The executable that hosts the rooms; `/proc/self/exe` is the running one even after it was replaced on disk.
    pub exe: PathBuf,
    /// The arguments that make it call [`room::enter`](crate::room::enter), before the role.
    pub room_args: Vec<String>,
    /// How many documents are worked on at a time.
    pub slots: usize,
    /// How many rooms wait in advance, per slot and role. Each costs about half a megabyte.
    pub spares: usize,
    /// Documents after which a zygote is replaced: all its rooms share one address layout.
    pub restart_after: u32,
    /// Private writable memory of one room.
    pub data_bytes: u64,
    /// Processor time of one room, in whole seconds.
    pub cpu: Duration,
    /// The largest input range.
    pub in_bytes_max: u64,
    /// The largest output of either kind, whatever a job asks for.
    pub out_bytes_max: u64,
    /// The most that may pass from the dirty to the clean room of a chain.
    pub stream_bytes_max: u64,
    /// The weakest level on which to open hostile files.
    pub minimum: Level,
    /// Work at level C as well. Somebody has to type this.
    pub accept_unsandboxed: bool,
    /// First of the user ids for the slots (two per slot, plus two for the probe). Used when the gateway is root and may
    /// take them: in a container they may not exist.
    pub uids: Option<u32>,
    /// For tests of single layers: without the filter. Level C by definition.
    #[doc(hidden)]
    pub seccomp: bool,
    /// For tests of single layers: without namespaces, as on a machine that forbids them.
    #[doc(hidden)]
    pub namespaces: bool,
    /// For tests of single layers: without Landlock.
    #[doc(hidden)]
    pub landlock: bool,
}

impl PoolConfig {
    /// Private writable memory of one room, unless configured otherwise.
    pub const DATA_BYTES: u64 = 1 << 30;
    /// The largest output of either kind, unless configured otherwise. A job that asks for more gets this much.
    pub const OUT_BYTES_MAX: u64 = 512 << 20;

    /// Sensible values for an executable that becomes a room when started with these arguments.
    pub fn new(exe: impl Into<PathBuf>, room_args: &[&str]) -> PoolConfig {
        PoolConfig {
            exe: exe.into(),
            room_args: room_args.iter().map(|&argument| argument.to_owned()).collect(),
            slots: std::thread::available_parallelism().map_or(2, usize::from),
            spares: 3,
            restart_after: 500,
            data_bytes: Self::DATA_BYTES,
            cpu: Duration::from_secs(60),
            in_bytes_max: 2 << 30,
            out_bytes_max: Self::OUT_BYTES_MAX,
            stream_bytes_max: 8 << 30,
            minimum: Level::A,
            accept_unsandboxed: false,
            // Above every range that useradd, subuid, systemd or container managers hand out, below 2^31.
            uids: Some(2_000_000_000),
            seccomp: true,
            namespaces: true,
            landlock: true,
        }
    }

    fn check(&self) -> Result<(), Error> {
        let rules = [
            ((1..=SLOTS_MAX).contains(&self.slots), "slots", "between 1 and 256"),
            ((1..=SPARES_MAX).contains(&self.spares), "spares", "between 1 and 16"),
            (self.restart_after > 0, "restart_after", "at least 1"),
            (self.data_bytes >= 16 << 20, "data_bytes", "at least 16 MiB"),
            (self.cpu >= Duration::from_secs(1), "cpu", "at least one second"),
            (self.out_bytes_max > 0, "out_bytes_max", "at least 1"),
            (usable(self.exe.as_os_str()).is_some(), "exe", "a path without a zero byte"),
            (self.room_args.iter().all(|a| usable(a.as_ref()).is_some()), "room_args", "texts without a zero byte"),
        ];
        match rules.into_iter().find(|(holds, ..)| !holds) {
            Some((_, field, rule)) => Err(Error::Config { field, rule }),
            None => Ok(()),
        }
    }

    fn plan(&self) -> Result<Plan, Error> {
        self.check()?;
        let arguments = self.room_args.iter().filter_map(|argument| usable(argument.as_ref())).collect();
        let exe = usable(self.exe.as_os_str()).ok_or(Error::Config { field: "exe", rule: "a path" })?;
        let kept = self.out_bytes_max.max(KEPT_OUTPUTS_MIN);
        Ok(Plan {
            exe,
            arguments,
            setup: Setup {
                supervisor_pid: process::own_pid(),
                uid: None,
                namespaces: self.namespaces,
                landlock: self.landlock,
                seccomp: self.seccomp,
                answer_forbidden: false,
                spares: u32::try_from(self.spares).unwrap_or(1),
                data_bytes: self.data_bytes,
                address_bytes: self.data_bytes.saturating_add(self.in_bytes_max).saturating_add(ADDRESS_SLACK),
                file_bytes: self.out_bytes_max,
                cpu_seconds: self.cpu.as_secs() + u64::from(self.cpu.subsec_nanos() > 0),
            },
            least: Enforced::default(),
            ids: Ids::find(
                self.uids,
                u32::try_from(self.slots).unwrap_or(u32::MAX).saturating_add(1).saturating_mul(2),
            ),
            hierarchy: Hierarchy::discover(),
            group_memory_bytes: self
                .data_bytes
                .saturating_add(self.out_bytes_max.saturating_mul(2))
                .saturating_add(kept)
                .saturating_add(GROUP_SLACK),
        })
    }
}

fn usable(text: &OsStr) -> Option<CString> {
    CString::new(text.as_bytes()).ok()
}

/// Limits of one job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobLimits {
    /// From the job being given to a room (waiting in the queue does not count) to its end.
    pub deadline: Duration,
    /// The main output.
    pub out_bytes: u64,
    /// The side output of a dirty room (spill), and the report of a clean room that works alone.
    pub side_bytes: u64,
}

/// What a pool has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Jobs that were given to rooms; a chain is one.
    pub jobs: u64,
    /// Rooms that ended in anything but ok or a refusal.
    pub failed_rooms: u64,
    /// Zygotes started, the first ones included.
    pub zygotes_started: u64,
    /// Jobs that found no room.
    pub no_room: u64,
    /// Jobs waiting now.
    pub queued: u64,
    /// Slots that cannot get a room now.
    pub slots_down: u64,
}

#[derive(Debug, Default)]
struct Counters {
    jobs: AtomicU64,
    failed_rooms: AtomicU64,
    zygotes_started: AtomicU64,
    no_room: AtomicU64,
}

/// Rooms for documents. Dropping it ends every process it started.
pub struct Pool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    level: Level,
    facts: Vec<Fact>,
}

impl Pool {
    /// Finds out what the machine can do, refuses if that is too little, and starts the slots. The calling process gives up memory
    /// that is writable and then executable, where the kernel knows how (6.3); zygotes do so for themselves and their rooms. Whether
    /// it holds is the fact `gateway_memory_deny_write_execute`.
    ///
    /// # Errors
    /// [`Error::BelowMinimum`] and [`Error::Unsandboxed`] when confinement is too weak, [`Error::Start`] when rooms cannot
    /// be started at all, [`Error::Config`] for numbers that make no sense.
    pub fn start(config: PoolConfig) -> Result<Pool, Error> {
        let mut plan = config.plan()?;
        let found = probe::attack(&mut plan, config.slots)?;
        let why = || {
            let failed: Vec<String> =
                found.facts.iter().filter(|f| !f.ok).map(|f| format!("{}: {}", f.name, f.detail)).collect();
            if failed.is_empty() { "see `misogi doctor`".to_owned() } else { failed.join("; ") }
        };
        if found.level == Level::C && !config.accept_unsandboxed {
            return Err(Error::Unsandboxed { why: why() });
        }
        if !found.level.satisfies(config.minimum) && !config.accept_unsandboxed {
            let found = found.level;
            let why = format!("{}; or accept level {found} (rooms.minimum_level = \"{found}\")", why());
            return Err(Error::BelowMinimum { found, minimum: config.minimum, why });
        }
        tracing::info!(event = "rooms_confinement", level = %found.level, slots = config.slots);
        let facts = found.facts;
        let level = found.level;
        let wakes = (0..config.slots)
            .map(|_| descriptor::event_counter())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|source| Error::Start { doing: "making event counters", source })?;
        let shared = Arc::new(Shared::new(config, wakes));
        let plan = Arc::new(plan);
        let (ready, first_news) = mpsc::channel();
        let mut pool = Pool { shared: Arc::clone(&shared), threads: Vec::new(), level, facts };
        for number in 0..shared.config.slots {
            let slot = Slot::new(Arc::clone(&shared), Arc::clone(&plan), number);
            let ready = ready.clone();
            // The slot's thread starts its zygotes itself: they ask the kernel to die with the thread that started them.
            let thread = std::thread::Builder::new()
                .name(format!("rooms-{number}"))
                .spawn(move || slot.run(&ready))
                .map_err(|source| Error::Start { doing: "starting a slot's thread", source })?;
            pool.threads.push(thread);
        }
        drop(ready);
        let news: Vec<_> = first_news.iter().take(shared.config.slots).collect();
        match news.into_iter().collect::<Result<Vec<()>, _>>() {
            Ok(_) => Ok(pool),
            Err(failure) => Err(Error::Start { doing: failure.doing, source: failure.source() }),
        }
    }

    /// How strongly these rooms are confined.
    pub fn level(&self) -> Level {
        self.level
    }

    /// What was found out about the confinement.
    pub fn facts(&self) -> Vec<Fact> {
        self.facts.clone()
    }

    /// What was done so far.
    pub fn stats(&self) -> Stats {
        let counters = &self.shared.counters;
        let (queued, slots_down) = self.shared.queue_state();
        Stats {
            jobs: counters.jobs.load(Ordering::Relaxed),
            failed_rooms: counters.failed_rooms.load(Ordering::Relaxed),
            zygotes_started: counters.zygotes_started.load(Ordering::Relaxed),
            no_room: counters.no_room.load(Ordering::Relaxed),
            queued,
            slots_down,
        }
    }

    /// Has a dirty room work on a document. `done` runs on the slot's thread and must be quick.
    pub fn dirty(
        &self,
        source: Source,
        params: Vec<u8>,
        limits: JobLimits,
        done: impl FnOnce(DirtyOutcome) + Send + 'static,
    ) {
        self.shared.submit(Job::Dirty { source, params, limits, done: Box::new(done) });
    }

    /// Has a clean room work on something that clean rooms or the gateway made. `done` runs on the slot's thread.
    pub fn clean(
        &self,
        source: Source,
        params: Vec<u8>,
        limits: JobLimits,
        done: impl FnOnce(CleanOutcome) + Send + 'static,
    ) {
        self.shared.submit(Job::Clean { source, params, limits, done: Box::new(done) });
    }

    /// Has a dirty and a clean room work at the same time, the form streaming from one to the other. `limits.out_bytes` is
    /// the clean room's output, `limits.side_bytes` the dirty room's spill. `done` runs on the slot's thread.
    pub fn chain(
        &self,
        source: Source,
        dirty_params: Vec<u8>,
        clean_params: Vec<u8>,
        limits: JobLimits,
        done: impl FnOnce(ChainOutcome) + Send + 'static,
    ) {
        self.shared.submit(Job::Chain {
            source,
            dirty_params,
            clean_params,
            limits,
            pages: None,
            done: Box::new(done),
        });
    }

    /// [`Pool::chain`], with a place for how far the document is, as its dirty room says.
    pub fn chain_telling(
        &self,
        source: Source,
        dirty_params: Vec<u8>,
        clean_params: Vec<u8>,
        limits: JobLimits,
        pages: Arc<Pages>,
        done: impl FnOnce(ChainOutcome) + Send + 'static,
    ) {
        let (pages, done) = (Some(pages), Box::new(done));
        self.shared.submit(Job::Chain { source, dirty_params, clean_params, limits, pages, done });
    }

    /// [`Pool::dirty`], waiting for the end.
    pub fn dirty_wait(&self, source: Source, params: Vec<u8>, limits: JobLimits) -> DirtyOutcome {
        wait(|done| self.dirty(source, params, limits, done)).unwrap_or_else(|| DirtyOutcome::failed(Verdict::NoRoom))
    }

    /// [`Pool::clean`], waiting for the end.
    pub fn clean_wait(&self, source: Source, params: Vec<u8>, limits: JobLimits) -> CleanOutcome {
        wait(|done| self.clean(source, params, limits, done)).unwrap_or_else(|| CleanOutcome::failed(Verdict::NoRoom))
    }

    /// [`Pool::chain`], waiting for the end.
    pub fn chain_wait(
        &self,
        source: Source,
        dirty_params: Vec<u8>,
        clean_params: Vec<u8>,
        limits: JobLimits,
    ) -> ChainOutcome {
        wait(|done| self.chain(source, dirty_params, clean_params, limits, done))
            .unwrap_or_else(|| ChainOutcome::failed(Verdict::NoRoom))
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.close();
        let own = std::thread::current().id();
        for thread in self.threads.drain(..) {
            // A callback may hold the last handle of the pool; its own slot ends when the callback returns.
            if thread.thread().id() != own {
                let _ = thread.join();
            }
        }
    }
}

/// Runs an asynchronous call to its end; `None` only if its callback was dropped without being called.
fn wait<T: Send + 'static>(call: impl FnOnce(Box<dyn FnOnce(T) + Send>)) -> Option<T> {
    let (sender, receiver) = mpsc::sync_channel(1);
    call(Box::new(move |outcome| drop(sender.send(outcome))));
    receiver.recv().ok()
}

/// The running executable, whatever happened to its file since.
pub fn this_executable() -> &'static Path {
    Path::new("/proc/self/exe")
}

const SLOTS_MAX: usize = 256;
const SPARES_MAX: usize = 16;
/// The executable, its libraries and the stack.
const ADDRESS_SLACK: u64 = 256 << 20;
/// The zygote, waiting spares, page tables, sockets.
const GROUP_SLACK: u64 = 64 << 20;
/// Outputs that live on in the gateway stay charged to the group they were written in; after this much a zygote (and its
/// group) is replaced.
const KEPT_OUTPUTS_MIN: u64 = 256 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_stand_in_the_design_document_as_they_are() {
        let document = include_str!("../../../../docs/rooms.md");
        let config = PoolConfig::new("misogi", &[]);
        let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
        let gib = |bytes: u64| format!("{} GiB", bytes >> 30);
        for (what, limit) in [
            ("private memory of a room", gib(config.data_bytes)),
            ("processor time", format!("{} s", config.cpu.as_secs())),
            ("output, side output", format!("per job, at most {}", mib(config.out_bytes_max))),
            ("form in a chain", gib(config.stream_bytes_max)),
            ("input", gib(config.in_bytes_max)),
        ] {
            let line = format!("| {what} | {limit} |");
            assert!(document.contains(&line), "docs/rooms.md lacks the line\n{line}");
        }
    }
}

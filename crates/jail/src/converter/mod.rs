//! LibreOffice in a room of its own kind: legacy documents become files of today, rebuilt files become pages.
//!
//! A million lines of C++ that were written to trust their documents are let loose on one document at a time, in a process tree
//! that is started for it (in advance), has no network, no other processes, no files but read-only ones of the system and some
//! memory, and dies with it. **What comes out is as hostile as what went in**: it is a [`Hostile`], which only rooms take, and
//! never a [`Fresh`](crate::Fresh).
//!
//! * [`Converter`] is the gateway's side. Start there.
//! * `inside` is what the executable does when it is started as an instance: namespaces, root, limits, policy.
//! * `driver` is in the process that becomes LibreOffice; it speaks to it by `urp`.
//!
//! The layers and the limits are described in `docs/rooms.md`.

mod attempts;
mod driver;
mod format;
mod inside;
mod instance;
mod probe;
mod profile;
mod queue;
mod root;
mod urp;
mod wire;

pub use format::{Application, ConvertFrom, ConvertTo};
pub use probe::{ConverterProbe, probe_converter};

use crate::error::Error;
use crate::level::Fact;
use crate::pool::cgroup::Hierarchy;
use crate::pool::host::Ids;
use crate::sealed::{Hostile, Source};
use crate::sys::{descriptor, process};
use crate::verdict::{Usage, Verdict};
use crate::wire::{Enforced, PARAMS_MAX, Setup};
use form::reason::{Reason, Refusal};
use instance::Plan;
use queue::{Job, Shared};
use std::ffi::{CString, OsStr};
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;
use wire::Start;

/// How many instances, how large. Start from [`ConverterConfig::new`] and change what differs.
#[derive(Clone, Debug)]
pub struct ConverterConfig {
    /// The executable that hosts the rooms; see [`this_executable`](crate::this_executable).
    pub exe: PathBuf,
    /// The arguments that make it call [`room::enter`](crate::room::enter), before the role.
    pub room_args: Vec<String>,
    /// LibreOffice's program directory.
    pub program: PathBuf,
    /// Instances that are started in advance and wait, at most 16. With none, each document waits for a start (about a second).
    /// Each costs about 80 MiB.
    pub warm: usize,
    /// How many documents are converted at a time, 1 to 64.
    pub slots: usize,
    /// Private memory of one instance; its files count as well, beyond this, up to `scratch_bytes`.
    pub memory_bytes: u64,
    /// The file system of one instance: profile, input, temporary files, output.
    pub scratch_bytes: u64,
    /// Processor time of one instance, its start (about a second) included, in whole seconds.
    pub cpu: Duration,
    /// The largest input.
    pub in_bytes_max: u64,
    /// The largest output, whatever a job asks for.
    pub out_bytes_max: u64,
    /// The language that stands where a document names none, as `ja-JP`.
    pub locale: String,
    /// First of 4096 user ids for the instances. Used when the gateway is root and may take them.
    pub uids: Option<u32>,
    /// For tests of single layers: without the filter.
    #[doc(hidden)]
    pub seccomp: bool,
    /// For tests of single layers: without Landlock.
    #[doc(hidden)]
    pub landlock: bool,
}

impl ConverterConfig {
    /// Sensible values for an executable that becomes a room when started with these arguments.
    pub fn new(exe: impl Into<PathBuf>, room_args: &[&str]) -> ConverterConfig {
        ConverterConfig {
            exe: exe.into(),
            room_args: room_args.iter().map(|&argument| argument.to_owned()).collect(),
            program: PathBuf::from("/usr/lib/libreoffice/program"),
            warm: 1,
            slots: 2,
            memory_bytes: 1 << 30,
            scratch_bytes: 512 << 20,
            cpu: Duration::from_secs(120),
            in_bytes_max: 256 << 20,
            out_bytes_max: 256 << 20,
            locale: "ja-JP".to_owned(),
            // Above those of the pool's slots.
            uids: Some(2_000_100_000),
            seccomp: true,
            landlock: true,
        }
    }

    fn check(&self) -> Result<(), Error> {
        let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        // The path becomes part of a URL and of a bootstrap setting.
        let simple = |path: &str| {
            path.starts_with('/')
                && path.len() < 1024
                && path.bytes().all(|b| b.is_ascii_graphic() && !b"%$?#".contains(&b))
        };
        let rules = [
            (self.warm <= WARM_MAX, "warm", "at most 16"),
            ((1..=SLOTS_MAX).contains(&self.slots), "slots", "between 1 and 64"),
            (self.memory_bytes >= 256 << 20, "memory_bytes", "at least 256 MiB"),
            (self.scratch_bytes >= 16 << 20, "scratch_bytes", "at least 16 MiB"),
            (self.cpu >= Duration::from_secs(5), "cpu", "at least five seconds"),
            (self.out_bytes_max > 0, "out_bytes_max", "at least 1"),
            (self.program.to_str().is_some_and(simple), "program", "an absolute path of plain characters"),
            (plain(&self.locale), "locale", "a language tag such as ja-JP"),
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
        let libraries = ["libmergedlo.so", "libsofficeapp.so"].map(|name| self.program.join(name));
        if !libraries.iter().any(|library| library.exists()) {
            let why = format!(
                "it is not installed (nothing to load in {}): packages libreoffice-writer-nogui, -calc-nogui and -impress-nogui",
                self.program.display()
            );
            return Err(Error::NoOffice { why });
        }
        let words = self.room_args.iter().map(String::as_str).chain([ROOM_NAME]);
        Ok(Plan {
            exe: usable(self.exe.as_os_str()).ok_or(Error::Config { field: "exe", rule: "a path" })?,
            arguments: words.filter_map(|word| usable(word.as_ref())).collect(),
            start: Start {
                setup: Setup {
                    supervisor_pid: process::own_pid(),
                    uid: None,
                    namespaces: true,
                    landlock: self.landlock,
                    seccomp: self.seccomp,
                    answer_forbidden: false,
                    spares: 1,
                    data_bytes: self.memory_bytes,
                    address_bytes: self.memory_bytes,
                    file_bytes: self.scratch_bytes.max(self.out_bytes_max),
                    cpu_seconds: self.cpu.as_secs() + u64::from(self.cpu.subsec_nanos() > 0),
                },
                scratch_bytes: self.scratch_bytes,
                program: self.program.to_string_lossy().into_owned(),
                locale: self.locale.clone(),
            },
            ids: Ids::find(self.uids, USERS),
            hierarchy: Hierarchy::discover(),
            least: Enforced::default(),
            memory_bytes: self.memory_bytes,
            group_memory_bytes: self
                .memory_bytes
                .saturating_add(self.scratch_bytes)
                .saturating_add(self.out_bytes_max)
                .saturating_add(GROUP_SLACK),
        })
    }
}

fn usable(text: &OsStr) -> Option<CString> {
    CString::new(text.as_bytes()).ok()
}

/// A password for a document. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Any text, as the reader typed it.
    pub fn new(text: impl Into<String>) -> Password {
        Password(text.into())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// One document and what is to become of it.
#[derive(Clone, Debug)]
pub struct Conversion {
    /// The document: hostile, or written by a clean room.
    pub source: Source,
    /// What it was found to be. A file that is something else is refused as malformed.
    pub from: ConvertFrom,
    /// What it becomes.
    pub to: ConvertTo,
    /// A password to try.
    pub password: Option<Password>,
    /// From the job being given to an instance (waiting for one does not count) to its end.
    pub deadline: Duration,
    /// The largest output.
    pub out_bytes: u64,
}

/// What a conversion gave.
#[derive(Debug)]
pub struct Converted {
    /// How it ended. Refusals: `Encrypted`, `WrongPassword`, `Malformed`, `UnsupportedType`, `LimitInputBytes`.
    pub verdict: Verdict,
    /// What it used; the processor time includes the start of the instance.
    pub usage: Usage,
    /// The new file; only with [`Verdict::Ok`]. It is the work of the document, for further rooms only.
    pub output: Option<Hostile>,
}

impl Converted {
    fn failed(verdict: Verdict) -> Converted {
        Converted { verdict, usage: Usage::default(), output: None }
    }
}

/// Instances of LibreOffice for documents. Dropping it ends every process it started and answers every job.
pub struct Converter {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    version: String,
    facts: Vec<Fact>,
}

impl Converter {
    /// Starts a first instance, to see whether it works here, and then the rest. Blocks for a second or two.
    ///
    /// # Errors
    /// [`Error::NoOffice`] when LibreOffice is not installed or does not start, [`Error::NoNamespaces`] where this machine
    /// gives none, [`Error::Start`] when threads or event counters cannot be had, [`Error::Config`] for values that make no
    /// sense.
    pub fn start(config: ConverterConfig) -> Result<Converter, Error> {
        let mut plan = config.plan()?;
        let found = probe::first(&mut plan)?;
        let (version, facts) = (found.version, found.facts);
        tracing::info!(event = "converter_started", version, warm = config.warm, slots = config.slots);
        let wakes = (0..config.slots)
            .map(|_| descriptor::event_counter())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|source| Error::Start { doing: "making event counters", source })?;
        let shared = Arc::new(Shared::new(config, plan, wakes));
        let mut converter = Converter { shared: Arc::clone(&shared), threads: Vec::new(), version, facts };
        let failed = |source| Error::Start { doing: "starting a thread of the converter", source };
        let starter = Arc::clone(&shared);
        // The instances die with the thread that started them, so that is one that lives as long as the converter.
        let thread =
            std::thread::Builder::new().name("office-start".to_owned()).spawn(move || starter.start_instances());
        converter.threads.push(thread.map_err(failed)?);
        for number in 0..shared.config.slots {
            let slot = Arc::clone(&shared);
            let thread = std::thread::Builder::new().name(format!("office-{number}")).spawn(move || slot.serve(number));
            converter.threads.push(thread.map_err(failed)?);
        }
        Ok(converter)
    }

    /// LibreOffice's name and version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What was found out about the confinement.
    pub fn facts(&self) -> Vec<Fact> {
        self.facts.clone()
    }

    /// Converts a document. `done` runs on a thread of the converter and must be quick.
    pub fn convert(&self, job: Conversion, done: impl FnOnce(Converted) + Send + 'static) {
        match admissible(&self.shared.config, &job) {
            Ok(()) => self.shared.submit(Job { conversion: job, done: Box::new(done) }),
            Err(verdict) => done(Converted::failed(verdict)),
        }
    }

    /// [`Converter::convert`], waiting for the end.
    pub fn convert_wait(&self, job: Conversion) -> Converted {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.convert(job, move |converted| drop(sender.send(converted)));
        receiver.recv().unwrap_or_else(|_| Converted::failed(Verdict::NoRoom))
    }
}

impl Drop for Converter {
    fn drop(&mut self) {
        self.shared.close();
        let own = std::thread::current().id();
        // The one that starts instances comes last: they die with it.
        for thread in self.threads.drain(..).rev() {
            // A callback may hold the last handle; its own thread ends when the callback returns.
            if thread.thread().id() != own {
                let _ = thread.join();
            }
        }
    }
}

/// Refuses what no instance could be given.
fn admissible(config: &ConverterConfig, job: &Conversion) -> Result<(), Verdict> {
    let refused = |reason, limit, value| Err(Verdict::Refused(Refusal { reason, limit, value }, [0; 16]));
    if job.source.len > config.in_bytes_max {
        return refused(Reason::LimitInputBytes, config.in_bytes_max, job.source.len);
    }
    if !job.from.can_become(job.to) {
        return refused(Reason::UnsupportedType, 0, 0);
    }
    if job.source.len == 0 {
        return refused(Reason::Malformed, 0, 0);
    }
    let too_long = job.password.as_ref().is_some_and(|password| password.0.len() > PASSWORD_BYTES_MAX);
    if too_long {
        return refused(Reason::WrongPassword, 0, 0);
    }
    // The caller's own mistake; nothing was opened.
    if !job.source.is_within() { Err(Verdict::Protocol) } else { Ok(()) }
}

/// The room's word on the command line, in the place of a role.
pub(crate) const ROOM_NAME: &str = "office";

/// Becomes an instance.
pub(crate) fn enter_instance() -> ! {
    inside::run()
}

const WARM_MAX: usize = 16;
const SLOTS_MAX: usize = 64;
/// User ids of instances are used in turn; never so many live at once.
const USERS: u32 = 4096;
/// Babysitter, first process, page tables.
const GROUP_SLACK: u64 = 64 << 20;
/// More than any application takes.
const PASSWORD_BYTES_MAX: usize = 4096;
const _: () = assert!(PASSWORD_BYTES_MAX < PARAMS_MAX);

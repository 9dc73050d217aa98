//! The attack suite: what a hijacked room tries, what stops it, and that the next document is served.
//!
//! Every row runs at level A, at level B (no namespaces), and at level A without the system call filter, where it shows
//! which layer holds if the filter has a hole. A row that says `Succeeds` there documents that the filter is the only layer.
//! The binary starts itself again as a room, hence no libtest harness.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::disallowed_methods,
    missing_docs,
    unreachable_pub,
    reason = "a test; clippy knows tests by their harness, which this one does without"
)]
#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "these calls are wrong on purpose; the room around them is the proof"
)]

#[path = "attack/calls.rs"]
mod calls;
#[path = "attack/chains.rs"]
mod chains;
#[path = "attack/protocol.rs"]
mod protocol;
#[path = "attack/resources.rs"]
mod resources;
mod support;

use jail::room::{RoomIo, RoomRefusal};
use jail::{ChainOutcome, Crash, JobLimits, Level, Pool, PoolConfig, Source, Verdict};
use std::collections::BTreeMap;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use support::{ORDINARY, descendants, eventually, ordinary, source};

#[global_allocator]
static ALLOCATOR: jail::room::Allocator = jail::room::Allocator;

type Attack = fn(&mut RoomIo<'_>) -> Result<(), RoomRefusal>;

/// Where the hostile code runs. The other half of a chain is ordinary unless the row says otherwise.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Place {
    Dirty,
    /// With an input so small that it comes with the job.
    Given,
    Clean,
    ChainDirty,
    ChainClean,
}

/// What came of it.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Expect {
    /// Stopped by the filter.
    PolicyKill,
    /// The call answered with one of these errors.
    Answers(&'static [i32]),
    /// The call did what the attacker wanted; nothing but the filter prevents it.
    Succeeds,
    Signal(i32),
    Panics,
    Exits(i32),
    Timeout,
    CpuLimit,
    MemoryLimit,
    OutputLimit,
    Killed,
    Protocol,
    Refused,
    /// The room ended well, and what it gave passed the row's own look.
    Ok,
}

struct Row {
    name: &'static str,
    place: Place,
    attack: Attack,
    filtered: Expect,
    bare: Expect,
}

const fn row(name: &'static str, attack: Attack, filtered: Expect, bare: Expect) -> Row {
    Row { name, place: Place::Dirty, attack, filtered, bare }
}

const fn row_at(place: Place, name: &'static str, attack: Attack, filtered: Expect, bare: Expect) -> Row {
    Row { name, place, attack, filtered, bare }
}

fn rows() -> Vec<&'static Row> {
    [calls::ROWS, resources::ROWS, protocol::ROWS, chains::ROWS].into_iter().flatten().collect()
}

/// Tells the supervisor's test what a call answered: negative errno, or what it returned.
fn answer(io: &mut RoomIo<'_>, returned: i64) -> Result<(), RoomRefusal> {
    let value =
        if returned < 0 { -i64::from(std::io::Error::last_os_error().raw_os_error().unwrap_or(0)) } else { returned };
    io.out.write_all(&value.to_le_bytes()).unwrap();
    Ok(())
}

const ATTACK: u8 = 1;

fn handler(io: &mut RoomIo<'_>) -> Result<(), RoomRefusal> {
    match io.params {
        [ATTACK, number, ..] => (rows()[usize::from(*number)].attack)(io),
        _ => ordinary(io),
    }
}

/// The gateway's own process number, which a room learns only from the test's parameters.
fn gateway_pid(io: &RoomIo<'_>) -> i32 {
    i32::from_le_bytes(io.params[2..6].try_into().unwrap())
}

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == "room") {
        jail::room::enter(arguments, handler, handler);
    }
    let only = std::env::args().nth(1).filter(|argument| !argument.starts_with('-'));
    let begun = Instant::now();
    let configurations = [
        ("level A", Level::A, base()),
        ("level B", Level::B, PoolConfig { namespaces: false, minimum: Level::B, ..base() }),
        (
            "A, no filter",
            Level::C,
            PoolConfig { seccomp: false, accept_unsandboxed: true, minimum: Level::C, ..base() },
        ),
    ];
    let rows = rows();
    let mut table: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    let (mut passed, mut failures) = (0, Vec::new());
    let mut heads = Vec::new();
    for (name, level, config) in configurations {
        let filter = config.seccomp;
        let pool = match Pool::start(config) {
            Ok(pool) => pool,
            Err(error) => {
                // A machine that cannot do this level cannot test it; that must be seen, not skipped silently.
                failures.push(format!("{name}: {error}"));
                continue;
            }
        };
        heads.push(name);
        if pool.level() != level {
            failures.push(format!("{name}: the pool says level {}", pool.level()));
        }
        for (number, row) in rows.iter().enumerate() {
            if only.as_ref().is_some_and(|only| !row.name.contains(only.as_str())) {
                continue;
            }
            let at = Instant::now();
            let (found, problem) =
                run(&pool, u8::try_from(number).unwrap(), row, if filter { row.filtered } else { row.bare });
            table.entry(number).or_default().push(found);
            match problem {
                None => passed += 1,
                Some(problem) => failures.push(format!("{name}: {}: {problem}", row.name)),
            }
            if at.elapsed() > Duration::from_secs(5) {
                println!("slow: {} at {name} took {:?}", row.name, at.elapsed());
            }
        }
        drop(pool);
        eventually("the end of all rooms", Duration::from_secs(5), || descendants(std::process::id()).is_empty());
    }
    println!("{:44} {}", "attack", heads.iter().map(|head| format!("{head:22}")).collect::<String>());
    for (number, found) in &table {
        println!("{:44} {}", rows[*number].name, found.iter().map(|found| format!("{found:22}")).collect::<String>());
    }
    println!("\n{} hostile behaviours, each followed by an ordinary document, in {:?}", table.len(), begun.elapsed());
    for failure in &failures {
        println!("FAILED {failure}");
    }
    let word = if failures.is_empty() { "ok" } else { "FAILED" };
    println!("test result: {word}. {passed} passed; {} failed", failures.len());
    std::process::exit(i32::from(!failures.is_empty()));
}

fn base() -> PoolConfig {
    PoolConfig { cpu: Duration::from_secs(1), stream_bytes_max: 4 << 20, restart_after: 40, ..support::config() }
}

/// A chain whose dirty half may say how far it is.
fn telling(pool: &Pool, document: Source, hostile: Vec<u8>, limits: JobLimits) -> ChainOutcome {
    let (sender, outcome) = mpsc::channel();
    let done = move |outcome| sender.send(outcome).unwrap();
    pool.chain_telling(document, hostile, vec![ORDINARY], limits, Arc::default(), done);
    outcome.recv().unwrap()
}

/// Runs one row and then an ordinary document through both rooms. Gives what was found and what is wrong with it.
fn run(pool: &Pool, number: u8, row: &Row, expected: Expect) -> (String, Option<String>) {
    let pid = i32::try_from(std::process::id()).unwrap().to_le_bytes();
    let hostile: Vec<u8> = [ATTACK, number].into_iter().chain(pid).collect();
    // Large enough to be mapped and not given with the job.
    let document = source(&b"the input of an attack ".repeat(1_500));
    // Time enough for a processor limit of a second on a machine with other work; the others end by themselves.
    let deadline = if expected == Expect::Timeout { Duration::from_millis(150) } else { Duration::from_secs(20) };
    let limits = JobLimits { deadline, out_bytes: 1 << 20, side_bytes: 1 << 16 };
    let begun = Instant::now();
    let (verdict, bytes) = match row.place {
        Place::Dirty | Place::Given => {
            let small = source(b"the input of an attack");
            let document = if row.place == Place::Given { small } else { document };
            let outcome = pool.dirty_wait(document, hostile, limits);
            let form = outcome.form.and_then(|form| form.source(0, form.len()));
            (outcome.verdict, form.map(|form| form.data.to_vec(1 << 20).unwrap()))
        }
        Place::Clean => {
            let outcome = pool.clean_wait(document, hostile, limits);
            (outcome.verdict, outcome.fresh.map(|fresh| fresh.sealed().to_vec(1 << 20).unwrap()))
        }
        Place::ChainDirty => {
            let outcome = if row.name.starts_with("tells") {
                telling(pool, document, hostile, limits)
            } else {
                let clean = if row.name.contains("refusing clean half") {
                    vec![ATTACK, position("clean half: refuse")]
                } else {
                    vec![ORDINARY]
                };
                pool.chain_wait(document, hostile, clean, limits)
            };
            (outcome.verdict().clone(), outcome.clean.fresh.map(|fresh| fresh.sealed().to_vec(1 << 20).unwrap()))
        }
        Place::ChainClean => {
            // The dirty half fills the pipe, or keeps it waiting, where that is what the clean half ignores.
            let dirty = if row.name.contains("full pipe") {
                vec![ATTACK, position("chain_large_form")]
            } else if row.name.contains("silent form") {
                vec![ATTACK, position("chain_silent_form")]
            } else {
                vec![ORDINARY]
            };
            let outcome = pool.chain_wait(document, dirty, hostile, limits);
            (outcome.verdict().clone(), outcome.clean.fresh.map(|fresh| fresh.sealed().to_vec(1 << 20).unwrap()))
        }
    };
    let took = begun.elapsed();
    let (found, fits) = compare(&verdict, bytes.as_deref(), expected);
    let mut problem = (!fits).then(|| format!("expected {expected:?}, found {found} ({verdict:?})"));
    if expected == Expect::Timeout && took > Duration::from_secs(4) {
        problem = Some(format!("the deadline of {deadline:?} was kept after {took:?}"));
    }
    if !verdict.is_ok() && bytes.is_some() {
        problem = Some("a failed room gave an output".to_owned());
    }
    let text = b"an ordinary document";
    let next = || pool.chain_wait(source(text), vec![ORDINARY], vec![ORDINARY], support::limits());
    let next = match next() {
        // A spare that the row killed may still take a job before its death is known; who asked for it asks again.
        outcome if expected == Expect::Succeeds && *outcome.verdict() == Verdict::Killed => next(),
        outcome => outcome,
    };
    match next.clean.fresh {
        Some(fresh) if fresh.sealed().to_vec(100).unwrap() == text => {}
        _ => problem = Some(format!("after {found} the next document was not served: {next:?}", next = next.dirty)),
    }
    (found, problem)
}

fn position(name: &str) -> u8 {
    u8::try_from(rows().iter().position(|row| row.name == name).unwrap()).unwrap()
}

fn compare(verdict: &Verdict, bytes: Option<&[u8]>, expected: Expect) -> (String, bool) {
    let found = match verdict {
        Verdict::Ok => {
            match (expected, bytes.and_then(|bytes| <[u8; 8]>::try_from(bytes).ok()).map(i64::from_le_bytes)) {
                (Expect::Ok, _) | (_, None) => return ("ok".to_owned(), expected == Expect::Ok),
                (_, Some(value)) if value < 0 => {
                    let errno = i32::try_from(-value).unwrap_or(0);
                    let fits = matches!(expected, Expect::Answers(all) if all.contains(&errno));
                    return (errno_name(errno), fits);
                }
                (_, Some(_)) => return ("SUCCEEDS".to_owned(), expected == Expect::Succeeds),
            }
        }
        Verdict::PolicyKill => Expect::PolicyKill,
        Verdict::Crash(Crash::Signal(signal)) => Expect::Signal(*signal),
        Verdict::Crash(Crash::Panic(_)) => Expect::Panics,
        Verdict::Crash(Crash::Exit(code)) => Expect::Exits(*code),
        Verdict::Timeout => Expect::Timeout,
        Verdict::CpuLimit => Expect::CpuLimit,
        Verdict::MemoryLimit => Expect::MemoryLimit,
        Verdict::OutputLimit => Expect::OutputLimit,
        Verdict::Killed => Expect::Killed,
        Verdict::Protocol => Expect::Protocol,
        Verdict::Refused(..) => Expect::Refused,
        Verdict::NoRoom => return ("NO ROOM".to_owned(), false),
    };
    (format!("{found:?}"), found == expected)
}

fn errno_name(errno: i32) -> String {
    let names = [
        (libc::EPERM, "EPERM"),
        (libc::ENOENT, "ENOENT"),
        (libc::ESRCH, "ESRCH"),
        (libc::EBADF, "EBADF"),
        (libc::EAGAIN, "EAGAIN"),
        (libc::ENOMEM, "ENOMEM"),
        (libc::EACCES, "EACCES"),
        (libc::EINVAL, "EINVAL"),
        (libc::EMFILE, "EMFILE"),
        (libc::ENOSPC, "ENOSPC"),
        (libc::EROFS, "EROFS"),
        (libc::ENOSYS, "ENOSYS"),
        (libc::EFBIG, "EFBIG"),
        (libc::ENOTTY, "ENOTTY"),
        (libc::ENETUNREACH, "ENETUNREACH"),
        (libc::ECONNREFUSED, "ECONNREFUSED"),
        (libc::ENOTSOCK, "ENOTSOCK"),
        (libc::EAFNOSUPPORT, "EAFNOSUPPORT"),
        (libc::EMSGSIZE, "EMSGSIZE"),
        (libc::EBUSY, "EBUSY"),
        (libc::EFAULT, "EFAULT"),
        (libc::EPROTONOSUPPORT, "EPROTONOSUPPORT"),
    ];
    names.iter().find(|(number, _)| *number == errno).map_or(format!("errno {errno}"), |(_, name)| (*name).to_owned())
}

//! The self-attack: what confinement is worth on this machine, found out by attacking it.
//!
//! Three throw-away zygotes: one as in production, whose room must die of an attempt; one whose filter answers instead of
//! killing, so that one room can try everything and tell what the filter stops; and one without the filter, which shows
//! whether the layers behind it would hold if it had a hole.

use super::PoolConfig;
use super::host::{Gateway, Ids, why_no_namespaces};
use super::rooms::{Finished, Rooms, START_LIMIT};
use super::zygote::{Plan, StartFailure};
use crate::error::Error;
use crate::level::{Fact, Level};
use crate::sealed::Sealed;
use crate::sys::attempt::{ATTEMPTS, Attempt};
use crate::sys::{confine, descriptor};
use crate::verdict::{Judgement, Verdict};
use crate::wire::{Enforced, FORBIDDEN, InReply, JobHead, Role, Setup, Step, Task};
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What a machine gives.
#[derive(Clone, Debug)]
pub struct Probe {
    /// The level that rooms reach here.
    pub level: Level,
    /// What was found.
    pub facts: Vec<Fact>,
}

/// Attacks throw-away rooms of this executable and tells what stopped what. Must run on a thread that lives as long as the
/// call, which any thread does. As [`Pool::start`](super::Pool::start) it has the calling process give up executable memory.
///
/// # Errors
/// [`Error::Start`] when not even a room without any layer can be started.
pub fn probe(exe: &Path, room_args: &[&str]) -> Result<Probe, Error> {
    let config = PoolConfig { spares: 2, ..PoolConfig::new(exe, room_args) };
    let mut plan = config.plan()?;
    attack(&mut plan, 0)
}

/// Probes, and leaves the plan with what works here. `slots` chooses user ids beyond those of the slots.
pub(super) fn attack(plan: &mut Plan, slots: usize) -> Result<Probe, Error> {
    confine::refuse_executable_gain_here();
    let mut facts = Vec::new();
    let (enforced, kills) = strongest(plan, slots, &mut facts)?;
    let answering = Setup { answer_forbidden: true, ..plan.setup };
    let bare = Setup { seccomp: false, ..plan.setup };
    let [filtered, bare] = [answering, bare]
        .map(|setup| {
            let mut rooms = Rooms::new(Arc::new(copy(plan, setup)), slots);
            rooms.begin(&[Role::Dirty]).ok()?;
            Some(rooms)
        })
        .map(|rooms| answers(rooms?, plan));
    let trials: Vec<Trial> = ATTEMPTS
        .iter()
        .enumerate()
        .map(|(index, attempt)| {
            let of = |answers: &Option<Vec<i32>>| answers.as_ref().and_then(|answers| answers.get(index).copied());
            let filter_holds = kills && of(&filtered) == Some(-i32::from(FORBIDDEN));
            Trial { attempt, filter_holds, without_filter: of(&bare) }
        })
        .collect();
    facts.extend(trials.iter().map(Trial::fact));
    let level = level(enforced, &trials);
    layer_facts(plan, enforced, &mut facts);
    plan.least = enforced;
    Ok(Probe { level, facts })
}

/// A file system, a network, other processes: what must be out of reach by two layers.
const TWO_LAYERS: &[&str] = &[
    "open_file",
    "create_file",
    "connect_tcp",
    "fork",
    "execute",
    "trace_zygote",
    "read_zygote_memory",
    "mount",
    "become_root",
    "raise_limit",
];

/// What became of one attempt.
struct Trial {
    attempt: &'static Attempt,
    /// The filter stops it, and stopping means death.
    filter_holds: bool,
    /// The kernel's answer where there is no filter; `None` when that room did not live to tell.
    without_filter: Option<i32>,
}

impl Trial {
    fn needs_two_layers(&self) -> bool {
        TWO_LAYERS.contains(&self.attempt.name)
    }

    fn other_layers_hold(&self) -> bool {
        self.without_filter.is_some_and(|answer| answer < 0 && (self.attempt.stopped_by)(-answer))
    }

    fn fact(&self) -> Fact {
        let filter = if self.filter_holds { "stopped by the filter" } else { "NOT stopped by the filter" };
        let second = match self.without_filter {
            None => "the room without the filter did not survive its attempts".to_owned(),
            Some(answer) if answer < 0 => format!("without the filter: {}", io::Error::from_raw_os_error(-answer)),
            Some(_) => "without the filter it succeeds".to_owned(),
        };
        let ok = self.filter_holds && (self.other_layers_hold() || !self.needs_two_layers());
        Fact { name: self.attempt.name, ok, detail: format!("{filter}; {second}") }
    }
}

fn level(enforced: Enforced, trials: &[Trial]) -> Level {
    let filter = enforced.seccomp && trials.iter().all(|trial| trial.filter_holds);
    let behind = trials.iter().filter(|trial| trial.needs_two_layers()).all(Trial::other_layers_hold);
    if !filter || !behind {
        Level::C
    } else if enforced.namespaces {
        Level::A
    } else if enforced.landlock_abi >= LANDLOCK_WITH_TCP {
        Level::B
    } else {
        Level::C
    }
}

/// Tries the full lock-down, then without own user ids, without namespaces, without the filter, as far as it must. Also
/// tells whether a forbidden call kills.
fn strongest(plan: &mut Plan, slots: usize, facts: &mut Vec<Fact>) -> Result<(Enforced, bool), Error> {
    loop {
        let mut rooms = Rooms::new(Arc::new(copy(plan, plan.setup)), slots);
        match rooms.ensure(&[Role::Dirty], START_LIMIT) {
            Ok(_) => {
                let enforced = rooms.zygotes.iter().flatten().next().map(|zygote| zygote.enforced).unwrap_or_default();
                let end = if enforced.seccomp { try_in_room(&mut rooms, plan, Some(0)).ok() } else { None };
                return Ok((enforced, matches!(end, Some((Judgement::Failed(Verdict::PolicyKill), _)))));
            }
            Err(failure) => weaken(plan, failure, facts)?,
        }
    }
}

/// Leaves out the layer that cannot be had here, or gives up.
fn weaken(plan: &mut Plan, failure: StartFailure, facts: &mut Vec<Fact>) -> Result<(), Error> {
    let of_namespaces =
        matches!(failure.step, Some(Step::Namespaces | Step::IdMaps | Step::Fork | Step::Root | Step::HostName));
    let mut detail = format!("{}: {}", failure.doing, failure.source());
    let name = if failure.step == Some(Step::User) && matches!(plan.ids, Ids::Own(_)) {
        plan.ids = Ids::without_own(&detail);
        return Ok(());
    } else if plan.setup.namespaces && of_namespaces {
        plan.setup.namespaces = false;
        detail = format!("{detail}; {}", why_no_namespaces(failure.errno));
        "namespaces"
    } else if plan.setup.seccomp && failure.step == Some(Step::Filter) {
        plan.setup.seccomp = false;
        "seccomp"
    } else if plan.hierarchy.fact().ok && failure.step.is_none() && failure.doing == GROUP {
        plan.hierarchy = super::Hierarchy::default();
        return Ok(());
    } else {
        return Err(Error::Start { doing: failure.doing, source: failure.source() });
    };
    facts.push(Fact { name, ok: false, detail });
    Ok(())
}

const GROUP: &str = "making a control group";

/// The answers of all attempts made in one room; `None` when it did not live to tell.
fn answers(mut rooms: Rooms, plan: &Plan) -> Option<Vec<i32>> {
    rooms.ensure(&[Role::Dirty], START_LIMIT).ok()?;
    match try_in_room(&mut rooms, plan, None) {
        Ok((Judgement::Done { .. }, bytes)) => {
            Some(bytes.as_chunks::<4>().0.iter().map(|answer| i32::from_le_bytes(*answer)).collect())
        }
        Ok((Judgement::PeerGone | Judgement::Stopped | Judgement::StreamTooLong | Judgement::Failed(_), _))
        | Err(_) => None,
    }
}

/// One attempt or all of them in a room, which is told the gateway's number. In a pid namespace that number may be another's: there
/// it is told one that no process has, which is all that the gateway is from within.
fn try_in_room(rooms: &mut Rooms, plan: &Plan, one: Option<u8>) -> io::Result<(Judgement, Vec<u8>)> {
    let gateway = if plan.setup.namespaces { i32::MAX } else { plan.setup.supervisor_pid };
    let params: Vec<u8> = gateway.to_le_bytes().into_iter().chain(one).collect();
    let input = Sealed::from_bytes(b"")?;
    let (out, side) = (descriptor::memory_file(c"misogi-probe")?, descriptor::memory_file(c"misogi-probe")?);
    let limit = 4 * ATTEMPTS.len() as u64;
    let head = JobHead {
        task: Task::Probe,
        offset: 0,
        len: 0,
        out_limit: limit,
        side_limit: 0,
        in_reply: InReply::Nothing,
        tells: false,
    };
    let running = rooms
        .start(Role::Dirty, &head, &params, &[], &[input.descriptor()?, out.as_fd(), side.as_fd()])
        .ok_or(io::ErrorKind::NotConnected)?;
    let [finished, _] = rooms.finish([Some(running), None], START_LIMIT, Duration::MAX, None);
    let Finished { judgement, .. } = finished.ok_or(io::ErrorKind::NotConnected)?;
    let bytes = match judgement {
        Judgement::Done { out: len, .. } => Sealed::take(out, len)?.to_vec(limit)?,
        Judgement::PeerGone | Judgement::Stopped | Judgement::StreamTooLong | Judgement::Failed(_) => Vec::new(),
    };
    Ok((judgement, bytes))
}

fn copy(plan: &Plan, setup: Setup) -> Plan {
    Plan {
        exe: plan.exe.clone(),
        arguments: plan.arguments.clone(),
        setup: Setup { spares: 1, ..setup },
        // It is only now found out what there is.
        least: Enforced::default(),
        ids: plan.ids.clone(),
        hierarchy: plan.hierarchy.clone(),
        group_memory_bytes: plan.group_memory_bytes,
    }
}

fn layer_facts(plan: &Plan, enforced: Enforced, facts: &mut Vec<Fact>) {
    if enforced.namespaces {
        let detail =
            "user, pid, mount, network, ipc, uts and cgroup namespaces with an empty read-only root".to_owned();
        facts.push(Fact { name: "namespaces", ok: true, detail });
        facts.push(Fact {
            name: "nested_namespaces",
            ok: enforced.nested_namespaces_off,
            detail: if enforced.nested_namespaces_off {
                "no further user namespace can be made inside".to_owned()
            } else {
                "max_user_namespaces could not be set to 0 inside; only the filter prevents further namespaces"
                    .to_owned()
            },
        });
    } else if !plan.setup.namespaces && !facts.iter().any(|fact| fact.name == "namespaces") {
        facts.push(Fact { name: "namespaces", ok: false, detail: "namespaces are switched off".to_owned() });
    }
    facts.push(Fact {
        name: "seccomp",
        ok: enforced.seccomp,
        detail: if enforced.seccomp { "strict allowlist".to_owned() } else { "no system call filter".to_owned() },
    });
    facts.push(Fact {
        name: "landlock",
        ok: enforced.landlock_abi >= LANDLOCK_WITH_TCP,
        detail: match enforced.landlock_abi {
            0 => "not available".to_owned(),
            abi if abi >= LANDLOCK_WITH_TCP => format!("ABI {abi}, no right given"),
            abi => format!("ABI {abi}: files only; TCP needs ABI 4 (kernel 6.7)"),
        },
    });
    facts.push(Fact {
        name: "memory_deny_write_execute",
        ok: enforced.memory_deny_write_execute,
        detail: if enforced.memory_deny_write_execute {
            "memory is never writable and executable (MDWE)".to_owned()
        } else {
            "the kernel has no MDWE (6.3); only the filter prevents executable memory".to_owned()
        },
    });
    let denied = confine::can_gain_executable_memory().is_ok_and(|gains| !gains);
    facts.push(Fact {
        name: "gateway_memory_deny_write_execute",
        ok: denied,
        detail: if denied {
            "nor is memory of the gateway itself".to_owned()
        } else {
            "the kernel has no MDWE (6.3): the service manager can deny it to the gateway (MemoryDenyWriteExecute=yes)"
                .to_owned()
        },
    });
    facts.push(match &plan.ids {
        Ids::Own(_) => Fact {
            name: "own_user",
            ok: enforced.own_user,
            detail: "each slot and role has a user id of its own".to_owned(),
        },
        Ids::Gateways { gateway, why } => Fact {
            name: "own_user",
            ok: *gateway == Gateway::Ordinary,
            detail: format!(
                "rooms run under the gateway's own user id, inside user namespaces where those exist: {why}"
            ),
        },
    });
    facts.push(plan.hierarchy.fact());
}

/// The first Landlock that can deny TCP as well as files.
const LANDLOCK_WITH_TCP: u32 = 4;

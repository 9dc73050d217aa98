//! Whether LibreOffice works in its room on this machine, and what the room's walls are worth: found out by attacking them.

use super::ConverterConfig;
use super::attempts;
use super::instance::{Instance, NotTaken, Plan, StartFailure};
use super::queue::{START_LIMIT, output};
use crate::error::Error;
use crate::level::Fact;
use crate::pool::host::{Ids, why_no_namespaces};
use crate::sealed::Sealed;
use crate::sys::attempt::Attempt;
use crate::verdict::Judgement;
use crate::wire::{Enforced, FORBIDDEN, InReply, JobHead, Step, Task};
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

/// What a machine gives.
#[derive(Clone, Debug)]
pub struct ConverterProbe {
    /// LibreOffice's name and version.
    pub version: String,
    /// What was found.
    pub facts: Vec<Fact>,
}

/// Starts two throw-away instances, one as in production and one without the filter, has them attack their confinement, and
/// tells what stopped what. Takes some seconds.
///
/// # Errors
/// As [`Converter::start`](super::Converter::start).
pub fn probe_converter(config: &ConverterConfig) -> Result<ConverterProbe, Error> {
    let mut plan = config.plan()?;
    let mut found = first(&mut plan)?;
    let answers = [true, false].map(|seccomp| {
        let mut plan = plan.clone();
        plan.start.setup.seccomp = seccomp;
        plan.least.seccomp &= seccomp;
        // Everything forbidden answers with a number of its own, so that one instance can try it all.
        plan.start.setup.answer_forbidden = true;
        answers(&plan)
    });
    let [filtered, bare] = &answers;
    for (index, attempt) in attempts::all().enumerate() {
        let of = |answers: &Option<Vec<i32>>| answers.as_ref().and_then(|answers| answers.get(index).copied());
        found.facts.push(fact(attempt, of(filtered), of(bare)));
    }
    Ok(found)
}

/// Starts one, and leaves the plan with what works here.
pub(super) fn first(plan: &mut Plan) -> Result<ConverterProbe, Error> {
    loop {
        let started = Instance::spawn(plan, 0).and_then(|mut instance| {
            instance.wait(START_LIMIT, None)?;
            Ok(instance)
        });
        match started {
            Ok(instance) => {
                let version = instance.version.clone().unwrap_or_default();
                plan.least = instance.enforced;
                return Ok(ConverterProbe { version, facts: layers(plan, instance.enforced) });
            }
            Err(failure) if failure.step == Some(Step::User) && matches!(plan.ids, Ids::Own(_)) => {
                plan.ids = Ids::without_own(&failure.why);
            }
            Err(failure) => return Err(refusal(failure)),
        }
    }
}

fn refusal(failure: StartFailure) -> Error {
    match failure.step {
        Some(Step::Namespaces | Step::IdMaps | Step::Fork | Step::Root | Step::HostName) => {
            Error::NoNamespaces { why: format!("{}; {}", failure.why, why_no_namespaces(failure.errno)) }
        }
        _ => Error::NoOffice { why: failure.why },
    }
}

/// The answers of all attempts made in one instance; `None` when it did not live to tell.
fn answers(plan: &Plan) -> Option<Vec<i32>> {
    let mut instance = Instance::spawn(plan, 1).ok()?;
    instance.wait(START_LIMIT, None).ok()?;
    let limit = 4 * attempts::all().count() as u64;
    let (input, out) = (Sealed::from_bytes(b"").ok()?, output(limit).ok()?);
    let head = JobHead {
        task: Task::Probe,
        offset: 0,
        len: 0,
        out_limit: limit,
        side_limit: 0,
        in_reply: InReply::Nothing,
        tells: false,
    };
    let descriptors = [input.descriptor().ok()?, out.as_fd()];
    let finished = instance.convert(&head, &[], &descriptors, ATTEMPTS_LIMIT, Duration::MAX, None);
    let finished = finished.map_err(|NotTaken| ()).ok()?;
    match finished.judgement {
        Judgement::Done { out: len, .. } => {
            let bytes = Sealed::take(out, len).and_then(|sealed| sealed.to_vec(limit)).ok()?;
            Some(bytes.as_chunks::<4>().0.iter().map(|answer| i32::from_le_bytes(*answer)).collect())
        }
        Judgement::PeerGone | Judgement::Stopped | Judgement::StreamTooLong | Judgement::Failed(_) => None,
    }
}

fn fact(attempt: &Attempt, filtered: Option<i32>, bare: Option<i32>) -> Fact {
    let holds = |answer: i32| answer < 0 && (attempt.stopped_by)(-answer);
    let told = |answer: Option<i32>| match answer {
        None => "the instance did not survive its attempts".to_owned(),
        Some(answer) if answer == -i32::from(FORBIDDEN) => "stopped by the filter".to_owned(),
        Some(answer) if answer < 0 => io::Error::from_raw_os_error(-answer).to_string(),
        Some(_) => "it succeeds".to_owned(),
    };
    let ok = filtered.is_some_and(|answer| answer == -i32::from(FORBIDDEN) || holds(answer));
    Fact { name: attempt.name, ok, detail: format!("{}; without the filter: {}", told(filtered), told(bare)) }
}

fn layers(plan: &Plan, enforced: Enforced) -> Vec<Fact> {
    let yes = |name, ok, yes: &str, no: &str| Fact { name, ok, detail: if ok { yes } else { no }.to_owned() };
    vec![
        yes(
            "namespaces",
            enforced.namespaces,
            "user, pid, mount, network, ipc, uts and cgroup namespaces; read-only parts of the system and memory of its own",
            "none",
        ),
        yes(
            "nested_namespaces",
            enforced.nested_namespaces_off,
            "no further user namespace can be made inside",
            "max_user_namespaces could not be set to 0 inside; only the filter prevents further namespaces",
        ),
        yes("seccomp", enforced.seccomp, "allowlist, narrowed before the document comes", "no system call filter"),
        yes(
            "memory_deny_write_execute",
            enforced.memory_deny_write_execute,
            "memory is never writable and executable (MDWE)",
            "the kernel has no MDWE (6.3); only the filter prevents executable memory",
        ),
        Fact {
            name: "landlock",
            ok: enforced.landlock_abi > 0,
            detail: match enforced.landlock_abi {
                0 => "not available".to_owned(),
                abi => format!("ABI {abi}: nothing can be executed, and written only in memory of its own"),
            },
        },
        match &plan.ids {
            Ids::Own(_) => yes("own_user", enforced.own_user, "each instance has a user id of its own", "not taken"),
            Ids::Gateways { why, .. } => Fact {
                name: "own_user",
                ok: true,
                detail: format!("instances run under the gateway's own user id, inside user namespaces: {why}"),
            },
        },
        Fact { name: "memory_cgroup", ..plan.hierarchy.fact() },
    ]
}

const ATTEMPTS_LIMIT: Duration = Duration::from_secs(20);

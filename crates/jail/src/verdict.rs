//! How a room ended, and what it used.

use crate::sys::process;
use crate::wire::{EXIT_JOB, EXIT_MEMORY, EXIT_OK, EXIT_OUTPUT, EXIT_PANIC, EXIT_PEER_GONE, PANIC_PLACE_BYTES, Reply};
use form::reason::{Reason, Refusal};
use std::ffi::c_int;
use std::fmt;
use std::time::Duration;

/// How a room ended. Anything but [`Verdict::Ok`] means: nothing of this room's output exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The room did its work, replied once, exited 0 and is dead.
    Ok,
    /// The handler gave nothing, for this reason; the detail is what it found the type to be.
    Refused(Refusal, [u8; 16]),
    /// The room made a system call that rooms may not make (SIGSYS): an attack, or a library doing what it should not.
    PolicyKill,
    /// The room crashed.
    Crash(Crash),
    /// The job's deadline passed.
    Timeout,
    /// The room used up its processor time.
    CpuLimit,
    /// The room could not get the memory it asked for.
    MemoryLimit,
    /// An output reached its limit.
    OutputLimit,
    /// Somebody killed the room: its zygote died, the pool was closed, or the other half of its chain failed.
    Killed,
    /// The room did not reply exactly once with a well-formed reply that fits its outputs.
    Protocol,
    /// There was no room to run in.
    NoRoom,
}

/// In which way a room crashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Crash {
    /// A signal: 11 for a wild pointer or a stack overflow, 6 for an abort.
    Signal(i32),
    /// A Rust panic, with the place in the source as the room told it (printable ASCII, not to be trusted).
    Panic(String),
    /// An exit code that no room of ours gives.
    Exit(i32),
}

impl Verdict {
    /// The reason to put into findings and accounts; `None` for [`Verdict::Ok`].
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Verdict::Ok => None,
            Verdict::Refused(refusal, _) => Some(refusal.reason),
            Verdict::PolicyKill => Some(Reason::RoomPolicyKill),
            Verdict::Crash(_) => Some(Reason::RoomCrash),
            Verdict::Timeout => Some(Reason::RoomTimeout),
            Verdict::CpuLimit => Some(Reason::RoomCpuLimit),
            Verdict::MemoryLimit => Some(Reason::RoomMemoryLimit),
            Verdict::OutputLimit => Some(Reason::RoomOutputLimit),
            Verdict::Killed => Some(Reason::RoomKilled),
            Verdict::Protocol => Some(Reason::RoomProtocol),
            Verdict::NoRoom => Some(Reason::RoomUnavailable),
        }
    }

    /// True for [`Verdict::Ok`].
    pub fn is_ok(&self) -> bool {
        *self == Verdict::Ok
    }

    /// True when the zygote must not serve on: its rooms share an address layout which the document may have learnt.
    pub(crate) fn taints_zygote(&self) -> bool {
        // Whoever killed it, it did not end by itself, and nobody can say what it had become.
        *self == Verdict::Killed || self.is_abnormal()
    }

    /// True for what no room does that is ours to its end, however large the document: it crashed, made a forbidden call, or
    /// answered wrongly. Such a room costs its zygote, which is replaced.
    pub fn is_abnormal(&self) -> bool {
        match self {
            Verdict::PolicyKill | Verdict::Crash(_) | Verdict::Protocol => true,
            // Named limits that an honest room reaches on a large document.
            Verdict::CpuLimit | Verdict::MemoryLimit | Verdict::OutputLimit | Verdict::Timeout => false,
            Verdict::Ok | Verdict::Refused(..) | Verdict::Killed | Verdict::NoRoom => false,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Ok => f.write_str("ok"),
            Verdict::Refused(refusal, _) => write!(f, "refused: {}", refusal.reason.name()),
            Verdict::PolicyKill => f.write_str("made a forbidden system call"),
            Verdict::Crash(Crash::Signal(signal)) => write!(f, "crashed with signal {signal}"),
            Verdict::Crash(Crash::Panic(place)) if place.is_empty() => f.write_str("panicked"),
            Verdict::Crash(Crash::Panic(place)) => write!(f, "panicked at {place}"),
            Verdict::Crash(Crash::Exit(code)) => write!(f, "exited with code {code}"),
            Verdict::Timeout => f.write_str("took longer than its deadline"),
            Verdict::CpuLimit => f.write_str("used up its processor time"),
            Verdict::MemoryLimit => f.write_str("needed more memory than allowed"),
            Verdict::OutputLimit => f.write_str("wrote more than allowed"),
            Verdict::Killed => f.write_str("was killed"),
            Verdict::Protocol => f.write_str("did not reply as agreed"),
            Verdict::NoRoom => f.write_str("no room was available"),
        }
    }
}

/// What a room used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// From the job being sent to the end of the room being known.
    pub wall: Duration,
    /// Processor time, user and system.
    pub cpu: Duration,
    /// The most memory that was resident at once.
    pub max_rss_bytes: u64,
}

/// What the supervisor knows about the end of a room when it judges it.
#[derive(Debug)]
pub(crate) struct Evidence {
    /// The wait status; `None` when the zygote died before it could tell.
    pub(crate) status: Option<c_int>,
    pub(crate) cpu: Duration,
    pub(crate) cpu_limit: Duration,
    /// The supervisor killed the room because the deadline had passed.
    pub(crate) overdue: bool,
    /// The supervisor stopped the room because the other half of its chain had failed.
    pub(crate) stopped: bool,
    /// The kernel's out-of-memory killer struck in this slot's cgroup.
    pub(crate) out_of_memory: bool,
    /// The one reply, if the messages were exactly one well-formed reply.
    pub(crate) reply: Option<Reply>,
    pub(crate) out_limit: u64,
    pub(crate) side_limit: u64,
}

/// What a room's end amounts to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// Ok, with the lengths of the outputs.
    Done { out: u64, side: u64 },
    /// A write failed because the other half of the chain is gone: its verdict is the cause.
    PeerGone,
    /// The supervisor ended it for the other half of the chain, whose verdict is the cause.
    Stopped,
    /// The stream from the other half was too long: that half is to blame.
    StreamTooLong,
    /// Anything else.
    Failed(Verdict),
}

/// Judges a dead room. The exit status outranks the reply: a room that said "done" and then crashed has crashed.
pub(crate) fn judge(evidence: &Evidence) -> Judgement {
    use Judgement::{Done, Failed, PeerGone, Stopped, StreamTooLong};
    let Some(status) = evidence.status else {
        return Failed(if evidence.overdue { Verdict::Timeout } else { Verdict::Killed });
    };
    if libc::WIFSIGNALED(status) {
        if evidence.stopped && libc::WTERMSIG(status) == process::STOPPED {
            return Stopped;
        }
        return Failed(match libc::WTERMSIG(status) {
            libc::SIGSYS => Verdict::PolicyKill,
            libc::SIGXCPU => Verdict::CpuLimit,
            libc::SIGXFSZ => Verdict::OutputLimit,
            libc::SIGKILL if evidence.overdue => Verdict::Timeout,
            libc::SIGKILL if evidence.out_of_memory => Verdict::MemoryLimit,
            // The hard limit kills where a room made itself deaf to SIGXCPU.
            libc::SIGKILL if evidence.cpu >= evidence.cpu_limit => Verdict::CpuLimit,
            libc::SIGKILL => Verdict::Killed,
            signal => Verdict::Crash(Crash::Signal(signal)),
        });
    }
    match (libc::WEXITSTATUS(status), &evidence.reply) {
        (EXIT_OK, Some(Reply::Done { out, side })) => {
            if *out <= evidence.out_limit && *side <= evidence.side_limit {
                Done { out: *out, side: *side }
            } else {
                Failed(Verdict::Protocol)
            }
        }
        (EXIT_OK, Some(Reply::Refused { refusal, detail })) => Failed(Verdict::Refused(*refusal, *detail)),
        (EXIT_OK, Some(Reply::StreamTooLong)) => StreamTooLong,
        (EXIT_OK, Some(Reply::Panicked { .. }) | None) | (EXIT_JOB, _) => Failed(Verdict::Protocol),
        (EXIT_MEMORY, _) => Failed(Verdict::MemoryLimit),
        (EXIT_OUTPUT, _) => Failed(Verdict::OutputLimit),
        (EXIT_PEER_GONE, _) => PeerGone,
        (EXIT_PANIC, Some(Reply::Panicked { place })) => Failed(Verdict::Crash(Crash::Panic(printable(place)))),
        (EXIT_PANIC, _) => Failed(Verdict::Crash(Crash::Panic(String::new()))),
        (code, _) => Failed(Verdict::Crash(Crash::Exit(code))),
    }
}

/// The text up to the first zero byte, with anything but printable ASCII replaced: it goes to logs and comes from a room.
fn printable(place: &[u8; PANIC_PLACE_BYTES]) -> String {
    let bytes = place.iter().take_while(|byte| **byte != 0);
    bytes.map(|byte| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '?' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(status: c_int, reply: Option<Reply>) -> Evidence {
        Evidence {
            status: Some(status),
            cpu: Duration::ZERO,
            cpu_limit: Duration::from_secs(2),
            overdue: false,
            stopped: false,
            out_of_memory: false,
            reply,
            out_limit: 10,
            side_limit: 5,
        }
    }

    fn failed(evidence: &Evidence) -> Verdict {
        match judge(evidence) {
            Judgement::Failed(verdict) => verdict,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn lengths_up_to_the_limits_are_taken_and_one_more_is_a_broken_protocol() {
        let done = |out, side| judge(&evidence(0, Some(Reply::Done { out, side })));
        assert_eq!(done(10, 5), Judgement::Done { out: 10, side: 5 });
        assert_eq!(done(11, 5), Judgement::Failed(Verdict::Protocol));
        assert_eq!(done(10, 6), Judgement::Failed(Verdict::Protocol));
    }

    #[test]
    fn a_signal_outranks_any_reply() {
        let done = || Some(Reply::Done { out: 1, side: 1 });
        assert_eq!(failed(&evidence(libc::SIGSYS, done())), Verdict::PolicyKill);
        assert_eq!(failed(&evidence(libc::SIGABRT, done())), Verdict::Crash(Crash::Signal(6)));
        assert_eq!(failed(&evidence(libc::SIGSEGV, done())), Verdict::Crash(Crash::Signal(11)));
        assert_eq!(failed(&evidence(libc::SIGXCPU, None)), Verdict::CpuLimit);
        assert_eq!(failed(&evidence(libc::SIGXFSZ, None)), Verdict::OutputLimit);
        assert_eq!(failed(&evidence(libc::SIGKILL, done())), Verdict::Killed);
    }

    #[test]
    fn a_kill_is_named_by_what_led_to_it() {
        let kill = || evidence(libc::SIGKILL, None);
        assert_eq!(failed(&Evidence { overdue: true, ..kill() }), Verdict::Timeout);
        assert_eq!(failed(&Evidence { out_of_memory: true, ..kill() }), Verdict::MemoryLimit);
        assert_eq!(failed(&Evidence { cpu: Duration::from_secs(2), ..kill() }), Verdict::CpuLimit);
    }

    #[test]
    fn a_room_that_did_not_end_by_itself_costs_its_zygote_and_one_at_its_limits_does_not() {
        for verdict in [Verdict::Killed, Verdict::PolicyKill, Verdict::Crash(Crash::Signal(11)), Verdict::Protocol] {
            assert!(verdict.taints_zygote(), "{verdict}");
        }
        let limits = [Verdict::CpuLimit, Verdict::MemoryLimit, Verdict::OutputLimit, Verdict::Timeout];
        for verdict in limits.into_iter().chain([Verdict::Ok, Verdict::NoRoom]) {
            assert!(!verdict.taints_zygote(), "{verdict}");
        }
        assert!(!Verdict::Killed.is_abnormal(), "it says nothing of the document");
    }

    #[test]
    fn only_the_supervisors_own_signal_after_its_own_decision_counts_as_stopped() {
        let stopped = |signal| judge(&Evidence { stopped: true, ..evidence(signal, None) });
        assert_eq!(stopped(process::STOPPED), Judgement::Stopped);
        // It was dying already when it was stopped.
        assert_eq!(stopped(libc::SIGKILL), Judgement::Failed(Verdict::Killed));
        assert_eq!(stopped(libc::SIGSEGV), Judgement::Failed(Verdict::Crash(Crash::Signal(libc::SIGSEGV))));
        let alone = failed(&evidence(process::STOPPED, None));
        assert_eq!(alone, Verdict::Crash(Crash::Signal(process::STOPPED)));
    }

    #[test]
    fn exit_codes_name_the_end_and_unknown_ones_are_crashes() {
        let exit = |code: c_int, reply| judge(&evidence(code << 8, reply));
        assert_eq!(exit(0, None), Judgement::Failed(Verdict::Protocol));
        assert_eq!(exit(EXIT_MEMORY, None), Judgement::Failed(Verdict::MemoryLimit));
        assert_eq!(exit(EXIT_OUTPUT, Some(Reply::Done { out: 1, side: 1 })), Judgement::Failed(Verdict::OutputLimit));
        assert_eq!(exit(EXIT_PEER_GONE, None), Judgement::PeerGone);
        assert_eq!(exit(1, Some(Reply::Done { out: 1, side: 1 })), Judgement::Failed(Verdict::Crash(Crash::Exit(1))));
    }

    #[test]
    fn a_panic_place_cannot_carry_control_characters_into_a_log() {
        let mut place = [0; PANIC_PLACE_BYTES];
        place[..8].copy_from_slice(b"a\x1b[2J\nb:");
        let status = EXIT_PANIC << 8;
        let verdict = failed(&evidence(status, Some(Reply::Panicked { place })));
        assert_eq!(verdict, Verdict::Crash(Crash::Panic("a?[2J?b:".into())));
    }
}

//! The system call table.
//!
//! A room needs very little: it gets its job, maps or reads its input, allocates memory, writes its outputs, replies, exits.
//! What it does not need it does not have: there is no `mprotect`, `futex`, `fcntl`, `lseek`, `rt_sigaction` or
//! `ioctl` here, and none may come in without somebody's name in the last column.

use crate::wire::{FD_IN, FD_JOB, FD_OUT, FD_SIDE};
use std::ffi::c_long;

/// One line of the policy, for people: who may make which call, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllowedCall {
    /// The kind of process: `room`, `clean room` (beyond what every room has), `zygote` (beyond its rooms), `babysitter`.
    pub holder: &'static str,
    /// The system call.
    pub call: &'static str,
    /// True when only some arguments are allowed.
    pub restricted: bool,
    /// What it is needed for.
    pub who: &'static str,
}

/// The whole system call policy. Everything that is not in it ends the process.
pub fn allowed_calls() -> impl Iterator<Item = AllowedCall> {
    let tables = [("room", ROOM), ("clean room", CLEAN), ("zygote", ZYGOTE), ("babysitter", BABYSITTER)];
    tables.into_iter().flat_map(|(holder, rows)| {
        rows.iter().map(move |row| AllowedCall {
            holder,
            call: row.name,
            restricted: matches!(row.allow, When(_)),
            who: row.who,
        })
    })
}

/// A condition on the low 32 bits of one argument.
///
/// All arguments checked here are ints or flag words whose upper half the kernel ignores or refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// Argument `.0` is exactly `.1`.
    Is(u8, u32),
    /// Argument `.0` is the number of the process that installs the filter.
    IsOwnPid(u8),
}

/// When a call is allowed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Allow {
    /// With any arguments.
    Always,
    /// When all checks of at least one alternative hold.
    When(&'static [&'static [Check]]),
}

/// One call, when it is allowed, and who needs it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) call: c_long,
    pub(crate) name: &'static str,
    pub(crate) allow: Allow,
    /// The reason for the row; stands in `docs/rooms.md`.
    pub(crate) who: &'static str,
}

macro_rules! rows {
    ($( $call:ident $name:literal $allow:expr, $who:literal; )*) => {
        &[ $( Row { call: libc::$call, name: $name, allow: $allow, who: $who }, )* ]
    };
}

use Allow::{Always, When};
use Check::{Is, IsOwnPid};

const READ_ONLY: u32 = 1; // PROT_READ
const READ_WRITE: u32 = 3; // PROT_READ | PROT_WRITE
const PRIVATE: u32 = 2; // MAP_PRIVATE
const PRIVATE_ANONYMOUS: u32 = 0x22; // MAP_PRIVATE | MAP_ANONYMOUS
const MAY_MOVE: u32 = 1; // MREMAP_MAYMOVE
const STDOUT: u32 = 1;
const STDERR: u32 = 2;
const SIGABRT: u32 = 6;
const SIG_UNBLOCK: u32 = 1;
const REALTIME: u32 = 0; // CLOCK_REALTIME
const MONOTONIC: u32 = 1; // CLOCK_MONOTONIC

/// What both kinds of room need.
pub(crate) const ROOM: &[Row] = rows! {
    SYS_recvmsg "recvmsg" When(&[&[Is(0, FD_JOB)]]), "the room waits for its one job";
    SYS_write "write" When(&[&[Is(0, FD_OUT)], &[Is(0, FD_SIDE)], &[Is(0, FD_JOB)], &[Is(0, STDERR)], &[Is(0, STDOUT)]]),
        "the outputs and the reply; 1 and 2 are dead ends on which a library's stray message must not look like an attack";
    SYS_close "close" Always, "the input is closed once it is mapped, the output once it is complete";
    SYS_mmap "mmap" When(&[&[Is(3, PRIVATE_ANONYMOUS), Is(2, READ_WRITE)], &[Is(3, PRIVATE), Is(2, READ_ONLY), Is(4, FD_IN)]]),
        "malloc for large blocks; the read-only view of the input";
    SYS_munmap "munmap" Always, "free of large blocks";
    SYS_mremap "mremap" When(&[&[Is(3, MAY_MOVE)]]), "realloc of large blocks";
    SYS_brk "brk" Always, "malloc for small blocks";
    SYS_getrandom "getrandom" Always, "the seed of std's HashMap, salts of archives";
    // A negative number would be the clock of another process.
    SYS_clock_gettime "clock_gettime" When(&[&[Is(0, REALTIME)], &[Is(0, MONOTONIC)]]),
        "Instant and SystemTime, where the vDSO has no clock of its own (some virtual machines)";
    SYS_getpid "getpid" Always, "abort()";
    SYS_gettid "gettid" Always, "abort()";
    SYS_rt_sigprocmask "rt_sigprocmask" When(&[&[Is(0, SIG_UNBLOCK)]]), "abort(); nothing can be blocked, so no room outlasts the signal that it is stopped with";
    SYS_tgkill "tgkill" When(&[&[IsOwnPid(0), Is(2, SIGABRT)]]),
        "abort(), so that a crash is told apart from a forbidden call; nobody else can be signalled";
    SYS_exit_group "exit_group" Always, "the end of the room";
};

/// What the clean room needs beyond [`ROOM`].
pub(crate) const CLEAN: &[Row] = rows! {
    SYS_read "read" When(&[&[Is(0, FD_IN)]]), "the form, streamed out of the dirty room";
};

const PID_HANDLE_AND_SIGCHLD: u32 = 0x1000 | 17; // CLONE_PIDFD | SIGCHLD
const UNIX: u32 = 1; // AF_UNIX
const SEQPACKET_CLOEXEC: u32 = 5 | 0o2_000_000; // SOCK_SEQPACKET | SOCK_CLOEXEC
const PR_SET_PDEATHSIG: u32 = 1;
const SIGKILL: u32 = 9;
const SET_MODE_FILTER: u32 = 1;
const THIS_PROCESS: u32 = 0;
const AFTER_JOB: u32 = FD_JOB + 1;

/// What a zygote needs beyond its rooms: it forks, hands over, waits. No byte of a document ever reaches it.
pub(crate) const ZYGOTE: &[Row] = rows! {
    SYS_clone "clone" When(&[&[Is(0, PID_HANDLE_AND_SIGCHLD)]]), "forking a spare; no thread, no namespace, no shared memory";
    SYS_wait4 "wait4" Always, "the end of a room and what it used";
    SYS_sched_yield "sched_yield" Always, "the supervisor judges the room that ended before the next one is forked";
    SYS_socketpair "socketpair" When(&[&[Is(0, UNIX), Is(1, SEQPACKET_CLOEXEC)]]), "each spare's own job socket";
    SYS_sendmsg "sendmsg" When(&[&[Is(0, FD_JOB)]]), "telling the supervisor of spares and ends (the control socket has the same number)";
    SYS_dup2 "dup2" When(&[&[Is(1, FD_JOB)]]), "the spare's job socket takes the control socket's place";
    SYS_close_range "close_range" When(&[&[Is(0, AFTER_JOB)]]), "the spare keeps no other descriptor";
    SYS_prctl "prctl" When(&[&[Is(0, PR_SET_PDEATHSIG), Is(1, SIGKILL)]]), "the spare dies with its zygote";
    SYS_getppid "getppid" Always, "the spare checks that its zygote did not die before it asked";
    SYS_prlimit64 "prlimit64" When(&[&[Is(0, THIS_PROCESS)]]), "the limits that only a spare has (CPU, processes, files)";
    SYS_seccomp "seccomp" When(&[&[Is(0, SET_MODE_FILTER), Is(1, 0)]]), "the spare's own, stricter filter";
    // The rooms' own rule names their pid, which differs from the zygote's, whose filter they inherit.
    SYS_tgkill "tgkill" When(&[&[Is(2, SIGABRT)]]), "abort() in a room, narrowed there to the room itself";
};

/// What the babysitter of a zygote needs: it waits for the zygote to end, then ends.
pub(crate) const BABYSITTER: &[Row] = rows! {
    SYS_wait4 "wait4" Always, "waiting for the zygote";
    SYS_exit_group "exit_group" Always, "the end";
};

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn constants_are_those_of_the_kernel_headers() {
        assert_eq!(i64::from(READ_ONLY), i64::from(libc::PROT_READ));
        assert_eq!(i64::from(READ_WRITE), i64::from(libc::PROT_READ | libc::PROT_WRITE));
        assert_eq!(i64::from(PRIVATE), i64::from(libc::MAP_PRIVATE));
        assert_eq!(i64::from(PRIVATE_ANONYMOUS), i64::from(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS));
        assert_eq!(i64::from(MAY_MOVE), i64::from(libc::MREMAP_MAYMOVE));
        assert_eq!(i64::from(SIGABRT), i64::from(libc::SIGABRT));
        assert_eq!(i64::from(REALTIME), i64::from(libc::CLOCK_REALTIME));
        assert_eq!(i64::from(MONOTONIC), i64::from(libc::CLOCK_MONOTONIC));
        assert_eq!(i64::from(SIG_UNBLOCK), i64::from(libc::SIG_UNBLOCK));
        assert_eq!(i64::from(SIGKILL), i64::from(libc::SIGKILL));
        assert_eq!(i64::from(PID_HANDLE_AND_SIGCHLD), i64::from(libc::CLONE_PIDFD | libc::SIGCHLD));
        assert_eq!(i64::from(UNIX), i64::from(libc::AF_UNIX));
        assert_eq!(i64::from(SEQPACKET_CLOEXEC), i64::from(libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC));
        assert_eq!(i64::from(PR_SET_PDEATHSIG), i64::from(libc::PR_SET_PDEATHSIG));
        assert_eq!(i64::from(SET_MODE_FILTER), i64::from(libc::SECCOMP_SET_MODE_FILTER));
    }

    #[test]
    fn every_row_says_who_needs_it_and_no_call_stands_twice_in_one_table() {
        for table in [ROOM, CLEAN, ZYGOTE, BABYSITTER] {
            let mut seen = BTreeSet::new();
            for row in table {
                assert!(row.who.len() > 5, "{} has nobody who needs it", row.name);
                assert!(seen.insert(row.call), "{} stands twice", row.name);
            }
        }
    }

    #[test]
    fn the_policy_stands_in_the_design_document_as_it_is() {
        let document = include_str!("../../../../docs/rooms.md");
        for AllowedCall { holder, call, restricted, who } in allowed_calls() {
            let how = if restricted { "checked" } else { "any" };
            let line = format!("| {holder} | `{call}` | {how} | {who} |");
            assert!(document.contains(&line), "docs/rooms.md lacks the line\n{line}");
        }
        let lines =
            document.lines().filter(|line| line.contains("` | checked |") || line.contains("` | any |")).count();
        assert_eq!(lines, allowed_calls().count(), "docs/rooms.md has a call that the policy has not");
    }

    #[test]
    fn no_table_allows_a_call_that_opens_connects_executes_or_traces() {
        let never = [
            libc::SYS_open,
            libc::SYS_openat,
            libc::SYS_socket,
            libc::SYS_connect,
            libc::SYS_execve,
            libc::SYS_execveat,
            libc::SYS_ptrace,
            libc::SYS_mprotect,
            libc::SYS_unshare,
            libc::SYS_setns,
            libc::SYS_mount,
            libc::SYS_clone3,
            libc::SYS_process_vm_readv,
            libc::SYS_process_vm_writev,
            libc::SYS_kill,
            libc::SYS_tkill,
            libc::SYS_ioctl,
            libc::SYS_io_uring_setup,
            libc::SYS_bpf,
            libc::SYS_memfd_create,
            libc::SYS_userfaultfd,
            libc::SYS_keyctl,
            libc::SYS_pidfd_getfd,
            libc::SYS_shmget,
            libc::SYS_perf_event_open,
        ];
        for table in [ROOM, CLEAN, ZYGOTE, BABYSITTER] {
            assert!(table.iter().all(|row| !never.contains(&row.call)));
        }
    }
}

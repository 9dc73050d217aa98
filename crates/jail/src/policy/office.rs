//! The system call tables of the room that LibreOffice runs in.
//!
//! LibreOffice wants files, threads and locks, so this policy is five times as long as a room's own ([`super::table`]), and
//! what keeps documents in is the empty namespaces around it. The policy is narrowed once LibreOffice has started, for all
//! threads at once, before there is a document: sockets go, and so does every way to start a process, which it never had
//! (Debian's LibreOffice would run `paperconf` and `gpgconf`; it does without).

use super::table::{Allow, Check, Row};
use Allow::{Always, When};
use Check::{Is, IsOwnPid};
use std::ffi::c_long;

macro_rules! rows {
    ($( $call:ident $name:literal $allow:expr, $who:literal; )*) => {
        &[ $( Row { call: libc::$call, name: $name, allow: $allow, who: $who }, )* ]
    };
}

/// What glibc starts a thread with: CLONE_VM, FS, FILES, SYSVSEM, SIGHAND, THREAD, SETTLS, PARENT_SETTID, CHILD_CLEARTID.
const A_THREAD: u32 = 0x003d_0f00;
const UNIX: u32 = 1; // AF_UNIX
const SIGABRT: u32 = 6;
const NONE: u32 = 0; // PROT_NONE
const READ: u32 = 1; // PROT_READ
const WRITE: u32 = 2; // PROT_WRITE
const EXEC: u32 = 4; // PROT_EXEC
const TO_ITSELF: u32 = 0;

/// While a document is open.
pub(crate) const WORKING: &[Row] = rows! {
    SYS_access "access" Always, "LibreOffice: whether a file is there";
    SYS_brk "brk" Always, "malloc";
    SYS_chmod "chmod" Always, "LibreOffice: rights of the file it writes, in the room's own memory";
    SYS_clock_gettime "clock_gettime" Always, "clocks, where the vDSO has none of its own";
    SYS_clock_nanosleep "clock_nanosleep" Always, "LibreOffice: timers";
    SYS_clone "clone" When(&[&[Is(0, A_THREAD)]]), "threads; no process and no namespace";
    SYS_close "close" Always, "files";
    SYS_copy_file_range "copy_file_range" Always, "copying input and output";
    SYS_exit "exit" Always, "the end of a thread";
    SYS_exit_group "exit_group" Always, "the end of the room";
    SYS_faccessat "faccessat" Always, "LibreOffice: whether a file may be written";
    SYS_faccessat2 "faccessat2" Always, "LibreOffice: whether a file may be written";
    SYS_fallocate "fallocate" Always, "LibreOffice: the memory of its stubs";
    SYS_fadvise64 "fadvise64" Always, "LibreOffice: reading files ahead";
    SYS_fdatasync "fdatasync" Always, "NSS: its database, when an OpenDocument file is decrypted";
    SYS_fcntl "fcntl" Always, "LibreOffice: locks and flags of files";
    SYS_fstat "fstat" Always, "LibreOffice: sizes of files";
    SYS_fstatfs "fstatfs" Always, "LibreOffice: kind and room of the file system";
    SYS_fsync "fsync" Always, "LibreOffice: writing a file";
    SYS_ftruncate "ftruncate" Always, "LibreOffice: writing a file";
    SYS_futex "futex" Always, "locks and condition variables";
    SYS_getcwd "getcwd" Always, "LibreOffice: file names";
    SYS_getdents64 "getdents64" Always, "LibreOffice: its configuration's directories; fonts";
    SYS_getegid "getegid" Always, "LibreOffice: whether a file may be written";
    SYS_geteuid "geteuid" Always, "LibreOffice: whether a file may be written";
    SYS_getgid "getgid" Always, "LibreOffice: whether a file may be written";
    SYS_getpid "getpid" Always, "names of temporary files; abort()";
    SYS_getppid "getppid" Always, "NSS";
    SYS_getrandom "getrandom" Always, "seeds";
    SYS_getrusage "getrusage" Always, "Calc: the time that a calculation takes";
    SYS_gettid "gettid" Always, "abort()";
    SYS_getuid "getuid" Always, "LibreOffice: whether a file may be written";
    SYS_ioctl "ioctl" When(&[&[Is(1, TCGETS)], &[Is(1, FIONREAD)]]), "the C library: whether a stream is a terminal";
    SYS_lseek "lseek" Always, "files";
    SYS_lstat "lstat" Always, "LibreOffice: files";
    SYS_madvise "madvise" Always, "malloc; stacks of threads that ended";
    SYS_mkdir "mkdir" Always, "LibreOffice: temporary directories, in the room's own memory";
    SYS_mmap "mmap" When(&[&[Is(2, NONE)], &[Is(2, READ)], &[Is(2, WRITE)], &[Is(2, READ | WRITE)], &[Is(2, READ | EXEC)]]),
        "malloc, stacks, files, libraries of filters; nothing writable and executable";
    SYS_mprotect "mprotect" When(&[&[Is(2, NONE)], &[Is(2, READ)], &[Is(2, READ | WRITE)]]),
        "malloc, guards of stacks, libraries once they are relocated; nothing becomes executable";
    SYS_mremap "mremap" Always, "realloc of large blocks";
    SYS_munmap "munmap" Always, "free of large blocks; files";
    SYS_newfstatat "newfstatat" Always, "LibreOffice: files";
    SYS_open "open" Always, "LibreOffice: files; only the room's own and read-only ones of the system exist";
    SYS_openat "openat" Always, "LibreOffice: files; only the room's own and read-only ones of the system exist";
    SYS_poll "poll" Always, "LibreOffice: its socket to itself, its event loop";
    SYS_ppoll "ppoll" Always, "the Rust runtime";
    SYS_prctl "prctl" When(&[&[Is(0, PR_SET_NAME)], &[Is(0, PR_GET_NAME)]]), "names of threads";
    SYS_pread64 "pread64" Always, "files; the input";
    SYS_prlimit64 "prlimit64" When(&[&[Is(0, TO_ITSELF)]]), "sizes of stacks; limits can only be lowered";
    SYS_pwrite64 "pwrite64" Always, "files";
    SYS_read "read" Always, "files, the socket to itself";
    SYS_readlink "readlink" Always, "LibreOffice: links in its own directories";
    SYS_readv "readv" Always, "the C++ library's files";
    SYS_recvfrom "recvfrom" Always, "LibreOffice: its socket to itself";
    SYS_recvmsg "recvmsg" Always, "the one job";
    SYS_rename "rename" Always, "LibreOffice: writing a file, in the room's own memory";
    SYS_restart_syscall "restart_syscall" Always, "sleeping on after the process was stopped";
    SYS_rmdir "rmdir" Always, "LibreOffice: temporary directories";
    SYS_rseq "rseq" Always, "the C library: each new thread";
    SYS_rt_sigaction "rt_sigaction" Always, "LibreOffice: ignoring SIGPIPE";
    SYS_rt_sigprocmask "rt_sigprocmask" Always, "each new thread; abort()";
    SYS_rt_sigreturn "rt_sigreturn" Always, "the end of a signal's handler";
    SYS_sched_getaffinity "sched_getaffinity" Always, "how many processors there are";
    SYS_sched_yield "sched_yield" Always, "LibreOffice: its lock";
    SYS_sendmsg "sendmsg" When(&[&[Is(0, JOB)]]), "the reply";
    SYS_sendto "sendto" Always, "LibreOffice: its socket to itself";
    SYS_set_robust_list "set_robust_list" Always, "each new thread";
    SYS_shutdown "shutdown" Always, "LibreOffice: its socket to itself";
    SYS_sigaltstack "sigaltstack" Always, "the Rust runtime";
    SYS_stat "stat" Always, "LibreOffice: files";
    SYS_statfs "statfs" Always, "LibreOffice: kind and room of the file system";
    SYS_statx "statx" Always, "the Rust runtime: sizes of files";
    SYS_sysinfo "sysinfo" Always, "how much memory there is";
    SYS_tgkill "tgkill" When(&[&[IsOwnPid(0), Is(2, SIGABRT)]]), "abort(); nobody else can be signalled";
    SYS_umask "umask" Always, "LibreOffice: rights of temporary files";
    SYS_uname "uname" Always, "LibreOffice: the system's name";
    SYS_unlink "unlink" Always, "LibreOffice: temporary files, in the room's own memory";
    SYS_write "write" Always, "files, the socket to itself, the output";
    SYS_writev "writev" Always, "the C++ library's files";
};

/// What starting LibreOffice takes beyond [`WORKING`]: its socket to itself.
pub(crate) const STARTING_TOO: &[Row] = rows! {
    SYS_accept "accept" Always, "LibreOffice: its socket to itself";
    SYS_bind "bind" Always, "LibreOffice: its socket to itself";
    SYS_connect "connect" Always, "the room's second thread: that socket";
    SYS_eventfd2 "eventfd2" Always, "LibreOffice: its event loop";
    SYS_getsockname "getsockname" Always, "LibreOffice: its socket to itself";
    SYS_getsockopt "getsockopt" Always, "LibreOffice: its socket to itself";
    SYS_listen "listen" Always, "LibreOffice: its socket to itself";
    SYS_pipe2 "pipe2" Always, "LibreOffice: its event loop";
    SYS_seccomp "seccomp" When(&[&[Is(0, SET_MODE_FILTER), Is(1, 0)], &[Is(0, SET_MODE_FILTER), Is(1, ALL_THREADS)]]),
        "the narrower policy, for all threads";
    SYS_setsockopt "setsockopt" Always, "LibreOffice: its socket to itself";
    SYS_socket "socket" When(&[&[Is(0, UNIX)]]), "LibreOffice: its socket to itself; nothing of the network's";
};

/// Passes these filters and is answered by one of its own, with ENOSYS: of several answers the youngest filter's counts.
pub(crate) const ANSWERED: &[Row] = rows! {
    SYS_clone3 "clone3" Always, "nobody: answered with ENOSYS by a filter of its own, so that glibc takes clone, whose flags can be checked";
};

/// Until a document is there.
pub(crate) const STARTING: &[&[Row]] = &[WORKING, STARTING_TOO, ANSWERED];
/// From then on.
pub(crate) const NARROW: &[&[Row]] = &[WORKING, ANSWERED];

/// The first process of the namespaces: it waits for the office to end and tells how.
pub(crate) const FIRST_PROCESS: &[Row] = rows! {
    SYS_wait4 "wait4" Always, "the end of the office and what it used";
    SYS_sendmsg "sendmsg" When(&[&[Is(0, JOB)]]), "telling the supervisor";
    SYS_close "close" Always, "descriptors that were handed over";
    SYS_exit_group "exit_group" Always, "the end";
};

/// Calls that nothing in LibreOffice has a use for: they are an attack, and the end of the room.
pub(crate) const KILLED: &[c_long] = &[
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_personality,
    libc::SYS_modify_ldt,
    libc::SYS_pivot_root,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_kexec_load,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_perf_event_open,
    libc::SYS_open_by_handle_at,
    libc::SYS_bpf,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_pidfd_getfd,
    libc::SYS_setuid,
    libc::SYS_setgid,
];

const TCGETS: u32 = 0x5401;
const FIONREAD: u32 = 0x541b;
const PR_SET_NAME: u32 = 15;
const PR_GET_NAME: u32 = 16;
const JOB: u32 = crate::wire::FD_JOB;
const SET_MODE_FILTER: u32 = 1;
const ALL_THREADS: u32 = 1; // SECCOMP_FILTER_FLAG_TSYNC

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn constants_are_those_of_the_kernel_headers() {
        let thread = libc::CLONE_VM
            | libc::CLONE_FS
            | libc::CLONE_FILES
            | libc::CLONE_SYSVSEM
            | libc::CLONE_SIGHAND
            | libc::CLONE_THREAD
            | libc::CLONE_SETTLS
            | libc::CLONE_PARENT_SETTID
            | libc::CLONE_CHILD_CLEARTID;
        assert_eq!(i64::from(A_THREAD), i64::from(thread));
        assert_eq!(u64::from(ALL_THREADS), libc::SECCOMP_FILTER_FLAG_TSYNC);
        assert_eq!(u64::from(TCGETS), libc::TCGETS);
        assert_eq!(u64::from(FIONREAD), libc::FIONREAD);
        assert_eq!(i64::from(PR_SET_NAME), i64::from(libc::PR_SET_NAME));
        assert_eq!(i64::from(EXEC), i64::from(libc::PROT_EXEC));
    }

    #[test]
    fn every_row_says_who_needs_it_and_no_call_stands_twice() {
        for tables in [STARTING, &[FIRST_PROCESS]] {
            let mut seen = BTreeSet::new();
            for row in tables.iter().copied().flatten() {
                assert!(row.who.len() > 2, "{} has nobody who needs it", row.name);
                assert!(seen.insert(row.call), "{} stands twice", row.name);
                assert!(!KILLED.contains(&row.call), "{} is allowed and kills", row.name);
            }
        }
    }

    #[test]
    fn the_policy_stands_in_the_design_document_as_it_is() {
        let document = include_str!("../../../../docs/rooms.md");
        let tables = [
            ("office", WORKING),
            ("office, before a document", STARTING_TOO),
            ("first process of an office", FIRST_PROCESS),
            ("nobody", ANSWERED),
        ];
        for (holder, row) in tables.into_iter().flat_map(|(holder, rows)| rows.iter().map(move |row| (holder, row))) {
            let how = if matches!(row.allow, When(_)) { "some" } else { "all" };
            let line = format!("| {holder} | `{}` | {how} | {} |", row.name, row.who);
            assert!(document.contains(&line), "docs/rooms.md lacks the line\n{line}");
        }
        let lines = document.lines().filter(|line| line.contains("` | some |") || line.contains("` | all |")).count();
        assert_eq!(lines, tables.iter().map(|(_, rows)| rows.len()).sum::<usize>());
    }

    #[test]
    fn nothing_starts_a_process_or_leaves_the_room() {
        let never = [
            libc::SYS_execve,
            libc::SYS_execveat,
            libc::SYS_fork,
            libc::SYS_vfork,
            libc::SYS_kill,
            libc::SYS_tkill,
            libc::SYS_ptrace,
            libc::SYS_mount,
            libc::SYS_chroot,
            libc::SYS_memfd_create,
            libc::SYS_shmget,
            libc::SYS_mknod,
            libc::SYS_link,
            libc::SYS_linkat,
        ];
        assert!(STARTING.iter().copied().flatten().all(|row| !never.contains(&row.call)));
        let sockets = [libc::SYS_socket, libc::SYS_connect, libc::SYS_bind, libc::SYS_listen, libc::SYS_accept];
        assert!(WORKING.iter().all(|row| !sockets.contains(&row.call)));
    }
}

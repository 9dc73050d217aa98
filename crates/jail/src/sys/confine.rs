//! What a process gives up: identity, namespaces, capabilities, limits, system calls.

#![allow(clippy::disallowed_methods, reason = "namespaces are set through files in /proc")]

use super::check;
use std::ffi::{CStr, c_int, c_ulong};
use std::io::{self, Write};

const NONE: c_ulong = 0;

fn prctl(option: c_int, argument: c_ulong) -> io::Result<c_int> {
    // SAFETY: every option used in this module takes integers only.
    check(unsafe { libc::prctl(option, argument, NONE, NONE, NONE) })
}

/// The kernel kills this process when the thread that started it ends.
///
/// The kernel forgets this when the process changes its ids, so it is asked for again after each such change.
pub(crate) fn die_with_parent() -> io::Result<()> {
    prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as c_ulong).map(drop)
}

/// The name that ps and the kernel's log show.
pub(crate) fn set_name(name: &CStr) {
    // SAFETY: `name` is a C string; the kernel copies at most 16 bytes of it. It cannot fail.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
}

/// Whether other processes of the same user may look into this one.
#[derive(Clone, Copy)]
pub(crate) enum Dumpable {
    /// Needed for writing the id maps: /proc/self belongs to root otherwise.
    Yes,
    /// Neither ptrace nor /proc/pid/mem nor a core file.
    No,
}

pub(crate) fn set_dumpable(dumpable: Dumpable) -> io::Result<()> {
    prctl(libc::PR_SET_DUMPABLE, matches!(dumpable, Dumpable::Yes).into()).map(drop)
}

/// execve never grants anything any more; also what lets an ordinary process install a seccomp filter.
pub(crate) fn no_new_privileges() -> io::Result<()> {
    prctl(libc::PR_SET_NO_NEW_PRIVS, 1).map(drop)
}

/// Memory is never writable and then executable (kernel 6.3); read back, because a missing option must not look like success.
pub(crate) fn refuse_executable_gain() -> io::Result<bool> {
    prctl(libc::PR_SET_MDWE, libc::PR_MDWE_REFUSE_EXEC_GAIN.into())?;
    Ok(prctl(libc::PR_GET_MDWE, 0)? & 1 == 1)
}

/// The same for this process alone (kernel 6.6): what it starts decides for itself. An older kernel (6.3) hands it down, which costs
/// zygotes their huge pages. What came of it is found out by trying: [`can_gain_executable_memory`].
pub(crate) fn refuse_executable_gain_here() {
    let alone = libc::PR_MDWE_REFUSE_EXEC_GAIN | libc::PR_MDWE_NO_INHERIT;
    if prctl(libc::PR_SET_MDWE, alone.into()).is_err() {
        // It may also be in force already.
        let _ = refuse_executable_gain();
    }
}

/// Whether this process can execute memory that it has written, by whatever is in force: MDWE or a service manager's filter.
///
/// # Errors
/// When not even ordinary memory is to be had.
pub(crate) fn can_gain_executable_memory() -> io::Result<bool> {
    let size = 4096;
    let map = |rights| {
        // SAFETY: a new mapping chosen by the kernel; nobody reads, writes or executes it.
        let at =
            unsafe { libc::mmap(std::ptr::null_mut(), size, rights, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0) };
        if at == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(at) }
    };
    let at = map(libc::PROT_READ | libc::PROT_WRITE)?;
    // SAFETY: the whole of a mapping made here, which nobody else knows of.
    let later = unsafe {
        let changed = libc::mprotect(at, size, libc::PROT_READ | libc::PROT_EXEC);
        libc::munmap(at, size);
        changed == 0
    };
    let at_once = map(libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC).inspect(|at| {
        // SAFETY: as above.
        unsafe { libc::munmap(*at, size) };
    });
    Ok(later || at_once.is_ok())
}

/// Becomes a user and group without supplementary groups. Needs root.
pub(crate) fn become_user(id: u32) -> io::Result<()> {
    // SAFETY: an empty list with a null pointer is allowed; the rest takes integers.
    unsafe {
        check(libc::setgroups(0, std::ptr::null()))?;
        check(libc::setresgid(id, id, id))?;
        check(libc::setresuid(id, id, id))?;
    }
    Ok(())
}

/// Enters new namespaces. The pid namespace takes effect for the next child.
pub(crate) fn unshare_all() -> io::Result<()> {
    let flags = libc::CLONE_NEWUSER
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWNS
        | libc::CLONE_NEWNET
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWCGROUP;
    // SAFETY: unshare takes no pointer.
    check(unsafe { libc::unshare(flags) }).map(drop)
}

/// When the machine runs out of memory the kernel takes this process and its children before others. Where it cannot be said it is
/// the kernel's choice as before.
pub(crate) fn be_the_first_victim() {
    // The highest value (proc_pid_oom_score_adj(5)); raising it needs no right, and no room can write it back: it has no /proc.
    let _ = write_existing("/proc/self/oom_score_adj", "1000");
}

/// Writes to a file of /proc or /sys that is already there.
pub(crate) fn write_existing(path: &str, text: &str) -> io::Result<()> {
    std::fs::OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes())
}

/// Makes an empty read-only directory the root of everything and lets go of the old one.
///
/// It is mounted over /proc because that directory surely exists: the id maps were just written through it.
pub(crate) fn empty_root() -> io::Result<()> {
    let sealed = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
    let null = std::ptr::null();
    let (root, here, over) = (c"/".as_ptr(), c".".as_ptr(), c"/proc".as_ptr());
    let (none, tmpfs) = (c"none".as_ptr(), c"tmpfs".as_ptr());
    let options = c"size=4k,nr_inodes=1,mode=555".as_ptr().cast();
    // SAFETY: all strings are static C strings.
    unsafe {
        check(libc::mount(null, root, null, libc::MS_REC | libc::MS_PRIVATE, null.cast()))?;
        check(libc::mount(none, over, tmpfs, sealed, options))?;
        check(libc::chdir(over))?;
        // pivot_root(".", ".") stacks the old root under the new one; the detach then drops the whole old tree.
        check(libc::syscall(libc::SYS_pivot_root, here, here))?;
        check(libc::umount2(here, libc::MNT_DETACH))?;
        check(libc::chdir(root))?;
        check(libc::mount(none, root, null, libc::MS_REMOUNT | libc::MS_RDONLY | sealed, null.cast()))?;
    }
    Ok(())
}

/// A name that says nothing about the host.
pub(crate) fn set_host_name(name: &CStr) -> io::Result<()> {
    // SAFETY: pointer and length describe the string.
    check(unsafe { libc::sethostname(name.as_ptr(), name.count_bytes()) }).map(drop)
}

/// Leaves the session, where this process does not lead one already (then it was started so), and the session keyring.
pub(crate) fn own_session() -> io::Result<()> {
    // SAFETY: none of the calls follows a pointer (a null name asks for an anonymous keyring).
    unsafe {
        if libc::getsid(0) != libc::getpid() {
            check(libc::setsid())?;
        }
        // Best effort: a kernel without keyrings has none to share.
        libc::syscall(libc::SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NONE);
    }
    Ok(())
}

const KEYCTL_JOIN_SESSION_KEYRING: c_int = 1;

/// Drops every capability for good: bounding and ambient sets, the three sets of the process, and the ways back.
pub(crate) fn drop_capabilities() -> io::Result<()> {
    for capability in 0..64 {
        // EINVAL ends the list of this kernel; EPERM means we never had the right to, and then exec cannot give it either
        // (no_new_privs).
        if prctl(libc::PR_CAPBSET_DROP, capability).is_err() {
            break;
        }
    }
    prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as c_ulong)?;
    // NOROOT, NO_SETUID_FIXUP, KEEP_CAPS off, NO_CAP_AMBIENT_RAISE, each with its lock. Needs CAP_SETPCAP, which an
    // ordinary user without a namespace lacks: it has no capability to lose either.
    let _ = prctl(libc::PR_SET_SECUREBITS, 0x1 | 0x2 | 0x4 | 0x8 | 0x20 | 0x40 | 0x80);
    let header: [u32; 2] = [0x2008_0522, 0]; // _LINUX_CAPABILITY_VERSION_3, this process
    let sets = [0_u32; 6];
    // SAFETY: header and sets have the sizes that version 3 demands.
    check(unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), sets.as_ptr()) }).map(drop)
}

/// A resource and its soft and hard limit.
pub(crate) fn limit(resource: Resource, soft: u64, hard: u64) -> io::Result<()> {
    let limits = libc::rlimit { rlim_cur: soft, rlim_max: hard };
    // SAFETY: `limits` is a live local.
    check(unsafe { libc::setrlimit(resource.number(), &raw const limits) }).map(drop)
}

/// The resources that are limited.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Resource {
    AddressSpace,
    Core,
    Cpu,
    Data,
    FileSize,
    LockedMemory,
    MessageQueue,
    OpenFiles,
    PendingSignals,
    Processes,
    Stack,
}

impl Resource {
    fn number(self) -> libc::__rlimit_resource_t {
        match self {
            Resource::AddressSpace => libc::RLIMIT_AS,
            Resource::Core => libc::RLIMIT_CORE,
            Resource::Cpu => libc::RLIMIT_CPU,
            Resource::Data => libc::RLIMIT_DATA,
            Resource::FileSize => libc::RLIMIT_FSIZE,
            Resource::LockedMemory => libc::RLIMIT_MEMLOCK,
            Resource::MessageQueue => libc::RLIMIT_MSGQUEUE,
            Resource::OpenFiles => libc::RLIMIT_NOFILE,
            Resource::PendingSignals => libc::RLIMIT_SIGPENDING,
            Resource::Processes => libc::RLIMIT_NPROC,
            Resource::Stack => libc::RLIMIT_STACK,
        }
    }
}

/// The signals by which terminals and service managers speak to a whole group of processes.
///
/// They are meant for the gateway, which finishes what it has begun and then ends its rooms itself, by SIGKILL. A room that
/// took them personally would take a document with it that was about to be delivered.
pub(super) const FOR_THE_GATEWAY: [c_int; 6] =
    [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGUSR1, libc::SIGUSR2];

/// Signals do what the kernel does by default, but [`FOR_THE_GATEWAY`] are ignored, and so is SIGPIPE, so that a closed pipe
/// is an error and not a death without a name. Then none is held back any more (see [`super::process::spawn`]).
///
/// The gateway may have been started with SIGCHLD ignored, which exec hands down and which would make wait fail; and the
/// Rust runtime's handlers for SIGSEGV would turn a stack overflow into an abort.
pub(crate) fn settle_signals() -> io::Result<()> {
    for signal in 1..65 {
        let ignored = signal == libc::SIGPIPE || FOR_THE_GATEWAY.contains(&signal);
        let action = if ignored { libc::SIG_IGN } else { libc::SIG_DFL };
        // SAFETY: no handler of ours is installed. KILL, STOP and the two of the C library refuse, which is fine.
        unsafe { libc::signal(signal, action) };
    }
    // SAFETY: a set is plain data that sigemptyset initialises; a null pointer means that the old mask is not wanted.
    unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        check(libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut())).map(drop)
    }
}

/// Installs a filter for this process and all it will ever fork.
pub(crate) fn install_filter(code: &[libc::sock_filter]) -> io::Result<()> {
    let len = u16::try_from(code.len()).map_err(|_| io::Error::from_raw_os_error(libc::E2BIG))?;
    let program = libc::sock_fprog { len, filter: code.as_ptr().cast_mut() };
    // SAFETY: `program` describes `code`; the kernel copies it and does not write.
    check(unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) }).map(drop)
}

/// Landlock with no rule at all: every handled access is denied. Returns the ABI in force, 0 for none.
///
/// Negotiated downwards: an older kernel handles fewer accesses, and the caller reports what is in force.
pub(crate) fn landlock_deny_all() -> Result<u32, landlock::RulesetError> {
    use landlock::{
        ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, LandlockStatus, Ruleset, RulesetAttr, Scope,
    };
    let newest = ABI::V9;
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(newest))?
        .handle_access(AccessNet::from_all(newest))?
        .scope(Scope::from_all(newest))?
        .create()?
        .restrict_self()?;
    if status.ruleset == landlock::RulesetStatus::NotEnforced {
        return Ok(0);
    }
    match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => Ok(effective_abi as u32),
        LandlockStatus::NotEnabled | LandlockStatus::NotImplemented => Ok(0),
    }
}

/// Installs a filter for every thread of this process at once. `Err` also when a thread could not be brought under it.
pub(crate) fn install_filter_everywhere(code: &[libc::sock_filter]) -> io::Result<()> {
    let len = u16::try_from(code.len()).map_err(|_| io::Error::from_raw_os_error(libc::E2BIG))?;
    let program = libc::sock_fprog { len, filter: code.as_ptr().cast_mut() };
    let flags = libc::SECCOMP_FILTER_FLAG_TSYNC;
    // SAFETY: `program` describes `code`; the kernel copies it and does not write.
    let returned =
        check(unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program) })?;
    // A number is that of a thread that could not follow.
    if returned == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::ESRCH)) }
}

/// Landlock for a room with files: all may be read, nothing executed, nothing written but below `scratch`, no TCP, no sockets
/// and no signals beyond its own. Returns the ABI in force, 0 for none.
pub(crate) fn landlock_read_only_but(scratch: &[&str]) -> Result<u32, landlock::RulesetError> {
    use landlock::{
        ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, LandlockStatus, PathBeneath, PathFd, Ruleset,
        RulesetAttr, RulesetCreatedAttr, Scope,
    };
    let newest = ABI::V9;
    let all = AccessFs::from_all(newest);
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let own = all & !(AccessFs::Execute | AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev);
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(all)?
        .handle_access(AccessNet::from_all(newest))?
        .scope(Scope::from_all(newest))?
        .create()?;
    let own = scratch.iter().map(|place| (*place, own));
    for (path, rights) in own.chain([("/", read), ("/dev/null", AccessFs::WriteFile.into())]) {
        // A path that cannot be opened gets no right, which is the safe side.
        if let Ok(place) = PathFd::new(path) {
            rules = rules.add_rule(PathBeneath::new(place, rights))?;
        }
    }
    let status = rules.restrict_self()?;
    if status.ruleset == landlock::RulesetStatus::NotEnforced {
        return Ok(0);
    }
    match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => Ok(effective_abi as u32),
        LandlockStatus::NotEnabled | LandlockStatus::NotImplemented => Ok(0),
    }
}

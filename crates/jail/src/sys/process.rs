//! Processes: start, fork, wait, kill, exit.

use super::{check, confine, descriptor};
use std::ffi::{CString, c_char, c_int};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// A child of this process, killed and reaped when dropped.
pub(crate) struct Child {
    pid: libc::pid_t,
    pidfd: OwnedFd,
    reaped: bool,
}

/// Starts `exe` with an empty environment, in a session of its own, and with `socket` as descriptor [`SOCKET`].
///
/// A signal to the gateway's process group does not reach that session. One to the whole control group does: it is held back
/// until the new process has said that it ignores it ([`confine::settle_signals`]).
///
/// posix_spawn (vfork inside) because the gateway has many threads and much memory: fork would copy its page tables
/// and could deadlock on a lock that another thread holds.
pub(crate) fn spawn(exe: &CString, arguments: &[CString], socket: BorrowedFd<'_>) -> io::Result<Child> {
    let mut argv: Vec<*mut c_char> = std::iter::once(c"misogi")
        .chain(arguments.iter().map(CString::as_c_str))
        .map(|a| a.as_ptr().cast_mut())
        .collect();
    argv.push(std::ptr::null_mut());
    let environment: [*mut c_char; 1] = [std::ptr::null_mut()];
    let mut pid: libc::pid_t = 0;
    let failed = |code: c_int| if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(code)) };
    // SAFETY: actions and attributes are initialised before use and destroyed after; all pointers outlive the calls.
    unsafe {
        let mut actions: libc::posix_spawn_file_actions_t = std::mem::zeroed();
        let mut attributes: libc::posix_spawnattr_t = std::mem::zeroed();
        failed(libc::posix_spawn_file_actions_init(&raw mut actions))?;
        failed(libc::posix_spawnattr_init(&raw mut attributes))?;
        let mut mask: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut mask);
        for signal in confine::FOR_THE_GATEWAY {
            libc::sigaddset(&raw mut mask, signal);
        }
        let flags = libc::POSIX_SPAWN_SETSIGMASK | c_int::from(libc::POSIX_SPAWN_SETSID);
        let flags = libc::c_short::try_from(flags).unwrap_or(0);
        let result = failed(libc::posix_spawn_file_actions_adddup2(&raw mut actions, socket.as_raw_fd(), SOCKET))
            .and_then(|()| failed(libc::posix_spawnattr_setsigmask(&raw mut attributes, &raw const mask)))
            .and_then(|()| failed(libc::posix_spawnattr_setflags(&raw mut attributes, flags)))
            .and_then(|()| {
                failed(libc::posix_spawn(
                    &raw mut pid,
                    exe.as_ptr(),
                    &raw const actions,
                    &raw const attributes,
                    argv.as_ptr(),
                    environment.as_ptr(),
                ))
            });
        libc::posix_spawn_file_actions_destroy(&raw mut actions);
        libc::posix_spawnattr_destroy(&raw mut attributes);
        result?;
    }
    match pidfd_of(pid) {
        Ok(pidfd) => Ok(Child { pid, pidfd, reaped: false }),
        Err(error) => {
            // SAFETY: `pid` is our own unreaped child, so the number cannot have been reused.
            unsafe {
                libc::kill(pid, libc::SIGKILL);
                libc::waitpid(pid, std::ptr::null_mut(), 0);
            }
            Err(error)
        }
    }
}

/// The descriptor on which a started process finds its socket.
pub(crate) const SOCKET: RawFd = 3;

impl Child {
    /// The process id, valid until the child is reaped.
    pub(crate) fn pid(&self) -> libc::pid_t {
        self.pid
    }

    /// Kills the child and waits until it is gone.
    pub(crate) fn end(&mut self) {
        if self.reaped {
            return;
        }
        let _ = kill(self.pidfd.as_fd());
        // SAFETY: `pid` is our own unreaped child; a null status pointer is allowed.
        unsafe { libc::waitpid(self.pid, std::ptr::null_mut(), 0) };
        self.reaped = true;
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.end();
    }
}

fn pidfd_of(pid: libc::pid_t) -> io::Result<OwnedFd> {
    // SAFETY: pidfd_open takes no pointer.
    let raw = check(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
    let raw = RawFd::try_from(raw).map_err(|_| io::Error::from_raw_os_error(libc::EBADF))?;
    // SAFETY: a new descriptor nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// A handle to this very process.
pub(crate) fn own_pidfd() -> io::Result<OwnedFd> {
    pidfd_of(own_pid())
}

/// SIGKILL by handle: it cannot hit a process that got the number later.
pub(crate) fn kill(pidfd: BorrowedFd<'_>) -> io::Result<()> {
    send(pidfd, libc::SIGKILL)
}

/// Ends a process so that its wait status says by whom: [`STOPPED`] where this call ended it, anything else where it was dying
/// already (the kernel keeps the first fatal signal). No room can keep that signal from itself: its policy has no handlers and
/// nothing that blocks.
pub(crate) fn stop(pidfd: BorrowedFd<'_>) -> io::Result<()> {
    send(pidfd, STOPPED)?;
    kill(pidfd)
}

/// A signal that ends a process by default, dumps no core, and that nobody else sends to rooms: no timer is to be had in them.
pub(crate) const STOPPED: c_int = libc::SIGVTALRM;

fn send(pidfd: BorrowedFd<'_>, signal: c_int) -> io::Result<()> {
    let no_info = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: a null siginfo asks the kernel for the default one.
    let sent = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal, no_info, 0) };
    match check(sent) {
        Ok(_) => Ok(()),
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
        Err(error) => Err(error),
    }
}

/// True when the process behind the handle is dead (a zombie counts), waiting up to `limit` for it.
pub(crate) fn is_dead(pidfd: BorrowedFd<'_>, limit: Duration) -> bool {
    descriptor::poll(&mut [descriptor::wait_for(pidfd)], Some(limit)).is_ok_and(|ready| ready > 0)
}

/// Which side of a fork this is.
pub(crate) enum Forked {
    /// The new process.
    Child,
    /// The old one, with the new one's number and handle.
    Parent(libc::pid_t, OwnedFd),
}

/// Forks a single-threaded process and gets the handle in the same call.
pub(crate) fn fork_with_handle() -> io::Result<Forked> {
    let mut pidfd: c_int = -1;
    let flags = libc::CLONE_PIDFD | libc::SIGCHLD;
    let stack = std::ptr::null_mut::<u8>();
    let none = std::ptr::null_mut::<u8>();
    // SAFETY: without CLONE_VM and with a null stack this is fork(2): the child gets a copy of everything. The caller is
    // single-threaded (zygotes never start a thread), so no lock can be held by a thread that is missing in the child.
    let pid = check(unsafe { libc::syscall(libc::SYS_clone, flags, stack, &raw mut pidfd, none, none) })?;
    if pid == 0 {
        return Ok(Forked::Child);
    }
    let pid = libc::pid_t::try_from(pid).map_err(|_| io::Error::from_raw_os_error(libc::ESRCH))?;
    // SAFETY: CLONE_PIDFD stored a new descriptor of ours.
    Ok(Forked::Parent(pid, unsafe { OwnedFd::from_raw_fd(pidfd) }))
}

/// How and with what use of resources a child ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    pub(crate) pid: libc::pid_t,
    pub(crate) status: c_int,
    pub(crate) cpu_micros: u64,
    pub(crate) max_rss_bytes: u64,
}

/// Waits for any child to end.
pub(crate) fn wait_any() -> io::Result<Ended> {
    let mut status = 0;
    // SAFETY: rusage is plain data.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: both pointers point to live locals.
        match check(unsafe { libc::wait4(-1, &raw mut status, 0, &raw mut usage) }) {
            Ok(pid) => {
                let micros = |t: libc::timeval| {
                    u64::try_from(t.tv_sec).unwrap_or(0) * 1_000_000 + u64::try_from(t.tv_usec).unwrap_or(0)
                };
                return Ok(Ended {
                    pid,
                    status,
                    cpu_micros: micros(usage.ru_utime) + micros(usage.ru_stime),
                    max_rss_bytes: u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024,
                });
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Lets others go first who wait for this processor.
pub(crate) fn step_aside() {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::sched_yield() };
}

/// Ends this process at once: no destructors, no atexit handlers, no buffers written.
pub(crate) fn exit(code: c_int) -> ! {
    // SAFETY: _exit never returns and touches no memory of ours.
    unsafe { libc::_exit(code) }
}

/// This process's number (in its own pid namespace).
pub(crate) fn own_pid() -> libc::pid_t {
    // SAFETY: getpid cannot fail and takes nothing.
    unsafe { libc::getpid() }
}

/// The parent's number; 0 when the parent is outside this pid namespace.
pub(crate) fn parent_pid() -> libc::pid_t {
    // SAFETY: getppid cannot fail and takes nothing.
    unsafe { libc::getppid() }
}

/// The effective user id.
pub(crate) fn effective_uid() -> u32 {
    // SAFETY: geteuid cannot fail and takes nothing.
    unsafe { libc::geteuid() }
}

/// The effective group id.
pub(crate) fn effective_gid() -> u32 {
    // SAFETY: getegid cannot fail and takes nothing.
    unsafe { libc::getegid() }
}

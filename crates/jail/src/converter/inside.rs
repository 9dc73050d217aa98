//! An instance's processes up to the point where LibreOffice runs: babysitter, first process, office.
//!
//! The babysitter stands outside the pid namespace and dies with the gateway, as a zygote's does. The first process of the
//! namespaces builds the root, forks the office once, tells how it ended and ends with it. Neither ever has a document.

#![allow(clippy::disallowed_methods, reason = "the profile is made of files, in the room's own memory")]

use super::wire::{START_BYTES_MAX, Start};
use super::{driver, profile, root};
use crate::policy::office::{FIRST_PROCESS, KILLED, NARROW, STARTING};
use crate::policy::program::{Otherwise, Program, TooLarge};
use crate::policy::table::Row;
use crate::room::zygote::{self, Failure, at};
use crate::sys::confine::{self, Resource};
use crate::sys::message::{self, Patience};
use crate::sys::process::{self, Forked};
use crate::sys::{allocator, descriptor, errno};
use crate::wire::{EXIT_JOB, Enforced, FD_JOB, FORBIDDEN, Setup, Step, ZygoteMessage};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// What the executable does when it was started as an instance.
pub(super) fn run() -> ! {
    if !descriptor::is_socket(process::SOCKET) {
        zygote::not_for_people();
    }
    let control = descriptor::take(process::SOCKET);
    let mut buffer = Vec::new();
    let start = match message::receive(control.as_fd(), &mut buffer, START_BYTES_MAX, Patience::Wait) {
        Ok(received) if !received.truncated => Start::decode(&buffer),
        _ => None,
    };
    let Some(start) = start else { process::exit(1) };
    let result = lock_down(&start).and_then(|(enforced, handle)| {
        let (ours, theirs) = descriptor::socket_pair().or_else(at(Step::Descriptors))?;
        let first = process::own_pid();
        match process::fork_with_handle().or_else(at(Step::Fork))? {
            Forked::Child => office(theirs, &start, first),
            Forked::Parent(pid, office) => {
                drop(theirs);
                settle(&start.setup)?;
                let told = |result: io::Result<()>| result.unwrap_or_else(|_| process::exit(1));
                told(zygote::tell(&control, &ZygoteMessage::Ready(enforced), &[handle.as_fd()]));
                let id = u32::try_from(pid).unwrap_or(0);
                told(zygote::tell(&control, &ZygoteMessage::Spare { id }, &[ours.as_fd(), office.as_fd()]));
                [ours, office, handle].into_iter().for_each(descriptor::close);
                Ok(())
            }
        }
    });
    if let Err(failure) = result {
        let told = ZygoteMessage::Failed { step: failure.step, errno: errno(&failure.source) };
        let _ = zygote::tell(&control, &told, &[]);
        process::exit(1)
    }
    let Ok(ended) = process::wait_any() else { process::exit(1) };
    let id = u32::try_from(ended.pid).unwrap_or(0);
    let (cpu_micros, max_rss_bytes) = (ended.cpu_micros, ended.max_rss_bytes);
    let told = ZygoteMessage::Ended { id, spare: 0, status: ended.status, cpu_micros, max_rss_bytes };
    let _ = zygote::tell(&control, &told, &[]);
    process::exit(0)
}

/// Everything that all processes of the instance have in common.
fn lock_down(start: &Start) -> Result<(Enforced, OwnedFd), Failure> {
    let setup = &start.setup;
    let mut enforced = zygote::detach(setup, c"misogi-office")?;
    zygote::enter_namespaces(setup)?;
    enforced.namespaces = true;
    enforced.nested_namespaces_off = confine::write_existing("/proc/sys/user/max_user_namespaces", "0").is_ok();
    root::enter(Path::new(&start.program), start.scratch_bytes).or_else(at(Step::Root))?;
    confine::set_host_name(c"room").or_else(at(Step::HostName))?;
    confine::own_session().or_else(at(Step::Session))?;
    zygote::give_up_privileges()?;
    enforced.memory_deny_write_execute = confine::refuse_executable_gain().unwrap_or(false);
    if setup.landlock {
        enforced.landlock_abi = confine::landlock_read_only_but(&[root::SCRATCH, root::STUBS]).unwrap_or(0);
    }
    let handle = process::own_pidfd().or_else(at(Step::Handle))?;
    zygote::dead_ends().or_else(at(Step::Descriptors))?;
    enforced.seccomp = setup.seccomp;
    Ok((enforced, handle))
}

/// The first process waits from here on.
fn settle(setup: &Setup) -> Result<(), Failure> {
    for (resource, value) in [
        (Resource::Core, 0),
        (Resource::LockedMemory, 0),
        (Resource::MessageQueue, 0),
        (Resource::Processes, 0),
        (Resource::FileSize, 0),
    ] {
        confine::limit(resource, value, value).or_else(at(Step::Limits))?;
    }
    if setup.seccomp {
        let filter =
            Program::compile(&[FIRST_PROCESS], Otherwise::Kill).map_err(too_large).or_else(at(Step::Filter))?;
        confine::install_filter(filter.code()).or_else(at(Step::Filter))?;
    }
    Ok(())
}

/// The child's side of the fork: the last locks, then LibreOffice.
fn office(socket: OwnedFd, start: &Start, first: i32) -> ! {
    allocator::enter_room();
    let locked = confine::die_with_parent().and_then(|()| {
        if process::parent_pid() != first {
            process::exit(EXIT_JOB);
        }
        descriptor::place(socket.as_fd(), process::SOCKET)?;
        descriptor::close_from(FD_JOB + 1)?;
        std::mem::forget(socket);
        limits(&start.setup)?;
        prepare_files(start)
    });
    if locked.is_err() {
        process::exit(EXIT_JOB);
    }
    if start.setup.seccomp && first_policy(&start.setup).is_err() {
        process::exit(EXIT_JOB);
    }
    driver::run(start)
}

/// The policy until there is a document: what is in the table is allowed, what is in [`KILLED`] ends the process, all else is
/// answered with EPERM, because libraries ask for much that they can do without.
fn first_policy(setup: &Setup) -> io::Result<()> {
    // glibc asks for clone3 first, whose flags no filter can see, and takes clone where that is unknown.
    confine::install_filter(
        Program::refuse(&[libc::SYS_clone3], Otherwise::Answer(ENOSYS)).map_err(too_large)?.code(),
    )?;
    if !setup.answer_forbidden {
        confine::install_filter(Program::refuse(KILLED, Otherwise::Kill).map_err(too_large)?.code())?;
    }
    confine::install_filter(allowlist(STARTING, setup)?.for_process(own_pid()))
}

/// The narrower policy for all threads, once LibreOffice has started.
pub(super) fn narrow_policy(setup: &Setup) -> io::Result<()> {
    confine::install_filter_everywhere(allowlist(NARROW, setup)?.for_process(own_pid()))
}

fn allowlist(tables: &[&[Row]], setup: &Setup) -> io::Result<Program> {
    // In a probe everything is answered, with a number of its own.
    let errno = if setup.answer_forbidden { FORBIDDEN } else { EPERM };
    Program::compile(tables, Otherwise::Answer(errno)).map_err(too_large)
}

fn too_large(_: TooLarge) -> io::Error {
    io::ErrorKind::InvalidData.into()
}

fn own_pid() -> u32 {
    u32::try_from(process::own_pid()).unwrap_or(u32::MAX)
}

fn limits(setup: &Setup) -> io::Result<()> {
    for (resource, value) in [
        (Resource::Core, 0),
        (Resource::LockedMemory, 0),
        (Resource::MessageQueue, 0),
        (Resource::PendingSignals, 16),
        (Resource::Processes, THREADS_MAX),
        (Resource::OpenFiles, OPEN_FILES),
        (Resource::Stack, STACK_BYTES),
        (Resource::Data, setup.data_bytes),
        (Resource::AddressSpace, setup.address_bytes),
        (Resource::FileSize, setup.file_bytes),
    ] {
        confine::limit(resource, value, value)?;
    }
    confine::limit(Resource::Cpu, setup.cpu_seconds, setup.cpu_seconds.saturating_add(1))
}

/// The profile, and the directory for input and output.
fn prepare_files(start: &Start) -> io::Result<()> {
    let user = Path::new(root::SCRATCH).join(driver::PROFILE).join("user");
    let versionrc = std::fs::read_to_string(Path::new(&start.program).join("versionrc"))?;
    for directory in ["extensions/bundled", "extensions/shared", "config"] {
        std::fs::create_dir_all(user.join(directory))?;
    }
    let build = profile::build_id(&versionrc).unwrap_or("");
    std::fs::write(user.join("extensions/buildid"), build)?;
    // Younger than what comes with LibreOffice: its extensions are not looked through, let alone registered.
    for place in ["bundled", "shared"] {
        std::fs::write(user.join("extensions").join(place).join("lastsynchronized"), "1")?;
    }
    std::fs::write(user.join("registrymodifications.xcu"), profile::settings(&start.locale, build))?;
    std::fs::create_dir(Path::new(root::SCRATCH).join(driver::JOB))?;
    std::env::set_current_dir(root::SCRATCH)
}

const EPERM: u16 = 1;
const ENOSYS: u16 = 38;
/// LibreOffice has about ten threads while it converts.
const THREADS_MAX: u64 = 64;
const OPEN_FILES: u64 = 256;
const STACK_BYTES: u64 = 8 << 20;

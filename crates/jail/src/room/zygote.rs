//! The zygote: locks itself down, forks rooms, tells the supervisor how they end. No byte of a document reaches it.

use super::{Handler, Input, Rehearsal, RoomIo, job};
use crate::policy::program::{Otherwise, Program, TooLarge};
use crate::policy::table::{BABYSITTER, CLEAN, ROOM, Row, ZYGOTE};
use crate::sys::confine::{self, Dumpable, Resource};
use crate::sys::message::{self, Patience};
use crate::sys::process::{self, Forked};
use crate::sys::{allocator, descriptor, errno, pages};
use crate::wire::{Enforced, FD_JOB, FORBIDDEN, Role, Setup, Step, ZygoteMessage};
use std::ffi::CStr;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// A step failed: the supervisor is told, and nothing is served half locked down.
pub(crate) struct Failure {
    pub(crate) step: Step,
    pub(crate) source: io::Error,
}

/// Attaches the step to an error.
pub(crate) fn at<T>(step: Step) -> impl FnOnce(io::Error) -> Result<T, Failure> {
    move |source| Err(Failure { step, source })
}

/// Somebody typed `misogi room` by hand.
pub(crate) fn not_for_people() -> ! {
    eprintln!("`room` is how the gateway starts its own locked-down processes; it does nothing by hand");
    process::exit(2)
}

pub(super) fn run(
    role: Role,
    prepare: impl FnOnce(Role) -> Box<Handler>,
    rehearsals: impl FnOnce(Role) -> Vec<Rehearsal>,
    panic_on_damage: &'static [&'static str],
) -> ! {
    if !descriptor::is_socket(process::SOCKET) {
        not_for_people();
    }
    let control = descriptor::take(process::SOCKET);
    let mut buffer = Vec::new();
    let received = message::receive(control.as_fd(), &mut buffer, 256, Patience::Wait);
    let setup = match received {
        Ok(received) if !received.truncated => Setup::decode(&buffer),
        _ => None,
    };
    // The gateway is gone or is not our gateway.
    let Some(setup) = setup else { process::exit(1) };
    let handler = prepare(role);
    // Only what a room costs depends on these.
    know_processor();
    let rehearsals = rehearsals(role);
    let _ = pages::gather(|| rehearsals.iter().for_each(|job| rehearse(&handler, job)));
    let _ = pages::keep_library();
    allocator::settle();
    let zygote = match lock_down(&setup, role) {
        Ok(zygote) => zygote,
        Err(failure) => {
            let told = ZygoteMessage::Failed { step: failure.step, errno: errno(&failure.source) };
            let _ = tell(&control, &told, &[]);
            process::exit(1)
        }
    };
    job::install_panic_hook(panic_on_damage);
    serve(&control, &setup, zygote, &handler)
}

/// Asks the processor what it can do, which libraries that compress and search want to know. In a virtual machine each such question is
/// one to the host, and every room would ask the twenty of them anew.
fn know_processor() {
    #[cfg(target_arch = "x86_64")]
    let _ = std::hint::black_box(std::arch::is_x86_feature_detected!("avx2"));
}

fn rehearse(handler: &Handler, job: &Rehearsal) {
    let (mut out, mut side) = (io::sink(), io::sink());
    let mut tell = |_| ();
    // What came of it is of no interest.
    let input = Input::Mapped(&job.input);
    let _ = handler(&mut RoomIo { params: &job.params, input, out: &mut out, side: &mut side, tell: &mut tell });
}

/// What a locked-down zygote has.
struct Zygote {
    enforced: Enforced,
    handle: OwnedFd,
    /// What a room adds to the filter that it inherits.
    room_filter: Option<Program>,
}

/// The first steps of every process that a room comes from, and what they enforce: it keeps nothing that it inherited, dies with the
/// gateway and before it when memory runs out, and is a user of its own where there is one for it.
pub(crate) fn detach(setup: &Setup, name: &CStr) -> Result<Enforced, Failure> {
    descriptor::close_from(FD_JOB + 1).or_else(at(Step::Descriptors))?;
    confine::settle_signals().or_else(at(Step::Signals))?;
    confine::be_the_first_victim();
    confine::set_name(name);
    let mut enforced = Enforced::default();
    confine::die_with_parent().or_else(at(Step::Parent))?;
    if process::parent_pid() != setup.supervisor_pid {
        // The gateway died before the kernel knew that we want to die with it.
        process::exit(1);
    }
    if let Some(uid) = setup.uid {
        confine::become_user(uid).or_else(at(Step::User))?;
        // Changing ids made /proc/self root's and undid the parent-death signal.
        confine::set_dumpable(Dumpable::Yes).or_else(at(Step::Dumpable))?;
        confine::die_with_parent().or_else(at(Step::Parent))?;
        enforced.own_user = true;
    }
    Ok(enforced)
}

fn lock_down(setup: &Setup, role: Role) -> Result<Zygote, Failure> {
    let name = match role {
        Role::Dirty => c"misogi-dirty",
        Role::Clean => c"misogi-clean",
    };
    let mut enforced = detach(setup, name)?;
    if setup.namespaces {
        enter_namespaces(setup)?;
        enforced.namespaces = true;
        // Checked by the probe, which tries to make one.
        enforced.nested_namespaces_off = confine::write_existing("/proc/sys/user/max_user_namespaces", "0").is_ok();
        confine::empty_root().or_else(at(Step::Root))?;
        confine::set_host_name(c"room").or_else(at(Step::HostName))?;
    }
    confine::own_session().or_else(at(Step::Session))?;
    give_up_privileges()?;
    enforced.memory_deny_write_execute = confine::refuse_executable_gain().unwrap_or(false);
    if setup.landlock {
        // Best effort: what is in force is reported, and the level follows from it.
        enforced.landlock_abi = confine::landlock_deny_all().unwrap_or(0);
    }
    let handle = process::own_pidfd().or_else(at(Step::Handle))?;
    dead_ends().or_else(at(Step::Descriptors))?;
    limits(setup).or_else(at(Step::Limits))?;
    let mut room_filter = None;
    if setup.seccomp {
        let room: &[&[Row]] = match role {
            Role::Dirty => &[ROOM],
            Role::Clean => &[ROOM, CLEAN],
        };
        let zygote: &[&[Row]] = match role {
            Role::Dirty => &[ROOM, ZYGOTE],
            Role::Clean => &[ROOM, CLEAN, ZYGOTE],
        };
        room_filter = Some(too_large(Program::narrow(room, zygote, otherwise(setup)))?);
        confine::install_filter(compile(setup, zygote)?.for_process(0)).or_else(at(Step::Filter))?;
        enforced.seccomp = true;
    }
    Ok(Zygote { enforced, handle, room_filter })
}

fn compile(setup: &Setup, tables: &[&[Row]]) -> Result<Program, Failure> {
    too_large(Program::compile(tables, otherwise(setup)))
}

fn otherwise(setup: &Setup) -> Otherwise {
    if setup.answer_forbidden { Otherwise::Answer(FORBIDDEN) } else { Otherwise::Kill }
}

fn too_large(program: Result<Program, TooLarge>) -> Result<Program, Failure> {
    program.map_err(|_| Failure { step: Step::Filter, source: io::ErrorKind::InvalidData.into() })
}

/// Into new namespaces; returns in their first process, the zygote proper. The process that was started stays outside as its
/// babysitter: the pid namespace begins with a child, and somebody must die when the gateway dies.
pub(crate) fn enter_namespaces(setup: &Setup) -> Result<(), Failure> {
    let (uid, gid) = (process::effective_uid(), process::effective_gid());
    confine::unshare_all().or_else(at(Step::Namespaces))?;
    let map = |path: &str, text: &str| confine::write_existing(path, text).or_else(at(Step::IdMaps));
    map("/proc/self/setgroups", "deny")?;
    map("/proc/self/uid_map", &format!("{NOBODY} {uid} 1"))?;
    map("/proc/self/gid_map", &format!("{NOBODY} {gid} 1"))?;
    match process::fork_with_handle().or_else(at(Step::Fork))? {
        Forked::Child => confine::die_with_parent().or_else(at(Step::Parent)),
        Forked::Parent(..) => babysit(setup),
    }
}

/// Waits for the zygote and ends with it. It never reads a byte, but it stands outside the pid namespace, so it gives up
/// everything as well.
fn babysit(setup: &Setup) -> ! {
    let locked = give_up_privileges()
        .and_then(|()| dead_ends().or_else(at(Step::Descriptors)))
        .and_then(|()| limits(setup).or_else(at(Step::Limits)))
        .and_then(|()| if setup.seccomp { compile(setup, &[BABYSITTER]).map(Some) } else { Ok(None) })
        .and_then(|filter| {
            // Last of all, because closing is not in the babysitter's table. The zygote has its own copy.
            descriptor::close_from(FD_JOB).or_else(at(Step::Descriptors))?;
            match filter {
                Some(mut filter) => confine::install_filter(filter.for_process(0)).or_else(at(Step::Filter)),
                None => Ok(()),
            }
        });
    if locked.is_err() {
        // The zygote dies with its parent, and the supervisor sees a zygote that never became ready.
        process::exit(1);
    }
    // It has one child, so whatever ends is the zygote.
    let _ = process::wait_any();
    process::exit(0)
}

pub(crate) fn give_up_privileges() -> Result<(), Failure> {
    confine::drop_capabilities().or_else(at(Step::Capabilities))?;
    confine::no_new_privileges().or_else(at(Step::Privileges))?;
    confine::set_dumpable(Dumpable::No).or_else(at(Step::Dumpable))?;
    // Capabilities are part of what undoes the parent-death signal on some kernels; asking twice costs nothing.
    confine::die_with_parent().or_else(at(Step::Parent))
}

/// Descriptors 0 to 2 become ends of a pipe whose other end is closed: reading ends at once, writing fails. Nothing of the
/// gateway's stays, and nothing is shared between rooms that could carry a message.
pub(crate) fn dead_ends() -> io::Result<()> {
    let (read, write) = descriptor::pipe()?;
    drop(write);
    for number in 0..3 {
        descriptor::place(read.as_fd(), number)?;
    }
    Ok(())
}

fn limits(setup: &Setup) -> io::Result<()> {
    for (resource, value) in [
        (Resource::Core, 0),
        (Resource::LockedMemory, 0),
        (Resource::MessageQueue, 0),
        (Resource::PendingSignals, 16),
        (Resource::Stack, STACK_BYTES),
        (Resource::Data, setup.data_bytes),
        (Resource::AddressSpace, setup.address_bytes),
        (Resource::FileSize, setup.file_bytes),
    ] {
        confine::limit(resource, value, value)?;
    }
    Ok(())
}

fn serve(control: &OwnedFd, setup: &Setup, mut zygote: Zygote, handler: &Handler) -> ! {
    let own_pid = process::own_pid();
    // A supervisor that does not listen any more ends the zygote, and with it every room.
    fn told<T>(result: io::Result<T>) -> T {
        result.unwrap_or_else(|_| process::exit(1))
    }
    told(tell(control, &ZygoteMessage::Ready(zygote.enforced), &[zygote.handle.as_fd()]));
    let mut fork = || fork_spare(control, setup, &mut zygote.room_filter, own_pid, handler);
    for _ in 0..setup.spares {
        let spare = told(fork());
        told(tell(control, &ZygoteMessage::Spare { id: spare.id }, &spare.descriptors()));
        spare.hand_over();
    }
    // The last one is told of together with the end of the next room: each message wakes the supervisor. It has the others.
    let mut untold: Option<NewSpare> = None;
    loop {
        let ended = told(process::wait_any());
        let message = ZygoteMessage::Ended {
            id: u32::try_from(ended.pid).unwrap_or(0),
            spare: untold.as_ref().map_or(0, |spare| spare.id),
            status: ended.status,
            cpu_micros: ended.cpu_micros,
            max_rss_bytes: ended.max_rss_bytes,
        };
        match untold.take() {
            Some(spare) => {
                told(tell(control, &message, &spare.descriptors()));
                spare.hand_over();
            }
            None => told(tell(control, &message, &[])),
        }
        // Forking takes longer than anything the supervisor has to do now, and somebody waits for that.
        process::step_aside();
        let spare = told(fork());
        if setup.spares > 1 {
            untold = Some(spare);
        } else {
            told(tell(control, &ZygoteMessage::Spare { id: spare.id }, &spare.descriptors()));
            spare.hand_over();
        }
    }
}

/// A spare that the supervisor does not know of yet.
struct NewSpare {
    id: u32,
    socket: OwnedFd,
    handle: OwnedFd,
}

impl NewSpare {
    fn descriptors(&self) -> [BorrowedFd<'_>; 2] {
        [self.socket.as_fd(), self.handle.as_fd()]
    }

    /// The supervisor has its own copies now.
    fn hand_over(self) {
        [self.socket, self.handle].into_iter().for_each(descriptor::close);
    }
}

fn fork_spare(
    control: &OwnedFd,
    setup: &Setup,
    filter: &mut Option<Program>,
    zygote_pid: i32,
    handler: &Handler,
) -> io::Result<NewSpare> {
    let (socket, theirs) = descriptor::socket_pair()?;
    match process::fork_with_handle() {
        Ok(Forked::Child) => job::become_room(theirs, setup, filter.as_mut(), zygote_pid, handler),
        Ok(Forked::Parent(pid, handle)) => {
            descriptor::close(theirs);
            Ok(NewSpare { id: u32::try_from(pid).unwrap_or(0), socket, handle })
        }
        Err(error) => {
            let _ = tell(control, &ZygoteMessage::Failed { step: Step::Fork, errno: errno(&error) }, &[]);
            Err(error)
        }
    }
}

pub(crate) fn tell(control: &OwnedFd, message: &ZygoteMessage, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    message::send(control.as_fd(), &[IoSlice::new(&message.encode())], descriptors)
}

/// Who everybody is inside: a user that owns nothing.
pub(crate) const NOBODY: u32 = 65534;
const STACK_BYTES: u64 = 8 << 20;

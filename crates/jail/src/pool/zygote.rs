//! The supervisor's handle of one zygote: its control socket, its spares, its control group.

use super::cgroup::{self, Group, Hierarchy};
use super::host::Ids;
use crate::sys::descriptor::{self, Wait};
use crate::sys::message::{self, Patience};
use crate::sys::process::{self, Child};
use crate::wire::{Enforced, Role, Setup, Step, ZYGOTE_MESSAGE_BYTES, ZygoteMessage};
use std::collections::VecDeque;
use std::ffi::CString;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

/// Everything that the zygotes of a pool have in common.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) exe: CString,
    /// The arguments before the role.
    pub(super) arguments: Vec<CString>,
    /// The part of the set-up that is the same for all.
    pub(super) setup: Setup,
    /// What the self-attack found in force here: a zygote with less is not served by.
    pub(super) least: Enforced,
    /// Under whose user ids the rooms run.
    pub(super) ids: Ids,
    pub(super) hierarchy: Hierarchy,
    pub(super) group_memory_bytes: u64,
}

/// Why a zygote cannot serve.
#[derive(Debug, Clone, Copy)]
pub(super) struct StartFailure {
    pub(super) doing: &'static str,
    /// The step that failed, when the zygote itself said so.
    pub(super) step: Option<Step>,
    pub(super) errno: i32,
}

impl StartFailure {
    fn of(doing: &'static str, error: &io::Error) -> StartFailure {
        StartFailure { doing, step: None, errno: error.raw_os_error().unwrap_or(0) }
    }

    pub(super) fn warn(self, slot: usize) {
        tracing::warn!(event = "rooms_zygote_failed", slot, doing = self.doing, error = %self.source());
    }

    /// The kernel's answer.
    pub(super) fn source(self) -> io::Error {
        match self.errno {
            0 => io::ErrorKind::TimedOut.into(),
            errno => io::Error::from_raw_os_error(errno),
        }
    }
}

/// A room that waits for its job.
#[derive(Debug)]
pub(super) struct Spare {
    pub(super) id: u32,
    pub(super) socket: OwnedFd,
    pub(super) pidfd: OwnedFd,
}

/// The end of a room, as its zygote reaped it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    pub(super) id: u32,
    pub(super) status: i32,
    pub(super) cpu: Duration,
    pub(super) max_rss_bytes: u64,
}

/// What a zygote's message means to the one who waits.
#[derive(Debug)]
pub(super) enum Event {
    /// Bookkeeping, done.
    Noted,
    /// A room that had a job has ended.
    Ended(Ended),
    /// The zygote is gone or talks nonsense; it must not be used any more.
    Gone,
}

pub(super) struct Zygote {
    control: OwnedFd,
    child: Child,
    /// The zygote proper; with namespaces it is a grandchild.
    handle: Option<OwnedFd>,
    pub(super) enforced: Enforced,
    least: Enforced,
    pub(super) spares: VecDeque<Spare>,
    /// Documents this zygote's rooms were given.
    pub(super) served: u32,
    /// Output bytes that were taken out of its rooms: their pages stay charged to the group until they are freed.
    pub(super) taken_bytes: u64,
    group: Option<Group>,
    kills_seen: u64,
    early_ends: u32,
    failure: Option<StartFailure>,
    buffer: Vec<u8>,
}

impl Zygote {
    /// Starts one and sends it its set-up. It is not waited for: see [`Zygote::wait_for_spare`].
    pub(super) fn spawn(plan: &Plan, slot: usize, role: Role) -> Result<Zygote, StartFailure> {
        let (ours, theirs) = descriptor::socket_pair().map_err(|e| StartFailure::of("making a control socket", &e))?;
        let mut arguments = plan.arguments.clone();
        arguments.push(match role {
            Role::Dirty => c"dirty".to_owned(),
            Role::Clean => c"clean".to_owned(),
        });
        let child = process::spawn(&plan.exe, &arguments, theirs.as_fd())
            .map_err(|e| StartFailure::of("starting the executable again", &e))?;
        drop(theirs);
        let processes = u64::from(plan.setup.spares) + 8;
        let group = plan
            .hierarchy
            .make(&cgroup::name(), plan.group_memory_bytes, processes)
            .and_then(|group| group.map(|group| group.add(child.pid()).map(|()| group)).transpose())
            .map_err(|e| StartFailure::of("making a control group", &e))?;
        let offset = u32::try_from(slot).unwrap_or(u32::MAX / 4).saturating_mul(2);
        let offset = offset + u32::from(role == Role::Clean);
        let uid = match plan.ids {
            Ids::Own(first) => Some(first.saturating_add(offset)),
            Ids::Gateways { .. } => None,
        };
        let setup = Setup { uid, ..plan.setup };
        message::send(ours.as_fd(), &[IoSlice::new(&setup.encode())], &[])
            .map_err(|e| StartFailure::of("talking to a new zygote", &e))?;
        Ok(Zygote {
            control: ours,
            child,
            handle: None,
            enforced: Enforced::default(),
            least: plan.least,
            spares: VecDeque::new(),
            served: 0,
            taken_bytes: 0,
            group,
            kills_seen: 0,
            early_ends: 0,
            failure: None,
            buffer: Vec::new(),
        })
    }

    /// Waits until a room is there.
    pub(super) fn wait_for_spare(&mut self, limit: Duration) -> Result<(), StartFailure> {
        let deadline = Instant::now() + limit;
        while self.spares.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            let ready = descriptor::poll(&mut [self.wait()], Some(left))
                .map_err(|e| StartFailure::of("waiting for a new zygote", &e))?;
            if ready == 0 {
                return Err(StartFailure { doing: "waiting for a new zygote", step: None, errno: 0 });
            }
            if let Event::Gone = self.receive() {
                let silent = StartFailure { doing: "starting a zygote, which ended", step: None, errno: libc::ECHILD };
                return Err(self.failure.unwrap_or(silent));
            }
        }
        Ok(())
    }

    /// Why it cannot serve, where that is known.
    pub(super) fn failure(&self) -> Option<StartFailure> {
        self.failure
    }

    /// For a poll set.
    pub(super) fn wait(&self) -> Wait {
        descriptor::wait_for(self.control.as_fd())
    }

    /// Takes in all messages that are there; false when the zygote must not be used any more.
    pub(super) fn catch_up(&mut self) -> bool {
        loop {
            match descriptor::poll(&mut [self.wait()], Some(Duration::ZERO)) {
                Ok(0) => return true,
                Ok(_) => {
                    if let Event::Gone = self.receive() {
                        return false;
                    }
                }
                Err(_) => return false,
            }
        }
    }

    /// Takes in one message, without waiting.
    pub(super) fn receive(&mut self) -> Event {
        let received = message::receive(self.control.as_fd(), &mut self.buffer, ZYGOTE_MESSAGE_BYTES, Patience::Poll);
        let received = match received {
            Ok(received) if !received.truncated => received,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Event::Noted,
            _ => return Event::Gone,
        };
        match (ZygoteMessage::decode(&self.buffer), received.descriptors) {
            (Some(ZygoteMessage::Ready(enforced)), [Some(handle), None, None]) => {
                self.enforced = enforced;
                self.handle = Some(handle);
                if enforced.has_all_of(&self.least) {
                    return Event::Noted;
                }
                self.failure = Some(StartFailure { doing: LESS_THAN_BEFORE, step: None, errno: libc::EPERM });
                Event::Gone
            }
            (Some(ZygoteMessage::Spare { id }), [Some(socket), Some(pidfd), None]) => {
                self.spares.push_back(Spare { id, socket, pidfd });
                Event::Noted
            }
            (Some(ZygoteMessage::Ended { id, spare, status, cpu_micros, max_rss_bytes }), descriptors) => {
                match (spare, descriptors) {
                    (0, [None, None, None]) => {}
                    (1.., [Some(socket), Some(pidfd), None]) => {
                        self.spares.push_back(Spare { id: spare, socket, pidfd });
                    }
                    _ => return Event::Gone,
                }
                let before = self.spares.len();
                self.spares.retain(|spare| spare.id != id);
                if self.spares.len() != before {
                    // A room that ended before it had a job. Once is an accident; again and again is a zygote whose rooms
                    // cannot live, and which would fork for ever.
                    self.early_ends += 1;
                    return if self.early_ends > EARLY_ENDS_MAX { Event::Gone } else { Event::Noted };
                }
                Event::Ended(Ended { id, status, cpu: Duration::from_micros(cpu_micros), max_rss_bytes })
            }
            (Some(ZygoteMessage::Failed { step, errno }), _) => {
                self.failure = Some(StartFailure { doing: step.doing(), step: Some(step), errno });
                Event::Gone
            }
            _ => Event::Gone,
        }
    }

    /// True when the out-of-memory killer struck in this group since the last time somebody asked.
    pub(super) fn ran_out_of_memory(&mut self) -> bool {
        let kills = self.group.as_ref().map_or(0, Group::out_of_memory_kills);
        let new = kills > self.kills_seen;
        self.kills_seen = kills;
        new
    }
}

impl Drop for Zygote {
    fn drop(&mut self) {
        if let Some(handle) = &self.handle {
            let _ = process::kill(handle.as_fd());
            // With a pid namespace this takes every room with it, before the zygote counts as dead.
            process::is_dead(handle.as_fd(), END_LIMIT);
        }
        self.child.end();
        for spare in &self.spares {
            let _ = process::kill(spare.pidfd.as_fd());
            process::is_dead(spare.pidfd.as_fd(), END_LIMIT);
        }
    }
}

const EARLY_ENDS_MAX: u32 = 8;
const LESS_THAN_BEFORE: &str = "locking down a zygote, which lacks a layer that earlier ones had";
/// The kernel needs microseconds for this; a loaded machine may need more.
const END_LIMIT: Duration = Duration::from_secs(2);

//! One slot's two zygotes and the supervision of the one or two rooms that work at a time.
//!
//! The supervisor sleeps on the zygotes' control sockets only. A room's reply is not waited for: it is judged when the room is
//! dead, together with the proof that it is the only one. That is one wake-up per room, and leaves a hostile room nothing to
//! race against. Of a document whose progress is shown, its living room may say two numbers, which the supervisor takes in at times
//! of its own choosing.

use super::Pages;
use super::zygote::{Ended, Event, Plan, Spare, StartFailure, Zygote};
use crate::room::PagesDone;
use crate::sys::descriptor::{self, WAIT_FOR_NOTHING};
use crate::sys::message::{self, Patience};
use crate::sys::process;
use crate::verdict::{Evidence, Judgement, Usage, Verdict, judge};
use crate::wire::{Answer, IN_MESSAGE_MAX, InReply, JobHead, REPLY_BYTES, Role, Told};
use std::fs::File;
use std::io::{IoSlice, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A room at work.
pub(super) struct Running {
    spare: Spare,
    out_limit: u64,
    side_limit: u64,
    started: Instant,
    overdue: bool,
    /// Ended for the other half of its chain.
    stopped: bool,
    /// Ended because the pool was closed.
    closed: bool,
    in_reply: InReply,
    /// Where it says how far it is, if it may.
    pub(super) pages: Option<Arc<Pages>>,
    /// How far it said it was, last.
    told: Option<Told>,
    /// It said more than an answer.
    spoke: bool,
    /// What it said beside that while it lived, looked at when it is dead.
    early: Option<Message>,
    result: Option<Finished>,
}

impl Running {
    fn kill(&self) {
        let _ = process::kill(self.spare.pidfd.as_fd());
    }

    fn stop(&mut self) {
        self.stopped = true;
        let _ = process::stop(self.spare.pidfd.as_fd());
    }

    /// Takes in how far the living room is, a few messages at a time: one that says more is not listened to for it.
    fn look(&mut self) {
        let Some(pages) = self.pages.clone() else { return };
        for _ in 0..LOOKED_AT {
            if self.early.is_some() {
                return;
            }
            match message_of(self) {
                Some(Message::Told(Told { done, of })) => pages.say(PagesDone { done, of }),
                Some(other) => self.early = Some(other),
                None => return,
            }
        }
    }
}

/// What a room said.
enum Message {
    /// How far it is, where that was asked for.
    Told(Told),
    /// Its answer; `None` for what is none.
    Answer(Option<Answer>),
    /// That it says no more.
    End,
}

/// What became of one room.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) judgement: Judgement,
    pub(super) usage: Usage,
    /// The main output, where it came with the reply.
    pub(super) out: Option<Box<[u8]>>,
    /// The side output, where it came with the reply.
    pub(super) side: Option<Box<[u8]>>,
    /// It said more than an answer, which somebody may have seen while it lived.
    pub(super) spoke: bool,
}

impl Finished {
    fn is_done(&self) -> bool {
        matches!(self.judgement, Judgement::Done { .. })
    }
}

/// The rooms of a slot. Index 0 is dirty, 1 is clean.
pub(super) struct Rooms {
    plan: Arc<Plan>,
    slot: usize,
    pub(super) zygotes: [Option<Zygote>; 2],
    /// Successors of zygotes that have served long enough, still starting.
    successors: [Option<Zygote>; 2],
}

pub(super) fn index(role: Role) -> usize {
    match role {
        Role::Dirty => 0,
        Role::Clean => 1,
    }
}

const ROLES: [Role; 2] = [Role::Dirty, Role::Clean];

impl Rooms {
    pub(super) fn new(plan: Arc<Plan>, slot: usize) -> Rooms {
        Rooms { plan, slot, zygotes: [None, None], successors: [None, None] }
    }

    fn zygote(&mut self, role: Role) -> Option<&mut Zygote> {
        let [dirty, clean] = &mut self.zygotes;
        match role {
            Role::Dirty => dirty.as_mut(),
            Role::Clean => clean.as_mut(),
        }
    }

    /// Ends a zygote and all its rooms.
    pub(super) fn discard(&mut self, role: Role) {
        if let Some(place) = self.zygotes.get_mut(index(role)) {
            *place = None;
        }
    }

    /// Makes sure that each of these roles has a room waiting; tells how many zygotes had to be started.
    pub(super) fn ensure(&mut self, roles: &[Role], limit: Duration) -> Result<u32, StartFailure> {
        let started = self.begin(roles)?;
        for role in roles {
            let Some(zygote) = self.zygote(*role) else { continue };
            if let Err(failure) = zygote.wait_for_spare(limit) {
                self.discard(*role);
                return Err(failure);
            }
        }
        Ok(started)
    }

    /// Starts the zygotes that are missing, all at the same time.
    pub(super) fn begin(&mut self, roles: &[Role]) -> Result<u32, StartFailure> {
        let mut started = 0;
        for role in roles {
            self.adopt_successor(*role);
            let Some(place) = self.zygotes.get_mut(index(*role)) else { continue };
            if place.is_none() {
                *place = Some(Zygote::spawn(&self.plan, self.slot, *role)?);
                started += 1;
            }
        }
        Ok(started)
    }

    /// Starts a successor for a zygote that has served long enough; it takes over when its first room waits.
    /// True when one was started.
    pub(super) fn retire(&mut self, role: Role) -> bool {
        match self.successors.get_mut(index(role)).filter(|place| place.is_none()) {
            Some(place) => {
                *place = Zygote::spawn(&self.plan, self.slot, role).ok();
                place.is_some()
            }
            None => false,
        }
    }

    fn adopt_successor(&mut self, role: Role) {
        let Some(place) = self.successors.get_mut(index(role)) else { return };
        let Some(successor) = place else { return };
        if !successor.catch_up() {
            if let Some(failure) = successor.failure() {
                failure.warn(self.slot);
            }
            *place = None;
        } else if !successor.spares.is_empty() {
            let successor = place.take();
            if let Some(current) = self.zygotes.get_mut(index(role)) {
                *current = successor;
            }
        }
    }

    /// Gives a job to a waiting room; `None` when none took it. A room that did not take it never saw it.
    pub(super) fn start(
        &mut self,
        role: Role,
        head: &JobHead,
        params: &[u8],
        given: &[u8],
        descriptors: &[BorrowedFd<'_>; 3],
    ) -> Option<Running> {
        let bytes = head.encode();
        let message = [IoSlice::new(&bytes), IoSlice::new(params), IoSlice::new(given)];
        for _ in 0..START_ROUNDS {
            while let Some(spare) = self.zygote(role)?.spares.pop_front() {
                let started = Instant::now();
                if message::send(spare.socket.as_fd(), &message, descriptors).is_err() {
                    // It died while it waited.
                    continue;
                }
                let zygote = self.zygote(role)?;
                zygote.served = zygote.served.saturating_add(1);
                return Some(Running {
                    spare,
                    out_limit: head.out_limit,
                    side_limit: head.side_limit,
                    started,
                    overdue: false,
                    stopped: false,
                    closed: false,
                    in_reply: head.in_reply,
                    pages: None,
                    told: None,
                    spoke: false,
                    early: None,
                    result: None,
                });
            }
            if self.ensure(&[role], START_LIMIT).is_err() {
                return None;
            }
        }
        None
    }

    /// Waits until the rooms are dead, kills them at the deadline, and the other half of a chain when one half fails.
    ///
    /// `wake` interrupts: when it is readable and `closing` says so, everything is killed.
    pub(super) fn finish(
        &mut self,
        mut running: [Option<Running>; 2],
        deadline: Duration,
        cpu_limit: Duration,
        wake: Option<(&File, &dyn Fn() -> bool)>,
    ) -> [Option<Finished>; 2] {
        let begun = Instant::now();
        let deadline = begun + deadline;
        let mut patience_for_dirty: Option<Instant> = None;
        let mut killed_at: Option<Instant> = None;
        let mut next_look = running.iter().flatten().any(|room| room.pages.is_some()).then(|| begun + LOOK_EVERY);
        while running.iter().flatten().any(|room| room.result.is_none()) {
            let now = Instant::now();
            let mut until = deadline;
            if let Some(killed_at) = killed_at {
                until = killed_at + KILL_LIMIT;
                if now >= until {
                    // The zygote does not tell of the end of a room that was killed: it is not to be trusted any more.
                    self.give_up(&mut running, cpu_limit);
                    break;
                }
            } else if now >= deadline {
                for room in running.iter_mut().flatten().filter(|room| room.result.is_none()) {
                    room.overdue = true;
                    room.kill();
                }
                killed_at = Some(now);
                continue;
            }
            if let Some(patience) = patience_for_dirty {
                if now >= patience {
                    stop(&mut running, 0);
                    patience_for_dirty = None;
                    killed_at = killed_at.or(Some(now));
                    continue;
                }
                until = until.min(patience);
            }
            if let Some(look) = &mut next_look {
                if now >= *look {
                    running.iter_mut().flatten().filter(|room| room.result.is_none()).for_each(Running::look);
                    *look = now + LOOK_EVERY;
                }
                until = until.min(*look);
            }
            let mut waits = [WAIT_FOR_NOTHING; 3];
            for ((place, zygote), room) in waits.iter_mut().zip(&self.zygotes).zip(&running) {
                if let (Some(zygote), Some(Running { result: None, .. })) = (zygote, room) {
                    *place = zygote.wait();
                }
            }
            if let (Some((wake, _)), [.., last]) = (wake, &mut waits) {
                *last = descriptor::wait_for(wake.as_fd());
            }
            if descriptor::poll(&mut waits, Some(until.saturating_duration_since(now))).is_err() {
                self.give_up(&mut running, cpu_limit);
                break;
            }
            let [dirty, clean, woken] = waits.map(|wait| wait.revents != 0);
            if let (true, Some((mut wake, closing))) = (woken, wake) {
                let _ = wake.read(&mut [0; 8]);
                if closing() {
                    for room in running.iter_mut().flatten().filter(|room| room.result.is_none()) {
                        room.closed = true;
                        room.kill();
                    }
                    killed_at = killed_at.or(Some(Instant::now()));
                }
            }
            for (role, ready) in ROLES.into_iter().zip([dirty, clean]) {
                if ready {
                    self.hear(role, &mut running, cpu_limit);
                }
            }
            if let [Some(dirty), Some(clean)] = &running {
                match (&dirty.result, &clean.result) {
                    (Some(ended), None) if !ended.is_done() && !clean.stopped => {
                        stop(&mut running, 1);
                        killed_at = killed_at.or(Some(Instant::now()));
                    }
                    // The dirty half may itself be about to end badly, which made the clean half fail: let it speak first.
                    (None, Some(ended)) if !ended.is_done() && !dirty.stopped => {
                        patience_for_dirty = patience_for_dirty.or(Some(Instant::now() + PATIENCE));
                    }
                    _ => {}
                }
            }
        }
        running.map(|room| room?.result)
    }

    /// Takes in one message of a zygote and judges the room it tells of.
    fn hear(&mut self, role: Role, running: &mut [Option<Running>; 2], cpu_limit: Duration) {
        let Some(zygote) = self.zygote(role) else { return };
        let Some(room) = running.get_mut(index(role)).and_then(Option::as_mut) else { return };
        match zygote.receive() {
            Event::Noted => {}
            Event::Ended(ended) if ended.id == room.spare.id => {
                // The zygote says so; the kernel has the last word before anything the room wrote is looked at.
                if process::is_dead(room.spare.pidfd.as_fd(), DEATH_LIMIT) {
                    room.result = Some(conclude(room, Some(ended), Some(zygote), cpu_limit));
                } else {
                    self.lost(role, running, cpu_limit);
                }
            }
            // The end of a room that was given up earlier.
            Event::Ended(_) => {}
            Event::Gone => self.lost(role, running, cpu_limit),
        }
    }

    /// A zygote is gone: its room goes with it.
    fn lost(&mut self, role: Role, running: &mut [Option<Running>; 2], cpu_limit: Duration) {
        self.discard(role);
        if let Some(room) = running.get_mut(index(role)).and_then(Option::as_mut).filter(|room| room.result.is_none()) {
            room.kill();
            process::is_dead(room.spare.pidfd.as_fd(), KILL_LIMIT);
            room.result = Some(conclude(room, None, None, cpu_limit));
        }
    }

    fn give_up(&mut self, running: &mut [Option<Running>; 2], cpu_limit: Duration) {
        for role in ROLES {
            if running.get(index(role)).and_then(Option::as_ref).is_some_and(|room| room.result.is_none()) {
                self.lost(role, running, cpu_limit);
            }
        }
    }
}

fn stop(running: &mut [Option<Running>; 2], which: usize) {
    if let Some(room) = running.get_mut(which).and_then(Option::as_mut).filter(|room| room.result.is_none()) {
        room.stop();
    }
}

/// Judges a room that is dead.
fn conclude(room: &mut Running, ended: Option<Ended>, zygote: Option<&mut Zygote>, cpu_limit: Duration) -> Finished {
    let status = ended.map(|ended| ended.status);
    let unexplained = status.is_some_and(|status| libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGKILL)
        && !room.overdue;
    let usage = Usage {
        wall: room.started.elapsed(),
        cpu: ended.map_or(Duration::ZERO, |ended| ended.cpu),
        max_rss_bytes: ended.map_or(0, |ended| ended.max_rss_bytes),
    };
    let (reply, out, side) = match only_answer(room) {
        Some(Answer { reply, out, side }) => (Some(reply), out, side),
        None => (None, None, None),
    };
    let evidence = Evidence {
        status,
        cpu: usage.cpu,
        cpu_limit,
        overdue: room.overdue,
        stopped: room.stopped,
        out_of_memory: unexplained && zygote.is_some_and(Zygote::ran_out_of_memory),
        reply,
        out_limit: room.out_limit,
        side_limit: room.side_limit,
    };
    let judgement = match judge(&evidence) {
        done @ Judgement::Done { .. } => done,
        // Whatever it says now may follow from the end of the other half, which was killed at the same time.
        _ if room.closed => Judgement::Failed(Verdict::Killed),
        judgement => judgement,
    };
    Finished { judgement, usage, out, side, spoke: room.spoke }
}

/// The next message of a room; `None` when there is none.
fn message_of(room: &mut Running) -> Option<Message> {
    // Room for one byte more than an answer has, so that a longer one is seen to be longer.
    let behind = match room.in_reply {
        InReply::Nothing => 0,
        InReply::Small => 2 * IN_MESSAGE_MAX,
    };
    let most = REPLY_BYTES + 1 + behind;
    let mut buffer = Vec::new();
    let received = message::receive(room.spare.socket.as_fd(), &mut buffer, most, Patience::Poll).ok()?;
    if buffer.is_empty() {
        return Some(Message::End);
    }
    let plain = !received.truncated && received.descriptors.iter().all(Option::is_none);
    let may_tell = plain && room.pages.is_some();
    if let Some(told) = Told::decode(&buffer).filter(|told| may_tell && told.may_follow(room.told)) {
        (room.told, room.spoke) = (Some(told), true);
        return Some(Message::Told(told));
    }
    let answer = if plain { Answer::decode(&buffer, room.in_reply) } else { None };
    room.spoke |= answer.is_none();
    Some(Message::Answer(answer))
}

/// The answer, if that is all that the dead room said, beside how far it was, and it is well-formed and without descriptors.
fn only_answer(room: &mut Running) -> Option<Answer> {
    // How much is left to be read is bounded by what a socket holds.
    let first = loop {
        match room.early.take().or_else(|| message_of(room)) {
            Some(Message::Told(_)) => {}
            Some(Message::Answer(answer)) => break answer,
            Some(Message::End) | None => return None,
        }
    };
    // Whatever follows makes the first one worthless: a room that speaks twice is not ours. An empty message looks like the end
    // of them, so it is not the next one that is asked for but what all of them hold.
    match descriptor::unread(room.spare.socket.as_fd()) {
        Ok(0) => first,
        Ok(_) | Err(_) => None,
    }
}

/// How often a room is asked how far it is.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Messages that are looked at each time: more than one of ours says between two looks.
const LOOKED_AT: u32 = 8;
/// How often new rooms are waited for when those that waited are dead.
const START_ROUNDS: u32 = 3;
/// How long a zygote may take to have its first room. It takes milliseconds; a loaded machine takes longer.
pub(super) const START_LIMIT: Duration = Duration::from_secs(10);
/// How long the dirty half of a chain may take to end by itself after the clean half has failed.
const PATIENCE: Duration = Duration::from_millis(50);
/// How long the end of a killed room may take to be known.
const KILL_LIMIT: Duration = Duration::from_secs(5);
/// A reaped process is dead already; this only bounds a lie.
const DEATH_LIMIT: Duration = Duration::from_millis(20);

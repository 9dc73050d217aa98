//! The supervisor's handle of one instance: one process tree, at most one document, then nothing of it is left.

use super::wire::{NEWS_BYTES_MAX, News, Start};
use crate::pool::cgroup::{self, Group, Hierarchy};
use crate::pool::host::Ids;
use crate::sys::descriptor::{self, WAIT_FOR_NOTHING};
use crate::sys::message::{self, Patience};
use crate::sys::process::{self, Child};
use crate::verdict::{Evidence, Judgement, Usage, judge};
use crate::wire::{Answer, Enforced, InReply, JobHead, REPLY_BYTES, Step, ZYGOTE_MESSAGE_BYTES, ZygoteMessage};
use std::ffi::CString;
use std::fs::File;
use std::io::{self, IoSlice, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// What all instances have in common.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) exe: CString,
    /// The arguments, the room's name among them.
    pub(super) arguments: Vec<CString>,
    pub(super) start: Start,
    pub(super) ids: Ids,
    pub(super) hierarchy: Hierarchy,
    /// What the first instance had in force: one with less gets no document.
    pub(super) least: Enforced,
    pub(super) memory_bytes: u64,
    pub(super) group_memory_bytes: u64,
}

/// Why there is no instance.
#[derive(Clone, Debug)]
pub(super) struct StartFailure {
    /// The step that failed, where the instance said so.
    pub(super) step: Option<Step>,
    pub(super) errno: i32,
    pub(super) why: String,
}

impl StartFailure {
    fn of(doing: &str, error: &io::Error) -> StartFailure {
        StartFailure { step: None, errno: error.raw_os_error().unwrap_or(0), why: format!("{doing}: {error}") }
    }

    fn new(why: impl Into<String>) -> StartFailure {
        StartFailure { step: None, errno: 0, why: why.into() }
    }
}

/// The office process of an instance.
struct Office {
    id: u32,
    socket: OwnedFd,
    pidfd: OwnedFd,
}

pub(super) struct Instance {
    control: OwnedFd,
    child: Child,
    /// The first process of the pid namespace: its end is the end of all.
    first: Option<OwnedFd>,
    office: Option<Office>,
    pub(super) enforced: Enforced,
    least: Enforced,
    pub(super) version: Option<String>,
    ended: Option<Ended>,
    group: Option<Group>,
    buffer: Vec<u8>,
}

#[derive(Clone, Copy)]
struct Ended {
    status: i32,
    cpu: Duration,
    max_rss_bytes: u64,
}

/// What became of a document.
pub(super) struct Finished {
    pub(super) judgement: Judgement,
    pub(super) usage: Usage,
}

/// The job was not taken: the instance was dead, and nothing was opened.
pub(super) struct NotTaken;

/// What may interrupt a conversion: an event counter, and whether it means the end of everything.
pub(super) type Wake<'a> = (&'a File, &'a dyn Fn() -> bool);

impl Instance {
    /// Starts one; `number` chooses its user. It is not waited for: see [`Instance::wait`].
    pub(super) fn spawn(plan: &Plan, number: u32) -> Result<Instance, StartFailure> {
        let (ours, theirs) = descriptor::socket_pair().map_err(|e| StartFailure::of("making a control socket", &e))?;
        let child = process::spawn(&plan.exe, &plan.arguments, theirs.as_fd())
            .map_err(|e| StartFailure::of("starting the executable again", &e))?;
        drop(theirs);
        let group = plan
            .hierarchy
            .make(&cgroup::name(), plan.group_memory_bytes, PROCESSES_MAX)
            .and_then(|group| group.map(|group| group.add(child.pid()).map(|()| group)).transpose())
            .map_err(|e| StartFailure::of("making a control group", &e))?;
        let mut start = plan.start.clone();
        start.setup.uid = match plan.ids {
            Ids::Own(first) => Some(first.saturating_add(number % super::USERS)),
            Ids::Gateways { .. } => None,
        };
        // The group counts better and says so when it strikes; the limit a process carries itself is then only a backstop.
        let factor = if group.is_some() { 2 } else { 1 };
        start.setup.data_bytes = plan.memory_bytes.saturating_mul(factor);
        start.setup.address_bytes = start.setup.data_bytes.saturating_add(ADDRESS_SLACK);
        message::send(ours.as_fd(), &[IoSlice::new(&start.encode())], &[])
            .map_err(|e| StartFailure::of("talking to a new instance", &e))?;
        Ok(Instance {
            control: ours,
            child,
            first: None,
            office: None,
            enforced: Enforced::default(),
            least: plan.least,
            version: None,
            ended: None,
            group,
            buffer: Vec::new(),
        })
    }

    /// Waits until LibreOffice waits for its document.
    pub(super) fn wait(&mut self, limit: Duration, wake: Option<Wake<'_>>) -> Result<(), StartFailure> {
        let deadline = Instant::now() + limit;
        while self.version.is_none() {
            let left = deadline.saturating_duration_since(Instant::now());
            let mut waits = [descriptor::wait_for(self.control.as_fd()), WAIT_FOR_NOTHING, WAIT_FOR_NOTHING];
            if let ([_, place, _], Some(office)) = (&mut waits, &self.office) {
                *place = descriptor::wait_for(office.socket.as_fd());
            }
            if let ([.., place], Some((wake, _))) = (&mut waits, wake) {
                *place = descriptor::wait_for(wake.as_fd());
            }
            let ready = descriptor::poll(&mut waits, Some(left))
                .map_err(|e| StartFailure::of("waiting for LibreOffice to start", &e))?;
            if ready == 0 {
                return Err(StartFailure::new("LibreOffice did not start in time"));
            }
            let [control, news, woken] = waits.map(|wait| wait.revents != 0);
            if woken && interrupted(wake) {
                return Err(StartFailure::new("the converter was closed"));
            }
            // First what it says itself: when it ends, that is why.
            if news {
                self.hear_news()?;
            } else if control {
                self.hear()?;
                if let Some(ended) = self.ended {
                    return Err(StartFailure::new(format!("LibreOffice ended while it started ({:#x})", ended.status)));
                }
            }
        }
        Ok(())
    }

    fn hear_news(&mut self) -> Result<(), StartFailure> {
        let Some(office) = &self.office else { return Ok(()) };
        let received = message::receive(office.socket.as_fd(), &mut self.buffer, NEWS_BYTES_MAX, Patience::Poll);
        match (received, News::decode(&self.buffer)) {
            (Ok(received), Some(News::Waiting(version))) if !received.truncated => {
                self.version = Some(version);
                Ok(())
            }
            (Ok(_), Some(News::Failed(why))) => Err(StartFailure::new(why)),
            (Err(error), _) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            _ => {
                let how = self.await_end(DEATH_LIMIT).map_or(String::new(), |ended| format!(" ({:#x})", ended.status));
                Err(StartFailure::new(format!("LibreOffice ended while it started{how}")))
            }
        }
    }

    /// Takes in one message of the first process.
    fn hear(&mut self) -> Result<(), StartFailure> {
        let received = message::receive(self.control.as_fd(), &mut self.buffer, ZYGOTE_MESSAGE_BYTES, Patience::Poll);
        let received = match received {
            Ok(received) if !received.truncated => received,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            _ => return Err(StartFailure::new("an instance broke off")),
        };
        match (ZygoteMessage::decode(&self.buffer), received.descriptors) {
            (Some(ZygoteMessage::Ready(enforced)), [Some(handle), None, None]) => {
                self.enforced = enforced;
                self.first = Some(handle);
                if enforced.has_all_of(&self.least) {
                    return Ok(());
                }
                Err(StartFailure::new("an instance lacks a layer that earlier ones had"))
            }
            (Some(ZygoteMessage::Spare { id }), [Some(socket), Some(pidfd), None]) if self.office.is_none() => {
                self.office = Some(Office { id, socket, pidfd });
                Ok(())
            }
            (Some(ZygoteMessage::Ended { id, spare: 0, status, cpu_micros, max_rss_bytes }), [None, None, None])
                if self.office.as_ref().is_some_and(|office| office.id == id) && self.ended.is_none() =>
            {
                self.ended = Some(Ended { status, cpu: Duration::from_micros(cpu_micros), max_rss_bytes });
                Ok(())
            }
            (Some(ZygoteMessage::Failed { step, errno }), _) => {
                let why = format!("{}: {}", step.doing(), io::Error::from_raw_os_error(errno));
                Err(StartFailure { step: Some(step), errno, why })
            }
            _ => Err(StartFailure::new("an instance broke off or talks nonsense")),
        }
    }

    /// Has it convert its one document. `descriptors` are input and output.
    pub(super) fn convert(
        &mut self,
        head: &JobHead,
        params: &[u8],
        descriptors: &[BorrowedFd<'_>],
        deadline: Duration,
        cpu_limit: Duration,
        wake: Option<Wake<'_>>,
    ) -> Result<Finished, NotTaken> {
        let Some(office) = &self.office else { return Err(NotTaken) };
        let begun = Instant::now();
        let message = [&head.encode()[..], params].concat();
        message::send(office.socket.as_fd(), &[IoSlice::new(&message)], descriptors).map_err(|_| NotTaken)?;
        let end = begun + deadline;
        let (mut overdue, mut closed, mut killed_at) = (false, false, None::<Instant>);
        while self.ended.is_none() {
            let now = Instant::now();
            let until = killed_at.map_or(end, |at| at + KILL_LIMIT);
            if now >= until {
                if killed_at.is_some() {
                    break;
                }
                overdue = true;
                killed_at = Some(now);
                self.kill_office();
                continue;
            }
            let mut waits = [descriptor::wait_for(self.control.as_fd()), WAIT_FOR_NOTHING];
            if let ([_, place], Some((wake, _))) = (&mut waits, wake) {
                *place = descriptor::wait_for(wake.as_fd());
            }
            if descriptor::poll(&mut waits, Some(until - now)).is_err() {
                break;
            }
            let [control, woken] = waits.map(|wait| wait.revents != 0);
            if woken && interrupted(wake) {
                closed = true;
                killed_at = killed_at.or(Some(now));
                self.kill_office();
            }
            // The first process is trusted as far as a zygote is; if it is gone, so is everything.
            if control && self.hear().is_err() {
                break;
            }
        }
        Ok(self.conclude(head, begun, overdue, closed, cpu_limit))
    }

    fn kill_office(&self) {
        if let Some(office) = &self.office {
            let _ = process::kill(office.pidfd.as_fd());
        }
    }

    /// Judges the document by what is left of it: a dead process and its words.
    fn conclude(
        &mut self,
        head: &JobHead,
        begun: Instant,
        overdue: bool,
        closed: bool,
        cpu_limit: Duration,
    ) -> Finished {
        let ended = self.ended.filter(|_| {
            // The kernel has the last word before anything it wrote is looked at.
            self.office.as_ref().is_some_and(|office| process::is_dead(office.pidfd.as_fd(), DEATH_LIMIT))
        });
        let reply = self.office.as_ref().and_then(|office| only_answer(office.socket.as_fd()));
        let usage = Usage {
            wall: begun.elapsed(),
            cpu: ended.map_or(Duration::ZERO, |ended| ended.cpu),
            max_rss_bytes: ended.map_or(0, |ended| ended.max_rss_bytes),
        };
        let evidence = Evidence {
            status: ended.map(|ended| ended.status),
            cpu: usage.cpu,
            cpu_limit,
            overdue,
            stopped: false,
            out_of_memory: self.group.as_ref().is_some_and(|group| group.out_of_memory_kills() > 0),
            reply: reply.map(|answer| answer.reply),
            out_limit: head.out_limit,
            side_limit: 0,
        };
        let judgement = match judge(&evidence) {
            done @ Judgement::Done { .. } => done,
            _ if closed => Judgement::Failed(crate::Verdict::Killed),
            judgement => judgement,
        };
        Finished { judgement, usage }
    }

    /// Waits for the word of the first process that the office has ended.
    fn await_end(&mut self, limit: Duration) -> Option<Ended> {
        let deadline = Instant::now() + limit;
        while self.ended.is_none() {
            let left = deadline.saturating_duration_since(Instant::now());
            let ready = descriptor::poll(&mut [descriptor::wait_for(self.control.as_fd())], Some(left));
            if ready.ok()? == 0 || self.hear().is_err() {
                break;
            }
        }
        self.ended
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if let Some(first) = &self.first {
            // With the pid namespace's first process everything in it goes, before that process counts as dead.
            let _ = process::kill(first.as_fd());
            process::is_dead(first.as_fd(), KILL_LIMIT);
        }
        self.child.end();
        if let Some(office) = &self.office {
            process::is_dead(office.pidfd.as_fd(), KILL_LIMIT);
        }
    }
}

/// Empties the event counter; true when everything is to end.
fn interrupted(wake: Option<Wake<'_>>) -> bool {
    wake.is_some_and(|(mut counter, closing)| {
        let _ = counter.read(&mut [0; 8]);
        closing()
    })
}

/// The answer, if that is all that the dead office said and it is well-formed and without descriptors.
fn only_answer(socket: BorrowedFd<'_>) -> Option<Answer> {
    let mut buffer = Vec::new();
    let received = message::receive(socket, &mut buffer, REPLY_BYTES + 1, Patience::Poll).ok()?;
    let plain = !received.truncated && received.descriptors.iter().all(Option::is_none);
    // An empty message would look like the end of them.
    let alone = descriptor::unread(socket).is_ok_and(|bytes| bytes == 0);
    if plain && alone { Answer::decode(&buffer, InReply::Nothing) } else { None }
}

/// Babysitter, first process, and the threads of the office.
const PROCESSES_MAX: u64 = 72;
/// Libraries, fonts and other files that are mapped.
const ADDRESS_SLACK: u64 = 3 << 30;
const KILL_LIMIT: Duration = Duration::from_secs(5);
const DEATH_LIMIT: Duration = Duration::from_millis(200);

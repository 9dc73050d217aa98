//! What gateway, zygote and room say to each other: fixed layouts, little endian, checked to the last byte.
//!
//! Replies come from a process that is assumed to be hostile: decoding them is total, and whatever is not exactly a reply is
//! a broken protocol.

use form::reason::{Class, Reason, Refusal};
use std::ffi::c_int;

/// The numbers under which a room finds its descriptors.
pub(crate) const FD_JOB: u32 = 3;
pub(crate) const FD_IN: u32 = 4;
pub(crate) const FD_OUT: u32 = 5;
pub(crate) const FD_SIDE: u32 = 6;

/// Exit codes by which a room names its own end. A hostile room can pretend to any of them and gains another name for failure.
pub(crate) const EXIT_OK: c_int = 0;
pub(crate) const EXIT_MEMORY: c_int = 70;
pub(crate) const EXIT_OUTPUT: c_int = 71;
pub(crate) const EXIT_PANIC: c_int = 72;
pub(crate) const EXIT_JOB: c_int = 73;
pub(crate) const EXIT_PEER_GONE: c_int = 74;

/// The largest parameter blob of a job.
pub const PARAMS_MAX: usize = 16 * 1024;

/// Cursor over bytes that are taken from the front.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk::<N>()?;
        self.0 = tail;
        Some(*head)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn i32(&mut self) -> Option<i32> {
        self.take().map(i32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn flag(&mut self) -> Option<bool> {
        match self.u8()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    /// The message ends here.
    fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

/// What a room is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Parses hostile bytes and lowers them to the form.
    Dirty,
    /// Verifies the form and writes fresh bytes.
    Clean,
}

impl Role {
    /// The name on the command line of a zygote.
    pub fn name(self) -> &'static str {
        match self {
            Role::Dirty => "dirty",
            Role::Clean => "clean",
        }
    }
}

/// What a zygote is to set up before it serves; the first message it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Setup {
    pub(crate) supervisor_pid: i32,
    /// Take this user id; needs root.
    pub(crate) uid: Option<u32>,
    pub(crate) namespaces: bool,
    pub(crate) landlock: bool,
    pub(crate) seccomp: bool,
    /// A forbidden call is answered with [`FORBIDDEN`] instead of ending the room. For the self-attack only, which then
    /// needs one room for all its attempts and does not fill the kernel's audit log.
    pub(crate) answer_forbidden: bool,
    pub(crate) spares: u32,
    pub(crate) data_bytes: u64,
    pub(crate) address_bytes: u64,
    pub(crate) file_bytes: u64,
    pub(crate) cpu_seconds: u64,
}

impl Setup {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        out.extend(SETUP.to_le_bytes());
        out.extend(self.supervisor_pid.to_le_bytes());
        out.push(self.uid.is_some().into());
        out.extend(self.uid.unwrap_or(0).to_le_bytes());
        out.extend([self.namespaces, self.landlock, self.seccomp, self.answer_forbidden].map(u8::from));
        out.extend(self.spares.to_le_bytes());
        for number in [self.data_bytes, self.address_bytes, self.file_bytes, self.cpu_seconds] {
            out.extend(number.to_le_bytes());
        }
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Setup> {
        let mut bytes = Bytes(bytes);
        if bytes.u32()? != SETUP {
            return None;
        }
        let supervisor_pid = bytes.i32()?;
        let (has_uid, uid) = (bytes.flag()?, bytes.u32()?);
        let setup = Setup {
            supervisor_pid,
            uid: has_uid.then_some(uid),
            namespaces: bytes.flag()?,
            landlock: bytes.flag()?,
            seccomp: bytes.flag()?,
            answer_forbidden: bytes.flag()?,
            spares: bytes.u32()?,
            data_bytes: bytes.u64()?,
            address_bytes: bytes.u64()?,
            file_bytes: bytes.u64()?,
            cpu_seconds: bytes.u64()?,
        };
        bytes.end()?;
        Some(setup)
    }
}

/// What a forbidden call answers in a room of the self-attack: an errno that no call of an attempt gives by itself.
pub(crate) const FORBIDDEN: u16 = 131; // ENOTRECOVERABLE

/// The steps of a zygote's set-up, in order, so that a failure has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Step {
    Descriptors = 1,
    Parent,
    User,
    Namespaces,
    IdMaps,
    Fork,
    Root,
    HostName,
    Session,
    Capabilities,
    Privileges,
    Dumpable,
    Limits,
    Filter,
    Handle,
}

impl Step {
    const ALL: [Step; 15] = [
        Step::Descriptors,
        Step::Parent,
        Step::User,
        Step::Namespaces,
        Step::IdMaps,
        Step::Fork,
        Step::Root,
        Step::HostName,
        Step::Session,
        Step::Capabilities,
        Step::Privileges,
        Step::Dumpable,
        Step::Limits,
        Step::Filter,
        Step::Handle,
    ];

    pub(crate) fn code(self) -> u16 {
        self as u16
    }

    fn from_code(code: u16) -> Option<Step> {
        Step::ALL.into_iter().find(|step| step.code() == code)
    }

    /// What was being done, for a log line.
    pub(crate) fn doing(self) -> &'static str {
        match self {
            Step::Descriptors => "closing inherited descriptors",
            Step::Parent => "tying the zygote to the gateway",
            Step::User => "taking the slot's user id",
            Step::Namespaces => "entering new namespaces (unshare)",
            Step::IdMaps => "writing the id maps of the user namespace",
            Step::Fork => "forking",
            Step::Root => "making an empty root",
            Step::HostName => "setting the host name",
            Step::Session => "starting a session",
            Step::Capabilities => "dropping capabilities",
            Step::Privileges => "setting no_new_privs",
            Step::Dumpable => "becoming non-dumpable",
            Step::Limits => "setting resource limits",
            Step::Filter => "installing the seccomp filter",
            Step::Handle => "making a handle of the zygote",
        }
    }
}

/// What really holds in a zygote and so in its rooms, as its own system calls answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Enforced {
    pub(crate) own_user: bool,
    pub(crate) namespaces: bool,
    pub(crate) nested_namespaces_off: bool,
    pub(crate) memory_deny_write_execute: bool,
    pub(crate) landlock_abi: u32,
    pub(crate) seccomp: bool,
}

/// What a zygote tells its supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ZygoteMessage {
    /// Locked down and about to fork spares; carries the zygote's pidfd.
    Ready(Enforced),
    /// Could not be set up.
    Failed { step: Step, errno: i32 },
    /// A spare waits; carries its job socket and pidfd.
    Spare { id: u32 },
    /// A room ended and was reaped.
    Ended { id: u32, status: i32, cpu_micros: u64, max_rss_bytes: u64 },
}

/// Every zygote message has this size.
pub(crate) const ZYGOTE_MESSAGE_BYTES: usize = 32;

impl ZygoteMessage {
    pub(crate) fn encode(&self) -> [u8; ZYGOTE_MESSAGE_BYTES] {
        let (kind, a, b, c, d): (u32, u32, i32, u64, u64) = match *self {
            ZygoteMessage::Ready(e) => {
                let flags = u32::from(e.own_user)
                    | u32::from(e.namespaces) << 1
                    | u32::from(e.nested_namespaces_off) << 2
                    | u32::from(e.memory_deny_write_execute) << 3
                    | u32::from(e.seccomp) << 4;
                (READY, flags, 0, e.landlock_abi.into(), 0)
            }
            ZygoteMessage::Failed { step, errno } => (FAILED, step.code().into(), errno, 0, 0),
            ZygoteMessage::Spare { id } => (SPARE, id, 0, 0, 0),
            ZygoteMessage::Ended { id, status, cpu_micros, max_rss_bytes } => {
                (ENDED, id, status, cpu_micros, max_rss_bytes)
            }
        };
        let mut out = [0; ZYGOTE_MESSAGE_BYTES];
        let fields = kind.to_le_bytes().into_iter().chain(a.to_le_bytes()).chain(b.to_le_bytes()).chain([0; 4]);
        let fields = fields.chain(c.to_le_bytes()).chain(d.to_le_bytes());
        for (place, byte) in out.iter_mut().zip(fields) {
            *place = byte;
        }
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<ZygoteMessage> {
        let mut bytes = Bytes(bytes);
        let (kind, a, b, _, c, d) =
            (bytes.u32()?, bytes.u32()?, bytes.i32()?, bytes.u32()?, bytes.u64()?, bytes.u64()?);
        bytes.end()?;
        match kind {
            READY => Some(ZygoteMessage::Ready(Enforced {
                own_user: a & 1 != 0,
                namespaces: a & 2 != 0,
                nested_namespaces_off: a & 4 != 0,
                memory_deny_write_execute: a & 8 != 0,
                seccomp: a & 16 != 0,
                landlock_abi: u32::try_from(c).ok()?,
            })),
            FAILED => Some(ZygoteMessage::Failed { step: Step::from_code(u16::try_from(a).ok()?)?, errno: b }),
            SPARE => Some(ZygoteMessage::Spare { id: a }),
            ENDED => Some(ZygoteMessage::Ended { id: a, status: b, cpu_micros: c, max_rss_bytes: d }),
            _ => None,
        }
    }
}

/// What a room is asked to do with its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Run the handler on a mapped range.
    Mapped,
    /// Run the handler on a stream out of a pipe.
    Stream,
    /// Attack its own confinement and write what happened.
    Probe,
}

/// The head of a job message; the parameters follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JobHead {
    pub(crate) task: Task,
    pub(crate) offset: u64,
    /// Length of the range, or the most a stream may carry.
    pub(crate) len: u64,
    pub(crate) out_limit: u64,
    pub(crate) side_limit: u64,
    /// A small side output may come behind the reply instead of in its file.
    pub(crate) side_in_reply: bool,
}

pub(crate) const JOB_HEAD_BYTES: usize = 48;
/// The largest side output that comes behind a reply.
pub(crate) const SIDE_IN_REPLY_MAX: usize = 32 * 1024;

impl JobHead {
    pub(crate) fn encode(&self) -> [u8; JOB_HEAD_BYTES] {
        let task: u32 = match self.task {
            Task::Mapped => 1,
            Task::Stream => 2,
            Task::Probe => 3,
        };
        let mut out = [0; JOB_HEAD_BYTES];
        let numbers = [self.offset, self.len, self.out_limit, self.side_limit, self.side_in_reply.into()];
        let fields = JOB.to_le_bytes().into_iter().chain(task.to_le_bytes());
        for (place, byte) in out.iter_mut().zip(fields.chain(numbers.into_iter().flat_map(u64::to_le_bytes))) {
            *place = byte;
        }
        out
    }

    /// The head and the parameters behind it.
    pub(crate) fn decode(bytes: &[u8]) -> Option<(JobHead, &[u8])> {
        let mut bytes = Bytes(bytes);
        if bytes.u32()? != JOB {
            return None;
        }
        let task = match bytes.u32()? {
            1 => Task::Mapped,
            2 => Task::Stream,
            3 => Task::Probe,
            _ => return None,
        };
        let head = JobHead {
            task,
            offset: bytes.u64()?,
            len: bytes.u64()?,
            out_limit: bytes.u64()?,
            side_limit: bytes.u64()?,
            side_in_reply: bytes.u64()? == 1,
        };
        Some((head, bytes.0))
    }
}

/// What a room says before it ends: exactly once, in exactly this size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// Done; this many bytes are in the outputs.
    Done { out: u64, side: u64 },
    /// Nothing given, and why.
    Refused { refusal: Refusal, detail: [u8; 16] },
    /// The stream out of the other room was longer than it may be.
    StreamTooLong,
    /// The room panicked at this place (its own words).
    Panicked { place: [u8; PANIC_PLACE_BYTES] },
}

/// A reply and the side output behind it, if there is one there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) reply: Reply,
    pub(crate) side: Option<Box<[u8]>>,
}

impl Answer {
    /// The answer in a message; `None` when it is not exactly one. Only a finished room has bytes behind its reply, and
    /// exactly as many as it says.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Answer> {
        let (head, rest) = bytes.split_at_checked(REPLY_BYTES)?;
        let reply = Reply::decode(head)?;
        match reply {
            _ if rest.is_empty() => Some(Answer { reply, side: None }),
            Reply::Done { side, .. } if side == rest.len() as u64 => Some(Answer { reply, side: Some(rest.into()) }),
            _ => None,
        }
    }
}

/// How much of a panic's place a room reports.
pub(crate) const PANIC_PLACE_BYTES: usize = 80;
pub(crate) const REPLY_BYTES: usize = 88;

impl Reply {
    pub(crate) fn encode(&self) -> [u8; REPLY_BYTES] {
        let mut out = [0; REPLY_BYTES];
        let (status, body): (u32, Vec<u8>) = match self {
            Reply::Done { out, side } => (1, [out.to_le_bytes(), side.to_le_bytes()].concat()),
            Reply::Refused { refusal, detail } => {
                let mut body = Vec::with_capacity(64);
                body.extend(u64::from(refusal.reason.code()).to_le_bytes());
                body.extend(refusal.limit.to_le_bytes());
                body.extend(refusal.value.to_le_bytes());
                body.extend(detail);
                (2, body)
            }
            Reply::StreamTooLong => (3, Vec::new()),
            Reply::Panicked { place } => (4, place.to_vec()),
        };
        let fields = REPLY.to_le_bytes().into_iter().chain(status.to_le_bytes()).chain(body);
        for (place, byte) in out.iter_mut().zip(fields) {
            *place = byte;
        }
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Reply> {
        if bytes.len() != REPLY_BYTES {
            return None;
        }
        let mut bytes = Bytes(bytes);
        if bytes.u32()? != REPLY {
            return None;
        }
        let reply = match bytes.u32()? {
            1 => Reply::Done { out: bytes.u64()?, side: bytes.u64()? },
            2 => {
                let reason = Reason::from_code(u16::try_from(bytes.u64()?).ok()?)?;
                if !a_room_may_say(reason) {
                    return None;
                }
                let refusal = Refusal { reason, limit: bytes.u64()?, value: bytes.u64()? };
                Reply::Refused { refusal, detail: bytes.take()? }
            }
            3 => Reply::StreamTooLong,
            4 => Reply::Panicked { place: bytes.take()? },
            _ => return None,
        };
        // The rest is padding, and padding that says something is not ours.
        bytes.0.iter().all(|byte| *byte == 0).then_some(reply)
    }
}

/// A room may say why it withholds its part, and nothing that is for others to say: that a scanner found something, what
/// policy wants, how a room ended.
fn a_room_may_say(reason: Reason) -> bool {
    use Reason::{
        Infected, PolicyHold, PolicyRemove, RoomCpuLimit, RoomCrash, RoomKilled, RoomMemoryLimit, RoomOutputLimit,
        RoomPolicyKill, RoomProtocol, RoomTimeout, RoomUnavailable, ScannerUnavailable,
    };
    reason.class() == Class::Withheld
        && !matches!(
            reason,
            Infected
                | ScannerUnavailable
                | PolicyHold
                | PolicyRemove
                | RoomCrash
                | RoomPolicyKill
                | RoomTimeout
                | RoomCpuLimit
                | RoomMemoryLimit
                | RoomOutputLimit
                | RoomKilled
                | RoomProtocol
                | RoomUnavailable
        )
}

const SETUP: u32 = 0x4d47_5331;
const JOB: u32 = 0x4d47_4a31;
const REPLY: u32 = 0x4d47_5231;
const READY: u32 = 0x4d47_0001;
const FAILED: u32 = 0x4d47_0002;
const SPARE: u32 = 0x4d47_0003;
const ENDED: u32 = 0x4d47_0004;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_come_back_as_they_were_sent() {
        for reply in [
            Reply::Done { out: 7, side: u64::MAX },
            Reply::Refused {
                refusal: Refusal { reason: Reason::Malformed, limit: 10, value: 11 },
                detail: *b"jpeg\0\0\0\0\0\0\0\0\0\0\0\0",
            },
            Reply::StreamTooLong,
            Reply::Panicked { place: [b'x'; PANIC_PLACE_BYTES] },
        ] {
            assert_eq!(Reply::decode(&reply.encode()), Some(reply));
        }
    }

    #[test]
    fn a_reply_with_one_byte_more_or_less_or_wrong_is_no_reply() {
        let good = Reply::Done { out: 1, side: 2 }.encode();
        assert_eq!(Reply::decode(&good[..REPLY_BYTES - 1]), None);
        assert_eq!(Reply::decode(&[&good[..], &[0]].concat()), None);
        for at in [0, 4, REPLY_BYTES - 1] {
            let mut bad = good;
            bad[at] ^= 0x80;
            assert_eq!(Reply::decode(&bad), None, "byte {at}");
        }
        let mut unknown =
            Reply::Refused { refusal: Refusal { reason: Reason::Malformed, limit: 0, value: 0 }, detail: [0; 16] }
                .encode();
        unknown[8] = 0xff;
        unknown[9] = 0xff;
        assert_eq!(Reply::decode(&unknown), None, "a reason nobody knows");
        for reason in [Reason::Infected, Reason::RoomTimeout, Reason::Metadata] {
            let forged = Reply::Refused { refusal: Refusal { reason, limit: 0, value: 0 }, detail: [0; 16] };
            assert_eq!(Reply::decode(&forged.encode()), None, "{} is not for a room to say", reason.name());
        }
    }

    #[test]
    fn bytes_behind_a_reply_must_be_those_it_announces() {
        let done = Reply::Done { out: 1, side: 3 };
        let message = |tail: &[u8]| [&done.encode()[..], tail].concat();
        let side = |tail: &[u8]| Answer::decode(&message(tail)).map(|answer| answer.side);
        assert_eq!(side(b""), Some(None));
        assert_eq!(side(b"abc"), Some(Some((*b"abc").into())));
        assert_eq!(side(b"ab"), None);
        assert_eq!(side(b"abcd"), None);
        assert_eq!(Answer::decode(&[&Reply::StreamTooLong.encode()[..], b"a"].concat()), None);
    }

    #[test]
    fn every_reply_kind_decodes_from_arbitrary_bytes_without_panic() {
        let mut bytes = [0_u8; REPLY_BYTES];
        bytes[..4].copy_from_slice(&REPLY.to_le_bytes());
        for status in 0..=255_u8 {
            for fill in [0, 1, 0x7f, 0xff] {
                bytes[4] = status;
                bytes[8..].fill(fill);
                let _ = Reply::decode(&bytes);
            }
        }
    }

    #[test]
    fn zygote_messages_set_up_and_job_come_back_as_they_were_sent() {
        let enforced = Enforced { own_user: true, landlock_abi: 7, seccomp: true, ..Enforced::default() };
        for message in [
            ZygoteMessage::Ready(enforced),
            ZygoteMessage::Failed { step: Step::Root, errno: 22 },
            ZygoteMessage::Spare { id: 9 },
            ZygoteMessage::Ended { id: 9, status: 139, cpu_micros: 5, max_rss_bytes: 6 },
        ] {
            assert_eq!(ZygoteMessage::decode(&message.encode()), Some(message));
        }
        let setup = Setup {
            supervisor_pid: 1,
            uid: Some(2),
            namespaces: true,
            landlock: false,
            seccomp: true,
            answer_forbidden: false,
            spares: 3,
            data_bytes: 4,
            address_bytes: 5,
            file_bytes: 6,
            cpu_seconds: 7,
        };
        assert_eq!(Setup::decode(&setup.encode()), Some(setup));
        let head = JobHead { task: Task::Stream, offset: 1, len: 2, out_limit: 3, side_limit: 4, side_in_reply: true };
        let message = [&head.encode()[..], b"params"].concat();
        assert_eq!(JobHead::decode(&message), Some((head, &b"params"[..])));
    }
}

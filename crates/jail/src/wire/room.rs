//! Between the supervisor and a room: one job there, one answer back, and before it, where that was asked for, how far it is.

use super::Bytes;
use form::reason::{Class, Reason, Refusal};

/// What a room is asked to do with its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Run the handler on a mapped range.
    Mapped,
    /// Run the handler on the bytes behind the parameters.
    Given,
    /// Run the handler on a stream out of a pipe.
    Stream,
    /// Attack its own confinement and write what happened.
    Probe,
}

/// The head of a job message; the parameters follow it, and the input where that is small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JobHead {
    pub(crate) task: Task,
    pub(crate) offset: u64,
    /// Length of the range, or the most a stream may carry.
    pub(crate) len: u64,
    pub(crate) out_limit: u64,
    pub(crate) side_limit: u64,
    /// Which outputs may come behind the reply instead of in their files, when they are small.
    pub(crate) in_reply: InReply,
    /// Whether the room is to say how far it is, and may.
    pub(crate) tells: bool,
}

/// What may come behind a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InReply {
    /// Nothing.
    Nothing,
    /// The side output, or both outputs, the side output last.
    Small,
}

pub(crate) const JOB_HEAD_BYTES: usize = 56;
/// The largest input that goes with a job, and the largest output that comes behind a reply.
pub(crate) const IN_MESSAGE_MAX: usize = 32 * 1024;

impl JobHead {
    pub(crate) fn encode(&self) -> [u8; JOB_HEAD_BYTES] {
        let task: u32 = match self.task {
            Task::Mapped => 1,
            Task::Stream => 2,
            Task::Probe => 3,
            Task::Given => 4,
        };
        let mut out = [0; JOB_HEAD_BYTES];
        let in_reply = u64::from(self.in_reply == InReply::Small);
        let numbers = [self.offset, self.len, self.out_limit, self.side_limit, in_reply, self.tells.into()];
        let fields = JOB.to_le_bytes().into_iter().chain(task.to_le_bytes());
        for (place, byte) in out.iter_mut().zip(fields.chain(numbers.into_iter().flat_map(u64::to_le_bytes))) {
            *place = byte;
        }
        out
    }

    /// The head, the parameters behind it and the input behind those.
    pub(crate) fn decode(bytes: &[u8]) -> Option<(JobHead, &[u8], &[u8])> {
        let mut bytes = Bytes(bytes);
        if bytes.u32()? != JOB {
            return None;
        }
        let task = match bytes.u32()? {
            1 => Task::Mapped,
            2 => Task::Stream,
            3 => Task::Probe,
            4 => Task::Given,
            _ => return None,
        };
        let head = JobHead {
            task,
            offset: bytes.u64()?,
            len: bytes.u64()?,
            out_limit: bytes.u64()?,
            side_limit: bytes.u64()?,
            in_reply: if bytes.u64()? == 1 { InReply::Small } else { InReply::Nothing },
            tells: bytes.u64()? == 1,
        };
        let given = if head.task == Task::Given { usize::try_from(head.len).ok()? } else { 0 };
        let (params, input) = bytes.0.split_at_checked(bytes.0.len().checked_sub(given)?)?;
        Some((head, params, input))
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

/// A reply and the outputs behind it, if they are there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) reply: Reply,
    pub(crate) out: Option<Box<[u8]>>,
    pub(crate) side: Option<Box<[u8]>>,
}

impl Answer {
    /// The answer in a message; `None` when it is not exactly one. Only a finished room has bytes behind its reply, exactly as
    /// many as it says, and only where they were agreed.
    pub(crate) fn decode(bytes: &[u8], in_reply: InReply) -> Option<Answer> {
        let (head, rest) = bytes.split_at_checked(REPLY_BYTES)?;
        let reply = Reply::decode(head)?;
        if rest.is_empty() {
            return Some(Answer { reply, out: None, side: None });
        }
        let (&Reply::Done { out, side }, InReply::Small) = (&reply, in_reply) else { return None };
        let small = |len: u64| usize::try_from(len).ok().filter(|len| *len <= IN_MESSAGE_MAX);
        let side = small(side)?;
        if side == rest.len() {
            return Some(Answer { reply, out: None, side: Some(rest.into()) });
        }
        let (out, beside) = rest.split_at_checked(small(out)?)?;
        (beside.len() == side).then(|| Answer { reply, out: Some(out.into()), side: Some(beside.into()) })
    }
}

/// What a room says while it works: pages done, of so many. It is the word of a room that is assumed to be hijacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) done: u32,
    pub(crate) of: u32,
}

pub(crate) const TOLD_BYTES: usize = 12;

impl Told {
    pub(crate) fn encode(self) -> [u8; TOLD_BYTES] {
        let mut out = [0; TOLD_BYTES];
        let fields = TOLD.to_le_bytes().into_iter().chain(self.done.to_le_bytes()).chain(self.of.to_le_bytes());
        for (place, byte) in out.iter_mut().zip(fields) {
            *place = byte;
        }
        out
    }

    /// `None` for all that is not exactly this: also for more pages done than there are.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Told> {
        let mut bytes = Bytes(bytes);
        if bytes.u32()? != TOLD {
            return None;
        }
        let told = Told { done: bytes.u32()?, of: bytes.u32()? };
        bytes.end()?;
        (told.done <= told.of).then_some(told)
    }

    /// Whether a room of ours says this after what it said last: a document has as many pages as it had, and none is undone.
    pub(crate) fn may_follow(self, last: Option<Told>) -> bool {
        last.is_none_or(|last| self.of == last.of && self.done >= last.done)
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
        Infected, LimitCrashes, PolicyHold, PolicyRemove, RoomCpuLimit, RoomCrash, RoomKilled, RoomMemoryLimit,
        RoomOutputLimit, RoomPolicyKill, RoomProtocol, RoomTimeout, RoomUnavailable, ScannerUnavailable,
    };
    reason.class() == Class::Withheld
        && !matches!(
            reason,
            Infected
                | ScannerUnavailable
                | PolicyHold
                | PolicyRemove
                | LimitCrashes
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

const JOB: u32 = 0x4d47_4a31;
const REPLY: u32 = 0x4d47_5231;
const TOLD: u32 = 0x4d47_5431;

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
        for reason in [Reason::Infected, Reason::LimitCrashes, Reason::RoomTimeout, Reason::Metadata] {
            let forged = Reply::Refused { refusal: Refusal { reason, limit: 0, value: 0 }, detail: [0; 16] };
            assert_eq!(Reply::decode(&forged.encode()), None, "{} is not for a room to say", reason.name());
        }
    }

    #[test]
    fn only_pages_of_which_no_more_are_done_than_there_are_are_told() {
        for (done, of) in [(0, 0), (3, 48), (48, 48), (u32::MAX, u32::MAX)] {
            assert_eq!(Told::decode(&Told { done, of }.encode()), Some(Told { done, of }));
        }
        assert_eq!(Told::decode(&Told { done: 49, of: 48 }.encode()), None);
        let good = Told { done: 3, of: 48 }.encode();
        assert_eq!(Told::decode(&good[..TOLD_BYTES - 1]), None);
        assert_eq!(Told::decode(&[&good[..], &[0]].concat()), None);
        assert_eq!(Told::decode(&Reply::Done { out: 1, side: 2 }.encode()[..TOLD_BYTES]), None);
        assert_eq!(Answer::decode(&good, InReply::Small), None);
    }

    #[test]
    fn a_document_keeps_its_number_of_pages_and_what_is_done_of_them() {
        let may = |told: (u32, u32), last: (u32, u32)| {
            let last = Some(Told { done: last.0, of: last.1 });
            Told { done: told.0, of: told.1 }.may_follow(last)
        };
        assert!(Told { done: 3, of: 48 }.may_follow(None));
        assert!(may((3, 48), (3, 48)) && may((48, 48), (3, 48)));
        assert!(!may((2, 48), (3, 48)), "a page undone");
        assert!(!may((4, 49), (3, 48)) && !may((4, 47), (3, 48)), "another number of pages");
    }

    #[test]
    fn bytes_behind_a_reply_must_be_those_it_announces() {
        let done = Reply::Done { out: 1, side: 3 };
        let message = |tail: &[u8]| [&done.encode()[..], tail].concat();
        let behind = |tail: &[u8]| {
            let answer = Answer::decode(&message(tail), InReply::Small)?;
            Some((answer.out.map(Vec::from), answer.side.map(Vec::from)))
        };
        assert_eq!(behind(b""), Some((None, None)));
        assert_eq!(behind(b"abc"), Some((None, Some(b"abc".to_vec()))));
        assert_eq!(behind(b"oabc"), Some((Some(b"o".to_vec()), Some(b"abc".to_vec()))));
        for wrong in [&b"o"[..], b"ab", b"oabcd"] {
            assert_eq!(behind(wrong), None);
        }
        assert_eq!(Answer::decode(&message(b"abc"), InReply::Nothing), None, "nothing was agreed");
        for (out, side, fits) in
            [(IN_MESSAGE_MAX, 5, true), (IN_MESSAGE_MAX + 1, 5, false), (0, IN_MESSAGE_MAX + 1, false)]
        {
            let head = Reply::Done { out: out as u64, side: side as u64 }.encode();
            let answer = Answer::decode(&[&head[..], &vec![0; out + side]].concat(), InReply::Small);
            assert_eq!(answer.is_some(), fits, "{out} and {side} bytes");
        }
        let endless = Reply::Done { out: u64::MAX, side: 2 }.encode();
        assert_eq!(Answer::decode(&[&endless[..], b"a"].concat(), InReply::Small), None);
        assert_eq!(Answer::decode(&[&Reply::StreamTooLong.encode()[..], b"a"].concat(), InReply::Small), None);
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
    fn a_job_comes_back_as_it_was_sent() {
        for in_reply in [InReply::Nothing, InReply::Small] {
            let tells = in_reply == InReply::Small;
            let head = JobHead { task: Task::Stream, offset: 1, len: 2, out_limit: 3, side_limit: 4, in_reply, tells };
            let message = [&head.encode()[..], b"params"].concat();
            assert_eq!(JobHead::decode(&message), Some((head, &b"params"[..], &b""[..])));
            let given = JobHead { task: Task::Given, ..head };
            let message = [&given.encode()[..], b"paramsin"].concat();
            assert_eq!(JobHead::decode(&message), Some((given, &b"params"[..], &b"in"[..])));
            let short = [&given.encode()[..], b"i"].concat();
            assert_eq!(JobHead::decode(&short), None, "less than the head says");
        }
    }
}

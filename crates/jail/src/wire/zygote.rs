//! Between the supervisor and a zygote. A zygote never sees a document, but it lives beside rooms that do.

use super::Bytes;

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

/// The steps of a zygote's set-up, so that a failure has a name.
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
    Signals,
}

impl Step {
    const ALL: [Step; 16] = [
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
        Step::Signals,
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
            Step::Signals => "settling signals",
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

impl Enforced {
    /// Whether every layer of `least` is here too.
    pub(crate) fn has_all_of(&self, least: &Enforced) -> bool {
        let Enforced { own_user, namespaces, nested_namespaces_off, memory_deny_write_execute, landlock_abi, seccomp } =
            *least;
        (self.own_user || !own_user)
            && (self.namespaces || !namespaces)
            && (self.nested_namespaces_off || !nested_namespaces_off)
            && (self.memory_deny_write_execute || !memory_deny_write_execute)
            && self.landlock_abi >= landlock_abi
            && (self.seccomp || !seccomp)
    }
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
    /// A room ended and was reaped. Carries what [`ZygoteMessage::Spare`] does for the spare of this number, if it is not 0.
    Ended { id: u32, spare: u32, status: i32, cpu_micros: u64, max_rss_bytes: u64 },
}

/// Every zygote message has this size.
pub(crate) const ZYGOTE_MESSAGE_BYTES: usize = 32;

impl ZygoteMessage {
    pub(crate) fn encode(&self) -> [u8; ZYGOTE_MESSAGE_BYTES] {
        let (kind, a, b, spare, c, d): (u32, u32, i32, u32, u64, u64) = match *self {
            ZygoteMessage::Ready(e) => {
                let flags = u32::from(e.own_user)
                    | u32::from(e.namespaces) << 1
                    | u32::from(e.nested_namespaces_off) << 2
                    | u32::from(e.memory_deny_write_execute) << 3
                    | u32::from(e.seccomp) << 4;
                (READY, flags, 0, 0, e.landlock_abi.into(), 0)
            }
            ZygoteMessage::Failed { step, errno } => (FAILED, step.code().into(), errno, 0, 0, 0),
            ZygoteMessage::Spare { id } => (SPARE, id, 0, 0, 0, 0),
            ZygoteMessage::Ended { id, spare, status, cpu_micros, max_rss_bytes } => {
                (ENDED, id, status, spare, cpu_micros, max_rss_bytes)
            }
        };
        let mut out = [0; ZYGOTE_MESSAGE_BYTES];
        let fields =
            kind.to_le_bytes().into_iter().chain(a.to_le_bytes()).chain(b.to_le_bytes()).chain(spare.to_le_bytes());
        let fields = fields.chain(c.to_le_bytes()).chain(d.to_le_bytes());
        for (place, byte) in out.iter_mut().zip(fields) {
            *place = byte;
        }
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<ZygoteMessage> {
        let mut bytes = Bytes(bytes);
        let (kind, a, b, spare, c, d) =
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
            ENDED => Some(ZygoteMessage::Ended { id: a, spare, status: b, cpu_micros: c, max_rss_bytes: d }),
            _ => None,
        }
    }
}

const SETUP: u32 = 0x4d47_5331;
const READY: u32 = 0x4d47_0001;
const FAILED: u32 = 0x4d47_0002;
const SPARE: u32 = 0x4d47_0003;
const ENDED: u32 = 0x4d47_0004;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_layer_less_is_less_and_more_is_enough() {
        let found = Enforced {
            own_user: true,
            namespaces: true,
            nested_namespaces_off: true,
            memory_deny_write_execute: true,
            landlock_abi: 6,
            seccomp: true,
        };
        for less in [
            Enforced { own_user: false, ..found },
            Enforced { namespaces: false, ..found },
            Enforced { nested_namespaces_off: false, ..found },
            Enforced { memory_deny_write_execute: false, ..found },
            Enforced { landlock_abi: 0, ..found },
            Enforced { landlock_abi: 5, ..found },
            Enforced { seccomp: false, ..found },
        ] {
            assert!(!less.has_all_of(&found), "{less:?}");
            assert!(found.has_all_of(&less) && less.has_all_of(&less), "{less:?}");
        }
        assert!(found.has_all_of(&Enforced::default()));
    }

    #[test]
    fn messages_and_set_up_come_back_as_they_were_sent() {
        let enforced = Enforced { own_user: true, landlock_abi: 7, seccomp: true, ..Enforced::default() };
        for message in [
            ZygoteMessage::Ready(enforced),
            ZygoteMessage::Failed { step: Step::Root, errno: 22 },
            ZygoteMessage::Spare { id: 9 },
            ZygoteMessage::Ended { id: 9, spare: 10, status: 139, cpu_micros: 5, max_rss_bytes: 6 },
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
    }
}

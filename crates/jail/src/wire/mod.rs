//! What gateway, zygote and room say to each other: fixed layouts, little endian, checked to the last byte.
//!
//! Replies come from a process that is assumed to be hostile: decoding them is total, and whatever is not exactly a reply is
//! a broken protocol.

mod room;
mod zygote;

pub(crate) use room::{
    Answer, IN_MESSAGE_MAX, InReply, JOB_HEAD_BYTES, JobHead, PANIC_PLACE_BYTES, REPLY_BYTES, Reply, Task, Told,
};
pub(crate) use zygote::{Enforced, FORBIDDEN, Setup, Step, ZYGOTE_MESSAGE_BYTES, ZygoteMessage};

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

//! Inside a room: what a handler gets, and how the process that hosts rooms begins.
//!
//! The gateway starts its own executable again as `misogi room dirty` or `misogi room clean`. That process is a *zygote*:
//! it locks itself down and then forks one *room* per document. The handler runs in the room and nowhere else.

pub(crate) mod job;
pub(crate) mod zygote;

pub use crate::sys::allocator::Allocator;

use crate::converter;
use crate::sys::descriptor;
use crate::wire::Role;
use form::reason::Refusal;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;

/// What a handler works with: one input, two outputs, nothing else.
pub struct RoomIo<'a> {
    /// The parameters that the gateway sent with the job.
    pub params: &'a [u8],
    /// The document.
    pub input: Input<'a>,
    /// The main output: the form, or the rebuilt file. Buffered; flushed by the room.
    pub out: &'a mut dyn Write,
    /// The side output: spilled children, or the report. Buffered; flushed by the room.
    pub side: &'a mut dyn Write,
    /// Says how far the document is. What is said too often, or was not asked for, is not sent.
    pub tell: &'a mut dyn FnMut(PagesDone),
}

/// Pages of a document that are done, and how many it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PagesDone {
    /// No more than there are.
    pub done: u32,
    /// All of them, as far as is known.
    pub of: u32,
}

/// How the input comes.
pub enum Input<'a> {
    /// All of it: mapped read-only out of a sealed file, or as it came with the job where it is small.
    Mapped(&'a [u8]),
    /// Piece by piece out of the dirty room that is still writing it. Ends when that room closes its end, however it ended.
    Stream(&'a mut dyn Read),
}

/// A handler gave nothing, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomRefusal {
    /// The reason, with numbers where a limit was passed. Must be of class withheld.
    pub refusal: Refusal,
    /// A short ASCII token, zero-padded: what the input was found to be.
    pub detail: [u8; 16],
}

/// What runs in a room. An output that reaches its limit, a failed allocation and a panic end the process on the spot; a
/// handler sees none of them and cannot go on after them.
pub type Handler = dyn Fn(&mut RoomIo<'_>) -> Result<(), RoomRefusal>;

/// Becomes a zygote. Call it first thing in `main` when the executable was started as `room`, with the arguments after that
/// word: before any thread exists, before anything is opened.
pub fn enter(
    arguments: impl Iterator<Item = OsString>,
    dirty: fn(&mut RoomIo<'_>) -> Result<(), RoomRefusal>,
    clean: fn(&mut RoomIo<'_>) -> Result<(), RoomRefusal>,
) -> ! {
    let prepare = |role| -> Box<Handler> {
        match role {
            Role::Dirty => Box::new(dirty),
            Role::Clean => Box::new(clean),
        }
    };
    enter_prepared(arguments, prepare, |_| Vec::new(), &[])
}

/// A job of our own making that goes through the handler of a zygote before any other, and whose outputs nobody gets. What it uses
/// of the program is made cheap for the rooms to come, and what is made when it is first used is made once.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    /// The parameters of the job.
    pub params: Vec<u8>,
    /// The document.
    pub input: Vec<u8>,
}

/// As [`enter`], with a function that makes the handler. It runs once in each zygote before that locks itself down, so tables
/// which every document needs are built once and shared by all rooms. It must start no thread and keep nothing open; files
/// are to be had by [`map_file`]. The same holds for the handler while it rehearses: what it does must be right in both places.
///
/// `panic_on_damage` are words in the paths of sources, of libraries that have no other way to say that a document is damaged. A panic there
/// ends the room like any other, but as a refusal ([`Reason::Malformed`](form::Reason::Malformed)) and not as a crash.
pub fn enter_prepared(
    mut arguments: impl Iterator<Item = OsString>,
    prepare: impl FnOnce(Role) -> Box<Handler>,
    rehearsals: impl FnOnce(Role) -> Vec<Rehearsal>,
    panic_on_damage: &'static [&'static str],
) -> ! {
    let name = arguments.next().unwrap_or_default();
    if name == converter::ROOM_NAME {
        converter::enter_instance();
    }
    let role = [Role::Dirty, Role::Clean].into_iter().find(|role| name == role.name());
    let (Some(role), None) = (role, arguments.next()) else { zygote::not_for_people() };
    zygote::run(role, prepare, rehearsals, panic_on_damage)
}

/// A file of the system's own, mapped read-only until the process ends: what all rooms share without a copy. Only root may be
/// able to write it, so that nobody changes what is mapped: package managers replace such files, they do not write into them.
/// A file that shrinks all the same ends the room that reads it.
///
/// # Errors
/// [`PermissionDenied`](io::ErrorKind::PermissionDenied) for what is no file or not root's alone; what the kernel answers to
/// mapping it.
pub fn map_file(file: File) -> io::Result<&'static [u8]> {
    let facts = file.metadata()?;
    if !facts.is_file() || facts.uid() != 0 || facts.mode() & WRITABLE_BY_OTHERS != 0 {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let len = usize::try_from(facts.len()).map_err(io::Error::other)?;
    descriptor::map_range(&file.into(), 0, len)
}

const WRITABLE_BY_OTHERS: u32 = 0o022;

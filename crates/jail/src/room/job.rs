//! A room's whole life: the last locks, one job, one reply, the end.

use super::{Handler, Input, PagesDone, RoomIo};
use crate::policy::program::Program;
use crate::sys::attempt::ATTEMPTS;
use crate::sys::confine::{self, Resource};
use crate::sys::message::{self, Patience};
use crate::sys::{allocator, descriptor, process};
use crate::wire::{
    EXIT_JOB, EXIT_OK, EXIT_OUTPUT, EXIT_PANIC, EXIT_PEER_GONE, FD_IN, FD_JOB, FD_OUT, FD_SIDE, IN_MESSAGE_MAX,
    InReply, JOB_HEAD_BYTES, JobHead, PANIC_PLACE_BYTES, PARAMS_MAX, Reply, Setup, Task, Told,
};
use form::reason::{Reason, Refusal};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

/// The child's side of a fork in the zygote. Everything here happens before a job exists.
pub(super) fn become_room(
    socket: OwnedFd,
    setup: &Setup,
    filter: Option<&mut Program>,
    zygote_pid: i32,
    handler: &Handler,
) -> ! {
    allocator::enter_room();
    if last_locks(&socket, setup, filter, zygote_pid).is_err() {
        process::exit(EXIT_JOB);
    }
    // Now at its fixed number; the old number was closed with everything else.
    std::mem::forget(socket);
    let socket = descriptor::take(JOB);
    live(&socket, handler)
}

fn last_locks(socket: &OwnedFd, setup: &Setup, filter: Option<&mut Program>, zygote_pid: i32) -> io::Result<()> {
    confine::die_with_parent()?;
    if process::parent_pid() != zygote_pid {
        process::exit(EXIT_JOB);
    }
    descriptor::place(socket.as_fd(), JOB)?;
    descriptor::close_from(FD_JOB + 1)?;
    // Soft below hard: at the soft limit SIGXCPU names the cause, a second later the kernel kills without a name.
    confine::limit(Resource::Cpu, setup.cpu_seconds, setup.cpu_seconds.saturating_add(1))?;
    confine::limit(Resource::Processes, 0, 0)?;
    confine::limit(Resource::OpenFiles, OPEN_FILES, OPEN_FILES)?;
    if let Some(filter) = filter {
        let pid = u32::try_from(process::own_pid()).unwrap_or(u32::MAX);
        confine::install_filter(filter.for_process(pid))?;
    }
    Ok(())
}

fn live(socket: &OwnedFd, handler: &Handler) -> ! {
    let mut buffer = Vec::new();
    let received = match message::receive(socket.as_fd(), &mut buffer, JOB_BYTES_MAX, Patience::Wait) {
        // The supervisor let go of this spare.
        Ok(_) if buffer.is_empty() => process::exit(EXIT_OK),
        Ok(received) if !received.truncated => received,
        _ => process::exit(EXIT_JOB),
    };
    let [Some(input), Some(out), Some(side)] = received.descriptors else { process::exit(EXIT_JOB) };
    let expected = [FD_IN, FD_OUT, FD_SIDE].map(|number| i32::try_from(number).unwrap_or(-1));
    let Some((head, params, given)) = JobHead::decode(&buffer) else { process::exit(EXIT_JOB) };
    if [input.as_raw_fd(), out.as_raw_fd(), side.as_raw_fd()] != expected {
        process::exit(EXIT_JOB);
    }
    let mut out = Output::new(out, head.out_limit);
    let mut side = Output::new(side, head.side_limit);
    let mut stream = Stream { pipe: None, left: head.len, too_long: false };
    let input = match head.task {
        Task::Mapped => {
            let mapped = usize::try_from(head.len).map_err(io::Error::other);
            let Ok(bytes) = mapped.and_then(|len| descriptor::map_range(&input, head.offset, len)) else {
                process::exit(EXIT_JOB)
            };
            // Before any hostile byte is read: the rest of the file is out of reach from here on.
            descriptor::close(input);
            Input::Mapped(bytes)
        }
        Task::Given => {
            descriptor::close(input);
            Input::Mapped(given)
        }
        Task::Stream => {
            stream.pipe = Some(input.into());
            Input::Stream(&mut stream)
        }
        Task::Probe => {
            // Its number is what an attempt gets; otherwise the limit on open files would stop what other layers must.
            descriptor::close(input);
            probe(params, &mut out)
        }
    };
    let mut last = head.tells.then(Instant::now);
    let mut tell = |pages: PagesDone| {
        // Nothing for a document that is done at once, and never so much that the socket is full before the supervisor has looked.
        if let Some(at) = last.filter(|at| at.elapsed() >= TELL_EVERY) {
            last = at.checked_add(at.elapsed());
            // That nobody listens is no reason not to finish.
            let _ = write_out(socket, &Told { done: pages.done, of: pages.of }.encode());
        }
    };
    let result = handler(&mut RoomIo { params, input, out: &mut out, side: &mut side, tell: &mut tell });
    let mut behind: [&[u8]; 2] = [&[], &[]];
    let reply = match result {
        _ if stream.too_long => Reply::StreamTooLong,
        Ok(()) => {
            let small = |output: &Output| head.in_reply == InReply::Small && output.fits_a_reply();
            match (small(&out), small(&side)) {
                (true, true) => behind = [&out.buffer, &side.buffer],
                (false, true) => {
                    out.write_out();
                    behind = [&[], &side.buffer];
                }
                (_, false) => {
                    out.write_out();
                    side.write_out();
                }
            }
            Reply::Done { out: out.written, side: side.written }
        }
        Err(refused) => Reply::Refused { refusal: refused.refusal, detail: refused.detail },
    };
    if message_out(socket, &reply, &behind).is_err() {
        process::exit(EXIT_JOB);
    }
    // After the reply, so that the other half of a chain cannot see the end of the stream, fail for it and be taken for the
    // cause before this room's own word is in; before the exit, which tears down the address space first and would let the
    // other half wait for that.
    descriptor::close(out.file.into());
    process::exit(EXIT_OK)
}

fn end(socket: &OwnedFd, reply: &Reply) -> ! {
    match message_out(socket, reply, &[&[]]) {
        Ok(()) => process::exit(EXIT_OK),
        Err(_) => process::exit(EXIT_JOB),
    }
}

/// By write(2), which the room has anyway: a write to such a socket is a message.
fn message_out(socket: &OwnedFd, reply: &Reply, behind: &[&[u8]]) -> io::Result<()> {
    if behind.iter().all(|bytes| bytes.is_empty()) {
        return write_out(socket, &reply.encode());
    }
    let mut message = reply.encode().to_vec();
    behind.iter().for_each(|bytes| message.extend_from_slice(bytes));
    write_out(socket, &message)
}

fn write_out(socket: &OwnedFd, message: &[u8]) -> io::Result<()> {
    let mut socket = std::mem::ManuallyDrop::new(File::from(descriptor::take(socket.as_raw_fd())));
    socket.write_all(message)
}

/// An output of the room: buffered, counted, and at its limit the end of the room.
struct Output {
    file: File,
    buffer: Vec<u8>,
    limit: u64,
    /// Bytes accepted, buffered or not.
    written: u64,
}

impl Output {
    fn new(file: OwnedFd, limit: u64) -> Output {
        Output { file: file.into(), buffer: Vec::new(), limit, written: 0 }
    }

    fn fits_a_reply(&self) -> bool {
        self.written <= IN_MESSAGE_MAX as u64 && self.written == self.buffer.len() as u64
    }

    fn write_out(&mut self) {
        straight_out(&mut self.file, &self.buffer);
        self.buffer.clear();
    }
}

fn straight_out(file: &mut File, bytes: &[u8]) {
    if let Err(error) = file.write_all(bytes) {
        process::exit(match error.raw_os_error() {
            Some(libc::EPIPE) => EXIT_PEER_GONE,
            // The size that the supervisor sealed, and the file size limit.
            Some(libc::EPERM | libc::EFBIG) => EXIT_OUTPUT,
            _ => EXIT_JOB,
        });
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.written = self.written.saturating_add(bytes.len() as u64);
        if self.written > self.limit {
            process::exit(EXIT_OUTPUT);
        }
        if self.buffer.len() + bytes.len() > BUFFER_BYTES {
            self.write_out();
        }
        if bytes.len() >= BUFFER_BYTES {
            straight_out(&mut self.file, bytes);
        } else {
            // Grows with what is written: most documents are small, and each new page costs a fault.
            self.buffer.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    /// Nothing: the room writes out at the end, and early flushing would only cost system calls.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The form as it comes out of the dirty room, which may not send more than agreed.
struct Stream {
    pipe: Option<File>,
    left: u64,
    too_long: bool,
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(pipe) = &mut self.pipe else { return Ok(0) };
        let read = pipe.read(buffer)?;
        match self.left.checked_sub(read as u64) {
            Some(left) => {
                self.left = left;
                Ok(read)
            }
            None => {
                self.too_long = true;
                Err(io::ErrorKind::FileTooLarge.into())
            }
        }
    }
}

/// Attacks its own confinement: one attempt when the parameters name one behind the number of the gateway's process, else all, their
/// answers going to the output.
fn probe(params: &[u8], out: &mut Output) -> ! {
    let (gateway, one) = params.split_first_chunk().unwrap_or((&[0; 4], params));
    let one = one.first().map(|index| usize::from(*index));
    for (_, attempt) in ATTEMPTS.iter().enumerate().filter(|(index, _)| one.is_none_or(|one| one == *index)) {
        let answer = (attempt.run)(i32::from_le_bytes(*gateway));
        let _ = out.write(&answer.to_le_bytes());
    }
    out.write_out();
    let socket = descriptor::take(JOB);
    end(&socket, &Reply::Done { out: out.written, side: 0 })
}

/// In a room a panic ends the process at once, with its place as the last word. No unwinding: hostile input made the code go
/// wrong, and nothing of what it did is wanted. A panic in one of the sources that are named `on_damage` says that the document is damaged.
pub(crate) fn install_panic_hook(on_damage: &'static [&'static str]) {
    std::panic::set_hook(Box::new(move |panic| {
        if !allocator::in_room() {
            process::exit(1);
        }
        let socket = descriptor::take(JOB);
        let mut place = Place { bytes: [0; PANIC_PLACE_BYTES], len: 0 };
        if let Some(location) = panic.location() {
            if on_damage.iter().any(|source| location.file().contains(source)) {
                end(&socket, &Reply::Refused { refusal: Refusal::plain(Reason::Malformed), detail: [0; 16] });
            }
            // The end of a path says more than its beginning.
            let file = location.file();
            let tail = file.len().saturating_sub(PANIC_PLACE_BYTES - 12);
            let _ = std::fmt::Write::write_fmt(
                &mut place,
                format_args!("{}:{}", file.get(tail..).unwrap_or(""), location.line()),
            );
        }
        let _ = message_out(&socket, &Reply::Panicked { place: place.bytes }, &[&[]]);
        process::exit(EXIT_PANIC)
    }));
}

/// Text of a fixed size, so that reporting a panic allocates nothing.
struct Place {
    bytes: [u8; PANIC_PLACE_BYTES],
    len: usize,
}

impl std::fmt::Write for Place {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for (place, byte) in self.bytes.iter_mut().skip(self.len).zip(text.bytes()) {
            *place = byte;
            self.len += 1;
        }
        Ok(())
    }
}

/// How often a room says how far it is. The supervisor looks half as often.
const TELL_EVERY: Duration = Duration::from_millis(250);
const JOB: i32 = 3;
const JOB_BYTES_MAX: usize = JOB_HEAD_BYTES + PARAMS_MAX + IN_MESSAGE_MAX;
/// Six are in use; the numbers end there.
const OPEN_FILES: u64 = 7;
/// One pipe's worth.
const BUFFER_BYTES: usize = 64 * 1024;

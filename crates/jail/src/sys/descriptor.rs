//! Descriptors: memory files, pipes, event counters, socket pairs, poll.

use super::check;
use std::ffi::{CStr, c_int, c_long};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// Seals of a file nobody may change any more. Refused while anybody has it mapped for writing, which is one more proof
/// that the room is gone.
pub(crate) const SEALED: c_int = libc::F_SEAL_WRITE | libc::F_SEAL_GROW | libc::F_SEAL_SHRINK | libc::F_SEAL_SEAL;

/// The same for a file that was only ever ours and was never mapped. This kind of write seal (kernel 5.1) need not wait for
/// pages that others may still be using, which costs more than all the rest of a small file.
pub(crate) const SEALED_OWN: c_int = F_SEAL_FUTURE_WRITE | libc::F_SEAL_GROW | libc::F_SEAL_SHRINK | libc::F_SEAL_SEAL;
const F_SEAL_FUTURE_WRITE: c_int = 0x0010;

fn own(raw: c_long) -> io::Result<OwnedFd> {
    let raw = RawFd::try_from(check(raw)?).map_err(|_| io::Error::from_raw_os_error(libc::EBADF))?;
    // SAFETY: the caller just got this descriptor from the kernel and hands over its only copy.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// An empty memory file that can be sealed and can never become executable (where the kernel knows the flag: 6.3).
pub(crate) fn memory_file(name: &CStr) -> io::Result<File> {
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    // SAFETY: `name` is a valid C string for the length of the call.
    let first = own(unsafe { libc::memfd_create(name.as_ptr(), flags | libc::MFD_NOEXEC_SEAL) }.into());
    match first {
        Ok(fd) => Ok(fd.into()),
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
            // SAFETY: as above.
            Ok(own(unsafe { libc::memfd_create(name.as_ptr(), flags) }.into())?.into())
        }
        Err(error) => Err(error),
    }
}

/// Adds seals to a memory file.
pub(crate) fn seal(file: &File, seals: c_int) -> io::Result<()> {
    // SAFETY: F_ADD_SEALS takes an int and no pointer.
    check(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals) }).map(drop)
}

/// True when nothing was ever written to a memory file, its seals are as given and its (shared) position is the beginning.
pub(crate) fn is_untouched(mut file: &File, seals: c_int) -> bool {
    use std::io::Seek;
    use std::os::unix::fs::MetadataExt;
    // SAFETY: F_GET_SEALS takes no argument.
    let present = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GET_SEALS) };
    // NOEXEC_SEAL adds a seal of its own.
    present & !libc::F_SEAL_EXEC == seals
        && file.stream_position().is_ok_and(|position| position == 0)
        && file.metadata().is_ok_and(|metadata| metadata.blocks() == 0)
}

/// A one-way pipe: read end, write end.
pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [-1; 2];
    // SAFETY: `ends` is an array of two ints, which is what pipe2 fills.
    check(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) })?;
    let [read, write] = ends;
    Ok((own(read.into())?, own(write.into())?))
}

/// Asks for a larger pipe; a refusal (per-user soft limit) leaves the default, which only costs wake-ups.
pub(crate) fn widen_pipe(end: &OwnedFd, bytes: c_int) {
    // SAFETY: F_SETPIPE_SZ takes an int and no pointer.
    unsafe { libc::fcntl(end.as_raw_fd(), libc::F_SETPIPE_SZ, bytes) };
}

/// A connected pair of sockets that keep message borders.
pub(crate) fn socket_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [-1; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
    // SAFETY: `ends` is an array of two ints, which is what socketpair fills.
    check(unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) })?;
    let [first, second] = ends;
    Ok((own(first.into())?, own(second.into())?))
}

/// How many bytes wait in a socket, those of all messages together (unix(7), SIOCINQ).
pub(crate) fn unread(socket: BorrowedFd<'_>) -> io::Result<usize> {
    let mut bytes: c_int = 0;
    // SAFETY: FIONREAD stores one int in a live local.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), libc::FIONREAD, &raw mut bytes) })?;
    usize::try_from(bytes).map_err(io::Error::other)
}

/// An event counter used to wake a thread that sits in poll(2).
pub(crate) fn event_counter() -> io::Result<File> {
    // SAFETY: eventfd takes no pointer.
    Ok(own(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) }.into())?.into())
}

/// Duplicates a borrowed descriptor onto a fixed number.
pub(crate) fn place(from: BorrowedFd<'_>, at: RawFd) -> io::Result<()> {
    // SAFETY: dup2 takes no pointer. Whatever `at` was is closed, which only room start-up does, where nothing owns it.
    check(unsafe { libc::dup2(from.as_raw_fd(), at) }).map(drop)
}

/// Closes every descriptor from `first` up. For use right after exec or fork, when nothing above `first` is owned.
pub(crate) fn close_from(first: u32) -> io::Result<()> {
    // SAFETY: close_range takes no pointer.
    check(unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) }).map(drop)
}

/// Closes. In zygotes and rooms instead of dropping: in debug builds std asks fcntl whether a descriptor is open before it
/// closes it, and fcntl is in no table.
pub(crate) fn close(fd: OwnedFd) {
    // SAFETY: the number is given up by its only owner here.
    unsafe { libc::close(fd.into_raw_fd()) };
}

/// Takes a descriptor by its fixed number, as set out in [`crate::wire`].
pub(crate) fn take(raw: RawFd) -> OwnedFd {
    // SAFETY: called once per number in a process in which the number was placed by us and is owned by nobody else.
    unsafe { OwnedFd::from_raw_fd(raw) }
}

/// True when the number is an open socket.
pub(crate) fn is_socket(raw: RawFd) -> bool {
    let mut kind: c_int = 0;
    let mut size = libc::socklen_t::try_from(size_of::<c_int>()).unwrap_or(0);
    // SAFETY: both pointers point to live locals of the sizes the call expects.
    let returned =
        unsafe { libc::getsockopt(raw, libc::SOL_SOCKET, libc::SO_TYPE, (&raw mut kind).cast(), &raw mut size) };
    returned == 0 && kind == libc::SOCK_SEQPACKET
}

/// One descriptor to wait for; `fd` -1 is skipped by the kernel.
pub(crate) type Wait = libc::pollfd;

/// Waits for a descriptor to become readable (or to be hung up, which poll always reports).
pub(crate) fn wait_for(fd: BorrowedFd<'_>) -> Wait {
    Wait { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 }
}

/// A place in a poll set that waits for nothing.
pub(crate) const WAIT_FOR_NOTHING: Wait = Wait { fd: -1, events: 0, revents: 0 };

/// poll(2). `None` waits for ever. A signal is not an event: the wait goes on, possibly a little longer.
pub(crate) fn poll(waits: &mut [Wait], limit: Option<Duration>) -> io::Result<usize> {
    let milliseconds = match limit {
        // Rounded up, so that a wait of 0.3 ms does not become a busy loop.
        Some(limit) => c_int::try_from(limit.as_micros().div_ceil(1000)).unwrap_or(c_int::MAX),
        None => -1,
    };
    let count = libc::nfds_t::try_from(waits.len()).unwrap_or(0);
    loop {
        // SAFETY: pointer and count describe the slice.
        match check(unsafe { libc::poll(waits.as_mut_ptr(), count, milliseconds) }) {
            Ok(ready) => return Ok(usize::try_from(ready).unwrap_or(0)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A read-only mapping of a range of a file, for the life of the process.
///
/// The mapping starts at the page below `offset`; the returned slice starts exactly at `offset`. It is leaked on purpose:
/// the room that asks for it lives for one document.
pub(crate) fn map_range(file: &OwnedFd, offset: u64, len: usize) -> io::Result<&'static [u8]> {
    if len == 0 {
        return Ok(&[]);
    }
    let invalid = || io::Error::from_raw_os_error(libc::EINVAL);
    let floor = offset & !(PAGE - 1);
    let skip = usize::try_from(offset - floor).map_err(|_| invalid())?;
    let whole = len.checked_add(skip).ok_or_else(invalid)?;
    let floor = libc::off_t::try_from(floor).map_err(|_| invalid())?;
    // SAFETY: a new private mapping chosen by the kernel; nothing of ours is replaced.
    let at =
        unsafe { libc::mmap(std::ptr::null_mut(), whole, libc::PROT_READ, libc::MAP_PRIVATE, file.as_raw_fd(), floor) };
    if at == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the mapping is `skip + len` bytes long, readable, never unmapped. The bytes are immutable and present: a file
    // that is given to a room is sealed against change and shrinking, and one of the system's own can be written by root
    // alone (`room::map_file`).
    Ok(unsafe { std::slice::from_raw_parts(at.cast::<u8>().add(skip), len) })
}

const PAGE: u64 = 4096;

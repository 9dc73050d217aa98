//! Messages with descriptors over SEQPACKET sockets.

use super::check;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// The most descriptors one message carries.
pub(crate) const DESCRIPTORS_MAX: usize = 3;

/// Room for the control header and [`DESCRIPTORS_MAX`] descriptors, aligned as the kernel wants it.
#[repr(C, align(8))]
struct Control([MaybeUninit<u8>; 64]);

/// What came in one message.
pub(crate) struct Received {
    /// The descriptors, in the order they were sent.
    pub(crate) descriptors: [Option<OwnedFd>; DESCRIPTORS_MAX],
    /// True when bytes or descriptors did not fit: such a message is never acted upon.
    pub(crate) truncated: bool,
}

/// Sends one message. Never raises SIGPIPE.
pub(crate) fn send(socket: BorrowedFd<'_>, parts: &[IoSlice<'_>], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    if descriptors.len() > DESCRIPTORS_MAX {
        return Err(io::Error::from_raw_os_error(libc::E2BIG));
    }
    let mut control = Control([MaybeUninit::zeroed(); 64]);
    // SAFETY: msghdr is plain data for which all zeroes is the empty message.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    // IoSlice is guaranteed to have the layout of iovec; the kernel does not write through it in sendmsg.
    header.msg_iov = parts.as_ptr().cast_mut().cast();
    header.msg_iovlen = parts.len();
    if !descriptors.is_empty() {
        let bytes = u32::try_from(size_of_val(descriptors)).unwrap_or(0);
        header.msg_control = control.0.as_mut_ptr().cast();
        // SAFETY: the CMSG macros compute inside `control`, which is 64 bytes: CMSG_SPACE(3 descriptors) is 32.
        unsafe {
            header.msg_controllen = libc::CMSG_SPACE(bytes) as usize;
            let first = libc::CMSG_FIRSTHDR(&raw const header);
            (*first).cmsg_level = libc::SOL_SOCKET;
            (*first).cmsg_type = libc::SCM_RIGHTS;
            (*first).cmsg_len = libc::CMSG_LEN(bytes) as usize;
            let mut at = libc::CMSG_DATA(first).cast::<RawFd>();
            for descriptor in descriptors {
                at.write_unaligned(descriptor.as_raw_fd());
                at = at.add(1);
            }
        }
    }
    loop {
        // SAFETY: `header` points to live buffers of the stated sizes.
        match check(unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const header, libc::MSG_NOSIGNAL) }) {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whether to wait for a message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Wait until one comes or the other side is gone.
    Wait,
    /// `WouldBlock` when there is none.
    Poll,
}

/// Receives one message of at most `max` bytes into `buffer`, which it replaces. No bytes: the other side is gone.
///
/// The buffer is not cleared first: a job buffer has room for 16 KiB, and touching it would cost each spare four pages.
pub(crate) fn receive(
    socket: BorrowedFd<'_>,
    buffer: &mut Vec<u8>,
    max: usize,
    patience: Patience,
) -> io::Result<Received> {
    buffer.clear();
    buffer.reserve(max);
    let mut control = Control([MaybeUninit::zeroed(); 64]);
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: max };
    // SAFETY: msghdr is plain data for which all zeroes is the empty message.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = control.0.len();
    let flags = libc::MSG_CMSG_CLOEXEC | if patience == Patience::Poll { libc::MSG_DONTWAIT } else { 0 };
    let len = loop {
        // SAFETY: `header` points to live buffers of the stated sizes.
        match check(unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, flags) }) {
            Ok(len) => break usize::try_from(len).unwrap_or(0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    };
    // SAFETY: the kernel wrote `len` bytes, at most `max`, which were reserved.
    unsafe { buffer.set_len(len.min(max)) };
    let mut received = Received {
        descriptors: [const { None }; DESCRIPTORS_MAX],
        truncated: header.msg_flags & (libc::MSG_TRUNC | libc::MSG_CTRUNC) != 0,
    };
    let mut places = received.descriptors.iter_mut();
    // SAFETY: the kernel filled `control` and set msg_controllen; the CMSG macros stay inside. Each SCM_RIGHTS number is
    // a new descriptor of this process that nobody else owns.
    unsafe {
        let mut at = libc::CMSG_FIRSTHDR(&raw const header);
        while !at.is_null() {
            if (*at).cmsg_level == libc::SOL_SOCKET && (*at).cmsg_type == libc::SCM_RIGHTS {
                let bytes = (*at).cmsg_len.saturating_sub(libc::CMSG_LEN(0) as usize);
                let data = libc::CMSG_DATA(at).cast::<RawFd>();
                for index in 0..bytes / size_of::<RawFd>() {
                    let descriptor = OwnedFd::from_raw_fd(data.add(index).read_unaligned());
                    match places.next() {
                        Some(place) => *place = Some(descriptor),
                        // Dropped, that is closed.
                        None => received.truncated = true,
                    }
                }
            }
            at = libc::CMSG_NXTHDR(&raw const header, at);
        }
    }
    Ok(received)
}

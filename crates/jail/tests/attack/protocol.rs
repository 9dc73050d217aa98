//! Lying to the supervisor: replies that are too many, too short, too late, forged.

use crate::Expect::{Exits, MemoryLimit, Ok, OutputLimit, Panics, PolicyKill, Protocol, Signal, Timeout};
use crate::Place::{ChainDirty, Clean};
use crate::{Row, row, row_at};
use jail::room::{RoomIo, RoomRefusal};
use libc::syscall;

type Io<'a, 'b> = &'a mut RoomIo<'b>;
type Done = Result<(), RoomRefusal>;

// A table: one attack reads as one row.
#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    row("exit without a reply", |_| exit(0), Protocol, Protocol),
    row("exit with one", |_| exit(1), Exits(1), Exits(1)),
    row("exit with the code for memory", |_| exit(70), MemoryLimit, MemoryLimit),
    row("exit with the code for output", |_| exit(71), OutputLimit, OutputLimit),
    row("exit with the code for a panic", |_| exit(72), Panics, Panics),
    row("exit with the code for a bad job", |_| exit(73), Protocol, Protocol),
    row("exit with the code for a broken chain", |_| exit(74), Protocol, Protocol),
    row("exit with 137, as if killed", |_| exit(137), Exits(137), Exits(137)),
    row("done and exit with one", |_| { say(&done(0, 0)); exit(1) }, Exits(1), Exits(1)),
    row("reply twice", |_| { say(&done(0, 0)); say(&done(0, 0)); exit(0) }, Protocol, Protocol),
    row("reply, and reply for the next document", |_| { say(&done(0, 0)); say(&done(5, 0)); exit(0) }, Protocol, Protocol),
    row("reply twice through the ordinary end", |_| { say(&done(0, 0)); Result::Ok(()) }, Protocol, Protocol),
    row("refuse and then be done", |_| { say(&refused(102)); say(&done(0, 0)); exit(0) }, Protocol, Protocol),
    row("half a reply", |_| { say(&done(0, 0)[..40]); exit(0) }, Protocol, Protocol),
    row("a reply in two messages", |_| { say(&done(0, 0)[..40]); say(&done(0, 0)[40..]); exit(0) }, Protocol, Protocol),
    row("a reply with other bytes behind it than it announces", |_| { say(&[&done(0, 3)[..], b"abcd"].concat()); exit(0) }, Protocol, Protocol),
    row("more behind a reply than both outputs may have", |_| { say(&[&done(9, 3)[..], &[b'x'; 13]].concat()); exit(0) }, Protocol, Protocol),
    row("a form above the inline limit behind the reply", |_| { say(&[&done(40_000, 0)[..], &[0; 40_000]].concat()); exit(0) }, Protocol, Protocol),
    row("a reply of thirty kilobytes", |_| { say(&[&done(0, 0)[..], &[0; 30_000]].concat()); exit(0) }, Protocol, Protocol),
    row("a message of all zeroes", |_| { say(&[0; 88]); exit(0) }, Protocol, Protocol),
    row("a message of all ones", |_| { say(&[255; 88]); exit(0) }, Protocol, Protocol),
    row("an unknown status", |_| { let mut r = done(0, 0); r[4] = 9; say(&r); exit(0) }, Protocol, Protocol),
    row("something hidden in the padding", |_| { let mut r = done(0, 0); r[87] = 1; say(&r); exit(0) }, Protocol, Protocol),
    row("an empty message first", |_| { say(&[]); say(&done(0, 0)); exit(0) }, Protocol, Protocol),
    row("an empty message between two replies", |_| { say(&done(0, 0)); say(&[]); say(&done(0, 0)); exit(0) }, Protocol, Protocol),
    // They say nothing, and nobody reads them.
    row("a reply and two empty messages", |_| { say(&done(0, 0)); say(&[]); say(&[]); exit(0) }, Ok, Ok),
    row("a length one above the limit", |_| { say(&done((1 << 20) + 1, 0)); exit(0) }, Protocol, Protocol),
    row("the largest length", |_| { say(&done(u64::MAX, u64::MAX)); exit(0) }, Protocol, Protocol),
    row("a side length one above the limit", |_| { say(&done(0, (1 << 16) + 1)); exit(0) }, Protocol, Protocol),
    // Zeroes up to the length it claims: what it did not write it does not get from anybody else.
    row("more length than was written", |_| { say(&done(1 << 20, 1 << 16)); exit(0) }, Ok, Ok),
    row("the scanner's verdict forged", |_| { say(&refused(104)); exit(0) }, Protocol, Protocol),
    row("the supervisor's verdict forged", |_| { say(&refused(162)); exit(0) }, Protocol, Protocol),
    row("a reason nobody knows", |_| { say(&refused(65_000)); exit(0) }, Protocol, Protocol),
    row("a reason that does not withhold", |_| { say(&refused(200)); exit(0) }, Protocol, Protocol),
    row("a panic that exits well", |_| { say(&panicked(b"x")); exit(0) }, Protocol, Protocol),
    row("a panic with terminal codes in its place", |_| { say(&panicked(b"\x1b]0;x\x07\r\n")); exit(72) }, Panics, Panics),
    row("done, then a wild pointer", |_| {
        say(&done(0, 0));
        unsafe { std::ptr::without_provenance_mut::<u8>(8).write_volatile(1) };
        Result::Ok(())
    }, Signal(libc::SIGSEGV), Signal(libc::SIGSEGV)),
    row("done, then never end", |_| {
        say(&done(0, 0));
        loop {
            std::hint::spin_loop();
        }
    }, Timeout, Timeout),
    // The length was fixed by the reply and the file is sealed after death, so this is only a room that wrote its output.
    row("done, then write the form", |_| {
        say(&done(8, 0));
        for _ in 0..1000 {
            unsafe { syscall(libc::SYS_write, 5, b"too late".as_ptr(), 8) };
        }
        exit(0)
    }, Ok, Ok),
    row("keep the output mapped and write after the reply", |_| unsafe {
        let at = syscall(libc::SYS_mmap, 0_u64, 4096_u64, 3, libc::MAP_SHARED, 5, 0_u64);
        say(&done(8, 0));
        for value in 0..200_000_u64 {
            std::ptr::with_exposed_provenance_mut::<u64>(at as usize).write_volatile(value);
        }
        exit(0)
    }, PolicyKill, Ok),
    row("flood the job socket", |_| loop {
        say(&done(0, 0));
    }, Timeout, Timeout),
    row("tell pages that nobody asked for", |_| { say(&told(1, 2)); say(&done(0, 0)); exit(0) }, Protocol, Protocol),
    row_at(ChainDirty, "tells pages without end", |_| loop {
        say(&told(1, 2));
    }, Timeout, Timeout),
    row_at(ChainDirty, "tells of more pages done than there are", |_| { say(&told(3, 2)); Result::Ok(()) }, Protocol, Protocol),
    row_at(ChainDirty, "tells of fewer pages done than before", |_| { say(&told(2, 4)); say(&told(1, 4)); Result::Ok(()) }, Protocol, Protocol),
    row_at(ChainDirty, "tells another number of pages than before", |_| { say(&told(1, 4)); say(&told(2, 5)); Result::Ok(()) }, Protocol, Protocol),
    row_at(ChainDirty, "tells pages, ever more of them", |_| { say(&told(1, 4)); say(&told(1, 4)); say(&told(4, 4)); Result::Ok(()) }, Ok, Ok),
    row_at(ChainDirty, "tells pages after the reply", |_| { say(&done(0, 0)); say(&told(1, 2)); exit(0) }, Protocol, Protocol),
    row_at(ChainDirty, "tells pages and gives no reply", |_| { say(&told(1, 2)); exit(0) }, Protocol, Protocol),
    row("close the job socket and exit", |_| { unsafe { libc::close(3) }; exit(0) }, Protocol, Protocol),
    row("close the job socket and never end", |_| {
        unsafe { libc::close(3) };
        loop {
            std::hint::spin_loop();
        }
    }, Timeout, Timeout),
    row("close everything and return", |_| {
        (0..16).for_each(|number| { unsafe { libc::close(number) }; });
        Result::Ok(())
    }, Protocol, Protocol),
    row("send descriptors with the reply", send_descriptor, PolicyKill, Protocol),
    row("a reply in a thousand pieces (writev)", |_| unsafe {
        let reply = done(0, 0);
        let pieces: Vec<[usize; 2]> = (0..1024).map(|at| [reply.as_ptr() as usize + at % 88, usize::from(at < 88)]).collect();
        syscall(libc::SYS_writev, 3, pieces.as_ptr(), 1024);
        exit(0)
    }, PolicyKill, Ok),
    row("lock the output with a seal", |io| unsafe {
        io.out.write_all(b"x").unwrap();
        syscall(libc::SYS_fcntl, 5, libc::F_ADD_SEALS, libc::F_SEAL_SHRINK | libc::F_SEAL_SEAL);
        Result::Ok(())
    }, PolicyKill, Protocol),
    row("move the side output's position for the next document", |_| unsafe {
        syscall(libc::SYS_lseek, 6, 1000, 0);
        Result::Ok(())
    }, PolicyKill, Ok),
    row("leave a message in the side output for the next document", |_| unsafe {
        syscall(libc::SYS_write, 6, b"secret".as_ptr(), 6);
        say(&done(0, 0));
        exit(0)
    }, Ok, Ok),
    // The clean room is ours, but it must not be trusted to be.
    row_at(Clean, "clean room: more behind the reply than announced", |_| {
        say(&[&done(0, 3)[..], b"abcd"].concat());
        exit(0)
    }, Protocol, Protocol),
    row_at(Clean, "clean room: report above the inline limit", |_| {
        say(&[&done(0, 40_000)[..], &[0; 40_000]].concat());
        exit(0)
    }, Protocol, Protocol),
    row_at(Clean, "clean room: open a file", |io| {
        let opened = unsafe { syscall(libc::SYS_openat, libc::AT_FDCWD, c"/etc/passwd".as_ptr(), 0, 0) };
        crate::answer(io, opened)
    }, PolicyKill, crate::Expect::Answers(&[libc::ENOENT, libc::EACCES])),
    row_at(Clean, "clean room: reply twice", |_| { say(&done(0, 0)); say(&done(0, 0)); exit(0) }, Protocol, Protocol),
];

fn exit(code: i32) -> Done {
    unsafe { libc::_exit(code) }
}

fn say(message: &[u8]) {
    unsafe { libc::write(3, message.as_ptr().cast(), message.len()) };
}

fn reply(status: u32) -> [u8; 88] {
    let mut bytes = [0; 88];
    bytes[..4].copy_from_slice(&0x4d47_5231_u32.to_le_bytes());
    bytes[4..8].copy_from_slice(&status.to_le_bytes());
    bytes
}

fn done(out: u64, side: u64) -> [u8; 88] {
    let mut bytes = reply(1);
    bytes[8..16].copy_from_slice(&out.to_le_bytes());
    bytes[16..24].copy_from_slice(&side.to_le_bytes());
    bytes
}

fn told(pages: u32, of: u32) -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes[..4].copy_from_slice(&0x4d47_5431_u32.to_le_bytes());
    bytes[4..8].copy_from_slice(&pages.to_le_bytes());
    bytes[8..].copy_from_slice(&of.to_le_bytes());
    bytes
}

fn refused(reason: u64) -> [u8; 88] {
    let mut bytes = reply(2);
    bytes[8..16].copy_from_slice(&reason.to_le_bytes());
    bytes
}

fn panicked(place: &[u8]) -> [u8; 88] {
    let mut bytes = reply(4);
    bytes[8..8 + place.len()].copy_from_slice(place);
    bytes
}

fn send_descriptor(_: Io<'_, '_>) -> Done {
    unsafe {
        let reply = done(0, 0);
        let mut part = [reply.as_ptr() as usize, reply.len()];
        let mut control = [0_u64; 4];
        let mut header: libc::msghdr = std::mem::zeroed();
        header.msg_iov = part.as_mut_ptr().cast();
        header.msg_iovlen = 1;
        header.msg_control = control.as_mut_ptr().cast();
        header.msg_controllen = 24;
        let first = libc::CMSG_FIRSTHDR(&raw const header);
        (*first).cmsg_level = libc::SOL_SOCKET;
        (*first).cmsg_type = libc::SCM_RIGHTS;
        (*first).cmsg_len = 20;
        libc::CMSG_DATA(first).cast::<i32>().write(5);
        libc::sendmsg(3, &raw const header, 0);
    }
    exit(0)
}

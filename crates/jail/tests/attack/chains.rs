//! Attacks in and on a chain: the dirty room against the clean one, and a clean room that misbehaves.

use crate::Expect::{
    Answers, Killed, Ok, OutputLimit, Panics, PolicyKill, Protocol, Refused, Signal, Succeeds, Timeout,
};
use crate::Place::{ChainClean, ChainDirty};
use crate::{Row, answer, row_at};
use form::reason::{Reason, Refusal};
use jail::room::{Input, RoomIo, RoomRefusal};
use libc::{EBADF, ESRCH, syscall};
use std::io::Read;

// A table: one attack reads as one row.
#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    // More than the pipe and the stream limit hold, past the room's own counting.
    row_at(ChainDirty, "chain_flood_pipe", |_| {
        let block = [b'f'; 65_536];
        while unsafe { libc::write(5, block.as_ptr().cast(), block.len()) } > 0 {}
        Result::Ok(())
    }, OutputLimit, OutputLimit),
    // Honest, and more than a pipe holds: what the clean halves below ignore.
    row_at(ChainDirty, "chain_large_form", |io| {
        for _ in 0..128 {
            io.out.write_all(&[b'l'; 4096]).unwrap();
        }
        Result::Ok(())
    }, Ok, Ok),
    row_at(ChainDirty, "write more form than the limit", |io| loop {
        io.out.write_all(&[0; 4096]).unwrap();
    }, OutputLimit, OutputLimit),
    row_at(ChainDirty, "hold the pipe open for ever", |io| {
        io.out.write_all(b"begun").unwrap();
        loop {
            std::hint::spin_loop();
        }
    }, Timeout, Timeout),
    row_at(ChainDirty, "close the pipe early and never end", |_| {
        unsafe { libc::close(5) };
        loop {
            std::hint::spin_loop();
        }
    }, Timeout, Timeout),
    row_at(ChainDirty, "crash in the middle of the form", |_| {
        unsafe { libc::write(5, b"half a form".as_ptr().cast(), 11) };
        unsafe { std::ptr::without_provenance_mut::<u8>(8).write_volatile(1) };
        Result::Ok(())
    }, Signal(libc::SIGSEGV), Signal(libc::SIGSEGV)),
    row_at(ChainDirty, "panic after the whole form", |io| {
        io.out.write_all(b"a whole form").unwrap();
        panic!("after all");
    }, Panics, Panics),
    row_at(ChainDirty, "refuse after the whole form", |io| {
        unsafe { libc::write(5, b"a whole form".as_ptr().cast(), 12) };
        io.out.write_all(b"and more").unwrap();
        Err(RoomRefusal { refusal: Refusal { reason: Reason::Malformed, limit: 0, value: 0 }, detail: [0; 16] })
    }, Refused, Refused),
    row_at(ChainDirty, "dirty half: forbidden call", |_| {
        unsafe { syscall(libc::SYS_openat, libc::AT_FDCWD, c"/etc/passwd".as_ptr(), 0, 0) };
        Result::Ok(())
    }, PolicyKill, Ok),
    row_at(ChainDirty, "read the form back out of the pipe", |io| {
        let mut byte = 0_u8;
        answer(io, unsafe { syscall(libc::SYS_read, 5, &raw mut byte, 1) })
    }, PolicyKill, Answers(&[EBADF])),
    row_at(ChainDirty, "shrink the pipe", |io| answer(io, unsafe { syscall(libc::SYS_fcntl, 5, libc::F_SETPIPE_SZ, 4096) }), PolicyKill, Succeeds),
    row_at(ChainDirty, "signal the clean half", |io| {
        // It lives in another pid namespace; every number here is tried.
        let own = unsafe { libc::getpid() };
        let mut worst = -1;
        for pid in (2..40).filter(|pid| *pid != own && (*pid < own - 8 || *pid > own + 8)) {
            worst = unsafe { syscall(libc::SYS_kill, pid, libc::SIGKILL) }.max(worst);
        }
        unsafe { *libc::__errno_location() = ESRCH };
        answer(io, worst)
    }, PolicyKill, Answers(&[ESRCH])),
    row_at(ChainDirty, "two replies in a chain", |_| {
        let mut reply = [0_u8; 88];
        reply[..4].copy_from_slice(&0x4d47_5231_u32.to_le_bytes());
        reply[4] = 1;
        unsafe { libc::write(3, reply.as_ptr().cast(), 88) };
        Result::Ok(())
    }, Protocol, Protocol),
    row_at(ChainDirty, "block the supervisor's signal beside a refusing clean half", |_| {
        crate::calls::block_all_signals();
        loop {
            std::hint::spin_loop();
        }
    }, PolicyKill, Killed),
    row_at(ChainDirty, "pretend that the clean half is gone", |io| {
        unsafe { libc::write(5, b"half a form".as_ptr().cast(), 11) };
        let _ = io;
        unsafe { libc::_exit(74) }
    }, Protocol, Protocol),
    // Honest, and at work for a while without a word: what the clean halves below do not wait for.
    row_at(ChainDirty, "chain_silent_form", |io| {
        let begun = std::time::Instant::now();
        while begun.elapsed() < std::time::Duration::from_millis(300) {
            std::hint::spin_loop();
        }
        io.out.write_all(b"at last").unwrap();
        Result::Ok(())
    }, Ok, Ok),
    row_at(ChainClean, "clean half: crash before a silent form", |_| {
        unsafe { std::ptr::without_provenance_mut::<u8>(8).write_volatile(1) };
        Result::Ok(())
    }, Signal(libc::SIGSEGV), Signal(libc::SIGSEGV)),
    row_at(ChainClean, "clean half: refuse before a silent form", |_| {
        Err(RoomRefusal { refusal: Refusal { reason: Reason::FormInvalid, limit: 0, value: 0 }, detail: [0; 16] })
    }, Refused, Refused),
    row_at(ChainClean, "clean half: crash on a full pipe", |_| {
        unsafe { std::ptr::without_provenance_mut::<u8>(8).write_volatile(1) };
        Result::Ok(())
    }, Signal(libc::SIGSEGV), Signal(libc::SIGSEGV)),
    row_at(ChainClean, "clean half: close a full pipe and go on", |_| {
        unsafe { libc::close(4) };
        loop {
            std::hint::spin_loop();
        }
    }, Protocol, Protocol),
    row_at(ChainClean, "clean half: never read a full pipe", |_| loop {
        std::hint::spin_loop();
    }, Timeout, Timeout),
    row_at(ChainClean, "clean half: done without reading a full pipe", |_| Result::Ok(()), Protocol, Protocol),
    row_at(ChainClean, "clean half: never end", |io| {
        drain(io);
        loop {
            std::hint::spin_loop();
        }
    }, Timeout, Timeout),
    row_at(ChainClean, "clean half: forbidden call", |io| {
        drain(io);
        let socket = unsafe { syscall(libc::SYS_socket, libc::AF_INET, libc::SOCK_STREAM, 0) };
        answer(io, socket)
    }, PolicyKill, Answers(&[libc::EMFILE])),
    row_at(ChainClean, "clean half: crash", |_| {
        unsafe { std::ptr::without_provenance_mut::<u8>(8).write_volatile(1) };
        Result::Ok(())
    }, Signal(libc::SIGSEGV), Signal(libc::SIGSEGV)),
    row_at(ChainClean, "clean half: panic", |_| panic!("clean"), Panics, Panics),
    row_at(ChainClean, "clean half: refuse", |_| {
        Err(RoomRefusal { refusal: Refusal { reason: Reason::FormInvalid, limit: 0, value: 0 }, detail: [0; 16] })
    }, Refused, Refused),
    row_at(ChainClean, "clean half: write more than the limit", |io| loop {
        io.out.write_all(&[0; 4096]).unwrap();
    }, OutputLimit, OutputLimit),
    row_at(ChainClean, "clean half: write back into the pipe", |io| {
        drain(io);
        answer(io, unsafe { syscall(libc::SYS_write, 4, c"x".as_ptr(), 1) })
    }, PolicyKill, Answers(&[EBADF])),
    row_at(ChainClean, "clean half: report above its limit", |io| {
        io.side.write_all(&vec![0; (1 << 20) + 1]).unwrap();
        Result::Ok(())
    }, OutputLimit, OutputLimit),
];

/// Reads the form to its end, so that the dirty half ends well.
fn drain(io: &mut RoomIo<'_>) {
    if let Input::Stream(stream) = &mut io.input {
        let mut buffer = [0; 4096];
        while stream.read(&mut buffer).unwrap() > 0 {}
    }
}

//! Using up what there is: memory, time, descriptors, outputs. And crashing.

use crate::Expect::{Answers, CpuLimit, MemoryLimit, OutputLimit, Panics, PolicyKill, Signal, Succeeds, Timeout};
use crate::{Row, answer, row};
use libc::{EMFILE, ENOMEM, EPERM, syscall};

// A table: one attack reads as one row.
#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    row("allocate and touch ten gigabytes", |_| {
        let mut all = Vec::new();
        for _ in 0..10_000 {
            all.push(std::hint::black_box(vec![1_u8; 1 << 20]));
        }
        Ok(())
    }, MemoryLimit, MemoryLimit),
    row("one allocation of ten gigabytes", |_| {
        std::hint::black_box(vec![0_u8; 10 << 30]);
        Ok(())
    }, MemoryLimit, MemoryLimit),
    row("grow one vector without end", |_| {
        let mut bytes = Vec::new();
        loop {
            bytes.extend_from_slice(std::hint::black_box(&[7_u8; 4096]));
        }
    }, MemoryLimit, MemoryLimit),
    row("map ten gigabytes", |io| {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        answer(io, unsafe { syscall(libc::SYS_mmap, 0_u64, 10_u64 << 30, 3, flags, -1, 0_u64) })
    }, Answers(&[ENOMEM]), Answers(&[ENOMEM])),
    row("map without end", |_| {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let last = loop {
            let at = unsafe { syscall(libc::SYS_mmap, 0_u64, 1_u64 << 20, 3, flags, -1, 0_u64) };
            if at < 0 {
                break at;
            }
        };
        // What an attacker leaves for the reply: nothing. The room must still be judged.
        unsafe { libc::_exit(if last < 0 { 70 } else { 0 }) }
    }, MemoryLimit, MemoryLimit),
    row("brk ten gigabytes", |io| {
        let before = unsafe { syscall(libc::SYS_brk, 0) };
        let after = unsafe { syscall(libc::SYS_brk, before + (10 << 30)) };
        unsafe { *libc::__errno_location() = ENOMEM };
        answer(io, if after == before { -1 } else { after })
    }, Answers(&[ENOMEM]), Answers(&[ENOMEM])),
    row("lock memory", |io| {
        let page = vec![0_u8; 8192];
        answer(io, unsafe { syscall(libc::SYS_mlock, page.as_ptr(), 4096) })
    }, PolicyKill, Answers(&[ENOMEM, EPERM])),
    row("stack overflow", |_| {
        #[allow(unconditional_recursion)]
        fn deeper(depth: u64) -> u64 {
            let frame = std::hint::black_box([depth; 512]);
            deeper(depth + 1) + frame[7]
        }
        std::hint::black_box(deeper(0));
        Ok(())
    }, Signal(libc::SIGSEGV), Signal(libc::SIGSEGV)),
    row("wild pointer", |_| {
        unsafe { std::ptr::without_provenance_mut::<u8>(8).write_volatile(1) };
        Ok(())
    }, Signal(libc::SIGSEGV), Signal(libc::SIGSEGV)),
    row("illegal instruction", |_| {
        unsafe { std::arch::asm!("ud2") };
        Ok(())
    }, Signal(libc::SIGILL), Signal(libc::SIGILL)),
    row("division fault", |_| {
        unsafe { std::arch::asm!("xor ecx, ecx", "xor edx, edx", "mov eax, 1", "div ecx", out("eax") _, out("ecx") _, out("edx") _) };
        Ok(())
    }, Signal(libc::SIGFPE), Signal(libc::SIGFPE)),
    row("abort", |_| std::process::abort(), Signal(libc::SIGABRT), Signal(libc::SIGABRT)),
    row("panic", |_| panic!("hostile"), Panics, Panics),
    row("panic while panicking", |_| {
        struct Again;
        impl Drop for Again {
            fn drop(&mut self) {
                panic!("again");
            }
        }
        let _again = Again;
        panic!("first");
    }, Panics, Panics),
    row("arithmetic overflow", |io| {
        let huge = std::hint::black_box(u64::MAX);
        let sum = huge + io.params.len() as u64;
        answer(io, i64::try_from(sum).unwrap_or(1))
    }, Panics, Panics),
    row("endless loop", |_| loop {
        std::hint::spin_loop();
    }, Timeout, Timeout),
    row("burn processor time", |_| loop {
        std::hint::spin_loop();
    }, CpuLimit, CpuLimit),
    row("burn processor time, deaf to SIGXCPU", |_| {
        unsafe { libc::signal(libc::SIGXCPU, libc::SIG_IGN) };
        loop {
            std::hint::spin_loop();
        }
    }, PolicyKill, CpuLimit),
    row("burn processor time, SIGXCPU blocked", |_| {
        crate::calls::block_all_signals();
        loop {
            std::hint::spin_loop();
        }
    }, PolicyKill, CpuLimit),
    row("sleep", |io| {
        let hour = [3600_i64, 0];
        answer(io, unsafe { syscall(libc::SYS_nanosleep, hour.as_ptr(), 0) })
    }, PolicyKill, Timeout),
    row("wait on a futex", |io| {
        let word = 0_u32;
        answer(io, unsafe { syscall(libc::SYS_futex, &raw const word, 0, 0, 0) })
    }, PolicyKill, Timeout),
    row("wait for another job", |io| {
        let mut byte = [0_u8; 64];
        let mut part = [byte.as_mut_ptr() as usize, 64];
        let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
        header.msg_iov = part.as_mut_ptr().cast();
        header.msg_iovlen = 1;
        answer(io, unsafe { libc::recvmsg(3, &raw mut header, 0) } as i64)
    }, Timeout, Timeout),
    row("write more than the limit", |io| {
        let block = [0_u8; 4096];
        loop {
            io.out.write_all(&block).unwrap();
        }
    }, OutputLimit, OutputLimit),
    row("write one byte more than the limit", |io| {
        io.out.write_all(&vec![0; (1 << 20) + 1]).unwrap();
        Ok(())
    }, OutputLimit, OutputLimit),
    row("write ten gigabytes past the room's own counting", |io| {
        let block = vec![0_u8; 1 << 20];
        let last = loop {
            let written = unsafe { syscall(libc::SYS_write, 5, block.as_ptr(), block.len()) };
            if written <= 0 {
                break written;
            }
        };
        unsafe { syscall(libc::SYS_exit_group, if last < 0 { 71 } else { 0 }) };
        answer(io, last)
    }, OutputLimit, OutputLimit),
    row("write far behind the end of the output", |io| {
        answer(io, unsafe { syscall(libc::SYS_pwrite64, 5, c"x".as_ptr(), 1, 1_u64 << 40) })
    }, PolicyKill, OutputLimit),
    row("write one byte behind the end of the output", |io| {
        answer(io, unsafe { syscall(libc::SYS_pwrite64, 5, c"x".as_ptr(), 1, 1 << 20) })
    }, PolicyKill, Answers(&[EPERM])),
    row("make the output longer", |io| answer(io, unsafe { syscall(libc::SYS_ftruncate, 5, 2 << 20) }), PolicyKill, Answers(&[EPERM])),
    row("reserve space in the output", |io| {
        answer(io, unsafe { syscall(libc::SYS_fallocate, 5, 0, 0, 2 << 20) })
    }, PolicyKill, Answers(&[EPERM])),
    row("write more than the limit to the side", |io| {
        io.side.write_all(&vec![0; (1 << 16) + 1]).unwrap();
        Ok(())
    }, OutputLimit, OutputLimit),
    row("use up the descriptors", |io| {
        let last = loop {
            let copy = unsafe { syscall(libc::SYS_dup, 5) };
            if copy < 0 {
                break copy;
            }
        };
        answer(io, last)
    }, PolicyKill, Answers(&[EMFILE])),
    row("set a timer", |io| {
        let soon = [0_i64, 0, 3600, 0];
        answer(io, unsafe { syscall(libc::SYS_setitimer, 0, soon.as_ptr(), 0) })
    }, PolicyKill, Succeeds),
    row("install a signal handler", |io| {
        let action = [1_u64, 0, 0, 0];
        answer(io, unsafe { syscall(libc::SYS_rt_sigaction, libc::SIGUSR1, action.as_ptr(), 0, 8) })
    }, PolicyKill, Succeeds),
];

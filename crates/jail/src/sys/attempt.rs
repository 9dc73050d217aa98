//! What a room tries against its own confinement when it is asked to.
//!
//! Each attempt does one thing that a hijacked room would do and tells the kernel's answer. None does harm where it succeeds.

use super::process;
use std::ffi::{c_int, c_long};

/// One thing a hijacked room would try.
pub(crate) struct Attempt {
    /// Stable `snake_case` name, also the name of the fact.
    pub(crate) name: &'static str,
    /// Tries it, where it takes one on the process of this number; negative errno or what the call returned.
    pub(crate) run: fn(i32) -> i32,
    /// Whether an errno means that confinement stopped it (and not, say, that nobody listened on a port).
    pub(crate) stopped_by: fn(c_int) -> bool,
}

/// All attempts, in the order of their results.
pub(crate) const ATTEMPTS: &[Attempt] = &[
    Attempt { name: "open_file", run: |_| open_file(), stopped_by: any },
    Attempt { name: "create_file", run: |_| create_file(), stopped_by: any },
    Attempt { name: "connect_tcp", run: |_| connect_tcp(), stopped_by: no_network },
    Attempt { name: "fork", run: |_| fork(), stopped_by: any },
    Attempt { name: "execute", run: |_| execute(), stopped_by: any },
    Attempt { name: "map_write_execute", run: |_| map_write_execute(), stopped_by: any },
    Attempt { name: "trace_zygote", run: |_| trace_zygote(), stopped_by: any },
    Attempt { name: "read_zygote_memory", run: |_| read_zygote_memory(), stopped_by: any },
    Attempt { name: "unshare_user", run: |_| unshare_user(), stopped_by: any },
    Attempt { name: "mount", run: |_| mount(), stopped_by: any },
    Attempt { name: "become_root", run: |_| become_root(), stopped_by: any },
    Attempt { name: "raise_limit", run: |_| raise_limit(), stopped_by: any },
    Attempt { name: "io_uring", run: |_| io_uring(), stopped_by: any },
    Attempt { name: "signal_gateway", run: signal, stopped_by: any },
    Attempt { name: "perf_event", run: |_| perf_event(), stopped_by: any },
];

fn any(_: c_int) -> bool {
    true
}

/// A refused connection means that packets left this room.
fn no_network(errno: c_int) -> bool {
    errno == libc::EACCES || errno == libc::EPERM || errno == libc::ENETUNREACH || errno == libc::EAFNOSUPPORT
}

fn answer(returned: c_long) -> i32 {
    if returned < 0 {
        -super::errno(&std::io::Error::last_os_error())
    } else {
        i32::try_from(returned).unwrap_or(i32::MAX)
    }
}

fn open_file() -> i32 {
    // SAFETY: static C string.
    answer(unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, c"/etc/passwd".as_ptr(), libc::O_RDONLY, 0) })
}

fn create_file() -> i32 {
    let flags = libc::O_CREAT | libc::O_EXCL | libc::O_WRONLY;
    // SAFETY: static C string. Where it succeeds the file is removed again.
    unsafe {
        let returned = libc::syscall(libc::SYS_openat, libc::AT_FDCWD, c"/tmp/.misogi-probe".as_ptr(), flags, 0o600);
        let result = answer(returned);
        if result >= 0 {
            libc::unlink(c"/tmp/.misogi-probe".as_ptr());
        }
        result
    }
}

fn connect_tcp() -> i32 {
    // SAFETY: a sockaddr_in of the stated size; port 9 on loopback, where nothing of importance listens.
    unsafe {
        let socket = libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0);
        if socket < 0 {
            return answer(-1);
        }
        let mut address: libc::sockaddr_in = std::mem::zeroed();
        address.sin_family = libc::AF_INET as libc::sa_family_t;
        address.sin_port = 9_u16.to_be();
        address.sin_addr.s_addr = u32::from_be_bytes([127, 0, 0, 1]).to_be();
        let size = size_of::<libc::sockaddr_in>() as libc::socklen_t;
        let result = answer(libc::connect(socket, (&raw const address).cast(), size).into());
        libc::close(socket);
        result
    }
}

fn fork() -> i32 {
    let none = std::ptr::null_mut::<u8>();
    // SAFETY: fork without shared memory; the child ends at once.
    let returned = unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, none, none, none, none) };
    if returned == 0 {
        process::exit(0);
    }
    answer(returned)
}

fn execute() -> i32 {
    let arguments = [c"true".as_ptr(), std::ptr::null()];
    // SAFETY: static strings and a terminated list. Where it succeeds this room is replaced, never replies, and that tells.
    answer(unsafe {
        libc::syscall(libc::SYS_execve, c"/bin/true".as_ptr(), arguments.as_ptr(), arguments.as_ptr().add(1))
    })
}

fn map_write_execute() -> i32 {
    let rights = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
    // SAFETY: a new mapping chosen by the kernel, never used.
    let at = unsafe { libc::mmap(std::ptr::null_mut(), 4096, rights, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0) };
    if at == libc::MAP_FAILED { answer(-1) } else { 0 }
}

fn trace_zygote() -> i32 {
    let none = std::ptr::null_mut::<u8>();
    // SAFETY: attaching takes no memory; the zygote goes on when this room ends.
    answer(unsafe { libc::syscall(libc::SYS_ptrace, libc::PTRACE_SEIZE, process::parent_pid().max(1), none, none) })
}

fn read_zygote_memory() -> i32 {
    let mut word = 0_u64;
    let here = libc::iovec { iov_base: (&raw mut word).cast(), iov_len: 8 };
    // Zygote and room have the same layout, so our own stack address is a good one in the zygote.
    let there = here;
    let parent = process::parent_pid().max(1);
    // SAFETY: both vectors describe one live word of ours; the remote address is only read by the kernel.
    answer(unsafe { libc::process_vm_readv(parent, &raw const here, 1, &raw const there, 1, 0) } as c_long)
}

fn unshare_user() -> i32 {
    // SAFETY: takes no pointer.
    answer(unsafe { libc::unshare(libc::CLONE_NEWUSER) }.into())
}

fn mount() -> i32 {
    let none = c"none".as_ptr();
    // SAFETY: static C strings.
    answer(unsafe { libc::mount(none, c"/".as_ptr(), c"proc".as_ptr(), 0, std::ptr::null()) }.into())
}

fn become_root() -> i32 {
    // SAFETY: takes no pointer. By raw call: the C library's wrapper would do more.
    answer(unsafe { libc::syscall(libc::SYS_setuid, 0) })
}

fn raise_limit() -> i32 {
    let limits = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: `limits` is a live local.
    answer(unsafe { libc::setrlimit(libc::RLIMIT_DATA, &raw const limits) }.into())
}

fn io_uring() -> i32 {
    let mut parameters = [0_u8; 120];
    // SAFETY: 120 bytes is the size of struct io_uring_params.
    answer(unsafe { libc::syscall(libc::SYS_io_uring_setup, 8, parameters.as_mut_ptr()) })
}

fn perf_event() -> i32 {
    // A zeroed attribute block with its size: a hardware counter on this process.
    let mut attributes = [0_u32; 32];
    if let Some(size) = attributes.get_mut(1) {
        *size = 128;
    }
    // SAFETY: 128 bytes as stated in the block.
    answer(unsafe { libc::syscall(libc::SYS_perf_event_open, attributes.as_mut_ptr(), 0, -1, -1, 0) })
}

fn signal(pid: i32) -> i32 {
    // SAFETY: takes no pointer. Signal 0 only asks whether it could.
    answer(unsafe { libc::syscall(libc::SYS_kill, pid, 0) })
}

/// What a room with files, such as LibreOffice's, tries beyond [`ATTEMPTS`].
pub(crate) const OFFICE_ATTEMPTS: &[Attempt] = &[
    Attempt { name: "open_host_files", run: |_| open_host_files(), stopped_by: any },
    Attempt { name: "open_proc", run: |_| open_proc(), stopped_by: any },
    Attempt { name: "open_device", run: |_| open_device(), stopped_by: any },
    Attempt { name: "write_program", run: |_| write_program(), stopped_by: any },
    Attempt { name: "connect_abstract", run: |_| connect_abstract(), stopped_by: any },
    Attempt { name: "new_socket", run: |_| new_socket(), stopped_by: any },
    Attempt { name: "kill_first_process", run: |_| kill_first_process(), stopped_by: any },
    Attempt { name: "kill_everybody", run: |_| kill_everybody(), stopped_by: any },
    Attempt { name: "execute_own_file", run: |_| execute_own_file(), stopped_by: any },
    Attempt { name: "map_own_file_executable", run: |_| map_own_file_executable(), stopped_by: any },
    Attempt { name: "chroot", run: |_| chroot(), stopped_by: any },
];

fn try_open(path: &std::ffi::CStr, flags: c_int) -> i32 {
    // SAFETY: a C string.
    answer(unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path.as_ptr(), flags, 0o600) })
}

fn open_host_files() -> i32 {
    [
        c"/root",
        c"/home",
        c"/etc/shadow",
        c"/etc/hostname",
        c"/usr/bin",
        c"/var/spool",
        c"/var/log",
        c"/sys",
        c"/run",
        c"/boot",
    ]
    .into_iter()
    .map(|path| try_open(path, libc::O_RDONLY))
    .max()
    .unwrap_or(0)
}

fn open_proc() -> i32 {
    [c"/proc/self/environ", c"/proc/1/maps", c"/proc"]
        .into_iter()
        .map(|path| try_open(path, libc::O_RDONLY))
        .max()
        .unwrap_or(0)
}

fn open_device() -> i32 {
    [c"/dev/mem", c"/dev/kmsg", c"/dev/sda", c"/dev/vda", c"/dev/tty", c"/dev/shm"]
        .into_iter()
        .map(|path| try_open(path, libc::O_RDONLY))
        .max()
        .unwrap_or(0)
}

/// Writing beside LibreOffice, into the libraries, the fonts and the root.
fn write_program() -> i32 {
    let flags = libc::O_CREAT | libc::O_WRONLY;
    [c"/usr/lib/libreoffice/x", c"/usr/lib/x86_64-linux-gnu/x", c"/usr/share/fonts/x", c"/x"]
        .into_iter()
        .map(|path| try_open(path, flags))
        .max()
        .unwrap_or(0)
}

fn connect_abstract() -> i32 {
    // SAFETY: a sockaddr_un of the stated size with an abstract name.
    unsafe {
        let socket = libc::socket(libc::AF_UNIX, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0);
        if socket < 0 {
            return answer(-1);
        }
        let mut address: libc::sockaddr_un = std::mem::zeroed();
        address.sun_family = libc::AF_UNIX as libc::sa_family_t;
        for (place, byte) in address.sun_path.iter_mut().skip(1).zip(b"misogi-attempt") {
            *place = byte.cast_signed();
        }
        let size = (size_of::<libc::sa_family_t>() + 1 + 14) as libc::socklen_t;
        let result = answer(libc::connect(socket, (&raw const address).cast(), size).into());
        libc::close(socket);
        result
    }
}

fn new_socket() -> i32 {
    [(libc::AF_INET, libc::SOCK_DGRAM), (libc::AF_INET6, libc::SOCK_STREAM), (libc::AF_NETLINK, libc::SOCK_RAW)]
        .into_iter()
        .map(|(family, kind)| {
            // SAFETY: takes no pointer. The descriptor, if there is one, goes with the process.
            answer(unsafe { libc::socket(family, kind, 0) }.into())
        })
        .max()
        .unwrap_or(0)
}

fn kill_first_process() -> i32 {
    // SAFETY: takes no pointer. Signal 0 only asks whether it could.
    answer(unsafe { libc::syscall(libc::SYS_kill, 1, 0) })
}

fn kill_everybody() -> i32 {
    // SAFETY: takes no pointer. Signal 0 only asks whether it could.
    answer(unsafe { libc::syscall(libc::SYS_kill, -1, 0) })
}

fn own_file() -> c_int {
    let flags = libc::O_CREAT | libc::O_RDWR;
    let at = c"/tmp/attempt".as_ptr();
    // SAFETY: static C strings; four bytes are written from four bytes.
    unsafe {
        let file = libc::open(at, flags, 0o700);
        libc::write(file, b"#!/x".as_ptr().cast(), 4);
        file
    }
}

fn execute_own_file() -> i32 {
    let file = own_file();
    let arguments = [c"attempt".as_ptr(), std::ptr::null()];
    // SAFETY: static strings and a terminated list.
    unsafe {
        libc::close(file);
        let list = arguments.as_ptr();
        answer(libc::syscall(libc::SYS_execve, c"/tmp/attempt".as_ptr(), list, list.add(1)))
    }
}

fn map_own_file_executable() -> i32 {
    let file = own_file();
    let rights = libc::PROT_READ | libc::PROT_EXEC;
    // SAFETY: a new mapping chosen by the kernel, never used.
    let at = unsafe { libc::mmap(std::ptr::null_mut(), 4096, rights, libc::MAP_PRIVATE, file, 0) };
    if at == libc::MAP_FAILED { answer(-1) } else { 0 }
}

fn chroot() -> i32 {
    // SAFETY: a static C string.
    answer(unsafe { libc::syscall(libc::SYS_chroot, c"/tmp".as_ptr()) })
}

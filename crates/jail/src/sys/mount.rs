//! Mounts of a room that needs some files of the system: trees of the host, read-only, and memory for what is its own.
//!
//! The calls are those of kernel 5.12 (`open_tree`, `mount_setattr`, `move_mount`): a copy of a tree is made detached, locked,
//! and only then put in its place, and the lock covers every mount below it.

use super::check;
use std::ffi::{CStr, c_int, c_long, c_uint};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// What is in a tree of the host, which decides what else it must not be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    /// Data: neither programs nor devices.
    Data,
    /// Libraries or other code, which is mapped executable.
    Libraries,
    /// A device.
    Device,
}

/// Keeps changes of this mount namespace to itself, for a start.
pub(crate) fn make_private() -> io::Result<()> {
    let null = std::ptr::null();
    // SAFETY: static C strings and null pointers, which this combination of flags allows.
    check(unsafe { libc::mount(null, c"/".as_ptr(), null, libc::MS_REC | libc::MS_PRIVATE, null.cast()) }).map(drop)
}

/// Memory as a file system without devices, for data or for code. `options` as in fstab: `size=…,nr_inodes=…,mode=…`.
pub(crate) fn memory(at: &CStr, options: &CStr, holds: Holds) -> io::Result<()> {
    let mut flags = libc::MS_NOSUID | libc::MS_NODEV;
    if holds != Holds::Libraries {
        flags |= libc::MS_NOEXEC;
    }
    // SAFETY: all are C strings.
    check(unsafe { libc::mount(c"none".as_ptr(), at.as_ptr(), c"tmpfs".as_ptr(), flags, options.as_ptr().cast()) })
        .map(drop)
}

/// Shows `source` (a directory with all that is mounted below it, or a file) at `target`, where nobody can write to it, not
/// even its owner.
pub(crate) fn show(source: &CStr, target: &CStr, holds: Holds) -> io::Result<()> {
    let tree = open_tree(source)?;
    let mut lock = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID;
    if holds != Holds::Device {
        lock |= MOUNT_ATTR_NODEV;
    }
    if holds != Holds::Libraries {
        lock |= MOUNT_ATTR_NOEXEC;
    }
    let attributes = Attributes { set: lock, clear: 0, propagation: libc::MS_PRIVATE, user_namespace: 0 };
    let flags = libc::AT_EMPTY_PATH | AT_RECURSIVE;
    // SAFETY: an empty path names the descriptor; the block has the size that is stated.
    check(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const attributes,
            size_of::<Attributes>(),
        )
    })?;
    // SAFETY: C strings; the descriptor is open.
    check(unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_FDCWD,
            target.as_ptr(),
            MOVE_MOUNT_F_EMPTY_PATH,
        )
    })
    .map(drop)
}

fn open_tree(source: &CStr) -> io::Result<OwnedFd> {
    let flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE.cast_unsigned();
    // SAFETY: a C string.
    let raw: c_long = check(unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, source.as_ptr(), flags) })?;
    let raw = RawFd::try_from(raw).map_err(|_| io::Error::from_raw_os_error(libc::EBADF))?;
    // SAFETY: a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// Makes the working directory, which must be a mount, the root of everything, read-only, and lets go of the old root.
pub(crate) fn enter_root() -> io::Result<()> {
    let here = c".".as_ptr();
    let null = std::ptr::null();
    let sealed = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC | libc::MS_RDONLY;
    // SAFETY: all strings are static C strings.
    unsafe {
        // The old root is stacked under the new one; the detach then drops the whole old tree.
        check(libc::syscall(libc::SYS_pivot_root, here, here))?;
        check(libc::umount2(here, libc::MNT_DETACH))?;
        check(libc::chdir(c"/".as_ptr()))?;
        check(libc::mount(c"none".as_ptr(), c"/".as_ptr(), null, libc::MS_REMOUNT | sealed, null.cast()))?;
    }
    Ok(())
}

/// `struct mount_attr` of `linux/mount.h`.
#[repr(C)]
struct Attributes {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

const MOUNT_ATTR_RDONLY: u64 = 0x1;
const MOUNT_ATTR_NOSUID: u64 = 0x2;
const MOUNT_ATTR_NODEV: u64 = 0x4;
const MOUNT_ATTR_NOEXEC: u64 = 0x8;
const AT_RECURSIVE: c_int = 0x8000;
const OPEN_TREE_CLONE: c_uint = 1;
const OPEN_TREE_CLOEXEC: c_uint = 0o2_000_000;
const MOVE_MOUNT_F_EMPTY_PATH: c_uint = 0x4;

//! The edge to the kernel: the only modules with `unsafe`.
//!
//! Every function here is one system call (or one unbreakable group of them) with owned descriptors in, owned
//! descriptors out and `io::Error` on failure. Nothing here decides anything.

pub(crate) mod allocator;
pub(crate) mod attempt;
pub(crate) mod confine;
pub(crate) mod descriptor;
pub(crate) mod library;
pub(crate) mod message;
pub(crate) mod mount;
pub(crate) mod pages;
pub(crate) mod process;

use std::io;

/// Turns the kernel's "negative means errno" into a `Result`.
pub(crate) fn check<T: Default + PartialOrd>(returned: T) -> io::Result<T> {
    if returned < T::default() { Err(io::Error::last_os_error()) } else { Ok(returned) }
}

/// The number behind an `io::Error` of this module; 0 when it did not come from the kernel.
pub(crate) fn errno(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(0)
}

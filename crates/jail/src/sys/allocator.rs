//! The allocator that turns "no memory" into an exit code of its own.

use super::process;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, Ordering};

/// The system allocator; inside a room a failed allocation ends the process with the memory-limit exit code.
///
/// Stable Rust has no hook for allocation failure: the default is a message and `abort()`, which the supervisor could not
/// tell from a crash. The binary that hosts the rooms declares it:
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: jail::room::Allocator = jail::room::Allocator;
/// ```
///
/// Without it rooms work the same, and a document that needs too much memory is reported as a crash.
#[derive(Clone, Copy, Debug, Default)]
pub struct Allocator;

/// Set once in each room after it is forked; a process-wide fact, hence the one static of this crate.
static IN_ROOM: AtomicBool = AtomicBool::new(false);

/// From here on a failed allocation ends the process.
pub(crate) fn enter_room() {
    IN_ROOM.store(true, Ordering::Relaxed);
}

/// True in a room (and in none of the zygotes).
pub(crate) fn in_room() -> bool {
    IN_ROOM.load(Ordering::Relaxed)
}

/// Puts what was freed together, once in the zygote instead of in each of its rooms, and has the rooms keep what they free. What a
/// decoder gives back the next one takes again, page by page with a fault for each; and at the end of a room all of it goes at once.
pub(crate) fn settle() {
    // SAFETY: these take numbers; the heap is in order between calls.
    unsafe {
        libc::malloc_trim(0);
        libc::mallopt(libc::M_MMAP_THRESHOLD, KEPT_BYTES);
        libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
    }
}

/// Blocks from this size on are mappings of their own, which grow without being copied and go when they are freed. The pixels of a page
/// or drawing are smaller: as mappings, each picture of a document would cost a fault for every page of them again. The C library takes no
/// larger number.
const KEPT_BYTES: i32 = 32 << 20;

#[inline]
fn checked(at: *mut u8) -> *mut u8 {
    if at.is_null() {
        refused();
    }
    at
}

#[cold]
fn refused() {
    if in_room() {
        process::exit(crate::wire::EXIT_MEMORY);
    }
}

// SAFETY: every method forwards to the system allocator with the arguments it was given and returns what it returned.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`.
        checked(unsafe { System.alloc(layout) })
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `GlobalAlloc::dealloc`; the block came from `System`.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc_zeroed`.
        checked(unsafe { System.alloc_zeroed(layout) })
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `GlobalAlloc::realloc`; the block came from `System`.
        checked(unsafe { System.realloc(at, layout, size) })
    }
}

//! The executable's own pages, so that a fork has little to copy and a room little to look up.
//!
//! A room lives for a millisecond. Where its program lies in pages of 4 KiB, more of that time goes into the kernel's page tables than
//! into the document: every page that the loader has relocated is copied into them when the room is forked, every stretch of
//! program that it runs is looked up for it anew, and at its end all that is undone. A huge page (2 MiB) is one entry, and a page that
//! belongs to the process is handed to its child without a look.

#![allow(clippy::disallowed_methods, reason = "what is in use is told by a file in /proc, and libraries are files")]

use super::check;
use std::ffi::{CStr, OsStr, c_int, c_void};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;

/// Moves the parts of the executable that `rehearsal` uses onto huge pages of this process's own: program text, constants, and all that
/// the loader has relocated. Same places, same bytes, same protection. Returns the number of huge pages.
///
/// Call it while there is one thread, before system calls are given up and before mappings may not become executable any more.
/// An error means that nothing more could be had (no memory in one piece, an older kernel, a policy against it); what is not moved
/// stays as it was, and works as well.
pub(crate) fn gather(rehearsal: impl FnOnce()) -> io::Result<usize> {
    let segments = segments();
    let used = File::open("/proc/self/pagemap").map(Used);
    segments.iter().filter(|segment| segment.is_file).for_each(Segment::forget);
    rehearsal();
    let (used, mut moved) = (used?, 0);
    for segment in segments {
        for run in used.runs(&segment)? {
            moved += move_run(&segment, run)? / HUGE;
        }
    }
    Ok(moved)
}

/// A stretch of the executable with one protection, none of it writable. Page borders.
struct Segment {
    at: Range<usize>,
    protection: c_int,
    /// As the file has it. What the loader has changed is in no file.
    is_file: bool,
}

impl Segment {
    /// Takes its pages off this process, as if none had been used: they are found again in the file.
    fn forget(&self) {
        // SAFETY: a mapping of a file, never written to, so what is read next is what was there.
        unsafe { libc::madvise(self.at.start as *mut c_void, self.at.end - self.at.start, libc::MADV_DONTNEED) };
    }
}

/// The stretches of the executable, without what stays writable.
fn segments() -> Vec<Segment> {
    /// The first object told is the executable; one is enough.
    unsafe extern "C" fn first(info: *mut libc::dl_phdr_info, _: usize, out: *mut c_void) -> c_int {
        // SAFETY: the loader gives a valid object with its program headers, and `out` is the vector of the caller below.
        let (base, headers, out) = unsafe {
            let info = &*info;
            let headers = std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into());
            (info.dlpi_addr as usize, headers, &mut *out.cast::<Vec<Segment>>())
        };
        for header in headers {
            let (start, len) = (base.wrapping_add(header.p_vaddr as usize), header.p_memsz as usize);
            let end = start.saturating_add(len);
            let (end, protection) = match header.p_type {
                libc::PT_LOAD if header.p_flags & libc::PF_W != 0 => continue,
                libc::PT_LOAD if header.p_flags & libc::PF_X != 0 => (up(end, PAGE), libc::PROT_READ | libc::PROT_EXEC),
                libc::PT_LOAD => (up(end, PAGE), libc::PROT_READ),
                // The loader protects whole pages only.
                libc::PT_GNU_RELRO => (down(end, PAGE), libc::PROT_READ),
                _ => continue,
            };
            let is_file = header.p_type == libc::PT_LOAD;
            out.push(Segment { at: down(start, PAGE)..end, protection, is_file });
        }
        1
    }
    let mut found: Vec<Segment> = Vec::new();
    // SAFETY: the callback gets the vector that it expects, which outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(first), (&raw mut found).cast()) };
    found
}

/// Which pages this process has looked at.
struct Used(File);

impl Used {
    /// The runs of huge pages of a segment in which something was used. A few unused ones in between belong to a run: one mapping
    /// more costs a fork as much as they do.
    fn runs(&self, segment: &Segment) -> io::Result<Vec<Range<usize>>> {
        let mut runs: Vec<Range<usize>> = Vec::new();
        let mut at = down(segment.at.start, HUGE);
        while at < segment.at.end {
            let next = at.saturating_add(HUGE);
            if self.any(at.max(segment.at.start)..next.min(segment.at.end))? {
                match runs.last_mut() {
                    Some(last) if at - last.end <= UNUSED_BETWEEN * HUGE => last.end = next,
                    _ => runs.push(at..next),
                }
            }
            at = next;
        }
        Ok(runs)
    }

    fn any(&self, pages: Range<usize>) -> io::Result<bool> {
        let mut entries = vec![0; (pages.end - pages.start) / PAGE * ENTRY];
        self.0.read_exact_at(&mut entries, (pages.start / PAGE * ENTRY) as u64)?;
        // The top bit of a little-endian entry: the page is there.
        Ok(entries.chunks_exact(ENTRY).any(|entry| entry.last().is_some_and(|top| top & 0x80 != 0)))
    }
}

/// Moves a run and returns how many bytes were moved: fewer where an end of it is shared with others.
fn move_run(segment: &Segment, mut run: Range<usize>) -> io::Result<usize> {
    // A huge page may reach beyond the segment, where nobody else's memory must be.
    if run.start < segment.at.start && !reserve(run.start..segment.at.start) {
        run.start += HUGE;
    }
    if run.end > segment.at.end && (run.end <= run.start || !reserve(segment.at.end..run.end)) {
        run.end -= HUGE;
    }
    if run.end <= run.start {
        // The one huge page there was is shared at its end; its beginning may have been reserved.
        release(run.start..segment.at.start.max(run.start));
        return Ok(0);
    }
    let bytes = run.start.max(segment.at.start)..run.end.min(segment.at.end);
    let moved = replace(&run, &bytes, segment.protection);
    if moved.is_err() {
        release(run.start..bytes.start);
        release(bytes.end..run.end);
    }
    moved.map(|()| run.end - run.start)
}

/// Puts huge pages with the same `bytes` in the place of a run.
fn replace(run: &Range<usize>, bytes: &Range<usize>, protection: c_int) -> io::Result<()> {
    let len = run.end - run.start;
    let scratch = map(0..len + HUGE, libc::PROT_READ | libc::PROT_WRITE, 0)?;
    let copy = up(scratch, HUGE);
    // SAFETY: `copy..copy + len` lies in the new mapping, which nobody else knows of. `bytes` is mapped and readable, lies in `run`, and
    // nothing writes to it: the segment is not writable and there is one thread. The last call replaces the run, all of which is the
    // segment's or was reserved by the caller, by bytes that are equal to it; so whatever is read or executed there next is the same.
    let moved = unsafe {
        check(libc::madvise(copy as *mut c_void, len, libc::MADV_HUGEPAGE))
            .map(|_| {
                let to = (copy + (bytes.start - run.start)) as *mut u8;
                std::ptr::copy_nonoverlapping(bytes.start as *const u8, to, bytes.end - bytes.start);
            })
            // Small pages in their stead would make everything slower. This also says whether they are huge.
            .and_then(|()| check(libc::madvise(copy as *mut c_void, len, libc::MADV_COLLAPSE)))
            .and_then(|_| check(libc::mprotect(copy as *mut c_void, len, protection)))
            .and_then(|_| {
                let how = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
                let at = libc::mremap(copy as *mut c_void, len, len, how, run.start as *mut c_void);
                if at == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(()) }
            })
    };
    release(scratch..copy);
    release(if moved.is_ok() { copy + len } else { copy }..scratch + len + HUGE);
    moved
}

/// Takes a place that nobody uses; false when somebody does.
fn reserve(place: Range<usize>) -> bool {
    match map(place.clone(), libc::PROT_NONE, libc::MAP_FIXED_NOREPLACE) {
        Ok(at) if at == place.start => true,
        Ok(elsewhere) => {
            // A kernel that takes the flag for a wish (before 4.17).
            release(elsewhere..elsewhere + (place.end - place.start));
            false
        }
        Err(_) => false,
    }
}

/// New memory of this process alone, at `place` or, where that begins at 0, anywhere.
fn map(place: Range<usize>, protection: c_int, how: c_int) -> io::Result<usize> {
    let how = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | how;
    // SAFETY: a new mapping; with the flags that callers give nothing of ours is replaced.
    let at = unsafe { libc::mmap(place.start as *mut c_void, place.end - place.start, protection, how, -1, 0) };
    if at == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(at as usize) }
}

fn release(place: Range<usize>) {
    if !place.is_empty() {
        // SAFETY: callers give back what they mapped and nobody refers to.
        unsafe { libc::munmap(place.start as *mut c_void, place.end - place.start) };
    }
}

/// Makes the pages of the C library's program that every room runs this process's own. Same places, same bytes, same protection;
/// the other pages stay the file's. Returns the number of pages.
///
/// To be called where [`gather`] is, and an error means as little.
pub(crate) fn keep_library() -> io::Result<usize> {
    let functions = hot_functions();
    let Some(library) = functions.first().and_then(|(function, ..)| Library::around(*function)) else {
        return Err(io::ErrorKind::NotFound.into());
    };
    let mut hot: Vec<usize> = functions
        .iter()
        .flat_map(|(function, before, behind)| {
            let page = down(*function, PAGE);
            (page.saturating_sub(before * PAGE)..=page.saturating_add(behind * PAGE)).step_by(PAGE)
        })
        .chain([library.at.start])
        .filter(|page| library.at.contains(page))
        .collect();
    hot.sort_unstable();
    hot.dedup();
    library.own(&hot)?;
    Ok(hot.len())
}

/// Functions of the C library that a room or a zygote calls, with pages before and behind them that belong to them. A page that is
/// missing here costs a room some microseconds, one too many a fraction of one.
fn hot_functions() -> Vec<(usize, usize, usize)> {
    // All of malloc is one object file around this function.
    let mut all = vec![(libc::malloc as *const () as usize, 4, 3)];
    let one: [*const (); 24] = [
        libc::memcpy as *const (),
        libc::memmove as *const (),
        libc::memset as *const (),
        libc::memcmp as *const (),
        libc::memchr as *const (),
        libc::strlen as *const (),
        libc::recvmsg as *const (),
        libc::sendmsg as *const (),
        libc::read as *const (),
        libc::write as *const (),
        libc::close as *const (),
        libc::mmap as *const (),
        libc::munmap as *const (),
        libc::sbrk as *const (),
        libc::brk as *const (),
        libc::prctl as *const (),
        libc::dup2 as *const (),
        libc::getpid as *const (),
        libc::setrlimit as *const (),
        libc::syscall as *const (),
        libc::socketpair as *const (),
        libc::wait4 as *const (),
        libc::sched_yield as *const (),
        libc::_exit as *const (),
    ];
    all.extend(one.map(|function| (function as usize, 0, usize::from(is_copying(function)))));
    all
}

/// Whether it is one of those that are longer than they seem: a loop for each size.
fn is_copying(function: *const ()) -> bool {
    [libc::memcpy as *const (), libc::memmove as *const (), libc::memset as *const ()].contains(&function)
}

/// The program of a shared library.
struct Library {
    at: Range<usize>,
    file: File,
    offset: usize,
}

impl Library {
    fn around(function: usize) -> Option<Library> {
        struct Search {
            function: usize,
            found: Option<(Range<usize>, Vec<u8>, usize)>,
        }
        /// Tells of each loaded object; a number other than 0 ends it.
        unsafe extern "C" fn each(info: *mut libc::dl_phdr_info, _: usize, search: *mut c_void) -> c_int {
            // SAFETY: the loader gives a valid object with its name and program headers, and `search` is the caller's below.
            let (base, headers, name, search) = unsafe {
                let info = &*info;
                let headers = std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into());
                (info.dlpi_addr as usize, headers, CStr::from_ptr(info.dlpi_name), &mut *search.cast::<Search>())
            };
            for header in headers.iter().filter(|header| header.p_type == libc::PT_LOAD) {
                let start = base.wrapping_add(header.p_vaddr as usize);
                let at = down(start, PAGE)..up(start.saturating_add(header.p_filesz as usize), PAGE);
                let writable = header.p_flags & libc::PF_W != 0;
                if !writable && header.p_flags & libc::PF_X != 0 && at.contains(&search.function) {
                    search.found = Some((at, name.to_bytes().to_vec(), down(header.p_offset as usize, PAGE)));
                    return 1;
                }
            }
            0
        }
        let mut search = Search { function, found: None };
        // SAFETY: the callback gets what it expects, which outlives the call.
        unsafe { libc::dl_iterate_phdr(Some(each), (&raw mut search).cast()) };
        let (at, name, offset) = search.found?;
        let file = File::open(OsStr::from_bytes(&name)).ok()?;
        Some(Library { at, file, offset })
    }

    /// Puts a copy of the mapping in its place of which `pages` are this process's own.
    fn own(&self, pages: &[usize]) -> io::Result<()> {
        let len = self.at.end - self.at.start;
        let offset = libc::off_t::try_from(self.offset).map_err(io::Error::other)?;
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let none = std::ptr::null_mut();
        // SAFETY: a new mapping of the kernel's choice.
        let copy = unsafe { libc::mmap(none, len, protection, libc::MAP_PRIVATE, self.file.as_raw_fd(), offset) };
        if copy == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let copy = copy as usize;
        // SAFETY: `self.at` is mapped, readable and not writable, and `copy` is a mapping of the same length that nobody else knows of.
        // Bytes are written to it that it has. It takes the other's place only when all its bytes are equal, also the one of another
        // version of the file that came in between would not be; so whatever is executed there next is the same.
        let done = unsafe {
            let (old, new) = (self.at.start as *const c_void, copy as *mut c_void);
            if libc::memcmp(old, new, len) == 0 {
                // The comparison has looked at every page, and a look is inherited too.
                check(libc::madvise(new, len, libc::MADV_DONTNEED))
                    .map(|_| {
                        for page in pages {
                            let byte = (*page as *const u8).read_volatile();
                            ((copy + (page - self.at.start)) as *mut u8).write_volatile(byte);
                        }
                    })
                    .and_then(|()| check(libc::mprotect(new, len, libc::PROT_READ | libc::PROT_EXEC)))
                    .and_then(|_| {
                        let how = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
                        let at = libc::mremap(new, len, len, how, self.at.start as *mut c_void);
                        if at == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(()) }
                    })
            } else {
                Err(io::ErrorKind::InvalidData.into())
            }
        };
        if done.is_err() {
            release(copy..copy + len);
        }
        done
    }
}

fn down(address: usize, unit: usize) -> usize {
    address & !(unit - 1)
}

fn up(address: usize, unit: usize) -> usize {
    down(address.saturating_add(unit - 1), unit)
}

const PAGE: usize = 4096;
const HUGE: usize = 2 << 20;
/// Bytes of an entry of the page map.
const ENTRY: usize = 8;
/// How many unused huge pages in a row may belong to a run.
const UNUSED_BETWEEN: usize = 1;

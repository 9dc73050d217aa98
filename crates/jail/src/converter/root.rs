//! What an instance sees of the file system: LibreOffice, the libraries, fonts, and memory of its own.

#![allow(clippy::disallowed_methods, reason = "the room's root is made of directories and links")]

use crate::room::zygote::NOBODY;
use crate::sys::mount::{self, Holds};
use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Where its own files are: profile, input, output.
pub(super) const SCRATCH: &str = "/tmp";

/// Where LibreOffice makes code: the entries by which objects of one of its languages are called from another. It writes them
/// into a file that it maps twice, once writable and once executable, since memory is not both. Small, and apart from the
/// scratch directory, whose files cannot be mapped executable.
pub(super) const STUBS: &str = "/stubs";

/// Parts of the host that LibreOffice reads, with who needs them. What is not there is left out.
const SHOWN: &[(&str, Holds)] = &[
    // The shared libraries of LibreOffice and of this executable, as Debian, others and 64-bit others place them.
    ("/usr/lib/x86_64-linux-gnu", Holds::Libraries),
    ("/usr/lib64", Holds::Libraries),
    ("/lib/x86_64-linux-gnu", Holds::Libraries),
    ("/lib64", Holds::Libraries),
    // Where the loader finds them.
    ("/etc/ld.so.cache", Holds::Data),
    // Debian's LibreOffice: the registry, and the architecture-independent part.
    ("/etc/libreoffice", Holds::Data),
    ("/usr/share/libreoffice", Holds::Data),
    ("/var/lib/libreoffice", Holds::Data),
    // Fonts, their configuration and its cache.
    ("/etc/fonts", Holds::Data),
    ("/usr/share/fontconfig", Holds::Data),
    ("/usr/share/fonts", Holds::Data),
    ("/usr/local/share/fonts", Holds::Data),
    ("/var/lib/ghostscript/fonts", Holds::Data),
    ("/var/cache/fontconfig", Holds::Data),
    // Languages and characters: liblangtag, and the C library's UTF-8 locale.
    ("/usr/share/liblangtag", Holds::Data),
    ("/usr/lib/locale", Holds::Data),
    ("/usr/lib/x86_64-linux-gnu/gconv", Holds::Libraries),
    // What standard input would be, and seeds.
    ("/dev/null", Holds::Device),
    ("/dev/urandom", Holds::Device),
];

/// Links of the host's root by which paths above are also known.
const LINKS: &[&str] = &["/lib", "/lib64", "/bin"];

/// Where LibreOffice, below its home, has the descriptions of Writer's windows.
const WINDOWS: &str = "share/config/soffice.cfg/modules/swriter/ui";
const COMMENT_WINDOW: &str = include_str!("annotation.ui");

/// Builds the root and enters it. `program` is LibreOffice's program directory, whose parent is shown.
pub(super) fn enter(program: &Path, scratch_bytes: u64) -> io::Result<()> {
    let home = program.parent().ok_or(io::ErrorKind::InvalidInput)?;
    mount::make_private()?;
    // Over /proc because that surely exists; it is not needed any more.
    mount::memory(c"/proc", c"size=256k,nr_inodes=512,mode=755", Holds::Data)?;
    std::env::set_current_dir("/proc")?;
    for link in LINKS {
        if let Ok(target) = std::fs::read_link(link) {
            std::os::unix::fs::symlink(target, below(Path::new(link)))?;
        }
    }
    show(home, Holds::Libraries)?;
    for (path, holds) in SHOWN {
        show(Path::new(path), *holds)?;
    }
    describe_windows(home)?;
    let scratch = format!("size={scratch_bytes},nr_inodes=4096,mode=700");
    for (place, options, holds) in
        [(SCRATCH, scratch.as_str(), Holds::Data), (STUBS, "size=4m,nr_inodes=16,mode=700", Holds::Libraries)]
    {
        let place = below(Path::new(place));
        std::fs::create_dir_all(&place)?;
        mount::memory(&c_string(&place)?, &CString::new(options)?, holds)?;
    }
    // LibreOffice asks for its user's home, where it keeps the stubs.
    std::fs::write("etc/passwd", format!("room:x:{NOBODY}:{NOBODY}::{STUBS}:/\n"))?;
    mount::enter_root()
}

/// Writer lays out a window for each comment of a document as soon as it has nothing else to do, and dies where no description of that
/// window is installed: Debian's packages without a desktop leave the directory of those empty. Ours takes its place, read-only.
fn describe_windows(home: &Path) -> io::Result<()> {
    let Ok(place) = std::fs::canonicalize(home.join(WINDOWS)) else { return Ok(()) };
    let is_empty = std::fs::read_dir(&place).is_ok_and(|mut found| found.next().is_none());
    let target = below(&place);
    if !is_empty || !target.is_dir() {
        return Ok(());
    }
    std::fs::create_dir("windows")?;
    std::fs::write("windows/annotation.ui", COMMENT_WINDOW)?;
    mount::show(c"windows", &c_string(&target)?, Holds::Data)
}

fn show(path: &Path, holds: Holds) -> io::Result<()> {
    let target = below(path);
    let Ok(facts) = std::fs::metadata(path) else { return Ok(()) };
    // Below something that is shown already, or known by a link.
    if target.exists() || std::fs::symlink_metadata(&target).is_ok() {
        return Ok(());
    }
    if facts.is_dir() {
        std::fs::create_dir_all(&target)?;
    } else {
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::File::create(&target)?;
    }
    mount::show(&c_string(path)?, &c_string(&target)?, holds)
}

/// The place in the new root, which is the working directory.
fn below(path: &Path) -> PathBuf {
    Path::new(".").join(path.strip_prefix("/").unwrap_or(path))
}

fn c_string(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(io::Error::other)
}

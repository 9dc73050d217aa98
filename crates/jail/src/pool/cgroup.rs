//! A control group around each zygote and its rooms: a ceiling for memory and processes that does not depend on what a
//! process counts against itself.
//!
//! One per zygote, not per document: making and removing one costs more than a whole room. It is a backstop behind
//! RLIMIT_DATA, so where the hierarchy is not writable rooms are served without it, and a fact says so.

#![allow(clippy::disallowed_methods, reason = "control groups are made and set through files of the kernel")]

use crate::level::Fact;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Where control groups may be made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hierarchy {
    memory: Option<PathBuf>,
    pids: Option<PathBuf>,
    /// The unified hierarchy has both controllers in one directory and other file names.
    unified: bool,
}

impl Hierarchy {
    /// Looks where this process stands and whether it may make groups there.
    pub(crate) fn discover() -> Hierarchy {
        let (Ok(mounts), Ok(own)) = (read("/proc/self/mountinfo".as_ref()), read("/proc/self/cgroup".as_ref())) else {
            return Hierarchy::default();
        };
        let candidates = candidates(&mounts, &own);
        let usable = |directory: &PathBuf| {
            remove_leftovers(directory);
            may_make_groups(directory)
        };
        if let Some(directory) = candidates.unified.into_iter().find(|d| enable_controllers(d) && usable(d)) {
            return Hierarchy { memory: Some(directory.clone()), pids: Some(directory), unified: true };
        }
        Hierarchy { memory: candidates.memory.filter(usable), pids: candidates.pids.filter(usable), unified: false }
    }

    /// For `doctor`: whether a kernel-side ceiling exists beside the limits that a process carries itself.
    pub(crate) fn fact(&self) -> Fact {
        let version = if self.unified { "v2" } else { "v1" };
        let (ok, detail) = match (&self.memory, &self.pids) {
            (Some(_), Some(_)) => (true, format!("memory and process ceilings per zygote (cgroup {version})")),
            (Some(_), None) => (true, format!("memory ceiling per zygote (cgroup {version}); no pids controller")),
            _ => (
                false,
                "no writable memory control group: rooms are held by their resource limits alone \
                 (under systemd: Delegate=memory pids)"
                    .to_owned(),
            ),
        };
        Fact { name: "memory_cgroup", ok, detail }
    }

    /// Makes a group; `Ok(None)` where there is no hierarchy to make it in.
    pub(crate) fn make(&self, name: &str, memory_bytes: u64, processes: u64) -> io::Result<Option<Group>> {
        let Some(memory) = &self.memory else { return Ok(None) };
        let mut group = Group { directories: Vec::new(), unified: self.unified };
        let directory = memory.join(name);
        fs::create_dir(&directory)?;
        group.directories.push(directory.clone());
        let file = if self.unified { "memory.max" } else { "memory.limit_in_bytes" };
        write(&directory.join(file), &memory_bytes.to_string())?;
        if self.unified {
            // Best effort: a kernel without swap has no such file.
            let _ = write(&directory.join("memory.swap.max"), "0");
        }
        if let Some(pids) = &self.pids {
            let directory = pids.join(name);
            if !self.unified {
                fs::create_dir(&directory)?;
                group.directories.push(directory.clone());
            }
            write(&directory.join("pids.max"), &processes.to_string())?;
        }
        Ok(Some(group))
    }
}

/// A group that lives as long as its zygote.
#[derive(Debug)]
pub(crate) struct Group {
    /// The memory directory first.
    directories: Vec<PathBuf>,
    unified: bool,
}

impl Group {
    /// Moves a process into the group; what it forks later is born there.
    pub(crate) fn add(&self, pid: i32) -> io::Result<()> {
        self.directories.iter().try_for_each(|directory| write(&directory.join("cgroup.procs"), &pid.to_string()))
    }

    /// How often the out-of-memory killer struck here.
    pub(crate) fn out_of_memory_kills(&self) -> u64 {
        let file = if self.unified { "memory.events" } else { "memory.oom_control" };
        let text = self.directories.first().and_then(|d| read(&d.join(file)).ok()).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
        line.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for directory in &self.directories {
            // The last process may still be leaving.
            for pause in [0, 1, 5, 20, 50] {
                std::thread::sleep(Duration::from_millis(pause));
                if fs::remove_dir(directory).is_ok() {
                    break;
                }
            }
        }
    }
}

/// A new name for a group: whose it is stands in it, so that the leftovers of a killed gateway are told from a living one's.
pub(crate) fn name() -> String {
    // Pools of one process share its name space.
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{PREFIX}{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

const PREFIX: &str = "misogi-rooms-";

/// Directories where groups might be made.
#[derive(Debug, Default, PartialEq, Eq)]
struct Candidates {
    memory: Option<PathBuf>,
    pids: Option<PathBuf>,
    unified: Vec<PathBuf>,
}

/// Reads `/proc/self/mountinfo` and `/proc/self/cgroup`.
fn candidates(mounts: &str, own: &str) -> Candidates {
    let mut found = Candidates::default();
    for line in mounts.lines() {
        // "36 25 0:31 /root /where options - type source superoptions"
        let Some((left, right)) = line.split_once(" - ") else { continue };
        let mut left = left.split(' ').skip(3);
        let (Some(root), Some(place)) = (left.next(), left.next()) else { continue };
        let mut right = right.split(' ');
        let (Some(kind), _, Some(options)) = (right.next(), right.next(), right.next()) else { continue };
        let here = |controller: &str| {
            let path = own.lines().find_map(|line| {
                let mut fields = line.splitn(3, ':').skip(1);
                let (controllers, path) = (fields.next()?, fields.next()?);
                controllers.split(',').any(|c| c == controller).then_some(path)
            })?;
            // The mount may show only a part of the hierarchy (containers).
            let below = if root == "/" { path } else { path.strip_prefix(root)? };
            Some(Path::new(place).join(below.trim_start_matches('/')))
        };
        match kind {
            "cgroup" if options.split(',').any(|o| o == "memory") => found.memory = here("memory"),
            "cgroup" if options.split(',').any(|o| o == "pids") => found.pids = here("pids"),
            "cgroup2" => {
                if let Some(directory) = here("") {
                    // A group with processes in it cannot have controlled children, so the parent is the likely place
                    // (systemd: DelegateSubgroup=).
                    let parent = directory.parent().filter(|p| p.starts_with(place)).map(Path::to_path_buf);
                    found.unified = std::iter::once(directory).chain(parent).collect();
                }
            }
            _ => {}
        }
    }
    found
}

/// Switches the two controllers on for children; true when both are on.
fn enable_controllers(directory: &Path) -> bool {
    let file = directory.join("cgroup.subtree_control");
    let on =
        || read(&file).is_ok_and(|text| ["memory", "pids"].iter().all(|c| text.split_whitespace().any(|t| t == *c)));
    on() || (write(&file, "+memory +pids").is_ok() && on())
}

fn may_make_groups(directory: &Path) -> bool {
    let trial = directory.join(name());
    fs::create_dir(&trial).is_ok() && fs::remove_dir(&trial).is_ok()
}

/// Removes groups of gateways that were killed before they could.
fn remove_leftovers(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(PREFIX)).and_then(|rest| rest.split('-').next());
        let Some(owner) = owner.and_then(|pid| pid.parse::<u32>().ok()) else { continue };
        if !Path::new("/proc").join(owner.to_string()).exists() {
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// A file of /proc or of the hierarchy.
pub(super) fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::OpenOptions::new().read(true).open(path)?.take(1 << 20).read_to_string(&mut text)?;
    Ok(text)
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    fs::OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separate_hierarchies_are_found_with_the_path_below_the_mount() {
        let mounts = "31 25 0:26 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
                      32 25 0:27 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids\n\
                      33 25 0:28 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct\n";
        let own = "8:pids:/\n4:memory:/system.slice/misogi.service\n2:cpu,cpuacct:/\n0::/\n";
        let found = candidates(mounts, own);
        assert_eq!(found.memory.unwrap(), Path::new("/sys/fs/cgroup/memory/system.slice/misogi.service"));
        assert_eq!(found.pids.unwrap(), Path::new("/sys/fs/cgroup/pids"));
        assert!(found.unified.is_empty());
    }

    #[test]
    fn the_unified_hierarchy_offers_the_own_group_and_then_its_parent() {
        let mounts = "29 24 0:25 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
        let found = candidates(mounts, "0::/system.slice/misogi.service/gateway\n");
        let base = Path::new("/sys/fs/cgroup/system.slice/misogi.service");
        assert_eq!(found.unified, [base.join("gateway"), base.to_path_buf()]);
        let at_top = candidates(mounts, "0::/\n");
        assert_eq!(at_top.unified, [Path::new("/sys/fs/cgroup/")]);
    }

    #[test]
    fn a_mount_that_shows_a_part_of_the_hierarchy_is_entered_below_its_root() {
        let mounts = "31 25 0:26 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";
        assert_eq!(
            candidates(mounts, "4:memory:/docker/abc/app\n").memory.unwrap(),
            Path::new("/sys/fs/cgroup/memory/app")
        );
        assert_eq!(candidates(mounts, "4:memory:/elsewhere\n").memory, None);
    }
}

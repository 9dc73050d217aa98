//! From what an archive calls its members to paths that every system takes in one way.

use std::collections::{BTreeMap, BTreeSet};

use form::name::{MemberPath, NameChanges, TakenNames};
use form::text::{Line, Scrubbed};
use form::{Findings, Limits, Place, Reason};
use unicode_normalization::UnicodeNormalization;

use super::names::{Name, NameCharset};
use crate::error::{Error, size, within};

/// What a member is in the file system of its maker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    File,
    Directory,
    Symlink,
    /// Another name of a member.
    HardLink,
    /// A device, a pipe, or what no reader knows.
    Special,
}

impl Node {
    /// The kind that a Unix mode gives; `otherwise` where it says nothing.
    pub(crate) fn of_mode(mode: u32, otherwise: Node) -> Node {
        match mode & 0o170_000 {
            0o120_000 => Node::Symlink,
            0o040_000 => Node::Directory,
            0 | 0o100_000 => otherwise,
            _ => Node::Special,
        }
    }

    /// Why such a member is withheld.
    pub(crate) fn refusal(self) -> Option<Reason> {
        match self {
            Node::File | Node::Directory => None,
            Node::Symlink => Some(Reason::SymlinkMember),
            Node::HardLink => Some(Reason::HardLinkMember),
            Node::Special => Some(Reason::SpecialMember),
        }
    }
}

/// A member as its archive lists it.
#[derive(Clone, Debug)]
pub(crate) struct Listed<'a> {
    pub(crate) name: Name<'a>,
    pub(crate) node: Node,
    /// Whether bytes stand behind it.
    pub(crate) has_data: bool,
}

/// A member that will be a child.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// Its number in the archive's own list.
    pub(crate) index: usize,
    pub(crate) path: MemberPath,
}

/// The members with their final paths, in the order of the list; directories and what systems leave behind are left out.
pub(crate) fn members(listed: &[Listed<'_>], limits: &Limits, findings: &mut Findings) -> Result<Vec<Member>, Error> {
    let charset = NameCharset::of(listed.iter().map(|entry| &entry.name));
    let mut guessed = 0;
    let mut paths = Paths::default();
    let mut members = Vec::new();
    let mut directories = Vec::new();
    for (index, entry) in listed.iter().enumerate() {
        let (name, was_guessed) = charset.decode(&entry.name);
        guessed += u32::from(was_guessed);
        if is_left_behind(&name) {
            findings.add(Reason::Metadata, Place::new("__MACOSX, .DS_Store"));
            continue;
        }
        let (line, scrubbed) = Line::scrub(&name);
        let composed: String = line.as_str().nfc().collect();
        let (path, mut changes) = MemberPath::rebuild(&composed)?;
        changes.scrubbed.add(scrubbed);
        within(Reason::LimitNameBytes, limits.path_bytes.into(), size(path.byte_len()))?;
        if entry.node == Node::Directory || composed.ends_with(['/', '\\']) {
            // Some readers make a file of it, and its content would be gone without a word.
            if entry.has_data {
                return Err(Reason::AmbiguousStructure.into());
            }
            directories.push(path);
            continue;
        }
        note_changes(&changes, &path, findings);
        let path = paths.take(&composed, path, findings)?;
        members.push(Member { index, path });
    }
    if guessed > 0 {
        findings.add_many(Reason::MemberNameCharset, guessed, Place::new(charset.label()));
    }
    paths.check_directories()?;
    let empty =
        directories.iter().filter(|directory| !paths.directories.contains(&key(&directory.to_string()))).count();
    findings.add_many(Reason::EmptyDirectory, u32::try_from(empty).unwrap_or(u32::MAX), Place::default());
    Ok(members)
}

/// The paths given so far, compared as Windows and macOS compare them.
#[derive(Default)]
struct Paths {
    /// What members say they are called.
    claimed: BTreeSet<String>,
    /// What they are called now.
    given: BTreeSet<String>,
    /// Their names in each directory.
    names: BTreeMap<String, TakenNames>,
    directories: BTreeSet<String>,
}

impl Paths {
    fn take(&mut self, claimed: &str, path: MemberPath, findings: &mut Findings) -> Result<MemberPath, Error> {
        if !self.claimed.insert(key(&claimed.replace('\\', "/"))) {
            return Err(Reason::DuplicateMember.into());
        }
        let mut directory = String::new();
        for component in path.directories() {
            if !directory.is_empty() {
                directory.push('/');
            }
            directory.push_str(component.as_str());
            self.directories.insert(key(&directory));
        }
        // Different names may become one when they are cleaned; the later ones are numbered.
        let name = self.names.entry(key(&directory)).or_default().free(path.file_name());
        let path = if name == *path.file_name() {
            path
        } else {
            let numbered = path.with_file_name(name).ok_or(Reason::LimitNameBytes)?;
            findings.add(Reason::DuplicateName, Place::new(&numbered.to_string()));
            numbered
        };
        self.given.insert(key(&path.to_string()));
        Ok(path)
    }

    /// A name that is a file and a directory at once cannot be unpacked in one way.
    fn check_directories(&self) -> Result<(), Error> {
        let clash = self.given.iter().any(|path| self.directories.contains(path));
        if clash { Err(Reason::DuplicateMember.into()) } else { Ok(()) }
    }
}

fn key(path: &str) -> String {
    path.to_lowercase()
}

/// What the Finder and the Explorer put into archives without being asked.
fn is_left_behind(name: &str) -> bool {
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let in_resources = name.starts_with("__MACOSX/") && (last.starts_with("._") || last.is_empty());
    in_resources || matches!(last, ".DS_Store" | "Thumbs.db" | "desktop.ini")
}

fn note_changes(changes: &NameChanges, path: &MemberPath, findings: &mut Findings) {
    let place = Place::new(&path.to_string());
    findings.add_many(Reason::BidiControls, changes.scrubbed.bidi, place.clone());
    findings.add_many(Reason::ZeroWidthCharacters, changes.scrubbed.zero_width, place.clone());
    findings.add_many(Reason::ControlCharacters, changes.scrubbed.controls, place.clone());
    findings.add_many(Reason::Gaiji, changes.scrubbed.private_use, place.clone());
    let rest = NameChanges { scrubbed: Scrubbed::default(), ..*changes };
    if !rest.is_clean() {
        findings.add(Reason::NameChanged, place);
    }
}

//! ZIP archives: members to the spill, their names and places to the form.
//!
//! [`directory`] decides whether the archive has one reading only; the `zip` crate must then see the same members, and
//! unpacks them. A member that cannot be had (encrypted, packed with a rare method, damaged) is withheld alone; an archive
//! whose structure is in doubt is refused whole.

mod bytes;
mod directory;
mod names;
mod package;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read, Write};

use ::zip::ZipArchive;
use ::zip::read::ZipFile;
use ::zip::result::{ZipError, ZipResult};
use encoding_rs::SHIFT_JIS;
use form::codec::{Encoder, Kind};
use form::container::Child;
use form::job::Password;
use form::name::{MemberPath, NameChanges};
use form::text::Line;
use form::{Findings, Limits, Place, Reason, Refusal};
use unicode_normalization::UnicodeNormalization;

use crate::error::{Error, size, within};
use crate::room::Part;
use directory::{Entry, METHOD_DEFLATED, METHOD_STORED, Node};
use names::NameCharset;

pub(crate) use directory::{has_end_record, names_for_detection, stored_text};
pub(crate) use package::{Package, Packed, part_name};

pub(crate) fn disarm(mut part: Part<'_>, form: &mut dyn Write, spill: &mut dyn Write) -> Result<(), Error> {
    let limits = &part.job.limits;
    let (entries, is_followed) = directory::walk(part.input, limits)?;
    if is_followed {
        part.findings.add(Reason::SurplusBytes, Place::default());
    }
    let mut archive = second_opinion(part.input, &entries)?;
    let members = members(&entries, limits, &mut part.findings)?;
    let keys = keys(&part.job.passwords);
    check_claims(&members, &keys, limits)?;
    let mut encoder = Encoder::new(form, Kind::Container, part.detected, limits)?;
    let mut spill = Spill { out: spill, start: 0, offset: 0, limit: limits.spill_bytes };
    for (id, member) in members.into_iter().enumerate() {
        let withheld = match reason_to_withhold(member.entry, &keys) {
            Some(reason) => Some(reason.into()),
            None if member.entry.is_encrypted() => decrypt(&mut archive, &member, &keys, limits, &mut spill)?,
            None => unpack(archive.by_index(member.index), &member, limits, &mut spill)?,
        };
        if member.entry.is_encrypted() && withheld.is_none() {
            part.findings.add(Reason::Decrypted, Place::new(&member.path.to_string()));
        }
        // Bytes of a member that turned out broken stay unnamed in the spill: nothing refers to them.
        let offset = if withheld.is_some() { spill.offset } else { spill.start };
        encoder.child(&Child {
            id: u32::try_from(id).unwrap_or(u32::MAX),
            name: member.path.file_name().clone(),
            declared_type: Line::default(),
            offset,
            len: spill.offset.saturating_sub(offset),
            inline: false,
            path: Some(member.path),
            modified: modified(member.entry),
            withheld,
            is_mail: false,
        })?;
    }
    for finding in part.findings.into_vec() {
        encoder.finding(&finding)?;
    }
    encoder.finish()?;
    Ok(())
}

/// A member that will be a child.
struct Member<'e, 'a> {
    /// Its number in the central directory.
    index: usize,
    entry: &'e Entry<'a>,
    path: MemberPath,
}

/// An independent reader must see the same members at the same places, or programs may differ in what the archive holds.
fn second_opinion<'a>(input: &'a [u8], entries: &[Entry<'_>]) -> Result<ZipArchive<Cursor<&'a [u8]>>, Error> {
    let mut archive = ZipArchive::new(Cursor::new(input)).map_err(|_| Error::from(Reason::AmbiguousStructure))?;
    if archive.len() != entries.len() {
        return Err(Reason::DuplicateMember.into());
    }
    for (index, entry) in entries.iter().enumerate() {
        let other = archive.by_index_raw(index).map_err(|_| Error::from(Reason::AmbiguousStructure))?;
        // The other reader gives the Unicode path field in place of the name; ours has checked it against the name.
        let name = other.name_raw();
        let named_alike =
            name == entry.raw_name || entry.unicode_name.is_some_and(|unicode| name == unicode.as_bytes());
        if !named_alike
            || other.header_start() != entry.header_offset
            || other.compressed_size() != entry.packed
            || other.size() != entry.unpacked
            || other.crc32() != entry.crc
        {
            return Err(Reason::AmbiguousStructure.into());
        }
    }
    Ok(archive)
}

/// The members with their final paths; directories and what systems leave behind are left out.
fn members<'e, 'a>(
    entries: &'e [Entry<'a>],
    limits: &Limits,
    findings: &mut Findings,
) -> Result<Vec<Member<'e, 'a>>, Error> {
    let charset = NameCharset::of(entries);
    let mut guessed = 0;
    let mut paths = Paths::default();
    let mut members = Vec::new();
    let mut directories = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let (name, was_guessed) = charset.decode(entry);
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
            directories.push(path);
            continue;
        }
        note_changes(&changes, &path, findings);
        let path = paths.take(&composed, path, findings)?;
        members.push(Member { index, entry, path });
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
    /// What they are called now, and how often a name was wanted.
    given: BTreeMap<String, u32>,
    directories: BTreeSet<String>,
}

impl Paths {
    fn take(&mut self, claimed: &str, path: MemberPath, findings: &mut Findings) -> Result<MemberPath, Error> {
        if !self.claimed.insert(key(&claimed.replace('\\', "/"))) {
            return Err(Reason::DuplicateMember.into());
        }
        let mut path = path;
        let wanted = path.clone();
        // Different names may become one when they are cleaned; the later ones are numbered.
        while let Some(count) = self.given.get_mut(&key(&path.to_string())) {
            *count = count.saturating_add(1);
            let numbered = wanted.file_name().numbered(*count);
            path = wanted.with_file_name(numbered).ok_or(Reason::LimitNameBytes)?;
            findings.add(Reason::DuplicateName, Place::new(&path.to_string()));
        }
        self.given.insert(key(&path.to_string()), 1);
        let mut directory = String::new();
        for component in path.directories() {
            if !directory.is_empty() {
                directory.push('/');
            }
            directory.push_str(component.as_str());
            self.directories.insert(key(&directory));
        }
        Ok(path)
    }

    /// A name that is a file and a directory at once cannot be unpacked in one way.
    fn check_directories(&self) -> Result<(), Error> {
        let clash = self.given.keys().any(|path| self.directories.contains(path));
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
    let rest = NameChanges { scrubbed: form::text::Scrubbed::default(), ..*changes };
    if !rest.is_clean() {
        findings.add(Reason::NameChanged, place);
    }
}

/// What the members say of their sizes is enough to refuse a bomb before a byte of it is unpacked.
fn check_claims(members: &[Member<'_, '_>], keys: &[Vec<u8>], limits: &Limits) -> Result<(), Error> {
    let mut total = 0_u64;
    for Member { entry, .. } in members {
        if reason_to_withhold(entry, keys).is_none() {
            total = total.saturating_add(entry.unpacked);
            check_ratio(entry, entry.unpacked, limits)?;
        }
    }
    within(Reason::LimitTotalBytes, limits.total_bytes, total)?;
    within(Reason::LimitSpillBytes, limits.spill_bytes, total)
}

fn check_ratio(entry: &Entry<'_>, unpacked: u64, limits: &Limits) -> Result<(), Error> {
    // Small members may shrink to almost nothing honestly, and harm nobody when they do not.
    if unpacked <= RATIO_FREE_BYTES {
        return Ok(());
    }
    within(Reason::LimitRatio, limits.ratio.into(), unpacked.div_ceil(entry.packed.max(1)))
}

fn reason_to_withhold(entry: &Entry<'_>, keys: &[Vec<u8>]) -> Option<Reason> {
    match entry.node {
        Node::Symlink => Some(Reason::SymlinkMember),
        Node::Special => Some(Reason::SpecialMember),
        Node::File | Node::Directory if entry.is_encrypted() => keys.is_empty().then_some(Reason::Encrypted),
        Node::File | Node::Directory if !matches!(entry.method, METHOD_STORED | METHOD_DEFLATED) => {
            Some(Reason::UnsupportedType)
        }
        Node::File | Node::Directory => None,
    }
}

/// Writes a member to the spill. Damage is the member's own fault and withholds it alone; a passed limit is the archive's.
fn unpack<R: Read + ?Sized>(
    data: ZipResult<ZipFile<'_, R>>,
    member: &Member<'_, '_>,
    limits: &Limits,
    spill: &mut Spill<'_>,
) -> Result<Option<Refusal>, Error> {
    let damaged = Ok(Some(Reason::Malformed.into()));
    let Ok(mut data) = data else { return damaged };
    spill.start = spill.offset;
    let mut buffer = [0; BUFFER_BYTES];
    let mut unpacked = 0_u64;
    loop {
        let len = match data.read(&mut buffer) {
            Ok(0) => break,
            Ok(len) => len,
            Err(_) => return damaged,
        };
        unpacked = unpacked.saturating_add(size(len));
        check_ratio(member.entry, unpacked, limits)?;
        spill.write(buffer.get(..len).unwrap_or_default())?;
    }
    if unpacked == member.entry.unpacked { Ok(None) } else { damaged }
}

/// Passwords as the bytes that may have been typed: archivers take UTF-8 or, on Japanese Windows, CP932.
fn keys(passwords: &[Password]) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    for password in passwords {
        let typed = password.reveal();
        keys.push(typed.as_bytes().to_vec());
        let (bytes, _, unmappable) = SHIFT_JIS.encode(typed);
        if !typed.is_ascii() && !unmappable {
            keys.push(bytes.into_owned());
        }
    }
    keys
}

/// Tries each password until one gives the whole member. The old encryption checks a password by one byte, so one of 256
/// wrong ones passes; only a member that unpacks and has its checksum has been decrypted. Each is tried out first:
/// what a wrong one gives must neither use up the spill nor look like a bomb.
fn decrypt(
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    member: &Member<'_, '_>,
    keys: &[Vec<u8>],
    limits: &Limits,
    spill: &mut Spill<'_>,
) -> Result<Option<Refusal>, Error> {
    for key in keys {
        let data = archive.by_index_decrypt(member.index, key);
        if let Err(ZipError::UnsupportedArchive(_)) = data {
            return Ok(Some(Reason::UnsupportedType.into()));
        }
        if !is_whole(data, member) {
            continue;
        }
        // It is the one: now what it gives is kept, and the limits count.
        let data = archive.by_index_decrypt(member.index, key);
        if unpack(data, member, limits, spill)?.is_none() {
            return Ok(None);
        }
    }
    Ok(Some(Reason::WrongPassword.into()))
}

/// Whether the bytes are those that the archive says it packed; reads not one more than those.
fn is_whole<R: Read + ?Sized>(data: ZipResult<ZipFile<'_, R>>, member: &Member<'_, '_>) -> bool {
    let Ok(mut data) = data else { return false };
    let mut buffer = [0; BUFFER_BYTES];
    let mut unpacked = 0_u64;
    while unpacked <= member.entry.unpacked {
        match data.read(&mut buffer) {
            // The reader has compared the checksum.
            Ok(0) => return unpacked == member.entry.unpacked,
            Ok(len) => unpacked = unpacked.saturating_add(size(len)),
            Err(_) => return false,
        }
    }
    false
}

/// The spill with the place that is reached in it.
struct Spill<'w> {
    out: &'w mut dyn Write,
    /// Where the member that is being written begins.
    start: u64,
    offset: u64,
    limit: u64,
}

impl Spill<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.offset = self.offset.saturating_add(size(bytes.len()));
        within(Reason::LimitSpillBytes, self.limit, self.offset)?;
        self.out.write_all(bytes).map_err(Error::Spill)
    }
}

/// When the member was last changed. DOS time has no zone; the archives that reach this product are made in Japan.
fn modified(entry: &Entry<'_>) -> Option<i64> {
    entry.unix_time.or_else(|| {
        let (date, time) = (i64::from(entry.dos_date), i64::from(entry.dos_time));
        let (year, month, day) = ((date >> 9) + 1980, (date >> 5) & 15, date & 31);
        let (hour, minute, second) = (time >> 11, (time >> 5) & 63, (time & 31) * 2);
        let valid = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 60;
        let days = days_from_civil(year, month, day);
        valid.then(|| days * 86_400 + hour * 3_600 + minute * 60 + second - JST_SECONDS)
    })
}

/// Days since 1970 of a Gregorian date (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
pub(crate) fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

const JST_SECONDS: i64 = 9 * 3_600;
const BUFFER_BYTES: usize = 64 * 1024;
const RATIO_FREE_BYTES: u64 = 1024 * 1024;

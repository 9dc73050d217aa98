//! RAR 1.5 to 4 and RAR 5 to 7. The crate `rars` reads and unpacks; what is encrypted is opened with a password that is known ([`lock`]).
//!
//! The crate hands each member to a writer of its own that may borrow nothing, so a member is kept whole until it has its
//! checksum, and may not be larger than [`MOST_MEMBER_BYTES`].

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use form::{Limits, Place, Reason, Refusal};
use rars::{
    Archive, ArchiveMember, ArchiveMemberDetail, ArchiveReadOptions, AttrSource, ErrorKind, ExtractionDecision,
    ExtractionErrorAction,
};

use super::members::{Listed, Member, Node, members};
use super::names::Name;
use super::output::{Output, check_ratio, check_total};
use super::{keys, of_key, time};
use crate::error::{Error, size, within};
use crate::room::Part;

mod lock;

pub(super) fn disarm(mut part: Part<'_>, form: &mut dyn Write, spill: &mut dyn Write) -> Result<(), Error> {
    let limits = &part.job.limits;
    let keys = keys(&part.job.passwords);
    let (mut archive, mut key) = lock::open(part.input, &keys, limits)?;
    let entries: Vec<ArchiveMember> = archive.members().collect();
    within(Reason::LimitParts, limits.parts.into(), size(entries.len()))?;
    if is_split(&archive, &entries) {
        return Err(Reason::SplitArchive.into());
    }
    let is_encrypted = entries.iter().any(|entry| entry.meta.is_encrypted);
    if key.is_none()
        && is_encrypted
        && let Some(found) = lock::member_key(part.input, &archive, &entries, &keys, limits)?
    {
        (archive, key) = (found.0, Some(found.1));
    }
    let locked = match &key {
        Some(_) => None,
        None if keys.is_empty() => Some(Reason::Encrypted),
        None => Some(Reason::WrongPassword),
    };
    check_claims(&entries, locked.is_some(), limits)?;
    let listed: Vec<Listed<'_>> = entries.iter().map(listed).collect();
    let named = members(&listed, limits, &mut part.findings)?;
    let mut places: Vec<Option<Member>> = vec![None; entries.len()];
    for member in named {
        if let Some(place) = places.get_mut(member.index) {
            *place = Some(member);
        }
    }
    if is_encrypted && key.is_some() {
        part.findings.add(Reason::Decrypted, Place::default());
    }
    let mut output = Output::new(form, spill, part.detected, limits)?;
    output.opened_by(key.as_ref().and_then(|key| of_key(&part.job.passwords, key)));
    let mut unpacking = Unpacking { output, places, pending: None, at: 0, locked, failure: None };
    unpacking.run(&archive, key.as_deref(), limits)?;
    unpacking.output.finish(part.findings)
}

fn options<'a>(key: Option<&'a [u8]>, limits: &Limits) -> ArchiveReadOptions<'a> {
    ArchiveReadOptions::with_optional_password(key)
        // Each member has a header, and services and marks have some too.
        .with_max_header_count(u64::from(limits.parts).saturating_mul(2).saturating_add(64))
        .with_max_header_bytes(MOST_HEADER_BYTES)
        .with_rar50_dictionary_size_limit(limits.window_bytes)
        .with_max_reader_workspace_bytes(limits.window_bytes.saturating_add(WORKSPACE_BYTES))
        .with_max_member_output_bytes(MOST_MEMBER_BYTES.max(limits.spill_bytes))
        .with_rar50_buffered_decode_limit(BUFFERED_BYTES)
}

fn is_split(archive: &Archive, entries: &[ArchiveMember]) -> bool {
    let is_volume = match archive {
        Archive::Rar50Plus(archive) => archive.main.is_volume(),
        Archive::Rar15To40(archive) => archive.main.is_volume(),
        _ => false,
    };
    is_volume || entries.iter().any(|entry| entry.meta.is_split_before || entry.meta.is_split_after)
}

fn is_solid(archive: &Archive) -> bool {
    let by_header = match archive {
        Archive::Rar50Plus(archive) => archive.main.is_solid(),
        Archive::Rar15To40(archive) => archive.main.is_solid(),
        // RAR 1.3 says so in a header of its own; to take it for solid costs time only.
        _ => true,
    };
    by_header || archive.member_refs().any(|member| member.is_solid())
}

fn check_claims(entries: &[ArchiveMember], is_locked: bool, limits: &Limits) -> Result<(), Error> {
    let unpacked = || entries.iter().filter(|entry| has_data(entry) && !(is_locked && entry.meta.is_encrypted));
    let (mut whole, mut packed) = (0_u64, 0_u64);
    for entry in unpacked() {
        whole = whole.saturating_add(entry.meta.unpacked_size);
        packed = packed.saturating_add(entry.meta.packed_size);
        // A solid member stands on those before it, so only the sum up to it has a ratio.
        let before =
            if entry.is_solid() { (whole, packed) } else { (entry.meta.unpacked_size, entry.meta.packed_size) };
        check_ratio(before.0, before.1, limits.ratio.into())?;
    }
    check_total(unpacked().map(|entry| entry.meta.unpacked_size), limits)
}

fn has_data(entry: &ArchiveMember) -> bool {
    !entry.meta.is_directory && !entry.meta.is_redirection
}

fn listed(entry: &ArchiveMember) -> Listed<'_> {
    let raw = entry.meta.name_bytes();
    let name = if !entry.name_is_unicode() {
        Name::Raw(raw.into())
    } else {
        // RAR 5 on Unix writes bytes that are no characters as private ones behind a mark.
        match rars::filename::decode_rar50(raw) {
            plain if plain.as_ref() == raw => Name::labelled_utf8(raw),
            bytes => Name::Raw(bytes.into_owned().into()),
        }
    };
    let has_data = entry.meta.unpacked_size > 0 || entry.meta.packed_size > 0;
    Listed { name, node: node(entry), has_data }
}

fn node(entry: &ArchiveMember) -> Node {
    let by_flag = if entry.meta.is_directory { Node::Directory } else { Node::File };
    if let ArchiveMemberDetail::Rar50Plus { redirection: Some(redirection), .. } = &entry.detail {
        // 1 to 3 are symbolic links and junctions; 4 and 5 name another member for the data.
        return if redirection.redirection_type <= 3 { Node::Symlink } else { Node::HardLink };
    }
    match entry.meta.attr_source() {
        AttrSource::Unix => Node::of_mode(u32::try_from(entry.meta.file_attr).unwrap_or(0), by_flag),
        _ => by_flag,
    }
}

fn modified(entry: &ArchiveMember) -> Option<i64> {
    let raw = entry.meta.file_time?;
    match &entry.detail {
        ArchiveMemberDetail::Rar50Plus { .. } => Some(raw.into()),
        _ => {
            let [low, high] = [raw & 0xFFFF, raw >> 16].map(|half| u16::try_from(half).unwrap_or(0));
            time::from_dos(high, low)
        }
    }
}

/// What an error of the crate means here.
fn reason(error: &rars::Error, limits: &Limits) -> Refusal {
    match (error.kind(), error.root_cause()) {
        (_, rars::Error::Rar50DictionaryLimitExceeded { limit, required }) => {
            Refusal::limit(Reason::LimitWindowBytes, *limit, *required)
        }
        (_, rars::Error::HeaderCountLimitExceeded { limit, required }) => {
            Refusal::limit(Reason::LimitParts, *limit, *required)
        }
        (_, rars::Error::HeaderBytesLimitExceeded { limit, required }) => {
            Refusal::limit(Reason::LimitHeaderBytes, *limit, *required)
        }
        (ErrorKind::ResourceLimit, _) => Refusal::limit(Reason::LimitWindowBytes, limits.window_bytes, 0),
        (ErrorKind::PasswordRequired, _) => Reason::Encrypted.into(),
        (ErrorKind::BadPassword, _) => Reason::WrongPassword.into(),
        (ErrorKind::UnsupportedFeature | ErrorKind::UnsupportedFormat, _) => Reason::UnsupportedMethod.into(),
        _ => Reason::Malformed.into(),
    }
}

/// The members on their way out, in the order of the archive.
struct Unpacking<'w> {
    output: Output<'w>,
    places: Vec<Option<Member>>,
    /// The member that is being unpacked, when it was changed, and what there is of it.
    pending: Option<(Member, Option<i64>, Buffer)>,
    at: usize,
    /// Why encrypted members stay closed, where they do.
    locked: Option<Reason>,
    failure: Option<Error>,
}

impl Unpacking<'_> {
    fn run(&mut self, archive: &Archive, key: Option<&[u8]>, limits: &Limits) -> Result<(), Error> {
        let is_solid = is_solid(archive);
        let this = RefCell::new(self);
        let done = archive.extract_with_control_and_errors(
            options(key, limits),
            |entry| Ok(this.borrow_mut().decide(entry, is_solid)),
            |entry, error| {
                let found = reason(error, limits);
                // RAR 3 and 4 have no check of a password: what another one than the archive's first gives has another checksum.
                let wrong = entry.meta.is_encrypted && found.reason == Reason::Malformed;
                this.borrow_mut().fail(if wrong { Reason::WrongPassword.into() } else { found });
                Ok(ExtractionErrorAction::Continue)
            },
        );
        let unpacking = this.into_inner();
        match &done {
            Ok(_) => unpacking.settle(),
            Err(error) => unpacking.fail(reason(error, limits)),
        }
        if let Some(failure) = unpacking.failure.take() {
            return Err(failure);
        }
        // Members that an error of the whole archive kept from being unpacked.
        let refusal = done.err().map_or(Reason::Malformed.into(), |error| reason(&error, limits));
        for (entry, place) in archive.members().zip(&mut unpacking.places) {
            if let Some(member) = place.take() {
                let own = unpacking.locked.filter(|_| entry.meta.is_encrypted);
                let withheld = node(&entry).refusal().or(own).map_or(refusal, Refusal::plain);
                unpacking.output.member(member.path, modified(&entry), Some(withheld))?;
            }
        }
        Ok(())
    }

    fn decide(&mut self, entry: &ArchiveMember, is_solid: bool) -> ExtractionDecision {
        self.settle();
        let place = self.places.get_mut(self.at).and_then(Option::take);
        self.at = self.at.saturating_add(1);
        if self.failure.is_some() {
            return ExtractionDecision::Stop;
        }
        // What is not wanted of a solid archive is unpacked all the same: those behind it stand on it.
        let is_closed = entry.meta.is_encrypted && self.locked.is_some();
        let passed_over = if is_solid && has_data(entry) && !is_closed {
            ExtractionDecision::Extract(Box::new(io::sink()))
        } else if is_solid && is_closed {
            ExtractionDecision::Stop
        } else {
            ExtractionDecision::Skip
        };
        let Some(member) = place else { return passed_over };
        let refusal = node(entry).refusal().map(Refusal::plain);
        let refusal = refusal.or(self.locked.filter(|_| is_closed).map(Refusal::plain)).or_else(|| {
            let too_large = entry.meta.unpacked_size > MOST_MEMBER_BYTES;
            too_large.then(|| Refusal::limit(Reason::LimitOutputBytes, MOST_MEMBER_BYTES, entry.meta.unpacked_size))
        });
        if refusal.is_some() {
            self.failure = self.output.member(member.path, modified(entry), refusal).err();
            return passed_over;
        }
        let buffer = Buffer::default();
        self.pending = Some((member, modified(entry), buffer.clone()));
        ExtractionDecision::Extract(Box::new(buffer))
    }

    /// The member before has been unpacked and has its checksum.
    fn settle(&mut self) {
        if let Some((member, modified, buffer)) = self.pending.take() {
            let bytes = buffer.0.take();
            let spill = self.output.spill();
            spill.begin();
            let written = spill.write(&bytes).and_then(|()| self.output.member(member.path, modified, None));
            self.failure = written.err();
        }
    }

    fn fail(&mut self, refusal: Refusal) {
        if let Some((member, modified, _)) = self.pending.take() {
            self.failure = self.output.member(member.path, modified, Some(refusal)).err();
        }
    }
}

/// The bytes of one member.
#[derive(Clone, Default)]
struct Buffer(Rc<RefCell<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut own = self.0.borrow_mut();
        if size(own.len()).saturating_add(size(bytes.len())) > MOST_MEMBER_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        own.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Bytes of one member, which is in memory as a whole.
const MOST_MEMBER_BYTES: u64 = 192 * 1024 * 1024;
const MOST_HEADER_BYTES: u64 = 16 * 1024 * 1024;
/// What the decoders take besides the window.
const WORKSPACE_BYTES: u64 = 64 * 1024 * 1024;
/// Members that are decoded as a whole before they are handed on; larger ones come in pieces.
const BUFFERED_BYTES: u64 = 32 * 1024 * 1024;

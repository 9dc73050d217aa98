//! Images of optical discs: ISO 9660 (ECMA-119) with the names of Joliet or Rock Ridge.
//!
//! A disc may hold several lists of its files, and systems choose: Windows takes Joliet's, Linux Rock Ridge's, others the
//! plain one. So the lists must name the same data, or the image is refused; then the best names are taken.

use std::collections::BTreeSet;
use std::io::Write;

use form::{Limits, Place, Reason, Refusal};

use super::bytes::{self, Fields};
use super::members::{Listed, Node, members};
use super::output::{Output, check_ratio, check_total};
use crate::error::{Error, size, within};
use crate::room::Part;

mod record;

use record::{File, Names, Record};

pub(super) fn disarm(mut part: Part<'_>, form: &mut dyn Write, spill: &mut dyn Write) -> Result<(), Error> {
    let limits = &part.job.limits;
    let volumes = Volumes::read(part.input)?;
    let plain = files(part.input, volumes.plain, Names::Plain, limits)?;
    let files = match volumes.joliet {
        None => plain,
        Some(root) => {
            let wide = files(part.input, root, Names::Joliet, limits)?;
            if data_of(&wide) != data_of(&plain) {
                return Err(Reason::DirectoryMismatch.into());
            }
            wide
        }
    };
    check_overlaps(&files)?;
    let claims = || files.iter().filter(|file| file.withheld.is_none()).map(|file| u64::from(file.len));
    check_total(claims(), limits)?;
    check_ratio(claims().fold(0, u64::saturating_add), size(part.input.len()), limits.ratio.into())?;
    let listed: Vec<Listed<'_>> = files.iter().map(|file| file.listed.clone()).collect();
    let named = members(&listed, limits, &mut part.findings)?;
    if volumes.is_bootable {
        part.findings.add(Reason::ActiveContent, Place::new("El Torito"));
    }
    let mut output = Output::new(form, spill, part.detected, limits)?;
    for member in named {
        let Some(file) = files.get(member.index) else { continue };
        let withheld = match file.withheld {
            Some(reason) => Some(reason.into()),
            None => write(part.input, file, &mut output)?,
        };
        output.member(member.path, file.modified, withheld)?;
    }
    output.finish(part.findings)
}

fn write(input: &[u8], file: &File, output: &mut Output<'_>) -> Result<Option<Refusal>, Error> {
    let spill = output.spill();
    spill.begin();
    match bytes::slice(input, u64::from(file.block) * BLOCK_BYTES, file.len.into()) {
        Some(data) => spill.write(data).map(|()| None),
        // An image that was cut off has lost what stood at its end.
        None => Ok(Some(Reason::Malformed.into())),
    }
}

/// The roots of the lists of a disc.
struct Volumes {
    plain: Record,
    joliet: Option<Record>,
    is_bootable: bool,
}

impl Volumes {
    fn read(input: &[u8]) -> Result<Volumes, Error> {
        let (mut plain, mut joliet, mut is_bootable) = (None, None, false);
        for at in FIRST_VOLUME..FIRST_VOLUME.saturating_add(MOST_VOLUMES) {
            let Some(volume) = bytes::slice(input, at * BLOCK_BYTES, BLOCK_BYTES) else { break };
            match (volume.get(1..6).unwrap_or_default(), volume.first()) {
                (b"CD001", Some(0)) => is_bootable = true,
                (b"CD001", Some(1)) if plain.is_none() => plain = Some(Self::root(volume)?),
                (b"CD001", Some(2)) if is_joliet(volume) && joliet.is_none() => joliet = Some(Self::root(volume)?),
                (b"CD001", Some(1 | 2)) => return Err(Reason::AmbiguousStructure.into()),
                (b"CD001", _) => {}
                // UDF beside ISO 9660 is a further list, which newer systems prefer.
                (b"NSR02" | b"NSR03", _) => return Err(Reason::UnsupportedMethod.into()),
                (b"BEA01" | b"TEA01" | b"BOOT2", _) => {}
                _ => break,
            }
        }
        Ok(Volumes { plain: plain.ok_or(Reason::Malformed)?, joliet, is_bootable })
    }

    fn root(volume: &[u8]) -> Result<Record, Error> {
        let mut fields = Fields::at(volume, 128).ok_or(Reason::Malformed)?;
        if fields.u16() != u16::try_from(BLOCK_BYTES).ok() {
            return Err(Reason::UnsupportedMethod.into());
        }
        let record = Fields::at(volume, 156).and_then(|mut fields| Record::read(&mut fields));
        Ok(record.ok_or(Reason::Malformed)?.0)
    }
}

/// The escape sequences of the three levels of UCS-2 (Joliet specification, section 2).
fn is_joliet(volume: &[u8]) -> bool {
    matches!(volume.get(88..91), Some(b"%/@" | b"%/C" | b"%/E"))
}

/// All files of one list, directory by directory.
fn files(input: &[u8], root: Record, names: Names, limits: &Limits) -> Result<Vec<File>, Error> {
    let mut files = Vec::new();
    let mut seen = BTreeSet::from([root.block]);
    let mut open = vec![(Vec::new(), root)];
    let mut count = 0_u64;
    while let Some((path, directory)) = open.pop() {
        let data = bytes::slice(input, u64::from(directory.block) * BLOCK_BYTES, directory.len.into());
        let data = data.ok_or(Reason::Malformed)?;
        for (record, own) in record::entries(data, names)? {
            count = count.saturating_add(1);
            within(Reason::LimitParts, limits.parts.into(), count)?;
            let name = record::join(&path, &own.name, names)?;
            let node = own.node.unwrap_or(if record.is_directory() { Node::Directory } else { Node::File });
            let target = own.child.unwrap_or(record.block);
            if node == Node::File && record.is_directory() {
                // Its files would be gone.
                return Err(Reason::AmbiguousStructure.into());
            }
            if node == Node::Directory && (record.is_directory() || own.child.is_some()) {
                // A directory that is in itself would never end.
                if !seen.insert(target) {
                    return Err(Reason::AmbiguousStructure.into());
                }
                let len =
                    if own.child.is_some() { child_len(input, target).ok_or(Reason::Malformed)? } else { record.len };
                open.push((name.clone(), record.moved(target, len)));
            }
            files.push(File::new(name, node, record, &own, names));
        }
    }
    Ok(files)
}

/// The length of a directory that only its own first record says.
fn child_len(input: &[u8], block: u32) -> Option<u32> {
    let mut fields = Fields::at(input, u64::from(block) * BLOCK_BYTES)?;
    Record::read(&mut fields).map(|(record, _)| record.len)
}

fn data_of(files: &[File]) -> BTreeSet<(u32, u32)> {
    let with_data = files.iter().filter(|file| file.listed.node == Node::File && file.len > 0);
    with_data.map(|file| (file.block, file.len)).collect()
}

/// Files may share all of their data, as those that are there under two names do, and else nothing.
fn check_overlaps(files: &[File]) -> Result<(), Refusal> {
    let mut at = 0;
    for (block, len) in data_of(files) {
        let start = u64::from(block) * BLOCK_BYTES;
        if start < at {
            return Err(Reason::OverlappingMember.into());
        }
        at = start.saturating_add(len.into());
    }
    Ok(())
}

const BLOCK_BYTES: u64 = 2_048;
const FIRST_VOLUME: u64 = 16;
const MOST_VOLUMES: u64 = 64;

//! Files that are embedded in a document: packages of their own, and what objects of other programs hold, as far as that is a file.
//!
//! Only their bytes and names leave, as children that are judged anew by what they are. Objects that are nothing but a drawing or a
//! formula of another program stay behind, as everything does unless the job asks for it.

use std::io::Write;

use form::codec::Encoder;
use form::container::Child;
use form::job::Embedded;
use form::text::Line;
use form::{Findings, Limits, Place, Reason, Refusal};

use super::relationships::file_name;
use crate::embedded::Names;
use crate::error::{Error, size, within};
use crate::ole_object::{self, File};
use crate::zip::Package;

/// Takes the files out of the parts named, into the spill and as children of the form, or tells of each what stays behind. A part that
/// cannot be read is withheld alone; more files than a container may have are refused with the document.
pub(super) fn write(
    package: &Package<'_>,
    parts: &[String],
    wanted: Embedded,
    limits: &Limits,
    out: &mut Encoder<impl Write>,
    spill: &mut dyn Write,
    findings: &mut Findings,
) -> Result<(), Error> {
    let mut names = Names::default();
    let (mut id, mut offset) = (0_u32, 0_u64);
    for part in parts {
        let left = limits.spill_bytes.min(limits.total_bytes).saturating_sub(offset);
        let own_name = file_name(part);
        let (name, bytes, withheld) = match held(package, part, left.min(MAX_OBJECT_BYTES)) {
            Ok(Some(file)) => {
                let name = if file.name.is_empty() { own_name.as_str().to_owned() } else { file.name };
                (name, file.bytes, None)
            }
            Ok(None) => {
                findings.add(Reason::EmbeddedObject, own_name);
                continue;
            }
            Err(refusal) => (own_name.as_str().to_owned(), Vec::new(), Some(refusal)),
        };
        if wanted == Embedded::Withhold {
            findings.add(Reason::EmbeddedObject, Place::new(&name));
            continue;
        }
        within(Reason::LimitParts, limits.parts.into(), u64::from(id).saturating_add(1))?;
        spill.write_all(&bytes).map_err(Error::Spill)?;
        out.child(&Child {
            id,
            name: names.take(&name, findings),
            declared_type: Line::default(),
            offset,
            len: size(bytes.len()),
            inline: false,
            path: None,
            modified: None,
            withheld,
            is_mail: false,
        })?;
        id = id.saturating_add(1);
        offset = offset.saturating_add(size(bytes.len()));
    }
    Ok(())
}

/// The file that a part is or holds; `None` for an object that holds none.
fn held(package: &Package<'_>, part: &str, most: u64) -> Result<Option<File>, Refusal> {
    let told = package.part_bytes(part);
    if told > most {
        return Err(Refusal::limit(Reason::LimitSpillBytes, most, told));
    }
    let bytes = package.read(part, most).map_err(|error| error.refusal())?.ok_or(Refusal::plain(Reason::Malformed))?;
    if !bytes.starts_with(&COMPOUND) {
        return Ok(Some(File { name: String::new(), extension: None, bytes }));
    }
    let file = ole_object::file(&bytes, most).map_err(|error| error.refusal())?;
    Ok(file.map(|file| match file.extension {
        Some(extension) => File { name: renamed(part, extension), ..file },
        None => file,
    }))
}

/// The name of a part with another extension.
fn renamed(part: &str, extension: &str) -> String {
    let name = file_name(part);
    let stem = name.as_str().rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem);
    format!("{stem}.{extension}")
}

const COMPOUND: [u8; 8] = [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];
/// Bytes of one part that are held at a time.
const MAX_OBJECT_BYTES: u64 = 256 * 1024 * 1024;

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
use crate::compound::Compound;
use crate::embedded::Names;
use crate::error::{Error, size, within};
use crate::zip::Package;

/// What an object of a document holds.
struct File {
    /// What it is called; empty where the object does not say.
    name: String,
    bytes: Vec<u8>,
}

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
        return Ok(Some(File { name: String::new(), bytes }));
    }
    let file = Compound::open(&bytes).map_err(|error| error.refusal())?;
    let stream = |name: &str| file.root_stream(name, most).map_err(|error| error.refusal());
    if let Some(native) = stream("\u{1}Ole10Native")? {
        return Ok(packaged(&native));
    }
    if let Some(bytes) = stream("Package")? {
        return Ok(Some(File { name: renamed(part, package_extension(&bytes)), bytes }));
    }
    if let Some(bytes) = stream("CONTENTS")?.filter(|bytes| bytes.starts_with(b"%PDF-")) {
        return Ok(Some(File { name: renamed(part, "pdf"), bytes }));
    }
    // The object is a document of a binary kind as a whole.
    Ok(crate::detect::document_extension(&bytes).map(|extension| File { name: renamed(part, extension), bytes }))
}

/// The file of a package object ([MS-OLEDS] 2.3.6, and inside of it what the Object Packager writes): its label, the path it came
/// from, a path for unpacking it, its bytes; then, by later versions, the same names in UTF-16.
fn packaged(native: &[u8]) -> Option<File> {
    let mut rest = Reader(native);
    let _all = rest.u32()?;
    if rest.u16()? != IS_FILE {
        return None;
    }
    let label = rest.text()?;
    let path = rest.text()?;
    let (_flags, _kind) = (rest.u16()?, rest.u16()?);
    let unpacked = rest.u32()?;
    rest.take(unpacked)?;
    let len = rest.u32()?;
    let bytes = rest.take(len)?.to_vec();
    let mut wide = || {
        let units = rest.u32()?;
        let text = rest.take(units.checked_mul(2)?)?;
        let units: Vec<u16> =
            text.chunks_exact(2).filter_map(|two| two.try_into().ok()).map(u16::from_le_bytes).collect();
        Some(String::from_utf16_lossy(&units))
    };
    let _path = wide();
    let name = wide().filter(|name| !name.trim().is_empty()).unwrap_or_else(|| ansi(label));
    let name = if name.trim().is_empty() { ansi(path) } else { name };
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
    Some(File { name, bytes })
}

/// A name in the character set of somebody's Windows.
fn ansi(text: &[u8]) -> String {
    crate::charset::decode(text, None).text
}

/// The name of a part with another extension.
fn renamed(part: &str, extension: &str) -> String {
    let name = file_name(part);
    let stem = name.as_str().rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem);
    format!("{stem}.{extension}")
}

/// What an embedded package of Office Open XML is, by the folder of its main part, which stands early in its directory.
fn package_extension(bytes: &[u8]) -> &'static str {
    let names = crate::zip::names_for_detection(bytes, MAX_NAMES);
    let under = |folder: &[u8]| names.iter().any(|name| name.starts_with(folder));
    if under(b"word/") {
        "docx"
    } else if under(b"xl/") {
        "xlsx"
    } else if under(b"ppt/") {
        "pptx"
    } else {
        "bin"
    }
}

/// Fields one after the other.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: u32) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(len).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    /// A text that ends with a zero.
    fn text(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let (text, rest) = self.0.split_at_checked(end)?;
        self.0 = rest.get(1..)?;
        Some(text)
    }
}

const COMPOUND: [u8; 8] = [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];
/// An embedded file, as opposed to a picture of a program.
const IS_FILE: u16 = 2;
/// Bytes of one part that are held at a time.
const MAX_OBJECT_BYTES: u64 = 256 * 1024 * 1024;
const MAX_NAMES: usize = 2_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// As Windows' Object Packager writes it.
    fn native(label: &[u8], wide: Option<&str>, bytes: &[u8]) -> Vec<u8> {
        let mut body = 2_u16.to_le_bytes().to_vec();
        for text in [label, b"C:\\Users\\a\\x.bin".as_slice()] {
            body.extend_from_slice(text);
            body.push(0);
        }
        body.extend([0, 0, 3, 0]);
        body.extend(8_u32.to_le_bytes());
        body.extend(b"C:\\T\\x\0\0");
        body.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
        body.extend_from_slice(bytes);
        for text in wide.into_iter().flat_map(|wide| ["C:\\T\\x", wide, "C:\\x"]) {
            let units: Vec<u16> = text.encode_utf16().collect();
            body.extend(u32::try_from(units.len()).unwrap().to_le_bytes());
            body.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
        }
        [u32::try_from(body.len()).unwrap().to_le_bytes().as_slice(), &body].concat()
    }

    #[test]
    fn a_packaged_file_is_called_as_people_saw_it() {
        let file = packaged(&native(b"x.bin", Some("見積書.xlsx"), b"content")).unwrap();
        assert_eq!((file.name.as_str(), file.bytes.as_slice()), ("見積書.xlsx", b"content".as_slice()));
        let file = packaged(&native(b"\x8c\xa9\x90\xcf\x8f\x91\x81\x40\x90\xc5\x96\xb1.txt", None, b"c")).unwrap();
        assert_eq!(file.name, "見積書　税務.txt");
        let file = packaged(&native(b"..\\..\\a/tool.exe", None, b"MZ")).unwrap();
        assert_eq!(file.name, "tool.exe");
    }

    #[test]
    fn what_breaks_off_or_is_no_file_holds_none() {
        let whole = native(b"a", None, b"content");
        for end in 0..whole.len() {
            assert!(packaged(&whole[..end]).is_none(), "{end}");
        }
        let mut picture = whole;
        picture[4] = 3;
        assert!(packaged(&picture).is_none());
    }
}

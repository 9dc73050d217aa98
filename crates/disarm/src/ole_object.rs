//! What an object of another program holds, as far as it is a file ([MS-OLEDS]). Documents have such objects among their parts, messages of
//! Outlook in the place of attachments.

use crate::compound::Compound;
use crate::error::Error;

/// What an object holds.
pub(crate) struct File {
    /// What it is called; empty where the object does not say.
    pub(crate) name: String,
    /// What it is, where its name does not say that.
    pub(crate) extension: Option<&'static str>,
    pub(crate) bytes: Vec<u8>,
}

/// The file that an object is or holds, of at most `most` bytes; `None` for one that holds none. `object` is a compound file.
pub(crate) fn file(object: &[u8], most: u64) -> Result<Option<File>, Error> {
    let compound = Compound::open(object)?;
    if let Some(native) = compound.root_stream("\u{1}Ole10Native", most)? {
        return Ok(packaged(&native));
    }
    if let Some(bytes) = compound.root_stream("Package", most)? {
        return Ok(Some(unnamed(package_extension(&bytes), bytes)));
    }
    if let Some(bytes) = compound.root_stream(CONTENTS, most)?.filter(|bytes| bytes.starts_with(b"%PDF-")) {
        return Ok(Some(unnamed("pdf", bytes)));
    }
    // The object is a document of a binary kind as a whole.
    Ok(crate::detect::document_extension(object).map(|extension| unnamed(extension, object.to_vec())))
}

/// The picture that an object is which is nothing else: what is pasted into a mail in rich text.
pub(crate) fn picture(object: &[u8], most: u64) -> Option<File> {
    let bytes = Compound::open(object).ok()?.root_stream(CONTENTS, most).ok()??;
    let extension = match bytes.get(..4)? {
        [b'B', b'M', ..] => "bmp",
        [1, 0, 9, 0] => "wmf",
        [1, 0, 0, 0] if bytes.get(40..44) == Some(b" EMF") => "emf",
        _ => return None,
    };
    Some(unnamed(extension, bytes))
}

fn unnamed(extension: &'static str, bytes: Vec<u8>) -> File {
    File { name: String::new(), extension: Some(extension), bytes }
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
    Some(File { name, extension: None, bytes })
}

/// A name in the character set of somebody's Windows.
fn ansi(text: &[u8]) -> String {
    crate::charset::decode(text, None).text
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

const CONTENTS: &str = "CONTENTS";
/// An embedded file, as opposed to a picture of a program.
const IS_FILE: u16 = 2;
/// Names of a package that are looked at.
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

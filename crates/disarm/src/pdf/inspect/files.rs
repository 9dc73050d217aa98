//! Files that are embedded in a document, taken out on request.
//!
//! Only their bytes and names leave, as children that are judged anew by what they are. Nothing of the pages depends on them.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{Read, Write};

use flate2::read::ZlibDecoder;
use form::codec::Encoder;
use form::container::Child;
use form::{Findings, Limits, Reason, Refusal, civil};
use lopdf::{DecompressError, Dictionary, Object, ObjectId, Stream};

use super::tree::Tree;
use crate::embedded::{Names, declared};
use crate::error::{Error, size, within};

/// The files of a document in the order in which they were found.
#[derive(Default)]
pub(in crate::pdf) struct Files {
    files: Vec<File>,
    /// Streams that are among them: the same one may be named in several lists.
    seen: BTreeSet<ObjectId>,
    lock: Lock,
}

/// Whether the files are encrypted where the document is not.
#[derive(Clone, Copy, Default)]
pub(super) enum Lock {
    #[default]
    Open,
    /// Each is withheld for that.
    Locked,
}

struct File {
    name: String,
    declared_type: String,
    modified: Option<i64>,
    /// The stream as it is packed; none where the document names one that is not there.
    stream: Option<Stream>,
    /// How long the document says that the file is.
    size: Option<u64>,
}

impl Files {
    /// Adds a file by its specification (ISO 32000-2, 7.11.3) and the name that it goes by.
    pub(super) fn add<'d>(&mut self, tree: &Tree<'d>, specification: &'d Dictionary, name: &str) {
        let entry = entry(tree, specification);
        if let Some(id) = entry.and_then(|entry| entry.as_reference().ok())
            && !self.seen.insert(id)
        {
            return;
        }
        let stream = entry.and_then(|entry| tree.resolve(entry).as_stream().ok());
        let params = stream.and_then(|stream| tree.dict(&stream.dict, "Params"));
        let date = params.and_then(|params| tree.text(params, "ModDate"));
        self.files.push(File {
            name: name.to_owned(),
            declared_type: stream.and_then(|stream| tree.text(&stream.dict, "Subtype")).unwrap_or_default(),
            modified: date.and_then(|date| unix_seconds(&date)),
            stream: stream.map(|stream| packed(tree, stream)),
            size: params.and_then(|params| tree.get(params, "Size")?.as_i64().ok()?.try_into().ok()),
        });
    }

    /// None yet, of a document whose files are so.
    pub(super) fn of(lock: Lock) -> Files {
        Files { lock, ..Files::default() }
    }

    /// Unpacks the files into the spill and tells of each in the form. One that cannot be unpacked, or would be too large, is
    /// withheld alone; more files than a container may have are refused with the document.
    pub(in crate::pdf) fn write(
        self,
        limits: &Limits,
        out: &mut Encoder<impl Write>,
        spill: &mut dyn Write,
        findings: &mut Findings,
    ) -> Result<(), Error> {
        within(Reason::LimitParts, limits.parts.into(), size(self.files.len()))?;
        let mut names = Names::default();
        let mut offset = 0_u64;
        for (id, file) in self.files.into_iter().enumerate() {
            let name = names.take(&file.name, findings);
            let left = limits.spill_bytes.min(limits.total_bytes).saturating_sub(offset);
            let unpacked = match self.lock {
                Lock::Locked => Err(Reason::Encrypted.into()),
                Lock::Open => unpacked(file.stream.as_ref(), file.size, left, limits.ratio),
            };
            let (bytes, withheld) = match unpacked {
                Ok(bytes) => (bytes, None),
                Err(refusal) => (Vec::new(), Some(refusal)),
            };
            spill.write_all(&bytes).map_err(Error::Spill)?;
            let len = size(bytes.len());
            out.child(&Child {
                id: u32::try_from(id).unwrap_or(u32::MAX),
                name,
                declared_type: declared(&file.declared_type),
                offset,
                len,
                inline: false,
                path: None,
                modified: file.modified,
                withheld,
                is_mail: false,
            })?;
            offset = offset.saturating_add(len);
        }
        Ok(())
    }
}

/// The stream of a file by its specification, of the names that it has for several systems the first.
pub(super) fn entry<'d>(tree: &Tree<'d>, specification: &'d Dictionary) -> Option<&'d Object> {
    let streams = tree.dict(specification, "EF")?;
    ["UF", "F", "Unix", "DOS", "Mac"].iter().find_map(|key| streams.get(key.as_bytes()).ok())
}

/// A stream that stands alone: what its filters need to know is told in it and not elsewhere in the file.
fn packed(tree: &Tree<'_>, stream: &Stream) -> Stream {
    let mut dict = Dictionary::new();
    for key in ["Filter", "DecodeParms"] {
        if let Some(value) = stream.dict.get(key.as_bytes()).ok().map(|value| tree.resolve(value)) {
            let value = match value {
                Object::Array(list) => {
                    let plain = |item| tree.resolve(item).clone();
                    Object::Array(list.iter().take(MAX_FILTERS).map(plain).collect())
                }
                other => other.clone(),
            };
            dict.set(key, value);
        }
    }
    Stream::new(dict, stream.content.clone())
}

fn unpacked(stream: Option<&Stream>, told: Option<u64>, left: u64, ratio: u32) -> Result<Vec<u8>, Refusal> {
    let Some(stream) = stream else { return Err(Reason::Malformed.into()) };
    let filters = stream.filters().unwrap_or_default();
    let known = |filter: &&[u8]| FILTERS.contains(filter);
    if !filters.iter().all(known) {
        return Err(Reason::UnsupportedType.into());
    }
    // Small files may shrink to almost nothing honestly, and harm nobody when they do not.
    let by_ratio = size(stream.content.len()).saturating_mul(ratio.into()).max(RATIO_FREE_BYTES);
    let most = left.min(by_ratio);
    let too_large = || {
        if left < by_ratio {
            Refusal::limit(Reason::LimitSpillBytes, left, left.saturating_add(1))
        } else {
            Refusal::limit(Reason::LimitRatio, ratio.into(), u64::from(ratio).saturating_add(1))
        }
    };
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let bytes = match stream.get_plain_content_with_limit(most) {
        Ok(bytes) => bytes,
        Err(lopdf::Error::Decompress(DecompressError::MemoryLimitExceeded { .. })) => return Err(too_large()),
        Err(_) => return Err(Reason::Malformed.into()),
    };
    let ends = if filters.is_empty() { None } else { ends_whole(stream, &filters, most) };
    // The library gives what it has where a stream breaks off; then the length that the document tells decides.
    match (ends, told) {
        (Some(true), _) => Ok(bytes),
        (Some(false), Some(told)) if told == size(bytes.len()) => Ok(bytes),
        (None, told) if told.is_none_or(|told| told <= size(bytes.len())) => Ok(bytes),
        _ => Err(Reason::Malformed.into()),
    }
}

/// Whether a stream that is deflated ends as RFC 1950 has it, with its checksum; nothing for others. `most` bounds what is
/// unpacked at each step.
fn ends_whole(stream: &Stream, filters: &[&[u8]], most: usize) -> Option<bool> {
    let mut data = Cow::Borrowed(stream.content.as_slice());
    let mut whole = None;
    for (at, filter) in filters.iter().enumerate() {
        let is_last = at.saturating_add(1) == filters.len();
        if *filter == b"FlateDecode" {
            let mut reader = ZlibDecoder::new(&*data).take(size(most).saturating_add(1));
            let mut bytes = Vec::new();
            if reader.read_to_end(&mut bytes).is_err() {
                return Some(false);
            }
            whole = Some(true);
            // Rows of differences are no stream to go on with.
            if stream.dict.has(b"DecodeParms") {
                break;
            }
            data = Cow::Owned(bytes);
        } else if !is_last {
            let mut dict = Dictionary::new();
            dict.set("Filter", Object::Name(filter.to_vec()));
            data = Cow::Owned(Stream::new(dict, data.into_owned()).get_plain_content_with_limit(most).ok()?);
        }
    }
    whole
}

/// A date (ISO 32000-2, 7.9.4) as Unix seconds: `D:YYYYMMDDHHmmSSOHH'mm'`, of which all behind the year may be missing.
fn unix_seconds(date: &str) -> Option<i64> {
    let date = date.strip_prefix("D:").unwrap_or(date);
    let number = |from: usize, len: usize| date.get(from..from.checked_add(len)?)?.parse::<u32>().ok().map(i64::from);
    let (year, month, day) = (number(0, 4)?, number(4, 2).unwrap_or(1), number(6, 2).unwrap_or(1));
    let (hour, minute, second) = (number(8, 2).unwrap_or(0), number(10, 2).unwrap_or(0), number(12, 2).unwrap_or(0));
    let valid = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !valid || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let zone = (number(15, 2).unwrap_or(0) * 60 + number(18, 2).unwrap_or(0)) * 60;
    let offset = match date.get(14..15) {
        Some("+") => zone,
        Some("-") => -zone,
        _ => 0,
    };
    Some(civil::days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset)
}

/// Filters that files are packed with; those of pictures are not among them.
const FILTERS: [&[u8]; 5] = [b"FlateDecode", b"LZWDecode", b"ASCII85Decode", b"ASCIIHexDecode", b"RunLengthDecode"];
const MAX_FILTERS: usize = 16;
const RATIO_FREE_BYTES: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::unix_seconds;

    #[test]
    fn dates_have_as_much_as_their_writers_knew() {
        assert_eq!(unix_seconds("D:20260101090000+09'00'"), Some(1_767_225_600));
        assert_eq!(unix_seconds("D:20260101000000Z"), Some(1_767_225_600));
        assert_eq!(unix_seconds("D:2026"), Some(1_767_225_600));
        assert_eq!(unix_seconds("D:20251231190000-0500"), Some(1_767_225_600));
        assert_eq!(unix_seconds("D:20261301"), None);
        assert_eq!(unix_seconds("yesterday"), None);
    }
}

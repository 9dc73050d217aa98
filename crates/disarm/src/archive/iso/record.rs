//! Directory records (ECMA-119 section 9.1) and what Rock Ridge (IEEE P1282) adds to them.

use form::{Reason, civil};

use super::super::bytes::Fields;
use super::super::members::{Listed, Node};
use super::super::names::Name;
use crate::error::Error;

/// How the names of a list are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    Plain,
    /// UCS-2, big-endian.
    Joliet,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) block: u32,
    pub(super) len: u32,
    flags: u8,
    /// The data lies in pieces.
    is_interleaved: bool,
    modified: Option<i64>,
}

/// The name of a record, and what the system has added behind it.
type Texts<'a> = (&'a [u8], &'a [u8]);

impl Record {
    /// The record here, with its name and what the system has added.
    pub(super) fn read<'a>(fields: &mut Fields<'a>) -> Option<(Record, Texts<'a>)> {
        let len = *fields.rest().first()?;
        let mut own = Fields::new(fields.take(len.into())?);
        let (_len, extended) = (own.u8()?, own.u8()?);
        let block = own.u32()?.checked_add(extended.into())?;
        let big_block = own.u32_be()?.checked_add(extended.into())?;
        let (len, big_len) = (own.u32()?, own.u32_be()?);
        // Every number is there twice; a reader takes the one or the other.
        if block != big_block || len != big_len {
            return None;
        }
        let modified = moment(own.take(7)?);
        let (flags, unit, gap) = (own.u8()?, own.u8()?, own.u8()?);
        own.take(4)?;
        let name_len = own.u8()?;
        let name = own.take(name_len.into())?;
        if name_len % 2 == 0 {
            own.u8();
        }
        let record = Record { block, len, flags, is_interleaved: unit != 0 || gap != 0, modified };
        Some((record, (name, own.rest())))
    }

    /// The same with its data elsewhere.
    pub(super) fn moved(self, block: u32, len: u32) -> Record {
        Record { block, len, ..self }
    }

    pub(super) fn is_directory(&self) -> bool {
        self.flags & FLAG_DIRECTORY != 0
    }

    fn withheld(&self) -> Option<Reason> {
        let in_pieces = self.is_interleaved || self.flags & (FLAG_MORE | FLAG_RECORD) != 0;
        match self.flags & FLAG_ASSOCIATED {
            0 => in_pieces.then_some(Reason::UnsupportedMethod),
            _ => Some(Reason::SpecialMember),
        }
    }
}

/// What a record says in its own list's way.
#[derive(Default)]
pub(super) struct Own {
    pub(super) name: Vec<u8>,
    pub(super) node: Option<Node>,
    /// Where a directory lies that was moved to keep the tree flat.
    pub(super) child: Option<u32>,
    is_moved: bool,
    is_packed: bool,
}

/// The records of a directory without those of itself and of its parent.
pub(super) fn entries(directory: &[u8], names: Names) -> Result<Vec<(Record, Own)>, Error> {
    let mut entries = Vec::new();
    // No record crosses the border of a block; what is left of a block is zero.
    for block in directory.chunks(2_048) {
        let mut fields = Fields::new(block);
        while fields.rest().first().is_some_and(|len| *len != 0) {
            let (record, (raw, system)) = Record::read(&mut fields).ok_or(Reason::Malformed)?;
            if matches!(raw, [0 | 1]) {
                continue;
            }
            let own = match names {
                Names::Joliet => Own { name: raw.to_vec(), ..Own::default() },
                Names::Plain => rock_ridge(raw, system)?,
            };
            if !own.is_moved {
                entries.push((record, own));
            }
        }
    }
    Ok(entries)
}

fn rock_ridge(raw: &[u8], system: &[u8]) -> Result<Own, Error> {
    let mut own = Own::default();
    let mut fields = Fields::new(system);
    while let Some(signature) = fields.take(2) {
        let (Some(len), Some(_version)) = (fields.u8(), fields.u8()) else { break };
        let Some(data) = usize::from(len).checked_sub(4).and_then(|len| fields.take(len)) else { break };
        let mut data = Fields::new(data);
        match signature {
            b"NM" => {
                data.u8();
                own.name.extend_from_slice(data.rest());
            }
            b"PX" => own.node = data.u32().map(|mode| Node::of_mode(mode, Node::File)),
            b"SL" => own.node = Some(Node::Symlink),
            b"CL" => {
                own.child = data.u32();
                own.node = Some(Node::Directory);
            }
            b"RE" => own.is_moved = true,
            b"ZF" => own.is_packed = true,
            // The rest stands elsewhere: names longer than a record, which none that are read here are. Nothing is guessed.
            b"CE" if own.name.is_empty() => return Err(Reason::UnsupportedMethod.into()),
            b"ST" => break,
            _ => {}
        }
    }
    if own.name.is_empty() {
        own.name = plain(raw).to_vec();
    }
    Ok(own)
}

/// A plain name without its version and the dot of a missing extension.
fn plain(raw: &[u8]) -> &[u8] {
    let name = raw.split(|byte| *byte == b';').next().unwrap_or(raw);
    name.strip_suffix(b".").unwrap_or(name)
}

/// A name behind its directories, in the list's own characters. A separator in a name would lead elsewhere.
pub(super) fn join(path: &[u8], name: &[u8], names: Names) -> Result<Vec<u8>, Error> {
    let separator: &[u8] = if names == Names::Joliet { &[0, b'/'] } else { b"/" };
    if name.is_empty() || (names == Names::Joliet && !name.len().is_multiple_of(2)) {
        return Err(Reason::Malformed.into());
    }
    let joined = if path.is_empty() { name.to_vec() } else { [path, separator, name].concat() };
    if joined.len() > MOST_PATH_BYTES {
        return Err(Reason::LimitNameBytes.into());
    }
    Ok(joined)
}

/// One file of a list.
#[derive(Debug)]
pub(super) struct File {
    pub(super) listed: Listed<'static>,
    pub(super) block: u32,
    pub(super) len: u32,
    pub(super) modified: Option<i64>,
    pub(super) withheld: Option<Reason>,
}

impl File {
    pub(super) fn new(path: Vec<u8>, node: Node, record: Record, own: &Own, names: Names) -> File {
        let name = match names {
            Names::Plain => Name::Raw(path.into()),
            Names::Joliet => Name::Known(wide(&path).into()),
        };
        let packed = own.is_packed.then_some(Reason::UnsupportedMethod);
        let withheld = node.refusal().or_else(|| record.withheld()).or(packed);
        // What a directory has of bytes is its list.
        let has_data = record.len > 0 && !record.is_directory() && own.child.is_none();
        let listed = Listed { name, node, has_data };
        File { listed, block: record.block, len: record.len, modified: record.modified, withheld }
    }
}

/// Joliet's names, whose files have a version too.
fn wide(path: &[u8]) -> String {
    let units = path.chunks_exact(2).filter_map(|pair| pair.first_chunk().map(|pair| u16::from_be_bytes(*pair)));
    let name: String = char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    match name.rsplit_once(';') {
        Some((plain, version)) if !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit()) => {
            plain.to_owned()
        }
        _ => name,
    }
}

/// ECMA-119 section 9.1.5: years since 1900, and the zone in quarters of an hour.
fn moment(field: &[u8]) -> Option<i64> {
    let [year, month, day, hour, minute, second, zone] = field.first_chunk::<7>()?.map(i64::from);
    let zone = if zone > 127 { zone - 256 } else { zone };
    let valid = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 60;
    let days = civil::days(year + 1900, month, day);
    valid.then(|| days * 86_400 + hour * 3_600 + minute * 60 + second - zone * 900)
}

const FLAG_DIRECTORY: u8 = 0x02;
const FLAG_ASSOCIATED: u8 = 0x04;
const FLAG_RECORD: u8 = 0x08;
const FLAG_MORE: u8 = 0x80;
const MOST_PATH_BYTES: usize = 4 * 1024;

//! Which program's file an OLE2 (compound file) is, by the names of its streams.

/// What the streams say.
pub(super) enum Kind {
    /// An encrypted OOXML package inside.
    EncryptedPackage,
    /// A known or plain compound file.
    Named(&'static str),
}

pub(super) fn kind(bytes: &[u8]) -> Kind {
    let entries = entries(bytes).unwrap_or_default();
    // A workbook with a Word document in it holds the streams of both; what stands at the root says which of them it is.
    let at_root = kind_of(&roots(&entries));
    at_root.unwrap_or_else(|| kind_of(&entries.iter().collect::<Vec<_>>()).unwrap_or(Kind::Named("ole2")))
}

fn kind_of(entries: &[&Entry]) -> Option<Kind> {
    // Names are compared without case ([MS-CFB] 2.6.4); some programs write WORKBOOK.
    let has = |name: &str| entries.iter().any(|found| found.name.eq_ignore_ascii_case(name));
    if has("EncryptedPackage") {
        return Some(Kind::EncryptedPackage);
    }
    STREAMS.iter().find(|(stream, _)| has(stream)).map(|(_, token)| Kind::Named(token))
}

/// The order matters where one directory has streams of two programs: a mail with a document is a mail.
const STREAMS: &[(&str, &str)] = &[
    ("__properties_version1.0", "msg"),
    ("__nameid_version1.0", "msg"),
    ("DocumentText", "jtd"),
    ("JSCompDocument", "jtdc"),
    ("\u{4}JSRV_SegmentInformation", "jtdc"),
    ("BodyText", "hwp"),
    ("VisioDocument", "vsd"),
    ("Quill", "pub"),
    ("PowerPoint Document", "ppt"),
    ("WordDocument", "doc"),
    ("Workbook", "xls"),
    ("Book", "xls"),
    ("TBkd", "mpp"),
    ("Props9", "mpp"),
    ("Props12", "mpp"),
    ("Props14", "mpp"),
];

/// The usual extension of a compound file that is a document as a whole; `None` for objects of programs that have no files of their own.
/// A package that only a password opens may be any of three; it is called by the most frequent.
pub(super) fn document_extension(bytes: &[u8]) -> Option<&'static str> {
    match kind(bytes) {
        Kind::EncryptedPackage => Some("docx"),
        Kind::Named("ole2") => None,
        Kind::Named(extension) => Some(extension),
    }
}

/// Names in the directory.
pub(super) fn stream_names(bytes: &[u8]) -> Option<Vec<String>> {
    Some(entries(bytes)?.into_iter().map(|entry| entry.name).filter(|name| !name.is_empty()).collect())
}

/// An entry of the directory ([MS-CFB] 2.6.1): its name, its two neighbours in the tree of its storage, and the tree below it.
struct Entry {
    name: String,
    neighbours: [u32; 2],
    child: u32,
}

/// What stands directly below the root.
fn roots(entries: &[Entry]) -> Vec<&Entry> {
    let mut found = Vec::new();
    let mut seen = vec![false; entries.len()];
    let mut open: Vec<u32> = entries.first().map(|root| root.child).into_iter().collect();
    while let Some(at) = open.pop().and_then(|at| usize::try_from(at).ok()) {
        // A tree that runs in a circle ends here.
        if let (Some(entry), Some(seen @ false)) = (entries.get(at), seen.get_mut(at)) {
            *seen = true;
            found.push(entry);
            open.extend(entry.neighbours);
        }
    }
    found
}

/// The directory in its order; a broken chain ends the list, it does not make the file less of an OLE2 file.
fn entries(bytes: &[u8]) -> Option<Vec<Entry>> {
    let u16_at = |at: usize| bytes.get(at..at.checked_add(2)?)?.try_into().ok().map(u16::from_le_bytes);
    let u32_at = |at: usize| bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_le_bytes);
    let shift = u32::from(u16_at(0x1E)?);
    if shift != 9 && shift != 12 {
        return None;
    }
    let sector_bytes = 1_usize.checked_shl(shift)?;
    let start_of = |sector: u32| usize::try_from(sector).ok()?.checked_add(1)?.checked_mul(sector_bytes);
    // Which sector holds a piece of the allocation table: the header names the first, a chain of sectors the others, as in files
    // beyond 7 MB, whose directory may stand at the end.
    let table_at = |index: usize| {
        let Some(further) = index.checked_sub(IN_HEADER) else {
            return u32_at(0x4C_usize.checked_add(index.checked_mul(4)?)?);
        };
        let names = (sector_bytes / 4).checked_sub(1)?;
        let (hops, at) = (further.checked_div(names)?, further.checked_rem(names)?);
        // No file has more of these sectors than its tables need, so a chain in a circle costs little.
        if hops > bytes.len() / sector_bytes / names / names {
            return None;
        }
        let mut sector = u32_at(0x44)?;
        for _ in 0..hops {
            sector = u32_at(start_of(sector)?.checked_add(names.checked_mul(4)?)?)?;
        }
        u32_at(start_of(sector)?.checked_add(at.checked_mul(4)?)?)
    };
    let next = |sector: u32| {
        let (sector, per_table) = (usize::try_from(sector).ok()?, sector_bytes / 4);
        let table = table_at(sector.checked_div(per_table)?)?;
        u32_at(start_of(table)?.checked_add(sector.checked_rem(per_table)?.checked_mul(4)?)?)
    };
    let mut entries = Vec::new();
    let mut sector = u32_at(0x30)?;
    for _ in 0..MAX_SECTORS {
        let Some(start) = start_of(sector) else { break };
        let Some(sector_entries) = start.checked_add(sector_bytes).and_then(|end| bytes.get(start..end)) else { break };
        entries.extend(sector_entries.chunks_exact(ENTRY_BYTES).map(entry));
        match next(sector) {
            Some(following) if following < END_OF_CHAIN => sector = following,
            _ => break,
        }
    }
    Some(entries)
}

fn entry(bytes: &[u8]) -> Entry {
    let link = |at: usize| {
        let field = bytes.get(at..at.saturating_add(4)).and_then(|field| field.try_into().ok());
        field.map_or(u32::MAX, u32::from_le_bytes)
    };
    // An entry without a name is not in use. It keeps its place, because links are places.
    Entry { name: entry_name(bytes).unwrap_or_default(), neighbours: [link(68), link(72)], child: link(76) }
}

fn entry_name(entry: &[u8]) -> Option<String> {
    let len = usize::from(u16::from_le_bytes(entry.get(64..66)?.try_into().ok()?)).checked_sub(2)?;
    let units: Vec<u16> =
        entry.get(..len.min(64))?.chunks_exact(2).filter_map(|b| b.try_into().ok()).map(u16::from_le_bytes).collect();
    (!units.is_empty()).then(|| String::from_utf16_lossy(&units))
}

const ENTRY_BYTES: usize = 128;
const IN_HEADER: usize = 109;
const END_OF_CHAIN: u32 = 0xFFFF_FFFC;
/// A chain that runs in a circle ends here.
const MAX_SECTORS: usize = 1024;

//! The fonts of this machine that stand in for fonts which a document names and does not carry.
//!
//! They are the system's files, not a sender's: each zygote maps them before it locks itself down, and all rooms share the pages.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use disarm::{FontFile, Fonts};

/// The fonts found, those named first in [`WANTED`] first.
pub(crate) fn load() -> Fonts {
    let found = find();
    let files = WANTED.iter().filter_map(|name| found.get(*name)).flat_map(|path| faces(path));
    Fonts::new(files.collect())
}

/// Where font packages put their files, by file name.
fn find() -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    let mut open: Vec<PathBuf> = DIRECTORIES.iter().map(PathBuf::from).collect();
    let mut left = ENTRIES_MAX;
    while let Some(directory) = open.pop() {
        let Ok(listing) = std::fs::read_dir(&directory) else { continue };
        for entry in listing.flatten().take(left) {
            left = left.saturating_sub(1);
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => open.push(entry.path()),
                Ok(kind) if kind.is_file() => {
                    let name = entry.file_name().to_string_lossy().into_owned();
                    found.entry(name).or_insert_with(|| entry.path());
                }
                _ => {}
            }
        }
    }
    found
}

/// Every face of a file. One that cannot be mapped is left out: `doctor` lists what was found.
fn faces(path: &Path) -> Vec<FontFile> {
    let Ok(bytes) = File::open(path).and_then(jail::room::map_file) else { return Vec::new() };
    let name = path.display().to_string();
    let face = |index| FontFile { name: name.clone(), bytes: Arc::new(bytes), index };
    (0..face_count(bytes)).map(face).collect()
}

/// A collection begins with `ttcf`, a version and the number of its faces (ISO/IEC 14496-22, 4.6).
fn face_count(bytes: &[u8]) -> u32 {
    let collection = bytes.strip_prefix(b"ttcf").and_then(|rest| rest.get(4..8)).and_then(|n| n.try_into().ok());
    collection.map_or(1, |count| u32::from_be_bytes(count).min(FACES_MAX))
}

const DIRECTORIES: [&str; 2] = ["/usr/share/fonts", "/usr/local/share/fonts"];
const ENTRIES_MAX: usize = 20_000;
const FACES_MAX: u32 = 16;

/// Noto first: it has every character of the Japanese collections, IPA lacks some; both beat none.
const WANTED: [&str; 16] = [
    "NotoSansCJK-Regular.ttc",
    "NotoSerifCJK-Regular.ttc",
    "NotoSansCJK-Bold.ttc",
    "NotoSerifCJK-Bold.ttc",
    "BIZUDGothic-Regular.ttf",
    "BIZUDPGothic-Regular.ttf",
    "BIZUDMincho-Regular.ttf",
    "BIZUDPMincho-Regular.ttf",
    "ipag.ttf",
    "ipagp.ttf",
    "ipam.ttf",
    "ipamp.ttf",
    "ipaexg.ttf",
    "ipaexm.ttf",
    "TakaoGothic.ttf",
    "TakaoMincho.ttf",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collection_has_the_faces_that_its_header_counts() {
        assert_eq!(face_count(b"ttcf\x00\x02\x00\x00\x00\x00\x00\x05"), 5);
        assert_eq!(face_count(b"ttcf\x00\x02\x00\x00\xff\xff\xff\xff"), FACES_MAX);
        assert_eq!(face_count(b"\x00\x01\x00\x00\x00\x0f"), 1);
        assert_eq!(face_count(b""), 1);
    }
}

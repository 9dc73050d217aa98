//! Names of rebuilt files: the sender's name with the extension of what the file now is.

use std::collections::BTreeMap;

use form::name::{FileName, TakenNames};

/// Extensions that mean the same kind of file; the sender's spelling is kept.
const SAME_KIND: &[&[&str]] = &[
    &["jpg", "jpeg", "jpe", "jfif"],
    &["tif", "tiff"],
    &["txt", "text", "log", "md", "asc"],
    &["csv"],
    &["tsv", "tab"],
    &["bmp", "dib"],
    &["eml"],
];

/// Extensions of what tar archives are packed with.
const PACKED: &[&str] = &["gz", "bz2", "xz", "zst", "z"];

/// The name under which a rebuilt file leaves.
///
/// A text file keeps a foreign extension in front of its own (`a.js` becomes `a.js.txt`): replacing it would hide what it was, keeping it
/// would let the recipient's machine run it.
pub(crate) fn output_name(name: &FileName, extension: &str) -> FileName {
    let present = name.extension().map(str::to_ascii_lowercase).unwrap_or_default();
    let same = present == extension
        || SAME_KIND.iter().any(|kind| kind.contains(&extension) && kind.contains(&present.as_str()));
    match extension {
        // `a.tar.gz` has an extension of two, and `a.tar.zip` would be neither.
        "zip" if PACKED.contains(&present.as_str()) && name.stem().to_ascii_lowercase().ends_with(".tar") => {
            FileName::rebuild(name.stem()).0.with_extension(extension)
        }
        _ if same => name.clone(),
        "txt" if !present.is_empty() => name.with_added_extension(extension),
        _ => name.with_extension(extension),
    }
}

/// The names that are given, by the folders that they are in.
#[derive(Default)]
pub(crate) struct Taken(BTreeMap<String, TakenNames>);

impl Taken {
    /// A free name, and whether it had to be numbered.
    pub(crate) fn free(&mut self, folder: &str, name: &FileName) -> (FileName, bool) {
        let free = self.0.entry(folder.to_lowercase()).or_default().free(name);
        let is_numbered = free != *name;
        (free, is_numbered)
    }
}

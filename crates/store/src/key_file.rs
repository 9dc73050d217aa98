//! Random keys that a store makes once, each in a file of its own beside the database, readable by its owner only.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::Error;
use crate::blobs::sync_directory;

/// Where a key came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// From its file.
    Kept,
    /// There was no file: it was made now.
    Made,
}

/// Reads the key of this name, or makes one: durable before anything is done with it. The length of one that was kept is for its reader
/// to judge.
pub(crate) fn open(directory: &Path, name: &str) -> Result<(Vec<u8>, Origin), Error> {
    let path = directory.join(name);
    match fs::read(&path) {
        Ok(bytes) => Ok((bytes, Origin::Kept)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut bytes = vec![0_u8; KEY_BYTES];
            getrandom::fill(&mut bytes).map_err(Error::Random)?;
            // Under its name there is a whole key or none, whenever the power goes.
            let half = directory.join(format!("{name}.new"));
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&half)
                .map_err(Error::file("creating", &half))?;
            file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(Error::file("writing", &half))?;
            fs::rename(&half, &path).map_err(Error::file("renaming to", &path))?;
            sync_directory(directory)?;
            Ok((bytes, Origin::Made))
        }
        Err(error) => Err(Error::file("reading", path)(error)),
    }
}

/// Bytes of a key.
pub(crate) const KEY_BYTES: usize = 32;

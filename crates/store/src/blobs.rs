//! Files for content that is too large for a row: random names, 256 fan-out directories, written once, never changed.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use sha2::{Digest, Sha256};

use crate::token::hex;
use crate::{Error, Timestamp};

/// The blob directory.
#[derive(Debug, Clone)]
pub(crate) struct Blobs {
    root: PathBuf,
    temporary: PathBuf,
}

/// A finished, durable file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Blob {
    /// `ab/ab…`: relative to the blob directory.
    pub(crate) file: String,
    pub(crate) length: u64,
    pub(crate) digest: [u8; 32],
}

/// A blob whose row is not committed yet: dropping it removes the file.
#[derive(Debug)]
pub(crate) struct Pending {
    blobs: Arc<Blobs>,
    blob: Blob,
    keep: bool,
}

/// A file being written; dropping it removes it.
#[derive(Debug)]
pub(crate) struct Growing {
    blobs: Arc<Blobs>,
    path: PathBuf,
    name: String,
    /// `None` between pieces.
    file: Option<File>,
    length: u64,
    digest: Sha256,
    finished: bool,
}

impl Blobs {
    /// The blobs of a store that somebody else has opened; nothing is made.
    pub(crate) fn at(directory: &Path) -> Blobs {
        Blobs { root: directory.join("blobs"), temporary: directory.join("incoming") }
    }

    /// Makes the directories that are missing. The fan-out is made once, so that storing a blob never makes one and the
    /// only directory to fsync is the blob's own.
    pub(crate) fn open(directory: &Path) -> Result<Blobs, Error> {
        let blobs = Blobs::at(directory);
        for path in [&blobs.root, &blobs.temporary] {
            make_directory(path)?;
        }
        for n in 0..=255u8 {
            make_directory(&blobs.root.join(hex(&[n])))?;
        }
        sync_directory(&blobs.root)?;
        sync_directory(directory)?;
        Ok(blobs)
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.root.join(file)
    }

    pub(crate) fn create(self: &Arc<Self>) -> Result<Growing, Error> {
        let mut random = [0u8; 16];
        getrandom::fill(&mut random).map_err(Error::Random)?;
        let name = hex(&random);
        let path = self.temporary.join(&name);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(Error::file("creating", &path))?;
        Ok(Growing {
            blobs: self.clone(),
            path,
            name,
            file: Some(file),
            length: 0,
            digest: Sha256::new(),
            finished: false,
        })
    }

    pub(crate) fn remove(&self, file: &str) -> Result<(), Error> {
        let path = self.path(file);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::file("removing", path)(error)),
            _ => Ok(()),
        }
    }

    /// Removes what an interrupted run left in the directory for incoming content.
    pub(crate) fn clear_temporary(&self) -> Result<u64, Error> {
        let mut removed = 0;
        for entry in entries(&self.temporary)? {
            fs::remove_file(&entry).map_err(Error::file("removing", &entry))?;
            removed += 1;
        }
        Ok(removed)
    }

    /// Removes files that no row names and that have not changed for `grace`.
    pub(crate) fn clear_orphans(&self, known: &HashSet<String>, now: Timestamp, grace: Duration) -> Result<u64, Error> {
        let mut removed = 0;
        for n in 0..=255u8 {
            let prefix = hex(&[n]);
            for path in entries(&self.root.join(&prefix))? {
                let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
                let file = format!("{prefix}/{name}");
                if known.contains(&file) || now.since(modified(&path)?) < grace {
                    continue;
                }
                self.remove(&file)?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

impl Growing {
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.opened()?.write_all(bytes).map_err(Error::file("writing", &self.path))?;
        self.digest.update(bytes);
        self.length = self.length.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    /// Closes the file until the next piece comes.
    pub(crate) fn close(&mut self) {
        self.file = None;
    }

    fn opened(&mut self) -> Result<&mut File, Error> {
        let file = match self.file.take() {
            Some(file) => file,
            None => OpenOptions::new().append(true).open(&self.path).map_err(Error::file("opening", &self.path))?,
        };
        Ok(self.file.insert(file))
    }

    /// fsync, rename, fsync of the directory: after this the file survives a power cut under its final name.
    pub(crate) fn finish(mut self) -> Result<Pending, Error> {
        self.opened()?.sync_all().map_err(Error::file("syncing", &self.path))?;
        let prefix = self.name.get(..2).unwrap_or("00").to_owned();
        let file = format!("{prefix}/{}", self.name);
        let target = self.blobs.path(&file);
        fs::rename(&self.path, &target).map_err(Error::file("renaming to", &target))?;
        self.finished = true;
        let blob = Blob { file, length: self.length, digest: self.digest.clone().finalize().into() };
        let pending = Pending { blobs: self.blobs.clone(), blob, keep: false };
        sync_directory(&self.blobs.root.join(prefix))?;
        Ok(pending)
    }
}

impl Drop for Growing {
    fn drop(&mut self) {
        if !self.finished
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(event = "temporary_file_left", path = %self.path.display(), %error);
        }
    }
}

impl Pending {
    pub(crate) fn blob(&self) -> &Blob {
        &self.blob
    }

    /// Where the file is.
    pub(crate) fn path(&self) -> PathBuf {
        self.blobs.path(&self.blob.file)
    }

    /// The row is committed, or may be: the file stays. Should the row not be there after all, the file is an orphan
    /// and goes when the store is opened next.
    pub(crate) fn keep(&mut self) {
        self.keep = true;
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.keep
            && let Err(error) = self.blobs.remove(&self.blob.file)
        {
            tracing::warn!(event = "unused_blob_left", error = &error as &dyn std::error::Error);
        }
    }
}

/// Reads a whole blob through `sink` and checks that it is what was written.
pub(crate) fn read_through(
    path: &Path,
    length: u64,
    digest: &[u8],
    mut sink: impl FnMut(&[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut file = File::open(path).map_err(Error::file("opening", path))?;
    let mut hash = Sha256::new();
    let mut total = 0u64;
    let mut buffer = vec![0u8; CHUNK];
    loop {
        let read = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Error::file("reading", path)(error)),
        };
        let Some(bytes) = buffer.get(..read) else { break };
        hash.update(bytes);
        total = total.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        sink(bytes)?;
    }
    if total != length || hash.finalize().as_slice() != digest {
        return Err(Error::Damaged("a blob is not what was written"));
    }
    Ok(())
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let list = fs::read_dir(directory).map_err(Error::file("listing", directory))?;
    list.map(|entry| entry.map(|e| e.path()).map_err(Error::file("listing", directory))).collect()
}

fn modified(path: &Path) -> Result<Timestamp, Error> {
    let time = fs::metadata(path).and_then(|m| m.modified()).map_err(Error::file("inspecting", path))?;
    let millis = time.duration_since(UNIX_EPOCH).map_or(0, |age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
    Ok(Timestamp::from_unix_millis(millis))
}

pub(crate) fn make_directory(path: &Path) -> Result<(), Error> {
    // 0700: originals are hostile and confidential at the same time.
    match DirBuilder::new().recursive(true).mode(0o700).create(path) {
        Ok(()) => Ok(()),
        Err(error) => Err(Error::file("making the directory", path)(error)),
    }
}

pub(crate) fn sync_directory(path: &Path) -> Result<(), Error> {
    File::open(path).and_then(|directory| directory.sync_all()).map_err(Error::file("syncing the directory", path))
}

pub(crate) const CHUNK: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn blobs() -> (tempfile::TempDir, Arc<Blobs>) {
        let directory = tempfile::tempdir().unwrap();
        let blobs = Arc::new(Blobs::open(directory.path()).unwrap());
        (directory, blobs)
    }

    fn stored(blobs: &Arc<Blobs>, bytes: &[u8]) -> Pending {
        let mut growing = blobs.create().unwrap();
        growing.write(bytes).unwrap();
        growing.finish().unwrap()
    }

    #[test]
    fn a_kept_blob_reads_back_and_an_unkept_one_is_removed() {
        let (_directory, blobs) = blobs();
        let mut kept = stored(&blobs, b"hello");
        kept.keep();
        let blob = kept.blob().clone();
        drop(kept);
        let mut back = Vec::new();
        read_through(&blobs.path(&blob.file), 5, &blob.digest, |b| {
            back.extend_from_slice(b);
            Ok(())
        })
        .unwrap();
        assert_eq!(back, b"hello");

        let dropped = stored(&blobs, b"gone").blob().clone();
        assert!(!blobs.path(&dropped.file).exists());
    }

    #[test]
    fn a_file_that_was_closed_between_pieces_goes_on_where_it_was() {
        let (_directory, blobs) = blobs();
        let mut growing = blobs.create().unwrap();
        for piece in [&b"one "[..], b"two ", b"three"] {
            growing.write(piece).unwrap();
            growing.close();
            assert!(growing.file.is_none());
        }
        let mut pending = growing.finish().unwrap();
        pending.keep();
        assert_eq!(fs::read(blobs.path(&pending.blob().file)).unwrap(), b"one two three");
        assert_eq!(pending.blob().digest, <[u8; 32]>::from(Sha256::digest(b"one two three")));
    }

    #[test]
    fn an_abandoned_write_leaves_nothing() {
        let (directory, blobs) = blobs();
        let mut growing = blobs.create().unwrap();
        growing.write(b"half").unwrap();
        drop(growing);
        assert_eq!(fs::read_dir(directory.path().join("incoming")).unwrap().count(), 0);
    }

    #[test]
    fn a_flipped_byte_is_noticed() {
        let (_directory, blobs) = blobs();
        let mut kept = stored(&blobs, b"hello");
        kept.keep();
        let blob = kept.blob().clone();
        fs::write(blobs.path(&blob.file), b"hellp").unwrap();
        let result = read_through(&blobs.path(&blob.file), 5, &blob.digest, |_| Ok(()));
        assert!(matches!(result, Err(Error::Damaged(_))));
    }

    #[test]
    fn only_old_files_without_a_row_are_orphans() {
        let (_directory, blobs) = blobs();
        let (mut named, mut orphan) = (stored(&blobs, b"1"), stored(&blobs, b"2"));
        named.keep();
        orphan.keep();
        let known = HashSet::from([named.blob().file.clone()]);
        let written = modified(&blobs.path(&orphan.blob().file)).unwrap();
        let grace = Duration::from_secs(3600);
        assert_eq!(blobs.clear_orphans(&known, written, grace).unwrap(), 0);
        assert_eq!(blobs.clear_orphans(&known, written.plus(2 * grace), grace).unwrap(), 1);
        assert!(blobs.path(&named.blob().file).exists());
        assert!(!blobs.path(&orphan.blob().file).exists());
    }
}

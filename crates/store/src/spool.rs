//! Bytes on their way in: memory while they are few, a file when they are many, durable before a row names them.

use std::fmt;
use std::sync::Arc;

use jail::Source;
use sha2::{Digest, Sha256};

use crate::blobs::{Blobs, CHUNK, Growing, Pending};
use crate::content::Content;
use crate::{Error, Store};

/// A growing original. Dropping it leaves nothing behind.
pub struct Spool {
    blobs: Arc<Blobs>,
    inline_bytes: usize,
    /// Everything so far, or what is not yet in the file.
    memory: Vec<u8>,
    file: File,
    fingerprint: Sha256,
    length: u64,
}

/// A finished original, ready for [`Store::accept`]. Large content is already fsynced under its final name; dropping it
/// unaccepted removes that file.
pub struct Spooled {
    pub(crate) body: Body,
    pub(crate) length: u64,
    /// Digest of the content without the trace header, for telling duplicates.
    pub(crate) fingerprint: [u8; 32],
}

/// Content to be stored with a row.
pub(crate) enum Body {
    Inline(Vec<u8>),
    File(Pending),
}

enum File {
    None,
    Open(Growing),
    /// A write failed or was cancelled half-way: what is in the file is not known.
    Lost,
}

impl Spool {
    pub(crate) fn new(blobs: Arc<Blobs>, inline_bytes: usize) -> Self {
        let memory = Vec::new();
        Spool { blobs, inline_bytes, memory, file: File::None, fingerprint: Sha256::new(), length: 0 }
    }

    /// Appends a header that this gateway adds (Received). It is part of the original, but not of what makes two
    /// messages duplicates. Call it before the first [`write`](Self::write).
    pub fn write_trace(&mut self, header: &[u8]) {
        self.memory.extend_from_slice(header);
        self.add_length(header.len());
    }

    /// Appends content. Not cancel-safe: a cancelled write makes [`finish`](Self::finish) fail.
    ///
    /// # Errors
    /// [`Error::Full`] or [`Error::File`] when the content is large and its file cannot be written.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.fingerprint.update(bytes);
        self.memory.extend_from_slice(bytes);
        self.add_length(bytes.len());
        let bound = match self.file {
            File::None => self.inline_bytes,
            File::Open(_) => CHUNK,
            File::Lost => return Err(LOST),
        };
        if self.memory.len() > bound { self.flush().await } else { Ok(()) }
    }

    /// Ends a piece of an original that comes in several with pauses between them: everything so far goes to the file, which is closed,
    /// so that neither memory nor a descriptor is held until the next. Not cancel-safe.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub async fn rest(&mut self) -> Result<(), Error> {
        if !self.memory.is_empty() {
            self.flush().await?;
        }
        self.memory = Vec::new();
        match &mut self.file {
            File::None => {}
            File::Open(growing) => growing.close(),
            File::Lost => return Err(LOST),
        }
        Ok(())
    }

    /// Bytes written so far.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Ends the original. Large content is fsynced, renamed, and its directory fsynced before this returns.
    ///
    /// # Errors
    /// [`Error::Full`] or [`Error::File`] when that fails.
    pub async fn finish(mut self) -> Result<Spooled, Error> {
        let fingerprint = self.fingerprint.clone().finalize().into();
        let body = match self.file {
            File::None => Body::Inline(std::mem::take(&mut self.memory)),
            File::Lost => return Err(LOST),
            File::Open(_) => {
                if !self.memory.is_empty() {
                    self.flush().await?;
                }
                match std::mem::replace(&mut self.file, File::Lost) {
                    File::Open(growing) => Body::File(blocking(move || growing.finish()).await?),
                    File::None | File::Lost => return Err(LOST),
                }
            }
        };
        Ok(Spooled { body, length: self.length, fingerprint })
    }

    async fn flush(&mut self) -> Result<(), Error> {
        let growing = match std::mem::replace(&mut self.file, File::Lost) {
            File::None => None,
            File::Open(growing) => Some(growing),
            File::Lost => return Err(LOST),
        };
        let (blobs, chunk) = (self.blobs.clone(), std::mem::take(&mut self.memory));
        let (growing, mut chunk) = blocking(move || {
            let mut growing = match growing {
                Some(growing) => growing,
                None => blobs.create()?,
            };
            growing.write(&chunk)?;
            Ok((growing, chunk))
        })
        .await?;
        chunk.clear();
        self.memory = chunk;
        self.file = File::Open(growing);
        Ok(())
    }

    fn add_length(&mut self, bytes: usize) {
        self.length = self.length.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }
}

impl Spooled {
    /// Size of the original.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether the original is empty.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The bytes as a room takes them, of what is not to be kept: with this, whatever was written of them goes.
    ///
    /// # Errors
    /// As [`Original::to_source`](crate::Original::to_source).
    pub async fn into_source(self) -> Result<Source, Error> {
        match self.body {
            Body::Inline(bytes) => Content::Inline(bytes.into()).to_source().await,
            Body::File(pending) => {
                let blob = pending.blob();
                let (path, length, digest) = (pending.path(), blob.length, blob.digest.to_vec());
                Content::File { path, length, digest }.to_source().await
            }
        }
    }
}

impl Store {
    /// A new original.
    pub fn spool(&self) -> Spool {
        Spool::new(self.blobs().clone(), self.config().inline_bytes)
    }
}

impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spool({} bytes)", self.length)
    }
}

impl fmt::Debug for Spooled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spooled({} bytes)", self.length)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Body::Inline(bytes) => write!(f, "Inline({} bytes)", bytes.len()),
            Body::File(pending) => write!(f, "File({} bytes)", pending.blob().length),
        }
    }
}

/// Runs file work off the async threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(_) => Err(Error::Closed),
    }
}

const LOST: Error = Error::Invalid("an earlier write of this spool did not finish");

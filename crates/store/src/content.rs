//! Stored bytes, in two types: what came from outside and what a clean room wrote.

use std::fmt;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use jail::{Fresh, Sealed, Source};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use tokio::sync::mpsc;

use crate::blobs::{self, Blobs, Pending};
use crate::codec;
use crate::spool::{Body, blocking};
use crate::sql::{Many, Values};
use crate::writer::Tx;
use crate::{Error, Store};

/// Bytes that came from outside. They may go into a room, or to an operator who asked for exactly them.
#[derive(Debug, Clone)]
pub struct Original(Content);

/// Bytes that a clean room wrote. Delivery and download take nothing else.
#[derive(Debug, Clone)]
pub struct Output(Content);

#[derive(Clone)]
pub(crate) enum Content {
    Inline(Bytes),
    File { path: PathBuf, length: u64, digest: Vec<u8> },
}

impl Original {
    /// Size in bytes.
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes as a room takes them.
    ///
    /// # Errors
    /// [`Error::Damaged`] when they are not what was written, [`Error::File`] when they cannot be read.
    pub async fn to_source(&self) -> Result<Source, Error> {
        self.0.to_source().await
    }

    /// The bytes in pieces, for an operator's download.
    pub fn chunks(&self) -> Chunks {
        self.0.chunks()
    }

    /// All the bytes, if they are at most `most`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when they are more; else as [`to_source`](Self::to_source).
    pub async fn to_bytes(&self, most: u64) -> Result<Bytes, Error> {
        self.0.to_bytes(most).await
    }
}

impl Output {
    /// Size in bytes.
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes as a room takes them: a rebuilt file is drawn in a room like any other.
    ///
    /// # Errors
    /// As [`Original::to_source`].
    pub async fn to_source(&self) -> Result<Source, Error> {
        self.0.to_source().await
    }

    /// The bytes in pieces.
    pub fn chunks(&self) -> Chunks {
        self.0.chunks()
    }

    /// All the bytes, if they are at most `most`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when they are more, [`Error::Damaged`] when they are not what was written.
    pub async fn to_bytes(&self, most: u64) -> Result<Bytes, Error> {
        self.0.to_bytes(most).await
    }
}

/// Stored bytes in pieces of at most 256 KiB. That a file is what was written is known only at its end: after an error
/// the receiver of the pieces must not be told that they were complete.
pub struct Chunks(ChunksState);

enum ChunksState {
    Inline(Option<Bytes>),
    File(mpsc::Receiver<Result<Bytes, Error>>),
    Unread(PathBuf, u64, Vec<u8>),
}

impl Chunks {
    /// The next piece; `None` at the end. Cancel-safe.
    ///
    /// # Errors
    /// [`Error::File`] or [`Error::Damaged`].
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        if let ChunksState::Unread(path, length, digest) = &mut self.0 {
            let (path, length, digest) = (std::mem::take(path), *length, std::mem::take(digest));
            let (sender, receiver) = mpsc::channel(2);
            // The reading thread ends with the file, or when the receiver is dropped.
            tokio::task::spawn_blocking(move || {
                let read = blobs::read_through(&path, length, &digest, |bytes| {
                    sender.blocking_send(Ok(Bytes::copy_from_slice(bytes))).map_err(|_| Error::Closed)
                });
                if let Err(error) = read {
                    drop(sender.blocking_send(Err(error)));
                }
            });
            self.0 = ChunksState::File(receiver);
        }
        match &mut self.0 {
            ChunksState::Inline(bytes) => Ok(bytes.take().filter(|b| !b.is_empty())),
            ChunksState::File(receiver) => receiver.recv().await.transpose(),
            ChunksState::Unread(..) => Ok(None),
        }
    }
}

impl Content {
    pub(crate) fn original(self) -> Original {
        Original(self)
    }

    /// Only for rows that [`Fresh`] bytes were stored in.
    pub(crate) fn output(self) -> Output {
        Output(self)
    }

    /// Reads `bytes, file, length, digest` from column `at` on; `None` when there is no such content.
    pub(crate) fn from_row(row: &SqliteRow, at: usize, blobs: &Blobs) -> Result<Option<Content>, Error> {
        let get = Error::database("reading content");
        let columns = || -> Result<_, sqlx::Error> {
            let bytes: Option<Vec<u8>> = row.try_get(at)?;
            let file: Option<String> = row.try_get(at + 1)?;
            let length: Option<i64> = row.try_get(at + 2)?;
            let digest: Option<Vec<u8>> = row.try_get(at + 3)?;
            Ok((bytes, file, length, digest))
        };
        match columns().map_err(get)? {
            (Some(bytes), None, Some(_), _) => Ok(Some(Content::Inline(bytes.into()))),
            (None, Some(file), Some(length), Some(digest)) => {
                Ok(Some(Content::File { path: blobs.path(&file), length: codec::unsigned(length), digest }))
            }
            (None, None, None, None) => Ok(None),
            _ => Err(Error::Damaged("a content row")),
        }
    }

    fn len(&self) -> u64 {
        match self {
            Content::Inline(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            Content::File { length, .. } => *length,
        }
    }

    fn chunks(&self) -> Chunks {
        Chunks(match self {
            Content::Inline(bytes) => ChunksState::Inline(Some(bytes.clone())),
            Content::File { path, length, digest } => ChunksState::Unread(path.clone(), *length, digest.clone()),
        })
    }

    pub(crate) async fn to_source(&self) -> Result<Source, Error> {
        let len = self.len();
        let sealed = match self.clone() {
            // A memfd of a small mail costs a few microseconds: less than handing it to another thread.
            Content::Inline(bytes) => Sealed::from_bytes(&bytes).map_err(Error::file("sealing", "memfd"))?,
            file @ Content::File { .. } => {
                blocking(move || {
                    let mut writer = Sealed::builder().map_err(Error::file("making", "memfd"))?;
                    file.each(|bytes| writer.write_all(bytes).map_err(Error::file("filling", "memfd")))?;
                    writer.seal().map_err(Error::file("sealing", "memfd"))
                })
                .await?
            }
        };
        Ok(Source { data: Arc::new(sealed), offset: 0, len })
    }

    async fn to_bytes(&self, most: u64) -> Result<Bytes, Error> {
        if self.len() > most {
            return Err(Error::Invalid("more bytes than asked for"));
        }
        match self.clone() {
            Content::Inline(bytes) => Ok(bytes),
            file @ Content::File { .. } => {
                blocking(move || {
                    let mut all = Vec::with_capacity(usize::try_from(file.len()).unwrap_or(0));
                    file.each(|bytes| {
                        all.extend_from_slice(bytes);
                        Ok(())
                    })?;
                    Ok(all.into())
                })
                .await
            }
        }
    }

    fn each(&self, mut sink: impl FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error> {
        match self {
            Content::Inline(bytes) => sink(bytes),
            Content::File { path, length, digest } => blobs::read_through(path, *length, digest, sink),
        }
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Content::Inline(bytes) => write!(f, "Inline({} bytes)", bytes.len()),
            Content::File { length, .. } => write!(f, "File({length} bytes)"),
        }
    }
}

impl Store {
    /// Copies what a clean room wrote into memory or a durable file.
    pub(crate) async fn keep_fresh(&self, fresh: Fresh) -> Result<Body, Error> {
        let len = fresh.len();
        self.keep(fresh.sealed().clone(), 0, len).await
    }

    /// Copies an original, or the part of one, into memory or a durable file.
    pub(crate) async fn keep_source(&self, source: Source) -> Result<Body, Error> {
        self.keep(source.data, source.offset, source.len).await
    }

    async fn keep(&self, sealed: Arc<Sealed>, offset: u64, len: u64) -> Result<Body, Error> {
        let inline = u64::try_from(self.config().inline_bytes).unwrap_or(u64::MAX);
        if len <= inline {
            let mut bytes = vec![0u8; usize::try_from(len).unwrap_or(0)];
            read_full(&sealed, &mut bytes, offset)?;
            return Ok(Body::Inline(bytes));
        }
        let blobs = self.blobs().clone();
        blocking(move || {
            let mut growing = blobs.create()?;
            let mut buffer = vec![0u8; blobs::CHUNK];
            let mut done = 0u64;
            while done < len {
                let count = usize::try_from(len - done).unwrap_or(usize::MAX).min(buffer.len());
                let Some(piece) = buffer.get_mut(..count) else { break };
                read_full(&sealed, piece, offset.saturating_add(done))?;
                growing.write(piece)?;
                done = done.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
            }
            Ok(Body::File(growing.finish()?))
        })
        .await
    }
}

impl Body {
    pub(crate) fn len(&self) -> i64 {
        match self {
            Body::Inline(bytes) => i64::try_from(bytes.len()).unwrap_or(i64::MAX),
            Body::File(pending) => codec::signed(pending.blob().length),
        }
    }

    pub(crate) fn keep(&mut self) {
        if let Body::File(pending) = self {
            pending.keep();
        }
    }

    fn pending(&self) -> Option<&Pending> {
        match self {
            Body::Inline(_) => None,
            Body::File(pending) => Some(pending),
        }
    }
}

pub(crate) fn bind(values: &mut Values, id: i64, body: &Body, length: i64) {
    let blob = body.pending().map(Pending::blob);
    let inline = match body {
        Body::Inline(bytes) => Some(bytes.as_slice()),
        Body::File(_) => None,
    };
    values.add(id).add(inline).add(blob.map(|b| b.file.as_str())).add(length).add(blob.map(|b| b.digest.as_slice()));
}

/// Removes content that nothing else names; its file goes after the commit.
pub(crate) async fn remove(tx: &mut Tx, content: i64, files: &mut Vec<String>) -> Result<(), Error> {
    let row: Option<(Option<String>,)> = sqlx::query_as(
        "DELETE FROM content WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM quarantine WHERE content = ?1 AND state < 2)
         RETURNING file",
    )
    .bind(content)
    .fetch_optional(&mut tx.connection)
    .await
    .map_err(Error::database("removing content"))?;
    files.extend(row.and_then(|(file,)| file));
    Ok(())
}

pub(crate) static INSERT: Many = Many {
    doing: "inserting content",
    head: "INSERT INTO content (id, bytes, file, length, digest) VALUES ",
    columns: 5,
    tail: "",
};

fn read_full(sealed: &Sealed, buffer: &mut [u8], offset: u64) -> Result<(), Error> {
    let mut done = 0usize;
    while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
        let at = offset.saturating_add(u64::try_from(done).unwrap_or(u64::MAX));
        match sealed.read_at(rest, at).map_err(Error::file("reading", "memfd"))? {
            0 => return Err(Error::Invalid("a range beyond the end of its source")),
            read => done = done.saturating_add(read),
        }
    }
    Ok(())
}

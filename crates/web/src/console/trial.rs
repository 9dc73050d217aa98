//! A fresh file for the trial of a draft: taken in by stream, handed over for the rooms, and gone.

use std::{sync::Arc, time::Duration};

use axum::{extract::Request, http::header};
use engine::Source;
use form::name::FileName;
use futures_util::StreamExt;
use store::{Spool, Store};
use tokio::time::{Instant, timeout, timeout_at};

use crate::{
    fault::Fault,
    multipart::{Splitter, Step},
    people::Visitor,
};

/// What was sent.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) draft: String,
    pub(super) file: SentFile,
}

/// The file that was sent.
#[derive(Debug)]
pub(super) enum SentFile {
    /// None was chosen, or it is empty.
    None,
    /// It has more than [`MOST`] bytes.
    TooLarge,
    Whole(FileName, Source),
}

/// Reads the form of a trial: its token, the draft, one file. Nothing of a file is taken before the form has shown that it is ours, and
/// whatever was written of it is gone when this returns.
pub(super) async fn read(store: &Store, visitor: &Visitor, request: Request) -> Result<Sent, Fault> {
    let (parts, body) = request.into_parts();
    let kind =
        parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).ok_or(Fault::BadRequest)?;
    let mut splitter = Splitter::new(kind).map_err(|_| Fault::BadRequest)?;
    let mut form = Form { store, visitor, current: Current::Ignored, is_ours: false, draft: String::new(), file: None };
    let mut stream = body.into_data_stream();
    let end = Instant::now() + LONGEST;
    loop {
        let next = timeout_at(end, timeout(SILENCE, stream.next())).await;
        let chunk = next.map_err(|_| Fault::Timeout)?.map_err(|_| Fault::Timeout)?;
        let Some(chunk) = chunk else { break };
        splitter.feed(&chunk.map_err(|_| Fault::BadRequest)?);
        loop {
            match splitter.step().map_err(|_| Fault::BadRequest)? {
                Step::Feed | Step::End => break,
                Step::Part(header) => form.begin(&header.name, header.file_name)?,
                Step::Data(data) => form.data(&data).await?,
                Step::PartEnd => form.end()?,
            }
        }
    }
    splitter.finish().map_err(|_| Fault::BadRequest)?;
    form.finish().await
}

/// The form as far as it was read.
struct Form<'a> {
    store: &'a Store,
    visitor: &'a Visitor,
    current: Current,
    is_ours: bool,
    draft: String,
    file: Option<Current>,
}

/// The part that is being read.
enum Current {
    Ignored,
    Token(Vec<u8>),
    Draft(Vec<u8>),
    File(String, Box<Spool>),
    /// A file that is longer than may be. The rest of it is read, so that its sender reads why.
    TooLarge(u64),
}

impl Form<'_> {
    fn begin(&mut self, name: &str, file_name: Option<String>) -> Result<(), Fault> {
        self.current = match (name, file_name) {
            ("form_token", None) => Current::Token(Vec::new()),
            ("draft", None) => Current::Draft(Vec::new()),
            ("file", Some(name)) if self.file.is_none() => {
                if !self.is_ours {
                    return Err(Fault::FormToken);
                }
                Current::File(name, Box::new(self.store.spool()))
            }
            _ => Current::Ignored,
        };
        Ok(())
    }

    async fn data(&mut self, data: &[u8]) -> Result<(), Fault> {
        let length = u64::try_from(data.len()).unwrap_or(u64::MAX);
        match &mut self.current {
            Current::Ignored => {}
            Current::Token(value) | Current::Draft(value) => {
                if value.len().saturating_add(data.len()) > FIELD_BYTES {
                    return Err(Fault::TooLarge);
                }
                value.extend_from_slice(data);
            }
            Current::File(_, spool) => {
                let sum = spool.len().saturating_add(length);
                if sum > MOST {
                    self.current = Current::TooLarge(sum);
                } else {
                    spool.write(data).await?;
                }
            }
            Current::TooLarge(sum) => {
                *sum = sum.saturating_add(length);
                // Far over the limit there is nobody who waits for a page.
                if *sum > MOST.saturating_mul(2) {
                    return Err(Fault::TooLarge);
                }
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Fault> {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).map_err(|_| Fault::BadRequest);
        match std::mem::replace(&mut self.current, Current::Ignored) {
            Current::Ignored => {}
            Current::Token(value) => {
                self.visitor.proved(&text(value)?)?;
                self.is_ours = true;
            }
            Current::Draft(value) => self.draft = text(value)?,
            file @ (Current::File(..) | Current::TooLarge(_)) => self.file = Some(file),
        }
        Ok(())
    }

    async fn finish(self) -> Result<Sent, Fault> {
        if !self.is_ours {
            return Err(Fault::FormToken);
        }
        let file = match self.file {
            Some(Current::File(name, spool)) if !spool.is_empty() => {
                let source = spool.finish().await?.into_source().await?;
                SentFile::Whole(FileName::rebuild(&name).0, source)
            }
            Some(Current::TooLarge(_)) => SentFile::TooLarge,
            Some(Current::File(..) | Current::Ignored | Current::Token(_) | Current::Draft(_)) | None => SentFile::None,
        };
        Ok(Sent { draft: self.draft, file })
    }
}

/// Trials of files: one at a time, because each waits for two conversions.
pub(super) type Place = Arc<tokio::sync::Mutex<()>>;

/// Longest file of a trial, in bytes.
pub(super) const MOST: u64 = 50 << 20;
/// Longest field; a draft may have 8 KiB.
const FIELD_BYTES: usize = 16 << 10;
/// Longest silence of a client in the middle of a request.
const SILENCE: Duration = Duration::from_secs(30);
/// Longest time for a whole request.
const LONGEST: Duration = Duration::from_secs(10 * 60);

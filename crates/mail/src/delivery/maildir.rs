//! Delivery into a Maildir: what the gateway does before a next hop is configured.
//!
//! One file per recipient in one Maildir. Recipient names become header fields, never paths. A delivery that is repeated after
//! a crash writes the same file again, so nothing is doubled as long as no reader has moved it.

#![allow(clippy::disallowed_methods, reason = "a Maildir is a next hop, as a socket is")]

use std::io;
use std::path::{Path, PathBuf};

use store::{DeliveryTask, DueRecipient, Output};
use tokio::fs::{self, File, OpenOptions};
use tokio::io::AsyncWriteExt;

use crate::address::{Address, Charset};

/// A Maildir (D. J. Bernstein): `tmp`, `new`, `cur`.
#[derive(Clone, Debug)]
pub(super) struct Maildir {
    directory: PathBuf,
    hostname: String,
}

/// Why a message could not be put into the Maildir.
#[derive(Debug, thiserror::Error)]
pub(super) enum MaildirError {
    #[error("{doing} {}", path.display())]
    File {
        doing: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("reading the sanitised mail")]
    Store(#[source] store::Error),
}

impl Maildir {
    /// Opens the Maildir, which is made when it does not exist.
    pub(super) async fn open(directory: &Path, hostname: &str) -> Result<Self, MaildirError> {
        for name in ["tmp", "new", "cur"] {
            let path = directory.join(name);
            fs::create_dir_all(&path).await.map_err(failed("making", &path))?;
        }
        Ok(Self { directory: directory.to_owned(), hostname: sanitised(hostname) })
    }

    /// Writes the message for one recipient; durable when it returns.
    pub(super) async fn deliver(&self, task: &DeliveryTask, recipient: &DueRecipient) -> Result<String, MaildirError> {
        // The same in every attempt: the task of a second attempt may hold fewer recipients, but the address stays.
        let seconds = task.first_queued.unix_millis().div_euclid(1000);
        let name = format!(
            "{seconds}.{}_{:016x}.{}",
            sanitised(task.receipt.as_str()),
            stable(&recipient.address),
            self.hostname
        );
        let (tmp, new) = (self.directory.join("tmp").join(&name), self.directory.join("new").join(&name));
        self.write(&tmp, task, &recipient.address).await?;
        fs::rename(&tmp, &new).await.map_err(failed("renaming", &tmp))?;
        let new_directory = self.directory.join("new");
        let handle = File::open(&new_directory).await.map_err(failed("opening", &new_directory))?;
        handle.sync_all().await.map_err(failed("syncing", &new_directory))?;
        Ok(format!("250 2.0.0 {name}"))
    }

    async fn write(&self, path: &Path, task: &DeliveryTask, recipient: &str) -> Result<(), MaildirError> {
        let open = OpenOptions::new().write(true).create(true).truncate(true).open(path).await;
        let mut file = open.map_err(failed("making", path))?;
        let head = format!(
            "Return-Path: <{}>\nDelivered-To: {}\n",
            shown(task.sender.as_deref().unwrap_or_default()),
            shown(recipient)
        );
        file.write_all(head.as_bytes()).await.map_err(failed("writing", path))?;
        self.copy(&mut file, path, &task.body).await?;
        file.flush().await.map_err(failed("writing", path))?;
        file.sync_all().await.map_err(failed("syncing", path))
    }

    /// Lines in a Maildir end with LF; the message has CR only before LF.
    async fn copy(&self, file: &mut File, path: &Path, body: &Output) -> Result<(), MaildirError> {
        let mut chunks = body.chunks();
        while let Some(chunk) = chunks.next().await.map_err(MaildirError::Store)? {
            let lines: Vec<u8> = chunk.iter().copied().filter(|byte| *byte != b'\r').collect();
            file.write_all(&lines).await.map_err(failed("writing", path))?;
        }
        Ok(())
    }
}

/// The address if it is one, so that no other text can get into a header line.
fn shown(address: &str) -> String {
    Address::parse(address, Charset::Utf8).map(|a| a.wire()).unwrap_or_default()
}

/// A component of a file name made of harmless characters only.
fn sanitised(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.') { c } else { '_' }).collect()
}

/// FNV-1a, whose values do not change between versions of the standard library.
fn stable(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> MaildirError {
    let path = path.to_owned();
    move |source| MaildirError::File { doing, path, source }
}

//! Why the store could not do something, and what the caller should do about it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// What went wrong in the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The disk is full, or less than the configured reserve is free.
    #[error("no space left in the store")]
    Full(#[source] Option<Box<dyn std::error::Error + Send + Sync>>),
    /// The database answered with an error.
    #[error("database: {doing}")]
    Database {
        /// What the store was doing.
        doing: &'static str,
        /// What SQLite said.
        #[source]
        source: sqlx::Error,
    },
    /// The migrations could not be applied.
    #[error("bringing the database to the current schema")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// A file operation failed.
    #[error("{doing} {}", path.display())]
    File {
        /// What the store was doing.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another process has the store open for writing.
    #[error("the store in {} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// The store was opened for reading only.
    #[error("the store was opened for reading only")]
    ReadOnly,
    /// The writer has stopped (the store is closing).
    #[error("the store is closing")]
    Closed,
    /// The job is no longer the caller's: it was finished, given back or claimed anew.
    #[error("the job is no longer held under this generation")]
    Stale,
    /// There is no such row.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// A row with this name exists already.
    #[error("{0} exists already")]
    Exists(&'static str),
    /// After it nobody could administer the gateway any more.
    #[error("the last active administrator")]
    LastAdministrator,
    /// The bytes are gone: their retention has ended.
    #[error("the bytes are no longer kept")]
    Expired,
    /// Stored bytes are not what was written.
    #[error("stored data is damaged: {0}")]
    Damaged(&'static str),
    /// The caller handed in something that cannot be stored.
    #[error("invalid input: {0}")]
    Invalid(&'static str),
    /// The transaction this operation shared with others failed.
    #[error("the transaction failed")]
    Transaction(#[source] Arc<Error>),
    /// No random bytes could be had.
    #[error("random numbers: {0}")]
    Random(getrandom::Error),
}

/// What a caller should do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Try again later; SMTP answers 452 (see [`Error::is_full`]) or 451, HTTP 503.
    Retry,
    /// The request itself cannot be served; trying again does not help.
    Refuse,
    /// A mistake in the program or damaged data: log it and stop this piece of work.
    Bug,
}

impl Error {
    /// What a caller should do about it.
    pub fn class(&self) -> Class {
        match self {
            Error::Transaction(shared) => shared.class(),
            Error::Full(_) | Error::File { .. } | Error::InUse(_) | Error::Closed | Error::Random(_) => Class::Retry,
            Error::Database { .. } => Class::Retry,
            Error::Stale
            | Error::NotFound(_)
            | Error::Exists(_)
            | Error::LastAdministrator
            | Error::Expired
            | Error::Invalid(_)
            | Error::ReadOnly => Class::Refuse,
            Error::Migrate(_) | Error::Damaged(_) => Class::Bug,
        }
    }

    /// Whether the store is out of space (SMTP 452 4.3.1) rather than otherwise unable (451 4.3.0).
    pub fn is_full(&self) -> bool {
        match self {
            Error::Full(_) => true,
            Error::Transaction(shared) => shared.is_full(),
            Error::Database { .. }
            | Error::Closed
            | Error::File { .. }
            | Error::Migrate(_)
            | Error::InUse(_)
            | Error::ReadOnly
            | Error::Stale
            | Error::NotFound(_)
            | Error::Exists(_)
            | Error::LastAdministrator
            | Error::Expired
            | Error::Damaged(_)
            | Error::Invalid(_)
            | Error::Random(_) => false,
        }
    }

    pub(crate) fn file(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Error {
        let path = path.into();
        move |source| match source.kind() {
            // EFBIG is what a process with RLIMIT_FSIZE gets, EDQUOT what a quota gives: space is what is missing.
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Error::Full(Some(Box::new(source)))
            }
            _ => Error::File { doing, path, source },
        }
    }

    pub(crate) fn database(doing: &'static str) -> impl FnOnce(sqlx::Error) -> Error {
        move |source| match primary_code(&source) {
            Some(SQLITE_FULL) => Error::Full(Some(Box::new(source))),
            _ => Error::Database { doing, source },
        }
    }

    /// Whether the same statement would fail for every other operation too (disk, memory, corruption).
    pub(crate) fn is_systemic(&self) -> bool {
        match self {
            Error::Full(_) | Error::Closed => true,
            Error::Database { source, .. } => match primary_code(source) {
                Some(code) => {
                    matches!(code, SQLITE_IOERR | SQLITE_NOMEM | SQLITE_CORRUPT | SQLITE_READONLY | SQLITE_CANTOPEN)
                }
                None => true,
            },
            Error::File { .. }
            | Error::Migrate(_)
            | Error::InUse(_)
            | Error::ReadOnly
            | Error::Stale
            | Error::NotFound(_)
            | Error::Exists(_)
            | Error::LastAdministrator
            | Error::Expired
            | Error::Damaged(_)
            | Error::Invalid(_)
            | Error::Random(_)
            | Error::Transaction(_) => false,
        }
    }
}

/// SQLite's primary result code (the low byte of the extended one).
fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let sqlx::Error::Database(database) = error else { return None };
    database.code()?.parse::<u32>().ok().map(|code| code & 0xff)
}

const SQLITE_NOMEM: u32 = 7;
const SQLITE_READONLY: u32 = 8;
const SQLITE_IOERR: u32 = 10;
const SQLITE_CORRUPT: u32 = 11;
const SQLITE_FULL: u32 = 13;
const SQLITE_CANTOPEN: u32 = 14;

//! What can go wrong in a dirty room, and the refusal that each answers.

use std::io;

use form::codec::{DecodeError, EncodeError};
use form::{Reason, Refusal};

/// Why a file was not turned into a form.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The gateway's parameters could not be read.
    #[error("reading the job")]
    Job(#[source] DecodeError),
    /// The file was refused.
    #[error("the file was refused")]
    Refused(#[source] Refusal),
    /// The form could not be written.
    #[error("writing the form")]
    Form(#[source] EncodeError),
    /// The spill could not be written.
    #[error("writing the spill")]
    Spill(#[source] io::Error),
}

impl Error {
    /// What is reported of it. A room may not say of itself that it has failed, only the gateway may; so a job that makes no
    /// sense is told as an invalid form, and a spill that takes no more as a limit.
    pub fn refusal(&self) -> Refusal {
        match self {
            Error::Job(_) => Refusal::plain(Reason::FormInvalid),
            Error::Refused(refusal) => *refusal,
            Error::Form(error) => error.refusal(),
            Error::Spill(_) => Refusal::plain(Reason::LimitSpillBytes),
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Error {
        Error::Refused(refusal)
    }
}

impl From<Reason> for Error {
    fn from(reason: Reason) -> Error {
        Error::Refused(Refusal::plain(reason))
    }
}

impl From<EncodeError> for Error {
    fn from(error: EncodeError) -> Error {
        Error::Form(error)
    }
}

/// Refuses when `value` is greater than `limit`.
pub(crate) fn within(reason: Reason, limit: u64, value: u64) -> Result<(), Error> {
    if value > limit { Err(Refusal::limit(reason, limit, value).into()) } else { Ok(()) }
}

/// The length of something in memory, which always fits 64 bits.
pub(crate) fn size(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

//! What can go wrong in a clean room, and the refusal that each answers.

use std::io;

use form::codec::{DecodeError, EncodeError};
use form::{Reason, Refusal};

/// Why no file was written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The gateway's parameters could not be read.
    #[error("reading the job")]
    Job(#[source] DecodeError),
    /// The form or bundle is not valid.
    #[error("reading the form")]
    Form(#[source] DecodeError),
    /// The verified form could not be written again.
    #[error("writing the form again")]
    Again(#[source] EncodeError),
    /// The file could not be written, or would have passed a limit.
    #[error("writing the file")]
    Write(#[source] io::Error),
    /// A limit was passed.
    #[error("the file was refused")]
    Refused(#[source] Refusal),
}

impl Error {
    /// What is reported of it. A room may not say of itself that it has failed, only the gateway may; so a job that makes no
    /// sense is told as an invalid form, and an output that takes no more as a limit.
    pub fn refusal(&self) -> Refusal {
        match self {
            Error::Job(_) => Refusal::plain(Reason::FormInvalid),
            Error::Form(error) => error.refusal(),
            Error::Again(error) => error.refusal(),
            Error::Write(_) => Refusal::plain(Reason::LimitOutputBytes),
            Error::Refused(refusal) => *refusal,
        }
    }
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Error {
        Error::Form(error)
    }
}

impl From<EncodeError> for Error {
    fn from(error: EncodeError) -> Error {
        Error::Again(error)
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        Error::Write(error)
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

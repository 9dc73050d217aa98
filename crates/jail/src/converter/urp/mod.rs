//! The remote protocol of UNO (URP), as much of it as loading and storing a document takes.
//!
//! LibreOffice runs in the same process and is spoken to over a socket, because that is the one interface of it that names a
//! filter, takes a password and says what went wrong, needs no C++, and has not changed since 2011. Neither side guards
//! anything from the other here: both are inside the room. Decoding is total all the same, so that nonsense is an error.
//!
//! The protocol is described in the OpenOffice.org Developer's Guide under "UNO Remote Protocol".

mod call;
mod marshal;

pub(super) use call::{Failure, Link, Object};
pub(super) use marshal::{Property, Setting};

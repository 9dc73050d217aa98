//! The form to fresh bytes.
//!
//! This crate runs in the clean room and nowhere else. It decodes a document of the [form], which verifies it, and writes a
//! new file from the values alone, one module per format; or it takes a bundle of finished parts and writes the mail or
//! archive that holds them. It never sees a byte of the original.
//!
//! It must never open a file, a socket or a process, never write anything that it was not given as a typed value, and never
//! report success before the whole form has been verified: a caller drops the output of a run that failed. Whatever must be
//! true of an output for the reader's safety is made true here, not believed of the dirty room: cells that a spreadsheet
//! would run are neutralised by [`csv`], names in archives were parsed as clean names by the decoder.
//!
//! Start at [`run`].

#![forbid(unsafe_code)]

mod container;
mod csv;
mod deflate;
mod directory;
mod error;
mod image;
mod mail;
mod office;
mod output;
mod pdf;
mod room;
mod text;

pub use error::Error;
pub use room::{Input, run};

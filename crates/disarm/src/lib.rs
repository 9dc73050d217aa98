//! Hostile bytes to the form.
//!
//! This crate runs in the dirty room and nowhere else. It takes one file, finds out what it really is, reads it and writes
//! what it says as a document of the [form]; containers are taken apart and their members, still hostile, are written
//! to the spill for further rooms. Whoever calls it takes it to be hijacked by the file it reads: nothing that it writes is
//! believed before the form's verifier has seen it, and nothing in the spill goes anywhere but into another dirty room.
//!
//! It must never open a file, a socket or a process, keep anything between two files, or hand on bytes of the input as
//! they are except into the spill. Where a structure can be read in two ways it refuses; it does not guess.
//!
//! Start at [`run`]. `detect` says what a file is; one module per format reads it: `mail`, `text`, `csv`, `image`, `pdf`,
//! `office`, `zip`, `archive`, `ichitaro`, `legacy`, `msg`, `tnef`, `directory`, `markup`.

#![forbid(unsafe_code)]

pub mod charset;
pub mod html;
pub mod mail;

mod archive;
mod compound;
mod csv;
mod dbf;
mod detect;
mod directory;
mod embedded;
mod error;
mod fonts;
mod ichitaro;
mod image;
mod legacy;
mod mapi;
mod markup;
mod msg;
mod office;
mod ole_object;
mod packbits;
mod pdf;
mod room;
mod smime;
mod text;
mod tnef;
mod zip;

pub use error::Error;
pub use fonts::{FontBytes, FontFile, Fonts, Script, Wish};
pub use image::PANIC_ON_DAMAGE;
pub use room::{PagesDone, Refused, run, run_telling};

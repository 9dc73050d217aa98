//! The form: all that may cross from a dirty room to a clean one.
//!
//! A dirty room parses one hostile file and is taken to be hijacked by it. Whatever it then sends is decoded here, so this
//! crate is the most attacked code of the product and is kept small for that reason: a closed set of types that cannot hold
//! a script, an action, a font program or a byte copied through, a framed [codec](codec) whose decoder is total (any bytes
//! give a value or an error), and one [`Limits`](limits::Limits) that bounds every count, size and total before memory is
//! taken for it. What passes can be wrong content; it cannot be active content.
//!
//! It must never know a file format, do input or output of its own, recurse, or trust a length that it was told.
//!
//! Start at [`codec`]: [`Encoder`](codec::Encoder) and [`Decoder`](codec::Decoder) share one verifier, so that a stream which
//! the encoder writes is a stream which the decoder takes. [`text`] and [`name`] hold the Unicode policy, [`percent`] how names are written where
//! only ASCII may stand. [`job`], [`report`]
//! and [`bundle`] are what the gateway hands to a room and gets back beside the form itself.

#![forbid(unsafe_code)]

pub mod book_names;
pub mod bundle;
pub mod calendar;
pub mod card;
pub mod civil;
pub mod codec;
pub mod container;
pub mod detected;
pub mod document;
pub mod image;
pub mod job;
pub mod limits;
pub mod link;
pub mod mail;
pub mod name;
pub mod office;
pub mod pages;
pub mod percent;
pub mod reason;
pub mod report;
pub mod table;
pub mod text;

mod wire;

pub use codec::Kind;
pub use detected::DetectedType;
pub use limits::Limits;
pub use reason::{Class, Finding, Findings, Place, Reason, Refusal};

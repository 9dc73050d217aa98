//! The two legs of a mail's journey: SMTP intake on the internet leg and delivery on the LGWAN leg.
//!
//! [`intake`] takes mail from the outside, checks every byte of the SMTP dialogue against a strict grammar, and answers
//! 250 only when the store has made the message durable. [`delivery`] takes what the rooms have written out of the store
//! and hands it to the next mail server, recipient by recipient. The two do not know each other: they meet only in the
//! store, so that they can run as two processes on two hosts.
//!
//! What this crate must never do: parse the content of a message (header fields, MIME). It frames lines, and that is all.
//!
//! Start with [`address`] and [`intake::grammar`], which know nothing of sockets, then `intake::session` (what a command
//! does), then the thin shells around them.

#![forbid(unsafe_code)]

pub mod address;
pub mod delivery;
pub mod intake;
pub mod line_ends;
pub mod observer;

//! Mails built to hurt, sent to a real gateway: each arrives as text with an account, or as a notice, or is refused at SMTP with the
//! right code. Nothing crashes, nothing is dropped silently, and an ordinary mail passes afterwards.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    unreachable_pub,
    missing_docs,
    reason = "a test says what went wrong by failing, and starts the programs it needs"
)]

mod files;
mod header;
mod kit;
mod load;
mod smtp;
mod structure;
#[path = "../support/mod.rs"]
mod support;

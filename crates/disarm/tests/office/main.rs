//! Documents of Office through both rooms: what crosses, what does not, and what is told of it.

#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails where it fails"
)]

mod charts;
mod content;
mod controls;
mod fields;
mod formulas;
mod kit;
mod links;
mod objects;
mod package;
#[path = "../package_kit/mod.rs"]
mod package_kit;
mod pictures;
mod protection;
mod references;
#[path = "../rooms/mod.rs"]
mod rooms;

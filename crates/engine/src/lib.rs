//! One file or mail from bytes to verdict.

#![forbid(unsafe_code)]

pub mod catalogue;

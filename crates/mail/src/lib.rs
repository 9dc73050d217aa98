//! mail.

#![forbid(unsafe_code)]

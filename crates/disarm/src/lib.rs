//! disarm.

#![forbid(unsafe_code)]

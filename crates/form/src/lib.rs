//! form.

#![forbid(unsafe_code)]

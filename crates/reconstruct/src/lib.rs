//! reconstruct.

#![forbid(unsafe_code)]

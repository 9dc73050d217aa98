//! Any package: a document, or a refusal; what the dirty room writes of it the clean room takes, and what comes out can be
//! read again. Input that begins with `PK` is a package as it is, anything else a script of one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use misogi_fuzz::{package, through_both_rooms};

fuzz_target!(|data: &[u8]| {
    if data.starts_with(b"PK") {
        through_both_rooms(data, "a.docx");
    } else {
        through_both_rooms(&package::assembled(data), "a.docx");
    }
});

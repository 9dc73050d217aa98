//! Any compound file, encrypted documents above all: a document, or a refusal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use misogi_fuzz::through_both_rooms;

fuzz_target!(|data: &[u8]| {
    let mut bytes = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec();
    bytes.extend(data.strip_prefix(bytes.as_slice()).unwrap_or(data));
    through_both_rooms(&bytes, "a.docx");
});

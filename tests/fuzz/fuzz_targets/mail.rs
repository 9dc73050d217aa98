//! A mail of any bytes: a form that the clean room takes, or a refusal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use misogi_fuzz::{clean, dirty, is_limit};

fuzz_target!(|data: &[u8]| {
    // Without a start that looks like a mail most inputs would be taken for something else.
    let bytes = [b"From: a@example.jp\nTo: b@example.jp\nMIME-Version: 1.0\n".as_slice(), data].concat();
    if let Ok(form) = dirty(&bytes, "a.eml") {
        let taken = clean(&form);
        assert!(taken.is_ok() || taken.is_err_and(|refusal| is_limit(&refusal)), "a form of the dirty room is refused");
    }
});

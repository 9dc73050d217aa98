//! HTML of any kind: a text that is not much longer than what it came from.
#![no_main]

use libfuzzer_sys::fuzz_target;
use misogi_fuzz::{clean, dirty, is_limit};

fuzz_target!(|data: &[u8]| {
    let head = b"From: a@example.jp\nTo: b@example.jp\nSubject: x\nContent-Type: text/html; charset=utf-8\n\n<html>";
    if let Ok(form) = dirty(&[head.as_slice(), data].concat(), "a.eml") {
        let taken = clean(&form);
        assert!(taken.is_ok() || taken.is_err_and(|refusal| is_limit(&refusal)), "a form of the dirty room is refused");
    }
});

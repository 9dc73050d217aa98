//! An archive of any format (its first bytes say which): a form that the clean room takes, or a refusal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use misogi_fuzz::{clean, dirty, is_limit};

fuzz_target!(|data: &[u8]| {
    if let Ok(form) = dirty(data, "a.bin") {
        let taken = clean(&form);
        assert!(taken.is_ok() || taken.is_err_and(|refusal| is_limit(&refusal)), "a form of the dirty room is refused");
    }
});

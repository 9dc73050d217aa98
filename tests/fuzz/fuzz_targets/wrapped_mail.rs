//! A mail with the wrappers that are opened inside of it (TNEF, S/MIME, uuencode, yEnc, armour): a mail, or a refusal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use misogi_fuzz::{clean, dirty, is_limit};

fuzz_target!(|data: &[u8]| {
    let head = match data.first().map(|byte| byte % 4) {
        Some(0) => "Content-Type: application/ms-tnef\n\n",
        Some(1) => "Content-Type: application/pkcs7-mime\n\n",
        Some(2) => "Content-Type: text/plain\n\n",
        _ => "",
    };
    let bytes = [
        format!("From: a@example.jp\nTo: b@example.jp\nSubject: x\n{head}").as_bytes(),
        data.get(1..).unwrap_or_default(),
    ]
    .concat();
    if let Ok(form) = dirty(&bytes, "a.eml") {
        let taken = clean(&form);
        assert!(taken.is_ok() || taken.is_err_and(|refusal| is_limit(&refusal)));
    }
});

//! TNEF, or a compound file as Outlook saves messages: a mail, or a refusal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use misogi_fuzz::{clean, dirty, is_limit};

fuzz_target!(|data: &[u8]| {
    let (name, start) = match data.first() {
        Some(byte) if byte & 1 == 1 => ("winmail.dat", b"\x78\x9f\x3e\x22".as_slice()),
        _ => ("a.msg", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".as_slice()),
    };
    let rest = data.get(1..).unwrap_or_default();
    let bytes = [start, rest.strip_prefix(start).unwrap_or(rest)].concat();
    // Of a mail both rooms make a form, which is no file to read again.
    if let Ok(form) = dirty(&bytes, name) {
        let taken = clean(&form);
        assert!(taken.is_ok() || taken.is_err_and(|refusal| is_limit(&refusal)));
    }
});

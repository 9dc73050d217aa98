//! Calendars and address cards: a text, or a refusal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use misogi_fuzz::{clean, dirty, is_limit};

fuzz_target!(|data: &[u8]| {
    let (name, start) = match data.first() {
        Some(byte) if byte & 1 == 1 => ("a.ics", b"BEGIN:VCALENDAR\n".as_slice()),
        _ => ("a.vcf", b"BEGIN:VCARD\n".as_slice()),
    };
    let bytes = [start, data.get(1..).unwrap_or_default()].concat();
    if let Ok(form) = dirty(&bytes, name) {
        let taken = clean(&form);
        assert!(taken.is_ok() || taken.is_err_and(|refusal| is_limit(&refusal)));
    }
});

//! Any form of an Office document to the clean room: a file or a refusal. What comes out is a package that a reader of packages
//! takes. Input that begins with `MSG` is a form as it is; anything else is a script of frames whose lengths are right.
#![no_main]

use form::Reason;
use libfuzzer_sys::fuzz_target;
use misogi_fuzz::{clean, dirty};

fuzz_target!(|data: &[u8]| {
    let form = if data.starts_with(b"MSG") { data.to_vec() } else { assembled(data) };
    let Ok(file) = clean(&form) else { return };
    if file.starts_with(b"PK")
        && let Err(refusal) = dirty(&file, "a.docx")
    {
        assert_ne!(refusal.reason, Reason::Malformed, "a file that is no package was written");
    }
});

/// Kind, then frames of tag, 16-bit length and payload.
fn assembled(script: &[u8]) -> Vec<u8> {
    let mut bytes = b"MSGFORM\x01".to_vec();
    let Some((kind, mut rest)) = script.split_first() else { return bytes };
    bytes.extend([7 + kind % 3, 1, b'x']);
    while let Some((head, more)) = rest.split_first_chunk::<3>() {
        let len = usize::from(u16::from_le_bytes([head[1], head[2]])).min(more.len());
        let (payload, more) = more.split_at(len);
        bytes.push(head[0]);
        bytes.extend((len as u32).to_le_bytes());
        bytes.extend(payload);
        rest = more;
    }
    bytes.extend([255, 0, 0, 0, 0]);
    bytes
}

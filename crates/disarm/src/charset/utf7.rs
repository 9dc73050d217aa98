//! UTF-7 (RFC 2152). Read only where a label declares it: sniffed UTF-7 was a way to smuggle markup past filters.

use encoding_rs::UTF_16BE;

use super::Sink;

pub(super) fn decode(bytes: &[u8], sink: &mut Sink<'_>) {
    let mut rest = bytes;
    while let Some((&first, tail)) = rest.split_first() {
        if first != b'+' {
            if first.is_ascii() {
                sink.text.push(char::from(first));
            } else {
                sink.bad();
            }
            rest = tail;
            continue;
        }
        let length = tail.iter().position(|b| sextet(*b).is_none()).unwrap_or(tail.len());
        let (shifted, after) = tail.split_at_checked(length).unwrap_or((tail, &[]));
        if shifted.is_empty() && after.first() == Some(&b'-') {
            sink.text.push('+');
        } else {
            sink.run(UTF_16BE, &unpack(shifted));
        }
        rest = after.strip_prefix(b"-").unwrap_or(after);
    }
}

/// Base64 digits to whole 16-bit units; the padding bits of the last digit are dropped as RFC 2152 says.
fn unpack(digits: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(digits.len());
    let mut bits: u32 = 0;
    let mut held: u32 = 0;
    for digit in digits.iter().filter_map(|b| sextet(*b)) {
        bits = ((bits << 6) | u32::from(digit)) & 0x003F_FFFF;
        held += 6;
        if held >= 16 {
            held -= 16;
            let unit = u16::try_from((bits >> held) & 0xFFFF).unwrap_or_default();
            out.extend_from_slice(&unit.to_be_bytes());
        }
    }
    out
}

fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

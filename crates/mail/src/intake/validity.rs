//! When a certificate ends (RFC 5280 section 4.1.2.5): as much of DER as it takes to get there.
//!
//! It reads the operator's own file, to tell the operator in time. Nothing is decided by it.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use store::Timestamp;

/// When the first certificate of a PEM file ends; `None` where that cannot be read.
pub fn ends(pem: &[u8]) -> Option<Timestamp> {
    let certificate = CertificateDer::from_pem_slice(pem).ok()?;
    let (outer, _) = expect(SEQUENCE, certificate.as_ref())?;
    let (mut rest, _) = expect(SEQUENCE, outer)?;
    // TBSCertificate: the version may be left out; then serial number, signature algorithm and issuer.
    if let Some((_, after)) = expect(VERSION, rest) {
        rest = after;
    }
    for tag in [INTEGER, SEQUENCE, SEQUENCE] {
        rest = expect(tag, rest)?.1;
    }
    let (validity, _) = expect(SEQUENCE, rest)?;
    let (_, _, not_after) = element(validity)?;
    let (tag, text, _) = element(not_after)?;
    moment(tag, text)
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`.
fn moment(tag: u8, text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (year, rest) = text.split_at_checked(match tag {
        UTC_TIME => 2,
        GENERALIZED_TIME => 4,
        _ => return None,
    })?;
    if rest.len() != 10 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let year: i64 = year.parse().ok()?;
    let year = match tag {
        UTC_TIME if year < 50 => year.saturating_add(2000),
        UTC_TIME => year.saturating_add(1900),
        _ => year,
    };
    let two = |at: usize| rest.get(at..at.saturating_add(2))?.parse::<u32>().ok();
    Timestamp::from_civil((year, two(0)?, two(2)?), (two(4)?, two(6)?, two(8)?), 0)
}

/// The content of an element of this tag, and what follows it.
fn expect(tag: u8, input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = element(input)?;
    (found == tag).then_some((content, rest))
}

/// Tag, content and what follows. Lengths of up to four octets (X.690 section 8.1.3).
fn element(input: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = input.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (octets, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (octets.iter().fold(0usize, |length, octet| length << 8 | usize::from(*octet)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_time_are_read() {
        // date -d '2026-12-10 00:00:00 UTC' +%s
        let at = |tag, text: &str| moment(tag, text.as_bytes()).map(|at| at.unix_millis() / 1000);
        assert_eq!(at(UTC_TIME, "261210000000Z"), Some(1_796_860_800));
        assert_eq!(at(GENERALIZED_TIME, "20261210000000Z"), Some(1_796_860_800));
        assert_eq!(at(UTC_TIME, "500101000000Z"), Some(-631_152_000), "1950, not 2050");
        for wrong in ["261210000000", "2612100000Z", "261310000000Z", "26121000000xZ", "ééééééé", ""] {
            assert_eq!(at(UTC_TIME, wrong), None, "{wrong}");
        }
        assert_eq!(at(INTEGER, "261210000000Z"), None);
    }

    #[test]
    fn lengths_that_lie_are_no_element() {
        for wrong in [
            &[0x30u8][..],
            &[0x30, 2, 0],
            &[0x30, 0x80],
            &[0x30, 0x85, 1, 1, 1, 1, 1],
            &[0x30, 0x84, 255, 255, 255, 255],
        ] {
            assert!(element(wrong).is_none(), "{wrong:?}");
        }
        assert_eq!(element(&[0x30, 0x81, 1, 7, 9]), Some((0x30, &[7u8][..], &[9u8][..])));
    }
}

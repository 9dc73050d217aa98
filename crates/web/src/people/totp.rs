//! Time-based one-time passwords (RFC 6238 over RFC 4226): HMAC-SHA-1, six digits, steps of thirty seconds, which is what
//! every authenticator app takes.

use form::percent::encoded;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use store::Timestamp;
use subtle::ConstantTimeEq;

/// The step of which `given` is the code: the current one, or one before or after it for clocks that differ.
///
/// Every code of the window is compared in constant time.
pub(crate) fn step_of(secret: &[u8], given: &str, now: Timestamp) -> Option<u64> {
    let given: String = given.chars().filter(|character| !character.is_whitespace()).collect();
    let current = u64::try_from(now.unix_millis()).ok()? / STEP_MILLIS;
    let window = current.saturating_sub(DRIFT)..=current.saturating_add(DRIFT);
    let mut found = None;
    for step in window {
        if bool::from(code(secret, step)?.as_bytes().ct_eq(given.as_bytes())) {
            found = Some(step);
        }
    }
    found
}

/// The code of a step (RFC 4226 5.3); `None` never happens, since HMAC takes keys of any length.
fn code(secret: &[u8], step: u64) -> Option<String> {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret).ok()?;
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let start = usize::from(digest.last()? & 0x0f);
    let word: [u8; 4] = digest.get(start..start.checked_add(4)?)?.try_into().ok()?;
    let number = (u32::from_be_bytes(word) & 0x7fff_ffff) % 1_000_000;
    Some(format!("{number:06}"))
}

/// The address that an authenticator app reads from the picture. Both texts are percent-encoded.
pub(crate) fn address(issuer: &str, account: &str, secret: &[u8]) -> String {
    let (issuer, account) = (encoded(issuer), encoded(account));
    let secret = base32(secret);
    format!("otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits=6&period=30")
}

/// Base 32 of RFC 4648 without padding.
pub(crate) fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut out = String::with_capacity(bytes.len().div_ceil(5).saturating_mul(8));
    for chunk in bytes.chunks(5) {
        let mut word = [0_u8; 8];
        for (slot, byte) in word.iter_mut().skip(3).zip(chunk) {
            *slot = *byte;
        }
        let word = u64::from_be_bytes(word);
        let characters = chunk.len().saturating_mul(8).div_ceil(5);
        for index in 0..characters {
            let shift = 35_usize.saturating_sub(index.saturating_mul(5));
            let value = usize::try_from((word >> shift) & 31).unwrap_or(0);
            out.extend(ALPHABET.get(value).map(|byte| char::from(*byte)));
        }
    }
    out
}

/// Length of a new secret: that of the hash (RFC 4226 4, R6).
pub(crate) const SECRET_BYTES: usize = 20;
/// Length of a step.
const STEP_MILLIS: u64 = 30_000;
/// Steps before and after the current one that are taken (RFC 6238 5.2 recommends one for the transmission).
const DRIFT: u64 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_rfc_6238_appendix_b() {
        // The table has eight digits; six are its last six.
        let secret = b"12345678901234567890";
        for (seconds, expect) in [
            (59_u64, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code(secret, seconds / 30).unwrap(), expect, "{seconds}");
        }
    }

    #[test]
    fn a_code_counts_for_its_step_and_one_beside_it() {
        let secret = b"12345678901234567890";
        let at = |seconds: i64| Timestamp::from_unix_millis(seconds * 1000);
        let step = 1_111_111_109 / 30;
        for (seconds, found) in [
            (1_111_111_109, true),
            (1_111_111_109 + 30, true),
            (1_111_111_109 - 30, true),
            (1_111_111_109 + 61, false),
            (1_111_111_109 - 61, false),
        ] {
            assert_eq!(step_of(secret, "081804", at(seconds)), found.then_some(step), "{seconds}");
        }
        assert_eq!(step_of(secret, " 081 804 ", at(1_111_111_109)), Some(step), "apps show it in two groups");
        for bad in ["", "81804", "0818040", "081805", "０８１８０４"] {
            assert_eq!(step_of(secret, bad, at(1_111_111_109)), None, "{bad}");
        }
    }

    #[test]
    fn base_32_is_that_of_rfc_4648() {
        for (bytes, expect) in [
            (&b""[..], ""),
            (b"f", "MY"),
            (b"fo", "MZXQ"),
            (b"foo", "MZXW6"),
            (b"foob", "MZXW6YQ"),
            (b"fooba", "MZXW6YTB"),
            (b"foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(bytes), expect);
        }
    }

    #[test]
    fn the_address_says_who_and_where() {
        assert_eq!(
            address("みそぎ 市", "kanri01", b"foobar"),
            "otpauth://totp/%E3%81%BF%E3%81%9D%E3%81%8E%20%E5%B8%82:kanri01?secret=MZXW6YTBOI&issuer=%E3%81%BF%E3%81%9D%E3%81%8E%20%E5%B8%82&algorithm=SHA1&digits=6&period=30"
        );
    }
}

//! Files and signatures inside of plain text: uuencode, yEnc, and OpenPGP in its armour (RFC 9580 6 and 7).
//!
//! A block that is not complete and well-formed is text that happens to begin like one, and stays text.

use form::Reason;

use crate::charset;
use crate::mapi::compose::{file_parameter, leaf};

use super::transfer;

/// A text without the blocks.
#[derive(Debug)]
pub(super) struct Found {
    /// The text, with `[cid:…]` where a file stood.
    pub(super) text: Vec<u8>,
    /// The files, as MIME entities.
    pub(super) files: Vec<Vec<u8>>,
    pub(super) told: Vec<(Reason, &'static str)>,
}

/// Takes the blocks out; `None` where there are none. `place` tells this text from all others of the mail, in the ids of files.
pub(super) fn take_out(text: &[u8], place: &str) -> Option<Found> {
    let mut found = Found { text: Vec::with_capacity(text.len()), files: Vec::new(), told: Vec::new() };
    let mut rest = text;
    let mut tries = MAX_TRIES;
    while !rest.is_empty() {
        let (line, after) = cut_line(rest);
        // A block that may not be taken out is not looked for: each would be read, and its lines once more.
        let goes_on = tries > 0 && found.files.len() < MAX_FILES;
        match goes_on.then(|| block(line, after, &mut tries)).flatten() {
            Some(Block { content: Content::File { name, bytes, media }, after, told }) => {
                let id = format!("inline-{place}-{}@unwrapped", found.files.len());
                found.text.extend_from_slice(format!("[cid:{id}]\r\n").as_bytes());
                let more = format!(
                    "Content-Disposition: attachment; {}\r\nContent-ID: <{id}>\r\n",
                    file_parameter(name.trim())
                );
                found.files.push(leaf(media, &more, &bytes));
                found.told.extend(told);
                rest = after;
            }
            Some(Block { content: Content::Text(inner), after, told }) => {
                found.text.extend_from_slice(&inner);
                found.told.extend(told);
                rest = after;
            }
            None => {
                found.text.extend_from_slice(rest.get(..rest.len().saturating_sub(after.len())).unwrap_or_default());
                rest = after;
            }
        }
    }
    (!found.told.is_empty()).then_some(found)
}

struct Block<'a> {
    content: Content,
    after: &'a [u8],
    told: Vec<(Reason, &'static str)>,
}

enum Content {
    File { name: String, bytes: Vec<u8>, media: &'static str },
    Text(Vec<u8>),
}

/// The block that begins with `line`. Each that turns out to be none costs a try, so that a text of nothing but beginnings is read
/// only so often.
fn block<'a>(line: &[u8], after: &'a [u8], tries: &mut u32) -> Option<Block<'a>> {
    let found = if let Some(rest) = line.strip_prefix(b"begin ") {
        uuencoded(named(rest)?, after)
    } else if let Some(rest) = line.strip_prefix(b"begin-base64 ") {
        base64(named(rest)?, after)
    } else if line.starts_with(b"=ybegin ") {
        yenc(line, after)
    } else if line == b"-----BEGIN PGP SIGNED MESSAGE-----" {
        clear_signed(after)
    } else if line == b"-----BEGIN PGP MESSAGE-----" {
        encrypted(after)
    } else {
        return None;
    };
    if found.is_none() {
        *tries = tries.saturating_sub(1);
    }
    found
}

/// The name behind the octal mode of a file.
fn named(rest: &[u8]) -> Option<String> {
    let (mode, name) = rest.split_at_checked(rest.iter().position(|byte| *byte == b' ')?)?;
    let good = (3..=4).contains(&mode.len()) && mode.iter().all(|byte| (b'0'..=b'7').contains(byte));
    let name = charset::decode(name.trim_ascii(), None).text;
    (good && !name.is_empty()).then_some(name)
}

fn file<'a>(name: String, bytes: Vec<u8>, after: &'a [u8], told: &'static str) -> Block<'a> {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).unwrap_or_default();
    let media = match extension.as_str() {
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "gif" => "image/gif",
        _ => "application/octet-stream",
    };
    Block { content: Content::File { name, bytes, media }, after, told: vec![(Reason::Unwrapped, told)] }
}

fn uuencoded(name: String, body: &[u8]) -> Option<Block<'_>> {
    let mut bytes = Vec::new();
    let mut rest = body;
    loop {
        if rest.is_empty() {
            return None;
        }
        let (line, after) = cut_line(rest);
        rest = after;
        if line == b"end" {
            return (!bytes.is_empty()).then(|| file(name, bytes, rest, "uuencode"));
        }
        let Some((&count, data)) = line.split_first() else { continue };
        if !(0x20..=0x60).contains(&count) {
            return None;
        }
        let count = usize::from(count.wrapping_sub(0x20) & 63);
        // Blanks at the end of a line are lost on the way; more than a check character is not added.
        let needed = count.div_ceil(3).saturating_mul(4);
        if data.len() > needed.saturating_add(2) || data.len().saturating_add(4) < needed {
            return None;
        }
        if data.iter().any(|byte| !(0x20..=0x60).contains(byte)) {
            return None;
        }
        let mut group = [0_u8; 4];
        let mut left = count;
        for chunk in data.get(..needed.min(data.len())).unwrap_or_default().chunks(4) {
            group.fill(0);
            for (slot, byte) in group.iter_mut().zip(chunk) {
                *slot = byte.wrapping_sub(0x20) & 63;
            }
            let [a, b, c, d] = group;
            let three = [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d];
            bytes.extend_from_slice(three.get(..left.min(3)).unwrap_or_default());
            left = left.saturating_sub(3);
        }
        // What was cut off were blanks, which are zeros.
        bytes.extend(std::iter::repeat_n(0, left));
    }
}

fn base64(name: String, body: &[u8]) -> Option<Block<'_>> {
    let mut rest = body;
    while !rest.is_empty() {
        let (line, after) = cut_line(rest);
        if line == b"====" {
            let packed = body.get(..body.len().checked_sub(rest.len())?)?;
            let mut bytes = Vec::new();
            let keep = |piece: &[u8]| {
                bytes.extend_from_slice(piece);
                Ok::<_, std::convert::Infallible>(())
            };
            let Ok(deviation) = transfer::base64(packed, keep);
            return (deviation.is_clean() && !bytes.is_empty()).then(|| file(name, bytes, after, "uuencode"));
        }
        rest = after;
    }
    None
}

/// A file in one part; the parts of a larger one come in other mails.
fn yenc<'a>(begin: &[u8], body: &'a [u8]) -> Option<Block<'a>> {
    let name_at = begin.windows(6).position(|window| window == b" name=")?;
    let (options, name) = begin.split_at_checked(name_at)?;
    let option = |name: &[u8]| {
        options.split(|byte| *byte == b' ').find_map(|option| option.strip_prefix(name)?.strip_prefix(b"="))
    };
    if option(b"part").is_some_and(|_| option(b"total") != Some(b"1")) {
        return None;
    }
    let size: u64 = std::str::from_utf8(option(b"size")?).ok()?.parse().ok()?;
    let name = charset::decode(name.get(6..)?.trim_ascii(), None).text;
    let mut bytes = Vec::new();
    let mut rest = body;
    loop {
        if rest.is_empty() {
            return None;
        }
        let (line, after) = cut_line(rest);
        rest = after;
        if line.starts_with(b"=ypart ") {
            continue;
        }
        if line.starts_with(b"=yend ") {
            break;
        }
        let mut escaped = false;
        for &byte in line {
            if byte == b'=' && !escaped {
                escaped = true;
                continue;
            }
            bytes.push(byte.wrapping_sub(if escaped { 64 + 42 } else { 42 }));
            escaped = false;
        }
    }
    let whole = u64::try_from(bytes.len()).is_ok_and(|len| len == size);
    let mut block = file(name, bytes, rest, "yEnc");
    if !whole {
        block.told.push((Reason::MessageIncomplete, "yEnc"));
    }
    Some(block)
}

/// Text that is signed where it stands: the text stays, armour and signature go.
fn clear_signed(body: &[u8]) -> Option<Block<'_>> {
    let mut text = Vec::new();
    let mut rest = body;
    let mut header = true;
    let mut signature = false;
    while !rest.is_empty() {
        let (line, after) = cut_line(rest);
        rest = after;
        if header {
            // `Hash: SHA256`, ended by an empty line. Anything else would be text that is seen here and gone there.
            header = !line.trim_ascii().is_empty();
            if header && !is_field(line, &TEXT_FIELDS) {
                return None;
            }
        } else if signature {
            if line == b"-----END PGP SIGNATURE-----" {
                let told = vec![(Reason::Signature, "PGP")];
                return Some(Block { content: Content::Text(text), after: rest, told });
            }
            if !is_field(line, &SIGNATURE_FIELDS) && !is_packed(line) {
                return None;
            }
        } else if line.starts_with(b"-----BEGIN PGP ") && line != b"-----BEGIN PGP SIGNATURE-----" {
            return None;
        } else if line == b"-----BEGIN PGP SIGNATURE-----" {
            signature = true;
        } else {
            text.extend_from_slice(line.strip_prefix(b"- ").unwrap_or(line));
            text.extend_from_slice(b"\r\n");
        }
    }
    None
}

/// Whether a line is one of the fields of an armour.
fn is_field(line: &[u8], names: &[&[u8]]) -> bool {
    names.iter().any(|name| line.strip_prefix(*name).is_some_and(|rest| rest.starts_with(b": ")))
}

/// Whether a line is of the base64 of an armour, its checksum, or empty.
fn is_packed(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    line.len() <= MAX_PACKED
        && line.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='))
}

/// An encrypted text is a part that cannot be opened, rather than a page of letters.
fn encrypted(body: &[u8]) -> Option<Block<'_>> {
    let mut rest = body;
    while !rest.is_empty() {
        let (line, after) = cut_line(rest);
        // Another beginning says that this one has no end.
        if line.starts_with(b"-----BEGIN PGP ") {
            return None;
        }
        if line == b"-----END PGP MESSAGE-----" {
            let bytes = body.get(..body.len().checked_sub(after.len())?)?.to_vec();
            let content = Content::File { name: "encrypted.asc".to_owned(), bytes, media: "application/pgp-encrypted" };
            return Some(Block { content, after, told: vec![(Reason::Unwrapped, "PGP")] });
        }
        rest = after;
    }
    None
}

/// The next line without its end and trailing CR, and what follows.
fn cut_line(rest: &[u8]) -> (&[u8], &[u8]) {
    let (line, after) = match rest.iter().position(|byte| *byte == b'\n') {
        Some(at) => (rest.get(..at).unwrap_or_default(), rest.get(at.saturating_add(1)..).unwrap_or_default()),
        None => (rest, [].as_slice()),
    };
    (line.strip_suffix(b"\r").unwrap_or(line), after)
}

/// RFC 9580 7.1, and what older programs write there.
const TEXT_FIELDS: [&[u8]; 4] = [b"Hash", b"SaltedHash", b"Charset", b"NotDashEscaped"];
/// RFC 9580 6.2.2.
const SIGNATURE_FIELDS: [&[u8]; 5] = [b"Version", b"Comment", b"MessageID", b"Hash", b"Charset"];
/// Bytes of a line of base64; the standard has 76.
const MAX_PACKED: usize = 128;
const MAX_FILES: usize = 200;
/// Beginnings without an end that are followed up; each costs the rest of the text.
const MAX_TRIES: u32 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_over_the_limit_stay_text_and_are_not_looked_for() {
        let one = "-----BEGIN PGP MESSAGE-----\n\nhQEMA\n-----END PGP MESSAGE-----\n";
        let signed = "-----BEGIN PGP SIGNED MESSAGE-----\n\nbody\n-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n";
        let found = take_out([one.repeat(MAX_FILES), signed.to_owned()].concat().as_bytes(), "0").unwrap();
        assert_eq!(found.files.len(), MAX_FILES);
        assert!(found.text.ends_with(signed.as_bytes()));
    }

    #[test]
    fn a_beginning_in_a_block_ends_it_as_none() {
        let text =
            b"-----BEGIN PGP MESSAGE-----\nseen\n-----BEGIN PGP MESSAGE-----\n\nhQEMA\n-----END PGP MESSAGE-----\n";
        let found = take_out(text, "7").unwrap();
        assert_eq!(found.text, b"-----BEGIN PGP MESSAGE-----\nseen\n[cid:inline-7-0@unwrapped]\r\n");
    }

    #[test]
    fn text_in_the_header_of_a_signed_block_or_in_its_signature_is_not_lost() {
        let block = |header: &str, signature: &str| {
            format!(
                "-----BEGIN PGP SIGNED MESSAGE-----\n{header}\n\nbody\n-----BEGIN PGP SIGNATURE-----\n{signature}\n\n\
                 iQEz+/=\n=aB3d\n-----END PGP SIGNATURE-----\n"
            )
        };
        let good = block("Hash: SHA256", "Version: GnuPG v2");
        assert_eq!(take_out(good.as_bytes(), "0").unwrap().text, b"body\r\n");
        for (header, signature) in
            [("pay to account 1", "Version: 1"), ("Note: pay", "Version: 1"), ("Hash: SHA256", "pay to 1")]
        {
            assert!(take_out(block(header, signature).as_bytes(), "0").is_none(), "{header} {signature}");
        }
    }
}

//! What holds of every answer of the two rooms, whatever the file was.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of tests fails where it fails"
)]

use std::io::{Cursor, Read};

use disarm::Refused;
use form::document::Document;
use form::report::OutputType;
use form::{Class, Limits, Reason};
use image::ImageFormat;

use crate::rooms::Sanitised;

/// A file that is refused is refused for something that lies in it, and one that is rebuilt is of the type that the report names for a
/// reader that did not write it.
pub fn check(answer: &Result<Sanitised, Refused>, limits: &Limits, of: &str) {
    match answer {
        Ok(done) => is_its_type(done, limits, of),
        Err(refused) => lies_in_the_file(refused.refusal.reason, of),
    }
}

/// Only the gateway says of a room that it has failed, and of a policy or a scanner that it holds a part; and what a dirty room of ours
/// writes, a clean room takes.
pub fn lies_in_the_file(reason: Reason, of: &str) {
    let is_of_the_gateway = matches!(
        reason,
        Reason::Infected
            | Reason::ScannerUnavailable
            | Reason::PolicyHold
            | Reason::PolicyRemove
            | Reason::LimitTime
            | Reason::LimitCrashes
            | Reason::RoomCrash
            | Reason::RoomPolicyKill
            | Reason::RoomTimeout
            | Reason::RoomCpuLimit
            | Reason::RoomMemoryLimit
            | Reason::RoomOutputLimit
            | Reason::RoomKilled
            | Reason::RoomProtocol
            | Reason::RoomUnavailable
            | Reason::FormInvalid
    );
    assert!(reason.class() == Class::Withheld && !is_of_the_gateway, "{of}: {reason}");
}

/// As other readers than ours see it: the crates `image`, `tiff`, `zip` and `lopdf`, and the standard library for text.
pub fn is_its_type(done: &Sanitised, limits: &Limits, of: &str) {
    let bytes = done.bytes.as_slice();
    match done.report.output {
        OutputType::Text => is_text(bytes, of),
        OutputType::Csv | OutputType::Tsv => is_clean(marked(bytes, of), of),
        OutputType::Jpeg => is_picture(bytes, ImageFormat::Jpeg, limits, of),
        OutputType::Png => is_picture(bytes, ImageFormat::Png, limits, of),
        OutputType::Gif => is_picture(bytes, ImageFormat::Gif, limits, of),
        OutputType::Bmp => is_picture(bytes, ImageFormat::Bmp, limits, of),
        OutputType::WebP => is_picture(bytes, ImageFormat::WebP, limits, of),
        OutputType::Tiff => {
            let mut pages = tiff::decoder::Decoder::new(Cursor::new(bytes)).unwrap_or_else(|e| panic!("{of}: {e}"));
            is_within(pages.dimensions().unwrap_or_else(|e| panic!("{of}: {e}")), limits, of);
        }
        OutputType::Zip => {
            let names = members(bytes, of);
            let leads_out = |name: &String| name.starts_with('/') || name.split(['/', '\\']).any(|step| step == "..");
            assert!(!names.iter().any(leads_out), "{of}: {names:?}");
        }
        OutputType::Docx
        | OutputType::Dotx
        | OutputType::Xlsx
        | OutputType::Xltx
        | OutputType::Pptx
        | OutputType::Potx
        | OutputType::Ppsx => assert!(members(bytes, of).iter().any(|name| name == "[Content_Types].xml"), "{of}"),
        OutputType::Pdf => {
            let document = lopdf::Document::load_mem(bytes).unwrap_or_else(|error| panic!("{of}: {error}"));
            assert!(!document.get_pages().is_empty(), "{of}");
        }
        OutputType::Calendar => is_between(bytes, "VCALENDAR", of),
        OutputType::Card => is_between(bytes, "VCARD", of),
        OutputType::Form => drop(Document::decode(bytes, limits).unwrap_or_else(|error| panic!("{of}: {error}"))),
        OutputType::Mail => panic!("{of}: only the gateway has a mail put together"),
    }
}

/// Text for the editor of Windows: with a byte order mark, and CRLF at the end of each line.
fn is_text(bytes: &[u8], of: &str) {
    let text = marked(bytes, of);
    is_clean(text, of);
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "{of}: a bare line feed");
    assert_eq!(text.matches('\r').count(), text.matches("\r\n").count(), "{of}: a bare carriage return");
}

fn marked<'a>(bytes: &'a [u8], of: &str) -> &'a str {
    let text = std::str::from_utf8(bytes).unwrap_or_else(|error| panic!("{of}: {error}"));
    text.strip_prefix('\u{FEFF}').unwrap_or_else(|| panic!("{of}: no byte order mark"))
}

/// No control characters (Unicode category Cc) but those of lines and tabs, and none that turns the reading direction (UAX 9).
fn is_clean(text: &str, of: &str) {
    let is_hostile = |c: &char| {
        (c.is_control() && !matches!(c, '\t' | '\r' | '\n'))
            || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    let found: Vec<char> = text.chars().filter(is_hostile).collect();
    assert!(found.is_empty(), "{of}: {found:?}");
}

fn is_picture(bytes: &[u8], format: ImageFormat, limits: &Limits, of: &str) {
    let picture = image::load_from_memory_with_format(bytes, format).unwrap_or_else(|error| panic!("{of}: {error}"));
    is_within((picture.width(), picture.height()), limits, of);
}

fn is_within((width, height): (u32, u32), limits: &Limits, of: &str) {
    assert!(width > 0 && height > 0, "{of}: {width} × {height}");
    assert!(width <= limits.dimension && height <= limits.dimension, "{of}: {width} × {height}");
    assert!(u64::from(width) * u64::from(height) <= limits.pixels, "{of}: {width} × {height}");
}

/// The names of the members, of which each can be read to its end and has the checksum that the archive says.
fn members(bytes: &[u8], of: &str) -> Vec<String> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap_or_else(|error| panic!("{of}: {error}"));
    let names = (0..archive.len()).map(|index| {
        let mut member = archive.by_index(index).unwrap_or_else(|error| panic!("{of}: {error}"));
        member.read_to_end(&mut Vec::new()).unwrap_or_else(|error| panic!("{of}: {error}"));
        member.name().unwrap().to_string()
    });
    names.collect()
}

/// RFC 5545 3.6, RFC 6350 6.1: one or more of these from its beginning to its end.
fn is_between(bytes: &[u8], word: &str, of: &str) {
    let text = std::str::from_utf8(bytes).unwrap_or_else(|error| panic!("{of}: {error}"));
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    assert!(
        text.starts_with(&format!("BEGIN:{word}\r\n")) && text.ends_with(&format!("END:{word}\r\n")),
        "{of}: {text}"
    );
}

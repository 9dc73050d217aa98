//! Signatures at the beginning of a file.

use file_format::FileFormat;
use form::image::ImageSource;

/// The picture formats that can be rebuilt.
pub(super) fn image(bytes: &[u8]) -> Option<ImageSource> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some(ImageSource::Png)
    } else if bytes.starts_with(b"\xff\xd8\xff") {
        Some(ImageSource::Jpeg)
    } else if bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a") {
        Some(ImageSource::Gif)
    } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        Some(ImageSource::WebP)
    } else if is_bmp(bytes) {
        Some(ImageSource::Bmp)
    } else if is_tiff(bytes) && raw_photo(bytes).is_none() {
        Some(ImageSource::Tiff)
    } else {
        None
    }
}

pub(super) fn is_zip(bytes: &[u8]) -> bool {
    [b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"].iter().any(|signature| bytes.starts_with(*signature))
        || bytes.starts_with(b"PK00PK\x03\x04")
}

/// Metafiles: with their own header, with the one that most programs put before it, or enhanced.
pub(super) fn metafile(bytes: &[u8]) -> Option<&'static str> {
    let is_emf = bytes.starts_with(b"\x01\0\0\0") && bytes.get(40..44) == Some(b" EMF");
    let is_wmf = [b"\xd7\xcd\xc6\x9a".as_slice(), b"\x01\0\x09\0\0\x03", b"\x01\0\x09\0\0\x01"]
        .iter()
        .any(|head| bytes.starts_with(head));
    if is_emf { Some("emf") } else { is_wmf.then_some("wmf") }
}

pub(super) fn is_ole(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
}

/// Readers take a PDF whose header stands anywhere in the first kilobyte (ISO 32000-2, annex on Acrobat's behaviour), so
/// a file that any of them would open is a PDF.
pub(super) fn is_pdf(bytes: &[u8]) -> bool {
    let head = bytes.get(..1024).unwrap_or(bytes);
    head.windows(5).any(|window| window == b"%PDF-")
}

/// Signatures that text cannot begin with, or that are text but mean another format to every program.
pub(super) fn strong(bytes: &[u8]) -> Option<&'static str> {
    let at_start = STRONG.iter().find(|(signature, _)| bytes.starts_with(signature)).map(|(_, token)| *token);
    if crate::archive::is_lzh(bytes) {
        return Some("lzh");
    }
    if is_bzip2(bytes) {
        return Some("bz2");
    }
    if crate::smime::is_cms(bytes) {
        return Some("p7m");
    }
    // Version 2 is the only one that files have.
    if bytes.starts_with(b"\x00\x05\x16\x00\x00\x02\x00\x00") {
        return Some("applesingle");
    }
    if bytes.trim_ascii_start().starts_with(b"(This file must be converted with BinHex") {
        return Some("hqx");
    }
    at_start.or_else(|| raw_photo(bytes)).or_else(|| iso_media(bytes)).or_else(|| executable(bytes)).or_else(|| {
        ELSEWHERE
            .iter()
            .find(|(at, signature, _)| bytes.get(*at..).is_some_and(|rest| rest.starts_with(signature)))
            .map(|(_, _, token)| *token)
    })
}

/// What a crate that knows hundreds of formats makes of bytes that are no text.
pub(super) fn weak(bytes: &[u8]) -> Option<String> {
    if let Some((_, token)) = PRINTABLE.iter().find(|(signature, _)| bytes.starts_with(signature)) {
        return Some((*token).to_owned());
    }
    let found = FileFormat::from_bytes(bytes);
    let unknown = [FileFormat::ArbitraryBinaryData, FileFormat::Empty, FileFormat::PlainText].contains(&found);
    (!unknown).then(|| found.extension().to_owned())
}

/// "BM" alone begins many texts; the header behind it must be one that exists.
fn is_bmp(bytes: &[u8]) -> bool {
    let header = bytes.get(14..18).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
    bytes.starts_with(b"BM") && header.is_some_and(|size| matches!(size, 12 | 16 | 40 | 52 | 56 | 64 | 108 | 124))
}

fn is_tiff(bytes: &[u8]) -> bool {
    [b"II*\0".as_slice(), b"MM\0*", b"II+\0", b"MM\0+"].iter().any(|signature| bytes.starts_with(signature))
}

/// Camera files that begin as TIFF but whose picture is not in it: rebuilding them as TIFF would give the thumbnail.
fn raw_photo(bytes: &[u8]) -> Option<&'static str> {
    if !is_tiff(bytes) {
        return bytes.starts_with(b"IIRO").then_some("orf").or_else(|| bytes.starts_with(b"IIU\0").then_some("rw2"));
    }
    if bytes.get(8..10) == Some(b"CR") {
        return Some("cr2");
    }
    let tags = crate::image::first_directory(bytes);
    // DNGVersion; then the private compression schemes of Sony, Nikon and Pentax; then a private RAW sub-directory beside a
    // thumbnail (NewSubfileType 1 in the first directory).
    if tags.iter().any(|tag| tag.id == 0xC612) {
        return Some("dng");
    }
    let value = |id: u16| tags.iter().find(|tag| tag.id == id).and_then(|tag| tag.first);
    match value(0x0103) {
        Some(32767) => Some("arw"),
        Some(34713) => Some("nef"),
        Some(65535) => Some("pef"),
        _ if value(0x014A).is_some() && value(0x00FE) == Some(1) => Some("raw"),
        // Sony's preview: an "old JPEG" thumbnail with a maker note in front of the sensor data.
        _ if value(0x014A).is_some() && value(0xC634).is_some() => Some("arw"),
        _ => None,
    }
}

/// HEIF, AVIF, MP4 and their kin: a box "ftyp" with a brand.
fn iso_media(bytes: &[u8]) -> Option<&'static str> {
    if bytes.get(4..8) != Some(b"ftyp") {
        return None;
    }
    Some(match bytes.get(8..12)? {
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" => "heic",
        b"mif1" | b"msf1" => "heif",
        b"avif" | b"avis" => "avif",
        b"qt  " => "mov",
        b"M4A " => "m4a",
        b"crx " => "cr3",
        brand if brand.starts_with(b"3g") => "3gp",
        _ => "mp4",
    })
}

fn executable(bytes: &[u8]) -> Option<&'static str> {
    if !bytes.starts_with(b"MZ") && !bytes.starts_with(b"ZM") {
        return None;
    }
    // A text may begin with "MZ"; a DOS header does not look like one: it holds small little-endian numbers, so zeros.
    bytes.get(..64).unwrap_or(bytes).contains(&0).then_some("exe")
}

/// "BZh" and a digit may begin a text; behind them stands the first block or the end of the stream.
fn is_bzip2(bytes: &[u8]) -> bool {
    let starts = matches!(bytes, [b'B', b'Z', b'h', b'1'..=b'9', ..]);
    starts && matches!(bytes.get(4..10), Some(b"1AY&SY" | b"\x17\x72\x45\x38\x50\x90"))
}

const STRONG: &[(&[u8], &str)] = &[
    (b"\x7fELF", "elf"),
    (b"\xfe\xed\xfa\xce", "macho"),
    (b"\xfe\xed\xfa\xcf", "macho"),
    (b"\xce\xfa\xed\xfe", "macho"),
    (b"\xcf\xfa\xed\xfe", "macho"),
    (b"\xca\xfe\xba\xbe", "class"),
    (b"\x00asm", "wasm"),
    (b"L\0\0\0\x01\x14\x02\0", "lnk"),
    (b"Rar!\x1a\x07", "rar"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"\x1f\x8b", "gz"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "zst"),
    (b"MSCF\0\0\0\0", "cab"),
    (b"!<arch>\n", "ar"),
    (b"{\\rtf", "rtf"),
    (b"%!PS", "ps"),
    (b"\xc5\xd0\xd3\xc6", "eps"),
    (b"AT&TFORM", "djvu"),
    (b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d", "one"),
    (b"HWP Document File", "hwp"),
    (b"(DWF V", "dwf"),
    (b"\x00\x01\x00\x00Standard Jet DB", "mdb"),
    (b"\x00\x01\x00\x00Standard ACE DB", "accdb"),
    (b"SQLite format 3\0", "sqlite"),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "jxl"),
    (b"\xff\x0a", "jxl"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "jp2"),
    // The same without a file around it.
    (b"\xff\x4f\xff\x51", "jp2"),
    (b"\x60\x0e\x82", "xdw"),
    // Ichitaro 4 to 6.
    (b"DOC\0", "taro"),
    (b"\xffWPC", "wpd"),
];

/// Signatures that stand behind the start.
const ELSEWHERE: &[(usize, &[u8], &str)] = &[(7, b"**ACE**", "ace"), (0x8001, b"CD001", "iso"), (40, b" EMF", "emf")];

/// Signatures that a text could begin with, so they count only for bytes that are no text.
const PRINTABLE: &[(&[u8], &str)] = &[
    (b"\x60\xea", "arj"),
    (b"8BPS", "psd"),
    (b"xdw", "xdw"),
    (b"AC10", "dwg"),
    (b"OggS", "ogg"),
    (b"fLaC", "flac"),
    (b"ID3", "mp3"),
    (b"Cr24", "crx"),
    (b"ITSF", "chm"),
];

//! Plain text: bytes in some character set to clean Unicode.

use std::io::Write;

use form::codec::{Encoder, Kind};
use form::table::{Charset, LineEnd, TextSource};
use form::text::TextScrubber;
use form::{Place, Reason};

use crate::charset::{self, Decoded};
use crate::error::{Error, size, within};
use crate::room::Part;

pub(crate) fn disarm(mut part: Part<'_>, form: &mut dyn Write) -> Result<(), Error> {
    let (text, source) = decode(&mut part)?;
    encode(part, &text, &source, form)
}

/// Writes words that were taken out of a document of another kind.
pub(crate) fn write(part: Part<'_>, words: &str, form: &mut dyn Write) -> Result<(), Error> {
    within(Reason::LimitTextBytes, part.job.limits.text_bytes, size(words.len()))?;
    encode(part, words, &TextSource { charset: Charset::Other, bom: false, line_end: LineEnd::CrLf }, form)
}

/// Writes a text and what was found in it.
pub(crate) fn encode(mut part: Part<'_>, text: &str, source: &TextSource, form: &mut dyn Write) -> Result<(), Error> {
    let mut encoder = Encoder::new(form, Kind::Text, part.detected, &part.job.limits)?;
    encoder.text_source(source)?;
    let mut scrubber = TextScrubber::new();
    let mut clean = String::new();
    for piece in pieces(text) {
        clean.clear();
        scrubber.feed(piece, &mut clean);
        if !clean.is_empty() {
            encoder.text(&clean)?;
        }
    }
    part.add_scrubbed(scrubber.finish(), &Place::default());
    for finding in part.findings.into_vec() {
        encoder.finding(&finding)?;
    }
    encoder.finish()?;
    Ok(())
}

/// The text of a part whose character set only its label may name.
pub(crate) fn decode(part: &mut Part<'_>) -> Result<(String, TextSource), Error> {
    decode_as(part, None)
}

/// The text of a part and how it was written. What had to be assumed is noted; bytes that are text in no character set are
/// refused. `named` is the character set that the text itself names, for where nothing else does.
pub(crate) fn decode_as(part: &mut Part<'_>, named: Option<&str>) -> Result<(String, TextSource), Error> {
    let declared = part.job.declared_type.as_str();
    let Decoded { text, charset, certain, mismatch, undecided, undecodable, gaiji } =
        charset::decode(part.input, charset_parameter(declared).or(named));
    let chars = size(text.chars().count());
    // A few broken characters are a damaged text, and one is in the shortest. Where every tenth is none, the text is something else.
    if u64::from(undecodable) > (chars / 10).max(1) {
        return Err(Reason::UnsupportedType.into());
    }
    // A guess that fills the text with control codes was no guess at a text: EBCDIC, or a binary format without zeros.
    let controls = size(text.chars().filter(|c| c.is_control() && !c.is_whitespace() && *c != '\u{1A}').count());
    if !certain && controls > chars / 100 {
        return Err(Reason::UnsupportedType.into());
    }
    within(Reason::LimitTextBytes, part.job.limits.text_bytes, size(text.len()))?;
    let place = Place::new(charset);
    if undecided {
        part.findings.add(Reason::CharsetUndecided, place.clone());
    }
    if mismatch {
        part.findings.add(Reason::CharsetMismatch, place);
    } else if !certain && !part.input.is_ascii() {
        part.findings.add(Reason::CharsetGuessed, place);
    }
    part.findings.add_many(Reason::UndecodableBytes, undecodable, Place::default());
    part.findings.add_many(Reason::Gaiji, gaiji, Place::default());
    let bom = [b"\xef\xbb\xbf".as_slice(), b"\xff\xfe", b"\xfe\xff"].iter().any(|mark| part.input.starts_with(mark));
    let source = TextSource { charset: charset_of(charset), bom, line_end: line_end(&text) };
    Ok((text, source))
}

/// The value of `charset=` in a media type.
pub(crate) fn charset_parameter(media_type: &str) -> Option<&str> {
    let at = media_type.to_ascii_lowercase().find("charset=")?;
    let value = media_type.get(at..)?.split_once('=')?.1;
    let value = value.split(';').next().unwrap_or(value).trim().trim_matches('"');
    (!value.is_empty()).then_some(value)
}

/// The charset of a name, as forms tell it.
pub(crate) fn charset_of(name: &str) -> Charset {
    match name {
        "UTF-8" => Charset::Utf8,
        "UTF-16LE" => Charset::Utf16Le,
        "UTF-16BE" => Charset::Utf16Be,
        "Shift_JIS" => Charset::ShiftJis,
        "EUC-JP" => Charset::EucJp,
        "ISO-2022-JP" => Charset::Iso2022Jp,
        _ => Charset::Other,
    }
}

fn line_end(text: &str) -> LineEnd {
    let count = |pattern: &str| text.matches(pattern).count();
    let crlf = count("\r\n");
    let (cr, lf) = (count("\r").saturating_sub(crlf), count("\n").saturating_sub(crlf));
    if lf > crlf && lf >= cr {
        LineEnd::Lf
    } else if cr > crlf {
        LineEnd::Cr
    } else {
        LineEnd::CrLf
    }
}

/// The text in pieces small enough that it is never held twice.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (piece, more) = rest.split_at_checked(rest.floor_char_boundary(PIECE_BYTES))?;
        rest = more;
        (!piece.is_empty()).then_some(piece)
    })
}

const PIECE_BYTES: usize = 64 * 1024;

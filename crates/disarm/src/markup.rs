//! Files of HTML and XML, which leave as plain text: HTML as what it would have shown, XML as it stands.
//!
//! Nothing opens a `.txt` but an editor, so that what was markup is words from here on.

use std::io::Write;

use form::job::Markup;
use form::table::{Charset, LineEnd, TextSource};
use form::{Place, Reason};

use crate::error::{Error, size, within};
use crate::html::{self, Converted};
use crate::room::Part;
use crate::text;

/// What a page of HTML says.
pub(crate) fn disarm_html(mut part: Part<'_>, form: &mut dyn Write) -> Result<(), Error> {
    allowed(&part)?;
    let label = html::named_charset(part.input);
    let (source, _) = text::decode_as(&mut part, label.as_deref())?;
    let mut converted = html::to_text(&source, part.job.text.hidden, &mut |_| None);
    let words = std::mem::take(&mut converted.text);
    within(Reason::LimitTextBytes, part.job.limits.text_bytes, size(words.len()))?;
    for (reason, count, place) in told(&converted, part.job.text.hidden) {
        part.findings.add_many(reason, count, place);
    }
    let made = TextSource { charset: Charset::Other, bom: false, line_end: LineEnd::CrLf };
    text::encode(part, &words, &made, form)
}

/// The text of an XML file.
pub(crate) fn disarm_xml(mut part: Part<'_>, form: &mut dyn Write) -> Result<(), Error> {
    allowed(&part)?;
    let label = declared_encoding(part.input);
    let (words, source) = text::decode_as(&mut part, label.as_deref())?;
    part.findings.add(Reason::MarkupAsText, Place::default());
    text::encode(part, &words, &source, form)
}

fn allowed(part: &Part<'_>) -> Result<(), Error> {
    match part.job.text.markup {
        Markup::Text => Ok(()),
        // What is policy only the gateway may say; to this site it is a type like any other that is not taken.
        Markup::Withhold => Err(Reason::UnsupportedType.into()),
    }
}

/// What is told of a page that became text.
pub(crate) fn told(html: &Converted, hidden: form::job::Extra) -> Vec<(Reason, u32, Place)> {
    let hidden = match hidden {
        form::job::Extra::Drop => Reason::HiddenText,
        form::job::Extra::Keep => Reason::HiddenTextKept,
    };
    let mut told = vec![
        (Reason::HtmlToText, 1, Place::default()),
        (hidden, html.hidden, Place::default()),
        (Reason::ActiveContent, html.active, Place::default()),
        (Reason::RemoteImage, html.remote_images, Place::new(&html.remote_hosts.join(", "))),
        (Reason::TrackingPixel, html.trackers, Place::new(&html.tracker_hosts.join(", "))),
        (Reason::UnsafeLink, html.unsafe_links, Place::default()),
    ];
    told.extend(html.misleading.iter().map(|link| (Reason::LinkTargetDiffers, 1, Place::new(link))));
    told.retain(|(_, count, _)| *count > 0);
    told
}

/// The encoding that an XML file says it is in (XML 1.0, 4.3.3). The other families have marks of their own.
fn declared_encoding(bytes: &[u8]) -> Option<String> {
    let head = bytes.get(..bytes.len().min(HEAD))?;
    let head = std::str::from_utf8(head.split(|b| *b == b'>').next()?).ok()?;
    let (_, rest) = head.strip_prefix("<?xml")?.split_once("encoding")?;
    let value = rest.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let label = value.get(1..)?.split(quote).next()?;
    (!label.to_ascii_lowercase().starts_with("utf-16")).then(|| label.to_owned())
}

const HEAD: usize = 256;

#[cfg(test)]
mod tests {
    use super::declared_encoding;

    #[test]
    fn the_encoding_of_an_xml_declaration_is_read() {
        assert_eq!(
            declared_encoding(b"<?xml version=\"1.0\" encoding=\"Shift_JIS\"?><a/>").as_deref(),
            Some("Shift_JIS")
        );
        assert_eq!(declared_encoding(b"<?xml version='1.0' encoding = 'EUC-JP' ?>").as_deref(), Some("EUC-JP"));
        for none in [&b"<?xml version=\"1.0\"?><a encoding=\"x\"/>"[..], b"<a encoding=\"x\"/>", b"<?xml encoding", b""]
        {
            assert_eq!(declared_encoding(none), None);
        }
    }
}

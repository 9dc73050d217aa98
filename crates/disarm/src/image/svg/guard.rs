//! A walk over the markup before it is drawn.

use form::{Limits, Place, Reason};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::error::{Error, size, within};
use crate::room::Part;

/// What a picture of the drawing does not have.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) has_text: bool,
    pub(super) metadata: Vec<&'static str>,
    scripts: u32,
    foreign: u32,
    motions: u32,
    remote_pictures: u32,
    external: u32,
    media: u32,
}

impl Found {
    pub(super) fn note(&self, part: &mut Part<'_>, has_no_font: bool) {
        for (reason, count) in [
            (Reason::Script, self.scripts),
            (Reason::ActiveContent, self.foreign),
            (Reason::Media, self.media),
            (Reason::DrawingMotion, self.motions),
            (Reason::RemoteImage, self.remote_pictures),
            (Reason::ExternalLink, self.external),
            (Reason::FontSubstituted, u32::from(self.has_text && !has_no_font)),
            (Reason::DrawingTextLost, u32::from(self.has_text && has_no_font)),
        ] {
            part.findings.add_many(reason, count, Place::default());
        }
    }

    fn add_metadata(&mut self, kind: &'static str) {
        if !self.metadata.contains(&kind) {
            self.metadata.push(kind);
        }
    }
}

/// Reads all of it once. Entities that could grow, name files or hold markup are refused; Illustrator declares plain ones, for the
/// names of its namespaces.
pub(super) fn check(text: &str, limits: &Limits) -> Result<Found, Error> {
    let mut found = Found::default();
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = true;
    let most_elements = limits.markup.min(MAX_ELEMENTS);
    let most_depth = u64::from(limits.markup_depth).min(MAX_DEPTH);
    let (mut elements, mut depth, mut in_style) = (0_u64, 0_u64, false);
    loop {
        let event = reader.read_event().map_err(|_| Error::from(Reason::Malformed))?;
        match event {
            Event::Start(ref tag) | Event::Empty(ref tag) => {
                if elements == 0 && tag.local_name().as_ref() != "svg" {
                    return Err(Reason::UnsupportedType.into());
                }
                elements = elements.saturating_add(1);
                within(Reason::LimitMarkup, most_elements, elements)?;
                element(tag, &mut found)?;
                if matches!(event, Event::Start(_)) {
                    in_style = tag.local_name().as_ref() == "style";
                    depth = depth.saturating_add(1);
                    within(Reason::LimitMarkup, most_depth, depth)?;
                }
            }
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                in_style = false;
            }
            Event::Text(text) if in_style => style(&text, &mut found),
            Event::CData(text) if in_style => style(&text, &mut found),
            Event::Comment(_) => found.add_metadata("comment"),
            Event::PI(_) => found.external = found.external.saturating_add(1),
            Event::DocType(subset) => entities(&subset, text)?,
            Event::Eof => break,
            Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) | Event::Decl(_) => {}
        }
    }
    if elements == 0 || depth > 0 { Err(Reason::Malformed.into()) } else { Ok(found) }
}

fn element(tag: &BytesStart<'_>, found: &mut Found) -> Result<(), Error> {
    let count = |number: &mut u32| *number = number.saturating_add(1);
    let name = tag.local_name();
    let name = name.as_ref();
    match name {
        "script" | "handler" | "listener" => count(&mut found.scripts),
        "foreignObject" | "iframe" | "object" | "embed" => count(&mut found.foreign),
        "audio" | "video" => count(&mut found.media),
        "animate" | "animateTransform" | "animateMotion" | "animateColor" | "set" => count(&mut found.motions),
        "metadata" | "namedview" => found.add_metadata("description"),
        "text" | "tref" => found.has_text = true,
        _ => {}
    }
    let mut attributes = 0_u64;
    for attribute in tag.attributes().with_checks(true) {
        let attribute = attribute.map_err(|_| Error::from(Reason::Malformed))?;
        attributes = attributes.saturating_add(1);
        within(Reason::LimitMarkup, MAX_ATTRIBUTES, attributes)?;
        let key = attribute.key.local_name();
        let (key, value) = (key.as_ref(), attribute.value.trim());
        if key.len() > 2 && key.get(..2).is_some_and(|on| on.eq_ignore_ascii_case("on")) {
            count(&mut found.scripts);
        } else if matches!(key, "href" | "src") {
            let lower = value.get(..16).unwrap_or(value).to_ascii_lowercase();
            match name {
                _ if value.is_empty() || value.starts_with('#') => {}
                _ if lower.starts_with("javascript:") || lower.starts_with("vbscript:") => count(&mut found.scripts),
                // A link that is clicked on loads nothing by itself.
                "a" | "script" => {}
                "image" | "feImage" if lower.starts_with("data:") => {}
                "image" | "feImage" | "img" => count(&mut found.remote_pictures),
                _ => count(&mut found.external),
            }
        } else {
            style(value, found);
        }
    }
    Ok(())
}

/// Addresses in a style: those of parts of the drawing begin with `#`.
fn style(css: &str, found: &mut Found) {
    let lower = if css.contains(['u', 'U', '@']) { css.to_ascii_lowercase() } else { return };
    let addresses = lower.split("url(").skip(1).map(|address| address.trim_start_matches([' ', '"', '\'']));
    let external = addresses.filter(|address| !address.starts_with('#') && !address.starts_with("data:")).count();
    let imports = lower.matches("@import").count();
    let external = u32::try_from(external.saturating_add(imports)).unwrap_or(u32::MAX);
    found.external = found.external.saturating_add(external);
}

/// Judges the entities of a document type.
fn entities(subset: &str, text: &str) -> Result<(), Error> {
    let mut longest = 0_usize;
    for declaration in subset.split("<!ENTITY").skip(1) {
        let value = declaration.trim_start().split_once(char::is_whitespace).map(|(_, value)| value.trim_start());
        let quote = value.and_then(|value| value.chars().next()).filter(|c| matches!(c, '"' | '\''));
        let plain = value.zip(quote).and_then(|(value, quote)| value.split(quote).nth(1));
        // A parameter entity (`%`), one of a file (SYSTEM, PUBLIC), or one that brings references or markup.
        let Some(plain) = plain.filter(|plain| !plain.contains(['&', '%', '<'])) else {
            return Err(Reason::AmbiguousStructure.into());
        };
        longest = longest.max(plain.len());
    }
    let references = size(text.matches('&').count());
    within(Reason::LimitTextBytes, MAX_GROWTH, references.saturating_mul(size(longest)))
}

/// Elements as they are written.
const MAX_ELEMENTS: u64 = 300_000;
/// Elements inside one another.
const MAX_DEPTH: u64 = 200;
/// Attributes of one element.
const MAX_ATTRIBUTES: u64 = 500;
/// Bytes that entities may stand for.
const MAX_GROWTH: u64 = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(svg: &str) -> Reason {
        check(svg, &Limits::default()).unwrap_err().refusal().reason
    }

    #[test]
    fn entities_that_grow_or_name_files_are_refused_and_plain_ones_are_not() {
        let with = |entities: &str| format!("<!DOCTYPE svg [{entities}]><svg>&a;</svg>");
        assert!(check(&with("<!ENTITY a \"http://www.w3.org/2000/svg\">"), &Limits::default()).is_ok());
        for entities in [
            "<!ENTITY b \"x\"><!ENTITY a \"&b;&b;\">",
            "<!ENTITY a SYSTEM \"file:///etc/passwd\">",
            "<!ENTITY a PUBLIC \"x\" \"http://a.example/\">",
            "<!ENTITY % a \"x\">",
            "<!ENTITY a '<rect/>'>",
        ] {
            assert_eq!(refused(&with(entities)), Reason::AmbiguousStructure, "{entities}");
        }
        let many = format!("<!DOCTYPE svg [<!ENTITY a '{}'>]><svg>{}</svg>", "x".repeat(1_000), "&a;".repeat(5_000));
        assert_eq!(refused(&many), Reason::LimitTextBytes);
    }

    #[test]
    fn depth_and_number_of_elements_end_at_their_limits() {
        let nested = |depth: usize| format!("<svg>{}{}</svg>", "<g>".repeat(depth), "</g>".repeat(depth));
        assert!(check(&nested(199), &Limits::default()).is_ok());
        assert_eq!(refused(&nested(200)), Reason::LimitMarkup);
        let few = Limits { markup: 3, ..Limits::default() };
        assert!(check("<svg><g/><g/></svg>", &few).is_ok());
        assert_eq!(check("<svg><g/><g/><g/></svg>", &few).unwrap_err().refusal().reason, Reason::LimitMarkup);
        assert_eq!(refused("<svg><g></svg>"), Reason::Malformed);
        assert_eq!(refused("<html><svg/></html>"), Reason::UnsupportedType);
    }
}

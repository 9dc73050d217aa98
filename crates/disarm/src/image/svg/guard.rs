//! A walk over the markup before it is drawn.

use std::borrow::Cow;

use form::{Limits, Place, Reason};
use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};

use super::chains::{Chains, parts_named};
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
    let (mut elements, mut depth, mut deepest, mut in_style) = (0_u64, 0_u64, 1_u64, false);
    // The parts around, with and without a name.
    let (mut chains, mut inside) = (Chains::default(), Vec::new());
    loop {
        let event = reader.read_event().map_err(|_| Error::from(Reason::Malformed))?;
        match event {
            Event::Start(ref tag) | Event::Empty(ref tag) => {
                if elements == 0 && tag.local_name().as_ref() != "svg" {
                    return Err(Reason::UnsupportedType.into());
                }
                elements = elements.saturating_add(1);
                within(Reason::LimitMarkup, most_elements, elements)?;
                element(tag, &mut found, &mut chains, &mut inside)?;
                if matches!(event, Event::Empty(_)) {
                    inside.pop();
                } else {
                    in_style = tag.local_name().as_ref() == "style";
                    depth = depth.saturating_add(1);
                    deepest = deepest.max(depth);
                    within(Reason::LimitMarkup, most_depth, depth)?;
                }
            }
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                inside.pop();
                in_style = false;
            }
            Event::Text(text) if in_style => style(&text, &mut found),
            Event::CData(text) if in_style => style(&text, &mut found),
            Event::Comment(_) => found.add_metadata("comment"),
            Event::PI(pi) if pi.starts_with("xml-stylesheet") => found.external = found.external.saturating_add(1),
            Event::DocType(subset) => entities(&subset, text)?,
            Event::Eof => break,
            Event::PI(_) | Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) | Event::Decl(_) => {}
        }
    }
    chains.check(deepest)?;
    if elements == 0 || depth > 0 { Err(Reason::Malformed.into()) } else { Ok(found) }
}

/// Takes an element, and puts it on the pile of those around what comes next.
fn element(
    tag: &BytesStart<'_>,
    found: &mut Found,
    chains: &mut Chains,
    inside: &mut Vec<Option<u32>>,
) -> Result<(), Error> {
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
    inside.push(None);
    let id = tag.try_get_attribute("id").map_err(|_| Error::from(Reason::Malformed))?;
    if let (Some(id), Some(own)) = (id, inside.last_mut()) {
        *own = Some(chains.part(plain("id", &id.value)?.trim()));
    }
    for attribute in tag.attributes().with_checks(true) {
        let attribute = attribute.map_err(|_| Error::from(Reason::Malformed))?;
        attributes = attributes.saturating_add(1);
        within(Reason::LimitMarkup, MAX_ATTRIBUTES, attributes)?;
        let value = plain(attribute.key.as_ref(), &attribute.value)?;
        let key = attribute.key.local_name();
        let (key, value) = (key.as_ref(), value.trim());
        if key.len() > 2 && key.get(..2).is_some_and(|on| on.eq_ignore_ascii_case("on")) {
            count(&mut found.scripts);
        } else if matches!(key, "href" | "src") {
            let lower = value.get(..16).unwrap_or(value).to_ascii_lowercase();
            match name {
                _ if value.is_empty() => {}
                _ if value.starts_with('#') => {
                    if name != "a" {
                        chains.refer(inside, value.trim_start_matches('#'))?;
                    }
                }
                _ if lower.starts_with("javascript:") || lower.starts_with("vbscript:") => count(&mut found.scripts),
                // A link that is clicked on loads nothing by itself.
                "a" | "script" => {}
                "image" | "feImage" if lower.starts_with("data:") => {}
                "image" | "feImage" | "img" => count(&mut found.remote_pictures),
                _ => count(&mut found.external),
            }
        } else {
            style(value, found);
            for part in parts_named(value) {
                chains.refer(inside, part)?;
            }
        }
    }
    Ok(())
}

/// A value with its references resolved. Entities of the file's own are left as they are where nothing is looked up by the value;
/// elsewhere they would hide what is.
fn plain<'a>(key: &str, raw: &'a str) -> Result<Cow<'a, str>, Error> {
    if !raw.contains('&') {
        return Ok(raw.into());
    }
    if let Ok(value) = unescape(raw) {
        return Ok(value.into_owned().into());
    }
    let prefix = key.split_once(':').map_or(key, |(prefix, _)| prefix);
    let foreign = prefix != key && prefix != "xlink" && !key.ends_with("href");
    if prefix == "xmlns" || key == "requiredExtensions" || foreign {
        Ok(raw.into())
    } else {
        Err(Reason::AmbiguousStructure.into())
    }
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
    fn entities_hide_no_names() {
        let with = |attribute: &str| format!("<!DOCTYPE svg [<!ENTITY a 'http://a.example'>]><svg {attribute}='&a;'/>");
        for attribute in ["xmlns", "xmlns:x", "requiredExtensions", "i:x"] {
            assert!(check(&with(attribute), &Limits::default()).is_ok(), "{attribute}");
        }
        for attribute in ["id", "href", "xlink:href", "fill", "style"] {
            assert_eq!(refused(&with(attribute)), Reason::AmbiguousStructure, "{attribute}");
        }
        let mut circle = "<svg><g id='a'><use href='#b'/></g><g id='&#98;'><use href='#&#x61;'/></g></svg>".to_owned();
        assert_eq!(refused(&circle), Reason::LimitMarkup);
        circle = circle.replace("#b", "#c");
        assert!(check(&circle, &Limits::default()).is_ok());
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

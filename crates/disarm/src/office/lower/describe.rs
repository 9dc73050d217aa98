//! Words of drawings that become pixels: they go where a picture says in words what it shows, so that a search finds them and a
//! screen reader reads them.

use form::office::{Markup, Namespace, Type, Value};

use super::Lowerer;
use super::frames::{Frame, Role};

impl Lowerer<'_, '_, '_> {
    /// Says in words what the picture shows that is being read, where its author has not done so.
    ///
    /// One drawing may stand in a thousand places: beyond [`MAX_DESCRIBED_BYTES`] of a part, its words are not said again.
    pub(super) fn describe(&mut self, words: &str) {
        self.described = self.described.saturating_add(words.len());
        if self.described > MAX_DESCRIBED_BYTES {
            return;
        }
        for (holder, path, attribute) in HOLDERS {
            let found = self.frames.iter().rev().find_map(|frame| match &frame.role {
                Role::Element(element) if !element.is_written && holder.contains(&element.of.name()) => {
                    Some((element.start, element.of))
                }
                _ => None,
            });
            if let Some((start, of)) = found {
                let properties = path.iter().try_fold((start, of), |(at, of), name| child_of(&self.tape, at, of, name));
                if let Some((at, of)) = properties {
                    self.set_description(at, of, attribute, words);
                }
            }
        }
    }

    fn set_description(&mut self, start: usize, of: Type, attribute: &str, words: &str) {
        let Some(number) = of.attribute_named(Namespace::NONE, attribute) else { return };
        let value = Value::Text(words.into());
        if !of.attribute(number).is_some_and(|attribute| attribute.kind().takes(&value)) {
            return;
        }
        let first = start.saturating_add(1);
        let attributes = self.tape.get(first..).unwrap_or_default().iter();
        let count = attributes.take_while(|step| matches!(step, Markup::Attribute(..))).count();
        let own = self.tape.iter_mut().skip(first).take(count).find_map(|step| match step {
            Markup::Attribute(known, value) if *known == number => Some(value),
            _ => None,
        });
        match own {
            Some(Value::Text(text)) if text.trim().is_empty() => *text = words.into(),
            Some(_) => {}
            None => {
                let at = first.saturating_add(count);
                self.tape.insert(at, Markup::Attribute(number, value));
                self.own.moved(at);
                for start in self.frames.iter_mut().filter_map(Frame::start) {
                    *start = start.saturating_add(usize::from(*start >= at));
                }
            }
        }
    }
}

/// Where the child of that name begins, of the element of type `of` that begins at `start` of the steps.
pub(super) fn child_of(steps: &[Markup], start: usize, of: Type, name: &str) -> Option<(usize, Type)> {
    let mut depth = 0_usize;
    for (at, step) in steps.iter().enumerate().skip(start.checked_add(1)?) {
        match step {
            Markup::Open(number) => {
                let child = of.child(*number).filter(|child| depth == 0 && child.name() == name);
                if let Some(child) = child {
                    return Some((at, child));
                }
                depth = depth.saturating_add(1);
            }
            Markup::Close => depth = depth.checked_sub(1)?,
            Markup::Attribute(..) | Markup::Text(_) | Markup::Choice(_) | Markup::EndChoice => {}
        }
    }
    None
}

const MAX_DESCRIBED_BYTES: usize = 1 << 20;

/// What holds a picture, the way from there to what says what it shows, and how it is called there: `pic:cNvPr` and the like, for Word
/// `wp:docPr` too; shapes of VML say it themselves.
const HOLDERS: [(&[&str], &[&str], &str); 3] = [
    (&["pic"], &["nvPicPr", "cNvPr"], "descr"),
    (&["inline", "anchor"], &["docPr"], "descr"),
    (&["shape", "rect", "roundrect", "oval"], &[], "alt"),
];

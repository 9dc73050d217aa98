//! Content in several forms, of which a program reads the first that it knows (ECMA-376 part 3, section 7.5), and embedded objects,
//! of which the picture is such a form.

use form::office::{Markup, Value, may_require};
use quick_xml::events::BytesStart;

use super::frames::{Choice, Element, Frame, Object, Role, Stand, Standby};
use super::references::Space;
use super::rules::Special;
use super::scope::Mark;
use super::{Fault, Lowerer, describe};

impl Lowerer<'_, '_, '_> {
    pub(super) fn enter_compatibility(&mut self, tag: &BytesStart<'_>, name: &str, mark: Mark) -> Result<bool, Fault> {
        match name {
            "AlternateContent" if !self.frames.is_empty() => {
                self.push(Role::Alternatives { is_taken: false, standby: None }, mark)
            }
            "Choice" => {
                let Some(Frame { role: Role::Alternatives { is_taken: false, .. }, .. }) = self.frames.last() else {
                    return Ok(false);
                };
                let required = tag
                    .attributes()
                    .with_checks(false)
                    .filter_map(Result::ok)
                    .find(|attribute| attribute.key.as_ref() == "Requires")
                    .map(|attribute| attribute.value.into_owned())
                    .unwrap_or_default();
                let mut known =
                    required.split_ascii_whitespace().map(|prefix| self.scope.namespace(prefix, self.context.names));
                let first = known.next().flatten().filter(|first| may_require(*first, self.context.family));
                // Places in per cent, which only Word knows; beside them stands the same in length, which all know.
                let is_place = first.is_some_and(|first| first.prefix() == "wp14")
                    && self
                        .parent()
                        .is_some_and(|around| matches!(around.of.name(), "anchor" | "positionH" | "positionV"));
                let standby = if is_place { self.standby() } else { None };
                let Some(namespace) = first.filter(|_| known.all(|each| each.is_some())) else { return Ok(false) };
                let start = self.tape.len();
                let is_nested = self.frames.iter().rev().find_map(|frame| match &frame.role {
                    Role::Element(_) | Role::Object(_) => Some(false),
                    Role::Choice(choice) => choice.is_marked.then_some(true),
                    Role::Through | Role::Backing { .. } | Role::Alternatives { .. } => None,
                });
                let is_marked = is_nested == Some(false);
                if is_marked {
                    self.tape.push(Markup::Choice(namespace));
                }
                if let Some(Frame { role: Role::Alternatives { standby: slot, .. }, .. }) = self.frames.last_mut() {
                    *slot = standby;
                }
                self.push(Role::Choice(Choice { start, is_marked, is_written: false }), mark)
            }
            "Fallback" => match self.frames.last_mut() {
                Some(Frame { role: Role::Alternatives { is_taken: false, .. }, .. }) => self.push(Role::Through, mark),
                Some(Frame { role: Role::Alternatives { standby, .. }, .. }) => match standby.take() {
                    Some(standby) => {
                        self.give_way(standby);
                        self.push(Role::Through, mark)
                    }
                    None => Ok(false),
                },
                _ => Ok(false),
            },
            _ => Ok(false),
        }
    }

    /// Takes back a choice of which nothing is left, and tells the alternatives around it whether one was taken.
    pub(super) fn end_choice(&mut self, choice: &Choice) {
        let begun = choice.start.saturating_add(usize::from(choice.is_marked));
        let is_empty = !choice.is_written && self.tape.len() <= begun;
        if is_empty {
            self.cut(choice.start);
        } else if choice.is_marked && !choice.is_written && self.is_plain(choice.start) {
            self.tape.remove(choice.start);
            self.own.removed(choice.start);
        } else if choice.is_marked {
            self.tape.push(Markup::EndChoice);
        }
        if let Some(Frame { role: Role::Alternatives { is_taken, standby }, .. }) = self.frames.last_mut() {
            *is_taken = !is_empty;
            // What is written or not there cannot give way.
            *standby = standby.filter(|_| !is_empty && !choice.is_written);
        }
    }

    /// Whether a choice that begins there can be read without the vocabulary that it asks for. Excel asks for one where it adds to a picture
    /// which cells it shows: that stays behind, and LibreOffice would show no picture.
    fn is_plain(&self, start: usize) -> bool {
        let Some((Markup::Choice(required), content)) = self.tape.get(start..).and_then(<[Markup]>::split_first) else {
            return false;
        };
        let Some(around) = self.parent().filter(|around| required.prefix() == "a14" && !around.is_object) else {
            return false;
        };
        let mut open = vec![around.of];
        for step in content {
            match step {
                Markup::Open(number) => {
                    let Some(of) = open.last().and_then(|around| around.child(*number)) else { return false };
                    // Who does not know an extension passes over it.
                    if of.namespace() == *required && !open.iter().any(|around| around.name() == "ext") {
                        return false;
                    }
                    open.push(of);
                }
                Markup::Close => drop(open.pop()),
                Markup::Attribute(..) | Markup::Text(_) | Markup::Choice(_) | Markup::EndChoice => {}
            }
        }
        true
    }

    /// How the element around is before a choice that may give way.
    fn standby(&self) -> Option<Standby> {
        let frame = self.frames.iter().rposition(|frame| matches!(frame.role, Role::Element(_)))?;
        let Some(Frame { role: Role::Element(element), .. }) = self.frames.get(frame) else { return None };
        let Element { state, last, is_disordered, .. } = *element;
        Some(Standby { start: self.tape.len(), frame, state, last, is_disordered })
    }

    /// Takes a choice back.
    fn give_way(&mut self, standby: Standby) {
        self.cut(standby.start);
        if let Some(Frame { role: Role::Element(element), .. }) = self.frames.get_mut(standby.frame) {
            (element.state, element.last, element.is_disordered) = (standby.state, standby.last, standby.is_disordered);
        }
    }

    /// Begins an embedded object in a frame for graphics, whose picture may take the place of that frame.
    pub(super) fn enter_object(&mut self, tag: &BytesStart<'_>, mark: Mark) -> Result<bool, Fault> {
        let graphic = self.frames.iter().rposition(
            |frame| matches!(&frame.role, Role::Element(element) if element.special == Special::Frame && !element.is_written),
        );
        match graphic {
            Some(graphic) => {
                let start = self.tape.len();
                let mut attributes = tag.attributes();
                let shape = attributes.with_checks(false).filter_map(Result::ok);
                let shape = shape.filter(|attribute| attribute.key.as_ref() == "spid").last();
                let preview = shape.and_then(|shape| (self.context.preview)(&shape.value));
                self.push(Role::Object(Object { start, graphic, picture: None, preview }), mark)
            }
            None => Ok(false),
        }
    }

    /// Gives the picture of an object to the frame that it takes the place of when that ends.
    pub(super) fn end_object(&mut self, object: &Object) {
        let steps = self.tape.split_off(object.start.min(self.tape.len()));
        if let Some((child, next)) = object.picture
            && let Some(Frame { role: Role::Element(element), .. }) = self.frames.get_mut(object.graphic)
        {
            element.picture = Some(Box::new(Stand { child, next, steps }));
        }
    }

    /// Puts the picture of an object where the frame stood that showed it. It takes over the frame's number and name, which timing may
    /// name: of its own it has the number 0, as PowerPoint writes it.
    pub(super) fn take_place(&mut self, element: &Element, mut stand: Stand) {
        let named = |steps: &[Markup], at: usize| -> Vec<(u8, Value)> {
            let attributes = steps.get(at.saturating_add(1)..).unwrap_or_default().iter();
            let attributes = attributes.map_while(|step| match step {
                Markup::Attribute(number, value) => Some((*number, value.clone())),
                _ => None,
            });
            attributes.collect()
        };
        let of_frame = describe::child_of(&self.tape, element.start, element.of, "nvGraphicFramePr")
            .and_then(|(at, of)| describe::child_of(&self.tape, at, of, "cNvPr"));
        let picture = self.parent().and_then(|around| around.of.child(stand.child));
        let of_picture = picture
            .and_then(|of| describe::child_of(&stand.steps, 0, of, "nvPicPr"))
            .and_then(|(at, of)| describe::child_of(&stand.steps, at, of, "cNvPr"));
        let mut number = None;
        if let (Some((from, of)), Some((at, same))) = (of_frame, of_picture)
            && of == same
        {
            let own = named(&stand.steps, at);
            let mut merged = named(&self.tape, from);
            let is_number = |id: u8, name: &str| of.attribute(id).is_some_and(|attribute| attribute.name() == name);
            // What the picture says of itself stays where the frame says nothing.
            merged.extend(
                own.iter().filter(|(id, _)| !merged.iter().any(|(known, _)| known == id)).cloned().collect::<Vec<_>>(),
            );
            number = merged.iter().find(|(id, _)| is_number(*id, "id")).map(|(_, value)| value.clone());
            let first = at.saturating_add(1);
            let steps = merged.into_iter().map(|(id, value)| Markup::Attribute(id, value));
            stand.steps.splice(first..first.saturating_add(own.len()), steps);
        }
        self.cut(element.start);
        if let Some(number) = number {
            self.own.define(Space::Shape, Some(&number), element.start);
        }
        self.tape.extend(stand.steps);
        self.placed(stand.child, stand.next);
    }
}

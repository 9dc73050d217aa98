//! What of a part is open: the elements around the place that is read, and what else of the document others stand in.

use form::office::{Markup, State, TextKind, Type, Value};

use super::rules::Special;
use super::scope::Mark;
use super::{Fault, Lowerer, depth_limit};

/// An element that is open, or something else of the document that others stand in.
pub(super) struct Frame {
    pub(super) role: Role,
    /// What was declared before it.
    pub(super) mark: Mark,
}

impl Frame {
    /// Where it begins on the tape, or what of it may give way; nothing for what leaves no trace there.
    pub(super) fn start(&mut self) -> Option<&mut usize> {
        match &mut self.role {
            Role::Element(Element { start, .. })
            | Role::Choice(Choice { start, .. })
            | Role::Object(Object { start, .. })
            | Role::Backing { start }
            | Role::Alternatives { standby: Some(Standby { start, .. }), .. } => Some(start),
            Role::Alternatives { standby: None, .. } | Role::Through => None,
        }
    }
}

/// What a frame is to what stands in it.
pub(super) enum Role {
    Element(Element),
    /// What stands in it counts as if it stood around it.
    Through,
    /// `mc:AlternateContent`.
    Alternatives {
        is_taken: bool,
        /// A choice was taken that gives way to the fallback, if there is one.
        standby: Option<Standby>,
    },
    Choice(Choice),
    Object(Object),
    /// What is behind a canvas, or the line around it: the properties of a shape of ours that begins there on the tape.
    Backing {
        start: usize,
    },
}

/// `mc:Choice`.
pub(super) struct Choice {
    /// Where it begins on the tape.
    pub(super) start: usize,
    /// The form has a step for it.
    pub(super) is_marked: bool,
    pub(super) is_written: bool,
}

/// An embedded object whose picture takes the place of the frame that holds it.
pub(super) struct Object {
    /// Where it begins on the tape.
    pub(super) start: usize,
    /// The frame of the graphic.
    pub(super) graphic: usize,
    pub(super) picture: Option<(u16, Option<State>)>,
    /// The relationship to a picture, where it may have none of its own.
    pub(super) preview: Option<String>,
}

/// Where an element stood before a choice that may give way.
#[derive(Clone, Copy)]
pub(super) struct Standby {
    /// Where the choice begins on the tape.
    pub(super) start: usize,
    /// The frame of the element around it, and how that was.
    pub(super) frame: usize,
    pub(super) state: State,
    pub(super) last: Option<u16>,
    pub(super) is_disordered: bool,
}

/// An element on the tape that has not ended.
pub(super) struct Element {
    pub(super) of: Type,
    pub(super) special: Special,
    /// Its number in the type around it, and the state there after it; nothing where it comes out of order.
    pub(super) child: u16,
    pub(super) next: Option<State>,
    /// Where it begins on the tape.
    pub(super) start: usize,
    pub(super) state: State,
    pub(super) is_disordered: bool,
    /// Its beginning was written.
    pub(super) is_written: bool,
    /// Its last child.
    pub(super) last: Option<u16>,
    /// Something that it cannot do without was left out.
    pub(super) is_doomed: bool,
    /// The picture to put in its place.
    pub(super) picture: Option<Box<Stand>>,
}

/// A picture that takes the place of an element.
pub(super) struct Stand {
    pub(super) child: u16,
    pub(super) next: Option<State>,
    pub(super) steps: Vec<Markup>,
}

/// What the elements that come next stand in.
pub(super) struct Parent {
    pub(super) of: Type,
    pub(super) state: State,
    pub(super) is_written: bool,
    pub(super) is_object: bool,
}

impl Lowerer<'_, '_, '_> {
    /// Opens one more.
    ///
    /// # Errors
    /// Beyond `markup_depth` elements inside one another.
    pub(super) fn push(&mut self, role: Role, mark: Mark) -> Result<bool, Fault> {
        let limit = self.context.limits.markup_depth;
        if self.frames.len() >= usize::try_from(limit).unwrap_or(usize::MAX) {
            return Err(Fault::Fatal(depth_limit(limit)));
        }
        self.frames.push(Frame { role, mark });
        Ok(true)
    }

    /// Takes back what stands on the tape from there on.
    pub(super) fn cut(&mut self, at: usize) {
        self.tape.truncate(at);
        self.own.cut(at);
    }

    /// The element around the place that is read; behind an embedded object the one around its frame.
    pub(super) fn parent(&self) -> Option<Parent> {
        let mut is_object = false;
        let mut from = self.frames.len();
        loop {
            let frames = self.frames.get(..from)?;
            let at = frames.iter().rposition(|frame| matches!(frame.role, Role::Element(_) | Role::Object(_)))?;
            match &frames.get(at)?.role {
                Role::Element(element) => {
                    let Element { of, state, is_written, .. } = *element;
                    return Some(Parent { of, state, is_written, is_object });
                }
                // Its picture is to stand where the frame of the graphic does.
                Role::Object(object) => (is_object, from) = (true, object.graphic),
                _ => return None,
            }
        }
    }

    /// A child was kept: the element around it goes on from there.
    pub(super) fn placed(&mut self, child: u16, next: Option<State>) {
        for frame in self.frames.iter_mut().rev() {
            match &mut frame.role {
                Role::Element(element) => {
                    element.last = Some(child);
                    match next {
                        Some(next) => element.state = next,
                        None => element.is_disordered = true,
                    }
                    return;
                }
                Role::Object(object) => {
                    object.picture = Some((child, next));
                    return;
                }
                Role::Through | Role::Backing { .. } | Role::Alternatives { .. } | Role::Choice(_) => {}
            }
        }
    }

    /// Condemns the next element of that sort around the one that just ended, if what is between cannot stay either.
    pub(super) fn doom(&mut self, special: Special) {
        let is_sought = |frame: &Frame| matches!(&frame.role, Role::Element(element) if element.special == special);
        let Some(at) = self.frames.iter().rposition(is_sought) else { return };
        if self.frames.len().saturating_sub(at) > MAX_DOOMED {
            return;
        }
        for frame in self.frames.iter_mut().skip(at) {
            if let Role::Element(element) = &mut frame.role {
                element.is_doomed = true;
            }
        }
    }

    /// Condemns the timing of a slide around the element that just began, however deep that is in it.
    pub(super) fn doom_timing(&mut self) {
        let is_timing = |frame: &Frame| matches!(&frame.role, Role::Element(element) if element.of.is("p", "timing"));
        let Some(at) = self.frames.iter().rposition(is_timing) else { return };
        for frame in self.frames.iter_mut().skip(at) {
            if let Role::Element(element) = &mut frame.role {
                element.is_doomed = !element.is_written;
            }
        }
        self.account.repaired = self.account.repaired.saturating_add(1);
    }

    /// Whether text that comes now means something.
    pub(super) fn takes_text(&self) -> bool {
        matches!(self.frames.last(), Some(Frame { role: Role::Element(element), .. }) if element.of.text() != TextKind::None)
    }

    /// The value of the attribute of that name that an element on the tape has.
    pub(super) fn value_of(&self, element: &Element, name: &str) -> Option<&Value> {
        let after = self.tape.get(element.start.saturating_add(1)..)?;
        after
            .iter()
            .map_while(|step| if let Markup::Attribute(number, value) = step { Some((*number, value)) } else { None })
            .find_map(|(number, value)| {
                element.of.attribute(number).filter(|attribute| attribute.name() == name).map(|_| value)
            })
    }
}

/// Levels between something that is refused and the element that cannot do without it.
const MAX_DOOMED: usize = 10;

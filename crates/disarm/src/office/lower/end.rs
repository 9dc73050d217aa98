//! The end of an element: its children are put in order, what it cannot do without is added, and where neither makes it whole it is
//! left out.

use form::office::{Markup, TextKind, Type, Value};

use super::frames::{Element, Frame, Object, Role};
use super::rules::Special;
use super::{Fault, Lowerer, output, tape};
use crate::office::{carried, previews};

impl Lowerer<'_, '_, '_> {
    /// Ends what was begun last, and writes what is long enough.
    pub(super) fn end(&mut self) -> Result<(), Fault> {
        self.add_what_lacks()?;
        let Some(Frame { role, mark }) = self.frames.pop() else { return Err(Fault::Broken) };
        self.scope.back_to(mark);
        match role {
            Role::Element(element) => self.close(element)?,
            Role::Through | Role::Alternatives { .. } => {}
            Role::Choice(choice) => self.end_choice(&choice),
            Role::Object(object) => self.end_object(&object),
            Role::Backing { start } => self.end_backing(start)?,
        }
        let is_outer = self.frames.len() <= OUTER_DEPTH && self.tape.len() > self.next_write;
        if is_outer || self.tape.len() > self.next_write.max(output::HARD_STEPS) {
            self.write_outer()?;
        }
        Ok(())
    }

    /// Names that the workbook lacks, which has no list of them so far.
    pub(super) fn add_names(&mut self) -> Result<(), Fault> {
        if std::mem::replace(&mut self.is_named, true) {
            return Ok(());
        }
        self.insert(&carried::list(self.context.carried))
    }

    /// Markup of ours that belongs before the end of what is ended: of a list of names, of the part, of an object without a picture, of a note without a place.
    fn add_what_lacks(&mut self) -> Result<(), Fault> {
        let is_list = |role: &Role| matches!(role, Role::Element(element) if element.of.is("x", "definedNames"));
        if !self.is_named && self.frames.last().is_some_and(|frame| is_list(&frame.role)) {
            self.is_named = true;
            self.insert(self.context.carried)?;
        }
        if self.frames.len() == 1 {
            self.add_names()?;
        }
        if self.frames.len() == 1 && !self.is_added {
            self.is_added = true;
            self.insert(self.context.addition)?;
        }
        if let Some(Frame { role: Role::Object(Object { picture: None, preview, .. }), .. }) = self.frames.last_mut()
            && let Some(id) = preview.take()
        {
            self.insert(&previews::slide_picture(&id, self.place))?;
        }
        if let Some(Frame { role: Role::Element(element), .. }) = self.frames.last()
            && self.note_anchor.is_some()
            && element.of.is("x", "comment")
        {
            let (of, state) = (element.of, element.state);
            let may_come = of.children_named(of.namespace(), "commentPr").any(|child| of.step(state, child).is_some());
            if let Some(anchor) = self.note_anchor.take().filter(|_| may_come) {
                self.insert(&anchor)?;
            }
        }
        Ok(())
    }

    fn close(&mut self, mut element: Element) -> Result<(), Fault> {
        if let Some(stand) = element.picture.take() {
            self.take_place(&element, *stand);
            return Ok(());
        }
        let is_kept = self.close_text(&element) && self.settle(&mut element);
        // What is written of the element around it cannot be put in order any more; what it lacked may have been added since.
        let around = self.parent().filter(|parent| parent.is_written && element.next.is_none() && !element.is_written);
        if let Some(around) = &around {
            element.next = around.of.step(around.state, element.child);
        }
        if around.is_some() && element.next.is_none() {
            self.account.repaired = self.account.repaired.saturating_add(1);
            self.cut(element.start);
            return Ok(());
        }
        if !is_kept || (element.is_doomed && !element.is_written) {
            if element.is_written {
                // Its beginning is out already and cannot be taken back.
                return Err(Fault::Broken);
            }
            let is_told = matches!(
                element.special,
                Special::Extension | Special::Graphic | Special::Frame | Special::PivotCaches
            );
            // Of links each is told that is gone.
            let is_told = is_told || element.of.is("x", "hyperlinks");
            if !element.is_doomed && !is_told && element.of.text() == TextKind::None {
                self.account.unknown(format!("{}:{}", element.of.namespace().prefix(), element.of.name()));
            }
            self.cut(element.start);
            return Ok(());
        }
        self.tape.push(Markup::Close);
        if self.frames.is_empty() {
            self.is_complete = true;
        } else if !element.is_written {
            self.placed(element.child, element.next);
        }
        Ok(())
    }

    /// Puts the children in order and adds what is needed; false where the element cannot be made whole.
    fn settle(&mut self, element: &mut Element) -> bool {
        let (of, start) = (element.of, element.start);
        if element.is_disordered {
            let end = self.tape.len();
            let arranged = tape::arrange(&mut self.tape, start..end, of, false);
            element.state = arranged.state;
            self.own.arranged(start, &arranged.moves);
            self.account.repaired = self.account.repaired.saturating_add(arranged.repaired);
        }
        // A model of any number of children is in its first state after each of them, too: only the tape tells.
        let children = self.tape.get(start.saturating_add(1)..).unwrap_or_default();
        let has_children = element.is_written || children.iter().any(|step| matches!(step, Markup::Open(_)));
        match element.special {
            Special::Extension if !has_children => return false,
            Special::Graphic if !has_children => {
                self.doom(Special::Frame);
                return false;
            }
            // A show of slides none of which is there.
            Special::Show => {
                let is_slide = |step: &Markup| matches!(step, Markup::Attribute(_, Value::Relationship(_)));
                if !children.iter().any(is_slide) {
                    return false;
                }
            }
            Special::Blocks => self.end_with_paragraph(element),
            _ => {}
        }
        if of.accepts(element.state) {
            return true;
        }
        if element.is_written {
            return self.complete_written(element);
        }
        let completed = tape::complete(&mut self.tape, start, of, element.state);
        self.account.repaired = self.account.repaired.saturating_add(u32::from(completed));
        completed
    }

    /// Word takes a cell, note or text box for damaged that does not end with a paragraph (ECMA-376 part 1, section 17.4.65),
    /// which the content model does not say.
    fn end_with_paragraph(&mut self, element: &mut Element) {
        let of = element.of;
        let last = element.last.and_then(|last| of.child(last)).map_or("", Type::name);
        if matches!(last, "p" | "sdt") {
            return;
        }
        let mut paragraphs = of.children_named(of.namespace(), "p");
        if let Some((number, next)) = paragraphs.find_map(|number| Some((number, of.step(element.state, number)?))) {
            self.tape.extend([Markup::Open(number), Markup::Close]);
            element.state = next;
            self.account.repaired = self.account.repaired.saturating_add(1);
        }
    }

    /// What an element needs whose beginning is written can only be added at its end.
    fn complete_written(&mut self, element: &mut Element) -> bool {
        let of = element.of;
        let last = (0..of.child_count()).find(|number| {
            let is_empty = of.child(*number).is_some_and(|child| {
                child.accepts(child.start()) && !child.all_attributes().any(|attribute| attribute.is_required())
            });
            is_empty && of.step(element.state, *number).is_some_and(|next| of.accepts(next))
        });
        if let Some(number) = last {
            self.tape.extend([Markup::Open(number), Markup::Close]);
        }
        last.is_some()
    }
}

/// Elements that may be open where a tape of ordinary length is written.
const OUTER_DEPTH: usize = 4;

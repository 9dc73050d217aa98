//! What is settled on the tape is written, and the rest goes on from there.

use form::office::State;
use form::{Reason, Refusal};

use super::frames::{Element, Frame, Object, Role};
use super::{Fault, Lowerer, tape};

impl Lowerer<'_, '_, '_> {
    /// Writes the beginnings of all elements that are open, as far as their order is settled, and all that is complete in them.
    pub(super) fn write_outer(&mut self) -> Result<(), Fault> {
        // Where on the tape something begins that cannot be written yet, and which frame that is.
        let mut cut: Option<(usize, usize)> = None;
        let mut parent: Option<usize> = None;
        for at in 0..self.frames.len() {
            let Some(frame) = self.frames.get_mut(at) else { break };
            match &mut frame.role {
                Role::Element(element) if element.is_written => parent = Some(at),
                Role::Element(element) => {
                    let (start, next, is_doomed) = (element.start, element.next, element.is_doomed);
                    if (parent.is_some() && next.is_none()) || is_doomed {
                        cut = Some((start, at));
                        break;
                    }
                    if let Some(parent) = parent {
                        self.settle_before(parent, at)?;
                        self.go_on(parent, next);
                    }
                    if let Some(Frame { role: Role::Element(element), .. }) = self.frames.get_mut(at) {
                        element.is_written = true;
                    }
                    parent = Some(at);
                }
                Role::Choice(choice) => choice.is_written = true,
                Role::Through | Role::Alternatives { .. } => {}
                Role::Object(Object { start, .. }) | Role::Backing { start } => {
                    cut = Some((*start, at));
                    break;
                }
            }
        }
        // The innermost that was written may have children in disorder too.
        let at = cut.map_or(self.frames.len(), |(_, at)| at);
        let before = self.tape.len();
        if let Some(parent) = parent {
            self.settle_before(parent, at)?;
        }
        let shorter = before.saturating_sub(self.tape.len());
        let end = cut.map_or(self.tape.len(), |(start, _)| start.saturating_sub(shorter));
        self.write(end)
    }

    /// An element whose child is open, and written, goes on behind that child.
    fn go_on(&mut self, at: usize, next: Option<State>) {
        if let (Some(next), Some(Frame { role: Role::Element(element), .. })) = (next, self.frames.get_mut(at)) {
            element.state = next;
        }
    }

    /// Orders the complete children of an element, which stand before the frame `next` begins.
    fn settle_before(&mut self, parent: usize, next: usize) -> Result<(), Fault> {
        let end = match self.frames.get(next).map(|frame| &frame.role) {
            Some(
                Role::Element(Element { start, .. }) | Role::Object(Object { start, .. }) | Role::Backing { start },
            ) => *start,
            _ => self.tape.len(),
        };
        // What comes next took its place from the state as it is now, or has none yet and is asked again when it ends.
        let is_bound = match self.frames.get(next).map(|frame| &frame.role) {
            None => false,
            Some(Role::Element(element)) => element.next.is_some(),
            Some(_) => true,
        };
        let Some(Frame { role: Role::Element(element), .. }) = self.frames.get_mut(parent) else {
            return Err(Fault::Broken);
        };
        if element.is_disordered {
            let before = self.tape.len();
            let arranged = tape::arrange(&mut self.tape, element.start..end, element.of, is_bound);
            element.is_disordered = false;
            element.state = arranged.state;
            self.own.arranged(element.start, &arranged.moves);
            self.account.repaired = self.account.repaired.saturating_add(arranged.repaired);
            let shorter = before.saturating_sub(self.tape.len());
            self.shift(next, shorter);
        }
        Ok(())
    }

    /// The tape lost that many steps before the frames from `from` on.
    fn shift(&mut self, from: usize, by: usize) {
        for start in self.frames.iter_mut().skip(from).filter_map(Frame::start) {
            *start = start.saturating_sub(by);
        }
    }

    /// Hands out the first `end` steps, without the fields that may not cross.
    pub(super) fn write(&mut self, end: usize) -> Result<(), Fault> {
        let before = self.tape.len();
        let ready = match &mut self.fields {
            Some(fields) => fields.filter(&mut self.tape, self.context.kind.root(), end, self.is_complete),
            None => end,
        };
        let removed = before.saturating_sub(self.tape.len());
        let rest = self.tape.split_off(ready.min(self.tape.len()));
        let mut steps = std::mem::replace(&mut self.tape, rest);
        if !self.is_complete && before > HARD_STEPS.saturating_mul(4) && steps.is_empty() {
            let limit = u64::try_from(HARD_STEPS.saturating_mul(4)).unwrap_or(u64::MAX);
            return Err(Fault::Fatal(Refusal::limit(Reason::LimitMarkup, limit, limit.saturating_add(1)).into()));
        }
        let written = steps.len();
        if written > 0 {
            (self.out)(&mut steps).map_err(Fault::Fatal)?;
        }
        self.next_write = self.tape.len().saturating_add(SOFT_STEPS);
        let gone = written.saturating_add(removed);
        for frame in &mut self.frames {
            // A choice that is out cannot be taken back.
            if let Role::Alternatives { standby, .. } = &mut frame.role {
                *standby = standby.take().filter(|standby| standby.start >= gone);
            }
        }
        self.shift(0, gone);
        self.own.written(gone);
        Ok(())
    }
}

/// Steps on the tape from which on it is written where few elements are open, and where any number is.
pub(super) const SOFT_STEPS: usize = 100_000;
pub(super) const HARD_STEPS: usize = 1_000_000;

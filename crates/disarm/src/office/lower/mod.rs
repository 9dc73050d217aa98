//! Markup of one part to steps of the form: each element is looked up among the children of the one around it, each value made
//! one of its attribute's, and what does not fit is left out or put where it belongs.
//!
//! Steps are gathered on a tape until their order is settled. A part of ordinary size is gathered whole; of a large one the
//! outer elements are written when the tape is long, and what comes for them after that must be in order.

mod alternatives;
mod attributes;
mod describe;
mod fields;
mod output;
pub(super) mod references;
mod rules;
mod scope;
mod tape;
mod text;
mod value;

use std::collections::{HashMap, HashSet};
use std::io::Read;

use form::codec::Kind;
use form::office::{Markup, PartKind, State, Target, TextKind, Type, Value};
use form::{Limits, Place, Reason, Refusal};
use quick_xml::events::{BytesStart, Event};

use super::account::Account;
use super::names::Names;
use super::notes::NoteBox;
use super::workbook::Sheets;
use super::{previews, xml};
use crate::error::Error;
use fields::Fields;
use references::{Known, Own, Rule, Space};
use rules::{Loss, Special};
use scope::{Mark, Scope};

/// What a part stands in.
pub(super) struct Context<'a> {
    pub(super) family: Kind,
    pub(super) kind: PartKind,
    /// Its relationships that cross: their places in its list.
    pub(super) places: &'a HashMap<String, u32>,
    /// What a person calls the part.
    pub(super) title: String,
    /// Where those lead, by their places.
    pub(super) targets: &'a [Target],
    /// What pictures among them say in words, by their places.
    pub(super) words: &'a HashMap<u32, &'a str>,
    /// Sheets of the workbook.
    pub(super) sheets: &'a Sheets,
    /// Some pivot tables do not cross.
    pub(super) lost_pivots: bool,
    /// The relationship to the picture of an object, by the name of its shape.
    pub(super) preview: &'a dyn Fn(&str) -> Option<String>,
    /// Markup of ours that is read as if it stood at the end of the part.
    pub(super) addition: &'a str,
    /// The relationship to a drawing that a worksheet has of us and not of its author.
    pub(super) drawing: Option<&'a str>,
    /// It has pictures in its headers or footers, which cross without markup.
    pub(super) has_header_pictures: bool,
    /// The boxes of notes by their cells.
    pub(super) note_boxes: Option<&'a HashMap<String, NoteBox>>,
    /// What parts that were read before give numbers to.
    pub(super) known: &'a Known,
    pub(super) limits: &'a Limits,
    pub(super) names: &'a Names,
}

/// What a part says of others.
#[derive(Default)]
pub(super) struct Told {
    /// Sheets of a workbook or slides of a presentation: the place of each in the part's relationships, and its name.
    pub(super) members: Vec<(u32, String)>,
    /// What it gives numbers to.
    pub(super) known: Known,
    /// It names something that was not known.
    pub(super) looked_in_vain: bool,
}

/// Why a part was not lowered.
#[derive(Debug)]
pub(super) enum Fault {
    /// It is broken, which an optional part may be.
    Broken,
    /// The document cannot be rebuilt.
    Fatal(Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        if error.refusal().reason == Reason::Malformed { Fault::Broken } else { Fault::Fatal(error) }
    }
}

/// Where steps go.
pub(super) type Out<'o> = &'o mut dyn FnMut(&mut Vec<Markup>) -> Result<(), Error>;

/// Reads one part and hands its steps out, once or several times.
pub(super) fn lower(
    bytes: impl Read,
    context: &Context<'_>,
    account: &mut Account<'_>,
    out: Out<'_>,
) -> Result<Told, Fault> {
    let mut lowerer = Lowerer {
        context,
        account,
        out,
        tape: Vec::new(),
        frames: Vec::new(),
        scope: Scope::default(),
        text: String::new(),
        fields: (context.family == Kind::Flow).then(Fields::default),
        kinds: Vec::new(),
        told: Told::default(),
        refused_shared: HashSet::new(),
        own: Own::default(),
        place: [0; 4],
        lost_sheets: Vec::new(),
        entries: 0,
        is_complete: false,
        is_added: false,
        next_write: output::SOFT_STEPS,
        described: 0,
        note_anchor: None,
    };
    lowerer.run(bytes)?;
    Ok(Told { known: lowerer.own.finish(), ..lowerer.told })
}

struct Lowerer<'a, 'f, 'o> {
    context: &'a Context<'a>,
    account: &'a mut Account<'f>,
    out: Out<'o>,
    tape: Vec<Markup>,
    frames: Vec<Frame>,
    scope: Scope,
    /// The text of the innermost element.
    text: String,
    fields: Option<Fields>,
    /// What is known of types, by their number.
    kinds: Vec<Option<TypeFacts>>,
    told: Told,
    /// Shared formulas whose first was refused.
    refused_shared: HashSet<i64>,
    /// What it gives numbers to so far.
    own: Own,
    /// Left, top, width and height of the frame of graphics that came last.
    place: [i64; 4],
    /// Sheets that were left out, by their place among all.
    lost_sheets: Vec<i64>,
    /// Sheets or slides so far.
    entries: i64,
    is_complete: bool,
    /// What is to be added at the end was added.
    is_added: bool,
    /// How long the tape gets before it is written again: what could not be written is not looked at each time anew.
    next_write: usize,
    /// Bytes of words that drawings were given.
    described: usize,
    /// Where the box of the note lies that was begun last, until it ends.
    note_anchor: Option<String>,
}

#[derive(Clone, Copy)]
struct TypeFacts {
    /// One bit for each attribute that is needed.
    required: u128,
    special: Special,
    rules: &'static [Rule],
}

/// An element that is open, or something else of the document that others stand in.
struct Frame {
    role: Role,
    /// What was declared before it.
    mark: Mark,
}

enum Role {
    Element(Element),
    /// What stands in it counts as if it stood around it.
    Through,
    /// `mc:AlternateContent`.
    Alternatives {
        is_taken: bool,
        /// A choice was taken that gives way to the fallback, if there is one.
        standby: Option<Standby>,
    },
    /// `mc:Choice`; `is_marked` where the form has a step for it, `start` being its place on the tape.
    Choice {
        start: usize,
        is_marked: bool,
        is_written: bool,
    },
    /// An embedded object whose picture takes the place of the frame that holds it.
    Object {
        start: usize,
        /// The frame of the graphic.
        graphic: usize,
        picture: Option<(u16, Option<State>)>,
        /// The relationship to a picture, where it may have none of its own.
        preview: Option<String>,
    },
}

/// Where an element stood before a choice that may give way.
#[derive(Clone, Copy)]
struct Standby {
    /// Where the choice begins on the tape.
    start: usize,
    /// The frame of the element around it, and how that was.
    frame: usize,
    state: State,
    last: Option<u16>,
    is_disordered: bool,
}

struct Element {
    of: Type,
    special: Special,
    /// Its number in the type around it, and the state there after it; nothing where it comes out of order.
    child: u16,
    next: Option<State>,
    /// Where it begins on the tape.
    start: usize,
    state: State,
    is_disordered: bool,
    /// Its beginning was written.
    is_written: bool,
    /// Its last child.
    last: Option<u16>,
    /// Something that it cannot do without was left out.
    is_doomed: bool,
    /// The picture to put in its place.
    picture: Option<Box<Stand>>,
}

/// A picture that takes the place of an element.
struct Stand {
    child: u16,
    next: Option<State>,
    steps: Vec<Markup>,
}

/// What the elements that come next stand in.
struct Parent {
    of: Type,
    state: State,
    is_written: bool,
    is_object: bool,
}

/// What becomes of an element.
enum Verdict {
    Keep,
    Drop,
    Through,
}

impl Lowerer<'_, '_, '_> {
    fn run(&mut self, bytes: impl Read) -> Result<(), Fault> {
        let mut xml = xml::open(bytes)?;
        let mut buffer = Vec::new();
        // Elements that are open and left out.
        let mut skipped = 0_u32;
        loop {
            match xml::next(&mut xml, &mut buffer)? {
                Event::Start(_) if skipped > 0 => {
                    skipped = skipped.saturating_add(1);
                    if skipped > MAX_SKIPPED_DEPTH {
                        return Err(Fault::Fatal(depth_limit(MAX_SKIPPED_DEPTH)));
                    }
                }
                Event::Empty(_) if skipped > 0 => {}
                Event::Start(tag) => {
                    if !self.begin(&tag)? {
                        skipped = 1;
                    }
                }
                Event::Empty(tag) => {
                    if self.begin(&tag)? {
                        self.end()?;
                    }
                }
                Event::End(_) if skipped > 0 => skipped = skipped.saturating_sub(1),
                Event::End(_) => self.end()?,
                Event::Text(text) if skipped == 0 && self.takes_text() => self.add_text(&text),
                Event::CData(text) if skipped == 0 && self.takes_text() => self.add_text(&text),
                Event::GeneralRef(reference) => {
                    let c = xml::character(&reference)?;
                    if skipped == 0 && self.takes_text() {
                        self.add_text(c.encode_utf8(&mut [0; 4]));
                    }
                }
                Event::Eof => break,
                Event::Text(_)
                | Event::CData(_)
                | Event::Decl(_)
                | Event::PI(_)
                | Event::Comment(_)
                | Event::DocType(_) => {}
            }
        }
        if skipped > 0 || !self.frames.is_empty() || !self.is_complete {
            return Err(Fault::Broken);
        }
        let end = self.tape.len();
        self.write(end)?;
        if let Some(fields) = &mut self.fields {
            for instruction in std::mem::take(&mut fields.refused) {
                text::note_field(self.account, &self.context.title, &instruction);
            }
        }
        Ok(())
    }

    /// Begins an element. False where it is left out with all that stands in it.
    fn begin(&mut self, tag: &BytesStart<'_>) -> Result<bool, Fault> {
        let mark = self.scope.mark();
        if tag.attributes_raw().contains("xmlns") {
            self.declare(tag)?;
        }
        let entered = self.enter(tag, mark)?;
        if !entered {
            self.scope.back_to(mark);
        }
        Ok(entered)
    }

    fn declare(&mut self, tag: &BytesStart<'_>) -> Result<(), Fault> {
        for attribute in tag.attributes().with_checks(false) {
            let attribute = attribute.map_err(|_| Fault::Broken)?;
            let key = attribute.key.as_ref();
            if let Some(prefix) = key.strip_prefix("xmlns:").or((key == "xmlns").then_some("")) {
                self.scope.declare(prefix, &xml::value(&attribute.value)?, self.context.names)?;
            }
        }
        for attribute in tag.attributes().with_checks(false) {
            let attribute = attribute.map_err(|_| Fault::Broken)?;
            if let Some((prefix, "ProcessContent")) = attribute.key.as_ref().split_once(':')
                && self.scope.namespace(prefix, self.context.names) == Some(self.context.names.compatibility)
            {
                self.scope.process(&attribute.value);
            }
        }
        Ok(())
    }

    fn enter(&mut self, tag: &BytesStart<'_>, mark: Mark) -> Result<bool, Fault> {
        let qualified = tag.name();
        let (prefix, name) = scope::split(qualified.as_ref()).unwrap_or(("", qualified.as_ref()));
        let Some(namespace) = self.scope.namespace(prefix, self.context.names) else {
            if self.frames.is_empty() {
                return Err(Fault::Broken);
            }
            if self.scope.is_processed(prefix, name) {
                return self.push(Role::Through, mark);
            }
            if !rules::is_noise(self.scope.uri(prefix)) {
                self.lose("", name);
            }
            return Ok(false);
        };
        if namespace == self.context.names.compatibility {
            return self.enter_compatibility(tag, name, mark);
        }
        if matches!(self.frames.last(), Some(Frame { role: Role::Alternatives { .. }, .. })) {
            return Ok(false);
        }
        if self.frames.is_empty() {
            let root = self.context.kind.root();
            if self.is_complete || root.namespace() != namespace || root.name() != name {
                return Err(Fault::Broken);
            }
            return self.open(tag, root, 0, Some(root.start()), mark);
        }
        let vocabulary = namespace.prefix();
        let parent = self.parent().ok_or(Fault::Broken)?;
        // The preview of an embedded object stands in it as a picture does.
        let name = if vocabulary == "w" && name == "object" { "pict" } else { name };
        if parent.is_object && name != "pic" {
            return Ok(false);
        }
        let mut named = parent.of.children_named(namespace, name).peekable();
        let first = named.peek().copied();
        let fitting = named.find_map(|child| Some((child, Some(parent.of.step(parent.state, child)?))));
        let Some((child, next)) = fitting.or(first.map(|child| (child, None))) else {
            if vocabulary == "x" && name == "legacyDrawing" && parent.of == self.context.kind.root() {
                self.insert_drawing()?;
            }
            if rules::is_looked_through(vocabulary, name) {
                return self.push(Role::Through, mark);
            }
            if vocabulary == "p" && name == "oleObj" && self.enter_object(tag, mark)? {
                return Ok(true);
            }
            self.lose(vocabulary, name);
            return Ok(false);
        };
        if next.is_none() && parent.is_written {
            self.account.repaired = self.account.repaired.saturating_add(1);
            return Ok(false);
        }
        let of = parent.of.child(child).ok_or(Fault::Broken)?;
        self.open(tag, of, child, next, mark)
    }

    fn open(
        &mut self,
        tag: &BytesStart<'_>,
        of: Type,
        child: u16,
        next: Option<State>,
        mark: Mark,
    ) -> Result<bool, Fault> {
        let facts = self.facts(of);
        let start = self.tape.len();
        self.tape.push(Markup::Open(child));
        match self.attributes(tag, of, facts)? {
            Verdict::Keep => {}
            Verdict::Drop => {
                self.cut(start);
                return Ok(false);
            }
            Verdict::Through => {
                self.cut(start);
                return self.push(Role::Through, mark);
            }
        }
        self.text.clear();
        let element = Element {
            of,
            special: facts.special,
            child,
            next,
            start,
            state: of.start(),
            is_disordered: false,
            is_written: false,
            last: None,
            is_doomed: false,
            picture: None,
        };
        self.push(Role::Element(element), mark)
    }

    /// Reads markup of ours as if it stood in the part.
    fn insert(&mut self, markup: &str) -> Result<(), Fault> {
        let mut xml = xml::open(markup.as_bytes())?;
        let mut buffer = Vec::new();
        let depth = self.frames.len();
        let mut skipped = 0_u32;
        loop {
            match xml::next(&mut xml, &mut buffer)? {
                Event::Start(_) if skipped > 0 => skipped = skipped.saturating_add(1),
                Event::Empty(_) if skipped > 0 => {}
                Event::Start(tag) => skipped = u32::from(!self.begin(&tag)?),
                Event::Empty(tag) if self.begin(&tag)? => self.end()?,
                Event::End(_) if skipped > 0 => skipped = skipped.saturating_sub(1),
                Event::End(_) => self.end()?,
                Event::Text(text) if skipped == 0 && self.takes_text() => self.add_text(&text),
                Event::GeneralRef(reference) if skipped == 0 && self.takes_text() => {
                    self.add_text(xml::character(&reference)?.encode_utf8(&mut [0; 4]));
                }
                Event::Eof => break,
                _ => {}
            }
        }
        if self.frames.len() == depth { Ok(()) } else { Err(Fault::Broken) }
    }

    /// Names the drawing that a worksheet has of us, where its author had one of VML: right before that one, by the content model.
    fn insert_drawing(&mut self) -> Result<(), Fault> {
        match self.context.drawing {
            Some(id) => self.insert(&previews::sheet_drawing(id)),
            None => Ok(()),
        }
    }

    /// Takes back what stands on the tape from there on.
    fn cut(&mut self, at: usize) {
        self.tape.truncate(at);
        self.own.cut(at);
    }

    fn push(&mut self, role: Role, mark: Mark) -> Result<bool, Fault> {
        let limit = self.context.limits.markup_depth;
        if self.frames.len() >= usize::try_from(limit).unwrap_or(usize::MAX) {
            return Err(Fault::Fatal(depth_limit(limit)));
        }
        self.frames.push(Frame { role, mark });
        Ok(true)
    }

    /// Ends what was begun last.
    fn end(&mut self) -> Result<(), Fault> {
        if self.frames.len() == 1 && !self.is_added {
            self.is_added = true;
            self.insert(self.context.addition)?;
        }
        if let Some(Frame { role: Role::Object { picture: None, preview, .. }, .. }) = self.frames.last_mut()
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
        let Some(Frame { role, mark }) = self.frames.pop() else { return Err(Fault::Broken) };
        self.scope.back_to(mark);
        match role {
            Role::Element(element) => self.close(element)?,
            Role::Through | Role::Alternatives { .. } => {}
            Role::Choice { start, is_marked, is_written } => {
                let begun = start.saturating_add(usize::from(is_marked));
                let is_empty = !is_written && self.tape.len() <= begun;
                if is_empty {
                    self.cut(start);
                } else if is_marked {
                    self.tape.push(Markup::EndChoice);
                }
                if let Some(Frame { role: Role::Alternatives { is_taken, standby }, .. }) = self.frames.last_mut() {
                    *is_taken = !is_empty;
                    // What is written or not there cannot give way.
                    *standby = standby.filter(|_| !is_empty && !is_written);
                }
            }
            Role::Object { start, graphic, picture, .. } => {
                let steps = self.tape.split_off(start.min(self.tape.len()));
                if let (Some((child, next)), Some(Frame { role: Role::Element(element), .. })) =
                    (picture, self.frames.get_mut(graphic))
                {
                    element.picture = Some(Box::new(Stand { child, next, steps }));
                }
            }
        }
        let is_outer = self.frames.len() <= OUTER_DEPTH && self.tape.len() > self.next_write;
        if is_outer || self.tape.len() > self.next_write.max(output::HARD_STEPS) {
            self.write_outer()?;
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

    /// Puts the picture of an object where the frame stood that showed it. It takes over the frame's number and name, which timing may
    /// name: of its own it has the number 0, as PowerPoint writes it.
    fn take_place(&mut self, element: &Element, mut stand: Stand) {
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

    /// Puts the children in order and adds what is needed; false where the element cannot be made whole.
    fn settle(&mut self, element: &mut Element) -> bool {
        let (of, start) = (element.of, element.start);
        if element.is_disordered {
            let end = self.tape.len();
            let arranged = tape::arrange(&mut self.tape, start..end, of, false);
            element.state = arranged.state;
            self.own.arranged(start, &arranged.moves);
            self.account.repaired = self.account.repaired.saturating_add(arranged.lost.max(1));
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

    /// A child was kept: the element around it goes on from there.
    fn placed(&mut self, child: u16, next: Option<State>) {
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
                Role::Object { picture, .. } => {
                    *picture = Some((child, next));
                    return;
                }
                Role::Through | Role::Alternatives { .. } | Role::Choice { .. } => {}
            }
        }
    }

    /// Condemns the next element of that sort around the one that just ended, if what is between cannot stay either.
    fn doom(&mut self, special: Special) {
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
    fn doom_timing(&mut self) {
        let is_timing = |frame: &Frame| matches!(&frame.role, Role::Element(element) if element.of.is("p", "timing"));
        let Some(at) = self.frames.iter().rposition(is_timing) else { return };
        for frame in self.frames.iter_mut().skip(at) {
            if let Role::Element(element) = &mut frame.role {
                element.is_doomed = !element.is_written;
            }
        }
        self.account.repaired = self.account.repaired.saturating_add(1);
    }

    fn parent(&self) -> Option<Parent> {
        let mut is_object = false;
        let mut from = self.frames.len();
        loop {
            let frames = self.frames.get(..from)?;
            let at = frames.iter().rposition(|frame| matches!(frame.role, Role::Element(_) | Role::Object { .. }))?;
            match &frames.get(at)?.role {
                Role::Element(element) => {
                    let Element { of, state, is_written, .. } = *element;
                    return Some(Parent { of, state, is_written, is_object });
                }
                // Its picture is to stand where the frame of the graphic does.
                Role::Object { graphic, .. } => (is_object, from) = (true, *graphic),
                _ => return None,
            }
        }
    }

    fn facts(&mut self, of: Type) -> TypeFacts {
        let number = usize::from(of.code());
        if let Some(Some(facts)) = self.kinds.get(number) {
            return *facts;
        }
        let required = of.all_attributes().enumerate().filter(|(_, attribute)| attribute.is_required());
        let required = required.fold(0_u128, |all, (number, _)| all | attributes::bit(number));
        let facts = TypeFacts { required, special: rules::special(of), rules: references::rules(of) };
        if self.kinds.len() <= number {
            self.kinds.resize(number.saturating_add(1), None);
        }
        if let Some(slot) = self.kinds.get_mut(number) {
            *slot = Some(facts);
        }
        facts
    }

    fn lose(&mut self, prefix: &str, name: &str) {
        // Word writes the effects of letters for the numbers of lists too, where it does not show them.
        if prefix == "w14" && self.context.kind.name() == "NumberingDefinitionsPart" {
            return;
        }
        match rules::lost_element(prefix, name) {
            Loss::Silent => {}
            Loss::Known(Reason::HeaderPictures) if self.context.has_header_pictures => {}
            Loss::Known(reason) => self.account.add(reason, Place::new(&self.context.title)),
            Loss::Unknown => {
                self.account.unknown(format!("{prefix}{}{name}", if prefix.is_empty() { "" } else { ":" }))
            }
        }
    }

    fn takes_text(&self) -> bool {
        matches!(self.frames.last(), Some(Frame { role: Role::Element(element), .. }) if element.of.text() != TextKind::None)
    }

    /// The value of the attribute of that name that an element on the tape has.
    fn value_of(&self, element: &Element, name: &str) -> Option<&Value> {
        let after = self.tape.get(element.start.saturating_add(1)..)?;
        after
            .iter()
            .map_while(|step| if let Markup::Attribute(number, value) = step { Some((*number, value)) } else { None })
            .find_map(|(number, value)| {
                element.of.attribute(number).filter(|attribute| attribute.name() == name).map(|_| value)
            })
    }
}

fn depth_limit(limit: u32) -> Error {
    Refusal::limit(Reason::LimitMarkup, limit.into(), u64::from(limit).saturating_add(1)).into()
}

/// Elements inside one another that are left out: the reader of XML keeps the name of each.
const MAX_SKIPPED_DEPTH: u32 = 4_096;
/// Elements that may be open where a tape of ordinary length is written.
const OUTER_DEPTH: usize = 4;
/// Levels between something that is refused and the element that cannot do without it.
const MAX_DOOMED: usize = 10;

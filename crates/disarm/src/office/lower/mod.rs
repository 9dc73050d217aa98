//! Markup of one part to steps of the form: each element is looked up among the children of the one around it, each value made
//! one of its attribute's, and what does not fit is left out or put where it belongs.
//!
//! Steps are gathered on a tape until their order is settled. A part of ordinary size is gathered whole; of a large one the
//! outer elements are written when the tape is long, and what comes for them after that must be in order.

mod alternatives;
mod attributes;
mod begin;
mod canvas;
mod describe;
mod end;
mod fields;
mod frames;
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
use form::office::{Markup, PartKind, Target};
use form::{Limits, Place, Reason, Refusal};
use quick_xml::events::Event;

use super::account::Account;
use super::names::Names;
use super::notes::NoteBox;
use super::workbook::Sheets;
use super::xml::{self, Xml};
use crate::error::Error;
use begin::TypeFacts;
use fields::Fields;
use frames::Frame;
use references::{Known, Own};
use rules::Loss;
use scope::Scope;

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
    /// Names of a workbook in markup of ours, which belong among its own.
    pub(super) carried: &'a str,
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
        is_named: context.carried.is_empty(),
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
    /// Sheets that were left out, by their place among all, which rises.
    lost_sheets: Vec<i64>,
    /// Sheets or slides so far.
    entries: i64,
    is_complete: bool,
    /// What is to be added at the end was added.
    is_added: bool,
    /// Names that the workbook lacks were added, or there are none.
    is_named: bool,
    /// How long the tape gets before it is written again: what could not be written is not looked at each time anew.
    next_write: usize,
    /// Bytes of words that drawings were given.
    described: usize,
    /// Where the box of the note lies that was begun last, until it ends.
    note_anchor: Option<String>,
}

impl Lowerer<'_, '_, '_> {
    /// Reads the part to its end.
    fn run(&mut self, bytes: impl Read) -> Result<(), Fault> {
        self.read(xml::open(bytes)?)?;
        if !self.frames.is_empty() || !self.is_complete {
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

    /// Reads markup of ours as if it stood in the part.
    fn insert(&mut self, markup: &str) -> Result<(), Fault> {
        let depth = self.frames.len();
        self.read(xml::open(markup.as_bytes())?)?;
        if self.frames.len() == depth { Ok(()) } else { Err(Fault::Broken) }
    }

    fn read(&mut self, mut xml: Xml<'_>) -> Result<(), Fault> {
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
                Event::Start(tag) => skipped = u32::from(!self.begin(&tag)?),
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
        if skipped == 0 { Ok(()) } else { Err(Fault::Broken) }
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
}

fn depth_limit(limit: u32) -> Error {
    Refusal::limit(Reason::LimitMarkup, limit.into(), u64::from(limit).saturating_add(1)).into()
}

/// Elements inside one another that are left out: the reader of XML keeps the name of each.
const MAX_SKIPPED_DEPTH: u32 = 4_096;

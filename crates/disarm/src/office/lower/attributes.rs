//! The attributes of an element, and what some of them decide about it.

use form::office::{Attribute, AttributeKind, Markup, Namespace, Type, Value, grammar};
use form::{Place, Reason};
use quick_xml::events::BytesStart;

use super::begin::{TypeFacts, Verdict};
use super::references::Role;
use super::rules::{self, Loss, Special};
use super::{Fault, Lowerer, scope, text, value};
use crate::office::notes::NoteBox;
use crate::office::xml;

/// The bit of an attribute in a set.
pub(super) fn bit(number: usize) -> u128 {
    u32::try_from(number).ok().and_then(|number| 1_u128.checked_shl(number)).unwrap_or(0)
}

/// What the attributes of one element say beside their values.
#[derive(Default)]
struct Seen {
    /// One bit for each that was kept.
    kept: u128,
    /// One for each that came.
    came: u128,
    /// A relationship that it names does not cross.
    lost_relationship: bool,
    is_refused: bool,
    /// It is of no use without something that it names and that is not there.
    names_nothing: bool,
    is_hidden: bool,
    name: String,
    place: Option<u32>,
    /// The sheet that a name belongs to or that stands in front, counted without those that do not cross.
    shifted: Option<i64>,
}

impl Lowerer<'_, '_, '_> {
    /// Puts the attributes of the element that was begun last on the tape, and says what becomes of it.
    pub(super) fn attributes(&mut self, tag: &BytesStart<'_>, of: Type, facts: TypeFacts) -> Result<Verdict, Fault> {
        let mut seen = Seen::default();
        for attribute in tag.attributes().with_checks(false) {
            let attribute = attribute.map_err(|_| Fault::Broken)?;
            let key = attribute.key.as_ref();
            let (namespace, local) = match scope::split(key) {
                None if key == "xmlns" => continue,
                None => (Some(Namespace::NONE), key),
                Some(("xmlns", _)) => continue,
                Some((prefix, local)) => (self.scope.namespace(prefix, self.context.names), local),
            };
            let Some(namespace) = namespace.filter(|namespace| *namespace != self.context.names.compatibility) else {
                continue;
            };
            let raw = xml::value(&attribute.value)?;
            let Some((number, known)) =
                of.attribute_named(namespace, local).and_then(|number| Some((number, of.attribute(number)?)))
            else {
                self.lost_attribute(local, &raw, facts, &mut seen);
                continue;
            };
            let bit = bit(number.into());
            if seen.came & bit != 0 {
                return Err(Fault::Broken);
            }
            seen.came |= bit;
            // The number of a shape of a drawing that does not cross; in the form it says whether the note is seen.
            if local == "shapeId" && of.is("x", "comment") {
                continue;
            }
            // A rule of a pivot table that is gone is a rule of its cells.
            let is_rule = || of.is("x", "conditionalFormatting") || of.is("x14", "conditionalFormatting");
            if self.context.lost_pivots && local == "pivot" && is_rule() {
                continue;
            }
            // How many rows there are behind pivot tables, where those do not cross.
            if local == "recordCount" && of.is("x", "pivotCacheDefinition") && self.context.places.is_empty() {
                continue;
            }
            let value = match known.kind() {
                AttributeKind::Relationship => self.relationship(of, known, &raw, &mut seen),
                AttributeKind::Formula if !self.takes_formula(&raw) => None,
                _ if !self.special_value(facts.special, known, &raw, &mut seen) => continue,
                _ => value::value(known, of, &raw),
            };
            let value = seen.shifted.take().map(Value::Integer).filter(|value| known.kind().takes(value)).or(value);
            match value {
                Some(value) if !self.is_there(of, known, facts, &value, &mut seen) => {}
                Some(value) => {
                    seen.kept |= bit;
                    self.tape.push(Markup::Attribute(number, value));
                }
                None if known.kind() == AttributeKind::Relationship || raw.trim().is_empty() => {}
                // LibreOffice has the name of an object where the number of a shape belongs.
                None if local == "spt" && of.is("v", "shapetype") => {}
                None if matches!(known.kind(), AttributeKind::Formula | AttributeKind::Name) => {
                    self.refused_place(of, known, facts, &mut seen);
                }
                None => self.account.unknown(format!("{}:{}@{local}", of.namespace().prefix(), of.name())),
            }
        }
        if seen.names_nothing {
            self.account.repaired = self.account.repaired.saturating_add(1);
            return Ok(Verdict::Drop);
        }
        if facts.special == Special::PivotSource && self.context.lost_pivots {
            return Ok(Verdict::Drop);
        }
        let start = self.tape.iter().rposition(|step| matches!(step, Markup::Open(_))).unwrap_or(0);
        let words = seen
            .place
            .filter(|_| of.is("a", "blip") || of.is("v", "imagedata"))
            .and_then(|place| self.context.words.get(&place).copied());
        let verdict = self.judge(of, facts, seen)?;
        if matches!(verdict, Verdict::Keep) {
            self.define(of, facts, start);
            if self.context.note_boxes.is_some() && of.is("x", "comment") {
                self.note_box(of, start);
            }
            if facts.special == Special::Place && (self.is_within("xfrm") || of.is("wp", "extent")) {
                self.note_place(of, start);
            }
            if let Some(words) = words {
                self.describe(words);
            }
        }
        Ok(verdict)
    }

    /// Whether what a value names is there. If not, the attribute goes, with its element where that cannot do without.
    fn is_there(&mut self, of: Type, attribute: Attribute, facts: TypeFacts, value: &Value, seen: &mut Seen) -> bool {
        for rule in facts.rules.iter().filter(|rule| rule.role != Role::Defines && rule.attribute == attribute.name()) {
            if !self.is_ruled(of, rule.parent) || self.own.has(rule.space, value, self.context.known) {
                continue;
            }
            self.told.looked_in_vain = true;
            match rule.role {
                Role::Defines => {}
                Role::Needs => seen.names_nothing = true,
                Role::Mentions => self.account.repaired = self.account.repaired.saturating_add(1),
                Role::Times => {
                    seen.names_nothing = true;
                    self.doom_timing();
                }
            }
            return false;
        }
        true
    }

    /// Takes note of the numbers that the element which begins at `start` gives.
    fn define(&mut self, of: Type, facts: TypeFacts, start: usize) {
        for rule in facts.rules.iter().filter(|rule| rule.role == Role::Defines) {
            if !self.is_ruled(of, rule.parent) {
                continue;
            }
            let value = self.tape.get(start..).unwrap_or_default().iter().find_map(|step| match step {
                Markup::Attribute(number, value) => {
                    of.attribute(*number).filter(|each| each.name() == rule.attribute).map(|_| value)
                }
                _ => None,
            });
            self.own.define(rule.space, value, start);
        }
    }

    /// Says of a note what its box is like, for the clean room to make it so.
    fn note_box(&mut self, of: Type, start: usize) {
        let cell = self.tape.get(start..).unwrap_or_default().iter().find_map(|step| match step {
            Markup::Attribute(number, Value::Text(cell)) => {
                of.attribute(*number).filter(|each| each.name() == "ref").map(|_| &**cell)
            }
            _ => None,
        });
        let found = cell.and_then(|cell| self.context.note_boxes?.get(cell));
        if let (Some(true), Some(number)) =
            (found.map(|found| found.is_seen), of.attribute_named(Namespace::NONE, "shapeId"))
        {
            self.tape.push(Markup::Attribute(number, Value::Integer(1)));
        }
        self.note_anchor = found.and_then(NoteBox::markup);
    }

    /// Takes note of where a frame of graphics stands.
    fn note_place(&mut self, of: Type, start: usize) {
        for step in self.tape.get(start..).unwrap_or_default() {
            let Markup::Attribute(number, Value::Integer(value)) = step else { continue };
            let name = of.attribute(*number).map_or("", Attribute::name);
            let field = ["x", "y", "cx", "cy"].iter().position(|known| *known == name);
            if let Some(slot) = field.and_then(|field| self.place.get_mut(field)) {
                *slot = *value;
            }
        }
    }

    fn is_within(&self, parent: &str) -> bool {
        self.parent().is_some_and(|around| around.of.name() == parent)
    }

    /// Whether a rule for children of that name is meant.
    fn is_ruled(&self, of: Type, parent: &str) -> bool {
        parent.is_empty() || self.parent().is_some_and(|around| around.of.is(of.namespace().prefix(), parent))
    }

    /// A formula or name that leads out of the document. What cannot do without it goes with it.
    fn refused_place(&mut self, of: Type, attribute: Attribute, facts: TypeFacts, seen: &mut Seen) {
        let title = self.context.title.clone();
        let reason = match facts.special {
            Special::CellLink => Reason::UnsafeLink,
            _ if attribute.kind() == AttributeKind::Name => Reason::ExternalLink,
            _ => Reason::UnsafeFormula,
        };
        self.account.refused(reason, &title, || attribute.name().to_owned());
        seen.is_refused = true;
        if of.name() == "cfvo" {
            self.doom(Special::Conditioned);
        }
    }

    fn judge(&mut self, of: Type, facts: TypeFacts, seen: Seen) -> Result<Verdict, Fault> {
        let verdict = match facts.special {
            Special::SimpleField if seen.is_refused => Verdict::Through,
            Special::TextLink if seen.lost_relationship => Verdict::Through,
            Special::CellLink if seen.lost_relationship || seen.is_refused => Verdict::Drop,
            Special::Click if seen.lost_relationship || seen.is_refused => Verdict::Drop,
            Special::DefinedName if seen.is_refused => Verdict::Drop,
            Special::Sheet | Special::SlideEntry => return Ok(self.entry(of, facts, seen)),
            Special::Slide if seen.is_hidden => {
                self.account.add(Reason::HiddenSlide, Place::new(&self.context.title));
                Verdict::Keep
            }
            _ => Verdict::Keep,
        };
        // Told with its pivot tables.
        let names_pivots = of.is("x", "pivotCache") || of.is("x", "pivotSelection");
        if self.context.lost_pivots && seen.lost_relationship && names_pivots {
            return Ok(Verdict::Drop);
        }
        if matches!(verdict, Verdict::Keep) && !self.has_required(of, facts, seen.kept) {
            self.account.unknown(format!("{}:{}", of.namespace().prefix(), of.name()));
            return Ok(Verdict::Drop);
        }
        Ok(verdict)
    }

    /// A sheet or slide in the list of the main part. One that does not cross leaves the list.
    fn entry(&mut self, of: Type, facts: TypeFacts, seen: Seen) -> Verdict {
        let number = self.entries;
        self.entries = self.entries.saturating_add(1);
        if seen.lost_relationship || !self.has_required(of, facts, seen.kept) {
            self.lost_sheets.push(number);
            return Verdict::Drop;
        }
        let name = if facts.special == Special::Sheet { seen.name } else { format!("slide {}", self.entries) };
        if seen.is_hidden {
            self.account.add(Reason::HiddenSheet, Place::new(&name));
        }
        if let Some(place) = seen.place {
            self.told.members.push((place, name));
        }
        Verdict::Keep
    }

    /// Whether the element has what it needs; what has an obvious value is added.
    fn has_required(&mut self, of: Type, facts: TypeFacts, kept: u128) -> bool {
        if facts.required & !kept == 0 {
            return true;
        }
        for (number, attribute) in of.all_attributes().enumerate() {
            if !attribute.is_required() || kept & bit(number) != 0 {
                continue;
            }
            let obvious = match (attribute.name(), attribute.kind()) {
                ("id", AttributeKind::Integer { low, high }) if (low..=high).contains(&0) => Value::Integer(0),
                ("name", AttributeKind::Words { .. }) => Value::Text("".into()),
                _ => return false,
            };
            let Ok(number) = u8::try_from(number) else { return false };
            self.account.repaired = self.account.repaired.saturating_add(1);
            self.tape.push(Markup::Attribute(number, obvious));
        }
        true
    }

    fn relationship(&mut self, of: Type, attribute: Attribute, raw: &str, seen: &mut Seen) -> Option<Value> {
        // Only a click may lead nowhere and do something all the same.
        if raw.is_empty() && of.attribute_named(Namespace::NONE, "action").is_some() {
            return Some(Value::NoRelationship);
        }
        let is_meant = |place: &&u32| {
            let target = usize::try_from(**place).ok().and_then(|place| self.context.targets.get(place));
            target.is_some_and(|target| target.may_be_named(of, attribute))
        };
        match self.context.places.get(raw).filter(is_meant) {
            Some(place) => {
                seen.place = Some(*place);
                Some(Value::Relationship(*place))
            }
            None => {
                seen.lost_relationship = true;
                let place = self.context.places.get(raw).and_then(|place| usize::try_from(*place).ok());
                let leads_out =
                    place.and_then(|place| self.context.targets.get(place)) == Some(&form::office::Target::Link);
                if leads_out && rules::special(of) == Special::Click {
                    self.account.add(Reason::UnsafeLink, Place::new(&self.context.title));
                }
                None
            }
        }
    }

    /// Looks at values that decide about the element. False where this one is left out.
    fn special_value(&mut self, special: Special, attribute: Attribute, raw: &str, seen: &mut Seen) -> bool {
        match (special, attribute.name()) {
            (Special::None, _) => true,
            (Special::SimpleField, "instr") => {
                if !grammar::field(raw) {
                    seen.is_refused = true;
                    text::note_field(self.account, &self.context.title, raw);
                }
                !seen.is_refused
            }
            (Special::Click, "action") => {
                if !grammar::action(raw) {
                    seen.is_refused = true;
                    let reason = match raw.strip_prefix("ppaction://").unwrap_or_default() {
                        action if action.starts_with("macro") => Reason::Macros,
                        action if action.starts_with("program") || action.starts_with("ole") => Reason::LaunchAction,
                        _ => Reason::UnsafeLink,
                    };
                    self.account.add(reason, Place::new(&self.context.title));
                }
                !seen.is_refused
            }
            (Special::Sheet, "name") => {
                seen.name = raw.to_owned();
                true
            }
            // One sheet must be seen.
            (Special::Sheet, "state") if self.context.sheets.all_hidden && self.told.members.is_empty() => false,
            (Special::Sheet, "state") => {
                seen.is_hidden = raw != "visible";
                true
            }
            (Special::Slide, "show") => {
                seen.is_hidden = matches!(raw, "0" | "false" | "off");
                true
            }
            (Special::DefinedName, "name") if rules::runs_by_itself(raw) => {
                seen.is_refused = true;
                self.account.add(Reason::Macros, Place::new(raw));
                false
            }
            (Special::DefinedName, "localSheetId") => self.local_sheet(raw, seen),
            (Special::BookView, "activeTab" | "firstSheet") => {
                let place = raw.trim().parse().ok().and_then(|place| self.context.sheets.in_front(place));
                seen.shifted = place.and_then(|place| i64::try_from(place).ok());
                seen.shifted.is_some()
            }
            _ => true,
        }
    }

    /// The sheet that a name belongs to is a place among all sheets, which shifts where some do not cross.
    fn local_sheet(&mut self, raw: &str, seen: &mut Seen) -> bool {
        let Ok(number) = raw.trim().parse::<i64>() else { return true };
        if u64::try_from(number).is_ok_and(|number| number >= self.context.sheets.count) {
            self.account.repaired = self.account.repaired.saturating_add(1);
            seen.is_refused = true;
            return false;
        }
        if self.lost_sheets.is_empty() {
            return true;
        }
        let before = self.lost_sheets.partition_point(|lost| *lost < number);
        if self.lost_sheets.get(before) == Some(&number) {
            seen.is_refused = true;
            return false;
        }
        let Ok(before) = i64::try_from(before) else { return false };
        seen.shifted = Some(number.saturating_sub(before));
        true
    }

    fn lost_attribute(&mut self, name: &str, raw: &str, facts: TypeFacts, seen: &mut Seen) {
        match rules::lost_attribute(name, raw) {
            Loss::Silent => {}
            Loss::Known(Reason::Macros) if facts.special == Special::DefinedName => {
                seen.is_refused = true;
                self.account.add(Reason::Macros, Place::new(&seen.name));
            }
            Loss::Known(reason) => {
                let title = self.context.title.clone();
                self.account.refused(reason, &title, String::new);
            }
            Loss::Unknown => self.account.unknown(format!("@{name}")),
        }
    }
}

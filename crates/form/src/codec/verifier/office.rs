//! What the frames of an Office document may name and add up to: each part's markup against the vocabulary.

use super::{Stage, Verifier};
use crate::codec::frame::Tag;
use crate::codec::{DecodeError, Kind};
use crate::limits::Limits;
use crate::office::{
    AttributeKind, Fields, HeaderPlace, Markup, Namespace, OfficeHeader, PartHeader, PartKind, Relationship, State,
    Target, TextKind, Type, Value, fits, main_part, may_require,
};
use crate::reason::{Reason, Refusal};

/// What has come so far.
#[derive(Debug)]
pub(super) struct Office {
    kind: Kind,
    /// How many parts were announced.
    announced: u32,
    parts: Vec<Part>,
    /// How many parts are complete.
    complete: usize,
    /// Elements and attributes.
    markup: u64,
    /// The elements that are open, the root first; empty between parts.
    open: Vec<Level>,
    fields: Fields,
    /// The highest number of a part and of a picture that a relationship has.
    named: Named,
    children: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Named {
    part: Option<u32>,
    picture: Option<u32>,
}

#[derive(Debug)]
struct Part {
    kind: PartKind,
    relationships: Vec<Leads>,
}

/// Where a relationship leads.
#[derive(Clone, Copy, Debug)]
enum Leads {
    Part(u32),
    Picture,
    Link,
    Location,
    /// Nowhere that markup could name.
    Header,
}

#[derive(Clone, Copy, Debug)]
enum Level {
    Element(Element),
    Choice,
}

#[derive(Clone, Copy, Debug)]
struct Element {
    of: Type,
    state: State,
    /// One bit for each attribute that came.
    attributes: u128,
    /// Whether attributes may still come.
    beginning: bool,
    has_text: bool,
}

impl Element {
    fn new(of: Type) -> Element {
        Element { of, state: of.start(), attributes: 0, beginning: true, has_text: false }
    }

    /// Its attributes are complete; all that it needs must be there.
    fn begin_content(&mut self) -> Result<(), DecodeError> {
        if !self.beginning {
            return Ok(());
        }
        self.beginning = false;
        let lacking = |(number, attribute): (usize, crate::office::Attribute)| {
            attribute.is_required() && self.attributes & bit(number) == 0
        };
        if self.of.all_attributes().enumerate().any(lacking) {
            return Err(DecodeError::Malformed("attributes of an element"));
        }
        Ok(())
    }
}

fn bit(number: usize) -> u128 {
    u32::try_from(number).ok().and_then(|number| 1_u128.checked_shl(number)).unwrap_or(0)
}

impl Office {
    pub(super) fn new(kind: Kind) -> Office {
        Office {
            kind,
            announced: 0,
            parts: Vec::new(),
            complete: 0,
            markup: 0,
            open: Vec::new(),
            fields: Fields::default(),
            named: Named::default(),
            children: false,
        }
    }

    fn is_described(&self) -> bool {
        u32::try_from(self.parts.len()).is_ok_and(|parts| parts == self.announced)
    }

    pub(super) fn may_come(&self, tag: Tag) -> bool {
        let begun = self.complete > 0 || !self.open.is_empty();
        let done = self.is_described() && self.complete == self.parts.len();
        match tag {
            Tag::Part => !self.is_described(),
            Tag::Picture => self.is_described() && !begun,
            Tag::Markup => self.is_described() && !done,
            Tag::Child => done,
            Tag::End => done,
            Tag::Finding
            | Tag::TextSource
            | Tag::Text
            | Tag::MailHeader
            | Tag::Image
            | Tag::Frame
            | Tag::Pixels
            | Tag::Table
            | Tag::Row
            | Tag::Pages
            | Tag::Glyph
            | Tag::Gradient
            | Tag::Canvas
            | Tag::Page
            | Tag::Operations
            | Tag::Link
            | Tag::OutlineItem
            | Tag::PageLabel
            | Tag::Calendar
            | Tag::Entry
            | Tag::Card
            | Tag::Office => false,
        }
    }

    /// Takes note of a child: nothing but children may follow.
    pub(super) fn child(&mut self) {
        self.children = true;
    }

    pub(super) fn end(&self, pictures: u32) -> Result<(), DecodeError> {
        match self.named.picture {
            Some(picture) if picture >= pictures => Err(DecodeError::Malformed("number of a picture")),
            _ => Ok(()),
        }
    }

    fn part(&mut self, part: &PartHeader) -> Result<(), DecodeError> {
        let first = self.parts.is_empty();
        let is_main = main_part(self.kind) == Some(part.kind);
        if first != is_main || !fits(part.kind, self.kind) {
            return Err(DecodeError::Malformed("kind of a part"));
        }
        let mut places: Vec<HeaderPlace> = Vec::new();
        for relationship in &part.relationships {
            if !places.is_empty() && !matches!(relationship, Relationship::Header(_)) {
                return Err(DecodeError::Malformed("order of relationships"));
            }
            match relationship {
                // The main part is led to by the package alone.
                Relationship::Part(number) if *number == 0 || *number >= self.announced => {
                    return Err(DecodeError::Malformed("number of a part"));
                }
                Relationship::Part(number) => self.named.part = self.named.part.max(Some(*number)),
                Relationship::Picture(number) => self.named.picture = self.named.picture.max(Some(*number)),
                Relationship::Link(_) | Relationship::Location(_) => {}
                Relationship::Header(header) => {
                    let has_headers = matches!(part.kind.name(), "WorksheetPart" | "ChartsheetPart");
                    if !has_headers || !header.is_sound() || places.contains(&header.place) {
                        return Err(DecodeError::Malformed("picture of a header"));
                    }
                    places.push(header.place);
                    self.named.picture = self.named.picture.max(Some(header.picture));
                }
            }
        }
        let relationships = part.relationships.iter().map(|relationship| match relationship {
            Relationship::Part(number) => Leads::Part(*number),
            Relationship::Picture(_) => Leads::Picture,
            Relationship::Link(_) => Leads::Link,
            Relationship::Location(_) => Leads::Location,
            Relationship::Header(_) => Leads::Header,
        });
        self.parts.push(Part { kind: part.kind, relationships: relationships.collect() });
        if self.is_described() { self.check_targets() } else { Ok(()) }
    }

    /// All parts are known: each refers to such as it may.
    fn check_targets(&self) -> Result<(), DecodeError> {
        for part in &self.parts {
            let may = |leads: &Leads| {
                matches!(leads, Leads::Header)
                    || self.target(*leads).is_some_and(|target| target.may_be_referred_to(part.kind))
            };
            if !part.relationships.iter().all(may) {
                return Err(DecodeError::Malformed("target of a relationship"));
            }
        }
        Ok(())
    }

    fn target(&self, leads: Leads) -> Option<Target> {
        match leads {
            Leads::Part(number) => {
                let part = self.parts.get(usize::try_from(number).ok()?)?;
                Some(Target::Part(part.kind))
            }
            Leads::Picture => Some(Target::Picture),
            Leads::Link => Some(Target::Link),
            Leads::Location => Some(Target::Location),
            Leads::Header => None,
        }
    }

    /// The innermost element, past a choice that stands in it.
    fn element(&mut self) -> Result<&mut Element, DecodeError> {
        let innermost = self.open.iter_mut().rev().find_map(|level| match level {
            Level::Element(element) => Some(element),
            Level::Choice => None,
        });
        innermost.ok_or(DecodeError::Malformed("markup outside of a root"))
    }

    /// The innermost element, which no choice may have begun in.
    fn top(&mut self) -> Result<&mut Element, DecodeError> {
        match self.open.last_mut() {
            Some(Level::Element(element)) => Ok(element),
            Some(Level::Choice) | None => Err(DecodeError::Malformed("markup outside of an element")),
        }
    }

    fn count(&mut self, limits: &Limits) -> Result<(), DecodeError> {
        self.markup = self.markup.saturating_add(1);
        Ok(Refusal::check(Reason::LimitMarkup, limits.markup, self.markup)?)
    }

    fn push(&mut self, level: Level, limits: &Limits) -> Result<(), DecodeError> {
        let depth = u64::try_from(self.open.len()).unwrap_or(u64::MAX).saturating_add(1);
        Refusal::check(Reason::LimitMarkup, limits.markup_depth.into(), depth)?;
        self.open.push(level);
        Ok(())
    }

    fn open(&mut self, child: u16, limits: &Limits) -> Result<(), DecodeError> {
        self.count(limits)?;
        let of = if self.open.is_empty() {
            let part = self.parts.get(self.complete).filter(|_| child == 0);
            part.ok_or(DecodeError::Malformed("root of a part"))?.kind.root()
        } else {
            let parent = self.element()?;
            parent.begin_content()?;
            let next = parent.of.step(parent.state, child).filter(|_| !parent.has_text);
            parent.state = next.ok_or(DecodeError::Malformed("order of elements"))?;
            parent.of.child(child).ok_or(DecodeError::Malformed("number of an element"))?
        };
        if self.kind == Kind::Flow && Fields::is_apart(of) {
            self.bound()?;
        }
        self.push(Level::Element(Element::new(of)), limits)
    }

    fn attribute(&mut self, number: u8, value: &Value, limits: &Limits) -> Result<(), DecodeError> {
        self.count(limits)?;
        let named = match value {
            Value::Relationship(place) => {
                let part = self.parts.get(self.complete);
                let leads = part.and_then(|part| part.relationships.get(usize::try_from(*place).ok()?));
                let target = leads.and_then(|leads| self.target(*leads));
                Some(target.ok_or(DecodeError::Malformed("value of an attribute"))?)
            }
            _ => None,
        };
        let element = self.top()?;
        let attribute = element.of.attribute(number).filter(|_| element.beginning);
        let attribute = attribute.ok_or(DecodeError::Malformed("attribute"))?;
        let bit = bit(usize::from(number));
        if element.attributes & bit != 0 || !attribute.kind().takes(value) {
            return Err(DecodeError::Malformed("value of an attribute"));
        }
        if named.is_some_and(|target| !target.may_be_named(element.of, attribute)) {
            return Err(DecodeError::Malformed("target of a relationship"));
        }
        element.attributes |= bit;
        if self.kind == Kind::Flow && attribute.name() == "fldCharType" {
            self.field_mark(attribute.kind(), value)?;
        }
        if self.kind == Kind::Flow && attribute.kind() == AttributeKind::Field {
            self.fields.within().map_err(|_| DecodeError::Malformed("field"))?;
        }
        Ok(())
    }

    fn field_mark(&mut self, kind: AttributeKind, value: &Value) -> Result<(), DecodeError> {
        let Value::Enumerated(number) = value else { return Ok(()) };
        let done = match kind.word(*number) {
            Some("begin") => self.fields.begin(),
            Some("separate") => self.fields.separate(),
            Some("end") => self.fields.end(),
            _ => Ok(()),
        };
        done.map_err(|_| DecodeError::Malformed("field"))
    }

    fn text(&mut self, text: &str) -> Result<(), DecodeError> {
        let element = self.top()?;
        element.begin_content()?;
        let kind = element.of.text();
        if text.is_empty() || element.has_text || element.state != element.of.start() || !kind.takes(text) {
            return Err(DecodeError::Malformed("text of an element"));
        }
        element.has_text = true;
        if kind == TextKind::Field {
            self.fields.instruction(text).map_err(|_| DecodeError::Malformed("field"))?;
        } else if self.kind == Kind::Flow && kind == TextKind::Plain {
            self.fields.words(text).map_err(|_| DecodeError::Malformed("field"))?;
        }
        Ok(())
    }

    /// An instruction may not reach across the bounds of what is read apart from it.
    fn bound(&self) -> Result<(), DecodeError> {
        if self.fields.is_undecided() { Err(DecodeError::Malformed("field")) } else { Ok(()) }
    }

    fn close(&mut self) -> Result<(), DecodeError> {
        let of = self.top()?.of;
        if self.kind == Kind::Flow && Fields::is_apart(of) {
            self.bound()?;
        }
        let element = self.top()?;
        element.begin_content()?;
        if !element.of.accepts(element.state) {
            return Err(DecodeError::Malformed("missing element"));
        }
        self.open.pop();
        if self.open.is_empty() {
            self.fields.finish().map_err(|_| DecodeError::Malformed("field"))?;
            self.complete = self.complete.saturating_add(1);
        }
        Ok(())
    }

    fn choice(&mut self, namespace: Namespace, limits: &Limits) -> Result<(), DecodeError> {
        self.count(limits)?;
        if !may_require(namespace, self.kind) {
            return Err(DecodeError::Malformed("vocabulary of a choice"));
        }
        self.bound()?;
        self.top()?.begin_content()?;
        self.push(Level::Choice, limits)
    }

    fn end_choice(&mut self) -> Result<(), DecodeError> {
        match self.open.pop() {
            Some(Level::Choice) => self.bound(),
            _ => Err(DecodeError::Malformed("end of a choice")),
        }
    }
}

/// Each takes what [`Verifier::begin`] has let come.
impl Verifier {
    pub(in crate::codec) fn office_header(&mut self, header: &OfficeHeader) -> Result<(), DecodeError> {
        self.count_text(header.title.as_str())?;
        self.office.announced = header.parts;
        self.stage = Stage::Body;
        Ok(())
    }

    pub(in crate::codec) fn part(&mut self, part: &PartHeader) -> Result<(), DecodeError> {
        self.office.part(part)
    }

    pub(in crate::codec) fn markup(&mut self, step: &Markup) -> Result<(), DecodeError> {
        match step {
            Markup::Open(child) => self.office.open(*child, &self.limits),
            Markup::Attribute(number, value) => self.office.attribute(*number, value, &self.limits),
            Markup::Text(text) => {
                self.count_text(text)?;
                self.office.text(text)
            }
            Markup::Close => self.office.close(),
            Markup::Choice(namespace) => self.office.choice(*namespace, &self.limits),
            Markup::EndChoice => self.office.end_choice(),
        }
    }
}

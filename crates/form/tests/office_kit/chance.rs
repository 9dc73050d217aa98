//! Valid documents by chance: walks through the content models, with values of every kind.

use std::collections::HashMap;

use form::document::OfficeDoc;
use form::office::{
    Attribute, AttributeKind, HeaderPicture, HeaderPlace, Location, Markup, Namespace, OfficeHeader, PartHeader,
    PartKind, Producer, Relationship, State, Target, TextKind, Type, Value, Variant, fits, main_part, may_require,
};
use form::pages::{PictureHeader, PictureLayout, PictureSource, Url};
use form::text::Line;
use form::{DetectedType, Finding, Kind, Place, Reason};

#[path = "../chance_kit/mod.rs"]
mod chance_kit;

pub use chance_kit::Chance;

impl Chance {
    fn number(&mut self, end: usize) -> u32 {
        u32::try_from(self.below(end)).unwrap()
    }
}

/// What a walk must know of a type: how to come to an end from each state.
struct Model {
    of: Type,
    /// For each state its moves, and the cheapest way to an end: how many elements it takes, and the first move.
    states: Vec<(Vec<Move>, bool)>,
    ends: Vec<(u32, Option<Move>)>,
}

#[derive(Clone, Copy)]
struct Move {
    child: u16,
    next: usize,
    of: usize,
}

/// All types with their models.
pub struct Vocabulary {
    numbers: HashMap<Type, usize>,
    models: Vec<Model>,
}

const FAR: u32 = u32::MAX / 4;

impl Vocabulary {
    pub fn new() -> Vocabulary {
        let mut vocabulary = Vocabulary { numbers: HashMap::new(), models: Vec::new() };
        let mut waiting: Vec<Type> = PartKind::all().map(PartKind::root).collect();
        while let Some(of) = waiting.pop() {
            if !vocabulary.numbers.contains_key(&of) {
                vocabulary.numbers.insert(of, vocabulary.models.len());
                vocabulary.models.push(Model { of, states: Vec::new(), ends: Vec::new() });
                waiting.extend((0..of.child_count()).filter_map(|child| of.child(child)));
            }
        }
        for number in 0..vocabulary.models.len() {
            let of = vocabulary.models[number].of;
            let mut known: Vec<State> = vec![of.start()];
            let mut at = 0;
            while at < known.len() {
                let mut moves = Vec::new();
                for child in 0..of.child_count() {
                    let Some(next) = of.step(known[at], child) else { continue };
                    let place = known.iter().position(|state| *state == next).unwrap_or_else(|| {
                        known.push(next);
                        known.len() - 1
                    });
                    moves.push(Move { child, next: place, of: vocabulary.numbers[&of.child(child).unwrap()] });
                }
                vocabulary.models[number].states.push((moves, of.accepts(known[at])));
                at += 1;
            }
            vocabulary.models[number].ends = vec![(FAR, None); at];
        }
        vocabulary.find_ends();
        vocabulary
    }

    /// Elements that an element of a type takes at least, itself included.
    fn cost(&self, of: usize) -> u32 {
        self.models[of].ends[0].0.saturating_add(1)
    }

    fn find_ends(&mut self) {
        let mut changed = true;
        while changed {
            changed = false;
            for number in 0..self.models.len() {
                for state in (0..self.models[number].states.len()).rev() {
                    let (moves, accepts) = &self.models[number].states[state];
                    let best = if *accepts {
                        (0, None)
                    } else {
                        let through = |step: &Move| {
                            (self.cost(step.of).saturating_add(self.models[number].ends[step.next].0), Some(*step))
                        };
                        moves.iter().map(through).min_by_key(|(cost, _)| *cost).unwrap_or((FAR, None))
                    };
                    if best.0 < self.models[number].ends[state].0 {
                        self.models[number].ends[state] = best;
                        changed = true;
                    }
                }
            }
        }
    }

    /// How many types there are, and how many of them no element can ever be, because what they need does not exist.
    pub fn types(&self) -> (usize, usize) {
        (self.models.len(), (0..self.models.len()).filter(|number| self.cost(*number) >= FAR).count())
    }

    /// A document of about as many elements as are asked for.
    pub fn document(&self, chance: &mut Chance, elements: usize) -> OfficeDoc {
        let kind = chance.one(&[Kind::Flow, Kind::Sheet, Kind::Slides]);
        let main = main_part(kind).unwrap();
        let others: Vec<PartKind> = PartKind::all()
            .filter(|part| *part != main && main_part(Kind::Flow) != Some(*part) && fits(*part, kind))
            .collect();
        let mut kinds = vec![main];
        for _ in 0..chance.below(8) {
            kinds.push(chance.one(&others));
        }
        // A worksheet with notes comes often: boxes are made for them.
        if kind == Kind::Sheet && chance.below(2) == 0 {
            kinds.extend(["WorksheetPart", "WorksheetCommentsPart"].map(|name| PartKind::named(name).unwrap()));
        }
        let pictures = pictures(chance);
        let parts: Vec<PartHeader> = kinds
            .iter()
            .map(|part| PartHeader { kind: *part, relationships: relationships(chance, *part, &kinds, pictures.len()) })
            .collect();
        let mut markup = Vec::new();
        for part in &parts {
            let mut walk = Walk {
                vocabulary: self,
                chance,
                kind,
                part,
                kinds: &kinds,
                steps: &mut markup,
                left: elements / parts.len() + 1,
                fields: 0,
                undecided: false,
            };
            walk.element(self.numbers[&part.kind.root()], 0, 0);
        }
        OfficeDoc {
            kind,
            detected: DetectedType::lossy("office"),
            header: OfficeHeader {
                variant: chance.one(&[Variant::Document, Variant::Template, Variant::Show]),
                producer: chance.one(&[Producer::Microsoft, Producer::LibreOffice, Producer::Other]),
                version: (u16::try_from(chance.below(65_536)).unwrap(), u16::try_from(chance.below(10_000)).unwrap()),
                title: Line::scrub(chance.one(&["", "題 <&>", "a\"b'c"])).0,
                parts: u32::try_from(parts.len()).unwrap(),
            },
            parts,
            pictures,
            markup,
            children: Vec::new(),
            findings: (0..chance.below(2)).map(|_| Finding::new(Reason::Script, Place::new("1"))).collect(),
        }
    }
}

fn relationships(chance: &mut Chance, from: PartKind, kinds: &[PartKind], pictures: usize) -> Vec<Relationship> {
    let mut relationships = Vec::new();
    let others = kinds.iter().zip(0_u32..).skip(1).filter(|(kind, _)| from.may_refer_to(**kind));
    let others: Vec<u32> = others.map(|(_, number)| number).collect();
    for _ in 0..chance.below(6) {
        relationships.push(match chance.below(4) {
            0 if !others.is_empty() => Relationship::Part(chance.one(&others)),
            1 if pictures > 0 && from.may_have_pictures() => Relationship::Picture(chance.number(pictures)),
            2 if from.name() == "DrawingsPart" => {
                let place = ["Sheet1!A1", "'表 (2)'!$B$2:$C$3", "名前", "'it''s & <that>'!A1"];
                Relationship::Location(Location::parse(chance.one(&place)).unwrap())
            }
            _ => {
                let url = ["https://example.jp/a?b=1&c='%3C%22", "http://example.jp/", "mailto:a@example.jp?subject=b"];
                Relationship::Link(Url::parse(chance.one(&url)).unwrap())
            }
        });
    }
    let has_headers = matches!(from.name(), "WorksheetPart" | "ChartsheetPart");
    if has_headers && pictures > 0 && chance.below(2) == 0 {
        for place in ["LH", "CFFIRST", "CH", "RHEVEN"].into_iter().filter_map(HeaderPlace::named) {
            let (width, height) = (chance.number(100_000) + 1, chance.number(100_000) + 1);
            let picture = chance.number(pictures);
            relationships.push(Relationship::Header(HeaderPicture { place, picture, width, height }));
        }
    }
    relationships
}

fn pictures(chance: &mut Chance) -> Vec<(PictureHeader, Vec<u8>)> {
    let mut pictures: Vec<(PictureHeader, Vec<u8>)> = Vec::new();
    for _ in 0..chance.below(4) {
        let opacities = pictures.iter().zip(0_u32..);
        let opacities: Vec<u32> = opacities
            .filter(|((header, _), _)| header.layout != PictureLayout::Rgb8 && header.alpha.is_none())
            .map(|(_, number)| number)
            .collect();
        let alpha = if opacities.is_empty() || chance.below(2) == 0 { None } else { Some(chance.one(&opacities)) };
        let header = PictureHeader {
            width: chance.number(60) + 1,
            height: chance.number(60) + 1,
            layout: chance.one(PictureLayout::ALL),
            source: chance.one(PictureSource::ALL),
            interpolate: chance.below(2) == 0,
            alpha,
        };
        let row = usize::try_from(header.row_bytes()).unwrap();
        let unused = match (header.layout, header.width % 8) {
            (PictureLayout::Bits, used @ 1..) => 0xFF_u8 << (8 - used),
            _ => 0xFF,
        };
        let mut pixels = Vec::new();
        for _ in 0..header.height {
            pixels.extend((0..row).map(|_| chance.next().to_le_bytes()[0]));
            *pixels.last_mut().unwrap() &= unused;
        }
        pictures.push((header, pixels));
    }
    pictures
}

struct Walk<'w> {
    vocabulary: &'w Vocabulary,
    chance: &'w mut Chance,
    kind: Kind,
    part: &'w PartHeader,
    kinds: &'w [PartKind],
    steps: &'w mut Vec<Markup>,
    left: usize,
    /// How many fields are open.
    fields: usize,
    /// Whether the instruction of the innermost one is still to come.
    undecided: bool,
}

impl Walk<'_> {
    fn element(&mut self, number: usize, child: u16, depth: usize) {
        let model = &self.vocabulary.models[number];
        self.left = self.left.saturating_sub(1);
        self.steps.push(Markup::Open(child));
        self.attributes(model.of);
        let mut state = 0;
        let mut in_choice = false;
        loop {
            let tight = self.left == 0 || depth > 40;
            let (moves, accepts) = &model.states[state];
            if *accepts && (tight || self.chance.below(6) == 0) {
                break;
            }
            let open: Vec<&Move> = moves.iter().filter(|step| self.is_open(model, step)).collect();
            let step = if tight {
                model.ends[state].1
            } else if open.is_empty() {
                None
            } else {
                Some(*self.chance.one(&open))
            };
            let Some(step) = step else { break };
            if !tight && !in_choice && !self.undecided && self.chance.below(24) == 0 {
                in_choice = self.choice();
            }
            self.element(step.of, step.child, depth + 1);
            state = step.next;
            if self.undecided && self.vocabulary.models[step.of].of.name() == "fldChar" {
                self.instruct(&model.states[state].0);
            }
            if in_choice && self.chance.below(2) == 0 {
                self.steps.push(Markup::EndChoice);
                in_choice = false;
            }
        }
        if in_choice {
            self.steps.push(Markup::EndChoice);
        } else if state == 0 && model.states[0].1 {
            self.text(model.of.text());
        }
        self.steps.push(Markup::Close);
    }

    fn is_open(&self, model: &Model, step: &Move) -> bool {
        self.vocabulary.cost(step.of) < FAR && model.ends[step.next].0 < FAR
    }

    fn choice(&mut self) -> bool {
        let known: Vec<Namespace> = Namespace::all().filter(|namespace| may_require(*namespace, self.kind)).collect();
        let own: Vec<Namespace> =
            self.part.kind.namespaces().filter(|namespace| may_require(*namespace, self.kind)).collect();
        let from = if own.is_empty() || self.chance.below(8) == 0 { &known } else { &own };
        self.steps.push(Markup::Choice(self.chance.one(from)));
        true
    }

    fn attributes(&mut self, of: Type) {
        for (number, attribute) in of.all_attributes().enumerate() {
            if attribute.is_required() || self.chance.below(4) == 0 {
                let value = if self.kind == Kind::Flow && attribute.name() == "fldCharType" {
                    self.field_mark(attribute.kind())
                } else {
                    self.value(of, attribute)
                };
                self.steps.push(Markup::Attribute(u8::try_from(number).unwrap(), value));
            }
        }
    }

    fn field_mark(&mut self, kind: AttributeKind) -> Value {
        let word = match self.chance.below(3) {
            _ if self.undecided => {
                self.undecided = false;
                if self.chance.below(4) > 0 {
                    "separate"
                } else {
                    self.fields -= 1;
                    "end"
                }
            }
            1 if self.fields > 0 => "separate",
            2 if self.fields > 0 => {
                self.fields -= 1;
                "end"
            }
            _ if self.fields < 30 => {
                self.fields += 1;
                self.undecided = true;
                "begin"
            }
            _ => "separate",
        };
        Value::Enumerated(kind.number_of(word).unwrap())
    }

    /// A field has begun: its instruction and the end of that come at once, before other words could become part of it.
    fn instruct(&mut self, moves: &[Move]) {
        let vocabulary = self.vocabulary;
        let named = |name: &str| *moves.iter().find(|step| vocabulary.models[step.of].of.is("w", name)).unwrap();
        let text = named("instrText");
        let words = self.chance.one(&["PAGE", " PAGE \\* MERGEFORMAT ", "DATE \\@ \"yyyy\"", "SEQ 図 \\* ARABIC"]);
        let (first, second) = words.split_at(words.floor_char_boundary(words.len() / 2));
        for piece in [first, second] {
            let piece = Markup::Text(piece.into());
            self.steps.extend([Markup::Open(text.child), piece, Markup::Close]);
        }
        let mark = named("fldChar");
        self.steps.push(Markup::Open(mark.child));
        let of = vocabulary.models[mark.of].of;
        let number = of.all_attributes().position(|attribute| attribute.name() == "fldCharType").unwrap();
        let kind = of.all_attributes().nth(number).unwrap().kind();
        let value = self.field_mark(kind);
        self.steps.extend([Markup::Attribute(u8::try_from(number).unwrap(), value), Markup::Close]);
    }

    fn value(&mut self, of: Type, attribute: Attribute) -> Value {
        match attribute.kind() {
            AttributeKind::Boolean | AttributeKind::VmlBoolean => Value::Boolean(self.chance.below(2) == 0),
            AttributeKind::Integer { low, high } => Value::Integer(match self.chance.below(4) {
                0 => low,
                1 => high,
                _ => i64::from(self.chance.below(1000)).clamp(low, high),
            }),
            AttributeKind::Decimal => {
                Value::Decimal(self.chance.one(&[0.0, -1.5, 0.1, 1e300, -3e-9, f64::INFINITY, f64::NEG_INFINITY]))
            }
            AttributeKind::Enumeration { len, .. } => Value::Enumerated(self.chance.below(len)),
            AttributeKind::Relationship => self.relationship(of, attribute),
            text => {
                let samples: Vec<&str> = if of.is("x", "comment") && attribute.name() == "ref" {
                    vec!["A1", "XFD1048576", "C7", "?"]
                } else {
                    SAMPLES.iter().copied().filter(|sample| text.takes_text(sample)).collect()
                };
                Value::Text(self.chance.one(&samples).into())
            }
        }
    }

    /// One that the attribute may name.
    fn relationship(&mut self, of: Type, attribute: Attribute) -> Value {
        let target = |relationship: &Relationship| match relationship {
            Relationship::Part(number) => Some(Target::Part(self.kinds[usize::try_from(*number).unwrap()])),
            Relationship::Picture(_) => Some(Target::Picture),
            Relationship::Link(_) => Some(Target::Link),
            Relationship::Location(_) => Some(Target::Location),
            Relationship::Header(_) => None,
        };
        let places = self.part.relationships.iter().zip(0_u32..);
        let may = places
            .filter(|(relationship, _)| target(relationship).is_some_and(|target| target.may_be_named(of, attribute)));
        let places: Vec<u32> = may.map(|(_, place)| place).collect();
        if places.is_empty() { Value::NoRelationship } else { Value::Relationship(self.chance.one(&places)) }
    }

    fn text(&mut self, kind: TextKind) {
        // The pieces of instructions come with their fields.
        if matches!(kind, TextKind::None | TextKind::Field) {
            return;
        }
        let samples: Vec<&str> =
            SAMPLES.iter().copied().filter(|sample| !sample.is_empty() && kind.takes(sample)).collect();
        if !samples.is_empty() && self.chance.below(8) > 0 {
            self.steps.push(Markup::Text(self.chance.one(&samples).into()));
        }
    }
}

/// Of each kind of text some.
const SAMPLES: &[&str] = &[
    "",
    "1",
    "auto",
    "FF00A0",
    "2026-11-21T09:00:00Z",
    "A1:B2 C3",
    "12.5pt",
    "-3%",
    "{12345678-90AB-CDEF-1234-567890ABCDEF}",
    "漢字とかな",
    " <&>\"' ]]> \t\n",
    "ppaction://hlinksldjump",
    "PAGE",
    "General",
    "0.00_);[Red](0.00)",
    "yyyy\"年\"m\"月\"d\"日\"",
    "SUM(A1:B2)*2",
    "IF(A1>\"x\",Sheet1!B2,'表 1'!C3)",
    "position:absolute;width:10pt;height:20pt",
    "m,l,21600r21600,l21600,xe",
];

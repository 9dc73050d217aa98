//! Numbers by which one place of a document names another: notes, comments, slides, cell formats. Word, Excel and PowerPoint take
//! a document for damaged in which such a number leads nowhere, so what names something that does not cross goes, too.
//!
//! Each [`Space`] has its own numbers. Some are given to what they name, others are its place in a list.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use form::office::{Type, Value};

/// What numbers are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::office) enum Space {
    Comment,
    Footnote,
    Endnote,
    AbstractNumber,
    Bullet,
    Slide,
    Show,
    Author,
    /// A shape of the same part.
    Shape,
    Font,
    Fill,
    Border,
    StyleFormat,
    CellFormat,
    /// A format of part of a cell (`dxf`).
    Difference,
}

/// What an attribute has to do with a space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The element is named by it.
    Defines,
    /// It names something that the element cannot do without.
    Needs,
    /// It names something; the element stays without it.
    Mentions,
    /// It names something that all timing of the slide cannot do without.
    Times,
}

/// One attribute of an element, where the element around it is of that name and of the same vocabulary, if any is given. A list of
/// formats that an extension has beside the one of the book (`x14:dxfs`) counts for itself.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) attribute: &'static str,
    pub(super) parent: &'static str,
    pub(super) space: Space,
    pub(super) role: Role,
}

/// The numbers that are there.
#[derive(Debug, Default)]
pub(in crate::office) struct Known {
    named: HashSet<(Space, Key)>,
    counted: HashMap<Space, u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Number(i64),
    Word(Box<str>),
}

impl Key {
    fn of(value: &Value) -> Option<Key> {
        match value {
            Value::Integer(number) => Some(Key::Number(*number)),
            Value::Text(text) => Some(text.trim().parse().map_or_else(|_| Key::Word(text.clone()), Key::Number)),
            _ => None,
        }
    }
}

impl Known {
    fn has(&self, space: Space, key: &Key) -> bool {
        match key {
            // A book without formats of styles has the first all the same: programs write none and name it.
            Key::Number(0) if space == Space::StyleFormat => true,
            Key::Number(number) if is_counted(space) => {
                let count = self.counted.get(&space).copied().unwrap_or(0);
                u64::try_from(*number).is_ok_and(|number| number < count)
            }
            key => self.named.contains(&(space, key.clone())),
        }
    }

    /// Adds what another part has.
    pub(in crate::office) fn extend(&mut self, more: Known) {
        self.named.extend(more.named);
        self.counted.extend(more.counted);
    }
}

/// What a part that is being read has said so far. What is taken back off the tape takes its numbers with it.
#[derive(Debug, Default)]
pub(super) struct Own {
    known: Known,
    /// What can still be taken back: where it stands on the tape.
    recent: Vec<(usize, Space, Option<Key>)>,
}

impl Own {
    pub(super) fn define(&mut self, space: Space, value: Option<&Value>, at: usize) {
        if is_counted(space) {
            let count = self.known.counted.entry(space).or_default();
            *count = count.saturating_add(1);
            self.recent.push((at, space, None));
        } else if let Some(key) = value.and_then(Key::of)
            && self.known.named.len() < MAX_NAMED
            && self.known.named.insert((space, key.clone()))
        {
            self.recent.push((at, space, Some(key)));
        }
    }

    /// Whether what a value names is there, in this part or in those that were read before.
    pub(super) fn has(&self, space: Space, value: &Value, others: &Known) -> bool {
        Key::of(value).is_none_or(|key| self.known.has(space, &key) || others.has(space, &key))
    }

    /// The tape ends there now.
    pub(super) fn cut(&mut self, at: usize) {
        while let Some((_, space, key)) = self.recent.pop_if(|(place, _, _)| *place >= at) {
            self.forget(space, key);
        }
    }

    /// One more step stands on the tape, at that place.
    pub(super) fn moved(&mut self, from: usize) {
        for (place, _, _) in &mut self.recent {
            *place = place.saturating_add(usize::from(*place >= from));
        }
    }

    /// The step at that place is gone from the tape.
    pub(super) fn removed(&mut self, at: usize) {
        let first = self.recent.partition_point(|(place, _, _)| *place <= at);
        for (place, _, _) in self.recent.iter_mut().skip(first) {
            *place = place.saturating_sub(1);
        }
    }

    /// Children of the element that begins at `start` were put in order: what went with one that had no place is not there any more.
    pub(super) fn arranged(&mut self, start: usize, moves: &[(Range<usize>, Option<usize>)]) {
        let first = self.recent.partition_point(|(place, _, _)| *place <= start);
        let mut inner = self.recent.split_off(first);
        let mut moved = Vec::with_capacity(inner.len());
        for (place, space, key) in inner.drain(..) {
            let after = moves.partition_point(|(was, _)| was.start <= place);
            let found = after.checked_sub(1).and_then(|at| moves.get(at)).filter(|(was, _)| was.contains(&place));
            match found {
                Some((was, Some(now))) => {
                    moved.push((now.saturating_add(place.saturating_sub(was.start)), space, key));
                }
                Some((_, None)) => self.forget(space, key),
                None => moved.push((place, space, key)),
            }
        }
        moved.sort_by_key(|(place, _, _)| *place);
        self.recent.extend(moved);
    }

    fn forget(&mut self, space: Space, key: Option<Key>) {
        match key {
            Some(key) => {
                self.known.named.remove(&(space, key));
            }
            None => {
                let count = self.known.counted.entry(space).or_default();
                *count = count.saturating_sub(1);
            }
        }
    }

    /// The tape lost that many steps at its beginning, which were written.
    pub(super) fn written(&mut self, steps: usize) {
        let first = self.recent.partition_point(|(place, _, _)| *place < steps);
        self.recent.drain(..first);
        for (place, _, _) in &mut self.recent {
            *place = place.saturating_sub(steps);
        }
    }

    pub(super) fn finish(self) -> Known {
        self.known
    }
}

/// Whether the numbers of a space are places in a list.
fn is_counted(space: Space) -> bool {
    match space {
        Space::Font | Space::Fill | Space::Border | Space::StyleFormat | Space::CellFormat | Space::Difference => true,
        Space::Comment
        | Space::Footnote
        | Space::Endnote
        | Space::AbstractNumber
        | Space::Bullet
        | Space::Slide
        | Space::Show
        | Space::Author
        | Space::Shape => false,
    }
}

/// What the attributes of a type name. A rule without an attribute counts the element itself.
pub(super) fn rules(of: Type) -> &'static [Rule] {
    let prefix = of.namespace().prefix();
    let found = RULES.iter().find(|(known, names, _)| *known == prefix && names.contains(&of.name()));
    found.map_or(&[], |(_, _, rules)| rules)
}

const fn rule(attribute: &'static str, space: Space, role: Role) -> Rule {
    Rule { attribute, parent: "", space, role }
}

const fn within(parent: &'static str, attribute: &'static str, space: Space, role: Role) -> Rule {
    Rule { attribute, parent, space, role }
}

type Row = (&'static str, &'static [&'static str], &'static [Rule]);

const RULES: &[Row] = &[
    ("w", &["comment"], &[rule("id", Space::Comment, Role::Defines)]),
    ("w", &["commentReference", "commentRangeStart", "commentRangeEnd"], &[rule("id", Space::Comment, Role::Needs)]),
    (
        "w",
        &["footnote"],
        &[
            within("footnotes", "id", Space::Footnote, Role::Defines),
            within("footnotePr", "id", Space::Footnote, Role::Needs),
        ],
    ),
    (
        "w",
        &["endnote"],
        &[
            within("endnotes", "id", Space::Endnote, Role::Defines),
            within("endnotePr", "id", Space::Endnote, Role::Needs),
        ],
    ),
    ("w", &["footnoteReference"], &[rule("id", Space::Footnote, Role::Needs)]),
    ("w", &["endnoteReference"], &[rule("id", Space::Endnote, Role::Needs)]),
    ("w", &["abstractNum"], &[rule("abstractNumId", Space::AbstractNumber, Role::Defines)]),
    ("w", &["abstractNumId"], &[within("num", "val", Space::AbstractNumber, Role::Needs)]),
    ("w", &["numPicBullet"], &[rule("numPicBulletId", Space::Bullet, Role::Defines)]),
    ("w", &["lvlPicBulletId"], &[rule("val", Space::Bullet, Role::Needs)]),
    ("p", &["sldId"], &[within("sldIdLst", "id", Space::Slide, Role::Defines)]),
    ("p14", &["sldId"], &[rule("id", Space::Slide, Role::Needs)]),
    (
        "p",
        &["custShow"],
        &[within("custShowLst", "id", Space::Show, Role::Defines), within("showPr", "id", Space::Show, Role::Needs)],
    ),
    ("p", &["cmAuthor"], &[rule("id", Space::Author, Role::Defines)]),
    ("p", &["cm"], &[rule("authorId", Space::Author, Role::Needs)]),
    ("p188", &["author"], &[rule("id", Space::Author, Role::Defines)]),
    ("p188", &["cm", "reply"], &[rule("authorId", Space::Author, Role::Needs)]),
    ("p", &["cNvPr"], &[rule("id", Space::Shape, Role::Defines)]),
    ("p", &["spTgt", "bldP", "bldDgm", "bldOleChart", "bldGraphic"], &[rule("spid", Space::Shape, Role::Times)]),
    ("x", &["font"], &[within("fonts", "", Space::Font, Role::Defines)]),
    ("x", &["fill"], &[within("fills", "", Space::Fill, Role::Defines)]),
    ("x", &["border"], &[within("borders", "", Space::Border, Role::Defines)]),
    ("x", &["dxf"], &[within("dxfs", "", Space::Difference, Role::Defines)]),
    (
        "x",
        &["xf"],
        &[
            within("cellXfs", "", Space::CellFormat, Role::Defines),
            within("cellStyleXfs", "", Space::StyleFormat, Role::Defines),
            rule("fontId", Space::Font, Role::Mentions),
            rule("fillId", Space::Fill, Role::Mentions),
            rule("borderId", Space::Border, Role::Mentions),
            within("cellXfs", "xfId", Space::StyleFormat, Role::Mentions),
        ],
    ),
    ("x", &["cellStyle"], &[rule("xfId", Space::StyleFormat, Role::Needs)]),
    ("x", &["c", "row"], &[rule("s", Space::CellFormat, Role::Mentions)]),
    ("x", &["col"], &[rule("style", Space::CellFormat, Role::Mentions)]),
    (
        "x",
        &["cfRule", "tableStyleElement", "colorFilter", "sortCondition", "format"],
        &[rule("dxfId", Space::Difference, Role::Mentions)],
    ),
    (
        "x",
        &["table", "tableColumn"],
        &[
            rule("headerRowDxfId", Space::Difference, Role::Mentions),
            rule("dataDxfId", Space::Difference, Role::Mentions),
            rule("totalsRowDxfId", Space::Difference, Role::Mentions),
            rule("headerRowBorderDxfId", Space::Difference, Role::Mentions),
            rule("tableBorderDxfId", Space::Difference, Role::Mentions),
            rule("totalsRowBorderDxfId", Space::Difference, Role::Mentions),
        ],
    ),
];

/// Parts that give numbers to what others name, in the order in which they are read: before all others.
pub(in crate::office) const DEFINING: &[&str] = &[
    "CommentAuthorsPart",
    "PowerPointAuthorsPart",
    "PresentationPart",
    "WorkbookStylesPart",
    "WordprocessingCommentsPart",
    "FootnotesPart",
    "EndnotesPart",
];

/// Numbers of one part; what names one beyond that goes.
const MAX_NAMED: usize = 1_000_000;

#[cfg(test)]
mod tests {
    use form::office::PartKind;

    use super::*;

    /// A rule for a name that the vocabulary does not have would never be asked.
    #[test]
    fn every_rule_is_about_attributes_that_are_there() {
        let mut seen = HashSet::new();
        let mut waiting: Vec<Type> = PartKind::all().map(PartKind::root).collect();
        let mut found: HashSet<(&str, &str, &str)> = HashSet::new();
        while let Some(of) = waiting.pop() {
            if seen.insert(of) {
                waiting.extend((0..of.child_count()).filter_map(|child| of.child(child)));
                let prefix = of.namespace().prefix();
                found.insert((prefix, of.name(), ""));
                found.extend(of.all_attributes().map(|attribute| (prefix, of.name(), attribute.name())));
            }
        }
        for (prefix, names, rules) in RULES {
            for rule in *rules {
                assert!(
                    names.iter().any(|name| found.contains(&(*prefix, *name, rule.attribute))),
                    "{prefix}:{names:?}@{}",
                    rule.attribute
                );
            }
            for name in *names {
                assert!(found.contains(&(*prefix, *name, "")), "{prefix}:{name}");
            }
        }
        assert!(DEFINING.iter().all(|name| PartKind::named(name).is_some()));
    }

    #[test]
    fn what_is_taken_back_is_not_known_any_more() {
        let mut own = Own::default();
        let others = Known::default();
        let number = |number: i64| Value::Integer(number);
        own.define(Space::Comment, Some(&number(1)), 0);
        own.define(Space::Comment, Some(&Value::Text("02".into())), 5);
        own.define(Space::Font, None, 6);
        assert!(own.has(Space::Comment, &number(2), &others) && own.has(Space::Font, &number(0), &others));
        assert!(!own.has(Space::Font, &number(1), &others) && !own.has(Space::Footnote, &number(1), &others));
        own.arranged(4, &[(5..6, Some(6)), (6..7, Some(5))]);
        assert!(own.has(Space::Comment, &number(2), &others) && own.has(Space::Font, &number(0), &others));
        own.cut(5);
        assert!(!own.has(Space::Comment, &number(2), &others) && !own.has(Space::Font, &number(0), &others));
        own.define(Space::Footnote, Some(&number(7)), 3);
        own.arranged(2, &[(3..5, None)]);
        assert!(!own.has(Space::Footnote, &number(7), &others), "a child that had no place takes its numbers with it");
        own.written(3);
        own.cut(0);
        assert!(own.has(Space::Comment, &number(1), &others), "what was written stays");
    }
}

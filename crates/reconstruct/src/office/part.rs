//! A part as XML: the names that markup stands for, in the order in which it comes.

use form::Reason;
use form::office::schema::Namespace;
use form::office::{Attribute, AttributeKind, Markup, PartHeader, Type, Value};

use super::notes::Notes;
use super::xml::{self, DECLARATION};
use crate::error::Error;

/// A part that is being written.
pub(super) struct Part<'p> {
    header: &'p PartHeader,
    /// The namespace that is written without a prefix.
    plain: Option<Namespace>,
    levels: Vec<Level>,
    /// Where in the XML that waits the declarations belong, until they are written.
    declarations: Option<usize>,
    /// One bit for each vocabulary that came.
    used: u128,
    /// Whether a start tag still lacks its end.
    in_tag: bool,
    /// A choice that begins before the next element.
    choice: Option<Namespace>,
    /// What names the drawing of the boxes of a worksheet's notes, until it is written.
    boxes: Option<String>,
    /// The same of the pictures in the headers and footers of a sheet.
    headers: Option<String>,
    /// The notes of a part of comments, where a worksheet shows them.
    notes: Option<Notes>,
    /// How many elements are open that are for the boxes of notes and not for the file.
    boxing: u32,
}

#[derive(Clone, Copy)]
enum Level {
    Element(Type),
    Choice,
}

impl<'p> Part<'p> {
    /// A part whose root comes next. `boxes` is the name of the relationship of a worksheet to the boxes of its notes, `headers` that of
    /// a sheet to the pictures in its headers.
    pub(super) fn new(
        header: &'p PartHeader,
        boxes: Option<String>,
        headers: Option<String>,
        notes: Option<Notes>,
    ) -> Part<'p> {
        // Some programs look for the names of a workbook without a prefix.
        let plain = Some(header.kind.root().namespace()).filter(|namespace| namespace.prefix() == "x");
        Part {
            header,
            plain,
            levels: Vec::new(),
            declarations: None,
            used: 0,
            in_tag: false,
            choice: None,
            boxes,
            headers,
            notes,
            boxing: 0,
        }
    }

    /// Writes a step. Says whether it ended the part.
    pub(super) fn step(&mut self, step: &Markup, out: &mut Vec<u8>) -> Result<bool, Error> {
        if self.is_for_box(step) {
            return Ok(false);
        }
        match step {
            Markup::Open(child) => self.open(*child, out)?,
            Markup::Attribute(number, value) => self.attribute(*number, value, out)?,
            Markup::Text(text) => {
                self.end_tag(out);
                xml::text(out, text);
                if let Some(notes) = &mut self.notes {
                    notes.text(text);
                }
            }
            Markup::Close => return self.close(out),
            Markup::Choice(namespace) => {
                if self.choice.is_some() {
                    return Err(Reason::FormInvalid.into());
                }
                self.choice = Some(*namespace);
            }
            Markup::EndChoice => {
                // A choice of nothing is not worth its words.
                if self.choice.take().is_none() {
                    self.end_tag(out);
                    self.levels.pop();
                    out.extend_from_slice(b"</mc:Choice></mc:AlternateContent>");
                }
            }
        }
        Ok(false)
    }

    /// Whether a step is one of those that say where the box of a note lies. They stand in the form only: transitional documents have no
    /// word for it but the box itself.
    fn is_for_box(&mut self, step: &Markup) -> bool {
        match step {
            Markup::Open(child) if self.boxing == 0 => {
                let parent = self.innermost().filter(|of| of.is("x", "comment"));
                let begins = parent.and_then(|of| of.child(*child)).is_some_and(|of| of.name() == "commentPr");
                self.boxing = u32::from(begins);
                begins
            }
            _ if self.boxing == 0 => false,
            Markup::Open(_) => {
                self.boxing = self.boxing.saturating_add(1);
                true
            }
            Markup::Close => {
                self.boxing = self.boxing.saturating_sub(1);
                true
            }
            Markup::Text(text) => {
                if let Some(notes) = &mut self.notes {
                    notes.anchor(text);
                }
                true
            }
            Markup::Attribute(..) | Markup::Choice(_) | Markup::EndChoice => true,
        }
    }

    /// Writes the declarations of the root before the XML that waits goes out: of what was used where the part is complete, else
    /// of all that may yet come.
    pub(super) fn declare(&mut self, is_complete: bool, out: &mut Vec<u8>) {
        let Some(at) = self.declarations.take().filter(|at| *at <= out.len()) else { return };
        let mut declarations = Vec::new();
        self.declarations(if is_complete { self.used } else { u128::MAX }, &mut declarations);
        out.splice(at..at, declarations);
    }

    /// The notes that came, when the part is complete.
    pub(super) fn into_notes(self) -> Option<Notes> {
        self.notes
    }

    fn open(&mut self, child: u16, out: &mut Vec<u8>) -> Result<(), Error> {
        self.end_tag(out);
        let parent = self.innermost();
        let of = match parent {
            None => self.header.kind.root(),
            Some(parent) => parent.child(child).ok_or(Reason::FormInvalid)?,
        };
        if self.levels.len() == 1 && of.namespace().prefix() == "x" && AFTER_BOXES.contains(&of.name()) {
            self.boxes(out);
        }
        if let Some(namespace) = self.choice.take() {
            self.levels.push(Level::Choice);
            let prefix = namespace.prefix();
            out.extend_from_slice(b"<mc:AlternateContent><mc:Choice");
            let declared = self.header.kind.namespaces().any(|declared| declared == namespace);
            self.used |= bit(namespace);
            if !declared || self.plain == Some(namespace) {
                declare(prefix, namespace, out);
            }
            out.extend_from_slice(b" Requires=\"");
            out.extend_from_slice(prefix.as_bytes());
            out.extend_from_slice(b"\">");
        }
        if parent.is_none() {
            out.extend_from_slice(DECLARATION.as_bytes());
        }
        self.used |= bit(of.namespace());
        out.push(b'<');
        self.name(of.namespace(), of.name(), out);
        if parent.is_none() {
            self.declarations = Some(out.len());
        }
        self.levels.push(Level::Element(of));
        self.in_tag = true;
        Ok(())
    }

    fn attribute(&mut self, number: u8, value: &Value, out: &mut Vec<u8>) -> Result<(), Error> {
        let of = self.innermost().ok_or(Reason::FormInvalid)?;
        let attribute = of.attribute(number).ok_or(Reason::FormInvalid)?;
        // In the form it says that the note is seen; in the file nobody reads it.
        if of.is("x", "comment") && attribute.name() == "shapeId" {
            if let Some(notes) = self.notes.as_mut().filter(|_| *value == Value::Integer(1)) {
                notes.show();
            }
            return Ok(());
        }
        out.push(b' ');
        let namespace = attribute.namespace();
        if namespace != Namespace::NONE {
            self.used |= bit(namespace);
            out.extend_from_slice(namespace.prefix().as_bytes());
            out.push(b':');
        }
        out.extend_from_slice(attribute.name().as_bytes());
        out.extend_from_slice(b"=\"");
        match value {
            Value::Boolean(yes) => out.push(match (attribute.kind() == AttributeKind::VmlBoolean, yes) {
                (false, false) => b'0',
                (false, true) => b'1',
                (true, false) => b'f',
                (true, true) => b't',
            }),
            Value::Integer(number) => xml::integer(out, *number),
            Value::Decimal(number) => xml::decimal(out, *number),
            Value::Enumerated(number) => {
                let word = attribute.kind().word(*number).ok_or(Reason::FormInvalid)?;
                xml::value(out, word);
            }
            Value::Text(text) => {
                xml::value(out, text);
                self.note(of, attribute, text)?;
            }
            Value::Relationship(place) => {
                out.extend_from_slice(b"rId");
                xml::integer(out, i64::from(*place).saturating_add(1));
            }
            Value::NoRelationship => {}
        }
        out.push(b'"');
        Ok(())
    }

    fn note(&mut self, of: Type, attribute: Attribute, text: &str) -> Result<(), Error> {
        match &mut self.notes {
            Some(notes) if of.is("x", "comment") && attribute.name() == "ref" => notes.begin(text),
            _ => Ok(()),
        }
    }

    fn close(&mut self, out: &mut Vec<u8>) -> Result<bool, Error> {
        let Some(Level::Element(of)) = self.levels.last().copied() else { return Err(Reason::FormInvalid.into()) };
        if self.levels.len() == 1 && (self.boxes.is_some() || self.headers.is_some()) {
            self.end_tag(out);
            self.boxes(out);
        }
        self.levels.pop();
        if self.in_tag {
            self.in_tag = false;
            out.extend_from_slice(b"/>");
        } else {
            out.extend_from_slice(b"</");
            self.name(of.namespace(), of.name(), out);
            out.push(b'>');
        }
        Ok(self.levels.is_empty())
    }

    /// Names the drawing of the boxes of notes, and that of the pictures in headers, which comes right behind it.
    fn boxes(&mut self, out: &mut Vec<u8>) {
        for (element, name) in [("legacyDrawing", self.boxes.take()), ("legacyDrawingHF", self.headers.take())] {
            if let Some(name) = name {
                out.extend_from_slice(format!("<{element} r:id=\"{name}\"/>").as_bytes());
            }
        }
    }

    fn end_tag(&mut self, out: &mut Vec<u8>) {
        if self.in_tag {
            self.in_tag = false;
            out.push(b'>');
        }
    }

    fn innermost(&self) -> Option<Type> {
        self.levels.iter().rev().find_map(|level| match level {
            Level::Element(of) => Some(*of),
            Level::Choice => None,
        })
    }

    fn name(&self, namespace: Namespace, name: &str, out: &mut Vec<u8>) {
        if self.plain != Some(namespace) && namespace != Namespace::NONE {
            out.extend_from_slice(namespace.prefix().as_bytes());
            out.push(b':');
        }
        out.extend_from_slice(name.as_bytes());
    }

    /// Those vocabularies of the part that are among `these`, and which of them a program may pass over that does not know them.
    /// Relationships and compatibility are always declared: boxes of notes, choices and the list of the latter need them.
    fn declarations(&self, these: u128, out: &mut Vec<u8>) {
        let mut ignorable: Vec<&str> = Vec::new();
        let always = |namespace: &Namespace| matches!(namespace.prefix(), "r" | "mc");
        let own = self.header.kind.namespaces().filter(|namespace| these & bit(*namespace) != 0 && !always(namespace));
        for namespace in own {
            let prefix = namespace.prefix();
            if self.plain == Some(namespace) {
                declare("", namespace, out);
            } else if !matches!(prefix, "" | "xml") {
                declare(prefix, namespace, out);
                if namespace.is_ignorable() {
                    ignorable.push(prefix);
                }
            }
        }
        Namespace::all().filter(always).for_each(|namespace| declare(namespace.prefix(), namespace, out));
        if !ignorable.is_empty() {
            out.extend_from_slice(b" mc:Ignorable=\"");
            out.extend_from_slice(ignorable.join(" ").as_bytes());
            out.push(b'"');
        }
    }
}

/// There are fewer than 128 vocabularies.
fn bit(namespace: Namespace) -> u128 {
    1_u128.checked_shl(namespace.code().into()).unwrap_or(0)
}

fn declare(prefix: &str, namespace: Namespace, out: &mut Vec<u8>) {
    out.extend_from_slice(b" xmlns");
    if !prefix.is_empty() {
        out.push(b':');
        out.extend_from_slice(prefix.as_bytes());
    }
    out.extend_from_slice(b"=\"");
    xml::value(out, namespace.uri());
    out.push(b'"');
}

/// What comes after the boxes of notes in a worksheet (ECMA-376 part 1, section 18.3.1.99).
const AFTER_BOXES: [&str; 8] =
    ["legacyDrawingHF", "drawingHF", "picture", "oleObjects", "controls", "webPublishItems", "tableParts", "extLst"];

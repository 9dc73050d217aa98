//! The beginning of an element: which child of the one around it it is, and what its type asks for.

use form::office::{Markup, State, Type};
use quick_xml::events::BytesStart;

use super::frames::{Element, Frame, Role};
use super::references::{self, Rule};
use super::rules::{self, Special};
use super::scope::{self, Mark};
use super::{Fault, Lowerer, attributes};
use crate::office::{previews, xml};

/// What is asked of every element of a type, worked out once for a part.
#[derive(Clone, Copy)]
pub(super) struct TypeFacts {
    /// One bit for each attribute that is needed.
    pub(super) required: u128,
    pub(super) special: Special,
    pub(super) rules: &'static [Rule],
}

/// What becomes of an element.
pub(super) enum Verdict {
    Keep,
    Drop,
    Through,
}

impl Lowerer<'_, '_, '_> {
    /// Begins an element. False where it is left out with all that stands in it.
    pub(super) fn begin(&mut self, tag: &BytesStart<'_>) -> Result<bool, Fault> {
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
        // By the content model names come right before it, and LibreOffice always writes it.
        if !self.is_named && vocabulary == "x" && name == "calcPr" {
            self.add_names()?;
        }
        let parent = self.parent().ok_or(Fault::Broken)?;
        let in_group = || parent.of.is("wpg", "wgp") || parent.of.is("wpg", "grpSp");
        let (namespace, name) = match (vocabulary, name) {
            // The preview of an embedded object stands in it as a picture does.
            ("w", "object") => (namespace, "pict"),
            // The sides of a cell as strict workbooks call them, by which other readers than Excel find none.
            ("x", "start") if parent.of.is("x", "border") => (namespace, "left"),
            ("x", "end") if parent.of.is("x", "border") => (namespace, "right"),
            ("wpc", "wpc") if self.becomes_group() => return self.enter_canvas(mark),
            ("wpc", "bg" | "whole") if in_group() => return self.enter_backing(mark),
            ("wpc", "graphicFrame") if in_group() => (parent.of.namespace(), name),
            ("wpg", "wgp") if in_group() => (namespace, "grpSp"),
            _ => (namespace, name),
        };
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

    /// Names the drawing that a worksheet has of us, where its author had one of VML: right before that one, by the content model.
    fn insert_drawing(&mut self) -> Result<(), Fault> {
        match self.context.drawing {
            Some(id) => self.insert(&previews::sheet_drawing(id)),
            None => Ok(()),
        }
    }
}

//! Style sheets, as far as they hide text: rules for one element name, class or id.
//!
//! What cannot be decided shows: a rule that needs the tree, or holds on some screens only, hides nothing.

use std::collections::HashMap;

use html5ever::tokenizer::Tag;

use super::style::Look;

/// The rules of all sheets of a document.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    rules: HashMap<String, Look>,
    bytes: usize,
    /// Some backgrounds are set by rules that are not followed, so that no letter can be said to have the colour of its own.
    pub(super) unsure_of_colours: bool,
    /// Addresses that the sheets would have loaded.
    pub(super) loads: Vec<String>,
}

impl Sheet {
    /// Adds the text of a `<style>` element.
    pub(super) fn add(&mut self, text: &str) {
        self.bytes = self.bytes.saturating_add(text.len());
        if self.bytes > MAX_BYTES {
            self.unsure_of_colours = true;
            return;
        }
        self.note_loads(text);
        let text = without_comments(text);
        let mut rest = text.as_str();
        while let Some((prelude, after)) = rest.split_once('{') {
            let prelude = prelude.rsplit([';', '}']).next().unwrap_or_default().trim();
            if prelude.starts_with('@') {
                let (block, after) = block(after);
                // Rules for small screens, dark rooms and paper are not for the reader that is thought of here.
                let conditional = prelude.contains('(') || prelude.contains("print") || !prelude.starts_with("@media");
                self.unsure_of_colours |= !conditional && block.contains("background");
                rest = after;
                continue;
            }
            let (declarations, after) = after.split_once('}').unwrap_or((after, ""));
            rest = after;
            self.rule(prelude, declarations);
        }
    }

    fn rule(&mut self, selectors: &str, declarations: &str) {
        let mut look = Look::default();
        look.read(declarations);
        if look == Look::default() {
            return;
        }
        for selector in selectors.split(',').map(str::trim).take(MAX_SELECTORS) {
            let simple = is_simple(selector) && self.rules.len() < MAX_RULES;
            if simple {
                self.rules.entry(selector.to_ascii_lowercase()).or_default().add(&look);
            } else if !STATES.iter().any(|state| selector.contains(state)) {
                self.unsure_of_colours |= look.background.is_some() || look.colour.is_some();
            }
        }
    }

    /// What the rules say of an element: those of its name first, then of its classes, then of its id.
    pub(super) fn look(&self, tag: &Tag) -> Look {
        let mut look = Look::default();
        if self.rules.is_empty() {
            return look;
        }
        let mut apply = |key: &str| {
            if let Some(rule) = self.rules.get(key) {
                look.add(rule);
            }
        };
        apply(&tag.name);
        let attribute = |name: &str| {
            let found = tag.attrs.iter().find(|attribute| &*attribute.name.local == name);
            found.map(|attribute| attribute.value.to_ascii_lowercase()).unwrap_or_default()
        };
        let classes = attribute("class");
        for class in classes.split_ascii_whitespace().take(MAX_CLASSES) {
            apply(&format!(".{class}"));
            apply(&format!("{}.{class}", &*tag.name));
        }
        let id = attribute("id");
        if !id.is_empty() {
            apply(&format!("#{id}"));
            apply(&format!("{}#{id}", &*tag.name));
        }
        look
    }

    fn note_loads(&mut self, text: &str) {
        for part in text.split("url(").skip(1).take(MAX_LOADS) {
            let target = part.split(')').next().unwrap_or_default().trim().trim_matches(['"', '\'']);
            if self.loads.len() < MAX_LOADS && (target.contains("://") || target.starts_with("//")) {
                self.loads.push(target.chars().take(MAX_TARGET).collect());
            }
        }
    }
}

/// An element name, a class or an id, or a name with one of them.
fn is_simple(selector: &str) -> bool {
    let marks = selector.bytes().filter(|b| matches!(b, b'.' | b'#')).count();
    let plain =
        selector.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'#' | b'-' | b'_') || !b.is_ascii());
    !selector.is_empty() && plain && marks <= 1
}

/// A block with blocks inside, and what follows it.
fn block(text: &str) -> (&str, &str) {
    let mut depth: u32 = 1;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth = depth.saturating_add(1),
            b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return (text.get(..at).unwrap_or_default(), text.get(at.saturating_add(1)..).unwrap_or_default());
        }
    }
    (text, "")
}

fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("/*") {
        out.push_str(before);
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    // Sheets were hidden from browsers that knew none.
    if out.contains("<!--") || out.contains("-->") { out.replace("<!--", "").replace("-->", "") } else { out }
}

/// Bytes read of all sheets of a document.
const MAX_BYTES: usize = 1024 * 1024;
const MAX_RULES: usize = 4_000;
const MAX_SELECTORS: usize = 200;
/// Classes looked at of one element.
const MAX_CLASSES: usize = 16;
/// Addresses remembered.
const MAX_LOADS: usize = 50;
const MAX_TARGET: usize = 500;
/// States that an element has at times only.
const STATES: [&str; 7] = [":hover", ":visited", ":active", ":focus", ":link", ":checked", "::"];

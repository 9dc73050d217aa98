//! Fields of Word that may not cross: what begins, instructs and ends them is taken out, what they show stays.
//!
//! A field is known to be refused only when its instruction is complete, and by then some of it is on the tape. So this goes over
//! the tape before it is written, in the order in which the verifier will ([`Fields`](form::office::Fields)).

use std::ops::Range;

use form::office::{AttributeKind, Fields as Verified, Markup, TextKind, Type, grammar};

/// What stands in an instruction for a field within it.
const NESTED: &str = "\u{FFFC}";

/// The fields and elements that are open where the tape begins.
#[derive(Default)]
pub(super) struct Fields {
    types: Vec<Level>,
    open: Vec<Field>,
    /// What stands in the instructions of those that are not decided, in the order in which it ended.
    held: Vec<Held>,
    /// Instructions that were refused, for the account.
    pub(super) refused: Vec<String>,
}

#[derive(Clone)]
struct Level {
    /// None for a choice.
    of: Option<Type>,
    start: usize,
    mark: Option<&'static str>,
    text: String,
}

/// Something in the instruction of a field.
struct Held {
    span: Range<usize>,
    /// Words to be shown, which Word takes for a piece of the instruction.
    is_words: bool,
    /// For a piece of the instruction: the number of an element for words that may stand in its place.
    words: Option<u16>,
}

#[derive(Clone, Default)]
struct Field {
    instruction: String,
    /// Too long, or across the bounds of what is read apart from it.
    is_doomed: bool,
    shown: bool,
    is_refused: bool,
    /// While it is not decided: what of that is held goes with it, from this place on.
    held_from: usize,
}

impl Fields {
    /// Takes refused fields out of the steps up to `end`, which stand in a part with this root, and gives how many of the steps
    /// that are left can be written now. Of fields that are not yet decided all waits, unless the part is complete.
    pub(super) fn filter(&mut self, steps: &mut Vec<Markup>, root: Type, end: usize, is_complete: bool) -> usize {
        let mut pass = Pass { gone: Vec::new(), shown: Vec::new(), waiting: None };
        for (at, step) in steps.iter().enumerate().take(end) {
            self.step(&mut pass, at, step, root);
        }
        if is_complete {
            while let Some(mut field) = self.open.pop() {
                if !field.shown {
                    // Without an end nobody can tell what was to be shown: the marks go, the words stay.
                    self.held.retain(|held| !held.is_words);
                    self.decide(&mut pass, &mut field);
                }
            }
            pass.waiting = None;
        }
        let ready = match pass.waiting.take() {
            Some((at, told, before)) => {
                // What was seen from there on is seen again next time.
                let mut refused = std::mem::take(&mut self.refused);
                refused.truncate(told);
                *self = *before;
                self.refused = refused;
                pass.gone.retain(|gone| gone.start < at);
                pass.shown.retain(|(span, _, _)| span.start < at);
                at
            }
            None => end,
        };
        for (span, number, words) in pass.shown {
            show(steps, &span, number, &words, &mut pass.gone);
        }
        let kept = remove(steps, pass.gone, ready);
        for level in &mut self.types {
            level.start = 0;
        }
        kept
    }

    fn step(&mut self, pass: &mut Pass, at: usize, step: &Markup, root: Type) {
        match step {
            Markup::Open(number) => {
                let parent = self.types.iter().rev().find_map(|level| level.of);
                let of = match parent {
                    Some(parent) => parent.child(*number),
                    None => Some(root),
                };
                self.types.push(Level { of, start: at, mark: None, text: String::new() });
                if of.is_some_and(Verified::is_apart) {
                    self.bound();
                }
            }
            Markup::Choice(_) => {
                self.types.push(Level { of: None, start: at, mark: None, text: String::new() });
                self.bound();
            }
            Markup::EndChoice => {
                self.bound();
                self.types.pop();
            }
            Markup::Attribute(number, value) => {
                let is_free = pass.waiting.is_none() && !self.is_undecided();
                let Some(level) = self.types.last_mut() else { return };
                let attribute =
                    level.of.and_then(|of| of.attribute(*number)).filter(|each| each.name() == "fldCharType");
                if let (Some(attribute), form::office::Value::Enumerated(value)) = (attribute, value) {
                    level.mark = attribute.kind().word(*value);
                }
                let is_field = level.of.and_then(|of| of.attribute(*number)).map(|each| each.kind());
                if is_field == Some(AttributeKind::Field) {
                    self.piece(NESTED);
                    return;
                }
                // The beginning must be noted where the fields before it are still as they were.
                if attribute.is_some() && level.mark == Some("begin") && is_free {
                    let start = level.start;
                    let mut before = Fields { types: self.types.clone(), open: self.open.clone(), ..Fields::default() };
                    before.types.pop();
                    pass.waiting = Some((start, self.refused.len(), Box::new(before)));
                }
            }
            Markup::Text(text) => {
                let Some(level) = self.types.last_mut() else { return };
                match level.of.map(Type::text) {
                    Some(TextKind::Field) => level.text = text.to_string(),
                    Some(TextKind::Plain) => self.piece(text),
                    _ => {}
                }
            }
            Markup::Close => {
                let Some(level) = self.types.pop() else { return };
                if level.of.is_some_and(Verified::is_apart) {
                    self.bound();
                }
                self.close(pass, &level, at);
            }
        }
    }

    fn close(&mut self, pass: &mut Pass, level: &Level, at: usize) {
        let span = level.start..at.saturating_add(1);
        let is_instruction = level.of.is_some_and(|of| of.text() == TextKind::Field) && !level.text.is_empty();
        match level.mark {
            Some("begin") => {
                if self.open.len() >= Verified::DEPTH {
                    pass.gone.push(span.clone());
                    self.hold(&span);
                    self.open.push(Field { shown: true, is_refused: true, ..Field::default() });
                } else {
                    self.piece(NESTED);
                    self.open.push(Field { held_from: self.held.len(), ..Field::default() });
                    self.held.push(Held { span, is_words: false, words: None });
                }
            }
            Some("separate") => match self.open.pop() {
                Some(mut field) => {
                    self.hold(&span);
                    if field.shown {
                        // A second one says nothing new; in a refused field it is one more mark of it.
                        pass.gone.push(span);
                    } else {
                        self.held.push(Held { span, is_words: false, words: None });
                        field.shown = true;
                        self.decide(pass, &mut field);
                    }
                    self.open.push(field);
                }
                None => pass.gone.push(span),
            },
            Some("end") => match self.open.pop() {
                Some(mut field) => {
                    self.hold(&span);
                    if !field.shown {
                        self.held.push(Held { span, is_words: false, words: None });
                        self.decide(pass, &mut field);
                    } else if field.is_refused {
                        pass.gone.push(span);
                    }
                }
                None => pass.gone.push(span),
            },
            _ if is_instruction => {
                if self.open.last().is_some_and(|field| !field.shown) {
                    self.piece(&level.text);
                    let words = self.types.last().and_then(|run| {
                        let run = run.of?;
                        run.children_named(run.namespace(), "t").next()
                    });
                    self.held.push(Held { span, is_words: false, words });
                } else {
                    pass.gone.push(span);
                }
            }
            _ => {
                let is_in_run = self.types.last().is_some_and(|level| level.of.is_some_and(|of| of.name() == "r"));
                if is_in_run && level.of.is_some_and(|of| of.name() != "rPr") && self.is_undecided() {
                    self.held.push(Held { span, is_words: true, words: None });
                }
            }
        }
        if !self.is_undecided() {
            pass.waiting = None;
            self.held.clear();
        }
    }

    fn is_undecided(&self) -> bool {
        self.open.iter().any(|field| !field.shown)
    }

    /// Notes something that stands in the instruction of a field that is not yet decided.
    fn hold(&mut self, span: &Range<usize>) {
        if self.is_undecided() {
            self.held.push(Held { span: span.clone(), is_words: false, words: None });
        }
    }

    /// A piece of the innermost field's instruction, where one is coming.
    fn piece(&mut self, piece: &str) {
        let Some(field) = self.open.last_mut().filter(|field| !field.shown) else { return };
        if field.instruction.len().saturating_add(piece.len()) > grammar::FIELD_BYTES {
            field.is_doomed = true;
        } else {
            field.instruction.push_str(piece);
        }
    }

    /// What is read apart begins or ends: no instruction reaches across.
    fn bound(&mut self) {
        for field in self.open.iter_mut().filter(|field| !field.shown) {
            field.is_doomed = true;
        }
    }

    fn decide(&mut self, pass: &mut Pass, field: &mut Field) {
        field.is_refused = field.is_doomed || !grammar::field(&field.instruction);
        if field.is_refused {
            let mut held: Vec<&Held> = self.held.iter().skip(field.held_from).collect();
            if let Some(words) = button(&field.instruction).filter(|_| !field.shown && !field.is_doomed)
                && let Some(at) = held.iter().position(|held| held.words.is_some())
            {
                let place = held.remove(at);
                pass.shown.extend(place.words.map(|number| (place.span.clone(), number, words)));
            }
            pass.gone.extend(held.into_iter().map(|held| held.span.clone()));
            self.refused.push(std::mem::take(&mut field.instruction));
        }
    }
}

/// What a button of a macro shows: the words behind the name of the macro (ECMA-376 part 1, section 17.16.5.34). Templates ask so for what
/// is to be filled in.
fn button(instruction: &str) -> Option<String> {
    let (name, rest) = instruction.trim().split_once(char::is_whitespace)?;
    let (_, words) = rest.trim_start().split_once(char::is_whitespace)?;
    let words = words.replace(NESTED, "");
    (name.eq_ignore_ascii_case("MACROBUTTON") && !words.trim().is_empty()).then(|| words.trim().to_owned())
}

/// Puts words in the place of a piece of an instruction.
fn show(steps: &mut [Markup], span: &Range<usize>, number: u16, words: &str, gone: &mut Vec<Range<usize>>) {
    for (at, step) in steps.iter_mut().enumerate().take(span.end).skip(span.start) {
        match step {
            Markup::Open(of) => *of = number,
            Markup::Text(text) => *text = words.into(),
            // Its attributes have numbers of their own.
            Markup::Attribute(..) => gone.push(at..at.saturating_add(1)),
            Markup::Close | Markup::Choice(_) | Markup::EndChoice => {}
        }
    }
}

/// One going over the tape.
struct Pass {
    gone: Vec<Range<usize>>,
    /// Pieces of instructions that become words, with the number of the element for them.
    shown: Vec<(Range<usize>, u16, String)>,
    /// Where the outermost undecided field begins, how many had been refused, and how everything was before it.
    waiting: Option<(usize, usize, Box<Fields>)>,
}

/// Takes the ranges out, which may lie in one another; gives what is left of the first `ready` steps.
fn remove(steps: &mut Vec<Markup>, mut gone: Vec<Range<usize>>, ready: usize) -> usize {
    if gone.is_empty() {
        return ready;
    }
    gone.sort_unstable_by_key(|range| (range.start, std::cmp::Reverse(range.end)));
    let mut ranges = gone.into_iter().peekable();
    let (mut at, mut until, mut kept) = (0_usize, 0_usize, 0_usize);
    steps.retain(|_| {
        while let Some(range) = ranges.next_if(|range| range.start <= at) {
            until = until.max(range.end);
        }
        let keep = at >= until;
        kept = kept.saturating_add(usize::from(keep && at < ready));
        at = at.saturating_add(1);
        keep
    });
    kept
}

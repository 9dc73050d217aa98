//! From tags and characters to text: which elements are open, and what their start and end mean.

use std::collections::{HashMap, HashSet};

use form::job::Extra;
use html5ever::LocalName;
use html5ever::tokenizer::Tag;

use super::flow::{Flow, Numbering};
use super::role::{Role, control, is_void, numbering, role};
use super::sheet::Sheet;
use super::style::{Look, Paint, colour};
use super::symbols;
use super::table::{Purpose, Span, Table};
use super::{Converted, Pictures, attribute};

pub(super) struct Builder<'a, 'b> {
    pub(super) pictures: &'a mut Pictures<'b>,
    /// What becomes of text that no reader would have seen.
    hidden_text: Extra,
    /// The document and, on top, the open cell of every open table.
    pub(super) flows: Vec<Flow>,
    tables: Vec<Table>,
    pub(super) open: Vec<Open>,
    /// Elements open beyond what is kept on the stack.
    beyond: usize,
    pub(super) hidden: usize,
    pub(super) skipped: usize,
    preformatted: usize,
    sheet: Sheet,
    sheet_text: String,
    /// The document names a type: without, browsers let no size into a table.
    typed: bool,
    /// Targets that were shown already.
    pub(super) shown: HashSet<String>,
    /// Numbers of targets too long for the running text.
    pub(super) long: HashMap<String, usize>,
    pub(super) converted: Converted,
}

pub(super) struct Open {
    name: LocalName,
    role: Role,
    hidden: bool,
    /// Whether it begins what is not seen.
    hides: bool,
    /// Not visible, inherited; what is inside may be visible again.
    invisible: bool,
    /// Letters without size, inherited.
    pub(super) no_size: bool,
    /// Colours of the letters and behind them, inherited.
    colour: Paint,
    background: Paint,
    /// Hidden text was counted for this element.
    counted: bool,
    /// Struck out by its style.
    struck: bool,
    /// Letters are signs, inherited.
    symbols: bool,
    /// Where its text begins.
    start: usize,
    link: Option<Link>,
}

pub(super) struct Link {
    pub(super) target: String,
    pub(super) flow: usize,
    pub(super) start: usize,
}

impl Open {
    /// Whether text directly inside cannot be seen, though its element is there.
    fn is_unseen(&self, sheet: &Sheet) -> bool {
        self.no_size || (!sheet.unsure_of_colours && self.colour.vanishes_on(self.background))
    }
}

impl<'a, 'b> Builder<'a, 'b> {
    pub(super) fn new(hidden_text: Extra, pictures: &'a mut Pictures<'b>) -> Self {
        Self {
            pictures,
            hidden_text,
            flows: vec![Flow::default()],
            tables: Vec::new(),
            open: Vec::new(),
            beyond: 0,
            hidden: 0,
            skipped: 0,
            preformatted: 0,
            sheet: Sheet::default(),
            sheet_text: String::new(),
            typed: false,
            shown: HashSet::new(),
            long: HashMap::new(),
            converted: Converted::default(),
        }
    }

    /// The document says what type it is of.
    pub(super) fn doctype(&mut self) {
        self.typed = true;
    }

    pub(super) fn finish(mut self) -> Converted {
        while self.pop() {}
        for load in std::mem::take(&mut self.sheet.loads) {
            self.note_remote(&load);
        }
        let mut text = self.flows.drain(..).next().unwrap_or_default().finish();
        self.list_long(&mut text);
        self.converted.text = text;
        self.converted
    }

    pub(super) fn text(&mut self, text: &str) {
        if self.skipped > 0 {
            if self.open.last().is_some_and(|open| open.role == Role::Sheet) {
                self.sheet_text.push_str(text);
            }
            return;
        }
        let unseen = self.open.last().is_some_and(|open| open.invisible || open.is_unseen(&self.sheet));
        if (self.hidden > 0 || unseen) && !self.hidden_passes(text) {
            return;
        }
        let preformatted = self.preformatted > 0;
        let is_drawn = self.open.last().is_some_and(|open| open.symbols);
        if let Some(flow) = self.flows.last_mut() {
            if is_drawn {
                flow.text(&text.chars().map(symbols::shown).collect::<String>(), preformatted);
            } else {
                flow.text(text, preformatted);
            }
        }
    }

    /// Whether what stands here is in no element that is seen.
    pub(super) fn is_hidden(&self) -> bool {
        self.hidden > 0 || self.open.last().is_some_and(|open| open.invisible)
    }

    /// Counts hidden text once for each element that hides it, and says whether it is to be read all the same.
    fn hidden_passes(&mut self, text: &str) -> bool {
        if text.chars().all(is_filler) {
            return false;
        }
        let sheet = &self.sheet;
        let hider = self.open.iter_mut().rev().take(MAX_SEARCH).find(|open| open.hides || open.is_unseen(sheet));
        let first = hider.is_some_and(|open| !std::mem::replace(&mut open.counted, true));
        self.converted.hidden = self.converted.hidden.saturating_add(u32::from(first));
        match self.hidden_text {
            Extra::Drop => false,
            Extra::Keep => {
                if first {
                    self.visible(|flow| flow.mark("[非表示の文字]"));
                }
                true
            }
        }
    }

    pub(super) fn start(&mut self, tag: &Tag) {
        let name = &*tag.name;
        self.count_active(name, tag);
        self.count_remote(name, tag);
        match name {
            "br" => return self.visible(Flow::line_break),
            "hr" => {
                return self.visible(|flow| {
                    flow.block(1);
                    flow.text("----------------------------------------", true);
                    flow.block(1);
                });
            }
            "img" | "image" => return self.image(tag),
            "input" => {
                if let Some(shown) = control(tag).filter(|_| !self.is_hidden()) {
                    self.visible(|flow| flow.mark(&shown));
                }
                return;
            }
            // The end of a link that was left open.
            "a" => self.end_link(),
            _ if is_void(name) => return,
            _ => {}
        }
        let role = role(name, tag);
        if tag.self_closing && matches!(role, Role::Skipped | Role::Sheet) {
            return;
        }
        self.imply_ends(role);
        if self.open.len() >= MAX_OPEN {
            self.beyond = self.beyond.saturating_add(1);
            if role != Role::Inline {
                self.visible(|flow| flow.block(1));
            }
            return;
        }
        let role = if role == Role::Table && self.tables.len() >= MAX_TABLES { Role::Block } else { role };
        let look = self.look(tag);
        let mut open = self.opened(tag, role, &look);
        self.hidden = self.hidden.saturating_add(usize::from(open.hidden));
        open.struck &= self.hidden == 0 && !open.invisible;
        let (struck, line_above) = (open.struck, look.line_above == Some(true));
        self.open.push(open);
        self.begin(role, tag);
        if line_above && role == Role::Block {
            self.visible(|flow| flow.block(2));
        }
        if struck {
            self.visible(|flow| flow.mark(STRUCK));
        }
        // Behind the marks, so that they are not taken for the text.
        let start = self.flows.last().map_or(0, Flow::len);
        if let Some(open) = self.open.last_mut() {
            open.start = start;
        }
    }

    /// What style sheets, attributes and the element's own style say, in the order in which they win.
    fn look(&self, tag: &Tag) -> Look {
        let mut look = Look::default();
        if let Some(paint) = attribute(tag, "bgcolor").and_then(colour) {
            look.background = Some(paint);
        }
        if attribute(tag, "background").is_some_and(|picture| !picture.is_empty()) {
            look.background = Some(Paint::Unknown);
        }
        match &*tag.name {
            "font" => {
                look.colour = attribute(tag, "color").and_then(colour);
                look.no_size = attribute(tag, "size").map(|_| false);
                look.symbols = attribute(tag, "face").map(symbols::is_named);
            }
            "body" => look.colour = attribute(tag, "text").and_then(colour),
            _ => {}
        }
        look.add(&self.sheet.look(tag));
        if let Some(style) = attribute(tag, "style") {
            look.read(style);
        }
        look
    }

    fn opened(&self, tag: &Tag, role: Role, look: &Look) -> Open {
        let around = self.open.last();
        let is_link = &*tag.name == "a" && attribute(tag, "href").is_some();
        let start = self.flows.last().map_or(0, Flow::len);
        let inherited = (self.typed || role != Role::Table) && around.is_some_and(|open| open.no_size);
        // Programs give links a colour of their own.
        let colour = look.colour.unwrap_or(match around {
            _ if is_link => Paint::Unknown,
            Some(open) => open.colour,
            None => Paint::Rgb([0; 3]),
        });
        let background = match around {
            _ if look.floats() => Paint::Unknown,
            Some(open) => look.background.unwrap_or(open.background),
            None => look.background.unwrap_or(Paint::Rgb([255; 3])),
        };
        let hidden = look.is_hidden() || attribute(tag, "hidden").is_some();
        Open {
            name: tag.name.clone(),
            role,
            hidden,
            hides: hidden || look.invisible == Some(true),
            invisible: look.invisible.unwrap_or(around.is_some_and(|open| open.invisible)),
            no_size: look.no_size.unwrap_or(inherited),
            colour,
            background,
            counted: false,
            symbols: look.symbols.unwrap_or(around.is_some_and(|open| open.symbols)),
            struck: role == Role::Struck || (look.struck == Some(true) && role == Role::Inline),
            start,
            link: attribute(tag, "href").filter(|_| is_link).map(|target| Link {
                target: target.to_owned(),
                flow: self.flows.len(),
                start,
            }),
        }
    }

    pub(super) fn end(&mut self, name: &LocalName) {
        let tag = &**name;
        match tag {
            "br" => return self.visible(Flow::line_break),
            // An end tag without a start makes an empty paragraph.
            "p" if !self.open.iter().rev().take(MAX_SEARCH).any(|open| &*open.name == "p") => {
                return self.visible(|flow| flow.block(2));
            }
            _ => {}
        }
        if self.beyond > 0 && !matches!(tag, "table" | "td" | "th" | "tr" | "body" | "html") {
            self.beyond = self.beyond.saturating_sub(1);
            return;
        }
        let of_table = matches!(tag, "table" | "td" | "th" | "tr" | "tbody" | "thead" | "tfoot");
        let mut found = None;
        for (depth, open) in self.open.iter().rev().take(MAX_SEARCH).enumerate() {
            if open.name == *name {
                found = Some(depth);
                break;
            }
            // A stray end tag inside a cell does not end what is outside; `</td>` does not reach into another table.
            if (open.role == Role::Cell && !of_table) || (open.role == Role::Table && tag != "table") {
                break;
            }
        }
        self.pop_to(found);
    }

    /// Ends what HTML lets authors leave open.
    fn imply_ends(&mut self, role: Role) {
        let closes: &[Role] = match role {
            Role::Item => &[Role::Item],
            Role::Cell => &[Role::Cell],
            Role::Row => &[Role::Cell, Role::Row],
            Role::Inline | Role::Skipped | Role::Sheet | Role::Ruby | Role::Raised | Role::Struck => return,
            _ => {
                if self.open.last().is_some_and(|open| matches!(open.role, Role::Paragraph | Role::TightParagraph)) {
                    self.pop();
                }
                return;
            }
        };
        let stop = |open: &Open| {
            open.role == Role::Table || (role == Role::Item && matches!(open.role, Role::List | Role::Cell))
        };
        let mut depth = None;
        for (at, open) in self.open.iter().rev().take(MAX_SEARCH).enumerate() {
            if stop(open) {
                break;
            }
            if closes.contains(&open.role) {
                depth = Some(at);
            }
        }
        self.pop_to(depth);
    }

    /// Ends the elements up to one at a depth below the innermost.
    fn pop_to(&mut self, depth: Option<usize>) {
        if let Some(depth) = depth {
            (0..=depth).for_each(|_| {
                self.pop();
            });
        }
    }

    /// Ends the link that is open in this cell, if one is: links do not nest.
    fn end_link(&mut self) {
        let flow = self.flows.len();
        let open = self.open.iter_mut().rev().take(MAX_SEARCH).find(|open| open.link.is_some());
        if let Some(link) = open.and_then(|open| open.link.take_if(|link| link.flow == flow)) {
            self.link(link);
        }
    }

    fn begin(&mut self, role: Role, tag: &Tag) {
        match role {
            Role::Inline | Role::Raised | Role::Struck => {}
            Role::Skipped | Role::Sheet => self.skipped = self.skipped.saturating_add(1),
            Role::Ruby => self.bracket("（"),
            Role::Block | Role::TightParagraph => self.visible(|flow| flow.block(1)),
            Role::Paragraph => self.visible(|flow| flow.block(2)),
            Role::Heading => self.visible(|flow| {
                flow.block(2);
                flow.heading();
            }),
            Role::List => {
                let (numbering, first) = numbering(tag);
                self.visible(|flow| {
                    flow.block(1);
                    flow.list_start(numbering, first);
                });
            }
            Role::Indented => self.visible(|flow| {
                flow.block(1);
                flow.list_start(Numbering::Indent, 1);
            }),
            Role::Item => {
                let value = attribute(tag, "value").and_then(|n| n.trim().parse().ok());
                self.visible(|flow| {
                    flow.block(1);
                    flow.item(value);
                });
            }
            Role::Quote => self.visible(|flow| {
                flow.block(1);
                flow.quotes = flow.quotes.saturating_add(1).min(MAX_QUOTES);
            }),
            Role::Preformatted => {
                self.preformatted = self.preformatted.saturating_add(1);
                self.visible(|flow| flow.block(1));
            }
            Role::Table => {
                self.visible(|flow| flow.block(1));
                if let Some(outer) = self.tables.last_mut() {
                    outer.holds_table = true;
                }
                self.tables.push(Table::new(purpose(tag)));
            }
            Role::Row => match self.tables.last_mut() {
                Some(table) => table.row(),
                None => self.visible(|flow| flow.block(1)),
            },
            Role::Cell => match self.tables.last_mut() {
                Some(table) if !table.cell_open => {
                    table.cell_open = true;
                    let count = |name| attribute(tag, name).and_then(|n| n.trim().parse().ok()).unwrap_or(1);
                    table.span = Span { columns: count("colspan"), rows: count("rowspan") };
                    if &*tag.name == "th" && table.purpose == Purpose::Unsaid {
                        table.purpose = Purpose::Data;
                    }
                    self.flows.push(Flow::default());
                }
                _ => self.visible(|flow| flow.block(1)),
            },
        }
    }

    /// Ends the innermost element; false when none is open.
    fn pop(&mut self) -> bool {
        let Some(open) = self.open.pop() else { return false };
        if let Some(link) = open.link.filter(|_| !open.invisible) {
            self.link(link);
        }
        if open.struck {
            self.visible(|flow| flow.close_mark(STRUCK, ']'));
        }
        match open.role {
            Role::Inline | Role::Struck => {}
            Role::Raised => self.visible(|flow| flow.raise(open.start, '^')),
            Role::Skipped => self.skipped = self.skipped.saturating_sub(1),
            Role::Sheet => {
                self.skipped = self.skipped.saturating_sub(1);
                self.sheet.add(&std::mem::take(&mut self.sheet_text));
            }
            Role::Ruby => self.bracket("）"),
            Role::Block | Role::TightParagraph => self.visible(|flow| flow.block(1)),
            Role::Paragraph => self.visible(|flow| flow.block(2)),
            Role::Heading => self.visible(|flow| {
                flow.item_end();
                flow.block(2);
            }),
            Role::List | Role::Indented => self.visible(|flow| {
                flow.list_end();
                flow.block(1);
            }),
            Role::Item => self.visible(|flow| {
                flow.item_end();
                flow.block(1);
            }),
            Role::Quote => self.visible(|flow| {
                flow.block(1);
                flow.quotes = flow.quotes.saturating_sub(1);
            }),
            Role::Preformatted => {
                self.preformatted = self.preformatted.saturating_sub(1);
                self.visible(|flow| flow.block(1));
            }
            Role::Cell => self.end_cell(),
            Role::Row => self.visible(|flow| flow.block(1)),
            Role::Table => self.end_table(),
        }
        self.hidden = self.hidden.saturating_sub(usize::from(open.hidden));
        true
    }

    fn bracket(&mut self, bracket: &str) {
        if !self.is_hidden() {
            self.visible(|flow| flow.text(bracket, false));
        }
    }

    fn end_cell(&mut self) {
        let Some(table) = self.tables.last_mut().filter(|table| table.cell_open) else {
            return self.visible(|flow| flow.block(1));
        };
        table.cell_open = false;
        if self.flows.len() > 1
            && let Some(flow) = self.flows.pop()
        {
            table.cell(flow.finish());
        }
    }

    fn end_table(&mut self) {
        self.end_cell();
        if let Some(table) = self.tables.pop() {
            let (text, columns) = table.render();
            self.converted.tables = self.converted.tables.saturating_add(u32::from(columns));
            if let Some(flow) = self.flows.last_mut()
                && !text.is_empty()
            {
                flow.lines(&text);
            }
        }
        self.visible(|flow| flow.block(1));
    }

    /// Changes the layout, unless the reader sees nothing of what is being read.
    pub(super) fn visible(&mut self, change: impl FnOnce(&mut Flow)) {
        // Structure inside hidden elements is followed too, so that starts and ends stay in balance; it writes no letter.
        if self.skipped > 0 {
            return;
        }
        if let Some(flow) = self.flows.last_mut() {
            change(flow);
        }
    }
}

/// What the author of a table says it is for.
fn purpose(tag: &Tag) -> Purpose {
    let role = attribute(tag, "role").unwrap_or_default();
    if role.eq_ignore_ascii_case("presentation") || role.eq_ignore_ascii_case("none") {
        return Purpose::Layout;
    }
    let lines = attribute(tag, "border").is_some_and(|border| border.trim().parse().is_ok_and(|width: u32| width > 0));
    if lines { Purpose::Data } else { Purpose::Unsaid }
}

/// Characters that newsletters pad their hidden first line with.
fn is_filler(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{AD}' | '\u{34F}' | '\u{200B}'..='\u{200F}' | '\u{FEFF}')
}

/// Elements kept on the stack; deeper ones are text without structure.
const MAX_OPEN: usize = 512;
/// How far an end tag looks for its start, so that mismatched tags stay linear.
pub(super) const MAX_SEARCH: usize = 64;
const MAX_TABLES: usize = 12;
const MAX_QUOTES: usize = 12;
/// Before text that was struck out; a bracket ends it.
const STRUCK: &str = "[取消:";

//! From tags and characters to text: which elements are open, and what their start and end mean.

use html5ever::tokenizer::Tag;

use super::flow::Flow;
use super::style::{Look, look};
use super::table::Table;
use super::{Converted, Pictures};

pub(super) struct Builder<'a, 'b> {
    pictures: &'a mut Pictures<'b>,
    /// The document and, on top, the open cell of every open table.
    flows: Vec<Flow>,
    tables: Vec<Table>,
    open: Vec<Open>,
    /// Elements open beyond what is kept on the stack.
    beyond: usize,
    hidden: usize,
    skipped: usize,
    preformatted: usize,
    converted: Converted,
}

struct Open {
    name: String,
    role: Role,
    hidden: bool,
    /// Letters without size, inherited.
    no_size: bool,
    /// Hidden text was counted for this element.
    counted: bool,
    link: Option<Link>,
}

struct Link {
    target: String,
    flow: usize,
    start: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Inline,
    Block,
    Paragraph,
    TightParagraph,
    Heading,
    List,
    Item,
    Quote,
    Preformatted,
    Table,
    Row,
    Cell,
    /// Content that is not for readers.
    Skipped,
    /// Ruby text, in brackets behind what it explains.
    Ruby,
}

impl<'a, 'b> Builder<'a, 'b> {
    pub(super) fn new(pictures: &'a mut Pictures<'b>) -> Self {
        Self {
            pictures,
            flows: vec![Flow::default()],
            tables: Vec::new(),
            open: Vec::new(),
            beyond: 0,
            hidden: 0,
            skipped: 0,
            preformatted: 0,
            converted: Converted::default(),
        }
    }

    pub(super) fn finish(mut self) -> Converted {
        while self.pop() {}
        self.converted.text = self.flows.drain(..).next().unwrap_or_default().finish();
        self.converted
    }

    pub(super) fn text(&mut self, text: &str) {
        if self.skipped > 0 {
            return;
        }
        if self.hidden > 0 || self.open.last().is_some_and(|open| open.no_size) {
            self.count_hidden(text);
            return;
        }
        let preformatted = self.preformatted > 0;
        if let Some(flow) = self.flows.last_mut() {
            flow.text(text, preformatted);
        }
    }

    /// Hidden text counts once for each element that hides it.
    fn count_hidden(&mut self, text: &str) {
        if text
            .chars()
            .all(|c| c.is_whitespace() || matches!(c, '\u{AD}' | '\u{34F}' | '\u{200B}'..='\u{200F}' | '\u{FEFF}'))
        {
            return;
        }
        let hider = self.open.iter_mut().rev().take(MAX_SEARCH).find(|open| open.hidden || open.no_size);
        match hider {
            Some(open) if open.counted => {}
            Some(open) => {
                open.counted = true;
                self.converted.hidden = self.converted.hidden.saturating_add(1);
            }
            None => {}
        }
    }

    pub(super) fn start(&mut self, tag: &Tag) {
        let name = &*tag.name;
        self.count_active(name, tag);
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
            "wbr" | "input" | "meta" | "link" | "base" | "col" | "area" | "embed" | "param" | "source" | "track"
            | "frame" | "keygen" | "bgsound" | "basefont" | "html" => return,
            _ => {}
        }
        let role = role(name, tag);
        self.imply_ends(role);
        if self.open.len() >= MAX_OPEN {
            self.beyond = self.beyond.saturating_add(1);
            if role != Role::Inline {
                self.visible(|flow| flow.block(1));
            }
            return;
        }
        let role = if role == Role::Table && self.tables.len() >= MAX_TABLES { Role::Block } else { role };
        let inherited = self.open.last().is_some_and(|open| open.no_size);
        let look = attribute(tag, "style").map_or(Look::Same, look);
        let hidden = look == Look::Hidden || attribute(tag, "hidden").is_some();
        let link = (name == "a").then(|| attribute(tag, "href")).flatten().map(|target| Link {
            target: target.to_owned(),
            flow: self.flows.len(),
            start: self.flows.last().map_or(0, Flow::len),
        });
        self.hidden = self.hidden.saturating_add(usize::from(hidden));
        self.open.push(Open {
            name: name.to_owned(),
            role,
            hidden,
            no_size: match look {
                Look::NoSize => true,
                Look::Sized => false,
                Look::Same | Look::Hidden => inherited,
            },
            counted: false,
            link,
        });
        self.begin(role, tag);
    }

    pub(super) fn end(&mut self, name: &str) {
        match name {
            "br" => return self.visible(Flow::line_break),
            // An end tag without a start makes an empty paragraph.
            "p" if !self.open.iter().rev().take(MAX_SEARCH).any(|open| open.name == "p") => {
                return self.visible(|flow| flow.block(2));
            }
            _ => {}
        }
        if self.beyond > 0 && !matches!(name, "table" | "td" | "th" | "tr" | "body" | "html") {
            self.beyond = self.beyond.saturating_sub(1);
            return;
        }
        let of_table = matches!(name, "table" | "td" | "th" | "tr" | "tbody" | "thead" | "tfoot");
        let mut found = None;
        for (depth, open) in self.open.iter().rev().take(MAX_SEARCH).enumerate() {
            if open.name == name {
                found = Some(depth);
                break;
            }
            // A stray end tag inside a cell does not end what is outside; `</td>` does not reach into another table.
            if (open.role == Role::Cell && !of_table) || (open.role == Role::Table && name != "table") {
                break;
            }
        }
        if let Some(depth) = found {
            (0..=depth).for_each(|_| {
                self.pop();
            });
        }
    }

    /// Ends what HTML lets authors leave open.
    fn imply_ends(&mut self, role: Role) {
        let closes: &[Role] = match role {
            Role::Item => &[Role::Item],
            Role::Cell => &[Role::Cell],
            Role::Row => &[Role::Cell, Role::Row],
            Role::Inline | Role::Skipped | Role::Ruby => return,
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
        if let Some(depth) = depth {
            (0..=depth).for_each(|_| {
                self.pop();
            });
        }
    }

    fn begin(&mut self, role: Role, tag: &Tag) {
        match role {
            Role::Inline => {}
            Role::Skipped => self.skipped = self.skipped.saturating_add(1),
            Role::Ruby => self.visible(|flow| flow.text("（", false)),
            Role::Block | Role::TightParagraph => self.visible(|flow| flow.block(1)),
            Role::Paragraph => self.visible(|flow| flow.block(2)),
            Role::Heading => self.visible(|flow| {
                flow.block(2);
                flow.heading();
            }),
            Role::List => {
                let ordered = &*tag.name == "ol";
                let first = attribute(tag, "start").and_then(|n| n.trim().parse().ok()).unwrap_or(1);
                self.visible(|flow| {
                    flow.block(1);
                    flow.list_start(ordered, first);
                });
            }
            Role::Item => self.visible(|flow| {
                flow.block(1);
                flow.item();
            }),
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
                self.tables.push(Table::default());
            }
            Role::Row => match self.tables.last_mut() {
                Some(table) => table.row(),
                None => self.visible(|flow| flow.block(1)),
            },
            Role::Cell => match self.tables.last_mut() {
                Some(table) if !table.cell_open => {
                    table.cell_open = true;
                    table.span = attribute(tag, "colspan").and_then(|n| n.trim().parse().ok()).unwrap_or(1);
                    self.flows.push(Flow::default());
                }
                _ => self.visible(|flow| flow.block(1)),
            },
        }
    }

    /// Ends the innermost element; false when none is open.
    fn pop(&mut self) -> bool {
        let Some(open) = self.open.pop() else { return false };
        if let Some(link) = open.link {
            self.link(link);
        }
        match open.role {
            Role::Inline => {}
            Role::Skipped => self.skipped = self.skipped.saturating_sub(1),
            Role::Ruby => self.visible(|flow| flow.text("）", false)),
            Role::Block | Role::TightParagraph => self.visible(|flow| flow.block(1)),
            Role::Paragraph => self.visible(|flow| flow.block(2)),
            Role::Heading => self.visible(|flow| {
                flow.item_end();
                flow.block(2);
            }),
            Role::List => self.visible(|flow| {
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
            Role::Table => {
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
        }
        self.hidden = self.hidden.saturating_sub(usize::from(open.hidden));
        true
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

    /// Changes the layout, unless the reader sees nothing of what is being read.
    fn visible(&mut self, change: impl FnOnce(&mut Flow)) {
        // Structure inside hidden elements is followed too, so that starts and ends stay in balance; it writes no letter.
        if self.skipped > 0 {
            return;
        }
        if let Some(flow) = self.flows.last_mut() {
            change(flow);
        }
    }

    fn link(&mut self, link: Link) {
        let target: String =
            link.target.chars().filter(|c| !c.is_control() && !c.is_whitespace()).take(MAX_TARGET).collect();
        if target.is_empty() || target.starts_with('#') || self.hidden > 0 || self.skipped > 0 {
            return;
        }
        let scheme = target.split(':').next().unwrap_or_default().to_ascii_lowercase();
        if matches!(scheme.as_str(), "javascript" | "vbscript" | "data") {
            self.converted.active = self.converted.active.saturating_add(1);
            return;
        }
        let no_size = self.open.last().is_some_and(|open| open.no_size);
        let same_flow = link.flow == self.flows.len();
        let Some(flow) = self.flows.last_mut() else { return };
        let shown = if same_flow { flow.since(link.start).trim().to_owned() } else { String::new() };
        if no_size && shown.is_empty() {
            return;
        }
        self.converted.links = self.converted.links.saturating_add(1);
        if essence(&shown) == essence(&target) {
            return;
        }
        if let Some(host) = shown_host(&shown)
            && !target_host(&target).is_some_and(|real| {
                real.eq_ignore_ascii_case(host)
                    || real.trim_start_matches("www.").eq_ignore_ascii_case(host.trim_start_matches("www."))
            })
            && self.converted.misleading.len() < MAX_LISTED
        {
            self.converted.misleading.push(format!("{host} → {target}"));
        }
        let target = if scheme == "mailto" { target.get(7..).unwrap_or_default().to_owned() } else { target };
        flow.mark(&format!("<{target}>"));
    }

    fn image(&mut self, tag: &Tag) {
        if self.hidden > 0 || self.skipped > 0 {
            return;
        }
        let source = attribute(tag, "src").map_or("", |source| source.trim());
        let alt = attribute(tag, "alt").unwrap_or_default();
        let alt = alt.split_whitespace().collect::<Vec<_>>().join(" ");
        let scheme = source.split(':').next().unwrap_or_default().to_ascii_lowercase();
        if matches!(scheme.as_str(), "cid" | "data")
            && let Some(mark) = (self.pictures)(source)
        {
            return self.visible(|flow| flow.mark(&mark));
        }
        if matches!(scheme.as_str(), "http" | "https" | "ftp") || source.starts_with("//") {
            self.converted.remote_images = self.converted.remote_images.saturating_add(1);
            if let Some(host) = target_host(source)
                && self.converted.remote_hosts.len() < MAX_LISTED
                && !self.converted.remote_hosts.iter().any(|known| known == host)
            {
                self.converted.remote_hosts.push(host.to_owned());
            }
        }
        if !alt.is_empty() {
            self.visible(|flow| flow.mark(&format!("[{alt}]")));
        }
    }

    fn count_active(&mut self, name: &str, tag: &Tag) {
        let active = match name {
            "script" | "object" | "embed" | "applet" | "iframe" | "frame" | "form" | "svg" | "audio" | "video" => true,
            "meta" => attribute(tag, "http-equiv").is_some_and(|value| value.eq_ignore_ascii_case("refresh")),
            _ => false,
        };
        self.converted.active = self.converted.active.saturating_add(u32::from(active));
    }
}

fn role(name: &str, tag: &Tag) -> Role {
    match name {
        "p" => {
            // Word writes every line as a paragraph without space between.
            let tight = attribute(tag, "class").is_some_and(|class| class.to_ascii_lowercase().contains("mso"));
            if tight { Role::TightParagraph } else { Role::Paragraph }
        }
        "h1" | "h2" | "h3" => Role::Heading,
        "h4" | "h5" | "h6" => Role::Paragraph,
        "ul" | "ol" | "menu" | "dir" => Role::List,
        "li" => Role::Item,
        "blockquote" => Role::Quote,
        "pre" | "xmp" | "plaintext" | "listing" => Role::Preformatted,
        "table" => Role::Table,
        "tr" => Role::Row,
        "td" | "th" => Role::Cell,
        "rt" => Role::Ruby,
        // Brackets for readers without ruby; ours are written for `rt`.
        "rp" | "script" | "style" | "title" | "template" | "svg" | "iframe" | "noembed" | "noframes" | "applet"
        | "canvas" | "datalist" => Role::Skipped,
        "div" | "address" | "article" | "aside" | "body" | "caption" | "center" | "dd" | "details" | "dl" | "dt"
        | "fieldset" | "figcaption" | "figure" | "footer" | "form" | "header" | "legend" | "main" | "nav"
        | "option" | "section" | "summary" | "hgroup" | "search" | "textarea" => Role::Block,
        _ => Role::Inline,
    }
}

fn attribute<'t>(tag: &'t Tag, name: &str) -> Option<&'t str> {
    tag.attrs.iter().find(|attribute| &*attribute.name.local == name).map(|attribute| &*attribute.value)
}

/// A link without what makes no difference to a reader.
fn essence(text: &str) -> &str {
    let text = text.strip_prefix("mailto:").unwrap_or(text);
    let text = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text);
    text.trim_end_matches('/')
}

/// The host that a link's text seems to lead to.
fn shown_host(shown: &str) -> Option<&str> {
    let text = shown.split_whitespace().next()?;
    let host = match text.split_once("://") {
        Some((_, rest)) => rest.split(['/', '?', '#', ':']).next()?,
        None if text.starts_with("www.") => text.split(['/', '?', '#', ':']).next()?,
        None => return None,
    };
    (host.contains('.') && host.is_ascii()).then_some(host)
}

fn target_host(target: &str) -> Option<&str> {
    let rest = target.split_once("//").map(|(_, rest)| rest)?;
    let host = rest.split(['/', '?', '#']).next()?;
    // What stands before an @ only looks like the host.
    let host = host.rsplit('@').next()?;
    host.split(':').next()
}

/// Elements kept on the stack; deeper ones are text without structure.
const MAX_OPEN: usize = 512;
/// How far an end tag looks for its start, so that mismatched tags stay linear.
const MAX_SEARCH: usize = 64;
const MAX_TABLES: usize = 12;
const MAX_QUOTES: usize = 12;
const MAX_TARGET: usize = 2_000;
const MAX_LISTED: usize = 20;

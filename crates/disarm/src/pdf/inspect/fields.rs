//! Form fields without a usable appearance: what is filled in stays to be seen.

use lopdf::{Dictionary, Object};

use super::annotations::{Change, appearance, border};
use super::edits::Edits;
use super::shapes::{Drawing, Of};
use super::tree::{Tree, as_dict, text};
use super::writing::{self, FONT_KEY, Writing};

/// What has to become of a field's widget.
pub(super) fn change<'d>(
    tree: &Tree<'d>,
    widget: &'d Dictionary,
    rect: [f32; 4],
    edits: &mut Edits,
    writing: &mut Writing,
) -> Option<Change> {
    let [x0, y0, x1, y1] = rect;
    if x1 - x0 < 0.5 || y1 - y0 < 0.5 {
        return None;
    }
    let flags = inherited(tree, widget, "Ff").and_then(|flags| flags.as_i64().ok()).unwrap_or(0);
    let kind = inherited(tree, widget, "FT")?.as_name().ok()?;
    let look = tree.dict(widget, "MK");
    let turn = look.and_then(|look| tree.integer(look, "R")).unwrap_or(0);
    let (wide, high) = match turn.rem_euclid(180) {
        90 => (y1 - y0, x1 - x0),
        _ => (x1 - x0, y1 - y0),
    };
    let mut field = Field { tree, widget, flags, look, wide, high, border: 0.0, drawing: Drawing::default() };
    match kind {
        b"Btn" => {
            if let Some(state) = field.missing_state() {
                return Some(Change::State(state));
            }
            if field.shows_state() {
                return None;
            }
            field.frame();
            field.button(edits, writing);
        }
        b"Tx" | b"Ch" => {
            let is_list = kind == b"Ch" && flags & COMBO == 0;
            // A list shows its entries, whether one is chosen or not.
            let value =
                if is_list { field.options().into_iter().map(|(_, shown)| shown).collect() } else { field.value() };
            let is_stale = needs_appearances(tree) && !is_list;
            if appearance(tree, widget).is_some_and(|stream| value.is_empty() || shows(stream, &value, is_stale)) {
                return None;
            }
            let value = if is_list { String::new() } else { value };
            field.frame();
            field.text(&value, kind == b"Ch", edits, writing);
        }
        _ => return None,
    }
    let drawing = field.drawing;
    if drawing.is_empty() {
        return None;
    }
    Some(Change::Drawn { drawing, bounds: [0.0, 0.0, wide, high], rect, turn, is_told: true })
}

/// How text is drawn, from a default appearance string.
pub(super) struct Style {
    /// 0: as large as fits.
    pub(super) size: f32,
    /// One, three or four numbers.
    pub(super) color: Vec<f32>,
}

impl Style {
    /// The style of a field or free text, its own or that of the form.
    pub(super) fn read<'d>(tree: &Tree<'d>, dict: &'d Dictionary) -> Style {
        let own = inherited(tree, dict, "DA").and_then(text);
        let string = own.or_else(|| tree.text(tree.form()?, "DA")).unwrap_or_default();
        let mut style = Style { size: 0.0, color: vec![0.0] };
        let mut operands: Vec<f32> = Vec::new();
        for token in string.split_ascii_whitespace().take(MAX_TOKENS) {
            match token {
                "Tf" => style.size = operands.last().copied().unwrap_or(0.0).clamp(0.0, 300.0),
                "g" | "rg" | "k" => {
                    let wanted = match token {
                        "g" => 1,
                        "rg" => 3,
                        _ => 4,
                    };
                    if let Some(color) = operands.len().checked_sub(wanted).and_then(|at| operands.get(at..)) {
                        style.color = color.to_vec();
                    }
                }
                _ => {
                    operands.extend(token.parse::<f32>().ok().filter(|number| number.is_finite()));
                    continue;
                }
            }
            operands.clear();
        }
        style
    }
}

/// Draws text of several lines from the top of an area.
pub(super) fn lines(
    drawing: &mut Drawing,
    text: &str,
    style: &Style,
    [x0, y0, x1, y1]: [f32; 4],
    align: i64,
    edits: &mut Edits,
    writing: &mut Writing,
) {
    if text.trim().is_empty() {
        return;
    }
    let wide = (x1 - x0 - 2.0 * PADDING).max(1.0);
    let mut size = if style.size > 0.0 { style.size } else { 12.0 };
    let mut broken = writing::wrap(text, size, wide);
    while style.size == 0.0 && size > 4.0 && lines_high(broken.len(), size) > y1 - y0 {
        size -= 1.0;
        broken = writing::wrap(text, size, wide);
    }
    drawing.use_resources(&writing.resources(edits));
    drawing.raw("q");
    drawing.rect([x0, y0, x1, y1]);
    drawing.raw("W n BT");
    drawing.color(&style.color, Of::Areas);
    drawing.raw(&format!("/{FONT_KEY} {size} Tf"));
    let mut y = y1 - PADDING - size * ASCENT;
    for line in &broken {
        if y < y0 - size {
            break;
        }
        let x = x0 + PADDING + shift(align, wide - writing::width(line, size));
        drawing.op(&[1.0, 0.0, 0.0, 1.0, x, y], "Tm");
        let encoded = writing.encode(line);
        drawing.raw(&format!("{encoded} Tj"));
        y -= size * LEADING;
    }
    drawing.raw("ET Q");
}

struct Field<'t, 'd> {
    tree: &'t Tree<'d>,
    widget: &'d Dictionary,
    flags: i64,
    look: Option<&'d Dictionary>,
    wide: f32,
    high: f32,
    border: f32,
    drawing: Drawing,
}

impl<'d> Field<'_, 'd> {
    /// Which of its appearances a button has to show when it does not say so.
    fn missing_state(&self) -> Option<Vec<u8>> {
        let tree = self.tree;
        let states = tree.get(tree.dict(self.widget, "AP")?, "N")?.as_dict().ok()?;
        if tree.name(self.widget, "AS").is_some() {
            return None;
        }
        let value = inherited(tree, self.widget, "V").and_then(|value| value.as_name().ok()).unwrap_or(b"Off");
        Some(if states.has(value) { value.to_vec() } else { b"Off".to_vec() })
    }

    /// Whether the appearance that belongs to a button's state can be drawn. A state without one shows nothing by intent, as
    /// long as the file does not also say how a frame looks, or has something else than a stream in its place.
    fn shows_state(&self) -> bool {
        let tree = self.tree;
        if let Some(stream) = appearance(tree, self.widget) {
            // A mark of size 0 in a font that is not there is none.
            return !is_blank_mark(stream);
        }
        let Some(normal) = tree.dict(self.widget, "AP").and_then(|look| tree.get(look, "N")) else { return false };
        let state = tree.name(self.widget, "AS").unwrap_or(b"Off");
        let is_missing = as_dict(normal).is_none_or(|states| !states.has(state));
        let has_frame = self.look.is_some_and(|look| look.has(b"BC") || look.has(b"BG"));
        matches!(normal, Object::Dictionary(_)) && is_missing && (state == b"Off" || !has_frame)
    }

    /// Background and border.
    fn frame(&mut self) {
        let color = |key: &str| self.look.and_then(|look| self.tree.numbers(look, key));
        let (back, line) = (color("BG"), color("BC"));
        let area = [0.0, 0.0, self.wide, self.high];
        if back.is_some_and(|color| self.drawing.color(&color, Of::Areas)) {
            self.drawing.rect(area);
            self.drawing.raw("f");
        }
        let width = border(self.tree, self.widget).0.unwrap_or(1.0);
        if line.is_some_and(|color| width > 0.0 && self.drawing.color(&color, Of::Lines)) {
            self.border = width;
            let half = width / 2.0;
            self.drawing.op(&[width], "w");
            if self.is_radio() && self.flags & PUSH_BUTTON == 0 {
                self.drawing.ellipse(self.square(half));
            } else {
                self.drawing.rect([half, half, self.wide - half, self.high - half]);
            }
            self.drawing.raw("S");
        }
    }

    fn is_radio(&self) -> bool {
        self.flags & RADIO != 0
    }

    /// The largest square in the middle.
    fn square(&self, inset: f32) -> [f32; 4] {
        let half = (self.wide.min(self.high) / 2.0 - inset).max(0.1);
        let (x, y) = (self.wide / 2.0, self.high / 2.0);
        [x - half, y - half, x + half, y + half]
    }

    fn button(&mut self, edits: &mut Edits, writing: &mut Writing) {
        let tree = self.tree;
        let caption = self.look.and_then(|look| tree.text(look, "CA")).unwrap_or_default();
        if self.flags & PUSH_BUTTON != 0 {
            self.one_line(&caption, 1, edits, writing);
            return;
        }
        let value = inherited(tree, self.widget, "V").and_then(|value| value.as_name().ok());
        let state = tree.name(self.widget, "AS").or(value).unwrap_or(b"Off");
        if self.look.is_none_or(|look| !look.has(b"BC")) {
            // Without a frame an empty box could not be told from nothing.
            self.drawing.raw("0 G 0.5 w");
            let area = self.square(0.5);
            if self.is_radio() {
                self.drawing.ellipse(area)
            } else {
                self.drawing.rect(area)
            }
            self.drawing.raw("S");
        }
        if state == b"Off" {
            return;
        }
        let color = Style::read(tree, self.widget).color;
        self.drawing.color(&color, Of::Areas);
        self.drawing.color(&color, Of::Lines);
        let [x0, y0, x1, y1] = self.square(self.border + 1.0);
        let side = x1 - x0;
        let at = |x: f32, y: f32| (x0 + side * x, y0 + side * y);
        // The letters of ZapfDingbats by which a writer chooses a mark.
        match caption.as_str() {
            "8" => {
                self.drawing.op(&[side * 0.12], "w");
                self.drawing.polyline(&[at(0.15, 0.15), at(0.85, 0.85)]);
                self.drawing.polyline(&[at(0.15, 0.85), at(0.85, 0.15)]);
                self.drawing.raw("S");
            }
            "n" => {
                self.drawing.rect([x0 + side * 0.2, y0 + side * 0.2, x1 - side * 0.2, y1 - side * 0.2]);
                self.drawing.raw("f");
            }
            "u" => {
                self.drawing.polyline(&[at(0.5, 0.1), at(0.9, 0.5), at(0.5, 0.9), at(0.1, 0.5)]);
                self.drawing.raw("f");
            }
            "4" | "" if !(caption.is_empty() && self.is_radio()) => {
                self.drawing.op(&[side * 0.13], "w");
                self.drawing.polyline(&[at(0.15, 0.5), at(0.4, 0.2), at(0.85, 0.85)]);
                self.drawing.raw("S");
            }
            _ => {
                self.drawing.ellipse([x0 + side * 0.25, y0 + side * 0.25, x1 - side * 0.25, y1 - side * 0.25]);
                self.drawing.raw("f");
            }
        }
    }

    /// What is filled in or chosen, as it is shown.
    fn value(&self) -> String {
        let tree = self.tree;
        let value = inherited(tree, self.widget, "V");
        let shown = |object: &'d Object| {
            let chosen = text(tree.resolve(object)).unwrap_or_default();
            self.options().into_iter().find(|(export, _)| *export == chosen).map_or(chosen, |(_, shown)| shown)
        };
        let value = match value {
            Some(Object::Array(list)) => list.iter().take(MAX_OPTIONS).map(shown).collect::<Vec<_>>().join(", "),
            Some(value) => shown(value),
            None => String::new(),
        };
        if self.flags & SECRET != 0 { value.chars().map(|_| '*').collect() } else { value }
    }

    /// The choices: what is sent, and what is shown.
    fn options(&self) -> Vec<(String, String)> {
        let tree = self.tree;
        let options = inherited(tree, self.widget, "Opt").and_then(|options| options.as_array().ok());
        let pair = |option: &'d Object| match tree.resolve(option) {
            Object::Array(pair) => {
                let at = |at: usize| pair.get(at).and_then(|object| text(tree.resolve(object)));
                Some((at(0)?, at(1).or_else(|| at(0))?))
            }
            other => text(other).map(|text| (text.clone(), text)),
        };
        options.into_iter().flatten().take(MAX_OPTIONS).filter_map(pair).collect()
    }

    fn text(&mut self, value: &str, is_choice: bool, edits: &mut Edits, writing: &mut Writing) {
        let align = inherited(self.tree, self.widget, "Q").and_then(|align| align.as_i64().ok()).unwrap_or(0);
        if is_choice && self.flags & COMBO == 0 {
            self.choices(edits, writing);
        } else if !is_choice && self.flags & MULTILINE != 0 {
            let style = Style::read(self.tree, self.widget);
            let inset = self.border;
            let area = [inset, inset, self.wide - inset, self.high - inset];
            lines(&mut self.drawing, value, &style, area, align, edits, writing);
        } else {
            self.one_line(value, align, edits, writing);
        }
    }

    fn one_line(&mut self, value: &str, align: i64, edits: &mut Edits, writing: &mut Writing) {
        let value: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_CHARS).collect();
        if value.trim().is_empty() {
            return;
        }
        let style = Style::read(self.tree, self.widget);
        let room = (self.wide - 2.0 * (self.border + PADDING)).max(1.0);
        let mut size = style.size;
        if size == 0.0 {
            let fits = room / writing::width(&value, 1.0).max(0.01);
            size = ((self.high - 2.0 * self.border) * 0.7).min(fits).clamp(3.0, 24.0);
        }
        let cells =
            inherited(self.tree, self.widget, "MaxLen").and_then(|len| len.as_i64().ok()).filter(|len| *len > 0);
        let y = (self.high - size) / 2.0 + size * (1.0 - ASCENT);
        self.begin(&style, size, edits, writing);
        match cells.filter(|_| self.flags & COMB != 0).and_then(|cells| u16::try_from(cells).ok()) {
            Some(cells) => {
                let cell = self.wide / f32::from(cells);
                let mut left = 0.0;
                for c in value.chars().take(usize::from(cells)) {
                    let c = c.to_string();
                    self.place(&c, left + (cell - writing::width(&c, size)) / 2.0, y, writing);
                    left += cell;
                }
            }
            None => {
                let x = self.border + PADDING + shift(align, room - writing::width(&value, size));
                self.place(&value, x, y, writing);
            }
        }
        self.drawing.raw("ET Q");
    }

    /// A list with the chosen entries marked.
    fn choices(&mut self, edits: &mut Edits, writing: &mut Writing) {
        let style = Style::read(self.tree, self.widget);
        let size = if style.size > 0.0 { style.size } else { 12.0 };
        let chosen = self.value();
        let chosen: Vec<&str> = chosen.split(", ").collect();
        let first =
            inherited(self.tree, self.widget, "TI").and_then(|first| usize::try_from(first.as_i64().ok()?).ok());
        let shown: Vec<(String, f32)> = self
            .options()
            .into_iter()
            .skip(first.unwrap_or(0))
            .scan(self.high - self.border, |top, (_, shown)| {
                *top -= size * LEADING;
                (*top > -size).then_some((shown, *top))
            })
            .collect();
        self.drawing.raw("0.6 0.75 0.85 rg");
        for (option, bottom) in &shown {
            if chosen.contains(&option.as_str()) {
                self.drawing.rect([self.border, *bottom, self.wide - self.border, bottom + size * LEADING]);
                self.drawing.raw("f");
            }
        }
        self.begin(&style, size, edits, writing);
        for (option, bottom) in &shown {
            self.place(option, self.border + PADDING, bottom + size * (LEADING - ASCENT), writing);
        }
        self.drawing.raw("ET Q");
    }

    fn begin(&mut self, style: &Style, size: f32, edits: &mut Edits, writing: &mut Writing) {
        self.drawing.use_resources(&writing.resources(edits));
        self.drawing.raw("q");
        self.drawing.rect([0.0, 0.0, self.wide, self.high]);
        self.drawing.raw("W n BT");
        self.drawing.color(&style.color, Of::Areas);
        self.drawing.raw(&format!("/{FONT_KEY} {size} Tf"));
    }

    fn place(&mut self, text: &str, x: f32, y: f32, writing: &mut Writing) {
        self.drawing.op(&[1.0, 0.0, 0.0, 1.0, x, y], "Tm");
        let encoded = writing.encode(text);
        self.drawing.raw(&format!("{encoded} Tj"));
    }
}

/// An entry of a field, its own or that of a field above it.
fn inherited<'d>(tree: &Tree<'d>, dict: &'d Dictionary, key: &str) -> Option<&'d Object> {
    let mut dict = dict;
    for _ in 0..MAX_ABOVE {
        if let Some(object) = tree.get(dict, key) {
            return Some(object);
        }
        dict = tree.dict(dict, "Parent")?;
    }
    None
}

/// Whether an appearance shows text at all; and, where the writer asks readers to draw fields anew, whether it may be this one.
fn shows(stream: &lopdf::Stream, value: &str, is_stale: bool) -> bool {
    let Ok(content) = stream.get_plain_content_with_limit(MAX_APPEARANCE) else { return true };
    let mut strings = Vec::new();
    let mut shows_text = false;
    let mut bytes = content.as_slice();
    while let Some((first, rest)) = bytes.split_first() {
        bytes = rest;
        match first {
            b'(' => {
                let end = rest.iter().position(|b| *b == b')').unwrap_or(rest.len());
                strings.extend_from_slice(rest.get(..end).unwrap_or_default());
                bytes = rest.get(end..).unwrap_or_default();
            }
            b'T' if matches!(rest.first(), Some(b'j' | b'J')) => shows_text = true,
            // A picture, or another form with the text in it.
            b'D' if rest.first() == Some(&b'o') => return true,
            b'\'' | b'"' => shows_text = true,
            _ => {}
        }
    }
    let plain = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
    let shown = plain(&String::from_utf8_lossy(&strings));
    // Glyph numbers of an embedded font cannot be compared; they are taken to be right.
    let is_other = is_stale && value.is_ascii() && !shown.is_empty() && !shown.contains(&plain(value));
    shows_text && !is_other
}

/// Whether an appearance is text of size 0 and nothing else.
fn is_blank_mark(stream: &lopdf::Stream) -> bool {
    let Ok(content) = stream.get_plain_content_with_limit(MAX_APPEARANCE) else { return false };
    let tokens: Vec<&[u8]> =
        content.split(u8::is_ascii_whitespace).filter(|token| !token.is_empty()).take(MAX_TOKENS).collect();
    let has = |operators: &[&[u8]]| tokens.iter().any(|token| operators.contains(token));
    let is_sizeless = tokens.windows(2).any(|pair| pair == [b"0".as_slice(), b"Tf"]);
    is_sizeless && !has(&[b"re", b"l", b"c", b"Do", b"S", b"f", b"B"])
}

fn needs_appearances(tree: &Tree<'_>) -> bool {
    tree.form().is_some_and(|form| tree.is_true(form, "NeedAppearances"))
}

fn shift(align: i64, free: f32) -> f32 {
    match align {
        1 => free.max(0.0) / 2.0,
        2 => free.max(0.0),
        _ => 0.0,
    }
}

fn lines_high(lines: usize, size: f32) -> f32 {
    f32::from(u16::try_from(lines).unwrap_or(u16::MAX)) * size * LEADING + 2.0 * PADDING
}

/// Field flags (ISO 32000-1, tables 226 to 230).
const MULTILINE: i64 = 1 << 12;
const SECRET: i64 = 1 << 13;
const RADIO: i64 = 1 << 15;
const PUSH_BUTTON: i64 = 1 << 16;
const COMBO: i64 = 1 << 17;
const COMB: i64 = 1 << 24;
/// Between a border and the text.
const PADDING: f32 = 2.0;
/// The part of a letter's height that stands over the line.
const ASCENT: f32 = 0.85;
/// From line to line, in sizes.
const LEADING: f32 = 1.2;
/// Fields above a field.
const MAX_ABOVE: usize = 32;
/// The most tokens of a default appearance.
const MAX_TOKENS: usize = 64;
/// The most characters of a line.
const MAX_CHARS: usize = 2_000;
/// The most choices of a field.
const MAX_OPTIONS: usize = 2_000;
/// The most bytes of an appearance that are looked at.
const MAX_APPEARANCE: usize = 1024 * 1024;

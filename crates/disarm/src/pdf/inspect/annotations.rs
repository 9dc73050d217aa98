//! Annotations without a usable appearance.
//!
//! The interpreter draws appearance streams and nothing else, as ISO 32000-2 asks. Writers that leave them out rely on readers
//! to draw something: without the pass a reader's yellow marks, a signature in ink or a filled field would vanish.

use form::{Findings, Reason};
use lopdf::{Dictionary, Object, dictionary};

use super::edits::Edits;
use super::shapes::{self, Blend, Drawing, Of};
use super::tree::{Page, Tree};
use super::writing::{self, FONT_KEY, Writing};
use super::{boxes, fields};

/// What becomes of an annotation.
pub(super) enum Change {
    /// It gets an appearance over a rectangle of the page.
    Drawn {
        /// What is drawn, and the rectangle in its own space.
        drawing: Drawing,
        /// Its own space.
        bounds: [f32; 4],
        /// Where on the page.
        rect: [f32; 4],
        /// By how many degrees it is turned.
        turn: i64,
        /// Whether it is told.
        is_told: bool,
    },
    /// It shows another of its appearances.
    State(Vec<u8>),
}

/// Draws what has no appearance.
pub(super) fn put_right(tree: &Tree<'_>, edits: &mut Edits, writing: &mut Writing, findings: &mut Findings) {
    let mut left = MAX_DRAWN;
    for (number, page) in tree.numbered() {
        if tree.get(page.dict, "Annots").is_none() {
            continue;
        }
        let mut direct = Vec::new();
        for (at, (id, annotation)) in tree.annotations(page).enumerate() {
            if left == 0 {
                return;
            }
            let Some(change) = change(tree, page, annotation, edits, writing) else { continue };
            left -= 1;
            if matches!(change, Change::Drawn { is_told: true, .. }) {
                findings.add_on_page(Reason::AppearanceDrawn, 1, number.saturating_add(1));
            }
            match id {
                Some(id) => {
                    let Some(mut changed) = edits.dict_mut(tree.document, id).cloned() else { continue };
                    apply(change, &mut changed, edits);
                    edits.set(id, changed);
                }
                None => {
                    let mut changed = annotation.clone();
                    apply(change, &mut changed, edits);
                    direct.push((at, changed));
                }
            }
        }
        if let Some(id) = page.id.filter(|_| !direct.is_empty()) {
            replace_direct(tree, page, id, direct, edits);
        }
    }
}

/// Annotations that stand in the page itself: the list is written anew.
fn replace_direct(
    tree: &Tree<'_>,
    page: &Page<'_>,
    id: lopdf::ObjectId,
    direct: Vec<(usize, Dictionary)>,
    edits: &mut Edits,
) {
    let list = tree.array(page.dict, "Annots").unwrap_or_default();
    let readable = list.iter().filter(|item| tree.resolve(item).as_dict().is_ok());
    let mut list: Vec<Object> = readable.cloned().collect();
    for (at, changed) in direct {
        if let Some(place) = list.get_mut(at) {
            *place = edits.add(changed);
        }
    }
    if let Some(page) = edits.dict_mut(tree.document, id) {
        page.set("Annots", list);
    }
}

fn apply(change: Change, annotation: &mut Dictionary, edits: &mut Edits) {
    match change {
        Change::Drawn { drawing, bounds, rect, turn, .. } => {
            let (dict, content) = shapes::form(drawing, bounds, turn);
            let stream = edits.add_stream(dict, content);
            annotation.set("AP", dictionary! { "N" => stream });
            annotation.set("Rect", boxes::rectangle(rect));
        }
        Change::State(state) => annotation.set("AS", Object::Name(state)),
    }
}

fn change<'d>(
    tree: &Tree<'d>,
    page: &Page<'d>,
    annotation: &'d Dictionary,
    edits: &mut Edits,
    writing: &mut Writing,
) -> Option<Change> {
    if tree.integer(annotation, "F").is_some_and(|flags| flags & NOT_SEEN != 0) {
        return None;
    }
    let rect = tree.rect(annotation, "Rect")?;
    let subtype = tree.name(annotation, "Subtype")?;
    if subtype == b"Widget" {
        return fields::change(tree, annotation, rect, edits, writing);
    }
    if appearance(tree, annotation).is_some() {
        return None;
    }
    let mut mark = Mark { tree, annotation, rect, drawing: Drawing::default(), margin: 1.0 };
    match subtype {
        b"Highlight" => mark.highlight(),
        b"Underline" => mark.along(0.06, false),
        b"StrikeOut" => mark.along(0.42, false),
        b"Squiggly" => mark.along(0.06, true),
        b"Square" => mark.closed(false),
        b"Circle" => mark.closed(true),
        b"Line" => mark.line(),
        b"Ink" => mark.ink(),
        b"Polygon" => mark.vertices(true),
        b"PolyLine" => mark.vertices(false),
        b"FreeText" => mark.free_text(edits, writing),
        b"Stamp" => mark.stamp(edits, writing),
        b"Text" | b"FileAttachment" => mark.note(boxes::visible(tree, page)),
        b"Caret" => mark.caret(),
        b"Link" => mark.link(),
        _ => return None,
    }
    let Mark { drawing, rect, margin, .. } = mark;
    if drawing.is_empty() {
        return None;
    }
    let rect = drawing.reach(rect, margin);
    let [x0, y0, x1, y1] = rect;
    // A box of no size maps to nothing.
    let rect = [x0, y0, x1.max(x0 + 0.5), y1.max(y0 + 0.5)];
    Some(Change::Drawn { drawing, bounds: rect, rect, turn: 0, is_told: subtype != b"Link" })
}

/// The appearance stream that the interpreter would draw, where it can draw one.
pub(super) fn appearance<'d>(tree: &Tree<'d>, annotation: &'d Dictionary) -> Option<&'d lopdf::Stream> {
    let normal = tree.get(tree.dict(annotation, "AP")?, "N")?;
    let stream = match normal {
        Object::Stream(stream) => stream,
        Object::Dictionary(states) => {
            let state =
                tree.name(annotation, "AS").and_then(|state| states.get(state).ok()).map(|object| tree.resolve(object));
            let state = state.filter(|object| object.as_stream().is_ok()).or_else(|| tree.get(states, "Off"));
            state?.as_stream().ok()?
        }
        _ => return None,
    };
    let [x0, y0, x1, y1] = tree.rect(&stream.dict, "BBox")?;
    (x1 > x0 && y1 > y0).then_some(stream)
}

/// An annotation that is being drawn, in the space of its page.
struct Mark<'t, 'd> {
    tree: &'t Tree<'d>,
    annotation: &'d Dictionary,
    rect: [f32; 4],
    drawing: Drawing,
    /// What lines reach beyond their points.
    margin: f32,
}

type Point = (f32, f32);

impl<'d> Mark<'_, 'd> {
    fn color(&self, key: &str) -> Option<Vec<f32>> {
        self.tree.numbers(self.annotation, key).filter(|color| matches!(color.len(), 1 | 3 | 4))
    }

    fn opacity(&self) -> f32 {
        self.tree.number_at(self.annotation, "CA").unwrap_or(1.0).clamp(0.0, 1.0)
    }

    /// The areas of marked text, each as the corners over it and under it in reading direction.
    fn quads(&self) -> Vec<[Point; 4]> {
        let [x0, y0, x1, y1] = self.rect;
        let numbers = self.tree.numbers(self.annotation, "QuadPoints").unwrap_or_default();
        let quads: Vec<_> = numbers
            .chunks_exact(8)
            .filter_map(|quad| match *quad {
                [ax, ay, bx, by, cx, cy, dx, dy] => Some([(ax, ay), (bx, by), (cx, cy), (dx, dy)]),
                _ => None,
            })
            .collect();
        if quads.is_empty() { vec![[(x0, y1), (x1, y1), (x0, y0), (x1, y0)]] } else { quads }
    }

    fn highlight(&mut self) {
        let color = self.color("C").unwrap_or_else(|| vec![1.0, 1.0, 0.0]);
        self.drawing.mix(self.opacity(), Blend::Multiply);
        self.drawing.color(&color, Of::Areas);
        for [a, b, c, d] in self.quads() {
            self.drawing.polyline(&[a, b, d, c]);
            self.drawing.raw("h f");
        }
    }

    /// A line along marked text, at a part of its height.
    fn along(&mut self, part: f32, is_wavy: bool) {
        let color = self.color("C").unwrap_or_else(|| vec![0.0]);
        self.drawing.mix(self.opacity(), Blend::Normal);
        self.drawing.color(&color, Of::Lines);
        for [a, b, c, d] in self.quads() {
            let height = distance(a, c).max(distance(b, d));
            let thickness = (height * 0.06).clamp(0.3, 4.0);
            self.margin = self.margin.max(thickness);
            self.drawing.op(&[thickness], "w");
            let (from, to) = (between(c, a, part), between(d, b, part));
            let steps = if is_wavy { (distance(from, to) / (thickness * 2.0)).clamp(1.0, 2_000.0) } else { 1.0 };
            let up = between(d, b, part + 0.1);
            let wave = (up.0 - to.0, up.1 - to.1);
            let mut at = 0.0;
            let mut points = Vec::new();
            while at < steps {
                let point = between(from, to, at / steps);
                let raised = if is_wavy && points.len() % 2 == 1 { 1.0 } else { 0.0 };
                points.push((point.0 + wave.0 * raised, point.1 + wave.1 * raised));
                at += 1.0;
            }
            points.push(to);
            self.drawing.polyline(&points);
            self.drawing.raw("S");
        }
    }

    /// Sets pen, colours and opacity; gives the width of the line and whether areas are filled.
    fn pen(&mut self, is_line: bool) -> (f32, bool) {
        let (width, dashes) = border(self.tree, self.annotation);
        let width = width.unwrap_or(1.0);
        let inner = self.color("IC");
        self.drawing.mix(self.opacity(), Blend::Normal);
        let is_filled = inner.is_some_and(|color| self.drawing.color(&color, Of::Areas));
        let color = self.color("C").or_else(|| (is_line || !is_filled).then(|| vec![0.0]));
        let is_stroked = color.is_some_and(|color| self.drawing.color(&color, Of::Lines)) && width > 0.0;
        if is_stroked {
            self.drawing.op(&[width], "w");
            dash(&mut self.drawing, &dashes);
        }
        self.margin = width + 0.5;
        (if is_stroked { width } else { 0.0 }, is_filled)
    }

    fn closed(&mut self, is_round: bool) {
        let (width, is_filled) = self.pen(false);
        let differences = self.tree.numbers(self.annotation, "RD");
        let [l, b, r, t] = differences.and_then(|list| list.try_into().ok()).unwrap_or([0.0; 4]);
        let half = width / 2.0;
        let [x0, y0, x1, y1] = self.rect;
        let area = [x0 + l + half, y0 + b + half, (x1 - r - half).max(x0), (y1 - t - half).max(y0)];
        if is_round {
            self.drawing.ellipse(area)
        } else {
            self.drawing.rect(area)
        }
        self.drawing.paint(is_filled, width > 0.0);
        self.margin = half;
    }

    fn line(&mut self) {
        let Some(&[x0, y0, x1, y1]) = self.tree.numbers(self.annotation, "L").as_deref().and_then(<[f32]>::first_chunk)
        else {
            return;
        };
        let (width, is_filled) = self.pen(true);
        let (from, to) = ((x0, y0), (x1, y1));
        self.drawing.polyline(&[from, to]);
        self.drawing.raw("S");
        self.endings(&[(from, to), (to, from)], width, is_filled);
    }

    /// The ends of a line, each with a point that the line comes from.
    fn endings(&mut self, ends: &[(Point, Point)], width: f32, is_filled: bool) {
        let styles = self.tree.array(self.annotation, "LE").unwrap_or_default();
        for ((tip, inner), style) in ends.iter().zip(styles) {
            let style = self.tree.resolve(style).as_name().unwrap_or_default();
            let len = distance(*tip, *inner);
            let size = (width * 4.0).clamp(4.0, 40.0);
            if len <= 0.0 {
                continue;
            }
            let (ux, uy) = ((inner.0 - tip.0) / len, (inner.1 - tip.1) / len);
            let at = |along: f32, aside: f32| {
                (tip.0 + (ux * along - uy * aside) * size, tip.1 + (uy * along + ux * aside) * size)
            };
            let points = match style {
                b"OpenArrow" | b"ClosedArrow" => vec![at(1.7, 1.0), *tip, at(1.7, -1.0)],
                b"ROpenArrow" | b"RClosedArrow" => vec![at(-1.7, 1.0), *tip, at(-1.7, -1.0)],
                b"Butt" => vec![at(0.0, 1.0), at(0.0, -1.0)],
                b"Slash" => vec![at(0.5, 1.0), at(-0.5, -1.0)],
                b"Diamond" => vec![at(-1.0, 0.0), at(0.0, 1.0), at(1.0, 0.0), at(0.0, -1.0)],
                b"Square" => vec![at(-0.8, 0.8), at(0.8, 0.8), at(0.8, -0.8), at(-0.8, -0.8)],
                b"Circle" => {
                    self.drawing.ellipse([
                        tip.0 - size * 0.8,
                        tip.1 - size * 0.8,
                        tip.0 + size * 0.8,
                        tip.1 + size * 0.8,
                    ]);
                    self.drawing.paint(is_filled, true);
                    continue;
                }
                _ => continue,
            };
            self.drawing.polyline(&points);
            let is_closed = matches!(style, b"ClosedArrow" | b"RClosedArrow" | b"Diamond" | b"Square");
            if is_closed {
                self.drawing.raw("h");
            }
            self.drawing.paint(is_filled && is_closed, true);
        }
    }

    fn ink(&mut self) {
        let (width, _) = self.pen(true);
        self.drawing.raw("1 J 1 j");
        for stroke in self.tree.array(self.annotation, "InkList").unwrap_or_default().iter().take(MAX_STROKES) {
            let points = points(&self.tree.numbers_of(stroke).unwrap_or_default());
            if let [only] = points.as_slice() {
                self.drawing.polyline(&[*only, *only]);
            } else {
                self.drawing.polyline(&points);
            }
            self.drawing.paint(false, width > 0.0);
        }
    }

    fn vertices(&mut self, is_closed: bool) {
        let points = points(&self.tree.numbers(self.annotation, "Vertices").unwrap_or_default());
        let (width, is_filled) = self.pen(!is_closed);
        self.drawing.polyline(&points);
        if is_closed {
            self.drawing.raw("h");
            self.drawing.paint(is_filled, width > 0.0);
            return;
        }
        self.drawing.raw("S");
        if let ([first, second, ..], [.., before, last]) = (points.as_slice(), points.as_slice()) {
            self.endings(&[(*first, *second), (*last, *before)], width, is_filled);
        }
    }

    fn free_text(&mut self, edits: &mut Edits, writing: &mut Writing) {
        let text = self.tree.text(self.annotation, "Contents").unwrap_or_default();
        let style = fields::Style::read(self.tree, self.annotation);
        let (width, dashes) = border(self.tree, self.annotation);
        let width = width.unwrap_or(1.0);
        let [x0, y0, x1, y1] = self.rect;
        self.drawing.mix(self.opacity(), Blend::Normal);
        let is_filled = self.color("C").is_some_and(|color| self.drawing.color(&color, Of::Areas));
        self.drawing.color(&style.color, Of::Lines);
        self.drawing.op(&[width], "w");
        dash(&mut self.drawing, &dashes);
        if let Some(callout) = self.tree.numbers(self.annotation, "CL") {
            self.drawing.polyline(&points(&callout));
            self.drawing.raw("S");
        }
        let differences = self.tree.numbers(self.annotation, "RD");
        let [l, b, r, t] = differences.and_then(|list| list.try_into().ok()).unwrap_or([0.0; 4]);
        let inner = [x0 + l + width / 2.0, y0 + b + width / 2.0, x1 - r - width / 2.0, y1 - t - width / 2.0];
        self.drawing.rect(inner);
        self.drawing.paint(is_filled, width > 0.0);
        let align = self.tree.integer(self.annotation, "Q").unwrap_or(0);
        fields::lines(&mut self.drawing, &text, &style, inner, align, edits, writing);
    }

    fn stamp(&mut self, edits: &mut Edits, writing: &mut Writing) {
        let name = self.tree.name(self.annotation, "Name").unwrap_or(b"Draft");
        let words = String::from_utf8_lossy(name).chars().fold(String::new(), |mut words, c| {
            if c.is_uppercase() && !words.is_empty() {
                words.push(' ');
            }
            words.extend(c.to_uppercase());
            words
        });
        let words: String = words.trim_start_matches('#').chars().take(40).collect();
        let color = self.color("C").unwrap_or_else(|| vec![0.75, 0.1, 0.1]);
        let [x0, y0, x1, y1] = self.rect;
        let (wide, high) = (x1 - x0, y1 - y0);
        let size = (high * 0.5).min(wide * 0.85 / writing::width(&words, 1.0).max(0.1));
        self.drawing.mix(self.opacity(), Blend::Normal);
        self.drawing.color(&color, Of::Lines);
        self.drawing.color(&color, Of::Areas);
        self.drawing.op(&[(high * 0.05).clamp(0.5, 4.0)], "w");
        let inset = high * 0.08;
        self.drawing.rect([x0 + inset, y0 + inset, x1 - inset, y1 - inset]);
        self.drawing.raw("S");
        let x = x0 + (wide - writing::width(&words, size)) / 2.0;
        self.drawing.use_resources(&writing.resources(edits));
        let encoded = writing.encode(&words);
        self.drawing
            .raw(&format!("BT /{FONT_KEY} {size} Tf {x} {} Td {encoded} Tj ET", y0 + (high - size * 0.74) / 2.0));
    }

    /// A sheet of paper with lines, in the corner of the rectangle where readers put their own picture.
    fn note(&mut self, page: [f32; 4]) {
        let [x0, _, _, y1] = self.rect;
        let [left, bottom, right, top] = page;
        if x0 > right || y1 < bottom || x0 + NOTE < left || y1 - NOTE > top {
            return;
        }
        let color = self.color("C").unwrap_or_else(|| vec![1.0, 0.9, 0.3]);
        self.drawing.mix(self.opacity(), Blend::Normal);
        self.drawing.color(&color, Of::Areas);
        self.drawing.raw("0.2 G 0.8 w");
        let y0 = y1 - NOTE;
        self.rect = [x0, y0, x0 + NOTE, y1];
        self.drawing.rect([x0 + 1.0, y0 + 1.0, x0 + NOTE - 1.0, y1 - 1.0]);
        self.drawing.paint(true, true);
        for line in [0.3, 0.5, 0.7] {
            self.drawing.polyline(&[(x0 + NOTE * 0.22, y0 + NOTE * line), (x0 + NOTE * 0.78, y0 + NOTE * line)]);
            self.drawing.raw("S");
        }
        self.margin = 0.0;
    }

    fn caret(&mut self) {
        let color = self.color("C").unwrap_or_else(|| vec![0.0, 0.0, 1.0]);
        self.drawing.mix(self.opacity(), Blend::Normal);
        self.drawing.color(&color, Of::Areas);
        let [x0, y0, x1, y1] = self.rect;
        self.drawing.polyline(&[(x0, y0), ((x0 + x1) / 2.0, y1), (x1, y0)]);
        self.drawing.raw("h f");
    }

    /// The frame of a link, where its writer asks for one: typesetters mark cross-references with it.
    fn link(&mut self) {
        // Without a colour most readers draw none, whatever the width.
        let Some(color) = self.color("C") else { return };
        let (width, dashes) = border(self.tree, self.annotation);
        let width = width.unwrap_or(1.0);
        if width <= 0.0 {
            return;
        }
        self.drawing.color(&color, Of::Lines);
        self.drawing.op(&[width], "w");
        dash(&mut self.drawing, &dashes);
        let is_underlined =
            self.tree.dict(self.annotation, "BS").and_then(|style| self.tree.name(style, "S")) == Some(b"U");
        for [x0, y0, x1, y1] in areas(self.tree, self.annotation, self.rect) {
            if is_underlined {
                self.drawing.polyline(&[(x0, y0 + width / 2.0), (x1, y0 + width / 2.0)]);
            } else {
                self.drawing.rect([x0 + width / 2.0, y0 + width / 2.0, x1 - width / 2.0, y1 - width / 2.0]);
            }
            self.drawing.raw("S");
        }
        self.margin = width / 2.0;
    }
}

/// The areas of a link: one for each line of text that it runs over, where the file says so and they are inside its rectangle.
pub(super) fn areas<'d>(tree: &Tree<'d>, annotation: &'d Dictionary, rect: [f32; 4]) -> Vec<[f32; 4]> {
    let numbers = tree.numbers(annotation, "QuadPoints").unwrap_or_default();
    let bounds = |quad: &[f32]| {
        quad.chunks_exact(2).fold([f32::MAX, f32::MAX, f32::MIN, f32::MIN], |[x0, y0, x1, y1], point| match *point {
            [x, y] => [x0.min(x), y0.min(y), x1.max(x), y1.max(y)],
            _ => [x0, y0, x1, y1],
        })
    };
    let areas: Vec<[f32; 4]> = numbers.chunks_exact(8).take(MAX_AREAS).map(bounds).collect();
    let [rx0, ry0, rx1, ry1] = rect;
    let is_inside = |[x0, y0, x1, y1]: &[f32; 4]| {
        *x0 >= rx0 - 1.0 && *y0 >= ry0 - 1.0 && *x1 <= rx1 + 1.0 && *y1 <= ry1 + 1.0 && x1 > x0 && y1 > y0
    };
    if areas.is_empty() || !areas.iter().all(is_inside) { vec![rect] } else { areas }
}

/// The width of a border, where one is given, and its dashes.
pub(super) fn border<'d>(tree: &Tree<'d>, annotation: &'d Dictionary) -> (Option<f32>, Vec<f32>) {
    let usable = |dashes: Vec<f32>| {
        let good = dashes.iter().all(|dash| *dash >= 0.0) && dashes.iter().sum::<f32>() > 0.1;
        if good { dashes.into_iter().take(8).collect() } else { Vec::new() }
    };
    if let Some(style) = tree.dict(annotation, "BS") {
        let is_dashed = tree.name(style, "S") == Some(b"D");
        let dashes = if is_dashed { tree.numbers(style, "D").unwrap_or_else(|| vec![3.0]) } else { Vec::new() };
        return (Some(tree.number_at(style, "W").unwrap_or(1.0).clamp(0.0, 100.0)), usable(dashes));
    }
    let Some(list) = tree.array(annotation, "Border") else { return (None, Vec::new()) };
    let width = list.get(2).and_then(|object| super::tree::number(tree.resolve(object)));
    let dashes = list.get(3).and_then(|object| tree.numbers_of(object)).unwrap_or_default();
    (width.map(|width| width.clamp(0.0, 100.0)), usable(dashes))
}

fn dash(drawing: &mut Drawing, dashes: &[f32]) {
    if !dashes.is_empty() {
        let list: Vec<String> = dashes.iter().map(|dash| shapes::rounded(*dash).to_string()).collect();
        drawing.raw(&format!("[{}] 0 d", list.join(" ")));
    }
}

fn points(numbers: &[f32]) -> Vec<Point> {
    let pairs = numbers.chunks_exact(2);
    pairs.filter_map(|pair| if let [x, y] = *pair { Some((x, y)) } else { None }).collect()
}

fn between(a: Point, b: Point, part: f32) -> Point {
    (a.0 + (b.0 - a.0) * part, a.1 + (b.1 - a.1) * part)
}

fn distance(a: Point, b: Point) -> f32 {
    (b.0 - a.0).hypot(b.1 - a.1)
}

/// Flags of annotations that are not shown on a screen: hidden, no view.
const NOT_SEEN: i64 = (1 << 1) | (1 << 5);
/// The side of a note's picture.
const NOTE: f32 = 18.0;
/// The most annotations of a document that get an appearance.
const MAX_DRAWN: u32 = 50_000;
/// The most areas of a link.
const MAX_AREAS: usize = 64;
/// The most strokes of an ink annotation.
const MAX_STROKES: usize = 10_000;

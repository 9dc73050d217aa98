//! The MIME tree of one mail: ranges into the input, nothing decoded, every limit and ambiguity checked first.
//!
//! This walk is ours because the reading has to be strict where `mail-parser` is obliging: it takes a boundary in the
//! middle of a line, or as the beginning of a longer one, for a boundary, keeps the last of two Content-Types, and recurses
//! through nested messages when it drops them (1 MB of `message/rfc822` aborts the process). An attached message is a leaf
//! here: it is taken apart in a room of its own.

use std::ops::Range;

use form::{Limits, Reason, Refusal};

use super::fields::{self, Block, Field, Over, line_at, trim_line};
use super::param::Structured;
use super::tally::Tally;

/// One part.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    /// Where its header begins.
    pub(crate) start: usize,
    pub(crate) fields: Vec<Field<'a>>,
    /// The body as it stands in the mail, without the line end before the next boundary.
    pub(crate) body: Range<usize>,
    pub(crate) media: Structured,
    pub(crate) disposition: Structured,
    pub(crate) transfer: Transfer,
    /// Indices of the parts of a multipart, in order.
    pub(crate) parts: Vec<usize>,
    /// Set where the part may not be read.
    pub(crate) refused: Option<Refusal>,
    /// What a lenient reading had to overlook.
    pub(crate) repaired: bool,
    /// Bytes of text before the first or after the last part of a multipart.
    pub(crate) surplus: usize,
}

/// How the body is encoded for transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transfer {
    /// 7bit, 8bit, binary, or nothing said.
    Identity,
    Base64,
    QuotedPrintable,
    /// A name no standard knows.
    Unknown,
}

impl Part<'_> {
    /// True for a multipart that was taken apart.
    pub(crate) fn is_multipart(&self) -> bool {
        self.media.value.starts_with("multipart/") && self.refused.is_none() && !self.parts.is_empty()
    }

    pub(crate) fn is_type(&self, name: &str) -> bool {
        self.media.value == name
    }

    /// The boundary that a multipart names; empty where it names none. Nothing in a plain parameter is encoded: what looks so is part of it.
    pub(crate) fn boundary(&self) -> String {
        let boundary = if self.media.is_extended(BOUNDARY) {
            self.media.decoded(BOUNDARY, &mut Tally::default()).unwrap_or_default()
        } else {
            self.media.plain(BOUNDARY).unwrap_or_default().to_owned()
        };
        boundary.trim_end().to_owned()
    }
}

/// The parts of a mail; the first is the whole.
#[derive(Debug)]
pub(crate) struct Tree<'a> {
    pub(crate) parts: Vec<Part<'a>>,
    /// The mail has more parts than allowed; what comes after is not read.
    pub(crate) cut_off: Option<Refusal>,
}

/// Takes a mail apart.
pub(crate) fn read<'a>(input: &'a [u8], limits: &Limits) -> Tree<'a> {
    let mut walk = Walk {
        input,
        header_bytes: usize::try_from(limits.header_bytes).unwrap_or(usize::MAX),
        max_parts: usize::try_from(limits.parts).unwrap_or(usize::MAX).min(MAX_PARTS),
        parts: Vec::new(),
        open: Vec::new(),
        leaf: None,
        budget: input.len().saturating_mul(MAX_LOOKAHEAD),
    };
    let start = input.iter().position(|b| !matches!(b, b'\r' | b'\n')).unwrap_or(input.len());
    let mut at = walk.enter(start, None);
    let mut cut_off = None;
    if !walk.open.is_empty() {
        while at < input.len() {
            let line = line_at(input, at, input.len());
            let next = at.saturating_add(line.len());
            match walk.boundary(line) {
                None => {
                    walk.stray(line);
                    at = next;
                }
                Some(found) => {
                    walk.leave(found.level, at);
                    if let Some(glued) = found.closes {
                        walk.close(next, glued);
                        at = next;
                    } else if walk.parts.len() >= walk.max_parts {
                        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
                        cut_off = Some(Refusal::limit(
                            Reason::LimitParts,
                            count(walk.max_parts),
                            count(walk.parts.len().saturating_add(1)),
                        ));
                        break;
                    } else {
                        let parent = walk.open.last().map(|open| open.part);
                        at = walk.enter(next, parent);
                    }
                }
            }
        }
    }
    walk.end(at);
    Tree { parts: walk.parts, cut_off }
}

struct Walk<'a> {
    input: &'a [u8],
    header_bytes: usize,
    max_parts: usize,
    parts: Vec<Part<'a>>,
    /// Multiparts whose closing boundary has not come, outermost first.
    open: Vec<Open>,
    /// The part whose body is being passed over.
    leaf: Option<usize>,
    /// Bytes that may still be searched for boundaries ahead: each multipart that lies about its boundary costs the rest of
    /// the mail once.
    budget: usize,
}

struct Open {
    part: usize,
    boundary: Vec<u8>,
    started: bool,
}

struct Found {
    level: usize,
    /// Bytes of text behind the mark of the end, where it has one.
    closes: Option<usize>,
}

impl<'a> Walk<'a> {
    /// Reads the header of a part at `start` and opens it; returns where its body begins.
    fn enter(&mut self, start: usize, parent: Option<usize>) -> usize {
        let block = fields::cut(self.input, start..self.header_end(start), self.header_bytes);
        let body = block.body;
        let digest = parent.and_then(|p| self.parts.get(p)).is_some_and(|p| p.is_type("multipart/digest"));
        let mut part = Part::new(block, digest, start, self.input.len());
        let index = self.parts.len();
        if let Some(parent) = parent.and_then(|p| self.parts.get_mut(p)) {
            parent.parts.push(index);
        }
        self.leaf = Some(index);
        if part.refused.is_none() && part.media.value.starts_with("multipart/") {
            match self.judge(&part) {
                Ok(boundary) => {
                    self.open.push(Open { part: index, boundary, started: false });
                    self.leaf = None;
                }
                Err(Judgement::Refuse(refusal)) => part.refused = Some(refusal),
                // No boundary and nothing that looks like one: there is only one way to read that, as text.
                Err(Judgement::Text) => {
                    part.media = Structured::parse("text/plain");
                    part.repaired = true;
                }
            }
        }
        self.parts.push(part);
        body
    }

    /// A header ends at the latest where a boundary line of an open multipart stands.
    fn header_end(&self, start: usize) -> usize {
        let mut at = start;
        while at < self.input.len() {
            let line = line_at(self.input, at, self.input.len());
            if trim_line(line).is_empty() {
                // The block cutter finds the empty line itself.
                return self.input.len();
            }
            if self.boundary(line).is_some() {
                return at;
            }
            at = at.saturating_add(line.len());
        }
        self.input.len()
    }

    /// The boundary of a multipart, if there is just one way to take it apart.
    fn judge(&mut self, part: &Part<'_>) -> Result<Vec<u8>, Judgement> {
        let ambiguous = Judgement::Refuse(Refusal::plain(Reason::AmbiguousStructure));
        // Few composers write `boundary*0=` (RFC 2231); where a plain one stands beside it, readers differ in which they take.
        let is_extended = part.media.is_extended(BOUNDARY);
        let is_twofold = is_extended && (part.media.plain(BOUNDARY).is_some() || part.media.is_disordered(BOUNDARY));
        if part.media.conflicts(BOUNDARY) || is_twofold {
            return Err(ambiguous);
        }
        let boundary = part.boundary();
        let body = self.input.get(part.body.start..).unwrap_or_default();
        let (visible, searched) = contains_line(body, boundary.as_bytes());
        self.budget = match self.budget.checked_sub(searched) {
            Some(budget) => budget,
            None => return Err(ambiguous),
        };
        if boundary.is_empty() {
            let dashes = body.split(|b| *b == b'\n').any(|line| line.starts_with(b"--") && trim_line(line).len() > 2);
            return Err(if dashes { ambiguous } else { Judgement::Text });
        }
        if boundary.len() > MAX_BOUNDARY || self.open.iter().any(|open| open.boundary == boundary.as_bytes()) {
            return Err(ambiguous);
        }
        // RFC 2045 6.4 forbids encoding a multipart. A reader that obeys and one that decodes see two different mails,
        // unless the boundary stands there in plain sight (careless programs copy the encoding of their text part).
        if (part.transfer == Transfer::Base64 || is_extended) && !visible {
            return Err(ambiguous);
        }
        if self.open.len() >= MAX_DEPTH {
            let depth = u64::try_from(MAX_DEPTH).unwrap_or(u64::MAX);
            return Err(Judgement::Refuse(Refusal::limit(Reason::LimitDepth, depth, depth.saturating_add(1))));
        }
        if !visible {
            return Err(Judgement::Text);
        }
        Ok(boundary.as_bytes().to_vec())
    }

    /// Whether a line is a boundary of an open multipart, innermost first.
    fn boundary(&self, line: &[u8]) -> Option<Found> {
        let content = line.strip_prefix(b"--")?.trim_ascii_end();
        let behind = || {
            let levels = self.open.iter().enumerate().rev();
            levels.filter_map(|(level, open)| Some((level, content.strip_prefix(open.boundary.as_slice())?)))
        };
        let whole = behind().find_map(|(level, after)| match after {
            b"" => Some(Found { level, closes: None }),
            b"--" => Some(Found { level, closes: Some(0) }),
            _ => None,
        });
        // Text glued to a closing boundary stands in no part; after an opening one it makes another boundary, which may be one of another
        // level.
        whole.or_else(|| {
            behind().find_map(|(level, after)| {
                let glued = after.strip_prefix(b"--")?.trim_ascii().len();
                Some(Found { level, closes: Some(glued) })
            })
        })
    }

    /// Ends the part being read and every multipart inside level `level`.
    fn leave(&mut self, level: usize, at: usize) {
        let end = self.before_line_end(at);
        if let Some(part) = self.leaf.take().and_then(|leaf| self.parts.get_mut(leaf)) {
            part.body.end = end.max(part.body.start);
        }
        while self.open.len() > level.saturating_add(1) {
            if let Some(part) = self.open.pop().and_then(|open| self.parts.get_mut(open.part)) {
                part.body.end = end.max(part.body.start);
                part.repaired = true;
            }
        }
        if let Some(open) = self.open.last_mut() {
            open.started = true;
        }
    }

    /// Ends the innermost multipart at its closing boundary, behind which `glued` bytes of text stand.
    fn close(&mut self, at: usize, glued: usize) {
        if let Some(part) = self.open.pop().and_then(|open| self.parts.get_mut(open.part)) {
            part.body.end = at;
            part.surplus = part.surplus.saturating_add(glued);
            // Its parent's text goes on in no part; count it there.
            self.leaf = None;
        }
    }

    /// Counts text that stands in no part.
    fn stray(&mut self, line: &[u8]) {
        let text = line.trim_ascii().len();
        if self.leaf.is_some() || text == 0 {
            return;
        }
        let preamble = self.open.last().is_some_and(|open| !open.started);
        // Every composer writes its line for readers without MIME into the preamble.
        let part = if preamble { return } else { self.open.last().map_or(0, |open| open.part) };
        if let Some(part) = self.parts.get_mut(part) {
            part.surplus = part.surplus.saturating_add(text);
        }
    }

    fn end(&mut self, at: usize) {
        if let Some(part) = self.leaf.take().and_then(|leaf| self.parts.get_mut(leaf)) {
            part.body.end = at.max(self.input.len()).max(part.body.start);
        }
        while let Some(open) = self.open.pop() {
            if let Some(part) = self.parts.get_mut(open.part) {
                part.body.end = self.input.len().max(part.body.start);
                part.repaired = true;
            }
        }
    }

    /// The line end before a boundary belongs to the boundary (RFC 2046 5.1.1).
    fn before_line_end(&self, at: usize) -> usize {
        let head = self.input.get(..at).unwrap_or_default();
        trim_line(head).len()
    }
}

enum Judgement {
    Refuse(Refusal),
    Text,
}

impl<'a> Part<'a> {
    fn new(block: Block<'a>, digest: bool, start: usize, end: usize) -> Self {
        let default = if digest { "message/rfc822" } else { "text/plain" };
        let media = fields::first(&block.fields, "Content-Type").map(|field| Structured::parse(&field.text()));
        let media = match media {
            Some(media) if media.value.contains('/') => media,
            // "text", "Text" and an empty value are text; other nonsense is data (RFC 2045 5.2 leaves it open).
            Some(media) if media.value.is_empty() || media.value == "text" => {
                let mut named = media;
                default.clone_into(&mut named.value);
                named
            }
            Some(mut media) => {
                "application/octet-stream".clone_into(&mut media.value);
                media
            }
            None => Structured::parse(default),
        };
        let disposition = fields::first(&block.fields, "Content-Disposition");
        let encoding = fields::first(&block.fields, "Content-Transfer-Encoding");
        let transfer = encoding.map_or(Transfer::Identity, |field| Transfer::named(&field.text()));
        let twice = ["Content-Type", "Content-Transfer-Encoding"].iter().any(|name| differs(&block.fields, name));
        let refused = match block.over {
            Some(Over { limit, value }) => Some(Refusal::limit(Reason::LimitHeaderBytes, limit, value)),
            None if twice => Some(Refusal::plain(Reason::AmbiguousStructure)),
            None => None,
        };
        Self {
            start,
            body: block.body..end,
            media,
            disposition: disposition.map(|field| Structured::parse(&field.text())).unwrap_or_default(),
            transfer,
            parts: Vec::new(),
            refused,
            repaired: block.stray > 0,
            surplus: 0,
            fields: block.fields,
        }
    }
}

impl Transfer {
    fn named(text: &str) -> Self {
        // Parameters and comments do not belong here and are sent; so are quotes.
        let end = text.find([';', '(']).unwrap_or(text.len());
        let name = text.get(..end).unwrap_or_default().trim().trim_matches('"').to_ascii_lowercase();
        match name.as_str() {
            "" | "7bit" | "8bit" | "binary" | "7-bit" | "8-bit" | "7 bit" | "8 bit" | "none" => Self::Identity,
            "base64" => Self::Base64,
            "quoted-printable" => Self::QuotedPrintable,
            _ => Self::Unknown,
        }
    }
}

/// True when a field stands there twice with different values: which one holds is a matter of the reader.
fn differs(fields: &[Field<'_>], name: &str) -> bool {
    let mut values = fields.iter().filter(|field| field.is(name)).map(Field::text);
    let Some(first) = values.next() else { return false };
    values.any(|value| !value.eq_ignore_ascii_case(&first))
}

/// Whether a line of `body` is this boundary, and how many bytes it took to know.
fn contains_line(body: &[u8], boundary: &[u8]) -> (bool, usize) {
    let mut searched: usize = 0;
    for line in body.split(|b| *b == b'\n') {
        searched = searched.saturating_add(line.len()).saturating_add(1);
        if let Some(after) = line.strip_prefix(b"--").and_then(|rest| rest.strip_prefix(boundary)) {
            let after = after.trim_ascii_end();
            if after.is_empty() || after.starts_with(b"--") {
                return (true, searched);
            }
        }
    }
    (false, searched)
}

const BOUNDARY: &str = "boundary";
/// Multiparts inside multiparts. Forwarded threads reach five or six.
const MAX_DEPTH: usize = 20;

/// Parts of one mail; the largest honest ones have some two hundred.
const MAX_PARTS: usize = 1_000;

/// How many times the mail may be searched through for boundaries.
const MAX_LOOKAHEAD: usize = 16;

/// RFC 2046 allows 70 bytes; some list software passes that.
const MAX_BOUNDARY: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(input: &str) -> Tree<'_> {
        read(input.as_bytes(), &Limits::default())
    }

    /// Type, body and refusal of every part.
    fn shape(input: &str) -> Vec<(String, String, Option<Reason>)> {
        let tree = tree(input);
        tree.parts
            .iter()
            .map(|p| {
                let body = if p.is_multipart() { String::new() } else { input[p.body.clone()].to_owned() };
                (p.media.value.clone(), body, p.refused.map(|r| r.reason))
            })
            .collect()
    }

    fn part(kind: &str, body: &str) -> (String, String, Option<Reason>) {
        (kind.to_owned(), body.to_owned(), None)
    }

    #[test]
    fn a_multipart_is_cut_at_whole_boundary_lines_only() {
        let input = "Content-Type: multipart/mixed; boundary=b\n\npreamble\n--b\n\none --b\n--bc\n--b\nContent-Type: text/html\n\n<p>\n--b--\n";
        assert_eq!(
            shape(input),
            [part("multipart/mixed", ""), part("text/plain", "one --b\n--bc"), part("text/html", "<p>")]
        );
    }

    #[test]
    fn an_outer_boundary_closes_what_an_inner_part_left_open() {
        let input = "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: multipart/alternative; boundary=i\r\n\r\n--i\r\n\r\na\r\n--o\r\n\r\nb\r\n--o--\r\n";
        let tree = tree(input);
        assert_eq!(tree.parts[0].parts, [1, 3]);
        assert_eq!(tree.parts[1].parts, [2]);
        assert!(tree.parts[1].repaired && !tree.parts[0].repaired);
        assert_eq!(&input[tree.parts[3].body.clone()], "b");
    }

    #[test]
    fn structures_that_read_two_ways_are_refused() {
        for head in [
            "Content-Type: text/plain\nContent-Type: text/html",
            "Content-Transfer-Encoding: base64\nContent-Transfer-Encoding: 7bit",
            "Content-Type: multipart/mixed; boundary=a; boundary=b",
            "Content-Type: multipart/mixed; boundary=\"\"",
            "Content-Type: multipart/mixed; boundary*0=a; boundary=b",
            "Content-Type: multipart/mixed; boundary*0=a; boundary*0=b",
            "Content-Type: multipart/mixed; boundary*0=a; boundary*2=b",
            "Content-Type: multipart/mixed; boundary*=utf-8''zz",
            "Content-Type: multipart/mixed; boundary=zz\nContent-Transfer-Encoding: base64",
        ] {
            let input = format!("{head}\n\n--a\n\nx\n--b\n\ny\n--ab\n\nz\n");
            assert_eq!(tree(&input).parts[0].refused.map(|r| r.reason), Some(Reason::AmbiguousStructure), "{head}");
        }
        let nested = "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/mixed; boundary=a\n\n--a\n\nx\n--a--\n";
        assert_eq!(tree(nested).parts[1].refused.map(|r| r.reason), Some(Reason::AmbiguousStructure));
    }

    /// Python: `email.message_from_string(…).get_boundary()`.
    #[test]
    fn a_boundary_in_segments_is_one_boundary() {
        for boundary in
            ["boundary*=utf-8''a%3D", "boundary*0*=us-ascii''a; boundary*1*=%3D", "boundary*0=a; boundary*1=\"=\""]
        {
            let input = format!("Content-Type: multipart/mixed; {boundary}\n\n--a=\n\nx\n--a=--\n");
            assert_eq!(shape(&input), [part("multipart/mixed", ""), part("text/plain", "x")], "{boundary}");
        }
    }

    /// Python reads both so: `email.message_from_string(…)`.
    #[test]
    fn a_boundary_is_what_stands_there_and_a_whole_one_goes_before_an_end_with_text_behind_it() {
        let input = "Content-Type: multipart/mixed; boundary=\"=?us-ascii?q?a?=\"\n\n--=?us-ascii?q?a?=\n\nx\n--=?us-ascii?q?a?=--\n";
        assert_eq!(shape(input), [part("multipart/mixed", ""), part("text/plain", "x")]);
        let inner = "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n";
        let input = format!("Content-Type: multipart/mixed; boundary=b--c\n\n--b--c\n{inner}--b--c\n\ny\n--b--c--\n");
        let inside = [part("multipart/mixed", ""), part("text/plain", "x"), part("text/plain", "y")];
        assert_eq!(shape(&input)[1..], inside);
    }

    #[test]
    fn the_same_field_twice_with_one_value_is_one_reading() {
        assert!(tree("Content-Type: text/html\nContent-Type: text/html\n\nx").parts[0].refused.is_none());
    }

    #[test]
    fn twenty_levels_open_and_the_next_does_not() {
        let mut input = String::new();
        for level in 0..=MAX_DEPTH {
            input.push_str(&format!("Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n"));
        }
        let tree = tree(&input);
        assert_eq!(tree.parts.iter().filter(|p| p.is_multipart()).count(), MAX_DEPTH);
        assert_eq!(tree.parts[MAX_DEPTH].refused, Some(Refusal::limit(Reason::LimitDepth, 20, 21)));
    }

    #[test]
    fn a_thousand_parts_pass_and_the_next_is_cut_off() {
        let build = |parts: usize| {
            format!("Content-Type: multipart/mixed; boundary=b\n\n{}--b--\n", "--b\n\nx\n".repeat(parts))
        };
        assert!(tree(&build(999)).cut_off.is_none());
        let over = build(1000);
        let over = tree(&over);
        assert_eq!((over.parts.len(), over.cut_off), (1000, Some(Refusal::limit(Reason::LimitParts, 1000, 1001))));
    }

    #[test]
    fn text_after_the_closing_boundary_is_counted() {
        for (end, surplus) in [("--b--\nlate\n", 4), ("--b--late \n", 4), ("--b-- \n\n", 0)] {
            let mail = format!("Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n{end}");
            assert_eq!(tree(&mail).parts[0].surplus, surplus, "{end}");
        }
    }

    #[test]
    fn a_part_that_is_only_a_header_ends_at_the_boundary() {
        let input = "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n--b\n\nx\n--b--\n";
        assert_eq!(shape(input), [part("multipart/mixed", ""), part("text/html", ""), part("text/plain", "x")]);
    }
}

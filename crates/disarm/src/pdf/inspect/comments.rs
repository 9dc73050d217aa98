//! What reviewers have written: a list at the end, as the notes themselves can no longer be opened.

use form::job::Extra;
use form::{Findings, Place, Reason};
use lopdf::{Dictionary, Object, dictionary};

use super::active::on_page;
use super::edits::Edits;
use super::navigation::HIDDEN;
use super::tree::Tree;
use super::writing::{self, FONT_KEY, Writing};

/// Adds pages with the comments, or only counts them; gives the number of pages added.
pub(super) fn list(
    tree: &Tree<'_>,
    policy: Extra,
    edits: &mut Edits,
    writing: &mut Writing,
    findings: &mut Findings,
) -> usize {
    let comments = collect(tree);
    let count = u32::try_from(comments.len()).unwrap_or(u32::MAX);
    let added = match policy {
        Extra::Keep if !comments.is_empty() => append(tree, &comments, edits, writing),
        Extra::Keep | Extra::Drop => None,
    };
    match added {
        Some(pages) => {
            findings.add_many(Reason::CommentsListed, count, Place::default());
            pages
        }
        None => {
            findings.add_many(Reason::Comments, count, Place::default());
            0
        }
    }
}

struct Comment {
    page: u32,
    author: String,
    text: String,
}

fn collect(tree: &Tree<'_>) -> Vec<Comment> {
    let mut comments = Vec::new();
    for (page, node) in tree.numbered() {
        for (_, annotation) in tree.annotations(node) {
            let kind = tree.name(annotation, "Subtype").unwrap_or_default();
            let is_reply = annotation.has(b"IRT");
            // An answer is hidden, as it is shown with what it answers; a state ("accepted") is no text.
            let is_hidden = tree.integer(annotation, "F").is_some_and(|flags| flags & HIDDEN != 0) && !is_reply;
            if !MARKUP.contains(&kind) || is_hidden || annotation.has(b"State") || comments.len() >= MAX_COMMENTS {
                continue;
            }
            let text = tree.text(annotation, "Contents").unwrap_or_default();
            if !text.trim().is_empty() {
                let author = tree.text(annotation, "T").unwrap_or_default();
                comments.push(Comment { page, author, text: text.chars().take(MAX_CHARS).collect() });
            }
        }
    }
    comments
}

/// One line of the list.
struct Line {
    indent: f32,
    size: f32,
    text: String,
}

fn append(tree: &Tree<'_>, comments: &[Comment], edits: &mut Edits, writing: &mut Writing) -> Option<usize> {
    let root_id = tree.catalog()?.get(b"Pages").ok()?.as_reference().ok()?;
    let root = tree.document.objects.get(&root_id)?.as_dict().ok()?;
    let mut kids = tree.array(root, "Kids")?.to_vec();
    let mut lines = vec![Line { indent: 0.0, size: 14.0, text: HEADING.to_owned() }];
    for comment in comments {
        let head = [on_page(comment.page), comment.author.clone()].join("  ");
        lines.push(Line { indent: 0.0, size: 9.0, text: head.trim_end().chars().take(120).collect() });
        let broken = writing::wrap(comment.text.trim(), 10.0, WIDE - 2.0 * MARGIN - INDENT);
        lines.extend(broken.into_iter().map(|text| Line { indent: INDENT, size: 10.0, text }));
    }
    let mut pages: Vec<String> = Vec::new();
    let mut y = 0.0;
    for line in &lines {
        y -= line.size * LEADING + if line.indent == 0.0 { 6.0 } else { 0.0 };
        if pages.is_empty() || y < MARGIN {
            if pages.len() >= MAX_PAGES {
                break;
            }
            pages.push(String::new());
            y = HIGH - MARGIN - line.size;
        }
        let encoded = writing.encode(&line.text);
        let x = MARGIN + line.indent;
        if let Some(page) = pages.last_mut() {
            page.push_str(&format!("BT /{FONT_KEY} {} Tf {x} {y} Td {encoded} Tj ET\n", line.size));
        }
    }
    let count = tree.integer(root, "Count").unwrap_or(0);
    let added = pages.len();
    for content in pages {
        let content = edits.add_stream(Dictionary::new(), content.into_bytes());
        let size: Vec<Object> = vec![0.into(), 0.into(), WIDE.into(), HIGH.into()];
        let page = dictionary! {
            "Type" => "Page", "Parent" => Object::Reference(root_id), "MediaBox" => size.clone(), "CropBox" => size, "Rotate" => 0,
            "Resources" => writing.resources(edits), "Contents" => content,
        };
        kids.push(edits.add(page));
    }
    let root = edits.dict_mut(tree.document, root_id)?;
    root.set("Kids", kids);
    root.set("Count", count.saturating_add(i64::try_from(added).unwrap_or(0)));
    Some(added)
}

/// Annotations that are remarks on a page (ISO 32000-1, 12.5.6.2). The text of a free text is its appearance.
const MARKUP: [&[u8]; 14] = [
    b"Text",
    b"Highlight",
    b"Underline",
    b"StrikeOut",
    b"Squiggly",
    b"Square",
    b"Circle",
    b"Line",
    b"Polygon",
    b"PolyLine",
    b"Ink",
    b"Stamp",
    b"Caret",
    b"FileAttachment",
];
const HEADING: &str = "コメント / Comments";
/// A4 with margins of 20 mm.
const WIDE: f32 = 595.0;
const HIGH: f32 = 842.0;
const MARGIN: f32 = 56.7;
const INDENT: f32 = 12.0;
const LEADING: f32 = 1.5;
/// The most comments of a document.
const MAX_COMMENTS: usize = 5_000;
/// The most characters of a comment.
const MAX_CHARS: usize = 10_000;
/// The most pages of the list.
const MAX_PAGES: usize = 100;

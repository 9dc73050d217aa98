//! Links, outline and page labels (ISO 32000-1, 12.3 and 12.4.2).

use form::pages::{LabelStyle, Link, OutlineItem, PageLabel, Target};

use super::file::File;
use super::grammar::{Key, Name};
use super::syntax::{PAGE_DECIMALS, Ref, Syntax};
use crate::error::Error;

/// Writes a link; `page` gives the object of a page by its number.
pub(super) fn link(link: &Link, page: Option<Ref>, file: &mut File<'_, '_>) -> Result<Ref, Error> {
    file.add(|annotation| {
        annotation.dictionary(|annotation| {
            annotation.key(Key::Type).name(Name::Annot);
            annotation.key(Key::Subtype).name(Name::Link);
            annotation.key(Key::Rect).array(|sides| {
                let area = &link.area;
                [area.x0, area.y0, area.x1, area.y1]
                    .into_iter()
                    .for_each(|side| sides.real(side.into(), PAGE_DECIMALS));
            });
            annotation.key(Key::Border).array(|border| [0, 0, 0].into_iter().for_each(|value| border.integer(value)));
            // Printed with the page: PDF/A asks for it (ISO 19005-2, 6.3.2).
            annotation.key(Key::F).integer(4);
            match (&link.target, page) {
                (Target::Url(url), _) => annotation.key(Key::A).dictionary(|action| {
                    action.key(Key::S).name(Name::Uri);
                    action.key(Key::Uri).string(url.as_str().as_bytes());
                }),
                (Target::Page { top, .. }, Some(page)) => destination(annotation, page, *top),
                (Target::Page { .. }, None) => {}
            }
        });
    })
}

/// Writes the outline and returns its root. `page` gives the object of a page by its number.
pub(super) fn outline(
    items: &[OutlineItem],
    page: impl Fn(u32) -> Option<Ref>,
    file: &mut File<'_, '_>,
) -> Result<Option<Ref>, Error> {
    if items.is_empty() {
        return Ok(None);
    }
    let root = file.reserve();
    let objects: Vec<Ref> = items.iter().map(|_| file.reserve()).collect();
    let tree = Tree::of(items);
    let object = |at: usize| objects.get(at).copied();
    for (at, (item, node)) in items.iter().zip(&tree.nodes).enumerate() {
        let Some(own) = object(at) else { continue };
        file.object(own, |entry| {
            entry.dictionary(|entry| {
                entry.key(Key::Title).text(item.title.as_str());
                entry.key(Key::Parent).reference(node.parent.and_then(object).unwrap_or(root));
                let neighbours = [
                    (Key::Prev, node.previous),
                    (Key::Next, node.next),
                    (Key::First, node.first),
                    (Key::Last, node.last),
                ];
                for (key, neighbour) in neighbours {
                    if let Some(neighbour) = neighbour.and_then(object) {
                        entry.key(key).reference(neighbour);
                    }
                }
                if node.children > 0 {
                    // Below zero: closed (12.3.3).
                    entry.key(Key::Count).integer(node.children.saturating_neg());
                }
                if let Some(page) = page(item.page) {
                    destination(entry, page, item.top);
                }
            });
        })?;
    }
    file.object(root, |outlines| {
        outlines.dictionary(|outlines| {
            outlines.key(Key::Type).name(Name::Outlines);
            for (key, item) in [(Key::First, tree.first), (Key::Last, tree.last)] {
                if let Some(item) = item.and_then(object) {
                    outlines.key(key).reference(item);
                }
            }
            outlines.key(Key::Count).size(tree.top);
        });
    })?;
    Ok(Some(root))
}

/// The number tree of page labels, as the value of a key.
pub(super) fn labels(catalog: &mut Syntax, labels: &[PageLabel]) {
    catalog.dictionary(|tree| {
        tree.key(Key::Nums).array(|numbers| {
            // There must be one for the first page.
            if labels.first().is_none_or(|label| label.page > 0) {
                numbers.integer(0);
                numbers.dictionary(|label| label.key(Key::S).name(Name::D));
            }
            for label in labels {
                numbers.integer(label.page);
                numbers.dictionary(|entry| {
                    let style = match label.style {
                        LabelStyle::None => None,
                        LabelStyle::Decimal => Some(Name::D),
                        LabelStyle::UpperRoman => Some(Name::UpperRoman),
                        LabelStyle::LowerRoman => Some(Name::LowerRoman),
                        LabelStyle::UpperLetters => Some(Name::UpperLetters),
                        LabelStyle::LowerLetters => Some(Name::LowerLetters),
                    };
                    if let Some(style) = style {
                        entry.key(Key::S).name(style);
                    }
                    if !label.prefix.is_empty() {
                        entry.key(Key::P).text(label.prefix.as_str());
                    }
                    if label.start != 1 {
                        entry.key(Key::St).integer(label.start);
                    }
                });
            }
        });
    });
}

/// A page, and the height that is shown at the top (12.3.2.2).
fn destination(entry: &mut Syntax, page: Ref, top: Option<f32>) {
    entry.key(Key::Dest).array(|destination| {
        destination.reference(page);
        destination.name(Name::Xyz);
        destination.null();
        match top {
            Some(top) => destination.real(top.into(), PAGE_DECIMALS),
            None => destination.null(),
        }
        destination.null();
    });
}

/// How the entries of an outline hang together.
struct Tree {
    nodes: Vec<Node>,
    first: Option<usize>,
    last: Option<usize>,
    top: usize,
}

#[derive(Clone, Copy, Default)]
struct Node {
    parent: Option<usize>,
    previous: Option<usize>,
    next: Option<usize>,
    first: Option<usize>,
    last: Option<usize>,
    children: i64,
}

impl Tree {
    fn of(items: &[OutlineItem]) -> Tree {
        let mut tree = Tree { nodes: vec![Node::default(); items.len()], first: None, last: None, top: 0 };
        // The last entry of each level above the next one.
        let mut open: Vec<usize> = Vec::new();
        for (at, item) in items.iter().enumerate() {
            let level = usize::from(item.level);
            let previous = open.get(level).copied();
            open.truncate(level);
            let parent = open.last().copied();
            open.push(at);
            if let Some(node) = tree.nodes.get_mut(at) {
                node.parent = parent;
                node.previous = previous;
            }
            if let Some(previous) = previous.and_then(|previous| tree.nodes.get_mut(previous)) {
                previous.next = Some(at);
            }
            match parent.and_then(|parent| tree.nodes.get_mut(parent)) {
                Some(parent) => {
                    parent.first.get_or_insert(at);
                    parent.last = Some(at);
                    parent.children = parent.children.saturating_add(1);
                }
                None => {
                    tree.first.get_or_insert(at);
                    tree.last = Some(at);
                    tree.top = tree.top.saturating_add(1);
                }
            }
        }
        tree
    }
}

//! Ways through a document: title, language, links, outline, page labels.

use std::collections::{BTreeMap, BTreeSet};

use form::Limits;
use form::pages::{LabelStyle, LanguageTag, Link, OutlineItem, PageLabel, Rect, Target, Url};
use form::text::Line;
use lopdf::{Dictionary, Object};

use super::tree::{Tree, number};
use super::{Prepared, annotations};

/// Reads all of it.
pub(super) fn read(tree: &Tree<'_>, limits: &Limits, prepared: &mut Prepared) {
    let Some(catalog) = tree.catalog() else { return };
    let language = tree.text(catalog, "Lang");
    prepared.header.language = language.and_then(|tag| LanguageTag::parse(tag.trim()).ok());
    let title = tree.dict(&tree.document.trailer, "Info").and_then(|info| tree.text(info, "Title"));
    prepared.header.title = line(&title.unwrap_or_default());
    let destinations = Destinations::read(tree);
    prepared.links = links(tree, &destinations, limits);
    prepared.outline = outline(tree, &destinations, limits);
    prepared.labels = labels(tree, catalog);
}

/// An address that may be offered, from what a document says.
pub(super) fn url(tree: &Tree<'_>, raw: &str) -> Option<Url> {
    let raw = raw.trim();
    let base = || tree.text(tree.dict(tree.catalog()?, "URI")?, "Base");
    Url::rebuild(raw).or_else(|| {
        let has_scheme = raw.split_once(':').is_some_and(|(scheme, _)| {
            scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
                && !scheme.contains('.')
        });
        if has_scheme || raw.is_empty() || raw.contains('\\') {
            None
        } else if raw.starts_with("www.") {
            // Writers of office software leave the scheme out, and readers add it.
            Url::rebuild(&format!("http://{raw}"))
        } else {
            let base = base().filter(|base| base.ends_with('/'))?;
            (!raw.starts_with('/')).then(|| Url::rebuild(&format!("{base}{raw}"))).flatten()
        }
    })
}

/// An entry of the outline as it stands in the file.
pub(super) struct Item<'d> {
    pub(super) level: usize,
    pub(super) dict: &'d Dictionary,
}

/// The entries of the outline from the top.
pub(super) fn outline_items<'d>(tree: &Tree<'d>) -> Vec<Item<'d>> {
    let root = tree.catalog().and_then(|catalog| tree.dict(catalog, "Outlines"));
    let mut stack: Vec<(usize, &'d Object)> =
        root.and_then(|root| root.get(b"First").ok()).map(|o| (0, o)).into_iter().collect();
    let mut seen = BTreeSet::new();
    let mut items = Vec::new();
    while let Some((level, object)) = stack.pop() {
        // Entries are indirect objects; a direct one would have to hold all that follow it, and ends a loop as well.
        if items.len() >= MAX_ITEMS || object.as_reference().is_ok_and(|id| !seen.insert(id)) {
            continue;
        }
        let Ok(dict) = tree.resolve(object).as_dict() else { continue };
        items.push(Item { level, dict });
        stack.extend(dict.get(b"Next").ok().map(|next| (level, next)));
        stack.extend(dict.get(b"First").ok().map(|first| (level.saturating_add(1), first)));
    }
    items
}

fn outline(tree: &Tree<'_>, destinations: &Destinations<'_>, limits: &Limits) -> Vec<OutlineItem> {
    let items = outline_items(tree);
    let targets: Vec<_> = items.iter().map(|item| destinations.of(item.dict)).collect();
    let mut outline: Vec<OutlineItem> = Vec::new();
    for (at, item) in items.iter().enumerate() {
        if outline.len() >= usize::try_from(limits.outline_items).unwrap_or(usize::MAX) {
            break;
        }
        let title = line(&tree.text(item.dict, "Title").unwrap_or_default());
        if title.is_empty() {
            continue;
        }
        // A heading that leads nowhere itself leads to what stands first under it, else to where the one before it leads.
        let below = items.iter().zip(&targets).skip(at).take_while({
            let mut is_first = true;
            move |(other, _)| std::mem::take(&mut is_first) || other.level > item.level
        });
        let before = outline.last().map(|item| (item.page, None));
        let target = below.take(MAX_LOOK_AHEAD).find_map(|(_, target)| *target).or(before);
        let (page, top) = target.unwrap_or((0, None));
        let deepest = outline.last().map_or(0, |item| item.level.saturating_add(1)).min(OutlineItem::MAX_LEVEL);
        let level = u8::try_from(item.level).unwrap_or(u8::MAX).min(deepest);
        outline.push(OutlineItem { level, title, page, top });
    }
    outline
}

fn links(tree: &Tree<'_>, destinations: &Destinations<'_>, limits: &Limits) -> Vec<(u32, Link)> {
    let mut links = Vec::new();
    for (number, page) in tree.numbered() {
        for (_, annotation) in tree.annotations(page) {
            let is_hidden = tree.integer(annotation, "F").is_some_and(|flags| flags & HIDDEN != 0);
            if tree.name(annotation, "Subtype") != Some(b"Link") || is_hidden {
                continue;
            }
            let Some(rect) = tree.rect(annotation, "Rect") else { continue };
            let action = tree.dict(annotation, "A");
            let target = match action.and_then(|action| tree.name(action, "S")) {
                Some(b"URI") => {
                    action.and_then(|action| tree.text(action, "URI")).and_then(|raw| url(tree, &raw)).map(Target::Url)
                }
                _ => destinations.of(annotation).map(|(page, top)| Target::Page { page, top }),
            };
            let Some(target) = target else { continue };
            for [x0, y0, x1, y1] in annotations::areas(tree, annotation, rect) {
                if links.len() >= usize::try_from(limits.links).unwrap_or(usize::MAX) {
                    return links;
                }
                if x1 > x0 && y1 > y0 {
                    links.push((number, Link { area: Rect { x0, y0, x1, y1 }, target: target.clone() }));
                }
            }
        }
    }
    links
}

fn labels<'d>(tree: &Tree<'d>, catalog: &'d Dictionary) -> Vec<PageLabel> {
    let Some(root) = tree.dict(catalog, "PageLabels") else { return Vec::new() };
    let mut labels: BTreeMap<u32, PageLabel> = BTreeMap::new();
    for (page, label) in tree.pairs(root, "Nums", MAX_LABELS) {
        let (Some(page), Ok(label)) =
            (page.as_i64().ok().and_then(|n| u32::try_from(n).ok()), tree.resolve(label).as_dict())
        else {
            continue;
        };
        if usize::try_from(page).unwrap_or(usize::MAX) >= tree.pages.len() {
            continue;
        }
        let style = match tree.name(label, "S") {
            Some(b"D") => LabelStyle::Decimal,
            Some(b"R") => LabelStyle::UpperRoman,
            Some(b"r") => LabelStyle::LowerRoman,
            Some(b"A") => LabelStyle::UpperLetters,
            Some(b"a") => LabelStyle::LowerLetters,
            _ => LabelStyle::None,
        };
        let start = tree.integer(label, "St").and_then(|start| u32::try_from(start).ok()).unwrap_or(1).max(1);
        let prefix = line(&tree.text(label, "P").unwrap_or_default());
        labels.insert(page, PageLabel { page, style, prefix, start });
    }
    labels.into_values().collect()
}

/// Where names lead.
struct Destinations<'d> {
    tree: &'d Tree<'d>,
    named: BTreeMap<&'d [u8], &'d Object>,
}

impl<'d> Destinations<'d> {
    fn read(tree: &'d Tree<'d>) -> Destinations<'d> {
        let mut named = BTreeMap::new();
        if let Some(catalog) = tree.catalog() {
            let names = tree.dict(catalog, "Names").and_then(|names| tree.dict(names, "Dests"));
            for (name, value) in names.map(|names| tree.pairs(names, "Names", MAX_NAMED)).unwrap_or_default() {
                if let Ok(name) = name.as_str() {
                    named.insert(name, value);
                }
            }
            // PDF 1.1 had them in a dictionary.
            for (name, value) in tree.dict(catalog, "Dests").into_iter().flat_map(|dict| dict.iter()).take(MAX_NAMED) {
                named.entry(name.as_slice()).or_insert(value);
            }
        }
        Destinations { tree, named }
    }

    /// Where a link or an outline entry leads, by its own destination or its action: a page and the height on it.
    fn of(&self, dict: &'d Dictionary) -> Option<(u32, Option<f32>)> {
        let tree = self.tree;
        let own = tree.get(dict, "Dest");
        let object = own.or_else(|| {
            let action = tree.dict(dict, "A")?;
            (tree.name(action, "S") == Some(b"GoTo")).then(|| tree.get(action, "D")).flatten()
        })?;
        self.resolve(object)
    }

    fn resolve(&self, object: &'d Object) -> Option<(u32, Option<f32>)> {
        let tree = self.tree;
        let mut object = object;
        // A name may lead to a name, or to a dictionary with the destination in it, but not for ever.
        for _ in 0..4 {
            object = match object {
                Object::Name(name) | Object::String(name, _) => tree.resolve(self.named.get(name.as_slice())?),
                Object::Dictionary(dict) => tree.get(dict, "D")?,
                Object::Array(list) => return self.explicit(list),
                _ => return None,
            };
        }
        None
    }

    fn explicit(&self, list: &'d [Object]) -> Option<(u32, Option<f32>)> {
        let tree = self.tree;
        let page = match list.first()? {
            Object::Reference(id) => tree.number(*id)?,
            // Some writers give the number of the page; it is meant for other documents.
            other => u32::try_from(tree.resolve(other).as_i64().ok()?).ok()?,
        };
        if usize::try_from(page).ok()? >= tree.pages.len() {
            return None;
        }
        let at = |index: usize| list.get(index).and_then(|object| number(tree.resolve(object)));
        let top = match tree.resolve(list.get(1).unwrap_or(&Object::Null)).as_name().unwrap_or_default() {
            b"XYZ" => at(3),
            b"FitH" | b"FitBH" => at(2),
            b"FitR" => at(5),
            _ => None,
        };
        // Null and 0 both say "as it is" in practice: writers that know no height write 0.
        Some((page, top.filter(|top| *top != 0.0)))
    }
}

fn line(raw: &str) -> Line {
    let (line, _) = Line::scrub(raw);
    let (line, _) = Line::scrub(line.as_str().trim());
    line.shortened(MAX_TITLE)
}

/// The flag of an annotation that is not shown.
pub(super) const HIDDEN: i64 = 1 << 1;
/// The most entries of an outline that are looked at.
const MAX_ITEMS: usize = 100_000;
/// How far under a heading a page is looked for.
const MAX_LOOK_AHEAD: usize = 16;
/// The most names of destinations.
const MAX_NAMED: usize = 200_000;
/// The most page labels.
const MAX_LABELS: usize = 10_000;
/// The most characters of a title.
const MAX_TITLE: usize = 500;

//! What a PDF can do or carries along: counted, named, and left behind.

use std::collections::BTreeSet;

use form::job::Embedded;
use form::{Findings, Place, Reason};
use lopdf::{Dictionary, Object, ObjectId};

use super::files::{self, Files};
use super::navigation;
use super::tree::{Tree, text};

/// Looks at every place where ISO 32000-2 allows an action, a file, a medium or data about the document.
/// Embedded files are told of, or put into `extracted` where they are asked for.
pub(super) fn inspect(tree: &Tree<'_>, embedded: Embedded, findings: &mut Findings, extracted: &mut Files) {
    let (seen, files) = (BTreeSet::new(), BTreeSet::new());
    let mut look = Look { tree, embedded, findings, extracted, seen, files, steps: MAX_STEPS };
    if let Some(catalog) = tree.catalog() {
        look.catalog(catalog);
        look.layers(catalog);
    }
    look.fields();
    look.pages();
    look.outline();
    look.leftovers();
    look.metadata();
}

struct Look<'t, 'd, 'f> {
    tree: &'t Tree<'d>,
    embedded: Embedded,
    findings: &'f mut Findings,
    extracted: &'f mut Files,
    /// Actions that are counted.
    seen: BTreeSet<ObjectId>,
    /// Files that are counted: the same one may be named in several lists.
    files: BTreeSet<String>,
    /// How many more actions are looked at.
    steps: u32,
}

/// What has an action.
#[derive(Clone, Copy)]
enum Owner<'n> {
    Document,
    /// The number of a page, the first being 0.
    Page(u32),
    Named(&'n str),
}

impl Owner<'_> {
    /// Adds a finding, with what it leads to where that is known.
    fn tell(self, reason: Reason, detail: Option<&str>, findings: &mut Findings) {
        let place = match (self, detail) {
            (Owner::Page(number), None) => return findings.add_on_page(reason, 1, number.saturating_add(1)),
            (Owner::Page(number), Some(detail)) => Place::new(&format!("{}: {detail}", on_page(number))),
            (Owner::Named(name), Some(detail)) if !name.is_empty() => Place::new(&format!("{name}: {detail}")),
            (Owner::Named(name), None) => Place::new(name),
            (Owner::Document | Owner::Named(_), detail) => detail.map(Place::new).unwrap_or_default(),
        };
        findings.add(reason, place);
    }
}

impl<'d> Look<'_, 'd, '_> {
    fn catalog(&mut self, catalog: &'d Dictionary) {
        if let Ok(action) = catalog.get(b"OpenAction") {
            self.automatic(action, Owner::Document);
        }
        self.additional(catalog, Owner::Document);
        if let Some(names) = self.tree.dict(catalog, "Names") {
            if let Some(scripts) = self.tree.dict(names, "JavaScript") {
                for (name, action) in self.tree.pairs(scripts, "Names", MAX_NAMES) {
                    self.action(action, Owner::Named(&text(name).unwrap_or_default()));
                }
            }
            if let Some(files) = self.tree.dict(names, "EmbeddedFiles") {
                for (name, file) in self.tree.pairs(files, "Names", MAX_NAMES) {
                    self.file(file, text(name).as_deref());
                }
            }
        }
        self.associated(catalog);
        if self.tree.dict(catalog, "Perms").is_some_and(|perms| !perms.is_empty()) {
            self.findings.add(Reason::Signature, Place::default());
        }
    }

    fn fields(&mut self) {
        let Some(form) = self.tree.form() else { return };
        if self.tree.get(form, "XFA").is_some() {
            self.findings.add(Reason::XfaForm, Place::default());
        }
        let fields = self.tree.array(form, "Fields").unwrap_or_default();
        let mut stack: Vec<(&'d Object, Option<&'d [u8]>)> = fields.iter().rev().map(|field| (field, None)).collect();
        let mut visited = BTreeSet::new();
        let (mut flattened, mut left) = (0_u32, MAX_FIELDS);
        while let Some((object, kind)) = stack.pop() {
            if left == 0 || object.as_reference().is_ok_and(|id| !visited.insert(id)) {
                continue;
            }
            left -= 1;
            let Ok(field) = self.tree.resolve(object).as_dict() else { continue };
            let kind = self.tree.name(field, "FT").or(kind);
            let name = self.tree.text(field, "T").unwrap_or_default();
            self.additional(field, Owner::Named(&name));
            let kids = self.tree.array(field, "Kids").unwrap_or_default();
            let is_group = kids.iter().any(|kid| self.tree.resolve(kid).as_dict().is_ok_and(|kid| kid.has(b"T")));
            match kind {
                _ if is_group => {}
                Some(b"Sig") => {
                    if let Some(signature) = self.tree.dict(field, "V") {
                        let signer = self.tree.text(signature, "Name").unwrap_or(name);
                        self.findings.add(Reason::Signature, Place::new(&signer));
                    }
                }
                Some(_) => flattened = flattened.saturating_add(1),
                None => {}
            }
            stack.extend(kids.iter().rev().map(|kid| (kid, kind)));
        }
        self.findings.add_many(Reason::FieldsFlattened, flattened, Place::default());
    }

    fn pages(&mut self) {
        let tree = self.tree;
        for (number, page) in tree.numbered() {
            let owner = Owner::Page(number);
            self.additional(page.dict, owner);
            self.associated(page.dict);
            for (id, annotation) in tree.annotations(page) {
                self.additional(annotation, owner);
                self.associated(annotation);
                match tree.name(annotation, "Subtype") {
                    Some(b"FileAttachment") => {
                        if let Ok(file) = annotation.get(b"FS") {
                            self.file(file, None);
                        }
                    }
                    Some(b"RichMedia" | b"Screen" | b"Movie" | b"Sound" | b"3D") => {
                        owner.tell(Reason::RichMedia, None, self.findings);
                    }
                    _ => {}
                }
                if let Ok(action) = annotation.get(b"A") {
                    self.action(action, owner);
                }
                // An annotation's own number may name a field's action again.
                self.seen.extend(id);
            }
        }
    }

    fn outline(&mut self) {
        for item in navigation::outline_items(self.tree) {
            if let Ok(action) = item.dict.get(b"A") {
                let title = self.tree.text(item.dict, "Title").unwrap_or_default();
                self.action(action, Owner::Named(&title));
            }
        }
    }

    /// Actions that hang where nobody looks: an object is enough for another program to be told to run it.
    fn leftovers(&mut self) {
        for (id, object) in &self.tree.document.objects {
            if let Object::Dictionary(dict) = object
                && !self.seen.contains(id)
                && dict.get(b"S").is_ok_and(|kind| matches!(kind, Object::Name(_)))
                && dict.get(b"Type").map_or(true, |kind| kind.as_name().is_ok_and(|name| name == b"Action"))
            {
                self.seen.insert(*id);
                self.one_action(dict, Owner::Document);
            }
        }
    }

    /// What happens by itself when something is opened.
    fn automatic(&mut self, object: &'d Object, owner: Owner<'_>) {
        // A place to begin reading at is no action.
        let Ok(action) = self.tree.resolve(object).as_dict() else { return };
        if !matches!(self.tree.name(action, "S"), Some(b"GoTo") | None) {
            owner.tell(Reason::AutomaticAction, None, self.findings);
        }
        self.action(object, owner);
    }

    /// What happens by itself at other times: when a page is shown, a field is left, the document is printed.
    fn additional(&mut self, dict: &'d Dictionary, owner: Owner<'_>) {
        let Some(actions) = self.tree.dict(dict, "AA") else { return };
        for (_, action) in actions {
            self.automatic(action, owner);
        }
    }

    /// An action and those that follow it.
    fn action(&mut self, object: &'d Object, owner: Owner<'_>) {
        let mut stack = vec![object];
        while let Some(object) = stack.pop() {
            if self.steps == 0 || object.as_reference().is_ok_and(|id| !self.seen.insert(id)) {
                continue;
            }
            self.steps -= 1;
            let Ok(action) = self.tree.resolve(object).as_dict() else { continue };
            self.one_action(action, owner);
            if let Ok(next) = action.get(b"Next") {
                match self.tree.resolve(next) {
                    Object::Array(list) => stack.extend(list.iter()),
                    _ => stack.push(next),
                }
            }
        }
    }

    fn one_action(&mut self, action: &'d Dictionary, owner: Owner<'_>) {
        let tree = self.tree;
        let (reason, detail) = match tree.name(action, "S").unwrap_or_default() {
            b"JavaScript" | b"ECMAScript" => (Reason::Script, None),
            b"Rendition" | b"Movie" | b"Sound" | b"RichMediaExecute" | b"GoTo3DView" => {
                if tree.get(action, "JS").is_some() {
                    owner.tell(Reason::Script, None, self.findings);
                }
                (Reason::RichMedia, None)
            }
            b"Launch" => (Reason::LaunchAction, self.launched(action)),
            b"SubmitForm" | b"ImportData" => (Reason::FormSubmission, self.target(action)),
            b"GoToR" | b"GoToE" => (Reason::UnsafeLink, self.target(action)),
            b"URI" => {
                let target = tree.text(action, "URI").unwrap_or_default();
                if navigation::url(tree, &target).is_some() || target.trim().is_empty() {
                    return;
                }
                (Reason::UnsafeLink, Some(target))
            }
            _ => return,
        };
        owner.tell(reason, detail.as_deref(), self.findings);
    }

    fn launched(&self, action: &'d Dictionary) -> Option<String> {
        let windows = self.tree.dict(action, "Win").and_then(|parameters| {
            let program = self.tree.text(parameters, "F")?;
            Some([program, self.tree.text(parameters, "P").unwrap_or_default()].join(" ").trim_end().to_owned())
        });
        windows.or_else(|| self.target(action))
    }

    fn target(&self, action: &'d Dictionary) -> Option<String> {
        match self.tree.get(action, "F")? {
            Object::Dictionary(file) => self.tree.text(file, "UF").or_else(|| self.tree.text(file, "F")),
            other => text(other),
        }
    }

    /// Files that belong to a part of the document (ISO 32000-2, 7.11.4).
    fn associated(&mut self, dict: &'d Dictionary) {
        for file in self.tree.array(dict, "AF").unwrap_or_default() {
            self.file(file, None);
        }
    }

    fn file(&mut self, object: &'d Object, name: Option<&str>) {
        let Ok(file) = self.tree.resolve(object).as_dict() else { return };
        if self.tree.dict(file, "EF").is_none() {
            return;
        }
        let own = ["UF", "F", "Unix", "DOS"].iter().find_map(|key| self.tree.text(file, key));
        let name = own.clone().or_else(|| name.map(str::to_owned)).unwrap_or_default();
        let own = own.unwrap_or_default();
        // Which file it is, its stream says: there may be two of one name. One under two names is told under both.
        let key = files::entry(self.tree, file).and_then(|entry| entry.as_reference().ok());
        let key = key.or_else(|| object.as_reference().ok());
        let key = key.map_or_else(|| name.clone(), |(number, generation)| format!("{number} {generation} R {own}"));
        if self.files.insert(key) {
            match self.embedded {
                Embedded::Withhold => self.findings.add(Reason::EmbeddedFile, Place::new(&name)),
                Embedded::Extract => self.extracted.add(self.tree, file, &name),
            }
        }
    }

    /// Layers that are not shown when the document is opened.
    fn layers(&mut self, catalog: &'d Dictionary) {
        let tree = self.tree;
        let Some(layers) = tree.dict(catalog, "OCProperties") else { return };
        let Some(config) = tree.dict(layers, "D") else { return };
        let ids = |key: &str| -> BTreeSet<ObjectId> {
            tree.array(config, key).unwrap_or_default().iter().filter_map(|item| item.as_reference().ok()).collect()
        };
        let (on, off) = (ids("ON"), ids("OFF"));
        let is_off_by_default = tree.name(config, "BaseState") == Some(b"OFF");
        for layer in tree.array(layers, "OCGs").unwrap_or_default().iter().take(MAX_NAMES) {
            let Ok(id) = layer.as_reference() else { continue };
            if (off.contains(&id) || is_off_by_default && !on.contains(&id))
                && let Ok(dict) = tree.resolve(layer).as_dict()
            {
                let name = tree.text(dict, "Name").unwrap_or_default();
                self.findings.add(Reason::HiddenLayer, Place::new(&name));
            }
        }
    }

    /// Data about the document, its author and its making, as one finding that names the sorts.
    fn metadata(&mut self) {
        let tree = self.tree;
        let mut sorts = BTreeSet::new();
        if let Some(info) = tree.dict(&tree.document.trailer, "Info") {
            // The title is carried over.
            let kept = |key: &[u8]| matches!(key, b"Title" | b"Trapped");
            let said = info.iter().filter(|(key, value)| {
                !kept(key) && text(tree.resolve(value)).is_some_and(|value| !value.trim().is_empty())
            });
            sorts.extend(said.take(MAX_SORTS).map(|(key, _)| String::from_utf8_lossy(key).into_owned()));
        }
        for object in tree.document.objects.values() {
            if let Object::Stream(stream) = object
                && stream.dict.has_type(b"Metadata")
            {
                sorts.insert("XMP".to_owned());
            }
        }
        for page in &tree.pages {
            for key in ["PieceInfo", "Thumb"] {
                if tree.get(page.dict, key).is_some() {
                    sorts.insert(key.to_owned());
                }
            }
        }
        if !sorts.is_empty() {
            let sorts: Vec<String> = sorts.into_iter().collect();
            self.findings.add(Reason::Metadata, Place::new(&sorts.join(", ")));
        }
    }
}

/// How a page is called, the first being 0.
pub(super) fn on_page(number: u32) -> String {
    format!("page {}", number.saturating_add(1))
}

/// The most actions that are looked at.
const MAX_STEPS: u32 = 200_000;
/// The most entries of a name tree that are looked at.
const MAX_NAMES: usize = 20_000;
/// The most nodes of the tree of fields that are looked at.
const MAX_FIELDS: u32 = 200_000;
/// The most entries of the document's own data that are named.
const MAX_SORTS: usize = 20;

//! What a PDF is besides its pages: passwords, active content, ways through it, and what has to be put right before it is read.
//!
//! The object graph is read with lopdf, a second reader beside the interpreter. Nothing of it is ever written out: findings
//! and navigation go to the form as numbers and text. Where the interpreter would lose something that readers show (an
//! annotation or a filled field without an appearance, the characters of a Japanese font that is not in the file), the
//! *normalising pass* adds objects to a copy of the file, which only the interpreter sees.
//!
//! Inspection must never make a file fail that the interpreter can read: a file that lopdf cannot read, or whose normalised
//! copy the interpreter sees with other pages, is handed on as it is. All walks are loops with a count of steps.

mod active;
mod annotations;
mod boxes;
mod characters;
mod comments;
mod contents;
mod edits;
mod fields;
mod files;
mod navigation;
mod open;
mod programs;
mod revisions;
mod shapes;
mod tree;
mod vertical;
mod writing;

use form::job::{DirtyJob, Extra, Opened, Password};
use form::pages::{Link, OutlineItem, PageLabel, PagesHeader};
use form::{Findings, Place, Reason};

use crate::error::Error;
use edits::Edits;
use files::{Files, Lock};
use tree::Tree;
use writing::Writing;

pub(super) use tree::decode as text_of;
pub(super) use vertical::{VERTICAL_SUFFIX, plain, with_half_width_forms, with_vertical_forms};
pub(super) use writing::OWN_FONT;

/// A file made ready for the interpreter, and what is known of it.
pub(super) struct Prepared {
    /// The file for the interpreter where it had to be decrypted or put right; else the input serves.
    pub(super) rewritten: Option<Vec<u8>>,
    /// What the interpreter opens it with.
    pub(super) password: Option<Password>,
    /// Which passwords of the job have opened it.
    pub(super) opened: Opened,
    /// Title and language.
    pub(super) header: PagesHeader,
    /// The outline.
    pub(super) outline: Vec<OutlineItem>,
    /// The page labels.
    pub(super) labels: Vec<PageLabel>,
    /// Links by page, the first being 0, with areas and heights in the user space of the page that they are on or lead to.
    pub(super) links: Vec<(u32, Link)>,
    /// What was found.
    pub(super) findings: Findings,
    /// How many pages this reader sees, those of the list of comments included. Navigation means nothing when the interpreter sees
    /// another number.
    pub(super) page_count: Option<u32>,
    /// The files that were embedded, where they are asked for.
    pub(super) files: Files,
    /// Whether characters of fall-back fonts go through [`plain`].
    pub(super) vertical_forms: bool,
}

/// Opens and inspects a file and puts right what the interpreter would lose.
pub(super) fn prepare(input: &[u8], job: &DirtyJob) -> Result<Prepared, Error> {
    match open::open(input, job) {
        Ok(opened) => put_right(input, opened, Lock::Open, job),
        Err(error) => {
            let copy = open::without_lock_of_files(input).ok_or(error)?;
            let mut prepared = put_right(&copy, open::open(&copy, job)?, Lock::Locked, job)?;
            prepared.rewritten.get_or_insert(copy);
            Ok(prepared)
        }
    }
}

fn put_right(input: &[u8], opened: open::Opened, lock: Lock, job: &DirtyJob) -> Result<Prepared, Error> {
    let mut prepared = Prepared {
        rewritten: None,
        password: opened.password,
        opened: opened.opened,
        header: PagesHeader::default(),
        outline: Vec::new(),
        labels: Vec::new(),
        links: Vec::new(),
        findings: Findings::new(job.limits.findings),
        page_count: None,
        files: Files::of(lock),
        vertical_forms: false,
    };
    if opened.is_encrypted {
        prepared.findings.add(Reason::Decrypted, Place::default());
    }
    let Some(document) = opened.document else { return Ok(prepared) };
    let tree = Tree::new(&document, job.limits.pages);
    active::inspect(&tree, job.pages.embedded, &mut prepared.findings, &mut prepared.files);
    if revisions::is_changed(input, &document) {
        prepared.findings.add(Reason::EarlierVersions, Place::default());
    }
    navigation::read(&tree, &job.limits, &mut prepared);
    let mut edits = Edits::new(&document);
    let found = prepared.findings.clone();
    let mut writing = Writing::default();
    boxes::put_right(&tree, &mut edits);
    contents::put_right(&tree, input, &mut edits);
    annotations::put_right(&tree, &mut edits, &mut writing, &mut prepared.findings);
    prepared.vertical_forms = characters::put_right(&tree, &mut edits);
    programs::put_right(&tree, &mut edits, &mut prepared.findings);
    let listed = comments::list(&tree, job.pages.comments, &mut edits, &mut writing, &mut prepared.findings);
    writing.finish(&mut edits);
    let pages = tree.pages.len();
    prepared.page_count = u32::try_from(pages.saturating_add(listed)).ok();
    let decrypted = opened.must_be_rewritten;
    if edits.is_empty() && !decrypted {
        return Ok(prepared);
    }
    let password = prepared.password.as_ref().map_or("", Password::reveal);
    let wanted = match decrypted {
        true => None,
        false => open::pages_seen(input, password).map(|before| before.saturating_add(listed)),
    };
    let copies = edits.write(input, &document, opened.is_encrypted);
    let good = |copy: &Vec<u8>| decrypted || wanted.is_some() && open::pages_seen(copy, "") == wanted;
    let Some(copy) = copies.into_iter().find(good) else {
        // Nothing was drawn or listed, so nothing may be said to be.
        prepared.findings = found;
        comments::list(&tree, Extra::Drop, &mut edits, &mut Writing::default(), &mut prepared.findings);
        prepared.page_count = u32::try_from(pages).ok();
        prepared.vertical_forms = false;
        return Ok(prepared);
    };
    prepared.rewritten = Some(copy);
    prepared.password = None;
    Ok(prepared)
}

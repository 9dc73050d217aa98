//! Mails and archives: their children through their own rooms, then the new container around them.

use std::borrow::Cow;
use std::io::Read;
use std::pin::Pin;
use std::sync::Arc;

use form::document::{ContainerDoc, Document, MailDoc};
use form::job::Opened;
use form::mail::Child;
use form::name::{FileName, MemberPath};
use form::reason::{Class, Finding, Place, Reason, Refusal};
use form::report::{OutputType, PageLevels};
use futures_util::StreamExt;
use jail::{Hostile, Sealed, Source};

use crate::assemble::{self, Form};
use crate::naming::Taken;
use crate::outcome::{Defer, PartOutcome, PartVerdict};
use crate::part::{Attempt, Converted, Part, Run, Withheld, nothing_of, or_withheld, sanitise};
use crate::policy::AttachedMails;
use crate::{attached, embedded};

/// A mail or archive: its children first, then the new container around them.
pub(crate) async fn opened(
    run: &Run<'_>,
    form: &Form<'_>,
    reader: impl Read + Send,
    spill: Option<Hostile>,
    path: &str,
    depth: u32,
) -> Attempt {
    match Document::decode(reader, &run.policy.limits) {
        Ok(Document::Mail(doc)) => mail_part(run, form, doc, spill, path, depth).await,
        Ok(Document::Container(doc)) => archive_part(run, form, doc, spill, path, depth).await,
        Ok(
            Document::Text(_)
            | Document::Image(_)
            | Document::Table(_)
            | Document::Calendar(_)
            | Document::Card(_)
            | Document::Pages(_)
            | Document::Office(_),
        ) => Ok(Err(Refusal::plain(Reason::FormInvalid).into())),
        Err(error) => Ok(Err(error.refusal().into())),
    }
}

async fn mail_part(
    run: &Run<'_>,
    form: &Form<'_>,
    doc: MailDoc,
    spill: Option<Hostile>,
    path: &str,
    depth: u32,
) -> Attempt {
    if let Some(refusal) = crate::mail::unreadable_root(&doc) {
        return Ok(Err(refusal.into()));
    }
    if let Err(refusal) = run.budget.open(doc.children.len(), spilled(spill.as_ref())) {
        let detected_type = doc.detected.as_str().to_owned();
        return Ok(Err(Withheld { detected_type, ..refusal.into() }));
    }
    let mut doc = doc;
    doc.findings.extend(crate::mail::links_told(run.policy, &doc));
    // The form has the words, and they may be as long as all the rest. A file of a mail that came by itself is one file, and stays one.
    let as_text = depth > 0 && run.policy.attached == AttachedMails::Text;
    let body = Some(std::mem::take(&mut doc.body)).filter(|_| as_text);
    let children = children(run, &doc.children, spill.as_ref(), path, depth).await?;
    let account = crate::account::compose(run.policy, "", &doc.findings, &children).unwrap_or_default();
    let (output, assembled) = match body {
        Some(body) => {
            doc.findings.push(Finding { reason: Reason::MailAsText, count: 1, place: Place::default() });
            let text = attached::text(run.policy, &doc.header, &body, &account);
            drop(body);
            (OutputType::Text, assemble::text(run, text).await)
        }
        None => {
            let headers = crate::machine::headers(run.policy, "", &doc.findings, &children, path);
            (OutputType::Mail, assemble::mail(run, form, &account, &headers, &children).await)
        }
    };
    Ok(match or_withheld(run, assembled)? {
        Ok(fresh) => Ok(Converted {
            detected_type: doc.detected.as_str().to_owned(),
            output,
            findings: doc.findings,
            pages: 1,
            levels: PageLevels::default(),
            similarity: Vec::new(),
            recall: None,
            fresh,
            opened: Opened::NONE,
            children,
        }),
        Err(refusal) => Err(Withheld { children, ..refusal.into() }),
    })
}

async fn archive_part(
    run: &Run<'_>,
    form: &Form<'_>,
    doc: ContainerDoc,
    spill: Option<Hostile>,
    path: &str,
    depth: u32,
) -> Attempt {
    if let Err(refusal) = run.budget.open(doc.children.len(), spilled(spill.as_ref())) {
        let detected_type = doc.detected.as_str().to_owned();
        return Ok(Err(Withheld { detected_type, ..refusal.into() }));
    }
    let mut findings = doc.findings;
    let mut children = children(run, &doc.children, spill.as_ref(), path, depth).await?;
    let described = wanted(run, &doc.children, path);
    number_repeated(&described, &mut children);
    if is_emptied(children.len(), &findings) {
        let detected_type = doc.detected.as_str().to_owned();
        return Ok(Err(Withheld { detected_type, ..Refusal::plain(Reason::NothingLeft).into() }));
    }
    let withheld: Vec<&PartOutcome> = children.iter().filter(|child| child.verdict == PartVerdict::Withheld).collect();
    let decrypted = findings.iter().find(|finding| finding.reason == Reason::Decrypted).cloned();
    if let Some(first) = withheld.first().filter(|_| withheld.len() == children.len()) {
        // An empty archive would look as if the sender had sent nothing.
        let refusal = first.refusal.unwrap_or(Refusal::plain(Reason::UnsupportedType));
        let signature = children.iter().find_map(|child| child.signature.clone());
        let detected_type = doc.detected.as_str().to_owned();
        return Ok(Err(Withheld { refusal, detected_type, signature, children, decrypted, opened: doc.opened }));
    }
    if !withheld.is_empty() {
        let count = u32::try_from(withheld.len()).unwrap_or(u32::MAX);
        findings.push(Finding { reason: Reason::MemberWithheld, count, place: Place::default() });
    }
    let password = doc.opened.of(run.passwords).next().filter(|_| run.policy.encrypt_again);
    let assembled = assemble::archive(run, form, &described, &children, password).await;
    if password.is_some() {
        findings.retain(|finding| finding.reason != Reason::Decrypted);
        findings.push(Finding { reason: Reason::EncryptedAgain, count: 1, place: Place::default() });
    }
    Ok(match or_withheld(run, assembled)? {
        Ok(fresh) => Ok(Converted {
            detected_type: doc.detected.as_str().to_owned(),
            output: OutputType::Zip,
            findings,
            pages: 1,
            levels: PageLevels::default(),
            similarity: Vec::new(),
            recall: None,
            fresh,
            opened: doc.opened,
            children,
        }),
        Err(refusal) => Err(Withheld { children, decrypted, opened: doc.opened, ..refusal.into() }),
    })
}

/// Whether all that an archive held was left out: an empty one would look as if the sender had sent nothing.
fn is_emptied(children: usize, findings: &[Finding]) -> bool {
    children == 0 && findings.iter().any(|finding| finding.reason.class() == Class::Removed)
}

pub(crate) fn spilled(spill: Option<&Hostile>) -> u64 {
    spill.map_or(0, Hostile::len)
}

/// Two members may get one name when both change their type (`a.bmp` beside `a.png`).
fn number_repeated(described: &[Child], outcomes: &mut [PartOutcome]) {
    let mut taken = Taken::default();
    for (child, outcome) in described.iter().zip(outcomes.iter_mut()) {
        let within = child.path.as_ref().map(folder).unwrap_or_default();
        if let Some(name) = outcome.output_name.take() {
            let (free, numbered) = taken.free(&within, &name);
            if numbered {
                outcome.findings.push(Finding { reason: Reason::DuplicateName, count: 1, place: Place::default() });
            }
            outcome.output_name = Some(free);
        }
    }
    for (child, outcome) in described.iter().zip(outcomes) {
        let within = child.path.as_ref().map(folder).unwrap_or_default();
        embedded::number(outcome, &mut taken, &within);
    }
}

fn folder(path: &MemberPath) -> String {
    let names: Vec<&str> = path.directories().iter().map(FileName::as_str).collect();
    names.join("/")
}

/// Takes the wanted children through their own rooms, several at once, and keeps their order.
pub(crate) async fn children(
    run: &Run<'_>,
    described: &[Child],
    spill: Option<&Hostile>,
    path: &str,
    depth: u32,
) -> Result<Vec<PartOutcome>, Defer> {
    let mut outcomes = Vec::with_capacity(described.len());
    let mut tasks = Vec::with_capacity(described.len());
    for (index, child) in described.iter().enumerate() {
        let path = below(path, index);
        if run.wanted.is_some_and(|wanted| !wanted.has(&path)) {
            continue;
        }
        let task: Pin<Box<dyn Future<Output = Result<PartOutcome, Defer>> + Send + '_>> =
            Box::pin(one_child(run, child, spill, path, depth.saturating_add(1)));
        tasks.push(task);
    }
    let mut running = futures_util::stream::iter(tasks).buffered(run.policy.parallel_parts.max(1));
    while let Some(outcome) = running.next().await {
        outcomes.push(outcome?);
    }
    Ok(outcomes)
}

/// What is said of the children that are wanted, in step with what [`children`] makes of them.
fn wanted<'a>(run: &Run<'_>, described: &'a [Child], path: &str) -> Cow<'a, [Child]> {
    match run.wanted {
        None => Cow::Borrowed(described),
        Some(wanted) => {
            let numbered = described.iter().enumerate();
            numbered.filter(|(index, _)| wanted.has(&below(path, *index))).map(|(_, child)| child.clone()).collect()
        }
    }
}

/// The path of a child.
fn below(path: &str, index: usize) -> String {
    let number = index.saturating_add(1);
    if path.is_empty() { number.to_string() } else { format!("{path}.{number}") }
}

async fn one_child(
    run: &Run<'_>,
    child: &Child,
    spill: Option<&Hostile>,
    path: String,
    depth: u32,
) -> Result<PartOutcome, Defer> {
    let range = spill.and_then(|spill| spill.source(child.offset, child.len));
    let (source, refusal) = match (range, &child.withheld) {
        (Some(source), None) => (source, None),
        (Some(source), Some(refusal)) => (source, Some(*refusal)),
        (None, None) if child.len == 0 => (empty()?, None),
        // A range outside of the spill can only come from a room that lies; there is nothing to keep then.
        (None, None) => (empty()?, Some(Refusal::plain(Reason::FormInvalid))),
        (None, Some(refusal)) => (empty()?, Some(*refusal)),
    };
    let part = Part {
        path,
        name: child.name.clone(),
        declared_type: child.declared_type.clone(),
        source,
        inline: child.inline,
    };
    match refusal {
        None => sanitise(run, part, depth).await,
        Some(refusal) => Ok(PartOutcome { refusal: Some(refusal), ..nothing_of(part) }),
    }
}

fn empty() -> Result<Source, Defer> {
    Sealed::from_bytes(&[]).map(Arc::new).map(Source::whole).map_err(Defer::Input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_of_which_nothing_is_left_is_not_delivered_but_one_that_was_empty_is() {
        let finding = |reason| Finding { reason, count: 1, place: Place::default() };
        assert!(is_emptied(0, &[finding(Reason::EmptyDirectory)]));
        assert!(!is_emptied(1, &[finding(Reason::EmptyDirectory)]));
        assert!(!is_emptied(0, &[finding(Reason::MemberNameCharset)]));
        assert!(!is_emptied(0, &[]));
    }
}

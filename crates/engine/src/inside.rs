//! One part of a mail or archive again, by its place in the tree: for a look at it long after the tree was walked.

use form::codec::{Decoder, Event, Kind};
use form::document::Document;
use form::job::{DirtyJob, DirtyOp};
use form::mail::Child;
use form::name::FileName;
use form::reason::{Reason, Refusal};
use jail::{Hostile, Source};

use crate::assemble::SourceReader;
use crate::outcome::Defer;
use crate::part::{Run, dirty_job, refused, unless_ours};
use crate::rooms;

/// What lies at the root of a tree of parts.
#[derive(Debug, Clone)]
pub enum Whole {
    /// A mail, whatever it looks like.
    Mail,
    /// A file that came by itself.
    File(FileName),
}

/// Opens one container after the other, each in a dirty room, down to the part at `path`; the whole is the part at the empty path.
pub(crate) async fn find(
    run: &Run<'_>,
    whole: Source,
    kind: &Whole,
    path: &str,
) -> Result<Result<Source, Refusal>, Defer> {
    let (mut source, mut name) = match kind {
        Whole::Mail => (whole, None),
        Whole::File(name) => (whole, Some(name.clone())),
    };
    for (depth, number) in (0..).zip(path.split('.').filter(|number| !number.is_empty())) {
        if let Err(refusal) = run.budget.enter(depth) {
            return Ok(Err(refusal));
        }
        let (children, spill) = match open(run, &source, name).await? {
            Ok(opened) => opened,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if let Err(refusal) = run.budget.open(children.len(), spill.as_ref().map_or(0, Hostile::len)) {
            return Ok(Err(refusal));
        }
        let index = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let child = index.and_then(|index| children.into_iter().nth(index));
        let Some(child) = child else { return Ok(Err(Refusal::plain(Reason::FormInvalid))) };
        if let Some(refusal) = child.withheld {
            return Ok(Err(refusal));
        }
        let Some(range) = spill.and_then(|spill| spill.source(child.offset, child.len)) else {
            return Ok(Err(Refusal::plain(Reason::FormInvalid)));
        };
        (source, name) = (range, Some(child.name));
    }
    Ok(Ok(source))
}

async fn open(
    run: &Run<'_>,
    source: &Source,
    name: Option<FileName>,
) -> Result<Result<(Vec<Child>, Option<Hostile>), Refusal>, Defer> {
    let op = if name.is_some() { DirtyOp::Auto } else { DirtyOp::Mail };
    let job = DirtyJob { declared_name: name, ..dirty_job(run, op) };
    let limits = rooms::limits(run.policy, &run.budget, source.len);
    let outcome = rooms::dirty(run.pool, source.clone(), &job, limits).await?;
    run.budget.spend_on(&outcome.verdict, outcome.usage.wall);
    if let Some(withheld) = refused(&outcome.verdict) {
        return unless_ours(withheld.refusal);
    }
    let form = outcome.form.and_then(|form| form.source(0, form.len()));
    let Some(form) = form else { return Ok(Err(Refusal::plain(Reason::RoomProtocol))) };
    let decoder = Decoder::new(SourceReader::new(form.clone()), &run.policy.limits);
    if decoder.as_ref().is_ok_and(|decoder| !matches!(decoder.kind(), Kind::Mail | Kind::Container)) {
        return Ok(decoder
            .map_err(|error| error.refusal())
            .and_then(embedded)
            .map(|children| (children, outcome.spill)));
    }
    Ok(match Document::decode(SourceReader::new(form), &run.policy.limits) {
        Ok(Document::Mail(mail)) => Ok((mail.children, outcome.spill)),
        Ok(Document::Container(archive)) => Ok((archive.children, outcome.spill)),
        Ok(
            Document::Text(_)
            | Document::Image(_)
            | Document::Table(_)
            | Document::Calendar(_)
            | Document::Card(_)
            | Document::Pages(_)
            | Document::Office(_),
        ) => Err(Refusal::plain(Reason::FormInvalid)),
        Err(error) => Err(error.refusal()),
    })
}

/// The files embedded in a document, of which nothing else is kept: its form may be larger than memory.
fn embedded(mut document: Decoder<SourceReader>) -> Result<Vec<Child>, Refusal> {
    let mut children = Vec::new();
    loop {
        match document.next().map_err(|error| error.refusal())? {
            Event::Child(child) => children.push(child),
            Event::End => return Ok(children),
            _ => {}
        }
    }
}

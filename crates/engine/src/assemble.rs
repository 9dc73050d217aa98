//! The last clean room: verified form, account and rebuilt children in one bundle, a new mail or archive out of it.

use std::io::{self, BufWriter, Read};
use std::sync::Arc;

use form::bundle::{BundleWriter, ChildMeta, ExtraHeader, HeaderName};
use form::codec::EncodeError;
use form::detected::DetectedType;
use form::document::TextDoc;
use form::job::{CleanJob, CleanOp, Password};
use form::mail::Child;
use form::reason::{Reason, Refusal};
use form::text::{Line, Text};
use jail::{Fresh, Hostile, Sealed, Source};

use crate::account::Account;
use crate::outcome::{Defer, PartOutcome};
use crate::part::{Run, clean_job, refused, unless_ours};
use crate::policy::Policy;
use crate::rooms;

/// Where the form of a container comes from. Either is verified again by the clean room that assembles.
pub(crate) enum Form<'a> {
    /// Straight from the dirty room.
    Unverified(&'a Hostile),
    /// Written by a clean room.
    Verified(&'a Fresh),
    /// A dirty room's, decoded and written again with what the site adds.
    Amended(&'a Source),
    /// Composed by the engine itself, for notices.
    Own(&'a [u8]),
}

/// A header field of our own: name and value.
pub(crate) type OwnHeader<'a> = (&'a str, String);

/// Assembles a mail. The inner error is the clean room's refusal.
pub(crate) async fn mail(
    run: &Run<'_>,
    form: &Form<'_>,
    account: &Account,
    extra: &[OwnHeader<'_>],
    parts: &[PartOutcome],
) -> Result<Result<Fresh, Refusal>, Defer> {
    let bundle = match write_bundle(run.policy, form, account, extra, parts, &[]) {
        Ok(bundle) => bundle,
        Err(error) => return unbundled(error),
    };
    assemble(run, bundle, &clean_job(run, CleanOp::AssembleMail)).await
}

/// Assembles a delivery report: text for people, and the facts for programs as header fields named `X-Report-…`.
pub(crate) async fn report(
    run: &Run<'_>,
    form: &Form<'_>,
    facts: &[OwnHeader<'_>],
) -> Result<Result<Fresh, Refusal>, Defer> {
    let bundle = match write_bundle(run.policy, form, &Account::default(), facts, &[], &[]) {
        Ok(bundle) => bundle,
        Err(error) => return unbundled(error),
    };
    assemble(run, bundle, &clean_job(run, CleanOp::AssembleReport)).await
}

/// Assembles an archive, encrypted where there is a password; `described` gives the folders of `members`.
pub(crate) async fn archive(
    run: &Run<'_>,
    form: &Form<'_>,
    described: &[Child],
    members: &[PartOutcome],
    password: Option<&Password>,
) -> Result<Result<Fresh, Refusal>, Defer> {
    let bundle = match write_bundle(run.policy, form, &Account::default(), &[], members, described) {
        Ok(bundle) => bundle,
        Err(error) => return unbundled(error),
    };
    assemble(run, bundle, &CleanJob { password: password.cloned(), ..clean_job(run, CleanOp::AssembleZip) }).await
}

/// Writes a text file.
pub(crate) async fn text(run: &Run<'_>, text: Text) -> Result<Result<Fresh, Refusal>, Defer> {
    let doc = TextDoc { detected: DetectedType::UNKNOWN, source: None, text, findings: Vec::new() };
    let form = match Sealed::builder().map_err(EncodeError::Io).and_then(|out| doc.encode(out, &run.policy.limits)) {
        Ok(form) => form.seal().map_err(Defer::Input)?,
        Err(error) => return unbundled(error),
    };
    drop(doc);
    assemble(run, Source::whole(Arc::new(form)), &clean_job(run, CleanOp::Part)).await
}

async fn assemble(run: &Run<'_>, bundle: Source, job: &CleanJob) -> Result<Result<Fresh, Refusal>, Defer> {
    let limits = rooms::own_limits(run.policy, bundle.len);
    let outcome = rooms::clean(run.pool, bundle, job, limits).await?;
    Ok(match (refused(&outcome.verdict), outcome.fresh) {
        (Some(withheld), _) => return unless_ours(withheld.refusal),
        (None, Some(fresh)) => Ok(fresh),
        (None, None) => Err(Refusal::plain(Reason::RoomProtocol)),
    })
}

/// A bound that a bundle or a form exceeds is the document's fault, a memory file that fails is ours.
pub(crate) fn unbundled<T>(error: EncodeError) -> Result<Result<T, Refusal>, Defer> {
    match error {
        EncodeError::Io(error) => Err(Defer::Input(error)),
        error => Ok(Err(error.refusal())),
    }
}

fn write_bundle(
    policy: &Policy,
    form: &Form<'_>,
    account: &Account,
    extra: &[OwnHeader<'_>],
    parts: &[PartOutcome],
    described: &[Child],
) -> Result<Source, EncodeError> {
    let mut bundle = BundleWriter::new(BufWriter::new(Sealed::builder()?), &policy.limits)?;
    match form {
        Form::Unverified(form) => {
            let whole = form.source(0, form.len());
            bundle.form(form.len(), &mut whole.map(SourceReader::new).unwrap_or_default())?;
        }
        Form::Verified(form) => bundle.form(form.len(), &mut form.reader())?,
        Form::Amended(form) => bundle.form(form.len, &mut SourceReader::new((*form).clone()))?,
        Form::Own(bytes) => bundle.form(bytes.len() as u64, &mut &**bytes)?,
    }
    bundle.account(&Text::scrub(&account.top).0)?;
    if !account.list.is_empty() {
        bundle.list(&Text::scrub(&account.list).0)?;
    }
    for (name, value) in extra {
        let name = HeaderName::parse(name).map_err(|_| EncodeError::Failed)?;
        bundle.extra_header(&ExtraHeader { name, value: Line::scrub(value).0 })?;
    }
    for (index, part) in parts.iter().enumerate() {
        let (Some(fresh), Some(name), Some(output)) = (&part.fresh, &part.output_name, part.output) else { continue };
        let child = described.get(index);
        let meta = ChildMeta {
            id: u32::try_from(index).unwrap_or(u32::MAX),
            name: name.clone(),
            path: child.and_then(|child| child.path.as_ref()).and_then(|path| path.with_file_name(name.clone())),
            modified: child.and_then(|child| child.modified),
            output,
            inline: part.inline,
        };
        bundle.child(&meta, fresh.len(), &mut fresh.reader())?;
    }
    // What was embedded in a part comes after all parts, so that those keep the numbers by which the form knows them.
    let beside = (0..).zip(parts).flat_map(|(index, part)| part.beside().into_iter().map(move |file| (index, file)));
    for (number, (index, file)) in (parts.len()..).zip(beside) {
        let (Some(fresh), Some(name), Some(output)) = (&file.fresh, &file.output_name, file.output) else { continue };
        let folder = described.get(index).and_then(|child| child.path.as_ref());
        let meta = ChildMeta {
            id: u32::try_from(number).unwrap_or(u32::MAX),
            name: name.clone(),
            path: folder.and_then(|path| path.with_file_name(name.clone())),
            modified: None,
            output,
            inline: false,
        };
        bundle.child(&meta, fresh.len(), &mut fresh.reader())?;
    }
    let sealed = bundle.finish()?.into_inner().map_err(|error| EncodeError::Io(error.into_error()))?.seal()?;
    Ok(Source::whole(Arc::new(sealed)))
}

/// Reads one source from its beginning.
#[derive(Debug, Default)]
pub(crate) struct SourceReader {
    source: Option<Source>,
    at: u64,
}

impl SourceReader {
    pub(crate) fn new(source: Source) -> Self {
        Self { source: Some(source), at: 0 }
    }
}

impl Read for SourceReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(source) = &self.source else { return Ok(0) };
        let left = usize::try_from(source.len.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let Some(buffer) = buffer.get_mut(..wanted) else { return Ok(0) };
        let read = source.data.read_at(buffer, source.offset.saturating_add(self.at))?;
        self.at = self.at.saturating_add(read as u64);
        Ok(read)
    }
}

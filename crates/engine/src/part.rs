//! One attachment, member or upload: scanner, rooms, and its children in turn.

use std::borrow::Cow;
use std::io::Read;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use form::codec::{Decoder, Kind};
use form::detected::DetectedType;
use form::document::{ContainerDoc, Document, MailDoc};
use form::job::{CleanJob, CleanOp, DirtyJob, DirtyOp, ImagePolicy, Legacy, Opened, Password};
use form::limits::Limits;
use form::mail::Child;
use form::name::{FileName, MemberPath};
use form::reason::{Class, Finding, Place, Reason, Refusal};
use form::report::{CleanReport, OutputType, PageLevels};
use form::text::Line;
use futures_util::StreamExt;
use jail::{CleanOutcome, Fresh, Hostile, Pool, Sealed, Source, Verdict};

use crate::assemble::{self, Form, SourceReader};
use crate::budget::Budget;
use crate::foreign::{self, Foreign};
use crate::naming::{Taken, output_name};
use crate::outcome::{Defer, PageSimilarity, PartOutcome, PartVerdict, Patience, TextRecall};
use crate::policy::{AttachedMails, Policy};
use crate::rooms;
use crate::scan::{ScanVerdict, Scanner};
use crate::{attached, embedded, fidelity, office, recall};

/// What all parts of one mail or upload share.
pub(crate) struct Run<'a> {
    pub(crate) pool: &'a Pool,
    pub(crate) policy: &'a Policy,
    pub(crate) scanner: Option<&'a Scanner>,
    pub(crate) foreign: Option<&'a Foreign>,
    pub(crate) budget: Budget,
    pub(crate) seed: [u8; 16],
    pub(crate) passwords: &'a [Password],
    pub(crate) patience: Patience,
    /// Only these parts are converted; all of them where there is none.
    pub(crate) wanted: Option<&'a Wanted<'a>>,
}

/// Parts of a mail that are converted again, by their paths.
pub(crate) struct Wanted<'a> {
    /// These, with what lies in them.
    pub(crate) paths: &'a [String],
    /// But not these, with what lies in them.
    pub(crate) left_out: &'a [String],
}

impl Wanted<'_> {
    /// Whether the part is wanted, or holds one that is.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.paths.iter().any(|wanted| is_at_or_in(wanted, path)) || self.is_meant(path)
    }

    /// Whether the part itself is wanted: of the paths that it lies in, the longest decides.
    pub(crate) fn is_meant(&self, path: &str) -> bool {
        let around = |paths: &[String]| {
            paths.iter().filter(|outer| is_at_or_in(path, outer)).map(|outer| outer.len().saturating_add(1)).max()
        };
        around(self.paths) > around(self.left_out)
    }
}

/// Whether `path` is `outer` or a part below it: `2.1` is in `2`.
pub(crate) fn is_at_or_in(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// A part before anything was done to it.
pub(crate) struct Part {
    pub(crate) path: String,
    pub(crate) name: FileName,
    pub(crate) declared_type: Line,
    pub(crate) source: Source,
    pub(crate) inline: bool,
}

/// What came of a part besides its name and place.
pub(crate) struct Converted {
    pub(crate) detected_type: String,
    pub(crate) output: OutputType,
    pub(crate) findings: Vec<Finding>,
    pub(crate) pages: u32,
    pub(crate) levels: PageLevels,
    pub(crate) similarity: Vec<PageSimilarity>,
    pub(crate) recall: Option<TextRecall>,
    pub(crate) fresh: Fresh,
    pub(crate) opened: Opened,
    pub(crate) children: Vec<PartOutcome>,
}

/// Why a part does not pass, and what is known of it all the same.
pub(crate) struct Withheld {
    pub(crate) refusal: Refusal,
    pub(crate) detected_type: String,
    pub(crate) signature: Option<String>,
    pub(crate) children: Vec<PartOutcome>,
    /// A password opened it, or something in it.
    pub(crate) decrypted: Option<Finding>,
    pub(crate) opened: Opened,
}

impl From<Refusal> for Withheld {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal,
            detected_type: String::new(),
            signature: None,
            children: Vec::new(),
            decrypted: None,
            opened: Opened::NONE,
        }
    }
}

/// Either the part passes, or it is withheld, or everything waits.
pub(crate) type Attempt = Result<Result<Converted, Withheld>, Defer>;

/// Takes one part through scanner and rooms. Depth is bounded by the budget, so is the nesting of these futures.
pub(crate) fn sanitise<'a>(
    run: &'a Run<'a>,
    part: Part,
    depth: u32,
) -> Pin<Box<dyn Future<Output = Result<PartOutcome, Defer>> + Send + 'a>> {
    Box::pin(async move {
        let started = Instant::now();
        let attempt = convert(run, &part, depth).await?;
        let mut outcome = PartOutcome {
            path: part.path,
            output_name: None,
            detected_type: String::new(),
            output: None,
            verdict: PartVerdict::Withheld,
            refusal: None,
            signature: None,
            findings: Vec::new(),
            pages: 0,
            levels: PageLevels::default(),
            similarity: Vec::new(),
            recall: None,
            fresh: None,
            original: part.source,
            elapsed: started.elapsed(),
            inline: part.inline,
            opened: Opened::NONE,
            children: Vec::new(),
            name: part.name,
        };
        match attempt {
            Ok(converted) => {
                outcome.verdict = PartVerdict::Sanitised;
                outcome.output_name = Some(output_name(&outcome.name, converted.output.extension()));
                outcome.detected_type = converted.detected_type;
                outcome.output = Some(converted.output);
                outcome.findings = converted.findings;
                outcome.pages = converted.pages;
                outcome.levels = converted.levels;
                outcome.similarity = converted.similarity;
                outcome.recall = converted.recall;
                outcome.fresh = Some(converted.fresh);
                outcome.opened = converted.opened;
                outcome.children = converted.children;
                let mut taken = Taken::new();
                outcome.output_name = outcome.output_name.map(|name| taken.free("", name).0);
                embedded::number(&mut outcome, &mut taken, "");
            }
            Err(withheld) => {
                outcome.refusal = Some(withheld.refusal);
                outcome.detected_type = withheld.detected_type;
                outcome.signature = withheld.signature;
                outcome.children = withheld.children;
                outcome.opened = withheld.opened;
                outcome.findings = withheld.decrypted.into_iter().collect();
            }
        }
        Ok(outcome)
    })
}

async fn convert(run: &Run<'_>, part: &Part, depth: u32) -> Attempt {
    if let Err(refusal) = run.budget.enter(depth) {
        return Ok(Err(refusal.into()));
    }
    if let Some(withheld) = scan(run, &part.source).await? {
        return Ok(Err(withheld));
    }
    let attempt = if is_called_container(part) {
        one_room_first(run, part, depth).await?
    } else {
        both_rooms(run, part, depth).await?
    };
    let attempt = match attempt {
        Err(withheld) if foreign::may_convert(&withheld) => modernised(run, part, depth, withheld).await?,
        other => other,
    };
    let attempt = match attempt {
        Err(withheld) if office::has_words(run, &withheld) => words(run, part, depth, withheld).await?,
        other => other,
    };
    match attempt {
        Ok(converted) => office::finished(run, part, depth, converted).await,
        withheld => Ok(withheld),
    }
}

/// A document of a format that only LibreOffice reads: converted, then rebuilt like any other.
async fn modernised(run: &Run<'_>, part: &Part, depth: u32, withheld: Withheld) -> Attempt {
    let detected_type = withheld.detected_type.clone();
    let foreign::Modern { file, extension, findings } = match foreign::convert(run, &part.source, withheld).await? {
        Ok(modern) => modern,
        Err(withheld) => return Ok(Err(withheld)),
    };
    let Some(source) = file.source(0, file.len()) else { return Ok(Err(Refusal::plain(Reason::RoomProtocol).into())) };
    let modern = Part {
        path: part.path.clone(),
        name: output_name(&part.name, extension),
        declared_type: Line::default(),
        source,
        inline: part.inline,
    };
    Ok(match both_rooms(run, &modern, depth).await? {
        Ok(mut converted) => {
            converted.findings.splice(..0, findings);
            Ok(Converted { detected_type, ..converted })
        }
        Err(withheld) => Err(Withheld { detected_type, ..withheld }),
    })
}

/// The words of a document that LibreOffice did not convert, as a text. Where there are none either, its own word stands.
async fn words(run: &Run<'_>, part: &Part, depth: u32, withheld: Withheld) -> Attempt {
    let mut job = dirty_job(run, part);
    job.office.legacy = Legacy::Words;
    let read = both_rooms_as(run, part, &job, depth).await?;
    // LibreOffice may not have been there to say that a password is missing.
    Ok(read.map_err(|found| if found.refusal.reason == Reason::Encrypted { found } else { withheld }))
}

/// Mails and archives by name or label. A wrong guess costs time, never safety: either way the dirty room finds the true type.
fn is_called_container(part: &Part) -> bool {
    let extension = part.name.extension().map(str::to_ascii_lowercase).unwrap_or_default();
    // Parameters (`; charset=`) do not make it another type.
    let media = part.declared_type.as_str().split(';').next().unwrap_or_default();
    CONTAINER_EXTENSIONS.contains(&extension.as_str()) || CONTAINER_TYPES.contains(&media)
}

const CONTAINER_EXTENSIONS: &[&str] = &[
    "eml", "zip", "msg", "7z", "rar", "lzh", "lha", "lzs", "tar", "cab", "iso", "gz", "tgz", "bz2", "tbz", "tbz2",
    "xz", "txz", "zst", "tzst", "p7m", "hqx",
];

const CONTAINER_TYPES: &[&str] = &[
    "message/rfc822",
    "application/ms-tnef",
    "application/vnd.ms-outlook",
    "application/zip",
    "application/x-zip-compressed",
    "application/x-7z-compressed",
    "application/vnd.rar",
    "application/x-rar-compressed",
    "application/x-lzh",
    "application/x-lzh-compressed",
    "application/x-tar",
    "application/gzip",
    "application/x-gzip",
    "application/x-bzip2",
    "application/x-xz",
    "application/zstd",
    "application/vnd.ms-cab-compressed",
    "application/x-iso9660-image",
    "application/pkcs7-mime",
    "application/x-pkcs7-mime",
    "application/mac-binhex40",
    "application/applefile",
];

fn dirty_job(run: &Run<'_>, part: &Part) -> DirtyJob {
    DirtyJob {
        op: DirtyOp::Auto,
        declared_name: Some(part.name.clone()),
        declared_type: part.declared_type.clone(),
        limits: room_limits(run),
        passwords: run.passwords.iter().take(MAX_PASSWORDS).cloned().collect(),
        pages: run.policy.pages,
        office: run.policy.office_read,
        text: run.policy.text,
        preview: None,
    }
}

const MAX_PASSWORDS: usize = DirtyJob::MAX_PASSWORDS as usize;

/// The bounds of a dirty room: it may unpack no more than the mail has left.
pub(crate) fn room_limits(run: &Run<'_>) -> Limits {
    let limits = run.policy.limits.clone();
    Limits { spill_bytes: limits.spill_bytes.min(run.budget.bytes_left()), ..limits }
}

/// The form streams from the dirty into the clean room, which writes the file. A container comes out as its verified form.
pub(crate) async fn both_rooms(run: &Run<'_>, part: &Part, depth: u32) -> Attempt {
    both_rooms_as(run, part, &dirty_job(run, part), depth).await
}

async fn both_rooms_as(run: &Run<'_>, part: &Part, job: &DirtyJob, depth: u32) -> Attempt {
    let clean = clean_job(run, CleanOp::Part);
    let limits = rooms::limits(run.policy, &run.budget, part.source.len);
    let outcome = rooms::chain(run.pool, part.source.clone(), job, &clean, limits).await?;
    run.budget.spend(outcome.dirty.1.wall.max(outcome.clean.usage.wall));
    if let Some(withheld) = refused(outcome.verdict()) {
        return unless_not_now(run, withheld);
    }
    let written = match written(run, outcome.clean) {
        Ok(written) => written,
        Err(refusal) => return Ok(Err(refusal.into())),
    };
    match written.report.kind {
        Kind::Mail | Kind::Container => {
            let form = Form::Verified(&written.fresh);
            opened(run, &form, written.fresh.reader(), outcome.spill, &part.path, depth).await
        }
        Kind::Text
        | Kind::Image
        | Kind::Table
        | Kind::Calendar
        | Kind::Card
        | Kind::Pages
        | Kind::Sheet
        | Kind::Flow
        | Kind::Slides => Ok(Ok(document(run, part, written, outcome.spill, depth).await?)),
    }
}

/// What was written of a document, with figures on how good it is, and the files that were embedded in it.
async fn document(
    run: &Run<'_>,
    part: &Part,
    mut written: Written,
    spill: Option<Hostile>,
    depth: u32,
) -> Result<Converted, Defer> {
    let described = std::mem::take(&mut written.report.children);
    let unsearchable: Vec<Finding> = recall::flagged(&written.report, run.policy.recall_flagged).collect();
    let is_of_pages = written.report.kind == Kind::Pages;
    let mut converted = leaf(written);
    converted.findings.extend(unsearchable);
    if is_of_pages {
        let (rebuilt, pages, most) = (converted.fresh.source(), converted.pages, run.policy.compared_pages);
        fidelity::compared(run, &mut converted, &part.source, &part.name, &rebuilt, pages, most).await?;
    }
    converted.children = embedded::convert(run, &described, spill.as_ref(), &part.path, depth).await?;
    Ok(converted)
}

/// The form is kept: a container needs it when its children are done, and the clean room that assembles verifies it then.
async fn one_room_first(run: &Run<'_>, part: &Part, depth: u32) -> Attempt {
    let limits = rooms::limits(run.policy, &run.budget, part.source.len);
    let outcome = rooms::dirty(run.pool, part.source.clone(), &dirty_job(run, part), limits).await?;
    run.budget.spend(outcome.usage.wall);
    if let Some(withheld) = refused(&outcome.verdict) {
        return unless_not_now(run, withheld);
    }
    let Some(form) = outcome.form else { return Ok(Err(Refusal::plain(Reason::RoomProtocol).into())) };
    let Some(source) = form.source(0, form.len()) else { return Ok(Err(Refusal::plain(Reason::RoomProtocol).into())) };
    let kind = Decoder::new(SourceReader::new(source.clone()), &run.policy.limits).map(|decoder| decoder.kind());
    match kind {
        Ok(Kind::Mail | Kind::Container) => {
            let reader = SourceReader::new(source);
            opened(run, &Form::Unverified(&form), reader, outcome.spill, &part.path, depth).await
        }
        Ok(
            Kind::Text
            | Kind::Image
            | Kind::Table
            | Kind::Calendar
            | Kind::Card
            | Kind::Pages
            | Kind::Sheet
            | Kind::Flow
            | Kind::Slides,
        ) => {
            let limits = rooms::limits(run.policy, &run.budget, part.source.len);
            let spill = outcome.spill;
            let outcome = rooms::clean(run.pool, source, &clean_job(run, CleanOp::Part), limits).await?;
            run.budget.spend(outcome.usage.wall);
            match refused(&outcome.verdict) {
                Some(withheld) => unless_not_now(run, withheld),
                None => Ok(match written(run, outcome) {
                    Ok(written) => Ok(document(run, part, written, spill, depth).await?),
                    Err(refusal) => Err(refusal.into()),
                }),
            }
        }
        Err(error) => Ok(Err(error.refusal().into())),
    }
}

/// A container that cannot be put together because somebody ended the room is withheld alone in the last attempt.
pub(crate) fn or_withheld(
    run: &Run<'_>,
    assembled: Result<Result<Fresh, Refusal>, Defer>,
) -> Result<Result<Fresh, Refusal>, Defer> {
    match assembled {
        Err(Defer::Killed) if run.patience == Patience::Last => Ok(Err(Refusal::plain(Reason::RoomKilled))),
        other => other,
    }
}

fn unless_not_now(run: &Run<'_>, withheld: Withheld) -> Attempt {
    if withheld.refusal.reason == Reason::RoomKilled && run.patience == Patience::Last {
        return Ok(Err(withheld));
    }
    match our_fault(withheld.refusal.reason) {
        Some(defer) => Err(defer),
        None => Ok(Err(withheld)),
    }
}

/// A room that is not to be had, or that somebody ended from outside, says nothing of the document: it waits and is tried again.
/// A document that ended its own room is told by another reason.
pub(crate) fn our_fault(reason: Reason) -> Option<Defer> {
    match reason {
        Reason::RoomUnavailable => Some(Defer::NoRoom),
        Reason::RoomKilled => Some(Defer::Killed),
        _ => None,
    }
}

/// What a clean room wrote, with its report.
pub(crate) struct Written {
    pub(crate) fresh: Fresh,
    pub(crate) report: CleanReport,
}

pub(crate) fn written(run: &Run<'_>, outcome: CleanOutcome) -> Result<Written, Refusal> {
    let (Some(fresh), Some(report)) = (outcome.fresh, outcome.report) else {
        return Err(Refusal::plain(Reason::RoomProtocol));
    };
    match read_report(&report, run.policy) {
        Some(report) => Ok(Written { fresh, report }),
        None => Err(Refusal::plain(Reason::FormInvalid)),
    }
}

fn leaf(written: Written) -> Converted {
    let recall = recall::of(&written.report);
    Converted {
        detected_type: written.report.detected_type.as_str().to_owned(),
        output: written.report.output,
        findings: written.report.findings,
        pages: written.report.pages,
        levels: written.report.levels,
        similarity: Vec::new(),
        recall,
        fresh: written.fresh,
        opened: written.report.opened,
        children: Vec::new(),
    }
}

/// A mail or archive: its children first, then the new container around them.
async fn opened(
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

/// Asks the scanner. Something other than a clean answer withholds; no answer defers.
pub(crate) async fn scan(run: &Run<'_>, source: &Source) -> Result<Option<Withheld>, Defer> {
    let Some(scanner) = run.scanner else { return Ok(None) };
    Ok(match scanner.scan(source).await.map_err(Defer::Scanner)? {
        ScanVerdict::Clean => None,
        ScanVerdict::Infected(signature) => {
            Some(Withheld { signature: Some(signature), ..Refusal::plain(Reason::Infected).into() })
        }
        ScanVerdict::TooLarge => Some(Refusal::plain(Reason::ScannerUnavailable).into()),
    })
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
            let headers = crate::machine::headers("", &doc.findings, &children, path);
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

/// Whether all that an archive held was left out: an empty one would look as if the sender had sent nothing.
fn is_emptied(children: usize, findings: &[Finding]) -> bool {
    children == 0 && findings.iter().any(|finding| finding.reason.class() == Class::Removed)
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

pub(crate) fn spilled(spill: Option<&Hostile>) -> u64 {
    spill.map_or(0, Hostile::len)
}

/// Two members may get one name when both change their type (`a.bmp` beside `a.png`).
fn number_repeated(described: &[Child], outcomes: &mut [PartOutcome]) {
    let mut taken = Taken::new();
    for (child, outcome) in described.iter().zip(outcomes.iter_mut()) {
        let within = child.path.as_ref().map(folder).unwrap_or_default();
        if let Some(name) = outcome.output_name.take() {
            let (free, numbered) = taken.free(&within, name);
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
        Some(refusal) => Ok(withheld(part, refusal)),
    }
}

fn withheld(part: Part, refusal: Refusal) -> PartOutcome {
    PartOutcome {
        path: part.path,
        name: part.name,
        output_name: None,
        detected_type: String::new(),
        output: None,
        verdict: PartVerdict::Withheld,
        refusal: Some(refusal),
        signature: None,
        findings: Vec::new(),
        pages: 0,
        levels: PageLevels::default(),
        similarity: Vec::new(),
        recall: None,
        fresh: None,
        original: part.source,
        elapsed: std::time::Duration::ZERO,
        inline: part.inline,
        opened: Opened::NONE,
        children: Vec::new(),
    }
}

fn empty() -> Result<Source, Defer> {
    Sealed::from_bytes(&[]).map(Arc::new).map(Source::whole).map_err(Defer::Input)
}

/// What a room's verdict means for the part; `None` for success.
pub(crate) fn refused(verdict: &Verdict) -> Option<Withheld> {
    if let Verdict::Refused(refusal, detail) = verdict {
        let detected = DetectedType::from_detail(*detail).unwrap_or(DetectedType::UNKNOWN);
        return Some(Withheld { detected_type: detected.as_str().to_owned(), ..(*refusal).into() });
    }
    verdict.reason().map(|reason| Refusal::plain(reason).into())
}

pub(crate) fn clean_job(run: &Run<'_>, op: CleanOp) -> CleanJob {
    CleanJob {
        op,
        limits: run.policy.limits.clone(),
        image: ImagePolicy::default(),
        pages: run.policy.pages_output,
        links: run.policy.links,
        boundary_seed: run.seed,
        account: run.policy.account,
        charset: run.policy.charset,
        password: None,
        watermark: None,
    }
}

fn read_report(report: &Sealed, policy: &Policy) -> Option<CleanReport> {
    CleanReport::decode(&report.to_vec(rooms::MAX_REPORT_BYTES).ok()?, &policy.limits).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_paths_that_a_part_lies_in_the_longest_decides() {
        let own = |texts: &[&str]| -> Vec<String> { texts.iter().map(|text| (*text).to_owned()).collect() };
        let (paths, left_out) = (own(&["1", "1.2.1", "3.4"]), own(&["1.2", "30"]));
        let wanted = Wanted { paths: &paths, left_out: &left_out };
        for (path, has, meant) in [
            ("1", true, true),
            ("1.1", true, true),
            ("1.2", true, false),
            ("1.2.1", true, true),
            ("1.2.1.7", true, true),
            ("1.2.2", false, false),
            ("1.20", true, true),
            ("2", false, false),
            ("3", true, false),
            ("3.4", true, true),
            ("3.40", false, false),
        ] {
            assert_eq!((wanted.has(path), wanted.is_meant(path)), (has, meant), "{path}");
        }
    }

    #[test]
    fn an_archive_of_which_nothing_is_left_is_not_delivered_but_one_that_was_empty_is() {
        let finding = |reason| Finding { reason, count: 1, place: Place::default() };
        assert!(is_emptied(0, &[finding(Reason::EmptyDirectory)]));
        assert!(!is_emptied(1, &[finding(Reason::EmptyDirectory)]));
        assert!(!is_emptied(0, &[finding(Reason::MemberNameCharset)]));
        assert!(!is_emptied(0, &[]));
    }
}

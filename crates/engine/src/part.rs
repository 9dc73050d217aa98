//! One attachment, member or upload: scanner, rooms, and its children in turn.

use std::pin::Pin;
use std::time::{Duration, Instant};

use form::codec::{Decoder, Kind};
use form::detected::DetectedType;
use form::job::{CleanJob, CleanOp, DirtyJob, DirtyOp, Legacy, Opened, Password};
use form::limits::Limits;
use form::name::FileName;
use form::reason::{Finding, Reason, Refusal};
use form::report::{CleanReport, OutputType, PageLevels};
use form::text::Line;
use jail::{CleanOutcome, Fresh, Hostile, Pool, Sealed, Source, Verdict};

use crate::assemble::{Form, SourceReader};
use crate::budget::Budget;
use crate::container::opened;
use crate::foreign::{self, Foreign};
use crate::naming::{Taken, output_name};
use crate::outcome::{Defer, PageSimilarity, PartOutcome, PartVerdict, Patience, TextRecall};
use crate::policy::Policy;
use crate::progress::Progress;
use crate::rooms;
use crate::scan::{ScanVerdict, Scanner};
use crate::wanted::Wanted;
use crate::{embedded, fidelity, office, recall};

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
    /// Where the pages are counted that are done.
    pub(crate) progress: Option<&'a Progress>,
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
        let mut outcome = PartOutcome { elapsed: started.elapsed(), ..nothing_of(part) };
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
                let mut taken = Taken::default();
                outcome.output_name = outcome.output_name.map(|name| taken.free("", &name).0);
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

/// The part withheld, with no reason yet.
pub(crate) fn nothing_of(part: Part) -> PartOutcome {
    PartOutcome {
        path: part.path,
        name: part.name,
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
        elapsed: Duration::ZERO,
        inline: part.inline,
        opened: Opened::NONE,
        children: Vec::new(),
    }
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
    let foreign::Modern { file, extension, findings, names } =
        match foreign::convert(run, &part.source, withheld).await? {
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
    let mut job = part_job(run, &modern);
    job.names = names;
    // What LibreOffice writes has none, and what a room is told has one bound for all.
    job.passwords.clear();
    Ok(match both_rooms_as(run, &modern, &job, depth).await? {
        Ok(mut converted) => {
            converted.findings.splice(..0, findings);
            Ok(Converted { detected_type, ..converted })
        }
        Err(withheld) => Err(Withheld { detected_type, ..withheld }),
    })
}

/// The words of a document that LibreOffice did not convert, as a text. Where there are none either, its own word stands.
async fn words(run: &Run<'_>, part: &Part, depth: u32, withheld: Withheld) -> Attempt {
    let mut job = part_job(run, part);
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
    "xz", "txz", "zst", "tzst", "p7m", "hqx", "mbox",
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
    "application/mbox",
];

fn part_job(run: &Run<'_>, part: &Part) -> DirtyJob {
    DirtyJob {
        declared_name: Some(part.name.clone()),
        declared_type: part.declared_type.clone(),
        ..dirty_job(run, DirtyOp::Auto)
    }
}

/// What a dirty room is asked under the run's policy, with as many of the run's passwords as one job takes.
pub(crate) fn dirty_job(run: &Run<'_>, op: DirtyOp) -> DirtyJob {
    DirtyJob {
        passwords: run.passwords.iter().take(MAX_PASSWORDS).cloned().collect(),
        pages: run.policy.pages,
        office: run.policy.office_read,
        text: run.policy.text,
        ..DirtyJob::new(op, room_limits(run))
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
    both_rooms_as(run, part, &part_job(run, part), depth).await
}

async fn both_rooms_as(run: &Run<'_>, part: &Part, job: &DirtyJob, depth: u32) -> Attempt {
    let clean = clean_job(run, CleanOp::Part);
    let limits = rooms::limits(run.policy, &run.budget, part.source.len);
    let pages = run.progress.map(Progress::document);
    let outcome = rooms::chain(run.pool, part.source.clone(), job, &clean, limits, pages).await?;
    run.budget.spend_on(outcome.verdict(), outcome.dirty.1.wall.max(outcome.clean.usage.wall));
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
    let unsearchable = recall::flagged(&written.report, run.policy.recall_flagged);
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
    let outcome = rooms::dirty(run.pool, part.source.clone(), &part_job(run, part), limits).await?;
    run.budget.spend_on(&outcome.verdict, outcome.usage.wall);
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
            run.budget.spend_on(&outcome.verdict, outcome.usage.wall);
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

/// A room's refusal, where it says something of the document.
pub(crate) fn unless_ours<T>(refusal: Refusal) -> Result<Result<T, Refusal>, Defer> {
    match our_fault(refusal.reason) {
        Some(defer) => Err(defer),
        None => Ok(Err(refusal)),
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
        pages: run.policy.pages_output,
        links: run.policy.links,
        account: run.policy.account,
        charset: run.policy.charset,
        ..CleanJob::new(op, run.policy.limits.clone(), run.seed)
    }
}

fn read_report(report: &Sealed, policy: &Policy) -> Option<CleanReport> {
    CleanReport::decode(&report.to_vec(rooms::MAX_REPORT_BYTES).ok()?, &policy.limits).ok()
}

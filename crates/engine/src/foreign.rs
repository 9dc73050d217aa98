//! Documents that no reader of ours takes apart: LibreOffice, in a room of its own kind, turns them into files of today, which then
//! go through the rooms like any other. What it writes is as hostile as what it read.

use std::fmt;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use form::book_names::BookNames;
use form::document::Document;
use form::job::{DirtyJob, DirtyOp, Legacy, OfficePolicy};
use form::reason::{Finding, Place, Reason, Refusal};
use jail::{Conversion, ConvertFrom, ConvertTo, Converted, Converter, Hostile, Source, Verdict};
use tokio::sync::{OnceCell, oneshot};

use crate::assemble::SourceReader;
use crate::outcome::{Defer, Patience};
use crate::part::{Run, Withheld, dirty_job, our_fault, refused, unless_ours};
use crate::rooms;

/// LibreOffice, started when it is first needed: most runs of the command line never do.
pub struct Foreign {
    start: Starter,
    running: OnceCell<Option<Converter>>,
}

type Starter = Arc<dyn Fn() -> Result<Converter, jail::Error> + Send + Sync>;

impl Foreign {
    /// Starts by `start`, which may block for some seconds, at most once.
    pub fn new(start: impl Fn() -> Result<Converter, jail::Error> + Send + Sync + 'static) -> Self {
        Self { start: Arc::new(start), running: OnceCell::new() }
    }

    /// Whether there may be a converter: it runs, or nobody has asked for it yet.
    pub(crate) fn may_run(&self) -> bool {
        self.running.get().is_none_or(Option::is_some)
    }

    /// The converter, or nothing where there can be none; the log says why.
    pub async fn running(&self) -> Option<&Converter> {
        let start = Arc::clone(&self.start);
        let running = self.running.get_or_init(|| async move {
            match tokio::task::spawn_blocking(move || start()).await {
                Ok(Ok(converter)) => Some(converter),
                Ok(Err(error)) => {
                    tracing::warn!(event = "converter_unavailable", error = &error as &dyn std::error::Error);
                    None
                }
                Err(_) => None,
            }
        });
        running.await.as_ref()
    }
}

impl fmt::Debug for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Foreign").field("running", &self.running.initialized()).finish()
    }
}

/// A document in a format that our own rooms read.
pub(crate) struct Modern {
    pub(crate) file: Hostile,
    pub(crate) extension: &'static str,
    pub(crate) findings: Vec<Finding>,
    /// Names of the workbook that the converter did not read.
    pub(crate) names: BookNames,
}

/// A workbook for the converter.
struct Prepared {
    source: Source,
    findings: Vec<Finding>,
    names: BookNames,
}

/// Whether a converter could make something of what a dirty room withheld: of formats that it alone reads, also where they are
/// encrypted, for which it may have the password.
pub(crate) fn may_convert(withheld: &Withheld) -> bool {
    match withheld.refusal.reason {
        Reason::ConverterUnavailable => true,
        Reason::Encrypted => !candidates(&withheld.detected_type).is_empty(),
        _ => false,
    }
}

/// Has the document that a dirty room took for a `detected` converted; `withheld` is that room's word, which stands where there is
/// no converter.
pub(crate) async fn convert(
    run: &Run<'_>,
    source: &Source,
    withheld: Withheld,
) -> Result<Result<Modern, Withheld>, Defer> {
    let Some(foreign) = run.foreign else { return Ok(Err(withheld)) };
    let candidates = candidates(&withheld.detected_type);
    if candidates.is_empty() {
        return Ok(Err(withheld));
    }
    let Some(converter) = foreign.running().await else { return Ok(Err(withheld)) };
    let Prepared { source, mut findings, names } = match prepared(run, source, &withheld.detected_type).await? {
        Ok(Some(prepared)) => prepared,
        Ok(None) => Prepared { source: source.clone(), findings: Vec::new(), names: BookNames::default() },
        Err(refusal) => return Ok(Err(Withheld { refusal, ..withheld })),
    };
    let mut refusal = Refusal::plain(Reason::Malformed);
    for from in candidates {
        let to = from.editable().unwrap_or(ConvertTo::Pdf);
        let (converted, took) = with_passwords(run, converter, &source, *from, to).await?;
        run.budget.spend(took);
        match converted {
            Ok(file) => {
                let extension = to.extension();
                let place = Place::new(&format!("{} → {extension}", withheld.detected_type));
                findings.insert(0, Finding { reason: Reason::FormatConverted, count: 1, place });
                return Ok(Ok(Modern { file, extension, findings, names }));
            }
            Err(found) => refusal = found,
        }
        // Only a file that is of another generation than was tried is worth another filter.
        if refusal.reason != Reason::Malformed {
            break;
        }
    }
    // Of an encryption that it does not know, LibreOffice says that the document is broken.
    let is_known = withheld.refusal.reason == Reason::Encrypted && refusal.reason == Reason::Malformed;
    Ok(Err(if is_known { withheld } else { Withheld { refusal, ..withheld } }))
}

/// The workbook with values in place of formulas that the converter would make errors of, the names that it does not read, and what is told
/// of all that; `None` where it can go as it is. The inner error is a dirty room's refusal.
async fn prepared(run: &Run<'_>, source: &Source, detected: &str) -> Result<Result<Option<Prepared>, Refusal>, Defer> {
    // The only format of those below that the converter reads without the values of its formulas.
    if detected != "xlsb" {
        return Ok(Ok(None));
    }
    let job = DirtyJob {
        office: OfficePolicy { legacy: Legacy::Values, ..run.policy.office_read },
        ..dirty_job(run, DirtyOp::Auto)
    };
    let limits = rooms::limits(run.policy, &run.budget, source.len);
    let outcome = rooms::dirty(run.pool, source.clone(), &job, limits).await?;
    run.budget.spend_on(&outcome.verdict, outcome.usage.wall);
    if let Some(withheld) = refused(&outcome.verdict) {
        return match withheld.refusal.reason {
            Reason::ConverterUnavailable => Ok(Ok(None)),
            _ => unless_ours(withheld.refusal),
        };
    }
    let form = outcome.form.and_then(|form| form.source(0, form.len())).map(SourceReader::new).unwrap_or_default();
    let Ok(Document::Container(book)) = Document::decode(form, &run.policy.limits) else {
        return Ok(Err(Refusal::plain(Reason::FormInvalid)));
    };
    let (Some(spill), [own, listed]) = (outcome.spill, book.children.as_slice()) else {
        return Ok(Err(Refusal::plain(Reason::FormInvalid)));
    };
    let is_of_book =
        |finding: &Finding| matches!(finding.reason, Reason::FormulaValues | Reason::PrintAreas | Reason::NamesLost);
    let findings = book.findings.into_iter().filter(is_of_book).collect();
    let mut names = Vec::new();
    let read = spill
        .source(listed.offset, listed.len)
        .map(|listed| SourceReader::new(listed).take(NAMES_BYTES).read_to_end(&mut names).map(drop));
    let names = read.and_then(Result::ok).and_then(|()| BookNames::decode(&names).ok());
    Ok(match (spill.source(own.offset, own.len), names) {
        (Some(source), Some(names)) => Ok(Some(Prepared { source, findings, names })),
        _ => Err(Refusal::plain(Reason::FormInvalid)),
    })
}

/// Has a document printed as PDF, which is as hostile as the document: `detected` is what a dirty room took it for, or the extension of
/// what a clean room wrote. The time that it took, with success or without, counts for nobody: the caller says whose it is.
pub(crate) async fn print(
    run: &Run<'_>,
    source: &Source,
    detected: &str,
) -> Result<(Result<Hostile, Refusal>, Duration), Defer> {
    let unavailable = Ok((Err(Refusal::plain(Reason::ConverterUnavailable)), Duration::ZERO));
    let Some(foreign) = run.foreign else { return unavailable };
    let Some(converter) = foreign.running().await else { return unavailable };
    let mut refusal = Refusal::plain(Reason::UnsupportedType);
    let mut spent = Duration::ZERO;
    for from in candidates(detected) {
        let (printed, took) = with_passwords(run, converter, source, *from, ConvertTo::Pdf).await?;
        spent = spent.saturating_add(took);
        match printed {
            Ok(pages) => return Ok((Ok(pages), spent)),
            Err(found) => refusal = found,
        }
        if refusal.reason != Reason::Malformed {
            break;
        }
    }
    Ok((Err(refusal), spent))
}

/// The formats that a detected type can be, the likeliest first: Word 6 and Word 97 share a signature, and so do Excel 5 and 97.
fn candidates(detected: &str) -> &'static [ConvertFrom] {
    match detected {
        "doc" => &[ConvertFrom::Doc, ConvertFrom::DocOld],
        "xls" => &[ConvertFrom::Xls, ConvertFrom::XlsOld],
        "ppt" => &[ConvertFrom::Ppt],
        "rtf" => &[ConvertFrom::Rtf],
        "odt" => &[ConvertFrom::Odt],
        "ods" => &[ConvertFrom::Ods],
        "odp" => &[ConvertFrom::Odp],
        "odg" => &[ConvertFrom::Odg],
        "sxw" => &[ConvertFrom::Sxw, ConvertFrom::Sxc, ConvertFrom::Sxi],
        "xlsb" => &[ConvertFrom::Xlsb],
        "fodt" => &[ConvertFrom::Fodt],
        "fods" => &[ConvertFrom::Fods],
        "fodp" => &[ConvertFrom::Fodp],
        "wordml" => &[ConvertFrom::WordXml],
        "xmlss" => &[ConvertFrom::ExcelXml],
        "slk" => &[ConvertFrom::Slk],
        "dif" => &[ConvertFrom::Dif],
        // What our own rooms rebuild is only ever printed.
        "docx" | "docm" | "dotx" => &[ConvertFrom::Docx],
        "xlsx" | "xlsm" | "xltx" => &[ConvertFrom::Xlsx],
        "pptx" | "pptm" | "potx" | "ppsx" => &[ConvertFrom::Pptx],
        _ => &[],
    }
}

async fn with_passwords(
    run: &Run<'_>,
    converter: &Converter,
    source: &Source,
    from: ConvertFrom,
    to: ConvertTo,
) -> Result<(Result<Hostile, Refusal>, Duration), Defer> {
    let given = run.passwords.iter().map(|password| Some(jail::Password::new(password.reveal())));
    let mut last = Refusal::plain(Reason::Encrypted);
    let mut spent = Duration::ZERO;
    for password in std::iter::once(None).chain(given) {
        let (converted, took) = once(run, converter, source, from, to, password).await?;
        spent = spent.saturating_add(took);
        match converted {
            Err(refusal) if matches!(refusal.reason, Reason::Encrypted | Reason::WrongPassword) => last = refusal,
            other => return Ok((other, spent)),
        }
    }
    Ok((Err(last), spent))
}

async fn once(
    run: &Run<'_>,
    converter: &Converter,
    source: &Source,
    from: ConvertFrom,
    to: ConvertTo,
    password: Option<jail::Password>,
) -> Result<(Result<Hostile, Refusal>, Duration), Defer> {
    let limits = rooms::limits(run.policy, &run.budget, source.len);
    let deadline =
        limits.deadline.saturating_add(LEAST_TIME).min(run.budget.time_left().unwrap_or(Duration::from_millis(1)));
    let job = Conversion { source: source.clone(), from, to, password, deadline, out_bytes: limits.out_bytes };
    let (done, outcome) = oneshot::channel();
    converter.convert(job, move |converted| drop(done.send(converted)));
    let Converted { verdict, usage, output } = outcome.await.map_err(|_| Defer::NoRoom)?;
    if let Some(withheld) = refused(&verdict) {
        // In the last attempt a document whose room was ended from outside is withheld alone.
        let alone = withheld.refusal.reason == Reason::RoomKilled && run.patience == Patience::Last;
        return match our_fault(withheld.refusal.reason) {
            Some(defer) if !alone => Err(defer),
            _ => Ok((Err(withheld.refusal), usage.wall)),
        };
    }
    let file = match (verdict, output) {
        (Verdict::Ok, Some(file)) => Ok(file),
        _ => Err(Refusal::plain(Reason::RoomProtocol)),
    };
    Ok((file, usage.wall))
}

/// More than names of a workbook may have as bytes.
const NAMES_BYTES: u64 = 64 * 1024;
/// A large program has its own start of each document, whatever the size.
const LEAST_TIME: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encrypted_documents_that_the_converter_reads_are_given_to_it() {
        let withheld = |reason: Reason, detected: &str| Withheld {
            detected_type: detected.to_owned(),
            ..Withheld::from(Refusal::plain(reason))
        };
        for (reason, detected, expected) in [
            (Reason::ConverterUnavailable, "doc", true),
            (Reason::Encrypted, "doc", true),
            (Reason::Encrypted, "xls", true),
            // What the dirty room opens itself, or nobody does.
            (Reason::Encrypted, "ooxml", false),
            (Reason::Encrypted, "pdf", false),
            (Reason::Malformed, "doc", false),
        ] {
            assert_eq!(may_convert(&withheld(reason, detected)), expected, "{detected} {reason}");
        }
    }
}

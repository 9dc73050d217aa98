//! Office documents as pages: LibreOffice prints what a clean room wrote, never what the sender sent, and what it printed goes through
//! the rooms like any PDF from outside. Pages are delivered where the site wants that, shown in previews, and compared with the
//! original, which LibreOffice prints for nothing else.

use form::name::FileName;
use form::reason::{Class, Finding, Place, Reason, Refusal};
use form::report::OutputType;
use jail::{Hostile, Source};

use crate::naming::output_name;
use crate::outcome::Defer;
use crate::part::{Attempt, Converted, Part, Run, Withheld, both_rooms};
use crate::policy::{Fallback, OfficeOutput};
use crate::{fidelity, foreign, preview};

/// What is delivered of an Office document that was rebuilt, with a figure on how good it is where the policy wants one.
pub(crate) async fn finished(run: &Run<'_>, part: &Part, depth: u32, document: Converted) -> Attempt {
    let (wanted, most) = (run.policy.office, run.policy.office_compared_pages);
    if !is_document(document.output) || (wanted == OfficeOutput::Document && most == 0) {
        return Ok(Ok(document));
    }
    let printed = foreign::print(run, &document.fresh.source(), document.output.extension()).await;
    let (printed, took) = match (printed, wanted) {
        (Ok(printed), _) => printed,
        // A document that cannot be compared is a document all the same.
        (Err(_), OfficeOutput::Document) => return Ok(Ok(document)),
        (Err(defer), OfficeOutput::Pages) => return Err(defer),
    };
    // Whatever the printing is for, it is time of the mail: a hundred slow documents must not hold the converter for a day.
    run.budget.spend(took);
    let printed = match (printed.and_then(|pages| whole(&pages)), wanted) {
        (Ok(printed), _) => printed,
        (Err(_), OfficeOutput::Document) => return Ok(Ok(document)),
        (Err(refusal), OfficeOutput::Pages) => return Ok(Err(not_delivered(refusal, document))),
    };
    let mut delivered = match wanted {
        OfficeOutput::Document => document,
        OfficeOutput::Pages => match as_pages(run, part, depth, &printed, document).await? {
            Ok(pages) => pages,
            Err(withheld) => return Ok(Err(withheld)),
        },
    };
    if most > 0 && run.budget.time_left().is_ok() {
        compare(run, part, &mut delivered, printed, most).await;
    }
    Ok(Ok(delivered))
}

/// The pages in place of the document that they were printed from.
async fn as_pages(run: &Run<'_>, part: &Part, depth: u32, printed: &Source, document: Converted) -> Attempt {
    let pages = Part {
        path: part.path.clone(),
        name: output_name(&part.name, OutputType::Pdf.extension()),
        declared_type: form::text::Line::default(),
        source: printed.clone(),
        inline: part.inline,
    };
    let place = Place::new(&format!("{} → pdf", document.output.extension()));
    Ok(match both_rooms(run, &pages, depth).await? {
        // What was printed is judged by what it is: an archive in place of pages was not asked for.
        Ok(pages) if pages.output != OutputType::Pdf => {
            Err(not_delivered(Refusal::plain(Reason::RoomProtocol), document))
        }
        Ok(pages) => {
            let mut findings = document.findings;
            findings.push(Finding { reason: Reason::OfficeToPages, count: 1, place });
            // What is no part of the printed pages, such as words that ran over their edge, was never seen; a link was there to be used.
            let told = |reason: Reason| reason.class() != Class::Removed || reason == Reason::UnsafeLink;
            findings.extend(pages.findings.into_iter().filter(|finding| told(finding.reason)));
            Ok(Converted {
                detected_type: document.detected_type,
                findings,
                children: document.children,
                similarity: Vec::new(),
                opened: document.opened,
                ..pages
            })
        }
        Err(withheld) => Err(not_delivered(withheld.refusal, document)),
    })
}

fn not_delivered(refusal: Refusal, document: Converted) -> Withheld {
    Withheld {
        refusal,
        detected_type: document.detected_type,
        signature: None,
        children: document.children,
        decrypted: None,
        opened: document.opened,
    }
}

/// Prints the original too, and looks at some pages of both. Where that cannot be done there is no figure: nothing waits for it.
async fn compare(run: &Run<'_>, part: &Part, delivered: &mut Converted, printed: Source, most: u32) {
    let Ok((original, took)) = foreign::print(run, &part.source, &delivered.detected_type).await else { return };
    run.budget.spend(took);
    let Ok(original) = original.and_then(|pages| whole(&pages)) else { return };
    let rebuilt = if is_document(delivered.output) { printed } else { delivered.fresh.source() };
    let name = output_name(&part.name, OutputType::Pdf.extension());
    let (Ok(Ok(before)), Ok(Ok(after))) = (
        preview::count(run, original.clone(), name.clone()).await,
        preview::count(run, rebuilt.clone(), name.clone()).await,
    ) else {
        return;
    };
    if before != after {
        let place = Place::new(&format!("{before} → {after}"));
        delivered.findings.push(Finding { reason: Reason::PageCountDiffers, count: 1, place });
    }
    let compared = fidelity::compared(run, delivered, &original, &name, &rebuilt, before.min(after), most).await;
    // Pages that could not be looked at have no figure, and those that could keep theirs.
    drop(compared);
}

/// Whether the words of a withheld document are wanted and may be had. What is behind a password or beyond a limit stays where it is.
pub(crate) fn has_words(run: &Run<'_>, withheld: &Withheld) -> bool {
    let failed = matches!(
        withheld.refusal.reason,
        Reason::ConverterUnavailable
            | Reason::Malformed
            | Reason::RoomCrash
            | Reason::RoomPolicyKill
            | Reason::RoomTimeout
            | Reason::RoomCpuLimit
            | Reason::RoomMemoryLimit
            | Reason::RoomOutputLimit
    );
    let known = matches!(withheld.detected_type.as_str(), "doc" | "xls" | "ppt" | "rtf");
    run.policy.office_fallback == Fallback::Text && failed && known
}

/// A rebuilt Office document as PDF, for further rooms. The extension of `name` says what it is.
pub(crate) async fn pages(run: &Run<'_>, rebuilt: &Source, name: &FileName) -> Result<Result<Source, Refusal>, Defer> {
    let extension = name.extension().unwrap_or_default().to_ascii_lowercase();
    let (printed, _) = foreign::print(run, rebuilt, &extension).await?;
    Ok(printed.and_then(|pages| whole(&pages)))
}

fn whole(pages: &Hostile) -> Result<Source, Refusal> {
    pages.source(0, pages.len()).ok_or(Refusal::plain(Reason::RoomProtocol))
}

/// Whether this is a Word, Excel or PowerPoint document.
fn is_document(output: OutputType) -> bool {
    matches!(
        output,
        OutputType::Docx
            | OutputType::Dotx
            | OutputType::Xlsx
            | OutputType::Xltx
            | OutputType::Pptx
            | OutputType::Potx
            | OutputType::Ppsx
    )
}

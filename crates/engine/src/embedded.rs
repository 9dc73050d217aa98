//! Files that were embedded in a document: each is a part of its own, and what became of it lies beside the document.

use std::borrow::Cow;

use form::DetectedType;
use form::document::ContainerDoc;
use form::mail::Child;
use form::reason::{Finding, Place, Reason};
use form::report::OutputType;
use jail::Hostile;

use crate::assemble;
use crate::container::{children, spilled};
use crate::naming::Taken;
use crate::outcome::{Defer, PartOutcome, PartVerdict};
use crate::part::{Run, or_withheld};

/// Converts them. Where they are more than the mail may bring, the document passes without them.
pub(crate) async fn convert(
    run: &Run<'_>,
    described: &[Child],
    spill: Option<&Hostile>,
    path: &str,
    depth: u32,
) -> Result<Vec<PartOutcome>, Defer> {
    if described.is_empty() {
        return Ok(Vec::new());
    }
    children(run, &within_budget(run, described, spill), spill, path, depth).await
}

/// The children of a mail or document; all withheld where together they are more than one mail may bring. What they came in passes
/// either way.
pub(crate) fn within_budget<'a>(run: &Run<'_>, described: &'a [Child], spill: Option<&Hostile>) -> Cow<'a, [Child]> {
    match run.budget.open(described.len(), spilled(spill)) {
        Ok(()) => Cow::Borrowed(described),
        Err(refusal) => {
            let withheld = |child: &Child| Child { withheld: child.withheld.or(Some(refusal)), ..child.clone() };
            described.iter().map(withheld).collect()
        }
    }
}

/// A document and the files beside it as one archive: a download is one file. What has nothing beside it stays as it is.
pub(crate) async fn packed(run: &Run<'_>, mut document: PartOutcome) -> Result<PartOutcome, Defer> {
    if document.beside().is_empty() {
        return Ok(document);
    }
    let around = ContainerDoc {
        detected: DetectedType::UNKNOWN,
        children: Vec::new(),
        findings: Vec::new(),
        opened: Default::default(),
    };
    let Ok(around) = around.encode(Vec::new(), &run.policy.limits) else { return Ok(document) };
    let form = assemble::Form::Own(&around);
    match or_withheld(run, assemble::archive(run, &form, &[], std::slice::from_ref(&document), None).await)? {
        Ok(archive) => {
            let name = document.output_name.take();
            document.output_name = name.map(|name| name.with_extension(OutputType::Zip.extension()));
            document.output = Some(OutputType::Zip);
            document.fresh = Some(archive);
        }
        // The files are too much for one archive: none of them passes.
        Err(refusal) => {
            document.output_name = None;
            document.output = None;
            document.fresh = None;
            document.verdict = PartVerdict::Withheld;
            document.refusal = Some(refusal);
        }
    }
    Ok(document)
}

/// Gives each file beside `document` a name that none of the others in the folder has.
pub(crate) fn number(document: &mut PartOutcome, taken: &mut Taken, folder: &str) {
    if document.is_container() {
        return;
    }
    for file in &mut document.children {
        if let Some(name) = file.output_name.take() {
            let (free, numbered) = taken.free(folder, &name);
            if numbered && !file.findings.iter().any(|finding| finding.reason == Reason::DuplicateName) {
                file.findings.push(Finding { reason: Reason::DuplicateName, count: 1, place: Place::default() });
            }
            file.output_name = Some(free);
        }
        // As deep as the budget lets parts lie in parts.
        number(file, taken, folder);
    }
}

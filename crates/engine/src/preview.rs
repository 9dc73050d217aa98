//! One page as pixels: for a look at an original that nobody may open, and for the thumbnails of results.

use form::job::{CleanOp, DirtyJob, DirtyOp, Preview};
use form::name::FileName;
use form::reason::{Reason, Refusal};
use form::report::OutputType;
use form::text::Line;
use jail::{Fresh, Source};

use crate::outcome::{Defer, Drawn};
use crate::part::{Run, clean_job, our_fault, refused, room_limits, written};
use crate::rooms;

/// Draws a page in a dirty room and writes its pixels anew in a clean one.
pub(crate) async fn draw(
    run: &Run<'_>,
    document: Source,
    name: FileName,
    wanted: Preview,
) -> Result<Result<Drawn, Refusal>, Defer> {
    let limits = rooms::limits(run.policy, &run.budget, document.len);
    let outcome =
        rooms::chain(run.pool, document, &dirty_job(run, name, wanted), &clean_job(run, CleanOp::Part), limits).await?;
    if let Some(withheld) = refused(&outcome.dirty.0).or_else(|| refused(&outcome.clean.verdict)) {
        return unless_ours(withheld.refusal);
    }
    let drawn = written(run, outcome.clean).and_then(|written| {
        let (width, height) = size(&written.fresh).ok_or(Refusal::plain(Reason::FormInvalid))?;
        // A hijacked room may send any picture that verifies; it is shown in a browser, so it must be what was asked for.
        let fits = width.max(height) <= u32::from(wanted.max_side).saturating_add(ROUNDING);
        if written.report.output == OutputType::Png && fits {
            Ok(Drawn { png: written.fresh, width, height })
        } else {
            Err(Refusal::plain(Reason::FormInvalid))
        }
    });
    Ok(drawn)
}

/// How many pages there are to look at. A dirty room that is asked for one past the last says how many there are.
pub(crate) async fn count(run: &Run<'_>, document: Source, name: FileName) -> Result<Result<u32, Refusal>, Defer> {
    let limits = rooms::limits(run.policy, &run.budget, document.len);
    let wanted = Preview { page: PAST_THE_LAST, max_side: 1 };
    let outcome = rooms::dirty(run.pool, document, &dirty_job(run, name, wanted), limits).await?;
    let Some(withheld) = refused(&outcome.verdict) else { return Ok(Err(Refusal::plain(Reason::RoomProtocol))) };
    match withheld.refusal {
        Refusal { reason: Reason::LimitPages, limit, value } if value == u64::from(PAST_THE_LAST) => {
            Ok(match u32::try_from(limit) {
                Ok(0) | Err(_) => Err(Refusal::plain(Reason::Malformed)),
                Ok(pages) => Ok(pages),
            })
        }
        refusal => unless_ours(refusal),
    }
}

fn dirty_job(run: &Run<'_>, name: FileName, wanted: Preview) -> DirtyJob {
    DirtyJob {
        op: DirtyOp::Preview,
        declared_name: Some(name),
        declared_type: Line::default(),
        limits: room_limits(run),
        passwords: run.passwords.to_vec(),
        pages: run.policy.pages,
        preview: Some(wanted),
    }
}

fn unless_ours<T>(refusal: Refusal) -> Result<Result<T, Refusal>, Defer> {
    match our_fault(refusal.reason) {
        Some(defer) => Err(defer),
        None => Ok(Err(refusal)),
    }
}

/// Width and height as they stand in the first chunk (PNG specification 11.2.2) of what our own room wrote.
fn size(png: &Fresh) -> Option<(u32, u32)> {
    let mut head = [0; 24];
    let read = png.sealed().read_at(&mut head, 0).ok()?;
    let (signature, rest) = head.split_first_chunk::<8>()?;
    let (_, rest) = rest.split_first_chunk::<8>()?;
    let (width, rest) = rest.split_first_chunk::<4>()?;
    let (height, _) = rest.split_first_chunk::<4>()?;
    (read == head.len() && signature == b"\x89PNG\r\n\x1a\n")
        .then(|| (u32::from_be_bytes(*width), u32::from_be_bytes(*height)))
}

/// No document has so many pages.
const PAST_THE_LAST: u32 = u32::MAX;
/// A side of a page scaled by a fraction may come out one pixel longer.
const ROUNDING: u32 = 1;

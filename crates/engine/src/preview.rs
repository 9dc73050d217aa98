//! One page as pixels: for a look at an original that nobody may open, and for the thumbnails of results.

use form::job::{CleanJob, CleanOp, DirtyJob, DirtyOp, Preview, Watermark};
use form::name::FileName;
use form::reason::{Reason, Refusal};
use form::report::OutputType;
use jail::Source;

use crate::outcome::{Defer, Drawn};
use crate::part::{Run, Written, clean_job, dirty_job, refused, unless_ours, written};
use crate::rooms;

/// Draws a page in a dirty room and writes its pixels anew in a clean one.
pub(crate) async fn draw(
    run: &Run<'_>,
    document: Source,
    name: FileName,
    wanted: Preview,
    mark: Option<Watermark>,
) -> Result<Result<Drawn, Refusal>, Defer> {
    let limits = rooms::limits(run.policy, &run.budget, document.len);
    let clean = CleanJob { watermark: mark, ..clean_job(run, CleanOp::Part) };
    let outcome = rooms::chain(run.pool, document, &preview_job(run, name, wanted), &clean, limits, None).await?;
    if let Some(withheld) = refused(outcome.verdict()) {
        return unless_ours(withheld.refusal);
    }
    let drawn = written(run, outcome.clean).and_then(|Written { fresh, report }| {
        let mut head = [0; HEAD];
        let read = fresh.sealed().read_at(&mut head, 0).unwrap_or(0);
        match size(head.get(..read).unwrap_or_default(), report.output, wanted.max_side) {
            Some((width, height)) => Ok(Drawn { png: fresh, width, height }),
            None => Err(Refusal::plain(Reason::FormInvalid)),
        }
    });
    Ok(drawn)
}

/// How many pages there are to look at. A dirty room that is asked for one past the last says how many there are.
pub(crate) async fn count(run: &Run<'_>, document: Source, name: FileName) -> Result<Result<u32, Refusal>, Defer> {
    let limits = rooms::limits(run.policy, &run.budget, document.len);
    let wanted = Preview { page: PAST_THE_LAST, max_side: 1 };
    let outcome = rooms::dirty(run.pool, document, &preview_job(run, name, wanted), limits).await?;
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

fn preview_job(run: &Run<'_>, name: FileName, wanted: Preview) -> DirtyJob {
    DirtyJob { declared_name: Some(name), preview: Some(wanted), ..dirty_job(run, DirtyOp::Preview) }
}

/// Width and height as they stand in the first chunk (PNG specification 11.2.2) of what our own room wrote; `None` unless it is what
/// was asked for. A hijacked dirty room may send any picture that verifies, and this one is shown in a browser.
fn size(head: &[u8], output: OutputType, max_side: u16) -> Option<(u32, u32)> {
    let (signature, rest) = head.split_first_chunk::<8>()?;
    let (_, rest) = rest.split_first_chunk::<8>()?;
    let (width, rest) = rest.split_first_chunk::<4>()?;
    let (height, _) = rest.split_first_chunk::<4>()?;
    let (width, height) = (u32::from_be_bytes(*width), u32::from_be_bytes(*height));
    let is_png = output == OutputType::Png && signature == b"\x89PNG\r\n\x1a\n";
    let fits = width.max(height) <= u32::from(max_side).saturating_add(ROUNDING);
    (is_png && fits).then_some((width, height))
}

/// Signature, length and name of the first chunk, width, height.
const HEAD: usize = 24;
/// No document has so many pages.
const PAST_THE_LAST: u32 = u32::MAX;
/// A side of a page scaled by a fraction may come out one pixel longer.
const ROUNDING: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_png_of_the_size_that_was_asked_for_is_shown() {
        let head = |width: u32, height: u32| {
            let mut head = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
            head.extend(width.to_be_bytes());
            head.extend(height.to_be_bytes());
            head
        };
        assert_eq!(size(&head(1131, 1600), OutputType::Png, 1600), Some((1131, 1600)));
        assert_eq!(size(&head(1601, 1), OutputType::Png, 1600), Some((1601, 1)), "rounded up");
        assert_eq!(size(&head(1602, 1), OutputType::Png, 1600), None);
        assert_eq!(size(&head(1, u32::MAX), OutputType::Png, u16::MAX), None);
        assert_eq!(size(&head(10, 10), OutputType::Jpeg, 1600), None, "of another type");
        assert_eq!(size(&head(10, 10)[..23], OutputType::Png, 1600), None, "cut off");
        assert_eq!(size(&[b'<'; 24], OutputType::Png, 1600), None, "no PNG at all");
    }
}

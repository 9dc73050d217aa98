//! One page as pixels: for a look at an original that nobody may open, and for the thumbnails of results.

use form::job::{CleanJob, CleanOp, DirtyJob, DirtyOp, ImagePolicy, Preview};
use form::name::FileName;
use form::reason::{Reason, Refusal};
use form::text::Line;
use jail::{Fresh, Source};

use crate::outcome::Defer;
use crate::part::{Run, our_fault, refused, room_limits};
use crate::rooms;

/// Draws a page in a dirty room and writes its pixels anew in a clean one.
pub(crate) async fn draw(
    run: &Run<'_>,
    document: Source,
    name: FileName,
    wanted: Preview,
) -> Result<Result<Fresh, Refusal>, Defer> {
    let dirty = DirtyJob {
        op: DirtyOp::Preview,
        declared_name: Some(name),
        declared_type: Line::default(),
        limits: room_limits(run),
        passwords: run.passwords.to_vec(),
        pages: run.policy.pages,
        preview: Some(wanted),
    };
    let clean = CleanJob {
        op: CleanOp::Part,
        limits: run.policy.limits.clone(),
        image: ImagePolicy::default(),
        pages: run.policy.pages_output,
        boundary_seed: run.seed,
        account: run.policy.account,
    };
    let limits = rooms::limits(run.policy, &run.budget, document.len);
    let outcome = rooms::chain(run.pool, document, &dirty, &clean, limits).await?;
    let refusal =
        refused(&outcome.dirty.0).or_else(|| refused(&outcome.clean.verdict)).map(|withheld| withheld.refusal);
    match (refusal, outcome.clean.fresh) {
        (Some(refusal), _) => match our_fault(refusal.reason) {
            Some(defer) => Err(defer),
            None => Ok(Err(refusal)),
        },
        (None, Some(fresh)) => Ok(Ok(fresh)),
        (None, None) => Ok(Err(Refusal::plain(Reason::RoomProtocol))),
    }
}

//! Which half of a chain is to blame when it failed.
//!
//! One cause usually ends both halves: a clean room that dies breaks the dirty room's pipe, and a dirty room that dies cuts the
//! clean room's input short, which then refuses a form that is not whole. Which end is heard of first is a race, so it counts
//! for nothing here. What counts is which ends cannot follow from the other half's.

use crate::verdict::{Judgement, Verdict};
use crate::wire::Role;

/// How a chain ended, with each half's end as it is told.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Joint {
    /// The half whose verdict is the chain's.
    pub(super) cause: Role,
    pub(super) dirty: Judgement,
    pub(super) clean: Judgement,
}

/// Puts the end of a chain down to one of its halves.
///
/// An end of the dirty half's own is never brought about by the clean half: when that is gone, the dirty half says so
/// ([`Judgement::PeerGone`]) or is ended by the supervisor ([`Judgement::Stopped`]). So it is the cause where there is one. The
/// clean half's ends are no such proof, because it refuses (or trips over) a form that was cut short.
pub(super) fn joint(dirty: Judgement, clean: Judgement) -> Joint {
    use Judgement::{Done, Failed, PeerGone, Stopped, StreamTooLong};
    let joint = |cause, dirty, clean| Joint { cause, dirty, clean };
    match (dirty, clean) {
        (dirty @ Failed(_), StreamTooLong) if dirty != Failed(Verdict::Killed) => joint(Role::Dirty, dirty, Stopped),
        (Done { .. } | PeerGone | Stopped | StreamTooLong | Failed(_), StreamTooLong) => {
            joint(Role::Dirty, Failed(Verdict::OutputLimit), Stopped)
        }
        (dirty @ (Failed(_) | StreamTooLong), clean @ (Done { .. } | PeerGone | Stopped | Failed(_))) => {
            joint(Role::Dirty, dirty, clean)
        }
        // One that says it is done without having read the form to its end has not verified it.
        (PeerGone, Done { .. }) => joint(Role::Clean, Stopped, Failed(Verdict::Protocol)),
        // It lived until it was stopped, so either it closed its input itself or the dirty half lies: neither room is ours.
        (PeerGone, Stopped) => joint(Role::Clean, Failed(Verdict::Protocol), Failed(Verdict::Protocol)),
        (PeerGone, clean @ (PeerGone | Failed(_))) => joint(Role::Clean, Stopped, clean),
        (Stopped, clean @ (PeerGone | Failed(_))) => joint(Role::Clean, Stopped, clean),
        // The supervisor stops no half beside one that did well, and never both.
        (Stopped, Done { .. } | Stopped) => joint(Role::Dirty, Failed(Verdict::Killed), Stopped),
        (dirty @ Done { .. }, clean @ (Done { .. } | PeerGone | Stopped | Failed(_))) => {
            joint(Role::Clean, dirty, clean)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Crash;
    use Judgement::{Failed, PeerGone, Stopped, StreamTooLong};
    use form::reason::{Reason, Refusal};

    const DONE: Judgement = Judgement::Done { out: 1, side: 0 };

    fn refused() -> Verdict {
        Verdict::Refused(Refusal { reason: Reason::FormInvalid, limit: 0, value: 0 }, [0; 16])
    }

    #[track_caller]
    fn check(dirty: Judgement, clean: Judgement, cause: Role, verdict: &Verdict) {
        let joint = joint(dirty, clean);
        assert_eq!(joint.cause, cause);
        let blamed = if cause == Role::Dirty { joint.dirty } else { joint.clean };
        assert_eq!(blamed, Failed(verdict.clone()));
    }

    #[test]
    fn a_dirty_half_killed_from_outside_is_the_cause_whatever_the_cut_form_did_to_the_clean_half() {
        for clean in [DONE, Stopped, PeerGone, Failed(refused()), Failed(Verdict::Crash(Crash::Signal(11)))] {
            check(Failed(Verdict::Killed), clean, Role::Dirty, &Verdict::Killed);
        }
    }

    #[test]
    fn a_clean_half_that_failed_is_the_cause_where_the_dirty_half_only_ended_for_it() {
        for verdict in [refused(), Verdict::Crash(Crash::Signal(11)), Verdict::MemoryLimit, Verdict::Killed] {
            for dirty in [PeerGone, Stopped, DONE] {
                check(dirty, Failed(verdict.clone()), Role::Clean, &verdict);
            }
        }
    }

    #[test]
    fn a_pipe_that_broke_beside_a_living_clean_half_is_a_broken_protocol() {
        check(PeerGone, DONE, Role::Clean, &Verdict::Protocol);
        check(PeerGone, Stopped, Role::Clean, &Verdict::Protocol);
    }

    #[test]
    fn a_form_above_the_limit_is_the_dirty_halfs_fault_however_that_ended() {
        for dirty in [DONE, PeerGone, Stopped, Failed(Verdict::Killed)] {
            check(dirty, StreamTooLong, Role::Dirty, &Verdict::OutputLimit);
        }
        check(Failed(Verdict::PolicyKill), StreamTooLong, Role::Dirty, &Verdict::PolicyKill);
    }
}

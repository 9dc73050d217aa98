//! What a job gives back.

use crate::sealed::{Fresh, Hostile, Sealed};
use crate::verdict::{Usage, Verdict};
use crate::wire::Role;

/// What a dirty room that worked alone gave.
#[derive(Debug)]
pub struct DirtyOutcome {
    /// How it ended.
    pub verdict: Verdict,
    /// What it used.
    pub usage: Usage,
    /// The form; only with [`Verdict::Ok`].
    pub form: Option<Hostile>,
    /// The spilled bytes of children; only with [`Verdict::Ok`], and only if there are any.
    pub spill: Option<Hostile>,
}

impl DirtyOutcome {
    pub(super) fn failed(verdict: Verdict) -> DirtyOutcome {
        DirtyOutcome { verdict, usage: Usage::default(), form: None, spill: None }
    }
}

/// What a clean room gave.
#[derive(Debug)]
pub struct CleanOutcome {
    /// How it ended.
    pub verdict: Verdict,
    /// What it used.
    pub usage: Usage,
    /// The rebuilt file; only with [`Verdict::Ok`].
    pub fresh: Option<Fresh>,
    /// The report; only with [`Verdict::Ok`].
    pub report: Option<Sealed>,
}

impl CleanOutcome {
    pub(super) fn failed(verdict: Verdict) -> CleanOutcome {
        CleanOutcome { verdict, usage: Usage::default(), fresh: None, report: None }
    }
}

/// What a chain of both gave. It failed if either half failed; then there is neither a file nor a spill.
#[derive(Debug)]
pub struct ChainOutcome {
    /// How the dirty half ended and what it used.
    pub dirty: (Verdict, Usage),
    /// The spilled bytes of children; only if both halves are ok.
    pub spill: Option<Hostile>,
    /// What the clean half gave.
    pub clean: CleanOutcome,
    /// The half whose end brought about the other's.
    pub(super) cause: Role,
}

impl ChainOutcome {
    pub(super) fn failed(verdict: Verdict) -> ChainOutcome {
        ChainOutcome {
            dirty: (verdict.clone(), Usage::default()),
            spill: None,
            clean: CleanOutcome::failed(verdict),
            cause: Role::Dirty,
        }
    }

    /// How the chain ended: ok, or the verdict of the half that is the cause.
    ///
    /// When both fail it is nearly always for one cause (the other half sees its pipe break, or its input cut short), and the
    /// account names that one: a room killed from outside is tried again, a form that did not verify is not.
    pub fn verdict(&self) -> &Verdict {
        match self.cause {
            Role::Dirty => &self.dirty.0,
            Role::Clean => &self.clean.verdict,
        }
    }
}

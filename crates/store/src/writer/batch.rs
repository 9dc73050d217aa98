//! The operations of one transaction.

use std::sync::Arc;

use crate::Error;
use crate::complete::CompleteOp;
use crate::delivery::{DueOp, ResultsOp};
use crate::intake::AcceptOp;
use crate::unlock::ReleaseOp;
use crate::work::ClaimOp;
use crate::writer::Operation;

/// The operations, by kind.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) accepts: Vec<AcceptOp>,
    pub(super) completes: Vec<CompleteOp>,
    pub(super) results: Vec<ResultsOp>,
    pub(super) releases: Vec<ReleaseOp>,
    pub(super) others: Vec<Box<dyn Operation>>,
    pub(super) dues: Vec<DueOp>,
    pub(super) claims: Vec<ClaimOp>,
}

impl Batch {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.accepts.len()
            + self.completes.len()
            + self.results.len()
            + self.releases.len()
            + self.others.len()
            + self.dues.len()
            + self.claims.len()
    }

    /// Each by itself.
    pub(super) fn split(self) -> Vec<Batch> {
        let mut singles = Vec::with_capacity(self.len());
        singles.extend(self.accepts.into_iter().map(|op| Batch { accepts: vec![op], ..Batch::default() }));
        singles.extend(self.completes.into_iter().map(|op| Batch { completes: vec![op], ..Batch::default() }));
        singles.extend(self.results.into_iter().map(|op| Batch { results: vec![op], ..Batch::default() }));
        singles.extend(self.releases.into_iter().map(|op| Batch { releases: vec![op], ..Batch::default() }));
        singles.extend(self.others.into_iter().map(|op| Batch { others: vec![op], ..Batch::default() }));
        singles.extend(self.dues.into_iter().map(|op| Batch { dues: vec![op], ..Batch::default() }));
        singles.extend(self.claims.into_iter().map(|op| Batch { claims: vec![op], ..Batch::default() }));
        singles
    }

    /// Tells the callers; `shared` is the failure of the whole transaction.
    pub(super) fn answer(self, shared: Option<&Arc<Error>>, files: Files) {
        for mut op in self.accepts {
            if files == Files::Keep {
                op.keep_file();
            }
            op.reply.send(shared);
        }
        for mut op in self.completes {
            if files == Files::Keep {
                op.keep_files();
            }
            op.reply.send(shared);
        }
        for mut op in self.results {
            if files == Files::Keep {
                op.keep_file();
            }
            op.reply.send(shared);
        }
        for mut op in self.releases {
            if files == Files::Keep {
                op.keep_file();
            }
            op.reply.send(shared);
        }
        for op in self.others {
            op.answer(shared);
        }
        for op in self.dues {
            op.reply.send(shared);
        }
        for op in self.claims {
            op.reply.send(shared);
        }
    }
}

/// What to do with files that the transaction's rows name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Files {
    Keep,
    Remove,
}

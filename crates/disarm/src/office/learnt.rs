//! Parts that give numbers to what others name: they are read before all others, and mostly need not be read again.

use std::collections::HashMap;

use form::office::Markup;
use form::{Finding, Findings};

use super::account::Account;
use super::graph::Target;
use super::lower::Fault;
use super::lower::references::DEFINING;
use super::{Document, Held};
use crate::error::Error;

/// A part as it is written where nothing that it names is lost.
pub(super) struct Learnt {
    pub(super) steps: Vec<Markup>,
    pub(super) findings: Vec<Finding>,
    lost_pivots: bool,
}

impl Document<'_> {
    /// Reads the parts that give numbers to what others name, for those numbers. What comes of them is kept where all that they name was
    /// known already: reading them again would give the same.
    pub(super) fn learn(&mut self) -> Result<(), Error> {
        let reached = self.reached(&HashMap::new());
        let mut left = MAX_LEARNT_BYTES;
        for kind in DEFINING {
            for number in reached.iter().copied() {
                let Some(node) = self.graph.nodes.get(number).filter(|node| node.kind.name() == *kind) else {
                    continue;
                };
                let bytes = self.package.part_bytes(&node.name);
                let is_kept = bytes <= left;
                let mut own = Findings::new(self.part.job.limits.findings);
                let mut account = Account::new(&mut own);
                let mut steps = Vec::new();
                let lowered = self.lower(number, &HashMap::new(), &mut account, &mut |more| {
                    if is_kept {
                        steps.append(more);
                    }
                    more.clear();
                    Ok(())
                });
                match lowered {
                    Ok(told) => {
                        self.known.extend(told.known);
                        if is_kept && !told.looked_in_vain {
                            left = left.saturating_sub(bytes);
                            account.finish();
                            let findings = own.into_vec();
                            self.learnt.insert(number, Learnt { steps, findings, lost_pivots: self.lost_pivots });
                        }
                    }
                    // It is told, or refused, where it is written.
                    Err(Fault::Broken) => {}
                    Err(Fault::Fatal(error)) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// What came of a part when it was learnt from, where reading it again would give the same.
    pub(super) fn learnt(&mut self, number: usize, held: &HashMap<usize, Held>) -> Option<Learnt> {
        let learnt = self.learnt.remove(&number)?;
        let mut links = self.graph.nodes.get(number)?.links.iter();
        let has_changed = |target: &Target| match target {
            Target::Part(part) => matches!(held.get(part), Some(Held::Broken)),
            Target::Picture(picture) => self.words.contains_key(picture),
            Target::Link(_) | Target::Location(_) => false,
        };
        let is_same = learnt.lost_pivots == self.lost_pivots && !links.any(|(_, target)| has_changed(target));
        is_same.then_some(learnt)
    }
}

/// Parts that are kept, all together: their steps take some ten times as many bytes.
const MAX_LEARNT_BYTES: u64 = 4 * 1024 * 1024;

//! How far a document is, as its room says while it works.

use crate::room::PagesDone;
use std::sync::atomic::{AtomicU64, Ordering};

/// Pages of one document that are done, and how many it has. The numbers are the word of a dirty room: good for showing, not for trust.
#[derive(Debug, Default)]
pub struct Pages(AtomicU64);

impl Pages {
    /// What was said last; `None` before anything was, and of documents that have no pages.
    pub fn known(&self) -> Option<PagesDone> {
        let both = self.0.load(Ordering::Relaxed);
        let [done, of] = [both >> 32, both & u64::from(u32::MAX)].map(|half| u32::try_from(half).unwrap_or(0));
        (of > 0).then_some(PagesDone { done, of })
    }

    /// Its room has ended: nothing of it is left to do.
    pub fn end(&self) {
        if let Some(PagesDone { of, .. }) = self.known() {
            self.say(PagesDone { done: of, of });
        }
    }

    pub(super) fn say(&self, pages: PagesDone) {
        self.0.store(u64::from(pages.done) << 32 | u64::from(pages.of), Ordering::Relaxed);
    }
}

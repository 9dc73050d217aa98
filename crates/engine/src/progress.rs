//! How far a conversion is, for those who wait for it.

use std::sync::{Arc, Mutex, PoisonError};

use jail::Pages;
use jail::room::PagesDone;

/// Pages of one mail or upload that are done. Clones share it.
///
/// An archive, or a mail, may bring several documents, which are worked on at the same time: the sums of those that are known so far are
/// told, and grow with each that is begun. What has no pages, and what was done before anybody could look, counts for nothing.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// As many as the limits allow parts.
    documents: Arc<Mutex<Vec<Arc<Pages>>>>,
}

impl Progress {
    /// Pages done, of those that are known; `None` as long as none are. The numbers come from dirty rooms: good for showing, not for trust.
    pub fn pages(&self) -> Option<PagesDone> {
        let documents = self.documents.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = |one: PagesDone, next: PagesDone| PagesDone {
            done: one.done.saturating_add(next.done),
            of: one.of.saturating_add(next.of),
        };
        documents.iter().filter_map(|pages| pages.known()).reduce(sum)
    }

    /// A place for the pages of one more document.
    pub(crate) fn document(&self) -> Arc<Pages> {
        let pages = Arc::new(Pages::default());
        self.documents.lock().unwrap_or_else(PoisonError::into_inner).push(pages.clone());
        pages
    }
}

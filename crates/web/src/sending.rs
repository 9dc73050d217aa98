//! Batches into which files are still being sent: in memory only, as are files on their way.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use store::BatchId;

/// Which batches may get more files from a request or an announcement that is under way. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Sending(Arc<Mutex<HashMap<BatchId, usize>>>);

/// Files are being sent into a batch as long as this is there.
#[derive(Debug)]
pub(crate) struct StillSent {
    sending: Sending,
    batch: BatchId,
}

impl Sending {
    /// Whether more files may come.
    pub fn goes_on(&self, batch: BatchId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&batch)
    }

    /// More files may come until what this gives is dropped.
    pub(crate) fn begin(&self, batch: BatchId) -> StillSent {
        let mut batches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let senders = batches.entry(batch).or_default();
        *senders = senders.saturating_add(1);
        StillSent { sending: self.clone(), batch }
    }
}

impl Drop for StillSent {
    fn drop(&mut self) {
        let mut batches = self.sending.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(senders) = batches.get_mut(&self.batch) {
            *senders = senders.saturating_sub(1);
            if *senders == 0 {
                batches.remove(&self.batch);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_sent_into_until_the_last_of_its_senders_is_gone() {
        let (sending, batch) = (Sending::default(), BatchId(7));
        let first = sending.begin(batch);
        let second = sending.clone().begin(batch);
        drop(first);
        assert!(sending.goes_on(batch) && !sending.goes_on(BatchId(8)));
        drop(second);
        assert!(!sending.goes_on(batch));
        assert!(sending.0.lock().unwrap().is_empty(), "nothing is left of it");
    }
}

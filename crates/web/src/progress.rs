//! How far the conversions are that are under way: in memory only, for whoever waits for one.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use engine::{PagesDone, Progress};
use store::MessageId;

/// Conversions under way, as many as the gateway does at a time. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Conversions {
    begun: Arc<Mutex<HashMap<MessageId, Progress>>>,
}

/// One of them, as long as it is under way.
#[derive(Debug)]
pub struct Conversion {
    conversions: Conversions,
    message: MessageId,
    /// Where its engine writes down how far it is.
    pub progress: Progress,
}

impl Conversions {
    /// A message is being converted until what this gives is dropped.
    pub fn begin(&self, message: MessageId) -> Conversion {
        let progress = Progress::default();
        self.begun.lock().unwrap_or_else(PoisonError::into_inner).insert(message, progress.clone());
        Conversion { conversions: self.clone(), message, progress }
    }

    /// Pages of a message that are done, of those that are known by now. `None` for what has no pages, has just begun or is not under way.
    pub(crate) fn pages(&self, message: MessageId) -> Option<PagesDone> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner).get(&message)?.pages()
    }
}

impl Drop for Conversion {
    fn drop(&mut self) {
        self.conversions.begun.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.message);
    }
}

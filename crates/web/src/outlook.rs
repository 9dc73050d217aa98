//! What surrounds the gateway and grows old or ends: posted by whoever looks at it, read by the console.

use std::sync::{Arc, PoisonError, RwLock};

use store::Timestamp;

/// The board of what was seen. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Outlook(Arc<RwLock<Seen>>);

/// What was seen last.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// What the scanner says of itself; `None` where there is none or it did not answer yet.
    pub scanner: Option<String>,
    /// When the scanner's database was made.
    pub scanner_database: Option<Timestamp>,
    /// The certificates that the gateway presents.
    pub certificates: Vec<Certificate>,
    /// How the rooms are contained, in words.
    pub rooms: Option<String>,
}

/// A certificate that the gateway presents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The key of the configuration that names it.
    pub name: &'static str,
    /// When it ends; `None` where that could not be read.
    pub ends: Option<Timestamp>,
}

impl Outlook {
    /// Changes what is on the board.
    pub fn note(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// What is on the board.
    pub fn seen(&self) -> Seen {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

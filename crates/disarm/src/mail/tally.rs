//! Decoding with what is known of the sender, and what it had to assume or give up, counted over a whole mail.

use std::rc::Rc;

use crate::charset::{self, Decoded, Pictures};

/// Counts of charset trouble.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    pub(crate) guessed: u32,
    pub(crate) mismatched: u32,
    pub(crate) undecided: u32,
    pub(crate) undecodable: u32,
    pub(crate) gaiji: u32,
    /// Pictures of the phone that the mail comes from.
    pub(crate) pictures: Option<Rc<Pictures>>,
}

impl Tally {
    /// Decodes and counts.
    pub(crate) fn decode(&mut self, bytes: &[u8], label: Option<&str>) -> String {
        let decoded = charset::decode_from(bytes, label, self.pictures.as_deref());
        self.count(&decoded);
        decoded.text
    }

    /// Adds what one decoding found.
    pub(crate) fn count(&mut self, decoded: &Decoded) {
        self.guessed = self.guessed.saturating_add(u32::from(!decoded.certain && !decoded.mismatch));
        self.mismatched = self.mismatched.saturating_add(u32::from(decoded.mismatch));
        self.undecided = self.undecided.saturating_add(u32::from(decoded.undecided));
        self.undecodable = self.undecodable.saturating_add(decoded.undecodable);
        self.gaiji = self.gaiji.saturating_add(decoded.gaiji);
    }

    /// Whether nothing was assumed or given up.
    pub(crate) fn is_clean(&self) -> bool {
        [self.guessed, self.mismatched, self.undecided, self.undecodable, self.gaiji].iter().all(|count| *count == 0)
    }

    /// Adds the counts of another piece.
    pub(crate) fn add(&mut self, other: &Self) {
        self.guessed = self.guessed.saturating_add(other.guessed);
        self.mismatched = self.mismatched.saturating_add(other.mismatched);
        self.undecided = self.undecided.saturating_add(other.undecided);
        self.undecodable = self.undecodable.saturating_add(other.undecodable);
        self.gaiji = self.gaiji.saturating_add(other.gaiji);
    }
}

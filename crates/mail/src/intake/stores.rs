//! Whose store a mail is kept in.

use std::fmt::Debug;

use store::Store;

use crate::address::Address;

/// Finds the stores of those whom a mail is for. Where the gateway serves one organisation, that is a [`Store`].
///
/// Asked on the way of each mail: it must be cheap, and neither wait nor fail.
pub trait Stores: Debug + Send + Sync {
    /// Divides the recipients of one mail among the stores that are to keep it. Each stands in one share, in the order given, and no two
    /// shares have the same store. For no recipients it is one empty share: of the gateway itself.
    fn shares(&self, recipients: &[Address]) -> Vec<Share>;

    /// Domains that mail is taken for beside those of the configuration, in lower case.
    fn claimed(&self) -> Vec<String>;
}

/// What one store keeps of a mail: all of it, for some of its recipients.
#[derive(Debug, Clone)]
pub struct Share {
    /// Where it is kept.
    pub store: Store,
    /// Whom it is for.
    pub recipients: Vec<Address>,
}

impl Stores for Store {
    fn shares(&self, recipients: &[Address]) -> Vec<Share> {
        vec![Share { store: self.clone(), recipients: recipients.to_vec() }]
    }

    fn claimed(&self) -> Vec<String> {
        Vec::new()
    }
}

//! Whose a mail is, and where it is kept.

use std::fmt::Debug;
use std::sync::Arc;

use store::Store;

/// Whose the mail for a domain is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// The gateway's own organisation's: nobody has claimed the domain.
    Own,
    /// That of the tenant of this key, which has.
    Tenant(Arc<str>),
}

/// Knows which domain is whose. Tenants come and go while the gateway runs: it is asked at each recipient, and must neither wait nor fail.
pub trait Owners: Debug + Send + Sync {
    /// Whose the mail for a domain is: a name in lower case and in ASCII (A-labels, RFC 5890 2.3.2.1), or an address literal.
    fn owner(&self, domain: &str) -> Owner;
}

/// Knows where each keeps its mail. Where the gateway serves one organisation, that is a [`Store`].
pub trait Stores: Owners {
    /// The store of an owner; `None` where its mail cannot be taken now, and has to wait with its sender.
    fn store(&self, owner: &Owner) -> Option<Store>;
}

impl Owners for Store {
    fn owner(&self, _: &str) -> Owner {
        Owner::Own
    }
}

impl Stores for Store {
    fn store(&self, owner: &Owner) -> Option<Store> {
        (*owner == Owner::Own).then(|| self.clone())
    }
}

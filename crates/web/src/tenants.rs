//! The organisations that one gateway serves, as whoever runs it sees them: that they are there, how much waits for each, and never what.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use store::{Counts, TenantKey, TenantSettings};

use crate::{fault::Fault, texts::Texts};

/// Keeps the tenants. Nothing here leads to a message, a file, an account or a row of an audit of theirs.
pub trait Tenants: Debug + Send + Sync {
    /// Whether there is any beside the gateway's own organisation. Where there is none, nobody is shown that there could be.
    fn are_several(&self) -> bool;

    /// Every organisation, the gateway's own first.
    fn states(&self) -> TenantsFuture<'_, Vec<TenantState>>;

    /// Serves one more. The answer is the link by which its first administrator is made, once.
    fn add<'a>(
        &'a self,
        key: &'a TenantKey,
        settings: &'a TenantSettings,
        actor: &'a str,
    ) -> TenantsFuture<'a, Option<String>>;

    /// Changes name, domains or addresses. Mails and pages of the tenant may be refused for a moment while they take effect.
    fn change<'a>(&'a self, key: &'a TenantKey, settings: &'a TenantSettings, actor: &'a str) -> TenantsFuture<'a, ()>;

    /// Serves one no more of which no mail, file or withheld original is kept. What else its store holds, its audit above all, stays on disk.
    fn remove<'a>(&'a self, key: &'a TenantKey, actor: &'a str) -> TenantsFuture<'a, ()>;

    /// A new link for the first administrator; `None` when there is an account already.
    fn invite<'a>(&'a self, key: &'a TenantKey, actor: &'a str) -> TenantsFuture<'a, Option<String>>;
}

/// The tenants as handlers reach them: what is begun is done to its end, also when its client goes away meanwhile. A request that is dropped
/// midway would leave an organisation whose parts have stopped.
#[derive(Debug)]
pub(crate) struct Register(Arc<dyn Tenants>);

impl Register {
    pub(crate) fn new(tenants: Arc<dyn Tenants>) -> Self {
        Self(tenants)
    }

    pub(crate) async fn states(&self) -> Result<Vec<TenantState>, TenantFault> {
        self.0.states().await
    }

    pub(crate) async fn add(
        &self,
        key: &TenantKey,
        settings: &TenantSettings,
        actor: &str,
    ) -> Result<Option<String>, TenantFault> {
        let (tenants, key, settings, actor) = (self.0.clone(), key.clone(), settings.clone(), actor.to_owned());
        to_its_end(async move { tenants.add(&key, &settings, &actor).await }).await
    }

    pub(crate) async fn change(
        &self,
        key: &TenantKey,
        settings: &TenantSettings,
        actor: &str,
    ) -> Result<(), TenantFault> {
        let (tenants, key, settings, actor) = (self.0.clone(), key.clone(), settings.clone(), actor.to_owned());
        to_its_end(async move { tenants.change(&key, &settings, &actor).await }).await
    }

    pub(crate) async fn remove(&self, key: &TenantKey, actor: &str) -> Result<(), TenantFault> {
        let (tenants, key, actor) = (self.0.clone(), key.clone(), actor.to_owned());
        to_its_end(async move { tenants.remove(&key, &actor).await }).await
    }

    pub(crate) async fn invite(&self, key: &TenantKey, actor: &str) -> Result<Option<String>, TenantFault> {
        let (tenants, key, actor) = (self.0.clone(), key.clone(), actor.to_owned());
        to_its_end(async move { tenants.invite(&key, &actor).await }).await
    }
}

async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, TenantFault>> + Send + 'static,
) -> Result<T, TenantFault> {
    tokio::spawn(work).await.unwrap_or_else(|error| {
        tracing::error!(event = "tenants_work_failed", error = &error as &dyn std::error::Error);
        Err(TenantFault::Failed)
    })
}

/// The answer of [`Tenants`].
pub type TenantsFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, TenantFault>> + Send + 'a>>;

/// An organisation, seen from outside.
#[derive(Debug, Clone)]
pub struct TenantState {
    /// `None`: the gateway's own.
    pub key: Option<TenantKey>,
    /// Its name; may be empty for the gateway's own.
    pub name: String,
    /// Domains whose mail is theirs; none for the gateway's own, which has what nobody claims.
    pub domains: Vec<String>,
    /// Where its staff go.
    pub portal_url: String,
    /// Where its administrators go.
    pub admin_url: String,
    /// How much waits and was done; `None` when its store does not answer.
    pub counts: Option<Counts>,
}

/// Why something was not done with a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TenantFault {
    /// There is none of that key.
    #[error("there is no such tenant")]
    NotFound,
    /// The key is another's.
    #[error("there is a tenant with this key already")]
    KeyTaken,
    /// A domain is another's.
    #[error("one of the domains belongs to another tenant")]
    DomainTaken,
    /// The name in an address leads to another's site.
    #[error("the name in one of the addresses leads to another site")]
    AddressTaken,
    /// There are as many as are served.
    #[error("no more tenants are served")]
    TooMany,
    /// A name that is empty or too long, or too many domains.
    #[error("the name is empty or too long, or there are too many domains")]
    Value,
    /// It still has mails or files.
    #[error("it still has mails, files or withheld originals")]
    NotVacant,
    /// Its parts could not be started or asked; the log says why.
    #[error("it could not be done just now; the log says why")]
    Failed,
}

impl TenantFault {
    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::KeyTaken => "tenant_exists",
            Self::DomainTaken => "domain_taken",
            Self::AddressTaken => "address_taken",
            Self::TooMany => "too_many_tenants",
            Self::Value => "invalid_value",
            Self::NotVacant => "tenant_not_empty",
            Self::Failed => "internal",
        }
    }
}

impl From<store::Error> for TenantFault {
    /// What a failure of the list means to whoever changes it; the cause goes to the log.
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::NotFound(_) => Self::NotFound,
            store::Error::Exists("tenant") => Self::KeyTaken,
            store::Error::Exists("domain") => Self::DomainTaken,
            store::Error::Exists("address") => Self::AddressTaken,
            store::Error::Exists(_) => Self::TooMany,
            store::Error::Invalid(_) => Self::Value,
            other => {
                tracing::error!(event = "tenants_store_failed", error = &other as &dyn std::error::Error);
                Self::Failed
            }
        }
    }
}

/// What is said of it on pages.
pub(crate) fn words(fault: TenantFault, t: &Texts) -> &'static str {
    match fault {
        TenantFault::NotFound => t.fault_not_found,
        TenantFault::KeyTaken => t.tenant_key_taken,
        TenantFault::DomainTaken => t.tenant_domain_taken,
        TenantFault::AddressTaken => t.tenant_address_taken,
        TenantFault::TooMany => t.tenant_too_many,
        TenantFault::Value => t.tenant_value_bad,
        TenantFault::NotVacant => t.tenant_not_vacant,
        TenantFault::Failed => t.fault_internal,
    }
}

impl From<TenantFault> for Fault {
    fn from(fault: TenantFault) -> Self {
        match fault {
            TenantFault::NotFound => Self::NotFound,
            TenantFault::Value => Self::Value,
            TenantFault::Failed => Self::Internal,
            TenantFault::KeyTaken
            | TenantFault::DomainTaken
            | TenantFault::AddressTaken
            | TenantFault::TooMany
            | TenantFault::NotVacant => Self::Tenant(fault),
        }
    }
}

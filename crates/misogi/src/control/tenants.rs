//! What commands ask of the organisations that are served.

use serde::{Deserialize, Serialize};
use store::{Counts, MailDomain, SiteAddress, TenantKey, TenantSettings};
use web::{TenantFault, TenantState, Tenants};

/// What is to be done.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum TenantRequest {
    List,
    Add(TenantChange),
    Change(TenantChange),
    Remove { key: String },
    Invite { key: String },
}

/// A tenant as it is to be.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenantChange {
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) domains: Vec<String>,
    pub(crate) portal_url: String,
    pub(crate) admin_url: String,
}

/// What the gateway answers.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub(crate) enum TenantReply {
    Listed {
        tenants: Vec<Organisation>,
    },
    /// It is as it was asked to be. The link makes the first administrator.
    Done {
        invitation: Option<String>,
    },
    /// It is not, for this reason.
    Refused {
        reason: String,
        why: String,
    },
    /// The request could not be read, or the gateway that was asked is not to be asked such things.
    BadRequest,
}

/// An organisation that is served; figures are missing while its store does not answer.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Organisation {
    /// `None`: the gateway's own.
    pub(crate) key: Option<String>,
    pub(crate) name: String,
    pub(crate) domains: Vec<String>,
    pub(crate) portal_url: String,
    pub(crate) admin_url: String,
    pub(crate) waiting: Option<u64>,
    pub(crate) running: Option<u64>,
    pub(crate) to_deliver: Option<u64>,
}

/// Does what is asked, for a user of the machine.
pub(super) async fn answer(tenants: Option<&dyn Tenants>, request: TenantRequest, uid: u32) -> TenantReply {
    let Some(tenants) = tenants else { return TenantReply::BadRequest };
    let actor = format!("command line, uid {uid}");
    match done(tenants, request, &actor).await {
        Ok(reply) => reply,
        Err(fault) => TenantReply::Refused { reason: fault.name().to_owned(), why: fault.to_string() },
    }
}

async fn done(tenants: &dyn Tenants, request: TenantRequest, actor: &str) -> Result<TenantReply, TenantFault> {
    let invitation = match request {
        TenantRequest::List => {
            let tenants = tenants.states().await?.into_iter().map(organisation).collect();
            return Ok(TenantReply::Listed { tenants });
        }
        TenantRequest::Add(change) => match change.read() {
            Some((key, settings)) => tenants.add(&key, &settings, actor).await?,
            None => return Ok(TenantReply::BadRequest),
        },
        TenantRequest::Change(change) => match change.read() {
            Some((key, settings)) => {
                tenants.change(&key, &settings, actor).await?;
                None
            }
            None => return Ok(TenantReply::BadRequest),
        },
        TenantRequest::Remove { key } => {
            tenants.remove(&known(&key)?, actor).await?;
            None
        }
        TenantRequest::Invite { key } => tenants.invite(&known(&key)?, actor).await?,
    };
    Ok(TenantReply::Done { invitation })
}

fn known(key: &str) -> Result<TenantKey, TenantFault> {
    TenantKey::parse(key).ok_or(TenantFault::NotFound)
}

impl TenantChange {
    fn read(&self) -> Option<(TenantKey, TenantSettings)> {
        let domains = self.domains.iter().map(|domain| MailDomain::parse(domain)).collect::<Option<_>>()?;
        let (portal, admin) = (SiteAddress::parse(&self.portal_url)?, SiteAddress::parse(&self.admin_url)?);
        Some((TenantKey::parse(&self.key)?, TenantSettings { name: self.name.clone(), domains, portal, admin }))
    }
}

fn organisation(state: TenantState) -> Organisation {
    let TenantState { key, name, domains, portal_url, admin_url, counts } = state;
    let figure = |of: fn(&Counts) -> u64| counts.as_ref().map(of);
    Organisation {
        key: key.map(|key| key.as_str().to_owned()),
        name,
        domains,
        portal_url,
        admin_url,
        waiting: figure(|counts| counts.queued),
        running: figure(|counts| counts.running),
        to_deliver: figure(Counts::deliveries),
    }
}

//! `[oidc]`: signing in with accounts of the organisation at a provider (OpenID Connect).

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::directory::GroupRole;
use super::seconds;

/// A provider whose users may sign in. Off while `issuer` is not set.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Oidc {
    /// Its name, exactly as its tokens have it.
    pub(crate) issuer: Option<String>,
    /// PEM file of the certificate authorities that sign its certificate; not set: the system's.
    pub(crate) ca_file: Option<PathBuf>,
    /// The gateway's name there.
    pub(crate) client_id: String,
    /// File of one line: the gateway's secret there; not set: a public client.
    pub(crate) client_secret_file: Option<PathBuf>,
    /// What is asked for.
    pub(crate) scopes: Vec<String>,
    /// On which sites it is used: `portal`, `admin`.
    pub(crate) sites: Vec<OidcSite>,
    /// The claim with the account's name.
    pub(crate) name_claim: String,
    /// The claim with the mail address; empty: addresses are set in the console.
    pub(crate) mail_claim: String,
    /// The claim with the names of groups.
    pub(crate) group_claim: String,
    /// Methods (`amr`) that count as a second factor.
    pub(crate) second_factor_amr: Vec<String>,
    /// Classes (`acr`) that count as a second factor.
    pub(crate) second_factor_acr: Vec<String>,
    /// Longest time for one request to it.
    #[serde(with = "seconds")]
    pub(crate) deadline_seconds: Duration,
    /// How long it is believed after a sign-in.
    #[serde(with = "seconds")]
    pub(crate) session_seconds: Duration,
    /// Whether it is asked again in passing (`prompt=none`) once half of that time is over.
    pub(crate) renew: bool,
    /// Which groups may do what.
    pub(crate) role: Vec<GroupRole>,
}

/// A site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OidcSite {
    Portal,
    Admin,
}

impl Default for Oidc {
    fn default() -> Self {
        Self {
            issuer: None,
            ca_file: None,
            client_id: String::new(),
            client_secret_file: None,
            scopes: ["openid", "profile"].map(str::to_owned).to_vec(),
            sites: vec![OidcSite::Portal, OidcSite::Admin],
            name_claim: "preferred_username".to_owned(),
            mail_claim: String::new(),
            group_claim: "groups".to_owned(),
            second_factor_amr: Vec::new(),
            second_factor_acr: Vec::new(),
            deadline_seconds: Duration::from_secs(10),
            session_seconds: Duration::from_secs(36_000),
            renew: true,
            role: Vec::new(),
        }
    }
}

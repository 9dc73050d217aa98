//! `[directory]`: signing in with the passwords of a directory (LDAP, Active Directory).

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::seconds;

/// A directory whose users may sign in. Off while `url` is not set.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Directory {
    /// `ldaps://host[:port]`, or `ldap://host[:port]`.
    pub(crate) url: Option<String>,
    /// `ldap://` becomes TLS before anything is said; `false` is taken on loopback addresses only.
    pub(crate) start_tls: bool,
    /// PEM file of the certificate authorities that sign its certificate; not set: the system's.
    pub(crate) ca_file: Option<PathBuf>,
    /// Where users are looked for, such as `dc=city,dc=example,dc=jp`.
    pub(crate) base: String,
    /// Who the gateway searches as; not set: as nobody.
    pub(crate) bind_dn: Option<String>,
    /// File of one line: the password of `bind_dn`.
    pub(crate) bind_password_file: Option<PathBuf>,
    /// Which entry is that of somebody who signs in as `{name}`.
    pub(crate) user_filter: String,
    /// Attribute of the account's name.
    pub(crate) name_attribute: String,
    /// Attribute of the mail address; empty: addresses are set in the console.
    pub(crate) mail_attribute: String,
    /// Where groups are found: in an `attribute` of the user, by a `search`, or `nested` as Active Directory resolves them.
    pub(crate) groups: GroupsBy,
    /// For `attribute`.
    pub(crate) group_attribute: String,
    /// For `search` and `nested`: where groups are looked for; not set: `base`.
    pub(crate) group_base: Option<String>,
    /// For `search`: which groups are theirs; `{dn}` is the user's entry and `{name}` the account.
    pub(crate) group_filter: String,
    /// Longest time for one sign-in.
    #[serde(with = "seconds")]
    pub(crate) deadline_seconds: Duration,
    /// How often the directory is asked about those who are signed in.
    #[serde(with = "seconds")]
    pub(crate) recheck_seconds: Duration,
    /// Which groups may do what.
    pub(crate) role: Vec<GroupRole>,
}

impl Default for Directory {
    fn default() -> Self {
        Self {
            url: None,
            start_tls: true,
            ca_file: None,
            base: String::new(),
            bind_dn: None,
            bind_password_file: None,
            user_filter: "(uid={name})".to_owned(),
            name_attribute: "uid".to_owned(),
            mail_attribute: "mail".to_owned(),
            groups: GroupsBy::Attribute,
            group_attribute: "memberOf".to_owned(),
            group_base: None,
            group_filter: "(|(member={dn})(uniqueMember={dn})(memberUid={name}))".to_owned(),
            deadline_seconds: Duration::from_secs(10),
            recheck_seconds: Duration::from_secs(900),
            role: Vec::new(),
        }
    }
}

/// Where groups are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum GroupsBy {
    Attribute,
    Search,
    Nested,
}

/// A group and what its members may do.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GroupRole {
    /// Its whole name in a directory, or what a provider calls it.
    pub(crate) group: String,
    /// What they may do.
    pub(crate) role: Role,
}

/// What users may do; see the table in docs/operations.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    Staff,
    Approver,
    Operator,
    Auditor,
    TenantAdmin,
    PlatformAdmin,
}

impl From<Role> for store::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Staff => Self::Staff,
            Role::Approver => Self::Approver,
            Role::Operator => Self::Operator,
            Role::Auditor => Self::Auditor,
            Role::TenantAdmin => Self::TenantAdmin,
            Role::PlatformAdmin => Self::PlatformAdmin,
        }
    }
}

//! Whoever runs the gateway as a whole (全体管理者). They decide which organisation a domain belongs to, so no administrator of one organisation
//! may make one or get at the account of one: that is done on the machine, by its command line, and written into the audit.

use std::sync::Arc;

use store::{NewUser, Role, Source, Store, User, UserState};

use crate::{
    Tenants,
    password::Passwords,
    people::{readable, sign_in::valid_name},
    secret::NoRandomness,
};

/// Why an account was not made or changed.
#[derive(Debug, thiserror::Error)]
pub enum PlatformAdminError {
    /// The name is none that an account may have.
    #[error(
        "3 to 64 lower-case letters, digits, dots, hyphens and underscores are wanted, of which the first is a letter"
    )]
    Name,
    /// Nobody is made a platform administrator whose password somebody else has given them.
    #[error("there is an account of this name already")]
    Exists,
    /// The link of the first set-up works only while there is nobody yet, and only it makes an administrator of the organisation.
    #[error("the first administrator has to be made before, with the link that the gateway prints at its start")]
    NotSetUp,
    /// There is no account with this name and role, or none whose password is kept here.
    #[error("there is no platform administrator of this name")]
    NotOne,
    /// The store could not be asked or written.
    #[error("keeping the account")]
    Store(#[source] store::Error),
    /// The password could not be hashed.
    #[error("preparing a password")]
    Password,
    /// The system gave no random bytes.
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

impl From<store::Error> for PlatformAdminError {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Exists(_) => Self::Exists,
            store::Error::NotFound(_) => Self::NotOne,
            error => Self::Store(error),
        }
    }
}

/// Makes a platform administrator. The answer is the password for the first sign-in, at which it has to be changed.
///
/// # Errors
/// [`PlatformAdminError`]: above all, that there is an account of this name.
pub async fn add_platform_admin(store: &Store, name: &str, actor: &str) -> Result<String, PlatformAdminError> {
    if !valid_name(name) {
        return Err(PlatformAdminError::Name);
    }
    if store.user_count().await? == 0 {
        return Err(PlatformAdminError::NotSetUp);
    }
    let (password, password_hash) = fresh().await?;
    let user = NewUser { name: name.to_owned(), password_hash, role: Role::PlatformAdmin };
    store.invite_user(user, None, actor).await?;
    Ok(password)
}

/// Gives a platform administrator a new password, as at the beginning: the second factor is removed, and every session ends.
///
/// # Errors
/// [`PlatformAdminError`]: above all, that there is none of this name.
pub async fn reset_platform_admin(store: &Store, name: &str, actor: &str) -> Result<String, PlatformAdminError> {
    let user = one(store, name).await?;
    if user.source != Source::Local {
        return Err(PlatformAdminError::NotOne);
    }
    let (password, hash) = fresh().await?;
    store.set_temporary_password(user.id, hash, actor).await?;
    store.remove_second_factor(user.id, actor).await?;
    Ok(password)
}

/// Makes somebody a platform administrator no more, and stops the account, wherever it is from. As any other it can be looked after on the
/// console from then on.
///
/// # Errors
/// [`PlatformAdminError`]: above all, that there is none of this name.
pub async fn remove_platform_admin(store: &Store, name: &str, actor: &str) -> Result<(), PlatformAdminError> {
    let user = one(store, name).await?;
    store.set_user_state(user.id, UserState::Disabled, actor).await?;
    Ok(store.set_role(user.id, Role::Staff, actor).await?)
}

async fn one(store: &Store, name: &str) -> Result<User, PlatformAdminError> {
    let user = store.user_by_name(name).await?;
    user.filter(|user| user.role == Role::PlatformAdmin).ok_or(PlatformAdminError::NotOne)
}

/// How far an administrator of an organisation gets with an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// It is no platform administrator's.
    All,
    /// It decides whose mail is whose, and is made and ended on the machine: its sessions and keys can be ended.
    Sessions,
    /// It is made elsewhere, where nobody may be given this role: it can be stopped, too.
    Stop,
    /// It is in the store of a tenant, where the role is of no use: it can be stopped, and the role taken away.
    Take,
}

impl Reach {
    /// `tenants` are there on the console of the gateway's own organisation.
    pub(super) fn to(user: &User, tenants: Option<&Arc<dyn Tenants>>) -> Self {
        match (user.role, user.source, tenants) {
            (Role::PlatformAdmin, Source::Local, Some(_)) => Self::Sessions,
            (Role::PlatformAdmin, Source::Local, None) => Self::Take,
            (Role::PlatformAdmin, Source::Directory | Source::Provider, _) => Self::Stop,
            (Role::Staff | Role::Approver | Role::Operator | Role::Auditor | Role::TenantAdmin, ..) => Self::All,
        }
    }

    /// Whether the account can be stopped.
    pub(super) fn stops(self) -> bool {
        self != Self::Sessions
    }

    /// Whether the account can be given another role.
    pub(super) fn takes(self) -> bool {
        matches!(self, Self::All | Self::Take)
    }
}

async fn fresh() -> Result<(String, String), PlatformAdminError> {
    let password = readable()?;
    let passwords = Passwords::new().map_err(|_| PlatformAdminError::Password)?;
    let hash = passwords.hash(password.clone()).await.map_err(|_| PlatformAdminError::Password)?;
    Ok((password, hash))
}

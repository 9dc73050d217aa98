//! Whoever runs the gateway as a whole (全体管理者). They decide which organisation a domain belongs to, so no administrator of one organisation
//! may make one or get at the account of one: that is done on the machine, by its command line, and written into the audit.

use store::{NewUser, Role, Source, Store, User, UserState};

use crate::{
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
    /// There is no account of the gateway itself with this name and role.
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
    let (password, hash) = fresh().await?;
    store.set_temporary_password(user.id, hash, actor).await?;
    store.remove_second_factor(user.id, actor).await?;
    Ok(password)
}

/// Makes somebody a platform administrator no more, and stops the account. As any other it can be looked after on the console from then on.
///
/// # Errors
/// [`PlatformAdminError`]: above all, that there is none of this name.
pub async fn remove_platform_admin(store: &Store, name: &str, actor: &str) -> Result<(), PlatformAdminError> {
    let user = one(store, name).await?;
    store.set_user_state(user.id, UserState::Disabled, actor).await?;
    Ok(store.set_role(user.id, Role::Staff, actor).await?)
}

/// What an account of elsewhere may do follows from its groups, and its password is kept there.
async fn one(store: &Store, name: &str) -> Result<User, PlatformAdminError> {
    let user = store.user_by_name(name).await?;
    let is_one = |user: &User| user.role == Role::PlatformAdmin && user.source == Source::Local;
    user.filter(is_one).ok_or(PlatformAdminError::NotOne)
}

async fn fresh() -> Result<(String, String), PlatformAdminError> {
    let password = readable()?;
    let passwords = Passwords::new().map_err(|_| PlatformAdminError::Password)?;
    let hash = passwords.hash(password.clone()).await.map_err(|_| PlatformAdminError::Password)?;
    Ok((password, hash))
}

//! Accounts, sessions and the one-time setup token. Hashing passwords is the web's business.

use std::fmt;
use std::time::Duration;

use crate::{Error, Store, Timestamp, TokenHash};

/// A user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(pub i64);

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// 職員: uploads, own history, own requests.
    Staff,
    /// 承認者: decides requests.
    Approver,
    /// 運用担当: quarantine, retry.
    Operator,
    /// 監査: reads and exports.
    Auditor,
    /// テナント管理者: policy, users.
    TenantAdmin,
    /// 全体管理者: health, quotas, tenants; sees no content by default.
    PlatformAdmin,
}

/// Whether a user may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UserState {
    /// Yes.
    Active,
    /// No.
    Disabled,
}

/// A user to be made.
#[derive(Clone)]
pub struct NewUser {
    /// The name to sign in with.
    pub name: String,
    /// The password's argon2id hash in PHC string form.
    pub password_hash: String,
    /// What they may do.
    pub role: Role,
}

/// A user as stored.
#[derive(Clone)]
pub struct User {
    /// Names them.
    pub id: UserId,
    /// The name to sign in with.
    pub name: String,
    /// The password's argon2id hash in PHC string form.
    pub password_hash: String,
    /// What they may do.
    pub role: Role,
    /// Whether they may sign in.
    pub state: UserState,
    /// Failed attempts since the last success.
    pub failed_sign_ins: u32,
    /// Until when sign-in is refused after too many failures.
    pub locked_until: Option<Timestamp>,
    /// Since when they exist.
    pub created: Timestamp,
    /// When they last signed in.
    pub last_sign_in: Option<Timestamp>,
}

/// Which site a session belongs to: portal and console never share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Site {
    /// The staff portal.
    Portal,
    /// The admin console.
    Admin,
}

/// A session to be opened.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Digest of the cookie's token.
    pub token: TokenHash,
    /// Whose.
    pub user: UserId,
    /// Where.
    pub site: Site,
    /// It ends when unused for this long.
    pub idle: Duration,
    /// It ends after this long in any case.
    pub absolute: Duration,
}

/// A session that is still good.
#[derive(Debug, Clone)]
pub struct Session {
    /// Whose.
    pub user: User,
    /// Since when.
    pub created: Timestamp,
    /// When it ends in any case.
    pub expires: Timestamp,
}

impl fmt::Debug for NewUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewUser")
            .field("name", &self.name)
            .field("password_hash", &format_args!("{} bytes", self.password_hash.len()))
            .field("role", &self.role)
            .finish()
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("password_hash", &format_args!("{} bytes", self.password_hash.len()))
            .field("role", &self.role)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

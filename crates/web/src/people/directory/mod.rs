//! Signing in with the password of a directory (LDAP, Active Directory): look for the entry, then bind as it.
//!
//! The protocol is our own few pages because a server speaks to the gateway before it has shown who it is (StartTLS): what reads its
//! answers must be total and bounded (docs/adr/0011-directory-protocols.md).

mod ber;
mod connection;
mod dn;
mod filter;
mod message;

use std::{sync::Arc, time::Duration};

use store::{External, Role, Source, Unconfirmed};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub use connection::DirectoryError;
use connection::{Connection, Protection};
use dn::Dn;
use filter::{Filling, Filter, Piece};
use message::{Entry, Scope};

use super::{
    external,
    trust::{Authority, Credential, Tls},
};
use crate::role;

/// What is to be known of a directory.
#[derive(Debug, Clone)]
pub struct DirectorySettings {
    /// `ldaps://host[:port]`, or `ldap://host[:port]` with StartTLS.
    pub url: String,
    /// Whether `ldap://` becomes TLS before anything is said; not doing so is taken on loopback addresses only.
    pub start_tls: bool,
    /// Whose certificates are believed; needed for TLS.
    pub trust: Option<Tls>,
    /// Where users are looked for.
    pub base: String,
    /// Name and password to search with; none searches as nobody.
    pub bind: Option<(String, Credential)>,
    /// Which entry is that of somebody who signs in as `{name}`.
    pub user_filter: String,
    /// Attribute of the account's name here.
    pub name_attribute: String,
    /// Attribute of the mail address; empty: addresses are set here.
    pub mail_attribute: String,
    /// Where groups are found.
    pub groups: Groups,
    /// Names of groups and what their members may do; of several the highest counts (`role::higher`).
    pub roles: Vec<(String, Role)>,
    /// Longest time for one sign-in.
    pub deadline: Duration,
    /// How often the directory is asked about those who are signed in.
    pub recheck: Duration,
}

/// Where the groups of a user are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Groups {
    /// In an attribute of their entry, such as `memberOf`.
    Attribute(String),
    /// By a search below a base with a filter in which `{dn}` is the user's entry and `{name}` the account.
    Search {
        /// Where groups are looked for.
        base: String,
        /// Which are theirs.
        filter: String,
    },
}

/// A setting that cannot be used: its key and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}: {1}")]
pub struct BadSetting(pub &'static str, pub String);

/// A directory that can be asked.
#[derive(Debug, Clone)]
pub struct Directory(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    at: Authority,
    protection: Protection,
    base: String,
    bind: Option<(String, Credential)>,
    users: Filter,
    /// The same, whatever the name.
    anybody: Filter,
    name_attribute: String,
    mail_attribute: String,
    groups: Where,
    roles: Vec<(Dn, Role)>,
    deadline: Duration,
    recheck: Duration,
    places: Arc<Semaphore>,
}

#[derive(Debug)]
enum Where {
    Attribute(String),
    Search { base: String, filter: Filter },
}

/// Somebody of that name is there; their password is still to be seen.
#[derive(Debug)]
pub(super) struct Found {
    connection: Connection,
    dn: String,
    deadline: Duration,
    _place: OwnedSemaphorePermit,
    /// Their name here.
    pub(super) name: String,
    /// The account, where their groups give a role.
    pub(super) who: Option<External>,
}

impl Found {
    /// Whether the password is theirs.
    pub(super) async fn prove(mut self, password: &str) -> Result<bool, DirectoryError> {
        let asked = async {
            let right = self.connection.bind(&self.dn, password).await?;
            self.connection.close().await;
            Ok(right)
        };
        tokio::time::timeout(self.deadline, asked).await.unwrap_or(Err(DirectoryError::Late))
    }
}

impl Directory {
    /// Takes the settings apart.
    ///
    /// # Errors
    /// [`BadSetting`] names the first that cannot be used.
    pub fn new(settings: DirectorySettings) -> Result<Self, BadSetting> {
        let bad = |key, what: String| BadSetting(key, what);
        let url = &settings.url;
        let wanted = || bad("directory.url", format!("`{url}` is neither ldaps://HOST[:PORT] nor ldap://HOST[:PORT]"));
        let (tls, authority) = match (url.strip_prefix("ldaps://"), url.strip_prefix("ldap://")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            (None, None) => return Err(wanted()),
        };
        let at = Authority::parse(authority.trim_end_matches('/'), if tls { 636 } else { 389 }).ok_or_else(wanted)?;
        let protection = match settings.trust {
            Some(trust) if tls => Protection::Tls(trust),
            Some(trust) if settings.start_tls => Protection::StartTls(trust),
            None if tls || settings.start_tls => {
                return Err(bad("directory.ca_file", "TLS needs certificate authorities to believe".to_owned()));
            }
            _ if at.is_loopback() => Protection::None,
            _ => {
                let what =
                    "passwords cross the network in the clear without it; only a loopback address may have false";
                return Err(bad("directory.start_tls", what.to_owned()));
            }
        };
        let users = parsed("directory.user_filter", &settings.user_filter)?;
        if !users.takes(&Piece::Name) || users.takes(&Piece::Dn) {
            let what = format!("`{}` needs {{name}} in it, such as (uid={{name}})", settings.user_filter);
            return Err(bad("directory.user_filter", what));
        }
        if Dn::parse(&settings.base).is_none() {
            let what = format!("`{}` is no name of an entry, such as dc=city,dc=example,dc=jp", settings.base);
            return Err(bad("directory.base", what));
        }
        if let Some((name, _)) = settings.bind.as_ref().filter(|(name, _)| !binds(name)) {
            return Err(bad("directory.bind_dn", format!("`{name}` is no name of an entry, nor user@domain")));
        }
        if settings.bind.as_ref().is_some_and(|(_, password)| password.reveal().is_empty()) {
            return Err(bad("directory.bind_password_file", "the file is empty".to_owned()));
        }
        let attribute = |key, name: &str| match name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b)) {
            true => Ok(name.to_owned()),
            false => Err(bad(key, format!("`{name}` is no name of an attribute"))),
        };
        let groups = match settings.groups {
            Groups::Attribute(name) if name.is_empty() => {
                return Err(bad("directory.group_attribute", "must not be empty".to_owned()));
            }
            Groups::Attribute(name) => Where::Attribute(attribute("directory.group_attribute", &name)?),
            Groups::Search { base, filter } => {
                let parsed = parsed("directory.group_filter", &filter)?;
                if !parsed.takes(&Piece::Dn) && !parsed.takes(&Piece::Name) {
                    let what = format!("`{filter}` needs {{dn}} or {{name}} in it, such as (member={{dn}})");
                    return Err(bad("directory.group_filter", what));
                }
                if Dn::parse(&base).is_none() {
                    return Err(bad("directory.group_base", format!("`{base}` is no name of an entry")));
                }
                Where::Search { base, filter: parsed }
            }
        };
        if settings.roles.is_empty() {
            let what = "no group is given a role, so that nobody could sign in: add [[directory.role]]".to_owned();
            return Err(bad("directory.role", what));
        }
        let roles = settings.roles.into_iter().map(|(group, role)| match Dn::parse(&group) {
            Some(dn) => Ok((dn, role)),
            None => {
                Err(bad("directory.role", format!("`{group}` is not the whole name of a group, such as cn=…,dc=…")))
            }
        });
        if settings.name_attribute.is_empty() {
            return Err(bad("directory.name_attribute", "must not be empty".to_owned()));
        }
        Ok(Self(Arc::new(Inner {
            at,
            protection,
            base: settings.base,
            bind: settings.bind,
            anybody: users.whoever(),
            users,
            name_attribute: attribute("directory.name_attribute", &settings.name_attribute)?,
            mail_attribute: attribute("directory.mail_attribute", &settings.mail_attribute)?,
            groups,
            roles: roles.collect::<Result<_, _>>()?,
            deadline: settings.deadline,
            recheck: settings.recheck,
            places: Arc::new(Semaphore::new(AT_ONCE)),
        })))
    }

    /// Connects, binds and reads the base, as signing in does: what `misogi doctor` tells.
    ///
    /// # Errors
    /// [`DirectoryError`]; a bind that fails is [`DirectoryError::Refused`].
    pub async fn probe(&self) -> Result<String, DirectoryError> {
        let inner = &self.0;
        let asked = async {
            let mut connection = inner.open().await?;
            let there = Filter::Present("objectClass".to_owned()).encode(Filling::default());
            let found = connection.search(&inner.base, Scope::Base, &there, &["1.1"], 1).await?;
            connection.close().await;
            let Authority { host, port } = &inner.at;
            match found.is_empty() {
                true => Err(DirectoryError::Refused("a look at directory.base", 32, inner.base.clone())),
                false => Ok(format!("{host}:{port} lets the gateway search below {}", inner.base)),
            }
        };
        tokio::time::timeout(inner.deadline, asked).await.unwrap_or(Err(DirectoryError::Late))
    }

    /// The one entry of somebody who signs in with that name; nobody where there are none or several.
    pub(super) async fn look_up(&self, name: &str) -> Result<Option<Found>, DirectoryError> {
        let inner = &self.0;
        let asked = async {
            let place = Arc::clone(&inner.places).acquire_owned().await.map_err(|_| DirectoryError::Late)?;
            let mut connection = inner.open().await?;
            let filter = inner.users.encode(Filling { name, dn: "" });
            let Some(entry) = inner.one(&mut connection, &inner.base, Scope::Subtree, &filter).await? else {
                connection.close().await;
                return Ok(None);
            };
            let Some((subject, name)) = inner.identity(&entry) else { return Ok(None) };
            let who = inner.account(&mut connection, &entry, subject, name.clone()).await?;
            let (dn, deadline) = (entry.dn, inner.deadline);
            Ok(Some(Found { connection, dn, deadline, _place: place, name, who }))
        };
        tokio::time::timeout(inner.deadline, asked).await.unwrap_or(Err(DirectoryError::Late))
    }

    /// What the directory says now of somebody who signed in before; `None` lets them in no more.
    pub(super) async fn confirm(&self, user: &Unconfirmed) -> Result<Option<External>, DirectoryError> {
        let inner = &self.0;
        let asked = async {
            let _place = Arc::clone(&inner.places).acquire_owned().await.map_err(|_| DirectoryError::Late)?;
            let mut connection = inner.open().await?;
            let Some((base, scope, filter)) = inner.by_subject(&user.subject) else { return Ok(None) };
            let entry = inner.one(&mut connection, &base, scope, &filter).await?;
            let who = match entry.as_ref().and_then(|entry| Some((entry, inner.identity(entry)?))) {
                Some((entry, (subject, name))) if subject == user.subject => {
                    inner.account(&mut connection, entry, subject, name).await?
                }
                _ => None,
            };
            connection.close().await;
            Ok(who)
        };
        tokio::time::timeout(inner.deadline, asked).await.unwrap_or(Err(DirectoryError::Late))
    }

    /// How often to ask about those who are signed in.
    pub(super) fn recheck(&self) -> Duration {
        self.0.recheck
    }
}

impl Inner {
    async fn open(&self) -> Result<Connection, DirectoryError> {
        let mut connection = Connection::open(&self.at, &self.protection).await?;
        if let Some((dn, password)) = &self.bind
            && !connection.bind(dn, password.reveal()).await?
        {
            return Err(DirectoryError::Refused("the gateway's own bind (directory.bind_dn)", 49, String::new()));
        }
        Ok(connection)
    }

    /// The only entry that a filter finds and that is not locked.
    async fn one(
        &self,
        connection: &mut Connection,
        base: &str,
        scope: Scope,
        filter: &[u8],
    ) -> Result<Option<Entry>, DirectoryError> {
        let mut attributes = vec![self.name_attribute.as_str(), GUID, UUID, CONTROL, LOCKED, FROZEN];
        if let Where::Attribute(name) = &self.groups {
            attributes.push(name);
        }
        if !self.mail_attribute.is_empty() {
            attributes.push(&self.mail_attribute);
        }
        let mut found = match connection.search(base, scope, filter, &attributes, 1).await {
            // The entry itself was asked for, and is gone.
            Err(DirectoryError::Refused(_, message::code::NO_SUCH_OBJECT, _)) if scope == Scope::Base => {
                return Ok(None);
            }
            found => found?,
        };
        if found.len() > 1 {
            tracing::warn!(event = "directory_ambiguous", base);
            return Ok(None);
        }
        Ok(found.pop().filter(|entry| !locked(entry)))
    }

    /// By which name, never given to anybody else, and by which account name somebody is known.
    fn identity(&self, entry: &Entry) -> Option<(String, String)> {
        let guid = entry.values(GUID).next().map(|guid| format!("{GUID}:{}", store::hex(guid)));
        let uuid = || entry.text(UUID).map(|uuid| format!("{UUID}:{}", uuid.to_ascii_lowercase()));
        let subject = guid.or_else(uuid).unwrap_or_else(|| format!("{ENTRY}:{}", entry.dn.to_lowercase()));
        let name = entry.text(&self.name_attribute).and_then(external::name);
        if name.is_none() {
            tracing::warn!(event = "directory_name_unusable", subject);
        }
        Some((subject, name?))
    }

    /// Base, scope and filter that find somebody again.
    fn by_subject(&self, subject: &str) -> Option<(String, Scope, Vec<u8>)> {
        let (kind, value) = subject.split_once(':')?;
        let same = |attribute: &str, bytes: Vec<u8>| {
            let same = Filter::equal(attribute, bytes);
            Filter::And(vec![same, self.anybody.clone()]).encode(Filling::default())
        };
        match kind {
            GUID => Some((self.base.clone(), Scope::Subtree, same(GUID, unhex(value)?))),
            UUID => Some((self.base.clone(), Scope::Subtree, same(UUID, value.as_bytes().to_vec()))),
            ENTRY => Some((value.to_owned(), Scope::Base, self.anybody.encode(Filling::default()))),
            _ => None,
        }
    }

    /// The account that the groups give; none where they give no role.
    async fn account(
        &self,
        connection: &mut Connection,
        entry: &Entry,
        subject: String,
        name: String,
    ) -> Result<Option<External>, DirectoryError> {
        let groups: Vec<Dn> = match &self.groups {
            Where::Attribute(attribute) => {
                let texts = entry.values(attribute).filter_map(|value| std::str::from_utf8(value).ok());
                texts.filter_map(Dn::parse).collect()
            }
            Where::Search { base, filter } => {
                let filter = filter.encode(Filling { name: &name, dn: &entry.dn });
                let found = connection.search(base, Scope::Subtree, &filter, &["1.1"], MOST_GROUPS).await?;
                found.iter().filter_map(|group| Dn::parse(&group.dn)).collect()
            }
        };
        let given = self.roles.iter().filter(|(group, _)| groups.contains(group)).map(|(_, role)| *role);
        let address = entry.text(&self.mail_attribute).and_then(external::address);
        Ok(given.reduce(role::higher).map(|role| External { source: Source::Directory, subject, name, role, address }))
    }
}

/// Whether an administrator has locked the entry: a lock that failed tries cause passes by itself, and the bind tells it anyhow.
fn locked(entry: &Entry) -> bool {
    let disabled = entry.text(CONTROL).and_then(|text| text.parse::<i64>().ok()).is_some_and(|bits| bits & 2 != 0);
    // draft-behera-ldap-password-policy 5.3.3: this value is a lock without an end.
    let without_end = entry.text(LOCKED) == Some("000001010000Z");
    let frozen = entry.text(FROZEN).is_some_and(|text| text.eq_ignore_ascii_case("true"));
    disabled || without_end || frozen
}

fn parsed(key: &'static str, text: &str) -> Result<Filter, BadSetting> {
    Filter::parse(text).ok_or_else(|| BadSetting(key, format!("`{text}` is no filter (RFC 4515)")))
}

/// Active Directory binds with `user@domain` and `DOMAIN\user` beside the name of an entry.
fn binds(name: &str) -> bool {
    Dn::parse(name).is_some() || name.contains(['@', '\\']) && !name.contains(char::is_control)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2).map(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
    if text.len().is_multiple_of(2) { pairs.collect() } else { None }
}

/// Active Directory's name for an entry that never changes.
const GUID: &str = "objectGUID";
/// The same elsewhere (RFC 4530).
const UUID: &str = "entryUUID";
/// Where there is neither.
const ENTRY: &str = "dn";
/// Active Directory: the second bit is a disabled account.
const CONTROL: &str = "userAccountControl";
/// OpenLDAP's password policy.
const LOCKED: &str = "pwdAccountLockedTime";
/// 389 Directory Server, FreeIPA.
const FROZEN: &str = "nsAccountLock";
/// Connections at a time.
const AT_ONCE: usize = 16;
/// Groups of one user.
const MOST_GROUPS: u16 = 2_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> DirectorySettings {
        DirectorySettings {
            url: "ldap://127.0.0.1".into(),
            start_tls: false,
            trust: None,
            base: "dc=city,dc=local".into(),
            bind: None,
            user_filter: "(uid={name})".into(),
            name_attribute: "uid".into(),
            mail_attribute: "mail".into(),
            groups: Groups::Attribute("memberOf".into()),
            roles: vec![("cn=staff,dc=city,dc=local".into(), Role::Staff)],
            deadline: Duration::from_secs(5),
            recheck: Duration::from_secs(900),
        }
    }

    fn refused(change: impl FnOnce(&mut DirectorySettings)) -> String {
        let mut settings = settings();
        change(&mut settings);
        Directory::new(settings).expect_err("refused").to_string()
    }

    #[test]
    fn settings_that_cannot_work_name_their_key() {
        assert!(Directory::new(settings()).is_ok());
        for (said, key) in [
            (refused(|s| s.url = "http://x".into()), "directory.url"),
            (refused(|s| s.url = "ldaps://a/b".into()), "directory.url"),
            (refused(|s| s.url = "ldap://dc1.city.local".into()), "directory.start_tls"),
            (refused(|s| s.url = "ldaps://dc1.city.local".into()), "directory.ca_file"),
            (refused(|s| s.start_tls = true), "directory.ca_file"),
            (refused(|s| s.base = "city.local".into()), "directory.base"),
            (refused(|s| s.bind = Some(("reader".into(), Credential::new("x".into())))), "directory.bind_dn"),
            (
                refused(|s| s.bind = Some(("cn=r,dc=x".into(), Credential::new(String::new())))),
                "directory.bind_password_file",
            ),
            (refused(|s| s.user_filter = "(uid=taro)".into()), "directory.user_filter"),
            (refused(|s| s.user_filter = "uid={name}".into()), "directory.user_filter"),
            (refused(|s| s.name_attribute = String::new()), "directory.name_attribute"),
            (refused(|s| s.groups = Groups::Attribute("a b".into())), "directory.group_attribute"),
            (
                refused(|s| s.groups = Groups::Search { base: "dc=x".into(), filter: "(cn=x)".into() }),
                "directory.group_filter",
            ),
            (refused(|s| s.roles.clear()), "directory.role"),
            (refused(|s| s.roles = vec![("admins".into(), Role::Staff)]), "directory.role"),
        ] {
            assert!(said.starts_with(&format!("{key}: ")), "{said}");
        }
    }

    #[test]
    fn active_directory_binds_with_other_names_than_those_of_entries() {
        for name in ["reader@city.local", "CITY\\reader", "cn=reader,dc=city,dc=local"] {
            let mut settings = settings();
            settings.bind = Some((name.into(), Credential::new("x".into())));
            assert!(Directory::new(settings).is_ok(), "{name}");
        }
    }

    #[test]
    fn an_identity_in_hexadecimal_is_read_back() {
        assert_eq!(unhex("00ff10"), Some(vec![0, 255, 16]));
        assert_eq!(unhex("0"), None);
        assert_eq!(unhex("0g"), None);
    }
}

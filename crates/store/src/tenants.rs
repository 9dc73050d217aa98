//! Tenants: the organisations that one gateway serves.
//!
//! A store holds what belongs to one organisation, and nothing in it says whose it is: whoever has a [`Store`] of one tenant cannot name a row
//! of another. The gateway's own store also keeps this list, of which other tenants there are and by which names they are found.

use std::collections::BTreeMap;

use serde_json::json;

use crate::audit::{self, Entry};
use crate::codec::Coded;
use crate::writer::Tx;
use crate::{AuditEvent, Error, Site, Store, Timestamp};

/// What a tenant is called in commands, in addresses of the API and on disk: 1 to 32 lower-case letters, digits and hyphens, of which
/// the first is a letter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantKey(String);

impl TenantKey {
    /// Reads a key; `None` when it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let is_sound = (1..=KEY_BYTES).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        is_sound.then(|| Self(text.to_owned()))
    }

    /// The key as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The part behind the `@` of mail addresses: a name in lower case, without a final dot.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MailDomain(String);

impl MailDomain {
    /// Reads a domain; `None` when it is none.
    pub fn parse(text: &str) -> Option<Self> {
        host_name(text).map(Self)
    }

    /// The domain as mail addresses have it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The address of one of a tenant's two sites: `https://NAME` or `https://NAME:PORT`, or the same with `http`.
///
/// It is a name: several tenants share a listener, and only by the name in it does a request say whose site it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteAddress {
    text: String,
    host: String,
}

impl SiteAddress {
    /// Reads an address, with or without a final slash; `None` when it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_suffix('/').unwrap_or(text).to_ascii_lowercase();
        let authority = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
        let host = match authority.split_once(':') {
            None => authority,
            Some((host, port)) => {
                let is_port = port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
                is_port.then_some(host)?
            }
        };
        let host = host_name(host)?;
        Some(Self { host, text })
    }

    /// The address without a final slash.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name in it, in lower case.
    pub fn host(&self) -> &str {
        &self.host
    }
}

/// What may be changed of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantSettings {
    /// Name of the organisation, such as `○○市`, shown in mails and on pages.
    pub name: String,
    /// Domains whose mail is theirs.
    pub domains: Vec<MailDomain>,
    /// Where their staff reach the portal.
    pub portal: SiteAddress,
    /// Where their administrators reach the console.
    pub admin: SiteAddress,
}

/// An organisation that the gateway serves beside its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Never changes.
    pub key: TenantKey,
    /// What may.
    pub settings: TenantSettings,
    /// When it was added.
    pub created: Timestamp,
}

impl Store {
    /// The tenants beside the gateway's own organisation, by key. Only the gateway's own store has any.
    ///
    /// # Errors
    /// [`Error::Database`]; [`Error::Damaged`] when a row cannot be read.
    pub async fn tenants(&self) -> Result<Vec<Tenant>, Error> {
        let doing = |error| Error::database("listing tenants")(error);
        let rows: Vec<(String, String, String, String, i64)> =
            sqlx::query_as("SELECT key, name, portal_url, admin_url, created FROM tenant ORDER BY key")
                .fetch_all(self.readers())
                .await
                .map_err(doing)?;
        let claimed: Vec<(String, String)> = sqlx::query_as("SELECT tenant, domain FROM tenant_domain ORDER BY domain")
            .fetch_all(self.readers())
            .await
            .map_err(doing)?;
        let mut domains: BTreeMap<String, Vec<MailDomain>> = BTreeMap::new();
        for (tenant, domain) in claimed {
            let domain = MailDomain::parse(&domain).ok_or(Error::Damaged("the domain of a tenant"))?;
            domains.entry(tenant).or_default().push(domain);
        }
        let read = |(key, name, portal, admin, created): (String, String, String, String, i64)| {
            let address = |text: &str| SiteAddress::parse(text).ok_or(Error::Damaged("the address of a tenant"));
            let (portal, admin) = (address(&portal)?, address(&admin)?);
            let settings = TenantSettings { name, domains: domains.remove(&key).unwrap_or_default(), portal, admin };
            let key = TenantKey::parse(&key).ok_or(Error::Damaged("the key of a tenant"))?;
            Ok(Tenant { key, settings, created: Timestamp::from_unix_millis(created) })
        };
        rows.into_iter().map(read).collect()
    }

    /// Writes down a new tenant.
    ///
    /// # Errors
    /// [`Error::Exists`] when there are as many as are served, or when its key, one of its domains or the name in one of its addresses is
    /// another's already; [`Error::Invalid`] for a name that is empty or too long; any error of the writer.
    pub async fn add_tenant(&self, key: &TenantKey, settings: &TenantSettings, actor: &str) -> Result<(), Error> {
        settings.check()?;
        let (key, settings, actor) = (key.clone(), settings.clone(), actor.to_owned());
        self.write(move |tx| {
            let (key, settings, actor) = (key.clone(), settings.clone(), actor.clone());
            Box::pin(async move {
                let doing = |error| Error::database("adding a tenant")(error);
                let (count,): (i64,) =
                    sqlx::query_as("SELECT count(*) FROM tenant").fetch_one(&mut tx.connection).await.map_err(doing)?;
                if count >= MOST_TENANTS {
                    return Err(Error::Exists("as many tenants as are served"));
                }
                let added = sqlx::query(
                    "INSERT INTO tenant (key, name, portal_url, admin_url, created) VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT DO NOTHING",
                )
                .bind(key.as_str())
                .bind(settings.name.as_str())
                .bind(settings.portal.as_str())
                .bind(settings.admin.as_str())
                .bind(tx.now.unix_millis())
                .execute(&mut tx.connection)
                .await
                .map_err(doing)?;
                if added.rows_affected() == 0 {
                    return Err(Error::Exists("tenant"));
                }
                claim(tx, &key, &settings).await?;
                audit_tenant(tx, actor, AuditEvent::TenantAdded, &key, Some(&settings))
            })
        })
        .await
    }

    /// Puts other settings in the place of a tenant's.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such tenant; otherwise as [`add_tenant`](Self::add_tenant).
    pub async fn change_tenant(&self, key: &TenantKey, settings: &TenantSettings, actor: &str) -> Result<(), Error> {
        settings.check()?;
        let (key, settings, actor) = (key.clone(), settings.clone(), actor.to_owned());
        self.write(move |tx| {
            let (key, settings, actor) = (key.clone(), settings.clone(), actor.clone());
            Box::pin(async move {
                let changed =
                    sqlx::query("UPDATE tenant SET name = ?2, portal_url = ?3, admin_url = ?4 WHERE key = ?1")
                        .bind(key.as_str())
                        .bind(settings.name.as_str())
                        .bind(settings.portal.as_str())
                        .bind(settings.admin.as_str())
                        .execute(&mut tx.connection)
                        .await
                        .map_err(Error::database("changing a tenant"))?;
                if changed.rows_affected() == 0 {
                    return Err(Error::NotFound("tenant"));
                }
                give_up_claims(tx, &key).await?;
                claim(tx, &key, &settings).await?;
                audit_tenant(tx, actor, AuditEvent::TenantChanged, &key, Some(&settings))
            })
        })
        .await
    }

    /// Takes a tenant off the list. Its own store is left where it is.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such tenant; any error of the writer.
    pub async fn remove_tenant(&self, key: &TenantKey, actor: &str) -> Result<(), Error> {
        let (key, actor) = (key.clone(), actor.to_owned());
        self.write(move |tx| {
            let (key, actor) = (key.clone(), actor.clone());
            Box::pin(async move {
                give_up_claims(tx, &key).await?;
                let removed = sqlx::query("DELETE FROM tenant WHERE key = ?1")
                    .bind(key.as_str())
                    .execute(&mut tx.connection)
                    .await
                    .map_err(Error::database("removing a tenant"))?;
                if removed.rows_affected() == 0 {
                    return Err(Error::NotFound("tenant"));
                }
                audit_tenant(tx, actor, AuditEvent::TenantRemoved, &key, None)
            })
        })
        .await
    }

    /// Whether nothing would be out of reach without this store: it has no mail, no file and no withheld original. Accounts do not count,
    /// since the last administrator of a store stays one.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn is_vacant(&self) -> Result<bool, Error> {
        let (held,): (bool,) =
            sqlx::query_as("SELECT EXISTS (SELECT 1 FROM message) OR EXISTS (SELECT 1 FROM quarantine)")
                .fetch_one(self.readers())
                .await
                .map_err(Error::database("looking whether a store is vacant"))?;
        Ok(!held)
    }
}

impl TenantSettings {
    fn check(&self) -> Result<(), Error> {
        if self.name.trim().is_empty() || self.name.len() > NAME_BYTES || self.name.chars().any(char::is_control) {
            return Err(Error::Invalid("the name of a tenant"));
        }
        if self.domains.len() > MOST_DOMAINS {
            return Err(Error::Invalid("a tenant with too many domains"));
        }
        Ok(())
    }
}

/// Makes domains and names of sites a tenant's.
async fn claim(tx: &mut Tx, key: &TenantKey, settings: &TenantSettings) -> Result<(), Error> {
    let mut domains = settings.domains.clone();
    domains.sort();
    domains.dedup();
    for domain in &domains {
        let claimed = sqlx::query("INSERT INTO tenant_domain (domain, tenant) VALUES (?1, ?2) ON CONFLICT DO NOTHING")
            .bind(domain.as_str())
            .bind(key.as_str())
            .execute(&mut tx.connection)
            .await
            .map_err(Error::database("claiming a domain"))?;
        if claimed.rows_affected() == 0 {
            return Err(Error::Exists("domain"));
        }
    }
    for (site, address) in [(Site::Portal, &settings.portal), (Site::Admin, &settings.admin)] {
        let claimed =
            sqlx::query("INSERT INTO tenant_host (site, host, tenant) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")
                .bind(site.code())
                .bind(address.host())
                .bind(key.as_str())
                .execute(&mut tx.connection)
                .await
                .map_err(Error::database("claiming the name of a site"))?;
        if claimed.rows_affected() == 0 {
            return Err(Error::Exists("address"));
        }
    }
    Ok(())
}

async fn give_up_claims(tx: &mut Tx, key: &TenantKey) -> Result<(), Error> {
    for statement in ["DELETE FROM tenant_domain WHERE tenant = ?1", "DELETE FROM tenant_host WHERE tenant = ?1"] {
        sqlx::query(statement)
            .bind(key.as_str())
            .execute(&mut tx.connection)
            .await
            .map_err(Error::database("giving up what a tenant claimed"))?;
    }
    Ok(())
}

fn audit_tenant(
    tx: &mut Tx,
    actor: String,
    event: AuditEvent,
    key: &TenantKey,
    settings: Option<&TenantSettings>,
) -> Result<(), Error> {
    let mut pairs = vec![("tenant", json!(key.as_str()))];
    if let Some(TenantSettings { name, domains, portal, admin }) = settings {
        pairs.push(("name", json!(name)));
        pairs.push(("domains", json!(domains.iter().map(MailDomain::as_str).collect::<Vec<_>>())));
        pairs.push(("portal", json!(portal.as_str())));
        pairs.push(("console", json!(admin.as_str())));
    }
    let detail = audit::detail_of(&pairs)?;
    tx.audit(Entry { actor: actor.into(), event, message: None, detail });
    Ok(())
}

/// A name of the DNS in lower case (RFC 1123 2.1). What looks like an IPv4 address is none.
fn host_name(text: &str) -> Option<String> {
    let sound_label = |label: &str| {
        (1..=LABEL_BYTES).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    let is_sound = text.len() <= HOST_BYTES
        && text.contains('.')
        && text.split('.').all(sound_label)
        && !last.bytes().all(|byte| byte.is_ascii_digit());
    is_sound.then(|| text.to_ascii_lowercase())
}

/// Tenants beside the gateway's own organisation. Each has a database with a connection that writes and some that read.
const MOST_TENANTS: i64 = 100;
/// Domains of one tenant.
const MOST_DOMAINS: usize = 100;
const KEY_BYTES: usize = 32;
const NAME_BYTES: usize = 200;
/// RFC 1035 2.3.4, without the bytes of the final dot and the first length.
const HOST_BYTES: usize = 253;
const LABEL_BYTES: usize = 63;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_safe_as_the_name_of_a_directory() {
        for good in ["a", "city-a", "machi2", &"a".repeat(32)] {
            assert!(TenantKey::parse(good).is_some(), "{good}");
        }
        for bad in ["", "A", "2a", "-a", "a/b", "..", "a.b", "市", "a b", &"a".repeat(33)] {
            assert!(TenantKey::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_site_has_a_name_and_no_path() {
        let check = |text: &str, expect: Option<(&str, &str)>| {
            let address = SiteAddress::parse(text);
            assert_eq!(address.as_ref().map(|address| (address.as_str(), address.host())), expect, "{text}");
        };
        check("https://mugai.city-a.lg.jp", Some(("https://mugai.city-a.lg.jp", "mugai.city-a.lg.jp")));
        check("http://Mugai.City-A.lg.jp:8080/", Some(("http://mugai.city-a.lg.jp:8080", "mugai.city-a.lg.jp")));
        for bad in [
            "mugai.city-a.lg.jp",
            "ftp://mugai.city-a.lg.jp",
            "https://mugai.city-a.lg.jp/portal",
            "https://user@mugai.city-a.lg.jp",
            "https://localhost",
            "https://192.0.2.1",
            "https://[2001:db8::1]",
            "https://a..jp",
            "https://-a.jp",
            "https://a.jp:",
            "https://a.jp:+1",
            "https://a.jp:99999",
            "https://",
        ] {
            check(bad, None);
        }
    }

    #[test]
    fn a_domain_is_a_name_in_lower_case() {
        assert_eq!(MailDomain::parse("City-A.lg.JP").unwrap().as_str(), "city-a.lg.jp");
        for bad in ["", "jp.", ".jp", "localhost", "a@b.jp", "[192.0.2.1]", "192.0.2.1", "市.jp", "a_b.jp"] {
            assert!(MailDomain::parse(bad).is_none(), "{bad}");
        }
    }
}

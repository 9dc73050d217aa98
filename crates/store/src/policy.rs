//! Published policies: each a numbered text that never changes. The newest is in force, over what the configuration file leaves open.

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::audit::{self, Entry};
use crate::token::hex;
use crate::{AuditEvent, Error, Store, Timestamp};

/// A policy that was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyVersion {
    /// Its number, from 1.
    pub version: i64,
    /// When it was published.
    pub at: Timestamp,
    /// Who published it.
    pub actor: String,
    /// Why, in their own words.
    pub why: String,
    /// The settings, as the configuration file would write them.
    pub text: String,
}

impl Store {
    /// The newest published policies, newest first, at most `limit`.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn policies(&self, limit: u32) -> Result<Vec<PolicyVersion>, Error> {
        let rows: Vec<(i64, i64, String, String, String)> =
            sqlx::query_as("SELECT version, at, actor, why, text FROM policy_version ORDER BY version DESC LIMIT ?1")
                .bind(limit)
                .fetch_all(self.readers())
                .await
                .map_err(Error::database("listing policies"))?;
        let of = |(version, at, actor, why, text)| PolicyVersion {
            version,
            at: Timestamp::from_unix_millis(at),
            actor,
            why,
            text,
        };
        Ok(rows.into_iter().map(of).collect())
    }

    /// One published policy.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn policy(&self, version: i64) -> Result<Option<PolicyVersion>, Error> {
        let found = self.policies(MOST_READ).await?;
        Ok(found.into_iter().find(|policy| policy.version == version))
    }

    /// Publishes a policy as the version after `newest`, and answers its number.
    ///
    /// # Errors
    /// [`Error::Stale`] when another was published since `newest` (0 for none); [`Error::Invalid`] for a text or reason that is too
    /// long; any error of the writer.
    pub async fn publish_policy(&self, newest: i64, text: &str, actor: &str, why: &str) -> Result<i64, Error> {
        if text.len() > MAX_POLICY_BYTES || why.len() > MAX_WHY_BYTES {
            return Err(Error::Invalid("a policy that is too long"));
        }
        let (text, actor, why) = (text.to_owned(), actor.to_owned(), why.to_owned());
        self.write(move |tx| {
            let (text, actor, why) = (text.clone(), actor.clone(), why.clone());
            Box::pin(async move {
                let (last,): (i64,) = sqlx::query_as("SELECT coalesce(max(version), 0) FROM policy_version")
                    .fetch_one(&mut tx.connection)
                    .await
                    .map_err(Error::database("publishing a policy"))?;
                if last != newest {
                    return Err(Error::Stale);
                }
                let version = last.saturating_add(1);
                sqlx::query("INSERT INTO policy_version (version, at, actor, why, text) VALUES (?1, ?2, ?3, ?4, ?5)")
                    .bind(version)
                    .bind(tx.now.unix_millis())
                    .bind(actor.as_str())
                    .bind(why.as_str())
                    .bind(text.as_str())
                    .execute(&mut tx.connection)
                    .await
                    .map_err(Error::database("publishing a policy"))?;
                let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
                let detail = audit::detail_of(&[
                    ("version", json!(version)),
                    ("why", json!(crate::work::shortened(&why))),
                    ("sha256", json!(hex(&digest))),
                ])?;
                tx.audit(Entry { actor: actor.into(), event: AuditEvent::PolicyPublished, message: None, detail });
                Ok(version)
            })
        })
        .await
    }
}

/// Longest text of a policy.
pub const MAX_POLICY_BYTES: usize = 8 << 10;
const MAX_WHY_BYTES: usize = 2_000;
/// Versions that can be gone back to.
const MOST_READ: u32 = 100;

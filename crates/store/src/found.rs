//! What was found in an item of the quarantine after it came: by a password, or by converting it again. The scanner sees what is inside
//! only then, and who may ask for the original depends on it.

use form::reason::Reason;
use serde_json::json;

use crate::audit::{self, Entry};
use crate::writer::Tx;
use crate::{AuditEvent, Error, OpenedBy, QuarantineId, Store, requests};

/// What brought it to light.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// A password.
    Opening(OpenedBy),
    /// A conversion that somebody asked for.
    Converting,
}

impl Found {
    fn name(self) -> &'static str {
        match self {
            Found::Opening(by) => by.name(),
            Found::Converting => "converting",
        }
    }
}

impl Store {
    /// Notes that a password showed a virus in these items: it is their reason from here on, and what was asked for of their message is
    /// of that class. Done again, it changes nothing.
    ///
    /// # Errors
    /// Any error of the writer.
    pub async fn virus_found(&self, items: &[QuarantineId], by: OpenedBy, actor: &str) -> Result<(), Error> {
        if items.is_empty() {
            return Ok(());
        }
        let (items, actor) = (items.to_vec(), actor.to_owned());
        self.write(move |tx| {
            let (items, actor) = (items.clone(), actor.clone());
            Box::pin(async move {
                for item in items {
                    if let Some(message) = virus(tx, item, &actor, Found::Opening(by)).await? {
                        requests::reclass(tx, message).await?;
                    }
                }
                Ok(())
            })
        })
        .await
    }
}

/// Writes down that there is a virus in an item; the answer is its message, where that was not known before.
pub(crate) async fn virus(tx: &mut Tx, item: QuarantineId, actor: &str, by: Found) -> Result<Option<i64>, Error> {
    let infected = i64::from(Reason::Infected.code());
    let found: Option<(i64, String)> =
        sqlx::query_as("UPDATE quarantine SET reason = ?2 WHERE id = ?1 AND reason IS NOT ?2 RETURNING message, path")
            .bind(item.0)
            .bind(infected)
            .fetch_optional(&mut tx.connection)
            .await
            .map_err(Error::database("noting a virus"))?;
    let Some((message, path)) = found else { return Ok(None) };
    tx.words.item(item.0);
    let detail = audit::detail_of(&[("item", json!(item.0)), ("path", json!(path)), ("by", json!(by.name()))])?;
    tx.audit(Entry {
        actor: actor.to_owned().into(),
        event: AuditEvent::QuarantineVirusFound,
        message: Some(message),
        detail,
    });
    Ok(Some(message))
}

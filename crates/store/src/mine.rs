//! What belongs to a person: the batch of an upload, and taking an upload back.

use serde_json::json;

use crate::audit::Entry;
use crate::codec::Coded;
use crate::{AuditEvent, BatchToken, Error, MessageId, OriginKind, Store, Verdict};

impl Store {
    /// The batch that an upload is in, while its link works.
    ///
    /// # Errors
    /// [`Error::Database`] or [`Error::Damaged`].
    pub async fn batch_of(&self, message: MessageId) -> Result<Option<BatchToken>, Error> {
        let row: Option<(String,)> = sqlx::query_as(
            "SELECT b.token FROM batch b JOIN message m ON m.batch = b.id WHERE m.id = ?1 AND b.expires > ?2",
        )
        .bind(message.0)
        .bind(self.now().unix_millis())
        .fetch_optional(self.readers())
        .await
        .map_err(Error::database("looking for a batch"))?;
        row.map(|(token,)| BatchToken::parse(&token).ok_or(Error::Damaged("a batch token"))).transpose()
    }

    /// How many jobs are to be started before this one, counted up to a thousand; `None` when it does not wait.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn ahead_of(&self, message: MessageId) -> Result<Option<u32>, Error> {
        let row: Option<(u32,)> = sqlx::query_as(
            "SELECT (SELECT count(*) FROM (SELECT 1 FROM job o WHERE o.state = 0 AND o.due < j.due LIMIT 1000))
             FROM job j WHERE j.message = ?1 AND j.state = 0",
        )
        .bind(message.0)
        .fetch_optional(self.readers())
        .await
        .map_err(Error::database("counting jobs"))?;
        Ok(row.map(|(ahead,)| ahead))
    }

    /// Takes an upload back before its job is started: its original is removed, and its row stays in the batch as one that was taken
    /// back. The answer is whether that was still possible.
    ///
    /// # Errors
    /// Any error of the writer.
    pub async fn cancel_upload(&self, message: MessageId, actor: &str) -> Result<bool, Error> {
        let actor = actor.to_owned();
        self.write(move |tx| {
            let actor = actor.clone();
            Box::pin(async move {
                let done = sqlx::query(
                    "DELETE FROM job WHERE message = ?1 AND state = 0
                     AND EXISTS (SELECT 1 FROM message m WHERE m.id = ?1 AND m.origin = ?2)",
                )
                .bind(message.0)
                .bind(OriginKind::Upload.code())
                .execute(&mut tx.connection)
                .await
                .map_err(Error::database("taking an upload back"))?;
                if done.rows_affected() != 1 {
                    return Ok(false);
                }
                // A file of it is an orphan from here on, which the next purge removes.
                sqlx::query("DELETE FROM content WHERE id = (SELECT original FROM message WHERE id = ?1)")
                    .bind(message.0)
                    .execute(&mut tx.connection)
                    .await
                    .map_err(Error::database("taking an upload back"))?;
                sqlx::query(
                    "UPDATE message SET taken_back = 1, original = NULL, verdict = ?2, completed = ?3, purge_at = ?4
                     WHERE id = ?1",
                )
                .bind(message.0)
                .bind(Verdict::GivenUp.code())
                .bind(tx.now.unix_millis())
                .bind(tx.now.plus(tx.config.retention.metadata).unix_millis())
                .execute(&mut tx.connection)
                .await
                .map_err(Error::database("taking an upload back"))?;
                tx.words.message(message.0);
                let detail = json!({}).to_string();
                tx.audit(Entry {
                    actor: actor.into(),
                    event: AuditEvent::UploadCancelled,
                    message: Some(message.0),
                    detail,
                });
                Ok(true)
            })
        })
        .await
    }
}

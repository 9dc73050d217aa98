//! What came of converting an item again goes out: a mail to everybody that the first one went to, the result of an upload in the place
//! of the missing one. What still does not pass in it becomes items of its own.

use serde_json::json;
use sqlx::Row;

use crate::codec::{self, Coded};
use crate::retry::RetryState;
use crate::writer::Tx;
use crate::{Error, OriginKind, PartVerdict, QuarantineId, QuarantineState, Receipt, Verdict, delivery};

/// What a conversion left.
pub(crate) struct Left {
    pub(crate) state: RetryState,
    file: Option<i64>,
    mail: Option<i64>,
    /// What the mail says of itself.
    receipt: Option<Receipt>,
    subject: Option<String>,
    name: Option<String>,
    media_type: Option<String>,
    findings: Option<String>,
    bytes: i64,
    /// Something in it does not pass.
    is_partial: bool,
}

impl Left {
    fn verdict(&self) -> Verdict {
        if self.is_partial { Verdict::SanitisedWithWithheld } else { Verdict::Sanitised }
    }
}

/// What the last conversion of an item left.
pub(crate) async fn left(tx: &mut Tx, item: QuarantineId) -> Result<Option<Left>, Error> {
    let row = sqlx::query(
        "SELECT state, file, mail, subject, name, media_type, findings, bytes, receipt,
                EXISTS (SELECT 1 FROM retry_held h WHERE h.item = retry.item) FROM retry WHERE item = ?1",
    )
    .bind(item.0)
    .fetch_optional(&mut tx.connection)
    .await
    .map_err(Error::database("reading a conversion"))?;
    let Some(row) = row else { return Ok(None) };
    let get = |error| Error::database("reading a conversion")(error);
    Ok(Some(Left {
        state: RetryState::from_code(row.try_get(0).map_err(get)?)?,
        file: row.try_get(1).map_err(get)?,
        mail: row.try_get(2).map_err(get)?,
        subject: row.try_get(3).map_err(get)?,
        name: row.try_get(4).map_err(get)?,
        media_type: row.try_get(5).map_err(get)?,
        findings: row.try_get(6).map_err(get)?,
        bytes: row.try_get(7).map_err(get)?,
        receipt: row.try_get::<Option<&str>, _>(8).map_err(get)?.and_then(Receipt::parse),
        is_partial: row.try_get(9).map_err(get)?,
    }))
}

/// Delivers: a mail goes to everybody that the first one went to; an upload's result takes the place of the missing one.
pub(crate) async fn release(
    tx: &mut Tx,
    item: QuarantineId,
    message: i64,
    left: &Left,
) -> Result<(&'static str, serde_json::Value), Error> {
    sqlx::query("UPDATE quarantine SET state = ?2, on_hold = 0 WHERE id = ?1")
        .bind(item.0)
        .bind(QuarantineState::Released.code())
        .execute(&mut tx.connection)
        .await
        .map_err(Error::database("releasing an item"))?;
    match left.mail {
        Some(mail) => {
            let receipt = left.receipt.as_ref().ok_or(Error::Damaged("a receipt"))?;
            send(tx, message, left, mail, receipt).await?;
            split(tx, item, message).await?;
            // The mail belongs to the message that brings it from here on.
            run(tx, "UPDATE retry SET mail = NULL WHERE item = ?1", item.0).await?;
            Ok(("receipt", json!(receipt.as_str())))
        }
        None => {
            replace(tx, item, message, left).await?;
            tell_held(tx, item, message).await?;
            split(tx, item, message).await?;
            run(tx, "UPDATE retry SET file = NULL WHERE item = ?1", item.0).await?;
            Ok(("name", json!(left.name)))
        }
    }
}

async fn send(tx: &mut Tx, about: i64, left: &Left, mail: i64, receipt: &Receipt) -> Result<(), Error> {
    let row = sqlx::query("SELECT sender, recipients, smtputf8 FROM message WHERE id = ?1")
        .bind(about)
        .fetch_one(&mut tx.connection)
        .await
        .map_err(Error::database("reading a mail"))?;
    let get = |error| Error::database("reading a mail")(error);
    let sender: Option<String> = row.try_get(0).map_err(get)?;
    let recipients = codec::list(row.try_get(1).map_err(get)?)?;
    let smtputf8: bool = row.try_get(2).map_err(get)?;
    let message = tx.marks.next_message();
    sqlx::query(
        "INSERT INTO message (id, receipt, origin, received, sender, recipients, smtputf8, body_8bit, about,
            fingerprint, original_bytes, verdict, completed, subject, output, output_bytes, purge_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, 0, 0, ?9, ?4, ?10, ?11, (SELECT length FROM content WHERE id = ?11), ?12)",
    )
    .bind(message)
    .bind(receipt.as_str())
    .bind(OriginKind::Unlocked.code())
    .bind(tx.now.unix_millis())
    .bind(sender)
    .bind(codec::list_text(&recipients)?)
    .bind(smtputf8)
    .bind(about)
    .bind(left.verdict().code())
    .bind(left.subject.as_deref())
    .bind(mail)
    .bind(tx.now.plus(tx.config.retention.delivered_outputs).unix_millis())
    .execute(&mut tx.connection)
    .await
    .map_err(Error::database("inserting a released mail"))?;
    let rows: Vec<(i64, i64, &str)> =
        (1..).zip(&recipients).map(|(number, address)| (message, number, address.as_str())).collect();
    delivery::insert(tx, &rows).await?;
    tx.words.message(message);
    Ok(())
}

async fn replace(tx: &mut Tx, item: QuarantineId, message: i64, left: &Left) -> Result<(), Error> {
    // What was given up has no part that says why.
    sqlx::query(
        "INSERT INTO part (message, number, path, name, detected_type, verdict, limit_value, actual_value, bytes_in, bytes_out, millis)
         SELECT q.message, 1, '', q.name, q.detected_type, ?2, 0, 0, q.bytes, 0, 0 FROM quarantine q WHERE q.id = ?1
           AND NOT EXISTS (SELECT 1 FROM part p WHERE p.message = q.message AND p.path = '')",
    )
    .bind(item.0)
    .bind(PartVerdict::Withheld.code())
    .execute(&mut tx.connection)
    .await
    .map_err(Error::database("putting a result in its place"))?;
    sqlx::query(
        "UPDATE part SET verdict = ?2, reason = NULL, output_name = ?3, media_type = ?4, findings = ?5, bytes_out = ?6,
            result = ?7, similarity = NULL, compared = NULL WHERE message = ?1 AND path = ''",
    )
    .bind(message)
    .bind(PartVerdict::Sanitised.code())
    .bind(left.name.as_deref())
    .bind(left.media_type.as_deref())
    .bind(left.findings.as_deref())
    .bind(left.bytes)
    .bind(left.file)
    .execute(&mut tx.connection)
    .await
    .map_err(Error::database("putting a result in its place"))?;
    begin_anew(tx, message, left.verdict()).await?;
    tx.words.message(message);
    Ok(())
}
/// An upload has a new outcome. Its retention begins anew, and so does its link: who sent it has not seen it yet.
pub(crate) async fn begin_anew(tx: &mut Tx, message: i64, verdict: Verdict) -> Result<(), Error> {
    sqlx::query("UPDATE message SET verdict = ?2, completed = ?3, purge_at = ?4 WHERE id = ?1")
        .bind(message)
        .bind(verdict.code())
        .bind(tx.now.unix_millis())
        .bind(tx.now.plus(tx.config.retention.upload_outputs.min(tx.config.retention.originals)).unix_millis())
        .execute(&mut tx.connection)
        .await
        .map_err(Error::database("putting a result in its place"))?;
    sqlx::query("UPDATE batch SET expires = max(expires, ?2) WHERE id = (SELECT batch FROM message WHERE id = ?1)")
        .bind(message)
        .bind(tx.now.plus(tx.config.retention.upload_outputs).unix_millis())
        .execute(&mut tx.connection)
        .await
        .map_err(Error::database("putting a result in its place"))?;
    Ok(())
}

/// Makes an item of each part that does not pass inside of what is released. It is kept as long as the item that it was part of.
async fn split(tx: &mut Tx, item: QuarantineId, message: i64) -> Result<(), Error> {
    let rows: Vec<(i64, i64)> = sqlx::query_as(
        "SELECT h.number, h.content FROM retry_held h WHERE h.item = ?1 AND NOT EXISTS (
            SELECT 1 FROM quarantine q WHERE q.message = ?2 AND q.path = h.path AND (q.state < 2 OR q.deleted = 1))
         ORDER BY h.number",
    )
    .bind(item.0)
    .bind(message)
    .fetch_all(&mut tx.connection)
    .await
    .map_err(Error::database("reading what is still held"))?;
    for (number, content) in rows {
        let id = tx.marks.next_quarantine();
        sqlx::query(
            "INSERT INTO quarantine (id, message, path, name, detected_type, reason, bytes, content, state, created, expires, locked)
             SELECT ?3, q.message, h.path, h.name, h.detected_type, h.reason, h.bytes, ?4, ?5, q.created, q.expires, h.locked
             FROM retry_held h JOIN quarantine q ON q.id = h.item WHERE h.item = ?1 AND h.number = ?2",
        )
        .bind(item.0)
        .bind(number)
        .bind(id)
        .bind(content)
        .bind(QuarantineState::Held.code())
        .execute(&mut tx.connection)
        .await
        .map_err(Error::database("holding what does not pass"))?;
        tx.words.item(id);
        // Its bytes are that item's from here on.
        sqlx::query("DELETE FROM retry_held WHERE item = ?1 AND number = ?2")
            .bind(item.0)
            .bind(number)
            .execute(&mut tx.connection)
            .await
            .map_err(Error::database("holding what does not pass"))?;
    }
    Ok(())
}

/// Says of the parts of an upload which of them do not pass.
async fn tell_held(tx: &mut Tx, item: QuarantineId, message: i64) -> Result<(), Error> {
    sqlx::query("DELETE FROM part WHERE message = ?1 AND path IN (SELECT path FROM retry_held WHERE item = ?2)")
        .bind(message)
        .bind(item.0)
        .execute(&mut tx.connection)
        .await
        .map_err(Error::database("putting a result in its place"))?;
    sqlx::query(
        "INSERT INTO part (message, number, path, name, detected_type, verdict, reason, limit_value, actual_value, bytes_in, bytes_out,
            millis)
         SELECT ?1, (SELECT max(number) FROM part WHERE message = ?1) + h.number, h.path, h.name, h.detected_type, ?3, h.reason, 0, 0,
            h.bytes, 0, 0 FROM retry_held h WHERE h.item = ?2",
    )
    .bind(message)
    .bind(item.0)
    .bind(PartVerdict::Withheld.code())
    .execute(&mut tx.connection)
    .await
    .map_err(Error::database("putting a result in its place"))?;
    Ok(())
}

/// Removes what is known of an item's conversion; the answer is the content that it named.
pub(crate) async fn forget(tx: &mut Tx, item: i64) -> Result<Vec<i64>, Error> {
    let held: Vec<(i64,)> = sqlx::query_as("DELETE FROM retry_held WHERE item = ?1 RETURNING content")
        .bind(item)
        .fetch_all(&mut tx.connection)
        .await
        .map_err(Error::database("removing a conversion"))?;
    let row: Option<(Option<i64>, Option<i64>)> =
        sqlx::query_as("DELETE FROM retry WHERE item = ?1 RETURNING file, mail")
            .bind(item)
            .fetch_optional(&mut tx.connection)
            .await
            .map_err(Error::database("removing a conversion"))?;
    let of_row = row.into_iter().flat_map(|(file, mail)| [file, mail]).flatten();
    Ok(held.into_iter().map(|(content,)| content).chain(of_row).collect())
}

async fn run(tx: &mut Tx, sql: &'static str, value: i64) -> Result<(), Error> {
    sqlx::query(sql).bind(value).execute(&mut tx.connection).await.map_err(Error::database("changing an item"))?;
    Ok(())
}

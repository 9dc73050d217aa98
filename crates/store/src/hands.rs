//! Whose hands an account has been in: who made it, changed what it may do, or let it be signed in with anew. Two accounts of which the
//! one was lately in the hands of the other, or both in those of a third, are one pair of eyes.

use std::time::Duration;

use sqlx::sqlite::SqliteConnection;

use crate::writer::Tx;
use crate::{Error, Request, RequestRules, Store, Timestamp, UserId};

/// What an account would do in a request beside those who asked and approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Eyes {
    /// Give the next approval.
    Approving,
    /// Fetch the original.
    Fetching,
}

impl Store {
    /// Whether an account can be a pair of eyes of its own for a request; the rules say since when it must be out of the others' hands.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn is_settled_for(
        &self,
        request: &Request,
        user: UserId,
        eyes: Eyes,
        rules: RequestRules,
    ) -> Result<bool, Error> {
        let mut connection =
            self.readers().acquire().await.map_err(Error::database("taking a connection for reading"))?;
        is_settled(&mut connection, request, user, eyes, self.now(), rules.settled).await
    }
}

/// Notes that an account was in the hands of whoever has this name; whoever is no account has none.
pub(crate) async fn note(tx: &mut Tx, account: UserId, actor: &str) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO account_hand (user_id, hand, at) SELECT ?1, id, ?3 FROM users WHERE name = ?2 AND id <> ?1
         ON CONFLICT (user_id, hand) DO UPDATE SET at = excluded.at",
    )
    .bind(account.0)
    .bind(actor)
    .bind(tx.now.unix_millis())
    .execute(&mut tx.connection)
    .await
    .map_err(Error::database("noting who changed an account"))?;
    Ok(())
}

/// Whether `user` may take part beside the others of a request: they were there before it was made, and nobody had lately both them and
/// one of the others in hand, also by way of accounts in between. Everybody is in their own hands.
pub(crate) async fn is_settled(
    connection: &mut SqliteConnection,
    request: &Request,
    user: UserId,
    eyes: Eyes,
    now: Timestamp,
    settled: Duration,
) -> Result<bool, Error> {
    if settled.is_zero() {
        return Ok(true);
    }
    let mut others: Vec<i64> = request.approvals().iter().map(|(user, _)| user.0).collect();
    others.push(request.requester.0);
    let others = serde_json::to_string(&others).map_err(|_| Error::Invalid("a list of accounts"))?;
    // Who made the account that asks may give one of several approvals, never the only one, and does not fetch.
    let spared = (eyes == Eyes::Approving && request.quorum > 1).then_some(request.requester.0);
    let (is_new, is_bound): (bool, bool) = sqlx::query_as(
        "WITH RECURSIVE
           above (id) AS (SELECT ?1 UNION SELECT h.hand FROM account_hand h JOIN above a ON h.user_id = a.id WHERE h.at > ?2),
           theirs (of, id) AS (SELECT value, value FROM json_each(?3) WHERE value <> ?1
             UNION SELECT t.of, h.hand FROM account_hand h JOIN theirs t ON h.user_id = t.id WHERE h.at > ?2)
         SELECT EXISTS (SELECT 1 FROM users WHERE id = ?1 AND source = 0 AND created > max(?2, ?5)),
                EXISTS (SELECT 1 FROM above a JOIN theirs t ON t.id = a.id WHERE t.of IS NOT ?4 OR t.id <> ?1)",
    )
    .bind(user.0)
    .bind(now.minus(settled).unix_millis())
    .bind(others)
    .bind(spared)
    .bind(request.created.unix_millis())
    .fetch_one(connection)
    .await
    .map_err(Error::database("looking at who changed an account"))?;
    Ok(!is_new && !is_bound)
}

//! Rows of requests and of what was decided on them.

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Row};

use crate::codec::{self, Coded};
use crate::requests::{DecisionRow, Need, Request, RequestId};
use crate::{
    Decision, Error, ItemClass, MessageId, QuarantineId, Receipt, RequestState, Role, Timestamp, UserId, UserState,
    four_eyes,
};

/// One request with its decisions.
pub(super) async fn read(
    connection: &mut SqliteConnection,
    id: RequestId,
    now: Timestamp,
) -> Result<Option<Request>, Error> {
    let found = sqlx::query(AssertSqlSafe(format!("SELECT {COLUMNS} WHERE r.id = ?1")))
        .bind(id.0)
        .fetch_optional(&mut *connection)
        .await
        .map_err(Error::database("reading a request"))?;
    let Some(found) = found else { return Ok(None) };
    let request = row(&found, now)?;
    let decided = decisions(connection, &request).await?;
    Ok(Some(request.decided(decided)))
}

/// What was decided on a request, the oldest first.
pub(super) async fn decisions(connection: &mut SqliteConnection, of: &Request) -> Result<Vec<DecisionRow>, Error> {
    let rows = sqlx::query(
        "SELECT d.user_id, u.name, d.role, d.at, d.approves, d.comment, u.created, u.role,
                u.state = ?2 AND (u.source = 0 OR u.confirmed IS NOT NULL)
         FROM decision d JOIN users u ON u.id = d.user_id WHERE d.request = ?1 ORDER BY d.number",
    )
    .bind(of.id.0)
    .bind(UserState::Active.code())
    .fetch_all(connection)
    .await
    .map_err(Error::database("reading decisions"))?;
    let get = |error| Error::database("reading decisions")(error);
    let is_over = !matches!(of.state, RequestState::Open | RequestState::Approved);
    rows.iter()
        .map(|row| {
            let role = Role::from_code(row.try_get(2).map_err(get)?)?;
            let signs_in: bool = row.try_get(8).map_err(get)?;
            let now = Role::from_code(row.try_get(7).map_err(get)?)?;
            let now = signs_in.then_some(now);
            Ok(DecisionRow {
                user: UserId(row.try_get(0).map_err(get)?),
                name: row.try_get(1).map_err(get)?,
                role,
                at: Timestamp::from_unix_millis(row.try_get(3).map_err(get)?),
                decision: if row.try_get(4).map_err(get)? { Decision::Approve } else { Decision::Return },
                comment: row.try_get(5).map_err(get)?,
                since: Timestamp::from_unix_millis(row.try_get(6).map_err(get)?),
                // What is over is told as it was.
                counts: if is_over { Some(role) } else { four_eyes::counts_as(role, now, of.class) },
            })
        })
        .collect()
}

/// A request without its decisions, from [`COLUMNS`].
pub(super) fn row(row: &SqliteRow, now: Timestamp) -> Result<Request, Error> {
    let get = |error| Error::database("reading a request row")(error);
    let receipt: &str = row.try_get(2).map_err(get)?;
    let ends = Timestamp::from_unix_millis(row.try_get(19).map_err(get)?);
    let stored = RequestState::from_code(row.try_get(17).map_err(get)?)?;
    Ok(Request {
        id: RequestId(row.try_get(0).map_err(get)?),
        message: MessageId(row.try_get(1).map_err(get)?),
        receipt: Receipt::parse(receipt).ok_or(Error::Damaged("a receipt"))?,
        subject: row.try_get(3).map_err(get)?,
        sender: row.try_get(4).map_err(get)?,
        path: row.try_get(5).map_err(get)?,
        item: row.try_get::<Option<i64>, _>(6).map_err(get)?.map(QuarantineId),
        name: row.try_get(7).map_err(get)?,
        class: ItemClass::from_code(row.try_get(8).map_err(get)?)?,
        need: Need::from_code(row.try_get(9).map_err(get)?)?,
        words: row.try_get(10).map_err(get)?,
        confirmed: row.try_get(11).map_err(get)?,
        requester: UserId(row.try_get(12).map_err(get)?),
        requester_name: row.try_get::<Option<String>, _>(13).map_err(get)?.unwrap_or_default(),
        requester_since: Timestamp::from_unix_millis(
            row.try_get::<Option<i64>, _>(21).map_err(get)?.unwrap_or_default(),
        ),
        approver: row.try_get::<Option<i64>, _>(14).map_err(get)?.map(UserId),
        approver_name: row.try_get(15).map_err(get)?,
        quorum: codec::count(row.try_get(16).map_err(get)?),
        state: four_eyes::state_at(stored, ends, now),
        created: Timestamp::from_unix_millis(row.try_get(18).map_err(get)?),
        ends,
        downloads: codec::count(row.try_get(20).map_err(get)?),
        decisions: Vec::new(),
    })
}

/// Columns and tables of a [`row`].
pub(super) const COLUMNS: &str = "r.id, r.message, m.receipt, coalesce(m.subject, m.file_name), m.sender, r.path, r.item, r.name, r.class, \
    r.need, r.words, r.confirmed, r.requester, u.name, r.approver, a.name, r.quorum, r.state, r.created, r.ends, r.downloads, u.created \
    FROM request r JOIN message m ON m.id = r.message LEFT JOIN users u ON u.id = r.requester \
    LEFT JOIN users a ON a.id = r.approver";

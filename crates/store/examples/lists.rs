//! How fast the lists are over a million rows: first pages, filtered pages, searches, pages deep inside, and the counts of the
//! dashboard.
//!
//! `cargo run --release -p store --example lists [ROWS] [DIRECTORY]` fills a store and prints the slowest of several looks each.

#![allow(clippy::disallowed_methods, reason = "a measuring tool reads the clock")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measuring tool stops at the first surprise")]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use form::reason::Reason;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, Executor};
use store::{
    AuditFilter, Clock, MessageFilter, OriginKind, QuarantineFilter, QuarantineState, RefusalFilter, Store,
    StoreConfig, Timestamp, Verdict,
};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let rows: i64 = std::env::args().nth(1).map_or(1_000_000, |rows| rows.parse().unwrap());
    let base = std::env::args().nth(2).map_or_else(std::env::temp_dir, Into::into);
    let directory = tempfile::tempdir_in(base).unwrap();
    let clock = Clock::new(now);
    let config = || StoreConfig { reserve_bytes: 0, ..StoreConfig::new(directory.path(), clock.clone()) };
    Store::open(config()).await.unwrap().close().await;
    let start = Instant::now();
    fill(&directory.path().join("misogi.sqlite"), rows).await;
    println!("{rows} messages, as many originals in quarantine, audit rows: filled in {:.0?}", start.elapsed());
    let store = Store::open(config()).await.unwrap();
    let start = Instant::now();
    let indexed = store.index_words().await.unwrap();
    println!("{indexed} rows indexed in {:.0?}; {:?}", start.elapsed(), store.disk().await.unwrap());

    let deep = Some(rows / 10);
    let some = |text: &str| Some(text.to_owned());
    let day = Duration::from_secs(86_400);
    println!("{:<64} {:>6} {:>9}", "tracking", "rows", "ms");
    let default = MessageFilter::default;
    for (name, filter) in [
        ("first page", default()),
        ("deep page", MessageFilter { before: deep, ..default() }),
        ("verdict given up (1 in 10,000)", MessageFilter { verdict: Some(Verdict::GivenUp), ..default() }),
        ("uploads (1 in 100), deep", MessageFilter { origin: Some(OriginKind::Upload), before: deep, ..default() }),
        (
            "uploads given up",
            MessageFilter { origin: Some(OriginKind::Upload), verdict: Some(Verdict::GivenUp), ..default() },
        ),
        (
            "one day, 300 days ago",
            MessageFilter { since: Some(now().minus(day * 300)), until: Some(now().minus(day * 299)), ..default() },
        ),
        ("text that all have", MessageFilter { text: some("example"), ..default() }),
        ("text that all have, deep", MessageFilter { text: some("example"), before: deep, ..default() }),
        ("text that one has", MessageFilter { text: some("特別な案件"), ..default() }),
        ("text that one has, two characters", MessageFilter { text: some("稀有"), ..default() }),
        ("text that none has", MessageFilter { text: some("どこにもない言葉"), ..default() }),
        ("sender, one of 5,000", MessageFilter { sender: some("sender4321@"), ..default() }),
        ("sender and file name", MessageFilter { sender: some("sender4321@"), file: some("見積"), ..default() }),
        ("recipient, one of 2,000, deep", MessageFilter { recipient: some("staff1234@"), before: deep, ..default() }),
        ("text and verdict", MessageFilter { text: some("example"), verdict: Some(Verdict::GivenUp), ..default() }),
        (
            "text and one day",
            MessageFilter {
                text: some("見積"),
                since: Some(now().minus(day * 300)),
                until: Some(now().minus(day * 299)),
                ..default()
            },
        ),
        ("one letter, newest 20,000 only", MessageFilter { text: some("稀"), ..default() }),
        ("receipt, its end", MessageFilter { identifier: some("00777"), ..default() }),
        ("Message-ID", MessageFilter { identifier: some("<m777@mx.example.jp>"), ..default() }),
    ] {
        look(name, || async { store.messages(&filter).await.unwrap().items.len() }).await;
    }
    println!("quarantine");
    let default = QuarantineFilter::default;
    for (name, filter) in [
        ("first page", default()),
        ("deep page", QuarantineFilter { before: deep, ..default() }),
        ("held, deep", QuarantineFilter { state: Some(QuarantineState::Held), before: deep, ..default() }),
        ("released (1 in 1,000)", QuarantineFilter { state: Some(QuarantineState::Released), ..default() }),
        ("reason (1 in 20), deep", QuarantineFilter { reason: Some(Reason::Encrypted), before: deep, ..default() }),
        (
            "released for a reason",
            QuarantineFilter { state: Some(QuarantineState::Released), reason: Some(Reason::Encrypted), ..default() },
        ),
        ("file name, one has it", QuarantineFilter { text: some("稀有"), ..default() }),
        ("file name, all have it, deep", QuarantineFilter { text: some("見積"), before: deep, ..default() }),
        ("none has it", QuarantineFilter { text: some("どこにもない言葉"), ..default() }),
    ] {
        look(name, || async { store.quarantine(&filter).await.unwrap().items.len() }).await;
    }
    println!("audit");
    let default = AuditFilter::default;
    for (name, filter) in [
        ("first page", default()),
        ("deep page", AuditFilter { before: deep, ..default() }),
        ("actor (1 in 1,000)", AuditFilter { actor: some("kanri01"), ..default() }),
        ("actor that did nothing", AuditFilter { actor: some("nobody"), ..default() }),
        ("event (1 in 1,000), deep", AuditFilter { event: some("original_viewed"), before: deep, ..default() }),
        (
            "one day, 300 days ago",
            AuditFilter { since: Some(now().minus(day * 300)), until: Some(now().minus(day * 299)), ..default() },
        ),
        ("message", AuditFilter { message: Some(store::MessageId(rows / 2)), ..default() }),
    ] {
        look(name, || async { store.audit(&filter).await.unwrap().items.len() }).await;
    }
    println!("others");
    let refused = RefusalFilter { text: some("nobody@nowhere"), ..RefusalFilter::default() };
    look("refusals, 100,000, none found", || async { store.refusals(&refused).await.unwrap().items.len() }).await;
    look("counts", || async { usize::try_from(store.counts().await.unwrap().quarantined).unwrap() }).await;
    look("figures of 24 hours, 40 rows a minute", || async { store.figures().await.unwrap().kinds.len() }).await;
    look("disk", || async { usize::from(store.disk().await.is_ok()) }).await;
    look("one message with everything", || async {
        store.message(store::MessageId(rows / 2)).await.unwrap().unwrap().parts.len()
    })
    .await;
    store.close().await;
}

fn now() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_millis(i64::try_from(now.as_millis()).unwrap_or(0))
}

/// The slowest of five looks; the first of them finds nothing in the cache of the connection that happens to answer.
async fn look<F: Future<Output = usize>>(name: &str, what: impl Fn() -> F) {
    let mut slowest = Duration::ZERO;
    let mut rows = 0;
    for _ in 0..5 {
        let start = Instant::now();
        rows = what().await;
        slowest = slowest.max(start.elapsed());
    }
    println!("{name:<64} {rows:>6} {:>9.1}", slowest.as_secs_f64() * 1e3);
}

/// Writes rows as a year of mail leaves them, without going through the store: what is measured is reading.
async fn fill(database: &std::path::Path, rows: i64) {
    let mut database = SqliteConnectOptions::new().filename(database).connect().await.unwrap();
    database.execute("PRAGMA synchronous = OFF").await.unwrap();
    let now = now().unix_millis();
    let year = 365 * 86_400_000_i64;
    // Times rise with the keys and end now.
    let numbers = format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})");
    let at = format!("{now} - {year} + (i * {year} / {rows})");
    let account = "作り直しました。".repeat(60);
    for statement in [
        format!(
            "{numbers} INSERT INTO message (id, receipt, origin, received, peer, helo, sender, recipients, smtputf8, body_8bit,
                file_name, fingerprint, original_bytes, verdict, completed, subject, header_from, account, output_bytes, message_id)
             SELECT i, printf('20251121-%05d', i), iif(i % 100 = 7, 1, 0), {at}, '192.0.2.1', 'mx.example.jp',
                printf('sender%d@example%d.co.jp', i % 5000, i % 300), json_array(printf('staff%d@city.example.lg.jp', i % 2000)),
                0, 1, iif(i % 100 = 7, '写真.jpg', NULL), i, 20000, iif(i % 10000 = 7, 3, iif(i % 10 = 3, 1, 0)), {at},
                iif(i = 777, '特別な案件について', printf('見積書の送付について %d', i)),
                printf('担当者 <sender%d@example%d.co.jp>', i % 5000, i % 300), '{account}', 18000,
                printf('m%d@mx.example.jp', i) FROM n"
        ),
        format!(
            "{numbers} INSERT INTO part (message, number, path, name, detected_type, verdict, limit_value, actual_value, bytes_in,
                bytes_out, millis)
             SELECT i, 1, '1', printf('見積書%d.xlsx', i), 'xlsx', 0, 0, 0, 20000, 18000, 120 FROM n"
        ),
        format!(
            "{numbers} INSERT INTO quarantine (id, message, path, name, detected_type, reason, bytes, content, state, created,
                expires, locked)
             SELECT i, i, '1', iif(i = 777, '稀有.zip', printf('見積書%d.zip', i)), 'zip', iif(i % 20 = 3, {}, {}), 20000, i,
                iif(i % 1000 = 5, 1, 0), {at}, {at} + 2592000000, 0 FROM n",
            Reason::Encrypted.code(),
            Reason::UnsupportedType.code()
        ),
        format!(
            "{numbers} INSERT INTO audit (seq, at, actor, event, message, detail, hash)
             SELECT i, {at}, iif(i % 1000 = 9, 'kanri01', 'gateway'),
                CASE WHEN i % 1000 = 9 THEN 'original_viewed' WHEN i % 2 = 0 THEN 'accepted' ELSE 'completed' END, i, '{{}}',
                randomblob(32) FROM n"
        ),
        format!(
            "{numbers} INSERT INTO refusal (at, peer, helo, sender, recipient, code, text)
             SELECT {at}, '198.51.100.7', 'mx.example.net', 'a@example.net', printf('x%d@city.example.lg.jp', i), 550,
                '550 5.7.1 not a recipient here' FROM n LIMIT 100000"
        ),
        format!(
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 2 * 1440 * 40)
             INSERT INTO figure (minute, kind, name, count)
             SELECT {now} / 60000 - i / 40, i % 40 % 7, printf('%d', i % 40 / 7), 1 + i % 50 FROM n"
        ),
        format!(
            "UPDATE counter SET value = {rows} WHERE name IN ('messages_to_index', 'items_to_index')"
        ),
    ] {
        let mut transaction = database.begin().await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut *transaction).await.unwrap();
        transaction.commit().await.unwrap();
    }
    // As the store itself leaves them: without statistics the planner decides as it does there.
    database.close().await.unwrap();
}

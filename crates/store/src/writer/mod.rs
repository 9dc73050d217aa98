//! The one task that writes.
//!
//! It owns the writing connection, takes every operation that waits, and commits them as one transaction: the callers
//! share one fsync, and each is answered only after it. When a statement fails, the transaction is rolled back and the
//! operations are run one by one, so that the one which cannot be done does not take the others with it. When the
//! connection itself is lost, the operations at hand are answered with an error and the next ones get a new connection.

mod batch;
mod marks;
mod operation;

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Connection, Executor};
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use crate::audit::Entry;
use crate::blobs::Blobs;
use crate::complete::CompleteOp;
use crate::delivery::{DueOp, ResultsOp};
use crate::figures::{self, Counted, Figure};
use crate::intake::AcceptOp;
use crate::open::{Existence, connect, read_marks};
use crate::refusals::{self, Taken, Waiting};
use crate::sql::{Many, Texts, Values};
use crate::unlock::ReleaseOp;
use crate::words;
use crate::work::ClaimOp;
use crate::{Error, Event, StoreConfig, Timestamp};

use batch::{Batch, Files};

pub(crate) use marks::{Marks, Memory, SET_COUNTER, Tally, Wake};
pub(crate) use operation::{Call, Operation, Reply, Step};

/// Something the writer does. The frequent kinds are run together, many rows per statement.
pub(crate) enum Op {
    Accept(Box<AcceptOp>),
    Complete(Box<CompleteOp>),
    Results(Box<ResultsOp>),
    Release(Box<ReleaseOp>),
    Due(DueOp),
    Claim(ClaimOp),
    Other(Box<dyn Operation>),
    Stop,
}

/// The writer's connection and everything it alone knows.
pub(crate) struct Tx {
    pub(crate) connection: SqliteConnection,
    pub(crate) config: Arc<StoreConfig>,
    pub(crate) blobs: Arc<Blobs>,
    pub(crate) now: Timestamp,
    pub(crate) marks: Marks,
    pub(crate) memory: Memory,
    /// Wake-ups to send once the transaction is committed.
    pub(crate) wake: Wake,
    texts: Texts,
    /// What is to be found by its words.
    pub(crate) words: words::Pending,
    audit: Vec<Entry>,
    counted: Vec<Counted>,
    refusals: Taken,
    told: Vec<(Event, String)>,
    shared: Arc<Shared>,
    /// The connection answers nothing any more; the next transaction needs a new one.
    lost: bool,
    // Held as long as the writer lives: a second process must not open the store before the last commit is through.
    _lock: std::fs::File,
}

/// What the writer tells the callers without being asked.
pub(crate) struct Shared {
    pub(crate) work: Notify,
    pub(crate) delivery: Notify,
    /// Refusals that are to be written.
    pub(crate) refusals: Waiting,
    /// No job is due before this time (Unix milliseconds).
    pub(crate) work_due: AtomicI64,
    /// No delivery is due before this time.
    pub(crate) delivery_due: AtomicI64,
}

/// Runs until every sender is gone or [`Op::Stop`] comes; what was sent before is still done.
pub(crate) async fn run(mut tx: Tx, mut queue: mpsc::Receiver<Op>) {
    let mut ops = Vec::with_capacity(MOST_OPS);
    let shared = tx.shared.clone();
    loop {
        let received = tokio::select! {
            received = queue.recv_many(&mut ops, MOST_OPS) => received,
            () = shared.refusals.due() => {
                tx.commit(Batch::default()).await;
                continue;
            }
        };
        if received == 0 {
            break;
        }
        if !tx.config.commit_window.is_zero() && ops.len() < MOST_OPS {
            tokio::time::sleep(tx.config.commit_window).await;
            while ops.len() < MOST_OPS
                && let Ok(op) = queue.try_recv()
            {
                ops.push(op);
            }
        }
        let mut batch = Batch::default();
        for op in ops.drain(..) {
            match op {
                Op::Accept(op) => batch.accepts.push(*op),
                Op::Complete(op) => batch.completes.push(*op),
                Op::Results(op) => batch.results.push(*op),
                Op::Release(op) => batch.releases.push(*op),
                Op::Due(op) => batch.dues.push(op),
                Op::Claim(op) => batch.claims.push(op),
                Op::Other(op) => batch.others.push(op),
                Op::Stop => queue.close(),
            }
        }
        tx.commit(batch).await;
    }
    // What was refused a moment ago.
    if !shared.refusals.is_empty() {
        tx.commit(Batch::default()).await;
    }
    if let Err(error) = tx.connection.close().await {
        tracing::warn!(event = "store_close_failed", %error);
    }
}

impl Tx {
    pub(crate) fn new(
        connection: SqliteConnection,
        config: Arc<StoreConfig>,
        blobs: Arc<Blobs>,
        shared: Arc<Shared>,
        marks: Marks,
        lock: std::fs::File,
    ) -> Self {
        Tx {
            connection,
            now: config.clock.now(),
            config,
            blobs,
            marks,
            memory: Memory::default(),
            wake: Wake::NEVER,
            texts: Texts::default(),
            words: words::Pending::default(),
            audit: Vec::new(),
            counted: Vec::new(),
            refusals: Taken::default(),
            told: Vec::new(),
            shared,
            lost: false,
            _lock: lock,
        }
    }

    /// Adds an audit row to this transaction.
    pub(crate) fn audit(&mut self, entry: Entry) {
        self.audit.push(entry);
    }

    /// Tells every hook that wants to know, once this transaction is committed. `data` is a JSON object that names no people, subjects or
    /// files.
    pub(crate) fn tell(&mut self, event: Event, data: &serde_json::Value) {
        if self.config.hooks.iter().any(|hook| hook.events.contains(&event)) {
            self.told.push((event, data.to_string()));
        }
    }

    pub(crate) fn count(&mut self, tally: Tally, by: usize) {
        if let Some(total) = self.marks.tally.get_mut(tally.index()) {
            *total = total.saturating_add(i64::try_from(by).unwrap_or(i64::MAX));
        }
    }

    /// Counts something for the figures of this minute.
    pub(crate) fn figure(&mut self, figure: Figure, name: impl Into<Cow<'static, str>>) {
        self.counted.push((figure, name.into()));
    }

    /// Runs a statement over many rows.
    pub(crate) async fn many<T>(
        &mut self,
        many: &'static Many,
        rows: &[T],
        bind: impl Fn(&mut Values, &T),
    ) -> Result<Vec<SqliteRow>, Error> {
        self.texts.run(&mut self.connection, many, rows, bind).await
    }

    /// Runs a statement without values.
    pub(crate) async fn execute(&mut self, doing: &'static str, sql: &'static str) -> Result<(), Error> {
        self.connection.execute(sql).await.map(drop).map_err(Error::database(doing))
    }

    async fn commit(&mut self, mut batch: Batch) {
        if self.lost
            && let Err(error) = self.reconnect().await
        {
            tracing::error!(event = "store_reconnect_failed", error = &error as &dyn std::error::Error);
            batch.answer(Some(&Arc::new(error)), Files::Remove);
            return;
        }
        let error = match self.attempt(&mut batch).await {
            Ok(()) => {
                batch.answer(None, Files::Keep);
                return;
            }
            Err(Failure { error, files }) => {
                if files == Files::Keep || error.is_systemic() || batch.len() <= 1 {
                    tracing::error!(event = "store_transaction_failed", error = &error as &dyn std::error::Error);
                    batch.answer(Some(&Arc::new(error)), files);
                    return;
                }
                error
            }
        };
        tracing::warn!(event = "store_batch_split", error = &error as &dyn std::error::Error, operations = batch.len());
        for mut single in batch.split() {
            match self.attempt(&mut single).await {
                Ok(()) => single.answer(None, Files::Keep),
                Err(Failure { error, files }) => single.answer(Some(&Arc::new(error)), files),
            }
        }
    }

    /// Runs one transaction, and undoes it when it fails.
    async fn attempt(&mut self, batch: &mut Batch) -> Result<(), Failure> {
        let marks = self.marks;
        // A connection whose thread died may also leave a command without any answer.
        let failure = match timeout(self.config.transaction_limit, self.transaction(batch)).await {
            Ok(Ok(())) => {
                self.publish(batch);
                return Ok(());
            }
            Ok(Err(failure)) => failure,
            Err(_) => {
                self.lose(&sqlx::Error::WorkerCrashed);
                Failure { error: unanswered(), files: Files::Keep }
            }
        };
        self.marks = marks;
        self.audit.clear();
        self.counted.clear();
        self.words.truncate((0, 0));
        let taken = std::mem::take(&mut self.refusals);
        self.shared.refusals.put_back(taken);
        self.told.clear();
        if !self.lost {
            self.roll_back().await;
        }
        Err(failure)
    }

    async fn transaction(&mut self, batch: &mut Batch) -> Result<(), Failure> {
        self.now = self.config.clock.now();
        self.wake = Wake::NEVER;
        self.audit.clear();
        self.counted.clear();
        self.words.truncate((0, 0));
        self.refusals = self.shared.refusals.take();
        self.told.clear();
        self.execute("beginning a transaction", "BEGIN IMMEDIATE").await?;
        let before = self.marks;
        crate::intake::accept_all(self, &mut batch.accepts).await?;
        crate::complete::complete_all(self, &mut batch.completes).await?;
        crate::delivery::results_all(self, &mut batch.results).await?;
        for release in &mut batch.releases {
            crate::unlock::release_one(self, release).await?;
        }
        for other in &mut batch.others {
            self.apart(other.as_mut()).await?;
        }
        for due in &mut batch.dues {
            crate::delivery::due_one(self, due).await?;
        }
        for claim in &mut batch.claims {
            crate::work::claim_one(self, claim).await?;
        }
        let taken = self.refusals.clone();
        refusals::write(self, &taken).await?;
        let pending = std::mem::take(&mut self.words);
        words::write(self, &pending).await?;
        self.write_told().await?;
        self.write_audit().await?;
        self.write_tally(&before).await?;
        let counted = std::mem::take(&mut self.counted);
        figures::write(self, &counted).await?;
        // A COMMIT that fails may still have reached the disk; files it names must stay.
        self.execute("committing", "COMMIT").await.map_err(|error| Failure { error, files: Files::Keep })?;
        // A connection whose thread dies in a statement ends it like one without rows: `Ok`. Only one that still answers
        // has committed.
        let alive = self.connection.ping().await.map_err(Error::database("committing"));
        alive.map_err(|error| Failure { error, files: Files::Keep })
    }

    /// Runs one operation so that its own failure leaves the rest of the transaction as it was.
    async fn apart(&mut self, operation: &mut dyn Operation) -> Result<(), Error> {
        let (marks, audited, wake) = (self.marks, self.audit.len(), self.wake);
        let (counted, words) = (self.counted.len(), self.words.len());
        let told = self.told.len();
        self.execute("setting a savepoint", "SAVEPOINT operation").await?;
        match operation.run(self).await {
            Ok(()) => self.execute("releasing a savepoint", "RELEASE operation").await,
            Err(error) if error.is_systemic() => Err(error),
            Err(error) => {
                self.execute("going back to a savepoint", "ROLLBACK TO operation").await?;
                self.execute("releasing a savepoint", "RELEASE operation").await?;
                self.marks = marks;
                self.wake = wake;
                self.audit.truncate(audited);
                self.counted.truncate(counted);
                self.words.truncate(words);
                self.told.truncate(told);
                operation.fail(error);
                Ok(())
            }
        }
    }

    async fn write_told(&mut self) -> Result<(), Error> {
        if self.told.is_empty() {
            return Ok(());
        }
        let told = std::mem::take(&mut self.told);
        crate::hooks::write(self, &told).await
    }

    async fn write_audit(&mut self) -> Result<(), Error> {
        if self.audit.is_empty() {
            return Ok(());
        }
        let entries = std::mem::take(&mut self.audit);
        let rows = crate::audit::chain(&mut self.marks, self.now, entries)?;
        self.many(&crate::audit::INSERT, &rows, crate::audit::bind).await?;
        Ok(())
    }

    async fn write_tally(&mut self, before: &Marks) -> Result<(), Error> {
        let changed: Vec<(&'static str, i64)> = Tally::ALL
            .iter()
            .filter_map(|tally| {
                let value = self.marks.tally(*tally);
                (value != before.tally(*tally)).then_some((tally.name(), value))
            })
            .collect();
        self.many(&SET_COUNTER, &changed, |values, (name, value)| {
            values.add(*name).add(*value);
        })
        .await?;
        Ok(())
    }

    async fn roll_back(&mut self) {
        match timeout(self.config.transaction_limit, self.connection.execute("ROLLBACK")).await {
            Ok(Ok(_)) => {}
            // SQLite has rolled back by itself after some errors (full disk, I/O); then there is nothing to undo.
            Ok(Err(error @ sqlx::Error::Database(_))) => {
                tracing::debug!(event = "store_rollback_not_needed", %error);
            }
            Ok(Err(error)) => self.lose(&error),
            Err(_) => self.lose(&sqlx::Error::WorkerCrashed),
        }
    }

    fn lose(&mut self, error: &sqlx::Error) {
        tracing::error!(event = "store_connection_lost", error = error as &dyn std::error::Error);
        self.lost = true;
    }

    /// Takes a new connection in place of one that was lost.
    async fn reconnect(&mut self) -> Result<(), Error> {
        timeout(self.config.transaction_limit, self.replace()).await.unwrap_or_else(|_| Err(unanswered()))?;
        self.lost = false;
        self.shared.work_due.store(i64::MIN, Ordering::Release);
        self.shared.delivery_due.store(i64::MIN, Ordering::Release);
        tracing::warn!(event = "store_reconnected");
        Ok(())
    }

    async fn replace(&mut self) -> Result<(), Error> {
        self.connection = connect(&self.config, Existence::Exists).await?;
        // Waits until the lost connection's transaction is gone. Whether that was committed is not known, so what the
        // database says counts.
        self.execute("beginning a transaction", "BEGIN IMMEDIATE").await?;
        self.marks = read_marks(&mut self.connection).await?;
        self.execute("ending a transaction", "ROLLBACK").await?;
        self.connection.ping().await.map_err(Error::database("trying a new connection"))
    }

    /// Takes note of what is now committed.
    fn publish(&mut self, batch: &mut Batch) {
        self.refusals = Taken::default();
        for accept in &batch.accepts {
            if let Some(Ok(accepted)) = &accept.reply.outcome {
                self.memory.remember(accept.fingerprint, accepted.message);
            }
        }
        for result in &batch.results {
            for result in &result.results {
                self.memory.in_flight.remove(&result.recipient_id);
            }
        }
        for due in &batch.dues {
            // Nobody waits any more: not in flight, then.
            if let Some(Ok(tasks)) = &due.reply.outcome
                && due.reply.is_awaited()
            {
                self.memory.in_flight.extend(tasks.iter().flat_map(|t| t.recipients.iter().map(|r| r.id)));
            }
            if let Some(next) = due.next_due {
                self.shared.delivery_due.store(next, Ordering::Release);
            }
        }
        for claim in &batch.claims {
            if let Some(next) = claim.next_due {
                self.shared.work_due.store(next, Ordering::Release);
            }
        }
        let now = self.now.unix_millis();
        if self.wake.work < i64::MAX {
            self.shared.work_due.fetch_min(self.wake.work, Ordering::AcqRel);
            if self.wake.work <= now {
                self.shared.work.notify_one();
            }
        }
        if self.wake.delivery < i64::MAX {
            self.shared.delivery_due.fetch_min(self.wake.delivery, Ordering::AcqRel);
            if self.wake.delivery <= now {
                self.shared.delivery.notify_one();
            }
        }
    }
}

impl Shared {
    pub(crate) fn new() -> Self {
        Shared {
            work: Notify::new(),
            delivery: Notify::new(),
            refusals: Waiting::default(),
            work_due: AtomicI64::new(i64::MIN),
            delivery_due: AtomicI64::new(i64::MIN),
        }
    }
}

fn unanswered() -> Error {
    Error::database("waiting for the database")(sqlx::Error::WorkerCrashed)
}

struct Failure {
    error: Error,
    files: Files,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure { error, files: Files::Remove }
    }
}

/// Operations per transaction: bounds the memory of one batch (with 64 KiB inline each, 16 MiB).
const MOST_OPS: usize = 256;

#[cfg(test)]
mod tests;

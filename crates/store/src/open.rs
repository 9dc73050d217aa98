//! Opening a store: one writer, some readers, and tidying up after a crash.

use std::collections::HashSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::audit_file::Signer;
use crate::blobs::{self, Blobs};
use crate::receipt::Issuer;
use crate::secrets::Secrets;
use crate::spool::blocking;
use crate::writer::{self, Call, Marks, Op, Reply, Shared, Step, Tally, Tx};
use crate::{Clock, Error, MessageId, Receipt, StoreConfig, Timestamp, audit, factor};

/// An open store. Clones share it.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    config: Arc<StoreConfig>,
    blobs: Arc<Blobs>,
    readers: SqlitePool,
    /// `None`: opened for reading only.
    writer: Option<mpsc::Sender<Op>>,
    task: Mutex<Option<JoinHandle<()>>>,
    shared: Arc<Shared>,
    issuer: Mutex<Issuer>,
    /// `None`: opened for reading only.
    secrets: Option<Secrets>,
    /// `None`: opened for reading only.
    signer: Option<Signer>,
}

/// Where a submitted operation answers.
pub(crate) type Answer<T> = oneshot::Receiver<Result<T, Error>>;

/// Whether the database must be there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existence {
    MayBeNew,
    Exists,
}

impl Store {
    /// Whether a store has been made in the configured directory. It says nothing of its state: what exists and does not
    /// open is damaged.
    ///
    /// # Errors
    /// [`Error::File`] when that cannot be found out, such as for want of permission.
    pub fn exists(config: &StoreConfig) -> Result<bool, Error> {
        let path = database(config);
        path.try_exists().map_err(Error::file("looking for", path))
    }

    /// Opens the store for reading and writing, making it if it does not exist. Jobs that were running go back to the
    /// queue (the first nine times this costs them no attempt), deferred jobs and deliveries that were in flight are due
    /// again, and files that no row names go.
    ///
    /// # Errors
    /// [`Error::InUse`] when another process has it open; [`Error::Migrate`], [`Error::Database`], [`Error::File`].
    pub async fn open(config: StoreConfig) -> Result<Store, Error> {
        let config = Arc::new(config);
        let directory = config.directory.clone();
        let (lock, blobs, secrets, signer) = blocking(move || {
            blobs::make_directory(&directory)?;
            let lock = lock(&directory)?;
            let blobs = Blobs::open(&directory)?;
            blobs.clear_temporary()?;
            let secrets = Secrets::open(&directory)?;
            let signer = Signer::open(&directory)?;
            Ok((lock, Arc::new(blobs), secrets, signer))
        })
        .await?;
        let mut connection = connect(&config, Existence::MayBeNew).await?;
        MIGRATIONS.run(&mut connection).await.map_err(Error::Migrate)?;
        factor::seal_all(&mut connection, &secrets).await?;
        // The database file itself is new: its directory entry must survive as well.
        let directory = config.directory.clone();
        blocking(move || blobs::sync_directory(&directory)).await?;

        let marks = read_marks(&mut connection).await?;
        let mut issuer = Issuer::default();
        let shared = Arc::new(Shared::new());
        let mut tx = Tx::new(connection, config.clone(), blobs.clone(), shared.clone(), marks, lock);
        recover(&mut tx, &mut issuer).await?;

        let readers = readers(&config).await?;
        let (sender, queue) = mpsc::channel(QUEUED_OPS);
        let task = tokio::spawn(writer::run(tx, queue));
        let store = Store(Arc::new(Inner {
            config,
            blobs,
            readers,
            writer: Some(sender),
            task: Mutex::new(Some(task)),
            shared,
            issuer: Mutex::new(issuer),
            secrets: Some(secrets),
            signer: Some(signer),
        }));
        store.clear_orphans().await?;
        Ok(store)
    }

    /// Opens an existing store for reading beside the process that writes. Every writing method answers
    /// [`Error::ReadOnly`].
    ///
    /// # Errors
    /// [`Error::Database`] when there is no store.
    pub async fn open_reading(config: StoreConfig) -> Result<Store, Error> {
        let config = Arc::new(config);
        let readers = readers(&config).await?;
        Ok(Store(Arc::new(Inner {
            blobs: Arc::new(Blobs::at(&config.directory)),
            config,
            readers,
            writer: None,
            task: Mutex::new(None),
            shared: Arc::new(Shared::new()),
            issuer: Mutex::new(Issuer::default()),
            secrets: None,
            signer: None,
        })))
    }

    /// Closes the store: what was asked for before is done, later calls answer [`Error::Closed`].
    pub async fn close(&self) {
        if let Some(writer) = &self.0.writer {
            drop(writer.send(Op::Stop).await);
        }
        let task = self.0.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(event = "store_writer_failed", %error);
        }
        self.0.readers.close().await;
    }

    /// The time by the store's clock.
    pub fn now(&self) -> Timestamp {
        self.clock().now()
    }

    /// The store's clock.
    pub fn clock(&self) -> &Clock {
        &self.0.config.clock
    }

    /// Removes files that no row names and that are old enough not to be on their way into one.
    pub(crate) async fn clear_orphans(&self) -> Result<u64, Error> {
        let rows: Vec<(String,)> = sqlx::query_as("SELECT file FROM content WHERE file IS NOT NULL")
            .fetch_all(self.readers())
            .await
            .map_err(Error::database("listing files"))?;
        let known: HashSet<String> = rows.into_iter().map(|(file,)| file).collect();
        let (blobs, now, grace) = (self.0.blobs.clone(), self.now(), self.0.config.orphan_grace);
        let removed = blocking(move || blobs.clear_orphans(&known, now, grace)).await?;
        if removed > 0 {
            tracing::info!(event = "orphaned_blobs_removed", removed);
        }
        Ok(removed)
    }

    pub(crate) fn config(&self) -> &StoreConfig {
        &self.0.config
    }

    pub(crate) fn blobs(&self) -> &Arc<Blobs> {
        &self.0.blobs
    }

    pub(crate) fn readers(&self) -> &SqlitePool {
        &self.0.readers
    }

    pub(crate) fn secrets(&self) -> Option<&Secrets> {
        self.0.secrets.as_ref()
    }

    pub(crate) fn signer(&self) -> Option<&Signer> {
        self.0.signer.as_ref()
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.0.shared
    }

    pub(crate) fn issuer(&self) -> MutexGuard<'_, Issuer> {
        self.0.issuer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is a writer, which has not been told to stop.
    pub(crate) fn has_writer(&self) -> Result<(), Error> {
        let writer = self.0.writer.as_ref().ok_or(Error::ReadOnly)?;
        if writer.is_closed() { Err(Error::Closed) } else { Ok(()) }
    }

    /// Hands an operation to the writer and waits until it is committed.
    pub(crate) async fn submit<T>(&self, op: Op, answer: Answer<T>) -> Result<T, Error> {
        let writer = self.0.writer.as_ref().ok_or(Error::ReadOnly)?;
        writer.send(op).await.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }

    /// Runs an infrequent operation in the writer.
    pub(crate) async fn write<F, T>(&self, run: F) -> Result<T, Error>
    where
        F: for<'a> Fn(&'a mut Tx) -> Step<'a, T> + Send + 'static,
        T: Send + 'static,
    {
        let (reply, answer) = Reply::new();
        self.submit(Op::Other(Box::new(Call { run, reply })), answer).await
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({})", self.0.config.directory.display())
    }
}

fn lock(directory: &Path) -> Result<File, Error> {
    let path = directory.join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(Error::file("opening", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::InUse(directory.to_owned())),
        Err(TryLockError::Error(error)) => Err(Error::file("locking", path)(error)),
    }
}

fn database(config: &StoreConfig) -> PathBuf {
    config.directory.join("misogi.sqlite")
}

fn options(config: &StoreConfig) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(database(config))
        .journal_mode(SqliteJournalMode::Wal)
        // FULL: every commit syncs the log. With NORMAL the last commits may be gone after a power cut.
        .synchronous(SqliteSynchronous::Full)
        // What is deleted is overwritten where that costs no extra page: originals are confidential.
        .pragma("secure_delete", "FAST")
        // Folding the log back syncs both files; every 16 MiB instead of every 4 keeps that out of most commits.
        .pragma("wal_autocheckpoint", "4000")
        .pragma("journal_size_limit", "67108864")
        .pragma("cache_size", "-16384")
        .pragma("temp_store", "MEMORY")
        .foreign_keys(false)
        .statement_cache_capacity(512)
        .busy_timeout(Duration::from_secs(10))
        .disable_statement_logging()
}

async fn readers(config: &StoreConfig) -> Result<SqlitePool, Error> {
    SqlitePoolOptions::new()
        .max_connections(config.readers.max(1))
        .min_connections(0)
        .acquire_timeout(Duration::from_secs(10))
        .connect_with(options(config).read_only(true))
        .await
        .map_err(Error::database("opening the database for reading"))
}

/// Opens the connection that writes.
pub(crate) async fn connect(config: &StoreConfig, database: Existence) -> Result<SqliteConnection, Error> {
    options(config)
        .create_if_missing(database == Existence::MayBeNew)
        .thread_name(|_| WRITER.to_owned())
        .connect()
        .await
        .map_err(Error::database("opening the database"))
}

/// The highest numbers given so far, and the end of the audit chain.
pub(crate) async fn read_marks(connection: &mut SqliteConnection) -> Result<Marks, Error> {
    let get = |error| Error::database("reading the marks")(error);
    let (message, content, quarantine): (i64, i64, i64) = sqlx::query_as(
        "SELECT max(coalesce((SELECT max(id) FROM message), 0), coalesce((SELECT value FROM counter WHERE name = 'last_message'), 0)),
                max(coalesce((SELECT max(id) FROM content), 0), coalesce((SELECT value FROM counter WHERE name = 'last_content'), 0)),
                max(coalesce((SELECT max(id) FROM quarantine), 0), coalesce((SELECT value FROM counter WHERE name = 'last_quarantine'), 0))",
    )
    .fetch_one(&mut *connection)
    .await
    .map_err(get)?;
    let last: Option<(i64, Vec<u8>)> = sqlx::query_as("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
        .fetch_optional(&mut *connection)
        .await
        .map_err(get)?;
    let (audit_seq, audit_hash) = match last {
        Some((seq, hash)) => (seq, hash.try_into().map_err(|_| Error::Damaged("the end of the audit"))?),
        None => (0, audit::GENESIS),
    };
    let mut marks = Marks { message, content, quarantine, audit_seq, audit_hash, tally: [0; Tally::ALL.len()] };
    let counters: Vec<(String, i64)> =
        sqlx::query_as("SELECT name, value FROM counter").fetch_all(&mut *connection).await.map_err(get)?;
    for (slot, tally) in marks.tally.iter_mut().zip(Tally::ALL) {
        *slot = counters.iter().find(|(name, _)| name == tally.name()).map_or(0, |(_, value)| *value);
    }
    Ok(marks)
}

/// One node writes: whatever was running when it stopped is not running any more.
async fn recover(tx: &mut Tx, issuer: &mut Issuer) -> Result<(), Error> {
    // An attempt that we ended ourselves is no sign of a fault in the mail, so it is given back; but not for ever, since the
    // mail may be what ended us.
    let reset = sqlx::query(
        "UPDATE job SET state = 0, lease_until = NULL, interrupted = interrupted + 1,
                attempts = attempts - CASE WHEN interrupted + 1 < ?1 THEN 1 ELSE 0 END
         WHERE state = 1",
    )
    .bind(INTERRUPTIONS)
    .execute(&mut tx.connection)
    .await
    .map_err(Error::database("taking back jobs"))?;
    if reset.rows_affected() > 0 {
        tracing::info!(event = "interrupted_jobs_taken_back", jobs = reset.rows_affected());
    }
    // What a deferred job waited for may have been the rooms of the gateway that was stopping. A job that has failed
    // keeps its time: a gateway that is restarted again and again must not use up the attempts.
    sqlx::query("UPDATE job SET due = ?1 WHERE state = 0 AND attempts = 0 AND due > ?1")
        .bind(tx.now.unix_millis())
        .execute(&mut tx.connection)
        .await
        .map_err(Error::database("ending deferrals"))?;
    // Receipts begin with the date, so the index on them gives those of the last days.
    let (year, month, day) = tx.now.minus(RECENT).date(tx.config.receipt_offset_minutes);
    let receipts: Vec<(String,)> = sqlx::query_as("SELECT receipt FROM message WHERE receipt >= ?1")
        .bind(format!("{year:04}{month:02}{day:02}"))
        .fetch_all(&mut tx.connection)
        .await
        .map_err(Error::database("reading receipts"))?;
    receipts.iter().filter_map(|(text,)| Receipt::parse(text)).for_each(|receipt| issuer.know(&receipt));
    let recent: Vec<(i64, i64)> =
        sqlx::query_as("SELECT id, fingerprint FROM message WHERE origin < 2 ORDER BY id DESC LIMIT 20000")
            .fetch_all(&mut tx.connection)
            .await
            .map_err(Error::database("reading recent messages"))?;
    for (id, fingerprint) in recent.into_iter().rev() {
        tx.memory.remember(fingerprint, MessageId(id));
    }
    Ok(())
}

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// The name of the thread of the connection that writes.
pub(crate) const WRITER: &str = "store-writer";
/// Operations that may wait for the writer; beyond it the callers wait to ask.
const QUEUED_OPS: usize = 4096;
/// From this interruption of a job on its attempts count.
const INTERRUPTIONS: i64 = 10;
const RECENT: Duration = Duration::from_secs(48 * 60 * 60);

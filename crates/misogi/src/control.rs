//! The socket by which commands reach the running gateway: only it writes to the store, and only it has rooms at hand.
//!
//! `control.sock` stands in the data directory, mode 0600, and takes root and the gateway's own user. One request and one reply to a
//! connection, each one line of JSON, bounded in size and time.

mod platform_admins;
mod tenants;

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use form::job::Password;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use store::QuarantineId;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use web::{Tenants, Unlocker, Unlocking};

pub(crate) use self::platform_admins::{Accounts, PlatformAdminReply, PlatformAdminRequest};
pub(crate) use self::tenants::{Organisation, TenantChange, TenantReply, TenantRequest};

/// Longest request. A tenant may have a hundred domains.
const MAX_LINE_BYTES: u64 = 32 << 10;

/// Longest answer: as many tenants as there may be, each with as much as it may have.
const MAX_ANSWER_BYTES: u64 = 4 << 20;

/// How long a connection may take to ask.
const ASK: Duration = Duration::from_secs(10);

/// How long the answer may take: a mail may take five minutes to convert.
const ANSWER: Duration = Duration::from_secs(600);

/// Connections at a time.
const MAX_CONNECTIONS: usize = 8;

/// `sun_path` holds 108 bytes, the last of them 0 (unix(7)).
const MAX_PATH_BYTES: usize = 107;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Request {
    /// Try a password on an original in quarantine. It is answered with a [`Reply`].
    Unlock { id: i64, password: String },
    /// Look after the organisations that are served. It is answered with a [`TenantReply`].
    Tenants(TenantRequest),
    /// Look after the accounts of those who run the gateway as a whole. It is answered with a [`PlatformAdminReply`].
    PlatformAdmins(PlatformAdminRequest),
}

/// Who does what is asked.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) unlocker: Arc<dyn Unlocker>,
    /// On the socket of the gateway's own organisation.
    pub(crate) tenants: Option<Arc<dyn Tenants>>,
    pub(crate) accounts: Accounts,
}

/// What the gateway answers.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Reply {
    /// The password was tried, or need not be.
    Tried(Unlocking),
    /// It was not.
    Not(Untried),
}

/// Why nothing was tried.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub(crate) enum Untried {
    /// There is no such item.
    NotFound,
    /// The request could not be read.
    BadRequest,
    /// The gateway failed; its log says why.
    Failed,
}

/// Serves the socket until it is told to stop.
pub(crate) async fn serve(data: PathBuf, desk: Desk, shutdown: CancellationToken) -> io::Result<()> {
    let listener = match listen(&data) {
        Ok(listener) => listener,
        Err(error) => {
            // Mails are of more weight than this: the gateway works without.
            tracing::error!(event = "control_unavailable", error = &error as &dyn std::error::Error);
            shutdown.cancelled().await;
            return Ok(());
        }
    };
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut open = JoinSet::new();
    loop {
        while open.try_join_next().is_some() {}
        tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let Ok(place) = places.clone().try_acquire_owned() else { continue };
                    let desk = desk.clone();
                    open.spawn(async move {
                        if let Err(error) = converse(stream, &desk).await {
                            tracing::warn!(event = "control_connection_lost", error = &error as &dyn std::error::Error);
                        }
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(event = "control_accept_failed", error = &error as &dyn std::error::Error);
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
    let _ = std::fs::remove_file(socket(&data));
    Ok(())
}

fn socket(data: &Path) -> PathBuf {
    data.join("control.sock")
}

/// The store's lock says that no other gateway is at work here, so an old socket is nobody's.
fn listen(data: &Path) -> io::Result<UnixListener> {
    let path = socket(data);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let (short, _directory) = reachable(data)?;
    let listener = UnixListener::bind(short)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// The socket by a path that is short enough, and the open directory that the path may need.
fn reachable(data: &Path) -> io::Result<(PathBuf, Option<std::fs::File>)> {
    use std::os::fd::AsRawFd;
    let path = socket(data);
    if path.as_os_str().len() <= MAX_PATH_BYTES {
        return Ok((path, None));
    }
    let directory = std::fs::File::open(data)?;
    Ok((PathBuf::from(format!("/proc/self/fd/{}/control.sock", directory.as_raw_fd())), Some(directory)))
}

async fn converse(mut stream: UnixStream, desk: &Desk) -> io::Result<()> {
    let peer = stream.peer_cred()?.uid();
    if peer != 0 && peer != rustix::process::getuid().as_raw() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let mut line = String::new();
    let (read, mut write) = stream.split();
    let mut read = BufReader::new(read.take(MAX_LINE_BYTES));
    timeout(ASK, read.read_line(&mut line)).await.map_err(|_| io::ErrorKind::TimedOut)??;
    let mut text = match serde_json::from_str(&line) {
        Ok(Request::Unlock { id, password }) => match Password::new(&password).filter(|_| !password.is_empty()) {
            Some(password) => {
                let reply = unlock(desk.unlocker.as_ref(), QuarantineId(id), password, peer).await;
                serde_json::to_string(&reply)?
            }
            None => serde_json::to_string(&Reply::Not(Untried::BadRequest))?,
        },
        Ok(Request::Tenants(request)) => {
            serde_json::to_string(&tenants::answer(desk.tenants.as_deref(), request, peer).await)?
        }
        Ok(Request::PlatformAdmins(request)) => {
            serde_json::to_string(&platform_admins::answer(&desk.accounts, request, peer).await)?
        }
        Err(_) => serde_json::to_string(&Reply::Not(Untried::BadRequest))?,
    };
    text.push('\n');
    timeout(ASK, write.write_all(text.as_bytes())).await.map_err(|_| io::ErrorKind::TimedOut)?
}

async fn unlock(unlocker: &dyn Unlocker, id: QuarantineId, password: Password, uid: u32) -> Reply {
    let actor = format!("command line, uid {uid}");
    match unlocker.unlock(id, password, &actor).await {
        Ok(unlocking) => Reply::Tried(unlocking),
        Err(store::Error::NotFound(_) | store::Error::Expired) => Reply::Not(Untried::NotFound),
        Err(error) => {
            tracing::error!(event = "unlock_failed", error = &error as &dyn std::error::Error);
            Reply::Not(Untried::Failed)
        }
    }
}

/// Asks the gateway that works with this data directory to do something.
pub(crate) async fn ask<R: DeserializeOwned>(data: &Path, request: &Request) -> Result<R> {
    let (path, _directory) = reachable(data).context("the data directory cannot be opened")?;
    let mut stream = match UnixStream::connect(&path).await {
        Ok(stream) => stream,
        Err(error) => bail!("no gateway is running with {}: {error}", data.display()),
    };
    let mut line = serde_json::to_string(request)?;
    line.push('\n');
    stream.write_all(line.as_bytes()).await.context("asking the gateway")?;
    let mut answer = String::new();
    let mut read = BufReader::new(stream.take(MAX_ANSWER_BYTES));
    timeout(ANSWER, read.read_line(&mut answer)).await.context("the gateway does not answer")??;
    serde_json::from_str(&answer).context("the gateway closed the connection without an answer")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use form::reason::Reason;

    use super::*;

    /// `misogi quarantine unlock --json` prints these lines, and scripts read them.
    #[test]
    fn what_the_gateway_answers_is_one_object_with_its_outcome() {
        let opened = Unlocking::Opened { files: vec!["申請書.docx".to_owned()], recipients: 2, still_locked: 1 };
        let table = [
            (Reply::Tried(opened), r#"{"outcome":"opened","files":["申請書.docx"],"recipients":2,"still_locked":1}"#),
            (Reply::Tried(Unlocking::Wrong { left: 3 }), r#"{"outcome":"wrong_password","left":3}"#),
            (
                Reply::Tried(Unlocking::Withheld { reason: Reason::Malformed }),
                r#"{"outcome":"withheld","reason":"malformed"}"#,
            ),
            (Reply::Tried(Unlocking::Busy), r#"{"outcome":"busy"}"#),
            (Reply::Not(Untried::NotFound), r#"{"outcome":"not_found"}"#),
        ];
        for (reply, line) in table {
            assert_eq!(serde_json::to_string(&reply).unwrap(), line);
            assert_eq!(serde_json::from_str::<Reply>(line).unwrap(), reply);
        }
        assert!(serde_json::from_str::<Reply>(r#"{"outcome":"withheld","reason":"no such reason"}"#).is_err());
    }
}

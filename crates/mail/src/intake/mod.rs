//! SMTP intake on the internet leg.
//!
//! Reading order: [`grammar`] (one line to one command), [`data`] (the message's octets), [`session`] (what a command does),
//! [`reply`] (every line ever said), then the shell around them: `connection` (one socket) and [`serve`] (the listener).
//! The first four know nothing of sockets, clocks or the store.

mod connection;
pub mod data;
pub mod grammar;
mod peers;
pub mod reply;
pub mod session;
mod stores;
pub mod tls;
pub mod trace;
pub mod validity;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};
use tokio_rustls::{TlsAcceptor, rustls};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::peers::Peers;
use self::session::Rules;
pub use self::stores::{Owner, Owners, Stores};
use crate::address::ascii_domain;
use crate::observer::{Observer, Unobserved};

/// How the intake behaves.
#[derive(Clone, Debug)]
pub struct IntakeConfig {
    /// The name the intake calls itself by.
    pub hostname: String,
    /// The offset from UTC that dates are written in (Japan: 540).
    pub offset_minutes: i32,
    /// Longest message in octets.
    pub max_message_bytes: u64,
    /// Longest text line of a message in octets.
    pub max_text_line: u64,
    /// Most recipients of one message.
    pub max_recipients: usize,
    /// Most connections at a time.
    pub max_connections: usize,
    /// Most connections at a time from one address (IPv6: from one /64).
    pub max_per_peer: usize,
    /// Most refused commands of one session.
    pub max_errors: u32,
    /// Most commands between two accepted messages.
    pub max_commands: u32,
    /// Most `Received:` fields a message may come with.
    pub max_received: u32,
    /// Domains whose recipients are accepted; `None` accepts all, which is right on a loopback address only.
    pub accept_domains: Option<Vec<String>>,
    /// The certificate for STARTTLS; without it TLS is not offered.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// How long to wait before the greeting for a client that talks first; zero does not wait.
    pub greet_delay: Duration,
    /// The waiting times.
    pub timeouts: Timeouts,
    /// Who is told what was accepted and refused.
    pub observer: Arc<dyn Observer>,
}

/// How long a session waits for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For the next command.
    pub command: Duration,
    /// For the next octets of a message.
    pub data: Duration,
    /// For the TLS handshake.
    pub handshake: Duration,
    /// For the peer to take our replies.
    pub write: Duration,
    /// For a whole session, whatever it does.
    pub session: Duration,
    /// For sessions in the middle of a message, once the intake is told to stop.
    pub drain: Duration,
}

impl IntakeConfig {
    /// The defaults under a host name.
    pub fn new(hostname: impl Into<String>) -> Self {
        Self {
            hostname: hostname.into(),
            offset_minutes: 540,
            max_message_bytes: 100 << 20,
            max_text_line: 1 << 20,
            max_recipients: 1000,
            max_connections: 1000,
            max_per_peer: 100,
            max_errors: 20,
            max_commands: 5000,
            max_received: 50,
            accept_domains: None,
            tls: None,
            greet_delay: Duration::ZERO,
            timeouts: Timeouts::default(),
            observer: Arc::new(Unobserved),
        }
    }

    fn rules(&self) -> Rules {
        Rules {
            hostname: self.hostname.clone(),
            max_message_bytes: self.max_message_bytes,
            max_text_line: self.max_text_line,
            max_recipients: self.max_recipients,
            max_errors: self.max_errors,
            max_commands: self.max_commands,
            max_received: self.max_received,
            accept_domains: self
                .accept_domains
                .as_ref()
                .map(|domains| domains.iter().map(|domain| ascii_domain(domain).into_owned()).collect()),
            starttls: self.tls.is_some(),
        }
    }
}

/// RFC 5321 section 4.5.3.2 asks a server to wait five minutes for a command; the others are of the same order.
impl Default for Timeouts {
    fn default() -> Self {
        Self {
            command: Duration::from_secs(300),
            data: Duration::from_secs(180),
            handshake: Duration::from_secs(30),
            write: Duration::from_secs(60),
            session: Duration::from_secs(2 * 60 * 60),
            drain: Duration::from_secs(10),
        }
    }
}

/// Why the intake ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The listening socket is unusable.
    #[error("accepting SMTP connections")]
    Accept(#[source] io::Error),
}

/// Serves SMTP on a listener until `shutdown`; returns when the last session has ended or was given up. A mail is kept in the store of whom
/// it is for.
///
/// Cancel safety: not to be used in `select!`; cancel the token instead.
///
/// # Errors
/// [`IntakeError::Accept`] when the listener takes no connections any more.
pub async fn serve(
    listener: TcpListener,
    config: IntakeConfig,
    stores: impl Stores + 'static,
    shutdown: CancellationToken,
) -> Result<(), IntakeError> {
    let peers = Peers::new(config.max_connections, config.max_per_peer);
    let tasks = TaskTracker::new();
    let abort = CancellationToken::new();
    let drain = config.timeouts.drain;
    let shared = Arc::new(connection::Shared {
        rules: Arc::new(config.rules()),
        acceptor: config.tls.clone().map(TlsAcceptor::from),
        config,
        stores: Arc::new(stores),
        shutdown: shutdown.clone(),
    });
    let result = loop {
        let (stream, peer) = tokio::select! {
            () = shutdown.cancelled() => break Ok(()),
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => match transient(&error) {
                    Some(pause) => {
                        tracing::warn!(event = "smtp_accept_failed", %error);
                        sleep(pause).await;
                        continue;
                    }
                    None => break Err(IntakeError::Accept(error)),
                },
            },
        };
        let admission = peers.admit(peer.ip());
        let session = connection::run(stream, peer.ip(), admission, Arc::clone(&shared));
        let abort = abort.clone();
        tasks.spawn(async move {
            tokio::select! {
                () = abort.cancelled() => {}
                () = session => {}
            }
        });
    };
    drop(listener);
    tasks.close();
    if timeout(drain, tasks.wait()).await.is_err() {
        abort.cancel();
        tasks.wait().await;
    }
    result
}

/// Errors of one connection, and shortages that pass: the listener itself is well.
fn transient(error: &io::Error) -> Option<Duration> {
    match error.kind() {
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted => {
            Some(Duration::ZERO)
        }
        io::ErrorKind::InvalidInput | io::ErrorKind::NotConnected | io::ErrorKind::PermissionDenied => None,
        // EMFILE, ENFILE, ENOBUFS, ENOMEM: wait until sessions have ended.
        _ => Some(Duration::from_millis(100)),
    }
}

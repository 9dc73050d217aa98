//! One SMTP connection: the shell that moves bytes between a socket, a [`Session`] and the store.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use store::{NewMessage, Origin, Receipt, Refused, Spool, Store};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Duration, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{self, ProtocolVersion};
use tokio_util::sync::CancellationToken;

use super::IntakeConfig;
use super::peers::Admission;
use super::reply::Reply;
use super::session::{Event, Outcome, Rules, Session};
use super::trace::Trace;

/// What all connections of a listener share.
pub(super) struct Shared {
    pub(super) rules: Arc<Rules>,
    pub(super) acceptor: Option<TlsAcceptor>,
    pub(super) config: IntakeConfig,
    pub(super) store: Store,
    pub(super) shutdown: CancellationToken,
}

/// Serves one connection to its end. Dropping the future closes the connection; a message that was not answered is not kept,
/// or kept and sent again by its sender.
pub(super) async fn run(mut stream: TcpStream, peer: IpAddr, admission: Option<Admission>, shared: Arc<Shared>) {
    // Replies are written whole, so waiting to fill a segment only costs the sender time.
    let _ = stream.set_nodelay(true);
    let Some(_admission) = admission else {
        tracing::info!(event = "smtp_connection_refused", %peer);
        shared.config.observer.refused(Reply::TooManyConnections.code());
        let _ = timeout(REFUSAL_WRITE, stream.write_all(Reply::TooManyConnections.line().as_bytes())).await;
        return;
    };
    let limit = shared.config.timeouts.session;
    let mut connection = Connection {
        session: Session::new(Arc::clone(&shared.rules)),
        shared,
        peer,
        tls: None,
        input: Vec::new(),
        used: 0,
        replies: Vec::new(),
        message: None,
    };
    match timeout(limit, connection.serve(stream)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(event = "smtp_connection_lost", %peer, %error),
        Err(_) => tracing::info!(event = "smtp_session_too_long", %peer),
    }
}

struct Connection {
    shared: Arc<Shared>,
    peer: IpAddr,
    session: Session,
    /// Version and cipher, once encrypted.
    tls: Option<String>,
    input: Vec<u8>,
    /// How much of `input` the session has used up.
    used: usize,
    replies: Vec<u8>,
    message: Option<Message>,
}

/// A message on its way into the store.
struct Message {
    receipt: Receipt,
    spool: Spool,
    /// The octets of our trace field, with which the spool begins.
    trace: u64,
}

enum Exit {
    Close,
    StartTls,
}

impl Connection {
    async fn serve(&mut self, mut stream: TcpStream) -> io::Result<()> {
        if talks_first(&stream, self.shared.config.greet_delay).await? {
            self.session.close(Reply::NotSynchronised, &mut self.replies);
            return self.leave(&mut stream).await;
        }
        self.session.greet(&mut self.replies);
        match self.talk(&mut stream).await? {
            Exit::Close => self.leave(&mut stream).await,
            Exit::StartTls => {
                let Some(acceptor) = self.shared.acceptor.clone() else { return Ok(()) };
                // Fresh buffers: not one byte that came in the clear may be read as if it had come encrypted.
                (self.input, self.used) = (Vec::new(), 0);
                let handshake = timeout(self.shared.config.timeouts.handshake, acceptor.accept(stream));
                let mut stream = handshake.await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
                self.tls = Some(describe(stream.get_ref().1));
                self.session.tls_started();
                match self.talk(&mut stream).await? {
                    Exit::Close => self.leave(&mut stream).await,
                    Exit::StartTls => Ok(()),
                }
            }
        }
    }

    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(&mut self, stream: &mut S) -> io::Result<Exit> {
        loop {
            let input = self.input.get(self.used..).unwrap_or_default();
            let (used, event) = self.session.advance(input, &mut self.replies);
            self.used = self.used.saturating_add(used);
            match event {
                Event::Read => {
                    self.flush(stream).await?;
                    self.log_refusals();
                    if !self.read(stream).await? {
                        return Ok(Exit::Close);
                    }
                }
                Event::Body => self.store_body().await,
                Event::Discard => self.message = None,
                Event::Commit => {
                    self.flush(stream).await?;
                    let outcome = self.commit().await;
                    self.session.finished(&outcome, &mut self.replies);
                }
                Event::StartTls => {
                    self.flush(stream).await?;
                    return Ok(Exit::StartTls);
                }
                Event::Close => {
                    self.log_refusals();
                    return Ok(Exit::Close);
                }
            }
        }
    }

    /// Reads what has come; false at the end of the session.
    async fn read<S: AsyncRead + Unpin>(&mut self, stream: &mut S) -> io::Result<bool> {
        // What is left over is less than one command line.
        self.input.drain(..self.used.min(self.input.len()));
        self.used = 0;
        let in_message = self.session.in_message();
        let times = &self.shared.config.timeouts;
        let (room, patience) = if in_message { (MESSAGE_READ, times.data) } else { (COMMAND_READ, times.command) };
        self.input.reserve(room);
        tokio::select! {
            // A message that is half here may still be finished; everybody else is told to come back.
            () = self.shared.shutdown.cancelled(), if !in_message => {
                self.session.close(Reply::ShuttingDown, &mut self.replies);
                Ok(false)
            }
            read = timeout(patience, stream.read_buf(&mut self.input)) => match read {
                Ok(read) => Ok(read? > 0),
                Err(_) => {
                    self.session.close(Reply::TimedOut, &mut self.replies);
                    Ok(false)
                }
            }
        }
    }

    async fn flush<S: AsyncWrite + Unpin>(&mut self, stream: &mut S) -> io::Result<()> {
        if self.replies.is_empty() {
            return Ok(());
        }
        let write = async {
            stream.write_all(&self.replies).await?;
            stream.flush().await
        };
        timeout(self.shared.config.timeouts.write, write)
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        self.replies.clear();
        Ok(())
    }

    /// Sends the last words. Bytes that came and were not read would make the system reset the connection and take the reply
    /// with it, so a peer that was cut short gets a moment in which they are read and thrown away.
    async fn leave<S: AsyncRead + AsyncWrite + Unpin>(&mut self, stream: &mut S) -> io::Result<()> {
        self.message = None;
        self.flush(stream).await?;
        let _ = stream.shutdown().await;
        if !self.session.said_bye() {
            let mut waste = [0u8; 4096];
            let drain = async {
                for _ in 0..LINGER_READS {
                    if !matches!(stream.read(&mut waste).await, Ok(n) if n > 0) {
                        break;
                    }
                }
            };
            let _ = timeout(LINGER, drain).await;
        }
        Ok(())
    }

    async fn store_body(&mut self) {
        let failed = match self.begin() {
            Ok(()) => match &mut self.message {
                Some(message) => message.spool.write(self.session.body()).await.err(),
                None => None,
            },
            Err(error) => Some(error),
        };
        if let Some(error) = failed {
            self.message = None;
            self.session.spool_failed(&unable(&error, self.peer));
        }
    }

    /// Opens the spool of the current message and writes our trace field into it.
    fn begin(&mut self) -> Result<(), store::Error> {
        if self.message.is_some() {
            return Ok(());
        }
        let receipt = self.shared.store.new_receipt()?;
        let mut spool = self.shared.store.spool();
        if let (Some(hello), Some(envelope)) = (self.session.hello(), self.session.envelope()) {
            let config = &self.shared.config;
            let trace = Trace {
                hello,
                peer: self.peer,
                hostname: &config.hostname,
                parameters: &envelope.parameters,
                tls: self.tls.as_deref(),
                receipt: receipt.as_str(),
                time: self.shared.store.now(),
                offset_minutes: config.offset_minutes,
            };
            spool.write_trace(trace.field().as_bytes());
        }
        let trace = spool.len();
        self.message = Some(Message { receipt, spool, trace });
        Ok(())
    }

    /// Makes the message durable. Only after this may 250 be said.
    async fn commit(&mut self) -> Outcome {
        match self.try_commit().await {
            Ok(receipt) => Outcome::Accepted(receipt),
            Err(error) => unable(&error, self.peer),
        }
    }

    async fn try_commit(&mut self) -> Result<String, store::Error> {
        // A message that had octets has its spool by now; a fresh one would be empty.
        if self.session.octets() == 0 {
            self.begin()?;
        }
        let (Some(message), Some(envelope)) = (self.message.take(), self.session.envelope()) else {
            return Err(store::Error::Invalid("a message without its spool or envelope"));
        };
        if message.spool.len().checked_sub(message.trace) != Some(self.session.octets()) {
            return Err(store::Error::Invalid("a spool that does not hold the whole message"));
        }
        let envelope = store::Envelope {
            sender: envelope.sender.as_ref().map(ToString::to_string),
            recipients: envelope.recipients.iter().map(ToString::to_string).collect(),
            smtputf8: envelope.parameters.smtputf8,
            body_8bit: envelope.eight_bit(),
        };
        let helo = self.session.hello().map(|hello| hello.name.clone()).unwrap_or_default();
        let (recipients, octets) = (envelope.recipients.len(), message.spool.len());
        let receipt = message.receipt.to_string();
        let original = message.spool.finish().await?;
        let origin = Origin::Mail { envelope, peer: self.peer, helo, tls: self.tls.clone() };
        let received = self.shared.store.now();
        self.shared.store.accept(NewMessage { receipt: message.receipt, origin, received, original }).await?;
        self.shared.config.observer.accepted(octets);
        tracing::info!(event = "smtp_message_accepted", receipt, recipients, octets, peer = %self.peer);
        Ok(receipt)
    }

    fn log_refusals(&mut self) {
        for refusal in self.session.take_refusals() {
            let line = refusal.reply.line().trim_end();
            self.shared.config.observer.refused(refusal.reply.code());
            tracing::info!(event = "smtp_refused", peer = %self.peer, reply = line);
            let refused = Refused {
                peer: self.peer,
                helo: self.session.hello().map(|hello| hello.name.clone()),
                sender: refusal.sender,
                recipient: refusal.recipient,
                code: refusal.reply.code(),
                text: line.to_owned(),
            };
            self.shared.store.log_refusal(refused);
        }
    }
}

/// Whether the peer speaks before it was greeted: no mail server does, bots and other protocols do.
async fn talks_first(stream: &TcpStream, delay: Duration) -> io::Result<bool> {
    let mut first = [0u8; 1];
    match timeout(delay, stream.peek(&mut first)).await {
        Ok(peeked) => Ok(peeked? > 0),
        Err(_) => Ok(false),
    }
}

fn unable(error: &store::Error, peer: IpAddr) -> Outcome {
    tracing::error!(event = "smtp_store_failed", %peer, error = error as &dyn std::error::Error);
    if error.is_full() { Outcome::StoreFull } else { Outcome::StoreFailed }
}

fn describe(connection: &rustls::ServerConnection) -> String {
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
        _ => "TLS",
    };
    match connection.negotiated_cipher_suite() {
        Some(suite) => format!("{version} with {:?}", suite.suite()),
        None => version.to_owned(),
    }
}

const COMMAND_READ: usize = 4096;
const MESSAGE_READ: usize = 64 << 10;
const REFUSAL_WRITE: Duration = Duration::from_secs(1);
const LINGER: Duration = Duration::from_secs(2);
const LINGER_READS: usize = 64;

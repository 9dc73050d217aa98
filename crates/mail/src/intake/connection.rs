//! One SMTP connection: the shell that moves bytes between a socket, a [`Session`] and the stores of those whom a mail is for.
//!
//! A mail for the people of several tenants becomes a mail in the store of each: the same octets behind a trace field with a receipt of its
//! own, for its own recipients alone. 250 is said when all of them are durable. Where one of them cannot be, the sender is told to come back,
//! and brings the others a second time: what no two databases can promise together is left to SMTP, which repeats rather than loses.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use store::{NewMessage, Origin, Receipt, Refused, Spool, Spooled, Store};
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
use super::stores::{Owner, Owners, Stores};
use super::trace::Trace;
use crate::address::Address;

/// What all connections of a listener share.
pub(super) struct Shared {
    pub(super) rules: Arc<Rules>,
    pub(super) acceptor: Option<TlsAcceptor>,
    pub(super) config: IntakeConfig,
    pub(super) stores: Arc<dyn Stores>,
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
        session: Session::new(Arc::clone(&shared.rules), Arc::clone(&shared.stores) as Arc<dyn Owners>),
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
    /// The current message, once for each store that is to keep it.
    message: Option<Vec<Inbound>>,
}

/// What one store keeps of a mail: all of it, for some of its recipients.
struct Share {
    store: Store,
    recipients: Vec<Address>,
}

/// Why a mail cannot be kept now.
#[derive(Debug, thiserror::Error)]
enum Unkept {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("it is for a tenant that is not served now")]
    NotServed,
    #[error("the domain of a recipient has changed hands since it was accepted")]
    ChangedHands,
}

/// A message on its way into a store.
struct Inbound {
    share: Share,
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
        if let Err(error) = self.write_body().await {
            self.message = None;
            self.session.spool_failed(&unable(&error, self.peer));
        }
    }

    async fn write_body(&mut self) -> Result<(), Unkept> {
        self.begin()?;
        for inbound in self.message.iter_mut().flatten() {
            inbound.spool.write(self.session.body()).await?;
        }
        Ok(())
    }

    /// Opens the spools of the current message and writes our trace field into each.
    fn begin(&mut self) -> Result<(), Unkept> {
        if self.message.is_some() {
            return Ok(());
        }
        let shares = self.shares()?;
        self.message = Some(shares.into_iter().map(|share| self.open(share)).collect::<Result<_, _>>()?);
        Ok(())
    }

    /// Divides the recipients among the stores that are to keep the message: each stands in one share, in the order given. Nothing is kept where
    /// it does not belong: what a tenant gave up or lost since it was accepted for it is the sender's again, who may ask anew.
    fn shares(&self) -> Result<Vec<Share>, Unkept> {
        self.in_the_same_hands()?;
        let stores = &self.shared.stores;
        let mut shares: BTreeMap<&Owner, Share> = BTreeMap::new();
        let Some(envelope) = self.session.envelope() else { return Ok(Vec::new()) };
        for (recipient, owner) in envelope.recipients.iter().zip(&envelope.owners) {
            let share = match shares.entry(owner) {
                Entry::Occupied(share) => share.into_mut(),
                Entry::Vacant(place) => {
                    let store = stores.store(owner).ok_or(Unkept::NotServed)?;
                    place.insert(Share { store, recipients: Vec::new() })
                }
            };
            share.recipients.push(recipient.clone());
        }
        Ok(shares.into_values().collect())
    }

    /// Whether every domain is still whose it was when its recipient was accepted.
    fn in_the_same_hands(&self) -> Result<(), Unkept> {
        let Some(envelope) = self.session.envelope() else { return Ok(()) };
        let mut recipients = envelope.recipients.iter().zip(&envelope.owners);
        let is_same =
            |(recipient, owner): (&Address, &Owner)| self.shared.stores.owner(&recipient.ascii_domain()) == *owner;
        if recipients.all(is_same) { Ok(()) } else { Err(Unkept::ChangedHands) }
    }

    fn open(&self, share: Share) -> Result<Inbound, store::Error> {
        let receipt = share.store.new_receipt()?;
        let mut spool = share.store.spool();
        if let (Some(hello), Some(envelope)) = (self.session.hello(), self.session.envelope()) {
            let config = &self.shared.config;
            let trace = Trace {
                hello,
                peer: self.peer,
                hostname: &config.hostname,
                parameters: &envelope.parameters,
                tls: self.tls.as_deref(),
                receipt: receipt.as_str(),
                time: share.store.now(),
                offset_minutes: config.offset_minutes,
            };
            spool.write_trace(trace.field().as_bytes());
        }
        let trace = spool.len();
        Ok(Inbound { share, receipt, spool, trace })
    }

    /// Makes the message durable. Only after this may 250 be said.
    async fn commit(&mut self) -> Outcome {
        match self.try_commit().await {
            Ok(receipts) => Outcome::Accepted(receipts),
            Err(error) => unable(&error, self.peer),
        }
    }

    async fn try_commit(&mut self) -> Result<String, Unkept> {
        // A message that had octets has its spools by now; fresh ones would be empty.
        if self.session.octets() == 0 {
            self.begin()?;
        }
        let Some(message) = self.message.take() else {
            return Err(store::Error::Invalid("a message without its spool").into());
        };
        if message.iter().any(|inbound| inbound.spool.len().checked_sub(inbound.trace) != Some(self.session.octets())) {
            return Err(store::Error::Invalid("a spool that does not hold the whole message").into());
        }
        // All are on disk before the first is accepted, and each store takes mail: what is left then fails seldom. While one of them does not, the
        // others must not get the mail anew each time that its sender comes back.
        let mut ready = Vec::with_capacity(message.len());
        for Inbound { share, receipt, spool, .. } in message {
            let octets = spool.len();
            ready.push((share, receipt, spool.finish().await?, octets));
        }
        ready.iter().try_for_each(|(share, ..)| share.store.takes_mail())?;
        // A long message takes its time: whose it was at its first octet says little at its last.
        self.in_the_same_hands()?;
        let mut receipts = String::new();
        for (share, receipt, original, octets) in ready {
            let named = receipt.to_string();
            let recipients = share.recipients.len();
            self.accept(share, receipt, original).await?;
            self.shared.config.observer.accepted(octets);
            tracing::info!(event = "smtp_message_accepted", receipt = named, recipients, octets, peer = %self.peer);
            // A reply line has at most 512 octets (RFC 5321 4.5.3.1.5); whoever asks has one receipt of theirs in any case.
            if receipts.len() < NAMED_RECEIPTS {
                let comma = if receipts.is_empty() { "" } else { ", " };
                receipts.push_str(comma);
                receipts.push_str(&named);
            }
        }
        Ok(receipts)
    }

    async fn accept(&self, share: Share, receipt: Receipt, original: Spooled) -> Result<(), store::Error> {
        let Some(envelope) = self.session.envelope() else {
            return Err(store::Error::Invalid("a message without its envelope"));
        };
        let envelope = store::Envelope {
            sender: envelope.sender.as_ref().map(ToString::to_string),
            recipients: share.recipients.iter().map(ToString::to_string).collect(),
            smtputf8: envelope.parameters.smtputf8,
            body_8bit: envelope.eight_bit(),
        };
        let helo = self.session.hello().map(|hello| hello.name.clone()).unwrap_or_default();
        let origin = Origin::Mail { envelope, peer: self.peer, helo, tls: self.tls.clone() };
        let received = share.store.now();
        share.store.accept(NewMessage { receipt, origin, received, original }).await?;
        Ok(())
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
            for store in self.told(&refusal.concerned) {
                store.log_refusal(refused.clone());
            }
        }
    }

    /// The stores of those whom a refused mail was for; of one for nobody yet, the gateway's own.
    fn told(&self, concerned: &[Address]) -> Vec<Store> {
        let stores = &self.shared.stores;
        let mut owners: BTreeSet<Owner> =
            concerned.iter().map(|recipient| stores.owner(&recipient.ascii_domain())).collect();
        if owners.is_empty() {
            owners.insert(Owner::Own);
        }
        owners.iter().filter_map(|owner| stores.store(owner)).collect()
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

fn unable(error: &Unkept, peer: IpAddr) -> Outcome {
    match error {
        Unkept::Store(error) => {
            tracing::error!(event = "smtp_store_failed", %peer, error = error as &dyn std::error::Error);
            if error.is_full() { Outcome::StoreFull } else { Outcome::StoreFailed }
        }
        Unkept::NotServed | Unkept::ChangedHands => {
            tracing::warn!(event = "smtp_not_kept", %peer, error = error as &dyn std::error::Error);
            Outcome::StoreFailed
        }
    }
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

/// Octets of receipts after which no further one is named in a reply.
const NAMED_RECEIPTS: usize = 256;
const COMMAND_READ: usize = 4096;
const MESSAGE_READ: usize = 64 << 10;
const REFUSAL_WRITE: Duration = Duration::from_secs(1);
const LINGER: Duration = Duration::from_secs(2);
const LINGER_READS: usize = 64;

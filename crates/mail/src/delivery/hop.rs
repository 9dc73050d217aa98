//! The next mail server: how it is reached, what it offers, and the connections kept open to it.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;
use tokio::net::{TcpSocket, lookup_host};
use tokio::time::{Instant, timeout};

use super::wire::{TlsSwitch, Wire};

/// The next hop as it is configured.
#[derive(Clone, Debug)]
pub struct SmtpHop {
    /// Host name or IP address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Whether the connection is encrypted.
    pub tls: TlsMode,
    /// Most connections at a time.
    pub max_connections: usize,
    /// Most messages over one connection.
    pub max_messages: u32,
    /// How long a connection nobody uses is kept.
    pub idle: Duration,
    /// The waiting times.
    pub timeouts: HopTimeouts,
}

/// Whether and how a connection is encrypted.
#[derive(Clone, Debug)]
pub enum TlsMode {
    /// In the clear, whatever is offered.
    None,
    /// Encrypted when STARTTLS is offered and works; certificates are not checked, since plain text would be taken too.
    Opportunistic,
    /// Encrypted with a certificate that was checked, or not at all.
    Required {
        /// The certificates to trust, as PEM; `None` trusts those of the system.
        authorities: Option<Vec<u8>>,
        /// The name the certificate must be for, if not the host's.
        name: Option<String>,
    },
}

/// How long to wait for the next hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HopTimeouts {
    /// For the TCP connection.
    pub connect: Duration,
    /// For the answer to a command.
    pub command: Duration,
    /// For a message to be taken, from its first octet to the answer.
    pub message: Duration,
}

impl SmtpHop {
    /// The defaults for a host.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
            tls: TlsMode::Opportunistic,
            max_connections: 20,
            max_messages: 1000,
            idle: Duration::from_secs(30),
            timeouts: HopTimeouts::default(),
        }
    }
}

/// RFC 5321 section 4.5.3.2: five minutes for a command, ten after the final dot. Shorter for commands, since the next hop is
/// in the same network; as long for the message, since a doubled mail is worse than a slow one.
impl Default for HopTimeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(30), command: Duration::from_secs(120), message: Duration::from_secs(600) }
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum HopError {
    /// The TLS settings are unusable.
    #[error("TLS settings of the next hop")]
    Tls(#[source] lettre::transport::smtp::Error),
    /// The name cannot be resolved or nobody listens.
    #[error("connecting to the next hop")]
    Connect(#[source] std::io::Error),
    /// The greeting, EHLO or STARTTLS failed.
    #[error("opening a session with the next hop")]
    Session(#[source] lettre::transport::smtp::Error),
    /// Encryption is required and not offered.
    #[error("the next hop does not offer STARTTLS")]
    NoTls,
    /// It took too long.
    #[error("the next hop did not answer in time")]
    Timeout,
}

/// The extensions the next hop offers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) pipelining: bool,
    pub(super) eight_bit: bool,
    pub(super) smtputf8: bool,
    /// Whether SIZE is known.
    pub(super) size: bool,
    /// The limit given with it.
    pub(super) size_max: Option<u64>,
}

impl Offer {
    /// Reads the answer to EHLO. lettre's own reading knows neither PIPELINING nor SIZE.
    pub(super) fn read<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let mut offer = Self::default();
        for line in lines.skip(1) {
            let mut words = line.split_ascii_whitespace();
            let keyword = words.next().unwrap_or_default();
            if keyword.eq_ignore_ascii_case("PIPELINING") {
                offer.pipelining = true;
            } else if keyword.eq_ignore_ascii_case("8BITMIME") {
                offer.eight_bit = true;
            } else if keyword.eq_ignore_ascii_case("SMTPUTF8") {
                offer.smtputf8 = true;
            } else if keyword.eq_ignore_ascii_case("SIZE") {
                offer.size = true;
                // RFC 1870 section 3: zero says that no fixed limit is in force.
                offer.size_max = words.next().and_then(|n| n.parse().ok()).filter(|n| *n > 0);
            }
        }
        offer
    }
}

/// Which idle connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Idle {
    /// Those that were idle for longer than they may be.
    Long,
    /// All.
    Any,
}

/// One open connection.
pub(super) struct Link {
    pub(super) connection: AsyncSmtpConnection,
    pub(super) offer: Offer,
    /// Whether it has carried a message before: then a failure may only mean that it went stale.
    pub(super) used: bool,
    messages: u32,
    last_used: Instant,
}

/// The next hop with its pool of idle connections.
pub(super) struct Hop {
    pub(super) config: SmtpHop,
    name: ClientId,
    tls: Option<TlsParameters>,
    idle: Mutex<Vec<Link>>,
}

impl Hop {
    pub(super) fn new(config: SmtpHop, hostname: &str) -> Result<Self, HopError> {
        let parameters =
            |name: &Option<String>| TlsParameters::builder(name.clone().unwrap_or_else(|| config.host.clone()));
        let tls = match &config.tls {
            TlsMode::None => None,
            TlsMode::Opportunistic => Some(
                parameters(&None)
                    .certificate_store(CertificateStore::None)
                    .dangerous_accept_invalid_certs(true)
                    .build(),
            ),
            TlsMode::Required { authorities: None, name } => Some(parameters(name).build()),
            TlsMode::Required { authorities: Some(pem), name } => {
                let certificates = Certificate::from_pem(pem).map_err(HopError::Tls)?;
                let builder = parameters(name).certificate_store(CertificateStore::None);
                Some(builder.add_root_certificate(certificates).build())
            }
        };
        Ok(Self {
            tls: tls.transpose().map_err(HopError::Tls)?,
            config,
            name: ClientId::Domain(hostname.to_owned()),
            idle: Mutex::default(),
        })
    }

    /// A connection from the pool, or a new one.
    pub(super) async fn link(&self) -> Result<Link, HopError> {
        match self.take_idle() {
            Some(link) => Ok(link),
            None => self.connect().await,
        }
    }

    /// A new connection.
    pub(super) async fn connect(&self) -> Result<Link, HopError> {
        match self.open(self.tls.as_ref()).await {
            // Postfix's "may": a server whose TLS is broken still gets its mail when nobody asked for encryption.
            Err(HopError::Session(_)) if matches!(self.config.tls, TlsMode::Opportunistic) => self.open(None).await,
            result => result,
        }
    }

    /// Gives a connection back after a message; true says that it stays open.
    pub(super) fn give_back(&self, mut link: Link) -> Option<Link> {
        link.messages = link.messages.saturating_add(1);
        link.used = true;
        link.last_used = Instant::now();
        if link.messages >= self.config.max_messages || link.connection.has_broken() {
            return Some(link);
        }
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(link);
        None
    }

    /// Ends idle connections.
    pub(super) async fn prune(&self, which: Idle) {
        let old: Vec<Link> = {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.extract_if(.., |link| which == Idle::Any || link.last_used.elapsed() >= self.config.idle).collect()
        };
        for link in old {
            link.quit().await;
        }
    }

    fn take_idle(&self) -> Option<Link> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.pop()
    }

    async fn open(&self, tls: Option<&TlsParameters>) -> Result<Link, HopError> {
        let switch = TlsSwitch::default();
        let wire = Wire::new(self.dial().await?, &switch);
        let session = async {
            let mut connection = AsyncSmtpConnection::connect_with_transport(Box::new(wire), &self.name)
                .await
                .map_err(HopError::Session)?;
            if let Some(tls) = tls {
                if connection.can_starttls() {
                    switch.arm();
                    connection.starttls(tls.clone(), &self.name).await.map_err(HopError::Session)?;
                } else if matches!(self.config.tls, TlsMode::Required { .. }) {
                    return Err(HopError::NoTls);
                }
            }
            let ehlo = connection.command(Ehlo(&self.name)).await.map_err(HopError::Session)?;
            Ok((connection, Offer::read(ehlo.message())))
        };
        let (connection, offer) =
            timeout(self.config.timeouts.command, session).await.map_err(|_| HopError::Timeout)??;
        Ok(Link { connection, offer, used: false, messages: 0, last_used: Instant::now() })
    }

    async fn dial(&self) -> Result<tokio::net::TcpStream, HopError> {
        let mut last = std::io::Error::from(std::io::ErrorKind::NotFound);
        let dial = async {
            for address in lookup_host((self.config.host.as_str(), self.config.port)).await? {
                let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
                match socket.connect(address).await {
                    Ok(stream) => {
                        // What is written is written in whole groups, so waiting to fill a segment only costs time.
                        stream.set_nodelay(true)?;
                        return Ok(stream);
                    }
                    Err(error) => last = error,
                }
            }
            Err(last)
        };
        match timeout(self.config.timeouts.connect, dial).await {
            Ok(result) => result.map_err(HopError::Connect),
            Err(_) => Err(HopError::Timeout),
        }
    }
}

impl Link {
    /// Ends the connection politely, but not at any price.
    pub(super) async fn quit(mut self) {
        if !self.connection.has_broken() {
            let _ = timeout(QUIT, self.connection.quit()).await;
        }
    }
}

/// A reply as one line of bounded length, without control characters: it goes into logs, notices and the console.
pub(super) fn reply_text(code: u16, text: &str) -> String {
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut line: String = clean.take(REPLY_TEXT_MAX).collect();
    line.truncate(line.trim_end().len());
    format!("{code} {}", line.trim_start())
}

/// The text of a positive reply.
pub(super) fn response_text(response: &Response) -> String {
    let text: Vec<&str> = response.message().collect();
    reply_text(response.code().into(), &text.join(" "))
}

struct Ehlo<'a>(&'a ClientId);

impl fmt::Display for Ehlo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EHLO {}\r\n", self.0)
    }
}

const QUIT: Duration = Duration::from_secs(5);
const REPLY_TEXT_MAX: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offer_is_read_from_the_lines_after_the_name() {
        let lines = ["PIPELINING", "SIZE 10240000", "8bitmime", "SMTPUTF8", "ENHANCEDSTATUSCODES"];
        let offer = Offer::read(lines.into_iter());
        assert_eq!(
            offer,
            Offer { pipelining: false, eight_bit: true, smtputf8: true, size: true, size_max: Some(10_240_000) }
        );
        assert_eq!(Offer::read(["mx", "SIZE 0"].into_iter()).size_max, None);
        assert_eq!(Offer::read(["mx", "SIZE x"].into_iter()), Offer { size: true, ..Offer::default() });
        assert_eq!(Offer::read(["PIPELINING"].into_iter()), Offer::default());
    }

    #[test]
    fn replies_are_one_bounded_line() {
        assert_eq!(reply_text(550, "5.1.1 no\r\nsuch\u{1b}[2J user\u{0}"), "550 5.1.1 no  such [2J user");
        assert_eq!(reply_text(250, &"x".repeat(10_000)).len(), 4 + REPLY_TEXT_MAX);
    }
}

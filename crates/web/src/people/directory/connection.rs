//! One connection to a directory, over which one thing is asked after another.

use std::io;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

use super::{
    ber::{self, Malformed},
    message::{self, Answer, Entry, Outcome, Scope, code},
};
use crate::people::trust::{Authority, Tls};

/// Why the directory could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// No connection.
    #[error("the directory cannot be reached")]
    Connect(#[source] io::Error),
    /// It does not speak TLS, or not with a certificate from the named authorities.
    #[error("TLS with the directory failed")]
    Tls(#[source] io::Error),
    /// The connection broke.
    #[error("the connection to the directory broke")]
    Io(#[from] io::Error),
    /// It took longer than it may.
    #[error("the directory did not answer in time")]
    Late,
    /// It does not speak LDAP.
    #[error("the directory does not speak LDAP")]
    Malformed,
    /// An answer is longer than one may be.
    #[error("an answer of the directory has {0} bytes, at most 4194304 are read")]
    Long(usize),
    /// It refused: what was asked, the result code of RFC 4511, and what it said.
    #[error("the directory refused {0}: code {1} {2}")]
    Refused(&'static str, u32, String),
}

impl From<Malformed> for DirectoryError {
    fn from(Malformed: Malformed) -> Self {
        Self::Malformed
    }
}

/// How the connection is protected.
#[derive(Debug, Clone)]
pub(super) enum Protection {
    /// From the first byte on (`ldaps`).
    Tls(Tls),
    /// Asked for before anything else is said.
    StartTls(Tls),
    /// Not at all: this machine only.
    None,
}

#[derive(Debug)]
pub(super) struct Connection {
    stream: Stream,
    last: u32,
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connection {
    /// Connects, and says nothing before the connection is protected.
    pub(super) async fn open(at: &Authority, protection: &Protection) -> Result<Self, DirectoryError> {
        let stream = TcpStream::connect((at.host.as_str(), at.port)).await.map_err(DirectoryError::Connect)?;
        stream.set_nodelay(true)?;
        match protection {
            Protection::None => Ok(Self { stream: Stream::Plain(stream), last: 0 }),
            Protection::Tls(trust) => Self::over(stream, trust, at).await,
            Protection::StartTls(trust) => {
                let mut plain = Self { stream: Stream::Plain(stream), last: 0 };
                let id = plain.next();
                plain.say(&message::start_tls(id)).await?;
                match plain.hear(id).await? {
                    Answer::Extended(outcome) if outcome.code == code::SUCCESS => {}
                    Answer::Extended(outcome) => return Err(refused("StartTLS", outcome)),
                    _ => return Err(DirectoryError::Malformed),
                }
                // Answers are read to their last byte and no further: what was slipped in behind this one breaks the handshake.
                let Stream::Plain(stream) = plain.stream else { return Err(DirectoryError::Malformed) };
                Self::over(stream, trust, at).await
            }
        }
    }

    async fn over(stream: TcpStream, trust: &Tls, at: &Authority) -> Result<Self, DirectoryError> {
        let stream = trust.over(stream, &at.host).await.map_err(DirectoryError::Tls)?;
        Ok(Self { stream: Stream::Tls(Box::new(stream)), last: 0 })
    }

    /// Whether the password is that of the entry. An empty one is never sent: it would bind as nobody, and succeed (RFC 4513 5.1.2).
    pub(super) async fn bind(&mut self, dn: &str, password: &str) -> Result<bool, DirectoryError> {
        if dn.is_empty() || password.is_empty() {
            return Ok(false);
        }
        let id = self.next();
        self.say(&message::bind(id, dn, password)).await?;
        let Answer::Bound(outcome) = self.hear(id).await? else { return Err(DirectoryError::Malformed) };
        match outcome.code {
            code::SUCCESS => Ok(true),
            // Wrong, no password there, or an account that is locked.
            code::INVALID_CREDENTIALS
            | code::INAPPROPRIATE_AUTHENTICATION
            | code::CONSTRAINT
            | code::UNWILLING
            | code::NO_SUCH_OBJECT => Ok(false),
            _ => Err(refused("a bind", outcome)),
        }
    }

    /// At most `most` entries below `base`, or one more as a sign that there are more.
    pub(super) async fn search(
        &mut self,
        base: &str,
        scope: Scope,
        filter: &[u8],
        attributes: &[&str],
        most: u16,
    ) -> Result<Vec<Entry>, DirectoryError> {
        let id = self.next();
        let bounds = [u32::from(most).saturating_add(1), SECONDS];
        self.say(&message::search(id, base, scope, filter, attributes, bounds)).await?;
        let mut found = Vec::new();
        loop {
            match self.hear(id).await? {
                Answer::Entry(entry) if found.len() <= usize::from(most) => found.push(entry),
                // A server that does not keep to the limit.
                Answer::Entry(_) => return Ok(found),
                // Elsewhere may be more; what this directory does not hold is not asked for.
                Answer::Reference => {}
                Answer::Done(outcome) => {
                    return match outcome.code {
                        code::SUCCESS | code::SIZE_LIMIT | code::REFERRAL => Ok(found),
                        _ => Err(refused("a search", outcome)),
                    };
                }
                Answer::Bound(_) | Answer::Extended(_) => return Err(DirectoryError::Malformed),
            }
        }
    }

    /// Says goodbye; whether it is heard does not matter.
    pub(super) async fn close(mut self) {
        let id = self.next();
        let _ = self.say(&message::unbind(id)).await;
    }

    fn next(&mut self) -> u32 {
        self.last = self.last.saturating_add(1);
        self.last
    }

    async fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.stream {
            Stream::Plain(stream) => stream.write_all(bytes).await,
            Stream::Tls(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
        }
    }

    /// The next answer to the request of that number.
    async fn hear(&mut self, id: u32) -> Result<Answer, DirectoryError> {
        let mut head = [0; 2];
        self.fill(&mut head).await?;
        let [ber::SEQUENCE, first] = head else { return Err(DirectoryError::Malformed) };
        let mut longer = [0; 4];
        let longer = longer.get_mut(..ber::length_bytes(first)?).ok_or(Malformed)?;
        self.fill(longer).await?;
        let length = if longer.is_empty() { usize::from(first) } else { ber::long(longer)? };
        if length > ANSWER_BYTES {
            return Err(DirectoryError::Long(length));
        }
        let mut content = vec![0; length];
        self.fill(&mut content).await?;
        match message::answer(&content)? {
            (answered, answer) if answered == id => Ok(answer),
            // Nothing else was asked; zero is what the server says of itself when it goes (4.4.1).
            _ => Err(DirectoryError::Malformed),
        }
    }

    async fn fill(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        match &mut self.stream {
            Stream::Plain(stream) => stream.read_exact(bytes).await,
            Stream::Tls(stream) => stream.read_exact(bytes).await,
        }
        .map(drop)
    }
}

fn refused(what: &'static str, outcome: Outcome) -> DirectoryError {
    DirectoryError::Refused(what, outcome.code, outcome.said)
}

/// Longest answer: an entry with the names of ten thousand groups has two megabytes.
const ANSWER_BYTES: usize = 4 << 20;
/// Time that a server may search; the whole has a deadline beside it.
const SECONDS: u32 = 30;

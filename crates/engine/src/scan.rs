//! clamd as a second opinion before conversion.
//!
//! The scanner sees each original and each extracted child. It never decides that something is safe: what it does not
//! object to is still rebuilt. A scanner that does not answer is not the same as a clean answer, so [`ScanError`] makes
//! the mail wait.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use clamav_client::tokio::{Socket, Tcp};
use jail::Source;

/// Bytes sent to clamd at a time; its own default chunk is 4 KiB, which costs a system call each.
const CHUNK_BYTES: usize = 64 << 10;

/// Where clamd listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A Unix socket.
    Unix(PathBuf),
    /// Host and port.
    Tcp(String),
}

impl Endpoint {
    /// Reads `unix:PATH` or `tcp:HOST:PORT`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':')? {
            ("unix", path) if !path.is_empty() => Some(Self::Unix(PathBuf::from(path))),
            ("tcp", host) if host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) => {
                Some(Self::Tcp(host.to_owned()))
            }
            _ => None,
        }
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address.to_string())
    }
}

/// What the scanner said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScanVerdict {
    /// Nothing known was found.
    Clean,
    /// A signature matched; its name.
    Infected(String),
    /// clamd refuses streams of this size (`StreamMaxLength`): it will refuse it the next time too.
    TooLarge,
}

/// The scanner gave no answer; the mail waits.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// Connecting or streaming failed.
    #[error("talking to clamd")]
    Io(#[source] io::Error),
    /// No answer within the time allowed.
    #[error("clamd did not answer within {0:?}")]
    Timeout(Duration),
    /// An answer that is neither OK, FOUND nor the size limit.
    #[error("clamd answered {0:?}")]
    Answer(String),
}

/// A clamd and how long to wait for it.
#[derive(Debug, Clone)]
pub struct Scanner {
    endpoint: Endpoint,
    timeout: Duration,
}

impl Scanner {
    /// A scanner at `endpoint` that has `timeout` for each answer.
    pub fn new(endpoint: Endpoint, timeout: Duration) -> Self {
        Self { endpoint, timeout }
    }

    /// Streams one original or child to clamd.
    ///
    /// # Errors
    /// [`ScanError`]: clamd cannot be reached, is silent for too long, or gives an answer that is none.
    pub async fn scan(&self, source: &Source) -> Result<ScanVerdict, ScanError> {
        let stream = chunks(source.clone());
        let answer = self.within(async {
            match &self.endpoint {
                Endpoint::Unix(path) => {
                    clamav_client::tokio::scan_stream(stream, Socket { socket_path: path }, Some(CHUNK_BYTES)).await
                }
                Endpoint::Tcp(host) => {
                    clamav_client::tokio::scan_stream(stream, Tcp { host_address: host.as_str() }, Some(CHUNK_BYTES))
                        .await
                }
            }
        });
        read_answer(&answer.await?)
    }

    /// clamd's own version and database line, for `doctor`.
    ///
    /// # Errors
    /// As [`scan`](Self::scan).
    pub async fn version(&self) -> Result<String, ScanError> {
        let answer = self.within(async {
            match &self.endpoint {
                Endpoint::Unix(path) => clamav_client::tokio::get_version(Socket { socket_path: path }).await,
                Endpoint::Tcp(host) => clamav_client::tokio::get_version(Tcp { host_address: host.as_str() }).await,
            }
        });
        Ok(printable(&answer.await?))
    }

    async fn within(&self, answer: impl Future<Output = io::Result<Vec<u8>>>) -> Result<Vec<u8>, ScanError> {
        match tokio::time::timeout(self.timeout, answer).await {
            Ok(result) => result.map_err(ScanError::Io),
            Err(_) => Err(ScanError::Timeout(self.timeout)),
        }
    }
}

fn chunks(source: Source) -> impl futures_util::Stream<Item = io::Result<Bytes>> + Unpin {
    let mut offset = 0u64;
    tokio_stream::iter(std::iter::from_fn(move || {
        let left = source.len.saturating_sub(offset);
        let want = usize::try_from(left).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
        if want == 0 {
            return None;
        }
        let mut chunk = vec![0; want];
        let read = source.data.read_at(&mut chunk, source.offset.saturating_add(offset));
        offset = offset.saturating_add(want as u64);
        Some(read.map(|_| Bytes::from(chunk)))
    }))
}

/// `stream: OK`, `stream: NAME FOUND`, or an error line; clamd ends each with NUL.
fn read_answer(answer: &[u8]) -> Result<ScanVerdict, ScanError> {
    let text = printable(answer);
    if text.contains("size limit exceeded") {
        return Ok(ScanVerdict::TooLarge);
    }
    match text.strip_prefix("stream: ") {
        Some("OK") => Ok(ScanVerdict::Clean),
        Some(found) => match found.strip_suffix(" FOUND") {
            Some(name) => Ok(ScanVerdict::Infected(name.to_owned())),
            None => Err(ScanError::Answer(text)),
        },
        None => Err(ScanError::Answer(text)),
    }
}

fn printable(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer);
    text.trim_end_matches(['\0', '\n']).chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_ok_is_clean() {
        assert_eq!(read_answer(b"stream: OK\0").unwrap(), ScanVerdict::Clean);
        assert_eq!(read_answer(b"stream: Eicar-Test FOUND\0").unwrap(), ScanVerdict::Infected("Eicar-Test".into()));
        assert_eq!(read_answer(b"INSTREAM size limit exceeded. ERROR\0").unwrap(), ScanVerdict::TooLarge);
        for doubtful in [&b""[..], b"OK", b"stream: OKAY", b"stream: ", b"UNKNOWN COMMAND\0", b"stream: x ERROR"] {
            assert!(read_answer(doubtful).is_err(), "{doubtful:?}");
        }
    }

    #[test]
    fn endpoints_are_a_socket_path_or_a_host_and_port() {
        assert_eq!(Endpoint::parse("unix:/run/c.ctl"), Some(Endpoint::Unix("/run/c.ctl".into())));
        assert_eq!(Endpoint::parse("tcp:127.0.0.1:3310"), Some(Endpoint::Tcp("127.0.0.1:3310".into())));
        for wrong in ["", "unix:", "tcp:host", "tcp:host:port", "http://x"] {
            assert_eq!(Endpoint::parse(wrong), None, "{wrong}");
        }
    }
}

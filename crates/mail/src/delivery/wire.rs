//! The octets between lettre's SMTP connection and the socket.
//!
//! lettre writes and flushes every command by itself and reads replies without a limit. This layer under it
//! * holds back what is written until an answer is wanted, so that a group of commands, or the end of a message and its dot,
//!   is one system call and one segment;
//! * hands replies up line by line while the connection is in the clear, so that nothing that came with the answer to STARTTLS
//!   can lie in lettre's buffer and be taken for an answer inside TLS (NO STARTTLS, USENIX Security 2021);
//! * stops a peer that answers without end, and makes replies ASCII: lettre takes a greeting in Shift_JIS for a broken
//!   connection.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use memchr::memchr;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The transport given to lettre.
pub(super) struct Wire {
    stream: TcpStream,
    out: Vec<u8>,
    sent: usize,
    /// What was read from a clear connection and not yet handed up.
    held: Vec<u8>,
    given: usize,
    /// Octets of reply since the last time we said something.
    unasked: usize,
    encryption: Encryption,
}

enum Encryption {
    /// Off; the flag is raised by [`TlsSwitch`] when STARTTLS is about to be said.
    Off(Arc<AtomicBool>),
    On,
}

/// Tells a [`Wire`] that the next TLS record it is given starts the encryption.
#[derive(Clone, Debug, Default)]
pub(super) struct TlsSwitch(Arc<AtomicBool>);

impl TlsSwitch {
    pub(super) fn arm(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Wire {
    pub(super) fn new(stream: TcpStream, switch: &TlsSwitch) -> Self {
        Self {
            stream,
            out: Vec::new(),
            sent: 0,
            held: Vec::new(),
            given: 0,
            unasked: 0,
            encryption: Encryption::Off(Arc::clone(&switch.0)),
        }
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.out.get(self.sent..).filter(|rest| !rest.is_empty()) {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent = self.sent.saturating_add(written);
        }
        self.out.clear();
        self.sent = 0;
        Poll::Ready(Ok(()))
    }

    fn count(&mut self, octets: usize) -> io::Result<()> {
        self.unasked = self.unasked.saturating_add(octets);
        if self.unasked > REPLY_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "reply too long"));
        }
        Ok(())
    }

    /// Hands up the rest of one line at most.
    fn give_line(&mut self, buf: &mut ReadBuf<'_>) {
        let rest = self.held.get_mut(self.given..).unwrap_or_default();
        let line = memchr(b'\n', rest).map_or(rest.len(), |at| at.saturating_add(1)).min(buf.remaining());
        if let Some(line) = rest.get_mut(..line) {
            for byte in line.iter_mut().filter(|byte| !byte.is_ascii()) {
                *byte = b'?';
            }
            buf.put_slice(line);
        }
        self.given = self.given.saturating_add(line);
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_drain(cx))?;
        if let Encryption::On = this.encryption {
            let before = buf.filled().len();
            ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
            return Poll::Ready(this.count(buf.filled().len().saturating_sub(before)));
        }
        if this.given >= this.held.len() {
            let mut space = [0u8; READ];
            let mut read = ReadBuf::new(&mut space);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut read))?;
            this.count(read.filled().len())?;
            this.held.clear();
            this.given = 0;
            this.held.extend_from_slice(read.filled());
        }
        this.give_line(buf);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let Encryption::Off(armed) = &this.encryption
            && armed.load(Ordering::Relaxed)
            && buf.first() == Some(&TLS_HANDSHAKE)
        {
            if this.given < this.held.len() {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "octets before the TLS handshake")));
            }
            this.encryption = Encryption::On;
        }
        this.unasked = 0;
        if this.out.len() >= HOLD_MAX {
            ready!(this.poll_drain(cx))?;
        }
        this.out.extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    /// Does nothing: what is written goes out when an answer is wanted. Every command and message asks for one.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_drain(cx))?;
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}

impl AsyncTokioStream for Wire {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wire({} octets held back)", self.out.len())
    }
}

/// Longest answer to one group of commands: 100 recipients with generous texts.
const REPLY_MAX: usize = 256 << 10;
const HOLD_MAX: usize = 64 << 10;
const READ: usize = 4096;
/// The content type of a TLS handshake record (RFC 8446 section 5.1); no SMTP command begins with it.
const TLS_HANDSHAKE: u8 = 22;

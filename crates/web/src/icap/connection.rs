//! One connection of a proxy: what it sends, piece by piece, and how long it may take.

use std::{io, time::Duration};

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{Instant, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{
    IcapLimits,
    chunk::{Chunks, Step},
    wire::{self, Head, Malformed},
};

/// Why a connection ends.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Lost {
    #[error("it ended between two requests")]
    Ended,
    #[error("the proxy closed it inside a request")]
    Broken,
    #[error("no byte for too long, or a request that takes too long")]
    Late,
    #[error("the gateway stops")]
    Stopping,
    #[error("not readable as ICAP")]
    Malformed(#[from] Malformed),
    #[error("the connection, or a result on its way into it, failed")]
    Io(#[from] io::Error),
}

/// What carries a connection: TCP, or TLS over it.
pub(crate) trait Carrier: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Carrier for S {}

pub(crate) struct Connection {
    stream: Box<dyn Carrier>,
    /// Received and not yet read.
    buffer: BytesMut,
    limits: IcapLimits,
    pub(crate) shutdown: CancellationToken,
}

impl Connection {
    pub(crate) fn new(stream: Box<dyn Carrier>, limits: IcapLimits, shutdown: CancellationToken) -> Self {
        Self { stream, buffer: BytesMut::new(), limits, shutdown }
    }

    /// The head of the next request.
    pub(crate) async fn head(&mut self) -> Result<Head, Lost> {
        if self.buffer.is_empty() {
            // Between two requests a proxy may be silent for longer, and nobody waits for an answer.
            self.more(Instant::now() + IDLE, IDLE).await.map_err(|_| Lost::Ended)?;
        }
        let deadline = Instant::now() + HEAD_TIME;
        loop {
            if let Some((head, length)) = wire::head(&self.buffer)? {
                drop(self.buffer.split_to(length));
                return Ok(head);
            }
            let silence = self.limits.silence;
            self.more(deadline, silence).await?;
        }
    }

    /// The encapsulated heads.
    pub(crate) async fn take(&mut self, length: usize) -> Result<Bytes, Lost> {
        let deadline = Instant::now() + HEAD_TIME;
        let silence = self.limits.silence;
        while self.buffer.len() < length {
            self.more(deadline, silence).await?;
        }
        Ok(self.buffer.split_to(length).freeze())
    }

    /// The body that follows them.
    pub(crate) fn body(&mut self, preview: Option<u64>) -> Body<'_> {
        let chunks = preview.map_or_else(Chunks::new, Chunks::preview);
        let deadline = Instant::now() + self.limits.duration;
        Body { connection: self, chunks, phase: Phase::Reading, deadline }
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), Lost> {
        // A piece is at most 256 KiB; whoever takes less than that in this time is not a proxy at work.
        let written = async {
            self.stream.write_all(bytes).await?;
            // TLS keeps a part of it until it is asked.
            self.stream.flush().await
        };
        match timeout(self.limits.silence, written).await {
            Ok(written) => Ok(written?),
            Err(_) => Err(Lost::Late),
        }
    }

    /// Ends the connection so that the last answer is read: what the proxy is still sending is taken for a moment, since
    /// closing on unread bytes would take the answer away from it.
    pub(crate) async fn close(mut self) {
        let until = Instant::now() + LINGER;
        // With TLS on it, an end is a message too, which a proxy may not take.
        let ended = tokio::select! {
            () = self.shutdown.cancelled() => return,
            ended = timeout_at(until, self.stream.shutdown()) => ended,
        };
        if !matches!(ended, Ok(Ok(()))) {
            return;
        }
        let mut left = LINGER_BYTES;
        while left > 0 {
            self.buffer.clear();
            self.buffer.reserve(RECEIVE);
            match timeout_at(until, self.stream.read_buf(&mut self.buffer)).await {
                Ok(Ok(read)) if read > 0 => left = left.saturating_sub(read),
                Ok(_) | Err(_) => return,
            }
        }
    }

    /// Waits for at least one byte more.
    async fn more(&mut self, deadline: Instant, silence: Duration) -> Result<(), Lost> {
        self.buffer.reserve(RECEIVE);
        let until = deadline.min(Instant::now() + silence);
        let read = tokio::select! {
            () = self.shutdown.cancelled() => return Err(Lost::Stopping),
            read = timeout_at(until, self.stream.read_buf(&mut self.buffer)) => read,
        };
        match read {
            Ok(Ok(0)) => Err(Lost::Broken),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Lost::Io(error)),
            Err(_) => Err(Lost::Late),
        }
    }
}

/// A body on its way in.
pub(crate) struct Body<'c> {
    connection: &'c mut Connection,
    chunks: Chunks,
    phase: Phase,
    deadline: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Reading,
    /// The preview has ended, and the proxy waits whether more is wanted.
    Waiting,
    Whole,
}

impl Body<'_> {
    /// The next bytes; `None` at the end of the body. Behind a preview the rest is asked for.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Lost> {
        loop {
            if let Some(data) = self.piece().await? {
                return Ok(Some(data));
            }
            if self.phase == Phase::Whole {
                return Ok(None);
            }
            self.connection.write(b"ICAP/1.0 100 Continue\r\n\r\n").await?;
            self.chunks = Chunks::new();
            self.phase = Phase::Reading;
        }
    }

    /// Reads to where the answer may be sent without any more of the body: the end of the preview, or of the body. The answer is
    /// whether another request can follow on this connection.
    pub(crate) async fn settle(mut self) -> Result<bool, Lost> {
        let mut left = self.connection.limits.body_bytes;
        while let Some(data) = self.piece().await? {
            match left.checked_sub(u64::try_from(data.len()).unwrap_or(u64::MAX)) {
                Some(less) => left = less,
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, Lost> {
        if self.phase != Phase::Reading {
            return Ok(None);
        }
        let silence = self.connection.limits.silence;
        loop {
            match self.chunks.step(&mut self.connection.buffer)? {
                Step::Feed => self.connection.more(self.deadline, silence).await?,
                Step::Data(data) => return Ok(Some(data)),
                Step::End { whole } => {
                    self.phase = if whole { Phase::Whole } else { Phase::Waiting };
                    return Ok(None);
                }
            }
        }
    }
}

/// Received at once.
const RECEIVE: usize = 64 * 1024;
/// Longest pause between two requests.
const IDLE: Duration = Duration::from_secs(75);
/// Longest time for the heads of a request, however its bytes are spread.
const HEAD_TIME: Duration = Duration::from_secs(20);
/// How long and how much is read on behind the last answer.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 16 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::{
        pin::Pin,
        task::{Context, Poll},
    };

    use tokio::io::ReadBuf;

    use super::*;

    /// A peer that takes nothing any more and says nothing.
    struct Deaf;

    impl AsyncRead for Deaf {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Deaf {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Pending
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_that_the_proxy_does_not_take_is_not_waited_for() {
        let begun = Instant::now();
        let connection = Connection::new(Box::new(Deaf), IcapLimits::default(), CancellationToken::new());
        timeout(Duration::from_secs(3600), connection.close()).await.unwrap();
        assert_eq!(begun.elapsed(), LINGER);
        let stopping = CancellationToken::new();
        stopping.cancel();
        let connection = Connection::new(Box::new(Deaf), IcapLimits::default(), stopping);
        timeout(Duration::from_secs(3600), connection.close()).await.unwrap();
        assert_eq!(begun.elapsed(), LINGER, "a gateway that stops waits for nobody");
    }
}

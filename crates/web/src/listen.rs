//! Serving a router on a socket: a bound on connections, in all and of one client, and none that stays silent or takes its time over
//! the header of a request.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{Router, body::Body, extract::ConnectInfo, serve::Listener};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, Sleep, sleep_until},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower_service::Service;

use crate::clients::{Clients, Place};

/// Serves until `shutdown` resolves; requests under way are finished first.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    serve_within(listener, router, shutdown, Bounds::default()).await;
    Ok(())
}

/// What bounds the connections of a listener.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    connections: usize,
    of_one: usize,
    header: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { connections: CONNECTIONS, of_one: CONNECTIONS_OF_ONE, header: HEADER }
    }
}

async fn serve_within(mut listener: TcpListener, router: Router, shutdown: impl Future<Output = ()>, bounds: Bounds) {
    let places = Arc::new(Semaphore::new(bounds.connections));
    let clients = Clients::default();
    let (stopping, connections) = (CancellationToken::new(), TaskTracker::new());
    let mut shutdown = pin!(shutdown);
    loop {
        let next = async {
            // The semaphore is never closed; without a place the connection would still be served, only uncounted.
            let place = Arc::clone(&places).acquire_owned().await.ok();
            let (stream, peer) = Listener::accept(&mut listener).await;
            (place, stream, peer)
        };
        let (place, stream, peer) = tokio::select! {
            next = next => next,
            () = &mut shutdown => break,
        };
        // One client never has all places. Dropping the stream closes it.
        let Some(own) = clients.enter(peer.ip(), bounds.of_one) else { continue };
        connections.spawn(connection(
            Watched::new(stream, (place, own)),
            peer,
            router.clone(),
            stopping.clone(),
            bounds,
        ));
    }
    drop(listener);
    stopping.cancel();
    connections.close();
    connections.wait().await;
}

/// Answers the requests of one connection, and after `stopping` no further one.
async fn connection(stream: Watched, peer: SocketAddr, router: Router, stopping: CancellationToken, bounds: Bounds) {
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(Peer(peer)));
        router.clone().call(request.map(Body::new))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.header)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    // A connection that breaks is nothing that anybody here could mend.
    let _ = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
}

/// The other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// A connection that ends when no byte moved in either direction for [`SILENCE`], whether it sends or fetches.
#[derive(Debug)]
struct Watched {
    stream: TcpStream,
    _places: (Option<OwnedSemaphorePermit>, Place),
    silence: Pin<Box<Sleep>>,
}

impl Watched {
    fn new(stream: TcpStream, places: (Option<OwnedSemaphorePermit>, Place)) -> Self {
        Self { stream, _places: places, silence: Box::pin(sleep_until(Instant::now() + SILENCE)) }
    }

    fn moved(&mut self) {
        self.silence.as_mut().reset(Instant::now() + SILENCE);
    }

    fn silent(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        self.silence.as_mut().poll(context).map(|()| io::Error::from(io::ErrorKind::TimedOut))
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(result) => {
                self.moved();
                Poll::Ready(result)
            }
            Poll::Pending => self.silent(context).map(Err),
        }
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(context, bytes) {
            Poll::Ready(result) => {
                self.moved();
                Poll::Ready(result)
            }
            Poll::Pending => self.silent(context).map(Err),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write_vectored(context, slices) {
            Poll::Ready(result) => {
                self.moved();
                Poll::Ready(result)
            }
            Poll::Pending => self.silent(context).map(Err),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// Connections of one listener.
const CONNECTIONS: usize = 1024;
/// Of them, connections of one client. A proxy before the listener is one.
const CONNECTIONS_OF_ONE: usize = 512;
/// Longest time until the header of a request is whole, from the opening of the connection or the answer before. A byte now and then
/// keeps no place (slowloris).
const HEADER: Duration = Duration::from_secs(30);
/// Longest header of a request; bodies are read in pieces of this size.
const BUFFER: usize = 64 * 1024;
/// Longest time without a byte in either direction.
const SILENCE: Duration = Duration::from_secs(75);

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const QUICK: Bounds = Bounds { connections: 4, of_one: 2, header: Duration::from_millis(600) };

    async fn served(bounds: Bounds) -> (SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let slow = async || {
            tokio::time::sleep(Duration::from_millis(1500)).await;
            "slow"
        };
        let router =
            Router::new().route("/", axum::routing::get(async || "here")).route("/slow", axum::routing::get(slow));
        let stop = CancellationToken::new();
        let task = tokio::spawn(serve_within(listener, router, stop.clone().cancelled_owned(), bounds));
        (at, stop, task)
    }

    async fn ask(stream: &mut TcpStream, path: &str) -> String {
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = vec![0; 4096];
        let count = stream.read(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer[..count]).into_owned()
    }

    /// How long it takes until the other end closes, while a byte of a header is sent now and then.
    async fn trickle(stream: &mut TcpStream) -> Duration {
        let started = Instant::now();
        let mut bytes = b"GET / HTTP/1.1\r\nHost: a\r\nX: ".iter().chain(std::iter::repeat(&b'x'));
        let mut nothing = [0; 1];
        while started.elapsed() < Duration::from_secs(5) {
            if stream.write_all(&[*bytes.next().unwrap()]).await.is_err() {
                break;
            }
            if let Ok(Ok(0) | Err(_)) = tokio::time::timeout(Duration::from_millis(50), stream.read(&mut nothing)).await
            {
                break;
            }
        }
        started.elapsed()
    }

    #[tokio::test]
    async fn a_header_that_comes_byte_by_byte_keeps_no_connection() {
        let (at, _stop, _task) = served(QUICK).await;
        let mut stream = TcpStream::connect(at).await.unwrap();
        let held = trickle(&mut stream).await;
        assert!(held >= QUICK.header && held < 3 * QUICK.header, "{held:?}");
        // Nor does the second request of a connection.
        let mut stream = TcpStream::connect(at).await.unwrap();
        assert!(ask(&mut stream, "/").await.ends_with("here"));
        let held = trickle(&mut stream).await;
        assert!(held < 3 * QUICK.header, "{held:?}");
        // A handler may take longer than a header.
        let mut stream = TcpStream::connect(at).await.unwrap();
        assert!(ask(&mut stream, "/slow").await.ends_with("slow"));
    }

    #[tokio::test]
    async fn one_client_never_has_all_connections() {
        let (at, _stop, _task) = served(Bounds { header: Duration::from_secs(20), ..QUICK }).await;
        let mut first = TcpStream::connect(at).await.unwrap();
        let mut second = TcpStream::connect(at).await.unwrap();
        assert!(ask(&mut first, "/").await.ends_with("here") && ask(&mut second, "/").await.ends_with("here"));
        let mut third = TcpStream::connect(at).await.unwrap();
        let mut nothing = [0; 1];
        assert_eq!(third.read(&mut nothing).await.unwrap_or(0), 0, "closed");
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
        let mut other = socket.connect(at).await.unwrap();
        assert!(ask(&mut other, "/").await.ends_with("here"), "another client is served");
        drop(first);
        for _ in 0..50 {
            let mut again = TcpStream::connect(at).await.unwrap();
            let request = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
            let mut answer = Vec::new();
            if again.write_all(request).await.is_ok()
                && again.read_to_end(&mut answer).await.is_ok()
                && !answer.is_empty()
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("a place is free again when its connection has ended");
    }

    #[tokio::test]
    async fn what_is_under_way_is_finished_before_the_end() {
        let (at, stop, task) = served(Bounds { header: Duration::from_secs(20), ..QUICK }).await;
        let mut idle = TcpStream::connect(at).await.unwrap();
        assert!(ask(&mut idle, "/").await.ends_with("here"));
        let mut stream = TcpStream::connect(at).await.unwrap();
        let asking = tokio::spawn(async move { ask(&mut stream, "/slow").await });
        tokio::time::sleep(Duration::from_millis(300)).await;
        stop.cancel();
        assert!(asking.await.unwrap().ends_with("slow"));
        tokio::time::timeout(Duration::from_secs(2), task).await.unwrap().unwrap();
    }
}

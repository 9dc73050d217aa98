//! Serving a router on a socket: a bound on connections, in all and of one client, and none that stays silent or takes its time over
//! the header of a request.

use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{Router, body::Body, extract::ConnectInfo, http::HeaderMap, serve::Listener};
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

use crate::{
    Network,
    clients::{Clients, Place},
};

/// Serves until `shutdown` resolves; requests under way are finished first. Of `proxies`, and of nobody else, the word on whose requests they
/// bring is taken.
///
/// # Errors
/// Never as it is: what fails on a connection ends that connection.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    proxies: Vec<Network>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    serve_within(listener, router, shutdown, Bounds { proxies: proxies.into(), ..Bounds::default() }).await;
    Ok(())
}

/// What bounds the connections of a listener.
#[derive(Debug, Clone)]
struct Bounds {
    connections: usize,
    of_one: usize,
    header: Duration,
    /// What stands in front of the listener, and may have all its connections.
    proxies: Arc<[Network]>,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { connections: CONNECTIONS, of_one: CONNECTIONS_OF_ONE, header: HEADER, proxies: Arc::default() }
    }
}

/// Whose request it is: the peer, or where that is a proxy of the site, whom it names in `X-Forwarded-For`.
///
/// The field is read from its end, over the proxies that the site knows, to the first address that is none of them: what stands before
/// it, its client may have written. `Forwarded` (RFC 7239) is not read: most proxies leave alone what a client writes there.
fn client(peer: IpAddr, headers: &HeaderMap, proxies: &[Network]) -> IpAddr {
    let is_proxy = |address: IpAddr| proxies.iter().any(|network| network.holds(address));
    let mut client = peer.to_canonical();
    let fields = headers.get_all(FORWARDED_FOR).iter().rev();
    for field in fields {
        for name in field.to_str().unwrap_or_default().rsplit(',') {
            if !is_proxy(client) {
                return client;
            }
            let Some(address) = address(name.trim()) else { return client };
            client = address.to_canonical();
        }
    }
    client
}

/// An address as proxies write it: alone, with a port, of IPv6 also in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse().ok().map(|address: SocketAddr| address.ip()))
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
        let is_proxy = bounds.proxies.iter().any(|network| network.holds(peer.ip().to_canonical()));
        let most = if is_proxy { bounds.connections } else { bounds.of_one };
        let Some(own) = clients.enter(peer.ip(), most) else { continue };
        connections.spawn(connection(
            Watched::new(stream, (place, own)),
            peer,
            router.clone(),
            stopping.clone(),
            bounds.clone(),
        ));
    }
    drop(listener);
    stopping.cancel();
    connections.close();
    connections.wait().await;
}

/// Answers the requests of one connection, and after `stopping` no further one.
async fn connection(stream: Watched, peer: SocketAddr, router: Router, stopping: CancellationToken, bounds: Bounds) {
    let proxies = bounds.proxies;
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        let client = client(peer.ip(), request.headers(), &proxies);
        request.extensions_mut().insert(ConnectInfo(Peer(SocketAddr::new(client, peer.port()))));
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

/// Who asks: the other end of a connection, or the client of a proxy that the site knows.
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

/// In what proxies name their clients.
const FORWARDED_FOR: &str = "x-forwarded-for";
/// Connections of one listener.
const CONNECTIONS: usize = 1024;
/// Of them, connections of one client. A proxy that the site does not name is one.
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

    const QUICK_HEADER: Duration = Duration::from_millis(600);

    fn quick() -> Bounds {
        Bounds { connections: 4, of_one: 2, header: QUICK_HEADER, ..Bounds::default() }
    }

    #[test]
    fn only_a_proxy_of_the_site_says_whose_request_it_is() {
        let proxies = ["192.0.2.1", "2001:db8::/64"].map(|text| Network::parse(text).unwrap());
        let check = |peer: &str, fields: &[&str], expect: &str| {
            let mut headers = HeaderMap::new();
            for field in fields {
                headers.append(FORWARDED_FOR, field.parse().unwrap());
            }
            let found = client(peer.parse().unwrap(), &headers, &proxies);
            assert_eq!(found, expect.parse::<IpAddr>().unwrap(), "{peer} {fields:?}");
        };
        check("198.51.100.9", &["203.0.113.5"], "198.51.100.9");
        check("192.0.2.1", &["203.0.113.5"], "203.0.113.5");
        check("::ffff:192.0.2.1", &["::ffff:203.0.113.5"], "203.0.113.5");
        check("192.0.2.1", &[], "192.0.2.1");
        // What its client wrote stands first and counts for nothing.
        check("192.0.2.1", &["10.0.0.1, 203.0.113.5"], "203.0.113.5");
        check("192.0.2.1", &["10.0.0.1", "203.0.113.5, 2001:db8::7"], "203.0.113.5");
        check("192.0.2.1", &["10.0.0.1, 192.0.2.1, 203.0.113.5:4711"], "203.0.113.5");
        check("192.0.2.1", &["[2001:db8:1::5]:443"], "2001:db8:1::5");
        check("192.0.2.1", &["203.0.113.5, unknown"], "192.0.2.1");
        check("192.0.2.1", &["203.0.113.5,"], "192.0.2.1");
    }

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
        let (at, _stop, _task) = served(quick()).await;
        let mut stream = TcpStream::connect(at).await.unwrap();
        let held = trickle(&mut stream).await;
        assert!(held >= QUICK_HEADER && held < 3 * QUICK_HEADER, "{held:?}");
        // Nor does the second request of a connection.
        let mut stream = TcpStream::connect(at).await.unwrap();
        assert!(ask(&mut stream, "/").await.ends_with("here"));
        let held = trickle(&mut stream).await;
        assert!(held < 3 * QUICK_HEADER, "{held:?}");
        // A handler may take longer than a header.
        let mut stream = TcpStream::connect(at).await.unwrap();
        assert!(ask(&mut stream, "/slow").await.ends_with("slow"));
    }

    #[tokio::test]
    async fn one_client_never_has_all_connections() {
        let (at, _stop, _task) = served(Bounds { header: Duration::from_secs(20), ..quick() }).await;
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
        let (at, stop, task) = served(Bounds { header: Duration::from_secs(20), ..quick() }).await;
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

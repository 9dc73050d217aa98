//! The gateway as an HTTP client: whom it may reach, for how long, and how much it takes in answer.
//!
//! One request is one connection (HTTP/1.1). Nothing is followed: an answer that points elsewhere is an answer. A name is resolved once, and the
//! connection goes to an address that was looked at, so that a name cannot mean one machine to the check and another to the
//! connection. What an answer brings is bytes; whoever asked reads them with a total parser or not at all.

mod reach;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    body::{Body, BodyDataStream, Bytes, HttpBody, to_bytes},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header},
};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore},
};
use tokio_util::task::AbortOnDropHandle;

pub use reach::{BadNetwork, Network, Reach};

/// Where a request goes: `https://host[:port]/path?query`, or `http` where that is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    secure: bool,
    /// A name or an address literal without brackets.
    host: String,
    port: u16,
    /// As in the `Host` field: brackets, and the port where it is not the scheme's.
    authority: String,
    /// Path with its query.
    path: String,
}

/// Why an address is none that can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadTarget {
    /// Not an absolute address of the form that is wanted.
    #[error("is no address of the form https://HOST[:PORT]/PATH")]
    Shape,
    /// A name and password before the host: they would end in logs.
    #[error("must not hold a user name")]
    User,
}

impl Target {
    /// Reads an address. A fragment is refused like anything else that is not sent.
    ///
    /// # Errors
    /// [`BadTarget`] says why not.
    pub fn parse(text: &str) -> Result<Self, BadTarget> {
        if text.contains('#') {
            return Err(BadTarget::Shape);
        }
        let uri: Uri = text.parse().map_err(|_| BadTarget::Shape)?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(BadTarget::Shape),
        };
        let authority = uri.authority().ok_or(BadTarget::Shape)?;
        if authority.as_str().contains('@') {
            return Err(BadTarget::User);
        }
        let usual = if secure { 443 } else { 80 };
        let port = match authority.as_str().rsplit_once(':') {
            // The colon of an address in brackets is none before a port.
            Some((_, port)) if !port.ends_with(']') => port.parse().map_err(|_| BadTarget::Shape)?,
            _ => usual,
        };
        let named = authority.host();
        let host = named.trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() || port == 0 {
            return Err(BadTarget::Shape);
        }
        let authority = if port == usual { named.to_owned() } else { format!("{named}:{port}") };
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Ok(Self { secure, host, port, authority, path })
    }

    /// Another path (with query) of the same server.
    ///
    /// # Errors
    /// [`BadTarget::Shape`] when it is no path.
    pub fn at(&self, path: &str) -> Result<Self, BadTarget> {
        let fits =
            path.starts_with('/') && !path.starts_with("//") && !path.contains('#') && path.parse::<Uri>().is_ok();
        fits.then(|| Self { path: path.to_owned(), ..self.clone() }).ok_or(BadTarget::Shape)
    }

    /// Name or address of the server.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The path with its query.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether it is reached with TLS.
    pub fn is_secure(&self) -> bool {
        self.secure
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}{}", if self.secure { "https" } else { "http" }, self.authority, self.path)
    }
}

/// Whose certificates are trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust<'a> {
    /// The system's certificate authorities.
    System,
    /// These alone, as PEM.
    Only(&'a [u8]),
}

/// Why no client could be made.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// The PEM holds no certificate, or one that cannot be read.
    #[error("the certificates cannot be read")]
    Certificates,
    /// TLS has no protocol version to offer.
    #[error("TLS cannot be set up")]
    Tls(#[source] tokio_rustls::rustls::Error),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The name cannot be resolved.
    #[error("the name cannot be resolved")]
    Name(#[source] std::io::Error),
    /// None of its addresses may be reached; see [`Reach`].
    #[error("no address of it may be reached from here")]
    Forbidden,
    /// In the clear, to a machine that is not this one.
    #[error("without TLS only this machine itself is asked")]
    Plain,
    /// Nobody listens there.
    #[error("there is no connection")]
    Connect(#[source] std::io::Error),
    /// The certificate or the handshake is not good.
    #[error("TLS failed")]
    Tls(#[source] std::io::Error),
    /// The connection broke, or what came is no HTTP.
    #[error("the exchange failed")]
    Exchange(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It took longer than the deadline.
    #[error("there was no answer in time")]
    Timeout,
    /// The answer is longer than what was asked for.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
}

/// A client with its rules. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Outbound {
    tls: Arc<ClientConfig>,
    reach: Arc<Reach>,
    deadline: Duration,
}

/// An answer that was read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its header fields; hyper takes at most a hundred, within 400 KiB.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// An answer whose body is still to come. Dropping it ends the connection.
#[derive(Debug)]
pub struct Answering {
    /// Its status.
    pub status: StatusCode,
    /// Its header fields.
    pub headers: HeaderMap,
    /// Its body as it comes.
    pub body: Body,
    /// Drives the connection.
    connection: AbortOnDropHandle<()>,
}

impl Outbound {
    /// A client. `deadline` is for a whole exchange by [`fetch`](Self::fetch), and for name, connection and TLS by
    /// [`open`](Self::open).
    ///
    /// # Errors
    /// [`Unusable`] when `trust` is of no use.
    pub fn new(trust: Trust<'_>, reach: Reach, deadline: Duration) -> Result<Self, Unusable> {
        let mut tls = tls(trust)?;
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { tls: Arc::new(tls), reach: Arc::new(reach), deadline })
    }

    /// Asks and reads the whole answer, of at most `most` bytes, all within the deadline.
    ///
    /// # Errors
    /// [`OutboundError`]; any status is an answer and no error.
    pub async fn fetch(
        &self,
        method: Method,
        target: &Target,
        headers: HeaderMap,
        body: Bytes,
        most: usize,
    ) -> Result<Answer, OutboundError> {
        let asked = async {
            let answering = self.open(method, target, headers, Body::from(body)).await?;
            answering.read(most).await
        };
        timeout(self.deadline, asked).await.map_err(|_| OutboundError::Timeout)?
    }

    /// Asks and gives the answer as soon as its head is there. The deadline holds until the request begins to be sent; what comes after
    /// takes as long as the body does, which the caller bounds.
    ///
    /// # Errors
    /// [`OutboundError`].
    pub async fn open(
        &self,
        method: Method,
        target: &Target,
        headers: HeaderMap,
        body: Body,
    ) -> Result<Answering, OutboundError> {
        let stream = self.reached(target).await?;
        let mut request = Request::builder().method(method).uri(target.path.as_str());
        if let Some(fields) = request.headers_mut() {
            *fields = headers;
            let host = HeaderValue::try_from(target.authority.as_str()).map_err(broken)?;
            fields.insert(header::HOST, host);
            fields.insert(header::CONNECTION, HeaderValue::from_static("close"));
            fields.entry(header::USER_AGENT).or_insert(HeaderValue::from_static("misogi"));
            // A body that is compressed could be of any size; hyper would not look at it, but a server should not try.
            fields.entry(header::ACCEPT_ENCODING).or_insert(HeaderValue::from_static("identity"));
            if let Some(length) = body.size_hint().exact() {
                fields.insert(header::CONTENT_LENGTH, length.into());
            }
        }
        let request = request.body(body).map_err(broken)?;
        exchange(stream, request).await
    }

    /// Whether the server can be reached and has a certificate that is trusted; nothing is asked.
    ///
    /// # Errors
    /// [`OutboundError`].
    pub async fn greet(&self, target: &Target) -> Result<(), OutboundError> {
        self.reached(target).await.map(drop)
    }

    async fn reached(&self, target: &Target) -> Result<Box<dyn Wire>, OutboundError> {
        let reached = async {
            let stream = self.connect(target).await?;
            if !target.secure {
                return Ok::<Box<dyn Wire>, _>(Box::new(stream));
            }
            let name = ServerName::try_from(target.host.clone()).map_err(broken)?;
            let tls = TlsConnector::from(self.tls.clone()).connect(name, stream);
            Ok(Box::new(tls.await.map_err(OutboundError::Tls)?))
        };
        timeout(self.deadline, reached).await.map_err(|_| OutboundError::Timeout)?
    }

    async fn connect(&self, target: &Target) -> Result<TcpStream, OutboundError> {
        let found: Vec<SocketAddr> =
            lookup_host((target.host.as_str(), target.port)).await.map_err(OutboundError::Name)?.collect();
        let mut allowed = found.into_iter().filter(|address| self.reach.allows(address.ip())).peekable();
        if allowed.peek().is_none() {
            return Err(OutboundError::Forbidden);
        }
        let mut last = OutboundError::Forbidden;
        for address in allowed.take(MOST_ADDRESSES) {
            if !target.secure && !address.ip().to_canonical().is_loopback() {
                last = OutboundError::Plain;
                continue;
            }
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = OutboundError::Connect(error),
            }
        }
        Err(last)
    }
}

/// TLS with these authorities and no others.
pub(crate) fn tls(trust: Trust<'_>) -> Result<ClientConfig, Unusable> {
    let mut roots = RootCertStore::empty();
    match trust {
        Trust::System => {
            // A system without any is found out at the first connection; one that is damaged does not end the rest.
            let _ = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        Trust::Only(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|_| Unusable::Certificates)?;
                roots.add(certificate).map_err(|_| Unusable::Certificates)?;
            }
            if roots.is_empty() {
                return Err(Unusable::Certificates);
            }
        }
    }
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(Unusable::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

impl Answering {
    /// Reads the body to its end, of at most `most` bytes.
    ///
    /// # Errors
    /// [`OutboundError::TooLong`] or [`OutboundError::Exchange`].
    pub async fn read(self, most: usize) -> Result<Answer, OutboundError> {
        let body = to_bytes(self.body, most).await.map_err(|error| {
            let error = error.into_inner();
            match error.is::<http_body_util::LengthLimitError>() {
                true => OutboundError::TooLong(most),
                false => OutboundError::Exchange(error),
            }
        })?;
        Ok(Answer { status: self.status, headers: self.headers, body })
    }

    /// Its body piece by piece, and what keeps the connection: it is to be held as long.
    pub fn into_stream(self) -> (BodyDataStream, impl Sized) {
        (self.body.into_data_stream(), self.connection)
    }

    /// One of its header fields as text.
    pub fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// A connection, with TLS or without.
trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

async fn exchange(stream: Box<dyn Wire>, request: Request<Body>) -> Result<Answering, OutboundError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    // Its faults come out of the sender and of the body.
    let connection = AbortOnDropHandle::new(tokio::spawn(async move { drop(connection.await) }));
    let (head, body) = sender.send_request(request).await.map_err(broken)?.into_parts();
    Ok(Answering { status: head.status, headers: head.headers, body: Body::new(body), connection })
}

fn broken(error: impl std::error::Error + Send + Sync + 'static) -> OutboundError {
    OutboundError::Exchange(Box::new(error))
}

/// Addresses of one name that are tried.
const MOST_ADDRESSES: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart_as_rfc_3986_says() {
        let check = |text: &str, secure, host: &str, port, authority: &str, path: &str| {
            let target = Target::parse(text).unwrap();
            assert_eq!(
                (target.secure, target.host.as_str(), target.port, target.authority.as_str(), target.path.as_str()),
                (secure, host, port, authority, path),
                "{text}"
            );
        };
        check("https://a.example/x?y=1", true, "a.example", 443, "a.example", "/x?y=1");
        check("https://a.example:443/", true, "a.example", 443, "a.example", "/");
        check("https://a.example:8443", true, "a.example", 8443, "a.example:8443", "/");
        check("http://127.0.0.1:80/", false, "127.0.0.1", 80, "127.0.0.1", "/");
        check("https://[2001:db8::1]/", true, "2001:db8::1", 443, "[2001:db8::1]", "/");
        check("https://[2001:db8::1]:8443/", true, "2001:db8::1", 8443, "[2001:db8::1]:8443", "/");
    }

    #[test]
    fn what_is_no_address_of_a_server_is_none() {
        for bad in [
            "",
            "a.example",
            "/x",
            "ftp://a.example/",
            "https://",
            "https:///x",
            "https://a.example/#x",
            "https://a:0/",
            "https://a:99999/",
            "https://例え.example/",
            "https://a b/",
        ] {
            assert_eq!(Target::parse(bad), Err(BadTarget::Shape), "{bad}");
        }
        assert_eq!(Target::parse("https://me:pw@a.example/"), Err(BadTarget::User));
        let base = Target::parse("https://a.example/x").unwrap();
        assert_eq!(base.at("/y").unwrap().to_string(), "https://a.example/y");
        for bad in ["", "y", "//evil.example/", "https://evil.example/", "/y#z", "/a b"] {
            assert_eq!(base.at(bad), Err(BadTarget::Shape), "{bad}");
        }
    }
}

//! Whom the gateway believes when it asks somebody else who a user is.

use std::{fmt, sync::Arc};

use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream, rustls::ClientConfig};

use crate::outbound::{self, Trust, Unusable};

/// TLS to a server whose certificate comes from named authorities.
#[derive(Debug, Clone)]
pub struct Tls(Arc<ClientConfig>);

impl Tls {
    /// Believes these authorities.
    ///
    /// # Errors
    /// [`Unusable`] when they are of no use.
    pub fn new(trust: Trust<'_>) -> Result<Self, Unusable> {
        Ok(Self(Arc::new(outbound::tls(trust)?)))
    }

    /// Puts TLS over a connection to the server of that name or address.
    pub(super) async fn over(&self, stream: TcpStream, host: &str) -> std::io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| std::io::Error::new(std::io::ErrorKind::InvalidInput, "no name for a certificate"))?;
        TlsConnector::from(Arc::clone(&self.0)).connect(name, stream).await
    }
}

/// A secret of the gateway at another server; shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential(String);

impl Credential {
    /// Takes a secret.
    pub fn new(secret: String) -> Self {
        Self(secret)
    }

    /// For the server that it is for.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Credential({} bytes)", self.0.len())
    }
}

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Authority {
    /// A name or an address, without the brackets of IPv6.
    pub(super) host: String,
    pub(super) port: u16,
}

impl Authority {
    /// Reads `host`, `host:port` or `[address]:port`.
    pub(super) fn parse(text: &str, usual_port: u16) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, after) = rest.split_once(']')?;
                address.parse::<std::net::Ipv6Addr>().ok()?;
                let port = if after.is_empty() { None } else { Some(after.strip_prefix(':')?) };
                (address, port)
            }
            None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
        };
        let plain = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte));
        let port = port.map_or(Ok(usual_port), str::parse).ok().filter(|port| *port != 0)?;
        (plain && !host.is_empty() && host.len() <= HOST_BYTES).then(|| Self { host: host.to_owned(), port })
    }

    /// Whether it is this machine by its address, so that nothing said there goes over a wire.
    pub(super) fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

/// Longest name of a host (RFC 1035 2.3.4).
const HOST_BYTES: usize = 253;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_are_told_apart() {
        for (text, host, port) in [
            ("dc1.city.example", "dc1.city.example", 636),
            ("dc1:389", "dc1", 389),
            ("[::1]:10389", "::1", 10389),
            ("[2001:db8::1]", "2001:db8::1", 636),
            ("192.0.2.1", "192.0.2.1", 636),
        ] {
            assert_eq!(Authority::parse(text, 636), Some(Authority { host: host.into(), port }), "{text}");
        }
        for bad in ["", ":1", "a:b", "a:0", "a:99999", "a b", "user@host", "[::1", "[::1]x", "a/b", "2001:db8::1"] {
            assert_eq!(Authority::parse(bad, 636), None, "{bad}");
        }
    }

    #[test]
    fn debug_output_has_no_secret_in_it() {
        assert_eq!(format!("{:?}", Credential::new("sesame".into())), "Credential(6 bytes)");
    }

    #[test]
    fn only_addresses_of_this_machine_are_loopback() {
        for (text, loopback) in [("127.0.0.1", true), ("[::1]:1", true), ("localhost", true), ("10.0.0.1", false)] {
            assert_eq!(Authority::parse(text, 1).unwrap().is_loopback(), loopback, "{text}");
        }
        assert!(!Authority::parse("localhost.evil.example", 1).unwrap().is_loopback());
    }
}

//! `[icap]`: the service for proxies.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::load::Fault;

/// The service for proxies (RFC 3507).
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Icap {
    /// Not set: there is no such service.
    pub(crate) listen: Option<SocketAddr>,
    /// Certificate chain and key (PEM): with both the proxies connect by TLS (`icaps://`), and not otherwise.
    pub(crate) tls_certificate: Option<PathBuf>,
    pub(crate) tls_key: Option<PathBuf>,
    /// Addresses and networks of the proxies that may connect.
    pub(crate) clients: Vec<String>,
    /// What is rebuilt: `files`, or `all`, which leaves the words of web pages. The rest is refused.
    pub(crate) scope: Scope,
    pub(crate) max_body_bytes: u64,
    pub(crate) max_connections: usize,
    /// How long an answer waits for its result before a page says where it will be.
    #[serde(with = "super::seconds")]
    pub(crate) patience_seconds: Duration,
    /// Field in which the proxies name the user, such as `X-Client-Username`; not set: nobody is believed.
    pub(crate) user_header: Option<String>,
    /// Field in which they give the client's address, such as `X-Client-IP`.
    pub(crate) address_header: Option<String>,
}

impl Default for Icap {
    fn default() -> Self {
        Self {
            listen: None,
            tls_certificate: None,
            tls_key: None,
            clients: vec!["127.0.0.1".to_owned(), "::1".to_owned()],
            scope: Scope::Files,
            max_body_bytes: 50 << 20,
            max_connections: 100,
            patience_seconds: Duration::from_secs(8),
            user_header: None,
            address_header: None,
        }
    }
}

impl Icap {
    /// What cannot be used: the key and what is wrong with it.
    pub(super) fn fault(&self) -> Option<Fault> {
        if self.tls_certificate.is_some() != self.tls_key.is_some() {
            return Some(("icap.tls_certificate", "icap.tls_certificate and icap.tls_key are set together".to_owned()));
        }
        if self.clients.is_empty() {
            return Some(("icap.clients", "must list the addresses of the proxies".to_owned()));
        }
        if let Some(bad) = self.clients.iter().find(|text| web::Network::parse(text).is_err()) {
            let wanted = format!("`{bad}` is neither an address nor a network such as 192.0.2.0/24");
            return Some(("icap.clients", wanted));
        }
        let token = |name: &String| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        for (key, name) in [("icap.user_header", &self.user_header), ("icap.address_header", &self.address_header)] {
            if name.as_ref().is_some_and(|name| !token(name)) {
                return Some((key, "must be the name of a header field such as X-Client-Username".to_owned()));
            }
        }
        None
    }
}

/// What is rebuilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scope {
    Files,
    All,
}

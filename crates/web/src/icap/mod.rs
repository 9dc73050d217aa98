//! ICAP (RFC 3507): a proxy hands over what people download and upload, and gets back what clean rooms wrote.
//!
//! A body goes the way of every upload: spool, store, job, rooms. The exchange waits for the result for a while; then a page says where
//! it can be fetched. There is no answer by which a body passes as it came: 204 is given only where there is none, and whatever
//! goes wrong is an ICAP error, which a proxy without bypass shows as an error.
//!
//! * Reading order: `wire` and `chunk` (grammar, sans I/O) → `connection` (the socket, its limits) → `judge` (what a head says) →
//!   `service` (one exchange) and `form` (one that brings a form) → `answer` and `page` (what is sent back).
//! * Who may connect is a list of addresses: the protocol knows no passwords. Where there is a certificate, it goes over TLS (ICAPS).

mod answer;
mod chunk;
mod connection;
mod form;
mod judge;
mod page;
mod service;
mod wire;

use std::{
    collections::BTreeMap,
    io,
    net::IpAddr,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use store::Store;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};
use tokio_util::sync::CancellationToken;

use crate::{Governor, Metrics, Network, PortalAccess, Site};
use connection::{Carrier, Connection};
use service::Service;

/// What the ICAP service works with.
#[derive(Debug, Clone)]
pub struct IcapState {
    /// Where bodies go and results come from.
    pub store: Store,
    /// What the pages say of the installation.
    pub site: Arc<Site>,
    /// Who may use the portal: decides where the pages lead.
    pub access: PortalAccess,
    /// How long the address of a result works.
    pub keep: Duration,
    /// Counters.
    pub metrics: Metrics,
    /// Who may connect.
    pub clients: Vec<Network>,
    /// What is rebuilt.
    pub scope: Scope,
    /// The certificate that is presented; without one nothing is enciphered.
    pub tls: Option<Arc<ServerConfig>>,
    /// How much at a time.
    pub limits: IcapLimits,
    /// Any text that changes with the configuration: it goes into the ISTag.
    pub edition: String,
    /// Says which policy is in force, which goes there too.
    pub governor: Arc<dyn Governor>,
    /// Field of a request in which the proxies name the user, such as `X-Client-Username`.
    pub user_field: Option<String>,
    /// Field in which they give the client's address, such as `X-Client-IP`.
    pub address_field: Option<String>,
}

/// What is rebuilt; the rest is refused. Neither lets anything through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Files. What web pages are made of is refused at once, unless it is offered as a download.
    Files,
    /// Whatever comes: of a page its words are left.
    All,
}

/// How much at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IcapLimits {
    /// Bytes of one body.
    pub body_bytes: u64,
    /// Files of one form.
    pub files: usize,
    /// Connections of one organisation's proxies; a further one is answered with 503, and takes no place of another's.
    pub connections: usize,
    /// How long an exchange waits for its result before a page says where it will be.
    pub patience: Duration,
    /// Longest silence of a proxy in the middle of a request.
    pub silence: Duration,
    /// Longest time for a whole body.
    pub duration: Duration,
}

impl Default for IcapLimits {
    fn default() -> Self {
        Self {
            body_bytes: 50 * 1024 * 1024,
            files: 20,
            connections: 100,
            patience: Duration::from_secs(8),
            silence: Duration::from_secs(30),
            duration: Duration::from_secs(30 * 60),
        }
    }
}

/// Whose proxies speak for which tenant: as a request of a person is for the tenant whose site's name it has, one of a proxy is for the tenant
/// whose proxy it is. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Proxies(Arc<RwLock<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// What belongs to tenants, by key: those that are served, and those that are not or not yet.
    networks: Vec<(String, Network)>,
    services: BTreeMap<String, Arc<Service>>,
}

/// For whom a proxy speaks.
enum Whose {
    Tenant(Arc<Service>),
    /// For a tenant that is not served now: what it hands over must not become another's.
    Unserved,
    /// For no tenant.
    Nobody,
}

impl Proxies {
    /// Nobody is served yet. Each network is a tenant's, named by its key; no two may overlap.
    pub fn of(networks: Vec<(String, Network)>) -> Self {
        Self(Arc::new(RwLock::new(Known { networks, services: BTreeMap::new() })))
    }

    /// From here on what a tenant's proxies hand over is kept as `state` says, until `stopped`, which ends their connections.
    pub fn set(&self, tenant: &str, state: IcapState, stopped: CancellationToken) {
        let service = Arc::new(Service::new(state, stopped));
        self.0.write().unwrap_or_else(PoisonError::into_inner).services.insert(tenant.to_owned(), service);
    }

    /// What a tenant's proxies hand over is taken no more; they are told to come back.
    pub fn remove(&self, tenant: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).services.remove(tenant);
    }

    fn whose(&self, peer: IpAddr) -> Whose {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match known.networks.iter().find(|(_, network)| network.holds(peer)) {
            None => Whose::Nobody,
            Some((tenant, _)) => known.services.get(tenant).cloned().map_or(Whose::Unserved, Whose::Tenant),
        }
    }
}

/// Serves until `shutdown`; an exchange that still waits for its result then is answered with 503. A proxy that is a tenant's speaks for that
/// tenant and never for another, every other one that may connect for whom `state` is of.
///
/// # Errors
/// Never: a connection that cannot be accepted is logged, and the next one awaited.
pub async fn icap(
    listener: TcpListener,
    state: IcapState,
    proxies: Proxies,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let own = Arc::new(Service::new(state, shutdown.clone()));
    let mut open = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            Some(_) = open.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok((stream, peer)) => (stream, peer.ip().to_canonical()),
            Err(error) => {
                tracing::error!(event = "icap_accept_failed", error = &error as &dyn std::error::Error);
                tokio::time::sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        let service = match proxies.whose(peer) {
            Whose::Tenant(service) => service,
            Whose::Nobody if own.has_client(peer) => Arc::clone(&own),
            Whose::Nobody => {
                tracing::warn!(event = "icap_connection_refused", %peer, why = "not in icap.clients");
                own.state.metrics.icap("none", "stranger");
                continue;
            }
            Whose::Unserved => {
                tracing::warn!(event = "icap_connection_refused", %peer, why = "its tenant is not served");
                own.state.metrics.icap("none", "unserved");
                unavailable(&stream, &own);
                continue;
            }
        };
        let Ok(place) = Arc::clone(&service.places).try_acquire_owned() else {
            tracing::warn!(event = "icap_connection_refused", %peer, why = "icap.max_connections reached");
            service.state.metrics.icap("none", "overload");
            unavailable(&stream, &service);
            continue;
        };
        open.spawn(async move {
            let carried = tokio::select! {
                () = service.stopped.cancelled() => Err(io::Error::other("the gateway stops")),
                carried = carried(stream, &service) => carried,
            };
            match carried {
                Ok(stream) => {
                    let connection = Connection::new(stream, service.state.limits, service.stopped.clone());
                    service.serve(connection, peer).await;
                }
                Err(error) => {
                    tracing::info!(event = "icap_connection_lost", %peer, error = &error as &dyn std::error::Error);
                    service.state.metrics.icap("none", "lost");
                }
            }
            drop(place);
        });
    }
    let ended = async { while open.join_next().await.is_some() {} };
    // What is left is in the middle of a body; its proxy shows an error.
    let _ = tokio::time::timeout(DRAIN, ended).await;
    Ok(())
}

/// The connection, with TLS on it where the site has a certificate for it. A handshake may take as long as a silence.
async fn carried(stream: TcpStream, service: &Service) -> io::Result<Box<dyn Carrier>> {
    let Some(tls) = &service.state.tls else { return Ok(Box::new(stream)) };
    let handshake = TlsAcceptor::from(Arc::clone(tls)).accept(stream);
    match tokio::time::timeout(service.state.limits.silence, handshake).await {
        Ok(accepted) => Ok(Box::new(accepted?)),
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// Whoever does not read this in time sees the connection closed, which is the same to a proxy.
fn unavailable(stream: &TcpStream, service: &Service) {
    if service.state.tls.is_none() {
        let _ = stream.try_write(&answer::bare(503, &service.tag(), true));
    }
}

/// How soon the next connection is awaited after one could not be accepted.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// How long exchanges may go on once the gateway is told to stop.
const DRAIN: Duration = Duration::from_secs(10);

//! Whose a file is that a proxy handed over: the account's that has the name, however the proxy writes it, and nobody's otherwise.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use store::{NewUser, Role};
use support::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;
use web::{IcapLimits, IcapState, Metrics, Network, PortalAccess, Proxies, Scope};

/// What the proxy is answered for a file that this user downloads; nobody converts it, so it is the page that says where it will be.
async fn downloaded(icap: std::net::SocketAddr, user: &str) -> String {
    downloaded_from("127.0.0.1", icap, user).await
}

/// The same for a proxy with this address.
async fn downloaded_from(proxy: &str, icap: std::net::SocketAddr, user: &str) -> String {
    let request = "GET http://site.example/plan.txt HTTP/1.1\r\nHost: site.example\r\n\r\n";
    let response = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n";
    let (first, second) = (request.len(), request.len() + response.len());
    let whole = format!(
        "RESPMOD icap://gw/respmod ICAP/1.0\r\nHost: gw\r\nConnection: close\r\nX-Client-Username: {user}\r\n\
         Encapsulated: req-hdr=0, res-hdr={first}, res-body={second}\r\n\r\n{request}{response}5\r\nwords\r\n0\r\n\r\n"
    );
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{proxy}:0").parse().unwrap()).unwrap();
    let mut stream = socket.connect(icap).await.unwrap();
    // A stranger's connection is closed, whatever it is about to say.
    let _ = stream.write_all(whole.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

/// What proxies in a network of an organisation speak to.
fn state(world: &World, clients: &str) -> IcapState {
    IcapState {
        store: world.store.clone(),
        site: world.site.clone(),
        access: PortalAccess::Accounts,
        keep: Duration::from_secs(86_400),
        metrics: Metrics::new("0.1.0"),
        clients: vec![Network::parse(clients).unwrap()],
        scope: Scope::All,
        limits: IcapLimits { patience: Duration::from_millis(100), ..IcapLimits::default() },
        tls: None,
        edition: "1".to_owned(),
        governor: Arc::new(Governor::default()),
        user_field: Some("X-Client-Username".to_owned()),
        address_field: None,
    }
}

#[tokio::test]
async fn a_name_in_other_letters_is_the_same_account_and_an_unknown_one_is_led_nowhere() {
    let world = world_of_accounts().await;
    signed_in(&world).await;
    let hash = world.store.user_by_name(ADMIN).await.unwrap().unwrap().password_hash;
    let user = NewUser { name: "staffa".to_owned(), password_hash: hash, role: Role::Staff };
    world.store.create_user(user, "test").await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let icap = listener.local_addr().unwrap();
    let state = state(&world, "127.0.0.1/32");
    tokio::spawn(web::icap(listener, state, Proxies::default(), CancellationToken::new()));
    let page = downloaded(icap, "STAFFA").await;
    let receipt = page.split("/r/").nth(1).unwrap_or_else(|| panic!("no link: {page}"));
    let receipt: String = receipt.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    let cookies = sign_in_at(&world, world.portal, "staffa", PASSWORD).await.cookies();
    let own = send(world.portal, "GET", &format!("/r/{receipt}"), &[("Cookie", &cookies)], b"").await;
    assert_eq!(own.status, 303, "it is theirs: {}", own.text());
    for unknown in ["nobody", "EXAMPLE\\staffa"] {
        let page = downloaded(icap, unknown).await;
        assert!(page.contains("ICAP/1.0 200") && !page.contains("/r/"), "{unknown}: {page}");
    }
    // Whoever gets the name later gets none of it.
    let before = world.store.user_by_name("nobody").await.unwrap();
    assert!(before.is_none());
    let hash = world.store.user_by_name(ADMIN).await.unwrap().unwrap().password_hash;
    let user = NewUser { name: "nobody".to_owned(), password_hash: hash, role: Role::Staff };
    let late = world.store.create_user(user, "test").await.unwrap();
    let theirs = world.store.sent_by(late, &store::HistoryFilter::default()).await.unwrap();
    assert!(theirs.items.is_empty());
}

#[tokio::test]
async fn a_proxy_speaks_for_the_tenant_whose_it_is() {
    let (own, tenant) = (world_of_accounts().await, world_named("b.example.jp").await);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let icap = listener.local_addr().unwrap();
    // Its network lies in that of the gateway's own proxies.
    let network = Network::parse("127.0.0.7/32").unwrap();
    let proxies = Proxies::of(vec![("city-b".to_owned(), network)]);
    let own_state = state(&own, "127.0.0.0/29");
    tokio::spawn(web::icap(listener, own_state, proxies.clone(), CancellationToken::new()));
    let taken = async |world: &World| world.store.counts().await.unwrap().uploaded;
    // Before the tenant is served, what its proxy hands over is nobody's.
    let answer = downloaded_from("127.0.0.7", icap, "nobody").await;
    assert!(answer.starts_with("ICAP/1.0 503"), "{answer}");
    let stopped = CancellationToken::new();
    proxies.set("city-b", state(&tenant, "127.0.0.7/32"), stopped.clone());
    downloaded_from("127.0.0.7", icap, "nobody").await;
    assert_eq!((taken(&own).await, taken(&tenant).await), (0, 1));
    downloaded_from("127.0.0.1", icap, "nobody").await;
    assert_eq!((taken(&own).await, taken(&tenant).await), (1, 1));
    assert_eq!(downloaded_from("127.0.0.9", icap, "nobody").await, "", "a stranger");
    // The proxies of one organisation take no place of another's.
    let mut held = Vec::new();
    for _ in 0..IcapLimits::default().connections {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        held.push(socket.connect(icap).await.unwrap());
    }
    let answer = downloaded_from("127.0.0.1", icap, "nobody").await;
    assert!(answer.starts_with("ICAP/1.0 503"), "{answer}");
    let answer = downloaded_from("127.0.0.7", icap, "nobody").await;
    assert!(answer.starts_with("ICAP/1.0 200"), "{answer}");
    assert_eq!((taken(&own).await, taken(&tenant).await), (1, 2));
    drop(held);
    // A connection that is kept open ends with the tenant's parts, so that its next request is for those that come after them.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.7:0".parse().unwrap()).unwrap();
    let mut kept = socket.connect(icap).await.unwrap();
    kept.write_all(b"OPTIONS icap://gw/respmod ICAP/1.0\r\nHost: gw\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    kept.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"ICAP/1.0 200");
    proxies.remove("city-b");
    stopped.cancel();
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(10), kept.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "it is still open");
    let answer = downloaded_from("127.0.0.7", icap, "nobody").await;
    assert!(answer.starts_with("ICAP/1.0 503"), "{answer}");
    assert_eq!((taken(&own).await, taken(&tenant).await), (1, 2));
}

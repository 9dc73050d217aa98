//! What the configuration gives one tenant is no other's: words that announce its passwords, those agreed on with its partners, places of its proxies.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    unreachable_pub,
    missing_docs,
    reason = "a test says what went wrong by failing, and starts the programs it needs"
)]

#[path = "support/locked.rs"]
mod locked;
mod support;

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Instant;

use locked::{PATIENCE, SENDER, STAFF, World, locked_mail, text_mail, texts_for};
use support::{Gateway, free_ports, read_maildir};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

const IN_CITY: &str = "staff@city-a.example.lg.jp";

fn add_city(gateway: &Gateway) {
    let output = gateway.command(&[
        "tenant",
        "add",
        "city-a",
        "--name",
        "A市",
        "--domain",
        "city-a.example.lg.jp",
        "--portal-url",
        "http://mugai.city-a.example.lg.jp",
        "--admin-url",
        "http://kanri.city-a.example.lg.jp",
    ]);
    assert!(output.status.success(), "{output:?}");
}

/// The texts of all archives that have arrived, once there are so many mails.
fn texts_in(world: &World, inbox: &Path, count: usize, who: &str) -> Vec<String> {
    let begun = Instant::now();
    while read_maildir(inbox).len() < count {
        assert!(begun.elapsed() < PATIENCE, "{}", world.gateway.log());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    texts_for(&read_maildir(inbox), who)
}

#[test]
fn words_and_agreed_passwords_of_a_tenant_open_its_own_files_alone() {
    let world = World::start(
        "[tenants.city-a.passwords]\nwords = [\"開けゴマ\"]\n\
         [[tenants.city-a.passwords.partner]]\nsender = \"*@partner.example.co.jp\"\npasswords = [\"Agreed-77-xyz\"]\n",
    );
    add_city(&world.gateway);
    let told = world.locked("Himitsu-77x", "told\n");
    let agreed = world.locked("Agreed-77-xyz", "agreed\n");
    // The gateway's own first: what it does with them is done when the tenant's files are there.
    for who in [STAFF, IN_CITY] {
        world.send(SENDER, &[who], &locked_mail("told", who, &told));
        world.send(SENDER, &[who], &text_mail(SENDER, who, "先ほどの件", "開けゴマ：Himitsu-77x\r\n", ""));
        world.send(SENDER, &[who], &locked_mail("agreed", who, &agreed));
    }
    let inbox = world.gateway.directory.join("data/tenants/city-a/maildir/new");
    let texts = texts_in(&world, &inbox, 4, IN_CITY);
    assert_eq!(texts, ["agreed\r\n", "told\r\n"], "{}", world.gateway.log());
    assert_eq!(texts_for(&world.settled(3), STAFF), [""; 0]);
    assert_eq!(world.held().len(), 2, "{:?}", world.held());
}

/// How many connections the ICAP service offers a proxy with this address.
async fn offered(icap: SocketAddr, proxy: [u8; 4]) -> String {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(IpAddr::from(proxy), 0)).unwrap();
    let mut stream = socket.connect(icap).await.unwrap();
    let request = b"OPTIONS icap://gw/respmod ICAP/1.0\r\nHost: gw\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let field = answer.lines().find_map(|line| line.strip_prefix("Max-Connections: "));
    field.unwrap_or_else(|| panic!("{answer}")).to_owned()
}

#[tokio::test]
async fn places_for_proxies_are_shared_out_evenly() {
    let directory = tempfile::tempdir().unwrap();
    let [icap] = free_ports();
    let settings = format!(
        "[icap]\nlisten = \"{icap}\"\nclients = [\"127.0.0.1\"]\nmax_connections = 9\n\
         [tenants.city-a]\nicap_clients = [\"127.0.0.7\"]\n\
         [tenants.city-b.digest]\nrecipients = [\"joho@city-b.example.lg.jp\"]\n"
    );
    let gateway = Gateway::start(directory.path(), &settings);
    add_city(&gateway);
    // Two have proxies, the gateway and one tenant; the half of nine is five when nobody is to have less.
    assert_eq!(offered(icap, [127, 0, 0, 1]).await, "5");
    assert_eq!(offered(icap, [127, 0, 0, 7]).await, "5");
}

//! What a proxy, or somebody who poses as one, may say to the ICAP service, octet by octet.

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

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::{Gateway, fixture, free_ports, get};

fn gateway(settings: &str) -> (tempfile::TempDir, Gateway, SocketAddr) {
    let directory = tempfile::tempdir().expect("a directory");
    let [icap] = free_ports();
    let gateway = Gateway::start(directory.path(), &format!("[icap]\nlisten = \"{icap}\"\n{settings}"));
    (directory, gateway, icap)
}

/// A connection of a proxy.
struct Proxy(TcpStream, Vec<u8>);

impl Proxy {
    fn connect(icap: SocketAddr) -> Proxy {
        let stream = TcpStream::connect(icap).expect("connected");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("set");
        Proxy(stream, Vec::new())
    }

    fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).expect("sent");
    }

    /// Reads until `end` stands in what was received, and takes everything up to there.
    fn until(&mut self, end: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = self.1.windows(end.len()).position(|window| window == end) {
                return self.1.drain(..at + end.len()).collect();
            }
            let mut piece = [0; 65536];
            let read = self.0.read(&mut piece).expect("read");
            assert!(read > 0, "closed after {}", String::from_utf8_lossy(&self.1));
            self.1.extend_from_slice(&piece[..read]);
        }
    }

    fn head(&mut self) -> String {
        String::from_utf8(self.until(b"\r\n\r\n")).expect("ASCII")
    }

    fn exactly(&mut self, length: usize) -> Vec<u8> {
        while self.1.len() < length {
            let mut piece = [0; 65536];
            let read = self.0.read(&mut piece).expect("read");
            assert!(read > 0, "closed");
            self.1.extend_from_slice(&piece[..read]);
        }
        self.1.drain(..length).collect()
    }

    /// A chunked body.
    fn body(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let line = String::from_utf8(self.until(b"\r\n")).expect("ASCII");
            let size = usize::from_str_radix(line.trim_end(), 16).expect("a size");
            body.extend(self.exactly(size));
            assert_eq!(self.exactly(2), b"\r\n");
            if size == 0 {
                return body;
            }
        }
    }

    /// Everything until the service closes.
    fn rest(&mut self) -> String {
        let mut rest = std::mem::take(&mut self.1);
        let _ = self.0.read_to_end(&mut rest);
        String::from_utf8_lossy(&rest).into_owned()
    }
}

const REQUEST: &str = "GET http://site.example/dir/plan.txt?secret HTTP/1.1\r\nHost: site.example\r\n\r\n";
const RESPONSE: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nETag: \"x\"\r\n\r\n";

/// A RESPMOD of a whole body; `more` are further ICAP fields.
fn respmod(more: &str, response: &str, body: &str) -> Vec<u8> {
    let (first, second) = (REQUEST.len(), REQUEST.len() + response.len());
    format!(
        "RESPMOD icap://gw/respmod ICAP/1.0\r\nHost: gw\r\nAllow: 204\r\n{more}\
         Encapsulated: req-hdr=0, res-hdr={first}, res-body={second}\r\n\r\n{REQUEST}{response}{body}"
    )
    .into_bytes()
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

#[test]
fn options_say_what_is_offered_and_the_tag_changes_with_the_configuration() {
    let ask = |icap, service: &str| {
        let mut proxy = Proxy::connect(icap);
        proxy.send(format!("OPTIONS icap://gw/{service} ICAP/1.0\r\nHost: gw\r\n\r\n").as_bytes());
        proxy.head()
    };
    let tag = |head: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix("ISTag: ")).expect("a tag").to_owned();
        let bare = line.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).expect("quoted");
        assert!(!bare.is_empty() && line.len() <= 32, "{line}");
        line
    };
    let (_one, first, icap) = gateway("");
    let head = ask(icap, "respmod");
    for line in [
        "ICAP/1.0 200 OK",
        "Methods: RESPMOD",
        "Preview: 4096",
        "Allow: 204",
        "Transfer-Preview: *",
        "Max-Connections: 100",
        "Options-TTL: 600",
        "Service-ID: misogi-respmod",
        "Encapsulated: null-body=0",
        "Connection: keep-alive",
    ] {
        assert!(head.lines().any(|found| found == line), "{line}: {head}");
    }
    let reqmod = ask(icap, "reqmod");
    assert!(reqmod.contains("Methods: REQMOD\r\n"), "{reqmod}");
    assert_eq!(tag(&head), tag(&reqmod));
    assert!(ask(icap, "other").starts_with("ICAP/1.0 404 "));
    // A gateway of another policy offers another tag.
    let text = std::fs::read_to_string(&first.config).unwrap();
    let mut first = first;
    assert!(first.stop());
    first.restart();
    assert_eq!(tag(&ask(icap, "respmod")), tag(&head), "the same configuration");
    assert!(first.stop());
    std::fs::write(&first.config, format!("{text}[mail]\nlinks = \"remove\"\n")).unwrap();
    first.restart();
    assert_ne!(tag(&ask(icap, "respmod")), tag(&head));
}

#[test]
fn bodies_are_rebuilt_with_and_without_preview_and_requests_may_be_pipelined() {
    let (_directory, gateway, icap) =
        gateway("user_header = \"X-Client-Username\"\naddress_header = \"X-Client-IP\"\n");
    let mut proxy = Proxy::connect(icap);
    let users = "X-Client-Username: EXAMPLE\\tanaka\r\nX-Client-IP: 192.0.2.9\r\n";
    // Whole, in two chunks, and a second request in the same piece.
    let mut two = respmod(users, RESPONSE, &format!("{}{}0\r\n\r\n", chunk("first "), chunk("words")));
    two.extend(respmod("", RESPONSE, &format!("{}0\r\n\r\n", chunk("second words"))));
    proxy.send(&two);
    for expect in ["first words", "second words"] {
        let head = proxy.head();
        assert!(head.starts_with("ICAP/1.0 200 OK\r\nISTag: \"") && head.contains("res-body="), "{head}");
        let http = proxy.head();
        assert!(http.starts_with("HTTP/1.1 200 OK\r\n") && !http.contains("ETag"), "{http}");
        assert!(http.contains("filename=\"plan.txt\""), "{http}");
        assert!(String::from_utf8(proxy.body()).unwrap().contains(expect));
    }
    // A preview that is the whole body, and one that is not.
    proxy.send(&respmod("Preview: 4096\r\n", RESPONSE, &format!("{}0; ieof\r\n\r\n", chunk("short"))));
    assert!(proxy.head().starts_with("ICAP/1.0 200 "));
    proxy.head();
    assert!(String::from_utf8(proxy.body()).unwrap().contains("short"));
    proxy.send(&respmod("Preview: 6\r\n", RESPONSE, &format!("{}0\r\n\r\n", chunk("longer"))));
    assert_eq!(proxy.head(), "ICAP/1.0 100 Continue\r\n\r\n");
    proxy.send(format!("{}0\r\n\r\n", chunk(" than the preview")).as_bytes());
    assert!(proxy.head().starts_with("ICAP/1.0 200 "));
    proxy.head();
    assert!(String::from_utf8(proxy.body()).unwrap().contains("longer than the preview"));
    // What is refused is refused behind the preview, and the connection goes on.
    let page = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n";
    proxy.send(&respmod("Preview: 6\r\n", page, &format!("{}0\r\n\r\n", chunk("<html>"))));
    assert!(proxy.head().starts_with("ICAP/1.0 200 "));
    assert!(proxy.head().starts_with("HTTP/1.1 403 "));
    assert!(String::from_utf8(proxy.body()).unwrap().contains("<html lang=\"ja\">"));
    // Nothing to rebuild: 204 where it is allowed, else the same head.
    let null = |allow: &str| {
        let (first, second) = (REQUEST.len(), REQUEST.len() + RESPONSE.len());
        format!(
            "RESPMOD icap://gw/respmod ICAP/1.0\r\nHost: gw\r\n{allow}Encapsulated: req-hdr=0, res-hdr={first}, null-body={second}\r\n\r\n{REQUEST}{RESPONSE}"
        )
    };
    proxy.send(null("Allow: 204\r\n").as_bytes());
    assert!(proxy.head().starts_with("ICAP/1.0 204 "));
    proxy.send(null("").as_bytes());
    let head = proxy.head();
    assert!(head.contains(&format!("Encapsulated: res-hdr=0, null-body={}", RESPONSE.len())), "{head}");
    assert_eq!(proxy.head(), RESPONSE);
    proxy.send(b"OPTIONS icap://gw/respmod ICAP/1.0\r\nHost: gw\r\nConnection: close\r\n\r\n");
    assert!(proxy.head().contains("Connection: close\r\n"));
    assert_eq!(proxy.rest(), "");
    let rows = gateway.command(&["audit", "list"]);
    let rows = String::from_utf8_lossy(&rows.stdout).into_owned();
    let _ = rows;
    let (_, metrics) = get(gateway.admin, "/metrics");
    assert!(metrics.contains("misogi_icap_requests_total{service=\"respmod\",outcome=\"rebuilt\"} 4"), "{metrics}");
    assert!(metrics.contains("misogi_icap_requests_total{service=\"respmod\",outcome=\"unchanged\"} 2"), "{metrics}");
}

#[test]
fn framing_that_can_be_read_in_two_ways_ends_the_connection_and_stores_nothing() {
    let (_directory, gateway, icap) = gateway("");
    let whole = |body: &str| respmod("", RESPONSE, body);
    let text = |start: &str| format!("{start}Host: gw\r\n\r\n").into_bytes();
    let smuggled = "OPTIONS icap://gw/respmod ICAP/1.0\r\nHost: gw\r\n\r\n";
    let moved = |by: isize| {
        let first = REQUEST.len().checked_add_signed(by).unwrap();
        let second = REQUEST.len() + RESPONSE.len();
        format!(
            "RESPMOD icap://gw/respmod ICAP/1.0\r\nHost: gw\r\nEncapsulated: req-hdr=0, res-hdr={first}, res-body={second}\r\n\r\n\
             {REQUEST}{RESPONSE}5\r\nhello\r\n0\r\n\r\n"
        )
        .into_bytes()
    };
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("another protocol", b"GET / HTTP/1.1\r\nHost: gw\r\n\r\n".to_vec(), "400"),
        ("an empty line first", [b"\r\n".to_vec(), smuggled.as_bytes().to_vec()].concat(), "400"),
        ("bare line feeds", smuggled.replace("\r\n", "\n").into_bytes(), "400"),
        ("another version", text("OPTIONS icap://gw/respmod ICAP/2.0\r\n"), "505"),
        ("another method", text("LOGMOD icap://gw/respmod ICAP/1.0\r\n"), "501"),
        ("a method of the other service", respmod_to("reqmod"), "405"),
        ("an unknown service", respmod_to("avscan"), "404"),
        ("an endless head", vec![b'A'; 40_000], "400"),
        ("offsets too small", moved(-1), "400"),
        ("offsets too large", moved(1), "400"),
        ("a chunk that is longer than said", whole(&format!("5\r\nhello!\r\n0\r\n\r\n{smuggled}")), "400"),
        ("a chunk that is shorter than said", whole(&format!("6\r\nhello\r\n0\r\n\r\n{smuggled}")), "400"),
        ("a sign before a size", whole(&format!("+5\r\nhello\r\n0\r\n\r\n{smuggled}")), "400"),
        ("a size beyond all bounds", whole("fffffffffffffffff\r\nhello"), "400"),
        ("an extension", whole(&format!("5;x=y\r\nhello\r\n0\r\n\r\n{smuggled}")), "400"),
        ("ieof without a preview", whole(&format!("5\r\nhello\r\n0; ieof\r\n\r\n{smuggled}")), "400"),
        ("a trailer", whole(&format!("5\r\nhello\r\n0\r\nX: y\r\n\r\n{smuggled}")), "400"),
        (
            "a preview beyond its size",
            respmod("Preview: 4\r\n", RESPONSE, &format!("5\r\nhello\r\n0\r\n\r\n{smuggled}")),
            "400",
        ),
        ("a body between line feeds", whole(&format!("5\nhello\n0\n\n{smuggled}")), "400"),
        (
            "two places of the body",
            respmod(
                "Encapsulated: res-hdr=0, null-body=10\r\n",
                RESPONSE,
                &format!("5\r\nhello\r\n0\r\n\r\n{smuggled}"),
            ),
            "400",
        ),
        (
            "two heads in one place",
            respmod("", &format!("{RESPONSE}{RESPONSE}"), &format!("5\r\nhello\r\n0\r\n\r\n{smuggled}")),
            "400",
        ),
    ];
    for (what, bytes, status) in cases {
        let mut proxy = Proxy::connect(icap);
        proxy.send(&bytes);
        let answer = proxy.rest();
        assert!(answer.starts_with(&format!("ICAP/1.0 {status} ")), "{what}: {answer}");
        assert_eq!(answer.matches("ICAP/1.0").count(), 1, "{what}: something behind it was answered: {answer}");
        assert!(answer.contains("Connection: close\r\n"), "{what}: {answer}");
    }
    let (_, metrics) = get(gateway.admin, "/metrics");
    assert!(!metrics.contains("source=\"icap\""), "nothing of all this was taken in: {metrics}");
}

fn respmod_to(service: &str) -> Vec<u8> {
    let whole = String::from_utf8(respmod("", RESPONSE, "5\r\nhello\r\n0\r\n\r\n")).unwrap();
    whole.replace("gw/respmod", &format!("gw/{service}")).into_bytes()
}

#[test]
fn strangers_and_too_many_are_turned_away_and_the_silent_do_not_stay() {
    let (_directory, _gateway, icap) = gateway("clients = [\"192.0.2.1\"]\n");
    let mut stranger = Proxy::connect(icap);
    let _ = stranger.0.write_all(b"OPTIONS icap://gw/respmod ICAP/1.0\r\nHost: gw\r\n\r\n");
    assert_eq!(stranger.rest(), "");

    let (_directory, gateway, icap) = gateway("max_connections = 2\n");
    let mut first = Proxy::connect(icap);
    first.send(b"OPTIONS icap://gw/respmod ICAP/1.0\r\n");
    let started = Instant::now();
    let mut second = Proxy::connect(icap);
    second.send(b"OPTIONS icap://gw/respmod ICAP/1.0\r\nHost: gw\r\n\r\n");
    assert!(second.head().contains("Max-Connections: 2\r\n"));
    let mut third = Proxy::connect(icap);
    assert!(third.rest().starts_with("ICAP/1.0 503 "));
    // One byte a second is not silence, and yet no way to keep a place.
    first.0.set_read_timeout(Some(Duration::from_millis(900))).expect("set");
    let answer = loop {
        let mut piece = [0; 4096];
        match first.0.read(&mut piece) {
            Ok(read) => break String::from_utf8_lossy(&piece[..read]).into_owned(),
            Err(_) => drop(first.0.write_all(b"X")),
        }
        assert!(started.elapsed() < Duration::from_secs(40), "it still stays");
    };
    assert!(answer.starts_with("ICAP/1.0 408 "), "{answer}");
    let (_, metrics) = get(gateway.admin, "/metrics");
    assert!(metrics.contains("misogi_icap_requests_total{service=\"none\",outcome=\"overload\"} 1"), "{metrics}");
}

#[test]
fn a_gateway_that_stops_answers_503_to_who_waits_and_keeps_what_it_took() {
    // A scanner that is not there makes every file wait.
    let (directory, mut gateway, icap) =
        gateway("patience_seconds = 3600\n[scanner]\nclamd = \"unix:/nonexistent/clamd\"\n");
    let mut proxy = Proxy::connect(icap);
    proxy.send(&respmod("", RESPONSE, &format!("{}0\r\n\r\n", chunk("waits for the scanner"))));
    let started = Instant::now();
    while !gateway.log().contains("conversion_deferred") {
        assert!(started.elapsed() < Duration::from_secs(60), "{}", gateway.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(gateway.stop());
    let answer = proxy.rest();
    assert!(answer.starts_with("ICAP/1.0 503 ") && !answer.contains("waits for"), "{answer}");
    drop(directory);
}

#[test]
fn a_page_of_ours_is_in_the_language_that_is_wished() {
    let (_directory, _gateway, icap) = gateway("");
    let mut proxy = Proxy::connect(icap);
    let request = "GET http://site.example/setup.exe HTTP/1.1\r\nHost: site.example\r\nAccept-Language: en\r\n\r\n";
    let response = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n";
    let (first, second) = (request.len(), request.len() + response.len());
    proxy.send(
        format!(
            "RESPMOD icap://gw/respmod ICAP/1.0\r\nHost: gw\r\n\
             Encapsulated: req-hdr=0, res-hdr={first}, res-body={second}\r\n\r\n{request}{response}"
        )
        .as_bytes(),
    );
    let encrypted = fixture("files/encrypted.zip");
    proxy.send(format!("{:x}\r\n", encrypted.len()).as_bytes());
    proxy.send(&encrypted);
    proxy.send(b"\r\n0\r\n\r\n");
    proxy.head();
    let http = proxy.head();
    let page = String::from_utf8(proxy.body()).unwrap();
    assert!(http.starts_with("HTTP/1.1 "), "{http}");
    if http.starts_with("HTTP/1.1 403 ") {
        assert!(page.contains("<html lang=\"en\">") && page.contains("This file is withheld"), "{page}");
    }
}

#[test]
fn with_a_certificate_proxies_are_served_by_tls_and_not_otherwise() {
    let kept = tempfile::tempdir().expect("a directory");
    let (certificate, key) = (kept.path().join("icap.pem"), kept.path().join("icap.key"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=gw.test", "-addext", "subjectAltName=DNS:gw.test", "-out"])
        .args([certificate.as_os_str(), "-keyout".as_ref(), key.as_os_str()])
        .output()
        .expect("openssl is installed (./test)");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let (_directory, mut gateway, icap) = gateway(&format!("tls_certificate = {certificate:?}\ntls_key = {key:?}\n"));
    let mut client = Command::new("openssl")
        .args(["s_client", "-quiet", "-verify_return_error", "-servername", "gw.test", "-CAfile"])
        .arg(&certificate)
        .args(["-connect", &icap.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("openssl runs");
    let asked = respmod("Connection: close\r\n", RESPONSE, &format!("{}0\r\n\r\n", chunk("enciphered words")));
    client.stdin.as_mut().expect("piped").write_all(&asked).expect("sent");
    let output = client.wait_with_output().expect("ends with the connection");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.starts_with("ICAP/1.0 200 OK\r\n") && said.contains("enciphered words"), "{said} {output:?}");

    // It was accepted when the next one is served.
    let _silent = Proxy::connect(icap);
    let mut plain = Proxy::connect(icap);
    plain.send(b"OPTIONS icap://gw/respmod ICAP/1.0\r\nHost: gw\r\n\r\n");
    let said = plain.rest();
    assert!(!said.contains("ICAP/1.0"), "{said}");
    // Whoever never shakes hands keeps no gateway from stopping.
    assert!(gateway.stop(), "{}", gateway.log());
    assert!(gateway.log().contains("the gateway stops"), "{}", gateway.log());
}

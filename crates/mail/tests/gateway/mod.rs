//! A real store in a temporary directory, a real listener, and real mail programs around them.

#![allow(unreachable_pub, reason = "a module of test programs has no outside")]
#![allow(dead_code, reason = "each test file uses its own part of this")]
#![allow(clippy::disallowed_methods, reason = "tests start Debian's mail programs and read the real clock and files")]

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jail::{Fresh, Sealed};
use mail::delivery::{
    self, ComposeDsn, ComposeFuture, DeliveryConfig, DsnFacts, NextHop, RetryPolicy, SmtpHop, TlsMode,
};
use mail::intake::{self, IntakeConfig};
use store::{Clock, Completed, NewMessage, Notice, Origin, Store, StoreConfig, Timestamp, Verdict};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub fn clock() -> Clock {
    Clock::new(|| {
        let millis = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        Timestamp::from_unix_millis(i64::try_from(millis).unwrap())
    })
}

pub async fn store() -> (Store, TempDir) {
    store_with(|config| config.reserve_bytes = 0).await
}

pub async fn store_with(change: impl FnOnce(&mut StoreConfig)) -> (Store, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let mut config = StoreConfig::new(directory.path().join("data"), clock());
    change(&mut config);
    (Store::open(config).await.unwrap(), directory)
}

/// Everything up to the end of the next reply; empty where the connection ended.
pub async fn read_reply(stream: &mut TcpStream) -> String {
    let mut reply = String::new();
    let mut byte = [0u8; 1];
    // A reply is complete at the first line whose code is followed by a blank.
    loop {
        match stream.read(&mut byte).await {
            Ok(1) => reply.push(char::from(byte[0])),
            _ => return reply,
        }
        if reply.ends_with("\r\n") && reply.lines().last().is_some_and(|line| line.as_bytes().get(3) == Some(&b' ')) {
            return reply;
        }
    }
}

/// Sends a text, and gives the reply to it.
pub async fn say(stream: &mut TcpStream, text: &str) -> String {
    stream.write_all(text.as_bytes()).await.unwrap();
    read_reply(stream).await
}

/// A running intake.
pub struct Intake {
    pub address: SocketAddr,
    pub store: Store,
    pub directory: TempDir,
    pub shutdown: CancellationToken,
    pub task: JoinHandle<()>,
}

impl Intake {
    pub async fn start(change: impl FnOnce(&mut IntakeConfig)) -> Self {
        let (store, directory) = store().await;
        Self::on(store, directory, change).await
    }

    pub async fn on(store: Store, directory: TempDir, change: impl FnOnce(&mut IntakeConfig)) -> Self {
        let mut config = IntakeConfig::new("gw.example.jp");
        change(&mut config);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let served = intake::serve(listener, config, store.clone(), shutdown.clone());
        let task = tokio::spawn(async move { served.await.unwrap() });
        Self { address, store, directory, shutdown, task }
    }

    /// The originals in the store, oldest first.
    pub async fn originals(&self) -> Vec<(store::WorkOrigin, String)> {
        let mut originals = Vec::new();
        for work in self.store.claim(1000).await.unwrap() {
            let bytes = work.original.to_bytes(1 << 30).await.unwrap();
            originals.push((work.origin, String::from_utf8_lossy(&bytes).into_owned()));
        }
        originals
    }
}

/// Puts a sanitised mail into the store, as the worker would.
pub async fn queue_mail(store: &Store, sender: Option<&str>, recipients: &[&str], body: impl AsRef<[u8]>) {
    let mut spool = store.spool();
    spool.write(b"original\r\n").await.unwrap();
    let original = spool.finish().await.unwrap();
    let envelope = store::Envelope {
        sender: sender.map(str::to_owned),
        recipients: recipients.iter().map(|r| (*r).to_owned()).collect(),
        smtputf8: false,
        body_8bit: false,
    };
    let origin =
        Origin::Mail { envelope, peer: "127.0.0.1".parse().unwrap(), helo: "client.example".to_owned(), tls: None };
    let receipt = store.new_receipt().unwrap();
    store.accept(NewMessage { receipt, origin, received: store.now(), original }).await.unwrap();
    let work = store.claim(1).await.unwrap().pop().unwrap();
    let completed = Completed {
        subject: None,
        header_from: None,
        message_id: None,
        verdict: Verdict::Sanitised,
        parts: Vec::new(),
        findings: Vec::new(),
        output: Some(Fresh::forged(Sealed::from_bytes(body.as_ref()).unwrap())),
        account: None,
        policy: String::new(),
    };
    store.complete(&work.key, completed).await.unwrap();
}

/// A composer that remembers what it was asked for.
#[derive(Clone, Default)]
pub struct Composer {
    pub asked: Arc<Mutex<Vec<DsnFacts>>>,
    store: Option<Store>,
}

impl Composer {
    pub fn new(store: &Store) -> Self {
        Self { asked: Arc::default(), store: Some(store.clone()) }
    }
}

impl ComposeDsn for Composer {
    fn compose(&self, facts: DsnFacts) -> ComposeFuture<'_> {
        Box::pin(async move {
            let store = self.store.as_ref().ok_or("no notices in this test")?;
            let body = format!("Auto-Submitted: auto-replied\r\nSubject: failed\r\n\r\n{}\r\n", facts.failed[0].reply);
            self.asked.lock().unwrap().push(facts.clone());
            Ok(Notice {
                receipt: store.new_receipt()?,
                recipient: facts.recipient,
                smtputf8: facts.smtputf8,
                about: facts.about,
                subject: "failed".to_owned(),
                body: Fresh::forged(Sealed::from_bytes(body.as_bytes())?),
            })
        })
    }
}

/// A running delivery.
pub struct Delivery {
    pub composer: Composer,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Delivery {
    pub fn start(store: &Store, next_hop: NextHop, change: impl FnOnce(&mut DeliveryConfig)) -> Self {
        let composer = Composer::new(store);
        let mut config = DeliveryConfig::new(next_hop, "gw.example.jp");
        config.retry = quick_retry();
        change(&mut config);
        let shutdown = CancellationToken::new();
        let run = delivery::run(config, store.clone(), Arc::new(composer.clone()), shutdown.clone());
        Self { composer, shutdown, task: tokio::spawn(async move { run.await.unwrap() }) }
    }

    pub async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap();
    }
}

pub fn quick_retry() -> RetryPolicy {
    RetryPolicy {
        min: Duration::from_millis(50),
        max: Duration::from_millis(100),
        lifetime: Duration::from_secs(60),
        hop_min: Duration::from_millis(50),
        hop_max: Duration::from_millis(200),
    }
}

pub fn smtp(address: SocketAddr) -> SmtpHop {
    let mut hop = SmtpHop::new(address.ip().to_string(), address.port());
    hop.tls = TlsMode::None;
    hop
}

/// Waits until a condition holds; panics with what was waited for.
pub async fn until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let start = Instant::now();
    while !condition().await {
        assert!(start.elapsed() < Duration::from_secs(20), "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The state of every recipient in the store: (address, state, reply).
pub async fn states(store: &Store) -> Vec<(String, store::DeliveryState, String)> {
    let page = store.messages(&store::MessageFilter::default()).await.unwrap();
    let mut states = Vec::new();
    for row in page.items {
        let detail = store.message(row.id).await.unwrap().unwrap();
        for d in detail.deliveries {
            states.push((d.address, d.state, d.reply.unwrap_or_default()));
        }
    }
    states.sort_by(|a, b| a.0.cmp(&b.0));
    states
}

/// Debian's smtp-sink on a free port; it ends with the value.
pub struct Sink {
    pub address: SocketAddr,
    child: Child,
}

impl Sink {
    pub async fn start(arguments: &[&str]) -> Self {
        let address = free_address();
        let child = Command::new("/usr/sbin/smtp-sink")
            .args(arguments)
            .args(["-u", "nobody"])
            .arg(address.to_string())
            .arg("100")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("smtp-sink (Debian package postfix) is installed");
        let sink = Self { address, child };
        until("smtp-sink", || async { TcpStream::connect(address).await.is_ok() }).await;
        sink
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where nobody listens right now: given out once, and from below the ports that the system gives to clients, so that no
/// connection of another test takes it. Tried from outside: a listener of our own would live on in a program that another thread
/// is starting at that moment.
pub fn free_address() -> SocketAddr {
    static GIVEN: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let first = std::process::id().wrapping_mul(61) % 20_000;
    loop {
        let number = GIVEN.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let port = u16::try_from(10_000 + (first + number) % 20_000).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if std::net::TcpStream::connect(address).is_err() {
            return address;
        }
    }
}

/// Runs swaks and returns its transcript.
pub async fn swaks(arguments: Vec<String>) -> String {
    let output = tokio::task::spawn_blocking(move || {
        Command::new("swaks").args(arguments).output().expect("swaks is installed")
    });
    let output = output.await.unwrap();
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A certificate for 127.0.0.1 made by openssl: (certificate, key) as PEM.
pub fn certificate(directory: &Path) -> (Vec<u8>, Vec<u8>) {
    let (config, certificate, key) = (directory.join("cnf"), directory.join("cert.pem"), directory.join("key.pem"));
    let text = "[req]\ndistinguished_name=dn\nx509_extensions=ext\nprompt=no\n[dn]\nCN=gw.example.jp\n[ext]\n\
                basicConstraints=critical,CA:FALSE\nsubjectAltName=IP:127.0.0.1,DNS:gw.example.jp\n";
    std::fs::write(&config, text).unwrap();
    let status = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "30",
            "-config",
        ])
        .arg(&config)
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    (std::fs::read(certificate).unwrap(), std::fs::read(key).unwrap())
}

/// A rustls server configuration from PEM.
pub fn server_tls(certificate: &[u8], key: &[u8]) -> Arc<tokio_rustls::rustls::ServerConfig> {
    use rustls_pki_types::pem::PemObject;
    use rustls_pki_types::{CertificateDer, PrivateKeyDer};
    let chain = CertificateDer::pem_slice_iter(certificate).collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(key).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = tokio_rustls::rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    Arc::new(config)
}

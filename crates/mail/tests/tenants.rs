//! A mail for the people of several tenants, over a real socket and into real stores.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    missing_docs,
    reason = "tests"
)]

mod gateway;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use gateway::{Intake, read_reply, say, store, store_with, swaks};
use mail::intake::{self, IntakeConfig, Owner, Owners, Stores};
use store::{RefusalFilter, Store, WorkOrigin};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// The gateway's own store, and that of the tenant `b`.
#[derive(Debug, Clone)]
struct Two {
    own: Store,
    other: Store,
    now: Arc<Mutex<Standing>>,
}

/// What the tenant has at the moment.
#[derive(Debug)]
struct Standing {
    domains: Vec<&'static str>,
    is_served: bool,
    /// How often somebody wanted to know whose a domain is.
    asked: usize,
}

impl Two {
    fn new(own: &Store, other: &Store) -> Self {
        let now = Standing { domains: vec!["b.example.jp"], is_served: true, asked: 0 };
        Self { own: own.clone(), other: other.clone(), now: Arc::new(Mutex::new(now)) }
    }

    fn change(&self, change: impl FnOnce(&mut Standing)) {
        change(&mut self.now.lock().unwrap());
    }
}

impl Owners for Two {
    fn owner(&self, domain: &str) -> Owner {
        let mut now = self.now.lock().unwrap();
        now.asked += 1;
        match now.domains.contains(&domain) {
            true => Owner::Tenant("b".into()),
            false => Owner::Own,
        }
    }
}

impl Stores for Two {
    fn store(&self, owner: &Owner) -> Option<Store> {
        match owner {
            Owner::Own => Some(self.own.clone()),
            Owner::Tenant(_) => self.now.lock().unwrap().is_served.then(|| self.other.clone()),
        }
    }
}

async fn listening(
    stores: impl Stores + 'static,
    change: impl FnOnce(&mut IntakeConfig),
) -> (String, CancellationToken) {
    let mut config = IntakeConfig::new("gw.example.jp");
    config.accept_domains = Some(vec!["a.example.jp".to_owned()]);
    change(&mut config);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let shutdown = CancellationToken::new();
    let served = intake::serve(listener, config, stores, shutdown.clone());
    tokio::spawn(async move { served.await.unwrap() });
    (address, shutdown)
}

async fn send(server: &str, to: &str, body: &str) -> String {
    let arguments = ["--server", server, "--from", "taro@client.example", "--to", to, "--body", body];
    swaks(arguments.map(str::to_owned).to_vec()).await
}

/// Recipients and text of every mail that a store has to convert, with its receipt.
async fn kept(store: &Store) -> Vec<(Vec<String>, String, String)> {
    let mut all = Vec::new();
    for work in store.claim(100).await.unwrap() {
        let WorkOrigin::Mail { envelope } = work.origin else { panic!("not a mail") };
        let bytes = work.original.to_bytes(1 << 20).await.unwrap();
        all.push((envelope.recipients, String::from_utf8(bytes.to_vec()).unwrap(), work.receipt.to_string()));
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn each_tenant_has_the_mail_for_its_own_recipients_and_never_sees_the_others() {
    let ((own, _one), (other, _two)) = (store().await, store().await);
    let (server, _shutdown) = listening(Two::new(&own, &other), |_| {}).await;
    let said = send(&server, "x@a.example.jp,y@b.example.jp,z@A.example.jp,w@b.example.jp", "for both").await;
    let (first, second) = (kept(&own).await, kept(&other).await);
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_eq!(first[0].0, ["x@a.example.jp", "z@a.example.jp"]);
    assert_eq!(second[0].0, ["y@b.example.jp", "w@b.example.jp"]);
    // The same octets behind a trace that differs in the receipt alone.
    assert_ne!(first[0].2, second[0].2);
    assert_eq!(first[0].1.replace(&first[0].2, "R"), second[0].1.replace(&second[0].2, "R"));
    assert!(first[0].1.contains("for both") && first[0].1.contains(&first[0].2));
    assert!(said.contains(&format!("Accepted as {}, {}", first[0].2, second[0].2)), "{said}");
    // What is for one alone is in no other's store.
    send(&server, "y@b.example.jp", "for one").await;
    assert!(kept(&own).await.is_empty());
    assert_eq!(kept(&other).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_promised_before_every_tenant_has_it() {
    let (own, _one) = store().await;
    // More than any disk has free.
    let (other, _two) = store_with(|config| config.reserve_bytes = u64::MAX).await;
    let (server, _shutdown) = listening(Two::new(&own, &other), |_| {}).await;
    let said = send(&server, "x@a.example.jp,y@b.example.jp", "for both").await;
    assert!(said.contains("<** 452 4.3.1") && !said.contains("Accepted as"), "{said}");
    assert!(kept(&own).await.is_empty(), "nobody has it before all can have it, however often its sender comes");
    // Its sender comes again, and loses nothing by it.
    let said = send(&server, "x@a.example.jp", "for one").await;
    assert!(said.contains("Accepted as"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_one_store_is_closed_no_other_gets_the_mail_again_and_again() {
    let ((own, _one), (other, _two)) = (store().await, store().await);
    let (server, _shutdown) = listening(Two::new(&own, &other), |_| {}).await;
    let (mut stream, _) = addressed(&server, "", &["x@a.example.jp", "y@b.example.jp"]).await;
    other.close().await;
    let answer = given(&mut stream).await;
    assert!(answer.starts_with("451"), "{answer}");
    assert!(kept(&own).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_told_to_whom_the_mail_was_for() {
    let ((own, _one), (other, _two)) = (store().await, store().await);
    let stores = Two::new(&own, &other);
    let (server, _shutdown) = listening(stores, |config| config.max_message_bytes = 2000).await;
    send(&server, "x@elsewhere.example", "not ours").await;
    send(&server, "y@b.example.jp", &"long ".repeat(1000)).await;
    let told = async |store: &Store| {
        for _ in 0..100 {
            let rows = store.refusals(&RefusalFilter::default()).await.unwrap().items;
            if !rows.is_empty() {
                return rows.into_iter().map(|row| (row.recipient, row.code)).collect::<Vec<_>>();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Vec::new()
    };
    assert_eq!(told(&own).await, [(Some("x@elsewhere.example".to_owned()), 550)]);
    assert_eq!(told(&other).await, [(None, 552)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_store_alone_is_all_there_is_where_there_is_one_organisation() {
    let intake = Intake::start(|_| {}).await;
    let said = send(&intake.address.to_string(), "x@a.example.jp,y@b.example.jp", "hello").await;
    let kept = kept(&intake.store).await;
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].0, ["x@a.example.jp", "y@b.example.jp"]);
    assert!(said.contains(&format!("Accepted as {}\n", kept[0].2)), "{said}");
}

/// A session that has named these recipients, with what the last of them was answered.
async fn addressed(server: &str, parameters: &str, recipients: &[&str]) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(server).await.unwrap();
    read_reply(&mut stream).await;
    say(&mut stream, "EHLO client.example\r\n").await;
    let mut answer = say(&mut stream, &format!("MAIL FROM:<a@client.example>{parameters}\r\n")).await;
    for recipient in recipients {
        answer = say(&mut stream, &format!("RCPT TO:<{recipient}>\r\n")).await;
    }
    (stream, answer)
}

async fn given(stream: &mut TcpStream) -> String {
    assert!(say(stream, "DATA\r\n").await.starts_with("354"));
    say(stream, "Subject: x\r\n\r\nhello\r\n.\r\n").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_that_changes_hands_within_a_session_has_its_mail_kept_by_nobody() {
    let ((own, _one), (other, _two)) = (store().await, store().await);
    let stores = Two::new(&own, &other);
    let (server, _shutdown) = listening(stores.clone(), |_| {}).await;
    // Given up: it is the gateway's own no more than it is the tenant's.
    let (mut stream, answer) = addressed(&server, "", &["x@a.example.jp", "y@b.example.jp"]).await;
    assert!(answer.starts_with("250"), "{answer}");
    stores.change(|now| now.domains.clear());
    let answer = given(&mut stream).await;
    assert!(answer.starts_with("451"), "{answer}");
    assert!(kept(&own).await.is_empty() && kept(&other).await.is_empty());
    // In the same session it is not taken again, and the next mail is nobody else's matter.
    say(&mut stream, "MAIL FROM:<a@client.example>\r\n").await;
    let answer = say(&mut stream, "RCPT TO:<y@b.example.jp>\r\n").await;
    assert!(answer.starts_with("550"), "{answer}");
    // What comes to a tenant while a session lasts is taken in it.
    stores.change(|now| now.domains.push("c.example.jp"));
    let answer = say(&mut stream, "RCPT TO:<y@c.example.jp>\r\n").await;
    assert!(answer.starts_with("250"), "{answer}");
    assert!(given(&mut stream).await.starts_with("250"));
    assert_eq!(kept(&other).await.len(), 1);
    // Where everything is taken that nobody claims, that is not so of what a tenant had a moment ago.
    let (server, _shutdown) = listening(stores.clone(), |config| config.accept_domains = None).await;
    let (mut stream, _) = addressed(&server, "", &["y@c.example.jp"]).await;
    stores.change(|now| now.domains.clear());
    assert!(given(&mut stream).await.starts_with("451"));
    assert!(kept(&own).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_that_changes_hands_while_its_mail_comes_in_has_it_kept_by_nobody() {
    let ((own, _one), (other, _two)) = (store().await, store().await);
    let stores = Two::new(&own, &other);
    let asked = || stores.now.lock().unwrap().asked;
    let (server, _shutdown) = listening(stores.clone(), |config| config.accept_domains = None).await;
    let (mut stream, _) = addressed(&server, "", &["y@b.example.jp"]).await;
    assert!(say(&mut stream, "DATA\r\n").await.starts_with("354"));
    let before = asked();
    stream.write_all(b"Subject: x\r\n\r\nhello\r\n").await.unwrap();
    // The first octets are in the spool of the tenant.
    while asked() == before {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stores.change(|now| now.domains.clear());
    let answer = say(&mut stream, ".\r\n").await;
    assert!(answer.starts_with("451"), "{answer}");
    assert!(kept(&own).await.is_empty() && kept(&other).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_of_a_tenant_that_is_not_served_waits_with_its_sender_and_holds_nobody_else_up() {
    let ((own, _one), (other, _two)) = (store().await, store().await);
    let stores = Two::new(&own, &other);
    stores.change(|now| now.is_served = false);
    let (server, _shutdown) = listening(stores.clone(), |_| {}).await;
    for recipients in [&["y@b.example.jp"][..], &["x@a.example.jp", "y@b.example.jp"]] {
        let (mut stream, answer) = addressed(&server, "", recipients).await;
        assert!(answer.starts_with("250"), "{answer}");
        let answer = given(&mut stream).await;
        assert!(answer.starts_with("451"), "{answer}");
    }
    assert!(kept(&own).await.is_empty() && kept(&other).await.is_empty());
    let (mut stream, _) = addressed(&server, "", &["x@a.example.jp"]).await;
    assert!(given(&mut stream).await.starts_with("250"));
    stores.change(|now| now.is_served = true);
    let (mut stream, _) = addressed(&server, "", &["y@b.example.jp"]).await;
    assert!(given(&mut stream).await.starts_with("250"));
    assert_eq!((kept(&own).await.len(), kept(&other).await.len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_is_the_same_in_its_own_letters() {
    let ((own, _one), (other, _two)) = (store().await, store().await);
    let stores = Two::new(&own, &other);
    // python3 -c 'print("例え.jp".encode("idna"))'
    stores.change(|now| now.domains.push("xn--r8jz45g.jp"));
    let (server, _shutdown) = listening(stores, |config| config.accept_domains = None).await;
    let (mut stream, answer) = addressed(&server, " SMTPUTF8", &["taro@例え.jp"]).await;
    assert!(answer.starts_with("250"), "{answer}");
    assert!(given(&mut stream).await.starts_with("250"));
    assert!(kept(&own).await.is_empty());
    assert_eq!(kept(&other).await[0].0, ["taro@例え.jp"]);
}

/// A tenant for each domain, in one store.
#[derive(Debug)]
struct OfEachDomain(Store);

impl Owners for OfEachDomain {
    fn owner(&self, domain: &str) -> Owner {
        Owner::Tenant(domain.into())
    }
}

impl Stores for OfEachDomain {
    fn store(&self, _: &Owner) -> Option<Store> {
        Some(self.0.clone())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_for_more_tenants_than_ten_is_split_by_its_sender() {
    let (store, _directory) = store().await;
    let (server, _shutdown) = listening(OfEachDomain(store.clone()), |_| {}).await;
    let recipients: Vec<String> = (0..10).map(|number| format!("x@t{number}.example.jp")).collect();
    let recipients: Vec<&str> = recipients.iter().map(String::as_str).collect();
    let (mut stream, answer) = addressed(&server, "", &recipients).await;
    assert!(answer.starts_with("250"), "{answer}");
    let answer = say(&mut stream, "RCPT TO:<x@t10.example.jp>\r\n").await;
    assert_eq!(answer, "452 4.5.3 Too many recipients\r\n");
    assert!(say(&mut stream, "RCPT TO:<y@t3.example.jp>\r\n").await.starts_with("250"), "of one that has it anyway");
    assert!(given(&mut stream).await.starts_with("250"));
    assert_eq!(kept(&store).await.len(), 10);
}

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

use gateway::{Intake, store, store_with, swaks};
use mail::address::Address;
use mail::intake::{self, IntakeConfig, Share, Stores};
use store::{RefusalFilter, Store, WorkOrigin};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The gateway's own store, and that of whoever has `b.example.jp`.
#[derive(Debug, Clone)]
struct Two {
    own: Store,
    other: Store,
}

impl Stores for Two {
    fn shares(&self, recipients: &[Address]) -> Vec<Share> {
        let (other, own): (Vec<_>, Vec<_>) = recipients.iter().cloned().partition(|r| r.domain() == "b.example.jp");
        let mut shares = Vec::new();
        if !own.is_empty() || other.is_empty() {
            shares.push(Share { store: self.own.clone(), recipients: own });
        }
        if !other.is_empty() {
            shares.push(Share { store: self.other.clone(), recipients: other });
        }
        shares
    }

    fn claimed(&self) -> Vec<String> {
        vec!["b.example.jp".to_owned()]
    }
}

async fn listening(stores: Two, change: impl FnOnce(&mut IntakeConfig)) -> (String, CancellationToken) {
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
    let (server, _shutdown) = listening(Two { own: own.clone(), other: other.clone() }, |_| {}).await;
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
    let (server, _shutdown) = listening(Two { own: own.clone(), other }, |_| {}).await;
    let said = send(&server, "x@a.example.jp,y@b.example.jp", "for both").await;
    assert!(said.contains("<** 452 4.3.1") && !said.contains("Accepted as"), "{said}");
    // Its sender comes again, and loses nothing by it.
    let said = send(&server, "x@a.example.jp", "for one").await;
    assert!(said.contains("Accepted as"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_told_to_whom_the_mail_was_for() {
    let ((own, _one), (other, _two)) = (store().await, store().await);
    let stores = Two { own: own.clone(), other: other.clone() };
    let (server, _shutdown) = listening(stores, |config| config.max_message_bytes = 2000).await;
    send(&server, "x@elsewhere.example", "not ours").await;
    send(&server, "y@b.example.jp", &"long ".repeat(1000)).await;
    let told = async |store: &Store| {
        for _ in 0..100 {
            let rows = store.refusals(&RefusalFilter::default()).await.unwrap().items;
            if !rows.is_empty() {
                return rows.into_iter().map(|row| (row.recipient, row.code)).collect::<Vec<_>>();
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
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

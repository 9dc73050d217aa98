//! Webhooks: what a receiver gets, when it gets it again, and where nothing is ever sent.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod support;

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::json;
use store::{Event, HookState};
use support::*;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use web::{HookSecret, Network, Outbound, Reach, Target, Trust, Webhook, Webhooks};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// The bytes of [`SECRET`], as Python's base64 decodes them.
const KEY: [u8; 24] = [
    0x31, 0xf2, 0x90, 0xf6, 0xbf, 0x06, 0x29, 0x8a, 0xab, 0x4f, 0x08, 0xd4, 0x3c, 0x3f, 0x08, 0x2c, 0xf6, 0x48, 0xa3,
    0x62, 0xda, 0x2d, 0xa4, 0xb0,
];

/// A request as it came.
#[derive(Debug, Clone)]
struct Got {
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

/// Takes requests and answers the n-th with the n-th answer, and all further ones with the last.
#[derive(Clone)]
struct Receiver {
    at: SocketAddr,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Receiver {
    async fn answering(answers: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self { at: listener.local_addr().unwrap(), got: Arc::default() };
        let seen = receiver.got.clone();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut bytes = Vec::new();
                let request = loop {
                    let mut piece = [0; 4096];
                    let count = stream.read(&mut piece).await.unwrap();
                    bytes.extend_from_slice(&piece[..count]);
                    if let Some(got) = parse(&bytes) {
                        break got;
                    }
                    assert!(count > 0, "the request ended early");
                };
                let nth = {
                    let mut seen = seen.lock().unwrap();
                    seen.push(request);
                    seen.len() - 1
                };
                let answer = answers.get(nth).or(answers.last()).unwrap();
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        receiver
    }

    fn all(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    async fn wait_for(&self, count: usize) -> Vec<Got> {
        let until = Instant::now() + Duration::from_secs(20);
        while self.all().len() < count {
            assert!(Instant::now() < until, "{} of {count} requests came", self.all().len());
            sleep(Duration::from_millis(20)).await;
        }
        self.all()
    }
}

fn parse(bytes: &[u8]) -> Option<Got> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    assert!(head.starts_with("POST /hook HTTP/1.1\r\n"), "{head}");
    let headers: HashMap<String, String> = head
        .split("\r\n")
        .skip(1)
        .map(|line| line.split_once(": ").map(|(k, v)| (k.to_ascii_lowercase(), v.to_owned())).unwrap())
        .collect();
    let body = bytes[end + 4..].to_vec();
    let length: usize = headers["content-length"].parse().unwrap();
    (body.len() == length).then_some(Got { headers, body })
}

const OK: &str = "HTTP/1.1 204 No Content\r\n\r\n";
const BUSY: &str = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";

fn hook(at: SocketAddr, reach: Reach) -> Webhook {
    Webhook {
        name: "itsm".to_owned(),
        target: Target::parse(&format!("http://{at}/hook")).unwrap(),
        events: vec![Event::FileCompleted, Event::FileQuarantined, Event::SystemDegraded],
        secret: HookSecret::parse(SECRET).unwrap(),
        client: Outbound::new(Trust::System, reach, Duration::from_secs(2)).unwrap(),
    }
}

fn loopback() -> Reach {
    Reach::only(vec![Network::parse("127.0.0.0/8").unwrap()])
}

async fn world_telling(at: SocketAddr, reach: Reach) -> (World, Webhooks) {
    let hooks = Webhooks::new(vec![hook(at, reach)]);
    (world_with_hooks(hooks.clone()).await, hooks)
}

/// Checks a signature with another implementation of HMAC.
fn verify(got: &Got) {
    let (id, seconds) = (&got.headers["webhook-id"], &got.headers["webhook-timestamp"]);
    let mut signed = format!("{id}.{seconds}.").into_bytes();
    signed.extend_from_slice(&got.body);
    let tag = ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &KEY), &signed);
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let encoded = got.headers["webhook-signature"].strip_prefix("v1,").unwrap().trim_end_matches('=');
    let bits: Vec<bool> = encoded
        .bytes()
        .map(|letter| alphabet.iter().position(|one| *one == letter).unwrap())
        .flat_map(|value| (0..6).rev().map(move |bit| value >> bit & 1 == 1))
        .collect();
    let bytes: Vec<u8> =
        bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |sum, bit| sum << 1 | u8::from(*bit))).collect();
    assert_eq!(bytes, tag.as_ref());
}

#[tokio::test]
async fn a_withheld_upload_is_told_signed_and_without_its_name() {
    let receiver = Receiver::answering(&[OK]).await;
    let (world, hooks) = world_telling(receiver.at, loopback()).await;
    tokio::spawn(hooks.deliver(world.store.clone(), CancellationToken::new()));
    upload(&world, &[("人事異動案.exe", b"MZ")]).await;
    work(&world).await;
    let got = receiver.wait_for(2).await;
    let now = world.store.now().unix_millis() / 1000;
    let mut kinds = Vec::new();
    for one in &got {
        verify(one);
        let sent: i64 = one.headers["webhook-timestamp"].parse().unwrap();
        assert!((now - 5..=now + 1).contains(&sent));
        assert_eq!(one.headers["content-type"], "application/json");
        let body: serde_json::Value = serde_json::from_slice(&one.body).unwrap();
        kinds.push(body["type"].as_str().unwrap().to_owned());
        assert!(!String::from_utf8_lossy(&one.body).contains("人事"), "names stay here");
        if body["type"] == "file.quarantined" {
            assert_eq!(body["data"]["items"][0]["reason"], "unsupported_type");
        } else {
            assert_eq!((&body["data"]["verdict"], &body["data"]["source"]), (&json!("notice_only"), &json!("upload")));
        }
    }
    kinds.sort();
    assert_eq!(kinds, ["file.completed", "file.quarantined"]);
    assert_ne!(got[0].headers["webhook-id"], got[1].headers["webhook-id"]);
}

#[tokio::test]
async fn what_is_not_taken_comes_again_with_the_same_id_even_after_a_restart() {
    let receiver = Receiver::answering(&[BUSY, BUSY, OK]).await;
    let (world, hooks) = world_telling(receiver.at, loopback()).await;
    let stop = CancellationToken::new();
    let first = tokio::spawn(hooks.clone().deliver(world.store.clone(), stop.clone()));
    world.store.tell(Event::SystemDegraded, &json!({"part": "scanner"})).await.unwrap();
    receiver.wait_for(1).await;
    // What waits stands in the database, not in the task that is ended here.
    sleep(Duration::from_millis(300)).await;
    stop.cancel();
    first.await.unwrap().unwrap();
    let waiting = world.store.hook_deliveries("itsm", None, 0).await.unwrap().items.remove(0);
    assert_eq!((waiting.state, waiting.attempts, waiting.status), (HookState::Waiting, 1, Some(503)));
    tokio::spawn(hooks.deliver(world.store.clone(), CancellationToken::new()));
    let got = receiver.wait_for(3).await;
    assert_eq!(got[0].headers["webhook-id"], got[2].headers["webhook-id"]);
    assert_eq!(got[0].body, got[2].body);
    got.iter().for_each(verify);
    sleep(Duration::from_millis(300)).await;
    let taken = world.store.hook_deliveries("itsm", None, 0).await.unwrap().items.remove(0);
    assert_eq!((taken.state, taken.attempts, taken.status), (HookState::Taken, 3, Some(204)));
    sleep(Duration::from_millis(1500)).await;
    assert_eq!(receiver.all().len(), 3, "what was taken is not told again");
}

#[tokio::test]
async fn an_answer_that_points_elsewhere_is_not_followed() {
    let inside = Receiver::answering(&[OK]).await;
    let answer =
        format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: http://{}/hook\r\nContent-Length: 0\r\n\r\n", inside.at);
    let receiver = Receiver::answering(Box::leak(Box::new([&*Box::leak(answer.into_boxed_str())]))).await;
    let (world, hooks) = world_telling(receiver.at, loopback()).await;
    tokio::spawn(hooks.deliver(world.store.clone(), CancellationToken::new()));
    world.store.tell(Event::SystemDegraded, &json!({})).await.unwrap();
    receiver.wait_for(2).await;
    assert!(inside.all().is_empty());
    let row = world.store.hook_deliveries("itsm", None, 0).await.unwrap().items.remove(0);
    assert_eq!((row.state, row.status), (HookState::Waiting, Some(307)));
}

#[tokio::test]
async fn this_machine_is_not_reached_unless_its_network_was_named() {
    let receiver = Receiver::answering(&[OK]).await;
    for named in ["localhost", "127.0.0.1", "[::ffff:127.0.0.1]"] {
        let client = Outbound::new(Trust::System, Reach::ordinary(), Duration::from_secs(2)).unwrap();
        let target = Target::parse(&format!("http://{named}:{}/hook", receiver.at.port())).unwrap();
        let asked =
            client.fetch(axum::http::Method::POST, &target, axum::http::HeaderMap::new(), "x".into(), 100).await;
        assert!(matches!(asked, Err(web::OutboundError::Forbidden)), "{named}: {asked:?}");
    }
    let (world, hooks) = world_telling(receiver.at, Reach::ordinary()).await;
    tokio::spawn(hooks.deliver(world.store.clone(), CancellationToken::new()));
    world.store.tell(Event::SystemDegraded, &json!({})).await.unwrap();
    sleep(Duration::from_millis(2500)).await;
    assert!(receiver.all().is_empty());
    let row = world.store.hook_deliveries("itsm", None, 0).await.unwrap().items.remove(0);
    assert!(row.attempts > 0 && row.note.unwrap().contains("may be reached"));
}

#[tokio::test]
async fn an_answer_has_its_time_and_its_size() {
    let client = Outbound::new(Trust::System, loopback(), Duration::from_secs(1)).unwrap();
    let ask = async |at: SocketAddr, most| {
        let target = Target::parse(&format!("http://{at}/hook")).unwrap();
        client.fetch(axum::http::Method::POST, &target, axum::http::HeaderMap::new(), "x".into(), most).await
    };
    let long = Receiver::answering(&["HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world"]).await;
    assert_eq!(&ask(long.at, 11).await.unwrap().body[..], b"hello world");
    assert!(matches!(ask(long.at, 10).await, Err(web::OutboundError::TooLong(10))));
    let endless = Receiver::answering(&["HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhello"]).await;
    assert!(matches!(ask(endless.at, 100).await, Err(web::OutboundError::Exchange(_))));
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    assert!(matches!(ask(silent.local_addr().unwrap(), 10).await, Err(web::OutboundError::Timeout)));
}

#[tokio::test]
async fn an_administrator_sees_what_was_told_and_has_it_told_again() {
    let receiver = Receiver::answering(&[OK]).await;
    let (world, hooks) = world_telling(receiver.at, loopback()).await;
    tokio::spawn(hooks.deliver(world.store.clone(), CancellationToken::new()));
    world.store.tell(Event::SystemDegraded, &json!({"part": "rooms"})).await.unwrap();
    world.store.tell(Event::RequestCreated, &json!({})).await.unwrap();
    receiver.wait_for(1).await;
    sleep(Duration::from_millis(300)).await;
    let cookies = signed_in(&world).await;
    let list = get_as(&world, &cookies, "/webhooks").await;
    assert!(list.text().contains("itsm") && list.text().contains("file.completed"));
    let page = get_as(&world, &cookies, "/webhooks/itsm").await;
    assert!(page.text().contains("system.degraded") && !page.text().contains("request.created"));
    assert_eq!(get_as(&world, &cookies, "/webhooks/other").await.status, 404);
    let id = world.store.hook_deliveries("itsm", None, 0).await.unwrap().items[0].id.0.to_string();
    let done = post_form(world.admin, &page, "/webhooks/itsm", &cookies, &[("id", &id)]).await;
    assert_eq!(done.status, 303);
    receiver.wait_for(2).await;
    let listed = get_as(&world, &cookies, "/api/v1/webhooks").await.json();
    assert_eq!((&listed["items"][0]["name"], &listed["items"][0]["host"]), (&json!("itsm"), &json!("127.0.0.1")));
    let told = get_as(&world, &cookies, "/api/v1/webhooks/itsm/deliveries").await.json();
    assert_eq!(told["items"][0]["event"], "system.degraded");
    let again = format!("/api/v1/webhooks/itsm/deliveries/{id}/redeliver");
    let answer = send(world.admin, "POST", &again, &[("Cookie", &cookies)], b"").await;
    assert_eq!(answer.status, 202);
    let missing =
        send(world.admin, "POST", "/api/v1/webhooks/itsm/deliveries/999/redeliver", &[("Cookie", &cookies)], b"").await;
    assert_eq!(missing.status, 404);
    let got = receiver.wait_for(3).await;
    assert_eq!(got[0].headers["webhook-id"], got[2].headers["webhook-id"]);
    let audit = world.store.audit(&store::AuditFilter::default()).await.unwrap();
    assert_eq!(audit.items.iter().filter(|row| row.event == "webhook_again" && row.actor == ADMIN).count(), 2);
}

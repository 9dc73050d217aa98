//! Passkeys over real HTTP, with an authenticator of our own: what a browser would send, signed by a key of P-256.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod support;

use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use sha2::{Digest, Sha256};
use support::*;

struct Authenticator {
    key: EcdsaKeyPair,
    credential: String,
    counter: u32,
}

/// What a form of the page's module carries.
struct Response {
    client_data: String,
    authenticator_data: String,
    signature: String,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    bits.as_bytes()
        .chunks(6)
        .map(|six| {
            let six = format!("{:0<6}", std::str::from_utf8(six).unwrap());
            char::from(ALPHABET[usize::from_str_radix(&six, 2).unwrap()])
        })
        .collect()
}

impl Authenticator {
    fn new(credential: &str) -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random).unwrap();
        Self { key, credential: credential.to_owned(), counter: 0 }
    }

    /// The public key as `getPublicKey()` gives it.
    fn public_key(&self) -> String {
        format!("3059301306072a8648ce3d020106082a8648ce3d030107034200{}", hex(self.key.public_key().as_ref()))
    }

    fn answer(&mut self, kind: &str, challenge: &[u8], origin: &str, site: &str) -> Response {
        self.counter += 1;
        let client_data = serde_json::json!({
            "type": kind, "challenge": base64url(challenge), "origin": origin, "crossOrigin": false
        })
        .to_string();
        let mut data = Sha256::digest(site.as_bytes()).to_vec();
        data.push(1);
        data.extend_from_slice(&self.counter.to_be_bytes());
        let mut message = data.clone();
        message.extend_from_slice(&Sha256::digest(client_data.as_bytes()));
        let signature = self.key.sign(&SystemRandom::new(), &message).unwrap();
        Response {
            client_data: hex(client_data.as_bytes()),
            authenticator_data: hex(&data),
            signature: hex(signature.as_ref()),
        }
    }
}

/// The challenge on a page.
fn challenge(page: &Answer) -> Vec<u8> {
    let text = page.text();
    let shown = text.split("data-challenge=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    (0..shown.len()).step_by(2).map(|at| u8::from_str_radix(&shown[at..at + 2], 16).unwrap()).collect()
}

async fn register(world: &World, cookies: &str, authenticator: &mut Authenticator, origin: &str) -> Answer {
    let page = get_as(world, cookies, "/account/passkeys").await;
    let answer = authenticator.answer("webauthn.create", &challenge(&page), origin, "127.0.0.1");
    let fields = [
        ("name", "指紋"),
        ("credential", authenticator.credential.as_str()),
        ("client_data", &answer.client_data),
        ("authenticator_data", &answer.authenticator_data),
        ("public_key", &authenticator.public_key()),
    ];
    post_form(world.admin, &page, "/account/passkeys", cookies, &fields).await
}

/// The half-way session after the password, and its page.
async fn half(world: &World) -> (String, Answer) {
    let cookies = password_only(world.admin, ADMIN, PASSWORD).await.cookies();
    let page = get_as(world, &cookies, "/sign-in/code").await;
    (cookies, page)
}

async fn sign(world: &World, cookies: &str, page: &Answer, credential: &str, answer: &Response) -> Answer {
    let fields = [
        ("credential", credential),
        ("client_data", answer.client_data.as_str()),
        ("authenticator_data", &answer.authenticator_data),
        ("signature", &answer.signature),
    ];
    post_form(world.admin, page, "/sign-in/passkey", cookies, &fields).await
}

#[tokio::test]
async fn a_registered_passkey_stands_for_a_code_and_each_signature_is_good_once() {
    let world = world().await;
    let cookies = signed_in(&world).await;
    let origin = format!("http://{}", world.admin);
    let mut key = Authenticator::new("c0ffee");
    assert!(!half(&world).await.1.text().contains("/sign-in/passkey"), "there is none yet");
    let elsewhere = register(&world, &cookies, &mut key, "https://evil.example").await;
    assert_eq!(elsewhere.status, 422);
    assert_eq!(register(&world, &cookies, &mut key, &origin).await.status, 303);
    assert_eq!(register(&world, &cookies, &mut key, &origin).await.status, 422, "the same once more");

    let (first, page) = half(&world).await;
    assert!(page.text().contains("data-known=\"c0ffee\""));
    let answer = key.answer("webauthn.get", &challenge(&page), &origin, "127.0.0.1");
    let full = sign(&world, &first, &page, "c0ffee", &answer).await;
    assert_eq!((full.status, full.header("location")), (303, Some("/")));
    assert_eq!(get_as(&world, &full.cookies(), "/quarantine").await.status, 200);
    // The same signature in another sign-in is an answer to another question.
    let (second, page) = half(&world).await;
    assert_eq!(sign(&world, &second, &page, "c0ffee", &answer).await.status, 401);
    // An authenticator that was copied is behind.
    key.counter = 0;
    let stale = key.answer("webauthn.get", &challenge(&page), &origin, "127.0.0.1");
    assert_eq!(sign(&world, &second, &page, "c0ffee", &stale).await.status, 401);
    assert_eq!(get_as(&world, &second, "/quarantine").await.header("location"), Some("/sign-in/code"));
}

#[tokio::test]
async fn a_signature_of_another_key_another_site_or_another_question_signs_nobody_in() {
    let world = world().await;
    let cookies = signed_in(&world).await;
    let origin = format!("http://{}", world.admin);
    let mut key = Authenticator::new("c0ffee");
    assert_eq!(register(&world, &cookies, &mut key, &origin).await.status, 303);
    let mut other = Authenticator::new("c0ffee");
    other.counter = 100;
    let (half, page) = half(&world).await;
    let asked = challenge(&page);
    let tries = [
        other.answer("webauthn.get", &asked, &origin, "127.0.0.1"),
        key.answer("webauthn.create", &asked, &origin, "127.0.0.1"),
        key.answer("webauthn.get", &asked, "https://evil.example", "127.0.0.1"),
        key.answer("webauthn.get", &asked, &origin, "evil.example"),
    ];
    for answer in &tries {
        assert_eq!(sign(&world, &half, &page, "c0ffee", answer).await.status, 401);
    }
    // Five wrong ones, of codes and passkeys together, close the door for a while, to a right one too.
    let right = key.answer("webauthn.get", &asked, &origin, "127.0.0.1");
    assert_eq!(sign(&world, &half, &page, "beef", &right).await.status, 401, "no such credential");
    assert_eq!(sign(&world, &half, &page, "c0ffee", &right).await.status, 401, "it waits");
}

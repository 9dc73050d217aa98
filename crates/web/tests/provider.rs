//! Signing in with a provider (OpenID Connect) that keeps to the rules, and with one that breaks each of them. The browser tests do it with a
//! provider of somebody else's making.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::disallowed_methods, reason = "tests")]

mod support;

use std::{
    collections::HashMap,
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{RawForm, State},
    http::{HeaderMap, StatusCode},
    routing,
};
use ring::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
        RsaPublicKeyComponents,
    },
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use store::{Role, Source};
use support::*;
use web::{Credential, Outbound, Provider, ProviderSettings, ProviderSites, Reach, Renewal, Sources, Trust};

const CLIENT: &str = "misogi gateway";
const SECRET: &str = "s:ecret/+&=";

fn outbound(seconds: u64) -> Outbound {
    Outbound::new(Trust::System, Reach::with_this_machine(), Duration::from_secs(seconds)).unwrap()
}

/// A key to sign with.
#[derive(Clone)]
enum Signer {
    Rsa(Arc<RsaKeyPair>),
    Ec(Arc<EcdsaKeyPair>),
    Ed(Arc<Ed25519KeyPair>),
}

impl Signer {
    fn ed() -> Self {
        let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::Ed(Arc::new(Ed25519KeyPair::from_pkcs8(key.as_ref()).unwrap()))
    }

    fn ec() -> Self {
        let kind = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let key = EcdsaKeyPair::generate_pkcs8(kind, &SystemRandom::new()).unwrap();
        Self::Ec(Arc::new(EcdsaKeyPair::from_pkcs8(kind, key.as_ref(), &SystemRandom::new()).unwrap()))
    }

    fn rsa() -> Self {
        let arguments = ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-outform", "DER"];
        let key = Command::new("openssl").args(arguments).output().unwrap();
        assert!(key.status.success());
        // Versions of OpenSSL differ in what DER of a private key is: PKCS #8 or PKCS #1.
        let pair = RsaKeyPair::from_pkcs8(&key.stdout).or_else(|_| RsaKeyPair::from_der(&key.stdout));
        Self::Rsa(Arc::new(pair.unwrap()))
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::Ec(_) => "ES256",
            Self::Ed(_) => "EdDSA",
        }
    }

    fn public(&self, kid: &str) -> Value {
        match self {
            Self::Rsa(key) => {
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(key.public());
                json!({"kty": "RSA", "kid": kid, "use": "sig", "n": base64url(&public.n), "e": base64url(&public.e)})
            }
            Self::Ec(key) => {
                let point = key.public_key().as_ref();
                let (x, y) = (base64url(&point[1..33]), base64url(&point[33..]));
                json!({"kty": "EC", "crv": "P-256", "kid": kid, "alg": "ES256", "x": x, "y": y})
            }
            Self::Ed(key) => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": base64url(key.public_key().as_ref())})
            }
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Rsa(key) => {
                let mut out = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut out).unwrap();
                out
            }
            Self::Ec(key) => key.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Self::Ed(key) => key.sign(message).as_ref().to_vec(),
        }
    }
}

fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bits = String::new();
    for byte in bytes {
        bits.push_str(&format!("{byte:08b}"));
    }
    while !bits.len().is_multiple_of(6) {
        bits.push('0');
    }
    let value = |six: &[u8]| usize::from_str_radix(std::str::from_utf8(six).unwrap(), 2).unwrap();
    bits.as_bytes().chunks(6).map(|six| char::from(ALPHABET[value(six)])).collect()
}

/// Changes header and claims of a token before it is signed, or the token afterwards.
type Mischief = Arc<dyn Fn(&mut Value, &mut Value) + Send + Sync>;

/// Writes what stands in the place of a signature.
type Forgery = fn(&Inner, &str) -> String;

struct Grant {
    nonce: String,
    challenge: String,
    back: String,
}

struct Inner {
    issuer: String,
    signer: Mutex<(String, Signer)>,
    /// What is published; where it is not what is signed with.
    published: Mutex<Vec<Value>>,
    grants: Mutex<HashMap<String, Grant>>,
    claims: Mutex<Value>,
    mischief: Mutex<Option<Mischief>>,
    /// In place of a signature: that of HMAC with the published key, or none at all.
    forged: Mutex<Option<Forgery>>,
    description: Mutex<Value>,
    asked_keys: Mutex<u32>,
    /// Whether it takes codes just now.
    away: Mutex<bool>,
    /// Whether it takes questions about itself and never answers them.
    mute: Mutex<bool>,
}

#[derive(Clone)]
struct Idp(Arc<Inner>);

impl Idp {
    async fn start(signer: Signer) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let description = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize?kind=1"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/jwks"),
            "end_session_endpoint": format!("{issuer}/out"),
            "authorization_response_iss_parameter_supported": true,
        });
        let published = vec![signer.public("one")];
        let idp = Self(Arc::new(Inner {
            issuer,
            signer: Mutex::new(("one".to_owned(), signer)),
            published: Mutex::new(published),
            grants: Mutex::default(),
            claims: Mutex::new(json!({"sub": "248289761001", "preferred_username": "Taro", "groups": ["staff"]})),
            mischief: Mutex::default(),
            forged: Mutex::default(),
            description: Mutex::new(description),
            asked_keys: Mutex::default(),
            away: Mutex::default(),
            mute: Mutex::default(),
        }));
        let router = Router::new()
            .route(
                "/.well-known/openid-configuration",
                routing::get(async |State(idp): State<Idp>| {
                    if *idp.0.mute.lock().unwrap() {
                        std::future::pending::<()>().await;
                    }
                    Json(idp.0.description.lock().unwrap().clone())
                }),
            )
            .route(
                "/jwks",
                routing::get(async |State(idp): State<Idp>| {
                    *idp.0.asked_keys.lock().unwrap() += 1;
                    Json(json!({"keys": *idp.0.published.lock().unwrap()}))
                }),
            )
            .route("/token", routing::post(token))
            .with_state(idp.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        idp
    }

    fn settings(&self) -> ProviderSettings {
        ProviderSettings {
            issuer: self.0.issuer.clone(),
            outbound: outbound(2),
            client: CLIENT.to_owned(),
            secret: Some(Credential::new(SECRET.to_owned())),
            scopes: vec!["openid".to_owned(), "profile".to_owned()],
            name_claim: "preferred_username".to_owned(),
            mail_claim: "email".to_owned(),
            group_claim: "groups".to_owned(),
            roles: [("staff", Role::Staff), ("operators", Role::Operator)].map(|(g, r)| (g.to_owned(), r)).to_vec(),
            factor_methods: vec!["mfa".to_owned()],
            factor_classes: vec!["phr".to_owned()],
            sites: ProviderSites { portal: true, console: true },
            session: Duration::from_secs(36_000),
            renewal: Renewal::Silent,
        }
    }

    async fn world(&self) -> World {
        self.world_with(self.settings()).await
    }

    async fn world_with(&self, settings: ProviderSettings) -> World {
        world_of_sources(Sources { provider: Some(Provider::new(settings).unwrap()), ..Sources::default() }).await
    }

    /// What the person does at the provider: the address that the browser is sent back to.
    fn consent(&self, address: &str) -> String {
        assert!(address.starts_with(&format!("{}/authorize?kind=1&", self.0.issuer)), "{address}");
        let query = query(address.split_once('?').unwrap().1);
        assert_eq!(query["response_type"], "code");
        assert_eq!(query["client_id"], CLIENT);
        assert_eq!(query["scope"], "openid profile");
        assert_eq!(query["code_challenge_method"], "S256");
        let grant = Grant {
            nonce: query["nonce"].clone(),
            challenge: query["code_challenge"].clone(),
            back: query["redirect_uri"].clone(),
        };
        // One of its own for each sign-in, also when others were used meanwhile.
        let code = format!("code-{}", query["nonce"]);
        let issuer = percent(&self.0.issuer);
        let back = format!("{}?code={code}&state={}&iss={issuer}", grant.back, percent(&query["state"]));
        self.0.grants.lock().unwrap().insert(code, grant);
        back
    }

    fn claims(&self, change: impl FnOnce(&mut Value)) {
        change(&mut self.0.claims.lock().unwrap());
    }

    fn mischief(&self, change: impl Fn(&mut Value, &mut Value) + Send + Sync + 'static) {
        *self.0.mischief.lock().unwrap() = Some(Arc::new(change));
    }
}

fn query(text: &str) -> HashMap<String, String> {
    text.split('&').filter_map(|pair| pair.split_once('=')).map(|(k, v)| (k.to_owned(), decoded(v))).collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte == b'%' {
            bytes.push(u8::from_str_radix(std::str::from_utf8(&after[..2]).unwrap(), 16).unwrap());
            rest = &after[2..];
        } else {
            bytes.push(if byte == b'+' { b' ' } else { byte });
            rest = after;
        }
    }
    String::from_utf8(bytes).unwrap()
}

async fn token(State(idp): State<Idp>, headers: HeaderMap, RawForm(body): RawForm) -> (StatusCode, Json<Value>) {
    let no = || (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant"})));
    if *idp.0.away.lock().unwrap() {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({})));
    }
    let form = query(std::str::from_utf8(&body).unwrap());
    // RFC 6749 2.3.1, as another program reads it.
    let basic = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
    let right = match basic {
        Some(basic) => {
            let plain = Command::new("sh")
                .args(["-c", "printf %s \"$0\" | base64 -d", basic.strip_prefix("Basic ").unwrap()])
                .output()
                .unwrap();
            let plain = String::from_utf8(plain.stdout).unwrap();
            let (client, secret) = plain.split_once(':').unwrap();
            decoded(client) == CLIENT && decoded(secret) == SECRET
        }
        None => {
            form.get("client_id").is_some_and(|id| id == CLIENT)
                && form.get("client_secret").is_none_or(|s| s == SECRET)
        }
    };
    // A code is good once.
    let Some(grant) = idp.0.grants.lock().unwrap().remove(&form["code"]) else { return no() };
    let challenge = base64url(&Sha256::digest(form["code_verifier"].as_bytes()));
    if !right
        || form["grant_type"] != "authorization_code"
        || challenge != grant.challenge
        || form["redirect_uri"] != grant.back
    {
        return no();
    }
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let (kid, signer) = idp.0.signer.lock().unwrap().clone();
    let mut header = json!({"alg": signer.algorithm(), "kid": kid, "typ": "JWT"});
    let mut claims = json!({"iss": idp.0.issuer, "aud": CLIENT, "nonce": grant.nonce, "iat": now, "exp": now + 300});
    for (name, value) in idp.0.claims.lock().unwrap().as_object().unwrap() {
        claims[name] = value.clone();
    }
    if let Some(mischief) = idp.0.mischief.lock().unwrap().clone() {
        mischief(&mut header, &mut claims);
    }
    let signed = format!("{}.{}", base64url(header.to_string().as_bytes()), base64url(claims.to_string().as_bytes()));
    let signature = match *idp.0.forged.lock().unwrap() {
        Some(forged) => forged(&idp.0, &signed),
        None => base64url(&signer.sign(signed.as_bytes())),
    };
    let token = format!("{signed}.{signature}");
    (StatusCode::OK, Json(json!({"access_token": "x", "token_type": "Bearer", "id_token": token})))
}

/// Leaves for the provider: its address and the cookies that go along.
async fn leave(site: std::net::SocketAddr, next: &str) -> (String, String) {
    let answer = get(site, &format!("/sign-in/organisation?next={}", percent(next))).await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    let set = answer.header("set-cookie").unwrap();
    for property in ["HttpOnly", "SameSite=Lax", "Max-Age=600", "Path=/"] {
        assert!(set.contains(property), "{set}");
    }
    (answer.header("location").unwrap().to_owned(), answer.cookies())
}

async fn come_back(address: &str, cookies: &str) -> Answer {
    let rest = address.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    let headers = [("Cookie", cookies), ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate")];
    send(host.parse().unwrap(), "GET", &format!("/{path}"), &headers, b"").await
}

/// The whole way.
async fn travel(idp: &Idp, site: std::net::SocketAddr, next: &str) -> Answer {
    let (address, cookies) = leave(site, next).await;
    come_back(&idp.consent(&address), &cookies).await
}

/// The session cookie, in what was set.
fn session(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.cookies()
}

#[tokio::test]
async fn an_account_of_the_organisation_comes_in_and_goes_where_it_wanted() {
    for (signer, with_secret) in [(Signer::rsa(), true), (Signer::ec(), false), (Signer::ed(), true)] {
        let idp = Idp::start(signer).await;
        let secret = with_secret.then(|| Credential::new(SECRET.to_owned()));
        let world = idp.world_with(ProviderSettings { secret, ..idp.settings() }).await;
        let page = get(world.portal, "/sign-in?next=%2Fhistory").await.text();
        assert!(page.contains("組織のアカウントでサインイン"));
        assert!(page.contains("href=\"/sign-in/organisation?next=%2Fhistory\""), "{page}");
        let answer = travel(&idp, world.portal, "/history?a=1&b=2").await;
        let cookies = session(&answer);
        // A strict cookie goes along with a page of ours only: no redirect, a page that leads on.
        assert!(answer.header("location").is_none());
        assert!(
            answer.text().contains("http-equiv=\"refresh\" content=\"0;url=/history?a=1&#38;b=2\""),
            "{}",
            answer.text()
        );
        assert!(
            answer
                .headers
                .iter()
                .any(|(_, value)| value.starts_with("misogi_staff=") && value.contains("SameSite=Strict"))
        );
        assert!(answer.headers.iter().any(|(_, value)| value.starts_with("misogi_travel=;")), "the errand is over");
        let headers = [("Cookie", cookies.as_str())];
        assert_eq!(send(world.portal, "GET", "/history", &headers, b"").await.status, 200);
        let user = world.store.user_by_name("taro").await.unwrap().unwrap();
        assert_eq!((user.source, user.role, user.address), (Source::Provider, Role::Staff, None));
        // Signing out offers to do so there as well.
        let page = send(world.portal, "GET", "/account", &headers, b"").await;
        let out = post_form(world.portal, &page, "/sign-out", &cookies, &[]).await;
        let to = out.header("location").unwrap();
        assert!(get(world.portal, to).await.text().contains("/sign-in/organisation/out"));
        let away = get(world.portal, "/sign-in/organisation/out").await;
        assert!(
            away.header("location").unwrap().starts_with(&format!("{}/out?client_id=misogi%20gateway&", idp.0.issuer))
        );
    }
}

#[tokio::test]
async fn people_are_known_by_issuer_and_subject_and_by_no_address_or_name() {
    let idp = Idp::start(Signer::ed()).await;
    let world = idp.world().await;
    signed_in(&world).await;
    idp.claims(|claims| claims["email"] = "Taro@City.Example".into());
    session(&travel(&idp, world.portal, "").await);
    let taro = world.store.user_by_name("taro").await.unwrap().unwrap();
    assert_eq!(taro.address, None, "an address that nobody vouches for");
    idp.claims(|claims| claims["email_verified"] = true.into());
    session(&travel(&idp, world.portal, "").await);
    let again = world.store.user_by_name("taro").await.unwrap().unwrap();
    assert_eq!((again.id, again.address.as_deref()), (taro.id, Some("taro@city.example")));

    // Another subject with that name and address is somebody else, to whom name and address go.
    idp.claims(|claims| claims["sub"] = "another".into());
    session(&travel(&idp, world.portal, "").await);
    let other = world.store.user_by_name("taro").await.unwrap().unwrap();
    assert_ne!(other.id, taro.id);
    assert_eq!(world.store.user(taro.id).await.unwrap().unwrap().name, format!("taro~{}", taro.id.0));

    // The name of a local account is not given to anybody.
    idp.claims(|claims| claims["preferred_username"] = ADMIN.into());
    let answer = travel(&idp, world.portal, "").await;
    assert_eq!(answer.status, 401);
    assert!(answer.text().contains("同じ利用者IDの別のアカウント"));
    // Nor is a password asked for that is not kept here.
    assert_eq!(password_only(world.portal, "taro", "").await.status, 401);
    idp.claims(|claims| claims["groups"] = json!(["others"]));
    let answer = travel(&idp, world.portal, "").await;
    assert!(answer.status == 401 && answer.text().contains("役割が割り当てられていません"));
}

#[tokio::test]
async fn the_word_of_the_provider_counts_as_second_factor_only_where_it_is_set() {
    let idp = Idp::start(Signer::ed()).await;
    idp.claims(|claims| claims["groups"] = json!(["staff", "operators"]));
    let world = idp.world().await;
    let enter = async || session(&travel(&idp, world.admin, "").await);
    let cookies = enter().await;
    assert_eq!(get_as(&world, &cookies, "/quarantine").await.header("location"), Some("/account/second-factor"));
    for (name, value, counts) in [
        ("amr", json!(["pwd"]), false),
        ("amr", json!(["pwd", "mfa"]), true),
        ("amr", json!([]), false),
        ("acr", json!("0"), false),
        ("acr", json!("phr"), true),
    ] {
        idp.claims(|claims| claims[name] = value.clone());
        let status = get_as(&world, &enter().await, "/quarantine").await.status;
        assert_eq!(status, if counts { 200 } else { 303 }, "{name} {value}");
    }
    // Where nothing is set, it never does.
    let quiet = ProviderSettings { factor_methods: vec![], factor_classes: vec![], ..idp.settings() };
    let world = idp.world_with(quiet).await;
    idp.claims(|claims| claims["amr"] = json!(["mfa"]));
    let cookies = session(&travel(&idp, world.admin, "").await);
    assert_eq!(get_as(&world, &cookies, "/quarantine").await.status, 303);
}

#[tokio::test]
async fn tokens_that_are_not_for_this_sign_in_sign_nobody_in() {
    let idp = Idp::start(Signer::rsa()).await;
    let world = idp.world().await;
    let past = |seconds: i64| {
        move |_: &mut Value, claims: &mut Value| {
            claims["exp"] = (claims["iat"].as_i64().unwrap() - seconds).into();
        }
    };
    let set = |name: &'static str, value: Value| move |_: &mut Value, claims: &mut Value| claims[name] = value.clone();
    let cases: Vec<(&str, Mischief)> = vec![
        ("another nonce", Arc::new(set("nonce", "other".into()))),
        ("no nonce", Arc::new(set("nonce", Value::Null))),
        ("expired", Arc::new(past(61))),
        ("from the future", Arc::new(set("nbf", 99_999_999_999_i64.into()))),
        ("for somebody else", Arc::new(set("aud", "other".into()))),
        ("for several and nobody in particular", Arc::new(set("aud", json!([CLIENT, "other"])))),
        ("for another party", Arc::new(set("azp", "other".into()))),
        ("of another issuer", Arc::new(set("iss", "https://login.example".into()))),
        ("of nobody", Arc::new(set("sub", Value::Null))),
        ("without a name", Arc::new(set("preferred_username", Value::Null))),
        ("with a hostile name", Arc::new(set("preferred_username", "<b>".into()))),
        ("that insists", Arc::new(|header: &mut Value, _: &mut Value| header["crit"] = json!(["b64"]))),
        ("of another kind", Arc::new(|header: &mut Value, _: &mut Value| header["typ"] = "at+jwt".into())),
        ("with another algorithm's name", Arc::new(|header: &mut Value, _: &mut Value| header["alg"] = "ES256".into())),
        ("unsigned", Arc::new(|header: &mut Value, _: &mut Value| header["alg"] = "none".into())),
    ];
    for (what, mischief) in cases {
        *idp.0.mischief.lock().unwrap() = Some(mischief);
        let answer = travel(&idp, world.portal, "").await;
        assert_eq!(answer.status, 401, "{what}");
        assert!(!answer.cookies().contains("misogi_staff"), "{what}");
    }
    *idp.0.mischief.lock().unwrap() = None;
    session(&travel(&idp, world.portal, "").await);
}

#[tokio::test]
async fn a_signature_that_is_none_or_a_mac_or_another_key_s_is_no_signature() {
    let idp = Idp::start(Signer::rsa()).await;
    let world = idp.world().await;
    let none: Forgery = |_, _| String::new();
    // What libraries fall for that take the published key for a shared secret: the modulus, and the whole key as text.
    let mac: Forgery = |inner, signed| {
        use hmac::{KeyInit, Mac};
        let key = inner.published.lock().unwrap()[0].to_string();
        let mut mac = hmac::Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
        mac.update(signed.as_bytes());
        base64url(&mac.finalize().into_bytes())
    };
    let other: Forgery = |_, signed| base64url(&Signer::ed().sign(signed.as_bytes()));
    for (algorithm, forged) in
        [("none", none), ("HS256", mac), ("RS256", mac), ("RS256", other), ("EdDSA", other), ("RS256", none)]
    {
        idp.mischief(move |header, _| header["alg"] = algorithm.into());
        *idp.0.forged.lock().unwrap() = Some(forged);
        assert_eq!(travel(&idp, world.portal, "").await.status, 401, "{algorithm}");
    }
    assert!(world.store.users().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_answer_counts_once_for_the_browser_that_left_and_from_that_provider() {
    let idp = Idp::start(Signer::ec()).await;
    let world = idp.world().await;
    let (address, cookies) = leave(world.portal, "").await;
    let back = idp.consent(&address);
    let code = || back.split_once("code=").unwrap().1.split('&').next().unwrap().to_owned();
    let expired =
        |answer: &Answer| assert!(answer.status == 400 && answer.text().contains("有効期限"), "{}", answer.status);
    // Another browser: somebody is led to sign in as the attacker.
    expired(&come_back(&back, "").await);
    let (_, others) = leave(world.portal, "").await;
    let answer = come_back(&back, &others).await;
    expired(&answer);
    let touched = answer.headers.iter().any(|(_, value)| value.starts_with("misogi_travel="));
    assert!(!touched, "the other window is still on its way");
    // An invented state, and a cookie that was changed.
    expired(&come_back(&format!("{}&state={}", back.split("&state=").next().unwrap(), "0".repeat(64)), &cookies).await);
    expired(&come_back(&back, &cookies.replacen("misogi_travel=", "misogi_travel=0", 1)).await);
    // The errand of the portal is none of the console's.
    let at_console = back.replace(&world.portal.to_string(), &world.admin.to_string());
    expired(&come_back(&at_console, &cookies.replace("misogi_travel", "misogi_admin_travel")).await);
    let first = come_back(&back, &cookies).await;
    session(&first);
    // The same again, by whoever has seen both: refused before the provider is asked.
    expired(&come_back(&back, &cookies).await);
    // The code alone, in an errand of one's own: the provider does not take it a second time.
    let (address, cookies) = leave(world.portal, "").await;
    let own = idp.consent(&address);
    let mixed = own.replace(
        &format!("code={}", own.split_once("code=").unwrap().1.split('&').next().unwrap()),
        &format!("code={}", code()),
    );
    assert_eq!(come_back(&mixed, &cookies).await.status, 401);

    // Another provider's answer, one without a name where this one names itself, and a refusal.
    for change in [
        |back: &str| format!("{}&iss=https%3A%2F%2Fother.example", back.split("&iss=").next().unwrap()),
        |back: &str| back.split("&iss=").next().unwrap().to_owned(),
        |back: &str| format!("{}&error=access_denied", back.replace("code=", "nocode=")),
        |back: &str| back.replace("code=", "nocode="),
    ] {
        let (address, cookies) = leave(world.portal, "").await;
        let answer = come_back(&change(&idp.consent(&address)), &cookies).await;
        assert_eq!(answer.status, 401, "{}", answer.text());
    }
    assert_eq!(world.store.users().await.unwrap().len(), 1);
}

#[tokio::test]
async fn new_keys_are_found_when_they_are_needed_and_not_more_often() {
    let idp = Idp::start(Signer::ec()).await;
    let world = idp.world().await;
    session(&travel(&idp, world.portal, "").await);
    let next = Signer::ed();
    *idp.0.published.lock().unwrap() = vec![next.public("two")];
    *idp.0.signer.lock().unwrap() = ("two".to_owned(), next);
    session(&travel(&idp, world.portal, "").await);
    assert_eq!(*idp.0.asked_keys.lock().unwrap(), 2);
    // Keys that nobody has make nobody ask without end.
    idp.mischief(|header, _| header["kid"] = "invented".into());
    for _ in 0..3 {
        assert_eq!(travel(&idp, world.portal, "").await.status, 401);
    }
    assert_eq!(*idp.0.asked_keys.lock().unwrap(), 2);
}

#[tokio::test]
async fn a_provider_that_is_silent_or_poses_as_another_is_said_to_be_away() {
    let idp = Idp::start(Signer::ed()).await;
    for change in [
        |description: &mut Value, _: &str| description["issuer"] = "https://login.example".into(),
        |description: &mut Value, _: &str| description["token_endpoint"] = "http://192.0.2.1/token".into(),
        |description: &mut Value, issuer: &str| description["jwks_uri"] = format!("{issuer}/nowhere").into(),
        |description: &mut Value, _: &str| *description = json!([]),
    ] {
        let right = idp.0.description.lock().unwrap().clone();
        change(&mut idp.0.description.lock().unwrap(), &idp.0.issuer);
        let world = idp.world().await;
        let answer = get(world.portal, "/sign-in/organisation").await;
        assert_eq!(answer.status, 503);
        assert!(answer.text().contains("組織のアカウントのサーバーに接続できない"));
        *idp.0.description.lock().unwrap() = right;
        // Nothing bad was kept.
        session(&travel(&idp, world.portal, "").await);
    }
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let issuer = format!("http://{}", silent.local_addr().unwrap());
    let world = idp.world_with(ProviderSettings { issuer, outbound: outbound(2), ..idp.settings() }).await;
    // Whoever comes while another waits for it does not wait after them.
    let begun = std::time::Instant::now();
    let try_it = async || get(world.portal, "/sign-in/organisation").await.status;
    assert_eq!(tokio::join!(try_it(), try_it(), try_it(), try_it()), (503, 503, 503, 503));
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_site_without_it_does_not_know_the_way_and_its_word_ends() {
    let idp = Idp::start(Signer::ed()).await;
    let sites = ProviderSites { portal: true, console: false };
    let session_lasts = Duration::from_secs(5);
    let world = idp.world_with(ProviderSettings { sites, session: session_lasts, ..idp.settings() }).await;
    for path in ["", "/callback", "/out"] {
        assert_eq!(get(world.admin, &format!("/sign-in/organisation{path}")).await.status, 404, "{path}");
    }
    assert!(!get(world.admin, "/sign-in").await.text().contains("/sign-in/organisation"));
    let cookies = session(&travel(&idp, world.portal, "").await);
    let there = async || send(world.portal, "GET", "/", &[("Cookie", &cookies)], b"").await.status;
    assert_eq!(there().await, 200);
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_ne!(there().await, 200, "asked again after the time that it is believed");
}

/// As a browser goes to a page.
async fn go(site: std::net::SocketAddr, cookies: &str, path: &str) -> Answer {
    let headers = [("Cookie", cookies), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")];
    send(site, "GET", path, &headers, b"").await
}

/// Waits until the way to a page leads by the provider: that way.
async fn way_round(site: std::net::SocketAddr, cookies: &str, path: &str) -> String {
    let begun = std::time::Instant::now();
    let way = loop {
        let answer = go(site, cookies, path).await;
        if let Some(way) = answer.header("location") {
            break way.to_owned();
        }
        assert!(answer.status == 200 && begun.elapsed() < Duration::from_secs(20), "{}", answer.status);
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert_eq!(way, format!("/sign-in/organisation/again?next={}", percent(path)));
    way
}

/// Goes the way by the provider: its address, and the cookies that go along on the way back.
async fn led_away(site: std::net::SocketAddr, cookies: &str, path: &str) -> (String, String) {
    let way = way_round(site, cookies, path).await;
    let away = go(site, cookies, &way).await;
    assert_eq!(away.status, 303, "{}", away.text());
    let address = away.header("location").unwrap().to_owned();
    let asked = query(address.split_once('?').unwrap().1);
    assert_eq!(asked["prompt"], "none");
    // The session's own cookie is a strict one and stays behind.
    (address, away.cookies())
}

#[tokio::test]
async fn each_page_says_when_the_word_of_the_provider_ends_whether_or_not_it_is_asked_again() {
    let idp = Idp::start(Signer::ed()).await;
    for renewal in [Renewal::Silent, Renewal::Never] {
        let session_lasts = Duration::from_secs(600);
        let world = idp.world_with(ProviderSettings { session: session_lasts, renewal, ..idp.settings() }).await;
        let cookies = session(&travel(&idp, world.portal, "").await);
        let page = go(world.portal, &cookies, "/history").await.text();
        let left = page.split("data-left=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        let left: u64 = left.parse().unwrap();
        assert!((500..=600).contains(&left), "{renewal:?}: {left}");
    }
}

#[tokio::test]
async fn the_provider_is_given_a_hint_only_of_a_name_that_people_sign_in_with_there() {
    let idp = Idp::start(Signer::ed()).await;
    idp.claims(|claims| {
        claims["email"] = "taro@city.example".into();
        claims["staff_number"] = "0123456".into();
    });
    for (name_claim, hint) in
        [("preferred_username", Some("taro")), ("email", Some("taro@city.example")), ("staff_number", None)]
    {
        let name_claim = name_claim.to_owned();
        let world =
            idp.world_with(ProviderSettings { name_claim, session: Duration::from_secs(4), ..idp.settings() }).await;
        let cookies = session(&travel(&idp, world.portal, "").await);
        let (address, _) = led_away(world.portal, &cookies, "/history").await;
        let asked = query(address.split_once('?').unwrap().1);
        assert_eq!(asked.get("login_hint").map(String::as_str), hint);
    }
}

/// What the provider says instead of a code.
fn denied(address: &str, error: &str) -> String {
    let (issuer, asked) = address.split_once("/authorize?kind=1&").unwrap();
    let asked = query(asked);
    format!("{}?error={error}&state={}&iss={}", asked["redirect_uri"], asked["state"], percent(issuer))
}

/// A member of staff whom the provider vouches for so long.
async fn vouched_for(idp: &Idp, session_lasts: u64) -> (World, String) {
    let world =
        idp.world_with(ProviderSettings { session: Duration::from_secs(session_lasts), ..idp.settings() }).await;
    let cookies = session(&travel(idp, world.portal, "").await);
    (world, cookies)
}

#[tokio::test]
async fn who_is_still_known_there_goes_on_without_being_asked() {
    let idp = Idp::start(Signer::ed()).await;
    let (world, cookies) = vouched_for(&idp, 6).await;
    let begun = std::time::Instant::now();
    assert_eq!(go(world.portal, &cookies, "/history").await.status, 200, "not yet");
    let (address, travels) = led_away(world.portal, &cookies, "/history?a=1").await;
    assert!(begun.elapsed() >= Duration::from_secs(2), "half of the time: {:?}", begun.elapsed());
    // What is fetched, sent or asked for by programs is not led anywhere.
    assert_eq!(send(world.portal, "GET", "/history", &[("Cookie", &cookies)], b"").await.status, 200);
    let back = come_back(&idp.consent(&address), &travels).await;
    assert_eq!(back.status, 200, "{}", back.text());
    assert!(back.text().contains("http-equiv=\"refresh\" content=\"0;url=/history?a=1\""), "{}", back.text());
    assert!(!back.cookies().contains("misogi_staff"), "the session stays the one it was");
    assert_eq!(go(world.portal, &cookies, "/history").await.status, 200);
    // Beyond the time that the provider was believed at first.
    tokio::time::sleep(Duration::from_millis(6_500).saturating_sub(begun.elapsed())).await;
    assert_eq!(send(world.portal, "GET", "/history", &[("Cookie", &cookies)], b"").await.status, 200);
    // Once the time is over it is not too late, as long as the session itself goes on.
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert_ne!(send(world.portal, "GET", "/history", &[("Cookie", &cookies)], b"").await.status, 200);
    let (address, travels) = led_away(world.portal, &cookies, "/history").await;
    assert_eq!(come_back(&idp.consent(&address), &travels).await.status, 200);
    assert_eq!(go(world.portal, &cookies, "/history").await.status, 200);
}

#[tokio::test]
async fn whom_the_provider_no_longer_vouches_for_is_signed_out() {
    let idp = Idp::start(Signer::ed()).await;
    for (what, words) in [
        ("login_required", "続けて確認できなかった"),
        ("another person", "続けて確認できなかった"),
        ("a bad token", "続けて確認できなかった"),
        ("no group", "役割が割り当てられていません"),
    ] {
        idp.claims(|claims| *claims = json!({"sub": "1", "preferred_username": "Taro", "groups": ["staff"]}));
        let (world, cookies) = vouched_for(&idp, 4).await;
        let other = session(&travel(&idp, world.portal, "").await);
        let (address, travels) = led_away(world.portal, &cookies, "/history").await;
        let address = match what {
            "login_required" => denied(&address, what),
            _ => idp.consent(&address),
        };
        match what {
            "another person" => idp.claims(|claims| claims["sub"] = "2".into()),
            "a bad token" => idp.mischief(|_, claims| claims["nonce"] = "other".into()),
            "no group" => idp.claims(|claims| claims["groups"] = json!([])),
            _ => {}
        }
        let answer = come_back(&address, &travels).await;
        *idp.0.mischief.lock().unwrap() = None;
        assert_eq!(answer.status, 401, "{what}");
        assert!(answer.text().contains(words), "{what}: {}", answer.text());
        assert!(answer.text().contains("next=%2Fhistory"), "one goes on where one was: {}", answer.text());
        let led = go(world.portal, &cookies, "/history").await;
        assert_eq!(led.header("location"), Some("/sign-in?next=%2Fhistory"), "{what}");
        // Who has no role any more is out everywhere; otherwise it is this browser of which nothing is known.
        let elsewhere = send(world.portal, "GET", "/history", &[("Cookie", &other)], b"").await.status;
        assert_eq!(elsewhere == 200, what != "no group", "{what}: {elsewhere}");
        assert_eq!(world.store.users().await.unwrap().len(), 1, "{what}: nobody was made");
    }
}

#[tokio::test]
async fn a_second_factor_that_was_the_provider_s_is_asked_for_again_there() {
    let idp = Idp::start(Signer::ed()).await;
    idp.claims(|claims| {
        claims["groups"] = json!(["operators"]);
        claims["amr"] = json!(["mfa"]);
    });
    let world = idp.world_with(ProviderSettings { session: Duration::from_secs(4), ..idp.settings() }).await;
    let cookies = session(&travel(&idp, world.admin, "").await);
    for (methods, status) in [(json!(["mfa"]), 200), (json!(["pwd"]), 401)] {
        let (address, travels) = led_away(world.admin, &cookies, "/quarantine").await;
        idp.claims(|claims| claims["amr"] = methods.clone());
        assert_eq!(come_back(&idp.consent(&address), &travels).await.status, status, "{methods}");
    }
    assert_eq!(get_as(&world, &cookies, "/quarantine").await.header("location"), Some("/sign-in?next=%2Fquarantine"));
}

#[tokio::test]
async fn nobody_is_led_to_a_provider_that_is_silent_and_hardly_anybody_waits_for_it() {
    let idp = Idp::start(Signer::ed()).await;
    let patient = ProviderSettings { outbound: outbound(20), session: Duration::from_secs(20), ..idp.settings() };
    let world = idp.world_with(patient).await;
    let cookies = session(&travel(&idp, world.portal, "").await);
    let others = session(&travel(&idp, world.portal, "").await);
    let way = way_round(world.portal, &cookies, "/history").await;
    // It said of itself a while ago where a browser is to go, and now it says nothing.
    *idp.0.mute.lock().unwrap() = true;
    for (cookies, seconds) in [(&cookies, 10), (&others, 1)] {
        let begun = std::time::Instant::now();
        let answer = go(world.portal, cookies, &way).await;
        assert_eq!((answer.status, answer.header("location")), (303, Some("/history")));
        assert!(begun.elapsed() < Duration::from_secs(seconds), "{:?}", begun.elapsed());
        assert_eq!(go(world.portal, cookies, "/history").await.status, 200, "it is believed as long as it was");
    }
}

#[tokio::test]
async fn of_two_windows_one_goes_by_the_provider_and_the_other_goes_on() {
    let idp = Idp::start(Signer::ed()).await;
    let (world, cookies) = vouched_for(&idp, 20).await;
    let way = way_round(world.portal, &cookies, "/history").await;
    // Both were led to the way before either had gone it.
    let (one, other) = tokio::join!(go(world.portal, &cookies, &way), go(world.portal, &cookies, &way));
    let (away, on) = if one.header("location") == Some("/history") { (other, one) } else { (one, other) };
    assert_eq!((on.status, on.header("location")), (303, Some("/history")));
    assert!(on.header("set-cookie").is_none(), "the cookie of the way is that of the other window");
    assert_eq!(go(world.portal, &cookies, "/history").await.status, 200);
    let back = come_back(&idp.consent(away.header("location").unwrap()), &away.cookies()).await;
    assert_eq!(back.status, 200, "{}", back.text());
}

#[tokio::test]
async fn a_provider_that_says_it_can_answer_nobody_ends_nothing() {
    let idp = Idp::start(Signer::ed()).await;
    for error in ["temporarily_unavailable", "server_error"] {
        let (world, cookies) = vouched_for(&idp, 6).await;
        let (address, travels) = led_away(world.portal, &cookies, "/history").await;
        let answer = come_back(&denied(&address, error), &travels).await;
        assert!(answer.status == 200 && answer.text().contains("url=/history"), "{error}: {}", answer.text());
        assert_eq!(send(world.portal, "GET", "/history", &[("Cookie", &cookies)], b"").await.status, 200, "{error}");
        // Whoever is still to sign in reads that it is away, not that it refuses them.
        let (address, cookies) = leave(world.portal, "").await;
        assert_eq!(come_back(&denied(&address, error), &cookies).await.status, 503, "{error}");
    }
}

#[tokio::test]
async fn a_provider_that_is_away_ends_nothing_before_its_time_and_is_not_asked_on_and_on() {
    let idp = Idp::start(Signer::ed()).await;
    let (world, cookies) = vouched_for(&idp, 12).await;
    let (address, travels) = led_away(world.portal, &cookies, "/history").await;
    // The code is right; whoever should take it is not there.
    let back = idp.consent(&address);
    *idp.0.away.lock().unwrap() = true;
    let answer = come_back(&back, &travels).await;
    assert!(answer.status == 200 && answer.text().contains("url=/history"), "{}", answer.text());
    assert_eq!(go(world.portal, &cookies, "/history").await.status, 200, "it is believed, and was asked a moment ago");
    // Nobody else's session, and none at all, is led anywhere; nor is anybody where the site does not want it.
    assert_eq!(go(world.portal, "", "/history").await.header("location"), Some("/sign-in?next=%2Fhistory"));
    let again = go(world.portal, "", "/sign-in/organisation/again?next=%2Fhistory").await;
    assert_eq!(again.header("location"), Some("/sign-in?next=%2Fhistory"));
    *idp.0.away.lock().unwrap() = false;
    let settings = ProviderSettings { session: Duration::from_secs(2), renewal: Renewal::Never, ..idp.settings() };
    let world = idp.world_with(settings).await;
    let cookies = session(&travel(&idp, world.portal, "").await);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(go(world.portal, &cookies, "/history").await.status, 200);
    assert_eq!(go(world.portal, &cookies, "/sign-in/organisation/again").await.status, 404);
}

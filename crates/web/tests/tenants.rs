//! Two tenants on the same two listeners, over real HTTP: whoever is somebody at one is nobody at the other, and what is one's is not there
//! for the other. Every route of both listeners is walked, as every role.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use form::reason::Reason;
use store::{AuditFilter, NewUser, Quarantined, Role, Verdict};
use support::*;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use web::{Listener, Sites};

/// What an organisation has, by the numbers and names that requests are made with.
struct Held {
    token: String,
    receipt: String,
    message: i64,
    item: i64,
    request: i64,
    user: i64,
}

impl Held {
    /// Of nobody.
    fn unknown() -> Self {
        let token = "0".repeat(32);
        Held { token, receipt: "20200101-00000".to_owned(), message: 9999, item: 9999, request: 9999, user: 9999 }
    }

    fn in_path(&self, path: &str) -> String {
        let id = if path.contains("/files/{id}") || path.contains("/batches/{id}") {
            self.token.clone()
        } else if path.contains("/messages/{id}") {
            self.message.to_string()
        } else if path.contains("/quarantine/{id}") {
            self.item.to_string()
        } else if path.contains("/users/{id}") {
            self.user.to_string()
        } else {
            self.request.to_string()
        };
        path.replace("{token}", &self.token)
            .replace("{receipt}", &self.receipt)
            .replace("{id}", &id)
            .replace("{number}", "1")
            .replace("{page}", "1")
            .replace("{part}", "0")
            .replace("{group}", &"0".repeat(64))
            .replace("{key}", "city-a")
            .replace("{name}", "hook")
    }
}

/// An organisation with people in every role.
struct Tenant {
    world: World,
    host: &'static str,
    /// By role: cookies of the portal and of the console.
    people: Vec<(Role, [String; 2])>,
    held: Held,
}

/// How many files and mails an organisation has: more of one than of the other, so that numbers of the one are nobody's at the other.
async fn tenant(host: &'static str, mark: &str, count: i64) -> Tenant {
    let world = world_named(host).await;
    signed_in(&world).await;
    let hash = world.store.user_by_name(ADMIN).await.unwrap().unwrap().password_hash;
    for number in 0..count {
        let name = format!("{mark}-{number}");
        let user = NewUser { name, password_hash: hash.clone(), role: Role::Staff };
        world.store.create_user(user, "test").await.unwrap();
    }
    let mut people = Vec::new();
    for role in Role::ALL {
        let name = format!("user-{}", role.tag());
        let user = NewUser { name: name.clone(), password_hash: hash.clone(), role };
        world.store.create_user(user, "test").await.unwrap();
        let portal = sign_in_at(&world, world.portal, &name, PASSWORD).await.cookies();
        people.push((role, [portal, sign_in_at(&world, world.admin, &name, PASSWORD).await.cookies()]));
    }
    let staff = people[0].1[0].clone();
    let mut held = Held::unknown();
    for number in 0..count {
        let file = format!("{mark}-{number}.exe");
        let form = send(world.portal, "GET", "/", &[("Cookie", &staff)], b"").await;
        let body = multipart(Some(&form.form_token()), &[(&file, b"MZ hostile")]);
        let kind = multipart_type();
        let headers = [("Content-Type", kind.as_str()), ("Cookie", &staff)];
        let done = send(world.portal, "POST", "/upload", &headers, &body).await;
        work(&world).await;
        let batch = done.header("location").unwrap().to_owned();
        held.token = batch.strip_prefix("/b/").unwrap().to_owned();
        let text = send(world.portal, "GET", &batch, &[("Cookie", &staff)], b"").await.text();
        let form = text[text.find("/requests/new?").unwrap()..].split('"').next().unwrap();
        let form = form.replace("&#38;", "&").replace("&amp;", "&");
        held.receipt = form.split("receipt=").nth(1).unwrap().split('&').next().unwrap().to_owned();
        let part = form.split("part=").nth(1).unwrap().to_owned();
        let shown = send(world.portal, "GET", &form, &[("Cookie", &staff)], b"").await;
        let fields = [
            ("receipt", held.receipt.as_str()),
            ("part", &part),
            ("need", "whole"),
            ("words", mark),
            ("confirmed", "yes"),
        ];
        let made = post_form(world.portal, &shown, "/requests", &staff, &fields).await;
        held.request = made.header("location").unwrap().strip_prefix("/requests/").unwrap().parse().unwrap();
        let kept = Some(Quarantined::Whole);
        let parts = vec![withheld("", &file, Reason::UnsupportedType, kept)];
        let to = format!("{mark}@example.jp");
        held.message = mail(&world, Some(&to), &to, mark, Verdict::NoticeOnly, parts).await.0;
    }
    let items = world.store.quarantine(&store::QuarantineFilter::default()).await.unwrap().items;
    held.item = items.iter().map(|item| item.id.0).max().unwrap();
    held.user = world.store.users().await.unwrap().iter().map(|user| user.id.0).max().unwrap();
    Tenant { world, host, people, held }
}

/// Both organisations behind the same two sockets, as one gateway has them.
async fn listening(own: &Tenant, other: &Tenant) -> [SocketAddr; 2] {
    let mut addresses = Vec::new();
    for (index, name) in ["portal", "kanri"].into_iter().enumerate() {
        let sites = Sites::default();
        sites.set_own(own.world.pages[index].clone());
        sites.set(&format!("{name}.{}", other.host), other.world.pages[index].clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        addresses.push(listener.local_addr().unwrap());
        tokio::spawn(web::serve(listener, sites.router(), Vec::new(), std::future::pending()));
    }
    [addresses[0], addresses[1]]
}

/// A request under the name of an organisation's site.
async fn ask(
    at: [SocketAddr; 2],
    listener: Listener,
    host: &str,
    method: &str,
    path: &str,
    who: (&str, &str),
) -> Answer {
    let (index, name) = match listener {
        Listener::Portal => (0, "portal"),
        Listener::Admin => (1, "kanri"),
    };
    let host = format!("{name}.{host}");
    let kind = if path.starts_with("/api/") { "application/json" } else { "application/x-www-form-urlencoded" };
    let headers = [("Host", host.as_str()), ("Content-Type", kind), who];
    let answer = send(at[index], method, path, &headers, b"").await;
    assert!(answer.status < 500, "{method} {path}: {}", answer.status);
    answer
}

fn side(listener: Listener) -> usize {
    usize::from(listener == Listener::Admin)
}

async fn audit_rows(tenant: &Tenant) -> i64 {
    tenant.world.store.audit(&AuditFilter::default()).await.unwrap().items.first().unwrap().seq
}

#[tokio::test]
async fn nobody_of_one_tenant_is_anybody_at_another() {
    let (a, b) = (tenant("a.example.jp", "himitsu-a", 2).await, tenant("b.example.jp", "himitsu-b", 1).await);
    let at = listening(&a, &b).await;
    let before = audit_rows(&a).await;
    for route in web::routes().iter().filter(|route| route.path != "/sign-out") {
        for (role, cookies) in &b.people {
            let path = a.held.in_path(route.path);
            let who = ("Cookie", cookies[side(route.listener)].as_str());
            let answer = ask(at, route.listener, a.host, route.method, &path, who).await;
            assert_eq!(admitted(&answer), route.open_to(None), "{role:?} of b at a: {} {path}", route.method);
            assert!(!String::from_utf8_lossy(&answer.body).contains("himitsu"), "{} {path}", route.method);
        }
    }
    // The same people are somebody where they belong, and a's at a: the table would not notice a gateway that lets nobody in.
    for (of, role) in [(&b, 4), (&a, 4)] {
        let who = ("Cookie", of.people[role].1[1].as_str());
        assert_eq!(ask(at, Listener::Admin, of.host, "GET", "/messages", who).await.status, 200);
    }
    let key = key(b.world.portal, &b.people[0].1[0], &["files"]).await;
    let who = ("Authorization", format!("Bearer {key}"));
    let path = format!("/api/v1/batches/{}", b.held.token);
    let there = ask(at, Listener::Portal, b.host, "GET", &path, (who.0, &who.1)).await;
    assert_eq!(there.status, 200, "{}", there.text());
    assert_eq!(ask(at, Listener::Portal, a.host, "GET", &path, (who.0, &who.1)).await.status, 401, "a key of b at a");
    // A name that is nobody's and a number lead to the gateway's own organisation, and b's people are nobody there.
    for host in ["localhost", "127.0.0.1"] {
        let headers = [("Host", host), ("Cookie", b.people[4].1[1].as_str())];
        let led = send(at[1], "GET", "/messages", &headers, b"").await;
        assert!(led.header("location").unwrap().starts_with("/sign-in?"), "{host}");
    }
    let headers = [("Host", "kanri.c.example.jp"), ("Cookie", a.people[4].1[1].as_str())];
    assert_eq!(send(at[1], "GET", "/messages", &headers, b"").await.status, 421);
    assert_eq!(audit_rows(&a).await, before, "nothing was done at a");
}

#[tokio::test]
async fn what_one_tenant_has_is_not_there_for_another() {
    let (a, b) = (tenant("a.example.jp", "himitsu-a", 3).await, tenant("b.example.jp", "himitsu-b", 1).await);
    let at = listening(&a, &b).await;
    let mut found = Vec::new();
    let mut walked = 0;
    for route in
        web::routes().iter().filter(|route| route.path != "/sign-out" && route.open_to(Some(Role::TenantAdmin)))
    {
        let (theirs, nobodys) = (a.held.in_path(route.path), Held::unknown().in_path(route.path));
        for (role, cookies) in &b.people {
            let who = ("Cookie", cookies[side(route.listener)].as_str());
            let answer = ask(at, route.listener, b.host, route.method, &theirs, who).await;
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            assert!(
                !body.contains("himitsu-a") && !body.contains(&a.held.receipt),
                "{role:?} {} {theirs}",
                route.method
            );
            // What is another's is what is nobody's: not a word more.
            let unknown = ask(at, route.listener, b.host, route.method, &nobodys, who).await;
            assert_eq!(answer.status, unknown.status, "{role:?} {} {theirs}", route.method);
            let is_read = route.method == "GET" && theirs != nobodys && !route.open_to(None);
            if is_read && route.open_to(Some(*role)) {
                assert_eq!(answer.status, 404, "{role:?} {theirs}");
                walked += 1;
            }
        }
        // It is there for a's own people, under the same address on the same socket.
        let of = if route.listener == Listener::Portal { 0 } else { 4 };
        let who = ("Cookie", a.people[of].1[side(route.listener)].as_str());
        if route.method == "GET" && theirs != nobodys && !route.path.ends_with("/events") {
            let answer = ask(at, route.listener, a.host, "GET", &theirs, who).await;
            if answer.status < 400 && admitted(&answer) {
                found.push(route.path);
            }
        }
    }
    assert!(walked > 60, "{walked}");
    for path in [
        "/b/{token}",
        "/r/{receipt}",
        "/requests/{id}",
        "/api/v1/files/{id}",
        "/messages/{id}",
        "/quarantine/{id}",
        "/approvals/{id}",
        "/users/{id}",
        "/api/v1/messages/{id}/timeline",
        "/api/v1/quarantine/{id}",
    ] {
        assert!(found.contains(&path), "{path} of {found:?}");
    }
    // Lists, searches, figures and exports know their own alone.
    let admin = ("Cookie", b.people[4].1[1].as_str());
    for path in [
        "/",
        "/messages?q=himitsu",
        "/messages?text=himitsu-a",
        "/quarantine?q=himitsu",
        "/quarantine/export?format=json",
        "/approvals",
        "/users",
        "/audit",
        "/api/v1/messages",
        "/api/v1/quarantine",
        "/api/v1/requests",
        "/api/v1/users",
        "/api/v1/audit",
        "/api/v1/audit/export",
        "/api/v1/stats",
    ] {
        let answer = ask(at, Listener::Admin, b.host, "GET", path, admin).await;
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        // The link to the other language has what was asked for in it.
        let told = String::from_utf8_lossy(&answer.body).replace("text=himitsu-a", "");
        assert!(!told.contains("himitsu-a"), "{path}");
    }
}

#[tokio::test]
async fn whoever_runs_the_gateway_keeps_the_list_and_sees_figures_alone() {
    let world = world_of_accounts().await;
    let admin = signed_in(&world).await;
    let hash = world.store.user_by_name(ADMIN).await.unwrap().unwrap().password_hash;
    let user = NewUser { name: "kencho".to_owned(), password_hash: hash, role: Role::PlatformAdmin };
    world.store.create_user(user, "test").await.unwrap();
    let platform = sign_in(&world, "kencho", PASSWORD).await.cookies();
    mail(&world, Some("a@example.jp"), "himitsu@example.jp", "himitsu", Verdict::Sanitised, Vec::new()).await;

    // Where there is one organisation, nobody is told that there could be others.
    for cookies in [&admin, &platform] {
        for path in ["/", "/system", "/policy"] {
            assert!(!get_as(&world, cookies, path).await.text().contains("団体"), "{path}");
        }
    }
    assert!(!get_as(&world, &admin, "/audit").await.text().contains("団体"));

    let form = get_as(&world, &platform, "/tenants").await;
    let filled = |key: &str, domains: &str, host: &str| {
        let portal = format!("https://mugai.{host}/");
        let admin = format!("https://kanri.{host}");
        let fields = [("key", key), ("name", "A市"), ("domains", domains), ("portal", &portal), ("admin", &admin)];
        fields.map(|(name, value)| (name, value.to_owned())).to_vec()
    };
    let post = async |path: &str, fields: Vec<(&'static str, String)>| {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        post_form(world.admin, &form, path, &platform, &fields).await
    };
    for (fields, status, said) in [
        (filled("City A", "", "a.jp"), 422, "キーの形"),
        (filled("city-a", "a_b", "a.jp"), 422, "ドメインの形"),
        (filled("city-a", "a.jp", "a.jp/portal"), 422, "アドレスの形"),
    ] {
        let answer = post("/tenants", fields).await;
        assert!(answer.status == status && answer.text().contains(said), "{said}: {}", answer.text());
    }
    let made = post("/tenants", filled("city-a", "city-a.example.jp\r\nlib.city-a.example.jp", "a.example.jp")).await;
    assert!(made.status == 200 && made.text().contains("https://kanri.a.example.jp/setup/once"), "{}", made.text());
    let again = post("/tenants", filled("city-b", "lib.city-a.example.jp", "b.example.jp")).await;
    assert!(again.status == 409 && again.text().contains("ほかの団体のドメイン"), "{}", again.text());

    // The word is there now, with figures and with nothing of what is counted.
    let board = get_as(&world, &platform, "/").await.text();
    assert!(board.contains("団体別の待ち") && board.contains("A市") && board.contains("/tenants/city-a"), "{board}");
    assert!(!board.contains("himitsu"), "{board}");
    assert!(!get_as(&world, &admin, "/").await.text().contains("団体"), "an administrator of the own organisation");
    let shown = get_as(&world, &platform, "/tenants/city-a").await.text();
    assert!(shown.contains("city-a.example.jp\nlib.city-a.example.jp"), "{shown}");
    let mut change = filled("", "city-a.example.jp", "a.example.jp");
    change.push(("what", "change".to_owned()));
    assert_eq!(post("/tenants/city-a", change).await.status, 303);
    assert_eq!(post("/tenants/city-a", vec![("what", "invite".to_owned())]).await.status, 200);
    let removed = post("/tenants/city-a", vec![("what", "remove".to_owned())]).await;
    assert_eq!((removed.status, removed.header("location")), (303, Some("/tenants")));
    assert_eq!(get_as(&world, &platform, "/tenants/city-a").await.status, 404);

    // The same for programs.
    let api = async |method: &str, path: &str, body: &str| {
        let headers = [("Cookie", platform.as_str()), ("Content-Type", "application/json")];
        send(world.admin, method, &format!("/api/v1/tenants{path}"), &headers, body.as_bytes()).await
    };
    let body = r#"{"name":"満市","domains":["full.example.jp"],"portal_url":"https://mugai.full.example.jp","admin_url":"https://kanri.full.example.jp"}"#;
    let made = api("PUT", "/full", body).await;
    assert_eq!(
        (made.status, made.json()["invitation"].as_str()),
        (201, Some("https://kanri.full.example.jp/setup/once"))
    );
    let again = api("PUT", "/full", body).await;
    assert_eq!((again.status, again.json()["invitation"].as_str()), (200, None), "doing it again changes nothing");
    let clash = api("PUT", "/other", body).await;
    assert_eq!((clash.status, clash.json()["reason_code"].as_str()), (409, Some("domain_taken")));
    assert_eq!(api("PUT", "/Full", body).await.status, 422);
    let listed = api("GET", "", "").await.json();
    assert_eq!(listed["items"][0]["key"], serde_json::Value::Null);
    assert_eq!(listed["items"][1]["domains"], serde_json::json!(["full.example.jp"]));
    assert!(!listed.to_string().contains("himitsu"));
    let kept = api("DELETE", "/full", "").await;
    assert_eq!((kept.status, kept.json()["reason_code"].as_str()), (409, Some("tenant_not_empty")));
    assert_eq!(api("DELETE", "/nobody", "").await.status, 404);
    let events: Vec<String> = world
        .store
        .audit(&AuditFilter { actor: Some("kencho".to_owned()), ..AuditFilter::default() })
        .await
        .unwrap()
        .items
        .into_iter()
        .map(|row| row.event)
        .filter(|event| event.starts_with("tenant"))
        .collect();
    assert_eq!(events, ["tenant_changed", "tenant_added", "tenant_removed", "tenant_changed", "tenant_added"]);

    // On a tenant's own console there is no such page.
    let tenant = world_named("b.example.jp").await;
    signed_in(&tenant).await;
    let hash = tenant.store.user_by_name(ADMIN).await.unwrap().unwrap().password_hash;
    let user = NewUser { name: "kencho".to_owned(), password_hash: hash, role: Role::PlatformAdmin };
    tenant.store.create_user(user, "test").await.unwrap();
    let there = sign_in(&tenant, "kencho", PASSWORD).await.cookies();
    for path in ["/tenants", "/tenants/full", "/api/v1/tenants", "/metrics"] {
        assert_eq!(get_as(&tenant, &there, path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn what_is_begun_with_a_tenant_is_done_to_its_end_when_the_client_goes() {
    let world = world_of_accounts().await;
    signed_in(&world).await;
    let hash = world.store.user_by_name(ADMIN).await.unwrap().unwrap().password_hash;
    let user = NewUser { name: "kencho".to_owned(), password_hash: hash, role: Role::PlatformAdmin };
    world.store.create_user(user, "test").await.unwrap();
    let cookies = sign_in(&world, "kencho", PASSWORD).await.cookies();
    let body = r#"{"name":"A","portal_url":"https://mugai.a.example.jp","admin_url":"https://kanri.a.example.jp"}"#;
    let request = format!(
        "PUT /api/v1/tenants/slow HTTP/1.1\r\nHost: {}\r\nCookie: {cookies}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        world.admin,
        body.len()
    );
    let mut client = TcpStream::connect(world.admin).await.unwrap();
    client.write_all(request.as_bytes()).await.unwrap();
    let named = async |wanted: &str| {
        for _ in 0..200 {
            let tenants = world.store.tenants().await.unwrap();
            if tenants.iter().any(|tenant| tenant.settings.name == wanted) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        false
    };
    assert!(named("A").await, "it has begun");
    drop(client);
    assert!(named("A served").await, "and is done to its end");
}

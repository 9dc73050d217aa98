//! What is tried against a web application in general: forged requests, planted sessions, other people's things, paths, bodies without
//! end. Each attack goes over real HTTP, and each test walks every route that it may concern.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod support;

use std::{net::SocketAddr, time::Duration};

use store::{NewUser, Role};
use support::*;
use tokio::{io::AsyncWriteExt, net::TcpStream};
use web::Listener;

const STAFF: [&str; 2] = ["shokuin-a", "shokuin-b"];

/// Two members of staff and the administrator, with the password of all tests; gives the cookies of the staff.
async fn staff(world: &World) -> [String; 2] {
    let hash = world.store.user_by_name(ADMIN).await.unwrap().unwrap().password_hash;
    for name in STAFF {
        let user = NewUser { name: name.to_owned(), password_hash: hash.clone(), role: Role::Staff };
        world.store.create_user(user, "test").await.unwrap();
    }
    let mut cookies = Vec::new();
    for name in STAFF {
        cookies.push(sign_in_at(world, world.portal, name, PASSWORD).await.cookies());
    }
    cookies.try_into().unwrap()
}

fn filled(path: &str) -> String {
    path.replace("{token}", &"0".repeat(32))
        .replace("{id}", "1")
        .replace("{number}", "1")
        .replace("{page}", "1")
        .replace("{part}", "0")
        .replace("{group}", &"0".repeat(64))
        .replace("{receipt}", "20261121-8F3K2")
        .replace("{name}", "misogi.css")
}

/// Every route that changes something, with its listener's address and the cookies of somebody who may use it.
fn changing(world: &World, staff: &str, admin: &str) -> Vec<(SocketAddr, &'static str, &'static str, String)> {
    let routes = web::routes().into_iter().filter(|route| route.method != "GET");
    let routes = routes.map(|route| match route.listener {
        Listener::Portal => (world.portal, route.method, route.path, staff.to_owned()),
        Listener::Admin => (world.admin, route.method, route.path, admin.to_owned()),
    });
    let routes: Vec<_> = routes.collect();
    assert!(routes.len() > 25, "the routes were not found");
    routes
}

#[tokio::test]
async fn no_form_of_either_site_does_anything_without_its_token() {
    let world = world_of_accounts().await;
    let admin = signed_in(&world).await;
    let [one, _] = staff(&world).await;
    let before = world.store.audit_verify().await.unwrap();
    let form = "application/x-www-form-urlencoded";
    let kind = multipart_type();
    for (site, method, path, cookies) in changing(&world, &one, &admin) {
        // What has no form: an unguessable address that no page of another site knows, and the interface for programs.
        if method != "POST" || path.starts_with("/api/") {
            continue;
        }
        let wrong = "0".repeat(64);
        let fields = format!(
            "form_token={wrong}&id=1&key=1&passkey=1&item=1&what=state&value=disabled&name=abcdef&password={0}&again={0}&current=x",
            "a%20long%20password"
        );
        let (kind, body) = match path {
            "/upload" | "/policy/try" => (kind.as_str(), multipart(Some(&wrong), &[("a.txt", b"x")])),
            "/uploads" => ("application/json", br#"{"files":[{"name":"a","size":1}]}"#.to_vec()),
            _ => (form, fields.into_bytes()),
        };
        let answer = send(site, method, &filled(path), &[("Cookie", &cookies), ("Content-Type", kind)], &body).await;
        assert_eq!(answer.status, 403, "{method} {path}");
    }
    assert_eq!(world.store.audit_verify().await.unwrap(), before, "and nothing was written down as done");
    assert_eq!(world.store.counts().await.unwrap().uploaded, 0);
}

#[tokio::test]
async fn no_route_that_changes_anything_answers_a_page_of_another_site() {
    let world = world_of_accounts().await;
    let admin = signed_in(&world).await;
    let [one, _] = staff(&world).await;
    for (site, method, path, cookies) in changing(&world, &one, &admin) {
        for header in [
            ("Origin", "https://attacker.example"),
            ("Origin", "http://127.0.0.1:1"),
            ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Site", "same-site"),
        ] {
            let answer = send(site, method, &filled(path), &[("Cookie", &cookies), header], b"x").await;
            assert_eq!(answer.status, 403, "{method} {path} {header:?}");
            let said = answer.text();
            assert!(said.contains("cross_site") || said.contains("ほかのサイトからの操作"), "{method} {path}: {said}");
        }
    }
}

#[tokio::test]
async fn every_cookie_is_kept_from_scripts_and_from_other_sites() {
    let world = world_of_accounts().await;
    let admin = signed_in(&world).await;
    let form = get(world.admin, "/sign-in").await;
    let full = sign_in(&world, ADMIN, PASSWORD).await;
    let page = get_as(&world, &admin, "/account").await;
    let out = post_form(world.admin, &page, "/sign-out", &admin, &[]).await;
    let mut seen = 0;
    for answer in [form, password_only(world.admin, ADMIN, PASSWORD).await, full, out] {
        for (_, cookie) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            assert!(cookie.contains("; HttpOnly") && cookie.contains("; Path=/"), "{cookie}");
            assert!(cookie.contains("; SameSite=Strict"), "{cookie}");
            assert!(!cookie.contains("Domain"), "{cookie}");
            seen += 1;
        }
    }
    assert!(seen >= 6, "{seen}");
}

#[tokio::test]
async fn no_page_is_shown_in_a_frame() {
    let world = world_of_accounts().await;
    let admin = signed_in(&world).await;
    let [one, _] = staff(&world).await;
    for route in web::routes().into_iter().filter(|route| route.method == "GET") {
        let (site, cookies) = match route.listener {
            Listener::Portal => (world.portal, &one),
            Listener::Admin => (world.admin, &admin),
        };
        let answer = send(site, "GET", &filled(route.path), &[("Cookie", cookies)], b"").await;
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{}", route.path);
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("frame-ancestors 'none'"), "{}", route.path);
    }
}

#[tokio::test]
async fn a_session_that_was_planted_before_the_sign_in_is_worth_nothing_after_it() {
    let world = world_of_accounts().await;
    signed_in(&world).await;
    staff(&world).await;
    for (name, site, cookie) in [(STAFF[0], world.portal, "misogi_staff"), (ADMIN, world.admin, "misogi_admin")] {
        let planted = format!("{cookie}={}", "a1".repeat(32));
        let page = send(site, "GET", "/sign-in", &[("Cookie", &planted)], b"").await;
        let both = format!("{planted}; {}", page.cookies());
        let answer = post_form(site, &page, "/sign-in", &both, &[("name", name), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, 303);
        let given = answer.cookies();
        assert!(given.contains(cookie) && !given.contains(&"a1".repeat(32)), "{given}");
        let to = send(site, "GET", "/account", &[("Cookie", &planted)], b"").await;
        assert!(to.header("location").unwrap().starts_with("/sign-in?"), "the planted one signs nobody in");
        // With a second factor the secret changes once more: who saw the first has nothing.
        if answer.header("location") == Some("/sign-in/code") {
            let page = send(site, "GET", "/sign-in/code", &[("Cookie", &given)], b"").await;
            let code = world.codes.lock().unwrap().get_mut(name).unwrap().pop().unwrap();
            let full = post_form(site, &page, "/sign-in/code", &given, &[("code", &code)]).await;
            assert_ne!(full.cookies(), given);
            let old = send(site, "GET", "/account", &[("Cookie", &given)], b"").await;
            assert_eq!(old.status, 303);
        }
    }
}

#[tokio::test]
async fn nothing_of_another_person_is_seen_or_changed_by_its_address() {
    let world = world_of_accounts().await;
    let admin = signed_in(&world).await;
    let [one, other] = staff(&world).await;
    let form = send(world.portal, "GET", "/", &[("Cookie", &one)], b"").await;
    let kind = multipart_type();
    let body = multipart(Some(&form.form_token()), &[("名簿.pdf", b"1"), ("待つ.csv", b"2")]);
    let sent = send(world.portal, "POST", "/upload", &[("Cookie", &one), ("Content-Type", &kind)], &body).await;
    let batch = sent.header("location").unwrap().to_owned();
    let id = batch.trim_start_matches("/b/").to_owned();
    let receipt = get_as_staff(&world, &one, &batch).await.text();
    let receipt = receipt.split("name=\"receipt\" value=\"").nth(1).unwrap()[..14].to_owned();

    // Taking somebody else's file back, with a good token of one's own.
    let mine = send(world.portal, "GET", "/", &[("Cookie", &other)], b"").await;
    let cancel = format!("{batch}/files/1/cancel");
    let stolen = post_form(world.portal, &mine, &cancel, &other, &[("receipt", &receipt)]).await;
    assert_eq!(stolen.status, 404);
    work(&world).await;
    for path in [
        batch.clone(),
        format!("{batch}/status"),
        format!("{batch}/events"),
        format!("{batch}/all"),
        format!("{batch}/files/1"),
        format!("{batch}/files/1/pages/1"),
        format!("{batch}/files/1/pages/1/image?size=small"),
        format!("/r/{receipt}"),
        format!("/p/{receipt}"),
        format!("/api/v1/files/{id}"),
        format!("/api/v1/files/{id}/report"),
        format!("/api/v1/files/{id}/result"),
    ] {
        let theirs = get_as_staff(&world, &one, &path).await;
        assert!([200, 303, 404].contains(&theirs.status), "{path}: {}", theirs.status);
        let stolen = get_as_staff(&world, &other, &path).await;
        // An image says so by a picture of words, of which nothing is kept.
        assert_eq!(stolen.status, 404, "{path}");
        let nowhere = path.replace(&id, &"0".repeat(32)).replace(&receipt, "20261121-00000");
        let missing = get_as_staff(&world, &other, &nowhere).await;
        assert_eq!(stolen.body, missing.body, "it is answered like what does not exist: {path}");
    }
    assert!(!get_as_staff(&world, &other, "/history").await.text().contains("名簿.pdf"));

    // Sessions and keys of others, named by their numbers.
    let account = get_as_staff(&world, &other, "/account").await;
    let owner = world.store.user_by_name(STAFF[0]).await.unwrap().unwrap().id;
    let session = world.store.sessions_of(owner).await.unwrap()[0].id.as_str().to_owned();
    post_form(world.portal, &account, "/account/sessions", &other, &[("session", &session)]).await;
    assert_eq!(world.store.sessions_of(owner).await.unwrap().len(), 1);
    let keys = get_as_staff(&world, &one, "/account/keys").await;
    let fields = [("name", "mine"), ("days", "30"), ("files", "on")];
    assert_eq!(post_form(world.portal, &keys, "/account/keys", &one, &fields).await.status, 200);
    let key = world.store.api_keys_of(owner).await.unwrap()[0].id.0.to_string();
    let ended = post_form(world.portal, &account, "/account/keys/end", &other, &[("key", &key)]).await;
    assert_eq!(ended.status, 404);
    assert_eq!(world.store.api_keys_of(owner).await.unwrap().len(), 1);
    let passkey = post_form(world.portal, &account, "/account/passkeys/remove", &other, &[("passkey", "1")]).await;
    assert_eq!(passkey.status, 404);
    // Staff with a session of the portal are nobody in the console, whatever the cookie is called.
    for cookie in [one.clone(), one.replace("misogi_staff", "misogi_admin")] {
        assert_eq!(get_as(&world, &cookie, &format!("/users/{}", owner.0)).await.status, 303);
    }
    assert_eq!(get_as(&world, &admin, &format!("/users/{}", owner.0)).await.status, 200);
}

async fn get_as_staff(world: &World, cookies: &str, path: &str) -> Answer {
    send(world.portal, "GET", path, &[("Cookie", cookies)], b"").await
}

#[tokio::test]
async fn a_path_in_an_address_or_a_name_leads_nowhere() {
    let world = world().await;
    std::fs::write(world.directory.path().join("secret.txt"), b"secret").unwrap();
    for name in [
        "../secret.txt",
        "..%2Fsecret.txt",
        "%2e%2e%2fsecret.txt",
        "..%5Csecret.txt",
        "....//secret.txt",
        "%2Fetc%2Fpasswd",
        "misogi.css%00.txt",
        "misogi.css/../../secret.txt",
    ] {
        for (site, path) in [
            (world.portal, format!("/assets/{name}")),
            (world.admin, format!("/assets/{name}")),
            (world.portal, format!("/b/{name}")),
            (world.portal, format!("/api/v1/files/{name}/result")),
            (world.portal, format!("/uploads/{name}/1")),
        ] {
            let answer = get(site, &path).await;
            assert!([400, 404].contains(&answer.status), "{path}: {}", answer.status);
            assert!(!answer.text().contains("secret\n") && !answer.text().contains("root:"), "{path}");
        }
    }
    for (raw, name) in [
        ("../../../etc/cron.d/evil.csv", "evil.csv"),
        ("..\\\\..\\\\windows\\\\evil.csv", "evil.csv"),
        ("/etc/passwd.csv", "passwd.csv"),
    ] {
        let place = upload(&world, &[(raw, b"a,b")]).await.header("location").unwrap().to_owned();
        work(&world).await;
        let file = get(world.portal, &format!("{place}/files/1")).await;
        let disposition = file.header("content-disposition").unwrap();
        assert!(disposition.contains(&format!("filename=\"{name}\"")), "{raw}: {disposition}");
        assert!(!disposition.contains("..") && !disposition.contains('\\'), "{disposition}");
        let archive = get(world.portal, &format!("{place}/all")).await.body;
        assert!(archive.windows(name.len()).any(|window| window == name.as_bytes()));
        assert!(!archive.windows(3).any(|window| window == b"../" || window == b"..\\"), "{raw}");
    }
    let outside = std::fs::read_dir(world.directory.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(outside.into_iter().all(|name| !name.to_string_lossy().contains("evil")));
}

/// Sends a body of unknown length in chunks until the other end has had enough, and gives the answer and how much was sent.
async fn endless(site: SocketAddr, head: &str, first: &[u8], more: &[u8], most: usize) -> (Answer, usize) {
    let mut stream = TcpStream::connect(site).await.unwrap();
    let head = format!("{head}Host: {site}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = |bytes: &[u8]| [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
    let mut sent = 0;
    let mut next = first;
    while sent < most {
        if stream.write_all(&chunk(next)).await.is_err() {
            break;
        }
        sent += next.len();
        next = more;
    }
    let _ = stream.write_all(b"0\r\n\r\n").await;
    (read(&mut stream).await, sent)
}

#[tokio::test]
async fn a_body_without_end_is_left_at_its_limit() {
    let world = world().await;
    let form = get(world.portal, "/").await;
    let kind = multipart_type();
    let upload = format!("POST /upload HTTP/1.1\r\nContent-Type: {kind}\r\nCookie: {}\r\n", form.cookies());
    let files = format!("POST /api/v1/files HTTP/1.1\r\nContent-Type: {kind}\r\n");
    let token = multipart(Some(&form.form_token()), &[]);
    let token = &token[..token.len() - BOUNDARY.len() - 6];
    let part = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\r\n");
    let noise = vec![b'x'; 16 * 1024];
    const MOST: usize = 40_000_000;

    // A file that does not end: 250,000 bytes in all are the limit, and twice that is where patience ends.
    let (answer, sent) = endless(world.portal, &upload, &[token, part.as_bytes()].concat(), &noise, MOST).await;
    assert!(sent < MOST / 2, "{sent} bytes were read");
    assert!(answer.text().contains("a.bin") && answer.status == 422, "{}", answer.status);
    let (answer, sent) = endless(world.portal, &files, part.as_bytes(), &noise, MOST).await;
    assert!(sent < MOST / 2 && [400, 413].contains(&answer.status), "{sent} {}", answer.status);

    // A header of a part that does not end, a boundary that never comes, parts without number.
    let header = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"");
    let many = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n").repeat(200);
    for (first, more) in [
        (header.as_bytes(), noise.as_slice()),
        (noise.as_slice(), noise.as_slice()),
        (many.as_bytes(), many.as_bytes()),
    ] {
        let (answer, sent) = endless(world.portal, &files, first, more, MOST).await;
        assert!(sent < MOST / 2 && answer.status == 400, "{sent} {}", answer.status);
    }
    // Forms and announcements have limits of their own.
    let json = format!("POST /uploads HTTP/1.1\r\nContent-Type: application/json\r\nCookie: {}\r\n", form.cookies());
    let (answer, sent) = endless(world.portal, &json, b"{\"files\":[", b"{\"name\":\"a\",\"size\":1},", MOST).await;
    assert!(sent < MOST / 2 && answer.status == 413, "{sent} {}", answer.status);
    let page = get(world.admin, "/sign-in").await;
    let text = format!(
        "POST /sign-in HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nCookie: {}\r\n",
        page.cookies()
    );
    let (answer, sent) = endless(world.admin, &text, b"name=a&password=", &noise, MOST).await;
    assert!(sent < MOST / 2 && answer.status == 413, "{sent} {}", answer.status);
    assert_eq!(world.store.counts().await.unwrap().uploaded, 0);
}

#[tokio::test]
async fn a_header_of_a_request_that_is_too_long_is_refused() {
    let world = world().await;
    for site in [world.portal, world.admin] {
        // Somewhat more than the limit may come in one read with the rest, and this much never does.
        let long = "x".repeat(400_000);
        let answer = send(site, "GET", "/", &[("X-Long", &long)], b"").await;
        assert_eq!(answer.status, 431);
        let many: Vec<(String, String)> = (0..500).map(|n| (format!("X-{n}"), "y".to_owned())).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(send(site, "GET", "/", &many, b"").await.status, 431);
    }
}

#[tokio::test]
async fn a_body_that_comes_byte_by_byte_keeps_its_place_no_longer_than_silence_may_last() {
    let limits = web::UploadLimits { duration: Duration::from_secs(3), ..small_limits() };
    let world = world_with(limits, ["127.0.0.1:0", "127.0.0.1:0"]).await;
    let body = multipart(None, &[("a.txt", &[b'x'; 1000])]);
    let mut stream = TcpStream::connect(world.portal).await.unwrap();
    let head = format!(
        "POST /api/v1/files HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n",
        world.portal,
        multipart_type(),
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // Never silent for two seconds, and never finished: the longest time of a request ends it.
    let started = std::time::Instant::now();
    let (mut reading, mut writing) = stream.into_split();
    let trickle = tokio::spawn(async move {
        for byte in body {
            if writing.write_all(&[byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    let mut answer = Vec::new();
    let _ =
        tokio::time::timeout(Duration::from_secs(20), tokio::io::AsyncReadExt::read_to_end(&mut reading, &mut answer))
            .await;
    trickle.abort();
    assert!(answer.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&answer));
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert_eq!(world.store.counts().await.unwrap().uploaded, 0);
}

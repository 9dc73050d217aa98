//! Requests for originals over both sites: who sees, who decides, and how an original leaves.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod support;

use std::io::Read;
use std::time::Duration;

use form::reason::Reason;
use store::{AuditFilter, NewUser, Quarantined, RequestId, RequestRules, RequestState, Role, Verdict};
use support::*;

/// Sessions by name, on the portal and on the console.
struct People {
    staff: String,
    other: String,
    manager: String,
    operator: String,
    operator_on_portal: String,
    admin: String,
}

async fn people(world: &World) -> People {
    signed_in(world).await;
    let hash = world.store.user_by_name(ADMIN).await.unwrap().unwrap().password_hash;
    for (name, role) in [
        ("staff", Role::Staff),
        ("other", Role::Staff),
        ("manager", Role::Approver),
        ("operator", Role::Operator),
        ("admin", Role::TenantAdmin),
    ] {
        let user = NewUser { name: name.to_owned(), password_hash: hash.clone(), role };
        world.store.create_user(user, "test").await.unwrap();
    }
    let at = async |site, name| sign_in_at(world, site, name, PASSWORD).await.cookies();
    People {
        staff: at(world.portal, "staff").await,
        other: at(world.portal, "other").await,
        manager: at(world.portal, "manager").await,
        operator: at(world.admin, "operator").await,
        operator_on_portal: at(world.portal, "operator").await,
        admin: at(world.admin, "admin").await,
    }
}

async fn page(to: std::net::SocketAddr, cookies: &str, path: &str) -> Answer {
    send(to, "GET", path, &[("Cookie", cookies)], b"").await
}

/// Uploads a file that is withheld, and gives the address of the form that asks for it.
async fn uploaded(world: &World, cookies: &str, name: &str, bytes: &[u8]) -> String {
    let form = page(world.portal, cookies, "/").await;
    let body = multipart(Some(&form.form_token()), &[(name, bytes)]);
    let kind = multipart_type();
    let headers = [("Content-Type", kind.as_str()), ("Cookie", cookies)];
    let done = send(world.portal, "POST", "/upload", &headers, &body).await;
    work(world).await;
    let text = page(world.portal, cookies, done.header("location").unwrap()).await.text();
    let start = text.find("/requests/new?").unwrap();
    text[start..].split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&")
}

/// Asks with the form at `form`, and gives the answer.
async fn ask(world: &World, cookies: &str, form: &str, fields: &[(&str, &str)]) -> Answer {
    let shown = page(world.portal, cookies, form).await;
    assert_eq!(shown.status, 200, "{}", shown.text());
    let receipt = form.split("receipt=").nth(1).unwrap().split('&').next().unwrap();
    let part = form.split("part=").nth(1).unwrap();
    let mut all = vec![("receipt", receipt), ("part", part)];
    all.extend_from_slice(fields);
    post_form(world.portal, &shown, "/requests", cookies, &all).await
}

async fn decide(to: std::net::SocketAddr, cookies: &str, decision: &str, comment: &str) -> Answer {
    let shown = page(to, cookies, "/approvals/1").await;
    assert_eq!(shown.status, 200);
    // The page of somebody who may not decide has no form of its own; that of signing out carries the same token.
    post_form(to, &shown, "/approvals/1", cookies, &[("decision", decision), ("comment", comment)]).await
}

const WHY: &[(&str, &str)] = &[("need", "whole"), ("words", "締切が今日の申請書のため"), ("confirmed", "yes")];

#[tokio::test]
async fn a_request_goes_through_two_people_and_everybody_sees_where_it_is() {
    let world = world_of_accounts().await;
    let people = people(&world).await;
    let form = uploaded(&world, &people.staff, "tool.exe", b"MZ hostile").await;
    let refused = ask(&world, &people.staff, &form, &[("need", "whole"), ("words", " \u{7} ")]).await;
    assert_eq!(refused.status, 422, "words are needed");
    let made = ask(&world, &people.staff, &form, WHY).await;
    assert_eq!((made.status, made.header("location")), (303, Some("/requests/1")));
    assert_eq!(ask(&world, &people.staff, &form, WHY).await.status, 422, "twice");
    let own = page(world.portal, &people.staff, "/requests").await.text();
    assert!(own.contains("R-1") && own.contains("tool.exe") && own.contains("申請中"), "{own}");
    assert!(own.contains("原本をお渡ししません"), "it is said that nothing will leave");

    let list = page(world.portal, &people.manager, "/approvals").await.text();
    assert!(list.contains("/approvals/1") && list.contains("staff"), "{list}");
    let shown = page(world.portal, &people.manager, "/approvals/1").await.text();
    assert!(shown.contains("締切が今日の申請書のため"));
    assert_eq!(decide(world.portal, &people.manager, "approve", "").await.status, 422, "a comment is needed");
    assert_eq!(decide(world.portal, &people.manager, "approve", "上司として確認").await.status, 303);
    let again = decide(world.portal, &people.manager, "approve", "もう一度").await;
    assert!(again.status == 422 && again.text().contains("すでに承認しています"));
    assert!(page(world.portal, &people.staff, "/requests/1").await.text().contains("承認の途中"));

    assert_eq!(decide(world.admin, &people.operator, "approve", "送信元を確認").await.status, 303);
    let own = page(world.portal, &people.staff, "/requests/1").await.text();
    for shown in ["承認済み", "manager", "上司として確認", "operator", "送信元を確認", "2/2"] {
        assert!(own.contains(shown), "{shown}");
    }
    // Nothing leaves where nothing is set.
    let shown = page(world.admin, &people.admin, "/approvals/1").await;
    assert!(!shown.text().contains("/original"));
    for path in ["/approvals/1/original", "/approvals/1/original/file"] {
        assert_eq!(post_form(world.admin, &shown, path, &people.admin, &[]).await.status, 404, "{path}");
    }
    let events: Vec<String> =
        world.store.audit(&AuditFilter::default()).await.unwrap().items.into_iter().map(|row| row.event).collect();
    assert_eq!(events.iter().filter(|event| *event == "request_approved").count(), 2);
    assert!(events.iter().all(|event| event != "original_handed_over"));
}

#[tokio::test]
async fn an_original_leaves_once_enciphered_on_the_console_and_never_on_the_portal() {
    let world = world_of_handover().await;
    let people = people(&world).await;
    let original: Vec<u8> =
        b"MZ".iter().copied().chain((0..700_000_u32).map(|n| (n % 253) as u8)).take(90_000).collect();
    let form = uploaded(&world, &people.staff, "集計.exe", &original).await;
    ask(&world, &people.staff, &form, WHY).await;
    let shown = page(world.admin, &people.admin, "/approvals/1").await;
    let early = post_form(world.admin, &shown, "/approvals/1/original", &people.admin, &[]).await;
    assert_eq!(early.status, 422, "nobody has approved");
    decide(world.portal, &people.manager, "approve", "はい").await;
    decide(world.admin, &people.operator, "approve", "はい").await;

    for path in ["/approvals/1/original", "/approvals/1/original/file", "/requests/1/original"] {
        for cookies in [&people.staff, &people.manager, &people.operator_on_portal] {
            let page = page(world.portal, cookies, "/requests").await;
            assert_eq!(post_form(world.portal, &page, path, cookies, &[]).await.status, 404, "{path}");
        }
    }
    let shown = page(world.admin, &people.admin, "/approvals/1").await;
    let given = post_form(world.admin, &shown, "/approvals/1/original", &people.admin, &[]).await;
    assert_eq!((given.status, given.header("cache-control")), (200, Some("no-store")));
    let text = given.text();
    let between = |start: &str, end: &str| text.split(start).nth(1).unwrap().split(end).next().unwrap().to_owned();
    let (password, nonce) = (between("id=\"password\">", "<"), between("name=\"nonce\" value=\"", "\""));
    assert_eq!(password.len(), 29, "{password}");
    assert_eq!(world.store.request(RequestId(1)).await.unwrap().unwrap().downloads, 0, "nothing is spent yet");

    let file = "/approvals/1/original/file";
    let forged = post_form(world.admin, &given, file, &people.admin, &[("nonce", "chosen by the client")]).await;
    assert_eq!(forged.status, 400);
    let answer = post_form(world.admin, &given, file, &people.admin, &[("nonce", &nonce)]).await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-disposition").unwrap().starts_with("attachment; filename=\"R-1.zip\""));
    assert_eq!(answer.header("content-length").unwrap(), answer.body.len().to_string());
    assert!(!answer.body.windows(64).any(|window| window == &original[100..164]), "it is in the clear");
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(&answer.body)).unwrap();
    let mut read = Vec::new();
    let mut member = zip.by_index_decrypt(0, password.as_bytes()).unwrap();
    assert_eq!(member.name().unwrap(), "集計.exe");
    member.read_to_end(&mut read).unwrap();
    assert!(read == original);

    let again = post_form(world.admin, &given, file, &people.admin, &[("nonce", &nonce)]).await;
    assert_eq!(again.status, 422, "once is once");
    assert_eq!(world.store.request(RequestId(1)).await.unwrap().unwrap().state, RequestState::Fetched);
    let filter = AuditFilter { event: Some("original_handed_over".to_owned()), ..AuditFilter::default() };
    let rows = world.store.audit(&filter).await.unwrap().items;
    assert_eq!((rows.len(), rows[0].actor.as_str()), (1, "admin"));
    assert!(rows[0].detail.contains("R-1") && !rows[0].detail.contains(&password), "{}", rows[0].detail);
}

#[tokio::test]
async fn what_is_somebody_elses_is_not_there() {
    let world = world_of_accounts().await;
    let people = people(&world).await;
    let form = uploaded(&world, &people.staff, "tool.exe", b"MZ").await;
    let manager = world.store.user_by_name("manager").await.unwrap().unwrap().id.0.to_string();
    assert_eq!(page(world.portal, &people.other, &form).await.status, 404);
    let own = page(world.portal, &people.other, "/requests").await;
    let receipt = form.split("receipt=").nth(1).unwrap().split('&').next().unwrap();
    let fields = [("receipt", receipt), ("part", ""), ("need", "whole"), ("words", "x")];
    assert_eq!(post_form(world.portal, &own, "/requests", &people.other, &fields).await.status, 404);

    let chosen: Vec<(&str, &str)> = WHY.iter().copied().chain([("approver", manager.as_str())]).collect();
    assert_eq!(ask(&world, &people.staff, &form, &chosen).await.status, 303);
    for cookies in [&people.other, &people.manager, &people.operator_on_portal] {
        assert_eq!(page(world.portal, cookies, "/requests/1").await.status, 404);
        assert!(!page(world.portal, cookies, "/requests").await.text().contains("R-1"));
    }
    // Staff cannot reach approvals at all; another approver does not find it.
    assert_eq!(page(world.portal, &people.staff, "/approvals/1").await.status, 403);
    let hash = world.store.user_by_name(ADMIN).await.unwrap().unwrap().password_hash;
    let user = NewUser { name: "second".to_owned(), password_hash: hash, role: Role::Approver };
    world.store.create_user(user, "test").await.unwrap();
    let second = sign_in_at(&world, world.portal, "second", PASSWORD).await.cookies();
    assert_eq!(page(world.portal, &second, "/approvals/1").await.status, 404);
    let list = page(world.portal, &second, "/approvals").await;
    assert!(!list.text().contains("R-1"));
    let fields = [("decision", "approve"), ("comment", "x")];
    assert_eq!(post_form(world.portal, &list, "/approvals/1", &second, &fields).await.status, 404);
    assert_eq!(page(world.portal, &people.manager, "/approvals/1").await.status, 200);
    let without = send(
        world.portal,
        "POST",
        "/approvals/1",
        &[("Cookie", people.manager.as_str()), ("Content-Type", "application/x-www-form-urlencoded")],
        b"decision=approve&comment=x",
    )
    .await;
    assert_eq!(without.status, 403, "no form token");
    assert!(world.store.request(RequestId(1)).await.unwrap().unwrap().decisions.is_empty());
}

#[tokio::test]
async fn a_virus_is_asked_for_in_the_console_and_nobody_approves_their_own() {
    let world = world_of_accounts().await;
    let people = people(&world).await;
    world
        .store
        .set_address(
            world.store.user_by_name("staff").await.unwrap().unwrap().id,
            Some("staff@city.example.lg.jp".to_owned()),
            "test",
        )
        .await
        .unwrap();
    let people = People { staff: sign_in_at(&world, world.portal, "staff", PASSWORD).await.cookies(), ..people };
    let kept = Some(Quarantined::Part(engine::Source::whole(std::sync::Arc::new(
        jail::Sealed::from_bytes(b"virus").unwrap(),
    ))));
    let parts = vec![withheld("1", "invoice.doc", Reason::Infected, kept)];
    let id =
        mail(&world, Some("k@example.jp"), "staff@city.example.lg.jp", "請求", Verdict::SanitisedWithWithheld, parts)
            .await;
    let receipt = world.store.message(id).await.unwrap().unwrap().row.receipt;
    let form = format!("/requests/new?receipt={receipt}&part=1");
    let refused = ask(&world, &people.staff, &form, WHY).await;
    assert!(refused.status == 422 && refused.text().contains("利用者からは申請できません"), "{}", refused.status);

    let item = world.store.message(id).await.unwrap().unwrap().quarantine[0].id.0;
    let shown = page(world.admin, &people.operator, &format!("/quarantine/{item}")).await;
    assert!(shown.text().contains("/request\""));
    let asked = post_form(world.admin, &shown, &format!("/quarantine/{item}/request"), &people.operator, WHY).await;
    assert_eq!((asked.status, asked.header("location")), (303, Some("/approvals/1")));
    let own = decide(world.admin, &people.operator, "approve", "はい").await;
    assert!(own.status == 422 && own.text().contains("自分の申請は"));
    assert_eq!(page(world.portal, &people.manager, "/approvals/1").await.status, 404, "no business of a manager");
    assert_eq!(decide(world.admin, &people.admin, "approve", "はい").await.status, 303);
    assert_eq!(world.store.request(RequestId(1)).await.unwrap().unwrap().state, RequestState::Open, "one is not two");
    assert_eq!(decide(world.admin, &people.admin, "return", "やはり不要").await.status, 303);
    assert_eq!(world.store.request(RequestId(1)).await.unwrap().unwrap().state, RequestState::Returned);
}

#[tokio::test]
async fn programs_ask_and_read_but_only_people_decide() {
    let world = world_of_accounts().await;
    let people = people(&world).await;
    let form = uploaded(&world, &people.staff, "tool.exe", b"MZ").await;
    let receipt = form.split("receipt=").nth(1).unwrap().split('&').next().unwrap();
    let api = async |to, method: &str, path: &str, headers: &[(&str, &str)], body: serde_json::Value| {
        let mut all = vec![("Content-Type", "application/json")];
        all.extend_from_slice(headers);
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        send(to, method, path, &all, &body).await
    };
    let staff = [("Cookie", people.staff.as_str())];
    let asking =
        serde_json::json!({"receipt": receipt, "part": "", "need": "whole", "words": "必要", "confirmed": false});
    let made = api(world.portal, "POST", "/api/v1/requests", &staff, asking.clone()).await;
    assert_eq!((made.status, made.json()["number"].as_str()), (201, Some("R-1")));
    let twice = api(world.portal, "POST", "/api/v1/requests", &staff, asking).await;
    assert_eq!((twice.status, twice.json()["reason_code"].as_str()), (422, Some("asked_already")));
    let other = [("Cookie", people.other.as_str())];
    assert_eq!(api(world.portal, "GET", "/api/v1/requests/1", &other, serde_json::Value::Null).await.status, 404);
    let none = api(world.portal, "GET", "/api/v1/requests", &other, serde_json::Value::Null).await.json();
    assert_eq!(none["items"].as_array().unwrap().len(), 0);

    let operator = [("Cookie", people.operator.as_str())];
    let all =
        api(world.admin, "GET", "/api/v1/requests?state=waiting", &operator, serde_json::Value::Null).await.json();
    assert_eq!((all["items"][0]["state"].as_str(), all["items"][0]["quorum"].as_i64()), (Some("open"), Some(2)));
    let empty = serde_json::json!({"comment": "  "});
    assert_eq!(api(world.admin, "POST", "/api/v1/requests/1/approve", &operator, empty).await.status, 422);
    let comment = serde_json::json!({"comment": "確認"});
    let approved = api(world.admin, "POST", "/api/v1/requests/1/approve", &operator, comment.clone()).await;
    assert_eq!((approved.status, approved.json()["decisions"][0]["user"].as_str()), (200, Some("operator")));
    let again = api(world.admin, "POST", "/api/v1/requests/1/approve", &operator, comment.clone()).await;
    assert_eq!((again.status, again.json()["reason_code"].as_str()), (422, Some("approved_already")));

    // A key has everything that a key can have, of an administrator.
    let keys = page(world.admin, &people.admin, "/account/keys").await;
    let fields = [("name", "program"), ("days", "30"), ("files", "on"), ("quarantine", "on"), ("unlock", "on")];
    let made = post_form(world.admin, &keys, "/account/keys", &people.admin, &fields).await.text();
    let key = made.split("id=\"key\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let bearer = format!("Bearer {key}");
    let headers = [("Authorization", bearer.as_str())];
    assert_eq!(api(world.admin, "GET", "/api/v1/quarantine", &headers, serde_json::Value::Null).await.status, 200);
    for path in ["/api/v1/requests/1/approve", "/api/v1/requests/1/return"] {
        assert_eq!(api(world.admin, "POST", path, &headers, comment.clone()).await.status, 403, "{path}");
    }
    assert_eq!(world.store.request(RequestId(1)).await.unwrap().unwrap().decisions.len(), 1);
}

#[tokio::test]
async fn a_key_for_requests_asks_for_what_is_its_owner_s_and_nothing_else() {
    let world = world_of_accounts().await;
    let people = people(&world).await;
    let form = uploaded(&world, &people.staff, "tool.exe", b"MZ").await;
    let receipt = form.split("receipt=").nth(1).unwrap().split('&').next().unwrap();
    let asking =
        serde_json::json!({"receipt": receipt, "part": "", "need": "whole", "words": "必要", "confirmed": false});
    let body = asking.to_string().into_bytes();
    let key_of = async |cookies: &str, scope: &str| {
        let page = page(world.portal, cookies, "/account/keys").await;
        let fields = [("name", "program"), ("days", "30"), (scope, "on")];
        let made = post_form(world.portal, &page, "/account/keys", cookies, &fields).await.text();
        made.split("id=\"key\">").nth(1).unwrap().split('<').next().unwrap().to_owned()
    };
    let ask_with = async |key: &str, method: &str, path: &str, body: &[u8]| {
        let bearer = format!("Bearer {key}");
        send(world.portal, method, path, &[("Authorization", &bearer), ("Content-Type", "application/json")], body)
            .await
    };
    let of_files = key_of(&people.staff, "files").await;
    assert_eq!(ask_with(&of_files, "POST", "/api/v1/requests", &body).await.status, 403, "its scope is another one");
    let of_other = key_of(&people.other, "requests").await;
    assert_eq!(ask_with(&of_other, "POST", "/api/v1/requests", &body).await.status, 404, "not theirs");
    let own = key_of(&people.staff, "requests").await;
    let made = ask_with(&own, "POST", "/api/v1/requests", &body).await;
    assert_eq!((made.status, made.json()["number"].as_str()), (201, Some("R-1")), "{}", made.text());
    assert_eq!(ask_with(&own, "GET", "/api/v1/requests/1", b"").await.status, 200);
    assert_eq!(ask_with(&of_other, "GET", "/api/v1/requests/1", b"").await.status, 404);
    assert_eq!(ask_with(&own, "POST", "/api/v1/files", b"").await.status, 403);
    let bearer = format!("Bearer {own}");
    let on_console = send(world.admin, "GET", "/api/v1/requests", &[("Authorization", &bearer)], b"").await;
    assert_eq!(on_console.status, 403);
}

#[tokio::test]
async fn an_approver_sees_of_an_original_what_the_site_shows_before_they_decide() {
    let world = world_of_handover().await;
    let people = people(&world).await;
    let form = uploaded(&world, &people.staff, "集計.exe", b"MZ original").await;
    ask(&world, &people.staff, &form, WHY).await;
    let shown = page(world.portal, &people.manager, "/approvals/1").await.text();
    assert!(shown.contains("/approvals/1/pages/1\""), "{shown}");
    let look = page(world.portal, &people.manager, "/approvals/1/pages/1").await;
    assert_eq!(look.status, 200, "{}", look.text());
    assert!(look.text().contains("src=\"/approvals/1/pages/1/original\""), "{}", look.text());
    let views = async || {
        let filter = AuditFilter { event: Some("original_viewed".to_owned()), ..AuditFilter::default() };
        world.store.audit(&filter).await.unwrap().items
    };
    assert_eq!(views().await.len(), 0, "the page alone shows nothing");
    let picture = page(world.portal, &people.manager, "/approvals/1/pages/1/original").await;
    assert_eq!((picture.status, picture.header("content-type")), (200, Some("image/png")));
    assert!(String::from_utf8_lossy(&picture.body).contains("seen by manager"));
    let rows = views().await;
    assert!(rows.len() == 1 && rows[0].actor == "manager" && rows[0].detail.contains("\"request\":\"1\""), "{rows:?}");

    // The site shows the first page; whoever asks sees nothing of what they ask for, and who has decided nothing more.
    for path in
        ["/approvals/1/pages/2", "/approvals/1/pages/0", "/approvals/1/pages/2/original", "/approvals/9/pages/1"]
    {
        assert_eq!(page(world.portal, &people.manager, path).await.status, 404, "{path}");
    }
    assert_eq!(page(world.portal, &people.staff, "/approvals/1/pages/1/original").await.status, 403);
    assert_eq!(decide(world.portal, &people.manager, "approve", "はい").await.status, 303);
    assert_eq!(page(world.portal, &people.manager, "/approvals/1/pages/1/original").await.status, 404);
    assert_eq!(views().await.len(), 1);
}

/// A world whose accounts must be out of each other's hands for three days.
async fn world_of_hands() -> World {
    let settled = Duration::from_secs(3 * 86_400);
    world_of_rules(RequestRules { settled, ..RequestRules::default() }).await
}

/// Makes an account by somebody's hand and signs in with it.
async fn made_by(world: &World, site: std::net::SocketAddr, name: &str, role: Role, hand: &str) -> String {
    let password_hash = world.store.user_by_name(ADMIN).await.unwrap().unwrap().password_hash;
    world.store.create_user(NewUser { name: name.to_owned(), password_hash, role }, hand).await.unwrap();
    sign_in_at(world, site, name, PASSWORD).await.cookies()
}

#[tokio::test]
async fn accounts_that_one_administrator_made_are_not_four_eyes_for_that_administrator() {
    let world = world_of_hands().await;
    let people = people(&world).await;
    let second = made_by(&world, world.admin, "second", Role::Operator, "test").await;
    let mut socks = Vec::new();
    for name in ["sock1", "sock2", "sock3"] {
        socks.push(made_by(&world, world.admin, name, Role::Operator, "admin").await);
    }
    let kept = Some(Quarantined::Part(engine::Source::whole(std::sync::Arc::new(
        jail::Sealed::from_bytes(b"virus").unwrap(),
    ))));
    let parts = vec![withheld("1", "invoice.doc", Reason::Infected, kept)];
    let id =
        mail(&world, Some("k@example.jp"), "staff@city.example.lg.jp", "請求", Verdict::SanitisedWithWithheld, parts)
            .await;
    let item = world.store.message(id).await.unwrap().unwrap().quarantine[0].id.0;
    let shown = page(world.admin, &socks[0], &format!("/quarantine/{item}")).await;
    let asked = post_form(world.admin, &shown, &format!("/quarantine/{item}/request"), &socks[0], WHY).await;
    assert_eq!(asked.status, 303);

    // None of the three made the others; one hand made them all.
    let why = "同じ人が両方を作成・変更した";
    for sock in &socks[1..] {
        let shown = page(world.admin, sock, "/approvals/1").await.text();
        assert!(shown.contains(why) && !shown.contains("value=\"approve\""), "{shown}");
        let refused = decide(world.admin, sock, "approve", "はい").await;
        assert!(refused.status == 422 && refused.text().contains(why), "{}", refused.status);
    }
    assert!(world.store.request(RequestId(1)).await.unwrap().unwrap().decisions.is_empty());
    assert_eq!(decide(world.admin, &people.operator, "approve", "はい").await.status, 303);
    assert_eq!(decide(world.admin, &second, "approve", "はい").await.status, 303);
    assert_eq!(world.store.request(RequestId(1)).await.unwrap().unwrap().state, RequestState::Approved);

    // Nor does that hand fetch what its account asked for, itself or by another of them.
    let original = "/approvals/1/original";
    for cookies in [&people.admin, &socks[1]] {
        let shown = page(world.admin, cookies, "/approvals/1").await;
        let text = shown.text();
        assert!(text.contains(why) && !text.contains(&format!("action=\"{original}\"")), "{text}");
        for path in [original, "/approvals/1/original/file"] {
            let refused = post_form(world.admin, &shown, path, cookies, &[("nonce", "x")]).await;
            assert!(refused.status == 422 && refused.text().contains(why), "{path} {}", refused.status);
        }
    }
    let shown = page(world.admin, &people.operator, "/approvals/1").await;
    assert!(!shown.text().contains(why));
    assert_eq!(post_form(world.admin, &shown, original, &people.operator, &[]).await.status, 200);
}

#[tokio::test]
async fn an_account_that_may_not_approve_yet_sees_no_picture_either() {
    let world = world_of_hands().await;
    let people = people(&world).await;
    let form = uploaded(&world, &people.staff, "集計.exe", b"MZ original").await;
    ask(&world, &people.staff, &form, WHY).await;
    // Requests are made by the millisecond.
    tokio::time::sleep(Duration::from_millis(5)).await;
    let late = made_by(&world, world.portal, "late", Role::Approver, "admin").await;
    let shown = page(world.portal, &late, "/approvals/1").await;
    assert_eq!(shown.status, 200);
    assert!(!shown.text().contains("/approvals/1/pages/"), "{}", shown.text());
    for path in ["/approvals/1/pages/1", "/approvals/1/pages/1/original"] {
        assert_eq!(page(world.portal, &late, path).await.status, 404, "{path}");
        assert_eq!(page(world.portal, &people.manager, path).await.status, 200, "{path}");
    }
    assert_eq!(decide(world.portal, &late, "approve", "はい").await.status, 422);
    let filter = AuditFilter { event: Some("original_viewed".to_owned()), ..AuditFilter::default() };
    let rows = world.store.audit(&filter).await.unwrap().items;
    assert!(rows.iter().all(|row| row.actor == "manager"), "{rows:?}");
}

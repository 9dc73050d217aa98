//! Accounts over real HTTP: first sign-in, second factor, sessions, who may change whom, and what is whose.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod support;

use store::{External, NewUser, Role, Source, UserState};
use support::*;

const OTHER: &str = "another long password";

/// Lets the administrator make an account, and gives its temporary password.
async fn made(world: &World, admin: &str, name: &str, role: &str, address: &str) -> String {
    let page = get_as(world, admin, "/users").await;
    let fields = [("name", name), ("role", role), ("address", address)];
    let answer = post_form(world.admin, &page, "/users", admin, &fields).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let text = answer.text();
    text.split("id=\"password\">").nth(1).unwrap().split('<').next().unwrap().to_owned()
}

/// Signs in with the temporary password and chooses another.
async fn settle(site: std::net::SocketAddr, name: &str, temporary: &str, password: &str) {
    let answer = password_only(site, name, temporary).await;
    assert_eq!(answer.header("location"), Some("/"), "{}", answer.status);
    let cookies = answer.cookies();
    let led = send(site, "GET", "/", &[("Cookie", &cookies)], b"").await;
    assert_eq!(led.header("location"), Some("/account/password"), "nothing else comes first");
    let page = send(site, "GET", "/account/password", &[("Cookie", &cookies)], b"").await;
    let fields = [("current", temporary), ("password", password), ("again", password)];
    let done = post_form(site, &page, "/account/password", &cookies, &fields).await;
    assert_eq!(done.header("location"), Some("/sign-in?from=password"), "{}", done.text());
    let gone = send(site, "GET", "/", &[("Cookie", &cookies)], b"").await;
    assert_eq!(gone.header("location"), Some("/sign-in"), "every session ends with the old password");
}

#[tokio::test]
async fn a_new_user_changes_the_password_enrols_a_second_factor_and_gives_a_code_ever_after() {
    let world = world().await;
    let admin = signed_in(&world).await;
    let temporary = made(&world, &admin, "unyo01", "operator", "").await;
    settle(world.admin, "unyo01", &temporary, OTHER).await;
    assert_eq!(password_only(world.admin, "unyo01", &temporary).await.status, 401);

    let cookies = password_only(world.admin, "unyo01", OTHER).await.cookies();
    for path in ["/", "/messages", "/quarantine"] {
        assert_eq!(get_as(&world, &cookies, path).await.header("location"), Some("/account/second-factor"), "{path}");
    }
    assert_eq!(get_as(&world, &cookies, "/api/v1/quarantine").await.status, 403);
    let page = get_as(&world, &cookies, "/account/second-factor").await;
    let secret = shown_secret(&page);
    assert_eq!(secret.len(), 20);
    assert_eq!(
        shown_secret(&get_as(&world, &cookies, "/account/second-factor").await),
        secret,
        "a reload changes nothing"
    );
    assert!(page.text().contains("<svg class=\"qr\""));
    let wrong = if totp(&secret, 0) == "000000" { "111111" } else { "000000" };
    let refused = post_form(world.admin, &page, "/account/second-factor", &cookies, &[("code", wrong)]).await;
    assert_eq!(refused.status, 422);
    let given = totp(&secret, 0);
    let done = post_form(world.admin, &page, "/account/second-factor", &cookies, &[("code", &given)]).await;
    assert_eq!(done.status, 200);
    assert_eq!(done.text().matches("<li>").count(), 10, "ten recovery codes");
    assert_eq!(get_as(&world, &cookies, "/quarantine").await.status, 200);
    let shown = done.text();
    let recovery = shown.split("<li>").nth(1).and_then(|rest| rest.split('<').next()).unwrap();
    assert_eq!(recovery.len(), 19, "a code: {recovery}");
    assert!(!get_as(&world, &cookies, "/account").await.text().contains(recovery), "shown once");

    // From now on the password alone opens nothing.
    let answer = password_only(world.admin, "unyo01", OTHER).await;
    assert_eq!(answer.header("location"), Some("/sign-in/code"));
    let half = answer.cookies();
    assert_eq!(get_as(&world, &half, "/quarantine").await.header("location"), Some("/sign-in/code"));
    assert_eq!(get_as(&world, &half, "/account").await.header("location"), Some("/sign-in/code"));
    assert_eq!(get_as(&world, &half, "/api/v1/quarantine").await.status, 403);
    let page = get_as(&world, &half, "/sign-in/code").await;
    let replayed = post_form(world.admin, &page, "/sign-in/code", &half, &[("code", &given)]).await;
    assert_eq!(replayed.status, 401, "the code of the enrolment was taken");
    let next = totp(&secret, 1);
    let full = post_form(world.admin, &page, "/sign-in/code", &half, &[("code", &next)]).await;
    assert_eq!((full.status, full.header("location")), (303, Some("/")));
    assert_ne!(full.cookies(), half, "a new cookie");
    assert_eq!(get_as(&world, &full.cookies(), "/quarantine").await.status, 200);
    assert_eq!(get_as(&world, &half, "/sign-in/code").await.status, 303, "the half-way session is gone");
}

#[tokio::test]
async fn a_recovery_code_works_once_and_wrong_codes_close_the_door_though_the_password_is_known() {
    let world = world().await;
    signed_in(&world).await;
    let code = world.codes.lock().unwrap()[ADMIN][0].clone();
    let half = async || {
        let cookies = password_only(world.admin, ADMIN, PASSWORD).await.cookies();
        let page = get_as(&world, &cookies, "/sign-in/code").await;
        (cookies, page)
    };
    let (cookies, page) = half().await;
    let typed = code.to_lowercase().replace('-', " ");
    let full = post_form(world.admin, &page, "/sign-in/code", &cookies, &[("code", &typed)]).await;
    assert_eq!(full.status, 303);
    assert!(get_as(&world, &full.cookies(), "/account").await.text().contains("<dd>9</dd>"), "nine are left");
    let (cookies, page) = half().await;
    assert_eq!(post_form(world.admin, &page, "/sign-in/code", &cookies, &[("code", &code)]).await.status, 401);
    // A right password in between does not forget the wrong codes.
    for _ in 0..4 {
        let (cookies, page) = half().await;
        let answer = post_form(world.admin, &page, "/sign-in/code", &cookies, &[("code", "000000")]).await;
        assert_eq!(answer.status, 401);
    }
    let (cookies, page) = half().await;
    let code = world.codes.lock().unwrap()[ADMIN][1].clone();
    let answer = post_form(world.admin, &page, "/sign-in/code", &cookies, &[("code", &code)]).await;
    assert_eq!(answer.status, 429, "even a right code waits");
    assert!(answer.header("retry-after").is_some());
}

#[tokio::test]
async fn an_administrator_changes_others_and_not_themselves() {
    let world = world().await;
    let admin = signed_in(&world).await;
    made(&world, &admin, "kansa01", "auditor", "kansa@city.example.jp").await;
    let list = get_as(&world, &admin, "/users").await;
    assert!(list.text().contains("kansa01") && list.text().contains("初回設定待ち"));
    for (name, address, said) in [
        ("kansa01", "", "すでに使われています"),
        ("Kansa02", "", "形が正しくありません"),
        ("kansa02", "kansa@city.example.jp", "ほかの利用者のもの"),
        ("kansa02", "not an address", "メールアドレスの形"),
    ] {
        let fields = [("name", name), ("role", "staff"), ("address", address)];
        let answer = post_form(world.admin, &list, "/users", &admin, &fields).await;
        assert_eq!(answer.status, 422, "{name} {address}");
        assert!(answer.text().contains(said), "{name} {address}");
    }
    let bad = post_form(world.admin, &list, "/users", &admin, &[("name", "kansa02"), ("role", "root")]).await;
    assert_eq!(bad.status, 400);

    let id = world.store.user_by_name("kansa01").await.unwrap().unwrap().id;
    let href = format!("/users/{}", id.0);
    let page = get_as(&world, &admin, &href).await;
    let change = async |what: &str, value: &str| {
        post_form(world.admin, &page, &href, &admin, &[("what", what), ("value", value)]).await
    };
    assert_eq!(change("role", "operator").await.status, 303);
    assert_eq!(world.store.user(id).await.unwrap().unwrap().role, Role::Operator);
    assert_eq!(change("state", "disabled").await.status, 303);
    assert_eq!(world.store.user(id).await.unwrap().unwrap().state, UserState::Disabled);
    let reset = change("password", "").await;
    assert_eq!(reset.status, 200);
    let temporary = reset.text().split("id=\"password\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    assert_eq!(password_only(world.admin, "kansa01", &temporary).await.status, 401, "disabled");
    change("state", "active").await;
    assert_eq!(password_only(world.admin, "kansa01", &temporary).await.status, 303);
    assert!(get_as(&world, &admin, &href).await.text().contains("127.0.0.1"), "the session is listed with its client");
    assert_eq!(change("sessions", "").await.status, 303);
    assert!(world.store.sessions_of(id).await.unwrap().is_empty());
    assert_eq!(change("nothing", "").await.status, 400);
    let unproved = send(
        world.admin,
        "POST",
        &href,
        &[("Cookie", &admin), ("Content-Type", "application/x-www-form-urlencoded")],
        b"what=role&value=tenant_admin",
    )
    .await;
    assert_eq!(unproved.status, 403);

    let own = world.store.user_by_name(ADMIN).await.unwrap().unwrap().id;
    for what in ["role", "state", "password", "second_factor"] {
        let fields = [("what", what), ("value", "staff")];
        let answer = post_form(world.admin, &page, &format!("/users/{}", own.0), &admin, &fields).await;
        assert_eq!(answer.status, 422, "{what}");
    }
    assert_eq!(world.store.user(own).await.unwrap().unwrap().role, Role::TenantAdmin);
}

#[tokio::test]
async fn a_person_ends_another_session_of_their_own_and_none_of_anybody_else() {
    let world = world().await;
    let first = signed_in(&world).await;
    let second = sign_in(&world, ADMIN, PASSWORD).await.cookies();
    let own = world.store.user_by_name(ADMIN).await.unwrap().unwrap().id;
    let page = get_as(&world, &first, "/account").await;
    let text = page.text();
    assert!(text.contains("この端末"));
    let id = text.split("name=\"session\" value=\"").nth(1).unwrap()[..16].to_owned();
    let temporary = made(&world, &first, "unyo01", "operator", "").await;
    settle(world.admin, "unyo01", &temporary, OTHER).await;
    let other = sign_in(&world, "unyo01", OTHER).await.cookies();
    let others = get_as(&world, &other, "/account").await;
    post_form(world.admin, &others, "/account/sessions", &other, &[("session", &id)]).await;
    assert_eq!(world.store.sessions_of(own).await.unwrap().len(), 2, "not theirs");
    post_form(world.admin, &page, "/account/sessions", &first, &[("session", &id)]).await;
    assert_eq!(get_as(&world, &second, "/").await.header("location"), Some("/sign-in"));
    assert_eq!(get_as(&world, &first, "/").await.status, 200);
}

#[tokio::test]
async fn with_accounts_a_result_is_its_owner_s_alone_and_the_sites_share_no_session() {
    let world = world_of_accounts().await;
    let admin = signed_in(&world).await;
    let mut cookies = Vec::new();
    for name in ["shokuin-a", "shokuin-b"] {
        let temporary = made(&world, &admin, name, "staff", "").await;
        assert_eq!(password_only(world.admin, name, &temporary).await.status, 401, "staff have nothing to do there");
        settle(world.portal, name, &temporary, OTHER).await;
        let signed = sign_in_at(&world, world.portal, name, OTHER).await;
        assert_eq!(signed.header("location"), Some("/"), "no second factor is asked of staff");
        cookies.push(signed.cookies());
    }
    let form = send(world.portal, "GET", "/", &[("Cookie", &cookies[0])], b"").await;
    assert_eq!(form.status, 200);
    let kind = multipart_type();
    let body = multipart(Some(&form.form_token()), &[("写真.jpg", b"jpeg")]);
    let headers = [("Content-Type", kind.as_str()), ("Cookie", &cookies[0])];
    let sent = send(world.portal, "POST", "/upload", &headers, &body).await;
    assert_eq!(sent.status, 303);
    let result = sent.header("location").unwrap().to_owned();
    work(&world).await;
    for path in [result.clone(), format!("{result}/files/1"), format!("{result}/status")] {
        assert_eq!(send(world.portal, "GET", &path, &[("Cookie", &cookies[0])], b"").await.status, 200, "{path}");
        let other = send(world.portal, "GET", &path, &[("Cookie", &cookies[1])], b"").await;
        assert_eq!(other.status, 404, "somebody else's is not there: {path}");
        let nobody = get(world.portal, &path).await;
        assert_eq!(nobody.status, 303);
        assert_eq!(nobody.header("location").unwrap(), format!("/sign-in?next={}", percent(&path)), "{path}");
    }
    let id = result.trim_start_matches("/b/");
    assert_eq!(get(world.portal, &format!("/api/v1/files/{id}")).await.status, 401);
    let row = &world.store.messages(&store::MessageFilter::default()).await.unwrap().items[0];
    assert_eq!(row.user.as_deref(), Some("shokuin-a"));

    // The console's cookie, under the portal's name too, is nothing here.
    let theirs = admin.replace("misogi_admin", "misogi_staff");
    for cookie in [admin.as_str(), &theirs] {
        assert_eq!(send(world.portal, "GET", "/", &[("Cookie", cookie)], b"").await.status, 303);
    }
}

#[tokio::test]
async fn one_comes_back_to_what_was_asked_for_and_never_to_another_site() {
    let world = world().await;
    signed_in(&world).await;
    let asked = get(world.admin, "/quarantine?state=held").await;
    assert_eq!(asked.header("location"), Some("/sign-in?next=%2Fquarantine%3Fstate%3Dheld"));
    let page = get(world.admin, asked.header("location").unwrap()).await;
    let fields = |next: &'static str| [("name", ADMIN), ("password", PASSWORD), ("next", next)];
    let answer = post_form(world.admin, &page, "/sign-in", &page.cookies(), &fields("/quarantine?state=held")).await;
    assert_eq!(answer.header("location"), Some("/sign-in/code?next=%2Fquarantine%3Fstate%3Dheld"));
    let cookies = answer.cookies();
    let page = get_as(&world, &cookies, answer.header("location").unwrap()).await;
    let code = world.codes.lock().unwrap()[ADMIN][0].clone();
    let fields = [("code", code.as_str()), ("next", "//evil.example/")];
    let evil = post_form(world.admin, &page, "/sign-in/code", &cookies, &fields).await;
    assert_eq!(evil.header("location"), Some("/"));
    assert!(page.text().contains("value=\"/quarantine?state=held\""));
}

/// Makes a key on a site and gives it.
async fn with_key(site: std::net::SocketAddr, path: &str, key: &str) -> Answer {
    send(site, "GET", path, &[("Authorization", &format!("Bearer {key}"))], b"").await
}

#[tokio::test]
async fn a_key_does_what_its_scope_says_until_it_is_ended_and_opens_no_page() {
    let world = world_of_accounts().await;
    let admin = signed_in(&world).await;
    let reading = key(world.admin, &admin, &["quarantine"]).await;
    assert!(reading.starts_with("misogi_") && reading.len() == 71, "{reading}");
    assert_eq!(with_key(world.admin, "/api/v1/quarantine", &reading).await.status, 200);
    let unlock = send(
        world.admin,
        "POST",
        "/api/v1/quarantine/1/unlock",
        &[("Authorization", &format!("Bearer {reading}")), ("Content-Type", "application/json")],
        b"{\"password\":\"x\"}",
    )
    .await;
    assert_eq!((unlock.status, unlock.json()["reason_code"].as_str()), (403, Some("forbidden")));
    // Whoever uploads with it needs another scope.
    let files = with_key(world.portal, &format!("/api/v1/files/{}", "0".repeat(32)), &reading).await;
    assert_eq!(files.status, 403);
    for path in ["/", "/quarantine", "/account", "/account/keys"] {
        let answer = with_key(world.admin, path, &reading).await;
        assert_eq!(answer.status, 303, "{path} is for people");
    }
    for bad in ["", "misogi_", "x", &"0".repeat(64), &format!("misogi_{}", "0".repeat(64))] {
        let answer = with_key(world.admin, "/api/v1/quarantine", bad).await;
        assert_eq!(answer.status, 401, "{bad}");
        assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer"));
    }
    let page = get_as(&world, &admin, "/account/keys").await;
    assert!(page.text().contains("batch program") && !page.text().contains(&reading));
    let id = page.text().split("name=\"key\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let none = post_form(world.admin, &page, "/account/keys", &admin, &[("name", "x"), ("days", "30")]).await;
    assert_eq!(none.status, 422, "a key that may do nothing");
    let long =
        post_form(world.admin, &page, "/account/keys", &admin, &[("name", "x"), ("days", "9999"), ("files", "on")]);
    assert_eq!(long.await.status, 422);
    let ended = post_form(world.admin, &page, "/account/keys/end", &admin, &[("key", &id)]).await;
    assert_eq!(ended.status, 303);
    assert_eq!(with_key(world.admin, "/api/v1/quarantine", &reading).await.status, 401);
    let (asking, reading) =
        (key(world.admin, &admin, &["requests"]).await, key(world.admin, &admin, &["quarantine"]).await);
    for site in [world.admin, world.portal] {
        assert_eq!(with_key(site, "/api/v1/requests", &asking).await.status, 200);
        assert_eq!(with_key(site, "/api/v1/requests", &reading).await.status, 403);
    }
    let bearer = format!("Bearer {asking}");
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let decided = send(world.admin, "POST", "/api/v1/requests/1/approve", &headers, br#"{"comment":"x"}"#).await;
    assert_eq!(decided.status, 403, "deciding is for a person");
}

#[tokio::test]
async fn a_key_never_allows_more_than_its_owner_s_role() {
    let world = world().await;
    let admin = signed_in(&world).await;
    let temporary = made(&world, &admin, "unyo01", "operator", "").await;
    settle(world.admin, "unyo01", &temporary, OTHER).await;
    let cookies = sign_in(&world, "unyo01", OTHER).await.cookies();
    let given = key(world.admin, &cookies, &["quarantine", "unlock"]).await;
    assert_eq!(with_key(world.admin, "/api/v1/quarantine", &given).await.status, 200);
    let id = world.store.user_by_name("unyo01").await.unwrap().unwrap().id;
    world.store.set_role(id, Role::Staff, "test").await.unwrap();
    assert_eq!(with_key(world.admin, "/api/v1/quarantine", &given).await.status, 403);
    world.store.set_user_state(id, UserState::Disabled, "test").await.unwrap();
    assert_eq!(with_key(world.admin, "/api/v1/quarantine", &given).await.status, 401);
    // Even where nobody needs a key, one that is not good is refused.
    let wrong = with_key(world.portal, &format!("/api/v1/files/{}", "0".repeat(32)), &given).await;
    assert_eq!(wrong.status, 401);
}

#[tokio::test]
async fn links_of_notices_show_their_own_mail_to_its_recipient_alone_and_take_passwords() {
    use form::Reason;
    use store::{Quarantined, Verdict};
    let world = world_of_accounts().await;
    let admin = signed_in(&world).await;
    let mut cookies = Vec::new();
    for (name, address) in [("shokuin-a", "A@city.example.jp"), ("shokuin-b", "b@city.example.jp")] {
        let temporary = made(&world, &admin, name, "staff", address).await;
        settle(world.portal, name, &temporary, OTHER).await;
        cookies.push(sign_in_at(&world, world.portal, name, OTHER).await.cookies());
    }
    let locked = jail::Source::whole(std::sync::Arc::new(jail::Sealed::from_bytes(b"PK").unwrap()));
    let parts = vec![
        sanitised("1", "計画.pdf", "計画.pdf", "application/pdf", Vec::new()),
        withheld("2", "名簿.zip", Reason::Encrypted, Some(Quarantined::Locked(locked))),
    ];
    let id =
        mail(&world, Some("k@example.co.jp"), "a@city.example.jp", "名簿の件", Verdict::SanitisedWithWithheld, parts)
            .await;
    let receipt = world.store.message(id).await.unwrap().unwrap().row.receipt.to_string();
    let as_staff =
        async |who: usize, path: &str| send(world.portal, "GET", path, &[("Cookie", cookies[who].as_str())], b"").await;
    for path in [format!("/r/{receipt}"), format!("/p/{receipt}")] {
        let page = as_staff(0, &path).await;
        assert_eq!(page.status, 200, "{path}");
        let text = page.text();
        assert!(text.contains("名簿の件") && text.contains("名簿.zip") && text.contains("計画.pdf"), "{text}");
        assert_eq!(as_staff(1, &path).await.status, 404, "not theirs: {path}");
        let nobody = get(world.portal, &path).await;
        assert_eq!(nobody.header("location").unwrap(), format!("/sign-in?next={}", path.replace('/', "%2F")));
    }
    for path in ["/r/20261121-00000", "/r/x", "/p/x"] {
        assert_eq!(as_staff(0, path).await.status, 404, "{path}");
    }
    let to = format!("/p/{receipt}");
    let page = as_staff(0, &to).await;
    let item = page.text().split("name=\"item\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let wrong = post_form(world.portal, &page, &to, &cookies[0], &[("item", &item), ("password", "guess")]).await;
    assert_eq!(wrong.header("location"), Some(format!("{to}#unlock-news").as_str()));
    let told = led(world.portal, &cookies[0], &wrong).await.text();
    assert!(told.contains("残りの回数: 7") && !told.contains("guess"), "{told}");
    let again = led(world.portal, &cookies[0], &wrong).await.text();
    assert!(again.contains("残り 3回") && !again.contains("残りの回数: 7"), "loaded again it is told no more: {again}");
    let other = post_form(world.portal, &page, &to, &cookies[0], &[("item", "999"), ("password", "sesame")]).await;
    assert_eq!(other.status, 404, "an original of another mail");
    let theirs = as_staff(1, "/history").await;
    let stolen = post_form(world.portal, &theirs, &to, &cookies[1], &[("item", &item), ("password", "sesame")]).await;
    assert_eq!(stolen.status, 404);
    let opened = post_form(world.portal, &page, &to, &cookies[0], &[("item", &item), ("password", "sesame")]).await;
    let told = led(world.portal, &cookies[0], &opened).await.text();
    assert!(told.contains("宛先の数: 2"), "{told}");

    let history = as_staff(0, "/history").await.text();
    assert!(history.contains("名簿の件") && history.contains(&format!("href=\"/r/{receipt}\"")));
    assert!(!as_staff(1, "/history").await.text().contains("名簿の件"));
}

#[tokio::test]
async fn the_password_of_an_upload_is_typed_by_whoever_uploaded_it_alone() {
    let world = world_of_accounts().await;
    let admin = signed_in(&world).await;
    let mut cookies = Vec::new();
    for name in ["shokuin-a", "shokuin-b"] {
        let temporary = made(&world, &admin, name, "staff", "").await;
        settle(world.portal, name, &temporary, OTHER).await;
        cookies.push(sign_in_at(&world, world.portal, name, OTHER).await.cookies());
    }
    let as_staff =
        async |who: usize, path: &str| send(world.portal, "GET", path, &[("Cookie", cookies[who].as_str())], b"").await;
    let body = multipart(Some(&as_staff(0, "/").await.form_token()), &[("locked.zip", b"PK")]);
    let kind = multipart_type();
    let headers = [("Content-Type", kind.as_str()), ("Cookie", cookies[0].as_str())];
    let path = send(world.portal, "POST", "/upload", &headers, &body).await.header("location").unwrap().to_owned();
    work(&world).await;
    let page = as_staff(0, &path).await;
    let receipt = page.text().split("name=\"receipt\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    for link in [format!("/p/{receipt}"), format!("/r/{receipt}")] {
        assert_eq!(as_staff(0, &link).await.header("location"), Some(path.as_str()), "{link} leads to the result");
        assert_eq!(as_staff(1, &link).await.status, 404, "{link}");
    }
    let to = format!("{path}/files/1/password");
    let fields = [("receipt", receipt.as_str()), ("password", "sesame")];
    let theirs = as_staff(1, "/history").await;
    assert_eq!(post_form(world.portal, &theirs, &to, &cookies[1], &fields).await.status, 404);
    assert_eq!(as_staff(1, &to).await.status, 404);
    let opened = post_form(world.portal, &page, &to, &cookies[0], &fields).await;
    let told = led(world.portal, &cookies[0], &opened).await.text();
    assert!(told.contains("開きました"), "{told}");
    let audit = world.store.audit(&store::AuditFilter::default()).await.unwrap();
    let row = audit.items.iter().find(|row| row.event == "upload_unlocked").unwrap();
    assert_eq!(row.actor, "shokuin-a");
}

#[tokio::test]
async fn keys_end_with_the_password_and_an_administrator_sees_and_ends_those_of_others() {
    let world = world().await;
    let admin = signed_in(&world).await;
    let temporary = made(&world, &admin, "unyo01", "operator", "").await;
    settle(world.admin, "unyo01", &temporary, OTHER).await;
    let cookies = sign_in(&world, "unyo01", OTHER).await.cookies();
    let first = key(world.admin, &cookies, &["quarantine"]).await;
    let second = key(world.admin, &cookies, &["quarantine"]).await;

    let id = world.store.user_by_name("unyo01").await.unwrap().unwrap().id;
    let href = format!("/users/{}", id.0);
    let page = get_as(&world, &admin, &href).await;
    assert_eq!(page.text().matches("batch program</td>").count(), 2, "{}", page.text());
    assert!(!page.text().contains(&first));
    // The newest stands first.
    let button = page.text().split("value=\"key\"").nth(1).unwrap().to_owned();
    let number = button.split("name=\"value\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let fields = [("what", "key"), ("value", number.as_str())];
    assert_eq!(post_form(world.admin, &page, &href, &admin, &fields).await.status, 303);
    assert_eq!(with_key(world.admin, "/api/v1/quarantine", &second).await.status, 401);
    assert_eq!(with_key(world.admin, "/api/v1/quarantine", &first).await.status, 200);
    // Of somebody else's account the number ends nothing.
    let own = key(world.admin, &admin, &["quarantine"]).await;
    let mine = get_as(&world, &admin, "/account/keys").await.text();
    let number = mine.split("name=\"key\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let fields = [("what", "key"), ("value", number.as_str())];
    assert_eq!(post_form(world.admin, &page, &href, &admin, &fields).await.status, 303);
    assert_eq!(with_key(world.admin, "/api/v1/quarantine", &own).await.status, 200);
    assert_eq!(post_form(world.admin, &page, &href, &admin, &[("what", "key"), ("value", "x")]).await.status, 400);

    let form = get_as(&world, &cookies, "/account/password").await;
    let chosen = "yet another password";
    let fields = [("current", OTHER), ("password", chosen), ("again", chosen)];
    let done = post_form(world.admin, &form, "/account/password", &cookies, &fields).await;
    assert_eq!(done.header("location"), Some("/sign-in?from=password"));
    assert_eq!(with_key(world.admin, "/api/v1/quarantine", &first).await.status, 401, "made with the old password");
}

#[tokio::test]
async fn two_administrators_who_take_each_other_s_role_away_leave_one() {
    let world = world().await;
    let admin = signed_in(&world).await;
    let temporary = made(&world, &admin, "kanri02", "tenant_admin", "").await;
    settle(world.admin, "kanri02", &temporary, OTHER).await;
    let other = sign_in(&world, "kanri02", OTHER).await.cookies();
    let id = async |name: &str| world.store.user_by_name(name).await.unwrap().unwrap().id.0;
    let (first, second) = (format!("/users/{}", id(ADMIN).await), format!("/users/{}", id("kanri02").await));
    let (page, theirs) = tokio::join!(get_as(&world, &admin, &second), get_as(&world, &other, &first));
    let fields = [("what", "role"), ("value", "staff")];
    let (one, two) = tokio::join!(
        post_form(world.admin, &page, &second, &admin, &fields),
        post_form(world.admin, &theirs, &first, &other, &fields)
    );
    let left = world.store.users().await.unwrap().iter().filter(|user| user.role == Role::TenantAdmin).count();
    assert_eq!(left, 1, "{} {}", one.status, two.status);
    // Whoever came second is told, or is signed out already.
    let refused = [&one, &two].iter().filter(|answer| answer.text().contains("利用できる管理者がほかにいない")).count();
    let out = [&one, &two].iter().filter(|answer| answer.header("location") == Some("/sign-in")).count();
    assert_eq!(refused + out, 1);
}

#[tokio::test]
async fn new_recovery_codes_are_given_against_a_code_and_the_former_ones_are_gone() {
    let world = world().await;
    let admin = signed_in(&world).await;
    let former = world.codes.lock().unwrap()[ADMIN].clone();
    assert!(get_as(&world, &admin, "/account").await.text().contains("href=\"/account/recovery-codes\""));
    let at = "/account/recovery-codes";
    let page = get_as(&world, &admin, at).await;
    assert_eq!(page.status, 200);
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let body = format!("code={}", percent(&former[0]));
    let unproved = send(world.admin, "POST", at, &[("Cookie", &admin), form], body.as_bytes()).await;
    assert_eq!(unproved.status, 403);
    assert_eq!(post_form(world.admin, &page, at, &admin, &[("code", "000000")]).await.status, 422);
    let done = post_form(world.admin, &page, at, &admin, &[("code", &former[0])]).await;
    assert_eq!(done.status, 200, "{}", done.text());
    let text = done.text();
    let fresh: Vec<String> = text
        .split("<ol class=\"codes mono\">")
        .nth(1)
        .unwrap()
        .split("<li>")
        .skip(1)
        .map(|item| item.split("</li>").next().unwrap().to_owned())
        .collect();
    assert_eq!(fresh.len(), 10);
    assert!(fresh.iter().all(|code| !former.contains(code)));
    assert!(get_as(&world, &admin, "/account").await.text().contains("<dd>10</dd>"));
    let half = password_only(world.admin, ADMIN, PASSWORD).await.cookies();
    let asked = get_as(&world, &half, "/sign-in/code").await;
    let old = post_form(world.admin, &asked, "/sign-in/code", &half, &[("code", &former[1])]).await;
    assert_eq!(old.status, 401);
    assert_eq!(post_form(world.admin, &asked, "/sign-in/code", &half, &[("code", &fresh[3])]).await.status, 303);
    // Guessing ends here as it does at sign-in.
    for _ in 0..5 {
        post_form(world.admin, &page, at, &admin, &[("code", "000000")]).await;
    }
    assert_eq!(post_form(world.admin, &page, at, &admin, &[("code", &fresh[4])]).await.status, 429);
}

#[tokio::test]
async fn tries_on_one_site_count_on_the_other() {
    let world = world_of_accounts().await;
    signed_in(&world).await;
    for _ in 0..2 {
        assert_eq!(password_only(world.portal, ADMIN, "wrong password").await.status, 401);
    }
    for _ in 0..3 {
        assert_eq!(password_only(world.admin, ADMIN, "wrong password").await.status, 401);
    }
    for site in [world.portal, world.admin] {
        assert_eq!(password_only(site, ADMIN, PASSWORD).await.status, 429);
    }
}

#[tokio::test]
async fn an_office_signs_in_and_guesses_count_for_who_guesses() {
    let world = world().await;
    signed_in(&world).await;
    // One address, many who know their password.
    for _ in 0..25 {
        let answer = password_only(world.admin, ADMIN, PASSWORD).await;
        assert_eq!((answer.status, answer.header("location")), (303, Some("/sign-in/code")));
    }
    let guess = async |forwarded: &str| {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.9:0".parse().unwrap()).unwrap();
        let page = get(world.admin, "/sign-in").await;
        let body = format!("form_token={}&name=nobody{}&password=x", page.form_token(), fresh_number());
        let mut stream = socket.connect(world.admin).await.unwrap();
        let head = format!(
            "POST /sign-in HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nCookie: {}\r\nX-Forwarded-For: {forwarded}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            world.admin,
            page.cookies(),
            body.len()
        );
        tokio::io::AsyncWriteExt::write_all(&mut stream, head.as_bytes()).await.unwrap();
        read(&mut stream).await.status
    };
    for _ in 0..20 {
        assert_eq!(guess("198.51.100.1, 203.0.113.5").await, 401);
    }
    assert_eq!(guess("198.51.100.2, 203.0.113.5").await, 429, "whatever its client wrote before");
    assert_eq!(guess("203.0.113.6").await, 401, "another client of the same proxy");
    let row = &world.store.audit(&store::AuditFilter::default()).await.unwrap().items[0];
    assert!(row.detail.contains("203.0.113.6"), "{}", row.detail);
}

/// Another name at each call.
fn fresh_number() -> u32 {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

#[tokio::test]
async fn an_administrator_makes_nobody_who_runs_the_gateway_as_a_whole_and_gets_at_no_account_of_one() {
    let world = world_of_accounts().await;
    let admin = signed_in(&world).await;
    let store = &world.store;
    let form = get_as(&world, &admin, "/users").await;
    assert!(!form.text().contains("platform_admin"), "it is not offered");
    let post = async |path: &str, fields: &[(&str, &str)]| post_form(world.admin, &form, path, &admin, fields).await;
    let refused = |answer: &Answer| answer.status == 422 && answer.text().contains("misogi platform-admin");
    let answer = post("/users", &[("name", "kencho"), ("role", "platform_admin")]).await;
    assert!(refused(&answer), "{}", answer.text());
    let staff = NewUser { name: "suzuki".to_owned(), password_hash: "none".to_owned(), role: Role::Staff };
    let staff = store.create_user(staff, "test").await.unwrap();
    let page = format!("/users/{}", staff.0);
    assert!(refused(&post(&page, &[("what", "role"), ("value", "platform_admin")]).await));
    assert_eq!(store.user(staff).await.unwrap().unwrap().role, Role::Staff);

    // The machine makes one, who then signs in; nobody else gets at the account but to end its sessions.
    assert!(web::add_platform_admin(store, "suzuki", "test").await.is_err(), "an account of somebody");
    let password = web::add_platform_admin(store, "kencho", "test").await.unwrap();
    let kencho = store.user_by_name("kencho").await.unwrap().unwrap();
    assert_eq!((kencho.role, kencho.must_change), (Role::PlatformAdmin, true));
    assert_eq!(sign_in(&world, "kencho", &password).await.status, 303);
    let page = format!("/users/{}", kencho.id.0);
    for (what, value) in [
        ("role", "staff"),
        ("state", "disabled"),
        ("state", "active"),
        ("password", ""),
        ("second_factor", ""),
        ("address", "a@example.jp"),
    ] {
        assert!(refused(&post(&page, &[("what", what), ("value", value)]).await), "{what}");
    }
    let now = store.user(kencho.id).await.unwrap().unwrap();
    assert_eq!((now.role, now.state, now.address), (Role::PlatformAdmin, UserState::Active, None));
    assert_eq!(now.password_hash, kencho.password_hash);
    assert_eq!(post(&page, &[("what", "sessions")]).await.status, 303);

    // The machine gives another password, and takes the role.
    let again = web::reset_platform_admin(store, "kencho", "test").await.unwrap();
    assert_ne!(again, password);
    assert!(web::reset_platform_admin(store, "suzuki", "test").await.is_err());
    web::remove_platform_admin(store, "kencho", "test").await.unwrap();
    let gone = store.user(kencho.id).await.unwrap().unwrap();
    assert_eq!((gone.role, gone.state), (Role::Staff, UserState::Disabled));
}

#[tokio::test]
async fn a_platform_administrator_whom_groups_made_is_stopped_by_an_administrator_and_ended_on_the_machine() {
    let world = world_of_accounts().await;
    let admin = signed_in(&world).await;
    let store = &world.store;
    // As earlier versions let groups have it.
    let who = External {
        source: Source::Provider,
        subject: "subject-1".to_owned(),
        name: "kencho@example.jp".to_owned(),
        role: Role::PlatformAdmin,
        address: None,
    };
    let kencho = store.external_sign_in(who).await.unwrap();
    let page = format!("/users/{}", kencho.id.0);
    let form = get_as(&world, &admin, &page).await;
    assert!(form.text().contains("value=\"disabled\"") && !form.text().contains("id=\"role\""), "{}", form.text());
    let post = async |fields: &[(&str, &str)]| post_form(world.admin, &form, &page, &admin, fields).await.status;
    let now = async || store.user(kencho.id).await.unwrap().unwrap();
    for (what, value) in [("role", "staff"), ("state", "active"), ("password", ""), ("address", "a@example.jp")] {
        assert_eq!(post(&[("what", what), ("value", value)]).await, 422, "{what}");
    }
    assert_eq!(post(&[("what", "state"), ("value", "disabled")]).await, 303);
    assert_eq!((now().await.role, now().await.state), (Role::PlatformAdmin, UserState::Disabled));
    assert_eq!(post(&[("what", "state"), ("value", "active")]).await, 422, "and is not let in again");
    // The machine gives no password of elsewhere, and takes the role; then the account is as any other.
    assert!(web::reset_platform_admin(store, &kencho.name, "test").await.is_err());
    web::remove_platform_admin(store, &kencho.name, "test").await.unwrap();
    assert_eq!((now().await.role, now().await.state), (Role::Staff, UserState::Disabled));
    assert_eq!(post(&[("what", "state"), ("value", "active")]).await, 303);
    assert_eq!(post(&[("what", "role"), ("value", "auditor")]).await, 422, "what they may do is said elsewhere");
}

#[tokio::test]
async fn a_platform_administrator_in_the_store_of_a_tenant_is_stopped_and_loses_the_role_there() {
    let tenant = world_named("b.example.jp").await;
    let admin = signed_in(&tenant).await;
    let store = &tenant.store;
    let hash = store.user_by_name(ADMIN).await.unwrap().unwrap().password_hash;
    let user = NewUser { name: "kencho".to_owned(), password_hash: hash, role: Role::PlatformAdmin };
    let kencho = store.create_user(user, "test").await.unwrap();
    let page = format!("/users/{}", kencho.0);
    let form = get_as(&tenant, &admin, &page).await;
    let post = async |fields: &[(&str, &str)]| post_form(tenant.admin, &form, &page, &admin, fields).await.status;
    for (what, value) in [("role", "platform_admin"), ("state", "active"), ("password", ""), ("second_factor", "")] {
        assert_eq!(post(&[("what", what), ("value", value)]).await, 422, "{what}");
    }
    assert_eq!(post(&[("what", "state"), ("value", "disabled")]).await, 303);
    assert_eq!(post(&[("what", "role"), ("value", "staff")]).await, 303);
    let now = store.user(kencho).await.unwrap().unwrap();
    assert_eq!((now.role, now.state), (Role::Staff, UserState::Disabled));
}

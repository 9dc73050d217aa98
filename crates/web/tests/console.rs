//! The admin console over real HTTP: set-up, sign-in, roles, pages.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod support;

use form::Reason;
use store::{NewUser, Quarantined, Role, Verdict};
use support::*;

#[tokio::test]
async fn the_set_up_link_creates_one_administrator_and_works_once() {
    let world = world().await;
    let link = web::invite(&world.store, &world.site).await.unwrap().unwrap();
    let path = link.strip_prefix(&format!("http://{}", world.admin)).unwrap();
    assert!(get(world.admin, "/sign-in").await.text().contains("まだ管理者が登録されていません"));
    let page = get(world.admin, path).await;
    assert_eq!(page.status, 200);
    assert_eq!(get(world.admin, path).await.status, 200, "looking uses nothing up");
    let fields =
        |password: &'static str, again: &'static str| [("name", ADMIN), ("password", password), ("again", again)];
    for (password, again, text) in [
        ("short", "short", "12文字以上"),
        (PASSWORD, "correct horse batterz", "一致しません"),
        ("kanri01kanri01", "kanri01kanri01", "利用者IDを含む"),
    ] {
        let answer = post_form(world.admin, &page, path, &page.cookies(), &fields(password, again)).await;
        assert_eq!(answer.status, 422, "{password}");
        assert!(answer.text().contains(text), "{password}");
    }
    let done = post_form(world.admin, &page, path, &page.cookies(), &fields(PASSWORD, PASSWORD)).await;
    assert_eq!(done.status, 303);
    let again = post_form(
        world.admin,
        &page,
        path,
        &page.cookies(),
        &[("name", "other"), ("password", PASSWORD), ("again", PASSWORD)],
    )
    .await;
    assert_eq!(again.status, 404);
    assert_eq!(get(world.admin, path).await.status, 404);
    assert_eq!(world.store.user_count().await.unwrap(), 1);
    assert_eq!(web::invite(&world.store, &world.site).await.unwrap(), None, "no second link once there is an account");
}

#[tokio::test]
async fn a_new_set_up_link_voids_the_one_before_and_a_guessed_one_is_refused() {
    let world = world().await;
    let first = web::invite(&world.store, &world.site).await.unwrap().unwrap();
    let second = web::invite(&world.store, &world.site).await.unwrap().unwrap();
    let path = |link: &str| link.strip_prefix(&format!("http://{}", world.admin)).unwrap().to_owned();
    assert_eq!(get(world.admin, &path(&first)).await.status, 404);
    assert_eq!(get(world.admin, &path(&second)).await.status, 200);
    assert_eq!(get(world.admin, &format!("/setup/{}", "0".repeat(64))).await.status, 404);
}

#[tokio::test]
async fn signing_in_gives_a_strict_cookie_and_signing_out_ends_the_session() {
    let world = world().await;
    signed_in(&world).await;
    let answer = sign_in(&world, ADMIN, PASSWORD).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")));
    let set =
        answer.headers.iter().find(|(key, value)| key == "set-cookie" && value.starts_with("misogi_admin=")).unwrap();
    assert!(set.1.contains("HttpOnly") && set.1.contains("SameSite=Strict") && set.1.contains("Path=/"), "{}", set.1);
    let cookies = answer.cookies();
    let page = get_as(&world, &cookies, "/").await;
    assert_eq!(page.status, 200);
    let refused = send(
        world.admin,
        "POST",
        "/sign-out",
        &[("Cookie", &cookies), ("Content-Type", "application/x-www-form-urlencoded")],
        b"form_token=x",
    )
    .await;
    assert_eq!(refused.status, 403);
    assert_eq!(get_as(&world, &cookies, "/").await.status, 200, "still signed in");
    let out = post_form(world.admin, &page, "/sign-out", &cookies, &[]).await;
    assert_eq!((out.status, out.header("location")), (303, Some("/sign-in?from=sign-out")));
    let gone = get_as(&world, &cookies, "/").await;
    assert_eq!((gone.status, gone.header("location")), (303, Some("/sign-in")), "the old cookie is worth nothing");
}

#[tokio::test]
async fn five_wrong_passwords_close_the_account_for_a_while() {
    let world = world().await;
    signed_in(&world).await;
    for _ in 0..5 {
        let answer = sign_in(&world, ADMIN, "wrong password!").await;
        assert_eq!(answer.status, 401);
        assert!(answer.text().contains("利用者IDまたはパスワードが違います"));
        assert!(answer.cookies().split("; ").all(|cookie| !cookie.starts_with("misogi_admin=")));
    }
    let answer = sign_in(&world, ADMIN, PASSWORD).await;
    assert_eq!(answer.status, 429, "even the right password waits");
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=31).contains(&wait), "{wait}");
    let user = world.store.user_by_name(ADMIN).await.unwrap().unwrap();
    assert_eq!(user.failed_sign_ins, 5);
    assert!(user.locked_until.is_some(), "the lock outlives a restart");
    let events = world
        .store
        .audit(&store::AuditFilter { event: Some("sign_in_failed".into()), ..Default::default() })
        .await
        .unwrap();
    assert_eq!(events.items.len(), 5);
}

#[tokio::test]
async fn an_unknown_account_is_answered_and_slowed_like_a_known_one() {
    let world = world().await;
    for _ in 0..5 {
        let answer = sign_in(&world, "nobody", "wrong password!").await;
        assert_eq!(answer.status, 401);
        assert!(answer.text().contains("利用者IDまたはパスワードが違います"));
    }
    assert_eq!(sign_in(&world, "nobody", "wrong password!").await.status, 429);
}

#[tokio::test]
async fn a_form_without_its_token_changes_nothing() {
    let world = world().await;
    signed_in(&world).await;
    let page = get(world.admin, "/sign-in").await;
    let body = format!("name={ADMIN}&password={}", percent(PASSWORD));
    let kind = ("Content-Type", "application/x-www-form-urlencoded");
    let without = send(world.admin, "POST", "/sign-in", &[kind, ("Cookie", &page.cookies())], body.as_bytes()).await;
    assert_eq!(without.status, 403);
    let with_other = format!("{body}&form_token={}", page.form_token());
    let without_cookie = send(world.admin, "POST", "/sign-in", &[kind], with_other.as_bytes()).await;
    assert_eq!(without_cookie.status, 403);
}

#[tokio::test]
async fn staff_cannot_enter_and_the_platform_s_administrator_sees_nobody_s_mail() {
    let world = world().await;
    signed_in(&world).await;
    let hash = world.store.user_by_name(ADMIN).await.unwrap().unwrap().password_hash;
    mail(
        &world,
        Some("k@example.co.jp"),
        "a@city.example.jp",
        "件名",
        Verdict::NoticeOnly,
        vec![withheld("1", "x.exe", Reason::UnsupportedType, Some(Quarantined::Whole))],
    )
    .await;
    let user = NewUser { name: "platform".into(), password_hash: hash.clone(), role: Role::PlatformAdmin };
    world.store.create_user(user, "test").await.unwrap();
    for (role, name) in [(Role::Staff, "staff"), (Role::Approver, "approver")] {
        world
            .store
            .create_user(NewUser { name: name.into(), password_hash: hash.clone(), role }, "test")
            .await
            .unwrap();
        assert_eq!(sign_in(&world, name, PASSWORD).await.status, 401, "{name}");
    }
    let platform = sign_in(&world, "platform", PASSWORD).await.cookies();
    assert!(
        !get_as(&world, &platform, "/").await.text().contains("k@example.co.jp"),
        "no person's mail on the dashboard"
    );
}

#[tokio::test]
async fn hostile_metadata_is_text_on_every_page_of_the_console() {
    let world = world().await;
    let evil = "<script>alert('x')</script>";
    let parts = vec![withheld("1", "<b>invoice\".exe", Reason::UnsupportedType, Some(Quarantined::Whole))];
    let id = mail(
        &world,
        Some("\"><img src=x>@example.jp"),
        "a@city.example.jp",
        &format!("{evil}\u{202E}txt"),
        Verdict::SanitisedWithWithheld,
        parts,
    )
    .await;
    let cookies = signed_in(&world).await;
    let detail = format!("/messages/{}", id.0);
    for path in
        ["/", "/messages", detail.as_str(), "/quarantine", "/quarantine/1", "/audit", "/messages?q=%3Cscript%3E%22"]
    {
        let page = get_as(&world, &cookies, path).await;
        assert_eq!(page.status, 200, "{path}");
        let text = page.text();
        assert!(
            !text.contains("<script>alert") && !text.contains("<img") && !text.contains("<b>invoice"),
            "{path}: {text}"
        );
        assert!(!text.contains('\u{202E}'), "{path}");
        assert!(!text.contains("hostile original"), "{path} shows content");
    }
    let text = get_as(&world, &cookies, "/messages").await.text();
    assert!(text.contains("&#60;script&#62;") && text.contains("⟦U+202E⟧"), "{text}");
    let found = get_as(&world, &cookies, "/messages?q=alert&kind=mail&verdict=partly_withheld").await.text();
    assert!(found.contains(&detail));
    assert!(!get_as(&world, &cookies, "/messages?q=nothing-like-it").await.text().contains(&detail));
}

#[tokio::test]
async fn the_audit_page_tells_whether_the_chain_holds() {
    let world = world().await;
    let cookies = signed_in(&world).await;
    let page = get_as(&world, &cookies, "/audit").await.text();
    assert!(page.contains("検証済み") && page.contains("signed_in"));
}

#[tokio::test]
async fn readiness_fails_when_mail_would_be_refused() {
    let world = world().await;
    for listener in [world.portal, world.admin] {
        assert_eq!(get(listener, "/healthz").await.json()["status"], "ok");
        let ready = get(listener, "/readyz").await;
        assert_eq!((ready.status, ready.json()["status"].as_str()), (200, Some("ok")));
    }
    world.readiness.report("scanner", web::Condition::Degraded("clamd does not answer; mail waits".into()));
    let ready = get(world.admin, "/readyz").await;
    assert_eq!((ready.status, ready.json()["status"].as_str()), (200, Some("degraded")));
    world.readiness.report("rooms", web::Condition::Refusing("no room".into()));
    let ready = get(world.admin, "/readyz").await;
    assert_eq!((ready.status, ready.json()["status"].as_str()), (503, Some("refusing")));
    let live = get(world.admin, "/healthz").await;
    assert_eq!(live.status, 200);
}

#[tokio::test]
async fn the_metrics_carry_the_store_s_numbers() {
    let world = world().await;
    upload(&world, &[("a.txt", b"12345")]).await;
    let answer = get(world.admin, "/metrics").await;
    assert!(answer.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    let text = answer.text();
    for line in [
        "misogi_accepted_total{source=\"upload\"} 1",
        "misogi_received_bytes_total 5",
        "misogi_queue{state=\"waiting\"} 1",
        "misogi_store_up 1.0",
        "misogi_recorded{event=\"file_uploaded\"} 1",
        "# EOF",
    ] {
        assert!(text.contains(line), "{line} missing in {text}");
    }
}

#[tokio::test]
async fn a_password_is_typed_with_its_form_by_those_who_may_and_only_for_what_is_locked() {
    let world = world().await;
    let cookies = signed_in(&world).await;
    let parts = vec![
        withheld("1", "名簿.zip", Reason::Encrypted, Some(Quarantined::Locked(source(b"PK")))),
        withheld("2", "x.exe", Reason::UnsupportedType, Some(Quarantined::Part(source(b"MZ")))),
    ];
    mail(&world, Some("k@example.co.jp"), "a@city.example.jp", "件名", Verdict::SanitisedWithWithheld, parts).await;
    let page = get_as(&world, &cookies, "/quarantine/1").await;
    assert!(page.text().contains("開いて無害化する"), "{}", page.text());
    assert!(!get_as(&world, &cookies, "/quarantine/2").await.text().contains("開いて無害化する"));
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let post = async |body: String| {
        send(world.admin, "POST", "/quarantine/1/unlock", &[form, ("Cookie", &cookies)], body.as_bytes()).await
    };
    assert_eq!(post("password=sesame".to_owned()).await.status, 403, "without the form's token");
    let token = page.form_token();
    let wrong = post(format!("form_token={token}&password=guess")).await;
    assert_eq!(wrong.header("location"), Some("/quarantine/1#unlock-news"));
    let told = led(world.admin, &cookies, &wrong).await.text();
    assert!(told.contains("残りの回数: 7") && !told.contains("guess"), "{told}");
    let again = led(world.admin, &cookies, &wrong).await.text();
    assert!(again.contains("残り 3回") && !again.contains("残りの回数: 7"), "{again}");
    let opened = post(format!("form_token={token}&password=sesame")).await;
    assert!(led(world.admin, &cookies, &opened).await.text().contains("宛先の数: 2"));

    let json = ("Content-Type", "application/json");
    let api = async |cookies: &str, password: &str| {
        let body = format!("{{\"password\":\"{password}\"}}");
        let headers = [json, ("Cookie", cookies)];
        send(world.admin, "POST", "/api/v1/quarantine/1/unlock", &headers, body.as_bytes()).await
    };
    let wrong = api(&cookies, "guess").await;
    assert_eq!((wrong.status, wrong.json()["left"].as_u64()), (422, Some(7)));
    let opened = api(&cookies, "sesame").await;
    assert_eq!((opened.status, opened.json()["outcome"].as_str().unwrap()), (200, "opened"));
    assert_eq!(api("", "sesame").await.status, 401);
    let hash = world.store.user_by_name(ADMIN).await.unwrap().unwrap().password_hash;
    let auditor = NewUser { name: "auditor".into(), password_hash: hash, role: Role::Auditor };
    world.store.create_user(auditor, "test").await.unwrap();
    let looking = sign_in(&world, "auditor", PASSWORD).await.cookies();
    assert_eq!(api(&looking, "sesame").await.status, 403);
    assert!(!get_as(&world, &looking, "/quarantine/1").await.text().contains("開いて無害化する"));
}

fn source(bytes: &[u8]) -> jail::Source {
    jail::Source::whole(std::sync::Arc::new(jail::Sealed::from_bytes(bytes).unwrap()))
}

#[tokio::test]
async fn the_other_language_is_that_of_the_same_page() {
    let world = world().await;
    let cookies = signed_in(&world).await;
    for (path, link) in [
        ("/messages?q=%E8%A6%8B%E7%A9%8D&kind=upload", "href=\"?q=%E8%A6%8B%E7%A9%8D&#38;kind=upload&#38;lang=en\""),
        ("/messages?lang=ja&q=a", "href=\"?q=a&#38;lang=en\""),
        ("/messages", "href=\"?lang=en\""),
    ] {
        let page = get_as(&world, &cookies, path).await.text();
        assert!(page.contains(link), "{path}: {page}");
    }
    let english = get_as(&world, &cookies, "/messages?q=a&lang=en").await.text();
    assert!(english.contains("href=\"?q=a&#38;lang=ja\"") && english.contains("name=\"q\" value=\"a\""), "{english}");
    // Where signing in leads is not forgotten.
    let page = get(world.admin, "/sign-in?next=%2Fmessages%3Fq%3Da").await.text();
    assert!(page.contains("href=\"/sign-in?next=%2Fmessages%3Fq%3Da&#38;lang=en\""), "{page}");
    // What only a form leads to has no address of its own: its link leads to one that there is.
    let item = get_as(&world, &cookies, "/quarantine").await;
    let answer = post_form(world.admin, &item, "/quarantine/act", &cookies, &[("act", "delete")]).await;
    assert!(answer.text().contains("href=\"/?lang=en\""), "{} {}", answer.status, answer.text());
}

#[tokio::test]
async fn every_page_of_a_session_says_when_that_ends() {
    let world = world().await;
    let cookies = signed_in(&world).await;
    let page = get_as(&world, &cookies, "/").await.text();
    let seconds = |name: &str| -> u64 {
        let value = page.split(&format!("data-{name}=\"")).nth(1).and_then(|rest| rest.split('"').next());
        value.unwrap().parse().unwrap()
    };
    // Half an hour without a request, less the minute for which its last use may not be on record; ten hours in any case
    // (docs/operations.md).
    assert_eq!(seconds("idle"), 1740);
    assert!((35_900..=36_000).contains(&seconds("left")), "{}", seconds("left"));
    assert!(page.contains("/assets/session.js?v="));
    let outside = get(world.admin, "/sign-in").await.text();
    assert!(!outside.contains("data-session") && !outside.contains("session.js"), "{outside}");
}

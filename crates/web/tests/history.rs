//! What somebody sent: with what they said of it, found again by themselves and by nobody else.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests; what day it is says `date`"
)]

mod support;

use store::{NewUser, Role};
use support::*;

/// Two of the staff, by their sessions on the portal, and an administrator on the console.
async fn people(world: &World) -> ([String; 2], String) {
    let admin = signed_in(world).await;
    let hash = world.store.user_by_name(ADMIN).await.unwrap().unwrap().password_hash;
    let mut staff = Vec::new();
    for name in ["shokuin-a", "shokuin-b"] {
        let user = NewUser { name: name.to_owned(), password_hash: hash.clone(), role: Role::Staff };
        world.store.create_user(user, "test").await.unwrap();
        staff.push(sign_in_at(world, world.portal, name, PASSWORD).await.cookies());
    }
    (staff.try_into().unwrap(), admin)
}

async fn page(world: &World, cookies: &str, path: &str) -> Answer {
    send(world.portal, "GET", path, &[("Cookie", cookies)], b"").await
}

/// Sends files as the form does, with a subject before them.
async fn send_about(world: &World, cookies: &str, subject: &str, files: &[(&str, &[u8])]) -> Answer {
    let form = page(world, cookies, "/").await;
    let body = multipart_with(Some(&form.form_token()), &[("subject", subject)], files);
    let kind = multipart_type();
    let cookies = format!("{cookies}; {}", form.cookies());
    send(world.portal, "POST", "/upload", &[("Content-Type", &kind), ("Cookie", &cookies)], &body).await
}

#[tokio::test]
async fn what_is_said_of_an_upload_is_shown_to_its_sender_and_to_administrators_and_is_in_the_audit() {
    let world = world_of_accounts().await;
    let ([staff, _], admin) = people(&world).await;
    let form = page(&world, &staff, "/").await.text();
    assert!(form.contains("理由・件名（任意）") && form.contains("name=\"subject\" maxlength=\"200\""), "{form}");
    let sent = send_about(&world, &staff, "<b>入札</b>の件\t第3号", &[("tool.exe", b"MZ"), ("図面.pdf", b"1")]).await;
    assert_eq!(sent.status, 303, "{}", sent.text());
    let path = sent.header("location").unwrap().to_owned();
    let said = "&#60;b&#62;入札&#60;/b&#62;の件 第3号";
    let progress = page(&world, &staff, &path).await.text();
    assert!(progress.contains(said), "{progress}");
    work(&world).await;
    assert!(page(&world, &staff, &path).await.text().contains(said));
    assert_eq!(page(&world, &staff, "/history").await.text().matches(said).count(), 2, "with each of its files");

    let tracking = get_as(&world, &admin, "/messages?q=%E5%85%A5%E6%9C%AD").await.text();
    assert_eq!(tracking.matches(said).count(), 2, "{tracking}");
    let items = get_as(&world, &admin, "/api/v1/quarantine").await.json();
    assert_eq!(items["items"][0]["subject"], "<b>入札</b>の件 第3号");
    let item = get_as(&world, &admin, &format!("/quarantine/{}", items["items"][0]["id"])).await.text();
    assert!(item.contains(said), "{item}");
    let messages = get_as(&world, &admin, "/api/v1/messages?q=%E5%9B%B3%E9%9D%A2").await.json();
    assert_eq!(messages["items"][0]["subject"], "<b>入札</b>の件 第3号");
    let id = messages["items"][0]["id"].as_i64().unwrap();
    assert!(get_as(&world, &admin, &format!("/messages/{id}")).await.text().contains(said));
    let timeline = get_as(&world, &admin, &format!("/api/v1/messages/{id}/timeline")).await.json();
    assert_eq!(timeline["items"][0]["detail"]["subject"], "<b>入札</b>の件 第3号", "{timeline}");
}

#[tokio::test]
async fn every_way_of_sending_takes_a_subject_and_none_a_longer_one() {
    let world = world().await;
    let longest = "件".repeat(200);
    let form = get(world.portal, "/").await;
    let announce = async |subject: &str| {
        let body = serde_json::json!({"files": [{"name": "図面.pdf", "size": 3}], "subject": subject}).to_string();
        let (cookies, token) = (form.cookies(), form.form_token());
        let headers = [("Content-Type", "application/json"), ("Cookie", &cookies), ("X-Form-Token", &token)];
        send(world.portal, "POST", "/uploads", &headers, body.as_bytes()).await
    };
    let begun = announce(&longest).await;
    assert_eq!(begun.status, 201, "{}", begun.text());
    let href = begun.json()["files"][0]["href"].as_str().unwrap().to_owned();
    let done = send(world.portal, "PATCH", &href, &[("Upload-Offset", "0")], b"abc").await.json();
    let result = get(world.portal, done["result"].as_str().unwrap()).await.text();
    assert!(result.contains(&longest), "{result}");

    let program = async |route: &str, subject: &str| {
        let body = multipart_with(None, &[("subject", subject)], &[("図面.pdf", b"abc")]);
        let kind = multipart_type();
        send(world.portal, "POST", route, &[("Content-Type", &kind), ("Accept", "application/json")], &body).await
    };
    let sent = program("/api/v1/files", &longest).await.json();
    let state = get(world.portal, &format!("/api/v1/files/{}", sent["id"].as_str().unwrap())).await.json();
    assert_eq!(state["subject"], longest.as_str());
    assert_eq!(program("/api/v1/batches", &longest).await.status, 202);

    for longer in [format!("{longest}件"), "件".repeat(100_000)] {
        let refused = send_about(&world, "", &longer, &[("図面.pdf", b"1")]).await;
        assert!(refused.status == 422 && refused.text().contains("200文字まで"), "{}", refused.text());
        for route in ["/api/v1/files", "/api/v1/batches"] {
            let refused = program(route, &longer).await;
            assert_eq!((refused.status, refused.json()["reason_code"].as_str()), (422, Some("subject_too_long")));
        }
    }
    assert_eq!(announce(&format!("{longest}件")).await.status, 422);
}

#[tokio::test]
async fn a_history_is_searched_by_its_owner_alone_and_every_answer_has_no_more_than_was_asked_for() {
    let world = world_of_accounts().await;
    let ([staff, other], _) = people(&world).await;
    send_about(&world, &staff, "入札の件", &[("図面.pdf", b"1"), ("100%_案.csv", b"2")]).await;
    send_about(&world, &staff, "", &[("tool.exe", b"MZ")]).await;
    send_about(&world, &other, "入札の件", &[("秘密.pdf", b"3")]).await;
    work(&world).await;
    let names = ["図面.pdf", "100%_案.csv", "tool.exe", "秘密.pdf"];
    let listed = async |cookies: &str, query: &str| -> Vec<&str> {
        let answer = page(&world, cookies, &format!("/history?{query}")).await;
        assert_eq!(answer.status, 200, "{query}");
        let text = answer.text();
        let text = text.split("<h2").nth(1).unwrap().to_owned();
        names.into_iter().filter(|name| text.contains(*name)).collect()
    };
    let own = ["図面.pdf", "100%_案.csv", "tool.exe"];
    let today = local_day(0);
    for (query, expect) in [
        (String::new(), own.to_vec()),
        (format!("q={}", percent("入札")), own[..2].to_vec()),
        (format!("q={}", percent("ＴＯＯＬ")), vec!["tool.exe"]),
        (format!("q={}", percent("%_")), vec!["100%_案.csv"]),
        (format!("q={}", percent("秘密")), vec![]),
        (format!("since={today}&until={today}"), own.to_vec()),
        (format!("until={}", local_day(-1)), vec![]),
        (format!("since={}", local_day(1)), vec![]),
    ] {
        assert_eq!(listed(&staff, &query).await, expect, "{query}");
    }
    assert_eq!(listed(&other, "").await, ["秘密.pdf"]);
    for bad in ["since=yesterday", "until=2026-02-30", "sent=x", "received=%27"] {
        assert_eq!(page(&world, &staff, &format!("/history?{bad}")).await.status, 400, "{bad}");
    }

    // Of what was asked for, the state stands beside it, and how long the result can be fetched.
    let shown = page(&world, &staff, "/history").await.text();
    assert!(shown.contains("あと6日") && !shown.contains("R-1"), "{shown}");
    let receipt = world.store.sent_by(owner(&world, "shokuin-a").await, &Default::default()).await.unwrap().items[0]
        .file
        .receipt
        .to_string();
    let form = page(&world, &staff, &format!("/requests/new?receipt={receipt}&part=")).await;
    let fields =
        [("receipt", receipt.as_str()), ("part", ""), ("need", "whole"), ("words", "必要"), ("confirmed", "yes")];
    assert_eq!(post_form(world.portal, &form, "/requests", &staff, &fields).await.status, 303);
    let shown = page(&world, &staff, "/history").await.text();
    assert!(shown.contains("href=\"/requests/1\">R-1</a>") && shown.contains("申請中"), "{shown}");
    assert!(!page(&world, &other, "/history").await.text().contains("R-1"));
}

#[tokio::test]
async fn a_long_history_has_pages_that_keep_the_search() {
    let world = world_of_accounts().await;
    let ([staff, other], _) = people(&world).await;
    for number in 0..18 {
        let names: Vec<String> = (0..3).map(|file| format!("案{number}-{file}.pdf")).collect();
        let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), b"1".as_slice())).collect();
        assert_eq!(send_about(&world, &staff, "入札の件", &files).await.status, 303);
    }
    let query = format!("/history?q={}", percent("入札"));
    let first = page(&world, &staff, &query).await.text();
    assert_eq!(first.matches("入札の件").count(), 50);
    let first = first.replace("&#38;", "&");
    let older = first.split("href=\"").find(|link| link.contains("sent=")).unwrap().split('#').next().unwrap();
    assert!(older.starts_with("/history?q=") && older.contains("&sent="), "{older}");
    let second = page(&world, &staff, older).await.text();
    assert_eq!(second.matches("入札の件").count(), 4);
    assert!(second.contains("案0-0.pdf") && !second.contains("案17-2.pdf"));
    // The place of somebody else's page is none of one's own.
    let stolen = page(&world, &other, older).await;
    assert!(stolen.status == 200 && !stolen.text().contains("入札の件"));
}

#[tokio::test]
async fn a_program_lists_what_its_owner_sent_with_a_key_for_that() {
    let world = world_of_accounts().await;
    let ([staff, other], _) = people(&world).await;
    let path = send_about(&world, &staff, "入札の件", &[("図面.pdf", b"1"), ("案.csv", b"22")]).await;
    let batch = path.header("location").unwrap().trim_start_matches("/b/").to_owned();
    send_about(&world, &other, "", &[("秘密.pdf", b"3")]).await;
    let may = key(world.portal, &staff, &["history"]).await;
    let may_not = key(world.portal, &staff, &["files"]).await;
    let ask = async |key: &str, query: &str| {
        let bearer = format!("Bearer {key}");
        send(world.portal, "GET", &format!("/api/v1/history?{query}"), &[("Authorization", &bearer)], b"").await
    };
    let all = ask(&may, "").await;
    assert_eq!(all.status, 200, "{}", all.text());
    let all = all.json();
    let items = all["items"].as_array().unwrap();
    let facts: Vec<_> =
        items.iter().map(|item| (item["name"].as_str().unwrap(), item["number"].as_u64().unwrap())).collect();
    assert_eq!(facts, [("案.csv", 2), ("図面.pdf", 1)]);
    assert_eq!((items[0]["batch"].as_str(), items[0]["subject"].as_str()), (Some(batch.as_str()), Some("入札の件")));
    assert_eq!((items[0]["bytes"].as_u64(), items[0]["state"].as_str()), (Some(2), Some("queued")));
    assert_eq!((&all["next"], &items[0]["request"]), (&serde_json::Value::Null, &serde_json::Value::Null));
    let found = ask(&may, &format!("q={}&since=2000-01-01T00:00:00Z", percent("図面"))).await.json();
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    let behind = ask(&may, &format!("cursor={}", items[0]["receipt"].as_str().unwrap())).await.json();
    assert_eq!(behind["items"][0]["name"], "図面.pdf");
    assert_eq!(ask(&may_not, "").await.status, 403);
    for bad in ["cursor=x", "since=today"] {
        assert_eq!(ask(&may, bad).await.status, 400, "{bad}");
    }
}

#[tokio::test]
async fn the_page_promises_a_mail_only_where_one_will_come() {
    let world = world_of_accounts().await;
    let ([staff, other], _) = people(&world).await;
    let address = Some("a@city.example.lg.jp".to_owned());
    world.store.set_address(owner(&world, "shokuin-a").await, address, "test").await.unwrap();
    let promise = "60秒より長くかかったときは、完了したらメールでお知らせします（宛先: a@city.example.lg.jp）。";
    let said = async |cookies: &str, path: &str| page(&world, cookies, path).await.text();
    let sent = send_about(&world, &staff, "", &[("図面.pdf", b"1")]).await.header("location").unwrap().to_owned();
    assert!(said(&staff, &sent).await.contains(promise));
    let without = send_about(&world, &other, "", &[("図面.pdf", b"1")]).await.header("location").unwrap().to_owned();
    assert!(!said(&other, &without).await.contains("メールでお知らせします"), "nobody knows where to");
    // A program asks by itself.
    let bearer = format!("Bearer {}", key(world.portal, &staff, &["files"]).await);
    let kind = multipart_type();
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", kind.as_str())];
    let filed =
        send(world.portal, "POST", "/api/v1/files", &headers, &multipart(None, &[("案.csv", b"2")])).await.json();
    let path = format!("/b/{}", filed["id"].as_str().unwrap());
    assert!(!said(&staff, &path).await.contains("メールでお知らせします"));
    // What comes in pieces is waited for as well.
    let form = page(&world, &staff, "/").await;
    let token = form.form_token();
    let headers = [("Content-Type", "application/json"), ("Cookie", staff.as_str()), ("X-Form-Token", token.as_str())];
    let begun =
        send(world.portal, "POST", "/uploads", &headers, br#"{"files":[{"name":"a.pdf","size":1}]}"#).await.json();
    let href = begun["files"][0]["href"].as_str().unwrap();
    let headers = [("Cookie", staff.as_str()), ("Upload-Offset", "0")];
    let done = send(world.portal, "PATCH", href, &headers, b"x").await.json();
    assert!(said(&staff, done["result"].as_str().unwrap()).await.contains(promise));
    let mut awaited = Vec::new();
    work(&world).await;
    for batch in world.store.done_batches(10).await.unwrap() {
        awaited.push((batch.address.clone().unwrap(), batch.files));
    }
    assert_eq!(awaited, [("a@city.example.lg.jp".to_owned(), 1), ("a@city.example.lg.jp".to_owned(), 1)]);
}

async fn owner(world: &World, name: &str) -> store::UserId {
    world.store.user_by_name(name).await.unwrap().unwrap().id
}

/// A day by the site's time (Japan's), so many days from today, as `date` writes it.
fn local_day(later: i32) -> String {
    let day = format!("{later} day");
    let output = std::process::Command::new("date").env("TZ", "Asia/Tokyo").args(["-d", &day, "+%F"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

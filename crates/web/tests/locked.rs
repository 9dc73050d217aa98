//! The password of a locked upload: typed on the page of its result, or sent by a program, by whoever uploaded it alone.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod support;

use form::Reason;
use store::{AuditFilter, QuarantineFilter, QuarantineState};
use support::*;

/// Uploads locked.zip, has it worked on, and gives the path of the result.
async fn locked(world: &World) -> String {
    let answer = upload(world, &[("locked.zip", b"PK"), ("b.txt", b"b")]).await;
    work(world).await;
    answer.header("location").unwrap().to_owned()
}

/// What the form of the page brings besides the password.
fn receipt(page: &Answer) -> String {
    page.text().split("name=\"receipt\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_password_is_tried_counted_and_opens_on_the_same_page() {
    let world = world().await;
    let path = locked(&world).await;
    let page = get(world.portal, &path).await;
    let text = page.text();
    let reason = engine::catalogue::reason_text(Reason::Encrypted, engine::catalogue::Language::Ja);
    assert!(text.contains(reason) && text.contains("開くにはパスワードが必要です: locked.zip"), "{text}");
    assert!(text.contains("残り 3回") && text.matches("type=\"password\"").count() == 1, "of two files one is locked");
    let to = format!("{path}/files/1/password");
    let receipt = receipt(&page);
    let cookies = page.cookies();
    let wrong = post_form(world.portal, &page, &to, &cookies, &[("receipt", &receipt), ("password", "guess")]).await;
    let place = format!("{path}#unlock-news");
    assert_eq!((wrong.status, wrong.header("location")), (303, Some(place.as_str())));
    let stranger = get(world.portal, &path).await.text();
    assert!(stranger.contains("残り 2回") && !stranger.contains("パスワードが違います"), "it is for who typed it");
    let text = led(world.portal, &cookies, &wrong).await.text();
    assert!(text.contains("パスワードが違います。残りの回数: 2") && text.contains("残り 2回"), "{text}");
    assert!(!text.contains("guess"));
    let again = led(world.portal, &cookies, &wrong).await.text();
    assert!(
        again.contains("残り 2回") && !again.contains("パスワードが違います"),
        "told once, and nothing tried: {again}"
    );
    let opened = post_form(world.portal, &page, &to, &cookies, &[("receipt", &receipt), ("password", "sesame")]).await;
    let text = led(world.portal, &cookies, &opened).await.text();
    assert!(text.contains("開きました") && !text.contains("type=\"password\""), "{text}");
    assert!(text.contains(&format!("href=\"{path}/files/1\" download")), "{text}");
    assert_eq!(get(world.portal, &format!("{path}/files/1")).await.body, b"what was locked");
    // Asked for by GET it does nothing but lead back.
    let again = get(world.portal, &to).await;
    assert_eq!((again.status, again.header("location")), (303, Some(path.as_str())));
    let item = &world.store.quarantine(&QuarantineFilter::default()).await.unwrap().items[0];
    assert_eq!(item.state, QuarantineState::Released);
    let audit = world.store.audit(&AuditFilter::default()).await.unwrap();
    let events: Vec<&str> = audit.items.iter().map(|row| row.event.as_str()).collect();
    assert!(events.contains(&"upload_unlocked") && events.contains(&"password_tried"), "{events:?}");
}

#[tokio::test]
async fn no_try_is_made_after_the_last_one_nor_without_the_form_of_the_page() {
    let world = world().await;
    let path = locked(&world).await;
    let page = get(world.portal, &path).await;
    let (to, receipt) = (format!("{path}/files/1/password"), receipt(&page));
    let bare = send(
        world.portal,
        "POST",
        &to,
        &[("Content-Type", "application/x-www-form-urlencoded"), ("Cookie", &page.cookies())],
        b"password=sesame",
    )
    .await;
    assert_eq!(bare.status, 403);
    let other = post_form(world.portal, &page, &to, &page.cookies(), &[("receipt", "x"), ("password", "sesame")]).await;
    assert_eq!(other.status, 404, "the page showed another file there");
    let not_locked = format!("{path}/files/2/password");
    let answer =
        post_form(world.portal, &page, &not_locked, &page.cookies(), &[("receipt", &receipt), ("password", "x")]).await;
    assert_eq!(answer.status, 404);
    let fields = [("receipt", receipt.as_str()), ("password", "guess")];
    for left in [2, 1, 0] {
        let wrong = post_form(world.portal, &page, &to, &page.cookies(), &fields).await;
        let text = led(world.portal, &page.cookies(), &wrong).await.text();
        assert!(text.contains(&format!("残りの回数: {left}")), "{text}");
    }
    let fields = [("receipt", receipt.as_str()), ("password", "sesame")];
    let late = post_form(world.portal, &page, &to, &page.cookies(), &fields).await;
    let text = led(world.portal, &page.cookies(), &late).await.text();
    assert!(text.contains("使い切りました") && !text.contains("type=\"password\""), "{text}");
    assert_eq!(get(world.portal, &format!("{path}/files/1")).await.status, 410);
}

#[tokio::test]
async fn a_program_sends_the_password_of_one_file_of_its_batch() {
    let world = world().await;
    let kind = multipart_type();
    let body = multipart(None, &[("b.txt", b"b"), ("locked.zip", b"PK")]);
    let sent = send(world.portal, "POST", "/api/v1/batches", &[("Content-Type", &kind)], &body).await;
    let at = sent.header("location").unwrap().to_owned();
    let json = [("Content-Type", "application/json")];
    let post = async |number: &str, password: &str| {
        let body = format!("{{\"password\":\"{password}\"}}");
        send(world.portal, "POST", &format!("{at}/files/{number}/password"), &json, body.as_bytes()).await
    };
    assert_eq!(post("2", "sesame").await.json()["outcome"], "not_locked", "it is not finished");
    work(&world).await;
    assert_eq!((post("1", "sesame").await.status, post("3", "sesame").await.status), (409, 404));
    assert_eq!((post("0", "sesame").await.status, post("x", "sesame").await.status), (404, 400));
    assert_eq!(post("2", "").await.status, 400);
    for left in [2, 1, 0] {
        let wrong = post("2", "guess").await;
        assert_eq!((wrong.status, wrong.json()["left"].as_u64()), (422, Some(left)));
    }
    assert_eq!(post("2", "sesame").await.status, 429, "the limit is that of the page");
    let sent = send(world.portal, "POST", "/api/v1/batches", &[("Content-Type", &kind)], &body).await;
    let at = sent.header("location").unwrap().to_owned();
    work(&world).await;
    let to = format!("{at}/files/2/password");
    let opened = send(world.portal, "POST", &to, &json, br#"{"password":"sesame"}"#).await;
    assert_eq!((opened.status, opened.json()["outcome"].as_str()), (200, Some("opened")));
    assert_eq!(get(world.portal, &format!("{at}/files/2/result")).await.body, b"what was locked");
}

#[tokio::test]
async fn a_program_sends_the_password_of_its_own_file() {
    let world = world().await;
    let kind = multipart_type();
    let headers = [("Content-Type", kind.as_str())];
    let sent = send(world.portal, "POST", "/api/v1/files", &headers, &multipart(None, &[("locked.zip", b"PK")])).await;
    let at = sent.header("location").unwrap().to_owned();
    let json = [("Content-Type", "application/json")];
    let to = format!("{at}/password");
    let early = send(world.portal, "POST", &to, &json, br#"{"password":"sesame"}"#).await;
    assert_eq!((early.status, early.json()["outcome"].as_str()), (409, Some("not_locked")));
    work(&world).await;
    let wrong = send(world.portal, "POST", &to, &json, br#"{"password":"guess"}"#).await;
    assert_eq!((wrong.status, wrong.json()["left"].as_u64()), (422, Some(2)));
    let none = send(world.portal, "POST", &to, &json, br#"{"password":""}"#).await;
    assert_eq!(none.status, 400);
    let nowhere = format!("/api/v1/files/{}/password", "0".repeat(32));
    assert_eq!(send(world.portal, "POST", &nowhere, &json, br#"{"password":"sesame"}"#).await.status, 404);
    let opened = send(world.portal, "POST", &to, &json, br#"{"password":"sesame"}"#).await;
    assert_eq!((opened.status, opened.json()["outcome"].as_str()), (200, Some("opened")));
    assert_eq!(get(world.portal, &at).await.json()["verdict"], "sanitised");
    assert_eq!(get(world.portal, &format!("{at}/result")).await.body, b"what was locked");
}

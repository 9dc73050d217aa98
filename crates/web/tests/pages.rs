//! Pages as pixels over real HTTP: thumbnails and pages of results on the portal, originals on the console.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod support;

use engine::catalogue::{self, Language};
use form::Reason;
use jail::{Sealed, Source};
use store::{AuditFilter, AuditRow, NewUser, Quarantined, Role, Verdict};
use support::*;

/// Uploads files and has them rebuilt; gives the address of the batch.
async fn rebuilt(world: &World, files: &[(&str, &[u8])]) -> String {
    let answer = upload(world, files).await;
    work(world).await;
    answer.header("location").unwrap().to_owned()
}

async fn views(world: &World) -> Vec<AuditRow> {
    let filter = AuditFilter { event: Some("original_viewed".into()), ..AuditFilter::default() };
    world.store.audit(&filter).await.unwrap().items
}

fn asked(world: &World) -> Vec<String> {
    world.easel.asked.lock().unwrap().clone()
}

#[tokio::test]
async fn a_result_shows_the_first_page_of_what_has_pages() {
    let world = world().await;
    let batch = rebuilt(&world, &[("図面.pdf", b"x"), ("写真.jpg", b"x"), ("表.csv", b"x")]).await;
    let page = get(world.portal, &batch).await.text();
    for number in [1, 2] {
        let image = format!(
            "<img src=\"{batch}/files/{number}/pages/1/image?size=small\" loading=\"lazy\" width=\"160\" height=\"160\" alt=\"安全なファイル "
        );
        assert!(page.contains(&image), "{page}");
        assert!(page.contains(&format!("<a class=\"thumbnail\" href=\"{batch}/files/{number}/pages/1\">")));
    }
    assert_eq!(page.matches("<img").count(), 2, "a table has no pages");
    assert!(asked(&world).is_empty(), "nothing is drawn before a browser asks for it");
}

#[tokio::test]
async fn the_pages_of_a_result_are_turned_without_scripts() {
    let world = world().await;
    let batch = rebuilt(&world, &[("図面.pdf", b"x")]).await;
    let at = |page: &str| format!("{batch}/files/1/pages/{page}");
    for (page, previous, next) in [(1, None, Some(2)), (2, Some(1), Some(3)), (3, Some(2), None)] {
        let answer = get(world.portal, &at(&page.to_string())).await;
        assert_eq!(answer.status, 200);
        let text = answer.text();
        assert!(text.contains(&format!("3ページ中 {page}ページ目")), "{text}");
        let image = format!(
            "<img class=\"sheet\" src=\"{}/image?size=large\" width=\"1600\" height=\"30\" alt=\"図面.pdf の{page}ページ目の画像\">",
            at(&page.to_string())
        );
        assert!(text.contains(&image), "{text}");
        assert!(!text.contains("<script"), "no script is needed");
        for (rel, to) in [("prev", previous), ("next", next)] {
            let link = to.map(|to| format!("rel=\"{rel}\" href=\"{}\"", at(&to.to_string())));
            match link {
                Some(link) => assert_eq!(text.matches(&link).count(), 2, "{text}"),
                None => assert!(!text.contains(&format!("rel=\"{rel}\""))),
            }
        }
    }
    for (none, status) in [("0", 404), ("4", 404), ("4294967295", 404), ("4294967296", 400), ("x", 400), ("-1", 400)] {
        assert_eq!(get(world.portal, &at(none)).await.status, status, "{none}");
        assert_eq!(get(world.portal, &format!("{}/image", at(none))).await.status, status, "{none}");
    }
    let english = get(world.portal, &format!("{}?lang=en", at("1"))).await.text();
    assert!(english.contains("Page 1 of 3") && english.contains("Next page"), "{english}");
}

#[tokio::test]
async fn a_drawn_page_is_a_png_that_only_this_browser_may_keep() {
    let world = world().await;
    let batch = rebuilt(&world, &[("図面.pdf", b"x")]).await;
    let image = format!("{batch}/files/1/pages/2/image");
    for (size, side) in [("?size=small", 320), ("?size=large", 1600), ("", 1600)] {
        let answer = get(world.portal, &format!("{image}{size}")).await;
        assert_eq!(answer.status, 200);
        let text = answer.text();
        assert!(
            text.ends_with(&format!("page 1 {side} of 26")),
            "{text}: made of the output, not of the one byte sent"
        );
        assert_eq!(answer.header("content-type"), Some("image/png"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("cache-control"), Some("private, max-age=3600"));
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"));
        assert!(answer.header("content-security-policy").unwrap().contains("sandbox"));
    }
    assert_eq!(get(world.portal, &format!("{image}?size=huge")).await.status, 400);
    let page = get(world.portal, &format!("{batch}/files/1/pages/2")).await;
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("img-src 'self';") && policy.starts_with("default-src 'none'"), "{policy}");
}

#[tokio::test]
async fn a_page_is_drawn_once_for_the_page_and_its_picture() {
    let world = world().await;
    let batch = rebuilt(&world, &[("図面.pdf", b"x")]).await;
    for _ in 0..2 {
        get(world.portal, &format!("{batch}/files/1/pages/2")).await;
        get(world.portal, &format!("{batch}/files/1/pages/2/image?size=large")).await;
    }
    assert_eq!(asked(&world), ["draw 図面.pdf 1 1600", "count 図面.pdf"]);
}

#[tokio::test]
async fn what_is_not_there_to_be_seen_is_answered_like_the_file_itself() {
    let world = world().await;
    let files: [(&str, &[u8]); 3] = [("図面.pdf", b"x"), ("setup.exe", b"MZ"), ("表.csv", b"x")];
    let answer = upload(&world, &files).await;
    let batch = answer.header("location").unwrap().to_owned();
    let both = |number: usize| {
        [format!("{batch}/files/{number}/pages/1"), format!("{batch}/files/{number}/pages/1/image?size=small")]
    };
    for path in both(1) {
        assert_eq!(get(world.portal, &path).await.status, 409, "{path} is being rebuilt");
    }
    work(&world).await;
    for (number, status) in [(1, 200), (2, 410), (3, 404), (4, 404), (0, 404)] {
        for path in both(number) {
            assert_eq!(get(world.portal, &path).await.status, status, "{path}");
        }
    }
    let wrong = format!("/b/{}/files/1/pages/1", "0".repeat(32));
    assert_eq!(get(world.portal, &wrong).await.status, 404);
    assert_eq!(get(world.portal, &format!("{wrong}/image")).await.status, 404);
    let posted = send(world.portal, "POST", &both(1)[0], &[], b"").await;
    assert_eq!(posted.status, 405);
}

#[tokio::test]
async fn a_page_that_cannot_be_drawn_is_told_in_words_and_the_next_can_be_turned_to() {
    let world = world().await;
    let batch = rebuilt(&world, &[("broken.pdf", b"x"), ("half.pdf", b"x")]).await;
    let text = get(world.portal, &format!("{batch}/files/1/pages/1")).await.text();
    assert!(text.contains(catalogue::reason_text(Reason::Encrypted, Language::Ja)) && !text.contains("<img"), "{text}");
    assert!(!text.contains("ページ目"), "how many there are is not known: {text}");
    let text = get(world.portal, &format!("{batch}/files/2/pages/2")).await.text();
    assert!(text.contains(catalogue::reason_text(Reason::LimitPageContent, Language::Ja)), "{text}");
    assert!(!text.contains("<img") && text.contains("files/2/pages/3"), "{text}");
    let image = get(world.portal, &format!("{batch}/files/1/pages/1/image?size=small")).await;
    assert_eq!((image.status, image.header("content-type")), (422, Some("image/svg+xml")));
    assert_eq!(image.header("cache-control"), Some("no-store"));
    assert!(image.text().contains("表示できません"));
}

#[tokio::test]
async fn more_pages_at_a_time_than_there_are_places_are_asked_to_come_again() {
    let world = world().await;
    let batch = rebuilt(&world, &[("図面.pdf", b"x"), ("lost.pdf", b"x")]).await;
    let image = |page: u32| format!("{batch}/files/1/pages/{page}/image?size=small");
    let held = world.easel.free.acquire().await.unwrap();
    // One is drawn and one waits, which is all that may.
    let portal = world.portal;
    let mut waiting = Vec::new();
    for page in [1, 2] {
        let path = image(page);
        waiting.push(tokio::spawn(async move { get(portal, &path).await }));
    }
    while asked(&world).is_empty() {
        tokio::task::yield_now().await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert_eq!(asked(&world).len(), 1, "one at a time");
    let answer = get(world.portal, &image(3)).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")));
    assert_eq!(answer.header("content-type"), Some("image/svg+xml"));
    let answer = get(world.portal, &format!("{batch}/files/1/pages/3")).await;
    assert_eq!(answer.status, 503);
    assert!(answer.header("retry-after").is_some() && answer.text().contains("混み合っています"));
    drop(held);
    for answer in waiting {
        assert_eq!(answer.await.unwrap().status, 200);
    }
    assert_eq!(get(world.portal, &image(3)).await.status, 200, "places are given back");
    let answer = get(world.portal, &format!("{batch}/files/2/pages/1")).await;
    assert_eq!(answer.status, 503, "without a room it is not the document's fault");
}

#[tokio::test]
async fn each_page_of_an_original_that_is_shown_is_one_row_of_the_audit() {
    let world = world().await;
    let mut part = withheld("1", "請求書.pdf", Reason::Infected, Some(Quarantined::Part(source(b"hostile"))));
    part.detected_type = "pdf".to_owned();
    let id =
        mail(&world, Some("k@example.co.jp"), "a@city.example.jp", "件名", Verdict::SanitisedWithWithheld, vec![part])
            .await;
    let cookies = signed_in(&world).await;
    let item = get_as(&world, &cookies, "/quarantine/1").await.text();
    assert!(item.contains("href=\"/quarantine/1/pages/1\""), "{item}");
    let record = get_as(&world, &cookies, &format!("/messages/{}", id.0)).await.text();
    assert!(record.contains("href=\"/quarantine/1/pages/1\""), "{record}");

    let page = get_as(&world, &cookies, "/quarantine/1/pages/2").await;
    assert_eq!(page.status, 200);
    let text = page.text();
    assert!(text.contains("<img class=\"sheet\" src=\"/quarantine/1/pages/2/original\""), "{text}");
    assert!(
        text.contains("/quarantine/1/pages/1\"")
            && text.contains("/quarantine/1/pages/3\"")
            && !text.contains("hostile")
    );
    assert!(!text.contains("作り直したもの</h2>"), "there is nothing beside it");
    assert!(views(&world).await.is_empty(), "no pixel was sent yet");

    let image = get_as(&world, &cookies, "/quarantine/1/pages/2/original").await;
    assert_eq!((image.status, image.header("content-type")), (200, Some("image/png")));
    assert_eq!(image.header("cache-control"), Some("no-store"));
    assert_eq!(image.header("x-content-type-options"), Some("nosniff"));
    assert!(image.header("content-security-policy").unwrap().contains("sandbox"));
    let rows = views(&world).await;
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].actor.as_str(), rows[0].message), (ADMIN, Some(id)));
    assert_eq!(rows[0].detail, r#"{"item":"1","page":"2","path":"1"}"#);
    get_as(&world, &cookies, "/quarantine/1/pages/2/original").await;
    assert_eq!(views(&world).await.len(), 2, "looking again is looking, also when it need not be drawn again");
    // The mark has the minute on it, which may have turned.
    assert!(asked(&world).iter().filter(|what| what.starts_with("draw")).count() <= 2);

    for none in ["/quarantine/1/pages/4", "/quarantine/1/pages/0", "/quarantine/2/pages/1"] {
        assert_eq!(get_as(&world, &cookies, none).await.status, 404, "{none}");
        assert_eq!(get_as(&world, &cookies, &format!("{none}/original")).await.status, 404, "{none}");
    }
    assert_eq!(views(&world).await.len(), 2);
    let log = get_as(&world, &cookies, "/audit").await.text();
    assert!(log.contains("原本のページを画像で見ました"), "{log}");
    assert!(world.store.audit_verify().await.unwrap().broken.is_none());
}

/// A room that was asked draws to its end, whoever has gone away meanwhile: who asks and hangs up again and again must not have more
/// rooms at work than there are places.
#[tokio::test]
async fn a_page_that_nobody_waits_for_any_more_holds_its_place_until_it_is_drawn() {
    let world = world().await;
    let batch = rebuilt(&world, &[("図面.pdf", b"x")]).await;
    let held = world.easel.free.acquire().await.unwrap();
    let image = |page: u32| format!("{batch}/files/1/pages/{page}/image");
    let ask = async |page: u32| {
        let mut stream = tokio::net::TcpStream::connect(world.portal).await.unwrap();
        let head = format!("GET {} HTTP/1.1\r\nHost: {}\r\n\r\n", image(page), world.portal);
        tokio::io::AsyncWriteExt::write_all(&mut stream, head.as_bytes()).await.unwrap();
        stream
    };
    let first = ask(1).await;
    while asked(&world).is_empty() {
        tokio::task::yield_now().await;
    }
    drop(first);
    let portal = world.portal;
    let second = image(2);
    let waiting = tokio::spawn(async move { get(portal, &second).await });
    // Time enough for the server to see that the first client is gone, and to begin with the second if it would.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(asked(&world).len(), 1, "the place is still taken");
    drop(held);
    assert_eq!(waiting.await.unwrap().status, 200);
    assert_eq!(asked(&world).len(), 2);
    // What was drawn for nobody is kept, and asked for again it costs nothing.
    assert_eq!(get(world.portal, &image(1)).await.status, 200);
    assert_eq!(asked(&world).len(), 2);
}

#[tokio::test]
async fn no_pixel_of_an_original_is_sent_that_the_audit_does_not_know_of() {
    let world = world().await;
    let mut part = withheld("1", "請求書.pdf", Reason::Infected, Some(Quarantined::Part(source(b"hostile"))));
    part.detected_type = "pdf".to_owned();
    mail(&world, Some("k@example.co.jp"), "a@city.example.jp", "件名", Verdict::NoticeOnly, vec![part]).await;
    let cookies = signed_in(&world).await;
    let held = world.easel.free.acquire().await.unwrap();
    let admin = world.admin;
    let looking = tokio::spawn(async move {
        send(admin, "GET", "/quarantine/1/pages/1/original", &[("Cookie", &cookies)], b"").await
    });
    while asked(&world).is_empty() {
        tokio::task::yield_now().await;
    }
    // The page is being drawn; when it is done, nothing can be written any more.
    world.store.close().await;
    drop(held);
    let answer = looking.await.unwrap();
    assert_eq!(answer.status, 503);
    assert!(!String::from_utf8_lossy(&answer.body).contains("PNG"));
}

#[tokio::test]
async fn nobody_sees_an_original_without_the_permission_and_no_row_says_so() {
    let world = world().await;
    signed_in(&world).await;
    let mut part = withheld("1", "請求書.pdf", Reason::Infected, Some(Quarantined::Part(source(b"hostile"))));
    part.detected_type = "pdf".to_owned();
    let id = mail(&world, Some("k@example.co.jp"), "a@city.example.jp", "件名", Verdict::NoticeOnly, vec![part]).await;
    let hash = world.store.user_by_name(ADMIN).await.unwrap().unwrap().password_hash;
    let mut cookies = Vec::new();
    for (name, role) in [("platform", Role::PlatformAdmin), ("auditor", Role::Auditor)] {
        let user = NewUser { name: name.into(), password_hash: hash.clone(), role };
        world.store.create_user(user, "test").await.unwrap();
        cookies.push(sign_in(&world, name, PASSWORD).await.cookies());
    }
    let paths = [
        "/quarantine/1/pages/1".to_owned(),
        "/quarantine/1/pages/1/original".to_owned(),
        format!("/messages/{}/parts/1/pages/1", id.0),
        format!("/messages/{}/parts/1/pages/1/original", id.0),
        format!("/messages/{}/parts/1/pages/1/output", id.0),
    ];
    for path in &paths {
        for cookies in &cookies {
            assert_eq!(get_as(&world, cookies, path).await.status, 403, "{path}");
        }
        let stranger = get(world.admin, path).await;
        let to = format!("/sign-in?next={}", percent(path));
        assert_eq!((stranger.status, stranger.header("location")), (303, Some(to.as_str())), "{path}");
        assert_eq!(get(world.portal, path).await.status, 404, "{path} on the portal");
    }
    assert!(views(&world).await.is_empty() && asked(&world).is_empty());
}

#[tokio::test]
async fn an_upload_is_seen_beside_what_became_of_it() {
    let world = world().await;
    rebuilt(&world, &[("図面.pdf", b"x")]).await;
    let cookies = signed_in(&world).await;
    let record = get_as(&world, &cookies, "/messages/1").await.text();
    assert!(record.contains("href=\"/messages/1/parts/0/pages/1\""), "{record}");
    let text = get_as(&world, &cookies, "/messages/1/parts/0/pages/3").await.text();
    assert!(text.contains("原本（画像のみ）</h2>") && text.contains("作り直したもの</h2>"), "{text}");
    assert!(text.contains("3ページ中 3ページ目") && !text.contains("rel=\"next\""));
    let original = get_as(&world, &cookies, "/messages/1/parts/0/pages/3/original").await;
    let marked = original.text();
    assert!(
        marked.contains("page 2 1600 of 1 seen by kanri01 20"),
        "the one byte that was sent, and who saw it: {marked}"
    );
    assert_eq!(original.header("cache-control"), Some("no-store"));
    let output = get_as(&world, &cookies, "/messages/1/parts/0/pages/3/output").await;
    assert!(output.text().ends_with("page 2 1600 of 26"));
    assert_eq!(output.header("cache-control"), Some("private, max-age=300"));
    let rows = views(&world).await;
    assert_eq!(rows.len(), 1, "a result is no secret");
    assert_eq!(rows[0].detail, r#"{"page":"3"}"#);
    assert_eq!(get_as(&world, &cookies, "/messages/1/parts/0/pages/4").await.status, 404);
    assert_eq!(get_as(&world, &cookies, "/messages/1/parts/1/pages/1").await.status, 404);
    assert_eq!(get_as(&world, &cookies, "/messages/2/parts/0/pages/1").await.status, 404);
}

#[tokio::test]
async fn a_part_of_a_mail_is_taken_out_of_it_to_be_seen() {
    let world = world().await;
    let mut part = sanitised("2.1", "見積.pdf", "見積.pdf", "application/pdf", Vec::new());
    part.detected_type = "pdf".to_owned();
    let id = mail(&world, Some("k@example.co.jp"), "a@city.example.jp", "件名", Verdict::Sanitised, vec![part]).await;
    let cookies = signed_in(&world).await;
    let at = format!("/messages/{}/parts/2.1/pages/1", id.0);
    let record = get_as(&world, &cookies, &format!("/messages/{}", id.0)).await.text();
    assert!(record.contains(&format!("href=\"{at}\"")), "{record}");
    let text = get_as(&world, &cookies, &at).await.text();
    assert!(text.contains("<img class=\"sheet\"") && !text.contains("作り直したもの</h2>"), "{text}");
    assert_eq!(asked(&world)[0], "find 2.1 in Mail");
    assert_eq!(get_as(&world, &cookies, &format!("{at}/original")).await.status, 200);
    assert_eq!(get_as(&world, &cookies, &format!("{at}/output")).await.status, 404, "it lies in the mail");
    assert_eq!(views(&world).await.len(), 1);
}

#[tokio::test]
async fn an_original_that_cannot_be_drawn_is_told_in_words() {
    let world = world().await;
    let mut part = withheld("1", "暗号.pdf", Reason::Encrypted, Some(Quarantined::Part(source(b"broken"))));
    part.detected_type = "pdf".to_owned();
    mail(&world, Some("k@example.co.jp"), "a@city.example.jp", "件名", Verdict::NoticeOnly, vec![part]).await;
    let cookies = signed_in(&world).await;
    let page = get_as(&world, &cookies, "/quarantine/1/pages/1").await;
    assert_eq!(page.status, 200);
    let text = page.text();
    assert!(text.contains(catalogue::reason_text(Reason::Encrypted, Language::Ja)) && !text.contains("<img"), "{text}");
    assert_eq!(get_as(&world, &cookies, "/quarantine/1/pages/2").await.status, 404);
    assert_eq!(get_as(&world, &cookies, "/quarantine/1/pages/1/original").await.status, 422);
    assert!(views(&world).await.is_empty(), "nothing was seen");
}

fn source(bytes: &[u8]) -> Source {
    Source::whole(std::sync::Arc::new(Sealed::from_bytes(bytes).unwrap()))
}

#[tokio::test]
async fn a_rebuilt_office_document_is_printed_once_for_all_its_pages() {
    let world = world().await;
    let batch = rebuilt(&world, &[("通知.docx", b"x"), ("unprintable.docx", b"x")]).await;
    let page = get(world.portal, &batch).await.text();
    assert!(page.contains(&format!("{batch}/files/1/pages/1/image?size=small")), "{page}");
    assert!(asked(&world).is_empty(), "nothing is printed before a browser asks for it");
    for size in ["small", "large"] {
        let image = get(world.portal, &format!("{batch}/files/1/pages/1/image?size={size}")).await;
        assert_eq!((image.status, image.header("content-type")), (200, Some("image/png")));
    }
    assert_eq!(get(world.portal, &format!("{batch}/files/1/pages/1")).await.status, 200);
    let asked: Vec<String> = asked(&world);
    assert_eq!(asked.iter().filter(|what| what.starts_with("print")).count(), 1, "{asked:?}");
    assert_eq!(asked[0], "print 通知.docx");
    let refused = get(world.portal, &format!("{batch}/files/2/pages/1")).await.text();
    let why = catalogue::reason_text(Reason::ConverterUnavailable, Language::Ja);
    assert!(refused.contains(why), "{refused}");
}

#[tokio::test]
async fn the_original_of_an_office_document_is_never_drawn() {
    let world = world().await;
    rebuilt(&world, &[("通知.docx", b"x")]).await;
    let cookies = signed_in(&world).await;
    let record = get_as(&world, &cookies, "/messages/1").await.text();
    assert!(record.contains("href=\"/messages/1/parts/0/pages/1\""), "{record}");
    let text = get_as(&world, &cookies, "/messages/1/parts/0/pages/1").await.text();
    assert!(text.contains("この形式の原本は描きません") && text.contains("/pages/1/output"), "{text}");
    assert!(!text.contains("/pages/1/original"), "{text}");
    assert_eq!(get_as(&world, &cookies, "/messages/1/parts/0/pages/1/original").await.status, 404);
    assert!(views(&world).await.is_empty());
}

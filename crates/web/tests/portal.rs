//! The staff portal over real HTTP: files in, states, findings, safe files out.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "another program reads what was written")]

mod support;

use support::*;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

#[tokio::test]
async fn three_files_are_taken_and_each_gets_its_own_outcome() {
    let world = world().await;
    let files: [(&str, &[u8]); 3] = [("写真.jpg", b"jpeg"), ("表.csv", b"a,b"), ("setup.exe", b"MZ")];
    let answer = upload(&world, &files).await;
    assert_eq!(answer.status, 303);
    let path = answer.header("location").unwrap().to_owned();
    assert!(path.starts_with("/b/") && path.len() == 3 + 32, "{path}");

    let page = get(world.portal, &path).await.text();
    assert!(page.contains("順番を待っています") && page.contains("3件中 0件完了"));
    assert!(page.contains("http-equiv=\"refresh\""), "works without JavaScript");
    assert_eq!(get(world.portal, &format!("{path}/files/1")).await.status, 409);
    assert_eq!(get(world.portal, &format!("{path}/status")).await.json()["pending"], true);

    work(&world).await;
    let page = get(world.portal, &path).await.text();
    assert!(page.contains("3件中 3件完了") && !page.contains("http-equiv=\"refresh\""));
    assert!(page.contains("完了（一部を除去・変更）") && page.contains("お渡しできません"));
    let text = engine::catalogue::reason_text(form::Reason::UnsupportedType, engine::catalogue::Language::Ja);
    assert!(page.contains(text), "reason in plain Japanese");
    assert!(page.contains("写真.jpg") && page.contains("表.csv") && page.contains("setup.exe"));

    let file = get(world.portal, &format!("{path}/files/1")).await;
    assert_eq!((file.status, file.text().as_str()), (200, "safe version of 写真.jpg"));
    assert_eq!(
        file.header("content-disposition"),
        Some("attachment; filename=\"__.jpg\"; filename*=UTF-8''%E5%86%99%E7%9C%9F.jpg")
    );
    assert_eq!(file.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(file.header("cache-control"), Some("no-store"));
    assert!(file.header("content-security-policy").unwrap().contains("sandbox"));
    assert_eq!(file.header("content-type"), Some("image/jpeg"));
    assert_eq!(get(world.portal, &format!("{path}/files/3")).await.status, 410, "withheld");
    assert_eq!(get(world.portal, &format!("{path}/files/4")).await.status, 404);
    assert_eq!(get(world.portal, &format!("{path}/files/0")).await.status, 404);
}

#[tokio::test]
async fn a_wrong_token_gets_the_same_plain_page_whatever_its_shape() {
    let world = world().await;
    for token in ["x", &"0".repeat(32), &"F".repeat(32), "..%2F..%2Fetc", &"0".repeat(64)] {
        let answer = get(world.portal, &format!("/b/{token}")).await;
        assert_eq!(answer.status, 404, "{token}");
        assert!(answer.text().contains("結果が見つかりません"), "{token}");
    }
}

#[tokio::test]
async fn one_file_over_the_limit_does_not_stop_the_others() {
    let world = world().await;
    let exact = vec![b'x'; 100_000];
    let over = vec![b'x'; 100_001];
    let answer = upload(&world, &[("大きい.bin", &over), ("ちょうど.bin", &exact), ("小さい.txt", b"x")]).await;
    assert_eq!(answer.status, 200);
    let page = answer.text();
    assert!(page.contains("大きい.bin") && page.contains("1ファイルの上限を超えている"));
    assert!(!page.contains("ちょうど.bin") && !page.contains("小さい.txt"));
    let start = page.find("href=\"/b/").unwrap() + 6;
    let result = get(world.portal, &page[start..start + 35]).await.text();
    assert!(result.contains("ちょうど.bin") && result.contains("小さい.txt") && !result.contains("大きい.bin"));
}

#[tokio::test]
async fn the_file_after_the_last_allowed_one_and_an_empty_one_are_named() {
    let world = world().await;
    let page = upload(&world, &[("1.txt", b"x"), ("2.txt", b"x"), ("3.txt", b"x"), ("4.txt", b"x")]).await.text();
    assert!(
        page.contains("<strong>4.txt</strong>") && page.contains("ファイルの数を超えた") && !page.contains("3.txt")
    );
    let page = upload(&world, &[("1.txt", b"x"), ("空.txt", b"")]).await.text();
    assert!(page.contains("<strong>空.txt</strong>") && page.contains("0バイト"));
}

#[tokio::test]
async fn the_total_limit_leaves_out_what_does_not_fit() {
    let world = world().await;
    let big = vec![b'x'; 90_000];
    let answer = upload(&world, &[("1.bin", &big), ("2.bin", &big), ("3.bin", &big)]).await;
    let page = answer.text();
    assert!(page.contains("<strong>3.bin</strong>") && page.contains("合計の上限"), "{page}");
    assert!(!page.contains("<strong>2.bin</strong>"));
}

#[tokio::test]
async fn one_client_cannot_take_all_places() {
    let limits = web::UploadLimits { at_once_per_client: 2, ..small_limits() };
    let world = world_with(limits, ["127.0.0.1:0", "127.0.0.1:0"]).await;
    let form = get(world.portal, "/").await;
    let body = multipart(Some(&form.form_token()), &[("一つ目.txt", b"one")]);
    let mut under_way = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(world.portal).await.unwrap();
        let head = format!(
            "POST /upload HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: {}\r\nCookie: {}\r\nContent-Length: {}\r\n\r\n",
            world.portal,
            multipart_type(),
            form.cookies(),
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&body[..body.len() / 2]).await.unwrap();
        under_way.push(stream);
    }
    let mut refused = upload(&world, &[("三つ目.txt", b"three")]).await;
    // The two may not have come as far as the handler yet.
    for _ in 0..50 {
        if refused.status == 429 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        refused = upload(&world, &[("三つ目.txt", b"three")]).await;
    }
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("20")));
    assert!(refused.text().contains("この端末からの送信がまだ終わっていません"), "{}", refused.text());
    let stranger = send(world.portal, "POST", "/api/v1/files", &[("Content-Type", &multipart_type())], &body).await;
    assert_eq!(stranger.status, 429, "the interface for programs has the same places");
    assert_eq!(get(world.portal, "/").await.status, 200, "reading is not sending");
    // A place is free again when its upload has ended.
    let mut first = under_way.remove(0);
    first.write_all(&body[body.len() / 2..]).await.unwrap();
    assert_eq!(read(&mut first).await.status, 303);
    assert_eq!(upload(&world, &[("三つ目.txt", b"three")]).await.status, 303);
}

#[tokio::test]
async fn nothing_chosen_is_told_on_the_form() {
    let world = world().await;
    let answer = upload(&world, &[("", b"")]).await;
    assert_eq!(answer.status, 422);
    assert!(answer.text().contains("ファイルが選択されていません"));
}

#[tokio::test]
async fn a_transfer_that_breaks_off_keeps_the_files_that_were_complete() {
    let world = world().await;
    let form = get(world.portal, "/").await;
    let whole = multipart(Some(&form.form_token()), &[("一つ目.txt", b"one"), ("二つ目.txt", &[b'x'; 5000])]);
    let half = &whole[..whole.len() - 2000];
    let mut stream = TcpStream::connect(world.portal).await.unwrap();
    let head = format!(
        "POST /upload HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: {}\r\nCookie: {}\r\nContent-Length: {}\r\n\r\n",
        world.portal,
        multipart_type(),
        form.cookies(),
        whole.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(half).await.unwrap();
    // Silent for longer than the limit of two seconds: the answer comes without the rest.
    let page = read(&mut stream).await.text();
    assert!(page.contains("<strong>二つ目.txt</strong>") && page.contains("途切れた"), "{page}");
    assert!(!page.contains("<strong>一つ目.txt</strong>"));
    assert_eq!(world.store.counts().await.unwrap().uploaded, 1);
}

#[tokio::test]
async fn an_upload_without_the_form_s_own_token_stores_nothing() {
    let world = world().await;
    let form = get(world.portal, "/").await;
    let other = get(world.portal, "/").await;
    let kind = multipart_type();
    let cookies = form.cookies();
    for (token, cookie) in [
        (None, cookies.as_str()),
        (Some(other.form_token()), cookies.as_str()),
        (Some(form.form_token()), ""),
        (Some("0".repeat(64)), cookies.as_str()),
    ] {
        let body = multipart(token.as_deref(), &[("a.txt", b"x")]);
        let headers = [("Content-Type", kind.as_str()), ("Cookie", cookie)];
        let answer = send(world.portal, "POST", "/upload", &headers, &body).await;
        assert_eq!(answer.status, 403, "{token:?} {cookie}");
    }
    assert_eq!(world.store.counts().await.unwrap().uploaded, 0);
}

#[tokio::test]
async fn markup_in_a_file_name_is_text_on_every_page() {
    let world = world().await;
    let evil = "<img src=x onerror=alert(1)>'&.jpg";
    let answer = upload(&world, &[(evil, b"x")]).await;
    work(&world).await;
    let page = get(world.portal, answer.header("location").unwrap()).await.text();
    // The one picture on the page is the thumbnail.
    assert!(
        page.matches("<img ").count() == page.matches("<img src=\"/b/").count() && page.contains("onerror"),
        "{page}"
    );
    let answer = upload(&world, &[("<script>alert(1)<.txt", b"")]).await;
    assert!(
        !answer.text().contains("<script>alert") && answer.text().contains("&#60;script&#62;"),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn what_a_name_hides_is_gone_from_the_page_and_kept_in_the_audit() {
    let world = world().await;
    let answer = upload(&world, &[("annexe\u{202E}gpj.exe", b"x")]).await;
    let page = get(world.portal, answer.header("location").unwrap()).await.text();
    assert!(page.contains("annexegpj.exe") && !page.contains('\u{202E}'));
    let rows = world.store.audit(&store::AuditFilter::default()).await.unwrap();
    assert!(rows.items.iter().any(|row| row.event == "upload_name_changed" && row.detail.contains("⟦U+202E⟧")));
}

#[tokio::test]
async fn the_portal_speaks_english_when_asked_and_remembers() {
    let world = world().await;
    let page = get(world.portal, "/").await;
    assert!(page.text().contains("<html lang=\"ja\">"));
    let page = get(world.portal, "/?lang=en").await;
    assert!(page.text().contains("<html lang=\"en\">"));
    let cookies = page.cookies();
    let page = send(world.portal, "GET", "/", &[("Cookie", &cookies)], b"").await;
    assert!(page.text().contains("<html lang=\"en\">"));
    let page = send(world.portal, "GET", "/", &[("Accept-Language", "en-US,en;q=0.9")], b"").await;
    assert!(page.text().contains("<html lang=\"en\">"));
}

#[tokio::test]
async fn all_safe_files_come_in_one_archive_that_other_programs_read() {
    let world = world().await;
    let answer = upload(&world, &[("写真.jpg", b"jpeg"), ("写真.jpg", b"other"), ("setup.exe", b"MZ")]).await;
    let path = answer.header("location").unwrap().to_owned();
    assert_eq!(get(world.portal, &format!("{path}/all")).await.status, 409, "not before everything is finished");
    work(&world).await;
    assert!(get(world.portal, &path).await.text().contains(&format!("href=\"{path}/all\"")));
    let archive = get(world.portal, &format!("{path}/all")).await;
    assert_eq!((archive.status, archive.header("content-type")), (200, Some("application/zip")));
    assert_eq!(archive.header("content-length").unwrap(), archive.body.len().to_string());
    assert!(archive.header("content-disposition").unwrap().starts_with("attachment; filename=\"misogi-20"));
    let file = world.directory.path().join("all.zip");
    std::fs::write(&file, &archive.body).unwrap();
    let code = "import sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print([(i.filename, z.read(i).decode(), oct(i.external_attr >> 16)) for i in z.infolist()])";
    let read = std::process::Command::new("python3").args(["-c", code]).arg(&file).output().unwrap();
    assert_eq!(
        String::from_utf8(read.stdout).unwrap().trim(),
        "[('写真.jpg', 'safe version of 写真.jpg', '0o100644'), ('写真 (2).jpg', 'safe version of 写真.jpg', '0o100644')]",
        "{}",
        String::from_utf8_lossy(&read.stderr)
    );
    let none = upload(&world, &[("setup.exe", b"MZ")]).await;
    work(&world).await;
    assert_eq!(get(world.portal, &format!("{}/all", none.header("location").unwrap())).await.status, 410);
}

#[tokio::test]
async fn a_stream_tells_each_change_and_ends_with_the_last() {
    let world = world().await;
    let path = upload(&world, &[("a.csv", b"1"), ("b.csv", b"2")]).await.header("location").unwrap().to_owned();
    let events = format!("{path}/events");
    let reading = tokio::spawn({
        let (portal, events) = (world.portal, events.clone());
        async move { get(portal, &events).await }
    });
    tokio::time::sleep(std::time::Duration::from_millis(900)).await;
    work(&world).await;
    let answer = reading.await.unwrap();
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    let text = answer.text();
    let said: Vec<serde_json::Value> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!((said[0]["pending"].as_bool(), said[0]["ahead"].as_u64()), (Some(true), Some(0)), "{text}");
    let last = said.last().unwrap();
    assert_eq!(
        (last["pending"].as_bool(), last["done"].as_u64(), last["total"].as_u64()),
        (Some(false), Some(2), Some(2))
    );
    assert_eq!(get(world.portal, &format!("/b/{}/events", "0".repeat(32))).await.status, 404);
}

#[tokio::test]
async fn one_client_is_told_of_so_many_batches_at_a_time_and_asks_for_the_rest() {
    let world = world().await;
    let path = upload(&world, &[("a.csv", b"1")]).await.header("location").unwrap().to_owned();
    let mut streams = Vec::new();
    for number in 0..33 {
        let mut stream = TcpStream::connect(world.portal).await.unwrap();
        let head = format!("GET {path}/events HTTP/1.1\r\nHost: {}\r\n\r\n", world.portal);
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        let expect: &[u8] = if number < 32 { b"HTTP/1.1 200" } else { b"HTTP/1.1 429" };
        assert_eq!(answer, expect, "{number}");
        streams.push(stream);
    }
    assert_eq!(get(world.portal, &format!("{path}/status")).await.status, 200);
}

#[tokio::test]
async fn a_waiting_file_is_taken_back_with_the_page_s_token_and_one_that_is_done_stays() {
    let world = world().await;
    let path = upload(&world, &[("a.csv", b"1"), ("b.csv", b"2")]).await.header("location").unwrap().to_owned();
    let page = get(world.portal, &path).await;
    let cookies = page.cookies();
    let to = format!("{path}/files/1/cancel");
    assert!(page.text().contains(&format!("action=\"{to}\"")));
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    assert_eq!(send(world.portal, "POST", &to, &[form, ("Cookie", &cookies)], b"form_token=x").await.status, 403);
    assert_eq!(get(world.portal, &to).await.status, 405, "a link does nothing");
    let receipt = page.text().split("name=\"receipt\" value=\"").nth(1).unwrap()[..14].to_owned();
    let fields = [("receipt", receipt.as_str())];
    let done = post_form(world.portal, &page, &to, &cookies, &fields).await;
    assert_eq!((done.status, done.header("location")), (303, Some(path.as_str())));
    // Pressed twice, which must take back no other file.
    assert_eq!(post_form(world.portal, &page, &to, &cookies, &fields).await.status, 303);
    let left = get(world.portal, &path).await.text();
    assert!(left.contains("b.csv") && left.contains("a.csv") && left.contains("取り消しました"), "{left}");
    assert!(left.contains(&format!("action=\"{path}/files/2/cancel\"")), "the second file keeps its number");
    assert!(!left.contains(&format!("action=\"{to}\"")));
    assert_eq!(get(world.portal, &format!("{path}/files/1")).await.status, 410);
    work(&world).await;
    let second = page.text().split("name=\"receipt\" value=\"").nth(2).unwrap()[..14].to_owned();
    let late = format!("{path}/files/2/cancel");
    let fields = [("receipt", second.as_str())];
    assert_eq!(post_form(world.portal, &page, &late, &cookies, &fields).await.status, 303);
    let file = get(world.portal, &format!("{path}/files/2")).await;
    assert_eq!(
        (file.status, file.text().as_str()),
        (200, "safe version of b.csv"),
        "what is done cannot be taken back"
    );
    assert_eq!(get(world.portal, &format!("{path}/status")).await.json()["state"], "cancelled done");
    let all = get(world.portal, &format!("{path}/all")).await;
    assert_eq!(all.status, 200, "what was taken back keeps nobody waiting");
    let events = store::AuditFilter { event: Some("upload_cancelled".into()), ..Default::default() };
    assert_eq!(world.store.audit(&events).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn the_help_tells_what_holds_on_this_portal() {
    let world = world().await;
    let page = get(world.portal, "/help").await;
    assert_eq!(page.status, 200);
    let text = page.text();
    // 100,000 and 250,000 bytes, three files, seven days, three tries; nobody has an account, so nobody has a history or a mail.
    for told in ["97.6 KB", "244 KB", "<dd>3</dd>", "7日間", "3回まで", "一太郎", "順番を待っています"]
    {
        assert!(text.contains(told), "{told}: {text}");
    }
    assert!(!text.contains("わたしの履歴") && !text.contains("メールでお知らせします"), "{text}");
    assert!(text.contains("<a href=\"/help\" aria-current=\"page\">ヘルプ</a>"), "{text}");
    for link in text.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(text.contains(&format!("id=\"{link}\"")), "{link}");
    }
    let english = get(world.portal, "/help?lang=en").await.text();
    assert!(english.contains("Files with a password") && english.contains("for 7 days"), "{english}");
    assert!(get(world.portal, "/").await.text().contains("<a href=\"/help\">ヘルプ</a>"));

    let world = world_of_accounts().await;
    assert!(get(world.portal, "/help").await.header("location").unwrap().starts_with("/sign-in"));
    signed_in(&world).await;
    let staff = sign_in_at(&world, world.portal, ADMIN, PASSWORD).await.cookies();
    let text = send(world.portal, "GET", "/help", &[("Cookie", &staff)], b"").await.text();
    assert!(text.contains("わたしの履歴") && text.contains("60秒より長くかかったときは"), "{text}");
    assert!(text.contains("原本の取り寄せを申請する"), "{text}");
}

//! Uploads in pieces over real HTTP: what came before a connection broke counts, and nothing is taken twice.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

mod support;

use support::*;
use tokio::{io::AsyncWriteExt, net::TcpStream};

/// Announces files as the page's module does; gives the addresses, or why a file is not taken.
async fn announce(world: &World, page: &Answer, cookies: &str, files: &[(&str, u64)]) -> Answer {
    let files: Vec<_> = files.iter().map(|(name, size)| serde_json::json!({"name": name, "size": size})).collect();
    let body = serde_json::json!({ "files": files }).to_string();
    let token = page.form_token();
    let headers = [("Content-Type", "application/json"), ("Cookie", cookies), ("X-Form-Token", token.as_str())];
    send(world.portal, "POST", "/uploads", &headers, body.as_bytes()).await
}

async fn begun(world: &World, name: &str, size: u64) -> String {
    let page = get(world.portal, "/").await;
    let answer = announce(world, &page, &page.cookies(), &[(name, size)]).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["files"][0]["href"].as_str().unwrap().to_owned()
}

async fn patch(world: &World, href: &str, offset: usize, bytes: &[u8]) -> Answer {
    send(world.portal, "PATCH", href, &[("Upload-Offset", &offset.to_string())], bytes).await
}

#[tokio::test]
async fn a_file_goes_on_where_the_connection_broke() {
    let world = world().await;
    let bytes: Vec<u8> = (0..90_000_u32).map(|n| (n % 251) as u8).collect();
    let href = begun(&world, "図面.pdf", 90_000).await;
    let head = send(world.portal, "HEAD", &href, &[], b"").await;
    assert_eq!(
        (head.status, head.header("upload-offset"), head.header("upload-length")),
        (200, Some("0"), Some("90000"))
    );

    let half = patch(&world, &href, 0, &bytes[..30_000]).await;
    assert_eq!(
        (half.status, half.json()["offset"].as_u64(), half.json()["result"].as_str()),
        (200, Some(30_000), None)
    );
    // The next piece is announced whole and cut off in the middle.
    let mut stream = TcpStream::connect(world.portal).await.unwrap();
    let request = format!(
        "PATCH {href} HTTP/1.1\r\nHost: {}\r\nUpload-Offset: 30000\r\nContent-Length: 60000\r\n\r\n",
        world.portal
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.write_all(&bytes[30_000..52_000]).await.unwrap();
    stream.flush().await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    drop(stream);
    let mut offset = 30_000;
    for _ in 0..50 {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        offset = usize::try_from(get(world.portal, &href).await.json()["offset"].as_u64().unwrap()).unwrap();
        if offset > 30_000 {
            break;
        }
    }
    assert_eq!(offset, 52_000, "what came counts");
    assert_eq!(patch(&world, &href, 30_000, b"again").await.status, 409, "a piece that is there already");
    let done = patch(&world, &href, offset, &bytes[offset..]).await;
    let result = done.json()["result"].as_str().unwrap().to_owned();
    assert_eq!(get(world.portal, &href).await.json()["result"].as_str(), Some(result.as_str()), "asked once more");
    assert!(get(world.portal, &result).await.text().contains("図面.pdf"));

    let row = world.store.messages(&store::MessageFilter::default()).await.unwrap().items.remove(0);
    let original = world.store.message_original(row.id).await.unwrap().to_bytes(100_000).await.unwrap();
    assert!(original.as_ref() == bytes.as_slice(), "the pieces are the file");
    assert_eq!(patch(&world, &href, 90_000, b"x").await.status, 410, "it is complete");
}

#[tokio::test]
async fn files_announced_together_are_one_batch_and_each_stands_alone() {
    let world = world().await;
    let page = get(world.portal, "/").await;
    let files = [("a.csv", 3), ("大きい.bin", 100_001), ("空.txt", 0), ("b.csv", 3), ("c.csv", 3), ("d.csv", 3)];
    let answer = announce(&world, &page, &page.cookies(), &files).await;
    let json = answer.json();
    let refused: Vec<bool> = json["files"].as_array().unwrap().iter().map(|file| file["refused"].is_string()).collect();
    assert_eq!(refused, [false, true, true, false, false, true], "three files are the most: {json}");
    assert!(json["files"][1]["refused"].as_str().unwrap().contains("1ファイルの上限"));
    let href = |n: usize| json["files"][n]["href"].as_str().unwrap().to_owned();
    let first = patch(&world, &href(0), 0, b"1,2").await.json()["result"].as_str().unwrap().to_owned();
    assert_eq!(patch(&world, &href(3), 0, b"1,2,3").await.status, 413, "more than was announced");
    assert_eq!(send(world.portal, "DELETE", &href(4), &[], b"").await.status, 204);
    assert_eq!(patch(&world, &href(4), 0, b"1,2").await.status, 410, "given up");
    let other = patch(&world, &href(3), 0, b"1,2").await.json()["result"].as_str().unwrap().to_owned();
    assert_eq!(first, other);
    let text = get(world.portal, &first).await.text();
    assert!(text.contains("a.csv") && text.contains("b.csv") && !text.contains("c.csv"));
}

#[tokio::test]
async fn nothing_is_taken_without_the_form_s_token_or_under_a_guessed_name() {
    let world = world().await;
    let page = get(world.portal, "/").await;
    let body = br#"{"files":[{"name":"a.txt","size":1}]}"#;
    let json = ("Content-Type", "application/json");
    let (cookies, token) = (page.cookies(), page.form_token());
    for headers in [
        vec![json],
        vec![json, ("Cookie", cookies.as_str())],
        vec![json, ("X-Form-Token", token.as_str())],
        vec![json, ("Cookie", cookies.as_str()), ("X-Form-Token", "x")],
    ] {
        assert_eq!(send(world.portal, "POST", "/uploads", &headers, body).await.status, 403, "{headers:?}");
    }
    let good = [json, ("Cookie", cookies.as_str()), ("X-Form-Token", token.as_str())];
    for bad in [&b"{}"[..], br#"{"files":[]}"#, br#"{"files":[{"name":"a","size":-1}]}"#, b"x"] {
        let answer = send(world.portal, "POST", "/uploads", &good, bad).await;
        assert!((400..=422).contains(&answer.status), "{}", answer.status);
    }
    let href = begun(&world, "a.txt", 1).await;
    for other in [
        format!("/uploads/{}/1", "0".repeat(64)),
        format!("{href}0"),
        href.replace("/1", "/2"),
        "/uploads/x/y".to_owned(),
    ] {
        for method in ["GET", "PATCH", "DELETE"] {
            let answer = send(world.portal, method, &other, &[("Upload-Offset", "0")], b"x").await;
            assert!([400, 404].contains(&answer.status), "{method} {other}: {}", answer.status);
        }
    }
    assert_eq!(send(world.portal, "PATCH", &href, &[], b"x").await.status, 400, "no offset");
}

#[tokio::test]
async fn a_client_gets_its_places_back_with_the_last_piece() {
    let world = world().await;
    let most = web::UploadLimits::default().at_once_per_client;
    let mut open = Vec::new();
    for _ in 0..most {
        open.push(begun(&world, "a.txt", 1).await);
    }
    let page = get(world.portal, "/").await;
    let over = announce(&world, &page, &page.cookies(), &[("a.txt", 1)]).await;
    assert_eq!(over.status, 429);
    patch(&world, &open[0], 0, b"x").await;
    send(world.portal, "DELETE", &open[1], &[], b"").await;
    for _ in 0..2 {
        begun(&world, "a.txt", 1).await;
    }
}

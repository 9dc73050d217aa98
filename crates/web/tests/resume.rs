//! Uploads in pieces over real HTTP: what came before a connection broke counts, and nothing is taken twice.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::disallowed_methods,
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
        assert_eq!(answer.status, 400, "{}", String::from_utf8_lossy(bad));
    }
    let href = begun(&world, "a.txt", 1).await;
    let group = href.strip_suffix("/1").unwrap();
    for (other, status) in [
        (format!("/uploads/{}/1", "0".repeat(64)), 404),
        (format!("{group}/0"), 404),
        (format!("{group}/2"), 404),
        (format!("{group}/10"), 404),
        ("/uploads/x/1".to_owned(), 404),
        ("/uploads/x/y".to_owned(), 400),
        ("/uploads/..%2F..%2Fetc/1".to_owned(), 404),
    ] {
        for method in ["GET", "PATCH", "DELETE"] {
            let answer = send(world.portal, method, &other, &[("Upload-Offset", "0")], b"x").await;
            assert_eq!(answer.status, status, "{method} {other}");
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

/// Begins a piece and sends so much of it; the connection stays open.
async fn piece_begun(world: &World, href: &str, offset: usize, length: usize, sent: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(world.portal).await.unwrap();
    let head = format!(
        "PATCH {href} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nUpload-Offset: {offset}\r\nContent-Length: {length}\r\n\r\n",
        world.portal
    );
    stream.write_all(&[head.as_bytes(), sent].concat()).await.unwrap();
    stream
}

/// Waits until so much of a file is there.
async fn reached(world: &World, href: &str, offset: u64) {
    for _ in 0..100 {
        if get(world.portal, href).await.json()["offset"].as_u64() == Some(offset) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{offset} was never reached");
}

#[tokio::test]
async fn one_piece_of_a_file_is_read_at_a_time_and_a_wrong_one_is_told_before_it_is_sent() {
    let world = world().await;
    let href = begun(&world, "a.bin", 1000).await;
    let mut first = piece_begun(&world, &href, 0, 600, &[1; 100]).await;
    reached(&world, &href, 100).await;
    // The offset is right, and another piece is under way all the same.
    let second = patch(&world, &href, 100, &[2; 10]).await;
    assert_eq!((second.status, second.header("retry-after")), (409, Some("1")));
    first.write_all(&[1; 500]).await.unwrap();
    assert_eq!(read(&mut first).await.json()["offset"], 600);
    // Nothing of the body has come, and nothing of it is waited for.
    let mut wrong = piece_begun(&world, &href, 0, 600, b"").await;
    let answer = tokio::time::timeout(std::time::Duration::from_secs(1), read(&mut wrong)).await.unwrap();
    assert_eq!(answer.status, 409);
    assert_eq!(patch(&world, &href, 600, &[3; 400]).await.status, 200);
}

#[tokio::test]
async fn one_client_reads_in_so_many_pieces_at_a_time() {
    let world = world_with(
        web::UploadLimits { at_once_per_client: 2, silence: std::time::Duration::from_secs(20), ..small_limits() },
        ["127.0.0.1:0", "127.0.0.1:0"],
    )
    .await;
    let page = get(world.portal, "/").await;
    let answer = announce(&world, &page, &page.cookies(), &[("a", 10), ("b", 10), ("c", 10)]).await.json();
    let href = |n: usize| answer["files"][n]["href"].as_str().unwrap().to_owned();
    let mut under_way = Vec::new();
    for n in 0..2 {
        under_way.push(piece_begun(&world, &href(n), 0, 10, b"x").await);
        reached(&world, &href(n), 1).await;
    }
    assert_eq!(patch(&world, &href(2), 0, b"0123456789").await.status, 429);
    under_way[0].write_all(b"123456789").await.unwrap();
    assert_eq!(read(&mut under_way[0]).await.status, 200);
    assert_eq!(patch(&world, &href(2), 0, b"0123456789").await.status, 200);
}

/// Files of incoming content that this process, which is the gateway too, has open.
fn open_files(world: &World) -> usize {
    let incoming = world.directory.path().join("incoming");
    let open = std::fs::read_dir("/proc/self/fd").unwrap();
    open.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok())
        .filter(|to| to.starts_with(&incoming))
        .count()
}

#[tokio::test]
async fn between_two_pieces_no_file_is_open() {
    let world = world_with(
        web::UploadLimits { file_bytes: 2_000_000, total_bytes: 4_000_000, ..small_limits() },
        ["127.0.0.1:0", "127.0.0.1:0"],
    )
    .await;
    let bytes: Vec<u8> = (0..1_200_000_u32).map(|n| (n % 253) as u8).collect();
    let href = begun(&world, "a.bin", 1_200_000).await;
    let mut first = piece_begun(&world, &href, 0, 800_000, &bytes[..700_000]).await;
    for _ in 0..100 {
        if open_files(&world) > 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(open_files(&world), 1, "the count would see it");
    first.write_all(&bytes[700_000..800_000]).await.unwrap();
    assert_eq!(read(&mut first).await.json()["offset"], 800_000);
    assert_eq!(open_files(&world), 0);
    // A connection that breaks leaves none open either.
    let cut = piece_begun(&world, &href, 800_000, 400_000, &bytes[800_000..1_100_000]).await;
    reached(&world, &href, 1_100_000).await;
    assert_eq!(open_files(&world), 1);
    drop(cut);
    for _ in 0..100 {
        if open_files(&world) == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(open_files(&world), 0);
    assert_eq!(patch(&world, &href, 1_100_000, &bytes[1_100_000..]).await.status, 200);
    let row = world.store.messages(&store::MessageFilter::default()).await.unwrap().items.remove(0);
    let original = world.store.message_original(row.id).await.unwrap().to_bytes(2_000_000).await.unwrap();
    assert!(original.as_ref() == bytes.as_slice(), "the pieces are the file");
}

#[tokio::test]
async fn with_accounts_an_upload_is_its_sender_s_alone() {
    let world = world_of_accounts().await;
    let mut cookies = Vec::new();
    let admin = signed_in(&world).await;
    let hash = world.store.user_by_name(ADMIN).await.unwrap().unwrap().password_hash;
    for name in ["shokuin-a", "shokuin-b"] {
        let user = store::NewUser { name: name.to_owned(), password_hash: hash.clone(), role: store::Role::Staff };
        world.store.create_user(user, "test").await.unwrap();
        cookies.push(sign_in_at(&world, world.portal, name, PASSWORD).await.cookies());
    }
    let page = send(world.portal, "GET", "/", &[("Cookie", &cookies[0])], b"").await;
    let answer = announce(&world, &page, &cookies[0], &[("a.txt", 3)]).await;
    let href = answer.json()["files"][0]["href"].as_str().unwrap().to_owned();
    // The form's token of another person is none.
    assert_eq!(announce(&world, &page, &cookies[1], &[("a.txt", 3)]).await.status, 403);
    for method in ["HEAD", "GET", "PATCH", "DELETE"] {
        let offset = ("Upload-Offset", "0");
        let other = send(world.portal, method, &href, &[("Cookie", &cookies[1]), offset], b"abc").await;
        assert_eq!(other.status, 404, "{method}");
        let nobody = send(world.portal, method, &href, &[offset], b"abc").await;
        assert_eq!(nobody.status, 303, "{method}");
        let console = send(world.portal, method, &href, &[("Cookie", &admin), offset], b"abc").await;
        assert_eq!(console.status, 303, "{method}");
    }
    let own = send(world.portal, "PATCH", &href, &[("Cookie", &cookies[0]), ("Upload-Offset", "0")], b"abc").await;
    let result = own.json()["result"].as_str().unwrap().to_owned();
    assert_eq!(send(world.portal, "GET", &result, &[("Cookie", &cookies[0])], b"").await.status, 200);
    assert_eq!(send(world.portal, "GET", &result, &[("Cookie", &cookies[1])], b"").await.status, 404);
}

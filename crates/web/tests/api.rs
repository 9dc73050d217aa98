//! `/api/v1` over real HTTP.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod support;

use support::*;
use tokio::{io::AsyncWriteExt, net::TcpStream};

async fn post(world: &World, files: &[(&str, &[u8])]) -> Answer {
    let kind = multipart_type();
    send(world.portal, "POST", "/api/v1/files", &[("Content-Type", &kind)], &multipart(None, files)).await
}

#[tokio::test]
async fn a_file_goes_in_and_its_report_and_result_come_out() {
    let world = world().await;
    let answer = post(&world, &[("写真.jpg", b"jpeg")]).await;
    assert_eq!(answer.status, 202);
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let receipt = answer.json()["receipt"].as_str().unwrap().to_owned();
    assert_eq!((id.len(), receipt.len()), (32, 14));
    let at = format!("/api/v1/files/{id}");
    assert_eq!(answer.header("location"), Some(at.as_str()));

    let state = get(world.portal, &at).await.json();
    assert_eq!((state["state"].as_str(), state["verdict"].as_str()), (Some("queued"), None));
    let early = get(world.portal, &format!("{at}/report")).await;
    assert_eq!((early.status, early.header("retry-after")), (409, Some("1")));
    assert_eq!(early.header("content-type"), Some("application/problem+json"));
    assert_eq!(early.json()["reason_code"], "pending");

    work(&world).await;
    let state = get(world.portal, &at).await.json();
    assert_eq!((state["state"].as_str(), state["verdict"].as_str()), (Some("done"), Some("sanitised")));
    let report = get(world.portal, &format!("{at}/report")).await.json();
    assert_eq!(report["input"], "写真.jpg");
    assert_eq!(report["verdict"], "sanitised");
    assert_eq!(report["output_type"], "image/jpeg");
    assert_eq!(report["findings"][0]["reason"], "gps_position");
    assert_eq!(report["findings"][0]["count"], 1);
    assert!(report["findings"][0]["where"].is_string() && report["findings"][0]["text"].is_string());
    assert!(report["children"].as_array().unwrap().is_empty());
    let result = get(world.portal, state["links"]["result"].as_str().unwrap()).await;
    assert_eq!((result.status, result.text().as_str()), (200, "safe version of 写真.jpg"));
}

#[tokio::test]
async fn how_much_the_pages_look_like_the_original_is_told_where_some_were_compared() {
    let world = world().await;
    for (name, told, sentence) in [
        ("計画.pdf", serde_json::json!({"similarity": 0.9923, "pages": 3}), true),
        ("写真.jpg", serde_json::Value::Null, false),
    ] {
        let id = post(&world, &[(name, b"x")]).await.json()["id"].as_str().unwrap().to_owned();
        work(&world).await;
        assert_eq!(get(world.portal, &format!("/api/v1/files/{id}/report")).await.json()["fidelity"], told, "{name}");
        let page = get(world.portal, &format!("/b/{id}")).await.text();
        assert_eq!(page.contains("見た目の一致度: 99.2%（3ページを元と比べ、最も低いもの）"), sentence, "{name}");
        let page = get(world.portal, &format!("/b/{id}?lang=en")).await.text();
        assert_eq!(page.contains("Looks like the original: 99.2% (the least of 3 pages compared)"), sentence, "{name}");
    }
}

#[tokio::test]
async fn a_withheld_file_has_a_reason_and_no_result() {
    let world = world().await;
    let id = post(&world, &[("setup.exe", b"MZ")]).await.json()["id"].as_str().unwrap().to_owned();
    work(&world).await;
    let state = get(world.portal, &format!("/api/v1/files/{id}")).await.json();
    assert_eq!((state["verdict"].as_str(), state["links"]["result"].as_str()), (Some("withheld"), None));
    let report = get(world.portal, &format!("/api/v1/files/{id}/report")).await.json();
    assert_eq!(report["findings"][0]["reason"], "unsupported_type");
    let result = get(world.portal, &format!("/api/v1/files/{id}/result")).await;
    assert_eq!((result.status, result.json()["reason_code"].as_str().unwrap()), (410, "withheld"));
}

#[tokio::test]
async fn bad_requests_are_problem_documents() {
    let world = world().await;
    let over = vec![b'x'; 100_001];
    let unread = send(world.portal, "POST", "/api/v1/files", &[("Content-Type", "text/plain")], b"x").await;
    for (answer, status) in [
        (post(&world, &[]).await, 400),
        (post(&world, &[("a.txt", b"x"), ("b.txt", b"x")]).await, 400),
        (post(&world, &[("a.txt", &over)]).await, 413),
        (unread, 400),
        (get(world.portal, "/api/v1/files/unknown").await, 404),
        (get(world.portal, "/api/v1/nothing").await, 404),
        (send(world.portal, "DELETE", "/api/v1/files", &[], b"").await, 405),
    ] {
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{status}");
        assert_eq!(answer.json()["status"], status);
        assert_eq!(answer.json()["type"], "about:blank");
    }
}

#[tokio::test]
async fn the_quarantine_is_closed_without_sign_in() {
    let world = world().await;
    for path in ["/api/v1/quarantine", "/api/v1/quarantine/1", "/api/v1/quarantine?state=held"] {
        let answer = get(world.admin, path).await;
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert!(answer.header("www-authenticate").is_some());
        let answer =
            send(world.admin, "GET", path, &[("Cookie", &format!("misogi_admin={}", "0".repeat(64)))], b"").await;
        assert_eq!(answer.status, 401, "{path}");
    }
    assert_eq!(get(world.portal, "/api/v1/quarantine").await.status, 404, "not on the portal at all");
}

#[tokio::test]
async fn the_quarantine_is_listed_to_an_administrator() {
    let world = world().await;
    post(&world, &[("setup.exe", b"MZ")]).await;
    work(&world).await;
    let cookies = signed_in(&world).await;
    let list = get_as(&world, &cookies, "/api/v1/quarantine?state=held&reason=unsupported_type&q=setup").await.json();
    assert_eq!(list["items"][0]["name"], "setup.exe");
    assert_eq!(list["items"][0]["reason"], "unsupported_type");
    let id = list["items"][0]["id"].as_i64().unwrap();
    assert_eq!(get_as(&world, &cookies, &format!("/api/v1/quarantine/{id}")).await.json()["state"], "held");
    assert_eq!(get_as(&world, &cookies, "/api/v1/quarantine/999").await.status, 404);
    assert_eq!(get_as(&world, &cookies, "/api/v1/quarantine?state=x").await.status, 400);
}

#[tokio::test]
async fn the_interface_describes_itself() {
    let world = world().await;
    for listener in [world.portal, world.admin] {
        let answer = get(listener, "/api/v1/openapi.json").await;
        let document = answer.json();
        assert_eq!(document["openapi"].as_str().unwrap().get(..3), Some("3.1"));
        for path in [
            "/api/v1/files",
            "/api/v1/files/{id}",
            "/api/v1/files/{id}/report",
            "/api/v1/files/{id}/result",
            "/api/v1/quarantine",
            "/api/v1/quarantine/{id}",
        ] {
            assert!(document["paths"][path].is_object(), "{path}");
        }
        assert!(document["components"]["schemas"]["ReportFinding"]["properties"]["where"].is_object());
        assert!(document["paths"]["/api/v1/files"]["post"]["responses"]["202"].is_object());
        references_resolve(&document, &document);
    }
}

fn references_resolve(value: &serde_json::Value, document: &serde_json::Value) {
    match value {
        serde_json::Value::Object(map) => {
            if let Some(target) = map.get("$ref").and_then(|target| target.as_str()) {
                assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{target}");
            }
            map.values().for_each(|value| references_resolve(value, document));
        }
        serde_json::Value::Array(list) => list.iter().for_each(|value| references_resolve(value, document)),
        _ => {}
    }
}

async fn post_with(world: &World, key: &str, files: &[(&str, &[u8])]) -> Answer {
    let kind = multipart_type();
    let headers = [("Content-Type", kind.as_str()), ("Idempotency-Key", key)];
    send(world.portal, "POST", "/api/v1/files", &headers, &multipart(None, files)).await
}

#[tokio::test]
async fn a_repeated_request_is_answered_alike_and_its_file_taken_once() {
    let world = world().await;
    let key = "6f1c2a90-1b7e-4c0a-9d7e-2f5b6a7c8d9e";
    let first = post_with(&world, key, &[("a.txt", b"one")]).await;
    assert_eq!(first.status, 202);
    let again = post_with(&world, key, &[("a.txt", b"one")]).await;
    assert_eq!((again.status, again.json()), (202, first.json()));
    assert_eq!(again.header("location"), first.header("location"));
    for other in [("a.txt", &b"two"[..]), ("b.txt", b"one"), ("a.txto", b"ne")] {
        let differs = post_with(&world, key, &[other]).await;
        assert_eq!((differs.status, differs.json()["reason_code"].as_str()), (422, Some("other_request")), "{other:?}");
    }
    assert_eq!(world.store.messages(&store::MessageFilter::default()).await.unwrap().items.len(), 1);
    assert_eq!(post_with(&world, "another key of a program", &[("a.txt", b"one")]).await.status, 400, "spaces");
    assert_eq!(post_with(&world, "short", &[("a.txt", b"one")]).await.status, 400);
    // What failed was not done: the key is free for the right request.
    let key = "0f1c2a90-1b7e-4c0a-9d7e-2f5b6a7c8d9e";
    assert_eq!(post_with(&world, key, &[]).await.status, 400);
    assert_eq!(post_with(&world, key, &[("a.txt", b"one")]).await.status, 202);
}

#[tokio::test]
async fn the_interface_is_shown_to_people_without_a_script() {
    let world = world().await;
    for listener in [world.portal, world.admin] {
        let page = get(listener, "/api/v1/docs").await;
        assert_eq!(page.status, 200);
        let text = page.text();
        assert!(!text.contains("<script"));
        for shown in ["POST /api/v1/files", "Idempotency-Key", "GET /api/v1/quarantine/{id}", "ReportFinding", "429"] {
            assert!(text.contains(shown), "{shown}");
        }
        let document = get(listener, "/api/v1/openapi.json").await.json();
        assert_eq!(document["components"]["securitySchemes"]["key"]["scheme"], "bearer");
    }
}

#[tokio::test]
async fn a_client_that_goes_before_the_answer_gets_it_later_and_its_file_is_taken_once() {
    let world = world().await;
    let body = multipart(None, &[("a.txt", b"one")]);
    const REQUESTS: usize = 20;
    for number in 0..REQUESTS {
        let key = format!("0123456789abcdef-{number}");
        let head = format!(
            "POST /api/v1/files HTTP/1.1\r\nHost: {}\r\nContent-Type: {}\r\nIdempotency-Key: {key}\r\nContent-Length: {}\r\n\r\n",
            world.portal,
            multipart_type(),
            body.len()
        );
        let mut stream = TcpStream::connect(world.portal).await.unwrap();
        stream.write_all(&[head.as_bytes(), &body].concat()).await.unwrap();
        // At another moment of its way every time.
        tokio::time::sleep(std::time::Duration::from_micros(150 * u64::try_from(number).unwrap())).await;
        drop(stream);
        let mut answer = post_with(&world, &key, &[("a.txt", b"one")]).await;
        for _ in 0..100 {
            if answer.status != 409 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            answer = post_with(&world, &key, &[("a.txt", b"one")]).await;
        }
        assert_eq!(answer.status, 202, "{number}: {}", answer.text());
        let again = post_with(&world, &key, &[("a.txt", b"one")]).await;
        assert_eq!((again.status, again.json()), (202, answer.json()), "{number}");
    }
    assert_eq!(world.store.counts().await.unwrap().uploaded, u64::try_from(REQUESTS).unwrap(), "none was taken twice");
}

#[tokio::test]
async fn a_program_s_request_is_taken_whole_or_not_at_all() {
    let world = world().await;
    let one = multipart(None, &[("a.txt", b"one")]);
    let unfinished = &one[..one.len() - 6];
    let kind = multipart_type();
    let cut = send(world.portal, "POST", "/api/v1/files", &[("Content-Type", &kind)], unfinished).await;
    assert_eq!(cut.status, 400, "{}", cut.text());
    assert_eq!(post(&world, &[("a.txt", b"x"), ("b.txt", b"x")]).await.status, 400);
    assert_eq!(world.store.counts().await.unwrap().uploaded, 0, "a request that was refused leaves nothing");
    assert_eq!(post(&world, &[("a.txt", b"x")]).await.status, 202);
}

async fn batch_with(world: &World, key: &str, body: &[u8]) -> Answer {
    let kind = multipart_type();
    let headers = [("Content-Type", kind.as_str()), ("Idempotency-Key", key)];
    send(world.portal, "POST", "/api/v1/batches", &headers, body).await
}

#[tokio::test]
async fn a_batch_that_is_sent_again_is_answered_alike_and_its_files_taken_once() {
    let world = world().await;
    let key = "6f1c2a90-1b7e-4c0a-9d7e-2f5b6a7c8d9e";
    let files: [(&str, &[u8]); 4] = [("a.txt", b"one"), ("empty.txt", b""), ("b.txt", b"two"), ("c.txt", b"three")];
    let body = multipart(None, &files);
    let first = batch_with(&world, key, &body).await;
    assert_eq!(first.status, 202, "{}", first.text());
    assert_eq!(first.json()["receipts"].as_array().unwrap().len(), 2);
    let refused = first.json()["refused"].clone();
    assert_eq!((&refused[0]["reason_code"], &refused[1]["reason_code"]), (&"empty".into(), &"too_many".into()));
    let again = batch_with(&world, key, &body).await;
    assert_eq!((again.status, again.json()), (202, first.json()));
    let other = batch_with(&world, key, &multipart(None, &[("a.txt", b"one")])).await;
    assert_eq!((other.status, other.json()["reason_code"].as_str()), (422, Some("other_request")));
    assert_eq!(batch_with(&world, "short", &body).await.status, 400);
    assert_eq!(world.store.counts().await.unwrap().uploaded, 2);

    // What broke off left nothing, and its key is free.
    let key = "0f1c2a90-1b7e-4c0a-9d7e-2f5b6a7c8d9e";
    assert_eq!(batch_with(&world, key, &body[..body.len() - 6]).await.status, 400);
    assert_eq!(world.store.counts().await.unwrap().uploaded, 2);
    assert_eq!(batch_with(&world, key, &body).await.json()["receipts"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_batch_of_which_a_part_was_taken_is_completed_by_the_same_request() {
    let world = world().await;
    let key = "6f1c2a90-1b7e-4c0a-9d7e-2f5b6a7c8d9e";
    let body = multipart(None, &[("a.txt", b"one"), ("b.txt", b"two"), ("c.txt", b"three")]);
    let first = batch_with(&world, key, &body).await.json();
    // As a gateway leaves it that ends between the first file and the second.
    let batch = world.store.batch(&store::BatchToken::parse(first["id"].as_str().unwrap()).unwrap()).await.unwrap();
    let files = batch.unwrap().files;
    world.lose(&[files[1].message, files[2].message]);
    let again = batch_with(&world, key, &body).await.json();
    assert_eq!(again["id"], first["id"]);
    let receipts = again["receipts"].as_array().unwrap();
    assert_eq!((receipts.len(), &receipts[0]), (3, &first["receipts"][0]), "the first one is not taken again");
}

#[tokio::test]
async fn what_was_made_again_is_no_file_of_the_request() {
    let world = world().await;
    let key = "6f1c2a90-1b7e-4c0a-9d7e-2f5b6a7c8d9e";
    let body = multipart(None, &[("a.docx", b"one"), ("b.docx", b"two"), ("c.docx", b"three")]);
    let first = batch_with(&world, key, &body).await.json();
    work(&world).await;
    let at = format!("/b/{}", first["id"].as_str().unwrap());
    let page = get(world.portal, &at).await;
    let receipt = first["receipts"][0].as_str().unwrap();
    let to = format!("{at}/files/1/again");
    let fields = [("receipt", receipt), ("output", "pages")];
    assert_eq!(post_form(world.portal, &page, &to, &page.cookies(), &fields).await.status, 303);
    assert_eq!(batch_with(&world, key, &body).await.json(), first);
    // As a gateway leaves it that ended between two files, with one made again since.
    let token = store::BatchToken::parse(first["id"].as_str().unwrap()).unwrap();
    let files = world.store.batch(&token).await.unwrap().unwrap().files;
    assert_eq!(files.len(), 4);
    world.lose(&[files[1].message, files[2].message]);
    let again = batch_with(&world, key, &body).await.json();
    let receipts = again["receipts"].as_array().unwrap();
    assert_eq!((receipts.len(), &receipts[0]), (3, &first["receipts"][0]));
    let files = world.store.batch(&token).await.unwrap().unwrap().files;
    let mut names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["a.docx", "a.docx", "b.docx", "c.docx"], "none is lost and none is taken twice");
}

#[tokio::test]
async fn a_program_waits_for_the_verdict_and_not_longer_than_it_said() {
    let world = world().await;
    let at = post(&world, &[("a.txt", b"one")]).await.header("location").unwrap().to_owned();
    let started = std::time::Instant::now();
    let waited = get(world.portal, &format!("{at}?wait=1s")).await;
    assert_eq!((waited.status, waited.json()["state"].as_str()), (200, Some("queued")));
    assert!(started.elapsed() >= std::time::Duration::from_secs(1));
    let patient = {
        let (to, at) = (world.portal, format!("{at}?wait=60"));
        tokio::spawn(async move { get(to, &at).await })
    };
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(!patient.is_finished(), "there is nothing to tell yet");
    work(&world).await;
    let told = tokio::time::timeout(std::time::Duration::from_secs(30), patient).await.unwrap().unwrap();
    assert_eq!((told.status, told.json()["state"].as_str()), (200, Some("done")));
    // Sent and fetched with one request.
    let kind = multipart_type();
    let sending = {
        let (to, body) = (world.portal, multipart(None, &[("b.txt", b"two")]));
        tokio::spawn(async move { send(to, "POST", "/api/v1/files?wait=60s", &[("Content-Type", &kind)], &body).await })
    };
    while world.store.counts().await.unwrap().uploaded < 2 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    work(&world).await;
    let sent = tokio::time::timeout(std::time::Duration::from_secs(30), sending).await.unwrap().unwrap();
    assert_eq!((sent.status, sent.json()["verdict"].as_str()), (200, Some("sanitised")), "{}", sent.text());
    let batch = at.replace("/files/", "/batches/");
    assert_eq!(get(world.portal, &format!("{batch}?wait=60s")).await.json()["done"], true);
    for wrong in ["x", "-1", "1.5", "1000", ""] {
        assert_eq!(get(world.portal, &format!("{at}?wait={wrong}")).await.status, 400, "{wrong}");
    }
    let nowhere = format!("/api/v1/files/{}?wait=60s", "0".repeat(32));
    assert_eq!(get(world.portal, &nowhere).await.status, 404, "nobody waits for what is not there");
}

#[tokio::test]
async fn what_its_sender_took_back_is_called_so() {
    let world = world().await;
    let at = post(&world, &[("a.txt", b"one")]).await.header("location").unwrap().to_owned();
    let id = world.store.messages(&store::MessageFilter::default()).await.unwrap().items[0].id;
    assert!(world.store.cancel_upload(id, "test").await.unwrap());
    let state = get(world.portal, &at).await.json();
    assert_eq!((state["state"].as_str(), state["verdict"].as_str()), (Some("cancelled"), None));
    let batch = at.replace("/files/", "/batches/");
    for document in [
        format!("{at}/report"),
        format!("{at}/result"),
        format!("{batch}/files/1/report"),
        format!("{batch}/files/1/result"),
    ] {
        let answer = get(world.portal, &document).await;
        assert_eq!((answer.status, answer.json()["reason_code"].as_str()), (410, Some("cancelled")), "{document}");
    }
    let cookies = signed_in(&world).await;
    for path in ["/messages".to_owned(), format!("/messages/{}", id.0)] {
        let page = get_as(&world, &cookies, &path).await.text();
        assert!(
            page.contains("取り消しました") && !page.contains("<span class=\"status stop\">処理できません"),
            "{path}: {page}"
        );
    }
    let message = get_as(&world, &cookies, &format!("/api/v1/messages/{}", id.0)).await.json();
    assert_eq!(message["message"]["verdict"], "cancelled");
}

//! The pages for running the gateway: dashboard, tracking, audit.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "another program checks what was exported")]

mod support;

use std::time::Duration;

use form::Reason;
use store::{NewUser, Quarantined, Role, Verdict};
use support::*;
use web::{Certificate, Condition};

async fn busy(world: &World) {
    let parts = vec![
        sanitised("1", "見積書.docx", "見積書.docx", "application/msword", Vec::new()),
        withheld("2", "setup.exe", Reason::UnsupportedType, Some(Quarantined::Whole)),
    ];
    mail(world, Some("k@example.co.jp"), "a@city.example.jp", "見積の件", Verdict::SanitisedWithWithheld, parts).await;
}

#[tokio::test]
async fn the_dashboard_shows_the_last_day_as_charts_with_a_table_each() {
    let world = world().await;
    busy(&world).await;
    let cookies = signed_in(&world).await;
    let page = get_as(&world, &cookies, "/").await;
    assert!(page.body.len() < 100_000, "{} bytes", page.body.len());
    let text = page.text();
    for expect in [
        "作り直しできない形式",
        "docx",
        "pe",
        "1分あたりの処理件数",
        "秒以内",
        "完了（一部を管理者が保管）",
        "保管場所の空き",
    ] {
        let reason = engine::catalogue::reason_text(Reason::UnsupportedType, engine::catalogue::Language::Ja);
        let expect = if expect == "作り直しできない形式" { reason } else { expect };
        assert!(text.contains(expect), "{expect} is missing in {text}");
    }
    assert_eq!(text.matches("<figure").count(), 4);
    assert_eq!(text.matches("<summary>表で見る").count(), 4, "a table under each chart");
    assert_eq!(text.matches("<polyline").count(), 3);
    assert!(!text.contains("style="), "the policy for styles allows none inside the page");
    let english = get_as(&world, &cookies, "/?lang=en").await.text();
    assert!(english.contains("As a table") && english.contains("Finished per minute"), "{english}");
}

#[tokio::test]
async fn a_dashboard_of_a_new_gateway_says_that_there_is_nothing() {
    let world = world().await;
    let cookies = signed_in(&world).await;
    let text = get_as(&world, &cookies, "/").await.text();
    assert_eq!(text.matches("この24時間の記録はありません。").count(), 3);
    // How much of the disk is free is the machine's affair: where it is little, the row says so, and the sum of all above it.
    let full = text.contains("空きが少なくなっています");
    assert!(text.contains("notice ok") || full && text.matches("status warn").count() == 2, "{text}");
}

#[tokio::test]
async fn what_ends_soon_is_a_warning_and_mail_that_is_refused_an_emergency() {
    let world = world().await;
    let cookies = signed_in(&world).await;
    let now = world.store.now();
    world.outlook.note(|seen| {
        seen.scanner_database = Some(now.minus(Duration::from_secs(3 * 86_400)));
        let ends = Some(now.plus(Duration::from_secs(19 * 86_400 + 60)));
        seen.certificates = vec![Certificate { name: "smtp.tls_certificate", ends }];
    });
    let text = get_as(&world, &cookies, "/").await.text();
    assert!(text.contains("注意が必要です") && text.contains("あと19日") && text.contains("3日前"), "{text}");
    assert!(!text.contains("role=\"alert\""));
    world.readiness.report("delivery", Condition::Degraded("the next hop cannot be reached".into()));
    let text = get_as(&world, &cookies, "/").await.text();
    assert!(text.contains("続いている時間: 0秒 (the next hop cannot be reached)"), "{text}");
    world.readiness.report("rooms", Condition::Refusing("no room".into()));
    let text = get_as(&world, &cookies, "/").await.text();
    assert!(text.contains("role=\"alert\"") && text.contains("原因: 変換環境"), "{text}");
}

#[tokio::test]
async fn the_platform_s_administrator_sees_figures_and_no_person() {
    let world = world().await;
    busy(&world).await;
    signed_in(&world).await;
    let hash = world.store.user_by_name(ADMIN).await.unwrap().unwrap().password_hash;
    let user = NewUser { name: "platform".into(), password_hash: hash, role: Role::PlatformAdmin };
    world.store.create_user(user, "test").await.unwrap();
    let platform = sign_in(&world, "platform", PASSWORD).await.cookies();
    let text = get_as(&world, &platform, "/").await.text();
    assert!(text.contains("docx") && !text.contains("k@example.co.jp") && !text.contains("見積"), "{text}");
}

#[tokio::test]
async fn a_mail_is_found_by_each_field_and_its_record_tells_the_whole_way() {
    let world = world().await;
    busy(&world).await;
    let cookies = signed_in(&world).await;
    let found = async |query: &str| {
        get_as(&world, &cookies, &format!("/messages?{query}")).await.text().contains("/messages/1\"")
    };
    let today = "2000-01-01T00:00";
    for (query, expect) in [
        ("q=%E8%A6%8B%E7%A9%8D", true),
        ("sender=k%40example", true),
        ("recipient=a%40city", true),
        ("subject=%E8%A6%8B%E7%A9%8D%E3%81%AE%E4%BB%B6", true),
        ("file=setup.exe", true),
        ("sender=k%40example&file=none.exe", false),
        (&format!("since={today}"), true),
        (&format!("until={today}"), false),
    ] {
        assert_eq!(found(query).await, expect, "{query}");
    }
    assert_eq!(get_as(&world, &cookies, "/messages?since=yesterday").await.status, 400);
    let text = get_as(&world, &cookies, "/messages?file=setup").await.text();
    assert!(text.contains("<details open>"), "the fields that are filled in are seen");
    let record = get_as(&world, &cookies, "/messages/1").await.text();
    for expect in ["192.0.2.1 (mx.example.jp) TLSv1.3", "見積書.docx: 完了 (0.1 s)", "setup.exe: お渡しできません"]
    {
        assert!(record.contains(expect), "{expect}: {record}");
    }
}

#[tokio::test]
async fn what_was_refused_at_the_door_is_listed_with_the_reply() {
    let world = world().await;
    let cookies = signed_in(&world).await;
    for (code, recipient) in [(550, "nobody@elsewhere.example"), (452, "<b>a@city.example.jp")] {
        world.store.log_refusal(store::Refused {
            peer: "198.51.100.7".parse().unwrap(),
            helo: Some("mx.example.net".to_owned()),
            sender: Some("k@example.net".to_owned()),
            recipient: Some(recipient.to_owned()),
            code,
            text: format!("{code} 5.7.1 test"),
        });
    }
    world.store.health().await.unwrap();
    let text = get_as(&world, &cookies, "/refusals").await.text();
    assert!(text.contains("198.51.100.7 (mx.example.net)") && text.contains("550 5.7.1 test"), "{text}");
    assert!(text.contains("後で送り直すよう返しました。") && !text.contains("<b>a@"), "{text}");
    assert!(!get_as(&world, &cookies, "/refusals?recipient=elsewhere").await.text().contains("452 5.7.1"));
    let link = get_as(&world, &cookies, "/messages?q=k%40example.net&kind=mail").await.text();
    assert!(link.contains("/refusals?q=k%40example.net"), "the search goes on there: {link}");
    let dashboard = get_as(&world, &cookies, "/").await.text();
    assert!(dashboard.contains("452: 1") && dashboard.contains("注意が必要です"));
}

#[tokio::test]
async fn the_audit_is_filtered_and_verified_when_asked() {
    let world = world().await;
    busy(&world).await;
    let cookies = signed_in(&world).await;
    let page = get_as(&world, &cookies, "/audit?actor=gateway&action=accepted").await;
    let text = page.text();
    assert_eq!(text.matches("<tr><td class=\"number\">").count(), 1, "{text}");
    let receipt = world.store.messages(&store::MessageFilter::default()).await.unwrap().items[0].receipt.to_string();
    let of = get_as(&world, &cookies, &format!("/audit?object={receipt}")).await.text();
    assert_eq!(of.matches("<tr><td class=\"number\">").count(), 2, "accepted and rebuilt");
    assert!(get_as(&world, &cookies, "/audit?object=20200101-AAAAA").await.text().contains("該当するものはありません"));
    assert!(get_as(&world, &cookies, "/audit?until=2000-01-01").await.text().contains("該当するものはありません"));
    let without = send(world.admin, "POST", "/audit/verify", &[("Cookie", &cookies)], b"").await;
    assert!(without.status >= 400 && without.status < 500, "{}", without.status);
    let done = post_form(world.admin, &page, "/audit/verify", &cookies, &[]).await;
    assert_eq!((done.status, done.header("location")), (303, Some("/audit")));
}

/// Recomputes the chain of an exported file as docs/operations.md says, and prints the number of rows.
const CHECK: &str = r#"
import hashlib, json, sys
lines = [json.loads(line) for line in sys.stdin]
proof, rows, signature = lines[0], lines[1:-1], lines[-1]
last = bytes.fromhex(proof["previous_hash"])
for row in rows:
    text = json.dumps({k: row[k] for k in ("seq", "at", "actor", "event", "message", "detail")}, ensure_ascii=False, separators=(",", ":"))
    last = hashlib.sha256(last + text.encode()).digest()
    assert last.hex() == row["hash"], row
assert last.hex() == proof["head"] and rows[-1]["seq"] == proof["to_seq"] and proof["complete"]
print(len(rows))
"#;

/// Rows of a file whose chain Python has computed anew.
fn rows(file: &[u8]) -> usize {
    let mut python = std::process::Command::new("python3")
        .args(["-c", CHECK])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut python.stdin.take().unwrap(), file).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

/// OpenSSL checks the last line of a file: Ed25519 over a fixed text and the SHA-256 of everything before it, as docs/operations.md says.
fn signed(world: &World, file: &[u8]) {
    let end = file[..file.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    let (covered, last) = file.split_at(end);
    let last = std::str::from_utf8(last).unwrap().trim_start_matches("# ");
    let line: serde_json::Value = serde_json::from_str(last).unwrap();
    let bytes = |text: &str| -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    };
    let key = line["public_key"].as_str().unwrap();
    assert_eq!(key, world.store.audit_key().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    // RFC 8410: SubjectPublicKeyInfo of an Ed25519 key.
    std::fs::write(path("key.der"), [bytes("302a300506032b6570032100"), bytes(key)].concat()).unwrap();
    std::fs::write(path("signature"), bytes(line["signature"].as_str().unwrap())).unwrap();
    std::fs::write(path("covered"), covered).unwrap();
    let digest =
        std::process::Command::new("openssl").args(["dgst", "-sha256", "-binary"]).arg(path("covered")).output();
    let message = [b"misogi audit export 1\n".to_vec(), digest.unwrap().stdout].concat();
    std::fs::write(path("message"), message).unwrap();
    let checked = std::process::Command::new("openssl")
        .args(["pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-rawin", "-inkey"])
        .args([path("key.der"), "-in".into(), path("message"), "-sigfile".into(), path("signature")])
        .output()
        .unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[tokio::test]
async fn an_exported_audit_is_checked_by_another_program() {
    let world = world().await;
    busy(&world).await;
    let cookies = signed_in(&world).await;
    let page = get_as(&world, &cookies, "/audit").await;
    let refused = send(
        world.admin,
        "POST",
        "/audit/export",
        &[("Cookie", &cookies), ("Content-Type", "application/x-www-form-urlencoded")],
        b"format=csv",
    )
    .await;
    assert_eq!(refused.status, 403, "without the form's token");
    let file = post_form(world.admin, &page, "/audit/export", &cookies, &[("format", "jsonl")]).await;
    assert_eq!(file.status, 200);
    assert!(file.header("content-disposition").unwrap().starts_with("attachment; filename=\"misogi-audit-1-"));
    let rows_of_log = rows(&file.body);
    assert!(rows_of_log >= 4, "{rows_of_log}");
    signed(&world, &file.body);
    let public = world.store.audit_key().unwrap();
    assert!(get_as(&world, &cookies, "/system").await.text().contains(&public), "to be compared with");

    let csv =
        post_form(world.admin, &page, "/audit/export", &cookies, &[("format", "csv"), ("action", "accepted")]).await;
    let text = csv.text();
    assert!(text.starts_with("\u{feff}# {") && text.contains("\"complete\":false"), "{text}");
    assert_eq!(text.lines().count(), 4, "proof, head, one row, signature: {text}");
    signed(&world, &csv.body);
    // A program gets the same.
    let given = format!("Bearer {}", key(world.admin, &cookies, &["audit"]).await);
    let at = ("Content-Type", "application/json");
    let by_key = ("Authorization", given.as_str());
    let whole = send(world.admin, "POST", "/api/v1/audit/export", &[at, by_key], b"{}").await;
    assert_eq!((whole.status, whole.header("content-type")), (200, Some("application/x-ndjson")), "{}", whole.text());
    assert!(rows(&whole.body) >= rows_of_log + 2, "with the rows that tell of the two before");
    signed(&world, &whole.body);
    let few = br#"{"format":"csv","event":"accepted","since":"2000-01-01T00:00:00Z"}"#;
    let few = send(world.admin, "POST", "/api/v1/audit/export", &[at, by_key], few).await;
    assert!(few.text().contains("\"complete\":false") && few.text().lines().count() == 4, "{}", few.text());
    signed(&world, &few.body);
    for wrong in [&br#"{"format":"pdf"}"#[..], br#"{"since":"yesterday"}"#, b"["] {
        let answer = send(world.admin, "POST", "/api/v1/audit/export", &[at, by_key], wrong).await;
        assert!((400..=422).contains(&answer.status), "{}", answer.text());
    }
    let other = format!("Bearer {}", key(world.admin, &cookies, &["quarantine"]).await);
    let refused = [at, ("Authorization", other.as_str())];
    assert_eq!(send(world.admin, "POST", "/api/v1/audit/export", &refused, b"{}").await.status, 403);
    let log = get_as(&world, &cookies, "/audit?action=audit_exported").await.text();
    assert_eq!(log.matches("<tr><td class=\"number\">").count(), 4, "what leaves the log is in the log: {log}");
}

#[tokio::test]
async fn settings_say_where_they_come_from_and_the_system_is_examined_when_asked() {
    let world = world().await;
    let cookies = signed_in(&world).await;
    let text = get_as(&world, &cookies, "/policy").await.text();
    assert!(
        text.contains("お知らせと件名") && text.contains("<strong>設定ファイル</strong>") && text.contains("既定値"),
        "{text}"
    );
    let page = get_as(&world, &cookies, "/system").await;
    assert!(!page.text().contains("containment level"));
    let done = post_form(world.admin, &page, "/system", &cookies, &[]).await;
    assert_eq!((done.status, done.header("location")), (303, Some("/system")));
    let text = get_as(&world, &cookies, "/system").await.text();
    assert!(text.contains("変換環境（隔離）</span> <span class=\"mono quiet small\" lang=\"en\">rooms"), "{text}");
    assert!(text.contains("隔離が、設定で求めた強さに足りません"), "what it means, in Japanese: {text}");
    assert!(text.contains("containment level C, 2 slots") && text.contains("landlock: not in this kernel"), "{text}");
    assert!(get_as(&world, &cookies, "/audit?action=system_examined").await.text().contains(ADMIN));
}

#[tokio::test]
async fn a_policy_is_tried_published_with_a_reason_and_gone_back_from() {
    let world = world().await;
    busy(&world).await;
    let cookies = signed_in(&world).await;
    let page = get_as(&world, &cookies, "/policy").await;
    let post = async |path: &str, fields: &[(&str, &str)]| post_form(world.admin, &page, path, &cookies, fields).await;
    let wrong = post("/policy/draft", &[("draft", "wrong")]).await;
    assert_eq!(wrong.status, 422);
    assert!(
        wrong.text().contains("expected an equals") && !wrong.text().contains("公開する</button>"),
        "{}",
        wrong.text()
    );
    let receipt = world.store.messages(&store::MessageFilter::default()).await.unwrap().items[0].receipt.to_string();
    let tried = post("/policy/draft", &[("draft", "\"defang\""), ("receipt", &receipt)]).await.text();
    assert!(tried.contains("<ins>&#34;defang&#34;</ins>") && tried.contains("→ 見積書.pdf"), "{tried}");
    assert!(tried.contains("（違いあり）"), "{tried}");
    assert!(
        post("/policy/draft", &[("receipt", "20200101-AAAAA")]).await.text().contains("その受付番号の記録はありません")
    );
    assert_eq!(world.store.policies(9).await.unwrap().len(), 0, "looking changes nothing");

    for expect in [
        "過去7日間のうち、新しいほうから 1234件",
        "お渡しできなくなる",
        "<td class=\"number\">34</td>",
        ">mail.links</span>",
    ] {
        assert!(tried.contains(expect), "{expect}: {tried}");
    }
    let unchanged = post("/policy/draft", &[("draft", "")]).await.text();
    assert!(!unchanged.contains("最近の記録"), "where nothing changes there is nothing to foresee");

    let publish = async |draft: &str, why: &str, version: &str| {
        post("/policy/publish", &[("draft", draft), ("why", why), ("version", version)]).await.status
    };
    assert_eq!(publish("\"defang\"", "  ", "0").await, 422, "without a reason");
    assert_eq!(publish("wrong", "x", "0").await, 422);
    assert_eq!(publish("\"defang\"", "通達による", "0").await, 303);
    assert_eq!(publish("\"remove\"", "古い画面から", "0").await, 409);
    let text = get_as(&world, &cookies, "/policy").await.text();
    assert!(
        text.contains("通達による") && text.contains("（有効）") && text.contains("<strong>公開した版</strong>"),
        "{text}"
    );
    assert_eq!(publish("", "戻す", "1").await, 303);
    let back = get_as(&world, &cookies, "/policy?from=1").await.text();
    assert!(back.contains("&#34;defang&#34;</textarea>"), "{back}");
    assert_eq!(get_as(&world, &cookies, "/policy?from=9").await.status, 404);
    let log = get_as(&world, &cookies, "/audit?action=policy_published").await.text();
    assert_eq!(log.matches("<tr><td class=\"number\">").count(), 2, "{log}");
    let bare = send(
        world.admin,
        "POST",
        "/policy/publish",
        &[("Cookie", &cookies), ("Content-Type", "application/x-www-form-urlencoded")],
        b"draft=&why=x&version=2",
    )
    .await;
    assert_eq!(bare.status, 403);
}

#[tokio::test]
async fn a_draft_is_tried_on_a_fresh_file_of_which_nothing_is_kept() {
    let world = world().await;
    let cookies = signed_in(&world).await;
    let token = get_as(&world, &cookies, "/policy").await.form_token();
    let kind = multipart_type();
    let headers = [("Cookie", cookies.as_str()), ("Content-Type", kind.as_str())];
    let field = |name: &str, value: &str| {
        format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").into_bytes()
    };
    let form = |token: &str, draft: &str, files: &[(&str, &[u8])]| {
        [field("form_token", token), field("draft", draft), multipart(None, files)].concat()
    };
    let post = async |body: &[u8]| send(world.admin, "POST", "/policy/try", &headers, body).await;

    let large = vec![b'x'; 3 << 20];
    for content in [&b"hello"[..], &large] {
        let tried = post(&form(&token, "\"defang\"", &[("図面.txt", content)])).await;
        let text = tried.text();
        assert_eq!(tried.status, 200, "{text}");
        assert!(text.contains(&format!("→ {}-now", content.len())), "{text}");
        assert!(text.contains("→ &#34;defang&#34;-drafted") && text.contains("図面.txt"), "{text}");
        assert!(text.contains("公開する</button>"), "{text}");
    }
    assert_eq!(world.store.messages(&store::MessageFilter::default()).await.unwrap().items.len(), 0);
    let found = std::process::Command::new("find")
        .arg(world.directory.path())
        .args(["-path", "*/blobs/*", "-type", "f"])
        .output()
        .unwrap();
    assert!(found.stdout.is_empty(), "{}", String::from_utf8_lossy(&found.stdout));
    assert!(get_as(&world, &cookies, "/audit?action=policy_tried").await.text().contains("bytes: 5"));

    let none = post(&form(&token, "", &[])).await;
    assert_eq!(none.status, 422);
    assert!(none.text().contains("試すファイルが選択されていないか、空です"), "{}", none.text());
    assert_eq!(post(&form(&token, "", &[("a.txt", b"")])).await.status, 422);
    let wrong = post(&form(&token, "wrong", &[("a.txt", b"a")])).await;
    assert!(wrong.status == 422 && !wrong.text().contains("-now"), "{}", wrong.text());
    // The token comes first, or nothing of the file is taken; another's is none.
    assert_eq!(post(&form(&"0".repeat(64), "", &[("a.txt", b"a")])).await.status, 403);
    let late = multipart(None, &[("a.txt", b"a")]);
    assert_eq!(post(&late).await.status, 403);
    assert_eq!(post(&form(&token, &"x".repeat(17 << 10), &[("a.txt", b"a")])).await.status, 413);
    assert_eq!(post(&form(&token, "", &[("a.txt", b"a")])[..200]).await.status, 400);

    let most = vec![0_u8; 50 << 20];
    assert_eq!(post(&form(&token, "", &[("a.bin", &most)])).await.status, 200);
    let more = [&most[..], b"1"].concat();
    let refused = post(&form(&token, "", &[("a.bin", &more)])).await;
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("50MB までのファイルです"), "{}", refused.text());
}

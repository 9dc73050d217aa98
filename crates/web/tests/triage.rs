//! Acting on items of the quarantine over real HTTP, without a script: filters, many at once, files of lists.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod support;

use form::Reason;
use jail::{Sealed, Source};
use store::{
    AuditFilter, NewUser, QuarantineId, QuarantineState, Quarantined, Retried, RetriedFile, RetryPolicy, RetryState,
    Role, Verdict,
};
use support::*;

/// A mail with three withheld parts: 1 a program, 2 a PDF, 3 a formula's name.
async fn items(world: &World) -> Vec<QuarantineId> {
    let kept =
        |bytes: &[u8]| Some(Quarantined::Part(Source::whole(std::sync::Arc::new(Sealed::from_bytes(bytes).unwrap()))));
    let mut pdf = withheld("2", "見積.pdf", Reason::Malformed, kept(b"x"));
    pdf.detected_type = "pdf".to_owned();
    let parts = vec![
        withheld("1", "setup.exe", Reason::UnsupportedType, kept(b"MZ")),
        pdf,
        withheld("3", "=cmd.exe", Reason::UnsupportedType, kept(b"MZ")),
    ];
    let id =
        mail(world, Some("k@example.jp"), "a@city.example.lg.jp", "件名", Verdict::SanitisedWithWithheld, parts).await;
    world.store.message(id).await.unwrap().unwrap().quarantine.iter().map(|row| row.id).collect()
}

async fn act(world: &World, cookies: &str, from: &str, fields: &[(&str, &str)]) -> Answer {
    let page = get_as(world, cookies, from).await;
    post_form(world.admin, &page, "/quarantine/act", cookies, fields).await
}

#[tokio::test]
async fn many_are_acted_on_at_once_with_a_reason_and_each_has_its_row() {
    let world = world().await;
    let ids = items(&world).await;
    let cookies = signed_in(&world).await;
    let list = get_as(&world, &cookies, "/quarantine").await.text();
    assert_eq!(list.matches("name=\"item\"").count(), 3);
    let two = [("item", "1"), ("item", "2"), ("action", "retry"), ("policy", "raster"), ("back", "state=held")];
    let without = act(&world, &cookies, "/quarantine", &two).await;
    assert!(without.status == 422 && without.text().contains("理由を書いてください"));
    let none = act(&world, &cookies, "/quarantine", &[("action", "hold"), ("why", "x")]).await;
    assert!(none.status == 422 && none.text().contains("項目が選ばれていません"));
    let unknown = [("item", "1"), ("action", "let out"), ("why", "x")];
    assert_eq!(act(&world, &cookies, "/quarantine", &unknown).await.status, 400);
    let with: Vec<(&str, &str)> = two.iter().copied().chain([("why", "職員からの依頼")]).collect();
    let done = act(&world, &cookies, "/quarantine?state=held", &with).await;
    assert!(done.status == 200 && done.text().contains("再処理: 2件を処理しました。"), "{}", done.text());
    assert!(done.text().contains("href=\"/quarantine?state=held\""));
    let tasks = world.store.retries(10).await.unwrap();
    assert_eq!(
        tasks.iter().map(|task| (task.item, task.policy)).collect::<Vec<_>>(),
        [(ids[0], RetryPolicy::Raster), (ids[1], RetryPolicy::Raster)]
    );
    let again = act(&world, &cookies, "/quarantine", &with).await;
    assert!(again.status == 422 && again.text().contains("いま再処理を待っています"));
    let list = get_as(&world, &cookies, "/quarantine").await.text();
    assert_eq!(list.matches("再処理待ち").count(), 2);
    let filter = AuditFilter { event: Some("quarantine_retried".to_owned()), ..AuditFilter::default() };
    let rows = world.store.audit(&filter).await.unwrap().items;
    assert_eq!(rows.len(), 2);
    assert!(
        rows.iter()
            .all(|row| row.actor == ADMIN && row.detail.contains("職員からの依頼") && row.detail.contains("raster"))
    );
}

#[tokio::test]
async fn what_was_rebuilt_is_seen_beside_the_original_and_then_sent() {
    let world = world().await;
    let ids = items(&world).await;
    let cookies = signed_in(&world).await;
    let item = format!("/quarantine/{}", ids[1].0);
    let id = ids[1].0.to_string();
    let fields = |action: &'static str| {
        [
            ("item", id.clone()),
            ("action", action.to_owned()),
            ("why", "確認".to_owned()),
            ("back", format!("item {id}")),
        ]
    };
    let post = async |action| {
        let fields = fields(action);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        act(&world, &cookies, &item, &fields).await
    };
    let early = post("release").await;
    assert!(early.status == 422 && early.text().contains("先に再処理してください"));
    assert_eq!(post("retry").await.status, 200);
    let file = RetriedFile {
        name: "見積.pdf".to_owned(),
        media_type: "application/pdf".to_owned(),
        findings: vec![finding(Reason::GpsPosition, 1, "")],
        fresh: fresh(b"safe"),
    };
    let receipt = world.store.new_receipt().unwrap();
    let mail = Some((receipt, "[再処理] 件名".to_owned(), fresh(b"Subject: safe\r\n\r\nsecond")));
    world.store.retried(ids[1], Retried::Made { file: Some(file), mail, still_held: Vec::new() }).await.unwrap();
    let page = get_as(&world, &cookies, &item).await.text();
    assert!(page.contains("作り直せました") && page.contains("value=\"release\""), "{page}");
    let compare = get_as(&world, &cookies, &format!("{item}/pages/1")).await.text();
    assert!(
        compare.contains(&format!("{item}/pages/1/original")) && compare.contains(&format!("{item}/pages/1/output"))
    );
    assert!(compare.contains("id=\"difference\"") && compare.contains("/assets/compare.js"));
    let output = get_as(&world, &cookies, &format!("{item}/pages/1/output")).await;
    assert!(output.text().ends_with("page 0 1600 of 4"), "the safe file, and nobody's mark on it: {}", output.text());
    let done = post("release").await;
    assert!(done.status == 200 && done.text().contains(&format!("href=\"{item}\"")));
    assert_eq!(world.store.quarantine_item(ids[1]).await.unwrap().unwrap().state, QuarantineState::Released);
    let sent = world.store.due_deliveries(10).await.unwrap();
    let bodies: Vec<_> = sent.iter().map(|task| task.recipients[0].address.clone()).collect();
    assert_eq!(bodies, ["a@city.example.lg.jp", "a@city.example.lg.jp"], "the first mail and the second");
    assert!(!get_as(&world, &cookies, &item).await.text().contains("value=\"release\""));
}

#[tokio::test]
async fn only_those_who_may_act_see_a_way_to() {
    let world = world().await;
    let ids = items(&world).await;
    let admin = signed_in(&world).await;
    let hash = world.store.user_by_name(ADMIN).await.unwrap().unwrap().password_hash;
    for (name, role) in [("kansa01", Role::Auditor), ("unyo01", Role::Operator)] {
        let user = NewUser { name: name.to_owned(), password_hash: hash.clone(), role };
        world.store.create_user(user, "test").await.unwrap();
    }
    let auditor = sign_in(&world, "kansa01", PASSWORD).await.cookies();
    let operator = sign_in(&world, "unyo01", PASSWORD).await.cookies();
    for path in ["/quarantine".to_owned(), format!("/quarantine/{}", ids[0].0)] {
        assert!(!get_as(&world, &auditor, &path).await.text().contains("/quarantine/act"), "{path}");
        assert!(get_as(&world, &operator, &path).await.text().contains("/quarantine/act"), "{path}");
    }
    let fields = [("item", "1"), ("action", "delete"), ("why", "x")];
    assert_eq!(act(&world, &auditor, "/quarantine", &fields).await.status, 403);
    let body = br#"{"items":[1],"action":"hold","reason":"x"}"#;
    let json = ("Content-Type", "application/json");
    let by = async |cookies: &str| {
        send(world.admin, "POST", "/api/v1/quarantine/act", &[json, ("Cookie", cookies)], body).await
    };
    assert_eq!(by(&auditor).await.status, 403);
    let done = by(&operator).await;
    assert_eq!((done.status, done.json()["items"][0]["outcome"].as_str()), (200, Some("done")));
    let item = get_as(&world, &admin, "/api/v1/quarantine/1").await.json();
    assert_eq!((item["on_hold"].as_bool(), item["retry"].is_null()), (Some(true), true));
    let no = br#"{"items":[1],"action":"release","reason":"x"}"#;
    let no = send(world.admin, "POST", "/api/v1/quarantine/act", &[json, ("Cookie", &operator)], no).await;
    assert_eq!(no.json()["items"][0]["outcome"].as_str(), Some("nothing_to_release"));
    assert!(world.store.retry_of(ids[0]).await.unwrap().is_none_or(|retry| retry.state == RetryState::Waiting));
}

#[tokio::test]
async fn filters_are_kept_and_lists_become_files_without_formulas() {
    let world = world().await;
    items(&world).await;
    let cookies = signed_in(&world).await;
    let count = async |query: &str| {
        get_as(&world, &cookies, &format!("/quarantine?{query}")).await.text().matches("name=\"item\"").count()
    };
    assert_eq!(count("reason=malformed").await, 1);
    assert_eq!(count("kind=pe").await, 2);
    assert_eq!(count("kind=pe&reason=malformed").await, 0);
    assert_eq!(count("q=k%40example").await, 3);
    assert_eq!(count("since=2020-01-01&until=2020-01-02").await, 0);
    assert_eq!(count("since=2020-01-01").await, 3);
    assert_eq!(count("only=requested").await, 0);
    let page = get_as(&world, &cookies, "/quarantine?kind=pe").await;
    let fields = [("name", "実行<ファイル>"), ("query", "kind=pe")];
    let kept = post_form(world.admin, &page, "/quarantine/filters", &cookies, &fields).await;
    assert_eq!(kept.header("location"), Some("/quarantine?kind=pe"));
    let page = get_as(&world, &cookies, "/quarantine").await;
    assert!(page.text().contains("href=\"/quarantine?kind=pe\"") && !page.text().contains("<ファイル>"));
    let evil = [("name", "x"), ("query", "a\r\nSet-Cookie: b=c")];
    assert_eq!(post_form(world.admin, &page, "/quarantine/filters", &cookies, &evil).await.status, 400);
    post_form(world.admin, &page, "/quarantine/filters", &cookies, &[("forget", "実行<ファイル>")]).await;
    assert!(!get_as(&world, &cookies, "/quarantine").await.text().contains("href=\"/quarantine?kind=pe\""));

    let csv = get_as(&world, &cookies, "/quarantine/export?kind=pe&format=csv").await;
    assert!(csv.header("content-disposition").unwrap().starts_with("attachment; filename=\"quarantine.csv\""));
    let text = csv.text();
    let lines: Vec<&str> = text.trim_end().split("\r\n").collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[0].starts_with("\u{feff}\"id\",\"created\"") && lines[1].contains("\"'=cmd.exe\""), "{text}");
    let json = get_as(&world, &cookies, "/quarantine/export?format=json").await.text();
    let rows: Vec<serde_json::Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((rows.len(), rows[2]["name"].as_str()), (3, Some("setup.exe")));
    let filter = AuditFilter { event: Some("quarantine_exported".to_owned()), ..AuditFilter::default() };
    assert_eq!(world.store.audit(&filter).await.unwrap().items.len(), 2);
}

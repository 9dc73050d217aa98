//! What every answer carries and every request must pass, route by route.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod support;

use support::*;
use tokio::{io::AsyncWriteExt, net::TcpStream};

const PORTAL: &[&str] = &[
    "/",
    "/upload",
    "/b/00000000000000000000000000000000",
    "/b/x/status",
    "/b/x/files/1",
    "/api/v1/files",
    "/api/v1/files/x",
    "/api/v1/files/x/report",
    "/api/v1/files/x/result",
    "/api/v1/openapi.json",
    "/assets/misogi.css",
    "/assets/upload.js",
    "/assets/result.js",
    "/assets/icon.svg",
    "/assets/none",
    "/healthz",
    "/readyz",
    "/nothing",
    "/b/x/files/notanumber",
];
const ADMIN_ROUTES: &[&str] = &[
    "/",
    "/sign-in",
    "/sign-out",
    "/setup/x",
    "/messages",
    "/messages/1",
    "/quarantine",
    "/quarantine/1",
    "/audit",
    "/metrics",
    "/api/v1/quarantine",
    "/api/v1/quarantine/1",
    "/api/v1/openapi.json",
    "/assets/misogi.css",
    "/healthz",
    "/readyz",
    "/nothing",
];

#[tokio::test]
async fn every_route_of_both_listeners_carries_the_headers() {
    let world = world().await;
    let cookies = signed_in(&world).await;
    for (listener, routes) in [(world.portal, PORTAL), (world.admin, ADMIN_ROUTES)] {
        for path in routes {
            for method in ["GET", "POST", "HEAD", "PUT"] {
                for cookie in ["", cookies.as_str()] {
                    let answer = send(listener, method, path, &[("Cookie", cookie)], b"").await;
                    let policy = answer.header("content-security-policy").unwrap_or_else(|| panic!("{method} {path}"));
                    assert!(
                        policy.contains("default-src 'none'")
                            && policy.contains("frame-ancestors 'none'")
                            && !policy.contains("unsafe"),
                        "{method} {path}"
                    );
                    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{method} {path}");
                    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{method} {path}");
                    assert_eq!(answer.header("cross-origin-opener-policy"), Some("same-origin"), "{method} {path}");
                    assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"), "{method} {path}");
                    assert!(answer.status < 500, "{method} {path} {}", answer.status);
                    let cache = answer.header("cache-control").unwrap();
                    assert!(cache == "no-store" || path.starts_with("/assets/"), "{method} {path} {cache}");
                }
            }
        }
    }
}

#[tokio::test]
async fn pages_hold_no_inline_script_or_style_and_no_other_origin() {
    let world = world().await;
    let cookies = signed_in(&world).await;
    let pages = [
        get(world.portal, "/").await,
        get(world.portal, "/b/x").await,
        get(world.admin, "/sign-in").await,
        get_as(&world, &cookies, "/").await,
        get_as(&world, &cookies, "/messages").await,
        get_as(&world, &cookies, "/quarantine").await,
        get_as(&world, &cookies, "/audit").await,
    ];
    for page in pages {
        let text = page.text();
        assert!(text.starts_with("<!doctype html>\n<html lang=\"ja\">"));
        assert!(!text.contains("<style") && !text.contains(" style=") && !text.contains("javascript:"));
        for script in text.match_indices("<script") {
            assert!(text[script.0..].starts_with("<script type=\"module\" src=\"/assets/"));
        }
        assert!(!text.contains("http://") && !text.contains("https://") && !text.contains("src=\"//"));
    }
}

#[tokio::test]
async fn a_foreign_host_name_is_not_answered() {
    let world = world().await;
    for (listener, path) in
        [(world.portal, "/"), (world.portal, "/api/v1/files/x"), (world.admin, "/sign-in"), (world.admin, "/metrics")]
    {
        let answer = send(listener, "GET", path, &[("Host", "rebound.attacker.example")], b"").await;
        assert_eq!(answer.status, 421, "{path}");
    }
    let answer = send(world.portal, "GET", "/", &[("Host", "localhost:8080")], b"").await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_post_from_another_site_is_refused() {
    let world = world().await;
    let kind = multipart_type();
    let body = multipart(None, &[("a.txt", b"x")]);
    for header in
        [("Origin", "https://attacker.example"), ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "same-site")]
    {
        let answer = send(world.portal, "POST", "/api/v1/files", &[("Content-Type", &kind), header], &body).await;
        assert_eq!(answer.status, 403, "{header:?}");
        assert_eq!(answer.json()["reason_code"], "cross_site");
    }
    let own = format!("http://{}", world.portal);
    let answer = send(world.portal, "POST", "/api/v1/files", &[("Content-Type", &kind), ("Origin", &own)], &body).await;
    assert_eq!(answer.status, 202);
    assert_eq!(world.store.counts().await.unwrap().uploaded, 1);
}

#[tokio::test]
async fn a_form_that_is_too_long_is_refused() {
    let world = world().await;
    let page = get(world.admin, "/sign-in").await;
    let long = "x".repeat(20_000);
    let answer =
        post_form(world.admin, &page, "/sign-in", &page.cookies(), &[("name", "abc"), ("password", &long)]).await;
    assert_eq!(answer.status, 413);
    assert!(answer.text().contains("大きすぎます"));
}

#[tokio::test]
async fn an_announced_length_far_over_the_limit_is_refused_unread() {
    let world = world().await;
    let form = get(world.portal, "/").await;
    let mut stream = TcpStream::connect(world.portal).await.unwrap();
    let head = format!(
        "POST /upload HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: {}\r\nCookie: {}\r\nContent-Length: 99999999999\r\n\r\n",
        world.portal,
        multipart_type(),
        form.cookies()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(read(&mut stream).await.status, 413);
}

#[tokio::test]
async fn get_never_changes_anything() {
    let world = world().await;
    let link = web::invite(&world.store, &world.site).await.unwrap().unwrap();
    let path = link.strip_prefix(&format!("http://{}", world.admin)).unwrap();
    let before = world.store.audit_verify().await.unwrap();
    for (listener, path) in PORTAL
        .iter()
        .map(|path| (world.portal, *path))
        .chain(ADMIN_ROUTES.iter().map(|path| (world.admin, *path)))
        .chain([(world.admin, path)])
    {
        get(listener, path).await;
    }
    assert_eq!(world.store.audit_verify().await.unwrap(), before);
}

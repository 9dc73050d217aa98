//! Every route of both listeners against every role, over real HTTP. A route that is not in the table fails the test, and so does
//! one that is no more.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod support;

use std::net::SocketAddr;

use store::{NewUser, Role};
use support::*;
use web::Listener;

/// Nobody, then 職員, 承認者, 運用担当, 監査, 管理者, 全体管理者.
const ROLES: [(char, Option<Role>); 7] = [
    ('n', None),
    ('s', Some(Role::Staff)),
    ('v', Some(Role::Approver)),
    ('o', Some(Role::Operator)),
    ('a', Some(Role::Auditor)),
    ('t', Some(Role::TenantAdmin)),
    ('p', Some(Role::PlatformAdmin)),
];

/// Who gets past the gate, on a portal for those with an account.
const PORTAL: &[(&str, &str, &str)] = &[
    ("GET", "/", "-svoat-"),
    ("POST", "/upload", "-svoat-"),
    ("POST", "/uploads", "-svoat-"),
    ("GET", "/uploads/{group}/{number}", "-svoat-"),
    ("PATCH", "/uploads/{group}/{number}", "-svoat-"),
    ("DELETE", "/uploads/{group}/{number}", "-svoat-"),
    ("GET", "/b/{token}", "-svoat-"),
    ("GET", "/b/{token}/status", "-svoat-"),
    ("GET", "/b/{token}/events", "-svoat-"),
    ("GET", "/b/{token}/all", "-svoat-"),
    ("POST", "/b/{token}/files/{number}/cancel", "-svoat-"),
    ("GET", "/b/{token}/files/{number}/password", "-svoat-"),
    ("POST", "/b/{token}/files/{number}/password", "-svoat-"),
    ("POST", "/b/{token}/files/{number}/again", "-svoat-"),
    ("GET", "/help", "-svoat-"),
    ("GET", "/history", "-svoat-"),
    ("GET", "/r/{receipt}", "-svoat-"),
    ("GET", "/p/{receipt}", "-svoat-"),
    ("POST", "/p/{receipt}", "-svoat-"),
    ("GET", "/requests", "-svoat-"),
    ("POST", "/requests", "-svoat-"),
    ("GET", "/requests/new", "-svoat-"),
    ("GET", "/requests/{id}", "-svoat-"),
    ("GET", "/approvals", "--vo-t-"),
    ("GET", "/approvals/{id}", "--vo-t-"),
    ("POST", "/approvals/{id}", "--vo-t-"),
    ("GET", "/approvals/{id}/pages/{page}", "--vo-t-"),
    ("GET", "/approvals/{id}/pages/{page}/original", "--vo-t-"),
    ("GET", "/b/{token}/files/{number}", "-svoat-"),
    ("GET", "/b/{token}/files/{number}/pages/{page}", "-svoat-"),
    ("GET", "/b/{token}/files/{number}/pages/{page}/image", "-svoat-"),
    ("GET", "/api/v1/openapi.json", "nsvoatp"),
    ("GET", "/api/v1/docs", "nsvoatp"),
    ("POST", "/api/v1/files", "-svoat-"),
    ("GET", "/api/v1/files/{id}", "-svoat-"),
    ("POST", "/api/v1/files/{id}/password", "-svoat-"),
    ("GET", "/api/v1/files/{id}/report", "-svoat-"),
    ("GET", "/api/v1/files/{id}/result", "-svoat-"),
    ("GET", "/api/v1/history", "-svoat-"),
    ("GET", "/api/v1/requests", "-svoat-"),
    ("POST", "/api/v1/requests", "-svoat-"),
    ("GET", "/api/v1/requests/{id}", "-svoat-"),
    ("POST", "/api/v1/batches", "-svoat-"),
    ("GET", "/api/v1/batches/{id}", "-svoat-"),
    ("POST", "/api/v1/batches/{id}/files/{number}/password", "-svoat-"),
    ("GET", "/api/v1/batches/{id}/files/{number}/report", "-svoat-"),
    ("GET", "/api/v1/batches/{id}/files/{number}/result", "-svoat-"),
    ("GET", "/sign-in", "nsvoatp"),
    ("POST", "/sign-in", "nsvoatp"),
    ("GET", "/sign-in/organisation", "nsvoatp"),
    ("GET", "/sign-in/organisation/again", "nsvoatp"),
    ("GET", "/sign-in/organisation/callback", "nsvoatp"),
    ("GET", "/sign-in/organisation/out", "nsvoatp"),
    ("GET", "/sign-in/code", "-svoat-"),
    ("POST", "/sign-in/code", "-svoat-"),
    ("POST", "/sign-in/passkey", "-svoat-"),
    ("POST", "/sign-out", "-svoat-"),
    ("GET", "/account", "-svoat-"),
    ("POST", "/account/sessions", "-svoat-"),
    ("GET", "/account/password", "-svoat-"),
    ("POST", "/account/password", "-svoat-"),
    ("GET", "/account/second-factor", "-svoat-"),
    ("POST", "/account/second-factor", "-svoat-"),
    ("GET", "/account/recovery-codes", "-svoat-"),
    ("POST", "/account/recovery-codes", "-svoat-"),
    ("GET", "/account/passkeys", "-svoat-"),
    ("POST", "/account/passkeys", "-svoat-"),
    ("POST", "/account/passkeys/remove", "-svoat-"),
    ("GET", "/account/keys", "-svoat-"),
    ("POST", "/account/keys", "-svoat-"),
    ("POST", "/account/keys/end", "-svoat-"),
    ("GET", "/assets/{name}", "nsvoatp"),
    ("GET", "/healthz", "nsvoatp"),
    ("GET", "/readyz", "nsvoatp"),
];

const ADMIN: &[(&str, &str, &str)] = &[
    ("GET", "/", "---oatp"),
    ("GET", "/setup/{token}", "nsvoatp"),
    ("POST", "/setup/{token}", "nsvoatp"),
    ("GET", "/messages", "---oat-"),
    ("GET", "/refusals", "---oat-"),
    ("GET", "/messages/{id}", "---oat-"),
    ("GET", "/messages/{id}/parts/{part}/pages/{page}", "---o-t-"),
    ("GET", "/messages/{id}/parts/{part}/pages/{page}/original", "---o-t-"),
    ("GET", "/messages/{id}/parts/{part}/pages/{page}/output", "---o-t-"),
    ("GET", "/quarantine", "---oat-"),
    ("GET", "/quarantine/{id}", "---oat-"),
    ("GET", "/quarantine/{id}/pages/{page}", "---o-t-"),
    ("GET", "/quarantine/{id}/pages/{page}/original", "---o-t-"),
    ("GET", "/quarantine/{id}/pages/{page}/output", "---o-t-"),
    ("GET", "/quarantine/export", "---oat-"),
    ("POST", "/quarantine/filters", "---oat-"),
    ("POST", "/quarantine/act", "---o-t-"),
    ("POST", "/quarantine/{id}/unlock", "---o-t-"),
    ("POST", "/quarantine/{id}/request", "---o-t-"),
    ("GET", "/approvals", "---oat-"),
    ("GET", "/approvals/{id}", "---oat-"),
    ("POST", "/approvals/{id}", "---o-t-"),
    ("POST", "/approvals/{id}/original", "---o-t-"),
    ("POST", "/approvals/{id}/original/file", "---o-t-"),
    ("GET", "/users", "-----t-"),
    ("POST", "/users", "-----t-"),
    ("GET", "/users/import", "-----t-"),
    ("POST", "/users/import", "-----t-"),
    ("GET", "/users/{id}", "-----t-"),
    ("POST", "/users/{id}", "-----t-"),
    ("GET", "/policy", "---oatp"),
    ("POST", "/policy/draft", "-----t-"),
    ("POST", "/policy/try", "-----t-"),
    ("POST", "/policy/publish", "-----t-"),
    ("GET", "/system", "---o-tp"),
    ("POST", "/system", "---o-tp"),
    ("GET", "/system/licences", "---o-tp"),
    ("GET", "/audit", "----at-"),
    ("POST", "/audit/verify", "----at-"),
    ("POST", "/audit/export", "----at-"),
    ("GET", "/webhooks", "-----tp"),
    ("GET", "/webhooks/{name}", "-----tp"),
    ("POST", "/webhooks/{name}", "-----tp"),
    ("GET", "/tenants", "------p"),
    ("POST", "/tenants", "------p"),
    ("GET", "/tenants/{key}", "------p"),
    ("POST", "/tenants/{key}", "------p"),
    ("GET", "/metrics", "nsvoatp"),
    ("GET", "/api/v1/tenants", "------p"),
    ("GET", "/api/v1/tenants/{key}", "------p"),
    ("PUT", "/api/v1/tenants/{key}", "------p"),
    ("DELETE", "/api/v1/tenants/{key}", "------p"),
    ("GET", "/api/v1/openapi.json", "nsvoatp"),
    ("GET", "/api/v1/docs", "nsvoatp"),
    ("GET", "/api/v1/quarantine", "---oat-"),
    ("GET", "/api/v1/quarantine/{id}", "---oat-"),
    ("POST", "/api/v1/quarantine/{id}/unlock", "---o-t-"),
    ("POST", "/api/v1/quarantine/act", "---o-t-"),
    ("GET", "/api/v1/requests", "---oat-"),
    ("GET", "/api/v1/requests/{id}", "---oat-"),
    ("POST", "/api/v1/requests/{id}/approve", "---o-t-"),
    ("POST", "/api/v1/requests/{id}/return", "---o-t-"),
    ("GET", "/api/v1/messages", "---oat-"),
    ("GET", "/api/v1/messages/{id}", "---oat-"),
    ("GET", "/api/v1/messages/{id}/timeline", "---oat-"),
    ("GET", "/api/v1/audit", "----at-"),
    ("GET", "/api/v1/audit/export", "----at-"),
    ("POST", "/api/v1/audit/export", "----at-"),
    ("GET", "/api/v1/stats", "---oatp"),
    ("GET", "/api/v1/users", "-----t-"),
    ("GET", "/api/v1/users/{id}", "-----t-"),
    ("GET", "/api/v1/users/{id}/sessions", "-----t-"),
    ("DELETE", "/api/v1/users/{id}/sessions", "-----t-"),
    ("GET", "/api/v1/webhooks", "-----tp"),
    ("GET", "/api/v1/webhooks/{name}/deliveries", "-----tp"),
    ("POST", "/api/v1/webhooks/{name}/deliveries/{id}/redeliver", "-----tp"),
    ("GET", "/sign-in", "nsvoatp"),
    ("POST", "/sign-in", "nsvoatp"),
    ("GET", "/sign-in/organisation", "nsvoatp"),
    ("GET", "/sign-in/organisation/again", "nsvoatp"),
    ("GET", "/sign-in/organisation/callback", "nsvoatp"),
    ("GET", "/sign-in/organisation/out", "nsvoatp"),
    ("GET", "/sign-in/code", "---oatp"),
    ("POST", "/sign-in/code", "---oatp"),
    ("POST", "/sign-in/passkey", "---oatp"),
    ("POST", "/sign-out", "---oatp"),
    ("GET", "/account", "---oatp"),
    ("POST", "/account/sessions", "---oatp"),
    ("GET", "/account/password", "---oatp"),
    ("POST", "/account/password", "---oatp"),
    ("GET", "/account/second-factor", "---oatp"),
    ("POST", "/account/second-factor", "---oatp"),
    ("GET", "/account/recovery-codes", "---oatp"),
    ("POST", "/account/recovery-codes", "---oatp"),
    ("GET", "/account/passkeys", "---oatp"),
    ("POST", "/account/passkeys", "---oatp"),
    ("POST", "/account/passkeys/remove", "---oatp"),
    ("GET", "/account/keys", "---oatp"),
    ("POST", "/account/keys", "---oatp"),
    ("POST", "/account/keys/end", "---oatp"),
    ("GET", "/assets/{name}", "nsvoatp"),
    ("GET", "/healthz", "nsvoatp"),
    ("GET", "/readyz", "nsvoatp"),
];

#[test]
fn every_route_is_named_in_the_table_with_the_same_roles() {
    let routes = web::routes();
    for (listener, table) in [(Listener::Portal, PORTAL), (Listener::Admin, ADMIN)] {
        let mut there: Vec<(&str, &str)> = Vec::new();
        for route in routes.iter().filter(|route| route.listener == listener) {
            let row = table.iter().find(|(method, path, _)| (*method, *path) == (route.method, route.path));
            let (_, _, expect) = row.unwrap_or_else(|| panic!("{} {} is in no row", route.method, route.path));
            let open: String =
                ROLES.iter().map(|(letter, role)| if route.open_to(*role) { *letter } else { '-' }).collect();
            assert_eq!(open, *expect, "{listener:?} {} {}", route.method, route.path);
            assert!(!there.contains(&(route.method, route.path)), "{} {} twice", route.method, route.path);
            there.push((route.method, route.path));
        }
        for (method, path, _) in table {
            assert!(there.contains(&(*method, *path)), "{listener:?} {method} {path} is no route (any more)");
        }
    }
}

#[tokio::test]
async fn every_route_lets_in_whom_the_table_says_and_nobody_else() {
    let world = world_of_accounts().await;
    signed_in(&world).await;
    let hash = world.store.user_by_name(support::ADMIN).await.unwrap().unwrap().password_hash;
    for (letter, role) in ROLES {
        let Some(role) = role else { continue };
        let user = NewUser { name: format!("user-{letter}"), password_hash: hash.clone(), role };
        world.store.create_user(user, "test").await.unwrap();
    }
    for (site, table) in [(world.portal, PORTAL), (world.admin, ADMIN)] {
        for (letter, role) in ROLES {
            let name = format!("user-{letter}");
            let cookies =
                if role.is_some() { sign_in_at(&world, site, &name, PASSWORD).await.cookies() } else { String::new() };
            for (method, path, expect) in table.iter().filter(|(_, path, _)| *path != "/sign-out") {
                let passed = passes(site, method, &filled(path), &cookies).await;
                assert_eq!(passed, expect.contains(letter), "{site} {letter} {method} {path}");
            }
            let row = table.iter().find(|(_, path, _)| *path == "/sign-out").unwrap();
            assert_eq!(passes(site, "POST", "/sign-out", &cookies).await, row.2.contains(letter), "{letter} /sign-out");
        }
    }
}

#[tokio::test]
async fn a_portal_for_everybody_has_no_sign_in_and_asks_nobody_who_they_are() {
    let world = world().await;
    for (method, path, _) in PORTAL {
        let answer = send(world.portal, method, &filled(path), &[], b"").await;
        let own = [
            "/sign-",
            "/account",
            "/history",
            "/r/",
            "/p/",
            "/requests",
            "/approvals",
            "/api/v1/history",
            "/api/v1/requests",
        ];
        let account = own.iter().any(|start| path.starts_with(start));
        if account {
            assert_eq!(answer.status, 404, "{method} {path}");
        } else {
            assert_ne!(answer.status, 401, "{method} {path}");
            assert!(answer.header("location").is_none(), "{method} {path}");
        }
    }
}

/// Whether the gate lets through; what the handler says then is another matter (no such item, no form token).
async fn passes(site: SocketAddr, method: &str, path: &str, cookies: &str) -> bool {
    let kind = if path.starts_with("/api/") { "application/json" } else { "application/x-www-form-urlencoded" };
    let answer = send(site, method, path, &[("Cookie", cookies), ("Content-Type", kind)], b"").await;
    assert!(answer.status < 500, "{method} {path}: {}", answer.status);
    admitted(&answer)
}

fn filled(path: &str) -> String {
    path.replace("{token}", &"0".repeat(32))
        .replace("{id}", "1")
        .replace("{number}", "1")
        .replace("{page}", "1")
        .replace("{part}", "0")
        .replace("{group}", &"0".repeat(64))
        .replace("{receipt}", "20261121-8F3K2")
        .replace("{key}", "city-b")
        .replace("{name}", "misogi.css")
}

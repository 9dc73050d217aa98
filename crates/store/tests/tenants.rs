//! The list of tenants: what is claimed by one is not had by another.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod support;

use store::{AuditFilter, Error, MailDomain, SiteAddress, TenantKey, TenantSettings};
use support::*;

fn key(text: &str) -> TenantKey {
    TenantKey::parse(text).unwrap()
}

fn settings(name: &str, domains: &[&str], host: &str) -> TenantSettings {
    TenantSettings {
        name: name.to_owned(),
        domains: domains.iter().map(|domain| MailDomain::parse(domain).unwrap()).collect(),
        portal: SiteAddress::parse(&format!("https://{host}")).unwrap(),
        admin: SiteAddress::parse(&format!("https://kanri.{host}")).unwrap(),
    }
}

#[tokio::test]
async fn what_one_tenant_has_no_other_gets() {
    let (_directory, _hand, store) = fresh().await;
    assert!(store.tenants().await.unwrap().is_empty(), "a fresh gateway serves its own organisation alone");
    let a = settings("A市", &["city-a.lg.jp", "lib.city-a.lg.jp"], "mugai.city-a.lg.jp");
    store.add_tenant(&key("city-a"), &a, "kencho").await.unwrap();
    let refused = [
        ("city-a", settings("B市", &["city-b.lg.jp"], "mugai.city-b.lg.jp"), "tenant"),
        ("city-b", settings("B市", &["city-b.lg.jp", "city-a.lg.jp"], "mugai.city-b.lg.jp"), "domain"),
        ("city-b", settings("B市", &["city-b.lg.jp"], "mugai.city-a.lg.jp"), "address"),
    ];
    for (text, settings, what) in refused {
        match store.add_tenant(&key(text), &settings, "kencho").await {
            Err(Error::Exists(found)) => assert_eq!(found, what),
            other => panic!("{what}: {other:?}"),
        }
    }
    let b = settings("B市", &["city-b.lg.jp"], "mugai.city-b.lg.jp");
    store.add_tenant(&key("city-b"), &b, "kencho").await.unwrap();
    let found = store.tenants().await.unwrap();
    let shown: Vec<_> = found.iter().map(|tenant| (tenant.key.as_str(), tenant.settings.clone())).collect();
    assert_eq!(shown, [("city-a", a.clone()), ("city-b", b.clone())], "nothing of what was refused is left");

    // What a tenant gives up another may have; its own it keeps.
    let fewer = TenantSettings { domains: a.domains[..1].to_vec(), ..a.clone() };
    store.change_tenant(&key("city-a"), &fewer, "kencho").await.unwrap();
    let more = TenantSettings { domains: vec![a.domains[1].clone(), b.domains[0].clone()], ..b };
    store.change_tenant(&key("city-b"), &more, "kencho").await.unwrap();
    assert!(matches!(store.change_tenant(&key("city-a"), &a, "kencho").await, Err(Error::Exists("domain"))));
    assert_eq!(store.tenants().await.unwrap()[0].settings, fewer);

    store.remove_tenant(&key("city-b"), "kencho").await.unwrap();
    assert!(matches!(store.remove_tenant(&key("city-b"), "kencho").await, Err(Error::NotFound(_))));
    assert!(matches!(store.change_tenant(&key("city-b"), &more, "kencho").await, Err(Error::NotFound(_))));
    store.change_tenant(&key("city-a"), &a, "kencho").await.unwrap();

    let rows = store.audit(&AuditFilter::default()).await.unwrap().items;
    let mut events: Vec<&str> = rows.iter().map(|row| row.event.as_str()).collect();
    events.reverse();
    let expect = ["added", "added", "changed", "changed", "removed", "changed"].map(|what| format!("tenant_{what}"));
    assert_eq!(events, expect, "what was refused leaves no row");
}

#[tokio::test]
async fn a_store_is_vacant_until_a_mail_is_in_it() {
    let (_directory, _hand, store) = fresh().await;
    let user = store::NewUser {
        name: "kanri01".to_owned(),
        password_hash: "$argon2id$x".to_owned(),
        role: store::Role::TenantAdmin,
    };
    store.create_user(user, "test").await.unwrap();
    assert!(store.is_vacant().await.unwrap(), "the last administrator cannot go, and keeps nothing");
    accept(&store, b"hello").await;
    assert!(!store.is_vacant().await.unwrap());
}

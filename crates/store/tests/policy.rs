//! Published policies.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod support;

use store::{AuditFilter, Error, MAX_POLICY_BYTES};
use support::*;

#[tokio::test]
async fn versions_are_numbered_audited_and_never_published_over_each_other() {
    let (_directory, _hand, store) = fresh().await;
    assert!(store.policies(10).await.unwrap().is_empty());
    assert_eq!(store.publish_policy(0, "[mail]\nlinks = \"defang\"\n", "kanri01", "指示による").await.unwrap(), 1);
    assert!(matches!(store.publish_policy(0, "", "kanri02", "同時").await, Err(Error::Stale)), "somebody was faster");
    assert_eq!(store.publish_policy(1, "", "kanri02", "戻す").await.unwrap(), 2);
    let all = store.policies(10).await.unwrap();
    assert_eq!(all.iter().map(|p| (p.version, p.actor.as_str())).collect::<Vec<_>>(), [(2, "kanri02"), (1, "kanri01")]);
    assert_eq!(store.policy(1).await.unwrap().unwrap().text, "[mail]\nlinks = \"defang\"\n");
    assert_eq!(store.policy(3).await.unwrap(), None);
    let filter = AuditFilter { event: Some("policy_published".to_owned()), ..AuditFilter::default() };
    let rows = store.audit(&filter).await.unwrap().items;
    assert_eq!(rows.len(), 2, "a refused one leaves no row");
    // printf '[mail]\nlinks = "defang"\n' | sha256sum
    assert!(
        rows[1].detail.contains("\"version\":1") && rows[1].detail.contains("\"why\":\"指示による\""),
        "{}",
        rows[1].detail
    );
    let long = "#".repeat(MAX_POLICY_BYTES + 1);
    assert!(matches!(store.publish_policy(2, &long, "kanri01", "").await, Err(Error::Invalid(_))));
    assert_eq!(store.publish_policy(2, &long[1..], "kanri01", "").await.unwrap(), 3);
}

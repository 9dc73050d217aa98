//! The pages for running the gateway: dashboard, tracking, audit.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

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
    assert!(text.contains("notice ok"), "{text}");
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
    assert!(text.contains("role=\"alert\"") && text.contains("原因: 作り直しの部屋"), "{text}");
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

//! Accounts by a list: what would change, that it changes, and what a list can never do.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod support;

use std::time::Duration;

use store::{ChangeState, External, NewUser, Role, Source, UserChange, UserState};
use support::*;

async fn world_with_users() -> (World, String) {
    let world = world().await;
    let cookies = signed_in(&world).await;
    for (name, role) in [("suzuki", Role::Staff), ("tanaka", Role::Operator), ("gone01", Role::Staff)] {
        let user = NewUser { name: name.to_owned(), password_hash: "none".to_owned(), role };
        world.store.invite_user(user, Some(format!("{name}@city.example.jp")), "test").await.unwrap();
    }
    (world, cookies)
}

async fn post_list(world: &World, cookies: &str, fields: &[(&str, &str)]) -> Answer {
    let page = get_as(world, cookies, "/users/import").await;
    assert_eq!(page.status, 200);
    post_form(world.admin, &page, "/users/import", cookies, fields).await
}

/// The digest of what a preview shows.
fn seen(page: &Answer) -> String {
    let text = page.text();
    text.split("name=\"seen\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

const LIST: &str = "利用者ID\t役割\tメールアドレス\nkanri01\t\t\nsuzuki\t承認者\ttanaka@city.example.jp\ntanaka\t\tsuzuki@city.example.jp\nnew01\t職員\tnew01@city.example.jp\n";

#[tokio::test]
async fn a_list_is_shown_before_it_is_done_and_done_as_it_was_shown() {
    let (world, cookies) = world_with_users().await;
    let preview = post_list(&world, &cookies, &[("list", LIST), ("absent", "on")]).await;
    assert_eq!(preview.status, 200);
    assert!(preview.text().contains("追加 1 変更 2 停止 1"), "{}", preview.text());
    let user = async |name: &str| world.store.user_by_name(name).await.unwrap().unwrap();
    assert!(world.store.user_by_name("new01").await.unwrap().is_none(), "nothing is done yet");
    assert_eq!(user("suzuki").await.role, Role::Staff);

    // What was shown is not what would be done any more: it is shown again.
    let digest = seen(&preview);
    world.store.set_role(user("tanaka").await.id, Role::Auditor, "test").await.unwrap();
    let other = "利用者ID\t役割\ntanaka\t運用担当\nsuzuki\t承認者\n";
    let again = post_list(&world, &cookies, &[("list", other), ("seen", &digest)]).await;
    assert!(again.text().contains("表示したあとで利用者が変わりました"), "{}", again.text());
    assert_eq!(user("tanaka").await.role, Role::Auditor);

    let done = post_list(&world, &cookies, &[("list", LIST), ("absent", "on"), ("seen", &digest)]).await;
    assert!(done.text().contains("追加 1 変更 2 停止 1"), "{}", done.text());
    let (suzuki, tanaka, new01) = (user("suzuki").await, user("tanaka").await, user("new01").await);
    assert_eq!((suzuki.role, suzuki.address.as_deref()), (Role::Approver, Some("tanaka@city.example.jp")));
    assert_eq!(tanaka.address.as_deref(), Some("suzuki@city.example.jp"), "two accounts swap their addresses");
    assert_eq!(user("gone01").await.state, UserState::Disabled);
    assert_eq!(user("kanri01").await.state, UserState::Active, "whoever does it stays");
    assert!(new01.must_change && new01.role == Role::Staff);
    // The password that was shown opens the account.
    let text = done.text();
    let password =
        text.split("<td>new01</td><td class=\"mono\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    assert!(!get_as(&world, &cookies, "/users/import").await.text().contains(&password), "it is shown once");
    world.store.set_role(new01.id, Role::Operator, "test").await.unwrap();
    let entered = password_only(world.admin, "new01", &password).await;
    assert_eq!(entered.status, 303, "{}", entered.text());
    let events = world.store.audit(&store::AuditFilter::default()).await.unwrap().items;
    assert!(events.iter().any(|row| row.event == "user_changes_done" && row.actor == ADMIN));
    assert!(events.iter().all(|row| !row.detail.contains(&password)));
}

#[tokio::test]
async fn a_list_for_later_waits_for_its_time_and_can_be_withdrawn() {
    let (world, cookies) = world_with_users().await;
    let list = "name,role\nsuzuki,operator\n";
    let plan = async || {
        let fields = [("list", list), ("effective", "2999-04-01T00:00")];
        let preview = post_list(&world, &cookies, &fields).await;
        let digest = seen(&preview);
        post_list(&world, &cookies, &[fields[0], fields[1], ("seen", &digest)]).await
    };
    assert!(plan().await.text().contains("2999-04-01 00:00:00"));
    assert_eq!(world.store.apply_due_changes().await.unwrap(), 0);
    let set = world.store.change_sets().await.unwrap().remove(0);
    assert_eq!((set.state, set.counts.changed), (ChangeState::Planned, 1));
    let withdrawn = post_list(&world, &cookies, &[("withdraw", &set.id.0.to_string())]).await;
    assert_eq!(withdrawn.status, 303);
    assert_eq!(world.store.change_sets().await.unwrap()[0].state, ChangeState::Withdrawn);
    let twice = post_list(&world, &cookies, &[("withdraw", &set.id.0.to_string())]).await;
    assert_eq!(twice.status, 404);

    // At its time it is done to the accounts as they are then; what does not fit is skipped.
    let changes = [
        UserChange::Set { name: "suzuki".to_owned(), role: Some(Role::Operator), address: None, state: None },
        UserChange::Set { name: "nobody".to_owned(), role: Some(Role::Operator), address: None, state: None },
        UserChange::Set { name: ADMIN.to_owned(), role: Some(Role::Staff), address: None, state: None },
        // Its address is somebody else's: the old one stays.
        UserChange::Set {
            name: "tanaka".to_owned(),
            role: None,
            address: Some(Some("gone01@city.example.jp".to_owned())),
            state: None,
        },
    ];
    let soon = world.store.now().plus(Duration::from_millis(200));
    world.store.plan_changes(&changes, soon, ADMIN).await.unwrap();
    assert_eq!(world.store.apply_due_changes().await.unwrap(), 0);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(world.store.apply_due_changes().await.unwrap(), 1);
    assert_eq!(world.store.apply_due_changes().await.unwrap(), 0, "once");
    let user = async |name: &str| world.store.user_by_name(name).await.unwrap().unwrap();
    assert_eq!(user("suzuki").await.role, Role::Operator);
    assert_eq!(user(ADMIN).await.role, Role::TenantAdmin, "the last administrator stays one");
    assert_eq!(user("tanaka").await.address.as_deref(), Some("tanaka@city.example.jp"));
    let set = world.store.change_sets().await.unwrap().remove(0);
    assert_eq!((set.state, set.counts.changed, set.counts.skipped), (ChangeState::Done, 1, 3));
}

#[tokio::test]
async fn a_list_whose_author_is_no_administrator_any_more_comes_to_nothing() {
    let (world, cookies) = world_with_users().await;
    let user = async |name: &str| world.store.user_by_name(name).await.unwrap();
    let second = NewUser {
        name: "kanri02".to_owned(),
        password_hash: user(ADMIN).await.unwrap().password_hash,
        role: Role::TenantAdmin,
    };
    let mallory = NewUser { name: "mallory".to_owned(), ..second.clone() };
    let second = world.store.create_user(second, "test").await.unwrap();
    let changes = [UserChange::Add { user: mallory, address: None }];
    let soon = world.store.now().plus(Duration::from_millis(200));
    world.store.plan_changes(&changes, soon, "kanri02").await.unwrap();
    let page = get_as(&world, &cookies, &format!("/users/{}", second.0)).await.text();
    assert!(page.contains("id=\"planned\""), "whoever stops the account is told of it");
    world.store.set_user_state(second, UserState::Disabled, ADMIN).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    world.store.apply_due_changes().await.unwrap();
    assert!(user("mallory").await.is_none());
    assert_eq!(world.store.change_sets().await.unwrap()[0].state, ChangeState::Withdrawn);
    let filter =
        store::AuditFilter { event: Some("user_changes_withdrawn".to_owned()), ..store::AuditFilter::default() };
    let rows = world.store.audit(&filter).await.unwrap().items;
    assert!(rows[0].actor == "gateway" && rows[0].detail.contains("kanri02"), "{:?}", rows[0]);
}

#[tokio::test]
async fn a_list_that_cannot_be_used_is_named_line_by_line_and_changes_nothing() {
    let (world, cookies) = world_with_users().await;
    for (list, told) in [
        ("name,role\nsuzuki,king\n", "行 2: 役割が分かりません"),
        ("name,role\nkanri01,staff\n", "行 2: "),
        ("shoe\n1\n", "分からない列"),
        ("name\n<script>\n", "利用者IDの形が正しくありません"),
    ] {
        let refused = post_list(&world, &cookies, &[("list", list)]).await;
        assert_eq!(refused.status, 422, "{list}");
        assert!(refused.text().contains(told), "{list}: {}", refused.text());
        assert!(!refused.text().contains("<script>"));
    }
    let same = post_list(&world, &cookies, &[("list", "name,role\nsuzuki,staff\n")]).await;
    assert!(same.text().contains("違いはありません"));
    let late = post_list(&world, &cookies, &[("list", "name\nnew01\n"), ("effective", "4月1日")]).await;
    assert_eq!(late.status, 422);
    let long = "name\n".to_owned() + &"x".repeat(4 << 20);
    let too_long = post_list(&world, &cookies, &[("list", &long)]).await;
    assert_eq!(too_long.status, 413);
    let forged = send(
        world.admin,
        "POST",
        "/users/import",
        &[("Content-Type", "application/x-www-form-urlencoded"), ("Cookie", &cookies)],
        b"form_token=0&list=name%0Anew01",
    )
    .await;
    assert_eq!(forged.status, 403);
    assert_eq!(world.store.users().await.unwrap().len(), 4);
}

#[tokio::test]
async fn a_plan_neither_makes_nor_touches_whoever_runs_the_gateway_as_a_whole() {
    let (world, _) = world_with_users().await;
    let platform = NewUser { name: "kencho".to_owned(), password_hash: "none".to_owned(), role: Role::PlatformAdmin };
    world.store.create_user(platform.clone(), "test").await.unwrap();
    // As a list has it that was made before this was refused, or before the account became what it is.
    let set = |name: &str, role, state| UserChange::Set { name: name.to_owned(), role, address: None, state };
    let changes = [
        UserChange::Add { user: NewUser { name: "new01".to_owned(), ..platform }, address: None },
        set("suzuki", Some(Role::PlatformAdmin), None),
        set("kencho", Some(Role::Staff), None),
        set("kencho", None, Some(UserState::Disabled)),
        set("tanaka", Some(Role::Auditor), None),
    ];
    world.store.plan_changes(&changes, world.store.now(), ADMIN).await.unwrap();
    assert_eq!(world.store.apply_due_changes().await.unwrap(), 1);
    let counts = world.store.change_sets().await.unwrap()[0].counts;
    assert_eq!((counts.added, counts.changed, counts.stopped, counts.skipped), (0, 1, 0, 4));
    let user = async |name: &str| world.store.user_by_name(name).await.unwrap();
    assert!(user("new01").await.is_none());
    assert_eq!(user("suzuki").await.unwrap().role, Role::Staff);
    let kencho = user("kencho").await.unwrap();
    assert_eq!((kencho.role, kencho.state), (Role::PlatformAdmin, UserState::Active));
    // One that is made elsewhere can be stopped, and no more.
    let who = External {
        source: Source::Provider,
        subject: "subject-1".to_owned(),
        name: "fukuken".to_owned(),
        role: Role::PlatformAdmin,
        address: None,
    };
    world.store.external_sign_in(who).await.unwrap();
    let address = UserChange::Set {
        name: "fukuken".to_owned(),
        role: None,
        address: Some(Some("a@example.jp".to_owned())),
        state: None,
    };
    for (change, expect) in [(address, (0, 0, 1)), (set("fukuken", None, Some(UserState::Disabled)), (0, 1, 0))] {
        let done = world.store.change_users(&[change], ADMIN).await.unwrap();
        assert_eq!((done.changed, done.stopped, done.skipped), expect);
    }
    let stopped = user("fukuken").await.unwrap();
    assert_eq!((stopped.role, stopped.state, stopped.address), (Role::PlatformAdmin, UserState::Disabled, None));
    // Nor is it let in again.
    let again = set("fukuken", None, Some(UserState::Active));
    assert_eq!(world.store.change_users(&[again], ADMIN).await.unwrap().skipped, 1);
}

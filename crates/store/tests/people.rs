//! Accounts, sessions, the set-up token, and what the portal shows of uploads.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "helpers of tests fail by panicking"
)]
mod support;

use std::time::Duration;

use sqlx::{ConnectOptions, Connection};
use store::{
    AuditFilter, BatchToken, Error, External, HistoryFilter, MessageFilter, NewApiKey, NewBatch, NewPasskey,
    NewSession, NewUser, OriginKind, Quarantined, Repeatable, Role, Scope, SignInAt, Site, Source, Stage, Store,
    TokenHash, UserId, UserState, Verdict,
};
use support::*;

const MINUTE: Duration = Duration::from_secs(60);

const HASH: &str = "$argon2id$v=19$secret";

fn user(name: &str) -> NewUser {
    NewUser { name: name.to_owned(), password_hash: HASH.to_owned(), role: Role::Operator }
}

/// Opens a session on the ground of the first password.
async fn open(store: &Store, session: NewSession) {
    assert!(store.open_session(session, HASH).await.unwrap());
}

fn session(token: &[u8], user: UserId) -> NewSession {
    NewSession {
        token: TokenHash::of(token),
        user,
        site: Site::Admin,
        idle: 30 * MINUTE,
        absolute: 120 * MINUTE,
        stage: Stage::Full,
        peer: None,
        vouched: false,
    }
}

/// Names of the files in somebody's history.
async fn history(store: &Store, owner: UserId) -> Vec<String> {
    let page = store.sent_by(owner, &HistoryFilter::default()).await.unwrap();
    page.items.into_iter().map(|sent| sent.file.name).collect()
}

const AT: SignInAt =
    SignInAt { site: Site::Admin, peer: Some(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7))) };

#[tokio::test]
async fn the_setup_token_works_once() {
    let (_directory, hand, store) = fresh().await;
    assert_eq!(store.user_count().await.unwrap(), 0);
    let token = TokenHash::of(b"printed at first start");
    store.create_setup_token(token, store.now().plus(60 * MINUTE)).await.unwrap();
    assert!(store.setup_token_valid(&token).await.unwrap());
    assert!(!store.setup_token_valid(&TokenHash::of(b"guessed")).await.unwrap());
    let (first, second) =
        tokio::join!(store.use_setup_token(&token, user("a")), store.use_setup_token(&token, user("b")));
    assert!(first.is_ok());
    assert!(matches!(second, Err(Error::NotFound("setup token"))));
    assert!(!store.setup_token_valid(&token).await.unwrap());
    let next = TokenHash::of(b"another");
    store.create_setup_token(next, store.now().plus(60 * MINUTE)).await.unwrap();
    // A name that is taken does not use the token up.
    assert!(matches!(store.use_setup_token(&next, user("a")).await, Err(Error::Exists("user"))));
    assert!(store.setup_token_valid(&next).await.unwrap());
    hand.advance(61 * MINUTE);
    assert!(matches!(store.use_setup_token(&next, user("c")).await, Err(Error::NotFound(_))));
    assert_eq!(store.user_count().await.unwrap(), 1);
}

#[tokio::test]
async fn a_session_ends_idle_or_at_last_or_with_its_user() {
    let (_directory, hand, store) = fresh().await;
    let id = store.create_user(user("suzuki"), "setup").await.unwrap();
    let token = TokenHash::of(b"cookie");
    open(&store, session(b"cookie", id)).await;
    assert_eq!(store.session(&token, Site::Admin).await.unwrap().unwrap().user.name, "suzuki");
    assert!(store.session(&token, Site::Portal).await.unwrap().is_none());
    assert!(store.session(&TokenHash::of(b"other"), Site::Admin).await.unwrap().is_none());
    // Used every 20 minutes it outlives the idle time, but not the absolute one.
    for _ in 0..5 {
        hand.advance(20 * MINUTE);
        assert!(store.session(&token, Site::Admin).await.unwrap().is_some());
    }
    hand.advance(20 * MINUTE);
    assert!(store.session(&token, Site::Admin).await.unwrap().is_none());

    open(&store, session(b"second", id)).await;
    hand.advance(31 * MINUTE);
    assert!(store.session(&TokenHash::of(b"second"), Site::Admin).await.unwrap().is_none());

    for (n, end) in ["disabled", "password", "closed", "all"].into_iter().enumerate() {
        let token = [u8::try_from(n).unwrap()];
        open(&store, session(&token, id)).await;
        match end {
            "disabled" => store.set_user_state(id, UserState::Disabled, "admin").await.unwrap(),
            "password" => store.set_password_hash(id, HASH, HASH.to_owned()).await.unwrap(),
            "closed" => store.close_session(&TokenHash::of(&token)).await.unwrap(),
            _ => store.close_sessions_of(id, "admin").await.unwrap(),
        }
        assert!(store.session(&TokenHash::of(&token), Site::Admin).await.unwrap().is_none(), "{end}");
        store.set_user_state(id, UserState::Active, "admin").await.unwrap();
    }
}

#[tokio::test]
async fn failed_sign_ins_are_counted_and_forgotten_by_success() {
    let (_directory, _hand, store) = fresh().await;
    let id = store.create_user(user("suzuki"), "setup").await.unwrap();
    store.sign_in_failed(id, None, AT).await.unwrap();
    let until = store.now().plus(15 * MINUTE);
    store.sign_in_failed(id, Some(until), AT).await.unwrap();
    let found = store.user_by_name("suzuki").await.unwrap().unwrap();
    assert_eq!((found.failed_sign_ins, found.locked_until), (2, Some(until)));
    store.sign_in_succeeded(id, AT).await.unwrap();
    let own = AuditFilter { actor: Some("suzuki".to_owned()), ..AuditFilter::default() };
    let rows: Vec<(String, String)> =
        store.audit(&own).await.unwrap().items.into_iter().map(|row| (row.event, row.detail)).collect();
    let detail = |to: &str| format!(r#"{{"peer":"192.0.2.7","site":"console","to":{to},"user":{}}}"#, id.0);
    let expect = [("signed_in", "null"), ("sign_in_failed", "true"), ("sign_in_failed", "false")];
    assert_eq!(rows, expect.map(|(event, to)| (event.to_owned(), detail(to))), "who, from where, to which site");
    let found = store.user(id).await.unwrap().unwrap();
    assert_eq!((found.failed_sign_ins, found.locked_until, found.last_sign_in), (0, None, Some(store.now())));
    assert!(!format!("{found:?}").contains("secret"));
    assert!(matches!(store.set_role(UserId(99), Role::Staff, "x").await, Err(Error::NotFound("user"))));
    store.set_role(id, Role::Auditor, "admin").await.unwrap();
    assert_eq!(store.users().await.unwrap()[0].role, Role::Auditor);
    assert!(store.user_by_name("nobody").await.unwrap().is_none());
}

#[tokio::test]
async fn a_batch_shows_the_state_of_each_file_to_whoever_has_its_link() {
    let (_directory, hand, store) = fresh().await;
    let owner = store.create_user(user("suzuki"), "setup").await.unwrap();
    let new = NewBatch { user: Some("suzuki".to_owned()), owner: Some(owner), expires: store.now().plus(60 * MINUTE) };
    let batch = store.create_batch(new).await.unwrap();
    for (name, body) in [("一.txt", "1"), ("二.exe", "2"), ("三.txt", "3")] {
        upload(&store, batch.id, name, body.as_bytes()).await;
    }
    let works = store.claim(2).await.unwrap();
    let mut file = part("1", "一.txt");
    file.result = Some(made("きれい".as_bytes()));
    store.complete(&works[0].key, completed(None, vec![file])).await.unwrap();
    let parts = vec![withheld("1", "二.exe", Quarantined::Whole)];
    store.complete(&works[1].key, completed(None, parts)).await.unwrap();

    let status = store.batch(&batch.token).await.unwrap().unwrap();
    assert_eq!(status.files.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["一.txt", "二.exe", "三.txt"]);
    assert_eq!(status.files[0].verdict, Some(Verdict::Sanitised));
    assert!(status.files[0].parts[0].has_result && !status.files[1].parts[0].has_result);
    assert!(status.files[2].waiting.is_some() && status.files[2].verdict.is_none());
    let result = store.part_result(status.files[0].message, "1").await.unwrap();
    assert_eq!(result.to_bytes(100).await.unwrap(), "きれい".as_bytes());
    assert!(matches!(store.part_result(status.files[1].message, "1").await, Err(Error::Expired)));
    assert!(matches!(store.part_result(status.files[1].message, "9").await, Err(Error::NotFound("part"))));
    assert_eq!(history(&store, owner).await, ["三.txt", "二.exe", "一.txt"]);
    assert!(history(&store, UserId(owner.0 + 1)).await.is_empty());
    assert!(store.batch(&BatchToken::parse(&"0".repeat(32)).unwrap()).await.unwrap().is_none());
    hand.advance(61 * MINUTE);
    assert!(store.batch(&batch.token).await.unwrap().is_none());
}

#[tokio::test]
async fn messages_are_found_by_page_text_verdict_and_receipt() {
    let (_directory, _hand, store) = fresh().await;
    for n in 0..12u8 {
        let address = format!("user{n}@city.example.lg.jp");
        accept_from(&store, mail_to(&[&address]), &[n]).await.unwrap();
    }
    let work = claim_one(&store).await;
    store.complete(&work.key, completed(Some(b"x"), Vec::new())).await.unwrap();
    let mut filter = MessageFilter { limit: 5, ..Default::default() };
    let mut seen = Vec::new();
    loop {
        let page = store.messages(&filter).await.unwrap();
        seen.extend(page.items.iter().map(|m| m.id.0));
        let Some(next) = page.next else { break };
        filter.before = Some(next);
    }
    assert_eq!(seen, (1..=12).rev().collect::<Vec<_>>());
    let find = async |filter: MessageFilter| {
        let found = store.messages(&filter).await.unwrap().items;
        found.into_iter().map(|m| m.id.0).collect::<Vec<_>>()
    };
    let text = |text: &str| MessageFilter { text: Some(text.to_owned()), ..Default::default() };
    assert_eq!(find(text("user3@")).await, [4]);
    assert_eq!(find(text("見積")).await, [work.message.0]);
    // What is typed is text, not a pattern.
    assert_eq!(find(text("user_@")).await, Vec::<i64>::new());
    assert_eq!(find(text("%")).await, Vec::<i64>::new());
    assert_eq!(find(MessageFilter { verdict: Some(Verdict::Sanitised), ..Default::default() }).await, [1]);
    assert_eq!(find(MessageFilter { origin: Some(OriginKind::Upload), ..Default::default() }).await, Vec::<i64>::new());
    assert_eq!(find(MessageFilter { until: Some(store.now()), ..Default::default() }).await, Vec::<i64>::new());
    assert_eq!(store.message_by_receipt(&work.receipt).await.unwrap(), Some(work.message));
}

#[tokio::test]
async fn a_password_that_somebody_else_chose_has_to_be_changed_and_an_address_is_one_person_s() {
    let (_directory, _hand, store) = fresh().await;
    let address = Some("suzuki@city.example.jp".to_owned());
    let id = store.invite_user(user("suzuki"), address.clone(), "admin").await.unwrap();
    let found = store.user(id).await.unwrap().unwrap();
    assert!(found.must_change && !found.second_factor);
    assert_eq!(found.address, address);
    assert!(matches!(store.invite_user(user("tanaka"), address.clone(), "admin").await, Err(Error::Exists("address"))));
    assert!(store.user_by_name("tanaka").await.unwrap().is_none(), "nothing of it stays");
    let other = store.invite_user(user("tanaka"), None, "admin").await.unwrap();
    assert!(matches!(store.set_address(other, address.clone(), "admin").await, Err(Error::Exists("address"))));
    store.set_address(id, None, "admin").await.unwrap();
    store.set_address(other, address, "admin").await.unwrap();

    store.set_password_hash(id, HASH, "$argon2id$own".to_owned()).await.unwrap();
    assert!(!store.user(id).await.unwrap().unwrap().must_change);
    assert!(store.open_session(session(b"cookie", id), "$argon2id$own").await.unwrap());
    store.set_temporary_password(id, "$argon2id$reset".to_owned(), "admin").await.unwrap();
    assert!(store.user(id).await.unwrap().unwrap().must_change);
    assert!(store.session(&TokenHash::of(b"cookie"), Site::Admin).await.unwrap().is_none());
}

#[tokio::test]
async fn one_session_of_several_is_ended_and_a_replaced_one_is_gone() {
    let (_directory, hand, store) = fresh().await;
    let id = store.create_user(user("suzuki"), "setup").await.unwrap();
    let other = store.create_user(user("tanaka"), "setup").await.unwrap();
    let half = NewSession { stage: Stage::Code, peer: Some("192.0.2.7".parse().unwrap()), ..session(b"half", id) };
    open(&store, half).await;
    assert_eq!(store.session(&TokenHash::of(b"half"), Site::Admin).await.unwrap().unwrap().stage, Stage::Code);
    assert!(store.replace_session(&TokenHash::of(b"half"), session(b"x", other)).await.is_err(), "not somebody else's");
    store.replace_session(&TokenHash::of(b"half"), session(b"full", id)).await.unwrap();
    assert!(store.session(&TokenHash::of(b"half"), Site::Admin).await.unwrap().is_none());
    assert!(matches!(
        store.replace_session(&TokenHash::of(b"half"), session(b"again", id)).await,
        Err(Error::NotFound("session"))
    ));
    hand.advance(MINUTE);
    open(&store, session(b"second", id)).await;
    let listed = store.sessions_of(id).await.unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0].id, store::SessionId::of(&TokenHash::of(b"second")));
    // Who names another's session ends nothing.
    store.close_session_of(other, &listed[0].id, "tanaka").await.unwrap();
    store.close_session_of(id, &listed[1].id, "suzuki").await.unwrap();
    assert!(store.session(&TokenHash::of(b"full"), Site::Admin).await.unwrap().is_none());
    assert!(store.session(&TokenHash::of(b"second"), Site::Admin).await.unwrap().is_some());
    hand.advance(31 * MINUTE);
    assert!(store.sessions_of(id).await.unwrap().is_empty(), "what has ended is not listed");
}

#[tokio::test]
async fn a_code_is_taken_once_and_a_second_factor_is_enrolled_once() {
    let (_directory, _hand, store) = fresh().await;
    let id = store.create_user(user("suzuki"), "setup").await.unwrap();
    assert!(store.second_factor(id).await.unwrap().is_none());
    assert!(!store.take_step(id, 100).await.unwrap(), "there is none yet");
    let codes: Vec<TokenHash> = (0_u8..3).map(|n| TokenHash::of(&[n])).collect();
    for name in [&b"here"[..], b"elsewhere"] {
        open(&store, session(name, id)).await;
    }
    store.enrol_second_factor(id, vec![1; 20], 100, codes, TokenHash::of(b"here")).await.unwrap();
    assert!(store.user(id).await.unwrap().unwrap().second_factor);
    assert!(store.session(&TokenHash::of(b"here"), Site::Admin).await.unwrap().is_some());
    assert!(store.session(&TokenHash::of(b"elsewhere"), Site::Admin).await.unwrap().is_none(), "the password alone");
    assert!(matches!(
        store.enrol_second_factor(id, vec![2; 20], 101, Vec::new(), TokenHash::of(b"here")).await,
        Err(Error::Exists("second factor"))
    ));
    let kept = store.second_factor(id).await.unwrap().unwrap();
    assert_eq!((kept.secret.as_deref(), kept.codes_left), (Some([1; 20].as_slice()), 3));
    assert!(!store.take_step(id, 100).await.unwrap(), "the code of the enrolment was taken");
    let (one, two) = tokio::join!(store.take_step(id, 101), store.take_step(id, 101));
    assert!(one.unwrap() ^ two.unwrap(), "of two at once one is taken");
    assert!(store.take_recovery_code(id, &TokenHash::of(&[1])).await.unwrap());
    assert!(!store.take_recovery_code(id, &TokenHash::of(&[1])).await.unwrap());
    assert!(!store.take_recovery_code(id, &TokenHash::of(&[9])).await.unwrap());
    assert_eq!(store.second_factor(id).await.unwrap().unwrap().codes_left, 2);
    store.remove_second_factor(id, "admin").await.unwrap();
    assert!(!store.user(id).await.unwrap().unwrap().second_factor);
}

#[tokio::test]
async fn a_key_is_good_until_it_ends_or_its_owner_may_not_sign_in() {
    let (_directory, hand, store) = fresh().await;
    let id = store.create_user(user("suzuki"), "setup").await.unwrap();
    let other = store.create_user(user("tanaka"), "setup").await.unwrap();
    let key = |n: u8| NewApiKey {
        hash: TokenHash::of(&[n]),
        user: id,
        name: format!("key {n}"),
        scopes: vec![Scope::Files, Scope::Unlock],
        expires: store.now().plus(60 * MINUTE),
        session: TokenHash::of(b"cookie"),
    };
    assert!(
        matches!(store.create_api_key(key(1), "suzuki").await, Err(Error::NotFound("session"))),
        "nobody is signed in"
    );
    open(&store, session(b"cookie", id)).await;
    let first = store.create_api_key(key(1), "suzuki").await.unwrap();
    store.create_api_key(key(2), "suzuki").await.unwrap();
    let found = store.api_key(&TokenHash::of(&[1])).await.unwrap().unwrap();
    assert_eq!((found.user.name.as_str(), found.scopes), ("suzuki", vec![Scope::Files, Scope::Unlock]));
    assert!(store.api_key(&TokenHash::of(&[9])).await.unwrap().is_none());
    assert_eq!(store.api_keys_of(id).await.unwrap().iter().filter(|row| row.last_used.is_some()).count(), 1);
    assert!(matches!(store.revoke_api_key(other, first, "tanaka").await, Err(Error::NotFound("key"))));
    store.revoke_api_key(id, first, "suzuki").await.unwrap();
    assert!(store.api_key(&TokenHash::of(&[1])).await.unwrap().is_none());
    store.set_user_state(id, UserState::Disabled, "admin").await.unwrap();
    assert!(store.api_key(&TokenHash::of(&[2])).await.unwrap().is_none());
    store.set_user_state(id, UserState::Active, "admin").await.unwrap();
    assert!(store.api_key(&TokenHash::of(&[2])).await.unwrap().is_some());
    hand.advance(61 * MINUTE);
    assert!(store.api_key(&TokenHash::of(&[2])).await.unwrap().is_none());
    assert!(store.api_keys_of(id).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_request_is_found_again_with_the_message_that_it_brought_until_it_expires() {
    let (_directory, hand, store) = fresh().await;
    let (key, sent) = (TokenHash::of(b"key"), TokenHash::of(b"what was sent"));
    assert_eq!(store.answered(&key).await.unwrap(), None);
    let expires = store.now().plus(60 * MINUTE);
    let batch = store.create_batch(NewBatch { user: None, owner: None, expires }).await.unwrap();
    let message = new_upload(&store, batch.id, "a.txt", b"1").await;
    store.accept_repeatable(message, Repeatable { key, request: sent, expires }).await.unwrap();
    assert_eq!(store.answered(&key).await.unwrap(), Some((sent, batch.token.clone())));
    assert_eq!(store.answered(&TokenHash::of(b"another")).await.unwrap(), None);
    assert_eq!(store.batch(&batch.token).await.unwrap().unwrap().files.len(), 1);
    hand.advance(61 * MINUTE);
    assert_eq!(store.answered(&key).await.unwrap(), None);
}

#[tokio::test]
async fn a_password_that_was_changed_while_it_was_checked_opens_nothing() {
    let (_directory, _hand, store) = fresh().await;
    let id = store.create_user(user("suzuki"), "setup").await.unwrap();
    let here = TokenHash::of(b"here");
    open(&store, session(b"here", id)).await;
    assert!(!store.open_session(session(b"late", id), "$argon2id$former").await.unwrap());
    let half = |token: &[u8]| NewSession { stage: Stage::Code, ..session(token, id) };
    assert!(!store.open_session(half(b"late"), "$argon2id$former").await.unwrap());
    // The factor is enrolled between the reading of the user and the opening of the session.
    store.enrol_second_factor(id, vec![1; 20], 100, Vec::new(), here).await.unwrap();
    assert!(
        !store.open_session(session(b"late", id), HASH).await.unwrap(),
        "the password alone is not enough any more"
    );
    assert!(store.session(&TokenHash::of(b"late"), Site::Admin).await.unwrap().is_none());
    assert!(store.open_session(half(b"half"), HASH).await.unwrap());
    store.set_user_state(id, UserState::Disabled, "admin").await.unwrap();
    assert!(!store.open_session(half(b"disabled"), HASH).await.unwrap());
    store.set_user_state(id, UserState::Active, "admin").await.unwrap();
    // Of two changes on the ground of one password the second finds another.
    store.set_password_hash(id, HASH, "$argon2id$own".to_owned()).await.unwrap();
    let second = store.set_password_hash(id, HASH, "$argon2id$theirs".to_owned()).await;
    assert!(matches!(second, Err(Error::NotFound("user"))));
    assert_eq!(store.user(id).await.unwrap().unwrap().password_hash, "$argon2id$own");
}

#[tokio::test]
async fn what_a_session_asks_for_after_it_was_ended_is_refused() {
    let (_directory, _hand, store) = fresh().await;
    let id = store.create_user(user("suzuki"), "setup").await.unwrap();
    open(&store, session(b"thief", id)).await;
    store.close_sessions_of(id, "admin").await.unwrap();
    let enrolled = store.enrol_second_factor(id, vec![1; 20], 100, Vec::new(), TokenHash::of(b"thief")).await;
    assert!(matches!(enrolled, Err(Error::NotFound("session"))));
    assert!(!store.user(id).await.unwrap().unwrap().second_factor);
}

#[tokio::test]
async fn keys_end_with_the_password_or_the_factor_they_were_made_with() {
    let (_directory, _hand, store) = fresh().await;
    let id = store.create_user(user("suzuki"), "setup").await.unwrap();
    for way in ["own password", "reset", "factor"] {
        let hash = store.user(id).await.unwrap().unwrap().password_hash;
        assert!(store.open_session(session(way.as_bytes(), id), &hash).await.unwrap());
        let key = NewApiKey {
            hash: TokenHash::of(way.as_bytes()),
            user: id,
            name: "key".to_owned(),
            scopes: vec![Scope::Files],
            expires: store.now().plus(60 * MINUTE),
            session: TokenHash::of(way.as_bytes()),
        };
        store.create_api_key(key, "suzuki").await.unwrap();
        match way {
            "own password" => store.set_password_hash(id, &hash, "$argon2id$own".to_owned()).await.unwrap(),
            "reset" => store.set_temporary_password(id, "$argon2id$reset".to_owned(), "admin").await.unwrap(),
            _ => store.remove_second_factor(id, "admin").await.unwrap(),
        }
        assert!(store.api_key(&TokenHash::of(way.as_bytes())).await.unwrap().is_none(), "{way}");
    }
}

#[tokio::test]
async fn the_last_active_administrator_stays_one() {
    let (_directory, _hand, store) = fresh().await;
    let admin = |name: &str| NewUser { role: Role::TenantAdmin, ..user(name) };
    let one = store.create_user(admin("one"), "setup").await.unwrap();
    let two = store.create_user(admin("two"), "setup").await.unwrap();
    // Each takes the other's rights away at the same time.
    let (first, second) =
        tokio::join!(store.set_role(one, Role::Staff, "two"), store.set_user_state(two, UserState::Disabled, "one"));
    first.unwrap();
    assert!(matches!(second, Err(Error::LastAdministrator)));
    assert_eq!(store.user(two).await.unwrap().unwrap().state, UserState::Active);
    assert!(matches!(store.set_role(two, Role::Operator, "one").await, Err(Error::LastAdministrator)));
    // Nor does one count who can come in only while a directory knows them.
    let who = External {
        source: Source::Directory,
        subject: "three".to_owned(),
        name: "three".to_owned(),
        role: Role::TenantAdmin,
        address: None,
    };
    store.external_sign_in(who).await.unwrap();
    assert!(matches!(store.set_user_state(two, UserState::Disabled, "three").await, Err(Error::LastAdministrator)));
    // A disabled administrator is none.
    store.set_role(one, Role::TenantAdmin, "two").await.unwrap();
    store.set_user_state(one, UserState::Disabled, "two").await.unwrap();
    assert!(matches!(store.set_role(two, Role::Operator, "one").await, Err(Error::LastAdministrator)));
    let audit = store.audit(&AuditFilter { event: Some("user_role_set".into()), ..Default::default() }).await.unwrap();
    assert_eq!(audit.items.len(), 2, "what was refused is no row");
    store.set_user_state(one, UserState::Active, "two").await.unwrap();
    store.set_role(two, Role::Operator, "one").await.unwrap();
}

#[tokio::test]
async fn new_recovery_codes_take_the_place_of_the_former_ones() {
    let (_directory, _hand, store) = fresh().await;
    let id = store.create_user(user("suzuki"), "setup").await.unwrap();
    let here = TokenHash::of(b"here");
    open(&store, session(b"here", id)).await;
    let codes = |from: u8| (from..from + 3).map(|n| TokenHash::of(&[n])).collect::<Vec<_>>();
    assert!(matches!(store.renew_recovery_codes(id, codes(10), here).await, Err(Error::NotFound("second factor"))));
    store.enrol_second_factor(id, vec![1; 20], 100, codes(0), here).await.unwrap();
    assert!(store.take_recovery_code(id, &TokenHash::of(&[0])).await.unwrap());
    store.renew_recovery_codes(id, codes(10), here).await.unwrap();
    assert_eq!(store.second_factor(id).await.unwrap().unwrap().codes_left, 3);
    for (code, good) in [(0, false), (1, false), (10, true), (10, false)] {
        assert_eq!(store.take_recovery_code(id, &TokenHash::of(&[code])).await.unwrap(), good, "{code}");
    }
    let gone = store.renew_recovery_codes(id, codes(20), TokenHash::of(b"ended")).await;
    assert!(matches!(gone, Err(Error::NotFound("session"))));
}

#[tokio::test]
async fn a_file_that_was_taken_back_keeps_its_place_and_the_others_keep_theirs() {
    let (_directory, _hand, store) = fresh().await;
    let expires = store.now().plus(60 * MINUTE);
    let batch = store.create_batch(NewBatch { user: None, owner: None, expires }).await.unwrap();
    for name in ["1.txt", "2.txt", "3.txt"] {
        upload(&store, batch.id, name, name.as_bytes()).await;
    }
    let first = store.batch(&batch.token).await.unwrap().unwrap().files[0].message;
    assert!(store.cancel_upload(first, "portal").await.unwrap());
    assert!(!store.cancel_upload(first, "portal").await.unwrap(), "once");
    let files = store.batch_states(&batch.token).await.unwrap().unwrap().files;
    let seen: Vec<_> = files.iter().map(|file| (file.name.as_str(), file.taken_back, file.verdict)).collect();
    assert_eq!(seen, [("1.txt", true, Some(Verdict::GivenUp)), ("2.txt", false, None), ("3.txt", false, None)]);
    assert!(matches!(store.message_original(first).await, Err(Error::Expired)), "its original is gone");
}

#[tokio::test]
async fn shared_secrets_are_sealed_in_the_database_and_those_from_before_become_so() {
    let (directory, hand, store) = fresh().await;
    let secret = b"an uncommon secret!!".to_vec();
    let mut ids = Vec::new();
    for name in ["suzuki", "tanaka"] {
        let id = store.create_user(user(name), "setup").await.unwrap();
        open(&store, session(name.as_bytes(), id)).await;
        store.enrol_second_factor(id, secret.clone(), 100, Vec::new(), TokenHash::of(name.as_bytes())).await.unwrap();
        ids.push(id);
    }
    store.close().await;
    // As a version that knew no key had written it.
    let set = format!("UPDATE second_factor SET secret = x'{}', sealed = 0 WHERE user_id = {}", hex(&secret), ids[1].0);
    let database = sqlx::sqlite::SqliteConnectOptions::new().filename(directory.path().join("misogi.sqlite"));
    let mut former = database.connect().await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(set)).execute(&mut former).await.unwrap();
    former.close().await.unwrap();
    assert!(holds(directory.path(), &secret), "the search would find it");

    let store = Store::open(config(directory.path(), &hand)).await.unwrap();
    for id in &ids {
        assert_eq!(store.second_factor(*id).await.unwrap().unwrap().secret.as_deref(), Some(secret.as_slice()));
    }
    assert!(!holds(directory.path(), &secret), "nowhere in the database, its log or another file");
    store.close().await;

    // A backup without the key: the codes are lost, the recovery codes are not, and the gateway starts.
    std::fs::remove_file(directory.path().join("secrets.key")).unwrap();
    let store = Store::open(config(directory.path(), &hand)).await.unwrap();
    let factor = store.second_factor(ids[0]).await.unwrap().unwrap();
    assert_eq!(factor.secret, None);
    store.remove_second_factor(ids[0], "admin").await.unwrap();
    open(&store, session(b"again", ids[0])).await;
    store.enrol_second_factor(ids[0], secret.clone(), 100, Vec::new(), TokenHash::of(b"again")).await.unwrap();
    assert_eq!(store.second_factor(ids[0]).await.unwrap().unwrap().secret, Some(secret));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether any file of the store holds these bytes.
fn holds(directory: &std::path::Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .any(|path| std::fs::read(path).unwrap().windows(bytes.len()).any(|window| window == bytes))
}

#[tokio::test]
async fn a_passkey_is_one_person_s_and_its_counter_never_goes_back() {
    let (_directory, _hand, store) = fresh().await;
    let id = store.create_user(user("suzuki"), "setup").await.unwrap();
    let other = store.create_user(user("tanaka"), "setup").await.unwrap();
    let key = |user: UserId, credential: &[u8], counter| NewPasskey {
        user,
        credential: credential.to_vec(),
        public_key: vec![4; 65],
        counter,
        name: "key".to_owned(),
        session: TokenHash::of(&user.0.to_be_bytes()),
    };
    assert!(matches!(store.add_passkey(key(id, b"a", 5), "suzuki").await, Err(Error::NotFound("session"))));
    for user in [id, other] {
        open(&store, session(&user.0.to_be_bytes(), user)).await;
    }
    let counting = store.add_passkey(key(id, b"a", 5), "suzuki").await.unwrap();
    assert!(matches!(store.add_passkey(key(other, b"a", 5), "tanaka").await, Err(Error::Exists("passkey"))));
    let still = store.add_passkey(key(id, b"b", 0), "suzuki").await.unwrap();
    for (key, counter, taken) in [(counting, 5, false), (counting, 6, true), (counting, 6, false), (counting, 0, false)]
    {
        assert_eq!(store.use_passkey(key, counter).await.unwrap(), taken, "{counter}");
    }
    for (counter, taken) in [(0, true), (0, true), (1, true), (0, false)] {
        assert_eq!(store.use_passkey(still, counter).await.unwrap(), taken, "{counter}");
    }
    assert!(matches!(store.remove_passkey(other, counting, "tanaka").await, Err(Error::NotFound("passkey"))));
    store.remove_passkey(id, counting, "suzuki").await.unwrap();
    assert_eq!(store.passkeys_of(id).await.unwrap().len(), 1);
    store.remove_second_factor(id, "admin").await.unwrap();
    assert!(store.passkeys_of(id).await.unwrap().is_empty(), "they go with the second factor");
}

#[tokio::test]
async fn an_upload_is_its_account_s_whoever_gets_the_name_later() {
    let (_directory, hand, store) = fresh().await;
    let who = |subject: &str, name: &str| External {
        source: Source::Directory,
        subject: subject.to_owned(),
        name: name.to_owned(),
        role: Role::Staff,
        address: None,
    };
    let first = store.external_sign_in(who("uuid-1", "tanaka")).await.unwrap();
    let new =
        NewBatch { user: Some("tanaka".to_owned()), owner: Some(first.id), expires: store.now().plus(60 * MINUTE) };
    let batch = store.create_batch(new).await.unwrap();
    let sent = upload(&store, batch.id, "前任者の秘密.txt", b"x").await;
    hand.advance(MINUTE);
    let second = store.external_sign_in(who("uuid-2", "tanaka")).await.unwrap();
    assert_ne!(first.id, second.id);
    assert!(history(&store, second.id).await.is_empty());
    assert_eq!(history(&store, first.id).await, ["前任者の秘密.txt"]);
    assert_eq!(store.message(sent.message).await.unwrap().unwrap().row.owner, Some(first.id));
    // Under a name of their own again, they still have it.
    let back = store.external_sign_in(who("uuid-1", "tanaka2")).await.unwrap();
    assert_eq!((back.id, history(&store, back.id).await.len()), (first.id, 1));
    store.close().await;
}

//! Accounts, sessions, the set-up token, and what the portal shows of uploads.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]
mod support;

use std::time::Duration;

use store::{
    BatchToken, Error, MessageFilter, NewApiKey, NewBatch, NewPasskey, NewSession, NewUser, OriginKind, Quarantined,
    Repetition, Role, Scope, Site, Stage, TokenHash, UserState, Verdict,
};
use support::*;

const MINUTE: Duration = Duration::from_secs(60);

fn user(name: &str) -> NewUser {
    NewUser { name: name.to_owned(), password_hash: "$argon2id$v=19$secret".to_owned(), role: Role::Operator }
}

fn session(token: &[u8], user: store::UserId) -> NewSession {
    NewSession {
        token: TokenHash::of(token),
        user,
        site: Site::Admin,
        idle: 30 * MINUTE,
        absolute: 120 * MINUTE,
        stage: Stage::Full,
        peer: None,
    }
}

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
    store.open_session(session(b"cookie", id)).await.unwrap();
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

    store.open_session(session(b"second", id)).await.unwrap();
    hand.advance(31 * MINUTE);
    assert!(store.session(&TokenHash::of(b"second"), Site::Admin).await.unwrap().is_none());

    for (n, end) in ["disabled", "password", "closed", "all"].into_iter().enumerate() {
        let token = [u8::try_from(n).unwrap()];
        store.open_session(session(&token, id)).await.unwrap();
        match end {
            "disabled" => store.set_user_state(id, UserState::Disabled, "admin").await.unwrap(),
            "password" => store.set_password_hash(id, "$argon2id$new".to_owned(), "admin").await.unwrap(),
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
    store.sign_in_failed(id, None).await.unwrap();
    let until = store.now().plus(15 * MINUTE);
    store.sign_in_failed(id, Some(until)).await.unwrap();
    let found = store.user_by_name("suzuki").await.unwrap().unwrap();
    assert_eq!((found.failed_sign_ins, found.locked_until), (2, Some(until)));
    store.sign_in_succeeded(id).await.unwrap();
    let found = store.user(id).await.unwrap().unwrap();
    assert_eq!((found.failed_sign_ins, found.locked_until, found.last_sign_in), (0, None, Some(store.now())));
    assert!(!format!("{found:?}").contains("secret"));
    assert!(matches!(store.set_role(store::UserId(99), Role::Staff, "x").await, Err(Error::NotFound("user"))));
    store.set_role(id, Role::Auditor, "admin").await.unwrap();
    assert_eq!(store.users().await.unwrap()[0].role, Role::Auditor);
    assert!(store.user_by_name("nobody").await.unwrap().is_none());
}

#[tokio::test]
async fn a_batch_shows_the_state_of_each_file_to_whoever_has_its_link() {
    let (_directory, hand, store) = fresh().await;
    let new = NewBatch { user: Some("suzuki".to_owned()), expires: store.now().plus(60 * MINUTE) };
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
    assert_eq!(store.batches_of("suzuki", 10).await.unwrap().len(), 1);
    assert!(store.batches_of("tanaka", 10).await.unwrap().is_empty());
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
    store
        .log_refusal(store::Refused {
            peer: "192.0.2.9".parse().unwrap(),
            helo: None,
            sender: None,
            recipient: Some("x@elsewhere".to_owned()),
            code: 550,
            text: "5.7.1 not a recipient here".to_owned(),
        })
        .await
        .unwrap();
    assert_eq!(store.counts().await.unwrap().refused, 1);
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

    store.set_password_hash(id, "$argon2id$own".to_owned(), "suzuki").await.unwrap();
    assert!(!store.user(id).await.unwrap().unwrap().must_change);
    store.open_session(session(b"cookie", id)).await.unwrap();
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
    store.open_session(half).await.unwrap();
    assert_eq!(store.session(&TokenHash::of(b"half"), Site::Admin).await.unwrap().unwrap().stage, Stage::Code);
    assert!(store.replace_session(&TokenHash::of(b"half"), session(b"x", other)).await.is_err(), "not somebody else's");
    store.replace_session(&TokenHash::of(b"half"), session(b"full", id)).await.unwrap();
    assert!(store.session(&TokenHash::of(b"half"), Site::Admin).await.unwrap().is_none());
    assert!(matches!(
        store.replace_session(&TokenHash::of(b"half"), session(b"again", id)).await,
        Err(Error::NotFound("session"))
    ));
    hand.advance(MINUTE);
    store.open_session(session(b"second", id)).await.unwrap();
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
        store.open_session(session(name, id)).await.unwrap();
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
    assert_eq!((kept.secret.as_slice(), kept.codes_left), ([1; 20].as_slice(), 3));
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
    };
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
async fn a_repeated_request_is_told_what_became_of_the_first() {
    let (_directory, hand, store) = fresh().await;
    let (key, sent) = (TokenHash::of(b"key"), TokenHash::of(b"what was sent"));
    let (one, two) = tokio::join!(store.begin_request(key, MINUTE), store.begin_request(key, MINUTE));
    assert_eq!((one.unwrap(), two.unwrap()), (Repetition::First, Repetition::UnderWay));
    store.end_request(key, None).await.unwrap();
    assert_eq!(store.begin_request(key, MINUTE).await.unwrap(), Repetition::First, "what failed may be sent again");
    let expires = store.now().plus(60 * MINUTE);
    let batch = store.create_batch(NewBatch { user: None, expires }).await.unwrap();
    store.end_request(key, Some((sent, batch.id, expires))).await.unwrap();
    let again = store.begin_request(key, MINUTE).await.unwrap();
    assert_eq!(again, Repetition::Answered { request: sent, batch: batch.token });
    hand.advance(61 * MINUTE);
    assert_eq!(store.begin_request(key, MINUTE).await.unwrap(), Repetition::First);
    hand.advance(2 * MINUTE);
    assert_eq!(
        store.begin_request(key, MINUTE).await.unwrap(),
        Repetition::First,
        "one that was cut off ends by itself"
    );
}

#[tokio::test]
async fn a_passkey_is_one_person_s_and_its_counter_never_goes_back() {
    let (_directory, _hand, store) = fresh().await;
    let id = store.create_user(user("suzuki"), "setup").await.unwrap();
    let other = store.create_user(user("tanaka"), "setup").await.unwrap();
    let key = |user, credential: &[u8], counter| NewPasskey {
        user,
        credential: credential.to_vec(),
        public_key: vec![4; 65],
        counter,
        name: "key".to_owned(),
    };
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

//! Requests for originals: who may do what in which order, what is durable, and that what is asked for is kept.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::disallowed_methods, reason = "tests")]

mod support;

use std::time::Duration;

use form::reason::{Reason, Refusal};
use store::{
    AuditFilter, Decision, Denied, Error, Eyes, ItemClass, MessageId, Need, NewRequest, NewUser, OpenedBy, PartRecord,
    Quarantined, RecipientOutcome, RecipientResult, RequestFilter, RequestId, RequestRules, RequestState, Retried,
    RetryPolicy, Role, Store, Triage, UserId, UserState,
};
use support::*;

const DAY: Duration = Duration::from_secs(86_400);

struct People {
    staff: UserId,
    manager: UserId,
    operator: UserId,
    admin: UserId,
}

async fn people(store: &Store) -> People {
    let make = async |name: &str, role| {
        let user = NewUser { name: name.to_owned(), password_hash: "x".to_owned(), role };
        store.create_user(user, "test").await.unwrap()
    };
    People {
        staff: make("staff", Role::Staff).await,
        manager: make("manager", Role::Approver).await,
        operator: make("operator", Role::Operator).await,
        admin: make("admin", Role::TenantAdmin).await,
    }
}

fn infected(path: &str) -> PartRecord {
    PartRecord {
        reason: Some(Refusal::plain(Reason::Infected)),
        ..withheld(path, "virus.doc", Quarantined::Part(source(b"virus")))
    }
}

/// A mail: 1 is rebuilt, 2 is withheld, 3 is an archive with a virus at 3.1, 33 is like 1.
async fn mail(store: &Store) -> MessageId {
    let accepted = accept(store, b"Subject: hi\r\n\r\nbody").await;
    let work = claim_one(store).await;
    let parts = vec![
        part("1", "plan.xlsm"),
        withheld("2", "x.exe", Quarantined::Part(source(b"MZ"))),
        part("3", "all.zip"),
        infected("3.1"),
        part("33", "b.xlsm"),
    ];
    store.complete(&work.key, completed(Some(b"clean"), parts)).await.unwrap();
    accepted.message
}

fn wanted(message: MessageId, path: &str, requester: UserId) -> NewRequest {
    NewRequest {
        message,
        path: path.to_owned(),
        requester,
        need: Need::Macro,
        words: "集計に使う".to_owned(),
        confirmed: true,
        approver: None,
    }
}

async fn ask(store: &Store, new: NewRequest) -> Result<RequestId, Denied> {
    store.ask_for_original(new, RequestRules::default()).await.unwrap()
}

async fn decide(store: &Store, id: RequestId, user: UserId, decision: Decision) -> Result<RequestState, Denied> {
    store.decide_request(id, user, decision, "確認した", RequestRules::default()).await.unwrap()
}

async fn events(store: &Store) -> Vec<(String, String)> {
    let rows = store.audit(&AuditFilter::default()).await.unwrap().items;
    let own =
        rows.into_iter().rev().filter(|row| row.event.starts_with("request_") || row.event.starts_with("original_"));
    own.map(|row| (row.actor, row.event)).collect()
}

#[tokio::test]
async fn two_people_grant_it_and_it_is_handed_over_once() {
    let (_directory, _hand, store) = fresh().await;
    let people = people(&store).await;
    let message = mail(&store).await;
    let id = ask(&store, wanted(message, "2", people.staff)).await.unwrap();
    assert_eq!(ask(&store, wanted(message, "2", people.staff)).await, Err(Denied::AskedAlready));
    assert_eq!(decide(&store, id, people.staff, Decision::Approve).await, Err(Denied::Own));
    let rules = RequestRules::default();
    assert_eq!(store.hand_over_original(id, people.admin, rules).await.unwrap(), Err(Denied::Over));
    assert_eq!(decide(&store, id, people.manager, Decision::Approve).await, Ok(RequestState::Open));
    assert_eq!(decide(&store, id, people.manager, Decision::Approve).await, Err(Denied::ApprovedAlready));
    assert_eq!(store.hand_over_original(id, people.admin, rules).await.unwrap(), Err(Denied::Over), "one is not two");
    assert_eq!(decide(&store, id, people.operator, Decision::Approve).await, Ok(RequestState::Approved));
    assert_eq!(store.hand_over_original(id, people.staff, rules).await.unwrap(), Err(Denied::Role));
    assert_eq!(store.hand_over_original(id, people.admin, rules).await.unwrap(), Ok(()));
    assert_eq!(store.hand_over_original(id, people.admin, rules).await.unwrap(), Err(Denied::Over));

    let request = store.request(id).await.unwrap().unwrap();
    assert_eq!((request.state, request.downloads, request.class), (RequestState::Fetched, 1, ItemClass::Withheld));
    assert_eq!((request.name.as_str(), request.requester_name.as_str()), ("x.exe", "staff"));
    let names: Vec<&str> = request.decisions.iter().map(|decision| decision.name.as_str()).collect();
    assert_eq!(names, ["manager", "operator"]);
    let expect = [
        ("staff", "request_made"),
        ("manager", "request_approved"),
        ("operator", "request_approved"),
        ("admin", "original_handed_over"),
    ];
    assert_eq!(events(&store).await, expect.map(|(who, what)| (who.to_owned(), what.to_owned())));
    assert_eq!(store.audit_verify().await.unwrap().broken, None);
    store.close().await;
}

#[tokio::test]
async fn a_virus_is_asked_for_by_the_console_only_wherever_it_lies() {
    let (_directory, _hand, store) = fresh().await;
    let people = people(&store).await;
    let message = mail(&store).await;
    for path in ["3", "3.1"] {
        assert_eq!(ask(&store, wanted(message, path, people.staff)).await, Err(Denied::VirusByStaff), "{path}");
        assert_eq!(ask(&store, wanted(message, path, people.manager)).await, Err(Denied::VirusByStaff), "{path}");
    }
    ask(&store, wanted(message, "33", people.staff)).await.unwrap();
    let id = ask(&store, wanted(message, "3", people.operator)).await.unwrap();
    assert_eq!(store.request(id).await.unwrap().unwrap().class, ItemClass::Virus);
    assert_eq!(decide(&store, id, people.manager, Decision::Approve).await, Err(Denied::NoApprover));
    assert_eq!(decide(&store, id, people.operator, Decision::Approve).await, Err(Denied::Own));
    assert_eq!(decide(&store, id, people.admin, Decision::Approve).await, Ok(RequestState::Open), "one is not two");
    store.close().await;
}

#[tokio::test]
async fn a_role_that_was_taken_away_decides_nothing() {
    let (_directory, _hand, store) = fresh().await;
    let people = people(&store).await;
    let message = mail(&store).await;
    let id = ask(&store, wanted(message, "1", people.staff)).await.unwrap();
    store.set_role(people.manager, Role::Staff, "test").await.unwrap();
    assert_eq!(decide(&store, id, people.manager, Decision::Approve).await, Err(Denied::NoApprover));
    store.set_user_state(people.operator, UserState::Disabled, "test").await.unwrap();
    assert_eq!(decide(&store, id, people.operator, Decision::Approve).await, Err(Denied::NoApprover));
    let chosen = NewRequest { approver: Some(people.manager), ..wanted(message, "33", people.staff) };
    assert_eq!(ask(&store, chosen).await, Err(Denied::NoApprover));
    store.close().await;
}

#[tokio::test]
async fn what_waits_too_long_ends_by_itself_and_so_does_a_grant() {
    let (_directory, hand, store) = fresh().await;
    let people = people(&store).await;
    let message = mail(&store).await;
    let waits = ask(&store, wanted(message, "1", people.staff)).await.unwrap();
    let granted = ask(&store, wanted(message, "2", people.staff)).await.unwrap();
    decide(&store, granted, people.manager, Decision::Approve).await.unwrap();
    decide(&store, granted, people.operator, Decision::Approve).await.unwrap();
    hand.advance(DAY);
    assert_eq!(store.request(granted).await.unwrap().unwrap().state, RequestState::Ended);
    let rules = RequestRules::default();
    assert_eq!(store.hand_over_original(granted, people.admin, rules).await.unwrap(), Err(Denied::Over));
    hand.advance(2 * DAY);
    assert_eq!(decide(&store, waits, people.operator, Decision::Approve).await, Err(Denied::Over));
    let waiting = RequestFilter { waiting: true, ..RequestFilter::default() };
    assert!(store.requests(&waiting).await.unwrap().items.is_empty());
    assert_eq!(store.purge().await.unwrap().requests, 2);
    assert_eq!(store.purge().await.unwrap().requests, 0);
    let ended = events(&store).await.into_iter().filter(|(who, what)| who == "gateway" && what == "request_ended");
    assert_eq!(ended.count(), 2);
    // It may be asked for again.
    ask(&store, wanted(message, "1", people.staff)).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn an_original_is_kept_while_it_is_asked_for_and_no_longer() {
    let (_directory, hand, store) = fresh().await;
    let people = people(&store).await;
    let message = mail(&store).await;
    // Originals are kept for seven days, quarantine for thirty.
    hand.advance(7 * DAY - Duration::from_secs(3600));
    ask(&store, wanted(message, "1", people.staff)).await.unwrap();
    hand.advance(2 * DAY);
    store.purge().await.unwrap();
    assert!(store.message_original(message).await.is_ok());
    hand.advance(2 * DAY);
    store.purge().await.unwrap();
    assert!(matches!(store.message_original(message).await, Err(Error::Expired)));
    assert_eq!(ask(&store, wanted(message, "33", people.staff)).await, Err(Denied::Gone));

    hand.advance(18 * DAY);
    let item = store.message(message).await.unwrap().unwrap().quarantine[0].id;
    ask(&store, wanted(message, "2", people.staff)).await.unwrap();
    hand.advance(2 * DAY);
    store.purge().await.unwrap();
    assert!(store.quarantine_original(item).await.is_ok());
    hand.advance(2 * DAY);
    store.purge().await.unwrap();
    assert!(matches!(store.quarantine_original(item).await, Err(Error::Expired)));
    store.close().await;
}

#[tokio::test]
async fn an_approver_sees_what_is_for_them_and_a_number_is_given_once() {
    let (_directory, hand, store) = fresh().await;
    let people = people(&store).await;
    let message = mail(&store).await;
    let free = ask(&store, wanted(message, "1", people.staff)).await.unwrap();
    let own = ask(&store, wanted(message, "1", people.manager)).await.unwrap();
    let virus = ask(&store, wanted(message, "3", people.operator)).await.unwrap();
    let chosen = NewRequest { approver: Some(people.manager), ..wanted(message, "2", people.staff) };
    let chosen = ask(&store, chosen).await.unwrap();
    let ids = async |filter: RequestFilter| -> Vec<RequestId> {
        store.requests(&filter).await.unwrap().items.iter().map(|request| request.id).collect()
    };
    let of = |approver| RequestFilter { approver: Some(approver), ..RequestFilter::default() };
    assert_eq!(ids(of(people.manager)).await, [chosen, free]);
    let own_list = RequestFilter { requester: Some(people.manager), ..RequestFilter::default() };
    assert_eq!(ids(own_list).await, [own]);
    assert_eq!(ids(RequestFilter::default()).await, [chosen, virus, own, free]);
    assert_eq!(ids(RequestFilter { limit: 2, before: Some(chosen.0), ..RequestFilter::default() }).await, [virus, own]);
    let task = store.due_deliveries(1).await.unwrap().remove(0);
    let outcome = RecipientOutcome::Delivered { reply: "250".to_owned() };
    store.delivery_result(vec![RecipientResult { recipient_id: task.recipients[0].id, outcome }]).await.unwrap();
    hand.advance(400 * DAY);
    store.purge().await.unwrap();
    hand.advance(DAY);
    store.purge().await.unwrap();
    assert!(store.message(message).await.unwrap().is_none() && store.request(free).await.unwrap().is_none());
    let other = mail(&store).await;
    assert_eq!(ask(&store, wanted(other, "1", people.staff)).await, Ok(RequestId(5)));
    store.close().await;
}

#[tokio::test]
async fn nobody_asks_for_what_is_not_there() {
    let (_directory, _hand, store) = fresh().await;
    let people = people(&store).await;
    let message = mail(&store).await;
    let none = store.ask_for_original(wanted(message, "9", people.staff), RequestRules::default()).await;
    assert!(matches!(none, Err(Error::NotFound(_))));
    let none = store.ask_for_original(wanted(MessageId(99), "", people.staff), RequestRules::default()).await;
    assert!(matches!(none, Err(Error::NotFound(_))));
    let waiting = accept(&store, b"x").await;
    let early = store.ask_for_original(wanted(waiting.message, "", people.staff), RequestRules::default()).await;
    assert!(matches!(early, Err(Error::NotFound(_))), "it has no verdict yet");
    store.close().await;
}

#[tokio::test]
async fn a_virus_that_shows_later_makes_the_class_of_what_was_asked_for() {
    let (_directory, _hand, store) = fresh().await;
    let people = people(&store).await;
    let message = mail(&store).await;
    let item = store.message(message).await.unwrap().unwrap().quarantine[0].id;
    let rules = RequestRules { quorum_virus: 3, ..RequestRules::default() };
    let by_staff = ask(&store, wanted(message, "2", people.staff)).await.unwrap();
    let by_console = ask(&store, wanted(message, "2", people.operator)).await.unwrap();
    decide(&store, by_staff, people.manager, Decision::Approve).await.unwrap();
    decide(&store, by_console, people.manager, Decision::Approve).await.unwrap();
    decide(&store, by_staff, people.operator, Decision::Approve).await.unwrap();
    assert_eq!(store.request(by_staff).await.unwrap().unwrap().state, RequestState::Approved);

    store.virus_found(&[item], OpenedBy::Typing, "staff").await.unwrap();
    store.virus_found(&[item], OpenedBy::Typing, "staff").await.unwrap();
    assert_eq!(store.quarantine_item(item).await.unwrap().unwrap().reason, Some(Reason::Infected));
    let found = AuditFilter { event: Some("quarantine_virus_found".to_owned()), ..AuditFilter::default() };
    let rows = store.audit(&found).await.unwrap().items;
    assert_eq!((rows.len(), rows[0].actor.as_str()), (1, "staff"));
    assert_eq!(ask(&store, wanted(message, "2", people.manager)).await, Err(Denied::VirusByStaff));
    // What was granted before is not handed over: neither the manager's word nor the asking counts for a virus.
    let request = store.request(by_staff).await.unwrap().unwrap();
    assert_eq!((request.class, request.state, request.approvals().len()), (ItemClass::Virus, RequestState::Open, 1));
    assert_eq!(store.hand_over_original(by_staff, people.admin, rules).await.unwrap(), Err(Denied::Over));
    assert_eq!(decide(&store, by_staff, people.admin, Decision::Approve).await, Err(Denied::VirusByStaff));
    assert_eq!(decide(&store, by_staff, people.admin, Decision::Return).await, Ok(RequestState::Returned));
    // An operator's waits for as many as a virus takes here.
    let approve = store.decide_request(by_console, people.admin, Decision::Approve, "x", rules).await.unwrap();
    assert_eq!(approve, Ok(RequestState::Open));
    assert_eq!(store.request(by_console).await.unwrap().unwrap().quorum, 3);
    assert_eq!(store.audit_verify().await.unwrap().broken, None);
    store.close().await;
}

#[tokio::test]
async fn a_virus_that_a_conversion_shows_is_one() {
    let (_directory, _hand, store) = fresh().await;
    let people = people(&store).await;
    let message = mail(&store).await;
    let item = store.message(message).await.unwrap().unwrap().quarantine[0].id;
    let waits = ask(&store, wanted(message, "2", people.staff)).await.unwrap();
    store.triage(&[item], Triage::Retry(RetryPolicy::Same), "operator", "x").await.unwrap();
    store.retried(item, Retried::Withheld(Reason::Infected)).await.unwrap();
    assert_eq!(store.request(waits).await.unwrap().unwrap().class, ItemClass::Virus);
    assert_eq!(ask(&store, wanted(message, "2", people.manager)).await, Err(Denied::VirusByStaff));
    assert_eq!(decide(&store, waits, people.operator, Decision::Approve).await, Err(Denied::VirusByStaff));
    store.close().await;
}

#[tokio::test]
async fn only_who_may_decide_now_counts_up_to_the_last_step() {
    let (_directory, _hand, store) = fresh().await;
    let people = people(&store).await;
    let message = mail(&store).await;
    let rules = RequestRules::default();
    let id = ask(&store, wanted(message, "2", people.staff)).await.unwrap();
    decide(&store, id, people.manager, Decision::Approve).await.unwrap();
    store.set_user_state(people.manager, UserState::Disabled, "test").await.unwrap();
    assert_eq!(decide(&store, id, people.operator, Decision::Approve).await, Ok(RequestState::Open), "one is not two");
    store.set_user_state(people.manager, UserState::Active, "test").await.unwrap();
    // Whoever approved cannot do so twice, so what counts again counts at once.
    assert_eq!(store.request(id).await.unwrap().unwrap().state, RequestState::Approved);
    assert_eq!(decide(&store, id, people.admin, Decision::Approve).await, Err(Denied::Over));
    // Between grant and hand-over, both lose their role.
    store.set_role(people.operator, Role::Auditor, "test").await.unwrap();
    store.set_user_state(people.manager, UserState::Disabled, "test").await.unwrap();
    let request = store.request(id).await.unwrap().unwrap();
    assert_eq!((request.state, request.approvals().len()), (RequestState::Open, 0));
    store.set_user_state(people.manager, UserState::Active, "test").await.unwrap();
    assert_eq!(store.hand_over_original(id, people.admin, rules).await.unwrap(), Err(Denied::Over));
    store.set_role(people.operator, Role::Operator, "test").await.unwrap();
    assert_eq!(store.hand_over_original(id, people.admin, rules).await.unwrap(), Ok(()));
    store.close().await;
}

/// Rules by which nobody counts who was lately in the hands of the others.
fn settled() -> RequestRules {
    RequestRules { settled: 3 * DAY, ..RequestRules::default() }
}

#[tokio::test]
async fn accounts_in_one_person_s_hands_are_one_pair_of_eyes() {
    let (_directory, hand, store) = fresh().await;
    let people = people(&store).await;
    let message = mail(&store).await;
    hand.advance(4 * DAY);
    let make = async |name: &str, role, by: &str| {
        let user = NewUser { name: name.to_owned(), password_hash: "x".to_owned(), role };
        store.create_user(user, by).await.unwrap()
    };
    let approve = async |id, user| store.decide_request(id, user, Decision::Approve, "x", settled()).await.unwrap();
    // An administrator makes two, one of them by way of another, and asks.
    let sock = make("sock", Role::TenantAdmin, "admin").await;
    let deep = make("deep", Role::Operator, "sock").await;
    hand.advance(Duration::from_secs(60));
    let id = ask(&store, wanted(message, "2", people.admin)).await.unwrap();
    hand.advance(Duration::from_secs(60));
    let late = make("late", Role::Operator, "operator").await;
    for puppet in [sock, deep, late] {
        assert_eq!(approve(id, puppet).await, Err(Denied::Unsettled), "{puppet:?}");
        let request = store.request(id).await.unwrap().unwrap();
        assert!(!store.is_settled_for(&request, puppet, Eyes::Approving, settled()).await.unwrap());
    }
    assert_eq!(approve(id, people.manager).await, Ok(RequestState::Open));
    // Nor is one that was there before, after its password or role came from them.
    store.set_temporary_password(people.operator, "y".to_owned(), "deep").await.unwrap();
    assert_eq!(approve(id, people.operator).await, Err(Denied::Unsettled));
    // Who has approved cannot make the next either, nor be made by them.
    let second = ask(&store, wanted(message, "33", people.staff)).await.unwrap();
    store.remove_second_factor(people.manager, "admin").await.unwrap();
    assert_eq!(approve(second, people.manager).await, Ok(RequestState::Open), "whoever asked had no part in it");
    assert_eq!(approve(second, people.admin).await, Err(Denied::Unsettled));
    // It is over after the time that the rules name.
    hand.advance(3 * DAY);
    let third = ask(&store, wanted(message, "1", people.admin)).await;
    assert!(third.is_ok());
    assert_eq!(approve(third.unwrap(), people.operator).await, Ok(RequestState::Open));
    store.close().await;
}

#[tokio::test]
async fn one_approval_is_not_given_by_who_made_the_asker() {
    let (_directory, hand, store) = fresh().await;
    let people = people(&store).await;
    let message = mail(&store).await;
    hand.advance(4 * DAY);
    let user = NewUser { name: "puppet".to_owned(), password_hash: "x".to_owned(), role: Role::Staff };
    let puppet = store.create_user(user, "admin").await.unwrap();
    let rules = RequestRules { quorum_rebuilt: 1, ..settled() };
    let id = store.ask_for_original(wanted(message, "1", puppet), rules).await.unwrap().unwrap();
    let approve = async |user| store.decide_request(id, user, Decision::Approve, "x", rules).await.unwrap();
    assert_eq!(approve(people.admin).await, Err(Denied::Unsettled));
    assert_eq!(approve(people.operator).await, Ok(RequestState::Approved));
    // Nor is it fetched by them.
    assert_eq!(store.hand_over_original(id, people.admin, rules).await.unwrap(), Err(Denied::Unsettled));
    assert_eq!(store.hand_over_original(id, people.operator, rules).await.unwrap(), Ok(()));
    store.close().await;
}

#[tokio::test]
async fn accounts_that_one_hand_made_are_one_pair_of_eyes_and_those_that_it_made_long_ago_are_not() {
    let (_directory, hand, store) = fresh().await;
    let people = people(&store).await;
    let message = mail(&store).await;
    hand.advance(4 * DAY);
    let make = async |name: &str, role, by: &str| {
        let user = NewUser { name: name.to_owned(), password_hash: "x".to_owned(), role };
        store.create_user(user, by).await.unwrap()
    };
    let rules = settled();
    let approve = async |id, user| store.decide_request(id, user, Decision::Approve, "x", rules).await.unwrap();
    let fetch = async |id, user| store.hand_over_original(id, user, rules).await.unwrap();
    let asks = make("asks", Role::Operator, "admin").await;
    let twin = make("twin", Role::Operator, "admin").await;
    let between = make("between", Role::TenantAdmin, "admin").await;
    let deep = make("deep", Role::Operator, "between").await;
    let aside = make("aside", Role::Operator, "operator").await;
    hand.advance(Duration::from_secs(60));
    let id = ask(&store, wanted(message, "3.1", asks)).await.unwrap();
    for sibling in [twin, between, deep] {
        assert_eq!(approve(id, sibling).await, Err(Denied::Unsettled), "{sibling:?}");
    }
    // One by another hand counts; whoever has that one in hand counts no second time.
    assert_eq!(approve(id, aside).await, Ok(RequestState::Open));
    assert_eq!(approve(id, people.operator).await, Err(Denied::Unsettled));
    // The hand that made the asker gives one of two approvals, and does not fetch; nor do its others.
    assert_eq!(approve(id, people.admin).await, Ok(RequestState::Approved));
    for who in [people.admin, twin, deep, people.operator] {
        assert_eq!(fetch(id, who).await, Err(Denied::Unsettled), "{who:?}");
    }
    let request = store.request(id).await.unwrap().unwrap();
    assert!(!store.is_settled_for(&request, people.admin, Eyes::Fetching, rules).await.unwrap());
    hand.advance(Duration::from_secs(60));
    let second = make("second", Role::Operator, "test").await;
    assert_eq!(fetch(id, second).await, Err(Denied::Unsettled), "it is newer than the request");
    // Where they were all made by the one administrator there is, but longer ago than that, they are as many as they are.
    hand.advance(3 * DAY);
    let id = ask(&store, wanted(message, "3.1", asks)).await.unwrap();
    assert_eq!(approve(id, twin).await, Ok(RequestState::Open));
    assert_eq!(approve(id, deep).await, Ok(RequestState::Approved));
    assert_eq!(fetch(id, people.admin).await, Ok(()));
    store.close().await;
}

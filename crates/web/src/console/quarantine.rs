//! Withheld originals: facts and reasons. Their content leaves the store only as pixels, see `pages`.

use askama::Template;
use axum::{
    Form,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{Redirect, Response},
};
use engine::catalogue::{self, Language};
use form::job::Password;
use form::percent;
use form::reason::Reason;
use serde::Deserialize;
use store::{QuarantineFilter, QuarantineId, QuarantineRow, QuarantineState, RetryRow, RetryState};

use super::{
    Console,
    message::{Choice, Fact, QUERY_CHARACTERS},
    triage::{self, Policies},
};
use crate::{
    api::quarantine::{parse_state, state_name},
    fault::Fault,
    moment,
    page::{Mark, Page, render},
    people::Visitor,
    requests::{MOST_CHARACTERS, needs},
    role::Permission,
    shown,
    texts::{self, Texts},
    unlock::News,
    view,
};

/// Which items to list.
#[derive(Debug, Default, Clone, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    q: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    kind: String,
    /// Days in the site's own time: `2026-11-21`.
    #[serde(default)]
    since: String,
    #[serde(default)]
    until: String,
    #[serde(default)]
    only: String,
    before: Option<i64>,
}

impl Wanted {
    /// As the store takes it. What is not understood filters nothing.
    pub(super) fn filter(&self, offset: i32) -> QuarantineFilter {
        let query: String = self.q.trim().chars().take(QUERY_CHARACTERS).collect();
        QuarantineFilter {
            state: parse_state(&self.state),
            reason: Reason::from_name(&self.reason),
            kind: Some(self.kind.clone()).filter(|kind| !kind.is_empty()),
            since: moment::day(&self.since, offset),
            // Until the end of that day.
            until: moment::day(&self.until, offset).map(|day| day.plus(DAY)),
            requested: self.only == "requested",
            on_hold: self.only == "held",
            text: Some(query).filter(|query| !query.is_empty()),
            before: self.before,
            limit: 0,
        }
    }

    /// The part behind the question mark, without the place in the list.
    pub(super) fn query(&self) -> String {
        let pairs = [
            ("q", &self.q),
            ("state", &self.state),
            ("reason", &self.reason),
            ("kind", &self.kind),
            ("since", &self.since),
            ("until", &self.until),
            ("only", &self.only),
        ];
        let pairs: Vec<String> = pairs
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name}={}", percent::encoded(value)))
            .collect();
        pairs.join("&")
    }
}

/// `GET /quarantine`
pub(crate) async fn list(
    State(console): State<Console>,
    visitor: Visitor,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Fault> {
    let t = visitor.texts();
    let offset = console.state.site.offset_minutes;
    let filter = wanted.filter(offset);
    let found = console.state.store.quarantine(&filter).await?;
    let (reasons, kinds) = console.state.store.quarantine_kinds().await?;
    let mut states = vec![Choice { value: "", text: t.filter_all, chosen: filter.state.is_none() }];
    states.extend([QuarantineState::Held, QuarantineState::Released, QuarantineState::Purged].into_iter().map(
        |state| Choice { value: state_name(state), text: state_word(state, t), chosen: filter.state == Some(state) },
    ));
    let only = [("", t.filter_all), ("requested", t.triage_only_requested), ("held", t.triage_only_held)];
    let keep = format!("/quarantine?{}", wanted.query());
    let saved = console.state.store.saved_filters(visitor.user.id).await?;
    let may_act = visitor.may(Permission::Triage).is_ok();
    let template = ListPage {
        page: visitor.page(&console.people, t.nav_quarantine, Permission::Quarantine),
        states,
        reasons: reasons
            .into_iter()
            .map(|reason| ReasonChoice {
                value: reason.name(),
                text: catalogue::reason_text(reason, visitor.language).to_owned(),
                chosen: filter.reason == Some(reason),
            })
            .collect(),
        kinds: kinds.into_iter().map(|kind| (filter.kind.as_deref() == Some(kind.as_str()), kind)).collect(),
        only: only.into_iter().map(|(value, text)| Choice { value, text, chosen: wanted.only == value }).collect(),
        rows: found.items.iter().map(|row| Row::of(row, offset, visitor.language, t)).collect(),
        older: found.next.map(|next| format!("{keep}&before={next}")),
        newest: wanted.before.map(|_| keep),
        export: format!("/quarantine/export?{}", wanted.query()),
        saved: saved
            .into_iter()
            .map(|(name, query)| Saved { href: format!("/quarantine?{query}"), name: shown::visible(&name), key: name })
            .collect(),
        keep: wanted.query(),
        may_act,
        policies: Policies::of(t),
        form_token: visitor.form_token(),
        longest: MOST_CHARACTERS,
        query: wanted.q.trim().chars().take(QUERY_CHARACTERS).collect(),
        since: wanted.since.chars().take(10).collect(),
        until: wanted.until.chars().take(10).collect(),
    };
    Ok(render(StatusCode::OK, &template))
}

/// `GET /quarantine/{id}`
pub(crate) async fn item(
    State(console): State<Console>,
    visitor: Visitor,
    Path(id): Path<i64>,
) -> Result<Response, Fault> {
    show(&console, &visitor, id).await
}

/// The form of [`unlock`].
#[derive(Deserialize)]
pub(crate) struct Typed {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    password: String,
}

/// `POST /quarantine/{id}/unlock`: what came of it is told on the item's page, which can be loaded again.
pub(crate) async fn unlock(
    State(console): State<Console>,
    visitor: Visitor,
    Path(id): Path<i64>,
    Form(typed): Form<Typed>,
) -> Result<Redirect, Fault> {
    visitor.proved(&typed.form_token)?;
    let password = Password::new(&typed.password).filter(|_| !typed.password.is_empty()).ok_or(Fault::BadRequest)?;
    let actor = visitor.user.name.as_str();
    let unlocking = crate::unlock::unlock(&console.state.unlocker, QuarantineId(id), password, actor, None).await?;
    let place = format!("/quarantine/{id}");
    let back = Redirect::to(&format!("{place}#unlock-news"));
    console.untold.keep(visitor.form_token(), place, unlocking);
    Ok(back)
}

async fn show(console: &Console, visitor: &Visitor, id: i64) -> Result<Response, Fault> {
    let t = visitor.texts();
    let row = console.state.store.quarantine_item(QuarantineId(id)).await?.ok_or(Fault::NotFound)?;
    let retry = console.state.store.retry_of(QuarantineId(id)).await?;
    let offset = console.state.site.offset_minutes;
    let unlocking = console.untold.take(&visitor.form_token(), &format!("/quarantine/{id}"));
    let facts = [
        (t.column_name, name(&row, t)),
        (t.result_type, shown::visible(&row.detected_type)),
        (t.column_size, shown::bytes(row.bytes)),
        (t.column_state, state_word(row.state, t).to_owned()),
        (t.triage_note, row.note.as_deref().filter(|_| row.on_hold).map(shown::visible).unwrap_or_default()),
        (t.column_sender, row.sender.as_deref().map(shown::visible).unwrap_or_default()),
        (t.column_subject, row.subject.as_deref().map(shown::visible).unwrap_or_default()),
        (t.column_receipt, row.receipt.to_string()),
        (t.quarantine_since, moment::local(row.created, offset)),
        (t.quarantine_expires, moment::local(row.expires, offset)),
    ];
    let inside = match row.state {
        QuarantineState::Purged => console.state.store.deleted_but_inside_until(row.id).await?,
        QuarantineState::Held | QuarantineState::Released => None,
    };
    let may_act = row.state != QuarantineState::Purged && visitor.may(Permission::Triage).is_ok();
    let releasable = row.state == QuarantineState::Held && row.retry == Some(RetryState::Made);
    let template = ItemPage {
        page: visitor.page(&console.people, t.quarantine_item, Permission::Quarantine),
        still_inside: inside.map(|until| format!("{}{}", t.triage_still_inside, moment::local(until, offset))),
        reason: reason(&row, visitor.language),
        look: (row.state != QuarantineState::Purged
            && (view::may_have_pages(&row.detected_type) || retry.as_ref().is_some_and(|retry| retry.has_file))
            && visitor.may(Permission::Originals).is_ok())
        .then(|| format!("/quarantine/{id}/pages/1")),
        message: format!("/messages/{}", row.message.0),
        news: unlocking.map(|unlocking| News::of(&unlocking, visitor.language, t)),
        unlock: (row.locked && row.state == QuarantineState::Held && visitor.may(Permission::Unlock).is_ok()).then(
            || UnlockForm {
                action: format!("/quarantine/{id}/unlock"),
                form_token: visitor.form_token(),
                hint: match console.state.unlocker.tries().saturating_sub(row.tried) {
                    0 => t.unlock_exhausted.to_owned(),
                    left => texts::tries_left(visitor.language, left, &moment::local(row.expires, offset)),
                },
            },
        ),
        ask: (row.state != QuarantineState::Purged && visitor.may(Permission::Decide).is_ok()).then(|| AskForm {
            action: format!("/quarantine/{id}/request"),
            needs: needs(t),
            form_token: visitor.form_token(),
            longest: MOST_CHARACTERS,
        }),
        act: may_act.then(|| ActForm {
            item: id,
            form_token: visitor.form_token(),
            longest: MOST_CHARACTERS,
            policies: Policies::of(t),
            may_retry: row.state == QuarantineState::Held && !row.locked,
            may_release: releasable,
            on_hold: row.on_hold,
        }),
        retry: retry.map(|retry| Retry::of(&retry, offset, visitor.language, t)),
        facts: facts
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| Fact { name, value })
            .collect(),
    };
    Ok(render(StatusCode::OK, &template))
}

fn reason(row: &QuarantineRow, language: Language) -> String {
    row.reason.map(|reason| catalogue::reason_text(reason, language).to_owned()).unwrap_or_default()
}

/// A whole message in quarantine has no file name of its own.
pub(super) fn name(row: &QuarantineRow, t: &Texts) -> String {
    if row.name.is_empty() { t.quarantine_whole.to_owned() } else { shown::visible(&row.name) }
}

fn state_word(state: QuarantineState, t: &Texts) -> &'static str {
    match state {
        QuarantineState::Held => t.quarantine_states_held,
        QuarantineState::Released => t.quarantine_states_released,
        QuarantineState::Purged => t.quarantine_states_deleted,
    }
}

#[derive(Debug)]
struct Row {
    id: i64,
    created: String,
    href: String,
    name: String,
    reason: String,
    sender: String,
    subject: String,
    size: String,
    state: &'static str,
    /// What somebody did with it or waits for.
    marks: Vec<Mark>,
    receipt: String,
}

impl Row {
    fn of(row: &QuarantineRow, offset: i32, language: Language, t: &Texts) -> Self {
        let retry = row.retry.filter(|_| row.state == QuarantineState::Held).map(|state| match state {
            RetryState::Waiting => Mark::wait(t.triage_waiting),
            RetryState::Made => Mark::ok(t.triage_made),
            RetryState::Withheld => Mark::stop(t.triage_withheld),
        });
        let marks = [
            row.requested.then(|| Mark::warn(t.triage_requested)),
            row.on_hold.then(|| Mark::warn(t.triage_on_hold)),
            retry,
        ];
        Self {
            id: row.id.0,
            created: moment::local(row.created, offset),
            href: format!("/quarantine/{}", row.id.0),
            name: name(row, t),
            reason: reason(row, language),
            sender: row.sender.as_deref().map(shown::visible).unwrap_or_default(),
            subject: row.subject.as_deref().map(shown::visible).unwrap_or_default(),
            size: shown::bytes(row.bytes),
            state: state_word(row.state, t),
            marks: marks.into_iter().flatten().collect(),
            receipt: row.receipt.to_string(),
        }
    }
}

#[derive(Debug)]
struct ReasonChoice {
    value: &'static str,
    text: String,
    chosen: bool,
}

/// A filter that somebody keeps.
#[derive(Debug)]
struct Saved {
    key: String,
    name: String,
    href: String,
}

/// What came of converting it again.
#[derive(Debug)]
struct Retry {
    mark: Mark,
    asked: String,
    actor: String,
    policy: &'static str,
    /// The rebuilt file with its size, or why there is none.
    what: String,
    findings: Vec<String>,
}

impl Retry {
    fn of(retry: &RetryRow, offset: i32, language: Language, t: &'static Texts) -> Self {
        let mark = match retry.state {
            RetryState::Waiting => Mark::wait(t.triage_waiting),
            RetryState::Made => Mark::ok(t.triage_made),
            RetryState::Withheld => Mark::stop(t.triage_withheld),
        };
        let file = retry.name.as_ref().map(|name| format!("{} ({})", shown::visible(name), shown::bytes(retry.bytes)));
        let why = retry.reason.map(|reason| catalogue::reason_text(reason, language).to_owned());
        Self {
            mark,
            asked: moment::local(retry.asked, offset),
            actor: retry.actor.clone(),
            policy: triage::policy_word(retry.policy, t),
            what: file.or(why).unwrap_or_default(),
            findings: view::findings(&retry.findings, language),
        }
    }
}

#[derive(Debug, Template)]
#[template(path = "quarantine.html")]
struct ListPage {
    page: Page,
    query: String,
    since: String,
    until: String,
    states: Vec<Choice>,
    reasons: Vec<ReasonChoice>,
    kinds: Vec<(bool, String)>,
    only: Vec<Choice>,
    rows: Vec<Row>,
    older: Option<String>,
    newest: Option<String>,
    export: String,
    saved: Vec<Saved>,
    keep: String,
    may_act: bool,
    policies: Policies,
    form_token: String,
    longest: usize,
}

#[derive(Debug, Template)]
#[template(path = "quarantine_item.html")]
struct ItemPage {
    page: Page,
    /// That the bytes of a deleted part are kept with the whole, and until when.
    still_inside: Option<String>,
    reason: String,
    look: Option<String>,
    facts: Vec<Fact>,
    message: String,
    news: Option<News>,
    unlock: Option<UnlockForm>,
    ask: Option<AskForm>,
    act: Option<ActForm>,
    retry: Option<Retry>,
}

/// Asking for the original, which others decide on.
#[derive(Debug)]
struct AskForm {
    action: String,
    needs: Vec<(&'static str, &'static str)>,
    form_token: String,
    longest: usize,
}

/// What can be done with it.
#[derive(Debug)]
struct ActForm {
    item: i64,
    form_token: String,
    longest: usize,
    policies: Policies,
    may_retry: bool,
    may_release: bool,
    on_hold: bool,
}

#[derive(Debug)]
struct UnlockForm {
    action: String,
    form_token: String,
    /// Tries left, and until when.
    hint: String,
}

/// A whole day.
const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);

#[cfg(test)]
mod tests {
    use store::Timestamp;

    use super::*;

    #[test]
    fn a_filter_reads_back_from_its_own_query() {
        let wanted = Wanted {
            q: "見積 & 50%".to_owned(),
            state: "held".to_owned(),
            reason: "encrypted".to_owned(),
            since: "2026-11-20".to_owned(),
            until: "2026-11-21".to_owned(),
            only: "requested".to_owned(),
            ..Wanted::default()
        };
        let query = wanted.query();
        assert_eq!(
            query,
            "q=%E8%A6%8B%E7%A9%8D%20%26%2050%25&state=held&reason=encrypted&since=2026-11-20&until=2026-11-21&only=requested"
        );
        let filter = wanted.filter(540);
        // TZ=Asia/Tokyo date -d 2026-11-20 +%s and 2026-11-22
        assert_eq!(filter.since, Some(Timestamp::from_unix_millis(1_795_100_400_000)));
        assert_eq!(filter.until, Some(Timestamp::from_unix_millis(1_795_273_200_000)));
        assert!(filter.requested && !filter.on_hold && filter.reason == Some(Reason::Encrypted));
        let nothing =
            Wanted { since: "yesterday".to_owned(), reason: "none".to_owned(), ..Wanted::default() }.filter(540);
        assert!(nothing.since.is_none() && nothing.reason.is_none());
    }
}

//! Withheld originals: facts and reasons. Their content leaves the store only as pixels, see `pages`.

use askama::Template;
use axum::{
    Form,
    extract::{Path, Query, State},
    http::StatusCode,
    response::Response,
};
use engine::catalogue::{self, Language};
use form::job::Password;
use serde::Deserialize;
use store::{QuarantineFilter, QuarantineId, QuarantineRow, QuarantineState};

use super::{
    Console,
    message::{Choice, Fact, QUERY_CHARACTERS, encode},
};
use crate::{
    Unlocking,
    api::quarantine::{parse_state, state_name},
    fault::Fault,
    moment,
    page::{Page, render},
    people::Visitor,
    requests::{MOST_CHARACTERS, needs},
    role::Permission,
    shown,
    texts::Texts,
    unlock::News,
    view,
};

/// Which items to list.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    q: String,
    #[serde(default)]
    state: String,
    before: Option<i64>,
}

/// `GET /quarantine`
pub(crate) async fn list(
    State(console): State<Console>,
    visitor: Visitor,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Fault> {
    let t = visitor.texts();
    let query: String = wanted.q.trim().chars().take(QUERY_CHARACTERS).collect();
    let filter = QuarantineFilter {
        state: parse_state(&wanted.state),
        text: Some(query.clone()).filter(|query| !query.is_empty()),
        before: wanted.before,
        ..QuarantineFilter::default()
    };
    let found = console.state.store.quarantine(&filter).await?;
    let mut states = vec![Choice { value: "", text: t.filter_all, chosen: filter.state.is_none() }];
    states.extend([QuarantineState::Held, QuarantineState::Released, QuarantineState::Purged].into_iter().map(
        |state| Choice { value: state_name(state), text: state_word(state, t), chosen: filter.state == Some(state) },
    ));
    let keep = format!("/quarantine?q={}&state={}", encode(&query), encode(&wanted.state));
    let offset = console.state.site.offset_minutes;
    let template = ListPage {
        page: visitor.page(&console.people, t.nav_quarantine, Permission::Quarantine),
        states,
        rows: found.items.iter().map(|row| Row::of(row, offset, visitor.language, t)).collect(),
        older: found.next.map(|next| format!("{keep}&before={next}")),
        newest: wanted.before.map(|_| keep),
        query,
    };
    Ok(render(StatusCode::OK, &template))
}

/// `GET /quarantine/{id}`
pub(crate) async fn item(
    State(console): State<Console>,
    visitor: Visitor,
    Path(id): Path<i64>,
) -> Result<Response, Fault> {
    show(&console, &visitor, id, None).await
}

/// The form of [`unlock`].
#[derive(Deserialize)]
pub(crate) struct Typed {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    password: String,
}

/// `POST /quarantine/{id}/unlock`
pub(crate) async fn unlock(
    State(console): State<Console>,
    visitor: Visitor,
    Path(id): Path<i64>,
    Form(typed): Form<Typed>,
) -> Result<Response, Fault> {
    visitor.proved(&typed.form_token)?;
    let password = Password::new(&typed.password).filter(|_| !typed.password.is_empty()).ok_or(Fault::BadRequest)?;
    let actor = visitor.user.name.as_str();
    let unlocking = console.state.unlocker.unlock(QuarantineId(id), password, actor).await?;
    show(&console, &visitor, id, Some(&unlocking)).await
}

async fn show(console: &Console, visitor: &Visitor, id: i64, unlocking: Option<&Unlocking>) -> Result<Response, Fault> {
    let t = visitor.texts();
    let row = console.state.store.quarantine_item(QuarantineId(id)).await?.ok_or(Fault::NotFound)?;
    let offset = console.state.site.offset_minutes;
    let facts = [
        (t.column_name, name(&row, t)),
        (t.result_type, shown::visible(&row.detected_type)),
        (t.column_size, shown::bytes(row.bytes)),
        (t.column_state, state_word(row.state, t).to_owned()),
        (t.column_sender, row.sender.as_deref().map(shown::visible).unwrap_or_default()),
        (t.column_subject, row.subject.as_deref().map(shown::visible).unwrap_or_default()),
        (t.column_receipt, row.receipt.to_string()),
        (t.quarantine_since, moment::local(row.created, offset)),
        (t.quarantine_expires, moment::local(row.expires, offset)),
    ];
    let template = ItemPage {
        page: visitor.page(&console.people, t.quarantine_item, Permission::Quarantine),
        reason: reason(&row, visitor.language),
        look: (row.state != QuarantineState::Purged
            && view::may_have_pages(&row.detected_type)
            && visitor.may(Permission::Originals).is_ok())
        .then(|| format!("/quarantine/{id}/pages/1")),
        message: format!("/messages/{}", row.message.0),
        news: unlocking.map(|unlocking| News::of(unlocking, visitor.language, t)),
        unlock: (row.locked && row.state == QuarantineState::Held && visitor.may(Permission::Unlock).is_ok())
            .then(|| UnlockForm { action: format!("/quarantine/{id}/unlock"), form_token: visitor.form_token() }),
        ask: (row.state != QuarantineState::Purged && visitor.may(Permission::Decide).is_ok()).then(|| AskForm {
            action: format!("/quarantine/{id}/request"),
            needs: needs(t),
            form_token: visitor.form_token(),
            longest: MOST_CHARACTERS,
        }),
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
    created: String,
    href: String,
    name: String,
    reason: String,
    sender: String,
    subject: String,
    size: String,
    state: &'static str,
    receipt: String,
}

impl Row {
    fn of(row: &QuarantineRow, offset: i32, language: Language, t: &Texts) -> Self {
        Self {
            created: moment::local(row.created, offset),
            href: format!("/quarantine/{}", row.id.0),
            name: name(row, t),
            reason: reason(row, language),
            sender: row.sender.as_deref().map(shown::visible).unwrap_or_default(),
            subject: row.subject.as_deref().map(shown::visible).unwrap_or_default(),
            size: shown::bytes(row.bytes),
            state: state_word(row.state, t),
            receipt: row.receipt.to_string(),
        }
    }
}

#[derive(Debug, Template)]
#[template(path = "quarantine.html")]
struct ListPage {
    page: Page,
    query: String,
    states: Vec<Choice>,
    rows: Vec<Row>,
    older: Option<String>,
    newest: Option<String>,
}

#[derive(Debug, Template)]
#[template(path = "quarantine_item.html")]
struct ItemPage {
    page: Page,
    reason: String,
    look: Option<String>,
    facts: Vec<Fact>,
    message: String,
    news: Option<News>,
    unlock: Option<UnlockForm>,
    ask: Option<AskForm>,
}

/// Asking for the original, which others decide on.
#[derive(Debug)]
struct AskForm {
    action: String,
    needs: Vec<(&'static str, &'static str)>,
    form_token: String,
    longest: usize,
}

#[derive(Debug)]
struct UnlockForm {
    action: String,
    form_token: String,
}

//! What other systems are told of, and what became of each event.

use askama::Template;
use axum::{
    Form,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use store::{HookDelivery, HookDeliveryId, HookState};

use super::Console;
use crate::{
    fault::Fault,
    moment,
    page::{Mark, Page, render},
    people::Visitor,
    role::Permission,
    shown,
    texts::Texts,
};

/// Which events to list.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    before: Option<i64>,
}

/// The form that tells an event again.
#[derive(Debug, Deserialize)]
pub(crate) struct Again {
    #[serde(default)]
    form_token: String,
    id: i64,
}

/// `GET /webhooks`
pub(crate) async fn list(State(console): State<Console>, visitor: Visitor) -> Result<Response, Fault> {
    let offset = console.state.site.offset_minutes;
    let mut hooks = Vec::new();
    for hook in console.state.hooks.iter() {
        let figures = console.state.store.hook_figures(&hook.name).await?;
        hooks.push(Line {
            href: format!("/webhooks/{}", hook.name),
            name: hook.name.clone(),
            target: shown::visible(hook.target.host()),
            events: hook.events.iter().map(|event| event.name()).collect::<Vec<_>>().join(" "),
            waiting: figures.waiting,
            last: figures.last_taken.map(|last| moment::local(last, offset)).unwrap_or_default(),
        });
    }
    let page = visitor.page(&console.people, visitor.texts().webhooks_title, Permission::Webhooks);
    Ok(render(StatusCode::OK, &ListPage { page, hooks }))
}

/// `GET /webhooks/{name}`
pub(crate) async fn detail(
    State(console): State<Console>,
    visitor: Visitor,
    Path(name): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Fault> {
    let t = visitor.texts();
    let hook = console.state.hooks.named(&name).ok_or(Fault::NotFound)?;
    let offset = console.state.site.offset_minutes;
    let found = console.state.store.hook_deliveries(&hook.name, wanted.before, 0).await?;
    let href = format!("/webhooks/{}", hook.name);
    let template = DetailPage {
        page: visitor.page(&console.people, t.webhooks_title, Permission::Webhooks),
        name: hook.name.clone(),
        rows: found.items.iter().map(|row| Row::of(row, offset, t)).collect(),
        older: found.next.map(|next| format!("{href}?before={next}")),
        newest: wanted.before.map(|_| href.clone()),
        href,
        form_token: visitor.form_token(),
    };
    Ok(render(StatusCode::OK, &template))
}

/// `POST /webhooks/{name}`
pub(crate) async fn again(
    State(console): State<Console>,
    visitor: Visitor,
    Path(name): Path<String>,
    Form(again): Form<Again>,
) -> Result<Response, Fault> {
    visitor.proved(&again.form_token)?;
    let hook = console.state.hooks.named(&name).ok_or(Fault::NotFound)?;
    console.state.store.hook_again(&hook.name, HookDeliveryId(again.id), &visitor.user.name).await?;
    Ok(Redirect::to(&format!("/webhooks/{}", hook.name)).into_response())
}

#[derive(Debug)]
struct Line {
    href: String,
    name: String,
    target: String,
    events: String,
    waiting: u64,
    last: String,
}

#[derive(Debug)]
struct Row {
    id: i64,
    event: String,
    created: String,
    state: Mark,
    tries: u32,
    answer: String,
    next: String,
}

impl Row {
    fn of(row: &HookDelivery, offset: i32, t: &Texts) -> Self {
        let status = row.status.map(|status| status.to_string());
        let answer: Vec<String> = status.into_iter().chain(row.note.as_deref().map(shown::visible)).collect();
        Self {
            id: row.id.0,
            event: shown::visible(&row.event),
            created: moment::local(row.created, offset),
            state: match row.state {
                HookState::Waiting if row.attempts > 0 => Mark::warn(t.webhook_waiting),
                HookState::Waiting => Mark::wait(t.webhook_waiting),
                HookState::Taken => Mark::ok(t.webhook_taken),
                HookState::GivenUp => Mark::stop(t.webhook_given_up),
            },
            tries: row.attempts,
            answer: answer.join(" "),
            next: match row.state {
                HookState::Waiting => moment::local(row.due, offset),
                HookState::Taken | HookState::GivenUp => String::new(),
            },
        }
    }
}

#[derive(Debug, Template)]
#[template(path = "webhooks.html")]
struct ListPage {
    page: Page,
    hooks: Vec<Line>,
}

#[derive(Debug, Template)]
#[template(path = "webhook.html")]
struct DetailPage {
    page: Page,
    name: String,
    href: String,
    rows: Vec<Row>,
    older: Option<String>,
    newest: Option<String>,
    form_token: String,
}

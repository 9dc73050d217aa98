//! Accounts by a list (人事異動): what it would change is shown first, and done at once or at a time to come.

use askama::Template;
use axum::{
    Form,
    body::Body,
    extract::{FromRequest, Request, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use engine::catalogue::Language;
use http_body_util::Limited;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use store::{ChangeCounts, ChangeSet, ChangeSetId, ChangeState, NewUser, Timestamp, UserChange, UserState, hex};
use tokio::time::timeout;

use super::{
    Console,
    roster::{self, Absent, Draft, Wrong},
    users,
};
use crate::{
    fault::Fault,
    moment,
    page::{Mark, Page, render},
    people::Visitor,
    role::{self, Permission},
    shown,
    texts::Texts,
};

/// The form: the list, when it takes effect, and how far the administrator is.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    list: String,
    absent: Option<String>,
    #[serde(default)]
    effective: String,
    /// The digest of the differences that were shown; empty: they are to be shown.
    #[serde(default)]
    seen: String,
    /// A list that is to be withdrawn.
    withdraw: Option<i64>,
}

/// `GET /users/import`
pub(crate) async fn form(State(console): State<Console>, visitor: Visitor) -> Result<Response, Fault> {
    show_form(&console, &visitor, StatusCode::OK, &Wanted::default(), &[], None).await
}

/// `POST /users/import`
pub(crate) async fn submit(
    State(console): State<Console>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, Fault> {
    let wanted = body(request).await?;
    visitor.proved(&wanted.form_token)?;
    let (store, actor, t) = (&console.state.store, visitor.user.name.as_str(), visitor.texts());
    if let Some(id) = wanted.withdraw {
        store.withdraw_changes(ChangeSetId(id), actor).await?;
        return Ok(Redirect::to("/users/import").into_response());
    }
    let refused = StatusCode::UNPROCESSABLE_ENTITY;
    let effective = match wanted.effective.trim() {
        "" => None,
        text => match moment::parse_local(text, console.state.site.offset_minutes) {
            Some(at) => Some(at),
            None => return show_form(&console, &visitor, refused, &wanted, &[], Some(t.import_time_bad)).await,
        },
    };
    let absent = if wanted.absent.is_some() { Absent::Stop } else { Absent::Stay };
    let all = store.users().await?;
    let drafts = match roster::read(&wanted.list).and_then(|rows| roster::differences(&rows, &all, absent, actor)) {
        Ok(drafts) => drafts,
        Err(wrong) => return show_form(&console, &visitor, refused, &wanted, &wrong, None).await,
    };
    if drafts.is_empty() {
        return show_form(&console, &visitor, StatusCode::OK, &wanted, &[], Some(t.import_nothing)).await;
    }
    let digest = digest(&drafts);
    if wanted.seen != digest {
        return Ok(preview(&console, &visitor, wanted, &drafts, digest, effective));
    }
    let (changes, given) = changes(&console, drafts).await?;
    let counts = match effective.filter(|at| *at > store.now()) {
        None => store.change_users(&changes, actor).await?,
        Some(at) => {
            store.plan_changes(&changes, at, actor).await?;
            ChangeCounts::of(&changes)
        }
    };
    let offset = console.state.site.offset_minutes;
    let template = DonePage {
        page: visitor.page(&console.people, t.import_title, Permission::Users),
        planned: effective.filter(|at| *at > store.now()).map(|at| moment::local(at, offset)),
        counts: counted(counts, visitor.language),
        given,
    };
    Ok(render(StatusCode::OK, &template))
}

/// The form's fields. The body is longer than other forms' and as bounded.
async fn body(request: Request) -> Result<Wanted, Fault> {
    let request = request.map(|body| Body::new(Limited::new(body, LIST_BYTES)));
    match timeout(READING, Form::<Wanted>::from_request(request, &())).await {
        Ok(Ok(Form(wanted))) => Ok(wanted),
        // The limit shows as a body that cannot be read.
        Ok(Err(rejection)) => match rejection.into_response().status() {
            StatusCode::UNPROCESSABLE_ENTITY => Err(Fault::BadRequest),
            _ => Err(Fault::TooLarge),
        },
        Err(_) => Err(Fault::Timeout),
    }
}

/// What is carried out must be what was shown: accounts may have changed in between.
fn digest(drafts: &[Draft]) -> String {
    hex(&Sha256::digest(format!("{drafts:?}")))
}

/// The changes, and the passwords of new accounts.
async fn changes(console: &Console, drafts: Vec<Draft>) -> Result<(Vec<UserChange>, Vec<Given>), Fault> {
    let (mut changes, mut given) = (Vec::new(), Vec::new());
    for draft in drafts {
        changes.push(match draft {
            Draft::Add { name, role, address } => {
                let (password, password_hash) = users::password(console).await?;
                given.push(Given { name: name.clone(), password });
                UserChange::Add { user: NewUser { name, password_hash, role }, address }
            }
            Draft::Set { name, role, address, state } => {
                let (role, address) = (role.map(|(_, to)| to), address.map(|(_, to)| to));
                UserChange::Set { name, role, address, state }
            }
        });
    }
    Ok((changes, given))
}

fn preview(
    console: &Console,
    visitor: &Visitor,
    wanted: Wanted,
    drafts: &[Draft],
    digest: String,
    effective: Option<Timestamp>,
) -> Response {
    let t = visitor.texts();
    let mut counts = ChangeCounts::default();
    for draft in drafts {
        let slot = match draft {
            Draft::Add { .. } => &mut counts.added,
            Draft::Set { state: Some(UserState::Disabled), .. } => &mut counts.stopped,
            Draft::Set { .. } => &mut counts.changed,
        };
        *slot = slot.saturating_add(1);
    }
    let template = PreviewPage {
        page: visitor.page(&console.people, t.import_title, Permission::Users),
        // Between the first look and the last button something else was changed.
        changed: !wanted.seen.is_empty(),
        counts: counted(counts, visitor.language),
        when: effective
            .map_or_else(|| t.import_at_once.to_owned(), |at| moment::local(at, console.state.site.offset_minutes)),
        rows: drafts.iter().map(|draft| Line::of(draft, t)).collect(),
        list: wanted.list,
        absent: wanted.absent.is_some(),
        effective: wanted.effective,
        digest,
        form_token: visitor.form_token(),
    };
    render(StatusCode::OK, &template)
}

async fn show_form(
    console: &Console,
    visitor: &Visitor,
    status: StatusCode,
    wanted: &Wanted,
    wrong: &[Wrong],
    problem: Option<&'static str>,
) -> Result<Response, Fault> {
    let t = visitor.texts();
    let offset = console.state.site.offset_minutes;
    let sets = console.state.store.change_sets().await?;
    let template = FormPage {
        page: visitor.page(&console.people, t.import_title, Permission::Users),
        problem,
        wrong: wrong.iter().take(SHOWN_FAULTS).map(|wrong| (wrong.line, wrong.why.text(t))).collect(),
        list: wanted.list.clone(),
        absent: wanted.absent.is_some(),
        effective: wanted.effective.clone(),
        sets: sets.iter().map(|set| SetLine::of(set, visitor.language, offset, t)).collect(),
        form_token: visitor.form_token(),
    };
    Ok(render(status, &template))
}

/// `追加 12 変更 30 停止 8`
fn counted(counts: ChangeCounts, language: Language) -> String {
    let ChangeCounts { added, changed, stopped, skipped } = counts;
    let mut text = match language {
        Language::Ja => format!("追加 {added} 変更 {changed} 停止 {stopped}"),
        Language::En => format!("{added} added, {changed} changed, {stopped} stopped"),
    };
    if skipped > 0 {
        text.push_str(&match language {
            Language::Ja => format!(" 見送り {skipped}"),
            Language::En => format!(", {skipped} skipped"),
        });
    }
    text
}

/// A difference as a line.
#[derive(Debug)]
struct Line {
    name: String,
    kind: Mark,
    what: String,
}

impl Line {
    fn of(draft: &Draft, t: &Texts) -> Self {
        let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        match draft {
            Draft::Add { name, role, address } => Self {
                name: name.clone(),
                kind: Mark::ok(t.import_added),
                what: format!("{} {}", role::name(*role, t), address.clone().unwrap_or_default()).trim().to_owned(),
            },
            Draft::Set { name, role, address, state } => {
                let mut what = Vec::new();
                if let Some((from, to)) = role {
                    what.push(format!("{} → {}", role::name(*from, t), role::name(*to, t)));
                }
                if let Some((from, to)) = address {
                    what.push(format!("{} → {}", or_dash(from), or_dash(to)));
                }
                if *state == Some(UserState::Active) {
                    what.push(t.user_active.to_owned());
                }
                let kind = match state {
                    Some(UserState::Disabled) => Mark::stop(t.user_disabled),
                    Some(UserState::Active) | None => Mark::warn(t.import_changed),
                };
                Self { name: name.clone(), kind, what: shown::visible(&what.join(", ")) }
            }
        }
    }
}

#[derive(Debug)]
struct SetLine {
    id: i64,
    actor: String,
    created: String,
    effective: String,
    counts: String,
    state: Mark,
    waits: bool,
}

impl SetLine {
    fn of(set: &ChangeSet, language: Language, offset: i32, t: &Texts) -> Self {
        Self {
            id: set.id.0,
            actor: set.actor.clone(),
            created: moment::local(set.created, offset),
            effective: moment::local(set.effective, offset),
            counts: counted(set.counts, language),
            state: match set.state {
                ChangeState::Planned => Mark::wait(t.import_planned),
                ChangeState::Done => Mark::ok(t.import_done),
                ChangeState::Withdrawn => Mark::stop(t.import_withdrawn),
            },
            waits: set.state == ChangeState::Planned,
        }
    }
}

/// A new account and the password that is shown once.
#[derive(Debug)]
struct Given {
    name: String,
    password: String,
}

#[derive(Debug, Template)]
#[template(path = "user_import.html")]
struct FormPage {
    page: Page,
    problem: Option<&'static str>,
    wrong: Vec<(usize, &'static str)>,
    list: String,
    absent: bool,
    effective: String,
    sets: Vec<SetLine>,
    form_token: String,
}

#[derive(Debug, Template)]
#[template(path = "user_import_preview.html")]
struct PreviewPage {
    page: Page,
    changed: bool,
    counts: String,
    when: String,
    rows: Vec<Line>,
    list: String,
    absent: bool,
    effective: String,
    digest: String,
    form_token: String,
}

#[derive(Debug, Template)]
#[template(path = "user_import_done.html")]
struct DonePage {
    page: Page,
    planned: Option<String>,
    counts: String,
    given: Vec<Given>,
}

/// Longest body: five thousand rows of Japanese, percent-encoded.
const LIST_BYTES: usize = 3 << 20;
/// Longest time for it to come.
const READING: std::time::Duration = std::time::Duration::from_secs(60);
/// Faults that are listed at once.
const SHOWN_FAULTS: usize = 50;

//! What belongs to the person who is signed in: the history, and what the links in notices lead to. A link alone never does
//! anything, and tells nobody else whether there is such a mail.

use askama::Template;
use axum::{
    Form,
    extract::{FromRef, Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use form::job::Password;
use serde::Deserialize;
use store::{MessageDetail, MessageRow, OriginKind, QuarantineId, QuarantineState};

use super::Portal;
use crate::{
    fault::Fault,
    moment,
    page::{Mark, Page, render},
    people::Visitor,
    requests::{Desk, ask},
    role::Permission,
    shown,
    texts::{self, Texts},
    unlock::News,
    view::{self, FileState},
};

/// `GET /history`
pub(crate) async fn history(State(portal): State<Portal>, visitor: Visitor) -> Result<Response, Fault> {
    let t = visitor.texts();
    let store = &portal.state.store;
    let offset = portal.state.site.offset_minutes;
    let mut batches = Vec::new();
    for row in store.batches_of(visitor.user.id, LISTED).await? {
        let Some(batch) = store.batch_states(&row.token).await? else { continue };
        let states: Vec<FileState> = batch.files.iter().map(FileState::of).collect();
        batches.push(Line {
            time: moment::local(row.created, offset),
            href: format!("/b/{}", row.token.as_str()),
            what: names(batch.files.iter().map(|file| file.name.as_str())),
            from: String::new(),
            state: worst(&states).unwrap_or(FileState::TakenBack).mark(t),
            until: moment::local(row.expires, offset),
        });
    }
    let mails = match &visitor.user.address {
        Some(address) => store.mails_to(address, LISTED).await?,
        None => Vec::new(),
    };
    let template = HistoryPage {
        page: visitor.page(&portal.people, t.nav_history, Permission::History),
        batches,
        has_address: visitor.user.address.is_some(),
        mails: mails.iter().map(|mail| Line::of_mail(mail, offset, t)).collect(),
    };
    Ok(render(StatusCode::OK, &template))
}

/// `GET /r/{receipt}`: what became of one's mail or upload.
pub(crate) async fn receipt(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(receipt): Path<String>,
) -> Result<Response, Fault> {
    let detail = own(&portal, &visitor, &receipt).await?;
    show_where_it_is(&portal, &visitor, &detail).await
}

/// `GET /p/{receipt}`: where the password of a locked attachment is typed.
pub(crate) async fn locked(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(receipt): Path<String>,
) -> Result<Response, Fault> {
    let detail = own(&portal, &visitor, &receipt).await?;
    show_where_it_is(&portal, &visitor, &detail).await
}

/// An upload has a page of its own, which also takes its password.
async fn show_where_it_is(portal: &Portal, visitor: &Visitor, detail: &MessageDetail) -> Result<Response, Fault> {
    if detail.row.origin == OriginKind::Upload {
        let token = portal.state.store.batch_of(detail.row.id).await?.ok_or(Fault::NotFound)?;
        return Ok(Redirect::to(&format!("/b/{}", token.as_str())).into_response());
    }
    show(portal, visitor, detail).await
}

/// The form of a password.
#[derive(Deserialize)]
pub(crate) struct Typed {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    item: i64,
    #[serde(default)]
    password: String,
}

/// `POST /p/{receipt}`: what came of it is told on the page that `GET` gives, which can be loaded again.
pub(crate) async fn unlock(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(receipt): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Redirect, Fault> {
    visitor.proved(&typed.form_token)?;
    let detail = own(&portal, &visitor, &receipt).await?;
    // Whose mail it is says which originals may be tried, whatever number the form names.
    let item = detail.quarantine.iter().find(|row| row.id == QuarantineId(typed.item)).ok_or(Fault::NotFound)?;
    let password = Password::new(&typed.password).filter(|_| !typed.password.is_empty()).ok_or(Fault::BadRequest)?;
    let unlocking = crate::unlock::unlock(&portal.state.unlocker, item.id, password, &visitor.user.name, None).await?;
    let place = place(&detail);
    let back = Redirect::to(&format!("{place}#unlock-news"));
    portal.untold.keep(visitor.form_token(), place, unlocking);
    Ok(back)
}

/// Where the passwords of a mail are typed.
fn place(detail: &MessageDetail) -> String {
    format!("/p/{}", detail.row.receipt)
}

/// The message of a receipt, if it is the visitor's. Anything else is not there.
async fn own(portal: &Portal, visitor: &Visitor, receipt: &str) -> Result<MessageDetail, Fault> {
    ask::own(&Desk::from_ref(portal), visitor, receipt).await
}

async fn show(portal: &Portal, visitor: &Visitor, detail: &MessageDetail) -> Result<Response, Fault> {
    let t = visitor.texts();
    let row = &detail.row;
    let offset = portal.state.site.offset_minutes;
    let unlocking = portal.untold.take(&visitor.form_token(), &place(detail));
    let tries = portal.state.unlocker.tries();
    let template = MailPage {
        page: visitor.page(&portal.people, t.mail_title, Permission::History),
        receipt: row.receipt.to_string(),
        received: moment::local(row.received, offset),
        sender: row.sender.as_deref().map(shown::visible).unwrap_or_default(),
        subject: row.subject.as_deref().map(shown::visible).unwrap_or_default(),
        state: view::message_mark(row, t),
        news: unlocking.map(|unlocking| News::of(&unlocking, visitor.language, t)),
        parts: detail
            .parts
            .iter()
            .filter(|part| !part.path.is_empty())
            .map(|part| Part {
                name: shown::visible(part.output_name.as_deref().unwrap_or(&part.name)),
                state: view::part_mark(part, t),
                refusal: view::refusal(part, visitor.language),
                findings: view::findings(&part.findings, visitor.language),
                request: ask::href(&row.receipt, &part.path),
            })
            .collect(),
        locked: detail
            .quarantine
            .iter()
            .filter(|row| row.locked && row.state == QuarantineState::Held)
            .map(|row| Locked {
                item: row.id.0,
                name: shown::visible(&row.name),
                hint: match tries.saturating_sub(row.tried) {
                    0 => Err(t.unlock_exhausted),
                    left => Ok(texts::tries_left(visitor.language, left, &moment::local(row.expires, offset))),
                },
            })
            .collect(),
        form_token: visitor.form_token(),
    };
    Ok(render(StatusCode::OK, &template))
}

/// The state of a batch in one word: what still needs attention goes before what is well.
fn worst(states: &[FileState]) -> Option<FileState> {
    let rank = |state: &FileState| match state {
        FileState::Failed => 8,
        FileState::Withheld => 7,
        FileState::Partly => 6,
        FileState::Retrying => 5,
        FileState::Working => 4,
        FileState::Queued => 3,
        FileState::Changed => 2,
        FileState::Done => 1,
        FileState::TakenBack => 0,
    };
    let pending = states.iter().filter(|state| !state.finished()).max_by_key(|state| rank(state));
    pending.or_else(|| states.iter().max_by_key(|state| rank(state))).copied()
}

fn names<'a>(mut names: impl Iterator<Item = &'a str>) -> String {
    let first = names.next().map(shown::visible).unwrap_or_default();
    match names.count() {
        0 => first,
        more => format!("{first} (+{more})"),
    }
}

#[derive(Debug)]
struct Line {
    time: String,
    href: String,
    what: String,
    from: String,
    state: Mark,
    until: String,
}

impl Line {
    fn of_mail(mail: &MessageRow, offset: i32, t: &Texts) -> Self {
        let subject = mail.subject.as_deref().map(shown::visible).filter(|subject| !subject.is_empty());
        Self {
            time: moment::local(mail.received, offset),
            href: format!("/r/{}", mail.receipt),
            what: subject.unwrap_or_else(|| t.no_subject.to_owned()),
            from: mail.sender.as_deref().map_or_else(|| t.null_sender.to_owned(), shown::visible),
            state: view::message_mark(mail, t),
            until: String::new(),
        }
    }
}

#[derive(Debug, Template)]
#[template(path = "history.html")]
struct HistoryPage {
    page: Page,
    batches: Vec<Line>,
    has_address: bool,
    mails: Vec<Line>,
}

#[derive(Debug)]
struct Part {
    name: String,
    state: Mark,
    refusal: Option<String>,
    findings: Vec<String>,
    /// Where its original is asked for.
    request: String,
}

#[derive(Debug)]
struct Locked {
    item: i64,
    name: String,
    /// Tries left, and until when; the words instead of a field when none is left.
    hint: Result<String, &'static str>,
}

#[derive(Debug, Template)]
#[template(path = "mail.html")]
struct MailPage {
    page: Page,
    receipt: String,
    received: String,
    sender: String,
    subject: String,
    state: Mark,
    news: Option<News>,
    parts: Vec<Part>,
    locked: Vec<Locked>,
    form_token: String,
}

/// Rows of each list.
const LISTED: u32 = 50;

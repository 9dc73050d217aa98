//! What belongs to the person who is signed in: the history, and what the links in notices lead to. A link alone never does
//! anything, and tells nobody else whether there is such a mail.

use std::time::Duration;

use askama::Template;
use axum::{
    Form,
    extract::{FromRef, Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use form::job::Password;
use serde::Deserialize;
use store::{
    HistoryFilter, HistoryPage, MessageDetail, MessageRow, OriginKind, QuarantineId, QuarantineState, Receipt, SentFile,
};

use super::Portal;
use crate::{
    fault::Fault,
    moment,
    page::{Mark, Page, render},
    pager::list_address,
    people::Visitor,
    requests::{Desk, Label, ask},
    role::Permission,
    shown,
    texts::{self, Texts},
    unlock::News,
    view::{self, FileState},
};

/// What to look for in one's history.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    q: String,
    /// Days, the last of them included.
    #[serde(default)]
    since: String,
    #[serde(default)]
    until: String,
    /// Behind which row each of the lists goes on.
    #[serde(default)]
    sent: String,
    #[serde(default)]
    received: String,
}

impl Wanted {
    /// The rows behind `after` that are looked for.
    fn filter(&self, after: &str, offset: i32) -> Result<HistoryFilter, Fault> {
        let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let day = |text: &str| some(text).map(|day| moment::day(&day, offset).ok_or(Fault::BadRequest)).transpose();
        Ok(HistoryFilter {
            text: some(&self.q).map(|text| text.chars().take(QUERY_CHARACTERS).collect()),
            since: day(&self.since)?,
            until: day(&self.until)?.map(|day| day.plus(A_DAY)),
            after: some(after).map(|receipt| Receipt::parse(&receipt).ok_or(Fault::BadRequest)).transpose()?,
            limit: 0,
        })
    }

    fn is_search(&self) -> bool {
        [&self.q, &self.since, &self.until].into_iter().any(|field| !field.trim().is_empty())
    }

    /// The way on in both lists, each of which leaves the other where it is.
    fn ways(&self, sent: Option<&Receipt>, received: Option<&Receipt>) -> [Ways; 2] {
        let search = [("q", self.q.as_str()), ("since", self.since.as_str()), ("until", self.until.as_str())];
        let ways = |name: &str, here: &str, next: Option<&Receipt>, other: (&str, &str)| {
            let keep = list_address("/history", &[search.as_slice(), &[other]].concat());
            Ways {
                older: next.map(|next| format!("{keep}{name}={next}#{name}")),
                newest: (!here.is_empty()).then(|| format!("{keep}#{name}")),
            }
        };
        [
            ways("sent", &self.sent, sent, ("received", &self.received)),
            ways("received", &self.received, received, ("sent", &self.sent)),
        ]
    }
}

/// `GET /history`
pub(crate) async fn history(
    State(portal): State<Portal>,
    visitor: Visitor,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Fault> {
    let t = visitor.texts();
    let store = &portal.state.store;
    let offset = portal.state.site.offset_minutes;
    let found = store.sent_by(visitor.user.id, &wanted.filter(&wanted.sent, offset)?).await?;
    let mut sent = Vec::with_capacity(found.items.len());
    for row in &found.items {
        sent.push(SentLine {
            request: Label::find(store, row.request, t).await?,
            ..SentLine::of(row, &portal, &visitor)
        });
    }
    let filter = wanted.filter(&wanted.received, offset)?;
    let mails = match &visitor.user.address {
        Some(address) => store.mails_to(address, visitor.user.id, &filter).await?,
        None => HistoryPage { items: Vec::new(), next: None },
    };
    let mut received = Vec::with_capacity(mails.items.len());
    for row in &mails.items {
        let request = Label::find(store, row.request, t).await?;
        received.push(MailLine { request, ..MailLine::of(&row.mail, offset, t) });
    }
    let [more_sent, more_received] = wanted.ways(found.next.as_ref(), mails.next.as_ref());
    let template = HistoryView {
        page: visitor.page(&portal.people, t.nav_history, Permission::History),
        searched: wanted.is_search(),
        sent,
        more_sent,
        has_address: visitor.user.address.is_some(),
        received,
        more_received,
        wanted,
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

/// The ways on in a list.
#[derive(Debug)]
struct Ways {
    older: Option<String>,
    newest: Option<String>,
}

#[derive(Debug)]
struct SentLine {
    time: String,
    href: String,
    name: String,
    subject: Option<String>,
    receipt: String,
    state: Mark,
    until: String,
    /// How long that still is.
    left: String,
    /// What was asked for of it last.
    request: Option<Label>,
}

impl SentLine {
    fn of(row: &SentFile, portal: &Portal, visitor: &Visitor) -> Self {
        let SentFile { batch, file, .. } = row;
        let offset = portal.state.site.offset_minutes;
        let left = batch.expires.since(portal.state.store.now());
        Self {
            time: moment::local(file.received, offset),
            href: format!("/b/{}", batch.token.as_str()),
            name: shown::visible(&file.name),
            subject: file.subject.as_deref().map(shown::visible),
            receipt: file.receipt.to_string(),
            state: FileState::of(file).mark(visitor.texts()),
            until: moment::local(batch.expires, offset),
            left: texts::left(visitor.language, left.as_secs()),
            request: None,
        }
    }
}

#[derive(Debug)]
struct MailLine {
    time: String,
    href: String,
    what: String,
    from: String,
    receipt: String,
    state: Mark,
    /// What was asked for of it last.
    request: Option<Label>,
}

impl MailLine {
    fn of(mail: &MessageRow, offset: i32, t: &Texts) -> Self {
        let subject = mail.subject.as_deref().map(shown::visible).filter(|subject| !subject.is_empty());
        Self {
            time: moment::local(mail.received, offset),
            href: format!("/r/{}", mail.receipt),
            what: subject.unwrap_or_else(|| t.no_subject.to_owned()),
            from: mail.sender.as_deref().map_or_else(|| t.null_sender.to_owned(), shown::visible),
            receipt: mail.receipt.to_string(),
            state: view::message_mark(mail, t),
            request: None,
        }
    }
}

#[derive(Debug, Template)]
#[template(path = "history.html")]
struct HistoryView {
    page: Page,
    wanted: Wanted,
    /// Whether anything is looked for.
    searched: bool,
    sent: Vec<SentLine>,
    more_sent: Ways,
    has_address: bool,
    received: Vec<MailLine>,
    more_received: Ways,
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

/// Characters of a search.
const QUERY_CHARACTERS: usize = 200;
const A_DAY: Duration = Duration::from_secs(86_400);

//! Everything known about one message. Metadata only.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use serde_json::Value;
use store::{AuditRow, DeliveryRow, DeliveryState, MessageDetail, MessageId, MessageRow, OriginKind, PartRow};

use super::Console;
use crate::{
    fault::Fault,
    moment,
    page::{Mark, Page, render},
    people::Visitor,
    role::Permission,
    shown,
    texts::Texts,
    view,
};

/// A choice in a filter.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) value: &'static str,
    pub(super) text: &'static str,
    pub(super) chosen: bool,
}

/// A line of the list.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) received: String,
    pub(super) href: String,
    pub(super) receipt: String,
    pub(super) kind: &'static str,
    pub(super) sender: String,
    pub(super) recipients: String,
    pub(super) subject: String,
    /// What the sender of an upload said of it, beside its name.
    pub(super) said: Option<String>,
    pub(super) state: Mark,
}

/// A name and a value.
#[derive(Debug)]
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) value: String,
}

/// `GET /messages/{id}`
pub(crate) async fn detail(
    State(console): State<Console>,
    visitor: Visitor,
    Path(id): Path<i64>,
) -> Result<Response, Fault> {
    let t = visitor.texts();
    let detail = console.state.store.message(MessageId(id)).await?.ok_or(Fault::NotFound)?;
    let offset = console.state.site.offset_minutes;
    let page = visitor.page(&console.people, t.detail_title, Permission::Tracking);
    let quarantine = detail
        .quarantine
        .iter()
        .map(|item| ItemLink {
            href: format!("/quarantine/{}", item.id.0),
            name: item_name(&item.name, &detail.row, t),
        })
        .collect();
    let template = DetailPage {
        receipt: detail.row.receipt.to_string(),
        state: view::message_mark(&detail.row, t),
        facts: facts(&detail, offset, t),
        findings: view::findings(&detail.findings, visitor.language),
        timeline: detail.timeline.iter().map(|row| Entry::of(row, &detail, offset, t)).collect(),
        parts: detail.parts.iter().map(|part| Part::of(&console, part, &detail, &visitor, t)).collect(),
        quarantine,
        deliveries: detail.deliveries.iter().map(|row| Delivery::of(row, offset, t)).collect(),
        account: detail.account.as_deref().unwrap_or_default().lines().map(shown::visible).collect(),
        page,
    };
    Ok(render(StatusCode::OK, &template))
}

/// Lines of the list; the dashboard shows the newest ones too.
pub(super) fn rows(items: &[MessageRow], console: &Console, t: &'static Texts) -> Vec<Row> {
    let offset = console.state.site.offset_minutes;
    items
        .iter()
        .map(|row| Row {
            received: moment::local(row.received, offset),
            href: format!("/messages/{}", row.id.0),
            receipt: row.receipt.to_string(),
            kind: kind(row.origin, t),
            sender: sender(row, t),
            recipients: recipients(&row.recipients),
            subject: subject(row, t),
            said: said(row),
            state: view::message_mark(row, t),
        })
        .collect()
}

fn kind(origin: OriginKind, t: &Texts) -> &'static str {
    match origin {
        OriginKind::Mail => t.kind_mail,
        OriginKind::Upload => t.kind_upload,
        OriginKind::Notice => t.kind_notice,
        OriginKind::Unlocked => t.kind_unlocked,
    }
}

fn sender(row: &MessageRow, t: &Texts) -> String {
    match (row.origin, &row.sender) {
        (_, Some(sender)) => shown::visible(sender),
        (OriginKind::Upload, None) => row.user.as_deref().map_or_else(String::new, shown::visible),
        (OriginKind::Mail | OriginKind::Notice | OriginKind::Unlocked, None) => t.null_sender.to_owned(),
    }
}

fn subject(row: &MessageRow, t: &Texts) -> String {
    let text = row.file_name.as_deref().or(row.subject.as_deref()).filter(|text| !text.is_empty());
    text.map_or_else(|| if row.verdict.is_some() { t.no_subject.to_owned() } else { String::new() }, shown::visible)
}

/// What the sender of an upload said of it; a mail's own subject stands in its place.
fn said(row: &MessageRow) -> Option<String> {
    row.file_name.as_ref()?;
    row.subject.as_deref().map(shown::visible)
}

fn recipients(all: &[String]) -> String {
    let shown: Vec<String> = all.iter().take(RECIPIENTS).map(|one| shown::visible(one)).collect();
    let more = all.len().saturating_sub(RECIPIENTS);
    if more == 0 { shown.join(", ") } else { format!("{} (+{more})", shown.join(", ")) }
}

fn facts(detail: &MessageDetail, offset: i32, t: &'static Texts) -> Vec<Fact> {
    let row = &detail.row;
    let mut facts = Vec::new();
    let mut add = |name, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            facts.push(Fact { name, value });
        }
    };
    let mail = row.origin == OriginKind::Mail;
    add(t.column_time, Some(moment::local(row.received, offset)));
    add(t.column_kind, Some(kind(row.origin, t).to_owned()));
    add(t.column_sender, mail.then(|| sender(row, t)));
    add(t.detail_header_from, row.header_from.as_deref().map(shown::visible));
    add(t.column_recipients, Some(recipients(&row.recipients)));
    add(t.column_subject, Some(subject(row, t)));
    add(t.subject_given, said(row));
    add(t.column_size, Some(shown::bytes(row.original_bytes)));
    add(t.detail_user, row.user.as_deref().map(shown::visible));
    add(t.detail_peer, row.peer.map(|peer| peer.to_string()));
    add(t.detail_helo, row.helo.as_deref().map(shown::visible));
    let tls = row.tls.as_deref().map_or_else(|| t.detail_tls_none.to_owned(), shown::visible);
    add(t.detail_tls, mail.then_some(tls));
    if let Some(job) = &detail.job {
        add(t.detail_attempt, Some(job.attempts.to_string()));
        add(t.detail_error, job.why.as_deref().map(shown::visible));
    }
    facts
}

#[derive(Debug)]
struct Entry {
    time: String,
    text: String,
    lines: Vec<String>,
}

impl Entry {
    fn of(row: &AuditRow, message: &MessageDetail, offset: i32, t: &Texts) -> Self {
        // An event without a sentence is shown by its stable name: nothing of the history is ever left out.
        let text = match super::audit::event_text(&row.event, t) {
            "" => &row.event,
            sentence => sentence,
        };
        let lines = match row.event.as_str() {
            "accepted" => arrival(&message.row, t),
            "completed" => message.parts.iter().take(TOLD).map(|part| converted(part, t)).collect(),
            "delivery" => deliveries(&row.detail, t),
            _ => vec![super::audit::detail(&row.detail, offset)],
        };
        let text = if row.actor == GATEWAY { text.to_owned() } else { format!("{text} ({})", row.actor) };
        Self {
            time: moment::local(row.at, offset),
            text: shown::visible(&text),
            lines: lines.iter().filter(|line| !line.is_empty()).map(|line| shown::visible(line)).collect(),
        }
    }
}

/// Where it came from: `203.0.113.5 (mx.example.jp) TLSv1.3`.
fn arrival(row: &MessageRow, t: &Texts) -> Vec<String> {
    let Some(peer) = row.peer else { return Vec::new() };
    let helo = row.helo.as_deref().map(|helo| format!(" ({helo})")).unwrap_or_default();
    let tls = row.tls.as_deref().map_or_else(|| format!("{}: {}", t.detail_tls, t.detail_tls_none), str::to_owned);
    vec![format!("{peer}{helo} {tls}")]
}

/// What became of a part, and how long it took: `見積書.xlsm: 完了 (1.2 s)`.
fn converted(part: &PartRow, t: &Texts) -> String {
    let name = if part.name.is_empty() { &part.path } else { &part.name };
    let tenths = part.millis.div_ceil(100);
    format!("{name}: {} ({}.{} s)", view::part_mark(part, t).word, tenths / 10, tenths % 10)
}

/// What the next hop answered, for whom.
fn deliveries(detail: &str, t: &Texts) -> Vec<String> {
    let detail: Value = serde_json::from_str(detail).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let line = |outcome: &Value| {
        let word = match outcome.get("outcome").and_then(Value::as_str) {
            Some("delivered") => t.delivery_delivered,
            Some("retry") => t.delivery_retry,
            Some("failed") => t.delivery_failed,
            _ => "",
        };
        let named: Vec<String> =
            outcome.get("recipients").and_then(Value::as_array).into_iter().flatten().map(text).collect();
        let count = outcome.get("recipient_count").and_then(Value::as_u64).unwrap_or(0);
        let more = count.saturating_sub(u64::try_from(named.len()).unwrap_or(0));
        let more = if more > 0 { format!(" (+{more})") } else { String::new() };
        let reply = outcome.get("reply").map(text).unwrap_or_default();
        format!("{word}: {}{more} - {reply}", named.join(", "))
    };
    detail.get("outcomes").and_then(Value::as_array).into_iter().flatten().map(line).collect()
}

#[derive(Debug)]
struct Part {
    path: String,
    name: String,
    /// Where its pages are shown.
    look: Option<String>,
    detected: String,
    sizes: String,
    state: Mark,
    refusal: Option<String>,
    findings: Vec<String>,
}

impl Part {
    fn of(console: &Console, part: &PartRow, detail: &MessageDetail, visitor: &Visitor, t: &Texts) -> Self {
        let sizes = match part.bytes_out {
            0 => shown::bytes(part.bytes_in),
            out => format!("{} → {}", shown::bytes(part.bytes_in), shown::bytes(out)),
        };
        Self {
            path: or_dash(&part.path),
            name: shown::visible(&part.name),
            look: super::pages::href(console, part, detail).filter(|_| visitor.may(Permission::Originals).is_ok()),
            detected: or_dash(&part.detected_type),
            sizes,
            state: view::part_mark(part, t),
            refusal: view::refusal(part, visitor.language),
            findings: view::findings(&part.findings, visitor.language)
                .into_iter()
                .chain(view::fidelity(part, visitor.language))
                .collect(),
        }
    }
}

#[derive(Debug)]
struct Delivery {
    address: String,
    state: Mark,
    time: String,
    attempts: u32,
    reply: String,
}

impl Delivery {
    fn of(row: &DeliveryRow, offset: i32, t: &Texts) -> Self {
        let state = match row.state {
            DeliveryState::Pending => Mark::wait(t.delivery_waiting),
            DeliveryState::Retry => Mark::warn(t.delivery_retry),
            DeliveryState::Delivered => Mark::ok(t.delivery_delivered),
            DeliveryState::Failed => Mark::stop(t.delivery_failed),
        };
        Self {
            address: shown::visible(&row.address),
            state,
            time: moment::local(row.finished.unwrap_or(row.due), offset),
            attempts: row.attempts,
            reply: row.reply.as_deref().map(shown::visible).unwrap_or_default(),
        }
    }
}

/// An empty cell in a table of results looks like a fault of the page.
fn or_dash(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { shown::visible(text) }
}

/// A whole message in quarantine has no file name of its own.
fn item_name(name: &str, row: &MessageRow, t: &Texts) -> String {
    if name.is_empty() { subject(row, t) } else { shown::visible(name) }
}

#[derive(Debug, Template)]
#[template(path = "message.html")]
struct DetailPage {
    page: Page,
    receipt: String,
    state: Mark,
    facts: Vec<Fact>,
    findings: Vec<String>,
    timeline: Vec<Entry>,
    parts: Vec<Part>,
    quarantine: Vec<ItemLink>,
    deliveries: Vec<Delivery>,
    account: Vec<String>,
}

#[derive(Debug)]
struct ItemLink {
    href: String,
    name: String,
}

/// Actor of what the gateway did by itself.
const GATEWAY: &str = "gateway";
/// Longest search text.
pub(super) const QUERY_CHARACTERS: usize = 200;
/// Parts told in the timeline; all of them stand in the table.
const TOLD: usize = 20;
/// Recipients shown in a list.
const RECIPIENTS: usize = 3;

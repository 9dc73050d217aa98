//! Tracking: what came in and what was refused at the door, searched by what a caller says on the phone. Metadata only.

use askama::Template;
use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;
use store::{MessageFilter, OriginKind, RefusalFilter, RefusalRow, Timestamp, Verdict};

use super::{
    Console,
    message::{Choice, QUERY_CHARACTERS, Row, rows},
};
use crate::{
    fault::Fault,
    metrics::verdict_name,
    moment,
    page::{Page, render},
    pager::list_address,
    people::Visitor,
    role::Permission,
    shown,
    texts::Texts,
    view,
};

/// What to look for.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    q: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    verdict: String,
    #[serde(default)]
    sender: String,
    #[serde(default)]
    recipient: String,
    #[serde(default)]
    subject: String,
    #[serde(default)]
    file: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    since: String,
    #[serde(default)]
    until: String,
    before: Option<i64>,
}

impl Wanted {
    /// Cuts what is longer than the fields allow.
    fn trimmed(mut self) -> Self {
        for text in
            [&mut self.q, &mut self.sender, &mut self.recipient, &mut self.subject, &mut self.file, &mut self.id]
        {
            *text = text.trim().chars().take(QUERY_CHARACTERS).collect();
        }
        self
    }

    /// What both lists can be searched by.
    fn common(&self) -> [(&'static str, &str); 5] {
        [
            ("q", &self.q),
            ("sender", &self.sender),
            ("recipient", &self.recipient),
            ("since", &self.since),
            ("until", &self.until),
        ]
    }

    fn of_messages(&self) -> Vec<(&'static str, &str)> {
        let own: [(&str, &str); 5] = [
            ("kind", &self.kind),
            ("verdict", &self.verdict),
            ("subject", &self.subject),
            ("file", &self.file),
            ("id", &self.id),
        ];
        self.common().into_iter().chain(own).collect()
    }
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

/// What a browser sends of a field of date and time, in the site's own zone: `2026-11-21T09:12`, or the date alone.
pub(super) fn field_time(text: &str, offset_minutes: i32) -> Result<Option<Timestamp>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    read_time(text, offset_minutes).map(Some).ok_or(Fault::BadRequest)
}

fn read_time(text: &str, offset_minutes: i32) -> Option<Timestamp> {
    let (date, time) = text.split_once('T').unwrap_or((text, "00:00"));
    let mut date = date.split('-').map(|part| part.parse::<u32>().ok());
    let date = (i64::from(date.next()??), date.next()??, date.next()??);
    let mut time = time.split(':').map(|part| part.parse::<u32>().ok());
    let (hour, minute) = (time.next()??, time.next()??);
    let second = time.next().unwrap_or(Some(0))?;
    Timestamp::from_civil(date, (hour, minute, second), offset_minutes)
}

/// `GET /messages`
pub(crate) async fn messages(
    State(console): State<Console>,
    visitor: Visitor,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Fault> {
    let t = visitor.texts();
    let wanted = wanted.trimmed();
    let offset = console.state.site.offset_minutes;
    let filter = MessageFilter {
        origin: ORIGINS.iter().find(|(name, _)| *name == wanted.kind).map(|(_, origin)| *origin),
        verdict: VERDICTS.into_iter().find(|verdict| verdict_name(*verdict) == wanted.verdict),
        since: field_time(&wanted.since, offset)?,
        until: field_time(&wanted.until, offset)?,
        text: some(&wanted.q),
        sender: some(&wanted.sender),
        recipient: some(&wanted.recipient),
        subject: some(&wanted.subject),
        file: some(&wanted.file),
        identifier: some(&wanted.id),
        before: wanted.before,
        limit: 0,
    };
    let found = console.state.store.messages(&filter).await?;
    let kinds = [
        ("", t.filter_all),
        ("mail", t.kind_mail),
        ("upload", t.kind_upload),
        ("notice", t.kind_notice),
        ("unlocked", t.kind_unlocked),
    ];
    let mut verdicts = vec![Choice { value: "", text: t.filter_all, chosen: filter.verdict.is_none() }];
    verdicts.extend(VERDICTS.into_iter().map(|verdict| Choice {
        value: verdict_name(verdict),
        text: view::verdict_mark(Some(verdict), t).word,
        chosen: filter.verdict == Some(verdict),
    }));
    let keep = list_address("/messages", &wanted.of_messages());
    let single = [&wanted.sender, &wanted.recipient, &wanted.subject, &wanted.file, &wanted.id];
    let detailed = single.into_iter().any(|text| !text.is_empty());
    let template = MessagesPage {
        page: visitor.page(&console.people, t.nav_messages, Permission::Tracking),
        kinds: kinds.into_iter().map(|(value, text)| Choice { value, text, chosen: value == wanted.kind }).collect(),
        verdicts,
        rows: rows(&found.items, &console, t),
        older: found.next.map(|next| format!("{keep}before={next}")),
        newest: wanted.before.map(|_| keep.clone()),
        refused: list_address("/refusals", &wanted.common()),
        detailed,
        wanted,
    };
    Ok(render(StatusCode::OK, &template))
}

/// `GET /refusals`
pub(crate) async fn refusals(
    State(console): State<Console>,
    visitor: Visitor,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Fault> {
    let t = visitor.texts();
    let wanted = wanted.trimmed();
    let offset = console.state.site.offset_minutes;
    let filter = RefusalFilter {
        text: some(&wanted.q),
        sender: some(&wanted.sender),
        recipient: some(&wanted.recipient),
        since: field_time(&wanted.since, offset)?,
        until: field_time(&wanted.until, offset)?,
        before: wanted.before,
        limit: 0,
    };
    let found = console.state.store.refusals(&filter).await?;
    let keep = list_address("/refusals", &wanted.common());
    let template = RefusalsPage {
        page: visitor.page(&console.people, t.refusals_title, Permission::Tracking),
        rows: found.items.iter().map(|row| Refusal::of(row, offset, t)).collect(),
        older: found.next.map(|next| format!("{keep}before={next}")),
        newest: wanted.before.map(|_| keep.clone()),
        accepted: list_address("/messages", &wanted.common()),
        wanted,
    };
    Ok(render(StatusCode::OK, &template))
}

#[derive(Debug)]
struct Refusal {
    time: String,
    peer: String,
    sender: String,
    recipient: String,
    reply: String,
    /// Whether the other end was told to come back.
    meaning: &'static str,
}

impl Refusal {
    fn of(row: &RefusalRow, offset: i32, t: &Texts) -> Self {
        let helo = row.helo.as_deref().map(|helo| format!(" ({})", shown::visible(helo))).unwrap_or_default();
        Self {
            time: moment::local(row.at, offset),
            peer: format!("{}{helo}", row.peer),
            sender: row.sender.as_deref().map(shown::visible).unwrap_or_default(),
            recipient: row.recipient.as_deref().map(shown::visible).unwrap_or_default(),
            reply: shown::visible(&row.text),
            meaning: if row.code < 500 { t.refusals_later } else { t.refusals_never },
        }
    }
}

#[derive(Debug, Template)]
#[template(path = "messages.html")]
struct MessagesPage {
    page: Page,
    wanted: Wanted,
    kinds: Vec<Choice>,
    verdicts: Vec<Choice>,
    rows: Vec<Row>,
    /// The same search among what was refused.
    refused: String,
    /// One of the single fields is filled in.
    detailed: bool,
    older: Option<String>,
    newest: Option<String>,
}

#[derive(Debug, Template)]
#[template(path = "refusals.html")]
struct RefusalsPage {
    page: Page,
    wanted: Wanted,
    rows: Vec<Refusal>,
    /// The same search among what was accepted.
    accepted: String,
    older: Option<String>,
    newest: Option<String>,
}

const ORIGINS: [(&str, OriginKind); 4] = [
    ("mail", OriginKind::Mail),
    ("upload", OriginKind::Upload),
    ("notice", OriginKind::Notice),
    ("unlocked", OriginKind::Unlocked),
];
const VERDICTS: [Verdict; 4] =
    [Verdict::Sanitised, Verdict::SanitisedWithWithheld, Verdict::NoticeOnly, Verdict::GivenUp];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_date_and_time_is_read_in_the_zone_of_the_site() {
        // TZ=Asia/Tokyo date -d '2026-11-21 09:12:03' +%s
        let at = |text| read_time(text, 540).map(|at| at.unix_millis() / 1000);
        assert_eq!(at("2026-11-21T09:12:03"), Some(1_795_219_923));
        assert_eq!(at("2026-11-21T09:12"), Some(1_795_219_920));
        assert_eq!(at("2026-11-21"), Some(1_795_186_800));
        for wrong in ["2026-11-31", "21.11.2026", "2026-11-21T25:00", "2026-11", "T", "-1-1-1", "2026-11-21T09"] {
            assert_eq!(at(wrong), None, "{wrong}");
        }
    }
}

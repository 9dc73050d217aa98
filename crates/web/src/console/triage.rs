//! Acting on items of the quarantine, one or many at once: holding, deleting, converting again, releasing what came of that; and lists
//! of them as files. Everything works without a script.

use askama::Template;
use axum::{
    Form,
    body::Body,
    extract::{Query, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use bytes::Bytes;
use futures_util::stream;
use serde::Deserialize;
use store::{
    AuditEntry, AuditEvent, MOST_ITEMS, QuarantineFilter, QuarantineId, QuarantineRow, RetryPolicy, Store, Triage,
    Untouched,
};

use super::{Console, quarantine};
use crate::{
    api::quarantine::Item,
    disposition,
    fault::Fault,
    page::{Page, render},
    people::Visitor,
    requests::said,
    role::Permission,
    shown,
    texts::Texts,
};

/// `POST /quarantine/act`: `item` may stand there many times, so the pairs are read as they come.
pub(crate) async fn act(
    State(console): State<Console>,
    visitor: Visitor,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, Fault> {
    let t = visitor.texts();
    let value = |name: &str| pairs.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    visitor.proved(value("form_token"))?;
    let what = parse(value("action"), value("policy")).ok_or(Fault::BadRequest)?;
    let items: Result<Vec<QuarantineId>, _> =
        pairs.iter().filter(|(key, _)| key == "item").map(|(_, value)| value.parse().map(QuarantineId)).collect();
    let items = items.map_err(|_| Fault::BadRequest)?;
    let mut template = DonePage {
        page: visitor.page(&console.people, t.triage_title, Permission::Quarantine),
        problem: None,
        done: 0,
        action: action_word(what, t),
        untouched: Vec::new(),
        back: back(value("back")),
    };
    let why = said(value("why"));
    template.problem = match (&why, items.len()) {
        (_, 0) => Some(t.triage_none),
        (_, many) if many > MOST_ITEMS => Some(t.triage_many),
        (None, _) => Some(t.triage_why_missing),
        (Some(_), _) => None,
    };
    let (Some(why), None) = (why, template.problem) else {
        return Ok(render(StatusCode::UNPROCESSABLE_ENTITY, &template));
    };
    let results = console.state.store.triage(&items, what, &visitor.user.name, &why).await?;
    for (item, result) in results {
        match result {
            Ok(()) => template.done = template.done.saturating_add(1),
            Err(untouched) => {
                let row = console.state.store.quarantine_item(item).await?;
                template.untouched.push(Left {
                    href: format!("/quarantine/{}", item.0),
                    name: row.map_or_else(|| item.0.to_string(), |row| quarantine::name(&row, t)),
                    why: untouched_word(untouched, t),
                });
            }
        }
    }
    let status = if template.done == 0 { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(render(status, &template))
}

/// The form that keeps or forgets a filter.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Keeping {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    query: String,
    forget: Option<String>,
}

/// `POST /quarantine/filters`
pub(crate) async fn filters(
    State(console): State<Console>,
    visitor: Visitor,
    Form(keeping): Form<Keeping>,
) -> Result<Response, Fault> {
    visitor.proved(&keeping.form_token)?;
    let (store, user) = (&console.state.store, visitor.user.id);
    if let Some(name) = &keeping.forget {
        store.forget_filter(user, name).await?;
        return Ok(Redirect::to("/quarantine").into_response());
    }
    let name: String = keeping.name.trim().chars().filter(|c| !c.is_control()).take(NAME_CHARACTERS).collect();
    let plain = keeping.query.len() <= QUERY_BYTES && keeping.query.bytes().all(|byte| byte.is_ascii_graphic());
    if name.is_empty() || !plain {
        return Err(Fault::BadRequest);
    }
    match store.save_filter(user, &name, &keeping.query).await {
        Ok(()) => Ok(Redirect::to(&format!("/quarantine?{}", keeping.query)).into_response()),
        Err(store::Error::Exists(_)) => {
            let t = visitor.texts();
            let page = visitor.page(&console.people, t.triage_title, Permission::Quarantine);
            let text = t.triage_filters_many.to_owned();
            Ok(crate::page::notice(StatusCode::UNPROCESSABLE_ENTITY, page, text, None))
        }
        Err(error) => Err(error.into()),
    }
}

/// How a list is written into a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    #[default]
    Csv,
    Json,
}

/// The `format` of an address.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Formatted {
    #[serde(default)]
    format: Format,
}

/// `GET /quarantine/export`: the list of a filter, newest first, at most [`MOST_ROWS`].
pub(crate) async fn export(
    State(console): State<Console>,
    visitor: Visitor,
    Query(wanted): Query<quarantine::Wanted>,
    Query(Formatted { format }): Query<Formatted>,
) -> Result<Response, Fault> {
    let store = console.state.store.clone();
    let filter = QuarantineFilter { limit: PAGE, ..wanted.filter(console.state.site.offset_minutes) };
    let entry = AuditEntry {
        actor: visitor.user.name.clone(),
        event: AuditEvent::QuarantineExported,
        message: None,
        detail: vec![("filter", wanted.query())],
    };
    store.audit_append(entry).await?;
    let (kind, name) = match format {
        Format::Csv => ("text/csv; charset=utf-8", "quarantine.csv"),
        Format::Json => ("application/x-ndjson", "quarantine.jsonl"),
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_DISPOSITION, disposition::attachment(name)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    let start = Export { store, filter: Some(filter), rows: 0, format, begun: false };
    Ok((headers, Body::from_stream(stream::try_unfold(start, Export::piece))).into_response())
}

/// A list on its way into a file.
struct Export {
    store: Store,
    /// Of the next page; `None` at the end.
    filter: Option<QuarantineFilter>,
    rows: usize,
    format: Format,
    begun: bool,
}

impl Export {
    async fn piece(mut self) -> Result<Option<(Bytes, Self)>, store::Error> {
        let Some(filter) = self.filter.take() else { return Ok(None) };
        let mut text = String::new();
        if !self.begun && self.format == Format::Csv {
            // The mark by which spreadsheets know UTF-8.
            text.push('\u{feff}');
            text.push_str(&line(&COLUMNS.map(str::to_owned)));
        }
        self.begun = true;
        let page = self.store.quarantine(&filter).await?;
        for row in &page.items {
            match self.format {
                Format::Csv => text.push_str(&line(&cells(row))),
                Format::Json => {
                    text.push_str(&serde_json::to_string(&Item::of(row)).unwrap_or_default());
                    text.push('\n');
                }
            }
        }
        self.rows = self.rows.saturating_add(page.items.len());
        self.filter =
            page.next.filter(|_| self.rows < MOST_ROWS).map(|next| QuarantineFilter { before: Some(next), ..filter });
        Ok(Some((text.into(), self)))
    }
}

fn cells(row: &QuarantineRow) -> [String; 11] {
    let item = Item::of(row);
    [
        item.id.to_string(),
        item.created,
        item.receipt,
        item.path,
        item.name,
        item.detected_type,
        item.reason.unwrap_or_default().to_owned(),
        item.bytes.to_string(),
        item.state.to_owned(),
        item.sender.unwrap_or_default(),
        item.subject.unwrap_or_default(),
    ]
}

/// A line of RFC 4180. A cell that a spreadsheet would take for a formula begins with an apostrophe (OWASP, CSV Injection).
fn line(cells: &[String; 11]) -> String {
    let cells: Vec<String> = cells
        .iter()
        .map(|cell| {
            let cell = shown::visible(cell);
            let active = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
            format!("\"{}{}\"", if active { "'" } else { "" }, cell.replace('"', "\"\""))
        })
        .collect();
    format!("{}\r\n", cells.join(","))
}

/// What a form asks for.
pub(crate) fn parse(action: &str, policy: &str) -> Option<Triage> {
    Some(match action {
        "hold" => Triage::Hold,
        "unhold" => Triage::Unhold,
        "delete" => Triage::Delete,
        "release" => Triage::Release,
        "retry" => Triage::Retry(match policy {
            "" | "same" => RetryPolicy::Same,
            "raster" => RetryPolicy::Raster,
            "pages" => RetryPolicy::Pages,
            "text" => RetryPolicy::Text,
            _ => return None,
        }),
        _ => return None,
    })
}

/// Why an item was left alone, as a stable name.
pub(crate) fn untouched_name(untouched: Untouched) -> &'static str {
    match untouched {
        Untouched::Unknown => "unknown",
        Untouched::Gone => "gone",
        Untouched::Released => "released_already",
        Untouched::Requested => "requested",
        Untouched::NothingToRelease => "nothing_to_release",
        Untouched::Locked => "locked",
        Untouched::PartOfUpload => "part_of_upload",
        Untouched::UnderWay => "under_way",
        Untouched::OnHold => "on_hold",
    }
}

fn untouched_word(untouched: Untouched, t: &Texts) -> &'static str {
    match untouched {
        Untouched::Unknown => t.untouched_unknown,
        Untouched::Gone => t.untouched_gone,
        Untouched::Released => t.untouched_released,
        Untouched::Requested => t.untouched_requested,
        Untouched::NothingToRelease => t.untouched_nothing,
        Untouched::Locked => t.untouched_locked,
        Untouched::PartOfUpload => t.untouched_part,
        Untouched::UnderWay => t.untouched_under_way,
        Untouched::OnHold => t.untouched_on_hold,
    }
}

fn action_word(what: Triage, t: &Texts) -> &'static str {
    match what {
        Triage::Hold => t.triage_hold,
        Triage::Unhold => t.triage_unhold,
        Triage::Delete => t.triage_delete,
        Triage::Retry(_) => t.triage_retry,
        Triage::Release => t.triage_release,
    }
}

/// A way to convert, in words.
pub(super) fn policy_word(policy: RetryPolicy, t: &Texts) -> &'static str {
    match policy {
        RetryPolicy::Same => t.triage_policy_same,
        RetryPolicy::Raster => t.triage_policy_raster,
        RetryPolicy::Pages => t.triage_policy_pages,
        RetryPolicy::Text => t.triage_policy_text,
    }
}

/// The ways to convert, for forms.
#[derive(Debug)]
pub(super) struct Policies(pub(super) [(&'static str, &'static str); 4]);

impl Policies {
    pub(super) fn of(t: &Texts) -> Self {
        Self([
            ("same", t.triage_policy_same),
            ("raster", t.triage_policy_raster),
            ("pages", t.triage_policy_pages),
            ("text", t.triage_policy_text),
        ])
    }
}

/// Where to go on: the list with its filter, or an item. Nothing else is followed.
fn back(given: &str) -> String {
    let item = given.strip_prefix("item ").and_then(|id| id.parse::<i64>().ok());
    match item {
        Some(id) => format!("/quarantine/{id}"),
        None if given.bytes().all(|byte| byte.is_ascii_graphic()) => format!("/quarantine?{given}"),
        None => "/quarantine".to_owned(),
    }
}

/// An item that was left alone.
#[derive(Debug)]
struct Left {
    href: String,
    name: String,
    why: &'static str,
}

#[derive(Debug, Template)]
#[template(path = "triage.html")]
struct DonePage {
    page: Page,
    problem: Option<&'static str>,
    action: &'static str,
    done: usize,
    untouched: Vec<Left>,
    back: String,
}

/// Names of the columns of a file.
const COLUMNS: [&str; 11] =
    ["id", "created", "receipt", "path", "name", "type", "reason", "bytes", "state", "sender", "subject"];
/// Rows read at a time.
const PAGE: u32 = 500;
/// Rows of one file.
const MOST_ROWS: usize = 100_000;
/// Characters of a filter's name.
const NAME_CHARACTERS: usize = 40;
/// Bytes of a filter.
const QUERY_BYTES: usize = 2_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_none_leaves_its_quotes() {
        let cells = ["=1+1", "a\"b", "+81", "@x", "-1", "", "", "", "", "", "plain"].map(str::to_owned);
        assert_eq!(
            line(&cells),
            "\"'=1+1\",\"a\"\"b\",\"'+81\",\"'@x\",\"'-1\",\"\",\"\",\"\",\"\",\"\",\"plain\"\r\n"
        );
    }

    #[test]
    fn one_is_led_back_to_the_quarantine_only() {
        for (given, expect) in [
            ("item 7", "/quarantine/7"),
            ("state=held&q=a", "/quarantine?state=held&q=a"),
            ("", "/quarantine?"),
            ("item //evil.example", "/quarantine"),
            ("\r\nLocation: x", "/quarantine"),
        ] {
            assert_eq!(back(given), expect);
        }
    }
}

//! The audit log as a file: rows as they are, with what it takes to check them against the log and against each other, signed by the site.

use std::fmt::Write;

use axum::{
    Form,
    body::{Body, Bytes},
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::{AuditEntry, AuditEvent, AuditFilter, AuditRow, Store};
use utoipa::ToSchema;

use super::{
    Console,
    audit::{Asked, Filtered},
};
use crate::{fault::Fault, moment, people::Visitor};

/// The form of [`export`]: the filter of the page, and the kind of file.
#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    format: String,
    #[serde(flatten)]
    asked: Asked,
}

/// What kind of file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[schema(as = AuditFormat)]
pub(crate) enum Format {
    /// One JSON object to a line.
    #[default]
    #[serde(rename = "jsonl")]
    JsonLines,
    #[serde(rename = "csv")]
    Csv,
}

impl Format {
    /// Its name, which is the ending of the file.
    fn name(self) -> &'static str {
        match self {
            Self::JsonLines => "jsonl",
            Self::Csv => "csv",
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::JsonLines => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8",
        }
    }
}

/// What the file begins with: which rows of which log it holds.
#[derive(Debug, Serialize)]
struct Proof<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    exported: String,
    by: &'a str,
    /// The first and last row of the range. Every row in between is in the file if it is complete.
    from_seq: i64,
    to_seq: i64,
    /// The hash that row `from_seq` follows; 64 zeros before the first row of the log.
    previous_hash: &'a str,
    /// The hash of row `to_seq`: the head of the chain when the file was made.
    head: &'a str,
    /// The key that the last line is signed with, as the system page shows it.
    public_key: &'a str,
    /// Whether no filter left rows out, so that the chain can be computed anew from the file alone.
    complete: bool,
    filter: &'a [(&'static str, String)],
}

/// A row in a file of JSON lines. `detail` is the text that the hash covers.
#[derive(Debug, Serialize)]
struct Line<'a> {
    seq: i64,
    at: i64,
    time: String,
    actor: &'a str,
    event: &'a str,
    message: Option<i64>,
    detail: &'a str,
    hash: &'a str,
}

/// `POST /audit/export`: what leaves the log is itself written into it.
pub(crate) async fn export(
    State(console): State<Console>,
    visitor: Visitor,
    Form(wanted): Form<Wanted>,
) -> Result<Response, Fault> {
    visitor.proved(&wanted.form_token)?;
    let formats = [Format::JsonLines, Format::Csv];
    let format = formats.into_iter().find(|format| format.name() == wanted.format).ok_or(Fault::BadRequest)?;
    let filtered = wanted.asked.filter(&console).await?;
    file(&console.state.store, &visitor.user.name, filtered, format).await
}

/// The file for somebody, and the row that says so.
pub(crate) async fn file(
    store: &Store,
    by: &str,
    Filtered { filter, named }: Filtered,
    format: Format,
) -> Result<Response, Fault> {
    let range = store.audit_range(&filter).await?;
    // A period leaves out what is before and after it; every other filter leaves gaps.
    let complete = named.iter().all(|(name, _)| matches!(*name, "since" | "until"));
    let key = store.audit_key().ok_or(Fault::Internal)?;
    let proof = Proof {
        kind: "proof",
        exported: moment::rfc3339(store.now()),
        by,
        from_seq: range.from,
        to_seq: range.to,
        previous_hash: &range.previous_hash,
        head: &range.head,
        public_key: &key,
        complete,
        filter: &named,
    };
    let mut begin = String::new();
    match format {
        Format::JsonLines => {
            begin.push_str(&serde_json::to_string(&proof).map_err(|_| Fault::Internal)?);
            begin.push('\n');
        }
        Format::Csv => {
            // The mark by which Excel knows UTF-8.
            begin.push('\u{feff}');
            let proof = serde_json::to_string(&proof).map_err(|_| Fault::Internal)?;
            let _ = write!(begin, "# {proof}\r\nseq,time,actor,event,message,detail,hash\r\n");
        }
    }
    let mut detail = named;
    detail.push(("format", format.name().to_owned()));
    detail.push(("from_seq", range.from.to_string()));
    detail.push(("to_seq", range.to.to_string()));
    detail.push(("head", range.head.clone()));
    detail.push(("public_key", key));
    let actor = by.to_owned();
    store.audit_append(AuditEntry { actor, event: AuditEvent::AuditExported, message: None, detail }).await?;

    let name = format!("attachment; filename=\"misogi-audit-{}-{}.{}\"", range.from, range.to, format.name());
    // Whatever their time says: a clock that was set back leaves no gap in a range.
    let filter = if complete { AuditFilter::default() } else { filter };
    let after = range.from.saturating_sub(1);
    let from = At { store: store.clone(), filter, after, to: range.to, format, digest: Sha256::new() };
    let body = Body::from_stream(stream::try_unfold(Some((Some(begin), from)), next));
    let headers = [(header::CONTENT_TYPE, format.media_type().to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, body).into_response())
}

/// How far the file is written.
struct At {
    store: Store,
    filter: AuditFilter,
    after: i64,
    to: i64,
    format: Format,
    /// Of everything so far.
    digest: Sha256,
}

/// What is still to be written; `None` after the signature.
type Rest = Option<(Option<String>, At)>;

/// The next piece of the file. A log of any length is read page by page.
async fn next(rest: Rest) -> Result<Option<(Bytes, Rest)>, store::Error> {
    let Some((begin, mut at)) = rest else { return Ok(None) };
    let mut text = begin.unwrap_or_default();
    if text.is_empty() {
        let rows = at.store.audit_after(&at.filter, at.after, at.to).await?;
        let Some(last) = rows.last() else { return Ok(Some((end(at)?, None))) };
        at.after = last.seq;
        text.reserve(rows.len().saturating_mul(256));
        for row in &rows {
            match at.format {
                Format::JsonLines => json_line(row, &mut text),
                Format::Csv => csv_line(row, &mut text),
            }
        }
    }
    at.digest.update(&text);
    Ok(Some((Bytes::from(text), Some((None, at)))))
}

/// The last line: the signature of the site.
fn end(at: At) -> Result<Bytes, store::Error> {
    let signature = at.store.audit_sign(at.digest.finalize().into())?;
    let text = serde_json::to_string(&signature).map_err(|_| store::Error::Invalid("a signature"))?;
    Ok(Bytes::from(match at.format {
        Format::JsonLines => format!("{text}\n"),
        Format::Csv => format!("# {text}\r\n"),
    }))
}

fn json_line(row: &AuditRow, into: &mut String) {
    let line = Line {
        seq: row.seq,
        at: row.at.unix_millis(),
        time: moment::rfc3339(row.at),
        actor: &row.actor,
        event: &row.event,
        message: row.message.map(|message| message.0),
        detail: &row.detail,
        hash: &row.hash,
    };
    // Numbers and texts: nothing that cannot be written.
    into.push_str(&serde_json::to_string(&line).unwrap_or_default());
    into.push('\n');
}

fn csv_line(row: &AuditRow, into: &mut String) {
    let message = row.message.map_or_else(String::new, |message| message.0.to_string());
    let fields = [
        row.seq.to_string(),
        moment::rfc3339(row.at),
        field(&row.actor),
        field(&row.event),
        message,
        field(&row.detail),
        row.hash.clone(),
    ];
    into.push_str(&fields.join(","));
    into.push_str("\r\n");
}

/// A field as RFC 4180 writes it; one that a spreadsheet would take for a formula gets an apostrophe.
fn field(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_one_field_and_never_a_formula() {
        for (text, expect) in [
            ("kanri01", "kanri01"),
            ("{\"a\":1,\"b\":2}", "\"{\"\"a\"\":1,\"\"b\"\":2}\""),
            ("=cmd|'/c calc'!A1", "'=cmd|'/c calc'!A1"),
            ("@a,b", "\"'@a,b\""),
            ("a\r\nb", "\"a\r\nb\""),
        ] {
            assert_eq!(field(text), expect);
        }
    }
}

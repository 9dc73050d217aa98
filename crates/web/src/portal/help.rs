//! Help for staff: what the portal does, takes and keeps, in its own words and with its own numbers.

use askama::Template;
use axum::{Extension, extract::State, http::StatusCode, response::Response};
use engine::catalogue::Language;

use super::Portal;
use crate::{
    page::{Mark, Page, render},
    people::{Here, PortalAccess, Visitor},
    shown,
    texts::{self, Texts, texts},
    view::FileState,
};

/// `GET /help`
pub(crate) async fn help(
    State(portal): State<Portal>,
    Extension(language): Extension<Language>,
    visitor: Option<Visitor>,
) -> Response {
    let t = texts(language);
    let limits = &portal.state.limits;
    let has_accounts = portal.people.access == PortalAccess::Accounts;
    let template = HelpPage {
        page: portal.page_at(visitor.as_ref(), language, t.nav_help, Here::Help),
        formats: formats(t),
        limits: [
            (t.help_limit_file, shown::bytes(limits.file_bytes)),
            (t.help_limit_total, shown::bytes(limits.total_bytes)),
            (t.help_limit_count, limits.files.to_string()),
        ],
        states: states(t),
        tries: texts::tries_at_most(language, portal.state.unlocker.tries()),
        originals: if has_accounts { t.help_originals_text } else { t.help_originals_none },
        kept: texts::kept_for(language, portal.state.keep),
        found: if has_accounts { t.help_expiry_history } else { t.help_expiry_link },
        told: portal.state.done_notice.filter(|_| has_accounts).map(|after| texts::told_with_address(language, after)),
    };
    render(StatusCode::OK, &template)
}

/// Types of one kind, and what they become.
#[derive(Debug)]
pub(crate) struct Formats {
    pub(crate) kind: &'static str,
    pub(crate) types: &'static str,
    pub(crate) becomes: &'static str,
}

/// Everything that can be rebuilt.
pub(crate) fn formats(t: &Texts) -> [Formats; 4] {
    [
        (t.formats_documents, t.formats_documents_list, t.formats_documents_becomes),
        (t.formats_pictures, t.formats_pictures_list, t.formats_pictures_becomes),
        (t.formats_mails, t.formats_mails_list, t.formats_mails_becomes),
        (t.formats_archives, t.formats_archives_list, t.formats_archives_becomes),
    ]
    .map(|(kind, types, becomes)| Formats { kind, types, becomes })
}

/// A state as it looks on the other pages, what it means and what to do then.
#[derive(Debug)]
struct StateRow {
    mark: Mark,
    meaning: &'static str,
    advice: &'static str,
}

fn states(t: &Texts) -> Vec<StateRow> {
    let of = |state: FileState| match state {
        FileState::Queued => (t.help_queued, t.help_wait),
        FileState::Working => (t.help_working, t.help_wait),
        FileState::Retrying => (t.help_retrying, t.help_wait),
        FileState::Done => (t.help_done, t.help_fetch),
        FileState::Changed => (t.help_changed, t.help_fetch_check),
        FileState::Partly => (t.help_partly, t.help_fetch_check),
        FileState::Withheld => (t.help_withheld, t.help_withheld_do),
        FileState::Failed => (t.help_failed, t.help_failed_do),
        FileState::TakenBack => (t.help_cancelled, t.help_cancelled_do),
    };
    let mut all: Vec<StateRow> = FileState::ALL
        .into_iter()
        .map(|state| {
            let (meaning, advice) = of(state);
            StateRow { mark: state.mark(t), meaning, advice }
        })
        .collect();
    let locked = StateRow { mark: Mark::warn(t.mail_locked), meaning: t.help_locked, advice: t.help_unlock };
    let at = all.iter().position(|state| state.mark.word == t.state_withheld).unwrap_or(all.len());
    all.insert(at, locked);
    all
}

#[derive(Debug, Template)]
#[template(path = "help.html")]
struct HelpPage {
    page: Page,
    formats: [Formats; 4],
    limits: [(&'static str, String); 3],
    states: Vec<StateRow>,
    tries: String,
    originals: &'static str,
    kept: String,
    found: &'static str,
    /// Whether a mail tells of what took long.
    told: Option<String>,
}

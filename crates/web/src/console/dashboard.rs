//! The first page of the console: counts, conditions, the newest messages.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use store::{Counts, MessageFilter};

use super::{
    Console,
    message::{self, Row},
};
use crate::{
    fault::Fault,
    health::Condition,
    page::{Mark, Page, render},
    people::Visitor,
    role::{self, Permission},
    shown,
    texts::{self, Texts},
};

/// `GET /`
pub(crate) async fn page(State(console): State<Console>, visitor: Visitor) -> Result<Response, Fault> {
    let t = visitor.texts();
    let store = &console.state.store;
    let counts = store.counts().await?;
    let found = console.state.readiness.checks(store).await;
    // Who may not see persons' mail sees no list of it here either.
    let may_track = role::allows(visitor.user.role, Permission::Tracking);
    let rows = if may_track {
        let filter = MessageFilter { limit: NEWEST, ..MessageFilter::default() };
        Some(message::rows(&store.messages(&filter).await?.items, &console, t))
    } else {
        None
    };
    let template = DashboardPage {
        page: visitor.page(&console.people, t.nav_dashboard, Permission::Dashboard),
        state: overall(&found, t),
        tiles: tiles(&counts, &console, &visitor),
        checks: found.into_iter().map(|(name, condition)| CheckRow::of(name, condition, t)).collect(),
        may_track,
        rows: rows.unwrap_or_default(),
    };
    Ok(render(StatusCode::OK, &template))
}

fn overall(checks: &[(&str, Condition)], t: &Texts) -> Mark {
    if checks.iter().any(|(_, condition)| matches!(condition, Condition::Refusing(_))) {
        Mark::stop(t.dashboard_refusing)
    } else if checks.iter().any(|(_, condition)| matches!(condition, Condition::Degraded(_))) {
        Mark::warn(t.dashboard_warning)
    } else {
        Mark::ok(t.dashboard_ok)
    }
}

fn tiles(counts: &Counts, console: &Console, visitor: &Visitor) -> Vec<Tile> {
    let t = visitor.texts();
    let role = visitor.user.role;
    let deliveries = counts.deliveries_pending.saturating_add(counts.deliveries_retrying);
    let oldest = counts.oldest.map(|oldest| console.state.store.now().since(oldest).as_secs());
    let oldest =
        oldest.map_or_else(|| t.dashboard_oldest_none.to_owned(), |seconds| texts::span(visitor.language, seconds));
    let link = |href, permission| role::allows(role, permission).then_some(href);
    let accepted = counts.accepted.saturating_add(counts.uploaded);
    [
        (counts.queued.to_string(), t.dashboard_waiting, None),
        (counts.running.to_string(), t.dashboard_working, None),
        (oldest, t.dashboard_oldest, None),
        (deliveries.to_string(), t.dashboard_deliveries, None),
        (
            counts.quarantined.to_string(),
            t.dashboard_quarantine,
            link("/quarantine?state=held", Permission::Quarantine),
        ),
        (accepted.to_string(), t.dashboard_messages, link("/messages", Permission::Tracking)),
    ]
    .into_iter()
    .map(|(figure, label, href)| Tile { figure, label, href })
    .collect()
}

#[derive(Debug)]
struct Tile {
    figure: String,
    label: &'static str,
    href: Option<&'static str>,
}

#[derive(Debug)]
struct CheckRow {
    name: String,
    state: Mark,
    /// The condition in plain words; empty for a part or condition without a sentence.
    meaning: &'static str,
    detail: String,
}

impl CheckRow {
    fn of(name: &str, condition: Condition, t: &Texts) -> Self {
        let meaning = meaning(name, &condition, t);
        let (state, detail) = match condition {
            Condition::Good => (Mark::ok(t.check_ok), String::new()),
            Condition::Off(detail) => (Mark::warn(t.check_off), detail),
            Condition::Degraded(detail) => (Mark::warn(t.check_warning), detail),
            Condition::Refusing(detail) => (Mark::stop(t.check_failed), detail),
        };
        Self { name: part_name(name, t).to_owned(), state, meaning, detail: shown::visible(&detail) }
    }
}

fn part_name<'a>(name: &'a str, t: &Texts) -> &'a str {
    match name {
        "store" => t.part_store,
        "rooms" => t.part_rooms,
        "scanner" => t.part_scanner,
        "delivery" => t.part_delivery,
        other => other,
    }
}

fn meaning(name: &str, condition: &Condition, t: &Texts) -> &'static str {
    match (name, condition) {
        (_, Condition::Good) => "",
        ("store", _) => t.meaning_store,
        ("rooms", _) => t.meaning_rooms,
        ("scanner", Condition::Off(_)) => t.meaning_scanner_off,
        ("scanner", _) => t.meaning_scanner,
        ("delivery", _) => t.meaning_delivery,
        _ => "",
    }
}

#[derive(Debug, Template)]
#[template(path = "dashboard.html")]
struct DashboardPage {
    page: Page,
    state: Mark,
    tiles: Vec<Tile>,
    checks: Vec<CheckRow>,
    may_track: bool,
    rows: Vec<Row>,
}

/// Messages shown.
const NEWEST: u32 = 10;

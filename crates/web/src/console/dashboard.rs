//! The first page of the console: what waits, what happened in the last day, what needs attention, the newest messages.

use std::time::Duration;

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use engine::catalogue;
use store::{Counts, Figures, MessageFilter, StepFigures};

use super::{
    Console,
    chart::{Bars, Lines},
    checks::{self, CheckRow, Emergency},
    message::{self, Row},
    tenants,
};
use crate::{
    fault::Fault,
    moment,
    page::{Mark, Page, render},
    people::Visitor,
    role::{self, Permission},
    shown,
    texts::{self, Texts},
    view,
};

/// `GET /`
pub(crate) async fn page(State(console): State<Console>, visitor: Visitor) -> Result<Response, Fault> {
    let t = visitor.texts();
    let store = &console.state.store;
    let (counts, figures) = (store.counts().await?, store.figures().await?);
    let disk = store.disk().await.ok();
    let checks = checks::all(&console, &figures, disk, &visitor).await;
    // Who may not see persons' mail sees no list of it here either.
    let may_track = role::allows(visitor.user.role, Permission::Tracking);
    let rows = if may_track {
        let filter = MessageFilter { limit: NEWEST, ..MessageFilter::default() };
        Some(message::rows(&store.messages(&filter).await?.items, &console, t))
    } else {
        None
    };
    let tenants = if role::allows(visitor.user.role, Permission::Tenants) && console.people.tells_of_tenants() {
        tenants::rows(&console, &visitor).await?
    } else {
        Vec::new()
    };
    let template = DashboardPage {
        page: visitor.page(&console.people, t.nav_dashboard, Permission::Dashboard),
        state: checks::overall(&checks, t),
        emergencies: checks::emergencies(&checks),
        tiles: tiles(&counts, store.open_requests().await?.0, &figures, &console, &visitor),
        flow: flow(&figures, console.state.site.offset_minutes, t),
        bars: breakdowns(figures, &visitor, t),
        checks,
        tenants,
        may_track,
        rows: rows.unwrap_or_default(),
    };
    Ok(render(StatusCode::OK, &template))
}

fn tiles(counts: &Counts, requests: u64, figures: &Figures, console: &Console, visitor: &Visitor) -> Vec<Tile> {
    let t = visitor.texts();
    let (role, language) = (visitor.user.role, visitor.language);
    let deliveries = counts.deliveries();
    let oldest = counts.oldest.map(|oldest| console.state.store.now().since(oldest).as_secs());
    let oldest = oldest.map_or_else(|| t.dashboard_oldest_none.to_owned(), |seconds| texts::span(language, seconds));
    let p95 = match figures.p95 {
        None => t.dashboard_p95_none.to_owned(),
        Some(Duration::MAX) => t.dashboard_p95_more.to_owned(),
        Some(time) => texts::within(language, time),
    };
    let tenths = figures.recently_finished.saturating_mul(10) / Figures::RECENT_MINUTES;
    let throughput = format!("{}.{}", tenths / 10, tenths % 10);
    let link = |href, permission| role::allows(role, permission).then_some(href);
    let accepted = counts.accepted.saturating_add(counts.uploaded);
    [
        (counts.queued.to_string(), t.dashboard_waiting, None),
        (counts.running.to_string(), t.dashboard_working, None),
        (oldest, t.dashboard_oldest, None),
        (throughput, t.dashboard_throughput, None),
        (p95, t.dashboard_p95, None),
        (deliveries.to_string(), t.dashboard_deliveries, None),
        (
            counts.quarantined.to_string(),
            t.dashboard_quarantine,
            link("/quarantine?state=held", Permission::Quarantine),
        ),
        (requests.to_string(), t.dashboard_requests, link("/approvals", Permission::Approvals)),
        (accepted.to_string(), t.dashboard_messages, link("/messages", Permission::Tracking)),
    ]
    .into_iter()
    .map(|(figure, label, href)| Tile { figure, label, href })
    .collect()
}

fn flow(figures: &Figures, offset: i32, t: &'static Texts) -> Lines {
    let mut at = figures.from;
    let mut times = Vec::with_capacity(figures.steps.len());
    for _ in &figures.steps {
        times.push(moment::clock(at, offset));
        at = at.plus(Figures::STEP);
    }
    let of = |part: fn(&StepFigures) -> u64| figures.steps.iter().map(part).collect();
    let series = [
        (t.dashboard_accepted, of(|step| step.accepted)),
        (t.dashboard_delivered, of(|step| step.delivered)),
        (t.dashboard_withheld, of(|step| step.withheld)),
    ];
    Lines::new("flow", [t.dashboard_flow, t.chart_table, t.column_time], &times, &series)
}

fn breakdowns(figures: Figures, visitor: &Visitor, t: &'static Texts) -> Vec<Bars> {
    let bars =
        |id, title, name, rows| Bars::new(id, [title, t.chart_table, name, t.dashboard_count, t.dashboard_none], rows);
    let counted = figures.verdicts.iter().any(|(_, count)| *count > 0);
    let verdicts = figures.verdicts.into_iter().filter(|_| counted);
    let verdicts = verdicts.map(|(verdict, count)| (view::verdict_mark(Some(verdict), t).word.to_owned(), count));
    let reasons = figures.reasons.into_iter();
    let reasons = reasons.map(|(reason, count)| (catalogue::reason_text(reason, visitor.language).to_owned(), count));
    let kinds = figures.kinds.into_iter().map(|(kind, count)| (shown::visible(&kind), count));
    vec![
        bars("verdicts", t.dashboard_verdicts, t.column_verdict, verdicts.collect()),
        bars("reasons", t.dashboard_reasons, t.column_reason, first(reasons.collect(), t)),
        bars("kinds", t.dashboard_kinds, t.column_type, first(kinds.collect(), t)),
    ]
}

/// The most frequent ones, and one row for the sum of all others.
fn first(mut rows: Vec<(String, u64)>, t: &Texts) -> Vec<(String, u64)> {
    let rest = rows.split_off(BARS.min(rows.len()));
    let others = rest.iter().fold(0u64, |sum, (_, count)| sum.saturating_add(*count));
    if others > 0 {
        rows.push((t.dashboard_rest.to_owned(), others));
    }
    rows
}

#[derive(Debug)]
struct Tile {
    figure: String,
    label: &'static str,
    href: Option<&'static str>,
}

#[derive(Debug, Template)]
#[template(path = "dashboard.html")]
struct DashboardPage {
    page: Page,
    state: Mark,
    emergencies: Vec<Emergency>,
    tiles: Vec<Tile>,
    flow: Lines,
    bars: Vec<Bars>,
    checks: Vec<CheckRow>,
    /// Where there are several, for whoever runs the gateway.
    tenants: Vec<tenants::Row>,
    may_track: bool,
    rows: Vec<Row>,
}

/// Messages shown.
const NEWEST: u32 = 10;
/// Bars of one chart.
const BARS: usize = 8;

//! The system page: what `misogi doctor` finds, rooms, certificates, the scanner, space, versions.

use askama::Template;
use axum::{
    Form,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use store::{AuditEntry, AuditEvent, Timestamp};

use super::{
    Console,
    checks::{self, CheckRow},
    examined::Row,
    message::Fact,
};
use crate::{
    Examined, Licensed,
    fault::Fault,
    moment,
    page::{Page, render},
    people::Visitor,
    role::Permission,
    shown, texts,
};

/// The last examination.
#[derive(Debug, Clone)]
pub(crate) struct Examination {
    at: Timestamp,
    found: Vec<Examined>,
}

/// `GET /system`
pub(crate) async fn page(State(console): State<Console>, visitor: Visitor) -> Result<Response, Fault> {
    let t = visitor.texts();
    let store = &console.state.store;
    let offset = console.state.site.offset_minutes;
    let (figures, disk) = (store.figures().await?, store.disk().await.ok());
    let seen = console.state.outlook.seen();
    let mut facts = vec![
        Fact { name: t.system_version, value: format!("Misogi {}", console.state.site.version) },
        Fact { name: t.part_rooms, value: seen.rooms.unwrap_or_default() },
        Fact { name: t.part_scanner, value: seen.scanner.as_deref().map(shown::visible).unwrap_or_default() },
    ];
    if let Some(disk) = disk {
        facts.push(Fact { name: t.system_database, value: shown::bytes(disk.database) });
        facts.push(Fact { name: t.system_files, value: shown::bytes(disk.files) });
    }
    facts.push(Fact { name: t.system_audit_key, value: store.audit_key().unwrap_or_default() });
    facts.retain(|fact| !fact.value.is_empty());
    let examination = console.examination.lock().await.clone();
    let template = SystemPage {
        page: visitor.page(&console.people, t.nav_system, Permission::System),
        facts,
        checks: checks::all(&console, &figures, disk, &visitor).await,
        examined: examination.as_ref().map(|examination| {
            let ago = texts::ago(visitor.language, store.now().since(examination.at).as_secs());
            format!("{} ({ago})", moment::local(examination.at, offset))
        }),
        found: examination
            .map(|examination| examination.found)
            .unwrap_or_default()
            .iter()
            .map(|one| Row::of(one, t))
            .collect(),
        form_token: visitor.form_token(),
    };
    Ok(render(StatusCode::OK, &template))
}

/// The form of [`examine`].
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    form_token: String,
}

/// `POST /system`: looks everything over now.
pub(crate) async fn examine(
    State(console): State<Console>,
    visitor: Visitor,
    Form(asked): Form<Asked>,
) -> Result<Response, Fault> {
    visitor.proved(&asked.form_token)?;
    // One at a time: it starts rooms and LibreOffice. Whoever comes meanwhile sees what the one before found.
    let Ok(mut last) = console.examination.try_lock() else { return Err(Fault::Busy) };
    let found = console.state.examiner.examine().await;
    *last = Some(Examination { at: console.state.store.now(), found });
    drop(last);
    let entry = AuditEntry {
        actor: visitor.user.name.clone(),
        event: AuditEvent::SystemExamined,
        message: None,
        detail: Vec::new(),
    };
    console.state.store.audit_append(entry).await?;
    Ok(Redirect::to("/system").into_response())
}

/// `GET /system/licences`
pub(crate) async fn licences(State(console): State<Console>, visitor: Visitor) -> Result<Response, Fault> {
    let t = visitor.texts();
    let page = visitor.page(&console.people, t.system_licences, Permission::System);
    Ok(render(StatusCode::OK, &LicencesPage { page, rows: crate::licences().collect() }))
}

#[derive(Debug, Template)]
#[template(path = "system.html")]
struct SystemPage {
    page: Page,
    facts: Vec<Fact>,
    checks: Vec<CheckRow>,
    examined: Option<String>,
    found: Vec<Row>,
    form_token: String,
}

#[derive(Debug, Template)]
#[template(path = "licences.html")]
struct LicencesPage {
    page: Page,
    rows: Vec<Licensed>,
}

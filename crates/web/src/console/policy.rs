//! The policy page: what is in force and where it comes from; a draft, what it would change and do to a message that is kept; publishing it
//! with a reason; going back to an earlier one.

use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use engine::catalogue;
use serde::Deserialize;
use store::{MessageDetail, PolicyVersion, Receipt};

use super::Console;
use crate::{
    Change, SettingOrigin, TriedPart,
    fault::Fault,
    moment,
    page::{Page, render},
    people::Visitor,
    role::Permission,
    shown,
    texts::Texts,
    view,
};

/// Which version a draft begins with.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Start {
    from: Option<i64>,
}

/// The forms of the page.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Filled {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    draft: String,
    /// The receipt of the message to try it on.
    #[serde(default)]
    receipt: String,
    #[serde(default)]
    why: String,
    /// The version that was in force when the draft was looked at.
    #[serde(default)]
    version: i64,
}

/// `GET /policy`
pub(crate) async fn page(
    State(console): State<Console>,
    visitor: Visitor,
    Query(wanted): Query<Start>,
) -> Result<Response, Fault> {
    let draft = match wanted.from {
        Some(version) => console.state.store.policy(version).await?.ok_or(Fault::NotFound)?.text,
        // What is in force is where every change begins.
        None => console.state.store.policies(1).await?.pop().map(|policy| policy.text).unwrap_or_default(),
    };
    show(&console, &visitor, StatusCode::OK, Filled { draft, ..Filled::default() }, Checked::default()).await
}

/// `POST /policy/draft`: what the draft would do. Nothing is changed.
pub(crate) async fn draft(
    State(console): State<Console>,
    visitor: Visitor,
    Form(filled): Form<Filled>,
) -> Result<Response, Fault> {
    visitor.proved(&filled.form_token)?;
    let checked = check(&console, &visitor, &filled).await?;
    let status = if checked.fault.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    show(&console, &visitor, status, filled, checked).await
}

/// `POST /policy/publish`
pub(crate) async fn publish(
    State(console): State<Console>,
    visitor: Visitor,
    Form(filled): Form<Filled>,
) -> Result<Response, Fault> {
    visitor.proved(&filled.form_token)?;
    let t = visitor.texts();
    let mut checked = check(&console, &visitor, &filled).await?;
    let why: String = filled.why.trim().chars().take(WHY_CHARACTERS).collect();
    if checked.fault.is_none() && why.is_empty() {
        checked.problem = Some(t.policy_why_missing);
    }
    if checked.fault.is_some() || checked.problem.is_some() {
        return show(&console, &visitor, StatusCode::UNPROCESSABLE_ENTITY, filled, checked).await;
    }
    let (store, actor) = (&console.state.store, &visitor.user.name);
    match store.publish_policy(filled.version, &filled.draft, actor, &why).await {
        Ok(version) => {
            if let Err(fault) = console.state.governor.enforce(version, &filled.draft) {
                // It was found usable a moment ago.
                tracing::error!(event = "policy_not_enforced", version, fault);
                return Err(Fault::Internal);
            }
            tracing::info!(event = "policy_published", version);
            Ok(Redirect::to("/policy").into_response())
        }
        Err(store::Error::Stale) => {
            checked.problem = Some(t.policy_stale);
            show(&console, &visitor, StatusCode::CONFLICT, filled, checked).await
        }
        Err(error) => Err(error.into()),
    }
}

/// What was found out about a draft.
#[derive(Debug, Default)]
struct Checked {
    /// In English, as the configuration tells it.
    fault: Option<String>,
    problem: Option<&'static str>,
    changes: Option<Vec<Change>>,
    trial: Option<Trial>,
}

/// A message as it is and as it would be.
#[derive(Debug)]
struct Trial {
    receipt: String,
    fault: Option<String>,
    rows: Vec<TrialRow>,
}

#[derive(Debug)]
struct TrialRow {
    name: String,
    before: Vec<String>,
    after: Vec<String>,
    differs: bool,
}

async fn check(console: &Console, visitor: &Visitor, filled: &Filled) -> Result<Checked, Fault> {
    let governor = &console.state.governor;
    let mut checked = Checked::default();
    match governor.compare(&filled.draft) {
        Err(fault) => checked.fault = Some(fault),
        Ok(changes) => checked.changes = Some(changes),
    }
    let receipt = filled.receipt.trim();
    if checked.fault.is_some() || receipt.is_empty() {
        return Ok(checked);
    }
    let t = visitor.texts();
    let message = match Receipt::parse(receipt) {
        Some(receipt) => console.state.store.message_by_receipt(&receipt).await?,
        None => None,
    };
    let Some(message) = message else {
        checked.problem = Some(t.policy_no_receipt);
        return Ok(checked);
    };
    let detail = console.state.store.message(message).await?.ok_or(Fault::NotFound)?;
    let mut trial = Trial { receipt: detail.row.receipt.to_string(), fault: None, rows: Vec::new() };
    match governor.try_on(&filled.draft, message).await {
        Err(fault) => trial.fault = Some(fault),
        Ok(parts) => trial.rows = rows(&detail, &parts, visitor),
    }
    checked.trial = Some(trial);
    Ok(checked)
}

/// Each part that either has, in the order of the message as it is.
fn rows(detail: &MessageDetail, tried: &[TriedPart], visitor: &Visitor) -> Vec<TrialRow> {
    let language = visitor.language;
    let t = visitor.texts();
    let of = |output: Option<&str>, refusal: Option<String>, mut findings: Vec<String>| {
        let first = refusal.or_else(|| output.map(|name| format!("→ {}", shown::visible(name))));
        findings.insert(0, first.unwrap_or_else(|| t.state_done.to_owned()));
        findings
    };
    let before = |path: &str| {
        let part = detail.parts.iter().find(|part| part.path == path)?;
        Some(of(part.output_name.as_deref(), view::refusal(part, language), view::findings(&part.findings, language)))
    };
    let after = |path: &str| {
        let part = tried.iter().find(|part| part.path == path)?;
        let refusal = part.refusal.as_ref().map(|refusal| catalogue::describe_refusal(refusal, language));
        Some(of(part.output_name.as_deref(), refusal, view::findings(&part.findings, language)))
    };
    let mut paths: Vec<(&str, &str)> =
        detail.parts.iter().map(|part| (part.path.as_str(), part.name.as_str())).collect();
    for part in tried {
        if !paths.iter().any(|(path, _)| *path == part.path) {
            paths.push((&part.path, &part.name));
        }
    }
    paths
        .into_iter()
        .map(|(path, name)| {
            let (before, after) = (before(path).unwrap_or_default(), after(path).unwrap_or_default());
            TrialRow { name: shown::visible(name), differs: before != after, before, after }
        })
        .collect()
}

async fn show(
    console: &Console,
    visitor: &Visitor,
    status: StatusCode,
    filled: Filled,
    checked: Checked,
) -> Result<Response, Fault> {
    let t = visitor.texts();
    let offset = console.state.site.offset_minutes;
    let governor = &console.state.governor;
    let mut sections: Vec<Section> = Vec::new();
    for setting in governor.settings() {
        let row = Row {
            key: setting.key,
            value: shown::visible(&setting.value),
            origin: match setting.origin {
                SettingOrigin::Default => t.policy_default,
                SettingOrigin::File => t.policy_file,
                SettingOrigin::Published => t.policy_published,
            },
            set: setting.origin != SettingOrigin::Default,
        };
        match sections.iter_mut().find(|section| section.key == setting.section) {
            Some(section) => section.rows.push(row),
            None => {
                let name = section_name(&setting.section, t);
                sections.push(Section { key: setting.section, name, rows: vec![row] });
            }
        }
    }
    let versions = console.state.store.policies(VERSIONS).await?;
    let version = governor.version();
    let template = PolicyPage {
        page: visitor.page(&console.people, t.nav_policy, Permission::Policy),
        may_change: visitor.may(Permission::PolicyChange).is_ok(),
        form_token: visitor.form_token(),
        versions: versions.iter().map(|policy| Version::of(policy, version, offset)).collect(),
        version,
        sections,
        filled,
        checked,
    };
    Ok(render(status, &template))
}

fn section_name(key: &str, t: &Texts) -> &'static str {
    match key {
        "site" => t.section_site,
        "smtp" => t.section_smtp,
        "delivery" => t.section_delivery,
        "portal" => t.portal,
        "admin" => t.console,
        "rooms" => t.part_rooms,
        "scanner" => t.part_scanner,
        "policy" => t.section_policy,
        "mail" => t.section_mail,
        "pages" => t.section_pages,
        "office" => t.section_office,
        "passwords" => t.section_passwords,
        "limits" => t.section_limits,
        "retention" => t.section_retention,
        "log" => t.section_log,
        _ => "",
    }
}

#[derive(Debug)]
struct Section {
    key: String,
    name: &'static str,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    key: String,
    value: String,
    origin: &'static str,
    /// Whether somebody set it.
    set: bool,
}

#[derive(Debug)]
struct Version {
    number: i64,
    time: String,
    actor: String,
    why: String,
    in_force: bool,
}

impl Version {
    fn of(policy: &PolicyVersion, in_force: i64, offset: i32) -> Self {
        Self {
            number: policy.version,
            time: moment::local(policy.at, offset),
            actor: shown::visible(&policy.actor),
            why: shown::visible(&policy.why),
            in_force: policy.version == in_force,
        }
    }
}

#[derive(Debug, Template)]
#[template(path = "policy.html")]
struct PolicyPage {
    page: Page,
    sections: Vec<Section>,
    versions: Vec<Version>,
    version: i64,
    may_change: bool,
    form_token: String,
    filled: Filled,
    checked: Checked,
}

/// Versions listed.
const VERSIONS: u32 = 20;
/// Longest reason.
const WHY_CHARACTERS: usize = 500;

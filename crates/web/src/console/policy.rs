//! The policy page: what is in force and where it comes from; a draft, what it would change, have done in the last days, and do to a message
//! that is kept or to a fresh file; publishing it with a reason; going back to an earlier one.

use askama::Template;
use axum::{
    Form,
    extract::{Query, Request, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use engine::catalogue;
use serde::Deserialize;
use store::{AuditEntry, AuditEvent, MessageDetail, PartRow, PolicyVersion, Receipt};

use super::{
    Console,
    trial::{self, Sent, SentFile},
};
use crate::{
    Change, Effect, SettingOrigin, SettingSection, TriedPart,
    fault::Fault,
    moment,
    page::{Page, render},
    people::Visitor,
    role::Permission,
    shown,
    texts::{self, Texts},
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

/// `POST /policy/try`: what the draft would do to a file that comes with it, and what is done to that now. Nothing of it is kept.
pub(crate) async fn try_file(
    State(console): State<Console>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, Fault> {
    let Sent { draft, file } = trial::read(&console.state.store, &visitor, request).await?;
    // Not before: a body that comes slowly keeps nobody from trying.
    let Ok(_place) = console.trial.try_lock() else { return Err(Fault::Busy) };
    let filled = Filled { draft, ..Filled::default() };
    let mut checked = check(&console, &visitor, &filled).await?;
    let t = visitor.texts();
    match file {
        SentFile::None => checked.problem = Some(t.policy_no_file),
        SentFile::TooLarge => checked.problem = Some(t.policy_file_large),
        SentFile::Whole(..) if checked.fault.is_some() => {}
        SentFile::Whole(name, source) => {
            let detail = vec![("bytes", source.len.to_string())];
            let actor = visitor.user.name.clone();
            console
                .state
                .store
                .audit_append(AuditEntry { actor, event: AuditEvent::PolicyTried, message: None, detail })
                .await?;
            let mut trial = Trial { of: shown::visible(name.as_str()), fault: None, rows: Vec::new() };
            match console.state.governor.try_file(&filled.draft, source, name).await {
                Err(fault) => trial.fault = Some(fault),
                Ok((now, drafted)) => trial.rows = rows(sides(&now, &visitor), sides(&drafted, &visitor)),
            }
            checked.trial = Some(trial);
        }
    }
    let is_bad = checked.fault.is_some() || checked.problem.is_some();
    let status = if is_bad { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
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
    record: Option<Record>,
    trial: Option<Trial>,
}

/// What the last days' record says of a draft.
#[derive(Debug)]
struct Record {
    /// In English, why it says nothing.
    fault: Option<String>,
    lead: String,
    rows: Vec<RecordRow>,
    unknown: String,
}

#[derive(Debug)]
struct RecordRow {
    key: String,
    effect: &'static str,
    messages: u64,
    /// Empty where the record does not say which parts.
    parts: String,
}

/// A message or file as it is and as it would be.
#[derive(Debug)]
struct Trial {
    /// The receipt, or the name of the file.
    of: String,
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
        Ok(changes) => {
            if !changes.is_empty() {
                checked.record = Some(record(console, visitor, &filled.draft).await);
            }
            checked.changes = Some(changes);
        }
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
    let mut trial = Trial { of: detail.row.receipt.to_string(), fault: None, rows: Vec::new() };
    match governor.try_on(&filled.draft, message).await {
        Err(fault) => trial.fault = Some(fault),
        Ok(parts) => trial.rows = rows(recorded_sides(&detail, visitor), sides(&parts, visitor)),
    }
    checked.trial = Some(trial);
    Ok(checked)
}

async fn record(console: &Console, visitor: &Visitor, draft: &str) -> Record {
    let t = visitor.texts();
    match console.state.governor.forecast(draft).await {
        Err(fault) => Record { fault: Some(fault), lead: String::new(), rows: Vec::new(), unknown: String::new() },
        Ok(forecast) => Record {
            fault: None,
            lead: texts::forecast(visitor.language, &forecast),
            rows: forecast
                .foreseen
                .into_iter()
                .map(|one| RecordRow {
                    key: one.key,
                    effect: match one.effect {
                        Effect::Withheld => t.effect_withheld,
                        Effect::SomeWithheld => t.effect_some_withheld,
                        Effect::Otherwise => t.effect_otherwise,
                        Effect::Tried => t.effect_tried,
                    },
                    messages: one.messages,
                    parts: if one.effect == Effect::SomeWithheld { String::new() } else { one.parts.to_string() },
                })
                .collect(),
            unknown: forecast.unknown.join(", "),
        },
    }
}

/// What became of a part, or would, in words.
struct Side {
    path: String,
    name: String,
    lines: Vec<String>,
}

fn side(
    t: &Texts,
    (path, name): (&str, &str),
    output: Option<&str>,
    refusal: Option<String>,
    mut lines: Vec<String>,
) -> Side {
    let first = refusal.or_else(|| output.map(|name| format!("→ {}", shown::visible(name))));
    lines.insert(0, first.unwrap_or_else(|| t.state_done.to_owned()));
    Side { path: path.to_owned(), name: name.to_owned(), lines }
}

fn recorded_sides(detail: &MessageDetail, visitor: &Visitor) -> Vec<Side> {
    let (t, language) = (visitor.texts(), visitor.language);
    let of = |part: &PartRow| {
        let findings = view::findings(&part.findings, language);
        side(t, (&part.path, &part.name), part.output_name.as_deref(), view::refusal(part, language), findings)
    };
    detail.parts.iter().map(of).collect()
}

fn sides(tried: &[TriedPart], visitor: &Visitor) -> Vec<Side> {
    let (t, language) = (visitor.texts(), visitor.language);
    let of = |part: &TriedPart| {
        let refusal = part.refusal.as_ref().map(|refusal| catalogue::describe_refusal(refusal, language));
        let findings = view::findings(&part.findings, language);
        side(t, (&part.path, &part.name), part.output_name.as_deref(), refusal, findings)
    };
    tried.iter().map(of).collect()
}

/// Each part that either has, in the order of what is.
fn rows(before: Vec<Side>, after: Vec<Side>) -> Vec<TrialRow> {
    let mut rows: Vec<(Side, Vec<String>)> = before.into_iter().map(|side| (side, Vec::new())).collect();
    for Side { path, name, lines } in after {
        match rows.iter_mut().find(|(side, _)| side.path == path) {
            Some((_, after)) => *after = lines,
            None => rows.push((Side { path, name, lines: Vec::new() }, lines)),
        }
    }
    rows.into_iter()
        .map(|(side, after)| TrialRow {
            name: shown::visible(&side.name),
            differs: side.lines != after,
            before: side.lines,
            after,
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
        let key = setting.section.name();
        match sections.iter_mut().find(|section| section.key == key) {
            Some(section) => section.rows.push(row),
            None => {
                let name = section_name(setting.section, t);
                sections.push(Section { key, name, rows: vec![row] });
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

fn section_name(section: SettingSection, t: &Texts) -> &'static str {
    match section {
        SettingSection::Site => t.section_site,
        SettingSection::Smtp => t.section_smtp,
        SettingSection::Delivery => t.section_delivery,
        SettingSection::Portal => t.section_portal,
        SettingSection::Admin => t.section_admin,
        SettingSection::Icap => t.section_icap,
        SettingSection::Requests => t.section_requests,
        SettingSection::Directory => t.section_directory,
        SettingSection::Oidc => t.section_oidc,
        SettingSection::Digest => t.section_digest,
        SettingSection::Rooms => t.part_rooms,
        SettingSection::Scanner => t.part_scanner,
        SettingSection::Policy => t.section_policy,
        SettingSection::Mail => t.section_mail,
        SettingSection::Pages => t.section_pages,
        SettingSection::Office => t.section_office,
        SettingSection::Passwords => t.section_passwords,
        SettingSection::Limits => t.section_limits,
        SettingSection::Retention => t.section_retention,
        SettingSection::Log => t.section_log,
        SettingSection::Outside => t.section_other,
    }
}

#[derive(Debug)]
struct Section {
    key: &'static str,
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

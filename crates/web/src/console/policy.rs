//! The policy page: what is in force, and where each value comes from.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};

use super::Console;
use crate::{
    SettingOrigin,
    fault::Fault,
    page::{Page, render},
    people::Visitor,
    role::Permission,
    shown,
    texts::Texts,
};

/// `GET /policy`
pub(crate) async fn page(State(console): State<Console>, visitor: Visitor) -> Result<Response, Fault> {
    let t = visitor.texts();
    let mut sections: Vec<Section> = Vec::new();
    for setting in console.state.settings.iter() {
        let name = section_name(&setting.section, t);
        let row = Row {
            key: setting.key.clone(),
            value: shown::visible(&setting.value),
            origin: match setting.origin {
                SettingOrigin::Default => t.policy_default,
                SettingOrigin::File => t.policy_file,
            },
            set: setting.origin == SettingOrigin::File,
        };
        match sections.iter_mut().find(|section| section.key == setting.section) {
            Some(section) => section.rows.push(row),
            None => sections.push(Section { key: setting.section.clone(), name, rows: vec![row] }),
        }
    }
    let template = PolicyPage { page: visitor.page(&console.people, t.nav_policy, Permission::Policy), sections };
    Ok(render(StatusCode::OK, &template))
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

#[derive(Debug, Template)]
#[template(path = "policy.html")]
struct PolicyPage {
    page: Page,
    sections: Vec<Section>,
}

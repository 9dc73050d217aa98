//! What `misogi doctor` finds, in the reader's words: what is looked at, and what it means where it is not as it should be.

use crate::{Examined, ExaminedState, page::Mark, shown, texts::Texts};

/// A row of the table of what was examined.
#[derive(Debug)]
pub(super) struct Row {
    /// Empty for one that has no words of its own.
    pub(super) title: &'static str,
    pub(super) name: String,
    pub(super) state: Mark,
    /// What follows from it and what is to be done; empty where all is well.
    pub(super) meaning: &'static str,
    /// In English; empty where it is not told.
    pub(super) detail: String,
    pub(super) facts: Vec<(Mark, String)>,
}

impl Row {
    pub(super) fn of(one: &Examined, t: &Texts) -> Self {
        let state = match one.state {
            ExaminedState::Good => Mark::ok(t.check_ok),
            ExaminedState::Warning => Mark::warn(t.check_warning),
            ExaminedState::Fault => Mark::stop(t.check_failed),
        };
        let facts = one.facts.iter().map(|(name, well, detail)| {
            let mark = if *well { Mark::ok(t.check_ok) } else { Mark::warn(t.check_warning) };
            (mark, shown::visible(&format!("{name}: {detail}")))
        });
        Self {
            title: title(&one.name, t),
            name: shown::visible(&one.name),
            state,
            meaning: meaning(one, t),
            detail: one.detail.as_deref().map(shown::visible).unwrap_or_default(),
            facts: facts.collect(),
        }
    }
}

fn title(name: &str, t: &Texts) -> &'static str {
    match name {
        "configuration" => t.policy_file,
        "rooms" => t.part_rooms,
        "passwords" => t.section_passwords,
        "requests" => t.section_requests,
        "scanner" => t.part_scanner,
        "store" => t.part_store,
        "directory" => t.section_directory,
        "provider" => t.section_oidc,
        "webhooks" => t.nav_webhooks,
        "next_hop" => t.part_delivery,
        "icap" => t.section_icap,
        "clock" => t.doctor_clock,
        "fonts" => t.doctor_fonts,
        "libreoffice" => t.doctor_libreoffice,
        _ => "",
    }
}

fn meaning(one: &Examined, t: &Texts) -> &'static str {
    use ExaminedState::{Fault, Good, Warning};
    match (one.name.as_str(), one.state) {
        _ if one.detail.is_none() => t.doctor_not_told,
        (_, Good) => "",
        ("configuration", _) => t.doctor_configuration,
        ("rooms", _) => t.doctor_rooms,
        ("passwords", _) => t.doctor_passwords,
        ("requests", _) => t.doctor_requests,
        ("scanner", Warning) => t.meaning_scanner_off,
        ("scanner", Fault) => t.meaning_scanner,
        ("store", _) => t.doctor_store,
        ("directory" | "provider", _) => t.doctor_accounts,
        ("webhooks", Warning) => t.doctor_webhooks,
        ("webhooks", Fault) => t.doctor_configuration,
        ("next_hop", _) => t.meaning_delivery,
        ("icap", _) => t.doctor_icap,
        ("clock", _) => t.doctor_clock_wrong,
        ("fonts", _) => t.doctor_no_fonts,
        ("libreoffice", _) if one.facts.is_empty() => t.doctor_no_libreoffice,
        ("libreoffice", _) => t.doctor_libreoffice_walls,
        _ => t.doctor_failed,
    }
}

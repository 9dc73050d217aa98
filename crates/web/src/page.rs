//! What every page has in common, and how a template becomes an answer.

use std::{sync::Arc, time::Duration};

use askama::Template;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use engine::catalogue::Language;

use crate::{
    Site, language,
    people::Here,
    texts::{Texts, texts},
};

/// Which of the two sites a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Area {
    /// The staff portal.
    Portal,
    /// The admin console.
    Console,
}

/// The frame around a page.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) tag: &'static str,
    pub(crate) t: &'static Texts,
    pub(crate) site: Arc<Site>,
    pub(crate) area: Area,
    pub(crate) title: String,
    pub(crate) nav: Vec<NavItem>,
    pub(crate) user: Option<SignedIn>,
    /// The same page in the other language: its address up to the language.
    pub(crate) reload: String,
}

/// One entry of the navigation.
#[derive(Debug, Clone)]
pub(crate) struct NavItem {
    pub(crate) href: &'static str,
    pub(crate) text: &'static str,
    pub(crate) current: bool,
}

impl NavItem {
    /// The way to the portal's help.
    pub(crate) fn help(t: &'static Texts, here: Here) -> Self {
        Self { href: "/help", text: t.nav_help, current: here == Here::Help }
    }
}

/// Who is signed in, for the head of the page.
#[derive(Debug, Clone)]
pub(crate) struct SignedIn {
    pub(crate) name: String,
    pub(crate) role: &'static str,
    pub(crate) form_token: String,
    /// When the session ends.
    pub(crate) session: SessionEnds,
}

/// When a session ends, for whoever has to be told beforehand (WCAG 2.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SessionEnds {
    /// After so long without a request, or up to [`store::SEEN_EVERY`] later.
    pub(crate) idle: Duration,
    /// After so long in any case.
    pub(crate) left: Duration,
}

impl Page {
    pub(crate) fn new(language: Language, site: Arc<Site>, area: Area, title: &str) -> Self {
        Self {
            tag: language::tag(language),
            t: texts(language),
            site,
            area,
            title: title.to_owned(),
            nav: Vec::new(),
            user: None,
            reload: "?".to_owned(),
        }
    }

    pub(crate) fn area_name(&self) -> &'static str {
        match self.area {
            Area::Portal => self.t.portal,
            Area::Console => self.t.console,
        }
    }

    pub(crate) fn wide(&self) -> bool {
        !self.nav.is_empty()
    }
}

/// How a state looks: a shape, a word and a colour, never a colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) tone: &'static str,
    pub(crate) icon: &'static str,
    pub(crate) word: &'static str,
}

impl Mark {
    pub(crate) fn ok(word: &'static str) -> Self {
        Self { tone: "ok", icon: TICK, word }
    }

    pub(crate) fn warn(word: &'static str) -> Self {
        Self { tone: "warn", icon: TRIANGLE, word }
    }

    pub(crate) fn stop(word: &'static str) -> Self {
        Self { tone: "stop", icon: CROSS, word }
    }

    pub(crate) fn wait(word: &'static str) -> Self {
        Self { tone: "wait", icon: RING, word }
    }
}

/// Renders a template with a status.
pub(crate) fn render(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => {
            let kind = HeaderValue::from_static("text/html; charset=utf-8");
            (status, [(header::CONTENT_TYPE, kind)], html).into_response()
        }
        Err(error) => {
            tracing::error!(event = "web_template_failed", error = &error as &dyn std::error::Error);
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// A page of a title, a sentence or two and a way back.
pub(crate) fn notice(status: StatusCode, page: Page, text: String, more: Option<String>) -> Response {
    render(status, &Notice { page, text, more, back: "/" })
}

#[derive(Debug, Template)]
#[template(path = "notice.html")]
struct Notice {
    page: Page,
    text: String,
    more: Option<String>,
    back: &'static str,
}

const TICK: &str = r#"<svg viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="10" fill="currentColor"/><path d="m7 12.5 3.5 3.5L17 8.5" fill="none" stroke="Canvas" stroke-width="2.4"/></svg>"#;
const TRIANGLE: &str = r#"<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 2 23 21.5H1z" fill="currentColor"/><path d="M12 9v6m0 2v2.2" fill="none" stroke="Canvas" stroke-width="2.4"/></svg>"#;
const CROSS: &str = r#"<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M7.9 2h8.2L22 7.9v8.2L16.1 22H7.9L2 16.1V7.9z" fill="currentColor"/><path d="m8 8 8 8m0-8-8 8" fill="none" stroke="Canvas" stroke-width="2.4"/></svg>"#;
const RING: &str = r#"<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 3a9 9 0 1 1-9 9" fill="none" stroke="currentColor" stroke-width="3"/></svg>"#;

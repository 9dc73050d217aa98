//! Requests for originals (申請) and their approvals by two pairs of eyes, on either site.
//!
//! The rules are the store's (`store::four_eyes`); here is what people see of them. No page on the portal ever leads to an original: it is
//! handed over on the console's listener alone, see [`fetch`].

pub(crate) mod ask;
pub(crate) mod decide;
pub(crate) mod fetch;
pub(crate) mod look;
mod sealed_zip;
mod wording;

use std::sync::Arc;

use axum::extract::FromRef;
use store::{Request, RequestId, RequestRules, Role, Store};

pub(crate) use wording::{class_name, denied, denied_name, need_name, need_of, needs, number, state_name};
use wording::{class_word, need_word, state_mark};

use crate::{
    Previews, Site,
    console::Console,
    moment,
    page::{Area, Mark},
    people::{People, Visitor},
    portal::Portal,
    role::{self, Permission},
    shown,
    texts::Texts,
};

/// A request beside what it asks for.
#[derive(Debug)]
pub(crate) struct Label {
    pub(crate) href: String,
    pub(crate) number: String,
    pub(crate) state: Mark,
}

impl Label {
    /// Of a request of whoever looks, on the portal.
    pub(crate) async fn find(store: &Store, id: Option<RequestId>, t: &Texts) -> Result<Option<Self>, store::Error> {
        let Some(id) = id else { return Ok(None) };
        let request = store.request(id).await?;
        Ok(request.map(|request| Self {
            href: format!("/requests/{}", id.0),
            number: number(id),
            state: state_mark(&request, t),
        }))
    }
}

/// How requests for originals are dealt with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RequestSettings {
    /// Approvals and times.
    pub rules: RequestRules,
    /// Whether and where an approved original is handed over.
    pub download: Handover,
    /// How much of an original approvers see before they decide.
    pub looking: Looking,
}

/// Whether an original may leave the gateway at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Handover {
    /// Never: an approval is a decision that is written down, and nothing leaves.
    #[default]
    Off,
    /// On the console's listener, to those who run the console, inside an encrypted archive.
    Admin,
}

/// How much of an original approvers see on the portal, as pixels, before they decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Looking {
    /// Nothing.
    #[default]
    Off,
    /// Its first page.
    FirstPage,
    /// All of it.
    All,
}

/// What pages of requests work with, on either site.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    pub(crate) store: Store,
    pub(crate) site: Arc<Site>,
    pub(crate) people: People,
    pub(crate) previews: Previews,
    pub(crate) settings: RequestSettings,
}

impl FromRef<Portal> for Desk {
    fn from_ref(portal: &Portal) -> Self {
        let state = &portal.state;
        Self {
            store: state.store.clone(),
            site: state.site.clone(),
            people: portal.people.clone(),
            previews: state.previews.clone(),
            settings: state.requests,
        }
    }
}

impl FromRef<Console> for Desk {
    fn from_ref(console: &Console) -> Self {
        let state = &console.state;
        Self {
            store: state.store.clone(),
            site: state.site.clone(),
            people: console.people.clone(),
            previews: state.previews.clone(),
            settings: state.requests,
        }
    }
}

impl Desk {
    /// The entry of the navigation that approvals stand behind.
    fn approvals(&self) -> Permission {
        match self.people.area {
            Area::Portal => Permission::Decide,
            Area::Console => Permission::Approvals,
        }
    }

    /// What an approval leads to, as the pages say it.
    fn promise(&self, t: &'static Texts) -> &'static str {
        match self.settings.download {
            Handover::Off => t.request_promise_off,
            Handover::Admin => t.request_promise_admin,
        }
    }
}

/// A request in a list.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) number: String,
    pub(crate) href: String,
    pub(crate) created: String,
    pub(crate) name: String,
    pub(crate) receipt: String,
    pub(crate) requester: String,
    pub(crate) class: &'static str,
    pub(crate) need: &'static str,
    pub(crate) state: Mark,
    /// Approvals so far of those that it takes.
    pub(crate) approvals: String,
    pub(crate) ends: String,
}

impl Line {
    fn of(request: &Request, base: &str, offset: i32, t: &'static Texts) -> Self {
        Self {
            number: number(request.id),
            href: format!("{base}/{}", request.id.0),
            created: moment::local(request.created, offset),
            name: name(request, t),
            receipt: request.receipt.to_string(),
            requester: request.requester_name.clone(),
            class: class_word(request.class, t),
            need: need_word(request.need, t),
            state: state_mark(request, t),
            approvals: format!("{}/{}", request.approvals().len(), request.quorum),
            ends: moment::local(request.ends, offset),
        }
    }
}

/// A decision as it is shown.
#[derive(Debug)]
pub(crate) struct Decided {
    pub(crate) time: String,
    pub(crate) name: String,
    pub(crate) role: &'static str,
    /// Why it is not among those that count.
    pub(crate) uncounted: Option<&'static str>,
    pub(crate) mark: Mark,
    pub(crate) comment: String,
}

/// Everything of a request that may be read.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) line: Line,
    pub(crate) facts: Vec<(&'static str, String)>,
    pub(crate) words: String,
    pub(crate) decided: Vec<Decided>,
}

impl Shown {
    fn of(request: &Request, desk: &Desk, base: &str, visitor: &Visitor) -> Self {
        let t = visitor.texts();
        let offset = desk.site.offset_minutes;
        let line = Line::of(request, base, offset, t);
        let facts = [
            (t.column_name, line.name.clone()),
            (t.column_receipt, line.receipt.clone()),
            (t.column_sender, request.sender.as_deref().map(shown::visible).unwrap_or_default()),
            (t.column_subject, request.subject.as_deref().map(shown::visible).unwrap_or_default()),
            (t.request_class, line.class.to_owned()),
            (t.request_by, format!("{} {}", line.requester, since(request.requester_since, offset, t))),
            (t.request_made, line.created.clone()),
            (t.request_need, line.need.to_owned()),
            (t.request_confirmed, if request.confirmed { t.yes } else { t.no }.to_owned()),
            (t.request_approver, request.approver_name.clone().unwrap_or_default()),
            (t.request_quorum, line.approvals.clone()),
            (t.request_ends, line.ends.clone()),
        ];
        let decided = request.decisions.iter().map(|decision| Decided {
            time: moment::local(decision.at, offset),
            name: format!("{} {}", decision.name, since(decision.since, offset, t)),
            uncounted: decision.counts.is_none().then_some(t.request_uncounted),
            role: role::name(decision.role, t),
            mark: wording::decision_mark(decision.decision, t),
            comment: shown::visible(&decision.comment),
        });
        Self {
            facts: facts.into_iter().filter(|(_, value)| !value.is_empty()).collect(),
            words: shown::visible(&request.words),
            decided: decided.collect(),
            line,
        }
    }
}

/// Since when an account exists.
fn since(created: store::Timestamp, offset: i32, t: &Texts) -> String {
    let day: String = moment::local(created, offset).chars().take(DAY_CHARACTERS).collect();
    format!("{}{day}{}", t.request_account_since, t.request_account_since_end)
}

/// What a whole message is called, which has no file name of its own.
pub(crate) fn name(request: &Request, t: &Texts) -> String {
    if request.name.is_empty() { t.quarantine_whole.to_owned() } else { shown::visible(&request.name) }
}

/// What somebody typed as a reason, without line ends and controls; `None` where there is nothing.
pub(crate) fn said(text: &str) -> Option<String> {
    let one: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let one = one.trim();
    let cut: String = one.chars().take(MOST_CHARACTERS).collect();
    Some(cut).filter(|text| !text.is_empty())
}

/// Active accounts that can be chosen to decide.
async fn approvers(desk: &Desk, visitor: &Visitor) -> Result<Vec<(i64, String)>, crate::fault::Fault> {
    let users = desk.store.users().await?;
    let may = users.into_iter().filter(|user| {
        user.role == Role::Approver && user.state == store::UserState::Active && user.id != visitor.user.id
    });
    Ok(may.map(|user| (user.id.0, user.name)).collect())
}

/// Characters of a day: `2026-11-21`.
const DAY_CHARACTERS: usize = 10;
/// Characters of a reason; in UTF-8 they are at most what the store keeps of Japanese.
pub(crate) const MOST_CHARACTERS: usize = 160;

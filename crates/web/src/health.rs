//! Whether the gateway lives (`/healthz`) and whether it takes mail (`/readyz`).

use std::{
    collections::BTreeMap,
    mem::{Discriminant, discriminant},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use axum::{
    Json,
    extract::{FromRef, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use store::{Role, Store};
use tokio::time::Instant;

use crate::{
    doors::{Door, get},
    people::Need,
    role::{self, Permission},
};

/// What a part of the gateway says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// It works.
    Good,
    /// It is switched off in the configuration. The text says what that means.
    Off(String),
    /// It works less well, or work waits; mail is still taken. The text says what is wrong.
    Degraded(String),
    /// Mail is refused because of it. The text says what is wrong.
    Refusing(String),
}

/// The board on which the parts of the gateway (rooms, scanner, intake…) post their condition. Cheap to clone.
///
/// A part that was announced and has not reported yet counts as refusing: readiness must be shown, not assumed.
///
/// What belongs to the machine is on one board, and each organisation has its own [`over`](Self::over) it: what is wrong with the way of one's
/// mail is not told to another.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    board: Arc<RwLock<Board>>,
    beneath: Option<Arc<Readiness>>,
}

#[derive(Debug, Default)]
struct Board {
    conditions: BTreeMap<&'static str, Condition>,
    /// Since when each part has been as it is, the store among them.
    since: BTreeMap<&'static str, (Discriminant<Condition>, Instant)>,
}

impl Board {
    fn saw(&mut self, part: &'static str, condition: &Condition) {
        let kind = discriminant(condition);
        let since = self.since.entry(part).or_insert_with(|| (kind, Instant::now()));
        if since.0 != kind {
            *since = (kind, Instant::now());
        }
    }
}

impl Readiness {
    /// The part that stands for the organisations which the gateway serves beside its own. Only whoever may know of them is shown it on pages.
    pub const TENANTS: &'static str = "tenants";

    /// A board that waits for these parts to report.
    pub fn expecting(parts: &[&'static str]) -> Self {
        let waiting = parts.iter().map(|part| (*part, Condition::Refusing("has not reported yet".to_owned())));
        let board = Board { conditions: waiting.collect(), since: BTreeMap::new() };
        Self { board: Arc::new(RwLock::new(board)), beneath: None }
    }

    /// A board of its own that waits for these parts, on which what is posted on this one is read too.
    #[must_use]
    pub fn over(&self, parts: &[&'static str]) -> Self {
        Self { beneath: Some(Arc::new(self.clone())), ..Self::expecting(parts) }
    }

    /// Posts the condition of a part.
    pub fn report(&self, part: &'static str, condition: Condition) {
        let mut board = self.board.write().unwrap_or_else(PoisonError::into_inner);
        board.saw(part, &condition);
        board.conditions.insert(part, condition);
    }

    /// Takes off the board what there is no more.
    pub fn withdraw(&self, part: &'static str) {
        let mut board = self.board.write().unwrap_or_else(PoisonError::into_inner);
        board.conditions.remove(part);
        board.since.remove(part);
    }

    /// Each part and whether it works, without asking the store.
    pub(crate) fn working(&self) -> Vec<(&'static str, bool)> {
        let posted = self.posted().into_iter();
        let switched_on = posted.filter(|(_, condition)| !matches!(condition, Condition::Off(_)));
        switched_on.map(|(part, condition)| (part, condition == Condition::Good)).collect()
    }

    /// The parts that somebody of a role is shown.
    pub(crate) async fn checks_for(&self, role: Role, store: &Store) -> Vec<(&'static str, Condition)> {
        let mut checks = self.checks(store).await;
        checks.retain(|(part, _)| *part != Self::TENANTS || role::allows(role, Permission::Tenants));
        checks
    }

    pub(crate) async fn checks(&self, store: &Store) -> Vec<(&'static str, Condition)> {
        let mut checks = vec![("store", store_condition(store).await)];
        {
            let mut board = self.board.write().unwrap_or_else(PoisonError::into_inner);
            checks.iter().for_each(|(part, condition)| board.saw(part, condition));
        }
        checks.extend(self.posted());
        checks
    }

    /// What is posted here and beneath, by part.
    fn posted(&self) -> BTreeMap<&'static str, Condition> {
        let mut posted = self.beneath.as_ref().map(|beneath| beneath.posted()).unwrap_or_default();
        let board = self.board.read().unwrap_or_else(PoisonError::into_inner);
        posted.extend(board.conditions.iter().map(|(part, condition)| (*part, condition.clone())));
        posted
    }

    /// Whether all that is posted here, and not beneath, is as it should be.
    pub fn is_well(&self) -> bool {
        let board = self.board.read().unwrap_or_else(PoisonError::into_inner);
        board.conditions.values().all(|condition| matches!(condition, Condition::Good | Condition::Off(_)))
    }

    /// How long a part has been as it is: well, or not. Of the store it is known from the first look that found it so.
    pub(crate) fn lasting(&self, part: &str) -> Option<Duration> {
        let board = self.board.read().unwrap_or_else(PoisonError::into_inner);
        let here = board.since.get(part).map(|(_, since)| since.elapsed());
        here.or_else(|| self.beneath.as_ref()?.lasting(part))
    }
}

async fn store_condition(store: &Store) -> Condition {
    match store.health().await {
        Ok(()) => Condition::Good,
        Err(error) => {
            tracing::error!(event = "web_store_check_failed", error = &error as &dyn std::error::Error);
            Condition::Refusing("cannot store mail".to_owned())
        }
    }
}

/// What the answers are made of.
#[derive(Debug, Clone)]
pub(crate) struct Health {
    pub(crate) store: Store,
    pub(crate) readiness: Readiness,
}

#[derive(Debug, Serialize)]
struct Report {
    status: &'static str,
    checks: Vec<Check>,
}

#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    status: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    detail: String,
}

/// The doors of both: for the monitoring server and the service manager, which do not sign in.
pub(crate) fn doors<S>() -> Vec<Door<S>>
where
    S: Clone + Send + Sync + 'static,
    Health: FromRef<S>,
{
    vec![get("/healthz", Need::Anyone, healthz), get("/readyz", Need::Anyone, readyz)]
}

async fn healthz() -> Json<Report> {
    Json(Report { status: "ok", checks: Vec::new() })
}

async fn readyz(State(health): State<Health>) -> Response {
    let checks = health.readiness.checks(&health.store).await;
    let refusing = checks.iter().any(|(_, condition)| matches!(condition, Condition::Refusing(_)));
    let degraded = checks.iter().any(|(_, condition)| matches!(condition, Condition::Degraded(_)));
    let checks = checks
        .into_iter()
        .map(|(name, condition)| match condition {
            Condition::Good => Check { name, status: "ok", detail: String::new() },
            Condition::Off(detail) => Check { name, status: "off", detail },
            Condition::Degraded(detail) => Check { name, status: "degraded", detail },
            Condition::Refusing(detail) => Check { name, status: "refusing", detail },
        })
        .collect();
    let (code, status) = match (refusing, degraded) {
        (true, _) => (StatusCode::SERVICE_UNAVAILABLE, "refusing"),
        (false, true) => (StatusCode::OK, "degraded"),
        (false, false) => (StatusCode::OK, "ok"),
    };
    (code, Json(Report { status, checks })).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_one_organisation_is_not_told_to_another() {
        let machine = Readiness::expecting(&["rooms"]);
        let (one, other) = (machine.over(&["delivery"]), machine.over(&["delivery"]));
        for readiness in [&one, &other] {
            readiness.report("delivery", Condition::Good);
        }
        machine.report("rooms", Condition::Good);
        one.report("delivery", Condition::Degraded("the next hop cannot be reached".to_owned()));
        assert_eq!(one.working(), [("delivery", false), ("rooms", true)]);
        assert_eq!(other.working(), [("delivery", true), ("rooms", true)]);
        assert_eq!(machine.working(), [("rooms", true)]);
        assert!(!one.is_well() && other.is_well());
        // What belongs to the machine is everybody's, and nobody's fault.
        machine.report("rooms", Condition::Refusing("no room".to_owned()));
        assert_eq!(other.working(), [("delivery", true), ("rooms", false)]);
        assert!(other.is_well() && other.lasting("rooms").is_some());
        one.withdraw("delivery");
        assert_eq!(one.working(), [("rooms", false)]);
    }
}

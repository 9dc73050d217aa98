//! Webhooks: events of the store's outbox as signed HTTP requests to other systems.
//!
//! The form is that of the Standard Webhooks specification (standardwebhooks.com, 1.0.0), so that receivers have libraries for it: the
//! headers `webhook-id`, `webhook-timestamp` and `webhook-signature`, and HMAC-SHA256 over `id.timestamp.body`. Each event arrives at
//! least once; the id tells a repetition, the timestamp an old recording.

mod secret;
mod watch;

use std::{sync::Arc, time::Duration};

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
};
use futures_util::future::join_all;
use serde_json::Value;
use store::{Event, HookDelivery, HookThen, HookTried, Store, Timestamp};
use tokio_util::sync::CancellationToken;

pub use secret::{BadSecret, HookSecret};
pub use watch::watch;

use crate::{Outbound, OutboundError, Target, moment};

/// One system that is told of events.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Its name in lists and in the store.
    pub name: String,
    /// Where it takes them.
    pub target: Target,
    /// What it is told of.
    pub events: Vec<Event>,
    /// What shows it that an event came from here.
    pub secret: HookSecret,
    /// The client, which knows how far it may reach.
    pub client: Outbound,
}

/// Every system that is told of events.
#[derive(Debug, Clone, Default)]
pub struct Webhooks(Arc<[Webhook]>);

impl Webhooks {
    /// These, each with a name of its own.
    pub fn new(hooks: Vec<Webhook>) -> Self {
        Self(hooks.into())
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Webhook> {
        self.0.iter()
    }

    pub(crate) fn named(&self, name: &str) -> Option<&Webhook> {
        self.iter().find(|hook| hook.name == name)
    }

    /// Tells every hook what waits for it, until `shutdown`. One that does not answer holds up no other.
    ///
    /// # Errors
    /// None; what fails is tried again.
    pub async fn deliver(self, store: Store, shutdown: CancellationToken) -> Result<(), std::convert::Infallible> {
        if self.0.is_empty() {
            shutdown.cancelled().await;
            return Ok(());
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            _ = join_all(self.iter().map(|hook| hook.serve(&store))) => {}
        }
        Ok(())
    }
}

impl Webhook {
    async fn serve(&self, store: &Store) {
        loop {
            match store.hook_due(&self.name, AT_ONCE).await {
                Ok(due) if due.is_empty() => tokio::time::sleep(LOOK_EVERY).await,
                Ok(due) => {
                    let tried = join_all(due.iter().map(|event| self.tell(event, store.now()))).await;
                    // What could not be noted is told again: that is what the id is for.
                    if let Err(error) = store.hook_tried(tried).await {
                        tracing::error!(event = "webhook_not_noted", error = &error as &dyn std::error::Error);
                        tokio::time::sleep(AFTER_FAULT).await;
                    }
                }
                Err(error) => {
                    tracing::error!(event = "webhook_store_failed", error = &error as &dyn std::error::Error);
                    tokio::time::sleep(AFTER_FAULT).await;
                }
            }
        }
    }

    async fn tell(&self, event: &HookDelivery, now: Timestamp) -> HookTried {
        let answer = match self.request(event, now) {
            Some((headers, body)) => {
                let method = Method::POST;
                self.client.fetch(method, &self.target, headers, body, MOST_ANSWER).await.map(|answer| answer.status)
            }
            // Only a row that is no JSON: it never will be.
            None => return HookTried { id: event.id, status: None, note: None, then: HookThen::GiveUp },
        };
        let (status, note, then) = judge(&answer, event.attempts);
        let host = self.target.host();
        match then {
            HookThen::Taken => {
                tracing::debug!(event = "webhook_taken", hook = self.name, host, id = event.id.0, status);
            }
            HookThen::Again(_) | HookThen::GiveUp => {
                tracing::warn!(event = "webhook_not_taken", hook = self.name, host, id = event.id.0, status, note);
            }
        }
        HookTried { id: event.id, status, note, then }
    }

    fn request(&self, event: &HookDelivery, now: Timestamp) -> Option<(HeaderMap, Bytes)> {
        let id = id(event);
        let body = body(event)?;
        let seconds = now.unix_millis().div_euclid(1000).to_string();
        let signature = self.secret.sign(&id, &seconds, &body);
        let mut headers = HeaderMap::new();
        let fields = [
            (HeaderName::from_static("webhook-id"), id),
            (HeaderName::from_static("webhook-timestamp"), seconds),
            (HeaderName::from_static("webhook-signature"), signature),
        ];
        for (name, value) in fields {
            headers.insert(name, HeaderValue::try_from(value).ok()?);
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Some((headers, body.into()))
    }
}

/// The same for every try. A database that was restored from a copy may give a number twice, but not at the same moment.
fn id(event: &HookDelivery) -> String {
    format!("evt_{}_{}", event.created.unix_millis(), event.id.0)
}

fn body(event: &HookDelivery) -> Option<String> {
    #[derive(serde::Serialize)]
    struct Body<'a> {
        #[serde(rename = "type")]
        kind: &'a str,
        timestamp: String,
        data: Value,
    }
    let data = serde_json::from_str(&event.data).ok()?;
    let body = Body { kind: &event.event, timestamp: moment::rfc3339(event.created), data };
    serde_json::to_string(&body).ok()
}

/// What an answer means. Nothing is followed: an answer that points elsewhere has not taken the event.
fn judge(answer: &Result<StatusCode, OutboundError>, attempts: u32) -> (Option<u16>, Option<String>, HookThen) {
    match answer {
        Ok(status) if status.is_success() => (Some(status.as_u16()), None, HookThen::Taken),
        // The receiver says that nobody will ever take it here (Standard Webhooks, "Deliverability and reliability").
        Ok(StatusCode::GONE) => (Some(StatusCode::GONE.as_u16()), None, HookThen::GiveUp),
        Ok(status) => (Some(status.as_u16()), None, HookThen::Again(after(attempts))),
        Err(error) => (None, Some(chain(error)), HookThen::Again(after(attempts))),
    }
}

/// How long to wait after so many earlier tries: 1 s, 2 s, 4 s … 1 h.
fn after(attempts: u32) -> Duration {
    let doubled = 1_u64.checked_shl(attempts).filter(|_| attempts < u64::BITS).unwrap_or(u64::MAX);
    FIRST_RETRY.saturating_mul(u32::try_from(doubled).unwrap_or(u32::MAX)).min(LAST_RETRY)
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

/// Events of one hook that are told at the same time.
const AT_ONCE: u32 = 4;
/// How often is looked for what waits.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Rest after a fault of the store.
const AFTER_FAULT: Duration = Duration::from_secs(10);
/// What is read of an answer; only its status counts.
const MOST_ANSWER: usize = 64 * 1024;
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_from_a_second_to_an_hour() {
        for (attempts, seconds) in
            [(0, 1), (1, 2), (5, 32), (11, 2048), (12, 3600), (63, 3600), (64, 3600), (u32::MAX, 3600)]
        {
            assert_eq!(after(attempts), Duration::from_secs(seconds), "{attempts}");
        }
    }

    #[test]
    fn only_success_is_taken_and_only_gone_is_final() {
        for (status, taken, last) in [
            (200, true, false),
            (204, true, false),
            (301, false, false),
            (400, false, false),
            (410, false, true),
            (503, false, false),
        ] {
            let (_, _, then) = judge(&Ok(StatusCode::from_u16(status).unwrap()), 0);
            assert_eq!((then == HookThen::Taken, then == HookThen::GiveUp), (taken, last), "{status}");
        }
        let (status, note, then) = judge(&Err(OutboundError::Timeout), 2);
        assert_eq!((status, then), (None, HookThen::Again(Duration::from_secs(4))));
        assert!(note.is_some());
    }
}

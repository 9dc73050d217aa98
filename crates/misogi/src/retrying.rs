//! Items of the quarantine that people have converted again: one after another, as they come, in the rooms that mails use too.
//!
//! What was asked for is in the store, so a restart loses nothing, and what cannot be done just now is tried again later.

use std::time::Duration;

use engine::policy::{Fallback, Markup, MostLevel, OfficeOutput};
use engine::{Defer, Engine, MailContext, MailVerdict, PartOutcome, Patience, Policy, Unlocked};
use form::name::FileName;
use form::reason::{Reason, Refusal};
use store::{OriginKind, QuarantineId, Receipt, Retried, RetriedFile, RetryPolicy, RetryTask, StillHeld, Store};
use tokio_util::sync::CancellationToken;

use crate::letterhead::Letterhead;
use crate::worker::chain;

/// How often the store is asked.
const POLL: Duration = Duration::from_secs(1);

/// How long what could not be done waits: a scanner or a room was missing.
const AGAIN: Duration = Duration::from_secs(30);

/// Items read at a time.
const AT_A_TIME: u32 = 16;

/// Converts again what people ask for.
pub(crate) struct Retrying {
    pub(crate) store: Store,
    pub(crate) engine: Engine,
    pub(crate) letterhead: Letterhead,
    pub(crate) shutdown: CancellationToken,
}

impl Retrying {
    /// Runs until it is told to stop; an item in the middle of its conversion is converted anew after the next start.
    pub(crate) async fn run(self) -> Result<(), store::Error> {
        loop {
            let pause = tokio::select! {
                () = self.shutdown.cancelled() => return Ok(()),
                pause = self.round() => pause,
            };
            tokio::select! {
                () = self.shutdown.cancelled() => return Ok(()),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Everything that waits, once. Cancel-safe: what is not recorded is done again.
    async fn round(&self) -> Duration {
        let tasks = match self.store.retries(AT_A_TIME).await {
            Ok(tasks) => tasks,
            Err(error) => {
                tracing::error!(event = "retry_failed", error = chain(&error));
                return AGAIN;
            }
        };
        let mut pause = POLL;
        for task in tasks {
            let (item, receipt) = (task.item, task.receipt.clone());
            let retried = match self.convert(task).await {
                Ok(retried) => retried,
                Err(Fault::Defer(defer)) => {
                    tracing::warn!(event = "retry_deferred", receipt = receipt.as_str(), why = chain(&defer));
                    pause = AGAIN;
                    continue;
                }
                Err(Fault::Store(error)) => {
                    tracing::error!(event = "retry_failed", error = chain(&error));
                    pause = AGAIN;
                    continue;
                }
            };
            let passes = matches!(retried, Retried::Made { .. });
            match self.store.retried(item, retried).await {
                Ok(()) => tracing::info!(event = "retried", receipt = receipt.as_str(), item = item.0, passes),
                Err(error) => {
                    tracing::error!(event = "retry_failed", error = chain(&error));
                    pause = AGAIN;
                }
            }
        }
        pause
    }

    async fn convert(&self, task: RetryTask) -> Result<Retried, Fault> {
        let engine = under(self.engine.current(), task.policy);
        let original = task.original.to_source().await?;
        match task.origin {
            OriginKind::Mail if task.path.is_empty() => {
                let (receipt, context) = self.context(&task)?;
                let outcome = engine.sanitise_mail(&original, &context).await?;
                if outcome.verdict == MailVerdict::NoticeOnly {
                    let infected = outcome.parts.iter().any(is_infected);
                    return Ok(withheld(infected, outcome.refusal, Reason::FormInvalid));
                }
                let subject = outcome.header.subject.as_str().to_owned();
                // No password opens them: the mail that they came in is in quarantine as a whole.
                let still_held = held(task.item, outcome.parts.iter().flat_map(engine::held_in), false);
                Ok(Retried::Made { file: None, mail: Some((receipt, subject, outcome.fresh)), still_held })
            }
            OriginKind::Mail => {
                let (receipt, context) = self.context(&task)?;
                match engine.retry_part(&original, &context, task.receipt.as_str(), &task.path).await? {
                    Unlocked::Opened(mail) => {
                        let file = mail.parts.iter().flat_map(PartOutcome::flatten).find(|part| part.path == task.path);
                        let file = file.and_then(rebuilt);
                        let still_held = held(task.item, mail.still_held.into_iter(), true);
                        Ok(Retried::Made { file, mail: Some((receipt, mail.subject, mail.fresh)), still_held })
                    }
                    Unlocked::Nothing { closed, infected, .. } => {
                        let refusal = closed.into_iter().find_map(|part| part.refusal);
                        Ok(withheld(!infected.is_empty(), refusal, Reason::Encrypted))
                    }
                }
            }
            OriginKind::Upload => {
                let name = FileName::rebuild(&task.name).0;
                let part = engine.sanitise_upload(original, name, &[], Patience::Last).await?;
                Ok(match rebuilt(&part) {
                    Some(file) => {
                        // Whoever has a password uploads the file again with it.
                        let still_held = held(task.item, engine::held_in(&part).into_iter(), false);
                        Retried::Made { file: Some(file), mail: None, still_held }
                    }
                    None => withheld(is_infected(&part), part.refusal, Reason::FormInvalid),
                })
            }
            // Nothing of these is ever withheld.
            OriginKind::Notice | OriginKind::Unlocked => Ok(Retried::Withheld(Reason::UnsupportedType)),
        }
    }

    fn context(&self, task: &RetryTask) -> Result<(Receipt, MailContext), Fault> {
        let receipt = self.store.new_receipt()?;
        let context = self.letterhead.context(&receipt, task.sender.as_deref(), &task.recipients, Patience::Last);
        Ok((receipt, context))
    }
}

/// Why there is no outcome.
enum Fault {
    Defer(Defer),
    Store(store::Error),
}

impl From<Defer> for Fault {
    fn from(defer: Defer) -> Self {
        Fault::Defer(defer)
    }
}

impl From<store::Error> for Fault {
    fn from(error: store::Error) -> Self {
        Fault::Store(error)
    }
}

/// Nothing of it passes; a virus is the reason before all others.
fn withheld(infected: bool, refusal: Option<Refusal>, otherwise: Reason) -> Retried {
    let reason = if infected { Reason::Infected } else { refusal.map_or(otherwise, |refusal| refusal.reason) };
    Retried::Withheld(reason)
}

fn is_infected(part: &PartOutcome) -> bool {
    part.flatten().iter().any(|part| part.refusal.is_some_and(|refusal| refusal.reason == Reason::Infected))
}

/// What does not pass inside of an item, as the store takes it.
fn held(item: QuarantineId, parts: impl Iterator<Item = engine::StillHeld>, may_open: bool) -> Vec<StillHeld> {
    let one = |part: engine::StillHeld| StillHeld {
        inside: item,
        path: part.path,
        name: part.name,
        detected_type: part.detected_type,
        reason: part.reason,
        is_locked: may_open && part.is_locked,
        original: part.original,
    };
    parts.map(one).collect()
}

fn rebuilt(part: &PartOutcome) -> Option<RetriedFile> {
    Some(RetriedFile {
        name: part.output_name.as_ref()?.as_str().to_owned(),
        media_type: part.media_type().to_owned(),
        findings: part.findings.clone(),
        fresh: part.fresh.clone()?,
    })
}

/// The engine under its policy with what was asked for instead.
pub(crate) fn under(engine: Engine, wanted: RetryPolicy) -> Engine {
    match wanted {
        RetryPolicy::Same => engine,
        wanted => engine.under(policy(engine.policy().clone(), wanted)),
    }
}

fn policy(mut policy: Policy, wanted: RetryPolicy) -> Policy {
    match wanted {
        RetryPolicy::Same => {}
        RetryPolicy::Raster => {
            policy.pages.level = MostLevel::Raster;
            // What has no pages yet is printed first.
            policy.office = OfficeOutput::Pages;
        }
        RetryPolicy::Pages => policy.office = OfficeOutput::Pages,
        RetryPolicy::Text => {
            policy.office_fallback = Fallback::Text;
            policy.text.markup = Markup::Text;
        }
    }
    policy
}

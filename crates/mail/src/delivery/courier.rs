//! One message from the queue to its recipients, and what is written down about each of them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use store::{DeliveryTask, DueRecipient, RecipientOutcome, RecipientResult, Store};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::dsn::{self, ComposeDsn, DsnFacts, FailedRecipient};
use super::hop::{Hop, HopError, Idle, Link};
use super::maildir::Maildir;
use super::transaction::{self, Answer, Outgoing, Progress, RECIPIENTS_MAX};
use super::{DeliveryConfig, DeliveryError, NextHop};
use crate::address::{Address, Charset};
use crate::observer::Tried;

/// Delivers messages; shared by all that are on their way.
pub(super) struct Courier {
    config: DeliveryConfig,
    store: Store,
    composer: Arc<dyn ComposeDsn>,
    shutdown: CancellationToken,
    route: Route,
    /// Connections that may be open.
    slots: Semaphore,
    /// Memory for message bodies, in KiB.
    memory: Semaphore,
    memory_kib: u32,
    outage: Mutex<Outage>,
}

enum Route {
    Smtp(Box<Hop>),
    Maildir(Maildir),
}

/// How the next hop has been failing.
#[derive(Debug, Default)]
struct Outage {
    failures: u32,
    until: Option<Instant>,
}

/// What became of one recipient.
#[derive(Clone, Debug)]
enum Fate {
    Answered(Answer),
    /// The hop could not be reached at all.
    Unreachable(String),
    /// Not tried, because we are stopping.
    Untried,
}

impl Courier {
    pub(super) async fn new(
        config: DeliveryConfig,
        store: Store,
        composer: Arc<dyn ComposeDsn>,
        shutdown: CancellationToken,
    ) -> Result<Self, DeliveryError> {
        let (route, slots) = match &config.next_hop {
            NextHop::Smtp(hop) => {
                let slots = hop.max_connections.max(1);
                (Route::Smtp(Box::new(Hop::new(hop.clone(), &config.hostname).map_err(DeliveryError::Hop)?)), slots)
            }
            NextHop::Maildir(directory) => {
                let maildir = Maildir::open(directory, &config.hostname).await;
                (Route::Maildir(maildir.map_err(|error| DeliveryError::Maildir(Box::new(error)))?), MAILDIR_WRITERS)
            }
        };
        let memory_kib = kib(config.memory_bytes).max(1);
        let memory = Semaphore::new(usize::try_from(memory_kib).unwrap_or(Semaphore::MAX_PERMITS));
        let (slots, outage) = (Semaphore::new(slots.min(Semaphore::MAX_PERMITS)), Mutex::default());
        Ok(Self { config, store, composer, shutdown, route, slots, memory, memory_kib, outage })
    }

    /// How many messages may be on their way, so that each connection finds its next one waiting.
    pub(super) fn most_in_flight(&self) -> usize {
        let connections = match &self.config.next_hop {
            NextHop::Smtp(hop) => hop.max_connections.max(1),
            NextHop::Maildir(_) => MAILDIR_WRITERS,
        };
        connections.saturating_mul(4)
    }

    /// How long the hop is to be left alone.
    pub(super) fn pause(&self) -> Option<Duration> {
        let until = self.outage().until?;
        Some(until.saturating_duration_since(Instant::now())).filter(|rest| !rest.is_zero())
    }

    /// Whether the last attempt to reach the hop failed.
    pub(super) fn is_doubtful(&self) -> bool {
        self.outage().failures > 0
    }

    /// Ends connections that nobody used for a while.
    pub(super) async fn prune(&self) {
        if let Route::Smtp(hop) = &self.route {
            hop.prune(Idle::Long).await;
        }
    }

    /// Ends all idle connections.
    pub(super) async fn close(&self) {
        if let Route::Smtp(hop) = &self.route {
            hop.prune(Idle::Any).await;
        }
    }

    /// Delivers one message and writes down what became of it.
    pub(super) async fn deliver(self: Arc<Self>, task: DeliveryTask) {
        let fates = match &self.route {
            Route::Smtp(hop) => self.by_smtp(hop, &task).await,
            Route::Maildir(maildir) => self.to_maildir(maildir, &task).await,
        };
        self.settle(&task, fates).await;
    }

    async fn to_maildir(&self, maildir: &Maildir, task: &DeliveryTask) -> Vec<Fate> {
        let _slot = self.slots.acquire().await;
        let mut fates = Vec::with_capacity(task.recipients.len());
        for recipient in &task.recipients {
            let answer = match maildir.deliver(task, recipient).await {
                Ok(reply) => Answer::Accepted(reply),
                Err(error) => {
                    tracing::error!(event = "maildir_failed", error = &error as &dyn std::error::Error);
                    Answer::NotNow("451 4.3.0 The Maildir could not be written".to_owned())
                }
            };
            self.config.observer.next_hop(matches!(answer, Answer::Accepted(_)));
            fates.push(Fate::Answered(answer));
        }
        fates
    }

    async fn by_smtp(&self, hop: &Hop, task: &DeliveryTask) -> Vec<Fate> {
        let all = |fate: Fate| vec![fate; task.recipients.len()];
        let never = |text: &str| all(Fate::Answered(Answer::Never(text.to_owned())));
        let sender = match &task.sender {
            None => None,
            Some(sender) => match Address::parse(sender, Charset::Utf8) {
                Ok(address) => Some(address),
                Err(_) => return never("550 5.1.7 The sender address cannot be written down"),
            },
        };
        let Some(_memory) = self.memory_for(task.body.len()).await else { return all(Fate::Untried) };
        let message = match task.body.to_bytes(u64::MAX).await {
            Ok(body) => Outgoing::new(sender, body),
            Err(error) => {
                tracing::error!(event = "delivery_body_unreadable", receipt = %task.receipt, error = &error as &dyn std::error::Error);
                return all(Fate::Answered(Answer::NotNow("451 4.3.0 The message cannot be read now".to_owned())));
            }
        };
        let Ok(message) = message else {
            // Only a fault of the composer can do this. Sending it would hand the next hop a smuggled message.
            tracing::error!(event = "delivery_not_canonical", receipt = %task.receipt);
            return never("554 5.6.0 The composed message is malformed");
        };
        let slot = tokio::select! {
            () = self.shutdown.cancelled() => None,
            slot = self.slots.acquire() => slot.ok(),
        };
        if slot.is_none() || self.shutdown.is_cancelled() {
            return all(Fate::Untried);
        }
        self.transactions(hop, task, &message).await
    }

    /// As many transactions as the recipients need, usually one.
    async fn transactions(&self, hop: &Hop, task: &DeliveryTask, message: &Outgoing) -> Vec<Fate> {
        let mut fates: Vec<Option<Fate>> = vec![None; task.recipients.len()];
        let mut open: Vec<(usize, Address)> = Vec::with_capacity(task.recipients.len());
        for (place, (recipient, fate)) in task.recipients.iter().zip(&mut fates).enumerate() {
            match Address::parse(&recipient.address, Charset::Utf8) {
                Ok(address) => open.push((place, address)),
                Err(_) => *fate = never("550 5.1.3 The recipient address cannot be written down"),
            }
        }
        let mut link = None;
        while !open.is_empty() {
            let before = open.len();
            let failure = match self.round(hop, &mut link, message, &mut open, &mut fates).await {
                Ok(()) if open.len() < before => continue,
                Ok(()) => Fate::Answered(Answer::NotNow("451 4.5.3 The next hop takes no recipient now".to_owned())),
                Err(failure) => failure,
            };
            for (place, _) in open.drain(..) {
                set(&mut fates, place, failure.clone());
            }
        }
        if let Some(link) = link
            && let Some(worn) = hop.give_back(link)
        {
            worn.quit().await;
        }
        fates.into_iter().map(|fate| fate.unwrap_or(Fate::Untried)).collect()
    }

    /// One transaction for the first of the open recipients; those it settles are no longer open. An error is the fate of
    /// those that are.
    async fn round(
        &self,
        hop: &Hop,
        slot: &mut Option<Link>,
        message: &Outgoing,
        open: &mut Vec<(usize, Address)>,
        fates: &mut [Option<Fate>],
    ) -> Result<(), Fate> {
        let mut link = match slot.take() {
            Some(link) => link,
            None => self.reached(hop.link().await)?,
        };
        let mut progress = Progress::default();
        loop {
            open.retain(|(place, address)| match message.impossible(&link.offer, address) {
                Some(text) => {
                    set(fates, *place, Fate::Answered(Answer::Never(text)));
                    false
                }
                None => true,
            });
            let group: Vec<&Address> = open.iter().take(RECIPIENTS_MAX).map(|(_, address)| address).collect();
            if group.is_empty() {
                *slot = Some(link);
                return Ok(());
            }
            let times = &hop.config.timeouts;
            let Err(error) = transaction::run(&mut link, message, &group, &mut progress, times).await else { break };
            tracing::info!(event = "delivery_connection_failed", error = &error as &dyn std::error::Error);
            // A connection from the pool may have been closed at the other end meanwhile; that says nothing of the message.
            if link.used && !progress.body_begun {
                link = self.reached(hop.connect().await)?;
                continue;
            }
            take_answers(open, fates, &progress);
            return Err(Fate::Answered(Answer::NotNow(format!("451 4.4.2 {error}"))));
        }
        take_answers(open, fates, &progress);
        *slot = Some(link);
        Ok(())
    }

    /// Writes down whether the hop could be reached.
    fn reached(&self, result: Result<Link, HopError>) -> Result<Link, Fate> {
        self.config.observer.next_hop(result.is_ok());
        let mut outage = self.outage();
        match result {
            Ok(link) => {
                if outage.failures > 0 {
                    tracing::info!(event = "next_hop_back", failures = outage.failures);
                }
                *outage = Outage::default();
                Ok(link)
            }
            Err(error) => {
                // Those that were already on their way when it failed do not make the pause longer.
                if outage.until.is_none_or(|until| until <= Instant::now()) {
                    outage.failures = outage.failures.saturating_add(1);
                    let pause = self.config.retry.hop_pause(outage.failures);
                    outage.until = Some(Instant::now() + pause);
                    let failures = outage.failures;
                    tracing::warn!(
                        event = "next_hop_unreachable",
                        failures,
                        ?pause,
                        error = &error as &dyn std::error::Error
                    );
                }
                Err(Fate::Unreachable(format!("451 4.4.1 {error}")))
            }
        }
    }

    async fn settle(&self, task: &DeliveryTask, fates: Vec<Fate>) {
        let now = self.store.now();
        let mut results = Vec::with_capacity(fates.len());
        let mut untried = Vec::new();
        let mut failed = Vec::new();
        for (recipient, fate) in task.recipients.iter().zip(fates) {
            let again = self.config.retry.next(now, task.first_queued, (task.receipt.as_str(), &recipient.address));
            let outcome = match (fate, again) {
                (Fate::Untried, _) => {
                    untried.push(recipient.id);
                    continue;
                }
                (Fate::Answered(Answer::Accepted(reply)), _) => RecipientOutcome::Delivered { reply },
                (Fate::Answered(Answer::NotNow(reply)), Some(at)) => RecipientOutcome::Retry { at, reply },
                (Fate::Unreachable(reply), Some(_)) => {
                    let pause = self.pause().unwrap_or(self.config.retry.hop_min);
                    RecipientOutcome::Retry { at: now.plus(pause), reply }
                }
                (Fate::Answered(Answer::NotNow(reply)) | Fate::Unreachable(reply), None) => {
                    failed.push(failure(recipient, "4.4.7", &reply));
                    RecipientOutcome::Failed { reply }
                }
                (Fate::Answered(Answer::Never(reply)), _) => {
                    failed.push(failure(recipient, &dsn::status(&reply), &reply));
                    RecipientOutcome::Failed { reply }
                }
            };
            let (state, end) = match &outcome {
                RecipientOutcome::Delivered { .. } => ("delivered", Tried::Delivered),
                RecipientOutcome::Retry { .. } => ("retry", Tried::Retry),
                RecipientOutcome::Failed { .. } => ("failed", Tried::Failed),
            };
            self.config.observer.tried(end);
            tracing::info!(event = "delivery", receipt = %task.receipt, state);
            results.push(RecipientResult { recipient_id: recipient.id, outcome });
        }
        if !untried.is_empty()
            && let Err(error) = self.store.delivery_release(&untried).await
        {
            tracing::error!(event = "delivery_release_failed", error = &error as &dyn std::error::Error);
        }
        if results.is_empty() {
            return;
        }
        let notice = if failed.is_empty() { None } else { self.notice_for(task, failed).await };
        self.write_down(task, results, notice).await;
    }

    /// The facts of a notice, if there is somebody who may get one (RFC 5321 section 4.5.5, RFC 3834).
    async fn notice_for(&self, task: &DeliveryTask, failed: Vec<FailedRecipient>) -> Option<DsnFacts> {
        let sender = task.sender.as_ref().filter(|_| !task.notice)?;
        // The header of a mail of ours lies in its first piece.
        let first = task.body.chunks().next().await.ok().flatten().unwrap_or_default();
        if dsn::is_automatic(&first) {
            return None;
        }
        Some(DsnFacts {
            about: task.message,
            receipt: task.receipt.clone(),
            recipient: sender.clone(),
            smtputf8: !sender.is_ascii(),
            reporting_mta: self.config.hostname.clone(),
            remote_mta: match &self.config.next_hop {
                NextHop::Smtp(hop) => Some(hop.host.clone()),
                NextHop::Maildir(_) => None,
            },
            arrival: task.first_queued,
            last_attempt: self.store.now(),
            failed,
        })
    }

    /// Stores results until they are stored: a result that is lost is a mail delivered twice.
    async fn write_down(&self, task: &DeliveryTask, results: Vec<RecipientResult>, notice: Option<DsnFacts>) {
        let mut pause = WRITE_PAUSE_MIN;
        loop {
            let written = match &notice {
                None => self.store.delivery_result(results.clone()).await,
                Some(facts) => match self.composer.compose(facts.clone()).await {
                    Ok(notice) => self.store.enqueue_notice(results.clone(), notice).await.map(drop),
                    Err(error) => {
                        tracing::error!(event = "notice_not_composed", receipt = %task.receipt, error = &*error as &dyn std::error::Error);
                        // A failure without its notice would be silent; the recipient is asked again instead.
                        self.store.delivery_result(self.postponed(&results)).await
                    }
                },
            };
            let Err(error) = written else { return };
            tracing::error!(event = "delivery_result_not_stored", receipt = %task.receipt, error = &error as &dyn std::error::Error);
            sleep(pause).await;
            pause = pause.saturating_mul(2).min(WRITE_PAUSE_MAX);
        }
    }

    fn postponed(&self, results: &[RecipientResult]) -> Vec<RecipientResult> {
        let at = self.store.now().plus(self.config.retry.min);
        let postpone = |result: &RecipientResult| match &result.outcome {
            RecipientOutcome::Failed { reply } => RecipientResult {
                recipient_id: result.recipient_id,
                outcome: RecipientOutcome::Retry { at, reply: reply.clone() },
            },
            RecipientOutcome::Delivered { .. } | RecipientOutcome::Retry { .. } => result.clone(),
        };
        results.iter().map(postpone).collect()
    }

    /// Waits for memory for a body; `None` when we are stopping.
    async fn memory_for(&self, octets: u64) -> Option<SemaphorePermit<'_>> {
        let share = kib(octets).clamp(1, self.memory_kib);
        tokio::select! {
            () = self.shutdown.cancelled() => None,
            permit = self.memory.acquire_many(share) => permit.ok(),
        }
    }

    fn outage(&self) -> std::sync::MutexGuard<'_, Outage> {
        // Plain numbers: a poisoned lock still holds true ones.
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn take_answers(open: &mut Vec<(usize, Address)>, fates: &mut [Option<Fate>], progress: &Progress) {
    let mut answers = progress.answers.iter();
    open.retain(|(place, _)| match answers.next() {
        Some(Some(answer)) => {
            set(fates, *place, Fate::Answered(answer.clone()));
            false
        }
        Some(None) | None => true,
    });
}

fn set(fates: &mut [Option<Fate>], place: usize, fate: Fate) {
    if let Some(slot) = fates.get_mut(place) {
        *slot = Some(fate);
    }
}

fn never(text: &str) -> Option<Fate> {
    Some(Fate::Answered(Answer::Never(text.to_owned())))
}

fn failure(recipient: &DueRecipient, status: &str, reply: &str) -> FailedRecipient {
    FailedRecipient { address: recipient.address.clone(), status: status.to_owned(), reply: reply.to_owned() }
}

fn kib(octets: u64) -> u32 {
    u32::try_from(octets.div_ceil(1024)).unwrap_or(u32::MAX)
}

const MAILDIR_WRITERS: usize = 8;
const WRITE_PAUSE_MIN: Duration = Duration::from_millis(200);
const WRITE_PAUSE_MAX: Duration = Duration::from_secs(5);

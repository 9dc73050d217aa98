//! What a completed mail leaves to be tried, by itself: its passwords on the locked mails before it, and those that were told before on
//! its own locked parts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use form::job::Password;
use store::{Envelope, LockedMail, LockedSearch, MessageId, OpenedBy, Receipt, Timestamp, Tries, TryOf};

use super::at_once::{AtOnce, is_locked};
use super::attempt::{Attempt, By, Opened, groups};
use super::told::{Names, PasswordMail, key};
use super::{MAX_ROUNDS, Pairing, holds};
use crate::worker::chain;

/// What a completed mail leaves to be tried.
pub(crate) struct Left {
    /// The mail, as one that tells passwords. It may tell none.
    mail: PasswordMail,
    keys: Vec<Password>,
    untried: Vec<Password>,
    /// Those that were tried on it while it was converted.
    tried: Vec<Password>,
    /// It has locked parts itself.
    is_locked: bool,
}

/// Passwords of a mail that are to be tried on another.
struct Task {
    on: MessageId,
    mail: Arc<PasswordMail>,
}

impl Pairing {
    /// What the outcome leaves to be tried once it is recorded; nothing for nearly all mails.
    pub(crate) fn left(&self, receipt: &Receipt, envelope: &Envelope, known: &AtOnce) -> Option<Left> {
        let outcome = &known.outcome;
        let is_locked = is_locked(outcome) && (self.settings.pairing || !known.untried.is_empty());
        let tells = self.settings.pairing && !outcome.candidates.is_empty();
        if !is_locked && !tells {
            return None;
        }
        let mail = PasswordMail {
            receipt: receipt.clone(),
            names: Names::of(envelope, outcome),
            recipients: envelope.recipients.clone(),
            candidates: if tells { outcome.candidates.clone() } else { Vec::new() },
            at: self.letterhead.clock.now(),
        };
        let AtOnce { keys, untried, tried, .. } = known;
        Some(Left { mail, keys: keys.clone(), untried: untried.clone(), tried: tried.clone(), is_locked })
    }

    /// Tries what a recorded mail has left, when its turn comes. The mail itself waits for none of it.
    pub(crate) fn follow(self: &Arc<Self>, message: MessageId, left: Left) {
        // At once: a locked mail that is just being completed looks here afterwards.
        if !left.mail.candidates.is_empty() {
            self.told.remember(left.mail.clone(), self.since());
        }
        if left.is_locked && !left.keys.is_empty() {
            self.keys.keep(message, &left.keys, &left.mail.recipients);
        }
        let pairing = Arc::clone(self);
        tokio::spawn(async move {
            let receipt = left.mail.receipt.clone();
            let Some(_place) = pairing.turns.place(&left.mail.names.key()) else {
                return pairing.failed(&receipt, "too many mails wait for their passwords to be tried");
            };
            let started = Instant::now();
            let mut pause = AGAIN_MIN;
            let mut tasks = None;
            loop {
                let Some(turn) = pairing.turns.turn().await else { return };
                let waiting = match tasks.take() {
                    Some(tasks) => tasks,
                    None => pairing.tasks(message, &left).await,
                };
                let waiting = pairing.work_on(waiting).await;
                drop(turn);
                if waiting.is_empty() {
                    return;
                }
                if started.elapsed() > AGAIN_FOR {
                    return pairing.failed(&receipt, "a scanner or room was not available for hours");
                }
                tasks = Some(waiting);
                tokio::time::sleep(pause).await;
                pause = pause.saturating_mul(2).min(AGAIN_MAX);
            }
        });
    }

    /// What a mail tells, for each of the locked mails before it; and for a mail that was completed with locked parts, what earlier
    /// mails told: for those recipients that both went to, and because the password mail may have come while this one was converted.
    async fn tasks(&self, message: MessageId, left: &Left) -> Vec<Task> {
        let mut tasks = Vec::new();
        let mail = Arc::new(left.mail.clone());
        if !mail.candidates.is_empty() {
            let search = LockedSearch {
                since: self.since(),
                senders: mail.names.senders(),
                message_ids: mail.names.answers().to_vec(),
                limit: self.settings.mails,
                recipients: mail.recipients.clone(),
            };
            match self.store.locked_mails(&search).await {
                Ok(locked) => {
                    let others = locked.iter().filter(|locked| locked.receipt != mail.receipt);
                    tasks.extend(others.map(|locked| Task { on: locked.message, mail: Arc::clone(&mail) }));
                }
                Err(error) => self.failed(&mail.receipt, &chain(&error)),
            }
        }
        if left.is_locked {
            if !left.untried.is_empty() {
                let own = PasswordMail { candidates: left.untried.clone(), ..left.mail.clone() };
                tasks.push(Task { on: message, mail: Arc::new(own) });
            }
            let went_to_one = |mail: &PasswordMail| left.mail.recipients.iter().any(|to| holds(&mail.recipients, to));
            let others = |told: &PasswordMail| told.receipt != mail.receipt && went_to_one(told);
            let is_tried = |told: &PasswordMail| told.candidates.iter().all(|password| left.tried.contains(password));
            let new = self.told(&mail.names, |told| others(told) && !is_tried(told));
            // Those once more: together with what opened something since, they may open the rest.
            let again = self.told(&mail.names, |told| others(told) && is_tried(told)).into_iter().take(MAX_ROUNDS);
            tasks.extend(new.into_iter().chain(again).map(|mail| Task { on: message, mail: Arc::new(mail) }));
        }
        tasks
    }

    /// Does what can be done now, and gives back the rest.
    async fn work_on(&self, tasks: Vec<Task>) -> Vec<Task> {
        let started = Instant::now();
        let mut rest = Vec::new();
        for task in tasks {
            if started.elapsed() > MOST_TIME || !self.pair(&task).await {
                rest.push(task);
            }
        }
        rest
    }

    /// Tries the candidates of one mail on the locked parts of another; `false` when it has to be done again later.
    async fn pair(&self, task: &Task) -> bool {
        let mail = &task.mail;
        match self.try_pair(task).await {
            Ok(is_done) => is_done,
            // What is gone meanwhile needs no password.
            Err(store::Error::NotFound(_) | store::Error::Expired) => true,
            Err(error) => {
                self.failed(&mail.receipt, &chain(&error));
                true
            }
        }
    }

    async fn try_pair(&self, task: &Task) -> Result<bool, store::Error> {
        let mail = &task.mail;
        let _alone = self.turns.alone(task.on).await;
        let Some(locked) = self.store.locked_mail(task.on).await? else { return Ok(true) };
        let sender = mail.names.key();
        let of = TryOf::Pairing { sender: &sender, own: sender == key_of(&locked) };
        let common = locked.recipients.iter().filter(|address| holds(&mail.recipients, address));
        let common: Vec<String> = common.cloned().collect();
        let (mut tried, mut exhausted) = (Vec::new(), Vec::new());
        for item in locked.items.iter().filter(|item| common.iter().any(|address| !item.served.contains(address))) {
            match self.store.count_try(item.id, of, GATEWAY, self.settings.paired_tries).await? {
                Tries::Left(_) => tried.push(item.id),
                Tries::Exhausted => {
                    exhausted.push(item.id);
                    tracing::warn!(event = "pairing_exhausted", receipt = locked.receipt.as_str(), item = item.id.0);
                }
            }
        }
        let told_to = &mail.recipients;
        let by = By { actor: GATEWAY, how: OpenedBy::Pairing, mail: Some(mail.receipt.clone()), told_to };
        let receipt = locked.receipt.as_str();
        let password_mail = mail.receipt.as_str();
        let mut is_done = true;
        for group in groups(&locked, &common, &exhausted) {
            match self.attempt(&locked, group, &mail.candidates, &by).await? {
                Attempt::Opened(Opened { files, recipients, still_locked, .. }) => {
                    let (files, still_locked) = (files.len(), still_locked.len());
                    tracing::info!(event = "paired", receipt, password_mail, files, recipients, still_locked);
                }
                Attempt::Nothing(closed) => match closed.iter().find_map(|item| Some((item.refusal?, item.fits))) {
                    Some((refusal, fits)) => {
                        let reason = refusal.reason.name();
                        tracing::info!(event = "paired_withheld", receipt, password_mail, reason, fits);
                    }
                    None => tracing::info!(event = "not_paired", receipt, password_mail),
                },
                Attempt::NotNow => is_done = false,
            }
        }
        if !is_done {
            for id in tried {
                self.store.return_try(id, of, GATEWAY).await?;
            }
        }
        Ok(is_done)
    }

    /// What those of the mails told that are wanted and belong together with one of these names.
    pub(super) fn told(&self, names: &Names, wanted: impl Fn(&PasswordMail) -> bool) -> Vec<PasswordMail> {
        let most = usize::try_from(self.settings.mails).unwrap_or(usize::MAX);
        self.told.of(names, self.since(), most, wanted)
    }

    fn since(&self) -> Timestamp {
        self.letterhead.clock.now().minus(self.settings.window())
    }

    fn failed(&self, receipt: &Receipt, why: &str) {
        tracing::warn!(event = "pairing_failed", receipt = receipt.as_str(), why);
    }
}

/// Who sent a locked mail, as one text.
fn key_of(locked: &LockedMail) -> String {
    key(locked.sender.as_deref().unwrap_or_default(), locked.header_from.as_deref().unwrap_or_default())
}

/// How long one mail keeps its turn; for what is left it waits for another.
const MOST_TIME: Duration = Duration::from_secs(60);
/// How soon it is tried again what a scanner or room was missing for, at first and at last.
const AGAIN_MIN: Duration = Duration::from_secs(2);
const AGAIN_MAX: Duration = Duration::from_secs(300);
/// How long that goes on.
const AGAIN_FOR: Duration = Duration::from_secs(4 * 3600);

/// Who the audit says it was.
const GATEWAY: &str = "gateway";

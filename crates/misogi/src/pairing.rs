//! Passwords on their way from one mail to the locked files of another, and from people to both.
//!
//! The habit is to send a locked file and its password in two mails. Whichever comes second brings them together: candidates of a
//! password mail are tried on the locked mails of the same sender or conversation that came before it, and remembered for those that
//! come after it. What opens goes to those only whom both mails went to.
//!
//! Passwords are in memory only: they are never stored or logged, and a restart forgets them. A mail is completed before its passwords
//! are tried on others, and a failure here never holds it up: what is not opened by itself can still be opened by typing.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use engine::{Engine, MAX_CANDIDATES, MailContext, MailOutcome, PartOutcome, PartVerdict, Patience, Unlocked};
use form::job::Password;
use tokio::sync::Semaphore;

use store::{
    Clock, Envelope, LockedMail, LockedSearch, MessageId, OpenedBy, QuarantineId, Receipt, Release, Store, Timestamp,
    Tries,
};
use web::{UnlockFuture, Unlocker, Unlocking};

use crate::config::Passwords;
use crate::worker::chain;

/// Password mails that are remembered; the oldest go first.
const MAX_REMEMBERED: usize = 1_000;

/// How often a mail is converted anew to try passwords that are known beforehand, a room's fill each time.
const MAX_ROUNDS: usize = 3;

/// Mails whose passwords are tried at the same time: the rooms are there for mails that wait to be delivered first of all.
const AT_ONCE: usize = 2;

/// Mails that wait for that. Of what comes beyond them nothing is tried by itself.
const MAX_WAITING: usize = 1_000;

/// How long the passwords of one mail are tried on further locked mails.
const MOST_TIME: Duration = Duration::from_secs(60);

/// Who the audit says it was.
const GATEWAY: &str = "gateway";

/// Brings passwords and locked files together.
pub(crate) struct Pairing {
    pub(crate) store: Store,
    pub(crate) engine: Engine,
    pub(crate) clock: Clock,
    pub(crate) settings: Passwords,
    pub(crate) postmaster: String,
    pub(crate) utc_offset_minutes: i16,
    pub(crate) told: Told,
    pub(crate) turns: Turns,
}

/// Whose turn it is to try passwords.
pub(crate) struct Turns {
    working: Semaphore,
    waiting: Semaphore,
}

impl Default for Turns {
    fn default() -> Self {
        Self { working: Semaphore::new(AT_ONCE), waiting: Semaphore::new(MAX_WAITING) }
    }
}

/// What a completed mail leaves to be tried.
pub(crate) struct Left {
    told: Option<PasswordMail>,
    /// By what a mail that is still locked is known, and whom it went to.
    locked: Option<(Names, Vec<String>)>,
}

impl fmt::Debug for Pairing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pairing")
    }
}

/// Candidates of recent password mails.
#[derive(Default)]
pub(crate) struct Told(Mutex<VecDeque<PasswordMail>>);

/// A mail whose text may tell a password.
#[derive(Clone)]
struct PasswordMail {
    receipt: Receipt,
    names: Names,
    recipients: Vec<String>,
    candidates: Vec<Password>,
    at: Timestamp,
}

/// By what two mails are known to belong together.
#[derive(Clone, Default)]
pub(crate) struct Names {
    /// Reverse-path and From.
    senders: Vec<String>,
    /// Its own Message-ID.
    own: Option<String>,
    /// The mails that it answers.
    answers: Vec<String>,
}

impl Names {
    fn of(envelope: &Envelope, outcome: &MailOutcome) -> Self {
        let header = &outcome.header;
        let from = header.from.as_ref().map(|from| from.address.as_str().to_owned());
        let ids = header.in_reply_to.iter().chain(&header.references);
        Self {
            senders: envelope.sender.iter().cloned().chain(from).filter(|address| !address.is_empty()).collect(),
            own: header.message_id.as_ref().map(|id| id.as_str().to_owned()),
            answers: ids.map(|id| id.as_str().to_owned()).collect(),
        }
    }

    fn belongs_to(&self, other: &Names) -> bool {
        let answers = |one: &Names, two: &Names| two.own.as_ref().is_some_and(|id| one.answers.contains(id));
        let same = |sender: &String| other.senders.iter().any(|other| other.eq_ignore_ascii_case(sender));
        self.senders.iter().any(same) || answers(self, other) || answers(other, self)
    }
}

/// What came of one attempt to open a mail.
enum Attempt {
    Opened { files: Vec<String>, paths: Vec<String>, recipients: usize },
    Wrong,
    Withheld(form::reason::Reason),
    NotNow,
}

impl Pairing {
    /// Whether the mail has parts that a password may open, and passwords for it are looked for at all.
    fn is_wanted(&self, outcome: &MailOutcome) -> bool {
        self.settings.pairing && outcome.parts.iter().any(PartOutcome::is_locked)
    }

    /// Converts a mail with locked parts anew with the passwords that are known already: those of its sender, those in its own text,
    /// those of earlier mails that went to all its recipients. It is then delivered open at once.
    pub(crate) async fn opened_at_once(
        &self,
        original: &engine::Source,
        context: &MailContext,
        envelope: &Envelope,
        mut outcome: MailOutcome,
    ) -> MailOutcome {
        if !self.is_wanted(&outcome) {
            return outcome;
        }
        let names = Names::of(envelope, &outcome);
        let mut passwords = self.settings.of_partner(&names.senders);
        passwords.extend(outcome.candidates.iter().cloned());
        for mail in self.told(&names, |mail| within(&envelope.recipients, &mail.recipients)) {
            passwords.extend(mail.candidates);
        }
        for round in passwords.chunks(MAX_CANDIDATES).take(MAX_ROUNDS) {
            let context = MailContext { passwords: round.to_vec(), ..context.clone() };
            match self.engine.sanitise_mail(original, &context).await {
                Ok(again) if is_better(&again, &outcome) => outcome = again,
                Ok(_) => {}
                Err(defer) => {
                    // The mail is whole as it is, and waits for nothing.
                    tracing::warn!(event = "unlock_deferred", receipt = context.receipt, why = chain(&defer));
                    break;
                }
            }
            if !outcome.parts.iter().any(PartOutcome::is_locked) {
                tracing::info!(event = "opened_at_once", receipt = context.receipt);
                break;
            }
        }
        outcome
    }

    /// What the outcome leaves to be tried once it is recorded; nothing for nearly all mails.
    pub(crate) fn left(&self, receipt: &Receipt, envelope: &Envelope, outcome: &MailOutcome) -> Option<Left> {
        let tells = self.settings.pairing && !outcome.candidates.is_empty();
        let told = tells.then(|| PasswordMail {
            receipt: receipt.clone(),
            names: Names::of(envelope, outcome),
            recipients: envelope.recipients.clone(),
            candidates: outcome.candidates.clone(),
            at: self.clock.now(),
        });
        let locked = self.is_wanted(outcome).then(|| (Names::of(envelope, outcome), envelope.recipients.clone()));
        (told.is_some() || locked.is_some()).then_some(Left { told, locked })
    }

    /// Tries what a recorded mail has left, when its turn comes. The mail itself waits for none of it.
    pub(crate) fn follow(self: &Arc<Self>, message: MessageId, receipt: Receipt, left: Left) {
        // At once: a locked mail that is just being completed looks here afterwards.
        if let Some(told) = &left.told {
            self.remember(told.clone());
        }
        let pairing = Arc::clone(self);
        tokio::spawn(async move {
            let Ok(_place) = pairing.turns.waiting.try_acquire() else {
                return pairing.failed(&receipt, "too many mails wait for their passwords to be tried");
            };
            let Ok(_turn) = pairing.turns.working.acquire().await else { return };
            if let Some(told) = left.told {
                pairing.password_mail(told).await;
            }
            if let Some((names, recipients)) = left.locked {
                pairing.locked_mail(message, &receipt, &names, &recipients).await;
            }
        });
    }

    /// Tries what a mail tells on the locked mails before it. Run again, it changes nothing.
    async fn password_mail(&self, mail: PasswordMail) {
        let started = Instant::now();
        let search = LockedSearch {
            since: self.since(),
            senders: mail.names.senders.clone(),
            message_ids: mail.names.answers.clone(),
            limit: self.settings.mails,
            recipients: mail.recipients.clone(),
        };
        match self.store.locked_mails(&search).await {
            Ok(locked) => {
                for locked in locked.iter().filter(|locked| locked.receipt != mail.receipt) {
                    if started.elapsed() > MOST_TIME {
                        return self.failed(&mail.receipt, "it took too long to try its passwords on all locked mails");
                    }
                    self.pair(locked, &mail).await;
                }
            }
            Err(error) => self.failed(&mail.receipt, &chain(&error)),
        }
    }

    /// Tries what earlier mails told on a mail that was completed with locked parts: for those recipients that both went to, and
    /// because the password mail may have come while this one was converted.
    async fn locked_mail(&self, message: MessageId, receipt: &Receipt, names: &Names, recipients: &[String]) {
        let went_to_one = |mail: &PasswordMail| recipients.iter().any(|address| holds(&mail.recipients, address));
        let told = self.told(names, |mail| mail.receipt != *receipt && went_to_one(mail));
        for mail in told.into_iter().take(MAX_ROUNDS) {
            match self.store.locked_mail(message).await {
                Ok(Some(locked)) => self.pair(&locked, &mail).await,
                Ok(None) => return,
                Err(error) => return self.failed(receipt, &chain(&error)),
            }
        }
    }

    /// Tries the candidates of one mail on the locked parts of another.
    async fn pair(&self, locked: &LockedMail, mail: &PasswordMail) {
        let recipients: Vec<String> =
            locked.recipients.iter().filter(|address| holds(&mail.recipients, address)).cloned().collect();
        let lacking = |served: &[String]| recipients.iter().any(|address| !served.contains(address));
        let mut items = Vec::new();
        for item in locked.items.iter().filter(|item| lacking(&item.served)) {
            match self.store.count_try(item.id, OpenedBy::Pairing, GATEWAY, self.settings.paired_tries).await {
                Ok(Tries::Left(_)) => items.push((item.id, item.path.clone())),
                Ok(Tries::Exhausted) => {
                    tracing::warn!(event = "pairing_exhausted", receipt = locked.receipt.as_str(), item = item.id.0);
                }
                Err(error) => return self.failed(&locked.receipt, &chain(&error)),
            }
        }
        if items.is_empty() {
            return;
        }
        let by = By { actor: GATEWAY, how: OpenedBy::Pairing, mail: Some(mail.receipt.clone()) };
        match self.attempt(locked, &items, &mail.candidates, recipients, by).await {
            Ok(Attempt::Opened { files, recipients, .. }) => tracing::info!(
                event = "paired",
                receipt = locked.receipt.as_str(),
                password_mail = mail.receipt.as_str(),
                files = files.len(),
                recipients
            ),
            Ok(Attempt::Withheld(reason)) => {
                tracing::info!(event = "paired_withheld", receipt = locked.receipt.as_str(), reason = reason.name());
            }
            Ok(Attempt::Wrong) => {
                tracing::info!(
                    event = "not_paired",
                    receipt = locked.receipt.as_str(),
                    password_mail = mail.receipt.as_str()
                );
            }
            Ok(Attempt::NotNow) => self.failed(&locked.receipt, "a scanner or room is not available"),
            Err(error) => self.failed(&locked.receipt, &chain(&error)),
        }
    }

    async fn attempt(
        &self,
        locked: &LockedMail,
        items: &[(QuarantineId, String)],
        passwords: &[Password],
        recipients: Vec<String>,
        by: By<'_>,
    ) -> Result<Attempt, store::Error> {
        let original = locked.original.to_source().await?;
        let receipt = self.store.new_receipt()?;
        let context = MailContext {
            receipt: receipt.as_str().to_owned(),
            sender: locked.sender.clone().unwrap_or_default(),
            recipients: recipients.clone(),
            postmaster: self.postmaster.clone(),
            patience: Patience::Last,
            now: self.clock.now().unix_millis().div_euclid(1000),
            utc_offset_minutes: self.utc_offset_minutes,
            passwords: passwords.to_vec(),
        };
        let paths: Vec<String> = items.iter().map(|(_, path)| path.clone()).collect();
        let mail = match self.engine.unlock_mail(&original, &context, locked.receipt.as_str(), &paths).await {
            Ok(Unlocked::Opened(mail)) => mail,
            Ok(Unlocked::WrongPassword) => return Ok(Attempt::Wrong),
            Ok(Unlocked::Withheld(refusal)) => return Ok(Attempt::Withheld(refusal.reason)),
            Err(defer) => {
                tracing::warn!(event = "unlock_deferred", receipt = locked.receipt.as_str(), why = chain(&defer));
                return Ok(Attempt::NotNow);
            }
        };
        let files = mail.parts.iter().filter_map(|part| part.output_name.as_ref());
        let files: Vec<String> = files.map(|name| name.as_str().to_owned()).collect();
        let opened = items.iter().filter(|(_, path)| mail.opened.contains(path)).map(|(id, _)| *id);
        let release = Release {
            receipt,
            about: locked.message,
            items: opened.collect(),
            recipients,
            subject: mail.subject,
            body: mail.fresh,
            actor: by.actor.to_owned(),
            by: by.how,
            password_mail: by.mail,
        };
        let released = self.store.release_unlocked(release).await?;
        Ok(Attempt::Opened { files, paths: mail.opened, recipients: released.recipients.len() })
    }

    async fn typed(&self, id: QuarantineId, password: Password, actor: &str) -> Result<Unlocking, store::Error> {
        let row = self.store.quarantine_item(id).await?.ok_or(store::Error::NotFound("quarantined original"))?;
        let Some(locked) = self.store.locked_mail(row.message).await? else { return Ok(Unlocking::NotLocked) };
        let Some(item) = locked.items.iter().find(|item| item.id == id) else { return Ok(Unlocking::NotLocked) };
        let left = match self.store.count_try(id, OpenedBy::Typing, actor, self.settings.typed_tries).await? {
            Tries::Left(left) => left,
            Tries::Exhausted => return Ok(Unlocking::Exhausted),
        };
        // The same password is for all files of a mail more often than not.
        let items: Vec<_> = locked.items.iter().map(|item| (item.id, item.path.clone())).collect();
        let by = By { actor, how: OpenedBy::Typing, mail: None };
        let attempt = self.attempt(&locked, &items, &[password], locked.recipients.clone(), by).await?;
        let receipt = locked.receipt.as_str();
        Ok(match attempt {
            Attempt::Opened { files, paths, recipients } if paths.contains(&item.path) => {
                tracing::info!(event = "unlocked", receipt, item = id.0, actor, recipients);
                Unlocking::Opened { files, recipients }
            }
            // It opened another file of the mail, which is on its way.
            Attempt::Opened { .. } | Attempt::Wrong => {
                tracing::info!(event = "wrong_password", receipt, item = id.0, actor, left);
                Unlocking::Wrong { left }
            }
            Attempt::Withheld(reason) => Unlocking::Withheld(reason),
            Attempt::NotNow => Unlocking::Busy,
        })
    }

    fn remember(&self, mail: PasswordMail) {
        let since = self.since();
        let mut told = self.told.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|earlier| earlier.at >= since && earlier.receipt != mail.receipt);
        while told.len() >= MAX_REMEMBERED {
            told.pop_front();
        }
        told.push_back(mail);
    }

    /// What those of the mails told that are wanted and belong together with one of these names, the newest first.
    fn told(&self, names: &Names, wanted: impl Fn(&PasswordMail) -> bool) -> Vec<PasswordMail> {
        let since = self.since();
        let told = self.told.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = told.iter().rev().filter(|mail| mail.at >= since && mail.names.belongs_to(names) && wanted(mail));
        found.take(usize::try_from(self.settings.mails).unwrap_or(usize::MAX)).cloned().collect()
    }

    fn since(&self) -> Timestamp {
        self.clock.now().minus(self.settings.window())
    }

    fn failed(&self, receipt: &Receipt, why: &str) {
        tracing::warn!(event = "pairing_failed", receipt = receipt.as_str(), why);
    }
}

impl Unlocker for Pairing {
    fn unlock<'a>(&'a self, id: QuarantineId, password: Password, actor: &'a str) -> UnlockFuture<'a> {
        Box::pin(self.typed(id, password, actor))
    }
}

struct By<'a> {
    actor: &'a str,
    how: OpenedBy,
    mail: Option<Receipt>,
}

/// Whether more of the mail passes than before, and nothing less: candidates cost time and room, for which another part may have to
/// stay behind, and that is no gain.
fn is_better(again: &MailOutcome, before: &MailOutcome) -> bool {
    let passes = |outcome: &MailOutcome, path: &str| {
        let mut parts = outcome.parts.iter().flat_map(PartOutcome::flatten);
        parts.any(|part| part.path == path && part.verdict == PartVerdict::Sanitised)
    };
    let all = || before.parts.iter().flat_map(PartOutcome::flatten);
    let kept = all().filter(|part| part.verdict == PartVerdict::Sanitised).all(|part| passes(again, &part.path));
    let opened = again
        .parts
        .iter()
        .zip(&before.parts)
        .any(|(again, before)| before.is_locked() && !again.is_locked() && again.verdict == PartVerdict::Sanitised);
    // What is still locked must stay so: a part that ended in another way could never be opened again.
    let lost = all().filter(|part| part.is_locked()).any(|part| {
        let mut now = again.parts.iter().flat_map(PartOutcome::flatten).filter(|now| now.path == part.path);
        !now.any(|now| now.verdict == PartVerdict::Sanitised || now.is_locked())
    });
    again.refusal.is_none() && kept && opened && !lost
}

fn within(few: &[String], many: &[String]) -> bool {
    few.iter().all(|address| holds(many, address))
}

/// Next hops of one site do not tell letter case apart.
fn holds(addresses: &[String], address: &str) -> bool {
    addresses.iter().any(|other| other.eq_ignore_ascii_case(address))
}

//! Passwords on their way from one mail to the locked files of another, and from people to both.
//!
//! The habit is to send a locked file and its password in two mails. Whichever comes second brings them together: candidates of a
//! password mail are tried on the locked mails of the same sender or conversation that came before it, and remembered for those that
//! come after it. What opens goes to those only whom both mails went to.
//!
//! Passwords are in memory only: they are never stored or logged, and a restart forgets them. A mail is completed before its passwords
//! are tried on others, and a failure here never holds it up: what is not opened by itself can still be opened by typing.
//!
//! Anybody can write any sender into a mail. So everything that could run out is counted for each sender, a sender being reverse-path and
//! From together: places in memory ([`told`]), places to wait ([`turns`]), tries on an item (`store`).

mod at_once;
mod told;
mod turns;
mod upload;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::{Engine, Locked, MAX_CANDIDATES, MailContext, NotOpened, PartOutcome, Patience, Unlocked, UnlockedMail};
use form::job::Password;
use form::reason::Reason;
use store::{
    Clock, Envelope, LockedMail, LockedSearch, MessageId, OpenedBy, QuarantineId, Receipt, Release, StillHeld, Store,
    Timestamp, Tries, TryOf,
};
use web::{UnlockFuture, Unlocker, Unlocking};

use crate::config::Passwords;
use crate::worker::chain;
pub(crate) use at_once::AtOnce;
use at_once::is_locked;
pub(crate) use told::{Keys, Told};
use told::{Names, PasswordMail, key};
pub(crate) use turns::Turns;

/// How often a mail is converted anew to try passwords that are known beforehand, a room's fill each time, before it is delivered.
const MAX_ROUNDS: usize = 3;

/// Passwords known beforehand that are tried on one mail; those for which there is no time before its delivery follow it.
pub(crate) const MAX_KNOWN: usize = 256;

/// How long one mail keeps its turn; for what is left it waits for another.
const MOST_TIME: Duration = Duration::from_secs(60);

/// How soon it is tried again what a scanner or room was missing for, at first and at last.
const AGAIN_MIN: Duration = Duration::from_secs(2);
const AGAIN_MAX: Duration = Duration::from_secs(300);

/// How long that goes on.
const AGAIN_FOR: Duration = Duration::from_secs(4 * 3600);

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
    pub(crate) keys: Keys,
    pub(crate) turns: Turns,
}

impl fmt::Debug for Pairing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pairing")
    }
}

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

/// What came of one attempt to open a mail.
enum Attempt {
    Opened(Opened),
    Nothing(Vec<NotOpened>),
    NotNow,
}

struct Opened {
    files: Vec<String>,
    /// Paths of the items that were opened, also in part.
    paths: Vec<String>,
    recipients: usize,
    /// The path that was opened, for each part in it that is locked still.
    still_locked: Vec<String>,
}

/// Recipients who lack the same items.
struct Group {
    recipients: Vec<String>,
    items: Vec<(QuarantineId, String)>,
    /// Paths that they have, or that are not to be tried.
    left_out: Vec<String>,
    /// Items that are not to be tried.
    exhausted: Vec<QuarantineId>,
}

impl Opened {
    /// What a later round opened for the same recipients.
    fn add(&mut self, more: Opened) {
        self.files.extend(more.files);
        self.paths.extend(more.paths);
        self.recipients = self.recipients.max(more.recipients);
        self.still_locked.extend(more.still_locked);
    }
}

impl Group {
    fn paths(&self) -> Vec<String> {
        self.items.iter().map(|(_, path)| path.clone()).collect()
    }
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
            at: self.clock.now(),
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

    /// Tries passwords for recipients who lack the same items, and sends them what opens. Whoever calls is [`Turns::alone`] with the mail.
    async fn attempt(
        &self,
        locked: &LockedMail,
        group: Group,
        passwords: &[Password],
        by: &By<'_>,
    ) -> Result<Attempt, store::Error> {
        let original = locked.original.to_source().await?;
        let keys = self.keys.of(locked.message, &group.recipients);
        // What opens with the keys alone says nothing of a password that somebody typed.
        let alone = match by.how {
            OpenedBy::Typing if !keys.is_empty() => {
                match self.convert(locked, &original, &group, keys.clone(), by).await? {
                    Some((_, unlocked)) => Some(unlocked),
                    None => return Ok(Attempt::NotNow),
                }
            }
            OpenedBy::Typing | OpenedBy::Pairing => None,
        };
        let mut group = group;
        let mut all: Option<Opened> = None;
        let mut closed: Vec<NotOpened> = Vec::new();
        let rounds = rounds(passwords, &keys);
        let count = rounds.len();
        for (number, (new, keys)) in (1..).zip(rounds) {
            let round: Vec<Password> = new.iter().chain(keys).cloned().collect();
            let Some((receipt, unlocked)) = self.convert(locked, &original, &group, round.clone(), by).await? else {
                match all {
                    // Whoever typed it is told what opened; what was told is tried again.
                    Some(opened) if by.how == OpenedBy::Typing => return Ok(Attempt::Opened(opened)),
                    _ => return Ok(Attempt::NotNow),
                }
            };
            let by_these: Vec<Password> = unlocked.by().of(&round).filter(|key| new.contains(key)).cloned().collect();
            let known = alone.as_ref().and_then(|alone| more(alone, &unlocked).err());
            let mail = match unlocked {
                Unlocked::Opened(mail) if known.is_none() => mail,
                Unlocked::Opened(_) => {
                    closed.extend(known.unwrap_or_default());
                    continue;
                }
                Unlocked::Nothing { closed: more, .. } => {
                    // It opens the archive around a locked one, and will be needed with the password of that.
                    if !by_these.is_empty() {
                        self.keys.keep(locked.message, &by_these, by.told_to);
                    }
                    closed.extend(known.unwrap_or(more));
                    continue;
                }
            };
            let opened = self.release(locked, &group, receipt, mail, &by_these, by).await?;
            match &mut all {
                Some(all) => all.add(opened),
                None => all = Some(opened),
            }
            if number == count {
                break;
            }
            // On for what is locked still.
            let Some(now) = self.store.locked_mail(locked.message).await? else { break };
            let Some(rest) = groups(&now, &group.recipients, &group.exhausted).into_iter().next() else { break };
            group = rest;
        }
        // What is known for certain comes first.
        closed.sort_by_key(|item| (!item.fits, item.refusal.is_none()));
        Ok(all.map_or(Attempt::Nothing(closed), Attempt::Opened))
    }

    /// What passwords open, which nobody is sent yet; `None`: not just now. A virus that they show is written down.
    async fn convert(
        &self,
        locked: &LockedMail,
        original: &engine::Source,
        group: &Group,
        passwords: Vec<Password>,
        by: &By<'_>,
    ) -> Result<Option<(Receipt, Unlocked)>, store::Error> {
        let receipt = self.store.new_receipt()?;
        let context = MailContext {
            receipt: receipt.as_str().to_owned(),
            sender: locked.sender.clone().unwrap_or_default(),
            recipients: group.recipients.clone(),
            postmaster: self.postmaster.clone(),
            patience: Patience::Last,
            now: self.clock.now().unix_millis().div_euclid(1000),
            utc_offset_minutes: self.utc_offset_minutes,
            passwords,
        };
        let paths = group.paths();
        let wanted = Locked { first: locked.receipt.as_str(), paths: &paths, left_out: &group.left_out };
        match self.engine.current().unlock_mail(original, &context, &wanted).await {
            Ok(unlocked) => {
                let of = |path: &String| group.items.iter().find(|(_, of)| of == path).map(|(id, _)| *id);
                let infected: Vec<QuarantineId> = unlocked.infected().iter().filter_map(of).collect();
                self.store.virus_found(&infected, by.how, by.actor).await?;
                Ok(Some((receipt, unlocked)))
            }
            Err(defer) => {
                tracing::warn!(event = "unlock_deferred", receipt = locked.receipt.as_str(), why = chain(&defer));
                Ok(None)
            }
        }
    }

    /// Sends what was opened, and keeps the passwords that opened it where something is locked still.
    async fn release(
        &self,
        locked: &LockedMail,
        group: &Group,
        receipt: Receipt,
        mail: UnlockedMail,
        keys: &[Password],
        by: &By<'_>,
    ) -> Result<Opened, store::Error> {
        let files = mail.parts.iter().filter_map(|part| part.output_name.as_ref());
        let files: Vec<String> = files.map(|name| name.as_str().to_owned()).collect();
        let id_of = |path: &String| group.items.iter().find(|(_, of)| of == path).map(|(id, _)| *id);
        let still_held: Vec<StillHeld> =
            mail.still_held.iter().filter_map(|part| Some(still_held(part, id_of(&part.inside)?))).collect();
        if still_held.iter().any(|part| part.is_locked) {
            self.keys.keep(locked.message, keys, by.told_to);
        }
        let release = Release {
            receipt,
            about: locked.message,
            items: mail.opened.iter().filter_map(id_of).collect(),
            still_held,
            recipients: group.recipients.clone(),
            subject: mail.subject,
            body: mail.fresh,
            actor: by.actor.to_owned(),
            by: by.how,
            password_mail: by.mail.clone(),
        };
        let released = self.store.release_unlocked(release).await?;
        Ok(Opened {
            files,
            paths: mail.opened,
            recipients: released.recipients.len(),
            still_locked: mail.still_held.into_iter().filter(|part| part.is_locked).map(|part| part.inside).collect(),
        })
    }

    /// Tries a password that somebody typed for one item. It counts for that item alone, and only when it opens nothing: the same
    /// password is for all files of a mail more often than not, and what it opens besides is delivered too.
    async fn typed(&self, id: QuarantineId, password: Password, actor: &str) -> Result<Unlocking, store::Error> {
        let row = self.store.quarantine_item(id).await?.ok_or(store::Error::NotFound("quarantined original"))?;
        if self.store.upload_lock(row.message, self.settings.typed_tries).await?.is_some() {
            let _alone = self.turns.alone_with_upload(row.message).await;
            return match self.store.locked_upload(row.message).await? {
                Some(upload) => self.typed_on_upload(upload, id, password, actor).await,
                None => Ok(Unlocking::NotLocked),
            };
        }
        let _alone = self.turns.alone(row.message).await;
        let Some(locked) = self.store.locked_mail(row.message).await? else { return Ok(Unlocking::NotLocked) };
        let Some(item) = locked.items.iter().find(|item| item.id == id) else { return Ok(Unlocking::NotLocked) };
        let left = match self.store.count_try(id, TryOf::Typing, actor, self.settings.typed_tries).await? {
            Tries::Left(left) => left,
            Tries::Exhausted => return Ok(Unlocking::Exhausted),
        };
        let by = By { actor, how: OpenedBy::Typing, mail: None, told_to: &locked.recipients };
        let mut all = Opened { files: Vec::new(), paths: Vec::new(), recipients: 0, still_locked: Vec::new() };
        let mut other = Unlocking::Wrong { left };
        for group in groups(&locked, &locked.recipients, &[]) {
            match self.attempt(&locked, group, std::slice::from_ref(&password), &by).await? {
                Attempt::Opened(opened) => {
                    all.recipients = all.recipients.saturating_add(opened.recipients);
                    all.files.extend(opened.files);
                    all.paths.extend(opened.paths);
                    all.still_locked.extend(opened.still_locked);
                }
                Attempt::Nothing(closed) => {
                    let own = closed.iter().find(|closed| closed.path == item.path);
                    match own.map(|closed| (closed.refusal.map(|refusal| refusal.reason), closed.fits)) {
                        Some((Some(reason), true)) => other = Unlocking::Withheld { reason },
                        // It is right, and what it opens holds nothing but what another password opens.
                        Some((None, true)) => other = Unlocking::Withheld { reason: Reason::Encrypted },
                        Some((Some(reason), false)) => other = Unlocking::Unknown { reason, left },
                        Some((None, false)) | None => {}
                    }
                }
                Attempt::NotNow => other = Unlocking::Busy,
            }
        }
        all.files.sort();
        all.files.dedup();
        let receipt = locked.receipt.as_str();
        let Opened { files, paths, recipients, still_locked } = all;
        let answer = if paths.contains(&item.path) {
            tracing::info!(event = "unlocked", receipt, item = id.0, actor, recipients);
            let still_locked = still_locked.iter().filter(|inside| **inside == item.path).count();
            Unlocking::Opened { files, recipients, still_locked }
        } else if !paths.is_empty() {
            tracing::info!(event = "unlocked", receipt, item = id.0, actor, recipients);
            Unlocking::OpenedOthers { files, recipients }
        } else {
            other
        };
        match &answer {
            Unlocking::Wrong { .. } | Unlocking::Unknown { .. } => {
                tracing::info!(event = "wrong_password", receipt, item = id.0, actor, left);
            }
            Unlocking::Opened { .. }
            | Unlocking::OpenedOthers { .. }
            | Unlocking::OpenedUpload { .. }
            | Unlocking::AnotherNeeded { .. }
            | Unlocking::Withheld { .. }
            | Unlocking::Exhausted
            | Unlocking::NotLocked
            | Unlocking::Busy => self.store.return_try(id, TryOf::Typing, actor).await?,
        }
        Ok(answer)
    }

    /// What those of the mails told that are wanted and belong together with one of these names.
    fn told(&self, names: &Names, wanted: impl Fn(&PasswordMail) -> bool) -> Vec<PasswordMail> {
        let most = usize::try_from(self.settings.mails).unwrap_or(usize::MAX);
        self.told.of(names, self.since(), most, wanted)
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

    fn tries(&self) -> u32 {
        self.settings.typed_tries
    }
}

/// Who sent a locked mail, as one text.
fn key_of(locked: &LockedMail) -> String {
    key(locked.sender.as_deref().unwrap_or_default(), locked.header_from.as_deref().unwrap_or_default())
}

fn still_held(part: &engine::StillHeld, inside: QuarantineId) -> StillHeld {
    StillHeld {
        inside,
        path: part.path.clone(),
        name: part.name.clone(),
        detected_type: part.detected_type.clone(),
        reason: part.reason,
        is_locked: part.is_locked,
        original: part.original.clone(),
    }
}

/// These recipients, by what they lack: nobody is sent again what he has.
fn groups(locked: &LockedMail, recipients: &[String], exhausted: &[QuarantineId]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for address in recipients {
        let is_lacking = |item: &&store::LockedItem| !item.served.contains(address) && !exhausted.contains(&item.id);
        let lacking = locked.items.iter().filter(is_lacking);
        let items: Vec<_> = lacking.map(|item| (item.id, item.path.clone())).collect();
        if items.is_empty() {
            continue;
        }
        match groups.iter_mut().find(|group| group.items == items) {
            Some(group) => group.recipients.push(address.clone()),
            None => {
                let all = locked.items.iter().map(|item| &item.path).chain(&locked.open);
                let left_out = all.filter(|path| items.iter().all(|(_, wanted)| wanted != *path)).cloned().collect();
                let exhausted = exhausted.to_vec();
                groups.push(Group { recipients: vec![address.clone()], items, left_out, exhausted });
            }
        }
    }
    groups
}

/// Each password together with each key, as a part may need one that was told before beside the one that is told now; a room's fill
/// each time.
fn rounds<'a>(passwords: &'a [Password], keys: &'a [Password]) -> Vec<(&'a [Password], &'a [Password])> {
    let most = MAX_CANDIDATES.saturating_sub(passwords.len().min(MAX_CANDIDATES / 2)).max(1);
    let mut of_keys: Vec<&[Password]> = keys.chunks(most).collect();
    if of_keys.is_empty() {
        of_keys.push(&[]);
    }
    let with = |keys: &'a [Password]| {
        passwords.chunks(MAX_CANDIDATES.saturating_sub(keys.len()).max(1)).map(move |new| (new, keys))
    };
    of_keys.into_iter().flat_map(with).collect()
}

/// Whether a password opens more than the keys do alone; otherwise what is to be said of it instead.
fn more(alone: &Unlocked, with: &Unlocked) -> Result<(), Vec<NotOpened>> {
    let unknown = |path: &String| NotOpened { path: path.clone(), refusal: None, fits: false };
    match (alone, with) {
        (Unlocked::Nothing { .. }, Unlocked::Opened(_)) => Ok(()),
        (Unlocked::Opened(alone), Unlocked::Opened(with)) => {
            let passes = |mail: &UnlockedMail| -> Vec<String> {
                let parts = mail.parts.iter().flat_map(PartOutcome::flatten).filter(|part| part.fresh.is_some());
                parts.map(|part| part.path.clone()).collect()
            };
            let known = passes(alone);
            let is_more = passes(with).iter().any(|path| !known.contains(path));
            if is_more { Ok(()) } else { Err(with.opened.iter().map(unknown).collect()) }
        }
        (Unlocked::Nothing { closed: before, .. }, Unlocked::Nothing { closed, .. }) => {
            // That a key fits does not say that this password does.
            let of =
                |item: &NotOpened| if item.fits && before.contains(item) { unknown(&item.path) } else { item.clone() };
            Err(closed.iter().map(of).collect())
        }
        (Unlocked::Opened(_), Unlocked::Nothing { closed, .. }) => Err(closed.clone()),
    }
}

struct By<'a> {
    actor: &'a str,
    how: OpenedBy,
    mail: Option<Receipt>,
    /// Who knows the passwords. A typed one opens for all recipients of the mail.
    told_to: &'a [String],
}

/// Next hops of one site do not tell letter case apart.
fn holds(addresses: &[String], address: &str) -> bool {
    addresses.iter().any(|other| other.eq_ignore_ascii_case(address))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn every_password_is_tried_with_every_key() {
        let some = |name: &str, count: usize| -> Vec<Password> {
            (0..count).map(|number| Password::new(&format!("{name}{number}")).unwrap()).collect()
        };
        for (new, known) in [(16, 0), (16, 1), (16, 16), (1, 16), (16, 9)] {
            let (passwords, keys) = (some("p", new), some("k", known));
            let rounds = rounds(&passwords, &keys);
            assert!(rounds.len() <= 4 && rounds.iter().all(|(new, keys)| new.len() + keys.len() <= MAX_CANDIDATES));
            let meets = |password, key| rounds.iter().any(|(new, keys)| new.contains(password) && keys.contains(key));
            assert!(passwords.iter().all(|password| keys.iter().all(|key| meets(password, key))), "{new} {known}");
            assert!(passwords.iter().all(|password| rounds.iter().any(|(new, _)| new.contains(password))));
        }
    }
}

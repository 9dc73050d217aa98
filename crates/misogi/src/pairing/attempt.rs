//! One attempt to open a locked mail for recipients who lack the same of it: passwords are tried in rooms, and what opens is sent.

use engine::{Locked, MAX_CANDIDATES, MailContext, NotOpened, PartOutcome, Patience, Unlocked, UnlockedMail};
use form::job::Password;
use store::{LockedMail, OpenedBy, QuarantineId, Receipt, Release, StillHeld};

use super::Pairing;
use crate::worker::chain;

/// Who tries, and what for.
pub(super) struct By<'a> {
    pub(super) actor: &'a str,
    pub(super) how: OpenedBy,
    pub(super) mail: Option<Receipt>,
    /// Who knows the passwords. A typed one opens for all recipients of the mail.
    pub(super) told_to: &'a [String],
}

/// What came of one attempt to open a mail.
pub(super) enum Attempt {
    Opened(Opened),
    Nothing(Vec<NotOpened>),
    NotNow,
}

pub(super) struct Opened {
    pub(super) files: Vec<String>,
    /// Paths of the items that were opened, also in part.
    pub(super) paths: Vec<String>,
    pub(super) recipients: usize,
    /// The path that was opened, for each part in it that is locked still.
    pub(super) still_locked: Vec<String>,
}

/// Recipients who lack the same items.
pub(super) struct Group {
    pub(super) recipients: Vec<String>,
    pub(super) items: Vec<(QuarantineId, String)>,
    /// Paths that they have, or that are not to be tried.
    pub(super) left_out: Vec<String>,
    /// Items that are not to be tried.
    pub(super) exhausted: Vec<QuarantineId>,
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
    /// Tries passwords for recipients who lack the same items, and sends them what opens. Whoever calls is [`Turns::alone`] with the mail.
    pub(super) async fn attempt(
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
        let sender = locked.sender.as_deref();
        let context = self.letterhead.context(&receipt, sender, &group.recipients, Patience::Last);
        let context = MailContext { passwords, ..context };
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
}

/// These recipients, by what they lack: nobody is sent again what he has.
pub(super) fn groups(locked: &LockedMail, recipients: &[String], exhausted: &[QuarantineId]) -> Vec<Group> {
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

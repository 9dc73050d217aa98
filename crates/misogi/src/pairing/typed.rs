//! A password that somebody types on an item of a mail.

use engine::NotOpened;
use form::job::Password;
use form::reason::Reason;
use store::{LockedMail, OpenedBy, QuarantineId, Tries, TryOf};
use web::Unlocking;

use super::Pairing;
use super::attempt::{Attempt, By, Opened, groups};

impl Pairing {
    /// Tries a password that somebody typed for one item. It counts for that item alone, and only when it opens nothing: the same
    /// password is for all files of a mail more often than not, and what it opens besides is delivered too.
    pub(super) async fn typed(
        &self,
        id: QuarantineId,
        password: Password,
        actor: &str,
    ) -> Result<Unlocking, store::Error> {
        let row = self.store.quarantine_item(id).await?.ok_or(store::Error::NotFound("quarantined original"))?;
        if self.store.upload_lock(row.message, self.settings.typed_tries).await?.is_some() {
            let _alone = self.turns.alone_with_upload(row.message).await;
            return match self.store.locked_upload(row.message).await? {
                Some(upload) => self.typed_on_upload(upload, id, password, actor).await,
                None => Ok(Unlocking::NotLocked),
            };
        }
        let _alone = self.turns.alone(row.message).await;
        match self.store.locked_mail(row.message).await? {
            Some(locked) => self.typed_on_mail(&locked, id, &password, actor).await,
            None => Ok(Unlocking::NotLocked),
        }
    }

    /// Whoever calls is [`Turns::alone`](super::Turns::alone) with the mail.
    async fn typed_on_mail(
        &self,
        locked: &LockedMail,
        id: QuarantineId,
        password: &Password,
        actor: &str,
    ) -> Result<Unlocking, store::Error> {
        let Some(item) = locked.items.iter().find(|item| item.id == id) else { return Ok(Unlocking::NotLocked) };
        let left = match self.store.count_try(id, TryOf::Typing, actor, self.settings.typed_tries).await? {
            Tries::Left(left) => left,
            Tries::Exhausted => return Ok(Unlocking::Exhausted),
        };
        let by = By { actor, how: OpenedBy::Typing, mail: None, told_to: &locked.recipients };
        let mut all = Opened { files: Vec::new(), paths: Vec::new(), recipients: 0, still_locked: Vec::new() };
        let mut other = Unlocking::Wrong { left };
        for group in groups(locked, &locked.recipients, &[]) {
            match self.attempt(locked, group, std::slice::from_ref(password), &by).await? {
                Attempt::Opened(opened) => {
                    all.recipients = all.recipients.saturating_add(opened.recipients);
                    all.files.extend(opened.files);
                    all.paths.extend(opened.paths);
                    all.still_locked.extend(opened.still_locked);
                }
                Attempt::Nothing(closed) => {
                    let own = closed.iter().find(|closed| closed.path == item.path);
                    other = own.and_then(|own| known_of(own, left)).unwrap_or(other);
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
}

/// What is known of a part that did not open, beside that the password is wrong.
fn known_of(part: &NotOpened, left: u32) -> Option<Unlocking> {
    match (part.refusal.map(|refusal| refusal.reason), part.fits) {
        (Some(reason), true) => Some(Unlocking::Withheld { reason }),
        // It is right, and what it opens holds nothing but what another password opens.
        (None, true) => Some(Unlocking::Withheld { reason: Reason::Encrypted }),
        (Some(reason), false) => Some(Unlocking::Unknown { reason, left }),
        (None, false) => None,
    }
}

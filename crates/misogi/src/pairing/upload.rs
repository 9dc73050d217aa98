//! A password that somebody types on an upload: it is converted anew as a whole, and what opens takes the place of what was there.

use engine::{PartOutcome, PartVerdict, Patience};
use form::job::Password;
use form::name::FileName;
use form::reason::Reason;
use store::{LockedUpload, OpenedBy, QuarantineId, Tries, TryOf, UnlockedUpload};
use web::Unlocking;

use super::Pairing;
use crate::retrying::under;
use crate::worker::{chain, file_completed, lies_in};

impl Pairing {
    /// Whoever calls is [`Turns::alone`](super::Turns::alone) with the upload. A password that opens only a part is remembered for the next
    /// one, as both are needed then.
    pub(super) async fn typed_on_upload(
        &self,
        upload: LockedUpload,
        id: QuarantineId,
        password: Password,
        actor: &str,
    ) -> Result<Unlocking, store::Error> {
        if !upload.items.contains(&id) {
            return Ok(Unlocking::NotLocked);
        }
        let left = match self.store.count_try(id, TryOf::Typing, actor, self.settings.typed_tries).await? {
            Tries::Left(left) => left,
            Tries::Exhausted => return Ok(Unlocking::Exhausted),
        };
        let receipt = upload.receipt.as_str();
        let keys = self.keys.of(upload.message, &[]);
        let passwords: Vec<Password> = [password.clone()].into_iter().chain(keys).collect();
        let original = upload.original.to_source().await?;
        let name = FileName::rebuild(&upload.name).0;
        let converted = under(self.engine.current(), upload.output)
            .sanitise_upload(original, name, &passwords, Patience::Last)
            .await;
        let answer = match converted {
            Ok(part) => {
                self.note_virus(&upload, &part, actor).await?;
                let opens = part.openers().of(&passwords).any(|opener| *opener == password);
                let answer = judge(&part, opens, &upload, left);
                if opens && part.is_locked() {
                    self.keys.keep(upload.message, std::slice::from_ref(&password), &[]);
                }
                if let Unlocking::OpenedUpload { still_locked, .. } = &answer {
                    let completed = file_completed(part);
                    let unlocked = UnlockedUpload {
                        message: upload.message,
                        item: id,
                        verdict: completed.verdict,
                        parts: completed.parts,
                        actor: actor.to_owned(),
                    };
                    match self.store.open_upload(unlocked).await {
                        // Somebody deleted it meanwhile.
                        Err(store::Error::NotFound(_)) => return Ok(Unlocking::NotLocked),
                        opened => opened?,
                    }
                    tracing::info!(event = "upload_unlocked", receipt, item = id.0, actor, still_locked);
                }
                answer
            }
            Err(defer) => {
                tracing::warn!(event = "unlock_deferred", receipt, why = chain(&defer));
                Unlocking::Busy
            }
        };
        match answer {
            Unlocking::Wrong { .. } | Unlocking::Unknown { .. } => {
                tracing::info!(event = "wrong_password", receipt, item = id.0, actor, left);
            }
            Unlocking::OpenedUpload { .. } | Unlocking::Busy => {
                self.store.return_try(id, TryOf::Typing, actor).await?;
            }
            // What changed nothing took its time in the rooms all the same, and must come to an end.
            Unlocking::AnotherNeeded { .. }
            | Unlocking::Withheld { .. }
            | Unlocking::Opened { .. }
            | Unlocking::OpenedOthers { .. }
            | Unlocking::Exhausted
            | Unlocking::NotLocked => {}
        }
        Ok(answer)
    }

    /// Writes down of which locked items the scanner knows a virus now: in them, or in what they lie in.
    async fn note_virus(&self, upload: &LockedUpload, part: &PartOutcome, actor: &str) -> Result<(), store::Error> {
        let all = part.flatten();
        let is_infected = |part: &&&PartOutcome| part.refusal.is_some_and(|refusal| refusal.reason == Reason::Infected);
        let infected: Vec<&str> = all.iter().filter(is_infected).map(|part| part.path.as_str()).collect();
        if infected.is_empty() {
            return Ok(());
        }
        let mut items = Vec::new();
        for id in &upload.items {
            let Some(row) = self.store.quarantine_item(*id).await? else { continue };
            let concerns =
                |path: &&str| *path == row.path || lies_in(path, &row.path) || lies_in(row.path.as_str(), path);
            if infected.iter().any(concerns) {
                items.push(*id);
            }
        }
        self.store.virus_found(&items, OpenedBy::Typing, actor).await
    }
}

/// What a conversion with a password says of it.
fn judge(part: &PartOutcome, opens: bool, upload: &LockedUpload, left: u32) -> Unlocking {
    let passed = &upload.passed;
    // What was withheld all along for a reason of its own says nothing of the password.
    let was_locked =
        |part: &&PartOutcome| upload.paths.iter().any(|path| part.path == *path || lies_in(&part.path, path));
    let refused = part.flatten().into_iter().filter(was_locked).filter_map(|part| part.refusal);
    let other = refused.map(|refusal| refusal.reason).find(|reason| !is_lock(*reason));
    if !opens {
        return match other.filter(|_| !part.is_locked()) {
            Some(reason) => Unlocking::Unknown { reason, left },
            None => Unlocking::Wrong { left },
        };
    }
    let withheld = if part.is_locked() {
        Unlocking::AnotherNeeded { left }
    } else {
        Unlocking::Withheld { reason: other.unwrap_or(Reason::Encrypted) }
    };
    let Some(file) = part.output_name.as_ref().filter(|_| part.fresh.is_some()) else { return withheld };
    let all = part.flatten();
    let passes = |path: &str| all.iter().any(|part| part.path == path && part.verdict == PartVerdict::Sanitised);
    let is_more = all.iter().any(|part| part.verdict == PartVerdict::Sanitised && !passed.contains(&part.path));
    // After a restart the password before this one is not known any more, and what that opened must not be lost.
    if !is_more || !passed.iter().all(|path| passes(path)) {
        return withheld;
    }
    // An archive whose members are locked counts with them.
    let is_own_lock = |part: &&&PartOutcome| {
        part.refusal.is_some_and(|refusal| is_lock(refusal.reason)) && !part.children.iter().any(PartOutcome::is_locked)
    };
    Unlocking::OpenedUpload { file: file.as_str().to_owned(), still_locked: all.iter().filter(is_own_lock).count() }
}

fn is_lock(reason: Reason) -> bool {
    matches!(reason, Reason::Encrypted | Reason::WrongPassword)
}

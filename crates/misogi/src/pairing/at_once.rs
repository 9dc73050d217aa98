//! A mail that is delivered open at once, because its passwords are known before it is.

use engine::{Engine, MAX_CANDIDATES, MailContext, MailOutcome, PartOutcome, PartVerdict};
use form::job::Password;
use store::Envelope;

use super::told::Names;
use super::{MAX_KNOWN, MAX_ROUNDS, Pairing, holds};
use crate::worker::chain;

/// A mail, converted with the passwords that were known.
pub(crate) struct AtOnce {
    pub(crate) outcome: MailOutcome,
    /// Those that opened something where something is locked still.
    pub(super) keys: Vec<Password>,
    /// Those that could not be tried just now, or were too many for it.
    pub(super) untried: Vec<Password>,
    /// Those that were tried.
    pub(super) tried: Vec<Password>,
}

impl Pairing {
    /// Converts a mail with locked parts anew with the passwords that are known already: those agreed on with its sender, and where
    /// passwords are looked for in mails, those in its own text and those of earlier mails that went to all its recipients. It is then
    /// delivered open at once.
    pub(crate) async fn opened_at_once(
        &self,
        engine: &Engine,
        original: &engine::Source,
        context: &MailContext,
        envelope: &Envelope,
        outcome: MailOutcome,
    ) -> AtOnce {
        let mut known = AtOnce { outcome, keys: Vec::new(), untried: Vec::new(), tried: Vec::new() };
        if !is_locked(&known.outcome) {
            return known;
        }
        let names = Names::of(envelope, &known.outcome);
        let mut passwords = self.settings.of_partner(&names.senders());
        if self.settings.pairing {
            passwords.extend(known.outcome.candidates.iter().cloned());
            for mail in self.told(&names, |mail| within(&envelope.recipients, &mail.recipients)) {
                passwords.extend(mail.candidates);
            }
        }
        let mut seen = Vec::new();
        passwords.retain(|password| {
            !seen.contains(password) && {
                seen.push(password.clone());
                true
            }
        });
        passwords.truncate(MAX_KNOWN);
        for (number, round) in passwords.chunks(MAX_CANDIDATES).enumerate().take(MAX_ROUNDS) {
            let context = MailContext { passwords: round.to_vec(), ..context.clone() };
            match engine.sanitise_mail(original, &context).await {
                Ok(again) => {
                    let openers = again.openers();
                    known.keys.extend(openers.of(round).cloned());
                    if is_better(&again, &known.outcome) {
                        known.outcome = again;
                    }
                }
                Err(defer) => {
                    // The mail is whole as it is, and waits for nothing.
                    tracing::warn!(event = "unlock_deferred", receipt = context.receipt, why = chain(&defer));
                    known.untried = passwords.iter().skip(number.saturating_mul(MAX_CANDIDATES)).cloned().collect();
                    break;
                }
            }
            known.tried.extend(round.iter().cloned());
            if !is_locked(&known.outcome) {
                tracing::info!(event = "opened_at_once", receipt = context.receipt);
                break;
            }
        }
        if is_locked(&known.outcome) && known.untried.is_empty() {
            known.untried = passwords.iter().skip(known.tried.len()).cloned().collect();
        }
        known
    }
}

/// Whether the mail arrives with parts that a password may open. Of a notice in place of a mail nothing is opened later.
pub(super) fn is_locked(outcome: &MailOutcome) -> bool {
    outcome.refusal.is_none() && outcome.parts.iter().any(PartOutcome::is_locked)
}

/// Whether more of the mail passes than before, and nothing less: candidates cost time and room, for which another part may have to
/// stay behind, and that is no gain.
fn is_better(again: &MailOutcome, before: &MailOutcome) -> bool {
    let all = |outcome: &MailOutcome| -> Vec<(String, bool, bool)> {
        let parts = outcome.parts.iter().flat_map(PartOutcome::flatten);
        let facts = parts.map(|part| (part.path.clone(), part.verdict == PartVerdict::Sanitised, part.is_locked()));
        facts.collect()
    };
    let (now, then) = (all(again), all(before));
    let state = |path: &str| now.iter().find(|(of, ..)| of == path).map(|(_, passes, locked)| (*passes, *locked));
    let kept = then.iter().filter(|(_, passes, _)| *passes).all(|(path, ..)| state(path).is_some_and(|now| now.0));
    let locked = || then.iter().filter(|(_, passes, locked)| !passes && *locked);
    let opened = locked().any(|(path, ..)| state(path).is_some_and(|now| now.0));
    // What is still locked must stay so: a part that ended in another way could never be opened again.
    let lost = locked().any(|(path, ..)| state(path).is_none_or(|(passes, locked)| !passes && !locked));
    again.refusal.is_none() && kept && opened && !lost
}

fn within(few: &[String], many: &[String]) -> bool {
    few.iter().all(|address| holds(many, address))
}

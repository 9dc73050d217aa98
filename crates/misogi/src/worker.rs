//! The loop between store and engine: claim, convert, complete.
//!
//! Every step may run twice. A crash before `complete` leaves the job claimed; the store gives it out again.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use engine::{Defer, Engine, MailContext, MailOutcome, MailVerdict, Notice, PartOutcome, Patience};
use form::name::FileName;
use form::reason::Reason;
use store::{
    Class, Completed, Envelope, FailOutcome, Fidelity, GivenUp, PartRecord, PartVerdict, Quarantined, Store, Verdict,
    Work, WorkOrigin,
};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use web::{Conversions, Metrics};

use crate::lease;
use crate::letterhead::Letterhead;
use crate::pairing::{AtOnce, Pairing};
use crate::retrying::under;

/// How long a mail waits before the scanner or a room is asked again.
const DEFER: Duration = Duration::from_secs(30);

/// How often the store is asked although nothing announced work: deferred jobs become due by time alone.
const POLL: Duration = Duration::from_secs(1);

/// How long a free place may wait for company before work is claimed for it.
const CLAIM_EVERY: Duration = Duration::from_millis(20);

/// How soon the store is asked again that could not take a job back.
const KEEP_AGAIN_MIN: Duration = Duration::from_millis(500);
const KEEP_AGAIN_MAX: Duration = Duration::from_secs(5);

/// How often the lease of a job is renewed, far more often than it ends.
const RENEW: Duration = Duration::from_secs(60);

/// How long conversions may go on once the gateway is told to stop; systemd allows a minute for everything.
const DRAIN: Duration = Duration::from_secs(20);

/// What the worker needs beside store and engine.
pub(crate) struct Worker {
    pub(crate) store: Store,
    pub(crate) engine: Engine,
    pub(crate) letterhead: Letterhead,
    /// Mails converted at the same time; more than slots, so that rooms never wait for the store.
    pub(crate) parallel: usize,
    pub(crate) metrics: Metrics,
    /// Tells those who wait how far it is.
    pub(crate) conversions: Conversions,
    /// Opens what passwords are known for.
    pub(crate) pairing: Arc<Pairing>,
    /// Told when the gateway is to stop.
    pub(crate) shutdown: CancellationToken,
}

impl Worker {
    /// Runs until it is told to stop; what is being converted then is finished first.
    pub(crate) async fn run(self) -> Result<()> {
        let (parallel, shutdown) = (self.parallel, self.shutdown.clone());
        let worker = Arc::new(self);
        let mut running = JoinSet::new();
        let mut last_claim = Instant::now();
        while !shutdown.is_cancelled() {
            while let Some(finished) = running.try_join_next() {
                report(finished);
            }
            let free = parallel.saturating_sub(running.len());
            // A claim is a transaction, so it is made for many mails at once; but never late, for a few slow mails must not
            // hold up all others.
            let soon = free >= parallel.div_ceil(2) || last_claim.elapsed() >= CLAIM_EVERY;
            let mut claimed = Vec::new();
            if free > 0 && soon {
                claimed = worker.claim(free).await;
                last_claim = Instant::now();
            }
            if claimed.is_empty() {
                tokio::select! {
                    () = shutdown.cancelled() => {}
                    () = worker.store.work_ready(), if free > 0 && soon => {}
                    Some(finished) = running.join_next() => report(finished),
                    () = tokio::time::sleep(if soon { POLL } else { CLAIM_EVERY }) => {}
                }
            }
            for work in claimed {
                let worker = worker.clone();
                running.spawn(async move { worker.one(work).await });
            }
        }
        let drained = async {
            while let Some(finished) = running.join_next().await {
                report(finished);
            }
        };
        if tokio::time::timeout(DRAIN, drained).await.is_err() {
            // What is left is claimed; the next start takes it up again from its original.
            tracing::warn!(event = "conversions_left_for_next_start", count = running.len());
        }
        Ok(())
    }

    async fn claim(&self, free: usize) -> Vec<Work> {
        self.store.claim(free).await.unwrap_or_else(|error| {
            tracing::error!(event = "claim_failed", error = chain(&error));
            Vec::new()
        })
    }

    async fn one(&self, work: Work) {
        let receipt = work.receipt.as_str().to_owned();
        if let Err(error) = lease::held(&self.store, &work, RENEW, self.convert(&work)).await {
            // It stays claimed, and its lease brings it back.
            tracing::error!(event = "conversion_failed", receipt, error = format!("{error:#}"));
        }
    }

    async fn convert(&self, work: &Work) -> Result<()> {
        if work.exhausted {
            return self.give_up(work, "no attempt is left").await;
        }
        let original = match work.original.to_source().await {
            Ok(original) => original,
            Err(error) => {
                let why = format!("reading the original: {}", chain(&error));
                return match error.class() {
                    // Descriptors or memory that run out are no fault of the mail.
                    Class::Retry => self.deferred(work, &why).await,
                    Class::Refuse | Class::Bug => self.failed(work, &why).await,
                };
            }
        };
        let mut left = None;
        let conversion = self.conversions.begin(work.message);
        let engine = self.engine.current().with_progress(conversion.progress.clone());
        let completed = match &work.origin {
            WorkOrigin::Mail { envelope } => {
                let converted = self.convert_mail(&engine, work, envelope, &original).await;
                left = converted.as_ref().ok().and_then(|known| self.pairing.left(&work.receipt, envelope, known));
                converted.map(|known| mail_completed(known.outcome))
            }
            WorkOrigin::Upload { file_name, output } => under(engine.clone(), *output)
                .sanitise_upload(original.clone(), file_name.clone(), &[], patience(work))
                .await
                .map(file_completed),
        };
        let completed = completed.map(|done| Completed { policy: engine.policy().name.clone(), ..done });
        match completed {
            Ok(completed) => {
                tracing::info!(event = "converted", receipt = work.receipt.as_str(), verdict = ?completed.verdict);
                let verdict = completed.verdict;
                let reasons: Vec<Reason> =
                    completed.parts.iter().filter_map(|part| Some(part.reason?.reason)).collect();
                if let Err(error) = self.store.complete(&work.key, completed).await {
                    // A full disk, for example: nothing is wrong with the mail, so it is no attempt of its own.
                    tracing::error!(
                        event = "outcome_not_recorded",
                        receipt = work.receipt.as_str(),
                        error = chain(&error)
                    );
                    let why = "the outcome could not be recorded";
                    return match error.class() {
                        Class::Retry => self.deferred(work, why).await,
                        Class::Refuse | Class::Bug => self.failed(work, why).await,
                    };
                }
                self.count(work, verdict, &reasons);
                if let Some(left) = left {
                    self.pairing.follow(work.message, left);
                }
                Ok(())
            }
            Err(Defer::Notice(refusal)) => self.failed(work, &format!("a notice was refused: {refusal:?}")).await,
            // Counted, unlike the others: if it is the document after all, it must not come back for ever.
            Err(killed @ Defer::Killed) => self.failed(work, &chain(&killed)).await,
            Err(defer @ (Defer::Scanner(_) | Defer::NoRoom | Defer::Input(_))) => {
                let why = chain(&defer);
                tracing::warn!(event = "conversion_deferred", receipt = work.receipt.as_str(), why);
                self.deferred(work, &why).await
            }
        }
    }

    async fn convert_mail(
        &self,
        engine: &Engine,
        work: &Work,
        envelope: &Envelope,
        original: &engine::Source,
    ) -> Result<AtOnce, Defer> {
        let context = self.context(work, envelope);
        let outcome = engine.sanitise_mail(original, &context).await?;
        Ok(self.pairing.opened_at_once(engine, original, &context, envelope, outcome).await)
    }

    fn count(&self, work: &Work, verdict: Verdict, reasons: &[Reason]) {
        self.metrics.finished(verdict, self.letterhead.clock.now().since(work.received));
        for reason in reasons {
            self.metrics.withheld(*reason);
        }
    }

    fn context(&self, work: &Work, envelope: &Envelope) -> MailContext {
        let sender = envelope.sender.as_deref();
        self.letterhead.context(&work.receipt, sender, &envelope.recipients, patience(work))
    }

    async fn deferred(&self, work: &Work, why: &str) -> Result<()> {
        let defer = || self.store.defer(&work.key, why, self.letterhead.clock.now().plus(DEFER));
        self.kept(work, defer).await.context("deferring")
    }

    /// Asks the store for `step` until it is done or refused. What is not given back stays claimed until its lease ends, which would
    /// hold a mail up for a quarter of an hour after the disk has room again.
    async fn kept<T, F>(&self, work: &Work, step: impl Fn() -> F) -> Result<T, store::Error>
    where
        F: Future<Output = Result<T, store::Error>>,
    {
        let mut pause = KEEP_AGAIN_MIN;
        loop {
            match step().await {
                Err(error) if error.class() == Class::Retry => {
                    let receipt = work.receipt.as_str();
                    tracing::warn!(event = "job_not_given_back", receipt, error = chain(&error));
                }
                done => return done,
            }
            tokio::select! {
                // The next start takes it up again from its original.
                () = self.shutdown.cancelled() => return step().await,
                () = tokio::time::sleep(pause) => {}
            }
            pause = pause.saturating_mul(2).min(KEEP_AGAIN_MAX);
        }
    }

    async fn failed(&self, work: &Work, why: &str) -> Result<()> {
        match self.kept(work, || self.store.fail(&work.key, why)).await.context("recording a failure")? {
            FailOutcome::Again { at } => {
                tracing::warn!(event = "conversion_retry", receipt = work.receipt.as_str(), why, at = at.unix_millis());
                Ok(())
            }
            FailOutcome::Exhausted => self.give_up(work, why).await,
        }
    }

    /// The mail cannot be converted at all: its original goes to quarantine, its recipients get a notice.
    async fn give_up(&self, work: &Work, why: &str) -> Result<()> {
        tracing::error!(event = "conversion_given_up", receipt = work.receipt.as_str(), why);
        let notice = match &work.origin {
            WorkOrigin::Upload { .. } => None,
            WorkOrigin::Mail { envelope } => {
                let context = self.context(work, envelope);
                let engine = self.engine.current();
                let notice = given_up_notice(&engine, context);
                Some(engine.compose_notice(&notice).await.context("composing a notice")?)
            }
        };
        let name = match &work.origin {
            WorkOrigin::Upload { file_name, .. } => file_name.clone(),
            WorkOrigin::Mail { .. } => mail_name(),
        };
        let given_up =
            || GivenUp { name: name.clone(), reason: Reason::RoomCrash, why: why.to_owned(), notice: notice.clone() };
        self.kept(work, || self.store.give_up(&work.key, given_up())).await.context("giving up")?;
        self.count(work, Verdict::GivenUp, &[Reason::RoomCrash]);
        Ok(())
    }
}

fn patience(work: &Work) -> Patience {
    if work.last { Patience::Last } else { Patience::Again }
}

fn given_up_notice(engine: &Engine, context: MailContext) -> Notice {
    engine.unreadable_notice(&context, Reason::RoomCrash)
}

fn mail_completed(outcome: MailOutcome) -> Completed {
    let mut parts = Vec::new();
    if let Some(refusal) = outcome.refusal {
        parts.push(whole_mail(refusal));
    }
    let kept = Kept { results: false, may_open: outcome.refusal.is_none() };
    for part in &outcome.parts {
        records(part, kept, &mut parts);
    }
    Completed {
        subject: Some(outcome.header.subject.as_str().to_owned()).filter(|subject| !subject.is_empty()),
        header_from: outcome.header.from.map(|from| from.address.as_str().to_owned()),
        message_id: outcome.header.message_id.map(|id| id.as_str().to_owned()),
        verdict: match outcome.verdict {
            MailVerdict::Sanitised => Verdict::Sanitised,
            MailVerdict::PartlyWithheld => Verdict::SanitisedWithWithheld,
            MailVerdict::NoticeOnly => Verdict::NoticeOnly,
        },
        parts,
        findings: outcome.findings,
        output: Some(outcome.fresh),
        account: Some(outcome.account).filter(|account| !account.is_empty()),
        policy: String::new(),
    }
}

/// What a whole mail is called in the quarantine.
fn mail_name() -> FileName {
    FileName::rebuild("message.eml").0
}

/// A mail that could not be passed at all is itself what the quarantine keeps.
fn whole_mail(refusal: form::reason::Refusal) -> PartRecord {
    PartRecord {
        path: String::new(),
        name: mail_name(),
        output_name: None,
        detected_type: "mail".to_owned(),
        media_type: None,
        verdict: PartVerdict::Withheld,
        reason: Some(refusal),
        findings: Vec::new(),
        bytes_in: 0,
        bytes_out: 0,
        millis: 0,
        fidelity: None,
        result: None,
        quarantined_original: Some(Quarantined::Whole),
    }
}

pub(crate) fn file_completed(outcome: PartOutcome) -> Completed {
    let verdict = match (outcome.verdict, outcome.anything_withheld()) {
        (engine::PartVerdict::Withheld, _) => Verdict::NoticeOnly,
        (engine::PartVerdict::Sanitised, true) => Verdict::SanitisedWithWithheld,
        (engine::PartVerdict::Sanitised, false) => Verdict::Sanitised,
    };
    let mut parts = Vec::new();
    records(&outcome, Kept { results: true, may_open: true }, &mut parts);
    if let Some(kept) = parts.first_mut().and_then(|root| root.quarantined_original.as_mut()) {
        *kept = if matches!(kept, Quarantined::Locked(_)) { Quarantined::LockedWhole } else { Quarantined::Whole };
    }
    Completed {
        subject: None,
        header_from: None,
        message_id: None,
        verdict,
        parts,
        findings: Vec::new(),
        output: None,
        account: None,
        policy: String::new(),
    }
}

/// Rows for a part and all below it. Only the root of an upload keeps its rebuilt file for download; those of a mail are in the mail.
///
/// Of an archive that is withheld as a whole the archive is kept, not each of its members once more: an archive of a few KB can
/// unpack to hundreds of MB.
fn records(part: &PartOutcome, keep: Kept, into: &mut Vec<PartRecord>) {
    let mut kept: Option<&str> = None;
    for (index, part) in part.flatten().into_iter().enumerate() {
        let withheld = part.verdict == engine::PartVerdict::Withheld;
        // Parents come first, so the outermost withheld part is met before what it holds.
        let inside = kept.is_some_and(|kept| lies_in(&part.path, kept));
        if withheld && !inside {
            kept = Some(&part.path);
        }
        into.push(PartRecord {
            path: part.path.clone(),
            name: part.name.clone(),
            output_name: part.output_name.clone(),
            detected_type: part.detected_type.clone(),
            media_type: part.output.map(|output| output.media_type().to_owned()),
            verdict: if withheld { PartVerdict::Withheld } else { PartVerdict::Sanitised },
            reason: part.refusal,
            findings: part.findings.clone(),
            bytes_in: part.original.len,
            bytes_out: part.fresh.as_ref().map_or(0, jail::Fresh::len),
            millis: u64::try_from(part.elapsed.as_millis()).unwrap_or(u64::MAX),
            fidelity: fidelity(&part.similarity),
            result: part.fresh.clone().filter(|_| keep.results && index == 0),
            quarantined_original: (withheld && !inside).then(|| quarantined(part, keep.may_open)),
        });
    }
}

/// The least similar of the pages that were compared.
fn fidelity(compared: &[engine::PageSimilarity]) -> Option<Fidelity> {
    let worst = compared.iter().map(|page| page.similarity).reduce(f64::min)?;
    // Cut and not rounded, so that 10,000 means all. A float becomes the nearest integer there is, and what is no number becomes 0.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 10,000")]
    let similarity = (worst * 10_000.0).floor().clamp(0.0, 10_000.0) as u16;
    Some(Fidelity { similarity, compared: u32::try_from(compared.len()).unwrap_or(u32::MAX) })
}

/// What is kept of a message's parts.
#[derive(Debug, Clone, Copy)]
struct Kept {
    /// The rebuilt file, for a download.
    results: bool,
    /// A later password may open what is locked. Not so where recipients got a notice in place of the mail.
    may_open: bool,
}

/// A part that a password may open is marked as such.
fn quarantined(part: &PartOutcome, may_open: bool) -> Quarantined {
    if may_open && part.is_locked() {
        Quarantined::Locked(part.original.clone())
    } else {
        Quarantined::Part(part.original.clone())
    }
}

/// Whether `path` is a part below `outer`: `2.1` lies in `2`, and everything in the root, whose path is empty.
pub(crate) fn lies_in(path: &str, outer: &str) -> bool {
    outer.is_empty() || path.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'))
}

fn report(finished: Result<(), tokio::task::JoinError>) {
    if let Err(error) = finished {
        tracing::error!(event = "conversion_panicked", error = %error);
    }
}

/// An error with all its causes, once.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use form::reason::Refusal;

    use super::*;

    fn part(path: &str, verdict: engine::PartVerdict, children: Vec<PartOutcome>) -> PartOutcome {
        let withheld = verdict == engine::PartVerdict::Withheld;
        PartOutcome {
            path: path.to_owned(),
            name: FileName::rebuild("meibo.zip").0,
            output_name: None,
            detected_type: "zip".to_owned(),
            output: None,
            verdict,
            refusal: withheld.then(|| Refusal::plain(Reason::Encrypted)),
            signature: None,
            findings: Vec::new(),
            pages: 1,
            levels: form::report::PageLevels::default(),
            similarity: Vec::new(),
            recall: None,
            fresh: None,
            original: engine::Source::whole(Arc::new(jail::Sealed::from_bytes(b"PK").unwrap())),
            elapsed: Duration::ZERO,
            inline: false,
            opened: Default::default(),
            children,
        }
    }

    #[test]
    fn the_least_similar_page_is_the_figure_and_only_the_same_is_all() {
        let seen = |figures: &[f64]| {
            let pages = figures
                .iter()
                .zip(0..)
                .map(|(similarity, page)| engine::PageSimilarity { page, similarity: *similarity });
            fidelity(&pages.collect::<Vec<_>>())
        };
        assert_eq!(seen(&[]), None);
        assert_eq!(seen(&[1.0, 0.999_99]), Some(Fidelity { similarity: 9_999, compared: 2 }));
        assert_eq!(seen(&[1.0]), Some(Fidelity { similarity: 10_000, compared: 1 }));
        assert_eq!(seen(&[0.5, -0.2, 0.9]), Some(Fidelity { similarity: 0, compared: 3 }));
    }

    #[test]
    fn what_is_locked_in_an_upload_waits_for_its_password() {
        use engine::PartVerdict::{Sanitised, Withheld};
        let done = file_completed(part("", Sanitised, vec![part("1", Withheld, Vec::new())]));
        assert!(matches!(done.parts[1].quarantined_original, Some(Quarantined::Locked(_))));
        let done = file_completed(part("", Withheld, vec![part("1", Withheld, Vec::new())]));
        assert!(matches!(done.parts[0].quarantined_original, Some(Quarantined::LockedWhole)), "the archive itself");
        assert!(done.parts[1].quarantined_original.is_none());
    }
}

//! One file or mail from bytes to verdict.
//!
//! The engine walks the tree of parts: it asks the scanner, hands each part to its own pair of rooms, takes the children that come out of
//! containers, keeps the bounds that all parts share, and has the new mail or archive assembled from what passed. It parses no content: it
//! sees sealed memory, verified forms, and verdicts.
//!
//! Whatever is not a complete, verified success withholds that part. Only a cause on our own side, such as a scanner that does not answer,
//! makes everything wait ([`Defer`]).
//!
//! Start with [`Engine`]; the tree is in `part`, the mail around it in `mail`, the words in `account` and [`catalogue`].

#![forbid(unsafe_code)]

mod account;
mod assemble;
mod attached;
mod budget;
mod candidates;
pub mod catalogue;
mod container;
mod embedded;
mod fidelity;
mod foreign;
mod inside;
mod machine;
mod mail;
mod naming;
mod notice;
mod office;
mod outcome;
mod part;
pub mod policy;
mod preview;
mod progress;
mod recall;
mod rooms;
pub mod scan;
mod unlock;
mod wanted;

use std::sync::{Arc, PoisonError, RwLock};

use form::job::{Password, Preview, Watermark};
use form::name::FileName;
use form::reason::{Reason, Refusal};
use jail::Pool;

pub use candidates::{MAX_CANDIDATES, Wording};
pub use foreign::Foreign;
pub use inside::Whole;
pub use jail::room::PagesDone;
pub use jail::{Fresh, Source};
pub use mail::MailContext;
pub use notice::{DeliveryReport, FailedDelivery, Notice};
pub use outcome::{
    Defer, Drawn, MailOutcome, MailVerdict, PageSimilarity, PartOutcome, PartVerdict, Patience, TextRecall,
};
pub use policy::Policy;
pub use progress::Progress;
pub use scan::Scanner;
pub use unlock::{Locked, NotOpened, StillHeld, Unlocked, UnlockedMail, held_in};

/// Rooms, policy and scanner together.
#[derive(Clone)]
pub struct Engine {
    pool: Arc<Pool>,
    policy: Arc<Policy>,
    /// What clones take up with [`current`](Self::current).
    in_force: Arc<RwLock<Arc<Policy>>>,
    scanner: Option<Scanner>,
    foreign: Option<Arc<Foreign>>,
    wording: Arc<Wording>,
    progress: Option<Progress>,
}

impl Engine {
    /// An engine that converts in `pool` under `policy`. Without a scanner nothing is scanned.
    pub fn new(pool: Arc<Pool>, policy: Policy, scanner: Option<Scanner>) -> Self {
        let policy = Arc::new(policy);
        let in_force = Arc::new(RwLock::new(policy.clone()));
        Self { pool, policy, in_force, scanner, foreign: None, wording: Arc::default(), progress: None }
    }

    /// The same engine under the policy that is in force now. A mail is converted under one policy from its first room to its last,
    /// so ask once for each.
    #[must_use]
    pub fn current(&self) -> Self {
        let policy = self.in_force.read().unwrap_or_else(PoisonError::into_inner).clone();
        Self { policy, ..self.clone() }
    }

    /// Puts a policy in force for whatever asks for [`current`](Self::current) from now on, in every clone.
    pub fn enforce(&self, policy: Policy) {
        *self.in_force.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
    }

    /// An engine with the same rooms under a policy of its own, to try it.
    #[must_use]
    pub fn under(&self, policy: Policy) -> Self {
        let policy = Arc::new(policy);
        Self { in_force: Arc::new(RwLock::new(policy.clone())), policy, ..self.clone() }
    }

    /// The same engine, which has documents of formats that its rooms do not read converted by LibreOffice.
    #[must_use]
    pub fn with_foreign(self, foreign: Arc<Foreign>) -> Self {
        Self { foreign: Some(foreign), ..self }
    }

    /// The same engine, which knows these words by which mails tell passwords.
    #[must_use]
    pub fn with_wording(self, wording: Wording) -> Self {
        Self { wording: Arc::new(wording), ..self }
    }

    /// The same engine, which writes down how far it is with the pages of what it converts.
    #[must_use]
    pub fn with_progress(self, progress: Progress) -> Self {
        Self { progress: Some(progress), ..self }
    }

    /// Turns a mail into the mail that may be delivered in its place.
    ///
    /// # Errors
    /// [`Defer`]: the scanner or a room is not to be had now. What is wrong with the document is in the answer.
    pub async fn sanitise_mail(&self, original: &Source, context: &MailContext) -> Result<MailOutcome, Defer> {
        let run = part::Run { patience: context.patience, passwords: &context.passwords, ..self.run(&context.receipt) };
        mail::sanitise(&run, &self.wording, original, context).await
    }

    /// Opens locked parts of a mail with the passwords of `context`, and composes a second mail with what was opened and with
    /// nothing else. The mail is dissected again. Receipt and date in `context` are those of the second mail.
    ///
    /// # Errors
    /// [`Defer`]: the scanner or a room is not to be had now. What is wrong with the document is in the answer.
    pub async fn unlock_mail(
        &self,
        original: &Source,
        context: &MailContext,
        locked: &Locked<'_>,
    ) -> Result<Unlocked, Defer> {
        let wanted = wanted::Wanted { paths: locked.paths, left_out: locked.left_out };
        let run = part::Run {
            patience: context.patience,
            passwords: &context.passwords,
            wanted: Some(&wanted),
            ..self.run(&context.receipt)
        };
        let second = unlock::Second { first: locked.first, why: unlock::Why::Opened };
        unlock::mail(&run, &wanted, original, context, &second).await
    }

    /// Converts one part of a mail again, and composes a second mail with what came of it and with nothing else. `first` is the receipt
    /// of the mail; receipt and date in `context` are those of the second one.
    ///
    /// # Errors
    /// [`Defer`]: the scanner or a room is not to be had now. What is wrong with the document is in the answer.
    pub async fn retry_part(
        &self,
        original: &Source,
        context: &MailContext,
        first: &str,
        path: &str,
    ) -> Result<Unlocked, Defer> {
        let paths = [path.to_owned()];
        let wanted = wanted::Wanted { paths: &paths, left_out: &[] };
        let run = part::Run { patience: context.patience, wanted: Some(&wanted), ..self.run(&context.receipt) };
        unlock::mail(&run, &wanted, original, context, &unlock::Second { first, why: unlock::Why::Retried }).await
    }

    /// Rebuilds one file. Of the passwords, the first [`DirtyJob::MAX_PASSWORDS`](form::job::DirtyJob::MAX_PASSWORDS) are
    /// tried on whatever in it is encrypted.
    ///
    /// # Errors
    /// [`Defer`]: the scanner or a room is not to be had now. What is wrong with the document is in the answer.
    pub async fn sanitise_file(
        &self,
        original: Source,
        name: FileName,
        passwords: &[Password],
        patience: Patience,
    ) -> Result<PartOutcome, Defer> {
        let run = part::Run { passwords, patience, ..self.run("") };
        part::sanitise(&run, mail::root_part(original, name), 0).await
    }

    /// Rebuilds one file that is to be had again as one file: with files that were embedded in it, and pass, it comes as an archive.
    /// Passwords are tried as in [`sanitise_file`](Self::sanitise_file).
    ///
    /// # Errors
    /// [`Defer`]: the scanner or a room is not to be had now. What is wrong with the document is in the answer.
    pub async fn sanitise_upload(
        &self,
        original: Source,
        name: FileName,
        passwords: &[Password],
        patience: Patience,
    ) -> Result<PartOutcome, Defer> {
        let run = part::Run { passwords, patience, ..self.run("") };
        embedded::packed(&run, part::sanitise(&run, mail::root_part(original, name), 0).await?).await
    }

    /// Draws one page of a document, or a picture, as a PNG that a clean room wrote, of the size that was asked for or smaller. The
    /// refusal says why there is none. A mark is drawn over the pixels before they are written.
    ///
    /// # Errors
    /// [`Defer`]: a room is not to be had now. What is wrong with the document is the inner error.
    pub async fn preview(
        &self,
        document: Source,
        name: FileName,
        wanted: Preview,
        mark: Option<Watermark>,
    ) -> Result<Result<Drawn, Refusal>, Defer> {
        preview::draw(&self.run(""), document, name, wanted, mark).await
    }

    /// How many pages [`preview`](Self::preview) can draw. The number comes from a dirty room: good for showing, not for trust.
    ///
    /// # Errors
    /// [`Defer`]: a room is not to be had now. What is wrong with the document is the inner error.
    pub async fn count_pages(&self, document: Source, name: FileName) -> Result<Result<u32, Refusal>, Defer> {
        preview::count(&self.run(""), document, name).await
    }

    /// Whether [`print`](Self::print) may work.
    pub fn prints(&self) -> bool {
        self.foreign.as_ref().is_some_and(|foreign| foreign.may_run())
    }

    /// The pages of an Office document that a clean room wrote, as PDF: for [`preview`](Self::preview), as hostile as any PDF from
    /// outside. The extension of `name` says what the document is.
    ///
    /// # Errors
    /// [`Defer`]: a room is not to be had now. What is wrong with the document is the inner error.
    pub async fn print(&self, rebuilt: Source, name: FileName) -> Result<Result<Source, Refusal>, Defer> {
        office::pages(&self.run(""), &rebuilt, &name).await
    }

    /// The original of one part, out of the whole that it came in. Hostile like the whole.
    ///
    /// # Errors
    /// [`Defer`]: a room is not to be had now. What is wrong with the document is the inner error.
    pub async fn find_part(&self, whole: Source, kind: &Whole, path: &str) -> Result<Result<Source, Refusal>, Defer> {
        inside::find(&self.run(""), whole, kind, path).await
    }

    /// Composes a mail of our own.
    ///
    /// # Errors
    /// [`Defer`]: no room is to be had now, or the clean room refused the notice.
    pub async fn compose_notice(&self, notice: &Notice) -> Result<Fresh, Defer> {
        notice::compose(&self.run(&notice.receipt), notice).await
    }

    /// The notice for a mail that could not be converted at all.
    pub fn unreadable_notice(&self, context: &MailContext, reason: Reason) -> Notice {
        mail::notice_for(&self.policy, context, "", &Refusal::plain(reason))
    }

    /// Starts LibreOffice where it is to be used, so that the first document that needs it does not wait for that.
    pub async fn warm_up(&self) {
        if let Some(foreign) = &self.foreign {
            foreign.running().await;
        }
    }

    /// The policy of this engine.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    fn run(&self, receipt: &str) -> part::Run<'_> {
        part::Run {
            pool: &self.pool,
            policy: &self.policy,
            scanner: self.scanner.as_ref(),
            foreign: self.foreign.as_deref(),
            budget: budget::Budget::new(&self.policy),
            seed: seed(receipt),
            passwords: &[],
            patience: Patience::Again,
            wanted: None,
            progress: self.progress.as_ref(),
        }
    }
}

/// MIME boundaries come from the receipt, so that converting again gives the same bytes.
fn seed(receipt: &str) -> [u8; 16] {
    let mut seed = [0; 16];
    for (to, from) in seed.iter_mut().zip(receipt.bytes()) {
        *to = from;
    }
    seed
}

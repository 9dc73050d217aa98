//! Mails to people who sent files that took long: that they are done, with one link. Each upload is told of once.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use engine::Engine;
use engine::catalogue::Language;
use store::{DoneBatch, OwnMail, Receipt, Store};
use tokio_util::sync::CancellationToken;
use web::{Sending, Site};

use crate::letterhead::{Letterhead, short};

/// What composes and sends them.
pub(crate) struct Teller {
    pub(crate) store: Store,
    pub(crate) engine: Engine,
    pub(crate) letterhead: Letterhead,
    pub(crate) site: Arc<Site>,
    pub(crate) language: Language,
    /// Uploads that took no longer are not told of; `None`: none is.
    pub(crate) after: Option<Duration>,
    /// What is still being sent is not done.
    pub(crate) sending: Sending,
}

impl Teller {
    /// Looks for finished uploads until `shutdown`. What ended while the gateway was stopped is told of after its start.
    pub(crate) async fn run(self, shutdown: CancellationToken) -> Result<(), Infallible> {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            if let Err(error) = self.look().await {
                tracing::error!(event = "upload_notices_failed", error = format!("{error:#}"));
            }
        }
    }

    async fn look(&self) -> Result<()> {
        let mut done = self.store.done_batches(AT_ONCE).await?;
        done.retain(|batch| !self.sending.goes_on(batch.batch));
        let mut needless = Vec::new();
        for batch in done {
            match self.wanted(&batch) {
                // One mail that cannot be made holds up no other; it is tried again.
                Some((receipt, address)) => {
                    if let Err(error) = self.tell(&batch, receipt, address).await {
                        tracing::error!(
                            event = "upload_notice_failed",
                            receipt = receipt.as_str(),
                            error = format!("{error:#}")
                        );
                    }
                }
                None => needless.push(batch),
            }
        }
        if !needless.is_empty() {
            self.store.tell_nobody_of(&needless).await?;
        }
        Ok(())
    }

    /// What is told and where, if it is to be.
    fn wanted<'a>(&self, batch: &'a DoneBatch) -> Option<(&'a Receipt, &'a str)> {
        let was_long = self.after.is_some_and(|after| batch.took > after);
        batch.receipt.as_ref().zip(batch.address.as_deref()).filter(|_| was_long)
    }

    async fn tell(&self, batch: &DoneBatch, about: &Receipt, address: &str) -> Result<()> {
        let link = format!("{}/r/{about}", self.site.portal_url);
        let (subject, text) =
            words(batch, about, &link, &self.site.name, self.language, self.letterhead.utc_offset_minutes);
        let receipt = self.store.new_receipt()?;
        let recipients = vec![address.to_owned()];
        let notice = self.letterhead.notice(&receipt, &recipients, &subject, text);
        let body = self.engine.current().compose_notice(&notice).await.context("composing the notice")?;
        let mail = OwnMail { receipt, recipients, subject, body };
        if self.store.tell_of_batch(batch, mail).await? {
            tracing::info!(event = "upload_notice_sent", receipt = about.as_str(), files = batch.files);
        }
        Ok(())
    }
}

fn words(
    batch: &DoneBatch,
    about: &Receipt,
    link: &str,
    site: &str,
    language: Language,
    offset_minutes: i16,
) -> (String, String) {
    let (files, withheld) = (batch.files, batch.withheld);
    let until = short(batch.expires, offset_minutes);
    let mut japanese = format!("送っていただいたファイル {files}件の処理が終わりました。受付番号 {about}\n");
    let mut english = format!("The files that you sent are done ({files}). Receipt {about}\n");
    if withheld > 0 {
        japanese.push_str(&format!("うち、お渡しできないもの {withheld}件（理由は次の画面で確認できます）\n"));
        english.push_str(&format!("{withheld} of them are withheld; the page says why.\n"));
    }
    let (ends, english_ends) = (format!("（{until} まで）"), format!("(until {until})"));
    let text = match language {
        Language::Ja => format!("{japanese}\n{link}\n{ends}\n\n{english}{english_ends}\n"),
        Language::En => format!("{english}\n{link}\n{english_ends}\n\n{japanese}{ends}\n"),
    };
    let subject = match language {
        Language::Ja => format!("{site} ファイル無害化: 処理が終わりました（{about}）"),
        Language::En => format!("{site} File sanitising: done ({about})"),
    };
    (subject.trim_start().to_owned(), text)
}

/// How often finished uploads are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Uploads per look.
const AT_ONCE: u32 = 500;

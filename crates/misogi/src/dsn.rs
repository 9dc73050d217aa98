//! Reports to senders whose mail could not be delivered, composed in a clean room like everything else that leaves.

use engine::catalogue::Language;
use engine::{DeliveryReport, Engine, FailedDelivery, Notice};
use mail::delivery::{ComposeDsn, ComposeError, ComposeFuture, DsnFacts};
use store::Store;

use crate::config::Config;
use crate::gateway;
use crate::letterhead::Letterhead;

/// Composes delivery reports in the language of the site.
pub(crate) struct Composer {
    engine: Engine,
    store: Store,
    language: Language,
    letterhead: Letterhead,
}

impl Composer {
    pub(crate) fn new(engine: Engine, store: Store, config: &Config, letterhead: Letterhead) -> Self {
        Self { engine, store, language: gateway::language(config), letterhead }
    }

    fn notice(&self, facts: &DsnFacts) -> Notice {
        let subject = self.language.pick("配送できなかったメールのお知らせ", "Undelivered mail");
        let mut text = match self.language {
            Language::Ja => {
                format!("受付番号 {} のメールを、次の宛先へ配送できませんでした。\n", facts.receipt.as_str())
            }
            Language::En => {
                format!("The mail with receipt {} could not be delivered to:\n", facts.receipt.as_str())
            }
        };
        for failed in &facts.failed {
            text.push_str(&format!("\n  {}\n    {} {}\n", failed.address, failed.status, failed.reply));
        }
        Notice {
            from: self.letterhead.postmaster.clone(),
            to: vec![facts.recipient.clone()],
            subject: subject.to_owned(),
            text,
            now: facts.last_attempt.unix_millis().div_euclid(1000),
            utc_offset_minutes: self.letterhead.utc_offset_minutes,
            receipt: facts.receipt.as_str().to_owned(),
            report: Some(report(facts)),
        }
    }
}

fn report(facts: &DsnFacts) -> DeliveryReport {
    let seconds = |at: store::Timestamp| at.unix_millis().div_euclid(1000);
    let failed = facts.failed.iter().map(|failed| FailedDelivery {
        address: failed.address.clone(),
        status: failed.status.clone(),
        diagnostic: failed.reply.clone(),
        remote_mta: facts.remote_mta.clone(),
        last_attempt: seconds(facts.last_attempt),
    });
    DeliveryReport {
        reporting_mta: facts.reporting_mta.clone(),
        arrival: seconds(facts.arrival),
        failed: failed.collect(),
    }
}

impl ComposeDsn for Composer {
    fn compose(&self, facts: DsnFacts) -> ComposeFuture<'_> {
        Box::pin(async move {
            let notice = self.notice(&facts);
            let body =
                self.engine.current().compose_notice(&notice).await.map_err(|error| Box::new(error) as ComposeError)?;
            Ok(store::Notice {
                receipt: self.store.new_receipt()?,
                recipient: facts.recipient,
                smtputf8: facts.smtputf8,
                about: facts.about,
                subject: notice.subject,
                body,
            })
        })
    }
}

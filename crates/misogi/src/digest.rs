//! Digest mails: a few times a day administrators are told what waits for them, with one link, and nothing where nothing does.

use std::time::Duration;

use anyhow::Result;
use engine::catalogue::Language;
use engine::{Engine, Notice};
use store::{DigestMail, Store, Timestamp, Todo};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::gateway;

/// What composes and sends the digests.
pub(crate) struct Digest {
    store: Store,
    engine: Engine,
    /// Minutes of the day, by local time.
    times: Vec<u32>,
    recipients: Vec<String>,
    postmaster: String,
    /// Address of the list of what waits.
    link: String,
    site_name: String,
    language: Language,
    utc_offset_minutes: i16,
}

impl Digest {
    pub(crate) fn new(store: Store, engine: Engine, config: &Config, postmaster: String, admin_url: &str) -> Self {
        Self {
            store,
            engine,
            times: config.digest.minutes(),
            recipients: config.digest.recipients.clone(),
            postmaster,
            link: format!("{admin_url}/quarantine?state=held"),
            site_name: config.site.name.clone(),
            language: gateway::language(config),
            utc_offset_minutes: config.site.utc_offset_minutes,
        }
    }

    /// Looks at the clock until `shutdown`. A moment that was missed is made up for within two hours.
    pub(crate) async fn run(self, shutdown: CancellationToken) -> Result<(), std::convert::Infallible> {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            if self.recipients.is_empty() {
                continue;
            }
            if let Err(error) = self.look().await {
                tracing::error!(event = "digest_failed", error = format!("{error:#}"));
            }
        }
    }

    async fn look(&self) -> Result<()> {
        let now = self.store.now();
        let Some(slot) = last_slot(now, &self.times, self.utc_offset_minutes) else { return Ok(()) };
        if now.since(slot) > LATEST || self.store.digest_done(slot).await? {
            return Ok(());
        }
        let todo = self.store.todo(now.plus(SOON)).await?;
        if todo.held == 0 {
            self.store.digest_needless(slot).await?;
            return Ok(());
        }
        let receipt = self.store.new_receipt()?;
        let (subject, text) = words(&todo, &self.link, &self.site_name, self.language, self.utc_offset_minutes);
        let notice = Notice {
            from: self.postmaster.clone(),
            to: self.recipients.clone(),
            subject: subject.clone(),
            text,
            now: now.unix_millis().div_euclid(1000),
            utc_offset_minutes: self.utc_offset_minutes,
            receipt: receipt.as_str().to_owned(),
            report: None,
        };
        let body = self.engine.current().compose_notice(&notice).await?;
        let mail = DigestMail { receipt, recipients: self.recipients.clone(), subject, body };
        if self.store.send_digest(slot, mail).await? {
            tracing::info!(event = "digest_sent", held = todo.held, recipients = self.recipients.len());
        }
        Ok(())
    }
}

/// The last of the given minutes of a day that is not after `now`.
fn last_slot(now: Timestamp, times: &[u32], offset_minutes: i16) -> Option<Timestamp> {
    let ahead = i64::from(offset_minutes).checked_mul(MINUTE)?;
    let local = now.unix_millis().checked_add(ahead)?;
    let today = local.checked_sub(local.rem_euclid(DAY))?;
    let slots = times.iter().flat_map(|time| [today, today - DAY].map(|day| day + i64::from(*time) * MINUTE));
    let last = slots.filter(|slot| *slot <= local).max()?;
    Some(Timestamp::from_unix_millis(last.checked_sub(ahead)?))
}

fn words(todo: &Todo, link: &str, site: &str, language: Language, offset_minutes: i16) -> (String, String) {
    let Todo { held, oldest, locked, ending } = todo;
    let oldest = oldest.map(|at| short(at, offset_minutes)).unwrap_or_default();
    let japanese = format!(
        "要対応 {held}件（最古 {oldest}）\n  うち、パスワードで開くことができるもの {locked}件\n  うち、7日以内に削除されるもの {ending}件\n"
    );
    let english = format!(
        "{held} withheld originals wait (the oldest since {oldest}).\n  {locked} of them may be opened with a password.\n  {ending} of them are removed within 7 days.\n"
    );
    let subject = match language {
        Language::Ja => format!("{site} 無害化: 要対応 {held}件"),
        Language::En => format!("{site} Sanitising: {held} originals wait"),
    };
    let text = match language {
        Language::Ja => format!("{japanese}\n{link}\n\n{english}"),
        Language::En => format!("{english}\n{link}\n\n{japanese}"),
    };
    (subject.trim_start().to_owned(), text)
}

/// `11/20 17:52`
fn short(at: Timestamp, offset_minutes: i16) -> String {
    let (_, month, day) = at.date(offset_minutes.into());
    let minutes = at.unix_millis().div_euclid(MINUTE).saturating_add(offset_minutes.into()).rem_euclid(1440);
    format!("{month:02}/{day:02} {:02}:{:02}", minutes / 60, minutes % 60)
}

const MINUTE: i64 = 60_000;
const DAY: i64 = 86_400_000;
/// How often the clock is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(20);
/// A digest that is later than this is left out: the next one says the same.
const LATEST: Duration = Duration::from_secs(2 * 60 * 60);
/// What ends within this time is counted apart.
const SOON: Duration = Duration::from_secs(7 * 24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    /// TZ=Asia/Tokyo date -d '2026-11-21 09:12:03' +%s
    const MORNING: i64 = 1_795_219_923;

    #[test]
    fn the_last_moment_is_found_by_local_time_over_midnight() {
        let check = |seconds: i64, expect: i64| {
            let slot = last_slot(Timestamp::from_unix_millis(seconds * 1000), &[510, 780], 540);
            assert_eq!(slot, Some(Timestamp::from_unix_millis(expect * 1000)));
        };
        let at = |hour: i64, minute: i64| MORNING - (9 * 3600 + 12 * 60 + 3) + hour * 3600 + minute * 60;
        check(MORNING, at(8, 30));
        check(at(8, 30), at(8, 30));
        check(at(8, 30) - 1, at(13, 0) - 86_400);
        check(at(23, 59), at(13, 0));
        assert_eq!(last_slot(Timestamp::from_unix_millis(0), &[], 540), None);
    }

    #[test]
    fn the_mail_has_the_figures_and_one_link_with_japanese_first() {
        let todo = Todo { held: 12, oldest: Some(Timestamp::from_unix_millis(MORNING * 1000)), locked: 3, ending: 5 };
        let (subject, text) = words(&todo, "https://admin.example.jp/quarantine?state=held", "○○市", Language::Ja, 540);
        assert_eq!(subject, "○○市 無害化: 要対応 12件");
        assert!(text.starts_with("要対応 12件（最古 11/21 09:12）\n"), "{text}");
        assert_eq!(text.matches("https://").count(), 1);
        assert!(text.contains("12 withheld originals wait"));
    }
}

//! Digest mails: a few times a day administrators and approvers are told what waits for them, with one link, and nothing where nothing does.

use std::time::Duration;

use anyhow::Result;
use engine::Engine;
use engine::catalogue::Language;
use store::{OwnMail, Role, Store, Timestamp, Todo, UserState};
use tokio_util::sync::CancellationToken;
use web::Site;

use crate::config::Config;
use crate::gateway;
use crate::letterhead::{Letterhead, short};

/// What composes and sends the digests.
pub(crate) struct Digest {
    store: Store,
    engine: Engine,
    /// Minutes of the day, by local time.
    times: Vec<u32>,
    recipients: Vec<String>,
    letterhead: Letterhead,
    /// Whether approvers are told of requests.
    approvers: bool,
    admin_url: String,
    portal_url: String,
    site_name: String,
    language: Language,
}

impl Digest {
    pub(crate) fn new(store: Store, engine: Engine, config: &Config, letterhead: Letterhead, site: &Site) -> Self {
        Self {
            store,
            engine,
            times: config.digest.minutes(),
            recipients: config.digest.recipients.clone(),
            letterhead,
            approvers: config.digest.approvers,
            admin_url: site.admin_url.clone(),
            portal_url: site.portal_url.clone(),
            site_name: config.site.name.clone(),
            language: gateway::language(config),
        }
    }

    /// Looks at the clock until `shutdown`. A moment that was missed is made up for within two hours.
    pub(crate) async fn run(self, shutdown: CancellationToken) -> Result<(), std::convert::Infallible> {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let looked = match self.look().await {
                Ok(()) => self.look_for_approvers().await,
                failed => failed,
            };
            if let Err(error) = looked {
                tracing::error!(event = "digest_failed", error = format!("{error:#}"));
            }
        }
    }

    /// The moment that a digest is due for, and was not sent yet; `part` tells the digests of one moment apart.
    async fn due(&self, part: Duration) -> Result<Option<Timestamp>> {
        let now = self.store.now();
        let Some(slot) = last_slot(now, &self.times, self.letterhead.utc_offset_minutes) else { return Ok(None) };
        let is_late = now.since(slot) > LATEST;
        let slot = slot.plus(part);
        Ok(if is_late || self.store.digest_done(slot).await? { None } else { Some(slot) })
    }

    async fn look(&self) -> Result<()> {
        if self.recipients.is_empty() {
            return Ok(());
        }
        let Some(slot) = self.due(Duration::ZERO).await? else { return Ok(()) };
        let todo = self.store.todo(self.store.now().plus(SOON)).await?;
        if todo.held == 0 && todo.requests == 0 {
            self.store.digest_needless(slot).await?;
            return Ok(());
        }
        let list = if todo.held > 0 { "/quarantine?state=held" } else { "/approvals" };
        let link = format!("{}{list}", self.admin_url);
        let (subject, text) = words(&todo, &link, &self.site_name, self.language, self.letterhead.utc_offset_minutes);
        if self.send(slot, self.recipients.clone(), subject, text).await? {
            let (held, requests) = (todo.held, todo.requests);
            tracing::info!(event = "digest_sent", held, requests, recipients = self.recipients.len());
        }
        Ok(())
    }

    async fn look_for_approvers(&self) -> Result<()> {
        if !self.approvers {
            return Ok(());
        }
        let Some(slot) = self.due(OF_APPROVERS).await? else { return Ok(()) };
        let (requests, oldest) = self.store.open_requests().await?;
        let users = if requests == 0 { Vec::new() } else { self.store.users().await? };
        let approvers = users.into_iter().filter(|user| user.role == Role::Approver && user.state == UserState::Active);
        let recipients: Vec<String> = approvers.filter_map(|user| user.address).take(MOST_APPROVERS).collect();
        if recipients.is_empty() {
            self.store.digest_needless(slot).await?;
            return Ok(());
        }
        let link = format!("{}/approvals", self.portal_url);
        let todo = Todo { requests, oldest_request: oldest, ..Todo::default() };
        let (subject, text) = words(&todo, &link, &self.site_name, self.language, self.letterhead.utc_offset_minutes);
        let count = recipients.len();
        if self.send(slot, recipients, subject, text).await? {
            tracing::info!(event = "digest_sent", requests, recipients = count);
        }
        Ok(())
    }

    async fn send(&self, slot: Timestamp, recipients: Vec<String>, subject: String, text: String) -> Result<bool> {
        let receipt = self.store.new_receipt()?;
        let notice = self.letterhead.notice(&receipt, &recipients, &subject, text);
        let body = self.engine.current().compose_notice(&notice).await?;
        Ok(self.store.send_digest(slot, OwnMail { receipt, recipients, subject, body }).await?)
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
    let Todo { held, oldest, locked, ending, requests, oldest_request } = todo;
    let time = |at: &Option<Timestamp>| at.map(|at| short(at, offset_minutes)).unwrap_or_default();
    let (oldest, oldest_request) = (time(oldest), time(oldest_request));
    let (mut japanese, mut english) = (String::new(), String::new());
    let (mut title, mut english_title) = (Vec::new(), Vec::new());
    if *held > 0 {
        japanese.push_str(&format!(
            "隔離の確認が必要なもの {held}件（最古 {oldest}）\n  うち、パスワードで開くことができるもの {locked}件\n  うち、7日以内に削除されるもの {ending}件\n"
        ));
        english.push_str(&format!(
            "{held} withheld originals wait (the oldest since {oldest}).\n  {locked} of them may be opened with a password.\n  {ending} of them are removed within 7 days.\n"
        ));
        title.push(format!("隔離の確認が必要なもの {held}件"));
        english_title.push(format!("{held} originals wait"));
    }
    if *requests > 0 {
        japanese.push_str(&format!("判断を待つ原本の取り寄せの申請 {requests}件（最古 {oldest_request}）\n"));
        english.push_str(&format!("{requests} requests for originals wait (the oldest since {oldest_request}).\n"));
        title.push(format!("判断を待つ申請 {requests}件"));
        english_title.push(format!("{requests} requests wait"));
    }
    let subject = match language {
        Language::Ja => format!("{site} 無害化ゲートウェイ: {}", title.join("、")),
        Language::En => format!("{site} Sanitising gateway: {}", english_title.join(", ")),
    };
    let text = match language {
        Language::Ja => format!("{japanese}\n{link}\n\n{english}"),
        Language::En => format!("{english}\n{link}\n\n{japanese}"),
    };
    (subject.trim_start().to_owned(), text)
}

const MINUTE: i64 = 60_000;
const DAY: i64 = 86_400_000;
/// How often the clock is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(20);
/// A digest that is later than this is left out: the next one says the same.
const LATEST: Duration = Duration::from_secs(2 * 60 * 60);
/// By what the digest of approvers follows that of administrators, so that each is sent once.
const OF_APPROVERS: Duration = Duration::from_millis(1);
/// Approvers who are told.
const MOST_APPROVERS: usize = 100;
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
        let morning = Some(Timestamp::from_unix_millis(MORNING * 1000));
        let todo = Todo { held: 12, oldest: morning, locked: 3, ending: 5, ..Todo::default() };
        let (subject, text) = words(&todo, "https://admin.example.jp/quarantine?state=held", "○○市", Language::Ja, 540);
        assert_eq!(subject, "○○市 無害化ゲートウェイ: 隔離の確認が必要なもの 12件");
        assert!(text.starts_with("隔離の確認が必要なもの 12件（最古 11/21 09:12）\n"), "{text}");
        assert_eq!(text.matches("https://").count(), 1);
        assert!(text.contains("12 withheld originals wait") && !text.contains("申請"));
        let todo = Todo { requests: 2, oldest_request: morning, ..todo };
        let (subject, text) = words(&todo, "https://admin.example.jp/", "", Language::Ja, 540);
        assert_eq!(subject, "無害化ゲートウェイ: 隔離の確認が必要なもの 12件、判断を待つ申請 2件");
        assert!(text.contains("判断を待つ原本の取り寄せの申請 2件（最古 11/21 09:12）\n"), "{text}");
    }
}

//! What happened minute by minute over the last two days, counted in the transaction in which it happens. The dashboard reads
//! a few thousand small rows, however many messages there are.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use form::reason::Reason;

use crate::codec::{self, Coded};
use crate::sql::Many;
use crate::writer::Tx;
use crate::{Error, Store, Timestamp, Verdict};

/// What happened in the last 24 hours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// When the first step of [`steps`](Self::steps) begins.
    pub from: Timestamp,
    /// Half hours, oldest first; the last one is not over yet.
    pub steps: Vec<StepFigures>,
    /// Messages by verdict, all four.
    pub verdicts: Vec<(Verdict, u64)>,
    /// Parts and messages withheld, by reason, most frequent first.
    pub reasons: Vec<(Reason, u64)>,
    /// Parts by true type, most frequent first.
    pub kinds: Vec<(String, u64)>,
    /// Messages that got a verdict in the last [`RECENT_MINUTES`](Self::RECENT_MINUTES) whole minutes.
    pub recently_finished: u64,
    /// In the last hour, 95 of 100 messages got their verdict within this time of their acceptance. An upper bound, exact to a
    /// step of [`LADDER`]; `None` where nothing got one.
    pub p95: Option<Duration>,
    /// SMTP commands and connections refused in the last hour, by reply code.
    pub refused: Vec<(u16, u64)>,
}

/// What happened in one step of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StepFigures {
    /// Mails and uploads accepted.
    pub accepted: u64,
    /// Recipients delivered.
    pub delivered: u64,
    /// Parts and messages withheld.
    pub withheld: u64,
}

impl Figures {
    /// How long one of [`steps`](Self::steps) is.
    pub const STEP: Duration = Duration::from_secs(60 * STEP_MINUTES.unsigned_abs());
    /// Over how many minutes throughput is measured.
    pub const RECENT_MINUTES: u64 = RECENT.unsigned_abs();
}

/// What is counted. The numbers stand in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Figure {
    /// A message was accepted. The name is `mail` or `upload`.
    Accepted = 0,
    /// A message got its verdict; its code.
    Finished = 1,
    /// A part was withheld; the code of the reason.
    Withheld = 2,
    /// A part was looked at; its true type.
    Kind = 3,
    /// A message took so long; the step of [`LADDER`].
    Took = 4,
    /// A recipient was tried; `delivered`, `retry` or `failed`.
    Delivery = 5,
    /// A command was refused; the reply code.
    Refused = 6,
}

impl Figure {
    pub(crate) fn code(self) -> i64 {
        self as i64
    }
}

/// Something counted in a transaction, to be added up when it is committed.
pub(crate) type Counted = (Figure, Cow<'static, str>);

/// The step of [`LADDER`] into which a time falls; one above the last is that many.
pub(crate) fn step_of(took: Duration) -> String {
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    LADDER.partition_point(|bound| *bound < millis).to_string()
}

/// Adds what was counted to the rows of this minute.
pub(crate) async fn write(tx: &mut Tx, counted: &[Counted]) -> Result<(), Error> {
    let mut sums: BTreeMap<(Figure, &str), i64> = BTreeMap::new();
    for (figure, name) in counted {
        let one = sums.entry((*figure, name.as_ref())).or_default();
        *one = one.saturating_add(1);
    }
    let minute = tx.now.unix_millis().div_euclid(60_000);
    // A type is a word that a room said. What is beyond the bound is counted nowhere.
    let rows: Vec<((Figure, &str), i64)> = sums.into_iter().take(MOST_NAMES).collect();
    tx.many(&ADD, &rows, |values, ((figure, name), count)| {
        values.add(minute).add(figure.code()).add(*name).add(*count);
    })
    .await?;
    Ok(())
}

/// The minute before which rows are of no use any more.
pub(crate) fn kept_from(now: Timestamp) -> i64 {
    now.unix_millis().div_euclid(60_000).saturating_sub(2 * DAY)
}

impl Store {
    /// What happened in the last 24 hours.
    ///
    /// # Errors
    /// [`Error::Database`] or [`Error::Damaged`].
    pub async fn figures(&self) -> Result<Figures, Error> {
        let get = |error| Error::database("reading the figures")(error);
        let minute = self.now().unix_millis().div_euclid(60_000);
        let last = minute.div_euclid(STEP_MINUTES);
        let first = last.saturating_sub(DAY / STEP_MINUTES - 1);
        let from = first.saturating_mul(STEP_MINUTES);
        let totals: Vec<(i64, String, i64)> = sqlx::query_as(
            "SELECT kind, name, sum(count) FROM figure WHERE minute >= ?1 AND kind IN (1, 2, 3)
             GROUP BY kind, name ORDER BY 3 DESC, name",
        )
        .bind(from)
        .fetch_all(self.readers())
        .await
        .map_err(get)?;
        let steps: Vec<(i64, i64, i64)> = sqlx::query_as(
            "SELECT minute / ?2, kind, sum(count) FROM figure
             WHERE minute >= ?1 AND (kind IN (0, 2) OR (kind = 5 AND name = 'delivered')) GROUP BY 1, 2",
        )
        .bind(from)
        .bind(STEP_MINUTES)
        .fetch_all(self.readers())
        .await
        .map_err(get)?;
        let hour: Vec<(i64, String, i64)> = sqlx::query_as(
            "SELECT kind, name, sum(count) FROM figure WHERE minute > ?1 AND kind IN (4, 6) GROUP BY kind, name",
        )
        .bind(minute.saturating_sub(HOUR))
        .fetch_all(self.readers())
        .await
        .map_err(get)?;
        let (recently,): (Option<i64>,) =
            sqlx::query_as("SELECT sum(count) FROM figure WHERE minute >= ?1 AND minute < ?2 AND kind = 1")
                .bind(minute.saturating_sub(RECENT))
                .bind(minute)
                .fetch_one(self.readers())
                .await
                .map_err(get)?;
        let of = |rows: &[(i64, String, i64)], figure: Figure| -> Vec<(String, u64)> {
            let found = rows.iter().filter(|(kind, _, _)| *kind == figure.code());
            found.map(|(_, name, count)| (name.clone(), codec::unsigned(*count))).collect()
        };
        let finished = of(&totals, Figure::Finished);
        let count_of = |verdict: Verdict| {
            let code = verdict.code().to_string();
            finished.iter().find(|(name, _)| *name == code).map_or(0, |(_, count)| *count)
        };
        let reasons = of(&totals, Figure::Withheld).into_iter();
        let mut refused: Vec<(u16, u64)> = of(&hour, Figure::Refused)
            .into_iter()
            .filter_map(|(code, count)| Some((code.parse().ok()?, count)))
            .collect();
        refused.sort_unstable_by_key(|(_, count)| std::cmp::Reverse(*count));
        Ok(Figures {
            from: Timestamp::from_unix_millis(from.saturating_mul(60_000)),
            steps: (first..=last).map(|step| step_figures(&steps, step)).collect(),
            verdicts: Verdict::ALL.iter().map(|(verdict, _)| (*verdict, count_of(*verdict))).collect(),
            // A reason that this program does not know (it was replaced by an older one) is left out.
            reasons: reasons
                .filter_map(|(code, count)| Some((Reason::from_code(code.parse().ok()?)?, count)))
                .collect(),
            kinds: of(&totals, Figure::Kind),
            recently_finished: codec::unsigned(recently.unwrap_or(0)),
            p95: p95(&of(&hour, Figure::Took)),
            refused,
        })
    }
}

fn step_figures(rows: &[(i64, i64, i64)], step: i64) -> StepFigures {
    let of = |figure: Figure| {
        let found = rows.iter().find(|(at, kind, _)| *at == step && *kind == figure.code());
        found.map_or(0, |(_, _, count)| codec::unsigned(*count))
    };
    StepFigures { accepted: of(Figure::Accepted), delivered: of(Figure::Delivery), withheld: of(Figure::Withheld) }
}

/// The bound of the step in which the 95th of 100 lies.
fn p95(took: &[(String, u64)]) -> Option<Duration> {
    let mut steps: Vec<(usize, u64)> =
        took.iter().filter_map(|(step, count)| Some((step.parse().ok()?, *count))).collect();
    steps.sort_unstable();
    let total = steps.iter().fold(0u64, |sum, (_, count)| sum.saturating_add(*count));
    let wanted = total.saturating_mul(95).div_ceil(100);
    let mut seen = 0u64;
    let (step, _) = steps.into_iter().find(|(_, count)| {
        seen = seen.saturating_add(*count);
        seen >= wanted && wanted > 0
    })?;
    Some(LADDER.get(step).map_or(Duration::MAX, |millis| Duration::from_millis(*millis)))
}

static ADD: Many = Many {
    doing: "adding to the figures",
    head: "INSERT INTO figure (minute, kind, name, count) VALUES ",
    columns: 4,
    tail: " ON CONFLICT (minute, kind, name) DO UPDATE SET count = count + excluded.count",
};

/// Upper bounds in milliseconds: a small mail takes tens of them, the longest conversion and its queue many minutes.
pub const LADDER: [u64; 24] = [
    50, 100, 200, 300, 500, 700, 1_000, 1_500, 2_000, 3_000, 4_000, 5_000, 7_000, 10_000, 15_000, 20_000, 30_000,
    60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000, 86_400_000,
];
const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;
const STEP_MINUTES: i64 = 30;
const RECENT: i64 = 5;
/// Different things counted in one transaction.
const MOST_NAMES: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_95th_of_a_hundred_counts() {
        let took = |steps: &[(usize, u64)]| -> Vec<(String, u64)> {
            steps.iter().map(|(step, count)| (step.to_string(), *count)).collect()
        };
        assert_eq!(p95(&[]), None);
        assert_eq!(p95(&took(&[(0, 1)])), Some(Duration::from_millis(50)));
        assert_eq!(p95(&took(&[(6, 94), (13, 6)])), Some(Duration::from_secs(10)), "the slow ones are six");
        assert_eq!(p95(&took(&[(6, 95), (13, 5)])), Some(Duration::from_secs(1)));
        assert_eq!(p95(&took(&[(13, 5), (6, 94)])), Some(Duration::from_secs(10)), "in whatever order");
        assert_eq!(p95(&took(&[(LADDER.len(), 1)])), Some(Duration::MAX));
    }

    #[test]
    fn a_time_falls_below_the_bound_that_it_reaches() {
        assert_eq!(step_of(Duration::ZERO), "0");
        assert_eq!(step_of(Duration::from_millis(50)), "0");
        assert_eq!(step_of(Duration::from_millis(51)), "1");
        assert_eq!(step_of(Duration::from_millis(86_400_000)), "23");
        assert_eq!(step_of(Duration::MAX), "24");
    }
}

//! Whether the parts of the gateway work, looked at from time to time, and the figures that others keep.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use engine::Scanner;
use jail::{Level, Pool};
use mail::observer::{Observer, Tried};
use store::Timestamp;
use tokio_util::sync::CancellationToken;
use web::{Certificate, Condition, DeliveryEnd, Metrics, Outlook, Readiness, RoomTotals, Source};

use crate::worker::chain;

/// How often the rooms are looked at: a look reads a few counters.
const ROOMS_EVERY: Duration = Duration::from_secs(2);

/// How often the scanner is asked for its version, and how long it may think about it.
const SCANNER_EVERY: Duration = Duration::from_secs(20);
const SCANNER_ANSWERS: Duration = Duration::from_secs(10);

const CERTIFICATES_EVERY: Duration = Duration::from_secs(3600);

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The parts of the machine that must report before the gateway is ready, and those of each organisation.
pub(crate) const MACHINE_PARTS: [&str; 2] = ["rooms", "scanner"];
pub(crate) const PARTS: [&str; 1] = ["delivery"];

/// Posts the condition of the rooms and their figures until `shutdown`.
pub(crate) async fn rooms(
    pool: Arc<Pool>,
    slots: usize,
    readiness: Readiness,
    metrics: Metrics,
    shutdown: CancellationToken,
) -> Result<(), std::convert::Infallible> {
    let mut all_worked = true;
    loop {
        let stats = pool.stats();
        metrics.rooms(RoomTotals {
            documents: stats.jobs,
            failed: stats.failed_rooms,
            zygotes: stats.zygotes_started,
            waiting: stats.queued,
            slots_down: stats.slots_down,
        });
        let all_work = stats.slots_down == 0;
        if all_work != all_worked {
            tracing::warn!(event = "rooms_changed", slots, slots_down = stats.slots_down);
            all_worked = all_work;
        }
        readiness.report("rooms", rooms_condition(pool.level(), stats.slots_down, slots));
        if pause(ROOMS_EVERY, &shutdown).await {
            return Ok(());
        }
    }
}

fn rooms_condition(level: Level, down: u64, slots: usize) -> Condition {
    match (level, down) {
        (Level::C, _) => Condition::Degraded("rooms are not contained (--accept-unsandboxed)".to_owned()),
        (Level::A | Level::B, 0) => Condition::Good,
        (Level::A | Level::B, down) => Condition::Degraded(format!("{down} of {slots} slots cannot get a room")),
    }
}

/// Asks the scanner whether it is there, until `shutdown`. Mail waits by itself when it is not; this tells people.
pub(crate) async fn scanner(
    scanner: Option<Scanner>,
    readiness: Readiness,
    board: ScannerBoard,
    shutdown: CancellationToken,
) -> Result<(), std::convert::Infallible> {
    let Some(scanner) = scanner else {
        readiness.report("scanner", Condition::Off("scanner.clamd is not set".to_owned()));
        shutdown.cancelled().await;
        return Ok(());
    };
    let mut answered = true;
    loop {
        let problem = match tokio::time::timeout(SCANNER_ANSWERS, scanner.version()).await {
            Ok(Ok(version)) => {
                board.note(version);
                None
            }
            Ok(Err(error)) => Some(chain(&error)),
            Err(_) => Some(format!("clamd did not answer within {SCANNER_ANSWERS:?}")),
        };
        match &problem {
            Some(error) if answered => tracing::error!(event = "scanner_unreachable", error),
            None if !answered => tracing::info!(event = "scanner_back"),
            _ => {}
        }
        answered = problem.is_none();
        readiness.report("scanner", problem.map_or(Condition::Good, Condition::Degraded));
        if pause(SCANNER_EVERY, &shutdown).await {
            return Ok(());
        }
    }
}

/// Where what the scanner says of itself is noted.
#[derive(Debug)]
pub(crate) struct ScannerBoard {
    pub(crate) outlook: Outlook,
    /// clamd tells the local time of its database without saying which zone that is.
    pub(crate) offset_minutes: i32,
}

impl ScannerBoard {
    fn note(&self, version: String) {
        let made = database_made(&version, self.offset_minutes);
        self.outlook.note(|seen| (seen.scanner, seen.scanner_database) = (Some(version), made));
    }
}

/// The time in `ClamAV 1.4.3/27823/Sat Nov 21 08:26:01 2026`, which is written as ctime(3) does.
fn database_made(version: &str, offset_minutes: i32) -> Option<Timestamp> {
    let mut words = version.splitn(3, '/').nth(2)?.split_whitespace().skip(1);
    let (month, day, time, year) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let month = MONTHS.iter().position(|name| *name == month)?.checked_add(1)?;
    let mut time = time.split(':').map(|part| part.parse().ok());
    let time = (time.next()??, time.next()??, time.next()??);
    Timestamp::from_civil((year.parse().ok()?, u32::try_from(month).ok()?, day.parse().ok()?), time, offset_minutes)
}

/// Looks from time to time when the certificates end, until `shutdown`: they are renewed while the gateway runs.
pub(crate) async fn certificates(
    files: Vec<(&'static str, PathBuf)>,
    outlook: Outlook,
    shutdown: CancellationToken,
) -> Result<(), std::convert::Infallible> {
    loop {
        let mut found = Vec::new();
        for (name, path) in &files {
            let pem = tokio::fs::read(path).await;
            let ends = pem.ok().and_then(|pem| mail::intake::validity::ends(&pem));
            found.push(Certificate { name, ends });
        }
        outlook.note(|seen| seen.certificates = found);
        if pause(CERTIFICATES_EVERY, &shutdown).await {
            return Ok(());
        }
    }
}

/// True when it is time to stop.
async fn pause(length: Duration, shutdown: &CancellationToken) -> bool {
    tokio::select! {
        () = shutdown.cancelled() => true,
        () = tokio::time::sleep(length) => false,
    }
}

/// Puts what the intake tells into the figures.
#[derive(Debug)]
pub(crate) struct IntakeFigures(pub(crate) Metrics);

impl Observer for IntakeFigures {
    fn accepted(&self, octets: u64) {
        self.0.accepted(Source::Mail, octets);
    }

    fn refused(&self, code: u16) {
        self.0.smtp_refused(code);
    }

    fn tried(&self, _: Tried) {}

    fn next_hop(&self, _: bool) {}
}

/// Puts what the delivery of an organisation tells into the figures, and on its board.
#[derive(Debug)]
pub(crate) struct DeliveryFigures {
    metrics: Metrics,
    readiness: Readiness,
    reached: AtomicBool,
}

impl DeliveryFigures {
    /// The next hop counts as there until it was found not to be.
    pub(crate) fn new(metrics: Metrics, readiness: Readiness) -> Self {
        readiness.report("delivery", Condition::Good);
        Self { metrics, readiness, reached: AtomicBool::new(true) }
    }
}

impl Observer for DeliveryFigures {
    fn accepted(&self, _: u64) {}

    fn refused(&self, _: u16) {}

    fn tried(&self, end: Tried) {
        self.metrics.delivery(match end {
            Tried::Delivered => DeliveryEnd::Delivered,
            Tried::Retry => DeliveryEnd::Retry,
            Tried::Failed => DeliveryEnd::Failed,
        });
    }

    fn next_hop(&self, reached: bool) {
        // The board is written to only when something changed.
        if self.reached.swap(reached, Ordering::Relaxed) == reached {
            return;
        }
        let condition = match reached {
            true => Condition::Good,
            false => Condition::Degraded("the next hop cannot be reached".to_owned()),
        };
        self.readiness.report("delivery", condition);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_of_the_database_is_read_from_what_clamd_says() {
        // TZ=Asia/Tokyo date -d '2026-11-21 09:12:03' +%s
        let made = |text| database_made(text, 540).map(|at| at.unix_millis() / 1000);
        assert_eq!(made("ClamAV 1.4.3/27823/Sat Nov 21 09:12:03 2026"), Some(1_795_219_923));
        assert_eq!(made("ClamAV 1.4.3/27823/Tue Feb  1 09:00:00 2000"), Some(949_363_200), "a day of one digit");
        for none in ["ClamAV 1.4.3", "ClamAV 1.4.3/27823/", "a/b/Sat Nov 31 09:12:03 2026", "a/b/Sat Nov 21 09 2026"] {
            assert_eq!(made(none), None, "{none}");
        }
    }

    #[test]
    fn a_slot_without_a_room_and_a_missing_containment_both_show() {
        let told = |level, down| match rooms_condition(level, down, 2) {
            Condition::Good => String::new(),
            Condition::Off(text) | Condition::Degraded(text) | Condition::Refusing(text) => text,
        };
        assert_eq!(told(Level::A, 0), "");
        assert_eq!(told(Level::B, 0), "");
        assert_eq!(told(Level::A, 1), "1 of 2 slots cannot get a room");
        assert!(told(Level::C, 0).contains("not contained"));
    }
}

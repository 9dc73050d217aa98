//! Waiting for a verdict (`?wait=30s`), so that a program need not ask again and again.

#![allow(unused_qualifications, reason = "written by utoipa's macro for `params`")]

use std::{net::IpAddr, time::Duration};

use serde::Deserialize;
use store::BatchStatus;
use tokio::time::{Instant, sleep};
use utoipa::IntoParams;

use crate::{
    fault::Fault,
    people::Visitor,
    portal::{Portal, find, find_states},
    view::FileState,
};

/// How long to wait.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Waiting {
    /// Seconds to wait for the verdict before there is an answer, such as `30s`; at most 60. When many wait, the answer comes at once.
    #[param(pattern = "^[0-9]{1,3}s?$")]
    wait: Option<String>,
}

impl Waiting {
    /// How long, where that is wished.
    pub(super) fn time(&self) -> Result<Option<Duration>, Fault> {
        let Some(text) = &self.wait else { return Ok(None) };
        let digits = text.strip_suffix('s').unwrap_or(text);
        let fit = (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        let seconds = digits.parse::<u64>().ok().filter(|_| fit).ok_or(Fault::BadRequest)?;
        Ok(Some(Duration::from_secs(seconds).min(LONGEST)))
    }
}

/// A batch that the visitor may see: as soon as every file of it has a verdict, or the time is over.
pub(super) async fn settled(
    portal: &Portal,
    visitor: Option<&Visitor>,
    client: Option<IpAddr>,
    id: &str,
    time: Option<Duration>,
) -> Result<BatchStatus, Fault> {
    if let Some(time) = time {
        // Who waits has a place like a page that is told of progress. Without one there is no waiting.
        let own = client.map(|client| portal.watchers.enter(client, WAITING_OF_ONE));
        let place = portal.streams.clone().try_acquire_owned();
        if place.is_ok() && !matches!(own, Some(None)) {
            let until = Instant::now() + time;
            loop {
                let batch = find_states(portal, visitor, id).await?;
                let is_done = batch.files.iter().all(|file| FileState::of(file).finished());
                let left = until.saturating_duration_since(Instant::now());
                if is_done || left.is_zero() {
                    break;
                }
                sleep(EVERY.min(left)).await;
            }
        }
    }
    find(portal, visitor, id).await
}

/// Longest wait.
const LONGEST: Duration = Duration::from_secs(60);
/// Programs of one client address that wait at a time, with its pages.
const WAITING_OF_ONE: usize = 32;
/// How often the store is asked.
const EVERY: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_in_seconds_and_bounded() {
        let check = |text: &str, expect: Result<u64, Fault>| {
            let waiting = Waiting { wait: Some(text.to_owned()) };
            assert_eq!(waiting.time(), expect.map(|seconds| Some(Duration::from_secs(seconds))), "{text}");
        };
        check("30s", Ok(30));
        check("0", Ok(0));
        check("60", Ok(60));
        check("61", Ok(60));
        check("999s", Ok(60));
        for wrong in ["", "s", "1000", "-1", "+1", "1.5", "30m", "30ss", "３"] {
            check(wrong, Err(Fault::BadRequest));
        }
        assert_eq!(Waiting::default().time(), Ok(None));
    }
}

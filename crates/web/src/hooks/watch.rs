//! Notices when a part of the gateway stops working as it should, and has the hooks told.

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;
use store::{Event, Store};
use tokio_util::sync::CancellationToken;

use crate::{Condition, Readiness};

/// Watches the board until `shutdown`. A part counts as broken when it was so at two looks in a row, and is told of again only after it
/// worked in between.
///
/// # Errors
/// None.
pub async fn watch(
    store: Store,
    readiness: Readiness,
    shutdown: CancellationToken,
) -> Result<(), std::convert::Infallible> {
    let mut seen = BTreeMap::new();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        for (part, condition) in readiness.checks(&store).await {
            let Some((state, detail)) = step(&mut seen, part, &condition) else { continue };
            tracing::warn!(event = "part_degraded", part, state, detail);
            let data = json!({"part": part, "state": state, "detail": detail});
            if let Err(error) = store.tell(Event::SystemDegraded, &data).await {
                tracing::error!(event = "webhook_not_noted", error = &error as &dyn std::error::Error);
            }
        }
    }
}

/// How often a part was found broken since it last worked; what is to be told of it, at the second time.
fn step<'a>(
    seen: &mut BTreeMap<&'static str, u32>,
    part: &'static str,
    condition: &'a Condition,
) -> Option<(&'static str, &'a str)> {
    let told = match condition {
        Condition::Good | Condition::Off(_) => {
            seen.insert(part, 0);
            return None;
        }
        Condition::Degraded(detail) => ("degraded", detail.as_str()),
        Condition::Refusing(detail) => ("refusing", detail.as_str()),
    };
    let times = seen.entry(part).or_default();
    *times = times.saturating_add(1);
    (*times == 2).then_some(told)
}

/// How often the board is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_told_once_and_again_after_it_was_gone() {
        let (bad, good) = (Condition::Degraded("down".to_owned()), Condition::Good);
        let mut seen = BTreeMap::new();
        let told: Vec<bool> = [&bad, &good, &bad, &bad, &bad, &bad, &good, &bad, &bad]
            .into_iter()
            .map(|condition| step(&mut seen, "scanner", condition).is_some())
            .collect();
        assert_eq!(told, [false, false, false, true, false, false, false, false, true]);
        let mut seen = BTreeMap::new();
        assert!(step(&mut seen, "scanner", &bad).is_none());
        assert!(step(&mut seen, "rooms", &bad).is_none(), "each part for itself");
    }
}

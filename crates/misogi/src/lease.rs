//! Keeping a job while it is worked on.

use std::time::Duration;

use store::{Store, Work};

use crate::worker::chain;

/// Runs `work_on`, and renews the lease of its job for as long as that takes: a lease that ends has the mail converted a second
/// time, and a slow one given up. A renewal that fails is only told of; the next one may come in time.
pub(crate) async fn held<T>(store: &Store, job: &Work, every: Duration, work_on: impl Future<Output = T>) -> T {
    let mut work_on = std::pin::pin!(work_on);
    loop {
        match tokio::time::timeout(every, &mut work_on).await {
            Ok(done) => return done,
            Err(_) => {
                if let Err(error) = store.extend(std::slice::from_ref(&job.key)).await {
                    let receipt = job.receipt.as_str();
                    tracing::warn!(event = "lease_not_renewed", receipt, error = chain(&error));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use store::{Clock, NewMessage, Origin, StoreConfig, Timestamp};

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    /// A store with one claimed upload, and the hand that moves its clock, in milliseconds.
    async fn claimed() -> (tempfile::TempDir, Store, Work, Arc<AtomicI64>) {
        let directory = tempfile::tempdir().unwrap();
        let hand = Arc::new(AtomicI64::new(1_800_000_000_000));
        let read = hand.clone();
        let clock = Clock::new(move || Timestamp::from_unix_millis(read.load(Ordering::Relaxed)));
        let config = StoreConfig { reserve_bytes: 0, lease: 15 * MINUTE, ..StoreConfig::new(directory.path(), clock) };
        let store = Store::open(config).await.unwrap();
        let mut spool = store.spool();
        spool.write(b"a slow mail").await.unwrap();
        let original = spool.finish().await.unwrap();
        let origin = Origin::Mail {
            envelope: store::Envelope {
                sender: None,
                recipients: vec!["staff@city.example.lg.jp".to_owned()],
                smtputf8: false,
                body_8bit: false,
            },
            peer: "192.0.2.1".parse().unwrap(),
            helo: "mx.example.jp".to_owned(),
            tls: None,
        };
        let receipt = store.new_receipt().unwrap();
        store.accept(NewMessage { receipt, origin, received: store.now(), original }).await.unwrap();
        let job = store.claim(1).await.unwrap().remove(0);
        (directory, store, job, hand)
    }

    /// Work for an hour of the store's clock. Gives how often somebody else got the job.
    async fn an_hour_of_work(store: &Store, hand: &AtomicI64, renew: Duration) -> usize {
        let mut taken = 0;
        for _ in 0..12 {
            hand.fetch_add(5 * 60_000, Ordering::Relaxed);
            // Long enough for some renewals at this point of the store's time.
            tokio::time::sleep(renew * 10).await;
            taken += store.claim(1).await.unwrap().len();
        }
        taken
    }

    #[tokio::test]
    async fn a_job_that_takes_four_leases_is_given_to_nobody_else() {
        let (_directory, store, job, hand) = claimed().await;
        let every = Duration::from_millis(20);
        let taken = held(&store, &job, every, an_hour_of_work(&store, &hand, every)).await;
        assert_eq!(taken, 0);
        store.fail(&job.key, "and it is still ours").await.unwrap();
    }

    #[tokio::test]
    async fn the_same_work_without_renewal_is_given_to_others() {
        let (_directory, store, job, hand) = claimed().await;
        let every = Duration::from_millis(20);
        assert!(an_hour_of_work(&store, &hand, every).await > 0);
        assert!(store.fail(&job.key, "no longer ours").await.is_err());
    }

    #[tokio::test]
    async fn work_goes_on_where_the_lease_cannot_be_renewed() {
        let (_directory, store, job, _hand) = claimed().await;
        store.close().await;
        let every = Duration::from_millis(5);
        let work = async {
            tokio::time::sleep(every * 20).await;
            "done"
        };
        assert_eq!(held(&store, &job, every, work).await, "done");
        assert!(store.extend(std::slice::from_ref(&job.key)).await.is_err(), "it could not");
    }
}

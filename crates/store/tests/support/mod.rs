//! What the tests of the store share: a store in a temporary directory, a clock they set, and small messages.

#![allow(dead_code, reason = "each test binary uses some of it")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use form::name::FileName;
use form::reason::{Finding, Place, Reason, Refusal};
use jail::{Fresh, Sealed, Source};
use store::{
    Accepted, BatchId, Clock, Completed, Envelope, Error, NewMessage, Origin, PartRecord, PartVerdict, Quarantined,
    Store, StoreConfig, Timestamp, Verdict, Work,
};

/// 2026-11-21T00:00:00+09:00.
pub(crate) const START: i64 = 1_795_186_800_000;

/// A clock that stands still until it is moved.
#[derive(Clone)]
pub(crate) struct Hand(Arc<AtomicI64>);

impl Hand {
    pub(crate) fn new() -> Self {
        Hand(Arc::new(AtomicI64::new(START)))
    }

    pub(crate) fn clock(&self) -> Clock {
        let hand = self.0.clone();
        Clock::new(move || Timestamp::from_unix_millis(hand.load(Ordering::SeqCst)))
    }

    pub(crate) fn advance(&self, span: Duration) {
        self.0.fetch_add(i64::try_from(span.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

pub(crate) fn config(directory: &Path, hand: &Hand) -> StoreConfig {
    StoreConfig { reserve_bytes: 0, ..StoreConfig::new(directory, hand.clock()) }
}

/// A store in a temporary directory, and its clock.
pub(crate) async fn fresh() -> (tempfile::TempDir, Hand, Store) {
    let directory = tempfile::tempdir().unwrap();
    let hand = Hand::new();
    let store = Store::open(config(directory.path(), &hand)).await.unwrap();
    (directory, hand, store)
}

pub(crate) fn mail_to(recipients: &[&str]) -> Origin {
    Origin::Mail {
        envelope: Envelope {
            sender: Some("yamada@example.jp".to_owned()),
            recipients: recipients.iter().map(|r| (*r).to_owned()).collect(),
            smtputf8: false,
            body_8bit: true,
        },
        peer: "192.0.2.1".parse().unwrap(),
        helo: "mx.example.jp".to_owned(),
        tls: Some("TLSv1.3".to_owned()),
    }
}

pub(crate) async fn accept_from(store: &Store, origin: Origin, bytes: &[u8]) -> Result<Accepted, Error> {
    let mut spool = store.spool();
    spool.write_trace(b"Received: from test\r\n");
    spool.write(bytes).await?;
    let original = spool.finish().await?;
    store.accept(NewMessage { receipt: store.new_receipt()?, origin, received: store.now(), original }).await
}

pub(crate) async fn accept(store: &Store, bytes: &[u8]) -> Accepted {
    accept_from(store, mail_to(&["suzuki@city.example.lg.jp"]), bytes).await.unwrap()
}

pub(crate) async fn upload(store: &Store, batch: BatchId, name: &str, bytes: &[u8]) -> Accepted {
    store.accept(new_upload(store, batch, name, bytes).await).await.unwrap()
}

pub(crate) async fn new_upload(store: &Store, batch: BatchId, name: &str, bytes: &[u8]) -> NewMessage {
    new_upload_about(store, batch, name, "", bytes).await
}

/// An upload with what its sender says of it.
pub(crate) async fn new_upload_about(
    store: &Store,
    batch: BatchId,
    name: &str,
    subject: &str,
    bytes: &[u8],
) -> NewMessage {
    let subject = store::UploadSubject::parse(subject).unwrap();
    let file_name = FileName::parse(name).unwrap();
    let output = store::RetryPolicy::Same;
    let (user, when_done) = (Some("suzuki".to_owned()), store::WhenDone::Nothing);
    let origin = Origin::Upload { user, batch, file_name, output, subject, when_done };
    let mut spool = store.spool();
    spool.write(bytes).await.unwrap();
    let original = spool.finish().await.unwrap();
    NewMessage { receipt: store.new_receipt().unwrap(), origin, received: store.now(), original }
}

pub(crate) async fn claim_one(store: &Store) -> Work {
    let mut works = store.claim(1).await.unwrap();
    assert_eq!(works.len(), 1);
    works.remove(0)
}

pub(crate) fn made(bytes: &[u8]) -> Fresh {
    Fresh::forged(Sealed::from_bytes(bytes).unwrap())
}

pub(crate) fn source(bytes: &[u8]) -> Source {
    Source::whole(Arc::new(Sealed::from_bytes(bytes).unwrap()))
}

pub(crate) fn part(path: &str, name: &str) -> PartRecord {
    PartRecord {
        path: path.to_owned(),
        name: FileName::parse(name).unwrap(),
        output_name: Some(FileName::parse(name).unwrap()),
        detected_type: "text".to_owned(),
        media_type: Some("text/plain".to_owned()),
        verdict: PartVerdict::Sanitised,
        reason: None,
        findings: vec![Finding { reason: Reason::Metadata, count: 2, place: Place::new("1") }],
        bytes_in: 10,
        bytes_out: 9,
        millis: 3,
        fidelity: None,
        result: None,
        quarantined_original: None,
    }
}

pub(crate) fn withheld(path: &str, name: &str, kept: Quarantined) -> PartRecord {
    PartRecord {
        output_name: None,
        media_type: None,
        verdict: PartVerdict::Withheld,
        reason: Some(Refusal { reason: Reason::LimitParts, limit: 1000, value: 1001 }),
        quarantined_original: Some(kept),
        ..part(path, name)
    }
}

pub(crate) fn completed(output: Option<&[u8]>, parts: Vec<PartRecord>) -> Completed {
    let any_withheld = parts.iter().any(|p| p.verdict == PartVerdict::Withheld);
    Completed {
        subject: Some("見積書の送付".to_owned()),
        header_from: Some("山田 <yamada@example.jp>".to_owned()),
        message_id: None,
        verdict: if any_withheld { Verdict::SanitisedWithWithheld } else { Verdict::Sanitised },
        parts,
        findings: Vec::new(),
        output: output.map(made),
        account: None,
        policy: String::new(),
    }
}

//! Numbers for Prometheus (`/metrics`): what the parts of the gateway count, and what the store holds right now.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};
use std::time::Duration;

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};
use store::{Counts, Timestamp};

use crate::Readiness;

/// Handles of all counters. Cheap to clone; every part of the gateway gets one.
#[derive(Debug, Clone)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    accepted: Family<SourceLabel, Counter>,
    refused: Family<CodeLabel, Counter>,
    finished: Family<VerdictLabel, Counter>,
    withheld: Family<ReasonLabel, Counter>,
    deliveries: Family<DeliveryLabel, Counter>,
    rooms: RoomFigures,
    bytes_in: Counter,
    conversion: Histogram,
    sign_ins: Family<SignInLabel, Counter>,
    icap: Family<IcapLabel, Counter>,
    queue: Family<QueueLabel, Gauge>,
    oldest: Gauge,
    oldest_delivery: Gauge,
    working: Family<PartLabel, Gauge>,
    quarantine: Gauge,
    recorded: Family<EventLabel, Gauge>,
    free: Gauge,
    up: Gauge<f64, AtomicU64>,
    scrape: Mutex<()>,
}

/// Where a message came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// SMTP.
    Mail,
    /// Portal or API.
    Upload,
    /// A proxy.
    Icap,
}

/// How a delivery attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryEnd {
    /// The next hop took it.
    Delivered,
    /// It will be tried again.
    Retry,
    /// It will not.
    Failed,
}

/// How an attempt to sign in ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum SignIn {
    Success,
    Failure,
    Delayed,
    /// Whoever checks the password could not be asked.
    Unavailable,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SourceLabel {
    source: &'static str,
}
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabel {
    code: u16,
}
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VerdictLabel {
    verdict: &'static str,
}
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DeliveryLabel {
    outcome: &'static str,
}
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PartLabel {
    part: &'static str,
}
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SignInLabel {
    outcome: &'static str,
}
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct IcapLabel {
    service: &'static str,
    outcome: &'static str,
}
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueueLabel {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EventLabel {
    event: &'static str,
}

impl Metrics {
    /// All counters at zero.
    pub fn new(version: &str) -> Self {
        let mut registry = Registry::with_prefix("misogi");
        let accepted = Family::default();
        registry.register("accepted", "Messages made durable and answered", accepted.clone());
        let refused = Family::default();
        registry.register("smtp_refused", "SMTP commands refused, by reply code", refused.clone());
        let finished = Family::default();
        registry.register("finished", "Messages with a verdict", finished.clone());
        let withheld = Family::default();
        registry.register("parts_withheld", "Parts withheld, by reason", withheld.clone());
        let deliveries = Family::default();
        registry.register("deliveries", "Recipients tried at the next hop", deliveries.clone());
        let rooms = RoomFigures::registered(&mut registry);
        let bytes_in = Counter::default();
        registry.register_with_unit("received", "Bytes of accepted originals", Unit::Bytes, bytes_in.clone());
        let conversion = Histogram::new(BUCKETS.iter().copied());
        registry.register_with_unit("conversion", "Time from acceptance to verdict", Unit::Seconds, conversion.clone());
        let sign_ins = Family::default();
        registry.register("sign_ins", "Attempts to sign in to the console", sign_ins.clone());
        let icap = Family::default();
        registry.register("icap_requests", "Requests of proxies, by what became of them", icap.clone());
        let queue = Family::default();
        registry.register("queue", "Work in the store, by state", queue.clone());
        let oldest = Gauge::default();
        registry.register_with_unit(
            "queue_oldest",
            "Age of the oldest message in the queue",
            Unit::Seconds,
            oldest.clone(),
        );
        let oldest_delivery = Gauge::default();
        registry.register_with_unit(
            "delivery_oldest",
            "Age of the oldest recipient that waits for the next hop",
            Unit::Seconds,
            oldest_delivery.clone(),
        );
        let working = Family::default();
        registry.register("working", "1 when a part of the gateway works as it should", working.clone());
        let quarantine = Gauge::default();
        registry.register("quarantine_held", "Originals in quarantine", quarantine.clone());
        // Gauges, because the store's totals outlive the process and a counter of this process would start at zero.
        let recorded = Family::default();
        registry.register("recorded", "Totals since the store was made, by event", recorded.clone());
        let free = Gauge::default();
        registry.register_with_unit("store_free", "Free space where the store lies", Unit::Bytes, free.clone());
        let up = Gauge::default();
        registry.register("store_up", "1 when the store answered this scrape", up.clone());
        let build: Family<Vec<(&'static str, String)>, Gauge> = Family::default();
        registry.register("build", "Always 1; the label carries the version", build.clone());
        build.get_or_create(&vec![("version", version.to_owned())]).set(1);
        Self(Arc::new(Inner {
            registry,
            accepted,
            refused,
            finished,
            withheld,
            deliveries,
            rooms,
            bytes_in,
            conversion,
            sign_ins,
            icap,
            queue,
            oldest,
            oldest_delivery,
            working,
            quarantine,
            recorded,
            free,
            up,
            scrape: Mutex::default(),
        }))
    }

    /// A message was made durable.
    pub fn accepted(&self, source: Source, bytes: u64) {
        let source = match source {
            Source::Mail => "mail",
            Source::Upload => "upload",
            Source::Icap => "icap",
        };
        self.0.accepted.get_or_create(&SourceLabel { source }).inc();
        self.0.bytes_in.inc_by(bytes);
    }

    /// An SMTP command was refused.
    pub fn smtp_refused(&self, code: u16) {
        self.0.refused.get_or_create(&CodeLabel { code }).inc();
    }

    /// A message got its verdict after this long.
    pub fn finished(&self, verdict: store::Verdict, took: Duration) {
        self.0.finished.get_or_create(&VerdictLabel { verdict: verdict_name(verdict) }).inc();
        self.0.conversion.observe(took.as_secs_f64());
    }

    /// A part was withheld; `reason` is [`form::reason::Reason::name`].
    pub fn withheld(&self, reason: form::reason::Reason) {
        self.0.withheld.get_or_create(&ReasonLabel { reason: reason.name() }).inc();
    }

    /// A recipient was tried at the next hop.
    pub fn delivery(&self, outcome: DeliveryEnd) {
        let outcome = match outcome {
            DeliveryEnd::Delivered => "delivered",
            DeliveryEnd::Retry => "retry",
            DeliveryEnd::Failed => "failed",
        };
        self.0.deliveries.get_or_create(&DeliveryLabel { outcome }).inc();
    }

    /// What the rooms have done until now.
    pub fn rooms(&self, totals: RoomTotals) {
        let RoomTotals { documents, failed, zygotes, waiting, slots_down } = totals;
        let figures = &self.0.rooms;
        // The rooms count by themselves; these follow.
        figures.documents.inner().store(documents, Ordering::Relaxed);
        figures.failed.inner().store(failed, Ordering::Relaxed);
        figures.zygotes.inner().store(zygotes, Ordering::Relaxed);
        figures.waiting.set(signed(waiting));
        figures.slots_down.set(signed(slots_down));
    }

    /// A request of a proxy was answered.
    pub(crate) fn icap(&self, service: &'static str, outcome: &'static str) {
        self.0.icap.get_or_create(&IcapLabel { service, outcome }).inc();
    }

    pub(crate) fn sign_in(&self, outcome: SignIn) {
        let outcome = match outcome {
            SignIn::Success => "success",
            SignIn::Failure => "failure",
            SignIn::Delayed => "delayed",
            SignIn::Unavailable => "unavailable",
        };
        self.0.sign_ins.get_or_create(&SignInLabel { outcome }).inc();
    }

    /// The text of a scrape, with the store's own numbers when it answered.
    pub(crate) fn text(
        &self,
        counts: Option<&Counts>,
        now: Timestamp,
        free: Option<u64>,
        readiness: &Readiness,
    ) -> Result<String, std::fmt::Error> {
        // Two scrapes at once would each write over what the other is about to tell.
        let _alone = self.0.scrape.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.working.clear();
        for (part, works) in readiness.working() {
            self.0.working.get_or_create(&PartLabel { part }).set(i64::from(works));
        }
        self.0.up.set(if counts.is_some() { 1.0 } else { 0.0 });
        if let Some(counts) = counts {
            self.gauges(counts, now);
        }
        if let Some(free) = free {
            self.0.free.set(signed(free));
        }
        let mut out = String::new();
        encode(&mut out, &self.0.registry)?;
        Ok(out)
    }

    fn gauges(&self, counts: &Counts, now: Timestamp) {
        for (state, count) in [
            ("waiting", counts.queued),
            ("running", counts.running),
            ("delivery_pending", counts.deliveries_pending),
            ("delivery_retrying", counts.deliveries_retrying),
        ] {
            self.0.queue.get_or_create(&QueueLabel { state }).set(signed(count));
        }
        let age = |oldest: Option<Timestamp>| signed(oldest.map_or(0, |oldest| now.since(oldest).as_secs()));
        self.0.oldest.set(age(counts.oldest));
        self.0.oldest_delivery.set(age(counts.oldest_delivery));
        self.0.quarantine.set(signed(counts.quarantined));
        for (event, total) in [
            ("mail_accepted", counts.accepted),
            ("file_uploaded", counts.uploaded),
            ("sanitised", counts.sanitised),
            ("partly_withheld", counts.sanitised_with_withheld),
            ("withheld", counts.notice_only),
            ("given_up", counts.given_up),
            ("delivered", counts.delivered),
            ("delivery_failed", counts.delivery_failed),
            ("refused", counts.refused),
        ] {
            self.0.recorded.get_or_create(&EventLabel { event }).set(signed(total));
        }
    }
}

/// What the rooms have done since the start, and what they are doing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RoomTotals {
    /// Documents given to rooms.
    pub documents: u64,
    /// Rooms that crashed, overran a limit or did what rooms may not.
    pub failed: u64,
    /// Zygotes started.
    pub zygotes: u64,
    /// Documents that wait for a room now.
    pub waiting: u64,
    /// Slots without a room now.
    pub slots_down: u64,
}

#[derive(Debug)]
struct RoomFigures {
    documents: Counter,
    failed: Counter,
    zygotes: Counter,
    waiting: Gauge,
    slots_down: Gauge,
}

impl RoomFigures {
    fn registered(registry: &mut Registry) -> Self {
        let figures = Self {
            documents: Counter::default(),
            failed: Counter::default(),
            zygotes: Counter::default(),
            waiting: Gauge::default(),
            slots_down: Gauge::default(),
        };
        registry.register("room_documents", "Documents given to rooms", figures.documents.clone());
        registry.register("rooms_failed", "Rooms that ended in anything but a reply", figures.failed.clone());
        registry.register("zygotes_started", "Zygotes started, the first ones included", figures.zygotes.clone());
        registry.register("rooms_waiting", "Documents that wait for a room", figures.waiting.clone());
        registry.register("slots_down", "Slots that cannot get a room", figures.slots_down.clone());
        figures
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Stable name of a verdict, for machines.
pub(crate) fn verdict_name(verdict: store::Verdict) -> &'static str {
    match verdict {
        store::Verdict::Sanitised => "sanitised",
        store::Verdict::SanitisedWithWithheld => "partly_withheld",
        store::Verdict::NoticeOnly => "withheld",
        store::Verdict::GivenUp => "given_up",
    }
}

/// Upper bounds in seconds: a small mail takes milliseconds, a large archive a minute.
const BUCKETS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0];

//! The end of a job: verdict, parts, quarantine and deliveries, durable together or not at all.

use std::collections::HashSet;

use form::reason::Reason;
use jail::Fresh;
use serde_json::json;
use sqlx::Row;

use crate::audit::{self, Entry};
use crate::codec::{self, Coded};
use crate::figures::{self, Figure};
use crate::open::Answer;
use crate::spool::Body;
use crate::sql::{Many, Values};
use crate::work::shortened;
use crate::writer::{Op, Reply, Tally, Tx};
use crate::{
    AuditEvent, Completed, Error, Event, Fidelity, GivenUp, PartRecord, PartVerdict, QuarantineId, QuarantineState,
    Quarantined, StillHeld, Store, Verdict, WorkKey, content, delivery,
};

impl Store {
    /// Ends a job: verdict, parts, quarantine, deliveries and audit become durable together. Done again with the same
    /// key, it answers `Ok` and changes nothing.
    ///
    /// # Errors
    /// [`Error::Stale`] when the job is no longer the caller's; any error of the writer, after which it may be tried
    /// again only with a newly claimed job (what was handed in is consumed).
    pub async fn complete(&self, key: &WorkKey, completed: Completed) -> Result<(), Error> {
        let Completed { subject, header_from, message_id, verdict, parts, findings, output, account, policy } =
            completed;
        if !key.upload && output.is_none() {
            // Its recipients would never hear of it.
            return Err(Error::Invalid("a completed mail without anything to deliver"));
        }
        let mut rows = Vec::with_capacity(parts.len());
        let mut quarantine = Vec::new();
        for part in parts {
            let row = self.prepare(part, &mut quarantine).await?;
            rows.push(row);
        }
        let detail = audit::detail_of(&[
            ("receipt", json!(key.receipt.as_str())),
            ("verdict", json!(verdict_name(verdict))),
            ("parts", json!(rows.len())),
            ("withheld", json!(rows.iter().filter(|r| r.verdict == PartVerdict::Withheld).count())),
            ("quarantined", json!(quarantine.len())),
            ("policy", json!(policy)),
        ])?;
        self.finish(
            key,
            Ending { event: AuditEvent::Completed, detail, verdict, subject, header_from, message_id, account },
            |op| {
                op.findings = codec::findings_text(&findings)?;
                op.parts = rows;
                op.quarantine = quarantine;
                Ok(())
            },
        )?
        .run(self, output)
        .await
    }

    /// Ends a job that cannot be completed: the original goes to quarantine, and the notice to the recipients.
    ///
    /// # Errors
    /// As [`complete`](Self::complete).
    pub async fn give_up(&self, key: &WorkKey, given_up: GivenUp) -> Result<(), Error> {
        let GivenUp { name, reason, why, notice } = given_up;
        let detail = audit::detail_of(&[
            ("receipt", json!(key.receipt.as_str())),
            ("reason", json!(reason.name())),
            ("why", json!(shortened(&why))),
            ("attempts", json!(key.attempt)),
            ("notice", json!(notice.is_some())),
        ])?;
        let whole = QuarantineRecord {
            path: String::new(),
            name: name.as_str().to_owned(),
            detected_type: String::new(),
            reason: Some(i64::from(reason.code())),
            body: None,
            id: 0,
            content: None,
            bytes: 0,
            locked: false,
        };
        let ending = Ending {
            event: AuditEvent::GivenUp,
            detail,
            verdict: Verdict::GivenUp,
            subject: None,
            header_from: None,
            message_id: None,
            account: None,
        };
        self.finish(key, ending, |op| {
            op.quarantine = vec![whole];
            Ok(())
        })?
        .run(self, notice)
        .await
    }

    /// A part on its way through the writer, with its bytes in the spool; what of it is held comes beside it.
    pub(crate) async fn prepare(
        &self,
        part: PartRecord,
        quarantine: &mut Vec<QuarantineRecord>,
    ) -> Result<PartOp, Error> {
        let (limit, value) = part.reason.as_ref().map_or((0, 0), |r| (r.limit, r.value));
        let reason = part.reason.as_ref().map(|r| i64::from(r.reason.code()));
        if let Some(kept) = part.quarantined_original {
            let locked = matches!(kept, Quarantined::Locked(_) | Quarantined::LockedWhole);
            let body = match kept {
                Quarantined::Part(source) | Quarantined::Locked(source) => Some(self.keep_source(source).await?),
                Quarantined::Whole | Quarantined::LockedWhole => None,
            };
            quarantine.push(QuarantineRecord {
                path: part.path.clone(),
                name: part.name.as_str().to_owned(),
                detected_type: part.detected_type.clone(),
                reason,
                bytes: body.as_ref().map_or(0, Body::len),
                body,
                id: 0,
                content: None,
                locked,
            });
        }
        let result = match part.result {
            Some(fresh) => Some(self.keep_fresh(fresh).await?),
            None => None,
        };
        Ok(PartOp {
            path: part.path,
            name: part.name.as_str().to_owned(),
            output_name: part.output_name.map(|n| n.as_str().to_owned()),
            detected_type: part.detected_type,
            media_type: part.media_type,
            verdict: part.verdict,
            reason,
            limit: codec::signed(limit),
            value: codec::signed(value),
            findings: codec::findings_text(&part.findings)?,
            bytes_in: codec::signed(part.bytes_in),
            bytes_out: codec::signed(part.bytes_out),
            millis: codec::signed(part.millis),
            fidelity: part.fidelity,
            result,
            content: None,
        })
    }

    fn finish(
        &self,
        key: &WorkKey,
        ending: Ending,
        fill: impl FnOnce(&mut CompleteOp) -> Result<(), Error>,
    ) -> Result<Finish, Error> {
        let (reply, answer) = Reply::new();
        let mut op = CompleteOp {
            key: key.clone(),
            ending,
            findings: None,
            parts: Vec::new(),
            quarantine: Vec::new(),
            output: None,
            output_content: None,
            reply,
            current: false,
        };
        fill(&mut op)?;
        Ok(Finish { op, answer })
    }
}

struct Finish {
    op: CompleteOp,
    answer: Answer<()>,
}

impl Finish {
    async fn run(mut self, store: &Store, output: Option<Fresh>) -> Result<(), Error> {
        if let Some(fresh) = output {
            self.op.output = Some(store.keep_fresh(fresh).await?);
        }
        store.submit(Op::Complete(Box::new(self.op)), self.answer).await
    }
}

/// The end of a job on its way through the writer.
pub(crate) struct CompleteOp {
    key: WorkKey,
    ending: Ending,
    findings: Option<String>,
    parts: Vec<PartOp>,
    quarantine: Vec<QuarantineRecord>,
    output: Option<Body>,
    output_content: Option<i64>,
    pub(crate) reply: Reply<()>,
    /// The job was still the caller's.
    current: bool,
}

struct Ending {
    event: AuditEvent,
    detail: String,
    verdict: Verdict,
    subject: Option<String>,
    header_from: Option<String>,
    message_id: Option<String>,
    account: Option<String>,
}

/// A row of the parts on its way through the writer.
pub(crate) struct PartOp {
    path: String,
    name: String,
    output_name: Option<String>,
    detected_type: String,
    media_type: Option<String>,
    verdict: PartVerdict,
    reason: Option<i64>,
    limit: i64,
    value: i64,
    findings: Option<String>,
    bytes_in: i64,
    bytes_out: i64,
    millis: i64,
    fidelity: Option<Fidelity>,
    result: Option<Body>,
    content: Option<i64>,
}

impl PartOp {
    pub(crate) fn is_at(&self, path: &str) -> bool {
        self.path == path
    }

    pub(crate) fn passes(&self) -> bool {
        self.verdict == PartVerdict::Sanitised
    }

    /// Gives the result's row its number.
    pub(crate) fn number(&mut self, tx: &mut Tx) {
        self.content = self.result.is_some().then(|| tx.marks.next_content());
    }

    pub(crate) fn keep(&mut self) {
        self.result.iter_mut().for_each(Body::keep);
    }

    fn body(&self) -> Option<(i64, &Body)> {
        self.content.zip(self.result.as_ref())
    }
}

/// A row of the quarantine on its way through the writer.
pub(crate) struct QuarantineRecord {
    path: String,
    name: String,
    detected_type: String,
    reason: Option<i64>,
    /// `None`: the message's whole original, which moves here.
    body: Option<Body>,
    bytes: i64,
    id: i64,
    content: Option<i64>,
    locked: bool,
}

impl QuarantineRecord {
    /// A part of one that was opened, with its own bytes.
    pub(crate) fn inside(part: &StillHeld, body: Body) -> Self {
        Self {
            path: part.path.clone(),
            name: part.name.as_str().to_owned(),
            detected_type: part.detected_type.clone(),
            reason: Some(i64::from(part.reason.code())),
            bytes: body.len(),
            body: Some(body),
            id: 0,
            content: None,
            locked: part.is_locked,
        }
    }

    pub(crate) fn is_locked(&self) -> bool {
        self.locked
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn number(&mut self, tx: &mut Tx) {
        self.id = tx.marks.next_quarantine();
        self.content = Some(tx.marks.next_content());
    }

    /// A number for its bytes alone: it is no item yet.
    pub(crate) fn number_content(&mut self, tx: &mut Tx) {
        self.content = Some(tx.marks.next_content());
    }

    /// Keeps it beside the conversion of an item in which it does not pass; it has a number for its bytes.
    pub(crate) async fn keep_for_retry(&self, tx: &mut Tx, item: QuarantineId, number: i64) -> Result<(), Error> {
        let body: Vec<(i64, &Body)> = self.content.zip(self.body.as_ref()).into_iter().collect();
        tx.many(&content::INSERT, &body, |values, (id, body)| content::bind(values, *id, body, body.len())).await?;
        sqlx::query(
            "INSERT INTO retry_held (item, number, path, name, detected_type, reason, locked, bytes, content)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )
        .bind(item.0)
        .bind(number)
        .bind(self.path.as_str())
        .bind(self.name.as_str())
        .bind(self.detected_type.as_str())
        .bind(self.reason)
        .bind(self.locked)
        .bind(self.bytes)
        .bind(self.content)
        .execute(&mut tx.connection)
        .await
        .map_err(Error::database("keeping what does not pass"))?;
        Ok(())
    }

    pub(crate) fn is_numbered(&self) -> bool {
        self.content.is_some()
    }

    /// The numbers of a transaction that was not committed are nobody's.
    pub(crate) fn forget(&mut self) {
        (self.id, self.content) = (0, None);
    }

    pub(crate) fn keep(&mut self) {
        self.body.iter_mut().for_each(Body::keep);
    }
}

/// Puts one numbered part into quarantine.
pub(crate) async fn hold_one(
    tx: &mut Tx,
    message: i64,
    held: &QuarantineRecord,
    created: i64,
    expires: i64,
) -> Result<(), Error> {
    let body: Vec<(i64, &Body)> = held.content.zip(held.body.as_ref()).into_iter().collect();
    tx.many(&content::INSERT, &body, |values, (id, body)| content::bind(values, *id, body, body.len())).await?;
    tx.many(&INSERT_QUARANTINE, &[(message, held)], |values, (message, held)| {
        bind_held(values, *message, held, created, expires);
    })
    .await?;
    tx.words.item(held.id);
    Ok(())
}

fn bind_held(values: &mut Values, message: i64, item: &QuarantineRecord, created: i64, expires: i64) {
    values
        .add(item.id)
        .add(message)
        .add(item.path.as_str())
        .add(item.name.as_str())
        .add(item.detected_type.as_str())
        .add(item.reason)
        .add(item.bytes)
        .add(item.content)
        .add(QuarantineState::Held.code())
        .add(created)
        .add(expires)
        .add(item.locked);
}

impl CompleteOp {
    pub(crate) fn keep_files(&mut self) {
        // A stale completion committed no row: its files go.
        if self.current {
            let parts = self.parts.iter_mut().filter_map(|p| p.result.as_mut());
            let held = self.quarantine.iter_mut().filter_map(|q| q.body.as_mut());
            parts.chain(held).chain(self.output.as_mut()).for_each(Body::keep);
        }
    }

    /// Every body with the number of its row.
    fn bodies(&self) -> impl Iterator<Item = (i64, &Body)> {
        let parts = self.parts.iter().filter_map(PartOp::body);
        let held = self.quarantine.iter().filter_map(|q| q.content.zip(q.body.as_ref()));
        parts.chain(held).chain(self.output_content.zip(self.output.as_ref()))
    }
}

/// Ends jobs: fencing first, then every row of those that still were their callers'.
pub(crate) async fn complete_all(tx: &mut Tx, ops: &mut [CompleteOp]) -> Result<(), Error> {
    if ops.is_empty() {
        return Ok(());
    }
    let gone = tx
        .many(&END_JOB, ops, |values, op| {
            values.add(op.key.message.0).add(op.key.generation);
        })
        .await?;
    let mut ended = HashSet::with_capacity(gone.len());
    for row in &gone {
        ended.insert(row.try_get::<i64, _>(0).map_err(Error::database("ending jobs"))?);
    }
    for op in &mut *ops {
        op.current = ended.remove(&op.key.message.0);
        if op.current {
            number(tx, op).await?;
        }
    }
    let now = tx.now;
    let current: Vec<&CompleteOp> = ops.iter().filter(|op| op.current).collect();
    let bodies: Vec<(i64, &Body)> = current.iter().flat_map(|op| op.bodies()).collect();
    tx.many(&content::INSERT, &bodies, |values, (id, body)| content::bind(values, *id, body, body.len())).await?;
    let retention = tx.config.retention;
    let look_again = |op: &CompleteOp| {
        let wait =
            if op.key.upload { retention.upload_outputs.min(retention.originals) } else { retention.delivered_outputs };
        now.plus(wait).unix_millis()
    };
    tx.many(&FINISH_MESSAGE, &current, |values, op| {
        let ending = &op.ending;
        values
            .add(op.key.message.0)
            .add(op.key.generation)
            .add(ending.verdict.code())
            .add(now.unix_millis())
            .add(ending.subject.as_deref())
            .add(ending.header_from.as_deref())
            .add(op.findings.as_deref())
            .add(ending.account.as_deref())
            .add(op.output_content)
            .add(op.output.as_ref().map(Body::len))
            .add(look_again(op))
            .add(op.quarantine.iter().any(|q| q.body.is_none()))
            .add(ending.message_id.as_deref());
    })
    .await?;
    let parts: Vec<(i64, i64, &PartOp)> =
        current.iter().flat_map(|op| (1..).zip(&op.parts).map(|(n, part)| (op.key.message.0, n, part))).collect();
    insert_part_rows(tx, &parts).await?;
    let held: Vec<(i64, &QuarantineRecord)> =
        current.iter().flat_map(|op| op.quarantine.iter().map(|q| (op.key.message.0, q))).collect();
    tx.many(&INSERT_QUARANTINE, &held, |values, (message, item)| {
        bind_held(values, *message, item, now.unix_millis(), now.plus(retention.quarantine).unix_millis());
    })
    .await?;
    let deliveries: Vec<(i64, i64, &str)> = current
        .iter()
        .filter(|op| op.output.is_some())
        .flat_map(|op| (1..).zip(op.key.recipients.iter()).map(|(n, address)| (op.key.message.0, n, address.as_str())))
        .collect();
    delivery::insert(tx, &deliveries).await?;
    for op in ops {
        if op.current {
            let told = Told {
                receipt: op.key.receipt.as_str(),
                upload: op.key.upload,
                message: op.key.message.0,
                verdict: op.ending.verdict,
                parts: &op.parts,
                held: &op.quarantine,
            };
            tell(tx, &told);
            tx.audit(Entry {
                actor: audit::GATEWAY.into(),
                event: op.ending.event,
                message: Some(op.key.message.0),
                detail: op.ending.detail.clone(),
            });
            tx.count(
                match op.ending.verdict {
                    Verdict::Sanitised => Tally::Sanitised,
                    Verdict::SanitisedWithWithheld => Tally::SanitisedWithWithheld,
                    Verdict::NoticeOnly => Tally::NoticeOnly,
                    Verdict::GivenUp => Tally::GivenUp,
                },
                1,
            );
            count_figures(tx, op);
            tx.words.message(op.key.message.0);
            op.quarantine.iter().for_each(|item| tx.words.item(item.id));
        }
        op.reply.outcome = Some(if op.current { Ok(()) } else { done_before(tx, &op.key).await? });
    }
    Ok(())
}

/// Parts of messages with their numbers in them, and their results.
pub(crate) async fn insert_parts(tx: &mut Tx, parts: &[(i64, i64, &PartOp)]) -> Result<(), Error> {
    let bodies: Vec<(i64, &Body)> = parts.iter().filter_map(|(_, _, part)| part.body()).collect();
    tx.many(&content::INSERT, &bodies, |values, (id, body)| content::bind(values, *id, body, body.len())).await?;
    insert_part_rows(tx, parts).await
}

async fn insert_part_rows(tx: &mut Tx, parts: &[(i64, i64, &PartOp)]) -> Result<(), Error> {
    tx.many(&INSERT_PART, parts, |values, (message, number, part)| {
        values
            .add(*message)
            .add(*number)
            .add(part.path.as_str())
            .add(part.name.as_str())
            .add(part.output_name.as_deref())
            .add(part.detected_type.as_str())
            .add(part.media_type.as_deref())
            .add(part.verdict.code())
            .add(part.reason)
            .add(part.limit)
            .add(part.value)
            .add(part.findings.as_deref())
            .add(part.bytes_in)
            .add(part.bytes_out)
            .add(part.millis)
            .add(part.content)
            .add(part.fidelity.map(|fidelity| i64::from(fidelity.similarity)))
            .add(part.fidelity.map(|fidelity| i64::from(fidelity.compared)));
    })
    .await?;
    Ok(())
}

fn count_figures(tx: &mut Tx, op: &CompleteOp) {
    tx.figure(Figure::Finished, op.ending.verdict.code().to_string());
    tx.figure(Figure::Took, figures::step_of(tx.now.since(op.key.received)));
    for part in &op.parts {
        // The mail itself has a row only where it was refused as a whole.
        if !part.detected_type.is_empty() {
            tx.figure(Figure::Kind, part.detected_type.clone());
        }
        if let Some(reason) = part.reason.filter(|_| part.verdict == PartVerdict::Withheld) {
            tx.figure(Figure::Withheld, reason.to_string());
        }
    }
    if op.ending.verdict == Verdict::GivenUp {
        for reason in op.quarantine.iter().filter_map(|item| item.reason) {
            tx.figure(Figure::Withheld, reason.to_string());
        }
    }
}

/// What the hooks are told of an outcome.
pub(crate) struct Told<'a> {
    pub(crate) receipt: &'a str,
    pub(crate) upload: bool,
    pub(crate) message: i64,
    pub(crate) verdict: Verdict,
    pub(crate) parts: &'a [PartOp],
    pub(crate) held: &'a [QuarantineRecord],
}

/// Tells the hooks how a message ended.
pub(crate) fn tell(tx: &mut Tx, told: &Told<'_>) {
    let source = if told.upload { "upload" } else { "mail" };
    let data = json!({
        "receipt": told.receipt,
        "source": source,
        "message": told.message,
        "verdict": verdict_name(told.verdict),
        "parts": told.parts.len(),
        "withheld": told.parts.iter().filter(|part| !part.passes()).count(),
        "quarantined": told.held.len(),
    });
    tx.tell(Event::FileCompleted, &data);
    let held: Vec<&QuarantineRecord> = told.held.iter().collect();
    tell_held(tx, (told.message, told.receipt, source), &held);
}

/// Tells the hooks what of a message, of this receipt and source, went to quarantine.
pub(crate) fn tell_held(tx: &mut Tx, (message, receipt, source): (i64, &str, &str), held: &[&QuarantineRecord]) {
    if held.is_empty() {
        return;
    }
    let reason = |code: i64| codec::reason(Some(code)).ok().flatten().map(Reason::name);
    let items: Vec<_> = held
        .iter()
        .take(TOLD_ITEMS)
        .map(|item| json!({"id": item.id, "reason": item.reason.and_then(reason), "bytes": item.bytes}))
        .collect();
    let data =
        json!({"receipt": receipt, "source": source, "message": message, "item_count": held.len(), "items": items});
    tx.tell(Event::FileQuarantined, &data);
}

/// Gives a completion's rows their numbers.
async fn number(tx: &mut Tx, op: &mut CompleteOp) -> Result<(), Error> {
    op.parts.iter_mut().for_each(|part| part.number(tx));
    let mut whole = None;
    for item in &mut op.quarantine {
        item.id = tx.marks.next_quarantine();
        if item.body.is_some() {
            item.content = Some(tx.marks.next_content());
            continue;
        }
        let (content, bytes): (Option<i64>, i64) = match whole {
            Some(known) => known,
            None => sqlx::query_as("SELECT original, original_bytes FROM message WHERE id = ?1")
                .bind(op.key.message.0)
                .fetch_one(&mut tx.connection)
                .await
                .map_err(Error::database("moving an original to quarantine"))?,
        };
        whole = Some((content, bytes));
        (item.content, item.bytes) = (content, bytes);
    }
    op.output_content = op.output.is_some().then(|| tx.marks.next_content());
    Ok(())
}

/// Whether a completion that found no job is the repetition of one that was committed.
async fn done_before(tx: &mut Tx, key: &WorkKey) -> Result<Result<(), Error>, Error> {
    let generation: Option<(Option<i64>,)> = sqlx::query_as("SELECT generation FROM message WHERE id = ?1")
        .bind(key.message.0)
        .fetch_optional(&mut tx.connection)
        .await
        .map_err(Error::database("reading a generation"))?;
    Ok(if generation == Some((Some(key.generation),)) { Ok(()) } else { Err(Error::Stale) })
}

fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Sanitised => "sanitised",
        Verdict::SanitisedWithWithheld => "sanitised_with_withheld",
        Verdict::NoticeOnly => "notice_only",
        Verdict::GivenUp => "given_up",
    }
}

static END_JOB: Many = Many {
    doing: "ending jobs",
    head: "DELETE FROM job WHERE state = 1 AND (message, generation) IN (VALUES ",
    columns: 2,
    tail: ") RETURNING message",
};

/// Column 12 says that the original has moved to quarantine. What the sender of an upload said of it stays.
static FINISH_MESSAGE: Many = Many {
    doing: "finishing messages",
    head: "UPDATE message SET generation = v.column2, verdict = v.column3, completed = v.column4, subject = coalesce(subject, v.column5), \
           header_from = v.column6, findings = v.column7, account = v.column8, output = v.column9, \
           output_bytes = v.column10, purge_at = v.column11, \
           original = CASE v.column12 WHEN 1 THEN NULL ELSE original END, message_id = v.column13 FROM (VALUES ",
    columns: 13,
    tail: ") AS v WHERE message.id = v.column1",
};

static INSERT_PART: Many = Many {
    doing: "inserting parts",
    head: "INSERT INTO part (message, number, path, name, output_name, detected_type, media_type, verdict, reason, \
           limit_value, actual_value, findings, bytes_in, bytes_out, millis, result, similarity, compared) VALUES ",
    columns: 18,
    tail: "",
};

static INSERT_QUARANTINE: Many = Many {
    doing: "inserting into quarantine",
    head: "INSERT INTO quarantine (id, message, path, name, detected_type, reason, bytes, content, state, created, \
           expires, locked) VALUES ",
    columns: 12,
    tail: "",
};

/// Items of one message that a hook is told of one by one.
const TOLD_ITEMS: usize = 20;

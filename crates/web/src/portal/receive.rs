//! Taking files in: each part of the body goes straight into the store's spool, and each file stands or falls alone.

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{ConnectInfo, Request},
    http::{HeaderMap, header},
};
use form::{name::FileName, text::Line};
use futures_util::StreamExt;
use sha2::{Digest, Sha256};
use store::{
    AuditEntry, AuditEvent, BatchRow, MessageId, NewBatch, NewMessage, Origin, Receipt, Repeatable, RetryPolicy, Spool,
    Store, TokenHash, UploadSubject, UserId, WhenDone,
};
use subtle::ConstantTimeEq;
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, timeout, timeout_at},
};
use unicode_normalization::UnicodeNormalization;

use super::{Portal, output};
use crate::{
    clients::{Client, Clients, Place},
    fault::Fault,
    listen::Peer,
    metrics::{Metrics, Source},
    multipart::{Malformed, PartHeader, Splitter, Step},
    people::Visitor,
    sending::StillSent,
    shown,
};

/// What became of the files of one request.
#[derive(Debug, Default)]
pub(crate) struct Received {
    /// The batch of the taken files; `None` when none was taken.
    pub(crate) batch: Option<BatchRow>,
    /// How many were taken: they are durable.
    pub(crate) taken: usize,
    pub(crate) refused: Vec<RefusedFile>,
    /// The files of a request that stand or fall with it.
    held: Vec<Held>,
    /// Names and contents of all files.
    sent: Sha256,
    /// What they are to become.
    output: RetryPolicy,
    /// What is said of them.
    subject: Option<UploadSubject>,
}

/// A file that has ended, and waits for the end of its request.
#[derive(Debug)]
struct Held {
    name: String,
    spool: Box<Spool>,
    bytes: u64,
}

impl Received {
    /// Digest of what was sent: equal for equal files under equal names.
    pub(crate) fn digest(&self) -> TokenHash {
        TokenHash::of(&self.sent.clone().finalize())
    }
}

/// A file that was not taken.
#[derive(Debug)]
pub(crate) struct RefusedFile {
    /// The name with what the eye would not see written out.
    pub(crate) name: String,
    pub(crate) why: Refusal,
}

/// Why a file was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    TooLarge,
    TooMany,
    Total,
    Empty,
    Broken,
    /// Whatever came behind what could be read.
    Rest,
    NotStored,
}

/// What a request must bring besides files.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Proof<'a> {
    /// The form token that belongs to the browser's cookie, before the first file.
    FormToken(&'a str),
    /// Nothing: the API has no cookie that another site could use.
    None,
}

/// When a file is made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeping {
    /// With its last byte: whatever comes behind it.
    EachAtItsEnd,
    /// When all of the request has been read.
    WithTheRequest,
}

/// What an earlier request with the same key left.
#[derive(Debug)]
pub(crate) struct Before {
    /// What it sent.
    pub(crate) sent: TokenHash,
    pub(crate) batch: BatchRow,
    /// Files of it that are durable: the first ones.
    pub(crate) taken: usize,
}

/// A place among all requests that send, and among those of one client.
#[derive(Debug)]
struct Admitted {
    _place: OwnedSemaphorePermit,
    _own: Vec<Place>,
}

/// What is asked for with a file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// What it is to become.
    pub(crate) output: RetryPolicy,
    /// What its sender says of it.
    pub(crate) subject: Option<UploadSubject>,
    /// Whether they are told when all of the batch is done.
    pub(crate) when_done: WhenDone,
    /// The key of its request and the digest of what that sent, under which it is found when it is repeated.
    pub(crate) again: Option<(TokenHash, TokenHash)>,
}

/// Reads a whole body and keeps nothing of it but the digest of its files.
pub(crate) async fn digest(portal: &Portal, visitor: Option<&Visitor>, request: Request) -> Result<TokenHash, Fault> {
    // None of its files is one too many to be kept.
    Ok(receive(portal, visitor, request, Proof::None, 0).await?.digest())
}

/// Reads the whole body and makes each acceptable file durable as soon as it has ended.
pub(crate) async fn receive(
    portal: &Portal,
    visitor: Option<&Visitor>,
    request: Request,
    proof: Proof<'_>,
    most: usize,
) -> Result<Received, Fault> {
    let _admitted = admit(portal, visitor, &request)?;
    take_in(portal, visitor, request, proof, most, Keeping::EachAtItsEnd).await
}

/// Reads the whole body of a program's request, which brings one file; of any other nothing is kept. With a key, what came of it is
/// durable in the same moment as the file.
pub(crate) async fn receive_one(
    portal: &Portal,
    visitor: Option<&Visitor>,
    request: Request,
    key: Option<TokenHash>,
) -> Result<(BatchRow, Receipt), Fault> {
    let _admitted = admit(portal, visitor, &request)?;
    let mut received = take_in(portal, visitor, request, Proof::None, 1, Keeping::WithTheRequest).await?;
    if let Some(refused) = received.refused.first() {
        return Err(match refused.why {
            Refusal::TooLarge | Refusal::Total => Fault::TooLarge,
            Refusal::TooMany | Refusal::Empty | Refusal::Broken | Refusal::Rest => Fault::BadRequest,
            Refusal::NotStored => Fault::Busy,
        });
    }
    let Held { name, spool, bytes } = received.held.pop().ok_or(Fault::BadRequest)?;
    let again = key.map(|key| (key, received.digest()));
    let sender = visitor.map(Sender::of);
    let mut batch = None;
    let wanted = Wanted { output: received.output, subject: received.subject.take(), again, ..Wanted::default() };
    let receipt = keep(portal, sender.as_ref(), &mut batch, &name, *spool, bytes, wanted).await?;
    Ok((batch.ok_or(Fault::Internal)?, receipt))
}

/// Reads a request of several files that has a key, and makes them durable one after the other when all of it is here. What an earlier
/// request with the key left is not taken again: this one goes on behind it.
pub(crate) async fn receive_all(
    portal: &Portal,
    visitor: Option<&Visitor>,
    request: Request,
    key: TokenHash,
    before: Option<Before>,
) -> Result<Received, Fault> {
    let _admitted = admit(portal, visitor, &request)?;
    let most = portal.state.limits.files;
    let mut received = take_in(portal, visitor, request, Proof::None, most, Keeping::WithTheRequest).await?;
    let sent = received.digest();
    let (batch, taken) = match before {
        Some(before) if before.sent != sent => return Err(Fault::OtherRequest),
        Some(before) => (Some(before.batch), before.taken),
        None => (None, 0),
    };
    (received.batch, received.taken) = (batch, taken);
    let sender = visitor.map(Sender::of);
    for Held { name, spool, bytes } in std::mem::take(&mut received.held).into_iter().skip(taken) {
        // The key is noted with the first file; a repeated request finds by it what of the others is missing.
        let again = received.batch.is_none().then_some((key, sent));
        let wanted = Wanted { output: received.output, subject: received.subject.clone(), again, ..Wanted::default() };
        keep(portal, sender.as_ref(), &mut received.batch, &name, *spool, bytes, wanted).await?;
        received.taken = received.taken.saturating_add(1);
    }
    Ok(received)
}

fn admit(portal: &Portal, visitor: Option<&Visitor>, request: &Request) -> Result<Admitted, Fault> {
    portal.pieces.forget();
    let own = places(&portal.clients, portal, visitor, client(request))?;
    let place = Arc::clone(&portal.uploads).try_acquire_owned().map_err(|_| Fault::Busy)?;
    Ok(Admitted { _place: place, _own: own })
}

/// The places that a request takes of whoever sends it. Those with an account have their own wherever they are, and many of them may be
/// behind one address.
pub(crate) fn places(
    clients: &Clients,
    portal: &Portal,
    visitor: Option<&Visitor>,
    address: Option<IpAddr>,
) -> Result<Vec<Place>, Fault> {
    let own = portal.state.limits.at_once_per_client;
    let account = visitor.map(|visitor| (Client::Account(visitor.user.name.clone()), own));
    let of_address = if account.is_some() { own.saturating_mul(PEOPLE_OF_ONE_ADDRESS) } else { own };
    let address = address.map(|address| (Client::from(address), of_address));
    let wanted = account.into_iter().chain(address);
    wanted.map(|(client, most)| clients.enter(client, most).ok_or(Fault::TooMany)).collect()
}

/// Whether somebody in front of a browser is told by mail when what they send is done.
pub(crate) fn when_done(portal: &Portal, visitor: Option<&Visitor>) -> WhenDone {
    let address = visitor.and_then(|visitor| visitor.user.address.as_ref());
    if portal.state.done_notice.is_some() && address.is_some() { WhenDone::Tell } else { WhenDone::Nothing }
}

/// Who sends a request.
pub(crate) fn client(request: &Request) -> Option<IpAddr> {
    request.extensions().get::<ConnectInfo<Peer>>().map(|ConnectInfo(Peer(peer))| peer.ip())
}

async fn take_in(
    portal: &Portal,
    visitor: Option<&Visitor>,
    request: Request,
    proof: Proof<'_>,
    most: usize,
    keeping: Keeping,
) -> Result<Received, Fault> {
    let (parts, body) = request.into_parts();
    let splitter = splitter(&parts.headers)?;
    let limits = &portal.state.limits;
    // A client far over the limit is stopped at once; one slightly over reads which of its files were left out.
    let patience = limits.total_bytes.saturating_mul(2);
    let announced =
        parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > patience) {
        return Err(Fault::TooLarge);
    }
    let intake = Intake {
        portal,
        sender: visitor.map(Sender::of),
        most,
        keeping,
        when_done: match proof {
            Proof::FormToken(_) => when_done(portal, visitor),
            // A program asks.
            Proof::None => WhenDone::Nothing,
        },
        sending: None,
        file_bytes: 0,
        total_bytes: 0,
        count: 0,
        current: Current::Ignored,
        tokens: Vec::new(),
        received: Received::default(),
    };
    intake.run(splitter, body, proof, patience).await
}

fn splitter(headers: &HeaderMap) -> Result<Splitter, Fault> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).ok_or(Fault::BadRequest)?;
    Splitter::new(kind).map_err(|_| Fault::BadRequest)
}

/// The part that is being read.
enum Current {
    /// A plain form field that is needed: its value so far.
    Field(Field, Vec<u8>),
    /// A plain form field that is not needed.
    Ignored,
    /// A file on its way into the spool.
    File(String, Box<Spool>),
    /// A file that was given up; the rest of its bytes are read and dropped so that the next file is reached.
    Dropped(String, Refusal),
}

/// A plain form field that is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Token,
    Output,
    Subject,
}

impl Field {
    /// Bytes that are kept of it. What is longer is no token, no name of an output and no subject that is taken, and need not be kept.
    fn most(self) -> usize {
        match self {
            Self::Token | Self::Output => FIELD_BYTES,
            Self::Subject => SUBJECT_BYTES,
        }
    }
}

struct Intake<'a> {
    portal: &'a Portal,
    sender: Option<Sender>,
    most: usize,
    keeping: Keeping,
    when_done: WhenDone,
    /// As long as the request is read, its batch is not complete.
    sending: Option<StillSent>,
    file_bytes: u64,
    total_bytes: u64,
    count: usize,
    current: Current,
    tokens: Vec<String>,
    received: Received,
}

impl Intake<'_> {
    async fn run(
        mut self,
        mut splitter: Splitter,
        body: Body,
        proof: Proof<'_>,
        patience: u64,
    ) -> Result<Received, Fault> {
        let limits = self.portal.state.limits;
        let end = Instant::now() + limits.duration;
        let mut stream = body.into_data_stream();
        let mut read = 0_u64;
        loop {
            let next = timeout_at(end, timeout(limits.silence, stream.next())).await;
            let chunk = match next {
                Ok(Ok(Some(Ok(chunk)))) => chunk,
                Ok(Ok(None)) => break,
                // The connection broke or fell silent: what is complete stays, the file under way is lost.
                Ok(Ok(Some(Err(_))) | Err(_)) | Err(_) => return Ok(self.broken()),
            };
            read = read.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
            if read > patience {
                return Ok(self.cut());
            }
            splitter.feed(&chunk);
            loop {
                match splitter.step() {
                    Ok(Step::Feed | Step::End) => break,
                    Ok(Step::Part(header)) => self.begin(header, proof)?,
                    Ok(Step::Data(data)) => self.data(&data).await,
                    Ok(Step::PartEnd) => self.end().await?,
                    Err(malformed) => return self.malformed(malformed),
                }
            }
        }
        match splitter.finish() {
            Ok(()) => self.proved(proof).map(|()| self.received),
            Err(malformed) => self.malformed(malformed),
        }
    }

    fn begin(&mut self, header: PartHeader, proof: Proof<'_>) -> Result<(), Fault> {
        let Some(raw) = header.file_name else {
            self.current = match header.name.as_str() {
                FORM_TOKEN if self.tokens.is_empty() => Current::Field(Field::Token, Vec::new()),
                // They count for the files that come behind them.
                OUTPUT => Current::Field(Field::Output, Vec::new()),
                SUBJECT => Current::Field(Field::Subject, Vec::new()),
                _ => Current::Ignored,
            };
            return Ok(());
        };
        // Nothing of a file is stored before the form has shown that it is ours.
        self.proved(proof)?;
        if raw.is_empty() {
            // A browser sends an empty name for a field in which nothing was chosen.
            self.current = Current::Ignored;
            return Ok(());
        }
        self.file_bytes = 0;
        self.count = self.count.saturating_add(1);
        // The length goes before the name, so that no name can be taken for the end of another file.
        self.received.sent.update(u64::try_from(raw.len()).unwrap_or(u64::MAX).to_be_bytes());
        self.received.sent.update(raw.as_bytes());
        self.current = if self.count > self.most {
            Current::Dropped(raw, Refusal::TooMany)
        } else {
            Current::File(raw, Box::new(self.portal.state.store.spool()))
        };
        Ok(())
    }

    async fn data(&mut self, data: &[u8]) {
        let limits = &self.portal.state.limits;
        if matches!(self.current, Current::File(..) | Current::Dropped(..)) {
            self.received.sent.update(data);
        }
        let refusal = match &mut self.current {
            Current::Field(field, value) => {
                // One more, by which it is known to be longer.
                let room = field.most().saturating_add(1).saturating_sub(value.len());
                value.extend_from_slice(data.get(..room).unwrap_or(data));
                return;
            }
            Current::Ignored | Current::Dropped(..) => return,
            Current::File(_, spool) => {
                let length = u64::try_from(data.len()).unwrap_or(u64::MAX);
                self.file_bytes = self.file_bytes.saturating_add(length);
                self.total_bytes = self.total_bytes.saturating_add(length);
                if self.file_bytes > limits.file_bytes {
                    Refusal::TooLarge
                } else if self.total_bytes > limits.total_bytes {
                    Refusal::Total
                } else if let Err(error) = spool.write(data).await {
                    tracing::error!(event = "web_upload_not_stored", error = &error as &dyn std::error::Error);
                    Refusal::NotStored
                } else {
                    return;
                }
            }
        };
        // What is thrown away does not count against the other files.
        self.total_bytes = self.total_bytes.saturating_sub(self.file_bytes);
        if let Current::File(name, _) = std::mem::replace(&mut self.current, Current::Ignored) {
            self.current = Current::Dropped(name, refusal);
        }
    }

    async fn end(&mut self) -> Result<(), Fault> {
        match std::mem::replace(&mut self.current, Current::Ignored) {
            Current::Ignored => {}
            Current::Field(field, value) => {
                let text = String::from_utf8_lossy(&value).into_owned();
                match field {
                    Field::Token => self.tokens.push(text),
                    Field::Output => {
                        self.received.sent.update(b"output");
                        self.received.sent.update(text.as_bytes());
                        self.received.output = output::parse(self.portal, &text)?;
                    }
                    Field::Subject if value.len() > SUBJECT_BYTES => return Err(Fault::SubjectTooLong),
                    Field::Subject => {
                        self.received.subject = UploadSubject::parse(&text)?;
                        // Left empty it is as if it had not been there: programs that know nothing of it repeat their requests alike.
                        if let Some(subject) = &self.received.subject {
                            self.received.sent.update(b"subject");
                            self.received.sent.update(subject.as_str().as_bytes());
                        }
                    }
                }
            }
            Current::Dropped(name, why) => self.refuse(&name, why),
            Current::File(name, _) if self.file_bytes == 0 => self.refuse(&name, Refusal::Empty),
            Current::File(name, spool) if self.keeping == Keeping::WithTheRequest => {
                self.received.held.push(Held { name, spool, bytes: self.file_bytes });
            }
            Current::File(name, spool) => match self.store(&name, *spool).await {
                Ok(_) => self.received.taken = self.received.taken.saturating_add(1),
                Err(error) => {
                    tracing::error!(event = "web_upload_not_stored", error = &error as &dyn std::error::Error);
                    self.refuse(&name, Refusal::NotStored);
                }
            },
        }
        Ok(())
    }

    async fn store(&mut self, raw: &str, spool: Spool) -> Result<Receipt, store::Error> {
        let received = &self.received;
        let (output, subject) = (received.output, received.subject.clone());
        let wanted = Wanted { output, subject, when_done: self.when_done, again: None };
        let batch = &mut self.received.batch;
        let receipt = keep(self.portal, self.sender.as_ref(), batch, raw, spool, self.file_bytes, wanted).await?;
        if self.sending.is_none() {
            self.sending = batch.as_ref().map(|batch| self.portal.state.sending.begin(batch.id));
        }
        Ok(receipt)
    }

    fn refuse(&mut self, raw: &str, why: Refusal) {
        self.received.refused.push(RefusedFile { name: shown::visible(last_component(raw)), why });
    }

    /// The transfer ended early.
    fn broken(mut self) -> Received {
        for held in std::mem::take(&mut self.received.held) {
            self.refuse(&held.name, Refusal::Broken);
        }
        match std::mem::replace(&mut self.current, Current::Ignored) {
            Current::File(name, _) => self.refuse(&name, Refusal::Broken),
            Current::Dropped(name, why) => self.refuse(&name, why),
            Current::Field(..) | Current::Ignored => {}
        }
        self.received
    }

    /// What follows is not read, and nobody knows how many files that is.
    fn cut(self) -> Received {
        let any = self.count > 0;
        let mut received = self.broken();
        if any {
            received.refused.push(RefusedFile { name: String::new(), why: Refusal::Rest });
        }
        received
    }

    /// A body that cannot be read loses what follows, never what was complete.
    fn malformed(self, malformed: Malformed) -> Result<Received, Fault> {
        tracing::info!(event = "upload_malformed", error = &malformed as &dyn std::error::Error);
        let received = self.cut();
        if received.taken == 0 && received.refused.iter().all(|file| file.why == Refusal::Rest) {
            Err(Fault::BadRequest)
        } else {
            Ok(received)
        }
    }

    fn proved(&self, proof: Proof<'_>) -> Result<(), Fault> {
        match proof {
            Proof::None => Ok(()),
            Proof::FormToken(token) => {
                let given = self.tokens.first().map_or("", String::as_str);
                if given.as_bytes().ct_eq(token.as_bytes()).into() { Ok(()) } else { Err(Fault::FormToken) }
            }
        }
    }
}

/// Makes a file durable in its batch, which is made with its first file.
pub(crate) async fn keep(
    portal: &Portal,
    sender: Option<&Sender>,
    batch: &mut Option<BatchRow>,
    raw: &str,
    spool: Spool,
    bytes: u64,
    wanted: Wanted,
) -> Result<Receipt, store::Error> {
    let state = &portal.state;
    let desk = Desk { store: &state.store, metrics: &state.metrics, keep: state.keep, source: Source::Upload };
    let (receipt, _) = desk.take(sender, batch, raw, spool, bytes, wanted).await?;
    tracing::info!(event = "upload_accepted", receipt = receipt.as_str(), bytes);
    Ok(receipt)
}

/// Who sends files: the name that is shown, and whose they are.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    pub(crate) name: String,
    /// `None` where the name is nobody's account.
    pub(crate) owner: Option<UserId>,
}

impl Sender {
    pub(crate) fn of(visitor: &Visitor) -> Self {
        Self { name: visitor.user.name.clone(), owner: Some(visitor.user.id) }
    }
}

/// Where files are taken in, whichever way they come.
pub(crate) struct Desk<'a> {
    pub(crate) store: &'a Store,
    pub(crate) metrics: &'a Metrics,
    /// How long the address of a result works.
    pub(crate) keep: Duration,
    pub(crate) source: Source,
}

impl Desk<'_> {
    /// Makes a file durable in its batch, which is made with its first file.
    pub(crate) async fn take(
        &self,
        sender: Option<&Sender>,
        batch: &mut Option<BatchRow>,
        raw: &str,
        spool: Spool,
        bytes: u64,
        wanted: Wanted,
    ) -> Result<(Receipt, MessageId), store::Error> {
        let Wanted { output, subject, when_done, again } = wanted;
        let (user, owner) = (sender.map(|sender| sender.name.clone()), sender.and_then(|sender| sender.owner));
        let now = self.store.now();
        let original = spool.finish().await?;
        let batch = match batch {
            Some(batch) => batch,
            None => {
                let made = NewBatch { user: user.clone(), owner, expires: now.plus(self.keep) };
                batch.insert(self.store.create_batch(made).await?)
            }
        };
        let receipt = self.store.new_receipt()?;
        let (file_name, changed) = file_name(raw);
        let origin = Origin::Upload { user, batch: batch.id, file_name, output, subject, when_done };
        let message = NewMessage { receipt: receipt.clone(), origin, received: now, original };
        let accepted = match again {
            Some((key, request)) => {
                let again = Repeatable { key, request, expires: batch.expires };
                self.store.accept_repeatable(message, again).await?
            }
            None => self.store.accept(message).await?,
        };
        if changed {
            // The raw name is not kept anywhere else; whoever looks into the file's history sees what it hid.
            let entry = AuditEntry {
                actor: "gateway".to_owned(),
                event: AuditEvent::UploadNameChanged,
                message: Some(accepted.message),
                detail: vec![("name", shown::visible(last_component(raw)))],
            };
            self.store.audit_append(entry).await?;
        }
        self.metrics.accepted(self.source, bytes);
        Ok((receipt, accepted.message))
    }
}

/// A harmless name in the place of what a client said.
pub(crate) fn harmless(raw: &str) -> FileName {
    file_name(raw).0
}

/// A harmless name, and whether it differs from what the client said. macOS sends kana with their marks apart (NFD),
/// which is the same name and no change.
fn file_name(raw: &str) -> (FileName, bool) {
    let last = last_component(raw);
    let (line, scrubbed) = Line::scrub(last);
    let composed: String = line.as_str().nfc().collect();
    let (name, changes) = FileName::rebuild(&composed);
    (name, !scrubbed.is_clean() || !changes.is_clean())
}

/// Some clients send the path on their own disk.
fn last_component(raw: &str) -> &str {
    raw.rsplit(['/', '\\']).find(|component| !component.is_empty()).unwrap_or(raw)
}

/// Name of the field that carries the form token.
pub(crate) const FORM_TOKEN: &str = "form_token";
/// So many people with accounts may use all their places behind one address.
const PEOPLE_OF_ONE_ADDRESS: usize = 8;
/// Name of the field that says what the files are to become.
const OUTPUT: &str = "output";
/// Name of the field with what is said of the files.
const SUBJECT: &str = "subject";
/// Bytes kept of a form field.
const FIELD_BYTES: usize = 128;
/// Bytes kept of what is said of the files: more than the longest takes, also with its marks apart.
const SUBJECT_BYTES: usize = 16 * UploadSubject::MOST_CHARACTERS;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_component_of_a_path_is_the_name() {
        let check = |raw, expect: &str| assert_eq!(last_component(raw), expect);
        check("a.txt", "a.txt");
        check(r"C:\Users\x\a.txt", "a.txt");
        check("../../etc/passwd", "passwd");
        check("dir/", "dir");
        check("/", "/");
    }

    #[test]
    fn a_name_with_its_marks_apart_is_the_same_name() {
        let (name, changed) = file_name("か\u{3099}く.txt");
        assert_eq!((name.as_str(), changed), ("がく.txt", false));
    }

    #[test]
    fn a_name_that_hides_something_is_known_to_be_changed() {
        let (name, changed) = file_name("annexe\u{202E}fdp.exe");
        assert_eq!((name.as_str(), changed), ("annexefdp.exe", true));
    }
}

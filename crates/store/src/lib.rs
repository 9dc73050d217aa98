//! What the gateway remembers: messages, jobs, deliveries, quarantine, audit, users.
//!
//! One directory holds everything: an SQLite database (WAL, `synchronous=FULL`) and, for what is too large for a row,
//! files. Whatever this crate has answered `Ok` to survives a power cut; whatever it has not may be asked again.
//!
//! * Reading order: [`Store`] → [`Spool`] (bytes on their way in) → [`NewMessage`] / [`Store::accept`] →
//!   [`Store::claim`] / [`Store::complete`] → [`Store::due_deliveries`] / [`Store::delivery_result`].
//! * One task owns the only writing connection. It takes everything that waits, commits it as one transaction and only
//!   then answers each caller, so that a hundred mails share one fsync.
//! * A state change and its audit row are one transaction. Every step may run twice: jobs are fenced by
//!   `(job, generation)`, results by the state they leave.
//! * It must never: parse content, let original bytes out as if they were sanitised ([`Original`] and [`Output`] are two
//!   types), drop a message because it looks like another one, or read the clock by itself.

#![forbid(unsafe_code)]
#![allow(clippy::disallowed_methods, reason = "STYLE rule 19: store is one of the two crates that touch files")]

mod audit;
mod audit_event;
mod audit_file;
mod awaited;
mod blobs;
mod changes;
mod codec;
mod complete;
mod config;
mod content;
mod counts;
mod delivery;
mod digest;
mod error;
mod external;
mod factor;
mod figures;
mod filters;
mod found;
mod four_eyes;
mod hands;
mod health;
mod history;
mod hooks;
mod intake;
mod key_file;
mod keys;
mod mine;
mod open;
mod passkeys;
mod policy;
mod purge;
mod quarantine;
mod read;
mod receipt;
mod recorded;
mod refusals;
mod requests;
mod retry;
mod search;
mod secrets;
mod sessions;
mod spool;
mod sql;
#[cfg(test)]
mod sql_codes;
mod subject;
mod tenants;
mod time;
mod token;
mod triage;
mod tries;
mod unlock;
mod unlocked_upload;
mod uploads;
mod users;
mod words;
mod work;
mod writer;

pub use audit::{AuditCheck, AuditEntry, AuditFilter, AuditRange, AuditRow};
pub use audit_event::AuditEvent;
pub use audit_file::{AuditFile, AuditFileCheck, AuditFileFault, AuditSignature, CONTEXT as AUDIT_SIGNED};
pub use awaited::{DoneBatch, WhenDone};
pub use changes::{ChangeCounts, ChangeSet, ChangeSetId, ChangeState, UserChange};
pub use config::{Retention, StoreConfig};
pub use content::{Original, Output};
pub use counts::{Counts, Disk};
pub use delivery::{DeliveryTask, DueRecipient, Notice, OwnMail, RecipientId, RecipientOutcome, RecipientResult};
pub use digest::Todo;
pub use error::{Class, Error};
pub use external::{External, Source, Unconfirmed};
pub use factor::SecondFactor;
pub use figures::{Figures, LADDER, StepFigures};
pub use four_eyes::{
    Case, Decision, Denied, ItemClass, RequestRules, RequestState, may_ask, may_decide, may_fetch, may_see,
};
pub use hands::Eyes;
pub use history::{HistoryFilter, HistoryPage, ReceivedMail, SentFile};
pub use hooks::{Event, Hook, HookDelivery, HookDeliveryId, HookFigures, HookState, HookThen, HookTried};
pub use intake::{Accepted, Envelope, NewMessage, Origin};
pub use keys::{ApiKey, ApiKeyId, ApiKeyRow, NewApiKey, Repeatable, Scope};
pub use open::Store;
pub use passkeys::{NewPasskey, Passkey, PasskeyId};
pub use policy::{MAX_POLICY_BYTES, PolicyVersion};
pub use purge::Purged;
pub use quarantine::{QuarantineFilter, QuarantineId, QuarantineRow, QuarantineState};
pub use read::{
    DeliveryRow, DeliveryState, MessageDetail, MessageId, MessageRow, OriginKind, Page, PartRow, QueueRow, QueueState,
};
pub use receipt::Receipt;
pub use recorded::{Recorded, RecordedPart};
pub use refusals::{MOST_WAITING, RefusalFilter, RefusalRow, Refused};
pub use requests::{DecisionRow, Need, NewRequest, Request, RequestFilter, RequestId};
pub use retry::{Retried, RetriedFile, RetryPolicy, RetryRow, RetryState, RetryTask};
pub use search::MessageFilter;
pub use sessions::{NewSession, SEEN_EVERY, Session, SessionId, SessionRow, Site, Stage};
pub use spool::{Spool, Spooled};
pub use subject::{SubjectTooLong, UploadSubject};
pub use tenants::{MailDomain, SiteAddress, Tenant, TenantKey, TenantSettings};
pub use time::{Clock, Timestamp};
pub use token::{BatchToken, TokenHash, hex};
pub use triage::{MOST_ITEMS, Triage, Untouched};
pub use tries::{MAX_OTHERS, Tries, TryOf};
pub use unlock::{LockedItem, LockedMail, LockedSearch, OpenedBy, Release, Released, StillHeld};
pub use unlocked_upload::{LockedUpload, UnlockedUpload, UploadLock};
pub use uploads::{BatchId, BatchRow, BatchStatus, NewBatch, UploadFile};
pub use users::{NewUser, RESERVED_NAMES, Role, SignInAt, User, UserId, UserState};
pub use work::{
    Completed, FailOutcome, Fidelity, GivenUp, PartRecord, PartVerdict, Quarantined, Verdict, Work, WorkKey, WorkOrigin,
};

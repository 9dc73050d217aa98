//! Trying a password that somebody typed on a locked original. The work is done elsewhere; this is what the pages and the API ask.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use engine::catalogue::{self, Language};
use form::job::Password;
use form::reason::Reason;
use serde::{Deserialize, Serialize};
use store::QuarantineId;
use tokio::sync::OwnedSemaphorePermit;

use crate::fault::Fault;
use crate::shown;
use crate::texts::Texts;

/// What came of a typed password. As JSON it is what the control socket carries and the command line prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Unlocking {
    /// It opens the original; the rebuilt files are on their way.
    Opened {
        /// Their names.
        files: Vec<String>,
        /// Recipients that they go to; 0 when all had them already.
        recipients: usize,
        /// Parts inside that need another password; they are held as originals of their own now.
        still_locked: usize,
    },
    /// It does not open the original, but others of the same mail, which are on their way. That is no failed try.
    OpenedOthers {
        /// Names of the rebuilt files.
        files: Vec<String>,
        /// Recipients that they go to.
        recipients: usize,
    },
    /// It opens an upload; the rebuilt file is in its place there.
    OpenedUpload {
        /// Its name.
        file: String,
        /// Parts inside that need another password.
        still_locked: usize,
    },
    /// It is right, and an upload needs another one as well, which is tried together with it next; so many tries are left.
    AnotherNeeded {
        /// Tries left.
        left: u32,
    },
    /// It does not open it; so many tries are left.
    #[serde(rename = "wrong_password")]
    Wrong {
        /// Tries left.
        left: u32,
    },
    /// No try is left.
    Exhausted,
    /// It opens it, and what is inside does not pass.
    Withheld {
        /// Why not.
        #[serde(with = "by_name")]
        reason: Reason,
    },
    /// The original could not be converted for this reason, and whether the password is right is not known; so many tries are left.
    Unknown {
        /// The reason.
        #[serde(with = "by_name")]
        reason: Reason,
        /// Tries left.
        left: u32,
    },
    /// There is nothing that a password could open, or it is open already.
    NotLocked,
    /// The scanner or a room is not to be had just now. The try is not counted.
    Busy,
}

/// A reason as the stable name that it has in reports.
mod by_name {
    use form::reason::Reason;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(reason: &Reason, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(reason.name())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Reason, D::Error> {
        let name = String::deserialize(from)?;
        Reason::from_name(&name).ok_or_else(|| Error::custom(format_args!("no reason is named {name}")))
    }
}

/// The answer of an [`Unlocker`].
pub type UnlockFuture<'a> = Pin<Box<dyn Future<Output = Result<Unlocking, store::Error>> + Send + 'a>>;

/// Tries passwords. It counts every try before it is made, takes back those that were no wrong passwords, and writes no password
/// anywhere.
pub trait Unlocker: Debug + Send + Sync {
    /// Tries `password` on the original, for `actor`.
    fn unlock<'a>(&'a self, id: QuarantineId, password: Password, actor: &'a str) -> UnlockFuture<'a>;

    /// How often people may try one original.
    fn tries(&self) -> u32;
}

/// Tries a password in a task of its own. A handler ends with its client's connection, and a conversion may last longer than that: what was
/// counted and opened is brought to its end. It is bounded like every conversion; a place that it takes is given back when it has ended.
pub(crate) async fn unlock(
    unlocker: &Arc<dyn Unlocker>,
    id: QuarantineId,
    password: Password,
    actor: &str,
    place: Option<OwnedSemaphorePermit>,
) -> Result<Unlocking, Fault> {
    let (unlocker, actor) = (Arc::clone(unlocker), actor.to_owned());
    let task = tokio::spawn(async move {
        let unlocking = unlocker.unlock(id, password, &actor).await;
        drop(place);
        unlocking
    });
    Ok(task.await.map_err(|_| Fault::Internal)??)
}

/// What came of the password that was typed.
#[derive(Debug)]
pub(crate) struct News {
    pub(crate) class: &'static str,
    pub(crate) text: String,
}

impl News {
    /// In the language of the page.
    pub(crate) fn of(unlocking: &Unlocking, language: Language, t: &Texts) -> Self {
        let (class, text) = match unlocking {
            Unlocking::Opened { recipients, still_locked: 0, .. } => ("ok", format!("{}{recipients}", t.unlock_done)),
            Unlocking::Opened { still_locked, .. } => ("warn", format!("{}{still_locked}", t.unlock_partly)),
            Unlocking::OpenedUpload { still_locked: 0, .. } => ("ok", t.unlock_upload_done.to_owned()),
            Unlocking::OpenedUpload { still_locked, .. } => {
                ("warn", format!("{}{still_locked}", t.unlock_upload_partly))
            }
            Unlocking::AnotherNeeded { left } => {
                ("warn", format!("{} {}{left}", t.unlock_another_needed, t.unlock_left))
            }
            Unlocking::OpenedOthers { files, .. } => {
                let files: Vec<String> = files.iter().map(|name| shown::visible(name)).collect();
                ("warn", format!("{}{}", t.unlock_others, files.join(" / ")))
            }
            Unlocking::Unknown { reason, left } => {
                let reason = catalogue::reason_text(*reason, language);
                ("warn", format!("{}{reason} {}{left}", t.unlock_unknown, t.unlock_left))
            }
            Unlocking::Wrong { left } => ("stop", format!("{}{left}", t.unlock_wrong)),
            Unlocking::Exhausted => ("stop", t.unlock_exhausted.to_owned()),
            Unlocking::Withheld { reason } => {
                ("warn", format!("{}{}", t.unlock_withheld, catalogue::reason_text(*reason, language)))
            }
            Unlocking::NotLocked => ("warn", t.unlock_not_locked.to_owned()),
            Unlocking::Busy => ("warn", t.unlock_busy.to_owned()),
        };
        Self { class, text }
    }
}

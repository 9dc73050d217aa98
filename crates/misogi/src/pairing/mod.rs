//! Passwords on their way from one mail to the locked files of another, and from people to both.
//!
//! The habit is to send a locked file and its password in two mails. Whichever comes second brings them together: candidates of a
//! password mail are tried on the locked mails of the same sender or conversation that came before it, and remembered for those that
//! come after it. What opens goes to those only whom both mails went to.
//!
//! Passwords are in memory only: they are never stored or logged, and a restart forgets them. A mail is completed before its passwords
//! are tried on others, and a failure here never holds it up: what is not opened by itself can still be opened by typing.
//!
//! Anybody can write any sender into a mail. So everything that could run out is counted for each sender, a sender being reverse-path and
//! From together: places in memory ([`told`]), places to wait ([`turns`]), tries on an item (`store`).
//!
//! In the order of a mail: what is opened before it is delivered ([`at_once`]), what it leaves to be tried afterwards ([`follow`]), and what
//! people type, for a mail ([`typed`]) or an upload ([`upload`]). All but the last end in one [`attempt`].

mod at_once;
mod attempt;
mod follow;
mod told;
mod turns;
mod typed;
mod upload;

use std::fmt;

use engine::Engine;
use form::job::Password;
use store::{QuarantineId, Store};
use web::{UnlockFuture, Unlocker};

use crate::config::Passwords;
use crate::letterhead::Letterhead;
pub(crate) use at_once::AtOnce;
pub(crate) use told::{Keys, Told};
pub(crate) use turns::Turns;

/// How often a mail is converted anew to try passwords that are known beforehand, a room's fill each time, before it is delivered.
const MAX_ROUNDS: usize = 3;

/// Passwords known beforehand that are tried on one mail; those for which there is no time before its delivery follow it.
pub(crate) const MAX_KNOWN: usize = 256;

/// Brings passwords and locked files together.
pub(crate) struct Pairing {
    pub(crate) store: Store,
    pub(crate) engine: Engine,
    pub(crate) letterhead: Letterhead,
    pub(crate) settings: Passwords,
    pub(crate) told: Told,
    pub(crate) keys: Keys,
    pub(crate) turns: Turns,
}

impl fmt::Debug for Pairing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pairing")
    }
}

impl Unlocker for Pairing {
    fn unlock<'a>(&'a self, id: QuarantineId, password: Password, actor: &'a str) -> UnlockFuture<'a> {
        Box::pin(self.typed(id, password, actor))
    }

    fn tries(&self) -> u32 {
        self.settings.typed_tries
    }
}

/// Next hops of one site do not tell letter case apart.
fn holds(addresses: &[String], address: &str) -> bool {
    addresses.iter().any(|other| other.eq_ignore_ascii_case(address))
}

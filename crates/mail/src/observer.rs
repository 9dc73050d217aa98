//! What intake and delivery tell whoever keeps the figures.

use std::fmt::Debug;

/// Told what happens, as it happens. Called between a client's command and its reply: an implementation must neither block
/// nor wait.
pub trait Observer: Debug + Send + Sync {
    /// A message of so many octets was made durable.
    fn accepted(&self, octets: u64);
    /// A command or connection was refused with this reply code.
    fn refused(&self, code: u16);
    /// One recipient was tried at the next hop.
    fn tried(&self, end: Tried);
    /// The next hop could be reached, or could not.
    fn next_hop(&self, reached: bool);
}

/// How trying one recipient ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// The next hop has it.
    Delivered,
    /// It will be tried again.
    Retry,
    /// It will not.
    Failed,
}

/// Keeps no figures.
#[derive(Clone, Copy, Debug)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn accepted(&self, _: u64) {}
    fn refused(&self, _: u16) {}
    fn tried(&self, _: Tried) {}
    fn next_hop(&self, _: bool) {}
}

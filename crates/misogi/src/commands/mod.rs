//! One module per sub-command.

pub(crate) mod audit;
pub(crate) mod doctor;
pub(crate) mod licences;
pub(crate) mod platform_admin;
pub(crate) mod quarantine;
pub(crate) mod queue;
pub(crate) mod remote;
pub(crate) mod sanitize;
pub(crate) mod serve;
pub(crate) mod tenant;

/// Everything passed.
pub(crate) const PASSED: u8 = 0;
/// Something was withheld, or a check failed.
pub(crate) const WITHHELD: u8 = 1;
/// The command could not be carried out as asked.
pub(crate) const USAGE: u8 = 2;

//! Which system calls a process of ours may make: one table, one compiler.
//!
//! [`table`] is the policy as data: each row names a call, what its arguments must be, and who needs it. [`program`] turns
//! a set of rows into a classic BPF program. Anything that is not in the table ends the process with SIGSYS.

pub(crate) mod office;
pub(crate) mod program;
pub(crate) mod table;

//! Rooms: single-use locked-down processes in which hostile files are opened.
//!
//! The gateway never parses a document. It hands a sealed memory file to a *dirty room*, a process that can do nothing but
//! compute and write to two outputs, and that is assumed to be hijacked by what it reads. Its output, the form, goes to a
//! *clean room* of the same kind, which verifies it and writes a new file. Each room serves one document and dies.
//!
//! * [`Pool`] is the gateway's side: jobs in, outcomes out. Start there. A result exists only with [`Verdict::Ok`], and only
//!   a clean room's result is a [`Fresh`], the one type that may be delivered.
//! * [`room`] is the inside: the gateway's executable calls [`room::enter`] when it is started as a room.
//! * [`probe`] attacks throw-away rooms and tells what stopped what: the level (`A`, `B`, `C`) and facts for `doctor`.
//!
//! The layers, what each of them stops, and the limits are described in `docs/rooms.md`; the system calls a room may make
//! are a table in `policy::table`.
//!
//! This is the only crate with `unsafe`, and within it only `sys` has any. What it must never do: look into a document, or
//! take a result from a process that is still alive.

#![deny(unsafe_code)]

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
compile_error!(
    "rooms need Linux on x86_64: the system call table (policy::table), AUDIT_ARCH in policy::program and the capability \
     header in sys::confine have been checked for that only. To add an architecture, check those three and run tests/attack.rs."
);

mod converter;
mod error;
mod level;
mod policy;
mod pool;
pub mod room;
mod sealed;
#[allow(unsafe_code, reason = "the edge to the kernel; every block says why it is sound")]
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "constants of the kernel's interface, whose C types differ from call to call"
)]
mod sys;
mod verdict;
mod wire;

pub use converter::{
    Application, Conversion, ConvertFrom, ConvertTo, Converted, Converter, ConverterConfig, ConverterProbe, Password,
    probe_converter,
};
pub use error::Error;
pub use level::{Fact, Level};
pub use policy::table::{AllowedCall, allowed_calls};
pub use pool::{
    ChainOutcome, CleanOutcome, DirtyOutcome, JobLimits, Pages, Pool, PoolConfig, Probe, Stats, probe, this_executable,
};
pub use sealed::{Fresh, Hostile, Sealed, SealedReader, SealedWriter, Source};
pub use verdict::{Crash, Usage, Verdict};
pub use wire::{PARAMS_MAX, Role};

//! The gateway binary.
//!
//! `misogi room …` is how `jail` re-executes this program as a zygote. It is looked at before anything else, so that a room never holds a
//! thread, a runtime, or an open file of the gateway.

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    reason = "STYLE rule 19: misogi reads files, environment and clock and hands them to the crates that may not"
)]

mod clock;
mod commands;
mod config;
mod control;
mod digest;
mod done;
mod dsn;
mod fonts;
mod forecast;
mod gateway;
mod governor;
mod lease;
mod letterhead;
mod machine;
mod pairing;
mod pool;
mod retrying;
mod roles;
mod rooms;
mod sources;
mod tenancies;
mod tenancy;
mod watch;
mod worker;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// In a room, memory that cannot be had ends the process with a code that the pool can name.
#[global_allocator]
static ALLOCATOR: jail::room::Allocator = jail::room::Allocator;

/// Content disarm and reconstruction gateway.
#[derive(Debug, Parser)]
#[command(name = "misogi", version, arg_required_else_help = false)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the gateway: SMTP, portal, console, conversion, delivery.
    Serve(commands::serve::Arguments),
    /// Convert files without a server.
    Sanitize(commands::sanitize::Arguments),
    /// Check rooms, scanner, store and next hop.
    Doctor(commands::doctor::Arguments),
    /// List what waits for conversion or delivery.
    Queue(commands::queue::Arguments),
    /// List or show what was withheld, or have a password tried on it.
    Quarantine(commands::quarantine::Arguments),
    /// Verify the audit log.
    Audit(commands::audit::Arguments),
    /// List, add, change or remove organisations that the gateway serves beside its own.
    Tenant(commands::tenant::Arguments),
    /// Make, reset or end an account of whoever runs the gateway as a whole.
    PlatformAdmin(commands::platform_admin::Arguments),
    /// List what in the program others have made, with its licences.
    Licences(commands::licences::Arguments),
    /// Send files to a gateway that runs elsewhere, and fetch what came of them.
    Remote(commands::remote::Arguments),
}

/// Where the configuration of a command comes from.
#[derive(Debug, Clone, Default, clap::Args)]
struct ConfigArgument {
    /// Configuration file (TOML). Without it every setting has its default.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
}

/// Whose store a command is about.
#[derive(Debug, Clone, Default, clap::Args)]
struct StoreArgument {
    #[command(flatten)]
    config: ConfigArgument,
    /// The store of this tenant, where the gateway serves several organisations.
    #[arg(long, value_name = "KEY", global = true, value_parser = tenant_key)]
    tenant: Option<store::TenantKey>,
}

impl StoreArgument {
    /// The configuration with the store in it that is meant.
    fn load(&self) -> Result<config::Config, config::Error> {
        let config = config::Config::load(self.config.config.as_deref())?;
        Ok(match &self.tenant {
            Some(key) => config.with_sections_of(key.as_str()),
            None => config,
        })
    }
}

/// Reads the key of a tenant from the command line.
fn tenant_key(typed: &str) -> Result<store::TenantKey, String> {
    let wanted = "1 to 32 lower-case letters, digits and hyphens are wanted, of which the first is a letter";
    store::TenantKey::parse(typed).ok_or_else(|| wanted.to_owned())
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    if arguments.nth(1).is_some_and(|first| first == pool::ROOM_ARGUMENT) {
        jail::room::enter_prepared(arguments, rooms::prepare, rooms::rehearsals, disarm::PANIC_ON_DAMAGE);
    }
    let result = match Cli::parse().command {
        None => commands::serve::run(commands::serve::Arguments::default()),
        Some(Command::Serve(arguments)) => commands::serve::run(arguments),
        Some(Command::Sanitize(arguments)) => commands::sanitize::run(arguments),
        Some(Command::Doctor(arguments)) => commands::doctor::run(arguments),
        Some(Command::Queue(arguments)) => commands::queue::run(arguments),
        Some(Command::Quarantine(arguments)) => commands::quarantine::run(arguments),
        Some(Command::Audit(arguments)) => commands::audit::run(arguments),
        Some(Command::Tenant(arguments)) => commands::tenant::run(arguments),
        Some(Command::PlatformAdmin(arguments)) => commands::platform_admin::run(arguments),
        Some(Command::Licences(arguments)) => commands::licences::run(&arguments),
        Some(Command::Remote(arguments)) => commands::remote::run(arguments),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("misogi: {error:#}");
            ExitCode::from(commands::USAGE)
        }
    }
}

//! `misogi platform-admin`: who runs the gateway as a whole, and decides which organisations it serves.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Subcommand;

use crate::StoreArgument;
use crate::commands::{PASSED, WITHHELD};
use crate::control::{self, PlatformAdminReply, PlatformAdminRequest, Request};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    store: StoreArgument,
    /// Print one JSON object.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make an account; prints its password for the first sign-in.
    Add {
        /// 3 to 64 lower-case letters, digits, dots, hyphens and underscores, of which the first is a letter.
        name: String,
    },
    /// Give an account a new password, and remove its second factor.
    Reset { name: String },
    /// Stop an account, which has this role no more; also one of a directory or provider, and with --tenant one in the store of a tenant.
    Remove { name: String },
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    let config = arguments.store.load()?;
    let request = match arguments.action {
        Action::Add { name } => PlatformAdminRequest::Add { name },
        Action::Reset { name } => PlatformAdminRequest::Reset { name },
        Action::Remove { name } => PlatformAdminRequest::Remove { name },
    };
    let runtime = tokio::runtime::Runtime::new().context("starting the runtime")?;
    let reply: PlatformAdminReply = runtime.block_on(control::ask(&config.data, &Request::PlatformAdmins(request)))?;
    match (&reply, arguments.json) {
        (reply, true) => println!("{}", serde_json::to_string(reply)?),
        (PlatformAdminReply::Done { password: Some(password) }, false) => {
            println!("done; the password for the first sign-in, at which it has to be changed: {password}");
        }
        (PlatformAdminReply::Done { password: None }, false) => println!("done"),
        (PlatformAdminReply::Refused { why }, false) => println!("{why}"),
    }
    Ok(ExitCode::from(if matches!(reply, PlatformAdminReply::Done { .. }) { PASSED } else { WITHHELD }))
}

//! `misogi audit verify`: is the log of decisions whole?

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Subcommand;

use crate::commands::{PASSED, WITHHELD};
use crate::config::Config;
use crate::{ConfigArgument, gateway};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    config: ConfigArgument,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Recompute the hash chain from the first row to the last.
    Verify,
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    let config = Config::load(arguments.config.config.as_deref())?;
    let runtime = tokio::runtime::Runtime::new().context("starting the runtime")?;
    runtime.block_on(async {
        let Action::Verify = arguments.action;
        let check = gateway::reader(&config).await?.audit_verify().await?;
        match check.broken {
            None => {
                println!("audit log whole: {} rows", check.rows);
                Ok(ExitCode::from(PASSED))
            }
            Some(row) => {
                println!("audit log broken at row {row}");
                Ok(ExitCode::from(WITHHELD))
            }
        }
    })
}

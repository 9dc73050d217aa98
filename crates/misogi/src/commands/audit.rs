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
    Verify {
        /// A hash that an earlier run gave as the head and that was kept elsewhere: it must still be in the log.
        #[arg(long, value_name = "HASH", value_parser = head)]
        head: Option<String>,
    },
}

fn head(typed: &str) -> Result<String, String> {
    let is_hash = typed.len() == 64 && typed.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash { Ok(typed.to_owned()) } else { Err("a head is 64 hexadecimal digits".to_owned()) }
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    let config = Config::load(arguments.config.config.as_deref())?;
    let runtime = tokio::runtime::Runtime::new().context("starting the runtime")?;
    runtime.block_on(async {
        let Action::Verify { head } = arguments.action;
        let store = gateway::reader(&config).await?;
        let check = store.audit_verify().await?;
        if let Some(row) = check.broken {
            println!("audit log broken at row {row}");
            return Ok(ExitCode::from(WITHHELD));
        }
        if let Some(head) = head
            && store.audit_row_of(&head).await?.is_none()
        {
            println!("audit log cut off: the rows up to {head} are no longer in it");
            return Ok(ExitCode::from(WITHHELD));
        }
        println!("audit log whole: {} rows, head {}", check.rows, check.head);
        Ok(ExitCode::from(PASSED))
    })
}

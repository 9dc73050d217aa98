//! `misogi queue`: what waits for conversion.

use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::json;

use crate::commands::PASSED;
use crate::{StoreArgument, gateway};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    store: StoreArgument,
    /// Print one JSON object per line.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    let config = arguments.store.load()?;
    let runtime = tokio::runtime::Runtime::new().context("starting the runtime")?;
    runtime.block_on(async {
        let store = gateway::reader(&config).await?;
        for row in store.queue(1000).await? {
            if arguments.json {
                let line = json!({
                    "receipt": row.receipt.as_str(), "state": format!("{:?}", row.state).to_lowercase(),
                    "attempts": row.attempts, "bytes": row.original_bytes, "sender": row.sender, "why": row.why,
                });
                println!("{line}");
            } else {
                println!(
                    "{}  {:?}  {} attempts  {} bytes  {}  {}",
                    row.receipt.as_str(),
                    row.state,
                    row.attempts,
                    row.original_bytes,
                    row.sender.as_deref().unwrap_or("<>"),
                    row.why.as_deref().unwrap_or_default(),
                );
            }
        }
        Ok(ExitCode::from(PASSED))
    })
}

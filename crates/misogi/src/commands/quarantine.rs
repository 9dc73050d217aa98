//! `misogi quarantine`: what was withheld, and why. It shows facts about an original, never its content.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use engine::catalogue::reason_text;
use serde_json::json;
use store::{QuarantineFilter, QuarantineId, QuarantineRow};

use crate::commands::PASSED;
use crate::config::Config;
use crate::{ConfigArgument, gateway};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    config: ConfigArgument,
    /// Print one JSON object per line.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List withheld originals, newest first.
    Ls,
    /// Show one of them.
    Show {
        /// Number from `ls`.
        id: i64,
    },
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    let config = Config::load(arguments.config.config.as_deref())?;
    let runtime = tokio::runtime::Runtime::new().context("starting the runtime")?;
    runtime.block_on(async {
        let store = gateway::reader(&config).await?;
        match arguments.action {
            Action::Ls => {
                let filter = QuarantineFilter { limit: 200, ..QuarantineFilter::default() };
                for row in store.quarantine(&filter).await?.items {
                    print(&config, &row, arguments.json);
                }
            }
            Action::Show { id } => match store.quarantine_item(QuarantineId(id)).await? {
                Some(row) => print(&config, &row, arguments.json),
                None => bail!("quarantine has no item {id}"),
            },
        }
        Ok(ExitCode::from(PASSED))
    })
}

fn print(config: &Config, row: &QuarantineRow, json: bool) {
    let reason = row.reason.map_or("unknown", |reason| reason.name());
    if json {
        let line = json!({
            "id": row.id.0, "receipt": row.receipt.as_str(), "path": row.path, "name": row.name,
            "detected_type": row.detected_type, "reason": reason, "bytes": row.bytes,
            "state": format!("{:?}", row.state).to_lowercase(), "sender": row.sender, "subject": row.subject,
            "created": row.created.unix_millis(), "expires": row.expires.unix_millis(),
        });
        println!("{line}");
        return;
    }
    let text = row.reason.map_or("", |reason| reason_text(reason, gateway::language(config)));
    println!(
        "{:>5}  {}  {}  {} bytes  {}  {}  {}",
        row.id.0,
        row.receipt.as_str(),
        row.name,
        row.bytes,
        reason,
        text.replace("{count}", "1"),
        row.sender.as_deref().unwrap_or("-"),
    );
}

//! `misogi quarantine`: what was withheld, and why. It shows facts about an original, never its content.

use std::io::{BufRead, Read};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use engine::catalogue::reason_text;
use form::reason::Reason;
use serde_json::json;
use store::{QuarantineFilter, QuarantineId, QuarantineRow};
use web::Unlocking;

use crate::commands::{PASSED, WITHHELD};
use crate::config::Config;
use crate::control::{Reply, Request, Untried};
use crate::{StoreArgument, control, gateway};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    store: StoreArgument,
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
    /// Have the running gateway try a password; what opens is rebuilt and sent to the recipients of its mail, or put on the page of its upload.
    Unlock {
        /// Number from `ls`.
        id: i64,
        /// Read the password from standard input, one line, instead of asking on the terminal.
        #[arg(long)]
        password_stdin: bool,
    },
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    let config = arguments.store.load()?;
    if let Action::Unlock { id, password_stdin } = arguments.action {
        return unlock(&config, id, password_stdin, arguments.json);
    }
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
            Action::Unlock { .. } => {}
        }
        Ok(ExitCode::from(PASSED))
    })
}

/// A password on the command line would be seen by every user of the machine, so there is no argument for it.
fn unlock(config: &Config, id: i64, from_stdin: bool, json: bool) -> Result<ExitCode> {
    let password = if from_stdin {
        let mut line = String::new();
        std::io::stdin().lock().take(MAX_PASSWORD_LINE).read_line(&mut line).context("reading standard input")?;
        line
    } else {
        let terminal = console::Term::stderr();
        terminal.write_str("Password: ")?;
        terminal.read_secure_line().context("asking for the password; without a terminal use --password-stdin")?
    };
    let password = password.trim_end_matches(['\r', '\n']).to_owned();
    let runtime = tokio::runtime::Runtime::new().context("starting the runtime")?;
    let reply: Reply = runtime.block_on(control::ask(&config.data, &Request::Unlock { id, password }))?;
    if json {
        println!("{}", serde_json::to_string(&reply)?);
    } else {
        println!("{}", told(&reply, config));
    }
    let is_open = matches!(reply, Reply::Tried(Unlocking::Opened { .. } | Unlocking::OpenedUpload { .. }));
    Ok(ExitCode::from(if is_open { PASSED } else { WITHHELD }))
}

/// Longest line that is read as a password.
const MAX_PASSWORD_LINE: u64 = 4 << 10;

fn told(reply: &Reply, config: &Config) -> String {
    match reply {
        Reply::Tried(unlocking) => outcome(unlocking, config),
        Reply::Not(Untried::NotFound) => "quarantine has no such item (any more)".to_owned(),
        Reply::Not(Untried::BadRequest) => "the gateway could not read the request; is the password empty?".to_owned(),
        Reply::Not(Untried::Failed) => "the gateway failed; its log says why".to_owned(),
    }
}

fn outcome(unlocking: &Unlocking, config: &Config) -> String {
    match unlocking {
        Unlocking::Opened { files, recipients, still_locked: 0 } => {
            format!("opened: {} (sent to {recipients})", files.join(", "))
        }
        Unlocking::Opened { files, recipients, still_locked } => format!(
            "opened in part: {} (sent to {recipients}); {still_locked} inside need another password, see quarantine ls",
            files.join(", ")
        ),
        Unlocking::OpenedUpload { file, still_locked: 0 } => {
            format!("opened: {file} (it is on the page of its upload)")
        }
        Unlocking::OpenedUpload { file, still_locked } => format!(
            "opened in part: {file} (it is on the page of its upload); {still_locked} inside need another password"
        ),
        Unlocking::AnotherNeeded { left } => {
            format!("the password is right, and another one is needed as well: try that one next ({left} tries left)")
        }
        Unlocking::OpenedOthers { files, recipients } => format!(
            "it does not open this one, but of the same mail: {} (sent to {recipients}; not counted as a try)",
            files.join(", ")
        ),
        Unlocking::Unknown { reason, left } => {
            let text = sentence(*reason, config);
            format!(
                "could not be converted, so it is not known whether the password is right: {text} ({left} tries left)"
            )
        }
        Unlocking::Wrong { left } => format!("wrong password ({left} tries left)"),
        Unlocking::Exhausted => "no tries are left".to_owned(),
        Unlocking::Withheld { reason } => {
            format!("the password is right, but what is inside does not pass: {}", sentence(*reason, config))
        }
        Unlocking::NotLocked => "there is nothing that a password could open, or it is open already".to_owned(),
        Unlocking::Busy => "not just now: scanner or rooms are not available".to_owned(),
    }
}

/// A reason's name and what it means.
fn sentence(reason: Reason, config: &Config) -> String {
    format!("{reason} {}", reason_text(reason, gateway::language(config)).replace("{count}", "1"))
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

//! `misogi audit verify`: is the log of decisions whole, here or in a file that was exported from it?

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Subcommand;
use store::AuditFile;

use crate::commands::{PASSED, WITHHELD};
use crate::{StoreArgument, gateway};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    store: StoreArgument,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Recompute the hash chain from the first row to the last; of an exported file its chain and its signature, without a store.
    Verify {
        /// A file that the console exported.
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
        /// The public key of the site, from its system page: a file that another key signed is refused.
        #[arg(long, value_name = "KEY", value_parser = head, requires = "file", conflicts_with = "head")]
        key: Option<String>,
        /// A hash that an earlier run gave as the head and that was kept elsewhere: it must still be in the log.
        #[arg(long, value_name = "HASH", value_parser = head)]
        head: Option<String>,
    },
}

fn head(typed: &str) -> Result<String, String> {
    let is_hash = typed.len() == 64 && typed.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash { Ok(typed.to_ascii_lowercase()) } else { Err("64 hexadecimal digits are wanted".to_owned()) }
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    let Action::Verify { head, file, key } = arguments.action;
    if let Some(path) = file {
        return exported(&path, key.as_deref());
    }
    let config = arguments.store.load()?;
    let runtime = tokio::runtime::Runtime::new().context("starting the runtime")?;
    runtime.block_on(async {
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

/// Checks an exported file.
fn exported(path: &Path, key: Option<&str>) -> Result<ExitCode> {
    let reading = || format!("reading {}", path.display());
    let mut lines = BufReader::new(File::open(path).with_context(reading)?);
    let mut file = AuditFile::default();
    let mut line = Vec::new();
    let checked = loop {
        line.clear();
        if lines.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line).with_context(reading)? == 0 {
            break file.finish();
        }
        if let Err(fault) = file.line(&line) {
            break Err(fault);
        }
    };
    let check = match checked {
        Ok(check) => check,
        Err(fault) => {
            println!("exported audit log refused: {fault}");
            return Ok(ExitCode::from(WITHHELD));
        }
    };
    if key.is_some_and(|key| key != check.public_key) {
        println!("exported audit log refused: it is signed with another key, {}", check.public_key);
        return Ok(ExitCode::from(WITHHELD));
    }
    let (from, to) = check.range;
    if check.chained {
        println!("exported audit log whole: rows {from} to {to}, the chain holds, head {}", check.head);
    } else {
        println!(
            "exported audit log as it was signed, of the rows {from} to {to} those of a filter or as a table, head {}",
            check.head
        );
    }
    println!("signed with {}", check.public_key);
    if key.is_none() {
        println!("Compare that with the key on the site's system page, or give it with --key.");
    }
    Ok(ExitCode::from(PASSED))
}

/// Longest line of an exported file. The store's rows have far less; a longer line is cut and is no row then.
const LINE_BYTES: u64 = 4 << 20;

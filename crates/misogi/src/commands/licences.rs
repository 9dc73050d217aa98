//! `misogi licences`: what in the program is not ours.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;
use web::Licensed;

use crate::commands::PASSED;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Print one JSON object per line.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    for Licensed { name, version, licence, source } in web::licences() {
        if arguments.json {
            println!("{}", json!({"name": name, "version": version, "licence": licence, "source": source}));
        } else {
            println!("{name} {version}\n    {licence}\n    {source}");
        }
    }
    Ok(ExitCode::from(PASSED))
}

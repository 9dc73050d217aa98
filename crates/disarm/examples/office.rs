//! Takes one Office document through both rooms in this process: `office IN OUT [--form] [--times N] [--font FILE]...`.
//! Says what became of it as one line of words and numbers, and what was found as further lines. With `--form` the form itself is
//! verified and written instead of a document; with `--times` the whole is done so many times, for measuring. The fonts are for the
//! words of drawings that become pixels, as a gateway has them of its machine.

#![allow(clippy::disallowed_methods, reason = "an example reads and writes the files it is told to")]

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use disarm::{FontFile, Fonts};
use form::codec::{Decoder, Event};
use form::job::{CleanJob, CleanOp, DirtyJob, DirtyOp};
use form::{Finding, Limits};

fn main() -> ExitCode {
    let (fonts, arguments) = fonts(std::env::args().skip(1));
    let times = arguments.iter().position(|argument| argument == "--times").and_then(|at| arguments.get(at + 1));
    let times = times.and_then(|times| times.parse().ok()).unwrap_or(1_u32);
    let mut paths = arguments.iter().filter(|argument| !argument.starts_with("--"));
    let (Some(input), Some(output)) = (paths.next(), paths.next()) else {
        eprintln!("office IN OUT [--form] [--times N] [--font FILE]...");
        return ExitCode::from(64);
    };
    let form_only = arguments.iter().any(|argument| argument == "--form");
    let mut done = run(input, output, form_only, &fonts);
    for _ in 1..times {
        done = run(input, output, form_only, &fonts);
    }
    match done {
        Ok(line) => {
            println!("ok {line}");
            ExitCode::SUCCESS
        }
        Err(line) => {
            println!("refused {line}");
            ExitCode::from(2)
        }
    }
}

/// The fonts that are named, and the other arguments.
fn fonts(arguments: impl Iterator<Item = String>) -> (Fonts, Vec<String>) {
    let (mut files, mut others, mut arguments) = (Vec::new(), Vec::new(), arguments);
    while let Some(argument) = arguments.next() {
        if argument != "--font" {
            others.push(argument);
        } else if let Some(name) = arguments.next() {
            match std::fs::read(&name) {
                Ok(bytes) => files.push(FontFile { name, bytes: Arc::new(bytes), index: 0 }),
                Err(error) => eprintln!("{name}: {error}"),
            }
        }
    }
    (Fonts::new(files), others)
}

fn run(input: &str, output: &str, form_only: bool, fonts: &Fonts) -> Result<String, String> {
    let bytes = std::fs::read(input).map_err(|error| format!("input {error}"))?;
    let limits = Limits::default();
    let dirty = DirtyJob::new(DirtyOp::Auto, limits.clone());
    let (mut form, mut spill) = (Vec::new(), Vec::new());
    let begun = Instant::now();
    disarm::run(&dirty.encode(), &bytes, fonts, &mut form, &mut spill).map_err(|refused| {
        let refusal = refused.refusal;
        format!("dirty {} {} limit {} value {}", refused.detected, refusal.reason.name(), refusal.limit, refusal.value)
    })?;
    let lowered = begun.elapsed();
    if form_only {
        let findings = verified(&form, &limits)?;
        std::fs::write(output, &form).map_err(|error| format!("output {error}"))?;
        return Ok(line(&bytes, &form, 0, lowered, Duration::ZERO, &findings));
    }
    let clean = CleanJob::new(CleanOp::Part, limits.clone(), [7; 16]);
    let (mut fresh, mut report) = (Vec::new(), Vec::new());
    let begun = Instant::now();
    reconstruct::run(&clean.encode(), reconstruct::Input::Mapped(&form), &mut fresh, &mut report).map_err(
        |refusal| format!("clean {} limit {} value {}", refusal.reason.name(), refusal.limit, refusal.value),
    )?;
    let raised = begun.elapsed();
    let report = form::report::CleanReport::decode(&report, &limits).map_err(|error| format!("report {error}"))?;
    std::fs::write(output, &fresh).map_err(|error| format!("output {error}"))?;
    Ok(line(&bytes, &form, fresh.len(), lowered, raised, &report.findings))
}

/// The findings of a form that a verifier takes.
fn verified(form: &[u8], limits: &Limits) -> Result<Vec<Finding>, String> {
    let mut findings = Vec::new();
    let mut decoder = Decoder::new(form, limits).map_err(|error| format!("form {error}"))?;
    loop {
        match decoder.next().map_err(|error| format!("form {error}"))? {
            Event::Finding(finding) => findings.push(finding),
            Event::End => return Ok(findings),
            _ => {}
        }
    }
}

fn line(bytes: &[u8], form: &[u8], out: usize, lowered: Duration, raised: Duration, findings: &[Finding]) -> String {
    let mut told = format!(
        "in {} form {} out {out} dirty_us {} clean_us {}",
        bytes.len(),
        form.len(),
        lowered.as_micros(),
        raised.as_micros()
    );
    for finding in findings {
        told.push_str(&format!("\n  {} {} {}", finding.reason.name(), finding.count, finding.place));
    }
    told
}

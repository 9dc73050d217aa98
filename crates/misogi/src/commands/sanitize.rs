//! `misogi sanitize`: the engine and the rooms without a server.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use engine::catalogue::{Language, describe, describe_refusal};
use engine::{Engine, PageSimilarity, PartOutcome, PartVerdict, Patience, TextRecall};
use form::job::{DirtyJob, Password};
use form::name::FileName;
use form::report::PageLevels;
use form::text::Line;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jail::{Fresh, Sealed, Source};
use serde::Serialize;
use tokio::task::JoinSet;
use unicode_normalization::UnicodeNormalization;

use crate::commands::{PASSED, WITHHELD};
use crate::config::Config;
use crate::gateway;

/// Inputs that are read ahead of the rooms, per slot.
const AHEAD_PER_SLOT: usize = 2;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Files, or directories whose files are taken.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Directory for the rebuilt files; made if missing.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Print one JSON object per input instead of text.
    #[arg(long)]
    json: bool,
    /// Configuration file; its rooms, scanner, policy and limits are used.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Password to try on encrypted files and archive members; may be given up to 16 times.
    #[arg(long = "password", value_name = "P", value_parser = password)]
    passwords: Vec<Password>,
    /// Run without full containment. Only for files that you trust.
    #[arg(long)]
    accept_unsandboxed: bool,
}

/// Other users of the machine may see arguments; a password given here is meant for the files at hand only.
fn password(typed: &str) -> Result<Password, String> {
    Password::new(typed).ok_or_else(|| format!("a password has at most {} bytes", Password::MAX_BYTES))
}

/// One input, and where below the output directory its result goes.
#[derive(Debug, Clone)]
struct Input {
    path: PathBuf,
    folder: PathBuf,
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    let most = usize::try_from(DirtyJob::MAX_PASSWORDS).unwrap_or(usize::MAX);
    if arguments.passwords.len() > most {
        bail!("{} passwords were given, at most {most} are tried", arguments.passwords.len());
    }
    let config = Config::load(arguments.policy.as_deref())?;
    let inputs = collect(&arguments.paths)?;
    std::fs::create_dir_all(&arguments.output)
        .with_context(|| format!("{} cannot be made", arguments.output.display()))?;
    let pool = gateway::pool(&config, arguments.accept_unsandboxed.into())?;
    let engine = gateway::engine(&config, pool)?;
    let runtime = tokio::runtime::Runtime::new().context("starting the runtime")?;
    let withheld = runtime.block_on(all(engine, &config, inputs, &arguments))?;
    Ok(ExitCode::from(if withheld { WITHHELD } else { PASSED }))
}

/// The files named, and those in the directories named. A name that does not exist is wrong usage.
fn collect(paths: &[PathBuf]) -> Result<Vec<Input>> {
    let mut inputs = Vec::new();
    for path in paths {
        let facts = std::fs::metadata(path).with_context(|| format!("{} cannot be read", path.display()))?;
        if !facts.is_dir() && !facts.is_file() {
            bail!("{} is not a regular file", shown(&path.display().to_string()));
        }
        if facts.is_file() {
            inputs.push(Input { path: path.clone(), folder: PathBuf::new() });
            continue;
        }
        let mut open = vec![(path.clone(), PathBuf::new())];
        while let Some((directory, folder)) = open.pop() {
            let listing =
                std::fs::read_dir(&directory).with_context(|| format!("{} cannot be listed", directory.display()))?;
            for entry in listing {
                let entry = entry?;
                let kind = entry.file_type()?;
                if kind.is_dir() {
                    open.push((entry.path(), folder.join(entry.file_name())));
                } else if kind.is_file() {
                    inputs.push(Input { path: entry.path(), folder: folder.clone() });
                } else {
                    let shown = shown(&entry.path().display().to_string());
                    eprintln!("misogi: {shown}: left out, it is not a regular file");
                }
            }
        }
    }
    if inputs.is_empty() {
        bail!("no files found");
    }
    inputs.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(inputs)
}

async fn all(engine: Engine, config: &Config, inputs: Vec<Input>, arguments: &Arguments) -> Result<bool> {
    let language = gateway::language(config);
    let progress = progress(inputs.len() as u64, arguments.json);
    let mut waiting = inputs.into_iter();
    let mut running = JoinSet::new();
    let passwords: Arc<[Password]> = arguments.passwords.clone().into();
    let mut names = OutputNames::default();
    let mut any_withheld = false;
    let ahead = gateway::slots(config).saturating_mul(AHEAD_PER_SLOT);
    loop {
        while running.len() < ahead {
            let Some(input) = waiting.next() else { break };
            running.spawn(one(engine.clone(), input, passwords.clone()));
        }
        let Some(finished) = running.join_next().await else { break };
        let (input, outcome) = finished.context("a conversion ended unexpectedly")?;
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                // The others go on; this one has a report like every input.
                any_withheld = true;
                let report = failed(&input.path.display().to_string(), &format!("{error:#}"));
                let line = if arguments.json { serde_json::to_string(&report)? } else { human(&report) };
                progress.suspend(|| writeln!(std::io::stdout().lock(), "{line}"))?;
                progress.inc(1);
                continue;
            }
        };
        let mut written = BTreeMap::new();
        for part in std::iter::once(&outcome).chain(outcome.beside()) {
            if let (Some(fresh), Some(name)) = (&part.fresh, &part.output_name) {
                let path = write(&mut names, &arguments.output, &input.folder, name, fresh)?;
                written.insert(part.path.as_str(), path);
            }
        }
        any_withheld |= outcome.anything_withheld();
        let report = report(&outcome, &input.path.display().to_string(), &written, language);
        let line = if arguments.json { serde_json::to_string(&report)? } else { human(&report) };
        progress.suspend(|| writeln!(std::io::stdout().lock(), "{line}"))?;
        progress.inc(1);
    }
    progress.finish_and_clear();
    Ok(any_withheld)
}

async fn one(engine: Engine, input: Input, passwords: Arc<[Password]>) -> (Input, Result<PartOutcome>) {
    let outcome = convert(&engine, &input.path, &passwords).await;
    (input, outcome)
}

async fn convert(engine: &Engine, path: &Path, passwords: &[Password]) -> Result<PartOutcome> {
    let owned = path.to_owned();
    // One byte more than the limit is enough for the engine to refuse it by name.
    let most = engine.policy().max_total_bytes.saturating_add(1);
    let sealed = tokio::task::spawn_blocking(move || read(&owned, most)).await?;
    let sealed = sealed.with_context(|| format!("{} cannot be read", path.display()))?;
    let raw = path.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
    // Names from a Mac are decomposed; the form takes composed ones (NFC).
    let composed: String = Line::scrub(&raw).0.as_str().nfc().collect();
    let (name, _) = FileName::rebuild(&composed);
    engine
        .sanitise_file(Source::whole(Arc::new(sealed)), name, passwords, Patience::Again)
        .await
        .with_context(|| format!("{} could not be converted now", path.display()))
}

fn read(path: &Path, most: u64) -> std::io::Result<Sealed> {
    let file = std::fs::File::open(path)?;
    let mut sealed = Sealed::builder()?;
    std::io::copy(&mut file.take(most), &mut sealed)?;
    sealed.seal()
}

/// Names already given in this run: two inputs `a.bmp` and `a.png` must not share one output. Nor is a file written over that
/// was there before; it may be an input.
#[derive(Debug, Default)]
pub(super) struct OutputNames(std::collections::BTreeSet<PathBuf>);

impl OutputNames {
    pub(super) fn free(&mut self, directory: &Path, name: &FileName) -> PathBuf {
        let mut candidate = directory.join(name.as_str());
        let mut number = 2;
        while !self.0.insert(candidate.clone()) || candidate.exists() {
            candidate = directory.join(name.numbered(number).as_str());
            number += 1;
        }
        candidate
    }
}

/// Writes beside the final name and renames, so that a half-written file never has the name of a result.
fn write(names: &mut OutputNames, root: &Path, folder: &Path, name: &FileName, fresh: &Fresh) -> Result<PathBuf> {
    let directory = root.join(folder);
    std::fs::create_dir_all(&directory).with_context(|| format!("{} cannot be made", directory.display()))?;
    let path = names.free(&directory, name);
    let partial = directory.join(format!(".misogi-{}.part", std::process::id()));
    let put = || -> std::io::Result<()> {
        let mut file = std::fs::File::create(&partial)?;
        std::io::copy(&mut fresh.reader(), &mut file)?;
        // Unlike a rename, a link does not replace what came to be there in the meantime.
        std::fs::hard_link(&partial, &path)
    };
    let put = put();
    // Nobody else has this name; if it cannot be removed, it is at worst a second copy of a sanitised file.
    let _ = std::fs::remove_file(&partial);
    put.with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(path)
}

/// The object of `--json`. Field names and reasons are stable (docs/findings.md).
#[derive(Debug, Serialize)]
struct Report {
    input: String,
    detected_type: String,
    verdict: &'static str,
    output: Option<String>,
    output_type: Option<String>,
    findings: Vec<FindingReport>,
    pages: u32,
    page_levels: Option<PageLevelsReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fidelity: Option<FidelityReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<TextReport>,
    millis: u64,
    children: Vec<Report>,
}

/// How many pages of a document were carried over in which way; `null` for what has none.
#[derive(Debug, Serialize)]
struct PageLevelsReport {
    vector: u32,
    raster_text: u32,
    raster: u32,
}

/// How much some rebuilt pages look like the original ones: 1 is the same.
#[derive(Debug, Serialize)]
struct FidelityReport {
    similarity: f64,
    compared: Vec<PageReport>,
}

#[derive(Debug, Serialize)]
struct PageReport {
    page: u32,
    similarity: f64,
}

/// How much of the text can be searched and copied: 1 is all of it.
#[derive(Debug, Serialize)]
struct TextReport {
    recall: f64,
    letters: u64,
}

fn text(recall: TextRecall) -> TextReport {
    TextReport { recall: round(recall.share()), letters: recall.letters }
}

/// Cut and not rounded, so that 1 means all.
fn round(figure: f64) -> f64 {
    (figure * 10_000.0).floor() / 10_000.0
}

fn fidelity(compared: &[PageSimilarity]) -> Option<FidelityReport> {
    let worst = compared.iter().map(|page| page.similarity).reduce(f64::min)?;
    let page =
        |seen: &PageSimilarity| PageReport { page: seen.page.saturating_add(1), similarity: round(seen.similarity) };
    Some(FidelityReport { similarity: round(worst), compared: compared.iter().map(page).collect() })
}

#[derive(Debug, Serialize)]
struct FindingReport {
    reason: &'static str,
    count: u32,
    #[serde(rename = "where")]
    place: String,
    text: String,
}

/// The report on an input that was not looked at, because it could not be read or no room could be had.
fn failed(input: &str, why: &str) -> Report {
    let reason = form::reason::Reason::RoomUnavailable.name();
    Report {
        input: input.to_owned(),
        detected_type: String::new(),
        verdict: "withheld",
        output: None,
        output_type: None,
        findings: vec![FindingReport { reason, count: 1, place: String::new(), text: why.to_owned() }],
        pages: 0,
        fidelity: None,
        text: None,
        page_levels: None,
        millis: 0,
        children: Vec::new(),
    }
}

fn page_levels(levels: PageLevels) -> Option<PageLevelsReport> {
    let PageLevels { vector, raster_text, raster } = levels;
    (levels != PageLevels::default()).then_some(PageLevelsReport { vector, raster_text, raster })
}

/// The report on a part; `written` are the files that were written, by the place of their part in the tree.
fn report(outcome: &PartOutcome, input: &str, written: &BTreeMap<&str, PathBuf>, language: Language) -> Report {
    let mut findings = Vec::with_capacity(outcome.findings.len().saturating_add(1));
    if let Some(refusal) = &outcome.refusal {
        let place = outcome.signature.clone().unwrap_or_default();
        let text = describe_refusal(refusal, language);
        findings.push(FindingReport { reason: refusal.reason.name(), count: 1, place, text });
    }
    findings.extend(outcome.findings.iter().map(|finding| FindingReport {
        reason: finding.reason.name(),
        count: finding.count,
        place: finding.place.as_str().to_owned(),
        text: describe(finding, language),
    }));
    Report {
        input: input.to_owned(),
        detected_type: outcome.detected_type.clone(),
        verdict: match outcome.verdict {
            PartVerdict::Sanitised => "sanitised",
            PartVerdict::Withheld => "withheld",
        },
        output: match written.get(outcome.path.as_str()) {
            Some(path) => Some(path.display().to_string()),
            None => outcome.output_name.as_ref().map(|name| name.as_str().to_owned()),
        },
        output_type: outcome.output.map(|output| output.media_type().to_owned()),
        findings,
        pages: outcome.pages,
        fidelity: fidelity(&outcome.similarity),
        text: outcome.recall.map(text),
        page_levels: page_levels(outcome.levels),
        millis: u64::try_from(outcome.elapsed.as_millis()).unwrap_or(u64::MAX),
        children: outcome.children.iter().map(|child| report(child, child.name.as_str(), written, language)).collect(),
    }
}

fn human(report: &Report) -> String {
    let mut text = String::new();
    let mut open = vec![(0usize, report)];
    while let Some((depth, report)) = open.pop() {
        let indent = "  ".repeat(depth);
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&indent);
        text.push_str(if report.verdict == "sanitised" { "✔ " } else { "✘ " });
        text.push_str(&shown(&report.input));
        if let Some(output) = &report.output {
            text.push_str(" → ");
            text.push_str(&shown(output));
        }
        for finding in &report.findings {
            text.push_str(&format!("\n{indent}    {}", finding.text));
        }
        open.extend(report.children.iter().rev().map(|child| (depth.saturating_add(1), child)));
    }
    text
}

/// A name as a terminal may be given it: without escape sequences and characters that turn the reading direction.
pub(super) fn shown(name: &str) -> String {
    Line::scrub(name).0.as_str().to_owned()
}

/// A bar for a person who watches; nothing where the output is read by a program.
fn progress(inputs: u64, json: bool) -> ProgressBar {
    let watched = std::io::stderr().is_terminal() && !json && inputs > 1;
    let target = if watched { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(inputs), target);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {per_sec} {eta}") {
        bar.set_style(style);
    }
    bar
}

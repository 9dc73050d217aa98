//! Takes one PDF through both rooms in this process, with the fonts of the machine: `pdf IN.pdf OUT.pdf [--raster] [--form]`.
//! Says what became of it as one line of words and numbers. With `--form` the form itself is written instead of a PDF.

#![allow(clippy::disallowed_methods, reason = "an example reads and writes the files it is told to")]

use std::process::ExitCode;
use std::sync::Arc;

use disarm::{FontFile, Fonts};
use form::job::{CleanJob, CleanOp, DirtyJob, DirtyOp, MostLevel, PagesPolicy};
use form::{Finding, Limits};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (flags, paths): (Vec<_>, Vec<_>) = arguments.iter().partition(|argument| argument.starts_with("--"));
    let [input, output] = paths.as_slice() else {
        eprintln!("pdf IN.pdf OUT.pdf [--raster] [--form]");
        return ExitCode::from(64);
    };
    let has = |flag: &str| flags.iter().any(|given| *given == flag);
    // Interpreting goes as deep as the file does; rooms have a stack for that.
    let worker = std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().stack_size(STACK_BYTES);
        builder.spawn_scoped(scope, || run(input, output, has("--raster"), has("--form"))).map(|thread| thread.join())
    });
    match worker {
        Ok(Ok(Ok(line))) => {
            println!("ok {line}");
            ExitCode::SUCCESS
        }
        Ok(Ok(Err(line))) => {
            println!("refused {line}");
            ExitCode::from(2)
        }
        Ok(Err(_)) => {
            println!("panicked");
            ExitCode::from(101)
        }
        Err(error) => {
            println!("thread {error}");
            ExitCode::from(71)
        }
    }
}

fn run(input: &str, output: &str, raster: bool, form_only: bool) -> Result<String, String> {
    let bytes = std::fs::read(input).map_err(|error| format!("input {error}"))?;
    let limits = Limits::default();
    let level = if raster { MostLevel::Raster } else { MostLevel::Vector };
    let dirty = DirtyJob {
        pages: PagesPolicy { level, ..PagesPolicy::default() },
        ..DirtyJob::new(DirtyOp::Auto, limits.clone())
    };
    let (mut form, mut spill) = (Vec::new(), Vec::new());
    disarm::run(&dirty.encode(), &bytes, &fonts(), &mut form, &mut spill)
        .map_err(|refused| format!("dirty {}", refused.refusal.reason.name()))?;
    if form_only {
        std::fs::write(output, &form).map_err(|error| format!("output {error}"))?;
        return Ok(format!("form {}", form.len()));
    }
    let clean = CleanJob::new(CleanOp::Part, limits.clone(), [7; 16]);
    let (mut fresh, mut report) = (Vec::new(), Vec::new());
    reconstruct::run(&clean.encode(), reconstruct::Input::Mapped(&form), &mut fresh, &mut report)
        .map_err(|refusal| format!("clean {}", refusal.reason.name()))?;
    let report = form::report::CleanReport::decode(&report, &limits).map_err(|error| format!("report {error}"))?;
    std::fs::write(output, &fresh).map_err(|error| format!("output {error}"))?;
    let levels = report.levels;
    let findings: Vec<String> = report.findings.iter().map(told).collect();
    Ok(format!(
        "pages {} vector {} raster_text {} raster {} in {} form {} out {} findings {}",
        report.pages,
        levels.vector,
        levels.raster_text,
        levels.raster,
        bytes.len(),
        form.len(),
        fresh.len(),
        findings.join(",")
    ))
}

fn told(finding: &Finding) -> String {
    format!("{}:{}", finding.reason.name(), finding.count)
}

/// The fonts of Debian's fonts-noto-cjk and fonts-ipafont, those that are there.
fn fonts() -> Fonts {
    let files = FONTS.iter().filter_map(|path| {
        let bytes = std::fs::read(path).ok()?;
        Some(FontFile { name: (*path).to_owned(), bytes: Arc::new(bytes), index: 0 })
    });
    Fonts::new(files.collect())
}

const FONTS: &[&str] = &[
    "/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc",
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/opentype/noto/NotoSerifCJK-Bold.ttc",
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Bold.ttc",
    "/usr/share/fonts/opentype/ipafont-mincho/ipam.ttf",
    "/usr/share/fonts/opentype/ipafont-gothic/ipag.ttf",
];
const STACK_BYTES: usize = 64 * 1024 * 1024;

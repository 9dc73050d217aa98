//! Reads every file of a directory as a mail and prints what becomes of it, one tab-separated line for each: file name, verdict,
//! subject, beginning of the text, names of the children, findings, microseconds. For comparing with other readers over a corpus:
//!
//!     cargo run -p disarm --example mail_report -- DIRECTORY

#![allow(clippy::disallowed_methods, reason = "a tool for developers reads files itself")]

use std::io::Write;
use std::panic::catch_unwind;
use std::path::PathBuf;
use std::time::Instant;

use form::Limits;
use form::job::{DirtyJob, DirtyOp};
use form::mail::MailDoc;

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let mut panics = 0;
    for directory in std::env::args_os().skip(1) {
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(directory)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
        files.sort();
        for file in files.iter().filter(|file| file.is_file()) {
            let input = std::fs::read(file)?;
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let started = Instant::now();
            let line = catch_unwind(|| describe(&input)).unwrap_or_else(|_| {
                panics += 1;
                "PANIC\t\t\t\t".to_owned()
            });
            writeln!(out, "{name}\t{line}\t{}", started.elapsed().as_micros())?;
        }
    }
    writeln!(out, "# panics: {panics}")
}

fn describe(input: &[u8]) -> String {
    let limits = Limits::default();
    let job = DirtyJob::new(DirtyOp::Mail, limits.clone());
    let mut form = Vec::new();
    let mut spill = Vec::new();
    if let Err(error) = disarm::mail::disarm(input, &job, &mut form, &mut spill) {
        return format!("refused {}\t\t\t\t", error.refusal().reason);
    }
    let mail = match MailDoc::decode(form.as_slice(), &limits) {
        Ok(mail) => mail,
        Err(error) => return format!("INVALID FORM {error}\t\t\t\t"),
    };
    let text: String = mail.body.as_str().chars().take(400).collect();
    let children: Vec<String> = mail
        .children
        .iter()
        .map(|child| {
            let withheld = child.withheld.map(|refusal| format!(" !{}", refusal.reason)).unwrap_or_default();
            format!("{}({}){withheld}", child.name, child.len)
        })
        .collect();
    let findings: Vec<String> =
        mail.findings.iter().map(|f| format!("{}:{}[{}]", f.reason, f.count, f.place)).collect();
    let from = mail.header.from.map(|from| from.address.to_string()).unwrap_or_default();
    format!(
        "ok {from}\t{}\t{}\t{}\t{}",
        mail.header.subject,
        text.replace('\\', "\\\\").replace('\n', "\\n").replace('\t', "\\t"),
        children.join("|"),
        findings.join("|")
    )
}

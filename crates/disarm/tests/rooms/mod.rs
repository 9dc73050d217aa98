//! Both rooms one after the other in this process, as the gateway runs them in two: for tests of what comes out.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of tests fails where it fails"
)]

use disarm::{Fonts, Refused};
use form::bundle::{BundleWriter, ChildMeta};
use form::codec::Kind;
use form::document::ContainerDoc;
use form::job::{CleanJob, CleanOp, DirtyJob, DirtyOp};
use form::name::FileName;
use form::report::CleanReport;
use form::text::Text;
use form::{Limits, Reason, Refusal};
use reconstruct::Input;

/// What became of one file.
#[derive(Debug)]
pub struct Sanitised {
    pub report: CleanReport,
    pub bytes: Vec<u8>,
    /// The members of an archive and what became of each.
    pub members: Vec<(String, Result<Sanitised, Refusal>)>,
}

impl Sanitised {
    pub fn has(&self, reason: Reason) -> bool {
        self.report.findings.iter().any(|finding| finding.reason == reason)
    }

    pub fn place(&self, reason: Reason) -> Option<String> {
        self.report.findings.iter().find(|finding| finding.reason == reason).map(|finding| finding.place.to_string())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap()
    }
}

pub fn dirty_job(name: &str, limits: &Limits) -> DirtyJob {
    DirtyJob {
        declared_name: (!name.is_empty()).then(|| FileName::rebuild(name).0),
        ..DirtyJob::new(DirtyOp::Auto, limits.clone())
    }
}

pub fn clean_job(op: CleanOp, limits: &Limits) -> CleanJob {
    CleanJob::new(op, limits.clone(), [7; 16])
}

pub fn sanitise(bytes: &[u8], name: &str) -> Result<Sanitised, Refused> {
    sanitise_within(bytes, name, &Limits::default())
}

pub fn sanitise_within(bytes: &[u8], name: &str, limits: &Limits) -> Result<Sanitised, Refused> {
    sanitise_at(bytes, &dirty_job(name, limits), 0)
}

/// The first room does what the job says; those of the members get the same limits.
pub fn sanitise_as(bytes: &[u8], job: &DirtyJob) -> Result<Sanitised, Refused> {
    sanitise_at(bytes, job, 0)
}

fn sanitise_at(bytes: &[u8], job: &DirtyJob, depth: u32) -> Result<Sanitised, Refused> {
    let limits = &job.limits;
    let (mut form, mut spill) = (Vec::new(), Vec::new());
    disarm::run(&job.encode(), bytes, &Fonts::default(), &mut form, &mut spill)?;
    let part = clean(CleanOp::Part, &form, limits).map_err(unnamed)?;
    if part.report.kind != Kind::Container {
        return Ok(part);
    }
    let document = ContainerDoc::decode(part.bytes.as_slice(), limits).expect("a clean room writes a valid form");
    let mut members = Vec::new();
    for child in &document.children {
        let path = child.path.as_ref().expect("a member has a path").to_string();
        let range = usize::try_from(child.offset).unwrap()..usize::try_from(child.offset + child.len).unwrap();
        let outcome = match child.withheld {
            Some(refusal) => Err(refusal),
            None if depth >= limits.depth => Err(Reason::LimitDepth.into()),
            None => {
                let job = dirty_job(child.name.as_str(), limits);
                sanitise_at(&spill[range], &job, depth + 1).map_err(|refused| refused.refusal)
            }
        };
        members.push((path, outcome));
    }
    let mut bundle = BundleWriter::new(Vec::new(), limits).unwrap();
    bundle.form(part.bytes.len() as u64, &mut part.bytes.as_slice()).unwrap();
    bundle.account(&Text::default()).unwrap();
    for (child, (_, outcome)) in document.children.iter().zip(&members) {
        let Ok(done) = outcome else { continue };
        let name = child.name.with_extension(done.report.output.extension());
        let meta = ChildMeta {
            id: child.id,
            path: child.path.as_ref().and_then(|path| path.with_file_name(name.clone())),
            name,
            modified: child.modified,
            output: done.report.output,
            inline: false,
        };
        bundle.child(&meta, done.bytes.len() as u64, &mut done.bytes.as_slice()).unwrap();
    }
    let bundle = bundle.finish().unwrap();
    let archive = clean(CleanOp::AssembleZip, &bundle, limits).map_err(unnamed)?;
    Ok(Sanitised { members, ..archive })
}

fn unnamed(refusal: Refusal) -> Refused {
    Refused { refusal, detected: form::DetectedType::UNKNOWN }
}

pub fn clean(op: CleanOp, input: &[u8], limits: &Limits) -> Result<Sanitised, Refusal> {
    let (mut bytes, mut report) = (Vec::new(), Vec::new());
    reconstruct::run(&clean_job(op, limits).encode(), Input::Mapped(input), &mut bytes, &mut report)?;
    let report = CleanReport::decode(&report, limits).expect("a clean room writes a valid report");
    Ok(Sanitised { report, bytes, members: Vec::new() })
}

/// A file of fixtures/files.
#[allow(clippy::disallowed_methods, reason = "reads a fixture")]
pub fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/../../fixtures/files/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The reason for which nothing was made of a file.
pub fn refusal(bytes: &[u8], name: &str) -> Reason {
    match sanitise(bytes, name) {
        Ok(done) => panic!("{name} became {}", done.report.output.extension()),
        Err(refused) => refused.refusal.reason,
    }
}

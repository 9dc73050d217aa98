//! Files of Office forms, and what other readers find in them.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of tests fails where it fails"
)]

pub mod grammar;
pub mod readers;
pub mod xml;

use std::io::{Cursor, Read};

use form::document::OfficeDoc;
use form::job::{CleanJob, CleanOp};
use form::report::CleanReport;
use form::{Limits, Refusal};
use reconstruct::Input;

pub fn job() -> CleanJob {
    CleanJob::new(CleanOp::Part, Limits::default(), [7; 16])
}

/// The file of a document.
pub fn file(document: &OfficeDoc) -> Vec<u8> {
    written(document, &job()).unwrap().0
}

pub fn written(document: &OfficeDoc, job: &CleanJob) -> Result<(Vec<u8>, CleanReport), Refusal> {
    let form = document.encode(Vec::new(), &Limits::default()).unwrap();
    let (mut file, mut report) = (Vec::new(), Vec::new());
    reconstruct::run(&job.encode(), Input::Mapped(&form), &mut file, &mut report)?;
    Ok((file, CleanReport::decode(&report, &job.limits).unwrap()))
}

/// Names and data of all members in their order.
pub fn members(file: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = zip::ZipArchive::new(Cursor::new(file)).unwrap();
    let read = |at| {
        let mut member = archive.by_index(at).unwrap();
        let mut data = Vec::new();
        member.read_to_end(&mut data).unwrap();
        (member.name().unwrap().to_string(), data)
    };
    (0..zip::ZipArchive::new(Cursor::new(file)).unwrap().len()).map(read).collect()
}

/// A member as text.
pub fn member(file: &[u8], name: &str) -> String {
    let members = members(file);
    let found = members.iter().find(|(known, _)| known == name);
    let (_, data) = found.unwrap_or_else(|| panic!("{name} is not among {:?}", members.iter().map(|m| &m.0)));
    String::from_utf8(data.clone()).unwrap()
}

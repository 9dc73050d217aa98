//! Both rooms as the fuzz targets call them, and packages out of scripts.

pub mod package;
pub mod zip;

use disarm::Fonts;
use form::job::{CleanJob, CleanOp, DirtyJob, DirtyOp, Password};
use form::name::FileName;
use form::{Limits, Reason, Refusal};

/// What a fuzzer's inputs can pass, and no more than one machine has for many of them.
pub fn limits() -> Limits {
    Limits { pixels: 1_000_000, dimension: 2_000, total_bytes: 64 << 20, markup: 1_000_000, ..Limits::default() }
}

/// The form of a file, or why there is none.
pub fn dirty(bytes: &[u8], name: &str) -> Result<Vec<u8>, Refusal> {
    let job = DirtyJob {
        declared_name: Some(FileName::rebuild(name).0),
        passwords: Password::new("password").into_iter().collect(),
        ..DirtyJob::new(DirtyOp::Auto, limits())
    };
    let (mut form, mut spill) = (Vec::new(), Vec::new());
    disarm::run(&job.encode(), bytes, &Fonts::default(), &mut form, &mut spill).map_err(|refused| refused.refusal)?;
    Ok(form)
}

/// The file of a form, or why there is none.
pub fn clean(form: &[u8]) -> Result<Vec<u8>, Refusal> {
    let job = CleanJob::new(CleanOp::Part, limits(), [7; 16]);
    let (mut file, mut report) = (Vec::new(), Vec::new());
    reconstruct::run(&job.encode(), reconstruct::Input::Mapped(form), &mut file, &mut report)?;
    Ok(file)
}

/// What the dirty room writes the clean room takes, within its limits; a file that comes out is read and written again.
pub fn through_both_rooms(bytes: &[u8], name: &str) {
    let Ok(form) = dirty(bytes, name) else { return };
    match clean(&form) {
        Ok(file) => {
            if let Err(refusal) = dirty(&file, name) {
                assert!(is_limit(&refusal), "what came out is refused: {refusal:?}");
            }
        }
        Err(refusal) => assert!(is_limit(&refusal), "a form of the dirty room is refused: {refusal:?}"),
    }
}

/// Whether a refusal is one of those that a larger machine would not give.
pub fn is_limit(refusal: &Refusal) -> bool {
    refusal.reason != Reason::FormInvalid && refusal.limit > 0
}

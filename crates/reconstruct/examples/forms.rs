//! Writes the files of forms of pages again and again, for a profiler: `forms ROUNDS DIRECTORY FORM...`; says for each how large
//! form and file are and how long it took.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "an example reads what it is told to")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use form::Limits;
use form::job::{CleanJob, CleanOp};
use reconstruct::Input;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let rounds: u32 = arguments.next().unwrap().parse().unwrap();
    let directory = PathBuf::from(arguments.next().unwrap());
    let job = CleanJob::new(CleanOp::Part, Limits::default(), [7; 16]);
    let job = job.encode();
    for path in arguments {
        let form = std::fs::read(&path).unwrap();
        let (mut file, mut report) = (Vec::new(), Vec::new());
        let start = Instant::now();
        for _ in 0..rounds {
            file.clear();
            report.clear();
            reconstruct::run(&job, Input::Mapped(&form), &mut file, &mut report).unwrap();
        }
        let each = start.elapsed() / rounds;
        let name = Path::new(&path).with_extension("pdf");
        std::fs::write(directory.join(name.file_name().unwrap()), &file).unwrap();
        println!("{path}\t{}\t{}\t{:.3} ms", form.len(), file.len(), each.as_secs_f64() * 1000.0);
    }
}

//! What LibreOffice in its room costs: latency and processor time per document.
//!
//! `converter [--cold] [--to docx|xlsx|pptx|pdf|same] [--repeat N] [--slots N] [--warm N] FILE…` converts each file and prints
//! one line for it, then medians. With `--keep DIRECTORY` the outputs are written there. `converter --probe` attacks an
//! instance from inside.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    missing_docs,
    reason = "a measuring tool"
)]

use jail::{Conversion, ConvertFrom, ConvertTo, Converter, ConverterConfig, Password, Sealed, Source};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: jail::room::Allocator = jail::room::Allocator;

fn refuse(_: &mut jail::room::RoomIo<'_>) -> Result<(), jail::room::RoomRefusal> {
    unreachable!("no room of the pool is started here")
}

fn kind(path: &Path, bytes: &[u8]) -> Option<ConvertFrom> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    // The old kinds share their extensions with later ones.
    let compound = bytes.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]);
    Some(match extension.as_str() {
        "biff5" | "xls5" => ConvertFrom::XlsOld,
        "et" | "xlr" => ConvertFrom::Xls,
        "xls" if !compound => ConvertFrom::XlsOld,
        "doc" if !compound => ConvertFrom::DocOld,
        other => ConvertFrom::from_extension(other)?,
    })
}

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    if std::env::args_os().nth(1).is_some_and(|first| first == "room") {
        arguments.next();
        jail::room::enter(arguments, refuse, refuse);
    }
    let mut config = ConverterConfig::new(jail::this_executable(), &["room"]);
    config.slots = 1;
    let (mut files, mut to, mut repeat, mut keep, mut password) = (Vec::<PathBuf>::new(), None, 1, None, None);
    let mut deadline = Duration::from_secs(60);
    let mut pause = Duration::ZERO;
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap().into_string().unwrap();
        match argument.to_str().unwrap() {
            "--probe" => {
                let probe = jail::probe_converter(&config).unwrap();
                println!("{}", probe.version);
                for fact in probe.facts {
                    println!("{} {:<28} {}", if fact.ok { "+" } else { "-" }, fact.name, fact.detail);
                }
                return;
            }
            "--cold" => config.warm = 0,
            "--bare" => config.seccomp = false,
            "--to" => {
                let name = value();
                to = ConvertTo::ALL.iter().copied().find(|kind| kind.extension() == name);
            }
            "--repeat" => repeat = value().parse().unwrap(),
            "--slots" => config.slots = value().parse().unwrap(),
            "--warm" => config.warm = value().parse().unwrap(),
            "--deadline" => deadline = Duration::from_secs(value().parse().unwrap()),
            "--pause" => pause = Duration::from_millis(value().parse().unwrap()),
            "--keep" => keep = Some(PathBuf::from(value())),
            "--password" => password = Some(Password::new(value())),
            file => files.push(file.into()),
        }
    }
    let begun = Instant::now();
    let converter = match Converter::start(config.clone()) {
        Ok(converter) => converter,
        Err(error) => panic!("{error}"),
    };
    println!("{} started in {} ms", converter.version(), begun.elapsed().as_millis());
    let (sender, results) = mpsc::channel();
    let begun = Instant::now();
    let mut sent = 0;
    for file in files.iter().cycle().take(files.len() * repeat) {
        let bytes = std::fs::read(file).unwrap();
        let Some(from) = kind(file, &bytes) else {
            println!("{:<60} no such kind", file.display());
            continue;
        };
        let Some(to) = to.or(from.editable()) else { continue };
        let job = Conversion {
            source: Source::whole(Arc::new(Sealed::from_bytes(&bytes).unwrap())),
            from,
            to,
            password: password.clone(),
            deadline,
            out_bytes: 256 << 20,
        };
        std::thread::sleep(pause);
        let (sender, file, submitted) = (sender.clone(), file.clone(), Instant::now());
        sent += 1;
        let one_by_one = config.slots == 1;
        let (told, wait) = mpsc::channel();
        converter.convert(job, move |converted| {
            let _ = sender.send((file, submitted.elapsed(), converted));
            let _ = told.send(());
        });
        if one_by_one {
            let _ = wait.recv();
        }
    }
    drop(sender);
    let (mut latencies, mut walls, mut cpu, mut good) = (Vec::new(), Vec::new(), Duration::ZERO, 0);
    for (file, latency, converted) in results.iter().take(sent) {
        let usage = converted.usage;
        let detail = match &converted.verdict {
            jail::Verdict::Refused(_, detail) => String::from_utf8_lossy(detail).trim_end_matches('\0').to_owned(),
            _ => String::new(),
        };
        let len = converted.output.as_ref().map_or(0, jail::Hostile::len);
        println!(
            "{:<60} {:>6} ms (room {:>6} ms, cpu {:>6} ms, rss {:>4} MB) {} {} {detail}",
            file.file_name().unwrap().to_string_lossy(),
            latency.as_millis(),
            usage.wall.as_millis(),
            usage.cpu.as_millis(),
            usage.max_rss_bytes >> 20,
            converted.verdict,
            len
        );
        good += usize::from(converted.verdict.is_ok());
        latencies.push(latency);
        walls.push(usage.wall);
        cpu += usage.cpu;
        if let (Some(keep), Some(output)) = (&keep, converted.output) {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            let kind = kind(&file, &[0xd0, 0xcf, 0x11, 0xe0]).unwrap();
            let to = to.or(kind.editable()).unwrap().extension();
            let source = output.source(0, output.len()).unwrap();
            std::fs::write(keep.join(format!("{name}.{to}")), source.data.to_vec(1 << 30).unwrap()).unwrap();
        }
    }
    latencies.sort();
    walls.sort();
    let middle = |all: &[Duration]| all.get(all.len() / 2).copied().unwrap_or_default().as_millis();
    println!(
        "{good} of {sent} converted; latency p50 {} ms, in the room p50 {} ms; cpu {} ms each; {:.2} documents/s",
        middle(&latencies),
        middle(&walls),
        cpu.as_millis() / (sent.max(1) as u128),
        sent as f64 / begun.elapsed().as_secs_f64()
    );
}

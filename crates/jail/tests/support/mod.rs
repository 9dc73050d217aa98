//! A test runner small enough for a binary that starts itself again as a room, and handlers that are not hostile.

use jail::room::{Input, RoomIo, RoomRefusal};
use jail::{JobLimits, PoolConfig, Sealed, Source};
use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The parameter byte of an ordinary document.
pub const ORDINARY: u8 = 0;

/// Copies the input to the main output and its reverse's first bytes to the side output, so that both are checkable.
pub fn ordinary(io: &mut RoomIo<'_>) -> Result<(), RoomRefusal> {
    let mut first = Vec::new();
    match &mut io.input {
        Input::Mapped(bytes) => {
            io.out.write_all(bytes).unwrap();
            first.extend(bytes.iter().take(16));
        }
        Input::Stream(stream) => {
            let mut buffer = vec![0; 64 * 1024];
            loop {
                let read = stream.read(&mut buffer).unwrap();
                if read == 0 {
                    break;
                }
                io.out.write_all(&buffer[..read]).unwrap();
                if first.len() < 16 {
                    first.extend(buffer[..read].iter().take(16 - first.len()));
                }
            }
        }
    }
    first.reverse();
    io.side.write_all(&first).unwrap();
    Ok(())
}

pub fn source(bytes: &[u8]) -> Source {
    Source::whole(Arc::new(Sealed::from_bytes(bytes).unwrap()))
}

pub fn limits() -> JobLimits {
    JobLimits { deadline: Duration::from_secs(20), out_bytes: 64 << 20, side_bytes: 1 << 20 }
}

pub fn config() -> PoolConfig {
    PoolConfig {
        slots: 1,
        spares: 2,
        data_bytes: 64 << 20,
        cpu: Duration::from_secs(2),
        out_bytes_max: 64 << 20,
        ..PoolConfig::new(jail::this_executable(), &["room"])
    }
}

/// Waits for something that other processes bring about.
pub fn eventually(what: &str, limit: Duration, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < limit, "{what} did not happen within {limit:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Children, grandchildren and so on of a process: (pid, parent, command line).
pub fn descendants(of: u32) -> Vec<(u32, String)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let Some((_, rest)) = stat.rsplit_once(") ") else { continue };
        let mut fields = rest.split(' ');
        let state = fields.next().unwrap_or("").to_owned();
        let parent: u32 = fields.next().and_then(|f| f.parse().ok()).unwrap_or(0);
        all.push((pid, parent, state));
    }
    let mut found = vec![of];
    let mut result = Vec::new();
    let mut at = 0;
    while at < found.len() {
        for (pid, parent, state) in &all {
            if *parent == found[at] {
                found.push(*pid);
                result.push((*pid, state.clone()));
            }
        }
        at += 1;
    }
    result
}

//! A scanner of the tests' own, where what it says has to be chosen.

#![allow(dead_code, reason = "each test file uses its own part of this")]

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Speaks as much of clamd's protocol as a scan needs: says OK, or FOUND for content with `VIRUS`; hangs up on content with
/// `NOT-NOW` while it is told to.
pub struct Scanner {
    path: PathBuf,
    pub is_away: Arc<AtomicBool>,
}

/// Content that it finds.
pub const VIRUS: &str = "MISOGI-TEST-VIRUS";
/// Content that it hangs up on while it is away.
pub const NOT_NOW: &str = "MISOGI-TEST-NOT-NOW";

impl Scanner {
    /// Listens beside what else a test has in this directory.
    pub fn start(directory: &Path) -> Scanner {
        let path = directory.join("scanner.sock");
        let listener = UnixListener::bind(&path).expect("bound");
        let is_away = Arc::new(AtomicBool::new(false));
        let away = Arc::clone(&is_away);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let away = Arc::clone(&away);
                std::thread::spawn(move || Self::answer(stream, &away));
            }
        });
        Scanner { path, is_away }
    }

    fn answer(mut stream: UnixStream, away: &AtomicBool) {
        let mut command = Vec::new();
        let mut byte = [0];
        while stream.read_exact(&mut byte).is_ok() && byte[0] != 0 {
            command.push(byte[0]);
        }
        if command != b"zINSTREAM" {
            let _ = stream.write_all(b"PONG\0");
            return;
        }
        let mut content = Vec::new();
        let mut length = [0; 4];
        while stream.read_exact(&mut length).is_ok() && length != [0; 4] {
            let mut chunk = vec![0; usize::try_from(u32::from_be_bytes(length)).expect("32 bits")];
            stream.read_exact(&mut chunk).expect("a chunk");
            content.extend(chunk);
        }
        let has = |mark: &str| content.windows(mark.len()).any(|window| window == mark.as_bytes());
        if has(NOT_NOW) && away.load(Ordering::SeqCst) {
            return;
        }
        let _ = stream.write_all(if has(VIRUS) { b"stream: Test.Virus FOUND\0" } else { b"stream: OK\0" });
    }

    /// The configuration that names it.
    pub fn setting(&self) -> String {
        format!("[scanner]\nclamd = \"unix:{}\"\n", self.path.display())
    }
}

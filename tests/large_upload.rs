//! A gigabyte through the portal, over connections that break: what came counts, what is stored is what was sent, and the gateway's
//! memory does not know how large the file is.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::disallowed_methods,
    unreachable_pub,
    missing_docs,
    reason = "a test says what went wrong by failing, and starts the programs it needs"
)]

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use support::Gateway;
use support::http::{Answer, ask, visit};

const GIGABYTE: u64 = 1 << 30;
const MIB: u64 = 1 << 20;
/// How much of the first connection is sent before it breaks.
const CUT_AT: u64 = 300 * MIB;
/// What the browser's module sends at once of a file of this size, and how much of the second piece is sent before it breaks.
const PIECE: u64 = 8 * MIB;
/// What the gateway's memory may grow by: far below the file, and above what a few connections take.
const MOST_GROWTH: u64 = 64 * MIB;
const PATIENCE: Duration = Duration::from_secs(300);

/// The bytes of the file from a place on that is a multiple of a mebibyte: no two mebibytes are alike.
fn mebibyte(number: u64) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(MIB as usize);
    while bytes.len() < MIB as usize {
        // xorshift64, which is fast and has no period that matters here.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes
}

/// Sends the file from `from` on as one piece that ends at `to`, and breaks the connection at `cut`, if there is one.
fn send(portal: SocketAddr, href: &str, from: u64, to: u64, cut: Option<u64>) -> Option<Answer> {
    let mut stream = TcpStream::connect(portal).unwrap();
    let head = format!(
        "PATCH {href} HTTP/1.1\r\nHost: {portal}\r\nConnection: close\r\nUpload-Offset: {from}\r\nContent-Length: {}\r\n\r\n",
        to - from
    );
    stream.write_all(head.as_bytes()).unwrap();
    let end = cut.unwrap_or(to);
    let mut at = from;
    while at < end {
        let block = mebibyte(at / MIB);
        let within = &block[(at % MIB) as usize..];
        let count = within.len().min((end - at) as usize);
        stream.write_all(&within[..count]).unwrap();
        at += count as u64;
    }
    cut.is_none().then(|| Answer::read(&mut stream))
}

/// How much of the file is there, once that does not change any more.
fn standing(portal: SocketAddr, href: &str) -> u64 {
    let offset = || ask(portal, "GET", href, &[], b"").json()["offset"].as_u64().unwrap();
    let mut known = offset();
    loop {
        std::thread::sleep(Duration::from_millis(300));
        let now = offset();
        if now == known {
            return now;
        }
        known = now;
    }
}

/// Peak of the resident memory in bytes (proc_pid_status(5)).
fn peak(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// The one stored file of this size.
fn stored(data: &Path) -> PathBuf {
    let directories = fs::read_dir(data.join("blobs")).unwrap().map(|entry| entry.unwrap().path());
    let files = directories.flat_map(|directory| fs::read_dir(directory).unwrap()).map(|entry| entry.unwrap().path());
    files.into_iter().find(|path| path.metadata().unwrap().len() == GIGABYTE).expect("it is stored")
}

#[test]
fn a_gigabyte_goes_on_where_the_connection_broke_and_the_memory_stays_flat() {
    let directory = tempfile::tempdir().unwrap();
    let mut gateway = Gateway::start(directory.path(), "");
    assert!(gateway.stop());
    let config = fs::read_to_string(&gateway.config).unwrap();
    fs::write(&gateway.config, config.replace("[portal]\n", "[portal]\nmax_file_bytes = 1073741824\n")).unwrap();
    gateway.restart();
    let portal = gateway.portal;
    let (cookie, token) = visit(portal, "/");
    let body = format!("{{\"files\":[{{\"name\":\"large.bin\",\"size\":{GIGABYTE}}}]}}");
    let fields = [("Content-Type", "application/json"), ("Cookie", &cookie), ("X-Form-Token", &token)];
    let announced = ask(portal, "POST", "/uploads", &fields, body.as_bytes());
    assert_eq!(announced.status, 201, "{}", announced.text());
    let href = announced.json()["files"][0]["href"].as_str().unwrap().to_owned();

    // The peak so far is forgotten (proc_pid_clear_refs(5)), so that what the start took is not what is measured.
    fs::write(format!("/proc/{}/clear_refs", gateway.pid()), "5").unwrap();
    let before = peak(gateway.pid());
    let started = Instant::now();
    assert!(send(portal, &href, 0, GIGABYTE, Some(CUT_AT)).is_none());
    let mut offset = standing(portal, &href);
    assert!(offset > 0 && offset <= CUT_AT, "what came counts: {offset}");
    let mut cut = Some(offset + PIECE + PIECE / 3);
    let mut result = None;
    while offset < GIGABYTE {
        assert!(started.elapsed() < PATIENCE, "too slow: {offset}");
        let to = (offset + PIECE).min(GIGABYTE);
        match cut.take_if(|cut| *cut < to) {
            Some(at) => {
                send(portal, &href, offset, to, Some(at));
                let now = standing(portal, &href);
                assert!((offset..=at).contains(&now), "{now}");
                offset = now;
            }
            None => {
                let answer = send(portal, &href, offset, to, None).unwrap();
                assert_eq!(answer.status, 200, "{}", answer.text());
                let answer = answer.json();
                offset = answer["offset"].as_u64().unwrap();
                result = answer["result"].as_str().map(str::to_owned);
            }
        }
    }
    let took = started.elapsed();
    let grown = peak(gateway.pid()).saturating_sub(before);
    println!(
        "1 GiB in {:.1} s with two broken connections; the gateway's memory grew by {} KiB",
        took.as_secs_f64(),
        grown / 1024
    );
    assert!(grown < MOST_GROWTH, "the memory grew by {grown} bytes");
    assert!(result.is_some_and(|result| result.starts_with("/b/")));

    let mut file = fs::File::open(stored(&directory.path().join("data"))).unwrap();
    let mut block = vec![0; MIB as usize];
    for number in 0..GIGABYTE / MIB {
        file.read_exact(&mut block).unwrap();
        assert!(block == mebibyte(number), "mebibyte {number} is not what was sent");
    }
}

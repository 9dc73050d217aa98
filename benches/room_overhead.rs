//! What a room costs: a 1 KB document through a dirty and a clean room, beside starting the same executable twice.
//!
//! `cargo run --release -p jail --example room_overhead [seconds] [throughput]`. The two are interleaved, so that the ratio holds on a
//! machine with other work; the absolute times hold on an idle one.

#![allow(clippy::expect_used, reason = "a benchmark that cannot run has nothing to say")]

use jail::room::{Input, RoomIo, RoomRefusal};
use jail::{JobLimits, Pool, PoolConfig, Sealed, Source};
use std::io::Read;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: jail::room::Allocator = jail::room::Allocator;

/// Copies what it gets, so that only the room is measured.
fn copy(io: &mut RoomIo<'_>) -> Result<(), RoomRefusal> {
    let _ = match &mut io.input {
        Input::Mapped(bytes) => io.out.write_all(bytes),
        Input::Stream(stream) => {
            let mut buffer = [0; 16 * 1024];
            loop {
                match stream.read(&mut buffer) {
                    Ok(0) | Err(_) => break Ok(()),
                    Ok(n) => {
                        let _ = io.out.write_all(buffer.get(..n).unwrap_or(&[]));
                    }
                }
            }
        }
    };
    Ok(())
}

/// The same work as a plain child process: input on standard input, output on standard output.
fn plain_child() -> ! {
    let mut bytes = Vec::new();
    let _ = std::io::stdin().read_to_end(&mut bytes);
    let _ = std::io::stdout().write_all(&bytes);
    std::process::exit(0)
}

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next() {
        Some(first) if first == "room" => jail::room::enter(arguments, copy, copy),
        Some(first) if first == "plain" => plain_child(),
        first => {
            let seconds = first.and_then(|text| text.to_str().and_then(|text| text.parse().ok())).unwrap_or(5);
            if arguments.next().is_none_or(|only| only != "throughput") {
                compare(Duration::from_secs(seconds));
            }
            rates(Duration::from_secs(seconds));
        }
    }
}

fn limits() -> JobLimits {
    JobLimits { deadline: Duration::from_secs(20), out_bytes: 64 << 20, side_bytes: 1 << 20 }
}

fn config(slots: usize) -> PoolConfig {
    PoolConfig {
        slots,
        minimum: jail::Level::C,
        accept_unsandboxed: true,
        ..PoolConfig::new(jail::this_executable(), &["room"])
    }
}

/// Time of one document, both ways.
fn compare(time: Duration) {
    let begun = Instant::now();
    let pool = Pool::start(config(1)).expect("rooms");
    println!("level {}, pool of 1 slot up in {:.1} ms", pool.level(), millis(begun.elapsed()));
    let document = vec![b'x'; 1024];
    let (mut rooms, mut spawned) = (Vec::new(), Vec::new());
    let begun = Instant::now();
    while begun.elapsed() < time {
        let at = Instant::now();
        let source = Source::whole(Arc::new(Sealed::from_bytes(&document).expect("memfd")));
        let outcome = pool.chain_wait(source, Vec::new(), Vec::new(), limits());
        let fresh = outcome.clean.fresh.expect("an ordinary document passes");
        assert_eq!(fresh.sealed().to_vec(2048).expect("read"), document);
        rooms.push(at.elapsed());
        let at = Instant::now();
        assert_eq!(through_child(&through_child(&document)), document);
        spawned.push(at.elapsed());
        // The replacements are forked now, not while the next one is measured.
        std::thread::sleep(Duration::from_millis(2));
    }
    drop(pool);
    let (rooms_p50, spawned_p50) = (percentile(&mut rooms, 50), percentile(&mut spawned, 50));
    println!("{:>26} {:>9} {:>9} {:>9}", "1 KB, milliseconds", "p10", "p50", "p90");
    for (name, times) in [("two rooms, warm", &mut rooms), ("same executable twice", &mut spawned)] {
        let [p10, p50, p90] = [10, 50, 90].map(|p| millis(percentile(times, p)));
        println!("{name:>26} {p10:>9.3} {p50:>9.3} {p90:>9.3}");
    }
    let ratio = spawned_p50.as_secs_f64() / rooms_p50.as_secs_f64();
    println!(
        "two rooms p50 {:.3} ms (target 0.9), {ratio:.1} times faster than starting it twice (target 4)",
        millis(rooms_p50)
    );
}

/// Documents per second with the queue always full.
fn rates(time: Duration) {
    let document = vec![b'x'; 1024];
    for slots in [1, 2] {
        let pool = Pool::start(config(slots)).expect("rooms");
        println!(
            "{:>26} {:>9.0} documents/s",
            format!("chains, {slots} slots"),
            throughput(&pool, time, &document, true)
        );
        println!(
            "{:>26} {:>9.0} documents/s",
            format!("dirty alone, {slots} slots"),
            throughput(&pool, time, &document, false)
        );
        println!("{:?}", pool.stats());
    }
}

fn throughput(pool: &Pool, time: Duration, document: &[u8], chain: bool) -> f64 {
    let (sender, receiver) = mpsc::channel();
    let submit = || {
        let sender = sender.clone();
        let source = Source::whole(Arc::new(Sealed::from_bytes(document).expect("memfd")));
        if chain {
            pool.chain(source, Vec::new(), Vec::new(), limits(), move |o| {
                let _ = sender.send(o.verdict().is_ok());
            });
        } else {
            pool.dirty(source, Vec::new(), limits(), move |o| {
                let _ = sender.send(o.verdict.is_ok());
            });
        }
    };
    (0..8).for_each(|_| submit());
    let begun = Instant::now();
    let mut count = 0_u32;
    while begun.elapsed() < time {
        assert!(receiver.recv().expect("pool"), "an ordinary document passes");
        count += 1;
        submit();
    }
    let rate = f64::from(count) / begun.elapsed().as_secs_f64();
    (0..8).for_each(|_| {
        let _ = receiver.recv();
    });
    rate
}

fn through_child(bytes: &[u8]) -> Vec<u8> {
    #[allow(clippy::disallowed_methods, reason = "this is what rooms are compared with")]
    let mut child = Command::new(jail::this_executable())
        .arg("plain")
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("spawn");
    child.stdin.take().expect("piped").write_all(bytes).expect("write");
    child.wait_with_output().expect("wait").stdout
}

fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    times.get(times.len() * percent / 100).copied().unwrap_or_default()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

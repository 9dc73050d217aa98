//! What rooms do for documents that are not hostile: ranges, sealing, chains, deadlines, restarts, the end.
//!
//! The binary starts itself again as a room, hence no libtest harness.

mod support;

use jail::room::{Input, RoomIo, RoomRefusal};
use jail::{ChainOutcome, JobLimits, Pool, PoolConfig, Sealed, Source, Verdict};
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::{ORDINARY, config, descendants, eventually, limits, ordinary, source};

#[global_allocator]
static ALLOCATOR: jail::room::Allocator = jail::room::Allocator;

const REFUSE: u8 = 1;
const HANG: u8 = 2;
const PANIC: u8 = 3;
const GENERATE: u8 = 4;

fn handler(io: &mut RoomIo<'_>) -> Result<(), RoomRefusal> {
    match io.params {
        [ORDINARY, ..] | [] => ordinary(io),
        [REFUSE, ..] => Err(RoomRefusal {
            refusal: form::reason::Refusal { reason: form::reason::Reason::LimitPixels, limit: 5, value: 6 },
            detail: *b"jpeg\0\0\0\0\0\0\0\0\0\0\0\0",
        }),
        [HANG, ..] => loop {
            std::hint::spin_loop();
        },
        [PANIC, ..] => panic!("as the test wants"),
        // Megabytes of a pattern, made without holding them.
        [GENERATE, megabytes, ..] => {
            let block: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
            for _ in 0..*megabytes {
                io.out.write_all(&block).unwrap();
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == "room") {
        jail::room::enter(arguments, handler, handler);
    }
    let tests: &[(&str, fn())] = &[
        ("an_ordinary_document_passes_a_dirty_room", an_ordinary_document_passes_a_dirty_room),
        ("a_chain_gives_the_clean_rooms_file", a_chain_gives_the_clean_rooms_file),
    ];
    for (name, test) in tests {
        let begun = Instant::now();
        test();
        println!("test {name} ... ok ({:?})", begun.elapsed());
    }
    println!("\ntest result: ok. {} passed; 0 failed", tests.len());
}

fn an_ordinary_document_passes_a_dirty_room() {
    let pool = Pool::start(config()).unwrap();
    println!("level {}", pool.level());
    for fact in pool.facts() {
        println!("{} {} {}", if fact.ok { "ok " } else { "NOT" }, fact.name, fact.detail);
    }
    let outcome = pool.dirty_wait(source(b"hello rooms"), vec![ORDINARY], limits());
    assert_eq!(outcome.verdict, Verdict::Ok);
    println!("{:?}", outcome.usage);
}

fn a_chain_gives_the_clean_rooms_file() {
    let pool = Pool::start(config()).unwrap();
    let outcome: ChainOutcome = pool.chain_wait(source(b"hello rooms"), vec![ORDINARY], vec![ORDINARY], limits());
    assert_eq!(outcome.verdict(), &Verdict::Ok);
    assert_eq!(outcome.clean.fresh.unwrap().sealed().to_vec(100).unwrap(), b"hello rooms");
}

//! What rooms do for documents that are not hostile: ranges, sealing, chains, deadlines, restarts, the end.
//!
//! The binary starts itself again as a room, hence no libtest harness.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::disallowed_methods,
    missing_docs,
    unreachable_pub,
    reason = "a test; clippy knows tests by their harness, which this one does without"
)]
#![allow(clippy::undocumented_unsafe_blocks, reason = "kill(2) and signal(2)")]

mod damage;
mod support;

use jail::room::{Input, PagesDone, RoomIo, RoomRefusal};
use jail::{Crash, Error, JobLimits, Level, Pool, PoolConfig, Sealed, Source, Verdict};
use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use support::{ORDINARY, config, descendants, eventually, limits, ordinary, source};

#[global_allocator]
static ALLOCATOR: jail::room::Allocator = jail::room::Allocator;

const REFUSE: u8 = 1;
const HANG: u8 = 2;
const PANIC: u8 = 3;
const GENERATE: u8 = 4;
const ECHO_PARAMS: u8 = 5;
const DIGEST: u8 = 6;
const LARGE_SIDE: u8 = 7;
const LAYOUT: u8 = 8;
const LINGER: u8 = 9;
const HALF: u8 = 10;
const WHOLE_OR_NOTHING: u8 = 11;
const WAIT: u8 = 12;
const PAGES: u8 = 13;
const TELL_AND_HANG: u8 = 14;
const PANIC_ON_DAMAGE: u8 = 15;

fn handler(io: &mut RoomIo<'_>) -> Result<(), RoomRefusal> {
    match io.params {
        [REFUSE, ..] => Err(RoomRefusal {
            refusal: form::reason::Refusal { reason: form::reason::Reason::LimitPixels, limit: 5, value: 6 },
            detail: *b"jpeg\0\0\0\0\0\0\0\0\0\0\0\0",
        }),
        [HANG, ..] => loop {
            std::hint::spin_loop();
        },
        [PANIC, ..] => panic!("as the test wants"),
        [PANIC_ON_DAMAGE, ..] => damage::find(),
        // Megabytes of a pattern, made without holding them.
        [GENERATE, megabytes, ..] => {
            let block: Vec<u8> = (0..=255).cycle().take(1 << 16).collect();
            (0..u32::from(*megabytes) * 16).for_each(|_| io.out.write_all(&block).unwrap());
            Ok(())
        }
        [ECHO_PARAMS, rest @ ..] => {
            io.out.write_all(rest).unwrap();
            Ok(())
        }
        // Length and sum of the input, whichever way it comes.
        [DIGEST, ..] => {
            let (mut len, mut sum) = (0_u64, 0_u64);
            let mut add = |bytes: &[u8]| {
                len += bytes.len() as u64;
                sum = bytes.iter().fold(sum, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
            };
            match &mut io.input {
                Input::Mapped(bytes) => add(bytes),
                Input::Stream(stream) => {
                    let mut buffer = [0; 16 * 1024];
                    loop {
                        match stream.read(&mut buffer).unwrap() {
                            0 => break,
                            n => add(&buffer[..n]),
                        }
                    }
                }
            }
            io.out.write_all(&len.to_le_bytes()).unwrap();
            io.out.write_all(&sum.to_le_bytes()).unwrap();
            Ok(())
        }
        [LARGE_SIDE, ..] => {
            io.side.write_all(&[b's'; 200_000]).unwrap();
            Ok(())
        }
        [LAYOUT, ..] => {
            io.out.write_all(&(handler as fn(&mut RoomIo<'_>) -> _ as usize).to_le_bytes()).unwrap();
            Ok(())
        }
        // Long enough to be met at work.
        [LINGER, ..] => {
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_millis(600) {
                std::hint::spin_loop();
            }
            ordinary(io)
        }
        // The first part of a form, and then work that does not end.
        [HALF, ..] => {
            io.out.write_all(&[b'h'; 1 << 16]).unwrap();
            loop {
                std::hint::spin_loop();
            }
        }
        // Neither works nor ends: nobody speaks to a room twice.
        [WAIT, ..] => unsafe {
            let mut message: libc::msghdr = std::mem::zeroed();
            libc::recvmsg(3, &raw mut message, 0);
            Ok(())
        },
        // A document of pages, each of which takes its time.
        [PAGES, ..] => {
            for done in 0..48 {
                (io.tell)(PagesDone { done, of: 48 });
                let begun = Instant::now();
                while begun.elapsed() < Duration::from_millis(30) {
                    std::hint::spin_loop();
                }
            }
            ordinary(io)
        }
        [TELL_AND_HANG, ..] => loop {
            (io.tell)(PagesDone { done: 1, of: 2 });
        },
        // As clean rooms do: a form that ends early is refused.
        [WHOLE_OR_NOTHING, ..] => {
            let Input::Stream(stream) = &mut io.input else { panic!("the clean half of a chain") };
            let mut form = Vec::new();
            stream.read_to_end(&mut form).unwrap();
            if form.len() > 1 << 16 { Ok(()) } else { Err(form_invalid()) }
        }
        _ => ordinary(io),
    }
}

fn form_invalid() -> RoomRefusal {
    let refusal = form::reason::Refusal { reason: form::reason::Reason::FormInvalid, limit: 0, value: 0 };
    RoomRefusal { refusal, detail: [0; 16] }
}

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next() {
        Some(first) if first == "room" => {
            jail::room::enter_prepared(arguments, |_| Box::new(handler), |_| Vec::new(), &["tests/damage/"])
        }
        Some(first) if first == "hold" => hold(),
        Some(first) if first == "converse" => return converse(),
        Some(first) if first == "serve" => return serve_and_tell(),
        _ => {}
    }
    let tests: &[(&str, fn())] = &[
        (
            "a_document_passes_a_dirty_room_and_its_outputs_are_sealed",
            a_document_passes_a_dirty_room_and_its_outputs_are_sealed,
        ),
        ("a_room_sees_exactly_the_given_range", a_room_sees_exactly_the_given_range),
        ("a_chain_gives_the_clean_rooms_file_and_report", a_chain_gives_the_clean_rooms_file_and_report),
        (
            "pages_are_told_while_a_document_is_worked_on_where_that_is_asked_for",
            pages_are_told_while_a_document_is_worked_on_where_that_is_asked_for,
        ),
        ("a_refusal_comes_back_with_its_numbers_and_detail", a_refusal_comes_back_with_its_numbers_and_detail),
        (
            "parameters_pass_up_to_sixteen_kilobytes_and_not_one_byte_more",
            parameters_pass_up_to_sixteen_kilobytes_and_not_one_byte_more,
        ),
        (
            "an_output_of_exactly_the_limit_passes_and_one_byte_more_does_not",
            an_output_of_exactly_the_limit_passes_and_one_byte_more_does_not,
        ),
        ("a_large_report_comes_as_a_file", a_large_report_comes_as_a_file),
        (
            "results_of_every_size_are_whole_and_have_nothing_of_each_other",
            results_of_every_size_are_whole_and_have_nothing_of_each_other,
        ),
        (
            "a_chain_of_twenty_megabytes_needs_little_memory_anywhere",
            a_chain_of_twenty_megabytes_needs_little_memory_anywhere,
        ),
        ("an_input_above_the_limit_is_refused_with_numbers", an_input_above_the_limit_is_refused_with_numbers),
        ("a_source_beyond_its_file_opens_nothing", a_source_beyond_its_file_opens_nothing),
        ("a_deadline_is_kept_and_the_slot_serves_on", a_deadline_is_kept_and_the_slot_serves_on),
        ("a_panic_names_its_place", a_panic_names_its_place),
        (
            "a_panic_where_a_library_finds_damage_refuses_the_document",
            a_panic_where_a_library_finds_damage_refuses_the_document,
        ),
        (
            "a_zygote_is_replaced_after_its_documents_and_after_a_crash",
            a_zygote_is_replaced_after_its_documents_and_after_a_crash,
        ),
        (
            "a_zygote_is_replaced_after_a_room_that_told_something_and_did_not_end_well",
            a_zygote_is_replaced_after_a_room_that_told_something_and_did_not_end_well,
        ),
        ("jobs_of_many_threads_are_served_in_slots", jobs_of_many_threads_are_served_in_slots),
        (
            "a_dirty_room_killed_from_outside_is_told_from_a_form_that_does_not_verify",
            a_dirty_room_killed_from_outside_is_told_from_a_form_that_does_not_verify,
        ),
        (
            "a_clean_room_killed_from_outside_is_the_cause_of_its_chains_end",
            a_clean_room_killed_from_outside_is_the_cause_of_its_chains_end,
        ),
        ("a_killed_zygote_costs_no_later_document", a_killed_zygote_costs_no_later_document),
        ("a_callback_that_panics_costs_nothing", a_callback_that_panics_costs_nothing),
        (
            "dropping_the_pool_ends_every_process_and_answers_every_job",
            dropping_the_pool_ends_every_process_and_answers_every_job,
        ),
        ("rooms_die_with_a_gateway_that_is_killed", rooms_die_with_a_gateway_that_is_killed),
        ("signals_to_the_whole_group_end_no_room", signals_to_the_whole_group_end_no_room),
        (
            "an_executable_that_is_no_room_is_an_error_and_not_a_hang",
            an_executable_that_is_no_room_is_an_error_and_not_a_hang,
        ),
        ("a_weaker_machine_is_refused_unless_accepted", a_weaker_machine_is_refused_unless_accepted),
        ("zygotes_and_rooms_own_nothing", zygotes_and_rooms_own_nothing),
        ("the_gateway_cannot_make_memory_executable_either", the_gateway_cannot_make_memory_executable_either),
        ("an_ordinary_user_has_rooms_as_well", an_ordinary_user_has_rooms_as_well),
        ("root_of_a_rootless_container_has_rooms_as_well", root_of_a_rootless_container_has_rooms_as_well),
        (
            "a_host_that_forbids_namespaces_is_refused_with_the_cause_and_the_remedy",
            a_host_that_forbids_namespaces_is_refused_with_the_cause_and_the_remedy,
        ),
    ];
    let only = std::env::args().nth(1).filter(|argument| !argument.starts_with('-'));
    let mut passed = 0;
    for (name, test) in tests {
        if only.as_ref().is_none_or(|only| name.contains(only.as_str())) {
            let begun = Instant::now();
            test();
            println!("test {name} ... ok ({} ms)", begun.elapsed().as_millis());
            passed += 1;
        }
    }
    println!("\ntest result: ok. {passed} passed; 0 failed");
}

fn start(config: PoolConfig) -> Pool {
    Pool::start(config).unwrap()
}

fn a_document_passes_a_dirty_room_and_its_outputs_are_sealed() {
    let pool = start(config());
    let outcome = pool.dirty_wait(source(b"hello rooms"), vec![ORDINARY], limits());
    assert_eq!(outcome.verdict, Verdict::Ok);
    let (form, spill) = (outcome.form.unwrap(), outcome.spill.unwrap());
    let form = form.source(0, form.len()).unwrap();
    assert_eq!(form.data.to_vec(100).unwrap(), b"hello rooms");
    assert_eq!(spill.source(0, spill.len()).unwrap().data.to_vec(100).unwrap(), b"smoor olleh");
    assert!(outcome.usage.wall > Duration::ZERO && outcome.usage.max_rss_bytes > 0);
    let empty = pool.dirty_wait(source(b""), vec![ORDINARY], limits());
    assert_eq!((empty.verdict, empty.form.unwrap().len(), empty.spill.is_none()), (Verdict::Ok, 0, true));
}

fn a_room_sees_exactly_the_given_range() {
    let pool = start(config());
    let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let data = Arc::new(Sealed::from_bytes(&bytes).unwrap());
    for (offset, len) in [(0, 1), (1, 4095), (4095, 2), (4096, 4096), (123_457, 70_001), (299_999, 1), (300_000, 0)] {
        let source = Source { data: Arc::clone(&data), offset, len };
        let outcome = pool.clean_wait(source, vec![ORDINARY], limits());
        let at = usize::try_from(offset).unwrap();
        let expected = &bytes[at..at + usize::try_from(len).unwrap()];
        assert_eq!(outcome.fresh.unwrap().sealed().to_vec(1 << 20).unwrap(), expected, "{offset}+{len}");
    }
}

fn a_chain_gives_the_clean_rooms_file_and_report() {
    let pool = start(config());
    for _ in 0..3 {
        let outcome = pool.chain_wait(source(b"hello rooms"), vec![ORDINARY], vec![ORDINARY], limits());
        assert_eq!(outcome.verdict(), &Verdict::Ok);
        assert_eq!(outcome.clean.fresh.unwrap().sealed().to_vec(100).unwrap(), b"hello rooms");
        assert_eq!(outcome.clean.report.unwrap().to_vec(100).unwrap(), b"smoor olleh");
        let spill = outcome.spill.unwrap();
        assert_eq!(spill.source(0, 5).unwrap().data.to_vec(100).unwrap(), b"smoor olleh");
    }
}

fn pages_are_told_while_a_document_is_worked_on_where_that_is_asked_for() {
    let pool = start(PoolConfig { cpu: Duration::from_secs(20), ..config() });
    let pages = Arc::new(jail::Pages::default());
    let (sender, outcome) = mpsc::channel();
    let done = move |outcome: jail::ChainOutcome| sender.send(outcome).unwrap();
    assert_eq!(pages.known(), None);
    pool.chain_telling(source(b"hello rooms"), vec![PAGES], vec![ORDINARY], limits(), Arc::clone(&pages), done);
    let mut seen = Vec::new();
    let outcome = loop {
        if let Ok(outcome) = outcome.recv_timeout(Duration::from_millis(20)) {
            break outcome;
        }
        seen.extend(pages.known().map(|pages| (pages.done, pages.of)));
        seen.dedup();
    };
    assert_eq!(outcome.verdict(), &Verdict::Ok);
    assert_eq!(outcome.clean.fresh.unwrap().sealed().to_vec(100).unwrap(), b"hello rooms");
    assert!(!seen.is_empty() && seen.is_sorted() && seen.iter().all(|(done, of)| done < of && *of == 48), "{seen:?}");
    pages.end();
    assert_eq!(pages.known(), Some(PagesDone { done: 48, of: 48 }));
    let outcome = pool.chain_wait(source(b"x"), vec![PAGES], vec![ORDINARY], limits());
    assert_eq!(outcome.verdict(), &Verdict::Ok, "what nobody asked for was not said");
}

fn a_refusal_comes_back_with_its_numbers_and_detail() {
    let pool = start(config());
    let outcome = pool.chain_wait(source(b"x"), vec![REFUSE], vec![ORDINARY], limits());
    let Verdict::Refused(refusal, detail) = outcome.verdict() else { panic!("{:?}", outcome.verdict()) };
    assert_eq!((refusal.reason, refusal.limit, refusal.value), (form::reason::Reason::LimitPixels, 5, 6));
    assert_eq!(&detail[..4], b"jpeg");
    assert!(outcome.clean.fresh.is_none() && outcome.spill.is_none());
    assert_eq!(outcome.verdict().reason(), Some(form::reason::Reason::LimitPixels));
}

fn parameters_pass_up_to_sixteen_kilobytes_and_not_one_byte_more() {
    let pool = start(config());
    let mut params = vec![b'p'; jail::PARAMS_MAX];
    params[0] = ECHO_PARAMS;
    let outcome = pool.dirty_wait(source(b""), params.clone(), limits());
    assert_eq!(outcome.form.unwrap().len(), 16 * 1024 - 1);
    params.push(0);
    assert_eq!(pool.dirty_wait(source(b""), params, limits()).verdict, Verdict::Protocol);
}

fn an_output_of_exactly_the_limit_passes_and_one_byte_more_does_not() {
    let pool = start(config());
    let exact = JobLimits { out_bytes: 100_000, ..limits() };
    for (len, verdict) in [(100_000, Verdict::Ok), (100_001, Verdict::OutputLimit)] {
        assert_eq!(pool.dirty_wait(source(&vec![1; len]), vec![ORDINARY], exact).verdict, verdict);
        assert_eq!(pool.chain_wait(source(&vec![1; len]), vec![ORDINARY], vec![ORDINARY], exact).verdict(), &verdict);
    }
    let exact = JobLimits { side_bytes: 16, ..limits() };
    assert_eq!(pool.dirty_wait(source(&[1; 50]), vec![ORDINARY], exact).verdict, Verdict::Ok);
    let short = JobLimits { side_bytes: 15, ..limits() };
    assert_eq!(pool.dirty_wait(source(&[1; 50]), vec![ORDINARY], short).verdict, Verdict::OutputLimit);
}

fn a_large_report_comes_as_a_file() {
    let pool = start(config());
    for _ in 0..2 {
        let outcome = pool.clean_wait(source(b""), vec![LARGE_SIDE], limits());
        assert_eq!(outcome.report.unwrap().to_vec(1 << 20).unwrap(), [b's'; 200_000]);
        let outcome = pool.clean_wait(source(b""), vec![ORDINARY], limits());
        assert!(outcome.report.unwrap().is_empty(), "nothing of the other document");
    }
}

/// Small ones come with the reply, and the file that was not used serves the next one.
fn results_of_every_size_are_whole_and_have_nothing_of_each_other() {
    let pool = start(config());
    let small = 32 * 1024;
    for len in [5, small, small + 1, 0, 64 * 1024, 1, 300_000, small - 1, 70_000, 2] {
        let document: Vec<u8> = (0..=250).cycle().skip(len % 251).take(len).collect();
        let mut backwards: Vec<u8> = document.iter().take(16).copied().collect();
        backwards.reverse();
        let dirty = pool.dirty_wait(source(&document), vec![ORDINARY], limits());
        assert_eq!((dirty.verdict, dirty.form.unwrap().len()), (Verdict::Ok, len as u64));
        let spill = dirty.spill.map_or(0, |spill| spill.len());
        assert_eq!(spill, backwards.len() as u64);
        let alone = pool.clean_wait(source(&document), vec![ORDINARY], limits());
        let chained = pool.chain_wait(source(&document), vec![ORDINARY], vec![ORDINARY], limits());
        for clean in [alone, chained.clean] {
            assert_eq!(clean.verdict, Verdict::Ok);
            assert_eq!(clean.fresh.unwrap().sealed().to_vec(1 << 20).unwrap(), document, "{len} bytes");
            assert_eq!(clean.report.unwrap().to_vec(16).unwrap(), backwards);
        }
    }
}

fn a_chain_of_twenty_megabytes_needs_little_memory_anywhere() {
    let pool = start(config());
    let before = peak_memory();
    let outcome = pool.chain_wait(source(b"x"), vec![GENERATE, 20], vec![DIGEST], limits());
    assert_eq!(outcome.verdict(), &Verdict::Ok);
    let digest = outcome.clean.fresh.unwrap().sealed().to_vec(16).unwrap();
    assert_eq!(u64::from_le_bytes(digest[..8].try_into().unwrap()), 20 << 20);
    for usage in [outcome.dirty.1, outcome.clean.usage] {
        assert!(usage.max_rss_bytes < 16 << 20, "{} bytes in a room", usage.max_rss_bytes);
    }
    assert!(peak_memory() - before < 4 << 20, "the gateway holds nothing of the stream");
}

fn an_input_above_the_limit_is_refused_with_numbers() {
    let pool = start(PoolConfig { in_bytes_max: 1000, ..config() });
    assert_eq!(pool.dirty_wait(source(&[1; 1000]), vec![ORDINARY], limits()).verdict, Verdict::Ok);
    let outcome = pool.dirty_wait(source(&[1; 1001]), vec![ORDINARY], limits());
    let Verdict::Refused(refusal, _) = outcome.verdict else { panic!("{}", outcome.verdict) };
    assert_eq!((refusal.reason, refusal.limit, refusal.value), (form::reason::Reason::LimitInputBytes, 1000, 1001));
}

fn a_source_beyond_its_file_opens_nothing() {
    let pool = start(config());
    let data = Arc::new(Sealed::from_bytes(b"12345").unwrap());
    for (offset, len) in [(0, 6), (6, 0), (u64::MAX, 1)] {
        let source = Source { data: Arc::clone(&data), offset, len };
        assert_eq!(pool.dirty_wait(source, vec![ORDINARY], limits()).verdict, Verdict::Protocol, "{offset}+{len}");
    }
}

fn a_deadline_is_kept_and_the_slot_serves_on() {
    let pool = start(config());
    for _ in 0..3 {
        let begun = Instant::now();
        let soon = JobLimits { deadline: Duration::from_millis(100), ..limits() };
        assert_eq!(pool.dirty_wait(source(b"x"), vec![HANG], soon).verdict, Verdict::Timeout);
        assert!(begun.elapsed() >= Duration::from_millis(100) && begun.elapsed() < Duration::from_secs(3));
        let outcome = pool.chain_wait(source(b"x"), vec![ORDINARY], vec![HANG], soon);
        assert_eq!(outcome.verdict(), &Verdict::Timeout);
        assert_eq!(outcome.dirty.0, Verdict::Ok, "the half that was done is not blamed");
        assert_eq!(pool.dirty_wait(source(b"x"), vec![ORDINARY], limits()).verdict, Verdict::Ok);
    }
}

fn a_panic_names_its_place() {
    let pool = start(config());
    let Verdict::Crash(Crash::Panic(place)) = pool.dirty_wait(source(b"x"), vec![PANIC], limits()).verdict else {
        panic!("not a panic")
    };
    assert!(place.contains("tests/rooms.rs:"), "{place}");
}

fn a_panic_where_a_library_finds_damage_refuses_the_document() {
    let pool = start(config());
    let before = layout(&pool);
    let outcome = pool.chain_wait(source(b"x"), vec![PANIC_ON_DAMAGE], vec![ORDINARY], limits());
    let Verdict::Refused(refusal, detail) = outcome.verdict() else { panic!("{:?}", outcome.verdict()) };
    assert_eq!((refusal.reason, *detail), (form::reason::Reason::Malformed, [0; 16]));
    assert!(outcome.clean.fresh.is_none());
    // The room did not go wrong, and its zygote serves on.
    assert_eq!(layout(&pool), before);
}

/// Where the code of a zygote's rooms lies in memory: another zygote has it elsewhere.
fn layout(pool: &Pool) -> u64 {
    let form = pool.dirty_wait(source(b""), vec![LAYOUT], limits()).form.unwrap();
    let bytes = form.source(0, form.len()).unwrap().data.to_vec(8).unwrap();
    u64::from_le_bytes(bytes.try_into().unwrap())
}

fn a_zygote_is_replaced_after_its_documents_and_after_a_crash() {
    let pool = start(PoolConfig { restart_after: 10, ..config() });
    let first = layout(&pool);
    assert_eq!(layout(&pool), first, "rooms of one zygote share its layout");
    pool.dirty_wait(source(b"x"), vec![PANIC], limits());
    let second = layout(&pool);
    assert_ne!(first, second, "after a crash the layout that was learnt is worth nothing");
    let mut changed = 0;
    let mut last = second;
    for _ in 0..40 {
        let now = layout(&pool);
        changed += usize::from(now != last);
        last = now;
        std::thread::sleep(Duration::from_millis(3));
    }
    assert!((2..=4).contains(&changed), "40 documents, a new zygote after each 10: {changed}");
}

fn a_zygote_is_replaced_after_a_room_that_told_something_and_did_not_end_well() {
    let pool = start(PoolConfig { cpu: Duration::from_secs(20), ..config() });
    let run = |job: u8, deadline: u64, pages: Option<Arc<jail::Pages>>| {
        let (sender, outcome) = mpsc::channel();
        let done = move |outcome: jail::ChainOutcome| sender.send(outcome.verdict().clone()).unwrap();
        let limits = JobLimits { deadline: Duration::from_millis(deadline), ..limits() };
        match pages {
            Some(pages) => pool.chain_telling(source(b"x"), vec![job], vec![ORDINARY], limits, pages, done),
            None => pool.chain(source(b"x"), vec![job], vec![ORDINARY], limits, done),
        }
        outcome.recv().unwrap()
    };
    let first = layout(&pool);
    assert_eq!(run(TELL_AND_HANG, 1_000, None), Verdict::Timeout);
    assert_eq!(layout(&pool), first, "what it said was not asked for and went nowhere");
    let pages = Arc::new(jail::Pages::default());
    assert_eq!(run(TELL_AND_HANG, 5_000, Some(Arc::clone(&pages))), Verdict::Timeout);
    assert_eq!(pages.known(), Some(PagesDone { done: 1, of: 2 }));
    assert_ne!(layout(&pool), first, "what was told may have been this");
}

fn jobs_of_many_threads_are_served_in_slots() {
    let pool = Arc::new(start(PoolConfig { slots: 3, ..config() }));
    let threads: Vec<_> = (0..6_u8)
        .map(|thread| {
            let pool = Arc::clone(&pool);
            std::thread::spawn(move || {
                for number in 0..30_u8 {
                    let text = [thread, number].repeat(1 + usize::from(number) * 100);
                    let outcome = pool.chain_wait(source(&text), vec![ORDINARY], vec![ORDINARY], limits());
                    assert_eq!(outcome.clean.fresh.unwrap().sealed().to_vec(1 << 20).unwrap(), text);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let stats = pool.stats();
    assert_eq!((stats.jobs, stats.failed_rooms, stats.no_room, stats.queued), (180, 0, 0, 0));
}

/// Starts a chain and gives the pid of the one room that becomes busy, with where its verdict will be.
fn busy_chain(pool: &Pool, dirty: &[u8], clean: &[u8]) -> (i32, mpsc::Receiver<Verdict>) {
    let (sender, verdict) = mpsc::channel();
    let tell = move |outcome: jail::ChainOutcome| sender.send(outcome.verdict().clone()).unwrap();
    // A zygote works too, for a moment at a time; all its time together is not that of one room.
    let is_busy = |pid: &i32| {
        let before = stat_of(*pid, TICKS);
        std::thread::sleep(Duration::from_millis(60));
        before.zip(stat_of(*pid, TICKS)).is_some_and(|(before, after)| after >= before + 2)
    };
    pool.chain(source(b"x"), dirty.to_vec(), clean.to_vec(), limits(), tell);
    let mut busy = 0;
    eventually("a busy room", Duration::from_secs(10), || {
        let all = descendants(std::process::id()).into_iter().map(|(pid, _)| i32::try_from(pid).unwrap());
        let mut worked = all.filter(|pid| stat_of(*pid, TICKS).is_some_and(|ticks| ticks >= 2));
        busy = worked.find(is_busy).unwrap_or(0);
        busy != 0
    });
    (busy, verdict)
}

/// A number out of /proc/pid/stat, by its place behind the command's name.
fn stat_of(pid: i32, place: usize) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(place)?.parse().ok()
}

const PARENT: usize = 1;
const TICKS: usize = 11;

fn send_signal(pid: i32, signal: libc::c_int) {
    assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
}

/// The clean room refuses the cut form; that must not be taken for what the document is.
fn a_dirty_room_killed_from_outside_is_told_from_a_form_that_does_not_verify() {
    let pool = start(config());
    for round in 0..10 {
        // A zygote that starts is busy too, and the one of the round before is replaced.
        pool.chain_wait(source(b"x"), vec![ORDINARY], vec![ORDINARY], limits());
        let (room, verdict) = busy_chain(&pool, &[HALF], &[WHOLE_OR_NOTHING]);
        let zygote = stat_of(room, PARENT).unwrap();
        let is_late = round % 2 == 1;
        if is_late {
            // The clean room's refusal is heard first, and the dirty room's end only after it was stopped for that.
            send_signal(zygote, libc::SIGSTOP);
        }
        send_signal(room, libc::SIGKILL);
        if is_late {
            std::thread::sleep(Duration::from_millis(200));
            send_signal(zygote, libc::SIGCONT);
        }
        assert_eq!(verdict.recv().unwrap(), Verdict::Killed, "round {round}");
    }
    assert!(pool.stats().zygotes_started >= 2 + 9, "nobody knows what a room was that others ended");
    // The same clean room refuses for itself where the form is whole and too short.
    let outcome = pool.chain_wait(source(b"x"), vec![ORDINARY], vec![WHOLE_OR_NOTHING], limits());
    assert_eq!(outcome.verdict().reason(), Some(form::reason::Reason::FormInvalid));
}

fn a_clean_room_killed_from_outside_is_the_cause_of_its_chains_end() {
    let pool = start(config());
    for (signal, expected) in
        [(libc::SIGKILL, Verdict::Killed), (libc::SIGABRT, Verdict::Crash(Crash::Signal(libc::SIGABRT)))]
    {
        // The first dirty half is silent and has to be stopped, the second is stuck in a full pipe.
        for dirty in [&[WAIT][..], &[GENERATE, 8]] {
            pool.chain_wait(source(b"x"), vec![ORDINARY], vec![ORDINARY], limits());
            let (room, verdict) = busy_chain(&pool, dirty, &[HANG]);
            send_signal(room, signal);
            assert_eq!(verdict.recv().unwrap(), expected, "beside dirty half {dirty:?}");
        }
    }
}

fn a_killed_zygote_costs_no_later_document() {
    let pool = start(config());
    for _ in 0..5 {
        for (pid, _) in descendants(std::process::id()) {
            unsafe { libc::kill(i32::try_from(pid).unwrap(), libc::SIGKILL) };
        }
        let served = || pool.chain_wait(source(b"x"), vec![ORDINARY], vec![ORDINARY], limits()).verdict().is_ok();
        // A room that was killed with a document in it is lost; one that comes after must not be.
        eventually("service", Duration::from_secs(5), served);
        assert!(served());
    }
}

fn a_callback_that_panics_costs_nothing() {
    let pool = start(config());
    std::panic::set_hook(Box::new(|_| ()));
    pool.dirty(source(b"x"), vec![ORDINARY], limits(), |_| panic!("a careless caller"));
    let outcome = pool.dirty_wait(source(b"x"), vec![ORDINARY], limits());
    let _ = std::panic::take_hook();
    assert_eq!(outcome.verdict, Verdict::Ok);
}

fn dropping_the_pool_ends_every_process_and_answers_every_job() {
    static ANSWERED: AtomicUsize = AtomicUsize::new(0);
    let pool = start(PoolConfig { slots: 2, ..config() });
    for _ in 0..6 {
        pool.chain(source(b"x"), vec![HANG], vec![ORDINARY], limits(), |outcome| {
            assert!(matches!(outcome.verdict(), Verdict::Killed | Verdict::NoRoom));
            ANSWERED.fetch_add(1, Ordering::SeqCst);
        });
    }
    eventually("hanging rooms", Duration::from_secs(5), || pool.stats().jobs == 2);
    eventually("all processes", Duration::from_secs(5), || descendants(std::process::id()).len() == 2 * 2 * (2 + 2));
    let begun = Instant::now();
    drop(pool);
    assert!(begun.elapsed() < Duration::from_secs(3), "a room that hangs does not hold up the end");
    assert_eq!(ANSWERED.load(Ordering::SeqCst), 6);
    assert_eq!(descendants(std::process::id()), []);
    assert_eq!(control_groups(std::process::id()), 0);
}

/// A gateway with rooms at work, to be killed.
fn hold() {
    let namespaces = std::env::args().nth(2).is_some_and(|level| level == "A");
    let pool = start(PoolConfig { slots: 2, namespaces, minimum: Level::B, ..config() });
    pool.chain(source(b"x"), vec![HANG], vec![HANG], limits(), |_| ());
    println!("ready");
    loop {
        std::thread::sleep(Duration::from_secs(60));
    }
}

fn rooms_die_with_a_gateway_that_is_killed() {
    for (level, processes) in [("A", 2 * 2 * (2 + 2)), ("B", 2 * 2 * (1 + 2))] {
        let mut gateway = std::process::Command::new(jail::this_executable())
            .args(["hold", level])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = [0; 6];
        gateway.stdout.take().unwrap().read_exact(&mut ready).unwrap();
        let mut rooms = Vec::new();
        let begun = Instant::now();
        while rooms.len() < processes && begun.elapsed() < Duration::from_secs(5) {
            rooms = descendants(gateway.id());
        }
        gateway.kill().unwrap();
        gateway.wait().unwrap();
        assert_eq!(rooms.len(), processes);
        // A zombie that init has not yet looked at is dead.
        let alive =
            |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
        eventually("the rooms' end", Duration::from_secs(2), || !rooms.iter().any(|(pid, _)| alive(pid)));
    }
}

/// A gateway that is told to stop while rooms start and while they work, and that finishes what it has begun.
fn converse() {
    extern "C" fn noted(_: libc::c_int) {}
    for signal in GROUP_SIGNALS {
        unsafe { libc::signal(signal, noted as extern "C" fn(libc::c_int) as libc::sighandler_t) };
    }
    println!("begun");
    let namespaces = std::env::args().nth(2).is_some_and(|level| level == "A");
    let pool = start(PoolConfig { namespaces, minimum: Level::B, ..config() });
    let started = pool.stats().zygotes_started;
    let verdict = |params: u8| {
        let outcome = pool.chain_wait(source(b"x"), vec![params], vec![params], limits());
        outcome.verdict().clone()
    };
    // The second in spares that waited while the signals came.
    let verdicts = [verdict(LINGER), verdict(ORDINARY)];
    println!("{} {verdicts:?} {}", pool.level(), pool.stats().zygotes_started - started);
}

const GROUP_SIGNALS: [libc::c_int; 4] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT];

fn signals_to_the_whole_group_end_no_room() {
    use std::io::{BufRead, BufReader};
    use std::os::unix::process::CommandExt;
    for level in ["A", "B"] {
        let mut gateway = std::process::Command::new(jail::this_executable())
            .args(["converse", level])
            .stdout(std::process::Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut said = BufReader::new(gateway.stdout.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        assert_eq!(line, "begun\n");
        let group = i32::try_from(gateway.id()).unwrap();
        let mut most = 0;
        while gateway.try_wait().unwrap().is_none() {
            // As a terminal does, to the process group; and as a service manager does, to each process it finds.
            let processes = descendants(gateway.id());
            most = most.max(processes.len());
            for signal in GROUP_SIGNALS {
                unsafe { libc::kill(-group, signal) };
                for (pid, _) in &processes {
                    unsafe { libc::kill(i32::try_from(*pid).unwrap(), signal) };
                }
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        line.clear();
        said.read_line(&mut line).unwrap();
        assert_eq!(line.trim(), format!("{level} [Ok, Ok] 0"), "verdicts, and zygotes that had to be replaced");
        assert!(most >= 6, "the rooms were met: {most}");
    }
}

fn an_executable_that_is_no_room_is_an_error_and_not_a_hang() {
    for exe in ["/bin/true", "/bin/false", "/nonexistent"] {
        let begun = Instant::now();
        let result = Pool::start(PoolConfig { exe: exe.into(), ..config() });
        assert!(matches!(result, Err(Error::Start { .. })), "{exe}");
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
    assert!(matches!(Pool::start(PoolConfig { slots: 0, ..config() }), Err(Error::Config { field: "slots", .. })));
}

fn a_weaker_machine_is_refused_unless_accepted() {
    let without_namespaces = || PoolConfig { namespaces: false, ..config() };
    let Err(error) = Pool::start(without_namespaces()) else { panic!("level B was taken for A") };
    assert!(matches!(error, Error::BelowMinimum { found: Level::B, minimum: Level::A, .. }), "{error}");
    let pool = start(PoolConfig { minimum: Level::B, ..without_namespaces() });
    assert_eq!(pool.level(), Level::B);
    let bare = || PoolConfig { landlock: false, minimum: Level::C, ..without_namespaces() };
    let Err(error) = Pool::start(bare()) else { panic!("level C was taken") };
    assert!(matches!(error, Error::Unsandboxed { .. }), "{error}");
    let pool = start(PoolConfig { accept_unsandboxed: true, ..bare() });
    assert_eq!(pool.level(), Level::C);
    assert!(pool.facts().iter().any(|fact| fact.name == "landlock" && !fact.ok));
    let Err(error) = Pool::start(PoolConfig { seccomp: false, minimum: Level::B, ..config() }) else {
        panic!("no filter")
    };
    assert!(matches!(error, Error::Unsandboxed { .. }), "{error}");
}

/// What /proc says of every process below the gateway.
fn zygotes_and_rooms_own_nothing() {
    let pool = start(config());
    let root = std::fs::read_link("/proc/self/ns/net").unwrap();
    let own_uid = uid_of("/proc/self/status");
    let (mut filters, mut uids) = (Vec::new(), Vec::new());
    eventually("spares", Duration::from_secs(5), || descendants(std::process::id()).len() == 2 * (2 + 2));
    std::thread::sleep(Duration::from_millis(50));
    for (pid, _) in descendants(std::process::id()) {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
        for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
            assert_eq!(field(set), "0000000000000000", "{set} of {pid}");
        }
        assert_eq!(field("NoNewPrivs:"), "1");
        assert_eq!(field("Seccomp:"), "2");
        filters.push(field("Seccomp_filters:"));
        uids.push(uid_of(&format!("/proc/{pid}/status")));
        assert_eq!(field("Groups:"), "", "no supplementary group");
        let victim = std::fs::read_to_string(format!("/proc/{pid}/oom_score_adj")).unwrap();
        assert_eq!(victim.trim(), "1000", "the first to go when memory is short");
        if pool.facts().iter().any(|fact| fact.name == "namespaces" && fact.ok) {
            assert_ne!(std::fs::read_link(format!("/proc/{pid}/ns/net")).unwrap(), root);
        }
    }
    filters.sort();
    assert_eq!(filters, ["1", "1", "1", "1", "2", "2", "2", "2"], "babysitters and zygotes one, rooms two");
    uids.sort_unstable();
    uids.dedup();
    if pool.facts().iter().any(|fact| fact.detail.contains("a user id of its own")) {
        assert_eq!(uids.len(), 2, "a user id per role");
        assert!(!uids.contains(&own_uid));
    }
}

/// The process that talks to the network; its zygotes need such memory for a moment before they give it up too.
fn the_gateway_cannot_make_memory_executable_either() {
    let pool = start(config());
    let facts = pool.facts();
    let fact = facts.iter().find(|fact| fact.name == "gateway_memory_deny_write_execute").unwrap();
    assert!(fact.ok, "{}", fact.detail);
    let rights = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
    let at = unsafe { libc::mmap(std::ptr::null_mut(), 4096, rights, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0) };
    assert_eq!(at, libc::MAP_FAILED);
    assert_eq!(std::io::Error::last_os_error().raw_os_error(), Some(libc::EACCES));
}

fn uid_of(status: &str) -> u32 {
    let status = std::fs::read_to_string(status).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// The same as an ordinary user, by way of user namespaces.
fn an_ordinary_user_has_rooms_as_well() {
    let said = served_by(&[]);
    assert!(said.contains("level A\n") && said.contains("own_user true: "), "{said}");
    assert!(said.contains("the gateway is an ordinary user"), "{said}");
}

/// User id 0, but of a namespace in which there is no other id and groups cannot be changed.
fn root_of_a_rootless_container_has_rooms_as_well() {
    let said = served_by(&["unshare", "--user", "--map-root-user"]);
    assert!(said.contains("level A\n") && said.contains("own_user true: "), "{said}");
    assert!(said.contains("/proc/self/uid_map"), "{said}");
}

fn a_host_that_forbids_namespaces_is_refused_with_the_cause_and_the_remedy() {
    // In a user namespace of its own, whose limit is nobody else's.
    let forbid =
        "echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --ambient-caps=-all --inh-caps=-all \"$@\"";
    let said = served_by(&["unshare", "--user", "--map-current-user", "--keep-caps", "sh", "-c", forbid, "sh"]);
    for words in ["rooms reach level B here", "user.max_user_namespaces is 0: set it", "rooms.minimum_level = \"B\""] {
        assert!(said.contains(words), "{said}");
    }
}

/// What [`serve_and_tell`] says as an ordinary user, started by this command.
fn served_by(command: &[&str]) -> String {
    // A copy that this user can read and start.
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("rooms");
    std::fs::copy("/proc/self/exe", &copy).unwrap();
    for path in [directory.path(), &copy] {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let lower = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"];
    // Root of a container has nobody to become, and is nobody special.
    let knows_all = std::fs::read_to_string("/proc/self/uid_map").unwrap().contains("4294967295");
    let is_root = uid_of("/proc/self/status") == 0 && knows_all;
    let words = lower.iter().filter(|_| is_root).chain(command).map(std::ffi::OsStr::new);
    let words: Vec<_> = words.chain([copy.as_os_str(), "serve".as_ref()]).collect();
    let output = std::process::Command::new(words[0]).args(&words[1..]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said.into_owned()
}

/// Starts a pool and has it work; or tells why not.
fn serve_and_tell() {
    let pool = match Pool::start(PoolConfig { slots: 2, ..config() }) {
        Ok(pool) => pool,
        Err(error) => return println!("{error}"),
    };
    let (sender, receiver) = mpsc::channel();
    for _ in 0..20 {
        let sender = sender.clone();
        pool.chain(source(b"hello"), vec![ORDINARY], vec![ORDINARY], limits(), move |outcome| {
            sender.send(outcome.verdict().clone()).unwrap();
        });
    }
    drop(sender);
    assert!(receiver.iter().all(|verdict| verdict.is_ok()));
    println!("level {}", pool.level());
    pool.facts().iter().for_each(|fact| println!("{} {}: {}", fact.name, fact.ok, fact.detail));
    drop(pool);
    assert_eq!(descendants(std::process::id()), []);
}

fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() * 1024
}

/// Control groups that carry this process's number.
fn control_groups(pid: u32) -> usize {
    let output = std::process::Command::new("find")
        .args(["/sys/fs/cgroup", "-name", &format!("misogi-rooms-{pid}-*")])
        .output()
        .unwrap();
    output.stdout.iter().filter(|byte| **byte == b'\n').count()
}

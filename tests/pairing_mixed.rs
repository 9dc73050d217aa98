//! Many pairs through one gateway, interleaved as they come: how many open without a human, and that none opens for the wrong one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    unreachable_pub,
    missing_docs,
    reason = "a test says what went wrong by failing, and starts the programs it needs"
)]

#[path = "support/locked.rs"]
mod locked;
#[path = "support/mixed_mails.rs"]
mod mixed_mails;
#[path = "support/password_mails.rs"]
mod password_mails;
mod support;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use locked::*;
use mixed_mails::{Event, mixed};
use support::read_maildir;

const PAIRS: usize = 66;

/// Gets some of the locked mails too, and is never told a password.
const WITNESS: &str = "witness@city.example.lg.jp";

/// The extraction of 500 such pairs is tested in `engine`.
#[test]
fn mixed_pairs_are_opened_without_a_human_and_for_their_own_recipients_only() {
    let world = World::start("");
    let (pairs, events) = mixed(PAIRS, 4_711);
    let mut sent = 0;
    for event in events {
        let (Event::Locked(number)
        | Event::Told(number)
        | Event::Forged(number)
        | Event::Misled(number)
        | Event::Elsewhere(number)) = event;
        let pair = &pairs[number];
        let (from, to, told) = (pair.sender.as_str(), pair.recipient.as_str(), &pair.told);
        match event {
            Event::Locked(_) => {
                let lock = if number % 2 == 0 { World::locked } else { World::locked_with_aes };
                let archive = lock(&world, &told.password, &pair.content());
                let mail = mail_from(from, &pair.message_id(), to, &[("meibo.zip", archive)], "");
                let everybody = [to, WITNESS];
                let recipients = if number % 6 == 4 { &everybody[..] } else { &everybody[..1] };
                world.send(from, recipients, &mail);
                sent += recipients.len() - 1;
            }
            Event::Told(_) => {
                let mail = text_mail(&pair.teller, to, &told.subject, &told.text, &pair.thread());
                world.send(&pair.teller, &[to], &mail);
            }
            Event::Forged(_) => {
                let mail = text_mail(from, to, "パスワード", &format!("パスワード：forged-{number}-Zz"), "");
                world.send("forger@forged.example", &[to], &mail);
            }
            Event::Misled(_) => {
                let thief = "thief@elsewhere.example";
                let mail = text_mail(thief, "thief@city.example.lg.jp", &told.subject, &told.text, &pair.thread());
                world.send(thief, &["thief@city.example.lg.jp"], &mail);
            }
            Event::Elsewhere(_) => {
                let mail = text_mail(from, "bystander@city.example.lg.jp", &told.subject, &told.text, "");
                world.send(from, &["bystander@city.example.lg.jp"], &mail);
            }
        }
        sent += 1;
        // In the order in which they are sent: the gateway itself converts several at a time.
        world.wait_for(sent);
    }
    let started = Instant::now();
    let mut still = (0, Instant::now());
    while still.1.elapsed() < Duration::from_secs(4) || !world.is_idle() {
        assert!(started.elapsed() < PATIENCE, "{}", world.gateway.log());
        std::thread::sleep(Duration::from_millis(200));
        let now = read_maildir(&world.inbox()).len();
        if now != still.0 {
            still = (now, Instant::now());
        }
    }
    let arrived = all_texts(&world.inbox());
    let mut recipients: Vec<String> = arrived.iter().map(|(who, _)| who.clone()).collect();
    recipients.sort();
    recipients.dedup();
    let (mut open, mut wrong) = (0, 0);
    let mut by_way: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for who in recipients {
        let own = arrived.iter().filter(|(to, _)| *to == who);
        let texts: Vec<String> = own.flat_map(|(_, texts)| texts.clone()).collect();
        let own: Vec<_> = pairs.iter().filter(|pair| pair.recipient == who).collect();
        let is_own = |text: &String| own.iter().any(|pair| *text == pair.content().replace('\n', "\r\n"));
        wrong += texts.iter().filter(|text| !is_own(text)).count();
        for pair in own {
            let times = texts.iter().filter(|text| **text == pair.content().replace('\n', "\r\n")).count();
            assert!(times < 2, "pair {} arrived {times} times", pair.number);
            open += times;
            let count = by_way.entry(format!("{:?}", pair.way)).or_default();
            *count = (count.0 + times, count.1 + 1);
        }
    }
    println!("{open} of {PAIRS} opened, {wrong} for somebody else: {by_way:?}");
    assert_eq!(wrong, 0);
    assert!(open * 10 >= PAIRS * 9, "{open} of {PAIRS}: {by_way:?} {}", world.gateway.log());
    for pair in pairs.iter().filter(|pair| pair.told.password.len() > 8) {
        assert!(!world.gateway.log().contains(&pair.told.password));
    }
}

//! Locked files that open bit by bit, for some and not for others, with wrong guesses and forged mails between: what arrives, what is
//! held still, and what is said.

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
#[path = "support/own_scanner.rs"]
mod own_scanner;
mod support;

use std::sync::atomic::Ordering;

use locked::*;
use own_scanner::{NOT_NOW, Scanner, VIRUS};
use support::python_reads;

fn told(password: &str) -> Vec<u8> {
    text_mail(SENDER, STAFF, "パスワードのお知らせ", &format!("パスワード：{password}\r\n"), "")
}

#[test]
fn an_archive_of_several_passwords_opens_bit_by_bit_and_brings_each_file_once() {
    let world = World::start("");
    let all_locked = [("a.txt", "text a\n", Some("Aa-1111-xx")), ("b.txt", "text b\n", Some("Bb-2222-yy"))];
    world.send(SENDER, &[STAFF], &mail_with("one", STAFF, &[("all.zip", archive(&all_locked))], ""));
    let clear = ("c.txt", "text c\n", None);
    let one_clear = [clear, ("d.txt", "text d\n", Some("Aa-1111-xx")), ("e.txt", "text e\n", Some("Bb-2222-yy"))];
    world.send(SENDER, &[STAFF], &mail_with("two", STAFF, &[("some.zip", archive(&one_clear))], ""));
    let mails = world.settled(2);
    assert_eq!(texts_for(&mails, STAFF), ["text c\r\n"]);
    let names = |state: &str| -> Vec<String> {
        let held = world.held();
        let mut names: Vec<String> = held
            .iter()
            .filter(|row| row["state"] == state)
            .map(|row| row["name"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names("held"), ["all.zip", "d.txt", "e.txt"]);

    world.send(SENDER, &[STAFF], &told("Aa-1111-xx"));
    let mails = world.settled(5);
    assert_eq!(texts_for(&mails, STAFF), ["text a\r\n", "text c\r\n", "text d\r\n"]);
    assert_eq!(names("held"), ["b.txt", "e.txt"], "what is locked still is held and named");
    let partly = mails
        .iter()
        .map(|mail| python_reads(mail))
        .find(|read| read["subject"] == "[開封済み] meibo" && read["text"].as_str().unwrap().contains("all.zip"));
    let partly = partly.expect("the first bit");
    assert_eq!(partly["verdict"], "partly-withheld");
    let text = partly["text"].as_str().unwrap();
    assert!(text.contains("b.txt") && text.contains("このパスワードでは開かないファイルが残っています"), "{text}");

    world.send(SENDER, &[STAFF], &told("Bb-2222-yy"));
    let mails = world.settled(8);
    let each = ["text a\r\n", "text b\r\n", "text c\r\n", "text d\r\n", "text e\r\n"];
    assert_eq!(texts_for(&mails, STAFF), each);
    assert!(names("held").is_empty());
}

#[test]
fn an_archive_in_an_archive_opens_with_both_passwords_one_after_the_other() {
    let world = World::start("");
    world.send(
        SENDER,
        &[STAFF],
        &mail_with("one", STAFF, &[("meibo.zip", nested("outer-1", "inner-2", "beside\n", "deep\n"))], ""),
    );
    world.settled(1);
    // The inner password alone opens nothing yet, and neither is it told to be right.
    let whole = world.item("meibo.zip");
    assert!(world.answer(&whole, "inner-2").starts_with("wrong password (29 tries left)"));
    let answer = world.answer(&whole, "outer-1");
    assert!(answer.starts_with("opened in part") && answer.contains("1 inside need another password"), "{answer}");
    let mails = world.settled(2);
    assert_eq!(texts_for(&mails, STAFF), ["beside\r\n"]);
    assert!(world.answer(&whole, "inner-2").contains("open already"));
    let inner = world.item("inner.zip");
    assert!(world.answer(&inner, "wrong").starts_with("wrong password (29 tries left)"));
    assert!(world.answer(&inner, "inner-2").starts_with("opened: "));
    let mails = world.settled(3);
    assert_eq!(texts_for(&mails, STAFF), ["beside\r\n", "deep\r\n"]);
}

#[test]
fn nobody_is_sent_again_what_he_has() {
    let world = World::start("");
    let files = [
        ("a.zip", archive(&[("a.txt", "text a\n", Some("Aa-1111-xx"))])),
        ("b.zip", archive(&[("b.txt", "text b\n", Some("Bb-2222-yy"))])),
    ];
    world.send(SENDER, &[STAFF, OTHER], &mail_with("one", STAFF, &files, ""));
    world.settled(2);
    world.send(SENDER, &[STAFF], &told("Aa-1111-xx"));
    world.settled(4);
    let both = text_mail(SENDER, STAFF, "パスワード", "パスワード：Aa-1111-xx\r\nパスワード：Bb-2222-yy\r\n", "");
    world.send(SENDER, &[STAFF, OTHER], &both);
    let mails = world.settled(8);
    for who in [STAFF, OTHER] {
        assert_eq!(texts_for(&mails, who), ["text a\r\n", "text b\r\n"], "{who}");
    }
    assert!(world.held().iter().all(|row| row["state"] == "released"));
}

#[test]
fn a_password_that_one_recipient_was_told_opens_nothing_for_another() {
    let world = World::start("");
    let all = archive(&[("a.txt", "text a\n", Some("Aa-1111-xx")), ("b.txt", "text b\n", Some("Bb-2222-yy"))]);
    world.send(SENDER, &[STAFF, OTHER], &mail_with("one", STAFF, &[("all.zip", all)], ""));
    world.settled(2);
    world.send(SENDER, &[STAFF], &told("Aa-1111-xx"));
    let mails = world.settled(4);
    assert_eq!(texts_for(&mails, STAFF), ["text a\r\n"]);
    // Neither with a wrong guess that is told, nor with one that is typed.
    world.send(SENDER, &[OTHER], &told("Nn-9999-zz"));
    let mails = world.settled(5);
    assert!(texts_for(&mails, OTHER).is_empty());
    let whole = world.item("all.zip");
    let answer = world.answer(&whole, "Mm-8888-ww");
    assert!(answer.starts_with("wrong password"), "{answer}");
    let mails = world.settled(5);
    assert!(texts_for(&mails, OTHER).is_empty());
    world.send(SENDER, &[OTHER], &told("Aa-1111-xx"));
    let mails = world.settled(7);
    assert_eq!(texts_for(&mails, OTHER), ["text a\r\n"]);
    // Now both know it, and still a wrong one is wrong.
    assert!(world.answer(&world.item("b.txt"), "Mm-8888-ww").starts_with("wrong password"));
    assert!(world.answer(&world.item("b.txt"), "Bb-2222-yy").starts_with("opened: "));
    let mails = world.settled(9);
    for who in [STAFF, OTHER] {
        assert_eq!(texts_for(&mails, who), ["text a\r\n", "text b\r\n"], "{who}");
    }
}

#[test]
fn a_password_typed_for_one_file_counts_for_that_file_and_only_when_it_opens_nothing() {
    let world = World::start("[passwords]\ntyped_tries = 3\n");
    let files = [
        ("a.zip", archive(&[("a.txt", "text a\n", Some("Aa-1111-xx"))])),
        ("b.zip", archive(&[("b.txt", "text b\n", Some("Bb-2222-yy"))])),
    ];
    world.send(SENDER, &[STAFF], &mail_with("one", STAFF, &files, ""));
    world.settled(1);
    let (a, b) = (world.item("a.zip"), world.item("b.zip"));
    assert!(world.answer(&a, "nothing").starts_with("wrong password (2 tries left)"));
    let answer = world.answer(&a, "Bb-2222-yy");
    assert!(answer.contains("it does not open this one") && answer.contains("b.zip"), "{answer}");
    assert!(world.answer(&a, "nothing").starts_with("wrong password (1 tries left)"));
    assert!(world.answer(&b, "Bb-2222-yy").contains("open already"));
    assert!(world.answer(&a, "Aa-1111-xx").starts_with("opened: a.zip (sent to 1)"));
    let mails = world.settled(3);
    assert_eq!(texts_for(&mails, STAFF), ["text a\r\n", "text b\r\n"]);
    assert_eq!(opened(&mails).len(), 2, "each file in a mail of its own");
}

#[test]
fn that_a_password_is_right_is_said_only_where_it_is_known() {
    let world = World::start("");
    let zeros = "0".repeat(30 << 20);
    let files = [
        ("tool.zip", archive(&[("setup.exe", "MZ\u{1}\0\u{3}\0\0\0\u{4}\0\0\0", Some("right-1"))])),
        ("bomb.zip", archive(&[("zeros.txt", &zeros, Some("right-2"))])),
    ];
    world.send(SENDER, &[STAFF], &mail_with("one", STAFF, &files, ""));
    world.settled(1);
    let (tool, bomb) = (world.item("tool.zip"), world.item("bomb.zip"));
    let answer = world.answer(&tool, "right-1");
    assert!(answer.starts_with("the password is right, but") && answer.contains("unsupported_type"), "{answer}");
    for password in ["wrong-1", "right-2"] {
        let answer = world.answer(&bomb, password);
        assert!(answer.contains("it is not known whether the password is right"), "{answer}");
        assert!(answer.contains("limit_ratio"), "{answer}");
    }
    let answer = world.answer(&tool, "wrong-1");
    assert!(answer.starts_with("wrong password (29 tries left)"), "what was right did not count: {answer}");
    world.settled(1);
}

#[test]
fn forged_password_mails_do_not_use_up_the_tries_of_the_sender() {
    let world = World::start("[passwords]\npaired_tries = 2\n");
    world.send(SENDER, &[STAFF], &locked_mail("one", STAFF, &world.locked("Kx7-pQ2m-9Z", "secret\n")));
    world.settled(1);
    // From says who it is not; ten times the limit for all such together, and some more.
    for number in 0..24 {
        let forged = told(&format!("forged-{number}-{number}"));
        world.send(&format!("forger{number}@forged{number}.example"), &[STAFF], &forged);
    }
    let mails = world.settled(25);
    assert!(texts_for(&mails, STAFF).is_empty());
    assert!(world.gateway.log().contains("pairing_exhausted"), "the forgers' tries have an end");
    world.send(SENDER, &[STAFF], &told("Kx7-pQ2m-9Z"));
    let mails = world.settled(27);
    assert_eq!(texts_for(&mails, STAFF), ["secret\r\n"]);
}

#[test]
fn a_flood_of_forged_password_mails_before_it_does_not_hide_the_right_one() {
    let world = World::start("[passwords]\nmails = 3\n");
    world.send(SENDER, &[STAFF], &told("Kx7-pQ2m-9Z"));
    for number in 0..12 {
        let forged = told(&format!("forged-{number}-{number}"));
        world.send(&format!("forger{number}@forged{number}.example"), &[STAFF], &forged);
    }
    world.settled(13);
    world.send(SENDER, &[STAFF], &locked_mail("one", STAFF, &world.locked("Kx7-pQ2m-9Z", "secret\n")));
    let mails = world.settled(14);
    assert_eq!(texts_for(&mails, STAFF), ["secret\r\n"]);
}

#[test]
fn without_pairing_partners_passwords_still_open_and_nothing_is_promised() {
    let partner = "[passwords]\npairing = false\n[[passwords.partner]]\nsender = \"*@partner.example.co.jp\"\n\
                   passwords = [\"agreed-2026-xyz\"]\n";
    let world = World::start(partner);
    world.send(SENDER, &[STAFF], &locked_mail("one", STAFF, &world.locked("agreed-2026-xyz", "agreed\n")));
    assert_eq!(texts_for(&world.settled(1), STAFF), ["agreed\r\n"]);
    world.send(SENDER, &[STAFF], &locked_mail("two", STAFF, &world.locked("Kx7-pQ2m-9Z", "other\n")));
    world.send(SENDER, &[STAFF], &told("Kx7-pQ2m-9Z"));
    let mails = world.settled(3);
    assert_eq!(texts_for(&mails, STAFF), ["agreed\r\n"]);
    let texts: Vec<String> = mails.iter().map(|mail| python_reads(mail)["text"].to_string()).collect();
    assert!(texts.iter().any(|text| text.contains("パスワードと受付番号を情報システム担当へ")), "{texts:?}");
    assert!(!texts.iter().any(|text| text.contains("自動で開き")), "{texts:?}");
}

#[test]
fn a_scanner_that_is_away_when_a_password_comes_is_asked_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let scanner = Scanner::start(directory.path());
    let world = World::start(&scanner.setting());
    let text = format!("secret {NOT_NOW}\n");
    world.send(SENDER, &[STAFF], &locked_mail("one", STAFF, &world.locked("Kx7-pQ2m-9Z", &text)));
    world.settled(1);
    scanner.is_away.store(true, Ordering::SeqCst);
    world.send(SENDER, &[STAFF], &told("Kx7-pQ2m-9Z"));
    world.settled(2);
    let id = world.item("meibo.zip");
    assert!(world.answer(&id, "Kx7-pQ2m-9Z").starts_with("not just now"));
    assert!(world.gateway.log().contains("unlock_deferred"), "{}", world.gateway.log());
    scanner.is_away.store(false, Ordering::SeqCst);
    let mails = world.wait_for(3);
    assert_eq!(texts_for(&mails, STAFF), [format!("secret {NOT_NOW}\r\n")]);
    assert!(world.answer(&id, "wrong").contains("open already"));
}

#[test]
fn a_mail_that_arrives_as_a_notice_is_opened_by_no_password() {
    let directory = tempfile::tempdir().expect("a directory");
    let scanner = Scanner::start(directory.path());
    let world = World::start(&scanner.setting());
    // The scanner objects to the mail and to none of its parts.
    let archive = archive(&[("a.txt", "text a\n", Some("Kx7-pQ2m-9Z"))]);
    let mail = mail_with("one", STAFF, &[("a.zip", archive)], &format!("X-Note: {VIRUS}\r\n"));
    world.send(SENDER, &[STAFF], &mail);
    let first = world.settled(1);
    assert!(python_reads(&first[0])["subject"].as_str().unwrap().contains("お渡しできないメール"));
    world.send(SENDER, &[STAFF], &told("Kx7-pQ2m-9Z"));
    world.settled(2);
    for row in world.held() {
        let answer = world.answer(&row["id"].to_string(), "Kx7-pQ2m-9Z");
        assert!(answer.contains("nothing that a password could open"), "{answer}");
    }
    world.settled(2);
}

/// Two files of one password: what is in the one is a virus, which only the password shows.
#[test]
fn a_virus_that_only_a_password_shows_is_written_down_of_its_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let scanner = Scanner::start(directory.path());
    let world = World::start(&scanner.setting());
    let files = [
        ("good.zip", archive(&[("a.txt", "text a\n", Some("Kx7-pQ2m-9Z"))])),
        ("bad.zip", archive(&[("b.txt", &format!("text {VIRUS}\n"), Some("Kx7-pQ2m-9Z"))])),
        ("worse.zip", archive(&[("c.txt", &format!("text {VIRUS}\n"), Some("another-1"))])),
    ];
    world.send(SENDER, &[STAFF], &mail_with("one", STAFF, &files, ""));
    world.settled(1);
    let worse = world.item("worse.zip");
    let reasons = || -> Vec<String> {
        let mut held = world.held();
        held.sort_by_key(|row| row["name"].to_string());
        held.iter().map(|row| format!("{} {}", row["name"], row["reason"])).collect()
    };
    let all = |bad: &str, worse: &str| {
        vec![
            format!(r#""bad.zip" "{bad}""#),
            r#""good.zip" "encrypted""#.to_owned(),
            format!(r#""worse.zip" "{worse}""#),
        ]
    };
    assert_eq!(reasons(), all("encrypted", "encrypted"));
    // By another mail, beside one that opens; and by typing.
    world.send(SENDER, &[STAFF], &told("Kx7-pQ2m-9Z"));
    world.settled(3);
    assert_eq!(reasons(), all("infected", "encrypted"));
    let answer = world.answer(&worse, "another-1");
    assert!(answer.contains("infected"), "{answer}");
    assert_eq!(reasons(), all("infected", "infected"));
}

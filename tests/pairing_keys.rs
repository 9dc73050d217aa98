//! Which of many passwords opened something, and what is made of that: archives in archives whose passwords come one after the other
//! among many that open nothing, and partners with more passwords than are tried before a mail is delivered.

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
mod support;

use locked::*;

/// A mail that tells a password among eleven others.
fn told_among_others(password: &str, at: usize, name: &str) -> Vec<u8> {
    let mut all: Vec<String> = (0..11).map(|number| format!("{name}-{number:02}-Zz")).collect();
    all.insert(at, password.to_owned());
    let text: String = all.iter().map(|password| format!("パスワード：{password}\r\n")).collect();
    text_mail(SENDER, STAFF, "パスワードのお知らせ", &text, "")
}

#[test]
fn the_one_password_that_opened_the_outer_archive_is_kept_for_the_inner_one() {
    let world = World::start("");
    world.send(
        SENDER,
        &[STAFF],
        &mail_with("one", STAFF, &[("meibo.zip", around("Outer-1a", "Inner-2b", "deep\n"))], ""),
    );
    world.settled(1);
    // It opens the outer archive, in which there is nothing that it could bring.
    world.send(SENDER, &[STAFF], &told_among_others("Outer-1a", 11, "first"));
    world.settled(2);
    // Twelve that open nothing leave it where it is.
    world.send(SENDER, &[STAFF], &told_among_others("Nothing-3c", 0, "second"));
    world.settled(3);
    world.send(SENDER, &[STAFF], &told_among_others("Inner-2b", 11, "third"));
    let mails = world.settled(5);
    assert_eq!(texts_for(&mails, STAFF), ["deep\r\n"], "{}", world.gateway.log());
    assert!(!world.gateway.log().contains("Outer-1a") && !world.gateway.log().contains("Inner-2b"));
}

#[test]
fn a_typed_password_that_only_opens_the_outer_archive_is_not_called_wrong() {
    let world = World::start("");
    world.send(
        SENDER,
        &[STAFF],
        &mail_with("one", STAFF, &[("meibo.zip", around("Outer-1a", "Inner-2b", "deep\n"))], ""),
    );
    world.settled(1);
    let whole = world.item("meibo.zip");
    assert!(world.answer(&whole, "Inner-2b").starts_with("wrong password (29 tries left)"));
    let answer = world.answer(&whole, "Outer-1a");
    assert!(answer.starts_with("the password is right, but") && answer.contains("encrypted"), "{answer}");
    assert!(
        world.answer(&whole, "wrong").starts_with("wrong password (28 tries left)"),
        "what was right did not count"
    );
    let answer = world.answer(&whole, "Inner-2b");
    assert!(answer.starts_with("opened: "), "{answer}");
    assert_eq!(texts_for(&world.settled(2), STAFF), ["deep\r\n"]);
}

/// A configuration with so many passwords of the partner; `right` is one of them.
fn partner(count: usize, right: usize) -> String {
    let all: Vec<String> = (0..count)
        .map(
            |number| if number == right { "\"Agreed-77-xyz\"".to_owned() } else { format!("\"other-{number:03}-pw\"") },
        )
        .collect();
    format!("[[passwords.partner]]\nsender = \"*@partner.example.co.jp\"\npasswords = [{}]\n", all.join(", "))
}

#[test]
fn of_many_passwords_of_a_partner_the_first_open_at_once_and_the_others_afterwards() {
    // As many as are tried before the delivery, the next one, and the last that may be configured.
    for (right, mails) in [(47, 1), (48, 2), (255, 2)] {
        for pairing in ["", "[passwords]\npairing = false\n"] {
            if right == 48 && !pairing.is_empty() {
                continue;
            }
            let world = World::start(&format!("{pairing}{}", partner(256, right)));
            world.send(SENDER, &[STAFF], &locked_mail("one", STAFF, &world.locked("Agreed-77-xyz", "agreed\n")));
            let arrived = world.settled(mails);
            assert_eq!(texts_for(&arrived, STAFF), ["agreed\r\n"], "{right}: {}", world.gateway.log());
        }
    }
}

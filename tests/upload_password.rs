//! A locked archive through the portal of a real gateway: it waits for its password, counts what is wrong, and gives what was in it.

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

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use locked::{PATIENCE, World, archive};
use own_scanner::{Scanner, VIRUS};
use support::http::{ask, upload};

/// Uploads one file, waits for its verdict, and gives its address in the interface.
fn send(portal: SocketAddr, name: &str, bytes: &[u8]) -> String {
    let answer = upload(portal, "/api/v1/files", "", &[], (name, bytes));
    assert_eq!(answer.status, 202, "{}", answer.text());
    let filed = answer.json();
    let at = format!("/api/v1/files/{}", filed["id"].as_str().unwrap());
    let started = Instant::now();
    while state(portal, &at)["state"] != "done" {
        assert!(started.elapsed() < PATIENCE, "no verdict");
        std::thread::sleep(Duration::from_millis(100));
    }
    at
}

fn state(portal: SocketAddr, at: &str) -> serde_json::Value {
    ask(portal, "GET", at, &[], b"").json()
}

/// What comes of a password.
fn try_it(portal: SocketAddr, at: &str, password: &str) -> (u16, serde_json::Value) {
    let body = serde_json::json!({ "password": password }).to_string();
    let json = [("Content-Type", "application/json")];
    let answer = ask(portal, "POST", &format!("{at}/password"), &json, body.as_bytes());
    (answer.status, answer.json())
}

/// The members of the rebuilt archive with their contents, as Python reads them.
fn members(portal: SocketAddr, at: &str) -> String {
    const SCRIPT: &str = "import io, sys, zipfile\n\
        z = zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read()))\n\
        print(sorted((name, z.read(name).decode('utf-8-sig')) for name in z.namelist()))";
    let result = ask(portal, "GET", &format!("{at}/result"), &[], b"");
    assert_eq!(result.status, 200);
    let mut child = Command::new("python3")
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is installed (./test)");
    child.stdin.take().unwrap().write_all(&result.body).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn a_locked_archive_waits_for_its_password_and_gives_what_is_in_it() {
    let world = World::start("[passwords]\ntyped_tries = 5\n");
    let portal = world.gateway.portal;
    for bytes in [world.locked("hiraku-2026", "meibo"), world.locked_with_aes("hiraku-2026", "meibo")] {
        let at = send(portal, "meibo.zip", &bytes);
        assert_eq!(state(portal, &at)["verdict"], "withheld");
        let (status, wrong) = try_it(portal, &at, "not this one");
        assert_eq!((status, &wrong["outcome"], &wrong["left"]), (422, &"wrong_password".into(), &4.into()), "{wrong}");
        let (status, opened) = try_it(portal, &at, "hiraku-2026");
        assert_eq!(
            (status, &opened["outcome"], &opened["still_locked"]),
            (200, &"opened".into(), &0.into()),
            "{opened}"
        );
        assert_eq!(state(portal, &at)["verdict"], "sanitised");
        let text = members(portal, &at);
        assert_eq!(text.trim(), "[('meibo.txt', 'meibo')]");
        let (status, again) = try_it(portal, &at, "hiraku-2026");
        assert_eq!((status, &again["outcome"]), (409, &"not_locked".into()), "{again}");
    }
    let held = world.held();
    assert!(held.iter().all(|row| row["state"] == "released"), "{held:?}");
    let log = world.gateway.log();
    assert!(!log.contains("hiraku") && !log.contains("not this one"), "no password is logged");
}

#[test]
fn members_with_passwords_of_their_own_are_opened_one_after_the_other_and_none_is_lost() {
    let mut world = World::start("");
    let bytes =
        archive(&[("a.txt", "first", Some("key-a")), ("b.txt", "second", Some("key-b")), ("c.txt", "open", None)]);
    let at = send(world.gateway.portal, "three.zip", &bytes);
    let portal = world.gateway.portal;
    assert_eq!(state(portal, &at)["verdict"], "sanitised", "c.txt passes");
    let (_, opened) = try_it(portal, &at, "key-a");
    assert_eq!((&opened["outcome"], &opened["still_locked"]), (&"opened".into(), &1.into()), "{opened}");
    let (_, opened) = try_it(portal, &at, "key-b");
    assert_eq!((&opened["outcome"], &opened["still_locked"]), (&"opened".into(), &0.into()), "{opened}");
    let all = members(portal, &at);
    assert!(
        ["('a.txt', 'first')", "('b.txt', 'second')", "('c.txt', 'open')"].iter().all(|one| all.contains(one)),
        "{all}"
    );

    // After a restart the first password is not known any more. What it opened must not go for what the second one opens.
    let at = send(portal, "three.zip", &bytes);
    assert_eq!(try_it(portal, &at, "key-a").1["outcome"], "opened");
    assert!(world.gateway.stop());
    world.gateway.restart();
    let portal = world.gateway.portal;
    let (status, answer) = try_it(portal, &at, "key-b");
    assert_eq!((status, &answer["outcome"]), (422, &"another_needed".into()), "{answer}");
    assert!(members(portal, &at).contains("('a.txt', 'first')"));
    // Said once more, both are known together.
    assert_eq!(try_it(portal, &at, "key-a").1["outcome"], "opened");
    let all = members(portal, &at);
    assert!(
        ["('a.txt', 'first')", "('b.txt', 'second')", "('c.txt', 'open')"].iter().all(|one| all.contains(one)),
        "{all}"
    );
}

#[test]
fn a_virus_that_a_password_shows_in_an_upload_is_written_down() {
    let directory = tempfile::tempdir().expect("a directory");
    let scanner = Scanner::start(directory.path());
    let world = World::start(&scanner.setting());
    let portal = world.gateway.portal;
    let at = send(portal, "bad.zip", &archive(&[("b.txt", &format!("text {VIRUS}"), Some("hiraku-2026"))]));
    assert_eq!(world.held()[0]["reason"], "encrypted");
    let (status, answer) = try_it(portal, &at, "hiraku-2026");
    assert_eq!((status, &answer["outcome"]), (422, &"withheld".into()), "{answer}");
    assert!(world.held().iter().any(|row| row["reason"] == "infected"), "{:?}", world.held());
}

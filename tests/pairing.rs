//! Locked files and their passwords in two mails, through a real gateway: what opens by itself, for whom, and what people type.

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

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use locked::*;
use support::python_reads;

#[test]
fn the_password_mail_opens_the_mail_before_it_and_the_file_arrives_in_its_thread() {
    let world = World::start("");
    let password = "Kx7#pQ2m-9Zr";
    world.send(SENDER, &[STAFF], &locked_mail("one", STAFF, &world.locked(password, "secret list\n")));
    let first = world.wait_for(1);
    let read = python_reads(&first[0]);
    let text = read["text"].as_str().expect("a text");
    assert!(text.contains("パスワードのメールが届くと自動で開き"), "{text}");
    assert_eq!(world.held().len(), 1);

    let told = text_mail(
        SENDER,
        STAFF,
        "パスワードのお知らせ",
        &format!("先ほどのファイルのパスワードです。\r\n\r\n{password}\r\n"),
        "",
    );
    world.send(SENDER, &[STAFF], &told);
    let mails = world.settled(3);
    let opened = opened(&mails);
    assert_eq!(opened.len(), 1);
    let (read, members) = &opened[0];
    assert_eq!(members, &["secret list\r\n"], "{read}");
    assert_eq!(read["subject"], "[開封済み] meibo");
    assert_eq!(read["defects"], serde_json::json!([]));
    assert_eq!(read["verdict"], "sanitised");
    let mail = mails.iter().find(|mail| String::from_utf8_lossy(mail).contains(".opened@")).expect("the second mail");
    let mail = String::from_utf8_lossy(mail);
    assert!(mail.contains("In-Reply-To: <one@partner.example.co.jp>"), "{mail}");
    assert!(mail.contains("References: <one@partner.example.co.jp>"), "{mail}");
    assert_eq!(world.held()[0]["state"], "released");
    // The password stands in what was made of the mail that told it, and nowhere in the log.
    assert!(!world.gateway.log().contains(password), "{}", world.gateway.log());

    // The same password again opens nothing a second time.
    world.send(SENDER, &[STAFF], &told);
    world.settled(4);
}

#[test]
fn a_password_that_came_first_opens_the_mail_at_once() {
    let world = World::start("");
    let told = text_mail(SENDER, STAFF, "password", "Password: Zaisei@412\r\n", "");
    world.send(SENDER, &[STAFF], &told);
    world.wait_for(1);
    world.send(SENDER, &[STAFF], &locked_mail("two", STAFF, &world.locked_with_aes("Zaisei@412", "aes\n")));
    let mails = world.settled(2);
    let opened = opened(&mails);
    assert_eq!(opened.len(), 1);
    assert_eq!((&opened[0].0["subject"], &opened[0].1), (&"meibo".into(), &vec!["aes\r\n".to_owned()]));
    assert!(world.held().is_empty());
}

#[test]
fn passwords_reach_only_those_whom_both_mails_went_to() {
    let world = World::start("");
    let third = "third@city.example.lg.jp";
    // To two people. A maildir holds one copy for each recipient.
    world.send(SENDER, &[STAFF, OTHER], &locked_mail("three", STAFF, &world.locked("Tk-9186-aa", "for some\n")));
    world.settled(2);
    let told = text_mail(SENDER, STAFF, "PW", "パスワード：Tk-9186-aa", "");
    // Nobody in common: nothing is tried.
    world.send(SENDER, &[third], &told);
    world.settled(3);
    assert_eq!(world.held()[0]["state"], "held");
    // One in common: only that one gets it.
    world.send(SENDER, &[STAFF, third], &told);
    let mails = world.settled(6);
    assert_eq!(opened(&mails).len(), 1);
    assert_eq!(world.held()[0]["state"], "held", "one recipient lacks it still");
    // The other one has the password at last.
    world.send(SENDER, &[STAFF, OTHER], &told);
    let mails = world.settled(9);
    assert_eq!(opened(&mails).len(), 2);
    assert_eq!(world.held()[0]["state"], "released");
    for who in [STAFF, OTHER] {
        let copies = mails.iter().filter(|mail| {
            let mail = String::from_utf8_lossy(mail);
            mail.contains(".opened@") && mail.contains(&format!("Delivered-To: {who}"))
        });
        assert_eq!(copies.count(), 1, "{who}");
    }
}

#[test]
fn a_mail_in_the_same_thread_may_come_from_somebody_else() {
    let world = World::start("");
    let clerk = "clerk@elsewhere.example";
    world.send(SENDER, &[STAFF], &locked_mail("four", STAFF, &world.locked("Zz-7711-bb", "thread\n")));
    world.settled(1);
    let text = "パスワード：Zz-7711-bb";
    world.send(clerk, &[STAFF], &text_mail(clerk, STAFF, "PW", text, ""));
    assert!(opened(&world.settled(2)).is_empty());
    let thread = "In-Reply-To: <four@partner.example.co.jp>\r\n";
    world.send(clerk, &[STAFF], &text_mail(clerk, STAFF, "Re: meibo", text, thread));
    assert_eq!(opened(&world.settled(4)).len(), 1);
}

#[test]
fn talk_of_passwords_opens_nothing_and_costs_no_mail() {
    let world = World::start("");
    world.send(SENDER, &[STAFF], &locked_mail("five", STAFF, &world.locked("Wq81-zzTop", "x\n")));
    world.wait_for(1);
    let talk = [
        (
            "パスワード再設定のご案内",
            "パスワードの有効期限が近づいています。次のページから再設定してください。\r\nhttps://portal.example.jp/reset?token=8f7d6s\r\n",
        ),
        ("情報セキュリティ研修", "パスワードは12文字以上とし、使い回しをしないでください。例: Abcd1234!\r\n"),
        ("パスワードについて", "パスワードは後ほど電話でお知らせいたします。\r\n"),
        ("password policy", "Your password will expire in 14 days. Please choose a new one.\r\n"),
    ];
    for (subject, text) in talk {
        world.send(SENDER, &[STAFF], &text_mail(SENDER, STAFF, subject, text, ""));
    }
    let mails = world.settled(1 + talk.len());
    assert!(opened(&mails).is_empty());
    assert_eq!(world.held()[0]["state"], "held");
}

#[test]
fn a_typed_password_opens_it_a_wrong_one_is_counted_and_none_is_written_down() {
    let mut world = World::start("[passwords]\ntyped_tries = 3\n");
    let (right, wrong) = ("right-Horse-7", "wrong-Horse-8");
    world.send(SENDER, &[STAFF, OTHER], &locked_mail("six", STAFF, &world.locked(right, "typed\n")));
    world.settled(2);
    let id = world.held()[0]["id"].to_string();
    let socket = world.gateway.directory.join("data/control.sock");
    assert_eq!(std::fs::metadata(&socket).expect("a socket").permissions().mode() & 0o777, 0o600);
    let output = world.unlock(&id, wrong);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("wrong password (2 tries left)"), "{output:?}");

    // The count outlives a restart; a killed gateway leaves its socket behind.
    world.gateway.kill();
    assert!(socket.exists());
    let nobody = world.unlock(&id, right);
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("no gateway is running"), "{nobody:?}");
    world.gateway.restart();
    let output = world.unlock(&id, wrong);
    assert!(String::from_utf8_lossy(&output.stdout).contains("(1 tries left)"), "{output:?}");
    let output = world.unlock(&id, right);
    assert_eq!(output.status.code(), Some(0), "{output:?} {}", world.gateway.log());
    assert!(String::from_utf8_lossy(&output.stdout).contains("sent to 2"), "{output:?}");
    let mails = world.settled(4);
    assert!(opened(&mails).iter().all(|(_, members)| members == &["typed\r\n"]));
    assert_eq!(world.held()[0]["state"], "released");
    let again = world.unlock(&id, right);
    assert!(String::from_utf8_lossy(&again.stdout).contains("open already"), "{again:?}");
    for password in [right, wrong] {
        assert_eq!(holds(&world.gateway.directory, password.as_bytes()), Vec::<PathBuf>::new());
    }
    let absent = world.unlock("4711", right);
    assert!(String::from_utf8_lossy(&absent.stdout).contains("no such item"), "{absent:?}");

    // At the limit even the right one is not tried.
    world.send(SENDER, &[STAFF], &locked_mail("seven", STAFF, &world.locked(right, "late\n")));
    let count = 5;
    world.wait_for(count);
    let id = world.held()[0]["id"].to_string();
    for _ in 0..3 {
        assert_eq!(world.unlock(&id, wrong).status.code(), Some(1));
    }
    let output = world.unlock(&id, right);
    assert!(String::from_utf8_lossy(&output.stdout).contains("no tries are left"), "{output:?}");
    world.settled(count);
}

#[test]
fn a_password_agreed_on_with_a_partner_opens_at_once_and_stands_in_the_configuration_only() {
    let partner = "[[passwords.partner]]\nsender = \"*@partner.example.co.jp\"\npasswords = [\"older-one\", \"agreed-2026-xyz\"]\n";
    let world = World::start(partner);
    world.send(SENDER, &[STAFF], &locked_mail("eight", STAFF, &world.locked("agreed-2026-xyz", "agreed\n")));
    let mails = world.settled(1);
    assert_eq!(opened(&mails)[0].1, ["agreed\r\n"]);
    assert_eq!(holds(&world.gateway.directory, b"agreed-2026-xyz"), std::slice::from_ref(&world.gateway.config));
}

//! Digest mails to administrators, of a real gateway.

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

mod support;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use support::{Gateway, python_reads, read_maildir, submit, wait_for};

const MAIL: &[u8] = b"From: a@partner.example\r\nTo: staff@city.example.lg.jp\r\nSubject: tool\r\nDate: Sat, 21 Nov 2026 09:00:00 +0900\r\nMessage-ID: <1@partner.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b\r\nContent-Type: application/octet-stream; name=tool.exe\r\nContent-Disposition: attachment; filename=tool.exe\r\nContent-Transfer-Encoding: base64\r\n\r\nTVqQAAMAAAAEAAAA\r\n--b--\r\n";

#[test]
fn administrators_are_told_once_what_waits_over_a_restart() {
    let directory = tempfile::tempdir().expect("a directory");
    // A moment a little ago, by the gateway's local time (Japan).
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + 9 * 3600 - 120;
    let time = format!("{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60);
    let extra = format!(
        "[site]\nname = \"みそぎ市\"\n[digest]\nrecipients = [\"joho1@city.example.lg.jp\", \"joho2@city.example.lg.jp\"]\ntimes = [\"{time}\"]\n"
    );
    let mut gateway = Gateway::start(directory.path(), &extra);
    let (code, _) = submit(gateway.smtp, "a@partner.example", &["staff@city.example.lg.jp"], MAIL).expect("answers");
    assert_eq!(code, 250);
    let inbox = directory.path().join("data/maildir/new");
    // The mail itself, and the digest to each of the two.
    let mails = wait_for(&inbox, 3, Duration::from_secs(90));
    let digest: Vec<serde_json::Value> =
        mails.iter().map(|mail| python_reads(mail)).filter(|mail| mail.to_string().contains("隔離の確認")).collect();
    assert_eq!(digest.len(), 2, "{digest:?}");
    assert_eq!(digest[0]["receipt"], digest[1]["receipt"], "one mail");
    let text = digest[0].to_string();
    assert!(text.contains("みそぎ市 無害化ゲートウェイ: 隔離の確認が必要なもの 1件"), "{text}");
    assert!(text.contains("joho1@city.example.lg.jp") && text.contains("joho2@city.example.lg.jp"), "{text}");
    assert!(text.contains(&format!("http://{}/quarantine?state=held", gateway.admin)), "{text}");
    assert!(!text.contains("tool") && !text.contains("partner.example"), "figures and a link, nothing else: {text}");
    assert!(gateway.stop());
    gateway.restart();
    // Longer than the clock is looked at once more.
    std::thread::sleep(Duration::from_secs(25));
    assert_eq!(read_maildir(&inbox).len(), 3);
    assert!(gateway.stop());
}

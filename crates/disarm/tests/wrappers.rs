//! Wrappers of one file through both rooms: signed files, AppleSingle, BinHex. What they hold was packed by OpenSSL and Python.

#![allow(clippy::disallowed_methods, reason = "reads fixtures")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail where they fail"
)]

mod rooms;

use form::Reason;
use form::report::OutputType;

fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/../../fixtures/files/wrapped/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn member(bytes: &[u8], name: &str) -> (String, String, Vec<Reason>) {
    let done = rooms::sanitise(bytes, name).unwrap();
    assert_eq!(done.members.len(), 1, "{name}");
    let (path, member) = &done.members[0];
    let text = member.as_ref().unwrap().text().trim_start_matches('\u{FEFF}').to_owned();
    (path.clone(), text, done.report.findings.iter().map(|finding| finding.reason).collect())
}

#[test]
fn a_signed_file_is_the_file_and_a_signature_alone_is_none() {
    for (fixture_name, name, inside) in
        [("memo.txt.p7m", "memo.txt.p7m", "memo.txt"), ("indef.p7m", "契約書.txt.p7m", "契約書.txt")]
    {
        let (path, text, told) = member(&fixture(fixture_name), name);
        assert_eq!((path.as_str(), text.as_str()), (inside, "signed words\r\n"));
        assert!(told.contains(&Reason::Signature) && told.contains(&Reason::Unwrapped), "{told:?}");
    }
    let refused = |name: &str| rooms::sanitise(&fixture(name), name).unwrap_err().refusal.reason;
    assert_eq!(refused("memo.txt.p7s"), Reason::SignatureOnly);
    assert_eq!(refused("locked.p7m"), Reason::EncryptedForRecipient);
}

#[test]
fn a_signed_part_of_a_mail_is_a_mail() {
    let done = rooms::sanitise(&fixture("smime.p7m"), "smime.p7m").unwrap();
    assert_eq!(done.report.output, OutputType::Form, "a mail is for the gateway to assemble");
    assert!(done.has(Reason::Signature));
    assert!(String::from_utf8_lossy(&done.bytes).contains("signed mail"));
}

#[test]
fn files_of_a_macintosh_are_their_data() {
    let (path, text, told) = member(&fixture("memo.as"), "a.bin");
    assert_eq!((path.as_str(), text.as_str()), ("memo.txt", "single words\r\n"));
    assert!(told.contains(&Reason::Metadata), "{told:?}");
    let (path, text, _) = member(&fixture("fox.txt.hqx"), "a.hqx");
    assert_eq!(path, "fox.txt");
    // 0x90 twice is what begins a run, and in CP932 the first half of 瑞.
    assert!(text.starts_with(&format!("binhexed words\r\n{}", "a".repeat(300))), "{text}");
    assert!(text.ends_with("end\r\n"), "{text}");
}

#[test]
fn a_wrapper_that_is_cut_or_changed_is_not_taken_for_less() {
    let hqx = fixture("fox.txt.hqx");
    // What follows the closing colon is a line end.
    assert_eq!(hqx[hqx.len() - 2..], *b":\r");
    for len in 41..hqx.len() - 1 {
        assert!(rooms::sanitise(&hqx[..len], "a.hqx").is_err(), "cut to {len}");
    }
    // Behind the first colon, and not the last letter, which has bits that mean nothing.
    assert_eq!(hqx[47], b':');
    for at in 48..hqx.len() - 5 {
        let mut changed = hqx.clone();
        changed[at] = if changed[at] == b'!' { b'"' } else { b'!' };
        assert!(rooms::sanitise(&changed, "a.hqx").is_err(), "changed at {at}");
    }
    let single = fixture("memo.as");
    for len in 8..single.len() {
        assert!(rooms::sanitise(&single[..len], "a.bin").is_err(), "cut to {len}");
    }
    let signed = fixture("memo.txt.p7m");
    for len in 16..60 {
        assert!(rooms::sanitise(&signed[..len], "a.p7m").is_err(), "cut to {len}");
    }
}

#[test]
fn what_stands_behind_a_wrapper_is_told() {
    for (fixture_name, name) in
        [("fox.txt.hqx", "a.hqx"), ("memo.as", "a.bin"), ("memo.txt.p7m", "a.p7m"), ("indef.p7m", "a.p7m")]
    {
        let whole = fixture(fixture_name);
        for (behind, is_told) in [(&b""[..], false), (b"\0\0", false), (b"\r\nmore", true)] {
            let (_, _, told) = member(&[whole.as_slice(), behind].concat(), name);
            assert_eq!(told.contains(&Reason::SurplusBytes), is_told, "{fixture_name} {behind:?}: {told:?}");
        }
    }
    // Between the table of AppleSingle and what it names.
    let single = fixture("memo.as");
    let entries = usize::from(single[25]);
    let table = 26 + 12 * entries;
    let mut moved = [&single[..table], b"gap", &single[table..]].concat();
    for entry in 0..entries {
        let at = 26 + 12 * entry + 4;
        let from = u32::from_be_bytes(moved[at..at + 4].try_into().unwrap()) + 3;
        moved[at..at + 4].copy_from_slice(&from.to_be_bytes());
    }
    let (_, text, told) = member(&moved, "a.bin");
    assert_eq!(text, "single words\r\n");
    assert!(told.contains(&Reason::SurplusBytes), "{told:?}");
}

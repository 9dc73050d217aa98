//! Memory and time of everybody.

use crate::kit::{RECIPIENT, SENDER, Target, attached, attached_bytes, fields, mixed, text_mail};
use crate::support::submit;

#[test]
fn when_every_room_runs_out_of_memory_each_mail_becomes_a_notice_and_the_gateway_goes_on() {
    // The least that the configuration takes: a room starts and can write a notice, and cannot hold what these mails need.
    let target = Target::start("[rooms]\nmemory_bytes = 16777216");
    for number in 0..6 {
        let mail = text_mail(&format!("heavy {number}"), &"あいうえおかきくけこ\r\n".repeat(400_000));
        let receipt = target.accepted(mail.as_bytes());
        let arrived = target.arrived(&receipt);
        assert!(arrived.is_notice(), "{}", &arrived.raw[..arrived.raw.len().min(2000)]);
        arrived.says("メモリの上限").says(SENDER).says(&receipt);
        assert!(target.quarantine().lines().any(|line| line.contains(&receipt) && line.contains("message.eml")));
    }
    target.still_serves();
}

#[test]
fn a_flood_of_hostile_mails_at_once_leaves_every_ordinary_one_its_way() {
    let target = Target::start("");
    let hostile: Vec<Vec<u8>> = vec![
        mixed("keep-me", &vec![attached("a.txt", "x"); 100]).into_bytes(),
        format!("{}{}", fields("bare"), "Content-Type: message/rfc822\r\n\r\n".repeat(5000)).into_bytes(),
        format!("{}Content-Type: text/html\r\n\r\n{}", fields("html"), "<div><b>\r\n".repeat(200_000)).into_bytes(),
        mixed(
            "keep-me",
            &[attached_bytes("a.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\x7f\xff\xff\xff\x7f\xff\xff\xff\x08\x06\0\0\0")],
        )
        .into_bytes(),
    ];
    let (smtp, mut sent) = (target.gateway.smtp, Vec::new());
    let submitted = |mail: &[u8]| {
        let reply = submit(smtp, SENDER, &[RECIPIENT], mail).expect("a reply");
        assert_eq!(reply.0, 250, "{}", reply.1);
        reply.1.trim().rsplit(' ').next().expect("a receipt").to_owned()
    };
    std::thread::scope(|scope| {
        let senders: Vec<_> = (0..4)
            .map(|sender| {
                let (hostile, submitted) = (&hostile, &submitted);
                scope.spawn(move || -> Vec<(String, Option<String>)> {
                    let mut sent = Vec::new();
                    for round in 0..3 {
                        for (kind, mail) in hostile.iter().enumerate() {
                            sent.push((submitted(mail), None));
                            let words = format!("words {sender} {round} {kind}");
                            sent.push((submitted(text_mail("between", &words).as_bytes()), Some(words)));
                        }
                    }
                    sent
                })
            })
            .collect();
        for sender in senders {
            sent.extend(sender.join().expect("sender"));
        }
    });
    assert_eq!(sent.len(), 96);
    for (receipt, words) in &sent {
        let mail = String::from_utf8(target.wait_for(receipt)).expect("what leaves is UTF-8");
        assert!(words.as_ref().is_none_or(|words| mail.contains(words)), "{mail}");
    }
    // One of each kind, looked at in full.
    for (receipt, _) in sent.iter().take(2 * hostile.len()) {
        target.arrived(receipt);
    }
    target.still_serves();
}

//! Delivery against real and scripted next hops: a result for each recipient, whatever the hop does.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    missing_docs,
    reason = "tests"
)]

mod gateway;
mod peer;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gateway::{Delivery, Sink, certificate, free_address, queue_mail, server_tls, smtp, states, store, until};
use mail::delivery::{NextHop, TlsMode};
use peer::{Manners, Peer, Seen};
use store::DeliveryState::{self, Delivered, Failed, Retry};
use store::Store;

const BODY: &str = "Subject: x\r\n\r\nhello\r\n";

async fn settled(store: &Store, count: usize, state: DeliveryState) {
    until("the recipients to be settled", || async {
        states(store).await.iter().filter(|(_, s, _)| *s == state).count() >= count
    })
    .await;
}

fn answers(answer: impl Fn(&str) -> Option<&'static str> + Send + Sync + 'static) -> Manners {
    Manners { answer: Arc::new(move |line| answer(line).map(str::to_owned)), ..Manners::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn smtp_sink_takes_many_mails_over_few_connections() {
    let (store, _directory) = store().await;
    for n in 0..50 {
        queue_mail(&store, Some("a@client.example"), &[&format!("r{n:02}@example.jp")], BODY).await;
    }
    let sink = Sink::start(&[]).await;
    let delivery = Delivery::start(&store, NextHop::Smtp(smtp(sink.address)), |_| {});
    settled(&store, 50, Delivered).await;
    delivery.stop().await;
    assert!(states(&store).await[0].2.starts_with("250 2.0.0"));
}

/// smtp-sink's ways of misbehaving, and what must become of the recipient after the first attempt.
#[tokio::test(flavor = "multi_thread")]
async fn smtp_sinks_refusals_become_retries_and_failures() {
    for (arguments, state, reply) in [
        (&["-r", "RCPT"][..], Retry, "450 4.3.0"),
        (&["-r", "MAIL"], Retry, "450 4.3.0"),
        (&["-r", "DATA"], Retry, "450 4.3.0"),
        (&["-r", "."], Retry, "450 4.3.0"),
        (&["-f", "RCPT"], Failed, "500 5.3.0"),
        (&["-f", "MAIL"], Failed, "500 5.3.0"),
        (&["-f", "DATA"], Failed, "500 5.3.0"),
        (&["-f", "."], Failed, "500 5.3.0"),
        (&["-q", "MAIL"], Retry, "451 4.4.2"),
        (&["-q", "RCPT"], Retry, "451 4.4.2"),
        (&["-q", "DATA"], Retry, "451 4.4.2"),
        (&["-q", "."], Retry, "451 4.4.2"),
        (&["-Q", "RCPT"], Retry, "451 4.4.2"),
        (&["-r", "EHLO"], Retry, "451 4.4.1"),
        (&["-q", "CONNECT"], Retry, "451 4.4.1"),
        (&["-f", "CONNECT"], Retry, "451 4.4.1"),
        (&["-p", "-8", "-E"], Delivered, "250"),
    ] {
        let (store, _directory) = store().await;
        queue_mail(&store, None, &["b@example.jp"], BODY).await;
        let sink = Sink::start(arguments).await;
        let delivery = Delivery::start(&store, NextHop::Smtp(smtp(sink.address)), |_| {});
        settled(&store, 1, state).await;
        let (_, _, text) = states(&store).await.remove(0);
        assert!(text.starts_with(reply), "{arguments:?}: {text}");
        delivery.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_recipient_has_its_own_result_with_and_without_pipelining() {
    for extensions in [vec!["PIPELINING", "SIZE"], vec![]] {
        let (store, _directory) = store().await;
        let recipients = ["a-good@example.jp", "b-gone@example.jp", "c-later@example.jp", "d-good@example.jp"];
        queue_mail(&store, Some("sender@client.example"), &recipients, BODY).await;
        let mut manners = answers(|line| match line {
            _ if line.contains("gone") => Some("550 5.1.1 no such user"),
            _ if line.contains("later") => Some("450 4.2.1 mailbox busy"),
            _ => None,
        });
        manners.extensions = extensions.into_iter().map(str::to_owned).collect();
        let hop = Peer::start(manners).await;
        let delivery =
            Delivery::start(&store, NextHop::Smtp(smtp(hop.address)), |c| c.retry.min = Duration::from_secs(60));
        // The two good ones, and the notice about the bad one.
        settled(&store, 3, Delivered).await;
        settled(&store, 1, Failed).await;
        let states = states(&store).await;
        assert_eq!(states[1].2, "550 5.1.1 no such user");
        assert_eq!((&states[2].1, states[2].2.as_str()), (&Retry, "450 4.2.1 mailbox busy"));
        let asked = delivery.composer.asked.lock().unwrap().clone();
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[0].recipient, "sender@client.example");
        assert_eq!(asked[0].failed[0].address, "b-gone@example.jp");
        assert_eq!(asked[0].failed[0].status, "5.1.1");
        assert!(
            hop.commands().contains(&"MAIL FROM:<>".to_owned())
                || hop.commands().iter().any(|c| c.starts_with("MAIL FROM:<> SIZE="))
        );
        delivery.stop().await;
    }
}

/// What 2xx and 354 mean depends on where they stand: a mail counts as taken only when the right one stands at the end.
#[tokio::test(flavor = "multi_thread")]
async fn a_reply_out_of_turn_ends_the_connection_and_the_mail_is_kept() {
    for pipelining in [true, false] {
        for (at, reply, body_sent) in [
            ("MAIL", "354 go on", false),
            ("RCPT", "354 go on", false),
            ("DATA", "250 2.0.0 queued", false),
            ("DATA", "334 continue", false),
            (".", "354 go on", true),
            (".", "334 continue", true),
        ] {
            let (store, _directory) = store().await;
            queue_mail(&store, Some("sender@client.example"), &["a@example.jp"], BODY).await;
            let mut manners = answers(move |line| line.starts_with(at).then_some(reply));
            manners.extensions.retain(|extension| pipelining || extension != "PIPELINING");
            let hop = Peer::start(manners).await;
            let delivery =
                Delivery::start(&store, NextHop::Smtp(smtp(hop.address)), |c| c.retry.min = Duration::from_secs(60));
            settled(&store, 1, Retry).await;
            let what = format!("{reply} to {at}, pipelining {pipelining}");
            let states = states(&store).await;
            assert!(states[0].2.starts_with("451 4.4.2") && states[0].2.ends_with(reply), "{what}: {states:?}");
            assert!(!hop.commands().iter().any(|c| c.starts_with("Subject") || c == "RSET"), "{what}");
            assert_eq!((hop.connections(), !hop.data().is_empty()), (1, body_sent), "{what}");
            delivery.stop().await;
            assert!(!hop.commands().contains(&"QUIT".to_owned()), "{what}");
        }
    }
    // Any 2xx is good where one belongs.
    let (store, _directory) = store().await;
    queue_mail(&store, Some("sender@client.example"), &["a@example.jp"], BODY).await;
    let hop = Peer::start(answers(|line| line.starts_with('.').then_some("252 2.0.0 taken"))).await;
    let delivery = Delivery::start(&store, NextHop::Smtp(smtp(hop.address)), |_| {});
    settled(&store, 1, Delivered).await;
    delivery.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn null_senders_notices_and_automatic_mail_get_no_notice() {
    let (store, _directory) = store().await;
    queue_mail(&store, None, &["a@example.jp"], BODY).await;
    queue_mail(&store, Some("s@client.example"), &["b@example.jp"], "Auto-Submitted: auto-replied\r\n\r\nx\r\n").await;
    let hop = Peer::start(answers(|line| line.starts_with("RCPT").then_some("550 5.7.1 no"))).await;
    let delivery = Delivery::start(&store, NextHop::Smtp(smtp(hop.address)), |_| {});
    settled(&store, 2, Failed).await;
    assert!(delivery.composer.asked.lock().unwrap().is_empty());
    // A mail that gets a notice, whose own delivery fails: there is no notice about the notice.
    queue_mail(&store, Some("s@client.example"), &["c@example.jp"], BODY).await;
    settled(&store, 4, Failed).await;
    assert_eq!(delivery.composer.asked.lock().unwrap().len(), 1);
    delivery.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lifetime_that_is_over_turns_a_refusal_for_now_into_a_failure() {
    let (store, _directory) = store().await;
    queue_mail(&store, Some("s@client.example"), &["a@example.jp"], BODY).await;
    let hop = Peer::start(answers(|line| line.starts_with("RCPT TO:<a").then_some("450 4.2.1 busy"))).await;
    let delivery =
        Delivery::start(&store, NextHop::Smtp(smtp(hop.address)), |c| c.retry.lifetime = Duration::from_millis(300));
    settled(&store, 1, Failed).await;
    let asked = delivery.composer.asked.lock().unwrap().clone();
    assert_eq!((asked[0].failed[0].status.as_str(), asked[0].failed[0].reply.as_str()), ("4.4.7", "450 4.2.1 busy"));
    delivery.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hop_that_is_down_gets_everything_when_it_is_back() {
    let (store, _directory) = store().await;
    for n in 0..10 {
        queue_mail(&store, Some("a@client.example"), &[&format!("r{n}@example.jp")], BODY).await;
    }
    let address = free_address();
    let delivery = Delivery::start(&store, NextHop::Smtp(smtp(address)), |_| {});
    settled(&store, 1, Retry).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let hop = Peer::on(address, Manners::default()).await;
    settled(&store, 10, Delivered).await;
    assert_eq!(hop.data().len(), 10);
    delivery.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_pooled_connection_costs_no_attempt() {
    let (store, _directory) = store().await;
    let hop = Peer::start(Manners { close_after_message: true, ..Manners::default() }).await;
    let delivery = Delivery::start(&store, NextHop::Smtp(smtp(hop.address)), |_| {});
    for n in 1..=3 {
        queue_mail(&store, Some("a@client.example"), &[&format!("r{n}@example.jp")], BODY).await;
        settled(&store, n, Delivered).await;
    }
    assert!(states(&store).await.iter().all(|(_, _, reply)| reply.starts_with("250")));
    assert_eq!((hop.connections(), hop.data().len()), (3, 3));
    delivery.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_reused_up_to_their_limit_and_closed_politely() {
    let (store, _directory) = store().await;
    let hop = Peer::start(Manners::default()).await;
    let mut next = smtp(hop.address);
    (next.max_connections, next.max_messages) = (1, 3);
    for n in 0..7 {
        queue_mail(&store, Some("a@client.example"), &[&format!("r{n}@example.jp")], BODY).await;
    }
    let delivery = Delivery::start(&store, NextHop::Smtp(next), |_| {});
    settled(&store, 7, Delivered).await;
    delivery.stop().await;
    until("the last QUIT", || async { hop.commands().iter().filter(|c| *c == "QUIT").count() == 3 }).await;
    assert_eq!(hop.connections(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn recipients_beyond_what_the_hop_takes_go_into_further_transactions() {
    let (store, _directory) = store().await;
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let hop = Peer::start(answers(move |line| {
        if line.starts_with("MAIL") {
            counted.store(0, Ordering::SeqCst);
        }
        let over = line.starts_with("RCPT") && counted.fetch_add(1, Ordering::SeqCst) >= 40;
        over.then_some("452 4.5.3 too many recipients")
    }))
    .await;
    let recipients: Vec<String> = (0..150).map(|n| format!("r{n}@example.jp")).collect();
    let recipients: Vec<&str> = recipients.iter().map(String::as_str).collect();
    queue_mail(&store, Some("a@client.example"), &recipients, BODY).await;
    let delivery = Delivery::start(&store, NextHop::Smtp(smtp(hop.address)), |_| {});
    settled(&store, 150, Delivered).await;
    assert_eq!(hop.data().len(), 4);
    delivery.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_are_quoted_anew_and_parameters_follow_the_offer() {
    let (store, _directory) = store().await;
    let hop = Peer::start(Manners::default()).await;
    let delivery = Delivery::start(&store, NextHop::Smtp(smtp(hop.address)), |_| {});
    queue_mail(&store, Some("taro.@docomo.ne.jp"), &["\"a>b c\"@example.jp"], BODY).await;
    settled(&store, 1, Delivered).await;
    queue_mail(&store, Some("a@client.example"), &["花子@example.jp"], "Subject: x\r\n\r\n本文\r\n").await;
    settled(&store, 2, Delivered).await;
    let commands = hop.commands();
    for expected in [
        format!("MAIL FROM:<\"taro.\"@docomo.ne.jp> SIZE={}", BODY.len()),
        "RCPT TO:<\"a>b c\"@example.jp>".to_owned(),
        "MAIL FROM:<a@client.example> SIZE=22 BODY=8BITMIME SMTPUTF8".to_owned(),
        "RCPT TO:<花子@example.jp>".to_owned(),
    ] {
        assert!(commands.contains(&expected), "{expected} in {commands:?}");
    }
    delivery.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_hop_cannot_take_is_refused_without_sending_it() {
    let (store, _directory) = store().await;
    let hop = Peer::start(Manners { extensions: vec!["SIZE 1000".to_owned()], ..Manners::default() }).await;
    let delivery = Delivery::start(&store, NextHop::Smtp(smtp(hop.address)), |_| {});
    queue_mail(&store, None, &["a@example.jp"], format!("{BODY}{}\r\n", "x".repeat(1000))).await;
    queue_mail(&store, None, &["花子@example.jp", "z@example.jp"], BODY).await;
    settled(&store, 2, Failed).await;
    settled(&store, 1, Delivered).await;
    let states = states(&store).await;
    assert!(states[0].2.starts_with("552 5.3.4"), "{states:?}");
    assert!(states[2].2.starts_with("550 5.6.7"), "{states:?}");
    assert_eq!(hop.data().len(), 1);
    delivery.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_not_canonical_never_reaches_a_connection() {
    let (store, _directory) = store().await;
    let hop = Peer::start(Manners::default()).await;
    let delivery = Delivery::start(&store, NextHop::Smtp(smtp(hop.address)), |_| {});
    for (n, tail) in ["\n.\n", "\r.\r", "\r\n.\r\r\n", "\r\r\n.\r\r\n", "\n", "\r"].into_iter().enumerate() {
        queue_mail(&store, None, &["a@example.jp"], format!("{BODY}x{tail}MAIL FROM:<evil@client.example>\r\n")).await;
        settled(&store, n + 1, Failed).await;
    }
    assert!(states(&store).await.iter().all(|(_, _, reply)| reply.starts_with("554 5.6.0")));
    assert!(hop.data().is_empty());
    delivery.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_used_checked_and_required_as_configured() {
    let keys = tempfile::tempdir().unwrap();
    let (chain, key) = certificate(keys.path());
    let other = tempfile::tempdir().unwrap();
    let (stranger, _) = certificate(other.path());
    let required = |pem: &Vec<u8>| TlsMode::Required { authorities: Some(pem.clone()), name: None };
    for (offered, mode, state, encrypted) in [
        (true, required(&chain), Delivered, true),
        (true, required(&stranger), Retry, false),
        (
            true,
            TlsMode::Required { authorities: Some(chain.clone()), name: Some("elsewhere.example".to_owned()) },
            Retry,
            false,
        ),
        (false, required(&chain), Retry, false),
        (true, TlsMode::Opportunistic, Delivered, true),
        (false, TlsMode::Opportunistic, Delivered, false),
        (true, TlsMode::None, Delivered, false),
    ] {
        let (store, _directory) = store().await;
        queue_mail(&store, None, &["a@example.jp"], BODY).await;
        let tls = offered.then(|| server_tls(&chain, &key));
        let hop = Peer::start(Manners { tls, ..Manners::default() }).await;
        let mut next = smtp(hop.address);
        let name = format!("offered {offered}, {}", format!("{mode:?}").chars().take(13).collect::<String>());
        next.tls = mode;
        let delivery = Delivery::start(&store, NextHop::Smtp(next), |_| {});
        settled(&store, 1, state).await;
        assert_eq!(hop.seen().contains(&Seen::Encrypted), encrypted, "{name}");
        let in_clear = hop.seen().iter().take_while(|s| **s != Seen::Encrypted).any(|s| matches!(s, Seen::Data(_)));
        assert_eq!(in_clear, state == Delivered && !encrypted, "{name}");
        delivery.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_injected_before_the_handshake_are_never_believed() {
    let keys = tempfile::tempdir().unwrap();
    let (chain, key) = certificate(keys.path());
    let (store, _directory) = store().await;
    queue_mail(&store, None, &["a@example.jp"], BODY).await;
    let injected = b"250-hop.example\r\n250 PIPELINING\r\n250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n".to_vec();
    let hop = Peer::start(Manners { tls: Some(server_tls(&chain, &key)), injected, ..Manners::default() }).await;
    let mut next = smtp(hop.address);
    next.tls = TlsMode::Required { authorities: Some(chain), name: None };
    let delivery = Delivery::start(&store, NextHop::Smtp(next), |_| {});
    settled(&store, 1, Retry).await;
    assert!(hop.data().is_empty());
    delivery.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strange_greetings_and_endless_replies_do_no_harm() {
    // "220 市役所" in Shift_JIS.
    let (store, _directory) = store().await;
    queue_mail(&store, None, &["a@example.jp"], BODY).await;
    let hop =
        Peer::start(Manners { greeting: b"220 \x8e\x73\x96\xf0\x8f\x8a ESMTP\r\n".to_vec(), ..Manners::default() })
            .await;
    let delivery = Delivery::start(&store, NextHop::Smtp(smtp(hop.address)), |_| {});
    settled(&store, 1, Delivered).await;
    delivery.stop().await;
    for greeting in [
        b"220 ".repeat(1_000_000),
        b"220-x\r\n".repeat(200_000),
        b"\r\n".repeat(10),
        b"hello\r\n".to_vec(),
        vec![0; 500_000],
    ] {
        queue_mail(&store, None, &["b@example.jp"], BODY).await;
        let hop = Peer::start(Manners { greeting, ..Manners::default() }).await;
        let delivery = Delivery::start(&store, NextHop::Smtp(smtp(hop.address)), |_| {});
        until("a retry", || async {
            states(&store).await.iter().any(|(_, s, r)| *s == Retry && r.starts_with("451 4.4.1"))
        })
        .await;
        delivery.stop().await;
        let sink = Peer::start(Manners::default()).await;
        let delivery = Delivery::start(&store, NextHop::Smtp(smtp(sink.address)), |_| {});
        until("the end", || async { states(&store).await.iter().all(|(_, s, _)| *s == Delivered) }).await;
        delivery.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_that_cannot_be_composed_postpones_the_failure() {
    let (store, _directory) = store().await;
    queue_mail(&store, Some("s@client.example"), &["a@example.jp"], BODY).await;
    let hop = Peer::start(answers(|line| line.starts_with("RCPT").then_some("550 5.1.1 no"))).await;
    let composer = gateway::Composer::default();
    let mut config = mail::delivery::DeliveryConfig::new(NextHop::Smtp(smtp(hop.address)), "gw.example.jp");
    config.retry = gateway::quick_retry();
    let shutdown = tokio_util::sync::CancellationToken::new();
    let run = tokio::spawn(mail::delivery::run(config, store.clone(), Arc::new(composer), shutdown.clone()));
    settled(&store, 1, Retry).await;
    shutdown.cancel();
    run.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_maildir_gets_one_file_per_recipient_and_no_name_becomes_a_path() {
    let (store, directory) = store().await;
    let maildir = directory.path().join("maildir");
    let delivery = Delivery::start(&store, NextHop::Maildir(maildir.clone()), |_| {});
    queue_mail(&store, Some("a@client.example"), &["b@example.jp", "\"../../etc/passwd\"@example.jp"], BODY).await;
    settled(&store, 2, Delivered).await;
    delivery.stop().await;
    let mut files: Vec<String> = std::fs::read_dir(maildir.join("new"))
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    files.sort();
    assert_eq!(
        files,
        [
            "Return-Path: <a@client.example>\nDelivered-To: \"../../etc/passwd\"@example.jp\nSubject: x\n\nhello\n",
            "Return-Path: <a@client.example>\nDelivered-To: b@example.jp\nSubject: x\n\nhello\n",
        ]
    );
    assert_eq!(std::fs::read_dir(maildir.join("tmp")).unwrap().count(), 0);
}

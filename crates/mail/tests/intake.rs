//! The intake with sockets and a real store: real clients, TLS, connection limits, stopping, what is durable.

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

use std::time::Duration;

use gateway::{Intake, certificate, read_reply, say, server_tls, swaks, until};
use store::WorkOrigin;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn greeted(intake: &Intake) -> TcpStream {
    let mut stream = TcpStream::connect(intake.address).await.unwrap();
    assert!(read_reply(&mut stream).await.starts_with("220 gw.example.jp ESMTP"));
    assert!(say(&mut stream, "EHLO client.example\r\n").await.contains("CHUNKING"));
    stream
}

async fn in_data(intake: &Intake) -> TcpStream {
    let mut stream = greeted(intake).await;
    assert!(say(&mut stream, "MAIL FROM:<a@client.example>\r\n").await.starts_with("250"));
    assert!(say(&mut stream, "RCPT TO:<b@example.jp>\r\n").await.starts_with("250"));
    assert!(say(&mut stream, "DATA\r\n").await.starts_with("354"));
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn swaks_delivers_and_the_original_carries_the_trace() {
    let intake = Intake::start(|_| {}).await;
    let server = intake.address.to_string();
    let arguments = [
        "--server",
        &server,
        "--from",
        "taro@client.example",
        "--to",
        "a@example.jp,b@example.jp",
        "--ehlo",
        "mx.client.example",
        "--header",
        "Subject: 試験",
        "--body",
        "first line\n.dot\n..two\n",
    ];
    let transcript = swaks(arguments.map(str::to_owned).to_vec()).await;
    assert!(transcript.contains("250 2.0.0 Accepted as 20"), "{transcript}");
    let originals = intake.originals().await;
    let (WorkOrigin::Mail { envelope }, text) = &originals[0] else { panic!("not a mail") };
    assert_eq!(envelope.sender.as_deref(), Some("taro@client.example"));
    assert_eq!(envelope.recipients, ["a@example.jp", "b@example.jp"]);
    assert!(
        text.starts_with("Received: from mx.client.example ([127.0.0.1])\r\n\tby gw.example.jp with ESMTP id 20"),
        "{text}"
    );
    assert!(text.contains(" +0900\r\n") && text.contains("\r\n.dot\r\n..two\r\n"), "{text}");
    assert!(mail::line_ends::canonical(text.as_bytes()));
}

#[tokio::test(flavor = "multi_thread")]
async fn swaks_delivers_over_starttls() {
    let keys = tempfile::tempdir().unwrap();
    let (chain, key) = certificate(keys.path());
    let intake = Intake::start(|config| config.tls = Some(server_tls(&chain, &key))).await;
    let server = intake.address.to_string();
    let transcript = swaks(
        ["--server", &server, "--from", "a@client.example", "--to", "b@example.jp", "--tls"]
            .map(str::to_owned)
            .to_vec(),
    )
    .await;
    assert!(transcript.contains("TLS started") && transcript.contains("~> EHLO"), "{transcript}");
    assert!(transcript.contains("Accepted as 20"), "{transcript}");
    let originals = intake.originals().await;
    let text = &originals[0].1;
    assert!(text.contains("with ESMTPS id ") && text.contains("\t(TLSv1.3 with TLS13_"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn plaintext_behind_starttls_is_never_answered() {
    let keys = tempfile::tempdir().unwrap();
    let (chain, key) = certificate(keys.path());
    let intake = Intake::start(|config| config.tls = Some(server_tls(&chain, &key))).await;
    let mut stream = greeted(&intake).await;
    stream.write_all(b"STARTTLS\r\nMAIL FROM:<evil@client.example>\r\n").await.unwrap();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert_eq!(String::from_utf8_lossy(&rest), "");
    // Injected after the 220 has been sent, it is no TLS handshake either.
    let mut stream = greeted(&intake).await;
    assert!(say(&mut stream, "STARTTLS\r\n").await.starts_with("220"));
    stream.write_all(b"MAIL FROM:<evil@client.example>\r\n").await.unwrap();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert!(!String::from_utf8_lossy(&rest).contains("250"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_message_goes_through_a_file_and_arrives_whole() {
    let intake = Intake::start(|_| {}).await;
    let mut stream = in_data(&intake).await;
    let line = format!("{}\r\n", "x".repeat(998));
    let body = format!("Subject: large\r\n\r\n{}", line.repeat(5000));
    let reply = say(&mut stream, &format!("{body}.\r\n")).await;
    assert!(reply.starts_with("250 2.0.0 Accepted as"), "{reply}");
    let originals = intake.originals().await;
    assert!(originals[0].1.ends_with(&body));
}

#[tokio::test(flavor = "multi_thread")]
async fn smuggled_line_ends_leave_no_message_behind() {
    let intake = Intake::start(|_| {}).await;
    let mut stream = in_data(&intake).await;
    let reply = say(&mut stream, "Subject: x\r\n\r\nfirst\n.\r\nMAIL FROM:<evil@client.example>\r\nRCPT TO:<b@example.jp>\r\nDATA\r\nforged\r\n.\r\n").await;
    assert!(reply.starts_with("554 5.6.11"), "{reply}");
    assert_eq!(read_reply(&mut stream).await, "");
    assert!(intake.originals().await.is_empty());
    let refused = intake.store.counts().await.unwrap();
    assert_eq!(refused.refused, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn connection_limits_answer_421_and_make_room_again() {
    let intake = Intake::start(|config| config.max_per_peer = 2).await;
    let first = greeted(&intake).await;
    let _second = greeted(&intake).await;
    let mut third = TcpStream::connect(intake.address).await.unwrap();
    assert_eq!(read_reply(&mut third).await, "421 4.7.0 Too many connections\r\n");
    drop(first);
    until("room for a connection", || async {
        let mut stream = TcpStream::connect(intake.address).await.unwrap();
        read_reply(&mut stream).await.starts_with("220")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_speaks_before_the_greeting_is_cut_off() {
    let intake = Intake::start(|config| config.greet_delay = Duration::from_millis(500)).await;
    let mut stream = TcpStream::connect(intake.address).await.unwrap();
    assert_eq!(say(&mut stream, "EHLO bot\r\n").await, "554 5.5.0 Protocol error\r\n");
    assert_eq!(read_reply(&mut stream).await, "");
    // Who waits is greeted.
    greeted(&intake).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_ends_in_421() {
    let intake = Intake::start(|config| {
        config.timeouts.command = Duration::from_millis(100);
        config.timeouts.data = Duration::from_millis(100);
    })
    .await;
    let mut stream = TcpStream::connect(intake.address).await.unwrap();
    read_reply(&mut stream).await;
    assert_eq!(read_reply(&mut stream).await, "421 4.4.2 Timeout\r\n");
    let mut stream = in_data(&intake).await;
    stream.write_all(b"Subject: never finished\r\n").await.unwrap();
    assert_eq!(read_reply(&mut stream).await, "421 4.4.2 Timeout\r\n");
    assert!(intake.originals().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_sends_idle_clients_away_and_lets_a_message_finish() {
    let intake = Intake::start(|_| {}).await;
    let mut idle = greeted(&intake).await;
    let mut busy = in_data(&intake).await;
    busy.write_all(b"Subject: half\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    intake.shutdown.cancel();
    assert_eq!(read_reply(&mut idle).await, "421 4.3.2 Service shutting down\r\n");
    let reply = say(&mut busy, "\r\nwhole\r\n.\r\n").await;
    assert!(reply.starts_with("250 2.0.0"), "{reply}");
    assert_eq!(read_reply(&mut busy).await, "421 4.3.2 Service shutting down\r\n");
    drop(busy);
    tokio::time::timeout(Duration::from_secs(5), intake.task).await.unwrap().unwrap();
    assert!(TcpStream::connect(intake.address).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_closed_answers_451() {
    let intake = Intake::start(|_| {}).await;
    intake.store.close().await;
    let mut stream = in_data(&intake).await;
    let reply = say(&mut stream, "x\r\n.\r\n").await;
    assert!(reply.starts_with("451 4.3.0"), "{reply}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_without_room_answers_452() {
    let (store, directory) = gateway::store_with(|config| config.reserve_bytes = u64::MAX).await;
    let intake = Intake::on(store, directory, |_| {}).await;
    let mut stream = in_data(&intake).await;
    let reply = say(&mut stream, "x\r\n.\r\n").await;
    assert!(reply.starts_with("452 4.3.1"), "{reply}");
    assert!(say(&mut stream, "NOOP\r\n").await.starts_with("250"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spool_that_fails_at_any_piece_of_a_message_is_never_answered_250() {
    const PIECES: usize = 4;
    const PIECE: usize = 10_000;
    let piece = "x".repeat(PIECE - 2) + "\r\n";
    for chunked in [false, true] {
        for fails_at in 1..=PIECES {
            // The spool becomes a file, and so can fail, at this piece; the margin is for the trace field.
            let inline = (fails_at - 1) * PIECE + PIECE / 2;
            let (store, directory) = gateway::store_with(|config| {
                config.reserve_bytes = 0;
                config.inline_bytes = inline;
            })
            .await;
            let intake = Intake::on(store, directory, |_| {}).await;
            let (incoming, away) =
                (intake.directory.path().join("data/incoming"), intake.directory.path().join("data/away"));
            std::fs::rename(&incoming, &away).unwrap();
            let what = format!("chunked {chunked}, fails at {fails_at}");
            let mut stream = if chunked { greeted(&intake).await } else { in_data(&intake).await };
            if chunked {
                say(&mut stream, "MAIL FROM:<a@client.example>\r\n").await;
                say(&mut stream, "RCPT TO:<b@example.jp>\r\n").await;
            }
            let mut reply = String::new();
            for n in 1..=PIECES {
                let last = n == PIECES;
                if chunked {
                    let word = if last { " LAST" } else { "" };
                    reply = say(&mut stream, &format!("BDAT {PIECE}{word}\r\n{piece}")).await;
                    if reply.starts_with("451") {
                        break;
                    }
                } else if last {
                    reply = say(&mut stream, &format!("{piece}.\r\n")).await;
                } else {
                    stream.write_all(piece.as_bytes()).await.unwrap();
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
            assert!(reply.starts_with("451 4.3.0"), "{what}: {reply}");
            std::fs::rename(&away, &incoming).unwrap();
            assert!(intake.originals().await.is_empty(), "{what}");
            // The session takes the message when it is sent again.
            assert!(say(&mut stream, "MAIL FROM:<a@client.example>\r\n").await.starts_with("250"), "{what}");
            assert!(say(&mut stream, "RCPT TO:<b@example.jp>\r\n").await.starts_with("250"), "{what}");
            assert!(say(&mut stream, "DATA\r\n").await.starts_with("354"), "{what}");
            let reply = say(&mut stream, &format!("{}.\r\n", piece.repeat(PIECES))).await;
            assert!(reply.starts_with("250"), "{what}: {reply}");
            let originals = intake.originals().await;
            assert!(originals.len() == 1 && originals[0].1.ends_with(&piece.repeat(PIECES)), "{what}");
        }
    }
}

#[test]
fn the_end_of_a_certificate_is_what_openssl_says() {
    let directory = tempfile::tempdir().unwrap();
    let (pem, _) = certificate(directory.path());
    let path = directory.path().join("cert.pem");
    let output = std::process::Command::new("openssl")
        .args(["x509", "-noout", "-enddate", "-dateopt", "iso_8601", "-in"])
        .arg(&path)
        .output()
        .unwrap();
    // notAfter=2026-12-21 19:00:00Z
    let said = String::from_utf8(output.stdout).unwrap();
    let said = said.trim().trim_start_matches("notAfter=").trim_end_matches('Z').replace([' ', '-', ':'], ",");
    let parts: Vec<u32> = said.split(',').map(|part| part.parse().unwrap()).collect();
    let expect =
        store::Timestamp::from_civil((parts[0].into(), parts[1], parts[2]), (parts[3], parts[4], parts[5]), 0).unwrap();
    assert_eq!(mail::intake::validity::ends(&pem), Some(expect));
    assert_eq!(mail::intake::validity::ends(b"no PEM"), None);
    assert_eq!(mail::intake::validity::ends(&pem[..pem.len() / 2]), None);
}

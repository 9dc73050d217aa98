//! The protocol: lines and connections without end, and false ends of data.

use std::time::{Duration, Instant};

use crate::kit::{PATIENCE, RECIPIENT, SENDER, Target, fields, text_mail};
use crate::support::{Client, dot_stuffed, read_maildir, submit};

/// Connections that one peer may have by default (`smtp.max_connections_per_peer`).
const PER_PEER: usize = 50;

#[test]
fn a_line_of_a_hundred_megabytes_is_refused_at_smtp() {
    let target = Target::start("");
    let offer = |parameter: &str| {
        let mut client = Client::connect(target.gateway.smtp).expect("connected");
        client.command("EHLO client.test").expect("a reply");
        let reply = client.command(&format!("MAIL FROM:<{SENDER}>{parameter}")).expect("a reply");
        (client, reply)
    };
    // Announced: refused before a byte of it is sent.
    let (_, reply) = offer(" SIZE=104857600");
    assert_eq!(reply.0, 552, "{}", reply.1);
    // Not announced: refused at the end of the data, or the connection is closed with that answer.
    let (mut client, _) = offer("");
    client.command(&format!("RCPT TO:<{RECIPIENT}>")).expect("a reply");
    assert_eq!(client.command("DATA").expect("a reply").0, 354);
    client.send(fields("long").as_bytes()).expect("sent");
    client.send(b"\r\n").expect("sent");
    let megabyte = vec![b'a'; 1 << 20];
    let sent = (0..100).try_for_each(|_| client.send(&megabyte)).and_then(|()| client.send(b"\r\n.\r\n"));
    match client.reply() {
        Ok(reply) => assert!(matches!(reply.0, 552 | 554), "{}", reply.1),
        Err(error) => assert!(sent.is_err(), "closed without a word: {error}"),
    }
    // Within the size of a message, and still no line of text.
    let long = format!("{}\r\n{}\r\n", fields("long"), "a".repeat(20 << 20));
    let reply = submit(target.gateway.smtp, SENDER, &[RECIPIENT], long.as_bytes()).expect("a reply");
    assert_eq!(reply.0, 554, "{}", reply.1);
    // As long as a line may be: it arrives, and what leaves has lines that every server takes.
    let long = format!("{}\r\nkeep-me {}\r\n", fields("long"), "a".repeat((1 << 20) - 100));
    let arrived = target.pass(long.as_bytes());
    assert!(arrived.text().contains("keep-me") && arrived.text().len() > (1 << 20) - 100, "{}", arrived.text().len());
    assert!(read_maildir(&target.maildir()).len() == 1, "of what was refused nothing arrives");
    target.still_serves();
}

#[test]
fn a_flood_of_connections_is_answered_with_421_and_leaves_those_inside_their_way() {
    let target = Target::start("");
    // As many as one peer may have; most say nothing, some stop in the middle of a message.
    let mut inside: Vec<Client> = Vec::new();
    while inside.len() < PER_PEER {
        let mut client = Client::connect(target.gateway.smtp).expect("connected");
        if inside.len().is_multiple_of(4) {
            begin_data(&mut client);
            client.send(b"Subject: never finished\r\n\r\nhalf a li").expect("sent");
        }
        inside.push(client);
    }
    for _ in 0..200 {
        let mut refused = Client::unread(target.gateway.smtp).expect("connected");
        assert_eq!(refused.reply().expect("a reply").0, 421);
    }
    // Who came in before the flood is served in it.
    let client = &mut inside[1];
    begin_data(client);
    client.send(&dot_stuffed(text_mail("inside", "keep-me").as_bytes())).expect("sent");
    let (code, text) = client.reply().expect("a reply");
    assert_eq!(code, 250, "{text}");
    target.arrived(text.trim().rsplit(' ').next().expect("a receipt")).says("keep-me");
    // When they go, others come in, and nothing half-sent is left.
    drop(inside);
    let started = Instant::now();
    while Client::connect(target.gateway.smtp)
        .and_then(|mut client| client.command("EHLO client.test"))
        .ok()
        .map(|r| r.0)
        != Some(250)
    {
        assert!(started.elapsed() < PATIENCE, "nobody is let in any more");
        std::thread::sleep(Duration::from_millis(10));
    }
    target.still_serves();
    assert_eq!(read_maildir(&target.maildir()).len(), 2, "of what was not finished nothing arrives");
}

#[test]
fn data_sent_with_every_false_end_is_refused_and_leaves_no_second_mail() {
    let target = Target::start("");
    for end in ["\n.\n", "\n.\r\n", "\r.\r", "\r\n.\n", "\r\n.\r", "\n.\r", "\r.\r\n", "\r.\n", "\r\r\n.\r\r\n"] {
        let mut client = Client::connect(target.gateway.smtp).expect("connected");
        begin_data(&mut client);
        let smuggled = format!(
            "Subject: outer\r\n\r\none{end}MAIL FROM:<evil@example.jp>\r\nRCPT TO:<{RECIPIENT}>\r\nDATA\r\nSubject: inner\r\n\r\ntwo"
        );
        client.send(smuggled.as_bytes()).expect("sent");
        client.send(&dot_stuffed(b"\r\n")).expect("sent");
        let reply = client.reply().expect("a reply");
        assert_eq!(reply.0, 554, "{end:?}: {}", reply.1);
    }
    assert!(read_maildir(&target.maildir()).is_empty());
    target.still_serves();
}

/// Says hello, names sender and recipient, and begins a message.
fn begin_data(client: &mut Client) {
    client.command("EHLO client.test").expect("a reply");
    client.command(&format!("MAIL FROM:<{SENDER}>")).expect("a reply");
    client.command(&format!("RCPT TO:<{RECIPIENT}>")).expect("a reply");
    assert_eq!(client.command("DATA").expect("a reply").0, 354);
}

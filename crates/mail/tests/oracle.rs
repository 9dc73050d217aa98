//! smtp-proto 0.2.5 as a second reader: what our grammar accepts, it must accept with the same meaning. It is far more lenient
//! the other way round (reference: `bdat.rs`, `smuggling.rs` and the refusals in the grammar's own tests).
//!
//! Known disagreements, each with its decision:
//!
//! | line | ours | smtp-proto | decision |
//! |---|---|---|---|
//! | `RCPT TO:<.taro..x.@docomo.ne.jp>` | accepted | refused | ours: such addresses exist |
//! | `RCPT TO:<"a b"@x.example>` | `"a b"` stays quoted on output | unquoted value | same value, ours writes it quoted |
//! | `RCPT TO:<a@[IPv6:2001:DB8::1]>` | literal in canonical form | literal as written | same meaning |

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

use mail::intake::grammar::{self, Body, Command, Recipient};
use proptest::prelude::*;
use smtp_proto::{MAIL_BODY_7BIT, MAIL_BODY_8BITMIME, MAIL_SMTPUTF8, Request};

fn oracle(line: &str) -> Option<Request<String>> {
    let wire = format!("{line}\r\n");
    let mut octets = wire.as_bytes().iter();
    let request = Request::parse(&mut octets).ok()?.into_owned();
    octets.as_slice().is_empty().then_some(request)
}

/// Whether the two readers agree on a line that ours accepts; an error names the difference.
fn agree(line: &str) -> Result<(), String> {
    let Ok(command) = grammar::parse(line.as_bytes()) else { return Ok(()) };
    let theirs = oracle(line);
    let same = match (&command, &theirs) {
        (Command::Helo(name), Some(Request::Helo { host })) => name == host,
        (Command::Ehlo(name), Some(Request::Ehlo { host })) => name == host,
        (Command::Mail(sender, parameters), Some(Request::Mail { from })) => {
            let address = sender.as_ref().map(|a| format!("{}@{}", a.local(), a.domain())).unwrap_or_default();
            let body = match parameters.body {
                None => 0,
                Some(Body::SevenBit) => MAIL_BODY_7BIT,
                Some(Body::EightBit) => MAIL_BODY_8BITMIME,
            };
            let utf8 = if parameters.smtputf8 { MAIL_SMTPUTF8 } else { 0 };
            address.eq_ignore_ascii_case(&from.address)
                && parameters.size.unwrap_or(0) == from.size as u64
                && from.flags == body | utf8
        }
        (Command::Rcpt(Recipient::Address(a)), Some(Request::Rcpt { to })) => {
            format!("{}@{}", a.local(), a.domain()).eq_ignore_ascii_case(&to.address)
        }
        (Command::Rcpt(Recipient::Postmaster), Some(Request::Rcpt { to })) => {
            to.address.eq_ignore_ascii_case("postmaster")
        }
        (Command::Bdat(chunk), Some(Request::Bdat { chunk_size, is_last })) => {
            chunk.octets == *chunk_size as u64 && chunk.last == *is_last
        }
        (Command::Data, Some(Request::Data))
        | (Command::Rset, Some(Request::Rset))
        | (Command::Quit, Some(Request::Quit))
        | (Command::StartTls, Some(Request::StartTls))
        | (Command::Noop, Some(Request::Noop { .. }))
        | (Command::Vrfy, Some(Request::Vrfy { .. }))
        | (Command::Help, Some(Request::Help { .. })) => true,
        _ => false,
    };
    if same { Ok(()) } else { Err(format!("{line:?}: ours {command:?}, theirs {theirs:?}")) }
}

#[test]
fn the_known_disagreements_are_those_of_the_table() {
    for line in ["RCPT TO:<.taro..x.@docomo.ne.jp>", "RCPT TO:<a@[IPv6:2001:DB8:0::1]>"] {
        assert!(grammar::parse(line.as_bytes()).is_ok());
        assert!(agree(line).is_err(), "{line}");
    }
}

/// Dots where RFC 5321 has none: the first row of the table.
fn has_dots_of_telephones(line: &str) -> bool {
    let local = line.split_once('<').and_then(|(_, path)| path.rsplit_once('@')).map_or("", |(local, _)| local);
    local.starts_with('.') || local.ends_with('.') || local.contains("..")
}

fn label() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9]([a-zA-Z0-9-]{0,6}[a-zA-Z0-9])?"
}

fn mailbox() -> impl Strategy<Value = String> {
    let local = prop_oneof![
        3 => "[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,10}(\\.[a-z0-9+_-]{1,6}){0,2}",
        1 => "\"[a-z @<>,:;.]{1,8}\"",
        1 => "[ぁ-ん]{1,4}",
    ];
    (local, prop::collection::vec(label(), 1..4)).prop_map(|(local, labels)| format!("{local}@{}", labels.join(".")))
}

fn parameters() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop_oneof![
            "SIZE=[0-9]{1,21}".prop_map(|s| format!(" {s}")),
            Just(" BODY=8BITMIME".to_owned()),
            Just(" body=7bit".to_owned()),
            Just(" SMTPUTF8".to_owned()),
            "( |=|[A-Z]){1,5}".prop_map(|s| format!(" {s}")),
        ],
        0..4,
    )
    .prop_map(|all| all.concat())
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (mailbox(), parameters()).prop_map(|(m, p)| format!("MAIL FROM:<{m}>{p}")),
        1 => parameters().prop_map(|p| format!("MAIL FROM:<>{p}")),
        4 => mailbox().prop_map(|m| format!("rcpt to:<{m}>")),
        2 => "BDAT [0-9]{1,22}( LAST)?",
        2 => "(EHLO|HELO|NOOP|VRFY|DATA|RSET|QUIT|STARTTLS|HELP)( [a-z0-9.\\[\\]:-]{1,12})?",
        2 => "(MAIL FROM:|RCPT TO:)[<>@a-z\".\\\\ ]{0,12}",
        1 => "[ -~]{0,20}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn what_ours_accepts_means_the_same_to_smtp_proto(line in line()) {
        prop_assume!(!has_dots_of_telephones(&line));
        prop_assert_eq!(agree(&line), Ok(()));
    }
}

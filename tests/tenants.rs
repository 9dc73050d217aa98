//! Several organisations on one real gateway: the command that adds them, mail for two of them, their pages, a flood, a restart, the end.

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

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use support::{Gateway, python_reads, read_maildir, submit, wait_for};

const PATIENCE: Duration = Duration::from_secs(60);

fn mail(subject: &str) -> Vec<u8> {
    format!("From: a@partner.example\r\nTo: undisclosed-recipients:;\r\nSubject: {subject}\r\nDate: Sat, 21 Nov 2026 09:00:00 +0900\r\nMessage-ID: <{subject}@partner.example>\r\n\r\nhello\r\n").into_bytes()
}

fn inbox(gateway: &Gateway, tenant: Option<&str>) -> PathBuf {
    let data = gateway.directory.join("data");
    tenant.map_or(data.clone(), |key| data.join("tenants").join(key)).join("maildir/new")
}

/// `misogi tenant …`, with what it printed and whether it was done.
fn tenant(gateway: &Gateway, arguments: &[&str]) -> (bool, String) {
    let output = gateway.command(&[&["tenant"], arguments].concat());
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

fn settings<'a>(name: &'a str, domain: &'a str, urls: &'a [String; 2]) -> Vec<&'a str> {
    vec!["--name", name, "--domain", domain, "--portal-url", &urls[0], "--admin-url", &urls[1]]
}

fn urls(city: &str) -> [String; 2] {
    [format!("http://mugai.{city}.example.lg.jp"), format!("http://kanri.{city}.example.lg.jp")]
}

fn page(server: SocketAddr, host: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(server).expect("connected");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("read");
    let text = String::from_utf8_lossy(&answer).into_owned();
    (text.get(9..12).and_then(|code| code.parse().ok()).unwrap_or(0), text)
}

fn receipts(gateway: &Gateway, tenant: &[&str]) -> Vec<String> {
    let output = gateway.command(&[&["audit", "verify"], tenant].concat());
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.starts_with("audit log whole"), "{said}");
    vec![said]
}

#[test]
fn a_gateway_serves_two_organisations_that_know_nothing_of_each_other() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut gateway = Gateway::start(
        directory.path(),
        "[site]\nname = \"みそぎ県\"\nportal_url = \"http://mugai.pref.example.lg.jp\"\n",
    );
    let (a, b) = (urls("city-a"), urls("city-b"));
    let own_name = [urls("pref")[0].clone(), b[1].clone()];

    // Added while it runs, with a link for the first administrator.
    let add = |key, name, domain, urls| tenant(&gateway, &[&["add", key][..], &settings(name, domain, urls)].concat());
    let (done, said) = add("city-a", "A市", "city-a.example.lg.jp", &a);
    assert!(done && said.contains("http://kanri.city-a.example.lg.jp/setup/"), "{said}");
    let (done, said) = add("city-b", "B市", "city-a.example.lg.jp", &b);
    assert!(!done && said.contains("belongs to another tenant"), "{said}");
    let (done, said) = add("city-b", "B市", "city-b.example.lg.jp", &own_name);
    assert!(!done && said.contains("leads to another site"), "the gateway's own name: {said}");
    assert!(add("city-b", "B市", "city-b.example.lg.jp", &b).0);

    // One mail for all three: each has it, for its own people alone.
    let to = ["x@city-a.example.lg.jp", "k@pref.example.lg.jp", "y@city-b.example.lg.jp", "z@city-a.example.lg.jp"];
    let reply = submit(gateway.smtp, "a@partner.example", &to, &mail("threefold")).unwrap();
    assert_eq!(reply.0, 250, "{}", reply.1);
    assert_eq!(reply.1.matches("-").count(), 3, "three receipts: {}", reply.1);
    let own = wait_for(&inbox(&gateway, None), 1, PATIENCE);
    let in_a = wait_for(&inbox(&gateway, Some("city-a")), 2, PATIENCE);
    let in_b = wait_for(&inbox(&gateway, Some("city-b")), 1, PATIENCE);
    let of = |mails: &[Vec<u8>]| -> Vec<String> {
        let mut all: Vec<String> =
            mails.iter().map(|mail| python_reads(mail)["receipt"].as_str().unwrap().to_owned()).collect();
        all.dedup();
        all
    };
    let all = [of(&own), of(&in_a), of(&in_b)].concat();
    assert_eq!(all.len(), 3, "one receipt for each organisation: {all:?}");
    assert!(all.iter().all(|receipt| reply.1.contains(receipt)), "{all:?} {}", reply.1);
    let text = |mails: &[Vec<u8>]| String::from_utf8_lossy(&mails.concat()).into_owned();
    assert!(text(&in_a).contains("x@city-a") && text(&in_a).contains("z@city-a"));
    for (mails, others) in
        [(&own, ["city-a", "city-b"]), (&in_a, ["pref.example", "city-b"]), (&in_b, ["pref.example", "city-a"])]
    {
        for other in others {
            assert!(!text(mails).contains(other), "{other} in {}", text(mails));
        }
    }

    // Each name has the pages of its own, and a stranger's none.
    for (host, name) in [("mugai.city-a.example.lg.jp", "A市"), ("mugai.city-b.example.lg.jp", "B市")] {
        let (status, shown) = page(gateway.portal, host, "/sign-in");
        assert!(status == 200 && shown.contains(name), "{host}: {shown}");
    }
    let (status, shown) = page(gateway.portal, "mugai.pref.example.lg.jp", "/");
    assert!(status == 200 && shown.contains("みそぎ県") && !shown.contains("団体"), "{shown}");
    assert_eq!(page(gateway.portal, "mugai.city-c.example.lg.jp", "/").0, 421);

    // Commands look into the store that they are told of, and each has an audit of its own.
    assert_ne!(receipts(&gateway, &[]), receipts(&gateway, &["--tenant", "city-a"]));
    let (_, listed) = tenant(&gateway, &["list", "--json"]);
    let listed: Vec<serde_json::Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let keys: Vec<Option<&str>> = listed.iter().map(|tenant| tenant["key"].as_str()).collect();
    assert_eq!(keys, [None, Some("city-a"), Some("city-b")]);

    // A new name takes effect, and everything is there again after a restart.
    let changed =
        tenant(&gateway, &[&["change", "city-b"][..], &settings("新B市", "city-b.example.lg.jp", &b)].concat());
    assert!(changed.0, "{}", changed.1);
    assert!(page(gateway.portal, "mugai.city-b.example.lg.jp", "/sign-in").1.contains("新B市"));
    assert!(gateway.stop());
    gateway.restart();
    assert!(page(gateway.portal, "mugai.city-b.example.lg.jp", "/sign-in").1.contains("新B市"));
    assert_eq!(submit(gateway.smtp, "a@partner.example", &["y@city-b.example.lg.jp"], &mail("again")).unwrap().0, 250);
    wait_for(&inbox(&gateway, Some("city-b")), 2, PATIENCE);

    // Only who has nothing goes.
    let (done, said) = tenant(&gateway, &["remove", "city-b"]);
    assert!(!done && said.contains("still has mails"), "{said}");
    let c = urls("city-c");
    assert!(tenant(&gateway, &[&["add", "city-c"][..], &settings("C町", "city-c.example.lg.jp", &c)].concat()).0);
    let (done, said) = tenant(&gateway, &["remove", "city-c"]);
    assert!(done, "{said}");
    assert_eq!(page(gateway.portal, "mugai.city-c.example.lg.jp", "/").0, 421);
    // Its domain is nobody's again, and what nobody has is the gateway's own.
    assert_eq!(submit(gateway.smtp, "a@partner.example", &["x@city-c.example.lg.jp"], &mail("late")).unwrap().0, 250);
    wait_for(&inbox(&gateway, None), 2, PATIENCE);
    assert!(gateway.stop());
}

#[test]
fn one_that_is_flooded_holds_no_other_up() {
    const FLOOD: usize = 600;
    let directory = tempfile::tempdir().expect("a directory");
    let gateway = Gateway::start(directory.path(), "[rooms]\nslots = 1\nspares = 1\n[office]\nlibreoffice = false");
    for city in ["city-a", "city-b"] {
        let domain = format!("{city}.example.lg.jp");
        let (done, said) = tenant(&gateway, &[&["add", city][..], &settings(city, &domain, &urls(city))].concat());
        assert!(done, "{said}");
    }
    // Several at once, so that they come faster than one slot converts.
    std::thread::scope(|scope| {
        for sender in 0..6 {
            let smtp = gateway.smtp;
            scope.spawn(move || {
                for number in 0..FLOOD / 6 {
                    let mail = mail(&format!("flood-{sender}-{number}"));
                    let reply = submit(smtp, "a@partner.example", &["x@city-a.example.lg.jp"], &mail).unwrap();
                    assert_eq!(reply.0, 250, "{}", reply.1);
                }
            });
        }
    });
    let before = read_maildir(&inbox(&gateway, Some("city-a"))).len();
    let begun = Instant::now();
    submit(gateway.smtp, "a@partner.example", &["y@city-b.example.lg.jp"], &mail("single")).unwrap();
    wait_for(&inbox(&gateway, Some("city-b")), 1, PATIENCE);
    let (waited, between) = (begun.elapsed(), read_maildir(&inbox(&gateway, Some("city-a"))).len());
    assert!(between < FLOOD, "the flood was over before it could hold anybody up");
    println!("{before} of {FLOOD} were converted before, {between} when the single mail was there, after {waited:?}");
    assert!(between - before < FLOOD / 4, "{before} {between}");
}

/// Puts something in the way of a tenant's store, or takes it away again.
fn obstruct(gateway: &Gateway, key: &str) -> PathBuf {
    let lock = gateway.directory.join("data/tenants").join(key).join("lock");
    std::fs::remove_file(&lock).expect("there was a store");
    std::fs::create_dir(&lock).expect("obstructed");
    lock
}

fn reply_to(gateway: &Gateway, recipients: &[&str], subject: &str) -> u16 {
    submit(gateway.smtp, "a@partner.example", recipients, &mail(subject)).unwrap().0
}

/// Waits until mail for a recipient is taken.
fn until_taken(gateway: &Gateway, recipient: &str) {
    let begun = Instant::now();
    while reply_to(gateway, &[recipient], "again") != 250 {
        assert!(begun.elapsed() < PATIENCE, "not served again: {}", gateway.log());
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_tenant_that_cannot_be_served_is_nobody_elses_matter_and_is_tried_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut gateway = Gateway::start(directory.path(), "");
    for city in ["city-a", "city-b", "city-c"] {
        let domain = format!("{city}.example.lg.jp");
        let (done, said) = tenant(&gateway, &[&["add", city][..], &settings(city, &domain, &urls(city))].concat());
        assert!(done, "{said}");
    }
    let conditions = |gateway: &Gateway| page(gateway.portal, "127.0.0.1", "/readyz").1;
    assert!(conditions(&gateway).contains(r#"{"name":"tenants","status":"ok"}"#), "{}", conditions(&gateway));

    // At the start.
    assert!(gateway.stop());
    let (lock_b, _lock_c) = (obstruct(&gateway, "city-b"), obstruct(&gateway, "city-c"));
    gateway.restart();
    assert_eq!(reply_to(&gateway, &["x@city-a.example.lg.jp"], "one"), 250);
    assert_eq!(reply_to(&gateway, &["x@elsewhere.example"], "own"), 250);
    assert_eq!(reply_to(&gateway, &["x@city-b.example.lg.jp"], "waits"), 451, "its mail is not the gateway's own");
    assert!(conditions(&gateway).contains("2 of 3 are not served, or cannot deliver"), "{}", conditions(&gateway));
    // To do it again does not answer that it was done.
    let b = urls("city-b");
    let change = |name| [&["change", "city-b"][..], &settings(name, "city-b.example.lg.jp", &b)].concat();
    for _ in 0..2 {
        let (done, said) = tenant(&gateway, &change("B"));
        assert!(!done && said.contains("the log says why"), "{said}");
    }
    // Who has nothing goes, served or not.
    let (done, said) = tenant(&gateway, &["remove", "city-c"]);
    assert!(done, "{said}");
    assert_eq!(reply_to(&gateway, &["x@city-c.example.lg.jp"], "own"), 250);
    // And by itself it is there again.
    std::fs::remove_dir(&lock_b).expect("clear");
    until_taken(&gateway, "x@city-b.example.lg.jp");
    assert!(page(gateway.portal, "mugai.city-b.example.lg.jp", "/sign-in").1.contains('B'));

    // While it runs: what has failed to take effect takes effect when it is done again.
    let lock = obstruct(&gateway, "city-b");
    let (done, said) = tenant(&gateway, &change("新B市"));
    assert!(!done, "{said}");
    assert_eq!(reply_to(&gateway, &["x@city-b.example.lg.jp"], "waits"), 451);
    assert_eq!(page(gateway.portal, "mugai.city-b.example.lg.jp", "/sign-in").0, 421);
    std::fs::remove_dir(&lock).expect("clear");
    let (done, said) = tenant(&gateway, &change("新B市"));
    assert!(done, "{said}");
    assert!(page(gateway.portal, "mugai.city-b.example.lg.jp", "/sign-in").1.contains("新B市"));
    assert!(gateway.stop());
}

#[test]
fn a_part_of_a_tenant_that_ends_by_itself_ends_nobody_else() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut gateway = Gateway::start(directory.path(), "");
    let domain = "city-a.example.lg.jp";
    assert!(tenant(&gateway, &[&["add", "city-a"][..], &settings("A", domain, &urls("city-a"))].concat()).0);
    assert!(gateway.stop());
    // Where its mail goes cannot be written.
    let maildir = gateway.directory.join("data/tenants/city-a/maildir");
    std::fs::remove_dir_all(&maildir).expect("there was one");
    std::fs::write(&maildir, "in the way").expect("obstructed");
    gateway.restart();
    let begun = Instant::now();
    while !gateway.log().contains("tenant_failed") {
        assert!(begun.elapsed() < PATIENCE, "{}", gateway.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(reply_to(&gateway, &["x@city-a.example.lg.jp"], "waits"), 451);
    assert_eq!(reply_to(&gateway, &["x@elsewhere.example"], "own"), 250);
    wait_for(&inbox(&gateway, None), 1, PATIENCE);
    std::fs::remove_file(&maildir).expect("clear");
    until_taken(&gateway, "x@city-a.example.lg.jp");
    wait_for(&inbox(&gateway, Some("city-a")), 1, PATIENCE);
    assert!(gateway.stop());
}

#[test]
fn whoever_runs_the_gateway_as_a_whole_is_made_on_the_machine() {
    let directory = tempfile::tempdir().expect("a directory");
    let gateway = Gateway::start(directory.path(), "");
    let platform_admin = |arguments: &[&str]| {
        let output = gateway.command(&[&["platform-admin"], arguments].concat());
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    };
    // The link of the first set-up would not work any more, and there would be no administrator.
    let (done, said) = platform_admin(&["add", "kencho"]);
    assert!(!done && said.contains("the first administrator has to be made before"), "{said}");
    let (done, said) = platform_admin(&["remove", "kencho"]);
    assert!(!done && said.contains("no platform administrator"), "{said}");
    // A link for the administrator of a tenant is written down with who asked for it.
    let a = urls("city-a");
    assert!(tenant(&gateway, &[&["add", "city-a"][..], &settings("A", "city-a.example.lg.jp", &a)].concat()).0);
    assert!(tenant(&gateway, &["invite", "city-a"]).0);
    // Earlier versions let the role be given there; it is not given any more, and can be taken.
    let of_tenant = gateway.directory.join("data/tenants/city-a/misogi.sqlite");
    let script = "import sqlite3,sys\nwith sqlite3.connect(sys.argv[1], timeout=10) as own: own.execute(\"INSERT INTO users (name, password_hash, role, state, failed, created) VALUES ('kencho', 'none', 5, 0, 0, 0)\")";
    let made = std::process::Command::new("python3").args(["-c", script]).arg(&of_tenant).status().expect("python3");
    assert!(made.success());
    for action in ["add", "reset"] {
        let (done, said) = platform_admin(&["--tenant", "city-a", action, "kencho"]);
        assert!(!done && said.contains("a tenant has no platform administrators"), "{said}");
    }
    let remove = ["--tenant", "city-a", "remove", "kencho"];
    let (done, said) = platform_admin(&remove);
    assert!(done, "{said}");
    let (done, said) = platform_admin(&remove);
    assert!(!done && said.contains("no platform administrator"), "{said}");
    let database = gateway.directory.join("data/misogi.sqlite");
    let script = "import sqlite3,sys\nfor row in sqlite3.connect(sys.argv[1]).execute(\"SELECT actor FROM audit WHERE event = 'tenant_invited'\"): print(row[0])";
    let output = std::process::Command::new("python3").args(["-c", script]).arg(&database).output().expect("python3");
    let actors = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(actors.lines().filter(|actor| actor.starts_with("command line, uid ")).count(), 2, "{actors}");
}

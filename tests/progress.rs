//! Who waits for a document of many pages is told how far it is: programs that ask, programs and pages that listen, and the page itself.

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

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::http::{ask, upload};
use support::{Gateway, get};

const PATIENCE: Duration = Duration::from_secs(180);

/// Pages that take a while: each becomes an image.
const SLOW: &str = "[pages]\nmax = \"raster\"\ndpi = 72\ncompared = 0\n";

/// A PDF of so many pages full of letters (ISO 32000-1 7.5).
fn report(pages: usize) -> Vec<u8> {
    let (font, tree, catalog) = (1, 2 * pages + 2, 2 * pages + 3);
    let mut objects = vec!["<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned()];
    let mut kids = String::new();
    for page in 1..=pages {
        let mut content = "BT /F1 9 Tf 11 TL 40 800 Td\n".to_owned();
        for line in 1..=60 {
            writeln!(
                content,
                "(page {page} line {line} of a report that has many pages and on each of them many words) Tj T*"
            )
            .unwrap();
        }
        content.push_str("ET");
        objects.push(format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()));
        objects.push(format!(
            "<< /Type /Page /Parent {tree} 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 {font} 0 R >> >> /Contents {} 0 R >>",
            2 * page
        ));
        write!(kids, "{} 0 R ", 2 * page + 1).unwrap();
    }
    objects.push(format!("<< /Type /Pages /Count {pages} /Kids [{kids}] >>"));
    objects.push(format!("<< /Type /Catalog /Pages {tree} 0 R >>"));
    let mut pdf = "%PDF-1.7\n".to_owned();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (number, object) in (1..).zip(&objects) {
        writeln!(table, "{:010} 00000 n ", pdf.len()).unwrap();
        write!(pdf, "{number} 0 obj\n{object}\nendobj\n").unwrap();
    }
    let start = pdf.len();
    write!(pdf, "{table}trailer << /Size {} /Root {catalog} 0 R >>\nstartxref\n{start}\n%%EOF\n", objects.len() + 1)
        .unwrap();
    pdf.into_bytes()
}

/// Uploads a file; its name in addresses.
fn send(portal: SocketAddr, name: &str, bytes: &[u8]) -> String {
    let answer = upload(portal, "/api/v1/files", "", &[], (name, bytes));
    assert_eq!(answer.status, 202, "{}", answer.text());
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// What is said of a file until it is done, each time it is asked.
fn asked(portal: SocketAddr, id: &str) -> Vec<Value> {
    let started = Instant::now();
    let mut said = Vec::new();
    loop {
        let state = ask(portal, "GET", &format!("/api/v1/files/{id}"), &[], b"").json();
        let ended = state["state"] == "done";
        said.push(state);
        if ended {
            return said;
        }
        assert!(started.elapsed() < PATIENCE, "{said:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What the stream of events says until it says that nothing is pending. It ends now and then, and is opened anew as browsers do.
fn heard(portal: SocketAddr, id: &str) -> Vec<Value> {
    let started = Instant::now();
    let mut said: Vec<Value> = Vec::new();
    while said.last().is_none_or(|last| last["pending"] == true) {
        assert!(started.elapsed() < PATIENCE, "{said:?}");
        let mut stream = TcpStream::connect(portal).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = format!("GET /b/{id}/events HTTP/1.1\r\nHost: {portal}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        for line in BufReader::new(stream).lines() {
            if let Some(data) = line.unwrap().strip_prefix("data: ") {
                said.push(serde_json::from_str(data).unwrap());
            }
        }
    }
    said
}

/// The pairs of pages done and pages in all, without repetition.
fn pairs<'a>(said: impl IntoIterator<Item = &'a Value>) -> Vec<(u64, u64)> {
    let pair = |pages: &Value| Some((pages["done"].as_u64()?, pages["of"].as_u64()?));
    let mut pairs: Vec<(u64, u64)> = said.into_iter().filter_map(pair).collect();
    pairs.dedup();
    pairs
}

fn rises(pairs: &[(u64, u64)]) -> bool {
    pairs.windows(2).all(|two| two[0].0 <= two[1].0)
}

#[test]
fn pages_that_are_done_are_told_to_who_asks_to_who_listens_and_on_the_page() {
    const PAGES: u64 = 500;
    let directory = tempfile::tempdir().expect("a directory");
    let gateway = Gateway::start(directory.path(), SLOW);
    let portal = gateway.portal;
    let id = send(portal, "report.pdf", &report(500));
    let listening = std::thread::spawn({
        let id = id.clone();
        move || heard(portal, &id)
    });
    let looking = std::thread::spawn({
        let id = id.clone();
        move || {
            let started = Instant::now();
            loop {
                let (status, page) = get(portal, &format!("/b/{id}"));
                assert_eq!(status, 200);
                if page.contains(&format!("max=\"{PAGES}\"")) || started.elapsed() > PATIENCE {
                    return page;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    });
    let asked = asked(portal, &id);
    let told = pairs(asked.iter().map(|state| &state["pages"]));
    assert!(told.iter().filter(|(done, _)| (1..PAGES).contains(done)).count() >= 3, "{told:?}");
    assert!(told.iter().all(|(done, of)| done <= of && *of == PAGES) && rises(&told), "{told:?}");
    for state in asked.iter().filter(|state| state["state"] != "working") {
        assert!(state["pages"].is_null(), "only what is under way has pages that are done: {state}");
    }

    let heard = listening.join().unwrap();
    let told = pairs(heard.iter().flat_map(|progress| progress["pages"].as_array().unwrap()));
    assert!(told.iter().filter(|(done, _)| (1..PAGES).contains(done)).count() >= 2, "{heard:?}");
    assert!(told.iter().all(|(done, of)| done <= of && *of == PAGES) && rises(&told), "{told:?}");
    let last = heard.last().unwrap();
    assert_eq!((&last["pending"], &last["done"], &last["total"]), (&false.into(), &1.into(), &1.into()), "{last}");
    assert_eq!(last["pages"], serde_json::json!([]), "{last}");

    // Without scripts the page that is asked for again says the same.
    let page = looking.join().unwrap();
    let bar = page.split("<progress ").nth(1).and_then(|rest| rest.split('>').next()).unwrap();
    assert!(bar.contains("report.pdf") && bar.contains(&format!("max=\"{PAGES}\"")), "{bar}");
    assert!(page.contains("http-equiv=\"refresh\""), "{page}");

    let result = ask(portal, "GET", &format!("/api/v1/files/{id}/result"), &[], b"");
    let path = directory.path().join("result.pdf");
    std::fs::write(&path, &result.body).unwrap();
    let info =
        Command::new("pdfinfo").arg(&path).stderr(Stdio::null()).output().expect("pdfinfo is installed (./test)");
    let info = String::from_utf8_lossy(&info.stdout).into_owned();
    assert!(info.contains(&format!("Pages:           {PAGES}")), "{info}");
}

#[test]
fn of_an_archive_the_pages_of_all_documents_in_it_are_told() {
    let directory = tempfile::tempdir().expect("a directory");
    let gateway = Gateway::start(directory.path(), SLOW);
    let names = [("first.pdf", 200), ("second.pdf", 150)];
    for (name, pages) in names {
        std::fs::write(directory.path().join(name), report(pages)).unwrap();
    }
    let zipped = Command::new("zip")
        .args(["-q", "two.zip", "first.pdf", "second.pdf"])
        .current_dir(directory.path())
        .status()
        .expect("zip is installed (./test)");
    assert!(zipped.success());
    let id = send(gateway.portal, "two.zip", &std::fs::read(directory.path().join("two.zip")).unwrap());
    let told = pairs(asked(gateway.portal, &id).iter().map(|state| &state["pages"]));
    assert!(told.iter().all(|(done, of)| done <= of && [200, 150, 350].contains(of)) && rises(&told), "{told:?}");
    assert_eq!(told.iter().map(|(_, of)| *of).max(), Some(350), "{told:?}");
    assert!(told.iter().any(|(done, of)| *of == 350 && (1..350).contains(done)), "{told:?}");
}

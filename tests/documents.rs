//! Pages that list what the code knows, kept from drifting away from it.

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

#[path = "support/workspace.rs"]
mod workspace;

use form::reason::Reason;
use workspace::root;

fn page(name: &str) -> String {
    std::fs::read_to_string(root().join("docs").join(name)).expect("the page is there")
}

#[test]
fn every_reason_has_its_row_and_no_row_is_left_over() {
    let page = page("findings.md");
    let rows: Vec<&str> =
        page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|(name, _)| name)).collect();
    for reason in Reason::ALL {
        assert_eq!(rows.iter().filter(|row| **row == reason.name()).count(), 1, "{}", reason.name());
    }
    for row in &rows {
        assert!(Reason::from_name(row).is_some(), "docs/findings.md lists {row}, which the code does not know");
    }
}

/// The source files of the product, without tests that stand beside them.
fn sources() -> Vec<String> {
    let mut open: Vec<_> = std::fs::read_dir(root().join("crates"))
        .expect("listed")
        .map(|entry| entry.expect("an entry").path().join("src"))
        .collect();
    let mut texts = Vec::new();
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).expect("listed") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                texts.push(std::fs::read_to_string(path).expect("read"));
            }
        }
    }
    texts
}

/// The part of `docs/operations.md` below a heading.
fn section(heading: &str) -> String {
    let page = page("operations.md");
    let (_, rest) = page.split_once(&format!("\n## {heading}\n")).expect("the heading is there");
    rest.split_once("\n## ").map_or(rest, |(section, _)| section).to_owned()
}

/// What stands in backquotes in the first column of the tables.
fn first_columns(section: &str) -> Vec<&str> {
    let cells = section.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect()
}

#[test]
fn every_log_line_has_an_event_that_the_operators_page_explains() {
    let mut events = std::collections::BTreeSet::new();
    for text in sources() {
        for (place, _) in text.match_indices("tracing::") {
            let rest = &text[place..];
            let Some((level, rest)) = rest["tracing::".len()..].split_once("!(") else { continue };
            if !["error", "warn", "info", "debug", "trace"].contains(&level) {
                continue;
            }
            let event = rest.trim_start().strip_prefix("event = \"").and_then(|rest| rest.split_once('"'));
            let (event, _) = event.unwrap_or_else(|| panic!("a log line without an event: {}", &rest[..60]));
            events.insert(event.to_owned());
        }
    }
    assert!(events.len() > 50, "the log lines were not found");
    let section = section("ログ");
    let listed = first_columns(&section);
    for event in &events {
        assert_eq!(listed.iter().filter(|name| *name == event).count(), 1, "`{event}` in docs/operations.md");
    }
    for name in listed {
        assert!(events.contains(name), "docs/operations.md lists {name}, which no log line has");
    }
}

#[test]
fn every_metric_has_its_row() {
    let text = sources().into_iter().find(|text| text.contains("Registry::with_prefix(\"misogi\")"));
    let text = text.expect("the registry is found");
    let names: Vec<&str> = ["register(", "register_with_unit("]
        .iter()
        .flat_map(|call| text.split(call).skip(1))
        .filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next())
        .collect();
    assert!(names.len() > 15, "the metrics were not found");
    let section = section("見張る");
    let listed: Vec<&str> = first_columns(&section).into_iter().filter(|name| name.starts_with("misogi_")).collect();
    let is = |listed: &str, name: &str| {
        let rest = listed.strip_prefix("misogi_").and_then(|rest| rest.strip_prefix(name));
        rest.is_some_and(|rest| {
            let plain = rest.split('{').next().unwrap_or_default();
            ["", "_total", "_seconds", "_bytes", "_bytes_total"].contains(&plain)
        })
    };
    for name in &names {
        assert_eq!(listed.iter().filter(|row| is(row, name)).count(), 1, "misogi_{name} in docs/operations.md");
    }
    for row in listed {
        assert!(names.iter().any(|name| is(row, name)), "docs/operations.md lists {row}, which is not registered");
    }
}

/// What stands in backquotes in a cell.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_attack_has_all_its_cells_and_names_only_what_exists() {
    let page = page("attacks.md");
    let mut rows = 0;
    for line in page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| attack |")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [attack, reference, does, places, fixture, test] = cells[..] else { panic!("six cells: {line}") };
        let words = |cell: &str| cell.chars().any(char::is_alphanumeric);
        assert!([attack, reference, does, places, fixture, test].into_iter().all(words), "an empty cell: {line}");
        for path in [quoted(places), quoted(fixture)].concat() {
            assert!(root().join(path).exists(), "{path} does not exist: {attack}");
        }
        assert!(!quoted(places).is_empty(), "no place in the code: {attack}");
        assert!(fixture == "in the test" || !quoted(fixture).is_empty(), "no fixture: {attack}");
        // A file, and behind it the tests that stand in it.
        let mut text = None;
        let mut tests = 0;
        for name in quoted(test) {
            if name.contains('/') {
                let found = std::fs::read_to_string(root().join(name));
                text = Some(found.unwrap_or_else(|error| panic!("{name}: {error}: {attack}")));
                continue;
            }
            let text = text.as_ref().unwrap_or_else(|| panic!("{name} stands before its file: {attack}"));
            assert!(text.contains(&format!("fn {name}(")), "{name} does not exist: {attack}");
            tests += 1;
        }
        assert!(tests > 0, "no test: {attack}");
        rows += 1;
    }
    assert!(rows > 40, "the rows were not found");
}

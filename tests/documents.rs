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

use std::path::Path;

use form::reason::Reason;

fn page(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("workspace root");
    std::fs::read_to_string(root.join("docs").join(name)).expect("the page is there")
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

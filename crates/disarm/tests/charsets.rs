//! Texts of Japanese offices in every charset that mail has, encoded by two other programs (`charset_kit/cases.py`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what went wrong by failing"
)]

mod python_kit;

use std::collections::BTreeMap;

use disarm::charset::{Decoded, decode};

struct Case {
    kind: String,
    label: String,
    bytes: Vec<u8>,
    text: String,
}

fn cases() -> Vec<Case> {
    let case = |[kind, label, hex, text]: [String; 4]| Case {
        kind,
        label,
        bytes: python_kit::bytes(&hex),
        text: python_kit::unescaped(&text),
    };
    python_kit::lines("charset_kit/cases.py").into_iter().map(case).collect()
}

/// Six cells of JIS X 0208 are read as one of two characters, by JIS X 0221 and by Microsoft; no reader sees the difference.
fn one_reading(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '〜' => '～',
            '‖' => '∥',
            '−' => '－',
            '—' => '―',
            '¢' => '￠',
            '£' => '￡',
            '¬' => '￢',
            other => other,
        })
        .collect()
}

fn right(case: &Case, decoded: &Decoded) -> bool {
    one_reading(&decoded.text) == one_reading(&case.text)
}

/// What the account tells of a text that may not be what was written.
fn told(decoded: &Decoded) -> bool {
    decoded.undecodable > 0 || decoded.mismatch || decoded.undecided
}

#[test]
fn a_right_label_gives_every_character() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for case in cases().iter().filter(|case| case.kind == "named") {
        count += 1;
        let decoded = decode(&case.bytes, Some(&case.label));
        if !right(case, &decoded) || decoded.undecodable > 0 || decoded.mismatch {
            wrong.push(format!("{} {:?} gave {decoded:?}", case.label, case.text));
        }
    }
    assert!(count >= 5_000, "{count}");
    assert!(wrong.is_empty(), "{} of {count} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn without_a_label_or_with_a_wrong_one_the_text_is_right_or_the_doubt_is_told() {
    let mut silent = Vec::new();
    let mut undecided: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let (mut count, mut missed) = (0_usize, 0_usize);
    for case in cases().iter().filter(|case| case.kind != "named") {
        count += 1;
        let label = (case.kind == "wrong").then_some(case.label.as_str());
        let decoded = decode(&case.bytes, label);
        if right(case, &decoded) {
            // What a right text in a wrong charset was labelled matters to nobody where both read it alike.
            continue;
        }
        missed += 1;
        if !told(&decoded) {
            silent.push(format!("{label:?} {:?} gave {decoded:?}", case.text));
        }
        let what = format!("{label:?} read as {}", decoded.charset);
        undecided.entry(what).or_default().push(format!("{:?} gave {:?}", case.text, decoded.text));
    }
    assert!(count >= 5_000, "{count}");
    let shown: String =
        undecided.iter().map(|(what, texts)| format!("{what}: {}\n  {}\n", texts.len(), texts.join("\n  "))).collect();
    assert!(silent.is_empty(), "{} of {count} wrong and not told:\n{}\n{shown}", silent.len(), silent.join("\n"));
    assert!(missed * 100 <= count, "{missed} of {count} not found:\n{shown}");
}

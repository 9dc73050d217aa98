//! What scripts of Python say: a line a case, with tabs between its fields.

#![allow(clippy::disallowed_methods, reason = "the expected values come from another program")]
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of tests fails where it fails"
)]

use std::process::Command;

/// The fields of each line that a script of `crates/disarm/tests` prints.
pub fn lines<const N: usize>(script: &str) -> Vec<[String; N]> {
    let script = format!("{}/tests/{script}", env!("CARGO_MANIFEST_DIR"));
    let output = Command::new("python3").arg(script).output().expect("python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let fields = |line: &str| {
        let fields: Vec<String> = line.split('\t').map(str::to_owned).collect();
        fields.try_into().unwrap_or_else(|_| panic!("{line}"))
    };
    String::from_utf8(output.stdout).unwrap().lines().map(fields).collect()
}

/// `bytes.fromhex`.
pub fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).unwrap()).collect()
}

/// What was written with `unicode_escape`.
pub fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let digits = match (c, chars.clone().next()) {
            ('\\', Some('r' | 'n' | 't' | '\\')) => 0,
            ('\\', Some('x')) => 2,
            ('\\', Some('u')) => 4,
            ('\\', Some('U')) => 8,
            ('\\', other) => panic!("{other:?} in {text}"),
            _ => {
                out.push(c);
                continue;
            }
        };
        let sort = chars.next().unwrap();
        let code: String = chars.by_ref().take(digits).collect();
        out.push(match sort {
            'r' => '\r',
            'n' => '\n',
            't' => '\t',
            '\\' => '\\',
            _ => char::from_u32(u32::from_str_radix(&code, 16).unwrap()).unwrap(),
        });
    }
    out
}

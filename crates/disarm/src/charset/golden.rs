//! Every character of the Japanese sets against two other implementations: see `fixtures/mail/README.md`.

use super::decode;

#[test]
fn every_character_of_the_golden_set_is_right() {
    let mut characters = 0;
    let mut wrong = Vec::new();
    for line in include_str!("../../../../fixtures/mail/characters.tsv").lines() {
        let mut fields = line.splitn(3, '\t');
        let (label, hex, text) = (fields.next().unwrap(), fields.next().unwrap(), fields.next().unwrap());
        let bytes: Vec<u8> =
            (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).unwrap()).collect();
        let decoded = decode(&bytes, Some(label));
        characters += text.chars().count();
        if decoded.text != text {
            let differing = decoded.text.chars().zip(text.chars()).find(|(ours, theirs)| ours != theirs);
            wrong.push(format!("{label} {differing:?} in {text}"));
        }
    }
    assert!(characters > 25_000, "{characters}");
    assert!(wrong.is_empty(), "{} lines wrong:\n{}", wrong.len(), wrong.join("\n"));
}

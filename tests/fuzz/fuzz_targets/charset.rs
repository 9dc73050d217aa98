//! Bytes under any label: a text, with no more characters than bytes, and the same text each time.
#![no_main]

use disarm::charset::decode;
use libfuzzer_sys::fuzz_target;

const LABELS: &[Option<&str>] = &[
    None,
    Some("iso-2022-jp"),
    Some("iso-2022-jp-3"),
    Some("shift_jis"),
    Some("euc-jp"),
    Some("utf-8"),
    Some("utf-7"),
    Some("utf-16"),
    Some("iso-8859-1"),
    Some("koi8-r"),
    Some("gb18030"),
    Some("big5"),
    Some("euc-kr"),
    Some("iso-2022-kr"),
    Some("hz-gb-2312"),
];

fuzz_target!(|data: &[u8]| {
    let Some((first, bytes)) = data.split_first() else { return };
    let label = LABELS.get(usize::from(*first) % LABELS.len()).copied().flatten();
    let decoded = decode(bytes, label);
    // One byte is at most one character, but for a cell of JIS X 0213 or Big5 that is two, each of two bytes.
    assert!(decoded.text.chars().count() <= bytes.len(), "{label:?}");
    assert!(!decoded.text.contains('\u{E000}'), "gaiji are shown as a mark");
    assert_eq!(decoded, decode(bytes, label));
});

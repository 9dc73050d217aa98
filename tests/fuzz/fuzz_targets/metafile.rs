//! Any drawing of Windows: pixels, or a refusal. The first byte chooses: the bytes behind it as they are, or records of EMF or of
//! WMF (a number of 16 bits, a length of 16 bits, so many bytes) behind a header that holds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use misogi_fuzz::{clean, dirty};

fuzz_target!(|data: &[u8]| {
    let Some((choice, rest)) = data.split_first() else { return };
    let (bytes, name) = match choice % 4 {
        0 => (rest.to_vec(), "a.emf"),
        1 => (rest.to_vec(), "a.wmf"),
        2 => (emf(rest), "a.emf"),
        _ => (wmf(rest), "a.wmf"),
    };
    if let Ok(form) = dirty(&bytes, name) {
        clean(&form).expect("a form of the dirty room is taken");
    }
});

fn records(script: &[u8], mut put: impl FnMut(u16, &[u8])) {
    let mut rest = script;
    while let Some((head, more)) = rest.split_first_chunk::<4>() {
        let len = usize::from(u16::from_le_bytes([head[2], head[3]])).min(more.len());
        let (data, more) = more.split_at(len);
        put(u16::from_le_bytes([head[0], head[1]]), data);
        rest = more;
    }
}

/// 100 by 100 device pixels, four for a millimetre ([MS-EMF] 2.3.4.2).
fn emf(script: &[u8]) -> Vec<u8> {
    let head: [u32; 25] = [
        1,
        100,
        0,
        0,
        99,
        99,
        0,
        0,
        2_500,
        2_500,
        0x464D_4520,
        0x1_0000,
        0,
        0,
        0,
        0,
        0,
        0,
        1_000,
        1_000,
        250,
        250,
        0,
        0,
        0,
    ];
    let mut bytes: Vec<u8> = head.into_iter().flat_map(u32::to_le_bytes).collect();
    records(script, |kind, data| {
        let padded = data.len().next_multiple_of(4);
        bytes.extend(u32::from(kind % 123).to_le_bytes());
        bytes.extend((padded as u32 + 8).to_le_bytes());
        bytes.extend(data);
        bytes.resize(bytes.len() + padded - data.len(), 0);
    });
    bytes.extend([14_u32, 20, 0, 16, 20].into_iter().flat_map(u32::to_le_bytes));
    bytes
}

/// 100 by 100 units, 254 to an inch ([MS-WMF] 2.3.2.3).
fn wmf(script: &[u8]) -> Vec<u8> {
    let mut words: Vec<u16> = vec![0xCDD7, 0x9AC6, 0, 0, 0, 100, 100, 254, 0, 0];
    words.push(words.iter().fold(0, |sum, word| sum ^ word));
    words.extend([1, 9, 0x300, 0, 0, 16, 0xFFFF, 0, 0]);
    let mut bytes: Vec<u8> = words.into_iter().flat_map(u16::to_le_bytes).collect();
    records(script, |kind, data| {
        let padded = data.len().next_multiple_of(2);
        bytes.extend((padded as u32 / 2 + 3).to_le_bytes());
        bytes.extend(kind.to_le_bytes());
        bytes.extend(data);
        bytes.resize(bytes.len() + padded - data.len(), 0);
    });
    bytes.extend([3, 0, 0, 0, 0, 0]);
    bytes
}

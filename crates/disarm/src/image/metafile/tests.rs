//! Limits at their edge and one beyond, and metafiles that break off.

use super::{Bound, Fault, Limits, draw, shape, size};
use crate::fonts::Fonts;

/// A standard WMF of records, each a function and its words, with a window of 100 by 50.
fn wmf(records: &[(u16, Vec<u16>)]) -> Vec<u8> {
    let mut words: Vec<u16> = vec![1, 9, 0x0300, 0, 0, 8, 0, 0, 0];
    let window = [(0x020B, vec![0, 0]), (0x020C, vec![50, 100])];
    for (function, data) in window.iter().chain(records).chain(&[(0, vec![])]) {
        let len = u32::try_from(data.len() + 3).unwrap();
        words.extend([u16::try_from(len & 0xFFFF).unwrap(), u16::try_from(len >> 16).unwrap(), *function]);
        words.extend(data);
    }
    words.into_iter().flat_map(u16::to_le_bytes).collect()
}

fn check(records: &[(u16, Vec<u16>)], limits: Limits) -> Result<(), Fault> {
    draw(&wmf(records), &Fonts::default(), 100, &limits).map(|_| ())
}

fn refused(bound: Bound, limit: u64, value: u64) -> Result<(), Fault> {
    Err(Fault::Limit { bound, limit, value })
}

#[test]
fn states_are_saved_up_to_the_limit() {
    let limits = Limits { saved: 3, ..Limits::default() };
    let saves = |count: usize| vec![(0x001E, vec![]); count];
    assert_eq!(check(&saves(3), limits), Ok(()));
    assert_eq!(check(&saves(4), limits), refused(Bound::Saved, 3, 4));
}

#[test]
fn records_are_counted_up_to_the_limit() {
    // Two for the window and one for the end.
    let limits = Limits { records: 6, ..Limits::default() };
    let modes = |count: usize| vec![(0x0102, vec![1]); count];
    assert_eq!(check(&modes(3), limits), Ok(()));
    assert_eq!(check(&modes(4), limits), refused(Bound::Records, 6, 7));
}

#[test]
fn objects_are_made_up_to_the_limit_and_places_are_used_again() {
    let limits = Limits { objects: 2, ..Limits::default() };
    let brush = (0x02FC, vec![0, 0, 0, 0]);
    assert_eq!(check(&[brush.clone(), brush.clone()], limits), Ok(()));
    assert_eq!(check(&[brush.clone(), brush.clone(), brush.clone()], limits), refused(Bound::Objects, 2, 3));
    assert_eq!(check(&[brush.clone(), brush.clone(), (0x01F0, vec![0]), brush], limits), Ok(()));
}

#[test]
fn points_of_a_record_are_taken_up_to_the_limit() {
    let limits = Limits { points: 3, ..Limits::default() };
    let polygon = |count: u16| vec![(0x0324, [vec![count], vec![0; usize::from(count) * 2]].concat())];
    assert_eq!(check(&polygon(3), limits), Ok(()));
    assert_eq!(check(&polygon(4), limits), refused(Bound::Points, 3, 4));
}

#[test]
fn what_costs_too_much_is_refused_after_smaller_canvases_were_tried() {
    // No pen, then the whole window fifty times.
    let mut records = vec![(0x02FA, vec![5, 0, 0, 0, 0]), (0x012D, vec![0])];
    records.extend(vec![(0x041B, vec![50, 100, 0, 0]); 50]);
    let bytes = wmf(&records);
    let whole = Limits { work: 10_000_000, ..Limits::default() };
    let drawn = draw(&bytes, &Fonts::default(), 400, &whole).unwrap();
    assert_eq!((drawn.width, drawn.height), (200, 100));
    // Fifty times the whole canvas, which is 200 by 100, do not fit; those of 100 by 50 do.
    let half = Limits { work: 700_000, ..Limits::default() };
    let drawn = draw(&bytes, &Fonts::default(), 400, &half).unwrap();
    assert_eq!((drawn.width, drawn.height), (100, 50));
    let none = Limits { work: 1_000, ..Limits::default() };
    assert!(matches!(
        draw(&bytes, &Fonts::default(), 400, &none),
        Err(Fault::Limit { bound: Bound::Work, limit: 1_000, .. })
    ));
}

#[test]
fn a_metafile_that_breaks_off_anywhere_is_drawn_or_refused() {
    let records = [
        (0x02FC, vec![0, 0x00FF, 0, 0]),
        (0x012D, vec![0]),
        (0x041B, vec![40, 90, 10, 10]),
        (0x0521, vec![2, 0x4241, 10, 10]),
    ];
    let bytes = wmf(&records);
    for end in 0..bytes.len() {
        let drawn = draw(&bytes[..end], &Fonts::default(), 100, &Limits::default());
        assert!(drawn.is_ok() || matches!(drawn, Err(Fault::NotMetafile | Fault::Empty)), "{end}: {drawn:?}");
    }
}

#[test]
fn sizes_come_from_headers() {
    // A placeable header ([MS-WMF] 2.3.2.3): 1440 by 720 units, 1440 of them in an inch.
    let mut placeable = vec![0xD7, 0xCD, 0xC6, 0x9A, 0, 0];
    placeable.extend([0_u16, 0, 1_440, 720, 1_440, 0, 0, 0].into_iter().flat_map(u16::to_le_bytes));
    placeable.extend(wmf(&[]));
    assert_eq!(size(&placeable), Some((72.0, 36.0)));
    assert_eq!(shape(&placeable).map(|(width, height)| width / height), Some(2));
    let drawn = draw(&placeable, &Fonts::default(), 4_096, &Limits::default()).unwrap();
    assert_eq!((drawn.width, drawn.height), (192, 96), "192 pixels for an inch");
    let drawn = draw(&placeable, &Fonts::default(), 50, &Limits::default()).unwrap();
    assert_eq!((drawn.width, drawn.height), (50, 25), "the longer side is limited");
    assert_eq!(size(b"nothing"), None);
}

//! A picture of any format (its first bytes say which), drawings in SVG as well: a picture, or a refusal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use misogi_fuzz::through_both_rooms;

fuzz_target!(|data: &[u8]| through_both_rooms(data, "a.svg"));

//! Colours beyond those of sRGB that an item names by numbers (ITU-T H.273), as a profile that is applied like one that a file brings.

use moxcms::{ColorProfile, ToneReprCurve};

/// The profile of these numbers; nothing where they mean what is shown without one.
pub(super) fn profile(primaries: u16, transfer: u16) -> Option<Vec<u8>> {
    let plain = ColorProfile::new_srgb();
    let mut profile = match primaries {
        BT_2020 => ColorProfile::new_bt2020(),
        DISPLAY_P3 => ColorProfile::new_display_p3(),
        _ if matches!(transfer, LINEAR | PQ) => ColorProfile::new_srgb(),
        _ => return None,
    };
    let curve = match transfer {
        LINEAR => Some(ToneReprCurve::Lut(Vec::new())),
        PQ => Some(ToneReprCurve::Lut((0..=u8::MAX).map(light).collect())),
        // That of television is shown as if it were that of sRGB, and HLG is made to be shown so by screens that do not know it.
        _ => plain.red_trc,
    };
    profile.red_trc.clone_from(&curve);
    profile.green_trc.clone_from(&curve);
    profile.blue_trc = curve;
    // What the curves are is said by them alone.
    profile.cicp = None;
    profile.description = None;
    profile.encode().ok()
}

/// The light of a sample of SMPTE ST 2084 (PQ), where [`WHITE_NITS`] are all of it: what is brighter has no place on paper or in sRGB.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=65535; NaN becomes 0")]
fn light(sample: u8) -> u16 {
    let root = (f64::from(sample) / 255.0).powf(1.0 / M2);
    let nits = 10_000.0 * ((root - C1).max(0.0) / (C2 - C3 * root)).powf(1.0 / M1);
    ((nits / WHITE_NITS).clamp(0.0, 1.0) * 65_535.0).round() as u16
}

const BT_2020: u16 = 9;
const DISPLAY_P3: u16 = 12;
const LINEAR: u16 = 8;
const PQ: u16 = 16;
/// White paper beside highlights (ITU-R BT.2408, 2.1).
const WHITE_NITS: f64 = 203.0;
// SMPTE ST 2084, 5.1.
const M1: f64 = 2610.0 / 16_384.0;
const M2: f64 = 2523.0 / 4096.0 * 128.0;
const C1: f64 = 3424.0 / 4096.0;
const C2: f64 = 2413.0 / 4096.0 * 32.0;
const C3: f64 = 2392.0 / 4096.0 * 32.0;

#[cfg(test)]
mod tests {
    use form::image::PixelFormat;

    use super::*;
    use crate::image::colour;
    use crate::image::raster::Raster;

    /// Expected values by the primaries of H.273 table 2, the formula of ST 2084 and that of IEC 61966-2-1, worked out apart.
    #[test]
    fn colours_are_those_that_the_numbers_mean() {
        for (numbers, pixel, expected) in [
            ((DISPLAY_P3, 13), [180, 110, 70], [191, 106, 61]),
            ((BT_2020, 13), [180, 110, 70], [212, 97, 60]),
            ((BT_2020, PQ), [74; 3], [59; 3]),
            ((1, PQ), [110; 3], [130; 3]),
            ((BT_2020, PQ), [200; 3], [255; 3]),
            ((1, LINEAR), [128; 3], [188; 3]),
        ] {
            let profile = profile(numbers.0, numbers.1).unwrap();
            let mut raster = Raster { width: 1, height: 1, format: PixelFormat::Rgb8, pixels: pixel.to_vec() };
            assert!(colour::to_srgb(&profile, &mut raster), "{numbers:?}");
            let near = raster.pixels.iter().zip(expected).all(|(found, wanted)| found.abs_diff(wanted) <= 2);
            assert!(near, "{numbers:?}: {:?} is not {expected:?}", raster.pixels);
        }
        for numbers in [(1, 13), (1, 1), (2, 2), (1, 18), (6, 6)] {
            assert_eq!(profile(numbers.0, numbers.1), None, "{numbers:?}");
        }
    }
}

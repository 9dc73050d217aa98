//! A QR code as an SVG element, for the enrolment page: no script, no style attribute, no other address.

use qrcodegen::{QrCode, QrCodeEcc};

/// The picture of a text; `None` when it is too long for one.
pub(crate) fn qr(text: &str, label: &str) -> Option<String> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let size = code.size();
    let mut path = String::new();
    for y in 0..size {
        for x in (0..size).filter(|x| code.get_module(*x, y)) {
            path.push_str(&format!("M{} {}h1v1h-1z", x.saturating_add(QUIET), y.saturating_add(QUIET)));
        }
    }
    let side = size.saturating_add(QUIET.saturating_mul(2));
    // Black on white in every colour scheme: cameras expect it.
    Some(format!(
        r##"<svg class="qr" viewBox="0 0 {side} {side}" role="img" aria-label="{label}" shape-rendering="crispEdges"><path fill="#ffffff" d="M0 0h{side}v{side}H0z"/><path fill="#000000" d="{path}"/></svg>"##
    ))
}

/// Light modules around the code (ISO/IEC 18004 asks for four).
const QUIET: i32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_of_version_1_has_its_three_finders_and_a_quiet_zone() {
        let svg = qr("A", "x").unwrap();
        assert!(svg.contains("viewBox=\"0 0 29 29\""), "21 modules and 4 on each side: {svg}");
        // The upper left corner of each finder pattern (ISO/IEC 18004 6.3.3): at (0,0), (14,0) and (0,14).
        for corner in ["M4 4h1", "M18 4h1", "M4 18h1"] {
            assert!(svg.contains(corner), "{corner}");
        }
        assert!(!svg.contains("M22 22h1v1h-1zM23 22"), "there is no fourth finder");
        assert!(!svg.contains("style="));
    }

    #[test]
    fn what_is_too_long_has_no_picture() {
        assert!(qr(&"a".repeat(5000), "x").is_none());
    }
}

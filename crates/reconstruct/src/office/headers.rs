//! The drawing of the pictures in the headers and footers of a sheet: Excel looks for them in VML (ECMA-376 part 4, section 19), by shapes
//! that are called by their place.

use std::fmt::Write as _;

use form::office::HeaderPicture;

use super::xml::DECLARATION;

/// The drawing; the relationships to its pictures are named `rId1`, `rId2`, … in their order. `cluster` is the number of the first
/// thousand of shapes that no other drawing has used, and becomes the first that this one has left.
pub(super) fn drawing(pictures: &[HeaderPicture], cluster: &mut u32) -> String {
    let own = *cluster;
    *cluster = own.saturating_add(1);
    let mut out = format!("{DECLARATION}{HEAD}<o:idmap v:ext=\"edit\" data=\"{own}\"/></o:shapelayout>{SHAPE_TYPE}");
    for (number, picture) in (1_u32..).zip(pictures) {
        let id = own.saturating_mul(1024).saturating_add(number);
        let HeaderPicture { place, width, height, .. } = picture;
        let place = place.name();
        let side = |hundredths: u32| format!("{}.{:02}pt", hundredths / 100, hundredths % 100);
        // Writing to memory does not fail.
        let _ = write!(
            out,
            "<v:shape id=\"{place}\" o:spid=\"_x0000_s{id}\" type=\"#_x0000_t75\" style=\"position:absolute;\
             margin-left:0;margin-top:0;width:{};height:{};z-index:{number}\"><v:imagedata o:relid=\"rId{number}\" \
             o:title=\"\"/><o:lock v:ext=\"edit\" rotation=\"t\"/></v:shape>",
            side(*width),
            side(*height),
        );
    }
    out.push_str("</xml>");
    out
}

const HEAD: &str = "<xml xmlns:v=\"urn:schemas-microsoft-com:vml\" xmlns:o=\"urn:schemas-microsoft-com:office:office\" \
                    xmlns:x=\"urn:schemas-microsoft-com:office:excel\"><o:shapelayout v:ext=\"edit\">";
/// A frame for a picture (`o:spt` 75).
const SHAPE_TYPE: &str = "<v:shapetype id=\"_x0000_t75\" coordsize=\"21600,21600\" o:spt=\"75\" o:preferrelative=\"t\" \
                          path=\"m,l,21600r21600,l21600,xe\" filled=\"f\" stroked=\"f\"><v:stroke \
                          joinstyle=\"miter\"/><v:path gradientshapeok=\"t\" o:connecttype=\"rect\"/></v:shapetype>";

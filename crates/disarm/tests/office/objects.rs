//! Of an embedded object the picture stays.

use form::Reason;

use crate::kit::{png, rebuilt, slide};
use crate::package_kit::Package;

#[test]
fn of_an_embedded_object_the_preview_stays() {
    let vml = r#"xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office""#;
    let object = format!(
        r##"<w:p><w:r><w:object {vml} w:dxaOrig="1" w:dyaOrig="1"><v:shape id="s" style="width:100pt;height:50pt"><v:imagedata r:id="i" o:title=""/></v:shape><o:OLEObject Type="Embed" ProgID="Package" ShapeID="s" DrawAspect="Icon" ObjectID="_1" r:id="o"/></w:object></w:r></w:p>"##
    );
    let package = Package::document(&object)
        .relation("word/document.xml", "o", "oleObject", "embeddings/請求書.exe.bin")
        .relation("word/document.xml", "i", "image", "media/image1.png")
        .bytes("word/embeddings/請求書.exe.bin", b"MZ-embedded")
        .bytes("word/media/image1.png", &png());
    let (done, parts) = rebuilt(&package, "a.docx");
    let text = parts.text("document.xml");
    assert!(text.contains("<v:imagedata") && !text.contains("OLEObject") && !text.contains("<w:object"), "{text}");
    assert!(!parts.has("MZ-embedded"));
    assert_eq!(done.place(Reason::EmbeddedObject).as_deref(), Some("請求書.exe.bin"));
}

#[test]
fn of_an_embedded_object_on_a_slide_the_picture_takes_its_place() {
    let picture = r#"<p:pic><p:nvPicPr><p:cNvPr id="0" name=""/><p:cNvPicPr/><p:nvPr/></p:nvPicPr><p:blipFill><a:blip r:embed="i"/><a:stretch><a:fillRect/></a:stretch></p:blipFill><p:spPr><a:xfrm><a:off x="1" y="2"/><a:ext cx="3" cy="4"/></a:xfrm><a:prstGeom prst="rect"><a:avLst/></a:prstGeom></p:spPr></p:pic>"#;
    let graphic = format!(
        r#"<p:graphicFrame><p:nvGraphicFramePr><p:cNvPr id="4" name="o"/><p:cNvGraphicFramePr/><p:nvPr/></p:nvGraphicFramePr><p:xfrm><a:off x="1" y="2"/><a:ext cx="3" cy="4"/></p:xfrm><a:graphic><a:graphicData uri="http://schemas.openxmlformats.org/presentationml/2006/ole"><mc:AlternateContent><mc:Choice xmlns:v="urn:schemas-microsoft-com:vml" Requires="v"><p:oleObj name="x" r:id="o" progId="Package"><p:embed/></p:oleObj></mc:Choice><mc:Fallback><p:oleObj name="x" r:id="o" progId="Package"><p:embed/>{picture}</p:oleObj></mc:Fallback></mc:AlternateContent></a:graphicData></a:graphic></p:graphicFrame>"#
    );
    let (done, slide) = slide(&graphic, |package| {
        package
            .relation("ppt/slides/slide1.xml", "o", "oleObject", "../embeddings/o.bin")
            .relation("ppt/slides/slide1.xml", "i", "image", "../media/image1.png")
            .bytes("ppt/embeddings/o.bin", b"MZ")
            .bytes("ppt/media/image1.png", &png())
    });
    assert!(slide.contains("<p:pic>") && !slide.contains("graphicFrame") && !slide.contains("oleObj"), "{slide}");
    assert!(slide.contains(r#"<p:cNvPr id="4" name="o"/>"#) && !slide.contains(r#"id="0""#), "{slide}");
    assert!(done.has(Reason::EmbeddedObject));
}

#[test]
fn of_an_object_in_a_sheet_the_picture_is_put_into_the_drawing() {
    let object = r#"<sheetData/><drawing r:id="d"/><oleObjects><mc:AlternateContent><mc:Choice xmlns:x14="http://schemas.microsoft.com/office/spreadsheetml/2009/9/main" Requires="x14"><oleObject progId="Package" shapeId="1025" r:id="o"><objectPr defaultSize="0" r:id="i"><anchor moveWithCells="1"><from><xdr:col xmlns:xdr="x">1</xdr:col><xdr:colOff xmlns:xdr="x">95250</xdr:colOff><xdr:row xmlns:xdr="x">2</xdr:row><xdr:rowOff xmlns:xdr="x">0</xdr:rowOff></from><to><xdr:col xmlns:xdr="x">3</xdr:col><xdr:row xmlns:xdr="x">9</xdr:row></to></anchor></objectPr></oleObject></mc:Choice><mc:Fallback><oleObject progId="Package" shapeId="1025" r:id="o"/></mc:Fallback></mc:AlternateContent></oleObjects>"#;
    let drawing =
        r#"<xdr:wsDr xmlns:xdr="http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing"></xdr:wsDr>"#;
    let package = Package::workbook(object)
        .relation("xl/worksheets/sheet1.xml", "d", "drawing", "../drawings/drawing1.xml")
        .relation("xl/worksheets/sheet1.xml", "o", "package", "../embeddings/a.docx")
        .relation("xl/worksheets/sheet1.xml", "i", "image", "../media/image1.png")
        .part("xl/drawings/drawing1.xml", drawing)
        .bytes("xl/embeddings/a.docx", b"PK embedded")
        .bytes("xl/media/image1.png", &png());
    let (done, parts) = rebuilt(&package, "a.xlsx");
    let drawing = parts.text("drawings/drawing");
    assert!(drawing.contains("<xdr:pic>") && drawing.contains("<xdr:colOff>95250</xdr:colOff>"), "{drawing}");
    assert!(!parts.text("worksheets/").contains("oleObject"));
    assert!(done.has(Reason::EmbeddedObject));
}

/// Office 2007 says of an object the number of its shape, and keeps picture and place in a drawing of VML (ECMA-376 part 4, section
/// 19.4.2.4: columns, pixels, rows and pixels). Later ones say both, and the same again for programs of 2007.
#[test]
fn of_an_object_of_2007_in_a_sheet_the_picture_is_put_into_the_drawing() {
    let vml = r##"<xml xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office" xmlns:x="urn:schemas-microsoft-com:office:excel"><v:shape id="表" o:spid="_x0000_s1025" style="position:absolute"><v:imagedata o:relid="rId1"/><x:ClientData ObjectType="Pict"><x:Anchor>
    4, 0, 23, 2, 5, 39, 26, 16</x:Anchor></x:ClientData></v:shape><v:shape id="_x0000_s1026" style="visibility:hidden"><v:imagedata o:relid="rId1"/><x:ClientData ObjectType="Pict"><x:Anchor>1, 0, 1, 0, 2, 0, 2, 0</x:Anchor></x:ClientData></v:shape><v:shape id="_x0000_s1027"><v:imagedata o:relid="rId1"/><x:ClientData ObjectType="Pict"><x:Anchor>1, 0, 1, 0, 2, 0, 2, 0</x:Anchor></x:ClientData></v:shape></xml>"##;
    // The third shape is of no object.
    let objects = r#"<sheetData/><legacyDrawing r:id="v"/><oleObjects><oleObject progId="Word.Document.8" dvAspect="DVASPECT_ICON" shapeId="1025" r:id="o"/><oleObject progId="Word.Document.8" shapeId="1026" r:id="o"/></oleObjects>"#;
    let package = Package::workbook(objects)
        .relation("xl/worksheets/sheet1.xml", "o", "oleObject", "../embeddings/o.bin")
        .relation("xl/worksheets/sheet1.xml", "v", "vmlDrawing", "../drawings/vmlDrawing1.vml")
        .relation("xl/drawings/vmlDrawing1.vml", "rId1", "image", "../media/image1.png")
        .part("xl/drawings/vmlDrawing1.vml", vml)
        .bytes("xl/embeddings/o.bin", b"MZ")
        .bytes("xl/media/image1.png", &png());
    let (done, parts) = rebuilt(&package, "a.xlsx");
    let drawing = parts.text("drawings/drawing");
    assert_eq!(drawing.matches("<xdr:pic>").count(), 1, "{drawing}");
    // A pixel of 1/96 inch is 9,525 of the units of which an inch has 914,400.
    let place = "<xdr:from><xdr:col>4</xdr:col><xdr:colOff>0</xdr:colOff><xdr:row>23</xdr:row><xdr:rowOff>19050</xdr:rowOff></xdr:from><xdr:to><xdr:col>5</xdr:col><xdr:colOff>371475</xdr:colOff><xdr:row>26</xdr:row><xdr:rowOff>152400</xdr:rowOff></xdr:to>";
    assert!(drawing.contains(place) && drawing.contains("r:embed"), "{drawing}");
    assert!(parts.text("worksheets/").contains("<drawing ") && done.has(Reason::EmbeddedObject));
}

/// Office 2007 keeps the picture of an object in a drawing of VML beside the slide.
#[test]
fn of_an_object_of_2007_on_a_slide_the_picture_takes_its_place() {
    let graphic = r#"<p:graphicFrame><p:nvGraphicFramePr><p:cNvPr id="4" name="o"/><p:cNvGraphicFramePr/><p:nvPr/></p:nvGraphicFramePr><p:xfrm><a:off x="11" y="22"/><a:ext cx="33" cy="44"/></p:xfrm><a:graphic><a:graphicData uri="http://schemas.openxmlformats.org/presentationml/2006/ole"><p:oleObj spid="_x0000_s1026" name="x" r:id="o" progId="Package"><p:embed/></p:oleObj></a:graphicData></a:graphic></p:graphicFrame>"#;
    let vml = r##"<xml xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office"><v:shape id="_x0000_s1025" style="x"><v:imagedata o:relid="rId2"/></v:shape><v:shape SHAPE style="x"><v:imagedata o:relid="rId1" o:title=""/></v:shape></xml>"##;
    // Where the shape has a name of its own, its number stands beside it.
    for shape in [r#"id="_x0000_s1026""#, r#"id="Content_x0020_Placeholder_x0020_3" o:spid="_x0000_s1026""#] {
        let vml = &vml.replace("SHAPE", shape);
        let (done, slide) = slide(graphic, |package| {
            package
                .relation("ppt/slides/slide1.xml", "o", "oleObject", "../embeddings/o.bin")
                .relation("ppt/slides/slide1.xml", "v", "vmlDrawing", "../drawings/vmlDrawing1.vml")
                .relation("ppt/drawings/vmlDrawing1.vml", "rId1", "image", "../media/image1.png")
                .part("ppt/drawings/vmlDrawing1.vml", vml)
                .bytes("ppt/embeddings/o.bin", b"MZ")
                .bytes("ppt/media/image1.png", &png())
        });
        assert!(slide.contains("<p:pic>") && !slide.contains("graphicFrame") && slide.contains("r:embed"), "{slide}");
        assert!(slide.contains(r#"<a:off x="11" y="22"/><a:ext cx="33" cy="44"/>"#), "{slide}");
        assert!(slide.contains(r#"<p:cNvPr id="4" name="o"/>"#), "{slide}");
        assert!(done.has(Reason::EmbeddedObject));
    }
}

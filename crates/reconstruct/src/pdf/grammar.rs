//! Every key, name and operator that a written file can have.
//!
//! The rest of the writer has no other way to write one: [`Syntax`](super::syntax::Syntax) takes these types and numbers, and
//! strings only where a string is a value. So whatever a hijacked dirty room sends, a file holds no `/JavaScript`, no
//! `/Launch` and no inline image. `docs/pdf-grammar.md` publishes the lists; a test keeps the two equal, and another reader
//! checks files against the page.

/// Makes a closed enum and its spellings from one list.
macro_rules! closed {
    ( $( #[$meta:meta] )* $name:ident { $( $variant:ident = $token:literal, )* } ) => {
        $( #[$meta] )*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum $name { $( $variant, )* }

        impl $name {
            /// Every value.
            #[cfg(test)]
            pub(super) const ALL: &'static [$name] = &[ $( $name::$variant, )* ];

            /// How it is written.
            pub(super) const fn token(self) -> &'static str {
                match self { $( $name::$variant => $token, )* }
            }
        }
    };
}

closed! {
    /// A key of a dictionary.
    Key {
        A = "A", Annots = "Annots", Ascent = "Ascent", BaseFont = "BaseFont", Bc = "BC", BBox = "BBox",
        BitsPerComponent = "BitsPerComponent", BitsPerSample = "BitsPerSample", Bm = "BM", Border = "Border",
        Bounds = "Bounds", C0 = "C0", C1 = "C1", StrokeAlpha = "CA", FillAlpha = "ca", CapHeight = "CapHeight",
        CidSystemInfo = "CIDSystemInfo", ColorSpace = "ColorSpace", Colors = "Colors", Columns = "Columns",
        Contents = "Contents", Coords = "Coords", Count = "Count", Cs = "CS", Decode = "Decode",
        DecodeParms = "DecodeParms", DescendantFonts = "DescendantFonts", Descent = "Descent", Dest = "Dest",
        DestOutputProfile = "DestOutputProfile", Domain = "Domain", Dw = "DW", Encode = "Encode",
        Encoding = "Encoding", Extend = "Extend", ExtGState = "ExtGState", F = "F", Filter = "Filter",
        First = "First", Flags = "Flags", Font = "Font", FontBBox = "FontBBox", FontDescriptor = "FontDescriptor",
        FontFile3 = "FontFile3", FontName = "FontName", Function = "Function", Functions = "Functions",
        FunctionType = "FunctionType", G = "G", Group = "Group", Height = "Height", I = "I", Id = "ID",
        ImageMask = "ImageMask", Info = "Info", Interpolate = "Interpolate",
        ItalicAngle = "ItalicAngle", K = "K", Kids = "Kids", Lang = "Lang", Last = "Last", Length = "Length",
        Matrix = "Matrix", MediaBox = "MediaBox", Metadata = "Metadata", N = "N", Next = "Next", Nums = "Nums",
        Ordering = "Ordering", OutputConditionIdentifier = "OutputConditionIdentifier", Outlines = "Outlines",
        OutputIntents = "OutputIntents", P = "P", PageLabels = "PageLabels", Pages = "Pages",
        PaintType = "PaintType", Parent = "Parent", Pattern = "Pattern", PatternType = "PatternType",
        Predictor = "Predictor", Prev = "Prev", Range = "Range", Rect = "Rect", Registry = "Registry",
        Resources = "Resources", Root = "Root", Rows = "Rows", S = "S", Shading = "Shading",
        ShadingType = "ShadingType", Size = "Size", SMask = "SMask", St = "St", StemV = "StemV",
        Subtype = "Subtype", Supplement = "Supplement", TilingType = "TilingType", Title = "Title",
        ToUnicode = "ToUnicode", Tr = "TR", Type = "Type", Uri = "URI", W = "W", Width = "Width",
        XObject = "XObject", XStep = "XStep", YStep = "YStep",
    }
}

closed! {
    /// A name that is a value.
    Name {
        Alpha = "Alpha", Annot = "Annot", Catalog = "Catalog", CcittFaxDecode = "CCITTFaxDecode",
        CidFontType0 = "CIDFontType0", CidFontType0C = "CIDFontType0C", Color = "Color", ColorBurn = "ColorBurn",
        ColorDodge = "ColorDodge", D = "D", Darken = "Darken", DctDecode = "DCTDecode", DeviceGray = "DeviceGray",
        DeviceRgb = "DeviceRGB", Difference = "Difference", Exclusion = "Exclusion", ExtGState = "ExtGState",
        FlateDecode = "FlateDecode", Font = "Font", FontDescriptor = "FontDescriptor", Form = "Form",
        GtsPdfA1 = "GTS_PDFA1", HardLight = "HardLight", Hue = "Hue", IdentityH = "Identity-H",
        IdentityV = "Identity-V", Image = "Image", Indexed = "Indexed", Jbig2Decode = "JBIG2Decode", Lighten = "Lighten", Link = "Link",
        LowerLetters = "a", LowerRoman = "r", Luminosity = "Luminosity", Metadata = "Metadata",
        Multiply = "Multiply", None = "None", Normal = "Normal", ObjStm = "ObjStm", Outlines = "Outlines",
        OutputIntent = "OutputIntent", Overlay = "Overlay", Page = "Page", Pages = "Pages", Pattern = "Pattern",
        Saturation = "Saturation", Screen = "Screen", SoftLight = "SoftLight",
        Transparency = "Transparency", Type0 = "Type0", UpperLetters = "A", UpperRoman = "R", Uri = "URI",
        XObject = "XObject", Xml = "XML", XRef = "XRef", Xyz = "XYZ",
    }
}

closed! {
    /// An operator of a content stream (ISO 32000-1, Annex A).
    Operator {
        BeginText = "BT", Clip = "W", ClipEvenOdd = "W*", Close = "h", CloseStroke = "s", Concat = "cm",
        CurveTo = "c", CurveToEnd = "y", CurveToStart = "v", Dash = "d", DrawObject = "Do", EndPath = "n",
        EndText = "ET", Fill = "f", FillColorSpace = "cs", FillEvenOdd = "f*", FillGray = "g",
        FillPattern = "scn", FillRgb = "rg", LineCap = "J", LineJoin = "j", LineTo = "l", LineWidth = "w",
        MiterLimit = "M", MoveText = "Td", MoveTo = "m", Rectangle = "re", Restore = "Q", Save = "q",
        SetFont = "Tf", ShowText = "Tj", ShowTextAdjusted = "TJ", State = "gs", Stroke = "S",
        StrokeColorSpace = "CS", StrokeGray = "G", StrokePattern = "SCN", StrokeRgb = "RG",
        TextMatrix = "Tm", TextRendering = "Tr",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The spellings between backticks in the section of the page that has this heading.
    fn published(heading: &str) -> BTreeSet<&'static str> {
        let page = include_str!("../../../../docs/pdf-grammar.md");
        let section = page.split("\n## ").find(|section| section.starts_with(heading)).unwrap();
        let rows = section.lines().filter(|line| line.starts_with("| `"));
        rows.map(|row| row.split('`').nth(1).unwrap().trim_start_matches('/')).collect()
    }

    fn listed<T: Copy>(all: &[T], token: fn(T) -> &'static str) -> BTreeSet<&'static str> {
        let set: BTreeSet<&str> = all.iter().map(|item| token(*item)).collect();
        assert_eq!(set.len(), all.len(), "a spelling stands twice");
        set
    }

    #[test]
    fn the_page_lists_what_can_be_written_and_nothing_else() {
        assert_eq!(published("Keys"), listed(Key::ALL, Key::token));
        assert_eq!(published("Names"), listed(Name::ALL, Name::token));
        assert_eq!(published("Operators"), listed(Operator::ALL, Operator::token));
    }
}

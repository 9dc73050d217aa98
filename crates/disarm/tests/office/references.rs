//! What names something that does not cross goes, too: sheets, pivot data, notes, slides, formats. Word, Excel and PowerPoint take a
//! document for damaged in which such a name leads nowhere.

use form::book_names::{BookName, BookNames};
use form::job::{DirtyJob, Extra, OfficePolicy};
use form::text::Line;
use form::{Limits, Reason};

use crate::kit::rebuilt;
use crate::package_kit::{A, MC, P, PRESENTATION, Package, R, Rebuilt, W, X};
use crate::rooms::{Sanitised, dirty_job, sanitise_as};

/// The same where the site keeps pivot tables.
fn with_pivots(package: &Package) -> (Sanitised, Rebuilt) {
    let office = OfficePolicy { pivot_cache: Extra::Keep, ..OfficePolicy::default() };
    rebuilt_as(package, &DirtyJob { office, ..dirty_job("a.xlsx", &Limits::default()) })
}

fn rebuilt_as(package: &Package, job: &DirtyJob) -> (Sanitised, Rebuilt) {
    let done = sanitise_as(&package.zip(), job).unwrap_or_else(|refused| panic!("{:?}", refused.refusal));
    let parts = Rebuilt::open(&done.bytes);
    (done, parts)
}

/// A workbook of the sheets 表 and 秘 密's, the latter of macros, with these cells in the first and these names.
fn with_macro_sheet(cells: &str, names: &str) -> Package {
    let book = format!(
        r#"<workbook {X} {R}><sheets><sheet name="表" sheetId="1" r:id="s1"/><sheet name="秘 密's" sheetId="2" r:id="m"/><sheet name="Macro1" sheetId="3" r:id="n"/></sheets>{names}</workbook>"#
    );
    let kind = "http://schemas.microsoft.com/office/2006/relationships/xlMacrosheet";
    Package::workbook(cells)
        .part("xl/workbook.xml", &book)
        .relation("xl/workbook.xml", "m", kind, "macrosheets/sheet1.xml")
        .relation("xl/workbook.xml", "n", "dialogsheet", "dialogsheets/sheet1.xml")
        .part("xl/macrosheets/sheet1.xml", "<a/>")
        .part("xl/dialogsheets/sheet1.xml", "<a/>")
}

#[test]
fn formulas_and_names_go_that_refer_to_a_sheet_which_does_not_cross() {
    let refused =
        ["Macro1!A1", "MACRO1!$A$1+1", "'秘 密''s'!B2*2", "SUM(表:Macro1!A1)", "SUM('表:秘 密''s'!A1)", "1+Macro1!b"];
    let kept = ["表!A1", "SUM(A1:B1)", "\"Macro1!A1\"", "Macro1", "'表'!A1"];
    let cell = |(row, formula): (usize, &&str)| {
        let formula = formula.replace('"', "&quot;");
        format!(r#"<row r="{0}"><c r="A{0}"><f>{formula}</f><v>7{0}</v></c></row>"#, row + 1)
    };
    let rows: String = refused.iter().chain(&kept).enumerate().map(cell).collect();
    let names = "<definedNames><definedName name=\"gone\">Macro1!$A$1</definedName><definedName name=\"stays\">表!$A$1</definedName></definedNames>";
    let validation = r#"<dataValidations count="1"><dataValidation type="list" sqref="B1"><formula1>Macro1!$A$1:$A$3</formula1></dataValidation></dataValidations>"#;
    let (done, parts) =
        rebuilt(&with_macro_sheet(&format!("<sheetData>{rows}</sheetData>{validation}"), names), "a.xlsm");
    let cells = parts.text("worksheets/");
    assert_eq!(cells.matches("<f>").count(), kept.len(), "{cells}");
    assert_eq!(cells.matches("<v>").count(), kept.len() + refused.len(), "the values stay: {cells}");
    assert!(!cells.contains("dataValidation "), "{cells}");
    let book = parts.text("workbook.xml");
    assert!(!book.contains("gone") && book.contains("stays"), "{book}");
    let told = done.report.findings.iter().filter(|finding| finding.reason == Reason::UnsafeFormula);
    assert_eq!(told.map(|finding| finding.count).sum::<u32>(), 8);
}

#[test]
fn where_every_sheet_crosses_nothing_is_refused() {
    let cells = r#"<sheetData><row r="1"><c r="A1"><f>Other!A1</f><v>7</v></c></row></sheetData>"#;
    let (done, parts) = rebuilt(&Package::workbook(cells), "a.xlsx");
    assert!(parts.text("worksheets/").contains("Other!A1") && !done.has(Reason::UnsafeFormula));
}

#[test]
fn a_sheet_is_seen_where_those_that_were_seen_do_not_cross() {
    let book = format!(
        r#"<workbook {X} {R}><bookViews><workbookView activeTab="9"/></bookViews><sheets><sheet name="M" sheetId="1" r:id="m"/><sheet name="B" sheetId="2" state="veryHidden" r:id="s1"/></sheets><definedNames><definedName name="x" localSheetId="7">B!$A$1</definedName></definedNames></workbook>"#
    );
    let package = Package::workbook("<sheetData/>").part("xl/workbook.xml", &book).relation(
        "xl/workbook.xml",
        "m",
        "http://schemas.microsoft.com/office/2006/relationships/xlMacrosheet",
        "macrosheets/sheet1.xml",
    );
    let (_, parts) = rebuilt(&package.part("xl/macrosheets/sheet1.xml", "<a/>"), "a.xlsm");
    let book = parts.text("workbook.xml");
    assert!(book.contains(r#"name="B""#) && !book.contains("veryHidden"), "{book}");
    assert!(!book.contains("activeTab") && !book.contains("localSheetId"), "places that are not there: {book}");
}

#[test]
fn the_sheet_in_front_stays_in_front_where_others_do_not_cross() {
    let sheet = |name: &str, number: u32, state: &str, id: &str| {
        format!(r#"<sheet name="{name}" sheetId="{number}" state="{state}" r:id="{id}"/>"#)
    };
    let front = |active: u32, first: u32| {
        let sheets = [
            sheet("A", 1, "hidden", "a"),
            sheet("M", 2, "visible", "m"),
            sheet("B", 3, "visible", "b"),
            sheet("C", 4, "visible", "s1"),
        ];
        let book = format!(
            r#"<workbook {X} {R}><bookViews><workbookView firstSheet="{first}" activeTab="{active}"/></bookViews><sheets>{}</sheets></workbook>"#,
            sheets.concat()
        );
        let kind = "http://schemas.microsoft.com/office/2006/relationships/xlMacrosheet";
        let cells = format!("<worksheet {X}><sheetData/></worksheet>");
        let package = Package::workbook("<sheetData/>")
            .part("xl/workbook.xml", &book)
            .relation("xl/workbook.xml", "m", kind, "macrosheets/sheet1.xml")
            .part("xl/macrosheets/sheet1.xml", "<a/>")
            .relation("xl/workbook.xml", "a", "worksheet", "worksheets/sheet2.xml")
            .part("xl/worksheets/sheet2.xml", &cells)
            .relation("xl/workbook.xml", "b", "worksheet", "worksheets/sheet3.xml")
            .part("xl/worksheets/sheet3.xml", &cells);
        let book = rebuilt(&package, "a.xlsm").1.text("workbook.xml");
        let view = book.find("<workbookView").expect("a view");
        book[view..].split_once('>').expect("its end").0.to_owned()
    };
    // A, B and C are left, A is hidden.
    assert_eq!(front(3, 2), r#"<workbookView firstSheet="1" activeTab="2"/"#);
    assert_eq!(front(1, 0), r#"<workbookView firstSheet="1" activeTab="1"/"#, "the first that is seen");
}

/// LibreOffice reads of an xlsb that there are names, not what they stand for, and nothing of print areas. ECMA-376 part 1, section
/// 18.2.27: the list of names stands between the sheets and what says how the workbook is computed.
#[test]
fn names_that_the_converter_did_not_read_are_put_among_those_of_the_workbook() {
    let line = |text: &str| Line::parse(text).unwrap();
    let mut names = BookNames::default();
    for (name, sheet, formula) in [
        ("単価", None, "'A&B'!$C$1"),
        ("_xlnm.Print_Area", Some("A&B"), "'A&B'!$A$1:$D$9"),
        ("行先", Some("無い"), "1"),
        ("外", None, "[other.xlsx]A!$A$1"),
    ] {
        assert!(names.push(BookName { name: line(name), sheet: sheet.map(line), formula: line(formula) }));
    }
    let job = DirtyJob { names, ..dirty_job("a.xlsx", &Limits::default()) };
    let own = r#"<definedName name="単価"></definedName><definedName name="率">0.1</definedName>"#;
    for (list, calculation) in [
        (format!("<definedNames>{own}</definedNames>"), r#"<calcPr calcId="0"/>"#),
        (String::new(), r#"<calcPr calcId="0"/>"#),
        (String::new(), ""),
    ] {
        let book = format!(
            r#"<workbook {X} {R}><sheets><sheet name="A&amp;B" sheetId="1" r:id="s1"/></sheets>{list}{calculation}</workbook>"#
        );
        let package = Package::workbook("<sheetData/>").part("xl/workbook.xml", &book);
        let (done, parts) = rebuilt_as(&package, &job);
        let book = parts.text("workbook.xml");
        let price = r#"<definedName name="単価">'A&amp;B'!$C$1</definedName>"#;
        let area = r#"<definedName name="_xlnm.Print_Area" localSheetId="0">'A&amp;B'!$A$1:$D$9</definedName>"#;
        assert!(
            book.contains(&format!(
                "{price}{area}</definedNames>{}",
                if calculation.is_empty() { "</workbook>" } else { "<calcPr " }
            )),
            "{book}"
        );
        assert_eq!(book.matches("<definedNames>").count(), 1, "{book}");
        assert_eq!(book.contains(r#"name="率""#), !list.is_empty(), "{book}");
        assert_eq!(done.place(Reason::NamesLost).as_deref(), Some("無い!行先"));
        assert!(done.has(Reason::UnsafeFormula) && !done.has(Reason::StructureRepaired), "{:?}", done.report.findings);
    }
}

/// What a pivot table draws from there, with these attributes.
fn pivot_cache(attributes: &str, source: &str) -> String {
    format!(
        r#"<pivotCacheDefinition {X} {R} r:id="r" recordCount="1"{attributes}>{source}<cacheFields count="1"><cacheField name="a" numFmtId="0"><sharedItems count="1"><s v="秘密"/></sharedItems></cacheField></cacheFields></pivotCacheDefinition>"#
    )
}

/// A workbook with a pivot table that draws from there, and a chart of it.
fn pivot(source: &str) -> Package {
    let book = format!(
        r#"<workbook {X} {R}><sheets><sheet name="表" sheetId="1" r:id="s1"/></sheets><pivotCaches><pivotCache cacheId="4" r:id="c"/></pivotCaches></workbook>"#
    );
    let cache = pivot_cache("", source);
    let table = format!(
        r#"<pivotTableDefinition {X} name="p" cacheId="4" dataCaption="v"><location ref="A1:B2" firstHeaderRow="1" firstDataRow="1" firstDataCol="1"/><pivotFields count="1"><pivotField axis="axisRow"><items count="1"><item x="0"/></items></pivotField></pivotFields></pivotTableDefinition>"#
    );
    Package::workbook(r#"<sheetData><row r="1"><c r="A1"><v>41</v></c></row></sheetData>"#)
        .part("xl/workbook.xml", &book)
        .relation("xl/workbook.xml", "c", "pivotCacheDefinition", "pivotCache/pivotCacheDefinition1.xml")
        .part("xl/pivotCache/pivotCacheDefinition1.xml", &cache)
        .relation("xl/pivotCache/pivotCacheDefinition1.xml", "r", "pivotCacheRecords", "pivotCacheRecords1.xml")
        .part(
            "xl/pivotCache/pivotCacheRecords1.xml",
            &format!(r#"<pivotCacheRecords {X} count="1"><r><x v="0"/></r></pivotCacheRecords>"#),
        )
        .external("xl/pivotCache/pivotCacheDefinition1.xml", "e", "externalLinkPath", "file:///C:/other.xlsx")
        .relation("xl/worksheets/sheet1.xml", "t", "pivotTable", "../pivotTables/pivotTable1.xml")
        .part("xl/pivotTables/pivotTable1.xml", &table)
        .relation(
            "xl/pivotTables/pivotTable1.xml",
            "c",
            "pivotCacheDefinition",
            "../pivotCache/pivotCacheDefinition1.xml",
        )
}

#[test]
fn pivot_tables_whose_data_is_elsewhere_leave_their_values() {
    let own = r#"<cacheSource type="worksheet"><worksheetSource ref="A1:B2" sheet="表"/></cacheSource>"#;
    let (done, parts) = with_pivots(&pivot(own));
    assert!(parts.has("pivotTable1.xml") && parts.has("pivotCacheRecords1.xml") && parts.has("<pivotCache "));
    assert!(!done.has(Reason::PivotData));
    let columns = r#"<cacheSource type="worksheet"><worksheetSource name="表1[[#All],[列1]]"/></cacheSource>"#;
    let (done, parts) = with_pivots(&pivot(columns));
    assert!(parts.has(r#"name="表1[[#All],[列1]]""#) && !done.has(Reason::PivotData));
    for source in [
        r#"<cacheSource type="worksheet"><worksheetSource ref="A1:B2" sheet="S" r:id="e"/></cacheSource>"#,
        r#"<cacheSource type="worksheet"><worksheetSource name="[other.xlsx]S!A1"/></cacheSource>"#,
        r#"<cacheSource type="external" connectionId="1"/>"#,
        r#"<cacheSource type="consolidation"><consolidation><rangeSets count="2"><rangeSet ref="A1:B2" sheet="表"/><rangeSet ref="A1:B2" sheet="S" r:id="e"/></rangeSets></consolidation></cacheSource>"#,
    ] {
        let (done, parts) = with_pivots(&pivot(source));
        assert!(
            !parts.has("pivotTable") && !parts.has("pivotCache") && !parts.has("秘密"),
            "{source}: {:?}",
            parts.names()
        );
        assert!(parts.text("worksheets/").contains("<v>41</v>"), "{source}");
        assert_eq!(done.place(Reason::PivotData).as_deref(), Some("pivottable1"), "{source}");
        assert!(!done.has(Reason::UnknownContent), "{source}");
    }
    let lost = pivot(r#"<cacheSource type="worksheet"><worksheetSource ref="A1:B2" sheet="M"/></cacheSource>"#)
        .part(
            "xl/workbook.xml",
            &format!(r#"<workbook {X} {R}><sheets><sheet name="表" sheetId="1" r:id="s1"/><sheet name="m" sheetId="2" r:id="gone"/></sheets><pivotCaches><pivotCache cacheId="4" r:id="c"/></pivotCaches></workbook>"#),
        );
    let (done, parts) = with_pivots(&lost);
    assert!(!parts.has("pivot") && done.has(Reason::PivotData), "a sheet that does not cross");
}

/// The copy of the data may hold rows that nobody sees any more.
#[test]
fn pivot_tables_leave_their_values_unless_the_site_keeps_them() {
    let own = r#"<cacheSource type="worksheet"><worksheetSource ref="A1:B2" sheet="表"/></cacheSource>"#;
    let sheet = format!(
        r#"<worksheet {X} {R}><sheetViews><sheetView workbookViewId="0"><pivotSelection r:id="t"><pivotArea/></pivotSelection></sheetView></sheetViews><sheetData><row r="1"><c r="A1"><v>41</v></c><c r="B1"><f>1+getPivotData("v",$A$1)</f><v>42</v></c><c r="C1"><f>IF(A1="GETPIVOTDATA(",1,2)</f><v>2</v></c></row></sheetData><conditionalFormatting pivot="1" sqref="A1"><cfRule type="duplicateValues" priority="1"/></conditionalFormatting><extLst><ext uri="{{78C0D931-6437-407d-A8EE-F0AAD7539E65}}"><x14:conditionalFormattings xmlns:x14="http://schemas.microsoft.com/office/spreadsheetml/2009/9/main"><x14:conditionalFormatting xmlns:xm="http://schemas.microsoft.com/office/excel/2006/main" pivot="1"><x14:cfRule type="expression" priority="2" id="{{11111111-2222-3333-4444-555555555555}}"><xm:f>A1&gt;1</xm:f></x14:cfRule><xm:sqref>A1</xm:sqref></x14:conditionalFormatting></x14:conditionalFormattings></ext></extLst></worksheet>"#
    );
    let package = pivot(own).part("xl/worksheets/sheet1.xml", &sheet);
    let (done, parts) = rebuilt(&package, "a.xlsx");
    assert!(!parts.has("pivot") && !parts.has("秘密"), "{:?}", parts.names());
    let cells = parts.text("worksheets/");
    assert!(cells.contains("<v>41</v>") && cells.contains("<v>42</v>"), "{cells}");
    // What reads the table would show an error when it is calculated next; what only speaks of it stays.
    assert!(!cells.to_lowercase().contains("getpivotdata(\"v") && cells.matches("<f>").count() == 1, "{cells}");
    assert!(cells.contains("<x14:cfRule"), "{cells}");
    assert!(done.has(Reason::UnsafeFormula));
    assert_eq!(done.place(Reason::PivotValues).as_deref(), Some("pivottable1"));
    assert!(!done.has(Reason::PivotData) && !done.has(Reason::UnknownContent), "{:?}", done.report.findings);
    let (done, parts) = with_pivots(&package);
    assert!(parts.has("<pivotSelection ") && parts.has(r#"pivot="1""#) && !done.has(Reason::PivotValues));
    assert!(parts.has("getPivotData(") && !done.has(Reason::UnsafeFormula));
}

/// ECMA-376 part 1, section 18.10.1.67: programs that only describe a pivot table store no values, and ask whoever opens the workbook to
/// compute them (`refreshOnLoad`), for which no row of the cache is needed.
#[test]
fn a_pivot_table_without_values_stays_for_excel_to_fill() {
    const CACHE: &str = "xl/pivotCache/pivotCacheDefinition1.xml";
    let own = r#"<cacheSource type="worksheet"><worksheetSource ref="A1:B2" sheet="表"/></cacheSource>"#;
    let other = r#"<cacheSource type="worksheet"><worksheetSource ref="A1:B2" sheet="S" r:id="e"/></cacheSource>"#;
    let sheet = |cells: &str| format!("<worksheet {X} {R}><sheetData>{cells}</sheetData></worksheet>");
    let value = r#"<row r="1"><c r="A1"><v>41</v></c></row>"#;
    for refreshed in ["1", "true"] {
        let cache = pivot_cache(&format!(r#" refreshOnLoad="{refreshed}""#), own);
        let package = pivot(own).part(CACHE, &cache).part("xl/worksheets/sheet1.xml", &sheet(""));
        let (done, parts) = rebuilt(&package, "a.xlsx");
        assert!(parts.has("pivotTable1.xml") && parts.has("<pivotCache "), "{:?}", parts.names());
        let cache = parts.text("pivotCacheDefinition1.xml");
        assert!(cache.contains(r#"refreshOnLoad=""#) && cache.contains(r#"sheet="表""#), "{cache}");
        assert!(
            !parts.has("pivotCacheRecords") && !cache.contains("recordCount") && !cache.contains("r:id"),
            "{cache}"
        );
        assert_eq!(done.place(Reason::PivotKept).as_deref(), Some("pivottable1"));
        assert!(!done.has(Reason::PivotEmpty) && !done.has(Reason::PivotValues) && !done.has(Reason::UnknownContent));
    }
    for (attributes, source, cells, reason) in [
        (r#" refreshOnLoad="0""#, own, "", Reason::PivotEmpty),
        (r#" refreshOnLoad="1""#, other, "", Reason::PivotEmpty),
        (r#" refreshOnLoad="1""#, own, value, Reason::PivotValues),
    ] {
        let package = pivot(own).part(CACHE, &pivot_cache(attributes, source));
        let (done, parts) = rebuilt(&package.part("xl/worksheets/sheet1.xml", &sheet(cells)), "a.xlsx");
        assert!(!parts.has("pivot") && !done.has(Reason::PivotKept), "{attributes} {source}: {:?}", parts.names());
        assert_eq!(done.place(reason).as_deref(), Some("pivottable1"), "{attributes} {source}");
    }
    // Two tables of one cache, of which one has its values.
    let table = format!(
        r#"<pivotTableDefinition {X} name="q" cacheId="4" dataCaption="v"><location ref="D1:E2" firstHeaderRow="1" firstDataRow="1" firstDataCol="1"/></pivotTableDefinition>"#
    );
    let package = pivot(own)
        .part(CACHE, &pivot_cache(r#" refreshOnLoad="1""#, own))
        .part("xl/worksheets/sheet1.xml", &sheet(value))
        .relation("xl/worksheets/sheet1.xml", "t2", "pivotTable", "../pivotTables/pivotTable2.xml")
        .part("xl/pivotTables/pivotTable2.xml", &table)
        .relation(
            "xl/pivotTables/pivotTable2.xml",
            "c",
            "pivotCacheDefinition",
            "../pivotCache/pivotCacheDefinition1.xml",
        );
    let (done, parts) = rebuilt(&package, "a.xlsx");
    assert!(parts.has(r#" name="q""#) && !parts.has(r#" name="p""#) && !parts.has("pivotCacheRecords"));
    assert_eq!(done.place(Reason::PivotKept).as_deref(), Some("pivottable2"));
    assert_eq!(done.place(Reason::PivotValues).as_deref(), Some("pivottable1"));
}

/// Google's pivot tables have such a one.
#[test]
fn a_relationship_that_leads_outside_to_nothing_is_not_told() {
    for (target, is_told) in [("", false), (" ", false), ("file:///C:/other.xlsx", true)] {
        let book = Package::workbook("<sheetData/>");
        let book = book.external("xl/worksheets/sheet1.xml", "o", "externalLinkPath", target);
        assert_eq!(rebuilt(&book, "a.xlsx").0.has(Reason::ExternalLink), is_told, "{target:?}");
    }
}

/// Without being asked to, no program computes them.
#[test]
fn a_pivot_table_without_values_is_told_as_empty() {
    let own = r#"<cacheSource type="worksheet"><worksheetSource ref="A1:B2" sheet="表"/></cacheSource>"#;
    for (cells, reason, other) in [
        (r#"<row r="3"><c r="A3"><v>1</v></c></row>"#, Reason::PivotEmpty, Reason::PivotValues),
        (r#"<row r="1"><c r="A1" s="0"/><c r="C1"><v>1</v></c></row>"#, Reason::PivotEmpty, Reason::PivotValues),
        ("", Reason::PivotEmpty, Reason::PivotValues),
        (r#"<row r="2"><c r="B2"><v>0</v></c></row>"#, Reason::PivotValues, Reason::PivotEmpty),
        (r#"<row r="2"><c r="A2" t="inlineStr"><is><t>あ</t></is></c></row>"#, Reason::PivotValues, Reason::PivotEmpty),
        // Where the cell is, nobody says.
        (r#"<row><c><v>1</v></c></row>"#, Reason::PivotValues, Reason::PivotEmpty),
    ] {
        let sheet = format!("<worksheet {X} {R}><sheetData>{cells}</sheetData></worksheet>");
        let (done, parts) = rebuilt(&pivot(own).part("xl/worksheets/sheet1.xml", &sheet), "a.xlsx");
        assert!(!parts.has("pivot"), "{:?}", parts.names());
        assert_eq!(done.place(reason).as_deref(), Some("pivottable1"), "{cells}");
        assert!(!done.has(other), "{cells}");
    }
    let sheet = format!("<worksheet {X} {R}><sheetData/></worksheet>");
    let (done, parts) = with_pivots(&pivot(own).part("xl/worksheets/sheet1.xml", &sheet));
    assert!(parts.has("pivotTableDefinition") && !done.has(Reason::PivotEmpty));
}

/// Excel takes a pivot table for damage whose data it does not find.
#[test]
fn no_pivot_table_stays_beside_data_that_is_broken() {
    let own = r#"<cacheSource type="worksheet"><worksheetSource ref="A1:B2" sheet="表"/></cacheSource>"#;
    for (part, content) in [
        ("xl/pivotCache/pivotCacheRecords1.xml", format!(r#"<pivotCacheRecords {X} count="1"><r>"#)),
        ("xl/pivotCache/pivotCacheDefinition1.xml", format!(r#"<pivotCacheDefinition {X}>{own}<cacheFields/>"#)),
    ] {
        let (done, parts) = with_pivots(&pivot(own).part(part, &content));
        assert!(!parts.has("pivot"), "{part}: {:?}", parts.names());
        assert!(parts.text("worksheets/").contains("<v>41</v>"), "{part}");
        assert_eq!(done.place(Reason::PivotData).as_deref(), Some("pivottable1"), "{part}");
    }
}

/// Of each of these Word says that the document is damaged.
#[test]
fn marks_of_notes_and_comments_that_are_not_there_go() {
    let mark = |name: &str, id: &str| format!(r#"<w:r><w:{name} w:id="{id}"/></w:r>"#);
    let text = format!(
        r#"<w:p><w:commentRangeStart w:id="0"/><w:commentRangeStart w:id="1"/><w:r><w:t>本文</w:t></w:r><w:commentRangeEnd w:id="0"/><w:commentRangeEnd w:id="1"/>{}{}{}{}{}{}</w:p>"#,
        mark("commentReference", "0"),
        mark("commentReference", "1"),
        mark("footnoteReference", "2"),
        mark("footnoteReference", "3"),
        mark("endnoteReference", "2"),
        mark("endnoteReference", "3"),
    );
    let note = |name: &str, id: &str| format!(r#"<w:{name} w:id="{id}"><w:p/></w:{name}>"#);
    let settings = format!(
        r#"<w:settings {W}><w:footnotePr><w:footnote w:id="2"/><w:footnote w:id="9"/></w:footnotePr></w:settings>"#
    );
    let package = Package::document(&text)
        .relation("word/document.xml", "c", "comments", "comments.xml")
        .part("word/comments.xml", &format!(r#"<w:comments {W}><w:comment w:id="1" w:author="a"><w:p/></w:comment><w:comment w:id="0"><w:p/></w:comment></w:comments>"#))
        .relation("word/document.xml", "f", "footnotes", "footnotes.xml")
        .part("word/footnotes.xml", &format!("<w:footnotes {W}>{}</w:footnotes>", note("footnote", "2")))
        .relation("word/document.xml", "s", "settings", "settings.xml")
        .part("word/settings.xml", &settings);
    let (done, parts) = rebuilt(&package, "a.docx");
    let text = parts.text("document.xml");
    assert!(text.contains("本文") && done.has(Reason::StructureRepaired), "{text}");
    // The second comment lacks its author, who is required, so it does not cross.
    assert_eq!(text.matches(r#"<w:commentRangeStart w:id="1""#).count(), 1, "{text}");
    assert_eq!(text.matches("w:commentR").count(), 3, "{text}");
    assert!(
        text.contains(r#"<w:footnoteReference w:id="2""#) && !text.contains(r#"<w:footnoteReference w:id="3""#),
        "{text}"
    );
    assert!(!text.contains("endnoteReference"), "there are no endnotes at all: {text}");
    let settings = parts.text("settings.xml");
    assert!(settings.contains(r#"w:id="2""#) && !settings.contains(r#"w:id="9""#), "{settings}");
}

#[test]
fn lists_without_their_definition_go() {
    let numbering = format!(
        r#"<w:numbering {W}><w:abstractNum w:abstractNumId="1"><w:lvl w:ilvl="0"><w:lvlPicBulletId w:val="7"/></w:lvl></w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="1"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="5"/></w:num></w:numbering>"#
    );
    let package = Package::document("<w:p/>")
        .relation("word/document.xml", "n", "numbering", "numbering.xml")
        .part("word/numbering.xml", &numbering);
    let (_, parts) = rebuilt(&package, "a.docx");
    let text = parts.text("numbering.xml");
    assert!(text.contains(r#"w:numId="1""#) && !text.contains(r#"w:numId="2""#), "{text}");
    assert!(!text.contains("lvlPicBulletId"), "{text}");
}

#[test]
fn formats_that_are_in_no_list_are_named_by_nothing() {
    let styles = format!(
        r#"<styleSheet {X}><fonts count="1"><font/></fonts><fills count="1"><fill><patternFill/></fill></fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf fontId="0"/></cellStyleXfs><cellXfs count="2"><xf fontId="0" fillId="0" borderId="0" xfId="0"/><xf fontId="5" fillId="0" borderId="9" xfId="4"/></cellXfs><cellStyles count="2"><cellStyle name="a" xfId="0"/><cellStyle name="b" xfId="3"/></cellStyles><dxfs count="1"><dxf/></dxfs></styleSheet>"#
    );
    let sheet = r#"<cols><col min="1" max="1" style="1"/><col min="2" max="2" style="2"/></cols><sheetData><row r="1" s="7" customFormat="1"><c r="A1" s="1"><v>1</v></c><c r="B1" s="2"><v>2</v></c></row></sheetData><conditionalFormatting sqref="A1"><cfRule type="duplicateValues" dxfId="0" priority="1"/><cfRule type="duplicateValues" dxfId="1" priority="2"/></conditionalFormatting>"#;
    let package = Package::workbook(sheet)
        .relation("xl/workbook.xml", "st", "styles", "styles.xml")
        .part("xl/styles.xml", &styles);
    let (_, parts) = rebuilt(&package, "a.xlsx");
    let (styles, sheet) = (parts.text("styles.xml"), parts.text("worksheets/"));
    assert!(styles.contains(r#"<xf fillId="0"/></cellXfs>"#), "{styles}");
    assert!(styles.contains(r#"name="a""#) && !styles.contains(r#"name="b""#), "{styles}");
    assert!(sheet.contains(r#"<c r="A1" s="1">"#) && sheet.contains(r#"<c r="B1"><v>2"#), "{sheet}");
    assert!(
        sheet.contains(r#"style="1""#) && !sheet.contains(r#"style="2""#) && !sheet.contains(r#"s="7""#),
        "{sheet}"
    );
    assert!(sheet.contains(r#"dxfId="0""#) && !sheet.contains(r#"dxfId="1""#), "{sheet}");
}

/// An extension's list of formats has numbers of its own, and a list that has no place gives none.
#[test]
fn lists_beside_the_one_that_counts_give_no_numbers() {
    let styles = format!(
        r#"<styleSheet {X}><fonts count="1"><font/></fonts><fills count="1"><fill><patternFill/></fill></fills><borders count="1"><border/></borders><cellXfs count="1"><xf fontId="0"/></cellXfs><cellXfs count="1"><xf fontId="0"/></cellXfs><dxfs count="1"><dxf/></dxfs><extLst><ext uri="{{46F421CA-312F-682f-3DD2-61675219B42D}}"><x14:dxfs xmlns:x14="http://schemas.microsoft.com/office/spreadsheetml/2009/9/main" count="1"><dxf/></x14:dxfs></ext></extLst></styleSheet>"#
    );
    let sheet = r#"<sheetData><row r="1"><c r="A1" s="0"><v>1</v></c><c r="B1" s="1"><v>2</v></c></row></sheetData><conditionalFormatting sqref="A1"><cfRule type="duplicateValues" dxfId="0" priority="1"/><cfRule type="duplicateValues" dxfId="1" priority="2"/></conditionalFormatting>"#;
    let package = Package::workbook(sheet)
        .relation("xl/workbook.xml", "st", "styles", "styles.xml")
        .part("xl/styles.xml", &styles);
    let (_, parts) = rebuilt(&package, "a.xlsx");
    let (styles, sheet) = (parts.text("styles.xml"), parts.text("worksheets/"));
    assert!(styles.matches("<cellXfs ").count() == 1 && styles.contains("<x14:dxfs "), "{styles}");
    assert!(sheet.contains(r#"<c r="A1" s="0">"#) && sheet.contains(r#"<c r="B1"><v>2"#), "{sheet}");
    assert!(sheet.contains(r#"dxfId="0""#) && !sheet.contains(r#"dxfId="1""#), "{sheet}");
}

/// Tables of queries and XML maps need parts that do not cross; as tables of the sheet they stay.
#[test]
fn a_table_of_a_query_becomes_a_table_of_its_sheet() {
    let table = format!(
        r#"<table {X} id="1" name="t" displayName="t" ref="A1:A2" tableType="queryTable" connectionId="3"><tableColumns count="1"><tableColumn id="1" name="a" queryTableFieldId="1" dataDxfId="4"/></tableColumns></table>"#
    );
    let package = Package::workbook(r#"<sheetData/><tableParts count="1"><tablePart r:id="t"/></tableParts>"#)
        .relation("xl/worksheets/sheet1.xml", "t", "table", "../tables/table1.xml")
        .part("xl/tables/table1.xml", &table)
        .relation("xl/tables/table1.xml", "q", "queryTable", "../queryTables/queryTable1.xml")
        .part("xl/queryTables/queryTable1.xml", "<a/>");
    let (done, parts) = rebuilt(&package, "a.xlsx");
    let table = parts.text("tables/table");
    assert!(table.contains(r#"name="a""#) && !table.contains("query") && !table.contains("DxfId"), "{table}");
    assert!(done.has(Reason::ExternalLink));
}

/// A presentation of two slides, the second of which is not there.
fn slides(more: &str, timing: &str) -> Package {
    let names = format!("{P} {A} {R} {MC}");
    let shape = r#"<p:sp><p:nvSpPr><p:cNvPr id="4" name="s"/><p:cNvSpPr/><p:nvPr/></p:nvSpPr><p:spPr/></p:sp>"#;
    Package::with_main("ppt/presentation.xml", PRESENTATION)
        .part(
            "ppt/presentation.xml",
            &format!(r#"<p:presentation {names}><p:sldIdLst><p:sldId id="256" r:id="s"/><p:sldId id="257" r:id="t"/></p:sldIdLst><p:notesSz cx="1" cy="1"/>{more}</p:presentation>"#),
        )
        .relation("ppt/presentation.xml", "s", "slide", "slides/slide1.xml")
        .relation("ppt/presentation.xml", "t", "slide", "slides/slide2.xml")
        .part(
            "ppt/slides/slide1.xml",
            &format!(r#"<p:sld {names}><p:cSld><p:spTree><p:nvGrpSpPr><p:cNvPr id="1" name=""/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr><p:grpSpPr/>{shape}</p:spTree></p:cSld>{timing}</p:sld>"#),
        )
}

#[test]
fn sections_and_shows_name_slides_that_are_there() {
    let more = r#"<p:custShowLst><p:custShow name="a" id="0"><p:sldLst><p:sld r:id="s"/><p:sld r:id="t"/></p:sldLst></p:custShow><p:custShow name="b" id="1"><p:sldLst><p:sld r:id="t"/></p:sldLst></p:custShow></p:custShowLst><p:extLst><p:ext uri="{521415D9-36F7-43E2-AB2F-B90AF26B5E84}"><p14:sectionLst xmlns:p14="http://schemas.microsoft.com/office/powerpoint/2010/main"><p14:section name="x" id="{4B1C2A77-4E6F-4E55-8C4B-111111111111}"><p14:sldIdLst><p14:sldId id="256"/><p14:sldId id="257"/></p14:sldIdLst></p14:section></p14:sectionLst></p:ext></p:extLst>"#;
    let package = slides(more, "").relation("ppt/presentation.xml", "p", "presProps", "presProps.xml").part(
        "ppt/presProps.xml",
        &format!(r#"<p:presentationPr {P}><p:showPr><p:custShow id="1"/></p:showPr></p:presentationPr>"#),
    );
    let (_, parts) = rebuilt(&package, "a.pptx");
    let text = parts.text("ppt/presentation.xml");
    assert!(text.contains(r#"<p14:sldId id="256"/>"#) && !text.contains("257"), "{text}");
    assert!(text.contains(r#"name="a""#) && !text.contains(r#"name="b""#), "{text}");
    assert!(!parts.text("presProps.xml").contains("custShow"));
}

#[test]
fn timing_of_a_shape_that_is_not_there_goes() {
    let timing = |shape: &str| {
        format!(
            r#"<p:timing><p:tnLst><p:par><p:cTn id="1" dur="indefinite" restart="never" nodeType="tmRoot"><p:childTnLst><p:set><p:cBhvr><p:cTn id="2" dur="1"/><p:tgtEl><p:spTgt spid="{shape}"/></p:tgtEl><p:attrNameLst><p:attrName>style.visibility</p:attrName></p:attrNameLst></p:cBhvr></p:set></p:childTnLst></p:cTn></p:par></p:tnLst></p:timing>"#
        )
    };
    let (_, parts) = rebuilt(&slides("", &timing("4")), "a.pptx");
    assert!(parts.text("slides/slide1").contains("<p:timing>"));
    let (done, parts) = rebuilt(&slides("", &timing("5")), "a.pptx");
    assert!(!parts.text("slides/slide1").contains("timing") && done.has(Reason::StructureRepaired));
}

/// The relationship is there, and leads to a part of another sort than what names it is for.
#[test]
fn what_a_relationship_leads_to_is_what_it_is_named_for() {
    let package = Package::workbook(r#"<sheetData/><drawing r:id="c"/>"#)
        .relation("xl/worksheets/sheet1.xml", "c", "comments", "../comments1.xml")
        .part(
            "xl/comments1.xml",
            &format!(r#"<comments {X}><authors><author>a</author></authors><commentList/></comments>"#),
        );
    let (_, parts) = rebuilt(&package, "a.xlsx");
    assert!(!parts.text("worksheets/").contains("<drawing"));
    let linked = Package::document(
        r#"<w:p><w:r><w:pict><v:shape xmlns:v="urn:schemas-microsoft-com:vml"><v:imagedata r:id="h"/></v:shape></w:pict></w:r></w:p>"#,
    )
    .external("word/document.xml", "h", "hyperlink", "https://example.jp/pixel.png");
    let (_, parts) = rebuilt(&linked, "a.docx");
    assert!(!parts.text("document.xml").contains("r:id"));
}

/// A choice for programs of another family is none: Word would pass over it, and what reads all would show it.
#[test]
fn a_choice_for_another_family_is_not_taken() {
    let text = r#"<w:p><w:r><mc:AlternateContent><mc:Choice xmlns:x14="http://schemas.microsoft.com/office/spreadsheetml/2009/9/main" Requires="x14"><w:t>表計算</w:t></mc:Choice><mc:Fallback><w:t>文書</w:t></mc:Fallback></mc:AlternateContent></w:r></w:p>"#;
    let (_, parts) = rebuilt(&Package::document(text), "a.docx");
    let text = parts.text("document.xml");
    assert!(text.contains("文書") && !text.contains("表計算"), "{text}");
}

//! Office documents: every valid one comes back as it was, and no other passes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "helpers of tests")]

mod office_kit;

use std::sync::LazyLock;

use form::codec::{DecodeError, Decoder, EncodeError, Event};
use form::document::{Document, OfficeDoc};
use form::office::{HeaderPicture, HeaderPlace, Location, Markup, PartHeader, Relationship, Value};
use form::pages::{PictureHeader, PictureLayout, PictureSource, Url};
use form::{Kind, Limits, Reason, Refusal};
use office_kit::chance::{Chance, Vocabulary};
use office_kit::document;
use office_kit::named::{Writer, header, namespace};
use proptest::prelude::*;

static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(Vocabulary::new);

fn encoded(document: &OfficeDoc, limits: &Limits) -> Result<Vec<u8>, EncodeError> {
    document.encode(Vec::new(), limits)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn a_document_of_any_markup_comes_back(seed in any::<u64>(), elements in 1..400_usize) {
        let limits = Limits::default();
        let document = VOCABULARY.document(&mut Chance::new(seed), elements);
        let bytes = encoded(&document, &limits).unwrap();
        prop_assert_eq!(Document::decode(&*bytes, &limits).unwrap(), Document::Office(document));
    }

    #[test]
    fn a_changed_byte_is_refused_or_another_valid_document(seed in any::<u64>(), at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let limits = Limits::default();
        let document = VOCABULARY.document(&mut Chance::new(seed), 60);
        let mut bytes = encoded(&document, &limits).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = to;
        if let Ok(Document::Office(other)) = Document::decode(&*bytes, &limits) {
            // What the reading side takes the writing side takes, too: they ask one verifier.
            prop_assert!(encoded(&other, &limits).is_ok());
        }
    }
}

#[test]
fn every_type_of_the_vocabulary_can_be_written() {
    let (types, impossible) = VOCABULARY.types();
    assert!(types > 2_500, "{types}");
    assert_eq!(impossible, 0, "types whose required children do not exist");
}

/// The smallest picture.
const GREY_DOT: PictureHeader = PictureHeader {
    width: 1,
    height: 1,
    layout: PictureLayout::Gray8,
    source: PictureSource::Drawing,
    interpolate: false,
    alpha: None,
};

/// A document of one paragraph with what `write` puts into its body.
fn flow(write: impl FnOnce(&mut Writer)) -> OfficeDoc {
    let mut part = Writer::new("MainDocumentPart");
    part.open("w:document", &[]).open("w:body", &[]);
    write(&mut part);
    document(Kind::Flow, vec![header("MainDocumentPart", Vec::new())], part.finish())
}

fn words(text: &str) -> OfficeDoc {
    flow(|part| {
        part.nested(&["w:p", "w:r", "w:t"], text);
    })
}

/// Both sides refuse the document for that reason: the encoder what it is given, the decoder the same in a stream.
#[track_caller]
fn refused(document: &OfficeDoc, why: &str) {
    match encoded(document, &Limits::default()) {
        Err(EncodeError::Invalid(DecodeError::Malformed(found) | DecodeError::Order(found))) => assert_eq!(found, why),
        other => panic!("expected {why}: {:?}", other.map(|bytes| bytes.len())),
    }
}

/// The steps of a document changed.
fn changed(mut document: OfficeDoc, change: impl FnOnce(&mut Vec<Markup>)) -> OfficeDoc {
    change(&mut document.markup);
    document
}

#[test]
fn children_out_of_order_are_refused() {
    // Properties of a paragraph come first; so they do here, and then again.
    let good = flow(|part| {
        part.open("w:p", &[]).empty("w:pPr", &[]).open("w:r", &[]);
    });
    encoded(&good, &Limits::default()).unwrap();
    let late = changed(good, |steps| {
        let properties = steps[3].clone();
        steps.splice(5..5, [Markup::Open(0), Markup::Close, properties, Markup::Close]);
    });
    assert!(matches!(
        encoded(&late, &Limits::default()),
        Err(EncodeError::Invalid(DecodeError::Malformed("order of elements")))
    ));
}

#[test]
fn a_missing_child_is_refused() {
    // A table has its properties and its grid (ECMA-376 part 1, section 17.4.37).
    let mut part = Writer::new("MainDocumentPart");
    part.open("w:document", &[]).open("w:body", &[]).open("w:tbl", &[]);
    let parts = vec![header("MainDocumentPart", Vec::new())];
    refused(&document(Kind::Flow, parts, part.finish()), "missing element");
}

#[test]
fn a_missing_attribute_is_refused() {
    let with = |attributes: &[(&str, &str)]| {
        flow(|part| {
            part.open("w:p", &[]).open("w:pPr", &[]).empty("w:jc", attributes);
        })
    };
    encoded(&with(&[("w:val", "center")]), &Limits::default()).unwrap();
    refused(&with(&[]), "attributes of an element");
}

#[test]
fn a_value_of_another_kind_is_refused() {
    let good = flow(|part| {
        part.open("w:p", &[]).open("w:pPr", &[]).empty("w:jc", &[("w:val", "center")]);
    });
    let at = good.markup.iter().position(|step| matches!(step, Markup::Attribute(..))).unwrap();
    for value in [
        Value::Text("center".into()),
        Value::Integer(1),
        Value::Boolean(true),
        Value::Decimal(1.0),
        Value::Enumerated(u16::MAX),
        Value::Relationship(0),
        Value::NoRelationship,
    ] {
        let bad = changed(good.clone(), |steps| steps[at] = Markup::Attribute(0, value.clone()));
        refused(&bad, "value of an attribute");
    }
    // The same attribute twice, an unknown one, and one that comes too late.
    let twice = changed(good.clone(), |steps| steps.insert(at, steps[at].clone()));
    refused(&twice, "value of an attribute");
    let unknown = changed(good.clone(), |steps| steps[at] = Markup::Attribute(200, Value::Boolean(true)));
    refused(&unknown, "attribute");
    let late = changed(good, |steps| {
        let attribute = steps[at].clone();
        steps.insert(at + 2, attribute);
    });
    refused(&late, "attribute");
}

#[test]
fn numbers_outside_of_their_bounds_are_refused() {
    let with = |value: &str| {
        let mut part = Writer::new("WorksheetPart");
        part.open("x:worksheet", &[]).open("x:sheetData", &[]).empty("x:row", &[("outlineLevel", value)]);
        let mut book = Writer::new("WorkbookPart");
        book.open("x:workbook", &[]).open("x:sheets", &[]);
        book.empty("x:sheet", &[("name", "a"), ("sheetId", "1"), ("r:id", "rId1")]);
        let parts = vec![header("WorkbookPart", vec![Relationship::Part(1)]), header("WorksheetPart", Vec::new())];
        document(Kind::Sheet, parts, [book.finish(), part.finish()].concat())
    };
    encoded(&with("255"), &Limits::default()).unwrap();
    refused(&with("256"), "value of an attribute");
    refused(&with("-1"), "value of an attribute");
}

#[test]
fn unknown_elements_are_refused() {
    let bad = changed(words("a"), |steps| steps[2] = Markup::Open(u16::MAX));
    refused(&bad, "order of elements");
    let root = changed(words("a"), |steps| steps[0] = Markup::Open(1));
    refused(&root, "root of a part");
}

#[test]
fn text_stands_only_where_it_may() {
    let in_paragraph = flow(|part| {
        part.open("w:p", &[]).text("a");
    });
    refused(&in_paragraph, "text of an element");
    refused(&words(""), "text of an element");
    refused(&words("a\u{202E}b"), "text of an element");
    refused(&words("a\u{0}"), "text of an element");
    refused(&words("a\r\n"), "text of an element");
    let twice = changed(words("a"), |steps| steps.insert(5, Markup::Text("b".into())));
    refused(&twice, "text of an element");
    refused(&changed(words("a"), |steps| steps.insert(0, Markup::Text("b".into()))), "markup outside of an element");
}

#[test]
fn steps_that_do_not_balance_are_refused() {
    refused(&changed(words("a"), |steps| steps.insert(0, Markup::Close)), "markup outside of an element");
    refused(&changed(words("a"), |steps| steps.insert(1, Markup::EndChoice)), "end of a choice");
    let choice = |steps: &mut Vec<Markup>| {
        steps.insert(2, Markup::Choice(namespace("w14")));
        steps.insert(3, Markup::Choice(namespace("w14")));
    };
    refused(&changed(words("a"), choice), "markup outside of an element");
    let unclosed = changed(words("a"), |steps| steps.truncate(steps.len() - 1));
    assert!(encoded(&unclosed, &Limits::default()).is_err());
    let more = changed(words("a"), |steps| steps.push(Markup::Open(0)));
    assert!(encoded(&more, &Limits::default()).is_err());
}

#[test]
fn choices_may_stand_in_elements_and_elements_in_choices() {
    let doc = flow(|part| {
        part.open("w:p", &[]).choice("w14").open("w:r", &[]).choice("w14").end_choice().leaf("w:t", &[], "a").close();
        part.end_choice();
    });
    let bytes = encoded(&doc, &Limits::default()).unwrap();
    assert_eq!(Document::decode(&*bytes, &Limits::default()).unwrap(), Document::Office(doc));
}

/// A program that does not know the vocabulary passes over the choice: what one of its family shows, each of them shows.
#[test]
fn a_choice_asks_for_what_the_programs_of_its_family_know() {
    let limits = Limits::default();
    let word = |prefix: &str| {
        flow(|part| {
            part.choice(prefix).empty("w:p", &[]).end_choice();
        })
    };
    let slides = |prefix: &str| {
        let mut part = Writer::new("PresentationPart");
        part.open("p:presentation", &[]).empty("p:notesSz", &[("cx", "1"), ("cy", "1")]);
        part.choice(prefix).open("p:extLst", &[]).close().end_choice();
        document(Kind::Slides, vec![header("PresentationPart", Vec::new())], part.finish())
    };
    for good in [word("wps"), word("w14"), word("c14"), slides("p14"), slides("v")] {
        encoded(&good, &limits).unwrap();
    }
    for bad in [word("x14"), word("p14"), word("w"), word(""), word("xml"), slides("w14"), slides("p")] {
        refused(&bad, "vocabulary of a choice");
    }
}

fn field(steps: &[(&str, &str)]) -> OfficeDoc {
    flow(|part| {
        part.open("w:p", &[]);
        for (mark, text) in steps {
            part.open("w:r", &[]);
            match *mark {
                "text" => part.leaf("w:instrText", &[], text),
                mark => part.empty("w:fldChar", &[("w:fldCharType", mark)]),
            };
            part.close();
        }
    })
}

#[test]
fn fields_are_judged_as_they_run() {
    let limits = Limits::default();
    let good = [
        field(&[("begin", ""), ("text", "PA"), ("text", "GE"), ("separate", ""), ("end", "")]),
        field(&[("begin", ""), ("text", "PAGE"), ("end", "")]),
        field(&[("begin", ""), ("text", "PAGE")]),
    ];
    for document in good {
        encoded(&document, &limits).unwrap();
    }
    for bad in [
        // Runs a program; in pieces, too, and where it never ends.
        field(&[("begin", ""), ("text", "DDEAUTO c:\\\\a.exe"), ("separate", ""), ("end", "")]),
        field(&[("begin", ""), ("text", "DDE"), ("text", "AUTO x"), ("end", "")]),
        field(&[("begin", ""), ("text", "INCLUDETEXT \"http://example.jp\"")]),
        field(&[("begin", ""), ("end", "")]),
        field(&[("text", "PAGE")]),
        field(&[("separate", "")]),
        field(&[("end", "")]),
        field(&[("begin", ""), ("text", "PAGE"), ("separate", ""), ("text", "PAGE")]),
    ] {
        refused(&bad, "field");
    }
    let deep = |levels: usize| {
        let one = [("begin", ""), ("text", "PAGE"), ("separate", "")];
        field(&one.repeat(levels))
    };
    encoded(&deep(32), &limits).unwrap();
    refused(&deep(33), "field");
}

fn referring(relationships: Vec<Relationship>, more: Vec<PartHeader>) -> OfficeDoc {
    let mut part = Writer::new("MainDocumentPart");
    part.open("w:document", &[]).open("w:body", &[]).open("w:p", &[]).empty("w:hyperlink", &[("r:id", "rId2")]);
    let mut parts = vec![header("MainDocumentPart", relationships)];
    parts.extend(more);
    document(Kind::Flow, parts, part.finish())
}

#[test]
fn relationships_out_of_range_are_refused() {
    let link = || Relationship::Link(Url::parse("https://example.jp/").unwrap());
    encoded(&referring(vec![link(), link()], Vec::new()), &Limits::default()).unwrap();
    refused(&referring(vec![link()], Vec::new()), "value of an attribute");
    // To the main part, to a part that is not announced, to a picture that does not come.
    let with = |target: Relationship| referring(vec![link(), link(), target], Vec::new());
    refused(&with(Relationship::Part(0)), "number of a part");
    refused(&with(Relationship::Part(1)), "number of a part");
    refused(&with(Relationship::Picture(0)), "number of a picture");
    let mut with_picture = referring(vec![link(), link(), Relationship::Picture(0)], Vec::new());
    with_picture.pictures.push((GREY_DOT, vec![0]));
    encoded(&with_picture, &Limits::default()).unwrap();
}

/// A shape of a sheet may lead to a place in the workbook, and nothing else may.
#[test]
fn a_location_is_a_place_in_the_workbook_and_belongs_to_a_drawing() {
    for outside in
        ["", "'[b.xls]S'!A1", "[1]S!A1", "\\\\host\\share\\[b.xls]S!A1", "WEBSERVICE(\"http://a\")", "a\u{0}"]
    {
        assert_eq!(Location::parse(outside), None, "{outside}");
    }
    assert_eq!(Location::parse(&"a".repeat(Location::MAX_BYTES + 1)), None);
    assert!(Location::parse(&"a".repeat(Location::MAX_BYTES)).is_some());
    let location = || Relationship::Location(Location::parse("'表 (2)'!$B$2").unwrap());
    let link = || Relationship::Link(Url::parse("https://example.jp/").unwrap());
    refused(&referring(vec![link(), location()], Vec::new()), "target of a relationship");
    let drawn = |element: &str| {
        let mut doc = book("rId1", &["WorksheetPart"]);
        doc.header.parts = 3;
        doc.parts.push(header("DrawingsPart", vec![location()]));
        let mut part = Writer::new("DrawingsPart");
        part.open("xdr:wsDr", &[]).open("xdr:absoluteAnchor", &[]);
        part.empty("xdr:pos", &[("x", "0"), ("y", "0")]).empty("xdr:ext", &[("cx", "1"), ("cy", "1")]);
        part.open("xdr:sp", &[]).open("xdr:nvSpPr", &[]).open("xdr:cNvPr", &[("id", "2"), ("name", "a")]);
        part.empty(element, &[("r:id", "rId1")]).close();
        part.empty("xdr:cNvSpPr", &[]).close().empty("xdr:spPr", &[]).close().empty("xdr:clientData", &[]);
        doc.markup.extend(part.finish());
        doc
    };
    encoded(&drawn("a:hlinkClick"), &Limits::default()).unwrap();
    refused(&drawn("a:hlinkHover"), "target of a relationship");
}

/// A workbook whose first sheet is named by a relationship that leads to one of its other parts.
fn book(place: &str, kinds: &[&str]) -> OfficeDoc {
    let mut book = Writer::new("WorkbookPart");
    book.open("x:workbook", &[]).open("x:sheets", &[]);
    book.empty("x:sheet", &[("name", "a"), ("sheetId", "1"), ("r:id", place)]);
    let mut steps = book.finish();
    let numbers = (1..=u32::try_from(kinds.len()).unwrap()).map(Relationship::Part).collect();
    let mut parts = vec![header("WorkbookPart", numbers)];
    for kind in kinds {
        parts.push(header(kind, Vec::new()));
        let root = parts.last().unwrap().kind.root();
        let name = format!("{}:{}", root.namespace().prefix(), root.name());
        let mut part = Writer::new(kind);
        part.open(&name, &[]);
        if *kind == "WorksheetPart" {
            part.empty("x:sheetData", &[]);
        }
        steps.extend(part.finish());
    }
    document(Kind::Sheet, parts, steps)
}

/// Programs fetch what a picture names, and read what they take for a sheet, when the document is opened.
#[test]
fn a_relationship_is_named_by_what_its_target_is_for() {
    let limits = Limits::default();
    let kinds = ["WorksheetPart", "WorkbookStylesPart", "SharedStringTablePart"];
    encoded(&book("rId1", &kinds), &limits).unwrap();
    for place in ["rId2", "rId3"] {
        refused(&book(place, &kinds), "target of a relationship");
    }
    let link = || Relationship::Link(Url::parse("https://example.jp/").unwrap());
    let picture = |relationships: Vec<Relationship>| {
        let mut part = Writer::new("MainDocumentPart");
        part.open("w:document", &[]).open("w:body", &[]).open("w:p", &[]).open("w:r", &[]).open("w:pict", &[]);
        part.open("v:shape", &[]).empty("v:imagedata", &[("r:id", "rId1")]);
        let mut document = document(Kind::Flow, vec![header("MainDocumentPart", relationships)], part.finish());
        document.pictures.push((GREY_DOT, vec![0]));
        document
    };
    encoded(&picture(vec![Relationship::Picture(0)]), &limits).unwrap();
    refused(&picture(vec![link()]), "target of a relationship");
    let linked = |target: Relationship| referring(vec![link(), target], Vec::new());
    encoded(&linked(link()), &limits).unwrap();
    let mut clicked = linked(Relationship::Picture(0));
    clicked.pictures = picture(Vec::new()).pictures;
    refused(&clicked, "target of a relationship");
}

#[test]
fn a_part_refers_to_what_belongs_to_it() {
    let with = |from: &str| {
        let mut bad = book("rId1", &["WorksheetPart", "WorkbookStylesPart"]);
        let part = bad.parts.iter_mut().find(|part| part.kind.name() == from).unwrap();
        part.relationships.push(Relationship::Part(2));
        bad
    };
    encoded(&with("WorkbookPart"), &Limits::default()).unwrap();
    refused(&with("WorksheetPart"), "target of a relationship");
    let mut pictured = book("rId1", &["WorksheetPart", "SharedStringTablePart"]);
    pictured.parts[2].relationships.push(Relationship::Picture(0));
    refused(&pictured, "target of a relationship");
}

#[test]
fn pictures_of_headers_come_last_on_sheets_and_once_for_each_place() {
    let limits = Limits::default();
    let picture = |place: &str, width: u32| {
        let place = HeaderPlace::named(place).unwrap();
        Relationship::Header(HeaderPicture { place, picture: 0, width, height: 100 })
    };
    let with = |part: usize, relationships: Vec<Relationship>| {
        let mut book = book("rId1", &["WorksheetPart", "SharedStringTablePart"]);
        book.parts[part].relationships.extend(relationships);
        book.pictures.push((GREY_DOT, vec![0]));
        book
    };
    encoded(&with(1, vec![picture("LH", 1), picture("RFEVEN", HeaderPicture::MAX_SIDE)]), &limits).unwrap();
    refused(&with(1, vec![picture("LH", 1), picture("LH", 2)]), "picture of a header");
    refused(&with(1, vec![picture("LH", 0)]), "picture of a header");
    refused(&with(1, vec![picture("LH", HeaderPicture::MAX_SIDE + 1)]), "picture of a header");
    refused(&with(0, vec![picture("LH", 1)]), "picture of a header");
    let link = Relationship::Link(Url::parse("https://example.jp/").unwrap());
    refused(&with(1, vec![picture("LH", 1), link]), "order of relationships");
    let mut missing = with(1, vec![picture("LH", 1)]);
    missing.pictures.clear();
    refused(&missing, "number of a picture");
}

#[test]
fn parts_stand_where_they_belong() {
    let main = header("MainDocumentPart", Vec::new());
    let kind = |kind, parts| document(kind, parts, Vec::new());
    refused(&kind(Kind::Flow, vec![header("StyleDefinitionsPart", Vec::new())]), "kind of a part");
    refused(&kind(Kind::Sheet, vec![main.clone()]), "kind of a part");
    refused(&kind(Kind::Flow, vec![main.clone(), main.clone()]), "kind of a part");
    refused(&kind(Kind::Flow, vec![main, header("SlidePart", Vec::new())]), "kind of a part");
}

/// The document passes a limit of `n` and not one of `n - 1`, when it is written and when it is read.
#[track_caller]
fn exact(document: &OfficeDoc, n: u64, reason: Reason, set: impl Fn(&mut Limits, u64)) {
    let generous = encoded(document, &Limits::default()).unwrap();
    let mut limits = Limits::default();
    set(&mut limits, n);
    assert_eq!(encoded(document, &limits).unwrap(), generous);
    assert!(Document::decode(&*generous, &limits).is_ok());
    set(&mut limits, n - 1);
    let expected = Refusal::limit(reason, n - 1, n);
    assert_eq!(encoded(document, &limits).unwrap_err().refusal(), expected);
    assert_eq!(Document::decode(&*generous, &limits).unwrap_err().refusal(), expected);
}

fn short(n: u64) -> u32 {
    u32::try_from(n).unwrap()
}

#[test]
fn markup_counts_elements_attributes_and_choices() {
    let doc = flow(|part| {
        part.open("w:p", &[]).open("w:pPr", &[]).empty("w:jc", &[("w:val", "center")]).close();
        part.choice("w14").end_choice();
    });
    exact(&doc, 7, Reason::LimitMarkup, |limits, n| limits.markup = n);
}

#[test]
fn markup_depth_counts_elements_and_choices() {
    exact(&words("a"), 5, Reason::LimitMarkup, |limits, n| limits.markup_depth = short(n));
    let doc = flow(|part| {
        part.open("w:p", &[]).choice("w14").empty("w:r", &[]).end_choice();
    });
    exact(&doc, 5, Reason::LimitMarkup, |limits, n| limits.markup_depth = short(n));
    // 252 tables in tables would be 1,008 levels; paragraphs in text boxes reach the default limit soon enough.
    let deep = |levels: usize| {
        flow(|part| {
            for _ in 0..levels {
                part.open("w:sdt", &[]).open("w:sdtContent", &[]);
            }
        })
    };
    encoded(&deep(127), &Limits::default()).unwrap();
    let refusal = encoded(&deep(128), &Limits::default()).unwrap_err().refusal();
    assert_eq!(refusal, Refusal::limit(Reason::LimitMarkup, 256, 257));
}

#[test]
fn parts_relationships_and_bytes_have_limits() {
    let link = || Relationship::Link(Url::parse("https://example.jp/").unwrap());
    let mut two = words("a");
    two.parts.push(header("StyleDefinitionsPart", Vec::new()));
    two.header.parts = 2;
    two.markup.extend(Writer::new("StyleDefinitionsPart").open("w:styles", &[]).finish());
    exact(&two, 2, Reason::LimitParts, |limits, n| limits.office_parts = short(n));
    let title = two.header.title.as_str().len() as u64;
    exact(&two, title, Reason::LimitLineBytes, |limits, n| limits.line_bytes = short(n));
    exact(&two, title + 1, Reason::LimitTextBytes, |limits, n| limits.text_bytes = n);
    let bytes = encoded(&two, &Limits::default()).unwrap().len() as u64;
    exact(&two, bytes, Reason::LimitFormBytes, |limits, n| limits.office_form_bytes = n);
    let linked = referring(vec![link(), link(), link()], Vec::new());
    let mut limits = Limits::default();
    let stream = encoded(&linked, &limits).unwrap();
    limits.relationships = 2;
    assert_eq!(
        Document::decode(&*stream, &limits).unwrap_err().refusal(),
        Refusal::limit(Reason::LimitResources, 2, 3)
    );
}

#[test]
fn a_long_part_comes_in_frames_of_bounded_size() {
    let doc = flow(|part| {
        for _ in 0..20_000 {
            part.nested(&["w:p", "w:r", "w:t"], "あいうえお");
        }
    });
    let limits = Limits::default();
    let bytes = encoded(&doc, &limits).unwrap();
    let mut decoder = Decoder::new(&*bytes, &limits).unwrap();
    let (mut steps, mut longest) = (0, 0);
    loop {
        match decoder.next().unwrap() {
            Event::Markup(some) => {
                steps += some.len();
                longest = longest.max(some.len());
            }
            Event::End => break,
            _ => {}
        }
    }
    assert_eq!(steps, doc.markup.len());
    assert!(longest < 64 * 1024, "{longest}");
}

#[test]
fn chance_reaches_every_kind_of_step() {
    let mut seen = [0_u32; 6];
    for seed in 0..50 {
        for step in VOCABULARY.document(&mut Chance::new(seed), 200).markup {
            seen[match step {
                Markup::Open(_) => 0,
                Markup::Attribute(..) => 1,
                Markup::Text(_) => 2,
                Markup::Close => 3,
                Markup::Choice(_) => 4,
                Markup::EndChoice => 5,
            }] += 1;
        }
    }
    assert!(seen.iter().all(|count| *count > 20), "{seen:?}");
}

//! Files that are embedded in a PDF: taken out as children where that is asked for, named and left behind where it is not.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper of tests fails where it fails")]

mod pdf_kit;
mod rooms;

use std::io::Write;

use form::codec::Kind;
use form::job::{DirtyJob, Embedded, PagesPolicy};
use form::pages::Operation;
use form::{Limits, Reason, Refusal};
use pdf_kit::{Taken, file, job, stream, take, take_as};

/// A page, and files by specification and stream; the catalogue is given, specifications are numbered from 5.
fn with_files(catalog: &str, page: &str, objects: &[Vec<u8>]) -> Vec<u8> {
    let mut all = vec![
        format!("<</Type/Catalog/Pages 2 0 R{catalog}>>").into_bytes(),
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>".to_vec(),
        format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]/Contents 4 0 R/Resources<<>>{page}>>").into_bytes(),
        stream("", b"0 0 9 9 re f"),
    ];
    all.extend_from_slice(objects);
    file(&all)
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn extract(pdf: &[u8], limits: &Limits) -> Result<Taken, Reason> {
    let pages = PagesPolicy { embedded: Embedded::Extract, ..PagesPolicy::default() };
    take_as(pdf, &DirtyJob { pages, limits: limits.clone(), ..job() })
}

/// Two files: one in the name tree and, again, at the page; one as an annotation, under a name that is a path.
fn two_files() -> Vec<u8> {
    let names = "/Names<</EmbeddedFiles<</Names[(list) 5 0 R]>>>>";
    let page = "/AF[5 0 R]/Annots[<</Type/Annot/Subtype/FileAttachment/Rect[9 9 19 19]/FS 7 0 R>>]";
    let params = "/Subtype/text#2Fcsv/Params<</ModDate(D:20260101090000+09'00')>>/Filter/FlateDecode";
    with_files(
        names,
        page,
        &[
            b"<</Type/Filespec/F(list.csv)/UF<FEFF540D7C3F002E006300730076>/EF<</F 6 0 R>>>>".to_vec(),
            stream(params, &deflated("氏名,住所\n".as_bytes())),
            b"<</Type/Filespec/F(C:\\\\secret\\\\plan.pdf)/EF<</F 8 0 R>>>>".to_vec(),
            stream("", b"%PDF-1.7 nothing"),
        ],
    )
}

#[test]
fn files_are_named_and_left_behind_unless_they_are_asked_for() {
    let taken = take(&two_files()).unwrap();
    assert!(taken.children.is_empty() && taken.spill.is_empty());
    assert_eq!(taken.findings.iter().filter(|(reason, _)| *reason == Reason::EmbeddedFile).count(), 2);
}

#[test]
fn files_that_are_asked_for_are_children_whose_bytes_are_in_the_spill() {
    let taken = extract(&two_files(), &Limits::default()).unwrap();
    assert!(!taken.has(Reason::EmbeddedFile), "{:?}", taken.findings);
    let [list, plan] = taken.children.as_slice() else { panic!("{:?}", taken.children) };
    assert_eq!((list.id, list.name.as_str(), list.declared_type.as_str()), (0, "名簿.csv", "text/csv"));
    assert_eq!(list.modified, Some(1_767_225_600));
    assert_eq!((plan.id, plan.name.as_str(), plan.path.is_none(), plan.inline), (1, "plan.pdf", true, false));
    let bytes = |child: &form::container::Child| {
        let (start, end) = (usize::try_from(child.offset).unwrap(), usize::try_from(child.end().unwrap()).unwrap());
        taken.spill[start..end].to_vec()
    };
    assert_eq!(bytes(list), "氏名,住所\n".as_bytes());
    assert_eq!(bytes(plan), b"%PDF-1.7 nothing");
    assert_eq!(taken.pages.len(), 1);
}

#[test]
fn the_new_file_has_nothing_of_the_files_in_the_old_one() {
    let pages = PagesPolicy { embedded: Embedded::Extract, ..PagesPolicy::default() };
    let job = DirtyJob { pages, ..job() };
    let (mut form, mut spill) = (Vec::new(), Vec::new());
    disarm::run(&job.encode(), &two_files(), &disarm::Fonts::default(), &mut form, &mut spill).unwrap();
    let clean = rooms::clean_job(form::job::CleanOp::Part, &job.limits);
    let (mut fresh, mut report) = (Vec::new(), Vec::new());
    reconstruct::run(&clean.encode(), reconstruct::Input::Mapped(&form), &mut fresh, &mut report).unwrap();
    let report = form::report::CleanReport::decode(&report, &job.limits).unwrap();
    assert_eq!(report.kind, Kind::Pages);
    assert!(!fresh.windows(8).any(|window| window == b"plan.pdf"));
}

/// The dictionary of encryption says that strings and streams are as they are and only embedded files are not (ISO 32000-2, 7.6.6 and
/// table 20); who asks for the pages is asked for no password.
#[test]
fn pages_of_a_document_whose_files_alone_are_encrypted_need_no_password() {
    let names = "/Names<</EmbeddedFiles<</Names[(list) 5 0 R]>>>>";
    let filters = |pages: &str| format!("/CF<</StdCF<</AuthEvent/EFOpen/CFM/AESV2/Length 16>>>>{pages}/EFF/StdCF");
    let lock = |pages: &str| {
        let key = "0123456789ABCDEF".repeat(4);
        format!("<</Filter/Standard/V 4/R 4/Length 128/P -44/O<{key}>/U<{key}>{}>>", filters(pages)).into_bytes()
    };
    let locked = |pages: &str| {
        let specification = b"<</Type/Filespec/F(list.csv)/EF<</F 6 0 R>>>>".to_vec();
        let plain = with_files(names, "", &[specification, stream("/EncryptMetadata 0", b"ciphertext"), lock(pages)]);
        let text = String::from_utf8(plain).unwrap();
        text.replace("/Root 1 0 R", "/Root 1 0 R/Encrypt 7 0 R/ID[<00><00>]").into_bytes()
    };
    for pages in ["/StmF/Identity/StrF/Identity", ""] {
        let taken = take(&locked(pages)).unwrap();
        let fills = taken.count(|operation| matches!(operation, Operation::Fill(..)));
        assert_eq!((taken.pages.len(), fills), (1, 1), "{pages}");
        assert!(taken.has(Reason::EmbeddedFile), "{pages}");
        let taken = extract(&locked(pages), &Limits::default()).unwrap();
        let withheld: Vec<_> =
            taken.children.iter().map(|child| child.withheld.map(|refusal| refusal.reason)).collect();
        assert_eq!((withheld, taken.spill.as_slice()), (vec![Some(Reason::Encrypted)], &b""[..]), "{pages}");
    }
    // Where strings or streams are encrypted as well, the pages need it.
    for pages in ["/StmF/StdCF/StrF/Identity", "/StmF/Identity/StrF/StdCF"] {
        assert_eq!(take(&locked(pages)).unwrap_err(), Reason::Encrypted, "{pages}");
    }
}

/// ISO 32000-2, 7.6.5: the key is in envelopes for those who may read it.
#[test]
fn a_document_that_is_locked_to_certificates_is_told_from_one_with_a_password() {
    let filter = "/CF<</DefaultCryptFilter<</CFM/AESV2/Length 16/Recipients[<00>]>>>>";
    let lock = format!(
        "<</Filter/Adobe.PubSec/SubFilter/adbe.pkcs7.s5/V 4/Length 128{filter}/StmF/DefaultCryptFilter/StrF/DefaultCryptFilter>>"
    );
    let text = String::from_utf8(with_files("", "", &[lock.into_bytes()])).unwrap();
    let locked = text.replace("/Root 1 0 R", "/Root 1 0 R/Encrypt 5 0 R/ID[<00><00>]").into_bytes();
    assert_eq!(take(&locked).unwrap_err(), Reason::EncryptedForRecipient);
}

#[test]
fn a_file_that_cannot_be_unpacked_is_withheld_alone() {
    let names = "/Names<</EmbeddedFiles<</Names[(a) 5 0 R(b) 6 0 R(c) 7 0 R(d) 8 0 R]>>>>";
    let specification = |number: u32| format!("<</Type/Filespec/F(a.bin)/EF<</F {number} 0 R>>>>").into_bytes();
    let pdf = with_files(
        names,
        "",
        &[
            specification(9),
            specification(10),
            specification(11),
            specification(99),
            stream("/Filter/FlateDecode", &deflated(&vec![0; 3_000_000])),
            stream("/Filter/DCTDecode", b"x"),
            stream("", b"good"),
        ],
    );
    let taken = extract(&pdf, &Limits::default()).unwrap();
    let seen: Vec<_> = taken.children.iter().map(|child| child.withheld.map(|refusal| refusal.reason)).collect();
    use Reason::{LimitRatio, Malformed, UnsupportedType};
    assert_eq!(seen, [Some(LimitRatio), Some(UnsupportedType), None, Some(Malformed)]);
    assert_eq!(taken.spill, b"good");
    let names: Vec<_> = taken.children.iter().map(|child| child.name.as_str()).collect();
    assert_eq!(names, ["a.bin", "a (2).bin", "a (3).bin", "a (4).bin"]);
    assert!(taken.has(Reason::DuplicateName));
}

/// Two annotations whose specifications are written in them, under one name.
#[test]
fn two_files_of_one_name_are_two() {
    let annotation = |number: u32| {
        let file = format!("<</Type/Filespec/F(a.txt)/EF<</F {number} 0 R>>>>");
        format!("<</Type/Annot/Subtype/FileAttachment/Rect[9 9 19 19]/FS{file}>>")
    };
    let page = format!("/Annots[{}{}{}]", annotation(5), annotation(6), annotation(5));
    let pdf = with_files("", &page, &[stream("", b"first"), stream("", b"second")]);
    let taken = extract(&pdf, &Limits::default()).unwrap();
    let names: Vec<_> = taken.children.iter().map(|child| child.name.as_str()).collect();
    assert_eq!((names, taken.spill.as_slice()), (vec!["a.txt", "a (2).txt"], b"firstsecond".as_slice()));
    assert!(taken.has(Reason::DuplicateName));
    let named = take(&pdf).unwrap();
    assert!(named.findings.contains(&(Reason::EmbeddedFile, 2)), "{:?}", named.findings);
}

#[test]
fn a_file_that_is_cut_short_is_withheld_and_an_empty_one_is_whole() {
    let text: Vec<u8> = (0..3_000).flat_map(|line: u32| format!("line {line} of a file\n").into_bytes()).collect();
    let whole = deflated(&text);
    let (half, sumless) = (&whole[..whole.len() / 2], &whole[..whole.len() - 4]);
    let check = |params: &str, data: &[u8], expected: Result<&[u8], Reason>| {
        let names = "/Names<</EmbeddedFiles<</Names[(a) 5 0 R]>>>>";
        let file = b"<</Type/Filespec/F(a.txt)/EF<</F 6 0 R>>>>".to_vec();
        let taken = extract(&with_files(names, "", &[file, stream(params, data)]), &Limits::default()).unwrap();
        let withheld = taken.children[0].withheld.map(|refusal| refusal.reason);
        assert_eq!(withheld, expected.err(), "{params}");
        assert!(taken.spill == expected.unwrap_or_default(), "{params}: {} bytes", taken.spill.len());
    };
    let flate = "/Filter/FlateDecode";
    let sized = |size: usize| format!("{flate}/Params<</Size {size}>>");
    check(flate, &whole, Ok(&text));
    check(flate, half, Err(Reason::Malformed));
    check(&sized(text.len()), half, Err(Reason::Malformed));
    // All is there but the checksum, as the file itself says; and a size that is wrong says nothing against a checksum.
    check(&sized(text.len()), sumless, Ok(&text));
    check(&sized(9), &whole, Ok(&text));
    check("/Params<</Size 9>>", b"short", Err(Reason::Malformed));
    // Packed twice, and as rows of differences (RFC 2083, 6.3).
    check("/Filter[/FlateDecode/FlateDecode]", &deflated(&whole), Ok(&text));
    let rows = "/Filter/FlateDecode/DecodeParms<</Predictor 12/Columns 3>>";
    check(rows, &deflated(&[2, 1, 2, 3, 2, 1, 1, 1]), Ok(&[1, 2, 3, 2, 3, 4]));
    check(flate, &deflated(b""), Ok(b""));
    check("", b"", Ok(b""));
}

#[test]
fn files_are_bounded_as_members_of_archives_are() {
    let spill = |spill_bytes: u64| {
        let limits = Limits { spill_bytes, ..Limits::default() };
        extract(&two_files(), &limits).unwrap().children.iter().map(|child| child.withheld).collect::<Vec<_>>()
    };
    // 14 bytes and 16.
    assert_eq!(spill(30), [None, None]);
    assert_eq!(spill(29), [None, Some(Refusal::limit(Reason::LimitSpillBytes, 15, 16))]);
    let parts = |parts: u32| extract(&two_files(), &Limits { parts, ..Limits::default() }).map(|_| ());
    assert_eq!((parts(2), parts(1)), (Ok(()), Err(Reason::LimitParts)));
}

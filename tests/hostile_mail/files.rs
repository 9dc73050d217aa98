//! Files that are attached.

use std::fmt::Write as _;

use crate::kit::{Target, attached, attached_bytes, mixed, python_makes};
use crate::support::fixture;

#[test]
fn pdf_objects_nested_without_end_and_tables_in_circles_cost_that_file_and_nothing_else() {
    let pdf = |first: &str, trailer: &str| {
        let mut file = format!("%PDF-1.7\n1 0 obj\n{first}\nendobj\n");
        let table = file.len();
        write!(
            file,
            "xref\n0 2\n0000000000 65535 f \n0000000009 00000 n \ntrailer\n<</Size 2/Root 1 0 R{}>>\nstartxref\n{table}\n%%EOF\n",
            trailer.replace("TABLE", &table.to_string())
        )
        .expect("written");
        file.into_bytes()
    };
    let deep = |open: &str, close: &str| {
        format!("<</Type/Catalog/Pages 2 0 R/X {}{}>>", open.repeat(20_000), close.repeat(20_000))
    };
    let target = Target::start("");
    let parts = [
        attached_bytes("arrays.pdf", &pdf(&deep("[", "]"), "")),
        attached_bytes("dictionaries.pdf", &pdf(&deep("<</A", ">>"), "")),
        attached_bytes("circle.pdf", &pdf("<</Type/Catalog/Pages 2 0 R>>", "/Prev TABLE")),
        attached_bytes("itself.pdf", &pdf("<</Type/Catalog/Pages 1 0 R/Kids[1 0 R]>>", "/Prev TABLE/XRefStm TABLE")),
        attached("good.txt", "fine"),
    ];
    let arrived = target.pass(mixed("keep-me", &parts).as_bytes());
    arrived.says("keep-me").says("arrays.pdf").says("dictionaries.pdf").says("circle.pdf").says("itself.pdf");
    assert_eq!(arrived.names(), ["good.txt"]);
    target.still_serves();
}

#[test]
fn a_bomb_in_an_archive_is_withheld_and_the_mail_arrives() {
    let target = Target::start("");
    let bomb = python_makes(
        "import io,sys,zipfile\nout=io.BytesIO()\nz=zipfile.ZipFile(out,'w',zipfile.ZIP_DEFLATED)\n\
         z.writestr('zeros.txt',b'0'*(200<<20))\nz.close()\nsys.stdout.buffer.write(out.getvalue())",
    );
    // A ratio that passes at each level, and a terabyte at the bottom.
    let tower = python_makes(
        "import io,sys,zipfile\ndata=b'0'*(1<<20)\nfor level in range(6):\n out=io.BytesIO()\n \
         z=zipfile.ZipFile(out,'w',zipfile.ZIP_DEFLATED)\n \
         [z.writestr(f'{n}.{\"zip\" if level else \"txt\"}',data) for n in range(12)]\n z.close()\n data=out.getvalue()\n\
         sys.stdout.buffer.write(data)",
    );
    let shaft = python_makes(
        "import io,sys,zipfile\ndata=b'deepest'\nname='a.txt'\nfor level in range(40):\n out=io.BytesIO()\n \
         z=zipfile.ZipFile(out,'w',zipfile.ZIP_DEFLATED)\n z.writestr(name,data)\n z.close()\n data=out.getvalue()\n name='a.zip'\n\
         sys.stdout.buffer.write(data)",
    );
    for (name, bytes, told) in [
        ("bomb.zip", &bomb, "圧縮率が高すぎます"),
        ("kept.zip", &fixture("files/bomb.zip"), "圧縮率が高すぎます"),
        ("tower.zip", &tower, "すぎます"),
        ("shaft.zip", &shaft, "ファイルが何重にもまとめられています"),
        ("slip.zip", &fixture("files/slip.zip"), "外を指すファイル名"),
    ] {
        let parts = [attached_bytes(name, bytes), attached("good.txt", "fine")];
        let arrived = target.pass(mixed("keep-me", &parts).as_bytes());
        arrived.says("keep-me").says(name).says(told);
        assert!(arrived.names().contains(&"good.txt"), "{name}: {:?}", arrived.names());
        assert!(arrived.raw.len() < 8 << 20, "{name}: {} bytes", arrived.raw.len());
        assert!(target.quarantine().contains(name), "{name} is kept");
    }
    // An honest archive in an archive arrives.
    let nested = attached_bytes("nested.zip", &fixture("files/nested.zip"));
    assert_eq!(target.pass(mixed("keep-me", &[nested]).as_bytes()).names(), ["nested.zip"]);
    target.still_serves();
}

#[test]
fn formats_that_are_not_rebuilt_are_withheld_whatever_they_hold() {
    let target = Target::start("");
    let files: [(&str, &[u8]); 2] = [
        ("document.docx", &fixture("files/docx.zip")),
        ("old.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00\x00\x00\x00\x00\x00\x00\x00"),
    ];
    let mut parts: Vec<String> = files.iter().map(|(name, bytes)| attached_bytes(name, bytes)).collect();
    parts.push(attached("good.txt", "fine"));
    let arrived = target.pass(mixed("keep-me", &parts).as_bytes());
    arrived.says("keep-me");
    assert_eq!(arrived.names(), ["good.txt"], "{}", arrived.text());
    let quarantine = target.quarantine();
    for (name, _) in files {
        let line = arrived.text().lines().find(|line| line.contains(name));
        assert!(line.is_some_and(|line| line.contains("安全に作り直せない形式")), "{name}: {}", arrived.text());
        assert!(quarantine.contains(name), "{name} is kept");
    }
    target.still_serves();
}

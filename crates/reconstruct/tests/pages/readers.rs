//! Other programs that read PDF: poppler, MuPDF, qpdf.
//!
//! They are part of what these tests need; one that is missing fails the test.

#![allow(clippy::disallowed_methods, reason = "tests start other programs and read the files that they write")]

use std::path::Path;
use std::process::Command;

/// A page as pixels, two for each point.
pub struct Raster {
    pub width: usize,
    pub height: usize,
    pixels: Vec<u8>,
}

impl Raster {
    /// The colour at whole points from the lower left corner.
    pub fn at(&self, x: usize, y: usize) -> [u8; 3] {
        let start = ((self.height - 1 - y * 2) * self.width + x * 2) * 3;
        [self.pixels[start], self.pixels[start + 1], self.pixels[start + 2]]
    }

    /// Whether a colour is what is expected, but for rounding and the steps in which gradients are drawn.
    pub fn is(&self, x: usize, y: usize, expected: [u8; 3]) -> bool {
        self.at(x, y).iter().zip(expected).all(|(found, expected)| found.abs_diff(expected) <= 6)
    }
}

/// A page as poppler and as MuPDF draw it.
pub fn drawn(file: &[u8], page: usize) -> [(&'static str, Raster); 2] {
    let number = page.to_string();
    let poppler = with_file(file, |path, dir| {
        let root = dir.join("page");
        let arguments = ["-r", "144", "-singlefile", "-f", &number];
        run(Command::new("pdftoppm").args(arguments).arg(path).arg(&root));
        std::fs::read(root.with_extension("ppm")).unwrap()
    });
    let mupdf = with_file(file, |path, dir| {
        let out = dir.join("page.ppm");
        run(Command::new("mutool").args(["draw", "-q", "-r", "144", "-o"]).arg(&out).arg(path).arg(&number));
        std::fs::read(out).unwrap()
    });
    [("poppler", raster(&poppler)), ("mupdf", raster(&mupdf))]
}

/// The text of a file as poppler reads it, pages parted by form feeds.
pub fn text(file: &[u8]) -> String {
    let out = with_file(file, |path, _| run(Command::new("pdftotext").arg(path).arg("-")));
    String::from_utf8(out).unwrap()
}

/// What qpdf complains of, nothing for a sound file.
pub fn complaints(file: &[u8]) -> String {
    with_file(file, |path, _| {
        let out = Command::new("qpdf").arg("--check").arg(path).output().expect("qpdf runs");
        let said = [out.stdout, out.stderr].concat();
        if out.status.success() { String::new() } else { String::from_utf8_lossy(&said).into_owned() }
    })
}

/// All objects of a file, with the data of streams unpacked, as qpdf reads them.
pub fn objects(file: &[u8]) -> serde_json::Value {
    let out = with_file(file, |path, _| {
        run(Command::new("qpdf")
            .args(["--json=2", "--json-key=qpdf", "--json-stream-data=inline", "--decode-level=generalized"])
            .arg(path))
    });
    serde_json::from_slice(&out).unwrap()
}

fn run(command: &mut Command) -> Vec<u8> {
    let out = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
    out.stdout
}

pub fn with_file<T>(file: &[u8], read: impl FnOnce(&Path, &Path) -> T) -> T {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file.pdf");
    std::fs::write(&path, file).unwrap();
    read(&path, dir.path())
}

/// A portable pixmap.
fn raster(ppm: &[u8]) -> Raster {
    let mut fields = ppm.splitn(4, |byte| byte.is_ascii_whitespace());
    let mut field = || String::from_utf8(fields.next().unwrap().to_vec()).unwrap();
    assert_eq!(field(), "P6");
    let (width, height) = (field().parse().unwrap(), field().parse().unwrap());
    let rest = fields.next().unwrap();
    let body = rest.iter().position(|byte| byte.is_ascii_whitespace()).unwrap() + 1;
    Raster { width, height, pixels: rest[body..].to_vec() }
}

/// What qpdf makes of pages, outline and labels.
pub fn structure(file: &[u8]) -> serde_json::Value {
    let out = with_file(file, |path, _| {
        let keys = ["pages", "outlines", "pagelabels"].map(|key| format!("--json-key={key}"));
        run(Command::new("qpdf").arg("--json=2").args(keys).arg(path))
    });
    serde_json::from_slice(&out).unwrap()
}

/// The content streams of all pages.
pub fn contents(objects: &serde_json::Value) -> Vec<String> {
    let all = objects["qpdf"][1].as_object().unwrap();
    let pages = all.values().filter(|object| object["value"]["/Type"] == "/Page");
    pages
        .map(|page| {
            let content = &all[&format!("obj:{}", page["value"]["/Contents"].as_str().unwrap())];
            String::from_utf8(unbase64(content["stream"]["data"].as_str().unwrap())).unwrap()
        })
        .collect()
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let word = group.iter().chain([0, 0].iter()).take(3).fold(0_usize, |word, byte| word << 8 | usize::from(*byte));
        for at in 0..4 {
            text.push(if at > group.len() { '=' } else { char::from(DIGITS[word >> (18 - 6 * at) & 63]) });
        }
    }
    text
}

pub fn unbase64(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for group in text.trim_end_matches('=').as_bytes().chunks(4) {
        let word = group.iter().fold(0_u32, |word, digit| {
            word << 6 | u32::try_from(DIGITS.iter().position(|known| known == digit).unwrap()).unwrap()
        });
        let word = word << (6 * (4 - group.len()));
        bytes.extend(&word.to_be_bytes()[1..group.len()]);
    }
    bytes
}

/// The pictures of black and white as poppler takes them out, each with its width, its height and its rows, 1 for black.
pub fn bitmaps(file: &[u8]) -> Vec<(usize, usize, Vec<u8>)> {
    with_file(file, |path, dir| {
        run(Command::new("pdfimages").arg(path).arg(dir.join("picture")));
        let mut paths: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|kind| kind == "pbm"));
        paths.sort();
        paths.iter().map(|path| bitmap(&std::fs::read(path).unwrap())).collect()
    })
}

/// The pages as MuPDF draws them in black and white, one pixel for each point.
pub fn drawn_bitmaps(file: &[u8]) -> Vec<(usize, usize, Vec<u8>)> {
    with_file(file, |path, dir| {
        let pages = dir.join("page%04d.pbm");
        run(Command::new("mutool")
            .args(["draw", "-q", "-r", "72", "-A", "0", "-c", "mono", "-o"])
            .arg(pages)
            .arg(path));
        let mut paths: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|kind| kind == "pbm"));
        paths.sort();
        paths.iter().map(|path| bitmap(&std::fs::read(path).unwrap())).collect()
    })
}

/// A portable bitmap.
fn bitmap(pbm: &[u8]) -> (usize, usize, Vec<u8>) {
    let mut fields = pbm.splitn(4, |byte| byte.is_ascii_whitespace());
    let mut field = || String::from_utf8(fields.next().unwrap().to_vec()).unwrap();
    assert_eq!(field(), "P4");
    let (width, height) = (field().parse().unwrap(), field().parse().unwrap());
    (width, height, fields.next().unwrap().to_vec())
}

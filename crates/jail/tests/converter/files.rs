//! Documents: written here, or made by LibreOffice outside of any room from what stands here.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// In every fixture, and in everything that is made of it.
pub const TEXT: &str = "健康診断のお知らせ";
pub const PASSWORD: &str = "合言葉 1234";

/// Rich text: ASCII bytes only, everything else as `\u`.
pub fn rtf(text: &str) -> Vec<u8> {
    let body: String = text.encode_utf16().map(|unit| format!("\\u{}?", i32::from(unit.cast_signed()))).collect();
    format!("{{\\rtf1\\ansi\\ansicpg932\\deff0{{\\fonttbl{{\\f0 IPAGothic;}}}}\\pard {body}\\par}}").into_bytes()
}

const NAMESPACES: &str = r#"xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0" xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:script="urn:oasis:names:tc:opendocument:xmlns:script:1.0" xmlns:svg="urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0" xmlns:of="urn:oasis:names:tc:opendocument:xmlns:of:1.2" xmlns:ooo="http://openoffice.org/2004/office" xmlns:dom="http://www.w3.org/2001/xml-events" xmlns:presentation="urn:oasis:names:tc:opendocument:xmlns:presentation:1.0" xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" office:version="1.2""#;

/// An OpenDocument package of stored members. `kind` as in its media type: `text`, `spreadsheet`, `presentation`.
pub fn package(kind: &str, before_body: &str, body: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let mimetype = format!("application/vnd.oasis.opendocument.{kind}");
    let content = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><office:document-content {NAMESPACES}>{before_body}\
         <office:body><office:{kind}>{body}</office:{kind}></office:body></office:document-content>"
    );
    let mut entries = format!(
        "<manifest:file-entry manifest:full-path=\"/\" manifest:media-type=\"{mimetype}\"/>\
         <manifest:file-entry manifest:full-path=\"content.xml\" manifest:media-type=\"text/xml\"/>"
    );
    for (name, _) in more {
        entries += &format!("<manifest:file-entry manifest:full-path=\"{name}\" manifest:media-type=\"text/xml\"/>");
    }
    let manifest = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><manifest:manifest \
         xmlns:manifest=\"urn:oasis:names:tc:opendocument:xmlns:manifest:1.0\" manifest:version=\"1.2\">{entries}</manifest:manifest>"
    );
    let mut members = vec![("mimetype", mimetype.as_str()), ("content.xml", &content)];
    members.extend(more);
    members.push(("META-INF/manifest.xml", &manifest));
    zip(&members)
}

/// A zip file without compression (APPNOTE 4.3).
fn zip(members: &[(&str, &str)]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, text) in members {
        let offset = u32::try_from(out.len()).unwrap();
        let size = u32::try_from(text.len()).unwrap();
        let mut common = Vec::new();
        for word in [20_u16, 0, 0, 0, 0x21] {
            common.extend(word.to_le_bytes());
        }
        for long in [crc32(text.as_bytes()), size, size] {
            common.extend(long.to_le_bytes());
        }
        common.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        common.extend(0_u16.to_le_bytes());
        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend(name.as_bytes());
        out.extend(text.as_bytes());
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (count, at) = (u16::try_from(members.len()).unwrap(), u32::try_from(out.len()).unwrap());
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
    out.extend(u32::try_from(directory.len()).unwrap().to_le_bytes());
    out.extend(at.to_le_bytes());
    out.extend([0; 2]);
    out
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

/// Old and encrypted files, made by a LibreOffice in no room with a macro of its user.
pub fn make_old_files(directory: &Path) {
    let mut body = String::from(
        "Function Made(k)\nDim h(0) As New com.sun.star.beans.PropertyValue\nh(0).Name = \"Hidden\"\nh(0).Value = True\n\
         Made = StarDesktop.loadComponentFromURL(\"private:factory/\" & k, \"_blank\", 0, h())\nEnd Function\n\
         Sub Keep(d, u, f, n, v)\nDim p(1) As New com.sun.star.beans.PropertyValue\n\
         p(0).Name = \"FilterName\"\np(0).Value = f\np(1).Name = n\np(1).Value = v\n\
         d.storeToURL(u, p())\nEnd Sub\nSub Main\n",
    );
    for (kind, put, files) in [
        (
            "swriter",
            "d.Text.String = t",
            &[("plain.doc", "MS Word 97", false), ("secret.doc", "MS Word 97", true), ("secret.odt", "writer8", true)]
                [..],
        ),
        (
            "scalc",
            "d.Sheets.getByIndex(0).getCellByPosition(0, 0).String = t",
            &[("plain.xls", "MS Excel 97", false), ("secret.xls", "MS Excel 97", true)],
        ),
        (
            "simpress",
            "s = d.createInstance(\"com.sun.star.drawing.TextShape\")\nd.DrawPages.getByIndex(0).add(s)\ns.String = t",
            &[("plain.ppt", "MS PowerPoint 97", false)],
        ),
    ] {
        body += &format!("d = Made(\"{kind}\")\nt = {}\n{put}\n", basic_text(TEXT));
        for (name, filter, secret) in files {
            let url = format!("file://{}/{name}", directory.display());
            let (property, value) = if *secret { ("Password", PASSWORD) } else { ("DocumentTitle", "x") };
            body += &format!("Keep(d, \"{url}\", \"{filter}\", \"{property}\", {})\n", basic_text(value));
        }
        body += "d.close(True)\n";
    }
    let done = directory.join("done");
    body += &format!("f = FreeFile\nOpen \"{}\" For Output As #f\nClose #f\nEnd Sub\n", done.display());
    std::fs::write(directory.join("make.odt"), text_with_macro(&body)).unwrap();
    outside(directory, "make.odt", &done);
}

/// A string of Basic, whose sources are XML and here ASCII.
fn basic_text(text: &str) -> String {
    text.encode_utf16().map(|unit| format!("Chr({unit})")).collect::<Vec<_>>().join(" & ")
}

/// Opens a text as a person might who allows macros, until its macro has made this file.
pub fn outside(directory: &Path, name: &str, made: &Path) {
    let profile = directory.join("profile");
    std::fs::create_dir_all(profile.join("user")).unwrap();
    let settings = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><oor:items \
                    xmlns:oor=\"http://openoffice.org/2001/registry\"><item \
                    oor:path=\"/org.openoffice.Office.Common/Security/Scripting\"><prop oor:name=\"MacroSecurityLevel\" \
                    oor:op=\"fuse\"><value>0</value></prop></item></oor:items>";
    std::fs::write(profile.join("user/registrymodifications.xcu"), settings).unwrap();
    let begun = Instant::now();
    let start = || {
        Command::new("/usr/lib/libreoffice/program/soffice.bin")
            .args(["--headless", "--norestore", "--nologo"])
            .arg(format!("-env:UserInstallation=file://{}", profile.display()))
            .arg(directory.join(name))
            .env("HOME", directory)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("LibreOffice is among the packages that ./test installs")
    };
    let mut office = start();
    while !made.exists() {
        // With a new profile it wants to be started once more.
        if let Some(status) = office.try_wait().unwrap() {
            assert_eq!(status.code(), Some(81), "LibreOffice outside of a room");
            office = start();
        }
        if begun.elapsed() > Duration::from_secs(40) {
            office.kill().unwrap();
            panic!("the macro did not run");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    office.kill().unwrap();
    office.wait().unwrap();
}

/// The members of a document that hold a Basic module.
fn basic_library(source: &str) -> [(&'static str, String); 3] {
    let source = source.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let library = "xmlns:library=\"http://openoffice.org/2000/library\"";
    let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
    [
        (
            "Basic/Standard/Module1.xml",
            format!(
                "{head}<!DOCTYPE script:module PUBLIC \"-//OpenOffice.org//DTD OfficeDocument 1.0//EN\" \"module.dtd\"><script:module xmlns:script=\"http://openoffice.org/2000/script\" script:language=\"StarBasic\" \
                 script:name=\"Module1\">{source}</script:module>"
            ),
        ),
        (
            "Basic/Standard/script-lb.xml",
            format!(
                "{head}<library:library {library} library:name=\"Standard\" library:readonly=\"false\" \
                 library:passwordprotected=\"false\"><library:element library:name=\"Module1\"/></library:library>"
            ),
        ),
        (
            "Basic/script-lc.xml",
            format!(
                "{head}<library:libraries {library}><library:library library:name=\"Standard\" \
                 library:link=\"false\"/></library:libraries>"
            ),
        ),
    ]
}

/// A text that wants everything from outside: pictures, a section, an OLE object.
pub fn greedy_text(canary: &Path, picture: &Path, port: u16) -> Vec<u8> {
    let links = [
        format!("http://127.0.0.1:{port}/odt.png"),
        format!("file://{}", picture.display()),
        "file:////127.0.0.1/share/x.png".to_owned(),
        "smb://127.0.0.1/share/x.png".to_owned(),
    ];
    let frames: String = links
        .iter()
        .map(|link| {
            format!(
                "<text:p><draw:frame svg:width=\"5cm\" svg:height=\"5cm\" text:anchor-type=\"as-char\"><draw:image \
                 xlink:href=\"{link}\" xlink:type=\"simple\" xlink:show=\"embed\" xlink:actuate=\"onLoad\"/></draw:frame></text:p>"
            )
        })
        .collect();
    let section = |source: String| {
        format!("<text:section text:name=\"S{}\">{source}<text:p>empty</text:p></text:section>", source.len())
    };
    let file =
        section(format!("<text:section-source xlink:href=\"file://{}\" text:filter-name=\"Text\"/>", canary.display()));
    let web = section(format!("<text:section-source xlink:href=\"http://127.0.0.1:{port}/section.txt\"/>"));
    let dde = section(format!(
        "<office:dde-source office:dde-application=\"soffice\" office:dde-topic=\"{}\" office:dde-item=\"a\" \
         office:automatic-update=\"true\"/>",
        canary.display()
    ));
    let object = format!(
        "<text:p><draw:frame svg:width=\"5cm\" svg:height=\"5cm\" text:anchor-type=\"as-char\"><draw:object \
         xlink:href=\"file://{}\" xlink:type=\"simple\" xlink:show=\"embed\" xlink:actuate=\"onLoad\"/></draw:frame></text:p>",
        canary.display()
    );
    package("text", "", &format!("<text:p>{TEXT}</text:p>{frames}{file}{web}{dde}{object}"), &[])
}

/// A spreadsheet that wants everything from outside: web services, cells and sheets of files, DDE.
pub fn greedy_sheet(canary: &Path, port: u16) -> Vec<u8> {
    let file = format!("file://{}", canary.display());
    let formulas = [
        format!("of:=WEBSERVICE(&quot;http://127.0.0.1:{port}/ods&quot;)"),
        format!("of:=WEBSERVICE(&quot;{file}&quot;)"),
        format!("of:=&apos;{file}&apos;#$canary.A1"),
        format!("of:=DDE(&quot;soffice&quot;;&quot;{}&quot;;&quot;A1&quot;)", canary.display()),
        format!("of:=INDIRECT(&quot;&apos;{file}&apos;#$canary.A1&quot;)"),
    ];
    let cells: String = formulas
        .iter()
        .map(|formula| {
            format!(
                "<table:table-row><table:table-cell table:formula=\"{formula}\" office:value-type=\"string\" \
                 office:string-value=\"\"/></table:table-row>"
            )
        })
        .collect();
    let source = format!(
        "<table:table table:name=\"Linked\"><table:table-source xlink:href=\"{file}\" table:filter-name=\"Text - txt - csv \
         (StarCalc)\" table:filter-options=\"44,34,76,1\" table:table-name=\"canary\"/><table:table-row><table:table-cell/></table:table-row></table:table>"
    );
    let text = format!(
        "<table:table-row><table:table-cell office:value-type=\"string\"><text:p>{TEXT}</text:p></table:table-cell></table:table-row>"
    );
    package("spreadsheet", "", &format!("<table:table table:name=\"A\">{text}{cells}</table:table>{source}"), &[])
}

/// A text with a macro that runs when it is opened, says so in the text, writes a file and asks for a shell.
pub fn macro_text(proof: &Path) -> Vec<u8> {
    text_with_macro(&format!(
        "Sub Main\nThisComponent.Text.String = \"MACRO\" & \"-RAN\"\nOn Error Resume Next\nf = FreeFile\n\
         Open \"{}\" For Output As #f\nPrint #f, \"MACRO\"\nClose #f\nShell(\"/bin/sh\", 0, \"-c id\")\nEnd Sub\n",
        proof.display()
    ))
}

/// A text whose `Main` runs when it is opened.
fn text_with_macro(basic: &str) -> Vec<u8> {
    let listener = "<office:scripts><office:event-listeners><script:event-listener script:language=\"ooo:script\" \
                    script:event-name=\"dom:load\" \
                    xlink:href=\"vnd.sun.star.script:Standard.Module1.Main?language=Basic&amp;location=document\" \
                    xlink:type=\"simple\"/></office:event-listeners></office:scripts>";
    let library = basic_library(basic);
    let members: Vec<(&str, &str)> = library.iter().map(|(name, text)| (*name, text.as_str())).collect();
    package("text", listener, &format!("<text:p>{TEXT}</text:p>"), &members)
}

/// The text of a part of an OOXML file, by another program.
pub fn part(file: &[u8], name: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path: PathBuf = directory.path().join("x.zip");
    std::fs::write(&path, file).unwrap();
    let output =
        Command::new("unzip").arg("-p").arg(&path).arg(name).output().expect("unzip is among the packages of ./test");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

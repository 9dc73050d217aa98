//! Other programs that read Office files: Python's own modules and LibreOffice.
//!
//! They are part of what these tests need; one that is missing fails the test.

#![allow(clippy::disallowed_methods, reason = "tests start other programs and read the files that they write")]

use std::path::Path;
use std::process::Command;

fn run(command: &mut Command) -> Vec<u8> {
    let out = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
    out.stdout
}

/// Reads archives with `zipfile` and every member of XML with `expat`, and gives what it finds: namespaces, relationships that
/// lead outside, and complaints.
const PYTHON: &str = r#"
import json, sys, xml.parsers.expat, zipfile
found = {"namespaces": set(), "outside": set(), "complaints": []}
for path in sys.argv[1:]:
    archive = zipfile.ZipFile(path)
    names = archive.namelist()
    if archive.testzip() or len(set(names)) != len(names):
        found["complaints"].append(f"{path}: bad archive")
    for name in names:
        if not name.endswith((".xml", ".rels", ".vml")):
            continue
        parser = xml.parsers.expat.ParserCreate(namespace_separator=" ")
        def start(tag, attributes, name=name):
            for each in [tag, *attributes]:
                found["namespaces"].add(each.rpartition(" ")[0])
            if attributes.get("TargetMode"):
                found["outside"].add(attributes["Type"].rpartition("/")[2] + " " + attributes["Target"].partition(":")[0])
        def refuse(*_, name=name, path=path):
            found["complaints"].append(f"{path}: {name}: declarations, comments or instructions")
        parser.StartElementHandler = start
        parser.StartDoctypeDeclHandler = parser.CommentHandler = parser.ProcessingInstructionHandler = refuse
        parser.StartCdataSectionHandler = refuse
        try:
            parser.Parse(archive.read(name), True)
        except xml.parsers.expat.ExpatError as error:
            found["complaints"].append(f"{path}: {name}: {error}")
print(json.dumps({key: sorted(value) for key, value in found.items()}))
"#;

/// What Python finds in all of these files together.
pub fn python(files: &[Vec<u8>]) -> serde_json::Value {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new("python3");
    command.arg("-c").arg(PYTHON);
    for (number, file) in files.iter().enumerate() {
        let path = dir.path().join(format!("{number}.zip"));
        std::fs::write(&path, file).unwrap();
        command.arg(path);
    }
    serde_json::from_slice(&run(&mut command)).unwrap()
}

/// What `file` takes a file for.
pub fn media_type(file: &[u8]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    std::fs::write(&path, file).unwrap();
    String::from_utf8(run(Command::new("file").args(["--brief", "--mime-type"]).arg(&path))).unwrap().trim().to_owned()
}

/// Converts files with LibreOffice, each named with its extension, to another format; gives the results in order.
pub fn converted(files: &[(&str, &[u8])], to: &str) -> Vec<Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let mut command = Command::new("timeout");
    command.args(["120", "soffice", "--headless", "--norestore", "--convert-to", to, "--outdir"]).arg(&out);
    command.arg(format!("-env:UserInstallation=file://{}", dir.path().join("profile").display()));
    for (name, file) in files {
        let path = dir.path().join(name);
        std::fs::write(&path, file).unwrap();
        command.arg(path);
    }
    run(&mut command);
    let extension = to.split(':').next().unwrap();
    let result = |name: &str| std::fs::read(out.join(Path::new(name).with_extension(extension)));
    files.iter().map(|(name, _)| result(name).unwrap_or_else(|error| panic!("{name}: {error}"))).collect()
}

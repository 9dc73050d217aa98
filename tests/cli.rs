//! The command line, as scripts use it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    unreachable_pub,
    missing_docs,
    reason = "a test says what went wrong by failing, and starts the programs it needs"
)]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use support::fixture;

fn misogi(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_misogi")).args(arguments).output().expect("runs")
}

fn sanitize(directory: &Path, files: &[(&str, &[u8])], extra: &[&str]) -> (Output, Vec<serde_json::Value>) {
    let (input, output) = (directory.join("in"), directory.join("out"));
    fs::create_dir_all(&input).expect("made");
    for (name, bytes) in files {
        fs::write(input.join(name), bytes).expect("written");
    }
    let (input, output) = (input.display().to_string(), output.display().to_string());
    let mut arguments = vec!["sanitize", &input, "-o", &output, "--json"];
    arguments.extend(extra);
    let ran = misogi(&arguments);
    let reports =
        String::from_utf8_lossy(&ran.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    (ran, reports)
}

fn by_name<'a>(reports: &'a [serde_json::Value], name: &str) -> &'a serde_json::Value {
    let named = |report: &&serde_json::Value| report["input"].as_str().is_some_and(|input| input.ends_with(name));
    reports.iter().find(named).unwrap_or_else(|| panic!("no report on {name}: {reports:?}"))
}

#[test]
fn every_command_stands_in_the_readme() {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).expect("README.md");
    let commands = |of: &[&str]| -> Vec<String> {
        let ran = misogi(&[of, &["--help"]].concat());
        let help = String::from_utf8(ran.stdout).expect("UTF-8");
        let Some((_, list)) = help.split_once("Commands:\n") else { return Vec::new() };
        let names = list.lines().map_while(|line| line.split_whitespace().next().map(str::to_owned));
        names.filter(|name| name != "help").collect()
    };
    let first = commands(&[]);
    assert!(first.len() > 6, "{first:?}");
    for command in first {
        assert!(readme.contains(&format!("misogi {command}")), "{command}");
        for second in commands(&[&command]) {
            let spelled = [format!("misogi {command} {second} "), format!("| {second} ")];
            assert!(spelled.iter().any(|words| readme.contains(words)), "{command} {second}");
        }
    }
}

#[test]
fn all_passed_is_exit_code_zero_and_each_input_has_one_report() {
    let directory = tempfile::tempdir().expect("a directory");
    let sjis = b"\x93\xfa\x96\x7b\x8c\xea\r\n";
    let (ran, reports) = sanitize(directory.path(), &[("a.txt", sjis), ("b.csv", b"x,y\r\n1,=1+1\r\n")], &[]);
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(reports.len(), 2);
    let text = by_name(&reports, "a.txt");
    assert_eq!(text["verdict"], "sanitised");
    assert_eq!(text["detected_type"], "text");
    assert_eq!(text["output_type"], "text/plain");
    let written = fs::read_to_string(text["output"].as_str().expect("a path")).expect("UTF-8");
    assert_eq!(written.trim_start_matches('\u{feff}'), "日本語\r\n");
    let table = by_name(&reports, "b.csv");
    let reasons: Vec<&str> =
        table["findings"].as_array().expect("a list").iter().filter_map(|f| f["reason"].as_str()).collect();
    assert!(reasons.contains(&"formula_neutralised"), "{table}");
    for key in ["input", "detected_type", "verdict", "output", "output_type", "findings", "pages", "millis", "children"]
    {
        assert!(table.get(key).is_some(), "{key} is missing: {table}");
    }
}

#[test]
fn something_withheld_is_exit_code_one_and_names_the_reason() {
    let directory = tempfile::tempdir().expect("a directory");
    let (ran, reports) =
        sanitize(directory.path(), &[("tool.exe", b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00")], &[]);
    assert_eq!(ran.status.code(), Some(1));
    let report = by_name(&reports, "tool.exe");
    assert_eq!(report["verdict"], "withheld");
    assert_eq!(report["output"], serde_json::Value::Null);
    assert_eq!(report["findings"][0]["reason"], "unsupported_type");
    assert_eq!(fs::read_dir(directory.path().join("out")).expect("listed").count(), 0, "nothing is written");
}

/// Where the kernel gives no huge pages (prctl(2): PR_SET_THP_DISABLE is 41), zygotes stay as they are.
#[test]
fn documents_are_rebuilt_without_huge_pages_as_with_them() {
    let directory = tempfile::tempdir().expect("a directory");
    let (input, output) = (directory.path().join("a.txt"), directory.path().join("out"));
    fs::write(&input, "text\n").expect("written");
    const WITHOUT: &str = "import ctypes,os,sys\nlibc=ctypes.CDLL(None)\n\
        assert libc.prctl(41,1,0,0,0)==0 and libc.prctl(42,0,0,0,0)==1\nos.execv(sys.argv[1],sys.argv[1:])";
    let mut command = Command::new("python3");
    command
        .args(["-c", WITHOUT, env!("CARGO_BIN_EXE_misogi"), "sanitize", "--json"])
        .arg(&input)
        .arg("-o")
        .arg(&output);
    let ran = command.output().expect("python3 is installed (./test)");
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(fs::read_to_string(output.join("a.txt")).expect("rebuilt"), "\u{FEFF}text\r\n");
}

/// The picture is changed at each byte that AV1 codes it with.
#[test]
fn a_picture_whose_decoder_gives_up_is_told_as_damaged_and_not_as_a_crash() {
    let directory = tempfile::tempdir().expect("a directory");
    let whole = fixture("files/quarters.avif");
    let coded = whole.windows(4).position(|name| name == b"mdat").expect("the box of the coded picture") + 4;
    let damaged: Vec<(String, Vec<u8>)> = (coded..whole.len())
        .map(|at| {
            let mut bytes = whole.clone();
            bytes[at] ^= 0xFF;
            (format!("{at}.avif"), bytes)
        })
        .collect();
    let files: Vec<(&str, &[u8])> = damaged.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let (_, reports) = sanitize(directory.path(), &files, &[]);
    assert_eq!(reports.len(), files.len());
    let withheld = reports.iter().filter(|report| report["verdict"] == "withheld");
    let reasons: Vec<&str> =
        withheld.map(|report| report["findings"][0]["reason"].as_str().expect("a reason")).collect();
    assert!(reasons.contains(&"malformed"), "{reasons:?}");
    assert!(!reasons.contains(&"room_crash"), "{reasons:?}");
}

/// Members that Info-ZIP and 7-Zip encrypted, the old way and with AES, come out when the password is among those given.
#[test]
fn a_password_opens_encrypted_members() {
    let directory = tempfile::tempdir().expect("a directory");
    let files =
        ["encrypted.zip", "cp932-password.zip", "aes.zip"].map(|name| (name, fixture(&format!("files/{name}"))));
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
    let member = |report: &serde_json::Value| report["children"][0].clone();

    let given = ["--password", "wrong", "--password", "ひみつ", "--password", "password"];
    let (ran, reports) = sanitize(directory.path(), &files, &given);
    assert_eq!(ran.status.code(), Some(1), "the third password is missing");
    for name in ["encrypted.zip", "cp932-password.zip"] {
        let report = by_name(&reports, name);
        assert_eq!(report["verdict"], "sanitised", "{report}");
        assert!(report["findings"].to_string().contains("\"decrypted\""), "{report}");
        let output = report["output"].as_str().expect("a path");
        let unzipped = Command::new("unzip").args(["-p", output]).output().expect("unzip is installed (./test)");
        let text = String::from_utf8_lossy(&unzipped.stdout).into_owned();
        assert_eq!(text.trim_start_matches('\u{feff}').trim_end(), "secret", "{name} is open now");
    }
    let aes = by_name(&reports, "aes.zip");
    assert_eq!(aes["verdict"], "sanitised", "the member without password passes: {aes}");
    assert_eq!(member(aes)["findings"][0]["reason"], "wrong_password", "{aes}");

    let (ran, reports) = sanitize(directory.path(), &files[2..], &["--password", "correct-horse"]);
    assert_eq!(ran.status.code(), Some(1), "the other two archives stay closed");
    assert_eq!(member(by_name(&reports, "aes.zip"))["verdict"], "sanitised");

    let (_, reports) = sanitize(directory.path(), &files[..1], &[]);
    assert_eq!(member(by_name(&reports, "encrypted.zip"))["findings"][0]["reason"], "encrypted");
}

fn text_of_pdf(path: &Path) -> String {
    let ran = Command::new("pdftotext").arg(path).arg("-").output().expect("pdftotext is installed (./test)");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).expect("UTF-8")
}

/// The text is found as before, another program finds nothing wrong, and the report says how the pages were carried over.
#[test]
fn a_pdf_is_drawn_anew_with_its_text() {
    let directory = tempfile::tempdir().expect("a directory");
    let original = fixture("files/pages.pdf");
    let (ran, reports) = sanitize(directory.path(), &[("pages.pdf", &original)], &[]);
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    let report = by_name(&reports, "pages.pdf");
    assert_eq!((&report["detected_type"], &report["output_type"]), (&"pdf".into(), &"application/pdf".into()));
    assert_eq!((&report["pages"], &report["page_levels"]["vector"]), (&3.into(), &3.into()));
    assert!(report["fidelity"]["similarity"].as_f64().is_some_and(|alike| alike > 0.95), "{report}");
    assert_eq!(report["text"]["recall"], 1.0, "{report}");
    let output = Path::new(report["output"].as_str().expect("a path"));
    assert_eq!(text_of_pdf(output), text_of_pdf(&directory.path().join("in/pages.pdf")));
    let checked = Command::new("qpdf").arg("--check").arg(output).output().expect("qpdf is installed (./test)");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}

#[test]
fn a_site_may_have_images_of_pages_only() {
    let directory = tempfile::tempdir().expect("a directory");
    let config = directory.path().join("misogi.toml");
    fs::write(&config, "[pages]\nmax = \"raster\"\ndpi = 100\nraster_text = \"drop\"\n").expect("written");
    let config = config.display().to_string();
    let (_, reports) =
        sanitize(directory.path(), &[("pages.pdf", &fixture("files/pages.pdf"))], &["--policy", &config]);
    let report = by_name(&reports, "pages.pdf");
    assert_eq!((&report["verdict"], &report["page_levels"]["raster"]), (&"sanitised".into(), &3.into()), "{report}");
    assert_eq!(text_of_pdf(Path::new(report["output"].as_str().expect("a path"))).trim(), "");
}

#[test]
fn no_file_is_written_over() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("a.txt");
    fs::write(&file, "original").expect("written");
    let (path, output) = (file.display().to_string(), directory.path().display().to_string());
    let ran = misogi(&["sanitize", &path, "-o", &output, "--json"]);
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(fs::read_to_string(&file).expect("read"), "original", "the input stays as it was");
    let report: serde_json::Value = serde_json::from_slice(&ran.stdout).expect("JSON");
    assert!(report["output"].as_str().is_some_and(|name| name.ends_with("a (2).txt")), "{report}");
}

#[test]
fn names_reach_the_terminal_without_their_control_characters() {
    let directory = tempfile::tempdir().expect("a directory");
    let name = "a\u{1b}[31m\u{202e}b.txt";
    fs::write(directory.path().join(name), "text").expect("written");
    let (path, output) =
        (directory.path().join(name).display().to_string(), directory.path().join("out").display().to_string());
    let ran = misogi(&["sanitize", &path, "-o", &output]);
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(said.contains("b.txt") && !said.contains('\u{1b}') && !said.contains('\u{202e}'), "{said:?}");
}

#[test]
fn a_wrong_call_is_exit_code_two() {
    assert_eq!(misogi(&["sanitize"]).status.code(), Some(2));
    assert_eq!(misogi(&["sanitize", "/does/not/exist", "-o", "/tmp/misogi-none"]).status.code(), Some(2));
    let directory = tempfile::tempdir().expect("a directory");
    let config = directory.path().join("misogi.toml");
    fs::write(&config, "[smtp]\nlissen = \"127.0.0.1:1\"\n").expect("written");
    let ran = misogi(&["serve", "--config", &config.display().to_string()]);
    assert_eq!(ran.status.code(), Some(2));
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(said.contains("misogi.toml:2") && said.contains("did you mean `listen`"), "{said}");
}

#[test]
fn an_image_loses_its_position_and_keeps_its_look() {
    let directory = tempfile::tempdir().expect("a directory");
    let (ran, reports) = sanitize(directory.path(), &[("photo.jpg", &fixture("files/position.jpg"))], &[]);
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    let output = by_name(&reports, "photo.jpg")["output"].as_str().expect("a path").to_owned();
    let kind = Command::new("file").args(["-b", "--mime-type", &output]).output().expect("file is installed (./test)");
    assert_eq!(String::from_utf8_lossy(&kind.stdout).trim(), "image/jpeg");
    let bytes = fs::read(&output).expect("read");
    assert!(!bytes.windows(4).any(|window| window == b"Exif"), "no EXIF block is left");
}

#[test]
fn doctor_tells_a_damaged_store_from_one_that_is_not_made_yet() {
    let directory = tempfile::tempdir().expect("a directory");
    let config = directory.path().join("misogi.toml");
    let data = directory.path().join("data");
    fs::write(&config, format!("data = {data:?}\n")).expect("written");
    let store = || {
        let ran = misogi(&["doctor", "--json", "--config", &config.display().to_string()]);
        let report: serde_json::Value = serde_json::from_slice(&ran.stdout).expect("JSON");
        let checks = report["checks"].as_array().expect("a list").clone();
        checks.into_iter().find(|check| check["name"] == "store").expect("store")["state"].clone()
    };
    assert_eq!(store(), "ok");
    assert!(!data.exists(), "doctor makes nothing");
    fs::create_dir(&data).expect("made");
    fs::write(data.join("misogi.sqlite"), "this is no database").expect("written");
    assert_eq!(store(), "fault");
}

#[test]
fn doctor_says_what_holds_the_rooms_and_what_is_missing() {
    let directory = tempfile::tempdir().expect("a directory");
    let config = directory.path().join("misogi.toml");
    fs::write(&config, format!("data = {:?}\n", directory.path().join("data"))).expect("written");
    let ran = misogi(&["doctor", "--json", "--config", &config.display().to_string()]);
    let report: serde_json::Value = serde_json::from_slice(&ran.stdout).expect("JSON");
    let checks = report["checks"].as_array().expect("a list");
    for name in ["configuration", "rooms", "scanner", "store", "next_hop", "clock"] {
        assert!(checks.iter().any(|check| check["name"] == name), "{name} is missing: {report}");
    }
    let scanner = checks.iter().find(|check| check["name"] == "scanner").expect("scanner");
    assert_eq!(scanner["state"], "warning", "no scanner is not in order, and not a fault: {scanner}");
}

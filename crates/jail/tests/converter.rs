//! LibreOffice in its room: what it converts, what it refuses, what hostile documents get out of it, and what is left of it.
//!
//! The binary starts itself again as an instance, hence no libtest harness.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::disallowed_methods,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "a test; clippy knows tests by their harness, which this one does without"
)]

#[path = "converter/files.rs"]
mod files;
mod support;

use files::{PASSWORD, TEXT, greedy_sheet, greedy_text, macro_text, make_old_files, package, part, rtf};
use form::reason::Reason;
use jail::room::{RoomIo, RoomRefusal};
use jail::{
    Conversion, ConvertFrom, ConvertTo, Converted, Converter, ConverterConfig, Error, Password, Verdict,
    probe_converter,
};
use std::net::TcpListener;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use support::{descendants, eventually, source};

#[global_allocator]
static ALLOCATOR: jail::room::Allocator = jail::room::Allocator;

fn no_room(_: &mut RoomIo<'_>) -> Result<(), RoomRefusal> {
    unreachable!("no room of the pool is started here")
}

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next() {
        Some(first) if first == "room" => jail::room::enter(arguments, no_room, no_room),
        Some(first) if first == "serve" => return serve_and_tell(),
        Some(first) if first == "hold" => hold(),
        _ => {}
    }
    let tests: &[(&str, fn())] = &[
        (
            "what_makes_no_sense_is_refused_before_anything_is_started",
            what_makes_no_sense_is_refused_before_anything_is_started,
        ),
        ("everything_an_instance_tries_against_its_walls_fails", everything_an_instance_tries_against_its_walls_fails),
        (
            "documents_of_every_application_are_converted_and_keep_their_text",
            documents_of_every_application_are_converted_and_keep_their_text,
        ),
        (
            "documents_bring_in_nothing_from_outside_and_run_nothing",
            documents_bring_in_nothing_from_outside_and_run_nothing,
        ),
        ("limits_are_kept_and_the_next_document_is_served", limits_are_kept_and_the_next_document_is_served),
        ("memory_has_a_ceiling", memory_has_a_ceiling),
        ("an_ordinary_user_has_it_as_well", an_ordinary_user_has_it_as_well),
        ("a_host_that_forbids_namespaces_has_no_converter", a_host_that_forbids_namespaces_has_no_converter),
        ("instances_die_with_a_gateway_that_is_killed", instances_die_with_a_gateway_that_is_killed),
    ];
    let only = std::env::args().nth(1).filter(|argument| !argument.starts_with('-'));
    let mut passed = 0;
    for (name, test) in tests {
        if only.as_ref().is_none_or(|only| name.contains(only.as_str())) {
            let begun = Instant::now();
            test();
            assert_eq!(descendants(std::process::id()), [], "{name} leaves processes");
            println!("test {name} ... ok ({} ms)", begun.elapsed().as_millis());
            passed += 1;
        }
    }
    println!("\ntest result: ok. {passed} passed; 0 failed");
}

/// A comment in a document.
const NOTE: &str = "要確認";

fn config() -> ConverterConfig {
    ConverterConfig { warm: 2, slots: 2, ..ConverterConfig::new(jail::this_executable(), &["room"]) }
}

fn job(bytes: &[u8], from: ConvertFrom, to: ConvertTo) -> Conversion {
    Conversion {
        source: source(bytes),
        from,
        to,
        password: None,
        deadline: Duration::from_secs(40),
        out_bytes: 64 << 20,
    }
}

/// All at once, answers in the order of the jobs.
fn convert_all(converter: &Converter, jobs: Vec<Conversion>) -> Vec<Converted> {
    let (sender, receiver) = mpsc::channel();
    let count = jobs.len();
    for (at, job) in jobs.into_iter().enumerate() {
        let sender = sender.clone();
        converter.convert(job, move |converted| drop(sender.send((at, converted))));
    }
    let mut all: Vec<_> = receiver.iter().take(count).collect();
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, converted)| converted).collect()
}

fn bytes(converted: &Converted) -> Vec<u8> {
    let output = converted.output.as_ref().unwrap_or_else(|| panic!("{}", converted.verdict));
    output.source(0, output.len()).unwrap().data.to_vec(64 << 20).unwrap()
}

fn reason(converted: &Converted) -> Option<Reason> {
    assert!(converted.output.is_none() || converted.verdict.is_ok());
    converted.verdict.reason()
}

/// Where the text of a file stands.
fn text_of(file: &[u8], to: ConvertTo) -> String {
    match to {
        ConvertTo::Docx => part(file, "word/document.xml"),
        ConvertTo::Xlsx => part(file, "xl/sharedStrings.xml") + &part(file, "xl/worksheets/*.xml"),
        ConvertTo::Pptx => part(file, "ppt/slides/slide1.xml"),
        ConvertTo::Pdf => {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("x.pdf");
            std::fs::write(&path, file).unwrap();
            let output = std::process::Command::new("pdftotext").arg(&path).arg("-").output();
            String::from_utf8_lossy(&output.expect("poppler-utils is among the packages of ./test").stdout).into_owned()
        }
    }
}

fn what_makes_no_sense_is_refused_before_anything_is_started() {
    let field = |config| match Converter::start(config) {
        Err(Error::Config { field, .. }) => field,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it started"),
    };
    assert_eq!(field(ConverterConfig { slots: 0, ..config() }), "slots");
    assert_eq!(field(ConverterConfig { warm: 17, ..config() }), "warm");
    assert_eq!(field(ConverterConfig { program: "relative/program".into(), ..config() }), "program");
    assert_eq!(field(ConverterConfig { locale: "ja<".into(), ..config() }), "locale");
    match Converter::start(ConverterConfig { program: "/nowhere/program".into(), ..config() }) {
        Err(Error::NoOffice { why }) => assert!(why.contains("not installed"), "{why}"),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it started"),
    }
}

fn everything_an_instance_tries_against_its_walls_fails() {
    let probe = probe_converter(&config()).unwrap();
    assert!(probe.version.starts_with("LibreOffice "), "{}", probe.version);
    for fact in &probe.facts {
        // These are about the machine and not about the walls.
        let machine = ["landlock", "memory_cgroup", "memory_deny_write_execute"].contains(&fact.name);
        assert!(fact.ok || machine, "{}: {}", fact.name, fact.detail);
    }
    let detail = |name: &str| &probe.facts.iter().find(|fact| fact.name == name).unwrap().detail;
    for name in ["fork", "execute", "connect_tcp", "new_socket", "trace_zygote", "kill_everybody", "mount", "chroot"] {
        assert!(detail(name).starts_with("stopped by the filter"), "{name}: {}", detail(name));
    }
    // What must hold by two layers.
    for name in
        ["execute", "connect_tcp", "trace_zygote", "mount", "open_host_files", "write_program", "execute_own_file"]
    {
        assert!(!detail(name).ends_with("it succeeds"), "{name}: {}", detail(name));
    }
}

fn documents_of_every_application_are_converted_and_keep_their_text() {
    let directory = tempfile::tempdir().unwrap();
    make_old_files(directory.path());
    let read = |name: &str| std::fs::read(directory.path().join(name)).unwrap();
    let paragraph = format!("<text:p>{TEXT}</text:p>");
    let noted = format!("<text:p>{TEXT}<office:annotation><text:p>{NOTE}</text:p></office:annotation></text:p>");
    let cell = format!(
        "<table:table table:name=\"A\"><table:table-row><table:table-cell office:value-type=\"string\">{paragraph}\
         </table:table-cell></table:table-row></table:table>"
    );
    let slide = format!(
        "<draw:page draw:name=\"p\"><draw:frame svg:width=\"10cm\" svg:height=\"5cm\"><draw:text-box>{paragraph}\
         </draw:text-box></draw:frame></draw:page>"
    );
    use ConvertFrom as From;
    use ConvertTo as To;
    let good = [
        (rtf(TEXT), From::Rtf, To::Docx, None),
        (rtf(TEXT), From::Rtf, To::Pdf, None),
        (package("text", "", &paragraph, &[]), From::Odt, To::Docx, None),
        (package("text", "", &noted, &[]), From::Odt, To::Docx, None),
        (package("text", "", &noted, &[]), From::Odt, To::Pdf, None),
        (package("spreadsheet", "", &cell, &[]), From::Ods, To::Xlsx, None),
        (package("presentation", "", &slide, &[]), From::Odp, To::Pptx, None),
        (read("plain.doc"), From::Doc, To::Docx, None),
        (read("plain.xls"), From::Xls, To::Xlsx, None),
        (read("plain.ppt"), From::Ppt, To::Pptx, None),
        (read("secret.doc"), From::Doc, To::Docx, Some(PASSWORD)),
        (read("secret.xls"), From::Xls, To::Xlsx, Some(PASSWORD)),
        (read("secret.odt"), From::Odt, To::Docx, Some(PASSWORD)),
    ];
    let bad = [
        (read("secret.doc"), From::Doc, None, Reason::Encrypted),
        (read("secret.xls"), From::Xls, None, Reason::Encrypted),
        (read("secret.odt"), From::Odt, None, Reason::Encrypted),
        (read("secret.doc"), From::Doc, Some("wrong"), Reason::WrongPassword),
        (read("secret.xls"), From::Xls, Some("wrong"), Reason::WrongPassword),
        (read("secret.odt"), From::Odt, Some("wrong"), Reason::WrongPassword),
        // Something else than it is said to be, and nothing at all.
        (read("plain.xls"), From::Doc, None, Reason::Malformed),
        (read("plain.doc"), From::Xls, None, Reason::Malformed),
        (b"neither".to_vec(), From::Ppt, Some("x"), Reason::Malformed),
    ];
    let converter = Converter::start(config()).unwrap();
    let with = |bytes: &[u8], from, to, password: Option<&str>| Conversion {
        password: password.map(Password::new),
        ..job(bytes, from, to)
    };
    let mut jobs: Vec<_> = good.iter().map(|(bytes, from, to, password)| with(bytes, *from, *to, *password)).collect();
    jobs.extend(bad.iter().map(|(bytes, from, password, _)| with(bytes, *from, from.editable().unwrap(), *password)));
    let converted = convert_all(&converter, jobs);
    for ((_, from, to, _), converted) in good.iter().zip(&converted) {
        assert_eq!(converted.verdict, Verdict::Ok, "{from:?} to {to:?}");
        let text = text_of(&bytes(converted), *to);
        assert!(text.contains(TEXT), "{from:?} to {to:?}: {text}");
    }
    let noted = converted.get(3).map(bytes).expect("the text with a comment");
    assert!(part(&noted, "word/comments.xml").contains(NOTE));
    for ((_, from, password, expected), converted) in bad.iter().zip(&converted[good.len()..]) {
        assert_eq!(reason(converted), Some(*expected), "{from:?} with {password:?}: {:?}", converted.verdict);
    }
    assert_eq!(format!("{:?}", Password::new("secret")), "Password(..)");
}

fn documents_bring_in_nothing_from_outside_and_run_nothing() {
    const CANARY: &str = "CANARY-7f3a";
    let directory = tempfile::tempdir().unwrap();
    let (canary, picture) = (directory.path().join("canary.csv"), directory.path().join("canary.png"));
    let proof = directory.path().join("proof");
    std::fs::write(&canary, format!("{CANARY},1\n")).unwrap();
    // A red pixel, as other programs read it.
    std::fs::write(&picture, PIXEL).unwrap();
    let readable = |path: &Path, mode| {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    };
    readable(directory.path(), 0o777);
    readable(&canary, 0o644);
    readable(&picture, 0o644);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();

    // Outside of a room the macro does what it says: the fixture is a real one.
    let outside = directory.path().join("outside.odt");
    std::fs::write(&outside, macro_text(&proof)).unwrap();
    files::outside(directory.path(), "outside.odt", &proof);
    assert!(proof.exists(), "the macro does not even run where it may");
    std::fs::remove_file(&proof).unwrap();

    let (text, sheet, program) =
        (greedy_text(&canary, &picture, port), greedy_sheet(&canary, port), macro_text(&proof));
    let kinds = [
        (&text, ConvertFrom::Odt, ConvertTo::Docx),
        (&text, ConvertFrom::Odt, ConvertTo::Pdf),
        (&sheet, ConvertFrom::Ods, ConvertTo::Xlsx),
        (&sheet, ConvertFrom::Ods, ConvertTo::Pdf),
        (&program, ConvertFrom::Odt, ConvertTo::Docx),
        (&program, ConvertFrom::Odt, ConvertTo::Pdf),
    ];
    let converter = Converter::start(config()).unwrap();
    let jobs = kinds.iter().map(|(bytes, from, to)| job(bytes, *from, *to)).collect();
    for ((_, from, to), converted) in kinds.iter().zip(convert_all(&converter, jobs)) {
        assert_eq!(converted.verdict, Verdict::Ok, "{from:?} to {to:?}");
        let file = bytes(&converted);
        let text = text_of(&file, *to);
        assert!(text.contains(TEXT), "{from:?} to {to:?}: {text}");
        assert!(!text.contains("MACRO-RAN"), "{from:?} to {to:?}: the macro ran");
        // Neither in the text nor anywhere else in the package. The path of the link may be there: it was in the document.
        let everything = if *to == ConvertTo::Pdf { text } else { part(&file, "*") };
        assert!(!everything.contains(CANARY), "{from:?} to {to:?}: a file of the host came in");
        assert!(!find(&file, &PIXEL[33..60]), "{from:?} to {to:?}: a picture of the host came in");
    }
    assert!(listener.accept().is_err(), "somebody connected");
    assert!(!proof.exists(), "the macro wrote a file of the host");
}

fn find(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

/// A PNG of one red pixel.
const PIXEL: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, 0x49, 0x48, 0x44, 0x52, 0, 0, 0, 1, 0, 0, 0, 1, 8,
    2, 0, 0, 0, 0x90, 0x77, 0x53, 0xde, 0, 0, 0, 0x0c, 0x49, 0x44, 0x41, 0x54, 0x08, 0xd7, 0x63, 0xf8, 0xcf, 0xc0, 0,
    0, 3, 1, 1, 0, 0x18, 0xdd, 0x8d, 0xb0, 0, 0, 0, 0, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
];

/// Rich text with so many paragraphs.
fn long_text(paragraphs: usize) -> Vec<u8> {
    let mut text = rtf(TEXT);
    text.pop();
    text.extend(b"some words to lay out\\par\n".repeat(paragraphs));
    text.push(b'}');
    text
}

fn limits_are_kept_and_the_next_document_is_served() {
    let converter =
        Converter::start(ConverterConfig { warm: 1, slots: 1, in_bytes_max: 64 << 20, ..config() }).unwrap();
    let served = |converter: &Converter| {
        let converted = converter.convert_wait(job(&rtf(TEXT), ConvertFrom::Rtf, ConvertTo::Docx));
        assert_eq!(converted.verdict, Verdict::Ok);
        assert!(converted.usage.cpu > Duration::ZERO && converted.usage.max_rss_bytes > 0);
        bytes(&converted).len() as u64
    };
    let size = served(&converter);

    let begun = Instant::now();
    let deadline = Duration::from_millis(1500);
    let long = Conversion { deadline, ..job(&long_text(400_000), ConvertFrom::Rtf, ConvertTo::Pdf) };
    let converted = converter.convert_wait(long);
    assert_eq!((&converted.verdict, converted.output.is_none()), (&Verdict::Timeout, true));
    assert!(converted.usage.wall >= deadline && converted.usage.wall < deadline + Duration::from_secs(2));
    // With the wait for an instance, on a machine with other work.
    assert!(begun.elapsed() < Duration::from_secs(30));
    served(&converter);

    let small = |out_bytes| Conversion { out_bytes, ..job(&rtf(TEXT), ConvertFrom::Rtf, ConvertTo::Docx) };
    assert_eq!(converter.convert_wait(small(1000)).verdict, Verdict::OutputLimit);
    assert_eq!(converter.convert_wait(small(size + 64)).verdict, Verdict::Ok);

    let refused = |converted: Converted| match converted.verdict {
        Verdict::Refused(refusal, _) => (refusal.reason, refusal.limit, refusal.value),
        other => panic!("{other}"),
    };
    let wide = job(&vec![b' '; (64 << 20) + 1], ConvertFrom::Rtf, ConvertTo::Docx);
    assert_eq!(refused(converter.convert_wait(wide)), (Reason::LimitInputBytes, 64 << 20, (64 << 20) + 1));
    let nonsense = job(&rtf(TEXT), ConvertFrom::Rtf, ConvertTo::Xlsx);
    assert_eq!(refused(converter.convert_wait(nonsense)).0, Reason::UnsupportedType);
    assert_eq!(refused(converter.convert_wait(job(b"", ConvertFrom::Rtf, ConvertTo::Docx))).0, Reason::Malformed);
    served(&converter);
}

fn memory_has_a_ceiling() {
    // Without instances in advance, which is the other way to have them.
    let small = ConverterConfig { warm: 0, slots: 1, memory_bytes: 256 << 20, scratch_bytes: 64 << 20, ..config() };
    let converter = Converter::start(ConverterConfig { out_bytes_max: 16 << 20, ..small }).unwrap();
    let converted = converter.convert_wait(job(&long_text(1_200_000), ConvertFrom::Rtf, ConvertTo::Docx));
    // Where there is no control group LibreOffice meets the limit itself, and crashes or gives up.
    let verdict = &converted.verdict;
    assert!(
        matches!(verdict, Verdict::MemoryLimit | Verdict::Crash(_)) || verdict.reason() == Some(Reason::Malformed),
        "{verdict}"
    );
    assert!(converted.usage.max_rss_bytes < 1 << 30);
    assert_eq!(converter.convert_wait(job(&rtf(TEXT), ConvertFrom::Rtf, ConvertTo::Docx)).verdict, Verdict::Ok);
}

/// Converts one document and says how that went.
fn serve_and_tell() {
    match Converter::start(ConverterConfig { warm: 0, slots: 1, ..config() }) {
        Ok(converter) => {
            let converted = converter.convert_wait(job(&rtf(TEXT), ConvertFrom::Rtf, ConvertTo::Docx));
            let text = converted.output.is_some().then(|| text_of(&bytes(&converted), ConvertTo::Docx));
            println!("{} {}", converted.verdict, text.is_some_and(|text| text.contains(TEXT)));
            for fact in converter.facts() {
                println!("{} {}: {}", fact.name, fact.ok, fact.detail);
            }
        }
        Err(error) => println!("{error}"),
    }
}

/// What [`serve_and_tell`] says as an ordinary user, started by this command.
fn served_by(command: &[&str]) -> String {
    // A copy that this user can read and start.
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("converter");
    std::fs::copy("/proc/self/exe", &copy).unwrap();
    for path in [directory.path(), &copy] {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let lower = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"];
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let is_root = status.lines().any(|line| line.starts_with("Uid:\t0\t"));
    let words = lower.iter().filter(|_| is_root).chain(command).map(std::ffi::OsStr::new);
    let words: Vec<_> = words.chain([copy.as_os_str(), "serve".as_ref()]).collect();
    let output = std::process::Command::new(words[0]).args(&words[1..]).current_dir("/").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

fn an_ordinary_user_has_it_as_well() {
    let said = served_by(&[]);
    assert!(said.starts_with("ok true\n"), "{said}");
    assert!(said.contains("namespaces true: ") && said.contains("the gateway is an ordinary user"), "{said}");
}

fn a_host_that_forbids_namespaces_has_no_converter() {
    // In a user namespace of its own, whose limit is nobody else's.
    let forbid =
        "echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --ambient-caps=-all --inh-caps=-all \"$@\"";
    let said = served_by(&["unshare", "--user", "--map-current-user", "--keep-caps", "sh", "-c", forbid, "sh"]);
    assert!(said.contains("not started without namespaces") && said.contains("max_user_namespaces is 0"), "{said}");
}

/// Starts a converter and waits to be killed.
fn hold() -> ! {
    let converter = Converter::start(ConverterConfig { warm: 1, slots: 1, ..config() }).unwrap();
    let converted = converter.convert_wait(job(&rtf(TEXT), ConvertFrom::Rtf, ConvertTo::Docx));
    println!("{}", converted.verdict);
    loop {
        std::thread::park();
    }
}

fn instances_die_with_a_gateway_that_is_killed() {
    use std::io::BufRead;
    let mut gateway =
        std::process::Command::new("/proc/self/exe").arg("hold").stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufReader::new(gateway.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ok\n");
    // The next instance waits, or starts to.
    eventually("an instance", Duration::from_secs(20), || descendants(gateway.id()).len() >= 3);
    let all = descendants(gateway.id());
    gateway.kill().unwrap();
    gateway.wait().unwrap();
    eventually("the end of every instance", Duration::from_secs(10), || {
        all.iter().all(|(pid, _)| !Path::new(&format!("/proc/{pid}")).exists())
    });
}

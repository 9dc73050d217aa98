//! Debian's Squid between a client and a site: what people download through it was written by a clean room, or does not arrive.

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
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::{Gateway, fixture, free_ports, get};

const PATIENCE: Duration = Duration::from_secs(60);

/// The EICAR test file, in two halves so that this source is not one.
const EICAR: [&str; 2] = ["X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-", "ANTIVIRUS-TEST-FILE!$H+H*"];

/// A site, a proxy and a gateway.
struct Way {
    gateway: Gateway,
    squid: SocketAddr,
    site: SocketAddr,
    children: Vec<Child>,
    /// Dropped last: the others tell from it what went wrong.
    directory: tempfile::TempDir,
}

/// What curl got.
#[derive(Debug)]
struct Got {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Got {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// What carries ICAP between proxy and gateway.
#[derive(Clone, Copy)]
enum Leg {
    Plain,
    /// TLS; Squid believes this authority (`ca` signs the gateway's certificate, `other` does not) for this name.
    Tls {
        authority: &'static str,
        name: &'static str,
    },
}

impl Leg {
    /// Settings of `[icap]`, the scheme of its services, and what Squid is told of their TLS.
    fn settings(self, directory: &Path) -> (String, &'static str, String) {
        match self {
            Leg::Plain => (String::new(), "icap", String::new()),
            Leg::Tls { authority, name } => {
                certificates(directory);
                let path = |name: &str| directory.join(name);
                let (certificate, key) = (path("gateway.pem"), path("gateway.key"));
                let authority = path(&format!("{authority}.pem"));
                (
                    format!("tls_certificate = {certificate:?}\ntls_key = {key:?}\n"),
                    "icaps",
                    format!(" tls-default-ca=off tls-cafile={} tls-domain={name}", authority.display()),
                )
            }
        }
    }
}

/// Two authorities, `ca` and `other`, and a certificate for `gateway.test` of the first.
fn certificates(directory: &Path) {
    let openssl = |arguments: &[&str]| {
        let made = Command::new("openssl").args(arguments).current_dir(directory).output();
        let made = made.expect("openssl is installed (./test)");
        assert!(made.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&made.stderr));
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    for line in [
        format!("req -x509 -days 2 -subj /CN=ca -keyout ca.key -out ca.pem {key}"),
        format!("req -x509 -days 2 -subj /CN=other -keyout other.key -out other.pem {key}"),
        format!("req -subj /CN=gateway.test -addext subjectAltName=DNS:gateway.test -keyout gateway.key -out gateway.csr {key}"),
        "x509 -req -in gateway.csr -copy_extensions copy -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out gateway.pem".to_owned(),
    ] {
        openssl(&line.split(' ').collect::<Vec<_>>());
    }
}

impl Way {
    /// `settings` stand behind those of `[icap]`, `proxy` behind those of Squid.
    fn start(settings: &str, proxy: &str) -> Way {
        Way::over(Leg::Plain, settings, proxy)
    }

    fn over(leg: Leg, settings: &str, proxy: &str) -> Way {
        let directory = tempfile::tempdir().expect("a directory");
        let [icap, squid, site] = free_ports();
        let (own, scheme, tls) = leg.settings(directory.path());
        let gateway = Gateway::start(directory.path(), &format!("[icap]\nlisten = \"{icap}\"\n{own}{settings}"));
        let (files, kept, run) =
            (directory.path().join("files"), directory.path().join("kept"), directory.path().join("squid"));
        for made in [&files, &kept, &run] {
            fs::create_dir_all(made).expect("made");
        }
        // Started by root, Squid works as its own user.
        let owned = Command::new("chown").arg("proxy").arg(&run).status();
        assert!(owned.expect("chown runs").success());
        let opened = Command::new("chmod").arg("a+rx").arg(directory.path()).status();
        assert!(opened.expect("chmod runs").success());
        let text = format!(
            "http_port {squid}\nhttp_access allow all\nvisible_hostname squid.test\npid_filename {run}/squid.pid\n\
             cache_log {run}/cache.log\naccess_log stdio:{run}/access.log\ncoredump_dir {run}\ncache deny all\n\
             pinger_enable off\nshutdown_lifetime 1 second\nicap_enable on\nicap_preview_enable on\nicap_preview_size 4096\n\
             icap_persistent_connections on\nicap_service_failure_limit -1\nicap_service_revival_delay 5\n\
             adaptation_send_client_ip on\nadaptation_send_username on\nrequest_header_access Accept-Encoding deny all\n\
             icap_service requests reqmod_precache {scheme}://{icap}/reqmod bypass=off{tls}\n\
             icap_service responses respmod_precache {scheme}://{icap}/respmod bypass=off{tls}\n\
             adaptation_access requests allow all\nadaptation_access responses allow all\n{proxy}\n",
            run = run.display()
        );
        fs::write(run.join("squid.conf"), text).expect("written");
        let origin = support::workspace::root().join("tests/icap_origin.py");
        let quiet = |command: &mut Command| command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        let site_process =
            quiet(Command::new("python3").arg(origin).arg(site.port().to_string()).args([&files, &kept]));
        let squid_process = quiet(Command::new("squid").args(["-N", "-f"]).arg(run.join("squid.conf")));
        let children = vec![
            site_process.expect("python3 is installed (./test)"),
            squid_process.expect("squid-openssl is installed (./test)"),
        ];
        let way = Way { gateway, squid, site, children, directory };
        let started = Instant::now();
        for server in [site, squid] {
            while TcpStream::connect(server).is_err() {
                assert!(started.elapsed() < PATIENCE, "squid: {}", way.squid_log());
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        way
    }

    fn squid_log(&self) -> String {
        fs::read_to_string(self.directory.path().join("squid/cache.log")).unwrap_or_default()
    }

    fn put(&self, name: &str, content: &[u8]) {
        fs::write(self.directory.path().join("files").join(name), content).expect("written");
    }

    /// A download through Squid.
    fn get(&self, path: &str) -> Got {
        self.curl(&[&format!("http://{}/{path}", self.site)])
    }

    fn curl(&self, arguments: &[&str]) -> Got {
        let (head, body) = (self.directory.path().join("head"), self.directory.path().join("body"));
        fs::write(&body, "").expect("written");
        let ran = Command::new("curl")
            .args(["-sS", "--max-time", "60", "-x", &format!("http://{}", self.squid), "-H", "Accept-Language: ja"])
            .arg("-D")
            .arg(&head)
            .arg("-o")
            .arg(&body)
            .args(arguments)
            .output()
            .expect("curl is installed (./test)");
        assert!(ran.status.success(), "{arguments:?}: {}\n{}", String::from_utf8_lossy(&ran.stderr), self.squid_log());
        let head = fs::read_to_string(head).expect("read");
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        Got { status, head, body: fs::read(body).expect("read") }
    }

    /// What another program says of a file.
    fn read(&self, program: &str, arguments: &[&str], name: &str, content: &[u8]) -> String {
        let path = self.directory.path().join(name);
        fs::write(&path, content).expect("written");
        let ran = Command::new(program).args(arguments).arg(&path).output();
        let ran = ran.unwrap_or_else(|error| panic!("{program} is installed (./test): {error}"));
        assert!(ran.status.success(), "{program}: {}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8_lossy(&ran.stdout).into_owned()
    }

    /// What arrived at the site.
    fn arrived(&self) -> Vec<(String, Vec<u8>)> {
        let kept = self.directory.path().join("kept");
        let mut paths: Vec<PathBuf> =
            fs::read_dir(kept).expect("listed").map(|entry| entry.expect("entry").path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "body"));
        paths.sort();
        let read = |path: &PathBuf| {
            (fs::read_to_string(path.with_extension("head")).expect("read"), fs::read(path).expect("read"))
        };
        paths.iter().map(read).collect()
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- squid ---\n{}", self.squid_log());
        }
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A Word document of one paragraph and a part that no clean room writes, made by another program.
fn docx(directory: &Path) -> Vec<u8> {
    let script = r#"
import sys, zipfile
w = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
r = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
z = zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED)
z.writestr("[Content_Types].xml", '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="bin" ContentType="application/vnd.ms-office.vbaProject"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>')
z.writestr("_rels/.rels", f'<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="a" Type="{r}/officeDocument" Target="word/document.xml"/></Relationships>')
z.writestr("word/document.xml", f'<?xml version="1.0"?><w:document xmlns:w="{w}"><w:body><w:p><w:r><w:t>健康診断のお知らせ</w:t></w:r></w:p></w:body></w:document>')
z.writestr("word/marker.bin", "MARKER-OF-THE-ORIGINAL")
z.close()
"#;
    let path = directory.join("made.docx");
    let ran = Command::new("python3").args(["-c", script]).arg(&path).status().expect("python3 runs");
    assert!(ran.success());
    fs::read(path).expect("read")
}

/// The words of a Word document as Python finds them, and the names of its parts.
const WORDS: &str = "import sys,zipfile,re; z=zipfile.ZipFile(sys.argv[1]); print(z.namelist()); \
                     print(''.join(re.findall('<w:t[^>]*>([^<]*)', z.read('word/document.xml').decode())))";

#[test]
fn downloads_arrive_rebuilt_and_other_programs_open_them() {
    let way = Way::start("", "");
    let pdf = fixture("files/pages.pdf");
    way.put("pages.pdf", &pdf);
    let got = way.get("pages.pdf");
    assert_eq!(got.status, 200, "{}", got.head);
    assert_ne!(got.body, pdf);
    assert_eq!(got.field("content-type"), Some("application/pdf"));
    assert_eq!(got.field("content-length"), Some(got.body.len().to_string().as_str()));
    assert_eq!(got.field("x-content-type-options"), Some("nosniff"));
    assert!(got.field("content-disposition").expect("a name").starts_with("inline; filename=\"pages.pdf\""));
    for old in ["etag", "accept-ranges", "content-md5", "last-modified", "content-encoding"] {
        assert_eq!(got.field(old), None, "{}", got.head);
    }
    assert!(way.read("pdfinfo", &[], "a.pdf", &got.body).contains("Pages:           3"));

    let original = docx(way.directory.path());
    way.put("doc.docx", &original);
    let got = way.get("doc.docx?save");
    assert_eq!(got.status, 200, "{}", got.head);
    let name = got.field("content-disposition").expect("a name");
    assert!(name.starts_with("attachment;") && name.contains("%E8%A6%8B%E7%A9%8D"), "{name}");
    let said = way.read("python3", &["-c", WORDS], "a.docx", &got.body);
    assert!(said.contains("健康診断のお知らせ") && !said.contains("marker"), "{said}");

    way.put("utf8.zip", &fixture("files/utf8.zip"));
    let got = way.get("utf8.zip?chunked");
    assert_eq!((got.status, got.field("content-type")), (200, Some("application/zip")), "{}", got.head);
    way.read(
        "python3",
        &["-c", "import sys,zipfile; assert zipfile.ZipFile(sys.argv[1]).testzip() is None"],
        "a.zip",
        &got.body,
    );

    let photo = fixture("files/position.jpg");
    way.put("position.jpg", &photo);
    let got = way.get("position.jpg");
    assert_eq!(got.status, 200, "{}", got.head);
    assert!(way.read("file", &["-b"], "a.jpg", &got.body).contains("JPEG"), "{}", got.head);
    assert!(!got.body.windows(4).any(|window| window == b"Exif"), "where it was taken stays behind");

    // What was taken in stands in the books like any upload, with who asked and for what.
    let audit = way.gateway.command(&["audit", "verify"]);
    assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stdout));
    let (_, metrics) = get(way.gateway.admin, "/metrics");
    assert!(metrics.contains("misogi_accepted_total{source=\"icap\"} 4"), "{metrics}");
    assert!(metrics.contains("misogi_icap_requests_total{service=\"respmod\",outcome=\"rebuilt\"} 4"), "{metrics}");
    // One connection carries several exchanges.
    let log = way.squid_log();
    assert!(!log.contains("essential ICAP service is down"), "{log}");
}

#[test]
fn between_proxy_and_gateway_tls_carries_files_both_ways_and_a_certificate_in_doubt_carries_none() {
    let pdf = fixture("files/pages.pdf");
    let way = Way::over(Leg::Tls { authority: "ca", name: "gateway.test" }, "patience_seconds = 50\n", "");
    way.put("pages.pdf", &pdf);
    // Several on one connection.
    for _ in 0..2 {
        let got = way.get("pages.pdf");
        assert_eq!((got.status, got.field("content-type")), (200, Some("application/pdf")), "{}", got.head);
        assert_ne!(got.body, pdf);
        assert!(way.read("pdfinfo", &[], "a.pdf", &got.body).contains("Pages:           3"));
    }
    let photo = way.directory.path().join("position.jpg");
    fs::write(&photo, fixture("files/position.jpg")).expect("written");
    let sent = way.curl(&["-F", &format!("file=@{}", photo.display()), &format!("http://{}/upload", way.site)]);
    assert_eq!(sent.status, 204, "{}", sent.head);
    let arrived = way.arrived();
    assert!(arrived.len() == 1 && !arrived[0].1.windows(4).any(|window| window == b"Exif"));

    for leg in
        [Leg::Tls { authority: "other", name: "gateway.test" }, Leg::Tls { authority: "ca", name: "elsewhere.test" }]
    {
        let way = Way::over(leg, "", "");
        way.put("pages.pdf", &pdf);
        let got = way.get("pages.pdf");
        assert_eq!(got.status, 500, "{}", got.head);
        assert!(!got.body.windows(5).any(|window| window == b"%PDF-"), "{}", got.text());
        let (_, metrics) = get(way.gateway.admin, "/metrics");
        assert!(!metrics.contains("misogi_accepted_total{source=\"icap\"} 1"), "{metrics}");
    }
}

#[test]
fn what_cannot_be_rebuilt_is_a_page_and_never_the_original() {
    let way = Way::start("", "");
    let blocked = |path: &str, words: &str| {
        let got = way.get(path);
        assert_eq!(got.status, 403, "{path}: {}", got.head);
        assert_eq!(got.field("content-type"), Some("text/html; charset=utf-8"), "{path}");
        assert!(got.text().contains(words), "{path}: {}", got.text());
        got
    };
    let program =
        [b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0".to_vec(), vec![0x5a; 20_000], b"MARKER".to_vec()].concat();
    way.put("setup.exe", &program);
    let got = blocked("setup.exe?save", "ファイルをお渡しできません");
    assert!(got.text().contains("受付番号") && got.text().contains("/b/") && !got.text().contains("MARKER"));
    way.put("eicar.com", EICAR.concat().as_bytes());
    let got = way.get("eicar.com");
    assert!(
        !got.text().contains(EICAR[1]) || got.field("content-type") == Some("text/plain; charset=utf-8"),
        "{got:?}"
    );
    way.put("page.html", "<script>MARKER</script>".as_bytes());
    way.put("style.css", b"MARKER{}");
    for path in ["page.html", "style.css"] {
        assert!(!blocked(path, "ファイルだけ").text().contains("MARKER"));
    }
    way.put("pages.pdf", &fixture("files/pages.pdf"));
    blocked("pages.pdf?gzip", "圧縮された通信");
    let range = way.curl(&["-r", "0-99", &format!("http://{}/pages.pdf", way.site)]);
    assert_eq!(range.status, 403, "{}", range.head);
    assert!(range.text().contains("一部だけ"), "{}", range.text());
    let missing = way.get("none.pdf");
    assert_eq!(missing.status, 404);
    assert!(missing.text().contains("エラー画面は") && !missing.text().contains("missing()"), "{}", missing.text());
    let away = way.get("away");
    assert_eq!((away.status, away.field("location"), away.body.len()), (302, Some("/pages.pdf"), 0), "{}", away.head);
    let head = way.curl(&["-I", &format!("http://{}/pages.pdf", way.site)]);
    assert_eq!(head.status, 200, "{}", head.head);
}

#[test]
fn a_large_file_arrives_and_one_beyond_the_limit_does_not() {
    let way = Way::start("max_body_bytes = 3000000\npatience_seconds = 50\n", "");
    let line = "令和八年度 予算案の概要について、次のとおりお知らせします。\n";
    let text = line.repeat(30_000);
    way.put("large.txt", text.as_bytes());
    let got = way.get("large.txt?chunked");
    assert_eq!(got.status, 200, "{}\n{}", got.head, got.text().chars().take(500).collect::<String>());
    assert_eq!(got.text().matches("令和八年度").count(), 30_000);
    way.put("larger.txt", line.repeat(40_000).as_bytes());
    for path in ["larger.txt", "larger.txt?chunked"] {
        let got = way.get(path);
        assert_eq!(got.status, 403, "{path}: {}", got.head);
        assert!(got.text().contains("上限を超えている"), "{path}: {}", got.text());
    }
    let got = way.get("large.txt");
    assert_eq!(got.status, 200, "what was too large leaves the way open: {}", got.head);
}

#[test]
fn what_takes_long_is_a_page_that_leads_to_the_result() {
    let way = Way::start("patience_seconds = 0\n", "");
    way.put("slow.txt", "遅い文書\n".repeat(1000).as_bytes());
    let got = way.get("slow.txt");
    assert_eq!(got.status, 503, "{}", got.head);
    assert_eq!(got.field("retry-after"), Some("30"), "{}", got.head);
    let page = got.text();
    assert!(page.contains("ファイルを作り直しています") && !page.contains("遅い文書"), "{page}");
    let link = page.split("href=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a link").to_owned();
    let path = link.strip_prefix(&format!("http://{}", way.gateway.portal)).expect("a link into the portal");
    let started = Instant::now();
    loop {
        let (status, body) = get(way.gateway.portal, &format!("{path}/files/1"));
        if status == 200 {
            assert!(body.contains("遅い文書"));
            break;
        }
        assert!(started.elapsed() < PATIENCE, "{status}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn files_in_forms_are_rebuilt_on_their_way_to_the_site() {
    let way = Way::start("patience_seconds = 50\n", "");
    let path = |name: &str, content: &[u8]| {
        let path = way.directory.path().join(name);
        fs::write(&path, content).expect("written");
        path.display().to_string()
    };
    let photo = path("position.jpg", &fixture("files/position.jpg"));
    let pdf = path("計画.pdf", &fixture("files/pages.pdf"));
    let program = path("setup.exe", &[b"MZ\x90\0\x03\0\0\0\x04\0\0\0".as_slice(), &[7; 5000]].concat());
    let site = format!("http://{}/upload", way.site);
    let form = |files: &[&str]| {
        let mut arguments = vec!["-F".to_owned(), "subject=令和八年度 \"計画\"".to_owned()];
        for file in files {
            arguments.extend(["-F".to_owned(), format!("file=@{file}")]);
        }
        arguments.push(site.clone());
        way.curl(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    assert_eq!(form(&[&photo, &pdf]).status, 204);
    let arrived = way.arrived();
    assert_eq!(arrived.len(), 1);
    let (head, body) = &arrived[0];
    assert!(head.to_lowercase().contains("content-type: multipart/form-data; boundary="), "{head}");
    assert!(!body.windows(4).any(|window| window == b"Exif"), "where it was taken stays behind");
    // Python reads the form as a mail of several parts.
    let kind = head.lines().find(|line| line.to_lowercase().starts_with("content-type:")).expect("a type");
    let message = [format!("{kind}\r\n\r\n").as_bytes(), body].concat();
    let script = "import sys,email.policy,email,json\n\
                  m=email.message_from_bytes(open(sys.argv[1],'rb').read(),policy=email.policy.HTTP)\n\
                  print(json.dumps([[p.get_param('name',header='content-disposition'),p.get_content_type(),\
                  (p.get_payload(decode=True) or b'')[:4].hex(),len(p.defects)] for p in m.iter_parts()]))";
    let read = way.read("python3", &["-c", script], "form.mime", &message);
    let parts: serde_json::Value = serde_json::from_str(&read).expect("JSON");
    let expect = serde_json::json!([
        ["subject", "text/plain", "e4bba4e5", 0],
        ["file", "image/jpeg", "ffd8ffe0", 0],
        ["file", "application/pdf", "25504446", 0]
    ]);
    let stripped = serde_json::to_string(&parts).expect("JSON");
    assert_eq!(parts, expect, "{stripped}");
    let text = String::from_utf8_lossy(body);
    assert!(text.contains("令和八年度 \"計画\"") && text.contains("filename=\"計画.pdf\""), "{head}");

    let stopped = form(&[&photo, &program]);
    assert_eq!(stopped.status, 403, "{}", stopped.head);
    assert!(stopped.text().contains("setup.exe") && stopped.text().contains("ファイルをお渡しできません"));
    let put = way.curl(&["-T", &photo, &format!("http://{}/position.jpg", way.site)]);
    assert_eq!(put.status, 204, "{}", put.head);
    let plain = way.curl(&["-d", "a=b", &site]);
    assert_eq!(plain.status, 403, "{}", plain.head);
    let arrived = way.arrived();
    assert_eq!(arrived.len(), 2, "nothing of what was stopped arrived");
    assert!(arrived[1].1.starts_with(&[0xff, 0xd8]) && !arrived[1].1.windows(4).any(|window| window == b"Exif"));
    assert!(arrived[1].0.to_lowercase().contains("content-type: image/jpeg"), "{}", arrived[1].0);
}

#[test]
fn a_gateway_that_is_away_means_an_error_and_never_the_original() {
    let mut way = Way::start("", "");
    way.put("pages.pdf", &fixture("files/pages.pdf"));
    assert_eq!(way.get("pages.pdf").status, 200);
    way.gateway.kill();
    for _ in 0..3 {
        let got = way.get("pages.pdf");
        assert!(got.status >= 500, "{}", got.head);
        assert!(!got.body.windows(5).any(|window| window == b"%PDF-"), "{}", got.text());
    }
    way.gateway.restart();
    let started = Instant::now();
    while way.get("pages.pdf").status != 200 {
        assert!(started.elapsed() < PATIENCE, "{}", way.squid_log());
        std::thread::sleep(Duration::from_millis(500));
    }
}

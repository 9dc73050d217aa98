//! `misogi remote` against a gateway of its own, in the clear and behind TLS.

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
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use support::Gateway;

fn remote(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_misogi"));
    command.env_remove("MISOGI_URL").env_remove("MISOGI_KEY").arg("remote").args(arguments);
    command.output().expect("runs")
}

fn reports(output: &Output) -> Vec<serde_json::Value> {
    String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn files_go_there_and_what_came_of_them_comes_back() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut gateway = Gateway::start(directory.path(), "");
    let url = format!("http://{}", gateway.portal);
    let safe = directory.path().join("名簿 \"写\".txt");
    fs::write(&safe, "日本語\r\n").expect("written");
    let bad = directory.path().join("tool.exe");
    fs::write(&bad, b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00").expect("written");
    let out = directory.path().join("out");
    let (safe, bad, out) = (safe.to_str().unwrap(), bad.to_str().unwrap(), out.to_str().unwrap());

    let done = remote(&["send", safe, "-o", out, "--url", &url, "--json"]);
    assert_eq!(done.status.code(), Some(0), "{}", errors(&done));
    let report = &reports(&done)[0];
    assert_eq!(report["verdict"], "sanitised");
    let written = fs::read_to_string(report["output"].as_str().unwrap()).unwrap();
    assert_eq!(written.trim_start_matches('\u{feff}'), "日本語\r\n");

    // A second result of the same name stands beside the first; one withheld file makes the end 1 and writes nothing.
    let both = remote(&["send", safe, bad, "-o", out, "--url", &url, "--json"]);
    assert_eq!(both.status.code(), Some(1), "{}", errors(&both));
    assert_eq!(reports(&both)[1]["findings"][0]["reason"], "unsupported_type");
    assert_eq!(reports(&both)[1]["output"], serde_json::Value::Null);
    assert_ne!(reports(&both)[0]["output"], report["output"]);
    assert_eq!(fs::read_dir(out).unwrap().count(), 2, "two results, no rest of a third");

    // Sent now, fetched later.
    let sent = remote(&["send", safe, "--url", &url, "--json"]);
    let id = reports(&sent)[0]["id"].as_str().unwrap().to_owned();
    let fetched = remote(&["fetch", &id, "-o", out, "--url", &url]);
    assert_eq!(fetched.status.code(), Some(0), "{}", errors(&fetched));
    let status = remote(&["status", &id, "--url", &url, "--json"]);
    assert_eq!(reports(&status)[0]["state"], "done");

    for (arguments, told) in [
        (vec!["status", "0123456789abcdef0123456789abcdef", "--url", &url], "404"),
        (vec!["status", "../keys", "--url", &url], "no id"),
        (vec!["send", "/nowhere", "--url", &url], "cannot be read"),
        (vec!["send", safe], "MISOGI_URL"),
        (vec!["send", safe, "--url", "portal.example"], "no address"),
    ] {
        let refused = remote(&arguments);
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}");
        assert!(errors(&refused).contains(told), "{arguments:?}: {}", errors(&refused));
    }
    assert!(gateway.stop());
}

#[test]
fn what_is_locked_opens_with_the_password_that_is_given() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut gateway = Gateway::start(directory.path(), "[passwords]\ntyped_tries = 3\n");
    let url = format!("http://{}", gateway.portal);
    fs::write(directory.path().join("meibo.txt"), "meibo").expect("written");
    let made = Command::new("7z")
        .current_dir(directory.path())
        .args(["a", "-bd", "-tzip", "-phiraku-2026", "meibo.zip", "meibo.txt"])
        .stdout(Stdio::null())
        .status();
    assert!(made.expect("7z is installed (./test)").success());
    let (file, out) = (directory.path().join("meibo.zip"), directory.path().join("out"));
    let (file, out) = (file.to_str().unwrap(), out.to_str().unwrap());
    let send = |passwords: &[&str]| {
        let mut arguments = vec!["send", file, "-o", out, "--url", &url, "--json"];
        passwords.iter().for_each(|password| arguments.extend(["--password", *password]));
        remote(&arguments)
    };
    let held = send(&["another"]);
    assert_eq!((held.status.code(), &reports(&held)[0]["output"]), (Some(1), &serde_json::Value::Null));
    let opened = send(&["another", "hiraku-2026", "one more"]);
    assert_eq!(opened.status.code(), Some(0), "{}", errors(&opened));
    assert!(fs::metadata(reports(&opened)[0]["output"].as_str().unwrap()).unwrap().len() > 0);
    let spent = send(&["a", "b", "c", "hiraku-2026"]);
    assert_eq!(spent.status.code(), Some(1), "no try is left for the right one");
    assert!(!gateway.log().contains("hiraku"), "a password is written nowhere");
    assert!(gateway.stop());
}

#[test]
fn a_portal_of_accounts_wants_a_key_that_is_good() {
    let directory = tempfile::tempdir().expect("a directory");
    let gateway = Gateway::start(directory.path(), "");
    let mut gateway = with_accounts(gateway);
    let url = format!("http://{}", gateway.portal);
    let file = directory.path().join("a.txt");
    fs::write(&file, "x").expect("written");
    let file = file.to_str().unwrap();
    assert!(errors(&remote(&["send", file, "--url", &url])).contains("401"));
    let key = directory.path().join("key");
    fs::write(&key, format!("misogi_{}\n", "0".repeat(64))).expect("written");
    let wrong = remote(&["send", file, "--url", &url, "--key-file", key.to_str().unwrap()]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(errors(&wrong).contains("401") && !errors(&wrong).contains("000000"), "{}", errors(&wrong));
    assert!(gateway.stop());
}

fn with_accounts(mut gateway: Gateway) -> Gateway {
    assert!(gateway.stop());
    let text = fs::read_to_string(&gateway.config).expect("read");
    let text = text.replace("[portal]\n", "[portal]\naccess = \"accounts\"\n");
    fs::write(&gateway.config, text).expect("written");
    gateway.restart();
    gateway
}

/// TLS before the portal, by Python, with a certificate of `localhost`.
struct Front {
    child: Child,
    port: u16,
}

impl Front {
    fn start(directory: &Path, gateway: &Gateway) -> Front {
        let at = |name: &str| directory.join(name).display().to_string();
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
            .args(["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"])
            .args(["-keyout", &at("tls.key"), "-out", &at("tls.crt")])
            .output()
            .expect("openssl is installed (./test)");
        assert!(made.status.success(), "{}", errors(&made));
        let script = "import socket, ssl, sys, threading\n\
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n\
            context.load_cert_chain(sys.argv[1], sys.argv[2])\n\
            server = socket.create_server(('127.0.0.1', 0))\n\
            print(server.getsockname()[1], flush=True)\n\
            def move(a, b):\n    try:\n        while data := a.recv(65536):\n            b.sendall(data)\n        b.shutdown(socket.SHUT_WR)\n    except OSError:\n        pass\n\
            def serve(raw):\n    try:\n        client = context.wrap_socket(raw, server_side=True)\n    except (ssl.SSLError, OSError):\n        return\n    behind = socket.create_connection(('127.0.0.1', int(sys.argv[3])))\n    threading.Thread(target=move, args=(client, behind), daemon=True).start()\n    move(behind, client)\n    client.close()\n\
            while True:\n    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()\n";
        let mut child = Command::new("python3")
            .args(["-c", script, &at("tls.crt"), &at("tls.key"), &gateway.portal.port().to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 is installed (./test)");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("read");
        Front { child, port: line.trim().parse().expect("a port") }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn only_a_gateway_with_a_trusted_certificate_is_sent_anything() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut gateway = Gateway::start(directory.path(), "");
    let front = Front::start(directory.path(), &gateway);
    let file = directory.path().join("a.txt");
    fs::write(&file, "x").expect("written");
    let (file, ca) = (file.to_str().unwrap(), directory.path().join("tls.crt"));
    let (out, ca) = (directory.path().join("out"), ca.to_str().unwrap());
    let (out, url) = (out.to_str().unwrap(), format!("https://localhost:{}", front.port));
    let trusted = remote(&["send", file, "-o", out, "--url", &url, "--ca", ca]);
    assert_eq!(trusted.status.code(), Some(0), "{}", errors(&trusted));
    // Looked up rather than sent: a send that fails is tried for half an hour.
    let id = "0123456789abcdef0123456789abcdef";
    let system = remote(&["status", id, "--url", &url]);
    assert!(errors(&system).contains("TLS failed"), "{}", errors(&system));
    let other_name = format!("https://127.0.0.1:{}", front.port);
    let named = remote(&["status", id, "--url", &other_name, "--ca", ca]);
    assert!(errors(&named).contains("TLS failed"), "{}", errors(&named));
    // What is no certificate is no trust.
    let key = directory.path().join("tls.key");
    let none = remote(&["status", id, "--url", &url, "--ca", key.to_str().unwrap()]);
    assert!(errors(&none).contains("certificates cannot be read"), "{}", errors(&none));
    assert!(gateway.stop());
}

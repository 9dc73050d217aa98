//! A plain HTTP client: one connection for each request, and no more than RFC 9112 asks of it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// What a server said.
pub struct Answer {
    pub status: u16,
    /// Status line and header fields.
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    /// Reads until the server closes the connection.
    pub fn read(stream: &mut TcpStream) -> Answer {
        stream.set_read_timeout(Some(PATIENCE)).expect("a time");
        let mut bytes = Vec::new();
        // A server that ends a request early may also reset the connection; what it said before counts.
        let _ = stream.read_to_end(&mut bytes);
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no answer: {}", String::from_utf8_lossy(&bytes)));
        let body = bytes.split_off(end + 4);
        bytes.truncate(end);
        let head = String::from_utf8_lossy(&bytes).into_owned();
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        Answer { status, head, body }
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}: {}", self.status, self.text()))
    }

    /// The value of the first field of this name.
    pub fn field(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        fields.into_iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

/// Sends one request with these further fields.
pub fn ask(server: SocketAddr, method: &str, path: &str, fields: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(server).expect("connected");
    let fields: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\nContent-Length: {}\r\n{fields}\r\n",
        body.len()
    );
    // Who is refused before all is sent hears why all the same.
    let _ = stream.write_all(&[head.as_bytes(), body].concat());
    Answer::read(&mut stream)
}

/// Uploads a file, behind these fields of the form, as browsers send a form (RFC 7578).
pub fn upload(
    portal: SocketAddr,
    path: &str,
    cookie: &str,
    form: &[(&str, &str)],
    (name, bytes): (&str, &[u8]),
) -> Answer {
    let part = |disposition: &str, bytes: &[u8]| {
        [b"--b\r\nContent-Disposition: form-data; ", disposition.as_bytes(), b"\r\n\r\n", bytes, b"\r\n"].concat()
    };
    let mut body: Vec<u8> =
        form.iter().flat_map(|(name, value)| part(&format!("name=\"{name}\""), value.as_bytes())).collect();
    body.extend(part(&format!("name=\"file\"; filename=\"{name}\""), bytes));
    body.extend(b"--b--\r\n");
    ask(portal, "POST", path, &[("Content-Type", "multipart/form-data; boundary=b"), ("Cookie", cookie)], &body)
}

/// What a page with a form gives a browser: its cookie, and the token that has to come back with it.
pub fn visit(portal: SocketAddr, path: &str) -> (String, String) {
    let page = ask(portal, "GET", path, &[], b"");
    let cookie = page.field("set-cookie").and_then(|cookie| cookie.split(';').next()).expect("a cookie").to_owned();
    let text = page.text();
    let token = text.split("name=\"form_token\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    (cookie, token.expect("a token").to_owned())
}

const PATIENCE: Duration = Duration::from_secs(120);

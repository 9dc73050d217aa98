//! A next hop written down in the test: it answers what a function says and remembers every octet it got.

#![allow(unreachable_pub, reason = "a module of test programs has no outside")]
#![allow(dead_code, reason = "each test file uses its own part of this")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

/// The reply to a command, without CRLF; `None` takes it.
pub type Answer = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// How the hop behaves.
#[derive(Clone)]
pub struct Manners {
    pub greeting: Vec<u8>,
    pub extensions: Vec<String>,
    pub answer: Answer,
    pub close_after_message: bool,
    pub tls: Option<Arc<ServerConfig>>,
    /// Octets sent right behind the reply to STARTTLS.
    pub injected: Vec<u8>,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            greeting: b"220 hop.example ESMTP\r\n".to_vec(),
            extensions: ["PIPELINING", "SIZE 10000000", "8BITMIME", "SMTPUTF8"].map(str::to_owned).to_vec(),
            answer: Arc::new(|_| None),
            close_after_message: false,
            tls: None,
            injected: Vec::new(),
        }
    }
}

/// What one connection did, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    Connected,
    Encrypted,
    Command(String),
    /// Message octets as they were on the wire, dots and all, with the final dot.
    Data(Vec<u8>),
}

pub struct Peer {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Peer {
    pub async fn start(manners: Manners) -> Self {
        Self::on("127.0.0.1:0".parse().unwrap(), manners).await
    }

    pub async fn on(address: SocketAddr, manners: Manners) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let all = seen.clone();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (manners, seen) = (manners.clone(), all.clone());
                tokio::spawn(async move {
                    // Its replies are many small writes, which would otherwise wait for each other.
                    stream.set_nodelay(true)?;
                    seen.lock().unwrap().push(Seen::Connected);
                    let mut stream = BufReader::new(stream);
                    stream.write_all(&manners.greeting).await?;
                    if converse(&mut stream, &manners, &seen).await? {
                        let acceptor = TlsAcceptor::from(manners.tls.clone().unwrap());
                        let mut stream = BufReader::new(acceptor.accept(stream.into_inner()).await?);
                        seen.lock().unwrap().push(Seen::Encrypted);
                        let inside = Manners { tls: None, ..manners };
                        converse(&mut stream, &inside, &seen).await?;
                    }
                    std::io::Result::Ok(())
                });
            }
        });
        Self { address, seen, task }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub fn commands(&self) -> Vec<String> {
        let command = |seen| if let Seen::Command(line) = seen { Some(line) } else { None };
        self.seen().into_iter().filter_map(command).collect()
    }

    pub fn data(&self) -> Vec<Vec<u8>> {
        self.seen().into_iter().filter_map(|seen| if let Seen::Data(data) = seen { Some(data) } else { None }).collect()
    }

    pub fn connections(&self) -> usize {
        self.seen().iter().filter(|seen| **seen == Seen::Connected).count()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// True when STARTTLS was agreed on.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufReader<S>,
    manners: &Manners,
    seen: &Mutex<Vec<Seen>>,
) -> std::io::Result<bool> {
    let mut recipients = 0;
    loop {
        let mut line = Vec::new();
        if stream.read_until(b'\n', &mut line).await? == 0 {
            return Ok(false);
        }
        let line = String::from_utf8_lossy(&line).into_owned();
        assert!(line.ends_with("\r\n") && !line.trim_end_matches("\r\n").contains(['\r', '\n']), "{line:?}");
        let line = line.trim_end_matches("\r\n").to_owned();
        seen.lock().unwrap().push(Seen::Command(line.clone()));
        let verb = line.split([' ', ':']).next().unwrap().to_ascii_uppercase();
        if let Some(reply) = (manners.answer)(&line) {
            stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
            if reply.starts_with("421") {
                return Ok(false);
            }
            continue;
        }
        let reply = match verb.as_str() {
            "EHLO" => {
                let mut lines = vec!["hop.example".to_owned()];
                lines.extend(manners.extensions.iter().cloned());
                if manners.tls.is_some() {
                    lines.push("STARTTLS".to_owned());
                }
                let last = lines.pop().unwrap();
                let first: String = lines.iter().map(|l| format!("250-{l}\r\n")).collect();
                format!("{first}250 {last}")
            }
            "STARTTLS" if manners.tls.is_some() => {
                stream.write_all(b"220 go ahead\r\n").await?;
                stream.write_all(&manners.injected).await?;
                return Ok(true);
            }
            "RCPT" => {
                recipients += 1;
                "250 2.1.5 taken".to_owned()
            }
            "DATA" if recipients == 0 => "554 5.5.1 no valid recipients".to_owned(),
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                let mut data = Vec::new();
                while !data.ends_with(b"\r\n.\r\n") && data != b".\r\n" {
                    data.push(stream.read_u8().await?);
                }
                seen.lock().unwrap().push(Seen::Data(data));
                recipients = 0;
                let reply = (manners.answer)(".").unwrap_or("250 2.0.0 queued".to_owned());
                stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
                if manners.close_after_message {
                    return Ok(false);
                }
                continue;
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n").await?;
                return Ok(false);
            }
            "MAIL" | "RSET" | "NOOP" => {
                recipients = 0;
                "250 2.0.0 fine".to_owned()
            }
            _ => "500 5.5.1 what".to_owned(),
        };
        stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
    }
}

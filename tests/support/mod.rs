//! What the end-to-end tests share: a gateway, Debian's Postfix, a plain SMTP client. Each server has its own directory and its own
//! ports on 127.0.0.1 and is ended by its process when the test is over.

#![allow(dead_code, reason = "each test file uses its own part of this")]

pub mod http;
pub mod workspace;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The gateway as users run it.
pub struct Gateway {
    pub directory: PathBuf,
    pub config: PathBuf,
    pub smtp: SocketAddr,
    pub portal: SocketAddr,
    pub admin: SocketAddr,
    child: Option<Child>,
}

impl Gateway {
    /// Starts a gateway in `directory`; `extra` is appended to its configuration.
    pub fn start(directory: &Path, extra: &str) -> Gateway {
        let [smtp, portal, admin] = free_ports();
        let config = directory.join("misogi.toml");
        let text = format!(
            "data = {:?}\n[smtp]\nlisten = \"{smtp}\"\nhostname = \"gateway.test\"\n[portal]\nlisten = \"{portal}\"\n[admin]\nlisten = \"{admin}\"\n{extra}\n",
            directory.join("data")
        );
        fs::write(&config, text).expect("configuration written");
        let mut gateway = Gateway { directory: directory.to_owned(), config, smtp, portal, admin, child: None };
        gateway.restart();
        gateway
    }

    /// Starts the process again, after [`Gateway::kill`].
    pub fn restart(&mut self) {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.log_path()).expect("log opened");
        let child = Command::new(env!("CARGO_BIN_EXE_misogi"))
            .args(["serve", "--config"])
            .arg(&self.config)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("log cloned"))
            .stderr(log)
            .spawn()
            .expect("gateway starts");
        self.child = Some(child);
        let started = Instant::now();
        while Client::connect(self.smtp).is_err() {
            let exited = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
            assert!(exited.is_none() && started.elapsed() < Duration::from_secs(60), "gateway: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn log_path(&self) -> PathBuf {
        self.directory.join("gateway.log")
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("running").id()
    }

    /// The room that is at work on something large: waits for it. Rooms are the leaves of the gateway's process tree.
    pub fn busy_room(&self) -> u32 {
        self.busy(&["dirty", "clean"])
    }

    /// The same, of the rooms that write.
    pub fn busy_clean_room(&self) -> u32 {
        self.busy(&["clean"])
    }

    fn busy(&self, roles: &[&str]) -> u32 {
        let started = Instant::now();
        loop {
            let all = processes();
            let parent = |pid: u32| all.iter().find(|process| process.0 == pid).map_or(0, |process| process.1);
            let ancestors = |pid: u32| std::iter::successors(Some(parent(pid)), |pid| Some(parent(*pid))).take(6);
            let is_leaf = |pid: u32| all.iter().all(|process| process.1 != pid);
            // What the gateway starts itself is a zygote that has no rooms yet.
            let is_room =
                |pid: u32| is_leaf(pid) && parent(pid) != self.pid() && ancestors(pid).any(|pid| pid == self.pid());
            let has_role = |pid: u32| {
                let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                line.split(|byte| *byte == 0).any(|word| roles.iter().any(|role| role.as_bytes() == word))
            };
            let is_meant = |pid: u32| is_room(pid) && has_role(pid);
            if let Some((pid, _, _)) = all.iter().find(|(pid, _, ticks)| *ticks >= BUSY && is_meant(*pid)) {
                return *pid;
            }
            assert!(started.elapsed() < Duration::from_secs(60), "no room is at work: {}", self.log());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// The gateway's own process, its zygotes and their rooms.
    pub fn family(&self) -> Vec<u32> {
        let mut family = vec![self.pid()];
        let mut at = 0;
        while let Some(parent) = family.get(at).copied() {
            family.extend(processes().into_iter().filter(|process| process.1 == parent).map(|process| process.0));
            at += 1;
        }
        family
    }

    /// SIGKILL, as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("killed");
            child.wait().expect("reaped");
        }
    }

    /// SIGTERM, and wait for the end, for as long as systemd would; true when it ended by itself with success.
    pub fn stop(&mut self) -> bool {
        let Some(mut child) = self.child.take() else { return true };
        signal(child.id(), "TERM");
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(60) {
            if let Some(status) = child.try_wait().expect("waited") {
                return status.success();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        child.kill().expect("killed");
        child.wait().expect("reaped");
        false
    }

    /// Runs another command of the same program against this gateway's configuration.
    pub fn command(&self, arguments: &[&str]) -> std::process::Output {
        Command::new(env!("CARGO_BIN_EXE_misogi"))
            .args(arguments)
            .arg("--config")
            .arg(&self.config)
            .output()
            .expect("command runs")
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // A gateway that is about to end by itself says why.
            if std::thread::panicking() {
                std::thread::sleep(Duration::from_secs(1));
                eprintln!("the gateway ended by itself: {:?}", child.try_wait());
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- gateway log ---\n{}", self.log());
        }
    }
}

/// Processor time, in hundredths of a second, after which a room is at work on something large: others need less than one.
const BUSY: u64 = 3;

/// Process, parent, and processor time used so far.
fn processes() -> Vec<(u32, u32, u64)> {
    let numbers = fs::read_dir("/proc")
        .expect("listed")
        .filter_map(|entry| entry.expect("entry").file_name().to_str().and_then(|name| name.parse::<u32>().ok()));
    let read = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // proc_pid_stat(5): the name stands in parentheses and may hold anything.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
        // One that is dead and not yet reaped does nothing any more.
        if matches!(*fields.first()?, "Z" | "X") {
            return None;
        }
        Some((pid, u32::try_from(number(1)?).ok()?, number(11)? + number(12)?))
    };
    numbers.filter_map(read).collect()
}

/// Debian's Postfix as its own instance in a directory: it relays all mail to `relay` or keeps it in a maildir.
pub struct Postfix {
    pub directory: PathBuf,
    pub smtp: SocketAddr,
    pub maildir: PathBuf,
}

pub enum Role {
    /// Everything goes to this server.
    RelayTo(SocketAddr),
    /// Everything for `city.example.lg.jp` is kept.
    Keep,
}

impl Postfix {
    pub fn start(directory: &Path, role: &Role) -> Postfix {
        let [smtp, _, _] = free_ports();
        let config = directory.join("etc");
        for name in ["etc", "queue", "data", "mail"] {
            fs::create_dir_all(directory.join(name)).expect("directory made");
        }
        run("chown", &["postfix", &directory.join("data").display().to_string()]);
        run("chown", &["nobody", &directory.join("mail").display().to_string()]);
        // Postfix's processes are not root and walk this path.
        for ancestor in directory.ancestors().take_while(|path| *path != Path::new("/tmp")) {
            run("chmod", &["a+rx", &ancestor.display().to_string()]);
        }
        let role = match role {
            Role::RelayTo(next) => format!("relayhost = [{}]:{}\nmydestination =\n", next.ip(), next.port()),
            Role::Keep => format!(
                "mydestination =\nvirtual_mailbox_domains = city.example.lg.jp\nvirtual_mailbox_base = {}\n\
                 virtual_mailbox_maps = static:inbox/\nvirtual_uid_maps = static:65534\nvirtual_gid_maps = static:65534\n",
                directory.join("mail").display()
            ),
        };
        let main = format!(
            "compatibility_level = 3.6\nqueue_directory = {dir}/queue\ndata_directory = {dir}/data\nmail_owner = postfix\n\
             setgid_group = postdrop\ncommand_directory = /usr/sbin\ndaemon_directory = /usr/lib/postfix/sbin\n\
             myhostname = postfix.test\nmynetworks = 127.0.0.0/8\ninet_protocols = ipv4\nalias_maps =\nalias_database =\n\
             smtpd_relay_restrictions = permit_mynetworks, reject\nsmtputf8_enable = yes\nmaillog_file = {dir}/postfix.log\n\
             maillog_file_prefixes = {dir}\nminimal_backoff_time = 2s\nqueue_run_delay = 2s\nmaximal_backoff_time = 5s\n\
             smtpd_client_connection_count_limit = 0\nsmtpd_client_message_rate_limit = 0\ndefault_process_limit = 50\n\
             lmtp_host_lookup = native\nsmtp_host_lookup = native\nsmtp_dns_support_level = disabled\n{role}",
            dir = directory.display()
        );
        let services = format!(
            "{smtp} inet n - n - - smtpd\npostlog unix-dgram n - n - 1 postlogd\npickup unix n - n 60 1 pickup\n\
             cleanup unix n - n - 0 cleanup\nqmgr unix n - n 300 1 qmgr\nrewrite unix - - n - - trivial-rewrite\n\
             bounce unix - - n - 0 bounce\ndefer unix - - n - 0 bounce\ntrace unix - - n - 0 bounce\n\
             verify unix - - n - 1 verify\nflush unix n - n 1000? 0 flush\nproxymap unix - - n - - proxymap\n\
             smtp unix - - n - - smtp\nrelay unix - - n - - smtp\nerror unix - - n - - error\nretry unix - - n - - error\n\
             discard unix - - n - - discard\nvirtual unix - n n - - virtual\nanvil unix - - n - 1 anvil\n\
             scache unix - - n - 1 scache\ntlsmgr unix - - n 1000? 1 tlsmgr\n"
        );
        fs::write(config.join("main.cf"), main).expect("main.cf written");
        fs::write(config.join("master.cf"), services).expect("master.cf written");
        let output = Command::new("postfix")
            .arg("-c")
            .arg(&config)
            .arg("start")
            .output()
            .expect("Postfix is installed (./test)");
        assert!(output.status.success(), "postfix start: {}", String::from_utf8_lossy(&output.stderr));
        let postfix = Postfix { directory: directory.to_owned(), smtp, maildir: directory.join("mail/inbox/new") };
        let started = Instant::now();
        while TcpStream::connect(smtp).is_err() {
            assert!(started.elapsed() < Duration::from_secs(30), "postfix: {}", postfix.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        postfix
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.join("postfix.log")).unwrap_or_default()
    }

    /// Mails kept so far.
    pub fn mails(&self) -> Vec<Vec<u8>> {
        read_maildir(&self.maildir)
    }

    /// Waits until `count` mails are there.
    pub fn wait_for(&self, count: usize, patience: Duration) -> Vec<Vec<u8>> {
        wait_for(&self.maildir, count, patience)
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let _ = Command::new("postfix").arg("-c").arg(self.directory.join("etc")).arg("abort").output();
        if std::thread::panicking() {
            eprintln!("--- postfix log ---\n{}", self.log());
        }
    }
}

/// All files of a maildir's `new`, oldest name first.
pub fn read_maildir(new: &Path) -> Vec<Vec<u8>> {
    let Ok(listing) = fs::read_dir(new) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = listing.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.sort();
    paths.iter().filter_map(|path| fs::read(path).ok()).collect()
}

/// Waits until a maildir holds `count` mails.
pub fn wait_for(new: &Path, count: usize, patience: Duration) -> Vec<Vec<u8>> {
    let started = Instant::now();
    loop {
        let mails = read_maildir(new);
        if mails.len() >= count {
            return mails;
        }
        assert!(started.elapsed() < patience, "{} of {count} mails after {patience:?}", mails.len());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A plain SMTP client. Returns the reply to the end of DATA, or the first refusal.
pub fn submit(server: SocketAddr, sender: &str, recipients: &[&str], mail: &[u8]) -> std::io::Result<(u16, String)> {
    let mut client = Client::connect(server)?;
    client.command("EHLO client.test")?;
    let mut reply = client.command(&format!("MAIL FROM:<{sender}>"))?;
    for recipient in recipients {
        if reply.0 / 100 == 2 {
            reply = client.command(&format!("RCPT TO:<{recipient}>"))?;
        }
    }
    if reply.0 / 100 == 2 {
        reply = client.command("DATA")?;
    }
    if reply.0 == 354 {
        client.send(&dot_stuffed(mail))?;
        reply = client.reply()?;
    }
    let _ = client.command("QUIT");
    Ok(reply)
}

/// One SMTP connection.
pub struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Connects and reads the greeting.
    pub fn connect(server: SocketAddr) -> std::io::Result<Client> {
        let mut client = Client::unread(server)?;
        client.reply()?;
        Ok(client)
    }

    /// Connects and leaves the greeting to be read.
    pub fn unread(server: SocketAddr) -> std::io::Result<Client> {
        let stream = TcpStream::connect(server)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Client { stream: BufReader::new(stream) })
    }

    pub fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    pub fn command(&mut self, line: &str) -> std::io::Result<(u16, String)> {
        self.send(format!("{line}\r\n").as_bytes())?;
        self.reply()
    }

    pub fn reply(&mut self) -> std::io::Result<(u16, String)> {
        let mut text = String::new();
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            text.push_str(&line);
            if line.as_bytes().get(3) == Some(&b' ') {
                let code = line[..3].parse().map_err(|_| std::io::ErrorKind::InvalidData)?;
                return Ok((code, text));
            }
        }
    }
}

/// CRLF line ends, dots doubled, final dot (RFC 5321 4.5.2).
pub fn dot_stuffed(mail: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(mail.len() + 64);
    for line in mail.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.first() == Some(&b'.') {
            out.push(b'.');
        }
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
    }
    if mail.ends_with(b"\n") {
        out.truncate(out.len() - 2);
    }
    out.extend_from_slice(b".\r\n");
    out
}

/// A plain HTTP GET; status and body.
pub fn get(server: SocketAddr, path: &str) -> (u16, String) {
    let answer = http::ask(server, "GET", path, &[], b"");
    (answer.status, answer.text())
}

/// Python's `email` package reads the mail: an opinion that is not ours. Gives subject, text, and name, type and size of attachments.
pub fn python_reads(mail: &[u8]) -> serde_json::Value {
    const SCRIPT: &str = r#"
import sys, json, email, email.policy, hashlib
m = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
body = m.get_body(preferencelist=("plain",))
print(json.dumps({
  "subject": m["subject"], "from": str(m["from"]), "to": str(m["to"]), "message_id": m["message-id"],
  "receipt": m["x-misogi-receipt"], "verdict": m["x-misogi-verdict"],
  "text": body.get_content() if body else None,
  "types": [p.get_content_type() for p in m.walk()],
  "texts": [p.get_content() for p in m.walk() if p.get_content_type() == "text/plain"],
  "defects": [repr(d) for p in m.walk() for d in p.defects],
  "attachments": [{"name": p.get_filename(), "type": p.get_content_type(), "size": len(p.get_payload(decode=True) or b""),
                   "sha256": hashlib.sha256(p.get_payload(decode=True) or b"").hexdigest(),
                   "magic": (p.get_payload(decode=True) or b"")[:8].hex()} for p in m.iter_attachments()],
}))
"#;
    let mut child = Command::new("python3")
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is installed (./test)");
    child.stdin.take().expect("stdin").write_all(mail).expect("written");
    let output = child.wait_with_output().expect("python3 ends");
    serde_json::from_slice(&output.stdout).expect("python3 prints JSON")
}

/// A real mail or file kept for the tests.
pub fn fixture(path: &str) -> Vec<u8> {
    fs::read(workspace::root().join("fixtures").join(path)).unwrap_or_else(|error| panic!("fixtures/{path}: {error}"))
}

pub fn signal(pid: u32, name: &str) {
    run("kill", &[&format!("-{name}"), &pid.to_string()]);
}

fn run(program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).status().expect("program runs");
    assert!(status.success(), "{program} {arguments:?}");
}

/// Ports nobody listens on right now. Each is given out once, and from below those that the system gives to clients, so that no
/// connection of another test takes it before the gateway does. They are tried from outside: a listener of our own would live on
/// in whatever program another thread is starting at that moment, and answer in the place of the gateway.
pub fn free_ports<const N: usize>() -> [SocketAddr; N] {
    static GIVEN: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let first = std::process::id().wrapping_mul(61) % 20_000;
    std::array::from_fn(|_| {
        loop {
            let number = GIVEN.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let port = u16::try_from(10_000 + (first + number) % 20_000).expect("a port");
            let address = SocketAddr::from(([127, 0, 0, 1], port));
            if TcpStream::connect(address).is_err() {
                return address;
            }
        }
    })
}

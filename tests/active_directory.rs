//! Signing in with the passwords of an Active Directory: a domain of Debian's Samba, which answers LDAP as a domain controller does.

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
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::http::{Answer, ask, visit};
use support::{Gateway, free_ports};

const PATIENCE: Duration = Duration::from_secs(60);
/// Everybody's; the domain asks for characters of three kinds.
const SECRET: &str = "桜の花 in spring 1";
const PEOPLE: &str = "CN=Users,DC=city,DC=test";

/// A domain controller that serves LDAP alone, on a loopback address of its own: its ports cannot be chosen.
struct Domain {
    child: Option<Child>,
    home: tempfile::TempDir,
    address: IpAddr,
}

impl Domain {
    fn start() -> Domain {
        let home = tempfile::tempdir().expect("a directory");
        let [port] = free_ports();
        let [high, low] = port.port().to_be_bytes();
        let address = IpAddr::from(Ipv4Addr::new(127, 80, high, low));
        certificates(home.path(), address);
        let mut domain = Domain { child: None, home, address };
        let path = |name: &str| domain.home.path().join(name).display().to_string();
        let options = [
            "server services = ldap".to_owned(),
            "bind interfaces only = yes".to_owned(),
            format!("interfaces = {address}/8"),
            "tls enabled = yes".to_owned(),
            format!("tls certfile = {}", path("server.pem")),
            format!("tls keyfile = {}", path("server.key")),
            format!("tls cafile = {}", path("ca.pem")),
            format!("log file = {}", path("log")),
            format!("pid directory = {}", path("domain")),
            format!("ncalrpc dir = {}", path("domain/ncalrpc")),
            format!("winbindd socket directory = {}", path("domain/winbindd")),
        ];
        let mut provision: Vec<String> =
            "domain provision --realm=CITY.TEST --domain=CITY --server-role=dc --host-name=dc1 \
                                          --host-ip=127.0.0.1 --dns-backend=NONE --adminpass=Only-for-this-test-1"
                .split_whitespace()
                .map(str::to_owned)
                .collect();
        provision.push(format!("--targetdir={}", path("domain")));
        provision.extend(options.iter().map(|option| format!("--option={option}")));
        fs::create_dir(domain.home.path().join("domain")).expect("made");
        samba_tool(&provision.iter().map(String::as_str).collect::<Vec<_>>());

        // taro is staff by a group in a group in a group, hanako an operator by one in one; mukaku is in none of them.
        for (name, more) in [
            ("reader", &[][..]),
            ("taro", &["--surname=山田", "--given-name=太郎", "--mail-address=Taro@city.test"][..]),
            ("hanako", &["--surname=鈴木 花子 (情報)"][..]),
            ("mukaku", &[][..]),
            ("kyushoku", &[][..]),
            ("shinjin", &["--must-change-at-next-login"][..]),
        ] {
            domain.tool(&[&["user", "create", name, SECRET], more].concat());
        }
        domain.tool(&["user", "disable", "kyushoku"]);
        for group in ["無害化 職員", "市民部", "税務課", "misogi-operators", "情報係"] {
            domain.tool(&["group", "add", group]);
        }
        for (group, member) in [
            ("無害化 職員", "市民部"),
            ("市民部", "税務課"),
            ("税務課", "taro"),
            ("税務課", "kyushoku"),
            ("税務課", "shinjin"),
            ("無害化 職員", "hanako"),
            ("misogi-operators", "情報係"),
            ("情報係", "hanako"),
        ] {
            domain.tool(&["group", "addmembers", group, member]);
        }

        let log = fs::File::create(domain.home.path().join("said")).expect("made");
        let child = Command::new("samba")
            .env("PATH", with_system_programs())
            .args(["-i", "-M", "single", "--debug-stdout", "-s"])
            .arg(domain.home.path().join("domain/etc/smb.conf"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("cloned"))
            .stderr(log)
            .spawn()
            .expect("samba-ad-dc is installed (./test)");
        domain.child = Some(child);
        let started = Instant::now();
        for port in [389, 636] {
            while TcpStream::connect((address, port)).is_err() {
                assert!(started.elapsed() < PATIENCE, "samba: {}", domain.said());
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        domain
    }

    /// Changes the domain as its administrators do.
    fn tool(&self, arguments: &[&str]) {
        let database = self.home.path().join("domain/private/sam.ldb").display().to_string();
        samba_tool(&[arguments, &["-H", &database]].concat());
    }

    fn said(&self) -> String {
        fs::read_to_string(self.home.path().join("said")).unwrap_or_default()
    }

    /// `[directory]` of a gateway; `more` in the place of what there is by default.
    fn settings(&self, url: &str, groups: &str, more: &str) -> String {
        let path = |name: &str| self.home.path().join(name);
        fs::write(path("password"), format!("{SECRET}\n")).expect("written");
        format!(
            "[directory]\nurl = \"{url}\"\nca_file = {:?}\nbase = \"DC=city,DC=test\"\nbind_dn = \"reader@city.test\"\n\
             bind_password_file = {:?}\n\
             user_filter = \"(&(objectCategory=person)(objectClass=user)(|(sAMAccountName={{name}})(userPrincipalName={{name}})))\"\n\
             name_attribute = \"sAMAccountName\"\ngroups = \"{groups}\"\n{more}\n\
             [[directory.role]]\ngroup = \"CN=無害化 職員,{PEOPLE}\"\nrole = \"staff\"\n\
             [[directory.role]]\ngroup = \"cn=Misogi-Operators,{PEOPLE}\"\nrole = \"operator\"\n",
            path("ca.pem"),
            path("password"),
        )
    }

    fn ldaps(&self) -> String {
        format!("ldaps://{}", self.address)
    }

    fn ldap(&self) -> String {
        format!("ldap://{}", self.address)
    }
}

impl Drop for Domain {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- samba ---\n{}", self.said());
        }
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn with_system_programs() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").expect("a PATH"))
}

fn samba_tool(arguments: &[&str]) {
    let ran = Command::new("samba-tool").args(arguments).output().expect("samba-ad-dc is installed (./test)");
    assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
}

/// An authority, and a certificate of it for the address.
fn certificates(home: &Path, address: IpAddr) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    for line in [
        format!("req -x509 -days 2 -subj /CN=ca -keyout ca.key -out ca.pem {key}"),
        format!("req -subj /CN=dc1 -addext subjectAltName=IP:{address} -keyout server.key -out server.csr {key}"),
        "x509 -req -in server.csr -copy_extensions copy -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out server.pem".to_owned(),
    ] {
        let made = Command::new("openssl").args(line.split(' ')).current_dir(home).output();
        let made = made.expect("openssl is installed (./test)");
        assert!(made.status.success(), "{line}: {}", String::from_utf8_lossy(&made.stderr));
    }
    // Samba takes no key that others may read.
    let closed = Command::new("chmod").args(["600", "server.key"]).current_dir(home).status();
    assert!(closed.expect("chmod runs").success());
}

/// A gateway whose portal is for accounts.
fn gateway(directory: &Path, settings: &str) -> Gateway {
    let mut gateway = Gateway::start(directory, settings);
    assert!(gateway.stop());
    let text = fs::read_to_string(&gateway.config).expect("read");
    fs::write(&gateway.config, text.replace("[portal]\n", "[portal]\naccess = \"accounts\"\n")).expect("written");
    gateway.restart();
    gateway
}

fn sign_in(site: SocketAddr, name: &str, password: &str) -> Answer {
    let (cookie, token) = visit(site, "/sign-in");
    let percent = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
    let body = format!("form_token={token}&name={}&password={}", percent(name), percent(password));
    let fields = [("Cookie", cookie.as_str()), ("Content-Type", "application/x-www-form-urlencoded")];
    ask(site, "POST", "/sign-in", &fields, body.as_bytes())
}

/// The cookie of a session.
fn session(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", answer.text());
    let set = answer
        .head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .filter(|(name, value)| name.eq_ignore_ascii_case("set-cookie") && !value.contains("Max-Age=0"));
    set.map(|(_, value)| value.split(';').next().expect("a cookie")).collect::<Vec<_>>().join("; ")
}

fn page(site: SocketAddr, cookie: &str, path: &str) -> Answer {
    ask(site, "GET", path, &[("Cookie", cookie)], b"")
}

#[test]
fn people_of_a_domain_come_in_by_either_name_with_the_role_of_groups_in_groups() {
    let domain = Domain::start();
    let place = tempfile::tempdir().expect("a directory");
    let gateway = gateway(place.path(), &domain.settings(&domain.ldaps(), "nested", "recheck_seconds = 1\n"));
    let portal = gateway.portal;

    let doctor = gateway.command(&["doctor", "--json"]);
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(said.contains("lets the gateway search below DC=city,DC=test"), "{said}");

    for name in ["taro", "TARO", "taro@city.test"] {
        let cookie = session(&sign_in(portal, name, SECRET));
        let account = page(portal, &cookie, "/account");
        assert_eq!(account.status, 200, "{name}: {}", account.text());
        let text = account.text();
        assert!(
            text.contains("<dd>taro</dd>") && text.contains("<dd>職員</dd>") && text.contains("taro@city.test"),
            "{text}"
        );
    }
    // Of two roles the higher one counts, and it needs a second factor.
    let hanako = session(&sign_in(portal, "hanako", SECRET));
    assert_eq!(page(portal, &hanako, "/").field("location"), Some("/account/second-factor"));
    assert_eq!(sign_in(gateway.admin, "hanako", SECRET).status, 303, "an operator has to do with the console");
    assert_eq!(sign_in(gateway.admin, "taro", SECRET).status, 401, "staff have not");

    for (name, password, words) in [
        ("taro", "wrong", "違います"),
        ("taro", "", "違います"),
        ("mukaku", SECRET, "役割が割り当てられていません"),
        ("kyushoku", SECRET, "違います"),
        // Windows asks for a new password first, which nobody can give here.
        ("shinjin", SECRET, "違います"),
        ("*", SECRET, "違います"),
        ("taro)(objectClass=*", SECRET, "違います"),
    ] {
        let refused = sign_in(portal, name, password);
        assert_eq!(refused.status, 401, "{name}");
        assert!(refused.text().contains(words), "{name}: {}", refused.text());
    }

    // Who is renamed stays who they are, and signs in by the new name.
    let taro = session(&sign_in(portal, "taro", SECRET));
    domain.tool(&[
        "user",
        "rename",
        "taro",
        "--samaccountname=sato.taro",
        "--surname=佐藤",
        "--force-new-cn=佐藤 太郎",
    ]);
    let started = Instant::now();
    while !page(portal, &taro, "/account").text().contains("<dd>sato.taro</dd>") {
        assert!(started.elapsed() < PATIENCE, "{}", page(portal, &taro, "/account").text());
        std::thread::sleep(Duration::from_millis(200));
    }
    session(&sign_in(portal, "sato.taro", SECRET));
    assert_eq!(sign_in(portal, "taro", SECRET).status, 401);

    // Who leaves the outermost of the groups is out, although nothing in their own entry has changed.
    domain.tool(&["group", "removemembers", "無害化 職員", "市民部"]);
    let started = Instant::now();
    while page(portal, &taro, "/account").status == 200 {
        assert!(started.elapsed() < PATIENCE, "the session goes on");
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(sign_in(portal, "sato.taro", SECRET).text().contains("役割が割り当てられていません"));
}

#[test]
fn start_tls_serves_as_well_and_without_tls_a_domain_lets_nobody_bind() {
    let domain = Domain::start();
    let place = tempfile::tempdir().expect("a directory");
    let by_attribute = gateway(place.path(), &domain.settings(&domain.ldap(), "attribute", ""));
    let hanako = session(&sign_in(by_attribute.portal, "hanako", SECRET));
    let text = page(by_attribute.portal, &hanako, "/account").text();
    assert!(text.contains("<dd>職員</dd>"), "only groups of their own stand in the entry: {text}");
    assert!(sign_in(by_attribute.portal, "taro", SECRET).text().contains("役割が割り当てられていません"));

    let place = tempfile::tempdir().expect("a directory");
    let in_the_clear = gateway(place.path(), &domain.settings(&domain.ldap(), "nested", "start_tls = false\n"));
    let refused = sign_in(in_the_clear.portal, "hanako", SECRET);
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(refused.text().contains("ディレクトリに接続できない"), "{}", refused.text());
}

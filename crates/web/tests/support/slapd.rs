//! A real directory: Debian's slapd on loopback ports of its own, with people, groups, and a certificate of an authority made for it.

use std::{
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use store::Role;
use web::{Credential, DirectorySettings, Groups, Tls, Trust};

pub(crate) const BASE: &str = "dc=city,dc=local";
/// Everybody's.
pub(crate) const SECRET: &str = "桜の花 in spring";
const READER: &str = "cn=reader,dc=city,dc=local";

pub(crate) struct Slapd {
    child: Child,
    home: tempfile::TempDir,
    pub(crate) plain: SocketAddr,
    pub(crate) tls: SocketAddr,
}

impl Drop for Slapd {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Slapd {
    /// Starts a directory in which a search as nobody finds nothing.
    pub(crate) fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        authority(home.path());
        std::fs::create_dir(home.path().join("db")).unwrap();
        std::fs::write(home.path().join("slapd.conf"), settings(home.path())).unwrap();
        let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (plain, tls) = (free(), free());
        let child = serving(home.path(), plain, tls);
        let slapd = Self { child, home, plain, tls };
        slapd.wait();
        slapd.change("ldapadd", &[], PEOPLE);
        slapd
    }

    /// Ends it, by its own id.
    pub(crate) fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again where it was.
    pub(crate) fn again(&mut self) {
        self.child = serving(self.home.path(), self.plain, self.tls);
        self.wait();
    }

    fn wait(&self) {
        for _ in 0..200 {
            if TcpStream::connect(self.plain).is_ok() && TcpStream::connect(self.tls).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("slapd did not start: {}", std::fs::read_to_string(self.home.path().join("log")).unwrap());
    }

    /// Changes entries with Debian's own programs.
    pub(crate) fn change(&self, program: &str, more: &[&str], ldif: &str) {
        let file = self.home.path().join("change.ldif");
        std::fs::write(&file, ldif).unwrap();
        let url = format!("ldap://{}", self.plain);
        let output = Command::new(program)
            .args(["-x", "-H", &url, "-D", "cn=admin,dc=city,dc=local", "-w", "admin", "-f"])
            .arg(&file)
            .args(more)
            .output()
            .unwrap_or_else(|error| panic!("{program} (ldap-utils): {error}"));
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    }

    pub(crate) fn delete(&self, dn: &str) {
        self.change("ldapdelete", &[], &format!("{dn}\n"));
    }

    /// Whom to believe.
    pub(crate) fn trust(&self) -> Tls {
        Tls::new(Trust::Only(&std::fs::read(self.home.path().join("ca.pem")).unwrap())).unwrap()
    }

    /// How a gateway asks it, over TLS.
    pub(crate) fn settings(&self) -> DirectorySettings {
        DirectorySettings {
            url: format!("ldaps://{}", self.tls),
            start_tls: true,
            trust: Some(self.trust()),
            base: BASE.to_owned(),
            bind: Some((READER.to_owned(), Credential::new("reader's own".to_owned()))),
            user_filter: "(&(objectClass=inetOrgPerson)(|(uid={name})(mail={name})))".to_owned(),
            name_attribute: "uid".to_owned(),
            mail_attribute: "mail".to_owned(),
            groups: Groups::Attribute("memberOf".to_owned()),
            roles: [("Staff", Role::Staff), ("operators", Role::Operator), ("admins", Role::TenantAdmin)]
                .map(|(group, role)| (format!("CN={group}, OU=Groups, DC=city, DC=local"), role))
                .to_vec(),
            deadline: Duration::from_secs(5),
            recheck: Duration::from_secs(900),
        }
    }
}

fn serving(home: &Path, plain: SocketAddr, tls: SocketAddr) -> Child {
    let log = std::fs::File::create(home.join("log")).unwrap();
    Command::new("slapd")
        .env("PATH", format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap()))
        .args(["-d", "0", "-h", &format!("ldap://{plain}/ ldaps://{tls}/"), "-f"])
        .arg(home.join("slapd.conf"))
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap_or_else(|error| panic!("slapd: {error}"))
}

/// An authority, and a certificate of it for 127.0.0.1; another authority that has signed nothing.
fn authority(home: &Path) {
    let openssl = |arguments: &[&str]| {
        let output = Command::new("openssl")
            .args(arguments)
            .current_dir(home)
            .output()
            .unwrap_or_else(|error| panic!("openssl: {error}"));
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    for name in ["ca", "other"] {
        let subject = format!("/CN=Misogi test {name}");
        let out = [format!("{name}.key"), format!("{name}.pem")];
        let mut all = vec!["req", "-x509", "-days", "2", "-subj", &subject, "-keyout", &out[0], "-out", &out[1]];
        all.extend(key);
        openssl(&all);
    }
    let mut all = vec!["req", "-subj", "/CN=directory", "-keyout", "server.key", "-out", "server.csr"];
    all.extend(key);
    openssl(&all);
    std::fs::write(home.join("names"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    openssl(&[
        "x509",
        "-req",
        "-in",
        "server.csr",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-days",
        "2",
        "-extfile",
        "names",
        "-out",
        "server.pem",
    ]);
}

/// An authority that has signed nothing that the directory shows.
pub(crate) fn other_authority(slapd: &Slapd) -> Tls {
    Tls::new(Trust::Only(&std::fs::read(slapd.home.path().join("other.pem")).unwrap())).unwrap()
}

fn settings(home: &Path) -> String {
    let path = |name: &str| -> PathBuf { home.join(name) };
    format!(
        r#"include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
moduleload ppolicy
pidfile {pid}
argsfile {arguments}
TLSCACertificateFile {ca}
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
database mdb
maxsize 16777216
suffix "{BASE}"
rootdn "cn=admin,{BASE}"
rootpw admin
directory {database}
overlay memberof
overlay ppolicy
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{READER}" read by * none
"#,
        pid = path("pid").display(),
        arguments = path("args").display(),
        ca = path("ca.pem").display(),
        certificate = path("server.pem").display(),
        key = path("server.key").display(),
        database = path("db").display(),
    )
}

/// taro is staff and hanako an operator too; mukaku is in no group, futago there twice, and kanri01 has the name of a local account.
const PEOPLE: &str = "dn: dc=city,dc=local
objectClass: dcObject
objectClass: organization
dc: city
o: city

dn: cn=reader,dc=city,dc=local
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword: reader's own

dn: ou=people,dc=city,dc=local
objectClass: organizationalUnit
ou: people

dn: ou=retired,dc=city,dc=local
objectClass: organizationalUnit
ou: retired

dn: ou=groups,dc=city,dc=local
objectClass: organizationalUnit
ou: groups

dn: uid=Taro,ou=people,dc=city,dc=local
objectClass: inetOrgPerson
uid: Taro
cn: 山田 太郎
sn: 山田
mail: Taro@City.Example.LG.JP
userPassword: 桜の花 in spring

dn: uid=hanako,ou=people,dc=city,dc=local
objectClass: inetOrgPerson
uid: hanako
cn: 鈴木 花子
sn: 鈴木
userPassword: 桜の花 in spring

dn: uid=mukaku,ou=people,dc=city,dc=local
objectClass: inetOrgPerson
uid: mukaku
cn: mukaku
sn: mukaku
userPassword: 桜の花 in spring

dn: uid=futago,ou=people,dc=city,dc=local
objectClass: inetOrgPerson
uid: futago
cn: futago
sn: futago
userPassword: 桜の花 in spring

dn: uid=futago,ou=retired,dc=city,dc=local
objectClass: inetOrgPerson
uid: futago
cn: futago
sn: futago
userPassword: 桜の花 in spring

dn: uid=kanri01,ou=people,dc=city,dc=local
objectClass: inetOrgPerson
uid: kanri01
cn: kanri01
sn: kanri01
mail: kanri@city.example.lg.jp
userPassword: 桜の花 in spring

dn: cn=staff,ou=groups,dc=city,dc=local
objectClass: groupOfNames
cn: staff
member: uid=Taro,ou=people,dc=city,dc=local
member: uid=hanako,ou=people,dc=city,dc=local
member: uid=futago,ou=people,dc=city,dc=local
member: uid=kanri01,ou=people,dc=city,dc=local

dn: cn=operators,ou=groups,dc=city,dc=local
objectClass: groupOfNames
cn: operators
member: uid=hanako,ou=people,dc=city,dc=local

dn: cn=admins,ou=groups,dc=city,dc=local
objectClass: groupOfNames
cn: admins
member: cn=reader,dc=city,dc=local
";

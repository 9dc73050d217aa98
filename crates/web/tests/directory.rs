//! Signing in with the passwords of a real directory: Debian's slapd.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::disallowed_methods, reason = "tests")]

#[path = "support/slapd.rs"]
mod slapd;
mod support;

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use slapd::{BASE, SECRET, Slapd, other_authority};
use store::{Role, Source};
use support::*;
use web::{Credential, Directory, DirectoryError, DirectorySettings, Groups, Sources};

fn vouching(directory: &Directory) -> Sources {
    Sources { directory: Some(directory.clone()), ..Sources::default() }
}

async fn world_of_directory(settings: DirectorySettings) -> World {
    world_of_sources(vouching(&Directory::new(settings).unwrap())).await
}

/// The session's cookie, where the password was right.
async fn in_with(world: &World, name: &str, password: &str) -> Result<String, Answer> {
    let answer = password_only(world.portal, name, password).await;
    if answer.status == 303 { Ok(answer.cookies()) } else { Err(answer) }
}

async fn there(world: &World, cookies: &str) -> bool {
    send(world.portal, "GET", "/", &[("Cookie", cookies)], b"").await.status == 200
}

#[tokio::test]
async fn people_of_the_directory_come_in_with_the_role_of_their_groups() {
    let slapd = Slapd::start();
    let world = world_of_directory(slapd.settings()).await;
    let cookies = in_with(&world, " TARO ", SECRET).await.unwrap();
    assert!(there(&world, &cookies).await);
    let taro = world.store.user_by_name("taro").await.unwrap().unwrap();
    assert_eq!((taro.role, taro.source, taro.password_hash.as_str()), (Role::Staff, Source::Directory, ""));
    assert_eq!(taro.address.as_deref(), Some("taro@city.example.lg.jp"));
    assert!(!in_with(&world, "taro@city.example.lg.jp", SECRET).await.unwrap().is_empty());
    assert_eq!(world.store.users().await.unwrap().len(), 1, "one person, whatever they type");

    // Whoever comes first from there does not close the door to the first administrator of the gateway itself.
    assert!(web::invite(&world.store, &world.site).await.unwrap().is_some());

    // Of two roles the higher one counts, and it needs a second factor.
    let cookies = in_with(&world, "hanako", SECRET).await.unwrap();
    assert_eq!(world.store.user_by_name("hanako").await.unwrap().unwrap().role, Role::Operator);
    let led = send(world.portal, "GET", "/", &[("Cookie", &cookies)], b"").await;
    assert_eq!(led.header("location"), Some("/account/second-factor"));
    let full = sign_in(&world, "hanako", SECRET).await.cookies();
    assert_eq!(get_as(&world, &full, "/quarantine").await.status, 200);
    assert_eq!(password_only(world.admin, "hanako", SECRET).await.header("location"), Some("/sign-in/code"));

    // Neither page nor form changes a password that is not kept here.
    let account = get_as(&world, &full, "/account").await;
    assert!(account.text().contains("ディレクトリ") && !account.text().contains("/account/password"));
    assert_eq!(get_as(&world, &full, "/account/password").await.header("location"), Some("/account"));
}

#[tokio::test]
async fn wrong_passwords_empty_ones_and_people_without_a_group_stay_outside() {
    let slapd = Slapd::start();
    let world = world_of_directory(slapd.settings()).await;
    for (name, password, said) in [
        ("taro", "wrong", "違います"),
        ("taro", "", "違います"),
        ("nobody", SECRET, "違います"),
        ("", SECRET, "違います"),
        ("futago", SECRET, "違います"),
        ("mukaku", "wrong", "違います"),
        ("mukaku", SECRET, "役割が割り当てられていません"),
    ] {
        let answer = in_with(&world, name, password).await.unwrap_err();
        assert_eq!(answer.status, 401, "{name} {password}");
        assert!(answer.text().contains(said), "{name} {password}");
    }
    assert!(world.store.users().await.unwrap().is_empty(), "nobody was made");
    // A member of staff has nothing to do in the console.
    assert_eq!(password_only(world.admin, "taro", SECRET).await.status, 401);
}

#[tokio::test]
async fn names_that_would_be_filters_are_names() {
    let slapd = Slapd::start();
    let world = world_of_directory(slapd.settings()).await;
    // Each of them finds taro where what is typed becomes part of a filter.
    for name in
        ["t*", "*", "taro)(uid=*", "x)(|(uid=taro", "\\74aro", "taro))(&(uid=*", "taro\0", "ta\u{200b}ro", "uid=taro"]
    {
        let answer = in_with(&world, name, SECRET).await.unwrap_err();
        assert_eq!(answer.status, 401, "{name:?}");
    }
    in_with(&world, "taro", SECRET).await.unwrap();
}

#[tokio::test]
async fn an_account_of_the_gateway_is_never_taken_over() {
    let slapd = Slapd::start();
    let world = world_of_directory(slapd.settings()).await;
    signed_in(&world).await;
    // The name is that of the local administrator: the directory is not even asked.
    assert_eq!(in_with(&world, ADMIN, SECRET).await.unwrap_err().status, 401);
    // By another of its names the entry is found, and its name here is taken.
    let answer = in_with(&world, "kanri@city.example.lg.jp", SECRET).await.unwrap_err();
    assert_eq!(answer.status, 401);
    assert!(answer.text().contains("同じ利用者IDの別のアカウント"));
    let admin = world.store.user_by_name(ADMIN).await.unwrap().unwrap();
    assert_eq!((admin.source, admin.role), (Source::Local, Role::TenantAdmin));
    assert_eq!(admin.address, None);
    assert!(in_with(&world, ADMIN, PASSWORD).await.is_ok());
}

#[tokio::test]
async fn tries_are_counted_for_the_person_whatever_name_is_typed() {
    let slapd = Slapd::start();
    let world = world_of_directory(slapd.settings()).await;
    for name in ["taro", "taro@city.example.lg.jp", "taro", "taro@city.example.lg.jp", "taro"] {
        assert_eq!(in_with(&world, name, "wrong").await.unwrap_err().status, 401);
    }
    assert_eq!(in_with(&world, "taro", SECRET).await.unwrap_err().status, 429);
    let answer = in_with(&world, "taro@city.example.lg.jp", SECRET).await.unwrap_err();
    assert!(answer.text().contains("しばらくサインインできません"), "{}", answer.status);
    assert!(in_with(&world, "hanako", SECRET).await.is_ok());
}

#[tokio::test]
async fn a_locked_entry_and_a_wrong_certificate_let_nobody_in() {
    let slapd = Slapd::start();
    let world = world_of_directory(slapd.settings()).await;
    in_with(&world, "taro", SECRET).await.unwrap();
    let locked = "dn: uid=taro,ou=people,dc=city,dc=local\nchangetype: modify\nadd: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z\n";
    slapd.change("ldapmodify", &["-e", "relax"], locked);
    assert_eq!(in_with(&world, "taro", SECRET).await.unwrap_err().status, 401);

    for settings in [
        DirectorySettings { trust: Some(other_authority(&slapd)), ..slapd.settings() },
        DirectorySettings {
            trust: Some(other_authority(&slapd)),
            url: format!("ldap://{}", slapd.plain),
            ..slapd.settings()
        },
        // The certificate is for the address and not for the name.
        DirectorySettings { url: format!("ldaps://localhost:{}", slapd.tls.port()), ..slapd.settings() },
    ] {
        let directory = Directory::new(settings).unwrap();
        assert!(matches!(directory.probe().await, Err(DirectoryError::Tls(_))));
        let world = world_of_sources(vouching(&directory)).await;
        assert_eq!(in_with(&world, "hanako", SECRET).await.unwrap_err().status, 503);
    }
}

#[tokio::test]
async fn groups_are_found_by_a_search_too_and_start_tls_works() {
    let slapd = Slapd::start();
    let settings = DirectorySettings {
        url: format!("ldap://{}", slapd.plain),
        groups: Groups::Search { base: format!("ou=groups,{BASE}"), filter: "(member={dn})".to_owned() },
        ..slapd.settings()
    };
    let directory = Directory::new(settings.clone()).unwrap();
    assert!(directory.probe().await.unwrap().contains(BASE));
    let world = world_of_directory(settings.clone()).await;
    in_with(&world, "hanako", SECRET).await.unwrap();
    assert_eq!(world.store.user_by_name("hanako").await.unwrap().unwrap().role, Role::Operator);

    // What `misogi doctor` tells of a bind or a base that is wrong.
    let bind = Some(("cn=reader,dc=city,dc=local".to_owned(), Credential::new("wrong".to_owned())));
    let wrong = Directory::new(DirectorySettings { bind, ..settings.clone() }).unwrap();
    assert!(wrong.probe().await.unwrap_err().to_string().contains("directory.bind_dn"));
    let base = "ou=nowhere,dc=city,dc=local".to_owned();
    let wrong = Directory::new(DirectorySettings { base, ..settings }).unwrap();
    assert!(matches!(wrong.probe().await, Err(DirectoryError::Refused(..))));
}

#[tokio::test]
async fn referrals_lead_nowhere() {
    let slapd = Slapd::start();
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let address = elsewhere.local_addr().unwrap();
    let referral = format!(
        "dn: ou=other,{BASE}\nobjectClass: referral\nobjectClass: extensibleObject\nou: other\nref: ldap://{address}/ou=other,{BASE}\n"
    );
    slapd.change("ldapadd", &["-M"], &referral);
    let world = world_of_directory(slapd.settings()).await;
    in_with(&world, "taro", SECRET).await.unwrap();
    assert_eq!(in_with(&world, "stranger", SECRET).await.unwrap_err().status, 401);
    assert!(elsewhere.accept().is_err(), "nobody went there");
}

/// Asks again every so often, as `misogi serve` does.
fn following(world: &World, directory: &Directory) {
    let sources = vouching(directory);
    tokio::spawn(web::follow(world.store.clone(), sources, std::future::pending()));
}

async fn ends(world: &World, cookies: &str) -> Duration {
    let begun = Instant::now();
    while there(world, cookies).await {
        assert!(begun.elapsed() < Duration::from_secs(20), "the session goes on");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    begun.elapsed()
}

#[tokio::test]
async fn sessions_end_when_the_entry_goes_when_the_role_changes_and_when_the_directory_is_silent() {
    let mut slapd = Slapd::start();
    let directory = Directory::new(DirectorySettings { recheck: Duration::from_secs(1), ..slapd.settings() }).unwrap();
    let world = world_of_sources(vouching(&directory)).await;
    following(&world, &directory);
    let taro = in_with(&world, "taro", SECRET).await.unwrap();
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(there(&world, &taro).await, "who is asked about and known stays");

    let modify = "dn: cn=operators,ou=groups,dc=city,dc=local\nchangetype: modify\nadd: member\nmember: uid=taro,ou=people,dc=city,dc=local\n";
    slapd.change("ldapmodify", &[], modify);
    ends(&world, &taro).await;
    assert_eq!(world.store.user_by_name("taro").await.unwrap().unwrap().role, Role::Operator);
    slapd.change("ldapmodify", &[], &modify.replace("add:", "delete:"));
    let taro = in_with(&world, "taro", SECRET).await.unwrap();
    assert!(there(&world, &taro).await);
    slapd.delete("uid=taro,ou=people,dc=city,dc=local");
    ends(&world, &taro).await;
    assert_eq!(world.store.user_by_name("taro").await.unwrap().unwrap().confirmed, None);

    // Another person of that name has an account of their own, and the earlier one is put aside.
    let earlier = world.store.user_by_name("taro").await.unwrap().unwrap().id;
    let taro = format!(
        "dn: uid=taro,ou=people,{BASE}\nobjectClass: inetOrgPerson\nuid: taro\ncn: taro\nsn: taro\nmail: taro@city.example.lg.jp\nuserPassword: {SECRET}\n\ndn: cn=staff,ou=groups,{BASE}\nchangetype: modify\ndelete: member\nmember: uid=taro,ou=people,{BASE}\n-\nadd: member\nmember: uid=taro,ou=people,{BASE}\n"
    );
    slapd.change("ldapmodify", &["-a"], &taro);
    let taro = in_with(&world, "taro", SECRET).await.unwrap();
    let now = world.store.user_by_name("taro").await.unwrap().unwrap();
    assert_ne!(now.id, earlier);
    assert_eq!(now.address.as_deref(), Some("taro@city.example.lg.jp"));
    let aside = world.store.user(earlier).await.unwrap().unwrap();
    assert_eq!((aside.name, aside.address), (format!("taro~{}", earlier.0), None));

    // Silence is borne for four intervals.
    slapd.stop();
    let borne = ends(&world, &taro).await;
    assert!(borne > Duration::from_millis(1500), "{borne:?}");
    assert_eq!(in_with(&world, "taro", SECRET).await.unwrap_err().status, 503);
    slapd.again();
    assert!(in_with(&world, "taro", SECRET).await.is_ok());
}

#[tokio::test]
async fn what_a_person_sent_is_not_the_next_one_s_of_that_name() {
    let slapd = Slapd::start();
    let world = world_of_directory(slapd.settings()).await;
    let first = in_with(&world, "taro", SECRET).await.unwrap();
    let form = send(world.portal, "GET", "/", &[("Cookie", &first)], b"").await;
    let body = multipart(Some(&form.form_token()), &[("secret.txt", b"PREDECESSOR")]);
    let kind = multipart_type();
    let headers = [("Content-Type", kind.as_str()), ("Cookie", first.as_str())];
    let sent = send(world.portal, "POST", "/upload", &headers, &body).await;
    let batch = sent.header("location").unwrap().to_owned();
    work(&world).await;
    assert_eq!(send(world.portal, "GET", &batch, &[("Cookie", &first)], b"").await.status, 200);

    slapd.delete("uid=taro,ou=people,dc=city,dc=local");
    let entry = format!(
        "dn: uid=taro,ou=people,{BASE}\nobjectClass: inetOrgPerson\nuid: taro\ncn: taro\nsn: taro\nmail: taro@city.example.lg.jp\nuserPassword: {SECRET}\n\ndn: cn=staff,ou=groups,{BASE}\nchangetype: modify\ndelete: member\nmember: uid=taro,ou=people,{BASE}\n-\nadd: member\nmember: uid=taro,ou=people,{BASE}\n"
    );
    slapd.change("ldapmodify", &["-a"], &entry);
    let next = in_with(&world, "taro", SECRET).await.unwrap();
    let as_next = async |path: &str| send(world.portal, "GET", path, &[("Cookie", &next)], b"").await;
    assert!(!as_next("/history").await.text().contains("secret.txt"));
    let receipt = world.store.messages(&store::MessageFilter::default()).await.unwrap().items.remove(0).receipt;
    for path in [
        batch.clone(),
        format!("{batch}/files/1"),
        format!("{batch}/all"),
        format!("/r/{receipt}"),
        format!("/requests/new?receipt={receipt}&part="),
    ] {
        assert_eq!(as_next(&path).await.status, 404, "{path}");
    }
}

/// A server that answers each connection with these bytes and then nothing.
fn server(answer: Vec<u8>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ldap://{}", listener.local_addr().unwrap());
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            count.fetch_add(1, Ordering::SeqCst);
            let mut first = [0; 1024];
            let _ = stream.read(&mut first);
            let _ = stream.write_all(&answer);
            held.push(stream);
        }
    });
    (url, seen)
}

#[tokio::test]
async fn a_directory_that_hangs_or_talks_nonsense_keeps_no_local_account_out_and_counts_no_tries() {
    let slapd = Slapd::start();
    // 200,000 sequences in each other, before TLS has begun.
    let mut nested = Vec::new();
    for depth in 0..200_000_u32 {
        let mut level = vec![0x30, 0x84];
        level.extend_from_slice(&((199_999 - depth) * 6).to_be_bytes());
        nested.extend(level);
    }
    let long = vec![0x30, 0x84, 0x7f, 0xff, 0xff, 0xff];
    // Success, with something slipped in behind it for after the handshake.
    let mut injected = vec![0x30, 0x0c, 2, 1, 1, 0x78, 7, 0x0a, 1, 0, 4, 0, 4, 0];
    injected.extend_from_slice(&[0x30, 0x0c, 2, 1, 1, 0x61, 7, 0x0a, 1, 0, 4, 0, 4, 0]);
    for (answer, slow) in [
        (Vec::new(), true),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), false),
        (nested, false),
        (long, false),
        (injected, false),
    ] {
        let (url, seen) = server(answer);
        let deadline = Duration::from_secs(1);
        let world = world_of_directory(DirectorySettings { url, deadline, ..slapd.settings() }).await;
        signed_in(&world).await;
        for _ in 0..8 {
            let begun = Instant::now();
            let answer = in_with(&world, "taro", SECRET).await.unwrap_err();
            assert_eq!(answer.status, 503);
            assert!(answer.text().contains("ディレクトリに接続できない"));
            assert!(begun.elapsed() < Duration::from_secs(4));
            if slow {
                break;
            }
        }
        assert!(seen.load(Ordering::SeqCst) > 0);
        assert!(in_with(&world, ADMIN, PASSWORD).await.is_ok());
    }
}

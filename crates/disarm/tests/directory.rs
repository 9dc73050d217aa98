//! Calendars and address cards through both rooms, and what two other programs (Python's icalendar and vobject) read in them.

#![allow(clippy::disallowed_methods, reason = "the readers are other programs")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail where they fail"
)]

mod rooms;

use std::path::PathBuf;
use std::process::Command;

use form::Reason;
use form::report::OutputType;

/// What the two readers find different in a file and its rebuilt version. An empty answer is what the tests want.
fn differences(name: &str, original: &[u8], rebuilt: &[u8]) -> String {
    let directory = std::env::temp_dir().join(format!("misogi-directory-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path = |name: &str, bytes: &[u8]| -> PathBuf {
        let path = directory.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/directory_kit/compare.py");
    // The interpreter that Debian's packages are for.
    let done = Command::new("/usr/bin/python3")
        .arg(script)
        .args([path("original", original), path("rebuilt", rebuilt)])
        .output()
        .expect("python3, python3-icalendar and python3-vobject are installed (./test)");
    std::fs::remove_dir_all(&directory).unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{name}: {}{said}", String::from_utf8_lossy(&done.stderr));
    said
}

fn same(name: &str, original: &str) -> rooms::Sanitised {
    let original = original.replace('\n', "\r\n");
    let done = rooms::sanitise(original.as_bytes(), name).unwrap();
    assert_eq!(differences(name, original.as_bytes(), &done.bytes), "", "{name}:\n{}", done.text());
    done
}

/// Each event of its own, so that one that is read wrongly is seen.
fn calendar(zones: &str, events: &[&str]) -> String {
    let mut text = format!("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//x//EN\nMETHOD:PUBLISH\n{zones}");
    for (number, event) in events.iter().enumerate() {
        text.push_str(&format!(
            "BEGIN:VEVENT\nUID:{number}@example.jp\nDTSTAMP:20260101T000000Z\nSUMMARY:予定{number}\n{event}\nEND:VEVENT\n"
        ));
    }
    text + "END:VCALENDAR\n"
}

const TOKYO: &str = "BEGIN:VTIMEZONE\nTZID:Tokyo Standard Time\nBEGIN:STANDARD\nDTSTART:16010101T000000\nTZOFFSETFROM:+0900\n\
    TZOFFSETTO:+0900\nTZNAME:JST\nEND:STANDARD\nEND:VTIMEZONE\n";
const NEW_YORK: &str = "BEGIN:VTIMEZONE\nTZID:Eastern\nBEGIN:STANDARD\nDTSTART:20071104T020000\nTZOFFSETFROM:-0400\nTZOFFSETTO:-0500\n\
    RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU\nTZNAME:EST\nEND:STANDARD\nBEGIN:DAYLIGHT\nDTSTART:20070311T020000\nTZOFFSETFROM:-0500\n\
    TZOFFSETTO:-0400\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU\nTZNAME:EDT\nEND:DAYLIGHT\nEND:VTIMEZONE\n";

#[test]
fn times_are_the_same_moments_to_two_other_readers() {
    let zones = format!("{TOKYO}{NEW_YORK}");
    let events = [
        "DTSTART;TZID=Tokyo Standard Time:20261120T100000\nDTEND;TZID=Tokyo Standard Time:20261120T113000",
        "DTSTART:20261120T010000Z\nDTEND:20261120T023000Z",
        "DTSTART;VALUE=DATE:20261120\nDTEND;VALUE=DATE:20261123",
        "DTSTART:20261120T100000\nDURATION:PT1H30M",
        "DTSTART;TZID=Tokyo Standard Time:20261102T090000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;COUNT=9\n\
         EXDATE;TZID=Tokyo Standard Time:20261104T090000,20261118T090000\nRDATE;TZID=Tokyo Standard Time:20261225T090000",
        "DTSTART;TZID=Eastern:20260201T090000\nDTEND;TZID=Eastern:20260201T100000\nRRULE:FREQ=MONTHLY;BYDAY=-1FR;UNTIL=20270401T000000Z",
        "DTSTART;VALUE=DATE:20240229\nRRULE:FREQ=YEARLY;COUNT=3\nTRANSP:TRANSPARENT",
        "DTSTART:20261120T010000Z\nRRULE:FREQ=DAILY;BYHOUR=1,5;BYSETPOS=-1;COUNT=4;WKST=SU",
        "RECURRENCE-ID;TZID=Tokyo Standard Time:20261102T090000\nDTSTART;TZID=Tokyo Standard Time:20261103T090000\nSEQUENCE:4",
    ];
    let done = same("times.ics", &calendar(&zones, &events));
    assert_eq!(done.report.output, OutputType::Calendar);
    assert!(done.report.findings.is_empty(), "{:?}", done.report.findings);
}

#[test]
fn texts_and_people_come_through_and_what_acts_does_not() {
    let long = "長い説明です。".repeat(60);
    let event = format!(
        "DTSTART;TZID=\"Tokyo Standard Time\":20261120T100000\nLOCATION:本庁 3階\\, 会議室\\;A\nDESCRIPTION:{long}\\n二行目 \\\\\\\\server\n\
         STATUS:CONFIRMED\nORGANIZER;CN=\"課長; 山田\":mailto:a@example.jp\n\
         ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE;CN=佐藤:MAILTO:b@example.jp\n\
         ATTENDEE;ROLE=OPT-PARTICIPANT;PARTSTAT=ACCEPTED:mailto:c@example.jp"
    );
    same("people.ics", &calendar(TOKYO, &[&event]));
    let hostile = "DTSTART:20261120T010000Z\nATTACH:file:///etc/passwd\nATTACH;ENCODING=BASE64;VALUE=BINARY:TVqQ\nURL:javascript:alert(1)\n\
        X-ALT-DESC;FMTTYPE=text/html:<script>x</script>\nDESCRIPTION;ALTREP=\"CID:x\":説明\nCONFERENCE:https://meet.example.jp/a\n\
        ORGANIZER:mailto:a@example.jp%0D%0ABcc:b\nRRULE:FREQ=SECONDLY\n\
        BEGIN:VALARM\nACTION:PROCEDURE\nATTACH:file:///bin/sh\nTRIGGER:-PT5M\nEND:VALARM\n\
        BEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:-PT15M\nDESCRIPTION:x\nEND:VALARM";
    let done = rooms::sanitise(calendar("", &[hostile]).as_bytes(), "a.ics").unwrap();
    let text = done.text();
    for gone in ["file:", "TVqQ", "javascript", "script", "CID:", "Bcc", "SECONDLY", "PROCEDURE", "/bin/sh", "ATTACH"] {
        assert!(!text.contains(gone), "{gone}: {text}");
    }
    assert!(text.contains("CONFERENCE;VALUE=URI:https://meet.example.jp/a\r\n"), "{text}");
    assert!(text.contains("ACTION:DISPLAY\r\nDESCRIPTION:予定0\r\nTRIGGER:-PT15M\r\n"), "{text}");
    for (reason, count) in [
        (Reason::CalendarAttachments, 2),
        (Reason::CalendarAlarms, 1),
        (Reason::EntryLinks, 1),
        (Reason::EntryFields, 2),
        (Reason::RepetitionLost, 1),
        (Reason::AddressInvalid, 1),
    ] {
        let found = done.report.findings.iter().find(|finding| finding.reason == reason).map(|finding| finding.count);
        assert_eq!(found, Some(count), "{reason}: {:?}", done.report.findings);
    }
}

#[test]
fn a_calendar_without_entries_is_not_called_damaged() {
    let refused = |text: &str| rooms::sanitise(text.as_bytes(), "a.ics").unwrap_err().refusal.reason;
    let free = "BEGIN:VFREEBUSY\nUID:1\nFREEBUSY:20261120T010000Z/PT1H\nEND:VFREEBUSY\n";
    assert_eq!(refused(&format!("BEGIN:VCALENDAR\nVERSION:2.0\n{free}END:VCALENDAR\n")), Reason::NothingLeft);
    assert_eq!(refused("BEGIN:VCALENDAR\nVERSION:2.0\nno line at all\n"), Reason::Malformed);
}

#[test]
fn an_organizer_in_quotes_is_kept() {
    let event = "DTSTART:20261120T010000Z\nORGANIZER:\"mailto:a@example.jp\"";
    let done = rooms::sanitise(calendar("", &[event]).as_bytes(), "a.ics").unwrap();
    assert!(done.text().contains("ORGANIZER:mailto:a@example.jp\r\n"), "{}", done.text());
}

#[test]
fn a_zone_that_is_only_named_is_that_of_japan_or_told() {
    let event = |zone: &str| format!("DTSTART;TZID={zone}:20261120T100000");
    // Asia/Tokyo is known to both readers; the original lacks its description.
    let done = same("tokyo.ics", &calendar("", &[&event("Asia/Tokyo")]));
    assert!(done.text().contains("TZOFFSETTO:+0900\r\n") && !done.has(Reason::ZoneUnknown));
    let done = rooms::sanitise(calendar("", &[&event("Middle-earth")]).as_bytes(), "a.ics").unwrap();
    assert!(done.has(Reason::ZoneUnknown));
    assert!(done.text().contains("DTSTART;TZID=Middle-earth:20261120T100000\r\n"), "{}", done.text());
}

/// Found with files damaged at random: icalendar reads no calendar with such a zone, so the original has no second opinion.
#[test]
fn a_zone_of_summer_time_alone_is_one_that_readers_take() {
    let zone = "BEGIN:VTIMEZONE\nTZID:Half\nBEGIN:DAYLIGHT\nDTSTART:19710101T020000\nTZOFFSETFROM:-0800\nTZOFFSETTO:-0700\nTZNAME:PDT\n\
        END:DAYLIGHT\nEND:VTIMEZONE\n";
    let text = calendar(zone, &["DTSTART;TZID=Half:20260720T100000"]);
    let done = rooms::sanitise(text.as_bytes(), "half.ics").unwrap();
    assert_eq!(differences("half.ics", &done.bytes, &done.bytes), "");
    assert!(done.text().contains("BEGIN:STANDARD\r\nDTSTART:19710101T020000\r\n"), "{}", done.text());
}

/// Without the day that it is of, a change of one time would be one of the whole series.
#[test]
fn a_change_of_one_time_that_does_not_say_of_which_is_left_out() {
    for unclear in ["RECURRENCE-ID:20261399T090000Z", "RECURRENCE-ID;TZID=\"Tokyo:20261102T090000"] {
        let text = calendar(
            "",
            &["DTSTART:20261102T000000Z\nRRULE:FREQ=DAILY;COUNT=9", &format!("{unclear}\nDTSTART:20261103T000000Z")],
        );
        let done = rooms::sanitise(text.as_bytes(), "a.ics").unwrap();
        assert!(done.text().contains("予定0") && !done.text().contains("予定1"), "{unclear}: {}", done.text());
        assert!(done.has(Reason::MessageIncomplete), "{unclear}");
    }
}

/// With winter time alone every time of a summer would be an hour off.
#[test]
fn a_zone_of_which_a_part_cannot_be_read_stays_by_its_name_alone() {
    let event = "DTSTART;TZID=Eastern:20260720T100000";
    for (good, bad) in [
        ("TZOFFSETTO:-0400", "TZOFFSETTO:4h"),
        ("RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU", "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=XX"),
        ("RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU", "RRULE;FREQ=YEARLY"),
        ("TZNAME:EDT", "RDATE:20260308T020000,2027"),
    ] {
        assert!(NEW_YORK.contains(good), "{good}");
        let done = rooms::sanitise(calendar(&NEW_YORK.replace(good, bad), &[event]).as_bytes(), "a.ics").unwrap();
        assert!(
            !done.text().contains("BEGIN:STANDARD") && !done.text().contains("BEGIN:DAYLIGHT"),
            "{bad}: {}",
            done.text()
        );
        assert!(done.text().contains("DTSTART;TZID=Eastern:20260720T100000\r\n"), "{bad}");
        assert!(done.has(Reason::ZoneUnknown) && done.has(Reason::EntryRepaired), "{bad}");
    }
}

/// Programs that list such an entry do not come back, and one without its repetition is another: so it is told.
#[test]
fn a_repetition_that_never_comes_is_left_out_and_told() {
    for (event, kept) in [
        ("DTSTART:20261120T090000Z\nRRULE:FREQ=HOURLY;INTERVAL=2;BYHOUR=10", false),
        ("DTSTART:20261120T090000Z\nRRULE:FREQ=HOURLY;INTERVAL=2;BYHOUR=11", true),
        ("RRULE:FREQ=HOURLY;INTERVAL=24;BYHOUR=10\nDTSTART;TZID=Asia/Tokyo:20261120T090000", false),
        ("DTSTART;VALUE=DATE:20261120\nRRULE:FREQ=MONTHLY;INTERVAL=12;BYMONTH=2", false),
        ("DTSTART;VALUE=DATE:20261120\nRRULE:FREQ=YEARLY;INTERVAL=4;BYMONTH=2;BYMONTHDAY=29", false),
        ("DTSTART:20261120T090000Z\nRRULE:FREQ=MINUTELY", false),
        ("DTSTART:20261120T090000Z\nRRULE:FREQ=DAILY\nEXRULE:FREQ=WEEKLY", true),
    ] {
        let done = rooms::sanitise(calendar("", &[event]).as_bytes(), "a.ics").unwrap();
        assert_eq!(done.text().contains("RRULE:"), kept, "{event}: {}", done.text());
        let is_told = done.has(Reason::RepetitionLost);
        assert_eq!(is_told, !kept || event.contains("EXRULE"), "{event}: {:?}", done.report.findings);
    }
}

#[test]
fn lines_of_no_known_place_are_told() {
    let text = calendar("", &["DTSTART:20261120T010000Z\nno line"])
        .replace("END:VCALENDAR", "BEGIN:X-A\nX-B:c\nX-D:e\nEND:X-A\nEND:VCALENDAR");
    let done = rooms::sanitise(text.as_bytes(), "a.ics").unwrap();
    let found = done.report.findings.iter().find(|finding| finding.reason == Reason::MessageIncomplete);
    assert_eq!(found.map(|finding| finding.count), Some(3), "{:?}", done.report.findings);
}

/// Python: "Иван".encode("cp1251").
#[test]
fn the_charset_of_a_mail_is_that_of_its_card() {
    let limits = form::Limits::default();
    let mut job = rooms::dirty_job("a.vcf", &limits);
    job.declared_type = form::text::Line::scrub("text/vcard; charset=windows-1251").0;
    let card = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:\xc8\xe2\xe0\xed\r\nEND:VCARD\r\n";
    let done = rooms::sanitise_as(card, &job).unwrap();
    assert!(done.text().contains("FN:Иван\r\n"), "{}", done.text());
}

#[test]
fn an_entry_without_an_id_gets_the_same_one_each_time() {
    let text = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20261120T010000Z\nSUMMARY:x\nEND:VEVENT\nEND:VCALENDAR\n";
    let first = rooms::sanitise(text.as_bytes(), "a.ics").unwrap();
    assert_eq!(first.bytes, rooms::sanitise(text.as_bytes(), "a.ics").unwrap().bytes);
    assert!(first.has(Reason::EntryRepaired));
    // Python: hashlib.sha256(b"DTSTART:20261120T010000Z\nSUMMARY:x\n").hexdigest()[:32]
    assert!(first.text().contains("UID:b1f12abe38947916993a19c023ff380b\r\n"), "{}", first.text());
}

#[test]
fn cards_are_the_same_to_another_reader() {
    let done = same(
        "a.vcf",
        "BEGIN:VCARD\nVERSION:3.0\nN:山田;太郎;;;\nFN:山田 太郎\nX-PHONETIC-LAST-NAME:やまだ\nX-PHONETIC-FIRST-NAME:たろう\n\
         ORG:東京都\\, 千代田区;総務課\nTITLE:課長\nTEL;TYPE=WORK,VOICE:03-0000-0000\nTEL;TYPE=CELL:090-0000-0000\n\
         EMAIL;TYPE=INTERNET,WORK:taro@example.jp\nADR;TYPE=WORK:;;1-1\\; 2F;千代田区;東京都;100-0001;日本\n\
         URL:https://example.jp/?a=b,c;d\nBDAY:1985-04-12\nNOTE:一行目\\n二行目\\, 三\nEND:VCARD\n\
         BEGIN:VCARD\nVERSION:3.0\nN:;;;;\nFN:総務課\nEND:VCARD\n",
    );
    assert_eq!(done.report.output, OutputType::Card);
    assert!(done.text().contains("X-PHONETIC-LAST-NAME:やまだ\r\n") && done.text().contains("TEL;TYPE=WORK,VOICE:03"));
    assert!(done.report.findings.is_empty(), "{:?}", done.report.findings);
}

#[test]
fn a_card_of_a_japanese_phone_keeps_its_reading_and_loses_picture_and_links() {
    // Python: "山田;太郎".encode("cp932") and "ﾔﾏﾀﾞ;ﾀﾛｳ".encode("cp932"), in quoted-printable.
    let card = b"BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=SHIFT_JIS;ENCODING=QUOTED-PRINTABLE:=8E=52=93=63;=91=BE=98=59\r\n\
        SOUND;X-IRMC-N;CHARSET=SHIFT_JIS;ENCODING=QUOTED-PRINTABLE:=D4=CF=C0=DE;=C0=DB=B3\r\nTEL;CELL:090-0000-0000\r\n\
        PHOTO;JPEG;ENCODING=BASE64:\r\n /9j/4AAQ\r\n\r\nURL:file://server/share\r\nX-CLASS:PUBLIC\r\nEMAIL:nobody\r\nEND:VCARD\r\n";
    let done = rooms::sanitise(card, "a.vcf").unwrap();
    assert_eq!(
        done.text(),
        "BEGIN:VCARD\r\nVERSION:3.0\r\nN:山田;太郎;;;\r\nFN:山田 太郎\r\nX-PHONETIC-LAST-NAME:ﾔﾏﾀﾞ\r\nX-PHONETIC-FIRST-NAME:ﾀﾛｳ\r\n\
         TEL;TYPE=CELL:090-0000-0000\r\nEND:VCARD\r\n"
    );
    for reason in [Reason::CardMedia, Reason::EntryLinks, Reason::EntryFields, Reason::AddressInvalid] {
        assert!(done.has(reason), "{reason}: {:?}", done.report.findings);
    }
}

/// As programs of Apple, Google and Microsoft export people.
#[test]
fn what_a_card_says_of_a_person_in_fields_of_single_programs_is_in_its_note() {
    let card = "BEGIN:VCARD\nVERSION:3.0\nFN:山田 太郎\nORG:総務課\nORG:防災会;広報\nTITLE:課長\nTITLE:理事\nNOTE:一つ目\nX-ICQ:123\n\
        IMPP;X-SERVICE-TYPE=Skype:skype:taro\nitem1.X-ABRELATEDNAMES:花子\nitem1.X-ABLabel:_$!<Spouse>!$_\n\
        RELATED;TYPE=friend:次郎\nRELATED:urn:uuid:1\nX-MS-MANAGER:部長\\, 佐藤\nX-MS-ANNIVERSARY:20110113\nNOTE:二つ目\nX-ABUID:1\n\
        item2.X-ABLabel:_$!<HomePage>!$_\nEND:VCARD\n";
    let done = rooms::sanitise(card.as_bytes(), "a.vcf").unwrap();
    let text = done.text().replace("\r\n ", "");
    let note = "NOTE:一つ目\\n二つ目\\n組織: 防災会 広報\\n役職: 理事\\nチャット（ICQ）: 123\\nチャット: skype:taro\\n関係者（配偶者）: 花子\\n関係者（友人）: 次郎\\n上司: 部長\\, 佐藤\r\n";
    assert!(text.contains(note), "{text}");
    assert!(text.contains("ANNIVERSARY:2011") && text.contains("ORG:総務課\r\n"), "{text}");
    let fields =
        done.report.findings.iter().find(|finding| finding.reason == Reason::EntryFields).map(|finding| finding.count);
    // The identity of another card, that of this one, and a label of nothing.
    assert_eq!(fields, Some(3), "{:?}", done.report.findings);
}

#[test]
fn a_label_without_a_group_is_of_no_line_and_told() {
    let done = rooms::sanitise(b"BEGIN:VCARD\nFN:a\nX-ABDATE:2011-01-13\nX-ABLabel:b\nEND:VCARD\n", "a.vcf").unwrap();
    assert!(done.text().contains("NOTE:記念日: 2011-01-13\r\n"), "{}", done.text());
    assert!(done.has(Reason::EntryFields), "the label");
}

#[test]
fn rooms_and_numbers_to_dial_of_a_meeting_are_remarks() {
    let event = "DTSTART:20261120T010000Z\nRESOURCES:第1会議室,プロジェクター\nCONFERENCE;VALUE=URI:tel:+81-3-0000-0000,,1234\n\
        CONFERENCE;VALUE=URI:xmpp:a@example.jp";
    let done = rooms::sanitise(calendar("", &[event]).as_bytes(), "a.ics").unwrap();
    let text = done.text().replace("\r\n ", "");
    assert!(text.contains("COMMENT:備品・部屋: 第1会議室\\, プロジェクター\r\n"), "{text}");
    assert!(text.contains("COMMENT:会議の電話番号: +81-3-0000-0000\\,\\,1234\r\n"), "{text}");
    assert!(!text.contains("xmpp"), "{text}");
    assert!(done.has(Reason::EntryLinks));
}

/// Run by hand: `MISOGI_CORPUS=DIR cargo test -p disarm --test directory -- --ignored --nocapture`.
#[test]
#[ignore = "needs a directory of samples"]
fn files_of_a_directory_are_the_same_to_other_readers() {
    let root = PathBuf::from(std::env::var("MISOGI_CORPUS").expect("MISOGI_CORPUS names a directory"));
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = std::fs::read(&path).unwrap();
        if let Ok(done) = rooms::sanitise(&bytes, &name) {
            println!("{name}: {}", differences(&name, &bytes, &done.bytes));
        }
    }
}

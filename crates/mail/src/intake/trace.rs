//! The `Received:` field that the intake puts before every original (RFC 5321 section 4.4).

use std::net::IpAddr;

use store::Timestamp;

use super::grammar::MailParameters;
use super::session::Hello;

/// What the trace field says.
#[derive(Clone, Copy, Debug)]
pub struct Trace<'a> {
    /// How the peer called itself; the grammar lets only harmless characters into the name.
    pub hello: &'a Hello,
    /// Where the connection came from.
    pub peer: IpAddr,
    /// Our name.
    pub hostname: &'a str,
    /// What came with MAIL.
    pub parameters: &'a MailParameters,
    /// Version and cipher when the connection was encrypted.
    pub tls: Option<&'a str>,
    /// The receipt.
    pub receipt: &'a str,
    /// When the message came.
    pub time: Timestamp,
    /// The offset from UTC the date is written in.
    pub offset_minutes: i32,
}

impl Trace<'_> {
    /// The field with its CRLF.
    pub fn field(&self) -> String {
        let literal = match self.peer {
            IpAddr::V4(address) => format!("[{address}]"),
            IpAddr::V6(address) => format!("[IPv6:{address}]"),
        };
        let tls = self.tls.map(|tls| format!("\r\n\t({tls})")).unwrap_or_default();
        let date = date(self.time, self.offset_minutes);
        format!(
            "Received: from {} ({literal}){tls}\r\n\tby {} with {} id {};\r\n\t{date}\r\n",
            self.hello.name,
            self.hostname,
            self.protocol(),
            self.receipt
        )
    }

    /// The protocol's name in the IANA registry of mail transmission types (RFC 3848, RFC 6531 section 4.3).
    fn protocol(&self) -> &'static str {
        match (self.hello.extended, self.parameters.smtputf8, self.tls) {
            (false, _, _) => "SMTP",
            (true, false, None) => "ESMTP",
            (true, false, Some(_)) => "ESMTPS",
            (true, true, None) => "UTF8SMTP",
            (true, true, Some(_)) => "UTF8SMTPS",
        }
    }
}

/// A date as RFC 5322 writes it: `Sat, 21 Nov 2026 11:40:00 +0900`.
pub fn date(time: Timestamp, offset_minutes: i32) -> String {
    let (year, month, day) = time.date(offset_minutes);
    let local = time.unix_millis().div_euclid(1000).saturating_add(i64::from(offset_minutes).saturating_mul(60));
    let second = local.rem_euclid(86_400);
    // 1970-01-01 was a Thursday, the first name of the table.
    let weekday = usize::try_from(local.div_euclid(86_400).rem_euclid(7)).ok().and_then(|d| WEEKDAYS.get(d));
    let month = usize::try_from(month).ok().and_then(|m| MONTHS.get(m.saturating_sub(1)));
    let (sign, offset) =
        if offset_minutes < 0 { ('-', offset_minutes.unsigned_abs()) } else { ('+', offset_minutes.unsigned_abs()) };
    format!(
        "{}, {day} {} {year:04} {:02}:{:02}:{:02} {sign}{:02}{:02}",
        weekday.unwrap_or(&"Thu"),
        month.unwrap_or(&"Jan"),
        second / 3600,
        second / 60 % 60,
        second % 60,
        offset / 60,
        offset % 60
    )
}

const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_date_r() {
        // date -R -d @1795228800 and TZ=Asia/Tokyo date -R -d @1795228800
        let time = Timestamp::from_unix_millis(1_795_228_800_000);
        assert_eq!(date(time, 0), "Sat, 21 Nov 2026 02:40:00 +0000");
        assert_eq!(date(time, 540), "Sat, 21 Nov 2026 11:40:00 +0900");
        assert_eq!(date(time, -210), "Fri, 20 Nov 2026 23:10:00 -0330");
        assert_eq!(date(Timestamp::from_unix_millis(0), 0), "Thu, 1 Jan 1970 00:00:00 +0000");
    }

    #[test]
    fn the_field_is_folded_and_ends_its_lines_with_crlf() {
        let trace = Trace {
            hello: &Hello { name: "mx.example.jp".to_owned(), extended: true },
            peer: "2001:db8::1".parse().unwrap(),
            hostname: "gw.example.lg.jp",
            parameters: &MailParameters::default(),
            tls: Some("TLSv1.3 with TLS13_AES_256_GCM_SHA384"),
            receipt: "20261121-8F3K2",
            time: Timestamp::from_unix_millis(1_795_228_800_000),
            offset_minutes: 540,
        };
        assert_eq!(
            trace.field(),
            "Received: from mx.example.jp ([IPv6:2001:db8::1])\r\n\t(TLSv1.3 with TLS13_AES_256_GCM_SHA384)\r\n\
             \tby gw.example.lg.jp with ESMTPS id 20261121-8F3K2;\r\n\tSat, 21 Nov 2026 11:40:00 +0900\r\n"
        );
    }
    #[test]
    fn the_protocol_is_the_registered_one() {
        let check = |extended, smtputf8, tls, expect| {
            let trace = Trace {
                hello: &Hello { name: "mx.example.jp".to_owned(), extended },
                peer: "192.0.2.1".parse().unwrap(),
                hostname: "gw.example.lg.jp",
                parameters: &MailParameters { smtputf8, ..MailParameters::default() },
                tls,
                receipt: "20261121-8F3K2",
                time: Timestamp::from_unix_millis(0),
                offset_minutes: 0,
            };
            assert_eq!(trace.protocol(), expect);
        };
        check(false, false, None, "SMTP");
        check(true, false, None, "ESMTP");
        check(true, false, Some("TLSv1.3"), "ESMTPS");
        check(true, true, None, "UTF8SMTP");
        check(true, true, Some("TLSv1.3"), "UTF8SMTPS");
    }
}

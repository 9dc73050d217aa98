//! How enums, findings and lists stand in columns. The numbers are stable: rows outlive programs.

use std::net::IpAddr;

use form::reason::{Finding, Place, Reason};
use serde::{Deserialize, Serialize};

use crate::{
    ChangeState, DeliveryState, Error, HookState, ItemClass, Need, OriginKind, PartVerdict, QuarantineState,
    QueueState, RequestState, RetryPolicy, RetryState, Role, Site, Source, Stage, UserState, Verdict,
};

/// An enum that stands in an integer column.
pub(crate) trait Coded: Sized + Copy + 'static {
    const ALL: &'static [(Self, i64)];
    const WHAT: &'static str;

    fn code(self) -> i64;

    fn from_code(code: i64) -> Result<Self, Error> {
        Self::ALL.iter().find(|(_, c)| *c == code).map(|(value, _)| *value).ok_or(Error::Damaged(Self::WHAT))
    }
}

macro_rules! coded {
    ($type:ident: $($variant:ident = $code:literal),+) => {
        impl Coded for $type {
            const ALL: &'static [(Self, i64)] = &[$(($type::$variant, $code)),+];
            const WHAT: &'static str = concat!("unknown ", stringify!($type));
            fn code(self) -> i64 {
                match self { $($type::$variant => $code),+ }
            }
        }
    };
}

coded!(OriginKind: Mail = 0, Upload = 1, Notice = 2, Unlocked = 3);
coded!(Verdict: Sanitised = 0, SanitisedWithWithheld = 1, NoticeOnly = 2, GivenUp = 3);
coded!(PartVerdict: Sanitised = 0, Withheld = 1);
coded!(DeliveryState: Pending = 0, Retry = 1, Delivered = 2, Failed = 3);
coded!(QueueState: Ready = 0, Running = 1, Deferred = 2);
coded!(QuarantineState: Held = 0, Released = 1, Purged = 2);
coded!(Role: Staff = 0, Approver = 1, Operator = 2, Auditor = 3, TenantAdmin = 4, PlatformAdmin = 5);
coded!(UserState: Active = 0, Disabled = 1);
coded!(Source: Local = 0, Directory = 1, Provider = 2);
coded!(Site: Portal = 0, Admin = 1);
coded!(Stage: Full = 0, Code = 1);
coded!(ItemClass: Rebuilt = 0, Withheld = 1, Virus = 2);
coded!(Need: Macro = 0, Look = 1, Content = 2, Whole = 3, Other = 4);
coded!(RetryPolicy: Same = 0, Raster = 1, Pages = 2, Text = 3);
coded!(RetryState: Waiting = 0, Made = 1, Withheld = 2);
// 2 and above is final.
coded!(RequestState: Open = 0, Approved = 1, Returned = 2, Ended = 3, Fetched = 4);
coded!(ChangeState: Planned = 0, Done = 1, Withdrawn = 2);
coded!(HookState: Waiting = 0, Taken = 1, GivenUp = 2);

#[derive(Serialize, Deserialize)]
struct StoredFinding {
    reason: String,
    count: u32,
    place: String,
}

/// Findings as JSON text; `None` when there are none, which is the common case.
pub(crate) fn findings_text(findings: &[Finding]) -> Result<Option<String>, Error> {
    if findings.is_empty() {
        return Ok(None);
    }
    let stored: Vec<StoredFinding> = findings
        .iter()
        .map(|f| StoredFinding {
            reason: f.reason.name().to_owned(),
            count: f.count,
            place: f.place.as_str().to_owned(),
        })
        .collect();
    serde_json::to_string(&stored).map(Some).map_err(|_| Error::Invalid("findings"))
}

pub(crate) fn findings(text: Option<&str>) -> Result<Vec<Finding>, Error> {
    let Some(text) = text else { return Ok(Vec::new()) };
    let stored: Vec<StoredFinding> = serde_json::from_str(text).map_err(|_| Error::Damaged("findings"))?;
    stored
        .into_iter()
        .map(|f| {
            let reason = Reason::from_name(&f.reason).ok_or(Error::Damaged("unknown reason"))?;
            Ok(Finding { reason, count: f.count, place: Place::new(&f.place) })
        })
        .collect()
}

pub(crate) fn list_text(list: &[String]) -> Result<String, Error> {
    serde_json::to_string(list).map_err(|_| Error::Invalid("list"))
}

pub(crate) fn list(text: &str) -> Result<Vec<String>, Error> {
    serde_json::from_str(text).map_err(|_| Error::Damaged("list"))
}

pub(crate) fn reason(code: Option<i64>) -> Result<Option<Reason>, Error> {
    let Some(code) = code else { return Ok(None) };
    let reason = u16::try_from(code).ok().and_then(Reason::from_code);
    reason.map(Some).ok_or(Error::Damaged("unknown reason"))
}

pub(crate) fn peer(text: Option<&str>) -> Result<Option<IpAddr>, Error> {
    text.map(|t| t.parse().map_err(|_| Error::Damaged("peer address"))).transpose()
}

/// A size or count as SQL's signed integer.
pub(crate) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A stored size or count.
pub(crate) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// A stored count that fits 32 bits.
pub(crate) fn count(value: i64) -> u32 {
    u32::try_from(value.max(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_read_back_as_written() {
        let all: Vec<Finding> = Reason::ALL
            .iter()
            .map(|r| Finding { reason: *r, count: 3, place: Place::new("見積\"書\".xlsx") })
            .collect();
        let text = findings_text(&all).unwrap();
        assert_eq!(findings(text.as_deref()).unwrap(), all);
        assert_eq!(findings_text(&[]).unwrap(), None);
        assert!(matches!(findings(Some("[{]")), Err(Error::Damaged(_))));
    }

    #[test]
    fn every_code_reads_back_and_an_unknown_one_is_damage() {
        fn check<T: Coded + PartialEq + std::fmt::Debug>() {
            for (value, code) in T::ALL {
                assert_eq!(value.code(), *code);
                assert_eq!(T::from_code(*code).unwrap(), *value);
            }
            assert!(matches!(T::from_code(99), Err(Error::Damaged(_))));
        }
        check::<OriginKind>();
        check::<Verdict>();
        check::<PartVerdict>();
        check::<DeliveryState>();
        check::<QueueState>();
        check::<QuarantineState>();
        check::<Role>();
        check::<UserState>();
        check::<Site>();
        check::<ItemClass>();
        check::<Need>();
        check::<RequestState>();
        check::<HookState>();
        check::<RetryPolicy>();
        check::<RetryState>();
    }
}

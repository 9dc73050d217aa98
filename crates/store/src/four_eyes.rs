//! The rules of four eyes, apart from where requests are kept and how they are shown: who may ask for an original, who may decide,
//! and what follows from a decision. Nothing in here reads or writes anything.

use std::time::Duration;

use form::reason::Reason;

use crate::{PartVerdict, Role, Timestamp, UserId};

/// What kind of original is asked for, the gravest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ItemClass {
    /// It was rebuilt and delivered; something of it may be missing.
    Rebuilt,
    /// It was withheld.
    Withheld,
    /// The scanner knows a virus in it, in what it lies in, or in something that lies in it.
    Virus,
}

/// Where a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestState {
    /// It waits for approvals.
    Open,
    /// It has all approvals.
    Approved,
    /// Somebody gave it back.
    Returned,
    /// Its time was over.
    Ended,
    /// The original was fetched as often as was granted.
    Fetched,
}

/// What an approver says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Decision {
    /// Yes.
    Approve,
    /// No: back to whoever asked.
    Return,
}

/// Why somebody may not do something with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Denied {
    /// With a virus in it, only those who run the console may ask.
    VirusByStaff,
    /// The role asks for nothing.
    Role,
    /// There is an open request of the same person for it.
    AskedAlready,
    /// The person has too many open requests.
    TooMany,
    /// The original is no longer kept.
    Gone,
    /// Nobody decides on what they asked for.
    Own,
    /// Who approved once does not approve again.
    ApprovedAlready,
    /// The role decides nothing, or nothing of this class.
    NoApprover,
    /// Another approver was chosen.
    OtherApprover,
    /// One approval must be of somebody who runs the console, and only that one is missing.
    ConsoleMissing,
    /// The account is new, or lately one hand made or changed both it and that of whoever asks or has approved: it is no second pair of
    /// eyes.
    Unsettled,
    /// It waits for nothing (any more).
    Over,
}

/// How many approvals it takes, and how long things last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestRules {
    /// Approvals for what was rebuilt.
    pub quorum_rebuilt: u32,
    /// Approvals for what was withheld.
    pub quorum_withheld: u32,
    /// Approvals where there is a virus; never less than two.
    pub quorum_virus: u32,
    /// After this an open request ends by itself.
    pub open: Duration,
    /// How long an approval is good for.
    pub grant: Duration,
    /// How often the original may be fetched.
    pub downloads: u32,
    /// An account decides only when it has been there, and out of the hands of the others of the request, for so long; zero: at once.
    pub settled: Duration,
}

impl Default for RequestRules {
    fn default() -> Self {
        let day = Duration::from_secs(86_400);
        RequestRules {
            quorum_rebuilt: 2,
            quorum_withheld: 2,
            quorum_virus: 2,
            open: day.saturating_mul(3),
            grant: day,
            downloads: 1,
            settled: Duration::ZERO,
        }
    }
}

impl RequestRules {
    /// How many approvals a class takes.
    pub fn quorum(&self, class: ItemClass) -> u32 {
        match class {
            ItemClass::Rebuilt => self.quorum_rebuilt.max(1),
            ItemClass::Withheld => self.quorum_withheld.max(1),
            ItemClass::Virus => self.quorum_virus.max(2),
        }
    }
}

/// A request as the rules see it.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// What is asked for.
    pub class: ItemClass,
    /// Who asks.
    pub requester: UserId,
    /// Whom they chose.
    pub approver: Option<UserId>,
    /// How many approvals it takes.
    pub quorum: u32,
    /// Where it is now: see [`state_at`].
    pub state: RequestState,
    /// Whose approvals count, and as whose: see [`counts_as`].
    pub approvals: &'a [(UserId, Role)],
}

/// Where a request is at a time, whatever was written of it last: time ends it, not the janitor.
pub(crate) fn state_at(stored: RequestState, ends: Timestamp, now: Timestamp) -> RequestState {
    match stored {
        RequestState::Open | RequestState::Approved if ends <= now => RequestState::Ended,
        other => other,
    }
}

/// Where a request is with the approvals that count now: one that lost them waits again, and one to which they came back is granted, for
/// nobody who approved could say so a second time. Its time stays what it was.
pub(crate) fn state_of(case: &Case<'_>) -> RequestState {
    let by_console = case.quorum <= 1 || case.approvals.iter().any(|(_, role)| of_console(*role));
    let has_all = by_console && !case.approvals.is_empty() && approvals(case) >= case.quorum;
    match case.state {
        RequestState::Open | RequestState::Approved if has_all => RequestState::Approved,
        RequestState::Open | RequestState::Approved => RequestState::Open,
        other @ (RequestState::Returned | RequestState::Ended | RequestState::Fetched) => other,
    }
}

/// As whose an approval counts that was given in a role, when the account has another by now (`None`: it is stopped); `None`: not at all.
pub(crate) fn counts_as(then: Role, now: Option<Role>, class: ItemClass) -> Option<Role> {
    let now = now?;
    match (of_console(then), now) {
        (true, Role::Operator | Role::TenantAdmin) => Some(now),
        (true, Role::Approver) | (false, Role::Operator | Role::TenantAdmin | Role::Approver) => {
            (class != ItemClass::Virus).then_some(Role::Approver)
        }
        (_, Role::Staff | Role::Auditor | Role::PlatformAdmin) => None,
    }
}

/// The class of a part. `around` are the reasons of what it lies in and of what lies in it.
pub(crate) fn class_of(own: Option<Reason>, verdict: PartVerdict, around: &[Reason]) -> ItemClass {
    if own == Some(Reason::Infected) || around.contains(&Reason::Infected) {
        ItemClass::Virus
    } else {
        match verdict {
            PartVerdict::Withheld => ItemClass::Withheld,
            PartVerdict::Sanitised => ItemClass::Rebuilt,
        }
    }
}

/// Whether a role may ask for an original of a class.
///
/// # Errors
/// Why not.
pub fn may_ask(role: Role, class: ItemClass) -> Result<(), Denied> {
    match (role, class) {
        (Role::PlatformAdmin, _) => Err(Denied::Role),
        (Role::Operator | Role::TenantAdmin, _) => Ok(()),
        (Role::Staff | Role::Approver | Role::Auditor, ItemClass::Virus) => Err(Denied::VirusByStaff),
        (Role::Staff | Role::Approver | Role::Auditor, ItemClass::Rebuilt | ItemClass::Withheld) => Ok(()),
    }
}

/// Whether somebody may see a request because they may have to decide on it.
pub fn may_see(case: &Case<'_>, user: UserId, role: Role) -> bool {
    match role {
        Role::Operator | Role::TenantAdmin | Role::Auditor => true,
        Role::Approver => {
            case.class != ItemClass::Virus
                && case.requester != user
                && case.approver.is_none_or(|chosen| chosen == user)
        }
        Role::Staff | Role::PlatformAdmin => false,
    }
}

/// Whether somebody may decide like this now.
///
/// # Errors
/// Why not.
pub fn may_decide(case: &Case<'_>, user: UserId, role: Role, decision: Decision) -> Result<(), Denied> {
    if case.requester == user {
        return Err(Denied::Own);
    }
    match role {
        Role::Operator | Role::TenantAdmin => {}
        Role::Approver if case.class == ItemClass::Virus => return Err(Denied::NoApprover),
        Role::Approver if case.approver.is_some_and(|chosen| chosen != user) => return Err(Denied::OtherApprover),
        Role::Approver => {}
        Role::Staff | Role::Auditor | Role::PlatformAdmin => return Err(Denied::NoApprover),
    }
    match (case.state, decision) {
        (RequestState::Open, _) | (RequestState::Approved, Decision::Return) => {}
        (RequestState::Approved, Decision::Approve)
        | (RequestState::Returned | RequestState::Ended | RequestState::Fetched, _) => return Err(Denied::Over),
    }
    if decision == Decision::Return {
        // A doubt that comes late counts too, also one's own.
        return Ok(());
    }
    if case.approvals.iter().any(|(approver, _)| *approver == user) {
        return Err(Denied::ApprovedAlready);
    }
    // The manager knows the errand, the operator the file: two approvals are never both of managers.
    let last = case.quorum > 1 && approvals(case).saturating_add(1) >= case.quorum;
    if last && !of_console(role) && !case.approvals.iter().any(|(_, role)| of_console(*role)) {
        return Err(Denied::ConsoleMissing);
    }
    Ok(())
}

/// Where a request is after a decision that [`may_decide`] allowed.
pub(crate) fn after(case: &Case<'_>, decision: Decision) -> RequestState {
    match decision {
        Decision::Return => RequestState::Returned,
        Decision::Approve if approvals(case).saturating_add(1) >= case.quorum => RequestState::Approved,
        Decision::Approve => RequestState::Open,
    }
}

/// Whether the original may be fetched now, having been fetched so often.
///
/// # Errors
/// Why not.
pub fn may_fetch(state: RequestState, role: Role) -> Result<(), Denied> {
    match (role, state) {
        (Role::Operator | Role::TenantAdmin, RequestState::Approved) => Ok(()),
        (Role::Operator | Role::TenantAdmin, _) => Err(Denied::Over),
        (Role::Staff | Role::Approver | Role::Auditor | Role::PlatformAdmin, _) => Err(Denied::Role),
    }
}

fn approvals(case: &Case<'_>) -> u32 {
    u32::try_from(case.approvals.len()).unwrap_or(u32::MAX)
}

fn of_console(role: Role) -> bool {
    matches!(role, Role::Operator | Role::TenantAdmin)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUESTER: UserId = UserId(1);
    const MANAGER: UserId = UserId(2);
    const OTHER_MANAGER: UserId = UserId(3);
    const OPERATOR: UserId = UserId(4);
    const ADMIN: UserId = UserId(5);

    fn case<'a>(class: ItemClass, quorum: u32, approvals: &'a [(UserId, Role)]) -> Case<'a> {
        Case { class, requester: REQUESTER, approver: None, quorum, state: RequestState::Open, approvals }
    }

    #[test]
    fn who_may_ask_depends_on_role_and_class() {
        use ItemClass::{Rebuilt, Virus, Withheld};
        let check = |role, expect: [Result<(), Denied>; 3]| {
            assert_eq!([Rebuilt, Withheld, Virus].map(|class| may_ask(role, class)), expect, "{role:?}");
        };
        let staff = [Ok(()), Ok(()), Err(Denied::VirusByStaff)];
        check(Role::Staff, staff);
        check(Role::Approver, staff);
        check(Role::Auditor, staff);
        check(Role::Operator, [Ok(()); 3]);
        check(Role::TenantAdmin, [Ok(()); 3]);
        check(Role::PlatformAdmin, [Err(Denied::Role); 3]);
    }

    #[test]
    fn who_may_approve_depends_on_person_role_class_and_those_before() {
        use ItemClass::{Rebuilt, Virus, Withheld};
        let check = |class, quorum, before: &[(UserId, Role)], user, role, expect: Result<(), Denied>| {
            let found = may_decide(&case(class, quorum, before), user, role, Decision::Approve);
            assert_eq!(found, expect, "{class:?} {quorum} {before:?} {user:?} {role:?}");
        };
        let by_manager: &[_] = &[(MANAGER, Role::Approver)];
        let by_operator: &[_] = &[(OPERATOR, Role::Operator)];
        // The requester never, whatever they are.
        for role in [Role::Staff, Role::Approver, Role::Operator, Role::TenantAdmin] {
            check(Withheld, 2, &[], REQUESTER, role, Err(Denied::Own));
            check(Withheld, 2, by_manager, REQUESTER, role, Err(Denied::Own));
        }
        for role in [Role::Staff, Role::Auditor, Role::PlatformAdmin] {
            check(Rebuilt, 1, &[], MANAGER, role, Err(Denied::NoApprover));
        }
        // Two persons, and one of them of the console.
        check(Withheld, 2, &[], MANAGER, Role::Approver, Ok(()));
        check(Withheld, 2, by_manager, MANAGER, Role::Approver, Err(Denied::ApprovedAlready));
        check(Withheld, 2, by_manager, MANAGER, Role::Operator, Err(Denied::ApprovedAlready));
        check(Withheld, 2, by_manager, OTHER_MANAGER, Role::Approver, Err(Denied::ConsoleMissing));
        check(Withheld, 2, by_manager, OPERATOR, Role::Operator, Ok(()));
        check(Withheld, 2, by_operator, OTHER_MANAGER, Role::Approver, Ok(()));
        check(Withheld, 2, by_operator, OPERATOR, Role::Operator, Err(Denied::ApprovedAlready));
        check(Withheld, 2, by_operator, ADMIN, Role::TenantAdmin, Ok(()));
        check(Withheld, 3, by_manager, OTHER_MANAGER, Role::Approver, Ok(()));
        check(Rebuilt, 1, &[], MANAGER, Role::Approver, Ok(()));
        // A virus is the business of those who run the console.
        check(Virus, 2, &[], MANAGER, Role::Approver, Err(Denied::NoApprover));
        check(Virus, 2, &[], OPERATOR, Role::Operator, Ok(()));
        check(Virus, 2, by_operator, MANAGER, Role::Approver, Err(Denied::NoApprover));
        check(Virus, 2, by_operator, ADMIN, Role::TenantAdmin, Ok(()));
    }

    #[test]
    fn an_approver_who_was_not_chosen_neither_sees_nor_decides() {
        let chosen = Case { approver: Some(MANAGER), ..case(ItemClass::Withheld, 2, &[]) };
        let see = |user, role| may_see(&chosen, user, role);
        assert!(see(MANAGER, Role::Approver) && !see(OTHER_MANAGER, Role::Approver) && see(OPERATOR, Role::Operator));
        assert!(!see(REQUESTER, Role::Approver) && !see(OTHER_MANAGER, Role::Staff));
        for decision in [Decision::Approve, Decision::Return] {
            let by = |user, role| may_decide(&chosen, user, role, decision);
            assert_eq!(by(OTHER_MANAGER, Role::Approver), Err(Denied::OtherApprover));
            assert_eq!(by(MANAGER, Role::Approver), Ok(()));
            assert_eq!(by(OPERATOR, Role::Operator), Ok(()));
        }
        assert!(!may_see(&case(ItemClass::Virus, 2, &[]), MANAGER, Role::Approver));
    }

    #[test]
    fn what_is_over_is_over_and_a_grant_can_still_be_taken_back() {
        use RequestState::{Approved, Ended, Fetched, Open, Returned};
        for (state, approve, give_back) in [
            (Open, Ok(()), Ok(())),
            (Approved, Err(Denied::Over), Ok(())),
            (Returned, Err(Denied::Over), Err(Denied::Over)),
            (Ended, Err(Denied::Over), Err(Denied::Over)),
            (Fetched, Err(Denied::Over), Err(Denied::Over)),
        ] {
            let case = Case { state, ..case(ItemClass::Rebuilt, 2, &[]) };
            let by = |decision| may_decide(&case, OPERATOR, Role::Operator, decision);
            assert_eq!((by(Decision::Approve), by(Decision::Return)), (approve, give_back), "{state:?}");
        }
        // Who approved first may think again.
        let before = [(OPERATOR, Role::Operator)];
        let case = case(ItemClass::Rebuilt, 2, &before);
        assert_eq!(may_decide(&case, OPERATOR, Role::Operator, Decision::Return), Ok(()));
    }

    #[test]
    fn only_the_last_approval_of_the_quorum_grants() {
        let one = [(MANAGER, Role::Approver)];
        for (quorum, before, expect) in [
            (1, &[][..], RequestState::Approved),
            (2, &[], RequestState::Open),
            (2, &one, RequestState::Approved),
            (3, &one, RequestState::Open),
        ] {
            let case = case(ItemClass::Withheld, quorum, before);
            assert_eq!(after(&case, Decision::Approve), expect, "{quorum} {before:?}");
            assert_eq!(after(&case, Decision::Return), RequestState::Returned);
        }
    }

    #[test]
    fn an_approval_counts_as_what_its_account_is_now_and_never_as_more_than_it_was() {
        use ItemClass::{Virus, Withheld};
        use Role::{Approver, Auditor, Operator, PlatformAdmin, Staff, TenantAdmin};
        for (then, now, withheld, virus) in [
            (Operator, Some(Operator), Some(Operator), Some(Operator)),
            (Operator, Some(TenantAdmin), Some(TenantAdmin), Some(TenantAdmin)),
            (TenantAdmin, Some(Approver), Some(Approver), None),
            (Approver, Some(TenantAdmin), Some(Approver), None),
            (Approver, Some(Approver), Some(Approver), None),
            (Operator, Some(Staff), None, None),
            (Operator, Some(Auditor), None, None),
            (TenantAdmin, Some(PlatformAdmin), None, None),
            (Operator, None, None, None),
        ] {
            assert_eq!(counts_as(then, now, Withheld), withheld, "{then:?} {now:?}");
            assert_eq!(counts_as(then, now, Virus), virus, "{then:?} {now:?}");
        }
    }

    #[test]
    fn a_grant_that_lost_an_approval_waits_until_it_counts_again() {
        fn granted(approvals: &[(UserId, Role)]) -> Case<'_> {
            Case { state: RequestState::Approved, ..case(ItemClass::Withheld, 2, approvals) }
        }
        let (manager, operator) = ((MANAGER, Role::Approver), (OPERATOR, Role::Operator));
        assert_eq!(state_of(&granted(&[manager, operator])), RequestState::Approved);
        assert_eq!(state_of(&granted(&[operator])), RequestState::Open);
        // Stopped before the other approved, and allowed again: nobody is left who could approve.
        let both = [manager, operator];
        let waiting = Case { state: RequestState::Open, ..granted(&both) };
        assert_eq!(state_of(&waiting), RequestState::Approved);
        for few in [&[manager, (OTHER_MANAGER, Role::Approver)][..], &[operator], &[]] {
            assert_eq!(state_of(&Case { state: RequestState::Open, ..granted(few) }), RequestState::Open);
        }
        // Of two managers none saw the file.
        assert_eq!(state_of(&granted(&[manager, (OTHER_MANAGER, Role::Approver)])), RequestState::Open);
        assert_eq!(state_of(&Case { state: RequestState::Fetched, ..granted(&[]) }), RequestState::Fetched);
    }

    #[test]
    fn time_ends_what_waits_and_nothing_else() {
        use RequestState::{Approved, Ended, Fetched, Open, Returned};
        let at = Timestamp::from_unix_millis;
        for (stored, before, then) in [
            (Open, Open, Ended),
            (Approved, Approved, Ended),
            (Returned, Returned, Returned),
            (Fetched, Fetched, Fetched),
            (Ended, Ended, Ended),
        ] {
            assert_eq!(state_at(stored, at(1000), at(999)), before);
            assert_eq!(state_at(stored, at(1000), at(1000)), then);
        }
    }

    #[test]
    fn a_virus_anywhere_around_makes_the_class() {
        use ItemClass::{Rebuilt, Virus, Withheld};
        let (rebuilt, withheld) = (PartVerdict::Sanitised, PartVerdict::Withheld);
        for (own, verdict, around, expect) in [
            (None, rebuilt, &[][..], Rebuilt),
            (Some(Reason::UnsupportedType), withheld, &[], Withheld),
            (None, withheld, &[], Withheld),
            (Some(Reason::Infected), withheld, &[], Virus),
            (None, rebuilt, &[Reason::Infected], Virus),
            (Some(Reason::Encrypted), withheld, &[Reason::Malformed], Withheld),
        ] {
            assert_eq!(class_of(own, verdict, around), expect);
        }
    }

    #[test]
    fn a_quorum_is_at_least_one_and_with_a_virus_two() {
        let none = RequestRules { quorum_rebuilt: 0, quorum_withheld: 3, quorum_virus: 1, ..RequestRules::default() };
        assert_eq!(
            [ItemClass::Rebuilt, ItemClass::Withheld, ItemClass::Virus].map(|class| none.quorum(class)),
            [1, 3, 2]
        );
    }

    #[test]
    fn only_the_console_fetches_and_only_what_is_granted() {
        assert_eq!(may_fetch(RequestState::Approved, Role::Operator), Ok(()));
        assert_eq!(may_fetch(RequestState::Fetched, Role::TenantAdmin), Err(Denied::Over));
        assert_eq!(may_fetch(RequestState::Open, Role::TenantAdmin), Err(Denied::Over));
        for role in [Role::Staff, Role::Approver, Role::Auditor, Role::PlatformAdmin] {
            assert_eq!(may_fetch(RequestState::Approved, role), Err(Denied::Role));
        }
    }
}

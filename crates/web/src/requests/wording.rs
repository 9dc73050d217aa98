//! Requests in words and in stable names.

use store::{Decision, Denied, ItemClass, Need, Request, RequestId, RequestState};

use crate::{page::Mark, texts::Texts};

/// How a request is called.
pub(crate) fn number(id: RequestId) -> String {
    format!("R-{}", id.0)
}

/// Shape, word and colour of a request's state.
pub(crate) fn state_mark(request: &Request, t: &Texts) -> Mark {
    match request.state {
        RequestState::Open if request.approvals().is_empty() => Mark::wait(t.request_open),
        RequestState::Open => Mark::wait(t.request_partly),
        RequestState::Approved => Mark::ok(t.request_approved),
        RequestState::Returned => Mark::stop(t.request_returned),
        RequestState::Ended => Mark::warn(t.request_ended),
        RequestState::Fetched => Mark::ok(t.request_fetched),
    }
}

/// Shape, word and colour of a decision.
pub(super) fn decision_mark(decision: Decision, t: &Texts) -> Mark {
    match decision {
        Decision::Approve => Mark::ok(t.request_approve),
        Decision::Return => Mark::stop(t.request_return),
    }
}

/// Stable name of a state.
pub(crate) fn state_name(state: RequestState) -> &'static str {
    match state {
        RequestState::Open => "open",
        RequestState::Approved => "approved",
        RequestState::Returned => "returned",
        RequestState::Ended => "ended",
        RequestState::Fetched => "fetched",
    }
}

/// The class in words.
pub(crate) fn class_word(class: ItemClass, t: &Texts) -> &'static str {
    match class {
        ItemClass::Rebuilt => t.request_class_rebuilt,
        ItemClass::Withheld => t.request_class_withheld,
        ItemClass::Virus => t.request_class_virus,
    }
}

/// Stable name of a class.
pub(crate) fn class_name(class: ItemClass) -> &'static str {
    match class {
        ItemClass::Rebuilt => "rebuilt",
        ItemClass::Withheld => "withheld",
        ItemClass::Virus => "virus",
    }
}

/// The reason in words.
pub(crate) fn need_word(need: Need, t: &Texts) -> &'static str {
    match need {
        Need::Macro => t.request_need_macro,
        Need::Look => t.request_need_look,
        Need::Content => t.request_need_content,
        Need::Whole => t.request_need_whole,
        Need::Other => t.request_need_other,
    }
}

/// Stable name of a reason.
pub(crate) fn need_name(need: Need) -> &'static str {
    match need {
        Need::Macro => "macro",
        Need::Look => "look",
        Need::Content => "content",
        Need::Whole => "whole",
        Need::Other => "other",
    }
}

/// The reason of a stable name.
pub(crate) fn need_of(name: &str) -> Option<Need> {
    NEEDS.into_iter().find(|need| need_name(*need) == name)
}

/// Every reason, in the order of forms.
pub(super) const NEEDS: [Need; 5] = [Need::Macro, Need::Look, Need::Content, Need::Whole, Need::Other];

/// Every reason by name and word, in the order of forms.
pub(crate) fn needs(t: &Texts) -> Vec<(&'static str, &'static str)> {
    NEEDS.into_iter().map(|need| (need_name(need), need_word(need, t))).collect()
}

/// Why not, in words.
pub(crate) fn denied(denied: Denied, t: &Texts) -> &'static str {
    match denied {
        Denied::VirusByStaff => t.denied_virus,
        Denied::Role | Denied::NoApprover => t.denied_role,
        Denied::AskedAlready => t.denied_asked,
        Denied::TooMany => t.denied_many,
        Denied::Gone => t.denied_gone,
        Denied::Own => t.denied_own,
        Denied::ApprovedAlready => t.denied_approved,
        Denied::OtherApprover => t.denied_other,
        Denied::ConsoleMissing => t.denied_console,
        Denied::Unsettled => t.denied_unsettled,
        Denied::Over => t.denied_over,
    }
}

/// Why not, as a stable name.
pub(crate) fn denied_name(denied: Denied) -> &'static str {
    match denied {
        Denied::VirusByStaff => "virus_by_staff",
        Denied::Role => "role",
        Denied::AskedAlready => "asked_already",
        Denied::TooMany => "too_many_requests",
        Denied::Gone => "original_gone",
        Denied::Own => "own_request",
        Denied::ApprovedAlready => "approved_already",
        Denied::NoApprover => "no_approver",
        Denied::OtherApprover => "other_approver",
        Denied::ConsoleMissing => "console_missing",
        Denied::Unsettled => "unsettled",
        Denied::Over => "over",
    }
}

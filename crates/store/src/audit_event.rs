//! What is written into the audit: every event that there is, each with its stable name.

/// Makes the enum, its names and the list of all from one table, so that none can be missing in either.
macro_rules! events {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// What happened, or what somebody did.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum AuditEvent { $($(#[doc = $doc])+ $variant,)+ }

        impl AuditEvent {
            /// Every event, in the order in which people look for them.
            pub const ALL: &'static [AuditEvent] = &[$(AuditEvent::$variant,)+];

            /// The name in the log, `snake_case`. It never changes: the chain covers it.
            pub const fn name(self) -> &'static str {
                match self { $(AuditEvent::$variant => $name,)+ }
            }
        }
    };
}

events! {
    /// A mail or upload was made durable.
    Accepted = "accepted",
    /// It came by ICAP.
    IcapReceived = "icap_received",
    /// The name of an upload was changed to one that is safe.
    UploadNameChanged = "upload_name_changed",
    /// An upload was taken back.
    UploadCancelled = "upload_cancelled",
    /// A mail or upload was converted.
    Completed = "completed",
    /// A conversion failed and is tried again.
    AttemptFailed = "attempt_failed",
    /// A conversion waits for what is missing on our side.
    Deferred = "deferred",
    /// A conversion was given up.
    GivenUp = "given_up",
    /// What the next hop said of a delivery.
    Delivery = "delivery",
    /// A mail of our own was queued.
    NoticeQueued = "notice_queued",
    /// A password was tried.
    PasswordTried = "password_tried",
    /// A try that came to nothing was given back.
    PasswordTryReturned = "password_try_returned",
    /// A password opened an upload: what it holds is with its result.
    UploadUnlocked = "upload_unlocked",
    /// A password opened something, which was sent.
    Unlocked = "unlocked",
    /// A page of an original was looked at.
    OriginalViewed = "original_viewed",
    /// An item of the quarantine was held back.
    QuarantineHeld = "quarantine_held",
    /// It is no longer held back.
    QuarantineUnheld = "quarantine_unheld",
    /// It was deleted.
    QuarantineDeleted = "quarantine_deleted",
    /// It was given to be converted again.
    QuarantineRetried = "quarantine_retried",
    /// It was converted again.
    QuarantineConverted = "quarantine_converted",
    /// A virus was found in it later, by a password or by converting it again.
    QuarantineVirusFound = "quarantine_virus_found",
    /// It was let out: what came of it was sent, or the original fetched on the machine.
    QuarantineReleased = "quarantine_released",
    /// The list was fetched as a file.
    QuarantineExported = "quarantine_exported",
    /// Somebody asked for an original.
    RequestMade = "request_made",
    /// Somebody approved that.
    RequestApproved = "request_approved",
    /// Somebody returned it.
    RequestReturned = "request_returned",
    /// It became a request for something graver.
    RequestReclassed = "request_reclassed",
    /// Nobody decided in time, or its object is gone.
    RequestEnded = "request_ended",
    /// An original was handed over.
    OriginalHandedOver = "original_handed_over",
    /// What had outlived its retention was removed.
    Purged = "purged",
    /// Somebody signed in.
    SignedIn = "signed_in",
    /// Somebody did not.
    SignInFailed = "sign_in_failed",
    /// A session was ended.
    SessionClosed = "session_closed",
    /// All sessions of somebody were ended.
    SessionsClosed = "sessions_closed",
    /// A second factor was enrolled.
    SecondFactorEnrolled = "second_factor_enrolled",
    /// It was removed.
    SecondFactorRemoved = "second_factor_removed",
    /// A recovery code stood for it.
    RecoveryCodeUsed = "recovery_code_used",
    /// New recovery codes were given.
    RecoveryCodesRenewed = "recovery_codes_renewed",
    /// A passkey was added.
    PasskeyAdded = "passkey_added",
    /// It was removed.
    PasskeyRemoved = "passkey_removed",
    /// An API key was made.
    ApiKeyCreated = "api_key_created",
    /// It was ended.
    ApiKeyRevoked = "api_key_revoked",
    /// A set-up link was made.
    SetupTokenCreated = "setup_token_created",
    /// An account was made.
    UserCreated = "user_created",
    /// Its owner set its password.
    UserPasswordSet = "user_password_set",
    /// Somebody else did.
    UserPasswordReset = "user_password_reset",
    /// It was given a role.
    UserRoleSet = "user_role_set",
    /// It was stopped, or allowed again.
    UserStateSet = "user_state_set",
    /// It was given a mail address.
    UserAddressSet = "user_address_set",
    /// Its name was changed where it comes from.
    UserRenamed = "user_renamed",
    /// Its directory does not know it any more.
    ExternalUserGone = "external_user_gone",
    /// Its name was taken over by somebody else.
    ExternalUserPutAside = "external_user_put_aside",
    /// Changes of accounts were planned.
    UserChangesPlanned = "user_changes_planned",
    /// They were withdrawn.
    UserChangesWithdrawn = "user_changes_withdrawn",
    /// They were carried out.
    UserChangesDone = "user_changes_done",
    /// An event is sent to another system once more.
    WebhookAgain = "webhook_again",
    /// A draft of a policy was tried on a file.
    PolicyTried = "policy_tried",
    /// A policy was published.
    PolicyPublished = "policy_published",
    /// The installation was looked over.
    SystemExamined = "system_examined",
    /// The log was fetched as a file.
    AuditExported = "audit_exported",
    /// An organisation is served from now on.
    TenantAdded = "tenant_added",
    /// Its name, domains or addresses were changed.
    TenantChanged = "tenant_changed",
    /// It is served no more.
    TenantRemoved = "tenant_removed",
    /// A link for its first administrator was made.
    TenantInvited = "tenant_invited",
}

impl AuditEvent {
    /// The event of a name; `None` for one of another version of the program.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|event| event.name() == name).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_one_word_and_leads_back() {
        for event in AuditEvent::ALL {
            assert_eq!(AuditEvent::from_name(event.name()), Some(*event));
            assert!(event.name().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{event:?}");
        }
        assert_eq!(AuditEvent::from_name("tested"), None);
    }
}

//! Which role may do what, on either site: the one table.

use store::Role;

use crate::texts::Texts;

/// Something a page or an API call needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permission {
    /// Portal: sending files and fetching one's own results.
    Upload,
    /// Portal: the list of one's own uploads and mails.
    History,
    /// Counts and conditions.
    Dashboard,
    /// Mails and uploads with senders, subjects and file names.
    Tracking,
    /// Facts about withheld originals.
    Quarantine,
    /// Originals as pixels.
    Originals,
    /// Holding, deleting, converting again and releasing withheld parts.
    Triage,
    /// Typing the password of a locked original.
    Unlock,
    /// Asking for originals of one's own, and seeing what became of that.
    Requests,
    /// Deciding on requests of others.
    Decide,
    /// Console: every request with its decisions.
    Approvals,
    /// Console: receiving an original that was approved.
    HandOver,
    /// Accounts: making, changing, ending their sessions.
    Users,
    /// The audit log.
    Audit,
    /// The settings in force.
    Policy,
    /// Drafting and publishing a policy.
    PolicyChange,
    /// How the installation is, and looking it over.
    System,
    /// Systems that are told of events, and telling them again.
    Webhooks,
    /// Which organisations the gateway serves.
    Tenants,
}

/// Whether a role has a permission.
pub(crate) fn allows(role: Role, permission: Permission) -> bool {
    use Permission::{
        Approvals, Audit, Dashboard, Decide, HandOver, History, Originals, Policy, Quarantine, Requests, System,
        Tenants, Tracking, Triage, Unlock, Upload, Webhooks,
    };
    match role {
        // They work in the portal and have nothing to do in the console.
        Role::Staff => matches!(permission, Upload | History | Requests),
        Role::Approver => matches!(permission, Upload | History | Requests | Decide),
        Role::Operator => matches!(
            permission,
            Upload
                | History
                | Requests
                | Decide
                | Approvals
                | HandOver
                | Dashboard
                | Tracking
                | Quarantine
                | Originals
                | Triage
                | Unlock
                | Policy
                | System
        ),
        // Reads everything that is written down; what is in a file is none of it.
        Role::Auditor => {
            matches!(
                permission,
                Upload | History | Requests | Approvals | Dashboard | Tracking | Quarantine | Audit | Policy
            )
        }
        // Everything of their own organisation.
        Role::TenantAdmin => permission != Tenants,
        // The prefecture's administrator runs the machines and sees no person's mail; the audit names senders and files.
        Role::PlatformAdmin => matches!(permission, Dashboard | Policy | System | Tenants | Webhooks),
    }
}

/// Whether a role may not work without a second factor. Whoever sees more than their own files needs one.
pub(crate) fn needs_second_factor(role: Role) -> bool {
    match role {
        Role::Staff => false,
        Role::Approver | Role::Operator | Role::Auditor | Role::TenantAdmin | Role::PlatformAdmin => true,
    }
}

/// Of two roles that groups give, the one that counts: staff, approver, auditor, operator, tenant administrator, each before the next. It is
/// the order of what they may do. No group makes a platform administrator, who sees no content and so comes before the auditor.
pub(crate) fn higher(one: Role, other: Role) -> Role {
    let rank = |role| match role {
        Role::Staff => 0,
        Role::Approver => 1,
        Role::PlatformAdmin => 2,
        Role::Auditor => 3,
        Role::Operator => 4,
        Role::TenantAdmin => 5,
    };
    if rank(other) > rank(one) { other } else { one }
}

/// The role's name on the pages.
pub(crate) fn name(role: Role, t: &Texts) -> &'static str {
    match role {
        Role::Staff => t.role_staff,
        Role::Approver => t.role_approver,
        Role::Operator => t.role_operator,
        Role::Auditor => t.role_auditor,
        Role::TenantAdmin => t.role_tenant_admin,
        Role::PlatformAdmin => t.role_platform_admin,
    }
}

//! Which role may see what in the console: the one table.

use store::Role;

use crate::texts::Texts;

/// Something a page or an API call needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permission {
    /// Counts and conditions.
    Dashboard,
    /// Mails and uploads with senders, subjects and file names.
    Tracking,
    /// Facts about withheld originals.
    Quarantine,
    /// Typing the password of a locked original.
    Unlock,
    /// The audit log.
    Audit,
}

/// Whether a role has a permission. Staff and approvers work in the portal and have nothing to do here.
pub(crate) fn allows(role: Role, permission: Permission) -> bool {
    match role {
        Role::Staff | Role::Approver => false,
        // The prefecture's administrator runs the machines and sees no person's mail; the audit names senders and files.
        Role::PlatformAdmin => matches!(permission, Permission::Dashboard),
        Role::Operator => !matches!(permission, Permission::Audit),
        Role::Auditor => !matches!(permission, Permission::Unlock),
        Role::TenantAdmin => true,
    }
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

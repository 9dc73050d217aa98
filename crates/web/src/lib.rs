//! The gateway's two web sites and its API: staff portal, admin console, `/api/v1`; and the service that proxies ask ([`icap()`]).
//!
//! Start with [`portal`] and [`admin`]: each gives the router of one listener, and [`serve`] puts it on a socket. [`routes`]
//! lists what there is and who may use it; `people` admits or refuses, `role` is the table of roles. Files
//! go from the request body straight into the store's spool and are converted by the same workers as mails; pages read
//! their state from the store.
//!
//! What this crate must never do: parse a file, show any byte of a file but pixels that a clean room wrote of it
//! ([`Previews`]), offer anything for download that a clean room has not written (the store's `Output` is the only type
//! that [`portal`] sends), write a token into a log, act on GET, or load anything from another origin.

#![forbid(unsafe_code)]

mod api;
mod assets;
mod clients;
mod compare;
mod console;
mod cookie;
mod disposition;
mod doors;
mod fault;
mod health;
mod hooks;
mod hygiene;
mod icap;
mod inspect;
mod language;
mod licences;
mod listen;
mod lockout;
mod metrics;
mod moment;
mod multipart;
mod outbound;
mod outlook;
mod page;
mod pager;
mod password;
mod people;
mod portal;
mod preview;
mod progress;
mod requests;
mod role;
mod secret;
mod sending;
mod shown;
mod site;
mod sites;
mod tenants;
mod texts;
mod unlock;
mod untold;
mod view;

pub use console::platform::{PlatformAdminError, add_platform_admin, remove_platform_admin, reset_platform_admin};
pub use console::{AdminState, InviteError, NoPasswords, admin, invite};
pub use doors::{Listener, Route, routes};
pub use health::{Condition, Readiness};
pub use hooks::{BadSecret, HookSecret, Webhook, Webhooks, watch as watch_for_hooks};
pub use icap::{IcapLimits, IcapState, Proxies, Scope, icap};
pub use inspect::{
    Change, Comparing, Effect, Examined, ExaminedState, Examiner, Examining, Forecast, Forecasting, Foreseen, Governor,
    Setting, SettingOrigin, SettingSection, TriedPart, Trying,
};
pub use licences::{Licensed, licences};
pub use listen::serve;
pub use lockout::Lockout;
pub use metrics::{DeliveryEnd, Metrics, RoomTotals, Source};
pub use outbound::{
    Answer, Answering, BadNetwork, BadTarget, Network, Outbound, OutboundError, Reach, Target, Trust, Unusable,
};
pub use outlook::{Certificate, Outlook, Seen};
pub use people::{
    BadSetting, BadToken, Credential, Directory, DirectoryError, DirectorySettings, Groups, PortalAccess, Provider,
    ProviderError, ProviderSettings, ProviderSites, Renewal, Sources, Tls, follow,
};
pub use portal::{PortalState, portal};
pub use preview::{Painter, Painting, Previews};
pub use progress::{Conversion, Conversions};
pub use requests::{Handover, Looking, RequestSettings};
pub use secret::NoRandomness;
pub use sending::Sending;
pub use site::{Site, UploadLimits};
pub use sites::Sites;
pub use tenants::{TenantFault, TenantState, Tenants, TenantsFuture};
pub use unlock::{UnlockFuture, Unlocker, Unlocking};

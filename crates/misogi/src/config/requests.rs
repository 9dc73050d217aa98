//! Requests for originals: how many approvals, how long, and whether an original may leave at all.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Requests for originals and their approvals.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Requests {
    /// Where an approved original is handed over: `off`, nowhere, or `admin`, on the console's listener.
    pub(crate) download: Download,
    /// How much of an original approvers see on the portal, as pixels, before they decide: `off`, `first_page` or `all`.
    pub(crate) preview: Preview,
    /// Approvals for what was rebuilt.
    pub(crate) quorum_rebuilt: u32,
    /// Approvals for what was withheld.
    pub(crate) quorum_withheld: u32,
    /// Approvals where the scanner found a virus; at least 2.
    pub(crate) quorum_virus: u32,
    /// After so many hours a request ends by itself.
    pub(crate) open_hours: u32,
    /// So many hours an approval is good for.
    pub(crate) grant_hours: u32,
    /// So often an approved original may be fetched.
    pub(crate) downloads: u32,
    /// So many hours an account must have been there, unchanged by the others of a request, before it decides; 0: at once.
    pub(crate) settled_hours: u32,
}

/// Where an approved original is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Download {
    Off,
    Admin,
}

/// How much of an original approvers see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Preview {
    Off,
    FirstPage,
    All,
}

impl Default for Requests {
    fn default() -> Self {
        Self {
            download: Download::Off,
            preview: Preview::Off,
            quorum_rebuilt: 2,
            quorum_withheld: 2,
            quorum_virus: 2,
            open_hours: 72,
            grant_hours: 24,
            downloads: 1,
            settled_hours: 72,
        }
    }
}

impl Requests {
    /// As the web takes it.
    pub(crate) fn settings(&self) -> web::RequestSettings {
        let hours = |count: u32| Duration::from_secs(3600).saturating_mul(count);
        web::RequestSettings {
            rules: store::RequestRules {
                quorum_rebuilt: self.quorum_rebuilt,
                quorum_withheld: self.quorum_withheld,
                quorum_virus: self.quorum_virus,
                open: hours(self.open_hours),
                grant: hours(self.grant_hours),
                downloads: self.downloads,
                settled: hours(self.settled_hours),
            },
            download: match self.download {
                Download::Off => web::Handover::Off,
                Download::Admin => web::Handover::Admin,
            },
            looking: match self.preview {
                Preview::Off => web::Looking::Off,
                Preview::FirstPage => web::Looking::FirstPage,
                Preview::All => web::Looking::All,
            },
        }
    }
}

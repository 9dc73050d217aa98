//! What an installation says of itself, and how much it takes at once.

/// Name, addresses and version as the pages show them.
#[derive(Debug, Clone)]
pub struct Site {
    /// Name of the organisation, such as `○○市`.
    pub name: String,
    /// Address under which staff reach the portal, such as `https://mugai.city.example.jp`. Its scheme decides whether
    /// cookies are `Secure`, its host is the only name answered to.
    pub portal_url: String,
    /// Address of the admin console.
    pub admin_url: String,
    /// Version of the product.
    pub version: String,
    /// Minutes that local time is ahead of UTC; Japan has 540.
    pub offset_minutes: i32,
}

/// How much one upload may bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadLimits {
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Bytes of all files of one request.
    pub total_bytes: u64,
    /// Files of one request; at most 200.
    pub files: usize,
    /// Requests that may be uploading at the same time; a further one is asked to come again.
    pub at_once: usize,
    /// Of them, requests of one client address (of IPv6: of one /64 network); a further one is told that it has too many. A proxy before the
    /// portal is one client.
    pub at_once_per_client: usize,
    /// Longest silence of a client in the middle of a request.
    pub silence: std::time::Duration,
    /// Longest time for a whole request.
    pub duration: std::time::Duration,
}

impl Default for UploadLimits {
    fn default() -> Self {
        Self {
            file_bytes: 50 * 1024 * 1024,
            total_bytes: 200 * 1024 * 1024,
            files: 20,
            at_once: 256,
            at_once_per_client: 8,
            silence: std::time::Duration::from_secs(30),
            duration: std::time::Duration::from_secs(30 * 60),
        }
    }
}

//! The certificate that STARTTLS presents.

use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls;
pub use tokio_rustls::rustls::ServerConfig;

/// Why a certificate cannot be presented.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate file is not PEM.
    #[error("reading the certificate")]
    Certificate(#[source] rustls_pki_types::pem::Error),
    /// The key file is not PEM.
    #[error("reading the key")]
    Key(#[source] rustls_pki_types::pem::Error),
    /// The file holds no certificate.
    #[error("there is no certificate in the file")]
    Empty,
    /// Certificate and key do not fit, or the key cannot be used.
    #[error("using certificate and key")]
    Unusable(#[source] rustls::Error),
}

/// TLS 1.2 and 1.3 with a certificate chain and its key, both PEM. Clients need no certificate.
///
/// # Errors
/// [`TlsError`] says which of the two files is at fault.
pub fn server_config(certificates: &[u8], key: &[u8]) -> Result<Arc<ServerConfig>, TlsError> {
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(certificates).collect::<Result<_, _>>().map_err(TlsError::Certificate)?;
    if chain.is_empty() {
        return Err(TlsError::Empty);
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(TlsError::Key)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(TlsError::Unusable)?;
    Ok(Arc::new(config))
}

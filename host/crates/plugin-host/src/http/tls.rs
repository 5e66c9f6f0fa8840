//! TLS: the certificates that the system trusts, read once.

use std::sync::Arc;

use rustls::client::WantsClientCert;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::sync::OnceCell;

/// Settings of TLS, made when they are first needed: reading the system's certificates takes a while, and a machine that
/// has none can still be used without TLS.
#[derive(Default)]
pub struct Tls(OnceCell<ClientConfig>);

impl Tls {
    /// Settings that trust these and no others.
    #[cfg(test)]
    pub fn trusting(roots: RootCertStore) -> Self {
        let config = builder().unwrap().with_root_certificates(roots).with_no_client_auth();
        Self(OnceCell::new_with(Some(config)))
    }

    /// Settings for connections with TLS.
    pub async fn secure(&self) -> Result<ClientConfig, String> {
        let made = self.0.get_or_try_init(|| async {
            let made = tokio::task::spawn_blocking(|| finished(builder()?.with_platform_verifier())).await;
            made.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
        });
        made.await.cloned()
    }

    /// Settings for connections without it. They trust nobody and are never asked.
    pub fn unused() -> Result<ClientConfig, String> {
        let made = builder().and_then(|builder| finished(Ok(builder.with_root_certificates(RootCertStore::empty()))));
        made.map_err(|error| error.to_string())
    }
}

fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()
}

fn finished(
    builder: Result<ConfigBuilder<ClientConfig, WantsClientCert>, rustls::Error>,
) -> Result<ClientConfig, rustls::Error> {
    Ok(builder?.with_no_client_auth())
}

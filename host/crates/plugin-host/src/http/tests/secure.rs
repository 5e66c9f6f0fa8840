//! TLS: who is trusted, and who is not. `certificates/make.sh` made the certificates.

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{RootCertStore, ServerConfig};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::server::{Server, ok, redirect};
use super::{Answer, FetchError, Fetcher, PATIENCE, Quota, Table, Tls, allow, get};

fn acceptor() -> TlsAcceptor {
    let chain = vec![CertificateDer::from(include_bytes!("certificates/server.der").to_vec())];
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(include_bytes!("certificates/server-key.der").to_vec()));
    let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let config =
        builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth().with_single_cert(chain, key);
    TlsAcceptor::from(Arc::new(config.unwrap()))
}

fn authority() -> Tls {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(include_bytes!("certificates/authority.der").to_vec())).unwrap();
    Tls::trusting(roots)
}

async fn fetch(tls: Tls, host: &'static str, port: u16, path: &str) -> Result<Answer, FetchError> {
    let table = Table::of(&[(host, &["127.0.0.2"])]);
    let allow = allow(&[&format!("{host}:{port}"), &format!("127.0.0.2:{port}")]);
    Fetcher::new(table, tls)
        .fetch(get(&format!("https://{host}:{port}{path}")), &allow, &Quota::default(), PATIENCE)
        .await
}

#[tokio::test]
async fn a_server_that_is_trusted_is_fetched_from() {
    let server = Server::run("127.0.0.2", Some(acceptor()), |_| ok("secure")).await;
    assert_eq!(fetch(authority(), "tls.example", server.port(), "/").await.unwrap().body, b"secure");
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_is_sent_nothing() {
    let server = Server::run("127.0.0.2", Some(acceptor()), |_| ok("secure")).await;
    let text =
        fetch(Tls::trusting(RootCertStore::empty()), "tls.example", server.port(), "/").await.unwrap_err().to_string();
    assert!(text.contains("its certificate is not trusted") && text.contains("SSL_CERT_FILE"), "{text}");
    // Of another name it is another's.
    let text = fetch(authority(), "other.example", server.port(), "/").await.unwrap_err().to_string();
    assert!(text.contains("its certificate is not trusted") && text.contains("other.example"), "{text}");
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_server_without_tls_is_told() {
    let listener = TcpListener::bind("127.0.0.2:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        stream.shutdown().await.unwrap();
    });
    let text = fetch(authority(), "tls.example", port, "/").await.unwrap_err().to_string();
    assert!(text.contains("could not be fetched: received corrupt message"), "{text}");
    server.await.unwrap();
}

#[tokio::test]
async fn a_redirect_out_of_tls_is_not_followed() {
    let open = Server::start("127.0.0.2", |_| ok("all can read this")).await;
    let there = open.url("/");
    let server = Server::run("127.0.0.2", Some(acceptor()), move |_| redirect("302 Found", &there)).await;
    let text = fetch(authority(), "tls.example", server.port(), "/").await.unwrap_err().to_string();
    assert!(text.contains("redirects from https to"), "{text}");
    assert!(open.seen().is_empty());
}

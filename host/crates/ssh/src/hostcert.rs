//! Whether a host certificate of an authority that is trusted is good for a machine: what PROTOCOL.certkeys of OpenSSH asks,
//! and what OpenSSH itself asks.

use corral_domain::Timestamp;
use russh::keys::ssh_key::certificate::CertType;
use russh::keys::{Algorithm, Certificate};

use crate::failure::quote_bytes;
use crate::known_hosts::glob_matches;

/// What is wrong with a certificate; `None` if nothing is. That its authority is trusted is the caller's to know.
pub(crate) fn problem(certificate: &Certificate, host: &str, now: Timestamp) -> Option<String> {
    if certificate.cert_type() != CertType::Host {
        return Some("it is one for people, not for machines".to_owned());
    }
    if matches!(certificate.signature().algorithm(), Algorithm::Rsa { hash: None } | Algorithm::Dsa) {
        return Some("its authority signed it with SHA-1, which is broken".to_owned());
    }
    if let Some(problem) = time_problem(certificate, now) {
        return Some(problem);
    }
    let principals = certificate.valid_principals();
    let host = host.to_ascii_lowercase();
    if !principals.iter().any(|name| glob_matches(name.to_ascii_lowercase().as_bytes(), host.as_bytes())) {
        let names = quote_bytes(principals.join(", ").as_bytes());
        let none = || "it names no machine".to_owned();
        return Some(if principals.is_empty() { none() } else { format!("it is for {names}, not for `{host}`") });
    }
    if let Some(option) = certificate.critical_options().keys().next() {
        return Some(format!(
            "it has the critical option `{}`, which is not understood",
            quote_bytes(option.as_bytes())
        ));
    }
    let authority = certificate.signature_key().fingerprint(russh::keys::HashAlg::Sha256);
    match certificate.validate_at(seconds(now), [&authority]) {
        Ok(()) => None,
        Err(_) => Some("its signature is not that of its authority".to_owned()),
    }
}

/// What is wrong with a certificate's time; `None` if nothing is.
pub(crate) fn time_problem(certificate: &Certificate, now: Timestamp) -> Option<String> {
    let now = seconds(now);
    if now < certificate.valid_after() {
        Some(format!("it is valid only from {} on", shown(certificate.valid_after())))
    } else if now >= certificate.valid_before() {
        Some(format!("it expired at {}", shown(certificate.valid_before())))
    } else {
        None
    }
}

fn seconds(now: Timestamp) -> u64 {
    u64::try_from(now.as_millis() / 1_000).unwrap_or(0)
}

fn shown(seconds: u64) -> String {
    let millis = i64::try_from(seconds).ok().and_then(|seconds| seconds.checked_mul(1_000)).unwrap_or(i64::MAX);
    let text = Timestamp::from_millis(millis).to_string();
    format!("{} UTC", text.get(..19).unwrap_or(&text).replace('T', " "))
}

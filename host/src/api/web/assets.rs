//! The dashboard's files, and the content policy that admits its inline script by hash and no other.

use std::borrow::Cow;
use std::fmt::Write;

use axum::body::Bytes;
use axum::http::HeaderValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

use crate::auth::HostNames;

#[derive(RustEmbed)]
#[folder = "../web/build"]
#[exclude = ".gitkeep"]
struct Files;

/// The dashboard's files.
pub struct Assets {
    policy: HeaderValue,
}

/// One file.
pub struct Asset {
    /// Its content.
    pub bytes: Bytes,
    /// Its media type.
    pub content_type: String,
    /// Strong tag of its content, in quotes.
    pub etag: String,
}

impl Assets {
    /// Those that were compiled in.
    pub fn embedded(names: &HostNames) -> Self {
        let index = Files::get("index.html").map(|file| String::from_utf8_lossy(&file.data).into_owned());
        let policy = policy(index.as_deref().unwrap_or(""), names);
        Self { policy: HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'")) }
    }

    /// A file by its path without a slash before it.
    pub fn get(path: &str) -> Option<Asset> {
        let file = Files::get(path)?;
        let bytes = match file.data {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => bytes.into(),
        };
        let mut etag = String::from("\"");
        for byte in &file.metadata.sha256_hash()[..16] {
            // Writing into a string cannot fail.
            let _infallible = write!(etag, "{byte:02x}");
        }
        etag.push('"');
        let guess = mime_guess::from_path(path).first_or_octet_stream();
        let text = guess.type_() == "text" || guess.subtype() == "javascript";
        let content_type = if text { format!("{guess}; charset=utf-8") } else { guess.to_string() };
        Some(Asset { bytes, content_type, etag })
    }

    /// `Content-Security-Policy`.
    pub fn policy(&self) -> &HeaderValue {
        &self.policy
    }
}

fn policy(index: &str, names: &HostNames) -> String {
    let mut scripts = String::from("'self'");
    for script in inline_scripts(index) {
        let hash = STANDARD.encode(Sha256::digest(script.as_bytes()));
        let _infallible = write!(scripts, " 'sha256-{hash}'");
    }
    // Some browsers do not count the socket of the same host as 'self'. An IPv6 address has no place in the grammar of
    // a policy; browsers complain about one and ignore it.
    let named = names.origins().iter().filter(|origin| !origin.contains('['));
    let sockets: Vec<_> = named.map(|origin| origin.replacen("http", "ws", 1)).collect();
    format!(
        "default-src 'self'; script-src {scripts}; style-src 'self'; \
         img-src 'self' data:; font-src 'self' data:; connect-src 'self' {}; object-src 'none'; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'none'",
        sockets.join(" ")
    )
}

/// Text of all script elements that have no `src`.
fn inline_scripts(html: &str) -> Vec<&str> {
    let mut scripts = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find("<script") {
        rest = &rest[start..];
        let (Some(open), Some(close)) = (rest.find('>'), rest.find("</script>")) else { break };
        if open < close && !rest[..open].contains(" src=") {
            scripts.push(&rest[open + 1..close]);
        }
        rest = &rest[close + "</script>".len()..];
    }
    scripts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_inline_scripts_are_admitted_by_hash() {
        let html = "<script src=\"/a.js\"></script><script>\n let x = 1;\n</script><script type=\"module\">y</script>";
        assert_eq!(inline_scripts(html), ["\n let x = 1;\n", "y"]);
        assert!(inline_scripts("<script").is_empty());
    }

    #[test]
    fn the_policy_has_no_inline_script_and_names_the_socket() {
        let names = HostNames::new("127.0.0.1:8080".parse().unwrap(), None, &[]);
        let policy = policy("<script>x</script>", &names);
        assert!(policy.contains("script-src 'self' 'sha256-"), "{policy}");
        assert!(!policy.contains("unsafe"), "neither for scripts nor for styles: {policy}");
        assert!(policy.contains("ws://127.0.0.1:8080"));
    }
}

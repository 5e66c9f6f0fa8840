//! Reads OpenSSH's `known_hosts`: hashed names, `[host]:port`, wildcards, negation, `@revoked`, `@cert-authority`.
//!
//! A key of `@cert-authority` speaks for the certificates that it signed and is nobody's plain key. A line that cannot be
//! read is passed over, as OpenSSH does. Nothing here decides whether to trust; see `hostkey`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use russh::keys::{HashAlg, PublicKey};

/// Largest file that is read.
const FILE_BYTES_MAX: u64 = 32 << 20;
const PORT_DEFAULT: u16 = 22;

/// What a line says of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marker {
    /// The key is the host's.
    Plain,
    /// The key must not be accepted.
    Revoked,
    /// Certificates of the host that this key signed may be accepted.
    Authority,
}

/// A line with a key.
#[derive(Debug, Clone)]
struct Line {
    marker: Marker,
    names: Names,
    key: PublicKey,
}

#[derive(Debug, Clone)]
enum Names {
    Patterns(Vec<Pattern>),
    Hashed { salt: Vec<u8>, hash: Vec<u8> },
}

#[derive(Debug, Clone)]
struct Pattern {
    negated: bool,
    glob: String,
}

/// The lines of one or several files.
#[derive(Debug, Clone, Default)]
pub struct KnownHosts {
    lines: Vec<Line>,
}

/// The SHA256 fingerprint of a key as OpenSSH writes it.
pub fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

impl KnownHosts {
    /// Reads the text of a file.
    pub fn parse(text: &str) -> Self {
        Self { lines: text.lines().filter_map(parse_line).collect() }
    }

    /// Keys on record for a host, as `[host]:port` where the port is not 22; revoked ones are not among them.
    pub fn keys(&self, host: &str, port: u16) -> Vec<PublicKey> {
        self.find(host, port, Marker::Plain)
    }

    /// Keys that must not be accepted of a host.
    pub fn revoked(&self, host: &str, port: u16) -> Vec<PublicKey> {
        self.find(host, port, Marker::Revoked)
    }

    /// Keys whose certificates may be accepted of a host.
    pub fn authorities(&self, host: &str, port: u16) -> Vec<PublicKey> {
        self.find(host, port, Marker::Authority)
    }

    fn find(&self, host: &str, port: u16, marker: Marker) -> Vec<PublicKey> {
        let name = lookup_name(host, port);
        let lines = self.lines.iter().filter(|line| line.marker == marker && line.names.include(&name));
        lines.map(|line| line.key.clone()).collect()
    }
}

/// The name under which a host is on record.
pub(crate) fn lookup_name(host: &str, port: u16) -> String {
    let host = host.to_ascii_lowercase();
    if port == PORT_DEFAULT { host } else { format!("[{host}]:{port}") }
}

fn parse_line(line: &str) -> Option<Line> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let mut fields = line.split_ascii_whitespace();
    let mut first = fields.next()?;
    let mut marker = Marker::Plain;
    if first.starts_with('@') {
        marker = match first {
            "@revoked" => Marker::Revoked,
            "@cert-authority" => Marker::Authority,
            _ => return None,
        };
        first = fields.next()?;
    }
    let names = parse_names(first)?;
    let (kind, blob) = (fields.next()?, fields.next()?);
    let key = PublicKey::from_openssh(&format!("{kind} {blob}")).ok()?;
    Some(Line { marker, names, key })
}

fn parse_names(field: &str) -> Option<Names> {
    if let Some(hashed) = field.strip_prefix("|1|") {
        let (salt, hash) = hashed.split_once('|')?;
        return Some(Names::Hashed { salt: STANDARD.decode(salt).ok()?, hash: STANDARD.decode(hash).ok()? });
    }
    let patterns = field.split(',').filter(|name| !name.is_empty()).map(|name| match name.strip_prefix('!') {
        Some(glob) => Pattern { negated: true, glob: glob.to_ascii_lowercase() },
        None => Pattern { negated: false, glob: name.to_ascii_lowercase() },
    });
    Some(Names::Patterns(patterns.collect()))
}

impl Names {
    /// Whether the line is about a name. One negated pattern that matches excludes it, whatever else matches.
    fn include(&self, name: &str) -> bool {
        match self {
            Self::Patterns(patterns) => {
                let matches = |pattern: &&Pattern| glob_matches(pattern.glob.as_bytes(), name.as_bytes());
                !patterns.iter().filter(|pattern| pattern.negated).any(|pattern| matches(&pattern))
                    && patterns.iter().filter(|pattern| !pattern.negated).any(|pattern| matches(&pattern))
            }
            Self::Hashed { salt, hash } => {
                let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, salt);
                hmac::verify(&key, name.as_bytes(), hash).is_ok()
            }
        }
    }
}

/// `*` stands for any run of characters, `?` for one. Linear in the product of both lengths at worst.
pub(crate) fn glob_matches(glob: &[u8], text: &[u8]) -> bool {
    let (mut g, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match glob.get(g) {
            Some(b'*') => {
                star = Some((g, t));
                g += 1;
            }
            Some(&c) if c == b'?' || c == text[t] => {
                g += 1;
                t += 1;
            }
            _ => match star {
                Some((star_at, taken)) => {
                    star = Some((star_at, taken + 1));
                    g = star_at + 1;
                    t = taken + 1;
                }
                None => return false,
            },
        }
    }
    glob[g..].iter().all(|c| *c == b'*')
}

/// Files that were read, kept until they change.
#[derive(Default)]
pub(crate) struct KnownHostsCache {
    files: Mutex<HashMap<PathBuf, (Stamp, Arc<KnownHosts>)>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
}

impl KnownHostsCache {
    /// The content of each file that exists and can be read. Blocks on the disk.
    pub(crate) fn read(&self, paths: &[PathBuf]) -> Vec<Arc<KnownHosts>> {
        paths.iter().filter_map(|path| self.read_one(path)).collect()
    }

    fn read_one(&self, path: &Path) -> Option<Arc<KnownHosts>> {
        let meta = std::fs::metadata(path).ok()?;
        if meta.len() > FILE_BYTES_MAX {
            tracing::warn!(path = %path.display(), bytes = meta.len(), "known_hosts is too large and is not read");
            return None;
        }
        let stamp = Stamp { modified: meta.modified().ok(), bytes: meta.len() };
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = files.get(path).filter(|(at, _)| *at == stamp) {
            return Some(Arc::clone(known));
        }
        drop(files);
        let bytes = std::fs::read(path)
            .inspect_err(|error| tracing::warn!(path = %path.display(), %error, "known_hosts cannot be read"))
            .ok()?;
        let known = Arc::new(KnownHosts::parse(&String::from_utf8_lossy(&bytes)));
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.insert(path.to_owned(), (stamp, Arc::clone(&known)));
        Some(known)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

    fn knows(names: &str, host: &str, port: u16) -> bool {
        !KnownHosts::parse(&format!("{names} {KEY} comment here")).keys(host, port).is_empty()
    }

    #[test]
    fn names_ports_wildcards_and_negation_are_as_in_openssh() {
        assert!(knows("web-1,10.0.0.1", "10.0.0.1", 22));
        assert!(knows("WEB-1", "web-1", 22) && knows("web-1", "WEB-1", 22));
        assert!(!knows("web-1", "web-1", 2222) && knows("[web-1]:2222", "web-1", 2222));
        assert!(knows("*.example,!bad.example", "web.example", 22));
        assert!(!knows("*.example,!bad.example", "bad.example", 22));
        assert!(knows("web-?", "web-1", 22) && !knows("web-?", "web-10", 22));
        assert!(!knows("!web-1", "web-2", 22));
    }

    #[test]
    fn each_marker_is_apart_and_an_authority_is_nobodys_plain_key() {
        let known = KnownHosts::parse(&format!("@revoked * {KEY}\n@cert-authority *.example {KEY}\n@other * {KEY}\n"));
        assert!(known.keys("web-1.example", 22).is_empty());
        assert_eq!(known.revoked("web-1", 22).len(), 1);
        assert_eq!(known.authorities("web-1.example", 22).len(), 1);
        assert!(known.authorities("web-1", 22).is_empty());
    }

    #[test]
    fn a_glob_made_to_be_slow_is_not() {
        assert!(!glob_matches("*a".repeat(2000).as_bytes(), "a".repeat(1999).as_bytes()));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_fail(text in "(.{0,80}\n){0,10}") {
            KnownHosts::parse(&text).keys("host", 22);
        }

        #[test]
        fn a_glob_matches_as_its_definition_says(glob in "[ab*?]{0,8}", text in "[ab]{0,8}") {
            fn slow(glob: &[u8], text: &[u8]) -> bool {
                match (glob.split_first(), text.split_first()) {
                    (None, None) => true,
                    (Some((b'*', rest)), _) => slow(rest, text) || (!text.is_empty() && slow(glob, &text[1..])),
                    (Some((g, glob)), Some((t, text))) => (*g == b'?' || g == t) && slow(glob, text),
                    _ => false,
                }
            }
            prop_assert_eq!(glob_matches(glob.as_bytes(), text.as_bytes()), slow(glob.as_bytes(), text.as_bytes()));
        }
    }
}

//! URLs that a plugin may ask for, and the host that each leads to, in one form for comparing: names in lower case, without
//! a dot at the end, in ASCII (IDNA); addresses as addresses, however they were written.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use reqwest::Url;

use super::URL_MAX;
use super::error::FetchError;

/// Whom a URL leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// A name of the DNS.
    Name(String),
    /// An address.
    Address(IpAddr),
}

impl Host {
    /// Reads a host as it may stand in a URL.
    pub fn parse(text: &str) -> Option<Self> {
        let odd = |c: char| c.is_control() || c.is_whitespace() || "/\\?#@%".contains(c);
        if text.is_empty() || text.contains(odd) {
            return None;
        }
        let url = Url::parse(&format!("http://{text}/")).ok()?;
        // Without its brackets an IPv6 address is read as a name with a port.
        if url.port().is_some() { None } else { Self::of(&url) }
    }

    fn of(url: &Url) -> Option<Self> {
        let text = url.host_str()?;
        if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            return Some(Self::Address(IpAddr::V6(inner.parse::<Ipv6Addr>().ok()?).to_canonical()));
        }
        if let Ok(address) = text.parse() {
            return Some(Self::Address(address));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        let plain = |label: &str| {
            !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        name.split('.').all(plain).then(|| Self::Name(name.to_ascii_lowercase()))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The URL, without a fragment, its host in the form for comparing.
    pub url: Url,
    /// Its host.
    pub host: Host,
    /// Its port.
    pub port: u16,
}

impl Target {
    /// Reads a URL.
    pub fn parse(text: &str) -> Result<Self, FetchError> {
        if text.len() > URL_MAX {
            return Err(FetchError::Url(format!("a URL has at most {URL_MAX} bytes; this one has {}", text.len())));
        }
        if text.chars().any(|c| c.is_control() || c == ' ') {
            return Err(FetchError::Url(
                "a URL has no blanks and no control characters; write them as %20 and so on".into(),
            ));
        }
        let url = Url::parse(text).map_err(|error| {
            FetchError::Url(format!(
                "`{}` is not a URL: {error}; it looks like https://inventory.example.com/machines",
                cut(text)
            ))
        })?;
        Self::of(url)
    }

    /// Where another reference, relative or not, leads from here.
    pub fn join(&self, reference: &str) -> Result<Self, FetchError> {
        if reference.len() > URL_MAX {
            return Err(FetchError::Url(format!(
                "a URL has at most {URL_MAX} bytes; this one has {}",
                reference.len()
            )));
        }
        let url = self.url.join(reference);
        Self::of(url.map_err(|error| FetchError::Url(format!("`{}` is not a URL: {error}", cut(reference))))?)
    }

    fn of(mut url: Url) -> Result<Self, FetchError> {
        let wrong = |problem: &str| Err(FetchError::Url(problem.to_owned()));
        if !matches!(url.scheme(), "http" | "https") {
            return wrong(&format!("only http:// and https:// can be fetched, not {}:", url.scheme()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return wrong("a name or a password does not belong into a URL; send the header `Authorization`");
        }
        let Some(host) = Host::of(&url) else {
            return wrong(&format!("`{}` is not the name of a host", url.host_str().unwrap_or_default()));
        };
        let Some(port) = url.port_or_known_default().filter(|port| *port != 0) else {
            return wrong("nobody listens on port 0");
        };
        url.set_fragment(None);
        url.set_host(Some(&host.to_string())).map_err(|error| FetchError::Url(error.to_string()))?;
        Ok(Self { url, host, port })
    }

    /// Whether the port is the usual one of the scheme.
    pub fn usual_port(&self) -> bool {
        self.url.port().is_none()
    }

    /// Whether another is of the same origin: scheme, host and port.
    pub fn same_origin(&self, other: &Self) -> bool {
        self.url.origin() == other.url.origin()
    }

    /// The grant that would admit it.
    pub fn grant(&self) -> String {
        if self.usual_port() { format!("http:{}", self.host) } else { format!("http:{}:{}", self.host, self.port) }
    }

    /// As it may be shown and logged: what is asked for can be a secret.
    pub fn shown(&self) -> String {
        let mut url = self.url.clone();
        url.set_query(None);
        cut(url.as_str())
    }
}

/// Longest part of a URL that is shown, in characters.
const SHOWN_MAX: usize = 200;

fn cut(text: &str) -> String {
    text.chars().take(SHOWN_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_host_has_one_form() {
        for (url, host, port) in [
            ("http://Example.COM/", "example.com", 80),
            ("https://example.com./x?y#z", "example.com", 443),
            ("https://bücher.example:8443/", "xn--bcher-kva.example", 8443),
            ("http://2130706433/", "127.0.0.1", 80),
            ("http://0x7f.1/", "127.0.0.1", 80),
            ("http://127.1:8080", "127.0.0.1", 8080),
            ("http://[::FFFF:7f00:1]/", "127.0.0.1", 80),
            ("http://[0:0::1]:99/", "[::1]", 99),
            ("http://good.example\\@evil.example/", "good.example", 80),
            ("http://ⓔxample.com/", "example.com", 80),
            ("HTTPS://example.com:443/", "example.com", 443),
        ] {
            let target = Target::parse(url).unwrap();
            assert_eq!((target.host.to_string().as_str(), target.port), (host, port), "{url}");
            assert_eq!(target.url.host_str(), Some(host), "{url}");
        }
        assert!(Target::parse("https://example.com:443/").unwrap().usual_port());
        assert_eq!(Target::parse("https://example.com:80/").unwrap().grant(), "http:example.com:80");
    }

    #[test]
    fn what_is_no_url_for_a_plugin_is_refused_with_what_to_do() {
        for (url, why) in [
            ("", "is not a URL"),
            ("example.com/x", "is not a URL"),
            ("/x", "is not a URL"),
            ("ftp://example.com/", "only http:// and https://"),
            ("file:///etc/passwd", "only http:// and https://"),
            ("http://user@example.com/", "`Authorization`"),
            ("http://:secret@example.com/", "`Authorization`"),
            ("http://good.example@evil.example/", "`Authorization`"),
            ("http://exa mple.com/", "no blanks"),
            ("http://example.com/\r\nHost: evil", "no blanks"),
            ("http://a..b/", "is not the name of a host"),
            ("http://example.com../", "is not the name of a host"),
            ("http://exa$mple.com/", "is not the name of a host"),
            ("http://example.com:0/", "port 0"),
            ("http://1.2.3.4.5/", "is not a URL"),
            ("http://[fe80::1%25eth0]/", "is not a URL"),
        ] {
            let problem = Target::parse(url).map(|target| target.url).unwrap_err().to_string();
            assert!(problem.contains(why), "{url}: {problem}");
        }
        assert!(Target::parse(&format!("http://a/{}", "x".repeat(URL_MAX))).is_err());
    }

    #[test]
    fn what_is_shown_has_no_query() {
        assert_eq!(Target::parse("https://h.example/a?token=1#f").unwrap().shown(), "https://h.example/a");
    }
}

//! Hosts that were granted: `http:HOST`, `http:HOST:PORT`, `http:*.SUFFIX`.
//!
//! Without a port a grant is for the usual port of the URL's scheme: 80 for http, 443 for https. Whoever runs something else on
//! the same machine did not mean it.

use std::net::IpAddr;

use super::address::{Reach, reach};
use super::target::{Host, Target};

/// One grant: a host, and a port if it says one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern {
    host: Named,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Named {
    /// This host.
    Host(Host),
    /// Every name below this one, however many labels; not itself.
    Below(String),
}

/// How a grant came to admit a host: the more literally, the further it reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Admission {
    /// By a `*`: reaches the public internet.
    Wildcard,
    /// Its name was given: reaches the networks of the host, too.
    Name,
    /// Its address was given: reaches that, whatever it is.
    Address,
}

impl Admission {
    /// Whether a host that was admitted so may be at an address.
    pub fn reaches(self, address: IpAddr) -> bool {
        match reach(address) {
            Reach::Public => true,
            Reach::Inside(_) => self >= Self::Name,
            Reach::Special(_) => self == Self::Address,
        }
    }
}

impl HostPattern {
    /// Reads what stands after `http:` in a grant.
    pub fn parse(text: &str) -> Result<Self, String> {
        let shown: String = text.chars().take(80).collect();
        let wrong = |why: &str| {
            format!(
                "`{shown}` {why}; write a host as in `inventory.example.com`, `*.example.com`, `10.0.0.5:8080` or `[::1]:8080`"
            )
        };
        let (host, port) = split_port(text).ok_or_else(|| wrong("has a port that is none"))?;
        let host = match host.strip_prefix("*.") {
            Some(suffix) => Named::Below(suffix_of(suffix).ok_or_else(|| wrong("is too wide or no name"))?),
            None if host.contains('*') => return Err(wrong("has a `*` that is not its whole first label")),
            None => Named::Host(Host::parse(&host).ok_or_else(|| wrong("is no host"))?),
        };
        Ok(Self { host, port })
    }

    fn admits(&self, target: &Target) -> Option<Admission> {
        let port = self.port.map_or_else(|| target.usual_port(), |port| port == target.port);
        let how = match (&self.host, &target.host) {
            (Named::Host(granted @ Host::Name(_)), asked) if granted == asked => Admission::Name,
            (Named::Host(granted), asked) if granted == asked => Admission::Address,
            (Named::Below(suffix), Host::Name(name)) if is_below(name, suffix) => Admission::Wildcard,
            _ => return None,
        };
        port.then_some(how)
    }
}

fn is_below(name: &str, suffix: &str) -> bool {
    name.strip_suffix(suffix).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
}

/// The suffix of a `*`: a name of at least two labels. One label would be half the internet.
fn suffix_of(text: &str) -> Option<String> {
    match Host::parse(&format!("x.{text}"))? {
        Host::Name(name) => name.strip_prefix("x.").filter(|suffix| suffix.contains('.')).map(str::to_owned),
        Host::Address(_) => None,
    }
}

/// A host and its port. An IPv6 address without a port may stand without brackets.
fn split_port(text: &str) -> Option<(String, Option<u16>)> {
    if text.parse::<std::net::Ipv6Addr>().is_ok() {
        return Some((format!("[{text}]"), None));
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let port = match port {
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(digits.parse().ok().filter(|port| *port != 0)?)
        }
        Some(_) => return None,
        None => None,
    };
    Some((host.to_owned(), port))
}

/// All hosts that a plugin may reach.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowList(Vec<HostPattern>);

impl AllowList {
    /// A list of these.
    pub fn new(patterns: impl IntoIterator<Item = HostPattern>) -> Self {
        Self(patterns.into_iter().collect())
    }

    /// How a target is admitted, if it is: by the grant that names it most literally.
    pub fn admits(&self, target: &Target) -> Option<Admission> {
        self.0.iter().filter_map(|pattern| pattern.admits(target)).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(grant: &str, url: &str) -> Option<Admission> {
        AllowList::new([HostPattern::parse(grant).unwrap()]).admits(&Target::parse(url).unwrap())
    }

    #[test]
    fn a_grant_admits_its_host_and_no_other() {
        use Admission::{Address, Name, Wildcard};
        for (grant, url, how) in [
            ("example.com", "https://example.com/", Some(Name)),
            ("Example.COM.", "http://EXAMPLE.com./", Some(Name)),
            ("example.com", "https://example.com:443/", Some(Name)),
            ("example.com", "https://example.com:80/", None),
            ("example.com", "https://example.com:8443/", None),
            ("example.com:8443", "https://example.com:8443/", Some(Name)),
            ("example.com:8443", "https://example.com/", None),
            ("example.com:80", "http://example.com/", Some(Name)),
            ("example.com:443", "http://example.com/", None),
            ("example.com", "https://www.example.com/", None),
            ("example.com", "https://notexample.com/", None),
            ("example.com", "https://example.com.evil.example/", None),
            ("*.example.com", "https://a.example.com/", Some(Wildcard)),
            ("*.example.com", "https://a.b.EXAMPLE.com/", Some(Wildcard)),
            ("*.example.com", "https://example.com/", None),
            ("*.example.com", "https://evilexample.com/", None),
            ("*.example.com", "https://a.example.com.evil.example/", None),
            ("*.example.com:99", "https://a.example.com:99/", Some(Wildcard)),
            ("*.bücher.example", "https://a.xn--bcher-kva.example/", Some(Wildcard)),
            ("bücher.example", "https://BÜCHER.example/", Some(Name)),
            ("10.0.0.5:8080", "http://10.0.0.5:8080/", Some(Address)),
            ("10.0.0.5", "http://10.0.0.50/", None),
            ("127.0.0.1", "http://0x7f000001/", Some(Address)),
            ("127.0.0.1", "http://[::ffff:127.0.0.1]/", Some(Address)),
            ("127.0.0.1", "http://localhost/", None),
            ("localhost", "http://127.0.0.1/", None),
            ("[::1]:8080", "http://[0:0::1]:8080/", Some(Address)),
            ("::1", "http://[::1]/", Some(Address)),
        ] {
            assert_eq!(admits(grant, url), how, "{grant} for {url}");
        }
    }

    #[test]
    fn what_is_no_host_says_what_would_be() {
        for text in [
            "",
            "*",
            "*.",
            "*.com",
            "*.com.",
            "a.*.com",
            "*a.example.com",
            "**.example.com",
            "*.0.0.1",
            "*.[::1]",
            "http://a",
            "a/b",
            "a@b",
            "a:b",
            "a:",
            "a:0",
            "a:70000",
            "a:+80",
            "[::1",
            "::1]:80",
            "a b",
            "a%2eb",
            "a\nb",
            "a..b",
            "1.2.3.4.5",
            "é..x",
        ] {
            let problem = HostPattern::parse(text).unwrap_err();
            assert!(problem.contains("write a host as in `inventory.example.com`"), "{text}: {problem}");
        }
    }

    #[test]
    fn the_more_literally_a_host_is_named_the_further_it_reaches() {
        let all = [Admission::Wildcard, Admission::Name, Admission::Address];
        for (address, wanted) in [
            ("1.1.1.1", [true, true, true]),
            ("10.0.0.1", [false, true, true]),
            ("127.0.0.1", [false, true, true]),
            ("::ffff:127.0.0.1", [false, true, true]),
            ("fd00::1", [false, true, true]),
            ("169.254.169.254", [false, false, true]),
            ("0.0.0.0", [false, false, true]),
            ("224.0.0.1", [false, false, true]),
        ] {
            assert_eq!(all.map(|how| how.reaches(address.parse().unwrap())), wanted, "{address}");
        }
    }

    #[test]
    fn the_most_literal_of_several_grants_counts() {
        let list = ["*.example.com", "a.example.com"].map(|text| HostPattern::parse(text).unwrap());
        let target = Target::parse("http://a.example.com/").unwrap();
        assert_eq!(AllowList::new(list).admits(&target), Some(Admission::Name));
        assert_eq!(AllowList::default().admits(&target), None);
    }
}

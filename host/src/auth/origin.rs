//! The host's own names: against pages of other sites that use a visitor's browser (CSRF, cross-site WebSockets) and
//! against names of others that resolve to this host (DNS rebinding).

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, header};

/// A request that does not come from the host's own pages.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForeignRequest {
    /// The Origin is another one.
    #[error(
        "requests from pages of {0} are not accepted; if that is this host's own address, start it with --public-url {0}"
    )]
    Origin(String),
    /// A cookie came along and nothing says from where.
    #[error(
        "a request with a session cookie needs an Origin header; programs use `Authorization: Bearer` instead of the cookie"
    )]
    NoOrigin,
    /// The browser says that another site caused it.
    #[error("the browser says that another site caused this request")]
    CrossSite,
    /// The Host is none of ours.
    #[error("this host is not reached as `{0}`; if it should be, start it with --public-url")]
    Host(String),
}

/// Names and origins under which the host is reached.
#[derive(Debug, Clone)]
pub struct HostNames {
    /// `host:port` as in a Host header, lower-case.
    hosts: Vec<String>,
    /// Listening on all addresses: any literal address with this port is this machine. A literal cannot be rebound.
    any_address: Option<u16>,
    origins: Vec<String>,
}

impl HostNames {
    /// From where the host listens and what the operator says.
    pub fn new(listen: SocketAddr, public_url: Option<&str>, allowed_origins: &[String]) -> Self {
        let port = listen.port();
        let mut hosts = vec![listen.to_string(), format!("localhost:{port}")];
        if listen.ip().is_loopback() {
            hosts.extend([format!("127.0.0.1:{port}"), format!("[::1]:{port}")]);
        }
        if port == 80 {
            let without: Vec<_> = hosts.iter().map(|host| host.trim_end_matches(":80").to_owned()).collect();
            hosts.extend(without);
        }
        let mut origins: Vec<_> = hosts.iter().map(|host| format!("http://{host}")).collect();
        if let Some((origin, host)) = public_url.and_then(origin_and_host) {
            hosts.push(host);
            origins.push(origin);
        }
        origins.extend(allowed_origins.iter().filter_map(|origin| origin_and_host(origin)).map(|(origin, _)| origin));
        let any_address = listen.ip().is_unspecified().then_some(port);
        Self { hosts, any_address, origins }
    }

    /// All origins of the host's own pages that are known beforehand.
    pub fn origins(&self) -> &[String] {
        &self.origins
    }

    /// Refuses a Host header that is none of ours.
    pub fn check_host(&self, host: &str) -> Result<(), ForeignRequest> {
        let host = host.to_ascii_lowercase();
        let literal = self.any_address.is_some_and(|port| is_literal(&host, port));
        if literal || self.hosts.contains(&host) {
            Ok(())
        } else {
            Err(ForeignRequest::Host(host.chars().take(100).collect()))
        }
    }

    /// Refuses what a page of another site made the browser send. `with_cookie`: it could, so silence is refused too.
    pub fn check_origin(&self, headers: &HeaderMap, with_cookie: bool) -> Result<(), ForeignRequest> {
        let site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
        if let Some(origin) = headers.get(header::ORIGIN) {
            let origin = origin.to_str().unwrap_or("?").to_ascii_lowercase();
            return if self.is_own(&origin) {
                Ok(())
            } else {
                Err(ForeignRequest::Origin(origin.chars().take(100).collect()))
            };
        }
        match site {
            Some("same-origin") => Ok(()),
            Some("none") | None if !with_cookie => Ok(()),
            Some("none") | None => Err(ForeignRequest::NoOrigin),
            Some(_) => Err(ForeignRequest::CrossSite),
        }
    }

    fn is_own(&self, origin: &str) -> bool {
        let literal =
            self.any_address.zip(origin.strip_prefix("http://")).is_some_and(|(port, host)| is_literal(host, port));
        literal || self.origins.iter().any(|own| own == origin)
    }
}

fn is_literal(host: &str, port: u16) -> bool {
    match host.parse::<SocketAddr>() {
        Ok(address) => address.port() == port,
        Err(_) => port == 80 && host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok(),
    }
}

/// `https://x:8443/path` → (`https://x:8443`, `x:8443`).
fn origin_and_host(url: &str) -> Option<(String, String)> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split('/').next().filter(|host| !host.is_empty())?.to_ascii_lowercase();
    let scheme = scheme.to_ascii_lowercase();
    let usual = if scheme == "https" { ":443" } else { ":80" };
    let host = host.strip_suffix(usual).unwrap_or(&host).to_owned();
    Some((format!("{scheme}://{host}"), host))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn names() -> HostNames {
        HostNames::new("127.0.0.1:8080".parse().unwrap(), Some("https://Corral.example.org/"), &[])
    }

    fn headers(origin: Option<&'static str>, site: Option<&'static str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
        }
        if let Some(site) = site {
            headers.insert("sec-fetch-site", HeaderValue::from_static(site));
        }
        headers
    }

    #[test]
    fn own_pages_are_accepted_and_others_are_not() {
        let names = names();
        for own in ["http://127.0.0.1:8080", "http://localhost:8080", "https://corral.example.org"] {
            assert_eq!(names.check_origin(&headers(Some(own), None), true), Ok(()), "{own}");
        }
        for foreign in
            ["null", "http://127.0.0.1:8081", "http://corral.example.org", "https://corral.example.org.evil.org"]
        {
            assert!(names.check_origin(&headers(Some(foreign), Some("same-origin")), true).is_err(), "{foreign}");
        }
    }

    #[test]
    fn silence_beside_a_cookie_is_refused_unless_the_browser_vouches() {
        let names = names();
        assert_eq!(names.check_origin(&headers(None, None), true), Err(ForeignRequest::NoOrigin));
        assert_eq!(names.check_origin(&headers(None, Some("none")), true), Err(ForeignRequest::NoOrigin));
        assert_eq!(names.check_origin(&headers(None, Some("same-origin")), true), Ok(()));
        assert_eq!(names.check_origin(&headers(None, Some("cross-site")), false), Err(ForeignRequest::CrossSite));
        assert_eq!(names.check_origin(&headers(None, None), false), Ok(()));
    }

    #[test]
    fn names_of_others_that_resolve_here_are_refused() {
        let names = names();
        assert_eq!(names.check_host("localhost:8080"), Ok(()));
        assert_eq!(names.check_host("CORRAL.example.org"), Ok(()));
        assert!(names.check_host("evil.example.org:8080").is_err());
        let open = HostNames::new("0.0.0.0:8080".parse().unwrap(), None, &[]);
        assert_eq!(open.check_host("192.0.2.7:8080"), Ok(()));
        assert!(open.check_host("evil.example.org:8080").is_err());
        assert_eq!(open.check_origin(&headers(Some("http://192.0.2.7:8080"), None), true), Ok(()));
    }
}

//! What a plugin sends: checked before anything leaves the host.

use reqwest::Method;
use reqwest::header::{CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue};

use super::error::FetchError;
use super::target::Target;
use super::{REQUEST_BODY_MAX, REQUEST_HEADER_BYTES_MAX, REQUEST_HEADERS_MAX};
use crate::units::show_size;

/// Headers that are between two neighbours, and no business of a plugin.
const BETWEEN_NEIGHBOURS: [&str; 11] = [
    "connection",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "proxy-authentication-info",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A request that may be sent, if its target is admitted.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// How.
    pub method: Method,
    /// Where.
    pub target: Target,
    /// Headers, all but those that follow from the rest.
    pub headers: HeaderMap,
    /// The body.
    pub body: Option<Vec<u8>>,
}

impl Outgoing {
    /// Checks a request.
    pub fn new(
        method: &str,
        url: &str,
        headers: &[(String, String)],
        body: Option<Vec<u8>>,
    ) -> Result<Self, FetchError> {
        let method = method_of(method)?;
        let target = Target::parse(url)?;
        let headers = headers_of(headers)?;
        if let Some(size) = body.as_ref().map(Vec::len).filter(|size| *size > REQUEST_BODY_MAX) {
            let most = show_size(REQUEST_BODY_MAX as u64);
            return refused(format!("the body has {size} bytes; at most {most} are sent"));
        }
        Ok(Self { method, target, headers, body })
    }
}

/// Whether a header is for the neighbour only and ends there.
pub fn is_between_neighbours(name: &HeaderName) -> bool {
    BETWEEN_NEIGHBOURS.contains(&name.as_str())
}

fn refused<T>(problem: String) -> Result<T, FetchError> {
    Err(FetchError::Request(problem))
}

fn method_of(text: &str) -> Result<Method, FetchError> {
    match Method::from_bytes(text.as_bytes()) {
        Ok(method) if !matches!(method, Method::CONNECT | Method::TRACE) => Ok(method),
        _ => {
            let text: String = text.chars().take(20).filter(|c| !c.is_control()).collect();
            refused(format!("`{text}` is no method that is sent; use GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS"))
        }
    }
}

fn headers_of(given: &[(String, String)]) -> Result<HeaderMap, FetchError> {
    if given.len() > REQUEST_HEADERS_MAX {
        return refused(format!("there are {} headers; at most {REQUEST_HEADERS_MAX} are sent", given.len()));
    }
    let size: usize = given.iter().map(|(name, value)| name.len() + value.len()).sum();
    if size > REQUEST_HEADER_BYTES_MAX {
        let most = show_size(REQUEST_HEADER_BYTES_MAX as u64);
        return refused(format!("the headers have {size} bytes; at most {most} are sent"));
    }
    let mut headers = HeaderMap::with_capacity(given.len());
    for (name, value) in given {
        let shown: String = name.chars().take(80).filter(|c| !c.is_control()).collect();
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
            return refused(format!("`{shown}` is not the name of a header"));
        };
        if is_between_neighbours(&name) || [HOST, CONTENT_LENGTH, EXPECT].contains(&name) {
            return refused(format!("the header `{name}` is the host's to send; leave it out"));
        }
        // Says nothing of the value: it can be a token.
        let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) else {
            return refused(format!("the value of the header `{name}` has a line break or another control character"));
        };
        headers.append(name, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(method: &str, headers: &[(&str, &str)], body: Option<Vec<u8>>) -> String {
        let headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Outgoing::new(method, "http://a.example/", &headers, body).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn what_would_change_the_connection_or_break_out_of_its_line_is_refused() {
        for name in [
            "Host",
            "content-length",
            "Transfer-Encoding",
            "CONNECTION",
            "te",
            "Upgrade",
            "Proxy-Authorization",
            "expect",
        ] {
            assert!(problem("GET", &[(name, "x")], None).contains("the host's to send"), "{name}");
        }
        for value in ["a\r\nX: y", "a\ny", "a\0", "\x7f"] {
            let problem = problem("GET", &[("x-token", value)], None);
            assert!(problem.contains("`x-token` has a line break") && !problem.contains('y'), "{problem}");
        }
        for name in ["", "a b", "a:b", "a\r\nb", "é"] {
            assert!(problem("GET", &[(name, "x")], None).contains("is not the name of a header"), "{name}");
        }
        for method in ["", "CONNECT", "TRACE", "GET / HTTP/1.1\r\nX: y\r\n", "G T"] {
            assert!(problem(method, &[], None).contains("is no method that is sent"), "{method}");
        }
    }

    #[test]
    fn a_request_is_bounded() {
        let many: Vec<_> = (0..=REQUEST_HEADERS_MAX).map(|_| ("a", "b")).collect();
        assert!(problem("GET", &many, None).contains("65 headers"));
        assert!(problem("GET", &[("a", &"x".repeat(REQUEST_HEADER_BYTES_MAX))], None).contains("at most 16 KiB"));
        assert!(problem("POST", &[], Some(vec![0; REQUEST_BODY_MAX + 1])).contains("at most 1 MiB"));
        let whole = [("a".to_owned(), "1".to_owned()), ("A".to_owned(), "ü".to_owned())];
        let good = Outgoing::new("PATCH", "http://a.example/", &whole, Some(vec![0; REQUEST_BODY_MAX])).unwrap();
        assert_eq!(good.headers.get_all("a").iter().count(), 2);
    }
}

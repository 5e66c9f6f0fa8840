//! Redirects: what is sent where an answer points, by the rules of RFC 9110, section 15.4. Whether it may go there is asked
//! by whoever sends it.

use reqwest::header::{
    ACCEPT, ACCEPT_LANGUAGE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, CONTENT_TYPE, HeaderMap, HeaderName,
    LOCATION, RANGE, USER_AGENT,
};
use reqwest::{Method, StatusCode};

use super::error::FetchError;
use super::request::Outgoing;

/// Headers that speak of a body.
const OF_A_BODY: [HeaderName; 4] = [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION];
/// Headers that identify nobody. Every other one may be a credential under a name of its own, and stays at its origin.
const FOR_ANYBODY: [HeaderName; 7] =
    [ACCEPT, ACCEPT_LANGUAGE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, RANGE, USER_AGENT];

/// What is to be sent next, if the answer to a request is a redirect.
pub fn next(sent: &Outgoing, status: StatusCode, headers: &HeaderMap) -> Result<Option<Outgoing>, FetchError> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    // Without a place to go it is an answer like any other.
    let Some(location) = headers.get(LOCATION) else { return Ok(None) };
    let refused = |problem: String| FetchError::Redirect { asked: sent.target.shown(), problem };
    let location =
        std::str::from_utf8(location.as_bytes()).map_err(|_| refused("redirects to what is not text".into()))?;
    let target =
        sent.target.join(location).map_err(|error| refused(format!("redirects, but not to a place to go: {error}")))?;
    if sent.target.url.scheme() == "https" && target.url.scheme() == "http" {
        return Err(refused(format!("redirects from https to {}, where all could be read on the way", target.shown())));
    }
    let mut next = Outgoing { target, ..sent.clone() };
    let turns_to_get = match status {
        StatusCode::SEE_OTHER => next.method != Method::HEAD && next.method != Method::GET,
        // What everybody does, though the method should stay.
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => next.method == Method::POST,
        _ => false,
    };
    if turns_to_get {
        next.method = Method::GET;
    }
    if turns_to_get || status == StatusCode::SEE_OTHER {
        next.body = None;
        for name in &OF_A_BODY {
            next.headers.remove(name);
        }
    }
    if !next.target.same_origin(&sent.target) {
        let strange: Vec<_> = next.headers.keys().filter(|name| !FOR_ANYBODY.contains(name)).cloned().collect();
        for name in &strange {
            next.headers.remove(name);
        }
    }
    Ok(Some(next))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(method: &str, url: &str) -> Outgoing {
        let headers = ["authorization", "cookie", "x-vault-token", "accept", "content-type"];
        let headers: Vec<_> = headers.iter().map(|name| ((*name).to_owned(), "v".to_owned())).collect();
        Outgoing::new(method, url, &headers, Some(b"body".to_vec())).unwrap()
    }

    fn follow(method: &str, url: &str, status: u16, location: &str) -> Result<Option<Outgoing>, FetchError> {
        let headers = HeaderMap::from_iter([(LOCATION, location.parse().unwrap())]);
        next(&sent(method, url), StatusCode::from_u16(status).unwrap(), &headers)
    }

    fn names(next: &Outgoing) -> Vec<&str> {
        let mut names: Vec<_> = next.headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn methods_and_bodies_follow_the_rules() {
        for (method, status, then, body) in [
            ("GET", 301, "GET", true),
            ("POST", 301, "GET", false),
            ("PUT", 301, "PUT", true),
            ("POST", 302, "GET", false),
            ("DELETE", 302, "DELETE", true),
            ("POST", 303, "GET", false),
            ("PUT", 303, "GET", false),
            ("HEAD", 303, "HEAD", false),
            ("GET", 303, "GET", false),
            ("POST", 307, "POST", true),
            ("PATCH", 308, "PATCH", true),
        ] {
            let next = follow(method, "http://a.example/x/y?q=1", status, "../z").unwrap().unwrap();
            assert_eq!((next.method.as_str(), next.body.is_some()), (then, body), "{method} {status}");
            assert_eq!(next.headers.contains_key(CONTENT_TYPE), body, "{method} {status}");
            assert_eq!(next.target.url.as_str(), "http://a.example/z");
        }
    }

    #[test]
    fn what_identifies_the_plugin_stays_at_its_origin() {
        let all = ["accept", "authorization", "content-type", "cookie", "x-vault-token"];
        for (from, to, stays) in [
            ("https://a.example/", "/b", true),
            ("https://a.example/", "https://A.example:443/b", true),
            ("https://a.example/", "//b.example/", false),
            ("https://a.example/", "https://a.example:8443/", false),
            ("https://a.example/", "https://sub.a.example/", false),
            ("http://a.example/", "https://a.example/", false),
        ] {
            let next = follow("GET", from, 307, to).unwrap().unwrap();
            let wanted: &[&str] = if stays { &all } else { &["accept", "content-type"] };
            assert_eq!(names(&next), wanted, "{from} to {to}");
        }
    }

    #[test]
    fn some_redirects_are_none_and_some_are_not_followed() {
        for status in [200, 300, 304, 305, 404] {
            assert!(follow("GET", "http://a.example/", status, "/b").unwrap().is_none(), "{status}");
        }
        assert!(next(&sent("GET", "http://a.example/"), StatusCode::FOUND, &HeaderMap::new()).unwrap().is_none());
        for (location, why) in [
            ("http://a.example/", "from https to http://a.example/"),
            ("ftp://a.example/", "only http:// and https://"),
            ("file:///etc/passwd", "only http:// and https://"),
            ("https://me:secret@a.example/", "`Authorization`"),
            ("https://a..b/", "is not the name of a host"),
        ] {
            let problem = follow("GET", "https://a.example/", 302, location).map(|_| ()).unwrap_err().to_string();
            assert!(problem.starts_with("https://a.example/ redirects") && problem.contains(why), "{problem}");
            assert!(!problem.contains("secret"), "{problem}");
        }
    }
}

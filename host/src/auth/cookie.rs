//! The session cookie. docs/decisions/0002-session-cookie.md says why its name depends on the scheme.

use http::{HeaderMap, HeaderValue, header};

/// Name and attributes of the cookie.
#[derive(Debug, Clone)]
pub struct SessionCookie {
    secure: bool,
}

impl SessionCookie {
    /// For a host that is reached by https, or not.
    pub(super) fn new(secure: bool) -> Self {
        Self { secure }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        if self.secure { "__Host-corral" } else { "corral_session" }
    }

    /// `Set-Cookie` for a session.
    pub(super) fn set(&self, token: &str, seconds: i64) -> HeaderValue {
        let secure = if self.secure { "; Secure" } else { "" };
        let text = format!("{}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}", self.name());
        // Tokens are base64url, so the text is always a header value.
        HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// `Set-Cookie` that removes it.
    pub fn clear(&self) -> HeaderValue {
        self.set("", 0)
    }

    /// Its value in a request.
    pub(super) fn read<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(name, value)| *name == self.name() && !value.is_empty())
            .map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_cookie_of_the_right_name_counts() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_static("a=b; corral_session=xyz; __Host-corral=abc"));
        assert_eq!(SessionCookie::new(false).read(&headers), Some("xyz"));
        assert_eq!(SessionCookie::new(true).read(&headers), Some("abc"));
    }

    #[test]
    fn an_https_host_sets_the_strictest_cookie_there_is() {
        let value = SessionCookie::new(true).set("t", 60);
        assert_eq!(value, "__Host-corral=t; Path=/; HttpOnly; SameSite=Strict; Max-Age=60; Secure");
    }
}

//! Outbound HTTP, to the hosts that were granted. Needs the capability `http`.

use crate::Result;

/// What is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST` and so on.
    pub method: String,
    /// Absolute, `http://` or `https://`, without a name or a password.
    pub url: String,
    /// Headers; `Host`, `Content-Length` and those between neighbours are the host's.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<Vec<u8>>,
    /// How long it may take, in milliseconds; the call's own limit ends it, too.
    pub timeout_ms: Option<u32>,
}

impl Request {
    /// Asks for what is at a URL.
    pub fn get(url: impl Into<String>) -> Self {
        Self { method: "GET".into(), url: url.into(), ..Self::default() }
    }

    /// The same with one header more.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// What came back, after redirects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Response {
    /// The status, such as 200. An answer of 404 or 500 is an answer, no error.
    pub status: u16,
    /// Headers, their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, as it was sent.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of a name, given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Sends a request and waits for the answer.
///
/// # Errors
///
/// `denied` where the host was not granted, with the command that grants it; `invalid-input` where the request cannot be
/// sent; `unavailable` where no answer came.
pub fn fetch(request: &Request) -> Result<Response> {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::fetch(request);
    #[cfg(not(target_arch = "wasm32"))]
    crate::testing::fetch(request)
}

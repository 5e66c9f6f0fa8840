//! Sends requests: checks where each hop goes, connects there and nowhere else, reads what comes back up to the bounds.

use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Client, Response, StatusCode};
use tokio::sync::Semaphore;

use super::address::{Reach, reach};
use super::allow::{Admission, AllowList};
use super::error::FetchError;
use super::request::{Outgoing, is_between_neighbours};
use super::resolve::{Lookup, Pinned, Resolved, SystemLookup};
use super::target::{Host, Target};
use super::tls::Tls;
use super::{
    ANSWER_BODY_MAX, ANSWER_HEADER_BYTES_MAX, ANSWER_HEADERS_MAX, CONNECT_TIME, FETCHES_MAX, LOOKUPS_MAX,
    REDIRECTS_MAX, redirect,
};

/// Sends requests for all plugins.
pub struct Fetcher {
    lookup: Arc<dyn Lookup>,
    tls: Tls,
    made_up: Option<Arc<dyn MadeUpWeb>>,
}

/// Answers in place of the network. What a plugin was not granted does not reach it either.
pub trait MadeUpWeb: Send + Sync {
    /// The answer to a request; none: nobody is there.
    fn answer(&self, method: &str, url: &str, headers: &HeaderMap, body: &[u8]) -> Option<Answer>;
}

/// What one plugin may have under way, so that it cannot keep others waiting.
pub struct Quota {
    fetches: Semaphore,
    /// Places for look-ups.
    pub(super) lookups: Arc<Semaphore>,
}

impl Default for Quota {
    fn default() -> Self {
        Self { fetches: Semaphore::new(FETCHES_MAX), lookups: Arc::new(Semaphore::new(LOOKUPS_MAX)) }
    }
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Headers, all but those between neighbours.
    pub headers: Vec<(String, String)>,
    /// The body, as it was sent.
    pub body: Vec<u8>,
}

impl Default for Fetcher {
    fn default() -> Self {
        Self::new(Arc::new(SystemLookup), Tls::default())
    }
}

impl Fetcher {
    /// A fetcher that asks `lookup` for names and trusts whom `tls` trusts.
    pub(super) fn new(lookup: Arc<dyn Lookup>, tls: Tls) -> Self {
        Self { lookup, tls, made_up: None }
    }

    /// One that reaches nobody: all answers are made up.
    pub fn made_up(web: Arc<dyn MadeUpWeb>) -> Self {
        Self { made_up: Some(web), ..Self::default() }
    }

    /// Sends a request and follows where it leads. Dropping the future ends the connection.
    pub async fn fetch(
        &self,
        request: Outgoing,
        allow: &AllowList,
        quota: &Quota,
        limit: Duration,
    ) -> Result<Answer, FetchError> {
        let asked = request.target.shown();
        let answer = tokio::time::timeout(limit, self.follow(request, allow, quota)).await;
        answer.unwrap_or(Err(FetchError::Time { asked, limit }))
    }

    async fn follow(&self, mut request: Outgoing, allow: &AllowList, quota: &Quota) -> Result<Answer, FetchError> {
        let begun = request.target.shown();
        let mut resolved = Resolved::default();
        let mut from: Option<String> = None;
        let _place = quota.fetches.acquire().await;
        for _ in 0..=REDIRECTS_MAX {
            let how = admitted(&request.target, allow, from.as_deref())?;
            if let Some(web) = &self.made_up {
                let answer = made_up(web.as_ref(), &request)?;
                let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                match redirect::next(&request, status, &header_map(&answer.headers))? {
                    None => return Ok(answer),
                    Some(next) => from = Some(std::mem::replace(&mut request, next).target.shown()),
                }
                continue;
            }
            let addresses = self.addresses(&request.target, &mut resolved, quota).await?;
            let addresses = reached(&request.target, how, addresses, from.as_deref())?;
            let response = self.send(&request, addresses).await?;
            match redirect::next(&request, response.status(), response.headers())? {
                None => return read(&request.target, response).await,
                Some(next) => from = Some(std::mem::replace(&mut request, next).target.shown()),
            }
        }
        let problem = format!("redirects more than {REDIRECTS_MAX} times");
        Err(FetchError::Redirect { asked: begun, problem })
    }

    async fn addresses(
        &self,
        target: &Target,
        resolved: &mut Resolved,
        quota: &Quota,
    ) -> Result<Vec<IpAddr>, FetchError> {
        match &target.host {
            Host::Address(address) => Ok(vec![*address]),
            Host::Name(name) => {
                let found = resolved.of(self.lookup.as_ref(), name, quota).await;
                found.map_err(|problem| FetchError::Unresolved { host: name.clone(), problem })
            }
        }
    }

    /// One hop. The client is made for it: it knows these addresses and no others, and keeps no connection for anybody.
    async fn send(&self, request: &Outgoing, addresses: Vec<IpAddr>) -> Result<Response, FetchError> {
        let asked = request.target.shown();
        let secure = request.target.url.scheme() == "https";
        let tls = if secure { self.tls.secure().await } else { Tls::unused() };
        let tls =
            tls.map_err(|problem| FetchError::Broken { asked: asked.clone(), problem: format!("TLS: {problem}") })?;
        let client = Client::builder()
            .dns_resolver(Pinned(addresses))
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only()
            .http1_max_headers(ANSWER_HEADERS_MAX)
            .pool_max_idle_per_host(0)
            .connect_timeout(CONNECT_TIME)
            .user_agent(concat!("corral/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| broken(&request.target, &error))?;
        let mut builder =
            client.request(request.method.clone(), request.target.url.clone()).headers(request.headers.clone());
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        }
        builder.send().await.map_err(|error| broken(&request.target, &error))
    }
}

fn made_up(web: &dyn MadeUpWeb, request: &Outgoing) -> Result<Answer, FetchError> {
    let body = request.body.as_deref().unwrap_or_default();
    web.answer(request.method.as_str(), request.target.url.as_str(), &request.headers, body).ok_or_else(|| {
        let problem = format!("nothing is made up for {} {}", request.method, request.target.shown());
        FetchError::Broken { asked: request.target.shown(), problem }
    })
}

/// Headers as they would have come; those that cannot come are left out.
fn header_map(headers: &[(String, String)]) -> HeaderMap {
    let one = |(name, value): &(String, String)| Some((name.parse().ok()?, value.parse().ok()?));
    headers.iter().filter_map(one).collect::<HeaderMap>()
}

fn admitted(target: &Target, allow: &AllowList, from: Option<&str>) -> Result<Admission, FetchError> {
    allow.admits(target).ok_or_else(|| FetchError::NotGranted { asked: asked(target, from), grant: target.grant() })
}

/// The addresses to which a request may go: those of its host that its grant reaches.
fn reached(
    target: &Target,
    how: Admission,
    addresses: Vec<IpAddr>,
    from: Option<&str>,
) -> Result<Vec<IpAddr>, FetchError> {
    let (good, bad): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|address| how.reaches(*address));
    let Some(address) = bad.first().copied().filter(|_| good.is_empty()) else { return Ok(good) };
    let (kind, grant) = match reach(address) {
        Reach::Special(kind) => (kind, Target { host: Host::Address(address), ..target.clone() }.grant()),
        Reach::Inside(kind) => (kind, target.grant()),
        Reach::Public => ("public", target.grant()),
    };
    let place = format!("`{}` is at {address}, which is a {kind} address", target.host);
    Err(FetchError::NotThere { asked: asked(target, from), place, grant })
}

/// A URL that was not asked for by the plugin, but by an answer, is told with whose.
fn asked(target: &Target, from: Option<&str>) -> String {
    let from = from.map(|from| format!(" (to which {from} redirects)")).unwrap_or_default();
    format!("{}{from}", target.shown())
}

async fn read(target: &Target, mut response: Response) -> Result<Answer, FetchError> {
    let large = |what, limit| FetchError::Large { what, asked: target.shown(), limit };
    let status = response.status().as_u16();
    let headers = headers_of(response.headers());
    if headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > ANSWER_HEADER_BYTES_MAX {
        return Err(large("header", ANSWER_HEADER_BYTES_MAX));
    }
    let expected = response.content_length().unwrap_or(0);
    if expected > ANSWER_BODY_MAX as u64 {
        return Err(large("body", ANSWER_BODY_MAX));
    }
    let mut body = Vec::with_capacity(usize::try_from(expected).unwrap_or(0));
    loop {
        match response.chunk().await {
            Ok(Some(part)) if body.len() + part.len() > ANSWER_BODY_MAX => return Err(large("body", ANSWER_BODY_MAX)),
            Ok(Some(part)) => body.extend_from_slice(&part),
            Ok(None) => return Ok(Answer { status, headers, body }),
            Err(error) => {
                let problem = format!("the answer broke off after {} bytes: {}", body.len(), cause(&error));
                return Err(FetchError::Broken { asked: target.shown(), problem });
            }
        }
    }
}

fn headers_of(headers: &HeaderMap) -> Vec<(String, String)> {
    let kept = headers.iter().filter(|(name, _)| !is_between_neighbours(name));
    kept.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())).collect()
}

fn broken(target: &Target, error: &reqwest::Error) -> FetchError {
    let mut problem = if error.is_timeout() && error.is_connect() {
        "nobody accepted the connection in time".to_owned()
    } else {
        cause(error)
    };
    if is_of_certificate(error) {
        problem = format!(
            "its certificate is not trusted: {problem}. Is it signed by an authority of your own? Add that to the system's \
             certificates, or on Linux name its file in SSL_CERT_FILE, and start the host again"
        );
    }
    FetchError::Broken { asked: target.shown(), problem }
}

/// The cause at the bottom: "connection refused" rather than "error sending request".
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

fn is_of_certificate(error: &reqwest::Error) -> bool {
    let mut cause: Option<&dyn Error> = Some(error);
    while let Some(error) = cause {
        if matches!(error.downcast_ref(), Some(rustls::Error::InvalidCertificate(_))) {
            return true;
        }
        cause = match error.downcast_ref::<std::io::Error>() {
            // What an error of input and output holds is not its cause, but what it is.
            Some(error) => error.get_ref().map(|inner| inner as &dyn Error),
            None => error.source(),
        };
    }
    false
}

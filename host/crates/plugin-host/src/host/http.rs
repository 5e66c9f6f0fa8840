//! `corral:host/http`: requests to hosts that were granted, each written to the plugin's log.

use std::time::{Duration, Instant};

use corral_domain::Right;

use crate::bindings::corral::host::http::{Host, Request, Response};
use crate::bindings::corral::types::types::Error;
use crate::grants::denial;
use crate::guest::Guest;
use crate::guest_log::LogLevel;
use crate::http::{AllowList, Answer, FETCH_TIME, FetchError, HostPattern, Outgoing};
use crate::units::show_size;

/// What is left of a call's time after a fetch that took too long: enough for the plugin to say so.
const GRACE: Duration = Duration::from_millis(100);

impl Host for Guest {
    async fn fetch(&mut self, request: Request) -> Result<Response, Error> {
        let Request { method, url, headers, body, timeout_ms } = request;
        let checked = Outgoing::new(&method, &url, &headers, body);
        let request = checked.map_err(|error| self.not_fetched(&error))?;
        let limit = self.fetch_limit(&request, timeout_ms).map_err(|error| self.not_fetched(&error))?;
        let allow = self.hosts();
        let what = format!("{method} {}", request.target.shown());
        let begun = Instant::now();
        let answer = self.plugin.fetcher.fetch(request, &allow, &self.plugin.quota, limit).await;
        let answer = answer.map_err(|error| self.not_fetched(&error))?;
        let Answer { status, headers, body } = answer;
        let (size, took) = (show_size(body.len() as u64), begun.elapsed().as_millis());
        self.plugin.log.write(LogLevel::Debug, &format!("{what}: {status}, {size} in {took} ms"));
        Ok(Response { status, headers, body })
    }
}

impl Guest {
    /// How long a fetch may take: as long as the plugin says, but not longer than the call goes on. A guest that computed is
    /// given more time than its limit says, but none to wait in: it could go on asking for ever.
    fn fetch_limit(&self, request: &Outgoing, asked_ms: Option<u32>) -> Result<Duration, FetchError> {
        let asked = asked_ms.map_or(FETCH_TIME, |millis| Duration::from_millis(millis.into()));
        let left = self.call_ends.saturating_duration_since(Instant::now()).saturating_sub(GRACE);
        if left.is_zero() {
            let limit = self.plugin.manifest.limits.time_per_call;
            return Err(FetchError::Over { asked: request.target.shown(), limit });
        }
        Ok(asked.min(FETCH_TIME).min(left))
    }

    /// The hosts that it may reach, now.
    fn hosts(&self) -> AllowList {
        let rights = self.plugin.rights();
        AllowList::new(rights.scopes(Right::Http).filter_map(|host| match HostPattern::parse(host) {
            Ok(pattern) => Some(pattern),
            Err(problem) => {
                self.plugin.log.write(LogLevel::Warn, &format!("the grant `http:{host}` admits nobody: {problem}"));
                None
            }
        }))
    }

    fn not_fetched(&self, error: &FetchError) -> Error {
        let text = match error.missing_grant() {
            None => error.to_string(),
            Some(grant) => format!("{error}: {}", denial(&self.plugin.manifest, Right::Http, grant)),
        };
        let told = if error.missing_grant().is_some() { "denied: " } else { "" };
        self.plugin.log.write(LogLevel::Warn, &format!("{told}{text}"));
        match error {
            FetchError::NotGranted { .. } | FetchError::NotThere { .. } => Error::Denied(text),
            FetchError::Url(_) | FetchError::Request(_) | FetchError::Large { .. } => Error::InvalidInput(text),
            FetchError::Unresolved { .. }
            | FetchError::Broken { .. }
            | FetchError::Time { .. }
            | FetchError::Over { .. }
            | FetchError::Redirect { .. } => Error::Unavailable(text),
        }
    }
}

//! `[server]`: where the host listens.

use std::net::{SocketAddr, ToSocketAddrs};

use serde::{Deserialize, Serialize};

use crate::cli::exit::{Exit, Failure};

/// Where the host listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Address and port; port 0 takes a free one.
    pub listen: String,
    /// The URL under which people reach it, when that is not the address it listens on: behind a proxy, with a name.
    pub public_url: Option<String>,
}

impl Default for Server {
    fn default() -> Self {
        Self { listen: "127.0.0.1:7420".to_owned(), public_url: None }
    }
}

impl Server {
    /// The address to bind.
    pub fn address(&self) -> Result<SocketAddr, Failure> {
        let fail = |why: String| {
            Failure::new(Exit::Usage, format!("`{}` is not an address to listen on: {why}", self.listen))
                .hint("it looks like 127.0.0.1:7420, localhost:7420 or [::1]:7420")
        };
        let mut found = self.listen.to_socket_addrs().map_err(|error| fail(error.to_string()))?;
        found.next().ok_or_else(|| fail("it has no address".to_owned()))
    }

    pub(super) fn check(&self) -> Result<(), Failure> {
        let Some(url) = &self.public_url else { return Ok(()) };
        let parsed = reqwest::Url::parse(url).ok();
        let usable = parsed.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if usable.is_some_and(|url| url.path() == "/" && url.query().is_none() && url.username().is_empty()) {
            return Ok(());
        }
        Err(Failure::new(Exit::Usage, format!("`{url}` cannot be the public URL"))
            .hint("it is a scheme, a host and perhaps a port, nothing more: https://corral.example.org"))
    }
}

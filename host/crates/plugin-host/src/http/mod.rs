//! Outbound HTTP for plugins: only to hosts that the operator named, and only to the addresses that were looked at.
//!
//! Invariants:
//! - Every hop of a redirect is checked like a request of the plugin's own. A name is resolved once in a fetch, and the
//!   connection goes to the addresses that were checked; no second look-up can put another in their place.
//! - An address that is not of the public internet is reached only where the grant names its host, and one that stands for
//!   no machine in particular, or for the cloud's own services, only where the grant names the address itself.
//! - What identifies the plugin to one origin is never sent to another. There are no cookies and no proxies.
//! - Sizes, hops and times are bounded by the constants of this module.
//!
//! `target` reads URLs, `allow` grants, `address` knows what addresses are for, `resolve` asks for them, `request` and
//! `redirect` say what is sent, `fetcher` sends it.

mod address;
mod allow;
mod error;
mod fetcher;
mod redirect;
mod request;
mod resolve;
mod target;
mod tls;

#[cfg(test)]
mod tests;

use std::time::Duration;

pub use allow::{AllowList, HostPattern};
pub use error::FetchError;
pub use fetcher::{Answer, Fetcher, MadeUpWeb, Quota};
pub use request::Outgoing;

/// Longest URL, in bytes.
const URL_MAX: usize = 8 << 10;
/// Most headers of a request.
const REQUEST_HEADERS_MAX: usize = 64;
/// Most bytes of all headers of a request.
const REQUEST_HEADER_BYTES_MAX: usize = 16 << 10;
/// Largest body of a request, in bytes.
const REQUEST_BODY_MAX: usize = 1 << 20;
/// Most headers of an answer.
const ANSWER_HEADERS_MAX: usize = 100;
/// Most bytes of all headers of an answer.
const ANSWER_HEADER_BYTES_MAX: usize = 64 << 10;
/// Largest body of an answer, in bytes.
const ANSWER_BODY_MAX: usize = 8 << 20;
/// Most redirects that are followed.
const REDIRECTS_MAX: usize = 5;
/// Most addresses of a name that are tried.
const ADDRESSES_MAX: usize = 16;
/// How long a fetch may take where the plugin says nothing.
pub const FETCH_TIME: Duration = Duration::from_secs(30);
/// How long it may take until somebody accepts the connection.
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// Fetches of one plugin at once: each can hold a whole answer in memory.
const FETCHES_MAX: usize = 8;
/// Look-ups of names for one plugin at once. The system's cannot be called off, so they are counted until they really end.
const LOOKUPS_MAX: usize = 8;

//! Who is asking: tokens, sessions, one-time login links, and whether a request comes from this host's own pages.
//!
//! Invariants:
//! - A token is 256 random bits; only its BLAKE3 hash is stored, so that a stolen database opens nothing.
//! - A login link works once: whoever removes its row first gets the session.
//! - An identity is looked up anew for every request, so that a removed token stops at once.
//!
//! This module must not know axum, routes, or what an identity may do (that is the engine's).

mod cookie;
mod limit;
mod origin;
mod token;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use corral_domain::{Clock, Timestamp};
use corral_engine::{Actor, Role};
use corral_storage::{StorageError, TokenRow, TokenStore};
use http::{HeaderMap, HeaderValue, header};

pub use cookie::SessionCookie;
pub use origin::{ForeignRequest, HostNames};

/// Prefix of API tokens, by which scanners for leaked secrets know them.
pub const API_PREFIX: &str = "corral_";
/// A session ends this long after its login, however much it is used.
pub const SESSION_MILLIS: i64 = 14 * 24 * 3600 * 1000;
/// A login link works this long.
pub const LOGIN_LINK_MILLIS: i64 = 3600 * 1000;
const TOKEN_NAME_MAX: usize = 80;

/// Where the host is reached, for cookies and for knowing its own pages.
#[derive(Debug, Clone)]
pub struct Options {
    /// Address that is listened on, with its real port.
    pub listen: SocketAddr,
    /// Address under which browsers reach the host, if it is not that: `https://corral.example.org`.
    pub public_url: Option<String>,
    /// Further origins whose pages may use the API: `http://localhost:5173`.
    pub allowed_origins: Vec<String>,
}

/// How a request proved who it is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// A browser's session cookie, which the browser sends unasked: the request's origin matters.
    Cookie,
    /// An API token in the Authorization header, which nobody sends unasked.
    Bearer,
}

/// Who is asking.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Name and role.
    pub actor: Actor,
    /// How it was proved.
    pub means: Means,
    /// Until when.
    pub expires_at: Option<Timestamp>,
    hash: String,
}

/// Why nobody was recognised.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// Nothing was shown.
    #[error(
        "log in with the link that `corral login-link` prints, or send `Authorization: Bearer` with an API token of `corral token create`"
    )]
    Missing,
    /// What was shown is not known, or no longer.
    #[error(
        "the token or session is not valid or has ended; log in again with `corral login-link`, or make a token with `corral token create`"
    )]
    Invalid,
    /// The login link was used, has ended or never was.
    #[error("this login link was used already, has ended, or never was one; get a new one with `corral login-link`")]
    LinkUnusable,
    /// Too many failed logins from there.
    #[error("too many failed logins; try again in {retry_seconds} s")]
    TooMany {
        /// When it may be tried again.
        retry_seconds: u64,
    },
    /// The name or role of a token to be made cannot be used.
    #[error("{0}")]
    BadName(String),
    /// The store could not answer.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// A session that was just opened.
#[derive(Debug, Clone)]
pub struct Opened {
    /// Who logged in.
    pub actor: Actor,
    /// When the session ends.
    pub expires_at: Timestamp,
    /// Value of `Set-Cookie`.
    pub set_cookie: HeaderValue,
}

/// Tokens and sessions. Cheap to clone.
#[derive(Clone)]
pub struct Auth {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn TokenStore>,
    clock: Arc<dyn Clock>,
    names: HostNames,
    cookie: SessionCookie,
    attempts: limit::Attempts,
}

impl Auth {
    /// Over a store, for a host that is reached as `options` say.
    pub fn new(store: Arc<dyn TokenStore>, clock: Arc<dyn Clock>, options: Options) -> Self {
        let names = HostNames::new(options.listen, options.public_url.as_deref(), &options.allowed_origins);
        let secure = options.public_url.as_deref().is_some_and(|url| url.starts_with("https://"));
        let cookie = SessionCookie::new(secure);
        Self { inner: Arc::new(Inner { store, clock, names, cookie, attempts: limit::Attempts::default() }) }
    }

    /// Names and origins of the host.
    pub fn names(&self) -> &HostNames {
        &self.inner.names
    }

    /// The cookie that sessions are kept in.
    pub fn cookie(&self) -> &SessionCookie {
        &self.inner.cookie
    }

    /// A token for one login as administrator; goes into `/login?token=…`.
    pub async fn create_login_link_token(&self) -> Result<String, AuthError> {
        create_login_token(&*self.inner.store, &*self.inner.clock).await
    }

    /// Trades a login token for a session. Of several that try the same token one succeeds.
    pub async fn exchange_login(&self, token: &str, peer: Option<IpAddr>) -> Result<Opened, AuthError> {
        let Inner { store, clock, attempts, cookie, .. } = &*self.inner;
        let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let now = clock.now();
        attempts.check(peer, now).map_err(|retry_seconds| AuthError::TooMany { retry_seconds })?;
        let hash = token::hash(token);
        let row = store.token(&hash).await?.filter(|row| row.kind == "login" && !has_ended(row, now));
        let Some(row) = row else {
            attempts.failed(peer, now);
            return Err(AuthError::LinkUnusable);
        };
        let role = role_of(&row)?;
        if !store.remove_token(&hash).await? {
            return Err(AuthError::LinkUnusable);
        }
        let secret = token::random("");
        let expires_at = Timestamp::from_millis(now.as_millis() + SESSION_MILLIS);
        store.insert_token(&new_row(&secret, "session", &row.name, role, now, Some(expires_at))).await?;
        let actor = Actor { name: format!("user:{}", row.name), role };
        Ok(Opened { actor, expires_at, set_cookie: cookie.set(&secret, SESSION_MILLIS / 1000) })
    }

    /// Who sent these headers. A bearer token goes before a cookie.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<Identity, AuthError> {
        if let Some(value) = headers.get(header::AUTHORIZATION) {
            let token = value.to_str().ok().and_then(bearer).ok_or(AuthError::Invalid)?;
            return self.identify(token::hash(token), "api", Means::Bearer).await;
        }
        let token = self.inner.cookie.read(headers).ok_or(AuthError::Missing)?;
        self.identify(token::hash(token), "session", Means::Cookie).await
    }

    /// Whether an identity that was recognised before still would be, with the same role.
    pub async fn still_valid(&self, identity: &Identity) -> Result<bool, StorageError> {
        let row = self.inner.store.token(&identity.hash).await?;
        let now = self.inner.clock.now();
        Ok(row.is_some_and(|row| !has_ended(&row, now) && row.role == identity.actor.role.as_str()))
    }

    /// Ends a session; the answer must clear the cookie.
    pub async fn log_out(&self, identity: &Identity) -> Result<(), StorageError> {
        if identity.means == Means::Cookie {
            self.inner.store.remove_token(&identity.hash).await?;
        }
        Ok(())
    }

    /// Removes what has ended; called now and then.
    pub async fn remove_expired(&self) -> Result<u64, StorageError> {
        self.inner.store.remove_expired(self.inner.clock.now()).await
    }

    async fn identify(&self, hash: String, kind: &str, means: Means) -> Result<Identity, AuthError> {
        let now = self.inner.clock.now();
        let row = self.inner.store.token(&hash).await?.filter(|row| row.kind == kind && !has_ended(row, now));
        let row = row.ok_or(AuthError::Invalid)?;
        let role = role_of(&row)?;
        let name = match means {
            Means::Cookie => format!("user:{}", row.name),
            Means::Bearer => format!("token:{}", row.name),
        };
        Ok(Identity { actor: Actor { name, role }, means, expires_at: row.expires_at, hash })
    }
}

/// Makes a login token without a running host.
pub async fn create_login_token(store: &dyn TokenStore, clock: &dyn Clock) -> Result<String, AuthError> {
    let token = token::random("");
    let now = clock.now();
    let end = Timestamp::from_millis(now.as_millis() + LOGIN_LINK_MILLIS);
    store.insert_token(&new_row(&token, "login", "admin", Role::Admin, now, Some(end))).await?;
    Ok(token)
}

/// Makes an API token without a running host.
pub async fn create_api_token(
    store: &dyn TokenStore,
    clock: &dyn Clock,
    name: &str,
    role: Role,
    ttl_millis: Option<i64>,
) -> Result<String, AuthError> {
    if name.is_empty() || name.len() > TOKEN_NAME_MAX || name.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(AuthError::BadName(format!(
            "a token's name has 1 to {TOKEN_NAME_MAX} bytes, without blanks and control characters"
        )));
    }
    let token = token::random(API_PREFIX);
    let now = clock.now();
    let end = ttl_millis.map(|ttl| Timestamp::from_millis(now.as_millis().saturating_add(ttl)));
    store.insert_token(&new_row(&token, "api", name, role, now, end)).await?;
    Ok(token)
}

fn new_row(token: &str, kind: &str, name: &str, role: Role, now: Timestamp, end: Option<Timestamp>) -> TokenRow {
    TokenRow {
        hash: token::hash(token),
        kind: kind.to_owned(),
        name: name.to_owned(),
        role: role.as_str().to_owned(),
        created_at: now,
        expires_at: end,
    }
}

fn has_ended(row: &TokenRow, now: Timestamp) -> bool {
    row.expires_at.is_some_and(|end| end <= now)
}

/// A role that this version does not know gives no rights at all.
fn role_of(row: &TokenRow) -> Result<Role, AuthError> {
    row.role.parse().map_err(|_| AuthError::Invalid)
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests;

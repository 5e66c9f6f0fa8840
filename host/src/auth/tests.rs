//! Tokens and sessions over a store in memory.

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use corral_domain::ManualClock;

use super::*;

#[derive(Default)]
struct Memory(Mutex<HashMap<String, TokenRow>>);

#[async_trait]
impl TokenStore for Memory {
    async fn insert_token(&self, token: &TokenRow) -> Result<(), StorageError> {
        self.0.lock().unwrap().insert(token.hash.clone(), token.clone());
        Ok(())
    }
    async fn token(&self, hash: &str) -> Result<Option<TokenRow>, StorageError> {
        Ok(self.0.lock().unwrap().get(hash).cloned())
    }
    async fn remove_token(&self, hash: &str) -> Result<bool, StorageError> {
        Ok(self.0.lock().unwrap().remove(hash).is_some())
    }
    async fn tokens(&self, kind: &str) -> Result<Vec<TokenRow>, StorageError> {
        Ok(self.0.lock().unwrap().values().filter(|row| row.kind == kind).cloned().collect())
    }
    async fn remove_expired(&self, now: Timestamp) -> Result<u64, StorageError> {
        let mut rows = self.0.lock().unwrap();
        let before = rows.len();
        rows.retain(|_, row| !has_ended(row, now));
        Ok((before - rows.len()) as u64)
    }
}

struct Fixture {
    auth: Auth,
    store: Arc<Memory>,
    clock: Arc<ManualClock>,
}

fn fixture() -> Fixture {
    let store = Arc::new(Memory::default());
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)));
    let options = Options { listen: "127.0.0.1:80".parse().unwrap(), public_url: None, allowed_origins: Vec::new() };
    Fixture { auth: Auth::new(store.clone(), clock.clone(), options), store, clock }
}

fn with(name: header::HeaderName, value: &str) -> HeaderMap {
    HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
}

#[tokio::test]
async fn a_login_link_opens_one_session_and_never_a_second() {
    let f = fixture();
    let link = f.auth.create_login_link_token().await.unwrap();
    let opened = f.auth.exchange_login(&link, None).await.unwrap();
    assert!(matches!(f.auth.exchange_login(&link, None).await, Err(AuthError::LinkUnusable)));
    let cookie = opened.set_cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
    let identity = f.auth.authenticate(&with(header::COOKIE, &cookie)).await.unwrap();
    assert_eq!(
        (identity.actor.name.as_str(), identity.actor.role, identity.means),
        ("user:admin", Role::Admin, Means::Cookie)
    );
    f.clock.advance_millis(SESSION_MILLIS);
    assert!(matches!(f.auth.authenticate(&with(header::COOKIE, &cookie)).await, Err(AuthError::Invalid)));
    assert!(!f.auth.still_valid(&identity).await.unwrap());
}

#[tokio::test]
async fn a_login_link_ends() {
    let f = fixture();
    let link = f.auth.create_login_link_token().await.unwrap();
    f.clock.advance_millis(LOGIN_LINK_MILLIS);
    assert!(matches!(f.auth.exchange_login(&link, None).await, Err(AuthError::LinkUnusable)));
}

#[tokio::test]
async fn an_api_token_is_stored_hashed_and_is_no_session_and_no_login() {
    let f = fixture();
    let token = create_api_token(&*f.store, &*f.clock, "ci", Role::Operator, Some(1000)).await.unwrap();
    assert!(token.starts_with(API_PREFIX));
    assert!(f.store.0.lock().unwrap().values().all(|row| !row.hash.contains(&token) && row.name == "ci"));
    let bearer = with(header::AUTHORIZATION, &format!("Bearer {token}"));
    let identity = f.auth.authenticate(&bearer).await.unwrap();
    assert_eq!((identity.actor.name.as_str(), identity.actor.role), ("token:ci", Role::Operator));
    assert!(f.auth.authenticate(&with(header::COOKIE, &format!("corral_session={token}"))).await.is_err());
    assert!(f.auth.exchange_login(&token, None).await.is_err());
    f.clock.advance_millis(1000);
    assert!(f.auth.authenticate(&bearer).await.is_err());
    assert_eq!(f.auth.remove_expired().await.unwrap(), 1);
}

#[tokio::test]
async fn nothing_shown_and_nonsense_shown_are_told_apart() {
    let f = fixture();
    assert!(matches!(f.auth.authenticate(&HeaderMap::new()).await, Err(AuthError::Missing)));
    for value in ["Basic YWJj", "Bearer", "Bearer ", "Bearer corral_x"] {
        assert!(
            matches!(f.auth.authenticate(&with(header::AUTHORIZATION, value)).await, Err(AuthError::Invalid)),
            "{value}"
        );
    }
}

#[tokio::test]
async fn many_failed_logins_have_to_wait() {
    let f = fixture();
    for _ in 0..10 {
        assert!(matches!(f.auth.exchange_login("x", None).await, Err(AuthError::LinkUnusable)));
    }
    assert!(matches!(f.auth.exchange_login("x", None).await, Err(AuthError::TooMany { .. })));
    f.clock.advance_millis(60_000);
    assert!(matches!(f.auth.exchange_login("x", None).await, Err(AuthError::LinkUnusable)));
}

#[tokio::test]
async fn a_token_without_a_usable_name_is_refused() {
    let f = fixture();
    for name in ["", "a b", "a\nb"] {
        assert!(matches!(
            create_api_token(&*f.store, &*f.clock, name, Role::Viewer, None).await,
            Err(AuthError::BadName(_))
        ));
    }
}

#[tokio::test]
async fn logging_out_ends_the_session() {
    let f = fixture();
    let link = f.auth.create_login_link_token().await.unwrap();
    let opened = f.auth.exchange_login(&link, None).await.unwrap();
    let cookie = with(header::COOKIE, opened.set_cookie.to_str().unwrap().split(';').next().unwrap());
    let identity = f.auth.authenticate(&cookie).await.unwrap();
    f.auth.log_out(&identity).await.unwrap();
    assert!(f.auth.authenticate(&cookie).await.is_err());
}

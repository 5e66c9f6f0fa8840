//! What every [`SecretStore`] promises.

use corral_domain::Timestamp;

use super::sample::NOON;
use crate::{Audit, SecretRow, SecretStore};

fn secret(name: &str, sealed: &[u8], minute: i64) -> SecretRow {
    let at = Timestamp::from_millis(NOON.as_millis() + minute * 60_000);
    SecretRow {
        name: name.into(),
        key_mark: format!("mark of {minute}"),
        sealed: sealed.into(),
        created_at: at,
        updated_at: at,
    }
}

fn audit(action: &str) -> Audit {
    Audit { at: NOON, actor: "user:test".into(), action: action.into(), object: "name".into(), detail: String::new() }
}

/// Any bytes come back, under the name they were put, and none after the removal.
pub async fn a_secret_is_found_by_its_name_until_it_is_removed(store: &dyn SecretStore) {
    let every_byte: Vec<u8> = (0..=255).collect();
    let one = secret("db", &every_byte, 0);
    store.put_secret(&one, &audit("secret.set")).await.unwrap();
    assert_eq!(store.secret("db").await.unwrap(), Some(one));
    assert_eq!(store.secret("DB").await.unwrap(), None);
    assert_eq!(store.secret("").await.unwrap(), None);
    assert!(store.remove_secret("db", &audit("secret.remove")).await.unwrap());
    assert!(!store.remove_secret("db", &audit("secret.remove")).await.unwrap());
    assert_eq!(store.secret("db").await.unwrap(), None);
}

/// A value that is set anew keeps the time of the secret's making.
pub async fn a_replaced_secret_keeps_when_it_was_made(store: &dyn SecretStore) {
    let (first, second) = (secret("db", b"one", 0), secret("db", b"two", 5));
    store.put_secret(&first, &audit("secret.set")).await.unwrap();
    store.put_secret(&second, &audit("secret.set")).await.unwrap();
    assert_eq!(store.secrets().await.unwrap(), [SecretRow { created_at: first.created_at, ..second }]);
}

/// Lists are by name.
pub async fn secrets_are_listed_by_name(store: &dyn SecretStore) {
    for name in ["b", "a", "c"] {
        store.put_secret(&secret(name, name.as_bytes(), 0), &audit("secret.set")).await.unwrap();
    }
    let names: Vec<_> = store.secrets().await.unwrap().into_iter().map(|row| row.name).collect();
    assert_eq!(names, ["a", "b", "c"]);
}

//! The vault over a real store: what is kept, what is on disk, and what happens to those who lose the key.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use corral_domain::{RandomBytes, SystemClock, Timestamp};
use corral_engine::ports::{SecretError, SecretText, Secrets as _};
use corral_secrets::{KeyPlace, Vault};
use corral_storage::{Audit, SecretStore as _};
use corral_storage_sqlite::{SqliteOptions, SqliteStore};

#[derive(Default)]
struct Counting(AtomicU64);

impl RandomBytes for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        let n = self.0.fetch_add(1, Ordering::SeqCst);
        buffer.fill(0);
        buffer[..8].copy_from_slice(&n.to_be_bytes());
        buffer[8] = u8::from(buffer.len() > 8) * 0x5a;
    }
}

async fn open(folder: &Path, key: &str, first: u64) -> (Vault, SqliteStore) {
    let store = SqliteStore::open(folder, SqliteOptions::default()).await.unwrap();
    let random = Arc::new(Counting(AtomicU64::new(first)));
    let place = KeyPlace::file(folder.join(key));
    (Vault::new(Arc::new(store.clone()), place, Arc::new(SystemClock), random), store)
}

fn audit(action: &str) -> Audit {
    Audit {
        at: Timestamp::from_millis(0),
        actor: "user:test".to_owned(),
        action: action.to_owned(),
        object: "db".to_owned(),
        detail: String::new(),
    }
}

fn text(value: &str) -> SecretText {
    SecretText::new(value.to_owned())
}

async fn value(vault: &Vault, name: &str) -> Option<String> {
    vault.reveal(name).await.unwrap().map(|secret| secret.expose().to_owned())
}

fn key_error<T: std::fmt::Debug>(result: Result<T, SecretError>) -> String {
    match result {
        Err(SecretError::Key(message)) => message,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_secret_is_kept_replaced_and_removed_and_its_text_is_in_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let (vault, store) = open(folder.path(), "key", 1).await;
    assert_eq!(value(&vault, "db").await, None);
    assert!(vault.check().await.unwrap().contains("made with the first"));
    vault.set("db", text("correct horse battery staple"), audit("secret.set")).await.unwrap();
    vault.set("root", text("pässwörd ✓"), audit("secret.set")).await.unwrap();
    vault.set("db", text("another horse altogether"), audit("secret.set")).await.unwrap();
    assert_eq!(value(&vault, "db").await.as_deref(), Some("another horse altogether"));
    let names: Vec<_> = vault.list().await.unwrap().into_iter().map(|info| info.name).collect();
    assert_eq!(names, ["db", "root"]);
    assert!(vault.check().await.unwrap().starts_with("2 are kept"));
    store.close().await;

    // The next start reads the same key.
    let (vault, store) = open(folder.path(), "key", 1_000).await;
    assert_eq!(value(&vault, "root").await.as_deref(), Some("pässwörd ✓"));
    assert!(vault.remove("db", audit("secret.remove")).await.unwrap());
    assert!(!vault.remove("db", audit("secret.remove")).await.unwrap());
    assert_eq!(value(&vault, "db").await, None);
    store.close().await;
    for file in std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()) {
        if file.is_file() {
            let bytes = std::fs::read(&file).unwrap();
            let found =
                ["horse", "pässwörd"].iter().any(|word| bytes.windows(word.len()).any(|at| at == word.as_bytes()));
            assert!(!found, "{}", file.display());
        }
    }
}

#[tokio::test]
async fn a_lost_key_is_told_and_never_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let (vault, _) = open(folder.path(), "key", 1).await;
    vault.set("db", text("x"), audit("secret.set")).await.unwrap();
    std::fs::remove_file(folder.path().join("key")).unwrap();

    let (vault, _) = open(folder.path(), "key", 1_000).await;
    for message in [
        key_error(vault.reveal("db").await),
        key_error(vault.set("other", text("y"), audit("secret.set")).await),
        key_error(vault.check().await),
    ] {
        assert!(message.contains("is gone") && message.contains("backup"), "{message}");
    }
    assert!(!folder.path().join("key").exists(), "no new key was made");
    // Whoever has no backup can begin anew.
    assert!(vault.remove("db", audit("secret.remove")).await.unwrap());
    vault.set("db", text("z"), audit("secret.set")).await.unwrap();
    assert_eq!(value(&vault, "db").await.as_deref(), Some("z"));
}

#[tokio::test]
async fn another_key_is_told_by_its_mark_and_seals_nothing_beside_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let (vault, store) = open(folder.path(), "key", 1).await;
    vault.set("db", text("x"), audit("secret.set")).await.unwrap();
    let mark = store.secret("db").await.unwrap().unwrap().key_mark;
    std::fs::copy(folder.path().join("key"), folder.path().join("other")).unwrap();
    std::fs::write(folder.path().join("other"), "42".repeat(32)).unwrap();

    let (vault, _) = open(folder.path(), "other", 1_000).await;
    for message in [
        key_error(vault.reveal("db").await),
        key_error(vault.set("new", text("y"), audit("secret.set")).await),
        key_error(vault.check().await),
    ] {
        assert!(message.contains(&mark) && message.contains("other"), "{message}");
    }
}

#[tokio::test]
async fn a_row_under_another_name_does_not_open() {
    let folder = tempfile::tempdir().unwrap();
    let (vault, store) = open(folder.path(), "key", 1).await;
    vault.set("weak", text("x"), audit("secret.set")).await.unwrap();
    let mut row = store.secret("weak").await.unwrap().unwrap();
    row.name = "root".to_owned();
    store.put_secret(&row, &audit("secret.set")).await.unwrap();
    let Err(SecretError::Damaged(message)) = vault.reveal("root").await else { panic!("it opened") };
    assert!(message.contains("`root`"), "{message}");
    assert!(vault.check().await.is_err());
}

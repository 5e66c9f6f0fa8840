//! Secrets over a store: the master key is fetched when it is first needed, and every refusal says what to do.

use std::sync::Arc;

use async_trait::async_trait;
use corral_domain::{Clock, RandomBytes};
use corral_engine::ports::{SecretError, SecretInfo, SecretText, Secrets};
use corral_storage::{Audit, SecretRow, SecretStore};
use tokio::sync::OnceCell;

use crate::key::{KeyError, KeyPlace, MasterKey};
use crate::seal;

/// Keeps secrets sealed in a store.
pub struct Vault {
    store: Arc<dyn SecretStore>,
    place: KeyPlace,
    clock: Arc<dyn Clock>,
    random: Arc<dyn RandomBytes>,
    /// Once it was read it stays: a file that is replaced meanwhile is looked at by the next start.
    key: OnceCell<Arc<MasterKey>>,
}

impl Vault {
    /// A vault that has not touched anything yet.
    pub fn new(
        store: Arc<dyn SecretStore>,
        place: KeyPlace,
        clock: Arc<dyn Clock>,
        random: Arc<dyn RandomBytes>,
    ) -> Self {
        Self { store, place, clock, random, key: OnceCell::new() }
    }

    /// Opens every secret to see whether it can be; tells what was found.
    pub async fn check(&self) -> Result<String, SecretError> {
        let rows = self.store.secrets().await?;
        let place = self.place.path().display();
        if rows.is_empty() {
            return Ok(match self.read_key(0).await {
                Ok(_) => format!("none are kept; their key is {place}"),
                Err(error) if self.place.path().exists() => return Err(error),
                Err(_) => "none are kept; their key is made with the first one".to_owned(),
            });
        }
        let key = self.read_key(rows.len()).await?;
        for row in &rows {
            self.open(&key, row)?;
        }
        Ok(format!("{} are kept, all can be opened with {place}", rows.len()))
    }

    /// The key that is there. `sealed`: how many secrets hang on it.
    async fn read_key(&self, sealed: usize) -> Result<Arc<MasterKey>, SecretError> {
        let read = || async {
            let place = self.place.clone();
            let read = tokio::task::spawn_blocking(move || place.read()).await;
            read.map_err(interrupted)?.map(Arc::new).map_err(|error| lost(&error, sealed))
        };
        self.key.get_or_try_init(read).await.cloned()
    }

    /// The key to seal with, made if nothing was ever sealed.
    async fn key_for(&self, name: &str) -> Result<Arc<MasterKey>, SecretError> {
        let rows = self.store.secrets().await?;
        if !rows.is_empty() {
            let key = self.read_key(rows.len()).await?;
            // Values under two keys could not all be read again with either.
            return match rows.iter().find(|row| row.key_mark != key.mark && row.name != name) {
                Some(row) => Err(self.other_key(&key, row)),
                None => Ok(key),
            };
        }
        let make = || async {
            let (place, random) = (self.place.clone(), self.random.clone());
            let made = tokio::task::spawn_blocking(move || match place.read() {
                Err(KeyError::Missing(_)) => place.make(&*random),
                read => read,
            });
            made.await.map_err(interrupted)?.map(Arc::new).map_err(|error| lost(&error, 0))
        };
        self.key.get_or_try_init(make).await.cloned()
    }

    fn open(&self, key: &MasterKey, row: &SecretRow) -> Result<SecretText, SecretError> {
        if row.key_mark != key.mark {
            return Err(self.other_key(key, row));
        }
        let damaged =
            || SecretError::Damaged(format!("the secret `{}` is damaged in the database; set it anew", row.name));
        let opened = seal::open(&key.bytes, &row.name, &row.sealed).ok_or_else(damaged)?;
        std::str::from_utf8(&opened).map(|text| SecretText::new(text.to_owned())).map_err(|_| damaged())
    }

    fn other_key(&self, key: &MasterKey, row: &SecretRow) -> SecretError {
        SecretError::Key(format!(
            "the secret `{}` was sealed with the key {}, and {} holds the key {}; put the right file back and start the \
             host again, or remove what was sealed with it (`corral secret rm`) and set it anew",
            row.name,
            row.key_mark,
            self.place.path().display(),
            key.mark
        ))
    }
}

fn lost(error: &KeyError, sealed: usize) -> SecretError {
    SecretError::Key(match error {
        KeyError::Missing(path) if sealed > 0 => format!(
            "the key file {} is gone, and without it {sealed} secrets cannot be opened; put it back from a backup, or \
             remove them (`corral secret rm`) and set them anew",
            path.display()
        ),
        error => error.to_string(),
    })
}

fn interrupted(error: tokio::task::JoinError) -> SecretError {
    SecretError::Key(format!("the key could not be read: {error}"))
}

#[async_trait]
impl Secrets for Vault {
    async fn reveal(&self, name: &str) -> Result<Option<SecretText>, SecretError> {
        let Some(row) = self.store.secret(name).await? else { return Ok(None) };
        let key = self.read_key(1).await?;
        self.open(&key, &row).map(Some)
    }

    async fn list(&self) -> Result<Vec<SecretInfo>, SecretError> {
        let rows = self.store.secrets().await?;
        let info =
            |row: SecretRow| SecretInfo { name: row.name, created_at: row.created_at, updated_at: row.updated_at };
        Ok(rows.into_iter().map(info).collect())
    }

    async fn set(&self, name: &str, value: SecretText, audit: Audit) -> Result<(), SecretError> {
        let key = self.key_for(name).await?;
        let sealed = seal::seal(&key.bytes, name, value.expose().as_bytes(), &*self.random)
            .ok_or_else(|| SecretError::Damaged(format!("the secret `{name}` cannot be sealed: it is too long")))?;
        let now = self.clock.now();
        let key_mark = key.mark.clone();
        let row = SecretRow { name: name.to_owned(), key_mark, sealed, created_at: now, updated_at: now };
        Ok(self.store.put_secret(&row, &audit).await?)
    }

    async fn remove(&self, name: &str, audit: Audit) -> Result<bool, SecretError> {
        Ok(self.store.remove_secret(name, &audit).await?)
    }
}

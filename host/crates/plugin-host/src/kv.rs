//! Small durable state of one plugin: a map in memory, written to one file. The file is replaced as a whole, at most
//! every [`FLUSH_EVERY`]; a crash loses what was set within that time, and never damages what was there before.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Longest time between a change and its write.
pub const FLUSH_EVERY: Duration = Duration::from_millis(500);
/// Most bytes of keys and values of one plugin.
pub const QUOTA_BYTES: usize = 1 << 20;
/// Most keys of one plugin.
pub const QUOTA_KEYS: usize = 1024;
/// Longest key, in bytes.
pub const KEY_MAX: usize = 256;

/// Why a value was not kept.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum KvError {
    /// The key is not one.
    #[error("a key has 1 to {KEY_MAX} bytes")]
    Key,
    /// No room.
    #[error("the plugin's state is full: at most {QUOTA_BYTES} bytes and {QUOTA_KEYS} keys; delete something first")]
    Full,
}

/// The state of one plugin.
pub struct Kv {
    path: PathBuf,
    values: Mutex<BTreeMap<String, Vec<u8>>>,
    dirty: AtomicBool,
    refused: AtomicU64,
}

impl Kv {
    /// Reads a plugin's state. A damaged file is set aside and the plugin begins anew: state is a convenience, and a
    /// plugin that cannot start for it would be worse.
    pub fn open(path: &Path) -> Self {
        let values = match std::fs::read(path) {
            Ok(bytes) => decode(&bytes).unwrap_or_else(|| {
                let aside = path.with_extension("damaged");
                tracing::error!(file = %path.display(), "a plugin's stored state is damaged; set aside beside it");
                let _ = std::fs::rename(path, aside);
                BTreeMap::new()
            }),
            Err(_) => BTreeMap::new(),
        };
        Self {
            path: path.to_owned(),
            values: Mutex::new(values),
            dirty: AtomicBool::new(false),
            refused: AtomicU64::new(0),
        }
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<Vec<u8>> {
        self.lock().get(key).cloned()
    }

    /// Sets a key, within the quota.
    pub fn set(&self, key: &str, value: Vec<u8>) -> Result<(), KvError> {
        if key.is_empty() || key.len() > KEY_MAX {
            return Err(KvError::Key);
        }
        let mut values = self.lock();
        let others: usize = values.iter().filter(|(k, _)| *k != key).map(|(k, v)| k.len() + v.len()).sum();
        let keys = values.len() + usize::from(!values.contains_key(key));
        if others + key.len() + value.len() > QUOTA_BYTES || keys > QUOTA_KEYS {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(KvError::Full);
        }
        values.insert(key.to_owned(), value);
        self.dirty.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// How often there was no room.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Forgets a key.
    pub fn delete(&self, key: &str) {
        if self.lock().remove(key).is_some() {
            self.dirty.store(true, Ordering::SeqCst);
        }
    }

    /// Keys with a prefix, sorted.
    pub fn keys(&self, prefix: &str) -> Vec<String> {
        self.lock().keys().filter(|key| key.starts_with(prefix)).cloned().collect()
    }

    /// Whether something was not written yet.
    pub fn is_dirty(&self) -> bool {
        self.dirty.load(Ordering::SeqCst)
    }

    /// Writes what changed since the last time. Blocks on the disk.
    pub fn flush(&self) {
        if !self.dirty.swap(false, Ordering::SeqCst) {
            return;
        }
        let bytes = encode(&self.lock());
        if let Err(error) = replace(&self.path, &bytes) {
            self.dirty.store(true, Ordering::SeqCst);
            tracing::warn!(file = %self.path.display(), %error, "a plugin's state cannot be written; tried again soon");
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir)?;
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(bytes)?;
    file.as_file().sync_data()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

const MAGIC: &[u8] = b"corral-kv-1\n";

fn encode(values: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    for (key, value) in values {
        for part in [key.as_bytes(), value] {
            bytes.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
            bytes.extend_from_slice(part);
        }
    }
    bytes
}

fn decode(bytes: &[u8]) -> Option<BTreeMap<String, Vec<u8>>> {
    fn part<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
        let (len, after) = rest.split_first_chunk::<4>()?;
        let (part, after) = after.split_at_checked(u32::from_le_bytes(*len) as usize)?;
        *rest = after;
        Some(part)
    }
    let mut rest = bytes.strip_prefix(MAGIC)?;
    let mut values = BTreeMap::new();
    while !rest.is_empty() {
        let key = String::from_utf8(part(&mut rest)?.to_vec()).ok()?;
        values.insert(key, part(&mut rest)?.to_vec());
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_flushed_is_there_again_and_the_quota_holds() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p/kv");
        let kv = Kv::open(&path);
        kv.set("a/1", vec![0, 255]).unwrap();
        kv.set("a/2", vec![]).unwrap();
        kv.set("b", vec![7]).unwrap();
        kv.delete("b");
        assert_eq!(kv.set("", vec![]), Err(KvError::Key));
        assert_eq!(kv.set("big", vec![0; QUOTA_BYTES]), Err(KvError::Full));
        assert_eq!(kv.refused(), 1);
        kv.flush();
        let again = Kv::open(&path);
        assert_eq!(again.keys("a/"), ["a/1", "a/2"]);
        assert_eq!(again.get("a/1"), Some(vec![0, 255]));
        assert_eq!(again.get("b"), None);
    }

    #[test]
    fn a_damaged_file_is_set_aside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kv");
        std::fs::write(&path, b"corral-kv-1\n\xff\xff").unwrap();
        assert_eq!(Kv::open(&path).keys(""), Vec::<String>::new());
        assert!(path.with_extension("damaged").exists());
    }
}

//! The log files: one for each day on which jobs were made, opened when asked for, few kept open.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use corral_domain::JobId;
use corral_storage::{LogFile, StorageError};
use tokio::sync::OnceCell;

use crate::SqliteOptions;
use crate::database::Database;
use crate::migrate::Schema;

/// Log files kept open. One that nobody uses costs no connections; this bounds what scans of old logs leave behind.
const OPEN_MAX: usize = 8;

type Slot = Arc<OnceCell<Database>>;

/// Gives out log files.
#[derive(Debug, Clone)]
pub(crate) struct DayFiles {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    dir: PathBuf,
    options: SqliteOptions,
    /// Most recently used last. A file that is pushed out stays open for those who hold it; opened again
    /// meanwhile it has two writers for a moment, which SQLite's own lock keeps apart.
    open: Mutex<Vec<(String, Slot)>>,
}

/// The day whose file holds a job's output: that of the time in its id, in UTC.
pub(crate) fn day_of(job: JobId) -> String {
    let time = job.made_at().to_string();
    // Years beyond 9999 and damaged ids have no such form; they share a file.
    time.get(..10).filter(|day| day.bytes().all(|b| b.is_ascii_digit() || b == b'-')).unwrap_or("other").to_owned()
}

impl DayFiles {
    pub(crate) fn new(dir: PathBuf, options: SqliteOptions) -> Self {
        Self { inner: Arc::new(Inner { dir, options, open: Mutex::default() }) }
    }

    /// The file of a day, made if it is not there.
    pub(crate) async fn file(&self, day: &str) -> Result<Database, StorageError> {
        let slot = self.slot(day);
        let path = self.path(day);
        slot.get_or_try_init(|| Database::open(&path, Schema::Logs, self.inner.options)).await.cloned()
    }

    /// The file with a job's output, if there is one.
    pub(crate) async fn existing(&self, job: JobId) -> Result<Option<Database>, StorageError> {
        let day = day_of(job);
        if !self.is_open(&day) && !exists(&self.path(&day)).await? {
            return Ok(None);
        }
        self.file(&day).await.map(Some)
    }

    /// All files with what they and their write-ahead logs take, in no order.
    pub(crate) async fn all(&self) -> Result<Vec<LogFile>, StorageError> {
        let fail = |error| StorageError::Database { doing: "looking for log files", source: Box::new(error) };
        let mut entries = tokio::fs::read_dir(&self.inner.dir).await.map_err(fail)?;
        let mut files = Vec::new();
        while let Some(entry) = entries.next_entry().await.map_err(fail)? {
            let name = entry.file_name();
            let Some(day) = name.to_str().and_then(|name| name.strip_suffix(".db")) else { continue };
            let mut bytes = 0;
            for path in self.parts(day) {
                bytes += tokio::fs::metadata(&path).await.map_or(0, |found| found.len());
            }
            files.push(LogFile { day: day.to_owned(), bytes });
        }
        Ok(files)
    }

    /// Closes a file and removes it. Readers that hold it are waited for.
    pub(crate) async fn remove(&self, day: &str) -> Result<(), StorageError> {
        let [file, rest @ ..] = self.parts(day);
        // SQLite folds its write-ahead log into the file and removes it; none may stay behind for another file of that name.
        self.shut(day).await;
        remove(&file).await?;
        // A reader may have opened it again in between.
        self.shut(day).await;
        for path in rest {
            remove(&path).await?;
        }
        Ok(())
    }

    async fn shut(&self, day: &str) {
        let slot = {
            let mut open = self.lock();
            open.iter().position(|(open, _)| open == day).map(|at| open.remove(at).1)
        };
        if let Some(file) = slot.as_ref().and_then(|slot| slot.get()) {
            file.close().await;
        }
    }

    pub(crate) async fn close(&self) {
        let open = std::mem::take(&mut *self.lock());
        for (_, slot) in open {
            if let Some(file) = slot.get() {
                file.close().await;
            }
        }
    }

    fn path(&self, day: &str) -> PathBuf {
        self.inner.dir.join(format!("{day}.db"))
    }

    /// The file of a day and what SQLite puts beside it.
    fn parts(&self, day: &str) -> [PathBuf; 3] {
        ["", "-wal", "-shm"].map(|end| self.inner.dir.join(format!("{day}.db{end}")))
    }

    fn slot(&self, day: &str) -> Slot {
        let mut open = self.lock();
        let slot = match open.iter().position(|(open, _)| open == day) {
            Some(at) => open.remove(at).1,
            None => Slot::default(),
        };
        open.push((day.to_owned(), Arc::clone(&slot)));
        if open.len() > OPEN_MAX {
            open.remove(0);
        }
        slot
    }

    fn is_open(&self, day: &str) -> bool {
        self.lock().iter().any(|(open, slot)| open == day && slot.initialized())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(String, Slot)>> {
        // The list is whole at every step; a panic elsewhere does not spoil it.
        self.inner.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn remove(path: &Path) -> Result<(), StorageError> {
    match tokio::fs::remove_file(path).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StorageError::Database { doing: "removing a log file", source: Box::new(error) })
        }
        _ => Ok(()),
    }
}

async fn exists(path: &Path) -> Result<bool, StorageError> {
    tokio::fs::try_exists(path)
        .await
        .map_err(|error| StorageError::Database { doing: "looking for a log file", source: Box::new(error) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_is_that_of_the_id_in_utc() {
        let last_of_2023: JobId = "018cc251-f3ff-7000-8000-000000000000".parse().unwrap();
        assert_eq!(last_of_2023.made_at().to_string(), "2023-12-31T23:59:59.999Z");
        assert_eq!(day_of(last_of_2023), "2023-12-31");
        let first_of_2024: JobId = "018cc251-f400-7000-8000-000000000000".parse().unwrap();
        assert_eq!(day_of(first_of_2024), "2024-01-01");
    }

    #[test]
    fn an_id_without_a_sensible_time_has_a_file_too() {
        assert_eq!(day_of("ffffffff-ffff-7fff-bfff-ffffffffffff".parse().unwrap()), "other");
        assert_eq!(day_of("ffffffff-ffff-4fff-bfff-ffffffffffff".parse().unwrap()), "1970-01-01");
    }
}

//! The data folder: where it is, who may look into it, and the lock that lets one host at a time work on it.
//!
//! Invariants: the folder is 0700 and what is written here is 0600; a file is replaced by rename, never half-written;
//! the lock is held by the open file, so it falls with the process, however that ends.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cli::exit::{Exit, Failure};

const LOCK_FILE: &str = "lock";
const RUN_FILE: &str = "run.json";
/// Asked for in vain this long before giving up: a host that was just killed may still be closing its files.
const LOCK_PATIENCE: std::time::Duration = std::time::Duration::from_millis(300);
const LOCK_PAUSE: std::time::Duration = std::time::Duration::from_millis(30);

/// A data folder that exists and can be used.
#[derive(Debug, Clone)]
pub struct DataDir {
    path: PathBuf,
}

/// What a running host tells its own command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunInfo {
    /// Where it answers on this machine.
    pub url: String,
    /// Its process.
    pub pid: u32,
}

/// Held while a host works on the folder.
#[derive(Debug)]
pub struct DataLock {
    _file: File,
}

/// `$XDG_CONFIG_HOME`, or `~/.config`.
pub fn config_home() -> Option<PathBuf> {
    from_env("XDG_CONFIG_HOME").or_else(|| from_env("HOME").map(|home| home.join(".config")))
}

/// `$XDG_DATA_HOME/corral`, or `~/.local/share/corral`.
pub fn default_path() -> Result<PathBuf, Failure> {
    from_env("XDG_DATA_HOME")
        .or_else(|| from_env("HOME").map(|home| home.join(".local/share")))
        .map(|home| home.join("corral"))
        .ok_or_else(|| {
            Failure::new(Exit::DataFolder, "neither HOME nor XDG_DATA_HOME is set, so there is no default data folder")
                .hint("name one with --data")
        })
}

/// Relative paths in these variables are to be ignored (XDG Base Directory Specification).
fn from_env(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute())
}

impl DataDir {
    /// The folder, made if it is not there and closed to others.
    pub fn prepare(path: Option<&Path>) -> Result<Self, Failure> {
        let path = path.map_or_else(default_path, |path| Ok(path.to_owned()))?;
        let fail = |what: &str, error: &io::Error| unusable(&path, what, error);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .map_err(|error| fail("cannot be made", &error))?;
        let path = path.canonicalize().map_err(|error| fail("cannot be opened", &error))?;
        let mode = fs::metadata(&path).map_err(|error| fail("cannot be looked at", &error))?.permissions().mode();
        if mode & 0o077 != 0 {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700))
                .map_err(|error| fail("is open to others and cannot be closed", &error))?;
        }
        let probe = tempfile::Builder::new().prefix(".probe-").tempfile_in(&path);
        probe.map_err(|error| fail("cannot be written to", &error))?;
        Ok(Self { path })
    }

    /// The folder as it is; an error says that nothing is there yet.
    pub fn existing(path: Option<&Path>) -> Result<Self, Failure> {
        let path = path.map_or_else(default_path, |path| Ok(path.to_owned()))?;
        if path.join("state.db").is_file() {
            return Ok(Self { path });
        }
        Err(Failure::new(Exit::DataFolder, format!("there is no Corral database in {}", path.display()))
            .hint("name the host's data folder with --data, or start it once with `corral serve`"))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Claims the folder for this process.
    pub fn lock(&self) -> Result<DataLock, Failure> {
        let path = self.path.join(LOCK_FILE);
        let fail = |error: &io::Error| unusable(&path, "cannot be locked", error);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|error| fail(&error))?;
        let begun = std::time::Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(fs::TryLockError::WouldBlock) if begun.elapsed() < LOCK_PATIENCE => std::thread::sleep(LOCK_PAUSE),
                Err(fs::TryLockError::WouldBlock) => return Err(self.taken(&mut file)),
                Err(fs::TryLockError::Error(error)) => return Err(fail(&error)),
            }
        }
        let write = |file: &mut File| {
            file.set_len(0)?;
            file.rewind()?;
            write!(file, "{}", std::process::id())
        };
        write(&mut file).map_err(|error| fail(&error))?;
        Ok(DataLock { _file: file })
    }

    fn taken(&self, file: &mut File) -> Failure {
        let mut pid = String::new();
        let read = file.take(20).read_to_string(&mut pid);
        let who = match (read, pid.trim().parse::<u32>()) {
            (Ok(_), Ok(pid)) => format!("the process with pid {pid}"),
            _ => "another process".to_owned(),
        };
        Failure::new(Exit::Locked, format!("{who} already works on the data folder {}", self.path.display()))
            .hint("end it first, or give this one a folder of its own with --data")
    }

    /// Whether a host holds the folder now.
    pub fn is_locked(&self) -> bool {
        let Ok(file) = File::open(self.path.join(LOCK_FILE)) else { return false };
        matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock))
    }

    /// Leaves word for the command line where this host answers.
    pub fn write_run_info(&self, info: &RunInfo) -> io::Result<()> {
        write_private(&self.path.join(RUN_FILE), serde_json::to_string(info)?.as_bytes())
    }

    /// Where the host on this folder answers, if one runs.
    pub fn run_info(&self) -> Option<RunInfo> {
        if !self.is_locked() {
            return None;
        }
        serde_json::from_slice(&fs::read(self.path.join(RUN_FILE)).ok()?).ok()
    }

    /// The host no longer answers.
    pub fn remove_run_info(&self) {
        // Without the lock it is not believed anyway.
        let _ = fs::remove_file(self.path.join(RUN_FILE));
    }
}

/// Writes a file that only its owner may read; readers see the old one or the new one.
pub fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    // Files made by tempfile are 0600.
    let mut file = tempfile::Builder::new().prefix(".corral-").tempfile_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn unusable(path: &Path, what: &str, error: &io::Error) -> Failure {
    let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    let exit = if full { Exit::DiskFull } else { Exit::DataFolder };
    let hint = if full {
        "make room on that disk, or name a folder on another one with --data"
    } else {
        "name a folder that this account may write to with --data"
    };
    Failure::new(exit, format!("{} {what}: {error}", path.display())).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_others_could_read_is_closed() {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("data");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        DataDir::prepare(Some(&path)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_second_claim_names_the_holder_and_succeeds_once_it_is_gone() {
        let outer = tempfile::tempdir().unwrap();
        let data = DataDir::prepare(Some(outer.path())).unwrap();
        let held = data.lock().unwrap();
        assert!(data.is_locked());
        let error = data.lock().unwrap_err();
        assert_eq!(error.exit, Exit::Locked);
        assert!(error.message.contains(&std::process::id().to_string()), "{}", error.message);
        drop(held);
        assert!(!data.is_locked());
        data.lock().unwrap();
    }

    #[test]
    fn word_of_a_host_that_is_gone_is_not_believed() {
        let outer = tempfile::tempdir().unwrap();
        let data = DataDir::prepare(Some(outer.path())).unwrap();
        let info = RunInfo { url: "http://127.0.0.1:1".to_owned(), pid: 1 };
        let held = data.lock().unwrap();
        data.write_run_info(&info).unwrap();
        assert_eq!(data.run_info(), Some(info));
        assert_eq!(fs::metadata(data.path().join(RUN_FILE)).unwrap().permissions().mode() & 0o777, 0o600);
        drop(held);
        assert_eq!(data.run_info(), None);
    }
}

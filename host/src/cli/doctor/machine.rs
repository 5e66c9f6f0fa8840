//! The machine: data folder, room on the disk, limits of the process.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::{Check, OTHERS_BITS};

const MIB: u64 = 1024 * 1024;
const FREE_WANTED: u64 = 2_048 * MIB;
const FREE_NEEDED: u64 = 128 * MIB;
/// A thousand VMs with a connection each, a database, some dashboards.
const FILES_WANTED: u64 = 2_048;

/// The data folder, if there is one.
pub fn data_folder(path: &Path) -> Vec<Check> {
    const NAME: &str = "data folder";
    let shown = path.display();
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => metadata,
        Ok(_) => return vec![Check::fail(NAME, format!("{shown} is not a folder"), "name another with --data")],
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return vec![Check::ok(NAME, format!("{shown} is not there yet; the first start makes it"))];
        }
        Err(error) => {
            return vec![Check::fail(NAME, format!("{shown}: {error}"), "let this account read and write it")];
        }
    };
    let mode = metadata.permissions().mode() & 0o777;
    let access = if mode.trailing_zeros() >= OTHERS_BITS {
        Check::ok(NAME, format!("{shown}, open to nobody else"))
    } else {
        Check::warn(NAME, format!("{shown} is open to others (mode {mode:o})"), format!("chmod 700 {shown}"))
    };
    let write = match tempfile::Builder::new().prefix(".probe-").tempfile_in(path) {
        Ok(_) => Check::ok("writing", "files can be made in it"),
        Err(error) => Check::fail("writing", format!("no file can be made in {shown}: {error}"), "chown or chmod it"),
    };
    vec![access, write]
}

/// Room on the disk of the data folder.
pub fn disk(path: &Path) -> Check {
    const NAME: &str = "free disk";
    let existing: PathBuf = path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/")).to_owned();
    match fs4::available_space(&existing) {
        Err(error) => Check::warn(NAME, format!("cannot be told: {error}"), "look with `df`"),
        Ok(free) => {
            let found = format!("{} MiB", free / MIB);
            match free {
                0..FREE_NEEDED => Check::fail(NAME, found, "make room: without it no output can be kept"),
                FREE_NEEDED..FREE_WANTED => Check::warn(NAME, found, "make room before output fills it"),
                _ => Check::ok(NAME, found),
            }
        }
    }
}

/// How many files the process may open: each connection is one.
pub fn open_files() -> Check {
    const NAME: &str = "open files";
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    match limit.current {
        Some(files) if files < FILES_WANTED => {
            Check::warn(NAME, format!("at most {files}"), format!("ulimit -n {FILES_WANTED}, for a fleet of hundreds"))
        }
        Some(files) => Check::ok(NAME, format!("at most {files}")),
        None => Check::ok(NAME, "as many as one likes"),
    }
}

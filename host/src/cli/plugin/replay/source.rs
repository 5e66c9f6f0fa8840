//! Where the filter comes from: a folder, or the binary.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::bundled;
use crate::cli::exit::{Exit, Failure};
use crate::cli::plugin::build::fresh;
use crate::cli::plugin::project::Project;
use crate::cli::resolve;

/// A plugin in a folder.
pub struct Source {
    folder: PathBuf,
    _unpacked: Option<TempDir>,
}

impl Source {
    /// A project, which is built if need be; a built plugin; or one that comes with Corral, by its id.
    pub async fn find(written: &str) -> Result<Self, Failure> {
        let path = Path::new(written);
        if path.join("plugin.toml").is_file() || path.is_dir() {
            return Ok(Self { folder: fresh(&Project::open(path)?).await?, _unpacked: None });
        }
        let prefix = format!("{written}/");
        let files: Vec<_> = bundled::plugins().iter().filter(|(name, _)| name.starts_with(&prefix)).collect();
        if files.is_empty() {
            let ids: Vec<String> = bundled::plugins()
                .iter()
                .filter_map(|(name, _)| name.strip_suffix("/plugin.toml"))
                .map(str::to_owned)
                .collect();
            let failure = resolve::unknown("plugin here", written, &ids, "corral plugin ls");
            return Err(
                failure.hint(format!("name the folder of a plugin, or one that comes with Corral: {}", ids.join(", ")))
            );
        }
        let fail = |error: std::io::Error| Failure::new(Exit::Internal, format!("no folder for the plugin: {error}"));
        let unpacked = tempfile::tempdir().map_err(fail)?;
        for (name, content) in files {
            fs::write(unpacked.path().join(name.trim_start_matches(&prefix)), content).map_err(fail)?;
        }
        Ok(Self { folder: unpacked.path().to_owned(), _unpacked: Some(unpacked) })
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

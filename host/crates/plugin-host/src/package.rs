//! A plugin's files as they lie in a folder or in the binary. Blocking; called off the async threads.
//!
//! Whoever may write into a plugin's folder decides what lies there, and the host looks at it again and again. So nothing is read that
//! has no bounded size, is no file, or lies elsewhere: a pipe would never come to an end, and a message about a manifest that is a link to
//! another file would show what is in that.

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::config::Bundled;
use crate::error::LoadError;
use crate::manifest::MANIFEST_MAX;
use crate::units::show_size;

/// Largest component, in bytes.
pub const WASM_MAX: u64 = 64 << 20;
/// Largest schema, in bytes.
pub const SCHEMA_MAX: u64 = 256 << 10;
/// Of a plugin's own text, so many bytes are shown.
const README_MAX: u64 = 64 << 10;
/// The file name of a plugin's own text.
pub const README: &str = "README.md";
/// The manifest's file name.
pub const MANIFEST: &str = "plugin.toml";
/// The component's file name.
pub const COMPONENT: &str = "plugin.wasm";

/// What a plugin is made of.
#[derive(Debug, Clone)]
pub struct Package {
    /// Text of the manifest.
    pub manifest: String,
    /// The component, or why it could not be read: the manifest is judged first.
    pub wasm: Result<Bytes, String>,
    /// The schema that the manifest names, or why it could not be read; none where it names none.
    pub schema: Option<Result<String, String>>,
}

impl Package {
    /// Of a plugin inside the binary.
    pub fn of_bundled(bundled: &Bundled) -> Self {
        let schema = bundled.schema.clone().map(Ok);
        Self { manifest: bundled.manifest.clone(), wasm: Ok(bundled.wasm.clone()), schema }
    }

    /// Reads a folder.
    pub fn read(folder: &Path) -> Result<Self, LoadError> {
        let manifest = read_manifest(folder).map_err(|problem| LoadError::Read { what: MANIFEST.into(), problem })?;
        let wasm = read_bounded(folder, COMPONENT, WASM_MAX).map(Bytes::from);
        let schema = schema_name(&manifest).map(|name| read_text(folder, &name, SCHEMA_MAX));
        Ok(Self { manifest, wasm, schema })
    }

    /// A digest of all of it; of the component its own, which is at hand.
    pub fn digest(&self, wasm: Option<&str>) -> String {
        let mut digest = Sha256::new();
        let mut part = |bytes: Result<&[u8], &String>| {
            let (head, bytes) = match bytes {
                Ok(bytes) => (b'+', bytes),
                Err(problem) => (b'-', problem.as_bytes()),
            };
            digest.update([head]);
            digest.update((bytes.len() as u64).to_le_bytes());
            digest.update(bytes);
        };
        part(Ok(self.manifest.as_bytes()));
        part(self.wasm.as_ref().map(|_| wasm.unwrap_or_default().as_bytes()));
        if let Some(schema) = &self.schema {
            part(schema.as_ref().map(String::as_bytes));
        }
        crate::cache::hex(&digest.finalize())
    }
}

/// Text of a folder's manifest.
pub fn read_manifest(folder: &Path) -> Result<String, String> {
    read_text(folder, MANIFEST, MANIFEST_MAX as u64)
}

/// The file that a manifest names as its configuration's schema, however wrong the rest is. One that is no name of a file beside it
/// is refused with the manifest.
fn schema_name(manifest: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Config {
        schema: Option<String>,
    }
    #[derive(Deserialize)]
    struct ConfigOnly {
        config: Option<Config>,
    }
    let name = toml::from_str::<ConfigOnly>(manifest).ok()?.config?.schema?;
    crate::manifest::is_beside(&name).then_some(name)
}

fn read_text(folder: &Path, name: &str, most: u64) -> Result<String, String> {
    String::from_utf8(read_bounded(folder, name, most)?).map_err(|_| "it is not UTF-8".into())
}

/// The beginning of a folder's `README.md`, if it has one.
pub fn readme(folder: &Path) -> Option<String> {
    let (file, _) = open(folder, README).ok()?;
    let mut bytes = Vec::new();
    file.take(README_MAX).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Opens a file of the folder: a regular one, and nothing that lies elsewhere.
fn open(folder: &Path, name: &str) -> Result<(File, fs::Metadata), String> {
    let path = within(folder, name)?;
    // Opening a pipe would wait for somebody who writes into it.
    let wait_for_nobody = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let open = || -> std::io::Result<(File, fs::Metadata)> {
        let file = OpenOptions::new().read(true).custom_flags(wait_for_nobody).open(&path)?;
        let meta = file.metadata()?;
        Ok((file, meta))
    };
    let (file, meta) = open().map_err(|error| error.to_string())?;
    if meta.is_file() { Ok((file, meta)) } else { Err("it is not a regular file; put the file itself there".into()) }
}

/// Reads a file of the folder. One that is too large is refused before its first byte is read.
fn read_bounded(folder: &Path, name: &str, most: u64) -> Result<Vec<u8>, String> {
    let (file, meta) = open(folder, name)?;
    let too_large = |bytes: u64| format!("it has {bytes} bytes; at most {} are read", show_size(most));
    if meta.len() > most {
        return Err(too_large(meta.len()));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or(0));
    // It may have grown since.
    file.take(most + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > most { Err(too_large(bytes.len() as u64)) } else { Ok(bytes) }
}

/// Where a file of the folder is, links followed; they must not lead out of the folder.
fn within(folder: &Path, name: &str) -> Result<PathBuf, String> {
    let real = |path: &Path| {
        fs::canonicalize(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => format!("it is not there ({error})"),
            _ => error.to_string(),
        })
    };
    let (folder, path) = (real(folder)?, real(&folder.join(name))?);
    if path.starts_with(&folder) {
        Ok(path)
    } else {
        Err("it is a link out of the plugin's folder; copy the file there instead".into())
    }
}

/// Name, size, time and inode of every file of a plugin: whether one was changed.
pub type Fingerprint = Vec<(String, u64, i64, i64, u64)>;

/// The fingerprint of a folder, and its manifest as far as it can be read; none if it holds no manifest and so is no plugin.
pub fn look(folder: &Path) -> Option<(Fingerprint, String)> {
    fs::symlink_metadata(folder.join(MANIFEST)).ok()?;
    let mut files: Fingerprint = [MANIFEST, COMPONENT].iter().map(|name| trace(folder, name)).collect();
    // After its trace was taken: what changes in between is seen the next time.
    let manifest = read_manifest(folder).unwrap_or_default();
    files.extend(schema_name(&manifest).map(|name| trace(folder, &name)));
    Some((files, manifest))
}

/// What the system tells of a file. Links are followed: what counts is what would be read.
fn trace(folder: &Path, name: &str) -> (String, u64, i64, i64, u64) {
    let meta = fs::metadata(folder.join(name)).ok();
    let (len, seconds, nanos, inode) =
        meta.map_or((0, 0, 0, 0), |meta| (meta.len(), meta.mtime(), meta.mtime_nsec(), meta.ino()));
    (name.to_owned(), len, seconds, nanos, inode)
}

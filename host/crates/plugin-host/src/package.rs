//! A plugin's files as they lie in a folder or in the binary. Blocking; called off the async threads.

use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::config::Bundled;
use crate::error::LoadError;
use crate::manifest::MANIFEST_MAX;

/// Largest component, in bytes.
pub const WASM_MAX: u64 = 64 << 20;
/// Largest schema, in bytes.
const SCHEMA_MAX: u64 = 1 << 20;
/// Of a plugin's own text, so many bytes are shown.
const README_MAX: u64 = 64 << 10;
/// The file name of a plugin's own text.
const README: &str = "README.md";
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
    /// Texts of the JSON files beside the manifest: name and content.
    pub schemas: Vec<(String, String)>,
}

impl Package {
    /// Of a plugin inside the binary.
    pub fn of_bundled(bundled: &Bundled) -> Self {
        let schemas = bundled.schema.iter().map(|text| (String::new(), text.clone())).collect();
        Self { manifest: bundled.manifest.clone(), wasm: Ok(bundled.wasm.clone()), schemas }
    }

    /// Reads a folder.
    pub fn read(folder: &Path) -> Result<Self, LoadError> {
        let manifest = read_bounded(&folder.join(MANIFEST), MANIFEST_MAX as u64 + 1)
            .and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is not UTF-8".into()))
            .map_err(|problem| LoadError::Read { what: MANIFEST.into(), problem })?;
        let wasm = read_bounded(&folder.join(COMPONENT), WASM_MAX + 1).and_then(|bytes| {
            let fits = bytes.len() as u64 <= WASM_MAX;
            if fits { Ok(Bytes::from(bytes)) } else { Err(format!("it has more than {WASM_MAX} bytes")) }
        });
        let mut schemas = Vec::new();
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if Path::new(&name).extension().is_some_and(|extension| extension == "json")
                && let Ok(bytes) = read_bounded(&entry.path(), SCHEMA_MAX)
                && let Ok(text) = String::from_utf8(bytes)
            {
                schemas.push((name, text));
            }
        }
        schemas.sort();
        Ok(Self { manifest, wasm, schemas })
    }

    /// Text of the configuration's schema.
    pub fn schema(&self, name: &str) -> Option<&str> {
        self.schemas.iter().find(|(file, _)| file == name || file.is_empty()).map(|(_, text)| text.as_str())
    }

    /// A digest of all of it.
    pub fn digest(&self) -> String {
        let mut digest = Sha256::new();
        digest.update(self.manifest.as_bytes());
        match &self.wasm {
            Ok(wasm) => digest.update(wasm),
            Err(problem) => digest.update(problem.as_bytes()),
        }
        for (name, text) in &self.schemas {
            digest.update(name.as_bytes());
            digest.update(text.as_bytes());
        }
        crate::cache::hex(&digest.finalize())
    }
}

/// The beginning of a folder's `README.md`, if it has one.
pub fn readme(folder: &Path) -> Option<String> {
    let bytes = read_bounded(&folder.join(README), README_MAX).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn read_bounded(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let read = || -> std::io::Result<Vec<u8>> {
        let file = fs::File::open(path)?;
        if !file.metadata()?.is_file() {
            return Err(std::io::Error::other("it is not a regular file"));
        }
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(|error| error.to_string())
}

/// Name, size, time and inode of every file of a plugin: whether one was changed.
pub type Fingerprint = Vec<(String, u64, i64, i64, u64)>;

/// The fingerprint of a folder; none if it holds no manifest and so is no plugin.
pub fn fingerprint(folder: &Path) -> Option<Fingerprint> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).ok()?.flatten().take(FILES_MAX) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let relevant = name == MANIFEST
            || name == COMPONENT
            || Path::new(&name).extension().is_some_and(|extension| extension == "json");
        // Follows links: what counts is what would be read.
        if relevant && let Ok(meta) = fs::metadata(entry.path()) {
            files.push((name, meta.len(), meta.mtime(), meta.mtime_nsec(), meta.ino()));
        }
    }
    files.sort();
    files.iter().any(|file| file.0 == MANIFEST).then_some(files)
}

/// Most files of a folder that are looked at.
const FILES_MAX: usize = 256;

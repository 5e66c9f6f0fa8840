//! Native code of compiled plugins on disk, so that a start takes a millisecond instead of a compilation.
//!
//! Invariants: loading native code is trusting it, so only files that this account wrote are loaded. The folder is a
//! real folder of ours with mode 0700, every file in it is a regular file of ours that nobody else can write, and its
//! content matches the digest in its head, which finds torn and rotten files. A key holds the digest of the component
//! and of everything in the engine's settings that decides about compatibility; wasmtime checks the latter again.

use std::fs::{self, File, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

const MAGIC: &[u8; 16] = b"corral-native-1\n";
const HEAD: usize = MAGIC.len() + 32;
/// Most compiled plugins that are kept; the oldest go first.
const ENTRIES_MAX: usize = 64;
/// Largest compiled plugin that is kept, in bytes.
const ENTRY_MAX: u64 = 512 << 20;
const SUFFIX: &str = "native";

/// The folder of compiled plugins.
#[derive(Debug)]
pub struct CodeCache {
    dir: PathBuf,
    engine_key: String,
}

impl CodeCache {
    /// Opens the folder, and makes it if it is not there. Refuses one that others could write to.
    pub fn open(dir: &Path, engine: &Engine) -> Result<Self, String> {
        let problem = |what: &str| format!("the folder `{}` {what}", dir.display());
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
        made.map_err(|error| problem(&format!("cannot be made: {error}")))?;
        let meta = fs::symlink_metadata(dir).map_err(|error| problem(&format!("cannot be read: {error}")))?;
        if !meta.is_dir() {
            return Err(problem("is not a folder (a link is not followed)"));
        }
        if meta.uid() != own_uid() || meta.mode() & 0o077 != 0 {
            return Err(problem("must belong to the account that runs the host and have mode 0700"));
        }
        let mut hasher = KeyHasher(Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let cache = Self { dir: dir.to_owned(), engine_key: hex(&hasher.0.finalize()[..8]) };
        cache.shrink();
        Ok(cache)
    }

    /// Native code of a component, if it is here and sound. A file that is not is removed.
    pub fn load(&self, engine: &Engine, digest: &str) -> Option<Component> {
        let path = self.path(digest);
        let loaded = read_checked(&path).and_then(|code| deserialize(engine, &code).map_err(io::Error::other));
        match loaded {
            Ok(component) => Some(component),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(file = %path.display(), %error, "a cached plugin is not usable and is compiled anew");
                let _ = fs::remove_file(&path);
                None
            }
        }
    }

    /// Keeps the native code of a component. The file appears whole or not at all.
    pub fn store(&self, component: &Component, digest: &str) -> io::Result<()> {
        let code = component.serialize().map_err(io::Error::other)?;
        let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(&self.dir)?;
        file.write_all(MAGIC)?;
        file.write_all(&Sha256::digest(&code))?;
        file.write_all(&code)?;
        file.persist(self.path(digest)).map_err(|error| error.error)?;
        Ok(())
    }

    fn path(&self, digest: &str) -> PathBuf {
        self.dir.join(format!("{digest}-{}.{SUFFIX}", self.engine_key))
    }

    /// Removes the oldest files beyond the bound, and what an interrupted write left.
    fn shrink(&self) {
        let Ok(entries) = fs::read_dir(&self.dir) else { return };
        let mut kept = Vec::new();
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.extension().is_some_and(|extension| extension == SUFFIX) {
                let written = fs::symlink_metadata(&path).map_or(0, |meta| meta.mtime());
                kept.push((written, path));
            } else if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".new-")) {
                let _ = fs::remove_file(&path);
            }
        }
        kept.sort();
        for (_, path) in kept.iter().take(kept.len().saturating_sub(ENTRIES_MAX)) {
            let _ = fs::remove_file(path);
        }
    }
}

fn read_checked(path: &Path) -> io::Result<Vec<u8>> {
    let no_follow = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    let mut file: File = OpenOptions::new().read(true).custom_flags(no_follow).open(path)?;
    let meta = file.metadata()?;
    let invalid = |problem: &str| Err(io::Error::new(io::ErrorKind::InvalidData, problem));
    if !meta.is_file() || meta.uid() != own_uid() || meta.mode() & 0o022 != 0 {
        return invalid("it does not belong to the account that runs the host, or others may write to it");
    }
    if meta.len() > ENTRY_MAX || meta.len() < HEAD as u64 {
        return invalid("its size is wrong");
    }
    let mut head = [0; HEAD];
    file.read_exact(&mut head)?;
    let mut code = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or(0));
    file.take(ENTRY_MAX).read_to_end(&mut code)?;
    if &head[..MAGIC.len()] != MAGIC || head[MAGIC.len()..] != Sha256::digest(&code)[..] {
        return invalid("its content does not match its digest");
    }
    Ok(code)
}

#[expect(unsafe_code, reason = "wasmtime cannot check native code; the proof is below")]
fn deserialize(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `deserialize` asks that the bytes come unchanged from `Component::serialize`. They come from
    // `read_checked`: a regular file that only this account can write, below a folder that only this account can enter
    // (both checked), whose name is only ever given by `CodeCache::store` to what `serialize` returned, and whose digest
    // proves that it is whole. Whoever can act as this account can replace the host itself. Code of another wasmtime or
    // of other settings is refused by wasmtime's own head in the bytes.
    unsafe { Component::deserialize(engine, code) }
}

fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Digest in hex.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// SHA-256 of a component, in hex.
pub fn digest(wasm: &[u8]) -> String {
    hex(&Sha256::digest(wasm))
}

struct KeyHasher(Sha256);

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        u64::from_be_bytes(self.0.clone().finalize()[..8].try_into().unwrap_or_default())
    }
}

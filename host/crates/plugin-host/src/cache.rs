//! Native code of compiled plugins on disk, so that a start takes a millisecond instead of a compilation.
//!
//! Invariants: loading native code is trusting it, so only files that this account wrote are loaded. The folder is a
//! real folder of ours with mode 0700, every file in it is a regular file of ours that nobody else can write, and its
//! name and content match the digest at its end, which finds torn, rotten and renamed files. A key holds the digest of the component
//! and of everything in the engine's settings that decides about compatibility; wasmtime checks the latter again.
//!
//! Code is mapped from its file and not copied: half of the time of a load would be that, and what is mapped costs no memory of ours.
//! So a file is never written again once it has its name; another takes its place.

use std::fs::{self, File, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

const MAGIC: &[u8; 16] = b"corral-native-2\n";
/// What stands behind the code: [`MAGIC`] and the seal.
const TAIL: usize = MAGIC.len() + SEAL;
const SEAL: usize = 32;
/// Bytes that are read at once.
const PIECE: usize = 64 << 10;
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
        let name = self.name(digest);
        let path = self.dir.join(&name);
        let loaded = check(&path, &name).and_then(|()| map(engine, &path).map_err(io::Error::other));
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
        let mut seal = begin_seal(&self.name(digest));
        file.write_all(&code)?;
        file.write_all(MAGIC)?;
        file.write_all(seal.update(&code).finalize().as_bytes())?;
        file.persist(self.dir.join(self.name(digest))).map_err(|error| error.error)?;
        Ok(())
    }

    fn name(&self, digest: &str) -> String {
        format!("{digest}-{}.{SUFFIX}", self.engine_key)
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

/// What stands at a file's end is a digest of its name and its code, so that code of another component is not taken for this one's because
/// somebody gave it this name. BLAKE3, as it takes a third of the time of SHA-256 and every start waits for it.
fn begin_seal(name: &str) -> blake3::Hasher {
    let mut seal = blake3::Hasher::new();
    seal.update(name.as_bytes());
    seal
}

fn check(path: &Path, name: &str) -> io::Result<()> {
    let no_follow = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    let mut file: File = OpenOptions::new().read(true).custom_flags(no_follow).open(path)?;
    let meta = file.metadata()?;
    let invalid = |problem: &str| Err(io::Error::new(io::ErrorKind::InvalidData, problem));
    if !meta.is_file() || meta.uid() != own_uid() || meta.mode() & 0o022 != 0 {
        return invalid("it does not belong to the account that runs the host, or others may write to it");
    }
    if meta.len() > ENTRY_MAX || meta.len() < TAIL as u64 {
        return invalid("its size is wrong");
    }
    let (mut seal, mut piece) = (begin_seal(name), vec![0; PIECE]);
    let mut left = usize::try_from(meta.len()).unwrap_or(0) - TAIL;
    while left > 0 {
        let piece = &mut piece[..left.min(PIECE)];
        file.read_exact(piece)?;
        seal.update(piece);
        left -= piece.len();
    }
    let mut tail = [0; TAIL];
    file.read_exact(&mut tail)?;
    if &tail[..MAGIC.len()] != MAGIC || &tail[MAGIC.len()..] != seal.finalize().as_bytes() {
        return invalid("its content does not match its digest");
    }
    Ok(())
}

#[expect(unsafe_code, reason = "wasmtime cannot check native code; the proof is below")]
fn map(engine: &Engine, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: both ask that the bytes come unchanged from `Component::serialize`, and the first that the file stays as it is while
    // it is mapped. `check` was there before: it is a regular file that only this account can write, below a folder that only this
    // account can enter (both checked), whose name is only ever given by `CodeCache::store` to what `serialize` returned, and
    // whose digest proves that it is whole. `store` writes under another name and renames, so that a file that has this name is
    // never written again; wasmtime reads no further than the code itself says, and does not see the tail. Whoever can act as
    // this account can replace the host itself. Code of another wasmtime or of other settings is refused by wasmtime's
    // own head in the bytes.
    let mapped = unsafe { Component::deserialize_file(engine, path) };
    // A file system from which nothing may be executed does not let it be mapped so.
    mapped.or_else(|_| unsafe { Component::deserialize(engine, fs::read(path)?) })
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

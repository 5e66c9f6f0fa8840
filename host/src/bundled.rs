//! What travels inside the binary: the bundled plugins, the sample templates, and what a new plugin is made of.
//! `build.rs` writes the lists.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A file: its path with `/`, and its content.
pub type File = (&'static str, &'static [u8]);

include!(concat!(env!("OUT_DIR"), "/bundled.rs"));

/// Files of the bundled plugins: `redact/plugin.toml`, `redact/plugin.wasm`, …
pub fn plugins() -> &'static [File] {
    PLUGINS
}

/// What a new plugin begins with, by language and by kind: `rust/Cargo.toml`, `kinds/log-filter/plugin.toml`, …
pub fn starters() -> &'static [File] {
    STARTERS
}

/// The contract and the source of the Rust SDK, laid out as in this repository: `wit/…`, `plugins/sdk/…`.
pub fn sdk() -> &'static [File] {
    SDK
}

/// Writes the sample templates into a folder; files that are there stay as they are.
pub fn write_samples(folder: &Path) -> io::Result<usize> {
    fs::create_dir_all(folder)?;
    let mut written = 0;
    for (name, content) in SAMPLES {
        let path = folder.join(name);
        if !path.exists() {
            fs::write(path, content)?;
            written += 1;
        }
    }
    Ok(written)
}

/// `plugins` beside the executable, if there is such a folder.
pub fn beside_the_binary() -> Option<PathBuf> {
    let folder = std::env::current_exe().ok()?.parent()?.join("plugins");
    // In a target folder this is where xtask puts what is embedded already; loading both would clash.
    folder.is_dir().then_some(folder)
}

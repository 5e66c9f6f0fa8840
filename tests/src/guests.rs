//! Plugins that only tests have, from `tests/components`: the guest that does on demand what plugins should not, and what they may; and a
//! filter that does nothing.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, ensure};

/// One at a time builds: they write the same files.
static BUILDING: Mutex<()> = Mutex::new(());

/// Builds the guest and reads it.
pub fn guest() -> Result<Vec<u8>> {
    build(&["-p", "corral-test-guests"], "corral_test_guests")
}

/// The guest whose filter hands its sessions over to the next version.
pub fn guest_that_hands_over() -> Result<Vec<u8>> {
    build(&["-p", "corral-test-guests", "--features", "handover"], "corral_test_guests")
}

/// The filter that keeps every line.
pub fn keep_all() -> Result<Vec<u8>> {
    build(&["-p", "corral-keep-all"], "corral_keep_all")
}

fn build(what: &[&str], name: &str) -> Result<Vec<u8>> {
    let _one = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(&root).args(["build", "--quiet", "--target", "wasm32-wasip2", "--profile", "plugin"]).args(what);
    // What this test's own build set must not reach into that one.
    for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER", "LLVM_PROFILE_FILE"] {
        cargo.env_remove(name);
    }
    ensure!(cargo.status()?.success(), "`{name}` could not be built");
    let file = target.join("wasm32-wasip2/plugin").join(format!("{name}.wasm"));
    std::fs::read(&file).with_context(|| file.display().to_string())
}

/// The same component with a custom section more: other bytes, same meaning, as a new build would give.
pub fn variant(component: &[u8], number: u64) -> Vec<u8> {
    let payload = [b"\x07variant".as_slice(), &number.to_le_bytes()].concat();
    let size = u8::try_from(payload.len()).expect("a short section");
    [component, &[0, size], &payload].concat()
}

/// Puts a plugin into its folder, or another version in the place of one. The component first: the manifest names the version.
pub fn put(folder: &Path, manifest: &str, wasm: &[u8]) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    for (name, bytes) in [("plugin.wasm", wasm), ("plugin.toml", manifest.as_bytes())] {
        let beside = folder.join(format!("{name}.new"));
        std::fs::write(&beside, bytes)?;
        std::fs::rename(&beside, folder.join(name))?;
    }
    Ok(())
}

/// Puts the guest into a folder of plugins as a filter that jobs ask for, with `more` at the end of its manifest.
pub fn place(plugins: &Path, id: &str, more: &str) -> Result<()> {
    let manifest = format!(
        "id = \"{id}\"\nname = \"Guest\"\nversion = \"1.0.0\"\napi = \"0.1\"\nprovides = [\"log-filter\"]\n[filter]\napply = \"asked\"\n{more}"
    );
    put(&plugins.join(id), &manifest, &guest()?)
}

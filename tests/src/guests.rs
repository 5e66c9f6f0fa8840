//! The guest that does on demand what plugins should not, and what they may: `tests/components/guests`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Builds the guest and reads it.
pub fn guest() -> Result<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(&root).args(["build", "--quiet", "--target", "wasm32-wasip2", "--profile", "plugin"]);
    cargo.args(["-p", "corral-test-guests"]);
    // What this test's own build set must not reach into that one.
    for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER", "LLVM_PROFILE_FILE"] {
        cargo.env_remove(name);
    }
    ensure!(cargo.status()?.success(), "the guest could not be built");
    let file = target.join("wasm32-wasip2/plugin/corral_test_guests.wasm");
    std::fs::read(&file).with_context(|| file.display().to_string())
}

/// Puts the guest into a folder of plugins as a filter that jobs ask for, with `more` at the end of its manifest.
pub fn place(plugins: &Path, id: &str, more: &str) -> Result<()> {
    let folder = plugins.join(id);
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("plugin.wasm"), guest()?)?;
    let manifest = format!(
        "id = \"{id}\"\nname = \"Guest\"\nversion = \"1.0.0\"\napi = \"0.1\"\nprovides = [\"log-filter\"]\n[filter]\napply = \"asked\"\n{more}"
    );
    Ok(std::fs::write(folder.join("plugin.toml"), manifest)?)
}

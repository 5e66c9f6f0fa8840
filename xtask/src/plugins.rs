//! Builds the bundled plugins and places them as the host expects them: `target/plugins/ID/{plugin.toml,plugin.wasm,…}`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::inputs::sorted;
use crate::shell::{Result, cargo, root, run, target, timed};

const TARGET: &str = "wasm32-wasip2";
/// What is placed beside the component when the plugin has it.
const COMPANIONS: [&str; 3] = ["plugin.toml", "config.schema.json", "README.md"];

/// A plugin in `plugins/`.
struct Bundled {
    folder: PathBuf,
    id: String,
    package: String,
}

/// Builds and places all plugins. Files that did not change are left alone, so that the host is not built again.
pub fn build() -> Result {
    let plugins = bundled()?;
    if plugins.is_empty() {
        return Err("there is no plugin in plugins/: a folder with a plugin.toml is one".to_owned());
    }
    let ids: Vec<_> = plugins.iter().map(|plugin| plugin.id.as_str()).collect();
    timed(&format!("plugins for {TARGET}: {}", ids.join(", ")), || {
        let mut command = cargo(&["build", "--locked", "--target", TARGET, "--profile", "plugin"]);
        for plugin in &plugins {
            command.args(["-p", &plugin.package]);
        }
        run(&mut command)?;
        plugins.iter().try_for_each(|plugin| place(plugin, "plugins"))?;
        remove_others(&plugins.iter().map(|plugin| plugin.id.as_str()).collect::<Vec<_>>())
    })
}

/// Builds the filter that does nothing and places it as the others, in a folder of its own: it is measured with, and never embedded.
pub fn build_keep_all() -> Result {
    let folder = root().join("tests/components/keep-all");
    let package = field(&folder.join("Cargo.toml"), "name")?;
    let keep_all = Bundled { id: field(&folder.join("plugin.toml"), "id")?, folder, package };
    timed("a filter that keeps all", || {
        run(&mut cargo(&["build", "--locked", "--target", TARGET, "--profile", "plugin", "-p", &keep_all.package]))?;
        place(&keep_all, "components")
    })
}

/// Every folder in `plugins/` that has a manifest.
fn bundled() -> Result<Vec<Bundled>> {
    let mut found = Vec::new();
    for folder in sorted(&root().join("plugins"))? {
        let manifest = folder.join("plugin.toml");
        if !manifest.is_file() {
            continue;
        }
        let id = field(&manifest, "id")?;
        let package = field(&folder.join("Cargo.toml"), "name")?;
        found.push(Bundled { folder, id, package });
    }
    Ok(found)
}

/// The first `key = "value"` of a TOML file: all that is needed of one here.
fn field(file: &Path, key: &str) -> Result<String> {
    let text = fs::read_to_string(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    text.lines()
        .filter_map(|line| line.split_once('='))
        .find(|(name, _)| name.trim() == key)
        .and_then(|(_, value)| value.split('"').nth(1))
        .map(str::to_owned)
        .ok_or_else(|| format!("{} has no line `{key} = \"…\"`", file.display()))
}

fn place(plugin: &Bundled, below: &str) -> Result {
    let built = target().join(TARGET).join("plugin").join(format!("{}.wasm", plugin.package.replace('-', "_")));
    let folder = target().join(below).join(&plugin.id);
    fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    copy_if_changed(&built, &folder.join("plugin.wasm"))?;
    for name in COMPANIONS {
        let source = plugin.folder.join(name);
        let placed = folder.join(name);
        if source.is_file() {
            copy_if_changed(&source, &placed)?;
        } else if placed.is_file() {
            fs::remove_file(&placed).map_err(|error| format!("cannot remove {}: {error}", placed.display()))?;
        }
    }
    Ok(())
}

/// A plugin that was renamed or removed must not be embedded for ever.
fn remove_others(ids: &[&str]) -> Result {
    for folder in sorted(&target().join("plugins"))? {
        let kept = folder.file_name().is_some_and(|name| ids.iter().any(|id| name == *id));
        if !kept && folder.is_dir() {
            fs::remove_dir_all(&folder).map_err(|error| format!("cannot remove {}: {error}", folder.display()))?;
        }
    }
    Ok(())
}

fn copy_if_changed(from: &Path, to: &Path) -> Result {
    let bytes = fs::read(from).map_err(|error| format!("cannot read {}: {error}", from.display()))?;
    if fs::read(to).is_ok_and(|held| held == bytes) {
        return Ok(());
    }
    // Beside and renamed: a host that watches the folder must never see half a file.
    let beside = to.with_extension("new");
    fs::write(&beside, &bytes).map_err(|error| format!("cannot write {}: {error}", beside.display()))?;
    fs::rename(&beside, to).map_err(|error| format!("cannot write {}: {error}", to.display()))
}

//! Lists what is embedded: the bundled plugins that `cargo xtask plugins` built into `target/plugins`, the sample
//! templates, and what a new plugin is made of: starters, the contract, the SDK's source. What is not there yet is left out, so that a plain `cargo check` works in a fresh clone.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Of a plugin, these are for the host.
const PLUGIN_FILES: [&str; 4] = ["plugin.toml", "plugin.wasm", "config.schema.json", "README.md"];

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").unwrap_or_default()).join("..");
    let out = PathBuf::from(env::var("OUT_DIR").unwrap_or_default());
    // Where xtask writes: CARGO_TARGET_DIR or `target`.
    println!("cargo::rerun-if-env-changed=CARGO_TARGET_DIR");
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
    let plugins = target.join("plugins");
    // Cargo looks for changes in what is there; what is not there would make every build a new one.
    fs::create_dir_all(&plugins)?;
    fs::create_dir_all(root.join("web/build"))?;
    let mut list = String::new();
    constant(&mut list, "PLUGINS", &plugin_files(&plugins)?);
    constant(&mut list, "SAMPLES", &sample_files(&root.join("plugins/templates/samples"))?);
    constant(&mut list, "STARTERS", &tree(&root.join("host/starters"), "")?);
    let mut sdk = tree(&root.join("plugins/sdk/src"), "plugins/sdk/src/")?;
    sdk.extend(tree(&root.join("wit"), "wit/")?);
    sdk.push(("LICENSE".into(), root.join("LICENSE")));
    fs::write(out.join("sdk.toml"), standalone(&root)?)?;
    sdk.push(("plugins/sdk/Cargo.toml".into(), out.join("sdk.toml")));
    constant(&mut list, "SDK", &sdk);
    for path in ["host/starters", "plugins/sdk", "wit", "Cargo.toml", "LICENSE"] {
        println!("cargo::rerun-if-changed={}", root.join(path).display());
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", plugins.display());
    println!("cargo::rerun-if-changed={}", root.join("plugins/templates").display());
    println!("cargo::rerun-if-changed={}", root.join("web/build").display());
    fs::write(out.join("bundled.rs"), list)
}

/// `id/file` and where it is.
fn plugin_files(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut files = Vec::new();
    for plugin in sorted(folder)? {
        let whole = plugin.join("plugin.toml").is_file() && plugin.join("plugin.wasm").is_file();
        for name in PLUGIN_FILES.into_iter().filter(|_| whole) {
            if plugin.join(name).is_file() {
                files.push((format!("{}/{name}", name_of(&plugin)), plugin.join(name)));
            }
        }
    }
    Ok(files)
}

fn sample_files(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let is_yaml = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    Ok(sorted(folder)?.into_iter().filter(is_yaml).map(|path| (name_of(&path), path)).collect())
}

/// All files below a folder, each under `prefix` and its path there.
fn tree(folder: &Path, prefix: &str) -> io::Result<Vec<(String, PathBuf)>> {
    let mut files = Vec::new();
    for path in sorted(folder)? {
        let name = format!("{prefix}{}", name_of(&path));
        if path.is_dir() {
            files.extend(tree(&path, &format!("{name}/"))?);
        } else {
            files.push((name, path));
        }
    }
    Ok(files)
}

/// The SDK's `Cargo.toml` outside the workspace: what it takes from there is written out.
fn standalone(root: &Path) -> io::Result<String> {
    let workspace = fs::read_to_string(root.join("Cargo.toml"))?;
    let own = fs::read_to_string(root.join("plugins/sdk/Cargo.toml"))?;
    let (mut text, mut section) = (String::new(), String::new());
    for line in own.lines() {
        if line.starts_with('[') {
            line.clone_into(&mut section);
        }
        let inherited = line.strip_suffix(".workspace = true").map(|key| {
            let from = if section == "[package]" { "[workspace.package]" } else { "[workspace.dependencies]" };
            let lines = workspace.lines().skip_while(|line| *line != from).skip(1);
            let found =
                lines.take_while(|line| !line.starts_with('[')).find(|line| line.starts_with(&format!("{key} = ")));
            found.map(str::to_owned).ok_or_else(|| io::Error::other(format!("{from} has no line for `{key}`")))
        });
        // Lints are the workspace's own affair.
        if section != "[lints]" {
            text += &inherited.unwrap_or_else(|| Ok(line.to_owned()))?;
            text.push('\n');
        }
    }
    Ok(text)
}

fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn constant(list: &mut String, name: &str, files: &[(String, PathBuf)]) {
    // Writing to a String cannot fail.
    let _ = writeln!(list, "const {name}: &[File] = &[");
    for (path, file) in files {
        let file = file.canonicalize().unwrap_or_else(|_| file.clone());
        let _ = writeln!(list, "    ({path:?}, include_bytes!({:?})),", file.display().to_string());
    }
    let _ = writeln!(list, "];");
}

//! A plugin's project: a folder with `plugin.toml` and sources in one language. Built, it lies in `dist/ID`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use corral_plugin_host::{Ceilings, Manifest};

use crate::cli::exit::{Exit, Failure};

/// What a project is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Lang {
    /// Rust.
    Rust,
    /// JavaScript, by componentize-js.
    Js,
    /// Python, by componentize-py.
    Python,
}

impl Lang {
    /// As it is written on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Js => "js",
            Self::Python => "python",
        }
    }

    /// As people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::Js => "JavaScript",
            Self::Python => "Python",
        }
    }

    /// How a component is made of it.
    pub fn builds_by(self) -> &'static str {
        match self {
            Self::Rust => "cargo, for wasm32-wasip2",
            Self::Js => "npm and componentize-js",
            Self::Python => "pip and componentize-py",
        }
    }
}

/// Folders in which nothing lies that a person wrote.
const MADE: [&str; 8] = ["target", "dist", "build", "node_modules", "vendor", "__pycache__", "bindings", "venv"];
/// Deepest folder that is looked into for changes.
const DEPTH_MAX: usize = 8;

/// A folder with a plugin in it.
#[derive(Debug)]
pub struct Project {
    /// Where.
    pub dir: PathBuf,
    /// Its manifest.
    pub manifest: Manifest,
    /// What it is written in; none: it is a built plugin without sources.
    pub lang: Option<Lang>,
}

impl Project {
    /// Looks at a folder.
    pub fn open(dir: &Path) -> Result<Self, Failure> {
        let path = dir.join("plugin.toml");
        let text = fs::read_to_string(&path).map_err(|error| {
            Failure::new(Exit::NotFound, format!("{} cannot be read: {error}", path.display()))
                .hint("a plugin is a folder with a plugin.toml; `corral plugin new` makes one")
        })?;
        let manifest = Manifest::parse(&text, &Ceilings::default()).map_err(|error| {
            let message = error.to_string();
            let named = if message.starts_with("plugin.toml") { message } else { format!("plugin.toml: {message}") };
            Failure::new(Exit::Failed, named)
        })?;
        let has = |name: &str| dir.join(name).is_file();
        let lang = match () {
            () if has("Cargo.toml") => Some(Lang::Rust),
            () if has("package.json") => Some(Lang::Js),
            () if has("requirements.txt") || has("app.py") => Some(Lang::Python),
            () => None,
        };
        Ok(Self { dir: dir.to_owned(), manifest, lang })
    }

    /// Where it lies once it is built: a folder as a host takes it.
    pub fn built(&self) -> PathBuf {
        match self.lang {
            Some(_) => self.dir.join("dist").join(&self.manifest.id),
            None => self.dir.clone(),
        }
    }

    /// Whether something was changed since it was built.
    pub fn is_stale(&self) -> bool {
        let built = fs::metadata(self.built().join("plugin.wasm")).and_then(|meta| meta.modified());
        let Ok(built) = built else { return true };
        self.lang.is_some() && newest(&self.dir, DEPTH_MAX).is_none_or(|changed| changed > built)
    }

    /// When a source of it was last changed.
    pub fn changed_at(&self) -> Option<SystemTime> {
        newest(&self.dir, DEPTH_MAX)
    }
}

fn newest(folder: &Path, depth: usize) -> Option<SystemTime> {
    let one = |entry: fs::DirEntry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        let lock = Path::new(&name).extension().is_some_and(|extension| extension == "lock");
        if lock || name.starts_with('.') || MADE.contains(&name.as_str()) {
            return None;
        }
        let meta = entry.metadata().ok()?;
        if meta.is_dir() { newest(&entry.path(), depth.checked_sub(1)?) } else { meta.modified().ok() }
    };
    fs::read_dir(folder).ok()?.flatten().filter_map(one).max()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_a_person_changes_makes_a_build_stale_and_what_tools_write_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &str, age: u64| {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "").unwrap();
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 - age);
            fs::File::options().write(true).open(path).unwrap().set_modified(at).unwrap();
        };
        let manifest = "id = \"a\"\nname = \"A\"\nversion = \"1.0.0\"\napi = \"0.1\"\nprovides = [\"discovery\"]";
        for name in ["plugin.toml", "Cargo.toml", "src/lib.rs"] {
            put(name, 100);
        }
        fs::write(dir.path().join("plugin.toml"), manifest).unwrap();
        put("x", 100);
        let touch = |age: u64| {
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 - age);
            fs::File::options().write(true).open(dir.path().join("plugin.toml")).unwrap().set_modified(at).unwrap();
        };
        touch(100);
        let project = Project::open(dir.path()).unwrap();
        assert_eq!(project.lang, Some(Lang::Rust));
        assert!(project.is_stale(), "nothing is built yet");
        put("dist/a/plugin.wasm", 50);
        for made in ["target/x", "Cargo.lock", ".git/index"] {
            put(made, 0);
        }
        assert!(!project.is_stale());
        put("src/lib.rs", 10);
        assert!(project.is_stale());
    }

    #[test]
    fn a_folder_without_a_manifest_says_how_to_get_one() {
        let dir = tempfile::tempdir().unwrap();
        let failure = Project::open(dir.path()).unwrap_err();
        assert_eq!(failure.exit, Exit::NotFound);
        assert!(failure.hint.unwrap().contains("corral plugin new"));
    }
}

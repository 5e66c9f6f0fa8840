//! What a new project is made of: files that travel inside the binary, with the plugin's own names put in.

use std::fs;
use std::path::{Path, PathBuf};

use corral_domain::PluginKind;
use corral_plugin_host::{Ceilings, Manifest};

use super::project::Lang;
use crate::bundled::{self, File};
use crate::cli::exit::{Exit, Failure};

/// Where the SDK lies in a Rust project. Below it things lie as in Corral's own repository.
const VENDOR: &str = "vendor/corral";
/// Where the contract's packages lie for toolchains that read a folder with `deps`.
const DEPS: &str = "wit/deps";

/// A project that is to be written.
#[derive(Debug)]
pub struct Starter {
    id: String,
    name: String,
    lang: Lang,
    kind: PluginKind,
}

impl Starter {
    /// A starter for a plugin with this id. Refused where no host would take it.
    pub fn new(id: &str, lang: Lang, kind: PluginKind) -> Result<Self, Failure> {
        let mut name = id.replace('-', " ");
        if let Some(first) = name.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        let starter = Self { id: id.to_owned(), name, lang, kind };
        if !starter.own().any(|(path, _)| path.starts_with(kind_name(kind)) || path == source(kind)) {
            let failure = Failure::new(Exit::Usage, format!("there is no {} in {}", kind_name(kind), lang.as_str()));
            return Err(failure
                .hint("JavaScript in a component has no files to read; write it with --lang rust or --lang python"));
        }
        let manifest = starter.text(starter.shared("plugin.toml").unwrap_or_default());
        match Manifest::parse(&manifest, &Ceilings::default()) {
            Ok(_) => Ok(starter),
            Err(error) => Err(Failure::new(Exit::Usage, error.to_string().replace("plugin.toml: ", ""))
                .hint("the name of a project is the id of its plugin, as in `quiet-logs`")),
        }
    }

    /// Writes it into a folder that is not there or has nothing in it. Returns how many files it has.
    pub fn write(&self, folder: &Path) -> Result<usize, Failure> {
        let fail = |path: &Path, error: &std::io::Error| {
            Failure::new(Exit::Usage, format!("{} cannot be written: {error}", path.display()))
        };
        if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
            let failure = Failure::new(Exit::Usage, format!("there is something in {} already", folder.display()));
            return Err(failure.hint("choose another folder with --dir"));
        }
        let files = self.files();
        for (path, content) in &files {
            let path = folder.join(path);
            let made = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, content));
            made.map_err(|error| fail(&path, &error))?;
        }
        Ok(files.len())
    }

    /// Path and content of every file.
    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let kind = format!("kinds/{}/", kind_name(self.kind));
        let of_kind =
            bundled::starters().iter().filter_map(|(path, content)| Some((path.strip_prefix(&kind)?, *content)));
        let own = self.own().filter_map(|(path, content)| Some((self.placed(path)?, content)));
        let mut files: Vec<(PathBuf, Vec<u8>)> = of_kind
            .map(|(path, content)| (PathBuf::from(path), content))
            .chain(own)
            .map(|(path, content)| (path, self.text(content).into_bytes()))
            .collect();
        files.extend(match self.lang {
            Lang::Rust => {
                bundled::sdk().iter().map(|(path, content)| (Path::new(VENDOR).join(path), content.to_vec())).collect()
            }
            Lang::Js | Lang::Python => contract(),
        });
        files
    }

    /// Files of the language, by their paths in its folder.
    fn own(&self) -> impl Iterator<Item = (&'static str, &'static [u8])> {
        let folder = format!("{}/", self.lang.as_str());
        bundled::starters().iter().filter_map(move |(path, content)| Some((path.strip_prefix(&folder)?, *content)))
    }

    /// Where a file of the language goes; none if it belongs to another kind of plugin.
    fn placed(&self, path: &'static str) -> Option<PathBuf> {
        let kinds = [PluginKind::LogFilter, PluginKind::CommandTemplate, PluginKind::Discovery];
        if path == "gitignore" {
            return Some(PathBuf::from(".gitignore"));
        }
        if let Some(kind) = kinds.into_iter().find(|kind| path == source(*kind)) {
            return (kind == self.kind).then(|| PathBuf::from("src/lib.rs"));
        }
        match kinds.into_iter().find_map(|kind| Some((kind, path.strip_prefix(kind_name(kind))?.strip_prefix('/')?))) {
            Some((kind, rest)) => (kind == self.kind).then(|| PathBuf::from(rest)),
            None => Some(PathBuf::from(path)),
        }
    }

    fn shared(&self, name: &str) -> Option<&'static [u8]> {
        let path = format!("kinds/{}/{name}", kind_name(self.kind));
        bundled::starters().iter().find(|(file, _)| *file == path).map(|(_, content)| *content)
    }

    fn text(&self, content: &[u8]) -> String {
        String::from_utf8_lossy(content).replace("@ID@", &self.id).replace("@NAME@", &self.name)
    }
}

/// The contract's packages as `wit/deps/NAME/NAME.wit`.
fn contract() -> Vec<(PathBuf, Vec<u8>)> {
    let package = |(path, content): &File| {
        let name = Path::new(path.strip_prefix("wit/")?).components().next()?.as_os_str();
        let wit = Path::new(path).extension().is_some_and(|extension| extension == "wit");
        let file = Path::new(path).file_name().filter(|_| wit)?;
        Some((Path::new(DEPS).join(name).join(file), content.to_vec()))
    };
    bundled::sdk().iter().filter_map(package).collect()
}

/// A kind as it is written.
pub fn kind_name(kind: PluginKind) -> &'static str {
    match kind {
        PluginKind::LogFilter => "log-filter",
        PluginKind::CommandTemplate => "command-template",
        PluginKind::Discovery => "discovery",
    }
}

/// The Rust source of a kind: one file, which becomes `src/lib.rs`.
fn source(kind: PluginKind) -> String {
    format!("{}.rs", kind_name(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_has_its_own_names_and_nothing_of_other_kinds() {
        for (lang, kind) in [(Lang::Rust, PluginKind::Discovery), (Lang::Js, PluginKind::LogFilter)] {
            let starter = Starter::new("quiet-logs", lang, kind).unwrap();
            let files = starter.files();
            for (path, content) in &files {
                let text = String::from_utf8_lossy(content);
                assert!(!text.contains("@ID@") && !text.contains("@NAME@"), "{} was not filled in", path.display());
                assert!(!path.starts_with("command-template"), "{} is another kind's", path.display());
            }
            let find =
                |name: &str| files.iter().find(|(path, _)| path == Path::new(name)).map(|(_, text)| text.clone());
            let manifest = String::from_utf8(find("plugin.toml").unwrap()).unwrap();
            assert!(manifest.contains("id = \"quiet-logs\"\nname = \"Quiet logs\""), "{manifest}");
            assert!(find(".gitignore").is_some() && find("README.md").is_some());
        }
    }

    #[test]
    fn the_sdk_in_a_project_takes_nothing_from_a_workspace() {
        let files = Starter::new("a", Lang::Rust, PluginKind::LogFilter).unwrap().files();
        let (_, sdk) = files.iter().find(|(path, _)| path.ends_with("sdk/Cargo.toml")).unwrap();
        let sdk = String::from_utf8_lossy(sdk);
        assert!(!sdk.contains("workspace") && sdk.contains("wit-bindgen = "), "{sdk}");
    }

    #[test]
    fn an_id_that_no_host_takes_is_refused_before_anything_is_written() {
        for id in ["Quiet", "1a", "saved", "", "a_b", "../a"] {
            assert_eq!(Starter::new(id, Lang::Rust, PluginKind::LogFilter).unwrap_err().exit, Exit::Usage, "{id}");
        }
    }

    #[test]
    fn what_there_is_no_starter_for_is_said() {
        let failure = Starter::new("a", Lang::Js, PluginKind::Discovery).unwrap_err();
        assert_eq!(failure.message, "there is no discovery in js");
    }
}

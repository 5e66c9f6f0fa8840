//! Plugins that come over the wire: put into the host's own folder and loaded, or taken out of it.
//!
//! A plugin lies there whole or not at all: it is written beside its place and exchanged with what was there. One that
//! cannot be loaded is exchanged back, so that a bad version is neither left behind nor loaded at the next start.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use corral_domain::PluginInfo;
use corral_engine::ports::PluginError;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use tempfile::TempDir;

use crate::error::LoadError;
use crate::inner::Inner;
use crate::load::{check_head, off_thread};
use crate::manifest::Manifest;
use crate::package::{COMPONENT, MANIFEST, README, SCHEMA_MAX, WASM_MAX, look};
use crate::slot::{Place, Slot, lock};
use crate::watch::HIDDEN;

/// Most files of a plugin.
const FILES_MAX: usize = 16;
/// Longest name of a file, in bytes.
const NAME_MAX: usize = 64;

/// Why a plugin was not put in place or taken out.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// What was sent is no plugin.
    #[error("{0}")]
    Package(String),
    /// Something else has the id, or it is not ours to remove.
    #[error("{0}")]
    Taken(String),
    /// There is no such plugin.
    #[error("there is no plugin `{0}`")]
    Unknown(String),
    /// This host has no folder for it.
    #[error("this host has no folder to install plugins into")]
    NoFolder,
    /// It was put in place, could not be loaded, and was taken out again.
    #[error("it cannot be loaded, and nothing was changed: {0}")]
    Load(#[from] LoadError),
    /// The folder could not be written.
    #[error("the host's folder of plugins cannot be written: {0}")]
    Io(#[from] io::Error),
}

impl From<InstallError> for PluginError {
    fn from(error: InstallError) -> Self {
        let text = error.to_string();
        match error {
            InstallError::Package(_) | InstallError::Load(_) => Self::InvalidInput(text),
            InstallError::Taken(_) => Self::Conflict(text),
            InstallError::Unknown(_) => Self::NotFound(text),
            InstallError::NoFolder => Self::Unavailable(text),
            InstallError::Io(_) => Self::Failed(text),
        }
    }
}

impl Inner {
    /// Puts a plugin in place and loads it. One that lacks a grant is in place, and waits for it.
    pub async fn install(self: &Arc<Self>, files: Vec<(String, Bytes)>) -> Result<PluginInfo, InstallError> {
        let (index, folder) = self.own_folder()?;
        let manifest = check(&files, self)?;
        let target = folder.join(&manifest.id);
        let place = Place::Folder(index, target.clone());
        let _alone = self.installing.lock().await;
        let (slot, before) = {
            // No look at the folders between the exchange and its record: it would load the same thing a second time.
            let _still = self.scanning.lock().await;
            if let Some(holder) = self.registry.find(&manifest.id).filter(|slot| slot.place != place) {
                return Err(InstallError::Taken(taken(&manifest.id, &holder)));
            }
            let text = text_of(&files, MANIFEST);
            let at = target.clone();
            let before = off_thread(move || put(&folder, &at, &files)).await??;
            (self.registered(place.clone(), &text), before)
        };
        let Err(error) = self.load(&slot, true).await else { return Ok(slot.info()) };
        if matches!(error, LoadError::Blocked(_) | LoadError::Disabled(_) | LoadError::DisabledByConfiguration(_)) {
            return Ok(slot.info());
        }
        self.take_back(&slot, &target, before).await?;
        Err(error.into())
    }

    /// Takes a plugin out that was put in place by [`Self::install`]. Its state is kept.
    pub async fn uninstall(&self, id: &str) -> Result<(), InstallError> {
        let slot = self.registry.find(id).ok_or_else(|| InstallError::Unknown(id.to_owned()))?;
        let own = self.own_folder().ok().map(|(index, folder)| Place::Folder(index, folder.join(id)));
        let path = match &slot.place {
            place if Some(place) == own.as_ref() => match place {
                Place::Folder(_, path) => path.clone(),
                Place::Embedded(_) => return Err(InstallError::NoFolder),
            },
            Place::Embedded(_) => {
                let text = format!(
                    "the plugin `{id}` comes with Corral and cannot be removed; `corral plugin disable {id}` switches it off"
                );
                return Err(InstallError::Taken(text));
            }
            Place::Folder(_, path) => {
                let path = path.display();
                let text = format!(
                    "the plugin `{id}` was not installed through the host: it lies in {path}; remove that folder"
                );
                return Err(InstallError::Taken(text));
            }
        };
        let _alone = self.installing.lock().await;
        let _still = self.scanning.lock().await;
        off_thread(move || set_aside(&path).map(drop)).await??;
        // Who comes next under this id is another.
        lock(&self.policies).remove(id);
        self.remove_slot(&slot.place);
        self.forget_filter(id);
        Ok(())
    }

    /// The folder for plugins that are installed, and its number among the watched ones.
    fn own_folder(&self) -> Result<(usize, PathBuf), InstallError> {
        let folder = self.config.installed.clone().ok_or(InstallError::NoFolder)?;
        let index = self.config.folders.iter().position(|watched| watched.path == folder);
        Ok((index.ok_or(InstallError::NoFolder)?, folder))
    }

    /// The slot of a place, as it lies there now.
    fn registered(&self, place: Place, manifest: &str) -> Arc<Slot> {
        let slot = self.registry.at(&place).unwrap_or_else(|| self.add_slot(place.clone(), manifest));
        if let Place::Folder(_, path) = &place {
            *lock(&slot.fingerprint) = look(path).map(|(fingerprint, _)| fingerprint).unwrap_or_default();
        }
        slot
    }

    /// Undoes an installation: what was there before is there again.
    async fn take_back(&self, slot: &Arc<Slot>, target: &Path, before: Option<TempDir>) -> Result<(), InstallError> {
        let _still = self.scanning.lock().await;
        let at = target.to_owned();
        let Some(before) = before else {
            off_thread(move || set_aside(&at).map(drop)).await??;
            self.remove_slot(&slot.place);
            return Ok(());
        };
        off_thread(move || exchange(&before.path().join("plugin"), &at)).await??;
        let again = self.registered(slot.place.clone(), "");
        // It served a moment ago; what it says of itself now is true again.
        if let Err(error) = self.load(&again, true).await {
            tracing::warn!(plugin = slot.id, %error, "the version before could not be loaded again");
        }
        Ok(())
    }
}

/// Who has an id, and what can be done.
fn taken(id: &str, holder: &Slot) -> String {
    match &holder.place {
        Place::Embedded(_) => {
            format!("the id `{id}` belongs to a plugin that comes with Corral; give this one another")
        }
        Place::Folder(_, path) => {
            format!("the id `{id}` is taken by the plugin in {}; give this one another or remove that", path.display())
        }
    }
}

/// Looks at all files before the first is written.
fn check(files: &[(String, Bytes)], inner: &Inner) -> Result<Manifest, InstallError> {
    let wrong = |text: String| Err(InstallError::Package(text));
    if files.len() > FILES_MAX {
        return wrong(format!("a plugin has at most {FILES_MAX} files, this has {}", files.len()));
    }
    for (index, (name, content)) in files.iter().enumerate() {
        if files[..index].iter().any(|(other, _)| other == name) {
            return wrong(format!("`{name}` is there twice"));
        }
        let most = if name == COMPONENT { WASM_MAX } else { SCHEMA_MAX };
        if content.len() as u64 > most {
            return wrong(format!("`{name}` has {} bytes; at most {most} are taken", content.len()));
        }
        if !is_file_of_a_plugin(name) {
            let name: String = name.chars().take(NAME_MAX).collect();
            return wrong(format!(
                "`{name}` does not belong to a plugin: it has {MANIFEST}, {COMPONENT}, {README} and JSON files"
            ));
        }
    }
    let find = |name: &str| files.iter().find(|(file, _)| file == name).map(|(_, content)| content);
    let Some(manifest) = find(MANIFEST) else { return wrong(format!("{MANIFEST} is missing")) };
    let Some(wasm) = find(COMPONENT) else { return wrong(format!("{COMPONENT} is missing")) };
    let Ok(text) = std::str::from_utf8(manifest) else { return wrong(format!("{MANIFEST} is not UTF-8")) };
    let read = Manifest::parse(text, &inner.config.ceilings).and_then(|manifest| check_head(wasm).map(|()| manifest));
    read.map_err(|error| InstallError::Package(error.to_string()))
}

/// A plain name, no path: nothing is written outside the plugin's own folder.
fn is_file_of_a_plugin(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let is_json = Path::new(name).extension().is_some_and(|end| end == "json");
    [MANIFEST, COMPONENT, README].contains(&name)
        || (name.len() <= NAME_MAX && !name.starts_with('.') && is_json && name.chars().all(plain))
}

fn text_of(files: &[(String, Bytes)], name: &str) -> String {
    let content = files.iter().find(|(file, _)| file == name).map(|(_, content)| content.as_ref());
    String::from_utf8_lossy(content.unwrap_or_default()).into_owned()
}

/// Writes the files beside their place and puts them there at once. Returns what was there before, until it is dropped.
fn put(folder: &Path, target: &Path, files: &[(String, Bytes)]) -> io::Result<Option<TempDir>> {
    fs::create_dir_all(folder)?;
    let beside = hidden(folder)?;
    let new = beside.path().join("plugin");
    fs::create_dir(&new)?;
    for (name, content) in files {
        let mut file = File::create(new.join(name))?;
        file.write_all(content)?;
        file.sync_all()?;
    }
    if target.exists() {
        exchange(&new, target)?;
        return Ok(Some(beside));
    }
    fs::rename(&new, target)?;
    File::open(folder)?.sync_all()?;
    Ok(None)
}

/// Two folders take each other's place, at once.
fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?;
    if let Some(folder) = other.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Takes a folder out of its place at once; it is gone when the answer is dropped.
fn set_aside(path: &Path) -> io::Result<TempDir> {
    let beside = hidden(path.parent().unwrap_or(Path::new(".")))?;
    fs::rename(path, beside.path().join("plugin"))?;
    Ok(beside)
}

/// A folder in the folder of plugins in which nobody looks for one.
fn hidden(folder: &Path) -> io::Result<TempDir> {
    tempfile::Builder::new().prefix(&format!("{HIDDEN}plugin-")).tempdir_in(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_belong_to_a_plugin() {
        for good in ["plugin.toml", "plugin.wasm", "README.md", "config.schema.json"] {
            assert!(is_file_of_a_plugin(good), "{good}");
        }
        for bad in ["../x.json", "/x.json", "a/b.json", ".x.json", "x.sh", "", "plugin.wasm/", "a\0.json", "é.json"] {
            assert!(!is_file_of_a_plugin(bad), "{bad}");
        }
    }
}

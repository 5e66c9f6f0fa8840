//! What a plugin finds around it in an example: files, machines, a stream.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use corral_domain::{FilterChoice, JobId, NewVm, OutputStream, Timestamp, Vm, VmId};
use corral_engine::ports::StreamInfo;
use corral_plugin_host::{Capability, Manifest};
use uuid::Uuid;

use super::{Filter, Machine, Source};

/// Puts the files of an example into folders below `place`. Returns the folders by the path that the manifest wants.
pub fn folders(
    files: &BTreeMap<String, String>,
    manifest: &Manifest,
    place: &Path,
) -> Result<BTreeMap<String, PathBuf>, String> {
    let mut folders = BTreeMap::new();
    for (path, text) in files {
        let (folder, rest, wanted) = manifest
            .wants
            .iter()
            .find_map(|want| match &want.capability {
                Capability::ReadFile { path: wanted, mount } => {
                    let rest = path.strip_prefix(mount.as_str())?.strip_prefix('/')?;
                    Some((place.join(mount.trim_start_matches('/')), rest, wanted))
                }
                _ => None,
            })
            .ok_or_else(|| format!("the file `{path}` lies in no folder that plugin.toml wants to read"))?;
        if rest.is_empty() || Path::new(rest).components().any(|part| !matches!(part, Component::Normal(_))) {
            return Err(format!("`{path}` is no path of a file"));
        }
        let file = folder.join(rest);
        let written = file.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&file, text));
        written.map_err(|error| format!("the file `{path}` cannot be put in place: {error}"))?;
        folders.insert(wanted.clone(), folder);
    }
    Ok(folders)
}

/// The `index`-th machine of an example.
pub fn machine(index: usize, given: &Machine) -> Arc<Vm> {
    let number = u128::try_from(index + 1).unwrap_or(1);
    let name = given.name.clone().unwrap_or_else(|| format!("vm-{number}"));
    let address = given.address.clone().unwrap_or_else(|| format!("192.0.2.{}", number % 255));
    let user = given.user.clone().unwrap_or_else(|| "root".into());
    let mut new = NewVm::ssh(name, address, given.port.unwrap_or(super::ssh()), user);
    new.labels = given.labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    Arc::new(Vm::new(VmId::from_uuid(id(number)), new, Timestamp::from_millis(0)))
}

/// The stream of an example.
pub fn stream(filter: &Filter) -> StreamInfo {
    StreamInfo {
        job: job(0),
        template: filter.template.clone(),
        vm: machine(0, &filter.vm),
        stream: match filter.source {
            Source::Stdout => OutputStream::Stdout,
            Source::Stderr => OutputStream::Stderr,
        },
        filters: FilterChoice::default(),
    }
}

/// The id of the `index`-th job of an example.
pub fn job(index: usize) -> JobId {
    const JOBS: u128 = 1 << 40;
    JobId::from_uuid(id(JOBS + index as u128))
}

/// Ids look like those of a host and are the same in every run.
fn id(number: u128) -> Uuid {
    const FIRST: u128 = 0x0189_0000_0000_7000_8000_0000_0000_0000;
    Uuid::from_u128(FIRST + number)
}

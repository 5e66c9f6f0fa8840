//! `corral plugin pack`: a plugin as one file, to be given to others.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use bytes::Bytes;

use super::build::{fresh, size};
use super::project::Project;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::safe;
use crate::package::{self, Files};

/// What to pack.
#[derive(Debug, clap::Args)]
pub struct Pack {
    /// The project, or the folder of a built plugin.
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Where to write it; without it `ID-VERSION.corral`, here.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Packs a plugin.
pub async fn run(args: Pack) -> Result<Exit> {
    let project = Project::open(&args.dir)?;
    let package = pack(&project).await?;
    let (id, version) = (&project.manifest.id, &project.manifest.version);
    let path = args.output.unwrap_or_else(|| format!("{id}-{version}.corral").into());
    fs::write(&path, &package)
        .map_err(|error| Failure::new(Exit::Usage, format!("{} cannot be written: {error}", path.display())))?;
    say!("{}: {id} {version}, {}", safe(&path.display().to_string()), size(package.len() as u64));
    Ok(Exit::Ok)
}

/// The package of a project, which is built first if need be.
pub async fn pack(project: &Project) -> Result<Vec<u8>, Failure> {
    let folder = fresh(project).await?;
    let files = files(project, &folder)?;
    package::pack(&files).map_err(|error| Failure::new(Exit::Internal, format!("it cannot be packed: {error}")))
}

/// What a host is given of a plugin: what `dist/ID` holds, whatever else lies in the folder of one without sources.
fn files(project: &Project, folder: &Path) -> Result<Files, Failure> {
    let schema = project.manifest.config_schema.as_deref();
    let names = ["plugin.toml", "plugin.wasm"].into_iter().chain(schema);
    let read = |name: &str| {
        let path = folder.join(name);
        let bytes = fs::read(&path).map_err(|error| {
            Failure::new(Exit::NotFound, format!("{} cannot be read: {error}", path.display()))
                .hint("`corral plugin build` builds a project")
        })?;
        Ok((name.to_owned(), Bytes::from(bytes)))
    };
    let mut files = names.map(read).collect::<Result<Files, Failure>>()?;
    files.extend(read("README.md").ok());
    Ok(files)
}

//! `corral plugin build`: a component out of a project, by the tools of its language.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::project::{Lang, Project};
use super::toolchain;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::safe;

/// Which project to build.
#[derive(Debug, clap::Args)]
pub struct Build {
    /// Its folder.
    #[arg(default_value = ".")]
    dir: PathBuf,
}

/// Builds a project.
pub async fn run(args: Build) -> Result<Exit> {
    let project = Project::open(&args.dir)?;
    let built = build(&project).await?;
    let bytes = fs::metadata(built.join("plugin.wasm")).map_or(0, |meta| meta.len());
    let (id, version) = (&project.manifest.id, &project.manifest.version);
    say!("{id} {version}: {}, {}", safe(&built.join("plugin.wasm").display().to_string()), size(bytes));
    Ok(Exit::Ok)
}

/// A size as people read it.
pub fn size(bytes: u64) -> String {
    const KIB: u64 = 1 << 10;
    const MIB: u64 = 1 << 20;
    if bytes < MIB { format!("{} KiB", bytes.div_ceil(KIB)) } else { format!("{:.1} MiB", bytes as f64 / MIB as f64) }
}

/// Builds a project and puts what a host takes into its `dist`. Returns that folder.
pub async fn build(project: &Project) -> Result<PathBuf, Failure> {
    let dir = &project.dir;
    let component = match project.lang {
        Some(Lang::Rust) => toolchain::rust(dir).await?,
        Some(Lang::Js) => toolchain::js(dir).await?,
        Some(Lang::Python) => toolchain::python(dir).await?,
        None => {
            let what = format!("{} has a plugin.toml and no sources that could be built", dir.display());
            let failure = Failure::new(Exit::Usage, what);
            return Err(failure
                .hint("a project has Cargo.toml, package.json or requirements.txt; `corral plugin new` makes one"));
        }
    };
    let built = project.built();
    place(project, &component, &built)
        .map_err(|error| Failure::new(Exit::Usage, format!("{} cannot be written: {error}", built.display())))?;
    Ok(built)
}

/// The folder of the built plugin, after it was built if need be.
pub async fn fresh(project: &Project) -> Result<PathBuf, Failure> {
    if project.lang.is_some() && project.is_stale() { build(project).await } else { Ok(project.built()) }
}

fn place(project: &Project, component: &Path, built: &Path) -> std::io::Result<()> {
    fs::create_dir_all(built)?;
    let schema = project.manifest.config_schema.as_deref();
    for name in ["README.md"].into_iter().chain(schema).filter(|name| project.dir.join(name).is_file()) {
        put(&project.dir.join(name), &built.join(name))?;
    }
    put(component, &built.join("plugin.wasm"))?;
    // Last: a manifest makes a folder a plugin.
    put(&project.dir.join("plugin.toml"), &built.join("plugin.toml"))
}

/// Beside and renamed: a host may be watching the folder.
fn put(from: &Path, to: &Path) -> std::io::Result<()> {
    let beside = to.with_extension("new");
    fs::write(&beside, fs::read(from)?)?;
    fs::rename(beside, to)
}

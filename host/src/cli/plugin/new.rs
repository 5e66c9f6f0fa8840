//! `corral plugin new`: a project that builds at once.

use std::path::PathBuf;

use anyhow::Result;
use corral_domain::PluginKind;

use super::project::Lang;
use super::starter::{Starter, kind_name};
use crate::cli::exit::Exit;

/// What to write.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  corral plugin new quiet-logs --kind log-filter
  corral plugin new disk-tools --kind command-template --lang python
  corral plugin new racks --kind discovery --dir ~/src/racks")]
pub struct New {
    /// The plugin's id: a-z, 0-9 and -, beginning with a letter.
    name: String,
    /// What it extends.
    #[arg(long, value_enum)]
    kind: Kind,
    /// What it is written in.
    #[arg(long, value_enum, default_value = "rust")]
    lang: Lang,
    /// Where the project goes; without it a folder of its name, here.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// The extension points.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Kind {
    /// Sees every line of a job's output before it is stored.
    LogFilter,
    /// Offers commands that can be run.
    CommandTemplate,
    /// Finds machines.
    Discovery,
}

impl From<Kind> for PluginKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::LogFilter => Self::LogFilter,
            Kind::CommandTemplate => Self::CommandTemplate,
            Kind::Discovery => Self::Discovery,
        }
    }
}

/// Writes the project and says what comes next.
pub fn run(args: New) -> Result<Exit> {
    let kind = PluginKind::from(args.kind);
    let starter = Starter::new(&args.name, args.lang, kind)?;
    let dir = args.dir.unwrap_or_else(|| PathBuf::from(&args.name));
    let files = starter.write(&dir)?;
    say!("{}: a {} in {}, {files} files", dir.display(), kind_name(kind), args.lang.title());
    say!("");
    say!("  cd {}", dir.display());
    say!("  corral plugin build     # {}", args.lang.builds_by());
    say!("  corral plugin test      # runs examples/*.json");
    say!("  corral plugin dev       # builds at every change and loads it into the host that runs here");
    Ok(Exit::Ok)
}

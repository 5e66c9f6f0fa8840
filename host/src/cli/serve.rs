//! `corral serve`: runs the host until it is told to stop.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::json;
use std::io::IsTerminal as _;

use super::exit::{Exit, Failure};
use super::output::Paint;
use crate::bundled;
use crate::config::{Config, Flags, Log, LogFormat};
use crate::datadir::{DataDir, RunInfo, write_private};
use crate::lifecycle::Lifecycle;
use crate::wiring::{self, Host};

/// Run the host: dashboard, API, plugins.
///
/// Beyond this machine it listens only after somebody has claimed it (opened the link, or made a token) and with
/// --public-url.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each flag but --ready-file is also a key of corral.toml and a variable CORRAL_SECTION_KEY: server.listen is
CORRAL_SERVER_LISTEN. SIGTERM and Ctrl-C stop softly, a second one at once.")]
pub struct Args {
    /// The data folder [default: $XDG_DATA_HOME/corral or ~/.local/share/corral].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Address and port to listen on; port 0 takes a free one [default: 127.0.0.1:7420].
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// The URL under which people reach it, behind a proxy.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// A watched folder of plugins; may be given several times.
    #[arg(long, value_name = "DIR")]
    plugins: Vec<PathBuf>,
    /// The watched folder of template files [default: templates in the data folder].
    #[arg(long, value_name = "DIR")]
    templates: Option<PathBuf>,
    /// The configuration file [default: ~/.config/corral/corral.toml, if it is there].
    #[arg(long, env = "CORRAL_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// How log records are written to standard error.
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
    /// A file to write `{"url", "setup_url", "pid"}` to once it answers.
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

/// Runs until a signal.
pub async fn run(args: Args) -> Result<Exit> {
    let flags = Flags::default()
        .set("storage.data", args.data.as_ref())
        .set("server.listen", args.listen.as_ref())
        .set("server.public_url", args.public_url.as_ref())
        .set("plugins.folders", (!args.plugins.is_empty()).then_some(&args.plugins))
        .set("plugins.templates", args.templates.as_ref())
        .set("log.format", args.log_format);
    let config = Config::load(args.config.as_deref(), &flags)?;
    start_logging(&config.log)?;
    let (config, data) = prepare(config)?;
    let _lock = data.lock()?;
    let lifecycle = Lifecycle::start().context("listening for signals")?;
    let listener = wiring::listen(&config).await?;
    let host = Host::start(&config, &data, listener, &lifecycle).await?;
    let link = host.login_link().await?;
    announce(&host, &data, &link, args.ready_file.as_deref())?;
    let paint = Paint::stdout();
    say!("Corral {} answers at {}", env!("CARGO_PKG_VERSION"), paint.sgr("1", &host.url));
    say!("Data: {}", data.path().display());
    say!("Log in, once, within the hour: {}", paint.sgr("4", &link));
    lifecycle.stopping().cancelled().await;
    withdraw(&data, args.ready_file.as_deref());
    host.stop(&lifecycle).await;
    tracing::info!("stopped");
    Ok(Exit::Ok)
}

/// Makes the data folder with its templates, and the configuration's paths absolute.
pub fn prepare(mut config: Config) -> Result<(Config, DataDir), Failure> {
    let data = DataDir::prepare(config.storage.data.as_deref())?;
    for folder in config.plugins.folders.iter().chain(&config.plugins.templates) {
        if !folder.is_dir() {
            return Err(Failure::new(Exit::Usage, format!("{} is not a folder", folder.display()))
                .hint("plugin and template folders have to be there when the host starts"));
        }
    }
    if config.plugins.templates.is_none() {
        let templates = data.path().join("templates");
        // Only a person's first start gets the samples: one who removed them does not want them back.
        let first_start = !data.path().join("state.db").exists() && !templates.exists();
        let made = if first_start {
            bundled::write_samples(&templates).map(drop)
        } else {
            std::fs::create_dir_all(&templates)
        };
        made.map_err(|error| Failure::new(Exit::DataFolder, format!("{}: {error}", templates.display())))?;
        config.plugins.templates = Some(templates);
    }
    config.storage.data = Some(data.path().to_owned());
    Ok((config, data))
}

/// Tells scripts and the command line that the host answers.
pub fn announce(host: &Host, data: &DataDir, link: &str, ready_file: Option<&Path>) -> Result<(), Failure> {
    let pid = std::process::id();
    let fail = |path: &Path, error: std::io::Error| {
        Failure::new(Exit::DataFolder, format!("{} cannot be written: {error}", path.display()))
    };
    data.write_run_info(&RunInfo { url: host.url.clone(), pid }).map_err(|error| fail(data.path(), error))?;
    if let Some(path) = ready_file {
        let ready = json!({ "url": host.url, "setup_url": link, "pid": pid });
        write_private(path, ready.to_string().as_bytes()).map_err(|error| fail(path, error))?;
    }
    Ok(())
}

/// Takes back what `announce` said.
pub fn withdraw(data: &DataDir, ready_file: Option<&Path>) {
    data.remove_run_info();
    if let Some(path) = ready_file {
        // Who waits for the file knows the pid as well.
        let _ = std::fs::remove_file(path);
    }
}

/// Log records go to standard error. Once per process.
pub fn start_logging(log: &Log) -> Result<(), Failure> {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(log.directives()?)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let started = match log.format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| Failure::new(Exit::Internal, format!("logging cannot be started: {error}")))
}

//! `corral demo`: a host with a small fleet of its own, to try things out.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use corral_domain::{Labels, NewVm, Transport};
use corral_engine::Actor;

use super::exit::Exit;
use super::output::Paint;
use super::serve;
use crate::config::{Config, Flags, LogFormat};
use crate::lifecycle::Lifecycle;
use crate::wiring::{self, Host};

const THIS_MACHINE: &str = "this-machine";

/// Run a host with five SSH servers inside, to try things out.
///
/// The servers are real ones on this machine's loopback; their commands run as you. Without --data everything is gone
/// when it ends.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Address and port to listen on.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: String,
    /// Keep the data in this folder.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A watched folder of plugins; may be given several times.
    #[arg(long, value_name = "DIR")]
    plugins: Vec<PathBuf>,
    /// How log records are written to standard error.
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
    /// A file to write `{"url", "setup_url", "pid"}` to once it answers.
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

/// Runs until a signal.
pub async fn run(args: Args) -> Result<Exit> {
    let temporary = match &args.data {
        Some(_) => None,
        None => Some(tempfile::Builder::new().prefix("corral-demo-").tempdir().context("making a temporary folder")?),
    };
    let folder = args.data.clone().or_else(|| temporary.as_ref().map(|folder| folder.path().join("data")));
    let flags = Flags::default()
        .set("storage.data", folder)
        .set("server.listen", Some(&args.listen))
        .set("plugins.folders", (!args.plugins.is_empty()).then_some(&args.plugins))
        // What a level is good for is seen at once: beside the lines, in the search, from one error to the next.
        .set("plugins.filters", Some([serde_json::json!({"selector": "all", "with": ["structured"]})]))
        .set("log.format", args.log_format);
    // The person's own configuration is for their own host.
    let config = Config::without_file(&flags)?;
    serve::start_logging(&config.log)?;
    let (config, data) = serve::prepare(config)?;
    let _lock = data.lock()?;
    let lifecycle = Lifecycle::start().context("listening for signals")?;
    let listener = wiring::listen(&config).await?;
    let fleet = wiring::start_demo_fleet(data.path().join("demo")).await?;
    let host = Host::start(&config, &data, listener, &lifecycle).await?;
    let mut machines = fleet.machines();
    machines.push(this_machine());
    let names: Vec<_> = machines.iter().map(|machine| machine.name.clone()).collect();
    put(&host, machines).await?;
    let link = host.login_link().await?;
    serve::announce(&host, &data, &link, args.ready_file.as_deref())?;
    banner(&host, data.path(), &names, temporary.is_some(), &link);
    lifecycle.stopping().cancelled().await;
    serve::withdraw(&data, args.ready_file.as_deref());
    host.stop(&lifecycle).await;
    fleet.stop().await;
    Ok(Exit::Ok)
}

fn this_machine() -> NewVm {
    let labels = [("env", "demo"), ("role", "host")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    NewVm { transport: Transport::Local, labels: Labels::from(labels), ..NewVm::ssh(THIS_MACHINE, "", 22, "") }
}

/// Adds the machines. In a folder that was used before, they are there already, with ports and keys of the last time.
async fn put(host: &Host, machines: Vec<NewVm>) -> Result<()> {
    let actor = Actor::host();
    let state = host.engine.state();
    for machine in machines {
        let name = machine.name.clone();
        let known = state.vms.values().find(|vm| vm.name == name).map(|vm| vm.id);
        let done = match known {
            Some(id) if machine.transport == Transport::Local => {
                host.engine.replace_vm(&actor, id, machine, None).await
            }
            Some(id) => {
                let key = machine.host_keys.first().cloned();
                host.engine.replace_vm(&actor, id, machine, None).await?;
                host.engine.host_key(&actor, id, corral_engine::HostKeyAction::Replace { key }).await
            }
            None => host.engine.add_vm(&actor, machine).await,
        };
        done.with_context(|| format!("adding the machine {name}"))?;
    }
    Ok(())
}

/// What to do with it. The link is the last line: it is what one looks for.
fn banner(host: &Host, data: &Path, names: &[String], temporary: bool, link: &str) {
    let paint = Paint::stdout();
    let bold = |text: &str| paint.sgr("1", text);
    say!();
    say!("  {} {}", bold("Corral demo"), env!("CARGO_PKG_VERSION"));
    say!();
    say!("  Machines   {}", names.join(", "));
    say!("             SSH servers inside this process; their commands run as you, on this machine");
    say!("  Templates  {} (edit one, it reloads)", data.join("templates").display());
    say!("  Data       {}{}", data.display(), if temporary { " (removed at the end)" } else { "" });
    say!("  Shell      export CORRAL_URL={}", host.url);
    say!("             export CORRAL_TOKEN=$(corral token create --data {} --name me)", data.display());
    say!("             corral run -l role=web -- uptime");
    say!("  Ctrl-C ends it.");
    say!();
    say!("  Open, it logs you in: {}", paint.sgr("4", link));
}

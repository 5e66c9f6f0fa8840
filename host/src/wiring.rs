//! Joins the concrete parts into a host: the store, the runners, the plugin host, the engine, the API.
//!
//! The only module that names them. Everything else speaks of ports and traits, so that another store or another
//! runner is a change in this file.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use corral_domain::{Clock, FilterChoice, NewVm, PluginPolicy, RandomBytes, SystemClock, VmId};
use corral_engine::ports::{PluginNotice, Secrets};
use corral_engine::{Actor, Deps, Engine, HostKeyAction};
use corral_plugin_host::{
    Bundled, EngineServices, FilterRule, PluginFolder, PluginHost, PluginHostConfig, PluginSettings, Workshop,
};
use corral_secrets::{KeyPlace, Vault};
use corral_ssh::demo::{DemoConfig, DemoFleet, DemoVm};
use corral_ssh::{MachineRunner, SshConfig};
use corral_storage::{StateStore as _, TokenStore as _};
pub use corral_storage_sqlite::{LogDamage, LogFileReport};
use corral_storage_sqlite::{SqliteOptions, SqliteStore};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::auth::{Auth, AuthError};
use crate::cli::exit::{Exit, Failure};
use crate::config::{Config, FilterRuleTable, OnePlugin};
use crate::datadir::DataDir;
use crate::lifecycle::{Lifecycle, within};
use crate::{api, auth, bundled};

/// First contacts that wait to be pinned. One that does not fit is pinned at the next contact.
const HOST_KEYS_WAITING_MAX: usize = 256;
/// The engine ends within its own grace; this is beyond all of it.
const ENGINE_DEADLINE: Duration = Duration::from_secs(30);
/// Short: a compilation that is under way cannot be broken off, and it keeps nothing that would be lost.
const PLUGINS_DEADLINE: Duration = Duration::from_secs(2);
const STORE_DEADLINE: Duration = Duration::from_secs(5);
const DEMO_DEADLINE: Duration = Duration::from_secs(5);
/// Where plugins lie that were installed through the host, in its data folder.
const INSTALLED: &str = "installed-plugins";
/// How often tokens and sessions that have ended are removed.
const SWEEP_EVERY: Duration = Duration::from_secs(60 * 60);

/// A running host.
pub struct Host {
    /// Its use cases.
    pub engine: Engine,
    /// Where it answers on this machine.
    pub url: String,
    /// Where people reach it.
    pub public_url: String,
    auth: Auth,
    plugins: Arc<PluginHost>,
    store: SqliteStore,
}

struct SystemRandom;

impl RandomBytes for SystemRandom {
    #[expect(clippy::expect_used, reason = "without randomness ids would repeat and overwrite each other")]
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the system gives randomness");
    }
}

/// The clock that everything is given.
pub fn clock() -> SystemClock {
    SystemClock
}

/// Opens the database in a data folder.
pub async fn open_store(data: &DataDir) -> Result<SqliteStore, Failure> {
    Ok(SqliteStore::open(data.path(), SqliteOptions::default()).await?)
}

/// The log files in a data folder, oldest first.
pub async fn log_files(data: &DataDir) -> Result<Vec<PathBuf>, Failure> {
    Ok(corral_storage_sqlite::log_files(data.path()).await?)
}

/// Checks a log file, and with `repair` puts right what can be.
pub async fn check_log_file(path: &std::path::Path, repair: bool) -> Result<LogFileReport, Failure> {
    Ok(corral_storage_sqlite::check_log_file(path, repair).await?)
}

/// The secrets in a data folder.
pub fn vault(data: &DataDir, store: &SqliteStore) -> Vault {
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let place = KeyPlace::usual(data.path(), credentials.as_deref());
    Vault::new(Arc::new(store.clone()), place, Arc::new(clock()), Arc::new(SystemRandom))
}

/// The place where an author's plugins are tried, without a host. Compiled code is kept in a folder.
pub async fn workshop(compiled: PathBuf) -> Result<Workshop, Failure> {
    let made = Workshop::new(compiled, Arc::new(clock())).await;
    made.map_err(|error| Failure::new(Exit::Internal, error.to_string()))
}

/// A failure of making a token, in the words of the command line.
pub fn auth_failure(error: AuthError) -> Failure {
    match error {
        AuthError::Storage(error) => error.into(),
        AuthError::BadName(why) => Failure::new(Exit::Usage, why),
        other => Failure::new(Exit::Internal, other.to_string()),
    }
}

/// The link that a login token goes into.
pub fn login_link(url: &str, token: &str) -> String {
    format!("{}/login?token={token}", url.trim_end_matches('/'))
}

/// Listens. Before anything else: a port that is taken should cost nothing but a message.
pub async fn listen(config: &Config) -> Result<TcpListener, Failure> {
    let address = config.server.address()?;
    TcpListener::bind(address).await.map_err(|error| {
        let failure = Failure::new(Exit::Listen, format!("{address} cannot be listened on: {error}"));
        match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                failure.hint("end what listens there, or choose another with --listen; port 0 takes a free one")
            }
            std::io::ErrorKind::PermissionDenied => {
                failure.hint("ports below 1024 are the system's; choose another with --listen")
            }
            _ => failure.hint("choose an address of this machine with --listen"),
        }
    })
}

impl Host {
    /// Puts it together and begins to answer.
    pub async fn start(
        config: &Config,
        data: &DataDir,
        listener: TcpListener,
        lifecycle: &Lifecycle,
    ) -> anyhow::Result<Self> {
        let begun = Instant::now();
        let address = listener.local_addr().context("asking for the address that was bound")?;
        let store = open_store(data).await?;
        refuse_unclaimed(address, config, &store).await?;
        let opened = Instant::now();

        let (plugins, notices) = start_plugins(config, data, policies(&store).await?).await?;
        let plugged = Instant::now();
        let clock: Arc<dyn Clock> = Arc::new(clock());
        let (keys, accepted) = mpsc::channel(HOST_KEYS_WAITING_MAX);
        let secrets: Arc<dyn Secrets> = Arc::new(vault(data, &store));
        let ssh = SshConfig { secrets: Some(secrets.clone()), ..ssh_config(config, &clock, keys) };
        let runner = Arc::new(MachineRunner::new(ssh));
        let deps = Deps {
            state: Arc::new(store.clone()),
            logs: Arc::new(store.clone()),
            runner: runner.clone(),
            capsules: runner,
            plugins: plugins.clone(),
            secrets,
            clock: clock.clone(),
            random: Arc::new(SystemRandom),
        };
        let engine = Engine::start(deps, config.engine_settings(), notices).await.map_err(Failure::from)?;
        plugins.join(Arc::new(EngineServices::new(engine.clone())));
        let granted =
            config.plugins.each.iter().filter_map(|(id, one)| Some((id.clone(), one.grant.clone()?))).collect();
        engine
            .record_configured_grants(&granted)
            .await
            .context("writing down what the configuration grants plugins")?;
        lifecycle.spawn(pin_host_keys(engine.clone(), accepted, lifecycle.stopping()));

        let public_url = config.server.public_url.clone();
        let options = auth::Options { listen: address, public_url: public_url.clone(), allowed_origins: Vec::new() };
        let auth = Auth::new(Arc::new(store.clone()), clock.clone(), options);
        lifecycle.spawn(sweep(auth.clone(), lifecycle.stopping()));
        let app = api::App::new(engine.clone(), auth.clone(), clock, lifecycle.stopping(), lifecycle.tracker());
        let serving = api::serve(listener, api::router(app), lifecycle.stopping(), lifecycle.tracker());
        lifecycle.spawn(serving);
        tracing::debug!(
            store = ?opened.duration_since(begun),
            plugins = ?plugged.duration_since(opened),
            engine_and_api = ?plugged.elapsed(),
            "started"
        );

        let url = format!("http://{}", reachable(address));
        let public_url = public_url.unwrap_or_else(|| url.clone());
        Ok(Self { engine, url, public_url, auth, plugins, store })
    }

    /// A link that logs a person in once.
    pub async fn login_link(&self) -> Result<String, Failure> {
        let token = self.auth.create_login_link_token().await.map_err(auth_failure)?;
        Ok(login_link(&self.public_url, &token))
    }

    /// Ends it: tasks first, then what they used.
    pub async fn stop(self, lifecycle: &Lifecycle) {
        within("the engine", ENGINE_DEADLINE, self.engine.stop()).await;
        lifecycle.finish().await;
        within("the plugins", PLUGINS_DEADLINE, self.plugins.stop()).await;
        within("the store", STORE_DEADLINE, self.store.close()).await;
    }
}

/// Beyond this machine only once somebody has claimed the host, and said under which URL it is reached.
async fn refuse_unclaimed(address: SocketAddr, config: &Config, store: &SqliteStore) -> Result<(), Failure> {
    if address.ip().is_loopback() {
        return Ok(());
    }
    let now = clock().now();
    let mut claimed = false;
    for kind in ["session", "api"] {
        let tokens = store.tokens(kind).await?;
        claimed |= tokens.iter().any(|token| token.expires_at.is_none_or(|end| end > now));
    }
    if claimed && config.server.public_url.is_some() {
        return Ok(());
    }
    let failure = Failure::new(Exit::Unclaimed, format!("{address} is beyond this machine, and that is not safe yet"));
    Err(failure.hint(if claimed {
        "say with --public-url under which URL people reach it: only requests from its own pages are then let in"
    } else {
        "start it once on 127.0.0.1 and open the link, or make a token with `corral token create`; then give --public-url"
    }))
}

/// An address that was bound to all interfaces is reached on loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port()),
        IpAddr::V6(ip) if ip.is_unspecified() => SocketAddr::new(Ipv6Addr::LOCALHOST.into(), address.port()),
        _ => address,
    }
}

fn ssh_config(config: &Config, clock: &Arc<dyn Clock>, keys: mpsc::Sender<(VmId, String)>) -> SshConfig {
    let sink = move |vm, key| {
        if keys.try_send((vm, key)).is_err() {
            tracing::warn!(%vm, "too many new host keys at once; this one is pinned at the next contact");
        }
    };
    SshConfig { clock: clock.clone(), host_key_sink: Some(Arc::new(sink)), ..config.ssh.to_ssh() }
}

/// Pins host keys that were accepted on first contact.
async fn pin_host_keys(
    engine: Engine,
    mut accepted: mpsc::Receiver<(VmId, String)>,
    stop: tokio_util::sync::CancellationToken,
) {
    loop {
        let next = tokio::select! {
            next = accepted.recv() => next,
            () = stop.cancelled() => return,
        };
        let Some((vm, key)) = next else { return };
        if let Err(error) = engine.host_key(&Actor::host(), vm, HostKeyAction::Accept { key: Some(key) }).await {
            tracing::warn!(%vm, %error, "a new host key could not be pinned");
        }
    }
}

async fn sweep(auth: Auth, stop: tokio_util::sync::CancellationToken) {
    let mut tick = tokio::time::interval(SWEEP_EVERY);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = stop.cancelled() => return,
        }
        if let Err(error) = auth.remove_expired().await {
            tracing::warn!(%error, "ended tokens could not be removed");
        }
    }
}

/// The machines of `corral demo`.
pub struct DemoMachines(DemoFleet);

/// Starts them, with their homes below `folder`.
pub async fn start_demo_fleet(folder: PathBuf) -> anyhow::Result<DemoMachines> {
    Ok(DemoMachines(DemoFleet::start(DemoConfig { folder: Some(folder) }).await?))
}

impl DemoMachines {
    /// As they are added to the inventory: with labels, the key that they let in and their host keys.
    pub fn machines(&self) -> Vec<NewVm> {
        self.0.vms().iter().map(DemoVm::to_new_vm).collect()
    }

    /// Stops them with all that they run.
    pub async fn stop(self) {
        within("the demo's machines", DEMO_DEADLINE, self.0.stop()).await;
    }
}

/// What was decided about plugins before this start.
async fn policies(store: &SqliteStore) -> Result<BTreeMap<String, PluginPolicy>, Failure> {
    let settings = store.settings().await?;
    let policy = |(key, value): &(String, serde_json::Value)| {
        PluginPolicy::plugin_of(key).map(|plugin| (plugin.to_owned(), PluginPolicy::read(value)))
    };
    Ok(settings.iter().filter_map(policy).collect())
}

/// Starts the plugin host: plugins from inside the binary, from beside it, and from the operator's folders.
async fn start_plugins(
    config: &Config,
    data: &DataDir,
    policies: BTreeMap<String, PluginPolicy>,
) -> anyhow::Result<(Arc<PluginHost>, mpsc::Receiver<PluginNotice>)> {
    let mut settings = PluginHostConfig::new(data.path().join("cache").join("plugins"), data.path().join("plugins"));
    settings.bundled = bundled_plugins();
    settings.policies = policies;
    if settings.bundled.is_empty() {
        settings.folders.extend(bundled::beside_the_binary().map(|path| PluginFolder { path, bundled: true }));
    }
    let installed = data.path().join(INSTALLED);
    settings.folders.push(PluginFolder { path: installed.clone(), bundled: false });
    settings.installed = Some(installed);
    let own = config.plugins.folders.iter().map(|path| PluginFolder { path: path.clone(), bundled: false });
    settings.folders.extend(own);
    let templates = config.plugins.templates.iter().cloned().collect();
    settings.mounts = BTreeMap::from([("templates".to_owned(), templates)]);
    settings.home = std::env::var_os("HOME").map(PathBuf::from);
    settings.local_user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default();
    // As ssh does it: the agent where one runs, the usual key files elsewhere.
    if std::env::var_os("SSH_AUTH_SOCK").is_none() {
        settings.default_auth = corral_domain::Auth::Key { identity_file: None, secret: None };
    }
    settings.filter_rules = config.plugins.filters.iter().map(filter_rule).collect();
    settings.plugins = config.plugins.each.iter().map(|(id, one)| (id.clone(), plugin_settings(one))).collect();
    Ok(PluginHost::start(settings, Arc::new(clock())).await?)
}

fn filter_rule(table: &FilterRuleTable) -> FilterRule {
    FilterRule {
        template: table.template.clone(),
        // It was read once already, when the configuration was.
        selector: table.selector.as_deref().and_then(|text| text.parse().ok()),
        filters: FilterChoice { with: table.with.clone(), without: table.without.clone() },
    }
}

fn plugin_settings(one: &OnePlugin) -> PluginSettings {
    PluginSettings { enabled: one.enabled, grant: one.grant.clone(), config: one.config.clone() }
}

/// The embedded plugins, put together from their files. A folder without a component is left out by `build.rs`.
fn bundled_plugins() -> Vec<Bundled> {
    let file = |path: &str| bundled::plugins().iter().find(|(name, _)| *name == path).map(|(_, content)| *content);
    let text = |content: &[u8]| String::from_utf8_lossy(content).into_owned();
    let ids = bundled::plugins().iter().filter_map(|(path, _)| path.strip_suffix("/plugin.toml"));
    let one = |id: &str| {
        Some(Bundled {
            manifest: text(file(&format!("{id}/plugin.toml"))?),
            wasm: Bytes::from_static(file(&format!("{id}/plugin.wasm"))?),
            schema: file(&format!("{id}/config.schema.json")).map(text),
            readme: file(&format!("{id}/README.md")).map(text),
        })
    };
    ids.filter_map(one).collect()
}

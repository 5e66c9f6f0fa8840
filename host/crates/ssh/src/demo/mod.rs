//! Five SSH servers inside this process, to see the product at work without a machine to spare.
//!
//! They speak real SSH on loopback, have host keys of their own and let in one key that is made at start. What they are
//! asked to execute runs by `/bin/sh` as the same account, each in a home folder of its own.
//!
//! Must not know: the inventory. Whoever starts a fleet adds its machines there.

mod server;
mod story;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use corral_domain::{Auth, Labels, NewVm};
use russh::keys::key::safe_rng;
use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, PrivateKey};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::story::STORIES;

/// Where a fleet keeps its files.
#[derive(Debug, Clone, Default)]
pub struct DemoConfig {
    /// Folder for the homes and the key; a temporary one that goes with the fleet if there is none.
    pub folder: Option<PathBuf>,
}

/// A fleet cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// Files cannot be written.
    #[error("the demo fleet cannot write {path}: {source}")]
    Write {
        /// What was to be written.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// No port on loopback.
    #[error("the demo fleet cannot listen on 127.0.0.1: {0}")]
    Listen(std::io::Error),
    /// No key.
    #[error("the demo fleet cannot make a key: {0}")]
    Key(#[from] russh::keys::ssh_key::Error),
}

/// One machine of the fleet.
#[derive(Debug, Clone)]
pub struct DemoVm {
    /// `web-1`, `web-2`, `db-1`, `cache-1`, `edge-1`.
    pub name: String,
    /// `env`, `role`, `region`.
    pub labels: Labels,
    /// Always `127.0.0.1`.
    pub address: String,
    /// Its port.
    pub port: u16,
    /// The account to connect as.
    pub user: String,
    /// Its host key as `ssh-ed25519 AAAA…`.
    pub host_key: String,
    /// Its home folder.
    pub home: PathBuf,
    /// The private key that it lets in.
    pub identity_file: PathBuf,
}

impl DemoVm {
    /// As it is added to an inventory.
    pub fn to_new_vm(&self) -> NewVm {
        NewVm {
            labels: self.labels.clone(),
            auth: Auth::Key { identity_file: Some(self.identity_file.display().to_string()), secret: None },
            host_keys: vec![self.host_key.clone()],
            ..NewVm::ssh(self.name.as_str(), self.address.as_str(), self.port, self.user.as_str())
        }
    }
}

/// The servers. Stopped, with all that they run, when dropped.
pub struct DemoFleet {
    vms: Vec<DemoVm>,
    stop: CancellationToken,
    tasks: TaskTracker,
    _folder: Option<tempfile::TempDir>,
}

impl DemoFleet {
    /// Starts the fleet.
    pub async fn start(config: DemoConfig) -> Result<Self, DemoError> {
        let (folder, temporary) = if let Some(folder) = config.folder {
            (folder, None)
        } else {
            let made = tempfile::Builder::new().prefix("corral-demo-").tempdir();
            let made = made.map_err(|source| DemoError::Write { path: std::env::temp_dir(), source })?;
            (made.path().to_owned(), Some(made))
        };
        make_folder(&folder)?;
        let client = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519)?;
        let identity_file = folder.join("id_ed25519");
        write(&identity_file, client.to_openssh(LineEnding::LF)?.as_bytes(), 0o600)?;
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let mut fleet = Self { vms: Vec::new(), stop, tasks, _folder: temporary };
        for story in &STORIES {
            let vm = fleet.start_one(story, &folder, &identity_file, &client).await?;
            fleet.vms.push(vm);
        }
        Ok(fleet)
    }

    /// The machines.
    pub fn vms(&self) -> &[DemoVm] {
        &self.vms
    }

    /// Stops the servers and waits until all that they run has ended.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn start_one(
        &self,
        story: &story::Story,
        folder: &Path,
        identity_file: &Path,
        client: &PrivateKey,
    ) -> Result<DemoVm, DemoError> {
        let home = folder.join(story.name);
        for file in story::files(story) {
            let path = home.join(file.path);
            make_folder(path.parent().unwrap_or(&home))?;
            write(&path, file.content.as_bytes(), if file.executable { 0o700 } else { 0o600 })?;
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(DemoError::Listen)?;
        let port = listener.local_addr().map_err(DemoError::Listen)?.port();
        let host = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519)?;
        let host_key = host.public_key().to_openssh()?;
        let machine = server::Machine {
            environment: story::environment(story, &home),
            home: home.clone(),
            client_key: client.public_key().clone(),
            stop: self.stop.clone(),
            tasks: self.tasks.clone(),
        };
        self.tasks.spawn(server::serve(listener, host, machine));
        Ok(DemoVm {
            name: story.name.to_owned(),
            labels: labels(story),
            address: "127.0.0.1".to_owned(),
            port,
            user: "demo".to_owned(),
            host_key,
            home,
            identity_file: identity_file.to_owned(),
        })
    }
}

impl Drop for DemoFleet {
    fn drop(&mut self) {
        self.stop.cancel();
        self.tasks.close();
    }
}

fn labels(story: &story::Story) -> Labels {
    let pairs = [("env", story.env), ("region", story.region), ("role", story.role)];
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect::<BTreeMap<_, _>>()
}

fn make_folder(path: &Path) -> Result<(), DemoError> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| DemoError::Write { path: path.to_owned(), source })
}

/// Writes a file with its mode from the beginning: a private key is never readable by others, not even for a moment.
fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), DemoError> {
    use std::io::Write as _;

    let fail = |source| DemoError::Write { path: path.to_owned(), source };
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(fail(error)),
        _ => {}
    }
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    file.and_then(|mut file| file.write_all(content)).map_err(fail)
}

//! Real OpenSSH servers on loopback addresses of their own, 127.1.0.1 and following, on one free port.
//!
//! Accounts are the one that runs the tests; keys are made for each fleet and lie in its temporary folder.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::Client;

/// sshd's own bound (`MAX_LISTEN_SOCKS`); more addresses need another process.
const ADDRESSES_PER_SSHD: usize = 16;
const START_LIMIT: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Servers that answer; ended when it is dropped.
#[derive(Debug)]
pub struct Fleet {
    folder: TempDir,
    servers: Vec<Child>,
    addresses: Vec<SocketAddr>,
    user: String,
    host_key: String,
}

impl Fleet {
    /// Starts as many addresses as wanted and waits until each answers.
    pub async fn start(addresses: usize) -> Result<Self> {
        tokio::task::spawn_blocking(move || Self::start_now(addresses)).await?
    }

    fn start_now(wanted: usize) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("corral-fleet-").tempdir()?;
        std::fs::create_dir(folder.path().join("home"))?;
        for name in ["host_key", "client_key"] {
            make_key(&folder.path().join(name))?;
        }
        let public = |name: &str| std::fs::read_to_string(folder.path().join(format!("{name}.pub")));
        std::fs::write(folder.path().join("authorized_keys"), public("client_key")?)?;
        let host_key = public("host_key")?.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
        let port = TcpListener::bind((Ipv4Addr::new(127, 1, 0, 1), 0))?.local_addr()?.port();
        let addresses =
            (1..=wanted).map(|at| Ok(SocketAddr::from((address(at)?, port)))).collect::<Result<Vec<_>>>()?;
        let user = String::from_utf8(Command::new("id").arg("-un").output()?.stdout)?.trim().to_owned();
        let mut fleet = Self { folder, servers: Vec::new(), addresses, user, host_key };
        for (number, part) in fleet.addresses.clone().chunks(ADDRESSES_PER_SSHD).enumerate() {
            let server = fleet.start_sshd(number, part)?;
            fleet.servers.push(server);
        }
        fleet.wait_until_all_answer()?;
        Ok(fleet)
    }

    fn start_sshd(&self, number: usize, addresses: &[SocketAddr]) -> Result<Child> {
        let at = |name: &str| self.folder.path().join(name).display().to_string();
        let mut config = format!(
            "HostKey {}\nAuthorizedKeysFile {}\nPidFile none\nUsePAM no\nStrictModes no\nUseDNS no\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\nMaxStartups 500\nPrintMotd no\n\
             SetEnv HOME={}\n",
            at("host_key"),
            at("authorized_keys"),
            // The account's own start-up files may print, wait or start programs; an empty home has none.
            at("home")
        );
        if understands_penalties() {
            // Tests fail to log in on purpose, all from one address.
            config.push_str("PerSourcePenalties no\n");
        }
        for address in addresses {
            writeln!(config, "ListenAddress {address}")?;
        }
        let path = self.folder.path().join(format!("sshd_config_{number}"));
        std::fs::write(&path, config)?;
        let log = std::fs::File::create(self.folder.path().join(format!("sshd_{number}.log")))?;
        if rustix::process::getuid().is_root() {
            // Where Debian's sshd locks its unprivileged half in; the package's service makes it, and there is no service.
            std::fs::create_dir_all("/run/sshd")?;
        }
        let mut command = Command::new(sshd()?);
        command.args(["-D", "-e", "-f"]).arg(&path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command.spawn().context("starting sshd")
    }

    fn wait_until_all_answer(&mut self) -> Result<()> {
        let begun = Instant::now();
        for address in self.addresses.clone() {
            while TcpStream::connect(address).is_err() {
                for server in &mut self.servers {
                    if let Some(status) = server.try_wait()? {
                        let log = std::fs::read_to_string(self.folder.path().join("sshd_0.log")).unwrap_or_default();
                        bail!("sshd ended with {status}: {log}");
                    }
                }
                ensure!(begun.elapsed() < START_LIMIT, "no sshd on {address} within {START_LIMIT:?}");
                std::thread::sleep(LOOK_EVERY);
            }
        }
        Ok(())
    }

    /// The VM at an index, as it is given to the API.
    pub fn vm(&self, index: usize) -> Value {
        let address = self.addresses[index];
        json!({
            "name": format!("vm-{:02}", index + 1),
            "address": address.ip().to_string(),
            "port": address.port(),
            "user": self.user,
            "labels": {"env": "test"},
            "auth": {"kind": "key", "identity_file": self.client_key()},
            "host_keys": [self.host_key],
        })
    }

    /// Adds all VMs; returns their ids.
    pub async fn add_all(&self, client: &Client) -> Result<Vec<String>> {
        let mut ids = Vec::with_capacity(self.addresses.len());
        for index in 0..self.addresses.len() {
            ids.push(client.add_vm(&self.vm(index)).await?);
        }
        Ok(ids)
    }

    /// Path of the private key that all servers let in.
    pub fn client_key(&self) -> String {
        self.folder.path().join("client_key").display().to_string()
    }

    /// Path of a private key that no server lets in.
    pub fn stranger_key(&self) -> Result<String> {
        let path = self.folder.path().join("stranger_key");
        make_key(&path)?;
        Ok(path.display().to_string())
    }

    /// An ssh_config that names all servers, and the known_hosts that goes with it.
    pub fn ssh_config(&self) -> (String, String) {
        let (mut config, mut known) = (String::new(), String::new());
        for (at, address) in self.addresses.iter().enumerate() {
            let _ = writeln!(
                config,
                "Host web-{}\n  HostName {}\n  Port {}\n  User {}\n  IdentityFile {}\n",
                at + 1,
                address.ip(),
                address.port(),
                self.user,
                self.client_key()
            );
            let _ = writeln!(known, "[{}]:{} {}", address.ip(), address.port(), self.host_key);
        }
        (config, known)
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for server in &mut self.servers {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

fn address(number: usize) -> Result<Ipv4Addr> {
    Ok(Ipv4Addr::new(127, 1, 0, u8::try_from(number).context("at most 255 addresses")?))
}

fn make_key(path: &std::path::Path) -> Result<()> {
    let status = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status()?;
    ensure!(status.success(), "ssh-keygen ended with {status}");
    Ok(())
}

fn sshd() -> Result<PathBuf> {
    let places = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/sbin/sshd"];
    // By its whole path: sshd starts itself anew for every connection and insists on it.
    places.iter().map(PathBuf::from).find(|path| path.is_file()).context("sshd is not installed: openssh-server")
}

/// OpenSSH before 9.8 knows no penalties and refuses the word.
fn understands_penalties() -> bool {
    let Ok(sshd) = sshd() else { return false };
    let test = Command::new(sshd).args(["-G", "-f", "/dev/null", "-o", "PerSourcePenalties=no"]).output();
    test.is_ok_and(|output| output.status.success())
}

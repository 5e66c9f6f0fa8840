//! One real OpenSSH server with its own keys and its own home, that a test can stop, start anew and give another host key.
//!
//! It is a machine as far as its commands can tell: their `HOME` is an empty folder of its own, and with
//! [`Options::mounts`] it sees a file system of its own. [`crate::fleet`] is many of these.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

/// sshd's own bound on addresses to listen on (`MAX_LISTEN_SOCKS`).
pub const ADDRESSES_MAX: usize = 16;
const START_LIMIT: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// What a server is like.
#[derive(Debug, Clone)]
pub struct Options {
    /// Third part of its addresses: 127.0.`net`.1 and following. Tests that run at once choose different ones.
    pub net: u8,
    /// How many addresses it listens on.
    pub addresses: u8,
    /// Types of host keys, as `ssh-keygen -t` takes them.
    pub host_keys: Vec<&'static str>,
    /// Further lines of `sshd_config`.
    pub config: String,
    /// Shell text that mounts what only this machine is to see; `$MACHINE` is its folder. It runs as root in a mount namespace
    /// of the server's own, which ends with the last process in it. Empty: no such namespace.
    pub mounts: String,
}

impl Default for Options {
    fn default() -> Self {
        Self { net: 1, addresses: 1, host_keys: vec!["ed25519"], config: String::new(), mounts: String::new() }
    }
}

/// A running server; it and everything that it started is ended when it is dropped.
#[derive(Debug)]
pub struct Sshd {
    folder: TempDir,
    options: Options,
    /// Lines of `sshd_config` that stand before all others.
    first: String,
    addresses: Vec<SocketAddr>,
    child: Option<Child>,
}

impl Sshd {
    /// Makes keys, starts the server and waits until each address answers.
    ///
    /// # Panics
    /// If there is no sshd or it does not start: a test without its server has not been run.
    pub fn start(options: Options) -> Self {
        let port = free_port(address(options.net, 1));
        let addresses = (1..=options.addresses).map(|host| (address(options.net, host), port).into()).collect();
        Self::start_at(addresses, options, None).unwrap_or_else(|error| panic!("no sshd: {error:#}"))
    }

    /// The same at addresses that the caller chose, with the keys of another one if one is given.
    pub fn start_at(addresses: Vec<SocketAddr>, options: Options, keys_of: Option<&Self>) -> Result<Self> {
        let most = ADDRESSES_MAX;
        ensure!((1..=most).contains(&addresses.len()), "sshd listens on 1 to {most} addresses");
        let folder = tempfile::Builder::new().prefix("corral-sshd-").tempdir()?;
        std::fs::create_dir(folder.path().join("home"))?;
        let mut sshd = Self { folder, options, first: String::new(), addresses, child: None };
        match keys_of {
            None => {
                sshd.make_key("client", "ed25519");
                std::fs::copy(sshd.path("client.pub"), sshd.path("authorized_keys"))?;
                sshd.new_host_keys();
            }
            Some(other) => sshd.copy_keys(other)?,
        }
        sshd.try_launch()?;
        Ok(sshd)
    }

    fn copy_keys(&self, other: &Self) -> Result<()> {
        let host_keys =
            self.options.host_keys.iter().flat_map(|kind| [format!("host_{kind}"), format!("host_{kind}.pub")]);
        let names = ["client", "client.pub", "authorized_keys"].map(str::to_owned).into_iter().chain(host_keys);
        for name in names {
            std::fs::copy(other.path(&name), self.path(&name)).with_context(|| format!("copying {name}"))?;
        }
        Ok(())
    }

    /// A path in its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The home folder that its commands see.
    pub fn home(&self) -> PathBuf {
        self.path("home")
    }

    /// The address at an index, counted from 0.
    pub fn ip(&self, index: u8) -> String {
        self.addresses[usize::from(index)].ip().to_string()
    }

    /// The port, the same on all addresses.
    pub fn port(&self) -> u16 {
        self.addresses[0].port()
    }

    /// The private key that it lets in.
    pub fn client_key(&self) -> PathBuf {
        self.path("client")
    }

    /// Its public host key of a type, as `ssh-ed25519 AAAA…`.
    pub fn host_key(&self, kind: &str) -> String {
        let text = std::fs::read_to_string(self.path(&format!("host_{kind}.pub"))).expect("a public host key");
        text.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
    }

    /// The account that runs the tests.
    pub fn user() -> String {
        let output = Command::new("id").arg("-un").output().expect("id");
        String::from_utf8(output.stdout).expect("a name").trim().to_owned()
    }

    /// Makes a key pair in its folder; the path of the private one. Types as `ssh-keygen -t` takes them.
    pub fn make_key(&self, name: &str, kind: &str) -> PathBuf {
        self.make_key_with(name, kind, "")
    }

    /// The same with a passphrase.
    pub fn make_key_with(&self, name: &str, kind: &str, passphrase: &str) -> PathBuf {
        let path = self.path(name);
        for old in [path.clone(), self.path(&format!("{name}.pub"))] {
            let _ = std::fs::remove_file(old);
        }
        let status = Command::new("ssh-keygen")
            .args(["-q", "-C", "test", "-N", passphrase, "-t", kind, "-f"])
            .arg(&path)
            .stdin(Stdio::null())
            .status()
            .expect("ssh-keygen is not installed: apt-get install openssh-client");
        assert!(status.success(), "ssh-keygen: {status}");
        path
    }

    /// Lets one more key in.
    pub fn authorize(&self, public_key: &Path) {
        let mut keys = std::fs::read_to_string(self.path("authorized_keys")).expect("authorized_keys");
        keys.push_str(&std::fs::read_to_string(public_key).expect("a public key"));
        std::fs::write(self.path("authorized_keys"), keys).expect("authorized_keys");
    }

    /// Makes new host keys; they hold from the next start.
    pub fn new_host_keys(&self) {
        for kind in self.options.host_keys.clone() {
            self.make_key(&format!("host_{kind}"), kind);
        }
    }

    /// Further lines of `sshd_config`, before all others: of a word that stands there twice sshd takes the first. They hold
    /// from the next start.
    pub fn configure(&mut self, lines: &str) {
        self.first.push_str(lines);
    }

    /// Starts it on its port, if it does not run.
    ///
    /// # Panics
    /// If it does not start.
    pub fn launch(&mut self) {
        self.try_launch().unwrap_or_else(|error| panic!("no sshd: {error:#}"));
    }

    /// Starts it on its port, if it does not run.
    pub fn try_launch(&mut self) -> Result<()> {
        if self.child.is_some() {
            return Ok(());
        }
        let config = self.path("sshd_config");
        std::fs::write(&config, self.config())?;
        if rustix::process::getuid().is_root() {
            // Where Debian's sshd locks its unprivileged half in; its service makes it, and there is no service here.
            std::fs::create_dir_all("/run/sshd")?;
        }
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.path("log"))?;
        let mut command = self.command()?;
        command.args(["-D", "-e", "-f"]).arg(&config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.child = Some(command.spawn().context("starting sshd")?);
        for address in self.addresses.clone() {
            self.wait_for(address)?;
        }
        Ok(())
    }

    /// sshd, in a namespace of its own if it is to have mounts of its own.
    fn command(&self) -> Result<Command> {
        if self.options.mounts.is_empty() {
            return Ok(Command::new(program()?));
        }
        let mut command = Command::new("unshare");
        let mut script = format!("set -e\n{}\n", self.options.mounts);
        if rustix::process::getuid().is_root() {
            command.arg("--mount");
            script.push_str("exec \"$0\" \"$@\"");
        } else {
            // Anyone may mount in a user namespace; inside it sshd is the account itself again, for as root it would change
            // groups, which such a namespace forbids.
            command.args(["--user", "--map-root-user", "--mount"]);
            let (user, group) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
            let _ = write!(script, "exec unshare --user --map-user={user} --map-group={group} \"$0\" \"$@\"");
        }
        command.args(["sh", "-c", &script]).arg(program()?).env("MACHINE", self.folder.path());
        Ok(command)
    }

    /// Takes other lines of `sshd_config`; they hold from the next start.
    pub fn set_config(&mut self, config: impl Into<String>) {
        self.options.config = config.into();
    }

    /// The process of the listener, while it runs.
    pub fn daemon(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Ends the listener, every connection that it serves, and what runs in them.
    pub fn stop(&mut self) {
        self.end(|_| true);
    }

    /// Ends the listener and every connection that it serves, but no command: what `systemctl stop ssh` and a crash of sshd
    /// leave behind.
    pub fn stop_daemon(&mut self) {
        self.end(|pid| program_of(pid).starts_with("sshd"));
    }

    fn end(&mut self, which: impl Fn(u32) -> bool) {
        let Some(mut child) = self.child.take() else { return };
        // The listener first: it must not take a connection while its children are ended.
        let below = descendants(child.id());
        let _ = child.kill();
        let _ = child.wait();
        below.into_iter().filter(|pid| which(*pid)).for_each(kill);
    }

    /// Ends every connection; the listener stays. Returns how many processes that were.
    pub fn drop_connections(&self) -> usize {
        let Some(child) = &self.child else { return 0 };
        let sessions: Vec<_> =
            descendants(child.id()).into_iter().filter(|pid| program_of(*pid).starts_with("sshd")).collect();
        sessions.iter().copied().for_each(kill);
        sessions.len()
    }

    /// Stops the processes of every connection where they are: their sockets stay, nothing is reset, nothing answers.
    pub fn freeze_connections(&self) {
        let Some(child) = &self.child else { return };
        for pid in descendants(child.id()).into_iter().filter(|pid| program_of(*pid).starts_with("sshd")) {
            if let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::STOP);
            }
        }
    }

    /// Processes that were started on the machine and still run, sshd's own not among them.
    pub fn processes(&self) -> Vec<u32> {
        let home = format!("HOME={}", self.home().display());
        processes_with(home.as_bytes())
    }

    /// What it wrote to its log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    fn config(&self) -> String {
        let mut config = self.first.clone();
        let _ = write!(
            config,
            "AuthorizedKeysFile {}\nPidFile none\nUsePAM no\nStrictModes no\nUseDNS no\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\nPrintMotd no\nLogLevel VERBOSE\n\
             SetEnv HOME={}\n",
            self.path("authorized_keys").display(),
            // The account's own start-up files may print, wait or start programs; an empty home has none.
            self.home().display()
        );
        for kind in &self.options.host_keys {
            let _ = writeln!(config, "HostKey {}", self.path(&format!("host_{kind}")).display());
        }
        if understands_penalties() {
            // Tests fail to log in on purpose.
            config.push_str("PerSourcePenalties no\n");
        }
        if !self.options.config.contains("MaxStartups") {
            config.push_str("MaxStartups 500\n");
        }
        for address in &self.addresses {
            let _ = writeln!(config, "ListenAddress {address}");
        }
        config.push_str(&self.options.config);
        config
    }

    fn wait_for(&mut self, address: SocketAddr) -> Result<()> {
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            if let Some(child) = &mut self.child
                && let Some(status) = child.try_wait()?
            {
                bail!("sshd ended with {status}: {}", self.log());
            }
            ensure!(begun.elapsed() < START_LIMIT, "no sshd on {address} within {START_LIMIT:?}: {}", self.log());
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
        self.processes().into_iter().for_each(kill);
    }
}

fn address(net: u8, host: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, net, host)
}

/// A port that nothing listened on a moment ago.
pub fn free_port(ip: Ipv4Addr) -> u16 {
    TcpListener::bind((ip, 0)).and_then(|listener| listener.local_addr()).expect("a free port").port()
}

/// By its whole path: sshd starts itself anew for every connection and insists on it.
fn program() -> Result<PathBuf> {
    let places = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/sbin/sshd"];
    let found = places.iter().map(PathBuf::from).find(|path| path.is_file());
    found.context("sshd is not installed: apt-get install openssh-server")
}

/// OpenSSH before 9.8 knows no penalties and refuses the word.
fn understands_penalties() -> bool {
    let Ok(program) = program() else { return false };
    let test = Command::new(program).args(["-G", "-f", "/dev/null", "-o", "PerSourcePenalties=no"]).output();
    test.is_ok_and(|output| output.status.success())
}

/// All processes that descend from one.
fn descendants(of: u32) -> Vec<u32> {
    let parent = |pid: u32| -> Option<u32> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
    };
    let all: Vec<(u32, u32)> = all_processes().filter_map(|pid| Some((pid, parent(pid)?))).collect();
    let mut found = vec![of];
    let mut at = 0;
    while at < found.len() {
        let this = found[at];
        found.extend(all.iter().filter(|(_, parent)| *parent == this).map(|(pid, _)| *pid));
        at += 1;
    }
    found.split_off(1)
}

/// Processes of which the environment has a word: `NAME=value`.
pub fn processes_with(word: &[u8]) -> Vec<u32> {
    let has = |pid: &u32| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|found| found == word)
    };
    all_processes().filter(has).collect()
}

fn all_processes() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

fn program_of(pid: u32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default()
}

/// Ends a process that the test started, as a crash would.
pub fn kill(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) {
        // It may have ended in between.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
}

//! One real OpenSSH server with its own keys, that a test can stop, start anew and give another host key.
//!
//! [`crate::fleet`] is for tests of the whole system; this one is for tests of the SSH crate, which break things.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// sshd's own bound on addresses to listen on (`MAX_LISTEN_SOCKS`).
const ADDRESSES_MAX: u8 = 16;
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
}

impl Default for Options {
    fn default() -> Self {
        Self { net: 1, addresses: 1, host_keys: vec!["ed25519"], config: String::new() }
    }
}

/// A running server; ended when dropped.
#[derive(Debug)]
pub struct Sshd {
    folder: TempDir,
    options: Options,
    port: u16,
    child: Option<Child>,
}

impl Sshd {
    /// Makes keys, starts the server and waits until each address answers.
    ///
    /// # Panics
    /// If there is no sshd or it does not start: a test without its server has not been run.
    pub fn start(options: Options) -> Self {
        let folder = tempfile::Builder::new().prefix("corral-sshd-").tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("home")).expect("an empty home");
        let port = free_port(address(options.net, 1));
        let mut sshd = Self { folder, options, port, child: None };
        sshd.make_key("client", "ed25519");
        std::fs::copy(sshd.path("client.pub"), sshd.path("authorized_keys")).expect("authorized_keys");
        sshd.new_host_keys();
        sshd.launch();
        sshd
    }

    /// A path in its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The address at an index, counted from 0.
    pub fn ip(&self, index: u8) -> String {
        address(self.options.net, index + 1).to_string()
    }

    /// The port, the same on all addresses.
    pub fn port(&self) -> u16 {
        self.port
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

    /// Starts it on its port, if it does not run.
    pub fn launch(&mut self) {
        if self.child.is_some() {
            return;
        }
        let config = self.path("sshd_config");
        std::fs::write(&config, self.config()).expect("sshd_config");
        if rustix::process::getuid().is_root() {
            // Where Debian's sshd locks its unprivileged half in; its service makes it, and there is no service here.
            std::fs::create_dir_all("/run/sshd").expect("/run/sshd");
        }
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.path("log")).expect("a log");
        let child = Command::new(program())
            .args(["-D", "-e", "-f"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("sshd starts");
        self.child = Some(child);
        for index in 0..self.options.addresses {
            self.wait_for(SocketAddr::new(IpAddr::V4(address(self.options.net, index + 1)), self.port));
        }
    }

    /// Ends the listener and every connection that it serves.
    pub fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        for pid in descendants(child.id()) {
            kill(pid);
        }
        let _ = child.kill();
        let _ = child.wait();
    }

    /// Ends every connection; the listener stays.
    pub fn drop_connections(&self) {
        let Some(child) = &self.child else { return };
        for pid in descendants(child.id()) {
            if program_of(pid).starts_with("sshd") {
                kill(pid);
            }
        }
    }

    /// What it wrote to its log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    fn config(&self) -> String {
        let mut config = format!(
            "AuthorizedKeysFile {}\nPidFile none\nUsePAM no\nStrictModes no\nUseDNS no\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\nPrintMotd no\nLogLevel VERBOSE\n\
             SetEnv HOME={}\n",
            self.path("authorized_keys").display(),
            // The account's own start-up files may print, wait or start programs; an empty home has none.
            self.path("home").display()
        );
        for kind in &self.options.host_keys {
            let _ = writeln!(config, "HostKey {}", self.path(&format!("host_{kind}")).display());
        }
        // A home without start files: what the account's own do to its shell is no part of any test.
        let _ = writeln!(config, "SetEnv HOME={}", self.folder.path().display());
        if understands_penalties() {
            // Tests fail to log in on purpose.
            config.push_str("PerSourcePenalties no\n");
        }
        if !self.options.config.contains("MaxStartups") {
            config.push_str("MaxStartups 500\n");
        }
        assert!(self.options.addresses <= ADDRESSES_MAX, "sshd listens on at most {ADDRESSES_MAX} addresses");
        for index in 0..self.options.addresses {
            let _ = writeln!(config, "ListenAddress {}:{}", address(self.options.net, index + 1), self.port);
        }
        config.push_str(&self.options.config);
        config
    }

    fn wait_for(&mut self, address: SocketAddr) {
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            let ended = self.child.as_mut().and_then(|child| child.try_wait().expect("a status"));
            assert!(ended.is_none(), "sshd ended: {}", self.log());
            assert!(begun.elapsed() < START_LIMIT, "no sshd on {address}: {}", self.log());
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
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
fn program() -> PathBuf {
    let places = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/sbin/sshd"];
    let found = places.iter().map(PathBuf::from).find(|path| path.is_file());
    found.expect("sshd is not installed: apt-get install openssh-server")
}

/// OpenSSH before 9.8 knows no penalties and refuses the word.
fn understands_penalties() -> bool {
    let test = Command::new(program()).args(["-G", "-f", "/dev/null", "-o", "PerSourcePenalties=no"]).output();
    test.is_ok_and(|output| output.status.success())
}

/// All processes that descend from one.
fn descendants(of: u32) -> Vec<u32> {
    let parent = |pid: u32| -> Option<u32> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
    };
    let all: Vec<(u32, u32)> = std::fs::read_dir("/proc")
        .expect("/proc")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .filter_map(|pid| Some((pid, parent(pid)?)))
        .collect();
    let mut found = vec![of];
    let mut at = 0;
    while at < found.len() {
        let this = found[at];
        found.extend(all.iter().filter(|(_, parent)| *parent == this).map(|(pid, _)| *pid));
        at += 1;
    }
    found.split_off(1)
}

fn program_of(pid: u32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default()
}

fn kill(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) {
        // It may have ended in between.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
}

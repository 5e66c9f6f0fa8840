//! The machines: one sshd that listens on all of loopback.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::process;
use crate::sshd::{Options, Sshd, free_port};

/// Most machines that there are addresses for.
pub const MOST: usize = 4_000;
/// Machine 0 is 127.1.0.1; after so many addresses the third number goes up by one.
pub const ADDRESSES_PER_NET: usize = 250;

/// A fleet on one sshd.
pub struct Machines {
    sshd: Sshd,
    pid: u32,
    scratch: tempfile::TempDir,
}

impl Machines {
    /// Starts it. Nothing of it stands in the way of many logins at once.
    pub fn start() -> Result<Self> {
        let port = free_port(Ipv4Addr::LOCALHOST);
        let options = Options { config: "MaxStartups 10000\nMaxSessions 100\n".to_owned(), ..Options::default() };
        let sshd = Sshd::start_at(vec![SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))], options, None)?;
        // By its number: sshd writes another title over its arguments.
        let pid = sshd.daemon().context("sshd has no process")?;
        Ok(Self { sshd, pid, scratch: tempfile::Builder::new().prefix("corral-bench-").tempdir()? })
    }

    /// Address of the machine at an index.
    pub fn address(index: usize) -> String {
        format!("127.1.{}.{}", index / ADDRESSES_PER_NET, index % ADDRESSES_PER_NET + 1)
    }

    /// Addresses of the first `n`.
    pub fn addresses(n: usize) -> Vec<String> {
        (0..n).map(Self::address).collect()
    }

    /// The VM at an index, as it is given to the API.
    pub fn vm(&self, index: usize) -> Value {
        json!({
            "name": format!("vm-{index:04}"),
            "address": Self::address(index),
            "port": self.port(),
            "user": Sshd::user(),
            "auth": {"kind": "key", "identity_file": self.key()},
            "host_keys": [self.sshd.host_key("ed25519")],
        })
    }

    /// The port of all of them.
    pub fn port(&self) -> u16 {
        self.sshd.port()
    }

    /// The private key that they let in.
    pub fn key(&self) -> PathBuf {
        self.sshd.client_key()
    }

    /// The process of the sshd.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// What `ssh` is told in order to come to any of them: arguments, two words each.
    pub fn ssh_options(&self) -> Vec<String> {
        let options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "BatchMode=yes"];
        let own = [
            format!("Port={}", self.port()),
            format!("User={}", Sshd::user()),
            format!("IdentityFile={}", self.key().display()),
            "IdentitiesOnly=yes".to_owned(),
        ];
        options.iter().map(|option| (*option).to_owned()).chain(own).map(|option| format!("-o {option}")).collect()
    }

    /// A folder for what the tools need.
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// Processor time of sshd and of all that it started, in seconds.
    pub fn cpu(&self) -> f64 {
        process::tree_cpu(self.pid)
    }
}

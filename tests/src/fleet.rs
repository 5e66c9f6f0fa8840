//! Real OpenSSH servers on loopback addresses of their own, 127.1.0.1 and following, on one free port.
//!
//! Accounts are the one that runs the tests; keys are made for each fleet and lie in the folder of its first server.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::client::Client;
use crate::sshd::{ADDRESSES_MAX, Options, Sshd, free_port};

/// Servers that answer; ended when it is dropped.
#[derive(Debug)]
pub struct Fleet {
    servers: Vec<Sshd>,
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
        ensure!(wanted > 0, "a fleet has at least one address");
        let port = free_port(address(1)?);
        let addresses =
            (1..=wanted).map(|at| Ok(SocketAddr::from((address(at)?, port)))).collect::<Result<Vec<_>>>()?;
        let mut servers: Vec<Sshd> = Vec::new();
        for part in addresses.chunks(ADDRESSES_MAX) {
            let server = Sshd::start_at(part.to_vec(), Options::default(), servers.first())?;
            servers.push(server);
        }
        let host_key = servers[0].host_key("ed25519");
        Ok(Self { servers, addresses, user: Sshd::user(), host_key })
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
        self.servers[0].client_key().display().to_string()
    }

    /// Path of a private key that no server lets in.
    pub fn stranger_key(&self) -> String {
        self.servers[0].make_key("stranger", "ed25519").display().to_string()
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

fn address(number: usize) -> Result<Ipv4Addr> {
    Ok(Ipv4Addr::new(127, 1, 0, u8::try_from(number).context("at most 255 addresses")?))
}

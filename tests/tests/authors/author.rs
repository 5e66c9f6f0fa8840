//! Somebody who writes a plugin: a folder, the command line, a host.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use corral_tests::client::Client;
use corral_tests::host::{Host, Site};
use serde_json::Value;

use crate::toolchains::{folder, real_home};

/// An author.
pub struct Author {
    /// Where all of it lies.
    pub site: Site,
}

/// A running host, and what the command line needs to speak with it.
pub struct Running {
    /// It.
    pub host: Host,
    /// Speaks with it.
    pub client: Client,
    token: String,
}

impl Author {
    /// One with nothing but tools.
    pub fn new() -> Result<Self> {
        Ok(Self { site: Site::new()? })
    }

    /// `corral plugin …` in the author's folder, without a host.
    pub fn plugin(&self, args: &[&str]) -> Result<Command> {
        let mut command = self.site.corral(&[&["plugin"], args].concat())?;
        let home = real_home()?;
        // The home is the test's own, the tools are the person's.
        for (name, place) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            command.env(name, std::env::var_os(name).map_or_else(|| home.join(place), PathBuf::from));
        }
        // Dependencies are compiled once for all Rust projects of these tests. Two of one name would take each other's component.
        command.env("CARGO_TARGET_DIR", folder("rust")?);
        // What this test's own build was given must not reach into that one.
        for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER", "CARGO_BUILD_TARGET"] {
            command.env_remove(name);
        }
        Ok(command)
    }

    /// What `corral plugin …` prints; it must go well.
    pub fn does(&self, args: &[&str]) -> Result<String> {
        good(self.plugin(args)?, args)
    }

    /// How `corral plugin …` ends.
    pub fn tries(&self, args: &[&str]) -> Result<Output> {
        self.plugin(args)?.output().with_context(|| format!("corral plugin {}", args.join(" ")))
    }

    /// A folder of the author's.
    pub fn path(&self, name: &str) -> PathBuf {
        self.site.path(name)
    }

    /// Starts a host that has the native code of what the author tried already: compiling it takes a debug build long.
    pub fn start_host(&self) -> Result<Running> {
        let (from, to) = (self.path("home/.cache/corral/plugins"), self.path("data/cache/plugins"));
        for entry in std::fs::read_dir(&from).into_iter().flatten() {
            let entry = entry?;
            std::fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
        let host = self.site.start()?;
        let token = self.site.token("admin")?;
        let client = Client::new(&host.ready.url, &token)?;
        Ok(Running { host, client, token })
    }
}

impl Running {
    /// `corral plugin …` that speaks with this host.
    pub fn plugin(&self, author: &Author, args: &[&str]) -> Result<Command> {
        let mut command = author.plugin(args)?;
        command.env("CORRAL_URL", &self.host.ready.url).env("CORRAL_TOKEN", &self.token);
        Ok(command)
    }

    /// What it prints; it must go well.
    pub fn does(&self, author: &Author, args: &[&str]) -> Result<String> {
        good(self.plugin(author, args)?, args)
    }

    /// What the host says of a plugin.
    pub async fn shown(&self, id: &str) -> Result<Value> {
        self.client.get(&format!("/api/plugins/{id}")).await?.ok()
    }
}

fn good(mut command: Command, args: &[&str]) -> Result<String> {
    let out = command.output().with_context(|| format!("corral plugin {}", args.join(" ")))?;
    let (text, error) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    ensure!(out.status.success(), "corral plugin {} ended with {}:\n{text}\n{error}", args.join(" "), out.status);
    Ok(text.into_owned())
}

/// Writes a file over one that is there, later than anything that was written before.
pub fn change(path: &Path, from: &str, to: &str) -> Result<()> {
    let text = std::fs::read_to_string(path)?;
    ensure!(text.contains(from), "{} has no `{from}`", path.display());
    std::fs::write(path, text.replace(from, to))?;
    Ok(())
}

//! Accounts of this machine, made for one test: one that is logged in as, and one that it may become by the real sudo.
//!
//! Only root can make them. Their names carry the process id, so that two programs of tests do not meet.

use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, chown};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::sshd::{Options, Sshd, kill};

/// The account files have one lock for all; who waits for it too long gives up.
static MAKING: Mutex<()> = Mutex::new(());

/// An account. Its processes are ended and it is removed when it is dropped.
#[derive(Debug)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Its number.
    pub uid: u32,
    rule: Option<PathBuf>,
}

impl Account {
    fn make(label: &str) -> Result<Self> {
        let name = format!("corral-{label}-{}", std::process::id());
        let _alone = MAKING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        run(Command::new("useradd").args(["--no-create-home", "--home-dir", "/", "--shell", "/bin/sh", &name]))?;
        let uid = Command::new("id").args(["-u", &name]).output()?.stdout;
        Ok(Self { uid: String::from_utf8(uid)?.trim().parse()?, name, rule: None })
    }

    fn set_password(&self, password: &str) -> Result<()> {
        let _alone = MAKING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut chpasswd = Command::new("chpasswd").stdin(Stdio::piped()).spawn().context("chpasswd")?;
        let mut input = chpasswd.stdin.take().context("its standard input")?;
        writeln!(input, "{}:{password}", self.name)?;
        drop(input);
        ensure!(chpasswd.wait()?.success(), "chpasswd did not take the password");
        Ok(())
    }

    fn may_become(&mut self, other: &Self) -> Result<()> {
        let rule = PathBuf::from(format!("/etc/sudoers.d/{}", self.name));
        self.rule = Some(rule.clone());
        let text = format!("Defaults:{0} lecture = never\n{0} ALL=({1}) ALL\n", self.name, other.name);
        // sudo refuses what others can write.
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o440).open(rule)?;
        file.write_all(text.as_bytes()).context("the rule for sudo")
    }

    /// Its processes.
    pub fn processes(&self) -> Vec<u32> {
        let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(|pid| owner(*pid) == Some(self.uid)).collect()
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if let Some(rule) = &self.rule {
            let _gone = std::fs::remove_file(rule);
        }
        self.processes().into_iter().for_each(kill);
        let _alone = MAKING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // `--force`: also where a process that was ended has not gone yet.
        let removal = Command::new("userdel").args(["--force", &self.name]).stderr(Stdio::null()).status();
        drop(removal);
    }
}

/// Whose process it is; none if it is gone or only its entry is left.
pub fn owner(pid: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    if field("State:")?.starts_with(['Z', 'X']) {
        return None;
    }
    field("Uid:")?.split_whitespace().nth(1)?.parse().ok()
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("starting {command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// A machine with two accounts: Corral logs in as the first, which may become the second if it knows its own password.
#[derive(Debug)]
pub struct SudoMachine {
    // In the order in which they are to go.
    /// The server.
    pub sshd: Sshd,
    /// Who is logged in as.
    pub login: Account,
    /// Whom it may become.
    pub app: Account,
}

impl SudoMachine {
    /// None, and a loud word about it, where no account can be made. `net` as in [`Options`]; it tells the accounts of
    /// tests apart too.
    pub fn start(net: u8, password: &str) -> Result<Option<Self>> {
        if !rustix::process::getuid().is_root() {
            let said = "NOT RUN: only root can make the accounts that sudo is tried with; run this test as root";
            // Past the capturing of output: it must be seen.
            writeln!(std::io::stderr(), "{said}")?;
            return Ok(None);
        }
        let app = Account::make(&format!("app{net}"))?;
        let mut login = Account::make(&format!("in{net}"))?;
        login.set_password(password)?;
        login.may_become(&app)?;
        let sshd = Sshd::start(Options { net, ..Options::default() });
        // The account itself has to read which keys are let in, and to write into its home.
        std::fs::set_permissions(sshd.path("."), std::fs::Permissions::from_mode(0o755))?;
        chown(sshd.home(), Some(login.uid), Some(login.uid))?;
        Ok(Some(Self { sshd, login, app }))
    }

    /// As it is given to the API.
    pub fn vm(&self) -> Value {
        json!({
            "name": "sudo-1",
            "address": self.sshd.ip(0),
            "port": self.sshd.port(),
            "user": self.login.name,
            "auth": {"kind": "key", "identity_file": self.sshd.client_key()},
            "host_keys": [self.sshd.host_key("ed25519")],
        })
    }

    /// What a job says to run as the second account.
    pub fn run_as(&self, secret: &str) -> Value {
        json!({"user": self.app.name, "secret": secret})
    }
}

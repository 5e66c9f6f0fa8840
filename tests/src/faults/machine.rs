//! A machine to which things happen: an sshd of its own with a home of its own, behind a link of its own.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::proxy::{Cut, Door, Pace, Proxy};
use super::random::Random;
use super::writer::Account;
use crate::sshd::{Options, Sshd, free_port, kill, processes_with};

/// Where capsules lie, below the home folder.
const CAPSULES: &str = ".local/state/corral/jobs";
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// `MaxSessions` that sshd is started anew with. At 1 nothing can be asked while a command is followed.
const SESSIONS: [u8; 4] = [2, 3, 5, 10];

/// A machine and the link that leads to it.
#[derive(Debug)]
pub struct Machine {
    /// Its name at the host.
    pub name: String,
    sshd: Mutex<Sshd>,
    /// The link.
    pub link: Proxy,
    host_key: String,
    client_key: PathBuf,
}

/// What a command survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Connections are reset.
    Reset,
    /// Connections are closed in good order.
    Finish,
    /// Connections go silent, and nobody is told for a while.
    HalfOpen,
    /// The link is slow for a while.
    Slow,
    /// Nothing comes through for a while.
    Stall,
    /// There is no network for a while.
    Offline,
    /// sshd's processes that serve connections are killed.
    SessionsKilled,
    /// sshd is killed with all of them, and started again after a while.
    SshdRestarted,
    /// The same, and it then allows another number of sessions.
    SessionsChanged,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Reset,
        Self::Finish,
        Self::HalfOpen,
        Self::Slow,
        Self::Stall,
        Self::Offline,
        Self::SessionsKilled,
        Self::SshdRestarted,
        Self::SessionsChanged,
    ];

    /// Whether it ends connections or processes.
    pub fn kills(self) -> bool {
        !matches!(self, Self::Slow | Self::Stall)
    }

    /// What it is called in a summary.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reset => "connection reset",
            Self::Finish => "connection closed",
            Self::HalfOpen => "connection half-open",
            Self::Slow => "link slow",
            Self::Stall => "link stalled",
            Self::Offline => "network away",
            Self::SessionsKilled => "sshd sessions killed",
            Self::SshdRestarted => "sshd restarted",
            Self::SessionsChanged => "sshd restarted, other MaxSessions",
        }
    }
}

impl Machine {
    /// Starts one. Those of one run have different numbers, from 1.
    pub async fn start(number: u8) -> Result<Self> {
        Self::start_with(number, Options::default()).await
    }

    /// The same with an sshd that is as wanted.
    pub async fn start_with(number: u8, options: Options) -> Result<Self> {
        let ip = Ipv4Addr::new(127, 3, number, 1);
        let address = (ip, free_port(ip)).into();
        let sshd = tokio::task::spawn_blocking(move || Sshd::start_at(vec![address], options, None)).await??;
        let link = Proxy::start(IpAddr::V4(Ipv4Addr::new(127, 3, number, 2)), address).await?;
        Ok(Self {
            name: format!("machine-{number}"),
            host_key: sshd.host_key("ed25519"),
            client_key: sshd.client_key(),
            sshd: Mutex::new(sshd),
            link,
        })
    }

    /// Its sshd.
    pub fn sshd(&self) -> MutexGuard<'_, Sshd> {
        self.sshd.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It as a VM, as it is given to the API.
    pub fn vm(&self) -> Value {
        let address = self.link.address();
        json!({
            "name": self.name,
            "address": address.ip().to_string(),
            "port": address.port(),
            "user": Sshd::user(),
            "auth": {"kind": "key", "identity_file": self.client_key},
            "host_keys": [self.host_key],
        })
    }

    /// A folder in which a command keeps its account.
    pub fn account(&self, name: &str) -> Result<Account> {
        Account::new(self.sshd().path("accounts").join(name))
    }

    /// The folder of a task's capsule.
    pub fn capsule(&self, job: &str, vm: &str) -> PathBuf {
        self.sshd().home().join(CAPSULES).join(capsule_id(job, vm))
    }

    /// Does something to it, and undoes what is only for a while. False if there was nothing that it could have hit.
    pub async fn suffer(&self, fault: Fault, random: &mut Random) -> Result<bool> {
        let a_while = Duration::from_millis(random.between(30, 1_200));
        let sessions = *random.one_of(&SESSIONS);
        match fault {
            Fault::Reset => return Ok(self.link.cut(Cut::Reset) > 0),
            Fault::Finish => return Ok(self.link.cut(Cut::Finish) > 0),
            Fault::HalfOpen => return Ok(self.silenced(3 * a_while).await > 0),
            Fault::Slow => self.paced(Pace::Slow, 2 * a_while).await,
            Fault::Stall => self.paced(Pace::Stalled, a_while).await,
            Fault::Offline => return Ok(self.offline(a_while).await > 0),
            Fault::SessionsKilled => return Ok(self.sshd().drop_connections() > 0),
            Fault::SshdRestarted => self.restart_sshd(a_while, None).await?,
            Fault::SessionsChanged => self.restart_sshd(a_while, Some(sessions)).await?,
        }
        Ok(true)
    }

    async fn silenced(&self, time: Duration) -> usize {
        let ended = self.link.cut(Cut::Silence);
        tokio::time::sleep(time).await;
        self.link.release();
        ended
    }

    async fn paced(&self, pace: Pace, time: Duration) {
        self.link.pace(pace);
        tokio::time::sleep(time).await;
        self.link.pace(Pace::Free);
    }

    /// Without network for so long; returns how many connections that ended.
    pub async fn offline(&self, time: Duration) -> usize {
        self.link.door(Door::Shut);
        let ended = self.link.cut(Cut::Reset);
        tokio::time::sleep(time).await;
        self.link.door(Door::Open);
        ended
    }

    /// Kills sshd with all that serves connections, and starts it again after a while.
    pub async fn restart_sshd(&self, after: Duration, sessions: Option<u8>) -> Result<()> {
        tokio::task::block_in_place(|| self.sshd().stop_daemon());
        tokio::time::sleep(after).await;
        if let Some(sessions) = sessions {
            self.sshd().set_config(format!("MaxSessions {sessions}\n"));
        }
        tokio::task::block_in_place(|| self.sshd().try_launch())
    }

    /// Makes all capsules look as if nothing had happened to them for longer than they are kept.
    pub fn age(&self) -> Result<()> {
        const LONG_AGO: Duration = Duration::from_secs(8 * 24 * 3600);
        for entry in std::fs::read_dir(self.sshd().home().join(CAPSULES)).into_iter().flatten() {
            let folder = std::fs::File::open(entry?.path())?;
            folder.set_modified(folder.metadata()?.modified()? - LONG_AGO)?;
        }
        Ok(())
    }

    /// Waits until nothing of any job is left on it: no process, no file.
    pub async fn clean(&self, limit: Duration) -> Result<()> {
        // What was silenced would hang in sshd for as long as TCP takes to give up.
        self.link.release();
        let begun = Instant::now();
        loop {
            let left = self.left_behind();
            if left.is_empty() {
                return Ok(());
            }
            if begun.elapsed() > limit {
                bail!("{}: after {limit:?} there is left behind:\n  {}", self.name, left.join("\n  "));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn left_behind(&self) -> Vec<String> {
        let (home, processes) = {
            let sshd = self.sshd();
            (sshd.home(), sshd.processes())
        };
        let mut left: Vec<_> = processes.into_iter().filter_map(described).collect();
        files(&home, &mut left);
        left
    }
}

/// Processes of a task that still run, by the cookie that they inherited.
pub fn processes_of(job: &str, vm: &str) -> Vec<u32> {
    processes_with(format!("CORRAL_TASK={}", capsule_id(job, vm)).as_bytes())
}

/// The name of a task's capsule.
pub fn capsule_id(job: &str, vm: &str) -> String {
    format!("{}-{}", job.replace('-', ""), vm.replace('-', ""))
}

/// The supervisor of a capsule, as its folder says.
pub fn supervisor_of(capsule: &Path) -> Result<u32> {
    let text = std::fs::read_to_string(capsule.join("pid")).with_context(|| format!("{}", capsule.display()))?;
    let pid = text.split_whitespace().find_map(|word| word.parse().ok());
    pid.with_context(|| format!("no pid in `{text}`"))
}

/// Ends processes, as a crash would.
pub fn kill_all(pids: impl IntoIterator<Item = u32>) {
    pids.into_iter().for_each(kill);
}

/// None if it has ended in between.
fn described(pid: u32) -> Option<String> {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok().filter(|line| !line.is_empty())?;
    Some(format!(
        "process {pid}: {}",
        line.escape_ascii().to_string().replace("\\x00", " ").chars().take(120).collect::<String>()
    ))
}

fn files(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            files(&entry.path(), found);
        } else {
            found.push(format!("file {}", entry.path().display()));
        }
    }
}

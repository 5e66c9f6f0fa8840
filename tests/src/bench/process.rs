//! What processes used, read from `/proc`.

use std::collections::HashMap;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

/// How often the memory of a client is looked at. Looking costs time that it would have.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const PAGE_BYTES: u64 = 4096;
/// What Linux counts in towards programs (`USER_HZ`), whatever the kernel's own clock does.
const TICKS_PER_SECOND: f64 = 100.0;
const NANOSECONDS: f64 = 1e9;

/// Fields of `/proc/PID/stat` behind the name: parent, and processor time of children that were waited for, in seconds.
struct Stat {
    parent: u32,
    own: f64,
    children: f64,
    resident: u64,
}

fn stat(pid: u32) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok());
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        own: (ticks(11)? + ticks(12)?) / TICKS_PER_SECOND,
        children: (ticks(13)? + ticks(14)?) / TICKS_PER_SECOND,
        resident: fields.get(21)?.parse::<u64>().ok()? * PAGE_BYTES,
    })
}

fn all() -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// A process and all that descend from it.
fn tree(root: u32) -> HashMap<u32, Stat> {
    let mut stats: HashMap<u32, Stat> = all().into_iter().filter_map(|pid| Some((pid, stat(pid)?))).collect();
    let belongs = |pid: u32| {
        let mut at = pid;
        while at != root {
            match stats.get(&at) {
                Some(stat) if stat.parent != 0 => at = stat.parent,
                _ => return false,
            }
        }
        true
    };
    let mine: Vec<u32> = stats.keys().copied().filter(|pid| belongs(*pid)).collect();
    stats.retain(|pid, _| mine.contains(pid));
    stats
}

/// Processor time of all threads of a process, in seconds; finer than the ticks of `stat`.
pub fn own_cpu(pid: u32) -> f64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten();
    let of = |path: std::path::PathBuf| -> Option<f64> {
        std::fs::read_to_string(path.join("schedstat")).ok()?.split(' ').next()?.parse().ok()
    };
    tasks.filter_map(|task| of(task.ok()?.path())).sum::<f64>() / NANOSECONDS
}

/// Processor time of a process and all that it started, ended ones too, in seconds.
pub fn tree_cpu(root: u32) -> f64 {
    tree(root).iter().map(|(pid, stat)| own_cpu(*pid) + stat.children).sum()
}

/// Processor time of all processes that have a text among their arguments, in seconds.
pub fn cpu_of_those_with(text: &str) -> f64 {
    let has = |word: &[u8]| String::from_utf8_lossy(word).contains(text);
    all().into_iter().filter(|pid| has_argument(*pid, has)).map(own_cpu).sum()
}

fn has_argument(pid: u32, wanted: impl Fn(&[u8]) -> bool) -> bool {
    std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.split(|byte| *byte == 0).any(wanted))
}

/// Most memory that a process held since [`forget_peak`], in bytes.
pub fn peak(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).context("no VmHWM")?;
    Ok(line.split_whitespace().nth(1).context("no number")?.parse::<u64>()? * 1024)
}

/// Lets the peak of a process begin anew.
pub fn forget_peak(pid: u32) -> Result<()> {
    Ok(std::fs::write(format!("/proc/{pid}/clear_refs"), "5")?)
}

/// What a program took that has ended.
pub struct Ended {
    /// Seconds on the clock.
    pub wall: f64,
    /// Seconds of processors, of what it started and waited for too.
    pub cpu: f64,
    /// Most memory that it and its descendants held at a time, in bytes.
    pub memory: u64,
    /// What it wrote.
    pub output: String,
}

/// Runs a program to its end.
pub fn run(command: Command) -> Result<Ended> {
    let output = tempfile::tempfile()?;
    run_into(command, output.try_clone()?, output)
}

/// Runs a program to its end that writes into files; `output` is what it wrote to `errors` then.
pub fn run_into(mut command: Command, output: File, errors: File) -> Result<Ended> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).stdout(output).stderr(errors.try_clone()?);
    let begun = Instant::now();
    let mut child = command.spawn().with_context(|| format!("starting {name}"))?;
    let watch = Watch::start(child.id());
    let (wall, cpu) = wait(&child, begun)?;
    let status = child.wait()?;
    let memory = watch.stop();
    let said = read_back(errors)?;
    ensure!(status.success(), "{name} ended with {status}: {}", last_line(&said));
    Ok(Ended { wall, cpu, memory, output: said })
}

/// Where a program is installed: in `CORRAL_BENCH_VENV` or on the path, in this order.
pub fn places(name: &str) -> Vec<PathBuf> {
    let venv = std::env::var_os("CORRAL_BENCH_VENV").map(|venv| PathBuf::from(venv).join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = venv.into_iter().chain(std::env::split_paths(&path).collect::<Vec<_>>());
    folders.map(|folder| folder.join(name)).filter(|path| path.is_file()).collect()
}

/// Waits without taking the process away, so that what it used can still be read.
fn wait(child: &Child, begun: Instant) -> Result<(f64, f64)> {
    let pid = Pid::from_raw(i32::try_from(child.id())?).context("pid 0")?;
    waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)?;
    let wall = begun.elapsed().as_secs_f64();
    let stat = stat(child.id()).context("the process is gone")?;
    Ok((wall, stat.own + stat.children))
}

fn read_back(mut file: File) -> Result<String> {
    use std::io::{Read as _, Seek as _};
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn last_line(text: &str) -> &str {
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it wrote nothing")
}

/// Looks at the memory of a process and its descendants.
struct Watch {
    stop: Arc<AtomicBool>,
    most: Arc<AtomicU64>,
    thread: std::thread::JoinHandle<()>,
}

impl Watch {
    fn start(pid: u32) -> Self {
        let (stop, most) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopped, seen) = (stop.clone(), most.clone());
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Acquire) {
                seen.fetch_max(tree(pid).values().map(|stat| stat.resident).sum(), Ordering::AcqRel);
                std::thread::park_timeout(LOOK_EVERY);
            }
        });
        Self { stop, most, thread }
    }

    fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Release);
        self.thread.thread().unpark();
        // A thread that panicked has looked as far as it got.
        let _ = self.thread.join();
        self.most.load(Ordering::Acquire)
    }
}

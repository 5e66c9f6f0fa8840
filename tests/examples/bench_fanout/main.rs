//! `true` on many machines at once: Corral beside the tools that people use for it. Started by `cargo xtask bench fanout`, which
//! builds for release before; with `CORRAL_BIN` it measures any other build.
//!
//! The machines are loopback addresses, 127.1.0.1 and following, behind one sshd. The tools take turns, round by round, so that
//! whatever else the machine does meets all of them. Corral goes the way that everybody goes: the built binary, `POST /api/jobs`,
//! until the job has ended.

mod corral;
mod others;
mod table;

use anyhow::{Context, Result, bail};
use corral_tests::bench::machines::{self, Machines};
use corral_tests::bench::page;

use crate::table::{Figures, Key};

/// Machines that are worked on at once, by every tool.
pub const AT_ONCE: usize = 64;

/// What is measured.
struct Wanted {
    rounds: usize,
    sizes: Vec<usize>,
    only: Vec<String>,
    write: bool,
}

/// What one run took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sample {
    /// From the request to the end, in seconds.
    pub wall: f64,
    /// Processor time of the client with all that it started, in seconds.
    pub client_cpu: f64,
    /// Processor time of sshd with all that it started, in seconds.
    pub sshd_cpu: f64,
    /// Most memory that the client and all that it started held at a time, in bytes.
    pub memory: u64,
}

impl Wanted {
    fn parse(args: impl Iterator<Item = String>) -> Result<Self> {
        let mut wanted = Self { rounds: 3, sizes: vec![50, 200, 1_000], only: Vec::new(), write: true };
        let mut args = args;
        while let Some(arg) = args.next() {
            let mut value = || args.next().with_context(|| format!("{arg} needs a value"));
            match arg.as_str() {
                "--rounds" => wanted.rounds = value()?.parse().context("--rounds is a number")?,
                "--n" => {
                    let sizes = value()?;
                    let parsed = sizes.split(',').map(str::parse).collect::<Result<Vec<_>, _>>();
                    wanted.sizes = parsed.context("--n is numbers: 50,200")?;
                }
                "--only" => wanted.only.extend(value()?.split(',').map(str::to_owned)),
                "--print" => wanted.write = false,
                other => bail!("no such option: {other}; there are --rounds N, --n N,N, --only TOOL,TOOL, --print"),
            }
        }
        if wanted.rounds == 0 || wanted.sizes.iter().any(|n| *n == 0 || *n > machines::MOST) {
            bail!("at least one round, and 1 to {} machines", machines::MOST);
        }
        Ok(wanted)
    }

    fn wants(&self, tool: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == tool)
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let wanted = Wanted::parse(std::env::args().skip(1))?;
    let machines = Machines::start()?;
    let (others, missing) = others::installed(&machines)?;
    for (tool, install) in &missing {
        println!("  {tool} is not installed and is left out: {install}");
    }
    let mut figures = Figures::default();
    let mut idle = None;
    for n in &wanted.sizes {
        for round in 1..=wanted.rounds {
            println!("  {n} machines, round {round} of {}", wanted.rounds);
            if wanted.wants("corral") {
                let (samples, memory) = corral::measure(&machines, *n).await?;
                for (state, sample) in samples {
                    figures.add(Key { n: *n, tool: "corral", state }, Ok(sample));
                }
                idle = idle.max(Some((*n, memory)));
            }
            for other in others.iter().filter(|other| wanted.wants(other.name)) {
                for (state, sample) in other.measure(&machines, *n) {
                    figures.add(Key { n: *n, tool: other.name, state }, sample);
                }
            }
        }
    }
    let text = table::text(&figures, &wanted.sizes, &others, &missing, idle);
    println!("\n{text}");
    if wanted.write { page::write_down("cargo xtask bench fanout", &text) } else { Ok(()) }
}

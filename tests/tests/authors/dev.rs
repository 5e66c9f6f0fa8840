//! `corral plugin dev`: a change is in the running host without more ado.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::LONG;
use crate::author::{Author, change};
use crate::jobs::Machines;

/// The command, and what it prints. Ended when it is dropped.
struct Dev {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Dev {
    /// Waits for a line with some text.
    fn until(&mut self, part: &str) -> Result<()> {
        let begun = Instant::now();
        loop {
            let left = LONG.checked_sub(begun.elapsed()).unwrap_or_default();
            let Ok(line) = self.lines.recv_timeout(left) else {
                bail!("it never printed `{part}`; it printed:\n{}", self.seen.join("\n"));
            };
            self.seen.push(line.clone());
            if line.contains(part) {
                return Ok(());
            }
        }
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_built_and_loaded_and_a_mistake_leaves_the_version_before() -> Result<()> {
    let author = Author::new()?;
    author.does(&["new", "changing", "--kind", "log-filter"])?;
    let running = author.start_host()?;
    let machines = Machines::start(&running.client).await?;
    let mut command = running.plugin(&author, &["dev", "changing"])?;
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let (sender, lines) = channel();
    let out = BufReader::new(child.stdout.take().context("no output")?);
    std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    let mut dev = Dev { child, lines, seen: Vec::new() };

    dev.until("loaded changing 0.1.0, generation 1")?;
    let source = author.path("changing/src/lib.rs");
    change(&source, "\"level\", level", "\"grade\", level")?;
    dev.until("generation 2")?;
    let job = machines.write(&running.client).await?;
    let marked = machines.lines(&running.client, &job).await?;
    ensure!(marked[1]["annotations"]["grade"] == "error", "{marked:?}");

    change(&source, "edits.annotate(", "edits.annotated(")?;
    dev.until("failed")?;
    ensure!(running.shown("changing").await?["generation"] == 2, "what served goes on");
    change(&source, "edits.annotated(", "info!(\"one more\");\n                edits.annotate(")?;
    dev.until("generation 3")?;
    machines.write(&running.client).await?;
    dev.until("one more")?;

    let pid = Pid::from_raw(i32::try_from(dev.child.id())?).context("pid 0")?;
    kill_process(pid, Signal::INT)?;
    ensure!(dev.child.wait()?.success(), "^C is how it ends");
    Ok(())
}

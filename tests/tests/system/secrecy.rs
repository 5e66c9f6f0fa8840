//! What is given on standard input is in no argument, in no environment, and nowhere in what the host keeps.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, ensure};
use corral_tests::fleet::Fleet;
use corral_tests::host::Site;
use serde_json::json;

use crate::{LONG, shared};

/// Long enough to be in no file by chance.
fn secret() -> String {
    format!("sesame-{}-{}", std::process::id(), "q7Zr2Kx9".repeat(3))
}

/// Reads the arguments and the environment of every process, again and again, and tells how often each text was found.
struct Watcher {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Vec<u64>>,
}

impl Watcher {
    fn start(texts: Vec<String>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut found = vec![0; texts.len()];
            while !stopped.load(Ordering::Acquire) {
                for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
                    for file in ["cmdline", "environ"] {
                        // Processes end while they are looked at.
                        let bytes = std::fs::read(entry.path().join(file)).unwrap_or_default();
                        for (text, count) in texts.iter().zip(&mut found) {
                            *count += u64::from(contains(&bytes, text));
                        }
                    }
                }
            }
            found
        });
        Self { stop, thread }
    }

    fn stop(self) -> Vec<u64> {
        self.stop.store(true, Ordering::Release);
        self.thread.join().expect("the watcher looked to the end")
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Files below a folder that have a text in them.
fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else if std::fs::read(&path).is_ok_and(|bytes| contains(&bytes, text)) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn standard_input_is_seen_by_the_command_and_by_nobody_else() -> Result<()> {
    let _machine = shared().await;
    let fleet = Fleet::start(1).await?;
    let site = Site::new()?;
    let mut host = site.start()?;
    let client = site.client(&host)?;
    let vms = fleet.add_all(&client).await?;
    let secret = secret();
    let control = format!("control-{}", std::process::id());

    let watcher = Watcher::start(vec![secret.clone(), control.clone()]);
    let mut jobs = Vec::new();
    for mode in ["direct", "durable"] {
        // What is in the script is seen by everybody: it shows that the watcher looks.
        let script = format!("n=$(cat | wc -c); sleep 1; echo {control} $n");
        let job = json!({"command": {"script": script}, "targets": {"vms": vms}, "mode": mode, "stdin": secret});
        jobs.push(client.start_job(&job).await?);
    }
    for job in &jobs {
        let done = client.finished(job, LONG).await?;
        ensure!(done["status"] == "succeeded", "{done}");
        ensure!(!done.to_string().contains(&secret), "the job tells it: {done}");
        let expected = format!("{control} {}", secret.len());
        ensure!(client.texts(job, &vms[0]).await? == [expected], "the command read it all");
    }
    let found = watcher.stop();
    ensure!(found[1] > 0, "the watcher sees what there is to be seen");
    ensure!(found[0] == 0, "it stood in arguments or an environment {} times", found[0]);
    ensure!(!client.get("/api/events?since=0").await?.ok()?.to_string().contains(&secret), "the events tell it");

    host.stop()?;
    ensure!(!files_with(&site.path(""), &vms[0]).is_empty(), "the search finds what there is to be found");
    let kept = files_with(&site.path(""), &secret);
    ensure!(kept.is_empty(), "kept in {kept:?}");
    Ok(())
}

//! The disk that holds the data is full. The data lies on a small file system of its own, in a mount namespace of the
//! host's own, so that nothing is mounted on the machine that the test could leave behind.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use corral_tests::client::Client;
use corral_tests::host::{Host, Site, binary};
use serde_json::json;

use crate::{LONG, shared};

const SMALL: &str = "16m";
const LARGE: &str = "512m";
const LINES: u64 = 900_000;
/// The same where only output lies on it.
const SMALL_LOGS: &str = "3m";
const LOG_LINES: u64 = 200_000;

/// Writes numbered lines that do not compress well.
fn script(lines: u64) -> String {
    format!(
        "awk 'BEGIN {{ srand(1); for (i = 1; i <= {lines}; i++) \
         printf \"%d %.0f%.0f%.0f\\n\", i, rand() * 1e15, rand() * 1e15, rand() * 1e15 }}'"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_holds_the_output_back_until_there_is_room_and_no_line_is_lost() -> Result<()> {
    let _machine = shared().await;
    let site = Site::new()?;
    let mut host = start_on_small_disk(&site, &site.data(), SMALL)?;
    let token = std::fs::read_to_string(site.path("token"))?;
    let client = Client::new(&host.ready.url, token.trim())?;
    let vm = client.add_vm(&json!({"name": "here", "transport": "local"})).await?;
    let job = client.run(&script(LINES), std::slice::from_ref(&vm)).await?;

    let refused = refusal_of_a_change(&client).await?;
    let detail = refused["detail"].as_str().unwrap_or_default();
    ensure!(detail.contains("full") || detail.contains("space"), "says what is the matter: {refused}");
    ensure!(client.get("/api/vms").await?.status.is_success(), "what only reads goes on");
    let held = client.job(&job).await?;
    ensure!(held["finished_at"].is_null(), "the command waits: {held}");
    ensure!(host.is_alive()?);

    enlarge(&host, &site.data())?;
    let done = client.finished(&job, LONG).await?;
    ensure!(done["status"] == "succeeded" && done["tasks"][0]["lines"] == LINES, "{done}");
    for (at, text) in (1_u64..).zip(client.texts(&job, &vm).await?) {
        ensure!(text.split(' ').next() == Some(at.to_string().as_str()), "line {at} is `{text}`");
    }
    client.add_vm(&json!({"name": "later", "transport": "local"})).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_under_the_output_alone_holds_only_output_back() -> Result<()> {
    let _machine = shared().await;
    let site = Site::new()?;
    let logs = site.dir("data/logs")?;
    let mut host = start_on_small_disk(&site, &logs, SMALL_LOGS)?;
    let token = std::fs::read_to_string(site.path("token"))?;
    let client = Client::new(&host.ready.url, token.trim())?;
    let vm = client.add_vm(&json!({"name": "here", "transport": "local"})).await?;
    let vms = std::slice::from_ref(&vm);
    let job = client.run(&script(LOG_LINES), vms).await?;
    let begun = std::time::Instant::now();
    while !host.log_tail().contains("output could not be stored; it waits") {
        ensure!(begun.elapsed() < LONG, "the disk never got full: {}", host.log_tail());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    // Changes are accepted, what is stored is read, and another job's output waits beside that of the first.
    client.add_vm(&json!({"name": "meanwhile", "transport": "local"})).await?;
    let log = format!("/api/jobs/{job}/tasks/{vm}/log?count=1");
    let page = client.get(&log).await?.ok()?;
    ensure!(page["lines"][0]["text"].as_str().is_some_and(|text| text.starts_with("1 ")), "{page}");
    let second = client.run("echo beside", vms).await?;
    client.job_when(&second, LONG, |job| job["tasks"][0]["status"] == "running").await?;
    ensure!(client.job(&job).await?["finished_at"].is_null() && host.is_alive()?);

    enlarge(&host, &logs)?;
    let done = client.finished(&job, LONG).await?;
    ensure!(done["status"] == "succeeded" && done["tasks"][0]["lines"] == LOG_LINES, "{done}");
    for (at, text) in (1_u64..).zip(client.texts(&job, &vm).await?) {
        ensure!(text.split(' ').next() == Some(at.to_string().as_str()), "line {at} is `{text}`");
    }
    let done = client.finished(&second, LONG).await?;
    ensure!(done["status"] == "succeeded" && done["tasks"][0]["lines"] == 1, "{done}");
    Ok(())
}

/// Changes things until that is refused, which must be because there is no room.
async fn refusal_of_a_change(client: &Client) -> Result<serde_json::Value> {
    let begun = std::time::Instant::now();
    for number in 0.. {
        let answer =
            client.post("/api/vms", &json!({"name": format!("filler-{number}"), "transport": "local"})).await?;
        if !answer.status.is_success() {
            return answer.problem(507);
        }
        ensure!(begun.elapsed() < LONG, "the disk never got full");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    unreachable!("numbers do not end")
}

/// Starts a host of which a folder, its data or part of it, lies on a small file system.
fn start_on_small_disk(site: &Site, small: &Path, size: &str) -> Result<Host> {
    // The token is made in there too: from outside the small disk cannot be seen.
    let script = format!(
        "set -e; mount -t tmpfs -o size={size},mode=700 tmpfs \"$0\"; \
         \"$1\" token create --data {} --name test --role admin > {}; exec \"$@\"",
        site.data().display(),
        site.path("token").display()
    );
    let mut command = Command::new("unshare");
    // Root may mount; anyone else may in a user namespace of their own.
    if !rustix::process::getuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--mount", "sh", "-c", &script]).arg(small).arg(binary()?).args(site.serve_args());
    site.start_by(command).context("starting on a small disk needs the right to mount in a namespace of its own")
}

fn enlarge(host: &Host, folder: &Path) -> Result<()> {
    let status = Command::new("nsenter")
        .args(["--target", &host.ready.pid.to_string(), "--mount", "mount", "-o", &format!("remount,size={LARGE}")])
        .arg(folder)
        .status()?;
    ensure!(status.success(), "the file system could not be enlarged");
    Ok(())
}

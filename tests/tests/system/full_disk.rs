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
/// Numbered lines that do not compress well.
const SCRIPT: &str = "awk 'BEGIN { srand(1); for (i = 1; i <= 900000; i++) \
                      printf \"%d %.0f%.0f%.0f\\n\", i, rand() * 1e15, rand() * 1e15, rand() * 1e15 }'";

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_holds_the_output_back_until_there_is_room_and_no_line_is_lost() -> Result<()> {
    let _machine = shared().await;
    let site = Site::new()?;
    let mut host = start_on_small_disk(&site)?;
    let token = std::fs::read_to_string(site.path("token"))?;
    let client = Client::new(&host.ready.url, token.trim())?;
    let vm = client.add_vm(&json!({"name": "here", "transport": "local"})).await?;
    let job = client.run(SCRIPT, std::slice::from_ref(&vm)).await?;

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

fn start_on_small_disk(site: &Site) -> Result<Host> {
    // The token is made in there too: from outside the small disk cannot be seen.
    let script = format!(
        "set -e; mount -t tmpfs -o size={SMALL},mode=700 tmpfs \"$0\"; \
         \"$1\" token create --data \"$0\" --name test --role admin > {}; exec \"$@\"",
        site.path("token").display()
    );
    let mut command = Command::new("unshare");
    // Root may mount; anyone else may in a user namespace of their own.
    if !rustix::process::getuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--mount", "sh", "-c", &script]).arg(site.data()).arg(binary()?).args(site.serve_args());
    site.start_by(command).context("starting on a small disk needs the right to mount in a namespace of its own")
}

fn enlarge(host: &Host, data: &Path) -> Result<()> {
    let status = Command::new("nsenter")
        .args(["--target", &host.ready.pid.to_string(), "--mount", "mount", "-o", &format!("remount,size={LARGE}")])
        .arg(data)
        .status()?;
    ensure!(status.success(), "the file system could not be enlarged");
    Ok(())
}

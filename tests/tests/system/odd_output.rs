//! Output that no terminal would like.

use anyhow::{Context, Result, ensure};
use corral_tests::client::Client;
use corral_tests::fleet::Fleet;
use corral_tests::host::{Host, Site};
use serde_json::json;

use crate::{LONG, SOON, shared};

const LONG_LINE_BYTES: usize = 100_000_000;
/// A fifth of a gigabyte: what is bounded at this size is bounded at any, and a debug build is slow.
const FLOOD_BYTES: u64 = 200_000_000;
/// What the host may hold of memory, whatever is written to it.
const MEMORY_BYTES: u64 = 400 * 1024 * 1024;

struct Setting {
    _fleet: Fleet,
    _site: Site,
    host: Host,
    client: Client,
    vms: Vec<String>,
}

async fn setting(machines: usize) -> Result<Setting> {
    let fleet = Fleet::start(machines).await?;
    let site = Site::new()?;
    let host = site.start()?;
    let client = site.client(&host)?;
    let vms = fleet.add_all(&client).await?;
    Ok(Setting { _fleet: fleet, _site: site, host, client, vms })
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_not_utf_8_are_kept_as_they_came() -> Result<()> {
    let _machine = shared().await;
    let set = setting(1).await?;
    let job = set.client.run(r"printf 'caf\351 \377\376\nplain\n\000nul\n'; printf 'no newline'", &set.vms).await?;
    let done = set.client.finished(&job, SOON).await?;
    ensure!(done["status"] == "succeeded", "{done}");
    let log = format!("/api/jobs/{job}/tasks/{}/log", set.vms[0]);
    let bytes = set.client.request(reqwest::Method::GET, &format!("{log}?format=text")).send().await?.bytes().await?;
    let expected: &[u8] = b"caf\xe9 \xff\xfe\nplain\n\0nul\nno newline";
    ensure!(bytes.strip_suffix(b"\n").unwrap_or(&bytes) == expected, "{bytes:?}");
    let texts = set.client.texts(&job, &set.vms[0]).await?;
    ensure!(texts.len() == 4 && texts[0] == "caf\u{fffd} \u{fffd}\u{fffd}" && texts[3] == "no newline", "{texts:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_a_hundred_megabytes_is_stored_in_parts_and_the_next_line_follows() -> Result<()> {
    let _machine = shared().await;
    let set = setting(1).await?;
    let script = format!("head -c {LONG_LINE_BYTES} /dev/zero | tr '\\0' x; echo; echo after");
    let job = set.client.run(&script, &set.vms).await?;
    let done = set.client.finished(&job, LONG).await?;
    ensure!(done["status"] == "succeeded", "{done}");
    let lines = done["tasks"][0]["lines"].as_u64().context("lines")?;
    let log = format!("/api/jobs/{job}/tasks/{}/log", set.vms[0]);
    let last = set.client.get(&format!("{log}?from={}&count=2", lines - 2)).await?.ok()?;
    ensure!(last["lines"][1]["text"] == "after", "the line after the long one is whole");
    ensure!(last["lines"][0]["partial"] != true, "the last part of the long line says that it is the last");
    let text = set.client.request(reqwest::Method::GET, &format!("{log}?format=text")).send().await?.bytes().await?;
    ensure!(text.len() == LONG_LINE_BYTES + "\nafter\n".len(), "{} bytes came back", text.len());
    ensure!(text[..LONG_LINE_BYTES].iter().all(|byte| *byte == b'x'));
    ensure!(set.host.resident_bytes()? < MEMORY_BYTES, "the host holds {} bytes", set.host.resident_bytes()?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_stored_whole_in_bounded_memory_and_another_job_goes_on_beside_it() -> Result<()> {
    let _machine = shared().await;
    let set = setting(2).await?;
    let line = "0123456789".repeat(10);
    let count = FLOOD_BYTES / (line.len() as u64 + 1);
    let flood = set.client.run(&format!("yes {line} | head -n {count}"), &set.vms[..1]).await?;
    let mut memory = 0;
    let mut beside = 0;
    loop {
        let job = set.client.run("echo beside", &set.vms[1..]).await?;
        let done = set.client.finished(&job, SOON).await?;
        ensure!(done["status"] == "succeeded", "{done}");
        beside += 1;
        memory = memory.max(set.host.resident_bytes()?);
        let flood = set.client.job(&flood).await?;
        if !flood["finished_at"].is_null() {
            ensure!(flood["status"] == "succeeded" && flood["tasks"][0]["lines"] == count, "{flood}");
            break;
        }
    }
    ensure!(beside >= 2, "the flood was over before anything could be seen beside it");
    ensure!(memory < MEMORY_BYTES, "the host held {memory} bytes");
    let log = format!("/api/jobs/{flood}/tasks/{}/log?from={}&count=10", set.vms[0], count - 1);
    let last = set.client.get(&log).await?.ok()?;
    ensure!(last["lines"][0]["text"] == line && last["total"] == count && last["complete"] == true, "{last}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_command_is_gone_and_what_it_wrote_stays() -> Result<()> {
    let _machine = shared().await;
    let set = setting(1).await?;
    let job = set.client.run("echo begun; exec sleep 60", &set.vms).await?;
    set.client.job_when(&job, SOON, |job| job["tasks"][0]["lines"] == 1 || job["counts"]["running"] == 1).await?;
    set.client.post(&format!("/api/jobs/{job}/cancel"), &json!({})).await?.ok()?;
    let done = set.client.finished(&job, SOON).await?;
    ensure!(done["status"] == "cancelled" && done["counts"]["cancelled"] == 1, "{done}");
    Ok(())
}

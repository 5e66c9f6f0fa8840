//! The host is killed at any moment; what lies on the disk then is looked at before anybody repairs it.

use anyhow::{Context, Result, ensure};
use corral_domain::OutputStream;
use corral_tests::faults::stored::stored;
use corral_tests::fleet::Fleet;
use corral_tests::host::Site;

use crate::day_file::{day_file, in_the_file, logs_of_copy};
use crate::numbered::{Numbered, STDERR_EVERY, Stop};
use crate::{LONG, shared};

const KILLS: usize = 6;
/// Lines that a command writes at once.
const BURST: u64 = 500;
/// Lines that a viewer is shown before the host is killed, at most.
const SHOWN_MAX: u64 = 20_000;

#[tokio::test(flavor = "multi_thread")]
async fn whenever_the_host_is_killed_what_is_taken_in_is_stored_and_what_was_shown_too() -> Result<()> {
    let _machine = shared().await;
    let (lines, mut random) = Numbered::of_this_run("killed");
    let fleet = Fleet::start(1).await?;
    let site = Site::new()?;
    let mut host = site.start()?;
    let mut client = site.client(&host)?;
    let vms = fleet.add_all(&client).await?;
    let stop = Stop::at(site.path("stop"));
    let job = client.run(&lines.until(&stop, BURST, true), &vms).await?;
    let mut before = 0;
    for kill in 0..KILLS {
        // So many lines more are shown, and then a moment later it dies.
        let wanted = before + random.between(1, SHOWN_MAX);
        let mut socket = client.socket().await?;
        socket.subscribe_log_from(1, (&job, &vms[0]), i64::try_from(before)?, 1_000_000).await?;
        let mut shown = before;
        while shown < wanted {
            let frame = socket.next_lines(LONG).await?;
            ensure!(frame.first_line == shown, "expected line {shown}, got {}", frame.first_line);
            shown += frame.texts.len() as u64;
        }
        tokio::time::sleep(std::time::Duration::from_micros(random.between(0, 150_000))).await;
        host.kill_9()?;

        let logs = logs_of_copy(&day_file(&site, &job)?).await.with_context(|| format!("after kill {kill}"))?;
        let log = logs.get(&in_the_file(&job)).context("the log is in the file of its day")?;
        log.is_taken_in_as_far_as_it_is_stored().with_context(|| format!("after kill {kill}"))?;
        ensure!(log.lines >= shown, "{shown} lines were shown, {} are stored", log.lines);
        is_the_beginning(lines, &log.outputs.stdout, OutputStream::Stdout)?;
        is_the_beginning(lines, &log.outputs.stderr, OutputStream::Stderr)?;
        before = log.lines;

        host = site.start()?;
        client = site.client(&host)?;
    }
    stop.now()?;
    let done = client.finished(&job, LONG).await?;
    ensure!(done["status"] == "succeeded", "{done}");
    let (outputs, total) = stored(&client, &job, &vms[0]).await?;
    ensure!(total.is_multiple_of(BURST) && done["tasks"][0]["lines"] == total, "{total} lines are stored: {done}");
    let stdout = is_the_beginning(lines, &outputs.stdout, OutputStream::Stdout)?;
    let stderr = is_the_beginning(lines, &outputs.stderr, OutputStream::Stderr)?;
    ensure!(stdout + stderr == total && stdout == (STDERR_EVERY - 1) * stderr, "{stdout} lines and {stderr} lines");
    let logs = logs_of_copy(&day_file(&site, &job)?).await?;
    logs.get(&in_the_file(&job)).context("the log")?.is_taken_in_as_far_as_it_is_stored()
}

/// Fails unless an output begins as it was written, line by line; how many lines those are.
fn is_the_beginning(lines: Numbered, output: &[u8], stream: OutputStream) -> Result<u64> {
    let stderr = stream == OutputStream::Stderr;
    let mut all = lines.from(0).zip(0_u64..).filter(|(_, n)| n.is_multiple_of(STDERR_EVERY) == stderr);
    let mut count = 0;
    for line in output.split_inclusive(|byte| *byte == b'\n') {
        let (wanted, n) = all.next().context("numbers do not end")?;
        let line = line.strip_suffix(b"\n").with_context(|| format!("line {n} has no end"))?;
        ensure!(line == wanted, "{stream:?}: `{}`, not `{}`", line.escape_ascii(), wanted.escape_ascii());
        count += 1;
    }
    Ok(count)
}

//! Output served while it is written: to viewers that come and go, that take little and that take nothing.

use anyhow::{Context, Result, bail, ensure};
use corral_tests::client::{Client, Incoming, Socket};
use corral_tests::fleet::Fleet;
use corral_tests::host::{Host, Site};
use serde_json::json;

use crate::numbered::{Numbered, Stop};
use crate::{LONG, shared};

/// How often a viewer loses its connection.
const RECONNECTS: usize = 100;
/// Credit of a viewer that takes what comes.
const CREDIT: u64 = 1_000_000;
/// Viewers that take nothing.
const IDLE: usize = 20;
/// What one of them may cost: what waits for it, and the buffers below.
const IDLE_BYTES: u64 = 3 * 1024 * 1024;
/// Lines written beside them.
const FLOOD: u64 = 250_000;
/// Lines that a viewer must be behind before it is taken to the end, and where it is put then, as `docs/protocol.md` says.
const LAG: u64 = 10_000;
const KEPT: u64 = 200;
/// Lines that a command writes at once where a test is about its speed, and where it is not.
const BURST: u64 = 2_000;
const TRICKLE: u64 = 50;
/// Lines that are there before channels are opened within them.
const BEGUN: u64 = 2_000;
/// Channels of one socket.
const CHANNELS: u32 = 64;

struct Setting {
    client: Client,
    vms: Vec<String>,
    host: Host,
    site: Site,
    _fleet: Fleet,
}

async fn setting(machines: usize) -> Result<Setting> {
    let fleet = Fleet::start(machines).await?;
    let site = Site::new()?;
    let host = site.start()?;
    let client = site.client(&host)?;
    let vms = fleet.add_all(&client).await?;
    Ok(Setting { client, vms, host, site, _fleet: fleet })
}

/// One log as a viewer knows it.
struct View<'a> {
    client: &'a Client,
    lines: Numbered,
    job: &'a str,
    vm: &'a str,
}

/// What came of a log.
enum Step {
    Lines { first: u64, next: u64 },
    Skipped(u64),
    End(u64),
}

impl View<'_> {
    async fn open(&self, from: i64, credit: u64) -> Result<Socket> {
        let mut socket = self.client.socket().await?;
        socket.subscribe_log_from(1, (self.job, self.vm), from, credit).await?;
        Ok(socket)
    }

    /// The next lines, each compared with what was written.
    async fn next(&self, socket: &mut Socket) -> Result<Step> {
        loop {
            match socket.next(LONG).await? {
                Incoming::Lines(frame) => {
                    self.lines.check(frame.first_line, &frame.texts)?;
                    return Ok(Step::Lines {
                        first: frame.first_line,
                        next: frame.first_line + frame.texts.len() as u64,
                    });
                }
                Incoming::Control(message) if message["t"] == "lag" => {
                    return Ok(Step::Skipped(message["skipped"].as_u64().context("how many")?));
                }
                Incoming::Control(message) if message["t"] == "end" => {
                    return Ok(Step::End(message["total"].as_u64().context("how many")?));
                }
                Incoming::Control(message) if message["t"] == "error" => bail!("the host said {message}"),
                Incoming::Control(_) => {}
                Incoming::Closed(why) => bail!("the socket was closed: {why:?}"),
            }
        }
    }

    /// Reads from a line on to the end of the log; how many lines it has.
    async fn to_the_end(&self, socket: &mut Socket, mut next: u64) -> Result<u64> {
        loop {
            match self.next(socket).await? {
                Step::Lines { first, next: after } => {
                    ensure!(first == next, "expected line {next}, got {first}");
                    next = after;
                }
                Step::Skipped(lines) => bail!("{lines} lines were left out"),
                Step::End(total) => {
                    ensure!(total == next, "{total} lines, but {next} came");
                    return Ok(total);
                }
            }
            socket.credit(1, CREDIT).await?;
        }
    }

    /// Reads on from the line after the last one over many connections, each cut after some lines.
    async fn resumed(&self, lengths: &[u64], stop: &Stop) -> Result<u64> {
        let mut next = 0;
        for length in lengths {
            let until = next + length;
            let mut socket = self.open(i64::try_from(next)?, CREDIT).await?;
            while next < until {
                let Step::Lines { first, next: after } = self.next(&mut socket).await? else {
                    bail!("something else than lines came at {next}")
                };
                ensure!(first == next, "expected line {next}, got {first}");
                next = after;
            }
        }
        stop.now()?;
        self.to_the_end(&mut self.open(i64::try_from(next)?, CREDIT).await?, next).await
    }

    /// Looks at the end of the log over many connections, each cut after some lines.
    async fn at_the_end(&self, lengths: &[u64]) -> Result<()> {
        let mut before = 0;
        for length in lengths {
            let mut socket = self.open(-i64::try_from(*length)?, CREDIT).await?;
            let mut next: Option<u64> = None;
            let mut taken = 0;
            while taken < 2 * length {
                match self.next(&mut socket).await? {
                    Step::Lines { first, next: after } => {
                        ensure!(next.is_none_or(|next| next == first), "expected line {next:?}, got {first}");
                        ensure!(first + length >= before, "the end was at {before} before, and now from {first} on");
                        next = Some(after);
                        taken += after - first;
                        before = before.max(after);
                    }
                    Step::Skipped(_) => bail!("a viewer that takes all is skipped"),
                    Step::End(_) => return Ok(()),
                }
            }
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn viewers_that_reconnect_a_hundred_times_at_full_speed_see_each_line_once() -> Result<()> {
    let _machine = shared().await;
    let set = setting(1).await?;
    let (lines, mut random) = Numbered::of_this_run("reconnecting");
    let stop = Stop::at(set.site.path("stop"));
    let job = set.client.run(&lines.until(&stop, BURST, false), &set.vms).await?;
    let view = View { client: &set.client, lines, job: &job, vm: &set.vms[0] };
    let mut lengths = || (0..RECONNECTS).map(|_| random.between(1, 3_000)).collect::<Vec<_>>();
    let (resumed, ends) = (lengths(), lengths());
    let (total, ()) = tokio::try_join!(view.resumed(&resumed, &stop), view.at_the_end(&ends))?;
    let done = set.client.finished(&job, LONG).await?;
    ensure!(done["status"] == "succeeded" && done["tasks"][0]["lines"] == total, "{total} lines came: {done}");
    ensure!(total >= RECONNECTS as u64, "{total} lines are too few to say anything");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_slowly_is_told_each_line_that_it_missed_and_who_reads_history_misses_none() -> Result<()> {
    let _machine = shared().await;
    let set = setting(1).await?;
    let (lines, mut random) = Numbered::of_this_run("slow viewers");
    let stop = Stop::at(set.site.path("stop"));
    let job = set.client.run(&lines.until(&stop, BURST, false), &set.vms).await?;
    let view = View { client: &set.client, lines, job: &job, vm: &set.vms[0] };
    let written =
        |lines: u64| set.client.job_when(&job, LONG, move |job| job["tasks"][0]["lines"].as_u64() >= Some(lines));
    written(KEPT).await?;

    let mut follower = view.open(-(KEPT as i64), 0).await?;
    let mut reader = view.open(0, 10).await?;
    let (mut next, mut skipped, mut seen): (Option<u64>, u64, u64) = (None, 0, 0);
    let mut begun_at = 0;
    for _ in 0..5 {
        // Far behind, without credit: the next credit comes after a leap.
        let before = next.unwrap_or(0);
        written(before + 3 * LAG).await?;
        let credit = random.between(1, KEPT);
        follower.credit(1, credit).await?;
        let mut taken = 0;
        while taken < credit {
            match view.next(&mut follower).await? {
                Step::Lines { first, next: after } => {
                    ensure!(next.is_none_or(|next| next == first), "expected line {next:?}, got {first}");
                    if next.is_none() {
                        begun_at = first - skipped;
                    }
                    next = Some(after);
                    taken += after - first;
                }
                Step::Skipped(lines) => {
                    skipped += lines;
                    next = next.map(|next| next + lines);
                }
                Step::End(total) => bail!("the log ended at {total}"),
            }
        }
        ensure!(taken == credit, "{credit} lines were asked for, {taken} came");
        seen += taken;
    }
    ensure!(skipped > 4 * LAG, "only {skipped} lines were left out");
    ensure!(
        next == Some(begun_at + seen + skipped),
        "{seen} came and {skipped} were left out, from {begun_at} to {next:?}"
    );

    // The reader has had ten lines all the while.
    stop.now()?;
    let done = set.client.finished(&job, LONG).await?;
    reader.credit(1, CREDIT).await?;
    let total = view.to_the_end(&mut reader, 0).await?;
    ensure!(done["tasks"][0]["lines"] == total, "{total} lines came: {done}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn viewers_that_take_nothing_cost_the_host_little_and_the_job_nothing() -> Result<()> {
    let _machine = shared().await;
    let set = setting(1).await?;
    let (lines, _) = Numbered::of_this_run("idle viewers");
    let mut peaks = Vec::new();
    // The same job without anybody who looks, and with many who ask for all of it and read nothing.
    for viewers in [0, IDLE] {
        let gate = Stop::at(set.site.path(&format!("begin-{viewers}")));
        let script = format!("until [ -e {} ]; do sleep 0.01; done; {}", gate.path().display(), lines.counted(FLOOD));
        let job = set.client.run(&script, &set.vms).await?;
        let view = View { client: &set.client, lines, job: &job, vm: &set.vms[0] };
        let mut sockets = Vec::new();
        for _ in 0..viewers {
            sockets.push(view.open(0, CREDIT).await?);
        }
        gate.now()?;
        let mut peak = 0;
        while set.client.job(&job).await?["finished_at"].is_null() {
            peak = peak.max(set.host.resident_bytes()?);
        }
        let done = set.client.finished(&job, LONG).await?;
        ensure!(done["status"] == "succeeded" && done["tasks"][0]["lines"] == FLOOD, "{done}");
        peaks.push(peak.max(set.host.resident_bytes()?));
        // They took nothing, and nothing of it is lost to them.
        for mut socket in sockets.drain(..).take(2) {
            ensure!(view.to_the_end(&mut socket, 0).await? == FLOOD);
        }
    }
    println!("memory without and with {IDLE} viewers that take nothing: {peaks:?}");
    let more = peaks[1].saturating_sub(peaks[0]);
    ensure!(more < IDLE as u64 * IDLE_BYTES, "{IDLE} viewers that take nothing cost {more} bytes: {peaks:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_socket_carries_many_logs_each_from_its_own_place() -> Result<()> {
    let _machine = shared().await;
    let set = setting(4).await?;
    let (lines, mut random) = Numbered::of_this_run("many channels");
    let stop = Stop::at(set.site.path("stop"));
    let job = set.client.run(&lines.until(&stop, TRICKLE, false), &set.vms).await?;
    let running = |job: &serde_json::Value| {
        job["tasks"].as_array().is_some_and(|tasks| tasks.iter().all(|task| task["lines"].as_u64() > Some(BEGUN)))
    };
    set.client.job_when(&job, LONG, running).await?;
    let mut socket = set.client.socket().await?;
    let mut next: Vec<Option<u64>> = Vec::new();
    for channel in 0..CHANNELS {
        let from = random.between(0, BEGUN) as i64;
        let from = if channel % 3 == 2 { -from - 1 } else { from };
        next.push(u64::try_from(from).ok());
        let vm = &set.vms[channel as usize % set.vms.len()];
        socket.subscribe_log_from(channel, (&job, vm), from, random.between(1, 500)).await?;
    }
    socket.send(&json!({"t": "subscribe", "ch": CHANNELS, "topic": "state"})).await?;
    let (mut ended, mut refused, mut frames) = (0, false, 0);
    while ended < CHANNELS {
        match socket.next(LONG).await? {
            Incoming::Lines(frame) => {
                lines.check(frame.first_line, &frame.texts)?;
                let next = next.get_mut(frame.channel as usize).context("a channel that nobody opened")?;
                ensure!(
                    next.is_none_or(|next| next == frame.first_line),
                    "expected {next:?}, got {}",
                    frame.first_line
                );
                *next = Some(frame.first_line + frame.texts.len() as u64);
                frames += 1;
                if frames == 4 * CHANNELS {
                    stop.now()?;
                }
                let taken = frame.texts.len() as u64;
                socket.credit(frame.channel, if frames < 4 * CHANNELS { taken } else { CREDIT }).await?;
            }
            Incoming::Control(message) if message["t"] == "lag" => {
                let next = next.get_mut(message["ch"].as_u64().context("a channel")? as usize).context("a channel")?;
                let skipped = message["skipped"].as_u64().context("how many")?;
                // Before its first line a follower does not know where it is.
                *next = next.map(|next| next + skipped);
            }
            Incoming::Control(message) if message["t"] == "end" => {
                let at = message["ch"].as_u64().context("a channel")? as usize;
                ensure!(next[at] == message["total"].as_u64(), "{message}, but it came to {:?}", next[at]);
                ended += 1;
            }
            Incoming::Control(message) if message["code"] == "unknown_channel" => {
                // Credit for one that has ended meanwhile.
            }
            Incoming::Control(message) => {
                ensure!(message["code"] == "too_many_channels" && message["ch"] == CHANNELS, "{message}");
                refused = true;
            }
            Incoming::Closed(why) => bail!("the socket was closed: {why:?}"),
        }
    }
    ensure!(refused, "there is a bound to the channels of a socket");
    Ok(())
}

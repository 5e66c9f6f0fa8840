//! Many machines that write steadily, for minutes: whether every line is stored, what it costs, and how long a line takes.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use corral_tests::bench::machines::ADDRESSES_PER_NET;
use corral_tests::bench::page::{cores, megabytes};
use corral_tests::client::Socket;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::Wanted;
use crate::emit::{Emit, now_micros};
use crate::scene::{Sample, Scene};
use crate::table::{Row, Section, Spread};
use crate::viewer::{Frame, subscribe};

/// Lines a second from each machine.
const RATE: u64 = 1_000;
/// Time between two writes of a machine.
const EVERY_MS: u64 = 100;
/// Part of the rate that is to be held, in all.
const HELD: f64 = 0.99;
/// Memory that the host may hold, in bytes.
const MEMORY_MAX: u64 = 300_000_000;
/// Machines whose lines somebody looks at.
const LOOKED_AT: usize = 4;
/// How long nothing may come.
const LIMIT: Duration = Duration::from_mins(1);
/// Machines whose logs are compared at once.
const COMPARED_AT_ONCE: usize = 2;
const CREDIT: u64 = 10_000;
const CHANNEL: u32 = 7;

/// What is stored of one machine.
#[derive(Clone, Copy)]
struct Stored {
    /// When its first line was written, in microseconds since the Unix epoch.
    first: u64,
    /// How much later than it should a line was written at most, in microseconds.
    late: u64,
    bytes: u64,
}

/// One run, in the mode that is the default.
pub async fn measure(wanted: &Wanted) -> Result<Section> {
    let scene = Scene::start(wanted.machines).await?;
    let seconds = (wanted.minutes * 60.0) as u64;
    let emits: Vec<Emit> = (0..wanted.machines as u64)
        .map(|machine| Emit { lines: RATE * seconds, rate: RATE, every_ms: EVERY_MS, seed: wanted.seed, machine })
        .collect();
    println!("  {} machines, {seconds} s", wanted.machines);
    let (sample, ended_at, latencies) = run(&scene, &emits, wanted.mode, Duration::from_secs(seconds)).await?;
    println!("  comparing what is stored");
    let stored = compare(&scene, &emits).await?;
    section(wanted, &emits, sample, ended_at, &latencies, &stored)
}

/// Runs them all; what it took, when the last line was stored, and how long lines took to somebody who looks, in seconds.
async fn run(scene: &Scene, emits: &[Emit], mode: &str, meant: Duration) -> Result<(Sample, u64, Vec<f64>)> {
    let looked_at = LOOKED_AT.min(emits.len());
    let mut sockets = Vec::with_capacity(looked_at);
    for _ in 0..looked_at {
        sockets.push(scene.client.socket().await?);
    }
    let job = start(scene, emits, mode).await?;
    let meter = scene.meter()?;
    let mut lookers = Vec::with_capacity(looked_at);
    for (at, socket) in sockets.into_iter().enumerate() {
        // Spread over the fleet.
        let index = at * emits.len() / looked_at;
        lookers.push(tokio::spawn(look(socket, job.clone(), scene.vms[index].clone(), emits[index])));
    }
    scene.ended(&job, meant).await?;
    let ended_at = now_micros();
    let sample = meter.read()?;
    let mut latencies = Vec::new();
    for looker in lookers {
        latencies.extend(looker.await??);
    }
    Ok((sample, ended_at, latencies))
}

/// One job for all. The machines differ in one word, which each finds out from the address that it was reached at.
async fn start(scene: &Scene, emits: &[Emit], mode: &str) -> Result<String> {
    let mut argv = emits[0].argv()?;
    argv.pop();
    let words = argv.join(" ");
    let script = format!(
        "set -- $SSH_CONNECTION; IFS=.; set -- $3; unset IFS; exec {words} $(( $3 * {ADDRESSES_PER_NET} + $4 - 1 ))"
    );
    scene.begin(&json!({"script": script}), emits.len(), mode).await
}

/// Takes every line of one machine; how long after it was written each was there, in seconds. A line that is shown is stored.
async fn look(mut socket: Socket, job: String, vm: String, emit: Emit) -> Result<Vec<f64>> {
    subscribe(&mut socket, CHANNEL, &job, &vm, 0, CREDIT).await?;
    let (mut latencies, mut next) = (Vec::new(), 0);
    loop {
        match socket.next_raw(LIMIT).await?.context("the socket was closed")? {
            Message::Binary(bytes) => {
                let now = now_micros();
                let frame = Frame::parse(&bytes)?;
                ensure!(frame.first == next, "expected line {next}, got {}", frame.first);
                let mut at = 0;
                for length in frame.lengths() {
                    let written = emit.check(next, &frame.texts[at..at + length])?;
                    latencies.push(now.saturating_sub(written) as f64 / 1e6);
                    (next, at) = (next + 1, at + length);
                }
                let lines = frame.lengths().len();
                socket.send(&json!({"t": "credit", "ch": CHANNEL, "lines": lines})).await?;
            }
            Message::Text(text) => {
                let message: Value = serde_json::from_str(&text)?;
                if message["t"] == "end" {
                    ensure!(message["total"] == emit.lines && next == emit.lines, "{message}, and {next} lines came");
                    return Ok(latencies);
                }
                ensure!(message["t"] != "error" && message["t"] != "damaged", "the host said {message}");
            }
            Message::Close(why) => bail!("the socket was closed: {why:?}"),
            _ => {}
        }
    }
}

/// Reads all that is stored and compares every line.
async fn compare(scene: &Scene, emits: &[Emit]) -> Result<Vec<Stored>> {
    let newest = scene.client.get("/api/jobs?limit=1").await?.ok()?;
    let job = newest["items"][0]["id"].as_str().context("an id")?;
    let all: Vec<(&Emit, &String)> = emits.iter().zip(&scene.vms).collect();
    let mut stored = Vec::with_capacity(emits.len());
    for some in all.chunks(COMPARED_AT_ONCE) {
        stored.extend(futures::future::try_join_all(some.iter().map(|(emit, vm)| one(scene, job, vm, **emit))).await?);
    }
    Ok(stored)
}

async fn one(scene: &Scene, job: &str, vm: &str, emit: Emit) -> Result<Stored> {
    let mut stored = Stored { first: 0, late: 0, bytes: 0 };
    let (mut n, mut rest) = (0, Vec::new());
    scene
        .export(job, vm, |piece| {
            stored.bytes += piece.len() as u64;
            rest.extend_from_slice(piece);
            let Some(whole) = rest.iter().rposition(|byte| *byte == b'\n') else { return Ok(()) };
            for line in rest[..whole].split(|byte| *byte == b'\n') {
                let at = emit.check(n, line)?;
                if n == 0 {
                    stored.first = at;
                }
                // A line goes out with the write that it is due for.
                let turn = n * 1_000 / emit.rate / emit.every_ms;
                stored.late = stored.late.max(at.saturating_sub(stored.first + turn * emit.every_ms * 1_000));
                n += 1;
            }
            rest.drain(..=whole);
            Ok(())
        })
        .await?;
    ensure!(rest.is_empty() && n == emit.lines, "machine {}: {n} lines are stored of {}", emit.machine, emit.lines);
    Ok(stored)
}

fn section(
    wanted: &Wanted,
    emits: &[Emit],
    sample: Sample,
    ended_at: u64,
    latencies: &[f64],
    stored: &[Stored],
) -> Result<Section> {
    let lines: u64 = emits.iter().map(|emit| emit.lines).sum();
    let first = stored.iter().map(|stored| stored.first).min().context("there are machines")?;
    let late = Spread::new(stored.iter().map(|stored| stored.late as f64 / 1e6));
    let seconds = ended_at.saturating_sub(first) as f64 / 1e6;
    let (rate, aim) = (lines as f64 / seconds, (RATE * emits.len() as u64) as f64);
    let latency = Spread::new(latencies.iter().copied());
    // The machines do not begin at once, and the last one's end is the end: what lies between is no lower rate.
    let meant = emits[0].lines as f64 / RATE as f64;
    let begun = stored.iter().map(|stored| stored.first).max().unwrap_or(first) - first;
    let held = lines as f64 / (seconds - begun as f64 / 1e6).max(meant);
    let rows = vec![
        Row::new(
            format!("{} machines, {RATE} lines/s each, for {meant:.0} s", emits.len()),
            format!("{held:.0} lines/s"),
            format!("≥ {:.0} lines/s", aim * HELD),
            held >= aim * HELD,
        ),
        Row::new("lines that are stored as they were written", format!("{lines} of {lines}"), "all", true),
        Row::new("the host's memory at most", megabytes(sample.memory), "< 300 MB", sample.memory < MEMORY_MAX),
    ];
    let bytes: u64 = stored.iter().map(|stored| stored.bytes).sum();
    let details = format!(
        "From the first line written to the last one stored {seconds:.1} s, {begun_s:.1} s of which passed until the last machine wrote its \
         first line: {rate:.0} lines/s over all of it. A machine wrote a line later than it was due by {} s at most (median of the machines; \
         the worst: {:.2} s). From a line's being written until it is stored and was sent to somebody who looks ({LOOKED_AT} machines, {} \
         lines): {:.0} ms p50, {:.0} ms p99, {:.0} ms at most. Processor time: the host {:.2} of {} cores, sshd with all that it started, the \
         writers among it, {:.2}. Text: {}, {:.2} MB/s.\n",
        format_args!("{:.2}", late.median()),
        late.percent(100.0),
        latencies.len(),
        latency.median() * 1e3,
        latency.percent(99.0) * 1e3,
        latency.percent(100.0) * 1e3,
        sample.client_cpu / sample.wall,
        cores(),
        sample.sshd_cpu / sample.wall,
        megabytes(bytes),
        bytes as f64 / 1e6 / seconds,
        begun_s = begun as f64 / 1e6,
    );
    let about = format!(
        "Mode `{}`. Each machine writes {} lines every {EVERY_MS} ms, each with its number, its time and a word that follows from the seed; \
         afterwards every stored line was read back and compared.",
        wanted.mode,
        RATE * EVERY_MS / 1_000
    );
    Ok(Section { part: "fleet", about, rows, details })
}

//! Many machines that write steadily, for minutes: whether every line is stored, what it costs, and how long a line takes.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use corral_tests::bench::machines::ADDRESSES_PER_NET;
use corral_tests::bench::page::{cores, megabytes};
use corral_tests::bench::table::{Row, Section, Spread};
use corral_tests::client::Socket;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::Wanted;
use crate::emit::{Emit, now_micros};
use crate::scene::{Sample, Scene};
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

/// Part of the machines, and of the time, for mode `durable`.
const DURABLE_PART: usize = 10;

/// What is stored of one machine.
#[derive(Clone, Copy)]
struct Stored {
    /// When its first line was written, in microseconds since the Unix epoch.
    first: u64,
    /// How much later than it should a line was written at most, in microseconds.
    late: u64,
    bytes: u64,
}

/// One run of so many machines.
struct Run {
    emits: Vec<Emit>,
    sample: Sample,
    /// When the last line was stored, in microseconds since the Unix epoch.
    ended_at: u64,
    /// How long lines took from being written to somebody who looks, in seconds.
    latencies: Spread,
    stored: Vec<Stored>,
}

/// All machines on the bare channel, and some in capsules: these cost the machines more, and here all of them share the cores.
pub async fn measure(wanted: &Wanted) -> Result<Section> {
    let seconds = wanted.minutes * 60.0;
    let some = (wanted.machines.div_ceil(DURABLE_PART), (seconds / DURABLE_PART as f64).ceil());
    let direct = Run::of(wanted.seed, wanted.machines, seconds as u64, "direct").await?;
    let durable = Run::of(wanted.seed, some.0, some.1 as u64, "durable").await?;
    let memory = direct.sample.memory;
    let (held, aim) = (direct.held()?, (RATE * wanted.machines as u64) as f64);
    let lines = direct.lines();
    let rows = vec![
        Row::new(
            format!("{} machines, {RATE} lines/s each, for {seconds:.0} s", wanted.machines),
            format!("{held:.0} lines/s"),
            format!("≥ {:.0} lines/s", aim * HELD),
            held >= aim * HELD,
        ),
        // A line that is missing or is not as it was written has ended the program.
        Row::new("lines that are stored as they were written", format!("{lines} of {lines}"), "all", true),
        Row::new("the host's memory at most", megabytes(memory), "< 300 MB", memory < MEMORY_MAX),
    ];
    let about = format!(
        "Each machine writes {} lines every {EVERY_MS} ms, each with its number, its time and a word that follows from the seed; afterwards \
         every stored line was read back and compared. Mode `direct`; a tenth of the machines for a tenth of the time in mode `durable`.",
        RATE * EVERY_MS / 1_000
    );
    let details = format!("{}\n{}", direct.text("direct")?, durable.text("durable")?);
    Ok(Section { part: "fleet", about, rows, details })
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

impl Run {
    async fn of(seed: u64, machines: usize, seconds: u64, mode: &str) -> Result<Self> {
        let scene = Scene::start(machines).await?;
        let emits: Vec<Emit> = (0..machines as u64)
            .map(|machine| Emit { lines: RATE * seconds, rate: RATE, every_ms: EVERY_MS, seed, machine })
            .collect();
        println!("  {machines} machines, {seconds} s, {mode}");
        let (sample, ended_at, latencies) = run(&scene, &emits, mode, Duration::from_secs(seconds)).await?;
        println!("  comparing what is stored");
        let stored = compare(&scene, &emits).await?;
        Ok(Self { emits, sample, ended_at, latencies: Spread::new(latencies), stored })
    }

    fn lines(&self) -> u64 {
        self.emits.iter().map(|emit| emit.lines).sum()
    }

    /// When the first and the last machine wrote its first line, in microseconds since the Unix epoch.
    fn begun(&self) -> Result<(u64, u64)> {
        let first = self.stored.iter().map(|stored| stored.first);
        Ok((first.clone().min().context("there are machines")?, first.max().context("there are machines")?))
    }

    /// Lines a second, without the time in which machines had not begun.
    fn held(&self) -> Result<f64> {
        let seconds = self.ended_at.saturating_sub(self.begun()?.1) as f64 / 1e6;
        Ok(self.lines() as f64 / seconds.max(self.emits[0].lines as f64 / RATE as f64))
    }

    fn text(&self, mode: &str) -> Result<String> {
        let (first, last) = self.begun()?;
        let seconds = self.ended_at.saturating_sub(first) as f64 / 1e6;
        let late = Spread::new(self.stored.iter().map(|stored| stored.late as f64 / 1e6));
        let bytes: u64 = self.stored.iter().map(|stored| stored.bytes).sum();
        let (sample, latency, machines) = (&self.sample, &self.latencies, self.emits.len());
        let sshd = sample.sshd_cpu / sample.wall;
        Ok(format!(
            "`{mode}`, {machines} machines, {} lines: from the first line written to the last one stored {seconds:.1} s, {:.1} s of which passed \
             until the last machine wrote its first line. A machine wrote a line later than it was due by {:.2} s at most (median of the \
             machines; the worst: {:.2} s). From a line's being written until it is stored and was sent to somebody who looks: {:.0} ms p50, \
             {:.0} ms p99, {:.0} ms at most. Processor time: the host {:.2} of {} cores; sshd with all that it started, the writers among it, \
             {sshd:.2}, which is {:.1} ms a second and machine. The host held at most {}. Text: {}, {:.2} MB/s.\n",
            self.lines(),
            (last - first) as f64 / 1e6,
            late.median(),
            late.percent(100.0),
            latency.median() * 1e3,
            latency.percent(99.0) * 1e3,
            latency.percent(100.0) * 1e3,
            sample.client_cpu / sample.wall,
            cores(),
            sshd * 1e3 / machines as f64,
            megabytes(sample.memory),
            megabytes(bytes),
            bytes as f64 / 1e6 / seconds,
        ))
    }
}

//! Opening a log at its end and in the middle: how long until the lines are there, in a log of millions of lines and in one of ten.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use corral_tests::bench::page::megabytes;
use corral_tests::bench::table::{Row, Section, Spread};
use corral_tests::client::Socket;
use corral_tests::faults::random::Random;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::archive::{Archive, Log};
use crate::viewer::{Frame, subscribe};

/// How often an end is opened.
const ENDS: u32 = 100;
/// How many windows are read in each way.
const WINDOWS: u32 = 1_000;
/// Lines of a window.
const WINDOW: u64 = 100;
/// Lines before the end with which a page begins.
const PAGE_LINES: u64 = 200;
/// Lines that a page has room for at first.
const PAGE_CREDIT: u64 = 4_000;
/// Seconds within which any place is to be open.
const TO_REACH: f64 = 0.1;
const LIMIT: Duration = Duration::from_secs(30);

/// Opens both logs in every way.
pub async fn measure(archive: &Archive, seed: u64) -> Result<Section> {
    let scene = &archive.scene;
    let meter = scene.meter()?;
    let mut rows = Vec::new();
    let mut row = |what: String, times: Vec<f64>| {
        println!("  {what}");
        let times = Spread::new(times);
        rows.push(Row::new(what, times.millis(), "< 100 ms p99", times.percent(99.0) < TO_REACH));
    };
    let mut socket = scene.client.socket().await?;
    for log in [&archive.long, &archive.short] {
        let lines = log.text.lines;
        row(format!("the last 200 of {lines} lines by the socket"), ends(archive, &mut socket, log).await?);
        row(format!("the last 100 of {lines} lines by HTTP"), ends_by_http(archive, log).await?);
    }
    let (log, mut random) = (&archive.long, Random::part(seed, 1));
    let lines = log.text.lines;
    let places: Vec<u64> = (0..WINDOWS).map(|_| random.between(0, lines - WINDOW)).collect();
    row(format!("100 lines anywhere among {lines} by HTTP"), windows_by_http(archive, log, &places).await?);
    row(format!("100 lines anywhere among {lines} by the socket"), windows(archive, &mut socket, log, &places).await?);
    let sample = meter.read()?;
    let about = format!(
        "A log of {lines} lines ({:.0} MB) beside one of {}, both stored and their tasks ended. From the request until the last line is \
         there, every line compared.",
        archive.bytes as f64 / 1e6,
        archive.short.text.lines
    );
    let details = format!(
        "The host held at most {} while these were read, {} while the long log was written at full speed; all of this took it {:.1} s of \
         processor time.\n",
        megabytes(sample.memory),
        megabytes(archive.memory),
        sample.client_cpu
    );
    Ok(Section { part: "seek", about, rows, details })
}

/// Opens the end as a page does.
async fn ends(archive: &Archive, socket: &mut Socket, log: &Log) -> Result<Vec<f64>> {
    let shown = log.text.lines.min(PAGE_LINES);
    let mut times = Vec::new();
    for channel in 0..ENDS {
        let begun = Instant::now();
        let from = -i64::try_from(PAGE_LINES)?;
        subscribe(socket, channel, &log.job, &archive.scene.vms[0], from, PAGE_CREDIT).await?;
        times.push(arrived(socket, log, log.text.lines - shown, shown, begun).await?);
        control(socket, "end").await?;
    }
    Ok(times)
}

/// Reads windows as a page does that jumps to a place.
async fn windows(archive: &Archive, socket: &mut Socket, log: &Log, places: &[u64]) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    for (channel, from) in (0..).zip(places) {
        let begun = Instant::now();
        subscribe(socket, channel, &log.job, &archive.scene.vms[0], i64::try_from(*from)?, WINDOW).await?;
        times.push(arrived(socket, log, *from, WINDOW, begun).await?);
        if *from + WINDOW < log.text.lines {
            socket.send(&json!({"t": "unsubscribe", "ch": channel})).await?;
            control(socket, "unsubscribed").await?;
        } else {
            control(socket, "end").await?;
        }
    }
    Ok(times)
}

/// Seconds from `begun` until so many lines were there.
async fn arrived(socket: &mut Socket, log: &Log, from: u64, count: u64, begun: Instant) -> Result<f64> {
    let (mut came, mut took) = (Vec::new(), 0.0);
    let mut next = from;
    while next < from + count {
        match socket.next_raw(LIMIT).await?.context("the socket was closed")? {
            Message::Binary(bytes) => {
                took = begun.elapsed().as_secs_f64();
                next += Frame::parse(&bytes)?.lengths().len() as u64;
                came.push(bytes);
            }
            Message::Text(text) => bail!("instead of lines came {text}"),
            _ => {}
        }
    }
    let mut n = from;
    for bytes in came {
        let frame = Frame::parse(&bytes)?;
        ensure!(frame.first == n, "expected line {n}, got {}", frame.first);
        let mut at = 0;
        for length in frame.lengths() {
            ensure!(frame.texts[at..at + length] == *log.text.one(n), "line {n} is not as it was written");
            (n, at) = (n + 1, at + length);
        }
    }
    ensure!(n == from + count, "{} lines too many", n - from - count);
    Ok(took)
}

async fn control(socket: &mut Socket, kind: &str) -> Result<()> {
    socket.control_when(LIMIT, |message| message["t"] == kind).await.map(|_message| ())
}

async fn ends_by_http(archive: &Archive, log: &Log) -> Result<Vec<f64>> {
    let (shown, mut times) = (log.text.lines.min(WINDOW), Vec::new());
    for _ in 0..ENDS {
        times.push(window_by_http(archive, log, -i64::try_from(WINDOW)?, log.text.lines - shown, shown).await?);
    }
    Ok(times)
}

async fn windows_by_http(archive: &Archive, log: &Log, places: &[u64]) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    for from in places {
        times.push(window_by_http(archive, log, i64::try_from(*from)?, *from, WINDOW).await?);
    }
    Ok(times)
}

async fn window_by_http(archive: &Archive, log: &Log, from: i64, first: u64, count: u64) -> Result<f64> {
    let path = format!("/api/jobs/{}/tasks/{}/log?from={from}&count={WINDOW}", log.job, archive.scene.vms[0]);
    let begun = Instant::now();
    let page: Value = archive.scene.client.get(&path).await?.ok()?;
    let took = begun.elapsed().as_secs_f64();
    let lines = page["lines"].as_array().context("a page has lines")?;
    ensure!(lines.len() as u64 == count, "{} lines came of {count}", lines.len());
    for (n, line) in (first..).zip(lines) {
        let expected = log.text.one(n);
        ensure!(line["n"] == n && line["text"].as_str().map(str::as_bytes) == Some(&*expected), "line {n} is {line}");
    }
    Ok(took)
}

//! From a line's being written on a machine until it is drawn in a real browser that shows the job's page.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use corral_tests::bench::page::megabytes;
use corral_tests::bench::table::{Row, Section, Spread};
use corral_tests::browser::Script;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::emit::Emit;
use crate::scene::Scene;

/// Lines a second.
const RATE: u64 = 10_000;
/// Time between two writes.
const EVERY_MS: u64 = 10;
/// How long lines are written, in seconds; the page is opened in this time.
const SECONDS: u64 = 40;
/// How long it is looked at what is drawn.
const LOOK_SECONDS: u64 = 20;
/// Seconds within which a line is to be drawn.
const TO_REACH: f64 = 0.15;

/// A picture with a new line in it.
#[derive(Deserialize)]
struct Picture {
    /// When, in milliseconds since the Unix epoch.
    at: f64,
    /// Number of the newest line in it.
    newest: u64,
    /// When that was written, as the page shows it, in microseconds.
    written: u64,
}

/// What the page tells.
#[derive(Deserialize)]
struct Told {
    pictures: Vec<Picture>,
    /// Pictures in all.
    drawn: u64,
    /// Memory of the page's script, in bytes.
    heap: u64,
}

/// One page, one job.
pub async fn measure(seed: u64) -> Result<Section> {
    let scene = Scene::start(1).await?;
    let emit = Emit { lines: RATE * SECONDS, rate: RATE, every_ms: EVERY_MS, seed, machine: 0 };
    let meter = scene.meter()?;
    let job = scene.begin(&json!({"argv": emit.argv()?}), 1, "durable").await?;
    let told = json!({
        "url": scene.host.ready.url, "setup_url": scene.host.ready.setup_url, "job": job, "seconds": LOOK_SECONDS,
    });
    let script = Script::start("line-latency.mjs", &told)?;
    let mut said = None;
    tokio::task::block_in_place(|| {
        script.serve(|asked| match asked["ask"].as_str() {
            Some("take") => {
                said = Some(asked.clone());
                Ok(json!({}))
            }
            _ => bail!("the script asked {asked}"),
        })
    })?;
    scene.ended(&job, Duration::from_secs(SECONDS)).await?;
    let sample = meter.read()?;
    let said: Value = said.context("the script told nothing")?;
    let told: Told = serde_json::from_value(said)?;
    let written = written(&scene, &job, emit).await?;
    let latencies = latencies(&told.pictures, &written)?;
    let (lines, latency) = (latencies.len(), Spread::new(latencies));
    let p99 = latency.percent(99.0);
    let rows = vec![Row::new(
        format!("written on a machine to drawn in Chromium, {RATE} lines/s"),
        latency.millis(),
        "< 150 ms p99",
        p99 < TO_REACH,
    )];
    let details = format!(
        "{} pictures in {LOOK_SECONDS} s, {} of them with newer lines; {lines} lines passed, at most {:.0} ms. The host held at most {} and took \
         {:.2} cores, sshd with the writer {:.2}; the page's script held {}.\n",
        told.drawn,
        told.pictures.len(),
        latency.percent(100.0) * 1e3,
        megabytes(sample.memory),
        sample.client_cpu / sample.wall,
        sample.sshd_cpu / sample.wall,
        megabytes(told.heap),
    );
    let about = format!(
        "A line counts as drawn with the first picture (`requestAnimationFrame`) that finds it or a newer one in the page. The machine writes \
         {} lines every {EVERY_MS} ms; mode `durable`, so before it is drawn each line was stored.",
        RATE * EVERY_MS / 1_000
    );
    Ok(Section { part: "browser", about, rows, details })
}

/// When each line was written, in microseconds; every one is compared.
async fn written(scene: &Scene, job: &str, emit: Emit) -> Result<Vec<u64>> {
    let (mut written, mut rest) = (Vec::new(), Vec::new());
    scene
        .export(job, &scene.vms[0], |piece| {
            rest.extend_from_slice(piece);
            let Some(whole) = rest.iter().rposition(|byte| *byte == b'\n') else { return Ok(()) };
            for line in rest[..whole].split(|byte| *byte == b'\n') {
                written.push(emit.check(written.len() as u64, line)?);
            }
            rest.drain(..=whole);
            Ok(())
        })
        .await?;
    ensure!(written.len() as u64 == emit.lines, "{} lines are stored of {}", written.len(), emit.lines);
    Ok(written)
}

/// Seconds from written to drawn of every line that passed. Of the first picture the newest line may have been there before.
fn latencies(pictures: &[Picture], written: &[u64]) -> Result<Vec<f64>> {
    let mut latencies = Vec::new();
    for (before, picture) in pictures.iter().zip(pictures.iter().skip(1)) {
        let stored =
            *written.get(usize::try_from(picture.newest)?).context("the page shows a line that there is not")?;
        ensure!(picture.newest > before.newest, "the page went back from line {}", before.newest);
        ensure!(stored == picture.written, "line {} on the page is not what is stored", picture.newest);
        for n in before.newest + 1..=picture.newest {
            latencies.push((picture.at * 1e3 - written[usize::try_from(n)?] as f64) / 1e6);
        }
    }
    let enough = usize::try_from(RATE * LOOK_SECONDS / 2)?;
    ensure!(latencies.len() >= enough, "only {} lines passed on the page", latencies.len());
    Ok(latencies)
}

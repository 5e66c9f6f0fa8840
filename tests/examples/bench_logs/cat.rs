//! One machine writes a file of some hundred megabytes: how fast it is stored while somebody looks, beside tools that store nothing.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use corral_tests::bench::page::megabytes;
use corral_tests::bench::table::{Row, Section, Spread};
use serde_json::json;

use crate::Wanted;
use crate::others::{self, Other};
use crate::scene::{Sample, Scene};
use crate::text::{Book, Text};
use crate::viewer::{Look, Seen, look};

/// Lines a second that one machine's output is to be stored at.
const TO_REACH: f64 = 1e6;
/// How long one run may take at most, beyond what any job may.
const LIMIT: Duration = Duration::from_mins(1);
/// What is to reach the figure; the other rows stand beside it.
const MAIN: [&str; 2] = ["corral, durable, a page follows", "corral, direct, a page follows"];
/// Part of the text that tools are given which are slow.
const SLOW_PART: u64 = 10;
const TAKES_ALL: &str = "corral, durable, a viewer takes every line";

struct Cat {
    scene: Scene,
    file: PathBuf,
    /// The beginning of the file, for tools that are slow.
    part: PathBuf,
    book: Arc<Book>,
    /// Lines that viewers were left out of, by run.
    seen: Vec<(&'static str, Seen)>,
}

/// All tools in turns, round by round.
pub async fn measure(wanted: &Wanted) -> Result<Section> {
    let scene = Scene::start(1).await?;
    let file = scene.scratch().join("cat.log");
    let text = Text::of_size(wanted.seed, wanted.megabytes * 1_000_000);
    println!("  writing {} lines", text.lines);
    text.write(&file)?;
    let book = Arc::new(Book::read(&file)?);
    ensure!(book.lines() == text.lines, "the file has {} lines", book.lines());
    let (others, missing) = others::installed();
    let part = scene.scratch().join("part.log");
    std::fs::write(&part, book.beginning(text.lines / SLOW_PART))?;
    let mut cat = Cat { scene, file, part, book, seen: Vec::new() };
    let mut samples: BTreeMap<&'static str, Vec<Sample>> = BTreeMap::new();
    for round in 1..=wanted.rounds {
        println!("  round {round} of {}", wanted.rounds);
        for (name, mode, look) in [
            (MAIN[0], "durable", Look::Follows),
            (MAIN[1], "direct", Look::Follows),
            (TAKES_ALL, "durable", Look::TakesAll),
        ] {
            samples.entry(name).or_default().push(cat.corral(name, mode, look).await?);
        }
        for other in &others {
            samples.entry(other.name).or_default().push(cat.other(other)?);
        }
    }
    Ok(cat.section(&samples, &others, &missing))
}

impl Cat {
    async fn corral(&mut self, name: &'static str, mode: &str, how: Look) -> Result<Sample> {
        let (scene, vm) = (&self.scene, self.scene.vms[0].clone());
        let file = self.file.to_str().context("the path is not UTF-8")?;
        let socket = scene.client.socket().await?;
        let meter = scene.meter()?;
        let job = scene.begin(&json!({"argv": ["cat", file]}), 1, mode).await?;
        let viewer = tokio::spawn(look(socket, job.clone(), vm.clone(), how, self.book.clone()));
        scene.ended(&job, LIMIT).await?;
        let sample = meter.read()?;
        let seen = viewer.await??;
        ensure!(seen.lines + seen.skipped == self.book.lines(), "the viewer knows of {seen:?}");
        ensure!(how == Look::Follows || seen.skipped == 0, "lines were left out: {seen:?}");
        scene.compare(&job, &vm, self.book.bytes()).await?;
        println!("    {name}: {:.2} s, {:.0} lines/s", sample.wall, self.book.lines() as f64 / sample.wall);
        self.seen.push((name, seen));
        Ok(sample)
    }

    fn other(&self, other: &Other) -> Result<Sample> {
        let (file, lines) =
            if other.is_slow() { (&self.part, self.book.lines() / SLOW_PART) } else { (&self.file, self.book.lines()) };
        let sample = other.cat(&self.scene.machines, file, self.book.beginning(lines))?;
        println!("    {}: {:.2} s", other.name, sample.wall);
        Ok(sample)
    }

    fn section(
        &self,
        samples: &BTreeMap<&'static str, Vec<Sample>>,
        others: &[Other],
        missing: &[(&'static str, &'static str)],
    ) -> Section {
        let size = |part: u64| {
            let lines = self.book.lines() / part;
            (lines as f64, self.book.beginning(lines).len() as f64)
        };
        let (lines, bytes) = size(1);
        let mut rows = Vec::new();
        for name in MAIN {
            let wall = Spread::new(samples[name].iter().map(|sample| sample.wall));
            let rate = lines / wall.median();
            let measured = format!("{:.2} M lines/s ({:.0} MB/s)", rate / 1e6, bytes / 1e6 / wall.median());
            rows.push(Row::new(name, measured, "≥ 1 M lines/s", rate >= TO_REACH));
        }
        let mut details = "| tool | MB | seconds, median (min–max) | M lines/s | MB/s | client CPU, s | sshd CPU, s | client memory |\n\
                           |---|---|---|---|---|---|---|---|\n"
            .to_owned();
        let ours = MAIN.into_iter().chain([TAKES_ALL]).map(|name| (name, size(1)));
        let theirs = others.iter().map(|other| (other.name, size(if other.is_slow() { SLOW_PART } else { 1 })));
        for (name, (lines, bytes)) in ours.chain(theirs) {
            let of = |figure: fn(&Sample) -> f64| Spread::new(samples[name].iter().map(figure));
            let wall = of(|sample| sample.wall);
            let _ = writeln!(
                details,
                "| {name} | {:.0} | {} | {:.2} | {:.0} | {} | {} | {} |",
                bytes / 1e6,
                wall.text(),
                lines / wall.median() / 1e6,
                bytes / wall.median() / 1e6,
                of(|sample| sample.client_cpu).text(),
                of(|sample| sample.sshd_cpu).text(),
                megabytes(samples[name].iter().map(|sample| sample.memory).max().unwrap_or_default()),
            );
        }
        details.push('\n');
        for other in others {
            let _ = write!(details, "{} is {}. ", other.name, other.version);
        }
        for (tool, install) in missing {
            let _ = write!(details, "Not installed: {tool} ({install}). ");
        }
        let shares = |name: &str| {
            let all = self.seen.iter().filter(|(run, _)| *run == name);
            Spread::new(all.map(|(_, seen)| seen.lines as f64 * 100.0 / lines)).median()
        };
        let _ = writeln!(
            details,
            "Of the lines the page that follows was sent {:.0} % (durable) and {:.0} % (direct) and told of the others; all that came \
             was compared.",
            shares(MAIN[0]),
            shares(MAIN[1])
        );
        let about = format!(
            "{:.1} MB in {lines:.0} lines. After each run what is stored was read back and was the file, byte for byte.",
            bytes / 1e6
        );
        Section { part: "cat", about, rows, details }
    }
}

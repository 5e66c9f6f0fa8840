//! Searching a long log: raw text a second and core, beside `rg` on the same text in a file.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use corral_tests::bench::page::megabytes;
use corral_tests::bench::process;
use corral_tests::bench::table::{Row, Section, Spread};
use reqwest::{Method, Url};
use serde_json::Value;

use crate::archive::Archive;
use crate::others;
use crate::text::{NEEDLE, NEEDLES};

/// Bytes a second that one core is to search for a literal.
const TO_REACH: f64 = 1e9;
const LIMIT: Duration = Duration::from_mins(5);
/// More hits than any pattern here has.
const HITS_MAX: u32 = 100_000;

struct Pattern {
    name: &'static str,
    text: &'static str,
    regex: bool,
    /// Lines that it finds, where they are known beforehand.
    hits: Option<u64>,
    /// It is to reach the figure.
    is_aim: bool,
}

const PATTERNS: [Pattern; 4] = [
    Pattern { name: "a literal in ten lines", text: NEEDLE, regex: false, hits: Some(NEEDLES), is_aim: true },
    Pattern { name: "a literal in no line", text: "no such words", regex: false, hits: Some(0), is_aim: true },
    Pattern {
        name: "an expression with a literal in it",
        text: "quor[a-z]m lost",
        regex: true,
        hits: Some(NEEDLES),
        is_aim: false,
    },
    Pattern {
        name: "an expression without one",
        text: "took=9[0-9]9ms trace=[0-9a-f]{6}00",
        regex: true,
        hits: None,
        is_aim: false,
    },
];

/// What one search took.
#[derive(Clone, Copy)]
struct Took {
    wall: f64,
    cpu: f64,
    memory: u64,
    hits: u64,
}

/// The tools beside it.
struct Rg {
    rg: Option<PathBuf>,
    zstdcat: Option<PathBuf>,
    file: PathBuf,
    packed: PathBuf,
}

/// Each pattern in each way, in turns.
pub async fn measure(archive: &Archive, rounds: usize) -> Result<Section> {
    let tools = Rg::find(archive)?;
    let mut rows = Vec::new();
    let mut details = "| | tool | seconds, median (min–max) | CPU, s | GB/s a core | lines found | memory |\n|---|---|---|---|---|---|---|\n"
        .to_owned();
    for pattern in &PATTERNS {
        println!("  {}", pattern.name);
        let mut took: [Vec<Took>; 3] = Default::default();
        for _ in 0..rounds {
            took[0].push(corral(archive, pattern).await?);
            took[1].extend(tools.plain(pattern)?);
            took[2].extend(tools.unpacked(pattern)?);
        }
        let hits = pattern.hits.unwrap_or(took[1].first().map_or(took[0][0].hits, |rg| rg.hits));
        for (tool, took) in ["corral", "rg, the text in a file", "zstdcat \\| rg"].into_iter().zip(&took) {
            if took.is_empty() {
                continue;
            }
            ensure!(took.iter().all(|took| took.hits == hits), "{tool} did not find {hits} lines: {}", pattern.name);
            let rate = archive.bytes as f64 / Spread::new(took.iter().map(|took| took.cpu)).median();
            let _ = writeln!(
                details,
                "| {} | {tool} | {} | {} | {:.2} | {hits} | {} |",
                pattern.name,
                Spread::new(took.iter().map(|took| took.wall)).text(),
                Spread::new(took.iter().map(|took| took.cpu)).text(),
                rate / 1e9,
                megabytes(took.iter().map(|took| took.memory).max().unwrap_or_default())
            );
            if tool == "corral" && pattern.is_aim {
                let measured = format!("{:.2} GB/s a core", rate / 1e9);
                rows.push(Row::new(pattern.name, measured, "≥ 1 GB/s a core", rate >= TO_REACH));
            }
        }
    }
    let _ = write!(details, "\n{}", first_hits(archive).await?);
    details.push_str(&tools.said());
    let about = format!(
        "{:.0} MB of text in {} lines, one stored log; the same text as a file, and that packed by `zstd -3`. Rates are of raw text by \
         processor time of all threads. The tools take turns; all find the same lines. Everything is in the page cache.",
        archive.bytes as f64 / 1e6,
        archive.long.text.lines
    );
    Ok(Section { part: "search", about, rows, details })
}

async fn corral(archive: &Archive, pattern: &Pattern) -> Result<Took> {
    let meter = archive.scene.meter()?;
    let (hits, _first) = found(archive, pattern.text, pattern.regex, HITS_MAX).await?;
    let sample = meter.read()?;
    for line in &hits {
        let n = line["n"].as_u64().context("a number")?;
        ensure!(line["text"].as_str().map(str::as_bytes) == Some(&*archive.long.text.one(n)), "line {n} is {line}");
        ensure!(pattern.text != NEEDLE || archive.long.text.is_needle(n), "line {n} is no needle");
    }
    Ok(Took { wall: sample.wall, cpu: sample.client_cpu, memory: sample.memory, hits: hits.len() as u64 })
}

/// Lines that a search found, and the seconds until the first of them was there. Without a limit that it reaches, all was searched.
async fn found(archive: &Archive, text: &str, regex: bool, limit: u32) -> Result<(Vec<Value>, f64)> {
    let query = [
        ("q", text.to_owned()),
        ("regex", regex.to_string()),
        ("job", archive.long.job.clone()),
        ("limit", limit.to_string()),
    ];
    let begun = Instant::now();
    let url = Url::parse_with_params("http://host/api/search/logs", query)?;
    let path = format!("{}?{}", url.path(), url.query().unwrap_or_default());
    let request = archive.scene.client.request(Method::GET, &path).timeout(LIMIT);
    let mut answer = request.send().await?.error_for_status()?;
    let (mut hits, mut first, mut rest, mut end) = (Vec::new(), None, Vec::new(), None);
    while let Some(piece) = answer.chunk().await? {
        rest.extend_from_slice(&piece);
        let Some(whole) = rest.iter().rposition(|byte| *byte == b'\n') else { continue };
        for line in rest[..whole].split(|byte| *byte == b'\n') {
            let mut message: Value = serde_json::from_slice(line)?;
            match message["type"].as_str() {
                Some("hit") => {
                    first.get_or_insert(begun.elapsed().as_secs_f64());
                    hits.push(message["line"].take());
                }
                Some("end") => end = Some(message),
                Some("progress") => {}
                _ => anyhow::bail!("the search said {message}"),
            }
        }
        rest.drain(..=whole);
    }
    let end = end.context("the search broke off")?;
    ensure!(end["error"].is_null(), "the search ended with {end}");
    if hits.len() < limit as usize {
        ensure!(end["lines"] == archive.long.text.lines, "not all was searched: {end}");
    }
    Ok((hits, first.unwrap_or_default()))
}

/// How long somebody waits for the first line.
async fn first_hits(archive: &Archive) -> Result<String> {
    const TIMES: usize = 20;
    let mut said = "Until the first line is there: ".to_owned();
    for (name, text) in [("of a word in every hundredth line", "status=503"), ("of the ten", NEEDLE)] {
        let mut times = Vec::new();
        for _ in 0..TIMES {
            let (hits, first) = found(archive, text, false, 1).await?;
            ensure!(hits.len() == 1, "nothing was found");
            times.push(first);
        }
        let _ = write!(said, "{name}, {}; ", Spread::new(times).millis());
    }
    said.push_str("the first of the ten stands after a twentieth of the text. ");
    Ok(said)
}

impl Rg {
    fn find(archive: &Archive) -> Result<Self> {
        let place = |name: &str| process::places(name).into_iter().next();
        let (file, packed) = (archive.file.clone(), archive.file.with_extension("log.zst"));
        let tools = Self { rg: place("rg"), zstdcat: place("zstdcat"), file, packed };
        if tools.zstdcat.is_some() {
            let mut zstd = Command::new("zstd");
            zstd.args(["-3", "-q", "-f", "-o"]).arg(&tools.packed).arg(&tools.file);
            process::run(zstd)?;
        }
        Ok(tools)
    }

    /// On the text as it is.
    fn plain(&self, pattern: &Pattern) -> Result<Option<Took>> {
        let Some(rg) = &self.rg else { return Ok(None) };
        once(format!("{} {}", words(rg, pattern), self.file.display())).map(Some)
    }

    /// On packed text, which is what is stored here too.
    fn unpacked(&self, pattern: &Pattern) -> Result<Option<Took>> {
        let (Some(rg), Some(zstdcat)) = (&self.rg, &self.zstdcat) else { return Ok(None) };
        once(format!("{} {} | {}", zstdcat.display(), self.packed.display(), words(rg, pattern))).map(Some)
    }

    fn said(&self) -> String {
        let version = |path: Option<&Path>| path.and_then(|path| others::version(path, "--version"));
        let mut said = String::new();
        for (name, path, install) in [("rg", &self.rg, "ripgrep"), ("zstdcat", &self.zstdcat, "zstd")] {
            let _ = match version(path.as_deref()) {
                Some(version) => write!(said, "{name} is {version}. "),
                None => write!(said, "Not installed: {name} (apt-get install {install}). "),
            };
        }
        said.trim_end().to_owned() + "\n"
    }
}

/// One thread, counting lines.
fn words(rg: &Path, pattern: &Pattern) -> String {
    let kind = if pattern.regex { "-e" } else { "-F -e" };
    format!("{} --no-config -j1 -c {kind} '{}'", rg.display(), pattern.text)
}

fn once(script: String) -> Result<Took> {
    let mut command = Command::new("sh");
    // rg ends with 1 when it finds nothing.
    command.args(["-c", &format!("{script} || [ $? = 1 ]")]);
    let ended = process::run(command)?;
    let said = ended.output.trim();
    // It says nothing of no lines.
    let hits = if said.is_empty() { 0 } else { said.parse().with_context(|| format!("rg said `{said}`"))? };
    Ok(Took { wall: ended.wall, cpu: ended.cpu, memory: ended.memory, hits })
}

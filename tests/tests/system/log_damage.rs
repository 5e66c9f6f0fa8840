//! A byte of a stored chunk is flipped below a running host, or a chunk is gone.

use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use corral_tests::client::{Client, Incoming};
use corral_tests::faults::random::Random;
use corral_tests::host::Site;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Connection;

use crate::day_file::{day_file, in_the_file, open};
use crate::numbered::Numbered;
use crate::{LONG, SOON, shared};

const LINES: u64 = 40_000;
/// Bytes by which a place in a chunk is found in the file.
const WINDOW: usize = 48;

/// A log of which one chunk is damaged.
struct Damaged {
    lines: Numbered,
    job: String,
    vm: String,
    first: u64,
    count: u64,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_costs_its_chunk_and_no_wrong_line_is_ever_served() -> Result<()> {
    let _machine = shared().await;
    let (lines, mut random) = Numbered::of_this_run("flipped byte");
    let site = Site::new()?;
    let mut host = site.start()?;
    let mut client = site.client(&host)?;
    let vm = client.add_vm(&json!({"name": "here", "transport": "local"})).await?;
    let job = client.run(&lines.counted(LINES), std::slice::from_ref(&vm)).await?;
    let done = client.finished(&job, LONG).await?;
    ensure!(done["status"] == "succeeded" && done["tasks"][0]["lines"] == LINES, "{done}");
    // Stopped, so that all of it is in the file and nothing in memory; flipped while the next one runs.
    host.stop()?;
    host = site.start()?;
    client = site.client(&host)?;
    let (first, count) = flip_a_byte(&day_file(&site, &job)?, &mut random).await?;
    let log = Damaged { lines, job, vm, first, count };
    log.is_served_around(&client).await.context("while the host runs")?;
    doctor_names(&site, &log, 1)?;
    let refused = doctor(&site, &["--repair"])?;
    ensure!(refused.0 != 0 && refused.1.is_null(), "a running host's files are not repaired: {refused:?}");

    host.kill_9()?;
    host = site.start()?;
    client = site.client(&host)?;
    log.is_served_around(&client).await.context("after a restart")?;

    host.stop()?;
    let (code, report) = doctor(&site, &["--repair"])?;
    ensure!(code == 0 && report[0]["repaired"] == true, "{code}: {report}");
    let copy = report[0]["copied_to"].as_str().context("as it was it is kept")?;
    ensure!(Path::new(copy).is_file(), "{copy}");
    let (code, report) = doctor(&site, &[])?;
    ensure!(code == 0 && report[0]["findings"] == 0 && report[0]["marked_lines"] == count, "{code}: {report}");
    let host = site.start()?;
    let client = site.client(&host)?;
    log.is_served_around(&client).await.context("after a repair")?;
    // The file takes new logs.
    let job = client.run("echo later", std::slice::from_ref(&log.vm)).await?;
    client.finished(&job, SOON).await?;
    ensure!(client.texts(&job, &log.vm).await? == ["later"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_that_are_gone_are_told_by_every_reader() -> Result<()> {
    let _machine = shared().await;
    let (lines, mut random) = Numbered::of_this_run("missing chunks");
    let site = Site::new()?;
    let mut host = site.start()?;
    let client = site.client(&host)?;
    let vm = client.add_vm(&json!({"name": "here", "transport": "local"})).await?;
    let mut jobs = Vec::new();
    for _ in 0..2 {
        let job = client.run(&lines.counted(LINES), std::slice::from_ref(&vm)).await?;
        client.finished(&job, LONG).await?;
        jobs.push(job);
    }
    // Nothing of them is in memory of the next host.
    host.stop()?;
    let host = site.start()?;
    let client = site.client(&host)?;
    for (job, last) in jobs.into_iter().zip([false, true]) {
        let mut conn = open(&day_file(&site, &job)?).await?;
        let query = "SELECT c.id, first_line, n_lines FROM log_chunk c JOIN log_stream s ON s.id = c.stream
                     WHERE lower(hex(s.job)) = ? ORDER BY first_line";
        let chunks: Vec<(i64, i64, i64)> = sqlx::query_as(query).bind(in_the_file(&job)).fetch_all(&mut conn).await?;
        ensure!(chunks.len() >= 3, "{} chunks", chunks.len());
        let at = if last { chunks.len() - 1 } else { random.between(0, chunks.len() as u64 - 2) as usize };
        let (id, first, count) = chunks[at];
        sqlx::query("DELETE FROM log_chunk WHERE id = ?").bind(id).execute(&mut conn).await?;
        conn.close().await?;
        let log = Damaged { lines, job, vm: vm.clone(), first: first as u64, count: count as u64 };
        log.is_served_around(&client).await.with_context(|| format!("without the lines from {first} on"))?;
    }
    Ok(())
}

/// Flips a bit of a chunk that is neither the first nor the last, in the file itself; the chunk's first line and how many it has.
async fn flip_a_byte(file: &Path, random: &mut Random) -> Result<(u64, u64)> {
    let mut conn = open(file).await?;
    let query = sqlx::query_as("SELECT first_line, n_lines, data FROM log_chunk ORDER BY first_line");
    let chunks: Vec<(i64, i64, Vec<u8>)> = query.fetch_all(&mut conn).await?;
    conn.close().await?;
    ensure!(chunks.len() >= 3, "{} chunks", chunks.len());
    let (first, count, data) = &chunks[random.between(1, chunks.len() as u64 - 2) as usize];
    let bytes = std::fs::read(file)?;
    // Pages cut a chunk into pieces; most places lie within one.
    let (within, at) = (0..100)
        .find_map(|_| {
            let within = random.between(0, (data.len() - WINDOW) as u64) as usize;
            let wanted = &data[within..within + WINDOW];
            bytes.windows(WINDOW).position(|window| window == wanted).map(|at| (within, at))
        })
        .context("the chunk is in the file")?;
    println!("the chunk from line {first} on is hit at its byte {within}, byte {at} of the file");
    let at = at + WINDOW / 2;
    std::fs::File::options().write(true).open(file)?.write_all_at(&[bytes[at] ^ 0x10], at as u64)?;
    Ok((*first as u64, *count as u64))
}

/// How `corral doctor --logs` ends, and what it says.
fn doctor(site: &Site, more: &[&str]) -> Result<(i32, Value)> {
    let data = site.data().display().to_string();
    let out = site.corral(&[&["doctor", "--logs", "--json", "--data", &data], more].concat())?.output()?;
    let said = serde_json::from_slice(&out.stdout).unwrap_or_default();
    Ok((out.status.code().context("it was killed")?, said))
}

fn doctor_names(site: &Site, log: &Damaged, findings: u64) -> Result<()> {
    let (code, report) = doctor(site, &[])?;
    let damage = &report[0]["damage"][0];
    ensure!(code == 1 && report[0]["findings"] == findings, "{code}: {report}");
    ensure!(damage["job_id"] == log.job && damage["vm_id"] == log.vm, "{damage}");
    ensure!(damage["first"] == log.first && damage["count"] == log.count, "{damage}");
    Ok(())
}

impl Damaged {
    async fn is_served_around(&self, client: &Client) -> Result<()> {
        self.by_windows(client).await.context("by windows")?;
        self.by_socket(client).await.context("by the socket")?;
        self.by_export(client).await.context("by export")?;
        self.by_search(client).await.context("by search")
    }

    fn run(&self) -> Value {
        json!({"first": self.first, "count": self.count})
    }

    async fn by_windows(&self, client: &Client) -> Result<()> {
        let log = format!("/api/jobs/{}/tasks/{}/log", self.job, self.vm);
        let (mut next, mut damaged) = (0, Vec::new());
        while next < LINES {
            let page = client.get(&format!("{log}?from={next}&count=4096")).await?.ok()?;
            self.check(next, page["lines"].as_array().context("lines")?)?;
            damaged.extend(page["damaged"].as_array().context("damaged")?.iter().cloned());
            let after = page["next"].as_u64().context("next")?;
            ensure!(after > next && page["total"] == LINES, "it goes no further than {next}");
            next = after;
        }
        ensure!(damaged == [self.run()], "{damaged:?}");
        // A window that begins within the damaged lines says so too.
        let within = self.first + self.count / 2;
        let page = client.get(&format!("{log}?from={within}&count=10")).await?.ok()?;
        let rest = json!([{"first": within, "count": self.first + self.count - within}]);
        ensure!(page["damaged"] == rest && page["lines"] == json!([]), "{page}");
        Ok(())
    }

    /// Lines of a page are those that were written, and none is in the damaged run.
    fn check(&self, first: u64, lines: &[Value]) -> Result<()> {
        let texts: Vec<_> = lines.iter().map(|line| line["text"].as_str().unwrap_or_default()).collect();
        self.lines.check(first, &texts)?;
        let numbers = lines.iter().filter_map(|line| line["n"].as_u64());
        ensure!(numbers.eq(first..first + lines.len() as u64), "lines from {first} on have other numbers");
        Ok(())
    }

    async fn by_socket(&self, client: &Client) -> Result<()> {
        let mut socket = client.socket().await?;
        socket.subscribe_log(1, &self.job, &self.vm).await?;
        let (mut next, mut damaged) = (0, 0);
        loop {
            match socket.next(LONG).await? {
                Incoming::Lines(frame) => {
                    ensure!(frame.first_line == next, "expected line {next}, got {}", frame.first_line);
                    self.lines.check(next, &frame.texts)?;
                    next += frame.texts.len() as u64;
                }
                Incoming::Control(message) if message["t"] == "damaged" => {
                    ensure!(
                        next == self.first && message["first"] == next && message["count"] == self.count,
                        "{message}"
                    );
                    next += self.count;
                    damaged += 1;
                }
                Incoming::Control(message) if message["t"] == "end" => {
                    ensure!(message["total"] == LINES && next == LINES && damaged == 1, "{message}, at {next}");
                    return Ok(());
                }
                other => bail!("{other:?}"),
            }
        }
    }

    async fn by_export(&self, client: &Client) -> Result<()> {
        let path = format!("/api/jobs/{}/tasks/{}/log/export", self.job, self.vm);
        let got = client.request(Method::GET, &path).send().await?.error_for_status()?.bytes().await?;
        let note = format!("[corral: lines {} to {} are damaged on disk]\n", self.first + 1, self.first + self.count);
        let all = self.lines.text(LINES);
        let behind = self.lines.text(self.first + self.count).len();
        let wanted = [&all[..self.lines.text(self.first).len()], note.as_bytes(), &all[behind..]].concat();
        ensure!(got == wanted, "{} bytes came, not these {}", got.len(), wanted.len());
        let got = client.request(Method::GET, &format!("{path}?format=ndjson")).send().await?.text().await?;
        let got = got.lines().map(|line| Ok(serde_json::from_str(line)?)).collect::<Result<Vec<Value>>>()?;
        let damaged: Vec<_> = got.iter().filter(|line| !line["damaged"].is_null()).collect();
        ensure!(damaged == [&json!({"damaged": self.run()})], "{damaged:?}");
        self.check(0, &got[..self.first as usize])?;
        self.check(self.first + self.count, &got[self.first as usize + 1..])
    }

    async fn by_search(&self, client: &Client) -> Result<()> {
        let path = format!("/api/search/logs?limit=100000&regex=true&q=%5E%5B0-9%5D*99%20&job={}", self.job);
        let found = client.request(Method::GET, &path).send().await?.error_for_status()?.text().await?;
        let found = found.lines().map(|line| Ok(serde_json::from_str(line)?)).collect::<Result<Vec<Value>>>()?;
        let of = |kind: &str| found.iter().filter(|message| message["type"] == kind).collect::<Vec<_>>();
        let numbers: Vec<_> = of("hit").iter().filter_map(|hit| hit["line"]["n"].as_u64()).collect();
        let lost = self.first..self.first + self.count;
        let wanted: Vec<_> = (0..LINES).filter(|n| n % 100 == 99 && !lost.contains(n)).collect();
        ensure!(numbers == wanted, "{} hits, not {}", numbers.len(), wanted.len());
        for hit in of("hit") {
            self.check(hit["line"]["n"].as_u64().context("a number")?, std::slice::from_ref(&hit["line"]))?;
        }
        let damaged = of("damaged");
        ensure!(
            damaged.len() == 1 && damaged[0]["first"] == self.first && damaged[0]["count"] == self.count,
            "{damaged:?}"
        );
        ensure!(of("end").len() == 1 && of("end")[0]["error"].is_null(), "{:?}", of("end"));
        Ok(())
    }
}

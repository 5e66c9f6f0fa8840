//! Lines that are no text: they are kept byte for byte, and come back so in every form in which output is given away.

use anyhow::{Context, Result, bail, ensure};
use corral_domain::OutputStream;
use corral_tests::client::{Client, Incoming};
use corral_tests::faults::random::{Random, seed_of_this_run};
use corral_tests::faults::workload::Outputs;
use corral_tests::fleet::Fleet;
use corral_tests::host::Site;
use reqwest::Method;
use serde_json::json;

use crate::exported::{PACKINGS, files_of, outputs_of, unpacked};
use crate::{LONG, shared};

const MODES: [&str; 2] = ["durable", "direct"];
/// Pieces of each output, written in turns.
const PIECES: usize = 40;
const PIECE_BYTES: u64 = 6_000;
/// Longer than any line that is stored in one part.
const LONG_BYTES: u64 = 300_000;
/// What makes lines odd: no UTF-8, halves of characters, NUL, carriage returns, escape sequences, ends.
const ODD: [&[u8]; 14] = [
    b"\n",
    b"\n",
    b"\n\n\n",
    b"\r\n",
    b"\r",
    b"\0",
    b"\xff\xfe",
    b"\xc3",
    b"\xe2\x82",
    b"\xe2\x82\xac",
    b"\x1b[31mred\x1b[0m",
    b"\x1b]52;c;aGk=\x07",
    b"plain words ",
    b"\t\x7f\x80",
];
/// What the host may hold of memory, whatever is written to it.
const MEMORY_BYTES: u64 = 400 * 1024 * 1024;
const EMPTY_LINES: u64 = 1_000_000;

/// A piece of output. It ends anywhere.
fn piece(random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    let length = if random.chance(4) { LONG_BYTES } else { random.between(0, PIECE_BYTES) };
    if length == LONG_BYTES {
        bytes.resize(LONG_BYTES as usize, b'x');
    }
    while (bytes.len() as u64) < length {
        bytes.extend_from_slice(ODD[random.between(0, ODD.len() as u64 - 1) as usize]);
        let any = random.number();
        bytes.extend_from_slice(&any.to_le_bytes()[..(any % 3) as usize]);
    }
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_both_outputs_hold_comes_back_byte_for_byte_in_every_form() -> Result<()> {
    let _machine = shared().await;
    let seed = seed_of_this_run();
    println!("odd lines: CORRAL_SEED={seed}");
    let mut random = Random::new(seed);
    let fleet = Fleet::start(1).await?;
    let site = Site::new()?;
    let host = site.start()?;
    let client = site.client(&host)?;
    let vms = fleet.add_all(&client).await?;
    let pieces = site.dir("pieces")?;
    let mut wanted = Outputs::default();
    for at in 0..PIECES {
        for (name, stream) in [("out", OutputStream::Stdout), ("err", OutputStream::Stderr)] {
            let mut bytes = piece(&mut random);
            if at == PIECES - 1 {
                bytes.extend_from_slice(b"no newline \xff");
            }
            std::fs::write(pieces.join(format!("{name}-{at:02}")), &bytes)?;
            wanted.of(stream).extend_from_slice(&bytes);
        }
    }
    let folder = pieces.display();
    let script = format!("cd {folder}; for out in out-*; do cat \"$out\"; cat \"err-${{out#out-}}\" >&2; done");
    for mode in MODES {
        let request = json!({"command": {"script": script}, "targets": {"vms": vms}, "mode": mode});
        let job = client.start_job(&request).await?;
        let done = client.finished(&job, LONG).await?;
        ensure!(done["status"] == "succeeded" && done["mode"] == mode, "{done}");
        let log = Log { client: &client, job: &job, vm: &vms[0] };
        log.is(&wanted).await.with_context(|| format!("in mode {mode}"))?;
    }
    Ok(())
}

/// The log of one task.
struct Log<'a> {
    client: &'a Client,
    job: &'a str,
    vm: &'a str,
}

impl Log<'_> {
    async fn body(&self, path: &str) -> Result<Vec<u8>> {
        let path = format!("/api/jobs/{}/{path}", self.job);
        Ok(self.client.request(Method::GET, &path).send().await?.error_for_status()?.bytes().await?.to_vec())
    }

    /// Fails unless both outputs come back as they were written, in every form.
    async fn is(&self, wanted: &Outputs) -> Result<()> {
        let log = format!("tasks/{}/log", self.vm);
        let (outputs, text) = outputs_of(&self.body(&format!("{log}?format=ndjson")).await?)?;
        ensure!(outputs == *wanted, "as NDJSON it has other bytes");
        ensure!(self.body(&format!("{log}?format=text")).await? == text, "as text it has other bytes than as NDJSON");
        for packing in PACKINGS {
            let export = async |format: &str| {
                let body = self.body(&format!("{log}/export?format={format}&compress={packing}")).await?;
                unpacked(&body, packing)
            };
            ensure!(export("text").await? == text, "exported as text and {packing}");
            ensure!(
                outputs_of(&export("ndjson").await?)? == (wanted.clone(), text.clone()),
                "exported as NDJSON and {packing}"
            );
            let archive = async |format: &str| {
                let body = self.body(&format!("export?format={format}&compress={packing}")).await?;
                let mut files = files_of(&unpacked(&body, packing)?)?;
                ensure!(files.remove("job.json").is_some() && files.len() == 1, "{:?}", files.keys());
                files.into_values().next().context("a log")
            };
            ensure!(archive("text").await? == text, "in an archive as text and {packing}");
            ensure!(outputs_of(&archive("ndjson").await?)?.0 == *wanted, "in an archive as NDJSON and {packing}");
        }
        ensure!(self.by_socket().await? == *wanted, "over the socket it has other bytes");
        Ok(())
    }

    /// Both outputs as the socket gives them.
    async fn by_socket(&self) -> Result<Outputs> {
        const STDERR: u8 = 1;
        const PARTIAL: u8 = 2;
        let mut socket = self.client.socket().await?;
        socket.subscribe_log(1, self.job, self.vm).await?;
        let mut outputs = Outputs::default();
        loop {
            match socket.next(LONG).await? {
                Incoming::Lines(frame) => {
                    for (text, flags) in frame.texts.iter().zip(frame.flags) {
                        let stream = if flags & STDERR == 0 { OutputStream::Stdout } else { OutputStream::Stderr };
                        let output = outputs.of(stream);
                        output.extend_from_slice(text);
                        if flags & PARTIAL == 0 {
                            output.push(b'\n');
                        }
                    }
                }
                Incoming::Control(message) if message["t"] == "end" => return Ok(outputs),
                other => bail!("{other:?}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_million_empty_lines_are_a_million_lines() -> Result<()> {
    let _machine = shared().await;
    let fleet = Fleet::start(1).await?;
    let site = Site::new()?;
    let host = site.start()?;
    let client = site.client(&host)?;
    let vms = fleet.add_all(&client).await?;
    let script = format!("yes '' | head -n {EMPTY_LINES}; printf end");
    for mode in MODES {
        let request = json!({"command": {"script": script}, "targets": {"vms": vms}, "mode": mode});
        let job = client.start_job(&request).await?;
        let done = client.finished(&job, LONG).await?;
        ensure!(done["status"] == "succeeded" && done["tasks"][0]["lines"] == EMPTY_LINES + 1, "{done}");
        let log = Log { client: &client, job: &job, vm: &vms[0] };
        let text = log.body(&format!("tasks/{}/log/export", vms[0])).await?;
        let newlines = text.strip_suffix(b"end").context("the last line has no newline")?;
        ensure!(
            newlines.len() as u64 == EMPTY_LINES && newlines.iter().all(|byte| *byte == b'\n'),
            "{}",
            newlines.len()
        );
        for from in [0, EMPTY_LINES / 2, EMPTY_LINES - 9] {
            let page = client.get(&format!("/api/jobs/{job}/tasks/{}/log?from={from}&count=10", vms[0])).await?.ok()?;
            let lines = page["lines"].as_array().context("lines")?;
            let last = if from + 10 > EMPTY_LINES { "end" } else { "" };
            ensure!(lines.len() == 10 && lines[..9].iter().all(|line| line["text"] == ""), "{page}");
            ensure!(lines[9]["text"] == last && lines[9]["n"] == from + 9, "{page}");
        }
        ensure!(host.resident_bytes()? < MEMORY_BYTES, "the host holds {} bytes", host.resident_bytes()?);
    }
    Ok(())
}

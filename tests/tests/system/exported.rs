//! Files that the host gave away, unpacked as whoever gets them would.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use corral_domain::OutputStream;
use corral_tests::faults::workload::Outputs;
use serde_json::Value;

/// Ways of compressing, as they are asked for.
pub const PACKINGS: [&str; 3] = ["none", "gzip", "zstd"];

/// What is in a body that was compressed in one of them.
pub fn unpacked(body: &[u8], packing: &str) -> Result<Vec<u8>> {
    let mut plain = Vec::new();
    match packing {
        "gzip" => flate2::read::GzDecoder::new(body).read_to_end(&mut plain)?,
        "zstd" => zstd::stream::read::Decoder::new(body)?.read_to_end(&mut plain)?,
        _ => return Ok(body.to_vec()),
    };
    Ok(plain)
}

/// The files of an archive, by their names in its one folder, unpacked by `tar`.
pub fn files_of(archive: &[u8]) -> Result<BTreeMap<String, Vec<u8>>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("archive");
    let to = folder.path().join("unpacked");
    std::fs::write(&file, archive)?;
    std::fs::create_dir(&to)?;
    let out = Command::new("tar").arg("-xf").arg(&file).arg("-C").arg(&to).output().context("starting tar")?;
    ensure!(out.status.success() && out.stderr.is_empty(), "tar: {}", String::from_utf8_lossy(&out.stderr));
    let tops = std::fs::read_dir(&to)?.collect::<std::io::Result<Vec<_>>>()?;
    ensure!(tops.len() == 1, "an archive has one folder");
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(tops[0].path())? {
        let entry = entry?;
        files.insert(entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path())?);
    }
    Ok(files)
}

/// What lines of NDJSON hold: each output byte for byte, and both as they stand in a text.
pub fn outputs_of(ndjson: &[u8]) -> Result<(Outputs, Vec<u8>)> {
    let (mut outputs, mut text) = (Outputs::default(), Vec::new());
    let lines = ndjson.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    for (n, line) in lines.enumerate() {
        let line: Value = serde_json::from_slice(line)?;
        ensure!(line["n"] == n, "expected line {n}, got {line}");
        let shown = line["text"].as_str().context("a line has a text")?;
        let mut bytes = match line["base64"].as_str() {
            Some(base64) => BASE64.decode(base64)?,
            None => shown.as_bytes().to_vec(),
        };
        ensure!(String::from_utf8_lossy(&bytes) == shown, "line {n} is shown as something else: {line}");
        if line["partial"] != true {
            bytes.push(b'\n');
        }
        let stream = if line["stream"] == "stderr" { OutputStream::Stderr } else { OutputStream::Stdout };
        outputs.of(stream).extend_from_slice(&bytes);
        text.extend_from_slice(&bytes);
    }
    Ok((outputs, text))
}

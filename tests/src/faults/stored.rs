//! What the host stored of a command's output, taken apart into the two outputs again, byte for byte.

use anyhow::{Context, Result, ensure};
use corral_domain::OutputStream;
use reqwest::Method;
use serde_json::Value;

use super::workload::Outputs;
use crate::client::Client;

/// Bytes of a line after which it is stored in parts, as `docs/api.md` has it.
pub const PART_BYTES: usize = 128 * 1024;

/// Reads a task's whole log over HTTP; what was written, and in how many lines it is stored.
///
/// As text it has the bytes and not whose they are, as NDJSON it has whose they are and not the bytes: together both.
pub async fn stored(client: &Client, job: &str, vm: &str) -> Result<(Outputs, u64)> {
    let path = format!("/api/jobs/{job}/tasks/{vm}/log");
    let lines = body(client, &format!("{path}?format=ndjson")).await?;
    let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let lines = lines.map(|line| Ok(serde_json::from_slice(line)?)).collect::<Result<Vec<Value>>>()?;
    let text = body(client, &format!("{path}?format=text&count={}", lines.len().max(1))).await?;
    Ok((take_apart(&lines, &text)?, lines.len() as u64))
}

async fn body(client: &Client, path: &str) -> Result<Vec<u8>> {
    let response = client.request(Method::GET, path).send().await?.error_for_status()?;
    Ok(response.bytes().await.with_context(|| format!("reading {path}"))?.to_vec())
}

fn take_apart(lines: &[Value], text: &[u8]) -> Result<Outputs> {
    let mut outputs = Outputs::default();
    let mut rest = text;
    for (at, line) in lines.iter().enumerate() {
        ensure!(line["n"].as_u64() == Some(at as u64), "expected line {at}, got {line}");
        ensure!(line["changed_by"].as_array().is_none_or(Vec::is_empty), "a filter changed {line}");
        let stream = match line["stream"].as_str() {
            Some("stdout") => OutputStream::Stdout,
            Some("stderr") => OutputStream::Stderr,
            _ => anyhow::bail!("no stream in {line}"),
        };
        let shown = line["text"].as_str().context("a line has a text")?;
        let length = if line["partial"] == true {
            bytes_of(shown, rest)
        } else {
            let end = rest.iter().position(|byte| *byte == b'\n').context("the text ends before its lines do")?;
            end + 1
        };
        let (this, later) = rest.split_at_checked(length).context("the text ends before its lines do")?;
        let whole = String::from_utf8_lossy(this.strip_suffix(b"\n").unwrap_or(this));
        ensure!(whole == shown, "line {at} is not the same as text and as JSON: {whole:?} and {shown:?}");
        outputs.of(stream).extend_from_slice(this);
        rest = later;
    }
    ensure!(rest.is_empty(), "{} bytes of text belong to no line", rest.len());
    Ok(outputs)
}

/// How many of these bytes make a text in which what is no UTF-8 was replaced.
fn bytes_of(shown: &str, bytes: &[u8]) -> usize {
    // A part may end within a character whose rest is in the next one.
    if bytes.get(..PART_BYTES).is_some_and(|part| String::from_utf8_lossy(part) == shown) {
        return PART_BYTES;
    }
    let (mut length, mut shown_length) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        let room = shown.len() - shown_length;
        if chunk.valid().len() >= room {
            return length + room;
        }
        length += chunk.valid().len() + chunk.invalid().len();
        shown_length += chunk.valid().len() + char::REPLACEMENT_CHARACTER.len_utf8();
        if shown_length >= shown.len() {
            return length;
        }
    }
    length
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(n: usize, stream: &str, text: &str, partial: bool) -> Value {
        json!({"n": n, "stream": stream, "text": text, "partial": partial, "changed_by": []})
    }

    #[test]
    fn both_outputs_get_their_own_bytes_back() {
        let lines = [
            line(0, "stdout", "a\u{fffd}", false),
            line(1, "stderr", "\u{fffd}no end\u{fffd}", true),
            line(2, "stdout", "b", false),
        ];
        let outputs = take_apart(&lines, b"a\xff\n\x80no end\xe2\x82b\n").unwrap();
        assert_eq!(outputs.stdout, b"a\xff\nb\n");
        assert_eq!(outputs.stderr, b"\x80no end\xe2\x82");
    }

    #[test]
    fn a_part_that_ends_within_a_character_has_its_own_bytes_and_no_more() {
        let mut text = vec![b'x'; PART_BYTES - 1];
        text.push(0xc3);
        let shown = String::from_utf8_lossy(&text).into_owned();
        text.extend_from_slice(b"\x82 rest\n");
        let lines = [line(0, "stdout", &shown, true), line(1, "stdout", "\u{fffd} rest", false)];
        assert_eq!(take_apart(&lines, &text).unwrap().stdout, text);
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let one = [line(0, "stdout", "a", false)];
        assert!(take_apart(&one, b"a\nb\n").is_err(), "a line too many");
        assert!(take_apart(&one, b"b\n").is_err(), "another line");
        assert!(take_apart(&one, b"").is_err(), "no text");
        assert!(take_apart(&[line(1, "stdout", "a", false)], b"a\n").is_err(), "a gap in the numbers");
    }
}

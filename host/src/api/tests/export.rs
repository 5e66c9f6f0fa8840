//! Output taken away as files.

use std::io::Read as _;

use corral_domain::{Lines, OutputStream, TaskKey};
use serde_json::{Value, json};

use super::Host;
use super::search::{add, line};

const RED: &[u8] = b"\x1b[31mred\xff\x1b[0m";

/// A job of 9,000 lines with one of odd bytes behind them.
async fn job(host: &Host) -> (String, String) {
    let vm = host.vm("web-1").await;
    let job = host.run("lines 9000", &[&vm]).await;
    host.finished(&job).await;
    let mut lines = Lines::default();
    line(&mut lines, OutputStream::Stderr, RED, &[("level", "error")]);
    add(host, TaskKey { job: job.parse().unwrap(), vm: vm.parse().unwrap() }, &lines, false).await;
    (job, vm)
}

fn expected(last: &[u8]) -> Vec<u8> {
    let lines = (0..9_000).flat_map(|n| format!("line {n}\n").into_bytes());
    lines.chain(last.iter().copied()).chain([b'\n']).collect()
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut plain).unwrap();
    plain
}

#[tokio::test]
async fn a_log_is_exported_byte_for_byte_plain_and_compressed() {
    let host = Host::start().await;
    let (job, vm) = job(&host).await;
    let path = format!("/api/jobs/{job}/tasks/{vm}/log/export");
    let name = |end: &str| format!("attachment; filename=\"corral-{job}-web-1{end}\"");
    let plain = host.get(&path).await;
    assert_eq!(plain.body, expected(RED));
    assert_eq!(plain.header("content-disposition"), name(".log"));
    assert!(plain.header("content-type").starts_with("text/plain"));
    let gzip = host.get(&format!("{path}?compress=gzip")).await;
    assert_eq!(gunzip(&gzip.body), expected(RED));
    assert_eq!(gzip.header("content-disposition"), name(".log.gz"));
    assert_eq!((gzip.header("content-type"), gzip.header("content-encoding")), ("application/gzip", ""));
    let zstd = host.get(&format!("{path}?compress=zstd&ansi=strip")).await;
    assert_eq!(zstd::decode_all(&zstd.body[..]).unwrap(), expected(b"red\xff"));
    assert_eq!(zstd.header("content-disposition"), name(".log.zst"));
}

#[tokio::test]
async fn ndjson_has_number_time_output_annotations_and_the_bytes_that_are_no_text() {
    let host = Host::start().await;
    let (job, vm) = job(&host).await;
    let answer = host.get(&format!("/api/jobs/{job}/tasks/{vm}/log/export?format=ndjson&ansi=strip")).await;
    assert!(answer.header("content-disposition").ends_with("-web-1.ndjson\""));
    let lines: Vec<Value> = answer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 9_001);
    assert!(lines.iter().enumerate().all(|(n, line)| line["n"] == n));
    assert_eq!((&lines[7]["text"], &lines[7]["stream"]), (&json!("line 7"), &json!("stdout")));
    assert!(lines[7].get("base64").is_none());
    let last = &lines[9_000];
    assert_eq!((&last["text"], &last["stream"]), (&json!("red\u{fffd}"), &json!("stderr")));
    assert_eq!(last["annotations"], json!({"level": "error"}));
    assert_eq!(last["at"], "2027-01-15T08:00:00.000Z");
    assert_eq!(last["base64"], "cmVk/w==");
}

#[tokio::test]
async fn what_is_damaged_is_said_in_the_file_and_the_rest_is_there() {
    let host = Host::start().await;
    let (job, vm) = job(&host).await;
    let key = TaskKey { job: job.parse().unwrap(), vm: vm.parse().unwrap() };
    let mut lines = Lines::default();
    for _ in 0..3 {
        line(&mut lines, OutputStream::Stdout, b"lost", &[]);
    }
    add(&host, key, &lines, true).await;
    add(&host, key, &lines, false).await;
    let path = format!("/api/jobs/{job}/tasks/{vm}/log/export");
    let text = host.get(&path).await.body;
    let damaged = b"[corral: lines 9002 to 9004 are damaged on disk]\nlost\nlost\nlost\n";
    assert_eq!(text, [expected(RED), damaged.to_vec()].concat());
    let ndjson = host.get(&format!("{path}?format=ndjson")).await.text();
    assert!(ndjson.contains("\n{\"damaged\":{\"count\":3,\"first\":9001}}\n"), "{}", &ndjson[ndjson.len() - 500..]);
}

#[tokio::test]
async fn what_cannot_be_exported_is_refused_before_anything_is_sent() {
    let host = Host::start().await;
    let (job, vm) = job(&host).await;
    let nobody = "018cc251-f3ff-7000-8000-000000000000";
    host.get(&format!("/api/jobs/{nobody}/export")).await.problem(404);
    host.get(&format!("/api/jobs/{job}/tasks/{nobody}/log/export")).await.problem(404);
    host.get(&format!("/api/jobs/{job}/tasks/{vm}/log/export?format=pdf")).await.problem(400);
    host.get(&format!("/api/jobs/{job}/export?from=1")).await.problem(400);
}

//! Search over HTTP: what is found, in which order, what is said of damage, and what a hung-up search leaves.

use bytes::Bytes;
use corral_domain::{Extras, LineHead, Lines, OutputStream, TaskKey, Timestamp};
use corral_storage::{LogAppend, LogStore as _, chunk};
use serde_json::{Value, json};

use super::{Answer, Host};

/// Adds a chunk of such lines to a finished task's log; `spoil` flips a byte of it.
pub async fn add(host: &Host, key: TaskKey, lines: &Lines, spoil: bool) {
    host.store.reopen(key).await.unwrap();
    let end = host.store.end(key).await.unwrap().unwrap();
    let mut data = chunk::encode(lines).to_vec();
    if spoil {
        let middle = data.len() / 2;
        data[middle] ^= 0x20;
    }
    let append = LogAppend {
        key,
        first_line: end.lines,
        n_lines: u32::try_from(lines.len()).unwrap(),
        first_byte: end.bytes,
        raw_len: u32::try_from(lines.raw_len()).unwrap(),
        data: Bytes::from(data),
        position: None,
        complete: true,
    };
    host.store.append(&[append]).await.unwrap();
}

pub fn line(lines: &mut Lines, stream: OutputStream, text: &[u8], annotations: &[(&str, &str)]) {
    let head = LineHead { at: Timestamp::from_millis(1_800_000_000_000), stream, partial: false };
    let annotations = annotations.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    lines.push_with(head, text, Extras { annotations, changed_by: Vec::new() });
}

fn messages(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/x-ndjson");
    let messages: Vec<Value> = answer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(messages.last().unwrap()["type"], "end", "{messages:?}");
    messages
}

fn hits(messages: &[Value]) -> Vec<(u64, String)> {
    let hit = |message: &Value| {
        (message["line"]["n"].as_u64().unwrap(), message["line"]["text"].as_str().unwrap().to_owned())
    };
    messages.iter().filter(|message| message["type"] == "hit").map(hit).collect()
}

async fn found(host: &Host, query: &str) -> Vec<(u64, String)> {
    hits(&messages(&host.get(&format!("/api/search/logs?{query}")).await))
}

#[tokio::test]
async fn a_line_is_found_by_text_expression_stream_annotation_time_and_place() {
    let host = Host::start().await;
    let (one, other) = (host.vm("web-1").await, host.vm("web-2").await);
    let job = host.run("lines 12", &[&one, &other]).await;
    host.finished(&job).await;
    let key = TaskKey { job: job.parse().unwrap(), vm: one.parse().unwrap() };
    let mut lines = Lines::default();
    line(&mut lines, OutputStream::Stderr, b"Disk \xff FULL", &[("level", "error")]);
    line(&mut lines, OutputStream::Stdout, b"disk slow", &[("level", "warn"), ("user", "ann")]);
    line(&mut lines, OutputStream::Stdout, b"disk fine", &[("level", "info")]);
    add(&host, key, &lines, false).await;

    assert_eq!(found(&host, "q=line%2011").await, [(11, "line 11".to_owned()), (11, "line 11".to_owned())]);
    assert_eq!(found(&host, &format!("q=line%2011&vm={other}")).await.len(), 1);
    assert_eq!(found(&host, &format!("q=line%2011&vm={one}&job={job}")).await.len(), 1);
    assert_eq!(found(&host, "q=line%2011&template=ops/disk").await, []);
    assert_eq!(found(&host, "q=^line%201?$&regex=true&limit=1").await, [(1, "line 1".to_owned())]);
    assert_eq!(found(&host, "q=disk").await.len(), 2);
    assert_eq!(found(&host, "q=disk&ignore_case=true").await.len(), 3);
    let numbers = |hits: Vec<(u64, String)>| hits.into_iter().map(|(n, _)| n).collect::<Vec<_>>();
    assert_eq!(numbers(found(&host, "annotations=level%3E%3Dwarn").await), [12, 13]);
    assert_eq!(numbers(found(&host, "annotations=level%3E%3Dwarn,user").await), [13]);
    assert_eq!(found(&host, "stream=stderr").await, [(12, "Disk \u{fffd} FULL".to_owned())]);
    assert_eq!(numbers(found(&host, "q=disk&since=2024-01-01T00:00:00Z").await), [13, 14]);
    assert_eq!(found(&host, "q=disk&until=2024-01-01T00:00:00Z").await, []);
}

#[tokio::test]
async fn a_hit_has_its_context_and_a_long_line_is_cut_around_it() {
    let host = Host::start().await;
    let vm = host.vm("web-1").await;
    let job = host.run("lines 20", &[&vm]).await;
    host.finished(&job).await;
    let key = TaskKey { job: job.parse().unwrap(), vm: vm.parse().unwrap() };
    let mut lines = Lines::default();
    let mut long = vec![b'x'; 100_000];
    long.splice(50_000..50_000, *b"needle");
    line(&mut lines, OutputStream::Stdout, &long, &[]);
    add(&host, key, &lines, false).await;
    let found = messages(&host.get("/api/search/logs?q=needle&context=2").await);
    let hit = &found[0];
    assert_eq!((&hit["line"]["n"], &hit["vm_name"], &hit["job_id"]), (&json!(20), &json!("web-1"), &json!(job)));
    assert_eq!(hit["ranges"], json!([[50_000, 50_006]]));
    let (text, cut) = (hit["line"]["text"].as_str().unwrap(), &hit["line"]["cut"]);
    assert_eq!((text.len(), &cut["bytes"]), (4_096, &json!(100_006)));
    let at = 50_000 - usize::try_from(cut["from"].as_u64().unwrap()).unwrap();
    assert_eq!(&text[at..at + 6], "needle");
    let texts = |key: &str| hit[key].as_array().unwrap().iter().map(|line| line["text"].clone()).collect::<Vec<_>>();
    assert_eq!((texts("before"), texts("after")), (vec![json!("line 18"), json!("line 19")], vec![]));
}

#[tokio::test]
async fn a_damaged_chunk_is_said_and_the_rest_is_searched() {
    let host = Host::start().await;
    let vm = host.vm("web-1").await;
    let job = host.run("lines 10", &[&vm]).await;
    host.finished(&job).await;
    let key = TaskKey { job: job.parse().unwrap(), vm: vm.parse().unwrap() };
    let mut lines = Lines::default();
    (0..5).for_each(|_| line(&mut lines, OutputStream::Stdout, b"line of the other kind", &[]));
    add(&host, key, &lines, true).await;
    add(&host, key, &lines, false).await;
    let found = messages(&host.get("/api/search/logs?q=other%20kind&context=3").await);
    assert_eq!(hits(&found).iter().map(|(n, _)| *n).collect::<Vec<_>>(), [15, 16, 17, 18, 19]);
    let damaged: Vec<_> = found.iter().filter(|message| message["type"] == "damaged").collect();
    assert_eq!(damaged, [&json!({"type": "damaged", "job_id": job, "vm_id": vm, "first": 10, "count": 5})]);
    let end = found.last().unwrap();
    assert_eq!((&end["lines"], &end["hits"], &end["error"]), (&json!(15), &json!(5), &Value::Null));
}

#[tokio::test]
async fn a_search_that_cannot_be_made_is_refused_by_field() {
    let host = Host::start().await;
    for (query, field, word) in [
        ("q=a(&regex=true", "q", "unclosed group at character 2"),
        ("q=(a%7B1000%7D)%7B1000%7D&regex=true", "q", "4 MiB"),
        ("q=a&context=51", "context", "at most 50"),
        ("q=a&limit=0", "limit", "between 1"),
        ("annotations=level%3E%3Dloud", "annotations", "a level"),
        ("q=a&since=yesterday", "since", "2026-01-31T12:00:00Z"),
        ("q=a&vm=web-1", "vm", "web-1"),
    ] {
        let answer = host.get(&format!("/api/search/logs?{query}")).await;
        let problem = answer.problem(if matches!(field, "q" | "context" | "limit") { 422 } else { 400 });
        let error = &problem["errors"][0];
        assert_eq!(error["field"], field, "{problem}");
        assert!(error["message"].as_str().unwrap().contains(word), "{query}: {problem}");
    }
    host.get("/api/search/logs?query=a").await.problem(400);
}

#[tokio::test]
async fn hanging_up_ends_the_search_and_frees_its_place() {
    use axum::body::Body;
    use axum::http::Method;
    use tower::ServiceExt as _;

    let host = Host::start().await;
    let vm = host.vm("web-1").await;
    let job = host.run("lines 60000", &[&vm]).await;
    host.finished(&job).await;
    let path = "/api/search/logs?q=line&limit=60000";
    let ask = || host.router.clone().oneshot(host.request(Method::GET, path).body(Body::empty()).unwrap());
    let mut open = Vec::new();
    let refused = loop {
        let answer = ask().await.unwrap();
        if answer.status() != 200 {
            break answer.status();
        }
        open.push(answer);
        assert!(open.len() < 100, "searches at once are bounded");
    };
    assert_eq!(refused, 503);
    drop(open);
    let again = async {
        while ask().await.unwrap().status() != 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), again).await.expect("their places are free again");
}

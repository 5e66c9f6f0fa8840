//! Measures what a line costs: `cargo run --release -p corral-plugin-structured --example structured_cost`.

use std::time::Instant;

use corral_plugin_sdk::{Edits, LogFilter, testing};
use corral_plugin_structured::Structured;

/// Lines in a batch; what the host sends.
const BATCH: usize = 512;
/// Batches that are measured; the least of them counts, since a machine does other things too.
const ROUNDS: usize = 2_000;

fn main() {
    measure(
        "nothing of it",
        &[
            "    Compiling serde v1.0.229",
            "Reading package lists... Done",
            "192.0.2.1 - - [21/Nov/2026:10:00:00 +0000] \"GET /products/harness-07 HTTP/1.1\" 200 5120",
            "drwxr-xr-x 2 root root 4096 Nov 21 10:00 releases",
        ],
    );
    measure(
        "levels in text",
        &[
            "2026-11-21T10:00:00.123Z  INFO corral::engine: job 018f2a3b started on web-1",
            "2026/11/21 10:00:00 [error] 811#811: *1 connect() failed (111: Connection refused)",
        ],
    );
    measure("logfmt", &["ts=2026-11-21T10:00:00Z caller=main.go:12 level=info msg=\"server started\" addr=:8080"]);
    measure(
        "JSON",
        &[
            r#"{"ts":"2026-11-21T10:00:00Z","level":"info","msg":"request done","status":200,"path":"/products/harness-07"}"#,
        ],
    );
}

fn measure(name: &str, lines: &[&str]) {
    let lines: Vec<&str> = lines.iter().copied().cycle().take(BATCH).collect();
    let packed = testing::Packed::new(&lines);
    testing::set_config("{}");
    let mut filter = Structured::open(&testing::stream()).expect("the configuration is empty");
    let mut least = u128::MAX;
    let mut edits_made = 0;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let mut edits = Edits::new();
        filter.process(&packed.batch(0), &mut edits).expect("the filter does not fail");
        least = least.min(start.elapsed().as_nanos());
        edits_made += edits.into_vec().len();
    }
    let each = least / BATCH as u128;
    println!("{name}: {each} ns a line, {edits_made} edits");
}

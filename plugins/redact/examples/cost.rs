//! Measures what a line costs: `cargo run --release -p corral-plugin-redact --example cost`.

use std::time::Instant;

use corral_plugin_redact::Redact;
use corral_plugin_sdk::{Edits, LogFilter, testing};

/// Lines in a batch; what the host sends.
const BATCH: usize = 512;
/// Batches that are measured.
const ROUNDS: usize = 20_000;

fn main() {
    testing::set_config("{}");
    let clean = [
        "2026-11-21T10:00:00.123Z INFO  GET /products/harness-07 200 12ms request=018f2a3b-7c11-7000",
        "Nov 21 10:00:00 web-1 nginx[811]: upstream timed out while reading response header from upstream",
        "checkpoint complete: wrote 812 buffers (5.0%); 0 WAL file(s) added, 0 removed; sync=0.008 s",
        "    Compiling serde v1.0.229",
    ];
    measure("clean", &clean);
    let mixed: Vec<String> = (0..100)
        .map(|n| if n == 50 { "export DB_PASSWORD=hunter2".to_owned() } else { clean[n % clean.len()].to_owned() })
        .collect();
    measure("one secret in a hundred", &mixed);
    measure("only secrets", &["2026-11-21T10:00:00Z INFO connect user=app password=hunter2 host=db-1"]);
}

fn measure<S: AsRef<str>>(name: &str, lines: &[S]) {
    let lines: Vec<&str> = lines.iter().map(AsRef::as_ref).cycle().take(BATCH).collect();
    let packed = testing::Packed::new(&lines);
    let mut filter = Redact::open(&testing::stream()).expect("the configuration is empty");
    let rounds = if name == "only secrets" { ROUNDS / 50 } else { ROUNDS };
    let start = Instant::now();
    let mut edits_made = 0;
    for _ in 0..rounds {
        let mut edits = Edits::new();
        filter.process(&packed.batch(0), &mut edits).expect("the filter does not fail");
        edits_made += edits.into_vec().len();
    }
    let each = start.elapsed().as_nanos() / (rounds * BATCH) as u128;
    println!("{name}: {each} ns a line, {edits_made} edits");
}

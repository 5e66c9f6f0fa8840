//! Measures what a line costs: `cargo run --release -p corral-plugin-collapse --example collapse_cost`.

use std::time::Instant;

use corral_plugin_collapse::Collapse;
use corral_plugin_sdk::{Edits, LogFilter, testing};

/// Lines in a batch; what the host sends.
const BATCH: usize = 512;
/// Batches that are measured; the least of them counts, since a machine does other things too.
const ROUNDS: usize = 2_000;

fn main() {
    measure(
        "nothing to fold",
        &[
            "2026-11-21T10:00:00.123Z INFO  GET /products/harness-07 200 12ms request=018f2a3b-7c11-7000",
            "Nov 21 10:00:00 web-1 nginx[811]: upstream timed out while reading response header from upstream",
        ],
    );
    measure("repeated lines", &["waiting for the database to come up"]);
    measure("progress bars", &["Downloading  10%\rDownloading  40%\rDownloading  80%\rDownloading 100%", "x\ry"]);
}

fn measure(name: &str, lines: &[&str]) {
    let lines: Vec<&str> = lines.iter().copied().cycle().take(BATCH).collect();
    let packed = testing::Packed::new(&lines);
    testing::set_config("{}");
    let mut filter = Collapse::open(&testing::stream()).expect("the configuration is empty");
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

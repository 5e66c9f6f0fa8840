//! What a line costs in a filter: through the plugin host, from lines to lines, and in the same code built for this machine.

use std::fmt::Write as _;

use anyhow::{Result, ensure};
use corral_domain::{OutputStream, Timestamp};
use corral_engine::LineSplitter;
use corral_keep_all::KeepAll;
use corral_plugin_collapse::Collapse;
use corral_plugin_redact::Redact;
use corral_plugin_sdk::{Edits, LogFilter, testing};
use corral_plugin_structured::Structured;
use corral_tests::bench::table::{Row, Section, Spread};
use rustix::time::{ClockId, clock_gettime};

use crate::Wanted;
use crate::lines::{Kind, LINES, packed};
use crate::site::{KEEP_ALL, Site};

/// Lines in a batch of the native code; what the host sends.
const BATCH: usize = 512;
/// How often all lines go through in one round: enough for the processor's clock.
const REPEATS: u64 = 16;

/// What one filter costs for one kind of line, in nanoseconds a line.
struct Cost {
    filter: &'static str,
    kind: Kind,
    native: f64,
    hosted: Spread,
}

/// Measures every filter with every kind of line that it is made for.
pub async fn measure(wanted: &Wanted) -> Result<Section> {
    let site = Site::start(&[KEEP_ALL, "redact", "structured", "collapse"]).await?;
    let mut costs = Vec::new();
    for kind in [Kind::Server, Kind::Secrets, Kind::Json, Kind::Repeated] {
        let texts = kind.texts(wanted.seed);
        let all = [
            (KEEP_ALL, native::<KeepAll> as fn(&[String], usize) -> Result<f64>),
            ("redact", native::<Redact>),
            ("structured", native::<Structured>),
            ("collapse", native::<Collapse>),
        ];
        for (filter, native) in all.into_iter().filter(|(filter, _)| wanted.wants_plugin(filter)) {
            println!("    {filter}, {}", kind.name());
            let native = native(&texts, wanted.rounds)?;
            let hosted = hosted(&site, filter, &texts, wanted.rounds).await?;
            costs.push(Cost { filter, kind, native, hosted });
        }
    }
    let cut = splitting(&Kind::Server.texts(wanted.seed), wanted.rounds);
    site.host.stop().await;
    Ok(section(&costs, &cut))
}

fn section(costs: &[Cost], cut: &Spread) -> Section {
    let of = |filter: &str, kind: Kind| {
        let cost = costs.iter().find(|cost| cost.filter == filter && cost.kind == kind);
        cost.map_or(f64::INFINITY, |cost| cost.hosted.median())
    };
    let (redact, keep) = (of("redact", Kind::Server), of(KEEP_ALL, Kind::Server));
    let all = keep + cut.median();
    let rows = vec![
        Row::new(
            "`redact`, lines without secrets, one core",
            format!("{:.2} M lines/s ({redact:.0} ns a line)", 1e3 / redact),
            "≥ 1 M lines/s",
            redact <= 1_000.0,
        ),
        Row::new(
            "a filter that keeps all, with cutting the bytes into lines",
            format!("{all:.1} ns a line ({keep:.1} in the filter, {:.1} cutting)", cut.median()),
            "≤ 30 ns a line",
            all <= 30.0,
        ),
    ];
    let mut details =
        "| filter | lines | native, ns | in the host, ns, median (min–max) | factor |\n|---|---|---|---|---|\n"
            .to_owned();
    for cost in costs {
        let (native, median) = (cost.native, cost.hosted.median());
        let (filter, kind) = (cost.filter, cost.kind.name());
        let factor = (median - of(KEEP_ALL, cost.kind)) / native;
        let factor = if cost.filter == KEEP_ALL { "–".to_owned() } else { format!("{factor:.2} ×") };
        let _ = writeln!(details, "| {filter} | {kind} | {native:.1} | {} | {factor} |", cost.hosted.text());
    }
    let bytes = Kind::Server.texts(0).iter().map(String::len).sum::<usize>() / LINES as usize;
    Section {
        part: "cost",
        about: format!(
            "Processor time for {LINES} lines at once, {bytes} bytes each of a server's log. *Native* is the filter's own code built for this \
             machine, over batches that are packed already. *In the host* is all that a filter costs: packing batches, the call, the component's own \
             work, its answer applied. *Factor* is the latter, without what keeping all costs, by the former."
        ),
        rows,
        details,
    }
}

/// Through the plugin host, from lines to lines.
async fn hosted(site: &Site, filter: &str, texts: &[String], rounds: usize) -> Result<Spread> {
    let lines = packed(texts);
    let mut chain = site.stream(&[filter]).await?;
    ensure!(chain.plugins().len() == 1, "the stream goes through {:?}", chain.plugins());
    let mut costs = Vec::new();
    for _ in 0..=rounds {
        let mut spent = 0.0;
        for _ in 0..REPEATS {
            // Made just before, as lines are that were just cut.
            let input = lines.clone();
            let before = processor_time();
            std::hint::black_box(chain.process(input).await?);
            spent += processor_time() - before;
        }
        costs.push(spent / (REPEATS * LINES) as f64);
    }
    // The first round makes the instance and warms what there is to warm.
    Ok(Spread::new(costs.into_iter().skip(1)))
}

/// The filter's own code, built for this machine.
fn native<F: LogFilter>(texts: &[String], rounds: usize) -> Result<f64> {
    testing::set_config("{}");
    let mut filter = F::open(&testing::stream())?;
    let batches: Vec<_> = texts.chunks(BATCH).map(testing::Packed::new).collect();
    let mut costs = Vec::new();
    for _ in 0..=rounds {
        let before = processor_time();
        for batch in (0..REPEATS).flat_map(|_| &batches) {
            let mut edits = Edits::new();
            filter.process(&batch.batch(0), &mut edits)?;
            std::hint::black_box(edits.into_vec());
        }
        costs.push((processor_time() - before) / (REPEATS * LINES) as f64);
    }
    Ok(Spread::new(costs.into_iter().skip(1)).median())
}

/// Bytes as a machine sends them become lines.
fn splitting(texts: &[String], rounds: usize) -> Spread {
    /// What one read from a connection gives.
    const READ: usize = 32 << 10;
    let bytes = texts.join("\n").into_bytes();
    let mut splitter = LineSplitter::new(OutputStream::Stdout);
    Spread::new((0..rounds).map(|_| {
        let before = processor_time();
        for read in (0..REPEATS).flat_map(|_| bytes.chunks(READ)) {
            std::hint::black_box(splitter.push(read, Timestamp::from_millis(1)));
        }
        (processor_time() - before) / (REPEATS * LINES) as f64
    }))
}

/// Processor time of this program, in nanoseconds.
fn processor_time() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

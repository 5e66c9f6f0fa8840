//! What stands before a plugin's first answer: compiling, loading compiled code, an instance; and how soon a file that was
//! written serves.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use corral_engine::ports::Plugins as _;
use corral_tests::bench::table::{Row, Section, Spread};

use crate::Wanted;
use crate::lines::packed;
use crate::site::{KEEP_ALL, Site};

/// All that are measured: those that are bundled and can be started without folders of their own, and the smallest.
const PLUGINS: [&str; 9] = [
    KEEP_ALL,
    "collapse",
    "structured",
    "redact",
    "makefile",
    "ops-pack",
    "ssh-config",
    "ansible-inventory",
    "templates",
];
const FILTERS: [&str; 4] = [KEEP_ALL, "collapse", "structured", "redact"];
/// A component of this size is what `reload` is measured with.
const COMPONENT_BYTES: usize = 100 << 10;
/// How often it is compiled; that takes long.
const COMPILED: usize = 5;

/// Measures all plugins.
pub async fn measure(wanted: &Wanted) -> Result<Section> {
    let mut details =
        "| plugin | component | its code | compiled and first call | from the cache and first call | a stream's first batch |\n|---|---|---|---|---|---|\n"
            .to_owned();
    let mut worst: f64 = 0.0;
    for id in PLUGINS.into_iter().filter(|id| wanted.wants_plugin(id)) {
        println!("    {id}");
        let site = Site::start(&[id]).await?;
        let size = std::fs::metadata(site.folder(id).join("plugin.wasm"))?.len();
        let compiled = reloads(&site, id, COMPILED.min(wanted.rounds), true).await?;
        let code = site.compiled_bytes()?;
        let cached = reloads(&site, id, wanted.rounds, false).await?;
        let opened =
            if FILTERS.contains(&id) { streams(&site, id, wanted.rounds).await?.millis() } else { "–".to_owned() };
        worst = worst.max(cached.median());
        let _ = writeln!(
            details,
            "| {id} | {} KiB | {} KiB | {} | {} | {opened} |",
            size >> 10,
            code >> 10,
            middle(&compiled),
            cached.millis()
        );
        site.host.stop().await;
    }
    let cached = files(wanted.rounds, Code::Cached).await?;
    let compiled = files(COMPILED.min(wanted.rounds), Code::New).await?;
    let rows = vec![
        Row::new(
            "first call of a cold plugin whose compiled code is cached, the slowest of all",
            format!("{:.2} ms", worst * 1e3),
            "< 5 ms",
            worst < 0.005,
        ),
        Row::new(
            format!("a component of {} KiB written to new version serving, its code cached", COMPONENT_BYTES >> 10),
            cached.millis(),
            "< 250 ms",
            cached.percent(99.0) < 0.25,
        ),
    ];
    let _ = write!(details, "\nThe same with a version that was never compiled: {}.", middle(&compiled));
    let about = "*Compiled* is from reading the files until the first answer: digest, manifest, compilation, a first call. *From the cache* is the same with \
                 the code that an earlier start compiled, read, checked and mapped anew. *A stream's first batch* is opening a stream and one line \
                 through it: an instance, the filter's session, two calls. *Written to serving* is from the rename that puts the file in its place: the \
                 report of the system, a wait for more of them, and all of the former.";
    Ok(Section { part: "versions", about: about.to_owned(), rows, details })
}

fn middle(spread: &Spread) -> String {
    format!("{:.0} ms", spread.median() * 1e3)
}

/// Loads a plugin anew, again and again; how long it took from its files to its first answer.
async fn reloads(site: &Site, id: &str, rounds: usize, compile: bool) -> Result<Spread> {
    let mut took = Vec::new();
    for _ in 0..rounds {
        if compile {
            site.forget_compiled()?;
        }
        let begun = Instant::now();
        site.host.reload(id).await?;
        took.push(begun.elapsed().as_secs_f64());
    }
    Ok(Spread::new(took))
}

/// Opens streams and sends a line through each.
async fn streams(site: &Site, id: &str, rounds: usize) -> Result<Spread> {
    let line = packed(&["a line".to_owned()]);
    let mut took = Vec::new();
    for _ in 0..rounds {
        let line = line.clone();
        let begun = Instant::now();
        site.stream(&[id]).await?.process(line).await?;
        took.push(begun.elapsed().as_secs_f64());
    }
    Ok(Spread::new(took))
}

/// Whether a version was compiled before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Code {
    New,
    Cached,
}

/// Writes new versions of one plugin; how long it takes until each serves.
async fn files(rounds: usize, code: Code) -> Result<Spread> {
    let mut site = Site::start(&[KEEP_ALL]).await?;
    let wasm = std::fs::read(site.folder(KEEP_ALL).join("plugin.wasm"))?;
    let mut took = Vec::new();
    // The first two of the cached ones only fill the cache.
    for round in 0..rounds + 2 {
        let name = if code == Code::Cached { round % 2 } else { round + 2 };
        let version = padded(&wasm, &format!("version {name}"));
        let spent = replace(&mut site, &version).await?;
        if round >= 2 {
            took.push(spent.as_secs_f64());
        }
    }
    site.host.stop().await;
    Ok(Spread::new(took))
}

async fn replace(site: &mut Site, wasm: &[u8]) -> Result<Duration> {
    let before = site.info(KEEP_ALL)?.generation;
    let place = site.folder(KEEP_ALL).join("plugin.wasm");
    let beside = place.with_extension("new");
    std::fs::write(&beside, wasm)?;
    rename(&beside, &place)?;
    site.until(|info| info.id == KEEP_ALL && info.generation > before).await
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    Ok(std::fs::rename(from, to)?)
}

/// The same component with another digest and at least the size that is measured with: a custom section at its end.
fn padded(wasm: &[u8], name: &str) -> Vec<u8> {
    let fill = COMPONENT_BYTES.saturating_sub(wasm.len());
    let mut section = leb(name.len());
    section.extend(name.as_bytes());
    section.resize(section.len() + fill, 0);
    let mut out = wasm.to_vec();
    out.push(0);
    out.extend(leb(section.len()));
    out.extend(section);
    out
}

/// A number as WebAssembly writes lengths: seven bits a byte, the lowest first.
fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        bytes.push(if number == 0 { low } else { low | 0x80 });
        if number == 0 {
            return bytes;
        }
    }
}

//! A filter is replaced a hundred times while a million numbered lines go through it. Every line that comes out is looked at.

use std::time::Duration;

use corral_domain::Lines;
use corral_engine::ports::FilterChain;

use crate::bench::{Bench, Running, guest, lines, manifest, texts, variant};

/// Lines of a stream, at least.
const LINES: u64 = 1_000_000;
/// How often the filter is replaced meanwhile.
const REPLACEMENTS: u64 = 100;
/// Every so many replacements a version comes first that cannot be loaded.
const BROKEN_EVERY: u64 = 10;
/// Lines that are sent at once: no multiple of a batch.
const AT_ONCE: u64 = 700;
/// How long the stream waits between two lines while a new version is on its way.
const TICK: Duration = Duration::from_millis(5);
/// Components that take turns, so that most versions are compiled already: how long compiling takes is not what is tested.
const COMPONENTS: u64 = 4;

/// A stream of numbered lines, and what came out of it so far.
struct Stream {
    chain: Box<dyn FilterChain>,
    sent: u64,
    came: u64,
    /// Version that the last line went through.
    version: u64,
}

impl Stream {
    async fn open(running: &Running) -> Self {
        Self { chain: running.chain().await, sent: 0, came: 0, version: 0 }
    }

    /// Sends so many lines; each that comes out is the next one, counted by the filter without a gap, and of no older version than the
    /// one before.
    async fn send(&mut self, count: u64) {
        let batch = (self.sent..self.sent + count).map(|n| format!("line {n}"));
        self.sent += count;
        let out = self.chain.process(lines(batch)).await.unwrap();
        self.check(&out);
        assert_eq!(self.came, self.sent, "all that was sent has come out");
    }

    fn check(&mut self, out: &Lines) {
        for text in texts(out) {
            let (tag, rest) = text.split_once(' ').unwrap();
            let version: u64 = tag.strip_prefix('v').unwrap().parse().unwrap();
            assert!(version >= self.version, "after version {} comes `{text}`", self.version);
            assert_eq!(rest, format!("{} line {}", self.came + 1, self.came), "from version {version}");
            (self.version, self.came) = (version, self.came + 1);
        }
    }

    /// Sends the lines that are due with a version at full speed, and goes on slowly until something is true.
    async fn go_on_until(&mut self, running: &mut Running, what: &str, mut done: impl FnMut(&Running, &Self) -> bool) {
        let end = tokio::time::Instant::now() + crate::bench::PATIENCE;
        let due = self.sent + LINES / REPLACEMENTS;
        while self.sent < due {
            self.send(AT_ONCE).await;
        }
        while !done(running, self) {
            self.send(1).await;
            // Lines go on all the time; what the host tells wakes it sooner.
            let _ = tokio::time::timeout(TICK, running.notices.recv()).await;
            assert!(tokio::time::Instant::now() < end, "{what}; the host tells {:#?}", running.host.infos());
        }
    }
}

fn version(number: u64) -> String {
    manifest("f", "log-filter", &format!("[config]\ndefault = {{ tag = \"v{number}\" }}\n"))
        .replace("version = \"1.0.0\"", &format!("version = \"{number}.0.0\""))
}

/// Puts a version in the place of another. The manifest last: it names the version.
fn replace(bench: &Bench, number: u64, wasm: &[u8]) {
    for (name, bytes) in [("plugin.wasm", wasm), ("plugin.toml", version(number).as_bytes())] {
        let new = bench.dir.path().join(name);
        std::fs::write(&new, bytes).unwrap();
        std::fs::rename(&new, bench.folder("f").join(name)).unwrap();
    }
}

fn serves(running: &Running, number: u64) -> bool {
    running.info("f").is_some_and(|info| info.version == format!("{number}.0.0") && info.reason.is_empty())
}

async fn start(handover: bool) -> (Running, Vec<Vec<u8>>) {
    let bench = Bench::new();
    bench.put("f", &version(0), &guest(handover));
    let mut running = bench.start().await;
    running.until("the first version serves", |running| serves(running, 0).then_some(())).await;
    let components = (0..COMPONENTS).map(|n| variant(guest(handover), &format!("variant {n}"))).collect();
    (running, components)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_million_lines_none_is_lost_doubled_or_moved_by_a_hundred_new_versions_that_take_the_state_over() {
    let (mut running, components) = start(true).await;
    let mut stream = Stream::open(&running).await;
    for number in 1..=REPLACEMENTS {
        let wasm = &components[(number % COMPONENTS) as usize];
        if number.is_multiple_of(BROKEN_EVERY) {
            replace(&running.bench, number, &wasm[..wasm.len() / 2]);
            let told = |running: &Running, _: &Stream| {
                running.info("f").is_some_and(|info| info.reason.contains("the version before goes on"))
            };
            stream.go_on_until(&mut running, "a broken version is told of", told).await;
            assert_eq!(stream.version, number - 1, "the old version serves");
            assert!(running.info("f").unwrap().reason.contains("cut off"));
        }
        replace(&running.bench, number, wasm);
        let moved = |_: &Running, stream: &Stream| stream.version == number;
        stream.go_on_until(&mut running, &format!("the stream moves to version {number}"), moved).await;
    }
    assert!(stream.sent >= LINES);
    let added = stream.chain.finish().await.unwrap();
    assert!(added.is_empty());
    assert_eq!(stream.chain.plugins(), [("f".to_owned(), format!("{REPLACEMENTS}.0.0"))]);
    let stats = corral_engine::ports::Plugins::stats(&*running.host, "f").unwrap();
    assert_eq!((stats.lines.seen, stats.failed), (stream.sent, 0), "no call failed, and no line was seen twice");
    println!("{} lines through {} generations", stream.sent, running.info("f").unwrap().generation);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_million_lines_none_is_touched_by_a_hundred_new_versions_that_cannot_take_the_state_over() {
    let (mut running, components) = start(false).await;
    let mut stream = Stream::open(&running).await;
    for number in 1..=REPLACEMENTS {
        replace(&running.bench, number, &components[(number % COMPONENTS) as usize]);
        let loaded = |running: &Running, _: &Stream| serves(running, number);
        stream.go_on_until(&mut running, &format!("version {number} serves"), loaded).await;
        assert_eq!(stream.version, 0, "the stream stays on the version that it began with");
    }
    assert!(stream.sent >= LINES);
    assert_eq!(stream.chain.plugins(), [("f".to_owned(), "0.0.0".to_owned())]);
    let mut new = Stream { version: REPLACEMENTS, ..Stream::open(&running).await };
    new.send(AT_ONCE).await;
    assert_eq!(new.chain.plugins(), [("f".to_owned(), format!("{REPLACEMENTS}.0.0"))]);
}

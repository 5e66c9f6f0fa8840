//! What is on the machines of the demo fleet: a log that goes on, a greeting, and small commands that look like work.

use std::fmt::Write as _;
use std::path::Path;

/// One machine.
pub(super) struct Story {
    pub(super) name: &'static str,
    pub(super) role: &'static str,
    pub(super) env: &'static str,
    pub(super) region: &'static str,
    /// What runs on it.
    service: &'static str,
    /// Its version before a deployment.
    version: &'static str,
    /// Whether its health check fails after a deployment.
    deploy_fails: bool,
    /// Lines of its log: level and text.
    log: &'static [(Level, &'static str)],
}

#[derive(Clone, Copy)]
enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

use Level::{Debug, Error, Info, Warn};

pub(super) const STORIES: [Story; 5] = [
    Story {
        name: "web-1",
        role: "web",
        env: "prod",
        region: "eu-north",
        service: "storefront",
        version: "2.14.0",
        deploy_fails: false,
        log: WEB_LOG,
    },
    Story {
        name: "web-2",
        role: "web",
        env: "prod",
        region: "eu-west",
        service: "storefront",
        version: "2.14.0",
        deploy_fails: true,
        log: WEB_LOG,
    },
    Story {
        name: "db-1",
        role: "db",
        env: "prod",
        region: "eu-north",
        service: "postgres",
        version: "17.2",
        deploy_fails: false,
        log: DB_LOG,
    },
    Story {
        name: "cache-1",
        role: "cache",
        env: "staging",
        region: "eu-north",
        service: "valkey",
        version: "8.1.0",
        deploy_fails: false,
        log: CACHE_LOG,
    },
    Story {
        name: "edge-1",
        role: "edge",
        env: "staging",
        region: "us-east",
        service: "gateway",
        version: "1.27.3",
        deploy_fails: false,
        log: EDGE_LOG,
    },
];

const WEB_LOG: &[(Level, &str)] = &[
    (Info, "GET /products/harness-07 200 12ms"),
    (Info, "GET /cart 200 8ms user=4711"),
    (Debug, "cache hit product:harness-07 ttl=43s"),
    (Info, "POST /checkout 201 148ms user=4711 total=129.90"),
    (Warn, "payment provider slow: 1180ms, retry 1 of 3"),
    (Info, "GET /healthz 200 1ms"),
    (Info, "GET /search?q=rope 200 35ms hits=18"),
    (Error, "POST /checkout 502 3002ms upstream timed out order=88213"),
    (Info, "order 88213 requeued"),
    (Info, "POST /checkout 201 163ms user=1138 total=48.00"),
];

const DB_LOG: &[(Level, &str)] = &[
    (Info, "checkpoint starting: time"),
    (Info, "checkpoint complete: wrote 812 buffers (5.0%); sync=0.008 s"),
    (Debug, "autovacuum: table shop.orders: removed 391 row versions"),
    (Info, "connection authorized: user=storefront database=shop"),
    (Warn, "duration: 1412.332 ms  statement: SELECT * FROM orders WHERE note ILIKE $1"),
    (Info, "replication: standby db-2 is 0.2 s behind"),
    (Error, "deadlock detected: process 4410 waits for ShareLock on transaction 98120"),
    (Info, "connection authorized: user=reporting database=shop"),
];

const CACHE_LOG: &[(Level, &str)] = &[
    (Info, "DB 0: 48211 keys (47903 volatile) in 65536 slots"),
    (Info, "background saving started by pid 611"),
    (Info, "DB saved on disk"),
    (Debug, "evicted 12 keys, maxmemory-policy allkeys-lru"),
    (Warn, "client idle for 300 s closed: addr=10.0.3.9:51422"),
    (Info, "hit rate 97.4 % over the last minute"),
];

const EDGE_LOG: &[(Level, &str)] = &[
    (Info, "TLS handshake ok sni=shop.example proto=h2"),
    (Info, "route shop.example -> web-1 200 14ms"),
    (Info, "route shop.example -> web-2 200 17ms"),
    (Warn, "rate limit: 203.0.113.77 over 120 requests a minute"),
    (Info, "certificate shop.example valid for 61 days"),
    (Error, "upstream web-2 refused the connection, marked as down for 10 s"),
    (Info, "upstream web-2 is back"),
];

/// A file in a machine's home.
pub(super) struct File {
    pub(super) path: &'static str,
    pub(super) content: String,
    pub(super) executable: bool,
}

/// All files of a machine.
pub(super) fn files(story: &Story) -> Vec<File> {
    let script = |path, body: &str| File { path, content: fill(story, body), executable: true };
    let text = |path, content: String| File { path, content, executable: false };
    vec![
        text("motd", motd(story)),
        text("app.log", log(story)),
        text("version", format!("{}\n", story.version)),
        text("config/app.toml", config(story)),
        script("bin/deploy", include_str!("scripts/deploy.sh")),
        script("bin/status", include_str!("scripts/status.sh")),
        script("bin/backup", include_str!("scripts/backup.sh")),
        script("bin/tail-log", include_str!("scripts/tail-log.sh")),
        script("bin/uptime", include_str!("scripts/uptime.sh")),
        script("bin/hostname", include_str!("scripts/hostname.sh")),
    ]
}

/// The environment of a machine's commands.
pub(super) fn environment(story: &Story, home: &Path) -> Vec<(String, String)> {
    let home = home.display();
    let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/local/bin:/usr/bin:/bin".to_owned());
    [
        ("DEMO_NAME", story.name.to_owned()),
        ("DEMO_ROLE", story.role.to_owned()),
        ("DEMO_ENV", story.env.to_owned()),
        ("DEMO_REGION", story.region.to_owned()),
        ("HOME", home.to_string()),
        ("USER", "demo".to_owned()),
        ("LOGNAME", "demo".to_owned()),
        ("SHELL", "/bin/sh".to_owned()),
        ("LANG", "C.UTF-8".to_owned()),
        ("PS1", format!("demo@{}:\\w\\$ ", story.name)),
        ("PATH", format!("{home}/bin:{path}")),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

fn fill(story: &Story, body: &str) -> String {
    body.replace("@NAME@", story.name)
        .replace("@ROLE@", story.role)
        .replace("@ENV@", story.env)
        .replace("@REGION@", story.region)
        .replace("@SERVICE@", story.service)
        .replace("@FAILS@", if story.deploy_fails { "yes" } else { "no" })
}

fn motd(story: &Story) -> String {
    format!(
        "\x1b[1;36m{}\x1b[0m  {} in {}, {}\nruns {} {}. Demo machine: a process of Corral, not a real server.\n",
        story.name, story.role, story.region, story.env, story.service, story.version
    )
}

fn config(story: &Story) -> String {
    format!(
        "service = \"{}\"\nenvironment = \"{}\"\nregion = \"{}\"\nworkers = 8\nlog_level = \"info\"\n",
        story.service, story.env, story.region
    )
}

/// Lines of one morning, one every few seconds.
fn log(story: &Story) -> String {
    const LINES: usize = 240;
    let mut text = String::new();
    // Each machine starts elsewhere, so that no two logs are the same.
    let offset = story.name.bytes().map(usize::from).sum::<usize>();
    for line in 0..LINES {
        let seconds = line * 7 + offset % 60;
        let (level, message) = story.log[(line * 3 + offset + line / 11) % story.log.len()];
        let _ = writeln!(
            text,
            "\x1b[2m09:{:02}:{:02}\x1b[0m {} \x1b[35m{}\x1b[0m {message}",
            seconds / 60 % 60,
            seconds % 60,
            level.coloured(),
            story.service
        );
    }
    text
}

impl Level {
    fn coloured(self) -> &'static str {
        match self {
            Debug => "\x1b[2mDEBUG\x1b[0m",
            Info => "\x1b[32mINFO \x1b[0m",
            Warn => "\x1b[33mWARN \x1b[0m",
            Error => "\x1b[1;31mERROR\x1b[0m",
        }
    }
}

//! Output of the kinds that filters meet. Every line differs from the others and follows from the seed.

use corral_domain::{LineHead, Lines, OutputStream, Timestamp};
use corral_tests::faults::random::mix;

/// Lines that are measured with at once: as much as a fast machine sends in some milliseconds.
pub const LINES: u64 = 8_192;
const SERVICES: [&str; 6] = ["checkout", "catalogue", "gateway", "inventory", "billing", "search"];
const PATHS: [&str; 5] = ["/v1/items", "/v1/carts", "/v1/orders/open", "/healthz", "/v2/recommendations"];

/// A kind of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A server's log without secrets.
    Server,
    /// The same with a password in every hundredth line.
    Secrets,
    /// JSON, as services write it.
    Json,
    /// The same line several times, then another.
    Repeated,
}

impl Kind {
    /// As a table names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Server => "a server's log",
            Self::Secrets => "the same, a password in every hundredth line",
            Self::Json => "JSON",
            Self::Repeated => "each line eight times",
        }
    }

    /// The lines of this kind.
    pub fn texts(self, seed: u64) -> Vec<String> {
        (0..LINES).map(|n| self.line(seed, n)).collect()
    }

    fn line(self, seed: u64, n: u64) -> String {
        let n = if self == Self::Repeated { n / 8 } else { n };
        let random = mix(seed ^ mix(n));
        let (service, path) = (SERVICES[(random % 6) as usize], PATHS[(random >> 8) as usize % 5]);
        let (took, trace) = ((random >> 24) % 1_000, random >> 32);
        let at = format!("2026-11-21T10:{:02}:{:02}.{:03}Z", n / 60 % 60, n % 60, random % 1_000);
        match self {
            Self::Json => format!(
                r#"{{"ts":"{at}","level":"info","service":"{service}","msg":"request done","path":"{path}","took":{took},"trace":"{trace:08x}"}}"#
            ),
            Self::Secrets if n % 100 == 50 => {
                format!("{at} INFO  {service}: connect user=app password=p{trace:08x} host=db-1")
            }
            _ => format!(
                "{at} INFO  {service}: GET {path}/{} status=200 took={took}ms trace={trace:08x}",
                random % 100_000
            ),
        }
    }
}

/// Lines as the host has them.
pub fn packed(texts: &[String]) -> Lines {
    let head = LineHead { at: Timestamp::from_millis(1), stream: OutputStream::Stdout, partial: false };
    let mut lines = Lines::default();
    for text in texts {
        lines.push(head, text.as_bytes());
    }
    lines
}

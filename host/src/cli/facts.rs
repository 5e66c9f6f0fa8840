//! How what a VM told of itself is shown.

use serde_json::Value;

use super::output::{self, field, safe};

/// What a VM told of itself; what it did not tell has no line.
pub fn print(facts: &Value) {
    let number = |name: &str| facts.get(name).and_then(Value::as_u64);
    line("system", &safe(&field(facts, "os")));
    line("kernel", &safe(format!("{} {}", field(facts, "kernel"), field(facts, "arch")).trim()));
    line("processors", &field(facts, "cpus"));
    line("memory", &number("memory_bytes").map(size).unwrap_or_default());
    if let (Some(bytes), Some(free)) = (number("disk_bytes"), number("disk_free_bytes")) {
        line("disk", &format!("{}, {} free", size(bytes), size(free)));
    }
    line("up for", &number("uptime_seconds").map(duration).unwrap_or_default());
    line("load", &facts.get("load_1").and_then(Value::as_f64).map(|load| format!("{load:.2}")).unwrap_or_default());
    line("told at", &output::time(facts, "gathered_at"));
}

/// `15.6 GiB`.
fn size(bytes: u64) -> String {
    let (mut value, mut unit) = (bytes as f64, "B");
    for larger in ["KiB", "MiB", "GiB", "TiB", "PiB"] {
        if value < 1024.0 {
            break;
        }
        (value, unit) = (value / 1024.0, larger);
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") }
}

/// The two largest units that say something: `12 d 3 h`.
fn duration(seconds: u64) -> String {
    match (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

/// A line with its name before it; none if there is nothing to say.
pub fn line(key: &str, value: &str) {
    if !value.is_empty() {
        say!("{key:<12} {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_said_as_people_say_them() {
        assert_eq!([size(900), size(2 << 10), size(16 << 30)], ["900 B", "2.0 KiB", "16.0 GiB"]);
        assert_eq!([duration(59), duration(3_700), duration(90_000)], ["0 min", "1 h 1 min", "1 d 1 h"]);
    }
}

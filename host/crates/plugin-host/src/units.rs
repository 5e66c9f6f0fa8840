//! Sizes and times as people write them: `32 MiB`, `500 ms`.

use std::time::Duration;

/// Reads a size in bytes: a whole number with `B`, `KiB`, `MiB` or `GiB`.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is not a size; write a whole number with B, KiB, MiB or GiB, as in `32 MiB`");
    let (number, unit) = split(text).ok_or_else(wrong)?;
    let factor: u64 = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(wrong()),
    };
    number.checked_mul(factor).ok_or_else(wrong)
}

/// Reads a time: a whole number with `ms`, `s` or `min`.
pub fn parse_time(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a time; write a whole number with ms, s or min, as in `500 ms`");
    let (number, unit) = split(text).ok_or_else(wrong)?;
    let millis = match unit {
        "ms" => Some(number),
        "s" => number.checked_mul(1000),
        "min" => number.checked_mul(60_000),
        _ => None,
    };
    millis.map(Duration::from_millis).ok_or_else(wrong)
}

/// Writes a size the way [`parse_size`] reads it, in the largest unit that divides it.
pub fn show_size(bytes: u64) -> String {
    match bytes {
        b if b >= 1 << 30 && b.is_multiple_of(1 << 30) => format!("{} GiB", b >> 30),
        b if b >= 1 << 20 && b.is_multiple_of(1 << 20) => format!("{} MiB", b >> 20),
        b if b >= 1 << 10 && b.is_multiple_of(1 << 10) => format!("{} KiB", b >> 10),
        b => format!("{b} B"),
    }
}

/// Writes a time the way [`parse_time`] reads it.
pub fn show_time(time: Duration) -> String {
    let millis = time.as_millis();
    if millis >= 1000 && millis.is_multiple_of(1000) { format!("{} s", millis / 1000) } else { format!("{millis} ms") }
}

fn split(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    Some((text[..digits].parse().ok()?, text[digits..].trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_read_and_written_back() {
        for text in ["32 MiB", "1 GiB", "100 B", "3 KiB"] {
            assert_eq!(show_size(parse_size(text).unwrap()), text);
        }
        assert_eq!(parse_size("64MiB").unwrap(), 64 << 20);
        for text in ["500 ms", "5 s", "90 s"] {
            assert_eq!(show_time(parse_time(text).unwrap()), text);
        }
        assert_eq!(parse_time("2 min").unwrap(), Duration::from_secs(120));
    }

    #[test]
    fn nonsense_is_refused_with_an_example() {
        for text in
            ["", "64", "MiB", "-1 MiB", "1.5 MiB", "64 MB", "99999999999999999999 B", "18446744073709551615 GiB"]
        {
            assert!(parse_size(text).unwrap_err().contains("as in `32 MiB`"), "{text}");
        }
        for text in ["", "5", "5 h", "-5 s"] {
            assert!(parse_time(text).is_err(), "{text}");
        }
    }
}

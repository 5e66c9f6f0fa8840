//! Names as a short text: `web-[1-3,7], db-1`, as clush folds them.

use std::collections::{BTreeMap, BTreeSet};

/// Longest number that is folded, in digits.
const DIGITS_MAX: usize = 9;

/// Folds names that differ only in their last number; numbers with leading zeros only with those of the same width.
pub fn fold<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut numbered: BTreeMap<(&str, &str, usize), BTreeSet<u32>> = BTreeMap::new();
    let mut plain: BTreeSet<&str> = BTreeSet::new();
    for name in names {
        match parts(name) {
            Some((before, digits, after)) => {
                let width = if digits.len() > 1 && digits.starts_with('0') { digits.len() } else { 0 };
                // At most nine digits: it is a number.
                numbered.entry((before, after, width)).or_default().insert(digits.parse().unwrap_or(0));
            }
            None => {
                plain.insert(name);
            }
        }
    }
    let folded = numbered.into_iter().map(|((before, after, width), numbers)| match numbers.len() {
        1 => format!("{before}{}{after}", runs(&numbers, width)),
        _ => format!("{before}[{}]{after}", runs(&numbers, width)),
    });
    let mut all: Vec<String> = folded.chain(plain.into_iter().map(str::to_owned)).collect();
    all.sort();
    all.join(", ")
}

/// The last number of a name, with what is before and after it.
fn parts(name: &str) -> Option<(&str, &str, &str)> {
    let end = name.rfind(|c: char| c.is_ascii_digit())? + 1;
    let start = name[..end]
        .rfind(|c: char| !c.is_ascii_digit())
        .map_or(0, |at| at + name[at..].chars().next().map_or(1, char::len_utf8));
    (end - start <= DIGITS_MAX).then(|| (&name[..start], &name[start..end], &name[end..]))
}

/// `1-3,7`.
fn runs(numbers: &BTreeSet<u32>, width: usize) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((_, to)) if *to + 1 == *number => *to = *number,
            _ => runs.push((*number, *number)),
        }
    }
    let write = |(from, to): &(u32, u32)| {
        if from == to { format!("{from:0width$}") } else { format!("{from:0width$}-{to:0width$}") }
    };
    runs.iter().map(write).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_in_a_number_are_one_word() {
        assert_eq!(fold(["web-1", "web-3", "web-2", "web-7"]), "web-[1-3,7]");
        assert_eq!(fold(["web-1", "db-1", "localhost"]), "db-1, localhost, web-1");
        assert_eq!(fold(["n01", "n02", "n3", "n10"]), "n[01-02], n[3,10]");
        assert_eq!(fold(["a1.example", "a2.example", "b"]), "a[1-2].example, b");
        assert_eq!(fold(["10.0.0.1", "10.0.0.2"]), "10.0.0.[1-2]");
        assert_eq!(fold(["größe1", "größe2"]), "größe[1-2]");
        assert_eq!(fold(["v1234567890123"]), "v1234567890123");
        assert_eq!(fold([]), "");
    }
}

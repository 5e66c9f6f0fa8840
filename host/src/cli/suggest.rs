//! "Did you mean …?"

/// The known word nearest to what was written, if it is near enough to have been meant.
pub fn closest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const WORD_MAX: usize = 100;
    let written = written.to_lowercase();
    if written.len() > WORD_MAX {
        return None;
    }
    let allowed = (written.chars().count() / 3).max(1);
    known
        .into_iter()
        .filter(|word| word.len() <= WORD_MAX)
        .map(|word| (distance(&written, &word.to_lowercase()), word))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// How many letters must be changed, added, left out or swapped with their neighbour (optimal string alignment).
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=right.len()).collect();
    for i in 1..=left.len() {
        let mut row = vec![i];
        for j in 1..=right.len() {
            let cost = usize::from(left[i - 1] != right[j - 1]);
            let mut best = (previous[j] + 1).min(row[j - 1] + 1).min(previous[j - 1] + cost);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut previous, row);
    }
    previous[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        assert_eq!(closest("wbe-1", ["web-1", "db-1"]), Some("web-1"));
        assert_eq!(closest("lissten", ["listen", "public_url"]), Some("listen"));
        assert_eq!(closest("mars", ["web-1", "db-1"]), None);
        assert_eq!(distance("", "abc"), 3);
    }
}

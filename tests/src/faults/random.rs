//! Numbers that follow from a seed, so that what went wrong once can be done again.

use std::hash::BuildHasher as _;

/// A sequence of numbers (SplitMix64). Not for secrets.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The sequence of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The sequence of one part of a whole: what one part draws changes nothing for the others.
    pub fn part(seed: u64, part: u64) -> Self {
        Self(mix(seed ^ mix(part)))
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number from `low` to `high`, both among them.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.number() % (high - low + 1)
    }

    /// True in so many of a hundred cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.number() % 100 < percent
    }

    /// One of several.
    pub fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.between(0, all.len() as u64 - 1) as usize]
    }
}

/// The seed in `CORRAL_SEED`, or a new one.
///
/// # Panics
/// If there is one and it is no number: a person who gives a seed wants that one.
pub fn seed_of_this_run() -> u64 {
    match std::env::var("CORRAL_SEED") {
        Ok(text) => text.trim().parse().unwrap_or_else(|error| panic!("CORRAL_SEED is `{text}`: {error}")),
        // The keys of std's hash maps are random; short enough to be typed again.
        Err(_) => std::hash::RandomState::new().hash_one(0) >> 32,
    }
}

/// Spreads a number over all 64 bits.
pub fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers_and_another_part_others() {
        let three = |mut random: Random| [random.number(), random.number(), random.number()];
        assert_eq!(three(Random::part(7, 1)), three(Random::part(7, 1)));
        assert_ne!(three(Random::part(7, 1)), three(Random::part(7, 2)));
        assert_ne!(three(Random::part(7, 1)), three(Random::part(8, 1)));
    }

    #[test]
    fn numbers_stay_between_their_bounds_and_reach_both() {
        let mut random = Random::new(1);
        let drawn: Vec<_> = (0..1000).map(|_| random.between(3, 6)).collect();
        assert!(drawn.iter().all(|number| (3..=6).contains(number)));
        assert!(drawn.contains(&3) && drawn.contains(&6));
    }
}

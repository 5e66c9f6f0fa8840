//! One automaton over all the words that a rule cannot do without. Most lines have none of them and cost nothing more.

use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError, Input, MatchKind};
use corral_plugin_sdk::Batch;

/// Which rules a line could match, one bit each.
pub type RuleSet = u64;

/// The automaton, and for each of its words the rules that have it.
pub struct Prefilter {
    automaton: AhoCorasick,
    rules_of: Vec<RuleSet>,
}

impl Prefilter {
    /// Builds the automaton from the words of each rule; rule `i` is bit `i`.
    pub fn new(words_of_rules: &[&[&'static str]]) -> Result<Self, BuildError> {
        let mut words: Vec<&'static str> = Vec::new();
        let mut rules_of: Vec<RuleSet> = Vec::new();
        for (rule, rule_words) in words_of_rules.iter().enumerate() {
            for word in *rule_words {
                let at = words.iter().position(|known| known == word).unwrap_or_else(|| {
                    words.push(word);
                    rules_of.push(0);
                    words.len() - 1
                });
                rules_of[at] |= 1 << rule;
            }
        }
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .build(&words)?;
        Ok(Self { automaton, rules_of })
    }

    /// The first line from `index` on that has one of the words. The packed text is searched as a whole; a word that
    /// is put together by the end of one line and the beginning of the next is none.
    pub fn next_candidate(&self, batch: &Batch<'_>, index: usize) -> Option<usize> {
        let mut index = index;
        let (mut from, _) = batch.bounds(index);
        let text = batch.text.as_bytes();
        loop {
            let found = self.automaton.find(Input::new(text).range(from.min(text.len())..))?;
            index += batch.ends[index..].partition_point(|end| (*end as usize) <= found.start());
            if index >= batch.len() {
                return None;
            }
            let (_, end) = batch.bounds(index);
            if found.end() <= end {
                return Some(index);
            }
            // The match runs over the line's end. Another word may begin one byte later, in this line or the next.
            from = found.start() + 1;
        }
    }

    /// The rules whose words the line has.
    pub fn rules_for(&self, line: &str) -> RuleSet {
        self.automaton.find_overlapping_iter(line).fold(0, |set, found| set | self.rules_of[found.pattern().as_usize()])
    }
}

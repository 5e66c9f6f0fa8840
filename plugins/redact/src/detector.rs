//! Finds secrets in a line and puts a mark in their place.

use std::cell::OnceCell;

use corral_plugin_sdk::{Batch, Error, Result};
use regex::{Captures, Regex, RegexBuilder};

use crate::block::Block;
use crate::config::{Config, Pattern};
use crate::prefilter::{Prefilter, RuleSet};
use crate::rules::{BEGIN_KEY, END_KEY, PRIVATE_KEY, RULES, Rule, rule_ids};

/// The most memory that one compiled pattern may take, in bytes.
const PATTERN_SIZE_MAX: usize = 1 << 20;

/// The most patterns of one's own.
const PATTERNS_MAX: usize = 64;

/// All rules, ready to be used.
pub struct Detector {
    prefilter: Prefilter,
    /// Parallel to [`RULES`]; each is compiled when its first candidate comes.
    compiled: Vec<OnceCell<Vec<Regex>>>,
    begin_key: OnceCell<Regex>,
    end_key: OnceCell<Regex>,
    enabled: RuleSet,
    custom: Vec<(String, Regex)>,
    annotate: bool,
}

/// Bytes of a line that are secret.
struct Span<'a> {
    start: usize,
    end: usize,
    rule: &'a str,
}

impl Detector {
    /// Checks the configuration and prepares the rules.
    pub fn new(config: &Config) -> Result<Self> {
        let mut enabled: RuleSet = 0;
        for (bit, rule) in RULES.iter().enumerate() {
            if !config.disabled.iter().any(|id| id == rule.id) {
                enabled |= 1 << bit;
            }
        }
        if let Some(unknown) = config.disabled.iter().find(|id| !rule_ids().any(|known| known == id.as_str())) {
            let known: Vec<_> = rule_ids().collect();
            return Err(Error::InvalidInput(format!(
                "`disabled` names the rule `{unknown}`, which does not exist; the rules are {}",
                known.join(", ")
            )));
        }
        let words: Vec<&[&'static str]> = RULES
            .iter()
            .enumerate()
            .map(|(bit, rule)| if enabled & (1 << bit) == 0 { &[] } else { rule.words })
            .collect();
        let prefilter = Prefilter::new(&words).map_err(|error| Error::Internal(error.to_string()))?;
        Ok(Self {
            prefilter,
            compiled: RULES.iter().map(|_| OnceCell::new()).collect(),
            begin_key: OnceCell::new(),
            end_key: OnceCell::new(),
            enabled,
            custom: compile_custom(&config.patterns)?,
            annotate: config.annotate,
        })
    }

    /// Whether changed lines are annotated.
    pub fn annotates(&self) -> bool {
        self.annotate
    }

    /// Whether there are patterns that the prefilter knows nothing of.
    pub fn looks_at_every_line(&self) -> bool {
        !self.custom.is_empty()
    }

    /// The next line from `index` on that could have a secret.
    pub fn next_candidate(&self, batch: &Batch<'_>, index: usize) -> Option<usize> {
        self.prefilter.next_candidate(batch, index)
    }

    /// The line without its secrets and the rules that took them, or `None` where there is nothing to take.
    pub fn redact<'a>(&'a self, line: &str, block: &mut Option<Block>) -> Option<(String, Vec<&'a str>)> {
        let mut spans = Vec::new();
        let candidates = self.prefilter.rules_for(line) & self.enabled;
        if block.is_some() || candidates & PRIVATE_KEY_BIT != 0 {
            self.find_key(line, block, &mut spans);
        }
        for (bit, rule) in RULES.iter().enumerate() {
            if candidates & (1 << bit) != 0 {
                self.find(bit, rule, line, &mut spans);
            }
        }
        for (name, pattern) in &self.custom {
            let found = pattern.captures_iter(line).filter_map(|captures| {
                captures.name("secret").or_else(|| captures.get(0)).filter(|secret| !secret.is_empty())
            });
            spans.extend(found.map(|secret| Span { start: secret.start(), end: secret.end(), rule: name }));
        }
        (!spans.is_empty()).then(|| apply(line, spans))
    }

    fn find(&self, bit: usize, rule: &'static Rule, line: &str, spans: &mut Vec<Span<'_>>) {
        let patterns = self.compiled[bit].get_or_init(|| rule.patterns.iter().map(|text| built_in(text)).collect());
        for pattern in patterns {
            for captures in pattern.captures_iter(line) {
                if let Some((start, end)) = (rule.secret)(&captures, line) {
                    spans.push(Span { start, end, rule: rule.id });
                }
            }
        }
    }

    /// Private keys, which begin and end on other lines or on this one.
    fn find_key(&self, line: &str, block: &mut Option<Block>, spans: &mut Vec<Span<'_>>) {
        let begin = self.begin_key.get_or_init(|| built_in(BEGIN_KEY));
        let end = self.end_key.get_or_init(|| built_in(END_KEY));
        let mut span = |start, end| spans.push(Span { start, end, rule: PRIVATE_KEY });
        let mut from = 0;
        if let Some(inside) = block {
            if let Some(found) = end.find(line) {
                span(0, found.end());
                from = found.end();
                *block = None;
            } else if inside.goes_on(line) {
                span(0, line.len());
                return;
            } else {
                *block = None;
            }
        }
        while let Some(opened) = begin.find_at(line, from) {
            if let Some(closed) = end.find_at(line, opened.end()) {
                span(opened.start(), closed.end());
                from = closed.end();
            } else {
                span(opened.start(), line.len());
                *block = Some(Block::default());
                return;
            }
        }
    }
}

/// The bit of the rule whose words announce a private key.
const PRIVATE_KEY_BIT: RuleSet = 1;

/// The secret of a match: the group `secret`, or all of it.
pub fn whole(captures: &Captures<'_>, _line: &str) -> Option<(usize, usize)> {
    let secret = captures.name("secret").or_else(|| captures.get(0))?;
    (!secret.is_empty()).then(|| (secret.start(), secret.end()))
}

/// Puts marks in place of the spans. Spans that touch become one, named by the rule that comes first in the line, so
/// that no byte which any rule matched is left over.
fn apply<'a>(line: &str, mut spans: Vec<Span<'a>>) -> (String, Vec<&'a str>) {
    // The sort is stable: of spans that begin together the rule that is listed first gives the name.
    spans.sort_by_key(|span| span.start);
    let mut merged: Vec<Span<'a>> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.start < last.end => last.end = last.end.max(span.end),
            _ => merged.push(span),
        }
    }
    let mut text = String::with_capacity(line.len());
    let mut rules = Vec::new();
    let mut from = 0;
    for span in merged {
        text.push_str(&line[from..span.start]);
        text.push_str("[redacted:");
        text.push_str(span.rule);
        text.push(']');
        from = span.end;
        if !rules.contains(&span.rule) {
            rules.push(span.rule);
        }
    }
    text.push_str(&line[from..]);
    (text, rules)
}

fn built_in(pattern: &str) -> Regex {
    RegexBuilder::new(pattern).build().expect("built-in patterns are tested")
}

fn compile_custom(patterns: &[Pattern]) -> Result<Vec<(String, Regex)>> {
    if patterns.len() > PATTERNS_MAX {
        return Err(Error::InvalidInput(format!("`patterns` has {} entries; at most {PATTERNS_MAX}", patterns.len())));
    }
    patterns.iter().map(compile_one).collect()
}

fn compile_one(pattern: &Pattern) -> Result<(String, Regex)> {
    let Pattern { name, pattern } = pattern;
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > 40 || !name.chars().all(fits) {
        return Err(Error::InvalidInput(format!(
            "`patterns`: the name `{name}` does not fit; 1 to 40 characters of a-z, 0-9 and `-`"
        )));
    }
    let regex = RegexBuilder::new(pattern).size_limit(PATTERN_SIZE_MAX).build().map_err(|error| {
        Error::InvalidInput(format!("`patterns`: the pattern of `{name}` does not compile: {error}"))
    })?;
    if regex.is_match("") {
        return Err(Error::InvalidInput(format!(
            "`patterns`: the pattern of `{name}` matches the empty string, so it would match everywhere"
        )));
    }
    Ok((name.clone(), regex))
}

//! Finds the lines of a chunk that a query means.

use corral_domain::{LineRef, Lines};
use corral_storage::StorageError;
use corral_storage::chunk::Unpacked;
use memchr::memmem::Finder;
use regex::bytes::{Regex, RegexBuilder};

use super::query::{CONTEXT_MAX, HITS_MAX, InvalidQuery, PATTERN_MAX, Pattern, SearchQuery};

/// Size to which an expression may be compiled, in bytes.
const REGEX_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Matches within one line that are told.
const RANGES_MAX: usize = 32;

/// A query made ready.
pub(crate) struct Matcher {
    text: Text,
    query: SearchQuery,
}

enum Text {
    Any,
    Literal(Box<Finder<'static>>),
    Regex(Regex),
}

impl Matcher {
    /// Checks a query and compiles its pattern.
    pub(crate) fn new(query: &SearchQuery) -> Result<Self, InvalidQuery> {
        let invalid = |field, problem: String| Err(InvalidQuery { field, problem });
        if query.context > CONTEXT_MAX {
            return invalid("context", format!("is at most {CONTEXT_MAX}"));
        }
        if query.limit == 0 || query.limit > HITS_MAX {
            return invalid("limit", format!("is between 1 and {HITS_MAX}"));
        }
        let Some(Pattern::Literal(pattern) | Pattern::Regex(pattern)) = &query.pattern else {
            return Ok(Self { text: Text::Any, query: query.clone() });
        };
        if pattern.is_empty() || pattern.len() > PATTERN_MAX {
            return invalid("q", format!("has 1 to {PATTERN_MAX} bytes"));
        }
        if pattern.contains('\n') {
            return invalid("q", "has no newline: lines are searched one by one".to_owned());
        }
        let text = match &query.pattern {
            None => Text::Any,
            Some(Pattern::Literal(text)) if !query.ignore_case => {
                Text::Literal(Box::new(Finder::new(text.as_bytes()).into_owned()))
            }
            Some(Pattern::Literal(text)) => Text::Regex(regex(&regex::escape(text), true)?),
            Some(Pattern::Regex(text)) => Text::Regex(regex(text, query.ignore_case)?),
        };
        Ok(Self { text, query: query.clone() })
    }

    pub(crate) fn query(&self) -> &SearchQuery {
        &self.query
    }

    /// Indices of the lines of a chunk that are meant, with all its lines; these are made only if there are any.
    pub(crate) fn find(&self, chunk: &Unpacked) -> Result<Option<(Vec<usize>, Lines)>, StorageError> {
        let found = self.candidates(chunk);
        if found.is_empty() {
            return Ok(None);
        }
        let lines = chunk.lines()?;
        let meant = |index: &usize| lines.get(*index).is_some_and(|line| self.admits(&line));
        let found: Vec<usize> = found.into_iter().filter(meant).collect();
        Ok((!found.is_empty()).then_some((found, lines)))
    }

    /// Lines whose text matches.
    fn candidates(&self, chunk: &Unpacked) -> Vec<usize> {
        let (text, ends) = (chunk.text(), chunk.ends());
        let start = |index: usize| if index == 0 { 0 } else { ends[index - 1] };
        match &self.text {
            Text::Any => (0..ends.len()).collect(),
            Text::Regex(regex) => {
                (0..ends.len()).filter(|index| regex.is_match(&text[start(*index)..ends[*index]])).collect()
            }
            Text::Literal(finder) => {
                // All lines at once; what was found across the seam of two lines is no match.
                let mut found = Vec::new();
                let mut from = 0;
                while let Some(at) = finder.find(&text[from..]) {
                    let at = from + at;
                    let line = ends.partition_point(|end| *end <= at);
                    let Some(end) = ends.get(line) else { break };
                    if at + finder.needle().len() <= *end {
                        found.push(line);
                        from = *end;
                    } else {
                        from = at + 1;
                    }
                }
                found
            }
        }
    }

    /// Whether everything but the text is as it is wanted.
    fn admits(&self, line: &LineRef<'_>) -> bool {
        let query = &self.query;
        query.stream.is_none_or(|stream| stream == line.head.stream)
            && query.since.is_none_or(|since| line.head.at >= since)
            && query.until.is_none_or(|until| line.head.at < until)
            && query.annotations.iter().all(|term| match line.extras {
                Some(extras) => term.admits(extras.annotations.get(term.key()).map(String::as_str)),
                None => term.admits_none(),
            })
    }

    /// Where in a text the pattern is found: byte ranges, the first few.
    pub(crate) fn ranges(&self, text: &[u8]) -> Vec<(usize, usize)> {
        match &self.text {
            Text::Any => Vec::new(),
            Text::Literal(finder) => {
                finder.find_iter(text).take(RANGES_MAX).map(|at| (at, at + finder.needle().len())).collect()
            }
            Text::Regex(regex) => {
                let found = regex.find_iter(text).take(RANGES_MAX).map(|found| (found.start(), found.end()));
                found.filter(|(from, to)| from < to).collect()
            }
        }
    }
}

fn regex(pattern: &str, ignore_case: bool) -> Result<Regex, InvalidQuery> {
    let built = RegexBuilder::new(pattern).case_insensitive(ignore_case).size_limit(REGEX_BYTES_MAX).build();
    built.map_err(|error| InvalidQuery { field: "q", problem: said(&error) })
}

/// What the engine of expressions says, in one line: it draws the pattern with a caret below it.
fn said(error: &regex::Error) -> String {
    match error {
        regex::Error::Syntax(text) => {
            let what = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
            let caret = text.lines().find(|line| line.trim_start().starts_with('^')).and_then(|line| line.find('^'));
            // The drawing is indented by four.
            let place = caret.map_or_else(String::new, |at| format!(" at character {}", (at + 1).saturating_sub(4)));
            format!("is no regular expression: {what}{place}")
        }
        regex::Error::CompiledTooBig(max) => {
            format!("is a regular expression that needs more than {} MiB; repeat less in it", max / (1024 * 1024))
        }
        other => format!("is no regular expression: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use corral_domain::{LineHead, OutputStream, Timestamp};
    use corral_storage::chunk::encode;
    use proptest::prelude::*;

    use super::*;
    use crate::search::Scope;

    fn query(pattern: Pattern) -> SearchQuery {
        SearchQuery {
            pattern: Some(pattern),
            ignore_case: false,
            stream: None,
            annotations: Vec::new(),
            since: None,
            until: None,
            context: 0,
            limit: 1,
            scope: Scope::default(),
        }
    }

    fn found(query: &SearchQuery, texts: &[Vec<u8>]) -> Vec<usize> {
        let mut lines = Lines::default();
        for text in texts {
            let head = LineHead { at: Timestamp::default(), stream: OutputStream::Stdout, partial: false };
            lines.push(head, text);
        }
        let chunk = Unpacked::new(&encode(&lines)).unwrap();
        Matcher::new(query).unwrap().find(&chunk).unwrap().map(|(found, _)| found).unwrap_or_default()
    }

    proptest! {
        #[test]
        fn a_literal_is_found_exactly_in_the_lines_that_hold_it(
            texts in proptest::collection::vec(proptest::collection::vec(b'a'..=b'c', 0..6), 0..30),
            needle in "[abc]{1,3}",
        ) {
            let expected: Vec<usize> = (0..texts.len())
                .filter(|i| String::from_utf8(texts[*i].clone()).unwrap().contains(&needle))
                .collect();
            prop_assert_eq!(found(&query(Pattern::Literal(needle.clone())), &texts), expected.clone());
            prop_assert_eq!(found(&query(Pattern::Regex(needle.clone())), &texts), expected.clone());
            let loud = SearchQuery { ignore_case: true, ..query(Pattern::Literal(needle.to_uppercase())) };
            prop_assert_eq!(found(&loud, &texts), expected);
        }
    }

    #[test]
    fn anchors_are_those_of_the_line_and_bytes_may_be_anything() {
        let texts = [b"ab".to_vec(), b"b".to_vec(), b"\xff\xfeab".to_vec()];
        assert_eq!(found(&query(Pattern::Regex("^ab$".into())), &texts), [0]);
        assert_eq!(found(&query(Pattern::Regex("ab$".into())), &texts), [0, 2]);
    }

    #[test]
    fn a_query_that_cannot_be_searched_for_says_why() {
        let refused = |query: SearchQuery| Matcher::new(&query).map(|_| ()).unwrap_err().to_string();
        let unclosed = refused(query(Pattern::Regex("a(".into())));
        assert_eq!(unclosed, "q: is no regular expression: unclosed group at character 2");
        assert!(refused(query(Pattern::Literal(String::new()))).contains("1 to"));
        assert!(refused(query(Pattern::Literal("a\nb".into()))).contains("newline"));
        assert!(refused(query(Pattern::Regex("(a{1000}){1000}".into()))).contains("4 MiB"));
        assert!(refused(SearchQuery { limit: 0, ..query(Pattern::Literal("a".into())) }).contains("limit"));
    }
}

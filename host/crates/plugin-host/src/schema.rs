//! JSON Schemas of plugins: of their configuration, and of their templates' parameters. They are written by whoever wrote the plugin
//! and compiled by the host, so what they may cost is bounded before they are: a reference to itself never ends, thirty that each name
//! the next twice have a thousand million leaves, and either would take the host along.

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

/// Deepest schema, references followed.
const DEPTH_MAX: usize = 64;
/// Most values in a schema, each counted as often as it is referred to.
const VALUES_MAX: usize = 20_000;
/// Most patterns in a schema.
const PATTERNS_MAX: usize = 64;
/// Most memory that one compiled pattern may take, in bytes.
const PATTERN_BYTES_MAX: usize = 2 << 20;

/// Compiles a schema. Its patterns are matched in time that grows with the text and not with the pattern's tricks.
pub fn compile(schema: &Value) -> Result<Validator, String> {
    let mut walk = Walk { root: schema, values: 0, patterns: 0 };
    walk.value(schema, 0)?;
    let patterns = PatternOptions::regex().size_limit(PATTERN_BYTES_MAX);
    jsonschema::options().with_pattern_options(patterns).build(schema).map_err(|error| error.to_string())
}

/// Goes through a schema as one that checks a value would.
struct Walk<'a> {
    root: &'a Value,
    values: usize,
    patterns: usize,
}

impl<'a> Walk<'a> {
    fn value(&mut self, value: &'a Value, depth: usize) -> Result<(), String> {
        self.values += 1;
        if depth > DEPTH_MAX {
            return Err(format!("it is more than {DEPTH_MAX} deep, or refers to itself"));
        }
        if self.values > VALUES_MAX {
            return Err(format!("it has more than {VALUES_MAX} values when its references are followed"));
        }
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| self.value(item, depth + 1)),
            Value::Object(members) => members.iter().try_for_each(|(key, member)| self.member(key, member, depth)),
            _ => Ok(()),
        }
    }

    fn member(&mut self, key: &str, member: &'a Value, depth: usize) -> Result<(), String> {
        match (key, member) {
            ("$ref", Value::String(reference)) => {
                let target = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
                let target = target.ok_or_else(|| {
                    format!("`$ref` is `{reference}`; it names a place in the same file, as `#/$defs/port` does")
                })?;
                self.value(target, depth + 1)
            }
            ("$dynamicRef" | "$recursiveRef", Value::String(_)) => {
                Err(format!("`{key}` is not known here; use `$ref`"))
            }
            ("pattern", Value::String(_)) => self.pattern(1),
            ("patternProperties", Value::Object(patterns)) => {
                self.pattern(patterns.len())?;
                self.value(member, depth + 1)
            }
            _ => self.value(member, depth + 1),
        }
    }

    fn pattern(&mut self, count: usize) -> Result<(), String> {
        self.patterns += count;
        if self.patterns > PATTERNS_MAX {
            return Err(format!("it has more than {PATTERNS_MAX} patterns"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(schema: &Value) -> String {
        compile(schema).map(|_| ()).unwrap_err()
    }

    #[test]
    fn references_within_the_file_are_followed() {
        let schema = json!({"$defs": {"port": {"type": "integer", "maximum": 65_535}}, "properties": {"p": {"$ref": "#/$defs/port"}}});
        let validator = compile(&schema).unwrap();
        assert!(validator.is_valid(&json!({"p": 22})) && !validator.is_valid(&json!({"p": 70_000})));
    }

    #[test]
    fn what_would_never_end_or_leave_the_file_is_refused() {
        assert!(refused(&json!({"$ref": "#"})).contains("refers to itself"));
        let each = json!({"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}});
        assert!(refused(&json!({"$defs": each, "$ref": "#/$defs/a"})).contains("refers to itself"));
        for far in ["https://example.com/schema.json", "other.json", "#anchor", "file:///etc/passwd"] {
            assert!(refused(&json!({"$ref": far})).contains("a place in the same file"), "{far}");
        }
        assert!(refused(&json!({"$dynamicRef": "#node"})).contains("use `$ref`"));
    }

    #[test]
    fn a_small_file_that_is_large_when_it_is_followed_is_refused() {
        let mut definitions = serde_json::Map::new();
        for n in 0..40 {
            let next = json!({"$ref": format!("#/$defs/d{}", n + 1)});
            definitions.insert(format!("d{n}"), json!({"allOf": [next, next]}));
        }
        definitions.insert("d40".into(), json!({"type": "string"}));
        let problem = refused(&json!({"$defs": definitions, "$ref": "#/$defs/d0"}));
        assert!(problem.contains("when its references are followed") || problem.contains("deep"), "{problem}");
        let mut deep = json!({"type": "string"});
        for _ in 0..100 {
            deep = json!({"items": deep});
        }
        assert!(refused(&deep).contains("more than 64 deep"));
    }

    #[test]
    fn patterns_are_bounded_in_number_and_size_and_do_not_go_back() {
        let many: Vec<_> = (0..65).map(|n| json!({"pattern": format!("a{n}")})).collect();
        assert!(refused(&json!({"anyOf": many})).contains("more than 64 patterns"));
        assert!(compile(&json!({"pattern": "(((a{1000}){1000}){1000})"})).is_err());
        // A machine that goes back needs longer than anybody waits for these.
        let validator = compile(&json!({"pattern": "^(a+)+$"})).unwrap();
        assert!(!validator.is_valid(&json!(format!("{}b", "a".repeat(50_000)))));
        assert!(compile(&json!({"pattern": r"^(?=a)(\1b)"})).is_err(), "what needs it is refused");
    }
}

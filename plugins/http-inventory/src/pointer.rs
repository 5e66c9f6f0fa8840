//! Pointers into JSON: RFC 6901, and two segments more. `*` is every element of a list, `[KEY=VALUE]` those whose member `KEY` is
//! `VALUE`, for lists of pairs such as the tags of a cloud.

use std::str::FromStr;

use corral_plugin_sdk::prelude::*;
use serde_json::Value;

/// A way into a document. It can lead to several places.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Pointer(Vec<Segment>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    /// A member of an object, or by number an element of a list.
    Named(String),
    /// Every element of a list.
    Every,
    /// Elements of a list, by a member.
    Where(String, String),
}

impl FromStr for Pointer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rest = match text.strip_prefix('/') {
            Some(rest) => rest,
            None if text.is_empty() => return Ok(Self::default()),
            None => {
                return Err(format!("`{text}` is no pointer; it begins with `/`, as in `/results` or `/data/0/name`"));
            }
        };
        Ok(Self(rest.split('/').map(segment).collect()))
    }
}

impl TryFrom<String> for Pointer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

fn segment(text: &str) -> Segment {
    let plain = |text: &str| text.replace("~1", "/").replace("~0", "~");
    let inside = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match inside.and_then(|inside| inside.split_once('=')) {
        Some((key, value)) => Segment::Where(plain(key), plain(value)),
        None if text == "*" => Segment::Every,
        None => Segment::Named(plain(text)),
    }
}

impl Pointer {
    /// All places to which it leads, in order.
    pub fn all<'a>(&self, document: &'a Value) -> Vec<&'a Value> {
        let mut places = vec![document];
        for segment in &self.0 {
            places = places.into_iter().flat_map(|place| step(segment, place)).collect();
        }
        places
    }

    /// The first place that is not null.
    pub fn first<'a>(&self, document: &'a Value) -> Option<&'a Value> {
        self.all(document).into_iter().find(|value| !value.is_null())
    }
}

fn step<'a>(segment: &Segment, place: &'a Value) -> Vec<&'a Value> {
    match (segment, place) {
        (Segment::Named(name), Value::Object(members)) => members.get(name).into_iter().collect(),
        (Segment::Named(name), Value::Array(elements)) => {
            name.parse().ok().and_then(|index: usize| elements.get(index)).into_iter().collect()
        }
        (Segment::Every, Value::Array(elements)) => elements.iter().collect(),
        (Segment::Where(key, wanted), Value::Array(elements)) => elements
            .iter()
            .filter(|element| element.get(key).and_then(text_of).is_some_and(|text| text == *wanted))
            .collect(),
        _ => Vec::new(),
    }
}

/// A value as text: no objects, no lists, nothing empty.
pub fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn all(pointer: &str, document: &Value) -> Value {
        pointer.parse::<Pointer>().unwrap().all(document).into_iter().cloned().collect()
    }

    #[test]
    fn pointers_lead_where_the_standard_says() {
        let document = json!({"": 0, "a/b": 1, "m~n": 2, "a": [10, {"b": 3}], "*": 4});
        for (pointer, wanted) in [
            ("/", json!([0])),
            ("/a~1b", json!([1])),
            ("/m~0n", json!([2])),
            ("/a/0", json!([10])),
            ("/a/1/b", json!([3])),
            ("/a/9", json!([])),
            ("/none", json!([])),
            ("/a/b", json!([])),
        ] {
            assert_eq!(all(pointer, &document), wanted, "{pointer}");
        }
        assert_eq!(all("", &document), json!([document]));
        assert!("a".parse::<Pointer>().unwrap_err().contains("it begins with `/`"));
    }

    #[test]
    fn elements_are_found_by_a_member_or_all_at_once() {
        let document = json!({
            "groups": [{"vms": [1, 2]}, {"none": 0}, {"vms": [3]}],
            "tags": [{"Key": "env", "Value": "prod"}, {"Key": "Name", "Value": "web-1"}, {"Key": "n/a", "Value": 7}]
        });
        assert_eq!(all("/groups/*/vms", &document), json!([[1, 2], [3]]));
        assert_eq!(all("/groups/*/vms/*", &document), json!([1, 2, 3]));
        assert_eq!(all("/tags/[Key=Name]/Value", &document), json!(["web-1"]));
        assert_eq!(all("/tags/[Key=n~1a]/Value", &document), json!([7]));
        assert_eq!(all("/tags/[Value=7]/Key", &document), json!(["n/a"]));
        assert_eq!(all("/tags/[Key=none]/Value", &document), json!([]));
    }
}

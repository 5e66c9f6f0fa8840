//! Texts with places of an element in them: `{/name}.example.com`. A text without a place is a constant; one of which a place is
//! empty is no text at all, so that the next of several can take its turn.

use std::str::FromStr;

use corral_plugin_sdk::prelude::*;
use serde_json::Value;

use crate::pointer::{Pointer, text_of};

/// One thing of the list.
#[derive(Debug, Clone, Copy)]
pub struct Element<'a> {
    /// It.
    pub value: &'a Value,
    /// Its name, where the list is an object.
    pub key: Option<&'a str>,
}

/// One or more texts, of which the first counts that is one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Texts")]
pub struct Field(Vec<Template>);

#[derive(Deserialize)]
#[serde(untagged)]
enum Texts {
    One(String),
    Several(Vec<String>),
}

impl TryFrom<Texts> for Field {
    type Error = String;

    fn try_from(texts: Texts) -> Result<Self, String> {
        let texts = match texts {
            Texts::One(text) => vec![text],
            Texts::Several(texts) => texts,
        };
        Ok(Self(texts.iter().map(|text| text.parse()).collect::<Result<_, _>>()?))
    }
}

impl Field {
    /// The first text.
    pub fn text(&self, element: Element<'_>) -> Option<String> {
        self.0.iter().find_map(|template| template.text(element))
    }

    /// All texts, where it leads to several: each one of a list, and each of several templates.
    pub fn texts(&self, element: Element<'_>) -> Vec<String> {
        self.0.iter().flat_map(|template| template.texts(element)).collect()
    }
}

/// A text with places.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Place(Place, Vec<Change>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Key,
    Value(Pointer),
}

/// What is done to a text before it is put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// The address of `10.0.0.5/24`, `10.0.0.5:22`, `[::1]:22`, `https://web-1/x`.
    Host,
    /// The port of `10.0.0.5:22`, `[::1]:22`.
    Port,
    /// The first label of a name: `web-1` of `web-1.example.com`.
    Short,
    /// Small letters.
    Lower,
}

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let (mut plain, mut rest) = (String::new(), text);
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                plain.push_str(brace);
                rest = after;
                continue;
            }
            let inside = rest.split_once('}').filter(|_| brace == "{");
            let (inside, after) = inside.ok_or_else(|| {
                format!("`{text}` has a brace without its other; write `{{{{` or `}}}}` for one that stays")
            })?;
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            parts.push(place(inside).map_err(|problem| format!("`{text}`: {problem}"))?);
            rest = after;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self(parts))
    }
}

fn place(text: &str) -> Result<Part, String> {
    let mut words = text.split('|').map(str::trim);
    let place = match words.next() {
        Some("@key") => Place::Key,
        pointer => Place::Value(pointer.unwrap_or_default().parse()?),
    };
    let change = |word| match word {
        "host" => Ok(Change::Host),
        "port" => Ok(Change::Port),
        "short" => Ok(Change::Short),
        "lower" => Ok(Change::Lower),
        other => Err(format!("there is no `|{other}`; there are |host, |port, |short and |lower")),
    };
    Ok(Part::Place(place, words.map(change).collect::<Result<_, _>>()?))
}

impl Template {
    fn text(&self, element: Element<'_>) -> Option<String> {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Place(place, changes) => {
                    let found = match place {
                        Place::Key => element.key.map(str::to_owned),
                        Place::Value(pointer) => pointer.all(element.value).into_iter().find_map(text_of),
                    };
                    text.push_str(&changed(found?, changes)?);
                }
            }
        }
        Some(text).filter(|text| !text.is_empty())
    }

    fn texts(&self, element: Element<'_>) -> Vec<String> {
        let [Part::Place(Place::Value(pointer), changes)] = self.0.as_slice() else {
            return self.text(element).into_iter().collect();
        };
        let places = pointer.all(element.value);
        let each = places.iter().flat_map(|place| match place {
            Value::Array(elements) => elements.iter().collect(),
            other => vec![*other],
        });
        each.filter_map(text_of).filter_map(|text| changed(text, changes)).collect()
    }
}

fn changed(text: String, changes: &[Change]) -> Option<String> {
    let changed = changes.iter().try_fold(text, |text, change| {
        let (host, port) = host_and_port(&text);
        match change {
            Change::Host => Some(host.to_owned()),
            Change::Port => port.map(str::to_owned),
            Change::Short if host.parse::<std::net::IpAddr>().is_ok() => Some(host.to_owned()),
            Change::Short => text.split('.').next().map(str::to_owned),
            Change::Lower => Some(text.to_lowercase()),
        }
    });
    changed.filter(|text| !text.is_empty())
}

fn host_and_port(text: &str) -> (&str, Option<&str>) {
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    let text = text.split('/').next().unwrap_or(text);
    if let Some((host, after)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (host, after.strip_prefix(':'));
    }
    match text.split_once(':') {
        Some((host, port)) if !port.contains(':') => (host, Some(port)),
        _ => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(templates: Value, element: &Value) -> Option<String> {
        serde_json::from_value::<Field>(templates).unwrap().text(Element { value: element, key: Some("web-1") })
    }

    #[test]
    fn places_are_put_in_and_what_is_empty_gives_way_to_the_next() {
        let element =
            json!({"name": "Web-1.Example.com", "ip": "10.0.0.5/24", "n": 7, "none": null, "empty": " ", "list": [1]});
        for (templates, wanted) in [
            (json!("root"), Some("root")),
            (json!("/root/.ssh/id"), Some("/root/.ssh/id")),
            (json!("{/name}"), Some("Web-1.Example.com")),
            (json!("{/name|short|lower}.lan"), Some("web-1.lan")),
            (json!("{/ip | host}"), Some("10.0.0.5")),
            (json!("vm-{/n}-{@key}"), Some("vm-7-web-1")),
            (json!("{/none}.lan"), None),
            (json!("{/empty}"), None),
            (json!("{/list}"), None),
            (json!("{/list/*}"), Some("1")),
            (json!(["{/none}", "{/ip|port}", "{/n}"]), Some("7")),
            (json!("{{{/n}}}"), Some("{7}")),
            (json!(""), None),
        ] {
            assert_eq!(text(templates.clone(), &element).as_deref(), wanted, "{templates}");
        }
        assert_eq!(text(json!("{}"), &json!("web-1:22")).as_deref(), Some("web-1:22"));
    }

    #[test]
    fn hosts_and_ports_are_taken_out_of_what_holds_them() {
        for (text, host, port) in [
            ("10.0.0.5", "10.0.0.5", None),
            ("10.0.0.5/24", "10.0.0.5", None),
            ("10.0.0.5:2222", "10.0.0.5", Some("2222")),
            ("2001:db8::1", "2001:db8::1", None),
            ("2001:db8::1/64", "2001:db8::1", None),
            ("[2001:db8::1]:22", "2001:db8::1", Some("22")),
            ("https://web-1.example.com:8443/x", "web-1.example.com", Some("8443")),
        ] {
            assert_eq!(host_and_port(text), (host, port), "{text}");
        }
    }

    #[test]
    fn lists_give_all_their_texts() {
        let element = json!({"hops": ["a", null, "b"], "one": "c", "of": [{"n": 1}, {"n": 2}]});
        let texts = |field: Value| {
            serde_json::from_value::<Field>(field).unwrap().texts(Element { value: &element, key: None })
        };
        assert_eq!(texts(json!("{/hops}")), ["a", "b"]);
        assert_eq!(texts(json!("{/of/*/n}")), ["1", "2"]);
        assert_eq!(texts(json!(["{/one}", "gate", "x{/none}"])), ["c", "gate"]);
    }

    #[test]
    fn a_mistake_is_named() {
        for (template, why) in [
            ("{/name", "brace without its other"),
            ("name}", "brace without its other"),
            ("{name}", "it begins with `/`"),
            ("{/name|upper}", "there is no `|upper`"),
        ] {
            let problem = serde_json::from_value::<Field>(json!(template)).unwrap_err().to_string();
            assert!(problem.contains(why), "{template}: {problem}");
        }
    }
}

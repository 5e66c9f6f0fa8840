//! Hosts on the network, made up.

use std::sync::{Mutex, PoisonError};

use corral_plugin_host::{MadeUpWeb, WebAnswer as Answer};
use reqwest::Url;
use reqwest::header::HeaderMap;

use super::WebAnswer;

/// The answers of an example.
pub struct Web {
    answers: Vec<WebAnswer>,
    used: Mutex<Vec<bool>>,
}

impl Web {
    /// Of what an example gives.
    pub fn of(answers: &[WebAnswer]) -> Self {
        Self { answers: answers.to_vec(), used: Mutex::new(vec![false; answers.len()]) }
    }
}

impl MadeUpWeb for Web {
    fn answer(&self, method: &str, url: &str, headers: &HeaderMap, _body: &[u8]) -> Option<Answer> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let has = |name: &String, value: &String| headers.get(name).is_some_and(|given| given == value.as_str());
        let fits = |one: &WebAnswer| {
            one.method == method && same(&one.url, url) && one.with.iter().all(|(name, value)| has(name, value))
        };
        let fitting: Vec<usize> = (0..self.answers.len()).filter(|index| fits(&self.answers[*index])).collect();
        let index = fitting.iter().copied().find(|index| !used[*index]).or(fitting.last().copied())?;
        used[index] = true;
        let one = &self.answers[index];
        let body = one.json.as_ref().map(ToString::to_string).or_else(|| one.body.clone()).unwrap_or_default();
        let headers = one.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
        Some(Answer { status: one.status, headers, body: body.into_bytes() })
    }
}

/// Whether two URLs are the same, however they are written.
fn same(one: &str, other: &str) -> bool {
    one == other || Url::parse(one).is_ok_and(|one| Url::parse(other).is_ok_and(|other| one == other))
}

/// The grant by which a URL is reached: `http:HOST`, with the port where it is not the usual one.
pub fn grant_for(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("http:{}{port}", url.host_str()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_in_order_and_the_last_for_good() {
        let of = |text: &str| serde_json::from_str::<WebAnswer>(text).unwrap();
        let web = Web::of(&[
            of(r#"{"url": "https://a.example/x", "status": 429, "headers": {"Retry-After": "1"}}"#),
            of(r#"{"url": "https://a.example/x", "json": [1]}"#),
            of(r#"{"url": "https://a.example/y", "with": {"authorization": "Bearer t"}, "body": "in"}"#),
        ]);
        let ask = |url: &str, headers: &HeaderMap| {
            web.answer("GET", url, headers, b"").map(|answer| (answer.status, answer.body))
        };
        let none = HeaderMap::new();
        let statuses: Vec<_> = (0..3).map(|_| ask("https://a.example:443/x", &none).unwrap().0).collect();
        assert_eq!(statuses, [429, 200, 200]);
        assert_eq!(ask("https://a.example/y", &none), None, "without its token nobody answers");
        let token = HeaderMap::from_iter([(reqwest::header::AUTHORIZATION, "Bearer t".parse().unwrap())]);
        assert_eq!(ask("https://a.example/y", &token), Some((200, b"in".to_vec())));
        assert_eq!(web.answer("POST", "https://a.example/x", &none, b"").map(|answer| answer.status), None);
    }

    #[test]
    fn what_answers_is_granted() {
        assert_eq!(grant_for("https://a.example/x?y").as_deref(), Some("http:a.example"));
        assert_eq!(grant_for("http://10.0.0.5:8080/").as_deref(), Some("http:10.0.0.5:8080"));
        assert_eq!(grant_for("no"), None);
    }
}

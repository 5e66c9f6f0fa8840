//! From page to page: paging of each kind, waits, broken answers, bounds.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use corral_plugin_http_inventory::{Config, discover};
use corral_plugin_sdk::http::Response;
use corral_plugin_sdk::{Error, FoundVm, testing};
use serde_json::{Value, json};

/// What became of a discovery.
struct Run {
    outcome: Result<Vec<FoundVm>, Error>,
    /// URLs that were asked, one after the other.
    asked: Vec<String>,
    /// Waits between, in milliseconds.
    waits: Vec<u128>,
}

impl Run {
    fn names(&self) -> Vec<&str> {
        self.outcome.as_ref().unwrap().iter().map(|vm| vm.name.as_str()).collect()
    }

    fn problem(&self) -> String {
        self.outcome.as_ref().map(Vec::len).unwrap_err().to_string()
    }
}

fn page(body: &Value) -> Response {
    Response { status: 200, headers: Vec::new(), body: body.to_string().into_bytes() }
}

fn status(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Response { status, headers, body: body.as_bytes().to_vec() }
}

fn source(more: Value) -> Value {
    let mut source = json!({"name": "s", "url": "https://h.example/vms?k=v", "list": "/vms", "fields": {"name": "{}"}});
    for (key, value) in more.as_object().unwrap() {
        source[key] = value.clone();
    }
    source
}

/// Asks until the end, as the host does.
fn run(sources: &[Value], mut answer: impl FnMut(&str) -> Response + 'static) -> Run {
    let config: Config = serde_json::from_value(json!({"sources": sources})).unwrap();
    let asked = Rc::<RefCell<Vec<String>>>::default();
    let log = asked.clone();
    testing::set_web(move |request| {
        log.borrow_mut().push(request.url.clone());
        Ok(answer(&request.url))
    });
    let (mut vms, mut cursor, mut waits) = (Vec::new(), None::<String>, Vec::new());
    let outcome = loop {
        match discover(&config, cursor.as_deref(), |wait: Duration| waits.push(wait.as_millis())) {
            Err(error) => break Err(error),
            Ok(page) => {
                vms.extend(page.vms);
                match page.next {
                    None => break Ok(vms),
                    next => assert_ne!(std::mem::replace(&mut cursor, next.clone()), next),
                }
            }
        }
    };
    let asked = asked.take();
    Run { outcome, asked, waits }
}

#[test]
fn the_next_link_is_followed_to_its_end() {
    let run = run(&[source(json!({"paging": {"by": "next-link", "pointer": "/links/next"}}))], |url| match url {
        "https://h.example/vms?k=v" => page(&json!({"vms": ["a", "b"], "links": {"next": "?page=2"}})),
        // As a server behind a proxy calls itself.
        "https://h.example/vms?page=2" => {
            page(&json!({"vms": ["c"], "links": {"next": "http://H.example/vms?page=3"}}))
        }
        "https://h.example/vms?page=3" => page(&json!({"vms": [], "links": {"next": null}})),
        other => panic!("{other}"),
    });
    assert_eq!(run.names(), ["a", "b", "c"]);
}

#[test]
fn the_header_link_is_followed_to_its_end() {
    let run = run(&[source(json!({"paging": {"by": "link-header"}}))], |url| {
        let body = json!({"vms": [url.len()]}).to_string();
        match url.split_once("page=") {
            None => status(200, &[("link", "</vms?page=2>; rel=\"next\", </vms?page=3>; rel=\"last\"")], &body),
            Some((_, "2")) => {
                status(200, &[("link", "</vms>; rel=first"), ("link", "</vms?page=31>; rel=next")], &body)
            }
            Some(_) => status(200, &[("link", "</vms?page=2>; rel=\"prev\"")], &body),
        }
    });
    assert_eq!(run.names(), ["25", "28", "29"]);
}

#[test]
fn numbered_pages_are_asked_until_one_is_empty_or_all_are_there() {
    let lists = |url: &str| {
        let number: usize = url.rsplit_once("p=").unwrap().1.parse().unwrap();
        json!({"vms": if number < 2 { vec![format!("a{number}"), format!("b{number}")] } else { Vec::new() }, "meta": {"total": 4}})
    };
    let paging = json!({"by": "page", "parameter": "p", "first": 0});
    let until_empty = run(&[source(json!({"paging": paging}))], move |url| page(&lists(url)));
    assert_eq!(until_empty.names(), ["a0", "b0", "a1", "b1"]);
    assert_eq!(until_empty.asked, [0, 1, 2].map(|number| format!("https://h.example/vms?k=v&p={number}")));
    let paging = json!({"by": "page", "parameter": "p", "first": 0, "total": "/meta/total"});
    let until_all = run(&[source(json!({"paging": paging}))], move |url| page(&lists(url)));
    assert_eq!((until_all.names().len(), until_all.asked.len()), (4, 2));
}

#[test]
fn offsets_count_what_was_listed_and_not_what_was_taken() {
    let all = ["a", "b", "c", "d", "e"];
    let only = json!([{"value": "{}", "not": ["b", "d"]}]);
    let run = run(&[source(json!({"only": only, "paging": {"by": "offset", "total": "/n"}}))], move |url| {
        let offset: usize = url.rsplit_once("offset=").unwrap().1.parse().unwrap();
        page(&json!({"vms": all[offset..].iter().take(2).collect::<Vec<_>>(), "n": 5}))
    });
    assert_eq!(run.names(), ["a", "c", "e"]);
    assert_eq!(run.asked.len(), 3);
}

#[test]
fn a_word_for_the_next_page_is_sent_back_escaped() {
    let run = run(&[source(json!({"paging": {"by": "cursor", "parameter": "after", "pointer": "/next"}}))], |url| {
        if url.contains("after=") {
            page(&json!({"vms": ["b"], "next": ""}))
        } else {
            page(&json!({"vms": ["a"], "next": "x y&z="}))
        }
    });
    assert_eq!(run.names(), ["a", "b"]);
    assert_eq!(run.asked[1], "https://h.example/vms?k=v&after=x%20y%26z%3D");
}

#[test]
fn several_inventories_come_one_after_the_other() {
    let second = json!({"name": "t", "url": "http://other.example/", "fields": {"name": "{@key}", "address": "{/ip}"}});
    let run = run(&[source(json!({})), second], |url| match url {
        "https://h.example/vms?k=v" => page(&json!({"vms": ["a"]})),
        _ => page(&json!({"a": {"ip": "10.0.0.1"}})),
    });
    let ids: Vec<_> = run.outcome.as_ref().unwrap().iter().map(|vm| vm.external_id.as_str()).collect();
    assert_eq!(ids, ["s/a", "t/a"]);
}

#[test]
fn a_server_that_asks_for_patience_is_given_it() {
    let mut answers = vec![
        status(429, &[("retry-after", "3")], "slow down"),
        status(503, &[("retry-after", "Thu, 26 Nov 2026 10:00:07 GMT"), ("date", "Thu, 26 Nov 2026 10:00:02 GMT")], ""),
        status(500, &[], ""),
        status(502, &[("retry-after", "soon")], ""),
        page(&json!({"vms": ["a"]})),
    ];
    let run = run(&[source(json!({}))], move |_| answers.remove(0));
    assert_eq!(run.names(), ["a"]);
    assert_eq!(run.waits, [3_000, 5_000, 2_000, 4_000]);
}

#[test]
fn patience_has_an_end() {
    let always = run(&[source(json!({}))], |_| status(503, &[], ""));
    assert_eq!(always.problem(), "s: page 1 (https://h.example/vms) answered 503, after 4 more tries; try again later");
    assert_eq!((always.asked.len(), always.waits), (5, vec![500, 1_000, 2_000, 4_000]));
    let long = run(&[source(json!({}))], |_| status(429, &[("retry-after", "3600")], ""));
    assert!(
        long.problem().ends_with("answered 429 and wants to be asked again in 3600 s; try then"),
        "{}",
        long.problem()
    );
    assert_eq!((long.asked.len(), long.waits.len()), (1, 0));
    // Each page may ask for some patience, all of them together not for more than a minute.
    let mut n = 0;
    let paging = json!({"by": "page"});
    let each = run(&[source(json!({"paging": paging}))], move |_| {
        n += 1;
        if n % 2 == 1 { status(429, &[("retry-after", "18")], "") } else { page(&json!({"vms": [n]})) }
    });
    assert_eq!((each.waits.len(), each.problem().contains("wants to be asked again in 18 s")), (3, true));
}

#[test]
fn broken_json_is_told_with_its_place() {
    for (body, why) in [
        (
            r#"{"vms": ["a", "b" "c"]}"#,
            "is no JSON: expected `,` or `]` at line 1 column 19, after `{\"vms\": [\"a\", \"b\"`",
        ),
        (
            "{\n \"vms\": [\n  \"a\",\n  oops\n]}",
            "is no JSON: expected value at line 4 column 3, after `{ \"vms\": [ \"a\",`",
        ),
        (
            r#"{"vms": ["a", "#,
            "is no JSON: EOF while parsing a value at line 1 column 14, after `{\"vms\": [\"a\",`; it seems to be cut off",
        ),
        (
            "<!DOCTYPE html><title>Log in</title>",
            "is no JSON but a web page, `<!DOCTYPE html><title>Log in</title>`; is this the URL of the API?",
        ),
        (" ", "is empty where JSON was expected"),
        ("\u{1}", "is no JSON: expected value at line 1 column 1, after ``"),
    ] {
        let run = run(&[source(json!({}))], move |_| status(200, &[], body));
        assert_eq!(run.problem().strip_prefix("s: page 1 (https://h.example/vms) "), Some(why), "{}", run.problem());
    }
}

#[test]
fn a_mark_before_the_text_is_no_mistake() {
    let run = run(&[source(json!({}))], |_| status(200, &[], "\u{feff}{\"vms\": [\"a\"]}"));
    assert_eq!(run.names(), ["a"]);
}

#[test]
fn answers_that_are_no_pages_say_what_to_do() {
    let token = json!({"token": {"secret": "t"}});
    testing::set_secret("t", "t0ken");
    for (code, more, why) in [
        (401, json!({}), "answered 401; it wants a token"),
        (403, token, "answered 403; is the secret `t` the right token"),
        (404, json!({}), "answered 404; is the URL right?"),
        (418, json!({}), "answered 418: I am a teapot"),
    ] {
        let run = run(&[source(more)], move |_| status(code, &[], "I am\na teapot"));
        assert!(run.problem().contains(why) && !run.problem().contains("t0ken"), "{}", run.problem());
    }
    let run = run(&[source(json!({}))], |_| page(&json!({"items": [], "count": 1})));
    assert_eq!(run.problem(), "s: there is no list where `list` points; the page has `/count`, `/items`");
}

#[test]
fn a_token_that_was_not_granted_is_not_replaced_by_nothing() {
    let run = run(&[source(json!({"token": {"secret": "none"}}))], |_| panic!("asked without the token"));
    assert!(matches!(&run.outcome, Err(Error::Denied(text)) if text.contains("secrets:none")), "{:?}", run.outcome);
}

#[test]
fn nothing_goes_on_for_ever() {
    let by_page = json!({"by": "page"});
    let mut n = 0;
    let endless = run(&[source(json!({"paging": by_page, "max_pages": 7}))], move |_| {
        n += 1;
        page(&json!({"vms": [n]}))
    });
    assert!(endless.problem().contains("more than 7 pages"), "{}", endless.problem());
    assert_eq!(endless.asked.len(), 7);
    let same = run(&[source(json!({"paging": by_page}))], |_| page(&json!({"vms": ["a"]})));
    assert!(same.problem().contains("page 2 is the same as the one before"), "{}", same.problem());
    let by_link = json!({"by": "next-link", "pointer": "/next"});
    let itself = run(&[source(json!({"paging": by_link}))], |url| page(&json!({"vms": ["a"], "next": url})));
    assert!(itself.problem().contains("names itself"), "{}", itself.problem());
    let strange =
        run(&[source(json!({"paging": by_link}))], |_| page(&json!({"vms": ["a"], "next": "https://evil.example/"})));
    assert!(strange.problem().contains("only pages of `h.example` are asked"), "{}", strange.problem());
    let many = run(&[source(json!({"max_machines": 3}))], |_| page(&json!({"vms": ["a", "b", "c", "d"]})));
    assert!(many.problem().contains("more than 3 machines"), "{}", many.problem());
}

#[test]
fn what_is_no_machine_is_left_out_and_the_rest_is_taken() {
    let fields =
        json!({"name": "{/name}", "address": "{/ip}", "port": "{/port}", "id": "{/id}", "host_keys": "{/keys}"});
    let run = run(&[source(json!({"fields": fields}))], |_| {
        page(&json!({"vms": [
            {"name": "good", "ip": "10.0.0.1", "id": 1, "keys": ["ssh-ed25519 AAAA", "ssh-rsa BBBB"]},
            {"ip": "10.0.0.2"},
            {"name": "nowhere", "ip": null},
            {"name": "odd", "ip": "10.0.0.3/24"},
            {"name": "port", "ip": "10.0.0.4", "port": "ssh"},
            {"name": "again", "ip": "10.0.0.5", "id": 1},
            "text", null,
            {"name": "last", "ip": "::1", "port": 2222}
        ]}))
    });
    assert_eq!(run.names(), ["good", "last"]);
    let vms = run.outcome.unwrap();
    assert_eq!(vms[0].host_keys, ["ssh-ed25519 AAAA", "ssh-rsa BBBB"]);
    assert_eq!((vms[1].external_id.as_str(), vms[1].port), ("s/last", 2222));
}

#[test]
fn a_configuration_that_cannot_be_used_says_why() {
    assert!(run(&[], |_| panic!()).problem().contains("no inventory is configured"));
    let problem = run(&[source(json!({})), source(json!({}))], |_| panic!()).problem();
    assert!(problem.contains("two inventories have the name `s`"), "{problem}");
    let problem = run(&[source(json!({"url": "h.example"}))], |_| panic!()).problem();
    assert!(problem.contains("`url` is no URL"), "{problem}");
    for (wrong, why) in [
        (json!({"list": "vms"}), "it begins with `/`"),
        (json!({"fields": {"name": "{/x"}}), "brace without its other"),
        (json!({"paging": {"by": "magic"}}), "magic"),
        (json!({"feilds": {}}), "feilds"),
    ] {
        let error = serde_json::from_value::<Config>(json!({"sources": [source(wrong)]})).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}

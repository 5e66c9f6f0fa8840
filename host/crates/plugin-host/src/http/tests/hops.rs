//! What is asked for, and where redirects lead.

use super::server::{Server, ok, redirect, with};
use super::{FetchError, Outgoing, fetch, get};

fn sending(method: &str, url: &str, body: Option<&str>) -> Outgoing {
    let headers =
        [("Authorization", "Bearer t0ken"), ("Cookie", "c"), ("X-Token", "t0ken"), ("Accept", "application/json")];
    let headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Outgoing::new(method, url, &headers, body.map(|body| body.as_bytes().to_vec())).unwrap()
}

#[tokio::test]
async fn what_is_granted_is_fetched_with_all_that_was_asked() {
    let server = Server::start("127.0.0.2", |_| {
        with("201 Created", &[("X-One", "1"), ("X-One", "2"), ("Set-Cookie", "c=1"), ("Connection", "close")], "made")
    });
    let server = server.await;
    let answer = fetch(sending("POST", &server.url("/a?b=c#d"), Some("body")), &[&server.grant()]).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (201, b"made".as_slice()));
    let ones = answer.headers.iter().filter(|(name, _)| name == "x-one").map(|(_, value)| value.as_str());
    assert_eq!(ones.collect::<Vec<_>>(), ["1", "2"]);
    assert!(!answer.headers.iter().any(|(name, _)| name == "connection"));
    let seen = server.seen();
    assert!(seen[0].starts_with("POST /a?b=c HTTP/1.1\r\n") && seen[0].ends_with("\r\n\r\nbody"), "{seen:?}");
    for line in ["authorization: Bearer t0ken", "x-token: t0ken", "content-length: 4"] {
        assert!(seen[0].contains(line), "{seen:?}");
    }
    // What one answer sets is not sent with the next request.
    fetch(get(&server.url("/")), &[&server.grant()]).await.unwrap();
    assert!(
        !server.seen()[1].contains("cookie") && server.seen()[1].contains("user-agent: corral/"),
        "{:?}",
        server.seen()
    );
}

#[tokio::test]
async fn what_is_not_granted_is_not_even_asked_for_its_name() {
    let server = Server::start("127.0.0.2", |_| ok("")).await;
    let other = server.grant().replace("127.0.0.2", "127.0.0.3");
    let error = fetch(get(&server.url("/x?secret=1")), &[&other, "localhost"]).await.unwrap_err();
    let grant = format!("http:{}", server.grant());
    assert_eq!(error.missing_grant(), Some(grant.as_str()));
    assert!(!error.to_string().contains("secret"), "{error}");
    let error = fetch(get("http://unknown.example/"), &[]).await.unwrap_err();
    assert!(matches!(&error, FetchError::NotGranted { grant, .. } if grant == "http:unknown.example"), "{error:?}");
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_redirect_on_the_list_is_followed_and_credentials_stay_at_home() {
    let second = Server::start("127.0.0.3", |_| ok("there")).await;
    let there = second.url("/there");
    let first = Server::start("127.0.0.2", move |request| match request {
        _ if request.starts_with("GET /here ") => redirect("302 Found", &there),
        _ => redirect("307 Temporary Redirect", "/here"),
    });
    let first = first.await;
    let answer = fetch(sending("GET", &first.url("/begin"), None), &[&first.grant(), &second.grant()]).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, b"there".as_slice()));
    assert!(first.seen()[1].contains("Bearer t0ken") && first.seen()[1].contains("x-token"), "{:?}", first.seen());
    let seen = second.seen();
    assert!(!seen[0].contains("t0ken") && !seen[0].contains("cookie"), "{seen:?}");
    assert!(seen[0].contains("accept: application/json"), "{seen:?}");
}

#[tokio::test]
async fn a_redirect_off_the_list_is_refused_and_the_other_never_hears_of_it() {
    let inner = Server::start("127.0.0.1", |_| ok("the host's own secrets")).await;
    for location in [
        inner.url("/admin"),
        format!("//{}/admin", inner.address),
        format!("http://[::ffff:127.0.0.1]:{}/", inner.port()),
    ] {
        let there = location.clone();
        let outer = Server::start("127.0.0.2", move |_| redirect("302 Found", &there)).await;
        let error = fetch(get(&outer.url("/a")), &[&outer.grant()]).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(&format!(" (to which {} redirects)", outer.url("/a"))), "{text}");
        assert_eq!(error.missing_grant(), Some(format!("http:127.0.0.1:{}", inner.port()).as_str()), "{location}");
        // The very same way is open where it was granted.
        assert_eq!(fetch(get(&outer.url("/a")), &[&outer.grant(), &inner.grant()]).await.unwrap().status, 200);
    }
    assert_eq!(inner.seen().len(), 3);
}

#[tokio::test]
async fn another_port_of_a_granted_host_is_not_granted() {
    let inner = Server::start("127.0.0.2", |_| ok("")).await;
    let there = inner.url("/");
    let outer = Server::start("127.0.0.2", move |_| redirect("301 Moved Permanently", &there)).await;
    let error = fetch(get(&outer.url("/")), &[&outer.grant(), "127.0.0.2"]).await.unwrap_err();
    assert!(matches!(error, FetchError::NotGranted { .. }), "{error:?}");
    assert!(inner.seen().is_empty());
}

#[tokio::test]
async fn redirects_without_end_end() {
    let server = Server::start("127.0.0.2", |_| redirect("308 Permanent Redirect", "/again")).await;
    let error = fetch(get(&server.url("/")), &[&server.grant()]).await.unwrap_err();
    assert_eq!(error.to_string(), format!("{} redirects more than 5 times", server.url("/")));
    assert_eq!(server.seen().len(), 6);
}

#[tokio::test]
async fn a_form_becomes_a_question_where_the_answer_says_see_other() {
    let server = Server::start("127.0.0.2", |request| {
        if request.starts_with("POST") { redirect("303 See Other", "/result") } else { ok("result") }
    });
    let server = server.await;
    let answer = fetch(sending("POST", &server.url("/"), Some("form")), &[&server.grant()]).await.unwrap();
    assert_eq!(answer.body, b"result");
    let seen = server.seen();
    assert!(
        seen[1].starts_with("GET /result ") && !seen[1].contains("form") && !seen[1].contains("content-length"),
        "{seen:?}"
    );
}

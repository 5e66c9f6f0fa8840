//! Sizes and times: what is too much or too slow ends in a sentence, and the connection with it.

use std::time::Duration;

use super::server::{Reply, Server, ok, with};
use super::{Fetcher, Quota, Table, Tls, allow, fetch, get};

fn head(lines: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{lines}\r\n").into_bytes()
}

async fn problem(server: &Server) -> String {
    fetch(get(&server.url("/x?secret")), &[&server.grant()]).await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_body_that_is_too_large_is_not_read_to_its_end() {
    let announced = Server::start("127.0.0.2", |_| Reply::Stalls(head("Content-Length: 8388609\r\n"))).await;
    assert!(problem(&announced).await.contains("is larger than 8 MiB"));
    announced.until_gone(1).await;
    let endless = Server::start("127.0.0.2", |_| {
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
        Reply::Endless(head("Transfer-Encoding: chunked\r\n"), chunk.into_bytes())
    });
    let endless = endless.await;
    let text = problem(&endless).await;
    assert!(
        text.contains("the body of") && text.contains("is larger than 8 MiB") && !text.contains("secret"),
        "{text}"
    );
    endless.until_gone(1).await;
}

#[tokio::test]
async fn a_body_of_the_largest_size_is_read() {
    let body = "x".repeat(8 << 20);
    let server = Server::start("127.0.0.2", move |_| ok(&body)).await;
    assert_eq!(fetch(get(&server.url("/")), &[&server.grant()]).await.unwrap().body.len(), 8 << 20);
}

#[tokio::test]
async fn headers_without_end_are_not_read_to_their_end() {
    let many =
        Server::start("127.0.0.2", |_| Reply::Endless(b"HTTP/1.1 200 OK\r\n".to_vec(), b"a: b\r\n".to_vec())).await;
    assert!(problem(&many).await.contains("could not be fetched"));
    many.until_gone(1).await;
    let long =
        Server::start("127.0.0.2", |_| Reply::Endless(b"HTTP/1.1 200 OK\r\na: ".to_vec(), vec![b'b'; 4096])).await;
    assert!(problem(&long).await.contains("could not be fetched"));
    long.until_gone(1).await;
    let large = "v".repeat(40 << 10);
    let two = Server::start("127.0.0.2", move |_| with("200 OK", &[("a", &large), ("b", &large)], "")).await;
    let text = problem(&two).await;
    assert!(text.contains("the header of") && text.contains("is larger than 64 KiB"), "{text}");
}

#[tokio::test]
async fn half_a_body_is_told_from_a_whole_one() {
    let server =
        Server::start("127.0.0.2", |_| Reply::Whole([head("Content-Length: 100\r\n"), b"half".to_vec()].concat()));
    let text = problem(&server.await).await;
    assert!(text.contains("the answer broke off after 4 bytes"), "{text}");
}

#[tokio::test]
async fn what_does_not_answer_or_stops_in_the_middle_is_given_up() {
    for reply in
        [Reply::Stalls(Vec::new()), Reply::Stalls([head("Content-Length: 100\r\n"), b"half".to_vec()].concat())]
    {
        let server = Server::start("127.0.0.2", move |_| reply.clone()).await;
        let fetcher = Fetcher::new(Table::of(&[]), Tls::default());
        let limit = Duration::from_millis(200);
        let error = fetcher
            .fetch(get(&server.url("/x?secret")), &allow(&[&server.grant()]), &Quota::default(), limit)
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{} did not answer within 200 ms; try again later, or ask for less at once", server.url("/x"))
        );
        server.until_gone(1).await;
    }
}

#[tokio::test]
async fn a_fetch_that_nobody_waits_for_lets_go_of_its_connection() {
    let server = Server::start("127.0.0.2", |_| Reply::Stalls(Vec::new())).await;
    let (url, grant) = (server.url("/"), server.grant());
    let fetching = tokio::spawn(async move { fetch(get(&url), &[&grant]).await });
    let seen = async {
        while server.seen().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(super::PATIENCE, seen).await.unwrap();
    fetching.abort();
    server.until_gone(1).await;
}

#[tokio::test]
async fn nonsense_is_not_taken_for_an_answer() {
    for (sent, why) in [
        ("SSH-2.0-OpenSSH_9.2\r\n", "invalid HTTP version"),
        ("HTTP/1.1 200 OK\r\nbad header\r\n\r\n", "invalid HTTP header"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "could not be fetched"),
        ("", "could not be fetched"),
    ] {
        let server = Server::start("127.0.0.2", move |_| Reply::Whole(sent.as_bytes().to_vec())).await;
        let text = problem(&server).await;
        assert!(text.contains("could not be fetched") && text.contains(why), "{sent:?}: {text}");
    }
    let server = Server::start("127.0.0.2", |_| ok("")).await;
    let (url, grant) = (server.url("/"), server.grant());
    drop(server);
    let text = fetch(get(&url), &[&grant]).await.unwrap_err().to_string();
    assert!(text.contains("refused") || text.contains("reset"), "{text}");
}

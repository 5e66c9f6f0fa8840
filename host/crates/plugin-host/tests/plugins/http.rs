//! Requests of a plugin: refused without a grant, and with one only as far as it goes.

#[path = "../../src/http/tests/server.rs"]
mod server;

use std::time::Duration;

use corral_domain::{PluginPolicy, PluginState};
use corral_engine::ports::{FilterChain, Plugins as _};
use server::{Reply, Server, ok, redirect, with};

use crate::bench::{Bench, PATIENCE, Running, guest, lines, manifest, texts};

const WANT: &str = "[[wants]]\ncapability = \"http\"\nreason = \"to ask\"\noptional = true\n";

async fn running(more: &str, grants: &[&str]) -> Running {
    let mut bench = Bench::new();
    bench.grant("p", grants).put("p", &manifest("p", "log-filter", &format!("{WANT}{more}")), &guest(false));
    let mut running = bench.start().await;
    running.until_state("p", PluginState::Active).await;
    running
}

/// What the guest is told when it fetches.
async fn fetch(chain: &mut Box<dyn FilterChain>, words: &str) -> String {
    texts(&chain.process(lines([format!("!fetch {words}")])).await.unwrap()).concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_was_granted_is_fetched_from_and_no_other() {
    let server = Server::start("127.0.0.2", |_| with("200 OK", &[("x", "y")], "hello")).await;
    let other = Server::start("127.0.0.3", |_| ok("not for you")).await;
    let running = running("", &[&format!("http:{}", server.grant())]).await;
    let mut chain = running.chain().await;
    let url = server.url("/list?token=secret");
    assert_eq!(fetch(&mut chain, &format!("{url} X-Token=t")).await, "Ok((200, \"hello\"))");
    assert!(server.seen()[0].contains("x-token: t"), "{:?}", server.seen());
    let denied = fetch(&mut chain, &other.url("/")).await;
    let command = format!("corral plugin grant p http:{}", other.grant());
    assert!(denied.contains("Error::Denied") && denied.contains(&command), "{denied}");
    assert!(other.seen().is_empty());
    let log: Vec<_> = running.host.log("p").unwrap().into_iter().map(|entry| entry.text).collect();
    let fetched = format!("GET {}: 200, 5 B in ", server.url("/list"));
    assert!(log.iter().any(|line| line.starts_with(&fetched)), "{log:?}");
    assert!(log.iter().any(|line| line.starts_with("denied: ") && line.contains(&command)), "{log:?}");
    assert!(!log.concat().contains("secret"), "{log:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_asked_without_a_grant_or_against_the_manifest() {
    let server = Server::start("127.0.0.2", |_| ok("hello")).await;
    let grant = format!("http:{}", server.grant());
    let none = running("", &[]).await;
    let denied = fetch(&mut none.chain().await, &server.url("/")).await;
    assert!(denied.contains(&format!("corral plugin grant p {grant}")), "{denied}");
    let narrow = running("hosts = [\"*.example.com\"]\n", &[&grant]).await;
    let denied = fetch(&mut narrow.chain().await, &server.url("/")).await;
    assert!(denied.contains("Error::Denied"), "{denied}");
    let wide = running("hosts = [\"127.0.0.*\"]\n", &[&grant]).await;
    assert!(fetch(&mut wide.chain().await, &server.url("/")).await.contains("hello"));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_goes_no_further_than_the_grants() {
    let inner = Server::start("127.0.0.1", |_| ok("inner")).await;
    let there = inner.url("/admin");
    let outer = Server::start("127.0.0.2", move |_| redirect("302 Found", &there)).await;
    let (outside, inside) = (format!("http:{}", outer.grant()), format!("http:127.0.0.1:{}", inner.port()));
    let running = running("", &[&outside]).await;
    let mut chain = running.chain().await;
    let denied = fetch(&mut chain, &outer.url("/a")).await;
    assert!(
        denied.contains("Error::Denied") && denied.contains(&format!("corral plugin grant p {inside}")),
        "{denied}"
    );
    assert!(denied.contains(&format!("to which {} redirects", outer.url("/a"))), "{denied}");
    // A grant holds from then on, and for a stream that is open.
    let policy = |grants: &[&String]| PluginPolicy {
        grants: grants.iter().map(|grant| grant.parse().unwrap()).collect(),
        ..PluginPolicy::default()
    };
    running.host.set_policy("p", policy(&[&inside])).await.unwrap();
    assert_eq!(fetch(&mut chain, &outer.url("/a")).await, "Ok((200, \"inner\"))");
    running.host.set_policy("p", policy(&[])).await.unwrap();
    assert!(fetch(&mut chain, &outer.url("/a")).await.contains("Error::Denied"));
    assert_eq!(inner.seen().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_too_long_or_is_too_much_is_told_while_the_call_still_goes_on() {
    let silent = Server::start("127.0.0.2", |_| Reply::Stalls(Vec::new())).await;
    let endless = Server::start("127.0.0.3", |_| {
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        Reply::Endless(head, format!("10000\r\n{}\r\n", "x".repeat(0x10000)).into_bytes())
    });
    let endless = endless.await;
    let grants = [silent.grant(), endless.grant()].map(|grant| format!("http:{grant}"));
    let limits = "[limits]\ntime-per-call = \"3 s\"\n";
    let running = running(limits, &grants.each_ref().map(String::as_str)).await;
    let mut chain = running.chain().await;
    let late = texts(&chain.process(lines([format!("!fetch-twice {}", silent.url("/x"))])).await.unwrap()).concat();
    assert!(late.contains("Error::Unavailable") && late.contains("/x did not answer within 2"), "{late}");
    assert!(late.contains("/x was not asked: the call has lasted as long as it may, 3 s"), "{late}");
    silent.until_gone(1).await;
    assert_eq!(silent.seen().len(), 1);
    let much = fetch(&mut chain, &endless.url("/")).await;
    assert!(much.contains("Error::InvalidInput") && much.contains("larger than 8 MiB"), "{much}");
    endless.until_gone(1).await;
    assert_eq!(running.info("p").unwrap().state, PluginState::Active);
    assert_eq!(running.host.stats("p").unwrap().failed, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_given_up_takes_its_request_with_it() {
    let silent = Server::start("127.0.0.2", |_| Reply::Stalls(Vec::new())).await;
    let running = running("", &[&format!("http:{}", silent.grant())]).await;
    let mut chain = running.chain().await;
    let url = silent.url("/");
    let call = tokio::spawn(async move { fetch(&mut chain, &url).await });
    let asked = async {
        while silent.seen().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap();
    call.abort();
    silent.until_gone(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_from_a_guest_is_its_own_mistake() {
    let server = Server::start("127.0.0.2", |_| ok("")).await;
    let running = running("", &[&format!("http:{}", server.grant())]).await;
    let mut chain = running.chain().await;
    for (words, why) in [
        ("file:///etc/passwd".to_owned(), "only http:// and https://"),
        (format!("http://me@{}/", server.address), "`Authorization`"),
        (format!("{} Host=evil.example", server.url("/")), "the host's to send"),
        (format!("{} x=a\u{7f}", server.url("/")), "has a line break or another control character"),
    ] {
        let refused = fetch(&mut chain, &words).await;
        assert!(refused.contains("Error::InvalidInput") && refused.contains(why), "{words}: {refused}");
    }
    assert!(server.seen().is_empty());
}

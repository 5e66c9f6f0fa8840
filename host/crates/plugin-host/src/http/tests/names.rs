//! Names: resolved once, and reached only at addresses that their grant reaches.

use super::server::{Server, ok, redirect};
use super::{FetchError, Table, fetch_by, get};

#[tokio::test]
async fn a_name_that_was_granted_leads_inside() {
    let server = Server::start("127.0.0.2", |_| ok("inside")).await;
    let table = Table::of(&[("inventory.lan", &["127.0.0.2"])]);
    let grant = format!("Inventory.LAN.:{}", server.port());
    let url = format!("http://INVENTORY.lan.:{}/", server.port());
    assert_eq!(fetch_by(&table, get(&url), &[&grant]).await.unwrap().body, b"inside");
    assert_eq!(table.asked(), ["inventory.lan"]);
    assert!(server.seen()[0].contains(&format!("host: inventory.lan:{}\r\n", server.port())), "{:?}", server.seen());
}

#[tokio::test]
async fn a_wildcard_never_leads_inside() {
    let server = Server::start("127.0.0.2", |_| ok("inside")).await;
    for address in
        ["127.0.0.2", "::ffff:127.0.0.2", "10.0.0.1", "fd00::1", "169.254.169.254", "0.0.0.0", "64:ff9b::7f00:2"]
    {
        let table = Table::of(&[("a.example.com", &[address])]);
        let url = format!("http://a.example.com:{}/", server.port());
        let error = fetch_by(&table, get(&url), &[&format!("*.example.com:{}", server.port())]).await.unwrap_err();
        assert!(matches!(error, FetchError::NotThere { .. }), "{address}: {error:?}");
        assert!(error.to_string().contains("`a.example.com` is at"), "{error}");
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_name_never_leads_to_what_the_cloud_gives_away() {
    for address in ["169.254.169.254", "fe80::1", "0.0.0.0", "::", "224.0.0.1"] {
        let table = Table::of(&[("inventory.example", &[address])]);
        let error = fetch_by(&table, get("http://inventory.example/"), &["inventory.example"]).await.unwrap_err();
        let wanted = if address.contains(':') { format!("http:[{address}]") } else { format!("http:{address}") };
        assert_eq!(error.missing_grant(), Some(wanted.as_str()), "{error:?}");
    }
}

#[tokio::test]
async fn of_several_addresses_only_those_that_are_allowed_are_tried() {
    let server = Server::start("127.0.0.4", |_| ok("the third")).await;
    // The first address refuses the connection, the second is never allowed, the third answers.
    let table = Table::of(&[("several.example", &["127.0.0.6 169.254.1.1 127.0.0.4"])]);
    let url = format!("http://several.example:{}/", server.port());
    let answer = fetch_by(&table, get(&url), &[&format!("several.example:{}", server.port())]).await.unwrap();
    assert_eq!(answer.body, b"the third");
}

#[tokio::test]
async fn a_name_stays_where_it_was_when_it_was_checked() {
    let good = Server::start("127.0.0.2", |request| {
        if request.starts_with("GET /again ") { ok("the first") } else { redirect("302 Found", "/again") }
    });
    let good = good.await;
    let evil = tokio::net::TcpListener::bind(("127.0.0.3", good.port())).await.unwrap();
    let table = Table::of(&[("rebinds.example", &["127.0.0.2", "127.0.0.3"])]);
    let url = format!("http://rebinds.example:{}/", good.port());
    let answer = fetch_by(&table, get(&url), &[&format!("rebinds.example:{}", good.port())]).await.unwrap();
    assert_eq!(answer.body, b"the first");
    assert_eq!(table.asked(), ["rebinds.example"]);
    // Nobody knocked there: the next to connect is this test.
    let mine = tokio::net::TcpStream::connect(evil.local_addr().unwrap()).await.unwrap();
    assert_eq!(evil.accept().await.unwrap().1, mine.local_addr().unwrap());
}

#[tokio::test]
async fn a_name_that_a_redirect_leads_to_is_checked_like_any_other() {
    let inner = Server::start("127.0.0.3", |_| ok("inside")).await;
    let there = format!("http://a.example.com:{}/", inner.port());
    let outer = Server::start("127.0.0.2", move |_| redirect("302 Found", &there)).await;
    let table = Table::of(&[("a.example.com", &["127.0.0.3"])]);
    let grants = [outer.grant(), format!("*.example.com:{}", inner.port())];
    let grants: Vec<_> = grants.iter().map(String::as_str).collect();
    let error = fetch_by(&table, get(&outer.url("/")), &grants).await.unwrap_err();
    assert!(matches!(&error, FetchError::NotThere { .. }), "{error:?}");
    assert!(error.to_string().contains(&format!("(to which {} redirects)", outer.url("/"))), "{error}");
    assert!(inner.seen().is_empty());
}

#[tokio::test]
async fn a_name_without_an_address_is_told() {
    let table = Table::of(&[("empty.example", &[""])]);
    for (name, why) in [("empty.example", "it has no address"), ("none.example", "not in the table")] {
        let error = fetch_by(&table, get(&format!("http://{name}/")), &[name]).await.unwrap_err().to_string();
        assert!(error.contains(&format!("the name `{name}` could not be resolved")) && error.contains(why), "{error}");
    }
}

#[tokio::test]
async fn the_systems_resolver_knows_this_machine() {
    use std::sync::Arc;

    use tokio::sync::Semaphore;

    use super::super::resolve::{Lookup, SystemLookup};

    let places = Arc::new(Semaphore::new(1));
    let found = SystemLookup.lookup("localhost", &places).await.unwrap();
    assert!(!found.is_empty() && found.iter().all(std::net::IpAddr::is_loopback), "{found:?}");
}

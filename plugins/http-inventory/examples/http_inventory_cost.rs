//! What a page costs: `cargo run --release -p corral-plugin-http-inventory --example http_inventory_cost`.

use std::time::{Duration, Instant};

use corral_plugin_http_inventory::{Config, discover};
use corral_plugin_sdk::http::Response;
use corral_plugin_sdk::testing;
use serde_json::{Value, json};

/// Machines of the page.
const MACHINES: usize = 10_000;
/// Labels of each.
const LABELS: usize = 10;
/// Rounds, of which the least is told.
const ROUNDS: usize = 20;

fn main() {
    let machine = |n: usize| {
        let tags: Vec<Value> = (0..LABELS)
            .map(|label| json!({"key": format!("key-{label}"), "value": format!("{}", n % (label + 2))}))
            .collect();
        json!({"id": n, "name": format!("web-{n}"), "ip": format!("10.{}.{}.{}/16", n >> 16, n >> 8 & 255, n & 255), "tags": tags})
    };
    let body = json!({"vms": (0..MACHINES).map(machine).collect::<Vec<_>>()}).to_string().into_bytes();
    let config: Config = serde_json::from_value(json!({"sources": [{
        "name": "cost",
        "url": "http://cost.example/",
        "list": "/vms",
        "fields": {"id": "{/id}", "name": "{/name}", "address": "{/ip|host}"},
        "label_sets": [{"from": "/tags", "key": "/key", "value": "/value"}],
        "only": [{"value": "{/name}", "is": ["web-*"]}]
    }]}))
    .expect("the configuration is right");
    let page = Response { status: 200, headers: Vec::new(), body: body.clone() };
    testing::set_web(move |_| Ok(page.clone()));
    let round = || {
        let begun = Instant::now();
        let found = discover(&config, None, std::thread::sleep).expect("a page").vms.len();
        assert_eq!(found, MACHINES);
        begun.elapsed()
    };
    let least = (0..ROUNDS).map(|_| round()).min().unwrap_or(Duration::ZERO);
    println!("{} bytes, {MACHINES} machines: {least:?}", body.len());
}

//! The socket against a real listener.

use std::sync::Arc;

use corral_engine::Settings;
use corral_storage::LogStore as _;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::Host;
use super::frames::{Got, decode};

struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Client {
    async fn connect(host: &Host) -> Self {
        Self::with(host, &[("authorization", &format!("Bearer {}", host.admin))]).await.unwrap()
    }

    async fn with(host: &Host, headers: &[(&str, &str)]) -> Result<Self, u16> {
        let mut request = format!("ws://{}/api/ws", host.address).into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "corral.v1".parse().unwrap());
        for (name, value) in headers {
            let name: axum::http::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        match connect_async(request).await {
            Ok((socket, answer)) => {
                assert_eq!(answer.headers()["sec-websocket-protocol"], "corral.v1");
                Ok(Self { socket })
            }
            Err(Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    async fn send(&mut self, message: Value) {
        self.socket.send(Message::text(message.to_string())).await.unwrap();
    }

    async fn next(&mut self) -> Got {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => return Got::Control(serde_json::from_str(text.as_str()).unwrap()),
                Some(Ok(Message::Binary(bytes))) => return decode(&bytes),
                Some(Ok(Message::Close(frame))) => {
                    let frame = frame.unwrap();
                    return Got::Closed(frame.code.into(), frame.reason.to_string());
                }
                Some(Ok(_)) => {}
                other => panic!("the socket ended without a word: {other:?}"),
            }
        }
    }

    async fn control(&mut self) -> Value {
        match self.next().await {
            Got::Control(value) => value,
            other => panic!("not a control message: {other:?}"),
        }
    }

    /// Events of a state channel until one of this type, all of them with consecutive numbers.
    async fn events_until(&mut self, mut seq: u64, kind: &str) -> (u64, Value) {
        loop {
            let message = self.control().await;
            if message["t"] == "bookmark" {
                continue;
            }
            assert_eq!(message["t"], "events", "{message}");
            let mut found = None;
            for event in message["events"].as_array().unwrap() {
                assert_eq!(event["seq"], seq + 1);
                seq += 1;
                if event["type"] == kind {
                    found = Some(event.clone());
                }
            }
            if let Some(event) = found {
                return (seq, event);
            }
        }
    }
}

#[tokio::test]
async fn a_snapshot_comes_first_and_then_every_event_in_order() {
    let host = Host::start().await;
    let vm = host.vm("web-1").await;
    let mut client = Client::connect(&host).await;
    client.send(json!({"t": "subscribe", "ch": 1, "topic": "state"})).await;
    let snapshot = client.control().await;
    assert_eq!((&snapshot["t"], &snapshot["ch"]), (&json!("snapshot"), &json!(1)));
    let state = &snapshot["state"];
    assert_eq!(state["vms"][0]["name"], "web-1");
    assert_eq!(state["templates"][0]["id"], "ops/disk");
    assert_eq!(state["template_problems"], json!([{"plugin": "ops", "problems": ["x.yaml: line 3"]}]));
    assert_eq!(state["sources"], json!(["ssh-config"]));
    let id = host.run("exit 0", &[&vm]).await;
    let (seq, created) = client.events_until(snapshot["seq"].as_u64().unwrap(), "job-created").await;
    assert_eq!((&created["job"]["id"], &created["job"]["tasks"][0]["vm_id"]), (&json!(id), &json!(vm)));
    host.finished(&id).await;
    let host_seq = host.engine.state().seq;
    let mut at = seq;
    while at < host_seq {
        at = client.events_until(at, "job-updated").await.0;
    }
}

#[tokio::test]
async fn a_client_that_comes_back_gets_what_it_missed_and_nothing_twice() {
    let host = Host::start().await;
    let mut client = Client::connect(&host).await;
    client.send(json!({"t": "subscribe", "ch": 1, "topic": "state"})).await;
    let snapshot = client.control().await;
    drop(client);
    host.vm("web-1").await;
    host.vm("web-2").await;
    let mut client = Client::connect(&host).await;
    let (epoch, seq) = (snapshot["epoch"].clone(), snapshot["seq"].clone());
    client.send(json!({"t": "subscribe", "ch": 1, "topic": "state", "epoch": epoch, "seq": seq})).await;
    let bookmark = client.control().await;
    assert_eq!((&bookmark["t"], &bookmark["seq"]), (&json!("bookmark"), &seq));
    let missed = client.control().await;
    let names: Vec<_> = missed["events"].as_array().unwrap().iter().map(|event| event["vm"]["name"].clone()).collect();
    assert_eq!(names, [json!("web-1"), json!("web-2")]);
}

#[tokio::test]
async fn a_place_that_is_not_known_any_more_gives_a_snapshot() {
    let host = Host::with_settings(Settings { health_interval: None, ring_events_max: 2, ..Settings::default() }).await;
    for n in 0..5 {
        host.vm(&format!("web-{n}")).await;
    }
    let mut client = Client::connect(&host).await;
    let epoch = host.engine.epoch().to_owned();
    client.send(json!({"t": "subscribe", "ch": 1, "topic": "state", "epoch": epoch, "seq": 1})).await;
    assert_eq!(client.control().await["t"], "snapshot");
    client.send(json!({"t": "subscribe", "ch": 2, "topic": "state", "epoch": "another", "seq": 5})).await;
    assert_eq!(client.control().await["t"], "snapshot");
}

#[tokio::test]
async fn a_log_is_followed_from_its_stored_beginning_to_its_live_end() {
    let host = Host::start().await;
    let vm = host.vm("web-1").await;
    let id = host.run("lines 3000\ngate\nlines 2000", &[&vm]).await;
    let mut client = Client::connect(&host).await;
    client.send(json!({"t": "subscribe", "ch": 2, "topic": "log", "job": id, "vm": vm})).await;
    client.send(json!({"t": "credit", "ch": 2, "lines": 100_000})).await;
    let mut next = 0;
    loop {
        match client.next().await {
            Got::Lines { ch: 2, first, texts } => {
                assert_eq!(first, next);
                for text in texts {
                    assert_eq!(text, format!("line {next}"));
                    next += 1;
                }
                if next == 3_000 {
                    host.runner.gate.add_permits(1);
                }
            }
            Got::Control(message) => {
                assert_eq!(message, json!({"t": "end", "ch": 2, "total": 5_000}));
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(next, 5_000);
}

#[tokio::test]
async fn no_more_lines_are_sent_than_there_is_room_for() {
    let host = Host::start().await;
    let vm = host.vm("web-1").await;
    let id = host.run("lines 5000", &[&vm]).await;
    host.finished(&id).await;
    let mut client = Client::connect(&host).await;
    client.send(json!({"t": "subscribe", "ch": 2, "topic": "log", "job": id, "vm": vm})).await;
    client.send(json!({"t": "credit", "ch": 2, "lines": 10})).await;
    let Got::Lines { first: 0, texts, .. } = client.next().await else { panic!() };
    assert_eq!(texts.len(), 10);
    client.send(json!({"t": "ping", "id": 7})).await;
    assert_eq!(client.control().await, json!({"t": "pong", "id": 7}));
}

#[tokio::test]
async fn stored_chunks_come_as_they_are_to_who_takes_them_and_join_with_lines() {
    const FROM: u64 = 4_321;
    let host = Host::start().await;
    let vm = host.vm("web-1").await;
    let id = host.run("lines 120000", &[&vm]).await;
    host.finished(&id).await;
    let mut client = Client::connect(&host).await;
    let subscribe =
        json!({"t": "subscribe", "ch": 2, "topic": "log", "job": id, "vm": vm, "from": FROM, "chunks": true});
    client.send(subscribe).await;
    // The first chunk does not fit into this and comes in lines.
    client.send(json!({"t": "credit", "ch": 2, "lines": 10})).await;
    let Got::Lines { first: FROM, texts, .. } = client.next().await else { panic!() };
    assert_eq!((texts.len(), texts[0].as_str()), (10, "line 4321"));
    client.send(json!({"t": "credit", "ch": 2, "lines": 1_000_000})).await;
    let (mut next, mut in_chunks) = (FROM + 10, 0);
    loop {
        let (first, texts) = match client.next().await {
            Got::Lines { first, texts, .. } => (first, texts),
            Got::Chunk { first, texts } => {
                in_chunks += texts.len();
                (first, texts)
            }
            Got::Control(message) => {
                assert_eq!(message, json!({"t": "end", "ch": 2, "total": 120_000}));
                break;
            }
            other @ Got::Closed(..) => panic!("{other:?}"),
        };
        assert_eq!(first, next);
        for text in texts {
            assert_eq!(text, format!("line {next}"));
            next += 1;
        }
    }
    assert_eq!(next, 120_000);
    assert!(in_chunks > 100_000, "{in_chunks} lines in chunks");
}

#[tokio::test]
async fn removed_output_is_an_error_of_its_channel_and_a_problem_of_its_own() {
    let host = Host::start().await;
    let vm = host.vm("web-1").await;
    let id = host.run("lines 10", &[&vm]).await;
    host.finished(&id).await;
    for file in host.store.files().await.unwrap() {
        host.store.remove_file(&file.day).await.unwrap();
    }
    let mut client = Client::connect(&host).await;
    client.send(json!({"t": "subscribe", "ch": 2, "topic": "log", "job": id, "vm": vm})).await;
    let message = client.control().await;
    assert_eq!((&message["t"], &message["ch"], &message["code"]), (&json!("error"), &json!(2), &json!("removed")));
    let log = format!("tasks/{vm}/log");
    for path in [log.clone(), format!("{log}?format=text"), format!("{log}/export"), "export".into(), "groups".into()] {
        let problem = host.get(&format!("/api/jobs/{id}/{path}")).await.problem(410);
        assert!(problem["detail"].as_str().unwrap().contains("not kept any more"), "{path}: {problem}");
    }
}

#[tokio::test]
async fn who_follows_and_falls_behind_is_taken_to_the_end_and_told() {
    let host = Host::start().await;
    let vm = host.vm("web-1").await;
    let id = host.run("lines 100\ngate\nlines 20000\ngate\nlines 1", &[&vm]).await;
    let mut client = Client::connect(&host).await;
    let key = corral_domain::TaskKey { job: id.parse().unwrap(), vm: vm.parse().unwrap() };
    host.wait_for(|state| state.tasks.get(&key).is_some_and(|task| task.lines >= 100)).await;
    client.send(json!({"t": "subscribe", "ch": 2, "topic": "log", "job": id, "vm": vm, "from": -100})).await;
    client.send(json!({"t": "credit", "ch": 2, "lines": 50})).await;
    let Got::Lines { first: 0, texts, .. } = client.next().await else { panic!() };
    assert_eq!(texts.len(), 50);
    host.runner.gate.add_permits(1);
    host.wait_for(|state| state.tasks.get(&key).is_some_and(|task| task.lines >= 20_100)).await;
    client.send(json!({"t": "credit", "ch": 2, "lines": 1_000})).await;
    assert_eq!(client.control().await, json!({"t": "lag", "ch": 2, "skipped": 20_100 - 200 - 50}));
    let Got::Lines { first, .. } = client.next().await else { panic!() };
    assert_eq!(first, 20_100 - 200);
    host.runner.gate.add_permits(1);
}

#[tokio::test]
async fn a_task_without_output_has_a_log_that_ends_at_once() {
    let host = Host::start().await;
    let vm = host.vm("web-1").await;
    let id = host.run("unreachable", &[&vm]).await;
    let mut client = Client::connect(&host).await;
    client.send(json!({"t": "subscribe", "ch": 2, "topic": "log", "job": id, "vm": vm, "from": -10})).await;
    assert_eq!(client.control().await, json!({"t": "end", "ch": 2, "total": 0}));
}

#[tokio::test]
async fn mistakes_on_a_channel_are_answered_there() {
    let host = Host::start().await;
    let mut client = Client::connect(&host).await;
    let nobody = "01900000-0000-7000-8000-000000000000";
    client.send(json!({"t": "subscribe", "ch": 1, "topic": "log", "job": nobody, "vm": nobody})).await;
    let error = client.control().await;
    assert_eq!((&error["code"], &error["ch"]), (&json!("unknown_log"), &json!(1)));
    client.send(json!({"t": "subscribe", "ch": 1, "topic": "weather"})).await;
    assert_eq!(client.control().await["code"], "unknown_topic");
    client.send(json!({"t": "credit", "ch": 9, "lines": 1})).await;
    assert_eq!(client.control().await["code"], "unknown_channel");
    client.send(json!({"t": "subscribe", "ch": 1, "topic": "state"})).await;
    assert_eq!(client.control().await["t"], "snapshot");
    client.send(json!({"t": "subscribe", "ch": 1, "topic": "state"})).await;
    assert_eq!(client.control().await["code"], "channel_in_use");
    client.send(json!({"t": "unsubscribe", "ch": 1})).await;
    assert_eq!(client.control().await, json!({"t": "unsubscribed", "ch": 1}));
    client.send(json!({"t": "subscribe", "ch": 1, "topic": "state"})).await;
    assert_eq!(client.control().await["t"], "snapshot");
}

#[tokio::test]
async fn a_malformed_frame_is_named_and_closes_the_socket() {
    let host = Host::start().await;
    let frames = [
        Message::text("{\"t\":\"dance\"}"),
        Message::text("not json"),
        Message::binary(vec![1, 2, 3]),
        Message::text(json!({"t": "subscribe", "ch": 1, "topic": "log"}).to_string()),
    ];
    for frame in frames {
        let mut client = Client::connect(&host).await;
        client.socket.send(frame).await.unwrap();
        assert_eq!(client.control().await["code"], "malformed");
        assert!(matches!(client.next().await, Got::Closed(4400, reason) if !reason.is_empty()));
    }
    let mut client = Client::connect(&host).await;
    client.socket.send(Message::text("x".repeat(100_000))).await.unwrap();
    assert!(matches!(client.next().await, Got::Closed(1009, _)));
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_let_go_of() {
    let host = Arc::new(Host::start().await);
    let (mut sender, mut receiver) = Client::connect(&host).await.socket.split();
    // Asks on and on and reads no answer, until the host has had enough.
    let ping = Message::text(json!({"t": "ping", "id": 1}).to_string());
    while sender.send(ping.clone()).await.is_ok() {
        if host.app.sockets().available_permits() == super::super::app::SOCKETS_MAX {
            break;
        }
    }
    // Whatever reaches the client after that, the last word is the reason, or nothing at all if it could not be sent.
    while let Some(Ok(message)) = receiver.next().await {
        if let Message::Close(Some(frame)) = message {
            assert_eq!((u16::from(frame.code), frame.reason.as_str()), (4008, "slow"));
        }
    }
    let slow = &host.app.figures().slow_sockets;
    assert_eq!(slow.load(std::sync::atomic::Ordering::Relaxed), 1);
}

#[tokio::test]
async fn only_the_hosts_own_pages_get_a_socket_with_a_cookie() {
    let host = Host::start().await;
    let cookie = host.cookie().await;
    let own = format!("http://{}", host.address);
    assert!(Client::with(&host, &[("cookie", &cookie), ("origin", &own)]).await.is_ok());
    assert_eq!(Client::with(&host, &[("cookie", &cookie)]).await.err(), Some(403));
    assert_eq!(Client::with(&host, &[("cookie", &cookie), ("origin", "http://evil.example")]).await.err(), Some(403));
    let bearer = format!("Bearer {}", host.admin);
    let foreign = Client::with(&host, &[("authorization", &bearer), ("origin", "http://evil.example")]).await;
    assert_eq!(foreign.err(), Some(403));
    assert_eq!(Client::with(&host, &[]).await.err(), Some(401));
    let other = [("authorization", bearer.as_str()), ("sec-websocket-protocol", "corral.v9")];
    assert_eq!(Client::with(&host, &other).await.err(), Some(400));
}

#[tokio::test]
async fn a_host_that_stops_says_so() {
    let host = Host::start().await;
    let mut client = Client::connect(&host).await;
    client.send(json!({"t": "ping", "id": 1})).await;
    client.control().await;
    host.stop.cancel();
    assert!(matches!(client.next().await, Got::Closed(1001, reason) if reason == "stopping"));
    drop(client);
    host.tasks.close();
    host.tasks.wait().await;
}

//! Requests that no good client sends.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use corral_tests::client::Incoming;
use corral_tests::host::Site;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use crate::{SOON, shared};

const NO_ONE: &str = "0190163d-8694-739b-aea5-966c26f8ad91";
const GIGABYTE: usize = 1 << 30;

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_exist_or_makes_no_sense_is_refused_with_a_reason() -> Result<()> {
    let _machine = shared().await;
    let site = Site::new()?;
    let mut host = site.start()?;
    let client = site.client(&host)?;
    for path in ["/api/jobs/", "/api/vms/"] {
        client.get(&format!("{path}{NO_ONE}")).await?.problem(404)?;
        client.get(&format!("{path}not-an-id")).await?.problem(400)?;
    }
    client.get(&format!("/api/jobs/{NO_ONE}/tasks/{NO_ONE}/log")).await?.problem(404)?;
    client.get("/api/plugins/nobody").await?.problem(404)?;
    client.get("/api/commands/nobody/nothing").await?.problem(404)?;
    client.get("/api/no-such-route").await?.problem(404)?;

    let echo = json!({"script": "echo"});
    let none = client.post("/api/jobs", &json!({"command": echo, "targets": {"vms": []}})).await?.problem(422)?;
    ensure!(none["errors"][0]["field"].as_str().is_some_and(|field| field.starts_with("targets")), "{none}");
    client.post("/api/jobs", &json!({"command": echo, "targets": {"selector": "env=nowhere"}})).await?.problem(422)?;
    client.post("/api/jobs", &json!({"command": echo})).await?.problem(422)?;
    let stranger = json!({"command": echo, "targets": {"vms": [NO_ONE]}});
    let status = client.post("/api/jobs", &stranger).await?.status.as_u16();
    ensure!(status == 404 || status == 422, "a job on a VM that is not there: {status}");
    let wrong = json!({"name": "-oProxyCommand=x", "address": "a b", "port": 22, "user": "x"});
    let wrong = client.post("/api/vms", &wrong).await?.problem(422)?;
    ensure!(wrong["errors"].as_array().is_some_and(|errors| errors.len() >= 2), "every field at once: {wrong}");
    ensure!(host.is_alive()?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_nothing_is_told() -> Result<()> {
    let _machine = shared().await;
    let site = Site::new()?;
    let host = site.start()?;
    let client = site.client(&host)?;
    let nobody = corral_tests::client::Client::new(client.base(), "corral_wrong")?;
    for path in ["/api/vms", "/api/jobs", "/api/events", "/api/plugins"] {
        nobody.get(path).await?.problem(401)?;
    }
    ensure!(nobody.socket().await.is_err(), "the socket opened without a right");
    ensure!(nobody.get("/healthz").await?.status.is_success(), "liveness needs no login");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_a_gigabyte_is_refused_before_it_is_read() -> Result<()> {
    let _machine = shared().await;
    let site = Site::new()?;
    let mut host = site.start()?;
    let client = site.client(&host)?;
    let before = host.resident_bytes()?;
    let head = format!(
        "POST /api/jobs HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n",
        client.base().trim_start_matches("http://"),
        client.token()
    );
    let announced = send(client.base(), format!("{head}Content-Length: {GIGABYTE}\r\n\r\n"), b"\"".to_vec()).await?;
    ensure!(announced.starts_with("HTTP/1.1 413"), "{announced}");
    let chunk = [b"10000\r\n".as_slice(), &vec![b'x'; 0x10000], b"\r\n"].concat();
    let streamed = send(client.base(), format!("{head}Transfer-Encoding: chunked\r\n\r\n"), chunk).await?;
    ensure!(streamed.starts_with("HTTP/1.1 413"), "{streamed}");
    let grown = host.resident_bytes()?.saturating_sub(before);
    ensure!(grown < 64 << 20, "the host grew by {grown} bytes");
    ensure!(host.is_alive()? && client.get("/api/jobs").await?.status.is_success());
    Ok(())
}

/// Sends a head and then `piece` again and again, up to a gigabyte, until the host answers or closes.
async fn send(base: &str, head: String, piece: Vec<u8>) -> Result<String> {
    let stream = TcpStream::connect(base.trim_start_matches("http://")).await?;
    let (mut from, mut to) = stream.into_split();
    let writer = tokio::spawn(async move {
        let mut sent = 0;
        if to.write_all(head.as_bytes()).await.is_err() {
            return;
        }
        while sent < GIGABYTE && to.write_all(&piece).await.is_ok() {
            sent += piece.len();
        }
    });
    let mut answer = vec![0; 64 * 1024];
    let read = tokio::time::timeout(SOON, from.read(&mut answer)).await.context("no answer to a large body")??;
    writer.abort();
    Ok(String::from_utf8_lossy(&answer[..read]).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_frame_ends_its_socket_with_a_reason_and_no_other() -> Result<()> {
    let _machine = shared().await;
    let site = Site::new()?;
    let mut host = site.start()?;
    let client = site.client(&host)?;
    let mut bystander = client.socket().await?;
    bystander.subscribe_state(SOON).await?;

    let malformed = [
        Message::text("{nonsense"),
        Message::text("[]"),
        Message::text(r#"{"t":"launch-missiles"}"#),
        Message::binary(vec![1, 2, 3]),
    ];
    for frame in malformed {
        let mut socket = client.socket().await?;
        socket.send_raw(frame.clone()).await?;
        ensure!(closed_with(&mut socket).await? == Some(4400), "{frame:?}");
    }
    let mut socket = client.socket().await?;
    socket.send_raw(Message::text("x".repeat(65 * 1024))).await?;
    // The host may close before it has read all, in which case the code is lost with the connection.
    ensure!(matches!(closed_with(&mut socket).await?, Some(1009) | None), "a frame that is too large");

    let mut socket = client.socket().await?;
    socket.send(&json!({"t": "subscribe", "ch": 9, "topic": "log", "job": NO_ONE, "vm": NO_ONE})).await?;
    let error = socket.control_when(SOON, |message| message["t"] == "error").await?;
    ensure!(error["code"] == "unknown_log" && error["ch"] == 9, "{error}");
    socket.send(&json!({"t": "ping", "id": 7})).await?;
    socket.control_when(SOON, |message| message["t"] == "pong" && message["id"] == 7).await?;

    client.add_vm(&json!({"name": "seen", "transport": "local"})).await?;
    bystander.event_when(SOON, |event| event["type"] == "vm-added").await?;
    ensure!(host.is_alive()?);
    Ok(())
}

async fn closed_with(socket: &mut corral_tests::client::Socket) -> Result<Option<u16>> {
    loop {
        if let Incoming::Closed(why) = socket.next(Duration::from_secs(10)).await? {
            return Ok(why.map(|(code, _)| code));
        }
    }
}

//! One socket and the logs that come through it.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message as Frame};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::frame;
use super::{Message, Wanted};
use crate::cli::client::Client;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::safe;

/// Lines that may be under way on one channel.
const CREDIT: usize = 4_000;
/// Attempts in a row to come back before the host counts as gone: about 30 s.
const ATTEMPTS_MAX: u32 = 8;
const PAUSE_FIRST: Duration = Duration::from_millis(250);
const PAUSE_LONGEST: Duration = Duration::from_secs(8);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The host sends at least a ping every 20 s.
const SILENCE_MAX: Duration = Duration::from_secs(60);
const FRAME_BYTES_MAX: usize = 1024 * 1024;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Why a connection ended.
enum Broken {
    /// Worth another attempt.
    Lost(String),
    /// Final.
    Refused(Failure),
    /// Nobody listens any more.
    NobodyListens,
}

/// One log and how far it has come.
struct Place {
    wanted: Wanted,
    next: Option<u64>,
    ended: bool,
}

/// Follows logs over one socket, coming back when it is lost.
pub async fn run(client: Client, job: String, wanted: Vec<Wanted>, out: mpsc::Sender<Message>) {
    let mut places: Vec<_> = wanted
        .into_iter()
        .map(|wanted| Place { next: u64::try_from(wanted.from).ok(), wanted, ended: false })
        .collect();
    let (mut attempt, mut pause) = (0, PAUSE_FIRST);
    loop {
        let before = taken(&places);
        let failure = match once(&client, &job, &mut places, &out).await {
            Ok(()) | Err(Broken::NobodyListens) => return,
            Err(Broken::Refused(failure)) => failure,
            Err(Broken::Lost(why)) => {
                if taken(&places) != before {
                    (attempt, pause) = (0, PAUSE_FIRST);
                }
                attempt += 1;
                if attempt < ATTEMPTS_MAX {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_LONGEST);
                    continue;
                }
                Failure::new(Exit::Unreachable, format!("the output of {} cannot be followed: {why}", client.base()))
                    .hint(format!("the job may go on; `corral logs {job} -f` looks again"))
            }
        };
        // Nobody to tell is fine.
        let _ = out.send(Message::Failed(failure)).await;
        return;
    }
}

fn taken(places: &[Place]) -> u64 {
    places.iter().map(|place| place.next.unwrap_or(0) + u64::from(place.ended)).sum()
}

async fn once(client: &Client, job: &str, places: &mut [Place], out: &mpsc::Sender<Message>) -> Result<(), Broken> {
    let mut socket = connect(client).await?;
    for (channel, place) in places.iter().enumerate().filter(|(_, place)| !place.ended) {
        let from = place.next.map_or(place.wanted.from, |next| i64::try_from(next).unwrap_or(i64::MAX));
        let vm = &place.wanted.vm;
        send(
            &mut socket,
            &json!({"t": "subscribe", "ch": channel, "topic": "log", "job": job, "vm": vm, "from": from}),
        )
        .await?;
        send(&mut socket, &json!({"t": "credit", "ch": channel, "lines": CREDIT})).await?;
    }
    while places.iter().any(|place| !place.ended) {
        let frame = tokio::select! {
            frame = tokio::time::timeout(SILENCE_MAX, socket.next()) => frame,
            () = out.closed() => return Err(Broken::NobodyListens),
        };
        match frame {
            Err(_) => return Err(Broken::Lost("it has been silent for a minute".to_owned())),
            Ok(None) => return Err(Broken::Lost("it closed the connection".to_owned())),
            Ok(Some(Err(error))) => return Err(Broken::Lost(error.to_string())),
            Ok(Some(Ok(Frame::Binary(bytes)))) => lines(&mut socket, bytes, places, out).await?,
            Ok(Some(Ok(Frame::Text(text)))) => control(&text, places, out).await?,
            Ok(Some(Ok(_))) => {}
        }
    }
    let _ = socket.close(None).await;
    Ok(())
}

async fn connect(client: &Client) -> Result<Socket, Broken> {
    let mut url = client.url(&["api", "ws"]);
    let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
    let refused = |what: String| Broken::Refused(Failure::new(Exit::Internal, what));
    url.set_scheme(scheme).map_err(|()| refused(format!("{url} has no socket")))?;
    let mut request = url.as_str().into_client_request().map_err(|error| refused(error.to_string()))?;
    let bearer = HeaderValue::from_str(&format!("Bearer {}", client.token()));
    request.headers_mut().insert("authorization", bearer.map_err(|error| refused(error.to_string()))?);
    request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("corral.v1"));
    let config =
        WebSocketConfig::default().max_message_size(Some(FRAME_BYTES_MAX)).max_frame_size(Some(FRAME_BYTES_MAX));
    match tokio::time::timeout(CONNECT_TIMEOUT, connect_async_with_config(request, Some(config), true)).await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(tungstenite::Error::Http(answer))) if answer.status().is_client_error() => {
            let exit = if matches!(answer.status().as_u16(), 401 | 403) { Exit::Forbidden } else { Exit::Unreachable };
            Err(Broken::Refused(Failure::new(exit, format!("the host refused the socket: {}", answer.status()))))
        }
        Ok(Err(error)) => Err(Broken::Lost(error.to_string())),
        Err(_) => Err(Broken::Lost("it does not answer".to_owned())),
    }
}

async fn send(socket: &mut Socket, message: &Value) -> Result<(), Broken> {
    let text = Frame::Text(message.to_string().into());
    socket.send(text).await.map_err(|error| Broken::Lost(error.to_string()))
}

async fn lines(
    socket: &mut Socket,
    bytes: bytes::Bytes,
    places: &mut [Place],
    out: &mpsc::Sender<Message>,
) -> Result<(), Broken> {
    let Some((channel, mut lines)) = frame::decode(&bytes) else { return Ok(()) };
    let Some(place) = places.get_mut(channel as usize).filter(|place| !place.ended) else { return Ok(()) };
    let came = lines.len();
    if let Some(next) = place.next {
        // A host that repeats itself after a reconnect must not double a line.
        lines.retain(|line| line.n >= next);
    }
    if let Some(until) = place.wanted.until {
        lines.retain(|line| line.n < until);
    }
    if let Some(last) = lines.last() {
        place.next = Some(last.n + 1);
        tell(out, Message::Lines(place.wanted.index, lines)).await?;
    }
    if finished(place) {
        return leave(socket, channel, place, out).await;
    }
    // Given back only after it was taken: a slow terminal slows the host's sending and nothing else.
    send(socket, &json!({"t": "credit", "ch": channel, "lines": came})).await
}

fn finished(place: &Place) -> bool {
    place.wanted.until.is_some_and(|until| place.next.is_some_and(|next| next >= until))
}

async fn leave(
    socket: &mut Socket,
    channel: u32,
    place: &mut Place,
    out: &mpsc::Sender<Message>,
) -> Result<(), Broken> {
    place.ended = true;
    tell(out, Message::End).await?;
    send(socket, &json!({"t": "unsubscribe", "ch": channel})).await
}

async fn control(text: &str, places: &mut [Place], out: &mpsc::Sender<Message>) -> Result<(), Broken> {
    let message: Value = serde_json::from_str(text).unwrap_or_default();
    let number = |key: &str| message.get(key).and_then(Value::as_u64);
    let channel = number("ch").and_then(|channel| usize::try_from(channel).ok());
    let Some(place) = channel.and_then(|channel| places.get_mut(channel)).filter(|place| !place.ended) else {
        return Ok(());
    };
    let index = place.wanted.index;
    match message.get("t").and_then(Value::as_str) {
        Some("end") => {
            place.ended = true;
            tell(out, Message::End).await
        }
        Some("lag") => tell(out, Message::Skipped(index, number("skipped").unwrap_or(0))).await,
        Some("damaged") => {
            let (first, count) = (number("first").unwrap_or(0), number("count").unwrap_or(0));
            place.next = Some(place.next.unwrap_or(0).max(first + count));
            if finished(place) {
                place.ended = true;
            }
            tell(out, Message::Damaged(index, first, count)).await?;
            if place.ended { tell(out, Message::End).await } else { Ok(()) }
        }
        Some("error") => {
            let why = safe(message.get("message").and_then(Value::as_str).unwrap_or("without a reason"));
            Err(Broken::Refused(Failure::new(Exit::NotFound, format!("the host does not give this output: {why}"))))
        }
        _ => Ok(()),
    }
}

async fn tell(out: &mpsc::Sender<Message>, message: Message) -> Result<(), Broken> {
    out.send(message).await.map_err(|_| Broken::NobodyListens)
}

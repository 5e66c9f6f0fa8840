//! One conversation with the script, whatever carries it.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use corral_domain::{Clock, OutputStream, Position};
use corral_engine::ports::{Output, RunEvent};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::wire::{Answer, End, Word};

/// Longest silence of a script that was told all; it gives a sign of life every few seconds.
const SILENCE_MAX: Duration = Duration::from_secs(90);

/// Where the script's answer comes from.
#[async_trait]
pub(crate) trait Ear: Send {
    /// The next bytes of its standard output. May be dropped and called again; nothing is lost.
    ///
    /// An error says how the channel ended.
    async fn hear(&mut self) -> Result<Bytes, String>;
}

/// Where requests go.
pub(crate) type Mouth = Box<dyn AsyncWrite + Send + Unpin>;

/// A request, and what is known of its answer.
pub(crate) struct Talk<E> {
    pub(crate) ear: E,
    /// None after a failure: then nothing can be said any more.
    pub(crate) mouth: Option<Mouth>,
    pub(crate) answer: Answer,
}

impl<E: Ear> Talk<E> {
    pub(crate) fn new(ear: E, mouth: Mouth, token: &str, from: Position) -> Self {
        Self { ear, mouth: Some(mouth), answer: Answer::new(token, from) }
    }

    /// Asks, and sends on what is answered, up to the last word. An error says how far it came.
    pub(crate) async fn follow(
        &mut self,
        request: Vec<u8>,
        events: &mpsc::Sender<RunEvent>,
        clock: &dyn Clock,
    ) -> Result<End, String> {
        let Self { ear, mouth, answer } = self;
        let mut asking = std::pin::pin!(ask(mouth, request));
        let mut asked = false;
        loop {
            let heard = tokio::select! {
                heard = async { if asked { timeout(SILENCE_MAX, ear.hear()).await } else { Ok(ear.hear().await) } } => heard,
                () = &mut asking, if !asked => { asked = true; continue }
            };
            let bytes = match heard {
                Ok(Ok(bytes)) => bytes,
                Ok(Err(why)) => return Err(format!("{why}; {}", answer.cut_short())),
                Err(_) => return Err(format!("the machine said nothing for {} s", SILENCE_MAX.as_secs())),
            };
            answer.take(bytes)?;
            while let Some(word) = answer.next() {
                match word {
                    // Without a receiver nobody wants to know; it runs on all the same.
                    Word::Started { .. } => drop(events.send(RunEvent::Started).await),
                    Word::Output(stream, bytes) => send(events, stream, bytes, clock).await,
                    Word::End(end) => return checked(end, answer.position()),
                }
            }
        }
    }

    /// Asks what has become of it. Nothing: it runs.
    pub(crate) async fn state(&mut self, request: Vec<u8>) -> Result<Option<End>, String> {
        ask(&mut self.mouth, request).await;
        loop {
            match self.answer.next() {
                Some(Word::Started { .. }) => return Ok(None),
                Some(Word::End(end)) => return Ok(Some(end)),
                Some(Word::Output(..)) => return Err("it answered with output to a question for the state".to_owned()),
                None => {
                    let heard = self.ear.hear().await.map_err(|why| format!("{why}; {}", self.answer.cut_short()))?;
                    self.answer.take(heard)?;
                }
            }
        }
    }
}

/// An error means that the channel is gone, which whoever listens learns as well and reports.
async fn ask(mouth: &mut Option<Mouth>, request: Vec<u8>) {
    if let Some(writer) = mouth
        && (writer.write_all(&request).await.is_err() || writer.flush().await.is_err())
    {
        *mouth = None;
    }
}

async fn send(events: &mpsc::Sender<RunEvent>, stream: OutputStream, bytes: Bytes, clock: &dyn Clock) {
    let output = Output { stream, bytes, at: clock.now() };
    let _ = events.send(RunEvent::Output(output)).await;
}

/// Output that is missing, or too much, is no end.
fn checked(end: End, position: Position) -> Result<End, String> {
    match &end {
        End::Exited { sizes, .. } if *sizes != position => Err(format!(
            "the machine sent output up to {} and {} bytes and says that there are {} and {}",
            position.stdout, position.stderr, sizes.stdout, sizes.stderr
        )),
        _ => Ok(end),
    }
}

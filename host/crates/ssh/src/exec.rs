//! One command on an open connection: from the channel to its exit.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use corral_domain::{Clock, OutputStream};
use corral_engine::ports::{Exit, Output, RunEvent};
use futures::FutureExt as _;
use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Sig};
use tokio::io::AsyncWrite;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::connection::Connection;

/// Small pieces of output that wait are sent on as one, up to this many bytes.
const JOIN_BYTES_MAX: usize = 256 << 10;
/// Pieces of at least this many bytes are sent on as they are, without copying.
const WHOLE_BYTES_MIN: usize = 16 << 10;
/// Time for the request to close a channel to be handed to its connection.
const CLOSE_LIMIT: Duration = Duration::from_secs(10);
/// Data type code of standard error (RFC 4254, 5.2).
const STDERR: u32 = 1;

/// Why no channel was opened. Nothing was started.
pub(crate) enum OpenError {
    /// The connection is gone.
    Dead(String),
    /// The connection stands, but nothing came back in time.
    Stuck,
    /// The server refused a further channel.
    Refused(String),
}

/// How a command that was sent did not come to its end.
#[derive(Debug)]
pub(crate) enum Cut {
    /// The server would not run it.
    NotRun(String),
    /// The connection broke.
    Lost(String),
}

/// Something that a command's channel brought.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Standard output.
    Out(Bytes),
    /// Standard error.
    Err(Bytes),
    /// The channel is closed.
    End(Result<Exit, Cut>),
}

/// A command on its channel.
pub(crate) struct Running {
    read: ChannelReadHalf,
    write: Arc<ChannelWriteHalf<Msg>>,
    clock: Arc<dyn Clock>,
    /// Received and not yet sent on.
    pending: Option<Output>,
    /// Received after `pending`.
    next: Option<ChannelMsg>,
    exit: Option<Exit>,
    eof: bool,
}

/// Opens a channel.
pub(crate) async fn open(
    connection: &Connection,
    limit: Duration,
    clock: Arc<dyn Clock>,
) -> Result<Running, OpenError> {
    match timeout(limit, connection.handle.channel_open_session()).await {
        Ok(Ok(channel)) => {
            let (read, write) = channel.split();
            let write = Arc::new(write);
            Ok(Running { read, write, clock, pending: None, next: None, exit: None, eof: false })
        }
        Ok(Err(russh::Error::ChannelOpenFailure(reason))) => Err(OpenError::Refused(format!("{reason:?}"))),
        Ok(Err(error)) => Err(OpenError::Dead(error.to_string())),
        Err(_) => Err(OpenError::Stuck),
    }
}

impl Running {
    /// Sends the command and waits until the server has started it.
    pub(crate) async fn start(&mut self, line: &str, limit: Duration) -> Result<(), Cut> {
        let lost = |why: String| Cut::Lost(format!("{why} after the command was sent; whether it ran is not known"));
        let answer = timeout(limit, async {
            self.write.exec(true, line).await.map_err(|error| lost(error.to_string()))?;
            loop {
                match self.read.wait().await {
                    Some(ChannelMsg::Success) => return Ok(()),
                    Some(ChannelMsg::Failure) => {
                        return Err(Cut::NotRun("the server does not run commands".to_owned()));
                    }
                    None | Some(ChannelMsg::Close) => return Err(lost("the connection broke".to_owned())),
                    Some(_) => {}
                }
            }
        });
        answer.await.unwrap_or_else(|_| Err(lost(format!("the server was silent for {} s", limit.as_secs()))))
    }

    /// What writes standard input and closes it. Runs beside [`Self::pump`].
    pub(crate) fn feed(&self, stdin: Option<Vec<u8>>) -> impl Future<Output = ()> + Send + 'static {
        let write = Arc::clone(&self.write);
        async move {
            // An error means that the connection broke, which the reader learns as well and reports.
            if let Some(bytes) = stdin
                && write.data_bytes(bytes).await.is_err()
            {
                return;
            }
            let _ = write.eof().await;
        }
    }

    /// Sends output on until the command has ended. May be dropped at any await and called again; nothing is lost.
    pub(crate) async fn pump(&mut self, events: &mpsc::Sender<RunEvent>) -> Result<Exit, Cut> {
        loop {
            if self.pending.is_some()
                && let Ok(permit) = events.reserve().await
                && let Some(output) = self.pending.take()
            {
                permit.send(RunEvent::Output(output));
            }
            // Without a receiver nobody wants the output; the command still comes to its end.
            self.pending = None;
            let message = match self.next.take() {
                Some(message) => Some(message),
                None => self.read.wait().await,
            };
            match message {
                Some(ChannelMsg::Data { data }) => self.gather(OutputStream::Stdout, data),
                Some(ChannelMsg::ExtendedData { data, ext: STDERR }) => self.gather(OutputStream::Stderr, data),
                Some(ChannelMsg::Close) => return self.ended(true),
                None => return self.ended(false),
                Some(other) => self.learn(&other),
            }
        }
    }

    /// What comes next, as it came. May be dropped at any await and called again; nothing is lost.
    pub(crate) async fn piece(&mut self) -> Piece {
        loop {
            match self.read.wait().await {
                Some(ChannelMsg::Data { data }) => return Piece::Out(data),
                Some(ChannelMsg::ExtendedData { data, ext: STDERR }) => return Piece::Err(data),
                Some(ChannelMsg::Close) => return Piece::End(self.ended(true)),
                None => return Piece::End(self.ended(false)),
                Some(other) => self.learn(&other),
            }
        }
    }

    /// Takes note of a message that brings no output.
    fn learn(&mut self, message: &ChannelMsg) {
        match message {
            ChannelMsg::ExitStatus { exit_status } => {
                self.exit = Some(Exit { code: Some(exit_status.cast_signed()), signal: None });
            }
            ChannelMsg::ExitSignal { signal_name, .. } => {
                self.exit = Some(Exit { code: None, signal: Some(signal_text(signal_name)) });
            }
            ChannelMsg::Eof => self.eof = true,
            _ => {}
        }
    }

    /// What writes standard input piece by piece.
    pub(crate) fn writer(&self) -> Box<dyn AsyncWrite + Send + Unpin> {
        Box::new(Box::pin(self.write.make_writer()))
    }

    /// Closes the channel when the connection has time for it.
    pub(crate) fn close_soon(&self) {
        let write = Arc::clone(&self.write);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(timeout(CLOSE_LIMIT, async move { write.close().await }));
        }
    }

    /// Takes a piece of output, and small ones that already wait behind it.
    fn gather(&mut self, stream: OutputStream, data: Bytes) {
        let at = self.clock.now();
        if data.len() >= WHOLE_BYTES_MIN {
            self.pending = Some(Output { stream, bytes: data, at });
            return;
        }
        let mut joined: Option<BytesMut> = None;
        let mut first = data;
        loop {
            let length = joined.as_ref().map_or(first.len(), BytesMut::len);
            if length >= JOIN_BYTES_MAX {
                break;
            }
            let Some(Some(message)) = self.read.wait().now_or_never() else { break };
            let ((ChannelMsg::Data { data: more }, OutputStream::Stdout)
            | (ChannelMsg::ExtendedData { data: more, ext: STDERR }, OutputStream::Stderr)) = (&message, stream)
            else {
                self.next = Some(message);
                break;
            };
            joined.get_or_insert_with(|| BytesMut::from(std::mem::take(&mut first))).extend_from_slice(more);
        }
        let bytes = joined.map_or(first, BytesMut::freeze);
        self.pending = Some(Output { stream, bytes, at });
    }

    fn ended(&mut self, closed: bool) -> Result<Exit, Cut> {
        match self.exit.take() {
            Some(exit) if closed || self.eof => Ok(exit),
            Some(exit) => Err(Cut::Lost(format!(
                "the command ended ({}), but the connection broke before all of its output had arrived",
                shown_exit(&exit)
            ))),
            None if closed => Err(Cut::Lost(
                "the server closed the channel without saying how the command ended; it may still run".to_owned(),
            )),
            None => Err(Cut::Lost("the connection broke while the command ran; how it ended is not known".to_owned())),
        }
    }

    /// Asks the server to end the command by SSH's own means, which not every server does.
    pub(crate) async fn signal_and_close(&self, limit: Duration) {
        let _ = timeout(limit, async {
            let _ = self.write.signal(Sig::TERM).await;
            let _ = self.write.close().await;
        })
        .await;
    }
}

/// `code 3`, `signal KILL`.
pub(crate) fn shown_exit(exit: &Exit) -> String {
    match (&exit.code, &exit.signal) {
        (Some(code), _) => format!("code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "without a code".to_owned(),
    }
}

fn signal_text(signal: &Sig) -> String {
    match signal {
        Sig::Custom(name) => name.chars().filter(char::is_ascii_alphanumeric).take(16).collect(),
        known => format!("{known:?}"),
    }
}

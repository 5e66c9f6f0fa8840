//! A stream that remembers the first bytes it read, so that a server which does not speak SSH can be quoted.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How many bytes are remembered.
const HEAD_BYTES: usize = 256;

/// The first bytes that a server sent.
#[derive(Clone, Default)]
pub(crate) struct Head(Arc<Mutex<Vec<u8>>>);

impl Head {
    /// A copy of what was read so far.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the server said that it speaks SSH.
    pub(crate) fn is_ssh(&self) -> bool {
        let bytes = self.bytes();
        bytes.starts_with(b"SSH-") || bytes.windows(5).any(|window| window == b"\nSSH-")
    }
}

/// The stream itself.
pub(crate) struct Recorded<S> {
    inner: S,
    head: Head,
    full: bool,
}

impl<S> Recorded<S> {
    pub(crate) fn new(inner: S) -> (Self, Head) {
        let head = Head::default();
        (Self { inner, head: head.clone(), full: false }, head)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Recorded<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buf);
        if !self.full && polled.is_ready() {
            let mut head = self.head.0.lock().unwrap_or_else(PoisonError::into_inner);
            let room = HEAD_BYTES - head.len();
            head.extend(buf.filled()[before..].iter().take(room));
            let full = head.len() == HEAD_BYTES;
            drop(head);
            self.full = full;
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Recorded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

//! A server that answers what a test says, byte by byte.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// What a server does with a request.
#[derive(Clone)]
pub enum Reply {
    /// Sends this and closes the connection.
    Whole(Vec<u8>),
    /// Sends this, then nothing, until the client goes away.
    Stalls(Vec<u8>),
    /// Sends the first once and the second for ever, until the client goes away.
    Endless(Vec<u8>, Vec<u8>),
}

/// A running server; ends with its value.
pub struct Server {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
    gone: watch::Receiver<usize>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// A server at a free port of an address.
    pub async fn start(ip: &str, reply: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        Self::run(ip, None, reply).await
    }

    /// The same, with TLS if it is given.
    pub async fn run(
        ip: &str,
        tls: Option<TlsAcceptor>,
        reply: impl Fn(&str) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((ip, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Vec<String>>>::default();
        let (leaves, gone) = watch::channel(0);
        let (log, reply, leaves) = (seen.clone(), Arc::new(reply), Arc::new(leaves));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (log, reply, leaves, tls) = (log.clone(), reply.clone(), leaves.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, &log, &*reply).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &log, &*reply).await;
                            }
                        }
                    }
                    leaves.send_modify(|gone| *gone += 1);
                });
            }
        });
        Self { address, seen, gone, task }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// A URL of it, by address.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A grant of it, by address.
    pub fn grant(&self) -> String {
        self.address.to_string()
    }

    /// Requests that it saw, each with its headers and its body.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until so many connections have ended.
    pub async fn until_gone(&self, many: usize) {
        let mut gone = self.gone.clone();
        tokio::time::timeout(super::PATIENCE, gone.wait_for(|gone| *gone >= many)).await.unwrap().unwrap();
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    seen: &Mutex<Vec<String>>,
    reply: impl Fn(&str) -> Reply,
) {
    let Some(request) = request(&mut stream).await else { return };
    let reply = reply(&request);
    seen.lock().unwrap().push(request);
    match reply {
        Reply::Whole(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Reply::Stalls(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.flush().await;
            // Ends when the client closes its side.
            let _ = stream.read(&mut [0; 1]).await;
        }
        Reply::Endless(bytes, more) => {
            let _ = stream.write_all(&bytes).await;
            while stream.write_all(&more).await.is_ok() {}
        }
    }
}

/// One request: its head, and as much of a body as it announces.
async fn request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return Some(text.into_owned());
            }
        }
        let mut part = [0; 4096];
        match stream.read(&mut part).await {
            Ok(0) | Err(_) => return None,
            Ok(size) => bytes.extend_from_slice(&part[..size]),
        }
    }
}

/// An answer with a body.
pub fn ok(body: &str) -> Reply {
    with("200 OK", &[], body)
}

/// A redirect.
pub fn redirect(status: &str, location: &str) -> Reply {
    with(status, &[("Location", location)], "")
}

/// An answer with headers and a body.
pub fn with(status: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let lines: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let lines = lines.concat();
    Reply::Whole(format!("HTTP/1.1 {status}\r\n{lines}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes())
}

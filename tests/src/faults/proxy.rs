//! A link between the host and a machine that can be cut, silenced, slowed and stalled.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Bytes that are passed on at once.
const PIECE_BYTES: usize = 64 * 1024;
/// On a slow link.
const SLOW_PIECE_BYTES: usize = 2 * 1024;
/// How long a slow link holds each piece back.
const SLOW_PAUSE: Duration = Duration::from_millis(4);

/// How connections end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Both ends are told at once, what is on the way is lost.
    Reset,
    /// Both ends are told that nothing more comes.
    Finish,
    /// Nobody is told anything; nothing arrives any more.
    Silence,
}

/// How bytes go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As they come.
    Free,
    /// About half a megabyte a second.
    Slow,
    /// Not at all; what was sent arrives later.
    Stalled,
}

/// What becomes of a new connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// It is passed on.
    Open,
    /// It is reset.
    Shut,
}

/// A proxy on an address of its own; ends with all its connections when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    tasks: TaskTracker,
    end: CancellationToken,
}

#[derive(Debug)]
struct Shared {
    upstream: SocketAddr,
    pace: watch::Sender<Pace>,
    door: Mutex<Door>,
    /// The orders to each connection; those that ended are swept out when the next one comes.
    links: Mutex<Vec<watch::Sender<Option<Cut>>>>,
    /// Silenced connections are held until this is triggered.
    release: Mutex<CancellationToken>,
}

impl Proxy {
    /// A proxy on a free port of an address.
    pub async fn start(ip: IpAddr, upstream: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((ip, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            upstream,
            pace: watch::Sender::new(Pace::Free),
            door: Mutex::new(Door::Open),
            links: Mutex::default(),
            release: Mutex::default(),
        });
        let (tasks, end) = (TaskTracker::new(), CancellationToken::new());
        let accepting = accept(listener, shared.clone(), tasks.clone(), end.clone());
        tasks.spawn(async move {
            accepting.await;
        });
        Ok(Self { address, shared, tasks, end })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends all connections; returns how many there were.
    pub fn cut(&self, how: Cut) -> usize {
        let links = std::mem::take(&mut *lock(&self.shared.links));
        links.into_iter().filter(|link| link.send(Some(how)).is_ok()).count()
    }

    /// Connections that are there, silenced ones not among them.
    pub fn connections(&self) -> usize {
        lock(&self.shared.links).iter().filter(|link| link.receiver_count() > 0).count()
    }

    /// Sets how bytes go through, also on connections that are there.
    pub fn pace(&self, pace: Pace) {
        self.shared.pace.send_replace(pace);
    }

    /// Sets what becomes of new connections.
    pub fn door(&self, door: Door) {
        *lock(&self.shared.door) = door;
    }

    /// Lets go of silenced connections: both ends learn at last that they are gone.
    pub fn release(&self) {
        std::mem::take(&mut *lock(&self.shared.release)).cancel();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.tasks.close();
        self.end.cancel();
        self.release();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, tasks: TaskTracker, end: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = end.cancelled() => return,
        };
        // An error concerns one connection: it was gone before it was taken.
        let Ok((near, _)) = accepted else { continue };
        if *lock(&shared.door) == Door::Shut {
            let _ = near.set_zero_linger();
            continue;
        }
        let (orders, cut) = watch::channel(None);
        let mut links = lock(&shared.links);
        links.retain(|link| link.receiver_count() > 0);
        links.push(orders);
        drop(links);
        let (shared, end) = (shared.clone(), end.clone());
        tasks.spawn(async move {
            tokio::select! {
                () = link(near, &shared, cut) => {}
                () = end.cancelled() => {}
            }
        });
    }
}

/// One connection from its beginning to its end.
async fn link(mut near: TcpStream, shared: &Shared, mut orders: watch::Receiver<Option<Cut>>) {
    let Ok(mut far) = TcpStream::connect(shared.upstream).await else {
        let _ = near.set_zero_linger();
        return;
    };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let cut = {
        let ((near_read, near_write), (far_read, far_write)) = (near.split(), far.split());
        let there = pump(near_read, far_write, shared.pace.subscribe());
        let back = pump(far_read, near_write, shared.pace.subscribe());
        tokio::select! {
            biased;
            order = orders.wait_for(Option::is_some) => order.ok().and_then(|order| *order),
            // An end that fails ends the other: it could only wait for what cannot come.
            Err(_) = async { tokio::try_join!(there, back) } => Some(Cut::Reset),
            else => None,
        }
    };
    match cut {
        Some(Cut::Silence) => {
            let release = lock(&shared.release).clone();
            // Nothing is read any more, so that the other sides do not even get their bytes acknowledged for long.
            drop(orders);
            release.cancelled().await;
            let _ = (near.set_zero_linger(), far.set_zero_linger());
        }
        Some(Cut::Reset) => {
            let _ = (near.set_zero_linger(), far.set_zero_linger());
        }
        Some(Cut::Finish) | None => {
            let _ = (near.shutdown().await, far.shutdown().await);
        }
    }
}

/// Passes bytes on in one direction until there are no more.
async fn pump(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut pace: watch::Receiver<Pace>,
) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let now = *pace.borrow_and_update();
        let room = if now == Pace::Slow { SLOW_PIECE_BYTES } else { PIECE_BYTES };
        let read = from.read(&mut piece[..room]).await?;
        // A stall holds back also what was read while it began.
        let waited = pace.wait_for(|pace| *pace != Pace::Stalled).await;
        waited.map_err(|_| io::Error::other("the proxy has ended"))?;
        if read == 0 {
            return to.shutdown().await;
        }
        if now == Pace::Slow {
            tokio::time::sleep(SLOW_PAUSE).await;
        }
        to.write_all(&piece[..read]).await?;
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::time::timeout;

    use super::*;

    const SOON: Duration = Duration::from_secs(10);
    const A_WHILE: Duration = Duration::from_millis(200);

    /// A proxy before a server that sends back what it gets, and a connection through it.
    async fn echo() -> (Proxy, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let upstream = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                });
            }
        });
        let proxy = Proxy::start(Ipv4Addr::LOCALHOST.into(), upstream).await.unwrap();
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(said(&mut stream, b"hello").await.unwrap(), b"hello");
        (proxy, stream)
    }

    async fn said(stream: &mut TcpStream, words: &[u8]) -> io::Result<Vec<u8>> {
        stream.write_all(words).await?;
        let mut back = vec![0; words.len()];
        timeout(SOON, stream.read_exact(&mut back)).await.expect("an answer in time")?;
        Ok(back)
    }

    #[tokio::test]
    async fn a_reset_is_a_reset_and_a_finish_an_orderly_end() {
        let (proxy, mut stream) = echo().await;
        assert_eq!(proxy.cut(Cut::Reset), 1);
        let error = timeout(SOON, stream.read(&mut [0; 8])).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        said(&mut stream, b"again").await.unwrap();
        assert_eq!(proxy.cut(Cut::Finish), 1);
        assert_eq!(timeout(SOON, stream.read(&mut [0; 8])).await.unwrap().unwrap(), 0);
    }

    #[tokio::test]
    async fn a_silenced_connection_says_nothing_until_it_is_let_go() {
        let (proxy, mut stream) = echo().await;
        assert_eq!(proxy.cut(Cut::Silence), 1);
        stream.write_all(b"anybody?").await.unwrap();
        assert!(timeout(A_WHILE, stream.read(&mut [0; 8])).await.is_err(), "nothing may come");
        let mut other = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(said(&mut other, b"new").await.unwrap(), b"new");
        proxy.release();
        let error = timeout(SOON, stream.read(&mut [0; 8])).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }

    #[tokio::test]
    async fn a_stalled_link_delivers_later_and_a_slow_one_takes_its_time() {
        let (proxy, mut stream) = echo().await;
        proxy.pace(Pace::Stalled);
        stream.write_all(b"later").await.unwrap();
        let mut back = [0; 5];
        assert!(timeout(A_WHILE, stream.read_exact(&mut back)).await.is_err(), "nothing may come");
        proxy.pace(Pace::Slow);
        timeout(SOON, stream.read_exact(&mut back)).await.unwrap().unwrap();
        assert_eq!(&back, b"later");
        let begun = std::time::Instant::now();
        let words = vec![b'x'; 100 * SLOW_PIECE_BYTES];
        let (mut read, mut write) = stream.split();
        let mut all = vec![0; words.len()];
        let (sent, came) = tokio::join!(write.write_all(&words), read.read_exact(&mut all));
        assert!(sent.is_ok() && came.is_ok() && all == words);
        assert!(begun.elapsed() >= 50 * SLOW_PAUSE, "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn through_a_shut_door_nobody_comes() {
        let (proxy, _stream) = echo().await;
        proxy.door(Door::Shut);
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert!(timeout(SOON, stream.read(&mut [0; 8])).await.unwrap().is_err());
        proxy.door(Door::Open);
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(said(&mut stream, b"in").await.unwrap(), b"in");
    }
}

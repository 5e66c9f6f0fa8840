//! The servers: some that never get beyond the handshake, and some that speak SSH well and then play tricks.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use russh::keys::key::safe_rng;
use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, PrivateKey};
use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, PublicKeyOffer, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

static ACCEPTED: AtomicU64 = AtomicU64::new(0);
static REFUSED: AtomicU64 = AtomicU64::new(0);
const BANNER: &[u8] = b"SSH-2.0-evil\r\n";
const PIECE: usize = 32 << 10;

/// What a server does instead of a handshake.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Raw {
    BannerWithoutEnd,
    LinesWithoutBanner,
    BannerByDrips,
    GarbageAfterBanner,
    HugePacketAnnounced,
    LargePacketAnnouncedAndSent,
    KeyExchangeThatNeverBegins,
    Silence,
}

impl Raw {
    pub(crate) const ALL: [Self; 8] = [
        Self::BannerWithoutEnd,
        Self::LinesWithoutBanner,
        Self::BannerByDrips,
        Self::GarbageAfterBanner,
        Self::HugePacketAnnounced,
        Self::LargePacketAnnouncedAndSent,
        Self::KeyExchangeThatNeverBegins,
        Self::Silence,
    ];

    async fn act(self, stream: &mut TcpStream) -> std::io::Result<()> {
        match self {
            Self::BannerWithoutEnd => forever(stream, b"", &vec![b'A'; PIECE]).await,
            Self::LinesWithoutBanner => forever(stream, b"", &b"hello\r\n".repeat(PIECE / 8)).await,
            Self::BannerByDrips => loop {
                stream.write_all(b"S").await?;
                tokio::time::sleep(Duration::from_secs(1)).await;
            },
            Self::GarbageAfterBanner => forever(stream, BANNER, &vec![0xa5; PIECE]).await,
            Self::HugePacketAnnounced => forever(stream, &[BANNER, &[0xff; 5]].concat(), &vec![0; PIECE]).await,
            Self::LargePacketAnnouncedAndSent => {
                forever(stream, &[BANNER, &(200_u32 << 20).to_be_bytes()].concat(), &vec![4; PIECE]).await
            }
            Self::KeyExchangeThatNeverBegins => forever(stream, BANNER, &ignored().repeat(PIECE / 16)).await,
            Self::Silence => stream.read_to_end(&mut Vec::new()).await.map(drop),
        }
    }
}

/// An unencrypted packet that says nothing (RFC 4253, 11.2): length, padding's length, message 2 with an empty string, padding.
fn ignored() -> Vec<u8> {
    let mut packet = 12_u32.to_be_bytes().to_vec();
    packet.extend([6, 2, 0, 0, 0, 0]);
    packet.extend([0; 6]);
    packet
}

async fn forever(stream: &mut TcpStream, first: &[u8], again: &[u8]) -> std::io::Result<()> {
    stream.write_all(first).await?;
    loop {
        stream.write_all(again).await?;
    }
}

/// Starts a server that gets nowhere; its port.
pub(crate) async fn start_raw(raw: Raw) -> u16 {
    listen(move |mut stream| async move {
        // It ends when the client has had enough.
        let _ = raw.act(&mut stream).await;
    })
    .await
}

async fn listen<F, Fut>(serve: F) -> u16
where
    F: Fn(TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    port
}

/// What a server does once a command was sent to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trick {
    /// Nothing bad: the command ends well.
    None,
    /// Output without end, as fast as it goes.
    Endless,
    /// The same, a byte a packet.
    TinyPackets,
    /// A byte a second.
    Drip,
    /// Takes no input: its window is 0 for ever.
    NoWindow,
    /// Opens channels without end.
    ChannelFlood,
}

/// Makes a key that every server here lets in; its path.
pub(crate) fn client_key(folder: &Path) -> PathBuf {
    let path = folder.join("id_ed25519");
    let key = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).unwrap();
    std::fs::write(&path, key.to_openssh(LineEnding::LF).unwrap().as_bytes()).unwrap();
    path
}

/// Starts a server that plays a trick; its port.
pub(crate) async fn start(trick: Trick) -> u16 {
    let config = Arc::new(Config {
        keys: vec![PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).unwrap()],
        window_size: if trick == Trick::NoWindow { 0 } else { 2 << 20 },
        nodelay: true,
        ..Config::default()
    });
    listen(move |stream| {
        let config = Arc::clone(&config);
        async move {
            let visitor = Visitor { trick, channels: Vec::new() };
            if let Ok(session) = russh::server::run_stream(config, stream, visitor).await {
                // It ends when the client has had enough.
                let _ = session.await;
            }
        }
    })
    .await
}

/// Channels that a client let a server open.
pub(crate) fn accepted_channels() -> u64 {
    ACCEPTED.load(Ordering::Acquire)
}

/// Channels that clients did not let a server open.
pub(crate) fn refused_channels() -> u64 {
    REFUSED.load(Ordering::Acquire)
}

struct Visitor {
    trick: Trick,
    channels: Vec<Channel<Msg>>,
}

impl Handler for Visitor {
    type Error = russh::Error;

    async fn auth_publickey_offered(&mut self, _: &str, _: PublicKeyOffer<'_>) -> Result<Auth, Self::Error> {
        Ok(Auth::Accept)
    }

    async fn auth_publickey(&mut self, _: &str, _: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        Ok(Auth::Accept)
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        self.channels.push(channel);
        reply.accept().await;
        Ok(())
    }

    async fn exec_request(&mut self, id: ChannelId, _: &[u8], session: &mut Session) -> Result<(), Self::Error> {
        session.channel_success(id)?;
        let Some(at) = self.channels.iter().position(|channel| channel.id() == id) else { return Ok(()) };
        let channel = self.channels.swap_remove(at);
        tokio::spawn(play(self.trick, channel, session.handle()));
        Ok(())
    }
}

async fn play(trick: Trick, channel: Channel<Msg>, handle: russh::server::Handle) {
    match trick {
        Trick::None => {
            let _ = channel.exit_status(0).await;
            let _ = channel.eof().await;
            let _ = channel.close().await;
        }
        Trick::Endless => while channel.data(&vec![b'y'; PIECE][..]).await.is_ok() {},
        Trick::TinyPackets => while channel.data(&b"y"[..]).await.is_ok() {},
        Trick::Drip => {
            while channel.data(&b"y"[..]).await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        // The channel is kept, and nothing is said.
        Trick::NoWindow => std::future::pending().await,
        Trick::ChannelFlood => flood(&handle).await,
    }
}

/// Many at once, of every kind, for as long as there is a connection.
async fn flood(handle: &russh::server::Handle) {
    loop {
        let forwarded = (0..50).map(|_| handle.channel_open_forwarded_tcpip("a", 1, "b", 2));
        let agents = (0..50).map(|_| handle.channel_open_agent());
        let all = futures::future::join(futures::future::join_all(forwarded), futures::future::join_all(agents)).await;
        for opened in all.0.into_iter().chain(all.1) {
            match opened {
                Ok(_) => ACCEPTED.fetch_add(1, Ordering::AcqRel),
                Err(russh::Error::ChannelOpenFailure(_)) => REFUSED.fetch_add(1, Ordering::AcqRel),
                Err(_) => return,
            };
        }
    }
}

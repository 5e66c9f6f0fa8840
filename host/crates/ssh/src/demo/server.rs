//! One SSH server: sessions that execute commands by the local shell, and nothing else.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use russh::keys::{PrivateKey, PublicKey};
use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, PublicKeyOffer, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, MethodKind, MethodSet, Sig};
use rustix::process::Signal;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStdin, Command};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::local::{Group, exit_of};

/// Sessions at once on one connection, as sshd has it.
const SESSIONS_MAX: usize = 10;
/// Time that a command whose client has gone gets to end by itself.
const GRACE: Duration = Duration::from_secs(2);
const READ_BYTES: usize = 32 << 10;
/// Data type code of standard error (RFC 4254, 5.2).
const STDERR: u32 = 1;

/// What a server needs to know.
#[derive(Clone)]
pub(super) struct Machine {
    pub(super) environment: Vec<(String, String)>,
    pub(super) home: PathBuf,
    pub(super) client_key: PublicKey,
    pub(super) stop: CancellationToken,
    pub(super) tasks: TaskTracker,
}

/// Serves until the fleet stops.
pub(super) async fn serve(listener: TcpListener, host_key: PrivateKey, machine: Machine) {
    let config = Arc::new(Config {
        methods: MethodSet::from(&[MethodKind::PublicKey][..]),
        auth_rejection_time: Duration::from_millis(50),
        keys: vec![host_key],
        nodelay: true,
        inactivity_timeout: None,
        keepalive_interval: Some(Duration::from_secs(30)),
        ..Config::default()
    });
    loop {
        let accepted = tokio::select! {
            () = machine.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                machine.tasks.spawn(converse(stream, Arc::clone(&config), machine.clone()));
            }
            // Out of file descriptors, for one: it passes, and a loop without a pause would make it worse.
            Err(error) => {
                tracing::debug!(%error, "the demo server cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, config: Arc<Config>, machine: Machine) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "nodelay cannot be set");
    }
    let stop = machine.stop.clone();
    let gone = CancellationToken::new();
    let _gone_at_end = gone.clone().drop_guard();
    let visitor = Visitor { machine, gone, sessions: HashMap::new() };
    let session = tokio::select! {
        () = stop.cancelled() => return,
        session = russh::server::run_stream(config, stream, visitor) => session,
    };
    match session {
        Ok(session) => {
            let handle = session.handle();
            tokio::select! {
                () = stop.cancelled() => {
                    let reason = "the demo fleet stops".to_owned();
                    let _ = handle.disconnect(russh::Disconnect::ByApplication, reason, String::new()).await;
                }
                ended = session => if let Err(error) = ended {
                    tracing::debug!(%error, "a connection to the demo fleet broke");
                }
            }
        }
        Err(error) => tracing::debug!(%error, "a connection to the demo fleet was not set up"),
    }
}

/// One connected client.
struct Visitor {
    machine: Machine,
    /// The connection is over: what runs for it ends.
    gone: CancellationToken,
    sessions: HashMap<ChannelId, Option<Channel<Msg>>>,
}

impl Visitor {
    fn judge(&self, key: &PublicKey) -> Auth {
        if key.key_data() == self.machine.client_key.key_data() { Auth::Accept } else { Auth::reject() }
    }
}

impl Handler for Visitor {
    type Error = russh::Error;

    async fn auth_publickey_offered(&mut self, _: &str, offer: PublicKeyOffer<'_>) -> Result<Auth, Self::Error> {
        Ok(self.judge(offer.public_key))
    }

    async fn auth_publickey(&mut self, _: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        Ok(self.judge(key.public_key))
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        if self.sessions.len() >= SESSIONS_MAX {
            reply.reject(russh::ChannelOpenFailure::ConnectFailed).await;
        } else {
            self.sessions.insert(channel.id(), Some(channel));
            reply.accept().await;
        }
        Ok(())
    }

    async fn channel_close(&mut self, channel: ChannelId, _: &mut Session) -> Result<(), Self::Error> {
        self.sessions.remove(&channel);
        Ok(())
    }

    async fn exec_request(&mut self, id: ChannelId, line: &[u8], session: &mut Session) -> Result<(), Self::Error> {
        let channel = self.sessions.get_mut(&id).and_then(Option::take);
        let (Some(channel), Ok(line)) = (channel, std::str::from_utf8(line)) else {
            return session.channel_failure(id);
        };
        match spawn(&self.machine, line) {
            Ok(child) => {
                session.channel_success(id)?;
                let stop = self.machine.stop.clone();
                self.machine.tasks.spawn(execute(child, channel, self.gone.clone(), stop));
                Ok(())
            }
            Err(error) => {
                tracing::warn!(%error, "the demo fleet cannot start a shell");
                session.channel_failure(id)
            }
        }
    }

    async fn shell_request(&mut self, id: ChannelId, session: &mut Session) -> Result<(), Self::Error> {
        session.channel_failure(id)
    }

    async fn subsystem_request(&mut self, id: ChannelId, _: &str, session: &mut Session) -> Result<(), Self::Error> {
        session.channel_failure(id)
    }
}

fn spawn(machine: &Machine, line: &str) -> std::io::Result<Child> {
    Command::new("/bin/sh")
        .arg("-c")
        .arg(line)
        .env_clear()
        .envs(machine.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(&machine.home)
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
}

/// Carries a command's input and outputs until it has ended or its client has gone.
async fn execute(mut child: Child, channel: Channel<Msg>, gone: CancellationToken, stop: CancellationToken) {
    let mut group = Group::of(&child);
    let (mut read, write) = channel.split();
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let outputs = async { tokio::join!(carry(stdout, None, &write), carry(stderr, Some(STDERR), &write)) };
    let ended = tokio::select! {
        status = async { outputs.await; child.wait().await } => Some(status),
        () = obey(&mut read, stdin, &group) => None,
        () = gone.cancelled() => None,
        () = stop.cancelled() => None,
    };
    if let Some(Ok(status)) = ended {
        group.disarm();
        report(&exit_of(status), &write).await;
    } else {
        group.signal(Signal::HUP);
        group.signal(Signal::TERM);
        // Whatever of the group is left afterwards is killed when `group` is dropped.
        let _ = tokio::time::timeout(GRACE, child.wait()).await;
    }
    let _ = write.eof().await;
    let _ = write.close().await;
}

/// Does what the client sends: input, its end, signals. Returns when the channel is closed.
async fn obey(read: &mut ChannelReadHalf, mut stdin: Option<ChildStdin>, group: &Group) {
    while let Some(message) = read.wait().await {
        match message {
            ChannelMsg::Data { data } => {
                if let Some(pipe) = &mut stdin
                    && pipe.write_all(&data).await.is_err()
                {
                    stdin = None;
                }
            }
            ChannelMsg::Eof => stdin = None,
            ChannelMsg::Signal { signal } => match signal {
                Sig::TERM => group.signal(Signal::TERM),
                Sig::KILL => group.signal(Signal::KILL),
                Sig::INT => group.signal(Signal::INT),
                Sig::HUP => group.signal(Signal::HUP),
                _ => {}
            },
            ChannelMsg::Close => return,
            _ => {}
        }
    }
}

async fn carry(pipe: Option<impl AsyncRead + Unpin>, ext: Option<u32>, write: &ChannelWriteHalf<Msg>) {
    let Some(mut pipe) = pipe else { return };
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(READ_BYTES);
        match pipe.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let bytes = buffer.split().freeze();
        let sent = match ext {
            None => write.data_bytes(bytes).await,
            Some(ext) => write.extended_data_bytes(ext, bytes).await,
        };
        if sent.is_err() {
            return;
        }
    }
}

async fn report(exit: &corral_engine::ports::Exit, write: &ChannelWriteHalf<Msg>) {
    // russh's channel has no message for an exit by signal; shells report one as 128 + its number, and so does this.
    let code = exit.code.map_or_else(|| 128 + signal_number(exit.signal.as_deref()), i32::cast_unsigned);
    let _ = write.exit_status(code).await;
}

fn signal_number(name: Option<&str>) -> u32 {
    match name {
        Some("HUP") => 1,
        Some("INT") => 2,
        Some("ABRT") => 6,
        Some("KILL") => 9,
        Some("SEGV") => 11,
        Some("PIPE") => 13,
        _ => 15,
    }
}

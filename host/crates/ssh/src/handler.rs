//! The callbacks of a client connection: the host key check, and nothing else.

use std::sync::{Arc, OnceLock};

use corral_domain::Clock;
use corral_engine::ports::Failure;
use russh::Channel;
use russh::client::{ChannelOpenHandle, Handler, Msg, Session};
use russh::keys::{PublicKey, PublicKeyOrCertificate};

use crate::hostkey::{Accepted, HostKeyPolicy};

/// Why a handshake ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandshakeError {
    /// The protocol failed.
    #[error(transparent)]
    Ssh(#[from] russh::Error),
    /// The host key is not the machine's.
    #[error("{0}")]
    HostKey(Box<Failure>),
}

/// Where the host key check leaves what it found.
pub(crate) type HostKeySlot = Arc<OnceLock<(PublicKey, Accepted)>>;

/// Checks the host key against what is on record.
pub(crate) struct ClientHandler {
    policy: HostKeyPolicy,
    clock: Arc<dyn Clock>,
    found: HostKeySlot,
}

impl ClientHandler {
    pub(crate) fn new(policy: HostKeyPolicy, clock: Arc<dyn Clock>) -> (Self, HostKeySlot) {
        let found = HostKeySlot::default();
        (Self { policy, clock, found: Arc::clone(&found) }, found)
    }
}

impl Handler for ClientHandler {
    type Error = HandshakeError;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let key = shown.public_key();
        // Keys are exchanged anew every gigabyte or hour. A key that was accepted then is still the machine's; any
        // other has to stand the whole check.
        if self.found.get().is_some_and(|(accepted, _)| accepted.key_data() == key.key_data()) {
            return Ok(true);
        }
        let accepted = match shown.certificate() {
            Some(certificate) => self.policy.check_certificate(certificate, self.clock.now()),
            None => self.policy.check(&key),
        };
        let accepted = accepted.map_err(HandshakeError::HostKey)?;
        if self.found.set((key, accepted)).is_err() {
            return Ok(false);
        }
        Ok(true)
    }

    // A server has nothing to ask of a client: no forwarding, no agent, no X11 was requested. Each channel that it opens is refused,
    // which dropping the handle does; by itself the library would accept them all and keep them.

    async fn server_channel_open_session(
        &mut self,
        _: Channel<Msg>,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn server_channel_open_x11(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn server_channel_open_agent_forward(
        &mut self,
        _: Channel<Msg>,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn server_channel_open_forwarded_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn server_channel_open_forwarded_streamlocal(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn server_channel_open_direct_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn server_channel_open_direct_streamlocal(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        Ok(())
    }
}

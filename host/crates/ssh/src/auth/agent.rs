//! Keys and certificates of the running SSH agent.

use std::path::PathBuf;

use corral_engine::ports::Failure;
use russh::AgentAuthError;
use russh::keys::PublicKey;
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use tokio::net::UnixStream;

use super::{Attempt, STEP};
use crate::config::AgentSocket;
use crate::failure::failure;
use crate::hostcert::time_problem;
use crate::known_hosts::fingerprint;

/// Keys offered on one connection; sshd closes it after six failures.
const KEYS_MAX: usize = 6;

impl Attempt<'_> {
    /// Offers the agent's keys, or only one of them.
    pub(super) async fn with_agent(&mut self, only: Option<&PublicKey>) -> Result<String, Failure> {
        let mut agent = connect_agent(&self.config.agent).await?;
        let identities = agent.request_identities().await.map_err(|error| {
            failure(STEP, format!("the SSH agent did not list its keys: {error}"), "start it anew, or use a key file")
        })?;
        let mut held = identities;
        held.retain(|identity| only.is_none_or(|key| key.key_data() == identity.public_key().key_data()));
        if held.is_empty() {
            return Err(failure(STEP, "the SSH agent holds no keys", "load one with `ssh-add`, or use a key file"));
        }
        if held.len() > KEYS_MAX {
            self.notes.push(format!("the agent holds {} keys, of which only {KEYS_MAX} were offered", held.len()));
        }
        for identity in held.into_iter().take(KEYS_MAX) {
            if let Some(done) = self.offer_identity(&mut agent, identity).await? {
                return Ok(done);
            }
        }
        Err(self.denied(self.add_public_key()))
    }

    async fn offer_identity(
        &mut self,
        agent: &mut AgentClient<UnixStream>,
        identity: AgentIdentity,
    ) -> Result<Option<String>, Failure> {
        let public = identity.public_key().into_owned();
        let mut shown = format!("{} of the agent", fingerprint(&public));
        if let AgentIdentity::Certificate { certificate, .. } = &identity {
            shown = format!("the certificate of {shown}");
            if let Some(problem) = time_problem(certificate, self.config.clock.now()) {
                self.notes.push(format!("{shown} was not offered: {problem}"));
                return Ok(None);
            }
        }
        let Some(hash) = self.rsa_hash(&public).await? else {
            self.notes.push(format!("{shown} is an RSA key and the server takes those with SHA-1 only"));
            return Ok(None);
        };
        let answer = match identity {
            AgentIdentity::PublicKey { key, .. } => {
                self.handle.authenticate_publickey_with(&self.user, key, hash, agent).await
            }
            AgentIdentity::Certificate { certificate, .. } => {
                self.handle.authenticate_certificate_with(&self.user, certificate, hash, agent).await
            }
        };
        match answer {
            Err(AgentAuthError::Key(error)) => {
                // The agent would not sign: it is locked, or its owner declined. Other keys may still do.
                self.notes.push(format!("the agent would not sign with {shown} ({error})"));
                Ok(None)
            }
            answer => self.judge(answer.map_err(|error| error.to_string()), shown).await,
        }
    }
}

async fn connect_agent(socket: &AgentSocket) -> Result<AgentClient<UnixStream>, Failure> {
    let path = match socket {
        AgentSocket::Path(path) => path.clone(),
        AgentSocket::Environment => std::env::var_os("SSH_AUTH_SOCK").filter(|path| !path.is_empty()).map_or_else(
            || {
                Err(failure(
                    STEP,
                    "no SSH agent: SSH_AUTH_SOCK is not set for the host",
                    "start the host where `ssh-add -l` works, or choose a key file for this machine",
                ))
            },
            |path| Ok(PathBuf::from(path)),
        )?,
    };
    let stream = UnixStream::connect(&path).await.map_err(|error| {
        failure(
            STEP,
            format!("the SSH agent at {} does not answer: {error}", path.display()),
            "start it anew with `eval $(ssh-agent)` and restart the host, or choose a key file for this machine",
        )
    })?;
    Ok(AgentClient::connect(stream))
}

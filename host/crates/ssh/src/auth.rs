//! Proves to a server who the host is: with keys of the agent or of files.
//!
//! Secrets are not kept here; what needs one (a passphrase, a password) says so and fails.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use corral_domain::{Auth, Vm, quote_word};
use corral_engine::ports::Failure;
use russh::AgentAuthError;
use russh::client::{AuthResult, Handle};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{Error as KeyError, HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKey, decode_secret_key};
use tokio::net::UnixStream;

use crate::config::{AgentSocket, SshConfig, current_user};
use crate::failure::failure;
use crate::handler::ClientHandler;
use crate::known_hosts::fingerprint;

const STEP: &str = "authenticate";
/// Keys offered on one connection; sshd closes it after six failures.
const KEYS_MAX: usize = 6;

/// The account that a VM is used as.
pub(crate) fn user_of(vm: &Vm) -> String {
    if vm.user.is_empty() { current_user() } else { vm.user.clone() }
}

/// Authenticates; tells with what.
pub(crate) async fn authenticate(
    handle: &mut Handle<ClientHandler>,
    vm: &Vm,
    config: &SshConfig,
) -> Result<String, Failure> {
    let mut attempt = Attempt { handle, user: user_of(vm), vm, config, offered: Vec::new(), notes: Vec::new() };
    match &vm.auth {
        Auth::Agent => attempt.with_agent(None).await,
        Auth::Key { identity_file, .. } => attempt.with_files(identity_file.as_deref()).await,
        Auth::Certificate { .. } => Err(failure(
            STEP,
            "certificates are not part of this version yet",
            "use a key file, or load the certificate's key into the SSH agent and choose `agent`",
        )),
        Auth::Password { .. } => {
            Err(failure(STEP, "passwords are not part of this version yet", "use a key file or the SSH agent"))
        }
    }
}

struct Attempt<'a> {
    handle: &'a mut Handle<ClientHandler>,
    user: String,
    vm: &'a Vm,
    config: &'a SshConfig,
    /// What was offered and refused.
    offered: Vec<String>,
    /// Keys that could not be offered, and why.
    notes: Vec<String>,
}

impl Attempt<'_> {
    async fn with_files(&mut self, named: Option<&str>) -> Result<String, Failure> {
        let paths = match named {
            Some(path) => vec![expand_home(path)],
            None => self.config.identity_files.clone(),
        };
        for path in &paths {
            match read_key(path).await {
                Ok(key) => {
                    if let Some(done) = self.offer_key(path, key).await? {
                        return Ok(done);
                    }
                }
                Err(ReadKey::Missing) if named.is_none() => {}
                Err(ReadKey::Missing) => return Err(missing_file(path)),
                Err(ReadKey::Encrypted(public)) => {
                    if let Some(done) = self.offer_encrypted(path, public).await? {
                        return Ok(done);
                    }
                }
                Err(ReadKey::Unreadable(why)) => self.notes.push(format!("{} cannot be read ({why})", path.display())),
            }
        }
        Err(if self.offered.is_empty() { self.nothing_to_offer(&paths, named) } else { self.denied() })
    }

    async fn offer_key(&mut self, path: &Path, key: PrivateKey) -> Result<Option<String>, Failure> {
        let shown = format!("{} ({})", path.display(), fingerprint(key.public_key()));
        let Some(hash) = self.rsa_hash(key.public_key()).await? else {
            self.notes
                .push(format!("{shown} is an RSA key and the server takes those with SHA-1 only, which is broken"));
            return Ok(None);
        };
        let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
        let answer = self.handle.authenticate_publickey(&self.user, key).await;
        self.judge(answer.map_err(|error| error.to_string()), shown)
    }

    /// A key with a passphrase can still be used when the agent holds it.
    async fn offer_encrypted(&mut self, path: &Path, public: Option<PublicKey>) -> Result<Option<String>, Failure> {
        if let Some(public) = public
            && let Ok(done) = Box::pin(self.with_agent(Some(&public))).await
        {
            return Ok(Some(done));
        }
        self.notes.push(format!("{} is protected by a passphrase", path.display()));
        Ok(None)
    }

    /// Offers the agent's keys, or only one of them.
    async fn with_agent(&mut self, only: Option<&PublicKey>) -> Result<String, Failure> {
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
        Err(self.denied())
    }

    async fn offer_identity(
        &mut self,
        agent: &mut AgentClient<UnixStream>,
        identity: AgentIdentity,
    ) -> Result<Option<String>, Failure> {
        let public = identity.public_key().into_owned();
        let shown = format!("{} of the agent", fingerprint(&public));
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
            answer => self.judge(answer.map_err(|error| error.to_string()), shown),
        }
    }

    /// Takes down one answer. An error is a connection that is gone.
    fn judge(&mut self, answer: Result<AuthResult, String>, shown: String) -> Result<Option<String>, Failure> {
        match answer {
            Ok(AuthResult::Success) => Ok(Some(format!("as {} with {shown}", self.user))),
            Ok(AuthResult::Failure { partial_success: true, remaining_methods }) => Err(failure(
                STEP,
                format!("{shown} was accepted, but the server wants more: {}", methods(&remaining_methods)),
                "let the account in with a key alone; other methods are not part of this version yet",
            )),
            Ok(AuthResult::Failure { .. }) if !self.handle.is_closed() => {
                self.offered.push(shown);
                Ok(None)
            }
            Ok(AuthResult::Failure { .. }) => {
                self.offered.push(shown);
                Err(failure(
                    STEP,
                    format!("the server closed the connection while {} was offered", self.offered.join(", ")),
                    "look into the server's log; too many keys may have been tried, or the account is not allowed in",
                ))
            }
            Err(error) => Err(failure(
                STEP,
                format!("the connection broke during authentication: {error}"),
                "try again; look into the server's log if it happens again",
            )),
        }
    }

    /// Which hash RSA signatures use; `None` if the server takes only SHA-1. Other keys need none.
    async fn rsa_hash(&mut self, key: &PublicKey) -> Result<Option<Option<HashAlg>>, Failure> {
        if !key.algorithm().is_rsa() {
            return Ok(Some(None));
        }
        let best = self.handle.best_supported_rsa_hash().await.map_err(|error| {
            failure(STEP, format!("the connection broke during authentication: {error}"), "try again")
        })?;
        Ok(match best {
            Some(Some(hash)) => Some(Some(hash)),
            Some(None) => None,
            // It did not say. Every server that still matters takes SHA-256.
            None => Some(Some(HashAlg::Sha256)),
        })
    }

    fn denied(&self) -> Failure {
        failure(
            STEP,
            format!(
                "permission denied for user {} on {}: offered keys {}{}",
                self.user,
                self.vm.name,
                self.offered.join(", "),
                self.noted()
            ),
            format!(
                "put the public key into ~/.ssh/authorized_keys of user {} on the machine, or choose another user or key",
                self.user
            ),
        )
    }

    fn nothing_to_offer(&self, paths: &[PathBuf], named: Option<&str>) -> Failure {
        if self.notes.is_empty() {
            let looked: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
            return failure(
                STEP,
                format!("there is no private key: looked for {}", looked.join(", ")),
                "make one with `ssh-keygen -t ed25519`, name another file, or use the SSH agent",
            );
        }
        let remedy = match named {
            Some(path) if self.notes.iter().any(|note| note.contains("passphrase")) => format!(
                "load it with `ssh-add {}` and start the host with SSH_AUTH_SOCK set; passphrases are not part of this \
                 version yet",
                quote_word(path)
            ),
            Some(_) => "name a file with a private key in OpenSSH or PEM format that this account can read".to_owned(),
            None => {
                "load the key into the SSH agent with `ssh-add`, or name a key file without a passphrase".to_owned()
            }
        };
        failure(STEP, format!("no key could be offered{}", self.noted()), remedy)
    }

    fn noted(&self) -> String {
        if self.notes.is_empty() { String::new() } else { format!("; {}", self.notes.join("; ")) }
    }
}

fn methods(set: &[russh::MethodKind]) -> String {
    set.iter().map(String::from).collect::<Vec<_>>().join(", ")
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

/// Why a file gave no key.
enum ReadKey {
    Missing,
    /// With its public part, where the format shows it.
    Encrypted(Option<PublicKey>),
    Unreadable(String),
}

async fn read_key(path: &Path) -> Result<PrivateKey, ReadKey> {
    let text = tokio::fs::read_to_string(path).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => ReadKey::Missing,
        _ => ReadKey::Unreadable(error.to_string()),
    })?;
    decode_secret_key(&text, None).map_err(|error| match error {
        KeyError::KeyIsEncrypted => {
            ReadKey::Encrypted(PrivateKey::from_openssh(&text).ok().map(|key| key.public_key().clone()))
        }
        error => ReadKey::Unreadable(error.to_string()),
    })
}

fn missing_file(path: &Path) -> Failure {
    failure(
        STEP,
        format!("the private key {} does not exist", path.display()),
        "correct the path, or make the key with `ssh-keygen`",
    )
}

fn expand_home(path: &str) -> PathBuf {
    path.strip_prefix("~/").map_or_else(|| PathBuf::from(path), |rest| crate::config::home().join(rest))
}

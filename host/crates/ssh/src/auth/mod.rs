//! Proves to a server who the host is: with keys of the agent or of files, with certificates, with a password.
//!
//! Values of secrets are asked for when they are needed and kept no longer; a private key that a passphrase opened is kept
//! open in memory, because opening it is slow on purpose. Whatever fails says which secret, file or setting is meant.

mod agent;
mod files;
mod password;

use corral_domain::{Auth, Vm};
use corral_engine::ports::{Failure, SecretText};
use russh::MethodKind;
use russh::client::{AuthResult, Handle};
use russh::keys::{HashAlg, PublicKey};

pub(crate) use files::KeyFiles;

use crate::config::{SshConfig, current_user};
use crate::failure::failure;
use crate::handler::ClientHandler;

const STEP: &str = "authenticate";

/// The account that a VM is used as.
pub(crate) fn user_of(vm: &Vm) -> String {
    if vm.user.is_empty() { current_user() } else { vm.user.clone() }
}

/// Authenticates; tells with what.
pub(crate) async fn authenticate(
    handle: &mut Handle<ClientHandler>,
    vm: &Vm,
    config: &SshConfig,
    keys: &KeyFiles,
) -> Result<String, Failure> {
    let (user, offered, notes) = (user_of(vm), Vec::new(), Vec::new());
    let mut attempt = Attempt { handle, user, vm, config, keys, offered, notes, accepted: None };
    match &vm.auth {
        Auth::Agent => attempt.with_agent(None).await,
        Auth::Key { identity_file, secret } => attempt.with_files(identity_file.as_deref(), secret.as_deref()).await,
        Auth::Certificate { identity_file, secret } => attempt.with_certificate(identity_file, secret.as_deref()).await,
        Auth::Password { secret } => attempt.with_password(secret).await,
    }
}

struct Attempt<'a> {
    handle: &'a mut Handle<ClientHandler>,
    user: String,
    vm: &'a Vm,
    config: &'a SshConfig,
    keys: &'a KeyFiles,
    /// What was offered and refused.
    offered: Vec<String>,
    /// Keys that could not be offered, and why.
    notes: Vec<String>,
    /// A key that was taken where the server wants another one too.
    accepted: Option<String>,
}

impl Attempt<'_> {
    /// Takes down one answer to a key. Gives who we are once that is settled; an error is a connection that is gone, or a
    /// server that wants what there is not.
    async fn judge(&mut self, answer: Result<AuthResult, String>, shown: String) -> Result<Option<String>, Failure> {
        match answer {
            Ok(AuthResult::Success) => Ok(Some(self.success(&shown))),
            Ok(AuthResult::Failure { partial_success: true, remaining_methods }) => {
                self.further(shown, &remaining_methods).await
            }
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
            Err(error) => Err(broke(&error)),
        }
    }

    fn success(&self, shown: &str) -> String {
        match &self.accepted {
            Some(before) => format!("as {} with {before} and {shown}", self.user),
            None => format!("as {} with {shown}", self.user),
        }
    }

    /// The key was taken and is not enough.
    async fn further(&mut self, shown: String, methods: &[MethodKind]) -> Result<Option<String>, Failure> {
        let asks_for_password = password::is_wanted(methods);
        if !asks_for_password && methods.contains(&MethodKind::PublicKey) {
            self.accepted = Some(shown);
            return Ok(None);
        }
        let secret = self.vm.options.password_secret.clone().filter(|_| asks_for_password);
        let Some(secret) = secret else { return Err(self.wants_more(&shown, methods)) };
        let value = self.reveal(&secret).await?;
        self.answer(methods, &value, &secret, &shown).await?;
        Ok(Some(self.success(&format!("{shown} and the password of the secret `{secret}`"))))
    }

    /// The server wants something that there is not.
    fn wants_more(&self, shown: &str, methods: &[MethodKind]) -> Failure {
        let remedy = if password::is_wanted(methods) && self.vm.options.password_secret.is_none() {
            format!(
                "keep the account's password with `corral secret set NAME` and name it with `corral vm set {} --option \
                 password_secret=NAME`, or let the account in with a key alone (AuthenticationMethods in sshd_config)",
                corral_domain::quote_word(&self.vm.name)
            )
        } else {
            "let the account in with less (AuthenticationMethods in sshd_config): this cannot be given".to_owned()
        };
        failure(STEP, format!("{shown} was accepted, but the server wants more: {}", names(methods)), remedy)
    }

    /// The value of a secret.
    async fn reveal(&self, name: &str) -> Result<SecretText, Failure> {
        let Some(secrets) = &self.config.secrets else {
            return Err(failure(STEP, format!("the secret `{name}` is needed, and none are kept here"), "use a key"));
        };
        match secrets.reveal(name).await {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(failure(
                STEP,
                format!("there is no secret `{name}`, by which {} is reached", self.vm.name),
                format!("keep it with `corral secret set {name}`"),
            )),
            Err(error) => Err(failure(
                STEP,
                format!("the secret `{name}` cannot be opened: {error}"),
                "`corral doctor` looks at the secrets and their key",
            )),
        }
    }

    /// Which hash RSA signatures use; `None` if the server takes only SHA-1. Other keys need none.
    async fn rsa_hash(&mut self, key: &PublicKey) -> Result<Option<Option<HashAlg>>, Failure> {
        if !key.algorithm().is_rsa() {
            return Ok(Some(None));
        }
        let best = self.handle.best_supported_rsa_hash().await.map_err(|error| broke(&error.to_string()))?;
        Ok(match best {
            Some(Some(hash)) => Some(Some(hash)),
            Some(None) => None,
            // It did not say. Every server that still matters takes SHA-256.
            None => Some(Some(HashAlg::Sha256)),
        })
    }

    /// Everything that was offered was refused.
    fn denied(&self, remedy: impl Into<String>) -> Failure {
        let offered = self.offered.join(", ");
        let but = self.accepted.as_ref().map(|key| format!("{key} was accepted, and a further key is wanted; "));
        failure(
            STEP,
            format!(
                "permission denied for user {} on {}: {}offered keys {offered}{}",
                self.user,
                self.vm.name,
                but.unwrap_or_default(),
                self.noted()
            ),
            remedy,
        )
    }

    fn add_public_key(&self) -> String {
        format!(
            "put the public key into ~/.ssh/authorized_keys of user {} on the machine, or choose another user or key",
            self.user
        )
    }

    fn noted(&self) -> String {
        if self.notes.is_empty() { String::new() } else { format!("; {}", self.notes.join("; ")) }
    }
}

fn broke(error: &str) -> Failure {
    failure(
        STEP,
        format!("the connection broke during authentication: {error}"),
        "try again; look into the server's log if it happens again",
    )
}

fn names(methods: &[MethodKind]) -> String {
    methods.iter().map(String::from).collect::<Vec<_>>().join(", ")
}

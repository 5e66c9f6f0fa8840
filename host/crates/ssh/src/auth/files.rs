//! Private keys of files, opened with a passphrase where they have one, and certificates beside them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use corral_domain::quote_word;
use corral_engine::ports::{Failure, SecretText};
use russh::keys::agent::AgentIdentity;
use russh::keys::signature::Signer as _;
use russh::keys::ssh_key::Signature;
use russh::keys::ssh_key::certificate::CertType;
use russh::keys::ssh_key::private::KeypairData;
use russh::keys::{
    Certificate, Error as KeyError, HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKey, decode_secret_key,
};
use tokio::sync::OnceCell;

use super::{Attempt, STEP};
use crate::config::home;
use crate::failure::{failure, quote_bytes};
use crate::hostcert::time_problem;
use crate::known_hosts::fingerprint;

/// Keys that are kept open; more files than this are no fleet's.
const OPENED_MAX: usize = 256;
/// The largest file that is read as a certificate.
const CERTIFICATE_BYTES_MAX: usize = 64 * 1024;

/// Why a file gave no key.
pub(crate) enum ReadKey {
    Missing,
    /// With its public part, where the format shows it.
    Encrypted(Option<PublicKey>),
    WrongPassphrase,
    Unreadable(String),
}

/// Keys that a passphrase opened. Opening one costs a tenth of a second of work on purpose, so that a fleet that shares a
/// key must not pay it for each machine.
#[derive(Default)]
pub(crate) struct KeyFiles {
    opened: Mutex<HashMap<PathBuf, Arc<Opened>>>,
}

struct Opened {
    /// Content of the file and the passphrase that it is for.
    text: String,
    passphrase: SecretText,
    key: OnceCell<Arc<PrivateKey>>,
}

impl KeyFiles {
    async fn read(&self, path: &Path, passphrase: Option<&SecretText>) -> Result<Arc<PrivateKey>, ReadKey> {
        let text = tokio::fs::read_to_string(path).await.map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => ReadKey::Missing,
            _ => ReadKey::Unreadable(error.to_string()),
        })?;
        match decode_secret_key(&text, None) {
            Ok(key) => Ok(Arc::new(key)),
            Err(KeyError::KeyIsEncrypted) => match passphrase {
                Some(passphrase) => self.open(path, text, passphrase).await,
                None => {
                    Err(ReadKey::Encrypted(PrivateKey::from_openssh(&text).ok().map(|key| key.public_key().clone())))
                }
            },
            Err(error) => Err(ReadKey::Unreadable(error.to_string())),
        }
    }

    /// Opens a key once for all who want it meanwhile.
    async fn open(&self, path: &Path, text: String, passphrase: &SecretText) -> Result<Arc<PrivateKey>, ReadKey> {
        let entry = self.entry(path, text, passphrase);
        let opening = || async {
            let (text, passphrase) = (entry.text.clone(), entry.passphrase.clone());
            let opened = tokio::task::spawn_blocking(move || decode_secret_key(&text, Some(passphrase.expose()))).await;
            match opened {
                Ok(Ok(key)) => Ok(Arc::new(key)),
                Ok(Err(_)) => Err(ReadKey::WrongPassphrase),
                Err(error) => Err(ReadKey::Unreadable(error.to_string())),
            }
        };
        entry.key.get_or_try_init(opening).await.cloned()
    }

    fn entry(&self, path: &Path, text: String, passphrase: &SecretText) -> Arc<Opened> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let known = opened.get(path);
        let fits = |it: &&Arc<Opened>| it.text == text && it.passphrase.expose() == passphrase.expose();
        if let Some(entry) = known.filter(fits) {
            return Arc::clone(entry);
        }
        if opened.len() >= OPENED_MAX {
            opened.clear();
        }
        let entry = Arc::new(Opened { text, passphrase: passphrase.clone(), key: OnceCell::new() });
        opened.insert(path.to_owned(), Arc::clone(&entry));
        entry
    }
}

impl Attempt<'_> {
    /// Keys of the file that is named, or of the usual ones; each after the certificate beside it, where there is one.
    pub(super) async fn with_files(&mut self, named: Option<&str>, secret: Option<&str>) -> Result<String, Failure> {
        let passphrase = self.passphrase(secret).await?;
        let paths = match named {
            Some(path) => vec![expand_home(path)],
            None => self.config.identity_files.clone(),
        };
        for path in &paths {
            match self.keys.read(path, passphrase.as_ref()).await {
                Ok(key) => {
                    if let Some(done) = self.offer_both(path, &key).await? {
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
                Err(ReadKey::WrongPassphrase) if named.is_some() => return Err(wrong_passphrase(path, secret)),
                Err(ReadKey::WrongPassphrase) => {
                    self.notes.push(format!("the passphrase does not open {}", path.display()));
                }
                Err(ReadKey::Unreadable(why)) => self.notes.push(format!("{} cannot be read ({why})", path.display())),
            }
        }
        Err(if self.offered.is_empty() && self.accepted.is_none() {
            self.nothing_to_offer(&paths, named)
        } else {
            self.denied(self.add_public_key())
        })
    }

    /// The certificate beside a key, and nothing else.
    pub(super) async fn with_certificate(&mut self, path: &str, secret: Option<&str>) -> Result<String, Failure> {
        let path = expand_home(path);
        let passphrase = self.passphrase(secret).await?;
        let key = match self.keys.read(&path, passphrase.as_ref()).await {
            Ok(key) => key,
            Err(ReadKey::Missing) => return Err(missing_file(&path)),
            Err(ReadKey::WrongPassphrase) => return Err(wrong_passphrase(&path, secret)),
            Err(ReadKey::Encrypted(_)) => {
                return Err(failure(
                    STEP,
                    format!("{} is protected by a passphrase", path.display()),
                    self.passphrase_remedy(&path),
                ));
            }
            Err(ReadKey::Unreadable(why)) => {
                return Err(failure(STEP, format!("{} cannot be read ({why})", path.display()), KEY_REMEDY));
            }
        };
        let beside = certificate_path(&path);
        let shown = beside.display();
        let certificate = read_certificate(&beside, &key, self.config.clock.now()).await.map_err(|why| {
            let why = why.unwrap_or_else(|| "does not exist".to_owned());
            failure(
                STEP,
                format!("the certificate {shown} {why}"),
                format!(
                    "let the authority sign the key: ssh-keygen -s CA -I NAME -n {} {}.pub",
                    self.user,
                    path.display()
                ),
            )
        })?;
        let authority = certificate.signature_key().fingerprint(HashAlg::Sha256);
        let principals = certificate.valid_principals().to_vec();
        if let Some(done) = self.offer_certificate(&beside, &key, certificate).await? {
            return Ok(done);
        }
        if !principals.is_empty() && !principals.contains(&self.user) {
            let listed = quote_bytes(principals.join(", ").as_bytes());
            self.notes.push(format!("the certificate is for {listed}, not for {}", self.user));
        }
        Err(self.denied(format!(
            "let the certificate name {} (`ssh-keygen -L -f {shown}` shows it), and let TrustedUserCAKeys in sshd_config have \
             its authority {authority}",
            self.user
        )))
    }

    async fn passphrase(&self, secret: Option<&str>) -> Result<Option<SecretText>, Failure> {
        match secret {
            Some(name) => self.reveal(name).await.map(Some),
            None => Ok(None),
        }
    }

    /// As ssh does it: a certificate beside the key goes first; one that is of no use is told where all else fails.
    async fn offer_both(&mut self, path: &Path, key: &Arc<PrivateKey>) -> Result<Option<String>, Failure> {
        let beside = certificate_path(path);
        match read_certificate(&beside, key, self.config.clock.now()).await {
            Ok(certificate) => {
                if let Some(done) = self.offer_certificate(&beside, key, certificate).await? {
                    return Ok(Some(done));
                }
            }
            Err(None) => {}
            Err(Some(why)) => self.notes.push(format!("{} {why}", beside.display())),
        }
        self.offer_key(path, key).await
    }

    async fn offer_key(&mut self, path: &Path, key: &Arc<PrivateKey>) -> Result<Option<String>, Failure> {
        let shown = format!("{} ({})", path.display(), fingerprint(key.public_key()));
        let Some(hash) = self.rsa_hash(key.public_key()).await? else {
            self.notes
                .push(format!("{shown} is an RSA key and the server takes those with SHA-1 only, which is broken"));
            return Ok(None);
        };
        let key = PrivateKeyWithHashAlg::new(Arc::clone(key), hash);
        let answer = self.handle.authenticate_publickey(&self.user, key).await;
        self.judge(answer.map_err(|error| error.to_string()), shown).await
    }

    async fn offer_certificate(
        &mut self,
        path: &Path,
        key: &Arc<PrivateKey>,
        certificate: Certificate,
    ) -> Result<Option<String>, Failure> {
        let shown = format!("the certificate {} ({})", path.display(), fingerprint(key.public_key()));
        let Some(hash) = self.rsa_hash(key.public_key()).await? else {
            self.notes.push(format!("{shown} is of an RSA key and the server takes those with SHA-1 only"));
            return Ok(None);
        };
        let mut signer = FileSigner(Arc::clone(key));
        let answer = self.handle.authenticate_certificate_with(&self.user, certificate, hash, &mut signer).await;
        self.judge(answer.map_err(|error| error.to_string()), shown).await
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

    fn passphrase_remedy(&self, path: &Path) -> String {
        format!(
            "keep the passphrase with `corral secret set NAME` and name it with `corral vm set {} --identity {} --passphrase \
             NAME`, or load the key with `ssh-add` and start the host with SSH_AUTH_SOCK set",
            quote_word(&self.vm.name),
            quote_word(&path.display().to_string())
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
        let locked = self.notes.iter().any(|note| note.contains("protected by a passphrase"));
        let remedy = match (named, paths.first()) {
            (Some(_), Some(path)) if locked => self.passphrase_remedy(path),
            (Some(_), _) => KEY_REMEDY.to_owned(),
            (None, _) => {
                "load the key into the SSH agent with `ssh-add`, or name a key file for this machine".to_owned()
            }
        };
        failure(STEP, format!("no key could be offered{}", self.noted()), remedy)
    }
}

const KEY_REMEDY: &str = "name a file with a private key in OpenSSH or PEM format that this account can read";

/// Signs with a key of a file on behalf of its certificate.
struct FileSigner(Arc<PrivateKey>);

#[derive(Debug, thiserror::Error)]
enum SignError {
    #[error(transparent)]
    Send(#[from] russh::SendError),
    #[error("the key cannot sign: {0}")]
    Sign(String),
}

impl russh::Signer for FileSigner {
    type Error = SignError;

    async fn auth_sign(
        &mut self,
        _: &AgentIdentity,
        hash: Option<HashAlg>,
        mut text: Vec<u8>,
    ) -> Result<Vec<u8>, SignError> {
        let signature: Signature = match self.0.key_data() {
            KeypairData::Rsa(key) => (key, hash).try_sign(&text),
            _ => self.0.try_sign(&text),
        }
        .map_err(|error| SignError::Sign(error.to_string()))?;
        let (algorithm, bytes) = (signature.algorithm(), signature.as_bytes());
        let mut blob = Vec::new();
        for part in [algorithm.as_str().as_bytes(), bytes] {
            put_string(&mut blob, part);
        }
        put_string(&mut text, &blob);
        Ok(text)
    }
}

/// A string as SSH writes it: its length, then its bytes.
fn put_string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    out.extend_from_slice(bytes);
}

/// `KEY-cert.pub`, where ssh-keygen puts it.
fn certificate_path(key: &Path) -> PathBuf {
    let mut path = key.as_os_str().to_owned();
    path.push("-cert.pub");
    path.into()
}

/// The certificate in a file, if it can be of use for the key now. The error says why not; nothing: there is no file.
async fn read_certificate(
    path: &Path,
    key: &PrivateKey,
    now: corral_domain::Timestamp,
) -> Result<Certificate, Option<String>> {
    let text = match tokio::fs::read_to_string(path).await {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(None),
        Err(error) => return Err(Some(format!("cannot be read: {error}"))),
    };
    if text.len() > CERTIFICATE_BYTES_MAX {
        return Err(Some("is too large to be one".to_owned()));
    }
    let certificate = Certificate::from_openssh(&text).map_err(|error| Some(format!("cannot be read: {error}")))?;
    if certificate.cert_type() != CertType::User {
        return Err(Some("is one for machines, not for people".to_owned()));
    }
    if certificate.public_key() != key.public_key().key_data() {
        return Err(Some("is of another key".to_owned()));
    }
    match time_problem(&certificate, now) {
        Some(problem) => Err(Some(format!("is of no use: {problem}"))),
        None => Ok(certificate),
    }
}

fn missing_file(path: &Path) -> Failure {
    failure(
        STEP,
        format!("the key file {} does not exist", path.display()),
        "correct the path, or use the SSH agent; the path is one on the machine that Corral runs on",
    )
}

fn wrong_passphrase(path: &Path, secret: Option<&str>) -> Failure {
    let secret = secret.unwrap_or_default();
    failure(
        STEP,
        format!("the passphrase in the secret `{secret}` does not open {}", path.display()),
        format!("set it anew with `corral secret set {secret}`, or name the secret that fits this key"),
    )
}

fn expand_home(path: &str) -> PathBuf {
    path.strip_prefix("~/").map_or_else(|| PathBuf::from(path), |rest| home().join(rest))
}

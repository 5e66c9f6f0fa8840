//! A machine with capsules, made up.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use corral_domain::{AsUser, OutputStream, Position, Receipt, Timestamp};
use corral_engine::ports::{CapsuleError, CapsuleState, Capsules, Exit, Failure, Meet, Output, RunEvent, Target};
use tokio::sync::{mpsc, watch};

/// A machine with capsules. What is on it survives the host, which only holds the `Arc`.
pub struct Machine {
    capsules: Mutex<HashMap<String, Capsule>>,
    /// Changes whenever something happens on it.
    changed: watch::Sender<u64>,
    /// A connection breaks after so many bytes.
    pub bytes_per_connection: AtomicUsize,
    unreachable: AtomicBool,
    pub connections: AtomicUsize,
    pub released: Mutex<Vec<String>>,
}

#[derive(Default)]
pub struct Capsule {
    pub starts: usize,
    pub out: Vec<u8>,
    pub exit: Option<i32>,
    pub lost: Option<String>,
}

impl Machine {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            capsules: Mutex::default(),
            changed: watch::Sender::new(0),
            bytes_per_connection: AtomicUsize::new(usize::MAX),
            unreachable: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
            released: Mutex::default(),
        })
    }

    pub fn with<T>(&self, work: impl FnOnce(&mut HashMap<String, Capsule>) -> T) -> T {
        let result = work(&mut self.capsules.lock().unwrap());
        self.changed.send_modify(|n| *n += 1);
        result
    }

    /// The only capsule there is.
    pub fn only<T>(&self, work: impl FnOnce(&mut Capsule) -> T) -> T {
        self.with(|all| {
            assert_eq!(all.len(), 1);
            work(all.values_mut().next().unwrap())
        })
    }

    pub fn write(&self, text: &str) {
        self.only(|capsule| capsule.out.extend_from_slice(text.as_bytes()));
    }

    pub fn exit(&self, code: i32) {
        self.only(|capsule| capsule.exit = Some(code));
    }

    /// Cuts all connections, and takes no new ones while `away`.
    pub fn away(&self, away: bool) {
        self.unreachable.store(away, Ordering::SeqCst);
        self.changed.send_modify(|n| *n += 1);
    }

    fn failure() -> Failure {
        Failure {
            step: "connect",
            message: "no route to host".to_owned(),
            remedy: "is it up?".to_owned(),
            offered_host_key: None,
        }
    }
}

#[async_trait]
impl Capsules for Machine {
    async fn follow(
        &self,
        _: &Target,
        id: &str,
        meet: Meet<'_>,
        from: Position,
        events: mpsc::Sender<RunEvent>,
    ) -> Result<Exit, CapsuleError> {
        let mut changed = self.changed.subscribe();
        if self.unreachable.load(Ordering::SeqCst) {
            return Err(CapsuleError::Unreachable(Self::failure()));
        }
        self.connections.fetch_add(1, Ordering::SeqCst);
        let _ = events.send(RunEvent::Sending).await;
        if let Meet::Launch(_) = meet {
            self.with(|all| {
                all.entry(id.to_owned()).or_insert_with(|| Capsule { starts: 1, ..Capsule::default() });
            });
        }
        if !self.capsules.lock().unwrap().contains_key(id) {
            return Err(CapsuleError::Missing);
        }
        let _ = events.send(RunEvent::Started).await;
        let mut at = usize::try_from(from.stdout).unwrap();
        let mut left = self.bytes_per_connection.load(Ordering::SeqCst);
        loop {
            changed.mark_unchanged();
            if self.unreachable.load(Ordering::SeqCst) {
                return Err(CapsuleError::Broken("the connection broke".to_owned()));
            }
            let (piece, exit, lost) = {
                let all = self.capsules.lock().unwrap();
                let Some(capsule) = all.get(id) else { return Err(CapsuleError::Missing) };
                let rest = &capsule.out[at..];
                (rest[..rest.len().min(left).min(7)].to_vec(), capsule.exit, capsule.lost.clone())
            };
            if !piece.is_empty() {
                at += piece.len();
                left -= piece.len();
                let output =
                    Output { stream: OutputStream::Stdout, bytes: Bytes::from(piece), at: Timestamp::default() };
                let _ = events.send(RunEvent::Output(output)).await;
            } else if left == 0 {
                return Err(CapsuleError::Broken("the connection broke".to_owned()));
            } else if let Some(why) = lost {
                return Err(CapsuleError::Lost(why));
            } else if let Some(code) = exit {
                return Ok(Exit { code: Some(code), signal: None });
            } else {
                let _ = changed.changed().await;
            }
        }
    }

    async fn stat(&self, _: &Target, _: &str) -> Result<CapsuleState, CapsuleError> {
        Ok(CapsuleState::None)
    }

    async fn cancel(&self, _: &Target, id: &str, _: Option<&AsUser>) -> Result<Receipt, CapsuleError> {
        if self.unreachable.load(Ordering::SeqCst) {
            return Err(CapsuleError::Unreachable(Self::failure()));
        }
        self.with(|all| {
            let capsule = all.entry(id.to_owned()).or_default();
            let ran = capsule.starts > 0 && capsule.exit.is_none();
            capsule.exit.get_or_insert(143);
            let n = u32::from(ran);
            Ok(Receipt { signalled: n, gone: n, ..Receipt::nothing_started(Timestamp::default()) })
        })
    }

    async fn release(&self, _: &Target, id: &str) {
        self.released.lock().unwrap().push(id.to_owned());
        self.with(|all| all.remove(id));
    }
}

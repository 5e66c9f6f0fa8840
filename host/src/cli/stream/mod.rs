//! Output of a job as it comes, over the host's socket.
//!
//! Invariants: lines of a VM arrive in order, each once, also across lost connections (it goes on behind the last line
//! that was taken); a reader that is slow slows the socket and grows no memory.

mod frame;
mod socket;

use tokio::sync::mpsc;

pub use frame::Line;

use super::client::Client;
use super::exit::Failure;

/// Channels of one socket; the host allows 64.
const CHANNELS_MAX: usize = 60;
/// Messages between the sockets and the one who prints.
const QUEUE_MAX: usize = 64;

/// A log to follow.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Place of the VM in the caller's list.
    pub index: usize,
    /// The VM's id.
    pub vm: String,
    /// The first line; negative: from the end.
    pub from: i64,
    /// Stop before this line; none: when the log is complete.
    pub until: Option<u64>,
}

/// What comes.
#[derive(Debug)]
pub enum Message {
    /// Lines of a VM, in order.
    Lines(usize, Vec<Line>),
    /// This many lines of a VM were left out because the reader was too slow.
    Skipped(usize, u64),
    /// These lines of a VM are damaged in the store: first and count.
    Damaged(usize, u64, u64),
    /// All that was wanted of a VM has come.
    End,
    /// The host cannot be reached any more, or refused.
    Failed(Failure),
}

/// Follows logs of a job. The receiver ends when all of them have.
pub fn follow(client: &Client, job: &str, wanted: Vec<Wanted>) -> mpsc::Receiver<Message> {
    let (sender, receiver) = mpsc::channel(QUEUE_MAX);
    for group in wanted.chunks(CHANNELS_MAX) {
        // Ends with its logs, with its last failure, or when the receiver is dropped.
        tokio::spawn(socket::run(client.clone(), job.to_owned(), group.to_vec(), sender.clone()));
    }
    receiver
}

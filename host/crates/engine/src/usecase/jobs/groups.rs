//! Output that is the same: which VMs gave it, and how the others differ.

use std::collections::HashMap;

use corral_domain::{JobId, OutputStream, Task, TaskKey, TaskStatus, VmId};
use sha2::{Digest as _, Sha256};

use super::create::hex;
use super::diff::{self, DIFF_LINES_MAX};
use crate::{Actor, Engine, Role, UseCaseError, end_without_log};

/// Text of one group that is shown, in bytes.
const TEXT_BYTES_MAX: usize = 64 * 1024;
/// Text of one group that is shown, in lines.
const TEXT_LINES_MAX: usize = DIFF_LINES_MAX;
/// Text of all groups together that is shown, in bytes.
const TEXTS_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Lines that are read at once.
const WINDOW_LINES: u64 = 4_096;

/// Which output is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// Both. How the lines of one lie between those of the other is chance and does not count.
    Both,
}

/// A job's tasks by what they wrote.
#[derive(Debug, Clone, Default)]
pub struct Groups {
    /// Tasks of the job.
    pub total: usize,
    /// Tasks that have not ended and are in no group yet.
    pub pending: usize,
    /// The largest first.
    pub groups: Vec<Group>,
}

/// Tasks that wrote the same and ended with the same exit code.
#[derive(Debug, Clone)]
pub struct Group {
    /// SHA-256 of the output, in hex.
    pub digest: String,
    /// Lines of output.
    pub lines: u64,
    /// Bytes of output.
    pub bytes: u64,
    /// Exit code of all of them.
    pub exit_code: Option<i32>,
    /// The tasks in their order: VM, its name, how it ended.
    pub vms: Vec<(VmId, String, TaskStatus)>,
    /// The output, as far as it is shown; what is not UTF-8 is replaced.
    pub text: String,
    /// Not all of it is shown.
    pub truncated: bool,
    /// A unified diff against the largest group, of what is shown. None for the largest, and where it would take too long.
    pub diff: Option<String>,
}

/// What a task wrote, without its text.
struct Seen {
    digest: String,
    lines: u64,
    bytes: u64,
}

impl Engine {
    /// Groups the tasks of a job that have ended by what they wrote. Reads all of it, in bounded memory. None if there is no
    /// such job. Needs [`Role::Viewer`].
    pub async fn job_groups(
        &self,
        actor: &Actor,
        id: JobId,
        stream: GroupStream,
    ) -> Result<Option<Groups>, UseCaseError> {
        actor.require(Role::Viewer)?;
        let Some((_, tasks)) = self.job(id).await? else { return Ok(None) };
        let mut found = Groups { total: tasks.len(), ..Groups::default() };
        let mut places: HashMap<(String, Option<i32>), usize> = HashMap::new();
        for task in tasks {
            if !task.status.is_final() {
                found.pending += 1;
                continue;
            }
            let seen = self.seen(&task, stream).await?;
            let place = *places.entry((seen.digest.clone(), task.exit_code)).or_insert_with(|| {
                found.groups.push(Group {
                    digest: seen.digest,
                    lines: seen.lines,
                    bytes: seen.bytes,
                    exit_code: task.exit_code,
                    vms: Vec::new(),
                    text: String::new(),
                    truncated: false,
                    diff: None,
                });
                found.groups.len() - 1
            });
            found.groups[place].vms.push((task.key.vm, task.vm_name, task.status));
        }
        // Stable: of groups of one size, the one of the first VM comes first.
        found.groups.sort_by_key(|group| std::cmp::Reverse(group.vms.len()));
        self.fill_in(id, stream, &mut found.groups).await?;
        found.groups = diff::against_the_first(found.groups).await;
        Ok(Some(found))
    }

    /// Reads the texts that are shown, each from the first VM of its group.
    async fn fill_in(&self, job: JobId, stream: GroupStream, groups: &mut [Group]) -> Result<(), UseCaseError> {
        let mut room = TEXTS_BYTES_MAX;
        for group in groups {
            let Some((vm, ..)) = group.vms.first() else { continue };
            let text = self.beginning(TaskKey { job, vm: *vm }, stream, room.min(TEXT_BYTES_MAX)).await?;
            room -= text.len();
            group.truncated = (text.len() as u64) < group.bytes;
            group.text = String::from_utf8_lossy(&text).into_owned();
        }
        Ok(())
    }

    /// What a task wrote, read from its log to the end.
    async fn seen(&self, task: &Task, stream: GroupStream) -> Result<Seen, UseCaseError> {
        let key = task.key;
        let mut hashes = [Sha256::new(), Sha256::new()];
        let (mut lines, mut bytes, mut from) = (0, 0, 0);
        loop {
            let Some(window) = self.read_log(key, from, WINDOW_LINES).await? else {
                // Without output it is as good as any other that wrote nothing.
                end_without_log(task)?;
                break;
            };
            if let Some((first, count)) = window.damaged {
                // What cannot be read is like nothing else.
                hashes[0].update(format!("damaged {key:?} {first} {count}"));
                from = first + count;
                continue;
            }
            if window.lines.is_empty() {
                break;
            }
            from = window.first + window.lines.len() as u64;
            for line in window.lines.iter().filter(|line| stream.admits(line.head.stream)) {
                let hash = &mut hashes[usize::from(line.head.stream == OutputStream::Stderr)];
                hash.update(line.text);
                bytes += line.text.len() as u64;
                if !line.head.partial {
                    hash.update(b"\n");
                    lines += 1;
                    bytes += 1;
                }
            }
        }
        let mut whole = Sha256::new();
        for hash in hashes {
            whole.update(hash.finalize());
        }
        Ok(Seen { digest: hex(&whole.finalize()), lines, bytes })
    }

    /// The first lines that a task wrote, as many as fit.
    async fn beginning(&self, key: TaskKey, stream: GroupStream, bytes_max: usize) -> Result<Vec<u8>, UseCaseError> {
        let (mut text, mut lines, mut from) = (Vec::new(), 0, 0);
        while let Some(window) = self.read_log(key, from, WINDOW_LINES).await? {
            if let Some((first, count)) = window.damaged {
                from = first + count;
                continue;
            }
            if window.lines.is_empty() {
                break;
            }
            from = window.first + window.lines.len() as u64;
            for line in window.lines.iter().filter(|line| stream.admits(line.head.stream)) {
                if lines == TEXT_LINES_MAX || text.len() + line.text.len() + 1 > bytes_max {
                    return Ok(text);
                }
                text.extend_from_slice(line.text);
                if !line.head.partial {
                    text.push(b'\n');
                    lines += 1;
                }
            }
        }
        Ok(text)
    }
}

impl GroupStream {
    fn admits(self, stream: OutputStream) -> bool {
        match self {
            Self::Both => true,
            Self::Stdout => stream == OutputStream::Stdout,
            Self::Stderr => stream == OutputStream::Stderr,
        }
    }
}

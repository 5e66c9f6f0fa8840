//! `corral:host/logs`: stored output, as far as `logs` was granted.

use corral_domain::{OutputStream, Right};

use super::{job_id, vm_id};
use crate::bindings::corral::host::logs::{Host, LogLine};
use crate::bindings::corral::types::types::{Error, JobId, OutputStream as Source, VmId};
use crate::guest::Guest;

/// Lines of one answer.
const LINES_MAX: u32 = 4_096;
/// Text of one answer, in bytes; a single line may be longer.
const BYTES_MAX: usize = 1024 * 1024;

impl Host for Guest {
    async fn read(&mut self, job: JobId, vm: VmId, first: u64, count: u32) -> Result<Vec<LogLine>, Error> {
        self.require(Right::Logs)?;
        let (job, vm) = (job_id(&job)?, vm_id(&vm)?);
        let rights = self.plugin.rights();
        let machine = self.services()?.machine(vm);
        let admitted = match &machine {
            Some(machine) => rights.admits(Right::Logs, &machine.vm),
            None => rights.is_whole(Right::Logs),
        };
        if !admitted {
            return Err(match machine {
                Some(machine) => self.deny(Right::Logs, &format!("logs:name={}", machine.vm.name)),
                None => Error::NotFound(format!("there is no VM {vm}")),
            });
        }
        let window = self.services()?.read_log(job, vm, first, count.min(LINES_MAX)).await?;
        let mut lines = Vec::new();
        let mut bytes = 0;
        for (number, line) in (window.first..).zip(window.lines.iter()).take(count.min(LINES_MAX) as usize) {
            bytes += line.text.len();
            if bytes > BYTES_MAX && !lines.is_empty() {
                break;
            }
            let source = match line.head.stream {
                OutputStream::Stdout => Source::Stdout,
                OutputStream::Stderr => Source::Stderr,
            };
            let at = u64::try_from(line.head.at.as_millis()).unwrap_or(0);
            lines.push(LogLine { number, at, source, text: String::from_utf8_lossy(line.text).into_owned() });
        }
        Ok(lines)
    }
}

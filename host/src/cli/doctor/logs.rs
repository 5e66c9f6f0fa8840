//! `corral doctor --logs`: whether all stored output is whole, and a repair of what is not.

use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{self, Paint, safe};
use crate::datadir::DataDir;
use crate::wiring::{self, LogFileReport};

/// Findings of one file that are shown one by one.
const SHOWN_MAX: usize = 20;

/// Checks every log file. Ends with 1 if something is wrong and was not repaired, with 12 if a file cannot be read at all.
pub async fn run(path: &Path, repair: bool, as_json: bool) -> Result<Exit> {
    let data = DataDir::existing(Some(path))?;
    // A host that works on the files would not see what changes below it.
    let _lock =
        if repair {
            let locked = data.lock();
            Some(locked.map_err(|failure| Failure {
                hint: Some("stop the host, repair, and start it again".into()),
                ..failure
            })?)
        } else {
            None
        };
    let mut reports = Vec::new();
    for file in wiring::log_files(&data).await? {
        let report = wiring::check_log_file(&file, repair).await?;
        if !as_json {
            print(&report, repair);
        }
        reports.push(report);
    }
    if as_json {
        output::json(&Value::Array(reports.iter().map(|report| object(report, repair)).collect()))?;
    } else if reports.is_empty() {
        eprintln!("no output is stored yet");
    }
    Ok(if reports.iter().any(|report| report.unreadable.is_some()) {
        Exit::Database
    } else if !repair && reports.iter().any(|report| report.damaged > 0) {
        Exit::Failed
    } else {
        Exit::Ok
    })
}

fn print(report: &LogFileReport, repair: bool) {
    let paint = Paint::stdout();
    let name = report.path.file_name().unwrap_or_default().to_string_lossy();
    let remedy = |text: &str| say!("      {} {}", paint.sgr("1", "to do:"), safe(text));
    if let Some(why) = &report.unreadable {
        say!("{}  {}", paint.status("fail"), safe(&name));
        return remedy(why);
    }
    let word = match report.damaged {
        0 => "ok",
        _ if repair => "warn",
        _ => "fail",
    };
    say!(
        "{:<4}  {}: {} logs, {} lines, {} bytes of text in {} chunks; {} bytes on the disk",
        paint.status(word),
        safe(&name),
        report.logs,
        report.lines,
        report.bytes,
        report.chunks,
        report.size
    );
    if let Some(wrong) = &report.index {
        say!("      the index of the file is wrong: {}", safe(wrong));
    }
    for found in report.damage.iter().take(SHOWN_MAX) {
        let (first, last) = (found.first_line + 1, found.first_line + found.lines.max(1));
        say!("      job {} on VM {}: lines {first} to {last} {}", found.key.job, found.key.vm, found.what);
    }
    let more = report.damaged.saturating_sub(SHOWN_MAX as u64 + u64::from(report.index.is_some()));
    if more > 0 {
        say!("      and {more} more");
    }
    if report.marked > 0 {
        say!("      {} lines are marked as damaged; they are shown as such", report.marked);
    }
    if report.ahead > 0 {
        say!(
            "      of {} logs more was taken in than is stored: filters left lines out, or they are lost",
            report.ahead
        );
    }
    if let Some(copy) = &report.copied_to {
        say!("      repaired; as it was it is kept in {}", safe(&copy.display().to_string()));
    } else if report.damaged > 0 {
        remedy(
            "stop the host and run `corral doctor --logs --repair`, which marks lines that cannot be read as damaged, or restore a backup",
        );
    }
}

fn object(report: &LogFileReport, repair: bool) -> Value {
    let damage = |found: &wiring::LogDamage| {
        json!({
            "job_id": found.key.job, "vm_id": found.key.vm, "first": found.first_line, "count": found.lines, "what": found.what,
        })
    };
    json!({
        "file": report.path, "bytes_on_disk": report.size, "logs": report.logs, "chunks": report.chunks, "lines": report.lines,
        "bytes": report.bytes, "marked_lines": report.marked, "logs_ahead": report.ahead, "findings": report.damaged,
        "index": report.index, "damage": report.damage.iter().map(damage).collect::<Vec<_>>(), "repaired": repair && report.copied_to.is_some(),
        "copied_to": report.copied_to, "unreadable": report.unreadable,
    })
}

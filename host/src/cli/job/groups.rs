//! `corral job groups` and `corral run --group`: output that is the same, once, under the VMs that gave it.

use std::fmt::Write as _;

use anyhow::Result;
use serde_json::Value;

use crate::cli::client::Client;
use crate::cli::connect::Connect;
use crate::cli::exit::{Exit, Failure};
use crate::cli::fold::fold;
use crate::cli::output::{self, Paint, field, safe, terminal_text};
use crate::cli::resolve;

/// A job's output, grouped.
#[derive(Debug, clap::Args)]
pub struct Groups {
    /// Its id, the last part of it, or `last`.
    job: String,
    /// Which output is compared.
    #[arg(long, default_value = "both", value_parser = ["stdout", "stderr", "both"])]
    stream: String,
    /// All text of every group, instead of how it differs from the largest.
    #[arg(long)]
    full: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: Connect,
}

/// Shows the groups of a job.
pub async fn run(args: Groups) -> Result<Exit> {
    let client = args.connect.client()?;
    let id = resolve::job(&client, &args.job).await?;
    let groups = read(&client, &id, &args.stream).await?;
    if args.json {
        output::json(&groups)?;
    } else {
        output::print_text(&render(&groups, args.full, Paint::stdout()));
    }
    Ok(Exit::Ok)
}

/// Asks the host.
pub async fn read(client: &Client, id: &str, stream: &str) -> Result<Value, Failure> {
    client.get(&["api", "jobs", id, "groups"], &[("stream", stream.to_owned())]).await
}

/// As people read it.
pub fn render(groups: &Value, full: bool, paint: Paint) -> String {
    let mut text = String::new();
    for group in groups.get("groups").and_then(Value::as_array).into_iter().flatten() {
        head(&mut text, group, paint);
        match group.get("diff").and_then(Value::as_str).filter(|_| !full) {
            Some(diff) => difference(&mut text, diff, paint),
            None => body(&mut text, &field(group, "text")),
        }
        if group.get("truncated") == Some(&Value::Bool(true)) {
            let _ = writeln!(text, "{}", paint.sgr("33", "… not all of it is shown; `corral logs` has the rest"));
        }
    }
    let pending = match groups.get("pending").and_then(Value::as_u64).unwrap_or(0) {
        0 => return text,
        1 => "1 task has not ended and is in no group yet".to_owned(),
        n => format!("{n} tasks have not ended and are in no group yet"),
    };
    let _ = writeln!(text, "{}", paint.sgr("33", &pending));
    text
}

/// `web-[1-3,7] (4), exit 1`, between rules.
fn head(text: &mut String, group: &Value, paint: Paint) {
    const RULE: &str = "---------------";
    let vms = group.get("vms").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let names: Vec<_> = vms.iter().map(|vm| field(vm, "vm_name")).collect();
    let mut title = safe(&fold(names.iter().map(String::as_str)));
    if vms.len() > 1 {
        let _ = write!(title, " ({})", vms.len());
    }
    let mut statuses: Vec<_> = vms.iter().map(|vm| field(vm, "status")).collect();
    statuses.sort();
    statuses.dedup();
    let exit = field(group, "exit_code");
    if statuses != ["succeeded"] || exit != "0" {
        let shown: Vec<_> = statuses.iter().map(|status| paint.status(&safe(status))).collect();
        let _ = write!(title, ", {}", shown.join(" or "));
        if !exit.is_empty() {
            let _ = write!(title, ", exit {exit}");
        }
    }
    let rule = paint.sgr("2", RULE);
    // Writing into a string cannot fail.
    let _ = writeln!(text, "{rule}\n{}\n{rule}", paint.sgr("1", &title));
}

fn body(text: &mut String, output: &str) {
    for line in output.lines() {
        text.push_str(&terminal_text(line.as_bytes()));
        text.push('\n');
    }
}

fn difference(text: &mut String, diff: &str, paint: Paint) {
    if diff.is_empty() {
        let _ = writeln!(text, "{}", paint.sgr("2", "the same output as the first group"));
    }
    for line in diff.lines() {
        let code = match line.as_bytes().first() {
            Some(b'+') => "32",
            Some(b'-') => "31",
            Some(b'@') => "36",
            _ => "0",
        };
        let shown = terminal_text(line.as_bytes());
        let shown = if code == "0" { shown } else { paint.sgr(code, &shown) };
        let _ = writeln!(text, "{shown}");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_largest_group_is_shown_whole_and_the_others_by_what_differs() {
        let vm = |n: u32, status: &str| json!({"vm_id": n, "vm_name": format!("web-{n}"), "status": status});
        let groups = json!({"total": 5, "pending": 1, "groups": [
            {"exit_code": 0, "text": "one\ntwo\n", "truncated": false, "diff": null,
             "vms": [vm(1, "succeeded"), vm(2, "succeeded"), vm(3, "succeeded")]},
            {"exit_code": 1, "text": "one\n", "truncated": true, "diff": "--- web-1\n+++ web-7\n@@ -1,2 +1 @@\n one\n-two\n",
             "vms": [vm(7, "failed")]}]});
        let text = render(&groups, false, Paint::none());
        assert_eq!(
            text,
            "---------------\nweb-[1-3] (3)\n---------------\none\ntwo\n\
             ---------------\nweb-7, failed, exit 1\n---------------\n--- web-1\n+++ web-7\n@@ -1,2 +1 @@\n one\n-two\n\
             … not all of it is shown; `corral logs` has the rest\n\
             1 task has not ended and is in no group yet\n"
        );
        assert!(render(&groups, true, Paint::none()).contains("exit 1\n---------------\none\n"));
    }

    #[test]
    fn what_a_machine_wrote_does_nothing_to_the_terminal() {
        let groups = json!({"groups": [{"exit_code": 0, "text": "a\u{1b}[2Jb\n", "diff": null, "truncated": false,
            "vms": [{"vm_name": "web\u{1b}[2J", "status": "succeeded"}]}]});
        let text = render(&groups, false, Paint::none());
        assert!(!text.contains('\u{1b}') && text.contains("ab\n"), "{text}");
    }
}

//! `corral vm test`: the way to a machine, step by step.

use anyhow::Result;
use serde_json::{Value, json};

use crate::cli::connect::Connect;
use crate::cli::exit::Exit;
use crate::cli::output::{self, Paint, field, safe};
use crate::cli::resolve;

/// Test VMs.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Names or ids.
    #[arg(required = true)]
    vms: Vec<String>,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: Connect,
}

pub(super) async fn run(args: Args) -> Result<Exit> {
    let client = args.connect.client()?;
    let mut reports = Vec::new();
    let mut all_ok = true;
    for written in &args.vms {
        let vm = resolve::vm(&client, written).await?;
        let mut report = client.post(&["api", "vms", &field(&vm, "id"), "test"], &json!({})).await?;
        all_ok &= report.get("ok").and_then(Value::as_bool).unwrap_or(false);
        if args.json {
            report["vm"] = vm["name"].clone();
            reports.push(report);
        } else {
            output::print_text(&shown(&field(&vm, "name"), &report, Paint::stdout()));
        }
    }
    if args.json {
        output::json(&Value::Array(reports))?;
    }
    Ok(if all_ok { Exit::Ok } else { Exit::Failed })
}

/// A report as text: each step, on the machine that it is about; what failed once, and what to do about it.
fn shown(name: &str, report: &Value, paint: Paint) -> String {
    let mut lines = vec![paint.sgr("1", &safe(name))];
    let mut at = name.to_owned();
    for step in report.get("steps").and_then(Value::as_array).into_iter().flatten() {
        let place = field(step, "vm");
        if !place.is_empty() && place != at {
            let what = if place == name { "on to" } else { "by way of" };
            lines.push(format!("  {what} {}", safe(&place)));
            at = place;
        }
        let ok = step.get("ok").and_then(Value::as_bool).unwrap_or(false);
        let took = step.get("took_ms").and_then(Value::as_f64).unwrap_or(0.0);
        let mark = if ok { paint.sgr("32", "✓") } else { paint.sgr("31", "✗") };
        // What failed is told below, together with what to do about it.
        let detail = if ok { safe(&field(step, "detail")) } else { String::new() };
        lines.push(
            format!("  {mark} {:<13} {took:>7.0} ms  {detail}", safe(&field(step, "name"))).trim_end().to_owned(),
        );
    }
    if let Some(latency) = report.get("latency_ms").and_then(Value::as_f64) {
        lines.push(format!("    {:<13} {latency:>7.0} ms", "round trip"));
    }
    if let Some(failure) = report.get("failure").filter(|failure| !failure.is_null()) {
        lines.push(format!("    {}", paint.sgr("31", &safe(&field(failure, "message")))));
        lines.push(format!("    {} {}", paint.sgr("1", "to do:"), safe(&field(failure, "remedy"))));
        let offered = field(failure, "offered_host_key");
        if !offered.is_empty() {
            lines.push(format!("    it showed: {}", safe(&offered)));
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_tells_each_step_where_it_was_and_the_fault_once() {
        let step = |vm: &str, name: &str, ok: bool, detail: &str| json!({"vm": vm, "name": name, "ok": ok, "detail": detail, "took_ms": 3});
        let report = json!({
            "steps": [
                step("gate", "connect", true, "to 10.0.0.1:22"),
                step("db-1", "connect", true, "to 10.0.0.2:22 through gate"),
                step("db-1", "authenticate", false, "permission denied; add the key"),
            ],
            "latency_ms": null,
            "failure": {"message": "permission denied", "remedy": "add the key", "offered_host_key": null},
        });
        let expected = "db-1
  by way of gate
  ✓ connect             3 ms  to 10.0.0.1:22
  on to db-1
  ✓ connect             3 ms  to 10.0.0.2:22 through gate
  ✗ authenticate        3 ms
    permission denied
    to do: add the key
";
        assert_eq!(shown("db-1", &report, Paint::none()), expected);
    }
}

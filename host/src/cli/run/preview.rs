//! `corral run --dry-run`: what would run, where and in which order.

use std::collections::HashMap;
use std::fmt::Write as _;

use anyhow::Result;
use serde_json::Value;

use super::Args;
use crate::cli::fold::fold;
use crate::cli::output::{self, Paint, field, safe, terminal_text};

/// Shows what the host answered.
pub fn show(args: &Args, preview: &Value) -> Result<()> {
    if args.json {
        return output::json(preview);
    }
    output::print_text(&render(preview, Paint::stdout()));
    Ok(())
}

fn render(preview: &Value, paint: Paint) -> String {
    let items = preview.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let names: HashMap<String, String> =
        items.iter().map(|item| (field(item, "vm_id"), field(item, "vm_name"))).collect();
    let (total, mode) = (field(preview, "total"), safe(&field(preview, "mode")));
    let mut text = format!("{total} VMs, mode {mode}; nothing is started\n");
    let hash = field(preview, "command_hash");
    // Writing into a string cannot fail.
    let _ = writeln!(text, "hash {}", safe(&hash));
    for (number, wave) in preview.get("waves").and_then(Value::as_array).into_iter().flatten().enumerate() {
        let vms: Vec<_> = wave.get("vms").and_then(Value::as_array).into_iter().flatten().collect();
        let known = vms.iter().filter_map(|vm| names.get(vm.as_str()?)).map(String::as_str);
        let shown = safe(&fold(known));
        let name = paint.sgr("1", &safe(&field(wave, "name")));
        let _ = writeln!(text, "{}. {name} ({}): {shown}", number + 1, vms.len());
    }
    // What is the same on many VMs is shown once.
    let mut shells: Vec<(String, Vec<String>)> = Vec::new();
    for item in items {
        let shell = field(item, "shell");
        match shells.iter_mut().find(|(known, _)| *known == shell) {
            Some((_, names)) => names.push(field(item, "vm_name")),
            None => shells.push((shell, vec![field(item, "vm_name")])),
        }
    }
    for (shell, names) in shells {
        let _ = writeln!(text, "\n{}", paint.sgr("1", &safe(&fold(names.iter().map(String::as_str)))));
        for line in shell.lines() {
            let _ = writeln!(text, "    {}", terminal_text(line.as_bytes()));
        }
    }
    if items.len().to_string() != total {
        let _ = writeln!(text, "\n… of {total} VMs, the first {} are shown; the hash is over all", items.len());
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn waves_have_folded_names_and_the_same_command_is_shown_once() {
        let item =
            |n: u32, shell: &str| json!({"vm_id": format!("id{n}"), "vm_name": format!("web-{n}"), "shell": shell});
        let preview = json!({"total": 3, "mode": "durable", "command_hash": "abc",
            "waves": [{"name": "canary", "vms": ["id1"]}, {"name": "rest", "vms": ["id2", "id3"]}],
            "items": [item(1, "uptime"), item(2, "uptime"), item(3, "cd /srv\nuptime")]});
        assert_eq!(
            render(&preview, Paint::none()),
            "3 VMs, mode durable; nothing is started\nhash abc\n1. canary (1): web-1\n2. rest (2): web-[2-3]\n\n\
             web-[1-2]\n    uptime\n\nweb-3\n    cd /srv\n    uptime\n"
        );
    }
}

//! Finds large files in folders that fill up.

use corral_plugin_sdk::prelude::*;
use serde_json::{Value, json};

/// Blocks of 512 bytes, in which `find -size` counts everywhere.
const BLOCKS_PER_MIB: u64 = 2048;

#[derive(Deserialize)]
struct Config {
    /// Which folders can be chosen.
    folders: Vec<String>,
}

/// What the form asks for. The host has checked it against the schema below.
#[derive(Deserialize)]
struct Args {
    folder: String,
    mib: u64,
}

struct Templates;

impl CommandTemplates for Templates {
    fn templates() -> Result<Listing> {
        let folders = config::<Config>()?.folders;
        let large_files = Template {
            id: "large-files".into(),
            title: "Large files".into(),
            description: "Files above a size, on the folder's own file system.".into(),
            category: "disk".into(),
            parameters: json!({
                "type": "object",
                "additionalProperties": false,
                "required": ["folder", "mib"],
                "properties": {
                    "folder": { "title": "Folder", "enum": folders, "default": folders.first() },
                    "mib": { "title": "Larger than (MiB)", "type": "integer", "minimum": 1, "maximum": 1_000_000, "default": 100 }
                }
            }),
            mode: Mode::Durable,
            dangerous: false,
            timeout_seconds: 0,
            applies_to: String::new(),
        };
        Ok(Listing { templates: vec![large_files], problems: Vec::new() })
    }

    fn render(template_id: &str, args: &Value, vms: &[Vm]) -> Result<Vec<Rendered>> {
        if template_id != "large-files" {
            return Err(Error::NotFound(format!("there is no template `{template_id}`")));
        }
        let args = Args::deserialize(args).map_err(|error| Error::InvalidInput(error.to_string()))?;
        let size = format!("+{}", args.mib * BLOCKS_PER_MIB);
        let argv = ["find", &args.folder, "-xdev", "-type", "f", "-size", &size].map(str::to_owned).to_vec();
        Ok(vms.iter().map(|_| Rendered { argv: argv.clone(), ..Rendered::default() }).collect())
    }
}

corral_plugin_sdk::export_command_templates!(Templates);

#[cfg(test)]
mod tests {
    use super::*;
    use corral_plugin_sdk::testing;

    #[test]
    fn every_machine_gets_a_command() {
        let vms = [testing::vm(), testing::vm()];
        let rendered = Templates::render("large-files", &json!({ "folder": "/tmp", "mib": 1 }), &vms).unwrap();
        assert_eq!(rendered.len(), 2);
        assert_eq!(rendered[0].argv[1], "/tmp");
        assert_eq!(rendered[0].argv[6], "+2048");
    }
}

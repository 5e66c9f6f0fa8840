//! Leaves out lines that nobody reads, and marks those that speak of trouble.

use std::collections::BTreeMap;

use corral_plugin_sdk::prelude::*;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Config {
    /// Lines with one of these are left out.
    hide: Vec<String>,
    /// A line with the text is kept with the level.
    mark: BTreeMap<String, String>,
}

/// One stream of one machine.
struct Filter {
    config: Config,
}

impl LogFilter for Filter {
    fn open(_stream: &StreamInfo) -> Result<Self> {
        Ok(Self { config: config()? })
    }

    fn process(&mut self, batch: &Batch<'_>, edits: &mut Edits) -> Result<()> {
        for line in batch {
            if self.config.hide.iter().any(|text| line.text.contains(text.as_str())) {
                edits.drop(line.index);
            } else if let Some((_, level)) = self.config.mark.iter().find(|(text, _)| line.text.contains(text.as_str())) {
                edits.annotate(line.index, "level", level);
            }
        }
        Ok(())
    }
}

corral_plugin_sdk::export_log_filter!(Filter);

#[cfg(test)]
mod tests {
    use super::*;
    use corral_plugin_sdk::testing;

    #[test]
    fn hidden_lines_go_and_others_are_marked() {
        testing::set_config(r#"{"hide": ["/healthz"], "mark": {"ERROR": "error"}}"#);
        let mut filter = Filter::open(&testing::stream()).unwrap();
        let out = testing::run(&mut filter, &["GET /healthz", "GET /", "ERROR disk full"]).unwrap();
        assert_eq!(out.texts(), ["GET /", "ERROR disk full"]);
        assert_eq!(out.lines[1].annotations[0].value, "error");
    }
}

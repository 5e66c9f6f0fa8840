//! The world of command templates.

use std::marker::PhantomData;

use self::exports::corral::command_template::command_templates as wire;
use crate::CommandTemplates;
use crate::bindings::host::corral::types::types;

generate_world!(
    "../../wit/command-template/0.1.0",
    "corral:command-template/command-template-plugin",
    "corral_plugin_sdk::bindings::command_template",
    {
        "corral:host/vms@0.1.0": crate::bindings::host::corral::host::vms,
        "corral:host/jobs@0.1.0": crate::bindings::host::corral::host::jobs,
        "corral:host/http@0.1.0": crate::bindings::host::corral::host::http,
        "corral:host/secrets@0.1.0": crate::bindings::host::corral::host::secrets
    }
);

/// Speaks to the host for a plugin.
pub struct Exported<T>(PhantomData<T>);

impl<T: CommandTemplates> wire::Guest for Exported<T> {
    fn templates() -> Result<wire::Listing, types::Error> {
        let listing = T::templates()?;
        Ok(wire::Listing {
            templates: listing.templates.into_iter().map(Into::into).collect(),
            problems: listing
                .problems
                .into_iter()
                .map(|problem| wire::Problem { source: problem.source, message: problem.message })
                .collect(),
        })
    }

    fn render(template_id: String, args: String, vms: Vec<types::Vm>) -> Result<Vec<wire::Rendered>, types::Error> {
        let args = serde_json::from_str(&args)
            .map_err(|error| types::Error::InvalidInput(format!("the arguments are not JSON: {error}")))?;
        let vms: Vec<_> = vms.into_iter().map(Into::into).collect();
        let rendered = T::render(&template_id, &args, &vms)?;
        Ok(rendered.into_iter().map(Into::into).collect())
    }
}

impl From<crate::Template> for wire::Template {
    fn from(template: crate::Template) -> Self {
        Self {
            id: template.id,
            title: template.title,
            description: template.description,
            category: template.category,
            parameters: template.parameters.to_string(),
            mode: match template.mode {
                crate::Mode::Durable => wire::Mode::Durable,
                crate::Mode::Direct => wire::Mode::Direct,
                crate::Mode::Terminal => wire::Mode::Terminal,
            },
            dangerous: template.dangerous,
            timeout_seconds: template.timeout_seconds,
            applies_to: template.applies_to,
        }
    }
}

impl From<crate::Rendered> for wire::Rendered {
    fn from(rendered: crate::Rendered) -> Self {
        Self { argv: rendered.argv, env: rendered.env, workdir: rendered.workdir, stdin: rendered.stdin }
    }
}

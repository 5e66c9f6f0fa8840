//! What may happen to templates.

use crate::{CommandLine, EventKind, FieldError, PluginTemplates, Refusal, SavedTemplate, State};

const SLUG_MAX: usize = 80;
const TITLE_MAX: usize = 200;
const DESCRIPTION_MAX: usize = 4000;
const SCRIPT_MAX: usize = 256 * 1024;

impl State {
    pub(super) fn decide_save_template(
        &self,
        template: SavedTemplate,
        create: bool,
    ) -> Result<Vec<EventKind>, Refusal> {
        let problems = problems(&template);
        if !problems.is_empty() {
            return Err(Refusal::Invalid(problems));
        }
        if let Some(vm) = template.vm.filter(|vm| !self.vms.contains_key(vm)) {
            return Err(Refusal::NotFound { kind: "VM", id: vm.to_string() });
        }
        match (self.saved_templates.contains_key(&template.slug), create) {
            (true, true) => Err(Refusal::Conflict(format!("a template `{}` is saved already", template.slug))),
            (false, false) => Err(Refusal::NotFound { kind: "template", id: template.id() }),
            _ => Ok(vec![EventKind::TemplateSaved { template }]),
        }
    }

    pub(super) fn decide_remove_template(&self, slug: &str) -> Result<Vec<EventKind>, Refusal> {
        if self.saved_templates.contains_key(slug) {
            Ok(vec![EventKind::TemplateRemoved { id: format!("saved/{slug}") }])
        } else {
            Err(Refusal::NotFound { kind: "template", id: format!("saved/{slug}") })
        }
    }

    pub(super) fn decide_offer(&self, plugin: String, offer: PluginTemplates) -> Vec<EventKind> {
        if self.plugin_templates.get(&plugin).is_some_and(|old| **old == offer) {
            return Vec::new();
        }
        vec![EventKind::TemplatesChanged { plugin, templates: offer.templates, problems: offer.problems }]
    }
}

fn problems(template: &SavedTemplate) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let slug_char = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if template.slug.is_empty() || template.slug.len() > SLUG_MAX || !template.slug.chars().all(slug_char) {
        errors.push(FieldError::new("slug", format!("has 1 to {SLUG_MAX} characters from a-z, 0-9 and `-`")));
    }
    if template.title.trim().is_empty() || template.title.len() > TITLE_MAX {
        errors.push(FieldError::new("title", format!("has 1 to {TITLE_MAX} bytes")));
    }
    if template.description.len() > DESCRIPTION_MAX {
        errors.push(FieldError::new("description", format!("has at most {DESCRIPTION_MAX} bytes")));
    }
    let script = CommandLine::Script(template.script.clone());
    if script.is_empty() || script.len() > SCRIPT_MAX || script.has_nul() {
        errors.push(FieldError::new("script", format!("has 1 to {SCRIPT_MAX} bytes, none of them NUL")));
    }
    errors
}

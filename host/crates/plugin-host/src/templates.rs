//! Command templates: what a plugin offers, and rendering it. One warm instance a plugin; calls take turns.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use corral_domain::{CommandLine, Mode, Origin, PluginTemplates, RenderedCommand, Template, Vm};
use corral_engine::ports::PluginError;
use jsonschema::Validator;

use crate::bindings::exports::corral::command_template::command_templates as wit;
use crate::convert;
use crate::error::CallError;
use crate::generation::Generation;
use crate::health::Permit;
use crate::instance::Instance;
use crate::schema;
use crate::slot::Slot;

/// Most templates that one plugin offers.
const TEMPLATES_MAX: usize = 1000;
/// Most problems that are shown of one plugin.
const PROBLEMS_MAX: usize = 100;
/// Longest title, category, source or selector, in bytes.
const SHORT_MAX: usize = 200;
/// Longest description or problem, in bytes.
const LONG_MAX: usize = 4000;
/// Longest rendered command, its variables and folder included, in bytes.
const COMMAND_MAX: usize = 256 << 10;
/// Longest standard input, in bytes.
const STDIN_MAX: usize = 1 << 20;

/// What a plugin offers, checked.
#[derive(Debug, Default)]
pub struct Listing {
    /// As it is told.
    pub offer: PluginTemplates,
    validators: BTreeMap<String, Arc<Validator>>,
}

/// Asks a fresh instance for what is offered: only a fresh one sees folders that were not there before.
pub async fn list(generation: &Arc<Generation>) -> Result<(Listing, Instance), CallError> {
    let mut instance = Instance::start(generation.clone()).await?;
    let (mut store, limited) = instance.enter("listing its templates")?;
    let component = instance.component();
    let outcome =
        limited.wait(async { guest(generation, &mut store, component)?.call_templates(&mut store).await }).await;
    let listing = instance.leave_fallible(store, &limited, outcome)?;
    Ok((check(&generation.context.manifest.id, listing), instance))
}

fn guest(
    generation: &Generation,
    store: &mut wasmtime::Store<crate::guest::Guest>,
    component: wasmtime::component::Instance,
) -> wasmtime::Result<wit::Guest> {
    let indices = generation.exports.templates.as_ref();
    indices.ok_or_else(|| wasmtime::Error::msg("it offers no templates"))?.load(store, &component)
}

fn check(plugin: &str, listing: wit::Listing) -> Listing {
    let mut checked = Listing::default();
    let mut problems: Vec<String> = listing
        .problems
        .into_iter()
        .take(PROBLEMS_MAX)
        .map(|problem| cut(&format!("{}: {}", cut(&problem.source, SHORT_MAX), problem.message), LONG_MAX))
        .collect();
    let count = listing.templates.len();
    // Many templates of one plugin ask for the same, and compiling a schema takes longer than all else.
    let mut compiled = HashMap::new();
    for template in listing.templates.into_iter().take(TEMPLATES_MAX) {
        let id = cut(&template.id, SHORT_MAX);
        match check_one(plugin, template, &mut compiled) {
            Ok((template, _)) if checked.validators.contains_key(&template.id) => {
                problems.push(format!("{id}: offered twice; the first is used"));
            }
            Ok((template, validator)) => {
                checked.validators.insert(template.id.clone(), validator);
                checked.offer.templates.push(template);
            }
            Err(problem) => problems.push(cut(&format!("{id}: {problem}"), LONG_MAX)),
        }
    }
    if count > TEMPLATES_MAX {
        problems.push(format!("{count} templates are offered; the first {TEMPLATES_MAX} are used"));
    }
    problems.truncate(PROBLEMS_MAX);
    checked.offer.problems = problems;
    checked
}

/// Checks a template. `compiled` has the schemas that were compiled already, by their text.
fn check_one(
    plugin: &str,
    template: wit::Template,
    compiled: &mut HashMap<String, Arc<Validator>>,
) -> Result<(Template, Arc<Validator>), String> {
    let id_good = !template.id.is_empty()
        && template.id.len() <= SHORT_MAX
        && template.id.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c));
    if !id_good {
        return Err("its id is made of letters, digits, `.`, `_`, `-` and `/`".into());
    }
    if template.title.trim().is_empty() {
        return Err("it has no title".into());
    }
    let parameters: serde_json::Value =
        serde_json::from_str(&template.parameters).map_err(|error| format!("its parameters are not JSON: {error}"))?;
    if parameters.get("type").and_then(serde_json::Value::as_str) != Some("object") {
        return Err("its parameters are not a JSON Schema with `\"type\": \"object\"`".into());
    }
    let validator = if let Some(validator) = compiled.get(&template.parameters) {
        validator.clone()
    } else {
        let built =
            schema::compile(&parameters).map_err(|error| format!("its parameters are no JSON Schema: {error}"))?;
        compiled.entry(template.parameters).or_insert(Arc::new(built)).clone()
    };
    let template = Template {
        id: format!("{plugin}/{}", template.id),
        origin: Origin::Plugin(plugin.to_owned()),
        title: cut(&template.title, SHORT_MAX),
        description: cut(&template.description, LONG_MAX),
        category: cut(&template.category, SHORT_MAX),
        parameters,
        mode: match template.mode {
            wit::Mode::Durable => Mode::Durable,
            wit::Mode::Direct => Mode::Direct,
            wit::Mode::Terminal => Mode::Terminal,
        },
        dangerous: template.dangerous,
        timeout_seconds: template.timeout_seconds,
        applies_to: cut(&template.applies_to, LONG_MAX),
    };
    Ok((template, validator))
}

fn cut(text: &str, most: usize) -> String {
    text[..text.floor_char_boundary(most)].to_owned()
}

/// Renders a template for machines.
pub async fn render(
    slot: &Slot,
    template: &Template,
    args: &serde_json::Value,
    vms: &[Arc<Vm>],
) -> Result<Vec<RenderedCommand>, PluginError> {
    check_args(&slot.listing.load(), &template.id, args)?;
    let generation = slot.current().ok_or_else(|| {
        PluginError::Unavailable(format!("plugin `{}` does not serve now: {}", slot.id, slot.info().reason))
    })?;
    if slot.permit() != Permit::Now {
        return Err(PluginError::Unavailable(format!("plugin `{}`: {}", slot.id, slot.info().reason)));
    }
    let own_id = template.id.strip_prefix(&format!("{}/", slot.id)).unwrap_or(&template.id);
    let machines: Vec<_> = vms.iter().map(|vm| convert::vm(vm)).collect();
    let outcome = call_render(slot, &generation, own_id, &args.to_string(), &machines).await;
    slot.record(&generation, &outcome);
    let rendered = outcome.map_err(|error| error.into_plugin_error(&slot.id))?;
    if rendered.len() != vms.len() {
        let problem = format!("rendering answered {} commands for {} machines", rendered.len(), vms.len());
        slot.fault(&problem);
        return Err(PluginError::Failed(format!("plugin `{}`: {problem}", slot.id)));
    }
    rendered
        .into_iter()
        .map(|one| command(one).map_err(|problem| PluginError::Failed(format!("plugin `{}`: {problem}", slot.id))))
        .collect()
}

/// Most errors of arguments that are named at once.
const ERRORS_MAX: usize = 8;

fn check_args(listing: &Listing, id: &str, args: &serde_json::Value) -> Result<(), PluginError> {
    let validator = listing
        .validators
        .get(id)
        .ok_or_else(|| PluginError::NotFound(format!("the template `{id}` is not offered any more")))?;
    let problems: Vec<String> = validator
        .iter_errors(args)
        .take(ERRORS_MAX)
        .map(|error| {
            let field = error.instance_path().to_string().trim_start_matches('/').replace('/', ".");
            if field.is_empty() { error.to_string() } else { format!("{field}: {error}") }
        })
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(PluginError::InvalidInput(problems.join("; "))) }
}

async fn call_render(
    slot: &Slot,
    generation: &Arc<Generation>,
    id: &str,
    args: &str,
    vms: &[crate::bindings::corral::types::types::Vm],
) -> Result<Vec<wit::Rendered>, CallError> {
    let mut warm = slot.warm.lock().await;
    let warmed = slot.warmed.load(Ordering::SeqCst);
    let kept = warm.take().filter(|warm| warm.is_alive() && warm.generation.number == generation.number);
    let mut instance = match kept {
        Some(instance) => instance,
        None => Instance::start(generation.clone()).await?,
    };
    let (mut store, limited) = instance.enter("rendering")?;
    let component = instance.component();
    let outcome = limited
        .wait(async { guest(generation, &mut store, component)?.call_render(&mut store, id, args, vms).await })
        .await;
    let rendered = instance.leave_fallible(store, &limited, outcome);
    if instance.is_alive() && slot.warmed.load(Ordering::SeqCst) == warmed {
        *warm = Some(instance);
    }
    rendered
}

fn command(rendered: wit::Rendered) -> Result<RenderedCommand, String> {
    let command = CommandLine::Argv(rendered.argv);
    let env_len: usize = rendered.env.iter().map(|(key, value)| key.len() + value.len()).sum();
    if command.is_empty() {
        return Err("it rendered an empty command".into());
    }
    if command.len() + env_len > COMMAND_MAX {
        return Err(format!("it rendered a command of more than {COMMAND_MAX} bytes"));
    }
    let nul = |text: &str| text.contains('\0');
    if command.has_nul()
        || rendered.env.iter().any(|(_, value)| nul(value))
        || rendered.workdir.as_deref().is_some_and(nul)
    {
        return Err("it rendered a NUL, which no command can carry".into());
    }
    let name_good = |key: &str| {
        key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if let Some((key, _)) = rendered.env.iter().find(|(key, _)| !name_good(key)) {
        return Err(format!("it rendered a variable with the name `{}`, which no shell takes", cut(key, SHORT_MAX)));
    }
    if rendered.stdin.as_ref().is_some_and(|stdin| stdin.len() > STDIN_MAX) {
        return Err(format!("it rendered a standard input of more than {STDIN_MAX} bytes"));
    }
    Ok(RenderedCommand { command, env: rendered.env, workdir: rendered.workdir, stdin: rendered.stdin })
}
